"""What was known on a Monday: the snapshot that a planner sees, from the truth and the weeks carried out before."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cached_property

import numpy as np
import polars as pl
import scipy.sparse as sp

from soe_lib.extract.folders import calendar_of
from soe_lib.extract.schema import schema
from soe_lib.extract.snapshot import Snapshot
from soe_lib.replay.carry import Floor, State
from soe_lib.replay.guard import refused
from soe_lib.replay.truth import Floats, Physics, Truth

DUST = 1e-9
"""Quantities up to this are ignored [units]."""
VERSIONS = 26
"""Weeks of earlier forecasts in a Monday's extract."""
CURRENT = "current"
"""Name of the forecast version used for planning."""


@dataclass(frozen=True, eq=False)
class Memory:
    """The company's records: turns a state into the extract of a Monday.

    Parameters
    ----------
    floor : where the weeks are carried out.
    """

    floor: Floor

    @property
    def truth(self) -> Truth:
        """What really happens."""
        return self.floor.truth

    def snapshot(self, state: State, week: int) -> Snapshot:
        """The extract of a Monday; raises DataError where it would contain later knowledge."""
        truth = self.truth
        as_of = truth.monday(week)
        base = truth.promised
        settings = replace(
            base.settings, as_of=as_of, horizon=replace(base.settings.horizon, weeks=truth.horizon, daily=0)
        )
        empty = base["periods"].clear()
        calendar = calendar_of(settings, empty)
        made = replace(base, as_of=as_of, settings=settings, periods=calendar.periods)
        made = made.replace(
            periods=empty,
            inventory=self._inventory(state, week),
            receipts=self._receipts(state, week),
            orders=self._orders(state, week),
            forecast=self._forecast(week),
            actuals=self._actuals(state, week),
            deliveries=self._deliveries(state, week),
            events=shaped("events", truth.known_events(as_of)),
            calendar=truth.known("calendar", as_of),
            overrides=truth.known("overrides", as_of),
        )
        return refused(made, truth, self._stock(state, week))

    # -- stock, pipeline, backlog --------------------------------------------------------------------------------

    def _stock(self, state: State, week: int) -> pl.DataFrame:
        """item, location, on_hand: stock on a Monday's morning."""
        stock = state.on_hand(week) if week else self._opening
        nodes = self.floor.physics.nodes.select(pl.col("item", "location").cast(pl.String))
        return nodes.with_columns(on_hand=pl.Series(np.maximum(stock, 0.0)))

    def _inventory(self, state: State, week: int) -> pl.DataFrame:
        """Stock by place; goods that expire also by expiry date."""
        ageing = self.floor.ageing
        rows = self._stock(state, week).with_row_index("node")
        lasting = rows.filter(~pl.col("node").is_in(ageing.nodes.tolist())).drop("node")
        number, slot = np.nonzero(state.lots.here > DUST)
        days = pl.Series(ageing.expires(self.truth.start), dtype=pl.Date).gather(slot)
        lasts = pl.Series((ageing.life[number] >= ageing.slots) & (slot == ageing.slots - 1))
        lots = rows.drop("on_hand")[ageing.nodes[number]].with_columns(
            on_hand=pl.Series(state.lots.here[number, slot]),
            lot=pl.format("until {}", days),
            expires_on=pl.when(lasts).then(None).otherwise(days),
        )
        both = pl.concat([lasting, lots.drop("node")], how="diagonal").with_columns(pl.col("lot").fill_null(""))
        return shaped("inventory", both.filter(pl.col("on_hand") > DUST))

    @cached_property
    def _opening(self) -> Floats:
        x, own = np.zeros(len(self.floor.physics.period)), self.floor.physics
        place = own.of_flow("open")
        x[place] = own.given[place]
        return self.floor._net(x).sum(axis=1)

    @cached_property
    def _legs(self) -> pl.DataFrame:
        """How each cell's goods arrive: column, kind, way, node, ordered, promised, arrived [weeks], share."""
        real, promised = _landing(self.floor.physics), _landing(self.truth.nominal)
        key = ["column", "node"]
        edges = pl.concat([real.select(*key, "until"), promised.select(*key, "until")]).unique().sort(*key, "until")
        edges = edges.with_columns(share=pl.col("until") - pl.col("until").shift(1).over(key).fill_null(0.0))
        found = edges
        for frame, name in ((real, "arrived"), (promised, "promised")):
            found = found.sort("until").join_asof(
                frame.sort("until").select(*key, "until", pl.col("period").alias(name)),
                on="until",
                by=key,
                strategy="forward",
                check_sortedness=False,
            )
        return found.sort(*key, "until").join(self._names, on="column", how="left")

    @cached_property
    def _names(self) -> pl.DataFrame:
        """column, kind, way (routing, offer or lane), ordered [week]."""
        own, parts = self.floor.physics, []
        for flow, key in (("make", "routing"), ("buy", "offer"), ("ship", "lane")):
            place = own.of_flow(flow)
            if place.stop > place.start:
                parts.append(
                    own.cells[flow].select(
                        column=pl.Series(np.arange(place.start, place.stop)),
                        kind=pl.lit(flow),
                        way=pl.col(key).cast(pl.String),
                        ordered=pl.Series(own.period[place]),
                    )
                )
        return pl.concat(parts)

    def _travelled(self, state: State) -> pl.DataFrame:
        """The legs of the quantities carried out, with quantity, item and location."""
        nodes = self.floor.physics.nodes.with_row_index("node").with_columns(
            pl.col("node").cast(pl.Int64), pl.col("item", "location").cast(pl.String)
        )
        legs = self._legs.with_columns(
            quantity=pl.Series(state.x[self._legs["column"].to_numpy()]) * self._legs["share"]
        )
        return legs.filter(pl.col("quantity") > DUST).join(nodes, on="node", how="left")

    def _receipts(self, state: State, week: int) -> pl.DataFrame:
        start = pl.lit(self.truth.start)
        coming = self._travelled(state).filter(pl.col("ordered") < week, pl.col("arrived") >= week)
        way = [pl.when(pl.col("kind") == kind).then("way").fill_null("").alias(key) for kind, key in _WAYS]
        own = (
            coming.select(
                pl.format("{}-{}-{}-{}", pl.col("kind"), "ordered", "column", "promised").alias("receipt"),
                "kind",
                "item",
                "location",
                (start + pl.duration(days=7 * pl.col("promised"))).alias("due_on"),
                "quantity",
                *way,
            )
            .group_by("receipt", maintain_order=True)
            .agg(pl.col("quantity").sum(), pl.exclude("quantity").first())
        )
        first = self.truth.promised["receipts"].join(
            self._first.filter(pl.col("arrives") >= week), on="receipt", how="semi"
        )
        return pl.concat([shaped("receipts", own), first])

    @cached_property
    def _first(self) -> pl.DataFrame:
        """receipt, arrives [week] of the receipts open on the first Monday."""
        place = self.floor.physics.of_flow("receive")
        if place.stop == place.start:
            return pl.DataFrame(schema={"receipt": pl.String, "arrives": pl.Int64})
        place_of = {label: number for number, label in enumerate((*self.floor.physics.labels, "beyond"))}
        return self.floor.physics.cells["receive"].select(
            pl.col("receipt").cast(pl.String),
            arrives=pl.col("period").cast(pl.String).replace_strict(place_of, return_dtype=pl.Int64),
        )

    def _deliveries(self, state: State, week: int) -> pl.DataFrame:
        start = pl.lit(self.truth.start)
        came = self._travelled(state).filter(pl.col("arrived") < week, pl.col("arrived") > pl.col("ordered"))
        own = came.select(
            pl.format("{}-{}-{}-{}-{}", pl.col("kind"), "ordered", "column", "promised", "arrived").alias("receipt"),
            "kind",
            "item",
            "location",
            *(pl.when(pl.col("kind") == kind).then("way").fill_null("").alias(key) for kind, key in _WAYS),
            (start + pl.duration(days=7 * pl.col("ordered"))).alias("ordered_on"),
            (start + pl.duration(days=7 * pl.col("promised"))).alias("promised_on"),
            (start + pl.duration(days=7 * pl.col("arrived"))).alias("arrived_on"),
            "quantity",
        )
        past = self.truth.past.get("deliveries")
        return pl.concat([past, shaped("deliveries", own)]) if past is not None else shaped("deliveries", own)

    def _orders(self, state: State, week: int) -> pl.DataFrame:
        """Overdue orders: past demand that is unserved and may still be served."""
        lines = self.floor.lines.with_columns(left=pl.Series(state.open))
        alive = self.floor.serving.filter(pl.col("week") >= week)["line"].unique()
        late = lines.with_row_index("line").filter(
            pl.col("due_index") < week, pl.col("left") > DUST, pl.col("line").is_in(alive.implode())
        )
        due = pl.lit(self.truth.start) + pl.duration(days=7 * pl.col("due_index") + 6)
        rows = late.select(
            pl.format("late {} {} {} {}", "item", "location", "customer", "due").alias("order"),
            "item", "location", "customer", due.alias("due_on"), pl.col("left").alias("quantity"), "price",
        )  # fmt: skip
        return shaped("orders", rows)

    # -- forecast and history ------------------------------------------------------------------------------------

    def _forecast(self, week: int) -> pl.DataFrame:
        """The forecast of this Monday, and those of the weeks before by the ISO week of their publication."""
        day, ahead = self.truth.monday(week), self.truth.horizon
        known = self.truth.published.filter(
            pl.col("published_on") <= day, pl.col("published_on") > day - timedelta(days=7 * (VERSIONS + 1))
        )
        now = pl.col("published_on") == day
        rows = known.filter(~now | pl.col("date").is_between(day, day + timedelta(days=7 * ahead - 1))).select(
            "item", "location", "customer",
            pl.col("date").dt.strftime("%G-W%V").alias("period"),
            pl.when(now).then(pl.lit(CURRENT)).otherwise(pl.col("published_on").dt.strftime("%G-W%V")).alias("version"),
            "quantity",
            *(name for name in ("price", "committed") if name in known.columns),
        )  # fmt: skip
        return shaped("forecast", rows)

    def _actuals(self, state: State, week: int) -> pl.DataFrame:
        """The actuals of the past, and those of the weeks carried out since."""
        past = self.truth.past.get("actuals")
        parts = [] if past is None else [past]
        if week:
            parts += [shaped("actuals", part) for part in self._happened(state, week)]
        return pl.concat(parts) if parts else shaped("actuals", pl.DataFrame(schema={"date": pl.Date}))

    def _happened(self, state: State, week: int) -> list[pl.DataFrame]:
        own = self.floor.physics
        day = pl.lit(self.truth.start) + pl.duration(days=7 * pl.col("week"))
        serving = self.floor.serving.filter(pl.col("week") < week)
        sold = serving.with_columns(quantity=pl.Series(state.x[serving["column"].to_numpy()])).filter(
            pl.col("quantity") > DUST
        )
        # Sales name the substitute where one was accepted, at the price of the item demanded.
        sales = sold.group_by("week", pl.col("gives").alias("item"), "location", "customer", maintain_order=True).agg(
            (pl.col("quantity") * pl.col("ratio")).sum(), amount=(pl.col("quantity") * pl.col("price")).sum()
        )
        asked = self.floor.lines.filter(pl.col("due_index") < week).rename({"due_index": "week"})
        asked = asked.group_by("week", "item", "location", "customer", maintain_order=True).agg(
            pl.col("quantity").sum()
        )
        found = [
            sales.select(
                day.alias("date"),
                pl.lit("sales").alias("measure"),
                "item",
                "location",
                "customer",
                "quantity",
                "amount",
            ),
            asked.select(
                day.alias("date"), pl.lit("demand").alias("measure"), "item", "location", "customer", "quantity"
            ),
        ]
        labels = [("make", ["item", "location"]), ("buy", ["item", "location"])]
        for flow, keys in labels:
            place = own.of_flow(flow)
            if place.stop > place.start:
                rows = own.cells[flow].with_columns(
                    quantity=pl.Series(state.x[place]), week=pl.Series(own.period[place])
                )
                rows = rows.filter(pl.col("week") < week, pl.col("quantity") > DUST)
                rows = rows.group_by("week", *keys, maintain_order=True).agg(pl.col("quantity").sum())
                found.append(
                    rows.select(
                        day.alias("date"), pl.lit(flow).alias("measure"), pl.col(keys).cast(pl.String), "quantity"
                    )
                )
        stock = np.cumsum(state.net, axis=1)[:, :week]
        nodes = own.nodes.select(pl.col("item", "location").cast(pl.String))
        rows = nodes[np.repeat(np.arange(nodes.height), week)].with_columns(
            week=pl.Series(np.tile(np.arange(week), nodes.height)), quantity=pl.Series(stock.ravel())
        )
        sunday = day + pl.duration(days=6)
        found.append(
            rows.select(sunday.alias("date"), pl.lit("stock").alias("measure"), "item", "location", "quantity")
        )
        if own.resources:
            used = (own.hours @ _without(state.x, own, "overtime")).reshape(len(own.resources), -1)[:, :week]
            rows = pl.DataFrame(
                {
                    "resource": np.repeat(own.resources, week),
                    "week": np.tile(np.arange(week), len(own.resources)),
                    "hours": used.ravel(),
                }
            )
            found.append(rows.select(day.alias("date"), pl.lit("hours").alias("measure"), "resource", "hours"))
            lost = (self.truth.nominal.offered - own.offered).reshape(len(own.resources), -1)[:, :week]
            rows = rows.with_columns(hours=pl.Series(lost.ravel())).filter(pl.col("hours") > DUST)
            found.append(rows.select(day.alias("date"), pl.lit("lost hours").alias("measure"), "resource", "hours"))
        return found


