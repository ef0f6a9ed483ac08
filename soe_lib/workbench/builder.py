"""A scenario in the making: what the page's buttons do, as calls; and one as a short text, to be sent or linked."""

from __future__ import annotations

import base64
import binascii
import os
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, quote, urlparse

from soe_lib.errors import DataError, hint
from soe_lib.store.history import append
from soe_lib.store.meeting import approve
from soe_lib.whatif.scenario import Scenario, find, load, parsed, shelf, text
from soe_lib.whatif.where import Value, plain
from soe_lib.workbench.answer import Answer, Change, Draft
from soe_lib.workbench.control import FEW, Control, Field, Note, controls
from soe_lib.workbench.explorer import Explorer

if TYPE_CHECKING:
    from soe_lib.store.history import Entry
    from soe_lib.store.tables import Store


MARK = "soe1."
"""What a shared scenario begins with; its number is that of the writing."""
PARAMETER = "scenario"
QUERY, SERVER = "QUERY_STRING", "SERVER_SOFTWARE"
"""Under these names Voila hands a page's query, and its own name, on to the page's kernel."""
LARGEST = 200_000
"""Characters that a shared scenario may unfold to: whoever sends more sends no scenario."""


def has_address() -> bool:
    """Whether the workbench is a page of its own (Voila), whose address opens a scenario; a notebook's does not."""
    return os.environ.get(SERVER, "").startswith("voila")


def asks(query: str) -> bool:
    """Whether a page's query holds a scenario."""
    return PARAMETER in parse_qs(query)


def code(scenario: Scenario) -> str:
    """The scenario as one word of letters, digits, "-" and "_"."""
    if scenario.blocks:
        raise DataError(f"Scenario {scenario.name!r} adds blocks, which are code and cannot be shared as a text.")
    packed = zlib.compress(text(scenario).encode(), level=9)
    return MARK + base64.urlsafe_b64encode(packed).decode().rstrip("=")


def link(scenario: Scenario, page: str = "") -> str:
    """An address that opens the workbench's page with the scenario; without a page the query alone."""
    return f"{page}?{PARAMETER}={quote(code(scenario))}"


