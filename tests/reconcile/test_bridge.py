"""Bridges: published variances, each formula by hand, and residual 0 whatever the plans are."""

from __future__ import annotations

from typing import get_args

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soe_lib.errors import FormulationError, ReconciliationError
from soe_lib.money.reconciliation import Bridge, Convention, bridge
from soe_lib.money.rounding import whole
from tests.ledgers import Rows, Written, plan

CONVENTIONS: tuple[Convention, ...] = get_args(Convention)


def steps(found: Bridge) -> dict[str, float]:
    return dict(found.table().select("driver", "amount").iter_rows())


def costed(name: str, units: dict[str, float], price: dict[str, float], cost: dict[str, float]) -> Written:
    """Sales of a few items, with material at exactly their standard cost."""
    items = [{"item": item, "family": "F", "standard_cost": cost[item]} for item in cost]
    sold = [{"item": item, "quantity": units[item], "price": price[item]} for item in units]
    material = sum(units[item] * cost[item] for item in units)
    return Written(name, sold, [{"account": "material", "amount": -material}], items=items)


def test_products_e_and_f() -> None:
    # Gleim, sales mix and quantity variance, https://www.gaodun.com/q/c013gl: contribution 4.50 and 10.00 a unit,
    # 5,500 and 4,500 budgeted, 6,000 and 6,000 sold: mix 3,300 F, quantity 13,950 F, volume 17,250 F
    price, cost = {"E": 10.0, "F": 20.0}, {"E": 5.5, "F": 10.0}
    budget = costed("budget", {"E": 5500.0, "F": 4500.0}, price, cost)
    actual = costed("actual", {"E": 6000.0, "F": 6000.0}, price, cost)
    found = bridge(budget, actual)
    assert steps(found) == {"volume": 13950.0, "mix": 3300.0}
    by_item = {(d, i): a for d, i, a in found.by("item").iter_rows()}
    # E: 2,000 more units at 55 % × 4.50 = 4,950; mix (6,000 − 6,600) × 4.50 = −2,700; F: 9,000 and 600 × 10 = 6,000
    assert by_item == {
        ("volume", "E"): 495000, ("volume", "F"): 900000, ("mix", "E"): -270000, ("mix", "F"): 600000,
    }  # fmt: skip


def test_products_x_and_y() -> None:
    # OpenTuition PM, https://opentuition.com/topic/variances-f5-2: contribution 9 and 12, 7,000 and 3,000 budgeted,
    # 8,000 and 7,000 sold: mix 7,500 F, quantity 49,500 F
    price, cost = {"X": 19.0, "Y": 42.0}, {"X": 10.0, "Y": 30.0}
    budget = costed("budget", {"X": 7000.0, "Y": 3000.0}, price, cost)
    actual = costed("actual", {"X": 8000.0, "Y": 7000.0}, price, cost)
    assert steps(bridge(budget, actual)) == {"volume": 49500.0, "mix": 7500.0}


def test_volume_at_base_price_and_price_at_actual_quantity() -> None:
    # CPA BAR 5.4 (MasteryEducation/CPAExamsMastery.com): 10,000 at 50 → 12,000 at 53: volume 100,000, price 36,000
    base = Written("budget", [{"item": "A", "quantity": 10000, "price": 50}], [])
    other = Written("actual", [{"item": "A", "quantity": 12000, "price": 53}], [])
    for convention in CONVENTIONS:
        assert steps(bridge(base, other, convention=convention)) == {"volume": 100000.0, "price": 36000.0}


def marginal(name: str, units: float, revenue: float, material: float, labour: float, fixed: float) -> Written:
    items = [{"item": "A", "family": "F", "standard_cost": 32.0}]
    money = [
        {"account": "material", "amount": -material},
        {"account": "conversion", "amount": -labour},
        {"account": "fixed", "amount": -fixed},
    ]
    return Written(name, [{"item": "A", "quantity": units, "price": revenue / units}], money, items=items)


def test_budget_profit_1000_to_actual_profit_1350() -> None:
    # Marginal costing, 2,000 units budgeted and 2,400 sold, https://askfilo.com question 3338303539353032: volume
    # 6,200 F, price 1,000 F, material 6,150 F − 9,450 A, labour −750 A − 1,800 A, fixed −1,000 A
    budget = marginal("budget", 2000, 2000 * 47.5, 2000 * 14.0, 2000 * 18.0, 30000)
    actual = marginal("actual", 2400, 115000, 36900, 45750, 31000)
    found = bridge(budget, actual)
    assert (found.start, found.end, found.residual) == (100000, 135000, 0)
    assert steps(found) == {
        "volume": 6200.0, "price": 1000.0, "material": 6150.0 - 9450.0, "conversion": -750.0 - 1800.0, "fixed": -1000.0,
    }  # fmt: skip


