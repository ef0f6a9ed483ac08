"""Prices and costs: of sales, purchases, freight, making, and of serving late or not at all."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import polars as pl

from soe_lib.explore.choices import Choices
from soe_lib.explore.controls.control import Control, Field, Said, number, share, some_or_all, text, where
from soe_lib.explore.part import Part, counted
from soe_lib.extract.snapshot import Snapshot
from soe_lib.review import words
from soe_lib.whatif.scenario import Scenario

Names = Callable[[Snapshot, Choices], tuple[str, ...]]


def fields(
    snapshot: Snapshot, choices: Choices, *, by: str, label: str, everything: str, names: Names
) -> tuple[Field, ...]:
    """Of whom, and how much."""
    return (some_or_all(by, label, everything, names(snapshot, choices)), share(least=-50, most=100))


def part(snapshot: Snapshot, said: Said, *, what: str, by: str, paths: tuple[str, ...]) -> Part | None:
    """The columns times a factor, where they are filled."""
    change = number(said, "share") / 100
    if not change:
        return None
    whose = text(said, by) or "all"
    called = f"{whose} {what} {words.percent(change, sign=True)}".replace(words.HARD_SPACE, " ")
    made, touched = Scenario(""), {}
    for path in paths:
        table, _, column = path.partition(".")
        if rows := _filled(snapshot, table, column, by, text(said, by)):
            made, touched[f"{_one(table)} row"] = made.scale(path, 1.0 + change, **where(said, by)), rows
    return counted(called, made, touched)


def _filled(snapshot: Snapshot, table: str, column: str, by: str, name: str) -> int:
    """Rows with a figure that is not 0, of the one that is named."""
    rows = snapshot[table].filter(pl.col(column).fill_null(0.0) != 0)
    if table == "forecast" and (version := snapshot.settings.forecast.version):
        rows = rows.filter(pl.col("version") == version)
    if name and by not in rows.columns:
        known = snapshot["items"].filter(pl.col(by) == name)["item"]
        return rows.filter(pl.col("item").is_in(known.implode())).height
    return rows.filter(pl.col(by) == name).height if name else rows.height


def _one(table: str) -> str:
    return table[:-1] if table.endswith("s") else table


def _modes(snapshot: Snapshot, choices: Choices) -> tuple[str, ...]:  # noqa: ARG001
    return tuple(name for name in snapshot["lanes"]["mode"].unique().sort().to_list() if name)


def _made(snapshot: Snapshot, choices: Choices) -> tuple[str, ...]:  # noqa: ARG001
    made = snapshot["items"].join(snapshot["routings"].select("item").unique(), on="item", how="semi")
    return tuple(name for name in made["family"].unique().sort().to_list() if name)


def _control(
    key: str, title: str, place: int, what: str, by: str, label: str, everything: str, names: Names, *paths: str
) -> Control:
    asked = partial(fields, by=by, label=label, everything=everything, names=names)
    return Control(key, title, "Money", place, asked, partial(part, what=what, by=by, paths=paths))


CONTROLS = (
    _control("sales_price", "Sales prices", 80, "sales prices", "family", "Family", "All families",
             lambda _, choices: choices.families, "items.price", "forecast.price"),
    _control("purchase_price", "Purchase prices", 81, "purchase prices", "supplier", "Supplier", "All suppliers",
             lambda _, choices: choices.suppliers, "offers.unit_cost"),
    _control("freight", "Freight", 82, "freight", "mode", "Mode", "All modes", _modes, "lanes.cost_per_unit"),
    _control("conversion", "Cost of making", 83, "cost of making", "family", "Family", "All families", _made,
             "routings.cost_per_unit"),
    _control("lateness", "Cost of serving late", 84, "cost of lateness", "customer", "Customer", "All customers",
             lambda _, choices: choices.customers, "customers.late_cost"),
    _control("goodwill", "Goodwill of not serving", 85, "goodwill", "customer", "Customer", "All customers",
             lambda _, choices: choices.customers, "customers.short_cost"),
)  # fmt: skip
