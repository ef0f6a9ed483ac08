"""Orders that are taken whole, or in few deliveries: by hand, and against a program that chooses among patterns."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from scipy.optimize import Bounds, LinearConstraint, milp

import soe_lib as soe
from soe_lib.errors import SolveError
from soe_lib.extract.snapshot import Snapshot
from tests import networks

PLACE = {"item": "A", "location": "Shop"}


def company(
    folder: Path, orders: list[dict[str, Any]], arrivals: list[float], *, names: int = 1, **customer: Any
) -> Snapshot:
    """A shop that is given so many units of A a week; an order of customer C earns 10 a unit, 1 less per week late."""
    weeks = networks.weeks(len(arrivals))
    terms = {"late_cost": 1, "latest_days": 7 * len(arrivals), **customer}
    return networks.snapshot(
        folder,
        periods=weeks,
        items=[{"item": "A", "unit": "each", "holding_cost": 0.25, "price": 10}],
        customers=[{"customer": f"C{n}" if n else "C", **terms} for n in range(names)],
        receipts=[
            {"receipt": f"R{n}", "kind": "buy", **PLACE, "due_on": week["starts_on"], "quantity": quantity}
            for n, (week, quantity) in enumerate(zip(weeks, arrivals, strict=True))
            if quantity
        ],
        orders=[{"due_on": networks.MONDAY, **PLACE, "customer": "C", **order} for order in orders],
    )


def served(plan: soe.Plan) -> dict[tuple[str, str], float]:
    """(order, period) → units."""
    cells = plan.flows["sell"].filter(pl.col("quantity").abs() > 1e-6)
    return {(order, period): q for order, period, q in cells.select("order", "period", "quantity").iter_rows()}


ORDER = [{"order": "SO-1", "quantity": 30}]


def test_a_customer_who_does_not_say_is_served_as_goods_come(tmp_path: Path) -> None:
    """10 on time, 10 a week late, 10 two weeks late: 300 − 10 − 20."""
    plan = soe.plan(company(tmp_path, ORDER, [10, 10, 10]))
    assert plan.margin == pytest.approx(270.0)
    assert len(served(plan)) == 3
    assert not {"deliver", "refuse"} & set(plan.flows)


def test_in_two_deliveries(tmp_path: Path) -> None:
    """10 + 20: the second comes two weeks late and holds 10 for a week: 300 − 40 − 2.50; 20 + 10 is 300 − 20 − 20 − 2.50."""
    plan = soe.plan(company(tmp_path, ORDER, [10, 10, 10], most_deliveries=2))
    assert plan.margin == pytest.approx(257.5)
    assert len(served(plan)) == 2


def test_in_one_delivery_what_it_lacks_is_never_served(tmp_path: Path) -> None:
    """All of it two weeks late earns 300 − 60 − 2.50 − 5; 20 a week late 200 − 20 − 2.50 and 10 left."""
    plan = soe.plan(company(tmp_path, ORDER, [10, 10, 10], most_deliveries=1))
    assert served(plan) == {("SO-1", "W3"): pytest.approx(30.0)}
    assert plan.margin == pytest.approx(232.5)
    short = soe.plan(company(tmp_path / "short", ORDER, [10, 10, 0], most_deliveries=1))
    assert served(short) == {("SO-1", "W2"): pytest.approx(20.0)}


def test_in_full_or_not_at_all(tmp_path: Path) -> None:
    """20 of 30 can be had: refused whole, and who takes parts gets them."""
    orders = [{"order": "SO-1", "quantity": 30}, {"order": "SO-2", "quantity": 12, "price": 8}]
    plan = soe.plan(company(tmp_path, orders, [10, 10], in_full="yes"))
    assert served(plan) == {("SO-2", "W1"): pytest.approx(10.0), ("SO-2", "W2"): pytest.approx(2.0)}
    assert plan.flows["refuse"].select("order", "quantity").rows() == [("SO-1", 1.0), ("SO-2", 0.0)]
    at_once = soe.plan(company(tmp_path / "once", orders, [10, 10], in_full="yes", most_deliveries=1))
    assert served(at_once) == {("SO-2", "W2"): pytest.approx(12.0)}


def test_what_was_promised_goes_before_and_the_conflict_has_a_way_out(tmp_path: Path) -> None:
    """5 are promised of an order that comes whole or not: all 30 are owed, and 20 can be had."""
    asked = company(tmp_path, [{"order": "SO-1", "quantity": 30, "committed": 5}], [10, 10], in_full="yes")
    with pytest.raises(SolveError, match="infeasible"):
        soe.plan(asked)
    assert "5.00 unit less than the 5.00 promised, at 10.00: EUR 50.00" in soe.conflict(asked).text()


def test_a_substitute_counts_as_delivered(tmp_path: Path) -> None:
    made = company(tmp_path, [{"order": "SO-1", "quantity": 15}], [10, 10], in_full="yes", most_deliveries=1)
    both = (
        soe.Scenario("B too").row("items", item="B", unit="each").row("inventory", item="B", location="Shop", on_hand=9)
    )
    either = both.row("substitutions", item="A", substitute="B", ratio=1.5).apply(made)
    plan = soe.plan(either)
    assert served(plan) == {("SO-1", "W1"): pytest.approx(10.0)}
    assert plan.flows["replace"].filter(pl.col("quantity") > 1e-6)["quantity"].to_list() == pytest.approx([5.0])


def test_forecast_is_no_order(tmp_path: Path) -> None:
    made = company(tmp_path, ORDER, [10, 10], in_full="yes", most_deliveries=1)
    asked = soe.Scenario("forecast").row("forecast", **PLACE, customer="C", period="W1", quantity=50.0).apply(made)
    cells = soe.plan(asked).flows["sell"].filter(pl.col("order") == "")
    assert cells["quantity"].sum() == pytest.approx(20.0)


def chosen(orders: list[dict[str, Any]], arrivals: list[float], most: int, in_full: bool) -> float:
    """The best margin, by one pattern of periods for each order among all that its customer takes."""
    count = len(arrivals)
    patterns = [one for size in range(min(most, count) + 1) for one in combinations(range(count), size)]
    cells, stocks, choices = len(orders) * count, count, len(orders) * len(patterns)
    width = cells + stocks + choices
    money, rows, low, high = np.zeros(width), [], [], []

    def hold(terms: dict[int, float], least: float, largest: float) -> None:
        row = np.zeros(width)
        row[list(terms)] = list(terms.values())
        rows.append(row), low.append(least), high.append(largest)

    for n, order in enumerate(orders):
        pick = {cells + stocks + n * len(patterns) + k: 1.0 for k in range(len(patterns))}
        hold(pick, 1.0, 1.0)
        for t in range(count):
            money[n * count + t] = order.get("price", 10) - t
            on = {at: -float(order["quantity"]) for at, one in zip(pick, patterns, strict=True) if t in one}
            hold({n * count + t: 1.0, **on}, -np.inf, 0.0)
        every = {n * count + t: 1.0 for t in range(count)}
        if in_full:
            hold({**every, next(iter(pick)): float(order["quantity"])}, order["quantity"], order["quantity"])
        else:
            hold(every, 0.0, order["quantity"])
    for t in range(count):
        money[cells + t] = -0.25
        before = {cells + t - 1: 1.0} if t else {}
        out = {n * count + t: -1.0 for n in range(len(orders))}
        hold({**before, **out, cells + t: -1.0}, -arrivals[t], -arrivals[t])
    whole = np.r_[np.zeros(cells + stocks), np.ones(choices)]
    most_of = np.r_[np.full(cells + stocks, np.inf), np.ones(choices)]
    found = milp(
        -money, constraints=LinearConstraint(np.array(rows), low, high), integrality=whole,
        bounds=Bounds(0, most_of), options={"mip_rel_gap": 0.0},
    )  # fmt: skip
    return -float(found.fun)


@pytest.mark.parametrize("seed", range(20))
def test_no_choice_of_deliveries_earns_more(tmp_path: Path, seed: int) -> None:
    draw = np.random.default_rng(seed)
    arrivals = [float(q) for q in draw.integers(0, 25, size=4)]
    orders = [
        {"order": f"SO-{n}", "quantity": int(draw.integers(8, 30)), "price": int(draw.integers(6, 14))}
        for n in range(4)
    ]
    most, in_full = int(draw.integers(1, 4)), bool(seed % 2)
    terms = {"most_deliveries": most, "in_full": "yes" if in_full else "no"}
    plan = soe.plan(company(tmp_path, orders, arrivals, **terms))
    assert plan.margin == pytest.approx(chosen(orders, arrivals, most, in_full), abs=0.005)
    by_order = (
        plan.flows["sell"].filter(pl.col("quantity") > 1e-6).group_by("order").agg(pl.len(), pl.col("quantity").sum())
    )
    assert (by_order["len"] <= most).all()
    if in_full:
        wanted = {order["order"]: order["quantity"] for order in orders}
        assert all(q == pytest.approx(wanted[order]) for order, _, q in by_order.iter_rows())
