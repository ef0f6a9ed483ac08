"""An extract's workbook: one sheet per table, cells as text, formulas and dates as Excel means them.

A workbook is a zip of XML. What it says it unpacks to is checked before anything is unpacked, and zipfile never hands
out more than was said, so that a small file cannot fill the memory.
"""

from __future__ import annotations

import io
import warnings
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from soe_lib.extract.findings import Finding
from soe_lib.extract.schema import Table
from soe_lib.extract.sheet import REMARK, Sheet
from soe_lib.extract.sheet_marks import uncomputed
from soe_lib.extract.source import Source, refusal

MOST_BYTES = 300_000_000  # unpacked; some 1,000,000 rows of a forecast
SMALL_BYTES, MOST_RATIO = 60_000_000, 100  # a workbook packs to a tenth or so, a bomb to a thousandth


class UnreadableError(Exception):
    """Why a workbook cannot be read, and how to mend it."""

    def __init__(self, rule: str, fix: str = "Save it again in Excel as .xlsx.") -> None:
        self.fix = fix
        super().__init__(rule)


@dataclass(frozen=True)
class Workbook:
    """One .xlsx file of an extract.

    Parameters
    ----------
    path : the file.
    """

    path: Path

    @cached_property
    def content(self) -> bytes:
        """The file's bytes, once they are known to unpack to a size that can be worked with."""
        content = self.path.read_bytes()
        examine(content)
        return content

    @cached_property
    def book(self) -> Any:
        """The workbook with the values that Excel last computed."""
        import openpyxl

        return _guarded(lambda: openpyxl.load_workbook(io.BytesIO(self.content), read_only=True, data_only=True))

    @cached_property
    def sheets(self) -> tuple[str, ...]:
        """The names of its sheets; charts have none.

        Raises
        ------
        UnreadableError : it is no workbook, or none that can be read safely.
        """
        return tuple(sheet.title for sheet in self.book.worksheets)

    def read(
        self, sheet: str, table: Table, columns: Mapping[str, str] | None = None
    ) -> tuple[Source | None, list[Finding]]:
        """One sheet as a raw frame of text; None where it has no row at all, or cannot be read.

        Parameters
        ----------
        sheet : its name.
        table : the table of the contract that it holds.
        columns : the contract's name → the company's own, where they differ.
        """
        own = {name: known for known, name in (columns or {}).items()}
        try:
            return _guarded(
                lambda: Sheet(self.book, self.book[sheet], self.content, self.file(sheet), table, own).source()
            )
        except UnreadableError as error:
            return None, [refusal(table, self.file(sheet), f"{error}", error.fix)]

    def file(self, sheet: str) -> str:
        """How findings name the sheet."""
        return f"{self.path.name}, sheet {sheet}"


def _guarded(action: Any) -> Any:
    """Run something that reads the XML: whatever a damaged workbook does to the reader, it is unreadable."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of styles, names and the like, which hold no data
            return action()
    except (UnreadableError, OSError):
        raise
    except Exception as error:
        raise UnreadableError(f"The workbook is damaged ({type(error).__name__}).") from None


def examine(content: bytes) -> None:
    """Refuse a file that is no workbook or unpacks to more than can be worked with, before anything is unpacked.

    Raises
    ------
    UnreadableError : with what to do about it.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            parts = packed.infolist()
            total = sum(part.file_size for part in parts)
            if total > MOST_BYTES or (total > SMALL_BYTES and total > MOST_RATIO * len(content)):
                says = f"{len(content) / 1e6:,.1f} MB that unpack to {total / 1e6:,.0f} MB"
                raise UnreadableError(
                    f"The workbook is too large to read safely: {says}.", "Deliver CSV or parquet files."
                )
            if any(part.flag_bits & 1 for part in parts):
                raise UnreadableError("The workbook is encrypted.", "Save it without a password.")
            for part in parts:
                if part.filename.endswith((".xml", ".rels")) and b"<!DOCTYPE" in packed.open(part).read(4096):
                    raise UnreadableError("The workbook declares XML entities, which no Excel file does.")
    except (zipfile.BadZipFile, NotImplementedError, EOFError, RuntimeError, ValueError, zipfile.zlib.error) as error:  # type: ignore[attr-defined]
        fix = "Save it again in Excel as .xlsx, without a password."
        raise UnreadableError("The file is no Excel workbook (.xlsx), or it is cut off.", fix) from error


__all__ = ["REMARK", "UnreadableError", "Workbook", "examine", "uncomputed"]
