"""Reads tables from a database: one SELECT, bound parameters, and an address that no message reveals."""

from __future__ import annotations

import base64
import math
import os
import re
import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote, quote_plus, unquote, urlsplit

import polars as pl
from annotated_types import Interval, Predicate

from soe_lib.extract.toml import Section

ALIAS = re.compile(r"[A-Z][A-Z0-9_]{0,63}")
HIDDEN = "•••"
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}")
PARAMETERS = ("as_of", "company", "currency")
PIECE = re.compile(
    r"""'(?:[^']|'')*'            # a text
      | "(?:[^"]|"")*"            # a quoted name
      | \$(?P<tag>\w*)\$.*?\$(?P=tag)\$   # a dollar-quoted text
      | --[^\n]*                  # a remark to the line's end
      | /\*.*?\*/                 # a remark
      | ::                        # a cast
      | (?P<bound>:[A-Za-z_]\w*)  # a parameter
      | (?P<end>;)
      | (?P<percent>%)
    """,
    re.VERBOSE | re.DOTALL,
)
STYLES = {"postgresql": "%({})s", "duckdb": "${}", "sqlite": ":{}"}


class RefusedError(Exception):
    """A query or name is not sent to a database; gives the reason and the fix."""

    def __init__(self, rule: str, fix: str) -> None:
        self.fix = fix
        super().__init__(rule)


def identifier(name: str) -> str:
    """A name of a table or column, quoted for SQL; "schema.table" is quoted part by part.

    Raises
    ------
    RefusedError : it is no plain name.
    """
    parts = name.split(".")
    if len(parts) > 3 or not all(NAME.fullmatch(part) for part in parts):
        raise RefusedError(
            "Not a name of a table or column.", "Write letters, digits and _ alone, such as planning.items."
        )
    return ".".join(f'"{part}"' for part in parts)


def statement(query: str, kind: str) -> tuple[str, tuple[str, ...]]:
    """The query in the driver's syntax, and the names of its bound parameters.

    Parameters
    ----------
    query : one SELECT (or WITH … SELECT); `:as_of` and the like are bound, never pasted.
    kind : postgresql, duckdb or sqlite.

    Raises
    ------
    RefusedError : more than one statement, no SELECT, or an unknown parameter.
    """
    text = query.strip()
    bare = PIECE.sub(lambda found: " " if found.group().startswith(("--", "/*")) else found.group(), text).strip()
    if not re.match(r"(?i)(select|with)\b", bare):
        raise RefusedError("The query does not begin with SELECT or WITH.", "Write one SELECT.")
    ends = [found.start() for found in PIECE.finditer(bare) if found.group("end")]
    if any(bare[at + 1 :].strip() for at in ends):
        raise RefusedError("The query holds more than one statement.", "Write one SELECT, without a semicolon.")
    bare = bare[: ends[0]] if ends else bare
    names: dict[str, None] = {}

    def put(found: re.Match[str]) -> str:
        if found.group("percent") or (kind == "postgresql" and "%" in found.group()):
            return found.group().replace("%", "%%") if kind == "postgresql" else found.group()
        if not found.group("bound"):
            return found.group()
        name = found.group("bound")[1:]
        if name not in PARAMETERS:
            raise RefusedError(f"The query has an unknown parameter :{name}.", f"Use :{', :'.join(PARAMETERS)}.")
        names[name] = None
        return STYLES[kind].format(name)

    return PIECE.sub(put, bare), tuple(names)


KINDS = ("postgresql", "duckdb", "sqlite")
SECONDS = 300
CLOSED: Mapping[str, str | bool | int | float | list[str]] = {
    "enable_external_access": False,
    "autoinstall_known_extensions": False,
    "lock_configuration": True,
}
"""DuckDB may read only its own file."""
INSTALL = "Install the drivers: pip install 'soe_lib[sql]'."


class LostError(Exception):
    """A database returned no table; the message contains no part of its address."""

    def __init__(self, rule: str, fix: str) -> None:
        self.fix = fix
        super().__init__(rule)


Text = Annotated[str, Predicate(lambda text: "\x00" not in text)]


