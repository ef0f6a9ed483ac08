"""Store: every plan of every week, kept once, found again by as-of date and run."""

from soe_lib.names import offered

NAMES = {
    "append": "soe_lib.store.history",
    "as_promised": "soe_lib.store.promised",
    "decisions": "soe_lib.store.meeting",
    "promises": "soe_lib.store.promised",
    "restate": "soe_lib.store.history",
}
"""Public name → the module that defines it."""

__getattr__, __dir__ = offered("soe.store", NAMES)
