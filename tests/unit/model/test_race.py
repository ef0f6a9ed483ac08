"""The race of solvers: who starts when, who gives way, whose answer is taken."""

from __future__ import annotations

import threading
import time

import highspy
import pytest

from soe_lib.solver import race as module
from soe_lib.solver.race import RUNNERS, race

OPTIMAL, UNKNOWN = highspy.HighsModelStatus.kOptimal, highspy.HighsModelStatus.kUnknown


class Runner:
    """A solver that computes until it is stopped, or ends at once with a status."""

    def __init__(self, ends: highspy.HighsModelStatus | None, *, ahead: bool = False, seconds: float = 0.0) -> None:
        self.ends, self.stopped, self.ahead, self.seconds = ends, threading.Event(), ahead, seconds
        self.HandleUserInterrupt = False

    def run(self) -> None:
        until = time.process_time() + self.seconds
        while time.process_time() < until and not self.stopped.is_set():
            sum(range(1000))
        while self.ends is None and not self.stopped.is_set():
            sum(range(1000))  # the race counts processor time
            time.sleep(0)

    def cancelSolve(self) -> None:
        self.stopped.set()

    def getModelStatus(self) -> highspy.HighsModelStatus:
        return self.ends or highspy.HighsModelStatus.kInterrupt


def run(
    monkeypatch: pytest.MonkeyPatch, cores: int, **ends: highspy.HighsModelStatus | None
) -> tuple[str, dict[str, Runner]]:
    monkeypatch.setattr(module.os, "cpu_count", lambda: cores)
    made: dict[str, Runner] = {}

    def load(name: str) -> Runner:
        made[name] = Runner(ends[name])
        return made[name]

    won, highs = race(RUNNERS, load, patience=0.02)
    assert highs is made[won]
    assert not highs.HandleUserInterrupt
    return won, made


def test_the_first_proof_is_taken_and_the_others_are_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    won, made = run(monkeypatch, 2, simplex=None, ipx=OPTIMAL, hipo=None)
    assert won == "ipx"
    assert made["simplex"].stopped.is_set()
    assert "hipo" not in made  # no core was free before the proof was there


def test_simplex_gives_its_core_to_the_one_that_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    won, made = run(monkeypatch, 2, simplex=None, ipx=None, hipo=OPTIMAL)
    assert won == "hipo"
    assert made["simplex"].stopped.is_set()


def test_with_a_core_for_each_nobody_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    won, made = run(monkeypatch, 4, simplex=None, ipx=None, hipo=OPTIMAL)
    assert won == "hipo"
    assert set(made) == set(RUNNERS)


def test_one_that_is_ahead_runs_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module.os, "cpu_count", lambda: 4)
    made: dict[str, Runner] = {}

    def load(name: str) -> Runner:
        made[name] = Runner(OPTIMAL, ahead=True, seconds=0.2)
        return made[name]

    assert race(RUNNERS, load, patience=5.0)[0] == "simplex"
    assert set(made) == {"simplex"}


def test_one_that_is_ahead_for_too_long_is_joined_by_hipo(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module.os, "cpu_count", lambda: 2)
    made: dict[str, Runner] = {}

    def load(name: str) -> Runner:
        made[name] = Runner(OPTIMAL if name == "hipo" else None, ahead=True)
        return made[name]

    assert race(RUNNERS, load, patience=0.02)[0] == "hipo"
    assert set(made) == {"simplex", "hipo"}
    assert made["simplex"].stopped.is_set()


def test_one_that_falls_behind_is_joined_by_ipx(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module.os, "cpu_count", lambda: 2)
    made: dict[str, Runner] = {}

    def load(name: str) -> Runner:
        made[name] = Runner(OPTIMAL if name == "ipx" else None, ahead=True)
        if name == "simplex":
            threading.Timer(0.1, lambda: setattr(made[name], "ahead", False)).start()
        return made[name]

    assert race(RUNNERS, load, patience=100.0)[0] == "ipx"
    assert set(made) == {"simplex", "ipx"}


def test_an_end_without_proof_lets_the_next_one_start(monkeypatch: pytest.MonkeyPatch) -> None:
    won, _ = run(monkeypatch, 2, simplex=UNKNOWN, ipx=UNKNOWN, hipo=OPTIMAL)
    assert won == "hipo"


def test_where_nobody_proves_anything_the_race_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    won, made = run(monkeypatch, 2, simplex=UNKNOWN, ipx=UNKNOWN, hipo=UNKNOWN)
    assert made[won].getModelStatus() == UNKNOWN
    assert set(made) == set(RUNNERS)
