"""What it costs to keep an S&OP commitment: a mill that sells 32 at a profit and can make 44."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import soe_lib as soe
from soe_lib.errors import DataError
from soe_lib.extract.snapshot import Snapshot
from soe_lib.model.living import Living
from soe_lib.whatif.commitments import commitment_prices
from tests.networks import Rows, weeks
from tests.unit.workbench.companies import mill

WEEKS = [str(row["period"]) for row in weeks(4)]


def flour(folder: Path, committed: float, *, done: float = 0.0, **tables: Rows) -> Snapshot:
    """Aldi pays 12 for 8 a week, Cheap 5 for 20 a week; a unit costs 6, by overtime (4 hours in W2) 9."""
    prices = {"Aldi": (8, 12), "Cheap": (20, 5)}
    given: dict[str, Rows] = {
        "periods": weeks(4),
        "calendar": [
            {"resource": "line", "period": week, "hours": 10, "overtime_hours": 4 if week == "W2" else 0}
            for week in WEEKS
        ],
        "customers": [{"customer": name, "latest_days": 0} for name in prices],
        "forecast": [
            {"item": "A", "location": "P", "customer": name, "period": week, "quantity": quantity, "price": price}
            for name, (quantity, price) in prices.items() for week in WEEKS
        ],
        "consensus": [{"fiscal_month": "2026-01", "family": "Flour", "measure": "sales", "quantity": committed}],
    }  # fmt: skip
    if done:
        sold = {"measure": "sales", "item": "A", "location": "P", "customer": "Aldi"}
        given["actuals"] = [{"date": "2026-01-02", **sold, "quantity": done}]
    return mill(folder, settings='[costs]\nper = "period"\n[calendar]\nfiscal = "months"\n', **(given | tables))


def priced(snapshot: Snapshot, **more: Any) -> dict[str, Any]:
    found = commitment_prices(snapshot, **more)
    assert found.rows.height == 1
    return found.rows.row(0, named=True)


def test_what_is_sold_anyway_costs_nothing(tmp_path: Path) -> None:
    found = priced(flour(tmp_path, 30))
    assert (found["planned"], found["money"], found["each"]) == (32, 0, 0)
    assert found["sentence"] == "Keeping the 30 of Flour in Jan 2026 costs nothing: 32 are sold anyway."


def test_keeping_forty_costs_one_a_unit(tmp_path: Path) -> None:
    # 8 more than the 32, each sold for 5 and made for 6
    found = priced(flour(tmp_path, 40))
    assert found["money"] == pytest.approx(8.0, abs=1e-6)
    assert found["margin"] == pytest.approx(8.0, abs=1e-6)
    assert found["each"] == pytest.approx(1.0, abs=1e-6)
    assert found["sentence"].startswith(
        "Keeping the 40 of Flour in Jan 2026 costs EUR 1.00 a unit: EUR 8.00 for the 8 "
    )


def test_the_last_unit_costs_more_than_the_mean_one(tmp_path: Path) -> None:
    # 8 at a loss of 1, then 2 by overtime at a loss of 5 − 9 = −4: 16 for 10
    found = priced(flour(tmp_path, 42))
    assert [found[name] for name in ("money", "each", "next")] == pytest.approx([16.0, 1.6, 4.0], abs=1e-6)


def test_what_is_sold_already_counts(tmp_path: Path) -> None:
    found = priced(flour(tmp_path, 45, done=5))
    assert [found[name] for name in ("done", "planned", "kept", "each")] == pytest.approx([5, 32, 45, 1.0], abs=1e-6)


def test_what_cannot_be_kept_says_how_far_one_gets_and_at_what_price(tmp_path: Path) -> None:
    # 44 can be made: 8 at a loss of 1, 4 at a loss of 4: 24 for 12
    found = priced(flour(tmp_path, 60))
    assert [found[name] for name in ("kept", "money", "each")] == pytest.approx([44, 24.0, 2.0], abs=1e-4)
    assert found["sentence"].startswith(
        "The 60 of Flour in Jan 2026 cannot be kept: at most 44 can be sold, which costs"
    )


def test_whole_lots_are_priced_by_planning_again(tmp_path: Path) -> None:
    # lots of 4 are two a week, and a third one in W2: 36 at most. Its 4 units: 2 at a loss of 1, by overtime 2 of 4
    lots = [{"routing": "R", "item": "A", "location": "P", "cost_per_unit": 4, "multiple": 4}]
    found = priced(flour(tmp_path, 40, routings=lots))
    assert [found[name] for name in ("kept", "money", "each")] == pytest.approx([36, 10.0, 2.5], abs=1e-4)


def test_a_living_model_gives_the_same_prices(tmp_path: Path) -> None:
    snapshot = flour(tmp_path, 42)
    assert priced(snapshot, near=Living(snapshot))["money"] == pytest.approx(16.0, abs=1e-6)


def test_the_figures_are_those_of_a_plan_with_the_promise_in_it(tmp_path: Path) -> None:
    # the same 40 as an obligation towards Cheap, planned from nothing
    free = flour(tmp_path / "free", 40)
    rows = [
        {**row, "committed": 2 if row["customer"] == "Cheap" else 0}
        for row in free["forecast"].select("item", "location", "customer", "period", "quantity", "price").to_dicts()
    ]
    bound = flour(tmp_path / "bound", 40, forecast=rows)
    cost = soe.plan(free).objective - soe.plan(bound).objective
    assert priced(free)["money"] == pytest.approx(cost, abs=1e-6)


def test_nothing_to_price_says_so(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="there is no S&OP commitment"):
        commitment_prices(mill(tmp_path / "none"))
    later = [{"fiscal_month": "2026-03", "family": "Flour", "measure": "sales", "quantity": 5}]
    with pytest.raises(DataError, match="No month with a commitment ends within the horizon"):
        commitment_prices(flour(tmp_path / "later", 5, consensus=later))
