"""The rules of an extract: rows of declared.csv, and small functions from an extract to findings."""

from __future__ import annotations

import importlib
import os
import pkgutil
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, fields
from datetime import date
from functools import cache
from pathlib import Path
from threading import Lock
from typing import Any, TypeVar

import polars as pl

from soe_lib.extract.calendar import Calendar
from soe_lib.extract.deliveries import Delivery
from soe_lib.extract.findings import Finding, Rows, Source
from soe_lib.extract.settings import UNKNOWN, Settings

T = TypeVar("T")
Rule = Callable[["Extract"], list[Finding]]
_RULES: list[Rule] = []
EVERY, SETTINGS, CALENDAR = "(every table)", "(settings)", "(calendar)"


@dataclass(frozen=True)
class Extract:
    """The content of one folder, before its findings are known to allow a plan.

    Parameters
    ----------
    tables : typed frames with rows in the order of their files, all tables of the contract.
    sources : the files read, by table.
    calendar : the horizon; empty if the periods are invalid.
    broken : tables whose file could not be read.
    runs : the inputs and findings of each rule.
    deliveries : the delivery of each table.
    """

    folder: Path
    settings: Settings
    tables: Mapping[str, pl.DataFrame]
    sources: Mapping[str, Source]
    calendar: Calendar
    broken: frozenset[str] = frozenset()
    findings: tuple[Finding, ...] = ()
    runs: Mapping[Rule, Run] = field(default_factory=dict, repr=False, compare=False)
    deliveries: Mapping[str, Delivery] = field(default_factory=dict, repr=False, compare=False)
    _distinct: dict[tuple[str, str], pl.Series] = field(default_factory=dict, repr=False, compare=False)
    _locks: defaultdict[str, Lock] = field(default_factory=lambda: defaultdict(Lock), repr=False, compare=False)

    def __getitem__(self, table: str) -> pl.DataFrame:
        return self.tables[table]

    def finding(self, level: str, table: str, rows: Rows, **what: str) -> Finding:
        """A finding at these rows (0-based, as in the typed table) of a table's file."""
        if table in self.sources:
            return self.sources[table].finding(level, rows, **what)
        return Finding(level, table, "", (), count=len(rows), **what)

    def flag(
        self, level: str, table: str, where: pl.Expr | pl.Series, *, column: str, rule: str, fix: str
    ) -> list[Finding]:
        """One finding at all rows of a table for which an expression is true; none if there are no such rows.

        Parameters
        ----------
        where : the expression over the table's columns, null counts as false; or row numbers.
        column : the column to report, with its first offending value.
        """
        frame = self.tables[table]
        if isinstance(where, pl.Expr):
            empty = frame.height == 0
            where = frame.to_series(0) if empty else frame.select(pl.arg_where(where.fill_null(False))).to_series()
        if not len(where):
            return []
        value = self.cell(table, column, int(where[0]))
        return [self.finding(level, table, where, column=column, value=value, rule=rule, fix=fix)]

    def cell(self, table: str, column: str, row: int) -> str:
        """One value as text for a message."""
        value = self.tables[table][column][row]
        if isinstance(value, float):
            return f"{value:g}" if abs(value) < 1e6 else f"{value:.0f}"
        return "" if value is None else str(value)

    @property
    def dated(self) -> bool:
        """Whether the as-of date is known."""
        return self.settings.as_of != UNKNOWN

    def names(self, table: str, column: str) -> pl.Series:
        """The distinct values of a column, computed once; concurrent rules wait for the result."""
        with self._locks[f"{table}.{column}"]:
            if (table, column) not in self._distinct:
                # With `select`, polars knows that a column missing from the file is a single literal.
                self._distinct[table, column] = self.tables[table].select(pl.col(column).unique()).to_series()
        return self._distinct[table, column]

    def any_of(self, columns: Iterable[str]) -> pl.Series:
        """The distinct values of several columns, each as "table.column"."""
        places = [column.split(".") for column in columns]
        return pl.concat([self.names(table, column).alias("name") for table, column in places]).unique()

    def given(self, table: str) -> tuple[str, ...]:
        """The contract's columns that the table's file has."""
        there = self.sources[table].frame.columns if table in self.sources else []
        return tuple(name for name in self.tables[table].columns if name in there)

    def absent(self, table: str) -> bool:
        """Whether the table was not delivered, as opposed to a file that could not be read."""
        return table not in self.sources and table not in self.broken

    def kept(self, name: str) -> pl.DataFrame:
        """The rows of a table used for planning: without returns in `orders` and without misdated deliveries.

        A lot size of 0 becomes null.
        """
        table = self.tables[name]
        if name == "deliveries":
            return table.filter(~is_misdated(self.settings.as_of))
        if name == "orders":
            return table.filter(pl.col("quantity") >= 0)
        if "multiple" in table.columns:
            return table.with_columns(pl.when(pl.col("multiple") > 0).then("multiple").alias("multiple"))
        return table


