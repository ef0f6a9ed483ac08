"""Many scenarios at once: on worker processes, the same plans as one after the other, whatever becomes of some."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import polars as pl
import psutil
import pytest
from polars.testing import assert_frame_equal

from soe_lib.errors import DataError, FormulationError
from soe_lib.extract.snapshot import Snapshot
from soe_lib.model.planning import Model
from soe_lib.model.terms import Flow, Part
from soe_lib.solver.warm_start import Start
from soe_lib.whatif.compare import Result, compare
from soe_lib.whatif.distributed import Task, WarmSolver, planned
from soe_lib.whatif.scenario import Scenario
from tests.unit.whatif.doom import Idea, Killed


def asked(count: int = 6) -> list[str | Scenario]:
    dear = [Scenario(f"resin at {cost}").scale("offers.unit_cost", cost) for cost in range(2, count)]
    settings = Scenario("dear money").set("settings.costs.capital_rate", 0.01)
    return ["base", *dear, settings, Scenario("no such line").scale("calendar.hours", 0, resource="L9")]


def test_processes_give_the_plans_of_one_after_the_other(tiny: Snapshot) -> None:
    one = compare(tiny, asked(), workers=1)
    arrived: list[Result] = []
    two = compare(tiny, asked(), workers=2, progress=arrived.append)
    assert [result.name for result in two] == [result.name for result in one]
    assert sorted(result.name for result in arrived) == sorted(result.name for result in one)
    # Each worker starts from another basis, so that figures may differ where floats round, and nowhere else.
    assert_frame_equal(two.table().drop("seconds"), one.table().drop("seconds"), rel_tol=1e-12, abs_tol=1e-9)
    for mine, theirs in zip(two, one, strict=True):
        if mine.plan is None:
            continue
        assert theirs.plan is not None
        assert mine.plan.identity == theirs.plan.identity
        assert round(mine.plan.margin, 2) == round(theirs.plan.margin, 2)
        assert mine.snapshot is not None
        assert theirs.snapshot is not None
        assert mine.snapshot.fingerprint == theirs.snapshot.fingerprint == mine.plan.fingerprint
    assert two.table()["status"].to_list() == ["optimal"] * 6 + ["failed"]
    assert "The nearest are L1, L2" in two.table()["error"][-1]


def test_a_living_solver_gives_the_plans_of_cold_ones(tiny: Snapshot) -> None:
    cold = {
        one.name: compare(tiny, [one]) for one in asked() if isinstance(one, Scenario) and one.name != "no such line"
    }
    alive = compare(tiny, asked(), workers=1)
    for name, each in cold.items():
        assert alive[name].identity == each[name].identity


def test_a_killed_worker_takes_one_row_along(tiny: Snapshot) -> None:
    doomed = Scenario("doomed").add(Killed(os.getpid()))
    found = compare(tiny, [*asked()[:3], doomed, *asked()[3:]], workers=2)
    row = {one.name: one for one in found}
    assert row["doomed"].plan is None
    assert "SIGKILL" in row["doomed"].error
    left = found.table().filter(scenario="doomed").height, found.table().filter(status="optimal").height
    assert left == (1, 6)


@dataclass(frozen=True)
class Local(Part):
    def flows(self, network: Any) -> Iterator[Flow]:  # noqa: ARG002
        yield from ()


def test_a_block_of_the_callers_own_script_travels(tiny: Snapshot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Local, "__module__", "__main__")
    monkeypatch.setattr("__main__.Local", Local, raising=False)
    found = compare(tiny, [Scenario("own").add(Local()), "base"], workers=2)
    assert found.table()["status"].to_list() == ["optimal", "optimal"]
    assert found["own"].margin == pytest.approx(found["base"].margin, abs=0.005)


def test_a_block_that_cannot_travel_is_said(tiny: Snapshot) -> None:
    stuck = Scenario("own").add(Local())
    object.__setattr__(stuck.blocks[0], "line", threading.Lock())
    found = compare(tiny, [stuck, "base"], workers=2)
    assert found.table()["status"].to_list() == ["failed", "optimal"]
    assert "pickle" in found.table()["error"][0]


def test_progress_may_end_the_work_and_leaves_no_process(tiny: Snapshot) -> None:
    seen: set[int] = set()

    def there() -> set[int]:
        """Worker processes that live; the helper that watches over shared memory is none."""
        children = [one for one in psutil.Process().children() if one.status() != psutil.STATUS_ZOMBIE]
        return {one.pid for one in children if "resource_tracker" not in " ".join(one.cmdline())}

    before = there()

    def stop(result: Result) -> None:
        seen.update(there() - before)
        raise KeyboardInterrupt(result.name)

    with pytest.raises(KeyboardInterrupt):
        compare(tiny, asked(), workers=2, progress=stop)
    assert len(seen) == 2
    assert not there() & seen


def test_many_scenarios_take_all_cores_unless_told_otherwise(tiny: Snapshot, monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[int] = []
    module = import_module("soe_lib.whatif.compare")

    def stand_in(task: Any, scenarios: Any, workers: int, cluster: str) -> Any:  # noqa: ARG001
        taken.append(workers)
        yield from ((n, Result(one, None, None, "not planned", 0.0)) for n, one in enumerate(scenarios))

    monkeypatch.setattr(module, "distributed", stand_in)
    monkeypatch.setattr(module, "cores", lambda: 3)
    compare(tiny, asked(20))
    compare(tiny, asked(20), workers=2)
    assert taken == [3, 2]
    assert compare(tiny, asked(4))["base"].margin
    assert taken == [3, 2]


def test_a_base_that_nobody_starts_from_is_not_solved(tiny: Snapshot, monkeypatch: pytest.MonkeyPatch) -> None:
    solved: list[Any] = []
    found = Task.solved
    monkeypatch.setattr(Task, "solved", lambda *given: solved.append(given) or found(*given))
    idea = Scenario("idea").add(Idea())
    compare(tiny, [idea, Scenario("same idea").add(Idea())], workers=2)
    assert solved == []
    assert compare(tiny, [idea, "base"], workers=2)["base"].identity == compare(tiny, ["base"])["base"].identity
    assert len(solved) == 1


def test_a_base_without_a_plan_stops_no_other(tiny: Snapshot) -> None:
    promised = Scenario("all of it").promise("forecast", 1.0).apply(tiny)
    short = promised.replace(calendar=promised["calendar"].with_columns(hours=pl.lit(0.0), overtime_hours=pl.lit(0.0)))
    back = [Scenario(f"{hours} hours").set("calendar.hours", hours) for hours in (1e3, 2e3)]
    table = compare(short, ["base", *back], workers=2).table()
    assert table["status"].to_list() == ["failed", "optimal", "optimal"]
    assert "infeasible" in table["error"][0]


def test_a_base_that_cannot_be_set_up_stops_no_scenario(tiny: Snapshot, monkeypatch: pytest.MonkeyPatch) -> None:
    def empty(*_: object) -> Start:
        raise FormulationError("the program is empty")

    monkeypatch.setattr(Start, "of", empty)
    task = Task(tiny).solved(Model(tiny))
    assert task.start is None
    solver = WarmSolver(task)
    assert solver.living is None
    monkeypatch.undo()
    dear = Scenario("dear resin").scale("offers.unit_cost", 2)
    found = planned(tiny, dear, solver)
    assert found.plan is not None, found.error
    assert found.plan.identity == compare(tiny, [dear])["dear resin"].identity


def test_calls_that_make_no_sense(tiny: Snapshot) -> None:
    with pytest.raises(DataError, match="1 or more"):
        compare(tiny, ["base"], workers=0)
    with pytest.raises(DataError, match="leave out `workers`"):
        compare(tiny, ["base"], workers=2, solve=lambda edited, scenario: compare(edited, [scenario])[scenario.name])
