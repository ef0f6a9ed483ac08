"""Statement: finance's order, both readings and how they tie, sums of what is shown."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soe_lib.errors import FormulationError
from soe_lib.money.profit_and_loss import statement
from soe_lib.money.reconciliation import bridge
from soe_lib.money.window import moves
from soe_lib.store.plan import Plan
from tests.ledgers import Written, plan

W47, W48 = "2026-W47", "2026-W48"


def example() -> Plan:
    """Opens with 10 A, makes 20 in W47 at 4, sells 12 in W47 and 8 in W48 at 10; 10 are left, valued 5 each."""
    place = {"item": "A", "location": "L"}
    sale = {**place, "customer": "C", "order": ""}
    return plan(
        {
            "open": [{**place, "quantity": 10}],
            "make": [{"routing": "R", "period": W47, "quantity": 20}],
            "sell": [
                {**sale, "due": W47, "period": W47, "quantity": 12},
                {**sale, "due": W48, "period": W48, "quantity": 8},
            ],
            "stock": [{**place, "period": W47, "quantity": 18}, {**place, "period": W48, "quantity": 10}],
            "leave": [{**place, "quantity": 10}],
        },
        {
            "make": [{"routing": "R", "period": W47, "account": "conversion", "per_unit": -4.0, **place}],
            "sell": [{**sale, "due": w, "period": w, "account": "revenue", "per_unit": 10.0} for w in (W47, W48)],
            "stock": [{**place, "period": w, "account": "holding", "per_unit": -0.1} for w in (W47, W48)],
            "leave": [{**place, "account": "end value", "kind": "inventory", "per_unit": 5.0}],
        },
    )


def test_the_statement_reads_from_revenue_to_margin() -> None:
    # revenue 200, conversion −80, holding −2.80 → cash 117.20; end value 50 → margin 167.20
    # stock 10 → 10 at standard cost 6: no change, accrual 117.20
    found = statement(example())
    assert found.lines == (
        "revenue", "conversion", "holding", "cash margin", "stock change at standard cost", "accrual margin",
        "end value", "margin", "margin and steering",
    )  # fmt: skip
    assert found.table()["this week's plan"].to_list() == [200.0, -80.0, -2.8, 117.2, 0.0, 117.2, 50.0, 167.2, 167.2]


def test_cash_and_accrual_tie_week_by_week() -> None:
    # W47: cash 120 − 80 − 1.80 = 38.20; stock +8 at 6 = 48 → 86.20. W48: 80 − 1 = 79; stock −8 = −48 → 31.
    found = statement(example(), "week")
    assert [found.cents("cash margin", group=g) for g in (W47, W48)] == [3820, 7900]
    assert [found.cents("stock change at standard cost", group=g) for g in (W47, W48)] == [4800, -4800]
    assert [found.cents("accrual margin", group=g) for g in (W47, W48)] == [8620, 3100]
    assert (
        found.cents("accrual margin") - found.cents("cash margin") == found.cents("stock change at standard cost") == 0
    )
    assert found.table()["total"].to_list() == statement(example()).table()["this week's plan"].to_list()


def test_each_reading_leaves_out_the_other() -> None:
    cash, accrual = statement(example(), reading="cash").lines, statement(example(), reading="accrual").lines
    assert "accrual margin" not in cash
    assert cash[-3:] == ("end value", "margin", "margin and steering")
    assert accrual == (
        "revenue",
        "conversion",
        "holding",
        "cash margin",
        "stock change at standard cost",
        "accrual margin",
    )


def test_receipts_already_ours_are_no_new_stock_but_purchases_are() -> None:
    place = {"item": "A", "location": "L"}
    flows = {
        "open": [{**place, "quantity": 5}],
        "receive": [
            {"receipt": "bought", "kind": "buy", **place, "period": W47, "quantity": 3},
            {"receipt": "shipped", "kind": "ship", **place, "period": W47, "quantity": 4},
        ],
        "stock": [{**place, "period": W47, "quantity": 12}],
        "leave": [{**place, "quantity": 14}],
    }
    found = moves(plan(flows, {}))
    assert found is not None
    # left 14 − opening 5 − under way and ours 4 = 5: the 3 bought and the 2 still under way at the end
    assert found.select("period", "quantity").rows() == [(W47, 3.0), ("beyond", 2.0)]


def test_plans_stand_side_by_side_with_their_difference() -> None:
    base = Written("budget", [{"item": "A", "quantity": 10, "price": 5}], [{"account": "fixed", "amount": -7.25}])
    other = Written("plan", [{"item": "A", "quantity": 12, "price": 5}], [{"account": "material", "amount": -3.5}])
    found = statement([base, other], reading="cash").table(difference=True)
    assert found.filter(pl.col("section") == "account").select("line", "budget", "plan", "difference").rows() == [
        ("revenue", 50.0, 60.0, 10.0),
        ("material", 0.0, -3.5, -3.5),
        ("fixed", -7.25, 0.0, 7.25),
    ]


def test_a_plan_without_stock_has_no_accrual_reading_and_says_so() -> None:
    base = Written("budget", [{"item": "A", "quantity": 10, "price": 5}], [])
    found = statement([base, example()])
    assert "budget has no stock" in "".join(found.notes)
    assert found.table().filter(pl.col("line") == "accrual margin")["budget"].to_list() == [None]


def test_items_without_a_standard_cost_are_counted() -> None:
    one = example()
    bare = Plan(**{**{f: getattr(one, f) for f in one.__dataclass_fields__}, "items": pl.DataFrame({"item": ["A"]})})
    found = statement(bare)
    assert "1 items without a standard cost leave 16 units of stock unvalued" in "".join(found.notes)
    assert "accrual margin" not in found.lines
    given = statement(bare, "week", standard_cost=pl.DataFrame({"item": ["A"], "standard_cost": [2.0]}))
    assert given.cents("stock change at standard cost", group=W47) == 1600


def test_plans_of_one_name_and_unknown_lines_are_refused() -> None:
    with pytest.raises(FormulationError, match="need different names"):
        statement([example(), example()])
    with pytest.raises(FormulationError, match="no 'turnover'"):
        statement(example()).cents("turnover")
    with pytest.raises(FormulationError, match="no column 'colour'"):
        statement(example(), "colour")


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["revenue", "material", "freight", "end value", "goodwill"]),
            st.sampled_from([W47, W48, "2026-W50"]),
            st.floats(-1e5, 1e5, allow_nan=False),
        ),
        min_size=1,
        max_size=30,
    )
)
def test_whatever_is_shown_adds_up(rows: list[tuple[str, str, float]]) -> None:
    kind = {"end value": "inventory", "goodwill": "steering"}
    money = [{"account": a, "kind": kind.get(a, "cash"), "period": p, "amount": m} for a, p, m in rows]
    found = statement(Written("any", [], money), "month", reading="cash")
    for group in found.groups:
        cell = dict(found.rows.filter(pl.col("group") == group).select("line", "cents").iter_rows())
        cash = sum(cell.get(line, 0) for line in ("revenue", "material", "freight"))
        assert cell["cash margin"] == cash
        assert cell["margin"] == cash + cell.get("end value", 0)
        assert cell["margin and steering"] == cell["margin"] + cell.get("goodwill", 0)
    whole = statement(Written("any", [], money), reading="cash")
    assert all(found.cents(line) == whole.cents(line) for line in whole.lines)


def test_the_accrual_margin_is_the_one_that_a_bridge_ends_at() -> None:
    # cash 0.004 and a stock of 10 more at 0.0004: 0.008 is a cent, though neither part is one
    place = {"item": "A", "location": "L"}
    made = plan(
        {"stock": [{**place, "period": W47, "quantity": 10}], "leave": [{**place, "quantity": 10}],
         "make": [{"routing": "R", "period": W47, "quantity": 10}]},
        {"make": [{"routing": "R", "period": W47, "account": "revenue", "per_unit": 0.0004, **place}]},
    )  # fmt: skip
    costs = pl.DataFrame({"item": ["A"], "standard_cost": [0.0004]})
    found = statement(made, standard_cost=costs, reading="accrual")
    assert found.cents("accrual margin") == 1
    nothing = Written("nothing", [], [])
    assert bridge(nothing, made, reading="accrual", standard_cost=costs).end == 1
