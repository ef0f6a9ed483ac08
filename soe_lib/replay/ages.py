"""Goods that expire, week by week: used first expired, first out; shipped goods keep their expiry date."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np
import polars as pl

from soe_lib.extract.snapshot import Snapshot
from soe_lib.replay.truth import Floats, Ints, Physics

WEEK = 7


def in_whole_weeks(snapshot: Snapshot) -> Snapshot:
    """The snapshot with shelf lives and expiry dates rounded down to whole weeks, remaining lives rounded up.

    A replay works in weeks: goods that expire within a week are usable until the Sunday before, in the first week until
    its end.
    """
    life = pl.col("shelf_life_days")
    required = pl.col("remaining_life_days")
    first = snapshot.as_of
    lots = snapshot["inventory"].with_columns(expires_on=_sunday(pl.col("expires_on"), first))
    return snapshot.replace(
        items=snapshot["items"].with_columns((life / WEEK).floor() * WEEK),
        customers=snapshot["customers"].with_columns((required / WEEK).ceil() * WEEK),
        inventory=lots,
    )


def _sunday(day: pl.Expr, first: date) -> pl.Expr:
    """The last Sunday up to a day; in the first week its own Sunday; for earlier days the day before the first."""
    sunday = first + timedelta(days=WEEK - 1)
    before = pl.lit(first - timedelta(days=1))
    in_first = pl.lit(sunday)
    rounded = (day + pl.duration(days=1)).dt.truncate("1w") - pl.duration(days=1)
    return (
        pl.when(day.is_null()).then(pl.lit(None, pl.Date)).when(day < first).then(before)
        .when(day < sunday).then(in_first).otherwise(rounded.cast(pl.Date))
    )  # fmt: skip


@dataclass(frozen=True, eq=False)
class Lots:
    """Stock of goods that expire, by the week in which they can last be used.

    Parameters
    ----------
    here : units in stock; shape (ageing nodes, slots): slot 0 expired before the first Monday, slot 1 + week can last
        be used in that week, the last slot keeps beyond all weeks.
    fresh : units made, bought or received, by week of arrival; shape (ageing nodes, periods + 1).
    travelling : units shipped, by week of arrival and slot; shape (ageing nodes, periods + 1, slots).
    """

    here: Floats
    fresh: Floats
    travelling: Floats

    def took(self, wanted: Floats, first: Ints | int) -> tuple[Lots, Floats]:
        """The lots that are left, and the units taken: first expired, first out, from a slot on.

        Parameters
        ----------
        wanted : shape (ageing nodes,) [unit]. first : the first slot that may be taken.
        """
        usable = self.here.copy()
        usable[:, :first] = 0.0
        before = np.cumsum(usable, axis=1) - usable
        taken = np.clip(wanted[:, None] - before, 0.0, usable)
        return replace(self, here=self.here - taken), taken

    def usable(self, first: int) -> Floats:
        """Units that can be used from a slot on; shape (ageing nodes,)."""
        return self.here[:, first:].sum(axis=1)


@dataclass(frozen=True, eq=False)
class Ageing:
    """The nodes whose goods expire.

    Parameters
    ----------
    nodes : their numbers; shape (ageing nodes,). place : number of each node among them, -1 where goods do not expire.
    life : weeks that fresh goods can be used after the week of arrival; shape (ageing nodes,).
    slots : number of slots. opening : stock on the first Monday; shape (ageing nodes, slots).
    """

    nodes: Ints
    place: Ints
    life: Ints
    slots: int
    opening: Floats

    @classmethod
    def of(cls, snapshot: Snapshot, physics: Physics) -> Ageing:
        """The ageing nodes of a truth, its snapshot in whole weeks."""
        text = pl.col("item", "location").cast(pl.String)
        lots = snapshot["inventory"].select(text, "on_hand", "expires_on")
        dated = lots.filter(pl.col("expires_on").is_not_null()).select("item", "location", dated=True).unique()
        lives = snapshot["items"].select("item", life=pl.col("shelf_life_days") / WEEK)
        nodes = physics.nodes.select(text).with_row_index("node").join(lives, on="item", how="left")
        # Goods without a shelf life may have lots that expire, and may be shipped to any place.
        items = dated["item"].unique()
        ageing = nodes.filter(pl.col("life").is_not_null() | pl.col("item").is_in(items.implode())).sort("node")
        periods = len(physics.labels)
        required = snapshot["customers"].select((pl.col("remaining_life_days") / WEEK).max().fill_null(0.0)).item()
        slots = periods + 2 + int(required)
        place = np.full(physics.nodes.height, -1, np.intp)
        place[ageing["node"].to_numpy()] = np.arange(ageing.height)
        life = ageing["life"].fill_null(float(slots)).clip(0, slots).cast(pl.Int64)
        opening = np.zeros((ageing.height, slots))
        week = ((pl.col("expires_on") - snapshot.as_of).dt.total_days() + 1) // WEEK
        stock = lots.join(ageing.with_columns(life=life).with_row_index("row"), on=["item", "location"]).select(
            "row", "on_hand", slot=pl.coalesce(week, pl.col("life") + 1).clip(0, slots - 1)
        )
        np.add.at(opening, (stock["row"].to_numpy(), stock["slot"].to_numpy()), stock["on_hand"].to_numpy())
        return cls(ageing["node"].to_numpy().astype(np.intp), place, life.to_numpy().astype(np.intp), slots, opening)

    def fresh_slot(self, week: int) -> Ints:
        """The slot of fresh goods that arrive in a week; shape (ageing nodes,)."""
        return np.minimum(self.life + week + 1, self.slots - 1)

    def begun(self, periods: int, fresh: Floats) -> Lots:
        """Stock and open arrivals on the first Monday."""
        count = len(self.nodes)
        return Lots(self.opening.copy(), fresh, np.zeros((count, periods, self.slots)))

    def arrived(self, lots: Lots, week: int) -> Lots:
        """The lots after the arrivals of a week."""
        here = lots.here + lots.travelling[:, week, :]
        here[np.arange(len(here)), self.fresh_slot(week)] += lots.fresh[:, week]
        fresh, travelling = lots.fresh.copy(), lots.travelling.copy()
        fresh[:, week] = 0.0
        travelling[:, week, :] = 0.0
        return Lots(here, fresh, travelling)

    def expires(self, start: date) -> list[date]:
        """The last day of each slot; for the last slot a day beyond the end of the replay."""
        return [start + timedelta(days=WEEK * slot - 1) for slot in range(self.slots)]


__all__ = ["Ageing", "Lots", "in_whole_weeks"]
