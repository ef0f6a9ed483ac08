"""Production that is moved inside the frozen fence, where the shop floor was told otherwise."""

from __future__ import annotations

from collections.abc import Iterator

from soe_lib.review import words
from soe_lib.review.exceptions.issue import Issue
from soe_lib.review.exceptions.registry import detector
from soe_lib.review.frames.fence import reasons, recorded_in_fence
from soe_lib.review.situation import Situation


@detector
def fence_broken(situation: Situation) -> Iterator[Issue]:
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
