"""Lots and set-ups on random small companies: right answers, and rows that help the search change none of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from soe_lib.errors import SolveError
from soe_lib.model.blocks.in_time import InTime
from soe_lib.model.blocks.standard import STANDARD
from soe_lib.model.planning import Model
from soe_lib.solver import whole_numbers
from soe_lib.solver.answer import SolverOptions
from tests.benchmarks.lot_sizing import trigeiro
from tests.networks import MONDAY, snapshot
from tests.properties.independent import answer
from tests.properties.lots import company

WITHOUT = tuple(block for block in STANDARD if not isinstance(block, InTime))
EXACT = SolverOptions(gap=0.0)


def optimum(folder: Path, seed: int, *, helped: bool = True) -> tuple[str, float]:
    settings, tables, _ = company(seed)
    model = Model(snapshot(folder, settings, **tables), STANDARD if helped else WITHOUT)
    try:
        return "optimal", model.solve(EXACT).objective
    except SolveError as refused:
        return str(refused.status), 0.0


def both_ways(folder: Path, seed: int) -> str:
    """Fails where the rows `in_time`, or the independent formulation, say another optimum."""
    found = optimum(folder / "helped", seed)
    plain = optimum(folder / "plain", seed, helped=False)
    assert found == (plain[0], pytest.approx(plain[1], rel=1e-6, abs=1e-6)), f"seed {seed}: {found} against {plain}"
    _, tables, settings = company(seed)
    if not tables.get("substitutions") and not any(row["shelf_life_days"] for row in tables["items"]):
        theirs = answer(tables, as_of=str(MONDAY), **settings)
        assert found == (theirs[0], pytest.approx(theirs[1], rel=1e-6, abs=1e-6)), (
            f"seed {seed}: {found} against {theirs}"
        )
    return found[0]


@pytest.mark.parametrize("seed", range(12))
def test_the_rows_that_help_the_search_change_no_answer(tmp_path: Path, seed: int) -> None:
    both_ways(tmp_path, seed)


@pytest.mark.slow
def test_five_hundred_companies(tmp_path: Path) -> None:
    found = [both_ways(tmp_path / str(seed), seed) for seed in range(1_000, 1_500)]
    assert found.count("optimal") > 400


def test_the_search_in_neighbourhoods_ends_at_the_same_optimum(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = snapshot(tmp_path, '[costs]\nper = "period"\n', **trigeiro(4, 6, 0.9, 3))
    straight = Model(asked).solve(EXACT)
    monkeypatch.setattr(whole_numbers, "FIRST_WORK", 0)
    monkeypatch.setattr(whole_numbers, "OPEN", 8)
    searched = Model(asked).solve(EXACT)
    assert searched.objective == pytest.approx(straight.objective, rel=1e-9)
    assert searched.solution["gap"] == pytest.approx(0, abs=1e-9)
