"""How full the lines are, and how well they ran."""

from __future__ import annotations

import polars as pl

from soe_lib.review.score import Band, Score, insufficient, known

OEE_BAND = Band(good=(0.75, 1.0), watch=(0.60, 1.0))


def capacity_load(work: pl.DataFrame, hours: pl.DataFrame) -> pl.DataFrame:
    """Hours needed against hours there are, by resource and period (rough-cut capacity planning).

    Formula: load = Σ (quantity × hours_per_unit + setups × setup_hours) ÷ available hours. Above 1: more than
    the regular hours. Null where no hours are available; `used` then says how many were asked for all the same.

    Parameters
    ----------
    work : resource, period, quantity [units], hours_per_unit [h/unit]; setups [number], setup_hours [h each], where
        there are some.
    hours : resource, period, hours [h available], one row each.

    Returns
    -------
    resource, period, used [h], available [h], load [ratio], for every row of either table.
    """
    hours_of = pl.col("quantity") * pl.col("hours_per_unit")
    if {"setups", "setup_hours"} <= set(work.columns):
        hours_of += (pl.col("setups") * pl.col("setup_hours")).fill_null(0.0)
    used = work.group_by("resource", "period").agg(used=hours_of.sum())
    there = hours.select("resource", "period", available=pl.col("hours"))
    both = there.join(used, on=["resource", "period"], how="full", coalesce=True, validate="1:1").fill_null(0.0)
    load = pl.when(pl.col("available") > 0).then(pl.col("used") / pl.col("available"))
    return both.select("resource", "period", "used", "available", load=load).sort("resource", "period")


def oee(
    *,
    planned_hours: float,
    run_hours: float,
    made: float,
    good: float,
    units_per_hour: float,
    band: Band = OEE_BAND,
) -> Score:
    """Share of the planned time in which good units were made at full speed.

    Formula: availability × performance × quality, with availability = run ÷ planned hours, performance =
    made ÷ (run hours × units_per_hour), quality = good ÷ made (Nakajima, Introduction to TPM, 1988).

    Parameters
    ----------
    planned_hours, run_hours : hours planned to run, and run [h].
    made, good : units made in all, and those good the first time [units].
    units_per_hour : the ideal rate [units/h].
    band : shares at which it is good, to be watched, or to be acted on.
    """
    if min(planned_hours, run_hours, made, units_per_hour) <= 0:
        return insufficient("OEE", "%", "no hours were run or nothing was made")
    availability = run_hours / planned_hours
    performance = made / (run_hours * units_per_hour)
    text = "Availability × performance × quality: " + " × ".join(
        f"{factor:.1%}" for factor in (availability, performance, good / made)
    )
    return known("OEE", availability * performance * good / made, "%", text, band=band)
