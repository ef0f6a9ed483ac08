"""Queries on PostgreSQL, DuckDB and SQLite: read only, one transaction, values bound, no secret in any message."""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl

from soe_lib.extract import secrets
from soe_lib.extract.bound import RefusedError, identifier, statement

KINDS = ("postgresql", "duckdb", "sqlite")
SECONDS = 300
CLOSED: Mapping[str, str | bool | int | float | list[str]] = {
    "enable_external_access": False,
    "autoinstall_known_extensions": False,
    "lock_configuration": True,
}
"""DuckDB reads its own file and nothing else."""
INSTALL = "Install the drivers: pip install 'soe_lib[sql]'."


class LostError(Exception):
    """Why a database gave no table; the message holds no part of its address."""

    def __init__(self, rule: str, fix: str) -> None:
        self.fix = fix
        super().__init__(rule)


@dataclass(frozen=True)
class Database:
    """A named source of sources.toml.

    Parameters
    ----------
    name : its name there.
    kind : postgresql, duckdb or sqlite.
    address : the environment variable that holds the connection string, for postgresql.
    path : the file, for duckdb and sqlite.
    seconds : how long one query may take.
    """

    name: str
    kind: str
    address: str = ""
    path: Path | None = None
    seconds: int = SECONDS

    def answer(self, sql: str, values: Mapping[str, Any]) -> pl.DataFrame:
        """The rows of one reading query.

        Parameters
        ----------
        sql : one SELECT with parameters such as :as_of.
        values : what may be bound, by name.

        Raises
        ------
        RefusedError : the query is not one that reads.
        LostError : the database cannot be reached, refuses the query, or is gone before the last row.
        """
        text, names = statement(sql, self.kind)
        return self._run(text, {name: values[name] for name in names})

    def relation(self, name: str, columns: tuple[str, ...]) -> pl.DataFrame:
        """A table or view whole, or some of its columns; every name is one that the database itself lists.

        Parameters
        ----------
        name : such as planning.items.
        columns : names of its columns; empty for all.
        """
        relation = identifier(name)
        there = self._run(f"SELECT * FROM {relation} WHERE 1 = 0", {}).columns
        if strange := [column for column in columns if column not in there]:
            raise RefusedError(f"{name} has no column {', '.join(strange)}.", f"It has: {', '.join(there)}.")
        chosen = ", ".join('"' + column.replace('"', '""') + '"' for column in columns or there)
        return self._run(f"SELECT {chosen} FROM {relation}", {})

    def _run(self, text: str, values: Mapping[str, Any]) -> pl.DataFrame:
        return {"postgresql": self._postgresql, "duckdb": self._duckdb, "sqlite": self._sqlite}[self.kind](text, values)

    def _postgresql(self, text: str, values: Mapping[str, Any]) -> pl.DataFrame:
        try:
            import psycopg
        except ImportError:
            raise LostError("The driver of PostgreSQL is not installed.", INSTALL) from None
        secret = secrets.address(self.address)
        if not secret:
            fix = f"Set {self.address} to the address of {self.name}."
            raise LostError(f"The environment has no {self.address}.", fix)
        options = f"-c default_transaction_read_only=on -c statement_timeout={self.seconds * 1000}"

        def read() -> pl.DataFrame:
            with psycopg.connect(secret, connect_timeout=10, options=options, application_name="soe") as connection:
                connection.read_only = True
                connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
                # prepared: the server takes one statement only, whatever the text holds
                cursor = connection.execute(text, values or None, prepare=True)
                rows, names = cursor.fetchall(), [one.name for one in cursor.description or ()]
                connection.rollback()  # what a function did in spite of the read-only transaction is undone
                return _frame(names, rows)

        return _quietly(self.name, secret, psycopg.Error, read)

    def _duckdb(self, text: str, values: Mapping[str, Any]) -> pl.DataFrame:
        try:
            import duckdb
        except ImportError:
            raise LostError("DuckDB is not installed.", INSTALL) from None
        path = str(self._file())

        def read() -> pl.DataFrame:
            with closing(duckdb.connect(path, read_only=True, config=dict(CLOSED))) as connection:
                cursor = connection.execute(text, dict(values)) if values else connection.execute(text)
                return _frame([one[0] for one in cursor.description or ()], cursor.fetchall())

        return _quietly(self.name, "", duckdb.Error, read)

    def _sqlite(self, text: str, values: Mapping[str, Any]) -> pl.DataFrame:
        address = f"{self._file().resolve().as_uri()}?mode=ro"

        def read() -> pl.DataFrame:
            with closing(sqlite3.connect(address, uri=True)) as connection:
                connection.execute("PRAGMA query_only = on")
                connection.set_authorizer(_reads_only)
                cursor = connection.execute(text, {name: str(value) for name, value in values.items()})
                return _frame([one[0] for one in cursor.description or ()], cursor.fetchall())

        return _quietly(self.name, "", sqlite3.Error, read)

    def _file(self) -> Path:
        if self.path is None or not self.path.is_file():
            raise LostError(
                f"There is no file {self.path.name if self.path else ''}.", f"Mend `path` of [sources.{self.name}]."
            )
        return self.path


