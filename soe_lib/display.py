"""How the library's objects look in a notebook: a sentence, and a table of what they hold."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl

ROWS = 40
"""Rows of a table; the rest is counted."""


def html(head: str, frame: pl.DataFrame | None = None, *, digits: int = 2) -> str:
    """A sentence above a table, escaped; numbers with thousands separators and never in powers of ten.

    Parameters
    ----------
    head : the sentence; line breaks stay. frame : the table. digits : decimals of its numbers.
    """
    said = f"<p>{escape(head).replace(chr(10), '<br>')}</p>"
    if frame is None or frame.is_empty():
        return said
    columns = {name: dtype.is_numeric() for name, dtype in frame.schema.items()}
    align = {name: "right" if number else "left" for name, number in columns.items()}
    titles = "".join(f'<th style="text-align: {align[name]}">{escape(name)}</th>' for name in columns)
    body = "".join(
        "<tr>"
        + "".join(f'<td style="text-align: {align[name]}">{_cell(value, digits)}</td>' for name, value in row.items())
        + "</tr>"
        for row in frame.head(ROWS).iter_rows(named=True)
    )
    more = f"<p>… and {frame.height - ROWS:,} more rows.</p>" if frame.height > ROWS else ""
    return f"{said}<table><thead><tr>{titles}</tr></thead><tbody>{body}</tbody></table>{more}"


def _cell(value: object, digits: int) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return escape(f"{round(value, digits) + 0.0:,.{digits}f}")
    return escape(f"{value:,}" if isinstance(value, int) else str(value))
