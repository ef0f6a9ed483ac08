"""The balance page: the plan, what it is worth, whom it serves, and whether it is proven."""

from __future__ import annotations

from typing import Any

import polars as pl

from soe_lib.model.demand import late_from
from soe_lib.review import frames, kpis, words
from soe_lib.review.finance import earning
from soe_lib.review.frames.time import buckets, shared_weeks
from soe_lib.review.page import Page, check, found_on, to_decide
from soe_lib.review.score import Band, Score, insufficient, known
from soe_lib.review.week import Week

SERVICE_BAND = Band(good=(0.97, 1.0), watch=(0.93, 1.0))
CENT = 0.01


def page(situation: Week) -> Page:
    """What the plan earns, whom it serves late or not at all, how far it moved, and the proofs that it stands on."""
    issues = found_on(situation, "balance")
    return Page(
        name="balance",
        title="Balance of supply and demand",
        headline=headline(situation),
        currency=situation.currency,
        scores=scores(situation),
        issues=issues,
        asked=to_decide(situation, issues),
        answers=situation.options,
        known=situation.memory,
        checks=tuple(checks(situation)),
        assumptions=tuple(assumptions(situation)),
    )


def headline(situation: Week) -> str:
    """What the plan earns and what it leaves waiting, in two sentences."""
    gaps, plan = situation.gaps, situation.plan
    own = bool((plan.periods["kind"] == "given").all())
    weeks = words.count(buckets(plan.periods)["bucket"].n_unique(), "period" if own else "week")
    total = float(gaps["demand"].sum())
    share = float(gaps["on_time"].sum()) / total if total > 0 else 1.0
    waiting = float((gaps["revenue_late"] + gaps["revenue_short"]).sum())
    earned = f"The plan {earning(plan.margin, situation.currency)} over {weeks}"
    if total <= 0:
        return words.sentence(f"{earned}; there is no demand to serve")
    late, short = float(gaps["late"].sum()), float(gaps["short"].sum())
    if late + short < 0.5:
        return words.sentence(f"{earned} and serves all demand on time")
    rest = f"{words.number(late)} units come late and {words.number(short)} are never served"
    if short < 0.5:
        rest = f"{words.number(late)} units come late, none is left unserved"
    elif late < 0.5:
        rest = f"{words.number(short)} units are never served"
    money = words.brief_money(waiting, situation.currency)
    return (
        f"{earned} and serves {words.percent(share, decimals=1)} of demand on time. {rest}; {money} of revenue waits."
    )


def scores(situation: Week) -> tuple[Score, ...]:
    """Margin, service, lateness in money, order lines on time in full as planned, and churn."""
    gaps, currency = situation.gaps, situation.currency
    total = float(gaps["demand"].sum())
    waiting = float((gaps["revenue_late"] + gaps["revenue_short"]).sum())
    lines = situation.lines.select(
        "order", pl.col("demand").alias("quantity"), (pl.col("on_time") + pl.col("late")).alias("shipped"), "price"
    )
    service = (
        known("Service on time", float(gaps["on_time"].sum()) / total, "%",
              "Units served in or before the period in which they are due ÷ units demanded, over the horizon.",
              band=SERVICE_BAND).moved(since(situation))
        if total > 0 else insufficient("Service on time", "%", "no demand")
    )  # fmt: skip
    return (
        known("Margin of this plan", situation.plan.margin, currency,
              "Revenue less all cash costs, plus the end value of what is left; goodwill and other steering left out."),
        service,
        kpis.fill_rate(lines),
        *incurred(situation),
        known("Revenue that waits", waiting, currency, "Late and unserved units at their price; late ones still come."),
        planned_otif(situation),
        *churn(situation),
    )  # fmt: skip


