"""What it takes to sell so much: make, buy and ship by the cheapest way, level by level of the bills of material."""

from __future__ import annotations

from dataclasses import dataclass, field

import polars as pl

from soe_lib.extract.snapshot import Snapshot
from soe_lib.money.ways import Ways

NODE = ["item", "location"]
NEED = pl.Schema({"item": pl.String, "location": pl.String, "period": pl.String, "quantity": pl.Float64})
DEEPEST = 50


@dataclass
class Supply:
    """Collects flows while requirements are passed from customers to suppliers.

    Parameters
    ----------
    snapshot, ways : what is there, and the cheapest ways.
    owned : opening stock and receipts by node and period, used before anything is made or bought.
    flows : rows of make, buy and ship collected so far.
    notes : what could not be supplied, counted.
    """

    snapshot: Snapshot
    ways: Ways
    owned: pl.DataFrame
    flows: dict[str, list[pl.DataFrame]] = field(default_factory=lambda: {"make": [], "buy": [], "ship": []})
    notes: list[str] = field(default_factory=list)

    def ship(self, need: pl.DataFrame, *, shares: pl.DataFrame | None = None, net: bool = True) -> pl.DataFrame:
        """Bring what is needed to where it is needed; returns what is needed at the places that make or buy it.

        Formula: along the cheapest lane from a place nearer to a source; or, where several sources make the
        item, from each in proportion to what it makes.

        Parameters
        ----------
        need : item, location, period, quantity.
        shares : item, location, made: how much of an item each place makes.
        net : use stock and receipts on the way first.
        """
        at_source = []
        for depth in range(self.ways.deepest, -1, -1):
            here = need.join(self.ways.depths.filter(pl.col("depth") == depth), on=NODE, how="semi")
            need = need.join(here, on=[*NODE, "period"], how="anti")
            if depth == 0:
                at_source.append(here)
                break
            moved = self.ways.inbound(self._net(here) if net else here, shares)
            self.flows["ship"].append(moved.select("lane", "item", "period", "origin", "destination", "quantity"))
            onward = moved.select("item", pl.col("origin").alias("location"), "period", "quantity")
            need = _total(pl.concat([need, onward]))
        if need.height:
            self._unsupplied(need)
        return _total(pl.concat(at_source))

    def make_or_buy(self, need: pl.DataFrame) -> pl.DataFrame:
        """Make what can be made where it is needed, buy the rest; returns the components that it takes."""
        open_need = self._net(need)
        made = open_need.join(self.ways.routings, on=NODE, how="inner", validate="m:1")
        rest = open_need.join(self.ways.routings, on=NODE, how="anti")
        bought = rest.join(self.ways.offers, on=NODE, how="inner", validate="m:1")
        self.flows["buy"].append(bought.select("offer", "period", *NODE, "supplier", "expedite", "quantity"))
        return self.make(made.with_columns(quantity=pl.col("quantity") / pl.col("yield")))

    def make(self, started: pl.DataFrame) -> pl.DataFrame:
        """Start units on routings; returns the components that they take.

        Parameters
        ----------
        started : routing, item, location, period, quantity [units started].
        """
        self.flows["make"].append(started.select("routing", "period", *NODE, "quantity"))
        taken = started.select("routing", "location", "period", started="quantity").join(
            self.snapshot["components"], on="routing", how="inner"
        )
        return _total(
            taken.select(
                pl.col("component").alias("item"), "location", "period", quantity=pl.col("quantity") * pl.col("started")
            )
        )

    def explode(self, need: pl.DataFrame) -> None:
        """Supply components level by level, each item once all that use it are known."""
        levels = self.ways.levels
        for level in range(self.ways.lowest + 1):
            due = need.join(levels.filter(pl.col("level") == level), on="item", how="semi")
            need = need.join(levels.filter(pl.col("level") == level), on="item", how="anti")
            need = _total(pl.concat([need, self.make_or_buy(self.ship(due))]))

    def collected(self) -> dict[str, pl.DataFrame]:
        """make, buy and ship, one row per key, nothing of nothing."""
        keys = {"make": ["routing", "period", *NODE], "buy": ["offer", "period", *NODE, "supplier", "expedite"]}
        keys["ship"] = ["lane", "item", "period", "origin", "destination"]
        return {
            flow: pl.concat(parts)
            .group_by(keys[flow])
            .agg(pl.col("quantity").sum())
            .filter(pl.col("quantity") > 0)
            .sort(keys[flow])
            for flow, parts in self.flows.items()
            if parts
        }

    def _net(self, need: pl.DataFrame) -> pl.DataFrame:
        """What stock and receipts do not cover: the rise of max(0, needed so far − owned so far)."""
        place = self.snapshot.periods.select("period", "index")
        owned = self.owned.join(need.select(NODE).unique(), on=NODE, how="semi")
        both = pl.concat(
            [need.with_columns(owned=0.0), owned.select(*NODE, "period", quantity=pl.lit(0.0), owned="quantity")]
        )
        both = both.group_by(*NODE, "period").agg(pl.col("quantity", "owned").sum()).join(place, on="period")
        short = (pl.col("quantity").cum_sum() - pl.col("owned").cum_sum()).clip(0.0).cum_max()
        left = both.sort(*NODE, "index").with_columns(_short=short.over(NODE))
        rise = pl.col("_short") - pl.col("_short").shift(1).over(NODE).fill_null(0.0)
        return left.with_columns(quantity=rise.round(9)).filter(pl.col("quantity") > 0).select(NEED.names())

    def _unsupplied(self, need: pl.DataFrame) -> None:
        items, units = need.get_column("item").n_unique(), need.get_column("quantity").sum()
        self.notes.append(
            f"{units:,.6g} units of {items} items can be neither made, bought nor shipped to where they go."
        )


def owned(snapshot: Snapshot) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Opening stock (item, location, quantity) and receipts (receipt, kind, item, location, period, quantity).

    A receipt comes in when it is due; overdue ones in the first period, those after the horizon "beyond".
    """
    on_hand = snapshot["inventory"].group_by(NODE).agg(pl.col("on_hand").sum().alias("quantity")).sort(NODE)
    receipts = snapshot["receipts"]
    when = snapshot.calendar.period_of(receipts.get_column("due_on")).fill_null(snapshot.periods["period"][0])
    coming = receipts.with_columns(when.alias("period")).select("receipt", "kind", *NODE, "period", "quantity")
    return on_hand, coming


def _total(need: pl.DataFrame) -> pl.DataFrame:
    return need.select(NEED.names()).group_by(*NODE, "period").agg(pl.col("quantity").sum()).sort(*NODE, "period")
