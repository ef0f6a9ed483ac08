"""Settings: what a company decides once, in frozen dataclasses with the contract's default for each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from datetime import date
from types import MappingProxyType
from typing import Any

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
