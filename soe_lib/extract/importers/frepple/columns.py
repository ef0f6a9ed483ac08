"""Which tables and columns of a frePPLe export are used, their kinds, and the defaults that its manual documents.

Kinds: text, number, seconds (a duration), time (a date with time of day), flag (true or false).
Source: frePPLe's model reference, https://frepple.com/docs/current/model-reference/.
"""

from __future__ import annotations

from collections.abc import Mapping


def _kinds(**columns: str) -> dict[str, str]:
    """Column → kind, from `kind="column column …"`, in the order written."""
    return {column: kind for kind, names in columns.items() for column in names.split()}


_ORDER = _kinds(
    text="status type reference item location supplier destination origin operation name",
    number="quantity quantitycompleted",
    time="startdate enddate",
)
_WEEKDAYS = "monday tuesday wednesday thursday friday saturday sunday"

COLUMNS: Mapping[str, Mapping[str, str]] = {
    "item": _kinds(text="name description category subcategory owner uom", number="cost weight volume"),
    "location": _kinds(text="name available owner"),
    "customer": _kinds(text="name category"),
    "supplier": _kinds(text="name available"),
    "buffer": _kinds(text="item location batch type minimumcalendar", number="onhand minimum maximum"),
    "calendar": _kinds(text="name", number="defaultvalue"),
    "calendarbucket": _kinds(
        text="calendar",
        number="value priority days",
        time="startdate enddate",
        seconds="starttime endtime",
        flag=_WEEKDAYS,
    ),
    "demand": _kinds(
        text="name item location customer status policy",
        number="quantity priority",
        time="due",
        seconds="maxlateness",
    ),
    "itemsupplier": _kinds(
        text="item location supplier resource",
        number="cost priority sizeminimum sizemultiple sizemaximum",
        seconds="leadtime hardsafetyleadtime softsafetyleadtime extrasafetyleadtime fence",
        time="effectivestart effectiveend",
    ),
    "itemdistribution": _kinds(
        text="item location origin resource",
        number="cost priority sizeminimum sizemultiple sizemaximum resourceqty",
        seconds="leadtime",
        time="effectivestart effectiveend",
    ),
    "operation": _kinds(
        text="name type item location owner available",
        number="priority cost sizeminimum sizemultiple sizemaximum",
        seconds="duration durationper fence posttime",
        time="effectivestart effectiveend",
    ),
    "suboperation": _kinds(text="operation suboperation", number="priority"),
    "operationmaterial": _kinds(
        text="operation item name",
        number="quantity quantityfixed priority",
        seconds="offset",
        time="effectivestart effectiveend",
    ),
    "operationresource": _kinds(
        text="operation resource skill name setup",
        number="quantity quantityfixed",
        time="effectivestart effectiveend",
    ),
    "operationdependency": _kinds(text="operation blockedby", seconds="hardsafetyleadtime"),
    "resource": _kinds(
        text="name type category subcategory location owner available maximumcalendar efficiencycalendar setupmatrix",
        number="maximum efficiency cost",
        flag="constrained",
    ),
    "resourceskill": _kinds(text="resource skill", number="priority", time="effectivestart effectiveend"),
    "skill": _kinds(text="name"),
    "parameter": _kinds(text="name value"),
    "operationplan": _ORDER,
    "purchaseorder": _ORDER,
    "distributionorder": _ORDER,
    "manufacturingorder": _ORDER,
}

REQUIRED = ("item", "location", "demand")
"""Tables without which there is nothing to plan."""

EXPECTED = (
    "buffer",
    "calendar",
    "calendarbucket",
    "customer",
    "itemdistribution",
    "itemsupplier",
    "operation",
    "operationmaterial",
    "operationresource",
    "resource",
)
"""Tables of every full export; one that is missing is read as empty, and that is said."""

NEEDED: Mapping[str, tuple[str, ...]] = {
    "item": ("name",),
    "location": ("name",),
    "customer": ("name",),
    "demand": ("name", "item", "due", "quantity"),
    "buffer": ("item", "location"),
    "calendar": ("name",),
    "calendarbucket": ("calendar", "value"),
    "itemsupplier": ("item", "supplier"),
    "itemdistribution": ("item", "origin"),
    "operation": ("name",),
    "suboperation": ("operation", "suboperation"),
    "operationmaterial": ("operation", "item"),
    "operationresource": ("operation", "resource"),
    "resource": ("name",),
    "resourceskill": ("resource", "skill"),
    "parameter": ("name", "value"),
    "operationplan": ("status", "type", "quantity", "enddate"),
}
"""Columns without which a table that was exported says nothing."""

DEFAULTS: Mapping[str, Mapping[str, float | bool | str]] = {
    "calendar": {"defaultvalue": 0.0},
    "calendarbucket": {"priority": 0.0, "starttime": 0.0, "endtime": 86400.0},
    "demand": {"priority": 0.0},
    "buffer": {"onhand": 0.0, "minimum": 0.0, "maximum": 0.0},
    "itemsupplier": {"priority": 1.0, "leadtime": 0.0, "hardsafetyleadtime": 0.0},
    "itemdistribution": {"priority": 1.0, "leadtime": 0.0},
    "operation": {"priority": 1.0, "duration": 0.0, "durationper": 0.0, "cost": 0.0, "posttime": 0.0},
    "suboperation": {"priority": 1.0},
    "operationmaterial": {"quantity": 1.0, "quantityfixed": 0.0, "priority": 1.0},
    "operationresource": {"quantity": 1.0, "quantityfixed": 0.0},
    "resource": {"maximum": 1.0, "efficiency": 100.0, "cost": 0.0, "constrained": True},
    "resourceskill": {"priority": 1.0},
    "operationplan": {"quantitycompleted": 0.0},
}
"""frePPLe's documented value of a blank cell."""

ALIASES: Mapping[str, Mapping[str, str]] = {
    "calendar": {"default": "defaultvalue"},
    "calendarbucket": {"start": "startdate", "end": "enddate"},
    "itemdistribution": {"destination": "location"},
    "purchaseorder": {"orderingdate": "startdate", "receiptdate": "enddate"},
    "distributionorder": {"shippingdate": "startdate", "receiptdate": "enddate"},
}
"""Other headings for the same column."""

ORDER_TABLES: Mapping[str, str] = {"purchaseorder": "PO", "distributionorder": "DO", "manufacturingorder": "MO"}
"""Newer exports keep the orders in tables of their own; frePPLe's type of each."""
