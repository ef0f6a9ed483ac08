"""One decision about a tiny network, part by part, and against its solve, in one run.

Run: python -m tests.benchmarks.decision_time [decisions]        (a supplier, a factory, a store, two retailers; 30 days)
The network is planned anew each day to the end of its 30 days, as in a replay: every day the as-of date, periods, hours,
stock, receipts and forecast are others, and items, places, lanes and offers are the same. Printed are, of
the days after the first, the median and the least by clock and of the processor, whose seconds other work on the machine
disturbs least, and the least of these as a share of the whole decision and against the solve alone. The snapshot is made
of frames, from nothing and near the one of the day before; of files, for comparison.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

import soe_lib as soe
from soe_lib.solver.session import Session

TARGET = 0.3
DAYS = 30
START = date(2026, 1, 5)
RETAILERS = {"R1": 20.0, "R2": 12.0}
Tables = dict[str, pl.DataFrame]


def day(number: int) -> date:
    """A day of the episode."""
    return START + timedelta(days=number)


def fixed() -> Tables:
    """What stays the same for the whole episode."""
    lanes = [("F", "D", 3, 0.05), *(("D", retailer, 2, 0.03) for retailer in RETAILERS)]
    return {
        "items": pl.DataFrame({"item": ["good", "raw"], "unit": "each", "volume": 1.0}),
        "locations": pl.DataFrame({"location": ["F", "D", *RETAILERS], "kind": "warehouse", "storage_cost": 0.03}),
        "resources": pl.DataFrame({"resource": ["C"], "location": "F", "kind": "line"}),
        "routings": pl.DataFrame({"routing": ["M"], "item": "good", "location": "F", "cost_per_unit": 0.1, "yield": 1.0}),
        "operations": pl.DataFrame({"routing": ["M"], "resource": "C", "hours_per_unit": 1.0}),
        "components": pl.DataFrame({"routing": ["M"], "component": "raw", "quantity": 1.0}),
        "offers": pl.DataFrame(
            {"offer": ["B"], "supplier": "S", "item": "raw", "location": "F", "unit_cost": 0.8, "lead_time_days": 2.0}
        ),
        "lanes": pl.DataFrame(
            [(f"{a}-{b}", a, b, "good", float(days), cost) for a, b, days, cost in lanes],
            schema=["lane", "origin", "destination", "item", "lead_time_days", "cost_per_unit"],
            orient="row",
        ),
        "customers": pl.DataFrame(
            {"customer": [f"K{one}" for one in RETAILERS], "late_cost": 0.3, "latest_days": float(DAYS), "short_penalty": 3.0}
        ),
        "policies": pl.DataFrame(
            [("good", one, mean, 0.3) for one, mean in RETAILERS.items()],
            schema=["item", "location", "safety_stock", "below_safety_cost"],
            orient="row",
        ),
    }  # fmt: skip


def moving(today: int, draw: np.random.Generator) -> Tables:
    """What is another every day."""
    left = range(today, DAYS)
    names = [f"P{one:02d}" for one in left]
    stock = [("good", one, float(draw.integers(0, 60))) for one in ("D", *RETAILERS)]
    stock.append(("raw", "F", float(draw.integers(0, 60))))
    rows = [
        ("good", one, f"K{one}", f"P{period:02d}", float(draw.poisson(mean)), 2.0)
        for one, mean in RETAILERS.items()
        for period in left
    ]
    return {
        "periods": pl.DataFrame(
            {"period": names, "starts_on": [day(one) for one in left], "ends_on": [day(one) for one in left]}
        ),
        "calendar": pl.DataFrame({"resource": "C", "period": names, "hours": 45.0}),
        "inventory": pl.DataFrame(stock, schema=["item", "location", "on_hand"], orient="row"),
        "receipts": pl.DataFrame(
            {
                "receipt": ["X1", "X2"], "kind": ["buy", "ship"], "item": ["raw", "good"], "location": ["F", "D"],
                "due_on": [day(today + 1), day(today + 2)], "quantity": draw.integers(1, 40, 2).astype(float),
            }
        ),
        "forecast": pl.DataFrame(
            rows, schema=["item", "location", "customer", "period", "quantity", "price"], orient="row"
        ),
    }  # fmt: skip


def settings(today: int) -> dict[str, Any]:
    """What settings.toml would say."""
    costs = {"per": "day", "holding_on": "closing"}
    return {"company": "Tiny", "currency": "EUR", "as_of": day(today), "costs": costs}


def written(folder: Path, today: int, tables: Tables) -> Path:
    """The same as an extract's folder."""
    text = (
        f'company = "Tiny"\ncurrency = "EUR"\nas_of = "{day(today)}"\n\n[costs]\nper = "day"\nholding_on = "closing"\n'
    )
    folder.mkdir(parents=True)
    (folder / "settings.toml").write_text(text)
    for name, frame in tables.items():
        frame.write_csv(folder / f"{name}.csv")
    return folder


