"""Answers as HTML: the strip of figures, what moved, money, the trials so far; every name of the data escaped."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from soe_lib.errors import SoeError
from soe_lib.explore.answer import NAMES, Answer, Kpi
from soe_lib.explore.trial import NO_CHANGE
from soe_lib.pack.display import Format, table_html
from soe_lib.review import words

if TYPE_CHECKING:
    from soe_lib.model.watch import Progress

LOG = logging.getLogger(__name__)
CSS = (Path(__file__).parent / "style.css").read_text(encoding="utf-8")
"""The workbench's own style: dark ink on white, or what the theme of the page it stands in has for them."""

WORDS = {
    "make": "Make", "buy": "Buy", "ship": "Ship", "sell": "Sell", "short": "Leave short", "overtime": "Overtime, hours"
}  # fmt: skip
ROWS = 14


def block(inner: str) -> str:
    """A piece of the workbench in its own style."""
    return f'<div class="soe-bench">{inner}</div>'


def head(company: str, as_of: str, answer: Answer) -> str:
    """The title: whose week it is, and how large the program is."""
    size = answer.plan.solution if answer.plan else {}
    quantities = words.count(float(size.get("variables", 0)), "quantity")
    proven = "has a stated proof" if size.get("status") == "feasible" else "is proven optimal"
    text = f"Each answer {proven} over {quantities} and compared with this week's plan."
    return block(f"<h3>{escape(company)}, as of {escape(as_of)}</h3><p>{escape(text)}</p>")


def strip(answer: Answer, note: str = "") -> str:
    """The figures of an answer with their differences to the base, and where the time went."""
    if not answer.ok:
        return refused(_refusal(answer))
    tiles = "".join(tile(kpi, answer.currency) for kpi in answer.kpis)
    title = "This week's plan" if answer.name == NO_CHANGE else answer.name[:1].upper() + answer.name[1:]
    spent = answer.seconds
    parts = f"edit {spent.edit:.3f}, build {spent.assemble:.3f}, solve {spent.solve:.3f}, read {spent.read:.3f} s"
    time = f'<p class="seconds" title="{parts}">{escape(note or str(spent))}</p>'
    body = f'<div class="title">{escape(title)}</div><div class="tiles">{tiles}</div>{time}'
    return block(f'<div role="status" aria-live="polite">{body}</div>')


def progress(found: Progress, seconds: float, currency: str, behind: str = "") -> str:
    """How far a long run is: its seconds, its steps, and of whole numbers the best plan so far and its gap."""
    text = f"Planning, {words.number(seconds)} s"
    if found.iterations:
        text += f"; {words.count(found.iterations, 'node' if found.whole else 'iteration')}"
    if found.incumbent is not None:
        text += f"; best so far {words.money(found.incumbent, currency)}"
    if found.gap is not None:
        text += f", at most {words.percent(found.gap, decimals=2)} off the best there is"
    text += f"; {behind}" if behind else ""
    return block(f'<p class="running" role="status">{escape(text)}.</p>')


def refused(message: str) -> str:
    """Why there is no answer, as a message."""
    return block(f'<div class="refused" role="alert">{escape(message)}</div>')


def fault(error: Exception) -> str:
    """What went wrong, in words; a fault of ours is logged too, as a callback's traceback reaches nobody."""
    if isinstance(error, SoeError):
        return str(error)
    LOG.error("the workbench could not do this", exc_info=error)
    return f"The workbench failed on this ({type(error).__name__}: {error})."


def line(told: str) -> str:
    """A line of what goes on."""
    return block(f'<p role="status">{escape(told)}</p>')


def tile(kpi: Kpi, currency: str) -> str:
    """One figure: its name, its value, and how it differs, in sign and word."""
    unit = currency if kpi.unit == "money" else {"units": "units", "h": "hours"}.get(kpi.unit, "")
    return (
        f'<div class="tile {kpi.state}" title="{escape(kpi.meaning, quote=True)}">'
        f'<div class="name"><span>{escape(kpi.name)}</span><span>{escape(unit)}</span></div>'
        f'<div class="value">{escape(kpi.number(kpi.value))}</div>'
        f'<div class="change">{escape(difference(kpi))}</div></div>'
    )


