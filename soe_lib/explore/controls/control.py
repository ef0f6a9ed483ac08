"""A control: one kind of change that a planner may make, its fields, and the edits that they stand for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Literal

from soe_lib.errors import DataError
from soe_lib.explore.choices import Choices
from soe_lib.explore.part import Part
from soe_lib.extract.snapshot import Snapshot
from soe_lib.extract.spelling import hint
from soe_lib.whatif.where import Value

Kind = Literal["pick", "slide", "switch"]
Said = Mapping[str, Value]
Options = tuple[tuple[str, Value], ...]
FEW = 8
"""So many entries of a list are named in an error."""


@dataclass(frozen=True)
class Field:
    """One thing to set.

    Parameters
    ----------
    name : in what is said. label : for the reader, with its unit.
    value : before anybody touched it. kind : a list to pick from, a slider, or a switch.
    options : of a list: label, value. least, most, step : of a slider.
    signed : whether a slider shows "+5".
    """

    name: str
    label: str
    kind: Kind
    value: Value
    options: Options = ()
    least: int = 0
    most: int = 0
    step: int = 1
    signed: bool = False

    def shows(self, value: Value) -> bool:
        """Whether it can stand at a value."""
        if self.kind == "pick":
            return any(value == one for _, one in self.options)
        if self.kind == "switch":
            return isinstance(value, bool)
        return isinstance(value, int) and self.least <= value <= self.most

    def read(self, value: Value) -> Value:
        """A value as the field can stand at it: an entry of its list or its label, yes or no, a whole number.

        Raises DataError for any other, with what there is: what cannot be shown is not planned either.
        """
        if self.kind == "pick":
            return self._picked(value)
        if self.kind == "switch":
            if isinstance(value, bool):
                return value
            raise DataError(f"{self.name} is a switch: give True or False, not {value!r}.")
        if isinstance(value, bool) or not isinstance(value, int | float) or value != int(value):
            raise DataError(f"{self.name} ({self.label}) takes a whole number, not {value!r}.")
        return int(value)

    def at(self, value: Value) -> Field:
        """The field set to a value that it can stand at; a slider reaches as far as it must."""
        if self.kind != "slide" or not isinstance(value, int):
            return replace(self, value=value)
        below, above = max(self.least - value, 0), max(value - self.most, 0)
        least, most = (-(-far // self.step) * self.step for far in (below, above))
        return replace(self, value=value, least=self.least - least, most=self.most + most)

    def _picked(self, value: Value) -> Value:
        for meant in (
            [known for _, known in self.options if value == known],
            [known for _, known in self.options if isinstance(known, date) and value == known.isoformat()],
            [known for label, known in self.options if value == label],
        ):
            if meant:
                return meant[0]
        listed = [str(label) for label, _ in self.options]
        advice = hint(str(value), [*listed, *(str(known) for _, known in self.options)])
        shown = ", ".join(listed[:FEW]) + (f" and {len(listed) - FEW} more" if len(listed) > FEW else "")
        raise DataError(f"{self.name} ({self.label}) has no {value!r}. {advice or f'There are: {shown}.'}")


@dataclass(frozen=True)
class Control:
    """One kind of change.

    Parameters
    ----------
    key : its name in a file or a script. title : what a planner reads. group : where the list shows it.
    place : in the list.
    fields : (snapshot, choices) → what there is to set.
    part : (snapshot, said) → the edits, or None where what is said changes nothing yet.
    """

    key: str
    title: str
    group: str
    place: int
    fields: Callable[[Snapshot, Choices], tuple[Field, ...]]
    part: Callable[[Snapshot, Said], Part | None]


def pick(name: str, label: str, options: Options, value: Value = None) -> Field:
    """A list to pick from; its first entry where no value is given."""
    known = [one for _, one in options]
    first = known[0] if known else ""
    return Field(name, label, "pick", value if value in known and value is not None else first, options)


def some_or_all(name: str, label: str, everything: str, names: tuple[str, ...]) -> Field:
    """A list whose first entry, blank, stands for all."""
    return pick(name, label, ((everything, ""), *((one, one) for one in names)), "")


def one_of(name: str, label: str, names: tuple[str, ...], value: str = "") -> Field:
    """A list of names of which one must be picked; blank where there is none."""
    return pick(name, label, tuple((one, one) for one in names) or (("none there", ""),), value)


def slide(
    name: str, label: str, least: int, most: int, *, step: int = 1, value: int = 0, signed: bool = False
) -> Field:
    """A slider of whole numbers."""
    return Field(name, label, "slide", value, least=min(least, value), most=max(most, value), step=step, signed=signed)


def share(name: str = "share", label: str = "Change, %", least: int = -50, most: int = 100, step: int = 1) -> Field:
    """A slider of a change in per cent."""
    return slide(name, label, least, most, step=step, signed=True)


def where(said: Said, *names: str) -> dict[str, Value]:
    """Filters of what is said, blanks left out."""
    return {name: said[name] for name in names if said.get(name)}


def text(said: Said, name: str) -> str:
    """What is said as text, blank where nothing is."""
    return str(said.get(name) or "")


def number(said: Said, name: str) -> float:
    """What is said as a number, 0 where nothing is."""
    value = said.get(name) or 0
    if not isinstance(value, int | float):
        raise DataError(f"{name} is a number, not {value!r}.")
    return float(value)
