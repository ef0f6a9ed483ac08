"""A control's form moved away from where it stands."""

from __future__ import annotations

from soe_lib.explore.builder import Builder
from soe_lib.explore.controls.control import Field
from soe_lib.whatif.where import Value


def values(field: Field) -> list[Value]:
    """What a field can be set to besides what it stands at: the ends, and something between."""
    if field.kind == "switch":
        return [not field.value]
    if field.kind == "slide":
        found = {field.least, field.most, min(field.value + 3 * field.step, field.most)}
        return sorted(found - {field.value})
    known = [value for _, value in field.options if value != field.value]
    return [known[-1], known[len(known) // 2]] if known else []


def moved(builder: Builder, key: str) -> dict[str, Value]:
    """Every field of a control that can be moved, with another value than it stands at."""
    return {one.name: found[-1] for one in builder.choose(key).fields if (found := values(one))}
