"""Standard-cost variances: published cases, each formula by hand, and a statement that always closes."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soe_lib.errors import DataError, FormulationError, ReconciliationError
from soe_lib.money.variances import OperatingStatement, standard_variances


def frame(*rows: dict[str, Any]) -> pl.DataFrame:
    return pl.DataFrame(list(rows))


def amounts(found: OperatingStatement, *columns: str) -> dict[tuple[str, ...], float]:
    return {tuple(row[:-1]): row[-1] for row in found.by(*columns).iter_rows()}


SOLD = {"product": "A", "budget_quantity": 2000, "actual_quantity": 2400, "budget_price": 47.5, "standard_cost": 32.0}


def marginal(**changes: Any) -> OperatingStatement:
    # Marginal costing, 2,000 units budgeted and 2,400 made and sold (askfilo.com, question 3338303539353032)
    material = {
        "material": "M", "product": "A", "standard_quantity": 2400 * 4, "standard_price": 3.5, "used": 12300, "paid": 36900,
    }  # fmt: skip
    labour = {
        "grade": "L",
        "product": "A",
        "standard_hours": 2400 * 3,
        "standard_rate": 6,
        "hours": 7500,
        "paid": 45750,
    }
    given = {
        "sales": frame({**SOLD, "revenue": 115000}),
        "materials": frame(material),
        "labour": frame(labour),
        "fixed_overhead": frame({"pool": "fixed", "budget": 30000, "paid": 31000}),
    }
    return standard_variances(**(given | changes))


def test_budget_profit_1000_to_actual_profit_1350() -> None:
    found = marginal()
    assert (found.start, found.end, found.residual) == (100000, 135000, 0)
    printed = {
        "sales volume": 6200, "sales price": 1000, "material price": 6150, "material usage": -9450, "labour rate": -750,
        "labour efficiency": -1800, "fixed overhead spending": -1000,
    }  # fmt: skip
    assert {name: found[name] for name in printed} == printed
    assert found["material"] == -3300
    assert found.notes == ()


def test_the_statement_reads_from_budget_to_actual() -> None:
    table = marginal().table()
    assert table["line"].to_list() == [
        "budget profit", "sales quantity", "sales mix", "sales price", "material price", "material usage", "labour rate",
        "labour efficiency", "fixed overhead spending", "actual profit",
    ]  # fmt: skip
    assert table["cumulative"].to_list() == [1000, 7200, 7200, 8200, 14350, 4900, 4150, 2350, 1350, 1350]
    assert table.filter(pl.col("line") == "labour rate")["formula"].item() == "(standard − actual rate) × actual hours"


def test_products_e_and_f() -> None:
    # Gleim (gaodun.com/q/c013gl): contribution 4.50 and 10.00; mix 3,300 F and volume 17,250 printed
    found = standard_variances(
        sales=frame(
            {"product": "E", "budget_quantity": 5500, "actual_quantity": 6000, "contribution": 4.5},
            {"product": "F", "budget_quantity": 4500, "actual_quantity": 6000, "contribution": 10.0},
        )
    )
    assert (found["sales mix"], found["sales quantity"], found["sales volume"]) == (3300, 13950, 17250)
    # E: 2,000 more units at 55 % × 4.50, mix (6,000 − 6,600) × 4.50; F: 45 % × 10.00, (6,000 − 5,400) × 10.00
    by_product = amounts(found, "product")
    assert by_product["sales quantity", "E"] == 4950
    assert by_product["sales quantity", "F"] == 9000
    assert by_product["sales mix", "E"] == -2700
    assert by_product["sales mix", "F"] == 6000
    assert (found.start, found.end) == (6975000, 8700000)


def test_products_x_and_y() -> None:
    # OpenTuition PM (opentuition.com/topic/variances-f5-2): contribution 9 and 12; mix 7,500 F printed
    found = standard_variances(
        sales=frame(
            {"product": "X", "budget_quantity": 7000, "actual_quantity": 8000, "contribution": 9},
            {"product": "Y", "budget_quantity": 3000, "actual_quantity": 7000, "contribution": 12},
        )
    )
    assert (found["sales mix"], found["sales quantity"], found["sales volume"]) == (7500, 49500, 57000)


def test_overheads_of_meanwhile_products() -> None:
    # Meanwhile Products SE8 (homeworksource.com 1144898): 400 F, 4,500 U, 1,200 F, 2,800 U printed
    standard = 8000 * 2.8
    found = standard_variances(
        sales=frame({"product": "P", "budget_quantity": 8000, "actual_quantity": 8000, "contribution": 0}),
        variable_overhead=frame(
            {"pool": "variable", "standard_hours": standard, "standard_rate": 2.5, "hours": 24200, "paid": 60100}
        ),
        fixed_overhead=frame(
            {
                "pool": "fixed",
                "budget": 70000,
                "paid": 68800,
                "standard_rate": 3,
                "standard_hours": standard,
                "hours": 24200,
            }
        ),
        costing="absorption",
        outside="line",
    )
    assert found["variable overhead spending"] == 400
    assert found["variable overhead efficiency"] == -4500
    assert found["fixed overhead spending"] == 1200
    assert found["fixed overhead volume"] == -2800
    # capacity: 24,200 × 3 − 70,000; efficiency: (22,400 − 24,200) × 3
    assert found["fixed overhead capacity"] == 2600
    assert found["fixed overhead efficiency"] == -5400


def test_volume_at_budget_price_and_price_at_actual_quantity() -> None:
    # CPA BAR 5.4 (MasteryEducation/CPAExamsMastery.com): 10,000 at 50 → 12,000 at 53: volume 100,000, price 36,000
    found = standard_variances(
        sales=frame(
            {
                "product": "P",
                "budget_quantity": 10000,
                "actual_quantity": 12000,
                "budget_price": 50,
                "revenue": 12000 * 53,
            }
        )
    )
    assert (found["sales volume"], found["sales price"]) == (100000, 36000)
    assert (found.start, found.end) == (50000000, 63600000)


def test_material_bought_and_not_used() -> None:
    # 1,000 units at 4 kg of 2.00 = 8.00; bought 5,000 kg for 9,500 (1.90), used 4,200 kg. Price (2.00 − 1.90) × 5,000 =
    # 500, usage (4,000 − 4,200) × 2 = −400. Of the 500, 420 is in what was used and 80 waits in 800 kg of stock.
    sold = {"product": "A", "budget_quantity": 1000, "actual_quantity": 1000, "budget_price": 10, "standard_cost": 8}
    given = {
        "material": "kg",
        "standard_quantity": 4000,
        "standard_price": 2,
        "bought": 5000,
        "used": 4200,
        "paid": 9500,
    }
    at_standard = standard_variances(sales=frame(sold), materials=frame(given))
    assert (at_standard.start, at_standard.end) == (200000, 210000)
    assert (at_standard["material price"], at_standard["material usage"]) == (500, -400)
    line = {"material": "kg", "bought": 5000.0, "used": 4200.0, "price_variance": 500.0, "of_used": 420.0,
            "in_stock": 80.0, "stock_change": 1600.0}  # fmt: skip
    assert at_standard.inventory.to_dicts() == [pytest.approx(line)]
    at_actual = standard_variances(sales=frame(sold), materials=frame(given), stock="actual")
    assert at_actual["material in stock"] == -80  # 10,000 − 9,500 + 800 × 1.90 = 2,020
    assert at_actual.end == 202000
    expensed = standard_variances(sales=frame(sold), materials=frame(given), stock="expensed")
    assert (expensed["material in stock"], expensed.end) == (-1600, 50000)


def absorption(made: float) -> OperatingStatement:
    """100 budgeted, 90 sold; price 50, variable cost 20 (5 h at 4), fixed 10 a unit (5 h at 2) on a budget of 1,000."""
    hours, standard = 480.0, made * 5
    return standard_variances(
        sales=frame({"product": "A", "budget_quantity": 100, "actual_quantity": 90, "budget_price": 50,
                     "standard_cost": 20, "standard_fixed_cost": 10, "made": made}),
        labour=frame({"grade": "L", "standard_hours": standard, "standard_rate": 4, "hours": hours, "paid": 2000}),
        fixed_overhead=frame({"pool": "F", "budget": 1000, "paid": 1050, "standard_rate": 2, "standard_hours": standard,
                              "hours": hours}),
        costing="absorption",
    )  # fmt: skip


def test_absorption_costing_by_hand() -> None:
    # budget 100 × (50 − 20 − 10) = 2,000; volume −10 × 20 = −200; labour 480 × 4 − 2,000 = −80 and (475 − 480) × 4 = −20;
    # fixed −50 spending, 960 − 1,000 = −40 capacity, (475 − 480) × 2 = −10 efficiency; 5 made and not sold at 30
    found = absorption(95)
    assert found.start == 200000
    wanted = {"sales volume": -200, "labour rate": -80, "labour efficiency": -20, "fixed overhead spending": -50,
              "fixed overhead capacity": -40, "fixed overhead efficiency": -10}  # fmt: skip
    assert {name: found[name] for name in wanted} == wanted
    # 4,500 − 2,000 − 1,050 + 5 × 30
    assert found.end == 160000
    assert found.notes == ()


def test_marginal_costing_leaves_fixed_overhead_out_of_stock() -> None:
    found = marginal(fixed_overhead=frame({"pool": "F", "budget": 30000, "paid": 31000, "standard_rate": 5,
                                           "standard_hours": 7200, "hours": 7500}))  # fmt: skip
    assert found["fixed overhead volume"] == 0
    assert found.end == 135000


def test_cost_that_no_table_explains_is_noted_or_a_line() -> None:
    found = marginal(labour=None)
    assert found.notes == ("43,200.00 of standard cost is of inputs not given: assumed spent at standard.",)
    assert found.end == 135000 + 255000, "what labour cost more than its standard is not in it"
    line = marginal(labour=None, outside="line")
    assert line["cost outside the standards"] == 43200


def test_parts_without_sales_stand_alone() -> None:
    # two materials and nothing else: (2 − 1.90) × 5,000, (4,000 − 4,200) × 2; (10 − 11) × 30, (30 − 28) × 10
    found = standard_variances(
        materials=frame(
            {
                "material": "kg",
                "standard_quantity": 4000,
                "standard_price": 2,
                "used": 4200,
                "bought": 5000,
                "paid": 9500,
            },
            {"material": "box", "standard_quantity": 30, "standard_price": 10, "used": 28, "bought": 30, "paid": 330},
        )
    )
    assert amounts(found, "of") == {
        ("material price", "kg"): 500, ("material price", "box"): -30,
        ("material usage", "kg"): -400, ("material usage", "box"): 20,
    }  # fmt: skip
    assert (found.start, found.end) == (0, 9000)
    assert found.notes == ("No sales were given: profit is that of the variances alone.",)
    assert found.inventory["material"].to_list() == ["kg", "box"]
    with pytest.raises(DataError, match="no figures were given"):
        standard_variances()


def test_marginal_costing_says_what_it_leaves_out() -> None:
    pool = {"pool": "F", "budget": 1000, "paid": 1050, "standard_rate": 2, "standard_hours": 400, "hours": 450}
    found = standard_variances(fixed_overhead=frame(pool))
    assert (found["fixed overhead spending"], found["fixed overhead volume"]) == (-50, 0)
    assert any('costing="absorption"' in note for note in found.notes)
    full = standard_variances(fixed_overhead=frame(pool), costing="absorption")
    # 450 × 2 − 1,000 and (400 − 450) × 2
    assert (full["fixed overhead capacity"], full["fixed overhead efficiency"]) == (-100, -100)
    assert full["fixed overhead volume"] == -200


def test_what_is_missing_is_said() -> None:
    with pytest.raises(DataError, match="sales lacks actual_quantity"):
        standard_variances(sales=frame({"product": "A", "budget_quantity": 1}))
    with pytest.raises(DataError, match="sales lacks budget_price, or contribution to compute it from"):
        standard_variances(sales=frame({"product": "A", "budget_quantity": 1, "actual_quantity": 1}))
    labour = {"standard_hours": 1, "standard_rate": 1, "hours": 1}
    with pytest.raises(DataError, match=r"labour: 1 of 2 rows have no paid \(night\)"):
        marginal(labour=frame({"grade": "day", **labour, "paid": 1}, {"grade": "night", **labour, "paid": None}))
    with pytest.raises(DataError, match="the budget has no units"):
        standard_variances(sales=frame({**SOLD, "budget_quantity": 0}))
    with pytest.raises(FormulationError, match="no convention 'full'"):
        marginal(costing="full")
    with pytest.raises(FormulationError, match="no variance 'yield'"):
        marginal()["yield"]
    with pytest.raises(FormulationError, match="by product and of"):
        marginal().by("customer")


def test_a_statement_that_does_not_close_does_not_exist() -> None:
    found = marginal()
    with pytest.raises(ReconciliationError, match="leaves 1 minor units"):
        OperatingStatement(found.start, found.end + 1, found.rows, found.inventory, "marginal", "standard")


FIGURE = st.floats(0, 1e6).map(lambda value: round(value, 3))
POSITIVE = st.floats(0.001, 1e6).map(lambda value: round(value, 3))


def rows(
    key: str, figures: dict[str, st.SearchStrategy[float]], *, least: int = 0
) -> st.SearchStrategy[pl.DataFrame | None]:
    row = st.fixed_dictionaries({key: st.sampled_from("PQRS"), "product": st.sampled_from("XY"), **figures})
    return st.lists(row, min_size=least, max_size=4).map(lambda found: pl.DataFrame(found) if found else None)


HOURS = dict.fromkeys(["standard_hours", "standard_rate", "hours", "paid"], FIGURE)
GIVEN = st.fixed_dictionaries(
    {
        "sales": rows("product", {"budget_quantity": POSITIVE, "actual_quantity": FIGURE, "budget_price": FIGURE,
                                  "standard_cost": FIGURE, "standard_fixed_cost": FIGURE, "revenue": FIGURE,
                                  "made": FIGURE}, least=1),
        "materials": rows("material", dict.fromkeys(
            ["standard_quantity", "standard_price", "used", "bought", "paid"], FIGURE)),
        "labour": rows("grade", HOURS),
        "variable_overhead": rows("pool", HOURS),
        "fixed_overhead": rows("pool", HOURS | {"budget": FIGURE}),
        "other": rows("account", {"budget": FIGURE, "paid": FIGURE}),
        "costing": st.sampled_from(["marginal", "absorption"]),
        "stock": st.sampled_from(["standard", "actual", "expensed"]),
        "outside": st.sampled_from(["at standard", "line"]),
    }
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(GIVEN)
def test_whatever_the_figures_the_statement_closes(figures: dict[str, Any]) -> None:
    found = standard_variances(**figures)
    assert found.residual == 0
    table = found.table()
    assert table["cumulative"][-2] == pytest.approx(table["amount"][-1], abs=1e-6 + 1e-15 * abs(found.end))
    assert int(found.rows["amount"].sum()) == found.end - found.start
