"""The standard blocks: one small file per idea. A company's own block is passed to `soe.plan(…, blocks=[…])`."""

from __future__ import annotations

from soe_lib.model.blocks.allocation import Allocation
from soe_lib.model.blocks.buy import Buy, Receive
from soe_lib.model.blocks.capacity import Capacity, Overtime
from soe_lib.model.blocks.crews import Crews, Maintenance
from soe_lib.model.blocks.lots import ORDERS, RUNS, TRIPS, Lots
from soe_lib.model.blocks.make import Make
from soe_lib.model.blocks.sell import Sell
from soe_lib.model.blocks.shelf_life import ShelfLife
from soe_lib.model.blocks.ship import Ship
from soe_lib.model.blocks.sites import Expansions, Sites
from soe_lib.model.blocks.stock import Stock, StockRules
from soe_lib.model.blocks.substitute import Substitute
from soe_lib.model.terms import Block

STANDARD: tuple[Block, ...] = (
    Make(), Buy(), Receive(), Ship(), Stock(), StockRules(), Sell(), Capacity(), Overtime(), RUNS, ORDERS, TRIPS,
    Sites(), Expansions(), Crews(), Maintenance(), Substitute(), ShelfLife(), Allocation(),
)  # fmt: skip

__all__ = [
    "ORDERS", "RUNS", "STANDARD", "TRIPS", "Allocation", "Buy", "Capacity", "Crews", "Expansions", "Lots",
    "Maintenance", "Make", "Overtime", "Receive", "Sell", "ShelfLife", "Ship", "Sites", "Stock", "StockRules",
    "Substitute",
]  # fmt: skip
