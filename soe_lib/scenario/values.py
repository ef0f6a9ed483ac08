"""Plain values of an edit: what may stand in one, and how a reader sees it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any

from soe_lib.errors import DataError
from soe_lib.extract.schema import schema
from soe_lib.extract.settings_file import as_date

Value = str | int | float | bool | date | None
Filters = tuple[tuple[str, tuple[Value, ...]], ...]
Setting = tuple[str, tuple[tuple[str, Value], ...]]
"""A control of the workbench by its key, and what its fields say."""


def dated(path: str, value: Any) -> Any:
    """The value, an ISO text made a date where the path's column holds dates."""
    table, _, column = path.partition(".")
    known = schema().get(table)
    if isinstance(value, str) and known and column in known.names and known[column].type == "date":
        return as_date(value) or value
    return value


def plain(value: Any) -> Value:
    """A value as Python's own text, number, yes/no or date, whatever array or frame it came from.

    Raises
    ------
    DataError : a list, table or other thing that an edit cannot record.
    """
    if hasattr(value, "item") and not isinstance(value, str):
        value = value.item()
    if isinstance(value, datetime):
        value = value.date()
    if value is None or isinstance(value, str | bool | int | float | date):
        return value
    raise DataError(f"An edit takes a text, number, yes/no or date, not {type(value).__name__} {value!r}.")


def filters(where: dict[str, Any]) -> Filters:
    """Filters as recorded: each name with the values that it accepts."""
    return tuple((name, tuple(plain(one) for one in _listed(accepted))) for name, accepted in where.items())


def _listed(accepted: Any) -> Iterable[Any]:
    many = not isinstance(accepted, str) and isinstance(accepted, Iterable)
    values = list(accepted) if many else [accepted]
    if not values:
        raise DataError("A filter with an empty list matches nothing: give a value, or leave the filter out.")
    return values


def shown(value: Value) -> str:
    """A value as a planner would write it."""
    if value is None or value == "":
        return "blank"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)


def condition(where: Filters) -> str:
    """Filters as the end of a sentence: " where resource is L2 and period is 2026-W48 or 2026-W49"."""
    if not where:
        return ""
    parts = [f"{name} is {' or '.join(shown(value) for value in values)}" for name, values in where]
    return f" where {' and '.join(parts)}"
