"""Each table against its columns in schema.csv, by pandera: types, smallest numbers, words allowed."""

from __future__ import annotations

from functools import cache, partial

import pandera.polars as pa
import polars as pl

from soe_lib.extract.findings import Finding
from soe_lib.extract.reading import Extract
from soe_lib.extract.schema import Column, schema

ESSENTIAL = (("locations", "status"), ("events", "kind"))


@cache
def shape(name: str, given: tuple[str, ...]) -> pa.DataFrameSchema:
    """The pandera schema of the columns that a table's file has, made from schema.csv.

    Blank and unreadable cells were named when the text was read, so every column may be null here.
    """
    columns = {column.name: _column(column) for column in schema()[name].columns if column.name in given}
    return pa.DataFrameSchema(columns, strict=True, ordered=True, name=name)


def _column(column: Column) -> pa.Column:
    checks = []
    if column.minimum is not None:
        checks.append(pa.Check.ge(column.minimum, name="minimum"))
    if column.choices:
        checks.append(pa.Check.isin(["", *column.choices], name="choices"))
    return pa.Column(column.dtype, checks, nullable=True)


def check_shapes(extract: Extract) -> list[Finding]:
    """What pandera finds, table by table, with file rows; a table of which no column is given has nothing to check."""
    return [finding for check in SHAPES for finding in check(extract)]


def check_shape(name: str, extract: Extract) -> list[Finding]:
    """What pandera finds in one table."""
    if not extract[name].height or not (given := extract.given(name)) or _sound(name, given, extract[name]):
        return []
    try:
        shape(name, given).validate(extract[name].select(given), lazy=True)
    except pa.errors.SchemaErrors as error:
        cases = error.failure_cases.group_by("column", "check", maintain_order=True).agg("index")
        return [_finding(extract, schema()[name][column], check, rows) for column, check, rows in cases.iter_rows()]
    return []


def _sound(name: str, given: tuple[str, ...], frame: pl.DataFrame) -> bool:
    """Whether every column has the contract's type and no value that it forbids: pandera has nothing to say then.

    It says what is wrong in milliseconds; that nothing is takes a tenth of that.
    """
    columns = [schema()[name][one] for one in given]
    if any(frame.schema[one.name] != one.dtype for one in columns):
        return False
    low = [pl.col(one.name).min() < one.minimum for one in columns if one.minimum is not None]
    strange = [(~pl.col(one.name).is_in(["", *one.choices])).any() for one in columns if one.choices]
    checks = [bad.fill_null(False) for bad in (*low, *strange)]
    return not checks or not any(frame.select(pl.any_horizontal(checks)).row(0))


SHAPES = tuple(partial(check_shape, name) for name in schema())
"""The check of each table by itself."""


def _finding(extract: Extract, column: Column, check: str, rows: list[int]) -> Finding:
    value = extract.cell(column.table, column.name, min(rows))
    if check.startswith("isin") or check == "choices":
        level = "stop" if (column.table, column.name) in ESSENTIAL else "warn"
        rule, fix = "The word is not known here.", f"Use one of {', '.join(column.choices)}."
    elif check.startswith("greater") or check == "minimum":
        level = "stop"
        rule, fix = f"Less than {column.minimum:g}.", f"{column.meaning}: write {column.minimum:g} or more."
    else:
        level, rule, fix = "stop", f"The contract's check {check} failed.", f"{column.meaning}."
    series = pl.Series(rows, dtype=pl.Int64)
    return extract.finding(level, column.table, series, column=column.name, value=value, rule=rule, fix=fix)
