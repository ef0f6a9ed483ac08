"""Cash: published discounting, a curve worked out day by day, balances that tie, currencies by month."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import soe_lib as soe
from soe_lib.errors import DataError, FormulationError
from soe_lib.extract.settings import Terms
from soe_lib.extract.snapshot import Snapshot
from soe_lib.money.cash import CashCurve, annual_rate, cash_curve, cash_to_cash, npv
from soe_lib.money.profit_and_loss import statement
from soe_lib.money.reconciliation import bridge
from soe_lib.money.valuation import in_currency
from tests.networks import MONDAY, Rows, snapshot, weeks

YEARLY = '[costs]\nper = "year"\ncapital_rate = 0.1\n[terms]\nreceivable_days = 7\npayable_days = 3\n'


def test_npv_of_numpy_financial() -> None:
    # numpy-financial 1.0 (BSD-3-Clause), docstring of npv
    assert npv(0.08, [-40000, 5000, 8000, 12000, 30000]) == pytest.approx(3065.22267, abs=0.005)


def test_discounting_by_hand() -> None:
    assert npv(0.1, [100, 110, 121]) == pytest.approx(300)
    assert npv(0.21, [121], [0.5]) == pytest.approx(110), "half a year at 21 % is 10 %"
    assert annual_rate(0.01, "week") == pytest.approx(1.01 ** (365 / 7) - 1)
    assert annual_rate(0.02, "period", days=73) == pytest.approx(1.02**5 - 1)
    assert annual_rate(0.1, "year") == pytest.approx(0.1)


def test_rates_that_mean_nothing_are_refused() -> None:
    with pytest.raises(DataError, match="above −100 %"):
        npv(-1.0, [1, 2])
    with pytest.raises(DataError, match="2 flows at 3 times"):
        npv(0.1, [1, 2], [0, 1, 2])
    with pytest.raises(DataError, match="1 of 2 flows"):
        npv(0.1, [1, float("nan")])
    with pytest.raises(DataError, match="per period has no annual rate"):
        annual_rate(0.1, "period")


def trader(folder: Path, settings: str = YEARLY, **tables: Rows) -> Snapshot:
    """Seven wanted in one week at 12, bought at 5: 12 a day earned, 5 a day spent."""
    given: dict[str, Rows] = {
        "periods": weeks(1),
        "items": [{"item": "A", "family": "F", "standard_cost": 5}],
        "offers": [{"offer": "O", "supplier": "S", "item": "A", "location": "W", "unit_cost": 5}],
        "forecast": [{"item": "A", "location": "W", "period": "W1", "quantity": 7, "price": 12}],
    }
    return snapshot(folder, settings, **(given | tables))


def by_day(curve: CashCurve, column: str) -> list[float]:
    return curve.table("day")[column].to_list()


def test_a_week_day_by_day(tmp_path: Path) -> None:
    # bought Monday to Sunday and paid three days later, sold and paid for a week later
    extract = trader(tmp_path)
    curve = cash_curve(soe.plan(extract), extract)
    assert by_day(curve, "net") == [0, 0, 0, -5, -5, -5, -5, 7, 7, 7, 12, 12, 12, 12]
    assert by_day(curve, "cash") == [0, 0, 0, -5, -10, -15, -20, -13, -6, 1, 13, 25, 37, 49]
    assert by_day(curve, "receivables") == [12, 24, 36, 48, 60, 72, 84, 72, 60, 48, 36, 24, 12, 0]
    assert by_day(curve, "payables") == [5, 10, 15, 15, 15, 15, 15, 10, 5, 0, 0, 0, 0, 0]
    assert (curve.total, curve.rate) == (4900, pytest.approx(0.1))
    years = [day / 365 for day in range(14)]
    assert curve.npv() == pytest.approx(npv(0.1, by_day(curve, "net"), years))
    assert curve.npv(0.0) == pytest.approx(49)
    assert curve.table("week").rows() == [("2026-W02", 0, -20, -20, -20, 84, 15), ("2026-W03", 84, -15, 69, 49, 0, 0)]
    assert "never below -20.00" in repr(curve)


def test_cash_to_cash_by_hand(tmp_path: Path) -> None:
    # receivables 12 … 84 are 48 on average, 4 days' sales; payables 5, 10, then 15 are 90/7, of 5 a day; no stock
    extract = trader(tmp_path)
    plan = soe.plan(extract)
    found = cash_to_cash(cash_curve(plan, extract), plan, extract["items"])
    assert found == pytest.approx(
        {"days_of_stock": 0, "days_receivable": 4, "days_payable": 18 / 7, "cash_to_cash": 4 - 18 / 7}
    )
    none = extract.replace(forecast=extract["forecast"].with_columns(quantity=pl.lit(0.0)))
    idle = soe.plan(none)
    with pytest.raises(DataError, match="sells or buys nothing"):
        cash_to_cash(cash_curve(idle, none), idle, none["items"])


def test_what_is_still_open_at_the_start_comes_on_top(tmp_path: Path) -> None:
    blank = {"item": "A", "location": "W"}
    actuals = [
        {"date": MONDAY - timedelta(days=3), "measure": "sales", **blank, "quantity": 9, "amount": 100},
        {"date": MONDAY - timedelta(days=8), "measure": "sales", **blank, "quantity": 9, "amount": 77},
        {"date": MONDAY - timedelta(days=1), "measure": "buy", **blank, "quantity": 9, "amount": 50},
        {"date": MONDAY - timedelta(days=5), "measure": "buy", **blank, "quantity": 9, "amount": 33},
    ]
    extract = trader(tmp_path, actuals=actuals)
    plan = soe.plan(extract)
    curve = cash_curve(plan, extract)
    # the sale of the 2nd is due on the 9th, the purchase of the 4th on the 7th; the older ones are paid
    assert by_day(curve, "net")[:5] == [0, 0, -50, -5, 95]
    assert by_day(curve, "receivables")[:5] == [112, 124, 136, 148, 60]
    assert by_day(curve, "payables")[:4] == [55, 60, 15, 15]
    assert curve.total == 4900 + 5000
    assert cash_curve(plan, extract, opening=False).total == 4900
    assert [note for note in curve.notes if "ship" in note], "no shipments are known"


def test_capital_charges_are_no_payments_but_storage_is(tmp_path: Path) -> None:
    # 3 units in stock for a week: capital 0.1 × 5, storage 2 a unit of volume, both per year
    held: Rows = [{"item": "A", "location": "W", "on_hand": 3}]
    policies: Rows = [{"item": "A", "location": "W", "end_stock": 3}]
    rooms: Rows = [{"location": "W", "kind": "warehouse", "storage_cost": 2}]
    extract = trader(tmp_path, inventory=held, policies=policies, locations=rooms)
    plan = soe.plan(extract)
    charge, storage = 3 * 0.5 * 7 / 365, 3 * 2 * 7 / 365
    assert plan.ledger.accounts()["holding"] == pytest.approx(-charge - storage)
    curve = cash_curve(plan, extract)
    assert curve.total == round((49 - storage) * 100)
    assert curve.notes[0] == "Capital charges of 0.03 on stock are no payments."
    dear = extract.replace(items=extract["items"].with_columns(holding_cost=pl.lit(0.5)))
    assert cash_curve(soe.plan(dear), dear).total == round((49 - storage - charge) * 100), "a real cost is a payment"


def test_terms_that_make_no_sense_are_refused(tmp_path: Path) -> None:
    extract = trader(tmp_path)
    plan = soe.plan(extract)
    with pytest.raises(DataError, match="terms of -1 and 3 days"):
        cash_curve(plan, extract, terms=Terms(-1, 3))
    with pytest.raises(FormulationError, match="not by 'year'"):
        cash_curve(plan, extract).table("year")  # type: ignore[arg-type]
    at_once = cash_curve(plan, extract, terms=Terms(0, 0))
    assert by_day(at_once, "net") == [7] * 7
    assert by_day(at_once, "receivables") == [0] * 7


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 90), st.integers(0, 90), st.floats(0.01, 1e6, allow_nan=False))
def test_balances_always_run_out_and_cash_adds_up(receivable: int, payable: int, price: float) -> None:
    extract = COMPANY[0]
    plan = COMPANY[1]
    lines = plan.ledger.lines
    sold = pl.col("account") == "revenue"
    scaled = lines.with_columns(amount=pl.when(sold).then(pl.col("amount") * price).otherwise(pl.col("amount") / 3))

    class Priced:
        name, flows, periods, items = "priced", plan.flows, plan.periods, plan.items
        ledger = type(plan.ledger)(scaled, items=plan.items, periods=plan.periods)

    curve = cash_curve(Priced(), extract, terms=Terms(receivable, payable))
    assert curve.total == round(Priced.ledger.cash * 100)
    last = curve.rows.tail(1)
    assert (last["receivables"].item(), last["payables"].item()) == (0, 0)
    assert int(curve.rows["receivables"].min()) >= 0


@pytest.fixture(scope="module", autouse=True)
def _company(tmp_path_factory: pytest.TempPathFactory) -> None:
    extract = trader(tmp_path_factory.mktemp("company"))
    COMPANY[:] = [extract, soe.plan(extract)]


COMPANY: list = []


def two_months(folder: Path) -> Snapshot:
    """Four are sold in the last week of January, four in the first of February."""
    start = date(2026, 1, 26)
    forecast = [{"item": "A", "location": "W", "period": f"W{n}", "quantity": 4, "price": 12} for n in (1, 2)]
    rates = [
        {"currency": "USD", "month": "2026-01", "rate": 0.8},
        {"currency": "USD", "month": "2026-02", "rate": 0.5},
        {"currency": "JPY", "month": "2026-01", "rate": 0.006},
    ]
    settings = '[costs]\nper = "period"\n'
    return trader(folder, settings, periods=weeks(2, start), forecast=forecast, currencies=rates)


def test_each_month_at_its_own_rate(tmp_path: Path) -> None:
    extract = two_months(tmp_path)
    plan = soe.plan(extract)
    dollars = in_currency(plan, extract, "USD")
    # January 48 ÷ 0.8, February 48 ÷ 0.5; material 20 in each
    assert dict(dollars.ledger.where(pl.col("account") == "revenue").by("month").rows()) == {
        "2026-01": 60,
        "2026-02": 96,
    }
    assert dollars.margin == pytest.approx(28 / 0.8 + 28 / 0.5)
    assert statement(dollars, "month", reading="cash").cents("cash margin") == 9100
    assert in_currency(plan, extract, "EUR").margin == plan.margin
    budget = extract["currencies"].with_columns(rate=pl.lit(1.0))
    assert in_currency(plan, extract, "USD", rates=budget).margin == pytest.approx(plan.margin)


def test_a_month_without_a_rate_stops(tmp_path: Path) -> None:
    extract = two_months(tmp_path)
    plan = soe.plan(extract)
    with pytest.raises(DataError, match=r"2 of 4 money lines .* months without a rate of JPY: 2026-02"):
        in_currency(plan, extract, "JPY")
    with pytest.raises(DataError, match=r"no rate of 'USS' .*USD"):
        in_currency(plan, extract, "USS")
    for rate in (0.0, None):
        rates = extract["currencies"].with_columns(rate=pl.lit(rate, dtype=pl.Float64))
        with pytest.raises(DataError, match="is not above 0"):
            in_currency(plan, extract, "USD", rates=rates)
    twice = pl.concat([extract["currencies"]] * 2)
    with pytest.raises(DataError, match="2 months have two rates"):
        in_currency(plan, extract, "USD", rates=twice)


def test_a_bridge_in_another_currency_tells_rates_from_the_rest(tmp_path: Path) -> None:
    # in dollars: 4 a week at 12 less 5; the budget's dollar is 0.50 all along, this year's 0.80 in January, 0.50 after
    extract = two_months(tmp_path)
    base = two_months(tmp_path / "base")
    fewer = base.replace(forecast=base["forecast"].with_columns(quantity=pl.lit(2.0)))
    budgeted = extract["currencies"].with_columns(rate=pl.lit(0.5))
    before = in_currency(soe.plan(fewer, name="budget"), fewer, "USD", rates=budgeted)
    plan = soe.plan(extract)
    now, same = in_currency(plan, extract, "USD"), in_currency(plan, extract, "USD", rates=budgeted)
    found = bridge(before, now, at_base_rates=same, by=("item",))
    # volume: twice 28 / 0.5 instead of twice 14 / 0.5; currency: 28 / 0.8 − 28 / 0.5
    assert dict(found.steps.select("driver", "amount").iter_rows()) == {"volume": 5600, "currency": -2100}
    assert (found.start, found.end, found.residual) == (5600, 9100, 0)
