"""Whether a plan of an extract can start: the same preparation, and whether all promises can be kept at once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import highspy
import numpy as np

from soe_lib.errors import FormulationError, SoeError
from soe_lib.model.canonical import Canonical
from soe_lib.model.highs import Highs
from soe_lib.model.model import Model
from soe_lib.model.refusal import check, cone, refusal

if TYPE_CHECKING:
    from soe_lib.extract.snapshot import Snapshot
    from soe_lib.model.program import Program

SECONDS = 10.0
"""What each look may take; where it does not end, nothing is said."""
LARGE = 400_000
"""Coefficients from which on only the preparation is looked at."""
KINDS = highspy.HighsModelStatus


def refusals(snapshot: Snapshot) -> Iterator[str]:
    """Why `soe plan` would refuse the extract, at most one reason; none where it starts.

    The network, every block, the program and its figures are prepared as for a plan; then a plan is looked for that
    keeps every promise, whatever it earns, and a direction in which money grows without limit.
    """
    try:
        program = Model(snapshot).program
        if not program.columns:
            raise FormulationError("nothing can be decided; is there any demand in the horizon?")
        canonical = canonical_of(program)
        check(canonical)
        if canonical.matrix.nnz <= LARGE:
            _can_be_kept(canonical)
            _ends(canonical)
    except SoeError as error:
        yield str(error)


def canonical_of(program: Program) -> Canonical:
    """The program for HiGHS in its own order, without a modelling language in between."""
    equal = np.arange(len(program.rhs)) < program.equalities
    return Canonical(
        matrix=program.matrix.tocsc(),
        cost=-program.money,
        row_lower=np.where(equal, program.rhs, -np.inf),
        row_upper=program.rhs,
        lower=program.lower,
        upper=program.upper,
        integer=program.integer,
        columns=program.columns,
        rows=program.rows,
        offset=0.0,
    )


def _can_be_kept(canonical: Canonical) -> None:
    """Raises where no quantities keep every row."""
    highs = _quiet(canonical)
    highs.changeColsCost(len(canonical.cost), np.arange(len(canonical.cost)), np.zeros(len(canonical.cost)))
    highs.run()
    if highs.getModelStatus() == KINDS.kInfeasible:
        raise refusal(KINDS.kInfeasible, canonical, SECONDS)


def _ends(canonical: Canonical) -> None:
    """Raises where money grows without limit in some direction that keeps every row."""
    highs = _quiet(cone(canonical))
    highs.run()
    if highs.getModelStatus() == KINDS.kOptimal and highs.getInfo().objective_function_value < -1e-6:
        raise refusal(KINDS.kUnbounded, canonical, SECONDS)


def _quiet(canonical: Canonical) -> Highs:
    highs = Highs()
    highs.setOptionValue("output_flag", False)
    highs.setOptionValue("time_limit", SECONDS)
    highs.passModel(canonical.highs())
    return highs
