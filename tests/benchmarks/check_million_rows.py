"""How long the check of a million forecast rows takes, beside polars' own read of the file, and its peak memory.

Run: python tests/benchmarks/check_million_rows.py [ROWS]
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np
import polars as pl

from soe_lib.model.checks import check

LOCATIONS, CUSTOMERS, WEEKS = 10, 5, 20
SETTINGS = 'company = "big"\ncurrency = "EUR"\nas_of = "2026-01-05"\n[horizon]\nweeks = 20\ndaily = 0\n'


def write(folder: Path, rows: int) -> None:
    """An extract whose forecast has so many rows, everything on offer everywhere."""
    index = np.arange(rows)
    cells = {"week": WEEKS, "customer": CUSTOMERS, "location": LOCATIONS}
    digits = {}
    for name, count in cells.items():
        digits[name], index = index % count, index // count
    forecast = pl.DataFrame({**digits, "item": index, "quantity": np.arange(rows) % 500}).select(
        item=pl.format("I{}", "item"),
        location=pl.format("DC{}", "location"),
        customer=pl.format("C{}", "customer"),
        period=pl.format("2026-W{}", (pl.col("week") + 2).cast(pl.String).str.zfill(2)),
        quantity="quantity",
        price=pl.lit(9.5),
    )
    forecast.write_csv(folder / "forecast.csv")
    items, places = forecast.select("item").unique(), forecast.select("location").unique()
    items.with_columns(unit=pl.lit("each")).write_csv(folder / "items.csv")
    places.write_csv(folder / "locations.csv")
    forecast.select("customer").unique().write_csv(folder / "customers.csv")
    offers = items.join(places, how="cross").select(pl.format("{}@{}", "item", "location").alias("offer"), pl.all())
    offers.with_columns(unit_cost=pl.lit(1.0)).write_csv(folder / "offers.csv")
    (folder / "settings.toml").write_text(SETTINGS)


def side_by_side(reading: Callable[[], object], checking: Callable[[], object], times: int = 9) -> tuple[float, float]:
    """Median seconds of two actions that take turns, so that a busy moment of the machine meets both."""
    seconds = []
    for _ in range(times):
        for action in (reading, checking):
            start = time.perf_counter()
            action()
            seconds.append(time.perf_counter() - start)
    return median(seconds[::2]), median(seconds[1::2])


def main() -> None:
    """Print rows, seconds, their ratio and the peak memory."""
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write(folder, rows)
        assert check(folder).ok, check(folder).text()
        reading, checking = side_by_side(lambda: pl.read_csv(folder / "forecast.csv"), lambda: check(folder))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    print(
        f"{rows:,} rows: polars reads {reading:.2f} s, check {checking:.2f} s ({checking / reading:.1f} ×), {peak:.2f} GB"
    )


if __name__ == "__main__":
    main()
