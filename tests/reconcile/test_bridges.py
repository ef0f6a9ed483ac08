"""The walk from budget to actual: every driver by hand, the rounding and the currency step, and what is refused."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soe_lib.errors import FormulationError, ReconciliationError
from soe_lib.money.reconciliation import Walk, bridge, bridges
from tests.ledgers import Rows, Written

ITEMS: Rows = [
    {"item": "A", "family": "F", "standard_cost": 4.0},
    {"item": "B", "family": "G", "standard_cost": 10.0},
]


def plan(name: str, a: float, b: float, price: float = 10.0, **money: float) -> Written:
    """A at a price to customer X, B at 20 to customer Y; material at 4 and 10 a unit unless it is given."""
    sold = [
        {"item": "A", "customer": "X", "quantity": a, "price": price},
        {"item": "B", "customer": "Y", "quantity": b, "price": 20.0},
    ]
    costs = {"material": -4.0 * a - 10.0 * b} | money
    other = [{"account": account.replace("_", " "), "amount": amount} for account, amount in costs.items()]
    return Written(name, sold, other, items=ITEMS)


def walk() -> Walk:
    return bridges(
        [
            plan("budget", 100, 50),
            plan("S&OP", 120, 60),  # a fifth more of everything
            plan("last week's plan", 100, 70, overtime=-30, changeover=-5),  # 20 of A become 10 of B: fewer, dearer
            plan("this week's plan", 100, 70, price=9.5, freight=-12, expediting=-8, holding=-3, penalties=-2),
            plan("actual", 100, 70, price=9.5, material=-1150.0, freight=-12, expediting=-8, holding=-3, penalties=-2),
        ],
        by=("item", "customer"),
    )


def steps(found: Walk) -> dict[tuple[str, str], float]:
    rows = found.steps.filter(pl.col("amount") != 0)
    return {(to, driver): amount / 100 for to, driver, amount in rows.select("to", "driver", "amount").iter_rows()}


def test_from_budget_to_actual_by_hand() -> None:
    # Contribution 6 × 100 + 10 × 50 = 1,100. S&OP: a fifth more, 1,320. Then 170 of 180 units: volume (170/180 − 1) ×
    # 1,320 = −73.33, mix 6 × (100 − 113.33) + 10 × (70 − 56.67) = 53.33. Price 100 × −0.5. Actual material 50 dearer.
    found = walk()
    assert found.residual == 0
    assert all(one.residual == 0 for one in found.bridges)
    assert steps(found) == {
        ("S&OP", "volume"): 220,
        ("last week's plan", "volume"): -73.33,
        ("last week's plan", "mix"): 53.33,
        ("last week's plan", "overtime"): -30,
        ("last week's plan", "changeover"): -5,
        ("this week's plan", "price"): -50,
        ("this week's plan", "overtime"): 30,
        ("this week's plan", "changeover"): 5,
        ("this week's plan", "freight"): -12,
        ("this week's plan", "expediting"): -8,
        ("this week's plan", "holding"): -3,
        ("this week's plan", "penalties"): -2,
        ("actual", "material"): -50,
    }
    assert found.table()["cumulative"].to_list()[0] == 1100
    assert found.table().filter(pl.col("kind") == "plan")["amount"].to_list() == [1100, 1320, 1265, 1225, 1175]


def test_the_steps_are_drilled_down_to_family_and_customer_and_add_up_across() -> None:
    found = walk()
    fine = found.by("family", "customer")
    volume = fine.filter(pl.col("to") == "S&OP", pl.col("driver") == "volume")
    assert volume.select("family", "customer", "amount").rows() == [("F", "X", 12000), ("G", "Y", 10000)]
    coarse = fine.group_by("from", "to", "driver").agg(pl.col("amount").sum())
    both = coarse.join(found.steps, on=["from", "to", "driver"], suffix="_step")
    assert (both.height, both.filter(pl.col("amount") != pl.col("amount_step")).height) == (coarse.height, 0)
    across = {row["driver"]: row["total"] for row in found.drivers().to_dicts()}
    assert across["volume"] == 146.67
    assert sum(across.values()) == pytest.approx(75.0)


def test_ends_that_are_rounded_on_their_own_leave_a_cent_of_rounding() -> None:
    # 0.51 and 1.49 cents are 1 and 1, but 0.98 cents of change are 1
    found = bridge(plan("a", 0, 0, fixed=0.0051), plan("b", 0, 0, fixed=0.0149))
    assert (found.start, found.end, found.residual) == (1, 1, 0)
    assert dict(found.steps.select("driver", "amount").iter_rows()) == {"fixed": 1, "rounding": -1}
    assert "two rounded ends" in found.table().filter(pl.col("driver") == "rounding")["formula"].item()


def test_other_exchange_rates_are_a_step_of_their_own() -> None:
    # 100 sold at 10 and bought at 4 dollars; the dollar was 0.80, and is 0.90; beside it 10 more are sold
    base = plan("budget", 100, 0, material=-4 * 100 * 0.80)
    same = plan("actual", 110, 0, material=-4 * 110 * 0.80)
    other = plan("actual", 110, 0, material=-4 * 110 * 0.90)
    found = bridge(base, other, at_base_rates=same, by=("item",))
    got = {driver: amount / 100 for driver, amount in found.steps.select("driver", "amount").iter_rows()}
    # volume: 10 × (10 − 3.20); currency: 440 × −0.10
    assert got == {"volume": 68, "currency": -44}
    assert found.end == round((1100 - 440 * 0.9) * 100)
    blind = bridge(base, other, by=("item",))
    assert dict(blind.steps.select("driver", "amount").iter_rows()) == {"volume": 6800, "material": -4400}
    walked = bridges([base, other], at_base_rates={"actual": same}, by=("item",))
    assert dict(walked.steps.select("driver", "amount").iter_rows()) == {"volume": 6800, "currency": -4400}


def test_plans_that_do_not_fit_are_refused() -> None:
    with pytest.raises(FormulationError, match="at least two plans, not 1"):
        bridges([plan("a", 1, 1)])
    first, second = walk().bridges[:2]
    with pytest.raises(ReconciliationError, match="the next one, from budget"):
        Walk((second, first))
    short = Written("short", [{"item": "A", "quantity": 1, "price": 10}], [], weeks_long=3)
    with pytest.raises(ReconciliationError, match=r'cover different days .*window="common"'):
        bridges([plan("long", 1, 1), short])


def test_steps_that_cannot_be_counted_are_refused() -> None:
    huge = plan("b", 0, 0, fixed=1e17, workforce=-1e17)
    with pytest.raises(ReconciliationError, match=r"fixed, workforce overflows .* Compare plans of similar scale"):
        bridge(Written("a", [], []), huge)


MONEY = st.lists(
    st.tuples(
        st.sampled_from(["material", "conversion", "freight", "overtime", "penalties"]),
        st.floats(-1e6, 1e6, allow_nan=False),
    ),
    max_size=5,
)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 1e5), st.floats(0, 1e3), MONEY), min_size=2, max_size=5), st.booleans())
def test_every_walk_closes(drawn: list[tuple[float, float, list[tuple[str, float]]]], average: bool) -> None:
    plans = [
        Written(
            f"plan {place}", [{"item": "A", "quantity": units, "price": price}],
            [{"account": account, "amount": amount} for account, amount in money], items=ITEMS,
        )
        for place, (units, price, money) in enumerate(drawn)
    ]  # fmt: skip
    found = bridges(plans, convention="mix as average price" if average else "mix at base margin")
    assert found.residual == 0
    assert all(abs(amount) <= 1 for amount in found.steps.filter(pl.col("driver") == "rounding")["amount"])
