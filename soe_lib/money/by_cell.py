"""Rates by the number of a cell: what the same book is worth for another plan of the same cells, without its keys."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from soe_lib.money.booking import booked_lines
from soe_lib.money.ledger import LINES


@dataclass(frozen=True, eq=False)
class RatesByCell:
    """Every rate as the ledger line of one unit, and the cell that it is for.

    Formula: amount = quantity of the cell × per_unit. The lines are those of `RateBook.value`, in the same order; a
    book finds them by the keys of each cell, which takes longer, and shows that the keys are right.

    Parameters
    ----------
    lines : columns of LINES at a quantity of one. cells : shape (lines,), the place of its cell among all quantities.
    """

    lines: pl.DataFrame
    cells: npt.NDArray[np.intp]

    @classmethod
    def of(cls, rates: Mapping[str, pl.DataFrame], first: Mapping[str, int]) -> RatesByCell:
        """From rate tables that number their cells.

        Parameters
        ----------
        rates : by flow: cell, account, kind, booked labels and per_unit. first : by flow: the place of its cell 0.
        """
        frames = {flow: rates[flow].sort("cell", maintain_order=True) for flow in sorted(rates)}
        lines = [booked_lines(flow, frame.with_columns(quantity=pl.lit(1.0))) for flow, frame in frames.items()]
        cells = [frame.get_column("cell").to_numpy().astype(np.intp) + first[flow] for flow, frame in frames.items()]
        return cls(
            pl.concat([pl.DataFrame(schema=LINES), *lines], how="vertical_relaxed"),
            np.concatenate([np.zeros(0, np.intp), *cells]),
        )

    def value(self, quantity: npt.NDArray[np.float64]) -> pl.DataFrame:
        """The ledger lines of a plan; cells of quantity 0 leave none.

        Parameters
        ----------
        quantity : of every cell, shape (quantities,) [unit].
        """
        mine = quantity[self.cells]
        used = np.flatnonzero(mine)
        lines, units = self.lines[used], mine[used]
        amount = units * lines.get_column("per_unit").to_numpy()
        return lines.with_columns(pl.Series("quantity", units), pl.Series("amount", amount))
