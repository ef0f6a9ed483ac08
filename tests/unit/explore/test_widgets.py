"""The widget layer without a browser: a control is set, the page changes."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

import soe_lib as soe
from soe_lib.explore.debounce import Debounce
from soe_lib.explore.trial import Trial
from soe_lib.explore.widgets import LOAD, Workbench
from tests.unit.explore.companies import mill


@pytest.fixture
def bench(tmp_path: Path) -> Workbench:
    found = soe.workbench(mill(tmp_path))
    assert isinstance(found, Workbench)
    return found


def test_a_slider_changes_the_figures(bench: Workbench) -> None:
    assert "96.00" in bench.strip.value
    bench.controls.outage_days.value = 7
    assert "66.00" in bench.strip.value
    assert "worse" in bench.strip.value
    assert bench.explorer.current.trial == Trial(resource="line", outage_days=7)
    assert "Overtime, hours" in bench.moved.value


def test_every_control_says_its_part_of_the_trial(bench: Workbench) -> None:
    controls = bench.controls
    controls.outage_days.value, controls.outage_from.index = 2, 3
    controls.demand.value, controls.family.value, controls.customer.value = 10, "Flour", "Aldi"
    controls.overtime_premium.value = 50
    controls.expediting.value = False
    day = bench.explorer.choices.days[3]
    assert controls.trial == Trial("line", 2, day, 0.1, "Flour", "Aldi", 0.5, expediting=False)
    assert bench.explorer.current.trial == controls.trial


def test_undo_and_reset_set_the_controls_back_and_ask_nothing(bench: Workbench) -> None:
    controls = bench.controls
    assert controls.undo.disabled
    controls.outage_days.value = 7
    controls.demand.value = 50
    controls.undo.click()
    assert (controls.outage_days.value, controls.demand.value) == (7, 0)
    assert "66.00" in bench.strip.value
    assert [one.name for one in bench.explorer.history] == ["line down 7 days"]
    controls.reset.click()
    assert controls.trial == Trial()
    assert "96.00" in bench.strip.value
    assert controls.undo.disabled


def test_the_trials_stand_side_by_side(bench: Workbench) -> None:
    bench.controls.outage_days.value = 7
    bench.controls.outage_days.value = 8
    assert bench.trials.value.count("line down") == 2


def test_a_chart_is_drawn_when_it_is_looked_at(bench: Workbench) -> None:
    bench.controls.outage_days.value = 7
    assert bench.load.image.value == b""
    bench.tabs.selected_index = LOAD
    first = bytes(bench.load.image.value)
    assert first.startswith(b"\x89PNG")
    bench.controls.outage_days.value = 0
    assert bytes(bench.load.image.value) != first


def test_a_fault_of_ours_is_a_message_and_no_traceback(bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: Trial) -> None:
        raise RuntimeError("<b>broken</b>")

    monkeypatch.setattr(bench.explorer, "ask", fail)
    bench.controls.outage_days.value = 7
    assert "RuntimeError: &lt;b&gt;broken&lt;/b&gt;" in bench.strip.value


def test_a_snapshot_without_a_plan_says_why(tmp_path: Path) -> None:
    promised = [{"item": "A", "location": "P", "customer": "Aldi", "period": "W1", "quantity": 90, "committed": 90}]
    assert "infeasible" in soe.workbench(mill(tmp_path, forecast=promised)).value


def test_a_burst_is_answered_at_its_start_and_when_it_pauses() -> None:
    told: list[int] = []
    values = iter(range(100))

    async def burst() -> None:
        latest = 0
        answered = Debounce(lambda: told.append(latest), quiet=0.05)
        for _ in range(6):
            latest = next(values)
            answered()
            await asyncio.sleep(0.01)
        assert told == [0], "a lone change waits for nobody"
        await asyncio.sleep(0.1)

    asyncio.run(burst())
    assert told == [0, 5], "of a burst only its last state is answered"


def test_what_queued_up_during_an_answer_is_one_burst() -> None:
    told: list[int] = []

    async def busy() -> None:
        state = [1]

        def slow() -> None:
            told.append(state[0])
            time.sleep(0.1)

        answered = Debounce(slow, quiet=0.05)
        answered()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        for state[0] in (2, 3, 4):
            answered()
            await asyncio.sleep(0)
        assert told == [1]
        await asyncio.sleep(0.1)

    asyncio.run(busy())
    assert told == [1, 4]


def test_a_change_can_be_forgotten() -> None:
    told: list[int] = []

    async def forget() -> None:
        drawn = Debounce(lambda: told.append(1), quiet=0.01, eager=False)
        drawn()
        drawn.cancel()
        await asyncio.sleep(0.03)

    asyncio.run(forget())
    assert told == []
