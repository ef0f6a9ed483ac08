"""What went wrong, sorted by what the reader must do next.

Every error says what, where, how many, and how to fix it; the command line prints the message and exits 1. A name that
is not known is answered with the nearest one that is.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from soe_lib.extract.findings import Finding


class SoeError(Exception):
    """Any error this library raises on purpose."""


class DataError(SoeError):
    """The extract must be mended: the findings name file, row, column, value, rule and fix.

    Parameters
    ----------
    message : one line that says what stops.
    findings : every finding of the check, stops first; empty where the error is about one thing only.
    """

    def __init__(self, message: str, findings: Sequence[Finding] = ()) -> None:
        self.findings = tuple(findings)
        super().__init__("\n".join([message, *(f"  {finding}" for finding in self.findings)]))


class FormulationError(SoeError):
    """A block is written wrongly: a label without a place, a rate on an unknown flow, a shape that does not fit."""


class SolveError(SoeError):
    """The solver gave no proven answer: infeasible, unbounded, out of time, or numerically unsafe."""

    def __init__(self, message: str, *, status: str = "unknown") -> None:
        self.status = status
        super().__init__(message)


class ReconciliationError(SoeError):
    """Two readings of the same money differ: nothing may be published until they agree."""


class PackError(SoeError):
    """The weekly pack could not be finished: nothing was published and the last pack is untouched."""


class OtherCompanyError(PackError):
    """The archive holds packs of another company: it stays as it is, and no page is left in it."""


class BusyError(PackError):
    """Another run is making a pack in the same archive: nothing is wrong, and nothing was done; try again later."""


def plainly(name: str) -> str:
    """A name in small letters, with underscores for blanks and hyphens."""
    return name.strip().lower().replace(" ", "_").replace("-", "_")


def likeness(one: str, other: str) -> float:
    """How alike two names are, from 0 to 1, whatever their case."""
    return difflib.SequenceMatcher(None, plainly(one), plainly(other)).ratio()


def nearest(name: str, known: Iterable[str], least: float = 0.5) -> str:
    """The known name most like the given one; blank where none is alike enough."""
    ranked = sorted(
        ((likeness(name, candidate), candidate) for candidate in known), key=lambda pair: (-pair[0], pair[1])
    )
    return ranked[0][1] if ranked and ranked[0][0] >= least else ""


def hint(name: str, known: Iterable[str]) -> str:
    """ "Did you mean x?" where a known name is alike, else nothing."""
    alike = nearest(name, known)
    return f"Did you mean {alike}?" if alike else ""


def advice(name: str, known: Iterable[str]) -> str:
    """ "Did you mean x?" where a known name is alike, else every name that is known."""
    names = list(known)
    return hint(name, names) or (f"Known are {', '.join(names)}." if names else "There is none.")
