"""A snapshot made of frames is the one that the same rows in files give, with the same findings."""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

import soe_lib as soe
from soe_lib.errors import DataError
from soe_lib.extract import casting, rules
from soe_lib.extract import snapshot as of_frames
from soe_lib.extract.findings import Finding
from soe_lib.extract.folders import inspect
from soe_lib.extract.rules import noted
from soe_lib.extract.schema import schema
from soe_lib.extract.snapshot import Snapshot
from soe_lib.model.checks import without_effect
from tests.unit.extract.company import write
from tests.unit.extract.test_rules import CASES, Broken

DEMO = Path("data/demo")
PUBLISHED = sorted(one.parent for one in Path("tests/published").glob("*/settings.toml"))
OF_FILES = {
    "two files", "zero bytes", "no parquet", "byte order mark", "UTF-16", "cp1252", "NUL", "open quote", "semicolons",
    "extra value", "short row", "cut off", "short row behind a quote", "blank row", "column twice",
    "column without a name", "no settings", "no TOML",
}  # fmt: skip
"""Broken extracts whose fault is one of the file, which no frame can have."""


def said(folder: Path) -> dict[str, Any]:
    return tomllib.loads((folder / "settings.toml").read_text())


def frames(folder: Path, typed: bool = True) -> dict[str, pl.DataFrame]:
    """The tables of a folder: numbers and dates as such where every cell is one, or all cells as text."""
    return {one.stem: _read(one, typed) for one in sorted(folder.glob("*.csv"))}


def _read(path: Path, typed: bool) -> pl.DataFrame:
    text = pl.read_csv(path, infer_schema=False)
    if not typed or path.stem not in schema():
        return text
    wanted = {one.name: one.dtype for one in schema()[path.stem].columns if one.name in text.columns}
    done = text
    for name, kind in wanted.items():
        if kind in (pl.Float64, pl.Int64, pl.Date):
            values = (
                text[name].str.to_date("%Y-%m-%d", strict=False)
                if kind == pl.Date
                else text[name].cast(kind, strict=False)
            )
            sound = values.null_count() == text[name].null_count() and (kind == pl.Date or values.is_finite().all())
            done = done.with_columns(values) if sound else done
    return done


def findings(settings: Any, tables: Any) -> tuple[Finding, ...]:
    try:
        made: Snapshot = soe.snapshot(settings, tables)
        return made.findings
    except DataError as error:
        return error.findings


def without_files(found: Iterable[Finding]) -> list[Finding]:
    """What is found in files, with the table's name where the file's stands."""
    names = sorted(schema(), key=len, reverse=True)

    def plain(text: str) -> str:
        for name in names:
            text = text.replace(f"{name}.csv", name)
        return text

    return [replace(one, file=plain(one.file), rule=plain(one.rule), fix=plain(one.fix)) for one in found]


def assert_same(made: Snapshot, read: Snapshot) -> None:
    assert made.fingerprint == read.fingerprint
    assert made.settings == read.settings
    assert made.periods.equals(read.periods)
    assert [name for name in schema() if not made[name].equals(read[name])] == []
    assert [name for name in schema() if made[name].schema != read[name].schema] == []
    assert list(made.findings) == without_files(read.findings)


def some(of: Sequence[Any], *, every: int) -> list[Any]:
    """All of them as parameters: one of so many here, the others in the long form."""
    return [pytest.param(one, marks=[] if number % every == 0 else pytest.mark.slow) for number, one in enumerate(of)]


@pytest.mark.parametrize(
    ("typed", "folder"),
    [(True, one) for one in (*PUBLISHED, DEMO / "2026-11-16")]
    + [
        pytest.param(False, one, marks=[] if number % 4 == 0 else pytest.mark.slow)
        for number, one in enumerate((DEMO / "2026-11-16", *PUBLISHED))
    ],
    ids=lambda one: one.name if isinstance(one, Path) else "typed" if one else "text",
)
def test_frames_give_what_files_give(folder: Path, typed: bool) -> None:
    made = soe.snapshot(said(folder), frames(folder, typed))
    read = soe.read(folder)
    assert_same(made, replace(read, findings=()) if folder.parent == DEMO else read)
    assert not made.findings or folder.parent != DEMO, "the demo has no findings but those against the weeks before"


