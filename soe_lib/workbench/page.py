"""The workbench as a widget: on the left what changes, on the right what it is worth; only what is seen is drawn."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ipywidgets as widgets

from soe_lib.errors import SoeError
from soe_lib.extract.snapshot import Snapshot
from soe_lib.model.record import Recorded
from soe_lib.review import words
from soe_lib.workbench import builder, view
from soe_lib.workbench.answer import Answer
from soe_lib.workbench.builder import Builder
from soe_lib.workbench.explorer import ANSWER, CANCELLED, Explorer, Runner
from soe_lib.workbench.panel import Handing, Panel, button, row
from soe_lib.workbench.promising import Promising
from soe_lib.workbench.questions import Questions, Tradeoff
from soe_lib.workbench.view import LEAVES, Leaf

if TYPE_CHECKING:
    from soe_lib.model.extra import Extra
    from soe_lib.store.tables import Store
    from soe_lib.whatif.scenario import Scenario


TITLES = (*(leaf.title for leaf in LEAVES), "Scenarios", "Trade-offs", "Promise")
LONG = 0.8
"""Seconds of work after which the page says how far it is."""
OUTDATED = 2.0
"""Seconds of work after which it is stopped where something newer waits."""


class Workbench(widgets.VBox):
    """The scenario builder, the strip of figures and the tabs, over one Explorer.

    Parameters
    ----------
    explorer : answers; everything done by hand can be asked of it, or of `.builder`, in a script.
    store : plan history that a promoted plan is kept in.
    """

    def __init__(self, explorer: Explorer, *, store: Store = "") -> None:
        self.explorer, self.builder = explorer, Builder(explorer)
        self.runner, self.pen = Runner(self._tick, self._rest), Runner(lambda _: None)
        snapshot = explorer.snapshot
        self.shown = explorer.base
        self.head = widgets.HTML(view.head(snapshot.company, words.full_day(snapshot.as_of), explorer.base))
        self.panel = Panel(self.builder, self._changed, self._failed)
        self.handing = Handing(
            self.builder, self._taken, renamed=self._changed, store=store, exceptions=self._exceptions
        )
        self.handing.compare.on_click(lambda _: self._set_beside())
        self.strip, self.progress = widgets.HTML(), widgets.HTML()
        self.cancel = button("Cancel", "Stop the solver; the last answer stays")
        self.take = button("Take the best so far", "Stop with the best plan found, and state its gap")
        self.cancel.on_click(lambda _: explorer.watch.cancel())
        self.take.on_click(lambda _: explorer.watch.take())
        self.running = row(self.progress, self.cancel, self.take)
        self.running.layout.display = "none"
        self.leaves = [Page(leaf) for leaf in LEAVES]
        self.scenarios = Scenarios(self)
        self.tradeoff = Tradeoff(explorer, self.runner, self._show)
        self.questions = Questions(explorer, self.runner)
        self.promising = Promising(explorer, self.runner, store)
        self.tabs = widgets.Tab(
            [*self.leaves, self.scenarios, widgets.VBox([self.tradeoff, self.questions]), self.promising],
            titles=TITLES, _dom_classes=("soe-tabs",),
        )  # fmt: skip
        self.tabs.observe(lambda _: self._draw(), names="selected_index")
        left = widgets.VBox([self.panel, self.handing], _dom_classes=("soe-left",))
        right = widgets.VBox([self.strip, self.running, self.tabs], _dom_classes=("soe-answers",))
        columns = widgets.Box([left, right], _dom_classes=("soe-columns",))
        style = widgets.HTML(f"<style>{view.CSS}</style>")
        super().__init__([style, self.head, columns], _dom_classes=("soe-page",))
        self._show(explorer.base)

    def receive(self, received: str) -> None:
        """Begin with the scenario of a code or a link that somebody shared; one that is broken is said."""
        try:
            self.builder.receive(received)
        except SoeError as error:
            self.handing.said.value = view.refused(str(error))
            return
        self.panel.refresh()
        self.handing.refresh()
        self._show(self.builder.answer())  # the page waits for its first figures; nothing else could be asked yet

    # -- answers ------------------------------------------------------------------------------------------------

    def new_builder(self) -> Builder:
        """A scenario built in code: all that the page does, as calls."""
        return Builder(self.explorer)

    def _changed(self) -> None:
        """Something was edited: the newest state is answered, what is slower and older is stopped."""
        self.handing.changed()
        self.tradeoff.leave()
        self.runner.ask(self.builder.answer, self._show, self._failed)

    def _taken(self) -> None:
        self.panel.refresh()
        self.handing.refresh()
        self._changed()

    def _show(self, answer: Answer) -> None:
        if answer.message.startswith(CANCELLED):
            if not self.runner.asked(ANSWER):
                self.strip.value = view.strip(self.shown, note="Cancelled; these are the figures of the last answer.")
            return
        self.shown = answer
        self.strip.value = view.strip(answer)
        if answer.trial == self.builder.draft:
            self.panel.say(answer.notes)
        self.panel.undo.disabled = not self.builder.past
        self.handing.name.placeholder = answer.name
        self._draw()

    def _exceptions(self, told: Callable[[tuple[str, ...]], None], failed: Callable[[Exception], None]) -> None:
        """Hand on what this week's exceptions are called, the most money first."""
        self.runner.ask(self.explorer.exceptions, told, failed, "exceptions")

    def _failed(self, error: Exception) -> None:
        """A fault of ours must reach the reader too: a callback's traceback reaches nobody."""
        goes_on = "" if isinstance(error, SoeError) else " Undo or reset goes on."
        self.strip.value = view.refused(view.fault(error) + goes_on)

    def _rest(self) -> None:
        self.running.layout.display = "none"

    def _tick(self, seconds: float) -> None:
        watch = self.explorer.watch
        self.tradeoff.say()
        if self.runner.outdated and seconds > OUTDATED:
            watch.cancel()
        if seconds > LONG:
            behind = "your change is answered next, or at once if you cancel" if self.runner.asked(ANSWER) else ""
            self.progress.value = view.progress(watch.progress, seconds, self.explorer.snapshot.currency, behind)
            self.take.layout.display = None if watch.progress.incumbent is not None else "none"
            self.running.layout.display = None

    # -- tabs -----------------------------------------------------------------------------------------------------

    def _draw(self) -> None:
        """Show the tab that is looked at, where the answer is new to it; a chart when nothing else waits."""
        place = self.tabs.selected_index
        if place is None or place >= len(self.leaves):
            if self.tabs.selected_index == len(self.leaves):
                self.scenarios.refresh()
            return
        page, answer = self.leaves[place], self.shown
        if page.shown is answer:
            return
        if not page.leaf.drawn:
            page.show(answer, page.leaf.show(answer, self.explorer.base))
            return
        # With a pen of its own: looking at a tab neither waits for the solver nor stops it.
        self.pen.ask(lambda: self._drawn(page, answer), lambda drawn: page.show(answer, drawn), self._failed)

    def _drawn(self, page: Page, answer: Answer) -> str:
        with view.PEN:
            return page.leaf.show(answer, self.explorer.base)

    def _set_beside(self) -> None:
        self.builder.keep(self.shown)
        self.handing.say(f"{self.shown.name[:1].upper()}{self.shown.name[1:]} stands in the table of scenarios.")
        self.scenarios.refresh()


