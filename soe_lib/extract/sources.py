"""sources.toml: the source of each table, its column names and its conventions for numbers and dates."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Annotated, Any, TypeVar

from annotated_types import Interval, Predicate

from soe_lib.errors import hint
from soe_lib.extract.casting import DATES, LABELS, MONTHS, NEGATIVES, PLAIN, SERIALS, Dialect
from soe_lib.extract.databases import (
    ALIAS,
    KINDS,
    Connection,
    Database,
    RefusedError,
    Text,
    identifier,
    looks_secret,
    statement,
)
from soe_lib.extract.findings import Finding
from soe_lib.extract.schema import Table, money, owners, schema
from soe_lib.extract.settings import as_date
from soe_lib.extract.toml import FIXES as OF_TYPES
from soe_lib.extract.toml import Section, held

T = TypeVar("T")
FILE = "sources.toml"
UNITS = ("unit", "per_unit")
CONVENTIONS = tuple(one.name for one in fields(Dialect))
FIXES = {
    "encoding": "Write an encoding such as cp1252.",
    "separator": "Use one of , ; | or \\t.",
    "decimal": "Use . or ,",
    "thousands": "Use . , ' or a space.",
    "negatives": f"Use one of {', '.join(NEGATIVES)}.",
    "dates": f"Use one of {', '.join((*DATES, *SERIALS))}.",
    "periods": f"Use one of {', '.join(LABELS)}.",
    "timezone": "Write a zone such as Europe/Berlin.",
    "ignore": "Write a list of column names.",
    "days_old": "Write a whole number.",
    "seconds": "Write a whole number.",
}
"""How to fix a value, by the name of its setting."""
COLUMN = "Write the company's column in quotes."
SECTION = ("dataclass_type", "dict_type", "mapping_type")
"""Pydantic's error types for a value in place of a section."""


@dataclass(frozen=True)
class Written(Section):
    """A table's section of sources.toml, without its conventions.

    Parameters
    ----------
    file : a file name pattern relative to sources.toml; {as_of} stands for the as-of date. Without file, query and
        relation the section applies to the file or sheet with the table's name.
    source, query, relation : a named database, and a query on it or the name of a table or view.
    unit, unit_column : the unit of every quantity, or the company's column that gives it row by row.
    per_unit, per_unit_column : likewise the unit that a quantity is per, where that is another item's.
    currency, currency_column : likewise for money.
    rate_on : the contract's date column whose month selects the exchange rate; blank for the as-of date's.
    updated : the company's column with the time of a row's last change.
    columns : the contract's name → the company's own.
    ignore : the company's columns to skip without a warning; * matches any text.
    days_old : largest age of the table in days before the as-of date; None for any age.
    """

    file: Text = ""
    source: Text = ""
    query: Text = ""
    relation: Text = ""
    unit: Text = ""
    unit_column: Text = ""
    per_unit: Text = ""
    per_unit_column: Text = ""
    currency: Text = ""
    currency_column: Text = ""
    rate_on: Text = ""
    updated: Text = ""
    columns: Mapping[str, Annotated[str, Predicate(str.strip)]] = field(default_factory=dict)
    ignore: tuple[str, ...] = ()
    days_old: Annotated[int, Interval(ge=0, le=36500)] | None = None


@dataclass(frozen=True)
class Entry(Written):
    """The source of one table, its column names there and its conventions."""

    table: str = ""
    dialect: Dialect = PLAIN

    @property
    def named(self) -> bool:
        """Whether it names the table's source; else it applies to the file or sheet with the table's name."""
        return bool(self.file or self.query or self.relation)

    @property
    def extra(self) -> tuple[str, ...]:
        """Columns to read in addition to the contract's."""
        named = (self.unit_column, self.per_unit_column, self.currency_column, self.updated)
        return tuple(name for name in named if name)


