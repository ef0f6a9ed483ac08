"""From rates to lines: what a rate table must hold, and where an amount is booked."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from soe_lib.errors import FormulationError
from soe_lib.money.accounts import KINDS
from soe_lib.money.ledger import ADAPTED, UNMATCHED

FREE = ""
"""The account of a cell that the book knows and that costs nothing."""

LABELS = ("item", "location", "customer")


def checked(flow: str, table: pl.DataFrame) -> pl.DataFrame:
    """A rate table with text labels and number rates, nothing blank.

    Raises FormulationError on a missing column, a rate that is not a number, or an unknown kind.
    """
    if lost := [name for name in ("account", "kind", "per_unit") if name not in table.columns]:
        raise FormulationError(f"rates of {flow} lack {', '.join(lost)}.")
    names = [name for name in table.columns if name not in ("per_unit", "cell")]
    kinds = {**dict.fromkeys(names, pl.String), "per_unit": pl.Float64}
    clean = table if table.schema == kinds else table.select(pl.col(name).cast(kind) for name, kind in kinds.items())
    rate = clean.get_column("per_unit")
    if finite(rate) < clean.height:
        bad = clean.filter(rate.is_null() | ~rate.is_finite())
        raise FormulationError(
            f"rates of {flow}: {bad.height} of {clean.height} are blank or not finite, first {bad.row(0)}; "
            "give the price or the cost that is missing."
        )
    if not {*clean.get_column("kind").unique()} <= {*KINDS, None}:
        strange = clean.filter(~pl.col("kind").is_in(KINDS))
        raise FormulationError(f"rates of {flow}: kind must be one of {', '.join(KINDS)}, not {strange['kind'][0]!r}.")
    return clean


def finite(numbers: pl.Series) -> int:
    """How many of them are numbers: not blank, not infinite; NumPy counts a short column sooner than a query does."""
    return int(np.isfinite(numbers.to_numpy()).sum())


def key_columns(table: pl.DataFrame, known: Sequence[str] | None) -> tuple[str, ...]:
    """The columns that name a cell: the known ones, else all in front of the account."""
    if known and all(key in table.columns for key in known):
        return tuple(known)
    return tuple(table.columns[: table.columns.index("account")])


def free(cells: pl.DataFrame) -> pl.DataFrame:
    """Rates of nothing for cells that cost nothing."""
    return cells.with_columns(account=pl.lit(FREE), kind=pl.lit("cash"), per_unit=pl.lit(0.0))


def booked_lines(flow: str, hits: pl.DataFrame) -> pl.DataFrame:
    """Ledger lines of rows joined to their rates.

    Formula: amount = quantity × per_unit, at item, location and customer of the rate (`booked_item` … before
    `item` …) and in the period it is booked to.
    """
    paid = hits.lazy().filter(pl.col("account") != FREE)
    label = {name: _first(hits, f"booked_{name}", name) for name in LABELS}
    return paid.select(
        "account",
        "kind",
        flow=pl.lit(flow),
        **label,
        period=_first(hits, "booked", "period"),
        quantity="quantity",
        per_unit="per_unit",
        amount=pl.col("quantity") * pl.col("per_unit"),
    ).collect()


def unmatched(rows: pl.DataFrame, flow: str) -> pl.DataFrame:
    """How many rows, and how much, have no rate."""
    if rows.is_empty():
        return pl.DataFrame(schema=UNMATCHED)
    return pl.DataFrame([{"flow": flow, "rows": rows.height, "quantity": _units(rows)}], schema=UNMATCHED)


def adapted(rows: pl.DataFrame, flow: str, how: str) -> pl.DataFrame:
    """How many rows, and how much, are valued at a rate that is not quite their own."""
    if rows.is_empty():
        return pl.DataFrame(schema=ADAPTED)
    row = {"flow": flow, "how": how, "rows": rows.height, "quantity": _units(rows)}
    return pl.DataFrame([row], schema=ADAPTED)


def _units(rows: pl.DataFrame) -> float:
    return float(rows.get_column("quantity").sum())


def _first(frame: pl.DataFrame, *names: str) -> pl.Expr:
    return pl.coalesce([*(pl.col(name) for name in names if name in frame.columns), pl.lit("")])
