"""Exceptions from week to week: new, persisting, quiet, solved; with hysteresis, so that none flickers.

An exception opens when its money reaches a threshold, and stays open while it keeps half of it. Where it falls lower or
is not found at all, it is quiet for a cycle, and solved only when it is quiet again in the next one. Weeks are counted
by the calendar, whether the meeting sits once a week or twice.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from pathlib import Path

import polars as pl

from soe_lib.review import words
from soe_lib.review.exceptions.issue import Issue
from soe_lib.review.tables.table import Table, day

FILE = "memory.parquet"
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
    money = f"At stake, {currency}"
    told = {NEW: "New", PERSISTING: "Persisting", QUIET: "Easing", SOLVED: "Solved"}
    frame = memory.select(
        pl.col("what").alias("Exception"),
        pl.col("status").replace_strict(told).alias("State"),
        pl.col("weeks").alias("Week"),
        pl.col("since").alias("Since"),
        pl.col("money").alias(money),
        pl.col("owner").alias("Owner"),
    )
    note = (
        "An exception opens at a ten-thousandth of the plan's revenue, and stays open while half of that is at stake. "
        "It eases for one cycle before it counts as solved."
    )
    return Table(frame, "What is new, what persists, what is solved", {money: "money", "Since": day}, note, rows=20)


def keep_memory(memory: pl.DataFrame, results: str | Path) -> pl.DataFrame:
    """Leave the memory where the pack finds it; does nothing when run by hand."""
    if str(results):
        Path(results).mkdir(parents=True, exist_ok=True)
        memory.write_parquet(Path(results) / FILE)
    return memory


def kept_memory(results: str | Path) -> pl.DataFrame | None:
    """The memory that the balance page left; None where there is none."""
    path = Path(results) / FILE
    return pl.read_parquet(path) if str(results) and path.is_file() else None
