"""The cheapest stable plan and the price of fairness of small companies, worked out by hand."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

import soe_lib as soe
from soe_lib.errors import DataError
from tests.analytic.test_two_items import asked, line, quantity
from tests.networks import snapshot

PRICES = (10.0, 6.0, 4.5)


def three_weeks(folder: Path, a: tuple[float, ...], b: float) -> soe.Snapshot:
    """A earns 6, 2 and 0.5 in weeks 1, 2 and 3; B earns 0.3 in week 1."""
    rows = [asked("A", amount, price, f"W{n}") for n, (amount, price) in enumerate(zip(a, PRICES, strict=True), 1)]
    return snapshot(folder, **(line(40, periods=3) | {"forecast": [*rows, asked("B", b, 6.3)]}))


def test_only_changes_that_pay_for_their_disruption_are_kept(tmp_path: Path) -> None:
    # The record makes 3, 4, 5 of A and 2 of B; now 6, 6, 6 and 4 are asked for. At 1 a moved unit W1 (+3 at 6) and W2
    # (+2 at 2) pay, W3 (+1 at 0.5) and B (+2 at 0.3) do not.
    record = soe.plan(three_weeks(tmp_path / "before", (3, 4, 5), 2))
    today = three_weeks(tmp_path / "now", (6, 6, 6), 4)
    found = soe.whatif.cheapest_stable_plan(today, record, price=1.0)
    made = {n: quantity(found.plan, "make", item="A", period=f"W{n}") for n in (1, 2, 3)}
    assert made == pytest.approx({1: 6, 2: 6, 3: 5})
    assert quantity(found.plan, "make", item="B") == pytest.approx(2)
    assert found.margin_given_up == pytest.approx(1 * 0.5 + 2 * 0.3)
    assert sum(found.steering_given_up.values()) == pytest.approx(0)
    assert (found.churn, found.churn_of_best) == pytest.approx((5 / 14, 8 / 14))
    assert found.churn_avoided == pytest.approx(3 / 14)
    # Kept as recorded, A would lose 3 × 6 + 2 × 2 and spare 5 moved units.
    assert found.changes.select("item", "location").rows() == [("A", "P")]
    assert found.changes.select("units", "gain", "avoided", "per_unit").row(0) == pytest.approx((5, 22, 5, 4.4))
    assert (found.changes["per_unit"] >= found.price).all()
    # At 0.25 all but B's 0.3 … that pays too; at 0.5 W3 may go either way, at 2 W2 may; at 4 only W1 is left.
    curve = {row["price"]: row["units"] for row in found.curve.to_dicts()}
    assert curve[0.25] == pytest.approx(8)
    assert curve[1.0] == pytest.approx(5)
    assert curve[4.0] == pytest.approx(3)
    assert found.curve["churn"].is_sorted(descending=True)
    assert "A, P: 5 units moved, gains EUR\u00a022" in repr(found)


def test_a_change_that_must_be_is_said(tmp_path: Path) -> None:
    # 6 of A are promised and the record makes 3: no plan keeps it.
    record = soe.plan(three_weeks(tmp_path / "before", (3, 4, 5), 2))
    tables = line(40, periods=3) | {"forecast": [{**asked("A", 6, 10), "committed": 6}, asked("B", 0, 6.3)]}
    found = soe.whatif.cheapest_stable_plan(snapshot(tmp_path / "now", **tables), record, price=1.0)
    row = found.changes.filter(pl.col("item") == "A").row(0, named=True)
    assert row["gain"] is None
    assert "has to change" in repr(found)
    with pytest.raises(DataError, match="0 or more"):
        soe.whatif.cheapest_stable_plan(snapshot(tmp_path / "again", **tables), record, price=-1.0)


def two_customers(folder: Path) -> soe.Snapshot:
    """10 h; X pays 20 and Y pays 10 for what costs 4 and takes an hour; each asks for 10; Y comes first."""
    rows = [{**asked("A", 10, price), "customer": name} for name, price in (("X", 20), ("Y", 10))]
    customers = [{"customer": "X", "priority": 2}, {"customer": "Y", "priority": 1}]
    return snapshot(folder, **(line(10) | {"forecast": rows, "customers": customers}))


def test_what_each_rule_of_sharing_costs(tmp_path: Path) -> None:
    # Money: X gets 10 × 16. Cut alike, or fair: 5 × 16 + 5 × 6. Priority: Y gets 10 × 6.
    found = soe.whatif.price_of_fairness(two_customers(tmp_path))
    rules = {row["rule"]: row for row in found.rules.to_dicts()}
    assert {rule: row["margin"] for rule, row in rules.items()} == pytest.approx(
        {"margin": 160, "proportional": 110, "fair": 110, "priority": 60}, rel=1e-5
    )
    assert rules["fair"]["costs"] == pytest.approx(50, rel=1e-5)
    assert rules["priority"]["costs"] == pytest.approx(100, rel=1e-5)
    assert (rules["margin"]["least"], rules["margin"]["most"]) == pytest.approx((0, 1))
    assert (rules["fair"]["least"], rules["fair"]["most"]) == pytest.approx((0.5, 0.5), rel=1e-5)
    shares = {(row["customer"], row["rule"]): row["share"] for row in found.customers.to_dicts()}
    assert shares["Y", "priority"] == pytest.approx(1, rel=1e-5)
    assert (found.winners("fair"), found.losers("fair")) == (["Y"], ["X"])
    assert found.winners("margin") == []
    assert found.plan("priority").margin == rules["priority"]["margin"]
    assert "gains Y; loses X" in repr(found)


def test_rules_that_nobody_knows(tmp_path: Path) -> None:
    today = two_customers(tmp_path)
    with pytest.raises(DataError, match="no allocation rule 'loudest'"):
        soe.whatif.price_of_fairness(today, rules=["loudest"])
    seen: list[tuple[int, int]] = []
    found = soe.whatif.price_of_fairness(today, rules=["fair"], progress=lambda done, of: seen.append((done, of)))
    assert found.rules["rule"].to_list() == ["margin", "fair"]
    assert seen == [(1, 2), (2, 2)]
    with pytest.raises(DataError, match="no plan by 'priority'"):
        found.plan("priority")