class Page(widgets.HTML):
    """One tab's HTML, with the answer that it shows."""

    def __init__(self, leaf: Leaf) -> None:
        self.leaf = leaf
        self.shown: Answer | None = None
        super().__init__(view.block("<p>Drawing…</p>"))

    def show(self, answer: Answer, drawn: str) -> None:
        """Show what was made of an answer."""
        self.shown, self.value = answer, drawn


class Scenarios(widgets.VBox):
    """All scenarios side by side: the base, those set beside it, and the saved ones when asked for."""

    def __init__(self, bench: Any) -> None:
        self.bench = bench
        self.table, self.said = widgets.HTML(), widgets.HTML()
        self.plan = button("Plan the saved scenarios", "Each is answered in turn; those that fail say why")
        self.plan.on_click(lambda _: self._plan())
        super().__init__([self.table, row(self.plan), self.said])

    def refresh(self) -> None:
        """The table as it is now; the scenario on the screen stands last."""
        builder, shown = self.bench.builder, self.bench.shown
        rows = builder.side_by_side
        if not any(one is shown for one in rows):  # one that was set beside under its name may hold other changes
            rows = [*(one for one in rows if one.name != shown.name), shown]
        self.table.value = view.trials(rows)

    def _plan(self) -> None:
        """Whoever presses sees at once that it was heard, and at the end what came of it."""
        if self.plan.disabled:  # pressed twice before the page knew
            return
        self.plan.disabled = True
        self._say("Planning the saved scenarios…")
        try:
            saved = list(self.bench.builder.saved())
        except Exception as error:
            self._over(view.refused(view.fault(error)))
            return
        if not saved:
            self._over(view.status_line(f"{self.bench.builder.path.name} holds no scenario yet: save one first."))
            return
        self._next(saved, len(saved), [])

    def _next(self, left: list[Scenario], all_: int, faults: list[str]) -> None:
        """Answer one after the other, so that a change by hand may come in between."""
        bench = self.bench
        if not left:
            told = f"{words.count(all_ - len(faults), 'saved scenario')} answered."
            self._over(view.refused(" ".join([told, *faults])) if faults else view.status_line(told))
            return
        one = left[0]
        self._say(f"Planning the saved scenarios: {all_ - len(left) + 1} of {all_}, {one.name}…")

        def done(answer: Answer) -> None:
            if answer.message.startswith(CANCELLED):
                if bench.runner.asked(ANSWER):  # it only made way for a change by hand
                    self._next(left, all_, faults)
                else:
                    self._over(view.status_line(f"Cancelled after {all_ - len(left)} of {all_} saved scenarios."))
                return
            bench.builder.keep(answer)
            self.refresh()
            self._next(left[1:], all_, faults)

        def failed(error: Exception) -> None:
            self._next(left[1:], all_, [*faults, f"{one.name}: {view.fault(error)}"])

        bench.runner.ask(lambda: bench.explorer.answer(one), done, failed, "saved")

    def _say(self, told: str) -> None:
        self.said.value = view.status_line(told)

    def _over(self, told: str) -> None:
        self.plan.disabled, self.said.value = False, told


