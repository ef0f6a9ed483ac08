"""The data contract, read from schema.csv: every table, column, type, unit, default, example and meaning."""

from __future__ import annotations

import csv
import textwrap
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any

import polars as pl

from soe_lib.errors import DataError, hint

OTHER = "other "
PER = (" started", " demanded")
DType = type[pl.DataType]
DTYPES: MappingProxyType[str, DType] = MappingProxyType(
    {"text": pl.String, "number": pl.Float64, "integer": pl.Int64, "date": pl.Date, "yes-no": pl.Boolean}
)
MANDATORY = ("items", "locations")
GRAVE = ("components", "inventory", "orders")
"""Without these a plan could not be executed: if the previous extract had one and this one does not, it stops."""
DEMAND = ("forecast", "orders")


@dataclass(frozen=True)
class Column:
    """One column of the contract.

    Parameters
    ----------
    key : part of the key of a row; blank is allowed unless the column is also required.
    type : text, number, integer, date or yes-no.
    default : value of a blank cell; None where blank means "none" or "unlimited", see `meaning`.
    minimum : the smallest number allowed; None for no limit.
    required : the file must have the column, and no cell of it may be blank.
    references : "table.column" that must contain the value; blank for none.
    used : whether the planning blocks read it.
    choices : the words allowed; empty for any.
    example : a valid cell.
    """

    table: str
    name: str
    key: bool
    type: str
    unit: str
    default: Any
    minimum: float | None
    required: bool
    references: str
    used: bool
    choices: tuple[str, ...]
    example: str
    meaning: str

    @property
    def dtype(self) -> DType:
        """The polars type of the column in a Snapshot."""
        return DTYPES[self.type]


@dataclass(frozen=True)
class Table:
    """One table of the contract: its columns in order."""

    name: str
    columns: tuple[Column, ...]

    @property
    def key(self) -> tuple[str, ...]:
        """The columns of its key."""
        return tuple(column.name for column in self.columns if column.key)

    @property
    def used(self) -> bool:
        """Whether the planning blocks read any of its columns."""
        return any(column.used for column in self.columns)

    @property
    def names(self) -> tuple[str, ...]:
        """Column names in the contract's order."""
        return tuple(column.name for column in self.columns)

    def __getitem__(self, name: str) -> Column:
        return next(column for column in self.columns if column.name == name)

    def empty(self) -> pl.DataFrame:
        """The table without rows, every column of the right type."""
        return pl.DataFrame(schema={column.name: column.dtype for column in self.columns})


@cache
def schema() -> MappingProxyType[str, Table]:
    """Every table of the contract by name, in the contract's order."""
    text = files("soe_lib.extract").joinpath("schema.csv").read_text(encoding="utf-8")
    columns = [_column(row) for row in csv.DictReader(text.splitlines())]
    names = dict.fromkeys(column.table for column in columns)
    tables = {name: Table(name, tuple(c for c in columns if c.table == name)) for name in names}
    return MappingProxyType(tables)


def _column(row: dict[str, str]) -> Column:
    return Column(
        table=row["table"],
        name=row["column"],
        key=row["key"] == "yes",
        type=row["type"],
        unit=row["unit"],
        default=_default(row["default"], row["type"]),
        minimum=float(row["minimum"]) if row["minimum"] else None,
        required=row["required"] == "yes",
        references=row["references"],
        used=row["used"] == "yes",
        choices=tuple(row["choices"].split(";")) if row["choices"] else (),
        example=row["example"],
        meaning=row["meaning"],
    )


def _default(text: str, kind: str) -> Any:
    if kind == "text":
        return text
    if not text:
        return None
    if kind == "yes-no":
        return text == "yes"
    return int(text) if kind == "integer" else float(text)


WIDTH = 110
CONVENTIONS = "conventions"


def contract(table: str = "") -> str:
    """All tables with their columns, or one table with each column's type, unit, default, meaning and example.

    Parameters
    ----------
    table : name of a table; "conventions": the meaning of figures that could be read in several ways; blank: all.

    Raises DataError for a table that the contract does not have.
    """
    if table == CONVENTIONS:
        return files("soe_lib.extract").joinpath("contract.md").read_text(encoding="utf-8")
    if table and table not in schema():
        raise DataError(f"The contract has no table {table!r}. {hint(table, schema())} `soe schema` lists them.")
    if table:
        key = ", ".join(schema()[table].key) or "none"
        return "\n".join([f"{table}: key {key}.", *map(_column_contract, schema()[table].columns)])
    listed = [
        textwrap.fill(
            ", ".join(found.names),
            WIDTH,
            initial_indent=f"  {name}{' (needed)' if name in MANDATORY else ''}: ",
            subsequent_indent="      ",
        )
        for name, found in schema().items()
    ]
    more = "`soe schema TABLE` explains the columns of a table, `soe schema conventions` the meaning of the figures."
    return "\n".join([f"{len(listed)} tables. {more}", *listed])


def _column_contract(column: Column) -> str:
    marks = [column.type, f"[{column.unit}]" if column.unit else ""]
    marks += ["key" if column.key else "", "required" if column.required else ""]
    if column.default not in (None, ""):
        marks.append(f"blank means {column.default}")
    if column.choices:
        marks.append(f"one of {', '.join(column.choices)}")
    if column.references:
        marks.append(f"a {column.references}")
    head = f"  {column.name} ({', '.join(filter(None, marks))})"
    text = f"{column.meaning}. Example: {column.example}"
    return f"{head}\n{textwrap.fill(text, WIDTH, initial_indent='      ', subsequent_indent='      ')}"


def powers(column: Column) -> Mapping[str, int]:
    """The items whose units a number contains, with their powers: {"component": 1, "routing": -1}; "" is every item.

    Parameters
    ----------
    column : any column; the result is empty if it has no item's unit.
    """
    found: Counter[str] = Counter()
    for place, word in enumerate(_words(column)):
        if word == "unit" or word.startswith("unit "):
            found[_owner(word, schema()[column.table])] += -1 if place else 1
    return {owner: power for owner, power in found.items() if power}


def money(column: Column) -> bool:
    """Whether a number is in money, in total or per unit."""
    return _words(column)[:1] == ["money"]


def owners(table: Table) -> tuple[str, ...]:
    """The columns that identify the items whose units a table uses: first `unit`, then `per_unit`."""
    words = [word for column in table.columns for word in _words(column) if word.split(" ")[0] == "unit"]
    return tuple(dict.fromkeys(_owner(word, table) for word in sorted(words, key=lambda word: word.endswith(PER))))


def _words(column: Column) -> list[str]:
    """The parts of a number's unit; none for a conversion factor between units or currencies."""
    return column.unit.split("/") if column.type == "number" and OTHER not in column.unit else []


def _owner(word: str, table: Table) -> str:
    role = word.removeprefix("unit").strip()
    if role.startswith("of "):
        return role.removeprefix("of ")
    if role == "started" and table.name != "routings":
        return "routing"
    return "item" if "item" in table.names else ""
