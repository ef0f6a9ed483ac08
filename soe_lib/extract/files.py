"""Reads delimited text and parquet files: encoding, quotes, short and long rows, each problem with its line."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
import polars as pl

from soe_lib.errors import likeness, nearest
from soe_lib.extract.casting import PLAIN, Dialect
from soe_lib.extract.findings import SHOWN, Finding, Layout, Source, digest_of, refusal, scan
from soe_lib.extract.schema import GRAVE, MANDATORY, Table, schema
from soe_lib.extract.settings import FILE as SETTINGS_FILE

BOM = b"\xef\xbb\xbf"
UTF8_FIX = "Export the file again as UTF-8 (in Excel: Save as, CSV UTF-8), or declare `encoding` in sources.toml."
UNNAMED = "\x02"
"""Prefix of the internal name of an unnamed column, before its number."""
SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
EXCEL = re.compile(rb'"?sep=([,;|\t])"?[,;|\t]*\r?\n', re.IGNORECASE)
TITLES = 20
"""Number of lines searched for the column names below a report's title."""
BLANK = re.compile(rb"[ \t]*\r?\n")


@dataclass(frozen=True)
class Text:
    """The table of a delimited file: its bytes from the header on.

    Parameters
    ----------
    content : UTF-8, without a byte order mark.
    skipped : lines of the file before the header.
    """

    path: Path
    table: Table
    content: bytes
    separator: str
    skipped: int = 0

    @property
    def first(self) -> int:
        """The line number of the header."""
        return self.skipped + 1

    def layout(self) -> Layout:
        """The line of the file on which each row starts."""
        found = scan(self.content, self.separator)
        return replace(found, line=found.line + self.skipped)

    def refuse(self, rule: str, fix: str, rows: tuple[int, ...] = ()) -> Finding:
        """The finding that stops because the table cannot be read."""
        return refusal(self.table, self.path, rule, fix, rows)


def read_delimited(path: Path, table: Table, dialect: Dialect = PLAIN) -> tuple[Source | None, list[Finding]]:
    """A delimited text file as a raw frame; None where it cannot be read at all.

    Parameters
    ----------
    path : the file.
    table : the table of the contract that it holds.
    dialect : its encoding and separator; default UTF-8 and a comma.
    """
    content = path.read_bytes()
    digest, size = digest_of(content), len(content)
    clean, findings = _clean(content, path, table, dialect.encoding)
    if clean is None:
        return None, findings
    text = _from_header(Text(path, table, clean, dialect.separator))
    header, problem = _header(text)
    if problem:
        return None, [*findings, problem]
    frame, problems = _frame(text, header)
    if frame is None:
        return None, [*findings, *problems]
    layout = cache(text.layout) if b'"' in text.content else None
    plain = text.content.isascii() and b"\t" not in text.content
    tight = plain and b'"' not in text.content and b" " not in text.content
    source = Source(table.name, path.name, frame, size, digest, plain, tight, layout, first=text.first + 1)
    source, problems = _named(source, text)
    source, blank = _without_blank_rows(source, text)
    return source, [*findings, *problems, *blank]


def _from_header(text: Text) -> Text:
    """The text without blank lines before the header and without Excel's `sep=` line, whose separator it takes."""
    at, separator = 0, text.separator
    while line := EXCEL.match(text.content, at) or BLANK.match(text.content, at):
        separator = line.group(1).decode() if line.re is EXCEL else separator
        at = line.end()
    skipped = text.content.count(b"\n", 0, at)
    return replace(text, content=text.content[at:], separator=separator, skipped=skipped) if at else text


def _frame(text: Text, header: list[str]) -> tuple[pl.DataFrame | None, list[Finding]]:
    """The rows as text, one column per position of the header; an unnamed column is named by its number."""
    width = len(header)
    try:
        frame = pl.read_csv(text.content, infer_schema=False, has_header=True, separator=text.separator)
    except pl.exceptions.PolarsError as error:
        fitted, problems = _fitted(text, header), _ragged(text, width)
        if fitted is None or text.content.count(b'"') % 2:
            rule = f"The file cannot be read as CSV: {str(error).splitlines()[0]}."
            return None, problems or [text.refuse(rule, "Export the file again.")]
        frame = fitted
    if frame.width != width:
        return None, [text.refuse("The header cannot be read.", "Write it on one line.", (text.first,))]
    frame.columns = [name or f"{UNNAMED}{n}" for n, name in enumerate(header, 1)]
    if _may_be_short(frame, text) and (problems := _ragged(text, width)):
        fitted = _fitted(text, header)
        if fitted is None:
            return None, problems
        frame = fitted
    return frame, []


