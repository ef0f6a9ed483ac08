"""From a family and a month down to items, customers and periods: by the forecast's mix, exactly."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from soe_lib.errors import DataError
from soe_lib.extract.precedence import labelled
from soe_lib.extract.snapshot import Snapshot
from soe_lib.money.rounding import largest_remainder, whole

PLACE = ["item", "location", "customer"]
OUTSIDE = ""
"""The period of what falls outside the horizon: it is split off like any other and then left out."""

_SPLIT = ("family", "location", "quantity")


@dataclass(frozen=True, eq=False)
class Mix:
    """What is sold of a family, by fiscal month, item, location and customer.

    Parameters
    ----------
    rows : fiscal_month, family, item, location, customer, weight [unit], price and cost [money/unit].
    even : the same columns, every item of every family alike, for what has no forecast.
    parts : fiscal_month, period (blank: outside the horizon), share, _place (order of time).
    """

    rows: pl.DataFrame
    even: pl.DataFrame
    parts: pl.DataFrame


def forecast_mix(snapshot: Snapshot, months: pl.Series) -> Mix:
    """The mix of the forecast that the plan is made with.

    Formula: weight = Σ forecast quantity × share of its label in a period × share of that period in a month,
    shares by working days.
    """
    calendar = snapshot.calendar
    rows = snapshot["forecast"]
    if snapshot.settings.forecast.version:
        rows = rows.filter(pl.col("version") == snapshot.settings.forecast.version)
    dated = labelled(calendar, rows, "forecast").rename({"period": "label"})
    shares = calendar.shares(dated.get_column("label")).rename({"share": "_part"})
    spread = (
        dated.join(shares, on="label")
        .join(calendar.months, on="period")
        .with_columns(weight=pl.col("quantity") * pl.col("_part") * pl.col("share"))
    )
    items = snapshot["items"].select("item", "family", "price", cost="standard_cost")
    priced = spread.join(items, on="item", how="left", suffix="_list", validate="m:1").with_columns(
        pl.coalesce("price", "price_list").fill_null(0.0).alias("price"), pl.col("cost").fill_null(0.0)
    )
    mean = (pl.col("price") * pl.col("weight")).sum() / pl.col("weight").sum()
    keys = [pl.col("month").alias("fiscal_month"), "family", *PLACE]
    mixed = (
        priced.filter(pl.col("weight") > 0)
        .group_by(keys)
        .agg(pl.col("weight").sum(), mean.alias("price"), pl.first("cost"))
    )
    even = snapshot["items"].select(
        pl.lit("").alias("fiscal_month"), "family", "item", location=pl.lit(""), customer=pl.lit(""), weight=pl.lit(1.0)
    )
    return Mix(mixed.sort("fiscal_month", "family", *PLACE), even, _parts(snapshot, months))


def _parts(snapshot: Snapshot, months: pl.Series) -> pl.DataFrame:
    order = snapshot.periods.select("period", _place="index")
    inside = snapshot.calendar.shares(months).rename({"label": "fiscal_month"}).join(order, on="period")
    asked = pl.DataFrame({"fiscal_month": months.unique().sort()})
    known = inside.group_by("fiscal_month").agg(pl.col("share").sum())
    rest = asked.join(known, on="fiscal_month", how="left").select(
        "fiscal_month",
        period=pl.lit(OUTSIDE),
        share=(1.0 - pl.col("share").fill_null(0.0)).round(12).clip(0.0),
        _place=pl.lit(snapshot.periods.height, dtype=pl.Int64),
    )
    return pl.concat([inside.select(rest.columns), rest]).filter(pl.col("share") > 0)


def check_families(snapshot: Snapshot, table: str) -> None:
    """Raises DataError where the table names a family that no item has."""
    known = snapshot["items"].select("family")
    lost = snapshot[table].filter(pl.col("family") != "").join(known, on="family", how="anti")
    if lost.height:
        names = ", ".join(lost.get_column("family").unique().sort())
        raise DataError(
            f"{lost.height} of {snapshot[table].height} rows of {table} name families that no item has: {names}. "
            f"Correct them in {table}, or give items.family."
        )


def spread(
    rows: pl.DataFrame, mix: Mix, *, weight: pl.Expr | None = None, minor: int = 1
) -> tuple[pl.DataFrame, list[str]]:
    """Quantities by month, family and location as quantities by item, location, customer and period.

    Formula: quantity × weight / Σ weight × share of the month in the period; whole quantities by largest
    remainder over items and customers and then by running total over time, so that the parts, with what falls
    outside the horizon, are the quantity again. Blank family or
    location: every one of the mix. Without a forecast for the month the mix of the whole horizon is taken, then
    that of the other locations, then all items alike; each is counted in the notes.

    Parameters
    ----------
    rows : fiscal_month, family, location, quantity, in any unit, and whatever else is to be kept.
    weight : what to split by, where not `weight`: money, say.
    minor : how many of the quantity's unit the notes count as one, such as 100 cents.

    Returns the rows' other columns, item, location, customer, period, quantity; and notes.
    """
    inside = mix.parts.filter(pl.col("period") != OUTSIDE)
    numbered = rows.join(inside, on="fiscal_month", how="semi", maintain_order="left").with_row_index("_row")
    weighed = mix.rows.with_columns((weight if weight is not None else pl.col("weight")).alias("weight"))
    found, notes = _mixed(numbered, weighed.filter(pl.col("weight") > 0), mix.even, minor)
    cells = _over_places(found.sort("_row", *PLACE))
    parts = _over_time(cells.join(mix.parts, on="fiscal_month").sort("_row", *PLACE, "_place"))
    kept = parts.filter(pl.col("period") != OUTSIDE, pl.col("quantity") != 0)
    return kept.select(
        *(name for name in rows.columns if name not in _SPLIT), "family", *PLACE, "period", "quantity"
    ), notes


def _over_places(found: pl.DataFrame) -> pl.DataFrame:
    """Each row's quantity over its items, locations and customers; whole ones by largest remainder."""
    share = pl.col("weight") / pl.col("weight").sum().over("_row")
    exact = found.select(pl.col("quantity") * share).to_series().to_numpy()
    is_whole = (found["quantity"] == found["quantity"].round(0)).to_numpy()
    whole_rows = found.filter(pl.Series(is_whole))
    totals = whole_rows.unique("_row", keep="first", maintain_order=True)["quantity"].to_numpy()
    out = np.array(exact)
    if is_whole.any():
        out[is_whole] = largest_remainder(exact[is_whole], totals, groups=whole_rows["_row"].to_numpy())
    return found.with_columns(quantity=pl.Series(out), _whole=pl.Series(is_whole))


