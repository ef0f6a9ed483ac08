"""Figures and tables of a page: charts with alternative text, tables with captions, everything from data escaped."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Callable, Mapping
from datetime import date
from html import escape
from typing import TYPE_CHECKING, Any

import polars as pl

from soe_lib.errors import PackError
from soe_lib.review import words

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Format = str | Callable[[Any], str]
SCREEN = 96
SHARP = 2
COLOURS = 128
EMPTY = "–"


def figure(chart: Figure, alt: str, *, title: str = "") -> None:
    """Show a chart at twice the screen's resolution, with the alternative text that says what it finds.

    Parameters
    ----------
    chart : a matplotlib Figure; the same figure gives the same bytes.
    alt : one sentence with the chart's finding, for who cannot see it.
    title : the finding as the chart has it, repeated above it on a phone, where the chart scrolls sideways.

    Errors
    ------
    PackError : the alternative text is empty.
    """
    if not alt.strip():
        raise PackError("show.figure: the alternative text is empty; say in one sentence what the chart shows.")
    picture = io.BytesIO()
    chart.savefig(picture, format="png", dpi=SCREEN * SHARP, metadata={"Software": None})
    data = {
        "image/png": base64.b64encode(_small(picture)).decode("ascii"),
        "text/plain": f"Chart: {alt}",
    }
    wide, high = (round(inches * SCREEN) for inches in chart.get_size_inches())
    named = {"title": title} if title else {}
    _display(data, {"image/png": {"alt": alt, "width": wide, "height": high, **named}})


def _small(picture: io.BytesIO) -> bytes:
    """The picture in as many colours as a chart has: a third of the bytes, and nobody sees the difference."""
    from PIL import Image

    small = io.BytesIO()
    with Image.open(picture) as whole:
        flat = whole.convert("RGB").quantize(COLOURS, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
        flat.save(small, "PNG", optimize=True)
    return small.getvalue()


def table(
    frame: pl.DataFrame,
    caption: str,
    *,
    formats: Mapping[str, Format] | None = None,
    labels: Mapping[str, str] | None = None,
    note: str = "",
    rows: int = 40,
    header: str | None = None,
    strong: pl.Expr | None = None,
) -> None:
    """Show a frame as a table: caption above, numbers to the right, long tables cut with a count of what is left out.

    Parameters
    ----------
    frame : one row per line, in the order to be shown.
    caption : what the table shows; also its name for screen readers.
    formats : column → "money", "cents", "number", "percent", "date", "text", a format such as ",.1f", or a function of
        one value; a column without one is shown by its type.
    labels : column → heading; a column without one is shown as its name, with spaces and a capital.
    note : a line below the table, for definitions and sources.
    rows : the most lines to show.
    header : the column that names its row (by default the first, if it is text).
    strong : which lines to show bold, a total say.

    Errors
    ------
    PackError : a format, label or header names no column, or the caption is empty.
    """
    html = table_html(
        frame, caption, formats=formats, labels=labels, note=note, rows=rows, header=header, strong=strong
    )
    _display({"text/html": html, "text/plain": f"{caption}\n{frame}"}, {})


def table_html(
    frame: pl.DataFrame,
    caption: str,
    *,
    formats: Mapping[str, Format] | None = None,
    labels: Mapping[str, str] | None = None,
    note: str = "",
    rows: int = 40,
    header: str | None = None,
    strong: pl.Expr | None = None,
) -> str:
    """The HTML of `table`: no style of its own, no random id, every text escaped."""
    _check(frame, caption, {**(formats or {}), **(labels or {})}, header)
    first = frame.columns[0] if frame.width else None
    named = header if header is not None else first if first and frame.schema[first] == pl.String else None
    shown = frame.head(rows)
    numeric = [column for column, kind in frame.schema.items() if kind.is_numeric()]
    wanted = formats or {}
    cells = [_column(shown[name], wanted.get(name), tag="th" if name == named else "td") for name in frame.columns]
    bold = shown.select(strong.alias("strong")).to_series().fill_null(False).to_list() if strong is not None else []
    marks = [' class="strong"' if mark else "" for mark in bold] or [""] * shown.height
    lines = zip(marks, zip(*cells, strict=True), strict=True)
    body = "".join(f"<tr{mark}>{''.join(line)}</tr>" for mark, line in lines)
    head = "".join(
        f'<th scope="col"{_side(name in numeric)}>{escape((labels or {}).get(name, _heading(name)))}</th>'
        for name in frame.columns
    )
    left_out = f"The first {rows:,} of {frame.height:,} rows. " if frame.height > rows else ""
    below = f'<p class="note">{escape(left_out + note).strip()}</p>' if left_out or note else ""
    nothing = f'<tr><td colspan="{max(frame.width, 1)}">Nothing to show.</td></tr>' if frame.is_empty() else ""
    return (
        f'<table id="{identifier(caption)}" class="data"><caption>{escape(caption)}</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{body}{nothing}</tbody></table>{below}"
    )


def identifier(caption: str) -> str:
    """The id of a table from its caption: always the same, so that two runs give the same page."""
    plain = re.sub(r"[^a-z0-9]+", "-", caption.lower()).strip("-")
    return f"table-{plain[:60]}"


def _heading(name: str) -> str:
    """A column's name as a heading: "gap_value" → "Gap value"."""
    plain = name.replace("_", " ")
    return plain[:1].upper() + plain[1:]


def _check(frame: pl.DataFrame, caption: str, named: Mapping[str, object], header: str | None) -> None:
    from soe_lib.pack.notebooks import nearest

    if not caption.strip():
        raise PackError("show.table: the caption is empty; say what the table shows.")
    for name in [*named, *([header] if header else [])]:
        if name not in frame.columns:
            raise PackError(f"show.table {caption!r}: there is no column {name!r}; {nearest(name, frame.columns)}.")


def _column(values: pl.Series, wanted: Format | None, *, tag: str) -> list[str]:
    """The cells of one column as HTML."""
    kind: Format = wanted if wanted is not None else _default(values.dtype)
    side = _side(values.dtype.is_numeric())
    scope = ' scope="row"' if tag == "th" else ""
    return [f"<{tag}{scope}{side}>{escape(_text(value, kind))}</{tag}>" for value in values.to_list()]


def _side(right: bool) -> str:
    return ' class="number"' if right else ""


def _default(kind: pl.DataType) -> str:
    if kind.is_integer():
        return "number"
    return ",.1f" if kind.is_numeric() else "date" if kind == pl.Date else "text"


def _text(value: Any, kind: Format) -> str:
    """One value as a reader sees it; a dash where there is none."""
    if value is None or value != value:
        return EMPTY
    if callable(kind):
        return kind(value)
    if kind in {"money", "number"}:
        return words.number(value)
    if kind == "cents":
        return words.number(value, decimals=2)
    if kind == "percent":
        return words.percent(value, decimals=1)
    if kind == "date":
        return words.full_day(value if isinstance(value, date) else date.fromisoformat(str(value)[:10]))
    if kind == "text":
        return ("yes" if value else "no") if isinstance(value, bool) else str(value)
    return _signed(format(value, kind))


def _signed(figure: str) -> str:
    """A true minus sign, and none on a figure that was rounded to zero."""
    if not figure.startswith("-"):
        return figure
    return f"{words.MINUS}{figure[1:]}" if re.search(r"[1-9]", figure) else figure[1:]


def _display(data: Mapping[str, str], metadata: Mapping[str, Any]) -> None:
    from IPython.display import display

    display(dict(data), raw=True, metadata=dict(metadata))
