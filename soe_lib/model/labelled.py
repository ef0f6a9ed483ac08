"""Flows as labelled CVXPY variables, for an analyst's constraints and objective terms."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

import cvxpy as cp
import numpy as np
import polars as pl
import scipy.sparse as sp

from soe_lib.errors import FormulationError, hint
from soe_lib.model.network import Network
from soe_lib.model.terms import Flow

DESCRIBED = {"item": "items", "location": "locations", "customer": "customers", "resource": "resources"}
"""Label of a cell → the table with its attributes, one row per label."""
SOME = 6


class Quantities(cp.Variable):
    """The quantities of one flow, shape (cells,) in its unit: a cvxpy.Variable whose cells have labels.

    `where` and `by` give CVXPY expressions; so does everything that CVXPY does with a variable.
    """

    def __init__(self, flow: Flow, network: Network) -> None:
        lower, upper = flow.bounds
        whole = flow.whole
        integer = np.nonzero(whole) if whole.any() and not whole.all() else bool(whole.any())
        bounds = [lower, None if np.isinf(upper).all() else upper]
        super().__init__(flow.size, name=flow.name, integer=integer, bounds=bounds)
        self.flow, self.network = flow, network

    @cached_property
    def cells(self) -> pl.DataFrame:
        """One row per cell, in the order of the variable: its labels, their attributes in the flow and in the extract
        (family, segment, kind …), week and month.
        """
        found = self.flow.rows
        for label, table in DESCRIBED.items():
            if label in found.columns:
                attributes = self.network.table(table)
                more = [name for name in attributes.columns if name not in found.columns]
                found = found.join(attributes.select(label, *more), on=label, how="left", maintain_order="left")
        if "period" in found.columns:
            weeks = self.network.encode(self.network.snapshot.periods.select("period", "week", "month"))
            free = [name for name in ("week", "month") if name not in found.columns]
            found = found.join(weeks.select("period", *free), on="period", how="left", maintain_order="left")
        return found

    def where(self, **labels: Any) -> Any:
        """The cells that have all of these labels, as a CVXPY expression of shape (cells found,).

        Parameters
        ----------
        labels : column of `cells` → the value it must have, or a list of values; `period` takes a day, an ISO week or
            a fiscal month as well.

        Raises FormulationError for a column that the cells do not have, a value that none has, and where no cell has
        all of them.
        """
        return self[self._places(labels)]

    def by(self, *columns: str, **labels: Any) -> Any:
        """The sums of the cells by group, as an expression of shape (groups,): a group has the same labels in these
        columns.

        Formula: sum_g = Σ over cells of group g; groups are sorted by label, periods by time.
        """
        places = self._places(labels)
        keys = self.cells[places].select(self._known(name) for name in columns)
        groups = keys.unique().sort(columns).with_row_index("group")
        group = keys.join(groups, on=list(columns), how="left", maintain_order="left")["group"].to_numpy()
        adds = sp.csr_array((np.ones(len(places)), (group, places)), shape=(groups.height, self.size))
        return adds @ self

    def look_up(self, frame: pl.DataFrame, column: str) -> Any:
        """A figure from your own table for each cell, shape (cells,): joined on the columns that both have.

        Raises FormulationError where they share no column, or the table has two rows, or none, for a cell.
        """
        who = f"look_up of {column!r} for {self.name()}"
        cells = self.cells.with_columns(pl.selectors.enum().cast(pl.String))
        shared = [name for name in frame.columns if name in cells.columns and name != column]
        if column not in frame.columns or not shared:
            raise FormulationError(
                f"{who}: the table has {', '.join(frame.columns)}. It needs {column!r} and a column of the cells: "
                f"{', '.join(cells.columns)}."
            )
        if twins := frame.height - frame.select(shared).unique().height:
            raise FormulationError(f"{who}: {twins} rows of the table repeat the {', '.join(shared)} of another row.")
        values = cells.select(shared).join(frame, on=shared, how="left", maintain_order="left")[column]
        if missing := values.null_count():
            first = cells.select(shared).filter(values.is_null()).row(0)
            raise FormulationError(f"{who}: {missing} of {len(values)} cells have no row, first {first}.")
        return values.cast(pl.Float64).to_numpy()

    def _places(self, labels: Mapping[str, Any]) -> Any:
        found = np.ones(self.size, bool)
        for name, value in labels.items():
            found &= self._has(name, value)
        if not found.any():
            said = ", ".join(f"{name}={value!r}" for name, value in labels.items())
            raise FormulationError(
                f"{self.name()}.where({said}) selects none of {self.size:,} cells: each of these labels is known, but "
                "no cell has all of them."
            )
        return np.flatnonzero(found)

    def _has(self, name: str, value: Any) -> Any:
        column = self.cells[self._known(name)]
        wanted = [value] if isinstance(value, str) or not isinstance(value, Sequence) else list(value)
        if name == "period":
            wanted = [period for one in wanted for period in self.network.calendar.covered(str(one))]
        texts = column.cast(pl.String) if isinstance(column.dtype, pl.Enum) else column
        found = texts.is_in(wanted).fill_null(value=False).to_numpy()
        if not found.any():
            known = sorted({str(one) for one in texts.drop_nulls().unique()})
            meant = hint(str(value), known) or f"It has {', '.join(known[:SOME])}{' …' if len(known) > SOME else ''}."
            raise FormulationError(f"{self.name()}.where({name}={value!r}): no cell has it. {meant}")
        return found

    def _known(self, name: str) -> str:
        if name not in self.cells.columns:
            raise FormulationError(
                f"{self.name()} has no column {name!r}. {hint(name, self.cells.columns)} "
                f"It has {', '.join(self.cells.columns)}."
            )
        return name


class Variables(Mapping[str, Quantities]):
    """Flow → its labelled quantities; a name that the plan does not have raises FormulationError."""

    def __init__(self, flows: Mapping[str, Flow], network: Network) -> None:
        self._made = {name: Quantities(flow, network) for name, flow in flows.items()}

    def __getitem__(self, name: str) -> Quantities:
        if name not in self._made:
            raise FormulationError(
                f"this plan has no flow {name!r}. {hint(name, self._made)} It has {', '.join(sorted(self._made))}."
            )
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._made)

    def __len__(self) -> int:
        return len(self._made)
