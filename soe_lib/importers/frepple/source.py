"""Reads frePPLe's exported CSV tables: unifies headers, types cells and checks references."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import polars as pl

from soe_lib.errors import DataError, hint
from soe_lib.importers import names


@dataclass(frozen=True)
class Column:
    """One column of a frePPLe table, defined in columns.csv.

    Parameters
    ----------
    kind : text, number, seconds (a duration), time or flag.
    needed : required in an exported table.
    blank : frePPLe's documented value of a blank cell; None if there is none.
    also : alternative heading.
    names : the table that the column references.
    """

    kind: str
    needed: bool
    blank: float | bool | str | None
    also: str
    names: str


def _columns() -> dict[str, dict[str, Column]]:
    tables: dict[str, dict[str, Column]] = {}
    for row in csv.DictReader(Path(__file__).with_name("columns.csv").read_text(encoding="utf-8").splitlines()):
        kind, said = row["kind"], row["blank"]
        known = said == "true" if kind == "flag" else float(said) if said else None
        blank = "" if kind == "text" else known if said else None
        column = Column(kind, row["needed"] == "yes", blank, row["also"], row["names"])
        tables.setdefault(row["table"], {})[row["column"]] = column
    return tables


COLUMNS: Mapping[str, Mapping[str, Column]] = _columns()
"""The columns to read: table → columns."""

REQUIRED = ("item", "location", "demand")
"""Required tables."""

EXPECTED = (
    "buffer",
    "calendar",
    "calendarbucket",
    "customer",
    "itemdistribution",
    "itemsupplier",
    "operation",
    "operationmaterial",
    "operationresource",
    "resource",
)
"""Tables of every full export; a missing one is read as empty, with a note."""

ORDER_TABLES: Mapping[str, str] = {"purchaseorder": "PO", "distributionorder": "DO", "manufacturingorder": "MO"}
"""Order tables of newer exports → frePPLe's type."""


TYPES: Mapping[str, pl.DataType] = {
    "text": pl.String(),
    "number": pl.Float64(),
    "seconds": pl.Float64(),
    "time": pl.Datetime("us"),
    "flag": pl.Boolean(),
}


@dataclass(frozen=True)
class Frepple:
    """The tables of one frePPLe export, all typed; a table that was not exported has no rows.

    Parameters
    ----------
    folder : folder of the CSV files.
    tables : by frePPLe's own name, for example `itemsupplier`; durations in seconds.
    unused : rows of the CSV files that the importer does not know, by file name.
    absent : missing tables of a full export.
    beside : unused columns with values: file → column → filled cells.
    """

    folder: Path
    tables: Mapping[str, pl.DataFrame]
    unused: Mapping[str, int]
    absent: tuple[str, ...] = ()
    beside: Mapping[str, Mapping[str, int]] = field(default_factory=dict)

    def __getitem__(self, table: str) -> pl.DataFrame:
        return self.tables[table]


def read(folder: Path) -> Frepple:
    """Read the CSV tables of a frePPLe export.

    Parameters
    ----------
    folder : contains item.csv, location.csv, demand.csv and the other exported tables.

    Raises
    ------
    DataError : no such folder, a needed table or column missing, two files for one table, a cell that is no number,
        date or duration where one belongs.
    """
    if not folder.is_dir():
        raise DataError(f"There is no folder {folder}: give the folder that holds frePPLe's CSV tables.")
    files = _files(folder)
    missing = [table for table in REQUIRED if table not in files]
    if missing:
        found = ", ".join(sorted(path.name for path in files.values())) or "no CSV file at all"
        lacking = " and ".join(f"{table}.csv" for table in missing)
        raise DataError(
            f"The frePPLe export in {folder} lacks {lacking} (found: {found}). "
            f"Export {'this table' if len(missing) == 1 else 'these tables'} from frePPLe as CSV into the same folder."
        )
    raw = {table: _renamed(path, table) for table, path in files.items() if table in COLUMNS}
    known = {table: _table(raw[table], files[table], table) if table in raw else _empty(table) for table in COLUMNS}
    beside = {files[table].name: _beside(rows, table) for table, rows in raw.items()}
    unused = {path.name: _rows(path).height for table, path in files.items() if table not in COLUMNS}
    absent = tuple(table for table in EXPECTED if table not in files)
    return Frepple(
        folder, _with_orders(known), unused, absent, {file: found for file, found in beside.items() if found}
    )


