"""Working capital, idle stock and hurry: by hand, tied to the ledger, and nothing counted as free for want of a cost."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

import soe_lib as soe
from soe_lib.errors import DataError
from soe_lib.extract.snapshot import Snapshot
from soe_lib.money.cash import LEAD, cash_curve, cash_to_cash, excess_stock, expediting_by_cause, working_capital
from soe_lib.money.profit_and_loss import statement
from soe_lib.review.finance_parts import TiedUp
from soe_lib.review.week import Week
from tests.networks import MONDAY, Rows, snapshot, weeks

TERMS = '[costs]\nper = "period"\n[terms]\nreceivable_days = 14\npayable_days = 0\n'


def two_weeks(folder: Path, **tables: Rows) -> Snapshot:
    """Fourteen A in stock at 5; seven are sold in each of two weeks at 12."""
    given: dict[str, Rows] = {
        "periods": weeks(2),
        "items": [{"item": "A", "family": "F", "standard_cost": 5}],
        "inventory": [{"item": "A", "location": "W", "on_hand": 14}],
        "forecast": [{"item": "A", "location": "W", "period": f"W{n}", "quantity": 7, "price": 12} for n in (1, 2)],
    }
    text = TERMS.replace('"period"', '"week"')
    return snapshot(folder, text, **{name: rows for name, rows in (given | tables).items() if rows})


def test_working_capital_week_by_week(tmp_path: Path) -> None:
    extract = two_weeks(tmp_path)
    found = working_capital(soe.plan(extract), extract)
    assert found["week"].to_list() == ["2026-W02", "2026-W03"]
    # 7 left at 5, then none; 84 owed by customers, then 168; 70 of cost in 14 days are 5 a day
    assert found["stock"].to_list() == [35.0, 0.0]
    assert found["receivables"].to_list() == [84.0, 168.0]
    assert found["payables"].to_list() == [0.0, 0.0]
    assert found["working_capital"].to_list() == [119.0, 168.0]
    assert found["days_of_stock"].to_list() == [7.0, 0.0]
    assert found.schema["working_capital"] == pl.Float64


def test_stock_without_a_standard_cost_stops(tmp_path: Path) -> None:
    extract = two_weeks(tmp_path, items=[{"item": "A", "family": "F", "standard_cost": None, "holding_cost": 0.1}])
    plan = soe.plan(extract)
    for work in (
        lambda: working_capital(plan, extract),
        lambda: excess_stock(plan, extract),
        lambda: cash_to_cash(cash_curve(plan, extract), plan, extract["items"]),
    ):
        with pytest.raises(DataError, match=r"1 items with [\d]+ units .* have no standard cost: A\. Give items"):
            work()


def test_excess_and_obsolete_by_hand(tmp_path: Path) -> None:
    # 14 of A are used in 14 days: 365/12 a month. One month keeps 30.4167 of 50: 19.5833 at 5 are 97.92.
    # M goes into A two for one: 28 used, 60.8333 a month, of 100 in stock 39.1667 at 1.50 are 58.75. Nobody wants Z.
    extract = two_weeks(
        tmp_path,
        items=[
            {"item": "A", "family": "F", "standard_cost": 5},
            {"item": "M", "family": "Raw", "standard_cost": 1.5},
            {"item": "Z", "family": "F", "standard_cost": 0.333},
        ],
        inventory=[{"item": name, "location": "W", "on_hand": units} for name, units in (("A", 50), ("M", 100), ("Z", 10))],
        policies=[{"item": "A", "location": "W", "end_stock": 50}],
        routings=[{"routing": "R", "item": "A", "location": "W", "cost_per_unit": 1}],
        components=[{"routing": "R", "component": "M", "quantity": 2}],
    )  # fmt: skip
    found = excess_stock(soe.plan(extract), extract, months=1)
    rows = {row["item"]: row for row in found.to_dicts()}
    assert (rows["A"]["excess"], rows["A"]["obsolete"]) == (97.92, 0)
    assert (rows["M"]["excess"], rows["M"]["obsolete"]) == (58.75, 0)
    assert (rows["Z"]["excess"], rows["Z"]["obsolete"]) == (0, 3.33)
    assert found["item"].to_list() == ["A", "M", "Z"]
    # three months of use are more than all of it
    assert excess_stock(soe.plan(extract), extract)["excess"].sum() == 0


def hurried(folder: Path, **tables: Rows) -> Snapshot:
    """Two are wanted at once and none is there: two at 8 instead of 5."""
    offer = {"supplier": "S", "item": "A", "location": "W", "lead_time_days": 0}
    offers = [
        {**offer, "offer": "slow", "unit_cost": 5, "lead_time_days": 21, "expedite": "no"},
        {**offer, "offer": "fast", "unit_cost": 8, "expedite": "yes"},
    ]
    forecast = [{"item": "A", "location": "W", "period": "W1", "quantity": 2, "price": 12}]
    return two_weeks(folder, offers=offers, forecast=forecast, **({"inventory": []} | tables))


def receipt(name: str, due: int) -> dict[str, object]:
    day = MONDAY + timedelta(days=due)
    return {"receipt": name, "kind": "ship", "item": "A", "location": "W", "due_on": day, "quantity": 1, "lane": ""}


def event(kind: str, target: str, **more: object) -> Rows:
    return [{"event": "E1", "kind": kind, "target": target, "factor": 1.0, "days": None} | more]


def test_hurry_is_laid_to_one_cause_and_ties_to_the_statement(tmp_path: Path) -> None:
    cases: dict[str, tuple[str, dict[str, Rows]]] = {
        "none": (LEAD, {}),
        "late": ("R1 is late (E1)", {"receipts": [receipt("R1", 1)], "events": event("delay", "R1", days=20)}),
        "surge": ("more of F is wanted (E1)", {"events": event("surge", "F")}),
        "loss": ("S gives less (E1)", {"events": event("supply_loss", "slow", factor=0.0)}),
        "both": (
            "R1 is late (E1)",
            {
                "receipts": [receipt("R1", 1)],
                "events": [*event("delay", "R1", days=20), *event("surge", "A", event="E2")],
            },
        ),
    }
    for name, (cause, tables) in cases.items():
        extract = hurried(tmp_path / name, **tables)
        plan = soe.plan(extract)
        found = expediting_by_cause(plan, extract)
        assert found.select("cause", "item", "location", "amount").rows() == [(cause, "A", "W", -6.0)], name
        assert found["quantity"].to_list() == [pytest.approx(2)]
        assert round(100 * found["amount"].sum()) == statement(plan).cents("expediting")


def test_a_unit_is_hurried_for_an_event_only_where_it_is_not_without_it(tmp_path: Path) -> None:
    # Two are expedited at 3 more each; without the delay one of them comes by itself.
    tables = {"receipts": [receipt("R1", 1)], "events": event("delay", "R1", days=20)}
    extract = hurried(tmp_path, **tables)
    week = Week.of(extract, soe.plan(extract))
    week = week.knowing(prices=soe.review.cost_of_events(week, soe.plan))
    rows = TiedUp(week).expediting.select("cause", "quantity", "amount").rows()
    assert sorted(rows) == [("R1 is late (E1)", pytest.approx(1), -3.0), (LEAD, pytest.approx(1), -3.0)]
    calm = hurried(tmp_path / "calm", events=event("surge", "F"))
    week = Week.of(calm, soe.plan(calm))
    week = week.knowing(prices=soe.review.cost_of_events(week, soe.plan))
    assert TiedUp(week).expediting["cause"].to_list() == [LEAD], "a surge of nothing hurries nobody"


def test_an_offer_without_a_price_in_some_period_is_not_free_there(tmp_path: Path) -> None:
    offers = [{"offer": "O", "supplier": "S", "item": "A", "location": "W", "unit_cost": None}]
    prices = [{"offer": "O", "period": "W1", "unit_cost": 5}]
    extract = two_weeks(tmp_path, inventory=[], offers=offers, offer_prices=prices)
    with pytest.raises(DataError, match=r"1 offers have no price in 1 periods, first 'O' in W2: fill offers.unit_cost"):
        soe.plan(extract)
    # what is on order under it is paid at the mean of its prices
    full = [*prices, {"offer": "O", "period": "W2", "unit_cost": 7}]
    due = MONDAY + timedelta(days=1)
    order = {"receipt": "P", "kind": "buy", "item": "A", "location": "W", "due_on": due, "quantity": 10, "offer": "O"}
    extract = two_weeks(tmp_path / "on order", inventory=[], offers=offers, offer_prices=full, receipts=[order])
    paid = soe.plan(extract).ledger.where(pl.col("flow") == "receive").accounts()
    assert paid == {"material": pytest.approx(-60)}
