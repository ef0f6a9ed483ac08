"""The trade-off tab: a frontier is picked, a point of it is clicked or chosen by keyboard, and its plan is shown."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import ipywidgets as widgets

from soe_lib.explore import pictures
from soe_lib.explore.answer import Answer
from soe_lib.explore.controller import Explorer
from soe_lib.explore.panel import button, row
from soe_lib.explore.runner import Runner
from soe_lib.explore.view import block, refused
from soe_lib.review import words

if TYPE_CHECKING:
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
        from soe_lib.whatif.frontier import frontier

        explorer = self.explorer
        with explorer.alone:
            explorer.watch.clear()
            made = frontier(
                explorer.snapshot, x=x, y=y, points=points, living=explorer.living, progress=self._counted_to
            )
        with pictures.PEN:
            chart = made.chart()
            return made, pictures.drawn(chart).html, made.spots(chart)

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
