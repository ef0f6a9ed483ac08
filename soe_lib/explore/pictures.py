"""The charts of an answer, as drawings that a page holds; made only when they are looked at."""

from __future__ import annotations

import io
import threading
from html import escape
from typing import TYPE_CHECKING, NamedTuple

import polars as pl

from soe_lib.explore.answer import Answer
from soe_lib.explore.trial import NO_CHANGE
from soe_lib.money.bridge import Bridge

if TYPE_CHECKING:
    from soe_lib.review.charts import Chart

STYLE = {"svg.fonttype": "none", "svg.hashsalt": "soe"}
PEN = threading.RLock()
"""Held while a chart is drawn: the drawing of one thread changes settings that another one's would read."""


class Picture(NamedTuple):
    """A drawn chart: SVG, its finding, and its figures in words."""

    svg: str
    title: str
    alt: str

    @property
    def html(self) -> str:
        """The chart as a figure, with words for who cannot see it."""
        label = escape(self.alt, quote=True)
        return f'<figure class="chart" role="img" aria-label="{label}">{self.svg}</figure>'


def load(answer: Answer) -> Picture | None:
    """How full each line is, week by week; None without a plan."""
    from soe_lib.review.charts import load_heatmap
    from soe_lib.review.frames import line_load

    if answer.plan is None or answer.snapshot is None:
        return None
    return drawn(load_heatmap(line_load(answer.snapshot, answer.plan)))


def stock(answer: Answer) -> Picture | None:
    """How each stock runs against its safety stock, the most pressing first; None without a plan."""
    from soe_lib.review.charts import projected_stock
    from soe_lib.review.frames import projected_stock as project

    if answer.plan is None or answer.snapshot is None:
        return None
    return drawn(projected_stock(project(answer.snapshot, answer.plan), as_of=answer.snapshot.as_of))


def walk(made: Bridge, currency: str) -> Picture:
    """A bridge as a waterfall."""
    from soe_lib.review.charts import bridge
    from soe_lib.review.pages.statements import bridge_frame

    named = pl.col("label").replace(NO_CHANGE, "base")  # a title says "below the base"
    return drawn(bridge(bridge_frame(made).with_columns(named), currency, what="margin"))


def drawn(chart: Chart) -> Picture:
    """A chart as SVG without its prologue; its letters stay letters, which is smaller and quicker than outlines."""
    import matplotlib as mpl

    picture = io.StringIO()
    with PEN, mpl.rc_context(STYLE):  # type: ignore[arg-type]
        chart.figure.savefig(picture, format="svg", metadata={"Date": None, "Creator": None})
    text = picture.getvalue()
    return Picture(text[text.index("<svg") :], chart.title, chart.alt)
