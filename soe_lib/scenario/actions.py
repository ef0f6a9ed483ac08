"""What an edit can do to a column: how it reads, what it computes, and what it needs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date

import polars as pl

from soe_lib.errors import DataError
from soe_lib.extract.schema import Column, schema
from soe_lib.scenario.values import Value, shown

DELAYED = {
    "receipts": "due_on",
    "orders": "due_on",
    "offers": "lead_time_days",
    "lanes": "lead_time_days",
    "routings": "lead_time_days",
}
"""What a delay moves in each table that can be late."""
PROMISED, PROMISING = "committed", ("forecast", "orders")
"""The column of what must be served, and the tables that have it beside a quantity."""
NUMBERS = ("number", "integer")


@dataclass(frozen=True)
class Action:
    """A kind of edit.

    Parameters
    ----------
    words : (path, amount) → how it reads.
    compute : (column, amount) → the new values; None for an action on whole rows.
    """

    words: Callable[[str, str], str]
    compute: Callable[[pl.Expr, pl.Expr], pl.Expr] | None = None


ACTIONS: Mapping[str, Action] = {
    "scale": Action(lambda path, amount: f"{path} × {amount}", lambda column, amount: column * amount),
    "set": Action(lambda path, amount: f"{path} set to {amount}", lambda _, amount: amount),
    "add_to": Action(
        lambda path, amount: f"{path} {'' if amount.startswith('-') else '+'}{amount}",
        lambda column, amount: column + amount,
    ),
    "delay": Action(lambda path, amount: f"{path} {amount} days later", lambda column, amount: column + amount),
    "longer": Action(lambda path, amount: f"{path} {amount} days longer"),
    "promise": Action(
        lambda path, amount: f"{path} promised to {float(amount):.0%}",
        lambda _, amount: amount * pl.col("quantity"),
    ),
    "drop": Action(lambda path, _: f"without {path}"),
    "event": Action(lambda path, _: f"a new row of {path}"),
    "row": Action(lambda path, _: f"a new row of {path}"),
}


def target(action: str, table: str, column: str) -> str:
    """The column that an edit changes; a delay moves what makes the table's rows late, a promise `committed`."""
    moved = {"delay": DELAYED.get(table, column), "promise": PROMISED, "longer": "to"}
    return moved.get(action, column)


def computed(action: str, column: Column, amount: Value) -> pl.Expr:
    """The new values of a column, in the contract's type."""
    compute = ACTIONS[action].compute
    assert compute is not None, f"{action} is of whole rows"
    by = pl.duration(days=pl.lit(amount)) if action == "delay" and column.type == "date" else pl.lit(amount)
    new = compute(pl.col(column.name), by)
    return (new.round(0) if column.type == "integer" else new).cast(column.dtype)


def check(action: str, table: str, column: str, amount: Value) -> None:
    """Stop at an edit that cannot mean anything.

    Raises
    ------
    DataError : a key, a text that is scaled, a number where a date belongs, a table that cannot be late.
    """
    if action == "longer":
        if table != "events":
            raise DataError(f"Events last longer, {table} do not; .delay is for what comes later.")
        if isinstance(amount, bool) or not isinstance(amount, int | float) or amount != round(amount):
            raise DataError(f"An event lasts whole days longer, not {shown(amount)}.")
    if ACTIONS[action].compute is None:
        return
    path = f"{table}.{column}" if column else table
    if action == "delay" and table not in DELAYED:
        raise DataError(f"{table} cannot be late; a delay is for {', '.join(DELAYED)}.")
    if action == "promise" and table not in PROMISING:
        raise DataError(f"{table} holds no demand to promise; a promise is for {', '.join(PROMISING)}.")
    if not target(action, table, column):
        raise DataError(f'{action} changes a column: write it behind a dot, such as "calendar.hours".')
    changed = schema()[table][target(action, table, column)]
    if action == "set":
        _check_new(path, changed, amount)
    elif isinstance(amount, bool) or not isinstance(amount, int | float):
        raise DataError(f"{action} of {path} needs a number, not {shown(amount)}.")
    elif action == "promise" and not 0 <= amount <= 1:
        raise DataError(f"A promise is a share of the quantity from 0 to 1, not {shown(amount)}.")
    elif action == "delay":
        if amount != round(amount) and changed.type == "date":
            raise DataError(f"A delay of {path} is in whole days, not {shown(amount)}.")
    elif changed.type not in NUMBERS:
        raise DataError(f'{path} is a {changed.type}, not a number: use .set("{path}", …).')


def _check_new(path: str, column: Column, amount: Value) -> None:
    if column.key:
        raise DataError(f"{path} names the row and is not edited: drop the row, or edit its other columns.")
    kinds: dict[str, type | tuple[type, ...]] = {"text": str, "date": date, "yes-no": bool}
    fits = isinstance(amount, kinds.get(column.type, (int, float)))
    if column.type in NUMBERS and isinstance(amount, bool):
        fits = False
    if amount is None and column.type != "text" and not column.required:
        return
    if not fits:
        raise DataError(f"{path} is a {column.type}, and {shown(amount)} is none.")
