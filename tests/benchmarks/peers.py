"""The same network stated four times and solved side by side: soe_lib, by hand on HiGHS's arrays, linopy, Pyomo.

Run: python -m tests.benchmarks.peers [--variables 30000 100000 300000] [--shapes plain bom] [--limit 3600]
     python -m tests.benchmarks.peers million      (one million variables, assembled only)

Every run has a process of its own, so that its peak memory is its own; imports and the reading of the extract are in
nobody's time. The peers start from the extract's tables too (peers_models/problem.py, their only common part, in their
time) and each builds its model in its own idiom. By hand has soe_lib's options and race of solvers; linopy and Pyomo
leave HiGHS its defaults. All objectives must agree to 1e-6, and by hand must count the same columns, rows and entries
as soe_lib, or the run fails. Each record is appended to a file of JSON lines as it comes.
"""

from __future__ import annotations

import argparse
import importlib
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

PEERS = ("ours", "by_hand", "in_linopy", "in_pyomo")
STEPS = ("assemble", "canonicalise", "solve", "tie_break", "check")
SHAPES = ("plain", "bom")
NETWORK = {"plants": 4, "lines": 5, "warehouses": 8, "customer_classes": 3}
PER_ITEM = 1000
"""About so many variables for each item of NETWORK."""
AGREE = 1e-6
AROUND, TIE, AGAIN, MEMORY = 0.10, 0.05, 0.15, 2.0
FASTER = {"plain": 0.75, "bom": 0.25}

Record = dict[str, Any]


# -- in a process of its own ---------------------------------------------------------------------------------------


def child(what: str, folder: str) -> Record:
    """One measurement of the extract in `folder`: a peer's run, the living solver's, or assembling alone."""
    from soe_lib.model.checks import read

    if what in PEERS:
        timed_by = importlib.import_module(f"tests.benchmarks.peers_models.{what}")
        timed = timed_by.run(read(folder))
        record = {**vars(timed), "total": timed.total}
    else:
        record = {"living": living, "assembling": assembling}[what](read(folder))
    return {**record, "memory_gb": _peak()}


def living(snapshot: Any) -> Record:
    """A cold plan, then the plan with one line down for a week, from the living solver: seconds of each."""
    import cvxpy  # noqa: F401  (its import is nobody's time)

    from soe_lib.model.living import Living
    from soe_lib.whatif.scenario import Scenario
    from tests.benchmarks.peers_models.ours import watched

    clock = time.perf_counter
    start = clock()
    alive, cold = watched(lambda: Living(snapshot))
    first = clock() - start
    line = snapshot["operations"]["resource"].sort()[0]
    week = [str(day) for day in snapshot["calendar"]["date"].unique().sort()[:7]]
    down = Scenario("one line down")
    for day in week:
        down = down.scale("calendar.hours", 0.0, resource=line, date=day)
    changed = down.apply(snapshot)
    start = clock()
    plan, hot = watched(lambda: alive.plan(changed))
    assert plan.objective < alive.base.objective, "a line that is down must cost something"
    return {
        "seconds": {
            "cold": cold.seconds["solve"],
            "hot": hot.seconds["solve"],
            "hot_tie_break": hot.seconds.get("tie_break", 0.0),
        },
        "cold_total": first,
        "total": clock() - start,
        "objective": plan.objective,
    }


def assembling(snapshot: Any) -> Record:
    """Assembling and canonicalising alone."""
    import soe_lib.model.convex  # noqa: F401  (CVXPY's import is nobody's time)
    from soe_lib.model.planning import Model
    from tests.benchmarks.peers_models.timed import Timed

    timed, before = Timed(), _peak()
    with timed.step("assemble"):
        model = Model(snapshot)
        program = model.program
    return {
        "seconds": timed.seconds,
        "total": timed.total,
        "columns": len(program.money),
        "rows": len(program.row_upper),
        "entries": int(program.matrix.nnz),
        "read_gb": before,
    }


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


# -- the runner ----------------------------------------------------------------------------------------------------


def extract(folder: Path, shape: str, items: int) -> str:
    """Write the demo generator's network."""
    from soe_lib.demo import generate

    generate(folder, 1, items, 7, shape=shape, **NETWORK)  # type: ignore[arg-type]
    return str(folder)


def measured(what: str, folder: str, limit: float) -> Record:
    """The record of one child, or {"over": limit} where it did not finish."""
    command = [sys.executable, "-m", "tests.benchmarks.peers", "--child", what, folder]
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=limit, check=False)
    except subprocess.TimeoutExpired:
        return {"over": limit}
    if done.returncode:
        return {"failed": done.returncode}
    return json.loads(done.stdout.splitlines()[-1])


def compare(shape: str, variables: int, given: argparse.Namespace) -> bool:
    """Run every peer on one network, print them side by side and the ratios; whether all agree and none failed."""
    items = max(round(variables / PER_ITEM), 1)
    found: dict[str, Record] = {}
    with tempfile.TemporaryDirectory() as home:
        folder = extract(Path(home), shape, items)
        print(f"\n{shape}, {items} items", flush=True)
        for peer in given.peers:
            runs = [measured(peer, folder, given.limit) for _ in range(given.repeat)]
            found[peer] = min(runs, key=lambda run: run.get("total", float("inf")))
            _keep(given.out, {"shape": shape, "items": items, "what": peer, **found[peer]})
            print(_line(peer, found[peer]), flush=True)
        if "ours" in given.peers:
            found["living"] = measured("living", folder, given.limit)
            _keep(given.out, {"shape": shape, "items": items, "what": "living", **found["living"]})
    for peer in [name for name in PEERS[:2] if "total" in found.get(name, {})]:
        around = [sum(found[peer][clock].values()) - found[peer][clock]["solve"] for clock in ("seconds", "processor")]
        print(f"  {peer:10} around the solver: {around[0]:.2f} s, of processor time {around[1]:.2f} s", flush=True)
    for name, value, target in ratios(shape, found):
        print(f"  {name:58} {value:7.1%}  target {target:.0%}: {'met' if value <= target else 'MISSED'}", flush=True)
    return _agree(found)