def incurred(situation: Week) -> tuple[Score, ...]:
    """What overdue orders have cost until today, where any has: no plan can change it, so none counts it."""
    cost = float(situation.lines["incurred"].sum())
    text = "Units overdue × late cost × the time until today; it is in no plan's margin, and no plan can change it."
    return (known("Late cost incurred until today", cost, situation.currency, text),) if cost >= 0.005 else ()


def since(situation: Week) -> str:
    """How the share served on time has moved since the plan of record, over the weeks that both cover."""
    if situation.record is None:
        return ""
    weeks = shared_weeks(situation.plan.periods, situation.record.periods)["bucket"].unique().implode()
    before = frames.gaps_by_week(situation.snapshot, situation.record)
    shares = []
    for gaps in (situation.gaps, before):
        same = gaps.filter(pl.col("week").is_in(weeks))
        total = float(same["demand"].sum())
        shares.append(float(same["on_time"].sum()) / total if total > 0 else None)
    if shares[0] is None or shares[1] is None:
        return ""
    return f"{words.number(100 * (shares[0] - shares[1]), decimals=1, sign=True)} points over the same weeks"


def planned_otif(situation: Week) -> Score:
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
    score = kpis.otif(lines, basis="confirmed" if settings.objective.late_from == "confirmed" else "requested")
    named = "OTIF of open orders, planned"
    return Score(named, score.value, score.unit, score.state, f"{score.text} As this plan would serve them.")


def churn(situation: Week) -> tuple[Score, ...]:
    """How much of the production plan of record was moved; inside the fence apart, where there is one."""
    made = situation.changed_plan.filter(pl.col("flow") == "make")
    every = kpis.plan_churn(made, what="production plan")
    if situation.snapshot.settings.fence.frozen_days <= 0:
        return (every,)
    empty = pl.DataFrame(schema={"before": pl.Float64, "now": pl.Float64, "inside": pl.Boolean})
    # Day by day: a week that starts within the fence is not frozen to its end.
    cells = frames.in_fence(situation.snapshot, situation.plan, situation.record) if situation.record else empty
    fenced = cells.select(before="recorded", now="now", inside=pl.lit(True)) if cells.height else empty
    return (every, kpis.plan_churn(fenced, what="production plan", fence="inside"))


def checks(situation: Week) -> list[dict[str, Any]]:
    """The proofs: ledger against optimum, certificate, gap, and demand accounted for."""
    plan, solution = situation.plan, situation.plan.solution
    apart = abs(plan.margin + plan.steering - plan.objective)
    certificate = dict(solution.get("certificate") or {})
    residual, infeasible = certificate.get("primal_residual"), certificate.get("dual_infeasibility")
    found = [
        check("Margin + steering = the solver's optimum", apart <= CENT,
              f"They differ by {situation.currency} {apart:,.4f}"),
    ]  # fmt: skip
    if residual is not None and infeasible is not None:
        proven = residual <= 1e-6 and infeasible <= 1e-7
        detail = f"Residual {residual:.1e}, dual infeasibility {infeasible:.1e}, checked without the solver"
        found.append(check("The plan is certified", proven, detail))
    lines = situation.lines
    told = sum(float(lines[name].sum()) for name in ("on_time", "late", "short"))
    rows = plan.prices.get("demand")
    asked = told if rows is None else float(rows["rhs"].sum())
    gap = abs(told - asked)
    found.append(check("Served and unserved add up to demand", gap <= 1e-6 * max(asked, 1.0),
                       f"{words.number(asked)} units demanded, {gap:,.6f} unaccounted for"))  # fmt: skip
    return found


def assumptions(situation: Week) -> list[str]:
    """What the page takes for granted."""
    said = [words.sentence(note) for note in situation.snapshot.settings.notes]
    if situation.record is None:
        said.append("There is no plan of record: nothing can be compared with last week.")
    else:
        said.append(words.sentence(f"The plan of record is of {words.full_day(situation.record.as_of)}: "
                                   f"{situation.record.name}"))  # fmt: skip
    return said
