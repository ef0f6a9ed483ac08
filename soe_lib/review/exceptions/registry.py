"""The detectors: every one in a module of this package is found by itself, so that a new one touches no other."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from importlib import import_module
from pkgutil import iter_modules

from soe_lib.review.exceptions.issue import Issue, rank
from soe_lib.review.week import Week

Detector = Callable[[Week], Iterable[Issue]]
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
