"""A local edit of a large network, answered by a living solver, against a cold solve of the same snapshot, in one run.

Run: python -m tests.benchmarks.local_edit [items] [plain|bom] [record]     (60 items, ten customers: 100,000 quantities)
With "record" the network has a record of its forecast (record.py), and its plans a cushion.
Two edits take turns: one line down for a week, one customer's demand up by a tenth. The median of the rounds is printed,
its range, and every part of the round that has it. Cold is `soe.plan` of the
edited snapshot: network, program, CVXPY's canonical form, solve, tie-break, certificate, ledger. Hot is the same from
the living solver. The edit itself (and the rules of the contract, checked again) is needed by both, and by neither counted.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import soe_lib as soe
from soe_lib.demo import generate
from soe_lib.model import living, model
from soe_lib.solver import gate
from tests.benchmarks.record import remember

TARGET = 0.2
ROUNDS = 5
SHAPES = ("plain", "bom")
PARTS: dict[str, tuple[Any, str]] = {
    "network and blocks": (model.Model, "__init__"),
    "assemble": (model, "assemble"),
    "certificate": (model, "certify"),
    "plan and ledger": (model.Model, "plan_of"),
    "solve": (gate.Gate, "_run"),
    "tie-break": (gate.Gate, "_one_vertex"),
    "pass in": (gate.Gate, "move"),
    "new solver": (gate.Gate, "__init__"),
}
"""What is timed: the function of each part."""


@contextmanager
def timed(parts: dict[str, float]) -> Iterator[None]:
    """Seconds of each part while it lasts; a part within another counts in both."""
    kept: list[tuple[Any, str, Callable[..., Any]]] = []

    def watched(name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def run(*given: Any, **named: Any) -> Any:
            start = time.perf_counter()
            try:
                return call(*given, **named)
            finally:
                parts[name] = parts.get(name, 0.0) + time.perf_counter() - start

        return run

    for name, (home, attribute) in PARTS.items():
        kept.append((home, attribute, getattr(home, attribute)))
        setattr(home, attribute, watched(name, kept[-1][2]))
    try:
        yield
    finally:
        for home, attribute, call in kept:
            setattr(home, attribute, call)


def edits(snapshot: soe.Snapshot) -> list[soe.Scenario]:
    """One line down, one customer's demand."""
    line = snapshot["operations"]["resource"].sort()[0]
    week = snapshot.periods["week"].unique().sort()[2]
    customer = snapshot["forecast"]["customer"].sort()[0]
    return [
        soe.Scenario("one line down").scale("calendar.hours", 0.0, resource=line, period=week),
        soe.Scenario("one customer's demand").scale("forecast.quantity", 1.1, customer=customer),
    ]


def told(parts: dict[str, float], total: float) -> str:
    """The parts in one line."""
    return f"{total:.2f} s (" + ", ".join(f"{name} {seconds:.2f}" for name, seconds in parts.items()) + ")"


def asked(way: Callable[[soe.Snapshot], soe.Plan], changed: soe.Snapshot) -> tuple[soe.Plan, float, dict[str, float]]:
    """The plan, its seconds and their parts."""
    parts: dict[str, float] = {}
    with timed(parts):
        start = time.perf_counter()
        plan = way(changed)
        return plan, time.perf_counter() - start, parts


def measure(shape: str, items: int, recorded: bool) -> None:
    """Print what each edit took, both ways: the medians of rounds in which the edits take turns, hot and cold."""
    with tempfile.TemporaryDirectory() as folder:
        generate(Path(folder), 1, items, 7, shape=shape, plants=4, lines=5, warehouses=8, customer_classes=10)  # type: ignore[arg-type]
        if recorded:
            remember(Path(folder))
        snapshot = soe.read(folder)
    alive = living.Living(snapshot)
    size = alive.base.solution["variables"]
    trials = [(scenario.name, scenario.apply(snapshot)) for scenario in edits(snapshot)]
    rounds = [[(asked(alive.plan, changed), asked(soe.plan, changed)) for _, changed in trials] for _ in range(ROUNDS)]
    for number, (name, _) in enumerate(trials):
        runs = [one[number] for one in rounds]
        ratios = [hot[1] / cold[1] for hot, cold in runs]
        ratio = statistics.median(ratios)
        hot, cold = runs[ratios.index(ratio)]
        apart = abs(hot[0].objective - cold[0].objective) / abs(cold[0].objective)
        print(
            f"{shape}, {size:,} quantities, {name}: ratio {ratio:.3f} ({min(ratios):.3f} to {max(ratios):.3f}; target "
            f"{TARGET}): {'met' if ratio <= TARGET else 'MISSED'}; objectives {apart:.1e} apart, "
            f"{'the same plan' if hot[0].identity == cold[0].identity else 'ANOTHER PLAN'}\n"
            f"  hot  {told(hot[2], hot[1])}\n  cold {told(cold[2], cold[1])}",
            flush=True,
        )


def main() -> None:
    """Each shape that is asked for."""
    given = [one for one in sys.argv[1:] if one != "record"]
    items = int(given[0]) if given else 60
    for shape in given[1:2] or SHAPES:
        measure(shape, items, "record" in sys.argv)


if __name__ == "__main__":
    main()
