"""One way to show whatever a review hands over: a chart, a table, a sentence."""

from __future__ import annotations

from html import escape

from soe_lib.pack import show as pages
from soe_lib.review.charts.chart import Chart
from soe_lib.review.tables import Table

Shown = Chart | Table | str


def show(*things: Shown) -> None:
    """Show charts with their alternative text, tables with their captions, and texts as paragraphs, in this order."""
    for thing in things:
        if isinstance(thing, Chart):
            pages.figure(thing.figure, thing.alt, title=thing.title)
        elif isinstance(thing, Table):
            pages.table(
                thing.frame, thing.caption, formats=thing.formats, note=thing.note, rows=thing.rows, strong=thing.strong
            )
        else:
            say(thing)


def say(text: str) -> None:
    """Show a computed sentence as a paragraph; whatever comes from data is escaped."""
    from IPython.display import display

    display({"text/html": f'<p class="finding">{escape(text)}</p>', "text/plain": text}, raw=True)
