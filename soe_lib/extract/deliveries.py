"""Finds the delivery of every table: a file, a sheet of a workbook, or the source that sources.toml names."""

from __future__ import annotations

import fnmatch
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path

import polars as pl

from soe_lib.errors import plainly
from soe_lib.extract.casting import ASIDE, PLAIN, TIME, Dialect, dates, labels, numbers
from soe_lib.extract.databases import Database, LostError, RefusedError
from soe_lib.extract.files import SUFFIXES, WORKBOOK, discover, misnamed, read_source
from soe_lib.extract.findings import Finding, Source, refusal
from soe_lib.extract.schema import Column, Table, schema
from soe_lib.extract.settings import Settings
from soe_lib.extract.sources import FILE, Entry, Mapped, load_sources
from soe_lib.extract.workbook import UnreadableError, Workbook

Read = Callable[[], "tuple[Source | None, list[Finding]]"]


@dataclass(frozen=True)
class Delivery:
    """The delivery of one table.

    Parameters
    ----------
    origin : its name for a planner: orders.csv; extract.xlsx, sheet orders; erp, query.
    read : reads the raw frame, under the contract's names, and its findings.
    modified : time of the file's last write; None for a query.
    entry : its entry of sources.toml.
    """

    table: str
    origin: str
    read: Read
    modified: datetime | None = None
    entry: Entry | None = None


def deliver(folder: Path, settings: Settings) -> tuple[dict[str, Delivery], Mapped, list[Finding]]:
    """The delivery of every table of an extract; duplicate and unknown deliveries are findings.

    Parameters
    ----------
    folder : the extract's folder.
    settings : source of the query parameters as-of date, company and currency.
    """
    mapped, findings = load_sources(folder)
    found: dict[str, list[Delivery]] = {}
    for name in mapped.named:
        entry = mapped.entries[name]
        delivery, problems = _mapped(mapped, entry, settings)
        findings += problems
        found[name] = [delivery] if delivery is not None else []
    paths, strange = discover(
        folder, _claimed(mapped, settings), [name for name in schema() if name not in mapped.named]
    )
    findings += strange
    for path in paths:
        if path.suffix == WORKBOOK:
            findings += _sheets(path, found, mapped, settings)
        else:
            found.setdefault(path.stem, []).append(_file(path, mapped, settings))
    findings += [_nothing(name) for name in mapped.entries if name not in found]
    for name, several in found.items():
        if len(several) > 1:
            origins = [one.origin for one in several]
            rule = f"Two files for one table: {' and '.join(origins)}."
            findings.append(Finding("stop", name, origins[0], rule=rule, fix="Keep the right one, remove the other."))
    return {name: several[0] for name, several in found.items() if several}, mapped, findings


def _file(path: Path, mapped: Mapped, settings: Settings) -> Delivery:
    entry = mapped.entry(path.stem)
    return Delivery(
        entry.table, path.name, _filed(path, entry, settings), written(path), mapped.entries.get(entry.table)
    )


def _filed(path: Path, entry: Entry, settings: Settings) -> Read:
    """The reader of a text or parquet file."""
    table = schema()[entry.table]
    return _translated(
        lambda: read_source(path, table, entry.dialect, settings.tables.none), entry, table, settings, written(path)
    )


def _opened(path: Path, table: str = "") -> tuple[Workbook, tuple[str, ...], list[Finding]]:
    """A workbook and the names of its sheets, or the finding that it cannot be opened."""
    book = Workbook(path)
    try:
        return book, book.sheets, []
    except UnreadableError as error:
        rule, fix = str(error), error.fix
    except OSError as error:
        rule, fix = f"The file cannot be opened: {error.strerror}.", "Check it and its rights."
    return book, (), [Finding("stop", table, path.name, rule=rule, fix=fix)]


def _nothing(table: str) -> Finding:
    rule, fix = "Nothing is delivered for this table.", f"Deliver {table}.csv, write `file`, or remove the section."
    return Finding("stop", table, FILE, column=f"tables.{table}", rule=rule, fix=fix, count=1)


def written(path: Path) -> datetime | None:
    """The time of a file's last write, in local time."""
    try:
        return datetime.fromtimestamp(path.stat().st_mtime)
    except (OSError, ValueError, OverflowError):
        return None


def _sheets(path: Path, found: dict[str, list[Delivery]], mapped: Mapped, settings: Settings) -> list[Finding]:
    """Add a workbook's sheets to the deliveries; a table's sheet without rows counts as not delivered."""
    book, sheets, findings = _opened(path)
    for sheet in sheets:
        if sheet in schema():
            entry = mapped.entry(sheet)
            source, problems = book.read(sheet, schema()[sheet], entry.columns)
            if source is not None or problems:
                read = _translated(_known(source, problems), entry, schema()[sheet], settings, written(path))
                delivery = Delivery(sheet, book.file(sheet), read, written(path), mapped.entries.get(sheet))
                found.setdefault(sheet, []).append(delivery)
        elif sheet.lower() not in ("read me", "readme", "columns"):
            absent = [name for name in schema() if name not in sheets]
            findings.append(misnamed(book.file(sheet), sheet, absent, "sheet"))
    return findings