def _line(peer: str, run: Record) -> str:
    if "total" not in run:
        return f"  {peer:10} " + (f"> {run['over']:.0f} s (limit)" if "over" in run else "FAILED")
    steps = "  ".join(f"{step} {run['seconds'].get(step, 0.0):8.2f}" for step in STEPS)
    size = f"{run['columns']:>9,} × {run['rows']:>9,}, {run['entries']:>10,} entries"
    return f"  {peer:10} {size}: {steps}  total {run['total']:8.2f} s, {run['memory_gb']:5.2f} GB, {run['solver']}"


def ratios(shape: str, found: dict[str, Record]) -> list[tuple[str, float, float]]:
    """Name, value and target of what the records can tell; a peer over the limit counts as the limit."""
    ours, hand, again = found.get("ours", {}), found.get("by_hand", {}), found.get("living", {})
    told: list[tuple[str, float, float]] = []
    if "total" in ours:
        solve, tie = ours["seconds"]["solve"], ours["seconds"].get("tie_break", 0.0)
        around = ours["total"] - solve
        if "total" in hand:
            own = hand["total"] - hand["seconds"]["solve"]
            told += [
                ("around the solver, beyond what is so by hand ÷ by hand", (around - own) / hand["total"], AROUND),
                ("  the same without the tie-break", (around - tie - own) / hand["total"], AROUND),
                ("total ÷ by hand − 1 (the solver's own luck included)", ours["total"] / hand["total"] - 1, AROUND),
            ]
        told.append(("tie-break ÷ first solve", tie / solve, TIE))
        for peer in ("in_linopy", "in_pyomo"):
            run = found.get(peer, {})
            if other := run.get("total", run.get("over")):
                bound = "<= " if "over" in run else ""
                told.append((f"total ÷ {peer[3:]}'s {bound}({other:.1f} s)", ours["total"] / other, FASTER[shape]))
    if "total" in again:
        seconds = again["seconds"]
        hot = seconds["hot"] + seconds["hot_tie_break"]
        told.append(("one line down, living: solve and tie-break ÷ cold solve", hot / seconds["cold"], AGAIN))
        told.append(("  whole plan ÷ whole cold plan", again["total"] / again["cold_total"], AGAIN))
    return told


def _agree(found: dict[str, Record]) -> bool:
    runs = {name: run for name, run in found.items() if name in PEERS and "total" in run}
    good = not any("failed" in run for run in found.values())
    if not runs:
        return good
    objectives = {name: run["objective"] for name, run in runs.items()}
    least, most = min(objectives.values()), max(objectives.values())
    if not most - least <= AGREE * max(1.0, abs(most)):
        print(f"  objectives DIFFER: {objectives}")
        good = False
    sizes = {tuple(runs[name][what] for what in ("columns", "rows", "entries")) for name in PEERS[:2] if name in runs}
    if len(sizes) > 1:
        print(f"  the program by hand is NOT the same as soe_lib's: {sizes}")
        good = False
    return good


def million(given: argparse.Namespace) -> bool:
    """One million variables of each shape, assembled; whether within the memory."""
    good = True
    for shape in given.shapes:
        with tempfile.TemporaryDirectory() as home:
            run = measured("assembling", extract(Path(home), shape, 1_000_000 // PER_ITEM), given.limit)
        _keep(given.out, {"shape": shape, "items": 1_000_000 // PER_ITEM, "what": "assembling", **run})
        if "total" not in run:
            print(_line(shape, run))
            good = False
            continue
        met = run["memory_gb"] <= MEMORY
        good = good and met
        print(
            f"{shape:6} {run['columns']:>9,} × {run['rows']:>9,}, {run['entries']:>10,} entries: "
            f"assemble {run['seconds']['assemble']:.1f} s, "
            f"peak {run['memory_gb']:.2f} GB ({run['read_gb']:.2f} GB to read the extract), "
            f"target {MEMORY:.0f} GB: {'met' if met else 'MISSED'}",
            flush=True,
        )
    return good


def _keep(out: str, record: Record) -> None:
    if out:
        with Path(out).open("a", encoding="utf-8") as file:
            file.write(json.dumps(record) + "\n")


def main() -> int:
    """0 where all runs agree; the ratios are printed, met or not."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("mode", nargs="?", choices=("compare", "million"), default="compare")
    asked.add_argument("--variables", type=int, nargs="+", default=[30_000, 100_000, 300_000])
    asked.add_argument("--shapes", nargs="+", choices=SHAPES, default=list(SHAPES))
    asked.add_argument("--peers", nargs="+", choices=PEERS, default=list(PEERS))
    asked.add_argument("--limit", type=float, default=3600.0, help="wall clock of one run [s]")
    asked.add_argument("--repeat", type=int, default=1, help="runs of each peer; the fastest counts")
    asked.add_argument("--out", default="", help="file of JSON lines to append to")
    asked.add_argument("--child", nargs=2, metavar=("WHAT", "FOLDER"), help=argparse.SUPPRESS)
    given = asked.parse_args()
    if given.child:
        print(json.dumps(child(*given.child)))
        return 0
    if given.mode == "million":
        return 0 if million(given) else 1
    good = [compare(shape, size, given) for size in given.variables for shape in given.shapes]
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
