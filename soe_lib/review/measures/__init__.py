"""One definition of each measure: scoreboards, `soe.kpis`, comparisons, frontiers and the workbench read it from here.

A new measure is one file: `add(Measure(...))`, in a module of this folder or anywhere that is imported before it is
asked for. "Insufficient history" is a state of its own ("unknown"), never a zero and never a blank.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal

from soe_lib.errors import DataError, hint
from soe_lib.model.axis import Floats
from soe_lib.review import words

if TYPE_CHECKING:
    from soe_lib.model.model import Model
    from soe_lib.review.week import Week
    from soe_lib.store.plan import Plan

State = Literal["good", "watch", "act", "unknown"]
Side = Literal["", "below", "above"]
Unit = Literal["share", "money", "hours", "units", "days", "ratio", "receipts"]
Reads = Literal["plan", "week", "finance", "risk"]


@dataclass(frozen=True)
class Band:
    """Where a figure is good and where it must be acted on; both sides count, so too high can be as bad as
    too low.

    Parameters
    ----------
    good : lowest and highest good value, in the unit of the measure.
    watch : lowest and highest value that need only watching; outside it, act.
    """

    good: tuple[float, float]
    watch: tuple[float, float]

    def judge(self, value: float) -> State:
        """The state of a value: good inside the inner band, watch inside the outer one, act beyond it."""
        if self.good[0] <= value <= self.good[1]:
            return "good"
        return "watch" if self.watch[0] <= value <= self.watch[1] else "act"

    def side(self, value: float) -> Side:
        """On which side of the good band a value lies; blank inside it."""
        return "below" if value < self.good[0] else "above" if value > self.good[1] else ""


@dataclass(frozen=True)
class Score:
    """One figure of the scoreboard.

    Parameters
    ----------
    name : what it is called, with its lag or its basis.
    value : the figure in `unit`; None where it cannot be known.
    unit : "%" (value 0.93 is shown as 93 %), "days", a currency, "units", "ratio", …
    state : good, watch, act; unknown where there is no judgement or no figure.
    text : one sentence: the definition, the meaning of the sign, or why it is not known.
    delta : how it moved since the last plan, as text; blank where there is none.
    side : below or above its tolerance: both count; blank inside it, or where nobody judges.
    """

    name: str
    value: float | None
    unit: str
    state: State
    text: str
    delta: str = ""
    side: Side = ""

    @property
    def shown(self) -> str:
        """The figure as a reader sees it: "93.1 %", "12.5 days", "EUR 40,200", "insufficient history"."""
        if self.value is None:
            return "insufficient history"
        if self.unit == "%":
            return words.percent(self.value, decimals=1)
        if len(self.unit) == 3 and self.unit.isupper():
            return words.money(self.value, self.unit)
        decimals = 0 if abs(self.value) >= 1000 or float(self.value).is_integer() else 2 if self.unit == "ratio" else 1
        figure = words.number(self.value, decimals=decimals)
        return figure if self.unit in {"", "ratio"} else f"{figure}{words.HARD_SPACE}{self.unit}"

    def as_dict(self) -> dict[str, object]:
        """The score as the pack's cover reads it."""
        return {
            "name": self.name, "value": self.value, "unit": self.unit, "text": self.text,
            "shown": self.shown, "delta": self.delta, "state": self.state, "side": self.side,
        }  # fmt: skip


def known(name: str, value: float, unit: str, text: str, *, band: Band | None = None) -> Score:
    """A score with a figure; judged where a band is given, else shown without a judgement."""
    state: State = band.judge(value) if band else "unknown"
    return Score(name, float(value), unit, state, text, side=band.side(value) if band else "")


def insufficient(name: str, unit: str, why: str) -> Score:
    """A score that cannot be known yet, with the reason: "no sales in the period", "2 of the 4 weeks
    needed".
    """
    return Score(name, None, unit, "unknown", words.sentence(f"Insufficient history: {why}"))


@dataclass(frozen=True)
class Reading:
    """A figure that says more than its measure does.

    Parameters
    ----------
    value : the figure; None where it cannot be known. text : in place of the measure's definition, or why there is no
        figure. unit : in place of the measure's.
    """

    value: float | None
    text: str = ""
    unit: str = ""


@dataclass(frozen=True)
class Linear:
    """constant + Σ terms · quantity.

    Parameters
    ----------
    terms : flow → coefficient of each of its cells, shape (cells,).
    """

    terms: Mapping[str, Floats] = field(default_factory=dict)
    constant: float = 0.0


Ratio = tuple[Linear, Linear]
"""What is counted, and what it is divided by."""