def test_order_of_rows_columns_and_tables_is_nothing() -> None:
    folder = DEMO / "2026-11-16"
    mixed = {
        name: frame.sample(fraction=1.0, shuffle=True, seed=7).select(reversed(frame.columns))
        for name, frame in reversed(frames(folder).items())
    }
    assert_same(soe.snapshot(said(folder), mixed), replace(soe.read(folder), findings=()))


def test_pandas_is_as_good(tmp_path: Path) -> None:
    folder = write(tmp_path / "small")
    read = {one.stem: pd.read_csv(one) for one in folder.glob("*.csv")}
    read["orders"]["due_on"] = pd.to_datetime(read["orders"]["due_on"])
    read["events"]["from"] = [date(2026, 11, 17)]
    read["orders"]["order"] = read["orders"]["order"].astype("int64")
    assert_same(soe.snapshot(said(folder), read), soe.read(folder))


def test_cells_of_several_kinds_are_read_as_text(tmp_path: Path) -> None:
    folder = write(tmp_path / "small")
    tables: dict[str, Any] = dict(frames(folder))
    tables["inventory"] = pd.DataFrame(
        {"item": ["FG", "RM"], "location": ["M", "P"], "on_hand": [30, "lots"]}, dtype=object
    )
    (one,) = findings(said(folder), tables)
    assert (one.file, one.rows, one.column, one.value, one.rule) == (
        "inventory",
        (3,),
        "on_hand",
        "lots",
        "Not a number.",
    )


@pytest.mark.parametrize(
    "case", some([one for one in CASES if one.name not in OF_FILES], every=3), ids=lambda one: one.name
)
def test_what_is_wrong_is_found_as_in_files(case: Broken, tmp_path: Path) -> None:
    folder = write(tmp_path / "small", case.changes)
    expected, found = without_files(inspect(folder, (without_effect,)).findings), findings(said(folder), frames(folder))
    shown = [replace(one, value="") for one in found]  # a number is shown as it is kept
    assert shown == [replace(one, value="") for one in expected]


def test_settings_may_be_settings(tmp_path: Path) -> None:
    folder = write(tmp_path / "small")
    read = soe.read(folder)
    assert_same(soe.snapshot(read.settings, frames(folder)), read)
    bad = findings(replace(read.settings, company="", as_of=date(1900, 1, 1)), frames(folder))
    assert {one.column for one in bad if one.table == "settings"} == {"company", "as_of"}


def test_what_are_no_settings_and_no_tables_is_refused(tmp_path: Path) -> None:
    folder = write(tmp_path / "small")
    for given, tables, text in (
        (str(folder), frames(folder), r"settings is a str; soe\.read\(folder\) reads files"),
        (None, frames(folder), "settings is a NoneType; give names and values"),
        (said(folder), None, "tables is a NoneType"),
        (said(folder), [frames(folder)], "tables is a list"),
    ):
        with pytest.raises(DataError, match=text):
            soe.snapshot(given, tables)  # type: ignore[arg-type]


def test_what_is_no_frame_is_refused(tmp_path: Path) -> None:
    folder = write(tmp_path / "small")
    with pytest.raises(DataError, match=r"Table orders is a list. Give a polars or pandas frame"):
        soe.snapshot(said(folder), {**frames(folder), "orders": [1]})
    twice = pd.DataFrame([[1, 2]], columns=["order", "order"])
    with pytest.raises(DataError, match="two columns 'order'"):
        soe.snapshot(said(folder), {**frames(folder), "orders": twice})