def _reads_only(action: int, *_: Any) -> int:
    """SQLite asks before it does anything: reading and computing are allowed, nothing else (no ATTACH, no PRAGMA)."""
    allowed = {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE}
    return sqlite3.SQLITE_OK if action in allowed else sqlite3.SQLITE_DENY


def _quietly(name: str, secret: str, kind: type[Exception], read: Callable[[], pl.DataFrame]) -> pl.DataFrame:
    """What a driver reads; what it raises becomes what a planner can use, without a word of the address."""
    try:
        return read()
    except kind as error:
        said = _said(error, secret)
    except (OSError, ValueError, OverflowError) as error:
        said = type(error).__name__
    fix = "Check that it can be reached, the query and the rights; then read again. Nothing of it was used."
    raise LostError(f"The source {name} gave no table ({said}).", fix)  # outside: the driver's error is not its context


def _said(error: Exception, secret: str) -> str:
    """What the server said, scrubbed; of what the driver itself said only the kind, since it may quote the address."""
    primary = getattr(getattr(error, "diag", None), "message_primary", None)
    if secret and not primary:
        return " ".join(filter(None, (type(error).__name__, getattr(error, "sqlstate", None))))
    lines = (primary or str(error)).splitlines()
    return f"{type(error).__name__}: {secrets.scrub(lines[0] if lines else '', secret)}"


def _frame(names: list[str], rows: list[tuple[Any, ...]]) -> pl.DataFrame:
    """Rows of a driver as columns; what is neither text, number, day, time nor yes or no is written as text."""
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise RefusedError(f"The query gives the column {', '.join(twice)} twice.", "Name every column once, with AS.")
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(names)
    return pl.DataFrame([_series(name, values) for name, values in zip(names, columns, strict=True)])


def _series(name: str, values: tuple[Any, ...]) -> pl.Series:
    kinds = {type(value) for value in values if value is not None}
    if not kinds:
        return pl.Series(name, [None] * len(values), dtype=pl.String)
    if kinds <= {int, float, Decimal}:
        values = _numbers(values)
    if kinds <= {int, float, Decimal} or kinds in ({bool}, {str}, {date}, {datetime}):
        try:
            return pl.Series(name, values)
        except (pl.exceptions.PolarsError, TypeError, OverflowError, ValueError, ArithmeticError):
            pass
    return pl.Series(name, [None if value is None else str(value) for value in values], dtype=pl.String)


def _numbers(values: tuple[Any, ...]) -> tuple[Any, ...]:
    """Numbers of a driver in one kind: whole numbers where all are, so that codes keep their digits, else floats.

    A decimal has any number of digits in PostgreSQL, more than a frame can hold; NaN and infinity stay for the check.
    """
    whole = all(
        value is None or (not isinstance(value, float) and math.isfinite(value) and value == int(value))
        for value in values
    )
    return tuple(value if value is None else int(value) if whole else float(value) for value in values)
