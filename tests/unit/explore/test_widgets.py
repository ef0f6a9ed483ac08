"""The widget layer without a browser: a control is set, the page changes."""

from __future__ import annotations

import asyncio
import threading
import time
from pathlib import Path
from typing import Any

import pytest

import soe_lib as soe
from soe_lib.explore.leaves import LEAVES
from soe_lib.explore.runner import Runner
from soe_lib.explore.widgets import Workbench
from tests.unit.explore.companies import mill, network

BRIDGE = next(place for place, leaf in enumerate(LEAVES) if leaf.title == "Bridge")


@pytest.fixture
def bench(tmp_path: Path) -> Workbench:
    found = soe.workbench(mill(tmp_path / "mill"), store=tmp_path / "plans")
    assert isinstance(found, Workbench)
    found.builder.path = tmp_path / "scenarios.toml"
    return found


def notes(bench: Workbench) -> list[str]:
    return [row.text.value for row in bench.panel.changes.children]


def test_a_slider_changes_the_figures_and_says_what_it_touches(bench: Workbench) -> None:
    assert "96.00" in bench.strip.value
    bench.panel.fields["days"].value = 7
    assert "66.00" in bench.strip.value
    assert "worse" in bench.strip.value
    assert "Overtime, hours" in bench.leaves[0].value
    (note,) = notes(bench)
    assert "✓ line is down Mon 5 Jan to Sun 11 Jan: 10.0 hours lost." in note


def test_an_edit_that_matches_nothing_stands_out(bench: Workbench) -> None:
    bench.panel.kind.value = "expediting"
    bench.panel.fields["allowed"].value = False
    assert 'class="nothing">⚠ Matches nothing.' in notes(bench)[0]


def test_another_control_adds_to_the_first(bench: Workbench) -> None:
    bench.panel.fields["days"].value = 7
    bench.panel.kind.value = "demand"
    assert list(bench.panel.fields) == ["share", "family", "customer"]
    bench.panel.fields["share"].value = -30
    assert len(notes(bench)) == 2
    again, away = bench.panel.changes.children[0].children[1:]
    again.click()
    assert bench.panel.kind.value == "downtime"
    assert bench.panel.fields["days"].value == 7
    away.click()
    assert [text for text in notes(bench) if "down" in text] == []


def test_undo_and_reset_set_the_controls_back(bench: Workbench) -> None:
    panel = bench.panel
    assert panel.undo.disabled
    panel.fields["days"].value = 7
    panel.kind.value = "demand"
    panel.fields["share"].value = 50
    panel.undo.click()
    assert "66.00" in bench.strip.value
    panel.edit = panel.changes.children[0].children[1]
    panel.edit.click()
    assert panel.fields["days"].value == 7
    panel.reset.click()
    assert "96.00" in bench.strip.value
    assert notes(bench) == []


def test_only_the_tab_that_is_seen_is_drawn(bench: Workbench) -> None:
    bench.panel.fields["days"].value = 7
    assert "<svg" not in bench.leaves[BRIDGE].value
    bench.tabs.selected_index = BRIDGE
    first = bench.leaves[BRIDGE].value
    assert "<svg" in first
    assert "residual 0.00" in first
    bench.panel.fields["days"].value = 2
    assert bench.leaves[BRIDGE].value != first


def test_save_load_share_and_promote(bench: Workbench, tmp_path: Path) -> None:
    hand, panel = bench.handing, bench.panel
    hand.save.click()
    assert "Nothing is changed yet" in hand.said.value
    panel.fields["days"].value = 7
    hand.name.value = "a bad week"
    hand.save.click()
    assert "Saved a bad week in" in hand.said.value
    hand.share.click()
    assert "data:application/toml;base64," in hand.told.value
    code = hand.told.value.partition('tabindex="0">')[2].partition("<")[0]
    panel.reset.click()
    hand.load.value = "a bad week"
    assert "66.00" in bench.strip.value
    panel.reset.click()
    hand.received.value = code
    assert "66.00" in bench.strip.value
    hand.received.value = "nonsense"
    assert "no shared scenario" in hand.said.value
    hand.promote.click()
    assert "of who decides" in hand.said.value
    hand.by.value, hand.reason.value = "Ann", "it is down"
    hand.promote.click()
    assert "2026-01-05/1 is the plan of record, decided by Ann" in hand.said.value
    assert soe.plans(tmp_path / "plans").height == 1
    hand.exception.value = "PO-1"
    hand.offer.click()
    assert "no exception &#x27;PO-1&#x27;" in hand.said.value
    assert [one.answers for one in bench.builder.saved()] == [""]


