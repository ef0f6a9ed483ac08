"""One company in many writings: whatever the encoding, separator, conventions, order or kind of file, the same Snapshot."""

from __future__ import annotations

import csv
import io
import random
import tempfile
from datetime import date
from pathlib import Path
from typing import Any

import openpyxl
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from soe_lib.extract.schema import schema
from soe_lib.model.checks import read
from tests.unit.extract.company import FILES, write

TABLES = [name.removesuffix(".csv") for name in FILES if name.endswith(".csv")]
FORMS = {
    "yyyy-mm-dd": "{0:%Y-%m-%d}",
    "dd.mm.yyyy": "{0.day}.{0.month}.{0.year}",
    "mm/dd/yyyy": "{0.month}/{0.day}/{0.year}",
    "dd/mm/yyyy": "{0:%d/%m/%Y}",
    "yyyymmdd": "{0:%Y%m%d}",
    "dd.mm.yy": "{0:%d.%m.%y}",
}
LARGE = {"forecast.csv": FILES["forecast.csv"].replace("2026-W49,120,", "2026-W49,1234567.125,"),
         "actuals.csv": FILES["actuals.csv"] + "2026-11-13,sales,FG,M,C1,-1250.5\n"}  # fmt: skip
PLAIN = {**FILES, **LARGE}


class Writing:
    """How one table is written, by chance."""

    def __init__(self, chance: random.Random) -> None:
        self.encoding = chance.choice(["utf-8", "utf-8-sig", "utf-16", "cp1252"])
        self.separator = chance.choice([",", ";", "\t", "|"])
        self.ends = chance.choice(["\n", "\r\n"])
        self.decimal = chance.choice([".", ","])
        self.thousands = chance.choice([mark for mark in ("", ".", ",", "'", " ") if mark != self.decimal])
        self.negatives = chance.choice(["minus", "trailing", "brackets"])
        self.dates = chance.choice(list(FORMS))
        self.chance = chance

    def cell(self, table: str, name: str, text: str) -> str:
        """A cell of the plain files in this writing."""
        kind = schema()[table][name].type
        if not text or kind not in ("number", "integer", "date"):
            return text
        if kind == "date":
            return FORMS[self.dates].format(date.fromisoformat(text))
        whole, _, part = text.lstrip("-").partition(".")
        whole = f"{int(whole):,}".replace(",", self.thousands if self.chance.random() < 0.8 else "")
        number = whole + (self.decimal + part if part else "")
        signed = {"minus": f"-{number}", "trailing": f"{number}-", "brackets": f"({number})"}
        return signed[self.negatives] if text.startswith("-") else number

    def said(self, table: str, file: str) -> str:
        """Its lines in sources.toml."""
        lines = [f"[tables.{table}]", f'file = "{file}"']
        names = ("encoding", "separator", "decimal", "thousands", "negatives", "dates")
        lines += [
            f"{name} = '{getattr(self, name)}'" if getattr(self, name) != "'" else f'{name} = "\'"' for name in names
        ]
        return "\n".join(lines).replace("'\t'", '"\\t"') + "\n"


def shuffled(chance: random.Random, rows: list[list[str]]) -> list[list[str]]:
    """Columns and rows in any order, the header first."""
    order = list(range(len(rows[0])))
    chance.shuffle(order)
    below = [[row[at] for at in order] for row in rows[1:]]
    chance.shuffle(below)
    return [[rows[0][at] for at in order], *below]


def as_text(chance: random.Random, writing: Writing, rows: list[list[str]]) -> bytes:
    """A delimited file, with what Excel and people leave around a table."""
    out = io.StringIO()
    quoting = chance.choice([csv.QUOTE_MINIMAL, csv.QUOTE_ALL])
    csv.writer(out, delimiter=writing.separator, lineterminator=writing.ends, quoting=quoting).writerows(rows)
    text, mark = out.getvalue(), writing.separator
    if chance.random() < 0.3:
        text = text.replace(writing.ends, mark * chance.randint(1, 3) + writing.ends)
    if chance.random() < 0.3:
        text += (mark * chance.randint(0, 9) + writing.ends) * 2
    if chance.random() < 0.3:
        text = f"sep={mark}{writing.ends}{text}"
    return text.encode(writing.encoding)


def as_book(chance: random.Random, table: str, rows: list[list[str]], plain: list[list[str]]) -> bytes:
    """A workbook in which any cell is text, in the writing, or typed."""
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = table
    sheet.append(rows[0])
    for written, bare in zip(rows[1:], plain[1:], strict=True):
        cells: list[Any] = []
        for name, text, value in zip(rows[0], written, bare, strict=True):
            kind = schema()[table][name].type
            typed = value and chance.random() < 0.5 and kind in ("number", "integer", "date")
            number = float(value) if typed and kind != "date" else None
            cells.append((date.fromisoformat(value) if number is None else number) if typed else text or None)
        sheet.append(cells)
    kept = io.BytesIO()
    book.save(kept)
    return kept.getvalue()


def rewritten(folder: Path, chance: random.Random) -> Path:
    """The company with every table in a writing of its own."""
    changes: dict[str, str | bytes | None] = dict.fromkeys((f"{name}.csv" for name in TABLES), None)
    said = ""
    for table in TABLES:
        writing = Writing(chance)
        plain = shuffled(chance, list(csv.reader(PLAIN[f"{table}.csv"].splitlines())))
        head = plain[0]
        rows = [
            head,
            *([writing.cell(table, name, text) for name, text in zip(head, row, strict=True)] for row in plain[1:]),
        ]
        suffix = chance.choice(["txt", "csv", "xlsx"])
        file = f"{table}_export.{suffix}"
        book = suffix == "xlsx"
        changes[file] = as_book(chance, table, rows, plain) if book else as_text(chance, writing, rows)
        said += writing.said(table, file)
    return write(folder, {**changes, "sources.toml": said})


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_the_same_company_in_any_writing(seed: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        plain = read(write(Path(folder) / "plain", dict(LARGE)))
        other = read(rewritten(Path(folder) / "other", random.Random(seed)))
        assert other.fingerprint == plain.fingerprint


def test_parquet_of_typed_columns_is_the_same_company(tmp_path: Path) -> None:
    plain = read(write(tmp_path / "plain", dict(LARGE)))
    folder = write(tmp_path / "other", dict.fromkeys((f"{name}.csv" for name in TABLES), None))
    for table in TABLES:
        given_ = pl.read_csv(PLAIN[f"{table}.csv"].encode(), infer_schema=False).columns
        plain[table].select(given_).sample(fraction=1.0, shuffle=True, seed=7).write_parquet(
            folder / f"{table}.parquet"
        )
    assert read(folder).fingerprint == plain.fingerprint
