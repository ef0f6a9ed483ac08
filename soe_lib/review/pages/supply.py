"""The supply page: lines, receipts, stock, and whether last week was made as planned."""

from __future__ import annotations

import polars as pl

from soe_lib.review import frames, kpis, words
from soe_lib.review.pages.page import Page, found_on, to_decide
from soe_lib.review.score import Band, Score, insufficient, known
from soe_lib.review.situation import Situation

LOAD_BAND = Band(good=(0.0, 0.95), watch=(0.0, 1.0))
NONE_BAND = Band(good=(0.0, 0.0), watch=(0.0, 2.0))


def supply(situation: Situation) -> Page:
    """How full the lines are, what comes late, how stock runs, and what of last week's plan was made."""
    issues = found_on(situation, "supply_review")
    return Page(
        name="supply_review",
        title="Supply review",
        headline=headline(situation),
        currency=situation.currency,
        scores=scores(situation),
        issues=issues,
        asked=to_decide(situation, issues),
        answers=situation.options,
        known=situation.memory,
        assumptions=("Stock ahead is what the plan leaves at the end of each period.",),
    )


def headline(situation: Situation) -> str:
    """The two costliest matters of supply; else that nothing has come apart."""
    certain = [issue for issue in found_on(situation, "supply_review") if issue.certain]
    if not certain:
        return "Nothing is late and no line is down."
    said = [words.sentence(issue.short) for issue in certain[:2]]
    left = len(certain) - len(said)
    return " ".join(said) + (f" {words.sentence(words.count(left, 'further exception'))}" if left else "")


def scores(situation: Situation) -> tuple[Score, ...]:
    """Attainment and mix of last week, peak load, late receipts, stock in days."""
    made = frames.made_against_plan(situation.snapshot, situation.record)
    by_plant = made.group_by("location").agg(pl.col("scheduled", "done").sum())
    late = situation.late_receipts.height
    return (
        kpis.schedule_attainment(by_plant),
        kpis.mix_adherence(made),
        oee(situation),
        peak(situation),
        known("Late receipts", late, "receipts" if late != 1 else "receipt",
              "Scheduled receipts that are overdue or delayed by an event.", band=NONE_BAND),
        kpis.days_of_supply(
            stock_value=frames.stock_today(situation.snapshot),
            annual_cost_of_goods=frames.annual_cost_of_goods(situation.snapshot),
        ),
    )  # fmt: skip


def oee(situation: Situation) -> Score:
    """OEE of all plants together over the days since the last extract."""
    ran = frames.running(situation.snapshot, situation.before)
    total = {name: float(ran[name].sum()) for name in ("planned", "run", "ideal", "good")}
    return kpis.oee(
        planned_hours=total["planned"], run_hours=total["run"], made=total["ideal"], good=total["good"],
        units_per_hour=1.0,
    )  # fmt: skip


def peak(situation: Situation, *, weeks: int = 4) -> Score:
    """The fullest line of the coming weeks."""
    name = f"Fullest line, next {weeks} weeks"
    near = situation.load.filter(pl.col("order") < weeks).group_by("resource").agg(pl.col("used", "available").sum())
    busy = near.filter(pl.col("available") > 0).with_columns(load=pl.col("used") / pl.col("available"))
    if busy.is_empty():
        return insufficient(name, "%", "no line has hours")
    top = busy.sort(["load", "resource"], descending=[True, False]).row(0, named=True)
    text = f"Hours of runs and set-ups ÷ regular hours left after events, over those weeks; here {top['resource']}."
    return known(name, top["load"], "%", text, band=LOAD_BAND)
