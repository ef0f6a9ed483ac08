"""settings.toml: the company's settings with their defaults; unusable values are findings."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass, replace
from datetime import date, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

from annotated_types import Interval, Predicate

from soe_lib.errors import hint
from soe_lib.extract.findings import Finding
from soe_lib.extract.schema import schema
from soe_lib.extract.toml import FIXES as OF_TYPES
from soe_lib.extract.toml import Section, held, types_of

UNKNOWN = date(1900, 1, 1)
NOTHING: Mapping[str, Any] = MappingProxyType({})
Count = Annotated[int, Interval(ge=0, le=1_000_000_000)]
Days = Annotated[int, Interval(ge=0, le=3650)]
Amount = Annotated[float, Interval(ge=0, le=1_000_000_000)]
Times = Annotated[float, Interval(ge=1, le=1_000_000)]
CushionUse = Literal["with a record", "always", "never"]
TableName = Annotated[str, Predicate(lambda name: name in schema())]


@dataclass(frozen=True)
class Horizon(Section):
    """The length of the horizon in weeks; at least the first `daily` days are daily periods."""

    weeks: Annotated[int, Interval(ge=1, le=520)] = 13
    daily: Annotated[int, Interval(ge=0, le=1100)] = 14


@dataclass(frozen=True)
class Costs(Section):
    """The time base `per` of holding, storage, late, below-safety and workforce costs; `capital_rate` is per that time.

    Holding counts on the closing stock of a period, or on its opening stock.
    """

    per: Literal["day", "week", "period", "year"] = "week"
    holding_on: Literal["closing", "opening"] = "closing"
    capital_rate: Amount = 0.0


@dataclass(frozen=True)
class LeadTime(Section):
    """The dispatch of a period's goods (spread over its days, at its start or end), and the days that lead times count.

    `days` is written as `in` in settings.toml: calendar days, or working days (less closures).
    """

    dispatch: Literal["spread", "end", "start"] = "spread"
    days: Literal["calendar days", "working days"] = "calendar days"


@dataclass(frozen=True)
class Limits(Section):
    """Time base of maxima, hours per head and hours of an expansion: week, day or period.

    Blank: week, or period if the extract has its own periods.
    """

    per: Literal["", "day", "period", "week"] = ""


@dataclass(frozen=True)
class Working(Section):
    """The fiscal months (calendar months, or 4-4-5 of ISO weeks) and the working weekdays, 1 = Monday … 7 = Sunday."""

    fiscal: Literal["4-4-5", "months"] = "months"
    working_days: tuple[int, ...] = (1, 2, 3, 4, 5)


@dataclass(frozen=True)
class Fence(Section):
    """The frozen and slushy days from the as-of date, and the cost of one changed unit in each.

    Parameters
    ----------
    change_cost : of one changed unit in the slushy zone [money, steering].
    break_price : of one changed unit in the frozen fence [money, steering]; 0: the item's price or standard cost,
        whichever is more, and never less than ten times change_cost.
    breaks : whether the plan may break the frozen fence at that price; if not, an infeasible fence has no plan.
    """

    frozen_days: Days = 0
    slushy_days: Count = 0
    change_cost: Amount = 0.0
    break_price: Amount = 0.0
    breaks: bool = True


@dataclass(frozen=True)
class Objective(Section):
    """The objective, the allocation of scarce supply, and the date from which an order is late.

    An order is late from its requested date (`orders.due_on`) or from its confirmed one.
    """

    mode: str = "margin"
    allocation: str = ""
    late_from: Literal["asked", "confirmed"] = "asked"


@dataclass(frozen=True)
class Setups(Section):
    """Whether a resource keeps its last set-up into the next period; fixed costs and minimum runs never carry over."""

    carry_over: bool = False


@dataclass(frozen=True)
class Terms(Section):
    """Days until customers pay, and until suppliers are paid."""

    receivable_days: Amount = 0.0
    payable_days: Amount = 0.0


@dataclass(frozen=True)
class Escalation(Section):
    """What the weekly meeting escalates, to whom, and the days allowed for the decision.

    Parameters
    ----------
    margin : money at stake from which an exception is escalated to `margin_to`; 0: never.
    weeks : number of weeks open (the first is 1) from which an exception is escalated to `weeks_to`; 0: never.
    fence : share of the frozen fence's production above which changes are escalated to `fence_to`; 0: any change.
    tolerance_to : decides where a family deviates from its month by more than its band: the band in `[tolerance]`,
        else the one at which a week of waiting costs as much as a decision.
    decision_cost : of one S&OP decision [money]; 0: a ten-thousandth of the plan's revenue.
    days : days allowed for the decision.
    """

    margin: Amount = 0.0
    margin_to: str = "Managing director"
    weeks: Count = 4
    weeks_to: str = "Head of operations"
    fence: Amount = 0.05
    fence_to: str = "Head of operations"
    tolerance_to: str = "S&OP"
    days: Annotated[int, Interval(ge=0, le=365)] = 7
    decision_cost: Amount = 0.0


@dataclass(frozen=True)
class ForecastChoice(Section):
    """The version of the forecast to plan with, and whether to remove its bias.

    Parameters
    ----------
    version : blank if the forecast has only one.
    bias : "keep", or "remove": each forecast is multiplied by 1 + its relative bias in the record.
    """

    version: str = ""
    bias: Literal["keep", "remove"] = "keep"


@dataclass(frozen=True)
class Consumption(Section):
    """Days before and after its due date in which an order consumes forecast once its own bucket is used up."""

    backward_days: Days = 0
    forward_days: Days = 0


@dataclass(frozen=True)
class Cushion(Section):
    """The stock that a plan holds against uncertain demand and supply.

    Parameters
    ----------
    use : "with a record" of the forecast (versions by week, and sales), "always" or "never".
    review_days : days from one plan to the next.
    error : prior for short records: standard deviation of a week's error, as a share of its forecast.
    pool : weight of the family's errors, in points of an item's own record.
    """

    use: CushionUse = "with a record"
    review_days: Annotated[int, Interval(ge=1, le=3650)] = 7
    error: Annotated[float, Interval(ge=0, le=10)] = 0.3
    pool: Annotated[float, Interval(ge=0, le=1_000_000)] = 8.0


@dataclass(frozen=True)
class Events(Section):
    """Effect of a loss of supply on open receipts: they come, are lost, or are late (come after its end)."""

    open_orders: Literal["come", "lost", "late"] = "come"


@dataclass(frozen=True)
class Released(Section):
    """The orders that `soe release` writes, and the gain that justifies changing an open one.

    Parameters
    ----------
    firm_days : days from the as-of date whose orders are firm, rounded out to whole periods; 0: to the end of the
        frozen fence, at least a week.
    forecast : whether the rest of the horizon is written as a forecast of orders.
    change_worth : least gain for which an open order is changed [money].
    move_days : most days by which a supplier may be requested to deliver sooner or later.
    """

    firm_days: Days = 0
    forecast: bool = True
    change_worth: Amount = 100.0
    move_days: Days = 7


@dataclass(frozen=True)
class Plausibility(Section):
    """Thresholds above which a figure is a warning.

    Parameters
    ----------
    change : ratio, up or down, to the figure of the previous extract.
    price_over_cost : ratio of price to standard cost.
    cost_over_standard : ratio, up or down, of purchase cost or of a unit's inputs to standard cost.
    highest_yield : good units per unit started; twenty times as much stops.
    stock_months : months of demand in stock.
    """

    change: Times = 3.0
    price_over_cost: Times = 20.0
    cost_over_standard: Times = 4.0
    highest_yield: Annotated[float, Interval(ge=0.01, le=1_000_000)] = 1.0
    stock_months: Annotated[float, Interval(ge=0.01, le=1_000_000)] = 12.0


@dataclass(frozen=True)
class Tables(Section):
    """Tables that the company does not have; that they are missing is then no finding."""

    none: tuple[TableName, ...] = ()


@dataclass(frozen=True)
class Settings(Section):
    """All settings of settings.toml, with the contract's defaults.

    Parameters
    ----------
    tolerance : band by family, as a share of the S&OP commitment.
    control : control totals by table: {"rows": 412, "quantity": 12345.0}.
    notes : assumptions made when the extract was written; the pack lists them.
    unchanged : tables whose file may equal that of the week before, byte for byte.
    """

    company: str = ""
    currency: str = ""
    as_of: Annotated[date, Interval(ge=date(1970, 1, 1), lt=date(2200, 1, 1))] = UNKNOWN
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
    release: Released = Released()
    tolerance: Mapping[str, Amount] = field(default_factory=lambda: NOTHING)
    control: Mapping[str, Mapping[str, float]] = field(default_factory=lambda: NOTHING)
    notes: tuple[str, ...] = ()
    unchanged: tuple[TableName, ...] = ()

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
RENAMED = {"assumptions": "notes", "lead_time.in": "days"}
"""Name in settings.toml → name in `Settings`."""
FIXES = {
    "as_of": 'Write an ISO date such as "2026-11-16".',
    "calendar.working_days": 'Write a list of weekdays such as ["Mon", "Tue", "Wed"], or how many from Monday on.',
    "tolerance": "Write [tolerance] with one line per family.",
    "control": "Write [control] with one line per table.",
    "notes": "Write a list of texts.",
    "tables.none": 'Write a list of tables such as ["inventory"].',
    "unchanged": 'Write a list of tables such as ["inventory"].',
}
"""How to fix a value, by its setting."""

CHOICES: Mapping[str, tuple[str, ...]] = {
    f"{section}.{name}": get_args(kind)
    for section, of in get_type_hints(Settings).items()
    if is_dataclass(of)
    for name, kind in get_type_hints(of).items()
    if get_origin(kind) is Literal
}
"""The allowed words of a setting, by its path."""


def load(folder: Path) -> tuple[Settings, list[Finding]]:
    """The settings of one extract, and their findings.

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
    return validated(content)


