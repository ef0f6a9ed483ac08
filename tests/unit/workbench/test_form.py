"""What is planned is what the form shows: every control, its fields set in every order, in steps and all at once."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import date
from itertools import permutations
from pathlib import Path

import pytest

from soe_lib.errors import DataError
from soe_lib.whatif.edits import Edit
from soe_lib.whatif.where import Value
from soe_lib.workbench.builder import Builder
from soe_lib.workbench.control import controls
from soe_lib.workbench.explorer import Explorer
from soe_lib.workbench.page import Workbench
from tests.unit.workbench.companies import mill, network, trader
from tests.unit.workbench.forms import moved, values

COMPANIES = {"mill": mill, "trader": trader, "network": network}


@pytest.fixture(scope="module", params=COMPANIES)
def explorer(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Explorer:
    return Explorer(COMPANIES[request.param](tmp_path_factory.mktemp(request.param)))


@pytest.fixture
def builder(explorer: Explorer, tmp_path: Path) -> Builder:
    return Builder(explorer, tmp_path / "scenarios.toml")


@pytest.fixture
def grid(tmp_path: Path) -> Builder:
    return Builder(Explorer(network(tmp_path / "network")), tmp_path / "scenarios.toml")


def planned(builder: Builder) -> tuple[Edit, ...]:
    return builder.scenario.edits


@pytest.mark.parametrize("key", list(controls()))
def test_fields_set_in_any_order_plan_what_they_show(builder: Builder, key: str) -> None:
    wanted = moved(builder, key)
    right = planned(builder.reset().choose(key).set(**wanted))
    for order in permutations(wanted):
        builder.reset().choose(key)
        for name in order:
            builder.set(**{name: wanted[name]})
        assert planned(builder) == right, order
        assert {one.name: one.value for one in builder.fields if one.name in wanted} == wanted
        assert len(builder.draft.changes) == bool(right) or builder.notes()[0].nothing


@pytest.mark.parametrize("key", list(controls()))
def test_a_long_play_with_the_fields_ends_where_they_stand(builder: Builder, key: str) -> None:
    """Fields pass through what changes nothing, and back; another change stands before and one behind."""
    chance = random.Random(key)
    before, behind = ("demand", {"share": 10}), ("hours", {"share": -10})
    for _ in range(12):
        builder.reset().choose(before[0]).set(**before[1]).choose(key)
        resting = {one.name: one.value for one in builder.fields}
        for one in chance.choices(builder.fields, k=8):
            builder.set(**{one.name: chance.choice([*values(one), resting[one.name]])})
        form = {one.name: one.value for one in builder.fields}
        builder.choose(behind[0]).set(**behind[1])
        steps = planned(builder)
        builder.reset().choose(before[0]).set(**before[1]).choose(key).set(**form).choose(behind[0]).set(**behind[1])
        assert steps == planned(builder)


def test_the_line_that_is_shown_goes_down_on_the_day_that_is_shown(grid: Builder) -> None:
    day = grid.explorer.choices.days[9]
    assert grid.explorer.choices.scarcest == "north"
    (edit,) = planned(grid.choose("downtime").set(resource="south").set(**{"from": day}).set(days=2))
    event = dict(edit.values)
    assert (event["target"], event["from"], event["to"]) == ("south", day, grid.explorer.choices.days[10])


def test_the_form_stays_when_its_change_is_back_at_nothing(grid: Builder) -> None:
    grid.set(resource="south", days=3).choose("demand").set(share=5)
    grid.edit(0).set(days=0)
    assert [one.control for one in grid.draft.changes] == ["demand"]
    assert {one.name: one.value for one in grid.fields}["resource"] == "south"
    grid.set(days=1)
    assert [one.control for one in grid.draft.changes] == ["downtime", "demand"], "it goes back to its place"
    assert dict(planned(grid)[0].values)["target"] == "south"


def test_undo_brings_the_form_back(grid: Builder) -> None:
    grid.set(resource="south")
    grid.answer()
    grid.set(days=2)
    grid.answer()
    grid.undo()
    assert {one.name: one.value for one in grid.fields} | {"from": None} == {
        "resource": "south", "days": 0, "from": None
    }  # fmt: skip
    assert grid.past == [], "a field that changes nothing is no step of its own"


def test_a_name_between_two_steps_is_no_reason_to_skip_one(grid: Builder) -> None:
    grid.set(days=3)
    grid.answer()
    grid.rename("a bad week").set(days=5)
    grid.answer()
    assert {one.name: one.value for one in grid.undo().fields}["days"] == 3


def test_taking_one_change_away_leaves_the_other_in_its_control(grid: Builder) -> None:
    grid.set(days=3).choose("demand").set(share=5).remove(0)
    grid.set(share=8)
    assert [one.control for one in grid.draft.changes] == ["demand"]
    assert dict(grid.draft.changes[0].said)["share"] == 8


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({"dayz": 3}, "no field 'dayz'. Did you mean days?"),
        ({"resource": "suth"}, "Did you mean south?"),
        ({"resource": 7}, "There are: north, south"),
        ({"days": 2.5}, "whole number"),
        ({"days": True}, "whole number"),
        ({"days": "3"}, "whole number"),
        ({"from": "2031-01-01"}, "has no '2031-01-01'"),
    ],
)
def test_what_no_field_can_show_is_refused_and_nothing_else_is_set(
    grid: Builder, said: dict[str, Value], told: str
) -> None:
    with pytest.raises(DataError) as error:
        grid.set(**{"days": 3} | said)
    assert told in str(error.value)
    assert planned(grid) == ()
    assert {one.name: one.value for one in grid.fields}["days"] == 0


def test_a_switch_takes_yes_or_no(grid: Builder) -> None:
    with pytest.raises(DataError, match="True or False"):
        grid.choose("expediting").set(allowed="no")


def test_a_day_may_be_written_as_people_write_it(grid: Builder) -> None:
    day = grid.explorer.choices.days[4]
    one = planned(grid.set(days=2, **{"from": day}))
    assert planned(grid.reset().set(days=2, **{"from": day.isoformat()})) == one
    label = next(label for label, value in grid.fields[2].options if value == day)
    assert planned(grid.reset().set(days=2, **{"from": label})) == one
    assert isinstance(dict(one[0].values)["from"], date)


def test_a_slider_reaches_as_far_as_a_script_sets_it(grid: Builder) -> None:
    grid.choose("safety").set(share=-104)
    (field,) = (one for one in grid.fields if one.name == "share")
    assert (field.value, field.least % 5) == (-104, 0)
    assert field.shows(-104)


# -- the same by widgets ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workbench]:
    """The page without its answers: what is planned is read from the edits."""
    found = Workbench(Explorer(network(tmp_path_factory.mktemp("bench"))))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(found.panel, "_changed", lambda: None)
        yield found


@pytest.mark.parametrize("key", list(controls()))
@pytest.mark.parametrize("backwards", [False, True])
def test_widgets_moved_in_any_order_plan_what_they_show(bench: Workbench, key: str, backwards: bool) -> None:
    panel, builder = bench.panel, bench.builder
    wanted = moved(builder.reset(), key)
    right = planned(builder.reset().choose(key).set(**wanted))
    builder.reset()
    panel.refresh()
    panel.kind.value = key
    for name in sorted(wanted, key=list(panel.fields).index, reverse=backwards):
        panel.fields[name].value = wanted[name]
    assert planned(builder) == right
    assert {name: panel.fields[name].value for name in wanted} == wanted


def test_a_late_word_of_a_form_that_is_gone_moves_nothing(bench: Workbench) -> None:
    panel, builder = bench.panel, bench.builder
    builder.reset()
    panel.refresh()
    panel.kind.value = "hours"
    late = panel.fields["share"]
    panel.kind.value = "demand"
    late.value = 40
    assert planned(builder) == ()
    assert panel.fields["share"].value == 0


def test_a_change_that_can_only_be_taken_away_has_no_dead_button(bench: Workbench) -> None:
    from soe_lib.whatif.scenario import Scenario

    panel, builder = bench.panel, bench.builder
    builder.reset().choose("downtime").set(days=3)
    panel.refresh()
    assert len(panel.changes.children[0].children) == 3
    builder.take(Scenario("by hand").scale("forecast.quantity", 1.1))
    panel.refresh()
    assert len(panel.changes.children[0].children) == 2
