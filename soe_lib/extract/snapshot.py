"""The Snapshot: the checked, frozen tables of one as-of date with their findings, read from files or from frames.

Findings about frames in memory read like findings about files: they name the table instead of the file, and count
rows from 2.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import weakref
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cache, cached_property, partial
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import polars as pl

from soe_lib.display import html
from soe_lib.errors import DataError, hint
from soe_lib.extract.calendar import Calendar
from soe_lib.extract.casting import cast
from soe_lib.extract.deliveries import translate
from soe_lib.extract.files import misnamed, without_rows
from soe_lib.extract.findings import LEVELS, Finding, Source, stops
from soe_lib.extract.folders import Look, calendar_of, examined, inspect, locate, missing_tables
from soe_lib.extract.rules import CALENDAR, SETTINGS, Extract, Near
from soe_lib.extract.schema import Column, Table, schema
from soe_lib.extract.settings import Settings, load, validated
from soe_lib.extract.sources import Entry
from soe_lib.workspace import EXTRACTS

if TYPE_CHECKING:
    import pandas as pd

    Frame = pl.DataFrame | pd.DataFrame

DEPTH = 20
HORIZON, READ = "the horizon", "the files"


@dataclass(frozen=True)
class Snapshot:
    """The data of a company on one as-of date: every table of the contract, typed and sorted, with its findings.

    Parameters
    ----------
    tables : one frame per table of the contract; a table that was not delivered has no rows. Blank keys and texts are
        "", blank numbers the contract's default, or null where blank means "none" or "unlimited".
    periods : the horizon [period, index, starts_on, ends_on, days, length, kind, week, month].
    findings : repairs, warnings and notes; none that stops.
    files : [table, file, rows, bytes, sha256] of every file read.
    hashes : table → hash of its sorted rows, for tables already hashed; an edit keeps the hashes of unchanged tables.

    Examples
    --------
    >>> isinstance(small, soe.Snapshot)
    True
    >>> small["forecast"]["quantity"].sum(), small.periods["days"].to_list()
    (240.0, [7, 7])
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
    hashes: dict[str, str] = field(init=False, repr=False, compare=False, default_factory=dict)

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
        """A short hash of settings and contents, independent of the order of rows, files and columns."""
        digest = hashlib.sha256(json.dumps(self.settings.plain(), sort_keys=True).encode())
        for name, content in sorted(self._contents.items()):
            digest.update(f"{name} {content}\n".encode())
        return digest.hexdigest()[:16]

    @property
    def _contents(self) -> dict[str, str]:
        """`hashes`, completed for all tables with rows."""
        for name, table in self.tables.items():
            if table.height and name not in self.hashes:
                self.hashes[name] = _hashed(table)
        return {name: self.hashes[name] for name, table in self.tables.items() if table.height}

    def replace(self, **tables: pl.DataFrame) -> Snapshot:
        """The snapshot with some tables replaced, sorted, in the contract's columns and types; for scenarios.

        Raises
        ------
        DataError : the contract has no such table, a column is missing or does not fit its type, or a value is not
            finite.
        """
        shaped = {name: _shaped(name, frame) for name, frame in tables.items()}
        made = replace(self, tables=MappingProxyType({**self.tables, **shaped}))
        made.hashes.update({name: text for name, text in self._contents.items() if name not in shaped})
        return made

    def report(self) -> str:
        """Rows by table, findings, tables and columns not used yet, and assumptions."""
        return describe(self)


