"""Measures of a week that a plan alone cannot tell: the scores of the pages, each with its band."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from soe_lib.model.demand import late_from
from soe_lib.money.profit_and_loss import CHURN
from soe_lib.review import frames, kpis, words
from soe_lib.review.measures import Band, Measure, Reading, add

if TYPE_CHECKING:
    from soe_lib.money.reconciliation import Bridge
    from soe_lib.review.finance import Finance
    from soe_lib.review.week import Week

NEXT = 4
"""Weeks that count as the near ones."""
ADHERENCE = Band(good=(0.95, 1.0), watch=(0.85, 1.0))


def forecast_ordered(situation: Week) -> float | None:
    """Share of the forecast of the coming weeks that is ordered already."""
    coming = situation.demand.filter(pl.col("actual").is_null() & (pl.col("order") < NEXT))
    forecast = float(coming["forecast"].sum())
    return float(coming["orders"].sum()) / forecast if forecast > 0 else None


def tracking(situation: Week) -> Reading:
    """The tracking signal of all items together, week after week."""
    return kpis.last_signal(situation.errors.group_by("week").agg(pl.col("actual", "forecast").sum()).sort("week"))


def within_tolerance(situation: Week) -> float | None:
    """Share of the families and months that end within their S&OP tolerance."""
    found = situation.outlook
    return None if found.is_empty() else float(found.select(pl.col("inside").mean()).item())


def attainment(situation: Week) -> float | None:
    """Attainment of last week's schedule, plant by plant."""
    made = frames.made_against_plan(situation.snapshot, situation.record)
    return kpis.schedule_attainment(made.group_by("location").agg(pl.col("scheduled", "done").sum()))


def all_plants(situation: Week) -> Reading:
    """OEE of all plants together over the days since the last extract."""
    ran = frames.running(situation.snapshot, situation.before)
    total = {name: float(ran[name].sum()) for name in ("planned", "run", "ideal", "good")}
    return kpis.oee(
        planned_hours=total["planned"], run_hours=total["run"], made=total["ideal"], good=total["good"],
        units_per_hour=1.0,
    )  # fmt: skip


def fullest_line(situation: Week) -> Reading:
    """The fullest line of the coming weeks."""
    near = situation.load.filter(pl.col("order") < NEXT).group_by("resource").agg(pl.col("used", "available").sum())
    busy = near.filter(pl.col("available") > 0).with_columns(load=pl.col("used") / pl.col("available"))
    if busy.is_empty():
        return Reading(None)
    top = busy.sort(["load", "resource"], descending=[True, False]).row(0, named=True)
    text = f"Hours of runs and set-ups ÷ regular hours left after events, over those weeks; here {top['resource']}."
    return Reading(top["load"], text)


def late_receipts(situation: Week) -> Reading:
    """Receipts that are overdue or delayed by an event."""
    late = situation.late_receipts.height
    return Reading(late, unit="receipts" if late != 1 else "receipt")


def days_of_supply(situation: Week) -> float | None:
    """Days that today's stock lasts at the past year's pace."""
    costs = frames.annual_cost_of_goods(situation.snapshot)
    return kpis.days_of_supply(stock_value=frames.stock_today(situation.snapshot), annual_cost_of_goods=costs)


def cash_to_cash(situation: Week) -> Reading:
    """Days between paying for material and being paid, by the terms of settings.toml."""
    snapshot, terms = situation.snapshot, situation.snapshot.settings.terms
    return kpis.cash_to_cash(
        stock_value=frames.stock_today(snapshot), annual_cost_of_goods=frames.annual_cost_of_goods(snapshot),
        receivable_days=terms.receivable_days, payable_days=terms.payable_days,
    )  # fmt: skip


def premiums(situation: Week) -> float:
    """Expediting and overtime of the plan [money]."""
    accounts = situation.plan.ledger.accounts()
    return -(accounts.get("expediting", 0.0) + accounts.get("overtime", 0.0))


def fill_rate(situation: Week) -> float | None:
    """Share of the units demanded that the plan serves, early or late."""
    served = (pl.col("on_time") + pl.col("late")).alias("shipped")
    return kpis.fill_rate(situation.lines.select("order", pl.col("demand").alias("quantity"), served, "price"))


def incurred(situation: Week) -> float:
    """What overdue orders have cost until today [money]."""
    return float(situation.lines["incurred"].sum())


