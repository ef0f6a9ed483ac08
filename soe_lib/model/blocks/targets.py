"""Targets: what strategy asks of the year moves the plan, as a floor or at a price of what is missing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from soe_lib.errors import DataError
from soe_lib.model.landing import Landing, nothing
from soe_lib.model.terms import Constraint, Effect, Flow, Part, Rate
from soe_lib.money.targets import AT_MOST, year_of, year_targets

if TYPE_CHECKING:
    from soe_lib.model.model import Model
    from soe_lib.model.network import Network

ACCOUNT, PER_UNIT = "targets", "landing_per_unit"
PRICE, FLOOR = "price", "floor"
NO_ROWS = pl.DataFrame(
    schema={"measure": pl.String, "need": pl.Float64, "price": pl.Float64, "steer": pl.String, "period": pl.String}
)


@dataclass(frozen=True)
class Targets(Part):
    """The year's targets that steer: the year lands where they ask, or what is missing is priced.

    Formula: landing = landing of a plan that does nothing + Σ what one unit of a flow adds to it × quantity, as
    `soe.money.year_targets` reads it; target <= landing + missed, of stock and working capital landing − missed <=
    target. Brings constraint `target` (measure) [money] and, of targets with a price, flow `missed` (measure) [money].
    Books −price × missed to "targets" (steering: no cash).

    Parameters
    ----------
    rows : measure, need (right-hand side) [money], price [money/money], steer (price, floor), period it is booked in.
    counted : flow → its keys, measure and what a unit adds to the row [money/unit].
    """

    rows: pl.DataFrame = field(default_factory=lambda: NO_ROWS, repr=False)
    counted: Mapping[str, pl.DataFrame] = field(default_factory=dict, repr=False)

    def over(self, model: Model) -> Targets:
        """These targets over the flows and rates of a model; the same where none steers.

        Raises DataError where a target that is to steer cannot be told.
        """
        year, given = year_of(model.snapshot), model.snapshot["targets"]
        asked = given.filter(pl.col("year") == year, pl.col("steer").is_in([PRICE, FLOOR])).sort("measure")
        if asked.is_empty():
            return self
        idle = nothing(model)
        told = year_targets(model.snapshot, idle)
        lands = told.table().select("measure", "target", "landing")
        rows = asked.select("measure", "steer", "price").join(lands, on="measure", how="left", validate="1:1")
        if (lost := rows.filter(pl.col("landing").is_null())).height:
            raise DataError(
                f"The target of {lost['measure'][0]} of {year} cannot steer, for nobody knows where it stands: "
                f"{' '.join(told.notes)} Mend that, or leave targets.steer blank."
            )
        sign = pl.when(pl.col("measure").is_in(AT_MOST)).then(1.0).otherwise(-1.0)
        rows = rows.with_columns(need=sign * (pl.col("target") - pl.col("landing")))
        counted = _counted(model, Landing(model, idle, told.year), rows["measure"].to_list())
        last = model.snapshot.periods["period"][-1]
        return replace(
            self, rows=rows.select("measure", "need", "price", "steer", period=pl.lit(last)), counted=counted
        )

    def flows(self, network: Network) -> Iterator[Flow]:
        """missed."""
        priced = self._labelled(network, self.rows.filter(pl.col("steer") == PRICE))
        if priced.height:
            frame = priced.select("measure", "price", "period")
            yield Flow("missed", frame, ("measure",), "money", "money by which the year misses a target")

    def constraints(self, network: Network) -> Iterator[Constraint]:
        """target."""
        if self.rows.height:
            frame = self._labelled(network, self.rows)
            yield Constraint(
                "target", frame, ("measure",), "<=", "money", "the year lands at its target", rhs="need",
                break_price="price",
            )  # fmt: skip

    def effects(self, network: Network) -> Iterator[Effect]:
        """Of every flow that moves a landing, and of missed, on target."""
        for flow, cells in self.counted.items():
            keys = tuple(name for name in cells.columns if name not in ("measure", PER_UNIT))
            joined = self._labelled(network, cells)
            yield Effect(flow, "target", PER_UNIT, join=joined, using=keys, note="what it adds to the landing")
        if (self.rows["steer"] == PRICE).any():
            yield Effect("missed", "target", -1.0)

    def rates(self, network: Network) -> Iterator[Rate]:  # noqa: ARG002
        """Targets, steering."""
        if (self.rows["steer"] == PRICE).any():
            yield Rate(ACCOUNT, "missed", -pl.col("price"), kind="steering", note="−price of what is missing")

    def _labelled(self, network: Network, frame: pl.DataFrame) -> pl.DataFrame:
        return network.encode(frame).with_columns(pl.col("measure").cast(pl.Enum(self.rows["measure"])))


def _counted(model: Model, landing: Landing, measures: list[str]) -> dict[str, pl.DataFrame]:
    """Flow → its keys, measure and what a unit adds to the row of it, where that is anything."""
    found: dict[str, list[pl.DataFrame]] = {}
    for measure in measures:
        sign = 1.0 if measure in AT_MOST else -1.0
        for flow, per_unit in landing.of(measure).items():
            cells = model.flows[flow].rows.select(model.flows[flow].keys)
            added = cells.with_columns(pl.Series(PER_UNIT, sign * per_unit), measure=pl.lit(measure))
            found.setdefault(flow, []).append(added[np.flatnonzero(per_unit)])
    every = {flow: pl.concat(frames) for flow, frames in sorted(found.items())}
    return {flow: cells for flow, cells in every.items() if cells.height}
