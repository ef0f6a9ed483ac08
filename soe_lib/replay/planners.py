"""Planners: from a Monday's snapshot to the decisions of its first week."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
import polars as pl

from soe_lib.extract.settings import CushionUse
from soe_lib.extract.snapshot import Snapshot
from soe_lib.model.blocks.stability import Stability
from soe_lib.model.blocks.standard import STANDARD
from soe_lib.model.model import Model
from soe_lib.model.network import Network
from soe_lib.model.terms import Block
from soe_lib.replay.truth import DECIDED, Floats

Decisions = Mapping[str, pl.DataFrame]
"""Flow → its keys, period and `quantity`: the first week is carried out, later ones serve only to measure churn."""
NEAR = 4
"""Weeks of demand by which the cover of stock is measured."""
Planner = Callable[[Snapshot], Decisions]


@dataclass(frozen=True)
class Optimiser:
    """The plan worth most money, as `soe.plan` makes it.

    Parameters
    ----------
    cushion : `[cushion] use` of the settings: "never", "with a record" or "always"; blank: the snapshot's own.
    safety : columns of the table `policies` that are typed in; None: the snapshot's own.
    blocks : blocks in addition to the standard ones.
    standard : the standard blocks.
    record : routing, period, quantity of the plan of the week before, to which `[fence]` refers; None: none.
    """

    cushion: CushionUse | Literal[""] = ""
    safety: pl.DataFrame | None = None
    blocks: tuple[Block, ...] = ()
    standard: tuple[Block, ...] = STANDARD
    record: pl.DataFrame | None = None

    def __call__(self, snapshot: Snapshot) -> Decisions:
        """Plan, and return the decisions."""
        if self.cushion:
            settings = snapshot.settings
            settings = replace(settings, cushion=replace(settings.cushion, use=self.cushion))
            snapshot = replace(snapshot, settings=settings)
        if self.safety is not None:
            snapshot = snapshot.replace(policies=self.safety)
        fence = () if self.record is None else (Stability(self.record),)
        made = Model(snapshot, (*self.standard, *self.blocks, *fence)).solve()
        return {flow: made.flows[flow].filter(pl.col("quantity") > 1e-7) for flow in DECIDED if flow in made.flows}


ROUNDS = 4
"""Rounds in which work beyond the hours of an alternative is shared among those with hours left."""


@dataclass(frozen=True)
class BaseStock:
    """MRP with safety stock: time-phased netting level by level, lot for lot, from the cheapest source in time.

    Each node orders up to its requirements over lead time and week. Production beyond the first week's hours is cut
    where stock lasts longest. Nothing is made ahead of need.

    Parameters
    ----------
    safety : item, location, safety_stock [unit].
    """

    safety: pl.DataFrame = field(
        default_factory=lambda: pl.DataFrame(
            schema={"item": pl.String, "location": pl.String, "safety_stock": pl.Float64}
        )
    )

    def __call__(self, snapshot: Snapshot) -> Decisions:
        """Net, explode, cut to the available hours."""
        return _Netting(snapshot, self.safety).decisions()


class _Netting:
    """One Monday's netting.

    Every node has one source, the cheapest, and one for expediting where a purchase is faster.
    """

    def __init__(self, snapshot: Snapshot, safety: pl.DataFrame) -> None:
        self.network = network = Network(snapshot)
        self.weeks = snapshot.periods.height
        self.label = snapshot.periods["period"][0]
        nodes = network.nodes.select(pl.col("item", "location").cast(pl.String)).sort("item", "location")
        self.nodes = nodes.with_row_index("node").with_columns(pl.col("node").cast(pl.Int64))
        self.safety = self._at(safety.select("item", "location", quantity="safety_stock"))
        self.sources = self._sources(snapshot)
        self.place = {label: number for number, label in enumerate(snapshot.periods["period"])}

    def _at(self, rows: pl.DataFrame) -> Floats:
        summed = (
            rows.sort("item", "location", "quantity")
            .group_by(pl.col("item", "location").cast(pl.String), maintain_order=True)
            .agg(pl.col("quantity").sum())
        )
        found = self.nodes.join(summed, on=["item", "location"], how="left", maintain_order="left")
        return found["quantity"].fill_null(0.0).to_numpy()

    def _by_week(self, rows: pl.DataFrame) -> Floats:
        """item, location, period, quantity → shape (nodes, weeks)."""
        found = (
            rows.with_columns(
                pl.col("item", "location").cast(pl.String),
                week=pl.col("period").cast(pl.String).replace_strict(self.place, default=None, return_dtype=pl.Int64),
            )
            .drop_nulls("week")
            .join(self.nodes, on=["item", "location"], how="inner")
            .sort("node", "week", "quantity")
        )
        table = np.zeros((self.nodes.height, self.weeks))
        np.add.at(table, (found["node"].to_numpy(), found["week"].to_numpy()), found["quantity"].to_numpy())
        return table

    def _sources(self, snapshot: Snapshot) -> pl.DataFrame:
        """Each source of a node: kind, way (name), item, location, origin, lead [weeks], cost, good; cheapest first."""
        day = snapshot.as_of
        valid = (pl.col("valid_from").is_null() | (pl.col("valid_from") <= day)) & (
            pl.col("valid_to").is_null() | (pl.col("valid_to") >= day)
        )
        weeks = (pl.col("lead_time_days").fill_null(0.0) / 7.0).round().cast(pl.Int64)
        text = pl.col("item", "location").cast(pl.String)
        routings = snapshot["routings"].filter(valid).select(
            text, kind=pl.lit("make"), way="routing", origin=pl.lit(""), lead=weeks,
            cost=pl.col("cost_per_unit").fill_null(0.0), good=pl.col("yield").fill_null(1.0),
        )  # fmt: skip
        offers = (
            snapshot["offers"]
            .filter(valid)
            .select(
                text,
                kind=pl.lit("buy"),
                way="offer",
                origin=pl.lit(""),
                lead=weeks,
                cost=pl.col("unit_cost"),
                good=pl.lit(1.0),
            )
        )
        lanes = self.network.lanes.filter(valid).select(
            pl.col("item").cast(pl.String), location=pl.col("destination").cast(pl.String), kind=pl.lit("ship"),
            way=pl.col("lane").cast(pl.String), origin=pl.col("origin").cast(pl.String), lead=weeks,
            cost=pl.col("cost_per_unit").fill_null(0.0), good=pl.lit(1.0),
        )  # fmt: skip
        return self._landed(pl.concat([routings, offers, lanes]).join(self.nodes, on=["item", "location"]))

    def _landed(self, sources: pl.DataFrame) -> pl.DataFrame:
        """The sources by node, the cheapest first by landed cost: components, conversion and freight."""
        sources = sources.sort("node", "kind", "way").with_row_index("row")
        uses = self._uses(sources)
        worked = self.network.table("operations").join(self.network.table("resources"), on="resource", how="left")
        hourly = pl.coalesce("hours_per_unit", 1.0 / pl.col("units_per_hour")).fill_null(0.0) * pl.col("hourly_cost")
        # The cheapest alternative of each step; operations with a blank step are steps of their own.
        step = pl.when(pl.col("step").cast(pl.String) == "").then(pl.col("resource").cast(pl.String)).otherwise("step")
        spent = worked.group_by(pl.col("routing").cast(pl.String).alias("way"), step.cast(pl.String).alias("step")).agg(
            hourly.min().alias("hours")
        )
        hours = spent.group_by("way").agg(pl.col("hours").sum())
        priced = sources.join(hours, on="way", how="left", maintain_order="left")
        working = pl.when(pl.col("kind") == "make").then("hours").fill_null(0.0)
        own = priced.select(pl.col("cost") + working).to_series().to_numpy()
        node, good = sources["node"].to_numpy(), sources["good"].to_numpy()
        cheapest, landed = np.zeros(self.nodes.height), own
        for _ in range(self.nodes.height):  # as many rounds as a chain has links
            inputs = np.zeros(sources.height)
            np.add.at(inputs, uses["row"].to_numpy(), uses["quantity"].to_numpy() * cheapest[uses["from"].to_numpy()])
            landed = (own + inputs) / good
            found = np.full(self.nodes.height, np.inf)
            np.minimum.at(found, node, landed)
            found = np.where(np.isfinite(found), found, 0.0)
            if np.allclose(found, cheapest, rtol=1e-12, atol=1e-9):
                break
            cheapest = found
        return sources.with_columns(landed=pl.Series(landed)).sort("node", "landed", "kind", "way").drop("row")

    def _uses(self, sources: pl.DataFrame) -> pl.DataFrame:
        """The inputs of each source: row, node of the source, from [node], quantity [unit/unit]."""
        bom = self.network.table("components").select(pl.col("routing", "component").cast(pl.String), "quantity")
        made = sources.filter(pl.col("kind") == "make").drop("item").join(bom, left_on="way", right_on="routing")
        made = made.rename({"component": "item"})
        shipped = sources.filter(pl.col("kind") == "ship").drop("location").rename({"origin": "location"})
        shipped = shipped.with_columns(quantity=pl.lit(1.0))
        columns = ["row", "node", "item", "location", "quantity"]
        columns = [name for name in columns if name in made.columns]
        both = pl.concat([made.select(columns), shipped.select(columns)])
        # Sorted, so that sums of the same rows are equal to the last bit.
        return both.join(self.nodes.rename({"node": "from"}), on=["item", "location"]).sort("from", "node", "quantity")

    def decisions(self) -> Decisions:
        """The first week's starts, dispatches and orders."""
        first = self.sources.unique("node", keep="first", maintain_order=True)
        count = self.nodes.height
        lead, good = np.zeros(count, int), np.ones(count)
        lead[first["node"].to_numpy()] = first["lead"].to_numpy()
        good[first["node"].to_numpy()] = first["good"].to_numpy()
        dependent = self._dependent(first)
        open_orders = self._open_orders()
        demand = self._by_week(self.network.demand.select("item", "location", "quantity", period="due"))
        stock = self._at(self.network.table("inventory").select("item", "location", quantity="on_hand"))
        gross, release = demand.copy(), np.zeros((count, self.weeks))
        lack = np.zeros((count, self.weeks))
        supply, need = stock + open_orders[:, :NEAR].sum(axis=1), demand[:, :NEAR].mean(axis=1)
        for level in _levels(dependent):
            gross[level] += dependent[level] @ release
            # Cover includes stock and demand further down the chain.
            supply[level] += dependent[level] @ supply
            need[level] += dependent[level] @ need
            release[level], lack[level] = self._netted(
                gross[level], stock[level], open_orders[level], self.safety[level], lead[level]
            )
            release[level] /= good[level][:, None]
        return self._decided(first, release[:, 0], lack, supply / np.maximum(need, 1e-9))

    def _netted(
        self, gross: Floats, stock: Floats, coming: Floats, safety: Floats, lead: Floats
    ) -> tuple[Floats, Floats]:
        """Order releases by week, and the shortage before a new order from the ordinary source arrives."""
        release, lack = np.zeros_like(gross), np.zeros_like(gross)
        projected = stock.copy()
        rows = np.arange(len(stock))
        for week in range(self.weeks):
            projected = projected + coming[:, week] - gross[:, week]
            need = (safety - projected).clip(0.0)
            at = np.maximum(week - lead, 0)
            np.add.at(release, (rows, at), need)
            early = week < lead
            lack[:, week] = np.where(early, (-projected).clip(0.0), 0.0)
            projected = projected + need
        return release, lack

    def _open_orders(self) -> Floats:
        receipts = self.network.receipts.select("item", "location", "period", "quantity")
        return self._by_week(receipts)

    def _dependent(self, first: pl.DataFrame) -> Floats:
        """shape (nodes, nodes): units of a node per unit released of another."""
        table, uses = np.zeros((self.nodes.height, self.nodes.height)), self._uses(first)
        np.add.at(table, (uses["from"].to_numpy(), uses["node"].to_numpy()), uses["quantity"].to_numpy())
        return table

    def _decided(self, first: pl.DataFrame, now: Floats, lack: Floats, cover: Floats) -> Decisions:
        want = first.with_columns(quantity=pl.Series(now[first["node"].to_numpy()])).with_columns(
            period=pl.lit(self.label)
        )
        # Expedited: the shortage before the ordinary order arrives, where another source is faster.
        faster = (
            self.sources.join(first.select("node", ordinary="lead", chosen="way"), on="node")
            .filter(pl.col("kind") == "buy", pl.col("lead") < pl.col("ordinary"), pl.col("way") != pl.col("chosen"))
            .unique("node", keep="first", maintain_order=True)
        )
        expedited = faster.with_columns(missing=pl.Series(self._expedited(faster, lack)))
        ordinary = want.join(expedited.select("node", "missing"), on="node", how="left").with_columns(
            pl.max_horizontal(0.0, pl.col("quantity") - pl.col("missing").fill_null(0.0)).alias("quantity")
        )
        made = self._within_hours(ordinary.filter(pl.col("kind") == "make"), cover)
        bought = pl.concat(
            [
                ordinary.filter(pl.col("kind") == "buy").select(pl.col("way").alias("offer"), "period", "quantity"),
                expedited.select(
                    pl.col("way").alias("offer"),
                    pl.lit(self.label).alias("period"),
                    pl.col("missing").alias("quantity"),
                ),
            ]
        )
        shipped = ordinary.filter(pl.col("kind") == "ship").select(
            pl.col("way").alias("lane"), "item", "period", "quantity"
        )
        return {**made, "buy": bought, "ship": shipped}

    def _expedited(self, faster: pl.DataFrame, lack: Floats) -> Floats:
        """The largest shortage in the weeks between the arrivals of the fast and the ordinary source."""
        nodes, lead = faster["node"].to_numpy(), faster["lead"].to_numpy()
        weeks = np.arange(self.weeks)[None, :]
        return np.where(weeks >= lead[:, None], lack[nodes], 0.0).max(axis=1, initial=0.0)

    def _within_hours(self, made: pl.DataFrame, cover: Floats) -> dict[str, pl.DataFrame]:
        """Starts within hours and overtime, the shortest cover first.

        Alternatives share work in proportion to their hours; work beyond the hours of one is shared again.
        """
        made = made.with_columns(cover=pl.Series(cover[made["node"].to_numpy()]))
        work = self.network.table("operations").select(
            pl.col("routing", "step", "resource").cast(pl.String),
            hours_per_unit=pl.coalesce("hours_per_unit", 1.0 / pl.col("units_per_hour")).fill_null(0.0),
        )
        alternatives = pl.len().over("routing", "step")
        work = work.with_columns(many=pl.when(pl.col("step") == "").then(1).otherwise(alternatives))
        available = self.network.hours.filter(pl.col("period").cast(pl.String) == self.label).select(
            pl.col("resource").cast(pl.String), "hours", room=pl.col("hours") + pl.col("overtime_hours")
        )
        free = work.join(made.select("way"), left_on="routing", right_on="way", how="right").filter(
            pl.col("resource").is_null()
        )
        parts = [made.filter(pl.col("way").is_in(free["way"].implode())).select("node", routing="way", done="quantity")]
        runs, left = [], made
        for _ in range(ROUNDS):
            round_ = _shared(left, work, available.select("resource", "room"))
            done = round_.group_by("node", pl.col("way").alias("routing"), maintain_order=True).agg(
                pl.col("done").first()
            )
            parts.append(done)
            runs.append(round_.filter(pl.col("many") > 1).select("way", "step", "resource", run="ran"))
            used = round_.group_by("resource").agg(used=(pl.col("ran") * pl.col("hours_per_unit")).sum())
            available = available.join(used, on="resource", how="left", maintain_order="left").with_columns(
                room=(pl.col("room") - pl.col("used").fill_null(0.0)).clip(0.0)
            ).drop("used")  # fmt: skip
            left = left.join(done.select("node", "done"), on="node", how="left", maintain_order="left").with_columns(
                quantity=(pl.col("quantity") - pl.col("done").fill_null(0.0)).clip(0.0)
            ).drop("done")  # fmt: skip
        period = pl.lit(self.label).alias("period")
        spent = self.network.hours.filter(pl.col("period").cast(pl.String) == self.label).select(
            pl.col("resource").cast(pl.String), full=pl.col("hours") + pl.col("overtime_hours")
        )
        overtime = available.join(spent, on="resource", maintain_order="left").select(
            "resource", period, quantity=(pl.col("full") - pl.col("room") - pl.col("hours")).clip(0.0)
        )
        return {
            "make": pl.concat(parts)
            .group_by("routing", maintain_order=True)
            .agg(quantity=pl.col("done").sum())
            .select("routing", period, "quantity"),
            "overtime": overtime,
            "run": pl.concat(runs)
            .group_by(pl.col("way").alias("routing"), "step", "resource", maintain_order=True)
            .agg(quantity=pl.col("run").sum())
            .select("routing", "step", "resource", period, "quantity"),
        }


