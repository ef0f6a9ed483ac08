"""What is left of a week where alternatives lose hours, by hand."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from soe_lib.replay.carry import Floor
from soe_lib.replay.truth import Truth
from tests.networks import snapshot, weeks

WANTED = {"L1": 6.0, "L2": 4.0, "M1": 5.0, "M2": 5.0}
STEP = {"L1": "fill", "L2": "fill", "M1": "pack", "M2": "pack"}


def floor(folder: Path, hours: dict[str, float]) -> Floor:
    """A is filled on L1 or L2 and packed on M1 or M2, an hour each."""
    real = snapshot(
        folder,
        periods=weeks(2),
        items=[{"item": "A", "unit": "each", "price": 5.0}],
        locations=[{"location": "P", "kind": "plant"}],
        resources=[{"resource": line, "location": "P"} for line in hours],
        calendar=[{"resource": line, "period": f"W{week}", "hours": there} for line, there in hours.items() for week in (1, 2)],
        routings=[{"routing": "A", "item": "A", "location": "P", "cost_per_unit": 1.0}],
        operations=[{"routing": "A", "step": STEP[line], "resource": line, "hours_per_unit": 1.0} for line in hours],
        customers=[{"customer": "C"}],
        forecast=[{"item": "A", "location": "P", "customer": "C", "period": f"W{week}", "quantity": 10.0} for week in (1, 2)],
    )  # fmt: skip
    none = pl.DataFrame()
    return Floor(Truth(real, real, 1, 1, none, none))


@pytest.mark.parametrize(
    ("hours", "runs"),
    [
        ({}, WANTED),
        # L1 fills 3 of its 6: 7 go on, and what L2 was to fill stays with L2.
        ({"L1": 3.0}, {"L1": 3.0, "L2": 4.0, "M1": 3.5, "M2": 3.5}),
        ({"L1": 0.0}, {"L2": 4.0, "M1": 2.0, "M2": 2.0}),
        # M1 packs 1 of its 5: 6 are started.
        ({"M1": 1.0}, {"L1": 3.6, "L2": 2.4, "M1": 1.0, "M2": 5.0}),
        # The worse of both steps counts: 7 by filling, 6 by packing.
        ({"L1": 3.0, "M1": 1.0}, {"L1": 3.0 * 6 / 7, "L2": 4.0 * 6 / 7, "M1": 1.0, "M2": 5.0}),
        ({"L1": 0.0, "L2": 0.0}, {}),
    ],
)
def test_a_week_cut_by_lost_hours_splits_what_is_left_as_it_was_cut(
    tmp_path: Path, hours: dict[str, float], runs: dict[str, float]
) -> None:
    lines = floor(tmp_path, {**dict.fromkeys(WANTED, 20.0), **hours})
    rows = [
        {"routing": "A", "step": STEP[line], "resource": line, "period": "W1", "quantity": units}
        for line, units in WANTED.items()
    ]
    decided = {"run": pl.DataFrame(rows), "make": pl.DataFrame([{"routing": "A", "period": "W1", "quantity": 10.0}])}
    after = lines.week(lines.opening(), decided, 0)
    own = lines.physics
    done = (
        own.cells["run"]
        .select(pl.col("resource").cast(pl.String), pl.col("period").cast(pl.String))
        .with_columns(quantity=pl.Series(after.x[own.of_flow("run")]))
    )
    found = dict(done.filter(pl.col("period") == "W1", pl.col("quantity") > 1e-9).select("resource", "quantity").rows())
    assert found == pytest.approx(runs)
    made = after.x[lines.columns("make", 0)].sum()
    assert made == pytest.approx(sum(units for line, units in runs.items() if STEP[line] == "fill"))
