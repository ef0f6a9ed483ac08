"""Monthly commitments by week and back."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

import soe_lib as soe
from soe_lib.errors import DataError
from soe_lib.money.commitments import committed_by_month, committed_by_week
from tests.analytic.test_commitments import flour

ROOT = Path(__file__).parents[3]


def test_by_mix_and_working_days_by_hand(tmp_path: Path) -> None:
    # January 2026 has 22 working days; the horizon begins on the 5th: Thu 1 and Fri 2 lie before it, 5 days in each
    # week. 220 units: 10 a day, 50 a week, 20 outside. Aldi buys 8 of 28, Cheap 20 of 28: 62.857 and 157.143, so 63
    # and 157 by largest remainder; by week 5/22 of them: 14.3 and 35.7.
    found = committed_by_week(flour(tmp_path, 220))
    assert found.group_by("week").agg(pl.col("quantity").sum())["quantity"].sum() == pytest.approx(200, abs=1)
    by_customer = dict(found.group_by("customer").agg(pl.col("quantity").sum()).iter_rows())
    assert by_customer["Aldi"] == pytest.approx(63 * 20 / 22, abs=1)
    assert by_customer["Cheap"] == pytest.approx(157 * 20 / 22, abs=1)
    assert (found["quantity"] % 1 == 0).all()
    assert found["week"].unique().sort().to_list() == ["2026-W02", "2026-W03", "2026-W04", "2026-W05"]


def test_whole_months_of_the_demo_add_up_to_the_unit() -> None:
    snapshot = soe.read(ROOT / "data" / "demo", as_of="2026-11-16")
    months = committed_by_month(committed_by_week(snapshot))
    asked = snapshot["consensus"].filter(pl.col("measure") == "sales").drop("measure", "amount")
    both = asked.join(months, on=["fiscal_month", "family", "location"], suffix="_split")
    whole = both.filter(pl.col("fiscal_month").is_in(["2026-12", "2027-01"]))
    assert whole.height == 24
    assert (whole["quantity"] == whole["quantity_split"]).all()
    assert (both["quantity_split"] <= both["quantity"]).all()
    # November has 21 working days, 11 of them from the 16th on
    november = both.filter(pl.col("fiscal_month") == "2026-11")
    assert november["quantity_split"].sum() == pytest.approx(november["quantity"].sum() * 11 / 21, rel=0.01)


def test_an_unknown_family_is_refused(tmp_path: Path) -> None:
    rows = [{"fiscal_month": "2026-01", "family": "Flour", "measure": "sales", "quantity": 5}]
    snapshot = flour(tmp_path, 5, consensus=rows)
    lost = snapshot.replace(consensus=snapshot["consensus"].with_columns(family=pl.lit("Flower")))
    with pytest.raises(DataError, match="families that no item has: Flower"):
        committed_by_week(lost)
