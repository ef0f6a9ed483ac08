"""sources.toml: where each table comes from, and how the company writes what stands there."""

from __future__ import annotations

import codecs
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import available_timezones

from soe_lib.errors import hint
from soe_lib.extract.casting import APOSTROPHES, BLANKS, DATES, LABELS, MONTHS, NEGATIVES, PLAIN, SERIALS, Dialect
from soe_lib.extract.databases import ALIAS, KINDS, SECONDS, Database, RefusedError, identifier, looks_secret, statement
from soe_lib.extract.findings import Finding
from soe_lib.extract.schema import Table, money, owners, schema
from soe_lib.extract.settings import as_date

FILE = "sources.toml"
SECTIONS = ("conventions", "sources", "tables")
SOURCE_KEYS = ("kind", "address", "path", "seconds")
UNITS = ("unit", "per_unit")
CONVENTIONS = tuple(one.name for one in fields(Dialect))


@dataclass(frozen=True)
class Entry:
    """Where one table comes from, and what its columns are called there.

    Parameters
    ----------
    file : a pattern of file names, beside sources.toml; {as_of} stands for the as-of date. Without file, query and
        relation it is the file or sheet that has the table's name.
    source, query, relation : a named database, and a query on it or the name of a table or view.
    columns : the contract's name → the company's own.
    ignore : columns of the company that are not read, without a warning; * stands for any text.
    unit, unit_column : the unit of every quantity, or the company's column that says it row by row.
    per_unit, per_unit_column : likewise what a quantity is per, where that is another item's unit.
    currency, currency_column : likewise for money.
    rate_on : the contract's date column whose month's rate converts money; blank for the as-of date's.
    updated : the company's column that says when a row was last changed.
    days_old : the table may be at most so many days older than the as-of date; None for any age.
    """

    table: str
    file: str = ""
    source: str = ""
    query: str = ""
    relation: str = ""
    columns: Mapping[str, str] = field(default_factory=dict)
    ignore: tuple[str, ...] = ()
    unit: str = ""
    unit_column: str = ""
    per_unit: str = ""
    per_unit_column: str = ""
    currency: str = ""
    currency_column: str = ""
    rate_on: str = ""
    updated: str = ""
    days_old: int | None = None
    dialect: Dialect = PLAIN

    @property
    def named(self) -> bool:
        """Whether it says where the table comes from; else it holds for the file or sheet of the table's own name."""
        return bool(self.file or self.query or self.relation)

    @property
    def extra(self) -> tuple[str, ...]:
        """Columns that are read besides the contract's."""
        named = (self.unit_column, self.per_unit_column, self.currency_column, self.updated)
        return tuple(name for name in named if name)


TEXTS = tuple(one.name for one in fields(Entry) if one.type == "str" and one.name != "table")
TABLE_KEYS = (*TEXTS, "columns", "ignore", "days_old", *CONVENTIONS)


@dataclass(frozen=True)
class Mapped:
    """All that sources.toml says; empty where there is none. `common` holds for every table that says no other."""

    folder: Path
    common: Dialect = PLAIN
    databases: Mapping[str, Database] = field(default_factory=dict)
    entries: Mapping[str, Entry] = field(default_factory=dict)

    @property
    def named(self) -> tuple[str, ...]:
        """The tables that it says the origin of."""
        return tuple(name for name, entry in self.entries.items() if entry.named)

    def entry(self, table: str) -> Entry:
        """What holds for the file or sheet of a table's own name."""
        return self.entries.get(table) or Entry(table, dialect=self.common)


def find(folder: Path) -> Path | None:
    """The sources.toml of an extract: its own, or else its company's."""
    whole = folder.absolute() if folder.name not in ("", "..") else folder.resolve()  # the company of "." is above it
    own, company = folder / FILE, whole.parent / FILE
    if own.is_file():
        return own
    return company if as_date(whole.name) is not None and company.is_file() else None


def load_sources(folder: Path) -> tuple[Mapped, list[Finding]]:
    """What sources.toml says of an extract, and what is wrong with it.

    Parameters
    ----------
    folder : the extract's folder.
    """
    path = find(folder)
    if path is None:
        return Mapped(folder), []
    try:
        content = tomllib.loads(path.read_bytes().decode("utf-8-sig"))
    except tomllib.TOMLDecodeError as error:
        return Mapped(folder), [Finding("stop", "", FILE, rule=f"Not valid TOML: {error}.", fix="Mend the line.")]
    except (UnicodeDecodeError, OSError, RecursionError):
        return Mapped(folder), [Finding("stop", "", FILE, rule="The file cannot be read.", fix="Save it as UTF-8.")]
    return _Reader(path.parent).mapped(content)


