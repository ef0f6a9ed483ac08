"""The files of an extract's folder: which table each holds, and the reading of one of them."""

from __future__ import annotations

import io
from collections.abc import Collection, Iterable
from pathlib import Path

import polars as pl

from soe_lib.extract.delimited import read_delimited
from soe_lib.extract.dialect import PLAIN, Dialect
from soe_lib.extract.findings import Finding
from soe_lib.extract.schema import GRAVE, MANDATORY, Table, schema
from soe_lib.extract.settings_file import FILE as SETTINGS_FILE
from soe_lib.extract.source import Rows, Source, digest_of, refusal
from soe_lib.extract.spelling import likeness, nearest

SUFFIXES = (".csv", ".parquet")
WORKBOOK = ".xlsx"
LOOKALIKES = (*SUFFIXES, ".tsv", ".txt")
OTHER_WORKBOOKS = (".xls", ".xlsm", ".xlsb", ".ods")
UNFINISHED = (".part", ".partial", ".tmp", ".crdownload", ".filepart")
OURS = (SETTINGS_FILE, "sources.toml")
ALIKE = 0.8


def discover(
    folder: Path, taken: Collection[Path] = (), wanted: Iterable[str] | None = None
) -> tuple[list[Path], list[Finding]]:
    """The files of a folder that hold tables, workbooks among them, and what else lies there.

    Parameters
    ----------
    folder : the extract's folder.
    taken : files that sources.toml gives to a table already.
    wanted : tables looked for here; all of the contract when left out.
    """
    tables = list(schema()) if wanted is None else list(wanted)
    found: list[Path] = []
    strangers: list[Path] = []
    for path in sorted(one for one in folder.iterdir() if one.is_file() and not one.name.startswith((".", "~"))):
        if path.resolve() in taken or path.name in OURS:
            continue
        if path.suffix == WORKBOOK or (path.suffix in SUFFIXES and path.stem in schema()):
            found.append(path)
        else:
            strangers.append(path)
    there = {path.stem for path in found}
    findings = [_stranger(path, [name for name in tables if name not in there]) for path in strangers]
    return found, [one for one in findings if one is not None]


def _stranger(path: Path, absent: Iterable[str]) -> Finding | None:
    suffix = path.suffix.lower()
    if suffix in UNFINISHED:
        fix = "Wait until the copy has finished and check again; remove what is left of a broken one."
        return Finding("stop", "", path.name, rule="The file is still being copied.", fix=fix)
    if suffix in OTHER_WORKBOOKS:
        return Finding("stop", "", path.name, rule="The workbook is no .xlsx file.", fix="Save it in Excel as .xlsx.")
    return misnamed(path.name, path.stem, absent, "file") if suffix in LOOKALIKES else None


def misnamed(file: str, name: str, absent: Iterable[str], what: str) -> Finding:
    """A file or sheet that no table is named like: a slip of the pen stops, any other is left out."""
    alike = nearest(name, absent)
    if alike and likeness(name, alike) >= ALIKE:
        fix = f"Did you mean {alike}{'.csv' if what == 'file' else ''}? Rename the {what}."
        return Finding("stop", alike, file, rule=f"The {what} belongs to no table of the contract.", fix=fix)
    fix = "Rename it to the table it holds, or remove it."
    return Finding("warn", "", file, rule=f"The {what} belongs to no table of the contract and was not read.", fix=fix)


def read_source(
    path: Path, table: Table, dialect: Dialect = PLAIN, none: Collection[str] = ()
) -> tuple[Source | None, list[Finding]]:
    """One file as a raw frame; None where it cannot be read at all.

    Parameters
    ----------
    path : a parquet file, or delimited text.
    table : the table of the contract that it holds.
    dialect : encoding and separator of a text file.
    none : tables that the company says it has none of; a header alone is what it means to send.
    """
    try:
        before = path.stat()
        source, findings = (
            _read_parquet(path, table) if path.suffix == ".parquet" else read_delimited(path, table, dialect)
        )
        after = path.stat()
    except OSError as error:
        return None, [refusal(table, path, f"The file cannot be opened: {error.strerror}.", "Check it and its rights.")]
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        fix = "Wait until the copy has finished and check again."
        findings.append(Finding("stop", table.name, path.name, rule="The file changed while it was read.", fix=fix))
    return source, [*findings, *(without_rows(source, none) if source is not None else ())]


def without_rows(source: Source, none: Collection[str]) -> list[Finding]:
    """A table that came with a header alone, unless the company says that it has none of it."""
    if source.frame.height or source.table in none:
        return []
    fix = f'Expected? Then remove the file, or say none = ["{source.table}"] under [tables] in settings.toml; '
    level = "stop" if source.table in (*MANDATORY, *GRAVE) else "warn"
    return [source.finding(level, rule="The file has a header and no row.", fix=f"{fix}else export again.")]


def _read_parquet(path: Path, table: Table) -> tuple[Source | None, list[Finding]]:
    content = path.read_bytes()
    try:
        frame = pl.read_parquet(io.BytesIO(content))
    except (pl.exceptions.PolarsError, OSError) as error:
        rule = f"The file cannot be read as parquet: {str(error).splitlines()[0]}."
        return None, [refusal(table, path, rule, "Write the file again.")]
    source = Source(table.name, path.name, frame, len(content), digest_of(content), first=1)
    return source, []


__all__ = ["SUFFIXES", "WORKBOOK", "Rows", "Source", "discover", "misnamed", "read_source"]
