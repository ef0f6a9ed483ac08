"""The gate classifies what the solver says, and a plan exists only where the certificate holds."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import highspy
import numpy as np
import polars as pl
import pytest
from click.testing import CliRunner

import soe_lib as soe
from soe_lib.cli import main
from soe_lib.errors import DataError, FormulationError, SolveError
from soe_lib.model.certificate import certify
from soe_lib.model.planning import Model
from soe_lib.solver.answer import SolverOptions
from soe_lib.solver.gate import Gate
from soe_lib.solver.program import Program
from soe_lib.solver.race import Highs, race
from tests.analytic.test_two_items import asked, line
from tests.networks import snapshot, weeks, write
from tests.properties.test_metamorphic import rich
from tests.unit.model.programs import arrays, bad, fine, market_split, tampered

PUBLISHED = Path(__file__).parents[2] / "published"


@pytest.mark.parametrize(("program", "status", "words"), [pytest.param(*case[1:], id=case[0]) for case in bad()])
def test_a_program_without_a_plan_is_classified_and_says_how_to_mend_it(
    program: Program, status: str, words: str
) -> None:
    with pytest.raises(SolveError, match=words) as refused:
        Gate(program).answer()
    assert refused.value.status == status
    assert str(refused.value).startswith(f"{status}: ")


@pytest.mark.parametrize("solver", ["simplex", "ipx", "hipo"])
@pytest.mark.parametrize("name", ["more than there is", "nothing limits it", "both at once"])
def test_every_solver_ends_in_the_same_words(name: str, solver: str) -> None:
    program, status, words = next(case[1:] for case in bad() if case[0] == name)
    with pytest.raises(SolveError, match=words) as refused:
        Gate(program, SolverOptions(solver=solver)).answer()
    assert refused.value.status == status


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_living_solver_takes_no_such_figure_either(value: float) -> None:
    gate = Gate(fine())
    assert gate.answer().objective == pytest.approx(12)
    with pytest.raises(SolveError) as refused:
        gate.move(tampered("cost", value))
    assert refused.value.status == "refused"
    assert gate.move(tampered("cost", -4.0)).answer().objective == pytest.approx(16), "and it lives on"


# -- out of time, stopped, killed -------------------------------------------------------------------------------------


def test_no_time_is_a_limit_not_a_plan() -> None:
    draw = np.random.default_rng(0)
    program = arrays([-1.0] * 300, draw.integers(1, 100, (200, 300)).tolist(), [5000.0] * 200)
    with pytest.raises(SolveError, match="within 0 s; raise the time limit") as refused:
        Gate(program, SolverOptions(seconds=0.0)).answer()
    assert refused.value.status == "limit"


def test_out_of_time_without_an_incumbent_is_a_limit() -> None:
    with pytest.raises(SolveError, match="raise the time limit") as refused:
        Gate(market_split(1), SolverOptions(seconds=0.5)).answer()
    assert refused.value.status == "limit"


def test_out_of_time_with_an_incumbent_is_feasible_and_says_how_far_the_bound_is() -> None:
    answer = Gate(market_split(1, slack=True), SolverOptions(seconds=0.5)).answer()
    assert answer.status == "feasible"
    assert answer.objective < -0.5, "some product is not split in half yet"
    assert answer.bound == pytest.approx(0, abs=1e-6), "nobody has shown that it cannot be"
    assert answer.gap == pytest.approx(max(1.0, -answer.objective) / max(1.0, -answer.objective))
    assert np.allclose(answer.x[answer.whole], np.rint(answer.x[answer.whole]))


def test_a_plan_whose_bound_nobody_knows_is_not_one(monkeypatch: pytest.MonkeyPatch) -> None:
    found = Gate(fine()).answer()
    unknown = replace(found, status="feasible", bound=np.inf, gap=np.inf)
    monkeypatch.setattr(Gate, "_with_whole_numbers", lambda *_: unknown)
    with pytest.raises(SolveError, match="no bound") as refused:
        Gate(replace(fine(), integer=np.ones(2, bool))).answer()
    assert refused.value.status == "limit"


@pytest.mark.parametrize("slack", [False, True])
def test_a_solver_that_is_stopped_in_its_run_proves_nothing(slack: bool) -> None:
    gate = Gate(market_split(2, slack=slack))
    gate.highs.HandleUserInterrupt = True
    stop = threading.Timer(0.5, gate.highs.cancelSolve)
    stop.start()
    try:
        if slack:  # it had a plan
            answer = gate.answer()
            assert (answer.status, answer.gap > 0) == ("feasible", True)
        else:
            with pytest.raises(SolveError, match="stopped from outside") as refused:
                gate.answer()
            assert refused.value.status == "limit"
    finally:
        stop.join()


class Runner:
    """A solver that ends as it is told to, at once or after the others."""

    def __init__(self, end: highspy.HighsModelStatus | None, wait: float = 0.0) -> None:
        self.end, self.wait, self.stopped = end, wait, threading.Event()
        self.HandleUserInterrupt = False

    def run(self) -> None:
        self.stopped.wait(self.wait)
        if self.end is None:
            raise MemoryError("not enough")

    def cancelSolve(self) -> None:
        self.stopped.set()

    def getModelStatus(self) -> highspy.HighsModelStatus:
        return highspy.HighsModelStatus.kNotset if self.end is None else self.end


def winner(runners: dict[str, Runner]) -> str:
    return race(list(runners), runners.__getitem__, patience=60.0)[0]  # type: ignore[arg-type]


def test_a_race_goes_on_when_one_solver_dies() -> None:
    kinds = highspy.HighsModelStatus
    assert winner({"ipx": Runner(None), "hipo": Runner(kinds.kOptimal, 0.2)}) == "hipo"
    assert winner({"ipx": Runner(kinds.kTimeLimit), "hipo": Runner(None, 0.2)}) == "ipx"
    assert winner({"ipx": Runner(kinds.kUnknown), "hipo": Runner(kinds.kInfeasible, 0.2)}) == "hipo"
    assert winner({"ipx": Runner(kinds.kOptimal), "hipo": Runner(kinds.kOptimal, 60.0)}) == "ipx"  # and is stopped


def test_a_race_in_which_all_die_is_an_error() -> None:
    with pytest.raises(SolveError, match=r"all solvers failed.*MemoryError") as refused:
        winner({"ipx": Runner(None), "hipo": Runner(None)})
    assert refused.value.status == "error"


@pytest.mark.parametrize("broken", [(), ("off",)])
def test_a_run_that_ends_without_a_word_is_done_again(monkeypatch: pytest.MonkeyPatch, broken: tuple[str, ...]) -> None:
    """First without presolve; where that ends without a word as well, by simplex."""
    run, ran = Highs.run, []

    def runs(self: Highs) -> highspy.HighsStatus:
        how = (self.getOptionValue("solver")[1], self.getOptionValue("presolve")[1])
        ran.append(how)
        return highspy.HighsStatus.kOk if how[1] in broken else run(self)

    monkeypatch.setattr("soe_lib.solver.gate.LARGE", 0)
    monkeypatch.setattr("soe_lib.solver.gate.race", lambda _names, load, _patience: ("hipo", load("hipo")))
    monkeypatch.setattr(Highs, "run", runs)
    answer = Gate(fine()).answer()
    assert answer.objective == pytest.approx(12)
    assert answer.status == "optimal"
    assert ran == [("hipo", "off"), ("simplex", "choose" if broken else "off")]


def test_nothing_is_published_by_a_process_that_is_killed(tmp_path: Path) -> None:
    out, ready = tmp_path / "out", tmp_path / "ready"
    code = f"""
