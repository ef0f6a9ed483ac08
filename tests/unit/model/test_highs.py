"""HiGHS answers whoever ran it before in the same process, with however many threads."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

PUBLISHED = Path(__file__).parents[2] / "published"
ROOT = Path(__file__).parents[3]

OTHERS = {
    "linprog": "from scipy.optimize import linprog; linprog([1, 1], A_ub=[[-1, -1]], b_ub=[-1])",
    "milp": "from scipy.optimize import milp; milp([1, 1], integrality=[1, 1])",
    "cvxpy": "import cvxpy as cp; x = cp.Variable(2, integer=True); "
    "cp.Problem(cp.Minimize(cp.sum(x)), [x >= 1]).solve(solver='HIGHS')",
    "highspy": "run(0)",
    "highspy, one thread": "run(1)",
    "highspy, scheduler taken away": "highspy.Highs.resetGlobalScheduler(True); run(1)",
}
"""Another use of HiGHS, by whose hand."""

HEAD = f"""
import highspy, threading
import soe_lib as soe

def run(threads):
    highs = highspy.Highs()
    highs.silent()
    highs.setOptionValue("threads", threads)
    highs.addVar(0, 1)
    highs.run()
    assert highs.getModelStatus() == highspy.HighsModelStatus.kOptimal or threads

def plan(name, **options):
    found = soe.plan(soe.read(r"{PUBLISHED}/" + name), options=soe.SolverOptions(**options) if options else None)
    assert found.solution["status"] == "optimal"
    return round(found.objective, 2)

def beside(work):
    failed = []
    def caught():
        try:
            work()
        except BaseException as error:
            failed.append(error)
    thread = threading.Thread(target=caught)
    thread.start()
    thread.join()
    assert not failed, failed
"""

ORDERS = {
    "first": "{other}\nassert plan('gams_trnsport') == -153.68",
    "first, and whole numbers follow": "{other}\nplan('jump_factory_schedule')",
    "between two plans": "plan('gams_trnsport')\n{other}\nassert plan('gams_trnsport') == -153.68",
    "first, the plan in a thread": "{other}\nbeside(lambda: plan('gams_trnsport'))\nplan('gams_trnsport')",
    "in a thread": "def work():\n    {other}\nbeside(work)\nassert plan('gams_trnsport') == -153.68",
    "between two answers of a living plan": (
        "shot = soe.read(r'" + str(PUBLISHED / "gams_trnsport") + "')\nliving = soe.Living(shot)\n{other}\n"
        "again = soe.Scenario('more').scale('lanes.cost_per_unit', 0.5).apply(shot)\n"
        "assert living.plan(again).objective > -153.67\nassert round(living.plan(shot).objective, 2) == -153.68"
    ),
}


@pytest.mark.parametrize("order", ORDERS)
def test_any_use_of_highs_may_come_before(order: str) -> None:
    """Every other user in turn, in one fresh process each: the first run in a process sizes the scheduler."""
    with_each = list(OTHERS.values()) if order == "first" else ["run(0)", OTHERS["highspy, scheduler taken away"]]
    for other in with_each:
        ended = _run(HEAD + ORDERS[order].format(other=other))
        assert ended.returncode == 0, f"{order}, {other}:\n{ended.stdout}"


def test_plans_may_take_another_number_of_threads_each() -> None:
    body = "assert [plan('gams_trnsport', threads=n) for n in (2, 1, 3, 2)] == [-153.68] * 4\nplan('gams_trnsport')"
    ended = _run(HEAD + body)
    assert (ended.stdout, ended.returncode) == ("", 0)


def _run(code: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-W", "error::RuntimeWarning", "-c", code]
    pipe = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    return subprocess.run(command, cwd=ROOT, text=True, timeout=300, check=False, **pipe)  # type: ignore[call-overload,no-any-return]
