"""Plans with set-ups in a time budget: the pattern is kept first, every plan is certified, and its gap is stated."""

from __future__ import annotations

import io
import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from click.testing import CliRunner
from scipy.optimize import linprog

import soe_lib as soe
from soe_lib.cli import main
from soe_lib.model import record
from soe_lib.model.planning import Model
from soe_lib.pack import verify
from soe_lib.review import words
from soe_lib.solver import budget
from soe_lib.solver.diagnostics import Watch, shown
from soe_lib.solver.whole_numbers import rounded
from soe_lib.store.plan import Plan
from tests import setups

CALM = {"items": 4, "lines": 2, "weeks": 4}
"""Proven in a second or two. BUSY is not, within minutes."""
BUSY = {"items": 14, "lines": 3, "weeks": 10}


@pytest.fixture
def tally(monkeypatch: pytest.MonkeyPatch) -> budget.Tally:
    fresh = budget.Tally()
    monkeypatch.setattr("soe_lib.solver.gate.TALLY", fresh)
    monkeypatch.setattr(budget, "TALLY", fresh)
    return fresh


def within(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    monkeypatch.setenv(budget.DEADLINE, str(time.time() + seconds))


def with_its_pattern(plan: Plan, model: Model) -> float:
    """The best objective with the switches of a plan, by SciPy, from the arrays that the blocks gave."""
    program = model.program
    flows = {name: plan.flows[name]["quantity"].to_numpy() for name in program.flows}
    x = np.concatenate([flows[name] for name in program.flows])
    lower, upper = program.lower.copy(), program.upper.copy()
    lower[program.integer] = upper[program.integer] = np.rint(x[program.integer])
    equal = program.equalities
    found = linprog(
        -program.money,
        A_ub=program.matrix[equal:], b_ub=program.rhs[equal:],
        A_eq=program.matrix[:equal], b_eq=program.rhs[:equal],
        bounds=np.column_stack([lower, upper]), method="highs",
    )  # fmt: skip
    assert found.status == 0, found.message
    return -float(found.fun)


def set_ups(plan: Plan) -> list[tuple[str, str]]:
    rows = plan.flow("set_up").select(pl.col("routing", "period").cast(pl.String))
    return sorted(rows.iter_rows())


def test_a_share_of_what_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(budget.DEADLINE, raising=False)
    assert budget.left() is None
    assert budget.seconds(600.0, again=True) == 600.0
    within(monkeypatch, 100.0)
    assert budget.seconds(600.0, again=False) == pytest.approx(100.0 * budget.FIRST, rel=0.05)
    assert budget.seconds(600.0, again=True) == pytest.approx(100.0 * budget.AGAIN, rel=0.05)
    assert budget.seconds(0.5, again=True) == 0.5
    within(monkeypatch, -1.0)
    assert (budget.left(), budget.seconds(600.0, again=True)) == (0.0, 0.0)
    assert budget.seconds(600.0, again=False) == budget.LAST_RESORT


@pytest.mark.parametrize("seed", [3, 4])
def test_a_plan_made_again_keeps_the_pattern_first(
    tmp_path: Path, seed: int, monkeypatch: pytest.MonkeyPatch, tally: budget.Tally
) -> None:
    """Costs that move a little: the set-ups stay, and the plan is the best one that they allow."""
    snapshot = setups.company(tmp_path / "busy", seed, **BUSY)
    within(monkeypatch, 6.0)
    monkeypatch.setattr(budget, "LAST_RESORT", 2.0)
    living = soe.Living(snapshot, record=None)
    base = living.base.solution
    assert (base["status"], base["ended"], base["pattern"]) == ("feasible", "time", "")
    assert base["bound"] - living.base.objective == pytest.approx(base["gap"] * living.base.objective)
    monkeypatch.setenv(budget.DEADLINE, "1")  # the budget is used up
    edited = soe.Scenario("dearer").scale("routings.cost_per_unit", 1.02).apply(snapshot)
    started = time.perf_counter()
    again = living.plan(edited)
    assert time.perf_counter() - started < 30.0
    assert set_ups(again) == set_ups(living.base)
    told = again.solution
    assert (told["status"], told["ended"], told["pattern"]) == ("feasible", "pattern", "kept")
    assert again.objective == pytest.approx(with_its_pattern(again, Model(edited)), abs=0.01)
    assert again.objective < told["bound"] <= told["relaxed"] + 1e-6
    assert told["certificate"]["primal_residual"] < 1e-6
    assert (tally.kept, tally.searched, tally.proven) == (1, 0, 0)
    assert "1 keep the set-up pattern of this week's plan" in tally.text


def test_a_line_that_is_closed_leaves_a_plan(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tally: budget.Tally
) -> None:
    """Its set-ups take hours that are not there: they go off, the others stay, and nothing is switched on."""
    snapshot = setups.company(tmp_path / "closed", 5, **BUSY)
    within(monkeypatch, 5.0)
    monkeypatch.setattr(budget, "LAST_RESORT", 2.0)
    living = soe.Living(snapshot, record=None)
    monkeypatch.setenv(budget.DEADLINE, "1")
    down = soe.Scenario("down").scale("calendar.hours", 0.0, resource="line 1", period="W3").apply(snapshot)
    again = living.plan(down)
    assert set(set_ups(again)) < set(set_ups(living.base))
    assert again.objective < living.base.objective
    assert again.solution["certificate"]["primal_residual"] < 1e-6
    assert tally.kept + tally.searched == 1


def test_what_can_be_proven_in_its_share_is_proven(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tally: budget.Tally
) -> None:
    snapshot = setups.company(tmp_path / "calm", 2, **CALM)
    edited = soe.Scenario("less").scale("calendar.hours", 0.8).apply(snapshot)
    monkeypatch.delenv(budget.DEADLINE, raising=False)
    cold = soe.plan(edited, record=None)
    assert (cold.solution["status"], cold.solution["pattern"]) == ("optimal", "")
    within(monkeypatch, 3000.0)
    again = soe.Living(snapshot, record=None).plan(edited)
    assert again.solution["ended"] == "proof"
    assert again.objective == pytest.approx(cold.objective, abs=0.01)
    assert tally.text == ""


def test_a_rounded_plan_is_a_plan(tmp_path: Path) -> None:
    """What the relaxation has on is switched on: feasible, below the relaxation, and the same whatever the row order."""
    rows = setups.tables(6, **BUSY)
    found = []
    for number, turn in enumerate((1, -1)):
        shuffled = {name: part if name == "periods" else part[::turn] for name, part in rows.items()}
        arrays = Model(setups.networks.snapshot(tmp_path / str(number), **shuffled)).program
        begun = rounded(arrays, np.flatnonzero(arrays.integer), 2)
        assert begun is not None
        assert begun.bound <= begun.objective < 0.9 * begun.bound
        found.append(begun)
    assert found[0].objective == pytest.approx(found[1].objective, abs=1e-6)
    assert np.array_equal(found[0].values, found[1].values)


@pytest.mark.usefixtures("tally")
def test_pages_of_one_pack_speak_of_one_plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page that comes later takes the plan that was left, set-ups, bound and all, however little time there is."""
    snapshot = setups.company(tmp_path / "busy", 7, **BUSY)
    within(monkeypatch, 6.0)
    monkeypatch.setattr(budget, "LAST_RESORT", 2.0)
    first = record.keep(soe.Living(snapshot, record=None).base, tmp_path / "results")
    monkeypatch.setenv(budget.DEADLINE, "1")
    second = soe.Living(snapshot, record=None, results=tmp_path / "results").base
    assert second.objective == pytest.approx(first.objective, abs=0.01)
    assert second.identity == first.identity
    assert second.solution["gap"] == pytest.approx(first.solution["gap"], abs=1e-9)


def test_how_far_a_run_is_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("soe_lib.solver.diagnostics.FIRST_WORD", 0.2)
    monkeypatch.setattr("soe_lib.solver.diagnostics.LATER", 0.2)
    watch, log = Watch(), io.StringIO()
    model = Model(setups.company(tmp_path / "busy", 8, **BUSY))
    with shown(watch, log, "EUR"):
        model.solve(soe.SolverOptions(seconds=4.0, watch=watch))
    last = log.getvalue().splitlines()[-1]
    assert all(word in last for word in (" s: best EUR ", "at most EUR ", "gap ")), last


@pytest.mark.parametrize("seen", [True, False])
def test_who_sits_before_a_search_is_told_how_far_it_is(
    tmp_path: Path, seen: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Screen(io.StringIO):
        def isatty(self) -> bool:
            return seen

    snapshot = setups.company(tmp_path / "busy", 10, **BUSY)
    screen = Screen()
    monkeypatch.setattr("sys.stderr", screen)
    monkeypatch.delitem(sys.modules, "ipykernel", raising=False)
    soe.plan(snapshot, record=None, options=soe.SolverOptions(seconds=4.0))
    assert ("gap" in screen.getvalue()) == seen


@pytest.mark.parametrize("as_json", [True, False])
def test_the_command_says_how_far_it_came(tmp_path: Path, as_json: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("soe_lib.solver.diagnostics.FIRST_WORD", 0.2)
    monkeypatch.setattr("soe_lib.solver.diagnostics.LATER", 0.2)
    setups.company(tmp_path / "busy", 9, **BUSY)
    asked = [
        "plan",
        "--data",
        str(tmp_path / "busy"),
        "--time",
        "4",
        "--gap",
        "0.0001",
        *(["--json"] if as_json else []),
    ]
    result = CliRunner().invoke(main, asked)
    assert result.exit_code == 0, result.output
    if as_json:
        told = json.loads(result.stdout)
        assert (told["status"], told["ended"]) == ("feasible", "time")
        assert result.stderr == ""
    else:
        assert "gap" in result.stderr
        assert "proven to within" in result.stdout


def test_a_reader_is_told_the_gap_in_money() -> None:
    told: dict[str, Any] = {
        "status": "feasible",
        "objective": 160_000.0,
        "bound": 161_234.0,
        "gap": 0.0077,
        "seconds": 120.4,
    }
    assert words.proof(told, "EUR").replace("\u00a0", " ") == "proven to within 0.77 % (EUR 1,234) in 120 s"
    assert words.proof({"status": "optimal", "gap": 0.0}, "EUR") == "proven optimal"


def test_a_rebuilt_pack_says_that_time_ended_its_search() -> None:
    same: dict[str, Any] = {"code": {"sha256": "a", "version": "1"}, "libraries": {}}
    told = same | {"plan": {"status": "feasible", "gap": 0.0231}}
    assert verify._notes(told, told) == [
        "The search for set-ups of this plan ended by time, 2.31 % from the best possible: another run may find another "
        "plan within that gap."
    ]
    assert verify._notes(same | {"plan": {"status": "optimal"}}, same) == []


def test_whole_lots_are_counted_again_around_the_pattern(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tally: budget.Tally
) -> None:
    """Lots of 50 are counts, no switches: they move with the edit, and stay whole; the switches are kept where they fit."""
    rows = setups.tables(11, items=6, lines=2, weeks=6)
    rows["routings"] = [{**row, "multiple": 50} for row in rows["routings"]]
    snapshot = setups.networks.snapshot(tmp_path / "lots", **rows)
    within(monkeypatch, 6.0)
    monkeypatch.setattr(budget, "LAST_RESORT", 2.0)
    living = soe.Living(snapshot, record=None)
    monkeypatch.setenv(budget.DEADLINE, "1")
    less = soe.Scenario("less").scale("calendar.hours", 0.7).apply(snapshot)
    again = living.plan(less)
    made = again.flow("make")["quantity"].to_numpy() / 50.0
    assert np.allclose(made, np.rint(made), atol=1e-6)
    assert again.objective < living.base.objective
    assert again.objective <= again.solution["bound"] + 1e-6
    assert tally.kept + tally.searched + tally.proven == 1
