"""Sites: depots that may be opened or closed, and capacity that may be bought."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import polars as pl

from soe_lib.errors import DataError
from soe_lib.model.blocks import lots, make, ship
from soe_lib.model.cache import prepared
from soe_lib.model.hours import portions
from soe_lib.model.terms import Constraint, Effect, Flow, Part, Rate

if TYPE_CHECKING:
    from soe_lib.model.network import Network

LINK = ("location", "lane", "period")
LAST_RESORT = 1e4
"""What it costs to break the rule of a group by one location, when promises must be broken."""


class Sites(Part):
    """A location that may change is open or closed for the whole horizon; a closed one neither works, buys nor ships.

    Brings flow `open_site` (location) in {0, 1}, 0 where a location is closed and may not change; rows `site_lane`
    (location, lane, period): Σ shipped <= ceiling × open_site, `site_make` (routing, period) and `site_buy` (offer,
    period) alike, and `sites_most`, `sites_least` per location group. Its resources have hours × open_site (constraint
    `hours`). Books −fixed_cost × (open_site − open today) to "fixed": opening costs, closing saves.

    Examples
    --------
    >>> plant = soe.Scenario("dear plant").set("locations.may_change", True, location="plant")
    >>> plant = plant.set("locations.fixed_cost", 1000.0, location="plant").apply(small)
    >>> soe.plan(plant).flows["open_site"]["quantity"].to_list()
    [0.0]
    """

    optional = ("open_today",)

    def flows(self, network: Network) -> Iterator[Flow]:
        """open_site, and today's state as a constant."""
        if not (cells := changeable(network)).is_empty():
            yield Flow(
                "open_site", cells, ("location",), "yes or no", "the location is open", upper="most", integer=True
            )
            today = cells.filter(pl.col("today") > 0)
            if not today.is_empty():
                yield Flow(
                    "open_today", today, ("location",), "yes or no", "the location is open today", lower=1.0, upper=1.0
                )

    def constraints(self, network: Network) -> Iterator[Constraint]:
        """site_lane, site_make, site_buy, sites_most, sites_least."""
        if not (cells := lanes(network)).is_empty():
            meaning = "nothing moves through a closed location"
            yield Constraint("site_lane", cells, LINK, "<=", "unit", meaning, ceiling=True)
        if not (cells := runs(network)).is_empty():
            meaning = "nothing is made at a closed location"
            yield Constraint("site_make", cells, ("routing", "period"), "<=", "unit", meaning, ceiling=True)
        if not (cells := orders(network)).is_empty():
            meaning = "nothing is bought to a closed location"
            yield Constraint("site_buy", cells, ("offer", "period"), "<=", "unit", meaning, ceiling=True)
        for name, column, sign, meaning in GROUP_RULES:
            if not (rows := groups(network, column)).is_empty():
                yield Constraint(
                    name,
                    rows,
                    ("group",),
                    "<=",
                    "location",
                    meaning,
                    rhs=sign * pl.col(column),
                    break_price=LAST_RESORT,
                )

    def effects(self, network: Network) -> Iterator[Effect]:
        """Of ship, make and buy on their links, of open_site on all."""
        if changeable(network).is_empty():
            return
        if not (cells := lanes(network)).is_empty():
            yield Effect("ship", "site_lane", join=cells.select(LINK), using=("lane", "period"))
            yield Effect("open_site", "site_lane", -pl.col("ceiling"), join=cells, using=("location",))
        if not (cells := runs(network)).is_empty():
            yield Effect("make", "site_make", join=cells.select("routing", "period"), using=("routing", "period"))
            yield Effect("open_site", "site_make", -pl.col("ceiling"), join=cells.drop("item"), using=("location",))
        if not (cells := orders(network)).is_empty():
            yield Effect("buy", "site_buy", join=cells.select("offer", "period"), using=("offer", "period"))
            yield Effect("open_site", "site_buy", -pl.col("ceiling"), join=cells.drop("item"), using=("location",))
        for name, column, sign, _ in GROUP_RULES:
            if not (rows := groups(network, column)).is_empty():
                yield Effect("open_site", name, float(sign), join=rows.select("group"), using=("group",))
        if not (hours := closing_hours(network)).is_empty():
            yield Effect("open_site", "hours", -pl.col("hours"), join=hours, using=("location",))

    def rates(self, network: Network) -> Iterator[Rate]:
        """Fixed cost, once, when the state changes."""
        if not changeable(network).is_empty():
            at = {"booked": "first"}
            yield Rate("fixed", "open_site", -pl.col("fixed_cost"), at=at)
            yield Rate("fixed", "open_today", "fixed_cost", at=at)


GROUP_RULES = (
    ("sites_most", "maximum_open", 1, "no more locations of a group are open than allowed"),
    ("sites_least", "minimum_open", -1, "as many locations of a group are open as required"),
)


