"""Knowledge later than its Monday is refused, whichever table of the contract carries it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from soe_lib.demo import generate
from soe_lib.errors import DataError
from soe_lib.extract.schema import schema
from soe_lib.extract.snapshot import Snapshot
from soe_lib.replay import company as reading
from soe_lib.replay.carry import Floor
from soe_lib.replay.company import past
from soe_lib.replay.guard import LOOKS, refused
from soe_lib.replay.known import Memory, shaped
from soe_lib.replay.truth import Truth
from tests.unit.replay.test_command import SIZE

TABLES = sorted(schema())


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("company")
    generate(home, weeks=4, seed=3, **SIZE)
    return home


@pytest.fixture(scope="module")
def days(company: Path) -> list[date]:
    return sorted(date.fromisoformat(folder.name) for folder in company.iterdir() if folder.is_dir())


@pytest.fixture(scope="module")
def memory(company: Path) -> Memory:
    return Memory(Floor(past(company)))


@pytest.fixture(scope="module")
def monday(memory: Memory) -> Snapshot:
    return memory.snapshot(memory.floor.opening(), 0)


def later(table: str, monday: Snapshot, truth: Truth) -> pl.DataFrame:
    """The table of a Monday's snapshot with something that was known only in a later week."""
    rows, day = monday[table], truth.monday(1)
    planted: dict[str, Callable[[], pl.DataFrame]] = {
        "actuals": lambda: rows.head(1).with_columns(date=pl.lit(truth.start)),
        "calendar": lambda: rows.head(1).with_columns(hours=pl.col("hours") + 8.0),
        "deliveries": lambda: rows.head(1).with_columns(arrived_on=pl.lit(day)),
        "events": lambda: one(table, event="E-LATER", kind="downtime", target="L1"),
        "forecast": lambda: rows.head(1).with_columns(version=pl.lit(day.strftime("%G-W%V"))),
        "inventory": lambda: rows.head(1).with_columns(on_hand=pl.col("on_hand") + 1.0, lot=pl.lit("LATER")),
        "orders": lambda: one(table, order="SO-LATER", item="I", location="L", due_on=day, quantity=1.0),
        "overrides": lambda: one(table, override="O-LATER", what="make item=I", quantity=1.0),
        "receipts": lambda: rows.head(1).with_columns(receipt=pl.lit("PO-LATER")),
    }
    if table in planted:
        return pl.concat([rows, planted[table]()])
    # All others stand as they did on the first Monday: a row of a later extract is one that differs.
    return pl.concat([rows, one(table)])


def one(table: str, **values: object) -> pl.DataFrame:
    """A row of a table with figures that no other has."""
    given = {
        column.name: "LATER" if column.dtype == pl.String else date(2199, 1, 1) if column.dtype == pl.Date else None
        for column in schema()[table].columns
    }
    return shaped(table, pl.DataFrame([{**given, **values}]))


@pytest.mark.parametrize("table", TABLES)
def test_later_knowledge_in_any_table_of_the_contract_is_refused(memory: Memory, monday: Snapshot, table: str) -> None:
    truth, stock = memory.truth, memory._stock(memory.floor.opening(), 0)
    assert refused(monday, truth, stock) is monday
    assert table in LOOKS
    with pytest.raises(DataError, match="contains later knowledge"):
        refused(monday.replace(**{table: later(table, monday, truth)}), truth, stock)


def test_a_current_forecast_of_a_later_monday_is_refused(memory: Memory, monday: Snapshot) -> None:
    truth = memory.truth
    next_week = memory.truth.published.filter(pl.col("published_on") == truth.monday(1))
    told = shaped(
        "forecast",
        next_week.select(
            "item", "location", "customer", "quantity", period=pl.col("date").dt.strftime("%G-W%V"),
            version=pl.lit(monday.settings.forecast.version),
        ),
    )  # fmt: skip
    with pytest.raises(DataError, match="forecasts that were not yet published"):
        refused(monday.replace(forecast=told), truth, memory._stock(memory.floor.opening(), 0))


def test_the_stock_of_a_later_monday_is_refused(memory: Memory, monday: Snapshot) -> None:
    floor = memory.floor
    after = floor.week(floor.opening(), {}, 0)
    next_week = memory.snapshot(after, 1)["inventory"]
    with pytest.raises(DataError, match="stocks that differ from the true stock"):
        refused(monday.replace(inventory=next_week), memory.truth, memory._stock(floor.opening(), 0))


