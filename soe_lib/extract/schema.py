"""The data contract as schema.csv has it: every table, column, type, unit, default and meaning."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any

import polars as pl

DType = type[pl.DataType]
DTYPES: MappingProxyType[str, DType] = MappingProxyType(
    {"text": pl.String, "number": pl.Float64, "integer": pl.Int64, "date": pl.Date, "yes-no": pl.Boolean}
)
MANDATORY = ("items", "locations")
GRAVE = ("components", "inventory", "orders")
"""Without these a plan is made that nobody could carry out: they stop where they were there a week before."""
DEMAND = ("forecast", "orders")


@dataclass(frozen=True)
class Column:
    """One column of the contract.

    Parameters
    ----------
    key : it is part of what names a row; blank is allowed unless it is also required.
    type : text, number, integer, date or yes-no.
    default : what a blank cell means; None where blank means "none" or "unlimited", as `meaning` says.
    minimum : the smallest number allowed; None for no limit.
    required : the file must have the column, and no cell of it may be blank.
    references : "table.column" that the value must be found in; blank for none.
    used : the planning blocks read it now.
    choices : the words allowed; empty for any.
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
        """The columns that together name a row."""
        return tuple(column.name for column in self.columns if column.key)

    @property
    def used(self) -> bool:
        """Whether the planning blocks read any column of it now."""
        return any(column.used for column in self.columns)

    @property
    def names(self) -> tuple[str, ...]:
        """Column names in the contract's order."""
        return tuple(column.name for column in self.columns)

    def __getitem__(self, name: str) -> Column:
        return next(column for column in self.columns if column.name == name)

    def empty(self) -> pl.DataFrame:
        """The table without a row, every column of the right type."""
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
