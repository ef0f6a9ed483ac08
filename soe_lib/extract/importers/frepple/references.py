"""Every name that one frePPLe table takes from another must be there: a gap means that the export is incomplete."""

from __future__ import annotations

import polars as pl

from soe_lib.errors import DataError
from soe_lib.extract.importers.frepple.source import Frepple
from soe_lib.extract.importers.report import names

ALWAYS = {
    "item": ("buffer.item", "demand.item", "itemsupplier.item", "itemdistribution.item", "operation.item",
             "operationmaterial.item", "operationplan.item"),
    "location": ("buffer.location", "demand.location", "itemsupplier.location", "itemdistribution.location",
                 "itemdistribution.origin", "operation.location", "resource.location", "operationplan.location",
                 "operationplan.destination", "operationplan.origin"),
    "operation": ("operationmaterial.operation", "operationresource.operation", "operation.owner"),
    "resource": ("operationresource.resource", "resourceskill.resource", "resource.owner"),
}  # fmt: skip
"""Without these the plan would be of another company."""

WHERE_EXPORTED = {
    "customer": ("demand.customer",),
    "supplier": ("itemsupplier.supplier",),
    "skill": ("operationresource.skill", "resourceskill.skill"),
    "calendar": (
        "location.available",
        "supplier.available",
        "resource.available",
        "resource.maximumcalendar",
        "calendarbucket.calendar",
    ),
}
"""Tables that may be missing as a whole: their names are then taken from where they are used."""


def check(source: Frepple) -> None:
    """Stop at names that do not exist.

    Raises
    ------
    DataError : lists every column concerned with its count and the first names; also a name that is used twice.
    """
    wanted = {**ALWAYS, **{table: places for table, places in WHERE_EXPORTED.items() if source[table].height}}
    problems = [problem for table in wanted for problem in _twice(source, table)]
    for table, places in wanted.items():
        for place in places:
            problems += _unknown(source, table, place)
    if problems:
        raise DataError(
            f"The frePPLe export in {source.folder} does not fit together: {'; '.join(problems)}. "
            "Export all tables at the same time, from the same scenario."
        )


def _twice(source: Frepple, table: str) -> list[str]:
    twice = source[table].filter(pl.col("name").is_duplicated())
    return [f"{table}.csv has {twice.height} rows with the same name ({names(twice['name'])})"] if twice.height else []


def _unknown(source: Frepple, table: str, place: str) -> list[str]:
    user, column = place.split(".")
    known = source[table]["name"].implode()
    lost = source[user].filter(pl.col(column) != "", ~pl.col(column).is_in(known))
    if lost.is_empty():
        return []
    return [
        f"{lost.height} of {source[user].height} rows of {user}.csv name something that {table}.csv does not have "
        f"({names(lost[column])})"
    ]
