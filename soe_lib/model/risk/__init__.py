"""The risk curve of each node: what a low stock is expected to cost, from the record of errors and the economics."""

from soe_lib.model.risk.cells import CAUSES, CELL, pace, reviews
from soe_lib.model.risk.evidence import active, errors, stated
from soe_lib.model.risk.losses import curves, from_stock, intervals, lines, shortest_intervals
from soe_lib.model.risk.prices import levels
from soe_lib.model.risk.shortages import shortfalls
from soe_lib.model.risk.tiers import padded, steps, steps_against
from soe_lib.model.risk.waits import LINE, waits

__all__ = [
    "CAUSES",
    "CELL",
    "LINE",
    "active",
    "curves",
    "errors",
    "from_stock",
    "intervals",
    "levels",
    "lines",
    "pace",
    "padded",
    "reviews",
    "shortest_intervals",
    "shortfalls",
    "stated",
    "steps",
    "steps_against",
    "waits",
]
