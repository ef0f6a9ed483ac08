"""Smaller programs with the same answer.

`Reduction`: presolve for warm starts, since HiGHS skips its own when it is given a basis. It removes the rows that only
bound one quantity.

A demand row `sell + short == demand` becomes `sell <= demand` once `short` is substituted as its slack, and a limit on
one quantity is a bound. Three quarters of the rows of a large network are of these kinds (31,410 of 43,170 on 95,940
quantities), and each simplex step costs time for every row. The answer to the whole program is recovered exactly:
quantities from the rows, prices and reduced costs from dual feasibility (Andersen & Andersen 1995, "Presolving in
linear programming", §3).

`Tiered`: presolve for cold starts. It replaces stock by the tiers of its cushion and removes the rows of the cushion.

A cushion row is `stock + Σ below >= level`. Each `below` is between 0 and the width of its tier, and the widths add up
to the level. So stock is the sum of the filled parts, width − below, plus the stock above all tiers. These replace
stock in every row, as parallel arcs with convex costs do in a network (Ahuja, Magnanti & Orlin 1993, Network Flows,
§14.3), which removes one row for each item, place and period. The answer is recovered exactly: the price of a removed
row is minus the reduced cost of the stock above its tiers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import highspy
import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from soe_lib.solver.program import Floats, Program
from soe_lib.solver.race import KINDS, Merged, stated

if TYPE_CHECKING:
    from soe_lib.solver.answer import Answer


Places = npt.NDArray[np.intp]
Mask = npt.NDArray[np.bool_]
CLOSE = 1e-9
"""Bounds that cross by less than this share of their size cross only by rounding."""


@dataclass(frozen=True, eq=False)
class Reduction:
    """The columns and rows removed from a program, and what replaces them.

    Parameters
    ----------
    matrix, equal : coefficients of the original program, and which of its rows are equations.
    slack, slack_row, slack_size : removed columns with a single entry (slacks): the equation of each, and its
        coefficient there.
    bound, bound_row, bound_size : columns bounded by a removed row, whose only entry each is (without its slack).
    columns, rows : those that remain. small : shape (rows, columns), their coefficients.
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
    def of(cls, program: Program) -> Reduction:
        """What can be removed from a program without whole numbers."""
        matrix, equal = program.matrix, program.equal
        count, wide = matrix.shape
        columns = np.repeat(np.arange(wide), np.diff(matrix.indptr))
        single = (np.diff(matrix.indptr) == 1)[columns] & equal[matrix.indices] & (matrix.data != 0)
        single &= (program.lower < program.upper)[columns]
        slack_row, first = np.unique(matrix.indices[single], return_index=True)
        slack, slack_size = columns[single][first], matrix.data[single][first]
        out = np.zeros(wide, bool)
        out[slack] = True
        # At most one row for each column: then each price belongs to one row, and no two rows need comparing.
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

    def fits(self, program: Program) -> bool:
        """Whether it applies to a program: the same matrix and equations, and no removed slack is fixed."""
        return (
            program.matrix is self.matrix
            and np.array_equal(program.equal, self.equal)
            and bool((program.lower[self.slack] < program.upper[self.slack]).all())
        )

    def reduced(self, program: Program) -> Program:
        """The smaller program, with the same money at the same quantities."""
        cost, offset = self._cost(program.cost), program.offset
        offset += float(program.cost[self.slack] / self.slack_size @ program.row_upper[self.slack_row])
        row_low, row_high = self._filled(program)
        low, high = self._bounds(program, row_low, row_high)
        return Program(
            matrix=self.small,
            cost=cost[self.columns],
            row_lower=row_low[self.rows],
            row_upper=row_high[self.rows],
            lower=low[self.columns],
            upper=high[self.columns],
            integer=np.zeros(len(self.columns), bool),
            columns=_kept(program.columns, self.columns),
            rows=_kept(program.rows, self.rows),
            offset=offset,
            weights=None if program.weights is None else self._cost(program.weights)[self.columns],
        )

    def whole(self, answer: Answer, program: Program) -> Answer:
        """The answer to the whole program."""
        x, price, reduced = np.zeros(len(program.cost)), np.zeros(len(self.equal)), np.zeros(len(program.cost))
        x[self.columns], price[self.rows], reduced[self.columns] = answer.x, answer.price, answer.reduced
        # Where a removed row sets the bound, the reduced cost of the column is the price of that row.
        row_low, row_high = self._filled(program)
        low, high = self._implied(row_low, row_high)
        by_row = np.where(reduced[self.bound] > 0, high < program.upper[self.bound], low > program.lower[self.bound])
        pulled = np.where(by_row, reduced[self.bound], 0.0)
        price[self.bound_row] = pulled / self.bound_size
        reduced[self.bound] -= pulled
        # A slack fills its row; its cost is part of the row's price.
        missing = program.row_upper[self.slack_row] - (program.matrix @ x)[self.slack_row]
        x[self.slack] = np.clip(missing / self.slack_size, program.lower[self.slack], program.upper[self.slack])
        reduced[self.slack] = -self.slack_size * price[self.slack_row]
        price[self.slack_row] -= program.cost[self.slack] / self.slack_size
        return replace(answer, x=x, price=price, reduced=reduced)

    def basis(self, basis: highspy.HighsBasis) -> highspy.HighsBasis:
        """The basis of the smaller program that corresponds to this basis of the whole one."""
        basic, low, high = (int(one) for one in (_STATUS.kBasic, _STATUS.kLower, _STATUS.kUpper))
        columns = np.array([int(one) for one in basis.col_status])
        rows = np.array([int(one) for one in basis.row_status])
        # Where the slack is at a bound, the row is at the limit that this bound makes.
        at_low = (columns[self.slack] == low) == (self.slack_size < 0)
        filled = np.where(columns[self.slack] == basic, basic, np.where(at_low, low, high))
        own_row = rows.copy()
        own_row[self.slack_row] = np.where(rows[self.slack_row] == basic, basic, filled)
        # A basic column is at the bound set by its removed row where that row is not basic.
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
        """Costs after substitution: the cost of each slack moves to the other columns of its row."""
        row = np.zeros(len(self.equal))
        row[self.slack_row] = cost[self.slack] / self.slack_size
        return cost - self.matrix.T @ row

    def _filled(self, program: Program) -> tuple[Floats, Floats]:
        """The limits of every row without its slack."""
        ends = self.slack_size * program.lower[self.slack], self.slack_size * program.upper[self.slack]
        row_low, row_high = program.row_lower.copy(), program.row_upper.copy()
        row_low[self.slack_row] -= np.maximum(*ends)
        row_high[self.slack_row] -= np.minimum(*ends)
        return row_low, row_high

    def _implied(self, row_low: Floats, row_high: Floats) -> tuple[Floats, Floats]:
        """The bounds that removed rows set on the columns `bound`."""
        ends = row_low[self.bound_row] / self.bound_size, row_high[self.bound_row] / self.bound_size
        return np.minimum(*ends), np.maximum(*ends)

    def _bounds(self, program: Program, row_low: Floats, row_high: Floats) -> tuple[Floats, Floats]:
        low, high = program.lower.copy(), program.upper.copy()
        implied = self._implied(row_low, row_high)
        low[self.bound] = np.maximum(low[self.bound], implied[0])
        high[self.bound] = np.minimum(high[self.bound], implied[1])
        crossed = (low > high) & (low - high < CLOSE * (1.0 + np.abs(high)))
        high[crossed] = low[crossed]
        return low, high


