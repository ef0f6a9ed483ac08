"""The answers: every file in `answers` is found by itself, so that a new kind of answer is one new file."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib import import_module
from pkgutil import iter_modules

from soe_lib.review.exceptions.issue import Issue
from soe_lib.review.situation import Situation
from soe_lib.scenario.scenario import Scenario


@dataclass(frozen=True)
class Option:
    """One feasible answer to an exception.

    Parameters
    ----------
    scenario : what it changes in the extract; its name is what the meeting reads.
    paid : whether what it costs is in the figures; False: nobody knows its price, so its gain is the most that may be
        paid for it.
    answer : the module that proposed it; filled in by the registry.
    """

    scenario: Scenario
    paid: bool = True
    answer: str = ""


Answer = Callable[[Situation, Issue], Iterable[Option]]
_KNOWN: dict[str, Answer] = {}


def answer(function: Answer) -> Answer:
    """Register a function that proposes one kind of answer; its module's name is the answer's name."""
    _KNOWN[function.__module__.rsplit(".", 1)[-1]] = function
    return function


def registered() -> dict[str, Answer]:
    """Every kind of answer by name, in the order of their names."""
    package = import_module("soe_lib.scenario.options.answers")
    for module in iter_modules(package.__path__, f"{package.__name__}."):
        import_module(module.name)
    return dict(sorted(_KNOWN.items()))


def answers_to(situation: Situation, issue: Issue) -> tuple[Option, ...]:
    """Every answer to one exception that may gain anything, not yet priced."""
    return tuple(
        Option(option.scenario, option.paid, name)
        for name, function in registered().items()
        for option in function(situation, issue)
    )
