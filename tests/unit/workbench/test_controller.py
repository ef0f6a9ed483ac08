"""The controller without a browser: a trial in, figures out that a planner works out by hand."""

from __future__ import annotations

import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest

import soe_lib as soe
from soe_lib.errors import SolveError
from soe_lib.whatif.compare import compare
from soe_lib.whatif.scenario import Scenario
from soe_lib.workbench.answer import Draft
from soe_lib.workbench.builder import Builder
from soe_lib.workbench.explorer import Explorer
from tests.unit.workbench.companies import MONDAY, mill, trader
from tests.unit.workbench.forms import tried

DOWN = tried(resource="line", outage_days=7)


def values(explorer: Explorer, trial: Draft) -> dict[str, float | None]:
    return explorer.answer(trial).values


def test_the_base_is_the_plan_of_the_snapshot(tmp_path: Path) -> None:
    # 16 units within 20 hours: 16 × 6, all on time.
    base = Explorer(mill(tmp_path)).base
    expected = {"Margin": 96, "Cash": 96, "Revenue": 192, "On time": 1, "Late": 0, "Short": 0, "Overtime": 0}
    assert {name: base[name].value for name in expected} == pytest.approx(expected)
    assert all(kpi.state == "level" for kpi in base.kpis)


def test_a_week_down_moves_what_it_can_into_the_week_after(tmp_path: Path) -> None:
    # W2: its own 8 at 6, then 2 of W1 on regular hours (6 − 1) and 4 on overtime (3 − 1); 2 of W1 are never served.
    answer = Explorer(mill(tmp_path)).answer(DOWN)
    expected = {"Margin": 48 + 10 + 8, "Revenue": 14 * 12, "On time": 0.5, "Late": 6, "Short": 2, "Overtime": 4}
    assert {name: answer[name].value for name in expected} == pytest.approx(expected)
    assert answer["Margin"].change == pytest.approx(66 - 96)
    assert [answer[name].state for name in ("Margin", "On time", "Late", "Overtime")] == ["worse"] * 4
    assert answer["Closing stock"].state == "level"
    assert answer.notes[0].text == "line is down Mon 5 Jan to Sun 11 Jan: 10.0 hours lost."


def test_part_of_a_week_takes_its_working_days_hours(tmp_path: Path) -> None:
    # One of five working days: 2 of 10 hours; 8 are left for 8 units.
    answer = Explorer(mill(tmp_path)).answer(
        tried(resource="line", outage_days=1, outage_from=MONDAY + timedelta(days=2))
    )
    assert answer["Margin"].value == pytest.approx(96)
    assert answer.notes[0].text == "line is down Wed 7 Jan: 2.0 hours lost."


def test_a_crew_without_a_calendar_is_a_resource_like_any_other(tmp_path: Path) -> None:
    # Two heads of 5 hours; a day takes a fifth of the week's ten, which leaves 8 for 8 units.
    heads = {"resource": "line", "opening_heads": 2, "hours_per_head": 5, "minimum_heads": 2, "maximum_heads": 2}
    snapshot = mill(tmp_path, workforce=[heads])
    explorer = Explorer(snapshot.replace(calendar=snapshot["calendar"].clear()))
    assert (explorer.choices.resources, explorer.choices.scarcest) == (("line",), "line")
    answer = explorer.answer(tried(resource="line", outage_days=1, outage_from=MONDAY + timedelta(days=2)))
    assert answer["Margin"].value == pytest.approx(96)
    assert answer.notes[0].text == "line is down Wed 7 Jan: 2.0 hours lost."
    builder = Builder(explorer, tmp_path / "s.toml")
    half = builder.choose("hours").set(share=-50).answer()
    assert half["Margin"].value == pytest.approx(10 * 6)


def test_more_demand_is_served_as_far_as_the_line_goes(tmp_path: Path) -> None:
    # 12 a week: 10 in W1; in W2 10 regular and 4 overtime, of which 2 are W1's, a week late.
    explorer = Explorer(mill(tmp_path))
    for whose in ({}, {"family": "Flour"}, {"customer": "Aldi"}, {"family": "Flour", "customer": "Aldi"}):
        answer = explorer.answer(tried(demand=0.5, **whose))
        assert answer["Margin"].value == pytest.approx(10 * 6 + 10 * 6 + 4 * 3 - 2), whose
        assert answer["On time"].value == pytest.approx(22 / 24), whose
        assert answer.notes[0].rows == 2, whose