def validated(content: Mapping[str, Any]) -> tuple[Settings, list[Finding]]:
    """The settings of parsed TOML; an unusable value is a finding and gets its default.

    Parameters
    ----------
    content : by setting or section, with the names of settings.toml.
    """
    findings = []
    for name in ("company", "currency", "as_of"):
        if name not in content:
            findings.append(_stop(name, "", "The setting is missing.", f"Add {name} = … at the top of {FILE}."))
        elif not str(content[name]).strip():
            findings.append(_stop(name, "", "The setting is blank.", f"Write {name} = … at the top of {FILE}."))
    named = _named(content)
    usable = _readable(named)
    if isinstance(named.get("control"), Mapping):
        usable["control"], problems = _counted(named["control"])
        findings += problems
    found = held(Settings, usable, lambda place, what: findings.append(_refused(place, what, named)))
    return replace(
        found,
        tables=Tables(tuple(sorted(found.tables.none))),
        unchanged=tuple(sorted(found.unchanged)),
        tolerance=_frozen(found.tolerance),
        control=_frozen(found.control),
    ), sorted(findings, key=lambda one: one.column)


def _named(content: Mapping[str, Any], at: str = "") -> dict[str, Any]:
    """The content under the names of `Settings`."""
    return {
        RENAMED.get(f"{at}{key}", key): _named(value, f"{key}.") if isinstance(value, Mapping) and not at else value
        for key, value in content.items()
    }


