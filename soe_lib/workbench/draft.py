"""A draft: a scenario while it is being made, one change after another, each by a control or as recorded."""

from __future__ import annotations

from dataclasses import dataclass, replace

from soe_lib.errors import DataError, hint
from soe_lib.extract.snapshot import Snapshot
from soe_lib.whatif.edits import Edit
from soe_lib.whatif.scenario import Scenario
from soe_lib.whatif.where import Value
from soe_lib.workbench.control import Note, Part, controls, touching

NO_CHANGE = "this week's plan"


@dataclass(frozen=True)
class Change:
    """One change: what a control says, or edits as they were recorded.

    Parameters
    ----------
    control : the control's key; blank for recorded edits. said : its fields and what they are set to.
    edits : recorded ones.
    """

    control: str = ""
    said: tuple[tuple[str, Value], ...] = ()
    edits: tuple[Edit, ...] = ()

    @classmethod
    def by(cls, control: str, **said: Value) -> Change:
        """A change by a control, its fields by name; DataError for an unknown control, with the nearest one."""
        if control not in controls():
            known = controls()
            raise DataError(f"There is no control {control!r}. {hint(control, known)} There are: {', '.join(known)}.")
        return cls(control, tuple(said.items()))

    def part(self, snapshot: Snapshot) -> Part | None:
        """Its edits and what they touch; None where a control is left as it stood."""
        if self.control:
            return controls()[self.control].part(snapshot, dict(self.said))
        return touching(snapshot, "; ".join(map(str, self.edits)), Scenario("").record(*self.edits))


@dataclass(frozen=True)
class Draft:
    """A scenario while it is being made; every call returns a new one.

    Parameters
    ----------
    changes : made in this order. called : its name; blank: named after its changes. note : why anybody asks.
    answers : the exception that it is an option for; blank: none.
    """

    changes: tuple[Change, ...] = ()
    called: str = ""
    note: str = ""
    answers: str = ""

    @classmethod
    def of(cls, scenario: Scenario, snapshot: Snapshot) -> Draft:
        """A recorded scenario, to go on with: by the controls that made it, where they still make its very edits.

        Else each of its edits is a change that can be taken away.
        """
        if scenario.blocks:
            raise DataError(f"Scenario {scenario.name!r} adds blocks, which are code: answer it as it stands.")
        said = (scenario.name, scenario.note, scenario.answers)
        if scenario.controls:
            by_hand = cls(tuple(Change(*one) for one in scenario.controls), *said)
            if by_hand._makes(scenario.edits, snapshot):
                # A change that changes nothing this week has no line on the page, which would shift all below it.
                kept = tuple(change for change in by_hand.changes if change.part(snapshot) is not None)
                # A name made of the changes follows them: else it would go on saying three days where five are planned.
                made_up = replace(by_hand, called="").recorded(snapshot)[0].name == scenario.name
                return replace(by_hand, changes=kept, called="" if made_up else scenario.name)
        return cls(tuple(Change(edits=(edit,)) for edit in scenario.edits), *said)

    def put(self, change: Change, place: int) -> Draft:
        """The draft with a change in place of the one that stands there."""
        return replace(self, changes=(*self.changes[:place], change, *self.changes[place + 1 :]))

    def insert(self, change: Change, place: int) -> Draft:
        """The draft with one change more, before the one that stands there; behind the others where none does."""
        return replace(self, changes=(*self.changes[:place], change, *self.changes[place:]))

    def without(self, place: int) -> Draft:
        """The draft without one of its changes."""
        return replace(self, changes=(*self.changes[:place], *self.changes[place + 1 :]))

    def named(self, called: str, note: str | None = None) -> Draft:
        """The same changes under a name."""
        return replace(self, called=called.strip(), note=self.note if note is None else note)

    def recorded(
        self, snapshot: Snapshot, known: dict[Change, Part | None] | None = None
    ) -> tuple[Scenario, tuple[Note, ...]]:
        """The scenario of recorded edits, and what each change touches.

        Parameters
        ----------
        known : changes of this snapshot whose parts are known already; filled as it goes.
        """
        known = {} if known is None else known
        for change in self.changes:
            if change not in known:
                known[change] = change.part(snapshot)
        parts = [part for change in self.changes if (part := known[change]) is not None]
        name = self.called or ", ".join(part.words for part in parts) or NO_CHANGE
        edits = tuple(edit for part in parts for edit in part.edits)
        controls = tuple((change.control, change.said) for change in self.changes)
        if not all(name and None not in dict(said).values() for name, said in controls):
            controls = ()  # recorded edits are opened as such; and a file has no word for nothing
        made = Scenario(name, edits, note=self.note, answers=self.answers, controls=controls)
        return made, tuple(part.note for part in parts)

    def _makes(self, edits: tuple[Edit, ...], snapshot: Snapshot) -> bool:
        """Whether its controls make these edits of this snapshot; a file may name controls or fields that are none."""
        try:
            return self.recorded(snapshot)[0].edits == edits
        except (DataError, KeyError, TypeError, ValueError, AttributeError):
            return False
