"""Weeks in a row behind a frozen fence: none without a plan, and nothing moves in it that is not listed."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

import soe_lib as soe
from soe_lib.errors import DataError
from soe_lib.model.record import plan_of_record
from tests.faults import fence


def test_three_weeks_behind_a_fence_with_events(tmp_path: Path) -> None:
    """`python -m tests.faults.fence` runs 52."""
    year = fence.run(tmp_path, 3, items=4)
    assert year.failures == []
    assert year.weeks == 3
    assert year.events >= 3
    assert "0 failures" in year.text()


def test_the_count_notices_a_move_that_nobody_listed(tmp_path: Path) -> None:
    """A plan that makes 5 units more on a frozen day than it says: the count finds 5."""
    (folder,) = fence.generate(tmp_path, 1, 4, 7)
    read = soe.read(folder)
    plan = soe.plan(read, record=None)
    first = plan.periods["period"][0]
    routing = plan.flows["make"]["routing"][0]
    here = (pl.col("period") == first) & (pl.col("routing") == routing)
    made = plan.flows["make"].with_columns(pl.col("quantity") + pl.when(here).then(5.0).otherwise(0.0))
    moved = soe.Plan(**{**{name: getattr(plan, name) for name in plan.__dataclass_fields__},
                        "flows": {**plan.flows, "make": made}})  # fmt: skip
    assert fence.day_by_day(read, moved, plan) == pytest.approx(5.0)
    assert fence.day_by_day(read, plan, plan) == 0.0


def test_the_plan_of_record_is_what_was_released(tmp_path: Path) -> None:
    """Operations have whole units, so the next fence keeps to those; a copy that was changed is refused."""
    before, after = fence.generate(tmp_path / "company", 2, 4, 7)
    read, out = soe.read(before), tmp_path / "out"
    plan = soe.plan(read, record=None)
    soe.store.append(out / "plans", plan)
    following = soe.read(after)
    assert plan_of_record(following, out / "plans").identity == plan.identity
    soe.approve(out / "plans", read.as_of, by="Ada", reason="as discussed")
    made = soe.release(out, read.as_of, snapshot=read)
    record = plan_of_record(following, out / "plans")
    firm = record.flows["make"].join(record.periods.filter(pl.col("ends_on") <= made.until), on="period", how="semi")
    assert ((firm["quantity"] - firm["quantity"].round()).abs() < 1e-9).all()
    assert record.identity != plan.identity
    path = made.folder / "plan" / "flows" / "make.parquet"
    pl.read_parquet(path).with_columns(quantity=pl.col("quantity") + 1.0).write_parquet(path)
    with pytest.raises(DataError, match="no longer the plan that was released"):
        plan_of_record(following, out / "plans")