def _fitted(text: Text, header: list[str]) -> pl.DataFrame | None:
    """The rows cut or padded to the header's width if only blanks are cut or added; else None.

    Excel writes such rows where an empty column once had a cell.
    """
    named, width = max((n for n, name in enumerate(header, 1) if name), default=0), len(header)
    rows = []
    try:
        for row in csv.reader(io.StringIO(text.content.decode("utf-8"), newline=""), delimiter=text.separator):
            holds = [n for n, cell in enumerate(row) if cell.strip()]
            if holds and (len(row) < named or holds[-1] >= width):
                return None
            rows.append([cell or None for cell in row[:width]] + [None] * (width - len(row)))
    except csv.Error:
        return None
    names = [name or f"{UNNAMED}{n}" for n, name in enumerate(header, 1)]
    return pl.DataFrame(rows[1:], schema=dict.fromkeys(names, pl.String), orient="row")


def _named(source: Source, text: Text) -> tuple[Source, list[Finding]]:
    """The source without its unnamed columns; an unnamed column with values is a finding."""
    findings = []
    bare = [name for name in source.frame.columns if name.startswith(UNNAMED)]
    for name in bare:
        cells = source.frame.get_column(name)
        held = (cells.str.strip_chars() != "").fill_null(False).arg_true()
        if len(held):
            rule = f"Column {name.removeprefix(UNNAMED)} holds values and has no name."
            value, fix = cells[int(held[0])], "Name it in the header, or remove it."
            findings.append(
                replace(source, layout=cache(text.layout)).finding("stop", held, value=value, rule=rule, fix=fix)
            )
    return (replace(source, frame=source.frame.drop(bare)) if bare else source), findings


def _clean(content: bytes, path: Path, table: Table, encoding: str) -> tuple[bytes | None, list[Finding]]:
    """The file's bytes as UTF-8 without a byte order mark, or None and the reason."""
    if not content or content.isspace() or content == BOM:
        return None, [refusal(table, path, "The file is empty (no byte of content).", "Export the file again.")]
    if encoding != "utf-8":
        return _decoded(content, path, table, encoding)
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        fix = UTF8_FIX.replace("`encoding`", 'encoding = "utf-16"')
        return None, [refusal(table, path, "The file is UTF-16, not UTF-8.", fix)]
    findings: list[Finding] = []
    if content.startswith(BOM):
        content = content.removeprefix(BOM)
        rule = "A byte order mark was removed."
        findings.append(Finding("repair", table.name, path.name, (1,), rule=rule, count=1))
    if (at := content.find(b"\x00")) >= 0:
        if 3 * content.count(b"\x00") > len(content):
            fix = UTF8_FIX.replace("`encoding`", f'encoding = "utf-16-{"be" if content[0] == 0 else "le"}"')
            return None, [*findings, refusal(table, path, "The file looks like UTF-16, not UTF-8.", fix)]
        line = content.count(b"\n", 0, at) + 1
        return None, [*findings, refusal(table, path, "The row holds a NUL byte.", UTF8_FIX, (line,))]
    if not content.isascii():
        try:
            content.decode("utf-8")
        except UnicodeDecodeError as error:
            return None, [*findings, _not_utf8(content, error.start, path, table)]
    if b"\r" in content and b"\n" not in content:
        content = content.replace(b"\r", b"\n")
    return content, findings


def _decoded(content: bytes, path: Path, table: Table, encoding: str) -> tuple[bytes | None, list[Finding]]:
    """The bytes of a declared encoding as UTF-8, with newline line ends."""
    try:
        text = content.decode(encoding).removeprefix("\ufeff")
    except UnicodeError:
        fix = "Mend `encoding` in sources.toml, or export the file again."
        return None, [refusal(table, path, f"The file is not {encoding}, as sources.toml says.", fix)]
    if "\x00" in text:
        line = text.count("\n", 0, text.index("\x00")) + 1
        return None, [refusal(table, path, "The row holds a NUL byte.", "Export the file again.", (line,))]
    if "\r" in text and "\n" not in text:
        text = text.replace("\r", "\n")
    return text.encode("utf-8"), []


def _not_utf8(content: bytes, at: int, path: Path, table: Table) -> Finding:
    line = content.count(b"\n", 0, at) + 1
    value = content[max(at - 12, content.rfind(b"\n", 0, at) + 1) : at + 12].split(b"\n")[0].decode("cp1252", "replace")
    return refusal(table, path, "The row is not UTF-8 (it looks like Windows-1252).", UTF8_FIX, (line,), value.strip())


def _header(text: Text) -> tuple[list[str], Finding | None]:
    end = text.content.find(b"\n")
    first = text.content[: end if end >= 0 else len(text.content)].decode("utf-8").rstrip("\r").replace("\r", " ")
    header = [name.strip() for name in next(csv.reader([first], delimiter=text.separator), [])]
    for other, name in SEPARATORS.items():
        if len(header) == 1 and other != text.separator and other in first:
            fix = (
                f"Export with {SEPARATORS.get(text.separator, text.separator)}, or declare `separator` in sources.toml."
            )
            return header, text.refuse(f"Columns are separated by {name}.", fix, (text.first,))
    twice = sorted({name for name in header if name and header.count(name) > 1})
    if twice:
        rule, fix = f"Duplicate column: {', '.join(map(repr, twice))}.", "Remove or rename one of them."
        return header, text.refuse(rule, fix, (text.first,))
    if line := _names_below(text, header):
        rule, fix = f"The column names are in line {line}, not in the first line.", "Remove the lines above them."
        return header, text.refuse(rule, fix, (text.first,))
    if not any(header):
        return header, text.refuse("No column has a name.", "Write the names into the first line.", (text.first,))
    return header, None