def _known(source: Source | None, problems: list[Finding]) -> Read:
    return lambda: (source, list(problems))


def _claimed(mapped: Mapped, settings: Settings) -> frozenset[Path]:
    """The resolved paths of all files that match a pattern of sources.toml."""
    patterns = [entry for entry in mapped.entries.values() if entry.file]
    return frozenset(path.resolve() for entry in patterns for path in _matches(mapped, entry, settings))


def _matches(mapped: Mapped, entry: Entry, settings: Settings) -> list[Path]:
    pattern = entry.file.replace("{as_of}", settings.as_of.isoformat())
    path = Path(pattern)
    base = Path(path.anchor) if path.is_absolute() else mapped.folder
    relative = str(path.relative_to(path.anchor)) if path.is_absolute() else pattern
    try:
        return sorted(one for one in base.glob(relative) if one.is_file())
    except (ValueError, NotImplementedError, OSError, IndexError):
        return []


def _mapped(mapped: Mapped, entry: Entry, settings: Settings) -> tuple[Delivery | None, list[Finding]]:
    table = schema()[entry.table]
    if not entry.file:
        database = mapped.databases[entry.source]
        origin = f"{entry.source}, {f'table {entry.relation}' if entry.relation else 'query'}"
        read = _translated(lambda: _queried(database, entry, table, origin, settings), entry, table, settings)
        return Delivery(entry.table, origin, read, written(database.file) if database.file else None, entry), []
    paths = _matches(mapped, entry, settings)
    at = f"tables.{entry.table}.file"
    if len(paths) != 1:
        names = ", ".join(path.name for path in paths[:5])
        rule = (
            f"{len(paths)} files fit {entry.file}: {names}."
            if paths
            else f"No file fits {entry.file} in {mapped.folder}."
        )
        fix = "Leave one of them, or narrow the pattern." if paths else "Deliver it, or mend the pattern."
        return None, [Finding("stop", entry.table, FILE, column=at, rule=rule, fix=fix, count=1)]
    path = paths[0]
    if path.suffix.lower() in (".xlsx", ".xlsm"):
        return _mapped_sheet(path, entry, table, settings)
    return Delivery(entry.table, path.name, _filed(path, entry, settings), written(path), entry), []


def _mapped_sheet(path: Path, entry: Entry, table: Table, settings: Settings) -> tuple[Delivery | None, list[Finding]]:
    """The delivery from a workbook that sources.toml names for one table: the table's sheet, or the only sheet."""
    book, sheets, problems = _opened(path, entry.table)
    if problems:
        return None, problems
    sheet = entry.table if entry.table in sheets else sheets[0] if len(sheets) == 1 else ""
    if not sheet:
        rule, fix = f"The workbook has no sheet {entry.table}.", f"It has: {', '.join(sheets)}. Rename one."
        return None, [Finding("stop", entry.table, path.name, rule=rule, fix=fix)]
    read = _translated(lambda: book.read(sheet, table, entry.columns), entry, table, settings, written(path))
    return Delivery(entry.table, book.file(sheet), read, written(path), entry), []


def _queried(
    database: Database, entry: Entry, table: Table, origin: str, settings: Settings
) -> tuple[Source | None, list[Finding]]:
    values = {"as_of": settings.as_of, "company": settings.company, "currency": settings.currency}
    try:
        if entry.query:
            frame = database.answer(entry.query, values)
        else:
            own = [*entry.columns.values(), *entry.extra]
            frame = database.relation(entry.relation, tuple(dict.fromkeys(own)) if entry.columns else ())
    except (LostError, RefusedError) as error:
        return None, [refusal(table, origin, str(error), error.fix)]
    digest = hashlib.sha256()
    digest.update("\x1f".join(frame.columns).encode())
    digest.update(frame.hash_rows(seed=0).to_numpy().tobytes())
    source = Source(table.name, origin, frame, int(frame.estimated_size()), digest.hexdigest, first=1)
    if frame.height:
        return source, []
    fix = "Expected? Then remove the table from sources.toml; else correct the query."
    return source, [source.finding("stop", rule="The query returns no row.", fix=fix)]


def _translated(read: Read, entry: Entry, table: Table, settings: Settings, made: datetime | None = None) -> Read:
    """The reader, with its result in the contract's names and conventions."""

    def translated() -> tuple[Source | None, list[Finding]]:
        source, findings = read()
        if source is None:
            return None, findings
        source, problems = translate(source, entry, table)
        return source, [*findings, *problems, *_too_old(source, entry, settings, made)]

    return translated


