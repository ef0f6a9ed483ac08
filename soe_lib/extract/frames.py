"""From frames to a Snapshot: what a program holds in memory is checked as an extract's files are; nothing is written.

Findings say what they say of a file: the table's name stands where the file's would, rows count from 2 on.
"""

from __future__ import annotations

import hashlib
import re
import weakref
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from soe_lib.errors import DataError
from soe_lib.extract.casting import cast
from soe_lib.extract.deliveries import translate
from soe_lib.extract.files import misnamed, without_rows
from soe_lib.extract.findings import Finding, Source, stops
from soe_lib.extract.folders import calendar_of, examined, missing_tables
from soe_lib.extract.rules import CALENDAR, SETTINGS, Extract, Near
from soe_lib.extract.schema import Table, schema
from soe_lib.extract.settings import Settings, validated
from soe_lib.extract.snapshot import Snapshot, freeze
from soe_lib.extract.sources import Entry

if TYPE_CHECKING:
    import pandas as pd

    Frame = pl.DataFrame | pd.DataFrame

FOLDER = Path("(frames)")
"""Stands for the folder of a snapshot that has none: nothing lies in it, and no week lies beside it."""


@dataclass(frozen=True)
class Given:
    """One frame as it was given, and what became of it.

    Parameters
    ----------
    frame : as it was when it was given, in polars; whoever gave it may have changed it since.
    """

    frame: pl.DataFrame
    source: Source
    typed: pl.DataFrame
    findings: list[Finding]


@dataclass(frozen=True)
class Made:
    """What a snapshot was made from."""

    given: Mapping[str, Given]
    extract: Extract


_MADE: dict[int, Made] = {}
"""By the identity of the snapshot, while it is in use."""


def snapshot(
    settings: Settings | Mapping[str, Any], tables: Mapping[str, Frame], *, near: Snapshot | None = None
) -> Snapshot:
    """The checked snapshot of frames: what `soe.read` gives of the same rows in files.

    There is no week before it: no plan of record is found, and nothing is compared with an earlier extract.

    Parameters
    ----------
    settings : what settings.toml would say, as nested mappings; company, currency and as_of must be there.
    tables : by the table's name a polars or pandas frame in the contract's columns (schema.csv); optional columns, and
        tables that the company has none of, may be left out. Numbers and dates are typed, or text as in a file.
    near : a snapshot made of frames before: only tables that moved since are read again, and only the rules run again
        that read one of them, or settings or periods that moved. The result is the same without it.

    Raises
    ------
    DataError : anything that must be mended first, all findings at once; something that is no frame.
    """
    for name, one, kind in (("settings", settings, Settings | Mapping), ("tables", tables, Mapping)):
        if not isinstance(one, kind):
            fix = "soe.read(folder) reads files" if isinstance(one, str | Path) else "give names and values, as a dict"
            raise DataError(f"soe.snapshot: {name} is a {type(one).__name__}; {fix}.")
    before = _MADE.get(id(near)) if near is not None else None
    given, extract, moved = _inspected(settings, tables, before)
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
    settings: Settings | Mapping[str, Any], tables: Mapping[str, Frame], before: Made | None
) -> tuple[dict[str, Given], Extract, frozenset[str]]:
    """The frames, typed and checked, and which tables moved: nothing raises for what is wrong with the data."""
    said, findings = validated(settings.plain() if isinstance(settings, Settings) else _listed(settings))
    absent = [name for name in schema() if name not in tables]
    strange = [name for name in sorted(map(str, tables)) if name not in schema()]
    findings += [misnamed(f"{name}.csv", name, absent, "file") for name in strange]
    findings += missing_tables([name for name in schema() if name in tables])
    known = before.given if before else {}
    given = {name: _given(tables[name], one, known.get(name)) for name, one in schema().items() if name in tables}
    typed = {name: given[name].typed if name in given else table.empty() for name, table in schema().items()}
    for one in given.values():
        findings += [*without_rows(one.source, said.tables.none), *one.findings]
    moved = frozenset(name for name in schema() if given.get(name) is not known.get(name))
    near = _near(before, said, moved) if before else None
    same = near is not None and CALENDAR not in near.moved
    calendar = near.extract.calendar if near and same else calendar_of(said, typed["periods"])
    sources = {name: one.source for name, one in given.items()}
    names = {key: one for key, one in near.extract._distinct.items() if key[0] not in moved} if near else {}
    extract = examined(Extract(FOLDER, said, typed, sources, calendar, _distinct=names), findings, near=near)
    return given, replace(extract, findings=tuple(map(_without_files, extract.findings))), moved


