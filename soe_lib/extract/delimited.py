"""Delimited text as it is delivered: encoding, quotes, short and long rows, every one with its line."""

from __future__ import annotations

import csv
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import polars as pl

from soe_lib.extract.dialect import PLAIN, Dialect
from soe_lib.extract.findings import SHOWN, Finding
from soe_lib.extract.layout import scan
from soe_lib.extract.schema import Table
from soe_lib.extract.source import Source, digest_of, refusal

BOM = b"\xef\xbb\xbf"
UTF8_FIX = "Export the file again as UTF-8 (in Excel: Save as, CSV UTF-8)."
SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}


def read_delimited(path: Path, table: Table, dialect: Dialect = PLAIN) -> tuple[Source | None, list[Finding]]:
    """A delimited text file as a raw frame; None where it cannot be read at all.

    Parameters
    ----------
    path : the file.
    table : the table of the contract that it holds.
    dialect : its encoding and separator, where they are not UTF-8 and a comma.
    """
    content = path.read_bytes()
    digest, size = digest_of(content), len(content)
    text, findings = _clean(content, path, table, dialect.encoding)
    if text is None:
        return None, findings
    header, problem = _header(text, path, table, dialect.separator)
    if problem:
        return None, [*findings, problem]
    try:
        frame = pl.read_csv(text, infer_schema=False, has_header=True, separator=dialect.separator)
    except pl.exceptions.PolarsError as error:
        problems = _ragged(text, len(header), path, table, dialect.separator)
        rule = f"The file cannot be read as CSV: {str(error).splitlines()[0]}."
        return None, [*findings, *(problems or [refusal(table, path, rule, "Export the file again.")])]
    if frame.width != len(header):
        return None, [*findings, refusal(table, path, "The header cannot be read.", "Write it on one line.", (1,))]
    frame.columns = header
    if _may_be_short(frame, text, dialect.separator) and (
        problems := _ragged(text, len(header), path, table, dialect.separator)
    ):
        return None, [*findings, *problems]
    layout = cache(lambda: scan(text, dialect.separator)) if b'"' in text else None
    plain = text.isascii() and b"\t" not in text
    tight = plain and b'"' not in text and b" " not in text
    source = Source(table.name, path.name, frame, size, digest, plain, tight, layout)
    source, blank = _without_blank_rows(source, text, dialect.separator)
    return source, [*findings, *blank]


def _clean(content: bytes, path: Path, table: Table, encoding: str) -> tuple[bytes | None, list[Finding]]:
    """The file's bytes as UTF-8 without a byte order mark, or why that cannot be had."""
    if not content or content.isspace() or content == BOM:
        return None, [refusal(table, path, "The file is empty (no byte of content).", "Export the file again.")]
    if encoding != "utf-8":
        return _decoded(content, path, table, encoding)
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return None, [refusal(table, path, "The file is UTF-16, not UTF-8.", UTF8_FIX)]
    findings: list[Finding] = []
    if content.startswith(BOM):
        content = content.removeprefix(BOM)
        rule = "A byte order mark was taken off."
        findings.append(Finding("repair", table.name, path.name, (1,), rule=rule, count=1))
    if (at := content.find(b"\x00")) >= 0:
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
    """The bytes of a declared encoding as UTF-8."""
    try:
        text = content.decode(encoding).removeprefix("\ufeff")
    except UnicodeError:
        fix = "Mend `encoding` in sources.toml, or export the file again."
        return None, [refusal(table, path, f"The file is not {encoding}, as sources.toml says.", fix)]
    if "\x00" in text:
        line = text.count("\n", 0, text.index("\x00")) + 1
        return None, [refusal(table, path, "The row holds a NUL byte.", "Export the file again.", (line,))]
    return text.encode("utf-8"), []


def _not_utf8(content: bytes, at: int, path: Path, table: Table) -> Finding:
    line = content.count(b"\n", 0, at) + 1
    value = content[max(at - 12, content.rfind(b"\n", 0, at) + 1) : at + 12].split(b"\n")[0].decode("cp1252", "replace")
    return refusal(table, path, "The row is not UTF-8 (it looks like Windows-1252).", UTF8_FIX, (line,), value.strip())


def _header(text: bytes, path: Path, table: Table, separator: str) -> tuple[list[str], Finding | None]:
    end = text.find(b"\n")
    first = text[: end if end >= 0 else len(text)].decode("utf-8").rstrip("\r").replace("\r", " ")
    header = [name.strip() for name in next(csv.reader([first], delimiter=separator), [])]
    for other, name in SEPARATORS.items():
        if len(header) == 1 and other != separator and other in first:
            fix = f"Export with {SEPARATORS.get(separator, separator)}, or declare `separator` in sources.toml."
            return header, refusal(table, path, f"Columns are separated by {name}.", fix, (1,))
    twice = sorted({name for name in header if header.count(name) > 1})
    if twice:
        fix = "Remove or rename one of them."
        return header, refusal(table, path, f"Duplicate column: {', '.join(map(repr, twice))}.", fix, (1,))
    if "" in header:
        return header, refusal(table, path, "A column has no name.", "Name it in the header, or remove it.", (1,))
    return header, None


def _may_be_short(frame: pl.DataFrame, text: bytes, separator: str) -> bool:
    """Whether a row could be short: the reader fills its missing values with blanks and says nothing."""
    if frame.to_series(-1).null_count() == 0:
        return False
    lines = text.count(b"\n") + (not text.endswith(b"\n"))
    return b'"' in text or frame.width == 1 or text.count(separator.encode()) != lines * (frame.width - 1)


def _ragged(text: bytes, width: int, path: Path, table: Table, separator: str) -> list[Finding]:
    """Quotes never closed, and rows with too many or too few values."""
    if text.count(b'"') % 2:
        line = next(n for n, one in enumerate(text.split(b"\n"), 1) if one.count(b'"') % 2)
        return [refusal(table, path, "A quote is opened and never closed.", "Close or double it.", (line,))]
    layout, findings = scan(text, separator), []
    for bad, rule in (
        (layout.fields > width, f"More values than the {width} columns of the header."),
        ((layout.fields < width) & ~layout.blank, f"Fewer values than the {width} columns of the header."),
    ):
        rows = np.flatnonzero(bad)
        if rows.size:
            fix = "Put quotes around values with a comma, or export the file again: it may be cut off."
            where = tuple(int(line) for line in layout.line[rows[:SHOWN]])
            findings.append(replace(refusal(table, path, rule, fix, where), count=int(rows.size)))
    return findings


def _without_blank_rows(source: Source, text: bytes, separator: str) -> tuple[Source, list[Finding]]:
    blank = source.frame.select(pl.all_horizontal(pl.all().is_null())).to_series()
    if not blank.any():
        return source, []
    whole = replace(source, layout=cache(lambda: scan(text, separator)))
    keep = (~blank).to_numpy()
    inner = blank[: int(np.flatnonzero(keep).max(initial=-1)) + 1].arg_true()
    rule = "Blank rows were left out."
    findings = [whole.finding("repair", inner, rule=rule)] if len(inner) else []
    layout = cache(lambda: scan(text, separator).take(keep))
    return replace(source, frame=source.frame.filter(~blank), layout=layout), findings