class _Reader:
    """Turns the parsed TOML into entries and collects every finding on the way; values that may be secret stay out."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.findings: list[Finding] = []

    def mapped(self, content: Mapping[str, Any]) -> tuple[Mapped, list[Finding]]:
        self._known(content, SECTIONS, "")
        section = {name: self._section(content, name) for name in SECTIONS}
        common = self._dialect(section["conventions"], "conventions", Dialect())
        self._known(section["conventions"], CONVENTIONS, "conventions")
        databases = {}
        for name in section["sources"]:
            database = self._database(name, self._section(section["sources"], name, "sources."))
            if database is not None:
                databases[name] = database
        entries = {}
        for name in section["tables"]:
            if name not in schema():
                self._stop(f"tables.{name}", "No such table.", hint(name, schema()) or "Remove it.")
                continue
            entry = self._entry(schema()[name], self._section(section["tables"], name, "tables."), common, databases)
            if entry is not None:
                entries[name] = entry
        return Mapped(self.folder, common, databases, entries), self.findings

    def _section(self, content: Mapping[str, Any], name: str, at: str = "") -> Mapping[str, Any]:
        value = content.get(name, {})
        if isinstance(value, Mapping):
            return value
        self._stop(f"{at}{name}", "It is a section.", f"Write it as [{at}{name}].")
        return {}

    def _known(self, content: Mapping[str, Any], known: tuple[str, ...], at: str) -> None:
        for name in content:
            if name not in known:
                path = f"{at}.{name}" if at else name
                self._stop(path, "Unknown setting.", hint(name, known) or f"Known here: {', '.join(known)}.")

    def _text(self, content: Mapping[str, Any], name: str, at: str) -> str:
        value = content.get(name, "")
        if isinstance(value, str) and "\x00" not in value:
            return value
        self._stop(f"{at}.{name}", "The value cannot be used.", "Write a text in quotes.")
        return ""

    def _number(self, content: Mapping[str, Any], name: str, at: str, default: int | None) -> int | None:
        value = content.get(name, default)
        if value is None or (isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 36500):
            return value
        self._stop(f"{at}.{name}", "The value cannot be used.", "Write a whole number.")
        return default

    def _database(self, name: str, content: Mapping[str, Any]) -> Database | None:
        at = f"sources.{name}"
        self._known(content, SOURCE_KEYS, at)
        kind = self._text(content, "kind", at)
        if kind not in KINDS:
            self._stop(f"{at}.kind", "The kind is not known.", f"Choose one of {', '.join(KINDS)}.")
            return None
        alias, path = self._text(content, "address", at), self._text(content, "path", at)
        seconds = self._number(content, "seconds", at, SECONDS) or SECONDS
        if kind == "postgresql":
            if ALIAS.fullmatch(alias):
                return Database(name, kind, alias, None, seconds)
            rule = "It is an address, not an alias." if looks_secret(alias) else "It is no alias."
            fix = 'Name the environment variable that holds it, such as address = "SOE_ERP", and keep it out of files.'
            self._stop(f"{at}.address", rule, fix)
            return None
        if not path:
            self._stop(f"{at}.path", "The path is missing.", 'Write path = "…", the database file.')
            return None
        return Database(name, kind, "", self.folder / path, seconds)

    def _dialect(self, content: Mapping[str, Any], at: str, default: Dialect) -> Dialect:
        values = {
            name: self._text(content, name, at) if name in content else getattr(default, name) for name in CONVENTIONS
        }
        checks = {
            "encoding": (_encoding(values["encoding"]), "Write an encoding such as cp1252."),
            "separator": (len(values["separator"]) == 1 and values["separator"] in ",;|\t", "Use one of , ; | or \\t."),
            "decimal": (values["decimal"] in (".", ","), "Use . or ,"),
            "thousands": (
                values["thousands"] in ("", ".", ",", *BLANKS, *APOSTROPHES),
                "Use . , ' or a space.",
            ),
            "negatives": (values["negatives"] in NEGATIVES, f"Use one of {', '.join(NEGATIVES)}."),
            "dates": (values["dates"] in (*DATES, *SERIALS), f"Use one of {', '.join((*DATES, *SERIALS))}."),
            "periods": (values["periods"] in ("", *LABELS), f"Use one of {', '.join(LABELS)}."),
            "timezone": (values["timezone"] in ("", *_zones()), "Write a zone such as Europe/Berlin."),
        }
        for name, (fits, fix) in checks.items():
            if not fits:
                self._stop(f"{at}.{name}", "The value cannot be used.", fix)
                values[name] = getattr(default, name)
        if values["decimal"] == values["thousands"]:
            self._stop(f"{at}.thousands", "The decimal mark and the thousands mark are the same.", "Mend one of them.")
            values["thousands"] = ""
        return Dialect(**values)

    def _entry(
        self, table: Table, content: Mapping[str, Any], common: Dialect, databases: Mapping[str, Database]
    ) -> Entry | None:
        at = f"tables.{table.name}"
        before = len(self.findings)
        self._known(content, TABLE_KEYS, at)
        texts = {name: self._text(content, name, at) for name in TEXTS}
        self._origin(at, texts, databases)
        columns = self._columns(table, self._section(content, "columns", f"{at}."), at)
        ignore = content.get("ignore", [])
        if not isinstance(ignore, list) or not all(isinstance(one, str) for one in ignore):
            self._stop(f"{at}.ignore", "The value cannot be used.", "Write a list of column names.")
            ignore = []
        self._measures(table, texts, at)
        entry = Entry(
            table.name,
            **texts,
            columns=columns,
            ignore=tuple(ignore),
            days_old=self._number(content, "days_old", at, None),
            dialect=self._dialect(content, at, common),
        )
        return entry if len(self.findings) == before else None

    def _measures(self, table: Table, texts: Mapping[str, str], at: str) -> None:
        """Units and currencies are declared once, and only where the table holds a number that they are of."""
        meant = [*zip(UNITS, owners(table), strict=False), *[("currency", "")] * any(map(money, table.columns))]
        for one in (*UNITS, "currency"):
            both = [name for name in (one, f"{one}_column") if texts[name]]
            if len(both) == 2:
                self._stop(f"{at}.{one}", f"{one} and {one}_column are both given.", "Keep one of them.")
            if both and one not in dict(meant):
                what = "is money" if one == "currency" else f"counts what {one} would convert"
                self._stop(f"{at}.{both[0]}", f"No number of the table {what}.", "Remove it: it would change nothing.")
        days = [column.name for column in table.columns if column.type == "date" or column.name in MONTHS]
        if texts["rate_on"] and texts["rate_on"] not in days:
            self._stop(
                f"{at}.rate_on", "It is no date column of the table.", f"Use one of {', '.join(days) or 'none'}."
            )
        elif texts["rate_on"] and not (texts["currency"] or texts["currency_column"]):
            self._stop(f"{at}.rate_on", "No money is converted.", "Declare currency or currency_column, or remove it.")

    def _origin(self, at: str, texts: Mapping[str, str], databases: Mapping[str, Database]) -> None:
        named = [name for name in ("file", "query", "relation") if texts[name]]
        if len(named) > 1 or (texts["source"] and not named):
            self._stop(at, "It needs one of file, query and relation.", "Write one of them.")
        elif not named:
            return
        elif texts["file"]:
            if texts["source"]:
                self._stop(f"{at}.source", "A file has no source.", "Remove source, or write a query.")
        elif texts["source"] not in databases:
            there = ", ".join(databases) or "none that can be used"
            self._stop(f"{at}.source", "There is no such source.", f"Name one of [sources]: {there}.")
        else:
            try:
                if texts["query"]:
                    statement(texts["query"], databases[texts["source"]].kind)
                else:
                    identifier(texts["relation"])
            except RefusedError as error:
                self._stop(f"{at}.{'query' if texts['query'] else 'relation'}", str(error), error.fix)

    def _columns(self, table: Table, content: Mapping[str, Any], at: str) -> dict[str, str]:
        columns = {}
        for name, own in content.items():
            if name not in table.names:
                self._stop(
                    f"{at}.columns.{name}", "No such column in the contract.", hint(name, table.names) or "Remove it."
                )
            elif not isinstance(own, str) or not own.strip():
                self._stop(f"{at}.columns.{name}", "The value cannot be used.", "Write the company's column in quotes.")
            else:
                columns[name] = own
        twice = sorted({own for own in columns.values() if list(columns.values()).count(own) > 1})
        if twice:
            self._stop(f"{at}.columns", f"{', '.join(twice)} fills two columns.", "Map each column once.")
        return columns

    def _stop(self, path: str, rule: str, fix: str) -> None:
        self.findings.append(Finding("stop", "", FILE, column=path, rule=rule, fix=fix, count=1))


@cache
def _zones() -> set[str]:
    return available_timezones()


def _encoding(name: str) -> bool:
    try:
        return codecs.lookup(name)._is_text_encoding
    except (LookupError, ValueError):
        return False
