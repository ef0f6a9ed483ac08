"""settings.toml: what a company decides once, with a default for each; what cannot be used is a finding."""

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
    """How far the plan looks: so many weeks, the first `daily` days of them day by day."""

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
    """When goods of a period leave (spread over its days, at its start or end), and which days lead times count.

    `days` is written as `in` in settings.toml: calendar days, or working days (less closures).
    """

    dispatch: Literal["spread", "end", "start"] = "spread"
    days: Literal["calendar days", "working days"] = "calendar days"


@dataclass(frozen=True)
class Limits(Section):
    """What maxima, hours of a head and hours of an expansion are per: week, day or period; blank: week.

    Where the extract gives its periods, blank is period.
    """

    per: Literal["", "day", "period", "week"] = ""


@dataclass(frozen=True)
class Working(Section):
    """The fiscal months (calendar months, or 4-4-5 of ISO weeks) and the working weekdays, 1 = Monday … 7 = Sunday."""

    fiscal: Literal["4-4-5", "months"] = "months"
    working_days: tuple[int, ...] = (1, 2, 3, 4, 5)


@dataclass(frozen=True)
class Fence(Section):
    """Days from the as-of date that are frozen, days that are slushy, and what one changed unit costs there.

    Parameters
    ----------
    change_cost : of one changed unit in the slushy zone [money, steering].
    break_price : of one changed unit in the frozen fence [money, steering]; 0: the item's price or standard cost,
        whichever is more, and never less than ten times change_cost.
    breaks : whether the frozen fence may be broken at that price; where not, what it makes impossible has no plan.
    """

    frozen_days: Days = 0
    slushy_days: Count = 0
    change_cost: Amount = 0.0
    break_price: Amount = 0.0
    breaks: bool = True


@dataclass(frozen=True)
class Objective(Section):
    """What the plan is to be best at, how scarce supply is shared out, and from which date an order is late.

    An order is late from the date that was asked (`orders.due_on`), or from the one that was confirmed.
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
    """What the weekly meeting hands up, to whom, and within how many days it must be decided.

    Parameters
    ----------
    margin : money at stake from which a matter goes to `margin_to`; 0: never.
    weeks : the week of its being open, the first is 1, from which an exception goes to `weeks_to`; 0: never.
    fence : share of the frozen fence's production that may be moved before it goes to `fence_to`; 0: any move goes up.
    tolerance_to : who decides where a family leaves its month by more than its band: the one typed in `[tolerance]`,
        else the one at which a week of waiting costs as much as deciding.
    decision_cost : of one decision of S&OP's [money]; 0: a ten-thousandth of the plan's revenue.
    days : days until whoever is asked must decide.
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
    """Which version of the forecast to plan with, and whether its bias is taken out of it.

    Parameters
    ----------
    version : blank where the forecast has one only.
    bias : "keep", or "remove": each forecast is multiplied with 1 + what the record says it leans by.
    """

    version: str = ""
    bias: Literal["keep", "remove"] = "keep"


@dataclass(frozen=True)
class Consumption(Section):
    """How many days before and after its due date an order looks for forecast, where its own bucket is used up."""

    backward_days: Days = 0
    forward_days: Days = 0


@dataclass(frozen=True)
class Cushion(Section):
    """The stock that a plan holds against demand and supply that nobody knows.

    Parameters
    ----------
    use : "with a record" of the forecast (versions by week, and what was sold), "always" or "never".
    review_days : days from one plan to the next.
    error : where little is known: standard deviation of a week's error, as a share of its forecast.
    pool : points of a record that what is known of its family counts for.
    """

    use: CushionUse = "with a record"
    review_days: Annotated[int, Interval(ge=1, le=3650)] = 7
    error: Annotated[float, Interval(ge=0, le=10)] = 0.3
    pool: Annotated[float, Interval(ge=0, le=1_000_000)] = 8.0


@dataclass(frozen=True)
class Events(Section):
    """What a loss of supply does to receipts of what it hits: they come, are lost, or are late (come after its end)."""

    open_orders: Literal["come", "lost", "late"] = "come"


@dataclass(frozen=True)
class Released(Section):
    """What `soe release` hands over as orders, and what is worth disturbing an open one.

    Parameters
    ----------
    firm_days : days from the as-of date whose orders are firm, rounded out to whole periods; 0: to the end of the
        frozen fence, and a week at least.
    forecast : whether the rest of the horizon is written as a forecast of orders.
    change_worth : what a change of an open order must earn, since it disturbs [money].
    move_days : days by which a supplier may be asked to come sooner or later.
    """

    firm_days: Days = 0
    forecast: bool = True
    change_worth: Amount = 100.0
    move_days: Days = 7


@dataclass(frozen=True)
class Plausibility(Section):
    """From where on a figure is a warning.

    Parameters
    ----------
    change : so many times, or the so-manieth part of, what it was in the extract before.
    price_over_cost : a price of so many times the standard cost.
    cost_over_standard : a purchase, or what goes into a unit, of so many times (or part of) the standard cost.
    highest_yield : good units of each unit started; twenty times as much stops.
    stock_months : months of what is asked for.
    """

    change: Times = 3.0
    price_over_cost: Times = 20.0
    cost_over_standard: Times = 4.0
    highest_yield: Annotated[float, Interval(ge=0.01, le=1_000_000)] = 1.0
    stock_months: Annotated[float, Interval(ge=0.01, le=1_000_000)] = 12.0


