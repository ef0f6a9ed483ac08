"""Why demand is missed and what each cause does to customers: each missed unit is laid to one cause."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from soe_lib.extract.snapshot import where_used
from soe_lib.review import words

if TYPE_CHECKING:
    from soe_lib.review.week import Week


LOOK_BACK = 4
LATE, LOSS, DOWN, FULL, OTHER = "late receipt", "supply loss", "line down", "line full", "other"
ORDERS, EVENT = "orders above forecast", "event"
PROVEN = (LATE, LOSS, DOWN, ORDERS, EVENT)
"""Causes that only planning again can prove."""
LINK = {"item": pl.String, "kind": pl.String, "key": pl.String, "rank": pl.Int32, "weight": pl.Float64}
UNITS = ("late", "short", "revenue", "money")
LEAST = 5e-3


def attributed(situation: Week) -> pl.DataFrame:
    """The items with missed demand, a row for each cause that their units are laid to; the units add up to all missed.

    Returns
    -------
    the rows of `item_gaps` with late, short, revenue and money of the part, kind (late receipt, supply loss, line down,
    orders above forecast, event, line full, other) and key (receipt, event, customer and family, or resource).
    """
    gaps = situation.item_gaps.filter(pl.col("late") + pl.col("short") >= LEAST)
    used = where_used(situation.snapshot)
    made = made_on(situation)
    full = full_links(situation, used, made, gaps)
    if situation.prices is None or "served" not in situation.prices.columns:
        links = [late_links(situation, used), loss_links(situation, used), down_links(situation, used, made), full]
        return _parts(gaps, _likeliest(pl.concat(links)).with_columns(units=pl.lit(float("inf"))))
    laid = _laid(gaps, _served(situation, used))
    return _parts(gaps, pl.concat([laid, _likeliest(full).with_columns(units=pl.lit(float("inf")))]))


def _likeliest(links: pl.DataFrame) -> pl.DataFrame:
    """item, kind, key: the first link of each item."""
    best = links.sort(["item", "rank", "weight", "key"], descending=[False, False, True, False])
    return best.unique("item", keep="first", maintain_order=True).select("item", "kind", "key")


def _parts(gaps: pl.DataFrame, laid: pl.DataFrame) -> pl.DataFrame:
    """The gaps in parts: each cause, in the order given, takes up to its units of what is left; the rest has none."""
    rest = gaps.select("item", kind=pl.lit(OTHER), key=pl.lit(""), units=pl.lit(float("inf")))
    missed = pl.col("late") + pl.col("short")
    rows = gaps.join(pl.concat([laid, rest]), on="item", how="inner", maintain_order="left_right")
    rows = rows.with_columns(taken=pl.min_horizontal(pl.col("units").cum_sum().over("item"), missed))
    rows = rows.with_columns(part=(pl.col("taken") - pl.col("taken").shift(1).over("item").fill_null(0.0)) / missed)
    return rows.filter(pl.col("part") * missed > LEAST / 10).with_columns(
        pl.col(name) * pl.col("part") for name in UNITS
    ).drop("units", "taken", "part")  # fmt: skip


def _laid(gaps: pl.DataFrame, served: pl.DataFrame) -> pl.DataFrame:
    """item, kind, key, units in the order in which causes take units: events first, then orders; large ones first."""
    mine = served.join(gaps.select("item"), on="item", how="semi").filter(pl.col("units") > 0)
    # Without a cause some items are served less: what its absence only shifts is not laid to it.
    whole = pl.col("units").sum().over("subject")
    kept = (pl.col("net").clip(lower_bound=0.0) / whole).clip(upper_bound=1.0)
    sized = mine.with_columns(size=whole, units=pl.col("units") * kept).filter(pl.col("units") > 0)
    later = pl.col("kind") == ORDERS
    order = sized.sort([later, "size", "subject", "item"], descending=[False, True, False, False])
    return order.select("item", "kind", "key", "units")


def _served(situation: Week, used: pl.DataFrame) -> pl.DataFrame:
    """subject, net, item, units, kind, key: what is on time without each cause, and to which exception it goes."""
    assert situation.prices is not None, "asked only where somebody has planned again"
    rows = situation.prices.select("subject", "cause", "served", net="missed").explode("served").drop_nulls("served")
    rows = rows.unnest("served")
    kinds = {"downtime": DOWN, "supply_loss": LOSS}
    events = situation.events.select(
        subject="event", kind=pl.col("kind").replace_strict(kinds, default=EVENT, return_dtype=pl.String)
    )
    receipts = situation.late_receipts.filter(pl.col("event") != "").select(
        "receipt", "event", "value", component="item"
    )
    late = used.join(receipts, on="component").sort(["value", "receipt"], descending=[True, False])
    late = late.unique(["event", "item"], keep="first", maintain_order=True).select("item", "receipt", subject="event")
    joined = rows.join(events, on="subject", how="left").join(late, on=["subject", "item"], how="left")
    orders, delayed = pl.col("cause") == "orders", pl.col("receipt").is_not_null()
    return joined.with_columns(
        kind=pl.when(orders).then(pl.lit(ORDERS)).when(delayed).then(pl.lit(LATE)).otherwise("kind").fill_null(EVENT),
        key=pl.when(delayed & ~orders).then("receipt").otherwise("subject"),
    )


def made_on(situation: Week) -> pl.DataFrame:
    """Which resource works on which item: resource, component (the item that it makes)."""
    routings = situation.snapshot["routings"].select("routing", component="item").unique()
    return (
        situation.snapshot["operations"]
        .select("routing", "resource")
        .join(routings, on="routing")
        .drop("routing")
        .unique()
    )


def link(frame: pl.DataFrame, kind: str, rank: int, *, key: str, weight: str | None = None) -> pl.DataFrame:
    """Rows of LINK from any frame with an item and a key."""
    heavy = pl.col(weight).cast(pl.Float64) if weight else pl.lit(0.0)
    return frame.select(
        "item", kind=pl.lit(kind), key=pl.col(key), rank=pl.lit(rank, dtype=pl.Int32), weight=heavy
    ).cast(LINK)  # type: ignore[arg-type]


def late_links(situation: Week, used: pl.DataFrame) -> pl.DataFrame:
    """Items that contain something which comes late; the dearest receipt counts."""
    late = situation.late_receipts.select("receipt", "value", component="item")
    return link(used.join(late, on="component"), LATE, 0, key="receipt", weight="value")


def loss_links(situation: Week, used: pl.DataFrame) -> pl.DataFrame:
    """Items that contain something whose supplier or offer is hit by a supply loss."""
    lost = situation.events.filter(pl.col("kind") == "supply_loss").select("event", "target")
    offers = situation.snapshot["offers"].select("offer", "supplier", "location", component="item")
    hit = pl.concat(
        [offers.select("component", target=pl.col(name)) for name in ("offer", "supplier", "component", "location")]
    )
    return link(hit.unique().join(lost, on="target").join(used, on="component"), LOSS, 1, key="event")


def down_links(situation: Week, used: pl.DataFrame, made: pl.DataFrame) -> pl.DataFrame:
    """Items that are made, or contain something made, on a line that is down."""
    down = situation.events.filter(pl.col("kind") == "downtime").select("event", resource="target")
    return link(made.join(down, on="resource").join(used, on="component"), DOWN, 2, key="event")


def full_links(situation: Week, used: pl.DataFrame, made: pl.DataFrame, gaps: pl.DataFrame) -> pl.DataFrame:
    """Items made on a line whose hours have a price in the weeks of the gap or shortly before; the dearest counts."""
    places = situation.load.select(weeks="label", place="order").unique()
    when = gaps.select("item", "weeks").explode("weeks").join(places, on="weeks", validate="m:1")
    last = when.group_by("item").agg(last=pl.col("place").max())
    near = used.join(last, on="item").join(made, on="component").join(situation.scarce, on="resource")
    return link(
        near.filter(pl.col("order").is_between(pl.col("last") - LOOK_BACK, pl.col("last"))),
        FULL, 3, key="resource", weight="price",
    )  # fmt: skip


@dataclass(frozen=True)
class Effect:
    """Missed demand laid to one cause.

    Parameters
    ----------
    late, short : units. revenue : of those units [money]. money : lost margin, penalties and lateness [money].
    items, customers, weeks : names, the dearest items first. codes : the items by their codes, in the same order.
    proven : whether planning again without the cause serves them; else they are the most that may hang on it.
    """

    late: float
    short: float
    revenue: float
    money: float
    items: tuple[str, ...]
    customers: tuple[str, ...]
    weeks: tuple[str, ...]
    codes: tuple[str, ...] = ()
    proven: bool = True

    @property
    def about(self) -> dict[str, tuple[str, ...]]:
        """What is hit, by kind of thing, for whoever looks for answers."""
        return {"items": self.codes, "customers": self.customers, "weeks": self.weeks}

    @property
    def any(self) -> bool:
        """Whether anybody misses anything."""
        return self.late + self.short >= 0.5

    @property
    def units(self) -> str:
        """ "1,200 units late", "300 never served and 1,200 late"."""
        parts = [(self.short, "never served"), (self.late, "late")]
        said = [f"{words.number(size)} units {text}" for size, text in parts if size >= 0.5]
        most = "" if self.proven else "up to "
        return most + " and ".join(said) if said else "nothing missed"

    def service(self, currency: str) -> str:
        """The effect on customers in a few words: "1,200 units late, EUR 14 thousand of revenue"."""
        if not self.any:
            return "No customer waits"
        return f"{self.units}, {words.brief_money(self.revenue, currency)} of revenue"

    @property
    def when(self) -> str:
        """The weeks that are hit."""
        return words.periods(self.weeks)


def effect_of(situation: Week, kind: str, key: str) -> Effect:
    """The missed demand laid to one cause."""
    mine = situation.missed.filter((pl.col("kind") == kind) & (pl.col("key") == key)).sort("revenue", descending=True)
    weeks = mine["weeks"].explode().unique().to_list() if mine.height else []
    order = dict(situation.gaps.select("week", "order").rows())
    return Effect(
        late=float(mine["late"].sum()),
        short=float(mine["short"].sum()),
        revenue=float(mine["revenue"].sum()),
        money=float(mine["money"].sum()),
        items=tuple(mine["description"].to_list()),
        codes=tuple(mine["item"].to_list()),
        customers=tuple(mine["customers"].explode().unique().sort().drop_nulls().to_list()) if mine.height else (),
        proven=situation.prices is not None or kind not in PROVEN,
        weeks=tuple(sorted(weeks, key=lambda week: order.get(week, 0))),
    )