def test_the_two_conventions_differ_in_where_a_dearer_mix_is_shown() -> None:
    # 10 A at 10 (cost 4) and 10 B at 20 (cost 6) → 5 A and 15 B. Average price 15 → 17.50.
    price, cost = {"A": 10.0, "B": 20.0}, {"A": 4.0, "B": 6.0}
    base = costed("base", {"A": 10.0, "B": 10.0}, price, cost)
    other = costed("other", {"A": 5.0, "B": 15.0}, price, cost)
    # at base margin: −5 × 6 + 5 × 14 = 40, cost as it should be
    assert steps(bridge(base, other)) == {"mix": 40.0}
    # as average price, volume by item cancels: −5 and +5 units at 10 each; 20 units × 2.50 = 50, and the dearer mix costs 5 × 4 − 5 × 6 = −10 more material
    assert steps(bridge(base, other, convention="mix as average price")) == {
        "volume": 0.0, "mix": 50.0, "material": -10.0,
    }  # fmt: skip


def test_a_new_product_is_mix_and_a_dropped_one_is_too() -> None:
    # 10 A at 10 → 10 N at 12, no costs: no unit more or less, so it is all mix; N has no price before
    base = Written("base", [{"item": "A", "quantity": 10, "price": 10}], [])
    other = Written("other", [{"item": "N", "quantity": 10, "price": 12}], [])
    assert steps(bridge(base, other)) == {"mix": 20.0}


def test_a_base_that_sells_nothing_is_all_volume() -> None:
    base = Written("base", [], [{"account": "fixed", "amount": -5.0}])
    other = Written("other", [{"item": "A", "quantity": 10, "price": 10}], [{"account": "material", "amount": -30.0}])
    for convention in CONVENTIONS:
        assert steps(bridge(base, other, convention=convention)) == {"volume": 100.0, "material": -30.0, "fixed": 5.0}


def test_another_that_sells_nothing_loses_the_whole_contribution() -> None:
    base = Written("base", [{"item": "A", "quantity": 10, "price": 10}], [{"account": "material", "amount": -40.0}])
    other = Written("other", [], [])
    for convention in CONVENTIONS:
        assert steps(bridge(base, other, convention=convention)) == {"volume": -60.0}


def test_accounts_that_do_not_scale_are_compared_in_full() -> None:
    money = (
        "overtime",
        "changeover",
        "expediting",
        "holding",
        "penalties",
        "write-offs",
        "fixed",
        "workforce",
        "steam",
    )
    base = Written(
        "base", [{"item": "A", "quantity": 10, "price": 10}], [{"account": a, "amount": -10.0} for a in money]
    )
    other = Written(
        "other", [{"item": "A", "quantity": 20, "price": 10}], [{"account": a, "amount": -11.0} for a in money]
    )
    assert steps(bridge(base, other)) == {"volume": 100.0} | dict.fromkeys(money, -1.0)


def test_end_value_is_a_step_and_steering_is_none() -> None:
    end = {"account": "end value", "kind": "inventory"}
    lost = {"account": "goodwill", "kind": "steering"}
    base = Written("base", [], [{**end, "amount": 5.0}, {**lost, "amount": -100.0}])
    other = Written("other", [], [{**end, "amount": 8.0}, {**lost, "amount": -900.0}])
    assert steps(bridge(base, other)) == {"end value": 3.0}


def test_money_of_revenue_without_units_is_price() -> None:
    base = Written("base", [{"item": "A", "quantity": 10, "price": 10}], [])
    bonus = {"account": "revenue", "flow": "bonus", "item": "A", "customer": "C", "location": "L", "amount": -7.0}
    other = Written("other", [{"item": "A", "quantity": 10, "price": 10}], [bonus])
    assert steps(bridge(base, other)) == {"price": -7.0}


