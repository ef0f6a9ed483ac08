"""The scenario builder without a browser: changes in, recorded edits and figures out, kept and handed on."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

import soe_lib as soe
from soe_lib.errors import DataError
from soe_lib.whatif.scenario import Scenario, load
from soe_lib.whatif.where import Value
from soe_lib.workbench.answer import Change, Draft
from soe_lib.workbench.builder import MARK, Builder, code, shared
from soe_lib.workbench.control import Field, controls
from soe_lib.workbench.explorer import Explorer
from tests.unit.workbench.companies import mill, network, trader


@pytest.fixture(scope="module")
def explorer(tmp_path_factory: pytest.TempPathFactory) -> Explorer:
    """The mill, planned once: what a builder asks of it leaves no trace but answers that are known."""
    return Explorer(mill(tmp_path_factory.mktemp("mill")))


@pytest.fixture
def builder(explorer: Explorer, tmp_path: Path) -> Builder:
    return Builder(explorer, tmp_path / "scenarios.toml")


def test_a_slider_makes_one_change_and_moves_it(builder: Builder) -> None:
    # A week down costs 30, as in test_controller.
    builder.set(days=3)
    builder.set(days=7)
    assert len(builder.draft.changes) == 1
    assert builder.answer()["Margin"].value == pytest.approx(66)
    assert builder.answer().notes[0].text == "line is down Mon 5 Jan to Sun 11 Jan: 10.0 hours lost."
    assert builder.answer().name == "line down 7 days"


def test_a_slider_back_where_it_stood_is_no_change(builder: Builder) -> None:
    builder.set(days=7)
    builder.set(days=0)
    assert builder.draft.changes == ()
    assert builder.answer() is builder.explorer.base


def test_changes_of_several_controls_add_up_and_can_be_taken_away(builder: Builder) -> None:
    builder.set(days=7).choose("demand").set(share=-50)
    # 4 a week: W1's 4 come a week late at 5, W2's own at 6.
    assert builder.answer()["Margin"].value == pytest.approx(4 * 5 + 4 * 6)
    builder.remove(0)
    assert builder.answer()["Margin"].value == pytest.approx(8 * 6)
    builder.edit(0)
    assert builder.state.control == "demand"
    assert {one.name: one.value for one in builder.fields}["share"] == -50


def test_two_changes_of_one_kind(builder: Builder) -> None:
    builder.set(days=2).choose("downtime").set(days=2, **{"from": builder.explorer.choices.days[7]})
    assert len(builder.draft.changes) == 2
    assert len(builder.scenario.edits) == 2


def test_undo_goes_back_to_what_was_answered(builder: Builder) -> None:
    builder.set(days=1).set(days=7)
    builder.answer()
    builder.choose("demand").set(share=10)
    builder.answer()
    assert builder.undo().answer().name == "line down 7 days"
    assert builder.undo().draft == Draft()
    assert builder.undo().draft == Draft()


def test_reset_can_be_undone(builder: Builder) -> None:
    builder.set(days=7)
    builder.answer()
    assert builder.reset().draft.changes == ()
    assert len(builder.undo().draft.changes) == 1


def test_what_is_saved_is_what_is_loaded(builder: Builder) -> None:
    builder.set(days=7).choose("demand").set(share=25)
    builder.rename("a bad week")
    margin = builder.answer()["Margin"].value
    assert builder.save() == builder.path
    assert [one.name for one in builder.saved()] == ["a bad week"]
    builder.reset().load("a bad week")
    assert builder.answer()["Margin"].value == pytest.approx(margin)
    assert builder.answer().name == "a bad week"
    assert builder.remove(1).answer()["Margin"].value == pytest.approx(66)


def test_what_is_loaded_opens_in_its_controls(builder: Builder) -> None:
    builder.choose("demand").set(share=25).choose("downtime").set(days=7).rename("a bad week")
    saved, asked = builder.scenario, builder.draft.changes
    builder.save()
    builder.reset().load("a bad week")
    assert builder.draft.changes == asked
    assert (builder.control.key, {one.name: one.value for one in builder.fields}["days"]) == ("downtime", 7)
    builder.set(days=2)
    assert [dict(change.said).get("days") for change in builder.draft.changes] == [None, 2]
    assert builder.reset().receive(code(saved)).draft.changes == asked


def test_a_name_made_of_the_changes_follows_them(builder: Builder) -> None:
    sent = code(builder.set(days=7).scenario)
    builder.reset().receive(sent)
    assert builder.scenario.name == "line down 7 days"
    assert builder.set(days=2).scenario.name == "line down 2 days"
    builder.rename("a bad week").save()
    assert builder.reset().load("a bad week").set(days=7).scenario.name == "a bad week"


@pytest.mark.parametrize(
    "controls",
    [
        (("downtime", (("resource", "line"), ("days", 3))),),
        (("no such", ()),),
        (("downtime", (("days", "x"),)),),
        (("", ()),),
    ],
)
def test_controls_that_do_not_make_its_edits_are_not_believed(builder: Builder, controls: Any) -> None:
    edits = builder.choose("downtime").set(days=7).scenario.edits
    builder.reset().take(Scenario("mended by hand", edits, controls=controls))
    assert [change.control for change in builder.draft.changes] == [""] * len(edits)
    assert builder.scenario.edits == edits


def test_a_day_that_the_list_has_no_more_is_opened_as_an_edit(builder: Builder) -> None:
    made = builder.choose("downtime").set(days=7).scenario
    ((name, said),) = made.controls
    late = date(2026, 1, 6) + timedelta(days=400)
    other = replace(made, controls=((name, tuple((key, late if key == "from" else value) for key, value in said)),))
    assert builder.reset().take(other).draft.changes[0].control == ""
    draft = Draft((Change.by("downtime", **{**dict(said), "days": 5000}),))
    far = draft.recorded(builder.explorer.snapshot)[0]
    assert far.edits
    assert builder.reset().take(far).draft.changes[0].control == ""


def test_a_shared_scenario_is_the_same_scenario(builder: Builder) -> None:
    builder.set(days=7).rename("Größe ✓ & <b>")
    link = builder.link("http://host/page")
    assert shared(link) == builder.scenario
    assert shared(link.partition("=")[2]) == builder.scenario
    assert builder.reset().receive(link).answer()["Margin"].value == pytest.approx(66)


@pytest.mark.parametrize(
    "code", ["", "hello", "soe1.", "soe1.AAAA", "?scenario=soe1.%00", "soe1.eJwDAAAAAAE", "soe1." + "A" * 40]
)
def test_a_broken_code_is_refused(code: str) -> None:
    with pytest.raises(DataError, match="shared scenario"):
        shared(code)


def test_a_code_is_cut_in_half(builder: Builder) -> None:
    sent = code(builder.set(days=7).scenario)
    with pytest.raises(DataError, match="not whole"):
        shared(sent[: len(sent) // 2])


def test_a_code_that_unfolds_without_end_is_refused() -> None:
    import base64
    import zlib

    bomb = base64.urlsafe_b64encode(zlib.compress(b" " * 50_000_000, 9)).decode().rstrip("=")
    with pytest.raises(DataError, match="not whole"):
        shared(MARK + bomb)


def test_an_empty_scenario_is_not_kept(builder: Builder) -> None:
    for hand_on in (builder.save, builder.link, lambda: builder.offer("x")):
        with pytest.raises(DataError, match="Nothing is changed yet"):
            hand_on()


def test_a_promoted_plan_is_the_plan_of_record_and_decided(builder: Builder, tmp_path: Path) -> None:
    store = str(tmp_path / "plans")
    builder.set(days=7)
    for by, reason in (("", "it is down"), ("Ann", " ")):
        with pytest.raises(DataError, match="of who decides"):
            builder.promote(by=by, reason=reason, store=store)
    entry = builder.promote(by="Ann", reason="the line is down", store=store)
    kept = soe.load_plan(entry.as_of.isoformat(), store=store)
    assert kept.margin == pytest.approx(66)
    assert kept.name == "line down 7 days"
    from soe_lib.store.meeting import approved

    approval = approved(store, kept)
    assert approval is not None
    assert (approval.decided_by, approval.reason) == ("Ann", "the line is down")


def test_an_offered_scenario_says_which_exception_it_answers(tmp_path: Path) -> None:
    builder = Builder(Explorer(network(tmp_path / "network")), tmp_path / "scenarios.toml")
    assert "Overtime: all lines" in builder.explorer.exceptions()
    builder.choose("overtime").set(share=20).offer("overtime")
    (kept,) = load(builder.path)
    assert kept.answers == "Overtime: all lines", "a part that only one has stands for its whole name"
    assert kept.edits == builder.scenario.edits
    builder.set(share=40).save()
    assert load(builder.path)[-1].answers == "Overtime: all lines", "to save it again withdraws no offer"
    assert builder.reset().load(kept.name).scenario.answers == "Overtime: all lines"
    builder.offer("Thin stock")
    assert builder.scenario.answers == "Thin stock", "a part that several share is for each of them"


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (" ", "name it"),
        ("PO-1", "no exception 'PO-1'"),
        ("Overtime: al lines", "Did you mean Overtime: all lines"),
        ("Thin stock: Fin ", ""),
    ],
)
def test_an_exception_that_does_not_exist_is_no_answer(tmp_path: Path, asked: str, told: str) -> None:
    builder = Builder(Explorer(network(tmp_path / "network")), tmp_path / "scenarios.toml")
    builder.choose("overtime").set(share=20)
    if not told:
        assert builder.offer(asked).is_file()
        return
    with pytest.raises(DataError, match=told):
        builder.offer(asked)
    assert not builder.path.exists()
    assert builder.scenario.answers == ""


def test_the_base_is_no_name_for_a_scenario(builder: Builder) -> None:
    with pytest.raises(DataError, match="another name"):
        builder.set(days=7).rename("base").save()


def test_kept_answers_stand_side_by_side(builder: Builder) -> None:
    builder.keep(builder.set(days=7).answer())
    builder.keep(builder.choose("demand").set(share=-50).answer())
    assert [one.name for one in builder.side_by_side] == [
        "this week's plan", "line down 7 days", "line down 7 days, all demand -50 %".replace("-", "−"),
    ]  # fmt: skip


def test_an_unknown_control_names_the_nearest() -> None:
    with pytest.raises(DataError, match="downtime"):
        Change.by("downtimes")


# -- every control ----------------------------------------------------------------------------------------------------


def moved(field: Field) -> Value:
    """A field set otherwise than it stood."""
    if field.kind == "switch":
        return not field.value
    if field.kind == "slide":
        return min(field.value + 5 * field.step, field.most)
    return field.options[-1][1]


COMPANIES = {"mill": mill, "trader": trader, "network": network}


@pytest.fixture(scope="module", params=COMPANIES)
def company(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Explorer:
    """Each company, planned once for all controls."""
    return Explorer(COMPANIES[request.param](tmp_path_factory.mktemp(request.param)))


@pytest.mark.parametrize("key", list(controls()))
def test_a_control_left_alone_changes_nothing(company: Explorer, key: str) -> None:
    fields = controls()[key].fields(company.choices)
    assert fields
    assert Change.by(key, **{one.name: one.value for one in fields}).part(company.snapshot) is None


@pytest.mark.parametrize("key", list(controls()))
def test_what_a_control_edits_keeps_the_contract_and_is_answered(company: Explorer, key: str) -> None:
    snapshot = company.snapshot
    fields = controls()[key].fields(company.choices)
    draft = Draft((Change.by(key, **{one.name: moved(one) for one in fields}),))
    scenario, (note,) = draft.recorded(snapshot)
    assert note.text
    assert note.nothing == (not scenario.edits)
    if scenario.edits:
        assert scenario.apply(snapshot).fingerprint, "edits of controls are not checked again, so they must pass here"
    answer = company.answer(draft)
    assert answer.ok or "infeasible" in answer.message, answer.message


FIGURES = [  # worked out by hand for the mill: 8 a week at 12 − 4 − 2 = 6 each, 96 in all
    ("hours", {"share": -50}, 5 * 6 + 5 * 6 + 3 * 3 + 1 * (3 - 1)),  # W1: 5; W2: 5, its other 3 and 1 of W1 overtime
    ("sales_price", {"share": 50}, 16 * (18 - 6)),
    ("conversion", {"share": 50}, 16 * (12 - 6 - 2)),
    ("surge", {"share": 50, "weeks": 1}, 10 * 6 + 8 * 6 + 2 * 5),  # W1 12: 10 made, 2 a week late
]


@pytest.mark.parametrize(("control", "said", "margin"), FIGURES)
def test_a_control_does_what_it_says(builder: Builder, control: str, said: dict[str, Value], margin: float) -> None:
    answer = builder.choose(control).set(**said).answer()
    assert answer.ok, answer.message
    assert answer["Margin"].value == pytest.approx(margin)


def test_a_service_floor_is_a_promise(tmp_path: Path) -> None:
    # Both want 8 a week, Aldi pays 12 and Bert 7; the line makes 10, and 4 more on overtime in W2.
    wanted = [
        {"item": "A", "location": "P", "customer": customer, "period": f"W{n}", "quantity": 8, "price": price}
        for n in (1, 2)
        for customer, price in (("Aldi", 12), ("Bert", 7))
    ]
    customers = [{"customer": name, "late_cost": 1, "latest_days": 0} for name in ("Aldi", "Bert")]
    builder = Builder(Explorer(mill(tmp_path, forecast=wanted, customers=customers)), tmp_path / "s.toml")
    # Aldi's 16 at 6, Bert's 2 + 2 at 1: Bert's others would lose 2 on overtime.
    assert builder.explorer.base["Margin"].value == pytest.approx(16 * 6 + 4 * 1)
    answer = builder.choose("floor").set(customer="Bert", floor=50).answer()
    # Bert must have 4 a week: in W1 2 of Aldi's are gone (−12 + 2); in W2 2 more on overtime (7 − 4 − 5 = −2 each).
    assert answer["Margin"].value == pytest.approx(100 - 2 * 6 + 2 * 1 - 2 * 2)
    assert answer.notes[0].text == "Bert served at least 50 %: 2 forecast rows."
    assert not builder.set(floor=100, customer="").answer().ok


def test_a_promise_is_a_share_of_demand() -> None:
    assert "forecast promised to 50%" in repr(Scenario("x").promise("forecast", 0.5))
    for wrong in (-0.1, 1.5):
        with pytest.raises(DataError, match="share of the quantity"):
            Scenario("x").promise("forecast", wrong)
    with pytest.raises(DataError, match="no demand to promise"):
        Scenario("x").promise("calendar", 0.5)


def test_a_supplier_that_is_late_and_one_that_is_lost(tmp_path: Path) -> None:
    # The trader's dear offer (8, at once) serves W1's ten at 12 − 8; the slow one (5) takes a week.
    builder = Builder(Explorer(trader(tmp_path)), tmp_path / "s.toml")
    assert builder.choose("late_supplier").set(days=7).answer()["Margin"].value == pytest.approx(0)
    assert builder.reset().choose("lost_supply").set(lost=100).answer()["Margin"].value == pytest.approx(0)
    assert builder.set(lost=50).answer().notes[0].nothing, "no offer has a maximum that half could be cut from"


def test_a_fence_that_the_base_has_not_is_kept(tmp_path: Path) -> None:
    settings = '[costs]\nper = "period"\n'
    wanted = [
        {"item": "A", "location": "P", "customer": "Aldi", "period": period, "quantity": quantity, "price": 12}
        for period, quantity in (("W1", 4), ("W2", 8))
    ]
    record = soe.plan(mill(tmp_path / "before", settings=settings, forecast=wanted))
    builder = Builder(Explorer(mill(tmp_path / "now", settings=settings), record=record), tmp_path / "s.toml")
    # The record makes 4 in W1. Frozen, W1's other 4 are made on W2's regular 2 hours left (5) and on overtime (2).
    answer = builder.choose("fence").set(frozen=7).answer()
    assert answer["Margin"].value == pytest.approx(4 * 6 + 8 * 6 + 2 * 5 + 2 * 2)


def test_two_threads_may_ask_at_once(tmp_path: Path) -> None:
    from concurrent.futures import ThreadPoolExecutor

    explorer = Explorer(mill(tmp_path))
    drafts = [Draft((Change.by("downtime", resource="line", days=days),)) for days in (7, 2, 7, 3)]
    with ThreadPoolExecutor(4) as pool:
        margins = [one["Margin"].value for one in pool.map(explorer.answer, drafts)]
    # A week costs 30. Two of five days leave 6 hours: 2 of W1 are a week late; three leave 4: 2 more, on overtime.
    assert margins == pytest.approx([66, 96 - 2, 66, 96 - 2 * 1 - 2 * 4])
