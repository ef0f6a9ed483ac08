"""One exception and the decision that it asks for, and how a week's exceptions are found.

Every detector in a module of this package is found by itself, so that a new one touches no other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Any, TypeAlias

from soe_lib.review import words

if TYPE_CHECKING:
    from soe_lib.review.week import Week


@dataclass(frozen=True)
class Issue:
    """Something that has come apart, with the money at stake and what may be done.

    Parameters
    ----------
    kind : what sort of exception, the same for all of one detector.
    subject : what it is about; with `kind` it names the exception from week to week.
    what : one sentence: what happens, where and when.
    cause : one sentence: the event, the late receipt or the scarce thing behind it.
    money : at stake, never negative [money]. basis : how that money was worked out.
    ask : the decision it asks for. doing_nothing : what happens without one.
    owner : the role that should act. deadline : the last day on which acting helps; None where none is
        known.
    page, anchor : where the reader finds more.
    service : what it means for customers, in words. revenue : of the units that wait or are gone [money].
    headline : the finding in a few words; `what` where it is left out.
    hand_up : who decides where it is not this meeting, such as "S&OP"; blank: this meeting.
    certain : False for money that is only exposed, such as stock under its safety level.
    about : what it touches, by kind of thing: event, receipt, resource, items, customers, components, orders, weeks.
    """

    kind: str
    subject: str
    what: str
    cause: str
    money: float
    basis: str
    ask: str
    doing_nothing: str
    owner: str
    page: str
    anchor: str
    deadline: date | None = None
    service: str = ""
    revenue: float = 0.0
    headline: str = ""
    hand_up: str = ""
    certain: bool = True
    about: Mapping[str, tuple[str, ...]] = field(default_factory=dict, compare=False)

    @property
    def short(self) -> str:
        """The finding in a few words."""
        return self.headline or self.what

    @property
    def key(self) -> str:
        """The name under which the exception and its decision are known from week to week."""
        return f"{self.kind}: {self.subject}"

    def as_decision(
        self, currency: str, *, options: Sequence[Mapping[str, Any]] = (), memory: str = ""
    ) -> dict[str, Any]:
        """The decision as the pack's cover lists it.

        Parameters
        ----------
        options : its priced answers, ready to be shown. memory : how long it has been open, in words.
        """
        return {
            "key": self.key,
            "options": [dict(option) for option in options],
            "memory": memory,
            "title": self.ask,
            "why": " ".join(words.sentence(text) for text in (self.what, self.cause) if text),
            "money": round(self.money, 2),
            "currency": currency,
            "service": self.service,
            "deadline": self.deadline.isoformat() if self.deadline else "",
            "owner": self.owner,
            "doing_nothing": words.sentence(self.doing_nothing),
            "hand_up": self.hand_up,
            "page": self.page,
            "anchor": self.anchor,
        }


def rank(issues: list[Issue]) -> tuple[Issue, ...]:
    """Certain money before exposed money, most first; equal ones by name, so that the order never
    flickers.
    """
    return tuple(sorted(issues, key=lambda issue: (not issue.certain, -round(issue.money), issue.kind, issue.subject)))


Detector: TypeAlias = "Callable[[Week], Iterable[Issue]]"
_KNOWN: dict[str, Detector] = {}


def detector(function: Detector) -> Detector:
    """Register a function that finds one kind of exception; its name is the detector's name."""
    _KNOWN[function.__name__] = function
    return function


def registered() -> dict[str, Detector]:
    """Every detector by name, in the order of their names."""
    package = import_module("soe_lib.review.exceptions")
    for module in iter_modules(package.__path__, f"{package.__name__}."):
        import_module(module.name)
    return dict(sorted(_KNOWN.items()))


def find(situation: Week, *, only: Iterable[str] = ()) -> tuple[Issue, ...]:
    """Every exception of the week, most money first.

    Parameters
    ----------
    only : names of the detectors to ask; all of them when left out.
    """
    chosen = set(only)
    asked = [function for name, function in registered().items() if not chosen or name in chosen]
    return rank([issue for function in asked for issue in function(situation)])
