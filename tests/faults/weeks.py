"""Week after week, unattended: `python -m tests.faults.weeks` makes 53 consecutive packs of a demo, 2026-W53 among them.

Every pack must be published, verify, and close all its bridges; the memory that the process holds must not grow. Before
it is measured, the C library gives back what is free: pages that it keeps for the next pack are no leak.
"""

from __future__ import annotations

import argparse
import ctypes
import gc
import sys
import tempfile
import time
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

import psutil

from soe_lib.demo import generate
from soe_lib.errors import SoeError
from soe_lib.pack import manifest
from soe_lib.pack.job import make_pack
from soe_lib.pack.verify import verify

LAST = date(2027, 1, 11)
WARM = 2
GROWTH = 0.10


@dataclass
class Year:
    """What came of the weeks."""

    packs: list[date] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    bridges: int = 0
    megabytes: list[float] = field(default_factory=list)

    @property
    def growth(self) -> float:
        """Memory after the last pack over that after the second, less one."""
        return self.megabytes[-1] / self.megabytes[min(WARM, len(self.megabytes)) - 1] - 1.0

    @property
    def clean(self) -> bool:
        """Whether nothing failed and memory stayed flat."""
        return not self.failures and self.growth <= GROWTH

    def text(self) -> str:
        """The figures in one line, and the failures."""
        weeks = {day.isocalendar()[:2] for day in self.packs}
        said = (
            f"{len(self.packs)} packs from {self.packs[0]} to {self.packs[-1]}, 2026-W53 "
            f"{'included' if (2026, 53) in weeks else 'NOT included'}; {len(self.failures)} failures; "
            f"{self.bridges} bridges closed; memory {self.megabytes[0]:.0f} to {self.megabytes[-1]:.0f} MB, "
            f"{self.growth:+.1%} since the second pack"
        )
        return "\n  ".join([said, *self.failures])


def run(home: Path, weeks: int, *, items: int = 2, last: date = LAST) -> Year:
    """Make the packs of consecutive weeks of a demo company, oldest first."""
    generate(home / "company", weeks, items, 7, last=last)
    year = Year()
    for number in range(weeks):
        day = last - timedelta(weeks=weeks - 1 - number)
        began = time.perf_counter()
        try:
            made = make_pack(home / "company", day.isoformat(), home / "out")
        except SoeError as error:
            year.failures.append(f"{day}: {error}")
            continue
        year.packs.append(day)
        year.failures += [f"{day}: {fault}" for fault in verify(made.folder).faults]
        year.bridges += _bridges(day, made.manifest, year.failures)
        year.megabytes.append(held())
        print(f"{day}  {time.perf_counter() - began:.0f} s  {year.megabytes[-1]:.0f} MB", file=sys.stderr, flush=True)
    year.failures += verify(home / "out").faults
    return year


def held() -> float:
    """Megabytes that this process holds when all garbage is collected and the C library has given back free pages."""
    gc.collect()
    if sys.platform == "linux" and hasattr(libc := ctypes.CDLL(None), "malloc_trim"):
        libc.malloc_trim(0)
    return psutil.Process().memory_info().rss / 1e6


def _bridges(day: date, told: manifest.Manifest, failures: list[str]) -> int:
    """How many bridges of a pack close; those that do not are failures, and so is a pack without any."""
    checks = [check for check in told["checks"] if "bridge" in f"{check['name']} {check['detail']}".lower()]
    failures += [f"{day}: {check['name']} {check['detail']}" for check in checks if not check["ok"]]
    if not checks:
        failures.append(f"{day}: no bridge was checked")
    return sum(check["ok"] for check in checks)


def main() -> int:
    """Run the long form; 0 where nothing failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--weeks", type=int, default=53)
    parser.add_argument("--items", type=int, default=2)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="soe-weeks-") as name:
        year = run(Path(name), asked.weeks, items=asked.items)
    print(year.text())
    return 0 if year.clean else 1


if __name__ == "__main__":
    sys.exit(main())