@prepared
def changeable(network: Network) -> pl.DataFrame:
    """location, group, fixed_cost, today (1 open, 0 closed), most (0: closed for good), first (the first period)."""
    is_open = pl.col("status") != "closed"  # blank: open
    return (
        network.table("locations")
        .filter(pl.col("may_change") | ~is_open)
        .select(
            "location",
            "group",
            pl.col("fixed_cost").fill_null(0.0),
            is_open.cast(pl.Float64).alias("today"),
            pl.col("may_change").cast(pl.Float64).alias("most"),
            network.first.alias("first"),
        )
    )


def groups(network: Network, column: str) -> pl.DataFrame:
    """group and its limit, less the members that are open for good."""
    fixed = (
        network.table("locations")
        .filter(~pl.col("may_change") & (pl.col("status") != "closed"))
        .group_by("group")
        .agg(pl.len().alias("always"))
    )
    rows = network.table("location_groups").filter(pl.col(column).is_not_null()).join(fixed, on="group", how="left")
    rows = rows.with_columns(pl.col(column) - pl.col("always").fill_null(0))
    return rows.join(changeable(network), on="group", how="semi").select("group", column)


@prepared
def closing_hours(network: Network) -> pl.DataFrame:
    """location, resource, period, hours of resources whose location may close: they count only while it is open."""
    at = network.table("resources").select("resource", "location").join(changeable(network), on="location", how="semi")
    return at.join(network.hours.select("resource", "period", "hours"), on="resource")


@prepared
def lanes(network: Network) -> pl.DataFrame:
    """location, lane, period, ceiling: each lane at each of its ends that may close."""
    if changeable(network).is_empty():
        return pl.DataFrame(schema=dict.fromkeys(LINK, pl.String))
    ends = ship.lanes(network).select("lane", "origin", "destination").unique()
    touching = pl.concat([ends.select("lane", pl.col(end).alias("location")) for end in ("origin", "destination")])
    found = touching.join(lots.trips(network).select("lane", "period", "ceiling"), on="lane")
    return _bounded(network, found, "lane")


@prepared
def runs(network: Network) -> pl.DataFrame:
    """routing, period, item, location, ceiling at locations that may close."""
    if changeable(network).is_empty() or make.routings(network).is_empty():
        return pl.DataFrame(schema={"routing": pl.String, "period": pl.String})
    return _bounded(network, lots.runs(network).select("routing", "period", "item", "location", "ceiling"), "routing")


@prepared
def orders(network: Network) -> pl.DataFrame:
    """offer, period, item, location, ceiling at locations that may close."""
    if changeable(network).is_empty() or network.snapshot["offers"].is_empty():
        return pl.DataFrame(schema={"offer": pl.String, "period": pl.String})
    return _bounded(network, lots.orders(network).select("offer", "period", "item", "location", "ceiling"), "offer")


def _bounded(network: Network, cells: pl.DataFrame, key: str) -> pl.DataFrame:
    """The cells at locations that may close, each with a ceiling; 0 where the location is closed for good."""
    sites = changeable(network).select("location", "most")
    cells = cells.join(sites, on="location", maintain_order="left").with_columns(
        pl.when(pl.col("most") > 0).then("ceiling").otherwise(0.0).alias("ceiling")
    )
    if (endless := cells.filter(pl.col("ceiling").is_null())).height:
        raise DataError(
            f"{endless.height} cells of {key} touch a location that may close, but nothing bounds them, first "
            f"{endless[key][0]!r}: give a maximum, or set the end_value of its items to 0"
        )
    return cells.drop("most")


class Expansions(Part):
    """Capacity that may be bought once, in whole steps.

    Brings flow `expand` (expansion) in {0, 1 … maximum}; relaxes constraint `hours` of its resource by its hours in
    every week (day, period: `[limits] per`), on working days. Books −cost per step to "fixed".

    Examples
    --------
    >>> shift = soe.Scenario("a shift").row("expansions", expansion="shift", resource="line", hours=20.0, cost=100.0)
    >>> soe.plan(shift.apply(small)).ledger.accounts()["fixed"]
    -100.0
    """

    optional = ("expand",)

    def flows(self, network: Network) -> Iterator[Flow]:
        """expand."""
        rows = network.table("expansions").with_columns(network.first.alias("period"), pl.col("cost").fill_null(0.0))
        if not rows.is_empty():
            yield Flow(
                "expand", rows, ("expansion",), "step", "steps of capacity bought", upper="maximum", integer=True
            )

    def effects(self, network: Network) -> Iterator[Effect]:
        """On hours, in every period."""
        every = (
            network.table("expansions")
            .select("expansion")
            .join(portions(network).filter(pl.col("work") > 0).select("work", of="period"), how="cross")
        )
        added = -pl.col("hours") * pl.col("work")
        yield Effect("expand", "hours", added, at={"period": "of"}, join=every, using=("expansion",))

    def rates(self, network: Network) -> Iterator[Rate]:  # noqa: ARG002
        """The cost, once."""
        yield Rate("fixed", "expand", -pl.col("cost"))