@dataclass(frozen=True)
class Sections(Section):
    """The parts of sources.toml."""

    conventions: Mapping[str, Any] = field(default_factory=dict)
    sources: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    tables: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class Mapped:
    """The content of sources.toml, empty without that file; `common` holds the default conventions of all tables."""

    folder: Path
    common: Dialect = PLAIN
    databases: Mapping[str, Database] = field(default_factory=dict)
    entries: Mapping[str, Entry] = field(default_factory=dict)

    @property
    def named(self) -> tuple[str, ...]:
        """The tables whose source it names."""
        return tuple(name for name, entry in self.entries.items() if entry.named)

    def entry(self, table: str) -> Entry:
        """The entry of a table, or the default entry."""
        return self.entries.get(table) or Entry(table=table, dialect=self.common)


def find(folder: Path) -> Path | None:
    """The sources.toml of an extract: its own, else its company's."""
    whole = folder.absolute() if folder.name not in ("", "..") else folder.resolve()  # the company of "." is its parent
    own, company = folder / FILE, whole.parent / FILE
    if own.is_file():
        return own
    return company if as_date(whole.name) is not None and company.is_file() else None


def load_sources(folder: Path) -> tuple[Mapped, list[Finding]]:
    """The content of an extract's sources.toml, and its findings.

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
    """Turns the parsed TOML into entries and collects findings, which never quote values that may be secret."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.findings: list[Finding] = []

    def mapped(self, content: Mapping[str, Any]) -> tuple[Mapped, list[Finding]]:
        """The entries of the file, and findings for values that cannot be used."""
        sections = self._held(Sections, content, "")
        common = self._dialect(sections.conventions, "conventions", Dialect())
        databases = {name: found for name, one in sections.sources.items() if (found := self._database(name, one))}
        entries = {}
        for name, one in sections.tables.items():
            if name not in schema():
                self._stop(f"tables.{name}", "No such table.", hint(name, schema()) or "Remove it.")
                continue
            before = len(self.findings)
            entry = self._entry(schema()[name], one, common, databases)
            if len(self.findings) == before:
                entries[name] = entry
        return Mapped(self.folder, common, databases, entries), self.findings

    def _held(self, kind: type[T], said: Mapping[str, Any], at: str, also: tuple[str, ...] = ()) -> T:
        """A section as its class, with a finding for each unusable value; `also`: names that are read separately."""
        known = [*(one.name for one in fields(kind)), *also]  # type: ignore[arg-type]
        return held(kind, said, lambda place, what: self._refused(place, what, at, known))

    def _refused(self, place: tuple[str, ...], what: str, at: str, known: list[str]) -> None:
        path, name = ".".join(filter(None, (at, *place))), place[-1]
        if what == "unexpected_keyword_argument":
            self._stop(path, "Unknown setting.", hint(name, known) or f"Known here: {', '.join(known)}.")
        elif what in SECTION:
            self._stop(path, "It is a section.", f"Write it as [{path}].")
        else:
            fix = COLUMN if place[:-1] == ("columns",) else OF_TYPES["string_type"]
            self._stop(
                path,
                "The value cannot be used.",
                fix if what == "string_type" and name != "ignore" else FIXES.get(name, fix),
            )

    def _dialect(self, said: Mapping[str, Any], at: str, default: Dialect) -> Dialect:
        """A table's conventions; the default for those it does not set."""
        dialect = self._held(Dialect, {**asdict(default), **said}, at)
        if dialect.decimal == dialect.thousands:
            self._stop(
                f"{at}.thousands", "The decimal mark and the thousands mark are the same.", "Change one of them."
            )
            return replace(dialect, thousands="")
        return dialect

    def _database(self, name: str, said: Mapping[str, Any]) -> Database | None:
        at = f"sources.{name}"
        one = self._held(Connection, said, at)
        if one.kind not in KINDS:
            self._stop(f"{at}.kind", "Unknown kind.", f"Choose one of {', '.join(KINDS)}.")
        elif one.kind == "postgresql" and not ALIAS.fullmatch(one.address):
            rule = "It is an address, not an alias." if looks_secret(one.address) else "It is no alias."
            fix = 'Name the environment variable that holds it, such as address = "SOE_ERP", and keep it out of files.'
            self._stop(f"{at}.address", rule, fix)
        elif one.kind != "postgresql" and not one.path:
            self._stop(f"{at}.path", "The path is missing.", 'Write path = "…", the database file.')
        else:
            alias = one.address if one.kind == "postgresql" else ""  # other kinds ignore it
            return Database(one.kind, alias, one.path, one.seconds, name, self.folder)
        return None

    def _entry(
        self, table: Table, said: Mapping[str, Any], common: Dialect, databases: Mapping[str, Database]
    ) -> Entry:
        at = f"tables.{table.name}"
        written = self._held(
            Written, {name: one for name, one in said.items() if name not in CONVENTIONS}, at, CONVENTIONS
        )
        own = {name: one for name, one in said.items() if name in CONVENTIONS}
        entry = Entry(**vars(written), table=table.name, dialect=self._dialect(own, at, common))
        self._origin(entry, at, databases)
        self._columns(table, entry.columns, f"{at}.columns")
        self._measures(table, entry, at)
        return entry

    def _measures(self, table: Table, entry: Entry, at: str) -> None:
        """Check that units and currencies are declared once, and only for tables with numbers they convert."""
        meant = [*zip(UNITS, owners(table), strict=False), *[("currency", "")] * any(map(money, table.columns))]
        for one in (*UNITS, "currency"):
            both = [name for name in (one, f"{one}_column") if getattr(entry, name)]
            if len(both) == 2:
                self._stop(f"{at}.{one}", f"{one} and {one}_column are both given.", "Keep one of them.")
            if both and one not in dict(meant):
                what = "is money" if one == "currency" else f"counts what {one} would convert"
                self._stop(f"{at}.{both[0]}", f"No number of the table {what}.", "Remove it: it would change nothing.")
        days = [column.name for column in table.columns if column.type == "date" or column.name in MONTHS]
        if entry.rate_on and entry.rate_on not in days:
            self._stop(
                f"{at}.rate_on", "It is no date column of the table.", f"Use one of {', '.join(days) or 'none'}."
            )
        elif entry.rate_on and not (entry.currency or entry.currency_column):
            self._stop(f"{at}.rate_on", "No money is converted.", "Declare currency or currency_column, or remove it.")

    def _origin(self, entry: Entry, at: str, databases: Mapping[str, Database]) -> None:
        named = [one for one in (entry.file, entry.query, entry.relation) if one]
        if len(named) > 1 or (entry.source and not named):
            self._stop(at, "It needs one of file, query and relation.", "Write one of them.")
        elif entry.file and entry.source:
            self._stop(f"{at}.source", "A file has no source.", "Remove source, or write a query.")
        elif named and not entry.file and entry.source not in databases:
            names = ", ".join(databases) or "none that can be used"
            self._stop(f"{at}.source", "There is no such source.", f"Name one of [sources]: {names}.")
        elif named and not entry.file:
            try:
                if entry.query:
                    statement(entry.query, databases[entry.source].kind)
                else:
                    identifier(entry.relation)
            except RefusedError as error:
                self._stop(f"{at}.{'query' if entry.query else 'relation'}", str(error), error.fix)

    def _columns(self, table: Table, columns: Mapping[str, str], at: str) -> None:
        """Check that each mapped column is in the contract and each of the company's columns is mapped once."""
        for name in columns:
            if name not in table.names:
                fix = hint(name, table.names) or "Remove it."
                self._stop(f"{at}.{name}", "No such column in the contract.", fix)
        own = [one for name, one in columns.items() if name in table.names]
        if twice := sorted({one for one in own if own.count(one) > 1}):
            self._stop(at, f"{', '.join(twice)} fills two columns.", "Map each column once.")

    def _stop(self, path: str, rule: str, fix: str) -> None:
        self.findings.append(Finding("stop", "", FILE, column=path, rule=rule, fix=fix, count=1))
