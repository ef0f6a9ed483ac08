"""Plans written down by hand for tests of money: flows and rates, no solver."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

import polars as pl

from soe_lib.money.ledger import LINES, Ledger
from soe_lib.money.rates import FLOW_KEYS, RateBook
from soe_lib.store.plan import Plan

Rows = Sequence[Mapping[str, Any]]
MONDAY = date(2026, 11, 16)


def weeks(count: int = 4, start: date = MONDAY) -> pl.DataFrame:
    """ISO weeks as a Snapshot's periods."""
    starts = [start + timedelta(days=7 * n) for n in range(count)]
    return pl.DataFrame(
        {
            "period": [day.strftime("%G-W%V") for day in starts],
            "index": range(count),
            "starts_on": starts,
            "ends_on": [day + timedelta(days=6) for day in starts],
            "week": [day.strftime("%G-W%V") for day in starts],
            "month": [(day + timedelta(days=3)).strftime("%Y-%m") for day in starts],
        }
    )


def rates(flow: str, rows: Rows) -> pl.DataFrame:
    """A flow's rate table: kind is cash and the place is the key's, unless a row says otherwise."""
    blank = {"kind": "cash", "item": "", "location": "", "customer": "", "booked": None}
    full = [
        {**dict.fromkeys(FLOW_KEYS[flow], ""), **blank, "booked": row.get("period", "beyond"), **row} for row in rows
    ]
    first = [*FLOW_KEYS[flow], "account", "kind"]
    return pl.DataFrame(full).select(*first, pl.exclude(*first))


def cells(flow: str, rows: Rows) -> pl.DataFrame:
    """A flow's frame: keys left out are blank."""
    return pl.DataFrame([{**dict.fromkeys(FLOW_KEYS[flow], ""), **row} for row in rows]).with_columns(
        pl.col("quantity").cast(pl.Float64)
    )


def lines(rows: Rows) -> pl.DataFrame:
    """Ledger lines: cash, one unit, nowhere, unless a row says otherwise; per_unit is amount / quantity."""
    blank = {"kind": "cash", "flow": "other", "item": "", "location": "", "customer": "", "period": "2026-W47"}
    if not rows:
        return pl.DataFrame(schema=LINES)
    full = [{**blank, "quantity": 1.0, **row} for row in rows]
    frame = pl.DataFrame([{**row, "per_unit": row["amount"] / (row["quantity"] or 1.0)} for row in full])
    return frame.select(LINES.names())


class Written:
    """A plan of which only the ledger and the sales are written down."""

    def __init__(self, name: str, sold: Rows, other: Rows, *, items: Rows = (), weeks_long: int = 4) -> None:
        self.name = name
        self.items = pl.DataFrame(list(items) or {"item": [], "family": [], "standard_cost": []})
        self.periods = weeks(weeks_long)
        sales = [{"customer": "C", "location": "L", "period": "2026-W47", "due": "2026-W47", **row} for row in sold]
        self.flows = {
            "sell": cells("sell", [{k: v for k, v in row.items() if k != "price"} for row in sales] or [_NONE])
        }
        revenue = [
            {"account": "revenue", "flow": "sell", "amount": row["quantity"] * row["price"]}
            | {key: row[key] for key in ("item", "customer", "location", "period", "quantity")}
            for row in sales
        ]
        self.ledger = Ledger(lines([*revenue, *other]), items=self.items, periods=self.periods)


_NONE = {"quantity": 0.0}


def plan(
    flows: Mapping[str, Rows],
    money: Mapping[str, Rows],
    *,
    name: str = "this week's plan",
    as_of: date = MONDAY,
    company: str = "Test",
    fingerprint: str = "inputs",
    items: Rows = ({"item": "A", "family": "F", "standard_cost": 6.0},),
    weeks_long: int = 4,
) -> Plan:
    """A loaded Plan of flows and rates written by hand."""
    return Plan(
        name=name,
        source="loaded",
        as_of=as_of,
        company=company,
        currency="EUR",
        fingerprint=fingerprint,
        flows={flow: cells(flow, rows) for flow, rows in flows.items()},
        rates=RateBook({flow: rates(flow, rows) for flow, rows in money.items()}),
        periods=weeks(weeks_long, as_of),
        items=pl.DataFrame(list(items)),
        solution={"status": "loaded", "gap": 0.0},
        prices={"hours": pl.DataFrame({"resource": ["R"], "rhs": [8.0], "price": [2.5]})},
    )
