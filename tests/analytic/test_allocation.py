"""How scarce supply is shared out, by name: three customers, ten units, answers by hand."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

import soe_lib as soe
from soe_lib.errors import DataError
from tests.networks import snapshot, weeks


def served(folder: Path, objective: str) -> dict[str, float]:
    """Ten units on hand; X (priority 2) asks 8 at 9, Y (priority 1) asks 6 at 5, Z (priority 3) asks 6 at 7."""
    plan = soe.plan(
        snapshot(
            folder,
            f'[costs]\nper = "period"\n[objective]\n{objective}\n',
            periods=weeks(1),
            inventory=[{"item": "A", "location": "P", "on_hand": 10}],
            customers=[{"customer": c, "priority": p} for c, p in (("X", 2), ("Y", 1), ("Z", 3))],
            forecast=[
                {"item": "A", "location": "P", "customer": c, "period": "W1", "quantity": q, "price": p}
                for c, q, p in (("X", 8, 9), ("Y", 6, 5), ("Z", 6, 7))
            ],
        )
    )
    rows = plan.flows["sell"].group_by("customer").agg(pl.col("quantity").sum())
    return dict(rows.iter_rows())


@pytest.mark.parametrize(
    ("objective", "answer"),
    [
        ('allocation = "margin"', {"X": 8, "Y": 0, "Z": 2}),
        ('allocation = "priority"', {"X": 4, "Y": 6, "Z": 0}),
        ('mode = "service"', {"X": 4, "Y": 6, "Z": 0}),
        ('allocation = "fair"', {"X": 4, "Y": 3, "Z": 3}),
        ('allocation = "proportional"', {"X": 4, "Y": 3, "Z": 3}),
    ],
)
def test_ten_units_among_three_customers(tmp_path: Path, objective: str, answer: dict[str, float]) -> None:
    assert served(tmp_path, objective) == pytest.approx(answer, abs=1e-4)


def test_fairness_goes_on_where_one_customer_is_stuck(tmp_path: Path) -> None:
    # P has 2 for X (asks 8), Q has 9 for Y (6) and Z (6): X gets its 2, Y and Z 4.5 each.
    plan = soe.plan(
        snapshot(
            tmp_path,
            '[costs]\nper = "period"\n[objective]\nallocation = "fair"\n',
            periods=weeks(1),
            inventory=[{"item": "A", "location": "P", "on_hand": 2}, {"item": "A", "location": "Q", "on_hand": 9}],
            customers=[{"customer": c} for c in "XYZ"],
            forecast=[
                {"item": "A", "location": at, "customer": c, "period": "W1", "quantity": q, "price": p}
                for c, at, q, p in (("X", "P", 8, 1), ("Y", "Q", 6, 5), ("Z", "Q", 6, 7))
            ],
        )
    )
    rows = dict(plan.flows["sell"].group_by("customer").agg(pl.col("quantity").sum()).iter_rows())
    assert rows == pytest.approx({"X": 2, "Y": 4.5, "Z": 4.5}, abs=1e-4)


def test_an_unknown_rule_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="proportional"):
        served(tmp_path, 'allocation = "proportionate"')
