"""Statement and all bridges over a ledger of a million lines, beside polars' own time to read and group that ledger.

Run: python -m tests.benchmarks.finance_lines [LINES]
The ledger is one parquet file of five plans: budget, S&OP, last week's, this week's and actual. Polars reads it and
groups it by plan, account and the keys that the bridges are drilled down to. Ours reads it too, checks every line,
makes the statements by family and by fiscal month, and the four bridges by item, customer and location.
"""

from __future__ import annotations

import gc
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from soe_lib.money.ledger import LINES, Ledger
from soe_lib.money.profit_and_loss import Statement, statement
from soe_lib.money.reconciliation import Walk, bridges

TARGET = 3.0
PLANS = ("budget", "S&OP", "last week's plan", "this week's plan", "actual")
ITEMS, LOCATIONS, CUSTOMERS, WEEKS = 400, 12, 30, 13
KEYS = ("item", "customer", "location")
COSTS = ("material", "conversion", "overtime", "changeover", "freight", "expediting", "holding", "penalties")
START = date(2026, 11, 16)


@dataclass(frozen=True, eq=False)
class Booked:
    """A plan that is nothing but its ledger."""

    name: str
    flows: Mapping[str, pl.DataFrame]
    ledger: Ledger
    items: pl.DataFrame
    periods: pl.DataFrame


def periods() -> pl.DataFrame:
    """Thirteen weeks, of which some straddle two months."""
    starts = [START + timedelta(days=7 * week) for week in range(WEEKS)]
    rows = []
    for first in starts:
        days = [first + timedelta(days=place) for place in range(5)]
        months = sorted({day.strftime("%Y-%m") for day in days})
        parts = " ".join(f"{month}:{sum(day.strftime('%Y-%m') == month for day in days)}" for month in months)
        rows.append((first.strftime("%G-W%V"), first, first + timedelta(days=6), months[0], parts))
    return pl.DataFrame(rows, schema=["period", "starts_on", "ends_on", "month", "months"], orient="row")


def items() -> pl.DataFrame:
    """Items of twenty families."""
    number = pl.int_range(ITEMS, eager=True)
    return pl.DataFrame({"number": number}).select(
        item=pl.format("ITEM-{}", "number"), family=pl.format("Family {}", pl.col("number") % 20),
        standard_cost=2.0 + (pl.col("number") % 17) / 3,
    )  # fmt: skip


def write(path: Path, lines: int) -> None:
    """A ledger of so many lines: half of it sales, the rest costs."""
    random = np.random.default_rng(7)
    sold = random.random(lines) < 0.5
    account = np.where(sold, "revenue", np.array(COSTS)[random.integers(len(COSTS), size=lines)])
    quantity = random.integers(1, 500, lines).astype(float)
    per_unit = np.where(sold, 8.0, -1.0) * random.integers(90, 110, lines) / 100
    labels = {
        "item": ("ITEM-{}", ITEMS), "location": ("DC {}", LOCATIONS), "customer": ("Customer {}", CUSTOMERS),
    }  # fmt: skip
    codes = {name: random.integers(count, size=lines) for name, (_, count) in labels.items()}
    names = periods()["period"].to_numpy()
    frame = pl.DataFrame(
        {"plan": np.array(PLANS)[random.integers(len(PLANS), size=lines)], "account": account, "kind": "cash",
         "flow": np.where(sold, "sell", "other"), **codes, "period": names[random.integers(WEEKS, size=lines)],
         "quantity": quantity, "per_unit": per_unit, "amount": quantity * per_unit}
    )  # fmt: skip
    frame.with_columns(pl.format(text, name).alias(name) for name, (text, _) in labels.items()).write_parquet(path)


def grouped(path: Path) -> pl.DataFrame:
    """What polars does: read, and sum by plan, account and keys."""
    return pl.read_parquet(path).group_by("plan", "account", *KEYS).agg(pl.col("amount").sum())


def ours(path: Path) -> tuple[Statement, Statement, Walk]:
    """What finance asks for: two statements and the bridges from budget to actual."""
    every, products, weeks = pl.read_parquet(path), items(), periods()
    plans = []
    for name in PLANS:
        lines = every.filter(pl.col("plan") == name).select(LINES.names())
        sales = lines.filter(pl.col("flow") == "sell").select("item", "location", "customer", "period", "quantity")
        ledger = Ledger(lines, items=products, periods=weeks)
        plans.append(Booked(name, {"sell": sales}, ledger, products, weeks))
    return (
        statement(plans, "family", reading="cash"),
        statement(plans, "month", reading="cash"),
        bridges(plans, by=KEYS),
    )


def best(action: Callable[[], object], times: int = 5) -> float:
    """The shortest of several runs, in seconds."""
    seconds = []
    for _ in range(times):
        gc.collect()
        start = time.perf_counter()
        action()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def main() -> None:
    """Print lines, seconds, their ratio and the peak memory."""
    lines = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "ledger.parquet"
        write(path, lines)
        family, month, walk = ours(path)
        shown = family.cents("cash margin", plan="actual")
        assert walk.residual == 0
        assert shown == month.cents("cash margin", plan="actual") == walk.bridges[-1].end
        reading = best(lambda: grouped(path))
        making = best(lambda: ours(path))
    peak, ratio = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2, making / reading
    print(
        f"{lines:,} lines of {len(PLANS)} plans: polars reads and groups in {reading:.2f} s, statements and bridges "
        f"{making:.2f} s; ratio {ratio:.1f} (target {TARGET:.0f}): {'met' if ratio <= TARGET else 'MISSED'}; {peak:.2f} GB",
        flush=True,
    )


if __name__ == "__main__":
    main()
