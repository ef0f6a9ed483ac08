"""settings.toml: what a company decides once, read into frozen dataclasses with a default for each."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from datetime import date, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

from soe_lib.extract.findings import Finding
from soe_lib.extract.schema import schema
from soe_lib.extract.spelling import hint

FILE = "settings.toml"
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
NOTHING: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True)
class Horizon:
    """How far the plan looks: so many weeks, the first `daily` days of them day by day."""

    weeks: int = 13
    daily: int = 14


@dataclass(frozen=True)
class Costs:
    """`per`: the time base of holding, storage, late, below-safety and workforce costs; `capital_rate` per that time."""

    per: str = "week"
    holding_on: str = "closing"
    capital_rate: float = 0.0


@dataclass(frozen=True)
class LeadTime:
    """When goods of a period leave: spread evenly over its days, at its start, or at its end."""

    dispatch: str = "spread"


@dataclass(frozen=True)
class Working:
    """The fiscal months (calendar months, or 4-4-5 of ISO weeks) and the working weekdays, 1 = Monday … 7 = Sunday."""

    fiscal: str = "months"
    working_days: tuple[int, ...] = (1, 2, 3, 4, 5)


@dataclass(frozen=True)
class Fence:
    """Days from the as-of date that are frozen, days that are slushy, and what one changed unit costs there."""

    frozen_days: int = 0
    slushy_days: int = 0
    change_cost: float = 0.0


@dataclass(frozen=True)
class Objective:
    """What the plan is to be best at, and how scarce supply is shared out."""

    mode: str = "margin"
    allocation: str = ""


@dataclass(frozen=True)
class Terms:
    """Days until customers pay, and until suppliers are paid."""

    receivable_days: float = 0.0
    payable_days: float = 0.0


@dataclass(frozen=True)
class ForecastChoice:
    """Which version of the forecast to plan with; blank where the forecast has one only."""

    version: str = ""


@dataclass(frozen=True)
class Settings:
    """Everything settings.toml says, with the contract's default where it says nothing.

    Parameters
    ----------
    tolerance : band by family, as a share of the S&OP commitment.
    control : by table, what the sender counted: {"rows": 412, "quantity": 12345.0}.
    notes : assumptions that were made when the extract was written; the pack lists them.
    """

    company: str = ""
    currency: str = ""
    as_of: date = date.min
    horizon: Horizon = Horizon()
    costs: Costs = Costs()
    lead_time: LeadTime = LeadTime()
    calendar: Working = Working()
    fence: Fence = Fence()
    objective: Objective = Objective()
    terms: Terms = Terms()
    forecast: ForecastChoice = ForecastChoice()
    tolerance: Mapping[str, float] = field(default_factory=lambda: NOTHING)
    control: Mapping[str, Mapping[str, float]] = field(default_factory=lambda: NOTHING)
    notes: tuple[str, ...] = ()

    def plain(self) -> dict[str, Any]:
        """The settings as plain values, sorted by name, for JSON and fingerprints."""
        return _plain(self)


CHOICES = {
    "costs.per": ("day", "week", "period", "year"),
    "costs.holding_on": ("closing", "opening"),
    "lead_time.dispatch": ("spread", "end", "start"),
    "calendar.fiscal": ("4-4-5", "months"),
}
LEAST = {"horizon.weeks": 1.0, "horizon.daily": 0.0}
RENAMED = {"assumptions": "notes"}


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
        return values, self.findings

    def _section(self, default: Any, content: Mapping[str, Any], at: str) -> Any:
        known = {one.name: getattr(default, one.name) for one in fields(default)}
        shown = {new: old for old, new in RENAMED.items()} if not at else {}
        chosen = {}
        for key, value in content.items():
            name = RENAMED.get(key, key) if not at else key
            path = f"{at}.{name}" if at else name
            if name in known:
                chosen[name] = self._value(path, known[name], value)
            else:
                names = [shown.get(one, one) for one in known]
                fix = hint(key, names) or f"Known here: {', '.join(names)}."
                self._stop(f"{at}.{key}" if at else key, str(value), "Unknown setting.", fix)
        return type(default)(**{**known, **chosen})

    def _value(self, path: str, default: Any, value: Any) -> Any:
        if path in READERS:
            return READERS[path](self, path, value)
        if is_dataclass(default):
            if isinstance(value, Mapping):
                return self._section(default, value, path)
            return self._wrong(path, value, default, f"It is a section: write it as [{path}].")
        if isinstance(default, float | int):
            return self._number(path, default, value)
        if not isinstance(value, str):
            return self._wrong(path, value, default, "Write a text in quotes.")
        if path in CHOICES and value not in CHOICES[path]:
            return self._wrong(path, value, default, f"Choose one of {', '.join(CHOICES[path])}.")
        return value

    def _number(self, path: str, default: float | int, value: Any) -> float | int:
        whole = isinstance(default, int)
        if isinstance(value, bool) or not isinstance(value, int if whole else (int, float)):
            return self._wrong(path, value, default, f"Write a {'whole ' if whole else ''}number.")
        least = LEAST.get(path, 0.0)
        if not least <= value <= 1e9:
            return self._wrong(path, value, default, f"Write a number from {least:g} to 1e9.")
        return int(value) if whole else float(value)

    def as_of(self, path: str, value: Any) -> date:
        """The as-of date: a TOML date, or an ISO date in quotes."""
        if isinstance(value, date) and not isinstance(value, datetime):
            return value
        try:
            if not isinstance(value, str) or len(value) != 10:
                raise ValueError(value)
            return date.fromisoformat(value)
        except ValueError:
            return self._wrong(path, value, date.min, 'Write an ISO date such as "2026-11-16".')

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
            return MappingProxyType({key: float(self._number(f"{path}.{key}", 0.0, value[key])) for key in sorted(value)})
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
}


def _weekday(day: Any) -> int:
    if isinstance(day, int) and not isinstance(day, bool):
        return day if 1 <= day <= 7 else 0
    starts = [n for n, name in enumerate(WEEKDAYS, 1) if isinstance(day, str) and len(day) >= 2 and name.lower().startswith(day.lower())]
    return starts[0] if len(starts) == 1 else 0


def _plain(value: Any) -> Any:
    if is_dataclass(value):
        return {one.name: _plain(getattr(value, one.name)) for one in sorted(fields(value), key=lambda one: one.name)}
    if isinstance(value, Mapping):
        return {str(key): _plain(value[key]) for key in sorted(value)}
    if isinstance(value, tuple):
        return [_plain(one) for one in value]
    return value.isoformat() if isinstance(value, date) else value
