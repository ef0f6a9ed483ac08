"""Bridges and statements as their charts and tables read them."""

from __future__ import annotations

import polars as pl

from soe_lib.money.bridge import Bridge
from soe_lib.money.bridge import bridge as make_bridge
from soe_lib.money.statement import Statement
from soe_lib.review import words
from soe_lib.review.pages.standard import COST_OF_SALES, AtStandard, compared_days
from soe_lib.review.tables import Table


def between(base: AtStandard | None, other: AtStandard) -> Bridge | None:
    """The bridge between two plans at standard cost, over the days compared; None where there are none."""
    days = compared_days(base, other) if base is not None else None
    if base is None or days is None:
        return None
    return make_bridge(base, other, by=("item", "customer"), variable=(COST_OF_SALES,), window=days)


def bridge_frame(made: Bridge | None) -> pl.DataFrame:
    """A bridge as its chart reads it: label, amount [money], kind."""
    kinds = {"label": pl.String, "amount": pl.Float64, "kind": pl.String}
    if made is None:
        return pl.DataFrame(schema=kinds)
    scale = 10**made.digits
    steps = [(driver, amount / scale, "driver") for driver, amount in made.steps.select("driver", "amount").rows()]
    rows = [(made.base, made.start / scale, "start"), *steps, (made.other, made.end / scale, "end")]
    return pl.DataFrame(rows, schema=kinds, orient="row")


def bridge_table(made: Bridge | None, currency: str, otherwise: str) -> Table | str:
    """A bridge as a table with its formulas; `otherwise` where there is none."""
    if made is None or made.window is None:
        return otherwise
    shown = made.table().filter(pl.col("amount") != 0).select(
        pl.col("driver").map_elements(capital, return_dtype=pl.String).alias("Driver"),
        pl.col("amount").alias(f"Amount, {currency}"), pl.col("share").alias("Share of the change"),
        pl.col("cumulative").alias(f"Cumulative, {currency}"), pl.col("formula").alias("How it is worked out"),
    )  # fmt: skip
    formats = {f"Amount, {currency}": "cents", f"Cumulative, {currency}": "cents", "Share of the change": "percent"}
    first, last = (words.full_day(day) for day in made.window)
    note = (
        f"At standard cost; favourable is positive; the residual is 0.00. {made.convention.capitalize()}. "
        f"Days compared: {first} to {last}."
    )
    return Table(shown, f"From the {made.base} to {made.other}", formats, note, rows=30)


def statement_table(made: Statement, caption: str, currency: str, *, standard: bool = False) -> Table:
    """A statement as a table: accounts down, groups or plans across, subtotals bold.

    Parameters
    ----------
    standard : whether it is read at standard cost, where the three margins are one.
    """
    wide = made.table().rename({"line": "Account", "total": "Total", "": "Unassigned"}, strict=False)
    wide = wide.rename({name: capital(words.period_name(name)) for name in wide.columns})
    if standard:
        wide = wide.filter(~pl.col("Account").is_in(["margin", "margin and steering"]))
        wide = wide.with_columns(pl.col("Account").replace({"cash margin": "margin at standard cost"}))
    named = wide.with_columns(pl.col("Account").map_elements(capital, return_dtype=pl.String))
    bold = named.filter(pl.col("Section") == "subtotal")["Account"].to_list()
    shown = named.drop("Section")
    accrual = "Accrual margin: with the change of stock at standard cost."
    steering = "Margin: with the end value of what is left. Steering moves the plan and is no money."
    parts = ["Revenue is positive, cost is negative."]
    parts += [] if standard else ["Cash margin: revenue less costs of the days shown.", accrual, steering]
    money = dict.fromkeys(shown.columns[1:], "money")
    return Table(shown, f"{caption}, {currency}", money, " ".join(parts), rows=40, strong=pl.col("Account").is_in(bold))


def capital(name: str) -> str:
    """A name with a capital at its start."""
    return name[:1].upper() + name[1:]