def test_the_box_shows_the_name_that_is_saved(bench: Workbench) -> None:
    hand, panel = bench.handing, bench.panel
    panel.fields["days"].value = 7
    hand.name.value = "a bad week"
    assert "A bad week" in bench.strip.value, "the answer bears the name at once"
    panel.reset.click()
    assert hand.name.value == ""
    panel.fields["days"].value = 2
    assert hand.name.placeholder == "line down 2 days"
    hand.save.click()
    assert [one.name for one in bench.builder.saved()] == ["line down 2 days"]
    hand.save.click()
    assert "in place of the one of that name" in hand.said.value
    panel.reset.click()
    panel.undo.click()
    panel.undo.click()
    panel.undo.click()
    assert hand.name.value == bench.builder.draft.called
    hand.compare.click()
    assert bench.builder.side_by_side[-1].name == bench.builder.scenario.name


def test_a_file_of_scenarios_that_cannot_be_read_is_said_and_stops_nothing(tmp_path: Path) -> None:
    snapshot = mill(tmp_path / "mill")
    (snapshot.folder / "scenarios.toml").write_text("[[scenario]\n", encoding="utf-8")
    bench = soe.workbench(snapshot)
    assert isinstance(bench, Workbench)
    assert "no valid TOML" in bench.handing.said.value
    bench.panel.fields["days"].value = 7
    assert "66.00" in bench.strip.value


