"""The left side of the page: one control at a time, the changes of the scenario, and what is done with it then."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from html import escape
from typing import TYPE_CHECKING, Any

import ipywidgets as widgets

from soe_lib.errors import SoeError
from soe_lib.store.history import HERE
from soe_lib.store.tables import at
from soe_lib.whatif.scenario import HEADER, text
from soe_lib.workbench import builder
from soe_lib.workbench.builder import Builder
from soe_lib.workbench.control import Field, Note, controls
from soe_lib.workbench.view import block, fault, refused

if TYPE_CHECKING:
    from collections.abc import Iterator

    from soe_lib.store.tables import Store


class Panel(widgets.VBox):
    """Controls over a Builder.

    Parameters
    ----------
    builder : what they edit. changed : called after every edit by hand. failed : with the error of one that cannot be.
    """

    def __init__(
        self, builder: Builder, changed: Callable[[], None], failed: Callable[[Exception], None] = lambda _: None
    ) -> None:
        self.builder, self._changed, self._failed, self._quiet = builder, changed, failed, False
        listed = [(f"{one.group}: {one.title}", key) for key, one in controls().items()]
        self.kind = widgets.Dropdown(options=listed, value=builder.state.control, description="What changes")
        self.kind.observe(self._chosen, names="value")
        self.fields: dict[str, Any] = {}
        self.box = widgets.VBox([])
        self.another = button("Another change", "Keep this change and begin another of its kind")
        self.undo = button("Undo", "Back to the answer before")
        self.reset = button("Reset", "Back to this week's plan")
        self.another.on_click(lambda _: self._step(lambda: builder.choose(builder.state.control)))
        self.undo.on_click(lambda _: self._step(builder.undo))
        self.reset.on_click(lambda _: self._step(builder.reset))
        self.changes = widgets.VBox([], _dom_classes=("soe-changes",))
        super().__init__([self.kind, self.box, row(self.another, self.undo, self.reset), self.changes])
        self.refresh()

    def refresh(self) -> None:
        """Show the control on the screen as the builder has it, and the changes."""
        with self._silently():
            self.kind.value = self.builder.state.control
            made = {one.name: _widget(one) for one in self.builder.fields}
            for name, widget in made.items():
                widget.observe(lambda change, name=name: self._set(name, change["owner"]), names="value")
            self.fields = made
            self.box.children = tuple(made.values())
        self.list_changes()

    def list_changes(self) -> None:
        """The changes with what each touches; one that matches nothing stands out."""
        notes = self.builder.notes()
        rows = list(self.changes.children)
        if [one.recorded for one in rows] != [not one.control for one in self.builder.draft.changes]:
            rows = [_Change(place, self) for place in range(len(notes))]
            self.changes.children = tuple(rows)
        for place, (shown, note) in enumerate(zip(rows, notes, strict=True)):
            shown.say(note, held=place == self.builder.state.held)
        self.undo.disabled = not self.builder.past
        self.another.disabled = self.builder.state.held is None
        self.reset.disabled = not self.builder.draft.changes

    def say(self, notes: Sequence[Note]) -> None:
        """The notes as the answer has them: with the hours that an outage really took."""
        for shown, note in zip(self.changes.children, notes, strict=False):
            shown.say(note, held=shown.held)

    def _chosen(self, change: dict[str, Any]) -> None:
        if not self._quiet:
            self.builder.choose(change["new"])
            self.refresh()

    def _set(self, name: str, moved: Any) -> None:
        """Take the whole form over as it stands: what is planned is what it shows."""
        if self._quiet or self.fields.get(name) is not moved:  # a late word of a form that is gone
            return
        try:
            self.builder.set(**{name: widget.value for name, widget in self.fields.items()})
        except SoeError as error:
            self._failed(error)
            return
        self.list_changes()
        self._changed()

    def _step(self, step: Callable[[], object]) -> None:
        step()
        self.refresh()
        self._changed()

    @contextmanager
    def _silently(self) -> Iterator[None]:
        self._quiet = True
        try:
            yield
        finally:
            self._quiet = False


class _Change(widgets.HBox):
    """One change of the scenario: what it touches, and the buttons to open it again or take it away."""

    def __init__(self, place: int, panel: Panel) -> None:
        self.held = False
        self.text = widgets.HTML()
        again = button("Edit", "Put this change back on the screen")
        away = button("×", "Take this change away")
        again.on_click(lambda _: panel._step(lambda: panel.builder.edit(place)))
        away.on_click(lambda _: panel._step(lambda: panel.builder.remove(place)))
        self.recorded = not panel.builder.draft.changes[place].control
        shown = [self.text, away] if self.recorded else [self.text, again, away]
        super().__init__(shown, _dom_classes=("soe-change",))

    def say(self, note: Note, *, held: bool) -> None:
        """What it touches."""
        self.held = held
        text = escape(note.text)
        told = f'<span class="nothing">⚠ Matches nothing. {text}</span>' if note.nothing else f"<span>✓ {text}</span>"
        if self.text.value != (shown := block(told)):
            self.text.value = shown


def button(name: str, tooltip: str, *, style: str = "") -> Any:
    """A button of the page."""
    return widgets.Button(description=name, tooltip=tooltip, button_style=style)


def row(*children: Any) -> Any:
    """Widgets side by side, wrapping."""
    return widgets.HBox(list(children), _dom_classes=("soe-row",))


def _widget(field: Field) -> Any:
    if field.kind == "switch":
        return widgets.Checkbox(value=bool(field.value), description=field.label, indent=False)
    if field.kind == "slide":
        shown = "+d" if field.signed else "d"
        return widgets.IntSlider(
            value=field.value, min=field.least, max=field.most, step=field.step, description=field.label,
            readout_format=shown, disabled=field.least == field.most,
        )  # fmt: skip
    return widgets.Dropdown(options=field.options, value=field.value, description=field.label)


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
            if builder.has_address()
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