def planned_otif(situation: Week) -> Reading:
    """OTIF of the open order lines as the plan would serve them."""
    ends = situation.plan.periods.select(pl.col("index").alias("last_index"), pl.col("ends_on").alias("promised"))
    settings = situation.snapshot.settings
    due = situation.snapshot["orders"].select("order", requested_on=late_from(settings)).unique("order")
    late = pl.col("late") > 0.5
    lines = (
        situation.lines.filter(pl.col("order") != "")
        .join(ends, on="last_index", how="left", validate="m:1")
        .join(due, on="order", how="left", validate="m:1")
        .select(
            "requested_on", confirmed_on="requested_on", quantity=pl.col("demand"),
            shipped=pl.col("on_time") + pl.col("late"),
            # On time means within the due period: a week's demand has no day of its own.
            delivered_on=pl.when(late).then(pl.max_horizontal("promised", pl.col("requested_on").dt.offset_by("1d")))
            .when(pl.col("last_index").is_not_null()).then(pl.col("requested_on")),
        )
    )  # fmt: skip
    found = kpis.otif(lines, basis="confirmed" if settings.objective.late_from == "confirmed" else "requested")
    if found.value is None:
        return Reading(None, "no order lines were due. As this plan would serve them.")
    return Reading(found.value, f"{found.text} As this plan would serve them.")


def churn_inside(situation: Week) -> float | None:
    """Share of the recorded production of the frozen fence that is moved; day by day, since a week that starts within
    the fence is not frozen to its end.
    """
    if situation.record is None:
        return None
    cells = frames.in_fence(situation.snapshot, situation.plan, situation.record)
    found: float | None = cells.select("change", before="recorded").select(CHURN).item()
    return found


def against(made: Bridge | None) -> Reading:
    """Margin at standard cost against another plan, over the same days."""
    if made is None or made.window is None:
        return Reading(None)
    first, last = (words.full_day(day) for day in made.window)
    text = f"This plan less the {made.base}, {first} to {last}: what is sold carries its standard cost."
    return Reading((made.end - made.start) / 10**made.digits, text)


def idle_stock(finance: Finance) -> float:
    """Excess and obsolete stock at standard cost [money]."""
    return float((finance.idle["excess"] + finance.idle["obsolete"]).sum())


@dataclass(frozen=True, eq=False)
class Stressed:
    """What planning again under stress told of a week.

    Parameters
    ----------
    situation : the week. stressed : from `soe.whatif.stress_test`. spread : from `soe.whatif.demand_range`.
    """

    situation: Week
    stressed: pl.DataFrame
    spread: pl.DataFrame

    @property
    def worst(self) -> Reading:
        """The most damaging stress."""
        tried = self.stressed.filter(pl.col("total").is_not_null()).sort(["total", "stress"])
        if tried.is_empty():
            return Reading(None)
        text = f"{tried['stress'][0]}: margin and steering against this week's plan."
        return Reading(min(float(tried["total"][0]), 0.0), text)

    @property
    def at_risk(self) -> float | None:
        """Margin lost where demand is as low as its past error makes likely [money]."""
        cases = self.spread.filter(pl.col("margin").is_not_null())
        if cases.height < 2:
            return None
        return float(cases["margin"][0]) - float(cases.filter(pl.col("case") == "As forecast")["margin"].sum())


