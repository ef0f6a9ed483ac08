"""One figure of the scoreboard: a value, its unit, what it means, and how to read it.

"Insufficient history" is a state of its own ("unknown"), never a zero and never a blank.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from soe_lib.review import words

State = Literal["good", "watch", "act", "unknown"]
Side = Literal["", "below", "above"]


@dataclass(frozen=True)
class Band:
    """Where a figure is good and where it must be acted on; both sides count, so too high can be as bad as
    too low.

    Parameters
    ----------
    good : lowest and highest good value, in the unit of the score.
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
    def known(self) -> bool:
        """Whether there is a figure at all."""
        return self.value is not None

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

    def moved(self, delta: str) -> Score:
        """The same score with how it moved since the last plan."""
        return replace(self, delta=delta)

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