def _files(folder: Path) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() != ".csv":
            continue
        name = _plain(path.stem)
        table = name if name in COLUMNS else name.removesuffix("s")
        if table in found:
            raise DataError(f"{found[table].name} and {path.name} are both frePPLe's table {table}: keep one of them.")
        found[table] = path
    return found


def _plain(label: str) -> str:
    return re.sub(r"[^a-z0-9]", "", label.lower().strip().removesuffix("_id"))


def _rows(path: Path) -> pl.DataFrame:
    try:
        with path.open(encoding="utf-8-sig") as lines:
            header = lines.readline()
        separator = ";" if header.count(";") > header.count(",") else ","
        rows = pl.read_csv(path, separator=separator, infer_schema=False)
    except (pl.exceptions.PolarsError, UnicodeDecodeError) as error:
        raise DataError(f"{path.name} is no readable CSV table ({error}). Export it again as CSV in UTF-8.") from error
    return rows.with_columns(pl.all().fill_null("").str.strip_chars())


def _renamed(path: Path, table: str) -> pl.DataFrame:
    """The rows as text under frePPLe's column names."""
    rows = _rows(path)
    aliases = {column.also: name for name, column in COLUMNS[table].items() if column.also}
    names = {column: aliases.get(_plain(column), _plain(column)) for column in rows.columns}
    twins = sorted(column for column, name in names.items() if list(names.values()).count(name) > 1)
    if twins:
        raise DataError(f"{path.name} has the same column twice ({', '.join(twins)}): keep one of them.")
    return rows.rename(names)


def _beside(rows: pl.DataFrame, table: str) -> dict[str, int]:
    """Unused columns with values, with the number of filled cells."""
    filled = {column: int((rows[column] != "").sum()) for column in rows.columns if column not in COLUMNS[table]}
    return {column: count for column, count in filled.items() if count}


def _table(rows: pl.DataFrame, path: Path, table: str) -> pl.DataFrame:
    for column, one in COLUMNS[table].items():
        if one.needed and column not in rows.columns:
            problem = f"{path.name} has no column {column}. {hint(column, rows.columns)}".rstrip()
            raise DataError(f"{problem} Export the table again with this column.")
    return rows.select(
        _typed(rows, path.name, column, one.kind)
        if column in rows.columns
        else pl.lit(None, TYPES[one.kind]).alias(column)
        for column, one in COLUMNS[table].items()
    ).with_columns(pl.col(name).fill_null(one.blank) for name, one in COLUMNS[table].items() if one.blank is not None)


def _empty(table: str) -> pl.DataFrame:
    return pl.DataFrame(schema={column: TYPES[one.kind] for column, one in COLUMNS[table].items()})


def _typed(rows: pl.DataFrame, file: str, column: str, kind: str) -> pl.Series:
    raw = rows[column]
    typed = rows.select(READERS[kind](pl.col(column)).cast(TYPES[kind]).alias(column))[column]
    wrong = rows.select((pl.col(column) != "") & typed.is_null())[column].arg_true()
    if len(wrong):
        lines = ", ".join(str(row + 2) for row in wrong.head(5))
        raise DataError(
            f"{file}: {len(wrong)} of {len(raw)} values of {column} are no {WORDS[kind]}, first '{raw[wrong[0]]}' "
            f"(rows {lines}). Correct them, or leave the cells blank."
        )
    return typed


def _time(cell: pl.Expr) -> pl.Expr:
    text = cell.str.replace("T", " ").str.slice(0, 19)
    return pl.coalesce(
        text.str.to_datetime("%Y-%m-%d %H:%M:%S", strict=False),
        text.str.to_datetime("%Y-%m-%d %H:%M", strict=False),
        text.str.to_date("%Y-%m-%d", strict=False).cast(pl.Datetime("us")),
    )


def _seconds(cell: pl.Expr) -> pl.Expr:
    """Seconds as a number, "[days ]hours:minutes[:seconds]", or ISO 8601 ("P1DT2H30M")."""

    def part(pattern: str, text: pl.Expr) -> pl.Expr:
        return text.str.extract(pattern).cast(pl.Float64, strict=False).fill_null(0.0)

    clock = (
        part(r"^(\d+) ", cell) * 86400
        + part(r"(\d+):\d+(?::\d+)?$", cell) * 3600
        + part(r"\d+:(\d+)(?::\d+)?$", cell) * 60
        + part(r"\d+:\d+:(\d+)$", cell)
    )
    days, hours = cell.str.extract(r"^P([^T]*)"), cell.str.extract(r"T(.*)$")
    iso = (
        part(r"(\d+)W", days) * 604800
        + part(r"(\d+)D", days) * 86400
        + part(r"(\d+)H", hours) * 3600
        + part(r"(\d+)M", hours) * 60
        + part(r"([\d.]+)S", hours)
    )
    return (
        pl.when(cell.str.contains(r"^(\d+ )?\d+:\d{2}(:\d{2})?$"))
        .then(clock)
        .when(cell.str.contains(r"^P(\d+W)?(\d+D)?(T(\d+H)?(\d+M)?([\d.]+S)?)?$"))
        .then(iso)
        .otherwise(cell.cast(pl.Float64, strict=False))
    )