add(
    Measure(
        "fill_rate", "Fill rate by units", "Shipped ÷ ordered, in units; over-shipment earns nothing.", "share", 1,
        fill_rate, Band(good=(0.97, 1.0), watch=(0.93, 1.0)), reads="week", why="nothing was ordered",
        on={"balance": 3},
    ),
    Measure(
        "incurred", "Late cost incurred until today",
        "Units overdue × late cost × the time until today; it is in no plan's margin, and no plan can change it.",
        "money", -1, incurred, reads="week", on={"balance": 4}, when=lambda week: incurred(week) >= 0.005,
    ),
    Measure(
        "waits", "Revenue that waits", "Late and unserved units at their price; late ones still come.", "money", -1,
        lambda week: float((week.gaps["revenue_late"] + week.gaps["revenue_short"]).sum()), reads="week",
        on={"balance": 5},
    ),
    Measure(
        "otif", "OTIF of open orders, planned", "Order lines delivered by their date in full ÷ all order lines.",
        "share", 1, planned_otif, Band(good=(0.95, 1.0), watch=(0.90, 1.0)), reads="week", on={"balance": 6},
    ),
    Measure(
        "churn_inside", "Churn of the production plan inside the fence",
        "Σ|this plan − last plan| ÷ Σ last plan; 0 % is unchanged, a unit moved to another week counts twice.",
        "share", -1, churn_inside, Band(good=(0.0, 0.05), watch=(0.0, 0.15)), reads="week",
        why="no earlier plan inside the fence", on={"balance": 8},
        when=lambda week: week.snapshot.settings.fence.frozen_days > 0,
    ),
    Measure(
        "wmape", "WMAPE at lag 1", "Σ|actual − forecast| ÷ Σ actual; 0 % is a perfect forecast.", "share", -1,
        lambda week: kpis.wmape(week.errors), Band(good=(0.0, 0.20), watch=(0.0, 0.35)), reads="week",
        why="no sales with a forecast published 1 periods before", on={"demand_review": 1},
    ),
    Measure(
        "bias", "Forecast bias", "Σ(actual − forecast) ÷ Σ actual; negative is over-forecast.", "share", 0,
        lambda week: kpis.bias(week.errors), Band(good=(-0.05, 0.05), watch=(-0.10, 0.10)), reads="week",
        why="no sales with a forecast", on={"demand_review": 2},
    ),
    Measure(
        "tracking_signal", "Tracking signal",
        "Σ(actual − forecast) ÷ mean |actual − forecast|; beyond ±4 it leans; positive is under-forecast.", "ratio", 0,
        tracking, Band(good=(-4.0, 4.0), watch=(-6.0, 6.0)), reads="week", on={"demand_review": 3},
    ),
    Measure(
        "forecast_ordered", f"Ordered of the next {NEXT} weeks' forecast",
        "Open orders ÷ forecast of the same weeks; orders without a forecast count too.", "share", 1,
        forecast_ordered, reads="week", why="no forecast", on={"demand_review": 4},
    ),
    Measure(
        "within_tolerance", "Families within S&OP tolerance",
        "Families and months whose outlook lies within the tolerance; under and over count alike.", "share", 1,
        within_tolerance, Band(good=(1.0, 1.0), watch=(0.75, 1.0)), reads="week",
        why="no S&OP commitment that horizon and actuals cover", on={"demand_review": 5},
    ),
    Measure(
        "attainment", "Schedule attainment",
        "Σ min(done, scheduled) ÷ Σ scheduled by line and period; never above 100 %.", "share", 1, attainment,
        ADHERENCE, reads="week", why="nothing was scheduled", on={"supply_review": 1},
    ),
    Measure(
        "mix_adherence", "Mix adherence", "Σ min(made, planned) ÷ Σ planned by item.", "share", 1,
        lambda week: kpis.mix_adherence(frames.made_against_plan(week.snapshot, week.record)), ADHERENCE,
        reads="week", why="nothing was scheduled", on={"supply_review": 2},
    ),
    Measure(
        "oee", "OEE", "Availability × performance × quality.", "share", 1, all_plants,
        Band(good=(0.75, 1.0), watch=(0.60, 1.0)), reads="week", why="no hours were run or nothing was made",
        on={"supply_review": 3},
    ),
    Measure(
        "fullest_line", f"Fullest line, next {NEXT} weeks",
        "Hours of runs and set-ups ÷ regular hours left after events, over those weeks, of the fullest line.", "share",
        -1, fullest_line, Band(good=(0.0, 0.95), watch=(0.0, 1.0)), reads="week", why="no line has hours",
        on={"supply_review": 4},
    ),
    Measure(
        "late_receipts", "Late receipts", "Scheduled receipts that are overdue or delayed by an event.", "receipts",
        -1, late_receipts, Band(good=(0.0, 0.0), watch=(0.0, 2.0)), reads="week", on={"supply_review": 5},
    ),
    Measure(
        "days_of_supply", "Days of supply", "Stock value ÷ (annual cost of goods sold ÷ 365); looks backward.",
        "days", 0, days_of_supply, reads="week", why="no cost of goods sold", on={"supply_review": 6},
    ),
    Measure(
        "against_record", "Margin at standard against the plan of record",
        "This plan less the plan of record, over the same days: what is sold carries its standard cost.", "money", 1,
        lambda finance: against(finance.bridge), reads="finance", why="nothing to compare with",
        on={"finance_review": 1},
    ),
    Measure(
        "against_sop", "Margin at standard against the S&OP plan",
        "This plan less the S&OP plan, over the same days: what is sold carries its standard cost.", "money", 1,
        lambda finance: against(finance.sop_bridge), reads="finance", why="nothing to compare with",
        on={"finance_review": 2},
    ),
    Measure(
        "cash_to_cash", "Cash-to-cash", "Days of stock + days until customers pay − days until suppliers are paid.",
        "days", -1, cash_to_cash, reads="week", on={"finance_review": 4},
    ),
    Measure(
        "premiums", "Expediting and overtime", "Premiums over the standard way that the plan pays.", "money", -1,
        premiums, reads="week", on={"finance_review": 5},
    ),
    Measure(
        "idle_stock", "Excess and obsolete stock",
        "Stock beyond three months of use, or without any use, at standard cost.", "money", -1, idle_stock,
        reads="finance", on={"finance_review": 6},
    ),
    Measure(
        "worst_stress", "Most damaging stress", "Margin and steering of the worst that was tried, against this plan.",
        "money", 1, lambda risk: risk.worst, reads="risk", why="nothing could be stressed", on={"risk_review": 1},
    ),
    Measure(
        "at_risk", "At risk in demand",
        "Margin with every family's forecast lower by its own past error, against this week's plan.", "money", 1,
        lambda risk: risk.at_risk, reads="risk", why="no forecast is named by its week", on={"risk_review": 2},
    ),
)  # fmt: skip