def test_a_link_is_offered_only_where_it_opens_something(bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.panel.fields["days"].value = 7
    bench.handing.share.click()
    assert "?scenario=" not in bench.handing.told.value
    assert "soe1." in bench.handing.told.value
    monkeypatch.setenv("SERVER_SOFTWARE", "voila/0.5")
    bench.handing.share.click()
    assert 'href="?scenario=soe1.' in bench.handing.told.value


@pytest.mark.parametrize("page", ["", "http://host:8866/", "http://host/voila/render/workbench.ipynb"])
def test_a_notebook_opens_a_scenario_by_its_code_or_its_link(bench: Workbench, tmp_path: Path, page: str) -> None:
    bench.panel.fields["days"].value = 7
    link = bench.builder.link(page)
    for given in (link, link.partition("=")[2]):
        again = soe.workbench(mill(tmp_path / "again"), shared=given)
        assert "66.00" in again.strip.value
        assert again.panel.fields["days"].value == 7
    assert "no shared scenario" in soe.workbench(mill(tmp_path / "again"), shared="soe2.x").handing.said.value


def test_scenarios_stand_side_by_side(bench: Workbench) -> None:
    bench.panel.fields["days"].value = 7
    bench.handing.compare.click()
    bench.panel.fields["days"].value = 2
    bench.handing.save.click()
    bench.panel.reset.click()
    bench.scenarios.plan.click()
    for name in ("this week&#x27;s plan", "line down 7 days", "line down 2 days"):
        assert name in bench.scenarios.table.value.replace("&#39;", "&#x27;")


def test_the_table_shows_the_scenario_on_the_screen_and_no_other_of_its_name(bench: Workbench) -> None:
    bench.handing.name.value = "bad week"
    bench.panel.fields["days"].value = 7
    bench.handing.compare.click()
    assert "66.00" in bench.scenarios.table.value or "66" in bench.scenarios.table.value
    bench.panel.fields["days"].value = 2
    bench.scenarios.refresh()
    assert bench.scenarios.table.value.count("bad week") == 1
    assert "94" in bench.scenarios.table.value
    assert "66" not in bench.scenarios.table.value


def test_what_was_told_of_a_scenario_goes_with_it(bench: Workbench) -> None:
    bench.panel.fields["days"].value = 7
    bench.handing.share.click()
    bench.handing.save.click()
    assert "soe1." in bench.handing.told.value
    assert "Saved" in bench.handing.said.value
    bench.panel.fields["days"].value = 2
    assert bench.handing.told.value == bench.handing.said.value == ""


def test_a_point_of_a_frontier_can_be_chosen_again(bench: Workbench) -> None:
    bench.tradeoff.points.value = 3
    bench.tradeoff.draw.click()
    bench.tradeoff.point.value = 0
    chosen = bench.strip.value
    bench.panel.fields["days"].value = 7
    assert bench.tradeoff.point.value is None
    bench.tradeoff.point.value = 0
    assert bench.strip.value.partition('class="seconds"')[0] == chosen.partition('class="seconds"')[0]


def test_a_page_opened_by_a_link_begins_with_its_scenario(
    bench: Workbench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.panel.fields["days"].value = 7
    monkeypatch.setenv("QUERY_STRING", bench.builder.link().removeprefix("?"))
    assert "66.00" in soe.workbench(mill(tmp_path / "again")).strip.value


def test_a_fault_of_ours_is_a_message_and_no_traceback(bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: object) -> None:
        raise RuntimeError("<b>broken</b>")

    monkeypatch.setattr(bench.explorer, "answer", fail)
    bench.panel.fields["days"].value = 7
    assert "RuntimeError: &lt;b&gt;broken&lt;/b&gt;" in bench.strip.value


def test_a_snapshot_without_a_plan_says_why(tmp_path: Path) -> None:
    promised = [{"item": "A", "location": "P", "customer": "Aldi", "period": "W1", "quantity": 90, "committed": 90}]
    assert "infeasible" in soe.workbench(mill(tmp_path, forecast=promised)).value


# -- work beside the page ---------------------------------------------------------------------------------------------


def test_of_what_comes_while_it_works_only_the_newest_is_done() -> None:
    done: list[int] = []

    async def burst() -> None:
        runner = Runner(lambda _: None)
        gate = threading.Event()

        def slow(number: int) -> int:
            gate.wait(5)
            return number

        for number in range(5):
            runner.ask(lambda number=number: slow(number), done.append, _raised)
        gate.set()
        await _until(lambda: len(done) == 2)
        await asyncio.sleep(0.05)

    asyncio.run(burst())
    assert done == [0, 4]


def test_work_of_another_kind_waits_and_none_is_lost() -> None:
    """A frontier that is drawn, a question, a change by hand: the change is answered first, the others after it."""
    done: list[str] = []

    async def all_at_once() -> None:
        runner = Runner(lambda _: None)
        gate = threading.Event()

        def slow(name: str) -> str:
            gate.wait(5)
            return name

        runner.ask(lambda: slow("frontier"), done.append, _raised, "frontier")
        assert not runner.outdated
        for name, kind in (("question", "question"), ("old", "answer"), ("tab", "exceptions"), ("new", "answer")):
            runner.ask(lambda name=name: slow(name), done.append, _raised, kind)
        assert not runner.outdated, "nothing newer of its kind waits for the frontier"
        gate.set()
        await _until(lambda: len(done) == 4)
        await asyncio.sleep(0.05)

    asyncio.run(all_at_once())
    assert done == ["frontier", "new", "question", "tab"]


def test_whoever_asked_hears_of_a_result_that_cannot_be_told() -> None:
    errors: list[Exception] = []

    async def told() -> None:
        runner = Runner(lambda _: None)
        runner.ask(lambda: 1, lambda _: 1 / 0, errors.append)
        await _until(lambda: bool(errors))

    asyncio.run(told())
    assert isinstance(errors[0], ZeroDivisionError)


def test_a_tab_looked_at_and_a_field_changed_while_a_frontier_is_drawn(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    from soe_lib.explore import widgets

    monkeypatch.setattr(widgets, "OUTDATED", 0.0)
    gate, cancels = threading.Event(), []
    monkeypatch.setattr(bench.explorer.watch, "cancel", lambda: cancels.append("cancelled"))
    honest = bench.tradeoff._worked
    bench.panel.fields["days"].value = 7

    async def look() -> None:
        monkeypatch.setattr(bench.tradeoff, "_worked", lambda *asked: (gate.wait(20), honest(*asked))[1])
        bench.tradeoff.points.value = 3
        bench.tradeoff.draw.click()
        bench.tabs.selected_index = BRIDGE
        await _until(lambda: "<svg" in bench.leaves[BRIDGE].value)
        bench.questions.ask.click()
        bench.panel.fields["days"].value = 2
        await asyncio.sleep(0.6)
        assert "your change is answered next" in bench.progress.value or bench.runner.busy
        assert bench.tradeoff.draw.disabled
        gate.set()
        await _until(lambda: not bench.runner.busy and not bench.runner.waiting, 60)

    asyncio.run(look())
    assert cancels == []
    assert bench.tradeoff.made is not None
    assert "down 2 days" in bench.strip.value
    assert not bench.tradeoff.draw.disabled
    assert not bench.questions.ask.disabled


def test_a_frontier_that_is_cancelled_leaves_a_page_that_works(bench: Workbench) -> None:
    honest = bench.tradeoff._counted_to

    def cancel(done: int, all_: int) -> None:
        honest(done, all_)
        bench.explorer.watch.cancel()

    bench.tradeoff._counted_to = cancel  # type: ignore[method-assign]
    bench.tradeoff.draw.click()
    assert not bench.tradeoff.draw.disabled
    bench.tradeoff._counted_to = honest  # type: ignore[method-assign]
    bench.panel.fields["days"].value = 7
    assert "66.00" in bench.strip.value
    bench.tradeoff.draw.click()
    assert "<svg" in bench.tradeoff.picture.value


def test_the_page_hears_how_long_it_takes_and_of_a_failure() -> None:
    ticks: list[float] = []
    errors: list[Exception] = []

    async def long() -> None:
        runner = Runner(ticks.append)
        runner.ask(lambda: time.sleep(0.6), lambda _: None, _raised)
        await _until(lambda: not runner.busy)
        runner.ask(lambda: 1 / 0, lambda _: None, errors.append)
        await _until(lambda: bool(errors))

    asyncio.run(long())
    assert len(ticks) == 2
    assert isinstance(errors[0], ZeroDivisionError)


def test_a_cancelled_run_leaves_the_last_answer_and_a_solver_that_works(bench: Workbench) -> None:
    living, watch = bench.explorer.living, bench.explorer.watch
    plan = living.plan

    def stopped(*given: Any, **named: Any) -> Any:
        watch.cancel()  # as if the button were pressed while it runs
        return plan(*given, **named)

    living.plan = stopped  # type: ignore[method-assign]
    bench.panel.fields["days"].value = 7
    assert "Cancelled" in bench.strip.value
    assert "96.00" in bench.strip.value
    living.plan = plan  # type: ignore[method-assign]
    bench.panel.fields["days"].value = 6
    bench.panel.fields["days"].value = 7
    assert "66.00" in bench.strip.value


def test_a_long_run_says_how_far_it_is_and_can_be_stopped(bench: Workbench) -> None:
    assert bench.running.layout.display == "none"
    bench._tick(3.0)
    assert bench.running.layout.display is None
    assert "Planning, 3 s" in bench.progress.value
    bench.cancel.click()
    assert bench.explorer.watch.cancelled
    bench.runner.ended()
    assert bench.running.layout.display == "none"


async def _until(there: Any, seconds: float = 5) -> None:
    end = time.monotonic() + seconds
    while not there() and time.monotonic() < end:
        await asyncio.sleep(0.01)
    assert there()


def _raised(error: Exception) -> None:
    raise error


def test_a_point_of_a_frontier_is_chosen_on_its_drawing(tmp_path: Path) -> None:
    bench = soe.workbench(network(tmp_path))
    trade = bench.tradeoff
    trade.points.value = 3
    trade.draw.click()
    assert trade.made is not None
    assert len(trade.spots) == len(trade.made) > 1
    lefts = [float(spot.layout.left.rstrip("%")) for spot in trade.spots]
    tops = [float(spot.layout.top.rstrip("%")) for spot in trade.spots]
    assert lefts == sorted(lefts)
    assert 0 < min(lefts) < max(lefts) < 100, "points stand by rising x, within the drawing"
    assert tops == sorted(tops), "more service costs margin, so the curve falls"
    trade.spots[-1].click()
    assert bench.shown.plan is not None
    assert bench.shown.plan.margin == pytest.approx(trade.made.plan(len(trade.made) - 1).margin)
    assert "soe-chosen" in trade.spots[-1]._dom_classes
    assert "soe-chosen" not in trade.spots[0]._dom_classes


def test_the_exceptions_to_answer_are_offered_once_somebody_looks(bench: Workbench) -> None:
    hand, (asked, more) = bench.handing, (bench.handing.exception, bench.handing.children[-1])
    assert asked.options == ()
    more.selected_index = 1
    found = bench.explorer.exceptions()
    assert asked.options == found
    assert hand.said.value == ""