def shared(received: str) -> Scenario:
    """The scenario of a code, or of a link that holds one.

    Raises DataError where it is cut, or is none at all. Nothing in it is run: it names edits, and these are checked.
    """
    word = received.strip()
    if PARAMETER in word and not word.startswith(MARK):
        word = parse_qs(urlparse(word).query).get(PARAMETER, [""])[0]
    if not word.startswith(MARK):
        raise DataError(f"This is no shared scenario: one begins with {MARK!r}, or is a link that holds one.")
    try:
        packed = base64.b64decode(
            word[len(MARK) :] + "=" * (-len(word[len(MARK) :]) % 4), altchars=b"-_", validate=True
        )
        unfold = zlib.decompressobj()
        content = unfold.decompress(packed, LARGEST)
        if not unfold.eof:
            raise ValueError("unfinished")
        return parsed(content.decode())
    except DataError:
        raise
    except (binascii.Error, zlib.error, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError("This shared scenario is not whole: a part of it was lost. Ask for it again.") from error


FIRST = "downtime"


@dataclass(frozen=True)
class State:
    """What undo goes back to.

    Parameters
    ----------
    draft : the scenario. control : the one on the screen. form : what its fields are set to; others stand as given.
    held : which change of the draft the control holds; None: none, its fields change nothing yet.
    place : where its change goes once there is one; None: behind the others.
    """

    draft: Draft = field(default_factory=Draft)
    control: str = FIRST
    held: int | None = None
    form: tuple[tuple[str, Value], ...] = ()
    place: int | None = None


class Builder:
    """A scenario in the making over one Explorer: one control at a time is on the screen, and edits one change.

    Parameters
    ----------
    explorer : answers. path : the scenarios.toml that is saved to and loaded from; left out: the company's.
    """

    def __init__(self, explorer: Explorer, path: str | Path | None = None) -> None:
        self.explorer = explorer
        self.path = Path(path) if path else shelf(explorer.snapshot)
        self.state, self.past = State(), list[State]()
        self._answered = Draft()
        self.kept: dict[str, Answer] = {}

    # -- editing ------------------------------------------------------------------------------------------------

    @property
    def draft(self) -> Draft:
        """The scenario so far."""
        return self.state.draft

    @property
    def control(self) -> Control:
        """The control on the screen."""
        return controls()[self.state.control]

    @property
    def fields(self) -> tuple[Field, ...]:
        """What it asks, set as it stands on the screen."""
        form = dict(self.state.form)
        asked = self.control.fields(self.explorer.choices)
        return tuple(one.at(form.get(one.name, one.value)) for one in asked)

    def choose(self, control: str) -> Builder:
        """Put another control on the screen; what the last one says stays in the scenario."""
        Change.by(control)  # an unknown one raises
        self.state = State(self.draft, control)
        return self

    def set(self, **said: Value) -> Builder:
        """Set fields of the control on the screen; what all of them then say joins the scenario, or is moved there.

        What is planned is what the fields show: each keeps what it was set to, in whatever order they are set.

        Raises DataError for a field that the control does not have, or a value that a field cannot stand at.
        """
        form = self._form(said)
        change, held = Change.by(self.state.control, **form), self.state.held
        place = self.state.place if held is None else held
        stands = replace(self.state, form=tuple(form.items()))
        if change.part(self.explorer.snapshot) is None:  # back where it stood: no change at all
            draft = self.draft if held is None else self.draft.without(held)
            return self._go(replace(stands, draft=draft, held=None, place=place))
        if held is None:
            place = len(self.draft.changes) if place is None else place
            return self._go(replace(stands, draft=self.draft.insert(change, place), held=place))
        return self._go(replace(stands, draft=self.draft.put(change, held)))

    def _form(self, said: Mapping[str, Value]) -> dict[str, Value]:
        """What every field of the control says once some of them are set."""
        fields = {one.name: one for one in self.fields}
        for name in said:
            if name not in fields:
                advice = hint(name, fields)
                raise DataError(
                    f"The control {self.state.control!r} has no field {name!r}. {advice} It has: {', '.join(fields)}."
                )
        return {name: one.read(plain(said[name])) if name in said else one.value for name, one in fields.items()}

    def edit(self, place: int) -> Builder:
        """Put a change of the scenario back on the screen; recorded edits can only be taken away."""
        change = self.draft.changes[place]
        if change.control:
            self.state = State(self.draft, change.control, place, change.said)
        return self

    def remove(self, place: int) -> Builder:
        """Take a change out of the scenario; a control that holds another one goes on holding it."""
        draft, state = self.draft.without(place), self.state
        if state.held == place:
            return self._go(State(draft, state.control))
        held, goes = (at if at is None or at <= place else at - 1 for at in (state.held, state.place))
        return self._go(replace(state, draft=draft, held=held, place=goes))

    def undo(self) -> Builder:
        """Back to what stood before the last step."""
        if self.past:
            self.state = self.past.pop()
        return self

    def reset(self) -> Builder:
        """An empty scenario; undo brings back what there was."""
        return self._go(State(control=self.state.control))

    def rename(self, called: str, note: str | None = None) -> Builder:
        """Give the scenario a name, and a note."""
        self.state = replace(self.state, draft=self.draft.named(called, note))
        return self

    def take(self, scenario: Scenario) -> Builder:
        """Go on from a recorded scenario; the control that made its last change comes on the screen, holding it."""
        draft = Draft.of(scenario, self.explorer.snapshot)
        if not all(map(self._shows, draft.changes)):  # of another week, or made by a script: a day that no list has now
            draft = Draft.of(replace(scenario, controls=()), self.explorer.snapshot)
        last = len(draft.changes) - 1
        made = draft.changes[last].control if draft.changes else ""
        return self._go(
            State(draft, made, last, draft.changes[last].said) if made else State(draft, self.state.control)
        )

    def _shows(self, change: Change) -> bool:
        """Whether the fields of its control can stand at what a change says; recorded edits have none."""
        if not change.control:
            return True
        asked = controls()[change.control].fields(self.explorer.choices)
        fields, said = {one.name: one for one in asked}, dict(change.said)
        return fields.keys() == said.keys() and all(fields[name].shows(value) for name, value in said.items())

    def _go(self, state: State) -> Builder:
        """The next state. Undo goes back to what was answered, not to every place that a slider went through."""
        if state.draft.changes != self.draft.changes and (
            self.draft.changes == self._answered.changes or not self.past
        ):
            self.past.append(self.state)
        self.state = state
        return self

    # -- answers ------------------------------------------------------------------------------------------------

    def answer(self) -> Answer:
        """What the scenario is worth."""
        self._answered = draft = self.draft
        return self.explorer.answer(draft)

    def notes(self) -> tuple[Note, ...]:
        """What each change of the scenario touches, without planning anything."""
        return self.explorer.recorded(self.draft)[1]

    @property
    def scenario(self) -> Scenario:
        """The scenario as recorded edits."""
        return self.explorer.recorded(self.draft)[0]

    def keep(self, answer: Answer | None = None) -> Answer:
        """Put the answer beside the others, by its name; returns it."""
        found = answer or self.answer()
        self.kept[found.name] = found
        return found

    @property
    def side_by_side(self) -> list[Answer]:
        """The base and everything kept."""
        return [self.explorer.base, *self.kept.values()]

    # -- handing on ---------------------------------------------------------------------------------------------

    def save(self) -> Path:
        """Write the scenario into scenarios.toml, in place of one of the same name; DataError where it is empty."""
        return self._changed_one().save(self.path)

    def saved(self) -> tuple[Scenario, ...]:
        """The scenarios of scenarios.toml; none where there is no file."""
        return load(self.path) if self.path.is_file() else ()

    def load(self, name: str) -> Builder:
        """Go on from a saved scenario."""
        return self.take(find(self.path, name))

    def link(self, page: str = "") -> str:
        """The scenario as a link; see `soe_lib.workbench.builder`."""
        return link(self._changed_one(), page)

    def receive(self, code: str) -> Builder:
        """Go on from a scenario that somebody shared."""
        return self.take(shared(code))

    def offer(self, exception: str) -> Path:
        """Hand the scenario to the weekly pack, as an option for an exception of this week (any part of its name).

        Raises DataError where the scenario is empty, or the week has no such exception, with the nearest one.
        """
        self._changed_one()
        self.state = replace(self.state, draft=replace(self.draft, answers=self._answerable(exception.strip())))
        return self.save()

    def _answerable(self, exception: str) -> str:
        """The exception that is meant: by its whole name where it is one, by the part where several share it."""
        if not exception:
            raise DataError("An option answers an exception: name it, or a part of its name.")
        known = self.explorer.exceptions()
        meant = [name for name in known if exception.lower() in name.lower()]
        if not meant:
            listed = f"There are: {', '.join(known[:FEW])}{', …' if known[FEW:] else ''}." if known else "It has none."
            raise DataError(f"This week has no exception {exception!r}. {hint(exception, known)} {listed}")
        whole = [name for name in meant if name.lower() == exception.lower()]
        return (whole or (meant if len(meant) == 1 else [exception]))[0]

    def promote(self, *, by: str, reason: str, store: Store) -> Entry:
        """Make the scenario's plan the plan of record: kept in the plan history, and decided.

        Raises DataError where the scenario is empty, it has no plan, or `by` or `reason` is blank.
        """
        scenario = self._changed_one()
        answer = self.answer()
        if answer.plan is None:
            raise DataError(f"{answer.name}: there is no plan to promote. {answer.message}")
        for what, given in (("name", by), ("reason", reason)):
            if not given.strip():
                raise DataError(f"A plan of record needs the {what} of who decides: say who, and why.")
        made, why = replace(answer.plan, name=answer.name), f"decided: {answer.name}: {reason}"
        entry = append(store, made, reason=why, scenario=text(scenario))
        approve(store, entry.as_of, entry.run, by=by, reason=reason, company=entry.company)
        return entry

    def _changed_one(self) -> Scenario:
        scenario = self.scenario
        if not scenario.edits:
            raise DataError("Nothing is changed yet: there is no scenario to keep.")
        return scenario