def test_price_and_mix_are_told_apart_by_the_keys_asked_for() -> None:
    # one family, two items: by family a dearer item looks like price
    items: list[dict[str, object]] = [{"item": i, "family": "F", "standard_cost": 0.0} for i in "AB"]
    base = Written(
        "base",
        [{"item": "A", "quantity": 10, "price": 10}, {"item": "B", "quantity": 10, "price": 20}],
        [],
        items=items,
    )
    other = Written(
        "other",
        [{"item": "A", "quantity": 5, "price": 10}, {"item": "B", "quantity": 15, "price": 20}],
        [],
        items=items,
    )
    assert steps(bridge(base, other)) == {"mix": 50.0}
    assert steps(bridge(base, other, by=("family",))) == {"price": 50.0}
    assert bridge(base, other).by("family").rows() == [("mix", "F", 5000)]


def test_items_without_a_standard_cost_take_the_mean_and_it_is_said() -> None:
    items: Rows = [
        {"item": "A", "family": "F", "standard_cost": 4.0},
        {"item": "B", "family": "F", "standard_cost": None},
    ]
    sold = [{"item": "A", "quantity": 10, "price": 10}, {"item": "B", "quantity": 10, "price": 10}]
    base = Written("base", sold, [{"account": "material", "amount": -80.0}], items=items)
    other = Written(
        "other", [{**row, "quantity": 20} for row in sold], [{"account": "material", "amount": -160.0}], items=items
    )
    found = bridge(base, other)
    assert steps(found) == {"volume": 120.0}
    assert "1 items sold (30 units) have no standard cost: the mean of the others is used." in found.notes


def test_the_table_has_share_cumulative_and_the_formula_in_figures() -> None:
    budget = marginal("budget", 2000, 2000 * 47.5, 2000 * 14.0, 2000 * 18.0, 30000)
    actual = marginal("actual", 2400, 115000, 36900, 45750, 31000)
    table = bridge(budget, actual).table()
    assert table["cumulative"][-1] == 1350.0
    assert table["share"].sum() == pytest.approx(1.0)
    assert table["formula"][0] == "(Q1/Q0 − 1) · CM0 = (2,400/2,000 − 1) · 31,000.00"
    assert "A1 − A0 · f = −36,900.00 − (−28,000.00) · 1.200000" in table["formula"].to_list()
    assert "residual 0.00" in repr(bridge(budget, actual))


def test_plans_of_different_days_are_refused_with_the_way_out() -> None:
    base, other = Written("S&OP", [], []), Written("this week", [], [], weeks_long=5)
    with pytest.raises(
        ReconciliationError, match=r"S&OP: 2026-11-16 to 2026-12-13; this week: 2026-11-16 to 2026-12-20"
    ):
        bridge(base, other)
    with pytest.raises(ReconciliationError, match='window="common"'):
        bridge(base, other)


def test_unknown_conventions_and_keys_are_refused() -> None:
    one = Written("one", [{"item": "A", "quantity": 1, "price": 1}], [])
    with pytest.raises(FormulationError, match="choose one of mix at base margin"):
        bridge(one, one, convention="mine")  # type: ignore[arg-type]
    with pytest.raises(FormulationError, match="'colour'"):
        bridge(one, one, by=("colour",))
    with pytest.raises(FormulationError, match="at least one key"):
        bridge(one, one, by=())
    with pytest.raises(FormulationError, match="no column 'colour'"):
        bridge(one, one).by("colour")


def test_a_bridge_with_a_gap_cannot_exist() -> None:
    good = bridge(Written("a", [], []), Written("b", [{"item": "A", "quantity": 1, "price": 1}], []))
    values = {name: getattr(good, name) for name in Bridge.__dataclass_fields__}
    with pytest.raises(ReconciliationError, match="leaves 1 minor units unexplained"):
        Bridge(**{**values, "end": good.end + 1})
    with pytest.raises(ReconciliationError, match="do not add up to their step"):
        Bridge(**{**values, "detail": good.detail.with_columns(pl.col("amount") + 1)})


W = [f"2026-W{n}" for n in (47, 48, 49, 50)]


def making(name: str, as_of_week: int, opening: float, stock: list[float]) -> object:
    """Sells 10 A a week at 3, holds stock, starts at a later week than the other."""
    from datetime import timedelta

    from tests.ledgers import MONDAY

    weeks = [f"2026-W{47 + as_of_week + n}" for n in range(len(stock))]
    place = {"item": "A", "location": "L"}
    sale = {**place, "customer": "C", "order": ""}
    return plan(
        {
            "open": [{**place, "quantity": opening}],
            "sell": [{**sale, "due": w, "period": w, "quantity": 10} for w in weeks],
            "stock": [{**place, "period": w, "quantity": q} for w, q in zip(weeks, stock, strict=True)],
            "leave": [{**place, "quantity": stock[-1]}],
        },
        {
            "sell": [{**sale, "due": w, "period": w, "account": "revenue", "per_unit": 3.0} for w in weeks],
            "stock": [{**place, "period": w, "account": "holding", "per_unit": -0.5} for w in weeks],
            "leave": [{**place, "account": "end value", "kind": "inventory", "per_unit": 2.0}],
        },
        name=name, as_of=MONDAY + timedelta(days=7 * as_of_week), weeks_long=len(stock),
    )  # fmt: skip