def expected(given: object, call: str) -> Snapshot:
    """The argument itself, checked to be a Snapshot.

    Parameters
    ----------
    call : the function called, such as "soe.plan"; for the message.

    Raises
    ------
    DataError : the argument is no Snapshot; the message says how to read one from a folder.
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


def read(data: str | Path, as_of: str | date | None = None, *, looks: Sequence[Look] = ()) -> Snapshot:
    """The checked snapshot of an extract; `soe.read` adds the checks of the model.

    Parameters
    ----------
    data : a company folder with one folder per as-of date, or one extract.
    as_of : ISO date; blank or left out for the newest extract.
    looks : further checks, as for `folders.examined`.

    Raises
    ------
    DataError : findings stop the extract; the error lists all of them.
    """
    folder = locate(data, as_of)
    if (known := _left(folder)) is not None:
        return known
    extract = inspect(folder, looks)
    if bad := stops(extract.findings):
        places = len({(one.file, one.column) for one in bad})
        raise DataError(
            f"{folder} cannot be planned: {len(bad)} findings in {places} places stop it.", extract.findings
        )
    made = freeze(extract)
    if looks and (home := os.environ.get(EXTRACTS)):
        leave(made, home)
    return made


def leave(snapshot: Snapshot, home: str | Path) -> None:
    """Write a checked snapshot to a cache, so that other processes of one run need not read its files again.

    Parameters
    ----------
    home : folder in the environment variable SOE_EXTRACTS; it lives as long as the run.
    """
    if not snapshot.folder.is_dir():  # made from frames
        return
    place = Path(home) / _as_it_is(snapshot.folder)
    part = place.with_suffix(f".{os.getpid()}")
    try:
        _write(snapshot, part)
        part.replace(place)
    except (OSError, pl.exceptions.PolarsError):  # disk full, or another process was faster: the files are read again
        shutil.rmtree(part, ignore_errors=True)


def _write(snapshot: Snapshot, part: Path) -> None:
    part.mkdir(parents=True, exist_ok=True)
    for name, frame in {**snapshot.tables, HORIZON: snapshot.periods, READ: snapshot.files}.items():
        if frame.height or name in (HORIZON, READ):
            frame.write_parquet(part / f"{name}.parquet", compression="uncompressed")
    report = {"findings": [one.to_dict() for one in snapshot.findings], "contents": snapshot._contents}
    (part / "told.json").write_text(json.dumps(report), encoding="utf-8")


def _left(folder: Path) -> Snapshot | None:
    """The cached snapshot that another process of the run wrote; None if there is none, or a file has changed."""
    place = Path(os.environ.get(EXTRACTS, "")) / _as_it_is(folder) if os.environ.get(EXTRACTS) else None
    if place is None or not place.is_dir():
        return None
    report = json.loads((place / "told.json").read_text(encoding="utf-8"))
    frames = {path.stem: pl.read_parquet(path) for path in place.glob("*.parquet")}
    settings = load(folder)[0]
    made = Snapshot(
        company=settings.company,
        currency=settings.currency,
        as_of=settings.as_of,
        settings=settings,
        folder=folder,
        tables=MappingProxyType({name: frames.get(name, table.empty()) for name, table in schema().items()}),
        periods=frames[HORIZON],
        findings=tuple(Finding(**{**one, "rows": tuple(one["rows"])}) for one in report["findings"]),
        files=frames[READ],
    )
    made.hashes.update(report["contents"])
    return made


def _as_it_is(folder: Path) -> str:
    """A cache key of a folder: its path, and the name, size and time of each file."""
    files = sorted((path.name, path.stat().st_size, path.stat().st_mtime_ns) for path in folder.iterdir())
    return hashlib.sha256(repr((str(folder.resolve()), files)).encode()).hexdigest()[:16]


def freeze(extract: Extract, near: Snapshot | None = None, moved: Collection[str] = ()) -> Snapshot:
    """The snapshot of an extract without findings that stop.

    Parameters
    ----------
    near : a snapshot that differs only in the tables `moved`; the other tables and their hashes are taken from it.
    """
    same = {name: frame for name, frame in near.tables.items() if name not in moved} if near else {}
    tables = {name: same[name] if name in same else _sorted(name, extract.kept(name)) for name in schema()}
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
        made.hashes.update({name: text for name, text in near.hashes.items() if name in same})
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
    """Rows by table, findings, tables and columns not used yet, and assumptions."""
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
            filled = [one.name for one in table.columns if not one.used and _is_filled(frame, one)]
            lines += [f"{name}.{', '.join(filled)}"] if filled else []
    return tuple(lines)


def assumptions(snapshot: Snapshot) -> tuple[str, ...]:
    """The extract's own assumptions, and those made for blank cells."""
    lines = list(snapshot.settings.notes)
    if snapshot["lanes"].height and (snapshot["lanes"]["lead_time_days"] == 0).all():
        lines.append("Goods arrive in the period in which they leave: no lane has a lead time.")
    if snapshot["items"]["end_value"].sum() == 0:
        lines.append("Stock is worth nothing at the horizon's end: no item has an end_value.")
    unpriced = snapshot["items"]["standard_cost"].null_count()
    if unpriced:
        lines.append(f"{unpriced} of {snapshot['items'].height} items have no standard_cost.")
    return tuple(lines)


