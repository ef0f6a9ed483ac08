"""Questions that take several plans: what an hour is worth, when it breaks, what fairness and stability cost.

A question is one function below: of an explorer and its fields, to what is shown. A new one is one entry in QUESTIONS.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

import ipywidgets as widgets
import polars as pl

from soe_lib.errors import DataError
from soe_lib.explore import pictures
from soe_lib.explore.controller import Explorer
from soe_lib.explore.panel import button, row
from soe_lib.explore.runner import Runner
from soe_lib.explore.view import block, refused
from soe_lib.pack.display import table_html
from soe_lib.review.charts.chart import Chart
from soe_lib.review.tables.table import Table

if TYPE_CHECKING:
    from soe_lib.whatif.breaking import Change, Until

Shown = Chart | Table | str
Fields = Mapping[str, Any]
WIDE = {"width": "24rem"}
MARGIN, SERVICE, MONTH = "the margin falls below, % of today's", "service on time falls below, %", "a month is missed"


@dataclass(frozen=True)
class Question:
    """Something to ask.

    Parameters
    ----------
    title : as a reader asks it. fields : explorer → name of a field and its widget. answer : (explorer, the fields'
        values) → what is shown.
    """

    title: str
    fields: Callable[[Explorer], dict[str, widgets.Widget]]
    answer: Callable[[Explorer, Fields], list[Shown]]


def hours(explorer: Explorer, fields: Fields) -> list[Shown]:  # noqa: ARG001
    """The step curves of the tightest hours."""
    from soe_lib.whatif.commitments import tightest

    return list(tightest(explorer.living))


def changes(explorer: Explorer) -> dict[str, Change]:
    """Every change whose breaking point can be asked for, by what it is called."""
    from soe_lib.whatif.breaking import Delay, Demand, Downtime

    choices, receipts = explorer.choices, explorer.snapshot["receipts"]
    down = {f"{name} is down, days": Downtime(name) for name in choices.resources}
    late = {f"{name} comes later, days": Delay.of(receipt=name) for name in receipts["receipt"].sort().to_list()}
    more = {f"{name} sells more, share": Demand(family=name) for name in choices.families}
    less = {f"{name} sells less, share": Demand(family=name, most=-0.9) for name in choices.families}
    return {**down, **more, **less, **late}


def break_fields(explorer: Explorer) -> dict[str, widgets.Widget]:
    """Which change, what counts as broken, and its figure."""
    return {
        "change": widgets.Dropdown(options=list(changes(explorer)), description="How much", layout=WIDE),
        "until": widgets.Dropdown(options=[SERVICE, MARGIN, MONTH], description="until", layout=WIDE),
        "level": widgets.BoundedFloatText(value=98.0, min=0.0, max=100.0, step=0.5, description="of"),
    }


def breaks(explorer: Explorer, fields: Fields) -> list[Shown]:
    """The smallest size of a change that breaks something."""
    from soe_lib.whatif.breaking import breaking_point

    found = breaking_point(
        explorer.snapshot, changes(explorer)[fields["change"]], until=_until(explorer, fields), living=explorer.living
    )
    formats = {"margin": "money", "cash": "money", "stock": "money", "service": ".1%"}
    names = ["size", "broken", "margin", "cash", "service", "stock", "note"]
    return [repr(found), Table(found.tried.select(names), "Every size that was planned", formats, rows=40)]


def _until(explorer: Explorer, fields: Fields) -> Until:
    from soe_lib.whatif.breaking import MarginBelow, MonthMissed, ServiceBelow

    share = float(fields["level"]) / 100.0
    if fields["until"] == SERVICE:
        return ServiceBelow(share)
    return MonthMissed() if fields["until"] == MONTH else MarginBelow(share * explorer.living.base.margin)


def fairness(explorer: Explorer, fields: Fields) -> list[Shown]:  # noqa: ARG001
    """What sharing by another rule costs, and who gains by it."""
    from soe_lib.whatif.rules import price_of_fairness

    found = price_of_fairness(explorer.snapshot, record=explorer.record, options=explorer.options)
    shares = found.customers.with_columns(pl.col("change") * 100.0)
    formats = {"asked": "number", "served": "number", "share": ".1%", "change": "+,.1f"}
    return [repr(found), Table(shares, "Service of each customer under each rule; change in points", formats, rows=60)]


def steady_fields(explorer: Explorer) -> dict[str, widgets.Widget]:
    """The price of a moved unit; a twentieth of what a made unit earns to begin with."""
    made = explorer.living.base.flows.get("make")
    units = float(made["quantity"].sum()) if made is not None else 0.0
    price = round(0.05 * max(explorer.living.base.margin, 0.0) / units, 2) if units else 1.0
    return {
        "price": widgets.BoundedFloatText(value=price, min=0.0, max=1e9, step=0.05, description="A moved unit costs")
    }


def steady(explorer: Explorer, fields: Fields) -> list[Shown]:
    """Only the changes that pay for their disruption."""
    from soe_lib.whatif.rules import cheapest_stable_plan

    if explorer.record is None:
        raise DataError(
            "There is no plan of record to stay close to: publish a week first, or hand one to soe.workbench."
        )
    price = float(fields["price"])
    found = cheapest_stable_plan(explorer.snapshot, explorer.record, price=price, living=explorer.living)
    formats = {"units": "number", "gain": "money", "avoided": "number", "per_unit": ",.2f"}
    return [repr(found), Table(found.changes, f"Changes that pay, {found.currency}", formats, rows=30)]


def none(explorer: Explorer) -> dict[str, widgets.Widget]:  # noqa: ARG001
    """A question without fields."""
    return {}


QUESTIONS = (
    Question("What is one more hour worth?", none, hours),
    Question("How far can it go before it breaks?", break_fields, breaks),
    Question("What does it cost to share fairly?", none, fairness),
    Question("Which changes to the plan of record pay?", steady_fields, steady),
)


def html(shown: Shown) -> str:
    """A chart, a table or lines of text, as the workbench shows them."""
    if isinstance(shown, Chart):
        return pictures.drawn(shown).html
    if isinstance(shown, Table):
        made = table_html(shown.frame, shown.caption, formats=shown.formats, note=shown.note, rows=shown.rows)
        return f'<div class="wide">{made}</div>'
    return f'<pre class="wide">{escape(shown)}</pre>'


class Questions(widgets.VBox):
    """A question, its fields, and the answer.

    Parameters
    ----------
    explorer : whose week is asked about. runner : the thread that everything is worked out in.
    """

    def __init__(self, explorer: Explorer, runner: Runner) -> None:
        self.explorer, self.runner = explorer, runner
        self.question = widgets.Dropdown(
            options=[(one.title, number) for number, one in enumerate(QUESTIONS)], description="Ask", layout=WIDE
        )
        self.fields: dict[str, Any] = {}
        self.room = row()
        self.ask = button("Work it out", "Several plans are made; it takes a few seconds")
        self.ask.on_click(lambda _: self._ask())
        self.answer = widgets.HTML(
            block(
                "<p>Questions that take several plans of this week as it is: changes on the left are not in them.</p>"
            )
        )
        self.question.observe(lambda _: self._fill(), names="value")
        super().__init__([row(self.question, self.ask), self.room, self.answer])
        self._fill()

    @property
    def chosen(self) -> Question:
        """The question that is picked."""
        return QUESTIONS[self.question.value]

    def _fill(self) -> None:
        self.fields = self.chosen.fields(self.explorer)
        self.room.children = tuple(self.fields.values())

    def _ask(self) -> None:
        self.ask.disabled = True
        self.answer.value = block('<p role="status">Planning…</p>')
        question, given = self.chosen, {name: field.value for name, field in self.fields.items()}
        self.runner.ask(lambda: self._worked(question, given), self._told, self._failed, "question")

    def _worked(self, question: Question, given: Fields) -> str:
        with self.explorer.alone:
            self.explorer.watch.clear()
            found = question.answer(self.explorer, given)
        return "".join(map(html, found))

    def _told(self, found: str) -> None:
        self.ask.disabled = False
        self.answer.value = block(found)

    def _failed(self, error: Exception) -> None:
        self.ask.disabled = False
        self.answer.value = refused(str(error))
