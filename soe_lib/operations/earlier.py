"""What was released before: its open orders, what of it the ERP no longer has, and what supersedes a release."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from soe_lib.errors import DataError, PackError
from soe_lib.operations.files import read_csv
from soe_lib.operations.orders import SCHEMAS
from soe_lib.workspace import RELEASE

if TYPE_CHECKING:
    from soe_lib.extract.snapshot import Snapshot


WAY = ("kind", "way", "part")
"""How an order does its work: its kind, its routing, offer or lane, and of that which step and line, or which item."""
OPEN = pl.Schema(
    {
        "order": pl.String, "kind": pl.String, "way": pl.String, "part": pl.String, "item": pl.String,
        "description": pl.String, "location": pl.String, "starts_on": pl.Date, "ends_on": pl.Date,
        "arrives_on": pl.Date, "quantity": pl.Float64, "unit": pl.String,
    }
)  # fmt: skip
"""Orders of every kind in one table."""
TERMS: Mapping[str, tuple[str, dict[str, str]]] = {
    "production_orders": (
        "make", {"order": "production_order", "way": "routing", "arrives_on": "ready_on"},
    ),
    "purchase_orders": (
        "buy", {"order": "purchase_order", "way": "offer", "location": "deliver_to", "starts_on": "order_on",
                "ends_on": "order_until"},
    ),
    "transfer_orders": (
        "ship", {"order": "transfer_order", "way": "lane", "part": "item", "location": "destination",
                 "starts_on": "ship_on", "ends_on": "ship_until"},
    ),
}  # fmt: skip
"""Table → its kind, and what it calls the columns of OPEN that have another name there."""


@dataclass(frozen=True)
class Earlier:
    """One release that was made before.

    Parameters
    ----------
    label : its plan, as "as-of/run". as_of : its date. run : of its plan. until : last day of its firm window.
    orders : its firm orders, of every kind.
    """

    label: str
    as_of: date
    run: int
    until: date
    orders: pl.DataFrame


def releases(folder: Path, company: str) -> list[Earlier]:
    """Every release of a company in a folder, oldest first.

    Raises PackError where one cannot be read: what was handed over must be known before more is.
    """
    found = []
    for told in sorted(folder.glob(f"*/{RELEASE}")):
        try:
            said = json.loads(told.read_text(encoding="utf-8"))
            if said["company"] != company:
                continue
            tables = {name: read_csv(told.parent / f"{name}.csv", schema) for name, schema in SCHEMAS.items()}
            day, run = date.fromisoformat(said["as_of"]), int(said["run"])
        except (OSError, ValueError, KeyError, pl.exceptions.PolarsError) as error:
            raise PackError(
                f"The release in {told.parent} cannot be read ({str(error).splitlines()[0]}): restore it, or move it "
                "away if it was never loaded. Nothing was released."
            ) from error
        # A release from before there was a firm window holds the whole horizon: its first week counts.
        until = date.fromisoformat(said["firm_until"]) if "firm_until" in said else day + timedelta(days=6)
        firm = as_orders(tables).filter(pl.col("starts_on") <= until)
        found.append(Earlier(f"{day}/{run}", day, run, until, firm))
    return sorted(found, key=lambda one: (one.as_of, one.run))


def as_orders(tables: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """The orders of a release in one table: OPEN."""
    found = []
    for name, (kind, names) in TERMS.items():
        frame = tables[name].with_columns(kind=pl.lit(kind))
        if kind == "make":
            frame = frame.with_columns(part=pl.concat_str(pl.col("step", "line").fill_null(""), separator="/"))
        elif kind == "buy":
            frame = frame.with_columns(part=pl.lit(""))
        columns = [pl.col(names.get(column, column)).cast(of).alias(column) for column, of in OPEN.items()]
        found.append(frame.select(columns))
    return pl.concat(found)


def open_orders(earlier: Iterable[Earlier], as_of: date) -> pl.DataFrame:
    """The orders that may still be changed: those of the newest release that start on the as-of date or later."""
    newest = list(earlier)[-1:]
    found = [one.orders.filter(pl.col("starts_on") >= as_of) for one in newest]
    return pl.concat([pl.DataFrame(schema=OPEN), *found])


def not_in_erp(earlier: list[Earlier], snapshot: Snapshot) -> pl.DataFrame:
    """Released orders that have begun, are not due yet, and are no receipt of the extract: who loaded or lost them?

    An order counts as the last release that covered its start says. A receipt is an order's by its number, its
    `reference`, or where it comes by the same routing, offer or lane, of the same item, on the same day.
    """
    until = [*(one.as_of for one in earlier[1:]), snapshot.as_of][: len(earlier)]
    begun = [
        one.orders.filter(pl.col("starts_on") < end, pl.col("arrives_on") >= snapshot.as_of).with_columns(
            released=pl.lit(one.label)
        )
        for one, end in zip(earlier, until, strict=True)
    ]
    receipts = snapshot["receipts"]
    known = pl.concat([receipts["receipt"], receipts["reference"].fill_null("")]).unique()
    same = way_of(receipts).select("kind", "way", "item", "location", arrives_on="due_on").unique()
    return (
        pl.concat([pl.DataFrame(schema={**OPEN, "released": pl.String}), *begun])
        .filter(~pl.col("order").is_in(known.implode()))
        .join(same, on=same.columns, how="anti")
        .sort("arrives_on", "kind", "order")
        .select(*(name for name in OPEN if name not in ("part", "ends_on")), "released")
    )


def way_of(receipts: pl.DataFrame) -> pl.DataFrame:
    """Receipts with the `way` that they come: their routing, offer or lane."""
    way = pl.when(pl.col("kind") == "make").then("routing").when(pl.col("kind") == "buy").then("offer")
    return receipts.with_columns(way=way.otherwise("lane"))


def superseded(earlier: list[Earlier], decided: pl.DataFrame, as_of: date, run: int) -> None:
    """Refuse to release a plan after which another one was decided, or the orders of a later extract were released.

    Parameters
    ----------
    decided : as_of, run of every approved plan of the company.

    Raises DataError.
    """
    later = [one.label for one in earlier if (one.as_of, one.run) > (as_of, run)]
    newer = decided.filter((pl.col("as_of") > as_of) | ((pl.col("as_of") == as_of) & (pl.col("run") > run)))
    if not later and newer.is_empty():
        return
    last: Any = newer.sort("as_of", "run").select("as_of", "run").row(-1) if newer.height else ()
    what = f"the orders of {later[-1]} are released" if later else f"plan {last[0]}/{last[1]} was decided"
    which = later[-1] if later else f"{last[0]}/{last[1]}"
    raise DataError(
        f"Plan {as_of}/{run} is superseded: {what} since. Nothing was released; what was, stays. Release {which}, or "
        "decide a new plan."
    )
