"""Answers as HTML: the strip of figures, the tabs with their tables and charts; every name of the data escaped."""

from __future__ import annotations

import io
import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import polars as pl

from soe_lib.errors import SoeError
from soe_lib.money.reconciliation import Bridge, bridge
from soe_lib.pack.display import Format, table_html
from soe_lib.review import frames, tables, words
from soe_lib.review.charts import bridge as bridge_chart
from soe_lib.review.charts import load_heatmap, projected_stock
from soe_lib.review.frames import line_load
from soe_lib.review.frames import projected_stock as project
from soe_lib.review.plans_compared import bridge_frame
from soe_lib.workbench.answer import NO_CHANGE, Answer, Kpi, units

if TYPE_CHECKING:
    from soe_lib.review.charts import Chart
    from soe_lib.solver.diagnostics import Progress


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
    if answer.plan is None or answer.snapshot is None:
        return None
    return drawn(load_heatmap(line_load(answer.snapshot, answer.plan)))


def stock(answer: Answer) -> Picture | None:
    """How each stock runs against its safety stock, the most pressing first; None without a plan."""
    if answer.plan is None or answer.snapshot is None:
        return None
    return drawn(projected_stock(project(answer.snapshot, answer.plan), as_of=answer.snapshot.as_of))


def walk(made: Bridge, currency: str) -> Picture:
    """A bridge as a waterfall."""
    named = pl.col("label").replace(NO_CHANGE, "base")  # a title says "below the base"
    return drawn(bridge_chart(bridge_frame(made).with_columns(named), currency, what="margin"))


def drawn(chart: Chart) -> Picture:
    """A chart as SVG without its prologue; its letters stay letters, which is smaller and quicker than outlines."""
    import matplotlib as mpl

    picture = io.StringIO()
    with PEN, mpl.rc_context(STYLE):  # type: ignore[arg-type]
        chart.figure.savefig(picture, format="svg", metadata={"Date": None, "Creator": None})
    text = picture.getvalue()
    return Picture(text[text.index("<svg") :], chart.title, chart.alt)


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


def status_line(told: str) -> str:
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


def moves_table(answer: Answer, *, rows: int = ROWS) -> str:
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


def accounts_table(answer: Answer) -> str:
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
    shown = units()
    kinds = {"trial": pl.String, **dict.fromkeys(shown, pl.Float64)}
    rows = [[one.name, *one.values.values()] for one in answers]
    formats = {
        name: ("percent" if unit == "%" else ",.1f" if unit == "h" else "number") for name, unit in shown.items()
    }
    said = {name: {"money": currency, "h": "h"}.get(unit, unit) for name, unit in shown.items()}
    refused = [f"{one.name}: {one.message.splitlines()[0]}" for one in answers if not one.ok]
    return table_html(
        pl.DataFrame(rows, schema=kinds, orient="row"),
        caption,
        formats=formats,
        labels={"trial": "Trial", **{name: f"{name}, {unit}" if unit else name for name, unit in said.items()}},
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


@dataclass(frozen=True)
class Leaf:
    """One tab.

    Parameters
    ----------
    title : of the tab. show : (answer, base) → HTML. drawn : whether it takes a while, and waits until the figures are
        on the screen.
    """

    title: str
    show: Callable[[Answer, Answer], str]
    drawn: bool = False


def reconciled(answer: Answer, base: Answer) -> Bridge | None:
    """The bridge from the base to an answer, the same that finance reads in the pack; None without a plan."""
    if answer.plan is None or base.plan is None:
        return None
    return bridge(base.plan, answer.plan)


def moved(answer: Answer, base: Answer) -> str:  # noqa: ARG001
    """What the plan does otherwise, the most money first."""
    return moves_table(answer) if answer.ok else NO_PLAN


def walked(answer: Answer, base: Answer) -> str:
    """The bridge from this week's plan, as a waterfall and as its figures."""
    made = reconciled(answer, base)
    if made is None:
        return NO_PLAN
    if made.start == made.end and not (made.steps["amount"] != 0).any():
        return block("<p>Nothing is changed yet: there is no way from this week's plan to itself.</p>")
    steps = made.table().filter(pl.col("amount") != 0).select("driver", "amount", "cumulative", "formula")
    scale = 10**made.digits
    note = (
        f"From {words.number(made.start / scale, decimals=2)} to {words.number(made.end / scale, decimals=2)}; "
        f"residual {made.residual / scale:.2f}. The same bridge as in the pack, {made.convention}."
    )
    table = table_html(
        steps,
        f"Margin step by step, {answer.currency}",
        formats={"amount": "cents", "cumulative": "cents"},
        labels={"driver": "Driver", "amount": "Amount", "cumulative": "Margin so far", "formula": "How"},
        note=note,
    )
    return block(f'{walk(made, answer.currency).html}<div class="wide">{table}</div>')


def loaded(answer: Answer, base: Answer) -> str:  # noqa: ARG001
    """How full each line is."""
    picture = load(answer)
    return NO_PLAN if picture is None else block(picture.html)


def stocked(answer: Answer, base: Answer) -> str:  # noqa: ARG001
    """How each stock runs."""
    picture = stock(answer)
    return NO_PLAN if picture is None else block(picture.html)


def at_risk(answer: Answer, base: Answer) -> str:
    """Orders that come late or short, and how many more they are than in this week's plan."""
    if answer.plan is None or answer.snapshot is None or base.plan is None or base.snapshot is None:
        return NO_PLAN
    now = frames.orders_at_risk(answer.snapshot, answer.plan)
    then = frames.orders_at_risk(base.snapshot, base.plan)
    fresh = sorted(set(now["order"]) - set(then["order"]))
    gone = sorted(set(then["order"]) - set(now["order"]))
    told = f"{words.count(now.height, 'order')} at risk; in this week's plan {then.height}."
    told += f" New: {words.listing(fresh, limit=6)}." if fresh else ""
    told += f" No longer: {words.listing(gone, limit=6)}." if gone else ""
    made = tables.orders_at_risk(now, answer.currency)
    table = table_html(made.frame, made.caption, formats=made.formats, note=made.note, rows=20)
    return block(f'<p>{escape(told)}</p><div class="wide">{table}</div>')


def accounts(answer: Answer, base: Answer) -> str:  # noqa: ARG001
    """Money by account."""
    return accounts_table(answer) if answer.ok else NO_PLAN


def touched(answer: Answer, base: Answer) -> str:
    """Every row of the extract that the edits touch, before and after."""
    if answer.scenario is None or not answer.scenario.edits or base.snapshot is None:
        return block("<p>No row is touched: nothing is changed yet.</p>")
    try:
        rows = answer.scenario.touched(base.snapshot)
    except SoeError as error:
        return refused(str(error))
    names = ["what", "table", "row", "column", "before", "after"]
    table = table_html(
        rows.select(pl.col(names).cast(pl.String)),
        "Rows of the extract that the edits touch",
        labels=dict(zip(names, ["Edit", "Table", "Row", "Column", "Before", "After"], strict=True)),
        rows=30,
        header="what",
    )
    return block(f'<div class="wide">{table}</div>')


NO_PLAN = block("<p>There is no plan to show.</p>")
LEAVES = (
    Leaf("What moved", moved),
    Leaf("Bridge", walked, drawn=True),
    Leaf("Stock", stocked, drawn=True),
    Leaf("Load", loaded, drawn=True),
    Leaf("Orders at risk", at_risk, drawn=True),
    Leaf("Money", accounts),
    Leaf("Edits", touched, drawn=True),
)
"""In the order of the tabs; the page puts the scenarios and the trade-off behind them."""
