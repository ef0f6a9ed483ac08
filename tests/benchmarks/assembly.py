"""How much of a large plan's time is ours: assembling and canonicalising against the solve, and the peak memory.

Run: python -m tests.benchmarks.assembly [items]     (300 by default: about half a million quantities)
Each shape runs in a process of its own, so that its peak memory is its own.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SHAPES = ("plain", "bom")
TARGET = {"share": 0.05, "memory": 4.0}


def measure(shape: str, items: int) -> dict[str, float | str | int]:
    """Generate, read, assemble and solve one network; seconds of each, and peak memory in GB."""
    from soe_lib.demo import generate
    from soe_lib.model.checks import read
    from soe_lib.model.planning import Model
    from soe_lib.solver.answer import SolverOptions
    from soe_lib.solver.gate import Gate

    with tempfile.TemporaryDirectory() as folder:
        size = {"plants": 4, "lines": 5, "warehouses": 8, "customer_classes": 3}
        generate(Path(folder), 1, items, 7, shape=shape, **size)  # type: ignore[arg-type]
        snapshot = read(folder)
    clock = time.perf_counter
    start = clock()
    model = Model(snapshot)
    program = model.program
    assembled = clock()
    gate = Gate(program, SolverOptions(seconds=3600))
    answer = gate.answer()
    solved = clock()
    gate._one_vertex(answer, program.weights, solved)
    broken = clock()
    model.plan_of(answer, name="benchmark")
    ours = assembled - start
    return {
        "shape": shape,
        "variables": len(program.money),
        "rows": len(program.rhs),
        "assemble_s": assembled - start,
        "solve_s": solved - assembled,
        "tie_break_s": broken - solved,
        "solver": answer.solver,
        "share": ours / (solved - assembled),
        "tie_break_share": (broken - solved) / (solved - assembled),
        "memory_gb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6,
    }


def main() -> None:
    """Print one line per shape, and whether the targets are met."""
    items = int(sys.argv[1]) if len(sys.argv) > 1 else 300
    for shape in SHAPES:
        child = f"import json; from tests.benchmarks.assembly import measure; print(json.dumps(measure({shape!r}, {items})))"
        done = subprocess.run([sys.executable, "-c", child], check=True, stdout=subprocess.PIPE, text=True)
        found = json.loads(done.stdout.splitlines()[-1])
        met = found["share"] <= TARGET["share"] and found["memory_gb"] <= TARGET["memory"]
        print(
            f"{shape:6} {found['variables']:>9,} quantities {found['rows']:>9,} rows: assemble {found['assemble_s']:.1f} s, "
            f"solve {found['solve_s']:.1f} s ({found['solver']}), "
            f"share {found['share']:.1%}, tie-break {found['tie_break_share']:.1%}, peak {found['memory_gb']:.2f} GB: "
            f"{'met' if met else 'MISSED'}",
            flush=True,
        )


if __name__ == "__main__":
    main()