@dataclass(frozen=True)
class Measure:
    """One figure of a plan or a week, how it is judged, and where it can be limited or traded, its linear form.

    Parameters
    ----------
    name : as asked for. label : as a sentence or a chart says it. definition : in words, with its formula.
    unit : "share", "money", "hours", … direction : +1 where more is better, −1 where less is, 0 where neither.
    of : what it reads → figure, or a Reading where it says more; None where it cannot be told.
    band : where the figure is good, or needs watching; None: nobody judges it.
    reads : "plan" (and plan of record, where it is needed), "week", or what a page works out: "finance", "risk".
    title : as a scoreboard says it; left out: the label. why : why there is no figure, where there is none.
    on : where it stands, and in which place there: a page's name, "comparison", "workbench".
    form : model (and plan of record) → amount and base, both linear in the quantities; None: it cannot be limited.
    needs_record : whether it is measured against the plan of record, in the periods of the plan (`in_horizon`).
    delta : week → how it moved since the last plan, as text. when : week → whether it has anything to say.
    """

    name: str
    label: str
    definition: str
    unit: Unit
    direction: int
    of: Callable[..., float | Reading | None]
    band: Band | None = None
    reads: Reads = "plan"
    title: str = ""
    why: str = "it is not known"
    on: Mapping[str, float] = field(default_factory=dict)
    form: Callable[..., Ratio] | None = None
    needs_record: bool = False
    delta: Callable[[Week], str] | None = None
    when: Callable[[Week], bool] | None = None

    def value(self, plan: Plan, record: Plan | None = None) -> float | None:
        """The figure of a finished plan; None where it cannot be told, or is none of a plan alone."""
        return self.reading(Alone(plan, record)).value if self.reads == "plan" else None

    def reading(self, read: Any) -> Reading:
        """The figure of a week, or of what a page works out of it (`Finance`, `Stressed`)."""
        situation = week_of(read)
        found: float | Reading | None = None
        if self.reads != "plan":
            found = self.of(situation if self.reads == "week" else read)
        elif not self.needs_record:
            found = self.of(situation.plan)
        elif situation.record is not None:
            found = self.of(situation.plan, situation.record)
        return found if isinstance(found, Reading) else Reading(found)

    def score(self, read: Any) -> Score:
        """The same figure, judged, as a scoreboard shows it."""
        found, situation = self.reading(read), week_of(read)
        name, unit = self.title or self.label, found.unit or self.shown_unit(situation.currency)
        if found.value is None:
            return insufficient(name, unit, found.text or self.why)
        score = known(name, found.value, unit, found.text or self.definition, band=self.band)
        return replace(score, delta=self.delta(situation)) if self.delta else score

    def shown_unit(self, currency: str) -> str:
        """The unit as a scoreboard writes it."""
        return {"share": "%", "money": currency}.get(self.unit, self.unit)

    def linear(self, model: Model, record: Plan | None = None) -> Ratio:
        """Amount and base as expressions of the model's quantities."""
        assert self.form is not None, f"{self.name} has no linear form"
        return self.form(model, record) if self.needs_record else self.form(model)

    def said(self, value: float | None, currency: str, *, brief: bool = True) -> str:
        """A figure as a reader sees it: "97.4 %", "EUR 1.24 million", not brief "EUR 1,240,310"."""
        if self.unit == "share":
            return words.percent(value, decimals=1)
        return words.brief_money(value, currency) if brief else words.money(value, currency)

    def changed(self, difference: float, currency: str) -> str:
        """The size of a difference: "1.2 points", "EUR 86 thousand"."""
        if self.unit == "share":
            return f"{words.number(100 * abs(difference), decimals=1)} points"
        return words.brief_money(abs(difference), currency)


@dataclass(frozen=True, eq=False)
class Alone:
    """A plan without a week around it: what its measures need of one."""

    plan: Plan
    record: Plan | None = None

    @property
    def currency(self) -> str:
        """Currency of all money."""
        return self.plan.currency


_ADDED: dict[str, Measure] = {}


def add(*measures: Measure) -> None:
    """Make measures known to scoreboards, `soe.kpis`, comparisons and, with a linear form, frontiers.

    Raises DataError where another measure has the name.
    """
    for one in measures:
        there = _ADDED.get(one.name)
        if there is not None and there.definition != one.definition:
            raise DataError(f"There is a measure {one.name!r} already: {there.definition} Give yours another name.")
        _ADDED[one.name] = one


@cache
def _own() -> None:
    """Import every module of this folder once; each adds its measures."""
    for module in pkgutil.iter_modules(__path__):
        import_module(f"{__name__}.{module.name}")


def every() -> Mapping[str, Measure]:
    """Name → measure, of all that are known."""
    _own()
    return _ADDED


def standing(where: str) -> list[Measure]:
    """The measures of a page, of "comparison" or "workbench", in their places."""
    return sorted((one for one in every().values() if where in one.on), key=lambda one: one.on[where])


def tradable(name: str) -> Measure:
    """A measure that can be traded by its name; raises DataError with the nearest where there is none."""
    names = [one.name for one in every().values() if one.form is not None]
    if name not in names:
        raise DataError(f"There is no measure {name!r}. {hint(name, names)} Known: {', '.join(names)}.")
    return every()[name]


def scores(page: str, read: Any) -> tuple[Score, ...]:
    """The scoreboard of a page.

    Parameters
    ----------
    read : the week, or what the page works out of it (`Finance`, `Stressed`).
    """
    week = week_of(read)
    return tuple(one.score(read) for one in standing(page) if one.when is None or one.when(week))


def week_of(read: Any) -> Any:
    """The week behind what a page works out of it; itself where it is one."""
    return getattr(read, "situation", read)