def _shared(made: pl.DataFrame, work: pl.DataFrame, available: pl.DataFrame) -> pl.DataFrame:
    """One round: the starts of each routing and the runs of each resource, within the hours left.

    Parameters
    ----------
    made : node, way, quantity, cover. work : routing, step, resource, hours_per_unit, many.
    available : resource, room [h].

    Returns
    -------
    node, way, step, resource, hours_per_unit, many, ran [units that the resource runs], done [units started].
    """
    room = pl.col("room").fill_null(0.0)
    loads = (
        made.filter(pl.col("quantity") > 0)
        .join(work, left_on="way", right_on="routing")
        .join(available, on="resource", how="left")
        .with_columns(room=room, all=room.sum().over("way", "step"))
        .with_columns(
            part=pl.when(pl.col("many") == 1)
            .then(1.0)
            .otherwise(pl.when(pl.col("all") > 0).then(pl.col("room") / pl.col("all")).otherwise(0.0))
        )
        .with_columns(load=pl.col("quantity") * pl.col("part") * pl.col("hours_per_unit"))
    )
    share = loads.sort("resource", "cover", "way", "step").with_columns(
        left=(pl.col("room") - (pl.col("load").cum_sum().over("resource") - pl.col("load"))).clip(0.0)
    ).with_columns(
        share=pl.when(pl.col("load") > pl.col("left")).then(pl.col("left") / pl.col("load")).otherwise(1.0)
    )  # fmt: skip
    idle = (pl.col("many") > 1) & (pl.col("all") <= 0)
    worst = share.group_by("node", maintain_order=True).agg(
        pl.when(idle).then(0.0).otherwise(pl.col("share")).min().alias("kept")
    )
    return share.join(worst, on="node", maintain_order="left").select(
        "node", "way", "step", "resource", "hours_per_unit", "many",
        ran=pl.col("quantity") * pl.col("part") * pl.col("kept"), done=pl.col("quantity") * pl.col("kept"),
    )  # fmt: skip


def _levels(dependent: Floats) -> list[np.ndarray]:
    """Nodes in the order of netting: each comes after the nodes that use it; a cycle ends the search."""
    uses = dependent > 0
    depth = np.zeros(len(dependent), int)
    for _ in range(len(dependent)):
        deeper = np.where(uses, depth[None, :] + 1, 0).max(axis=1, initial=0)
        if (deeper == depth).all():
            break
        depth = deeper
    return [np.flatnonzero(depth == level) for level in range(depth.max(initial=0) + 1)]
