"""The meeting's week in one call: options priced, exceptions remembered, last week's decisions followed up."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from soe_lib.review import memory, options
from soe_lib.review.exceptions import find
from soe_lib.review.page import agenda, threshold
from soe_lib.review.tables import Format, Table, day
from soe_lib.review.week import Week
from soe_lib.store import meeting
from soe_lib.whatif.follow_up import actions
from soe_lib.whatif.options import price_options
from soe_lib.whatif.rules import price_manual
from soe_lib.workspace import place

if TYPE_CHECKING:
    from soe_lib.model.living import Living


ACTIONS = {
    **dict.fromkeys(("title", "option", "owner", "due"), pl.String),
    "promised": pl.Float64, "realised": pl.Float64, "state": pl.String, "evidence": pl.String,
}  # fmt: skip
"""One row a decision that is followed up."""


@dataclass(frozen=True, eq=False, repr=False)
class MeetingWeek:
    """What a meeting needs beside the plan.

    Parameters
    ----------
    situation : the week, knowing its options and how long its exceptions have been open.
    hands : what every override, lock and priority costs. actions : what came of the last meeting's decisions.
    decided : every decision kept before this week's meeting, oldest first.
    """

    situation: Week
    hands: pl.DataFrame
    actions: tuple[dict[str, Any], ...]
    decided: pl.DataFrame | None = None

    @property
    def currency(self) -> str:
        """Of all money."""
        return self.situation.currency

    @property
    def memory(self) -> Table | str:
        """New, persisting, easing and solved exceptions."""
        return memory.table(self.situation.memory, self.currency)

    @property
    def by_hand(self) -> Table | str:
        """What every hand on the plan costs."""
        return options.manual_table(self.hands, self.currency)

    @property
    def followed_up(self) -> Table | str:
        """Promised against realised money of the last meeting's decisions."""
        if not self.actions:
            return "The last meeting recorded no decision, so none is followed up. The command soe decide records one."
        promised, realised = f"Promised, {self.currency}", f"Realised, {self.currency}"
        frame = pl.DataFrame(list(self.actions), schema=ACTIONS).select(
            pl.col("title").alias("What was decided about"),
            pl.col("option").alias("Decision"),
            pl.col("owner").alias("Owner"),
            pl.col("due").str.to_date(strict=False).alias("Due"),
            pl.col("promised").alias(promised),
            pl.col("realised").alias(realised),
            pl.col("state").alias("State"),
            pl.col("evidence").alias("What shows it"),
        )
        note = (
            "Promised: margin and steering that the option gained when it was priced. State: whether this week's "
            "extract shows that it was carried out. Realised, of what was carried out: profit of the closed days as "
            "they happened less that of the plan of that week without the decision, at standard cost; whatever else "
            "happened in those days is in it."
        )
        formats: dict[str, Format] = {promised: "money", realised: "money", "Due": day}
        return Table(frame, "Last week's actions", formats, note, rows=20)

    @property
    def log(self) -> Table | str:
        """Every decision so far, the newest first."""
        if self.decided is None or self.decided.is_empty():
            return "No decision has been recorded so far."
        promised = f"Promised, {self.currency}"
        frame = self.decided.sort("as_of", "created", descending=True).select(
            pl.col("as_of").alias("Week of"),
            pl.col("what").alias("What was decided about"),
            pl.col("option").alias("Decision"),
            pl.col("owner").alias("Owner"),
            pl.col("reason").alias("Why"),
            pl.col("promised").alias(promised),
            pl.when("promoted").then(pl.lit("yes")).otherwise(pl.lit("no")).alias("In the plan of record"),
        )
        return Table(frame, "Log of decisions, the newest first", {promised: "money", "Week of": day}, rows=15)


def meeting_week(situation: Week, living: Living, *, store: str | Path = "", results: str | Path = "") -> MeetingWeek:
    """Price the options of the decisions asked for, remember the exceptions, follow up the last decisions.

    Parameters
    ----------
    situation : this week's, events priced. living : the model that its plan came from.
    store : plan history with earlier weeks; blank or absent: none. results : where the pack collects.
    """
    company, as_of = situation.snapshot.company, situation.snapshot.as_of
    home = _there(store)
    issues = find(situation)
    before = meeting.recall(home, "exceptions", company=company, before=as_of) if home else None
    decided = meeting.decisions(home, company=company, before=as_of) if home else None
    log = meeting.decisions(home, company=company).filter(pl.col("as_of") < as_of) if home else None
    remembered = memory.remember(issues, before, as_of, threshold=threshold(situation), currency=situation.currency)
    known = situation.answered(None, memory.keep_memory(remembered, results))
    priced = options.keep_options(price_options(known, living.plan, agenda(known)), results)
    came = tuple(actions(decided, known, issues, home)) if decided is not None else ()
    return MeetingWeek(known.answered(priced), price_manual(living), came, log)


def _there(store: str | Path) -> str:
    """The store's address where there is one."""
    text = str(store)
    return text if text and ("://" in text or place(text).is_dir()) else ""
