"""What lay in stock when a closed week began and when it ended, and where nobody knows it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import polars as pl

from soe_lib.errors import DataError
from soe_lib.extract.snapshot import Snapshot
from soe_lib.money.actuals import made_and_taken
from soe_lib.money.reading import Window

NODE = ["item", "location"]
CELLS = pl.Schema({"item": pl.String, "location": pl.String, "quantity": pl.Float64})
MOVES = ("sales", "make", "buy", "ship")
CLOSE = 1e-6
"""Units that count as none."""
NOT_KNOWN = "is not known"
"""In every message that says so of the profit of days whose stock nobody knows."""


@dataclass(frozen=True, eq=False)
class Stocktaking:
    """Stock at both ends of a closed week.

    Parameters
    ----------
    opening, closing : item, location, quantity [unit] on hand, before the first day and after the last one.
    left, arriving : the same of goods under way, at the start and at the end.
    booked : item, location, quantity: what came in less what went out of items that no count and no inventory names.
    notes : what had to be assumed, counted.
    """

    opening: pl.DataFrame
    closing: pl.DataFrame
    left: pl.DataFrame
    arriving: pl.DataFrame
    booked: pl.DataFrame
    notes: tuple[str, ...] = ()


def closed_days(before: Snapshot, now: Snapshot) -> Window:
    """The days between two extracts; raises DataError where actuals say nothing of them."""
    window = before.as_of, now.as_of - timedelta(days=1)
    if now["actuals"].filter(pl.col("date").is_between(*window)).is_empty():
        raise DataError(f"actuals say nothing of {window[0]} to {window[1]}: there is no closed week to explain.")
    return window


def stocktaking(before: Snapshot, now: Snapshot) -> Stocktaking:
    """Stock at the start and at the end of the days between two extracts, each from who knows it.

    Formula: at the start the count of the day before, else the earlier extract's inventory; at the end the count of the
    last day, else the later extract's inventory. A count of another day serves where nothing moved in between. What a
    count or an inventory does not name is not there, as long as what came in explains what is there later; an item that
    none of them names moves by what came in less what went out. Goods under way are receipts that are ours.

    Raises DataError where nobody knows: neither a count nor an inventory, or more at the end than can have come in.
    """
    window = closed_days(before, now)
    rows = _history(before, now)
    opening = _on_hand(rows, window[0] - timedelta(days=1), before)
    closing = _on_hand(rows, window[1], now)
    for found, edge, day, extract in (
        (opening, "start", window[0] - timedelta(days=1), before),
        (closing, "end", window[1], now),
    ):
        if found is None:
            raise DataError(
                f"Profit of {window[0]} to {window[1]} is not known: stock at its {edge} is not. Give a count of {day} "
                f"in actuals (measure stock), or inventory in the extract of {extract.as_of}."
            )
    assert opening is not None
    assert closing is not None
    left, arriving = _under_way(before), _under_way(now)
    came = _net(rows.filter(pl.col("date").is_between(*window)), now)
    _explained(opening, closing, left, arriving, came, window)
    named = pl.concat([opening.select("item"), closing.select("item"), before["inventory"].select("item"),
                       now["inventory"].select("item"), _counts(rows).select("item")]).unique()  # fmt: skip
    booked = came.join(named, on="item", how="anti").select(*NODE, quantity=pl.col("came") - pl.col("used"))
    booked = booked.filter(pl.col("quantity").abs() > CLOSE)
    return Stocktaking(opening, closing, left, arriving, booked, tuple(_said(booked)))


def as_count(extract: Snapshot) -> pl.DataFrame:
    """The inventory of an extract as a count on the evening before: item, location, quantity, date, measure."""
    day = extract.as_of - timedelta(days=1)
    cells = _cells(extract["inventory"].rename({"on_hand": "quantity"}))
    return cells.with_columns(date=pl.lit(day), measure=pl.lit("stock"), _inventory=pl.lit(value=True))


def _said(booked: pl.DataFrame) -> list[str]:
    if booked.is_empty():
        return []
    names = ", ".join(booked["item"].head(3))
    return [
        f"{booked.height} items that moved are in no count and no inventory ({names}): their stock changes by what "
        "came in less what went out."
    ]


def _history(before: Snapshot, now: Snapshot) -> pl.DataFrame:
    """All actuals that the two extracts know, each day from the later one that has it."""
    later = now["actuals"]
    return pl.concat([later, before["actuals"].join(later.select("date").unique(), on="date", how="anti")])


def _counts(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.filter(pl.col("measure") == "stock", pl.col("quantity").is_not_null())


def _on_hand(rows: pl.DataFrame, day: date, extract: Snapshot) -> pl.DataFrame | None:
    """What lay in stock at the close of a day; None where neither a count nor the extract's inventory says so."""
    counted = _counts(rows)
    when = _counted_on(counted["date"], rows.filter(pl.col("measure").is_in(MOVES))["date"], day)
    if when is not None:
        return _cells(counted.filter(pl.col("date") == when))
    if extract["inventory"].is_empty() and "inventory" not in extract.settings.tables.none:
        return None
    return _cells(extract["inventory"].rename({"on_hand": "quantity"}))


