"""Disruptions told apart, or put together where there are too many."""

from __future__ import annotations

from pathlib import Path

import pytest

import soe_lib as soe
from soe_lib.whatif.attribution import Attribution, attribute, why_moved
from soe_lib.whatif.causes import Disruption, disruptions, grouped

DEMO = Path(__file__).parents[3] / "data" / "demo"


def test_events_stay_and_the_rest_is_one_a_kind() -> None:
    before, now = soe.read(DEMO, "2026-11-09"), soe.read(DEMO, "2026-11-16")
    found = disruptions(before, now)
    few = grouped(found, 4)
    assert [one.name for one in few] == [
        "EV-2611-1: downtime of Venlo L2",
        "EV-2611-2: delay of PO-10746",
        "forecast of Dish care, Hand care, Laundry and 1 more",
    ]
    assert grouped(found, 10) == found
    one_by_one = now
    for member in found[2:]:
        one_by_one = member.without(one_by_one)
    assert few[2].without(now)["forecast"].equals(one_by_one["forecast"])


def test_what_is_still_too_much_becomes_one() -> None:
    kinds = ["event", "event", "prices", "costs", "forecast"]
    found = [Disruption(f"{kind} {n}", lambda snapshot: snapshot, kind) for n, kind in enumerate(kinds)]
    assert [one.name for one in grouped(found, 3)] == ["event 0", "event 1", "3 other changes"]


def test_a_group_has_what_its_members_do_together(tmp_path: Path) -> None:
    from tests.reconcile.test_attribution import of_events, two_outages

    snapshot = two_outages(tmp_path)
    a, b = of_events(snapshot)
    both = grouped([Disruption("x of a", a.without), Disruption("x of b", b.without)], 1)
    found = attribute(snapshot, both)
    # together they cost 36, by hand in the test of the two outages
    assert found.rows.select("disruption", "amount").rows() == [("x of a and b", -3600)]


def test_why_the_margin_moved_says_why_not() -> None:
    now = soe.read(DEMO, "2026-11-16")
    assert "no earlier extract" in str(why_moved(None, now))
    split = why_moved(soe.read(DEMO, "2026-11-09"), now, most=3)
    assert isinstance(split, Attribution)
    assert split.optima == 8
    assert split.end == pytest.approx(soe.plan(now).margin * 100, abs=1)
