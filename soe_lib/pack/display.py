"""What a notebook calls: charts, tables and sentences shown, and its findings published."""

from __future__ import annotations

import base64
import dataclasses
import io
import json
import math
import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from soe_lib.errors import PackError, advice
from soe_lib.pack.run_notebook import NAME
from soe_lib.review import words
from soe_lib.review.style import Chart
from soe_lib.review.tables import Table
from soe_lib.workspace import write

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

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> soe.pack.figure(Figure(), alt="An empty chart, to show the call.")
    {'image/png': ...
    """
    if not alt.strip():
        raise PackError("show.figure: the alternative text is empty; say in one sentence what the chart shows.")
    data = {
        "image/png": base64.b64encode(_small(chart)).decode("ascii"),
        "text/plain": f"Chart: {alt}",
    }
    wide, high = (round(inches * SCREEN) for inches in chart.get_size_inches())
    named = {"title": title} if title else {}
    _display(data, {"image/png": {"alt": alt, "width": wide, "height": high, **named}})


def _small(chart: Figure) -> bytes:
    """The picture in as many colours as a chart has: a third of the bytes, and nobody sees the difference."""
    from PIL import Image

    drawn, small = io.BytesIO(), io.BytesIO()
    chart.savefig(drawn, format="rgba", dpi=SCREEN * SHARP)  # as it is drawn: what is packed twice is unpacked once
    wide, high = (int(inches * SCREEN * SHARP) for inches in chart.get_size_inches())
    whole = Image.frombytes("RGBA", (wide, high), drawn.getvalue()).convert("RGB")
    flat = whole.quantize(COLOURS, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
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

    Examples
    --------
    >>> soe.pack.table(soe.plan(small)["make"].select("week", "item", "quantity"), "What is made")
    {'text/html': '<table ...
    """
    html = table_html(
        frame, caption, formats=formats, labels=labels, note=note, rows=rows, header=header, strong=strong
    )
    _display({"text/html": html, "text/plain": f"{caption}\n{frame}"})


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
    if not caption.strip():
        raise PackError("show.table: the caption is empty; say what the table shows.")
    for name in [*named, *([header] if header else [])]:
        if name not in frame.columns:
            raise PackError(f"show.table {caption!r}: there is no column {name!r}. {advice(name, frame.columns)}")


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


def _display(data: Mapping[str, str], metadata: Mapping[str, Any] | None = None) -> None:
    from IPython.display import display

    display(dict(data), raw=True, metadata=dict(metadata or {}))


Shown = Chart | Table | str


def show(*things: Shown) -> None:
    """Show charts with their alternative text, tables with their captions, and texts as paragraphs, in this order.

    Raises PackError for anything else; the message says what to write instead.

    Examples
    --------
    >>> soe.show("The line is full in both weeks.")
    {'text/html': '<p class="finding">The line is full in both weeks.</p>', 'text/plain': 'The line is full in both
    weeks.'}
    """
    for thing in things:
        if isinstance(thing, Chart):
            figure(thing.figure, thing.alt, title=thing.title)
        elif isinstance(thing, Table):
            table(
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
        return 'a table needs a caption. Write soe.pack.table(frame, "what it shows"), with a polars frame'
    if name == "Figure":
        return 'a chart needs its finding in words. Write soe.pack.figure(figure, "what it finds")'
    makers = [f".{one}()" for one in ("table", "chart") if callable(getattr(thing, one, None))]
    if makers:
        return f"show what it makes by {' or '.join(makers)}"
    return "it shows charts, tables and sentences. Print it, or write it as a sentence"


def say(text: str) -> None:
    """Show a computed sentence as a paragraph; whatever comes from data is escaped.

    Examples
    --------
    >>> soe.pack.say(f"The plan earns EUR {soe.plan(small).margin:,.2f}.")
    {'text/html': '<p class="finding">The plan earns EUR 840.00.</p>', 'text/plain': 'The plan earns EUR 840.00.'}
    """
    _display({"text/html": f'<p class="finding">{escape(text)}</p>', "text/plain": text})


STATES = ("good", "watch", "act", "unknown")
SCORE = {"name": "", "value": None, "unit": "", "text": "", "shown": "", "delta": "", "state": "unknown", "side": ""}
DECISION = {
    "title": "", "why": "", "money": None, "currency": "", "service": "", "deadline": "",
    "owner": "", "doing_nothing": "", "hand_up": "", "page": "", "anchor": "", "key": "", "memory": "", "options": (),
}  # fmt: skip
OPTION = dict.fromkeys(
    ("option", "margin", "goodwill", "shortage", "other", "service", "stock", "churn", "verdict", "note"), ""
)
ACTION = {
    "title": "", "option": "", "owner": "", "due": "", "promised": None, "realised": None, "state": "", "evidence": "",
}  # fmt: skip
CHECK = {"name": "", "ok": None, "detail": "", "state": ""}
NUMBERS = ("value", "money", "promised", "realised")
Entry = Mapping[str, Any] | object


def publish(
    results: str | Path,
    *,
    page: str = "",
    title: str,
    headline: str,
    scores: Iterable[Entry] = (),
    decisions: Iterable[Entry] = (),
    checks: Iterable[Entry] = (),
    assumptions: Iterable[str] = (),
    actions: Iterable[Entry] = (),
) -> None:
    """Hand a review's findings to the weekly pack; run by hand (blank `results`), show them instead.

    Parameters
    ----------
    results : the folder that the weekly pack collects from; blank when the notebook is run by hand.
    page : the notebook's name; in a pack it may be left out. title : the page's heading.
    headline : what the page found, in one or two sentences.
    scores : name, value, unit, text (what it means), state (good, watch, act, unknown), delta, shown (the figure as
        text; computed where blank). Scores whose name starts with "Margin" lead the cover.
    decisions : title, why, money and currency, service, deadline (ISO date), owner, doing_nothing (what happens then),
        hand_up (who decides, such as "S&OP", where it is not this meeting's),
        anchor (the section of the page that shows the options, see `review.words.anchor`), key (the exception's name
        from week to week), memory (how long it has been open), options (texts: option, margin, goodwill, shortage,
        other, service, stock, churn, verdict, note).
    actions : title, option, owner, due, promised, realised, state, evidence: what came of the last meeting's decisions.
    checks : name, ok, detail. One check that is not ok stops the whole pack.
    assumptions : sentences listed in the pack.

    Errors
    ------
    PackError : a field that is missing, unknown, of the wrong kind, or not a finite number.

    Examples
    --------
    >>> soe.publish("", page="our_review", title="Our review", headline="The line is full.")
    {'text/html': '<p><b>Our review.</b> The line is full.</p><table></table>'}
    """
    from soe_lib.solver.budget import TALLY

    said = document(
        page=page or os.environ.get("SOE_PAGE", "review"),
        title=title,
        headline=headline,
        scores=scores,
        decisions=decisions,
        checks=checks,
        assumptions=assumptions,
        actions=actions,
        proof=TALLY.text,
    )
    if not str(results).strip():
        _display({"text/html": summary(said)})
        return
    folder = Path(results)
    folder.mkdir(parents=True, exist_ok=True)
    write(folder / f"{said['page']}.json", json.dumps(said, indent=1, ensure_ascii=False, allow_nan=False))


def document(
    *,
    page: str,
    title: str,
    headline: str,
    scores: Iterable[Entry] = (),
    decisions: Iterable[Entry] = (),
    checks: Iterable[Entry] = (),
    assumptions: Iterable[str] = (),
    actions: Iterable[Entry] = (),
    proof: str = "",
) -> dict[str, Any]:
    """The checked content of a page's JSON file; `proof` says how far the plans that it made are proven."""
    if not NAME.match(page):
        raise PackError(f"publish: page is {page!r}; give the notebook's name: small letters, digits and _.")
    for name, text in (("title", title), ("headline", headline)):
        if not isinstance(text, str) or not text.strip():
            raise PackError(f"publish on {page}: {name} is empty; say what the page found.")
    return {
        "page": page,
        "title": title,
        "headline": headline,
        "scores": [_score(page, entry) for entry in scores],
        "decisions": [_decision(page, entry) for entry in decisions],
        "checks": [_check_publish(page, entry) for entry in checks],
        "assumptions": [str(text) for text in assumptions],
        "actions": [_entry(page, "action", entry, ACTION, needed=("title",)) for entry in actions],
        "proof": str(proof),
    }


def read(path: Path) -> dict[str, Any]:
    """A page's JSON file, checked again: it may have been written by other means than `publish`.

    Errors
    ------
    PackError : the file is not valid.
    """
    try:
        said = json.loads(path.read_bytes())
        if said.get("page") != path.stem:
            raise PackError(f"{path.name} says that its page is {said.get('page')!r}; it must be {path.stem!r}.")
        return document(**said)
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise PackError(f"{path.name} is not what soe.publish writes ({error}). Publish with soe.publish.") from error


def shown(score: Mapping[str, Any]) -> str:
    """A score's figure as a reader sees it: "93.1 %", "EUR 40,200", "12 days"; "not known" without a figure."""
    if score["shown"]:
        return str(score["shown"])
    value, unit = score["value"], str(score["unit"])
    if value is None:
        return words.UNKNOWN
    if unit == "%":
        return words.percent(value, decimals=1)
    if len(unit) == 3 and unit.isupper():
        return words.money(value, unit)
    figure = words.number(value, decimals=0 if float(value).is_integer() or abs(value) >= 1000 else 1)
    return f"{figure}{words.HARD_SPACE}{unit}" if unit else figure


def _score(page: str, entry: Entry) -> dict[str, Any]:
    score = _entry(page, "score", entry, SCORE, needed=("name",))
    if score["state"] not in STATES:
        raise PackError(
            f"publish on {page}: score {score['name']!r} has state {score['state']!r}; use one of {', '.join(STATES)}."
        )
    return score | {"shown": shown(score)}


def _decision(page: str, entry: Entry) -> dict[str, Any]:
    decision = _entry(page, "decision", entry, DECISION, needed=("title",))
    if decision["deadline"]:
        try:
            date.fromisoformat(decision["deadline"])
        except ValueError:
            raise PackError(
                f"publish on {page}: decision {decision['title']!r} has the deadline {decision['deadline']!r}; "
                "give an ISO date such as 2026-11-18, or leave it blank."
            ) from None
    options = [_entry(page, "option", one, OPTION, needed=("option",)) for one in decision["options"]]
    return decision | {"page": decision["page"] or page, "options": options}


def _check_publish(page: str, entry: Entry) -> dict[str, Any]:
    check = _entry(page, "check", entry, CHECK, needed=("name",))
    if not isinstance(check["ok"], bool):
        raise PackError(f"publish on {page}: check {check['name']!r} has ok = {check['ok']!r}; give True or False.")
    return check


def _entry(page: str, kind: str, entry: Entry, fields: Mapping[str, Any], *, needed: Sequence[str]) -> dict[str, Any]:
    """One score, decision or check as a plain dictionary with all its fields."""
    given = _as_dict(entry)
    if given is None:
        raise PackError(f"publish on {page}: a {kind} is a {type(entry).__name__}; give a dictionary or a dataclass.")
    for name in given:
        if name not in fields:
            known = advice(str(name), fields)
            raise PackError(f"publish on {page}: a {kind} has the unknown field {name!r}. {known}")
    whole = {name: _value(page, kind, name, given.get(name, default)) for name, default in fields.items()}
    for name in needed:
        if not whole[name]:
            raise PackError(f"publish on {page}: a {kind} has no {name}.")
    return whole


def _as_dict(entry: Entry) -> Mapping[str, Any] | None:
    if isinstance(entry, Mapping):
        return entry
    if callable(told := getattr(entry, "as_dict", None)):
        found = told()
        return found if isinstance(found, Mapping) else None
    if dataclasses.is_dataclass(entry) and not isinstance(entry, type):
        return dataclasses.asdict(entry)
    return None


def _value(page: str, kind: str, name: str, value: Any) -> Any:
    """A field as JSON takes it: numbers finite, dates as ISO text, everything else text."""
    if name == "options":
        return list(value or ())
    if name == "ok":
        return bool(value) if type(value).__name__ in {"bool", "bool_"} else value
    if name in NUMBERS:
        if value is None:
            return None
        try:
            number = float(value)
        except (TypeError, ValueError):
            raise PackError(f"publish on {page}: a {kind} has {name} = {value!r}; give a number or None.") from None
        if not math.isfinite(number):
            raise PackError(f"publish on {page}: a {kind} has {name} = {value!r}; say None where it is not known.")
        return number
    if value is None:
        return ""
    return value.isoformat() if isinstance(value, date) else str(value)


def summary(said: Mapping[str, Any]) -> str:
    """A compact view of what would be published, for a notebook run by hand."""
    rows = [
        *(("score", score["name"], f"{score['shown']} · {score['state']}") for score in said["scores"]),
        *(("decision", decision["title"], decision["why"]) for decision in said["decisions"]),
        *(
            ("check", check["name"], check["state"] or "ok" if check["ok"] else f"FAILED {check['detail']}")
            for check in said["checks"]
        ),
        *(("assumed", text, "") for text in said["assumptions"]),
    ]
    body = "".join(
        f'<tr><th scope="row">{kind}</th><td>{escape(name)}</td><td>{escape(text)}</td></tr>'
        for kind, name, text in rows
    )
    return f"<p><b>{escape(said['title'])}.</b> {escape(said['headline'])}</p><table>{body}</table>"
