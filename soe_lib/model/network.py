"""The Snapshot as the model sees it: labels coded, validity resolved, events applied, quantities by period."""

from __future__ import annotations

from dataclasses import replace

import polars as pl

from soe_lib.extract.calendar import Calendar
from soe_lib.extract.snapshot import Snapshot
from soe_lib.model import demand, events, hours, reach
from soe_lib.model.assemble import LEAD
from soe_lib.model.axis import BEYOND, domains, encode, labels_of
from soe_lib.model.cache import Cache
from soe_lib.model.hours import open_dates


class Network:
    """One Snapshot, prepared once for all blocks.

    Parameters
    ----------
    snapshot : the checked extract of one as-of date.
    near : network of a similar snapshot, whose unchanged tables are reused.
    """

    def __init__(self, snapshot: Snapshot, *, near: Network | None = None) -> None:
        self.tables = snapshot.tables
        self.domains, same = _domains(snapshot, near)
        self.tiers: int | None = near.tiers if near else None  # most tiers of a cushion; computed on first use
        self.cache: Cache = Cache(self, snapshot.tables, near.cache if near and same else None)
        # Reads of tables are recorded, so that a similar network knows which entries it can reuse.
        self.snapshot = replace(snapshot, tables=self.cache.tables)
        self.settings = snapshot.settings
        self.calendar = Calendar(
            snapshot.periods,
            snapshot.as_of,
            snapshot.settings.calendar.fiscal,
            snapshot.settings.calendar.working_days,
        )

    # -- tables ------------------------------------------------------------------------------------------------

    def encode(self, frame: pl.DataFrame) -> pl.DataFrame:
        """The frame with its labels coded."""
        return encode(frame, self.domains)

    def table(self, name: str) -> pl.DataFrame:
        """A table of the extract with its labels coded (periods and dates stay as they are written)."""
        return self.cache.get(f"table {name}", lambda network: network._coded(name))

    def _coded(self, name: str) -> pl.DataFrame:
        return encode(self.snapshot[name], self.domains, skip=("period",))

    @property
    def periods(self) -> pl.DataFrame:
        """The periods of the horizon, coded: period, index, starts_on, ends_on, days, length."""
        return self.cache.get("periods", _periods)

    @property
    def first(self) -> pl.Expr:
        """The first period as a literal."""
        return pl.lit(self.snapshot.periods["period"][0], dtype=self.domains["period"])

    @property
    def last(self) -> pl.Expr:
        """The last period of the horizon as a literal."""
        return pl.lit(self.snapshot.periods["period"][-1], dtype=self.domains["period"])

    @property
    def beyond(self) -> pl.Expr:
        """The pseudo-period after the horizon as a literal."""
        return pl.lit(BEYOND, dtype=self.domains["period"])

    def over_periods(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Each row in each period that starts within its validity (valid_from, valid_to; blank: always)."""
        crossed = rows.join(self.periods.select("period", "starts_on", "ends_on", "length"), how="cross")
        if "valid_from" in rows.columns:
            crossed = crossed.filter(
                (pl.col("valid_from").is_null() | (pl.col("starts_on") >= pl.col("valid_from")))
                & (pl.col("valid_to").is_null() | (pl.col("starts_on") <= pl.col("valid_to")))
            ).drop("valid_from", "valid_to")
        return crossed

    # -- prepared tables ---------------------------------------------------------------------------------------

    @property
    def items(self) -> pl.DataFrame:
        """Items with holding_cost and end_value as money per unit (holding per unit of time)."""
        return self.cache.get("items", _items)

    @property
    def demand(self) -> pl.DataFrame:
        """Demand lines: orders, and the forecast that they have not consumed."""
        return self.cache.get("demand", _demand)

    @property
    def hours(self) -> pl.DataFrame:
        """resource, period, hours after events, hours lost to events, overtime_hours."""
        return self.cache.get("hours", _hours)

    @property
    def lanes(self) -> pl.DataFrame:
        """lane, item, origin, destination and terms, per validity row; blank items resolved by reach."""
        return self.cache.get("lanes", _lanes)

    @property
    def nodes(self) -> pl.DataFrame:
        """item, location: every place where an item can be."""
        return self.cache.get("nodes", _nodes)

    @property
    def receipts(self) -> pl.DataFrame:
        """Firm receipts with the period they come in, after delays."""
        return self.cache.get("receipts", _receipts)

    def delayed(self, cells: pl.DataFrame, kinds: tuple[str, ...]) -> pl.DataFrame:
        """Cells with period and lead_days, the latter lengthened by delay events on their supplier, offer or lane."""
        return events.lead_times(self, cells, kinds)

    def arrivals(self, leads: pl.DataFrame) -> pl.DataFrame:
        """When a flow arrives: (period, lead_days, lead_periods, dispatch, counted) → arrival, share.

        A lead time in days follows the calendar's convention and counts the days that `counted` names. With a lead time
        in periods, all arrives in one period.
        """
        index = pl.col("period").to_physical().cast(pl.Int64)
        beyond = self.periods.height
        counted = leads.filter(pl.col("lead_periods").is_not_null()).with_columns(
            (index + pl.col("lead_periods")).clip(upper_bound=beyond).cast(pl.UInt32).alias("arrival"),
            share=pl.lit(1.0),
        )
        labels = pl.Series("arrival", [*self.snapshot.periods["period"], BEYOND], dtype=self.domains["period"])
        counted = counted.with_columns(labels.gather(counted["arrival"]).alias("arrival"))
        parts = [counted]
        in_days = leads.filter(pl.col("lead_periods").is_null())
        first, last = self.snapshot.periods["starts_on"][0], self.snapshot.periods["ends_on"][-1]
        for dispatch, name in in_days.select("dispatch", "counted").unique().sort("dispatch", "counted").iter_rows():
            asked = in_days.filter(pl.col("dispatch") == dispatch, pl.col("counted") == name)
            plain = asked.select(pl.col("period").cast(pl.String), "lead_days").unique()
            days = open_dates(self, name, first, last).filter("open")["date"] if name else None
            spread = self.encode(self.calendar.arrivals(plain, dispatch, days))
            parts.append(asked.join(spread, on=["period", "lead_days"], how="left").select(*LEAD, "arrival", "share"))
        return pl.concat([part.select(*LEAD, "arrival", "share") for part in parts]).sort(
            *LEAD, "arrival", nulls_last=True
        )


def _domains(snapshot: Snapshot, near: Network | None) -> tuple[dict[str, pl.Enum], bool]:
    """The labels by domain, and whether the near network has the same labels, periods and settings."""
    if near is None:
        return domains(snapshot.tables, snapshot.periods["period"]), False
    theirs = near.snapshot
    dates = snapshot.periods is theirs.periods and snapshot.as_of == theirs.as_of
    comparable = dates and snapshot.settings == theirs.settings
    pairs = [(frame, near.tables.get(name)) for name, frame in snapshot.tables.items()]
    if comparable and all(mine is other or _same_labels(mine, other) for mine, other in pairs):
        return near.domains, True
    found = domains(snapshot.tables, snapshot.periods["period"])
    return (near.domains, True) if comparable and found == near.domains else (found, False)


def _same_labels(mine: pl.DataFrame, other: pl.DataFrame | None) -> bool:
    if other is None or mine.height != other.height or mine.schema != other.schema:
        return False
    names = labels_of(mine)
    return mine.select(names).equals(other.select(names))


def _periods(network: Network) -> pl.DataFrame:
    return network.encode(network.snapshot.periods.select("period", "index", "starts_on", "ends_on", "days", "length"))


def _items(network: Network) -> pl.DataFrame:
    rate = network.settings.costs.capital_rate or 0.0
    return network.table("items").with_columns(
        pl.col("holding_cost").fill_null(rate * pl.col("standard_cost").fill_null(0.0)),
        pl.col("end_value").fill_null(0.0),
        pl.col("volume").fill_null(1.0),
    )


def _demand(network: Network) -> pl.DataFrame:
    return demand.lines(network)


def _hours(network: Network) -> pl.DataFrame:
    return hours.available(network)


def _lanes(network: Network) -> pl.DataFrame:
    return reach.lanes(network)


def _nodes(network: Network) -> pl.DataFrame:
    return reach.nodes(network)


def _receipts(network: Network) -> pl.DataFrame:
    return events.receipts(network)
