"""Scenarios on a Dask scheduler with two workers as processes of their own: the same plans, and a lost worker is none."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from soe_lib.errors import SoeError
from soe_lib.whatif import distributed
from soe_lib.whatif.compare import Result, compare
from soe_lib.whatif.scenario import Scenario
from tests.cluster.test_many import cluster, home
from tests.unit.whatif.conftest import tiny

__all__ = ["cluster", "home", "tiny"]


def test_a_cluster_gives_the_plans_of_this_machine_though_a_worker_is_lost(
    tiny,
    cluster: tuple[str, list[subprocess.Popen[bytes]]],
    tmp_path: Path,
) -> None:
    assert tmp_path.is_dir()
    address, (_, first, _) = cluster
    asked = ["base", *(Scenario(f"resin at {n}").scale("offers.unit_cost", n) for n in range(2, 8))]
    asked.append(Scenario("no such line").scale("calendar.hours", 0, resource="L9"))
    seen: list[str] = []

    def kill_one(result: Result) -> None:
        seen.append(result.name)
        if len(seen) == 2:
            first.kill()

    there = compare(tiny, asked, cluster=address, progress=kill_one)
    here = compare(tiny, asked, workers=1)
    assert [one.error for one in there] == [one.error for one in here]
    assert sorted(seen) == sorted(one.name for one in here)
    assert there.table().drop("seconds").equals(here.table().drop("seconds"))
    for mine, theirs in zip(there, here, strict=True):
        assert (mine.plan is None) == (theirs.plan is None)
        if mine.plan and theirs.plan:
            assert mine.plan.identity == theirs.plan.identity


def test_no_scheduler_is_said(tiny, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("distributed", reason="the extra `cluster` is not installed")
    monkeypatch.setattr(distributed, "WAIT", 2)
    with pytest.raises(SoeError, match="no Dask scheduler at tcp://127"):
        compare(tiny, ["base"], cluster="tcp://127.0.0.1:1")
