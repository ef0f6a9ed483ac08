"""Below the controls: name and save a scenario, load one, share it, offer it to the pack, promote its plan."""

from __future__ import annotations

import base64
from collections.abc import Callable
from html import escape
from typing import TYPE_CHECKING, Any

import ipywidgets as widgets

from soe_lib.explore import sharing
from soe_lib.explore.builder import Builder
from soe_lib.explore.panel import button, row
from soe_lib.explore.view import block, fault, refused
from soe_lib.store.history import HERE
from soe_lib.store.tables import at
from soe_lib.whatif.scenario import HEADER, text

if TYPE_CHECKING:
    from soe_lib.store.tables import Store

BLANK = "—"
OFFER = 1
"""The part below the controls in which a scenario is offered or promoted."""


class Handing(widgets.VBox):
    """What is done with a scenario once it is made.

    Parameters
    ----------
    builder : holds it. taken : called when another scenario was loaded or received. renamed : when it has another name.
    store : plan history.
    exceptions : asked when the part about the pack is opened or used: hands the names of this week's exceptions, or
        the error, on.
    """

    def __init__(
        self,
        builder: Builder,
        taken: Callable[[], None],
        *,
        renamed: Callable[[], None] = lambda: None,
        store: Store = "",
        exceptions: Callable[[Callable[[tuple[str, ...]], None], Callable[[Exception], None]], None] | None = None,
    ) -> None:
        self.builder, self.taken, self.renamed, self.store = builder, taken, renamed, store
        self.name = widgets.Text(description="Name of the scenario", continuous_update=False)
        self.name.observe(lambda change: self._named(change["new"]), names="value")
        self.save = button("Save", f"Write it into {builder.path.name}", style="primary")
        self.compare = button("Set beside", "Keep its figures in the table of scenarios")
        self.load = widgets.Dropdown(options=[BLANK], description="Load a saved scenario")
        self.load.observe(self._loaded, names="value")
        self.share = button("Make a link", "A code, a link and a file of the scenario")
        self.received = widgets.Text(description="Code or link that you received", continuous_update=False)
        self.received.observe(self._received, names="value")
        self.exception = widgets.Combobox(
            options=(), description="Option for the exception", ensure_option=False, placeholder="its name, or a part"
        )
        self.offer = button("Hand to the pack", "The next pack prices it beside its own options")
        self.by = widgets.Text(description="Decided by")
        self.reason = widgets.Text(description="Reason")
        self.promote = button("Make plan of record", "Keep its plan in the plan history, as decided")
        self.said, self.told = widgets.HTML(), widgets.HTML()
        self._exceptions = exceptions or (lambda told, _: told(builder.explorer.exceptions()))
        self._asked = False
        self.save.on_click(lambda _: self._try(self._save))
        self.share.on_click(lambda _: self._try(self._share))
        self.offer.on_click(lambda _: self._offer())
        self.promote.on_click(lambda _: self._try(self._promote))
        deciding = widgets.VBox([self.exception, self.offer, self.by, self.reason, self.promote])
        more = widgets.Accordion(
            [widgets.VBox([self.share, self.told, self.received]), deciding],
            titles=("Share with others", "Offer or promote"), selected_index=None, _dom_classes=("soe-more",),
        )  # fmt: skip
        more.observe(lambda change: self._opened(change["new"]), names="selected_index")
        super().__init__([self.name, row(self.save, self.compare), self.load, self.said, more])
        self.refresh()

    def refresh(self) -> None:
        """The name and the saved scenarios as they are now; a file that cannot be read is said, and stops nothing."""
        self.named()
        names: list[str] = []
        self._try(lambda: names.extend(one.name for one in self.builder.saved()))
        if list(self.load.options) != [BLANK, *names]:
            self.load.options = [BLANK, *names]

    def named(self) -> None:
        """The box shows the name that the scenario would be saved under, whatever undo or reset made of it."""
        self.name.value = self.builder.draft.called
        self.name.placeholder = self.builder.scenario.name

    def changed(self) -> None:
        """The scenario is another one now: a code, or a word of what was done, would speak of the one before."""
        self.named()
        self.told.value = self.said.value = ""

    def say(self, told: str) -> None:
        """A line of what was done."""
        self.said.value = block(f'<p class="done" role="status">{escape(told)}</p>')

    def _opened(self, part: int | None) -> None:
        """The exceptions are looked for when somebody wants to offer a scenario, and only once."""
        if part == OFFER and not self._asked:
            self._asked = True
            self._exceptions(self._listed, self._fault)

    def _listed(self, names: tuple[str, ...]) -> None:
        self.exception.options = names

    def _named(self, called: str) -> None:
        if called.strip() != self.builder.draft.called:
            self.builder.rename(called)
            self.renamed()

    def _loaded(self, change: dict[str, Any]) -> None:
        if change["new"] != BLANK:
            self._try(lambda: self._take(self.builder.load(change["new"]), f"Loaded {change['new']}."))
            self.load.value = BLANK

    def receive(self, code: str) -> None:
        """Open a shared scenario, or say why it cannot be."""
        self._try(lambda: self._take(self.builder.receive(code), "The shared scenario is open."))

    def _received(self, change: dict[str, Any]) -> None:
        if change["new"].strip():
            self.receive(change["new"])
            self.received.value = ""

    def _take(self, _: Builder, told: str) -> None:
        self.taken()
        self.say(told)

    def _save(self) -> None:
        there = any(one.name == self.builder.scenario.name for one in self.builder.saved())
        file = self.builder.save()
        self.refresh()
        instead = ", in place of the one of that name" if there else ""
        self.say(f"Saved {self.builder.scenario.name} in {file}{instead}.")

    def _share(self) -> None:
        scenario, link = self.builder.scenario, self.builder.link()
        page = (
            f'On its page: <a href="{escape(link, quote=True)}" target="_blank" rel="noopener">link</a>. '
            if sharing.has_address()
            else "A notebook has no address that opens a scenario: hand on the code. "
        )
        content = base64.b64encode((HEADER + text(scenario)).encode()).decode()
        file = f'<a download="scenario.toml" href="data:application/toml;base64,{content}">scenario.toml</a>'
        code = escape(link.partition("=")[2])
        self.told.value = block(
            f'<p>Code, to paste below on another workbench:</p><div class="code" tabindex="0">{code}</div>'
            f"<p>{page}As a file: {file}.</p>"
        )

    def _offer(self) -> None:
        """The exceptions are looked for beside the page, as that takes a moment; then the scenario is handed over."""
        if self.offer.disabled:  # pressed twice before the page knew
            return
        self.offer.disabled = True
        self.say("Looking up this week's exceptions…")
        wanted, draft = self.exception.value, self.builder.draft

        def told(names: tuple[str, ...]) -> None:
            self.offer.disabled = False
            self._listed(names)
            if self.builder.draft != draft:
                self.said.value = refused("The scenario was changed meanwhile: press again to hand over this one.")
                return
            self._try(lambda: self._offered(wanted))

        def failed(error: Exception) -> None:
            self.offer.disabled = False
            self._fault(error)

        self._exceptions(told, failed)

    def _offered(self, exception: str) -> None:
        file = self.builder.offer(exception)
        self.refresh()
        self.say(f"The next pack prices it as an option for {self.builder.draft.answers}; it stands in {file}.")

    def _promote(self) -> None:
        home = at(self.store or HERE)
        entry = self.builder.promote(by=self.by.value, reason=self.reason.value, store=home)
        called = self.builder.scenario.name
        self.say(f"Plan {entry.label} is the plan of record, decided by {self.by.value}: {called}. Kept in {home}.")

    def _try(self, act: Callable[[], object]) -> None:
        try:
            act()
        except Exception as error:
            self._fault(error)

    def _fault(self, error: Exception) -> None:
        """What went wrong, on the page: a callback's traceback reaches nobody."""
        self.said.value = refused(fault(error))
