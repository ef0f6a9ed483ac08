"""Where the month is likely to end, by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest

import soe_lib as soe
from soe_lib.review.frames.service import historical_error, likely_end
from tests.analytic.test_commitments import flour


def ended(folder: Path, committed: float) -> dict[str, Any]:
    snapshot = flour(folder, committed)
    return likely_end(snapshot, soe.plan(snapshot)).row(0, named=True)


def test_without_a_history_the_range_is_the_tolerance(tmp_path: Path) -> None:
    # 32 are planned, ± 5 %: 30.4 to 33.6
    found = ended(tmp_path, 32)
    assert [found[name] for name in ("outlook", "likely_from", "likely_to")] == pytest.approx([32, 30.4, 33.6])
    assert found["weeks"] == 0


@pytest.mark.parametrize(
    ("committed", "verdict"),
    [
        # the band is ± 5 % of the commitment, the range 30.4 to 33.6
        (32.0, "will be kept"),  # band 30.4 to 33.6
        (33.0, "is likely to be kept"),  # band 31.35 to 34.65
        (34.0, "is likely to fall short"),  # band 32.3 to 35.7
        (36.0, "will fall short"),  # band from 34.2
        (30.0, "is likely to run over"),  # band to 31.5
        (28.0, "will run over"),  # band to 29.4
    ],
)
def test_the_verdict_says_how_sure_it_is(tmp_path: Path, committed: float, verdict: str) -> None:
    assert ended(tmp_path, committed)["verdict"] == verdict


def test_the_error_of_the_past_by_hand(tmp_path: Path) -> None:
    # forecasts published a week before: 10 and 20 for the weeks of 22 and 29 December; sold 12 and 17: 5 of 29
    old = [
        {"item": "A", "location": "P", "customer": "Aldi", "period": week, "version": version, "quantity": quantity}
        for week, version, quantity in (
            ("2025-W52", "2025-W51", 10), ("2026-W01", "2025-W52", 20), ("2026-W01", "2025-W51", 99),
        )
    ]  # fmt: skip
    sold = {"measure": "sales", "item": "A", "location": "P", "customer": "Aldi"}
    actuals = [{"date": "2025-12-23", **sold, "quantity": 12}, {"date": "2026-01-02", **sold, "quantity": 17}]
    snapshot = flour(tmp_path, 32, actuals=actuals)
    rows = pl.DataFrame(old).with_columns(price=pl.lit(None, dtype=pl.Float64), committed=pl.lit(0.0))
    table = snapshot["forecast"]
    extra = rows.with_columns(date=pl.lit(None, dtype=pl.Date)).select(table.columns).cast(dict(table.schema))
    found = historical_error(snapshot.replace(forecast=pl.concat([table, extra])))
    assert found.filter(pl.col("family") == "Flour").row(0) == ("Flour", pytest.approx(5 / 29), 2)