class Clock:
    """Seconds by clock and of the processor, by part, one of each a day."""

    def __init__(self) -> None:
        self.spent: dict[str, list[tuple[float, float]]] = {}

    def time(self, part: str, call: Callable[[], Any]) -> Any:
        """What a call gives; its time is kept."""
        wall, processor = time.perf_counter(), time.process_time()
        value = call()
        self.spent.setdefault(part, []).append((time.perf_counter() - wall, time.process_time() - processor))
        return value

    def told(self, part: str) -> tuple[float, float, float, float]:
        """Median and least by clock and of the processor, of the days after the first, which pays for imports."""
        walls, processor = zip(*self.spent[part][1:], strict=True)
        return statistics.median(walls), min(walls), statistics.median(processor), min(processor)


PARTS = ("snapshot, near", "network and blocks", "program", "solve", "certificate, plan and ledger")


def decide(clock: Clock, today: int, tables: Tables, before: soe.Snapshot | None, folder: Path) -> soe.Snapshot:
    """One decision, timed."""
    said = settings(today)
    clock.time("snapshot, of files", lambda: soe.read(written(folder / f"{today}", today, tables)))
    clock.time("snapshot, of frames", lambda: soe.snapshot(said, tables))
    made = clock.time("snapshot, near", lambda: soe.snapshot(said, tables, near=before))
    model = clock.time("network and blocks", lambda: soe.Model(made))
    program = clock.time("program", lambda: model.staged().program)
    answer = clock.time("solve", lambda: Session(program, unique=True).solve())
    plan = clock.time("certificate, plan and ledger", lambda: model.plan_of(answer, name="by parts"))
    whole = clock.time("decision", lambda: soe.plan(soe.snapshot(said, tables, near=before)))
    assert whole.margin == plan.margin
    return made


def main(decisions: int = 12) -> None:
    """Print the parts of a decision."""
    draw, clock, before, same = np.random.default_rng(16), Clock(), None, fixed()
    with tempfile.TemporaryDirectory() as home:
        for today in range(decisions):
            before = decide(clock, today, {**same, **moving(today, draw)}, before, Path(home))
    whole, solve = clock.told("decision")[3], clock.told("solve")[3]
    print(f"{'':32}{'clock':>9}{'least':>9}{'processor':>11}{'least':>9}{'of all':>8}{'÷ solve':>9}")
    for part in ("snapshot, of files", "snapshot, of frames", *PARTS, "decision"):
        median, least, usual, processor = clock.told(part)
        seconds = f"{median:>7.3f} s{least:>7.3f} s{usual:>9.3f} s{processor:>7.3f} s"
        print(f"{part:<32}{seconds}{processor / whole:>8.0%}{processor / solve:>9.1f}")
    usual = clock.told("decision")[2]
    print(
        f"target on a quiet machine: {TARGET} s a decision; median of the processor {usual:.3f} s: "
        f"{'met' if usual <= TARGET else 'MISSED'}"
    )


if __name__ == "__main__":
    main(*(int(one) for one in sys.argv[1:2]))
