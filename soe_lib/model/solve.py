"""Solves a model for a user: shows progress, and explains an infeasible plan."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from soe_lib.errors import SolveError
from soe_lib.model.conflict import explained
from soe_lib.model.model import Model
from soe_lib.model.terms import Block
from soe_lib.solver.answer import SolverOptions
from soe_lib.solver.diagnostics import Watch, shown
from soe_lib.store.plan import Plan


def solved(made: Model, options: SolverOptions | None, own: Sequence[Block] = (), *, name: str) -> Plan:
    """The certified plan of a model; raises SolveError that names the promises that cannot all be kept.

    Parameters
    ----------
    own : the user's own blocks, which the error names first.
    """
    try:
        with told(made, options) as limits:
            return made.solve(limits, name=name)
    except SolveError as error:
        raise explained(error, made, own) from error


@contextmanager
def told(made: Model, options: SolverOptions | None) -> Iterator[SolverOptions | None]:
    """Shows the progress of a search for whole numbers in a terminal or notebook, unless it is already watched."""
    watched = options is not None and options.watch is not None
    interactive = sys.stderr.isatty() or ("ipykernel" in sys.modules and not os.environ.get("SOE_PAGE"))
    if watched or not interactive or not made.whole:
        yield options
        return
    with shown(Watch(), sys.stderr, made.snapshot.currency) as watch:
        yield replace(options or SolverOptions(), watch=watch)
