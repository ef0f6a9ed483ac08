"""What is paid to be faster, by cause."""

from __future__ import annotations

from functools import reduce
from operator import and_, or_

import polars as pl

from soe_lib.extract.snapshot import Snapshot
from soe_lib.extract.where_used import where_used
from soe_lib.money.reading import PlanLike
from soe_lib.money.rounding import as_money

LEAD = "the ordinary way takes too long"
_CAUSE = pl.Schema({"item": pl.String, "cause": pl.String, "rank": pl.Int64})


def expediting_by_cause(plan: PlanLike, snapshot: Snapshot, *, digits: int = 2) -> pl.DataFrame:
    """The premiums that a plan pays for expedited purchases, each laid to one cause, so that no unit counts twice.

    Formula: Σ units × (expedited − ordinary cost), as the ledger books it. The cause is the first that the extract
    knows of the item: a receipt of it that an event delays, a receipt of it that is overdue, a supply loss, a surge of
    demand for it or for what it goes into; else the ordinary lead time.

    Returns cause, item, location, quantity [unit], amount [money, negative], the dearest first; the
    amounts are those of the statement and add up to its expediting.
    """
    mine = pl.col("account") == "expediting"
    cents = plan.ledger.cents("item", "location", digits=digits).filter(mine)
    units = plan.ledger.lines.filter(mine).group_by("item", "location").agg(pl.col("quantity").sum())
    causes = pl.concat([_delayed(snapshot), _overdue(snapshot), _lost(snapshot), _surges(snapshot)])
    first = causes.sort("item", "rank", "cause").unique("item", keep="first", maintain_order=True)
    rows = cents.join(units, on=["item", "location"], how="left").join(first, on="item", how="left")
    money = as_money(pl.col("cents"), digits).alias("amount")
    shown = rows.select(pl.col("cause").fill_null(LEAD), "item", "location", "quantity", money)
    return shown.sort("amount", "cause", "item", "location")


def _delayed(snapshot: Snapshot) -> pl.DataFrame:
    suppliers = snapshot["offers"].select("offer", "supplier").unique("offer", keep="first")
    receipts = snapshot["receipts"].join(suppliers, on="offer", how="left")
    columns = ("receipt", "supplier", "offer", "lane", "item")
    return _hit(snapshot, "delay", receipts, columns, "{} is late ({})", "receipt", 0)


def _overdue(snapshot: Snapshot) -> pl.DataFrame:
    late = snapshot["receipts"].filter(pl.col("due_on") < snapshot.as_of)
    return late.select("item", cause=pl.format("{} is overdue", "receipt"), rank=pl.lit(1)).cast(_CAUSE)


def _lost(snapshot: Snapshot) -> pl.DataFrame:
    columns = ("offer", "supplier", "item", "location")
    return _hit(snapshot, "supply_loss", snapshot["offers"], columns, "{} gives less ({})", "supplier", 2)


def _surges(snapshot: Snapshot) -> pl.DataFrame:
    """Surges of an item, or of anything that it goes into."""
    families = snapshot["items"].select("item", "family")
    demand = snapshot["forecast"].select("item", "location", "customer").unique().join(families, on="item", how="left")
    used = where_used(snapshot).rename({"item": "sold", "component": "item"})
    reached = demand.rename({"item": "sold"}).join(used, on="sold")
    columns = ("sold", "family", "location", "customer")
    return _hit(snapshot, "surge", reached, columns, "more of {} is wanted ({})", "", 3)


def _hit(
    snapshot: Snapshot, kind: str, rows: pl.DataFrame, columns: tuple[str, ...], text: str, named: str, rank: int
) -> pl.DataFrame:
    """The rows' items that an event of a kind targets; each part of its target is one of the columns.

    Parameters
    ----------
    text : the cause, with places for what is named and the event. named : a column; blank: the event's target.
    """
    found = [pl.DataFrame(schema=_CAUSE)]
    for event, target in snapshot["events"].filter(pl.col("kind") == kind).select("event", "target").iter_rows():
        parts = [part.strip() for part in target.split(" & ")]
        meant = reduce(and_, [reduce(or_, [pl.col(column) == part for column in columns]) for part in parts])
        hit = rows.filter(meant.fill_null(value=False))
        cause = pl.format(text, pl.col(named) if named else pl.lit(target), pl.lit(event))
        found.append(hit.select("item", cause.alias("cause"), pl.lit(rank).alias("rank")).cast(_CAUSE))
    return pl.concat(found)