def _is_filled(frame: pl.DataFrame, column: Column) -> bool:
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
        raise DataError(f"Table {name} lacks {', '.join(missing)}.")
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


FOLDER = Path("(frames)")
"""Placeholder folder of a snapshot made from frames: it has no files and no earlier week."""


@dataclass(frozen=True)
class Given:
    """One input frame, its typed form and its findings.

    Parameters
    ----------
    frame : a copy in polars; the caller may have changed the original since.
    """

    frame: pl.DataFrame
    source: Source
    typed: pl.DataFrame
    findings: list[Finding]


@dataclass(frozen=True)
class Made:
    """The frames and the extract that a snapshot was made from."""

    given: Mapping[str, Given]
    extract: Extract


_MADE: dict[int, Made] = {}
"""By the identity of the snapshot, as long as it exists."""


def snapshot(
    settings: Settings | Mapping[str, Any],
    tables: Mapping[str, Frame],
    *,
    near: Snapshot | None = None,
    looks: Sequence[Look] = (),
) -> Snapshot:
    """The checked snapshot of frames, equal to `read` of the same rows in files.

    It has no earlier week: no plan of record, and no comparison with an earlier extract.

    Parameters
    ----------
    settings : the content of settings.toml as nested mappings, with at least company, currency and as_of.
    tables : table name → polars or pandas frame in the contract's columns (schema.csv); optional columns, and tables
        that the company does not have, may be left out. Numbers and dates are typed, or text as in a file.
    near : an earlier snapshot made from frames. Only changed tables are read again, and only rules that read a changed
        table, changed settings or changed periods run again. The result is the same without it.
    looks : further checks, as for `folders.examined`.

    Raises
    ------
    DataError : findings stop the frames (the error lists all of them), or a table is no frame.
    """
    for name, one, kind in (("settings", settings, Settings | Mapping), ("tables", tables, Mapping)):
        if not isinstance(one, kind):
            fix = "soe.read(folder) reads files" if isinstance(one, str | Path) else "give names and values, as a dict"
            raise DataError(f"soe.snapshot: {name} is a {type(one).__name__}; {fix}.")
    before = _MADE.get(id(near)) if near is not None else None
    given, extract, moved = _inspected(settings, tables, before, looks)
    if bad := stops(extract.findings):
        places = len({(one.file, one.column) for one in bad})
        raise DataError(
            f"The frames cannot be planned: {len(bad)} findings in {places} places stop it.", extract.findings
        )
    made = freeze(extract, near if before else None, moved)
    _MADE[id(made)] = Made(given, extract)
    weakref.finalize(made, _MADE.pop, id(made), None)
    return made


def _inspected(
    settings: Settings | Mapping[str, Any], tables: Mapping[str, Frame], before: Made | None, looks: Sequence[Look]
) -> tuple[dict[str, Given], Extract, frozenset[str]]:
    """The frames, typed and checked, and the changed tables; bad data gives findings and raises nothing."""
    valid, findings = validated(settings.plain() if isinstance(settings, Settings) else _listed(settings))
    absent = [name for name in schema() if name not in tables]
    strange = [name for name in sorted(map(str, tables)) if name not in schema()]
    findings += [misnamed(f"{name}.csv", name, absent, "file") for name in strange]
    findings += missing_tables([name for name in schema() if name in tables])
    known = before.given if before else {}
    given = {name: _given(tables[name], one, known.get(name)) for name, one in schema().items() if name in tables}
    typed = {name: given[name].typed if name in given else table.empty() for name, table in schema().items()}
    for one in given.values():
        findings += [*without_rows(one.source, valid.tables.none), *one.findings]
    moved = frozenset(name for name in schema() if given.get(name) is not known.get(name))
    near = _near(before, valid, moved) if before else None
    same = near is not None and CALENDAR not in near.moved
    calendar = near.extract.calendar if near and same else calendar_of(valid, typed["periods"])
    sources = {name: one.source for name, one in given.items()}
    names = {key: one for key, one in near.extract._distinct.items() if key[0] not in moved} if near else {}
    extract = examined(
        Extract(FOLDER, valid, typed, sources, calendar, _distinct=names), findings, near=near, looks=looks
    )
    return given, replace(extract, findings=tuple(map(_without_files, extract.findings))), moved


