"""Plans as they travel: without the labels, rates and tables that the other side has of the base."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from soe_lib.money.ledger import Ledger
from soe_lib.money.rates import RateBook

if TYPE_CHECKING:
    from soe_lib.model.model import Model
    from soe_lib.model.plan import Plan

Frames = Mapping[str, pl.DataFrame]
QUANTITY, PRICE = ("quantity",), ("rhs", "price")
"""The columns of flows and of prices that a plan is about; the others are labels."""


@dataclass(frozen=True)
class Figures:
    """One frame without its labels.

    Parameters
    ----------
    labels : None where they are the base's. values : the other columns. order : of all columns.
    """

    labels: pl.DataFrame | None
    values: pl.DataFrame
    order: tuple[str, ...]


@dataclass(frozen=True)
class Slim:
    """A plan without what the other side knows.

    Parameters
    ----------
    plan : with no flows, prices and rates. flows, prices : their figures by name.
    rates : tables that are not the base's; None: the base's book.
    """

    plan: Plan
    flows: Mapping[str, Figures]
    prices: Mapping[str, Figures]
    rates: RateBook | None


class Known:
    """What both sides know of the base.

    Parameters
    ----------
    model : of the base; the same on both sides, since a snapshot's labels have one order.
    """

    def __init__(self, model: Model) -> None:
        self.model = model
        self.flows = {name: _parted(flow.named, QUANTITY)[0] for name, flow in model.flows.items()}
        self.balances = {name: _parted(balance.named, PRICE)[0] for name, balance in model.balances.items()}

    def slim(self, plan: Plan) -> Slim:
        """A plan without it."""
        own = plan.rates is self.model.rate_book
        empty = RateBook({}, items=plan.items, periods=plan.periods)
        return Slim(
            replace(plan, flows={}, prices={}, rates=empty),
            _figures(plan.flows, self.flows, QUANTITY),
            _figures(plan.prices, self.balances, PRICE),
            None if own else plan.rates,
        )

    def whole(self, slim: Slim) -> Plan:
        """The plan again, with its ledger where the base's rates value it cell by cell."""
        rates = self.model.rate_book if slim.rates is None else slim.rates
        plan = replace(
            slim.plan, flows=_frames(slim.flows, self.flows), prices=_frames(slim.prices, self.balances), rates=rates
        )
        if slim.rates is None and all(one.labels is None for one in slim.flows.values()):
            quantities = [plan.flows[name].get_column("quantity").to_numpy() for name in self.model.program.columns]
            lines = self.model.rates_by_cell.value(np.concatenate(quantities))
            plan.__dict__["ledger"] = Ledger(lines, items=plan.items, periods=plan.periods)
        return plan


def _figures(frames: Frames, known: Frames, values: Sequence[str]) -> dict[str, Figures]:
    return {name: _figured(frame, known.get(name), values) for name, frame in frames.items()}


def _figured(frame: pl.DataFrame, known: pl.DataFrame | None, names: Sequence[str]) -> Figures:
    labels, values = _parted(frame, names)
    own = known is None or labels.columns != known.columns or not labels.equals(known)
    return Figures(labels if own else None, values, tuple(frame.columns))


def _parted(frame: pl.DataFrame, names: Sequence[str]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Labels and values; column by column, since a query takes longer than there is to do."""
    columns = frame.get_columns()
    labels, values = ([one for one in columns if (one.name in names) == values] for values in (False, True))
    return pl.DataFrame(labels), pl.DataFrame(values)


def _frames(figures: Mapping[str, Figures], known: Frames) -> dict[str, pl.DataFrame]:
    return {name: _frame(one, known[name] if one.labels is None else one.labels) for name, one in figures.items()}


def _frame(figures: Figures, labels: pl.DataFrame) -> pl.DataFrame:
    columns = {one.name: one for one in (*labels.get_columns(), *figures.values.get_columns())}
    return pl.DataFrame([columns[name] for name in figures.order])
