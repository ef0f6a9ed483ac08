"""The Snapshot: the checked, frozen tables of one as-of date, and what a reader should know of them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from pathlib import Path
from types import MappingProxyType

import polars as pl

from soe_lib.display import html
from soe_lib.errors import DataError, hint
from soe_lib.extract.calendar import Calendar
from soe_lib.extract.findings import LEVELS, Finding, stops
from soe_lib.extract.folders import inspect, locate
from soe_lib.extract.rules import Extract
from soe_lib.extract.schema import Column, schema
from soe_lib.extract.settings import Settings

DEPTH = 20


@dataclass(frozen=True)
class Snapshot:
    """What a company knew on one as-of date: every table of the contract, typed and sorted, with its findings.

    Parameters
    ----------
    tables : one frame per table of the contract; a table that was not delivered is there without a row. Blank keys and
        texts are "", blank numbers the contract's default, or null where blank means "none" or "unlimited".
    periods : the horizon [period, index, starts_on, ends_on, days, length, kind, week, month].
    findings : what was repaired, or should be known; nothing that stops.
    files : [table, file, rows, bytes, sha256] of every file read.
    """

    company: str
    currency: str
    as_of: date
    settings: Settings
    folder: Path
    tables: Mapping[str, pl.DataFrame]
    periods: pl.DataFrame
    findings: tuple[Finding, ...]
    files: pl.DataFrame

    def __getitem__(self, table: str) -> pl.DataFrame:
        """One table by name; an unknown name raises KeyError with the nearest one."""
        if table not in self.tables:
            raise KeyError(f"There is no table {table!r}. {hint(table, self.tables)}".strip())
        return self.tables[table]

    def __repr__(self) -> str:
        rows = sum(frame.height for frame in self.tables.values())
        return f"Snapshot({self.company}, as of {self.as_of}: {rows:,} rows, {self.periods.height} periods)"

    def _repr_html_(self) -> str:
        held = [(name, frame.height, ", ".join(frame.columns)) for name, frame in self.tables.items() if frame.height]
        return html(repr(self), pl.DataFrame(held, schema=["table", "rows", "columns"], orient="row"))

    def _ipython_key_completions_(self) -> list[str]:
        return sorted(self.tables)

    @property
    def calendar(self) -> Calendar:
        """The horizon's calendar: splits, fiscal months and lead times."""
        working = self.settings.calendar
        return Calendar(self.periods, self.as_of, working.fiscal, working.working_days)

    @cached_property
    def fingerprint(self) -> str:
        """A short hash of settings and contents, the same whatever the order of rows, files or columns."""
        digest = hashlib.sha256(json.dumps(self.settings.plain(), sort_keys=True).encode())
        for name, content in sorted(self._contents.items()):
            digest.update(f"{name} {content}\n".encode())
        return digest.hexdigest()[:16]

    @cached_property
    def _contents(self) -> dict[str, str]:
        """Table → hash of its rows in sorted order; a table that an edit left alone is not hashed again."""
        known: dict[str, str] = self.__dict__.get("_kept", {})
        return {name: known.get(name) or _hashed(table) for name, table in self.tables.items() if table.height}

    def replace(self, **tables: pl.DataFrame) -> Snapshot:
        """The snapshot with other tables, sorted and in the contract's columns and types; for scenarios.

        Raises
        ------
        DataError : the name is no table, or a column is missing, cannot take the contract's type, or is not finite.
        """
        shaped = {name: _shaped(name, frame) for name, frame in tables.items()}
        made = replace(self, tables=MappingProxyType({**self.tables, **shaped}))
        made.__dict__["_kept"] = {name: text for name, text in self._contents.items() if name not in shaped}
        return made

    def report(self) -> str:
        """Rows by table, findings, tables and columns not used yet, and what is assumed."""
        return describe(self)


def expected(given: object, call: str) -> Snapshot:
    """What was given, where it is a Snapshot.

    Parameters
    ----------
    call : what the reader wrote, such as "soe.plan".

    Raises
    ------
    DataError : anything else; the message says how to get a Snapshot from a folder.
    """
    if isinstance(given, Snapshot):
        return given
    if isinstance(given, str | Path):
        raise DataError(
            f"{call} takes a Snapshot, not the name of a folder. Read it first: {call}(soe.read({str(given)!r}))."
        )
    raise DataError(f"{call} takes a Snapshot, not a {type(given).__name__}. soe.read(folder) gives one.")


def _hashed(table: pl.DataFrame) -> str:
    return hashlib.sha256(table.sort(table.columns, nulls_last=True).write_csv().encode()).hexdigest()


def read(data: str | Path, as_of: str | date | None = None) -> Snapshot:
    """The checked snapshot of an extract.

    Parameters
    ----------
    data : a company folder with one folder per as-of date, or one extract.
    as_of : ISO date; blank or left out for the newest extract.

    Raises
    ------
    DataError : anything that must be mended first, all findings at once.
    """
    folder = locate(data, as_of)
    extract = inspect(folder)
    if bad := stops(extract.findings):
        places = len({(one.file, one.column) for one in bad})
        raise DataError(
            f"{folder} cannot be planned: {len(bad)} findings in {places} places stop it.", extract.findings
        )
    return freeze(extract)


