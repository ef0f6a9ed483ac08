"""One week: the extract, the plan, what came before, and every frame a review reads, worked out once."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import polars as pl

from soe_lib.display import html
from soe_lib.extract.snapshot import Snapshot
from soe_lib.model.pegging.answer import Pegging, pegging
from soe_lib.review import frames, words
from soe_lib.review.exceptions import find
from soe_lib.review.exceptions.causes import attributed
from soe_lib.review.exceptions.customers import unforecast
from soe_lib.review.exceptions.supply import thin
from soe_lib.review.memory import escalated
from soe_lib.store.plan import Plan
from soe_lib.store.promised import PROMISES

if TYPE_CHECKING:
    from soe_lib.review.exceptions.issue import Issue
    from soe_lib.review.finance_parts import Split


@dataclass(frozen=True)
class HandOver:
    """The folder in which the notebooks of one pack leave for each other what costs time; blank: there is none.

    Parameters
    ----------
    folder : where the pack collects its results.
    """

    folder: str | Path = ""

    def read(self, name: str) -> pl.DataFrame | None:
        """What another notebook left under a name; None where there is nothing."""
        path = Path(self.folder) / f"{name}.parquet"
        return pl.read_parquet(path) if str(self.folder) and path.is_file() else None

    def once(self, name: str, work_out: Callable[[], pl.DataFrame]) -> pl.DataFrame:
        """What another notebook left under a name; else what is worked out here, left for the others."""
        found = self.read(name)
        if found is None:
            found = work_out()
            if str(self.folder):
                folder = Path(self.folder)
                folder.mkdir(parents=True, exist_ok=True)
                # Notebooks run side by side: none may read half a file.
                part = folder / f"{name}.{os.getpid()}.part"
                found.write_parquet(part)
                part.replace(folder / f"{name}.parquet")
        return found


@dataclass(frozen=True, eq=False, repr=False)
class Week:
    """What a meeting talks about: this week's extract and plan, and the plan of record they are held
    against.

    Each frame is worked out when first asked for, and once: every page of a pack reads the same figures. What only
    planning again can tell (`prices`, `options`, `commitments`) is None here where nobody has told it; `soe.week` gives
    a week that works it out.

    Parameters
    ----------
    snapshot, plan : of this week.
    record : the last published plan; None where there is none.
    past : earlier extracts of the company, oldest first.
    known : what was worked out elsewhere, by its name here: prices, options, memory, targets, commitments, split.
    """

    snapshot: Snapshot
    plan: Plan
    record: Plan | None = None
    past: tuple[Snapshot, ...] = ()
    known: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, snapshot: Snapshot, plan: Plan, record: Plan | None = None) -> Self:
        """A week with the company's earlier extracts beside it."""
        return cls(snapshot, plan, record, frames.earlier(snapshot))

    def knowing(self, **known: Any) -> Self:
        """The same week, told what was worked out elsewhere: prices, options, memory, targets, commitments, split."""
        return replace(self, known={**self.known, **known})

    def __repr__(self) -> str:
        against = self.record.name if self.record else "no plan of record"
        return f"{self.snapshot.company} as of {self.snapshot.as_of}: {self.plan.name}, against {against}"

    def _repr_html_(self) -> str:
        issues = [(one.kind, one.headline or one.what, float(one.money)) for one in self.issues]
        return html(repr(self), pl.DataFrame(issues, schema=["exception", "what", "money"], orient="row"), digits=0)

    @property
    def currency(self) -> str:
        """Currency of all money."""
        return self.snapshot.currency

    @property
    def before(self) -> Snapshot | None:
        """The extract before this one."""
        return self.past[-1] if self.past else None

    @cached_property
    def found(self) -> tuple[Issue, ...]:
        """Every exception of the week, most money first."""
        return find(self)

    @cached_property
    def issues(self) -> tuple[Issue, ...]:
        """The same exceptions, those marked that the rules hand up."""
        return escalated(self, self.found)

    @cached_property
    def split(self) -> Split | str:
        """Why the margin moved since the last extract; a sentence, or a blank one, where nobody has split it."""
        return self.known.get("split", "")

    @cached_property
    def prices(self) -> pl.DataFrame | None:
        """What each event costs, by planning again without it: the columns of `soe.review.cost_of_events`."""
        return self.known.get("prices")

    @cached_property
    def promises(self) -> pl.DataFrame:
        """Every promise that was kept beside the plan history, the first due first."""
        found = self.known.get("promises")
        return pl.DataFrame(schema=PROMISES) if found is None else found

    @cached_property
    def options(self) -> pl.DataFrame | None:
        """The priced answers to the exceptions: the columns of `soe.whatif.price_options`."""
        return self.known.get("options")

    @cached_property
    def memory(self) -> pl.DataFrame | None:
        """How long each exception has been open."""
        return self.known.get("memory")

    @cached_property
    def commitments(self) -> pl.DataFrame | None:
        """What each S&OP commitment costs to keep: the rows of `soe.whatif.commitment_prices`."""
        return self.known.get("commitments")

    @cached_property
    def fences(self) -> dict[str, date]:
        """The first day after each fence that settings.toml draws: {"frozen": …, "slushy": …}."""
        fence = self.snapshot.settings.fence
        days = {"frozen": fence.frozen_days, "slushy": fence.slushy_days}
        return {name: self.snapshot.as_of + timedelta(days=length) for name, length in days.items() if length}

    @cached_property
    def breaks(self) -> pl.DataFrame:
        """Where the plan breaks the frozen fence."""
        return frames.fence_breaks(self.snapshot, self.plan, self.record)

    @cached_property
    def breaks_by_cause(self) -> pl.DataFrame:
        """The same breaks: cause (what would spare most of it if it were taken away; blank: nothing known), spared."""
        return frames.with_causes(self.breaks, self.prices)

    @cached_property
    def demand(self) -> pl.DataFrame:
        """Forecast, orders and sales by family and week."""
        return frames.demand_by_week(self.snapshot, self.past)

    @cached_property
    def demand_lines(self) -> pl.DataFrame:
        """Forecast and orders by item, place, customer and week."""
        return frames.demand_lines(self.snapshot)

    @cached_property
    def versions(self) -> pl.DataFrame:
        """Finished weeks with every forecast that was published of them."""
        return frames.forecast_versions(self.snapshot, self.past)

    @cached_property
    def errors(self) -> pl.DataFrame:
        """Finished weeks with the forecast published one week before."""
        return frames.forecast_errors(self.snapshot, lag=1, versions=self.versions)

    @cached_property
    def accuracy(self) -> pl.DataFrame:
        """How good the forecast was by item, place and class of customers, at the lag that must be covered."""
        return frames.accuracy_by_cell(self.snapshot, self.past)

    @cached_property
    def lines(self) -> pl.DataFrame:
        """What the plan does to each demand line."""
        return frames.lines(self.snapshot, self.plan)

    @cached_property
    def priorities(self) -> pl.DataFrame:
        """Service by customer priority."""
        return frames.service_by(self.snapshot, self.plan, "priority")

    @cached_property
    def customers(self) -> pl.DataFrame:
        """Service by customer."""
        return frames.service_by(self.snapshot, self.plan, "customer")

    @cached_property
    def gaps(self) -> pl.DataFrame:
        """Demand served and missed by week."""
        return frames.gaps_by_week(self.snapshot, self.plan)

    @cached_property
    def item_gaps(self) -> pl.DataFrame:
        """Items whose demand is not all served on time."""
        return frames.gaps_by_item(self.snapshot, self.plan)

    @cached_property
    def missed(self) -> pl.DataFrame:
        """The same items, in parts that are laid to one cause each: kind and key added."""
        return attributed(self)

    def cost_of(self, subject: str, otherwise: float) -> tuple[float, str]:
        """What an event costs [money], and how that was found; `otherwise` where nobody has planned again without
        it.
        """
        known = self.prices.filter(pl.col("subject") == subject) if self.prices is not None else None
        if known is None or known.is_empty():
            return max(otherwise, 0.0), "lost margin, penalties and lateness of the demand laid to it"
        return max(
            float(known["money"][0]), 0.0
        ), "margin of the plan without it − margin of this plan, by planning again"

    @cached_property
    def orders_at_risk(self) -> pl.DataFrame:
        """Open orders that will be late or short."""
        return frames.orders_at_risk(self.snapshot, self.plan)

    @cached_property
    def pegged(self) -> Pegging:
        """Which supply serves which demand."""
        return pegging(self.plan, self.snapshot)

    @cached_property
    def rivals(self) -> pl.DataFrame:
        """With whom the orders at risk compete for scarce hours."""
        return frames.rivals(self.pegged, self.orders_at_risk)

    @cached_property
    def load(self) -> pl.DataFrame:
        """Hours used and hours there, by line and week."""
        return frames.line_load(self.snapshot, self.plan)

    @cached_property
    def scarce(self) -> pl.DataFrame:
        """What one more hour is worth, by line and week."""
        return frames.scarce_hours(self.snapshot, self.plan)

    @cached_property
    def hour_prices(self) -> pl.DataFrame:
        """What one more hour is worth, ready to be drawn: label, price [money per hour]."""
        when = pl.col("label").map_elements(words.period_name, return_dtype=pl.String)
        return self.scarce.select(label=pl.format("{}, {}", "resource", when), price="price")

    @cached_property
    def unforecast(self) -> pl.DataFrame:
        """Orders far above the forecast, by customer and family."""
        return unforecast(self)

    @cached_property
    def stock(self) -> pl.DataFrame:
        """Projected stock against safety stock."""
        return frames.projected_stock(self.snapshot, self.plan)

    @cached_property
    def stock_shown(self) -> pl.DataFrame:
        """The stocks worth a look: what comes late first, then sold items that fall furthest under their safety
        stock.
        """
        late = self.late_receipts.select("item", "location").unique().with_columns(late=True)
        sold = self.lines.select("item", "location").unique().with_columns(sold=True)
        nodes = self.stock.select("item", "location", "gap_value", "order").unique()
        ranked = nodes.join(late, on=["item", "location"], how="left").join(sold, on=["item", "location"], how="left")
        place = ranked.sort(
            [pl.col("late").fill_null(False), pl.col("sold").fill_null(False), "order"], descending=[True, True, False]
        ).select("item", "location").with_row_index("place")  # fmt: skip
        joined = self.stock.join(place, on=["item", "location"], validate="m:1")
        return joined.with_columns(order=pl.col("place").cast(pl.Int64)).drop("place").sort("order", "index")

    @cached_property
    def thin(self) -> pl.DataFrame:
        """Sold items that fall under half their safety stock."""
        return thin(self)

    @cached_property
    def targets(self) -> pl.DataFrame:
        """Stock that is worth holding against what nobody knows, beside what is held and what is typed."""
        known = self.known.get("targets")
        return frames.targets(self.snapshot, self.plan) if known is None else known

    @cached_property
    def cover(self) -> pl.DataFrame:
        """How long today's stock lasts."""
        return frames.cover(self.snapshot, self.plan)

    @cached_property
    def outlook(self) -> pl.DataFrame:
        """Sales outlook of each family and month against its S&OP commitment."""
        return frames.month_outlook(self.snapshot, self.plan)

    @cached_property
    def matters(self) -> pl.DataFrame:
        """Whose matter each deviation from a commitment is: what waiting costs against what deciding costs."""
        prices = None if self.outlook.is_empty() else self.commitments
        return frames.matters(self.snapshot, self.plan, self.outlook, prices)

    @cached_property
    def late_receipts(self) -> pl.DataFrame:
        """Receipts that are overdue or delayed."""
        return frames.late_receipts(self.snapshot)

    @cached_property
    def events(self) -> pl.DataFrame:
        """Events in force."""
        return frames.events_now(self.snapshot)

    @cached_property
    def changed_plan(self) -> pl.DataFrame:
        """What the plan does otherwise than the plan of record."""
        return frames.changed_plan(self.plan, self.record, frozen_days=self.snapshot.settings.fence.frozen_days)
