"""The widget layer without a browser: a control is set, the page changes."""

from __future__ import annotations

import asyncio
import random
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import soe_lib as soe
from soe_lib.workbench import page
from soe_lib.workbench.explorer import Runner
from soe_lib.workbench.page import Workbench
from soe_lib.workbench.view import LEAVES
from tests.unit.workbench.companies import mill, network

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


def saved(bench: Workbench, *days: int) -> list[str]:
    """Save the line being down for some numbers of days, and go back to the base; their names."""
    for count in days:
        bench.panel.fields["days"].value = count
        bench.handing.save.click()
    bench.panel.reset.click()
    bench.explorer._known.clear()
    return [f"line down {count} days" for count in days]


def named(bench: Workbench) -> list[str]:
    """Which of the answers are kept to stand in the table."""
    return list(bench.builder.kept)


def test_a_press_on_plan_the_saved_scenarios_is_seen_at_once(bench: Workbench) -> None:
    names, gate, said = saved(bench, 2, 7), threading.Event(), list[str]()
    honest = bench.explorer.answer
    bench.explorer.answer = lambda trial: (gate.wait(5), honest(trial))[1]  # type: ignore[method-assign]
    bench.scenarios.said.observe(lambda change: said.append(change["new"]), names="value")

    async def press() -> None:
        bench.scenarios.plan.click()
        assert bench.scenarios.plan.disabled
        assert "1 of 2, line down 2 days" in bench.scenarios.said.value
        bench.scenarios.plan.click()
        gate.set()
        await _until(lambda: not bench.scenarios.plan.disabled)

    asyncio.run(press())
    assert named(bench) == names
    assert [sum(f"{place} of 2" in one for one in said) for place in (1, 2)] == [1, 1], (
        "the second press was one too many"
    )
    assert "2 saved scenarios answered." in bench.scenarios.said.value


@pytest.mark.parametrize(
    ("held", "told"),
    [(None, "holds no scenario yet"), ("", "holds no scenario yet"), ("[[scenario]\n", "no valid TOML")],
    ids=["no-file", "empty", "half-written"],
)
def test_nothing_to_plan_is_said(bench: Workbench, held: str | None, told: str) -> None:
    if held is not None:
        bench.builder.path.write_text(held, encoding="utf-8")
    bench.scenarios.plan.click()
    assert told in bench.scenarios.said.value
    assert not bench.scenarios.plan.disabled


def test_a_saved_scenario_that_fails_takes_no_other_with_it(bench: Workbench) -> None:
    (first, second, third), honest = saved(bench, 2, 7, 3), bench.explorer.answer
    before = bench.strip.value

    def broken(trial: Any) -> Any:
        if trial.name == second:
            raise RuntimeError("<b>broken</b>")
        return honest(trial)

    bench.explorer.answer = broken  # type: ignore[method-assign]
    bench.scenarios.plan.click()
    assert named(bench) == [first, third]
    assert f"2 saved scenarios answered. {second}: The workbench failed on this" in bench.scenarios.said.value
    assert "&lt;b&gt;broken" in bench.scenarios.said.value
    assert bench.strip.value == before, "the scenario on the screen has its figures still"
    assert not bench.scenarios.plan.disabled


