"""Where a living model starts: the proven answer of its base, in a form that another process can be handed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import highspy
import numpy as np
import numpy.typing as npt

from soe_lib.model.canonical import Canonical, repeated
from soe_lib.model.solve import Answer, Options
from soe_lib.model.tiered import Cold

if TYPE_CHECKING:
    from soe_lib.model.model import Model

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

    @classmethod
    def of(cls, model: Model, options: Options | None = None) -> Start:
        """Solve a model from nothing; raises SolveError where it has no proven answer."""
        model.staged(options)
        cold = Cold.of(model.canonical, model.weights, options)
        basis = cold.basis
        return cls(model.canonical, cold.answer, _numbers(basis.col_status), _numbers(basis.row_status), cold.gate.won)

    @property
    def basis(self) -> highspy.HighsBasis:
        """The basis as HiGHS takes it."""
        basis = highspy.HighsBasis()
        basis.col_status, basis.row_status = _statuses(self.columns), _statuses(self.rows)
        basis.valid = True
        return basis

    @property
    def travels(self) -> bool:
        """Whether `fits` can tell: the right-hand sides of aims that come before money are no figures of the model."""
        return not self.canonical.offset and "service" not in self.canonical.rows

    def fits(self, model: Model) -> bool:
        """Whether it is the answer to this very model, figure by figure."""
        found = repeated(self.canonical, model.program) if self.travels else None
        if found is None or not _same_matrix(found, self.canonical):
            return False
        return all(np.array_equal(getattr(found, name), getattr(self.canonical, name)) for name in _ARRAYS)


def _same_matrix(one: Canonical, other: Canonical) -> bool:
    return all(
        np.array_equal(getattr(one.matrix, part), getattr(other.matrix, part)) for part in ("indptr", "indices", "data")
    )


def _numbers(statuses: list[highspy.HighsBasisStatus]) -> Statuses:
    return np.array([int(one) for one in statuses], dtype=np.int8)


def _statuses(numbers: Statuses) -> list[highspy.HighsBasisStatus]:
    kinds = {int(one): one for one in highspy.HighsBasisStatus.__members__.values()}
    return [kinds[one] for one in numbers.tolist()]
