"""What takes several plans: frontiers, and questions such as what an hour is worth; a new one goes into QUESTIONS."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

import ipywidgets as widgets
import polars as pl

from soe_lib.errors import DataError
from soe_lib.model.pegging.answer import pegging
from soe_lib.pack.display import table_html
from soe_lib.review import frames, pegged, words
from soe_lib.review.style import Chart
from soe_lib.review.tables import Table
from soe_lib.whatif.breaking import Delay, Demand, Downtime, MarginBelow, MonthMissed, ServiceBelow, breaking_point
from soe_lib.whatif.commitments import tightest
from soe_lib.whatif.frontier import frontier
from soe_lib.whatif.rules import cheapest_stable_plan, price_of_fairness
from soe_lib.workbench import view
from soe_lib.workbench.answer import Answer
from soe_lib.workbench.explorer import Explorer, Runner
from soe_lib.workbench.panel import button, row
from soe_lib.workbench.view import block, refused

if TYPE_CHECKING:
    from soe_lib.whatif.breaking import Change, Until
    from soe_lib.whatif.frontier import Frontier


PAIRS = (
    ("Service against margin", ("service", "margin")),
    ("Stock against service", ("stock", "service")),
    ("Churn against margin", ("churn", "margin")),
    ("Cash against margin", ("cash", "margin")),
)
FEW, MANY = 3, 15
KIND = "frontier"
INTRODUCTION = "What each step of one costs of the other, each a plan of this week without the changes on the left."


class Tradeoff(widgets.VBox):
    """Frontiers over an Explorer.

    Parameters
    ----------
    explorer : whose snapshot they are of. runner : the thread that everything is worked out in.
    chosen : called with the answer that holds the plan of the chosen point.
    """

    def __init__(self, explorer: Explorer, runner: Runner, chosen: Callable[[Answer], None]) -> None:
        self.explorer, self.runner, self._chosen = explorer, runner, chosen
        self.made: Frontier | None = None
        self.counted = (0, 0)
        self.pair = widgets.Dropdown(options=PAIRS, description="Trade")
        self.points = widgets.BoundedIntText(value=7, min=FEW, max=MANY, description="Points")
        self.draw = button("Draw the frontier", "Plan each point; it takes a few seconds", style="primary")
        self.draw.on_click(lambda _: self._ask())
        self.picture = widgets.HTML(block(f"<p>{INTRODUCTION}</p>"))
        self.spots: tuple[widgets.Button, ...] = ()
        self.drawing = widgets.Box([self.picture], _dom_classes=("soe-drawing",))
        self.point = widgets.Select(options=[], description="Show the plan of", rows=1)
        self.point.observe(self._picked, names="value")
        self.point.layout.display = "none"
        super().__init__([row(self.pair, self.points, self.draw), self.drawing, self.point])

    def say(self) -> None:
        """How many points are there, while they are planned."""
        if self.draw.disabled:
            done, all_ = self.counted
            so_far = f" {done} of {all_} are there." if all_ else ""
            self.picture.value = block(f'<p role="status">Planning the points…{so_far}</p>')

    def leave(self) -> None:
        """The page shows another plan: no point is chosen, so each can be chosen again."""
        self.point.value = None

    def _counted_to(self, done: int, all_: int) -> None:
        self.counted = (done, all_)

    def _ask(self) -> None:
        (x, y), points = self.pair.value, self.points.value
        self.draw.disabled = True
        self.counted = (0, 0)
        self.point.layout.display = "none"
        self._place(())
        self.say()
        self.runner.ask(lambda: self._worked(x, y, points), self._drawn, self._failed, KIND)

    def _worked(self, x: str, y: str, points: int) -> tuple[Frontier, str, list[tuple[float, float]]]:
        explorer = self.explorer
        with explorer.alone:
            explorer.watch.clear()
            made = frontier(
                explorer.snapshot, x=x, y=y, points=points, living=explorer.living, progress=self._counted_to
            )
        with view.PEN:
            chart = made.chart()
            return made, view.drawn(chart).html, made.spots(chart)

    def _drawn(self, found: tuple[Frontier, str, list[tuple[float, float]]]) -> None:
        self.draw.disabled = False
        self.made, drawing, places = found
        self.picture.value = block(drawing)
        rows = self.made.points.iter_rows(named=True)
        options = [(self._told(one), one["point"]) for one in rows]
        self._place(tuple(map(self._spot, options, places)))
        self.point.options = [("—", None), *options]
        self.point.value = None
        self.point.rows = min(len(options) + 1, MANY)
        self.point.layout.display = None

    def _place(self, spots: tuple[widgets.Button, ...]) -> None:
        """Lay buttons over the drawing, one on each point."""
        self.spots, self.drawing.children = spots, (self.picture, *spots)

    def _spot(self, option: tuple[str, int], place: tuple[float, float]) -> widgets.Button:
        """The button that lies on a point of the drawing, as a pair of shares from the left and from the top."""
        told, point = option
        at = widgets.Layout(left=f"{place[0]:.3%}", top=f"{place[1]:.3%}")
        spot = widgets.Button(tooltip=f"Show the plan of {told}", layout=at, _dom_classes=("soe-spot",))
        spot.on_click(lambda _: self.point.set_trait("value", point))
        return spot

    def _told(self, point: dict[str, Any]) -> str:
        """A point in a line: "service 98.2 %, margin EUR 4,812,310 (as planned)"."""
        assert self.made is not None
        made = self.made
        parts = [
            f"{measure.label.lower()} {measure.said(point[side], made.currency, brief=False)}"
            for side, measure in (("x", made.x), ("y", made.y))
        ]
        return words.listing(parts).replace(" and ", ", ") + (" (as planned)" if point["current"] else "")

    def _failed(self, error: Exception) -> None:
        self.draw.disabled = False
        self.picture.value = refused(str(error))

    def _picked(self, change: dict[str, Any]) -> None:
        point = change["new"]
        for number, spot in enumerate(self.spots):
            (spot.add_class if number == point else spot.remove_class)("soe-chosen")
        if point is not None and self.made is not None:
            plan = self.made.plan(point)
            self.runner.ask(lambda: self.explorer.told(plan, self.explorer.snapshot), self._chosen, self._failed)


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
    return list(tightest(explorer.living))


def changes(explorer: Explorer) -> dict[str, Change]:
    """Every change whose breaking point can be asked for, by what it is called."""
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
    found = breaking_point(
        explorer.snapshot, changes(explorer)[fields["change"]], until=_until(explorer, fields), living=explorer.living
    )
    formats = {"margin": "money", "cash": "money", "stock": "money", "service": ".1%"}
    names = ["size", "broken", "margin", "cash", "service", "stock", "note"]
    return [repr(found), Table(found.tried.select(names), "Every size that was planned", formats, rows=40)]


def _until(explorer: Explorer, fields: Fields) -> Until:
    share = float(fields["level"]) / 100.0
    if fields["until"] == SERVICE:
        return ServiceBelow(share)
    return MonthMissed() if fields["until"] == MONTH else MarginBelow(share * explorer.living.base.margin)


def fairness(explorer: Explorer, fields: Fields) -> list[Shown]:  # noqa: ARG001
    """What sharing by another rule costs, and who gains by it."""
    found = price_of_fairness(
        explorer.snapshot, blocks=explorer.living.own, record=explorer.record, options=explorer.options
    )
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
    if explorer.record is None:
        raise DataError(
            "There is no plan of record to stay close to: publish a week first, or hand one to soe.workbench."
        )
    price = float(fields["price"])
    found = cheapest_stable_plan(explorer.snapshot, explorer.record, price=price, living=explorer.living)
    formats = {"units": "number", "gain": "money", "avoided": "number", "per_unit": ",.2f"}
    return [repr(found), Table(found.changes, f"Changes that pay, {found.currency}", formats, rows=30)]


def order_fields(explorer: Explorer) -> dict[str, widgets.Widget]:
    """Which order."""
    names = explorer.snapshot["orders"]["order"].unique().sort().to_list()
    return {"order": widgets.Combobox(options=names, value=next(iter(names), ""), description="Order", layout=WIDE)}


def peg(explorer: Explorer, fields: Fields) -> list[Shown]:
    """What serves an order, and who has the scarce hours that it would need."""
    if explorer.snapshot["orders"].is_empty():
        return ["There are no orders; soe.review.pegging(plan, snapshot).links has what serves the forecast."]
    plan, name = explorer.living.base, str(fields["order"])
    found = pegging(plan, explorer.snapshot, blocks=explorer.living.own)
    dated = explorer.snapshot["orders"].filter(pl.col("order") == name).select("order", "item", "due_on")
    return [pegged.order(found, name), pegged.rivals(frames.rivals(found, dated), name)]


def none(explorer: Explorer) -> dict[str, widgets.Widget]:  # noqa: ARG001
    """A question without fields."""
    return {}


QUESTIONS = (
    Question("What is one more hour worth?", none, hours),
    Question("How far can it go before it breaks?", break_fields, breaks),
    Question("What does it cost to share fairly?", none, fairness),
    Question("Which changes to the plan of record pay?", steady_fields, steady),
    Question("What serves an order, and who competes with it?", order_fields, peg),
)


def html(shown: Shown) -> str:
    """A chart, a table or lines of text, as the workbench shows them."""
    if isinstance(shown, Chart):
        return view.drawn(shown).html
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