def _counted_on(counts: pl.Series, moves: pl.Series, day: date) -> date | None:
    """The date of a count that still holds, or already held, at the close of a day: nothing moved in between."""
    last, first = counts.filter(counts <= day).max(), counts.filter(counts > day).min()
    if isinstance(last, date) and moves.filter((moves > last) & (moves <= day)).is_empty():
        return last
    if isinstance(first, date) and moves.filter((moves > day) & (moves <= first)).is_empty():
        return first
    return None


def _cells(rows: pl.DataFrame) -> pl.DataFrame:
    cells = rows.select(pl.col(name).cast(dtype) for name, dtype in CELLS.items())
    return cells.group_by(NODE).agg(pl.col("quantity").sum()).sort(NODE)


def _under_way(extract: Snapshot) -> pl.DataFrame:
    """Receipts that are ours and not yet in: goods between two places, orders that are being made."""
    return _cells(extract["receipts"].filter(pl.col("kind") != "buy"))


def _net(rows: pl.DataFrame, now: Snapshot) -> pl.DataFrame:
    """item, location (one of them), came (bought, made), sold and used (sold, taken by recipes at standard) [unit]."""
    made, taken = made_and_taken(rows, now)
    kinds = {"buy": "came", "sales": "sold"}
    parts = [
        rows.filter(pl.col("measure") == measure).select(*NODE, pl.col("quantity").fill_null(0.0).alias(name))
        for measure, name in kinds.items()
    ]
    parts += [made.select(*NODE, came="quantity"), taken.select(*NODE, taken="quantity")]
    every = pl.concat(parts, how="diagonal").with_columns(pl.col("came", "sold", "taken").fill_null(0.0))
    sums = every.group_by("item").agg(pl.col("location").min(), pl.col("came", "sold", "taken").sum()).sort("item")
    return sums.with_columns(used=pl.col("sold") + pl.col("taken")).drop("taken")


def _explained(
    opening: pl.DataFrame,
    closing: pl.DataFrame,
    left: pl.DataFrame,
    arriving: pl.DataFrame,
    came: pl.DataFrame,
    window: Window,
) -> None:
    """Raises DataError where goods lie at the end that nobody names at the start, and that did not come in."""
    new = closing.join(opening, on=NODE, how="anti").filter(pl.col("quantity") > CLOSE).select("item").unique()
    sides = [(closing, 1.0), (arriving, 1.0), (opening, -1.0), (left, -1.0)]
    owned = pl.concat([side.select("item", quantity=pl.col("quantity") * sign) for side, sign in sides])
    grown = new.join(owned.group_by("item").agg(pl.col("quantity").sum()), on="item").join(came, on="item", how="left")
    more = pl.col("quantity") + pl.col("sold").fill_null(0.0) - pl.col("came").fill_null(0.0)
    lost = grown.with_columns(more=more).filter(pl.col("more") > CLOSE + 1e-9 * pl.col("quantity").abs()).sort("item")
    if lost.height:
        names = ", ".join(lost["item"].head(5))
        raise DataError(
            f"Profit of {window[0]} to {window[1]} is not known: {lost.height} items ({names}) have "
            f"{lost['more'].sum():,.6g} units more at its end than came in, at places where nobody names them at its "
            f"start. Give their stock in a count of {window[0] - timedelta(days=1)} or in the inventory of the extract "
            f"of {window[0]}."
        )
