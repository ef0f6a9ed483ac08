"""Exceptions of supply and stock, and what asks for approval.

Receipts that come late, suppliers that fail, lines that are down; stock under its safety level or beyond what anybody
will use; overtime, expedited purchases, moves inside the frozen fence.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import polars as pl

from soe_lib.extract.snapshot import Snapshot
from soe_lib.money.cash import excess_and_obsolete, used_by
from soe_lib.review import words
from soe_lib.review.exceptions.causes import DOWN, LATE, LOSS, effect_of
from soe_lib.review.exceptions.issue import Issue, detector
from soe_lib.review.frames.changes import reasons, recorded_in_fence

if TYPE_CHECKING:
    from soe_lib.review.week import Week


@detector
def late_supply(situation: Week) -> Iterator[Issue]:
    """Late receipts: what the plan would earn more without the delay; else the money lost on demand that needs
    them.
    """
    yield from (late_receipt_issue(situation, row) for row in situation.late_receipts.iter_rows(named=True))


def late_receipt_issue(situation: Week, row: dict[str, Any]) -> Issue:
    """The exception of one receipt."""
    found = effect_of(situation, LATE, row["receipt"])
    who = f" from {row['supplier']}" if row["supplier"] else ""
    said = f"{found.units} of {words.listing(found.items)}" if found.any else "stock and other supply cover it"
    money, basis = situation.cost_of(row["event"], found.money)
    thing = f"{words.number(row['quantity'])} units of {row['description']}{who}"
    act = "Expedite or replace" if found.any or money >= 1 else "Confirm the new date of"
    return Issue(
        kind="Late receipt",
        subject=row["receipt"],
        what=f"{thing} due {words.day(row['due_on'])} come "
        f"{words.count(row['days_late'], 'day')} late, on {words.day(row['comes_on'])}, at {row['location']}: {said}",
        cause=row["note"] or (f"event {row['event']}" if row["event"] else "it is overdue; no reason is given"),
        money=money,
        basis=basis,
        ask=f"{act} {row['receipt']}: {thing}",
        doing_nothing=f"{found.units}, as planned" if found.any else "the plan stands; another delay would hit it",
        owner="Buyer" if row["kind"] == "buy" else "Supply planner",
        page="supply_review",
        anchor=words.anchor("Late receipts and events"),
        deadline=situation.snapshot.as_of,
        revenue=found.revenue,
        headline=f"{row['description']}{who} comes {words.count(row['days_late'], 'day')} late"
        + (f": {found.units} of {words.listing(found.items, limit=2)}" if found.any else ""),
        service=found.service(situation.currency),
        about={
            "event": (row["event"],) if row["event"] else (),
            "receipt": (row["receipt"],),
            "components": (row["item"],),
            **found.about,
        },
    )


@detector
def supply_lost(situation: Week) -> Iterator[Issue]:
    """Supply losses: what the plan would earn more without them; else the money lost on demand that needs the
    supply.
    """
    lost = situation.events.filter(pl.col("kind") == "supply_loss")
    yield from (supply_lost_issue(situation, row) for row in lost.iter_rows(named=True))


def lost_items(snapshot: Snapshot, target: str) -> tuple[str, ...]:
    """The items that the supplier, offer, item or place of an event supplies."""
    offers = snapshot["offers"]
    hit = pl.any_horizontal(pl.col(name) == target for name in ("offer", "supplier", "item", "location"))
    return tuple(offers.filter(hit)["item"].unique().sort())


def supply_lost_issue(situation: Week, row: dict[str, Any]) -> Issue:
    """The exception of one supply loss."""
    snapshot = situation.snapshot
    first, last = row["from"] or snapshot.as_of, row["to"] or snapshot.periods["ends_on"][-1]
    left = row["factor"] or 0.0
    found = effect_of(situation, LOSS, row["event"])
    said = f"{found.units} of {words.listing(found.items)}" if found.any else "other supply covers it"
    money, basis = situation.cost_of(row["event"], found.money)
    gives = "delivers nothing" if left <= 0 else f"delivers {words.percent(left)} of what it could"
    return Issue(
        kind="Supply lost",
        subject=row["event"],
        what=f"{row['target']} {gives} from {words.day(first)} to {words.day(last)}: {said}",
        cause=row["note"],
        money=money,
        basis=basis,
        ask=f"Who replaces {row['target']}: another supplier, a substitute, or agreed delays",
        doing_nothing=f"{found.units}, as planned" if found.any else "the plan stands; a longer failure would hit it",
        owner="Buyer",
        page="supply_review",
        anchor=words.anchor("Late receipts and events"),
        deadline=snapshot.as_of,
        revenue=found.revenue,
        service=found.service(situation.currency),
        about={"event": (row["event"],), "components": lost_items(snapshot, row["target"]), **found.about},
    )


@detector
def line_down(situation: Week) -> Iterator[Issue]:
    """Downtime ahead: what the plan would earn more without it; else the money lost on demand of what the line
    makes.
    """
    down = situation.events.filter(pl.col("kind") == "downtime")
    yield from (line_down_issue(situation, row) for row in down.iter_rows(named=True))


def line_down_issue(situation: Week, row: dict[str, Any]) -> Issue:
    """The exception of one downtime."""
    snapshot = situation.snapshot
    first, last = row["from"] or snapshot.as_of, row["to"] or snapshot.periods["ends_on"][-1]
    lost = float(situation.load.filter(pl.col("resource") == row["target"])["lost"].sum())
    found = effect_of(situation, DOWN, row["event"])
    said = f"{found.units} of {words.listing(found.items)}" if found.any else "the plan makes up for it elsewhere"
    money, basis = situation.cost_of(row["event"], found.money)
    return Issue(
        kind="Line down",
        subject=f"{row['target']} {row['event']}",
        what=f"{row['target']} is down from {words.day(first)} to {words.day(last)} and loses "
        f"{words.count(lost, 'hour')}: {said}",
        cause=row["note"],
        money=money,
        basis=basis,
        ask=f"How {row['target']} catches up {words.count(lost, 'hour')}: repair sooner, overtime, or another line",
        doing_nothing=f"{found.units}, as planned" if found.any else "the plan stands; a longer stop would hit it",
        owner="Production manager",
        page="supply_review",
        anchor=words.anchor("Late receipts and events"),
        deadline=max(snapshot.as_of, first),
        revenue=found.revenue,
        headline=f"{row['target']} is down until {words.day(last)}"
        + (f": {found.units} of {words.listing(found.items, limit=2)}" if found.any else ""),
        service=found.service(situation.currency),
        about={"event": (row["event"],), "resource": (row["target"],), **found.about},
    )


LEAST_SHARE = 0.5


def thin(situation: Week) -> pl.DataFrame:
    """Sold items that fall under half their safety stock: item, description, family, gap [units], places [list],
    first [date], money [largest gap × (price − standard cost)]; the most money first.
    """
    units = pl.col("demand").sum()
    each = situation.lines.group_by("item").agg(margin=(pl.col("margin") * pl.col("demand")).sum() / units)
    under = situation.stock.filter((pl.col("safety") > 0) & (pl.col("stock") < LEAST_SHARE * pl.col("safety") - 1e-6))
    nodes = under.group_by("item", "description", "family", "location").agg(
        gap=(pl.col("safety") - pl.col("stock")).max(), first=pl.col("ends_on").min()
    )
    return (
        nodes.group_by("item", "description", "family")
        .agg(pl.col("gap").sum(), places=pl.col("location").sort(), first=pl.col("first").min())
        .join(each, on="item", how="inner")
        .with_columns(money=(pl.col("gap") * pl.col("margin")).clip(lower_bound=0.0))
        .sort(["money", "item"], descending=[True, False])
    )


@detector
def thin_stock(situation: Week) -> Iterator[Issue]:
    """Families with items under half their safety stock: largest gaps × (price − standard cost), exposed, not
    lost.
    """
    grouped = (
        thin(situation)
        .group_by("family", maintain_order=True)
        .agg(pl.col("gap", "money").sum(), items=pl.col("description"), first=pl.col("first").min())
    )
    for row in grouped.iter_rows(named=True):
        family = row["family"] or "Items without a family"
        many = words.count(len(row["items"]), "item")
        yield Issue(
            kind="Thin stock",
            subject=family,
            what=f"{family}: {many} under half the safety stock from {words.day(row['first'])}, "
            f"{words.number(row['gap'])} units missing at the worst ({words.listing(row['items'])})",
            cause="the plan uses the safety stock to serve demand",
            money=row["money"],
            basis="largest gap to the safety stock × (price − standard cost); exposed, not lost",
            ask=f"Accept thin stock of {family} ({words.listing(row['items'])}), or bring supply forward",
            doing_nothing="sales are lost if demand runs above forecast",
            owner="Supply planner",
            page="supply_review",
            anchor=words.anchor("Projected stock"),
            deadline=max(row["first"], situation.snapshot.as_of),
            certain=False,
        )


MONTHS = 3.0
MONTH_DAYS = 365 / 12
IDLE_STOCK_LEAST_SHARE = 0.02


def idle(situation: Week, *, months: float = MONTHS) -> pl.DataFrame:
    """Today's stock beyond some months of what the plan sells or makes of it, by item over all places.

    Returns
    -------
    item, description, stock, demand_per_month [units], standard_cost, excess, obsolete [money].
    """
    days = float(situation.plan.periods["days"].sum())
    used = used_by(situation.plan, situation.snapshot)
    moved = used.select("item", demand_per_month=pl.col("quantity") * MONTH_DAYS / days)
    stock = (
        situation.snapshot["inventory"].group_by("item").agg(stock=pl.col("on_hand").sum()).filter(pl.col("stock") > 0)
    )
    items = situation.snapshot["items"].select("item", "description", pl.col("standard_cost").fill_null(0.0))
    joined = stock.join(moved, on="item", how="left").join(items, on="item", how="left")
    return excess_and_obsolete(joined.with_columns(pl.col("demand_per_month").fill_null(0.0)), months=months)


@detector
def idle_stock(situation: Week) -> Iterator[Issue]:
    """Items with more than three months' use in stock, or no use at all: at standard cost, from 2 % of the
    stock's value.
    """
    found = idle(situation)
    least = IDLE_STOCK_LEAST_SHARE * float((found["stock"] * found["standard_cost"]).sum())
    value = pl.col("excess") + pl.col("obsolete")
    for row in (
        found.with_columns(value=value)
        .filter((value > least) & (value > 0))
        .sort("value", "item")
        .iter_rows(named=True)
    ):
        name = row["description"] or row["item"]
        none = row["obsolete"] > 0
        yield Issue(
            kind="Idle stock",
            subject=row["item"],
            what=f"{name}: {words.number(row['stock'])} units in stock, "
            + ("and nothing in the plan uses them" if none else f"more than {MONTHS:.0f} months of use"),
            cause="no demand is coming" if none else "more was made or bought than the plan uses",
            money=row["value"],
            basis=f"stock beyond {MONTHS:.0f} months of use at standard cost; exposed, not lost",
            ask=f"Sell off, rework or write down {name}",
            doing_nothing="the stock ties up cash and ages",
            owner="Finance",
            page="finance_review",
            anchor=words.anchor("Stock and cash"),
            certain=False,
        )


LEAST_HOURS = 0.5


@detector
def overtime(situation: Week) -> Iterator[Issue]:
    """Overtime of all resources together: the premium over regular hours."""
    worked = (
        situation.load.filter(pl.col("overtime") > 0)
        .group_by("resource")
        .agg(hours=pl.col("overtime").sum(), weeks=pl.col("label"))
        .filter(pl.col("hours") >= LEAST_HOURS)
        .sort(["hours", "resource"], descending=[True, False])
    )
    if worked.height:
        yield overtime_issue(situation, worked)


def premium(situation: Week) -> float:
    """What the plan pays for overtime beyond the regular rate [money, positive]."""
    costs = situation.snapshot["resources"].select("resource", "hourly_cost", "overtime_cost")
    worked = situation.plan.flows["overtime"].select("resource", "quantity")
    more = pl.col("overtime_cost").fill_null(pl.col("hourly_cost")) - pl.col("hourly_cost")
    return float(worked.join(costs, on="resource").select((pl.col("quantity") * more).sum()).item())


def overtime_issue(situation: Week, worked: pl.DataFrame) -> Issue:
    """The exception of all overtime."""
    order = dict(situation.load.select("label", "order").unique().rows())
    weeks = sorted(worked["weeks"].explode().unique().to_list(), key=order.__getitem__)
    where = words.periods(weeks)
    lines = words.listing((f"{name} {words.number(hours)}" for name, hours, _ in worked.rows()), limit=5)
    hours = words.count(float(worked["hours"].sum()), "hour")
    inside = situation.plan.periods.filter((pl.col("week") == weeks[0]) | (pl.col("period") == weeks[0]))
    starts = inside["starts_on"].to_list()
    money = max(premium(situation), 0.0)
    cost = words.money(money, situation.currency)
    return Issue(
        kind="Overtime",
        subject="all lines",
        what=f"{hours} of overtime in {where} ({lines})",
        cause="regular hours are used up, and what the extra hours make is worth more than they cost",
        money=money,
        basis="overtime hours × (overtime cost − regular cost)",
        ask=f"Approve {hours} of overtime in {where}, {cost} of premium",
        doing_nothing="without approval the plan loses these hours and must be made again",
        owner="Production manager",
        page="supply_review",
        anchor=words.anchor("Line load"),
        deadline=min(starts) if starts else None,
        headline=f"{hours} of overtime in {where}",
    )


@detector
def expediting(situation: Week) -> Iterator[Issue]:
    """Items bought at an expedited price: the premium over the standard offer, as the ledger books it."""
    names = situation.snapshot["items"].select("item", "description")
    booked = situation.plan.ledger.by("account", "item")
    paid = booked.filter((pl.col("account") == "expediting") & (pl.col("amount") < -0.5))
    if paid.height:
        yield expediting_issue(situation, paid.join(names, on="item", how="left").sort("amount", "item"))


def expediting_issue(situation: Week, paid: pl.DataFrame) -> Issue:
    """The exception of all expediting."""
    total = -float(paid["amount"].sum())
    money = words.money(total, situation.currency)
    each = (
        f"{description or item} {words.money(-amount, situation.currency)}"
        for item, amount, description in paid.select("item", "amount", "description").rows()
    )
    items = words.listing(paid["description"].to_list())
    return Issue(
        kind="Expediting",
        subject="all purchases",
        what=f"{money} is paid to buy faster than the ordinary way ({words.listing(each, limit=5)})",
        cause="the ordinary lead time is too long for the demand that needs it",
        money=total,
        basis="expedited units × (expedited − standard cost)",
        ask=f"Approve {money} to expedite {items}",
        doing_nothing="without approval the plan loses this supply and must be made again",
        owner="Buyer",
        page="supply_review",
        anchor=words.anchor("Exceptions"),
        deadline=situation.snapshot.as_of,
        headline=f"{money} is paid to buy faster than the ordinary way",
    )


@detector
def fence_broken(situation: Week) -> Iterator[Issue]:
    """Units broken in the fence beyond the share that settings allow: units × break price (steering, no cash)."""
    snapshot, breaks = situation.snapshot, situation.breaks_by_cause
    rules, fence = snapshot.settings.escalation, snapshot.settings.fence
    if situation.record is None or breaks.is_empty():
        return
    moved = float(breaks["change"].abs().sum())
    told = recorded_in_fence(snapshot, situation.record)
    share = moved / told if told > 0 else 1.0
    if moved < 0.5 or share <= rules.fence:
        return
    names = dict(snapshot["items"].select("item", "description").rows())
    yield Issue(
        kind="Fence broken",
        subject="production",
        what=f"{words.number(moved)} units are moved inside the frozen fence of "
        f"{words.count(fence.frozen_days, 'day')}, {words.percent(share)} of what was planned there "
        f"({words.listing(breaks['description'])})",
        cause=words.listing(reasons(breaks, names)),
        money=float(breaks["money"].sum()),
        basis="units broken × break price; steering, no cash",
        ask=f"Allow {words.number(moved)} units to move inside the frozen fence",
        doing_nothing="the shop floor keeps to last week's plan and this plan must be made again",
        owner="Production manager",
        page="balance",
        anchor=words.anchor("What changed in the plan"),
        deadline=snapshot.as_of,
        hand_up=rules.fence_to,
    )