def test_plans_of_two_weeks_are_compared_on_the_days_they_share() -> None:
    # last week's plan: W47–W49, stock 40, 30, 20; this week's: W48–W50, opens with 25 instead of 40, stock 15, 5, 0.
    # Shared: W48 and W49. Last: 60 sold − 25 held + 20 left × 2 − 40 opening × 2 = −5.
    # This: 60 − 10 + 5 × 2 − 25 × 2 = 10. The steps: holding 15, opening stock 30, end value −30.
    last, this = making("last", 0, 50, [40, 30, 20]), making("this", 1, 25, [15, 5, 0])
    found = bridge(last, this, window="common")  # type: ignore[arg-type]
    assert (found.start, found.end) == (-500, 1000)
    assert steps(found) == {"holding": 15.0, "opening stock": 30.0, "end value": -30.0}
    assert found.window is not None
    assert [str(day) for day in found.window] == ["2026-11-23", "2026-12-06"]


def test_a_week_cut_by_the_window_counts_by_its_days() -> None:
    # 3 of W47's 7 days: 10 units × 3/7 at 3
    from datetime import date

    from soe_lib.money.window import cut

    found = cut(making("last", 0, 50, [40, 30, 20]), (date(2026, 11, 20), date(2026, 11, 29)))  # type: ignore[arg-type]
    assert found.ledger.accounts()["revenue"] == pytest.approx(30 * 3 / 7 + 30)
    assert found.flows["sell"]["quantity"].sum() == pytest.approx(10 * 3 / 7 + 10)
    with pytest.raises(ReconciliationError, match="not all of"):
        cut(making("last", 0, 50, [40, 30, 20]), (date(2026, 11, 1), date(2026, 11, 20)))  # type: ignore[arg-type]


def test_plans_without_a_day_in_common_are_refused() -> None:
    with pytest.raises(ReconciliationError, match="share no day"):
        bridge(making("a", 0, 5, [1.0]), making("b", 3, 5, [1.0]), window="common")  # type: ignore[arg-type]


SOLD = st.lists(
    st.fixed_dictionaries(
        {
            "item": st.sampled_from(["A", "B", "C"]),
            "customer": st.sampled_from(["C", "D"]),
            "quantity": st.floats(0, 1e4) | st.just(0.0),
            "price": st.floats(0.01, 100),
        }
    ),
    max_size=8,
    unique_by=lambda row: (row["item"], row["customer"]),
)
SPENT = st.lists(
    st.fixed_dictionaries(
        {
            "account": st.sampled_from(["material", "conversion", "freight", "holding", "fixed", "end value", "steam"]),
            "item": st.sampled_from(["A", "B", "Z"]),
            "amount": st.floats(-1e5, 1e5),
        }
    ),
    max_size=10,
)


@settings(max_examples=150, deadline=None)
@given(
    SOLD,
    SPENT,
    SOLD,
    SPENT,
    st.sampled_from(CONVENTIONS),
    st.sampled_from([("item",), ("item", "customer"), ("family",)]),
)
def test_every_bridge_closes(
    sold0: list[dict[str, object]],
    spent0: list[dict[str, object]],
    sold1: list[dict[str, object]],
    spent1: list[dict[str, object]],
    convention: Convention,
    by: tuple[str, ...],
) -> None:
    items = [
        {"item": i, "family": f, "standard_cost": c} for i, f, c in (("A", "F", 2.0), ("B", "F", 5.0), ("C", "G", None))
    ]
    kinds = {"end value": "inventory"}
    plans = [
        Written(name, sold, [{**row, "kind": kinds.get(str(row["account"]), "cash")} for row in spent], items=items)
        for name, sold, spent in (("base", sold0, spent0), ("other", sold1, spent1))
    ]
    found = bridge(*plans, convention=convention, by=by)
    assert found.residual == 0
    assert (found.start, found.end) == tuple(int(whole(p.ledger.margin * 100)[0]) for p in plans)
    assert found.detail["amount"].sum() == found.end - found.start
