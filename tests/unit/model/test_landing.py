"""What a unit of each flow adds to the year's landing: with the plan's quantities it adds up to the plan's own landing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

import soe_lib as soe
from soe_lib.demo import generate
from soe_lib.extract.snapshot import Snapshot
from soe_lib.model.landing import Landing, nothing
from soe_lib.money.targets import AT_MOST, MEASURES, year_of, year_targets

TERMS = "[terms]\nreceivable_days = 45\npayable_days = 30\n"


def aimed(snapshot: Snapshot) -> Snapshot:
    """The company with a target for every measure."""
    year = year_of(snapshot)
    rows = [{"year": year, "measure": one, "amount": 0.05 if one == "growth" else 1e6} for one in MEASURES]
    rows.append({"year": str(int(year) - 1), "measure": "revenue", "amount": 1e6, "booked": 9e5})
    known = pl.lit(snapshot.as_of).dt.offset_by("-1d")
    nought = pl.col("booked").fill_null(0.0)
    frame = pl.DataFrame(rows, infer_schema_length=None).with_columns(nought, booked_to=known, price=1.0)
    return snapshot.replace(targets=frame.with_columns(steer=pl.lit("")))


def adds_up(snapshot: Snapshot) -> None:
    model = soe.Model(snapshot)
    idle, plan = nothing(model), soe.plan(snapshot, record=None)
    year = year_of(snapshot)
    base, told = (year_targets(snapshot, one).table() for one in (idle, plan))
    landing = Landing(model, idle, year)
    for measure in MEASURES:
        added = 0.0
        for flow, per_unit in landing.of(measure).items():
            keys = model.flows[flow].keys
            cells = model.flows[flow].named.select(keys).with_columns(per_unit=pl.Series(per_unit))
            both = cells.join(plan.flows[flow].select(*keys, "quantity"), on=keys, how="left", maintain_order="left")
            added += float(np.dot(both["per_unit"].to_numpy(), both["quantity"].to_numpy()))
        before, after = (frame.filter(measure=measure)["landing"][0] for frame in (base, told))
        # Cash and what is owed are rounded to the cent day by day.
        assert before + added == pytest.approx(after, abs=0.5, rel=1e-9), measure


@pytest.mark.parametrize("day", ["2026-11-09", "2026-11-16"])
def test_the_landing_of_the_demo_adds_up(day: str) -> None:
    adds_up(aimed(soe.read("data/demo", day)))


@pytest.mark.parametrize("seed", [3, 8])
def test_the_landing_of_a_generated_company_adds_up(tmp_path: Path, seed: int) -> None:
    generate(tmp_path, 1, 5, seed, plants=1, lines=2, warehouses=2)
    adds_up(aimed(soe.read(tmp_path)))


def test_what_a_floor_asks_for_is_where_the_year_lands(tmp_path: Path) -> None:
    """Each target a hair better than where the plan lands by itself: it lands there, within the cents of daily rounding."""
    generate(tmp_path, 1, 5, 3, plants=1, lines=2, warehouses=2)
    shown = aimed(soe.Scenario("tight").scale("calendar.hours", 0.5).apply(soe.read(tmp_path)))
    free = soe.plan(shown, record=None)
    year = year_of(shown)
    lands = year_targets(shown, free).table().filter(pl.col("measure") != "growth")
    for measure, landing in lands.select("measure", "landing").iter_rows():
        asked = landing + (-200.0 if measure in AT_MOST else 200.0)
        mine = (pl.col("measure") == measure) & (pl.col("year") == year)
        own = shown["targets"].with_columns(
            amount=pl.when(mine).then(asked).otherwise("amount"),
            steer=pl.when(mine).then(pl.lit("floor")).otherwise("steer"),
        )
        held = shown.replace(targets=own)
        plan = soe.plan(held, record=None)
        found = year_targets(held, plan).table().filter(measure=measure)["landing"].item()
        assert found == pytest.approx(asked, abs=0.5), measure
        assert plan.objective <= free.objective + 1e-6, measure
