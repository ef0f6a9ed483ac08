"""What one unit of each flow adds to where the year lands, measure by measure, as `money.year_targets` reads a plan."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from soe_lib.model.axis import Floats
from soe_lib.money.cash import BOUGHT, RECEIVED, working_capital
from soe_lib.money.ledger import timeline
from soe_lib.money.targets import last_day_of
from soe_lib.money.window import PLACE, under_way
from soe_lib.store.plan import Plan

if TYPE_CHECKING:
    from soe_lib.model.model import Model

Added = dict[str, Floats]
"""Flow → money that a unit of each of its cells adds, shape (cells,)."""


def nothing(model: Model) -> Plan:
    """The plan of a model in which every quantity is nought."""
    snapshot = model.snapshot
    flows = {name: flow.named.with_columns(quantity=pl.lit(0.0)) for name, flow in model.flows.items()}
    return Plan(
        "nothing", "loaded", snapshot.as_of, snapshot.company, snapshot.currency, snapshot.fingerprint, flows,
        model.rates_of_cells(), snapshot.periods, snapshot["items"],
    )  # fmt: skip


class Landing:
    """What each flow adds to the year's landing; the sum over a plan is its own landing less that of nothing.

    Parameters
    ----------
    model : whose flows and rates. idle : its plan of nothing. year : fiscal year.
    """

    def __init__(self, model: Model, idle: Plan, year: str) -> None:
        self.model, self.idle, self.snapshot = model, idle, model.snapshot
        self.first, self.last = self.snapshot.periods["starts_on"][0], self.snapshot.periods["ends_on"][-1]
        self.end = last_day_of(self.snapshot, year)
        self.day = min(self.end, self.last)

    def of(self, measure: str) -> Added:
        """The money that a unit of each cell adds to a measure."""
        found: Mapping[str, Callable[[], Added]] = {
            "revenue": self._revenue, "growth": self._revenue, "margin": self._margin, "stock": self._stock,
            "cash": self._cash, "working_capital": self._working_capital,
        }  # fmt: skip
        return found[measure]()

    # -- money by the day it is booked or paid ---------------------------------------------------------------------

    @cached_property
    def _booked(self) -> dict[str, pl.DataFrame]:
        """Flow → cell, account, kind, per_unit, item, and dates, days and length of the period that it is booked in."""
        lengths = self.snapshot.periods.select("period", "length")
        found = {}
        for flow, every in self.model.rate_frames_now().items():
            item = "booked_item" if "booked_item" in every.columns else "item"
            rates = every.select("cell", "account", "kind", "per_unit", item=pl.col(item), period=pl.col("booked"))
            dates = timeline(rates["period"], self.snapshot.periods).select("period", "starts_on", "ends_on", "days")
            found[flow] = rates.join(dates, on="period", how="left").join(lengths, on="period", how="left")
        return found

    def _sum(self, money: pl.Expr, only: pl.Expr) -> Added:
        """Of every flow the money of the rates that an expression keeps."""
        found = {}
        for flow, rates in self._booked.items():
            kept = rates.filter(only).select("cell", money=money.cast(pl.Float64).fill_null(0.0))
            size = self.model.flows[flow].size
            found[flow] = np.bincount(kept["cell"].to_numpy(), kept["money"].to_numpy(), size).astype(np.float64)
        return found

    def _within(self, start: date, end: date | pl.Expr) -> pl.Expr:
        """The share of a period's days that lie in a window."""
        last = pl.lit(end) if isinstance(end, date) else end
        days = (pl.min_horizontal("ends_on", last) - pl.max_horizontal("starts_on", pl.lit(start))).dt.total_days() + 1
        return (days / pl.col("days")).clip(0.0, 1.0)

    def _revenue(self) -> Added:
        share = self._within(max(self.snapshot.as_of, self.first), self.day)
        return self._sum(pl.col("per_unit") * share, pl.col("account") == "revenue")

    def _margin(self) -> Added:
        start = max(self.snapshot.as_of, self.first)
        if start > self.day:
            return {}
        cash = self._sum(pl.col("per_unit") * self._within(start, self.day), pl.col("kind") == "cash")
        before = self._within_period(start - timedelta(days=1))
        return _added(cash, self._within_period(self.day), _times(before, -1.0))

    def _delay(self) -> pl.Expr:
        """Days until money of an account moves."""
        terms = self.snapshot.settings.terms
        received = pl.when(pl.col("account").is_in(RECEIVED)).then(round(terms.receivable_days))
        return received.when(pl.col("account").is_in(BOUGHT)).then(round(terms.payable_days)).otherwise(0)

    def _paid(self) -> pl.Expr:
        """Money of a rate that is paid: holding without the capital rate on stock."""
        costs = self.snapshot.settings.costs
        given = self.snapshot["items"].filter(pl.col("holding_cost").is_null()).drop_nulls("standard_cost")
        rates = {item: cost * costs.capital_rate for item, cost in given.select("item", "standard_cost").iter_rows()}
        charge = pl.col("item").replace_strict(rates, default=0.0, return_dtype=pl.Float64) * pl.col("length")
        part = pl.min_horizontal(charge.fill_null(0.0), -pl.col("per_unit")).clip(lower_bound=0.0)
        return pl.col("per_unit") + pl.when(pl.col("account") == "holding").then(part).otherwise(0.0)

    def _cash(self) -> Added:
        until = pl.lit(self.end) - pl.duration(days=self._delay())
        return self._sum(self._paid() * self._within(date.min, until), pl.col("kind") == "cash")

    def _working_capital(self) -> Added:
        weeks = working_capital(self.idle, self.snapshot).filter(pl.col("ends_on") <= self.day)
        if weeks.is_empty():
            return {}
        day = weeks["ends_on"].max()
        assert isinstance(day, date)
        since = pl.lit(day) - pl.duration(days=self._delay() - 1)
        days = (pl.min_horizontal("ends_on", pl.lit(day)) - pl.max_horizontal("starts_on", since)).dt.total_days() + 1
        open_ = (days / pl.col("days")).clip(0.0, 1.0)
        owed = self._sum(pl.col("per_unit") * open_, (pl.col("kind") == "cash") & (self._delay() > 0))
        return _added(owed, self._valued({"stock": self._closed(day)}))

    # -- stock -----------------------------------------------------------------------------------------------------

    def _stock(self) -> Added:
        return self._owned(self.day)

    def _within_period(self, day: date) -> Added:
        """What is owned at the close of a day; within a period it moves evenly."""
        inside = self.snapshot.periods.filter(pl.col("starts_on") <= day, pl.col("ends_on") > day)
        if inside.is_empty():
            return self._owned(day)
        first, last = inside["starts_on"][0], inside["ends_on"][0]
        over = ((day - first).days + 1) / ((last - first).days + 1)
        return _added(_times(self._owned(first - timedelta(days=1)), 1.0 - over), _times(self._owned(last), over))

    def _owned(self, day: date) -> Added:
        """What is owned at the close of a day at standard cost: in stock, under way, receipts already ours."""
        units = {"stock": self._closed(day)} if "stock" in self.model.flows else {}
        if "open" in self.model.flows and not (units and units["stock"].any()):
            units["open"] = np.ones(self.model.flows["open"].size)
        if "receive" in self.model.flows:
            dated = self._dated("receive")
            ours = (pl.col("kind").cast(pl.String) != "buy") & (pl.col("starts_on") > day)
            units["receive"] = dated.select(ours.fill_null(value=False).cast(pl.Float64)).to_series().to_numpy()
        for flow, place in PLACE.items():
            if flow in self.model.flows and {"lead_days", place} <= set(self.idle.flows[flow].columns):
                cells = self.idle.flows[flow].with_row_index("cell")
                units[flow] = under_way(self.idle, flow, cells, day).sort("cell")["share"].fill_null(0.0).to_numpy()
        return self._valued(units)

    def _closed(self, day: date) -> Floats:
        """1 for the stock of each place at the end of the last period that has ended by a day."""
        dated = self._dated("stock").with_columns(over=pl.col("ends_on") <= day)
        last = pl.col("ends_on").filter("over").max().over("item", "location")
        return dated.select((pl.col("over") & (pl.col("ends_on") == last)).fill_null(value=False).cast(pl.Float64))[
            "over"
        ].to_numpy()

    def _dated(self, flow: str) -> pl.DataFrame:
        dates = self.snapshot.periods.select("period", "starts_on", "ends_on")
        return self.idle.flows[flow].join(dates, on="period", how="left", maintain_order="left")

    def _valued(self, units: Added) -> Added:
        """Units at standard cost; without one at nothing."""
        costs = self.snapshot["items"].select("item", cost=pl.col("standard_cost").fill_null(0.0))
        found = {}
        for flow, amount in units.items():
            items = self.idle.flows[flow].select("item").join(costs, on="item", how="left", maintain_order="left")
            found[flow] = amount * items["cost"].fill_null(0.0).to_numpy()
        return found


def _times(one: Added, factor: float) -> Added:
    return {flow: factor * money for flow, money in one.items()}


def _added(*parts: Added) -> Added:
    found: Added = {}
    for part in parts:
        for flow, money in part.items():
            found[flow] = found[flow] + money if flow in found else money
    return found
