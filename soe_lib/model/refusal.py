"""What the gate refuses before and after a run, and the words for it: what is wrong, where, and how to mend it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import highspy
import numpy as np
import numpy.typing as npt

from soe_lib.errors import SolveError
from soe_lib.model.axis import Floats
from soe_lib.model.canonical import Canonical
from soe_lib.model.highs import Highs

LEAST, MOST = 1e-9, 1e15
"""HiGHS takes a coefficient up to the first for nothing, without a word, and refuses one from the second."""
KINDS = highspy.HighsModelStatus
UNPROVEN = (KINDS.kInfeasible, KINDS.kUnbounded, KINDS.kUnboundedOrInfeasible, KINDS.kUnknown, KINDS.kSolveError)


def check(canonical: Canonical) -> None:
    """Refuse figures that no solver can mean: NaN anywhere, an infinite cost or effect, a bound that excludes all.

    HiGHS drops a coefficient that is NaN and takes a cost that is NaN, and then calls its answer optimal.
    """
    for what, bad in _unusable(canonical):
        if bad.size:
            raise SolveError(
                f"refused: {bad.size} values of {what} are not numbers that a plan can have, first of "
                f"{_where(canonical, what, int(bad[0]))}; mend the table that they come from",
                status="refused",
            )


def _unusable(canonical: Canonical) -> Iterator[tuple[str, npt.NDArray[np.intp]]]:
    """Each kind of figure, and the columns (or rows) where it cannot be used."""
    yield "money", np.flatnonzero(~np.isfinite(canonical.cost))
    yield "effect", _columns(canonical, ~np.isfinite(canonical.matrix.data))
    yield "lower bound", np.flatnonzero(~(canonical.lower < np.inf))
    yield "upper bound", np.flatnonzero(~(canonical.upper > -np.inf))
    sides = (canonical.row_lower < np.inf) & (canonical.row_upper > -np.inf)
    yield "right-hand side", np.flatnonzero(~sides)


def _columns(canonical: Canonical, which: npt.NDArray[np.bool_]) -> npt.NDArray[np.intp]:
    """The columns of some entries of the matrix."""
    return np.searchsorted(canonical.matrix.indptr, np.flatnonzero(which), side="right") - 1


def _where(canonical: Canonical, what: str, at: int) -> str:
    parts = canonical.rows if what == "right-hand side" else canonical.columns
    return f"{'balance' if what == 'right-hand side' else 'flow'} {_owner(parts, at)}"


def _owner(parts: Mapping[str, slice], at: int) -> str:
    return next((name for name, place in parts.items() if place.start <= at < place.stop), str(at))


def refusal(status: highspy.HighsModelStatus, canonical: Canonical, seconds: float) -> SolveError:
    """The error for a run that ended without a proof.

    Parameters
    ----------
    status : how HiGHS ended.
    canonical : the program.
    seconds : the time limit of the run [s].
    """
    if status in UNPROVEN and (ignored := _ignored(canonical)):
        return SolveError(f"scaling: {ignored}", status="scaling")
    name, advice = {
        KINDS.kInfeasible: ("infeasible", "no plan keeps every promise; `soe conflict` names the cheapest to break"),
        KINDS.kUnbounded: (
            "unbounded",
            f"{_without_limit(canonical)} without limit: look for an end value above its cost, or give a maximum",
        ),
        KINDS.kUnboundedOrInfeasible: ("infeasible_or_unbounded", "both are possible; check end values and promises"),
        KINDS.kModelEmpty: ("empty", "nothing can be decided; is there any demand in the horizon?"),
        KINDS.kTimeLimit: ("limit", f"no proof within {seconds:.0f} s; raise the time limit, or the gap that will do"),
        KINDS.kIterationLimit: ("limit", "no proof within the iteration limit; raise it"),
        KINDS.kMemoryLimit: ("limit", "no proof within the memory limit; shorten the horizon"),
        KINDS.kInterrupt: ("limit", "the run was stopped from outside before it had a proof; run it again"),
    }.get(
        status,
        ("error", f"HiGHS ended with {status.name}; look for figures outside [1e-3, 1e6], or take another solver"),
    )
    return SolveError(f"{name}: {advice}", status=name)


def _ignored(canonical: Canonical) -> str:
    """Says which figures are too small or too large to be seen by the solver; blank where none are."""
    size = np.abs(canonical.matrix.data)
    cells = _columns(canonical, ((size > 0) & (size <= LEAST)) | (size >= MOST))
    far = np.flatnonzero(np.abs(canonical.cost) >= MOST)
    if not cells.size and not far.size:
        return ""
    first = _owner(canonical.columns, int(cells[0] if cells.size else far[0]))
    return (
        f"{cells.size + far.size} figures are outside [{LEAST:.0e}, {MOST:.0e}], first of flow {first}, and no solver "
        "sees them; count in another unit"
    )


def _zero(limit: Floats) -> Floats:
    return np.where(np.isfinite(limit), 0.0, limit)


def cone(canonical: Canonical) -> Canonical:
    """The directions that keep every row and bound however far they go: their limits become 0, and 1 is as far."""
    return replace(
        canonical,
        row_lower=_zero(canonical.row_lower),
        row_upper=_zero(canonical.row_upper),
        lower=np.where(np.isfinite(canonical.lower), 0.0, -1.0),
        upper=np.where(np.isfinite(canonical.upper), 0.0, 1.0),
        integer=np.zeros(len(canonical.cost), bool),
    )


def _without_limit(canonical: Canonical) -> str:
    """The flows that grow together and earn money all the way, found among the directions that nothing stops.

    A direction keeps every row and bound as it is scaled: their finite limits become 0, and 1 is as far as it goes.
    """
    highs = Highs()
    highs.setOptionValue("output_flag", False)
    highs.passModel(cone(canonical).highs())
    highs.run()
    if highs.getModelStatus() != KINDS.kOptimal:
        return "some flow earns money"
    direction = np.asarray(highs.getSolution().col_value)
    growing = [name for name, place in canonical.columns.items() if (np.abs(direction[place]) > LEAST).any()]
    return f"flow {', '.join(growing)} earns money" if growing else "some flow earns money"
