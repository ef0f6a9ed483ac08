"""What is asked, a scenario in the making, and what is answered: its worth, figure by figure beside the base."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import polars as pl

from soe_lib.errors import DataError, hint
from soe_lib.extract.snapshot import Snapshot
from soe_lib.review import words
from soe_lib.review.measures import standing
from soe_lib.store.plan import Plan
from soe_lib.whatif.edits import Edit
from soe_lib.whatif.scenario import Scenario
from soe_lib.whatif.where import Value
from soe_lib.whatif.why_not import MOVES
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


UNITS = {"share": "%", "hours": "h"}
"""Units that the workbench writes in another way."""
State = Literal["better", "worse", "level", "more", "less", "unknown"]

ACCOUNTS = pl.Schema({"account": pl.String, "base": pl.Float64, "value": pl.Float64, "change": pl.Float64})
"""Money by account: of the base, of the trial, and the difference."""

SMALL = {"money": 1000.0}
"""Figures below this are shown with decimals."""


@dataclass(frozen=True)
class Kpi:
    """One figure of an answer beside the base.

    Parameters
    ----------
    name : what it is called. meaning : its definition, one sentence.
    value, base : in `unit` (a share for "%"); None where it cannot be known.
    better : +1 where more is better, −1 where less is, 0 where neither is.
    """

    name: str
    meaning: str
    value: float | None
    base: float | None
    unit: str
    better: int

    @property
    def change(self) -> float | None:
        """value − base; None where either is not known."""
        return None if self.value is None or self.base is None else self.value - self.base

    @property
    def state(self) -> State:
        """How it stands against the base, in a word."""
        change = self.change
        if change is None:
            return "unknown"
        if round(100 * change if self.unit == "%" else change, self.decimals) == 0:
            return "level"  # what is shown as 0 is no change
        if not self.better:
            return "more" if change > 0 else "less"
        return "better" if change * self.better > 0 else "worse"

    @property
    def decimals(self) -> int:
        """How many decimals the figure is shown with, the same for value, base and change."""
        if self.unit == "%":
            return 1
        largest = max(abs(self.value or 0.0), abs(self.base or 0.0))
        return 0 if largest >= SMALL.get(self.unit, 100.0) else 2 if self.unit == "money" else 1

    def number(self, figure: float | None, *, sign: bool = False) -> str:
        """A figure without its unit: "10,506,838", "97.4 %"; a change of a share in points."""
        if self.unit == "%":
            text = words.percent(figure, decimals=1, sign=sign)
            return text.replace("%", "points") if sign else text
        nothing = figure is not None and round(figure, self.decimals) == 0
        return words.number(figure, decimals=0 if nothing else self.decimals, sign=sign)

    def shown(self, figure: float | None, currency: str) -> str:
        """A figure as a reader sees it: "EUR 10,506,838", "97.4 %", "1,250", "48.0 h"."""
        text = self.number(figure)
        if figure is None or self.unit not in ("money", "h"):
            return text
        return f"{currency}{words.HARD_SPACE}{text}" if self.unit == "money" else f"{text}{words.HARD_SPACE}h"


@dataclass(frozen=True)
class Seconds:
    """Where the time of an answer went.

    Parameters
    ----------
    edit : making the changed snapshot. assemble : building, checking and valuing the program. solve : in the solver.
    read : working out the figures [s].
    """

    edit: float = 0.0
    assemble: float = 0.0
    solve: float = 0.0
    read: float = 0.0

    @property
    def total(self) -> float:
        """From the changed control to the figures [s]."""
        return self.edit + self.assemble + self.solve + self.read

    @property
    def share_of_solve(self) -> float:
        """The solver's part of the total."""
        return self.solve / self.total if self.total else 0.0

    def __str__(self) -> str:
        if not self.solve:
            return "Answered at once: nothing had to be solved."
        rest = self.assemble + self.edit + self.read
        return (
            f"Answered in {words.number(self.total, decimals=2)} s: solver {words.number(self.solve, decimals=2)} s "
            f"({words.percent(self.share_of_solve)}), building and checking {words.number(rest, decimals=2)} s."
        )


