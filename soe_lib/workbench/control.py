"""What a control is: its fields, what they may stand at in this company, and the edits that they stand for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import cached_property
from importlib import import_module
from typing import Literal

import polars as pl

from soe_lib.errors import DataError, hint
from soe_lib.extract.snapshot import Snapshot
from soe_lib.review import words
from soe_lib.store.plan import Plan
from soe_lib.whatif.edits import SETTINGS, Edit
from soe_lib.whatif.scenario import Scenario
from soe_lib.whatif.where import Value


@dataclass(frozen=True)
class Choices:
    """What the controls offer: the names, days and weeks of one company with its base plan."""

    snapshot: Snapshot
    base: Plan

    @cached_property
    def resources(self) -> tuple[str, ...]:
        """Those with hours, by name."""
        given = self.snapshot["calendar"].filter(pl.col("hours") > 0)["resource"]
        crews = self.snapshot["workforce"].filter(pl.col("hours_per_head") > 0)["resource"]
        known = pl.concat([given, crews]).unique().implode()
        return names(self.snapshot["resources"].filter(pl.col("resource").is_in(known))["resource"])

    @cached_property
    def scarcest(self) -> str:
        """The resource whose hours would earn most; the first by name where none would earn any."""
        base = self.base
        if not self.resources or "hours" not in base.prices:
            return self.resources[0] if self.resources else ""
        rows = base.prices["hours"].filter(pl.col("resource").is_in(list(self.resources)))
        if "heads" in base.flows:
            crew = pl.col("quantity") * pl.col("hours_per_head")
            brought = base.flows["heads"].select("resource", "period", crew=crew)
            rows = rows.join(brought, on=["resource", "period"], how="left")
            rows = rows.with_columns(pl.col("rhs") + pl.col("crew").fill_null(0.0))
        ranked = rows.group_by("resource").agg((pl.col("rhs") * pl.col("price")).sum().round(2).alias("worth"))
        return str(ranked.sort(["worth", "resource"], descending=[True, False])["resource"][0])

    @cached_property
    def families(self) -> tuple[str, ...]:
        """Those that a demanded item bears, by name."""
        if "short" not in self.base.flows:
            return ()
        asked = self.base.flows["short"]["item"].unique().implode()
        return names(self.snapshot["items"].filter(pl.col("item").is_in(asked))["family"])

    @cached_property
    def customers(self) -> tuple[str, ...]:
        """Those with demand, by name."""
        return names(self.base.flows["short"]["customer"]) if "short" in self.base.flows else ()

    @cached_property
    def suppliers(self) -> tuple[str, ...]:
        """Those with offers, by name."""
        return names(self.snapshot["offers"]["supplier"])

    @cached_property
    def days(self) -> tuple[date, ...]:
        """Every day of the horizon."""
        first, last = self.snapshot.periods["starts_on"][0], self.snapshot.periods["ends_on"][-1]
        return tuple(first + timedelta(days=step) for step in range((last - first).days + 1))

    @cached_property
    def weeks(self) -> tuple[tuple[str, date, date], ...]:
        """Label, first and last day of every week of the horizon."""
        weeks = self.snapshot.periods.group_by("week", maintain_order=True)
        return tuple(weeks.agg(pl.col("starts_on").min(), pl.col("ends_on").max()).iter_rows())


def names(column: pl.Series) -> tuple[str, ...]:
    """The names in a column, blanks left out."""
    return tuple(name for name in column.drop_nulls().unique().sort().to_list() if name)


@dataclass(frozen=True)
class Note:
    """What one edit touches.

    Parameters
    ----------
    text : one sentence. rows : rows of the extract that it touches; 0: it matches nothing.
    """

    text: str
    rows: int

    @property
    def nothing(self) -> bool:
        """Whether the edit changes nothing."""
        return self.rows == 0


@dataclass(frozen=True)
class Part:
    """The edits that one change stands for, and what they touch; without edits where they would match nothing.

    Parameters
    ----------
    words : the change as part of a scenario's name: "Venlo L2 down 3 days".
    """

    note: Note
    edits: tuple[Edit, ...] = ()
    words: str = ""


def nothing(why: str, called: str = "") -> Part:
    """A part without edits, and why."""
    return Part(Note(f"{why} Nothing changed.", 0), words=called)


def touching(snapshot: Snapshot, called: str, scenario: Scenario) -> Part:
    """The part of edits that are recorded as they stand, with the rows that they touch, counted by table."""
    try:
        rows = scenario.touched(snapshot)
    except DataError as error:
        return nothing(f"{_start(called)}: {str(error).partition(': ')[2] or error}", called)
    tables = rows.group_by("table", maintain_order=True).agg(pl.len(), pl.col("row").n_unique().alias("rows"))
    parts = [
        words.count(changes, "setting") if table == SETTINGS else f"{words.count(number, 'row')} of {table}"
        for table, changes, number in tables.iter_rows()
    ]
    return Part(Note(f"{_start(called)}: {words.listing(parts)}.", rows.height), scenario.edits, called)


def counted(called: str, scenario: Scenario, touched: dict[str, int]) -> Part:
    """The part of edits whose reach is counted by who makes them: rows by what they are; none is nothing."""
    if not sum(touched.values()):
        return nothing(f"{_start(called)}: there is no such row.", called)
    parts = [words.count(number, what) for what, number in touched.items() if number]
    return Part(Note(f"{_start(called)}: {words.listing(parts)}.", sum(touched.values())), scenario.edits, called)


def _start(text: str) -> str:
    return text[:1].upper() + text[1:]


Kind = Literal["pick", "slide", "switch"]
Said = Mapping[str, Value]
SolverOptions = tuple[tuple[str, Value], ...]
FEW = 8
"""So many entries of a list are named in an error."""


@dataclass(frozen=True)
class Field:
    """One thing to set.

    Parameters
    ----------
    name : in what is said. label : for the reader, with its unit.
    value : before anybody touched it. kind : a list to pick from, a slider, or a switch.
    options : of a list: label, value. least, most, step : of a slider.
    signed : whether a slider shows "+5".
    """

    name: str
    label: str
    kind: Kind
    value: Value
    options: SolverOptions = ()
    least: int = 0
    most: int = 0
    step: int = 1
    signed: bool = False

    def shows(self, value: Value) -> bool:
        """Whether it can stand at a value."""
        if self.kind == "pick":
            return any(value == one for _, one in self.options)
        if self.kind == "switch":
            return isinstance(value, bool)
        return isinstance(value, int) and self.least <= value <= self.most

    def read(self, value: Value) -> Value:
        """A value as the field can stand at it: an entry of its list or its label, yes or no, a whole number.

        Raises DataError for any other, with what there is: what cannot be shown is not planned either.
        """
        if self.kind == "pick":
            return self._picked(value)
        if self.kind == "switch":
            if isinstance(value, bool):
                return value
            raise DataError(f"{self.name} is a switch: give True or False, not {value!r}.")
        if isinstance(value, bool) or not isinstance(value, int | float) or value != int(value):
            raise DataError(f"{self.name} ({self.label}) takes a whole number, not {value!r}.")
        return int(value)

    def at(self, value: Value) -> Field:
        """The field set to a value that it can stand at; a slider reaches as far as it must."""
        if self.kind != "slide" or not isinstance(value, int):
            return replace(self, value=value)
        below, above = max(self.least - value, 0), max(value - self.most, 0)
        least, most = (-(-far // self.step) * self.step for far in (below, above))
        return replace(self, value=value, least=self.least - least, most=self.most + most)

    def _picked(self, value: Value) -> Value:
        for meant in (
            [known for _, known in self.options if value == known],
            [known for _, known in self.options if isinstance(known, date) and value == known.isoformat()],
            [known for label, known in self.options if value == label],
        ):
            if meant:
                return meant[0]
        listed = [str(label) for label, _ in self.options]
        advice = hint(str(value), [*listed, *(str(known) for _, known in self.options)])
        shown = ", ".join(listed[:FEW]) + (f" and {len(listed) - FEW} more" if len(listed) > FEW else "")
        raise DataError(f"{self.name} ({self.label}) has no {value!r}. {advice or f'There are: {shown}.'}")


class Control:
    """One kind of change; a subclass with a key is found by itself.

    Parameters
    ----------
    key : its name in a file or a script. title : what a planner reads. group : where the list shows it.
    place : in the list.
    """

    key = title = group = ""
    place = 0

    def __init_subclass__(cls) -> None:
        if cls.key:
            REGISTERED[cls.key] = cls()

    def fields(self, choices: Choices) -> tuple[Field, ...]:
        """What there is to set."""
        raise NotImplementedError

    def part(self, snapshot: Snapshot, said: Said) -> Part | None:
        """The edits, or None where what is said changes nothing yet."""
        raise NotImplementedError


REGISTERED: dict[str, Control] = {}


def controls() -> dict[str, Control]:
    """Every control by key, in the order in which they are listed."""
    for name in ("controls", "controls_money"):
        import_module(f"soe_lib.workbench.{name}")
    return dict(sorted(REGISTERED.items(), key=lambda pair: (pair[1].place, pair[0])))


def pick(name: str, label: str, options: SolverOptions, value: Value = None) -> Field:
    """A list to pick from; its first entry where no value is given."""
    known = [one for _, one in options]
    first = known[0] if known else ""
    return Field(name, label, "pick", value if value in known and value is not None else first, options)


def some_or_all(name: str, label: str, everything: str, names: tuple[str, ...]) -> Field:
    """A list whose first entry, blank, stands for all."""
    return pick(name, label, ((everything, ""), *((one, one) for one in names)), "")


def one_of(name: str, label: str, names: tuple[str, ...], value: str = "") -> Field:
    """A list of names of which one must be picked; blank where there is none."""
    return pick(name, label, tuple((one, one) for one in names) or (("none there", ""),), value)


def slide(
    name: str, label: str, least: int, most: int, *, step: int = 1, value: int = 0, signed: bool = False
) -> Field:
    """A slider of whole numbers."""
    return Field(name, label, "slide", value, least=min(least, value), most=max(most, value), step=step, signed=signed)


def share(name: str = "share", label: str = "Change, %", least: int = -50, most: int = 100, step: int = 1) -> Field:
    """A slider of a change in per cent."""
    return slide(name, label, least, most, step=step, signed=True)


def where(said: Said, *names: str) -> dict[str, Value]:
    """Filters of what is said, blanks left out."""
    return {name: said[name] for name in names if said.get(name)}


def text(said: Said, name: str) -> str:
    """What is said as text, blank where nothing is."""
    return str(said.get(name) or "")


def number(said: Said, name: str) -> float:
    """What is said as a number, 0 where nothing is."""
    value = said.get(name) or 0
    if not isinstance(value, int | float):
        raise DataError(f"{name} is a number, not {value!r}.")
    return float(value)


def percent(said: Said, name: str) -> float:
    """What is said in per cent as a share, 0 where nothing is."""
    return number(said, name) / 100


def window(choices: Choices, *, weeks: int = 0) -> tuple[Field, Field]:
    """First week and number of weeks; 0 weeks: to the end of the horizon."""
    options = tuple((words.sentence(words.period_name(label)).rstrip("."), first) for label, first, _ in choices.weeks)
    return pick("from", "From", options), slide("weeks", "Weeks (0: to the end)", 0, len(options), value=weeks)


def span(snapshot: Snapshot, said: Said) -> tuple[date, date]:
    """First and last day of the weeks that are said."""
    start, end = snapshot.periods["starts_on"][0], snapshot.periods["ends_on"][-1]
    given, weeks = said.get("from"), int(number(said, "weeks"))
    first = given if isinstance(given, date) else start
    if not weeks:
        return first, end
    # A first week that the horizon begins in the midst of ends on its Sunday.
    return first, min(first + timedelta(days=7 * weeks - 1 - first.weekday()), end)


def during(snapshot: Snapshot, said: Said) -> str:
    """The weeks as the end of a scenario's name; blank for the whole horizon."""
    first, last = span(snapshot, said)
    whole = first == snapshot.periods["starts_on"][0] and last == snapshot.periods["ends_on"][-1]
    return "" if whole else f", {words.day(first)} to {words.day(last)}"


