"""The left side of the page: one control at a time, and the changes of the scenario below it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import contextmanager
from html import escape
from typing import TYPE_CHECKING, Any

import ipywidgets as widgets

from soe_lib.errors import SoeError
from soe_lib.explore.builder import Builder
from soe_lib.explore.controls import controls
from soe_lib.explore.controls.control import Field
from soe_lib.explore.part import Note
from soe_lib.explore.view import block

if TYPE_CHECKING:
    from collections.abc import Iterator


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
