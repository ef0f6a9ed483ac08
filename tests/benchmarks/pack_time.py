"""The weekly pack against what it cannot avoid: four empty notebooks with the same imports, and one solve.

Run: python -m tests.benchmarks.pack_time [repeats]
The empty notebooks run by papermill one after another, as a person would; the solve is the demo's own, in one process.
Prints the ratio of each pair and their median; the target is at most 1.5.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import nbformat

ROOT = Path(__file__).parents[2]
REVIEWS = ("demand_review", "supply_review", "balance", "finance_review")
TARGET = 1.5


def empty(notebook: str, folder: Path) -> Path:
    """The notebook with nothing left but its import lines."""
    made = nbformat.read(ROOT / "notebooks" / f"{notebook}.ipynb", as_version=4)
    lines = [
        line
        for cell in made.cells
        if cell.cell_type == "code"
        for line in cell.source.splitlines()
        if line.startswith(("import ", "from "))
    ]
    # Names of the library load when they are first asked for, so the empty notebook asks for the rooms it would use.
    lines += ["import soe_lib.extract.snapshot, soe_lib.store.plan, soe_lib.review, soe_lib.money.reconciliation"]
    made.cells = [nbformat.v4.new_code_cell("\n".join(lines))]
    path = folder / f"{notebook}.ipynb"
    nbformat.write(made, path)
    return path


def timed(*command: str) -> float:
    """Seconds of a command that must succeed."""
    start = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True, cwd=ROOT)
    return time.perf_counter() - start


def main() -> None:
    """Print the ratio of each repeat and the median."""
    repeats, ratios = int(sys.argv[1]) if len(sys.argv) > 1 else 3, []
    python = sys.executable
    for _ in range(repeats):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            floor = sum(
                timed(
                    python,
                    "-m",
                    "papermill",
                    "--no-progress-bar",
                    str(empty(n, folder)),
                    str(folder / f"{n}.out.ipynb"),
                )
                for n in REVIEWS
            )
            solve = timed(python, "-m", "soe_lib.cli", "plan", "--json")
            pack = timed(python, "-m", "soe_lib.cli", "pack", "--out", str(folder / "out"))
        ratios.append(pack / (floor + solve))
        print(
            f"four empty notebooks {floor:.1f} s + solve {solve:.1f} s; pack {pack:.1f} s; ratio {ratios[-1]:.2f}",
            flush=True,
        )
    median = statistics.median(ratios)
    print(f"median ratio {median:.2f}, target {TARGET}: {'met' if median <= TARGET else 'MISSED'}")


if __name__ == "__main__":
    main()
