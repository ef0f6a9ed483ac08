"""Whether the plants made what the plan said, in volume and in mix."""

from __future__ import annotations

import polars as pl

from soe_lib.review.score import Band, Score, insufficient, known

ADHERENCE_BAND = Band(good=(0.95, 1.0), watch=(0.85, 1.0))


def capped_share(frame: pl.DataFrame) -> float | None:
    """Σ min(done, scheduled) ÷ Σ scheduled; None where nothing was scheduled."""
    sums = frame.select(
        met=pl.min_horizontal("done", "scheduled").clip(lower_bound=0.0).sum(),
        scheduled=pl.col("scheduled").sum(),
    )
    scheduled = float(sums["scheduled"][0])
    return float(sums["met"][0]) / scheduled if scheduled > 0 else None


def schedule_attainment(frame: pl.DataFrame, *, band: Band = ADHERENCE_BAND) -> Score:
    """Share of the scheduled work that was done on time; work beyond the schedule earns nothing.

    Formula: Σ min(done on time, scheduled) ÷ Σ scheduled, row by row, so never above 100 % (SCOR, "schedule
    achievement"). It sees volume only: read it beside mix adherence.

    Parameters
    ----------
    frame : scheduled, done [units or hours, one of them throughout]; one row per resource and day or week.
    band : shares at which it is good, to be watched, or to be acted on.
    """
    share = capped_share(frame)
    if share is None:
        return insufficient("Schedule attainment", "%", "nothing was scheduled")
    text = "Σ min(done, scheduled) ÷ Σ scheduled by line and period; never above 100 %."
    return known("Schedule attainment", share, "%", text, band=band)


def mix_adherence(frame: pl.DataFrame, *, band: Band = ADHERENCE_BAND) -> Score:
    """Share of the plan made item by item: the right volume of the wrong items scores low.

    Formula: Σ_i min(A_i, P_i) ÷ Σ_i P_i.

    Parameters
    ----------
    frame : item, scheduled (P), done (A) [units]; rows of one item are added up first.
    band : shares at which it is good, to be watched, or to be acted on.
    """
    share = capped_share(frame.group_by("item").agg(pl.col("scheduled", "done").sum()))
    if share is None:
        return insufficient("Mix adherence", "%", "nothing was scheduled")
    return known("Mix adherence", share, "%", "Σ min(made, planned) ÷ Σ planned by item.", band=band)
