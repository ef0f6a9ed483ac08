"""The standard blocks, in the order in which a formulation prints them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from soe_lib.model.blocks.allocation import Allocation
from soe_lib.model.blocks.buy import Buy, Receive
from soe_lib.model.blocks.capacity import Capacity, Crews, Maintenance, Overtime
from soe_lib.model.blocks.carry_over import SET_UP_STATE
from soe_lib.model.blocks.changeovers import Changeovers
from soe_lib.model.blocks.cushion import Cushion
from soe_lib.model.blocks.in_full import InFull
from soe_lib.model.blocks.in_time import InTime
from soe_lib.model.blocks.lots import ALTERNATIVES, ORDERS, RUNNING, RUNS, TRIPS
from soe_lib.model.blocks.make import Make
from soe_lib.model.blocks.promised import Promised
from soe_lib.model.blocks.sell import Sell, Substitute
from soe_lib.model.blocks.shelf_life import Cohorts, ShelfLife
from soe_lib.model.blocks.ship import Ship
from soe_lib.model.blocks.sites import Expansions, Sites
from soe_lib.model.blocks.stability import Overrides, Stability
from soe_lib.model.blocks.stock import Stock, StockRules
from soe_lib.model.blocks.targets import Targets
from soe_lib.model.terms import Block

if TYPE_CHECKING:
    from soe_lib.store.plan import Plan

STANDARD: tuple[Block, ...] = (
    Make(), Buy(), Receive(), Ship(), Stock(), StockRules(), Sell(), Capacity(), Overtime(), RUNS, ALTERNATIVES,
    RUNNING, *SET_UP_STATE, Changeovers(), ORDERS, TRIPS, Sites(), Expansions(), Crews(), Maintenance(), Substitute(),
    ShelfLife(), Cohorts(), InFull(), Allocation(), InTime(), InTime(late=True), Cushion(), Overrides(), Promised(),
    Targets(),
)  # fmt: skip


def kept_close(record: Plan | None) -> tuple[Block, ...]:
    """The block that keeps a plan close to the plan of record where there is a fence; none without a record."""
    return () if record is None else (Stability.of(record),)