def refusal(message: str) -> Any:
    """The workbench of a snapshot that has no plan: why."""
    return widgets.HTML(f"<style>{view.CSS}</style>{view.refused(message)}")


def workbench(
    snapshot: Snapshot,
    *,
    extra: Extra | None = None,
    record: Recorded = "find",
    store: str | Path = "",
    shared: str = "",
) -> Any:
    """The interactive workbench of a snapshot, a widget for JupyterLab: turn a control, read what it is worth.

    Parameters
    ----------
    snapshot : what was known on the as-of date; its plan is solved first, every trial is compared with it.
    extra : constraints and terms of your own in CVXPY, kept in the plan and in every trial, as for `soe.plan`.
    record : plan of record that the fence of settings.toml keeps to; left out: as for `soe.plan`.
    store : plan history that a promoted plan is kept in; the workspace's `out/plans` when left out.
    shared : code or link of a scenario that somebody shared, to begin with.

    Returns the widget; `.explorer` answers the same from a script, `.builder` is what the buttons call. Where the
    snapshot itself has no plan, the widget says why. A page that was opened by a shared link begins with its scenario.

    Examples
    --------
    >>> bench = soe.workbench(small)
    >>> bench.explorer.snapshot is small
    True
    """
    try:
        bench = Workbench(Explorer(snapshot, extra=extra, record=record), store=store)
        if shared.strip():
            bench.receive(shared)
        elif builder.asks(query := os.environ.get(builder.QUERY, "")):  # behind the "?" of a page's address
            bench.receive(f"?{query}")
        return bench
    except SoeError as error:
        return refusal(str(error))
