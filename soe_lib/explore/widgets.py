"""The workbench as a widget: the controls above, the answer below; figures first, charts when nothing else waits."""

from __future__ import annotations

import logging
from collections.abc import Callable
from html import escape

import ipywidgets as widgets

from soe_lib.errors import SoeError
from soe_lib.explore import pictures, view
from soe_lib.explore.answer import Answer
from soe_lib.explore.controller import Explorer
from soe_lib.explore.controls import Controls
from soe_lib.explore.debounce import Debounce
from soe_lib.explore.trial import Trial
from soe_lib.review import words

LOG = logging.getLogger(__name__)
MOVED, LOAD, STOCK, ACCOUNTS, TRIALS = range(5)
TITLES = ("What moved", "Load", "Stock", "Money", "Trials")


class Workbench(widgets.VBox):
    """Controls, figures, what moved, load, stock, money and the trials so far, over one Explorer.

    Parameters
    ----------
    explorer : answers the trials; everything done by hand can be asked of it in a script.
    """

    def __init__(self, explorer: Explorer) -> None:
        self.explorer = explorer
        snapshot = explorer.snapshot
        self.style_sheet = widgets.HTML(f"<style>{view.CSS}</style>")
        self.head = widgets.HTML(view.head(snapshot.company, words.full_day(snapshot.as_of), explorer.base))
        self.controls = Controls(explorer.choices, self._changed, self._undo, self._reset)
        self.strip = widgets.HTML()
        self.moved, self.accounts, self.trials = widgets.HTML(), widgets.HTML(), widgets.HTML()
        self.load, self.stock = Plate(pictures.load), Plate(pictures.stock)
        self.tabs = widgets.Tab([self.moved, self.load, self.stock, self.accounts, self.trials], titles=TITLES)
        self.answered = Debounce(self._answer)
        self.drawn = Debounce(self._draw, eager=False)
        self.tabs.observe(lambda _: self._draw(), names="selected_index")
        super().__init__([self.style_sheet, self.head, self.controls, self.strip, self.tabs])
        self._show(explorer.current)

    def _changed(self) -> None:
        self.drawn.cancel()
        self.answered()

    def _answer(self) -> None:
        try:
            self._show(self.explorer.ask(self.controls.trial))
        except SoeError as error:
            self._say(str(error))
        except Exception as error:  # a fault of ours must reach the reader too: a callback's traceback reaches nobody
            LOG.exception("the workbench could not answer")
            self._say(f"The workbench failed on this trial ({type(error).__name__}: {error}); undo or reset goes on.")

    def _undo(self) -> None:
        self._back(self.explorer.undo())

    def _reset(self) -> None:
        self._back(self.explorer.reset())

    def _back(self, answer: Answer) -> None:
        self.answered.cancel()
        if isinstance(answer.trial, Trial):
            self.controls.show(answer.trial)
        self._show(answer)

    def _show(self, answer: Answer) -> None:
        self.strip.value = view.strip(answer)
        self.moved.value = view.moved(answer)
        self.accounts.value = view.accounts(answer)
        self.trials.value = view.trials([self.explorer.base, *self.explorer.history])
        self.controls.undo.disabled = not self.explorer.history
        self.drawn()

    def _say(self, message: str) -> None:
        self.strip.value = view.refused(message)

    def _draw(self) -> None:
        """Draw the chart that is looked at, where the answer is new to it."""
        plate = {LOAD: self.load, STOCK: self.stock}.get(self.tabs.selected_index)
        if plate is not None:
            plate.show(self.explorer.current)


def refusal(message: str) -> widgets.HTML:
    """The workbench of a snapshot that has no plan: why."""
    return widgets.HTML(f"<style>{view.CSS}</style>{view.refused(message)}")


class Plate(widgets.VBox):
    """A chart with its finding in words below it.

    Parameters
    ----------
    draw : makes the picture of an answer, or None where it has no plan.
    """

    def __init__(self, draw: Callable[[Answer], pictures.Picture | None]) -> None:
        self.draw = draw
        self.shown: Answer | None = None
        hidden = widgets.Layout(max_width="100%", object_fit="contain", display="none")
        self.image = widgets.Image(format="png", layout=hidden)
        self.words = widgets.HTML(view.block("<p>Drawing…</p>"))
        super().__init__([self.image, self.words])

    def show(self, answer: Answer) -> None:
        """Show the chart of an answer."""
        if answer is self.shown:
            return
        picture = self.draw(answer)
        self.shown = answer
        if picture is None:
            self.image.layout.display = "none"
            self.words.value = view.block("<p>There is no plan to draw.</p>")
            return
        self.image.value, self.image.width = picture.png, str(picture.width)
        self.image.layout.display = None
        self.words.value = view.block(f"<p>{escape(picture.alt)}</p>")