def _near(before: Made, said: Settings, moved: frozenset[str]) -> Near:
    """The extract before, and what moved since."""
    others = set() if said == before.extract.settings else {SETTINGS, CALENDAR}
    others |= {CALENDAR} if "periods" in moved else set()
    return Near(before.extract, moved | others)


def _given(frame: Frame, table: Table, before: Given | None) -> Given:
    """One frame, and as the contract types it; the very same as before where it has not moved."""
    own = _polars(frame, table.name)
    if before is not None and own.schema == before.frame.schema and own.equals(before.frame):
        return before
    filled = _filled(own)
    source = Source(table.name, table.name, filled, 0, cache(partial(_digest, filled, table)))
    source, strange = translate(source, Entry(table=table.name), table)
    typed, problems = cast(source, table)
    return Given(own, source, typed, [*strange, *problems])


def _polars(given: Frame, name: str) -> pl.DataFrame:
    """The frame in polars, as it is now: whoever gave it may change it."""
    return given.clone() if isinstance(given, pl.DataFrame) else _from_pandas(given, name)


def _filled(frame: pl.DataFrame) -> pl.DataFrame:
    """A column without a value is a column of blanks, whatever its type."""
    blank = [one.name for one in frame if one.dtype != pl.String and one.null_count() == frame.height]
    return frame.with_columns(pl.lit(None, dtype=pl.String).alias(one) for one in blank) if blank else frame


def _from_pandas(given: Any, name: str) -> pl.DataFrame:
    import pandas as pd

    if not isinstance(given, pd.DataFrame):
        raise DataError(f"Table {name} is a {type(given).__name__}. Give a polars or pandas frame: pl.DataFrame(rows).")
    names = [str(one) for one in given.columns]
    if twice := sorted({one for one in names if names.count(one) > 1}):
        raise DataError(f"Table {name} has two columns {twice[0]!r}. Remove or rename one of them.")
    own = given.copy()  # polars would share its numbers with whoever gave them
    return pl.DataFrame({one: _column(own.iloc[:, place]) for place, one in enumerate(names)})


def _column(cells: pd.Series[Any]) -> pl.Series:
    """One column of pandas; where its cells are of several kinds, as the text that a file would hold."""
    try:
        return pl.from_pandas(cells)
    except (TypeError, ValueError, OverflowError):  # what arrow raises for cells of several kinds is one of these
        return pl.from_pandas(cells.astype("string"))


def _listed(said: Any) -> Any:
    """Settings as TOML would give them: sequences are lists."""
    if isinstance(said, Mapping):
        return {str(name): _listed(value) for name, value in said.items()}
    return list(said) if isinstance(said, tuple) else said


def _digest(frame: pl.DataFrame, table: Table) -> str:
    """A fingerprint of the columns that are read, rows in their order."""
    read = frame.select(name for name in table.names if name in frame.columns)
    return hashlib.sha256(f"{read.schema}".encode() + read.hash_rows(seed=0).to_numpy().tobytes()).hexdigest()


FILES = re.compile(rf"\b({'|'.join(schema())})\.csv\b")


def _without_files(finding: Finding) -> Finding:
    """A finding with the table's name where it names a file."""
    file, rule, fix = (FILES.sub(r"\1", text) for text in (finding.file, finding.rule, finding.fix))
    return replace(finding, file=file, rule=rule, fix=fix)
