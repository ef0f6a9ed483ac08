"""Exceptions from week to week, decisions and what came of them, and what is handed up."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest

import soe_lib as soe
from soe_lib.errors import DataError
from soe_lib.extract.snapshot import Snapshot
from soe_lib.model.checks import read
from soe_lib.review import exceptions, memory
from soe_lib.review.exceptions import Issue
from soe_lib.review.memory import waiting_cost
from soe_lib.review.week import Week
from soe_lib.store import history, meeting
from soe_lib.store.plan import Plan
from soe_lib.whatif import decisions, follow_up
from tests import networks
from tests.unit.review import tiny

MONDAY = date(2026, 1, 5)


def issue(money: float, subject: str = "L1") -> Issue:
    """An exception of so much money."""
    return Issue("Line down", subject, "L1 is down", "belt", money, "", "Repair", "it stays", "Anna", "balance", "")


def run(*weeks: list[Issue], threshold: float = 100.0) -> list[dict[str, tuple[str, int]]]:
    """State and weeks of every exception, week after week."""
    before, told = None, []
    for number, found in enumerate(weeks):
        before = memory.remember(found, before, MONDAY + timedelta(weeks=number), threshold=threshold)
        told.append({row["subject"]: (row["status"], row["weeks"]) for row in before.to_dicts()})
    return told


def test_new_then_persisting_then_easing_then_solved_then_forgotten() -> None:
    told = run([issue(150)], [issue(120)], [], [], [])
    assert [week.get("L1") for week in told] == [("new", 1), ("persisting", 2), ("quiet", 3), ("solved", 4), None]


def test_money_around_the_threshold_does_not_flicker() -> None:
    # Opens at 100, stays open down to 50; one week below does not end it.
    told = run(*[[issue(money)] for money in (99, 100, 99, 60, 101, 49, 80, 49, 40)])
    states = [week["L1"][0] if week else "" for week in told]
    assert states == ["", "new", "persisting", "persisting", "persisting", "quiet", "persisting", "quiet", "solved"]


def test_what_comes_back_after_it_was_solved_is_new() -> None:
    told = run([issue(150)], [], [], [issue(150)])
    assert told[-1]["L1"] == ("new", 1)


def test_a_second_run_of_a_week_remembers_the_week_before_and_not_itself(tmp_path: Path) -> None:
    first = memory.remember([issue(150)], None, MONDAY, threshold=100.0)
    assert meeting.keep(tmp_path, "exceptions", first, company="c", as_of=MONDAY)
    assert not meeting.keep(tmp_path, "exceptions", first, company="c", as_of=MONDAY)
    later = MONDAY + timedelta(weeks=1)
    for _ in range(2):
        before = meeting.recall(tmp_path, "exceptions", company="c", before=later)
        now = memory.remember([issue(150)], before, later, threshold=100.0)
        meeting.keep(tmp_path, "exceptions", now, company="c", as_of=later)
        assert now["weeks"].to_list() == [2]
        assert now["since"].to_list() == [MONDAY]
    assert meeting.recall(tmp_path, "exceptions", company="other", before=later) is None


@pytest.mark.parametrize("committed", [100.0, 400.0])
def test_under_selling_is_remembered_like_over_selling(this: Snapshot, solved: Plan, committed: float) -> None:
    off = this.replace(consensus=this["consensus"].with_columns(quantity=pl.lit(committed)))
    found = [one for one in exceptions.find(Week(off, solved)) if one.kind == "Off the S&OP plan"]
    once = memory.remember(found, None, MONDAY, threshold=100.0)
    twice = memory.remember(found, once, MONDAY + timedelta(weeks=1), threshold=100.0)
    assert (once["status"].to_list(), twice["status"].to_list()) == (["new"], ["persisting"])
    assert memory.said(twice, found[0]) == "open since Mon 5 Jan, week 2"


@pytest.fixture
def store(tmp_path: Path, this: Snapshot, solved: Plan) -> Path:
    """A plan history with one week of the tiny company, as the pack leaves it."""
    home = tmp_path / "plans"
    history.append(home, solved)
    alive = soe.Living(this)
    week = soe.week(this, alive.base, None, store=home).knowing(prices=None)
    for table, rows in (("exceptions", week.memory), ("options", week.options)):
        assert rows is not None
        assert meeting.keep(home, table, rows, company=this.company, as_of=this.as_of)
    return home


def test_a_decision_is_kept_with_what_it_promised_and_followed_up(store: Path, this: Snapshot) -> None:
    made = soe.decide("PO1", 1, owner="Ann", reason="B insists", due="2026-01-09", store=store)
    # 20 cups at 7.50 less 5 of lateness; at stake: 30 × 6 + (20 + 40) × 0.5.
    assert (made.promised, made.stake) == (pytest.approx(145.0), pytest.approx(210.0))
    soe.decide("overtime", "do nothing", owner="Bob", reason="it is approved", due="2026-01-09", store=store)
    soe.decide("overtime", owner="Bob", reason="said again", due="2026-01-09", store=store)
    next_week = MONDAY + timedelta(weeks=1)
    kept = soe.store.decisions(store, company=this.company, before=next_week)
    assert kept["reason"].to_list() == ["B insists", "said again"]
    (late,) = [one for one in exceptions.find(_week(this)) if one.kind == "Late receipt"]
    came = follow_up.actions(kept, _week(this), [late])
    # No later extract shows anything; doing nothing about the overtime has settled itself.
    assert [(row["realised"], row["state"]) for row in came] == [(None, follow_up.UNKNOWN), (None, "solved")]
    assert soe.store.decisions(store, before=MONDAY).is_empty()


def _week(this: Snapshot) -> Week:
    return Week(this, soe.plan(this))


def test_a_promoted_decision_is_the_plan_of_record(store: Path, this: Snapshot, solved: Plan) -> None:
    with pytest.raises(DataError, match="No decision of"):
        soe.whatif.promote(this, store=store)
    soe.decide("PO1", "twice the overtime", owner="Ann", reason="B insists", store=store)
    entry, _ = soe.whatif.promote(this, store=store)
    record = history.latest(store, before="2026-01-12", company=this.company)
    assert record is not None
    assert (entry.run, record.margin) == (2, pytest.approx(solved.margin + 145.0))


def test_a_promoted_plan_is_released_from_the_extract_that_it_was_decided_on(
    store: Path, this: Snapshot, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match="was not decided"):
        soe.release(tmp_path / "out", this.as_of, data=this.folder, store=store)
    soe.decide("PO1", "twice the overtime", owner="Ann", reason="B insists", store=store)
    soe.whatif.promote(this, store=store)
    made = soe.release(tmp_path / "out", this.as_of, data=this.folder, store=store)
    assert made.approval.decided_by == "Ann"
    assert made.approval.run == 2
    with pytest.raises(DataError, match="was not decided"):
        soe.release(tmp_path / "out", this.as_of, 1, data=this.folder, store=store)


def test_a_decision_needs_a_known_matter_an_owner_and_a_reason(store: Path) -> None:
    with pytest.raises(DataError, match="There are: "):
        soe.decide("PO9", owner="Ann", reason="why not", store=store)
    with pytest.raises(DataError, match="owner"):
        soe.decide("PO1", owner=" ", reason="why not", store=store)
    with pytest.raises(DataError, match="There is no option 9"):
        soe.decide("PO1", 9, owner="Ann", reason="why not", store=store)


def test_rules_hand_up_with_who_by_when_and_the_price_of_waiting(tmp_path: Path) -> None:
    rules = '[escalation]\nmargin = 200\nmargin_to = "Board"\nweeks = 3\nweeks_to = "Plant head"\ndays = 5\n'
    networks.write(tmp_path, tiny.SETTINGS + rules, **tiny.tables())
    this = read(tmp_path)
    week = Week(this, soe.plan(this))
    by_kind = {one.kind: one for one in week.issues}
    # 540 and 210 are at stake, from 200 on it goes up; 15 of overtime does not.
    assert by_kind["Orders above forecast"].hand_up == "Board"
    assert by_kind["Late receipt"].hand_up == "Board"
    assert by_kind["Overtime"].hand_up == ""
    assert by_kind["Off the S&OP plan"].hand_up == "S&OP"
    assert by_kind["Off the S&OP plan"].deadline == MONDAY + timedelta(days=5)
    # The order of 90 is due in one week: a week of waiting costs all of it.
    assert waiting_cost(week, by_kind["Orders above forecast"]) == pytest.approx(540.0)
    # January has four weeks left, the one that it ends in included.
    drift = by_kind["Off the S&OP plan"]
    assert waiting_cost(week, drift) == pytest.approx(drift.money / 4)
    found, before = exceptions.find(week), None
    for number in range(3):
        before = memory.remember(found, before, MONDAY + timedelta(weeks=number), threshold=1.0)
    again = {one.kind: one for one in week.knowing(memory=before).issues}
    assert again["Overtime"].hand_up == "Plant head"
    assert "it is open in week 3" in again["Overtime"].doing_nothing


def test_moving_production_inside_the_fence_is_handed_up(this: Snapshot, solved: Plan) -> None:
    kind = "Fence broken"
    assert not [one for one in exceptions.find(Week(this, solved, solved)) if one.kind == kind]
    other = soe.plan(this, blocks=[soe.blocks.Force("make", 20.0, item="cup", period="2026-W02")])
    (broken,) = [one for one in exceptions.find(Week(this, other, solved)) if one.kind == kind]
    # The seven frozen days hold 30 cups, of which 10 are no longer made.
    assert "10 units are moved inside the frozen fence of 7 days, 33\u00a0% of" in broken.what
    assert broken.hand_up == "Head of operations"


def test_weeks_are_counted_by_the_calendar_where_the_meeting_sits_twice_a_week() -> None:
    before, told = None, []
    for days in (0, 2, 6, 7, 9, 14):
        before = memory.remember([issue(150)], before, MONDAY + timedelta(days=days), threshold=100.0)
        told.append((before["weeks"][0], memory.said(before, issue(150))))
    assert told == [
        (1, "new this week"), (1, "open for 2 days"), (1, "open for 6 days"), (2, "open since Mon 5 Jan, week 2"),
        (2, "open since Mon 5 Jan, week 2"), (3, "open since Mon 5 Jan, week 3"),
    ]  # fmt: skip


def test_what_is_decided_is_no_longer_listed_as_open(store: Path) -> None:
    first = decisions.listed(store)
    assert "Overtime" in first
    assert "Decided" not in first
    soe.decide("overtime", "do nothing", owner="Bob", reason="it is approved", store=store)
    open_, _, decided = decisions.listed(store).partition("Decided:")
    assert "Overtime" not in open_
    assert "do nothing (Bob). it is approved" in decided
    for key in soe.store.decisions(store)["key"].unique():
        assert key in decided
    for row in decisions.agenda(store).iter_rows(named=True):
        soe.decide(row["key"], owner="Bob", reason="so", store=store)
    assert decisions.listed(store).startswith("Nothing is left to decide.\nDecided:")


@pytest.mark.parametrize("option", [9, 0, "-1", "no such option"])
def test_a_missing_owner_hides_no_wrong_option(store: Path, option: int | str) -> None:
    with pytest.raises(DataError, match=r"matches no option|is no option|There is no option"):
        soe.decide("PO1", option, owner="", reason="", store=store)


def test_owner_and_reason_are_asked_for_together_and_dates_are_read(store: Path) -> None:
    with pytest.raises(DataError, match="its owner and its reason"):
        soe.decide("PO1", 1, owner="", reason=" ", store=store)
    with pytest.raises(DataError, match=r"due date must be an ISO date such as 2026-11-18, not '9\.1\.2026'"):
        soe.decide("PO1", 1, owner="Ann", reason="so", due="9.1.2026", store=store)
    with pytest.raises(DataError, match="cannot be due before it, on 2026-01-04"):
        soe.decide("PO1", 1, owner="Ann", reason="so", due="2026-01-04", store=store)
    assert soe.store.decisions(store).is_empty()


def test_a_store_that_an_older_version_kept_takes_more_columns(tmp_path: Path) -> None:
    """Its options knew no expected shortage: the same option with one is new, and the very same again is not."""
    old = pl.DataFrame({"key": ["K"], "goodwill": [1.0]})
    new = old.with_columns(shortage=pl.lit(2.0))
    kept = [
        meeting.keep(tmp_path, "options", rows, company="C", as_of=date(2026, 1, 5)) for rows in (old, old, new, new)
    ]
    assert kept == [True, False, True, False]
    found = meeting.recall(tmp_path, "options", company="C")
    assert found is not None
    assert found.select("goodwill", "shortage").rows() == [(1.0, 2.0)]
