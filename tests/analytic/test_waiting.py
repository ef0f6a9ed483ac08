"""What a week of waiting with an S&OP commitment costs: the mill that sells 32 at a profit and can make 44.

A unit costs 6 in regular hours, of which two a week are free beside Aldi's eight; in W2 four more by overtime, at 9.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.analytic.test_commitments import flour, priced


@pytest.mark.parametrize(
    ("committed", "waiting", "lost"),
    [
        # 8 more at a loss of 1 each. Without the two of W1 they are 6, and 2 by overtime at a loss of 4: 14 − 8.
        (40, 6.0, 0.0),
        # Now 8 × 1 + 2 × 4 = 16; later 6 × 1 + 4 × 4 = 22.
        (42, 6.0, 0.0),
        # Two of them are out of reach a week later.
        (44, 6.0, 2.0),
        # Two less are sold: of a later week, whether it is decided now or in a week.
        (30, 0.0, 0.0),
        # Eight are sold by then.
        (6, 0.0, 2.0),
    ],
)
def test_waiting_costs_what_the_first_week_takes_away(
    tmp_path: Path, committed: float, waiting: float, lost: float
) -> None:
    snapshot = flour(tmp_path, committed)
    found = priced(snapshot)
    lines = snapshot["forecast"]
    cost = float(snapshot["items"].row(0, named=True)["standard_cost"] or 0.0)
    unit = float((lines["quantity"] * (lines["price"] - cost)).sum()) / float(lines["quantity"].sum())
    assert found["lost"] == pytest.approx(lost, abs=1e-4)
    assert found["waiting"] == pytest.approx(waiting + lost * max(unit, 0.0), abs=1e-3)


def test_what_is_hit_has_nothing_to_wait_for(tmp_path: Path) -> None:
    assert priced(flour(tmp_path, 32))["waiting"] is None
