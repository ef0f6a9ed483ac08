"""The standard blocks: one small file per idea. A company's own block is passed to `soe.plan(…, blocks=[…])`.

Examples
--------
>>> soe.Model(small, soe.blocks.STANDARD).solve().margin
840.0
"""

from soe_lib.names import offered

NAMES = {
    "Allocation": "soe_lib.model.blocks.allocation",
    "Buy": "soe_lib.model.blocks.buy",
    "Capacity": "soe_lib.model.blocks.capacity",
    "Changeovers": "soe_lib.model.blocks.changeovers",
    "Cohorts": "soe_lib.model.blocks.shelf_life",
    "Crews": "soe_lib.model.blocks.capacity",
    "Cushion": "soe_lib.model.blocks.cushion",
    "Expansions": "soe_lib.model.blocks.sites",
    "Force": "soe_lib.model.blocks.stability",
    "InFull": "soe_lib.model.blocks.in_full",
    "InTime": "soe_lib.model.blocks.in_time",
    "Lots": "soe_lib.model.blocks.lots",
    "Maintenance": "soe_lib.model.blocks.capacity",
    "Make": "soe_lib.model.blocks.make",
    "Overrides": "soe_lib.model.blocks.stability",
    "Overtime": "soe_lib.model.blocks.capacity",
    "Promised": "soe_lib.model.blocks.promised",
    "Receive": "soe_lib.model.blocks.buy",
    "STANDARD": "soe_lib.model.blocks.standard",
    "Sell": "soe_lib.model.blocks.sell",
    "ShelfLife": "soe_lib.model.blocks.shelf_life",
    "Ship": "soe_lib.model.blocks.ship",
    "Sites": "soe_lib.model.blocks.sites",
    "Stability": "soe_lib.model.blocks.stability",
    "Stock": "soe_lib.model.blocks.stock",
    "StockRules": "soe_lib.model.blocks.stock",
    "Substitute": "soe_lib.model.blocks.sell",
}
"""Public name → the module that defines it."""

__getattr__, __dir__ = offered("soe.blocks", NAMES)
