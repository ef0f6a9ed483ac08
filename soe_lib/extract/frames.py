"""From frames to a Snapshot: what a program holds in memory is checked as an extract's files are; nothing is written.

Findings say what they say of a file: the table's name stands where the file's would, rows count from 2 on.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from soe_lib.errors import DataError
from soe_lib.extract.casting import cast
from soe_lib.extract.deliveries import translate
from soe_lib.extract.findings import Finding, stops
from soe_lib.extract.reading import Extract, calendar_of, examined, missing_tables
from soe_lib.extract.schema import Table, schema
from soe_lib.extract.settings import Settings
from soe_lib.extract.settings_file import Reader
from soe_lib.extract.snapshot import Snapshot, freeze
from soe_lib.extract.source import Source
from soe_lib.extract.sources import misnamed, without_rows
from soe_lib.extract.sources_file import Entry

if TYPE_CHECKING:
    import pandas as pd

    Frame = pl.DataFrame | pd.DataFrame

FOLDER = Path("(frames)")
"""Stands for the folder of a snapshot that has none: nothing lies in it, and no week lies beside it."""


def snapshot(settings: Settings | Mapping[str, Any], tables: Mapping[str, Frame]) -> Snapshot:
    """The checked snapshot of frames: what `soe.read` gives of the same rows in files.

    There is no week before it: no plan of record is found, and nothing is compared with an earlier extract.

    Parameters
    ----------
    settings : what settings.toml would say, as nested mappings; company, currency and as_of must be there.
    tables : by the table's name a polars or pandas frame in the contract's columns (schema.csv); optional columns, and
        tables that the company has none of, may be left out. Numbers and dates are typed, or text as in a file.

    Raises
    ------
    DataError : anything that must be mended first, all findings at once; something that is no frame.
    """
    extract = _inspected(settings, tables)
    if bad := stops(extract.findings):
        places = len({(one.file, one.column) for one in bad})
        raise DataError(
            f"The frames cannot be planned: {len(bad)} findings in {places} places stop it.", extract.findings
        )
    return freeze(extract)


def _inspected(settings: Settings | Mapping[str, Any], tables: Mapping[str, Frame]) -> Extract:
    """The frames, typed and checked: nothing raises for what is wrong with the data."""
    said, findings = Reader().settings(settings.plain() if isinstance(settings, Settings) else _listed(settings))
    absent = [name for name in schema() if name not in tables]
    findings += [
        misnamed(f"{name}.csv", name, absent, "file") for name in sorted(map(str, tables)) if name not in schema()
    ]
    findings += missing_tables([name for name in schema() if name in tables])
    sources, typed = {}, {}
    for name, table in schema().items():
        if name not in tables:
            typed[name] = table.empty()
            continue
        sources[name], typed[name], problems = _typed(tables[name], table, said)
        findings += problems
    extract = examined(Extract(FOLDER, said, typed, sources, calendar_of(said, typed["periods"])), findings)
    return replace(extract, findings=tuple(map(_without_files, extract.findings)))


def _typed(given: Frame, table: Table, settings: Settings) -> tuple[Source, pl.DataFrame, list[Finding]]:
    """One frame as it was given, and as the contract types it."""
    frame = _frame(given, table.name)
    source = Source(table.name, table.name, frame, int(frame.estimated_size()), cache(partial(_digest, frame, table)))
    findings = without_rows(source, settings.tables.none)
    source, strange = translate(source, Entry(table.name), table)
    typed, problems = cast(source, table)
    return source, typed, [*findings, *strange, *problems]


def _frame(given: Frame, name: str) -> pl.DataFrame:
    """The frame in polars; a column without a value is a column of blanks, whatever its type."""
    frame = given if isinstance(given, pl.DataFrame) else _from_pandas(given, name)
    blank = [one.name for one in frame if one.dtype != pl.String and one.null_count() == frame.height]
    return frame.with_columns(pl.lit(None, dtype=pl.String).alias(one) for one in blank) if blank else frame


def _from_pandas(given: Any, name: str) -> pl.DataFrame:
    import pandas as pd

    if not isinstance(given, pd.DataFrame):
        raise DataError(f"Table {name} is a {type(given).__name__}. Give a polars or pandas frame: pl.DataFrame(rows).")
    names = [str(one) for one in given.columns]
    if twice := sorted({one for one in names if names.count(one) > 1}):
        raise DataError(f"Table {name} has two columns {twice[0]!r}. Remove or rename one of them.")
    return pl.DataFrame({one: _column(given.iloc[:, place]) for place, one in enumerate(names)})


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
