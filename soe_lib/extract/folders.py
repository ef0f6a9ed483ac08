"""Finds the folder of an extract (a company's newest, or one of a given date), reads it and checks it."""

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
"""The demo company: used if named, or if it is the only company."""

Look = Callable[[Extract], list[Finding]]
"""A further check, run only on an extract without findings that stop: extract → findings."""


def dates(company: Path) -> tuple[date, ...]:
    """The as-of dates of a company folder's extracts, oldest first."""
    if not company.is_dir():
        return ()
    named = [one.name for one in company.iterdir() if one.is_dir() and as_date(one.name) is not None]
    return tuple(date.fromisoformat(name) for name in sorted(named))


def company() -> Path:
    """The only company of the workspace; the demo if there is no other.

    Raises DataError if there is no workspace, no company in it, or more than one: the choice is never guessed.
    """
    home = workspace.own()
    if home is None:
        raise DataError(
            f"There is no workspace at {Path.cwd()} or above it. `soe init DIR` creates one; or name the company with "
            f"--data. The demo company is --data {DEMO}."
        )
    companies = [folder for folder in sorted((home / "data").iterdir()) if folder.is_dir() and _holds_extracts(folder)]
    others = [folder for folder in companies if folder.name != Path(DEMO).name]
    if len(others) > 1:
        raise DataError(
            f"{home / 'data'} holds {len(others)} companies: {', '.join(one.name for one in others)}. Name one, such "
            f"as --data data/{others[0].name}."
        )
    if not companies:
        raise DataError(
            f"{home / 'data'} holds no company. Put an extract into data/<company>/<YYYY-MM-DD>/; "
            "`soe demo data/demo` writes a demo company."
        )
    return (others or companies)[0]


def _holds_extracts(folder: Path) -> bool:
    return bool(dates(folder)) or (folder / FILE).is_file() or _has_tables(folder)


def found(data: str | Path) -> Path:
    """The data folder, relative to the workspace or the current folder; for an object store's address a local copy.

    Blank: the workspace's company; see `company`.
    """
    if not str(data).strip():
        return company()
    return objects.copied(str(data)) if objects.is_address(data) else workspace.find(data)


def locate(data: str | Path, as_of: str | date | None = None) -> Path:
    """The folder of an extract: a company folder's newest, or that of an as-of date, or the given folder itself.

    Raises
    ------
    DataError : no such folder, no extract in it, or no extract of that date; the message lists the dates.
    """
    if "\x00" in str(data):
        raise DataError("The data folder's name holds a NUL byte.")
    folder = found(data)
    wanted = _wanted(as_of)
    if not folder.is_dir():
        raise DataError(f"There is no folder {folder}. Give a company folder, or one extract with {FILE}.")
    if (folder / FILE).is_file():
        return _single(folder, wanted)
    available = dates(folder)
    if not available and _has_tables(folder):
        return folder
    if not available:
        raise DataError(
            f"{folder} is no extract ({FILE} is missing) and has no folder named by an as-of date such as 2026-11-16."
        )
    if wanted is not None and wanted not in available:
        raise DataError(f"{folder} has no extract as of {wanted}. There are: {', '.join(map(str, available))}.")
    return folder / (wanted or available[-1]).isoformat()


def _has_tables(folder: Path) -> bool:
    """Whether the folder is an extract without settings; the check then reports that with its other findings."""
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
    as_of = load(folder)[0].as_of
    if as_of != wanted:
        raise DataError(f"{folder} is one extract as of {as_of}, not {wanted}. Give its company folder, or that date.")
    return folder


def inspect(folder: Path, looks: Sequence[Look] = ()) -> Extract:
    """Read every file of one extract and check it; bad data gives findings and raises nothing.

    Parameters
    ----------
    folder : the extract's folder.
    looks : further checks, as for `examined`.
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
    """The extract in its items' units, rounded to the cent, with the findings of every rule.

    Parameters
    ----------
    extract : typed tables.
    findings : findings so far.
    entries : declarations of sources.toml by table.
    near : an earlier extract with its findings, and the inputs changed since.
    looks : checks that need more than the tables, run in order; each is skipped once a finding stops the extract.
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
    """Findings for missing tables without which nothing can be planned."""
    findings = [
        Finding("stop", name, f"{name}.csv", rule="The file is missing.", fix=f"Export {name}.csv into the folder.")
        for name in MANDATORY
        if name not in paths
    ]
    if not any(name in paths for name in DEMAND):
        fix = "Export forecast.csv, or orders.csv, into the folder."
        findings.append(Finding("stop", "forecast", "forecast.csv", rule="There is no demand.", fix=fix))
    return findings


def calendar_of(settings: Settings, periods: pl.DataFrame) -> Calendar:
    """The calendar of the extract's own periods, else of the horizon in its settings."""
    given = periods.drop_nulls().filter(pl.col("ends_on") >= pl.col("starts_on")).unique("period")
    as_of = settings.as_of
    if periods.height == 0:
        given = horizon(as_of, weeks=settings.horizon.weeks, daily=settings.horizon.daily)
    working = settings.calendar
    return build(given, as_of, per=settings.costs.per, fiscal=working.fiscal, working_days=working.working_days)