@dataclass(frozen=True)
class Tables(Section):
    """Tables that the company has none of: that they are missing is then no finding."""

    none: tuple[TableName, ...] = ()


@dataclass(frozen=True)
class Settings(Section):
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
"""What is written → what it is called here."""
FIXES = {
    "as_of": 'Write an ISO date such as "2026-11-16".',
    "calendar.working_days": 'Write a list of weekdays such as ["Mon", "Tue", "Wed"], or how many from Monday on.',
    "tolerance": "Write [tolerance] with one line per family.",
    "control": "Write [control] with one line per table.",
    "notes": "Write a list of texts.",
    "tables.none": 'Write a list of tables such as ["inventory"].',
    "unchanged": 'Write a list of tables such as ["inventory"].',
}
"""How to mend a value, by its setting."""

CHOICES: Mapping[str, tuple[str, ...]] = {
    f"{section}.{name}": get_args(kind)
    for section, of in get_type_hints(Settings).items()
    if is_dataclass(of)
    for name, kind in get_type_hints(of).items()
    if get_origin(kind) is Literal
}
"""The words that a setting may be, by its path."""


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
    return validated(content)


def validated(content: Mapping[str, Any]) -> tuple[Settings, list[Finding]]:
    """The settings that parsed TOML holds, defaults where a value cannot be used, and a finding for each of those.

    Parameters
    ----------
    content : by setting or section, as settings.toml names them.
    """
    findings = []
    for name in ("company", "currency", "as_of"):
        if name not in content:
            findings.append(_stop(name, "", "The setting is missing.", f"Add {name} = … at the top of {FILE}."))
        elif not str(content[name]).strip():
            findings.append(_stop(name, "", "The setting is blank.", f"Write {name} = … at the top of {FILE}."))
    said = _named(content)
    usable = _readable(said)
    if isinstance(said.get("control"), Mapping):
        usable["control"], problems = _counted(said["control"])
        findings += problems
    found = held(Settings, usable, lambda place, what: findings.append(_refused(place, what, said)))
    return replace(
        found,
        tables=Tables(tuple(sorted(found.tables.none))),
        unchanged=tuple(sorted(found.unchanged)),
        tolerance=_frozen(found.tolerance),
        control=_frozen(found.control),
    ), sorted(findings, key=lambda one: one.column)


def _named(content: Mapping[str, Any], at: str = "") -> dict[str, Any]:
    """What is written, under the names that settings have here."""
    return {
        RENAMED.get(f"{at}{key}", key): _named(value, f"{key}.") if isinstance(value, Mapping) and not at else value
        for key, value in content.items()
    }


def _readable(said: Mapping[str, Any]) -> dict[str, Any]:
    """A copy whose dates and weekdays stand as pydantic reads them; what means neither is left for it to refuse."""
    usable = {key: dict(value) if isinstance(value, Mapping) else value for key, value in said.items()}
    if "as_of" in usable:
        day = usable["as_of"]
        known = day if isinstance(day, date) and not isinstance(day, datetime) else as_date(str(day))
        usable["as_of"] = known.isoformat() if known else None
    working = usable.get("calendar")
    if isinstance(working, dict) and "working_days" in working:
        working["working_days"] = _working_days(working["working_days"])
    return usable


def _working_days(value: Any) -> list[int] | None:
    """Weekdays as names or 1 … 7, or how many from Monday on; None where it is neither."""
    if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= 7:
        return list(range(1, value + 1))
    days = [_weekday(day) for day in value] if isinstance(value, list) else []
    return sorted(set(days)) if days and all(days) else None


def _counted(value: Mapping[str, Any]) -> tuple[dict[str, dict[str, float]], list[Finding]]:
    """Row counts and column totals by table; a total of something that nobody adds up is a finding."""
    counted, findings = {}, []
    for name, totals in value.items():
        if name not in schema():
            findings.append(_stop(f"control.{name}", "", "No such table.", hint(name, schema()) or "Remove it."))
            continue
        known = ["rows", *(one.name for one in schema()[name].columns if one.type in ("number", "integer"))]
        counted[name] = dict(totals) if isinstance(totals, Mapping) else {"rows": totals}
        for one, total in [*counted[name].items()]:
            if one not in known:
                wrong = "Nothing to add up.", f"Use one of {', '.join(known)}."
            elif isinstance(total, bool) or not isinstance(total, int | float):
                wrong = "Not a number.", "Write a number."
            else:
                continue
            findings.append(_stop(f"control.{name}.{one}", "" if one not in known else str(total), *wrong))
            del counted[name][one]
    return counted, findings


def _refused(place: tuple[str, ...], error: str, said: Mapping[str, Any]) -> Finding:
    """What pydantic refused, said so that a planner can mend it."""
    *above, name = place
    path, value = ".".join(place), said
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
    """A name that nothing has: where it belongs, or the nearest name, or what there is."""
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
    """Where a setting belongs that is known under another heading; blank where it is known nowhere."""
    sections = [one.name for one in fields(Settings) if is_dataclass(one.default) and key in vars(one.default)]
    return f"Write it under [{'] or ['.join(sections)}]." if sections else ""