def test_numbers_that_are_none_are_refused(tmp_path: Path) -> None:
    folder = write(tmp_path / "small")
    stock = frames(folder)["inventory"]
    for value in (float("nan"), float("inf"), 2e9):
        found = findings(said(folder), {**frames(folder), "inventory": stock.with_columns(on_hand=pl.lit(value))})
        (one,) = [one for one in found if one.level == "stop"]
        assert (one.level, one.file, one.column, one.count) == ("stop", "inventory", "on_hand", 2)


def test_there_is_no_week_before_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for day in ("2026-11-09", "2026-11-16"):
        write(tmp_path / day, {"settings.toml": f'company = "Small"\ncurrency = "EUR"\nas_of = "{day}"\n'})
    monkeypatch.chdir(tmp_path)
    fenced = {**said(tmp_path / "2026-11-16"), "fence": {"frozen_days": 7, "slushy_days": 7, "change_cost": 1.0}}
    made = soe.snapshot(fenced, frames(tmp_path / "2026-11-16"))
    assert soe.plan_of_record(made) is None
    assert not (tmp_path / "(frames)").exists()
    plan = soe.plan(made)
    assert plan.margin == pytest.approx(soe.plan(soe.read(tmp_path / "2026-11-16"), record=None).margin)
    soe.trace(plan, made, account="revenue")
    assert soe.whatif.saved_scenarios(made) == ()
    assert "Small" in made.report()


STEPS: tuple[tuple[str, Any], ...] = (
    ("inventory", lambda frame: frame.with_columns(pl.col("on_hand") + 1)),
    ("inventory", lambda frame: frame.with_columns(on_hand=pl.lit(-5.0))),
    ("inventory", lambda frame: frame.with_columns(item=pl.lit("nobody"))),
    ("items", lambda frame: frame.head(1)),
    ("items", lambda frame: pl.concat([frame, frame.head(1)])),
    ("items", lambda frame: frame.with_columns(end_value=pl.lit(99.0))),
    ("items", lambda frame: frame.with_columns(pl.col("item").str.to_lowercase())),
    ("locations", lambda frame: frame.tail(1)),
    ("forecast", lambda frame: frame.with_columns(period=pl.lit("2026-W99"))),
    ("forecast", lambda frame: frame.with_columns(pl.col("quantity").cast(pl.String))),
    ("forecast", lambda frame: frame.drop("price")),
    ("forecast", lambda frame: frame.reverse()),
    ("forecast", lambda frame: frame.clear()),
    ("orders", lambda frame: frame.with_columns(due_on=pl.lit("20/11/2026"))),
    ("orders", lambda frame: frame.with_columns(quantity=-pl.col("quantity"))),
    ("orders", None),
    ("receipts", lambda frame: frame.rename({"quantity": "quantty"})),
    ("receipts", lambda frame: frame.clear()),
    ("routings", None),
    ("resources", None),
    ("calendar", lambda frame: frame.with_columns(hours=pl.lit(0.0))),
    ("events", lambda frame: frame.with_columns(target=pl.lit("L9"))),
    ("events", None),
    ("policies", lambda frame: frame.with_columns(unit=pl.lit("pallet"))),
    ("customers", None),
    ("offers", lambda frame: frame.with_columns(unit_cost=pl.lit(1000.0))),
    ("consensus", lambda frame: frame.with_columns(family=pl.lit("Other"), amount=pl.lit(9000.004))),
    ("periods", lambda _: pl.DataFrame({"period": ["A"], "starts_on": [date(2026, 11, 16)], "ends_on": [date(2026, 12, 6)]})),
    ("weather", lambda _: pl.DataFrame({"day": [1]})),
    ("settings", {"as_of": "2026-11-17"}),
    ("settings", {"costs": {"per": "day"}}),
    ("settings", {"tables": {"none": ["receipts", "forecast"]}}),
    ("settings", {"company": ""}),
    ("settings", {}),
)  # fmt: skip
"""Edits of the small company, sound and bad: a table and what becomes of it (None: it is left out), or settings."""