def test_a_receipt_that_nobody_ordered_yet_is_refused(memory: Memory, monday: Snapshot) -> None:
    stock = memory._stock(memory.floor.opening(), 0)
    for name in ("buy-3-1-6", "PO-999"):
        row = monday["receipts"].head(1).with_columns(receipt=pl.lit(name))
        with pytest.raises(DataError, match="receipts of orders that were not yet placed"):
            refused(monday.replace(receipts=pl.concat([monday["receipts"], row])), memory.truth, stock)


def test_a_table_of_which_nobody_says_when_it_is_known_is_refused(memory: Memory, monday: Snapshot) -> None:
    new = replace(monday, tables={**monday.tables, "promotions": pl.DataFrame({"promotion": ["P1"]})})
    with pytest.raises(DataError, match="rows of promotions, which have no date on which they became known"):
        refused(new, memory.truth, memory._stock(memory.floor.opening(), 0))


@pytest.fixture(scope="module")
def extracts(company: Path, days: list[date]) -> dict[date, Snapshot]:
    return {day: reading.read(company, day) for day in days}


@pytest.mark.parametrize("table", TABLES)
def test_what_a_later_extract_says_changes_nothing_that_was_known_before(
    company: Path,
    monday: Snapshot,
    days: list[date],
    extracts: dict[date, Snapshot],
    monkeypatch: pytest.MonkeyPatch,
    table: str,
) -> None:
    """Every figure and day of a table of the two newest extracts is another: earlier Mondays know the same."""
    moved = {day: moved_on(extracts[day], table) if day in days[-2:] else extracts[day] for day in days}
    if all(moved[day] is extracts[day] for day in days):
        moved[days[-1]] = extracts[days[-1]].replace(**{table: pl.concat([extracts[days[-1]][table], row(table)])})
    monkeypatch.setattr(reading, "read", lambda _, day: moved[day])
    floor = Floor(past(company))
    again = Memory(floor).snapshot(floor.opening(), 0)
    for name, known in monday.tables.items():
        assert_frame_equal(again[name], known, check_row_order=False)


def moved_on(one: Snapshot, table: str) -> Snapshot:
    """The extract with all figures of a table a half more; itself where the table has none."""
    rows = one[table]
    figures = [name for name, kind in rows.schema.items() if kind == pl.Float64 and rows[name].drop_nulls().len()]
    if not figures:
        return one
    return one.replace(**{table: rows.with_columns(pl.col(figures) * 1.5)})


def row(table: str) -> pl.DataFrame:
    """A row that a table without figures could have."""
    named = {"override": "O-1", "what": "make item=LAU-101", "quantity": 5.0} if table == "overrides" else {}
    return one(table, **named)


def test_a_first_extract_with_a_forecast_of_a_later_week_stops(
    company: Path, days: list[date], extracts: dict[date, Snapshot], monkeypatch: pytest.MonkeyPatch
) -> None:
    week = (days[0] + timedelta(days=14)).strftime("%G-W%V")
    first = extracts[days[0]]
    planted = first["forecast"].filter(pl.col("version") == "current").head(3).with_columns(version=pl.lit(week))
    told = {**extracts, days[0]: first.replace(forecast=pl.concat([first["forecast"], planted]))}
    monkeypatch.setattr(reading, "read", lambda _, day: told[day])
    with pytest.raises(DataError, match="3 forecast versions of a later week"):
        past(company)


@pytest.mark.parametrize("table", ["actuals", "deliveries"])
def test_a_first_extract_that_tells_of_later_days_stops_on_its_monday(
    company: Path, days: list[date], extracts: dict[date, Snapshot], monkeypatch: pytest.MonkeyPatch, table: str
) -> None:
    first = extracts[days[0]]
    when = {"actuals": "date", "deliveries": "arrived_on"}[table]
    planted = first[table].head(1).with_columns(pl.lit(days[1]).alias(when))
    told = {**extracts, days[0]: first.replace(**{table: pl.concat([first[table], planted])})}
    monkeypatch.setattr(reading, "read", lambda _, day: told[day])
    floor = Floor(past(company))
    with pytest.raises(DataError, match="contains later knowledge"):
        Memory(floor).snapshot(floor.opening(), 0)