def _readable(content: Mapping[str, Any]) -> dict[str, Any]:
    """A copy with dates and weekdays in pydantic's form; None, which pydantic refuses, for invalid ones."""
    usable = {key: dict(value) if isinstance(value, Mapping) else value for key, value in content.items()}
    if "as_of" in usable:
        day = usable["as_of"]
        known = day if isinstance(day, date) and not isinstance(day, datetime) else as_date(str(day))
        usable["as_of"] = known.isoformat() if known else None
    working = usable.get("calendar")
    if isinstance(working, dict) and "working_days" in working:
        working["working_days"] = _working_days(working["working_days"])
    return usable


def _working_days(value: Any) -> list[int] | None:
    """Weekdays from names, numbers 1 … 7, or a count from Monday; None if invalid."""
    if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= 7:
        return list(range(1, value + 1))
    days = [_weekday(day) for day in value] if isinstance(value, list) else []
    return sorted(set(days)) if days and all(days) else None


def _counted(value: Mapping[str, Any]) -> tuple[dict[str, dict[str, float]], list[Finding]]:
    """Row counts and column totals by table; a total of a column that is no number is a finding."""
    counted, findings = {}, []
    for name, totals in value.items():
        if name not in schema():
            findings.append(_stop(f"control.{name}", "", "No such table.", hint(name, schema()) or "Remove it."))
            continue
        known = ["rows", *(one.name for one in schema()[name].columns if one.type in ("number", "integer"))]
        counted[name] = dict(totals) if isinstance(totals, Mapping) else {"rows": totals}
        for one, total in [*counted[name].items()]:
            if one not in known:
                wrong = "The table has no such total.", f"Use one of {', '.join(known)}."
            elif isinstance(total, bool) or not isinstance(total, int | float):
                wrong = "Not a number.", "Write a number."
            else:
                continue
            findings.append(_stop(f"control.{name}.{one}", "" if one not in known else str(total), *wrong))
            del counted[name][one]
    return counted, findings


