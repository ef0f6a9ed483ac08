"""What 256 re-optimised plans cost: eight disruptions of the demo company, against one cold solve of the same plan.

Run: python -m tests.benchmarks.attribution [heavy]
The eight are what the demo's last two extracts tell (two events, four families' forecasts), a dearer bottle and a late
supplier. `heavy` takes eight that each hit a large part of the plan: two lines down, three families' demand, three
of supply. The cold solve is the library's own, from nothing, without the tie-break; the mean of one before and one after.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import polars as pl

import soe_lib as soe
from soe_lib.extract.snapshot import Snapshot
from soe_lib.model.planning import Model
from soe_lib.solver.session import Session
from soe_lib.whatif.attribution import attribute
from soe_lib.whatif.causes import Disruption, disruptions
from soe_lib.whatif.scenario import Scenario

DEMO = Path(__file__).parents[2] / "data" / "demo"
TARGET = 12.0


def usual() -> tuple[Snapshot, list[Disruption]]:
    """This week's extract with two more troubles, and the eight disruptions in it."""
    before, now = soe.read(DEMO, as_of="2026-11-09"), soe.read(DEMO, as_of="2026-11-16")
    late = Scenario("").delay("receipts", days=7, item="SURF-SLES").apply(now)
    dear = Scenario("").scale("offers.unit_cost", 1.08, item="BOT-1000").apply(late)
    on_time = Disruption.changed("SURF-SLES a week late", "receipts", ["due_on"], now, kind="late receipts")
    cheap = Disruption.changed("bottles 8 % dearer", "offers", ["unit_cost"], now, kind="costs")
    return dear, [*disruptions(before, now), on_time, cheap]


def heavy() -> tuple[Snapshot, list[Disruption]]:
    """Eight events that each move a large part of the plan."""
    now, end = soe.read(DEMO, as_of="2026-11-16"), date(2027, 1, 10)
    rows: Sequence[tuple[str, str, str, date, date, float | None, float | None, float | None]] = [
        ("E1", "downtime", "Venlo L2", date(2026, 11, 16), date(2026, 11, 18), 48.0, None, None),
        ("E2", "downtime", "Poznan L1", date(2026, 11, 23), date(2026, 11, 27), 60.0, None, None),
        ("E3", "surge", "Laundry", date(2026, 11, 23), date(2026, 12, 20), None, 1.25, None),
        ("E4", "surge", "Dish care", date(2026, 11, 30), date(2026, 12, 27), None, 0.85, None),
        ("E5", "surge", "Hand care", date(2026, 11, 16), end, None, 1.2, None),
        ("E6", "price", "BOT-1000", date(2026, 11, 16), end, None, 1.1, None),
        ("E7", "delay", "PO-10746", date(2026, 11, 16), date(2026, 11, 22), None, None, 9.0),
        ("E8", "delay", "Rhein Tensid", date(2026, 11, 16), date(2026, 12, 6), None, None, 7.0),
    ]
    names = ["event", "kind", "target", "from", "to", "hours", "factor", "days"]
    events = pl.DataFrame(
        [{**dict(zip(names, row, strict=True)), "note": ""} for row in rows], schema=now["events"].schema
    )
    return now.replace(events=events), [Disruption.event(row[0], name=f"{row[1]} of {row[2]}") for row in rows]


def cold(snapshot: Snapshot) -> float:
    """Seconds of one solve from nothing."""
    program = Model(snapshot).program
    start = time.perf_counter()
    Session(program).solve()
    return time.perf_counter() - start


def main() -> None:
    """Print the attribution, its time, and the ratio to a cold solve."""
    snapshot, found = heavy() if "heavy" in sys.argv else usual()
    before = cold(snapshot)
    start = time.perf_counter()
    split = attribute(snapshot, found)
    seconds = time.perf_counter() - start
    after = cold(snapshot)
    ratio = seconds / ((before + after) / 2)
    print(split)
    print(
        f"{split.optima} optima in {seconds:.1f} s; cold solves {before:.2f} and {after:.2f} s; ratio {ratio:.1f} "
        f"(target {TARGET:.0f}): {'met' if ratio <= TARGET else 'MISSED'}",
        flush=True,
    )


if __name__ == "__main__":
    main()
