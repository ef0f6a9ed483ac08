"""Where no plan keeps every promise, the cheapest ones to break are named with amounts and dates."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import soe_lib as soe
from soe_lib.errors import SolveError
from tests.analytic.test_two_items import asked, line
from tests.networks import snapshot


def test_obligations_beyond_capacity(tmp_path: Path) -> None:
    # 10 h; 8 A owed (10 each, 1 h) and 4 B owed (16 each, 2 h): 6 h are missing. Breaking 3 B costs 48, 6 A cost 60.
    tables = line(10) | {"forecast": [asked("A", 8, 10, committed=8), asked("B", 4, 16, committed=4)]}
    found = snapshot(tmp_path, **tables)
    with pytest.raises(SolveError, match="infeasible") as refused:
        soe.plan(found)
    assert refused.value.status == "infeasible"
    broken = soe.conflict(found)
    assert broken.money == pytest.approx(48)
    assert broken.promises["by"].to_list() == pytest.approx([3])
    assert "item B" in broken.promises["labels"][0]
    assert "W1" in broken.text()


def test_no_conflict_says_so(tmp_path: Path) -> None:
    tables = line(10) | {"forecast": [asked("A", 8, 10, committed=8)]}
    broken = soe.conflict(snapshot(tmp_path, **tables))
    assert not broken.found
    assert broken.money == 0


def test_an_end_stock_that_cannot_be_made(tmp_path: Path) -> None:
    tables = line(10) | {"forecast": [asked("A", 1, 10)]}
    tables["policies"] = [{"item": "A", "location": "P", "end_stock": 12}]
    broken = soe.conflict(snapshot(tmp_path, **tables))
    assert broken.promises["by"].to_list() == pytest.approx([2])


@pytest.mark.parametrize("seed", range(10))
def test_a_planted_conflict_is_found(tmp_path: Path, seed: int) -> None:
    """Three weeks of obligations that fit, but for one week and one item that exceeds the hours by a known amount."""
    draw = np.random.default_rng(seed)
    week, extra = int(draw.integers(0, 3)), float(draw.integers(1, 9))
    owed = draw.integers(1, 5, 3).astype(float)
    tables = line(float(owed.sum()), periods=3)
    tables["calendar"] = [{"resource": "line", "period": f"W{n + 1}", "hours": float(owed[n])} for n in range(3)]
    owed[week] += extra
    tables["forecast"] = [asked("A", float(q), 10, f"W{n + 1}", committed=float(q)) for n, q in enumerate(owed)]
    broken = soe.conflict(snapshot(tmp_path, **tables))
    assert broken.promises["by"].sum() == pytest.approx(extra)
    assert broken.promises.height == 1