@dataclass(frozen=True)
class Answer:
    """What one trial is worth.

    Parameters
    ----------
    trial : what was changed: the controls, or a scenario of any edits. scenario : the same as recorded edits, to be
        compared, saved or handed on.
    currency : of the money.
    kpis : margin, cash, revenue, service … beside the base; empty without a plan.
    moves : flow, what, where, week, place, before, after, change [units; h for overtime], money; the most money first.
    accounts : account, base, value, change [money].
    notes : what each edit touched.
    message : why there is no plan; blank where there is one.
    plan : the certified plan, None without one. snapshot : what it was made from, the trial's edits included.
    seconds : where the time went.
    """

    trial: Scenario | Draft
    currency: str
    scenario: Scenario | None = None
    kpis: tuple[Kpi, ...] = ()
    moves: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=MOVES))
    accounts: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=ACCOUNTS))
    notes: tuple[Note, ...] = ()
    message: str = ""
    plan: Plan | None = None
    snapshot: Snapshot | None = None
    seconds: Seconds = field(default_factory=Seconds)

    @property
    def ok(self) -> bool:
        """Whether there is a plan."""
        return self.plan is not None

    @property
    def name(self) -> str:
        """The trial in one line."""
        if self.trial == Draft() or self.scenario is None:
            return (self.trial.called or NO_CHANGE) if isinstance(self.trial, Draft) else self.trial.name
        return self.scenario.name if isinstance(self.trial, Draft) else self.trial.name

    @property
    def values(self) -> dict[str, float | None]:
        """Figure → value; None for all of them without a plan."""
        return {name: self[name].value if self.ok else None for name in units()}

    def __getitem__(self, name: str) -> Kpi:
        """One figure by its name; an unknown name raises KeyError with those there are."""
        for kpi in self.kpis:
            if kpi.name == name:
                return kpi
        raise KeyError(f"There is no figure {name!r}; there are {', '.join(kpi.name for kpi in self.kpis) or 'none'}.")

    def __repr__(self) -> str:
        if not self.ok:
            return f"{self.name}: no plan. {self.message}"
        lines = [f"{self.name}. {self.seconds}"]
        for kpi in self.kpis:
            change = "" if kpi.change is None else f"{kpi.number(kpi.change, sign=True):>16}  {kpi.state}"
            lines.append(f"  {kpi.name:<16}{kpi.shown(kpi.value, self.currency):>20}{change}")
        return "\n".join([*lines, *(f"  {note.text}" for note in self.notes)])


def figures(plan: Plan) -> dict[str, float | None]:
    """The figures of a plan by name; None where the extract does not say enough."""
    return {one.label: one.value(plan) for one in standing("workbench")}


def units() -> dict[str, str]:
    """Figure → unit, in the order in which they stand."""
    return {one.label: UNITS.get(one.unit, one.unit) for one in standing("workbench")}


def kpis(value: dict[str, float | None], base: dict[str, float | None]) -> tuple[Kpi, ...]:
    """The figures of a trial beside those of the base."""
    return tuple(
        Kpi(one.label, one.definition, value[one.label], base[one.label], UNITS.get(one.unit, one.unit), one.direction)
        for one in standing("workbench")
    )


def by_account(plan: Plan, base: Plan) -> pl.DataFrame:
    """account, base, value, change [money], in finance's order; steering accounts included."""
    there, here = base.ledger.accounts(), plan.ledger.accounts()
    names: Sequence[str] = [*here, *(name for name in there if name not in here)]
    frame = pl.DataFrame(
        {
            "account": names,
            "base": [there.get(name, 0.0) for name in names],
            "value": [here.get(name, 0.0) for name in names],
        },
        schema={name: ACCOUNTS[name] for name in ("account", "base", "value")},
    )
    return frame.with_columns(change=pl.col("value") - pl.col("base"))
