"""The frozen fence holds, the slushy zone is changed only where it pays, by hand."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

import soe_lib as soe
from soe_lib.errors import SolveError
from soe_lib.model.blocks import STANDARD, Stability
from tests.analytic.test_two_items import asked, line, quantity
from tests.networks import snapshot

FENCE = '[costs]\nper = "period"\n[fence]\nfrozen_days = 7\nslushy_days = 14\nchange_cost = 2\n'


def tables(hours: float = 20) -> dict[str, list[dict[str, object]]]:
    """A can be sold at 10 in three weeks; the record makes 3, 4 and 5. A made unit costs 4, held a week 1."""
    made = line(hours, periods=3) | {"forecast": [asked("A", 6, 10, f"W{n}") for n in (1, 2, 3)]}
    made["items"] = [{"item": "A", "holding_cost": 1}, {"item": "B"}]
    return made


RECORD = pl.DataFrame({"routing": ["A"] * 3, "period": ["W1", "W2", "W3"], "quantity": [3.0, 4.0, 5.0]})


def test_the_fence_freezes_prices_and_frees(tmp_path: Path) -> None:
    # W1 stays 3; W2 goes from 4 to 6 (each more earns 6 − 2); W3 is free: 6.
    plan = soe.plan(snapshot(tmp_path, FENCE, **tables()), blocks=[Stability(RECORD)])
    made = dict(plan.flows["make"].filter(pl.col("item") == "A").select("period", "quantity").iter_rows())
    assert made == pytest.approx({"W1": 3, "W2": 6, "W3": 6})
    assert plan.ledger.by("account").filter(pl.col("account") == "nervousness")["amount"].sum() == pytest.approx(-4)
    assert plan.margin == pytest.approx(15 * 6)
    assert plan.steering == pytest.approx(-4)


def test_a_change_that_earns_less_than_it_costs_is_left(tmp_path: Path) -> None:
    dear = FENCE.replace("change_cost = 2", "change_cost = 7")
    plan = soe.plan(snapshot(tmp_path, dear, **tables()), blocks=[Stability(RECORD)])
    assert quantity(plan, "make", period="W2", item="A") == pytest.approx(4)


def test_a_frozen_order_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    found = snapshot(tmp_path, FENCE, **tables(hours=2))
    with pytest.raises(SolveError, match="infeasible"):
        soe.plan(found, blocks=[Stability(RECORD)])
    broken = soe.conflict(found, model=soe.Model(found, [*STANDARD, Stability(RECORD)]))
    assert broken.promises["by"].to_list() == pytest.approx([1])
    assert "frozen fence" in broken.text()


def test_a_weekly_record_is_split_over_the_days_of_a_daily_plan(tmp_path: Path) -> None:
    settings = "[horizon]\nweeks = 2\ndaily = 7\n[fence]\nfrozen_days = 7\nslushy_days = 7\nchange_cost = 1\n"
    days = tables()
    del days["periods"]
    days["calendar"] = [{"resource": "line", "period": f"2026-W0{n}", "hours": 20} for n in (2, 3)]
    days["forecast"] = [asked("A", 10, 10, "2026-W02")]
    record = pl.DataFrame({"routing": ["A"], "period": ["2026-W02"], "quantity": [10.0]})
    plan = soe.plan(snapshot(tmp_path, settings, **days), blocks=[Stability(record)])
    made = plan.flows["make"].filter((pl.col("item") == "A") & (pl.col("quantity") > 0))
    assert made["quantity"].to_list() == pytest.approx([2.0] * 5)  # five working days
