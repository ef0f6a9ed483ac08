"""One extract, read and inspected: raw files, typed tables in the files' order, and every finding."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import polars as pl

from soe_lib.extract.calendar import Calendar, build, horizon
from soe_lib.extract.casting import cast
from soe_lib.extract.deliveries import deliver
from soe_lib.extract.findings import Finding, by_level, stops
from soe_lib.extract.rules import Extract, Near, check_all
from soe_lib.extract.schema import DEMAND, MANDATORY, schema
from soe_lib.extract.settings import NOTHING, Settings, load
from soe_lib.extract.sources import Entry
from soe_lib.extract.units import convert, to_the_cent

T = TypeVar("T")


def inspect(folder: Path) -> Extract:
    """Read every file of one extract and check it: nothing raises for what is wrong with the data.

    Parameters
    ----------
    folder : the extract's folder.
    """
    settings, findings = load(folder)
    deliveries, mapped, strange = deliver(folder, settings)
    findings = [*findings, *strange, *missing_tables({*deliveries, *mapped.named})]
    sources, tables = {}, {}
    for name, table in schema().items():
        source = None
        if name in deliveries:
            source, problems = deliveries[name].read()
            findings += problems
        if source is None:
            tables[name] = table.empty()
            continue
        sources[name] = source
        tables[name], problems = cast(source, table)
        findings += problems
    broken = frozenset({*deliveries, *mapped.named}) - frozenset(sources)
    calendar = calendar_of(settings, tables["periods"])
    extract = Extract(folder, settings, tables, sources, calendar, broken, deliveries=deliveries)
    return examined(extract, findings, mapped.entries)


def examined(
    extract: Extract, findings: Sequence[Finding], entries: Mapping[str, Entry] = NOTHING, near: Near | None = None
) -> Extract:
    """Typed tables in their items' units and to the cent, with what every rule finds in them.

    Parameters
    ----------
    extract : tables as they were cast.
    findings : what was found so far.
    entries : what sources.toml declares of each table.
    near : what was found in an extract before, and what moved since.
    """
    from soe_lib.extract.rules.effect import without_effect

    tables, units = convert(dict(extract.tables), extract.sources, entries, extract.settings)
    tables, cents = to_the_cent(tables, extract.sources)
    extract = replace(extract, tables=tables)
    runs = check_all(extract, near)
    found = [*findings, *units, *cents, *(one for run in runs.values() for one in run.findings)]
    found += [] if stops(found) else without_effect(extract)
    return replace(extract, findings=by_level(found), runs=runs)


def missing_tables(paths: Collection[str]) -> list[Finding]:
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


def calendar_of(settings: Settings, periods: pl.DataFrame) -> Calendar:
    """The horizon the extract gives, or else the one its settings ask for."""
    given = periods.drop_nulls().filter(pl.col("ends_on") >= pl.col("starts_on")).unique("period")
    as_of = settings.as_of
    if periods.height == 0:
        given = horizon(as_of, weeks=settings.horizon.weeks, daily=settings.horizon.daily)
    working = settings.calendar
    return build(given, as_of, per=settings.costs.per, fiscal=working.fiscal, working_days=working.working_days)