@dataclass(frozen=True)
class Connection(Section):
    """A database section of sources.toml.

    Parameters
    ----------
    kind : postgresql, duckdb or sqlite.
    address : the environment variable with the connection string, for postgresql.
    path : the file, for duckdb and sqlite, relative to the folder of sources.toml.
    seconds : time limit of one query.
    """

    kind: Text = ""
    address: Text = ""
    path: Text = ""
    seconds: Annotated[int, Interval(ge=0, le=36500)] = SECONDS


@dataclass(frozen=True)
class Database(Connection):
    """A database of sources.toml, with its name and the folder of that file."""

    name: str = ""
    folder: Path = Path()

    @property
    def file(self) -> Path | None:
        """The database file; None for a server."""
        return self.folder / self.path if self.path and self.kind != "postgresql" else None

    def answer(self, sql: str, values: Mapping[str, Any]) -> pl.DataFrame:
        """The rows of one SELECT.

        Parameters
        ----------
        sql : one SELECT with parameters such as :as_of.
        values : values of the parameters, by name.

        Raises
        ------
        RefusedError : the query is no single SELECT.
        LostError : the database cannot be reached, refuses the query, or disconnects before the last row.
        """
        text, names = statement(sql, self.kind)
        return self._run(text, {name: values[name] for name in names})

    def relation(self, name: str, columns: tuple[str, ...]) -> pl.DataFrame:
        """A table or view, or some of its columns; the database must list every column.

        Parameters
        ----------
        name : such as planning.items.
        columns : names of its columns; empty for all.
        """
        relation = identifier(name)
        listed = self._run(f"SELECT * FROM {relation} WHERE 1 = 0", {}).columns
        if strange := [column for column in columns if column not in listed]:
            raise RefusedError(f"{name} has no column {', '.join(strange)}.", f"It has: {', '.join(listed)}.")
        chosen = ", ".join('"' + column.replace('"', '""') + '"' for column in columns or listed)
        return self._run(f"SELECT {chosen} FROM {relation}", {})

    def _run(self, text: str, values: Mapping[str, Any]) -> pl.DataFrame:
        return {"postgresql": self._postgresql, "duckdb": self._duckdb, "sqlite": self._sqlite}[self.kind](text, values)

    def _postgresql(self, text: str, values: Mapping[str, Any]) -> pl.DataFrame:
        try:
            import psycopg
        except ImportError:
            raise LostError("The driver of PostgreSQL is not installed.", INSTALL) from None
        secret = address_of(self.address)
        if not secret:
            fix = f"Set {self.address} to the address of {self.name}."
            raise LostError(f"The environment has no {self.address}.", fix)
        options = f"-c default_transaction_read_only=on -c statement_timeout={(self.seconds or SECONDS) * 1000}"

        def read() -> pl.DataFrame:
            with psycopg.connect(secret, connect_timeout=10, options=options, application_name="soe") as connection:
                connection.read_only = True
                connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
                # A prepared statement: the server accepts one statement only.
                cursor = connection.execute(text, values or None, prepare=True)
                rows, names = cursor.fetchall(), [one.name for one in cursor.description or ()]
                connection.rollback()  # undo side effects of functions
                return _frame(names, rows)

        return _quietly(self.name, secret, psycopg.Error, read)

    def _duckdb(self, text: str, values: Mapping[str, Any]) -> pl.DataFrame:
        try:
            import duckdb
        except ImportError:
            raise LostError("DuckDB is not installed.", INSTALL) from None
        path = str(self._existing_file())

        def read() -> pl.DataFrame:
            with closing(duckdb.connect(path, read_only=True, config=dict(CLOSED))) as connection:
                cursor = connection.execute(text, dict(values)) if values else connection.execute(text)
                return _frame([one[0] for one in cursor.description or ()], cursor.fetchall())

        return _quietly(self.name, "", duckdb.Error, read)

    def _sqlite(self, text: str, values: Mapping[str, Any]) -> pl.DataFrame:
        address = f"{self._existing_file().resolve().as_uri()}?mode=ro"

        def read() -> pl.DataFrame:
            with closing(sqlite3.connect(address, uri=True)) as connection:
                connection.execute("PRAGMA query_only = on")
                connection.set_authorizer(_reads_only)
                cursor = connection.execute(text, {name: str(value) for name, value in values.items()})
                return _frame([one[0] for one in cursor.description or ()], cursor.fetchall())

        return _quietly(self.name, "", sqlite3.Error, read)

    def _existing_file(self) -> Path:
        if self.file is None or not self.file.is_file():
            name = self.file.name if self.file else ""
            raise LostError(f"There is no file {name}.", f"Correct `path` of [sources.{self.name}].")
        return self.file


