"""One recorded edit of a snapshot: what it changes, in which rows, and how it reads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import polars as pl

from soe_lib.errors import DataError
from soe_lib.extract.schema import schema
from soe_lib.extract.snapshot import Snapshot
from soe_lib.extract.spelling import hint
from soe_lib.scenario import labels, references, where
from soe_lib.scenario.actions import ACTIONS, check, computed, target
from soe_lib.scenario.longer import longer
from soe_lib.scenario.settings import setting, with_setting
from soe_lib.scenario.touched import changes
from soe_lib.scenario.values import Filters, Value, condition, shown

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
        check(self.action, self.table, self.column, self.amount)

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
            return with_setting(snapshot, self.column, self.action, self.amount)
        if self.action == "event":
            return snapshot.replace(events=pl.concat([snapshot["events"], self._event(snapshot, number)]))
        if self.action == "row":
            return snapshot.replace(**{self.table: pl.concat([snapshot[self.table], self._row(snapshot)])})
        frame, meant = self._rows(snapshot)
        if self.action == "drop":
            return references.dropped(snapshot, self.table, frame, meant)
        return snapshot.replace(**{self.table: self._changed(snapshot, frame, meant)})

    def touched(self, snapshot: Snapshot, number: int = 1) -> pl.DataFrame:
        """The rows that this edit changes: [table, row, column, before, after, difference].

        Parameters
        ----------
        snapshot : as it is before this edit.
        """
        if self.table == SETTINGS:
            after = setting(self.apply(snapshot, number), self.column)
            return changes(SETTINGS, [SETTINGS], self.column, [setting(snapshot, self.column)], [after])
        if self.action == "event":
            return changes("events", self._event(snapshot, number)["event"].to_list(), ROW, ["not there"], ["added"])
        if self.action == "row":
            added = where.names(self.table, self._row(snapshot))
            return changes(self.table, added, ROW, ["not there"], ["added"])
        frame, meant = self._rows(snapshot)
        rows = frame.filter(meant)
        keys = where.names(self.table, rows)
        if self.action == "drop":
            return changes(self.table, keys, ROW, ["there"] * rows.height, ["dropped"] * rows.height)
        new = self._changed(snapshot, frame, meant).filter(meant)
        names = [self._target, *(["hours"] if self.action == "longer" and rows["hours"].count() else [])]
        return pl.concat([changes(self.table, keys, name, rows[name].to_list(), new[name].to_list()) for name in names])

    @property
    def _target(self) -> str:
        return target(self.action, self.table, self.column)

    def _rows(self, snapshot: Snapshot) -> tuple[pl.DataFrame, pl.Series]:
        """The table, rows cut where a label of time cuts them, and which of its rows are meant."""
        frame, aside = self._planned(snapshot)
        for name, values in self.where:
            if labels.day_column(self.table, name) == labels.LABEL:
                frame = labels.split(snapshot, self.table, frame, values)
        meant = where.rows(snapshot, self.table, frame, self.where)
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
        """The table's rows, and those put aside: forecasts that are not planned with, unless a filter asks for one."""
        frame, version = snapshot[self.table], snapshot.settings.forecast.version
        if self.table != "forecast" or not version or any(name == "version" for name, _ in self.where):
            return frame, frame.clear()
        now = pl.col("version") == version
        return frame.filter(now), frame.filter(~now)

    def _changed(self, snapshot: Snapshot, frame: pl.DataFrame, meant: pl.Series) -> pl.DataFrame:
        if self.action == "longer":
            assert isinstance(self.amount, int | float), "checked when it is made"
            return longer(snapshot, frame, meant, round(self.amount))
        column = schema()[self.table][self._target]
        new = computed(self.action, column, self.amount)
        return frame.with_columns(pl.when(pl.lit(meant)).then(new).otherwise(pl.col(column.name)).alias(column.name))

    def _row(self, snapshot: Snapshot) -> pl.DataFrame:
        blank = {column.name: column.default for column in schema()[self.table].columns}
        columns = {**blank, **dict(self.values)}
        return pl.DataFrame({name: [value] for name, value in columns.items()}, schema=snapshot[self.table].schema)

    def _event(self, snapshot: Snapshot, number: int) -> pl.DataFrame:
        given: dict[str, Any] = dict(self.values)
        for name, end in (("from", "first"), ("to", "last")):
            if isinstance(given.get(name), str):
                given[name] = labels.spans(snapshot.calendar, (given[name],))[end][0]
        label, taken = f"edit {number}", set(snapshot["events"]["event"])
        while label in taken:
            label += "+"
        columns = {**{column.name: column.default for column in schema()["events"].columns}, **given, "event": label}
        return pl.DataFrame({name: [value] for name, value in columns.items()}, schema=snapshot["events"].schema)
