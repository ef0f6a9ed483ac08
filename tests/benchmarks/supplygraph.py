"""SupplyGraph's real demand with a naive forecast, lived week by week by several planners: share of hindsight earned.

    python -m tests.benchmarks.supplygraph PATH [--weeks 20]

PATH holds the daily records of the public SupplyGraph data set (Wasi et al., 2024); they are imported as `soe import
supplygraph` does: the forecast of every week is the mean week of the 56 days before, the money is assumed. The weeks
before those that are lived are the record from which cushion and safety stocks are worked out.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from soe_lib.importers.supplygraph import import_supplygraph
from soe_lib.replay.company import past
from soe_lib.replay.loop import live
from tests.benchmarks.worlds import PLANNERS


def main(argv: list[str] | None = None) -> None:
    """Import, live the newest weeks with each planner, print the table of shares."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("path", type=Path)
    parser.add_argument("--weeks", type=int, default=20)
    parser.add_argument("--planners", nargs="+", default=list(PLANNERS))
    args = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as folder:
        import_supplygraph(args.path, Path(folder))
        truth = past(folder, args.weeks)
        print(f"{truth.weeks} weeks from {truth.start}")
        for name in args.planners:
            began = time.perf_counter()
            done = live(truth, PLANNERS[name](truth), name, told=_told(name, truth.weeks))
            goodwill = dict(done.ledger.accounts()).get("goodwill", 0.0)
            print(
                f"{name:14} {done.share:.3f} of hindsight, goodwill {goodwill:,.0f}, {time.perf_counter() - began:.0f} s"
            )


def _told(name: str, weeks: int) -> Callable[[int], None]:
    return lambda week: print(
        f"\r{name} {week}/{weeks}", end="\n" if week == weeks else "", file=sys.stderr, flush=True
    )


if __name__ == "__main__":
    main()
