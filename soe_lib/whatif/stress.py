"""Stress tests: one thing at a time goes wrong, or demand errs as in the past, and the best answer is planned."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

import polars as pl

from soe_lib.errors import SoeError
from soe_lib.extract.snapshot import Snapshot
from soe_lib.money.ledger import STEERING
from soe_lib.review import words
from soe_lib.review.frames.service import historical_error, lines
from soe_lib.review.frames.supply import line_load
from soe_lib.review.measures import of_plans as measures
from soe_lib.store.plan import Plan
from soe_lib.whatif.scenario import Scenario

if TYPE_CHECKING:
    from soe_lib.model.living import Living


COLUMNS = {
    "stress": pl.String, "kind": pl.String, "total": pl.Float64, "margin": pl.Float64, "goodwill": pl.Float64,
    "shortage": pl.Float64, "other": pl.Float64, "waits": pl.Float64, "note": pl.String,
}  # fmt: skip
EACH = 3


@dataclass(frozen=True)
class Sizes:
    """The size of each kind of stress.

    Parameters
    ----------
    down_days : how long a line is down, from the as-of date [days].
    late_days : how much later an open delivery comes [days].
    gone_days : how long a supplier takes no order, from the as-of date [days].
    demand : share by which the forecast of a family rises, or falls.
    """

    down_days: int = 7
    late_days: int = 14
    gone_days: int = 28
    demand: float = 0.2


@dataclass(frozen=True)
class Stress:
    """One thing that goes wrong: its kind in words, and its edits."""

    kind: str
    scenario: Scenario


def lines_down(snapshot: Snapshot, plan: Plan, sizes: Sizes) -> Iterator[Stress]:
    """The most used lines are down."""
    load = line_load(snapshot, plan)
    used = load.group_by("resource").agg(pl.col("used").sum()).filter(pl.col("used") > 0)
    first, last = _span(snapshot, sizes.down_days)
    for name in used.sort(["used", "resource"], descending=[True, False])["resource"].head(EACH).to_list():
        told = f"{name} down {words.count(sizes.down_days, 'day')}"
        yield Stress("A line down", Scenario(told).event(kind="downtime", target=name, from_=first, to=last))


def deliveries_late(snapshot: Snapshot, plan: Plan, sizes: Sizes) -> Iterator[Stress]:  # noqa: ARG001
    """The open deliveries of highest value come later."""
    cost = snapshot["items"].select("item", pl.col("standard_cost").fill_null(0.0))
    bought = snapshot["receipts"].filter(pl.col("kind") == "buy").join(cost, on="item", how="left")
    value = bought.with_columns(value=pl.col("quantity") * pl.col("standard_cost"))
    for row in value.sort(["value", "receipt"], descending=[True, False]).head(EACH).iter_rows(named=True):
        told = f"{row['receipt']} ({row['item']}) {words.count(sizes.late_days, 'day')} later"
        delayed = Scenario(told).delay("receipts", days=sizes.late_days, receipt=row["receipt"])
        yield Stress("A delivery late", delayed)


def suppliers_gone(snapshot: Snapshot, plan: Plan, sizes: Sizes) -> Iterator[Stress]:
    """The suppliers with the highest spend in the plan take no order."""
    if "buy" not in plan.flows:
        return
    offers = snapshot["offers"].select("offer", "supplier", pl.col("unit_cost").fill_null(0.0)).unique("offer")
    bought = plan.flow("buy").with_columns(pl.col("offer").cast(pl.String)).join(offers, on="offer", how="inner")
    spent = bought.group_by("supplier").agg(money=(pl.col("quantity") * pl.col("unit_cost")).sum())
    first, last = _span(snapshot, sizes.gone_days)
    for name in (
        spent.filter(pl.col("supplier") != "")
        .sort(["money", "supplier"], descending=[True, False])["supplier"]
        .head(EACH)
    ):
        told = f"{name} takes no order for {words.count(sizes.gone_days, 'day')}"
        lost = Scenario(told).event(kind="supply_loss", target=name, from_=first, to=last)
        yield Stress("A supplier gone", lost)


def demand_off(snapshot: Snapshot, plan: Plan, sizes: Sizes) -> Iterator[Stress]:
    """The forecast of a family is too low, or too high; orders are facts and stay."""
    sold = plan.ledger.by("account", "family").filter(pl.col("account") == "revenue")
    names = sold.sort(["amount", "family"], descending=[True, False])["family"].head(EACH).to_list()
    planned = snapshot["forecast"].join(snapshot["items"].select("item", "family"), on="item", how="left")
    for name in names:
        if planned.filter((pl.col("family") == name) & (pl.col("quantity") > 0)).is_empty():
            continue
        for share in (sizes.demand, -sizes.demand):
            told = f"{name} forecast {words.percent(share, sign=True)}"
            scaled = Scenario(told).scale("forecast.quantity", 1.0 + share, family=name)
            yield Stress("Demand off", scaled)


Kind = Callable[[Snapshot, Plan, Sizes], Iterator[Stress]]
KINDS: tuple[Kind, ...] = (lines_down, deliveries_late, suppliers_gone, demand_off)
"""Every kind of stress; each yields at most three targets, the largest first."""


def stresses(snapshot: Snapshot, plan: Plan, sizes: Sizes | None = None) -> list[Stress]:
    """The stresses of a week, kind by kind."""
    return [stress for kind in KINDS for stress in kind(snapshot, plan, sizes or Sizes())]


def stress_test(living: Living, sizes: Sizes | None = None) -> pl.DataFrame:
    """The cost of each stress with the best answer to it, the most damaging first.

    Formula: total = (margin + steering of the best plan under the stress) − (margin + steering of this week's plan),
    each stress alone. The figure assumes that the stress is known at once; a late discovery costs more.

    Parameters
    ----------
    living : this week's living model. sizes : of each kind.

    Returns
    -------
    stress, kind, total, margin, goodwill, shortage (expected), other (steering) [money; the first is the sum of the
    rest], waits [units more that come late or not at all], note: why a stress has no plan, blank where it has one.

    Examples
    --------
    >>> soe.whatif.stress_test(soe.Living(small)).head(2).select("stress", "total").rows()
    [('Assam takes no order for 28 days', -840.0), ('line down 7 days', -420.0)]
    """
    home, base = living.home.snapshot, living.base
    before = lines(home, base)
    rows = [_hurt(living, stress, before) for stress in stresses(home, base, sizes)]
    found = pl.DataFrame(rows, schema=COLUMNS, orient="row")
    return found.sort(["total", "stress"], nulls_last=False)


def _hurt(living: Living, stress: Stress, before: pl.DataFrame) -> dict[str, object]:
    row: dict[str, object] = {"stress": stress.scenario.name, "kind": stress.kind, "note": ""}
    none = dict.fromkeys(("total", "margin", *STEERING, "waits"))
    try:
        changed = stress.scenario.apply(living.home.snapshot)
        plan = living.plan(changed, name=stress.scenario.name)
    except SoeError as error:
        return {**row, **none, "note": str(error).splitlines()[0]}
    after = lines(changed, plan)
    waits = sum(float(one.select((pl.col("late") + pl.col("short")).sum()).item()) * sign
                for one, sign in ((after, 1), (before, -1)))  # fmt: skip
    return {**row, **measures.gain(plan, living.base), "waits": waits}


def _span(snapshot: Snapshot, days: int) -> tuple[date, date]:
    return snapshot.as_of, snapshot.as_of + timedelta(days=days - 1)


LOW, PLANNED, HIGH = "Demand low", "As forecast", "Demand high"
RANGE = {
    "case": pl.String, "margin": pl.Float64, "cash": pl.Float64, "service": pl.Float64, "stock": pl.Float64,
    "overtime_hours": pl.Float64, "note": pl.String,
}  # fmt: skip


def demand_range(living: Living, *, lag: int = 1, versions: pl.DataFrame | None = None) -> pl.DataFrame:
    """This week's figures with the forecast of every family as low, and as high, as its past error suggests.

    Formula: forecast × (1 − error) and × (1 + error), error = Σ|A − F₍lag₎| ÷ ΣA of the family; all families together,
    each case planned again, so its answer is the best one. Orders are facts and stay.

    Parameters
    ----------
    living : this week's living model. lag : weeks between the publication of a forecast and its demand [weeks].
    versions : every forecast of the finished weeks, `situation.versions`; left out: what this extract names.

    Returns
    -------
    case, margin, cash [money], service [share on time], stock [money, mean], overtime_hours [h], note; no row where no
    family has a history.

    Examples
    --------
    >>> soe.whatif.demand_range(soe.Living(small)).height
    0
    """
    snapshot = living.home.snapshot
    errors = historical_error(snapshot, lag=lag, versions=versions)
    planned = snapshot["forecast"].filter(pl.col("quantity") > 0)
    there = planned.join(snapshot["items"].select("item", "family"), on="item", how="left")["family"].unique()
    errors = errors.filter(pl.col("family").is_in(there.implode()))
    if errors.is_empty():
        return pl.DataFrame(schema=RANGE)
    rows = [_case(living, name, errors, sign) for name, sign in ((LOW, -1.0), (PLANNED, 0.0), (HIGH, 1.0))]
    return pl.DataFrame(rows, schema=RANGE, orient="row")


def _case(living: Living, name: str, errors: pl.DataFrame, sign: float) -> dict[str, object]:
    snapshot, plan = living.home.snapshot, living.base
    if sign:
        scenario = Scenario(name)
        for family, error in errors.select("family", "error").iter_rows():
            scenario = scenario.scale("forecast.quantity", max(1.0 + sign * error, 0.0), family=family)
        try:
            snapshot = scenario.apply(snapshot)
            plan = living.plan(snapshot, name=name)
        except SoeError as error:
            return {**dict.fromkeys(RANGE), "case": name, "note": str(error).splitlines()[0]}
    return {"case": name, "note": "", **{k: v for k, v in measures.figures(plan).items() if k in RANGE}}
