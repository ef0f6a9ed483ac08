"""The gate classifies what the solver says, and a plan exists only where the certificate holds."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import scipy.sparse as sp

import soe_lib as soe
from soe_lib.errors import DataError, FormulationError, SolveError
from soe_lib.model.canonical import Canonical
from soe_lib.model.certificate import certify
from soe_lib.model.model import Model
from soe_lib.model.solve import Gate, Options
from tests.networks import snapshot, weeks

INF = np.inf


def canonical(
    cost: list[float],
    matrix: list[list[float]],
    upper: list[float],
    *,
    equal: int = 0,
    ceiling: float = INF,
    floor: float = 0.0,
    integer: bool = False,
) -> Canonical:
    rows = np.asarray(upper, float)
    low = np.where(np.arange(len(rows)) < equal, rows, -INF)
    size = len(cost)
    return Canonical(
        matrix=sp.csc_array(np.asarray(matrix, float).reshape(len(rows), size)),
        cost=np.asarray(cost, float),
        row_lower=low,
        row_upper=rows,
        lower=np.full(size, floor),
        upper=np.full(size, ceiling),
        integer=np.full(size, integer),
        columns={"x": slice(0, size)},
        rows={"limit": slice(0, len(rows))},
    )


@pytest.mark.parametrize(
    ("program", "status"),
    [
        (canonical([-1.0], [[1.0], [-1.0]], [1.0, -2.0]), "infeasible"),
        (canonical([-1.0, 0.0], [[0.0, 1.0]], [1.0]), "unbounded"),
        (canonical([-1.0, 0.0], [[0.0, 1.0], [0.0, -1.0]], [1.0, -2.0]), "infeasible"),
        (canonical([-1.0], [[2.0], [-2.0]], [1.4, -0.8], ceiling=1.0, integer=True), "infeasible"),
        (canonical([-1.0, 0.0], [[0.0, 1.0]], [1.0], integer=True), "unbounded"),
    ],
)
def test_a_program_without_a_plan_is_classified(program: Canonical, status: str) -> None:
    with pytest.raises(SolveError) as refused:
        Gate(program).answer()
    assert refused.value.status == status


def test_no_time_is_a_limit_not_a_plan() -> None:
    generator = np.random.default_rng(1)
    size = 200
    program = canonical(
        (-generator.integers(1, 100, size)).tolist(),
        generator.integers(1, 100, (40, size)).tolist(),
        generator.integers(4000, 5000, 40).tolist(),
        ceiling=1.0,
        integer=True,
    )
    with pytest.raises(SolveError) as refused:
        Gate(program, Options(seconds=0.0)).answer()
    assert refused.value.status == "limit"


def test_an_incumbent_with_a_gap_is_feasible_and_says_how_far_the_bound_is() -> None:
    generator = np.random.default_rng(2)
    size = 60
    program = canonical(
        (-generator.integers(20, 100, size)).tolist(),
        generator.integers(1, 100, (30, size)).tolist(),
        generator.integers(1400, 1500, 30).tolist(),
        ceiling=1.0,
        integer=True,
    )
    answer = Gate(program, Options(seconds=3.0)).answer()
    assert answer.bound >= answer.objective - 1e-6
    assert answer.status == ("optimal" if answer.gap < 1e-9 else "feasible")
    assert np.allclose(answer.x, np.rint(answer.x))


def test_a_coefficient_that_is_not_finite_is_refused(tmp_path: Path) -> None:
    found = snapshot(
        tmp_path,
        periods=weeks(1),
        offers=[{"offer": "O", "supplier": "S", "item": "A", "location": "P", "unit_cost": 1}],
        forecast=[{"item": "A", "location": "P", "period": "W1", "quantity": 1, "price": 2}],
    )
    broken = found["offers"].with_columns(unit_cost=pl.lit(float("inf")))
    with pytest.raises((FormulationError, DataError)):
        soe.plan(found.replace(offers=broken))


def steel() -> Model:
    return Model(soe.read(Path(__file__).parents[2] / "published" / "ampl_steelT"))


def test_the_certificate_refuses_a_wrong_plan_price_or_objective() -> None:
    model = steel()
    answer = Gate(model.canonical).answer()
    program = model.program
    order = np.concatenate([np.arange(*model.canonical.columns[f].indices(len(answer.x))) for f in program.columns])
    x = answer.x[order]
    rows = np.concatenate([np.arange(*model.canonical.rows[b].indices(len(answer.price))) for b in program.rows])
    price = answer.price[rows]
    certify(program, x, price, answer.objective)
    with pytest.raises(SolveError, match="primal_residual"):
        certify(program, x * 1.001, price, answer.objective)
    with pytest.raises(SolveError, match="gap"):
        certify(program, x, price, answer.objective + 1.0)
    with pytest.raises(SolveError, match=r"dual_infeasibility|gap"):
        certify(program, x, price * 1.01, answer.objective)


def test_nothing_is_published_from_a_tampered_answer() -> None:
    model = steel()
    answer = Gate(model.canonical).answer()
    with pytest.raises(SolveError, match="not proven"):
        model.plan_of(replace(answer, x=answer.x * 0.99), name="tampered")


def test_a_price_is_what_one_more_hour_earns() -> None:
    found = soe.read(Path(__file__).parents[2] / "published" / "ampl_steelT")
    base = soe.plan(found)
    more = found["calendar"].with_columns(
        pl.when(pl.col("period") == "W3").then(pl.col("hours") + 0.01).otherwise("hours").alias("hours")
    )
    gain = (soe.plan(found.replace(calendar=more)).objective - base.objective) / 0.01
    price = base.prices["hours"].filter(pl.col("period") == "W3")["price"].item()
    assert price > 0
    assert gain == pytest.approx(price, rel=1e-6)


def test_duals_add_up_to_the_objective_where_lower_bounds_are_zero() -> None:
    plan = soe.plan(soe.read(Path(__file__).parents[2] / "published" / "ampl_steel4"))
    total = sum(float((frame["rhs"] * frame["price"]).sum()) for frame in plan.prices.values())
    assert total == pytest.approx(plan.objective, rel=1e-9)


def test_formulation_names_every_block_row_and_unit() -> None:
    text = steel().formulation()
    for words in ("maximise margin + steering", "hours(resource, period)", "stock(item, location, period)", "revenue"):
        assert words in text
    assert "4 × [h]" in text


def test_the_money_rooms_import_no_cvxpy() -> None:
    import subprocess
    import sys

    rooms = "soe_lib.money.ledger, soe_lib.money.bridge, soe_lib.review, soe_lib.store.history, soe_lib.model.plan"
    code = f"import sys, {rooms}; sys.exit('cvxpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