def _refused(place: tuple[str, ...], error: str, content: Mapping[str, Any]) -> Finding:
    """The finding for a value that pydantic refused, with its fix."""
    *above, name = place
    path, value = ".".join(place), content
    section: type = Settings
    for one in above:
        section, value = types_of(section)[one], value[one]
    if error == "unexpected_keyword_argument":
        return _unknown(place, section, str(value[name]))
    kind: Any = types_of(section)[name] if is_dataclass(section) else Amount  # a line of [tolerance] names a family
    fix = FIXES.get(path) or OF_TYPES.get(error, "")
    if is_dataclass(kind):
        fix = f"It is a section: write it as [{path}]."
    elif get_origin(kind) is Literal and error == "literal_error":
        fix = f"Choose one of {', '.join(one for one in CHOICES[path] if one)}."
    elif not fix:
        span = next(one for one in kind.__metadata__ if isinstance(one, Interval))
        fix = f"Write a number from {span.ge:,} to {span.le:,}."
    return _stop(path, str(value[name]), "The value cannot be used.", fix)


def _unknown(place: tuple[str, ...], section: type, value: str) -> Finding:
    """The finding for an unknown name, with its section, the nearest name, or the known names."""
    *above, name = place
    shown = {new: old.rpartition(".")[2] for old, new in RENAMED.items() if old.rpartition(".")[0] == ".".join(above)}
    known = [shown.get(one, one) for one in types_of(section)]
    fix = _section_of(name) or hint(name, known) or f"Known here: {', '.join(known)}."
    return _stop(".".join(place), value, "Unknown setting.", fix)


def _frozen(value: Mapping[str, Any]) -> Mapping[str, Any]:
    return MappingProxyType(
        {key: _frozen(one) if isinstance(one, Mapping) else one for key, one in sorted(value.items())}
    )


def _stop(path: str, value: str, rule: str, fix: str) -> Finding:
    return Finding("stop", "settings", FILE, column=path, value=value, rule=rule, fix=fix, count=1)


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
    """Advice for a setting written in the wrong section; blank if no section has it."""
    sections = [one.name for one in fields(Settings) if is_dataclass(one.default) and key in vars(one.default)]
    return f"Write it under [{'] or ['.join(sections)}]." if sections else ""
