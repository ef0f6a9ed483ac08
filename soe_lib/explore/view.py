"""Answers as HTML: the strip of figures, what moved, money, the trials so far; every name of the data escaped."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import polars as pl

from soe_lib.explore.answer import NAMES, Answer, Kpi
from soe_lib.explore.trial import NO_CHANGE
from soe_lib.pack.show import Format, table_html
from soe_lib.review import words

CSS = """
.soe-bench{--ink:var(--jp-ui-font-color1,#1b1b1b);--muted:var(--jp-ui-font-color2,#595959);
--line:var(--jp-border-color2,#d9d9d9);--paper:var(--jp-layout-color1,#fff);--soft:var(--jp-layout-color2,#f6f6f6);
--good:#00694e;--bad:#a33f00;color:var(--ink);font-size:13px;line-height:1.4;font-variant-numeric:tabular-nums}
[data-jp-theme-light="false"] .soe-bench{--good:#5fd3ae;--bad:#ffa36b}
.soe-bench h3{font-size:18px;margin:2px 0 0;font-weight:600}
.soe-bench p{margin:2px 0;color:var(--muted)}
.soe-bench .tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(180px,1fr));gap:8px;margin:6px 0}
.soe-bench .tile{border:1px solid var(--line);border-left:4px solid var(--line);border-radius:4px;
background:var(--paper);padding:7px 10px}
.soe-bench .tile.better{border-left-color:var(--good)}
.soe-bench .tile.worse{border-left-color:var(--bad)}
.soe-bench .tile .name{color:var(--muted);display:flex;justify-content:space-between;gap:6px}
.soe-bench .tile .value{font-size:21px;font-weight:600;line-height:1.25;white-space:nowrap}
.soe-bench .tile .change{color:var(--muted);white-space:nowrap}
.soe-bench .tile.better .change{color:var(--good);font-weight:600}
.soe-bench .tile.worse .change{color:var(--bad);font-weight:600}
.soe-bench ul.notes{list-style:none;margin:4px 0;padding:0}
.soe-bench ul.notes li{margin:1px 0}
.soe-bench ul.notes li.nothing,.soe-bench .refused{color:var(--bad);font-weight:600}
.soe-bench .refused{border:1px solid var(--bad);border-left-width:4px;border-radius:4px;padding:8px 10px;margin:6px 0;
white-space:pre-wrap}
.soe-bench .wide{overflow-x:auto}
.soe-bench .wide th[scope=row]{min-width:150px}
.soe-bench table.data{border-collapse:collapse;width:100%;margin:4px 0;font-size:12.5px;border:0}
.soe-bench table.data caption{text-align:left;font-weight:600;color:var(--ink);padding:2px 0 4px;caption-side:top}
.soe-bench table.data th,.soe-bench table.data td{text-align:left;padding:3px 8px;border:0;
border-bottom:1px solid var(--line);background:none;vertical-align:top;max-width:none}
.soe-bench table.data thead th{color:var(--muted);font-weight:600;border-bottom:1px solid var(--muted)}
.soe-bench table.data tbody th{font-weight:400}
.soe-bench table.data .number{text-align:right}
.soe-bench table.data td.number{white-space:nowrap}
.soe-controls .widget-readout{min-width:38px;max-width:44px}
.soe-controls .widget-checkbox input{margin-left:2px}
.soe-bench table.data tr.strong td,.soe-bench table.data tr.strong th{font-weight:600}
"""
"""The workbench's own style: it follows the light or dark theme of the page it stands in."""

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
    text = f"Every trial is proven optimal over {quantities} and compared with this week's plan."
    return block(f"<h3>Workbench: {escape(company)}, as of {escape(as_of)}</h3><p>{escape(text)}</p>")


def strip(answer: Answer) -> str:
    """The figures of an answer with their differences to the base, what was edited, and where the time went."""
    if not answer.ok:
        return block(notes(answer)) + refused(_refusal(answer))
    tiles = "".join(tile(kpi, answer.currency) for kpi in answer.kpis)
    title = "This week's plan" if answer.name == NO_CHANGE else answer.name[:1].upper() + answer.name[1:]
    time = f"<p>{escape(str(answer.seconds))}</p>"
    body = f'<b>{escape(title)}</b>{notes(answer)}<div class="tiles">{tiles}</div>{time}'
    return block(f'<div role="status" aria-live="polite">{body}</div>')


def refused(message: str) -> str:
    """Why there is no answer, as a message."""
    return block(f'<div class="refused" role="alert">{escape(message)}</div>')


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


def notes(answer: Answer) -> str:
    """What each edit touched; one that matches nothing stands out."""
    if not answer.notes:
        return ""
    lines = "".join(
        f'<li class="nothing">⚠ Matches nothing. {escape(note.text)}</li>'
        if note.nothing
        else f"<li>✓ {escape(note.text)}</li>"
        for note in answer.notes
    )
    return f'<ul class="notes">{lines}</ul>'


def moved(answer: Answer, *, rows: int = ROWS) -> str:
    """What the plan does otherwise, the most money first."""
    columns = ["flow", "what", "where", "week", "before", "after", "change", "money"]
    formats: dict[str, Format] = {"week": words.period_name, "before": _units, "after": _units}
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


def _units(value: float) -> str:
    return words.number(value, decimals=0 if abs(value) >= 100 or float(value).is_integer() else 1)


def _signed_units(value: float) -> str:
    return words.number(value, decimals=0 if abs(value) >= 100 or float(value).is_integer() else 1, sign=True)


def _signed(value: float) -> str:
    return words.number(value, sign=True)
