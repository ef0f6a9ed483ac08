"""Whatever is done to an extract, either the check stops it or the plan is made; neither ends in a stack trace."""

from __future__ import annotations

import random
from pathlib import Path

import polars as pl
import pytest

import soe_lib as soe
from soe_lib.extract.schema import schema
from soe_lib.model.checks import check
from soe_lib.solver.answer import SolverOptions
from tests.networks import write as write_tables
from tests.properties.lots import company as lots
from tests.properties.random_network import network
from tests.properties.test_wide_differential import wide
from tests.unit.extract.company import write

Tables = dict[str, pl.DataFrame]
QUICK = SolverOptions(seconds=20.0, gap=0.05)


def folder_of(seed: int, folder: Path) -> Path:
    """One of four companies: small and whole, two random ones, and one that uses everything at once."""
    if seed % 4 == 0:
        return write(folder)
    if seed % 4 == 1:
        return write_tables(folder, **network(seed))
    if seed % 4 == 2:
        settings, tables, _ = lots(seed)
        return write_tables(folder, settings, **tables)
    return write_tables(folder, **wide(seed)[0])


def broken(folder: Path, seed: int) -> list[str]:
    """Break one to three things of an extract at random; returns what was done."""
    draw, done = random.Random(seed), []
    for _ in range(draw.randint(1, 3)):
        path = draw.choice(sorted(folder.glob("*.csv")))
        frame = pl.read_csv(path, infer_schema=False)
        how = draw.choice(HOW)
        done.append(f"{how.__name__} {path.name}")
        after = how(frame, path.stem, draw)
        if after is None:
            path.unlink()
        else:
            after.write_csv(path)
    return done


def no_table(*_: object) -> None:
    """The file is gone."""


def no_rows(frame: pl.DataFrame, *_: object) -> pl.DataFrame:
    """Only the header is left."""
    return frame.clear()


def no_column(frame: pl.DataFrame, _: str, draw: random.Random) -> pl.DataFrame:
    return frame.drop(draw.choice(frame.columns)) if frame.width > 1 else frame


def blank_cells(frame: pl.DataFrame, _: str, draw: random.Random) -> pl.DataFrame:
    column, share = draw.choice(frame.columns), draw.choice([0.3, 1.0])
    keep = pl.Series([draw.random() > share for _ in range(frame.height)], dtype=pl.Boolean)
    return frame.with_columns(pl.when(keep).then(pl.col(column)).alias(column))


def scaled(frame: pl.DataFrame, table: str, draw: random.Random) -> pl.DataFrame:
    numbers = [one.name for one in schema()[table].columns if one.type == "number" and one.name in frame.columns]
    if not numbers:
        return frame
    column, factor = draw.choice(numbers), draw.choice([0.0, -1.0, 1e-6, 0.01, 60.0, 1000.0, 1e9])
    return frame.with_columns((pl.col(column).cast(pl.Float64, strict=False) * factor).cast(pl.String))


def wrong_name(frame: pl.DataFrame, _: str, draw: random.Random) -> pl.DataFrame:
    column, row = draw.choice(frame.columns), draw.randrange(max(frame.height, 1))
    values = frame[column].to_list()
    if values:
        values[row] = draw.choice(["nowhere", "2026-01-07", "7", "0", *map(str, frame[draw.choice(frame.columns)])])
    return frame.with_columns(pl.Series(column, values, dtype=pl.String))


def rows_lost(frame: pl.DataFrame, _: str, draw: random.Random) -> pl.DataFrame:
    keep = pl.Series([draw.random() > 0.4 for _ in range(frame.height)], dtype=pl.Boolean)
    return frame.filter(keep)


def new_figure(frame: pl.DataFrame, table: str, draw: random.Random) -> pl.DataFrame:
    """A column that the file did not have, with one figure all the way down."""
    kinds = {
        "number": ["0", "1", "5", "40"],
        "integer": ["0", "1", "2"],
        "yes-no": ["yes", "no"],
        "date": ["2026-01-08"],
    }
    absent = [one for one in schema()[table].columns if one.name not in frame.columns and one.type in kinds]
    if not absent:
        return frame
    column = draw.choice(absent)
    return frame.with_columns(pl.lit(draw.choice(kinds[column.type])).alias(column.name))


HOW = (no_table, no_rows, no_column, blank_cells, scaled, scaled, wrong_name, rows_lost, new_figure, new_figure)


def either(folder: Path, seed: int) -> str:
    """stopped, or planned; fails where the check passes what the plan refuses."""
    done = broken(folder_of(seed, folder), seed)
    report = check(folder)
    assert report.text(), done
    if not report.ok:
        return "stopped"
    try:
        soe.plan(soe.read(folder), options=QUICK)
    except Exception as error:
        raise AssertionError(f"seed {seed}: after {', '.join(done)}, the check passes and the plan fails") from error
    return "planned"


@pytest.mark.parametrize("seed", range(16))
def test_the_check_stops_or_the_plan_starts(tmp_path: Path, seed: int) -> None:
    either(tmp_path, seed)


@pytest.mark.slow
def test_four_hundred_broken_extracts(tmp_path: Path) -> None:
    found = [either(tmp_path / str(seed), seed) for seed in range(1000, 1400)]
    assert min(found.count("planned"), found.count("stopped")) > 40
