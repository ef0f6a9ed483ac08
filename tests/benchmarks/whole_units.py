"""Whole units on generated companies: `python -m tests.benchmarks.whole_units` rounds ten of them, and the demo.

Prints what rounding moves of each margin, how many quantities stay in parts, and the processor time of rounding and of
a whole release against that of the plan, in one run.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import soe_lib as soe
from soe_lib.demo import generate
from soe_lib.extract.snapshot import Snapshot
from soe_lib.operations.whole_units import in_whole_units
from soe_lib.workspace import shipped

MOST = 0.001
SIZES = (4, 6, 8, 10, 12, 16, 20, 24, 30, 36)


@dataclass(frozen=True)
class Figure:
    """One company: share of the margin that whole units move, quantities in parts, seconds of processor time."""

    name: str
    share: float
    split: int
    plan: float
    rounding: float
    release: float

    def __str__(self) -> str:
        return (
            f"{self.name:22s} {self.share:+.4%} of the margin, {self.split} in parts; plan {self.plan:.2f} s, whole units "
            f"{self.rounding:.2f} s, release {self.release:.2f} s"
        )


def measured(name: str, read: Snapshot) -> Figure:
    """Plan, round and release one extract."""
    start = time.process_time()
    plan = soe.plan(read, record=None)
    planned = time.process_time()
    found = in_whole_units(plan, read)
    rounded = time.process_time()
    with tempfile.TemporaryDirectory() as out:
        entry = soe.store.append(f"{out}/plans", plan)
        soe.approve(f"{out}/plans", read.as_of, entry.run, by="benchmark", reason="measured")
        begun = time.process_time()
        soe.release(out, read.as_of, snapshot=read)
        ended = time.process_time()
    return Figure(name, found.share, found.broken.height, planned - start, rounded - planned, ended - begun)


def main() -> int:
    """Measure; 0 where no company loses more than a thousandth."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--companies", type=int, default=len(SIZES))
    asked = parser.parse_args()
    found = [measured("demo", soe.read(shipped() / "data" / "demo"))]
    print(found[0], flush=True)
    with tempfile.TemporaryDirectory() as home:
        for seed, items in enumerate(SIZES[: asked.companies], start=1):
            (folder,) = generate(Path(home) / str(seed), 1, items, seed)
            found.append(measured(f"{items} items, seed {seed}", soe.read(folder)))
            print(found[-1], flush=True)
    worst = max(abs(one.share) for one in found)
    print(f"at most {worst:.4%} of a margin moved")
    return 0 if worst <= MOST else 1


if __name__ == "__main__":
    sys.exit(main())
