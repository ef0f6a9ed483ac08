"""settings.toml, read: every unknown name and every value that cannot be used is a finding."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from datetime import date, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

from soe_lib.extract.findings import Finding
from soe_lib.extract.schema import schema
from soe_lib.extract.settings import NOTHING, UNKNOWN, Settings, Working
from soe_lib.extract.spelling import hint

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
