"""A hundred scenarios of the demo company: on all cores against the best way on one, in turns.

Run: python -m tests.benchmarks.many_scenarios [scenarios] [rounds]
One after the other means a living solver, and every thread that polars likes; the processes start from nothing, so that
their start is part of their time. Both take turns, each round is one ratio, and the median of them counts. Both give the
same plans: the largest difference of margin is printed.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from statistics import median

import numpy as np

import soe_lib as soe
from soe_lib.whatif.compare import Comparison
from soe_lib.whatif.distributed import cores

DEMO = Path(__file__).parents[2] / "data" / "demo"
TARGET = 1.6


def scenarios(snapshot: soe.Snapshot, count: int) -> list[soe.Scenario]:
    """Demand of a customer or a family up or down, a line short of hours in a week, receipts that come later."""
    draw = np.random.default_rng(7)
    customers, families = (
        snapshot[t][c].drop_nulls().unique().sort() for t, c in (("customers", "customer"), ("items", "family"))
    )
    lines = snapshot["operations"]["resource"].unique().sort()
    weeks = snapshot.periods["week"].unique().sort()
    suppliers = snapshot["receipts"].join(snapshot["offers"], on="offer")["supplier"].unique().sort()
    found = []
    for n in range(count):
        one, share = soe.Scenario(f"scenario {n}"), float(np.round(draw.uniform(0.8, 1.25), 3))
        if n % 4 == 0:
            one = one.scale("forecast.quantity", share, customer=customers[int(draw.integers(len(customers)))])
        elif n % 4 == 1:
            sold = [f for f in families if f in snapshot.settings.tolerance]
            one = one.scale("forecast.quantity", share, family=sold[int(draw.integers(len(sold)))])
        elif n % 4 == 2:
            where = {"resource": lines[int(draw.integers(len(lines)))], "period": weeks[int(draw.integers(1, 6))]}
            one = one.event(
                kind="downtime", target=where["resource"], period=where["period"], hours=float(draw.integers(8, 40))
            )
        else:
            one = one.delay(
                "receipts", days=int(draw.integers(2, 9)), supplier=suppliers[int(draw.integers(len(suppliers)))]
            )
        found.append(one)
    return found


def main() -> None:
    """Print both times of each round, the median ratio and how far the plans are apart."""
    count, rounds = (int(given) for given in (*sys.argv[1:], *("100", "3")[len(sys.argv) - 1 :]))
    snapshot = soe.read(DEMO, as_of="2026-11-16")
    asked = scenarios(snapshot, count)
    soe.plan(snapshot)  # what is loaded at first use is no part of either figure
    ratios = []
    for number in range(1, rounds + 1):
        one, serial, _ = timed(snapshot, asked, 1)
        many, parallel, first = timed(snapshot, asked, cores())
        ratios.append(serial / parallel)
        print(
            f"round {number}: one after the other {serial:.1f} s, {cores()} processes {parallel:.1f} s (first answer after "
            f"{first:.1f} s), {ratios[-1]:.2f}; {likeness(one, many)}",
            flush=True,
        )
    ratio = median(ratios)
    print(
        f"{count} scenarios, median of {rounds}: ratio {ratio:.2f} (target {TARGET}): "
        f"{'met' if ratio >= TARGET else 'MISSED'}.",
        flush=True,
    )


def timed(snapshot: soe.Snapshot, asked: list[soe.Scenario], workers: int) -> tuple[Comparison, float, float]:
    """The plans, the seconds they took, and those until the first was there."""
    arrived: list[float] = []
    start = time.perf_counter()
    found = soe.compare(
        snapshot, asked, progress=lambda _: arrived.append(time.perf_counter() - start), workers=workers
    )
    return found, time.perf_counter() - start, arrived[0]


def likeness(one: Comparison, other: Comparison) -> str:
    """How far the plans are apart."""
    pairs = [(a.plan, b.plan) for a, b in zip(one, other, strict=True) if a.plan and b.plan]
    failed = [[r.error for r in found if r.plan is None] for found in (one, other)]
    assert failed[0] == failed[1], failed
    apart = max(abs(a.margin - b.margin) for a, b in pairs)
    same = sum(a.identity == b.identity for a, b in pairs)
    return (
        f"margins differ by {apart:.4f} at most, {same} of {len(pairs)} plans are the same unit for unit, "
        f"{len(failed[0])} failed (in both)."
    )


if __name__ == "__main__":
    main()
