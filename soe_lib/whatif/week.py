"""This week for pages, notebooks, the workbench and the pack. Results that need planning again are computed once, on
first use, and shared between the notebooks of a pack.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from soe_lib.errors import DataError
from soe_lib.model.living import Living
from soe_lib.model.record import HERE, Recorded, keep, left, plan_of_record
from soe_lib.review import frames, memory, options
from soe_lib.review import week as reviewed
from soe_lib.review.options import cost_of_events
from soe_lib.review.page import agenda, threshold
from soe_lib.review.tables import Format, Table, day
from soe_lib.store import meeting
from soe_lib.store.promised import promises
from soe_lib.whatif.attribution import Attribution, why_moved
from soe_lib.whatif.commitments import PRICES, commitment_prices
from soe_lib.whatif.follow_up import actions
from soe_lib.whatif.options import price_options
from soe_lib.whatif.rules import price_manual
from soe_lib.workspace import place

if TYPE_CHECKING:
    from soe_lib.extract.snapshot import Snapshot
    from soe_lib.model.living import Living
    from soe_lib.store.plan import Plan

MOST = 4
"""Most disruptions that the change of margin is split into; the last one holds the rest."""
ACTIONS = {
    **dict.fromkeys(("title", "option", "owner", "due"), pl.String),
    "promised": pl.Float64, "realised": pl.Float64, "state": pl.String, "evidence": pl.String,
}  # fmt: skip
"""One row per decision that is followed up."""


@dataclass(frozen=True, eq=False, repr=False)
class Week(reviewed.Week):
    """This week, and results that need planning again, computed on first use.

    Parameters
    ----------
    store : plan history with earlier weeks; blank or absent: none.
    results : folder that the notebooks of one pack share; blank: none.
    alive : the living model of the plan; left out, one is made when something has to be planned again.
    """

    store: str | Path = ""
    results: str | Path = ""
    alive: Living | None = None

    @cached_property
    def living(self) -> Living:
        """The living model that plans again."""
        return self.alive or Living(self.snapshot, record=self.record)

    def hand_over(self) -> None:
        """Save the plan, and all results that take time, for the other notebooks of the pack."""
        keep(self.plan, self.results)
        # Reading each property computes and saves it.
        _ = self.commitments, self.prices, self.memory, self.options, self.targets

    @cached_property
    def commitments(self) -> pl.DataFrame | None:
        """What each S&OP commitment costs to keep; None where none can still be judged."""
        rows = self._known("commitments", "commitment_prices", self._price_commitments)
        return None if rows is None or rows.is_empty() else rows

    def _price_commitments(self) -> pl.DataFrame:
        living = self.living
        try:
            return commitment_prices(self.snapshot, blocks=living.beside, record=None, near=living).rows
        except DataError:
            return pl.DataFrame(schema=PRICES)

    @cached_property
    def prices(self) -> pl.DataFrame | None:
        """What each event costs, by planning again without it."""
        return self._known("prices", "event_costs", lambda: cost_of_events(self, self.living.plan))

    @cached_property
    def memory(self) -> pl.DataFrame | None:
        """How long each exception has been open."""
        return self._known("memory", "memory", self._remember)

    def _remember(self) -> pl.DataFrame:
        home, snapshot = self._home, self.snapshot
        before = meeting.recall(home, "exceptions", company=snapshot.company, before=snapshot.as_of) if home else None
        return memory.remember(self.found, before, snapshot.as_of, threshold=threshold(self), currency=self.currency)

    @cached_property
    def options(self) -> pl.DataFrame | None:
        """The priced answers to the decisions that the meeting is asked for."""
        return self._known("options", "options", lambda: price_options(self, self.living.plan, agenda(self)))

    @cached_property
    def targets(self) -> pl.DataFrame:
        """Stock worth holding against uncertainty, beside planned stock and typed safety stock."""
        found = self._known("targets", "stock_targets", lambda: frames.targets(self.snapshot, self.plan))
        return super().targets if found is None else found

    @cached_property
    def split(self) -> Attribution | str:
        """Why the margin moved since the last extract, by disruption, or a sentence why it cannot be split."""
        if "split" in self.known:
            return self.known["split"]
        return why_moved(self.before, self.snapshot, record=self.record, most=MOST, plan=self.plan)

    def _known(self, name: str, file: str, work_out: Callable[[], pl.DataFrame]) -> pl.DataFrame | None:
        """A given result, else one that another notebook saved, else one computed now."""
        if name in self.known:
            return self.known[name]
        return reviewed.HandOver(self.results).once(file, work_out)

    @property
    def _home(self) -> str:
        """The store's address where there is one."""
        text = str(self.store)
        return text if text and ("://" in text or place(text).is_dir()) else ""

    @cached_property
    def promises(self) -> pl.DataFrame:
        """Every promise that was kept up to this week, the first due first."""
        if "promises" in self.known or not self._home:
            return super().promises
        return promises(self._home, company=self.snapshot.company, until=self.snapshot.as_of)

    @cached_property
    def _decisions(self) -> pl.DataFrame | None:
        """Every decision kept before this week's meeting, oldest first."""
        if not self._home:
            return None
        every = meeting.decisions(self._home, company=self.snapshot.company)
        return every.filter(pl.col("as_of") < self.snapshot.as_of)

    @cached_property
    def actions(self) -> tuple[dict[str, Any], ...]:
        """What came of the last meeting's decisions."""
        if not self._home:
            return ()
        last = meeting.decisions(self._home, company=self.snapshot.company, before=self.snapshot.as_of)
        return tuple(actions(last, self, self.found, self._home))

    @cached_property
    def hands(self) -> pl.DataFrame:
        """What every override, lock and priority costs, by planning again without it."""
        return price_manual(self.living)

    @property
    def remembered(self) -> Table | str:
        """New, persisting, easing and solved exceptions."""
        return memory.table(self.memory, self.currency)

    @property
    def by_hand(self) -> Table | str:
        """The cost of every manual rule."""
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
        if self._decisions is None or self._decisions.is_empty():
            return "No decision has been recorded so far."
        promised = f"Promised, {self.currency}"
        frame = self._decisions.sort("as_of", "created", descending=True).select(
            pl.col("as_of").alias("Week of"),
            pl.col("what").alias("What was decided about"),
            pl.col("option").alias("Decision"),
            pl.col("owner").alias("Owner"),
            pl.col("reason").alias("Why"),
            pl.col("promised").alias(promised),
            pl.when("promoted").then(pl.lit("yes")).otherwise(pl.lit("no")).alias("In the plan of record"),
        )
        return Table(frame, "Log of decisions, the newest first", {promised: "money", "Week of": day}, rows=15)


def week(
    snapshot: Snapshot,
    plan: Plan | None = None,
    record: Recorded = "find",
    *,
    store: str | Path = HERE,
    results: str | Path = "",
) -> Week:
    """This week as its pages read it: extract, plan, plan of record, and all results from them, computed once.

    Parameters
    ----------
    snapshot : what was known on the as-of date.
    plan : this week's; left out: the one that the balance page of the same pack saved, else solved here.
    record : the plan of record that it is compared with; left out: the last published one (`soe.plan_of_record`).
    store : plan history, of the workspace where it is relative.
    results : folder that the notebooks of one pack share; blank when run by hand.

    Raises SolveError where there is no proven plan.

    Examples
    --------
    >>> week = soe.week(down, soe.plan(down), record=None)
    >>> [issue.key for issue in week.issues]
    ['Demand not served: line', 'Off the S&OP plan: Drinks', 'Line down: line edit 1']
    """
    held = plan_of_record(snapshot, store, results) if isinstance(record, str) else record
    made, alive = plan or left(snapshot, results), None
    if made is None:
        alive = Living(snapshot, record=held)
        made = alive.base
    return Week(snapshot, made, held, frames.earlier(snapshot), store=store, results=results, alive=alive)
