"""Promises kept beside the plan history, append-only, and the snapshot in which the next plan honours them."""

from __future__ import annotations

import time
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

import polars as pl

from soe_lib.errors import DataError, SoeError
from soe_lib.store import tables
from soe_lib.store.tables import Store

if TYPE_CHECKING:
    from soe_lib.extract.snapshot import Snapshot

TABLE = "promises"
PROMISES = pl.Schema(
    {
        "company": pl.String(),
        "as_of": pl.Date(),
        "created": pl.Datetime("us", "UTC"),
        "order": pl.String(),
        "delivery": pl.String(),
        "item": pl.String(),
        "location": pl.String(),
        "customer": pl.String(),
        "asked_on": pl.Date(),
        "promised_on": pl.Date(),
        "quantity": pl.Float64(),
        "price": pl.Float64(),
        "rests_on": pl.String(),
        "margin": pl.Float64(),
        "currency": pl.String(),
    }
)
"""One row a delivery: the order's number and the delivery's (the same where it comes as a whole), what was asked for,
what was promised, what it rests on (ATP or CTP), and the margin that the order gained in the plan of that day."""


def keep(store: Store, rows: pl.DataFrame) -> None:
    """Append promises; raises DataError where an order of the company is promised already, and then keeps none."""
    stamped = rows.with_columns(pl.lit(datetime.now(UTC)).cast(PROMISES["created"]).alias("created"))
    stamped = stamped.select(pl.col(name).cast(kind) for name, kind in PROMISES.items())
    for attempt in range(tables.ATTEMPTS):
        seen = tables.opened(store, TABLE)
        known = set(_of(tables.read(seen), rows["company"][0])["order"])
        if twice := sorted(known & set(rows["order"])):
            raise DataError(f"Order {twice[0]!r} is promised already: give this one another number. Nothing was kept.")
        try:
            tables.add_if_unchanged(store, TABLE, stamped, seen)
        except tables.ConflictError:
            time.sleep(tables.pause(attempt))
        else:
            return
    raise SoeError(f"the plan store {store} was busy for {tables.ATTEMPTS} attempts: nothing was kept. Try again.")


def _of(rows: pl.DataFrame, company: str | None) -> pl.DataFrame:
    if rows.is_empty():
        return pl.DataFrame(schema=PROMISES)
    return rows if company is None else rows.filter(pl.col("company") == company)


def promises(
    store: Store = "out/plans", *, company: str | None = None, until: date | None = None, known: datetime | None = None
) -> pl.DataFrame:
    """Every promise that was kept, the first due first.

    Parameters
    ----------
    company : only this one's. until : only those made on extracts up to this date. known : only those kept by then.

    Examples
    --------
    >>> wanted = {"item": "tea", "quantity": 20.0, "customer": "shop", "date": "2026-01-20", "order": "SO-7"}
    >>> count = soe.whatif.keep_promises(soe.whatif.promise(small, wanted), store=store)
    >>> soe.store.promises(store).select("order", "promised_on", "quantity").rows()
    [('SO-7', datetime.date(2026, 1, 23), 20.0)]
    """
    rows = _of(tables.read(tables.opened(store, TABLE)), company).select(PROMISES.names())
    rows = rows.filter(pl.col("as_of") <= until) if until is not None else rows
    rows = rows.filter(pl.col("created") <= known) if known is not None else rows
    return rows.sort("promised_on", "delivery")


def as_promised(snapshot: Snapshot, store: Store = "out/plans", *, known: datetime | None = None) -> Snapshot:
    """The snapshot with the promises that were kept; itself where there is none.

    An order of the extract that was promised is promised there, as much as it still asks for: its row wins, the promise
    is a floor. A promise that the extract does not have is an order of its own until its day is over, or until the
    extract has it.

    Parameters
    ----------
    known : only promises kept by then, as a plan of that time had them.

    Examples
    --------
    >>> soe.store.as_promised(small, store) is small
    True
    """
    kept = promises(store, company=snapshot.company, until=snapshot.as_of, known=known)
    if kept.is_empty():
        return snapshot
    orders = snapshot["orders"]
    own = kept.with_columns(name=pl.when(_there("delivery", orders)).then("delivery").otherwise("order"))
    floors = own.group_by(order="name").agg(floor=pl.col("quantity").sum())
    floor = pl.min_horizontal(pl.col("floor").fill_null(0.0), pl.col("quantity").clip(0.0))
    floored = orders.join(floors, on="order", how="left", maintain_order="left").with_columns(
        promised=pl.max_horizontal("promised", floor)
    )
    coming = own.filter(~_there("name", orders), pl.col("promised_on") >= snapshot.as_of)
    for column in ("item", "location", "customer"):  # what the extract no longer has, nobody can plan
        there = pl.col(column).is_in(snapshot[f"{column}s"][column].implode())
        coming = coming.filter(there | ((pl.col(column) == "") & pl.lit(column == "customer")))
    more = coming.select(
        "item", "location", "customer", "quantity", "price", order="delivery", due_on="promised_on",
        confirmed_on="promised_on", promised="quantity", committed=pl.lit(0.0),
    )  # fmt: skip
    return snapshot.replace(orders=pl.concat([floored.drop("floor"), more], how="diagonal"))


def _there(name: str, orders: pl.DataFrame) -> pl.Expr:
    return pl.col(name).is_in(orders["order"].implode())
