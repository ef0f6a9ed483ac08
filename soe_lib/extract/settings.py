"""settings.toml: what a company decides once, with a default for each; what cannot be used is a finding."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from datetime import date, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

from soe_lib.errors import hint
from soe_lib.extract.findings import Finding
from soe_lib.extract.schema import schema

UNKNOWN = date(1900, 1, 1)
NOTHING: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True)
class Horizon:
    """How far the plan looks: so many weeks, the first `daily` days of them day by day."""

    weeks: int = 13
    daily: int = 14


@dataclass(frozen=True)
class Costs:
    """The time base `per` of holding, storage, late, below-safety and workforce costs; `capital_rate` is per that time.

    Holding counts on the closing stock of a period, or on its opening stock.
    """

    per: str = "week"
    holding_on: str = "closing"
    capital_rate: float = 0.0


@dataclass(frozen=True)
class LeadTime:
    """When goods of a period leave (spread over its days, at its start or end), and which days lead times count.

    `days` is written as `in` in settings.toml: calendar days, or working days (less closures).
    """

    dispatch: str = "spread"
    days: str = "calendar days"


@dataclass(frozen=True)
class Limits:
    """What maxima, hours of a head and hours of an expansion are per: week, day or period; blank: week.

    Where the extract gives its periods, blank is period.
    """

    per: str = ""


@dataclass(frozen=True)
class Working:
    """The fiscal months (calendar months, or 4-4-5 of ISO weeks) and the working weekdays, 1 = Monday … 7 = Sunday."""

    fiscal: str = "months"
    working_days: tuple[int, ...] = (1, 2, 3, 4, 5)


@dataclass(frozen=True)
class Fence:
    """Days from the as-of date that are frozen, days that are slushy, and what one changed unit costs there.

    Parameters
    ----------
    change_cost : of one changed unit in the slushy zone [money, steering].
    break_price : of one changed unit in the frozen fence [money, steering]; 0: the item's price or standard cost,
        whichever is more, and never less than ten times change_cost.
    breaks : whether the frozen fence may be broken at that price; where not, what it makes impossible has no plan.
    """

    frozen_days: int = 0
    slushy_days: int = 0
    change_cost: float = 0.0
    break_price: float = 0.0
    breaks: bool = True


@dataclass(frozen=True)
class Objective:
    """What the plan is to be best at, how scarce supply is shared out, and from which date an order is late.

    An order is late from the date that was asked (`orders.due_on`), or from the one that was confirmed.
    """

    mode: str = "margin"
    allocation: str = ""
    late_from: str = "asked"


@dataclass(frozen=True)
class Setups:
    """Whether a resource keeps its last set-up into the next period; fixed costs and minimum runs never carry over."""

    carry_over: bool = False


@dataclass(frozen=True)
class Terms:
    """Days until customers pay, and until suppliers are paid."""

    receivable_days: float = 0.0
    payable_days: float = 0.0


@dataclass(frozen=True)
class Escalation:
    """What the weekly meeting hands up, to whom, and within how many days it must be decided.

    Parameters
    ----------
    margin : money at stake from which a matter goes to `margin_to`; 0: never.
    weeks : the week of its being open, the first is 1, from which an exception goes to `weeks_to`; 0: never.
    fence : share of the frozen fence's production that may be moved before it goes to `fence_to`; 0: any move goes up.
    tolerance_to : who decides where a family leaves the tolerance of its month.
    days : days until whoever is asked must decide.
    """

    margin: float = 0.0
    margin_to: str = "Managing director"
    weeks: int = 4
    weeks_to: str = "Head of operations"
    fence: float = 0.05
    fence_to: str = "Head of operations"
    tolerance_to: str = "S&OP"
    days: int = 7


@dataclass(frozen=True)
class ForecastChoice:
    """Which version of the forecast to plan with, and whether its bias is taken out of it.

    Parameters
    ----------
    version : blank where the forecast has one only.
    bias : "keep", or "remove": each forecast is multiplied with 1 + what the record says it leans by.
    """

    version: str = ""
    bias: str = "keep"


@dataclass(frozen=True)
class Consumption:
    """How many days before and after its due date an order looks for forecast, where its own bucket is used up."""

    backward_days: int = 0
    forward_days: int = 0


@dataclass(frozen=True)
class Cushion:
    """The stock that a plan holds against demand and supply that nobody knows.

    Parameters
    ----------
    use : "with a record" of the forecast (versions by week, and what was sold), "always" or "never".
    review_days : days from one plan to the next.
    error : where little is known: standard deviation of a week's error, as a share of its forecast.
    pool : points of a record that what is known of its family counts for.
    """

    use: str = "with a record"
    review_days: int = 7
    error: float = 0.3
    pool: float = 8.0


@dataclass(frozen=True)
class Events:
    """What a loss of supply does to receipts of what it hits: they come, are lost, or are late (come after its end)."""

    open_orders: str = "come"


@dataclass(frozen=True)
class Plausibility:
    """From where on a figure is a warning.

    Parameters
    ----------
    change : so many times, or the so-manieth part of, what it was in the extract before.
    price_over_cost : a price of so many times the standard cost.
    cost_over_standard : a purchase, or what goes into a unit, of so many times (or part of) the standard cost.
    highest_yield : good units of each unit started; twenty times as much stops.
    stock_months : months of what is asked for.
    """

    change: float = 3.0
    price_over_cost: float = 20.0
    cost_over_standard: float = 4.0
    highest_yield: float = 1.0
    stock_months: float = 12.0


@dataclass(frozen=True)
class Tables:
    """Tables that the company has none of: that they are missing is then no finding."""

    none: tuple[str, ...] = ()


@dataclass(frozen=True)
class Settings:
    """Everything settings.toml says, with the contract's default where it says nothing.

    Parameters
    ----------
    tolerance : band by family, as a share of the S&OP commitment.
    control : by table, what the sender counted: {"rows": 412, "quantity": 12345.0}.
    notes : assumptions that were made when the extract was written; the pack lists them.
    unchanged : tables that may be, byte for byte, those of the week before.
    """

    company: str = ""
    currency: str = ""
    as_of: date = UNKNOWN
    horizon: Horizon = Horizon()
    costs: Costs = Costs()
    lead_time: LeadTime = LeadTime()
    limits: Limits = Limits()
    calendar: Working = Working()
    fence: Fence = Fence()
    objective: Objective = Objective()
    setups: Setups = Setups()
    terms: Terms = Terms()
    escalation: Escalation = Escalation()
    forecast: ForecastChoice = ForecastChoice()
    consumption: Consumption = Consumption()
    cushion: Cushion = Cushion()
    tables: Tables = Tables()
    plausibility: Plausibility = Plausibility()
    events: Events = Events()
    tolerance: Mapping[str, float] = field(default_factory=lambda: NOTHING)
    control: Mapping[str, Mapping[str, float]] = field(default_factory=lambda: NOTHING)
    notes: tuple[str, ...] = ()
    unchanged: tuple[str, ...] = ()

    def plain(self) -> dict[str, Any]:
        """The settings as plain values, sorted by name, for JSON and fingerprints."""
        return _plain(self)


def _plain(value: Any) -> Any:
    if is_dataclass(value):
        return {one.name: _plain(getattr(value, one.name)) for one in sorted(fields(value), key=lambda one: one.name)}
    if isinstance(value, Mapping):
        return {str(key): _plain(value[key]) for key in sorted(value)}
    if isinstance(value, tuple):
        return [_plain(one) for one in value]
    return value.isoformat() if isinstance(value, date) else value


FILE = "settings.toml"
ISO = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
CHOICES = {
    "costs.per": ("day", "week", "period", "year"),
    "costs.holding_on": ("closing", "opening"),
    "lead_time.dispatch": ("spread", "end", "start"),
    "lead_time.days": ("calendar days", "working days"),
    "limits.per": ("", "day", "period", "week"),
    "calendar.fiscal": ("4-4-5", "months"),
    "cushion.use": ("with a record", "always", "never"),
    "forecast.bias": ("keep", "remove"),
    "events.open_orders": ("come", "lost", "late"),
    "objective.late_from": ("asked", "confirmed"),
}
RANGE = {
    "horizon.weeks": (1, 520),
    "horizon.daily": (0, 1100),
    "fence.frozen_days": (0, 3650),
    "plausibility.change": (1, 1_000_000),
    "plausibility.price_over_cost": (1, 1_000_000),
    "plausibility.cost_over_standard": (1, 1_000_000),
    "plausibility.highest_yield": (0.01, 1_000_000),
    "plausibility.stock_months": (0.01, 1_000_000),
    "escalation.days": (0, 365),
    "consumption.backward_days": (0, 3650),
    "consumption.forward_days": (0, 3650),
    "cushion.review_days": (1, 3650),
    "cushion.error": (0, 10),
    "cushion.pool": (0, 1_000_000),
}
RENAMED = {"assumptions": "notes", "lead_time.in": "days"}
"""What is written → what it is called here."""


def load(folder: Path) -> tuple[Settings, list[Finding]]:
    """The settings of one extract, and what is wrong with them.

    Parameters
    ----------
    folder : the extract's folder, holding settings.toml.
    """
    path = folder / FILE
    if not path.is_file():
        fix = "Add it with company, currency and as_of; the contract lists the rest."
        return Settings(), [Finding("stop", "settings", FILE, rule="The file is missing.", fix=fix)]
    try:
        content = tomllib.loads(path.read_bytes().decode("utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        return Settings(), [Finding("stop", "settings", FILE, rule=f"Not valid TOML: {error}.", fix="Mend the line.")]
    return Reader().settings(content)


class Reader:
    """Turns the parsed TOML into Settings and collects every finding on the way."""

    def __init__(self) -> None:
        self.findings: list[Finding] = []

    def settings(self, content: Mapping[str, Any]) -> tuple[Settings, list[Finding]]:
        """The settings, and the findings collected."""
        values = self._section(Settings(), content, "")
        for name in ("company", "currency", "as_of"):
            if name not in content:
                self._stop(name, "", "The setting is missing.", f"Add {name} = … at the top of {FILE}.")
            elif not str(content[name]).strip():
                self._stop(name, "", "The setting is blank.", f"Write {name} = … at the top of {FILE}.")
        return values, self.findings

    def _section(self, default: Any, content: Mapping[str, Any], at: str) -> Any:
        known = {one.name: getattr(default, one.name) for one in fields(default)}
        own = {old.removeprefix(f"{at}."): new for old, new in RENAMED.items() if old.rpartition(".")[0] == at}
        shown = {new: old for old, new in own.items()}
        chosen = {}
        for key, value in content.items():
            name = own.get(key, key)
            path = f"{at}.{name}" if at else name
            if name in known:
                chosen[name] = self._value(path, known[name], value)
            else:
                names = [shown.get(one, one) for one in known]
                fix = _section_of(key) or hint(key, names) or f"Known here: {', '.join(names)}."
                self._stop(f"{at}.{key}" if at else key, str(value), "Unknown setting.", fix)
        return type(default)(**{**known, **chosen})

    def _value(self, path: str, default: Any, value: Any) -> Any:
        if path in READERS:
            return READERS[path](self, path, value)
        if is_dataclass(default):
            if isinstance(value, Mapping):
                return self._section(default, value, path)
            return self._wrong(path, value, default, f"It is a section: write it as [{path}].")
        if isinstance(default, bool):
            return value if isinstance(value, bool) else self._wrong(path, value, default, "Write true or false.")
        if isinstance(default, float | int):
            return self._number(path, default, value)
        if not isinstance(value, str):
            return self._wrong(path, value, default, "Write a text in quotes.")
        if path in CHOICES and value not in CHOICES[path]:
            return self._wrong(path, value, default, f"Choose one of {', '.join(one for one in CHOICES[path] if one)}.")
        return value

    def _number(self, path: str, default: float | int, value: Any) -> float | int:
        whole = isinstance(default, int)
        if isinstance(value, bool) or not isinstance(value, int if whole else (int, float)):
            return self._wrong(path, value, default, f"Write a {'whole ' if whole else ''}number.")
        least, most = RANGE.get(path, (0, 1_000_000_000))
        if not least <= value <= most:
            return self._wrong(path, value, default, f"Write a number from {least:,} to {most:,}.")
        return int(value) if whole else float(value)

    def as_of(self, path: str, value: Any) -> date:
        """The as-of date: a TOML date, or an ISO date in quotes."""
        day = value if isinstance(value, date) and not isinstance(value, datetime) else as_date(str(value))
        if day is not None and 1970 <= day.year < 2200:
            return day
        return self._wrong(path, value, UNKNOWN, 'Write an ISO date such as "2026-11-16".')

    def working_days(self, path: str, value: Any) -> tuple[int, ...]:
        """Weekdays as names or 1 … 7, or how many from Monday on."""
        if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= 7:
            return tuple(range(1, value + 1))
        days = [_weekday(day) for day in value] if isinstance(value, list) else []
        if days and all(days):
            return tuple(sorted(set(days)))
        fix = 'Write a list of weekdays such as ["Mon", "Tue", "Wed"], or how many from Monday on.'
        return self._wrong(path, value, Working().working_days, fix)

    def tolerance(self, path: str, value: Any) -> Mapping[str, float]:
        """Band by family."""
        if isinstance(value, Mapping):
            return MappingProxyType(
                {key: float(self._number(f"{path}.{key}", 0.0, value[key])) for key in sorted(value)}
            )
        return self._wrong(path, value, NOTHING, "Write [tolerance] with one line per family.")

    def control(self, path: str, value: Any) -> Mapping[str, Mapping[str, float]]:
        """Row counts and column totals by table."""
        if not isinstance(value, Mapping):
            return self._wrong(path, value, NOTHING, "Write [control] with one line per table.")
        for name in value:
            if name not in schema():
                self._stop(f"{path}.{name}", "", "No such table.", hint(name, schema()) or "Remove it.")
        known = {name: totals for name, totals in sorted(value.items()) if name in schema()}
        return MappingProxyType({name: self._totals(f"{path}.{name}", totals) for name, totals in known.items()})

    def _totals(self, path: str, totals: Any) -> Mapping[str, float]:
        named = totals if isinstance(totals, Mapping) else {"rows": totals}
        table = schema()[path.partition(".")[2]]
        known = ["rows", *(one.name for one in table.columns if one.type in ("number", "integer"))]
        for name in named:
            if name not in known:
                self._stop(f"{path}.{name}", "", "Nothing to add up.", f"Use one of {', '.join(known)}.")
        right = {name: total for name, total in named.items() if name in known}
        bad = [name for name, total in right.items() if isinstance(total, bool) or not isinstance(total, int | float)]
        for name in bad:
            self._stop(f"{path}.{name}", str(right[name]), "Not a number.", "Write a number.")
        return MappingProxyType({name: float(right[name]) for name in sorted(right) if name not in bad})

    def notes(self, path: str, value: Any) -> tuple[str, ...]:
        """Assumptions, a list of sentences."""
        if isinstance(value, list) and all(isinstance(one, str) for one in value):
            return tuple(value)
        return self._wrong(path, value, (), "Write a list of texts.")

    def names(self, path: str, value: Any) -> tuple[str, ...]:
        """Names of tables."""
        if isinstance(value, list) and all(isinstance(one, str) and one in schema() for one in value):
            return tuple(sorted(value))
        return self._wrong(path, value, (), 'Write a list of tables such as ["inventory"].')

    def _wrong(self, path: str, value: Any, default: Any, fix: str) -> Any:
        self._stop(path, str(value), "The value cannot be used.", fix)
        return default

    def _stop(self, path: str, value: str, rule: str, fix: str) -> None:
        self.findings.append(Finding("stop", "settings", FILE, column=path, value=value, rule=rule, fix=fix, count=1))


READERS: dict[str, Callable[[Reader, str, Any], Any]] = {
    "as_of": Reader.as_of,
    "calendar.working_days": Reader.working_days,
    "tolerance": Reader.tolerance,
    "control": Reader.control,
    "notes": Reader.notes,
    "tables.none": Reader.names,
    "unchanged": Reader.names,
}


def as_date(text: str) -> date | None:
    """An ISO date that exists, else None."""
    if not ISO.fullmatch(text):
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _weekday(day: Any) -> int:
    if isinstance(day, int) and not isinstance(day, bool):
        return day if 1 <= day <= 7 else 0
    starts = [
        n
        for n, name in enumerate(WEEKDAYS, 1)
        if isinstance(day, str) and len(day) >= 2 and name.lower().startswith(day.lower())
    ]
    return starts[0] if len(starts) == 1 else 0


def _section_of(key: str) -> str:
    """Where a setting belongs that is known under another heading; blank where it is known nowhere."""
    sections = [one.name for one in fields(Settings) if is_dataclass(one.default) and key in vars(one.default)]
    return f"Write it under [{'] or ['.join(sections)}]." if sections else ""
