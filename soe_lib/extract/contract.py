"""The data contract as a reader asks for it: every table, the columns of one, or the conventions."""

from __future__ import annotations

import textwrap
from importlib.resources import files

from soe_lib.errors import DataError
from soe_lib.extract.schema import MANDATORY, Column, schema
from soe_lib.extract.spelling import hint

WIDTH = 110
CONVENTIONS = "conventions"


def contract(table: str = "") -> str:
    """Every table with its columns; or of one table each column's type, unit, default and meaning.

    Parameters
    ----------
    table : name of a table; "conventions": what the figures mean where more than one reading is possible; blank: all.

    Raises DataError for a table that the contract does not have.
    """
    if table == CONVENTIONS:
        return files("soe_lib.extract").joinpath("contract.md").read_text(encoding="utf-8")
    if table and table not in schema():
        raise DataError(f"The contract has no table {table!r}. {hint(table, schema())} `soe schema` lists them.")
    if table:
        key = ", ".join(schema()[table].key) or "none"
        return "\n".join([f"{table}: named by {key}.", *map(_column, schema()[table].columns)])
    listed = [
        textwrap.fill(
            ", ".join(found.names),
            WIDTH,
            initial_indent=f"  {name}{' (needed)' if name in MANDATORY else ''}: ",
            subsequent_indent="      ",
        )
        for name, found in schema().items()
    ]
    said = "`soe schema TABLE` explains the columns of one, `soe schema conventions` what the figures mean."
    return "\n".join([f"{len(listed)} tables. {said}", *listed])


def _column(column: Column) -> str:
    marks = [column.type, f"[{column.unit}]" if column.unit else ""]
    marks += ["key" if column.key else "", "required" if column.required else ""]
    if column.default not in (None, ""):
        marks.append(f"blank means {column.default}")
    if column.choices:
        marks.append(f"one of {', '.join(column.choices)}")
    if column.references:
        marks.append(f"a {column.references}")
    head = f"  {column.name} ({', '.join(filter(None, marks))})"
    return f"{head}\n{textwrap.fill(column.meaning, WIDTH, initial_indent='      ', subsequent_indent='      ')}"