_WAYS = (("make", "routing"), ("buy", "offer"), ("ship", "lane"))


def _without(x: Floats, physics: Physics, flow: str) -> Floats:
    kept = x.copy()
    kept[physics.of_flow(flow)] = 0.0
    return kept


def _landing(physics: Physics) -> pl.DataFrame:
    """column, node, period, until: units of a cell's goods, per unit, that have arrived by the end of a period."""
    periods = len(physics.labels) + 1
    entries = sp.coo_array(physics.stock)
    moving = np.zeros(len(physics.period), bool)
    for flow in ("make", "buy", "ship"):
        moving[physics.of_flow(flow)] = True
    kept = (entries.data > 0) & moving[entries.col]
    rows = pl.DataFrame(
        {
            "column": entries.col[kept].astype(np.int64),
            "node": entries.row[kept].astype(np.int64) // periods,
            "period": entries.row[kept].astype(np.int64) % periods,
            "share": entries.data[kept],
        }
    ).sort("column", "node", "period")
    return rows.with_columns(until=pl.col("share").cum_sum().over("column", "node").round(9))


def shaped(table: str, rows: pl.DataFrame) -> pl.DataFrame:
    """Rows with all columns of the contract, blanks filled as in an extract that was read."""
    columns = []
    for column in schema()[table].columns:
        if column.name in rows.columns:
            columns.append(pl.col(column.name).cast(column.dtype))
        else:
            blank = pl.lit(column.default if column.default is not None else "" if column.dtype == pl.String else None)
            columns.append(blank.cast(column.dtype).alias(column.name))
    return rows.select(columns)
