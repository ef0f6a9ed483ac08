"""Production that is moved inside the frozen fence, where the shop floor was told otherwise."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from soe_lib.review import words
from soe_lib.review.exceptions.issue import Issue
from soe_lib.review.exceptions.registry import detector
from soe_lib.review.situation import Situation


@detector
def fence_broken(situation: Situation) -> Iterator[Issue]:
    """Units moved inside the fence beyond the share that settings allow: units × cost of a change."""
    snapshot = situation.snapshot
    rules, fence = snapshot.settings.escalation, snapshot.settings.fence
    if situation.record is None or fence.frozen_days <= 0:
        return
    mine = situation.changed_plan.filter((pl.col("flow") == "make") & pl.col("inside") & (pl.col("change").abs() > 0.5))
    before = float(situation.changed_plan.filter((pl.col("flow") == "make") & pl.col("inside"))["before"].sum())
    moved = float(mine["change"].abs().sum())
    share = moved / before if before > 0 else 1.0
    if moved < 0.5 or share <= rules.fence:
        return
    names = dict(snapshot["items"].select("item", "description").rows())
    items = words.listing(names.get(item) or item for item in mine["item"].unique().sort())
    yield Issue(
        kind="Fence broken",
        subject="production",
        what=f"{words.number(moved)} units are moved inside the frozen fence of "
        f"{words.count(fence.frozen_days, 'day')}, {words.percent(share)} of what was planned there ({items})",
        cause="demand or supply changed after the shop floor was told",
        money=moved * fence.change_cost,
        basis="units moved inside the fence × cost of a change",
        ask=f"Allow {words.number(moved)} units to move inside the frozen fence",
        doing_nothing="the shop floor keeps to last week's plan and this plan must be made again",
        owner="Production manager",
        page="balance",
        anchor=words.anchor("What changed in the plan"),
        deadline=snapshot.as_of,
        hand_up=rules.fence_to,
    )