def _near(before: Made, settings: Settings, moved: frozenset[str]) -> Near:
    """The earlier extract, and the inputs that have changed since."""
    others = set() if settings == before.extract.settings else {SETTINGS, CALENDAR}
    others |= {CALENDAR} if "periods" in moved else set()
    return Near(before.extract, moved | others)


def _given(frame: Frame, table: Table, before: Given | None) -> Given:
    """One frame with its typed form; the earlier object where the frame has not changed."""
    own = _polars(frame, table.name)
    if before is not None and own.schema == before.frame.schema and own.equals(before.frame):
        return before
    filled = _filled(own)
    source = Source(table.name, table.name, filled, 0, cache(partial(_digest, filled, table)))
    source, strange = translate(source, Entry(table=table.name), table)
    typed, problems = cast(source, table)
    return Given(own, source, typed, [*strange, *problems])


def _polars(given: Frame, name: str) -> pl.DataFrame:
    """A copy of the frame in polars, since the caller may change the original."""
    return given.clone() if isinstance(given, pl.DataFrame) else _from_pandas(given, name)


def _filled(frame: pl.DataFrame) -> pl.DataFrame:
    """The frame with each column of nulls as a column of blank text, whatever its type."""
    blank = [one.name for one in frame if one.dtype != pl.String and one.null_count() == frame.height]
    return frame.with_columns(pl.lit(None, dtype=pl.String).alias(one) for one in blank) if blank else frame


def _from_pandas(given: Any, name: str) -> pl.DataFrame:
    import pandas as pd

    if not isinstance(given, pd.DataFrame):
        raise DataError(f"Table {name} is a {type(given).__name__}. Give a polars or pandas frame: pl.DataFrame(rows).")
    names = [str(one) for one in given.columns]
    if twice := sorted({one for one in names if names.count(one) > 1}):
        raise DataError(f"Table {name} has two columns {twice[0]!r}. Remove or rename one of them.")
    own = given.copy()  # polars would share memory with the caller's frame
    return pl.DataFrame({one: _column(own.iloc[:, place]) for place, one in enumerate(names)})


def _column(cells: pd.Series[Any]) -> pl.Series:
    """One column of pandas; cells of mixed types become text, as in a file."""
    try:
        return pl.from_pandas(cells)
    except (TypeError, ValueError, OverflowError):  # arrow's errors for cells of mixed types
        return pl.from_pandas(cells.astype("string"))


def _listed(value: Any) -> Any:
    """Settings in the types of TOML: tuples become lists."""
    if isinstance(value, Mapping):
        return {str(name): _listed(one) for name, one in value.items()}
    return list(value) if isinstance(value, tuple) else value


def _digest(frame: pl.DataFrame, table: Table) -> str:
    """A fingerprint of the contract's columns, with rows in their order."""
    read = frame.select(name for name in table.names if name in frame.columns)
    return hashlib.sha256(f"{read.schema}".encode() + read.hash_rows(seed=0).to_numpy().tobytes()).hexdigest()


FILES = re.compile(rf"\b({'|'.join(schema())})\.csv\b")


def _without_files(finding: Finding) -> Finding:
    """The finding with the table's name instead of the file's."""
    file, rule, fix = (FILES.sub(r"\1", text) for text in (finding.file, finding.rule, finding.fix))
    return replace(finding, file=file, rule=rule, fix=fix)
