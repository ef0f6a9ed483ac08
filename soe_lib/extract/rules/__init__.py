"""Rules across rows and tables, each a small function from an extract to what it found."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from soe_lib.extract.findings import Finding
    from soe_lib.extract.reading import Extract

Rule = Callable[["Extract"], "list[Finding]"]
_RULES: list[Rule] = []


def rule(function: Rule) -> Rule:
    """Register a function as a rule that every check runs."""
    _RULES.append(function)
    return function


def registered() -> tuple[Rule, ...]:
    """Every rule, in the order of the modules."""
    from soe_lib.extract.rules import (  # noqa: F401
        demand,
        errors,
        events,
        history,
        idle,
        keys,
        money,
        network,
        numbers,
        past,
        periods,
        plausibility,
        supply,
        tables,
        units,
    )

    return tuple(_RULES)
