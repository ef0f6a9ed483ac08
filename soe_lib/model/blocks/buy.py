"""Buy: suppliers' offers, ordinary and expedited, and what is already on order."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import polars as pl

from soe_lib.errors import DataError
from soe_lib.extract.precedence import named_prices
from soe_lib.model import events, hours
from soe_lib.model.blocks.make import with_lead
from soe_lib.model.cache import prepared
from soe_lib.model.terms import Constraint, Effect, Flow, Part, Rate

if TYPE_CHECKING:
    from soe_lib.model.network import Network


class Buy(Part):
    """Units ordered on an offer in a period, received lead time later; paid when ordered.

    Brings flow `buy` (offer, period) [units]; effect on `stock` (+1 after the lead time). Rows `buy_limit` hold an
    offer's maximum, joint over the days of a week and named by the first of them. Books −unit_cost to "material"; of an
    expedited offer, what exceeds the cheapest ordinary offer of the same item and location goes to "expediting".

    Examples
    --------
    >>> scarce = soe.Scenario("a scarce crop").set("offers.maximum", 90.0).apply(small)
    >>> soe.plan(scarce).prices["buy_limit"].rows()
    [('farm', 'W1', 90.0, 3.0), ('farm', 'W2', 90.0, 3.0)]
    """

    def flows(self, network: Network) -> Iterator[Flow]:
        """buy."""
        yield Flow("buy", offers(network), ("offer", "period"), "unit", "units ordered on an offer")

    def constraints(self, network: Network) -> Iterator[Constraint]:
        """buy_limit."""
        limited = offers(network).filter(pl.col("maximum").is_not_null())
        if not limited.is_empty():
            yield Constraint(
                "buy_limit",
                limited.select("offer", "maximum", period="within").unique(),
                ("offer", "period"),
                "<=",
                "unit",
                f"an offer gives no more than its maximum in a {hours.per(network)}",
                rhs="maximum",
            )

    def effects(self, network: Network) -> Iterator[Effect]:
        """On stock and buy_limit."""
        yield Effect("buy", "stock", after=True)
        if offers(network)["maximum"].is_not_null().any():
            yield Effect("buy", "buy_limit", at={"period": "within"}, where=pl.col("maximum").is_not_null())

    def rates(self, network: Network) -> Iterator[Rate]:  # noqa: ARG002
        """Material at the ordinary price, the premium of an expedited offer to expediting."""
        yield Rate("material", "buy", -pl.col("ordinary_cost"))
        yield Rate("expediting", "buy", -(pl.col("unit_cost") - pl.col("ordinary_cost")), where=pl.col("expedite"))


@prepared
def offers(network: Network) -> pl.DataFrame:
    """One row per offer and period in which it is valid, with the period's price, limits and lead time."""
    table = network.table("offers").select(
        "offer", "valid_from", "valid_to", "supplier", "item", "location", "unit_cost", "lead_time_days", "minimum",
        "multiple", "maximum", "order_cost", "expedite",
    )  # fmt: skip
    cells = _priced(_period_prices(network, network.over_periods(table)))
    families = network.table("items").select("item", "family")
    cells = cells.join(families, on="item", how="left", maintain_order="left")
    cells = events.price(network, cells, events.OFFERED, "unit_cost")
    cells = events.supply(network, hours.shared_out(network, cells), ("supplier", "offer", "item", "location"))
    cells = hours.joined(network, cells, "offer")
    ordinary = (
        cells.filter(~pl.col("expedite"))
        .group_by("item", "location", "period")
        .agg(pl.col("unit_cost").min().alias("ordinary_cost"))
    )
    cells = cells.join(ordinary, on=["item", "location", "period"], how="left").with_columns(
        pl.when(pl.col("expedite"))
        .then(pl.min_horizontal("unit_cost", pl.col("ordinary_cost").fill_null(pl.col("unit_cost"))))
        .otherwise("unit_cost")
        .alias("ordinary_cost")
    )
    return with_lead(network, cells, ("supplier", "offer", "item"), ("supplier", "location"))


def _period_prices(network: Network, cells: pl.DataFrame) -> pl.DataFrame:
    """The cells at the average price of their days: the shortest label's of each day, else the offer's own."""
    prices = network.snapshot["offer_prices"]
    if prices.is_empty():
        return cells
    by_period = named_prices(network.calendar, prices)
    own, part = pl.col("unit_cost"), pl.col("named") / ((pl.col("ends_on") - pl.col("starts_on")).dt.total_days() + 1)
    mixed = pl.col("named_cost") * part + own * (1.0 - part)
    return (
        cells.join(network.encode(by_period), on=["offer", "period"], how="left", maintain_order="left")
        .with_columns(
            pl.when(pl.col("named").is_null())
            .then(own)
            .when(own.is_null() | (part >= 1.0))
            .then("named_cost")
            .otherwise(mixed)
            .alias("unit_cost")
        )
        .drop("named_cost", "named")
    )


def _priced(cells: pl.DataFrame) -> pl.DataFrame:
    """The cells, none without a price: an offer that has prices in some periods only is not free in the others."""
    lost = cells.filter(pl.col("unit_cost").is_null())
    if lost.is_empty():
        return cells
    first = lost.row(0, named=True)
    raise DataError(
        f"{lost['offer'].n_unique()} offers have no price in {lost.height} periods, first {first['offer']!r} in "
        f"{first['period']}: fill offers.unit_cost, or add the periods to offer_prices.csv."
    )


class Receive(Part):
    """Firm receipts: ordered, started or shipped before the as-of date; they come in when they are due.

    Brings flow `receive` (receipt) [units], fixed at its quantity; effect on `stock` in the period it comes in
    (`beyond` after the horizon). Books −unit_cost of its offer to "material" for purchases: money already committed.

    Examples
    --------
    >>> due = {"item": "crop", "location": "plant", "due_on": "2026-01-19", "quantity": 50.0}
    >>> coming = soe.Scenario("coming").row("receipts", receipt="PO-1", kind="buy", offer="farm", **due).apply(small)
    >>> soe.plan(coming).flows["receive"].select("receipt", "quantity").rows()
    [('PO-1', 50.0)]
    """

    def flows(self, network: Network) -> Iterator[Flow]:
        """receive."""
        costs = _on_order(network)
        rows = network.receipts.join(costs, on="offer", how="left").with_columns(pl.col("unit_cost").fill_null(0.0))
        yield Flow(
            "receive",
            rows.select(
                "receipt",
                "kind",
                "item",
                "location",
                "period",
                "quantity",
                "unit_cost",
                "due_on",
                "delayed",
                "lost",
                "firm",
            ),
            ("receipt",),
            "unit",
            "firm receipts, as they come in",
            lower="quantity",
            upper="quantity",
        )

    def effects(self, network: Network) -> Iterator[Effect]:  # noqa: ARG002
        """On stock."""
        yield Effect("receive", "stock")

    def rates(self, network: Network) -> Iterator[Rate]:  # noqa: ARG002
        """Material that is committed."""
        yield Rate("material", "receive", -pl.col("unit_cost"), where=pl.col("kind") == "buy")


def _on_order(network: Network) -> pl.DataFrame:
    """offer, unit_cost that what is on order is paid at: the offer's own, else the mean of its prices by period."""
    own = network.table("offers").group_by("offer").agg(pl.col("unit_cost").mean())
    dated = network.table("offer_prices").group_by("offer").agg(pl.col("unit_cost").mean().alias("mean"))
    both = own.join(dated, on="offer", how="left")
    return both.select("offer", pl.coalesce("unit_cost", "mean").alias("unit_cost"))
