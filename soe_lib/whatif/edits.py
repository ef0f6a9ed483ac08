"""One recorded edit of a snapshot: what it changes, in which rows, and how it reads."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import polars as pl

from soe_lib.errors import DataError, hint
from soe_lib.extract.schema import Column, schema
from soe_lib.extract.settings import CHOICES
from soe_lib.extract.snapshot import Snapshot
from soe_lib.whatif import where
from soe_lib.whatif.where import Filters, Value, condition, shown

SETTINGS = "settings"


ROW = "(row)"


@dataclass(frozen=True)
class Edit:
    """One change, as recorded in scenarios.toml.

    Parameters
    ----------
    action : scale, set, add_to, delay, longer, promise, drop, event or row.
    table, column : what is changed; the column is blank for whole rows. "settings" stands for settings.toml.
    amount : factor, new value, addition or days.
    where : filters, all of which must hold; each accepts one of its values.
    values : the columns of an event, or of a new row.

    Raises
    ------
    DataError : an unknown action, table or column (with the nearest), or an amount that does not fit.
    """

    action: str
    table: str
    column: str = ""
    amount: Value = None
    where: Filters = ()
    values: tuple[tuple[str, Value], ...] = ()

    def __post_init__(self) -> None:
        if self.action not in ACTIONS:
            raise DataError(
                f"There is no edit {self.action!r}. {hint(self.action, ACTIONS)} Known: {', '.join(ACTIONS)}."
            )
        if self.table == SETTINGS:
            return
        if self.table not in schema():
            raise DataError(f"There is no table {self.table!r} to edit. {hint(self.table, schema())}".strip())
        names = schema()[self.table].names
        for name in (self.column, *(name for name, _ in self.values)):
            if name and name not in names:
                raise DataError(f"{self.table} has no column {name!r}. {hint(name, names)}".strip())
        _check(self.action, self.table, self.column, self.amount)

    @property
    def path(self) -> str:
        """Table and column, as written in the call."""
        return f"{self.table}.{self.column}" if self.column else self.table

    def __str__(self) -> str:
        if self.action == "row":
            return f"{ACTIONS['row'].words(self.table, '')}: {', '.join(f'{n} {shown(v)}' for n, v in self.values)}"
        if self.action == "event":
            given = dict(self.values)
            rest = [f"{name} {shown(value)}" for name, value in self.values if name not in ("kind", "target")]
            return f"{given.get('kind')} of {given.get('target')}" + (f" ({', '.join(rest)})" if rest else "")
        return ACTIONS[self.action].words(self.path, shown(self.amount)) + condition(self.where)

    def apply(self, snapshot: Snapshot, number: int = 1) -> Snapshot:
        """The snapshot with this edit made; the rules of the contract are not checked again here.

        Parameters
        ----------
        number : place of the edit in its scenario; names the event that it adds.
        """
        if self.table == SETTINGS:
            return _with_setting(snapshot, self.column, self.action, self.amount)
        if self.action == "event":
            return snapshot.replace(events=pl.concat([snapshot["events"], self._event(snapshot, number)]))
        if self.action == "row":
            return snapshot.replace(**{self.table: pl.concat([snapshot[self.table], self._row(snapshot)])})
        frame, meant = self._rows(snapshot)
        if self.action == "drop":
            return _dropped(snapshot, self.table, frame, meant)
        return snapshot.replace(**{self.table: self._changed(snapshot, frame, meant)})

    def touched(self, snapshot: Snapshot, number: int = 1) -> pl.DataFrame:
        """The rows that this edit changes: [table, row, column, before, after, difference].

        Parameters
        ----------
        snapshot : as it is before this edit.
        """
        if self.table == SETTINGS:
            after = _setting(self.apply(snapshot, number), self.column)
            return _changes(SETTINGS, [SETTINGS], self.column, [_setting(snapshot, self.column)], [after])
        if self.action == "event":
            return _changes("events", self._event(snapshot, number)["event"].to_list(), ROW, ["not there"], ["added"])
        if self.action == "row":
            added = where.row_names(self.table, self._row(snapshot))
            return _changes(self.table, added, ROW, ["not there"], ["added"])
        frame, meant = self._rows(snapshot)
        rows = frame.filter(meant)
        keys = where.row_names(self.table, rows)
        if self.action == "drop":
            return _changes(self.table, keys, ROW, ["there"] * rows.height, ["dropped"] * rows.height)
        new = self._changed(snapshot, frame, meant).filter(meant)
        names = [self._target, *(["hours"] if self.action == "longer" and rows["hours"].count() else [])]
        pairs = ((name, rows[name].to_list(), new[name].to_list()) for name in names)
        return pl.concat([_changes(self.table, keys, *pair) for pair in pairs])

    @property
    def _target(self) -> str:
        return _target(self.action, self.table, self.column)

    def _rows(self, snapshot: Snapshot) -> tuple[pl.DataFrame, pl.Series]:
        """The table, its rows split where a time label cuts them, and a mask of the rows that the filters select."""
        frame, aside = self._planned(snapshot)
        for name, values in self.where:
            if where.day_column(self.table, name) == where.LABEL:
                frame = where.split(snapshot, self.table, frame, values)
        meant = where.meant_rows(snapshot, self.table, frame, self.where)
        if self.action in ("scale", "add_to", "delay"):
            filled = frame[self._target].is_not_null()
            if not (meant & filled).any():
                raise DataError(
                    f"All {meant.sum()} rows of {self.table}{condition(self.where)} have a blank {self._target}: there "
                    f'is nothing to change. Give them a value with .set("{self.table}.{self._target}", …).'
                )
            meant = meant & filled
        return pl.concat([frame, aside]), meant.append(pl.repeat(False, aside.height, eager=True))

    def _planned(self, snapshot: Snapshot) -> tuple[pl.DataFrame, pl.DataFrame]:
        """The table's rows, and rows left aside: forecast versions that are not planned with, unless a filter names
        one.
        """
        frame, version = snapshot[self.table], snapshot.settings.forecast.version
        if self.table != "forecast" or not version or any(name == "version" for name, _ in self.where):
            return frame, frame.clear()
        now = pl.col("version") == version
        return frame.filter(now), frame.filter(~now)

    def _changed(self, snapshot: Snapshot, frame: pl.DataFrame, meant: pl.Series) -> pl.DataFrame:
        if self.action == "longer":
            assert isinstance(self.amount, int | float), "checked when it is made"
            return _longer(snapshot, frame, meant, round(self.amount))
        column = schema()[self.table][self._target]
        new = _computed(self.action, column, self.amount)
        return frame.with_columns(pl.when(pl.lit(meant)).then(new).otherwise(pl.col(column.name)).alias(column.name))

    def _row(self, snapshot: Snapshot) -> pl.DataFrame:
        blank = {column.name: column.default for column in schema()[self.table].columns}
        columns = {**blank, **dict(self.values)}
        return pl.DataFrame({name: [value] for name, value in columns.items()}, schema=snapshot[self.table].schema)

    def _event(self, snapshot: Snapshot, number: int) -> pl.DataFrame:
        given: dict[str, Any] = dict(self.values)
        for name, end in (("from", "first"), ("to", "last")):
            if isinstance(given.get(name), str):
                given[name] = where.spans(snapshot.calendar, (given[name],))[end][0]
        label, taken = f"edit {number}", set(snapshot["events"]["event"])
        while label in taken:
            label += "+"
        columns = {**{column.name: column.default for column in schema()["events"].columns}, **given, "event": label}
        return pl.DataFrame({name: [value] for name, value in columns.items()}, schema=snapshot["events"].schema)


DELAYED = {
    "receipts": "due_on",
    "orders": "due_on",
    "offers": "lead_time_days",
    "lanes": "lead_time_days",
    "routings": "lead_time_days",
}
"""Table → the column that a delay changes."""


PROMISED, PROMISING = "committed", ("forecast", "orders")
"""The column of committed demand, and the tables that have it."""


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


def _target(action: str, table: str, column: str) -> str:
    """The column that an edit changes: of a delay the date or lead time, of a promise `committed`."""
    moved = {"delay": DELAYED.get(table, column), "promise": PROMISED, "longer": "to"}
    return moved.get(action, column)


def _computed(action: str, column: Column, amount: Value) -> pl.Expr:
    """The new values of a column, in the contract's type."""
    compute = ACTIONS[action].compute
    assert compute is not None, f"{action} is of whole rows"
    by = pl.duration(days=pl.lit(amount)) if action == "delay" and column.type == "date" else pl.lit(amount)
    new = compute(pl.col(column.name), by)
    return (new.round(0) if column.type == "integer" else new).cast(column.dtype)