def test_promises_keep_their_share_of_the_demand(tmp_path: Path) -> None:
    promised = [
        {
            "item": "A",
            "location": "P",
            "customer": "Aldi",
            "period": f"W{n}",
            "quantity": 8,
            "price": 12,
            "committed": 8,
        }
        for n in (1, 2)
    ]
    explorer = Explorer(mill(tmp_path, forecast=promised))
    assert explorer.answer(tried(demand=-0.25))["Margin"].value == pytest.approx(12 * 6)
    # 12 a week is just what the line and its overtime can do; 12.8 a week is more than it can promise.
    assert explorer.answer(tried(demand=0.5))["Margin"].value == pytest.approx(130)
    assert "promises in proportion" in explorer.answer(tried(demand=0.5)).notes[0].text
    assert explorer.answer(tried(demand=0.6)).message.startswith("infeasible")


def test_orders_are_facts_unless_they_are_all_there_is(tmp_path: Path) -> None:
    order = {
        "order": "1",
        "item": "A",
        "location": "P",
        "customer": "Aldi",
        "due_on": MONDAY,
        "quantity": 6,
        "price": 12,
    }
    both = Explorer(mill(tmp_path / "both", orders=[order]))
    # 6 of W1's 8 are ordered; +50 % is on the forecast of 8 + 8: 12 less the 6 ordered, and 12.
    answer = both.answer(tried(demand=0.5))
    assert sum(float(answer.plan.flows[flow]["quantity"].sum()) for flow in ("sell", "short")) == pytest.approx(24)
    assert "1 open order stay as they are" in answer.notes[0].text
    only = Explorer(mill(tmp_path / "only", orders=[order], forecast=[_elsewhere()]))
    answer = only.answer(tried(demand=0.5, customer="Aldi"))
    assert answer["Revenue"].value == pytest.approx(9 * 12)
    assert "no forecast matches, so 1 order" in answer.notes[0].text


def _elsewhere() -> dict[str, object]:
    return {"item": "A", "location": "P", "customer": "", "period": "W2", "quantity": 0, "price": 12}


def test_dearer_overtime_is_bought_less(tmp_path: Path) -> None:
    # At twice the premium of 3 a late unit on overtime loses 12 − 4 − 2 − 6 − 1 = −1: 6 of W1 stay short.
    explorer = Explorer(mill(tmp_path))
    dear = explorer.answer(tried(resource="line", outage_days=7, overtime_premium=1.0))
    assert dear["Margin"].value == pytest.approx(48 + 10)
    assert dear["Overtime"].value == pytest.approx(0)
    cheap = explorer.answer(tried(resource="line", outage_days=7, overtime_premium=-1.0))
    assert cheap["Margin"].value == pytest.approx(48 + 10 + 4 * 5)


def test_without_expediting_what_is_late_is_lost(tmp_path: Path) -> None:
    explorer = Explorer(trader(tmp_path))
    assert explorer.base["Margin"].value == pytest.approx(10 * (12 - 8))
    answer = explorer.answer(tried(expediting=False))
    assert answer["Margin"].value == pytest.approx(0)
    assert answer["Short"].value == pytest.approx(10)
    assert answer.accounts.filter(pl.col("account") == "expediting")["change"].to_list() == pytest.approx([30])
    assert explorer.answer(tried())["Margin"].value == pytest.approx(40)


@pytest.mark.parametrize(
    ("trial", "word"),
    [
        (tried(resource="kiln", outage_days=3), "no resource 'kiln'"),
        (tried(resource="line", outage_days=3, outage_from=date(2027, 1, 1)), "outside the horizon"),
        (tried(demand=0.1, family="Bread"), "no forecast and no order matches"),
        (tried(demand=0.1, customer="Nobody"), "no forecast and no order matches"),
        (tried(expediting=False), "no offer is an expedited one"),
    ],
)
def test_an_edit_that_matches_nothing_says_so(tmp_path: Path, trial: Draft, word: str) -> None:
    explorer = Explorer(mill(tmp_path))
    answer = explorer.answer(trial)
    assert word in answer.notes[0].text
    assert answer.notes[0].nothing
    assert answer["Margin"].value == explorer.base["Margin"].value


