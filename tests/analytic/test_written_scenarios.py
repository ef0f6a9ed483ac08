"""What an analyst wrote is kept in every scenario: here, on a warm solver, in other processes, and on the workbench."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import cvxpy as cp
import pytest

import soe_lib as soe
from soe_lib.errors import DataError, SoeError
from soe_lib.model.terms import Part
from soe_lib.solver.answer import SolverOptions
from soe_lib.workbench.explorer import Explorer
from tests.analytic.test_written import company, made

CAP = 30.0


class Nothing(Part):
    """A block that adds nothing."""


@pytest.fixture(scope="module")
def line(tmp_path_factory: pytest.TempPathFactory) -> soe.Snapshot:
    """One line of 100 h a week makes tea A (earns 6 a unit) and coffee B (earns 4), 60 of each asked for in a week."""
    return company(tmp_path_factory.mktemp("written"))


def little_coffee(v: Any) -> dict[str, Any]:
    """At most 30 units of coffee in all, where 80 would be made."""
    return {"little coffee": cp.sum(v["make"].where(family="coffee")) <= CAP}


def scenarios(count: int) -> list[str | soe.Scenario]:
    return [
        "base",
        *(
            soe.Scenario(f"coffee at {8 + n / 2}").scale("forecast.price", 1 + n / 16, item="B")
            for n in range(1, count)
        ),
    ]


@pytest.mark.parametrize(("count", "workers"), [(2, None), (4, 1), (4, 2)], ids=["cold", "warm", "processes"])
def test_a_cap_that_binds_is_kept_in_every_scenario(line: soe.Snapshot, count: int, workers: int | None) -> None:
    free = soe.compare(line, scenarios(count), workers=workers)
    capped = soe.compare(line, scenarios(count), extra=little_coffee, workers=workers)
    for one in free:
        assert sum(made(free[one.name], "B")) == pytest.approx(80.0)
        assert sum(made(capped[one.name], "B")) == pytest.approx(CAP)
    # 50 units of coffee less, worth 4 each, and as many more at each dearer price.
    lost = (capped.table()["margin"] - free.table()["margin"]).to_list()
    assert lost == pytest.approx([-50.0 * (4 + n / 2) for n in range(count)])


def test_a_function_goes_to_other_processes_with_what_it_refers_to(line: soe.Snapshot) -> None:
    most = 25.0
    capped = soe.compare(line, scenarios(4), extra=lambda v: [cp.sum(v["make"].where(item="B")) <= most], workers=2)
    assert [round(sum(made(capped[one.name], "B")), 4) for one in capped] == [25.0] * 4


def test_a_convex_term_is_kept_too(line: soe.Snapshot) -> None:
    def round_(v: Any) -> dict[str, Any]:
        return {"round": cp.norm2(v["make"].by("period", item="B")) <= CAP}

    for workers in (1, 2):
        compared = soe.compare(line, scenarios(3), extra=round_, workers=workers)
        for one in compared:
            coffee = made(compared[one.name], "B")
            assert sum(value**2 for value in coffee) == pytest.approx(CAP**2, rel=1e-4)


def test_what_cannot_be_sent_is_said(line: soe.Snapshot) -> None:
    lock = threading.Lock()

    def held(v: Any) -> list[Any]:
        with lock:
            return [cp.sum(v["make"].where(item="B")) <= CAP]

    with pytest.raises(SoeError, match=r"`extra` cannot be sent to other processes: .*lock.*workers=1"):
        soe.compare(line, scenarios(4), extra=held, workers=2)
    assert sum(made(soe.compare(line, scenarios(4), extra=held, workers=1)["base"], "B")) == pytest.approx(CAP)


def test_a_solve_of_ones_own_takes_no_extra(line: soe.Snapshot) -> None:
    with pytest.raises(DataError, match="pass `extra` to it"):
        soe.compare(line, ["base"], solve=lambda changed, _: soe.plan(changed), extra=little_coffee)


def test_every_trial_of_the_workbench_keeps_the_cap(line: soe.Snapshot, tmp_path: Path) -> None:
    explorer = soe.workbench(line, extra=little_coffee, record=None, store=tmp_path).explorer
    dearer = soe.Scenario("coffee at 12").scale("forecast.price", 1.5, item="B")
    # With a block of its own a trial is planned from nothing.
    for one in (dearer, dearer.add(Nothing())):
        answer = explorer.answer(one)
        assert answer.ok, answer.message
        assert sum(made(answer.plan, "B")) == pytest.approx(CAP)
        assert answer["Margin"].change == pytest.approx(CAP * 4.0)
    assert sum(made(explorer.base.plan, "B")) == pytest.approx(CAP)
    assert sum(made(Explorer(line, record=None, options=SolverOptions()).base.plan, "B")) == pytest.approx(80.0)
