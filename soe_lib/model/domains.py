"""Labels as sorted Enums: one domain per kind of thing, shared by every table that names it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import polars as pl

DOMAIN_OF = {
    "item": "item",
    "component": "item",
    "substitute": "item",
    "location": "location",
    "origin": "location",
    "destination": "location",
    "customer": "customer",
    "resource": "resource",
    "routing": "routing",
    "step": "step",
    "offer": "offer",
    "supplier": "supplier",
    "lane": "lane",
    "order": "order",
    "receipt": "receipt",
    "group": "group",
    "maintenance": "maintenance",
    "expansion": "expansion",
    "lot": "lot",
    "period": "period",
    "due": "period",
    "arrival": "period",
    "of": "period",
}
"""Column name → domain. A column that is not named here is an attribute and stays as it is."""

BEYOND = "beyond"
"""The last pseudo-period: what arrives or is left after the horizon."""


def domains(tables: Mapping[str, pl.DataFrame], periods: Iterable[str]) -> dict[str, pl.Enum]:
    """One Enum per domain: every label of every table, sorted; periods in time order, then `beyond`."""
    found: dict[str, list[pl.Series]] = {}
    for table in tables.values():
        for column in table.columns if table.height else ():
            domain = DOMAIN_OF.get(column)
            if domain not in (None, "period") and table.schema[column] == pl.String:
                found.setdefault(str(domain), []).append(table.get_column(column).unique().alias("label"))
    blank = pl.Series("label", [""])
    made = {
        domain: pl.Enum(pl.concat([blank, *labels]).drop_nulls().unique().sort()) for domain, labels in found.items()
    }
    for domain in set(DOMAIN_OF.values()) - set(made):
        made[domain] = pl.Enum([""])
    made["period"] = pl.Enum([*periods, BEYOND])
    return made


def labels_of(table: pl.DataFrame) -> list[str]:
    """The columns of a table that bring labels to the domains."""
    return [
        name
        for name in table.columns
        if DOMAIN_OF.get(name) not in (None, "period") and table.schema[name] == pl.String
    ]


def encode(frame: pl.DataFrame, known: Mapping[str, pl.Enum], *, skip: tuple[str, ...] = ()) -> pl.DataFrame:
    """The frame with each label column cast to the Enum of its domain."""
    return frame.with_columns(
        pl.col(column).cast(known[DOMAIN_OF[column]])
        for column in frame.columns
        if column in DOMAIN_OF and column not in skip and frame.schema[column] == pl.String
    )