def _over_time(cells: pl.DataFrame) -> pl.DataFrame:
    """Each cell over the periods in the order of time; whole ones by the rounded running total.

    The running total keeps the parts even: 3.4 a week are 3, 4, 3, 4, 3 and not 4, 4, 3, 3, 3.
    """
    place = ["_row", *PLACE]
    running = (pl.col("quantity") * pl.col("share")).cum_sum().over(place)
    exact = cells.with_columns(_upto=running)
    upto = exact.with_columns(
        _upto=pl.when("_whole").then(pl.Series(whole(exact["_upto"]).astype(float))).otherwise("_upto")
    )
    return upto.with_columns(quantity=pl.col("_upto") - pl.col("_upto").shift(1).over(place).fill_null(0.0))


def _mixed(rows: pl.DataFrame, mix: pl.DataFrame, even: pl.DataFrame, minor: int) -> tuple[pl.DataFrame, list[str]]:
    """Each row joined to the part of the mix that fits it, from the closest fit to the widest."""
    notes, found, rest = [], [], rows
    steps = [
        (("fiscal_month", "family", "location"), mix, ""),
        (("family", "location"), mix, "by the mix of the whole horizon"),
        (("family",), mix, "by the mix of other locations"),
        (("family",), even, "evenly over the items of the family, for want of a forecast"),
    ]
    for keys, known, how in steps:
        fits = pl.concat([_fitting(part, known, keys) for part in _by_blanks(rest)])
        found.append(fits)
        if how and fits.height:
            taken = rest.join(fits, on="_row", how="semi")
            notes.append(f"{taken.height} rows ({taken['quantity'].sum() / minor:,.12g}) are split {how}.")
        rest = rest.join(fits, on="_row", how="anti")
    return pl.concat(found), notes


def _by_blanks(rows: pl.DataFrame) -> list[pl.DataFrame]:
    family, location = pl.col("family") == "", pl.col("location") == ""
    return [rows.filter(f, g) for f in (family, ~family) for g in (location, ~location)]


def _fitting(rows: pl.DataFrame, mix: pl.DataFrame, keys: tuple[str, ...]) -> pl.DataFrame:
    """Rows, all alike in which labels are blank, joined on those of the keys that are not."""
    first = rows.row(0, named=True) if rows.height else dict.fromkeys(rows.columns, "")
    given = [key for key in keys if key == "fiscal_month" or first[key] != ""]
    moved = "location" not in keys and first["location"] != ""
    place = pl.lit("") if moved else pl.col("location")
    labels = [*given, pl.col("family").alias("_family"), place.alias("_place"), "item", "customer"]
    totals = mix.group_by(labels).agg(pl.col("weight").sum())
    joined = rows.join(totals, on=given, how="inner") if given else rows.join(totals, how="cross")
    where = pl.col("location") if moved else pl.col("_place")
    return joined.with_columns(family="_family", location=where).drop("_family", "_place")