def family_and_customer(choices: Choices) -> tuple[Field, Field]:
    return (
        some_or_all("family", "Family", "All families", choices.families),
        some_or_all("customer", "Customer", "All customers", choices.customers),
    )


def whose(said: Said) -> str:
    """Whose demand changes: "all demand", "Handwash", "Handwash for Aldi"."""
    family, customer = text(said, "family"), text(said, "customer")
    return f"{family} for {customer}" if family and customer else family or customer or "all demand"


def demand_rows(snapshot: Snapshot, said: Said, table: str) -> pl.DataFrame:
    """The demand rows of a table that a family and a customer (blank: all) have, of the forecast's version in use."""
    rows = snapshot[table].filter(pl.col("quantity") != 0)
    if customer := text(said, "customer"):
        rows = rows.filter(pl.col("customer") == customer)
    if family := text(said, "family"):
        mine = snapshot["items"].filter(pl.col("family") == family)["item"]
        rows = rows.filter(pl.col("item").is_in(mine.implode()))
    return in_use(snapshot, table, rows)


def in_use(snapshot: Snapshot, table: str, rows: pl.DataFrame) -> pl.DataFrame:
    version = snapshot.settings.forecast.version if table == "forecast" else ""
    return rows.filter(pl.col("version") == version) if version else rows


def plain(called: str) -> str:
    """A name as one types it, without hard spaces."""
    return called.replace(words.HARD_SPACE, " ")


def signed(change: float) -> str:
    return plain(words.percent(change, sign=True))
