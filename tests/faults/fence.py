"""A year behind a frozen fence: `python -m tests.faults.fence` plans and releases 52 weeks in a row, with events in each.

Each week is planned behind a fence of three days around what the week before released, while a line is down, a receipt
late, a supplier out or an item in a surge. Every week must have a proven plan and orders in whole units, and production
in the fence may differ from what was released by no more than the breaks that are listed: counted day by day here.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl

import soe_lib as soe
from soe_lib.demo import generate
from soe_lib.errors import SoeError
from soe_lib.extract.snapshot import Snapshot
from soe_lib.operations.whole_units import in_whole_units
from soe_lib.review.frames.changes import fence_breaks, in_fence
from soe_lib.store.plan import Plan

LAST = date(2027, 1, 11)
FROZEN = 3
LEAST = 1e-3
"""Units in a cell that are no change."""
WIDEST = 2.0
"""Units by which rounding may move a run in the fence: to the next whole number, or the one after it."""
MOST = 0.001
"""Share of the margin that whole units may move."""


@dataclass
class Year:
    """What came of the weeks."""

    weeks: int = 0
    events: int = 0
    breaks: int = 0
    units: float = 0.0
    rounding: float = 0.0
    split: int = 0
    failures: list[str] = field(default_factory=list)

    def text(self) -> str:
        """The figures in one line, and the failures."""
        said = (
            f"{self.weeks} weeks with {self.events} events planned and released; {self.breaks} breaks of the fence, all "
            f"listed, of {self.units:,.0f} units; whole units moved {self.rounding:.4%} of a margin at most, "
            f"{self.split} quantities stayed in parts; {len(self.failures)} failures"
        )
        return "\n  ".join([said, *self.failures])


def run(home: Path, weeks: int, *, items: int = 6, seed: int = 7, last: date = LAST) -> Year:
    """Plan and release the weeks of a demo company, oldest first, each behind the fence of the one before."""
    year, record, draw = Year(), None, np.random.default_rng(seed)
    for folder in generate(home / "company", weeks, items, seed, last=last):
        with (folder / "settings.toml").open("a", encoding="utf-8") as settings:
            settings.write(f"\n[fence]\nfrozen_days = {FROZEN}\n")
        began, read = time.perf_counter(), soe.read(folder)
        read = read.replace(events=events(read, draw))
        try:
            record = _week(read, record, year)
        except SoeError as error:
            year.failures.append(f"{read.as_of}: {error}")
        print(f"{read.as_of}  {time.perf_counter() - began:.1f} s  {year.breaks} breaks", file=sys.stderr, flush=True)
    return year


def _week(read: Snapshot, record: Plan | None, year: Year) -> Plan:
    plan = soe.plan(read, record=record)
    found = in_whole_units(plan, read)
    year.weeks += 1
    year.events += read["events"].height
    year.rounding = max(year.rounding, abs(found.share))
    year.split += found.broken.height
    if abs(found.share) > MOST:
        year.failures.append(f"{read.as_of}: whole units move {found.share:.3%} of the margin")
    if record is None:
        return found.plan
    listed = fence_breaks(read, plan, record)
    moved = day_by_day(read, plan, record)
    year.breaks += listed.height
    year.units += moved
    if abs(moved - float(listed["change"].abs().sum())) > LEAST * (1 + listed.height) * 10:
        year.failures.append(f"{read.as_of}: {moved:,.3f} units moved, {listed['change'].abs().sum():,.3f} are listed")
    rounding = in_fence(read, found.plan, plan)["change"].abs()
    if float(rounding.max() or 0.0) > WIDEST + LEAST:  # type: ignore[arg-type]
        year.failures.append(f"{read.as_of}: rounding moves {rounding.max():,.2f} units in the fence")
    return found.plan


def day_by_day(read: Snapshot, plan: Plan, record: Plan) -> float:
    """Units by which production differs on the frozen days; both plans have those day by day."""
    made = []
    for name, one in (("now", plan), ("then", record)):
        days = one.periods.filter(
            pl.col("starts_on") == pl.col("ends_on"),
            pl.col("starts_on").is_between(read.as_of, read.as_of + timedelta(days=FROZEN - 1)),
        )
        assert days.height == FROZEN, "both plan these days one by one"
        cells = one.flows["make"].join(days.select("period", "starts_on"), on="period")
        made.append(cells.select("routing", "starts_on", pl.col("quantity").alias(name)))
    both = made[0].join(made[1], on=["routing", "starts_on"], how="full", coalesce=True).fill_null(0.0)
    change = (both["now"] - both["then"]).abs()
    return float(change.filter(change > LEAST).sum())


def events(read: Snapshot, draw: np.random.Generator) -> pl.DataFrame:
    """A downtime, and by chance a late receipt, a supplier that delivers nothing and a surge."""
    start = read.as_of + timedelta(days=int(draw.integers(0, 4)))
    coming = read["receipts"].filter(pl.col("due_on") < read.as_of + timedelta(days=7))["receipt"]
    rows = [
        {"kind": "downtime", "target": _one(read["resources"].filter(pl.col("kind") == "line")["resource"], draw),
         "from": start, "to": start + timedelta(days=int(draw.integers(0, 3)))},
    ]  # fmt: skip
    if coming.len() and draw.random() < 0.6:
        days = int(draw.integers(2, 10))
        rows.append({"kind": "delay", "target": _one(coming, draw), "days": days})
    if draw.random() < 0.4:
        until = read.as_of + timedelta(days=int(draw.integers(2, 12)))
        supplier = _one(read["offers"]["supplier"], draw)
        rows.append({"kind": "supply_loss", "target": supplier, "from": read.as_of, "to": until, "factor": 0.0})
    if draw.random() < 0.4:
        factor = float(draw.uniform(1.2, 2.0))
        item = _one(read["forecast"]["item"], draw)
        rows.append(
            {
                "kind": "surge",
                "target": item,
                "factor": factor,
                "from": read.as_of,
                "to": read.as_of + timedelta(days=13),
            }
        )
    named = [{"event": f"E{number}", "note": "", **row} for number, row in enumerate(rows, start=1)]
    return pl.DataFrame(named, schema=read["events"].schema)


def _one(names: pl.Series, draw: np.random.Generator) -> str:
    known = sorted(names.unique())
    return str(known[int(draw.integers(0, len(known)))])


def main() -> int:
    """Run the long form; 0 where nothing failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--weeks", type=int, default=52)
    parser.add_argument("--items", type=int, default=6)
    parser.add_argument("--seed", type=int, default=7)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="soe-fence-") as name:
        year = run(Path(name), asked.weeks, items=asked.items, seed=asked.seed)
    print(year.text())
    return 0 if year.weeks == asked.weeks and not year.failures else 1


if __name__ == "__main__":
    sys.exit(main())
