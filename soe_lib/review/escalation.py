"""What the weekly meeting hands up, by the rules of [escalation] in settings.toml: to whom, by when, and what a week of
waiting costs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import polars as pl

from soe_lib.review import words
from soe_lib.review.exceptions.issue import Issue
from soe_lib.review.memory import weeks_open
from soe_lib.review.situation import Situation


def escalated(situation: Situation, issues: Sequence[Issue]) -> tuple[Issue, ...]:
    """The same exceptions, those that a rule hands up marked with who decides, by when, and the cost of waiting."""
    return tuple(_by_rule(situation, issue) for issue in issues)


def waiting_cost(situation: Situation, issue: Issue) -> float:
    """What a week of waiting costs: money at stake ÷ weeks in which it is lost [money per week].

    The weeks are those that the exception names; for a month, those that are left of it; else those of the horizon.
    """
    return issue.money / max(_weeks(situation, issue), 1)


def _weeks(situation: Situation, issue: Issue) -> int:
    if months := issue.about.get("months"):
        days = situation.snapshot.calendar.months.filter(pl.col("month").is_in(list(months)))
        ends = situation.plan.periods.join(days, on="period", how="semi")["ends_on"].sort()
        # A month that ends in mid-week still has that week.
        return -(-((ends[-1] - situation.snapshot.as_of).days + 1) // 7) if ends.len() else 1
    return len(issue.about.get("weeks", ())) or situation.plan.periods["week"].n_unique()


def _by_rule(situation: Situation, issue: Issue) -> Issue:
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
