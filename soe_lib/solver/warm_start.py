"""The final basis of a session as plain arrays: a start for another process, or for a program with more parts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import highspy
import numpy as np
import numpy.typing as npt
import polars as pl

from soe_lib.solver.answer import Answer
from soe_lib.solver.program import Labelled, Program

Statuses = npt.NDArray[np.int8]
_STATUS = highspy.HighsBasisStatus
_ARRAYS = ("cost", "row_lower", "row_upper", "lower", "upper", "integer")


@dataclass(frozen=True, eq=False)
class Start:
    """The first answer of a session, and the final basis of its solver.

    Parameters
    ----------
    program : the program, without its labels. answer : its proven answer.
    columns, rows : shape (columns,) and (rows,), HiGHS's number of the basis status of each.
    won : the solver that won the race.
    """

    program: Program
    answer: Answer
    columns: Statuses
    rows: Statuses
    won: str

    @classmethod
    def of(cls, program: Program, answer: Answer, basis: highspy.HighsBasis, won: str) -> Start:
        """A start from an answer and its basis."""
        bare = replace(program, flows={}, constraints={}, weights=None, hints=None)
        return cls(bare, answer, _numbers(basis.col_status), _numbers(basis.row_status), won)

    @property
    def basis(self) -> highspy.HighsBasis:
        """The basis as HiGHS takes it."""
        return _basis(self.columns, self.rows)

    def fits(self, program: Program) -> bool:
        """Whether it holds the answer to exactly this program: all arrays are equal."""
        mine = self.program
        if (mine.columns, mine.rows, mine.offset) != (program.columns, program.rows, program.offset):
            return False
        same = all(np.array_equal(getattr(mine, name), getattr(program, name)) for name in _ARRAYS)
        parts = ("indptr", "indices", "data")
        return same and all(np.array_equal(getattr(mine.matrix, part), getattr(program.matrix, part)) for part in parts)

    def carried(self, program: Program) -> highspy.HighsBasis | None:
        """The basis for a program with parts of the same names: a new row has slack, a new column is not used.

        None where a part has another size, since its cells cannot be matched.
        """
        columns = _by_name(self.columns, self.program.columns, program.columns, len(program.cost), _STATUS.kLower)
        rows = _by_name(self.rows, self.program.rows, program.rows, len(program.rhs), _STATUS.kBasic)
        return None if columns is None or rows is None else _basis(columns, rows)

    def relabelled(self, program: Program, other: Program) -> Start:
        """A start for a program whose parts have more or fewer labels: new rows have slack, new columns are not used.

        Parameters
        ----------
        program : the program of this start, with its labels. other : the program to start, with its labels.
        """
        columns = _by_label(self.columns, program.columns, program.flows, other.columns, other.flows, _STATUS.kLower)
        rows = _by_label(self.rows, program.rows, program.constraints, other.rows, other.constraints, _STATUS.kBasic)
        # The answer is not that of `other`: with a NaN offset `fits` is always False.
        bare = replace(other, flows={}, constraints={}, weights=None, hints=None, offset=np.nan)
        return Start(bare, self.answer, columns, rows, self.won)


def _by_label(
    status: Statuses,
    old: Mapping[str, slice],
    old_labels: Mapping[str, Labelled],
    new: Mapping[str, slice],
    new_labels: Mapping[str, Labelled],
    otherwise: highspy.HighsBasisStatus,
) -> Statuses:
    found = np.full(max((part.stop for part in new.values()), default=0), int(otherwise), np.int8)
    for name in old.keys() & new.keys():
        mine, keys = status[old[name]], new_labels[name].keys
        theirs = new_labels[name].rows.select(pl.col(keys).cast(pl.String))
        before = old_labels[name].rows.select(pl.col(keys).cast(pl.String))
        if not theirs.equals(before):
            known = before.with_columns(pl.Series("status", mine))
            placed = theirs.join(known, on=keys, how="left", maintain_order="left", nulls_equal=True)
            mine = placed["status"].fill_null(int(otherwise)).to_numpy()
        found[new[name]] = mine
    return found


def _by_name(
    status: Statuses, old: Mapping[str, slice], new: Mapping[str, slice], size: int, otherwise: highspy.HighsBasisStatus
) -> Statuses | None:
    found = np.full(size, int(otherwise), np.int8)
    for name in old.keys() & new.keys():
        if old[name].stop - old[name].start != new[name].stop - new[name].start:
            return None
        found[new[name]] = status[old[name]]
    return found


def _basis(columns: Statuses, rows: Statuses) -> highspy.HighsBasis:
    kinds = {int(one): one for one in _STATUS.__members__.values()}
    basis = highspy.HighsBasis()
    basis.col_status, basis.row_status = [kinds[one] for one in columns.tolist()], [kinds[one] for one in rows.tolist()]
    basis.valid = True
    return basis


def _numbers(statuses: list[highspy.HighsBasisStatus]) -> Statuses:
    return np.array([int(one) for one in statuses], dtype=np.int8)
