"""The leaves of the workbench's tabs: what each shows of an answer, as HTML; a new leaf is one function more here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from html import escape

import polars as pl

from soe_lib.errors import SoeError
from soe_lib.explore import pictures, view
from soe_lib.explore.answer import Answer
from soe_lib.money.bridge import Bridge, bridge
from soe_lib.pack.display import table_html
from soe_lib.review import words


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
    return view.moved(answer) if answer.ok else NO_PLAN


def walked(answer: Answer, base: Answer) -> str:
    """The bridge from this week's plan, as a waterfall and as its figures."""
    made = reconciled(answer, base)
    if made is None:
        return NO_PLAN
    if made.start == made.end and not (made.steps["amount"] != 0).any():
        return view.block("<p>Nothing is changed yet: there is no way from this week's plan to itself.</p>")
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
    return view.block(f'{pictures.walk(made, answer.currency).html}<div class="wide">{table}</div>')


def loaded(answer: Answer, base: Answer) -> str:  # noqa: ARG001
    """How full each line is."""
    picture = pictures.load(answer)
    return NO_PLAN if picture is None else view.block(picture.html)


def stocked(answer: Answer, base: Answer) -> str:  # noqa: ARG001
    """How each stock runs."""
    picture = pictures.stock(answer)
    return NO_PLAN if picture is None else view.block(picture.html)


def at_risk(answer: Answer, base: Answer) -> str:
    """Orders that come late or short, and how many more they are than in this week's plan."""
    from soe_lib.review import frames, tables

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
    return view.block(f'<p>{escape(told)}</p><div class="wide">{table}</div>')


def accounts(answer: Answer, base: Answer) -> str:  # noqa: ARG001
    """Money by account."""
    return view.accounts(answer) if answer.ok else NO_PLAN


def touched(answer: Answer, base: Answer) -> str:
    """Every row of the extract that the edits touch, before and after."""
    if answer.scenario is None or not answer.scenario.edits or base.snapshot is None:
        return view.block("<p>No row is touched: nothing is changed yet.</p>")
    try:
        rows = answer.scenario.touched(base.snapshot)
    except SoeError as error:
        return view.refused(str(error))
    names = ["what", "table", "row", "column", "before", "after"]
    table = table_html(
        rows.select(pl.col(names).cast(pl.String)),
        "Rows of the extract that the edits touch",
        labels=dict(zip(names, ["Edit", "Table", "Row", "Column", "Before", "After"], strict=True)),
        rows=30,
        header="what",
    )
    return view.block(f'<div class="wide">{table}</div>')


NO_PLAN = view.block("<p>There is no plan to show.</p>")
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
