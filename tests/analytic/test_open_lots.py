"""Lots without a maximum, worked out by hand: demand, stock and recipes bound them, end value included."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import soe_lib as soe
from soe_lib.errors import DataError
from soe_lib.model.checks import check
from soe_lib.model.planning import Model
from tests.networks import snapshot, weeks, write

PER_PERIOD = '[costs]\nper = "period"\n'
DEMAND = [{"item": "A", "location": "P", "period": "W2", "quantity": 100, "price": 10}]


def objective(folder: Path, **tables: Any) -> float:
    tables = {"periods": list(weeks(2)), "forecast": DEMAND, **tables}
    return float(soe.plan(snapshot(folder, PER_PERIOD, **tables)).objective)


def offer(**terms: Any) -> list[dict[str, Any]]:
    return [{"offer": "O", "supplier": "S", "item": "A", "location": "P", "unit_cost": 4, **terms}]


class TestOffers:
    """100 units at 10, bought at 4, worth 3 at the end."""

    def bought(self, folder: Path, **terms: Any) -> float:
        return objective(folder, items=[{"item": "A", "end_value": 3}], offers=offer(**terms))

    def test_minimum(self, tmp_path: Path) -> None:
        assert self.bought(tmp_path, minimum=20) == pytest.approx(600)

    def test_minimum_above_the_demand(self, tmp_path: Path) -> None:
        """130 bought: 1,000 − 520 + 30 × 3 = 570."""
        assert self.bought(tmp_path, minimum=130) == pytest.approx(570)

    def test_whole_lots_at_a_cost_of_each_order(self, tmp_path: Path) -> None:
        """120 at once: 1,000 − 480 − 7 + 20 × 3 = 573; 90 would earn 900 − 360 − 7 = 533."""
        assert self.bought(tmp_path, multiple=30, order_cost=7) == pytest.approx(573)

    def test_an_end_value_above_the_cost_is_refused_and_named(self, tmp_path: Path) -> None:
        folder = write(
            tmp_path, PER_PERIOD, items=[{"item": "A", "end_value": 5}], locations=[{"location": "P"}],
            periods=list(weeks(2)), forecast=DEMAND, offers=offer(minimum=20),
        )  # fmt: skip
        report = check(folder)
        assert not report.ok
        assert any("end_value is 5" in one.rule for one in report.findings)


def test_what_is_worth_making_of_stock_for_its_end_value(tmp_path: Path) -> None:
    """80 of R lie there for nothing; with a lid at 2 each becomes A, worth 4 at the end, 3 if it had to be bought.

    No demand but 10 at 10: 100 + 70 × 4 − 80 × 2 − one order of lids at 5 = 215.
    """
    made = objective(
        tmp_path,
        items=[{"item": "A", "end_value": 4}, {"item": "R"}, {"item": "LID"}],
        forecast=[{"item": "A", "location": "P", "period": "W2", "quantity": 10, "price": 10}],
        inventory=[{"item": "R", "location": "P", "on_hand": 80}],
        routings=[{"routing": "AP", "item": "A", "location": "P"}],
        components=[{"routing": "AP", "component": part, "quantity": 1} for part in ("R", "LID")],
        offers=[
            {"offer": "R", "item": "R", "location": "P", "unit_cost": 3, "minimum": 1, "order_cost": 1},
            {"offer": "LID", "item": "LID", "location": "P", "unit_cost": 2, "minimum": 1, "order_cost": 5},
        ],
    )
    assert made == pytest.approx(215)


def test_a_lane_carries_away_what_is_dear_to_store(tmp_path: Path) -> None:
    """100 at P cost 5 a week each, nothing at W; 10 are wanted there: 50 − 100 × 1 − 3 a trip = −53."""
    moved = objective(
        tmp_path,
        locations=[{"location": "P", "storage_cost": 5}, {"location": "W", "storage_cost": 0}],
        inventory=[{"item": "A", "location": "P", "on_hand": 100}],
        lanes=[
            {"lane": "PW", "origin": "P", "destination": "W", "item": "A", "cost_per_unit": 1, "fixed_cost": 3},
        ],
        forecast=[{"item": "A", "location": "W", "period": "W1", "quantity": 10, "price": 5}],
    )
    assert moved == pytest.approx(-53)


def test_an_item_that_nothing_can_make_is_a_finding_and_no_traceback(tmp_path: Path) -> None:
    tables: dict[str, Any] = {"periods": list(weeks(2)), "forecast": DEMAND}
    folder = write(tmp_path / "check", PER_PERIOD, items=[{"item": "A"}], locations=[{"location": "P"}], **tables)
    stopping = [one for one in check(folder).findings if one.level == "stop"]
    assert [(one.table, one.value) for one in stopping] == [("items", "A")]
    with pytest.raises(DataError, match="neither made nor bought"):
        soe.read(folder)
    stocked = snapshot(tmp_path / "stock", PER_PERIOD, inventory=[{"item": "A", "location": "P", "on_hand": 0}], **{
        **tables, "offers": offer(),
    })  # fmt: skip
    alone = stocked.replace(offers=stocked["offers"].clear(), inventory=stocked["inventory"].clear())
    assert Model(alone).solve().objective == pytest.approx(0)