def _kept(parts: Mapping[str, slice], places: Places) -> dict[str, slice]:
    """The slice of each part in the smaller program, so that errors can name the flow."""
    ends = {name: np.searchsorted(places, (part.start, part.stop)).tolist() for name, part in parts.items()}
    return {name: slice(*end) for name, end in ends.items()}


_STATUS = highspy.HighsBasisStatus


CUSHION = "cushion"
MANY_TIERS = 10_000
"""Tiers from which a first run with merged tiers pays; the demo, which HiGHS solves in a second, has 8,112."""


@dataclass(frozen=True, eq=False)
class Tiered:
    """The program without cushion rows, and how to recover the answer to the whole one.

    Parameters
    ----------
    given : the whole program. smaller : the smaller one, with the same columns.
    row, stock : shape (removed rows,), each cushion row and its stock column (in `smaller`: stock above the tiers).
    tier, of : shape (tiers,), tier columns (in `smaller`: the filled part), and the removed row of each by number.
    kept : the rows of the smaller program.
    """

    given: Program
    smaller: Program
    row: Places
    stock: Places
    tier: Places
    of: Places
    kept: Places

    @classmethod
    def of_program(cls, program: Program) -> Tiered | None:
        """The smaller program; None where no cushion row can be removed, or quantities must be whole numbers."""
        if CUSHION not in program.rows or program.integer.any():
            return None
        place = program.rows[CUSHION]
        entries = np.diff(program.matrix.indptr)
        part = program.matrix.tocsr()[place].tocoo()
        alone = entries[part.col] == 1
        tiers = alone & (program.lower[part.col] == 0.0) & np.isfinite(program.upper[part.col])
        stocks = ~alone & (program.lower[part.col] == 0.0) & np.isinf(program.upper[part.col])
        count = place.stop - place.start
        level, low = -program.row_upper[place], program.row_lower[place]
        wide = np.bincount(part.row[tiers], program.upper[part.col[tiers]], count)
        odd = np.bincount(part.row[(part.data != -1.0) | ~(tiers | stocks)], minlength=count)
        shared = np.bincount(part.col[stocks], minlength=len(entries)) > 1
        twice = np.bincount(part.row[stocks][shared[part.col[stocks]]], minlength=count)
        good = (odd + twice == 0) & (np.bincount(part.row[stocks], minlength=count) == 1) & np.isneginf(low)
        good &= np.abs(wide - level) <= CLOSE * np.abs(level)
        if not good.any():
            return None
        row = np.flatnonzero(good)
        stock = np.zeros(count, np.intp)
        stock[part.row[stocks]] = part.col[stocks]
        mine = tiers & good[part.row]
        of = (np.cumsum(good) - 1)[part.row[mine]]
        left = np.ones(len(program.row_upper), bool)
        left[row + place.start] = False
        kept = np.flatnonzero(left)
        stock, tier = stock[row], part.col[mine].astype(np.intp)
        return cls(program, _smaller(program, stock, tier, of, kept), row + place.start, stock, tier, of, kept)

    @property
    def merged(self) -> Merged | None:
        """The smaller program with one tier for each row, where there are many."""
        return Merged.of(self.smaller, self.tier, self.of) if len(self.tier) >= MANY_TIERS else None

    def whole(self, answer: Answer) -> Answer:
        """The answer to the whole program."""
        x, reduced, price = answer.x.copy(), answer.reduced.copy(), np.zeros(len(self.given.row_upper))
        price[self.kept] = answer.price
        price[self.row] = -reduced[self.stock]
        x[self.stock] += np.bincount(self.of, x[self.tier], len(self.row))
        x[self.tier] = np.maximum(self.given.upper[self.tier] - x[self.tier], 0.0)
        reduced[self.stock], reduced[self.tier] = 0.0, -reduced[self.tier]
        return replace(answer, x=x, price=price, reduced=reduced)

    def basis(self, basis: highspy.HighsBasis) -> highspy.HighsBasis:
        """The basis of the whole program: stock is basic, its row as the stock above was, a full tier at 0."""
        status = highspy.HighsBasisStatus
        basic, low, high = (int(one) for one in (status.kBasic, status.kLower, status.kUpper))
        columns = np.array([int(one) for one in basis.col_status])
        rows = np.full(len(self.given.row_upper), basic)
        rows[self.kept] = [int(one) for one in basis.row_status]
        rows[self.row] = np.where(columns[self.stock] == basic, basic, high)
        columns[self.stock] = basic
        filled = columns[self.tier]
        columns[self.tier] = np.where(filled == basic, basic, np.where(filled == high, low, high))
        return stated(columns, [KINDS[one] for one in rows.tolist()])


def _smaller(program: Program, stock: Places, tier: Places, of: Places, kept: Places) -> Program:
    """The program with the filled parts of tiers in place of `below`, without the cushion rows."""
    rest = program.matrix.tocsr()[kept].tocsc()
    acts = rest[:, stock[of]].tocoo()
    more = sp.csc_array((acts.data, (acts.row, tier[acts.col])), shape=rest.shape)
    matrix = sp.csc_array(rest + more)
    matrix.sort_indices()
    ends = {name: np.searchsorted(kept, (part.start, part.stop)).tolist() for name, part in program.rows.items()}
    return replace(
        program,
        matrix=matrix,
        cost=_filled(program.cost, stock, tier, of),
        row_lower=program.row_lower[kept],
        row_upper=program.row_upper[kept],
        rows={name: slice(*end) for name, end in ends.items()},
        offset=program.offset + float(program.cost[tier] @ program.upper[tier]),
        weights=None if program.weights is None else _filled(program.weights, stock, tier, of),
    )


def _filled(cost: Floats, stock: Places, tier: Places, of: Places) -> Floats:
    """Cost of a unit that fills a tier: the cost of stock minus the cost of `below`."""
    found = cost.copy()
    found[tier] = cost[stock[of]] - cost[tier]
    return found
