"""The charts of an answer as PNG bytes, drawn only when they are looked at."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, NamedTuple

from soe_lib.explore.answer import Answer

if TYPE_CHECKING:
    from soe_lib.review.charts import Chart


class Picture(NamedTuple):
    """A drawn chart: PNG bytes, its width on the screen [pixels], and its finding in words."""

    png: bytes
    width: int
    alt: str


SHARP = 2
SCREEN = 96


def load(answer: Answer) -> Picture | None:
    """How full each line is, week by week; None without a plan."""
    from soe_lib.review.charts import load_heatmap
    from soe_lib.review.frames import line_load

    if answer.plan is None or answer.snapshot is None:
        return None
    return _drawn(load_heatmap(line_load(answer.snapshot, answer.plan)))


def stock(answer: Answer) -> Picture | None:
    """How each stock runs against its safety stock, the most pressing first; None without a plan."""
    from soe_lib.review.charts import projected_stock
    from soe_lib.review.frames import projected_stock as project

    if answer.plan is None or answer.snapshot is None:
        return None
    return _drawn(projected_stock(project(answer.snapshot, answer.plan), as_of=answer.snapshot.as_of))


def _drawn(chart: Chart) -> Picture:
    picture = io.BytesIO()
    chart.figure.savefig(picture, format="png", dpi=SCREEN * SHARP, metadata={"Software": None})
    return Picture(picture.getvalue(), round(chart.figure.get_size_inches()[0] * SCREEN), chart.alt)