import pathlib, soe_lib.solver.gate as solve
from tests.unit.model.programs import market_split
def answer(gate, weights=None, run=solve.Gate.answer):
    pathlib.Path({str(ready)!r}).touch()
    return run(solve.Gate(market_split(3, rows=6)))  # for hours
solve.Gate.answer = answer
from soe_lib.cli import main
main(["plan", "--data", {str(PUBLISHED / "ampl_steelT")!r}, "--out", {str(out)!r}, "--json"])
"""
    told = {"stdout": subprocess.PIPE, "text": True, "cwd": PUBLISHED.parents[1]}
    with subprocess.Popen([sys.executable, "-c", code], **told) as process:
        while not ready.exists():
            assert process.poll() is None, "it ended before it was killed"
            time.sleep(0.05)
        time.sleep(0.5)  # now it is in branch and bound
        process.kill()
        said, _ = process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert said == ""
    assert not out.exists()


@pytest.mark.parametrize(
    ("name", "more", "status"),
    [
        ("gams_clsp", ["--seconds", "0"], "limit"),
        ("owed", [], "infeasible"),
        ("nothing", [], "error"),
    ],
)
def test_the_command_line_shows_no_figure_without_a_proof(
    tmp_path: Path, name: str, more: list[str], status: str
) -> None:
    tables = line(10) | {"forecast": [asked("A", 20, 10, committed=20)]}
    write(tmp_path / "owed", **_complete(tables))
    write(tmp_path / "nothing", **_complete({"periods": list(weeks(1))}))
    data = PUBLISHED / name if (PUBLISHED / name).exists() else tmp_path / name
    told = CliRunner().invoke(main, ["plan", "--data", str(data), "--json", "--out", str(tmp_path / "out"), *more])
    assert told.exit_code == 1
    said = json.loads(told.stdout)
    assert sorted(said) == ["error", "status"]
    assert said["status"] == status
    assert not (tmp_path / "out").exists()


def _complete(tables: dict[str, list[dict[str, object]]]) -> dict[str, list[dict[str, object]]]:
    items = [{"item": name, "unit": "each"} for name in ("A", "B")]
    return {"items": items, "locations": [{"location": "P", "kind": "plant"}], **tables}


# -- figures that are none, in the tables -----------------------------------------------------------------------------


@pytest.mark.parametrize("value", ["nan", "inf", "-inf"])
def test_no_table_takes_such_a_figure_from_a_file_nor_from_an_edit(tmp_path: Path, value: str) -> None:
    tables = rich(14)
    base = snapshot(tmp_path / "base", **tables)
    numbers = {name: [k for k, kind in base[name].schema.items() if kind.is_float()] for name in tables}
    assert sum(map(len, numbers.values())) > 40, "or the test is about nothing"
    words = {
        name: [{k: None if v is None else str(v) for k, v in row.items()} for row in tables[name]] for name in tables
    }
    for name, columns in numbers.items():
        words[name][0] |= dict.fromkeys(columns, value)
    with pytest.raises(DataError) as refused:
        soe.read(write(tmp_path / "bad", **words))
    found = {(finding.table, finding.column) for finding in refused.value.findings}
    for name, columns in numbers.items():
        for column in columns:
            assert (name, column) in found
            first = pl.when(pl.int_range(pl.len()) == 0).then(pl.lit(float(value))).otherwise(column)
            with pytest.raises(DataError, match=column):
                base.replace(**{name: base[name].with_columns(first.alias(column))})


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
    return Model(soe.read(PUBLISHED / "ampl_steelT"))


def test_the_certificate_refuses_a_wrong_plan_price_or_objective() -> None:
    model = steel()
    answer = Gate(model.program).answer()
    program = model.program
    x, price = answer.x, answer.price
    certify(program, x, price, answer.objective)
    with pytest.raises(SolveError, match="primal_residual"):
        certify(program, x * 1.001, price, answer.objective)
    with pytest.raises(SolveError, match="gap"):
        certify(program, x, price, answer.objective + 1.0)
    with pytest.raises(SolveError, match=r"dual_infeasibility|gap"):
        certify(program, x, price * 1.01, answer.objective)


def test_nothing_is_published_from_a_tampered_answer() -> None:
    model = steel()
    answer = Gate(model.program).answer()
    with pytest.raises(SolveError, match="not proven"):
        model.plan_of(replace(answer, x=answer.x * 0.99), name="tampered")


def test_a_price_is_what_one_more_hour_earns() -> None:
    found = soe.read(PUBLISHED / "ampl_steelT")
    base = soe.plan(found)
    more = found["calendar"].with_columns(
        pl.when(pl.col("period") == "W3").then(pl.col("hours") + 0.01).otherwise("hours").alias("hours")
    )
    gain = (soe.plan(found.replace(calendar=more)).objective - base.objective) / 0.01
    price = base.prices["hours"].filter(pl.col("period") == "W3")["price"].item()
    assert price > 0
    assert gain == pytest.approx(price, rel=1e-6)


def test_duals_add_up_to_the_objective_where_lower_bounds_are_zero() -> None:
    plan = soe.plan(soe.read(PUBLISHED / "ampl_steel4"))
    total = sum(float((frame["rhs"] * frame["price"]).sum()) for frame in plan.prices.values())
    assert total == pytest.approx(plan.objective, rel=1e-9)


def test_formulation_names_every_block_row_and_unit() -> None:
    text = steel().formulation()
    for words in ("maximise margin + steering", "hours(resource, period)", "stock(item, location, period)", "revenue"):
        assert words in text
    assert "4 × [h]" in text


def test_the_money_rooms_import_no_cvxpy() -> None:
    rooms = (
        "soe_lib.money.ledger, soe_lib.money.reconciliation, soe_lib.review, soe_lib.store.history, soe_lib.store.plan"
    )
    code = f"import sys, {rooms}; sys.exit('cvxpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
