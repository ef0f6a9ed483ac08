"""Scenarios: chained, frozen, readable, recorded in a file and read back the same."""

from __future__ import annotations

import dataclasses
import tomllib
from datetime import date

import pytest

from soe_lib.errors import DataError
from soe_lib.whatif.scenario import Scenario, find, load, named, save

STORY = (
    Scenario("line 2 down", note="what the shift leader fears")
    .scale("calendar.hours", 0.0, resource="L2", period="2026-W48")
    .delay("receipts", days=9, supplier=["Kobe", "Osaka"])
    .set("offers.maximum", None, offer="R2")
    .set("orders.due_on", date(2026, 12, 4), order="O1")
    .set("offers.expedite", True, offer="R2")
    .add_to("forecast.quantity", -2.5, item="A", version="now")
    .drop("lanes", lane="air")
    .event(kind="surge", target="A", from_=date(2026, 11, 23), factor=1.5, note='a "quoted" café\n')
    .set("settings.costs.capital_rate", 0.02)
)


def test_a_scenario_is_frozen_and_every_call_gives_a_new_one():
    base = Scenario("x")
    more = base.scale("orders.quantity", 2)
    assert base.edits == ()
    assert len(more.edits) == 1
    with pytest.raises(dataclasses.FrozenInstanceError):
        base.name = "y"  # type: ignore[misc]
    assert more.undo() == base
    assert more.reset() == base
    assert more.rename("y", note="why").undo() == Scenario("y", note="why")


def test_it_reads_as_a_sentence():
    text = repr(STORY)
    assert text.startswith("Scenario 'line 2 down': calendar.hours × 0 where resource is L2 and period is 2026-W48; ")
    for part in (
        "receipts 9 days later where supplier is Kobe or Osaka",
        "offers.maximum set to blank where offer is R2",
        "offers.expedite set to yes",
        "forecast.quantity -2.5 where item is A and version is now",
        "without lanes where lane is air",
        "surge of A (from 2026-11-23, factor 1.5",
        "settings.costs.capital_rate set to 0.02",
    ):
        assert part in text
    assert repr(Scenario("base")) == "Scenario 'base': nothing is changed."
    assert "orders.quantity +100" in repr(Scenario("x").add_to("orders.quantity", 100))


def test_touched_lists_every_row_with_before_and_after(tiny):
    scenario = (
        Scenario("x")
        .scale("orders.quantity", 2, order="O1")
        .add_to("orders.quantity", 1, order="O1")
        .drop("lanes", lane="air")
        .event(kind="downtime", target="L1", period="2026-W48")
        .set("settings.fence.frozen_days", 3)
        .delay("receipts", days=1, receipt="X1")
    )
    rows = scenario.touched(tiny)
    assert rows.select("edit", "table", "row", "column", "before", "after", "difference").rows() == [
        (1, "orders", "O1", "quantity", "10", "20", 10.0),
        (2, "orders", "O1", "quantity", "20", "21", 1.0),
        (3, "lanes", "air", "(row)", "there", "dropped", None),
        (4, "events", "edit 4", "(row)", "not there", "added", None),
        (5, "settings", "settings", "fence.frozen_days", "0", "3", 3.0),
        (6, "receipts", "X1", "due_on", "2026-11-18", "2026-11-19", None),
    ]
    assert rows["what"][0] == "orders.quantity × 2 where order is O1"
    assert Scenario("base").touched(tiny).is_empty()


def test_an_empty_scenario_is_the_snapshot_itself(tiny):
    assert Scenario("base").apply(tiny) is tiny


def test_a_scenario_is_read_back_as_it_was_written(tmp_path, tiny):
    other = Scenario("other").drop("events")
    path = save(tmp_path / "scenarios.toml", [STORY, other])
    assert load(path) == (STORY, other)
    assert load(tmp_path) == (STORY, other), "a folder stands for its scenarios.toml"
    assert find(path, "line 2 down").apply(tiny).fingerprint == STORY.apply(tiny).fingerprint
    first = tomllib.loads(path.read_text(encoding="utf-8"))["scenario"][0]["edit"][0]
    assert first["action"] == "scale"
    assert first["where"] == {"resource": "L2", "period": "2026-W48"}


def test_saving_one_replaces_its_namesake_and_keeps_the_others(tmp_path):
    path = tmp_path / "scenarios.toml"
    Scenario("a").drop("events").save(path)
    Scenario("b").drop("lanes").save(path)
    Scenario("a").drop("orders").save(path)
    assert [repr(one) for one in load(path)] == [
        "Scenario 'b': without lanes.",
        "Scenario 'a': without orders.",
    ]
    assert [file.name for file in tmp_path.iterdir()] == ["scenarios.toml"], "nothing is left beside it"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[[scenario]]\nname = ", "no valid TOML"),
        ("[[scenarios]]\nname = 'x'", "knows only [[scenario]]"),
        ("[[scenario]]\nnote = 'x'", "needs a name"),
        ("[[scenario]]\nname='x'\n[[scenario]]\nname='x'", "more than once"),
        ("[[scenario]]\nname='x'\n[[scenario.edit]]\naction='scal'\npath='orders.quantity'", "Did you mean scale?"),
        ("[[scenario]]\nname='x'\n[[scenario.edit]]\naction='scale'\npath='orders.quantity'\nwhen={}", "no 'when'"),
        ("[[scenario]]\nname='x'\n[[scenario.edit]]\naction='scale'\npath='order.quantity'\namount=1", "Did you mean orders?"),
    ],
)  # fmt: skip
def test_a_bad_file_is_named_with_its_reason(tmp_path, text, words):
    path = tmp_path / "scenarios.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(DataError) as stopped:
        load(path)
    assert words in str(stopped.value)
    assert "scenarios.toml" in str(stopped.value)


def test_unknown_names_and_missing_files(tmp_path):
    with pytest.raises(DataError, match="Save a scenario there first"):
        load(tmp_path / "nothing.toml")
    path = save(tmp_path / "scenarios.toml", [STORY])
    with pytest.raises(DataError, match="Did you mean line 2 down"):
        find(path, "line 2 dwn")
    with pytest.raises(DataError, match="same name"):
        save(path, [STORY, STORY])


def test_blocks_are_code_and_cannot_be_saved(tmp_path):
    class Idea:
        def __repr__(self) -> str:
            return "Idea()"

    scenario = STORY.add(Idea())  # type: ignore[arg-type]
    assert repr(scenario).endswith("; with Idea().")
    with pytest.raises(DataError, match=r"adds blocks \(Idea\(\)\)"):
        save(tmp_path / "scenarios.toml", [scenario])
    assert not (tmp_path / "scenarios.toml").exists()


def test_the_companys_scenarios_are_found_by_name(tiny):
    with pytest.raises(DataError, match=r"no scenarios.toml to take the scenario 'line 2 down' from"):
        named(tiny, "line 2 down")
    save(tiny.folder.parent, [STORY])
    assert named(tiny, "line 2 down") == STORY
    assert named(tiny, "base") == Scenario("base")
    save(tiny.folder, [Scenario("line 2 down").drop("events")])
    assert named(tiny, "line 2 down") != STORY, "the extract's own goes first"
