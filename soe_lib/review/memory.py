"""Exceptions from week to week: how long each has been open, and which the meeting hands up."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import TYPE_CHECKING

import polars as pl

from soe_lib.review import words
from soe_lib.review.exceptions.issue import Issue
from soe_lib.review.tables import Column, Table, day, laid_out

if TYPE_CHECKING:
    from soe_lib.review.week import Week


NEW, PERSISTING, QUIET, SOLVED = "new", "persisting", "quiet", "solved"
KEEPS = 0.5
"""Share of the threshold that keeps an open exception open."""
MEMORY = {
    "key": pl.String, "kind": pl.String, "subject": pl.String, "what": pl.String, "owner": pl.String,
    "money": pl.Float64, "status": pl.String, "since": pl.Date, "weeks": pl.Int64, "as_of": pl.Date,
    "currency": pl.String,
}  # fmt: skip
"""One row an exception of a cycle: money at stake now; since: the as-of date of the pack in which it opened; weeks:
which week since then this is, the first is 1."""


def remember(
    issues: Iterable[Issue], before: pl.DataFrame | None, as_of: date, *, threshold: float, currency: str = ""
) -> pl.DataFrame:
    """The state of every exception this week, from what was found and from the state a cycle ago.

    Parameters
    ----------
    issues : found this week. before : last cycle's rows; None where there are none. currency : of the money.
    threshold : money from which an exception opens; half of it keeps it open [money].

    Returns
    -------
    the columns of MEMORY, most money first.
    """
    found = {issue.key: issue for issue in issues}
    known = {row["key"]: row for row in before.iter_rows(named=True)} if before is not None else {}
    open_ = {key: row for key, row in known.items() if row["status"] != SOLVED}
    rows = []
    for key, issue in found.items():
        last = open_.get(key)
        if last is None and issue.money < threshold:
            continue
        state = PERSISTING if last else NEW
        if last and issue.money < KEEPS * threshold:
            state = SOLVED if last["status"] == QUIET else QUIET
        rows.append(_row(issue, state, last, as_of))
    for key, last in open_.items():
        if key not in found:
            state = SOLVED if last["status"] == QUIET else QUIET
            weeks = _week(last["since"], as_of)
            rows.append({**last, "money": 0.0, "status": state, "weeks": weeks, "as_of": as_of})
    rows = [{**row, "currency": currency} for row in rows]
    return pl.DataFrame(rows, schema=MEMORY, orient="row").sort(["money", "key"], descending=[True, False])


def _row(issue: Issue, state: str, last: dict[str, object] | None, as_of: date) -> dict[str, object]:
    since = last["since"] if last else as_of
    assert isinstance(since, date)
    return {
        "key": issue.key, "kind": issue.kind, "subject": issue.subject, "what": issue.short, "owner": issue.owner,
        "money": issue.money, "status": state, "since": since,
        "weeks": _week(since, as_of), "as_of": as_of,
    }  # fmt: skip


def _week(since: date, as_of: date) -> int:
    """Which week since it opened this is: 1 up to six days after, 2 from the seventh on."""
    return (as_of - since).days // 7 + 1


def said(memory: pl.DataFrame | None, issue: Issue) -> str:
    """How long an exception has been open: "open for 2 days", "open since 2 Nov, week 3"; blank where nobody knows."""
    if memory is None:
        return ""
    mine = memory.filter(pl.col("key") == issue.key)
    if mine.is_empty():
        return ""
    row = mine.row(0, named=True)
    days = (row["as_of"] - row["since"]).days
    since = f"since {words.day(row['since'])}, week {row['weeks']}"
    return {
        NEW: "new this week",
        PERSISTING: f"open for {words.count(days, 'day')}" if days < 7 else f"open {since}",
        QUIET: f"easing, open {since}",
        SOLVED: "solved",
    }[row["status"]]


def weeks_open(memory: pl.DataFrame | None, issue: Issue) -> int:
    """Which week of its being open this is, the first is 1; 0 where nobody remembers."""
    mine = memory.filter(pl.col("key") == issue.key, pl.col("status") != SOLVED) if memory is not None else None
    return int(mine["weeks"][0]) if mine is not None and mine.height else 0


def table(memory: pl.DataFrame | None, currency: str) -> Table | str:
    """New, persisting, easing and solved exceptions; a sentence where nothing is kept."""
    if memory is None or memory.is_empty():
        return "Insufficient history: no exception of this company has been kept yet."
    told = {NEW: "New", PERSISTING: "Persisting", QUIET: "Easing", SOLVED: "Solved"}
    columns: dict[str, Column] = {
        "Exception": "what", "State": pl.col("status").replace_strict(told), "Week": "weeks", "Since": ("since", day),
        f"At stake, {currency}": ("money", "money"), "Owner": "owner",
    }  # fmt: skip
    note = (
        "An exception opens at a ten-thousandth of the plan's revenue, and stays open while half of that is at stake. "
        "It eases for one cycle before it counts as solved."
    )
    return laid_out(memory, "What is new, what persists, what is solved", columns, note, rows=20)


def escalated(situation: Week, issues: Sequence[Issue]) -> tuple[Issue, ...]:
    """The same exceptions, those that a rule hands up marked with who decides, by when, and the cost of waiting."""
    return tuple(_by_rule(situation, issue) for issue in issues)


def waiting_cost(situation: Week, issue: Issue) -> float:
    """What a week of waiting costs: by planning again a week later where somebody has, for a family off its month; else
    money at stake ÷ weeks in which it is lost [money per week].

    The weeks are those that the exception names; for a month, those that are left of it; else those of the horizon.
    """
    if months := issue.about.get("months"):
        mine = (pl.col("family") == issue.subject) & pl.col("month").is_in(list(months))
        planned = situation.matters.filter(mine)["waiting"].drop_nulls()
        if planned.len():
            return float(planned[0])
    return issue.money / max(_weeks(situation, issue), 1)


def _weeks(situation: Week, issue: Issue) -> int:
    if months := issue.about.get("months"):
        days = situation.snapshot.calendar.months.filter(pl.col("month").is_in(list(months)))
        ends = situation.plan.periods.join(days, on="period", how="semi")["ends_on"].sort()
        # A month that ends in mid-week still has that week.
        return -(-((ends[-1] - situation.snapshot.as_of).days + 1) // 7) if ends.len() else 1
    return len(issue.about.get("weeks", ())) or situation.plan.periods["week"].n_unique()


def _by_rule(situation: Week, issue: Issue) -> Issue:
    rules = situation.snapshot.settings.escalation
    who, why = issue.hand_up, ""
    if not who and issue.certain:
        open_ = weeks_open(situation.memory, issue)
        if rules.margin > 0 and issue.money >= rules.margin:
            who = rules.margin_to
            why = f"money at stake from {words.money(rules.margin, situation.currency)} on goes to the {_low(who)}"
        elif 0 < rules.weeks <= open_:
            who = rules.weeks_to
            why = f"it is open in week {open_}"
    if not who:
        return issue
    due = situation.snapshot.as_of + timedelta(days=rules.days)
    waits = words.money(waiting_cost(situation, issue), situation.currency)
    doing_nothing = "; ".join(
        part for part in (issue.doing_nothing, why, f"each week of waiting costs {waits}") if part
    )
    return replace(issue, hand_up=who, deadline=issue.deadline or due, doing_nothing=doing_nothing)


def _low(who: str) -> str:
    return who if who.isupper() or who[:2].isupper() else who[:1].lower() + who[1:]
