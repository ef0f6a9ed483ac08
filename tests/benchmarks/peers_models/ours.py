"""The network through soe_lib's own public path, its steps timed from outside."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import soe_lib as soe
import soe_lib.model.convex  # CVXPY's import is nobody's time
from soe_lib.extract.snapshot import Snapshot
from soe_lib.solver.gate import Gate
from tests.benchmarks.peers_models.timed import Timed


def run(snapshot: Snapshot) -> Timed:
    """`soe.Model(snapshot).solve()`: assembled, solved, moved to its one vertex, certified, tied out."""
    timed = Timed()
    with timed.step("assemble"):
        model = soe.Model(snapshot)
        program = model.program
    plan, inside = watched(model.solve)
    timed.seconds |= inside.seconds
    timed.processor |= inside.processor
    timed.objective, timed.solver = plan.objective, plan.solution["solver"].split()[-1]
    timed.columns, timed.rows, timed.entries = len(program.money), len(program.rhs), int(program.matrix.nnz)
    return timed


def watched(solve: Callable[[], Any]) -> tuple[Any, Timed]:
    """What a solve returns, and its times: solve (the runs of HiGHS), tie_break, and check (all the rest)."""
    timed = Timed()
    run, vertex = Gate._run, Gate._one_vertex
    inside: list[str] = []

    def timed_run(gate: Gate, solver: str) -> None:
        if inside:
            run(gate, solver)
            return
        with timed.step("solve"):
            run(gate, solver)

    def timed_corner(*given: Any) -> Any:
        inside.append("tie_break")
        with timed.step("tie_break"):
            answer = vertex(*given)
        inside.clear()
        return answer

    Gate._run, Gate._one_vertex = timed_run, timed_corner  # type: ignore[method-assign]
    try:
        with timed.step("all"):
            answer = solve()
    finally:
        Gate._run, Gate._one_vertex = run, vertex  # type: ignore[method-assign]
    for times in (timed.seconds, timed.processor):
        everything = times.pop("all")
        times["check"] = everything - sum(times.values())
    return answer, timed
