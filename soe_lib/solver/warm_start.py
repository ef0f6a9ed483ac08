"""Where a living model starts: the proven answer of its base, in a form that another process can be handed.

A basis carried over by labels: what was basic in one program starts the next one, though it has other rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import highspy
import numpy as np
import numpy.typing as npt

from soe_lib.solver.program import Canonical, Floats
from soe_lib.solver.session import Answer, Cold, Options

Basis = highspy.HighsBasis
Statuses = npt.NDArray[np.int8]
_ARRAYS = ("cost", "row_lower", "row_upper", "lower", "upper", "integer")


@dataclass(frozen=True, eq=False)
class Start:
    """What a base proved, and where its solver ended.

    Parameters
    ----------
    canonical : the program. answer : what was proven of it.
    columns, rows : shape (columns,) and (rows,), HiGHS's number of the basis status of each.
    won : the solver that came first.
    """

    canonical: Canonical
    answer: Answer
    columns: Statuses
    rows: Statuses
    won: str

    @property
    def basis(self) -> highspy.HighsBasis:
        """The basis as HiGHS takes it."""
        basis = highspy.HighsBasis()
        basis.col_status, basis.row_status = _statuses(self.columns), _statuses(self.rows)
        basis.valid = True
        return basis

    @classmethod
    def of(cls, canonical: Canonical, weights: Floats, options: Options | None = None) -> Start:
        """Solve a program from nothing; raises SolveError where it has no proven answer."""
        cold = Cold.of(canonical, weights, options)
        basis = cold.basis
        return cls(canonical, cold.answer, _numbers(basis.col_status), _numbers(basis.row_status), cold.gate.won)

    def fits(self, canonical: Canonical) -> bool:
        """Whether it is the answer to this very program, figure by figure."""
        same = (self.canonical.columns, self.canonical.rows) == (canonical.columns, canonical.rows)
        if not same or not _same_matrix(canonical, self.canonical):
            return False
        return all(np.array_equal(getattr(canonical, name), getattr(self.canonical, name)) for name in _ARRAYS)


def _same_matrix(one: Canonical, other: Canonical) -> bool:
    return all(
        np.array_equal(getattr(one.matrix, part), getattr(other.matrix, part)) for part in ("indptr", "indices", "data")
    )


def _numbers(statuses: list[highspy.HighsBasisStatus]) -> Statuses:
    return np.array([int(one) for one in statuses], dtype=np.int8)


def _statuses(numbers: Statuses) -> list[highspy.HighsBasisStatus]:
    kinds = {int(one): one for one in highspy.HighsBasisStatus.__members__.values()}
    return [kinds[one] for one in numbers.tolist()]


BASIC, AT_LOWER = highspy.HighsBasisStatus.kBasic, highspy.HighsBasisStatus.kLower


def carried(basis: highspy.HighsBasis, old: Canonical, new: Canonical) -> highspy.HighsBasis | None:
    """The basis of an old program for a new one: same parts by name; a new row has slack, a new column is not used.

    None where a part of one name has another size: then nobody knows which cell is which.
    """
    columns = _by_name(list(basis.col_status), old.columns, new.columns, len(new.cost), AT_LOWER)
    rows = _by_name(list(basis.row_status), old.rows, new.rows, len(new.row_upper), BASIC)
    if columns is None or rows is None or not basis.valid:
        return None
    made = highspy.HighsBasis()
    made.col_status, made.row_status, made.valid = columns, rows, True
    return made


def _by_name(
    status: list[highspy.HighsBasisStatus],
    old: Mapping[str, slice],
    new: Mapping[str, slice],
    size: int,
    otherwise: highspy.HighsBasisStatus,
) -> list[highspy.HighsBasisStatus] | None:
    found = [otherwise] * size
    for name in old.keys() & new.keys():
        if old[name].stop - old[name].start != new[name].stop - new[name].start:
            return None
        found[new[name]] = status[old[name]]
    return found
