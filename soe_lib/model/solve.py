"""Solving a model for a reader: how far the search is, and what stands in the way where there is no plan."""

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
    """The certified plan of a model; raises SolveError that says what cannot be kept together.

    Parameters
    ----------
    own : the blocks that are the reader's own: they are the first to be named.
    """
    try:
        with told(made, options) as limits:
            return made.solve(limits, name=name)
    except SolveError as error:
        raise explained(error, made, own) from error


@contextmanager
def told(made: Model, options: SolverOptions | None) -> Iterator[SolverOptions | None]:
    """Say how far a search for whole numbers is where somebody sits in front of it, and nobody watches it otherwise."""
    watched = options is not None and options.watch is not None
    seen = sys.stderr.isatty() or ("ipykernel" in sys.modules and not os.environ.get("SOE_PAGE"))
    if watched or not seen or not made.whole:
        yield options
        return
    with shown(Watch(), sys.stderr, made.snapshot.currency) as watch:
        yield replace(options or SolverOptions(), watch=watch)