FAR = 365
"""Days between promise and arrival beyond which the year of a delivery is assumed to be mistyped."""


def misdated(as_of: date) -> dict[tuple[str, str, str], pl.Expr]:
    """(column, rule, fix) → condition of deliveries with contradictory dates; the record of lateness omits them."""
    ordered, promised, arrived = pl.col("ordered_on"), pl.col("promised_on"), pl.col("arrived_on")
    both, coming = "Correct one of the two dates.", "Goods that have not arrived belong in receipts."
    return {
        ("arrived_on", f"Not before the as-of date {as_of}: left out.", coming): arrived >= as_of,
        ("arrived_on", "Arrived before it was ordered: left out.", both): arrived < ordered,
        ("promised_on", "Promised for a day before it was ordered: left out.", both): promised < ordered,
        ("arrived_on", "Arrived more than a year from its promised date: left out.", "Check the year."): (
            (arrived - promised).dt.total_days().abs() > FAR
        ),
    }


def is_misdated(as_of: date) -> pl.Expr:
    """Whether a delivery's dates contradict each other or the as-of date."""
    return pl.any_horizontal(where.fill_null(value=False) for where in misdated(as_of).values())


def rule(function: Rule) -> Rule:
    """Register a function as a rule, run by every check."""
    _RULES.append(function)
    return function


@cache
def registered() -> tuple[Rule, ...]:
    """All rules of the modules of this package, in order of registration."""
    for module in pkgutil.iter_modules(__path__):
        importlib.import_module(f"{__name__}.{module.name}")
    return tuple(_RULES)


@dataclass(frozen=True)
class Run:
    """One run of a rule: the inputs that it read (tables, SETTINGS, CALENDAR or EVERY), and its findings."""

    reads: frozenset[str]
    findings: list[Finding]


@dataclass(frozen=True)
class Near:
    """An extract checked earlier, and the inputs changed since: names of tables, SETTINGS, CALENDAR."""

    extract: Extract
    moved: frozenset[str]

    def run(self, rule: Rule) -> Run | None:
        """The earlier run of a rule if none of its inputs has changed; else None."""
        run = self.extract.runs.get(rule)
        if run is None or run.reads & self.moved or (EVERY in run.reads and self.moved):
            return None
        return run


class Noted(Mapping[str, T]):
    """A mapping that records which names are read.

    Parameters
    ----------
    named : the mapping. note : called with each name read, and with EVERY on iteration.
    """

    def __init__(self, named: Mapping[str, T], note: Callable[[str], object]) -> None:
        self.named, self.note = named, note

    def __getitem__(self, name: str) -> T:
        self.note(name)
        return self.named[name]

    def __contains__(self, name: object) -> bool:
        self.note(str(name))
        return name in self.named

    def __iter__(self) -> Iterator[str]:
        self.note(EVERY)
        return iter(self.named)

    def __len__(self) -> int:
        self.note(EVERY)
        return len(self.named)


@dataclass(frozen=True)
class Reading(Extract):
    """An extract that records the tables, sources, settings and calendar that one rule reads."""

    note: Callable[[str], object] = field(default=lambda _: None, repr=False, compare=False)

    def __getattribute__(self, name: str) -> Any:
        if name in ("settings", "calendar"):
            object.__getattribute__(self, "note")(f"({name})")
        return object.__getattribute__(self, name)

    def names(self, table: str, column: str) -> pl.Series:
        """As `Extract.names`; a cached result is recorded as read too."""
        self.note(table)
        return super().names(table, column)

    @classmethod
    def of(cls, extract: Extract, note: Callable[[str], object]) -> Reading:
        """The extract, recording each read with `note`."""
        own = {one.name: getattr(extract, one.name) for one in fields(Extract)}
        own |= {name: Noted(own[name], note) for name in ("tables", "sources")}
        return cls(**own, note=note)


def check_all(extract: Extract, near: Near | None = None) -> Mapping[Rule, Run]:
    """The inputs and findings of every rule, in order of registration.

    Rules only read, so they run in parallel threads: one rule alone often uses one core only. Dependency-tracked: a
    rule whose inputs have not changed since `near` is not run again.

    Parameters
    ----------
    extract : the typed tables of one folder.
    near : an earlier extract with its findings, and the inputs changed since.
    """
    rules = registered()
    known = {rule: run for rule in rules if near is not None and (run := near.run(rule)) is not None}
    rest = [rule for rule in rules if rule not in known]
    with ThreadPoolExecutor(os.cpu_count(), "soe-rule") as side_by_side:
        fresh = dict(zip(rest, side_by_side.map(lambda rule: noted(rule, extract), rest), strict=True))
    return {rule: known.get(rule) or fresh[rule] for rule in rules}


def noted(rule: Rule, extract: Extract) -> Run:
    """Run one rule and record its inputs."""
    reads: set[str] = set()
    findings = rule(Reading.of(extract, reads.add))
    return Run(frozenset(reads), findings)
