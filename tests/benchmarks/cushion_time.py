"""What the cushion costs in time: the same company planned with it and without, in turns, in processor seconds.

Run: python -m tests.benchmarks.cushion_time [demo|plain|bom ...] [--items 300] [--rounds 3] [--solver auto]

The demo company has a record of its forecast; the networks of the generator (300 items: about 300,000 quantities) get one
of 13 weeks and four lags (record.py), so that their cushions hold something. Build is network, blocks, curves, program and
canonical form; solve is HiGHS with the tie-break; check is certificate, plan and ledger. Each round plans once with the
cushion and once without, and is one ratio of each part; the medians of the rounds are printed with their range. Processor seconds
are of all threads: a race of three solvers counts all three, so that `--solver simplex` (or ipx, hipo) disturbs less.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import soe_lib as soe
import soe_lib.model.convex  # CVXPY's import is nobody's time
from soe_lib.solver.answer import SolverOptions
from soe_lib.solver.session import Session
from tests.benchmarks.many_scenarios import DEMO
from tests.benchmarks.peers import NETWORK
from tests.benchmarks.record import remember

PARTS = ("build", "solve", "check")
TARGETS = {"demo": 0.25, "plain": 0.40, "bom": 0.40}
USES = ("with a record", "never")
Seconds = dict[str, float]


@contextmanager
def company(name: str, items: int) -> Iterator[soe.Snapshot]:
    """The demo company, or a network of so many items with a record."""
    if name == "demo":
        yield soe.read(DEMO, as_of="2026-11-16")
        return
    from soe_lib.demo import generate

    with tempfile.TemporaryDirectory() as folder:
        generate(Path(folder), 1, items, 7, shape=name, **NETWORK)  # type: ignore[arg-type]
        remember(Path(folder))
        yield soe.read(folder)


def used(snapshot: soe.Snapshot, use: str) -> soe.Snapshot:
    """The same company with another `[cushion] use`."""
    settings = snapshot.settings
    return replace(snapshot, settings=replace(settings, cushion=replace(settings.cushion, use=use)))


def planned(snapshot: soe.Snapshot, options: SolverOptions) -> tuple[Seconds, soe.Plan]:
    """Processor seconds of each part of one plan, and the plan."""
    spent: Seconds = {}

    def timed(part: str, call: Callable[[], Any]) -> Any:
        start = time.process_time()
        value = call()
        spent[part] = time.process_time() - start
        return value

    def build() -> soe.Model:
        model = soe.Model(snapshot).staged(options)
        assert model.program is not None
        return model

    model = timed("build", build)
    answer = timed("solve", lambda: Session(model.program, options, unique=True).solve())
    plan = timed("check", lambda: model.plan_of(answer, name="timed"))
    return {**spent, "total": sum(spent.values())}, plan


def told(name: str, rounds: list[dict[str, Seconds]]) -> None:
    """Print the medians of both ways and of their ratios."""
    print(f"{'':8}{'with':>9}{'without':>9}{'more':>8}   range")
    for part in (*PARTS, "total"):
        on, off = ([one[use][part] for one in rounds] for use in USES)
        more = sorted(one / other - 1 for one, other in zip(on, off, strict=True))
        medians = f"{statistics.median(on):>7.2f} s{statistics.median(off):>7.2f} s{statistics.median(more):>+8.0%}"
        print(f"{part:<8}{medians}   {more[0]:+.0%} to {more[-1]:+.0%}")
    more = statistics.median(one[USES[0]]["total"] / one[USES[1]]["total"] - 1 for one in rounds)
    print(
        f"{name}: {more:+.0%}, target {TARGETS[name]:.0%}: {'met' if more <= TARGETS[name] else 'MISSED'}", flush=True
    )


def measure(name: str, items: int, count: int, options: SolverOptions) -> None:
    """Rounds of both ways, in turns."""
    rounds: list[dict[str, Seconds]] = []
    with company(name, items) as snapshot:
        both = {use: used(snapshot, use) for use in USES}
        for number in range(count + (name == "demo")):
            one, plans = {}, {}
            for use in USES if number % 2 else reversed(USES):
                one[use], plans[use] = planned(both[use], options)
            if name == "demo" and not number:
                continue  # the first pays for what is loaded at first use
            rounds.append(one)
            tiers = plans[USES[0]].flows["below_cushion"].height
            sizes = " and ".join(f"{plans[use].solution['variables']:,}" for use in USES)
            print(
                f"\n{name}, round {len(rounds)}: {sizes} quantities, {tiers:,} tiers, {plans[USES[0]].solution['solver']}"
            )
            print(f"  {one}", flush=True)
    told(name, rounds)


def main() -> None:
    """Each company that is asked for."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("companies", nargs="*", default=["demo", "plain", "bom"])
    asked.add_argument("--items", type=int, default=300)
    asked.add_argument("--rounds", type=int, default=3)
    asked.add_argument("--solver", default="auto")
    given = asked.parse_args()
    for name in given.companies:
        measure(name, given.items, given.rounds, SolverOptions(solver=given.solver, seconds=3600.0))


if __name__ == "__main__":
    main()
