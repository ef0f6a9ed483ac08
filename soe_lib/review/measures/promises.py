"""Measures of promises: how many were kept when their day came, and how many the plan keeps."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from soe_lib.review import words
from soe_lib.review.frames.promises import LEAST, kept_so_far
from soe_lib.review.measures import Band, Measure, Reading, add

if TYPE_CHECKING:
    from soe_lib.review.week import Week

KEPT = Band(good=(0.98, 1.0), watch=(0.9, 1.0))


def promises_kept(situation: Week) -> Reading:
    """Share of the promises whose day is over that were served in full by it."""
    told = kept_so_far(situation.promises, situation.snapshot).drop_nulls("kept")
    if told.is_empty():
        return Reading(None)
    late = told.filter(~pl.col("kept"))["delivery"].to_list()
    said = f"; not {words.listing(late, limit=3)}" if late else ""
    text = (
        f"{told.height - len(late)} of {words.count(told.height, 'promise')} whose day is over, by actual sales{said}."
    )
    return Reading(1.0 - len(late) / told.height, text)


def promises_planned(situation: Week) -> float | None:
    """Share of the promises that are still to come that the plan has in full on their day."""
    rows = situation.plan.flows.get("unkept")
    return None if rows is None or rows.is_empty() else float((rows["quantity"] <= LEAST).mean())  # type: ignore[arg-type]


add(
    Measure(
        "promises_kept", "Promises kept",
        "Promises whose day is over and that were served in full by it ÷ all whose day is over.", "share", 1,
        promises_kept, KEPT, reads="week", why="no promise was due so far", on={"demand_review": 20},
        when=lambda situation: situation.promises.height > 0,
    ),
    Measure(
        "promises_planned", "Promises that the plan keeps",
        "Promises still to come that the plan has in full on their day ÷ all that are still to come.", "share", 1,
        promises_planned, KEPT, reads="week", why="no promise is to come", on={"demand_review": 21},
        when=lambda situation: situation.promises.height > 0,
    ),
)  # fmt: skip