def _names_below(text: Text, header: list[str]) -> int:
    """The line of the column names where a report's title precedes it; 0 if there is no such line."""
    if set(header) & set(text.table.names):
        return 0
    lines = text.content.split(b"\n", TITLES)[1:TITLES]
    needed = {column.name for column in text.table.columns if column.required}
    for number, line in enumerate(lines, text.first + 1):
        names = {name.strip().strip('"') for name in line.decode("utf-8", "replace").split(text.separator)}
        if needed and needed <= names:
            return number
    return 0


def _may_be_short(frame: pl.DataFrame, text: Text) -> bool:
    """Whether a row could be short: polars fills its missing values with nulls without a message."""
    if frame.to_series(-1).null_count() == 0:
        return False
    content = text.content
    lines = content.count(b"\n") + (not content.endswith(b"\n"))
    return b'"' in content or frame.width == 1 or content.count(text.separator.encode()) != lines * (frame.width - 1)


def _ragged(text: Text, width: int) -> list[Finding]:
    """Findings for unclosed quotes and for rows with too many or too few values."""
    if text.content.count(b'"') % 2:
        line = next(n for n, one in enumerate(text.content.split(b"\n"), text.first) if one.count(b'"') % 2)
        return [text.refuse("A quote is opened and never closed.", "Close or double it.", (line,))]
    layout, findings = text.layout(), []
    for bad, rule in (
        (layout.fields > width, f"More values than the {width} columns of the header."),
        ((layout.fields < width) & ~layout.blank, f"Fewer values than the {width} columns of the header."),
    ):
        rows = np.flatnonzero(bad)
        if rows.size:
            fix = "Put quotes around values with a comma, or export the file again: it may be cut off."
            where = tuple(int(line) for line in layout.line[rows[:SHOWN]])
            findings.append(replace(text.refuse(rule, fix, where), count=int(rows.size)))
    return findings


def _without_blank_rows(source: Source, text: Text) -> tuple[Source, list[Finding]]:
    cells = pl.all() if source.tight else pl.all().str.strip_chars(" \t\u00a0").replace("", None)
    begins = pl.nth(0) if source.tight else pl.nth(0).str.strip_chars(" \t\u00a0").replace("", None)
    if not source.frame.select(begins.null_count()).item():
        return source, []
    blank = source.frame.select(pl.all_horizontal(cells.is_null())).to_series()
    if not blank.any():
        return source, []
    whole = replace(source, layout=cache(text.layout))
    keep = (~blank).to_numpy()
    inner = blank[: int(np.flatnonzero(keep).max(initial=-1)) + 1].arg_true()
    rule = "Blank rows were left out."
    findings = [whole.finding("repair", inner, rule=rule)] if len(inner) else []
    layout = cache(lambda: text.layout().take(keep))
    return replace(source, frame=source.frame.filter(~blank), layout=layout), findings


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
    """The files of a folder that contain tables, workbooks included, and findings for the other files.

    Parameters
    ----------
    folder : the extract's folder.
    taken : files that sources.toml assigns to a table.
    wanted : tables to look for; default all of the contract.
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
    present = {path.stem for path in found}
    findings = [_stranger(path, [name for name in tables if name not in present]) for path in strangers]
    return found, [one for one in findings if one is not None]


def _stranger(path: Path, absent: Iterable[str]) -> Finding | None:
    suffix = path.suffix.lower()
    if suffix in UNFINISHED:
        fix = "Wait until the copy has finished and check again; remove the remains of a failed copy."
        return Finding("stop", "", path.name, rule="The file is still being copied.", fix=fix)
    if suffix in OTHER_WORKBOOKS:
        return Finding("stop", "", path.name, rule="The workbook is no .xlsx file.", fix="Save it in Excel as .xlsx.")
    return misnamed(path.name, path.stem, absent, "file") if suffix in LOOKALIKES else None


def misnamed(file: str, name: str, absent: Iterable[str], what: str) -> Finding:
    """The finding for a file or sheet that names no table: a likely typing error stops, any other name warns."""
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
    none : tables that the company declares empty; for these a header alone is no finding.
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
    """The finding for a table with a header and no rows, unless the company declares it empty."""
    if source.frame.height or source.table in none:
        return []
    fix = f'Expected? Then remove the file, or set none = ["{source.table}"] under [tables] in settings.toml; '
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