def _flag(cell: pl.Expr) -> pl.Expr:
    words = {"true": True, "1": True, "yes": True, "t": True, "false": False, "0": False, "no": False, "f": False}
    return cell.str.to_lowercase().replace_strict(words, default=None, return_dtype=pl.Boolean)


def _number(cell: pl.Expr) -> pl.Expr:
    number = cell.cast(pl.Float64, strict=False)
    return pl.when(number.is_finite()).then(number)


READERS = {"text": lambda cell: cell, "number": _number, "seconds": _seconds, "time": _time, "flag": _flag}
WORDS = {"text": "text", "number": "number", "seconds": "duration", "time": "date", "flag": "true or false"}


def _with_orders(tables: dict[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
    """Put the separate order tables of newer exports (purchaseorder.csv, …) into operationplan, typed PO, DO or MO."""
    parts = [tables["operationplan"]]
    for table, kind in ORDER_TABLES.items():
        rows = tables[table].with_columns(type=pl.lit(kind))
        fresh = rows.join(parts[0].select("type", "reference"), on=["type", "reference"], how="anti")
        parts.append(fresh.select(parts[0].columns))
    return {**tables, "operationplan": pl.concat(parts)}


ALWAYS = ("item", "location", "operation", "resource")
"""Tables whose references must exist."""
WHERE_EXPORTED = ("customer", "supplier", "skill", "calendar")
"""Tables that may be missing: their names are then taken from the tables that reference them."""


def check(source: Frepple) -> None:
    """Stop at names that do not exist.

    Raises
    ------
    DataError : lists every column with unknown names, their count and the first of them; and duplicate names.
    """
    wanted = [*ALWAYS, *(table for table in WHERE_EXPORTED if source[table].height)]
    problems = [problem for table in wanted for problem in _twice(source, table)]
    for table in wanted:
        for user, columns in COLUMNS.items():
            for column in (name for name, one in columns.items() if one.names == table):
                problems += _unknown(source, table, user, column)
    if problems:
        raise DataError(
            f"The frePPLe export in {source.folder} is inconsistent: {'; '.join(problems)}. "
            "Export all tables at the same time, from the same scenario."
        )


def _twice(source: Frepple, table: str) -> list[str]:
    twice = source[table].filter(pl.col("name").is_duplicated())
    return [f"{table}.csv has {twice.height} rows with the same name ({names(twice['name'])})"] if twice.height else []


def _unknown(source: Frepple, table: str, user: str, column: str) -> list[str]:
    known = source[table]["name"].implode()
    lost = source[user].filter(pl.col(column) != "", ~pl.col(column).is_in(known))
    if lost.is_empty():
        return []
    return [
        f"{lost.height} of {source[user].height} rows of {user}.csv contain names missing from {table}.csv "
        f"({names(lost[column])})"
    ]


def tell(
    key: str, rows: pl.DataFrame, total: int, *, things: str = "", column: str = "", **figures: object
) -> tuple[str, ...]:
    """One sentence on some rows, or none without rows: "3 of 40 <things> <what>: A, B, C."

    Parameters
    ----------
    key : of the sentence in assumptions.csv.
    rows : the rows concerned. total : the number of all rows.
    things, column : name of the rows, and the column of their labels, if assumptions.csv leaves them blank.
    figures : values of the sentence's placeholders.
    """
    if rows.is_empty():
        return ()
    said = _assumptions()[key]
    what = said["what"].format(**figures)
    named = names(rows[column or said["column"]])
    return (f"{rows.height:,} of {total:,} {things or said['things']} {what}: {named}.",)


@cache
def _assumptions() -> dict[str, dict[str, str]]:
    """Every possible assumption of an import, by key."""
    text = Path(__file__).with_name("assumptions.csv").read_text(encoding="utf-8")
    return {row["key"]: row for row in csv.DictReader(text.splitlines())}
