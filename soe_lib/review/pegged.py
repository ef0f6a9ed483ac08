"""What serves orders, and who competes with them, as tables of pages and of the workbench."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from soe_lib.review import frames, words
from soe_lib.review.tables import Column, Table, laid_out, said

if TYPE_CHECKING:
    from soe_lib.model.pegging.answer import Pegging

RULE = (
    "First in, first out of every stock; of what leaves it in a period what is due first, orders before forecast, ties "
    "by order number."
)
MOST = 3
"""Rivals of an order that are named."""


def serving(pegged: Pegging, at_risk: pl.DataFrame, rivals: pl.DataFrame) -> Table | str:
    """Of each order at risk: what serves it, which runs stand behind that, and who has the scarce hours it would need.

    Parameters
    ----------
    at_risk : from `frames.orders_at_risk`. rivals : from `frames.rivals`.
    """
    if at_risk.is_empty():
        return "No open order is at risk, so none competes for scarce hours."
    told = frames.sources(pegged)
    label = pl.when(pl.col("order") == "").then(pl.format("{} {}", "for_kind", "customer")).otherwise("order")
    who = rivals.group_by("of", who=label).agg(pl.col("hours").sum())
    who = who.sort("of", "hours", "who", descending=[False, True, False])
    names = who.group_by("of", maintain_order=True).agg(
        pl.format("{} {} h", "who", frames.brief(pl.col("hours"))).head(MOST).str.join(", ").alias("rivals")
    )
    dearest = rivals.sort("price", "line", descending=[True, False]).unique("of", keep="first", maintain_order=True)
    tight = dearest.select("of", scarce=pl.format("{}, {}", "line", said("period", words.period_name)))
    joined = (
        at_risk.join(told, on="order", how="left", validate="m:1", maintain_order="left")
        .join(names.rename({"of": "order"}), on="order", how="left", validate="m:1", maintain_order="left")
        .join(tight.rename({"of": "order"}), on="order", how="left", validate="m:1", maintain_order="left")
    )
    blank = pl.col("comes_from", "made_by", "rivals", "scarce").fill_null("none")
    columns: dict[str, Column] = {
        "Order": "order", "Item": "description", "Comes from": "comes_from", "Made by": "made_by",
        "Dearest hours": "scarce", "Hours are with": "rivals",
    }  # fmt: skip
    caption = "What serves the orders at risk, and who has the hours that they would need"
    return laid_out(
        joined.with_columns(blank), caption, columns,
        f"{RULE} Dearest hours: of the lines that can make the item or what goes into it, until the due date. Whether "
        "a rival would give way, only planning again can tell.",
    )  # fmt: skip


def order(pegged: Pegging, name: str) -> Table:
    """Everything that serves one order, level by level."""
    found = pegged.of(order=name)
    columns: dict[str, Column] = {
        "What": pl.col("kind").str.to_titlecase(), "Name": "name", "Item": "item", "At": "location",
        "Started": said("made_in", words.period_name), "There": said("available", words.period_name),
        "Used": said("used", words.period_name), "By": pl.format("{} {}", "used_by", "used_for"),
        "Units": ("quantity", ",.1f"), "For units of the order": ("serves", ",.1f"),
    }  # fmt: skip
    return laid_out(found, f"What serves {name}", columns, RULE, rows=60)


def rivals(found: pl.DataFrame, name: str) -> Table | str:
    """Who has the scarce hours that one order would need.

    Parameters
    ----------
    found : from `frames.rivals`.
    """
    mine = found.filter(pl.col("of") == name)
    if mine.is_empty():
        return f"No hour that could make {name} in time is scarce."
    columns: dict[str, Column] = {
        "Line": "line", "In": said("period", words.period_name), "Price of an hour": ("price", "number"),
        "With": pl.when(pl.col("order") == "").then("for_kind").otherwise("order"), "Customer": "customer",
        "Item": "for_item", "Due in": said("due", words.period_name), "Hours": ("hours", ",.2f"),
    }  # fmt: skip
    return laid_out(mine, f"Who has the scarce hours that {name} would need", columns, rows=30)
