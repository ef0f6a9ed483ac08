"""Receipts that come late, and the demand that hangs on them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from soe_lib.review import words
from soe_lib.review.exceptions.causes import LATE
from soe_lib.review.exceptions.effect import effect_of
from soe_lib.review.exceptions.issue import Issue
from soe_lib.review.exceptions.registry import detector
from soe_lib.review.situation import Situation


@detector
def late_supply(situation: Situation) -> Iterator[Issue]:
    """Late receipts: what the plan would earn more without the delay; else the money lost on demand that needs
    them.
    """
    yield from (issue(situation, row) for row in situation.late_receipts.iter_rows(named=True))


def issue(situation: Situation, row: dict[str, Any]) -> Issue:
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