def _reads_only(action: int, *_: Any) -> int:
    """SQLite's authorizer: allows reading and functions, nothing else (no ATTACH, no PRAGMA)."""
    allowed = {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE}
    return sqlite3.SQLITE_OK if action in allowed else sqlite3.SQLITE_DENY


def _quietly(name: str, secret: str, kind: type[Exception], read: Callable[[], pl.DataFrame]) -> pl.DataFrame:
    """The result of `read`; a driver's error becomes a LostError without any part of the address."""
    try:
        return read()
    except kind as error:
        reason = _reason(error, secret)
    except (OSError, ValueError, OverflowError) as error:
        reason = type(error).__name__
    fix = "Check the connection, the query and the rights; then read again. None of its rows were used."
    # Raised outside the handler, so that the driver's error is not its context.
    raise LostError(f"The source {name} gave no table ({reason}).", fix)


def _reason(error: Exception, secret: str) -> str:
    """The server's message, scrubbed; for a driver's own error only its type, since its text may quote the address."""
    primary = getattr(getattr(error, "diag", None), "message_primary", None)
    if secret and not primary:
        return " ".join(filter(None, (type(error).__name__, getattr(error, "sqlstate", None))))
    lines = (primary or str(error)).splitlines()
    return f"{type(error).__name__}: {scrub(lines[0] if lines else '', secret)}"


def _frame(names: list[str], rows: list[tuple[Any, ...]]) -> pl.DataFrame:
    """A driver's rows as columns; values other than text, number, date, datetime and boolean become text."""
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise RefusedError(f"The query returns {', '.join(twice)} twice.", "Name every column once, with AS.")
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
    """A driver's numbers in one type: integers if all are whole, so that codes keep their digits, else floats.

    PostgreSQL decimals may have more digits than a frame can hold. NaN and infinity are left to the checks.
    """
    whole = all(
        value is None or (not isinstance(value, float) and math.isfinite(value) and value == int(value))
        for value in values
    )
    return tuple(value if value is None else int(value) if whole else float(value) for value in values)


def address_of(alias: str) -> str:
    """The value of an environment variable; blank if unset."""
    return os.environ.get(alias, "")


def looks_secret(text: str) -> bool:
    """Whether a text is an address, which may contain a password, and not an alias."""
    return "://" in text or "=" in text or "@" in text


def scrub(text: str, secret: str) -> str:
    """The text without the secret address and its password, in plain or encoded form.

    Parameters
    ----------
    text : for example a driver's message.
    secret : the address of the connection.
    """
    for word in sorted(_forms(secret), key=len, reverse=True):
        text = text.replace(word, HIDDEN)
    return text


def _forms(secret: str) -> set[str]:
    words = {secret} | set(_passwords(secret))
    words |= {unquote(word) for word in words}
    forms = set()
    for word in words:
        coded = base64.b64encode(word.encode()).decode()
        forms |= {word, quote(word, safe=""), quote_plus(word), coded, coded.rstrip("=")}
    return {form for form in forms if len(form) >= 3}


def _passwords(secret: str) -> list[str]:
    found = [
        (quoted or plain).replace("\\'", "'")
        for quoted, plain in re.findall(
            r"(?i)\b(?:password|passfile|sslpassword)\s*=\s*(?:'((?:[^'\\]|\\.)*)'|(\S+))", secret
        )
    ]
    found += re.findall(r"(?i)[?&](?:password|sslpassword)=([^&]+)", secret)
    try:
        parts = urlsplit(secret)
        found += [parts.password] if parts.password else []
    except ValueError:
        pass
    found += re.findall(r"://[^/:@]*:(.*)@", secret)
    return [word for word in found if word]