def difference(kpi: Kpi) -> str:
    """How a figure differs from the base: "▲ +105,142 better", "▼ −0.4 points worse", "as this week's plan"."""
    if kpi.state == "unknown":
        return words.UNKNOWN
    if kpi.state == "level":
        return "as planned"
    arrow = "▲" if (kpi.change or 0.0) > 0 else "▼"
    word = "" if kpi.state in ("more", "less") else f" {kpi.state}"
    return f"{arrow} {kpi.number(kpi.change, sign=True)}{word}"


def moved(answer: Answer, *, rows: int = ROWS) -> str:
    """What the plan does otherwise, the most money first."""
    columns = ["flow", "what", "where", "week", "before", "after", "change", "money"]
    formats: dict[str, Format] = {"week": _week, "before": _units, "after": _units}
    headings = ["", "Item or line", "Where", "When", "Before", "After", "Change", f"Money, {answer.currency}"]
    return block(
        table_html(
            _named(answer).select(columns).with_columns(pl.col("flow").replace(WORDS)),
            "What moved, the most money first",
            formats={**formats, "change": _signed_units, "money": _signed},
            labels=dict(zip(columns, headings, strict=True)),
            rows=rows,
            header="what",
        )
    )


def accounts(answer: Answer) -> str:
    """Money by account beside the base."""
    return block(
        table_html(
            answer.accounts,
            f"Money by account, {answer.currency}",
            formats={"base": "number", "value": "number", "change": _signed},
            labels={"account": "Account", "base": "This week's plan", "value": "Trial", "change": "Change"},
        )
    )


def trials(answers: Sequence[Answer]) -> str:
    """All answers side by side, one line each."""
    return block(f'<div class="wide">{table(answers)}</div>')


def table(answers: Sequence[Answer], *, caption: str = "Trials side by side") -> str:
    """Answers as a static table, for pages that hold no widgets."""
    currency = answers[0].currency if answers else ""
    kinds = {"trial": pl.String, **dict.fromkeys(NAMES, pl.Float64)}
    rows = [[one.name, *one.values.values()] for one in answers]
    formats = {
        name: ("percent" if unit == "%" else ",.1f" if unit == "h" else "number") for name, (unit, *_) in NAMES.items()
    }
    units = {name: {"money": currency, "h": "h"}.get(unit, unit) for name, (unit, *_) in NAMES.items()}
    refused = [f"{one.name}: {one.message.splitlines()[0]}" for one in answers if not one.ok]
    return table_html(
        pl.DataFrame(rows, schema=kinds, orient="row"),
        caption,
        formats=formats,
        labels={"trial": "Trial", **{name: f"{name}, {unit}" if unit else name for name, unit in units.items()}},
        note=" ".join(refused),
    )


def _named(answer: Answer) -> pl.DataFrame:
    """The moves, with what people call an item behind its code."""
    if answer.plan is None:
        return answer.moves
    items = answer.plan.items.select("item", "description").filter(pl.col("description").fill_null("") != "")
    called = pl.concat_str("what", "description", separator=" ", ignore_nulls=True)
    return answer.moves.join(items, left_on="what", right_on="item", how="left", maintain_order="left").with_columns(
        pl.when(pl.col("flow") == "overtime").then("what").otherwise(called).alias("what")
    )


def _refusal(answer: Answer) -> str:
    return f"{answer.name[:1].upper()}{answer.name[1:]}: there is no plan.\n{answer.message}"


def _week(name: str) -> str:
    return words.period_name(name).replace(" ", words.HARD_SPACE)


def _units(value: float) -> str:
    return words.number(value, decimals=0 if abs(value) >= 100 or float(value).is_integer() else 1)


def _signed_units(value: float) -> str:
    return words.number(value, decimals=0 if abs(value) >= 100 or float(value).is_integer() else 1, sign=True)


def _signed(value: float) -> str:
    return words.number(value, sign=True)
