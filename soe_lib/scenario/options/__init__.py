"""Options: the feasible answers to an exception, priced by planning again; one file per kind of answer."""

from soe_lib.scenario.options.price import price_options
from soe_lib.scenario.options.registry import Option, answer, answers_to, registered

__all__ = ["Option", "answer", "answers_to", "price_options", "registered"]
