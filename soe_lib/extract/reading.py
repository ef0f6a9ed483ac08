"""One extract, read and inspected: raw files, typed tables in the files' order, and every finding."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from pathlib import Path

import numpy as np
import polars as pl

from soe_lib.extract import calendar as time
from soe_lib.extract.casting import cast
from soe_lib.extract.findings import Finding, by_level
from soe_lib.extract.schema import DEMAND, MANDATORY, schema
from soe_lib.extract.settings import Settings, load
from soe_lib.extract.sources import Source, discover, read_source


@dataclass(frozen=True)
class Extract:
    """What one folder holds, before it is fit to plan with.

    Parameters
    ----------
    tables : typed frames with rows in the order of their files, all tables of the contract.
    sources : the files read, by table.
    calendar : the horizon; empty where the periods make no sense.
    """

    folder: Path
    settings: Settings
    tables: Mapping[str, pl.DataFrame]
    sources: Mapping[str, Source]
    calendar: time.Calendar
    findings: tuple[Finding, ...] = field(default=())

    def __getitem__(self, table: str) -> pl.DataFrame:
        return self.tables[table]

    def finding(self, level: str, table: str, rows: pl.Series | np.ndarray | list[int], **what: str) -> Finding:
        """A finding at these rows (0-based, as in the typed table) of a table's file."""
        if table in self.sources:
            return self.sources[table].finding(level, rows, **what)
        return Finding(level, table, "", count=len(rows), **what)

    def kept(self, name: str) -> pl.DataFrame:
        """The rows of a table that are planned with: returns among the orders are left out."""
        table = self.tables[name]
        return table.filter(pl.col("quantity") >= 0) if name == "orders" else table

    @cached_property
    def last_day(self) -> date:
        """The last day of the horizon."""
        ends = self.calendar.periods["ends_on"].max()
        return ends if isinstance(ends, date) else self.settings.as_of


def inspect(folder: Path) -> Extract:
    """Read every file of one extract and check it: nothing raises for what is wrong with the data.

    Parameters
    ----------
    folder : the extract's folder.
    """
    from soe_lib.extract.checks import check_all

    settings, findings = load(folder)
    paths, strange = discover(folder)
    findings = [*findings, *strange, *missing_tables(paths)]
    sources, tables = {}, {}
    for name, table in schema().items():
        source = None
        if name in paths:
            source, problems = read_source(paths[name], table)
            findings += problems
        if source is None:
            tables[name] = table.empty()
            continue
        sources[name] = source
        tables[name], problems = cast(source, table)
        findings += problems
    extract = Extract(folder, settings, tables, sources, calendar_of(settings, tables["periods"]))
    findings += check_all(extract)
    return Extract(folder, settings, tables, sources, extract.calendar, by_level(findings))


def missing_tables(paths: Mapping[str, Path]) -> list[Finding]:
    """The tables without which there is nothing to plan."""
    findings = [
        Finding("stop", name, f"{name}.csv", rule="The file is missing.", fix=f"Export {name}.csv into the folder.")
        for name in MANDATORY
        if name not in paths
    ]
    if not any(name in paths for name in DEMAND):
        fix = "Export forecast.csv, or orders.csv, into the folder."
        findings.append(Finding("stop", "forecast", "forecast.csv", rule="There is no demand at all.", fix=fix))
    return findings


def calendar_of(settings: Settings, periods: pl.DataFrame) -> time.Calendar:
    """The horizon the extract gives, or else the one its settings ask for."""
    given = periods.drop_nulls().filter(pl.col("ends_on") >= pl.col("starts_on")).unique("period")
    as_of = settings.as_of
    if periods.height == 0:
        given = time.horizon(as_of, weeks=settings.horizon.weeks, daily=settings.horizon.daily)
    working = settings.calendar
    return time.build(given, as_of, per=settings.costs.per, fiscal=working.fiscal, working_days=working.working_days)
