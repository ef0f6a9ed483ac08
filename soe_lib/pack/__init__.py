"""The meeting pack: what a notebook shows, pages, workbook, archive."""

from soe_lib.names import offered

NAMES = {
    "figure": "soe_lib.pack.display",
    "parameters": "soe_lib.pack.run_notebook",
    "say": "soe_lib.pack.display",
    "table": "soe_lib.pack.display",
}
"""Public name → the module that defines it."""

__getattr__, __dir__ = offered("soe.pack", NAMES)
