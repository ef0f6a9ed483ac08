"""One review page: what it found, what it asks for, and why it may be believed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from soe_lib.review import memory, options, words
from soe_lib.review.exceptions.issue import Issue
from soe_lib.review.frames.escalation import worth_deciding
from soe_lib.review.measures import Score
from soe_lib.review.tables import Format, Table, day
from soe_lib.review.week import Week

MOST = 5
LEAST_REVENUE = 1e-3


@dataclass(frozen=True)
class Page:
    """A page's computed content.

    Parameters
    ----------
    name : the notebook's name. title : its heading. headline : what it found, one or two sentences.
    currency : of all money. scores, issues, checks, assumptions : as they stand on the page.
    asked : the issues that need a decision, most money first.
    answers : the priced options of every exception. known : how long each exception has been open.
    """

    name: str
    title: str
    headline: str
    currency: str
    scores: tuple[Score, ...]
    issues: tuple[Issue, ...]
    asked: tuple[Issue, ...]
    checks: tuple[dict[str, Any], ...] = ()
    assumptions: tuple[str, ...] = ()
    answers: pl.DataFrame | None = None
    known: pl.DataFrame | None = None

    @property
    def decisions(self) -> Table | str:
        """The decisions asked for, as a table; a sentence where there is none."""
        return decisions(self.asked, self.currency) if self.asked else "No decision is asked for on this page."

    @property
    def options(self) -> Table | str:
        """The options of the decisions asked for, one under the other; a sentence where none gains."""
        if not self.asked:
            return "No decision is asked for, so no option is priced."
        if self.answers is None:
            return "Options are not priced here: soe.whatif.price_options does it."
        return options.table(self.answers, self.asked, self.currency)

    @property
    def exceptions(self) -> Table | str:
        """The exceptions of the page, as a table; a sentence where there is none."""
        return exceptions(self.issues, self.currency) if self.issues else "Nothing has come apart here."

    @property
    def summary(self) -> dict[str, Any]:
        """Everything that the weekly pack collects from the page, ready for `soe.publish(results,
        **page.summary)`.
        """
        return {
            "page": self.name,
            "title": self.title,
            "headline": self.headline,
            "scores": [score.as_dict() for score in self.scores],
            "decisions": [
                issue.as_decision(
                    self.currency,
                    options=options.as_shown(self.answers, issue, self.currency),
                    memory=memory.said(self.known, issue),
                )
                for issue in self.asked
            ],
            "checks": list(self.checks),
            "assumptions": list(self.assumptions),
        }


def found_on(situation: Week, name: str) -> tuple[Issue, ...]:
    """The exceptions that belong on one page."""
    return tuple(issue for issue in situation.issues if issue.page == name)


def to_decide(situation: Week, issues: Sequence[Issue]) -> tuple[Issue, ...]:
    """The exceptions worth a decision in the meeting, at most five.

    An exception is material when its money is certain and at least a ten-thousandth of the plan's revenue, or when a
    thousandth of the revenue waits for it. The rest stays in the list of exceptions.
    """
    chosen = material(situation, issues)
    return chosen[:MOST]


def agenda(situation: Week) -> tuple[Issue, ...]:
    """The five decisions that the pack's cover asks this meeting for, from all pages."""
    return tuple(issue for issue in material(situation, situation.issues) if not issue.hand_up)[:MOST]


def agenda_options(situation: Week) -> Table | str:
    """The options of the cover's decisions, one decision under the other."""
    return options.table(situation.options, agenda(situation), situation.currency)


def threshold(situation: Week) -> float:
    """Money from which an exception is worth a decision: a ten-thousandth of the plan's revenue [money]."""
    return worth_deciding(situation.plan)


def material(situation: Week, issues: Sequence[Issue]) -> tuple[Issue, ...]:
    """The exceptions whose money is certain and large enough, or for which enough revenue waits."""
    revenue = max(situation.plan.ledger.accounts().get("revenue", 0.0), 0.0)
    chosen = [
        issue
        for issue in issues
        if issue.certain and (issue.money >= threshold(situation) or issue.revenue >= max(LEAST_REVENUE * revenue, 0.5))
    ]
    return tuple(chosen)


def check(name: str, ok: bool, detail: str) -> dict[str, Any]:
    """One check of a page; a pack whose checks do not all hold is not published."""
    return {"name": name, "ok": bool(ok), "detail": words.sentence(detail)}


def unmade(name: str, why: str) -> dict[str, Any]:
    """A check that cannot be made, for the figures are not known: it stops no pack, and counts as not passed."""
    return {"name": name, "ok": True, "detail": words.sentence(why), "state": words.UNKNOWN}


def exceptions(issues: Sequence[Issue], currency: str) -> Table:
    """Exceptions, most money first: what, why, customers, money, owner, deadline."""
    rows = {
        "Exception": [issue.kind for issue in issues],
        "What happens": [words.sentence(issue.what) for issue in issues],
        "Cause": [words.sentence(issue.cause) for issue in issues],
        f"Money at stake, {currency}": [issue.money for issue in issues],
        "Owner": [issue.owner for issue in issues],
        "Decide by": [issue.deadline for issue in issues],
    }
    kinds = {**dict.fromkeys(rows, pl.String), f"Money at stake, {currency}": pl.Float64, "Decide by": pl.Date}
    bases = dict.fromkeys(f"{issue.kind}: {issue.basis}" for issue in issues)
    return Table(
        pl.DataFrame(rows, schema=kinds),
        "Exceptions, most money first; money lost before money only exposed",
        {f"Money at stake, {currency}": "money", "Decide by": day},
        f"How the money is worked out. {'. '.join(bases)}." if bases else "",
    )


def decisions(issues: Sequence[Issue], currency: str) -> Table:
    """Decisions asked for: what to decide, money, customers, what happens otherwise, who, by when."""
    rows = [
        {
            "Decision": words.sentence(issue.ask),
            f"Money at stake, {currency}": issue.money,
            "Customers": words.sentence(issue.service),
            "Doing nothing": words.sentence(issue.doing_nothing),
            "Owner": issue.owner,
            "Decide by": issue.deadline,
        }
        for issue in issues
    ]
    kinds = {"Decision": pl.String, f"Money at stake, {currency}": pl.Float64, "Customers": pl.String,
             "Doing nothing": pl.String, "Owner": pl.String, "Decide by": pl.Date}  # fmt: skip
    formats: dict[str, Format] = {f"Money at stake, {currency}": "money", "Decide by": day}
    return Table(pl.DataFrame(rows, schema=kinds), "Decisions asked for on this page", formats)