def test_an_outage_on_days_without_hours_says_so(tmp_path: Path) -> None:
    explorer = Explorer(mill(tmp_path))
    weekend = tried(resource="line", outage_days=2, outage_from=MONDAY + timedelta(days=5))
    answer = explorer.answer(weekend)
    assert answer.notes[0].nothing
    assert "no hours left to lose" in answer.notes[0].text


def test_the_edits_that_match_count_beside_one_that_does_not(tmp_path: Path) -> None:
    answer = Explorer(mill(tmp_path)).answer(tried(resource="line", outage_days=7, expediting=False))
    assert [note.nothing for note in answer.notes] == [False, True]
    assert answer["Margin"].value == pytest.approx(66)


def test_promises_that_cannot_be_kept_become_a_message_and_the_next_trial_works(tmp_path: Path) -> None:
    promised = [
        {
            "item": "A",
            "location": "P",
            "customer": "Aldi",
            "period": f"W{n}",
            "quantity": 8,
            "price": 12,
            "committed": 8,
        }
        for n in (1, 2)
    ]
    explorer = Explorer(mill(tmp_path, forecast=promised))
    answer = explorer.answer(DOWN)
    assert not answer.ok
    assert answer.message.startswith("infeasible")
    assert "no plan" in repr(answer)
    assert explorer.answer(tried(overtime_premium=1.0))["Margin"].value == pytest.approx(96)


def test_a_base_without_a_plan_is_an_error_with_a_reason(tmp_path: Path) -> None:
    promised = [{"item": "A", "location": "P", "customer": "Aldi", "period": "W1", "quantity": 90, "committed": 90}]
    with pytest.raises(SolveError, match="infeasible"):
        Explorer(mill(tmp_path, forecast=promised))


def test_the_base_keeps_to_the_fence_like_the_packs_own_plan(tmp_path: Path) -> None:
    # The record makes 4 in W1; each unit more would earn 6 and cost 7 to change, in either week.
    settings = '[costs]\nper = "period"\n[fence]\nslushy_days = 14\nchange_cost = 7\n'
    wanted = [
        {"item": "A", "location": "P", "customer": "Aldi", "period": period, "quantity": quantity, "price": 12}
        for period, quantity in (("W1", 4), ("W2", 8))
    ]
    record = soe.plan(mill(tmp_path / "before", settings=settings, forecast=wanted))
    explorer = Explorer(mill(tmp_path / "now", settings=settings), record=record)
    assert explorer.base["Margin"].value == pytest.approx(12 * 6)
    assert Explorer(explorer.snapshot).base["Margin"].value == pytest.approx(16 * 6)


def test_what_was_asked_before_is_not_solved_again(tmp_path: Path) -> None:
    explorer = Explorer(mill(tmp_path))
    first = explorer.answer(DOWN)
    assert explorer.answer(tried(demand=0.5)).plan is not first.plan
    assert explorer.answer(DOWN).plan is first.plan
    assert explorer.answer(tried()) is explorer.base


def test_moves_say_what_the_plan_does_otherwise_with_its_money(tmp_path: Path) -> None:
    moves = Explorer(mill(tmp_path)).answer(DOWN).moves
    found = {(row["flow"], row["week"]): row for row in moves.iter_rows(named=True)}
    assert found["make", "W1"]["change"] == pytest.approx(-8)
    assert found["make", "W2"]["change"] == pytest.approx(6)
    assert found["overtime", "W2"]["money"] == pytest.approx(-4 * 3)
    assert found["sell", "W1"]["money"] == pytest.approx(-8 * 12)
    assert found["sell", "W2"]["money"] == pytest.approx(6 * (12 - 1))
    assert found["short", "W1"]["after"] == pytest.approx(2)
    money = moves["money"].abs().to_list()
    assert money == sorted(money, reverse=True)


def test_accounts_add_up_to_the_change_of_the_objective(tmp_path: Path) -> None:
    explorer = Explorer(mill(tmp_path))
    answer = explorer.answer(DOWN)
    change = answer.plan.objective - explorer.base.plan.objective
    assert answer.accounts["change"].sum() == pytest.approx(change)