def edited(home: Path, sound: dict[str, pl.DataFrame], steps: list[int]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Settings and frames after some of the edits, each made to the table as it is sound."""
    settings, tables = said(home), dict(sound)
    for table, change in (STEPS[step] for step in steps):
        if table == "settings":
            settings |= change
        elif change is None:
            tables.pop(table, None)
        else:
            tables[table] = change(sound.get(table))
    return settings, tables


@pytest.mark.parametrize("seed", some(range(3), every=3))
def test_near_is_what_is_checked_in_full(seed: int, tmp_path: Path) -> None:
    """Edits in a random order, each near what was made before: the same tables and findings, bad ones found by both."""
    home, draw = write(tmp_path / "small"), np.random.default_rng(seed)
    sound = frames(home)
    near, stopped, steps = soe.snapshot(said(home), sound), 0, [*draw.permutation(len(STEPS))]
    for place in range(len(steps)):
        settings, tables = edited(home, sound, steps[max(0, place - int(draw.integers(3))) : place + 1])
        try:
            full: Snapshot | DataError = soe.snapshot(settings, tables)
        except DataError as error:
            full = error
        if isinstance(full, Snapshot):
            made = soe.snapshot(settings, tables, near=near)
            assert_same(made, full)
            assert made.files.equals(full.files)
            near = made
        else:
            stopped += 1
            with pytest.raises(DataError) as found:
                soe.snapshot(settings, tables, near=near)
            assert found.value.findings == full.findings
            assert str(found.value) == str(full)
    assert 5 < stopped < len(STEPS) - 5, "sound edits and bad ones both"


def test_what_did_not_move_is_taken_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = write(tmp_path / "small")
    tables = frames(home)
    near = soe.snapshot(said(home), tables)
    cast, ran = Counter[str](), Counter[str]()
    monkeypatch.setattr(
        of_frames, "cast", lambda source, table: (cast.update([table.name]), casting.cast(source, table))[1]
    )
    monkeypatch.setattr(rules, "noted", lambda rule, one: (ran.update([str(rule)]), noted(rule, one))[1])
    again = soe.snapshot(said(home), {name: frame.clone() for name, frame in tables.items()}, near=near)
    assert (cast, ran) == ({}, {})
    assert all(again[name] is near[name] for name in schema())
    soe.snapshot(said(home), {**tables, "inventory": tables["inventory"].reverse()}, near=again)
    assert set(cast) == {"inventory"}
    known = [rule for rule, run in rules.check_all(inspect(home)).items() if "inventory" in run.reads]
    assert 0 < len(known) < 20
    assert set(ran) >= {str(rule) for rule in known}
    ran.clear()
    soe.snapshot(said(home) | {"as_of": "2026-11-17"}, tables, near=again)
    assert 0 < len(ran) < 0.3 * len(rules.check_all(inspect(home))), "names are the same in another week"


def test_a_frame_that_is_changed_in_place_has_moved(tmp_path: Path) -> None:
    home = write(tmp_path / "small")
    tables: dict[str, Any] = {**frames(home), "orders": pd.read_csv(home / "orders.csv")}
    near = soe.snapshot(said(home), tables)
    tables["inventory"][0, "on_hand"] = 31.0
    tables["orders"].loc[0, "quantity"] = 8.0
    made = soe.snapshot(said(home), tables, near=near)
    assert made["inventory"]["on_hand"].to_list() == [31.0, 500.0]
    assert made["orders"]["quantity"].to_list() == [8.0]
    assert near["inventory"]["on_hand"].to_list() == [30.0, 500.0]
    assert_same(made, soe.snapshot(said(home), tables))


def test_near_a_snapshot_that_was_read_is_checked_in_full(tmp_path: Path) -> None:
    home = write(tmp_path / "small")
    assert_same(soe.snapshot(said(home), frames(home), near=soe.read(home)), soe.read(home))
