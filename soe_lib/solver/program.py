"""A program as immutable, labelled arrays: the result of a model, and the only input of a solver."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import polars as pl
import scipy.sparse as sp

from soe_lib.errors import FormulationError, hint

Floats = npt.NDArray[np.float64]
Places = npt.NDArray[np.intp]
Mask = npt.NDArray[np.bool_]


class Labelled(Protocol):
    """Labels of the columns of a flow, or the rows of a constraint: one row of `rows` each, identified by `keys`."""

    @property
    def rows(self) -> pl.DataFrame:
        """Labels and attributes, in the order of the columns (rows)."""

    @property
    def keys(self) -> tuple[str, ...]:
        """The key columns of `rows`."""


@dataclass(frozen=True, eq=False)
class Hints:
    """What helps a search for whole numbers.

    Parameters
    ----------
    when, what : shape (columns,), index of the period and number of the item (or other choice) of each column, −1 where
        there is none.
    start : shape (columns,), the whole numbers of a similar plan, NaN where there are none; None: no plan is known.
    loose : relative gap of that plan to its own relaxation; 0 where it is proven. priced : the costs of its program.
    linked : constraints that hold whole numbers together and nothing else: a rounding keeps them.
    """

    when: Places
    what: Places
    start: Floats | None = None
    loose: float = np.nan
    priced: Floats | None = None
    linked: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Program:
    """Minimise cost @ x + offset subject to row_lower <= matrix @ x <= row_upper, lower <= x <= upper.

    It is immutable: `with_rhs`, `with_cost`, `with_bounds`, `with_rows` and the like return a changed copy that shares
    all other arrays with the original, so that a Session recognises what it can reuse.

    Parameters
    ----------
    matrix : shape (rows, columns). cost : shape (columns,), −money per unit.
    columns, rows : name → slice of each flow's columns and each constraint's rows.
    integer : shape (columns,), True where the quantity must be a whole number.
    flows, constraints : name → labels, for those that have any.
    weights : shape (columns,), the tie-break's price of each column; None: any optimal plan is accepted.
    implied : names of the constraints that follow from the others: they help the solver and carry no price.
    beside : names of the analyst's constraints that arrays cannot express.
    """

    matrix: sp.csc_array
    cost: Floats
    row_lower: Floats
    row_upper: Floats
    lower: Floats
    upper: Floats
    integer: Mask
    columns: Mapping[str, slice]
    rows: Mapping[str, slice]
    offset: float = 0.0
    flows: Mapping[str, Labelled] = field(default_factory=dict)
    constraints: Mapping[str, Labelled] = field(default_factory=dict)
    weights: Floats | None = None
    implied: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()
    hints: Hints | None = None

    # -- read ------------------------------------------------------------------------------------------------------

    @cached_property
    def money(self) -> Floats:
        """Money per unit of each column, to maximise."""
        return -self.cost

    @property
    def rhs(self) -> Floats:
        """Right-hand side of each row; infinite where the row has none."""
        return self.row_upper

    @cached_property
    def equal(self) -> Mask:
        """Which rows are equations."""
        return np.equal(self.row_lower, self.row_upper)

    @property
    def equalities(self) -> int:
        """Number of equations; in a model's program they are the first rows."""
        return int(self.equal.sum())

    @cached_property
    def whole(self) -> Places:
        """The columns of whole numbers."""
        return np.flatnonzero(self.integer)

    def column(self, flow: str, **where: Any) -> Places:
        """The columns of a flow with these labels; raises FormulationError where there is none."""
        return _found("flow", flow, self.columns, self.flows, where)

    def row(self, constraint: str, **where: Any) -> Places:
        """The rows of a constraint with these labels; raises FormulationError where there is none."""
        return _found("constraint", constraint, self.rows, self.constraints, where)

    def entries(self, constraint: str, flow: str | None = None) -> tuple[Places, Places, Places]:
        """Positions in `matrix.data` of the effects on a constraint (of one flow), with row and column of each."""
        rows, columns = self.rows[constraint], self.columns[flow] if flow else slice(0, self.matrix.shape[1])
        start, stop = self.matrix.indptr[columns.start], self.matrix.indptr[columns.stop]
        row = self.matrix.indices[start:stop]
        at = np.flatnonzero((row >= rows.start) & (row < rows.stop)) + start
        column = np.searchsorted(self.matrix.indptr, at, side="right") - 1
        return at, self.matrix.indices[at].astype(np.intp), column.astype(np.intp)

    # -- change ----------------------------------------------------------------------------------------------------

    def with_rhs(
        self, constraint: str, value: float | Floats | None = None, *, more: float = 0.0, **where: Any
    ) -> Program:
        """A copy with another right-hand side of those rows of a constraint that have these labels.

        Parameters
        ----------
        value : the new right-hand side; None: as it is. more : added to it.
        """
        place = self.row(constraint, **where)
        right = (self.row_upper[place] if value is None else value) + more
        lower, upper = self.row_lower, _put(self.row_upper, place, right)
        if (equal := self.equal[place]).any():
            lower = _put(lower, place[equal], upper[place[equal]])
        return replace(self, row_lower=lower, row_upper=upper)

    def with_cost(self, cost: Floats, offset: float = 0.0) -> Program:
        """A copy with other costs per unit of each column."""
        return replace(self, cost=cost, offset=offset)

    def with_bounds(self, place: Places | slice, lower: float | Floats, upper: float | Floats) -> Program:
        """A copy with other bounds of some columns."""
        return replace(self, lower=_put(self.lower, place, lower), upper=_put(self.upper, place, upper))

    def with_limits(self, place: Places | slice, lower: float | Floats, upper: float | Floats) -> Program:
        """A copy with other limits of some rows; −∞ and ∞ remove the limits."""
        lower, upper = _put(self.row_lower, place, lower), _put(self.row_upper, place, upper)
        return replace(self, row_lower=lower, row_upper=upper)

    def with_effects(self, at: Places, values: Floats) -> Program:
        """A copy with other figures at some positions of `matrix.data`."""
        data = _put(self.matrix.data, at, values)
        matrix = sp.csc_array((data, self.matrix.indices, self.matrix.indptr), shape=self.matrix.shape)
        return replace(self, matrix=matrix)

    def relaxed(self) -> Program:
        """The linear relaxation: a copy without whole numbers."""
        return replace(self, integer=np.zeros(len(self.cost), bool))

    def with_columns(
        self, name: str, entries: sp.csc_array, cost: Floats, upper: float = np.inf, *, integer: bool = False
    ) -> Program:
        """A copy with more columns, each with lower bound 0.

        Parameters
        ----------
        entries : shape (rows, columns), their coefficients.
        """
        size, count = len(self.cost), entries.shape[1]
        matrix = sp.csc_array(sp.hstack([self.matrix, entries], format="csc"))
        matrix.sort_indices()
        return replace(
            self,
            matrix=matrix,
            cost=np.concatenate([self.cost, cost]),
            lower=np.concatenate([self.lower, np.zeros(count)]),
            upper=np.concatenate([self.upper, np.full(count, upper)]),
            integer=np.concatenate([self.integer, np.full(count, integer)]),
            columns={**self.columns, name: slice(size, size + count)},
            weights=None,
            hints=None,
        )

    def with_rows(self, name: str, entries: sp.csc_array, upper: Floats) -> Program:
        """A copy with more rows, entries @ x <= upper.

        Parameters
        ----------
        entries : shape (rows, columns), their coefficients. upper : shape (rows,).
        """
        size, count = len(self.row_upper), entries.shape[0]
        matrix = sp.csc_array(sp.vstack([self.matrix, entries], format="csc"))
        matrix.sort_indices()
        return replace(
            self,
            matrix=matrix,
            row_lower=np.concatenate([self.row_lower, np.full(count, -np.inf)]),
            row_upper=np.concatenate([self.row_upper, upper]),
            rows={**self.rows, name: slice(size, size + count)},
        )


def _put(values: Floats, place: Places | slice, new: float | Floats) -> Floats:
    changed = values.copy()
    changed[place] = new
    return changed


def _found(
    what: str, name: str, parts: Mapping[str, slice], labelled: Mapping[str, Labelled], where: Mapping[str, Any]
) -> Places:
    if name not in parts:
        raise FormulationError(f"the program has no {what} {name!r}. {hint(name, parts)}")
    every = np.arange(parts[name].start, parts[name].stop)
    if not where:
        return every
    labels = labelled[name].rows.select(labelled[name].keys)
    if unknown := [key for key in where if key not in labels.columns]:
        raise FormulationError(f"{what} {name} has no label {unknown[0]!r}; it has {', '.join(labels.columns)}.")
    met = [pl.col(key).cast(pl.String) == str(value) for key, value in where.items()]
    hit = np.flatnonzero(labels.select(pl.all_horizontal(met)).to_series().to_numpy())
    if not hit.size:
        labelled_as = ", ".join(f"{key}={value!r}" for key, value in where.items())
        raise FormulationError(f"{what} {name} has no row with {labelled_as}.")
    return every[hit]
