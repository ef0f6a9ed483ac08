"""What went wrong, sorted by what the reader must do next.

Every error says what, where, how many, and how to fix it; the command line prints the message and exits 1.
"""

from __future__ import annotations

from collections.abc import Sequence
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