def freeze(extract: Extract, near: Snapshot | None = None, moved: Collection[str] = ()) -> Snapshot:
    """The snapshot of an extract without findings that stop.

    Parameters
    ----------
    near : one that has the very same tables but those that moved; they are taken from it, and not hashed again.
    """
    still = {name: frame for name, frame in near.tables.items() if name not in moved} if near else {}
    tables = {name: still[name] if name in still else _sorted(name, extract.kept(name)) for name in schema()}
    rows = [(one.table, one.file, one.frame.height, one.size, one.sha256) for one in extract.sources.values()]
    kinds = {"table": pl.String, "file": pl.String, "rows": pl.Int64, "bytes": pl.Int64, "sha256": pl.String}
    made = Snapshot(
        company=extract.settings.company,
        currency=extract.settings.currency,
        as_of=extract.settings.as_of,
        settings=extract.settings,
        folder=extract.folder,
        tables=MappingProxyType(tables),
        periods=extract.calendar.periods,
        findings=extract.findings,
        files=pl.DataFrame(rows, schema=kinds, orient="row").sort("table"),
    )
    if near is not None:
        known = near.__dict__.get("_contents") or near.__dict__.get("_kept", {})
        made.__dict__["_kept"] = {name: text for name, text in known.items() if name in still}
    return made


def where_used(snapshot: Snapshot) -> pl.DataFrame:
    """Which items each item ends up in, itself included, over all levels of the bill of materials.

    Returns
    -------
    component, item; one row per pair.
    """
    made = snapshot["routings"].select("routing", "item").unique()
    edges = snapshot["components"].join(made, on="routing").select("component", "item").unique()
    found = snapshot["items"].select(component="item", item="item")
    fresh = found
    for _ in range(DEPTH):
        step = fresh.join(edges, left_on="item", right_on="component").select("component", item="item_right")
        fresh = step.unique().join(found, on=["component", "item"], how="anti")
        if fresh.is_empty():
            break
        found = pl.concat([found, fresh])
    return found.sort("component", "item")


def describe(snapshot: Snapshot) -> str:
    """Rows by table, findings, what is read but not used yet, and what is assumed."""
    first, last = snapshot.periods["starts_on"][0], snapshot.periods["ends_on"][-1]
    horizon = f"{snapshot.periods.height} periods from {first} to {last}"
    head = f"{snapshot.company} as of {snapshot.as_of}, {snapshot.currency}: {horizon}"
    counts = {level: sum(one.level == level for one in snapshot.findings) for level in LEVELS}
    found = ", ".join(f"{count} {level}" for level, count in counts.items() if count) or "none"
    rows = [f"  {name:<16}{frame.height:>12,} rows" for name, frame in snapshot.tables.items() if frame.height]
    sections = [
        [head],
        ["Tables", *rows],
        [f"Findings: {found}", *(f"  {one}" for one in snapshot.findings)],
        _titled("Read, checked, not used yet", not_used(snapshot)),
        _titled("Assumed", assumptions(snapshot)),
    ]
    return "\n".join(line for section in sections for line in section)


def not_used(snapshot: Snapshot) -> tuple[str, ...]:
    """Tables with rows, and columns with values, that no planning block reads yet."""
    lines = []
    for name, table in schema().items():
        frame = snapshot.tables[name]
        if frame.height and not table.used:
            lines.append(f"{name}: {frame.height} rows")
        elif frame.height:
            filled = [one.name for one in table.columns if not one.used and _says_something(frame, one)]
            lines += [f"{name}.{', '.join(filled)}"] if filled else []
    return tuple(lines)


def assumptions(snapshot: Snapshot) -> tuple[str, ...]:
    """What the extract itself assumes, and what blank cells of it were taken to mean."""
    lines = list(snapshot.settings.notes)
    if snapshot["lanes"].height and (snapshot["lanes"]["lead_time_days"] == 0).all():
        lines.append("Goods arrive in the period in which they leave: no lane has a lead time.")
    if snapshot["items"]["end_value"].sum() == 0:
        lines.append("Stock is worth nothing at the horizon's end: no item has an end_value.")
    unpriced = snapshot["items"]["standard_cost"].null_count()
    if unpriced:
        lines.append(f"{unpriced} of {snapshot['items'].height} items have no standard_cost.")
    return tuple(lines)


def _says_something(frame: pl.DataFrame, column: Column) -> bool:
    values = frame.get_column(column.name).drop_nulls()
    blank = "" if column.type == "text" and not column.default else column.default
    return bool(len(values)) if blank is None else bool((values != blank).any())


def _titled(title: str, lines: tuple[str, ...]) -> list[str]:
    return [title, *(f"  {line}" for line in lines)] if lines else []


def _sorted(name: str, frame: pl.DataFrame) -> pl.DataFrame:
    table = schema()[name]
    key = [column for column in table.key if frame.height > 1]
    return frame.select(table.names).sort(key, nulls_last=False) if key else frame.select(table.names)


def _shaped(name: str, frame: pl.DataFrame) -> pl.DataFrame:
    if name not in schema():
        raise DataError(f"There is no table {name!r} to replace. {hint(name, schema())}".strip())
    table = schema()[name]
    if missing := [column for column in table.names if column not in frame.columns]:
        raise DataError(f"Table {name} is without {', '.join(missing)}.")
    try:
        typed = frame.select(pl.col(column.name).cast(column.dtype) for column in table.columns)
    except pl.exceptions.PolarsError as error:
        raise DataError(f"Table {name} does not fit the contract: {str(error).splitlines()[0]}") from error
    numbers = typed.select(pl.selectors.float())
    for column, count in numbers.select((~pl.all().is_finite()).sum()).to_dicts()[0].items() if numbers.width else ():
        if count:
            raise DataError(
                f"Table {name}: {count} values of {column} are not finite; leave a cell blank for no limit."
            )
    return _sorted(name, typed)