def _check(action: str, table: str, column: str, amount: Value) -> None:
    """Raises DataError for an edit without meaning: a text that is scaled, a table that cannot be late."""
    if action == "longer":
        if table != "events":
            raise DataError(f"Only events can last longer, not {table}; use .delay for later dates.")
        if isinstance(amount, bool) or not isinstance(amount, int | float) or amount != round(amount):
            raise DataError(f"An event lasts whole days longer, not {shown(amount)}.")
    if ACTIONS[action].compute is None:
        return
    path = f"{table}.{column}" if column else table
    if action == "delay" and table not in DELAYED:
        raise DataError(f"{table} cannot be late; a delay is for {', '.join(DELAYED)}.")
    if action == "promise" and table not in PROMISING:
        raise DataError(f"{table} holds no demand to promise; a promise is for {', '.join(PROMISING)}.")
    if not _target(action, table, column):
        raise DataError(f'{action} changes a column: write it behind a dot, such as "calendar.hours".')
    changed = schema()[table][_target(action, table, column)]
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
        raise DataError(f"{path} is part of the row's key and cannot be edited: drop the row, or edit other columns.")
    kinds: dict[str, type | tuple[type, ...]] = {"text": str, "date": date, "yes-no": bool}
    fits = isinstance(amount, kinds.get(column.type, (int, float)))
    if column.type in NUMBERS and isinstance(amount, bool):
        fits = False
    if amount is None and column.type != "text" and not column.required:
        return
    if not fits:
        raise DataError(f"{path} must be a {column.type}, not {shown(amount)}.")


