"""A program in which stock is what fills the tiers of its cushion: a cold solve without the cushion's rows.

A row of the cushion says `stock + Σ below >= level`, with every `below` between 0 and the width of its tier and the
widths adding up to the level. So stock is the filled part of each tier, width − below, and what lies above them: tiers
take the place of stock wherever it acts, as parallel arcs with convex costs do in a network (Ahuja, Magnanti & Orlin
1993, Network Flows, §14.3), and a row for each item, place and period is gone. The answer is brought back exactly: the
price of such a row is the reduced money of the stock above its tiers.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import highspy
import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from soe_lib.errors import SolveError
from soe_lib.model.axis import Floats
from soe_lib.model.canonical import Canonical
from soe_lib.model.merged import KINDS, Merged, stated
from soe_lib.model.solve import Answer, Gate, Options

Places = npt.NDArray[np.intp]
ROWS = "cushion"
CLOSE = 1e-9
"""Of the level: widths that add up to it but for rounding."""
MANY = 10_000
"""Tiers from which a first run with merged ones pays; the demo, which HiGHS solves in a second, has 8,112."""


@dataclass(frozen=True, eq=False)
class Tiered:
    """The smaller program and how its answer is read.

    Parameters
    ----------
    canonical : the whole program. program : the smaller one, with the same columns.
    row, stock : shape (rows left out,), each row of the cushion and its column of stock (in `program`: what is above).
    tier, of : shape (tiers,), columns of the tiers (in `program`: how much is filled), and of which row each is.
    kept : the rows of the smaller program.
    """

    canonical: Canonical
    program: Canonical
    row: Places
    stock: Places
    tier: Places
    of: Places
    kept: Places

    @classmethod
    def of_program(cls, canonical: Canonical) -> Tiered | None:
        """None where no row of a cushion can be left out, or numbers are whole."""
        if ROWS not in canonical.rows or canonical.integer.any():
            return None
        place = canonical.rows[ROWS]
        entries = np.diff(canonical.matrix.indptr)
        part = canonical.matrix.tocsr()[place].tocoo()
        alone = entries[part.col] == 1
        tiers = alone & (canonical.lower[part.col] == 0.0) & np.isfinite(canonical.upper[part.col])
        stocks = ~alone & (canonical.lower[part.col] == 0.0) & np.isinf(canonical.upper[part.col])
        count = place.stop - place.start
        level, low = -canonical.row_upper[place], canonical.row_lower[place]
        wide = np.bincount(part.row[tiers], canonical.upper[part.col[tiers]], count)
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
        left = np.ones(len(canonical.row_upper), bool)
        left[row + place.start] = False
        kept = np.flatnonzero(left)
        stock, tier = stock[row], part.col[mine].astype(np.intp)
        return cls(canonical, _smaller(canonical, stock, tier, of, kept), row + place.start, stock, tier, of, kept)

    @property
    def merged(self) -> Merged | None:
        """The smaller program with one tier for each row, where there are many."""
        return Merged.of(self.program, self.tier, self.of) if len(self.tier) >= MANY else None

    def weights(self, weights: Floats) -> Floats:
        """The tie-break's price of each column: it singles out the same plan."""
        return _filled(weights, self.stock, self.tier, self.of)

    def whole(self, answer: Answer) -> Answer:
        """The answer to the whole program."""
        x, reduced, price = answer.x.copy(), answer.reduced.copy(), np.zeros(len(self.canonical.row_upper))
        price[self.kept] = answer.price
        price[self.row] = -reduced[self.stock]
        x[self.stock] += np.bincount(self.of, x[self.tier], len(self.row))
        x[self.tier] = np.maximum(self.canonical.upper[self.tier] - x[self.tier], 0.0)
        reduced[self.stock], reduced[self.tier] = 0.0, -reduced[self.tier]
        return replace(answer, x=x, price=price, reduced=reduced)

    def basis(self, basis: highspy.HighsBasis) -> highspy.HighsBasis:
        """The basis of the whole program: stock is basic, its row where what is above it was, a full tier at 0."""
        status = highspy.HighsBasisStatus
        basic, low, high = (int(one) for one in (status.kBasic, status.kLower, status.kUpper))
        columns = np.array([int(one) for one in basis.col_status])
        rows = np.full(len(self.canonical.row_upper), basic)
        rows[self.kept] = [int(one) for one in basis.row_status]
        rows[self.row] = np.where(columns[self.stock] == basic, basic, high)
        columns[self.stock] = basic
        filled = columns[self.tier]
        columns[self.tier] = np.where(filled == basic, basic, np.where(filled == high, low, high))
        return stated(columns, [KINDS[one] for one in rows.tolist()])


@dataclass(frozen=True, eq=False)
class Cold:
    """A program solved from nothing.

    Parameters
    ----------
    answer : of the whole program. gate : where it was found. tiered : what the gate held in place of the whole program.
    """

    answer: Answer
    gate: Gate
    tiered: Tiered | None

    @classmethod
    def of(cls, canonical: Canonical, weights: Floats, options: Options | None = None) -> Cold:
        """Solve; raises SolveError where there is no proven answer, in the words of the whole program."""
        tiered = Tiered.of_program(canonical)
        if tiered is not None:
            try:
                gate = Gate(tiered.program, options, tiered.merged)
                return cls(tiered.whole(gate.answer(tiered.weights(weights))), gate, tiered)
            except SolveError as error:
                if error.status in ("cancelled", "limit"):
                    raise
        gate = Gate(canonical, options)
        return cls(gate.answer(weights), gate, None)

    @property
    def basis(self) -> highspy.HighsBasis:
        """A basis of the whole program."""
        return self.tiered.basis(self.gate.basis) if self.tiered else self.gate.basis


def _smaller(canonical: Canonical, stock: Places, tier: Places, of: Places, kept: Places) -> Canonical:
    """The program with filled tiers in the place of what is below, without the rows of the cushion."""
    rest = canonical.matrix.tocsr()[kept].tocsc()
    acts = rest[:, stock[of]].tocoo()
    more = sp.csc_array((acts.data, (acts.row, tier[acts.col])), shape=rest.shape)
    matrix = sp.csc_array(rest + more)
    matrix.sort_indices()
    ends = {name: np.searchsorted(kept, (part.start, part.stop)).tolist() for name, part in canonical.rows.items()}
    return replace(
        canonical,
        matrix=matrix,
        cost=_filled(canonical.cost, stock, tier, of),
        row_lower=canonical.row_lower[kept],
        row_upper=canonical.row_upper[kept],
        rows={name: slice(*end) for name, end in ends.items()},
        offset=canonical.offset + float(canonical.cost[tier] @ canonical.upper[tier]),
    )


def _filled(cost: Floats, stock: Places, tier: Places, of: Places) -> Floats:
    """What a unit that fills a tier costs: that of stock, without that of what is below."""
    found = cost.copy()
    found[tier] = cost[stock[of]] - cost[tier]
    return found
