"""The base stock rule uses the lines that have hours, by hand."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

import soe_lib as soe
from soe_lib.replay.planners import BaseStock
from tests.networks import snapshot, weeks


def company(folder: Path, *, second: float) -> soe.Snapshot:
    """A runs on L1 alone, B on L1 or L2; both are asked for 10 a week, an hour each; L1 has 10 hours, L2 `second`."""
    return snapshot(
        folder,
        periods=weeks(3),
        items=[{"item": name, "unit": "each"} for name in "AB"],
        locations=[{"location": "P", "kind": "plant"}],
        resources=[{"resource": line, "location": "P"} for line in ("L1", "L2")],
        calendar=[
            {"resource": line, "period": f"W{week}", "hours": hours}
            for line, hours in (("L1", 10.0), ("L2", second))
            for week in (1, 2, 3)
        ],
        routings=[{"routing": name, "item": name, "location": "P", "cost_per_unit": 1.0} for name in "AB"],
        operations=[
            {"routing": routing, "step": "fill", "resource": line, "hours_per_unit": 1.0}
            for routing, line in (("A", "L1"), ("B", "L1"), ("B", "L2"))
        ],
        customers=[{"customer": "C"}],
        forecast=[
            {"item": name, "location": "P", "customer": "C", "period": f"W{week}", "quantity": 10.0, "price": 5.0}
            for name in "AB"
            for week in (1, 2, 3)
        ],
        inventory=[{"item": "B", "location": "P", "on_hand": 1.0}],
    )


@pytest.mark.parametrize(
    ("second", "made"), [(10.0, {"A": 10.0, "B": 9.0}), (4.0, {"A": 10.0, "B": 4.0}), (0.0, {"A": 10.0, "B": 0.0})]
)
def test_what_a_full_line_cannot_do_goes_to_one_that_has_hours(
    tmp_path: Path, second: float, made: dict[str, float]
) -> None:
    decided = BaseStock()(company(tmp_path, second=second))
    found = dict(decided["make"].select("routing", pl.col("quantity").round(9)).rows())
    assert {name: found.get(name, 0.0) for name in "AB"} == pytest.approx(made)
    runs = decided["run"].filter(pl.col("routing") == "B").group_by("resource").agg(pl.col("quantity").sum())
    assert dict(runs.filter(pl.col("quantity") > 1e-9).rows()) == pytest.approx({"L2": made["B"]} if made["B"] else {})
