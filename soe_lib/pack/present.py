"""One way to show whatever a review hands over: a chart, a table, a sentence."""

from __future__ import annotations

from html import escape

from soe_lib.errors import PackError
from soe_lib.pack import show as pages
from soe_lib.review.charts.chart import Chart
from soe_lib.review.tables import Table

Shown = Chart | Table | str


def show(*things: Shown) -> None:
    """Show charts with their alternative text, tables with their captions, and texts as paragraphs, in this order.

    Raises PackError for anything else; the message says what to write instead.
    """
    for thing in things:
        if isinstance(thing, Chart):
            pages.figure(thing.figure, thing.alt, title=thing.title)
        elif isinstance(thing, Table):
            pages.table(
                thing.frame, thing.caption, formats=thing.formats, note=thing.note, rows=thing.rows, strong=thing.strong
            )
        elif isinstance(thing, str):
            say(thing)
        else:
            raise PackError(f"soe.show cannot show a {type(thing).__name__}: {_instead(thing)}.")


def _instead(thing: object) -> str:
    """What to write for something that lacks a caption or a finding, or that makes what can be shown."""
    name = type(thing).__name__
    if name in ("DataFrame", "LazyFrame", "Series"):
        return 'a table needs a caption. Write soe.table(frame, "what it shows"), with a polars frame'
    if name == "Figure":
        return 'a chart needs its finding in words. Write soe.figure(figure, "what it finds")'
    makers = [f".{one}()" for one in ("table", "chart") if callable(getattr(thing, one, None))]
    if makers:
        return f"show what it makes by {' or '.join(makers)}"
    return "it shows charts, tables and sentences. Print it, or write it as a sentence"


def say(text: str) -> None:
    """Show a computed sentence as a paragraph; whatever comes from data is escaped."""
    from IPython.display import display

    display({"text/html": f'<p class="finding">{escape(text)}</p>', "text/plain": text}, raw=True)
