"""The review by the reader's question: one module a page, over shared frames, charts and tables."""

from soe_lib.names import offered

NAMES = {
    "cost_of_events": "soe_lib.review.options",
    "likely_end": "soe_lib.review.frames.service",
    "pegging": "soe_lib.model.pegging.answer",
}
"""Public name → the module that defines it."""

MODULES = {name: f"soe_lib.review.{name}" for name in ("charts", "tables", "frames", "kpis", "measures")}

__getattr__, __dir__ = offered("soe.review", NAMES, MODULES)
