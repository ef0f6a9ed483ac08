"""A control's form moved away from where it stands, and scenarios made by several controls at once."""

from __future__ import annotations

from datetime import date

from soe_lib.whatif.where import Value
from soe_lib.workbench.answer import Change, Draft
from soe_lib.workbench.builder import Builder
from soe_lib.workbench.control import Field


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


def tried(
    resource: str = "",
    outage_days: int = 0,
    outage_from: date | None = None,
    *,
    demand: float = 0.0,
    family: str = "",
    customer: str = "",
    overtime_premium: float = 0.0,
    expediting: bool = True,
) -> Draft:
    """A scenario by four controls, those that change something: an outage, demand, overtime's premium, expediting."""
    changes = [
        Change.by("downtime", resource=resource, days=outage_days, **{"from": outage_from}) if outage_days else None,
        Change.by("demand", share=100 * demand, family=family, customer=customer) if demand else None,
        Change.by("overtime", premium=100 * overtime_premium) if overtime_premium else None,
        None if expediting else Change.by("expediting", allowed=False),
    ]
    return Draft(tuple(change for change in changes if change))
