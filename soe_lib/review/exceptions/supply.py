"""Exceptions of supply: receipts that come late, suppliers that fail, lines that are down."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import polars as pl

from soe_lib.extract.snapshot import Snapshot
from soe_lib.review import words
from soe_lib.review.exceptions.causes import DOWN, LATE, LOSS, effect_of
from soe_lib.review.exceptions.issue import Issue
from soe_lib.review.exceptions.registry import detector
from soe_lib.review.week import Week


@detector
def late_supply(situation: Week) -> Iterator[Issue]:
    """Late receipts: what the plan would earn more without the delay; else the money lost on demand that needs
    them.
    """
    yield from (issue(situation, row) for row in situation.late_receipts.iter_rows(named=True))


def issue(situation: Week, row: dict[str, Any]) -> Issue:
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
