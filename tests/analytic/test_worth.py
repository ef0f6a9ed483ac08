"""A price is shown as a step curve with its range, each figure confirmed by a re-solve."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

import soe_lib as soe
from soe_lib.errors import DataError
from tests.analytic.test_two_items import asked, line
from tests.networks import snapshot

FACTORY = Path(__file__).parents[1] / "published" / "hpw_factory_planning_1"


def test_the_june_planer_of_factory_planning() -> None:
    """Its dual says 800 an hour; the first hour earns 510 and 384 of them 12,130, by re-solving."""
    found = soe.read(FACTORY)
    curve = soe.worth(soe.Model(found), "hours", 384.0, resource="planer", period="Jun")
    assert curve.at(1.0) == pytest.approx(510.0, abs=0.5)
    assert curve.total == pytest.approx(12130.0, abs=5.0)
    assert curve.steps["price"].is_sorted(descending=True)
    base = soe.plan(found).objective
    open_again = found["events"].filter(~((pl.col("target") == "planer") & (pl.col("from").dt.month() == 6)))
    assert curve.total == pytest.approx(soe.plan(found.replace(events=open_again)).objective - base, abs=0.01)


def test_two_steps_by_hand(tmp_path: Path) -> None:
    # 5 h: 5 A of 8. The next 3 hours earn 6 each (A), then 2 hours a B at 10: 5 an hour, up to 4 B = 8 h; then nothing.
    tables = line(5) | {"forecast": [asked("A", 8, 10), asked("B", 4, 16)]}
    curve = soe.worth(soe.Model(snapshot(tmp_path, **tables)), "hours", 20.0, resource="line", period="W1")
    assert curve.steps["price"].to_list() == pytest.approx([6, 5, 0], abs=1e-9)
    assert curve.steps["stop"].to_list() == pytest.approx([3, 11, 20])
    assert "6.00 each" in repr(curve)


def test_a_curve_with_whole_numbers_says_what_it_holds(tmp_path: Path) -> None:
    tables = line(5) | {"forecast": [asked("A", 8, 10)]}
    tables["routings"] = [{"routing": "A", "item": "A", "location": "P", "setup_cost": 5}]
    tables["operations"] = [{"routing": "A", "resource": "line", "hours_per_unit": 1}]
    tables["items"] = [{"item": "A"}]
    curve = soe.worth(soe.Model(snapshot(tmp_path, **tables)), "hours", 5.0, resource="line", period="W1")
    assert "given the set-up pattern" in repr(curve)
    assert curve.at(3.0) == pytest.approx(30.0)


def test_a_limit_that_is_not_there(tmp_path: Path) -> None:
    made = soe.Model(snapshot(tmp_path, **(line(5) | {"forecast": [asked("A", 8, 10)]})))
    with pytest.raises(DataError, match="name one by resource, period"):
        soe.worth(made, "hours", 1.0, resource="lime", period="W1")
    with pytest.raises(DataError, match="the model has"):
        soe.worth(made, "ours", 1.0)
