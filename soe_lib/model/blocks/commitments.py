"""Commitments: what S&OP promised of a family in a month, as a floor under what the weekly plan sells."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import polars as pl

from soe_lib.model.terms import Balance, Effect, Part

if TYPE_CHECKING:
    from soe_lib.model.network import Network


@dataclass(frozen=True)
class Commitments(Part):
    """Sales of a family in a month are at least what was committed and is not yet sold.

    Brings rows `commitment` (commitment): −Σ sold × share of the period in the month <= −floor. Books nothing. Not one
    of the standard blocks: a commitment is kept where it pays, and this one says what keeping it costs.

    Parameters
    ----------
    floors : commitment (a label), floor [units still to be sold].
    cells : commitment, item, period, share [of the period's sales that count].
    """

    floors: pl.DataFrame = field(repr=False)
    cells: pl.DataFrame = field(repr=False)

    def balances(self, network: Network) -> Iterator[Balance]:  # noqa: ARG002
        """commitment."""
        yield Balance(
            "commitment", self.floors.with_columns(pl.col("commitment").cast(self._labels)), ("commitment",), "<=",
            "unit", "a family sells in a month what S&OP committed", rhs=-pl.col("floor"),
        )  # fmt: skip

    def effects(self, network: Network) -> Iterator[Effect]:
        """Of sell on commitment."""
        cells = network.encode(self.cells).with_columns(pl.col("commitment").cast(self._labels))
        yield Effect("sell", "commitment", -pl.col("share"), join=cells, using=("item", "period"))

    @property
    def _labels(self) -> pl.Enum:
        return pl.Enum(self.floors["commitment"].unique().sort())
