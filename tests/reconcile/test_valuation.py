"""S&OP plan, budget, plan of record and actuals by the same rates, worked out by hand."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import soe_lib as soe
from soe_lib.errors import DataError
from soe_lib.extract.snapshot import Snapshot
from soe_lib.money.actuals import value_actuals
from soe_lib.money.cheapest_supply import cheapest_supply
from soe_lib.money.commitments import OUTSIDE, Mix, spread
from soe_lib.money.profit_and_loss import statement
from soe_lib.money.rates import RateBook
from soe_lib.money.reconciliation import bridge
from soe_lib.money.valuation import value_budget, value_consensus, value_record
from tests.ledgers import plan, rates
from tests.networks import MONDAY, snapshot, weeks

# Four weeks from Monday 5 January 2026: 20 of January's 22 working days, and none of February's.
JANUARY = "2026-01"


def chain(folder: Path, **tables: object) -> Snapshot:
    """P makes A from 2 C (1 h on R at 2, 1 a unit, yield 0.8) and ships it to M for 1; C is bought at 1.50."""
    forecast = [
        {"item": item, "location": "M", "customer": who, "period": f"W{n}", "quantity": q, "price": 10}
        for n in (1, 2, 3, 4)
        for item, who, q in (("A", "K", 30), ("B", "K", 10))
    ]
    base = {
        "periods": weeks(4),
        "items": [
            {"item": "A", "family": "F", "standard_cost": 6, "end_value": 3, "holding_cost": 0.1},
            {"item": "B", "family": "F", "standard_cost": 5},
            {"item": "C", "family": "parts", "standard_cost": 1.5, "end_value": 1},
            {"item": "D", "family": "G", "standard_cost": 1},
        ],
        "locations": [{"location": "P", "kind": "plant"}, {"location": "M", "kind": "warehouse"}],
        "customers": [{"customer": "K"}],
        "resources": [{"resource": "R", "location": "P", "kind": "line", "hourly_cost": 2}],
        "calendar": [{"resource": "R", "period": f"W{n}", "hours": 1000} for n in (1, 2, 3, 4)],
        "routings": [
            {"routing": "A", "item": "A", "location": "P", "cost_per_unit": 1, "yield": 0.8},
            {"routing": "A dear", "item": "A", "location": "P", "cost_per_unit": 9, "yield": 0.8},
            {"routing": "B", "item": "B", "location": "P", "cost_per_unit": 2, "yield": 1},
        ],
        "operations": [{"routing": "A", "resource": "R", "hours_per_unit": 1}],
        "components": [{"routing": "A", "component": "C", "quantity": 2}],
        "offers": [
            {"offer": "C dear", "supplier": "S", "item": "C", "location": "P", "unit_cost": 4},
            {"offer": "C", "supplier": "S", "item": "C", "location": "P", "unit_cost": 1.5},
            {"offer": "C fast", "supplier": "S", "item": "C", "location": "P", "unit_cost": 1.4, "expedite": "yes"},
        ],
        "lanes": [
            {"lane": "slow", "origin": "P", "destination": "M", "cost_per_unit": 1},
            {"lane": "fast", "origin": "P", "destination": "M", "cost_per_unit": 3},
        ],
        "forecast": forecast,
        "inventory": [{"item": "C", "location": "P", "on_hand": 100}],
    }
    return snapshot(folder, **{**base, **tables})  # type: ignore[arg-type]


def sop(measure: str, location: str, quantity: float, family: str = "F", **more: object) -> dict[str, object]:
    return {
        "fiscal_month": JANUARY,
        "family": family,
        "location": location,
        "measure": measure,
        "quantity": quantity,
        **more,
    }


def book(extract: Snapshot) -> RateBook:
    rates_of_the_plan: RateBook = soe.plan(extract).rates
    return rates_of_the_plan


def test_the_sop_plan_is_split_made_bought_shipped_and_valued(tmp_path: Path) -> None:
    extract = chain(tmp_path, consensus=[sop("sales", "M", 880, amount=8800), sop("make", "P", 880)])
    found = value_consensus(extract, book(extract))
    # 880 over 22 working days: 200 a week, by the forecast's 3 : 1 150 A and 50 B; 80 fall outside the horizon
    weekly = found.flows["sell"].group_by("item", "period").agg(pl.col("quantity").sum()).sort("item", "period")
    assert weekly["quantity"].to_list() == [150.0] * 4 + [50.0] * 4
    # 600 good A take 750 starts, 1,500 C of which 100 are there; 200 B
    assert dict(found.flows["make"].group_by("routing").agg(pl.col("quantity").sum()).iter_rows()) == {
        "A": 750.0,
        "B": 200.0,
    }
    assert found.flows["buy"].select("offer", "quantity").group_by("offer").sum().row(0) == ("C", 1400.0)
    assert found.flows["ship"].group_by("lane").agg(pl.col("quantity").sum()).rows() == [("slow", 800.0)]
    assert found.ledger.accounts() == pytest.approx({
        "revenue": 8000.0,
        "material": -1400 * 1.5,
        "conversion": -750 * (1 + 2) - 200 * 2,
        "freight": -800.0,
    })  # fmt: skip
    assert found.ledger.unmatched.is_empty()
    assert found.window == (MONDAY, MONDAY + timedelta(days=27))
    assert any(
        "S&OP states revenue of 8,000.00 for these days; at this extract's prices it is 8,000.00" in s
        for s in found.assumptions
    )


def test_what_sop_makes_and_does_not_sell_is_stock_at_end_value(tmp_path: Path) -> None:
    # 40 A a week too many (all of the mix that P can make of F is A and B, 3 : 1): 220 more starts 200 in the horizon
    extract = chain(tmp_path, consensus=[sop("sales", "M", 880), sop("make", "P", 1100)])
    found = value_consensus(extract, book(extract))
    left = dict(found.flows["leave"].filter(pl.col("quantity") != 0).select("item", "quantity").iter_rows())
    assert left == {"A": 150.0, "B": 50.0}  # 1,000 made, 800 sold
    assert found.ledger.inventory == pytest.approx(150 * 3)
    # A: 37.5 a week more at 0.10, made in whole units by week: 38 + 75 + 113 + 150 held
    assert found.ledger.accounts()["holding"] == pytest.approx(-0.1 * (38 + 75 + 113 + 150))


def test_without_make_what_is_sold_is_made_after_stock(tmp_path: Path) -> None:
    stock = [{"item": "A", "location": "M", "on_hand": 200}, {"item": "C", "location": "P", "on_hand": 100}]
    extract = chain(tmp_path, consensus=[sop("sales", "M", 880)], inventory=stock)
    found = value_consensus(extract, book(extract))
    # 600 A sold, 200 are there: 400 shipped, 500 started; week 1 needs none
    assert found.flows["make"].filter(pl.col("item") == "A")["quantity"].sum() == pytest.approx(500)
    assert found.flows["make"].filter((pl.col("item") == "A") & (pl.col("period") == "W1")).is_empty()
    assert any("S&OP has no production" in sentence for sentence in found.assumptions)
    assert found.flows["leave"]["quantity"].sum() == pytest.approx(0)


def test_more_sold_than_made_is_said_and_charged(tmp_path: Path) -> None:
    extract = chain(tmp_path, consensus=[sop("sales", "M", 880), sop("make", "P", 440)])
    found = value_consensus(extract, book(extract))
    assert found.flows["leave"].filter(pl.col("item") == "A")["quantity"].sum() == pytest.approx(-300)
    assert found.ledger.inventory == pytest.approx(-300 * 3)
    assert any("400 units of 2 items at a place are missing at the end" in sentence for sentence in found.assumptions)


def test_an_accrual_statement_of_the_sop_plan_ties(tmp_path: Path) -> None:
    extract = chain(tmp_path, consensus=[sop("sales", "M", 880), sop("make", "P", 1100)])
    found = statement(value_consensus(extract, book(extract)))
    # +150 A at 6, +50 B at 5, −100 C at 1.50
    assert found.cents("stock change at standard cost") == 100 * (150 * 6 + 50 * 5 - 150)
    assert found.cents("accrual margin") == found.cents("cash margin") + 100000


def test_a_family_without_a_forecast_is_split_evenly_and_said(tmp_path: Path) -> None:
    extract = chain(tmp_path, consensus=[sop("sales", "M", 880), sop("sales", "M", 220, family="G")])
    found = value_consensus(extract, book(extract))
    assert found.flows["sell"].filter(pl.col("item") == "D")["quantity"].sum() == 200
    assert any(
        "1 rows (220) are split evenly over the items of the family" in sentence for sentence in found.assumptions
    )
    assert found.ledger.unmatched.filter(pl.col("flow") == "sell")["quantity"].to_list() == [200.0]
    assert any("rows of sell (200 units) have no rate and no money" in sentence for sentence in found.assumptions)


def test_bad_consensus_is_a_clear_error(tmp_path: Path) -> None:
    extract = chain(tmp_path, consensus=[sop("make", "P", 1)])
    rate_book = book(extract)
    with pytest.raises(DataError, match="no consensus with sales"):
        value_consensus(extract, rate_book)
    strange = extract["consensus"].with_columns(measure=pl.lit("sales"), family=pl.lit("X"))
    with pytest.raises(DataError, match="1 of 1 rows of consensus name families that no item has: X"):
        value_consensus(extract.replace(consensus=strange), rate_book)
    past = extract["consensus"].with_columns(measure=pl.lit("sales"), fiscal_month=pl.lit("2025-11"))
    with pytest.raises(DataError, match="consensus has no month between 2026-01-05 and 2026-02-01, only 2025-11"):
        value_consensus(extract.replace(consensus=past), rate_book)
    with pytest.raises(DataError, match="no budget to value"):
        value_budget(extract, rate_book)
    with pytest.raises(DataError, match="no actuals to value"):
        value_actuals(extract, rate_book)


def test_the_budget_keeps_its_own_amounts_account_by_account(tmp_path: Path) -> None:
    line = {"fiscal_month": JANUARY, "family": "F"}
    extract = chain(tmp_path, budget=[
        {**line, "account": "revenue", "measure": "sales", "quantity": 880, "amount": 9900},
        {**line, "account": "material", "amount": -2200},
        {**line, "account": "fixed", "amount": -1100, "family": ""},
    ])  # fmt: skip
    found = value_budget(extract, book(extract))
    # 20 of 22 working days
    assert found.ledger.accounts() == pytest.approx({"revenue": 9000.0, "material": -2000.0, "fixed": -1000.0})
    by_item = dict(found.flows["sell"].group_by("item").agg(pl.col("quantity").sum()).iter_rows())
    assert by_item == {"A": 600.0, "B": 200.0}
    # material by forecast units × standard cost: 120 × 6 against 40 × 5
    spent = dict(found.ledger.where(pl.col("account") == "material").by("item").iter_rows())
    assert spent == pytest.approx({"A": -2000 * 720 / 920, "B": -2000 * 200 / 920}, abs=0.02)
    assert "accrual margin" not in statement(found).lines


def test_a_budget_without_amounts_is_valued_by_the_rates_or_counted(tmp_path: Path) -> None:
    line = {"fiscal_month": JANUARY, "family": "F"}
    extract = chain(tmp_path, budget=[
        {**line, "account": "revenue", "measure": "sales", "quantity": 880},
        {**line, "account": "material", "measure": "make", "quantity": 5},
    ])  # fmt: skip
    found = value_budget(extract, book(extract))
    assert found.ledger.accounts() == pytest.approx({"revenue": 8000.0})
    assert any("1 rows of the budget have no amount" in sentence for sentence in found.assumptions)


def test_a_bridge_leads_from_budget_to_sop_to_the_plan(tmp_path: Path) -> None:
    budget = [
        {
            "fiscal_month": JANUARY,
            "family": "F",
            "account": "revenue",
            "measure": "sales",
            "quantity": 440,
            "amount": 4400,
        }
    ]
    extract = chain(tmp_path, consensus=[sop("sales", "M", 880), sop("make", "P", 880)], budget=budget)
    solved = soe.plan(extract)
    first, second = value_budget(extract, solved.rates), value_consensus(extract, solved.rates)
    assert bridge(first, second, by=("family",)).by("family").filter(pl.col("driver") == "volume")[
        "amount"
    ].to_list() == [400000]
    assert bridge(second, solved).residual == 0
    # in accrual the 100 C that S&OP uses up cost 150, which cash does not see
    accrual = bridge(first, second, reading="accrual")
    assert accrual.end == int(statement(second).cents("accrual margin"))
    assert dict(accrual.steps.select("driver", "amount").iter_rows())["stock change"] == -15000


def test_last_weeks_plan_takes_this_weeks_rates_and_keeps_its_own_where_there_are_none() -> None:
    place = {"item": "A", "location": "L"}
    old = plan(
        {
            "stock": [{**place, "period": "2026-W47", "quantity": 10}],
            "receive": [{"receipt": "gone", **place, "period": "2026-W47", "quantity": 4}],
        },
        {
            "stock": [{**place, "period": "2026-W47", "account": "holding", "per_unit": -9.0}],
            "receive": [{"receipt": "gone", "account": "material", "per_unit": -2.0}],
        },
        name="last week's plan",
    )
    new = RateBook({
        "stock": rates("stock", [{**place, "period": "2026-W48", "account": "holding", "per_unit": -1.0}]),
        "receive": rates("receive", [{"receipt": "other", "account": "material", "per_unit": -7.0}]),
    })  # fmt: skip
    found = value_record(old, new)
    assert found.ledger.accounts() == {"material": -8.0, "holding": -10.0}
    assert found.name == "last week's plan"
    assert found.assumptions == (
        "1 rows of receive (4 units): unknown to the rates, valued at its own plan's.",
        "1 rows of stock (10 units): rate of the nearest period.",
    )
    lost = value_record(old.with_name("x"), RateBook({"stock": new.tables["stock"], "receive": new.tables["receive"]}))
    assert lost.ledger.unmatched.is_empty()


def test_actuals_take_what_was_booked_and_rates_for_the_rest(tmp_path: Path) -> None:
    def row(day: int, measure: str, **more: object) -> dict[str, object]:
        return {"date": date(2025, 12, day), "measure": measure, **more}

    extract = chain(tmp_path, actuals=[
        row(1, "sales", item="A", location="M", customer="K", quantity=10, amount=95),
        row(2, "sales", item="A", location="M", customer="K", quantity=5),
        row(1, "buy", item="C", location="P", quantity=40, amount=64),
        row(3, "buy", item="C", location="P", quantity=10),
        row(1, "make", item="A", location="P", quantity=8, amount=48),
        row(1, "hours", resource="R", location="P", hours=11, amount=25),
        row(5, "ship", item="A", location="P", quantity=8, amount=9),
        row(7, "stock", item="A", location="M", quantity=20, amount=120),
        row(7, "stock", item="C", location="P", quantity=7, amount=10),
        row(14, "stock", item="A", location="M", quantity=30, amount=180),
    ])  # fmt: skip
    found = value_actuals(extract, book(extract))
    assert found.window == (date(2025, 12, 1), date(2025, 12, 14))
    # revenue 95 + 5 × 10; material 64 + 10 × 1.50; conversion: hours 25 + 10 starts × 1; holding 0.10 a week (7 days)
    assert found.ledger.accounts() == pytest.approx({
        "revenue": 145.0, "material": -79.0, "conversion": -35.0, "freight": -9.0, "holding": -(20 + 30) * 0.1,
    })  # fmt: skip
    counted = found.flows["stock"].filter(pl.col("item") == "C").sort("period")["quantity"].to_list()
    assert counted == [7.0, 0.0]  # not found at the second count: none is left
    assert any("1 purchases (10 units) have no amount: the cheapest offer's." in s for s in found.assumptions)
    assert found.ledger.by("week")["week"].to_list() == ["2025-W49", "2025-W50"]


def test_a_closed_week_is_compared_with_its_plan_within_the_window(tmp_path: Path) -> None:
    def row(day: date, **more: object) -> dict[str, object]:
        return {"date": day, "item": "A", "location": "M", **more}

    extract = chain(tmp_path, actuals=[
        row(MONDAY - timedelta(days=1), measure="stock", quantity=50),
        row(MONDAY, measure="sales", customer="K", quantity=20, amount=180),
        row(MONDAY + timedelta(days=6), measure="stock", quantity=30),
    ])  # fmt: skip
    rate_book = book(extract)
    actual = value_actuals(extract, rate_book)
    place = {"item": "A", "location": "M"}
    sale = {**place, "customer": "K", "order": "", "due": "W1", "period": "W1"}
    planned = plan(
        {
            "open": [{**place, "quantity": 50}],
            "sell": [{**sale, "quantity": 30}],
            "stock": [{**place, "period": "W1", "quantity": 20}],
            "leave": [{**place, "quantity": 20}],
        },
        {"sell": [{**sale, "account": "revenue", "per_unit": 10.0}],
         "leave": [{**place, "account": "end value", "kind": "inventory", "per_unit": 3.0}]},
        as_of=MONDAY, weeks_long=1,
    )  # fmt: skip
    dated = planned.periods.with_columns(period=pl.lit("W1"))
    record = type(planned)(**{**{f: getattr(planned, f) for f in planned.__dataclass_fields__}, "periods": dated})
    found = bridge(record, actual, window=(MONDAY, MONDAY + timedelta(days=6)))
    # planned: 300 sold + 20 left × 3 − 50 × 3 = 210; actual: 180 + 90 − 150 − holding 30 × 0.10 = 117
    assert (found.start, found.end) == (21000, 11700)
    assert dict(found.table().select("driver", "amount").iter_rows()) == {
        "volume": -100.0, "price": -20.0, "holding": -3.0, "end value": 30.0,
    }  # fmt: skip


def test_the_cheapest_ways_are_found_and_bills_of_material_levelled(tmp_path: Path) -> None:
    extract = chain(
        tmp_path,
        components=[
            {"routing": "A", "component": "B", "quantity": 1},
            {"routing": "B", "component": "C", "quantity": 1},
        ],
    )
    known = cheapest_supply(extract)
    assert dict(known.routings.select("item", "routing").iter_rows()) == {"A": "A", "B": "B"}
    # (1 + 1 h × 2 + B at 5) / 0.8
    assert dict(known.routings.select("item", "total").iter_rows())["A"] == pytest.approx(8 / 0.8)
    assert known.offers["offer"].to_list() == ["C"]
    assert dict(known.levels.iter_rows()) == {"A": 0, "B": 1, "C": 2, "D": 0}
    assert known.depths.filter(pl.col("location") == "M")["depth"].unique().to_list() == [1]
    assert set(known.lanes["lane"]) == {"slow", "fast"}


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.integers(0, 5000), min_size=1, max_size=4),
    st.lists(st.floats(0.01, 100), min_size=1, max_size=6),
    st.lists(st.floats(0.01, 1), min_size=1, max_size=5),
)
def test_whole_commitments_are_split_into_whole_units_that_add_up(
    quantities: list[int], weights: list[float], shares: list[float]
) -> None:
    mix = pl.DataFrame(
        {
            "fiscal_month": "M", "family": "F", "item": [f"I{n}" for n in range(len(weights))], "location": "L",
            "customer": "K", "weight": weights, "price": 1.0, "cost": 1.0,
        }
    )  # fmt: skip
    total = sum(shares)
    parts = pl.DataFrame(
        {
            "period": [f"W{n}" for n in range(len(shares))],
            "share": [s / total for s in shares],
            "_place": range(len(shares)),
        }
    ).with_columns(fiscal_month=pl.lit("M"))
    rows = pl.DataFrame(
        {"fiscal_month": "M", "family": "F", "location": "L", "quantity": [float(q) for q in quantities]}
    )
    found, notes = spread(rows.with_row_index("row"), Mix(mix, mix.clear(), parts))
    again = rows.with_row_index("row").join(
        found.group_by("row").agg(pl.col("quantity").sum().alias("sum")), on="row", how="left"
    )
    assert (again["sum"].fill_null(0.0) == again["quantity"]).all()
    assert (found["quantity"] == found["quantity"].round(0)).all()
    assert not notes
    half = spread(rows.with_columns(pl.col("quantity") + 0.5), Mix(mix, mix.clear(), parts))[0]
    assert half["quantity"].sum() == pytest.approx(sum(quantities) + 0.5 * rows.height)
    assert OUTSIDE not in found["period"].to_list()


def test_cells_of_a_plan_that_nobody_solved_are_named_like_those_of_one_that_was(tmp_path: Path) -> None:
    extract = chain(tmp_path, consensus=[sop("sales", "M", 880), sop("make", "P", 880)])
    solved = soe.plan(extract)
    loaded = value_consensus(extract, solved.rates)
    for flow in loaded.flows:
        keys = solved.rates.columns(flow)
        assert set(keys) <= set(loaded.flows[flow].columns), flow
        assert loaded.flows[flow].n_unique(keys) == loaded.flows[flow].height, flow