def translate(source: Source, entry: Entry, table: Table) -> tuple[Source, list[Finding]]:
    """A raw frame with the contract's column names and its conventions for numbers and dates.

    Parameters
    ----------
    source : the rows in the company's conventions.
    entry : its names and conventions.
    """
    present, findings = source.frame.columns, []
    for name, own in entry.columns.items():
        if own not in present:
            fix = f"It has: {', '.join(present[:20])}. Correct `columns` in sources.toml, or the file."
            findings.append(
                source.finding("stop", column=name, value=own, rule="The company's column is missing.", fix=fix)
            )
    findings += [
        source.finding("stop", column=own, rule="The column that sources.toml names is missing.", fix="Add it.")
        for own in entry.extra
        if own not in present
    ]
    renamed = {own: name for name, own in entry.columns.items() if own in present}
    headings = {own: name for own, name in _headings(present, entry, table).items() if own not in renamed}
    if headings:
        rule = f"Headings were matched to the contract's names: {', '.join(headings)}."
        findings.append(source.finding("repair", rule=rule))
    renamed |= headings
    kept = [own for own in present if own in renamed or not _aside(own, entry, table)]
    columns = [pl.col(own).alias(renamed.get(own, own)) for own in kept]
    columns += [pl.col(own).alias(ASIDE + own) for own in dict.fromkeys(entry.extra) if own in present]
    marks = [{renamed.get(own, own): one[own] for own in kept if own in one} for one in (source.settled, source.days)]
    if kept != present or renamed or entry.extra or entry.dialect != PLAIN:
        source = replace(source, frame=source.frame.select(columns), plain=False, tight=False)
    source = replace(source, settled=marks[0], days=marks[1])
    for column in table.columns:
        if column.name in source.frame.columns:
            source, problems = _rewritten(source, column, entry.dialect)
            findings += problems
    return source, findings


def _headings(present: list[str], entry: Entry, table: Table) -> dict[str, str]:
    """Headings that differ from the contract's names only in case, blanks and hyphens."""
    taken = {*present, *entry.columns}
    plain = {own: plainly(own) for own in present if own not in entry.extra}
    once = [name for name in plain.values() if list(plain.values()).count(name) == 1]
    wanted = [name for name in table.names if name not in taken and name in once]
    return {own: name for own, name in plain.items() if name in wanted and not _aside(own, entry, table)}


def _rewritten(source: Source, column: Column, dialect: Dialect) -> tuple[Source, list[Finding]]:
    """One column in the contract's convention."""
    kind = source.frame.schema[column.name]
    if column.type in ("number", "integer") and kind == pl.String and not dialect.plain_numbers:
        values, problems = numbers(source, column, dialect)
    elif column.type == "date" and (dialect.dates, dialect.timezone) != (PLAIN.dates, ""):
        values, problems = dates(source, column, dialect)
    elif column.name in TIME and column.type == "text":
        return labels(source, column, dialect)
    else:
        return source, []
    return replace(source, frame=source.frame.with_columns(values)), problems


def _aside(own: str, entry: Entry, table: Table) -> bool:
    """Whether a column is not read under its own name: ignored, read as an extra column, or its name is mapped."""
    beside = own in entry.extra and own not in table.names
    return beside or own in entry.columns or any(fnmatch.fnmatchcase(own, one) for one in entry.ignore)


def _too_old(source: Source, entry: Entry, settings: Settings, made: datetime | None) -> list[Finding]:
    """The finding that the newest change, or the file, is older than `days_old`."""
    if entry.days_old is None:
        return []
    newest = newest_day(source, entry) if entry.updated else made.date() if made else None
    if newest is not None and newest >= settings.as_of - timedelta(days=entry.days_old):
        return []
    what = "newest row" if entry.updated else "file"
    rule = f"The {what} is from {newest or 'no day'}, more than {entry.days_old} days before {settings.as_of}."
    return [source.finding("stop", column=entry.updated, rule=rule, fix="Deliver it again, or raise `days_old`.")]


def newest_day(source: Source, entry: Entry) -> date | None:
    """The newest day in the column of last changes."""
    name = ASIDE + entry.updated
    if name not in source.frame.columns:
        return None
    cells = source.frame.get_column(name)
    text = cells.dt.strftime("%Y-%m-%d") if cells.dtype.is_temporal() else cells.cast(pl.String).str.slice(0, 10)
    return text.str.to_date("%Y-%m-%d", strict=False).max()  # type: ignore[return-value]


__all__ = ["SUFFIXES", "Delivery", "deliver", "newest_day", "translate", "written"]
