"""A program without the rows that only bound one quantity, for runs from a basis, in which presolve has no part.

A demand that is served or left short, `sell + short == demand`, says that `sell <= demand` once `short` is written as
what is left; a limit on one quantity is a bound. Three quarters of the rows of a large network are of these kinds
(31,410 of 43,170 on 95,940 quantities), and each step of the simplex method pays for every row. The answer is brought
back to the whole program exactly: quantities from the rows, prices and reduced money from dual feasibility (Andersen &
Andersen 1995, "Presolving in linear programming", §3).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import highspy
import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from soe_lib.model.axis import Floats
from soe_lib.model.canonical import Canonical

if TYPE_CHECKING:
    from soe_lib.model.solve import Answer

Places = npt.NDArray[np.intp]
Mask = npt.NDArray[np.bool_]
CLOSE = 1e-9
"""Bounds that cross by less, of their size, cross by rounding."""


@dataclass(frozen=True, eq=False)
class Lean:
    """Which columns and rows of a program are left out, and what stands for them.

    Parameters
    ----------
    matrix, equal : of the program that it was made for: its coefficients, and which of its rows are equations.
    slack, slack_row, slack_size : columns left out, each alone in its column: the equation that it fills up, and its
        coefficient there.
    bound, bound_row, bound_size : columns bounded by a row left out, in which each is alone (once its slack is out).
    columns, rows : what is kept. small : shape (rows, columns), their coefficients.
    """

    matrix: sp.csc_array
    equal: Mask
    slack: Places
    slack_row: Places
    slack_size: Floats
    bound: Places
    bound_row: Places
    bound_size: Floats
    columns: Places
    rows: Places
    small: sp.csc_array

    @classmethod
    def of(cls, canonical: Canonical) -> Lean:
        """What can be left out of a program without whole numbers."""
        matrix, equal = canonical.matrix, canonical.row_lower == canonical.row_upper
        count, wide = matrix.shape
        columns = np.repeat(np.arange(wide), np.diff(matrix.indptr))
        single = (np.diff(matrix.indptr) == 1)[columns] & equal[matrix.indices] & (matrix.data != 0)
        single &= (canonical.lower < canonical.upper)[columns]
        slack_row, first = np.unique(matrix.indices[single], return_index=True)
        slack, slack_size = columns[single][first], matrix.data[single][first]
        out = np.zeros(wide, bool)
        out[slack] = True
        # One row for each column at most: then a price belongs to one row, and no two rows have to be compared.
        left = ~out[columns] & (matrix.data != 0)
        alone = left & (np.bincount(matrix.indices[left], minlength=count) == 1)[matrix.indices]
        bound, first = np.unique(columns[alone], return_index=True)
        bound_row, bound_size = matrix.indices[alone][first].astype(np.intp), matrix.data[alone][first]
        kept = np.ones(count, bool)
        kept[bound_row] = False
        stay, rows = np.flatnonzero(~out), np.flatnonzero(kept)
        small = matrix[:, stay].tocsr()[rows].tocsc()
        small.sort_indices()
        return cls(
            matrix, equal, slack, slack_row.astype(np.intp), slack_size, bound, bound_row, bound_size, stay, rows, small
        )

    def fits(self, canonical: Canonical) -> bool:
        """Whether it was made for a program of the very same coefficients, equations and fixed quantities."""
        return (
            canonical.matrix is self.matrix
            and np.array_equal(canonical.row_lower == canonical.row_upper, self.equal)
            and bool((canonical.lower[self.slack] < canonical.upper[self.slack]).all())
        )

    def program(self, canonical: Canonical) -> Canonical:
        """The smaller program: it earns as much, at the same quantities."""
        cost, offset = self._cost(canonical.cost), canonical.offset
        offset += float(canonical.cost[self.slack] / self.slack_size @ canonical.row_upper[self.slack_row])
        row_low, row_high = self._filled(canonical)
        low, high = self._bounds(canonical, row_low, row_high)
        return Canonical(
            matrix=self.small,
            cost=cost[self.columns],
            row_lower=row_low[self.rows],
            row_upper=row_high[self.rows],
            lower=low[self.columns],
            upper=high[self.columns],
            integer=np.zeros(len(self.columns), bool),
            columns=_kept(canonical.columns, self.columns),
            rows=_kept(canonical.rows, self.rows),
            offset=offset,
        )

    def weights(self, weights: Floats) -> Floats:
        """The tie-break's price of each column that is kept: it singles out the same plan."""
        return self._cost(weights)[self.columns]

    def whole(self, answer: Answer, canonical: Canonical) -> Answer:
        """The answer to the whole program."""
        x, price, reduced = np.zeros(len(canonical.cost)), np.zeros(len(self.equal)), np.zeros(len(canonical.cost))
        x[self.columns], price[self.rows], reduced[self.columns] = answer.x, answer.price, answer.reduced
        # A bound that a row sets pulls no quantity: its money is the row's price.
        row_low, row_high = self._filled(canonical)
        low, high = self._implied(row_low, row_high)
        by_row = np.where(
            reduced[self.bound] > 0, high < canonical.upper[self.bound], low > canonical.lower[self.bound]
        )
        pulled = np.where(by_row, reduced[self.bound], 0.0)
        price[self.bound_row] = pulled / self.bound_size
        reduced[self.bound] -= pulled
        # A slack fills its row up; what it costs is in the row's price.
        missing = canonical.row_upper[self.slack_row] - (canonical.matrix @ x)[self.slack_row]
        x[self.slack] = np.clip(missing / self.slack_size, canonical.lower[self.slack], canonical.upper[self.slack])
        reduced[self.slack] = -self.slack_size * price[self.slack_row]
        price[self.slack_row] -= canonical.cost[self.slack] / self.slack_size
        return replace(answer, x=x, price=price, reduced=reduced)

    def basis(self, basis: highspy.HighsBasis) -> highspy.HighsBasis:
        """The basis of the smaller program where the whole one has this basis."""
        basic, low, high = (int(one) for one in (_STATUS.kBasic, _STATUS.kLower, _STATUS.kUpper))
        columns = np.array([int(one) for one in basis.col_status])
        rows = np.array([int(one) for one in basis.row_status])
        # Where the slack fills nothing up, the row is at the end that the slack's bound makes.
        at_low = (columns[self.slack] == low) == (self.slack_size < 0)
        filled = np.where(columns[self.slack] == basic, basic, np.where(at_low, low, high))
        own_row = rows.copy()
        own_row[self.slack_row] = np.where(rows[self.slack_row] == basic, basic, filled)
        # A column that a row bounds is at that bound where it is basic and the row is not.
        at_end = (columns[self.bound] == basic) & (own_row[self.bound_row] != basic)
        end = np.where((own_row[self.bound_row] == low) == (self.bound_size > 0), low, high)
        columns[self.bound] = np.where(at_end, end, columns[self.bound])
        kinds = {int(one): one for one in (_STATUS.kLower, _STATUS.kBasic, _STATUS.kUpper, _STATUS.kZero)}
        kinds[int(_STATUS.kNonbasic)] = _STATUS.kNonbasic
        small = highspy.HighsBasis()
        small.col_status = [kinds[one] for one in columns[self.columns].tolist()]
        small.row_status = [kinds[one] for one in own_row[self.rows].tolist()]
        small.valid = small.alien = True
        return small

    def _cost(self, cost: Floats) -> Floats:
        """Costs with those of the slacks on the columns that they fill up."""
        row = np.zeros(len(self.equal))
        row[self.slack_row] = cost[self.slack] / self.slack_size
        return cost - self.matrix.T @ row

    def _filled(self, canonical: Canonical) -> tuple[Floats, Floats]:
        """The ends of every row, where slacks are left out."""
        ends = self.slack_size * canonical.lower[self.slack], self.slack_size * canonical.upper[self.slack]
        row_low, row_high = canonical.row_lower.copy(), canonical.row_upper.copy()
        row_low[self.slack_row] -= np.maximum(*ends)
        row_high[self.slack_row] -= np.minimum(*ends)
        return row_low, row_high

    def _implied(self, row_low: Floats, row_high: Floats) -> tuple[Floats, Floats]:
        """The bounds that rows left out set, of the columns `bound`."""
        ends = row_low[self.bound_row] / self.bound_size, row_high[self.bound_row] / self.bound_size
        return np.minimum(*ends), np.maximum(*ends)

    def _bounds(self, canonical: Canonical, row_low: Floats, row_high: Floats) -> tuple[Floats, Floats]:
        low, high = canonical.lower.copy(), canonical.upper.copy()
        implied = self._implied(row_low, row_high)
        low[self.bound] = np.maximum(low[self.bound], implied[0])
        high[self.bound] = np.minimum(high[self.bound], implied[1])
        crossed = (low > high) & (low - high < CLOSE * (1.0 + np.abs(high)))
        high[crossed] = low[crossed]
        return low, high


def _kept(parts: Mapping[str, slice], places: Places) -> dict[str, slice]:
    """Where the kept places of each part stand: a refusal names the flow."""
    ends = {name: np.searchsorted(places, (part.start, part.stop)).tolist() for name, part in parts.items()}
    return {name: slice(*end) for name, end in ends.items()}


_STATUS = highspy.HighsBasisStatus