def test_a_table_that_cannot_be_shown_leaves_a_button_that_works(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved(bench, 2, 7)
    monkeypatch.setattr(bench.scenarios, "refresh", lambda: 1 / 0)
    bench.scenarios.plan.click()
    assert bench.scenarios.said.value.count("ZeroDivisionError") == 2
    assert not bench.scenarios.plan.disabled


@pytest.mark.parametrize("by_hand", [False, True])
def test_cancel_ends_the_saved_scenarios_or_lets_a_change_by_hand_come_first(bench: Workbench, by_hand: bool) -> None:
    """What was cancelled is no answer, and stands in place of none."""
    names, answer, order = saved(bench, 2, 7, 3), bench.explorer.answer, list[str]()
    bench.scenarios.plan.click()
    kept = dict(bench.builder.kept)
    bench.explorer._known.clear()
    plan, running, gate = bench.explorer.living.plan, threading.Event(), threading.Event()

    def slow(*given: Any, name: str, **named: Any) -> Any:
        if name == names[1] and not gate.is_set():
            running.set()
            gate.wait(5)
        return plan(*given, name=name, **named)

    def noted(trial: Any) -> Any:
        found = answer(trial)
        order.append(f"{found.name}{'' if found.ok else ' cancelled'}")
        return found

    bench.explorer.living.plan, bench.explorer.answer = slow, noted  # type: ignore[method-assign]

    async def press() -> None:
        bench.scenarios.plan.click()
        await _until(running.is_set)
        if by_hand:
            bench.panel.fields["days"].value = 5
        bench.cancel.click()
        gate.set()
        await _until(lambda: not bench.scenarios.plan.disabled)
        await _until(lambda: not bench.runner.busy and not bench.runner.waiting)

    asyncio.run(press())
    assert named(bench) == names
    assert all(one.ok for one in bench.builder.kept.values())
    assert bench.builder.kept[names[1]].kpis == kept[names[1]].kpis
    if by_hand:
        assert order == [names[0], f"{names[1]} cancelled", "line down 5 days", names[1], names[2]]
        assert "down 5 days" in bench.strip.value
        assert "3 saved scenarios answered." in bench.scenarios.said.value
    else:
        assert order == [names[0], f"{names[1]} cancelled"]
        assert "Cancelled after 1 of 3 saved scenarios." in bench.scenarios.said.value


def test_cancel_pressed_while_the_tables_are_changed_is_heard(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before the solver has begun."""
    from soe_lib.workbench import explorer

    honest = explorer._applied

    def pressed(*given: Any, **named: Any) -> Any:
        bench.cancel.click()
        return honest(*given, **named)

    monkeypatch.setattr(explorer, "_applied", pressed)
    bench.panel.fields["days"].value = 7
    assert "Cancelled" in bench.strip.value
    monkeypatch.undo()
    bench.panel.fields["days"].value = 6
    assert "Cancelled" not in bench.strip.value


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


@pytest.mark.parametrize("seed", range(20))
def test_in_any_order_the_newest_of_each_kind_and_every_series_comes_to_its_end(seed: int) -> None:
    """Asks at random moments of four kinds, a series of six beside them; work, its telling and the page's words fail."""
    dice, kinds = random.Random(seed), ("answer", "frontier", "question", "exceptions")
    asked, heard = dict.fromkeys(kinds, 0), {kind: list[int]() for kind in kinds}
    series, working, most = list[int](), 0, 0

    def fragile(*_: object) -> None:
        if dice.random() < 0.2:
            raise ValueError("the page")

    def work(number: int, seconds: float, fails: bool) -> int:
        nonlocal working, most
        working += 1
        most = max(most, working)
        time.sleep(seconds)
        working -= 1
        if fails:
            raise RuntimeError(number)
        return number

    def ask(runner: Runner, kind: str) -> None:
        asked[kind] += 1
        number, fails, untold = asked[kind], dice.random() < 0.2, dice.random() < 0.2

        def told(found: int) -> None:
            if untold:
                raise ValueError("the telling")
            heard[kind].append(found)

        seconds = dice.choice((0, 0, 0.001, 0.004))
        runner.ask(lambda: work(number, seconds, fails), told, lambda _: heard[kind].append(number), kind)

    def go_on(runner: Runner, left: list[int]) -> None:
        if left:
            fails = dice.random() < 0.3
            step: Callable[[object], None] = lambda _: (series.append(left[0]), go_on(runner, left[1:]))[0]  # noqa: E731
            runner.ask(lambda: work(left[0], 0.001, fails), step, step, "saved")

    async def at_random() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda *_: None)
        runner = Runner(fragile, fragile)
        go_on(runner, list(range(6)))
        for _ in range(60):
            ask(runner, dice.choice(kinds))
            if dice.random() < 0.4:
                await asyncio.sleep(dice.choice((0, 0.001, 0.003)))
        await _until(lambda: not runner.busy and not runner.waiting)

    asyncio.run(at_random())
    assert series == list(range(6))
    assert most == 1
    for kind in kinds:
        assert heard[kind][-1] == asked[kind]
        assert heard[kind] == sorted(set(heard[kind]))


def test_a_page_that_cannot_say_how_long_it_takes_is_told_again() -> None:
    ticks: list[float] = []

    async def long() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda *_: None)
        runner = Runner(lambda seconds: (ticks.append(seconds), 1 / 0)[0])
        runner.ask(lambda: time.sleep(0.9), lambda _: None, _raised)
        await _until(lambda: not runner.busy)

    asyncio.run(long())
    assert len(ticks) > 1


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

    monkeypatch.setattr(page, "OUTDATED", 0.0)
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


def test_a_scenario_handed_to_the_pack_behind_other_work_is_seen_to_be_and_loses_nothing(bench: Workbench) -> None:
    hand, explorer, gate = bench.handing, bench.explorer, threading.Event()
    explorer.__dict__["_exceptions"] = found = ("late: A", "short: A")
    honest = explorer.exceptions
    explorer.exceptions = lambda: (gate.wait(5), honest())[1]  # type: ignore[method-assign]
    bench.panel.fields["days"].value = 7
    hand.exception.value = found[0]

    async def press(*, meanwhile: int | None = None) -> None:
        gate.clear()
        hand.exception.options = ()
        bench.runner.ask(lambda: gate.wait(5), lambda _: None, _raised, "frontier")
        hand._opened(1)
        hand.offer.click()
        assert hand.offer.disabled
        assert "Looking up" in hand.said.value
        hand.offer.click()
        if meanwhile:
            bench.panel.fields["days"].value = meanwhile
        gate.set()
        await _until(lambda: not hand.offer.disabled)
        await _until(lambda: not bench.runner.busy and not bench.runner.waiting)

    asyncio.run(press(meanwhile=2))
    assert "changed meanwhile" in hand.said.value
    assert bench.builder.saved() == ()
    asyncio.run(press())
    assert hand.exception.options == found
    assert [one.answers for one in bench.builder.saved()] == [found[0]]
    explorer.exceptions = lambda: _raised(RuntimeError("lost"))  # type: ignore[assignment, method-assign, return-value]
    hand.offer.click()
    assert "RuntimeError: lost" in hand.said.value
    assert not hand.offer.disabled