EDITABLE = (
    "costs.holding_on",
    "costs.capital_rate",
    "lead_time.dispatch",
    "fence.frozen_days",
    "fence.slushy_days",
    "fence.change_cost",
    "objective.mode",
    "objective.allocation",
    "terms.receivable_days",
    "terms.payable_days",
    "forecast.version",
)


def _with_setting(snapshot: Snapshot, path: str, action: str, amount: Value) -> Snapshot:
    """The snapshot with one setting changed; `path` is section and name, such as "objective.mode"."""
    if path not in EDITABLE:
        advice = hint(path, EDITABLE) or f"These can: {', '.join(EDITABLE)}."
        raise DataError(f"The setting {path!r} cannot be edited in a scenario. {advice}")
    section, name = path.split(".")
    old = getattr(getattr(snapshot.settings, section), name)
    new = _new(path, old, action, amount)
    changed = replace(getattr(snapshot.settings, section), **{name: new})
    return replace(snapshot, settings=replace(snapshot.settings, **{section: changed}))


def _setting(snapshot: Snapshot, path: str) -> Value:
    """The value of one setting, such as "objective.mode"."""
    section, _, name = path.partition(".")
    value: Value = getattr(getattr(snapshot.settings, section), name)
    return value


def _new(path: str, old: Any, action: str, amount: Value) -> Any:
    numeric = isinstance(amount, int | float) and not isinstance(amount, bool)
    if action in ("scale", "add_to") and numeric and not isinstance(old, str):
        assert isinstance(amount, int | float)
        return type(old)(old * amount if action == "scale" else old + amount)
    if action != "set" or numeric == isinstance(old, str) or isinstance(amount, bool) or amount is None:
        raise DataError(f"The setting {path} is {shown(old)}; {action} {shown(amount)} does not fit it.")
    if path in CHOICES and amount not in CHOICES[path]:
        raise DataError(f"The setting {path} is one of {', '.join(CHOICES[path])}, not {shown(amount)}.")
    return type(old)(amount)


