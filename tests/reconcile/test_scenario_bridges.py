"""Two scenarios are reconciled by the pack's own bridge: to the cent, whatever they changed."""

from __future__ import annotations

import pytest

from soe_lib.extract.snapshot import Snapshot
from soe_lib.whatif.compare import compare
from soe_lib.whatif.scenario import Scenario
from tests.unit.whatif.conftest import tiny

__all__ = ["tiny"]

SCENARIOS = (
    Scenario("dear resin").scale("offers.unit_cost", 3.0),
    Scenario("less asked").scale("forecast.quantity", 0.7, item="A"),
    Scenario("dearer for customers").scale("items.price", 1.13),
    Scenario("line down").scale("calendar.hours", 0.0, resource="L1", period="2026-W48"),
    Scenario("other standard cost").scale("items.standard_cost", 1.5),
    Scenario("no Kobe").drop("offers", supplier="Kobe"),
    Scenario("nothing left").scale("calendar.hours", 0.0).set("calendar.overtime_hours", 0).set("inventory.on_hand", 0),
    Scenario("capital costs").set("settings.costs.capital_rate", 0.02),
)


def test_every_pair_of_scenarios_closes_to_the_cent(tiny: Snapshot) -> None:
    found = compare(tiny, ["base", *SCENARIOS], workers=1)
    names = [one.name for one in found]
    assert found.table()["status"].to_list() == ["optimal"] * len(names)
    changed = 0
    for base in ("base", "dear resin"):
        for other in names:
            bridge = found.bridge(other, base)
            ends = round(found[base].margin * 100), round(found[other].margin * 100)
            assert bridge.residual == 0
            assert (bridge.start, bridge.end) == pytest.approx(ends, abs=0)
            assert bridge.end - bridge.start == int(bridge.steps["amount"].sum())
            changed += bridge.end != bridge.start
    assert changed >= 10, "the scenarios must be worth different money, else closing says nothing"


def test_the_reference_is_the_base_unless_said_otherwise(tiny: Snapshot) -> None:
    found = compare(tiny, [SCENARIOS[0], "base"])
    assert (found.bridge("dear resin").base, found.bridge("dear resin").other) == ("base", "dear resin")
