"""Cushion: stock against demand that nobody knows, its steps from the record, its prices from the economics."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import polars as pl

from soe_lib.model import risk
from soe_lib.model.terms import Constraint, Effect, Flow, Part, Rate

if TYPE_CHECKING:
    from soe_lib.model.network import Network

ACCOUNT = "expected shortage"
NOTE = "−price of the tier: (holding + late + lost ÷ interval) × days of the review × chance that it is asked for"
WAITS = "−price of the lowest tier at the review that it was due before: what waits fills no cushion"


class Cushion(Part):
    """What is expected to be late, lost or expedited because stock is low: a convex price of closing stock.

    Formula: Σ over the slices e of the error in sum of (holding + late + lost ÷ interval) × weight × (e − stock)⁺,
    which is the newsvendor's expected cost less the mean's own holding, with e over the protection interval.
    Stock is net of what was due by then and is served later: such a unit is charged the lowest tier, see `risk.waits`.
    Brings flow `below_cushion` (item, location, period, tier) [units of a tier that stock does not fill] and constraint
    `cushion` (item, location, period). Books to "expected shortage" (steering: no cash).

    Examples
    --------
    >>> soe.plan(small).ledger.accounts().get("expected shortage", 0.0), plan.ledger.accounts()["expected shortage"] < 0
    (0.0, True)
    """

    def flows(self, network: Network) -> Iterator[Flow]:
        """below_cushion."""
        if not (cells := risk.padded(network)).is_empty():
            yield Flow(
                "below_cushion",
                cells,
                (*risk.CELL, "tier"),
                "unit",
                "units of a tier of the cushion, one step of what may be asked for, that stock does not fill",
                upper="width",
            )

    def constraints(self, network: Network) -> Iterator[Constraint]:
        """cushion."""
        if not (cells := risk.steps(network)).is_empty():
            yield Constraint(
                "cushion",
                cells.group_by(risk.CELL).agg(pl.col("level").max()),
                risk.CELL,
                "<=",
                "unit",
                "stock reaches the highest step of the cushion, or what is missing of it is priced tier by tier",
                rhs=-pl.col("level"),
            )

    def effects(self, network: Network) -> Iterator[Effect]:
        """Of stock and below_cushion on cushion."""
        if not (cells := risk.steps(network)).is_empty():
            yield Effect("stock", "cushion", -1.0, join=cells.select(risk.CELL).unique(), using=risk.CELL)
            yield Effect("below_cushion", "cushion", -1.0)

    def rates(self, network: Network) -> Iterator[Rate]:
        """Expected shortage, steering."""
        if not risk.steps(network).is_empty():
            yield Rate(ACCOUNT, "below_cushion", -pl.col("price"), kind="steering", note=NOTE)
            if not (late := risk.waits(network)).is_empty():
                yield Rate(ACCOUNT, "sell", -pl.col("waiting"), kind="steering", join=late, using=risk.LINE, note=WAITS)
