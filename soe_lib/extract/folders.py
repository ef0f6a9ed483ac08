"""Which folder is meant, a company's newest extract or one of its own, and what it holds, read and inspected."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

import polars as pl

from soe_lib import objects, workspace
from soe_lib.errors import DataError
from soe_lib.extract.calendar import Calendar, build, horizon
from soe_lib.extract.casting import cast
from soe_lib.extract.deliveries import deliver
from soe_lib.extract.files import SUFFIXES, WORKBOOK
from soe_lib.extract.findings import Finding, by_level, stops
from soe_lib.extract.rules import Extract, Near, check_all
from soe_lib.extract.schema import DEMAND, MANDATORY, schema
from soe_lib.extract.settings import FILE, NOTHING, Settings, as_date, load
from soe_lib.extract.sources import Entry
from soe_lib.extract.units import convert, to_the_cent

DEMO = "data/demo"
"""The demo company: used where it is asked for by name, or where it is the only one."""

Look = Callable[[Extract], list[Finding]]
"""A check of an extract that no rule stops: its findings."""


def dates(company: Path) -> tuple[date, ...]:
    """The as-of dates a company folder has extracts of, oldest first."""
    if not company.is_dir():
        return ()
    named = [one.name for one in company.iterdir() if one.is_dir() and as_date(one.name) is not None]
    return tuple(date.fromisoformat(name) for name in sorted(named))


def company() -> Path:
    """The one company of the workspace; the demo only where there is no other.

    Raises DataError where there is no workspace, no company in it, or more than one: nobody is guessed.
    """
    home = workspace.own()
    if home is None:
        raise DataError(
            f"There is no workspace at {Path.cwd()} or above it. `soe init DIR` lays one out; or say which company by "
            f"--data. The demo company is --data {DEMO}."
        )
    there = [folder for folder in sorted((home / "data").iterdir()) if folder.is_dir() and _holds_extracts(folder)]
    others = [folder for folder in there if folder.name != Path(DEMO).name]
    if len(others) > 1:
        raise DataError(
            f"{home / 'data'} holds {len(others)} companies: {', '.join(one.name for one in others)}. Say which, such "
            f"as --data data/{others[0].name}."
        )
    if not there:
        raise DataError(
            f"{home / 'data'} holds no company. Put an extract into data/<company>/<YYYY-MM-DD>/; "
            "`soe demo data/demo` writes a demo company."
        )
    return (others or there)[0]


def _holds_extracts(folder: Path) -> bool:
    return bool(dates(folder)) or (folder / FILE).is_file() or _has_tables(folder)


def found(data: str | Path) -> Path:
    """The folder that is meant, in the workspace or the current folder; of an object store's address a copy.

    Blank is the workspace's own company; see `company`.
    """
    if not str(data).strip():
        return company()
    return objects.copied(str(data)) if objects.is_address(data) else workspace.find(data)


def locate(data: str | Path, as_of: str | date | None = None) -> Path:
    """The extract that is meant: a company folder's newest, or the one of an as-of date, or the folder itself.

    Raises
    ------
    DataError : no such folder, no extract in it, or no extract of that date; the message names those there are.
    """
    if "\x00" in str(data):
        raise DataError("The data folder's name holds a NUL byte.")
    folder = found(data)
    wanted = _wanted(as_of)
    if not folder.is_dir():
        raise DataError(f"There is no folder {folder}. Give a company folder, or one extract with {FILE}.")
    if (folder / FILE).is_file():
        return _single(folder, wanted)
    there = dates(folder)
    if not there and _has_tables(folder):
        return folder
    if not there:
        raise DataError(
            f"{folder} is no extract ({FILE} is missing) and has no folder named by an as-of date such as 2026-11-16."
        )
    if wanted is not None and wanted not in there:
        raise DataError(f"{folder} has no extract as of {wanted}. There are: {', '.join(map(str, there))}.")
    return folder / (wanted or there[-1]).isoformat()


def _has_tables(folder: Path) -> bool:
    """Whether the folder is an extract that lost its settings, which the check then says beside all else."""
    named = [folder / f"{name}{suffix}" for name in MANDATORY for suffix in SUFFIXES]
    return any(path.is_file() for path in named) or any(folder.glob(f"[!~.]*{WORKBOOK}"))


def _wanted(as_of: str | date | None) -> date | None:
    if as_of is None or as_of == "":
        return None
    if isinstance(as_of, date):
        return date(as_of.year, as_of.month, as_of.day)
    wanted = as_date(as_of)
    if wanted is None:
        raise DataError(f"The as-of date must be an ISO date such as 2026-11-16, not {as_of[:40]!r}.")
    return wanted


def _single(folder: Path, wanted: date | None) -> Path:
    if wanted is None:
        return folder
    said = load(folder)[0].as_of
    if said != wanted:
        raise DataError(f"{folder} is one extract as of {said}, not {wanted}. Give its company folder, or that date.")
    return folder


def inspect(folder: Path, looks: Sequence[Look] = ()) -> Extract:
    """Read every file of one extract and check it: nothing raises for what is wrong with the data.

    Parameters
    ----------
    folder : the extract's folder.
    looks : what else is looked at, as for `examined`.
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
    return examined(extract, findings, mapped.entries, looks=looks)


def examined(
    extract: Extract,
    findings: Sequence[Finding],
    entries: Mapping[str, Entry] = NOTHING,
    near: Near | None = None,
    looks: Sequence[Look] = (),
) -> Extract:
    """Typed tables in their items' units and to the cent, with what every rule finds in them.

    Parameters
    ----------
    extract : tables as they were cast.
    findings : what was found so far.
    entries : what sources.toml declares of each table.
    near : what was found in an extract before, and what moved since.
    looks : checks that need more than the tables, one after the other; none where something stops the extract.
    """
    tables, units = convert(dict(extract.tables), extract.sources, entries, extract.settings)
    tables, cents = to_the_cent(tables, extract.sources)
    extract = replace(extract, tables=tables)
    runs = check_all(extract, near)
    found = [*findings, *units, *cents, *(one for run in runs.values() for one in run.findings)]
    for look in looks:
        found += [] if stops(found) else look(extract)
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