def test_the_time_is_told_with_the_solvers_share(tmp_path: Path) -> None:
    seconds = Explorer(mill(tmp_path)).answer(DOWN).seconds
    assert seconds.solve > 0
    assert 0 < seconds.share_of_solve < 1
    assert seconds.total == pytest.approx(seconds.edit + seconds.assemble + seconds.solve + seconds.read)
    assert "solver" in str(seconds)


def test_the_choices_are_those_of_the_company(tmp_path: Path) -> None:
    choices = Explorer(mill(tmp_path)).choices
    assert (choices.resources, choices.families, choices.customers) == (("line",), ("Flour",), ("Aldi",))
    assert choices.days[0] == MONDAY
    assert len(choices.days) == 14


def test_a_company_without_lines_can_be_asked_too(tmp_path: Path) -> None:
    explorer = Explorer(trader(tmp_path))
    assert explorer.choices.resources == ()
    assert explorer.answer(tried(demand=0.1)).name == "all demand +10 %"


@pytest.mark.parametrize("name", ["Soap & Care", "P", "A"])
def test_names_that_a_target_cannot_tell_apart_are_scaled_row_by_row(tmp_path: Path, name: str) -> None:
    # "Soap & Care" would read as two targets, "P" is also a location, "A" also an item: the answer is the same.
    items = [{"item": "A", "family": name, "unit": "each", "standard_cost": 6}]
    answer = Explorer(mill(tmp_path, items=items)).answer(tried(demand=0.5, family=name))
    assert answer["Margin"].value == pytest.approx(130)
    assert answer.snapshot["events"].is_empty()


def test_the_controller_needs_no_widgets() -> None:
    code = "import sys; import soe_lib.workbench.explorer, soe_lib.workbench.view; print('ipywidgets' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "False"


def test_a_scenario_of_any_edits_is_answered_like_a_trial(tmp_path: Path) -> None:
    explorer = Explorer(mill(tmp_path))
    answer = explorer.answer(Scenario("dear flour").scale("forecast.price", 1.5))
    assert answer["Margin"].value == pytest.approx(16 * (18 - 6))
    assert answer.name == "dear flour"
    assert answer.notes[0].rows == 2


def test_a_scenario_that_touches_nothing_says_so(tmp_path: Path) -> None:
    answer = Explorer(mill(tmp_path)).answer(Scenario("typo").scale("forecast.price", 1.5, customer="Aldo"))
    assert not answer.ok
    assert "Aldi" in answer.message, "the nearest name is offered"


def test_a_trial_is_a_scenario_that_can_be_compared(tmp_path: Path) -> None:
    explorer = Explorer(mill(tmp_path))
    answer = explorer.answer(DOWN)
    table = compare(explorer.snapshot, ["base", answer.scenario], solve=explorer.solve).table()
    assert table["margin"].to_list() == pytest.approx([96, 66])
    assert table["service"].to_list() == pytest.approx([1.0, 0.5])


def test_a_trial_keeps_the_contract_that_it_is_not_checked_against_again(tmp_path: Path) -> None:
    promised = [
        {
            "item": "A",
            "location": "P",
            "customer": "Aldi",
            "period": f"W{n}",
            "quantity": 8,
            "price": 12,
            "committed": 8,
        }
        for n in (1, 2)
    ]
    explorer = Explorer(mill(tmp_path, forecast=promised))
    for demand, whose in ((-0.5, {"family": "Flour"}), (0.5, {"family": "Flour"}), (-0.5, {"customer": "Aldi"})):
        wild = tried("line", 1, MONDAY, demand=demand, overtime_premium=-0.5, expediting=False, **whose)
        assert explorer.recorded(wild)[0].apply(explorer.snapshot).fingerprint


@pytest.mark.parametrize(("status", "words"), [("error", ""), ("uncertified", ""), ("infeasible", "no way")])
def test_a_living_solver_that_loses_its_way_is_replaced_by_a_cold_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, status: str, words: str
) -> None:
    explorer = Explorer(mill(tmp_path))

    def lost(*_: object, **__: object) -> None:
        raise SolveError(words, status=status)

    monkeypatch.setattr(explorer.living, "plan", lost)
    answer = explorer.answer(DOWN)
    if words:
        assert answer.message == words
    else:
        assert answer["Margin"].value == pytest.approx(66)
