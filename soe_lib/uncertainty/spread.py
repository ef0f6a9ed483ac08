"""The distribution of demand given the forecast: quantiles of the error in sum, own or pooled."""

from __future__ import annotations

import numpy as np
import polars as pl

from soe_lib.uncertainty.slices import EDGES, WEIGHTS, normal_slices, widening

FLOOR = 0.5
"""Of the usual forecast: what an error is measured against where the forecast itself is below."""
LISTED = "slices"
GRID = 4
"""Quantiles of the record that the mean of a slice is taken over."""


def spread(errors: pl.DataFrame, nodes: pl.DataFrame, *, pool: float, default: float) -> pl.DataFrame:
    """Slices of the relative error of each item and place after so many weeks.

    Formula: an error is measured against max(forecast in sum, half the usual one); a slice is own × n/(n + pool)
    + pooled × pool/(n + pool), with n the published forecasts ÷ weeks ahead (they overlap). What is pooled is the
    family, which leans on the company in the same way, and the company on the stated default: a normal error of
    `default` of a week's forecast, independent from week to week. A slice is the mean of the record between two of its
    quantiles (EDGES), so that an item of seldom demand keeps its own shape; it lies further from the mean the fewer
    points there are, see `slices.widening`.

    Parameters
    ----------
    errors : from `accumulated`: item, location, published, ahead, error, forecast [units].
    nodes : item, location, family: every place that is asked for; without a record it leans on its family alone.
    pool : points that the pooled record counts for.
    default : standard deviation of a week's error, as a share of its forecast.

    Returns
    -------
    item, location, ahead [weeks], n, usual [units, the forecast in sum], bias [share], slices (list of shares).
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
    company = _leaning(stated.select("ahead"), _pooled(rows, ["ahead"]), stated, ["ahead"], pool)
    kinds = nodes.select("family").unique().join(stated.select("ahead"), how="cross")
    family = _leaning(kinds, _pooled(rows, ["family", "ahead"]), company, ["ahead"], pool)
    asked = nodes.join(stated.select("ahead"), how="cross")
    own = _leaning(asked, _pooled(rows, [*place, "ahead"]), family, ["family", "ahead"], pool)
    return own.select(*place, "ahead", "n", "usual", pl.col("mean").alias("bias"), LISTED).sort(*place, "ahead")


def _pooled(rows: pl.DataFrame, key: list[str]) -> pl.DataFrame:
    """Slices and mean of the shares of each group, with n independent points behind them."""
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
    # The tails of a lopsided record are not widened alike; its mean stays.
    wide += (mean - wide @ WEIGHTS)[:, None]
    listed = pl.Series(LISTED, wide, dtype=pl.Array(pl.Float64, len(WEIGHTS))).cast(pl.List(pl.Float64))
    return found.select(*key, "n", "mean", "usual").with_columns(listed)


def _leaning(asked: pl.DataFrame, found: pl.DataFrame, on: pl.DataFrame, key: list[str], pool: float) -> pl.DataFrame:
    """What was found of each that is asked for and what it leans on, weighed by the points behind it."""
    both = asked.join(
        found,
        on=asked.select(pl.exclude("family") if "item" in asked.columns else pl.all()).columns,
        how="left",
        nulls_equal=True,
    ).join(on.select(*key, there=LISTED, mean_there="mean"), on=key, how="left", nulls_equal=True)
    n = pl.col("n").fill_null(0.0)
    own = pl.when(n > 0).then(n / (n + pool)).otherwise(0.0)
    return both.with_columns(
        n=n,
        mean=pl.col("mean").fill_null(0.0) * own + pl.col("mean_there") * (1.0 - own),
        **{LISTED: pl.coalesce(pl.col(LISTED), "there") * own + pl.col("there") * (1.0 - own)},
    ).drop("there", "mean_there")
