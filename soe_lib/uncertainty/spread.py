"""The distribution of demand given the forecast: quantiles of the accumulated error, own or pooled."""

from __future__ import annotations

import numpy as np
import polars as pl

from soe_lib.uncertainty.slices import EDGES, WEIGHTS, normal_slices, widening

FLOOR = 0.5
"""Share of the usual forecast that is the least denominator of a relative error."""
LISTED = "slices"
GRID = 4
"""Number of quantiles of the record that are averaged to the mean of a slice."""


def spread(errors: pl.DataFrame, nodes: pl.DataFrame, *, pool: float, default: float) -> pl.DataFrame:
    """Slices of the relative accumulated error of each item and place, by weeks ahead.

    Formula: relative error = error ÷ max(accumulated forecast, half the usual one); slice = own × n/(n + pool) + pooled
    × pool/(n + pool), with n = published forecasts ÷ weeks ahead (they overlap). An item is pooled with its family, the
    family in the same way with the company, and the company with the stated default: a normal error of `default` of a
    week's forecast, independent from week to week. A slice is the mean of the record between two of its quantiles
    (EDGES), so that sporadic demand keeps its own shape; with fewer points it lies further from the mean, see
    `slices.widening`.

    Parameters
    ----------
    errors : from `accumulated`: item, location, published, ahead, error, forecast [units].
    nodes : item, location, family, of every node with demand; without a record it takes the slices of its family.
    pool : number of points that the pooled record counts as.
    default : standard deviation of a week's error, as a share of its forecast.

    Returns
    -------
    item, location, ahead [weeks], n, usual [units, the accumulated forecast], bias [share], slices (list of shares).
    """
    place = ["item", "location"]
    usual = pl.max_horizontal(pl.col("forecast"), pl.col("forecast") + pl.col("error")).mean().over(*place, "ahead")
    rows = (
        errors.join(nodes, on=place)
        .sort(*place, "published", "ahead")
        .with_columns(usual=usual)
        .filter(pl.col("usual") > 0)
        .with_columns(share=pl.col("error") / pl.max_horizontal("forecast", FLOOR * pl.col("usual")))
    )
    normal = normal_slices()
    aheads = sorted(set(rows["ahead"].to_list())) or [1]
    stated = pl.DataFrame(
        {"ahead": aheads, "mean": 0.0, LISTED: [list(default * normal / np.sqrt(ahead)) for ahead in aheads]},
        schema={"ahead": pl.Int64, "mean": pl.Float64, LISTED: pl.List(pl.Float64)},
    )
    company = _shrunk(stated.select("ahead"), _pooled(rows, ["ahead"]), stated, ["ahead"], pool)
    kinds = nodes.select("family").unique().join(stated.select("ahead"), how="cross")
    family = _shrunk(kinds, _pooled(rows, ["family", "ahead"]), company, ["ahead"], pool)
    each = nodes.join(stated.select("ahead"), how="cross")
    own = _shrunk(each, _pooled(rows, [*place, "ahead"]), family, ["family", "ahead"], pool)
    return own.select(*place, "ahead", "n", "usual", pl.col("mean").alias("bias"), LISTED).sort(*place, "ahead")


def _pooled(rows: pl.DataFrame, key: list[str]) -> pl.DataFrame:
    """Slices and mean of the relative errors of each group, and the number of independent points (n)."""
    inner = (np.arange(GRID) + 0.5) / GRID
    quantiles = [
        pl.mean_horizontal([pl.col("share").quantile(float(below + weight * at), "linear") for at in inner])
        for below, weight in zip(EDGES, WEIGHTS, strict=False)
    ]
    found = rows.group_by(key, maintain_order=True).agg(
        *(quantile.alias(f"_{number}") for number, quantile in enumerate(quantiles)),
        n=pl.len() / pl.col("ahead").first(),
        mean=pl.col("share").mean(),
        usual=pl.col("usual").mean(),
    )
    drawn = found.select("^_.*$").to_numpy()
    mean = drawn @ WEIGHTS
    wide = mean[:, None] + (drawn - mean[:, None]) * widening(found["n"].to_numpy())
    # Widening shifts the mean of a skewed record; put it back.
    wide += (mean - wide @ WEIGHTS)[:, None]
    listed = pl.Series(LISTED, wide, dtype=pl.Array(pl.Float64, len(WEIGHTS))).cast(pl.List(pl.Float64))
    return found.select(*key, "n", "mean", "usual").with_columns(listed)


def _shrunk(each: pl.DataFrame, own: pl.DataFrame, pooled: pl.DataFrame, key: list[str], pool: float) -> pl.DataFrame:
    """The own and the pooled slices of each row, weighted by the number of own points."""
    both = each.join(
        own,
        on=each.select(pl.exclude("family") if "item" in each.columns else pl.all()).columns,
        how="left",
        nulls_equal=True,
    ).join(pooled.select(*key, pooled=LISTED, pooled_mean="mean"), on=key, how="left", nulls_equal=True)
    n = pl.col("n").fill_null(0.0)
    weight = pl.when(n > 0).then(n / (n + pool)).otherwise(0.0)
    return both.with_columns(
        n=n,
        mean=pl.col("mean").fill_null(0.0) * weight + pl.col("pooled_mean") * (1.0 - weight),
        **{LISTED: pl.coalesce(pl.col(LISTED), "pooled") * weight + pl.col("pooled") * (1.0 - weight)},
    ).drop("pooled", "pooled_mean")