TOUCHED = {
    **dict.fromkeys(("table", "row", "column", "before", "after"), pl.String),
    "difference": pl.Float64,
}


def _changes(table: str, rows: list[str], column: str, before: list[Any], after: list[Any]) -> pl.DataFrame:
    """One line per row touched: [table, row, column, before, after, difference].

    difference = after − before where both are numbers, else blank.
    """
    return pl.DataFrame(
        {
            "table": [table] * len(rows),
            "row": rows,
            "column": [column] * len(rows),
            "before": [shown(value) for value in before],
            "after": [shown(value) for value in after],
            "difference": [_difference(old, new) for old, new in zip(before, after, strict=True)],
        },
        schema=TOUCHED,
    )


def _difference(old: Any, new: Any) -> float | None:
    numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in (old, new))
    return float(new) - float(old) if numbers else None


def _longer(snapshot: Snapshot, events: pl.DataFrame, meant: pl.Series, days: int) -> pl.DataFrame:
    """The events with `to` moved by some days, and `hours`, where given, kept per working day.

    Raises DataError for an event without an end, or one that would end before it begins.
    """
    first = pl.col("from").fill_null(pl.lit(snapshot.as_of))
    until = pl.col("to") + pl.duration(days=days)
    asked = events.filter(meant)
    for fault, text in (
        (pl.col("to").is_null(), 'has no end, so it cannot last longer: give it one with .set("events.to", …)'),
        (until < first, f"would end before it begins, {days} days from its end: drop it instead"),
    ):
        if (bad := asked.filter(fault)).height:
            raise DataError(f"Event {bad['event'][0]} {text}.")
    working = list(snapshot.settings.calendar.working_days)
    old, new = (_works(pl.date_ranges(first, end), working) for end in (pl.col("to"), until))
    each = pl.when(old == 0).then((until - first).dt.total_days() + 1).otherwise(new)
    of = pl.when(old == 0).then((pl.col("to") - first).dt.total_days() + 1).otherwise(old)
    changed = asked.with_columns(until.alias("to"), pl.col("hours") * each / of)
    place = pl.int_range(pl.len()).alias("_place")
    kept, moved = events.with_columns(place).filter(~meant), changed.with_columns(events.select(place).filter(meant))
    return pl.concat([kept, moved.select(kept.columns)]).sort("_place").drop("_place")


def _works(days: pl.Expr, working: list[int]) -> pl.Expr:
    """How many of some days are working days."""
    return days.list.eval(pl.element().dt.weekday().is_in(working)).list.sum()


def _dropped(snapshot: Snapshot, table: str, frame: pl.DataFrame, gone: pl.Series) -> Snapshot:
    """The snapshot without some rows of a table, and without rows that depend on them.

    A row whose key or required column refers to a dropped row is dropped too (the components of a routing); an optional
    reference is blanked (a receipt's lane). A name that still has another row (of another validity) stays.

    Parameters
    ----------
    gone : which rows of `frame` are dropped.
    """
    changed = snapshot.replace(**{table: frame.filter(~gone)})
    for other in schema().values():
        for column in other.columns:
            target, _, key = column.references.partition(".")
            if target != table or changed[other.name].is_empty():
                continue
            lost = frame[key].filter(gone).unique()
            lost = lost.filter(~lost.is_in(changed[table][key].implode()))
            names = changed[other.name][column.name].is_in(lost.implode())
            if not names.any():
                continue
            if column.key or column.required:
                changed = _dropped(changed, other.name, changed[other.name], names)
            else:
                blank = pl.when(pl.lit(names)).then(pl.lit("")).otherwise(pl.col(column.name)).alias(column.name)
                changed = changed.replace(**{other.name: changed[other.name].with_columns(blank)})
    return changed
