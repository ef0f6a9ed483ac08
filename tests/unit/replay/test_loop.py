"""The closed loop in generated worlds: what the plan must earn, what must close, what nobody may know."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from soe_lib.errors import ReconciliationError
from soe_lib.extract.snapshot import Snapshot
from soe_lib.model.planning import Model
from soe_lib.replay.audit import Audit
from soe_lib.replay.carry import Floor, State
from soe_lib.replay.known import Memory
from soe_lib.replay.loop import live, valued
from soe_lib.replay.planners import BaseStock, Optimiser
from soe_lib.replay.truth import Truth
from tests.benchmarks.worlds import World, draw, typed

CERTAIN = World(seed=3, noise=0.0, bias=0.0, stops=False, late=False, load=0.93, weeks=6)
ROUGH = World(seed=5, noise=0.4, bias=0.2, stops=True, late=True, load=0.93, weeks=8)


@pytest.fixture(scope="module")
def certain() -> Truth:
    return draw(CERTAIN)


@pytest.fixture(scope="module")
def rough() -> Truth:
    return draw(ROUGH)


def rule(truth: Truth) -> BaseStock:
    return BaseStock(typed(truth, 1.65))


def sent(truth: Truth, state: State, week: int) -> pl.DataFrame:
    """item, sent: what left the plant in a week."""
    columns, own = Floor(truth).columns("ship", week), truth.physics
    cells = own.cells["ship"][columns - own.of_flow("ship").start].select(pl.col("item").cast(pl.String))
    return cells.with_columns(sent=pl.Series(state.x[columns]))


def test_with_a_perfect_forecast_and_no_event_the_plan_earns_all_but_the_end_of_the_horizon(certain: Truth) -> None:
    assert 0.995 <= live(certain, Optimiser(cushion="never")).share <= 1.0 + 1e-9


def test_who_does_nothing_earns_less(certain: Truth) -> None:
    assert live(certain, lambda _: {}).share < 0.7


def test_nobody_earns_more_than_hindsight(rough: Truth) -> None:
    assert live(rough, rule(rough)).share < 1.0


def test_hindsight_holds_no_cushion_whatever_settings_say(rough: Truth) -> None:
    """A company's own extracts bring a record, and with it a cushion that hindsight would pay for."""
    rules = rough.real.settings
    always = replace(rules, cushion=replace(rules.cushion, use="always", error=0.6))
    held = replace(rough, real=replace(rough.real, settings=always), promised=replace(rough.promised, settings=always))
    assert "cushion" in Model(held.real).constraints
    worth = [float(one.physics.model.program.money @ one.hindsight) for one in (rough, held)]
    assert worth[1] == pytest.approx(worth[0], rel=1e-9)
    assert "cushion" not in {*held.physics.model.constraints, *held.nominal.model.constraints}


def test_stock_of_every_place_and_week_is_opening_and_in_less_out(rough: Truth) -> None:
    """By the tables of the extracts and not by the program: made, sent, sold and what each Monday finds in stock."""
    seen: list[Snapshot] = []
    planner = rule(rough)

    def watching(snapshot: Snapshot) -> Mapping[str, pl.DataFrame]:
        seen.append(snapshot)
        return planner(snapshot)

    state = live(rough, watching).state
    actuals = Memory(Floor(rough)).snapshot(state, rough.weeks - 1)["actuals"]
    first = rough.real["receipts"].filter(pl.col("kind") == "ship").select("item", came="quantity")
    goods = rough.real["routings"].select("item")
    for week in range(rough.weeks - 1):
        monday = rough.monday(week)
        happened = actuals.filter(pl.col("date").is_between(monday, monday + timedelta(days=6)))
        parts = [
            happened.filter(pl.col("measure") == "make").select("item", made="quantity"),
            happened.filter(pl.col("measure") == "sales").group_by("item").agg(sold=pl.col("quantity").sum()),
            sent(rough, state, week),
            sent(rough, state, week - 1).rename({"sent": "came"}) if week else first,
        ]
        for at in (0, 1):
            stock = seen[week + at]["inventory"]
            for place in ("DC", "PLANT"):
                parts.append(
                    stock.filter(pl.col("location") == place).select("item", pl.col("on_hand").alias(f"{place} {at}"))
                )
        table = goods
        for part in parts:
            table = table.join(part, on="item", how="left")
        table = table.fill_null(0.0)
        depot = table["DC 0"] + table["came"] - table["sold"] - table["DC 1"]
        plant = table["PLANT 0"] + table["made"] - table["sent"] - table["PLANT 1"]
        assert np.abs(depot.to_numpy()).max() < 1e-6
        assert np.abs(plant.to_numpy()).max() < 1e-6
        assert table["sold"].sum() > 0


def test_what_was_carried_out_is_a_plan_of_the_truth_and_its_money_is_the_ledgers(rough: Truth) -> None:
    done = live(rough, rule(rough))
    program = rough.physics.model.program
    residual = program.matrix @ done.quantities - program.rhs
    assert np.abs(residual[: program.equalities]).max() < 1e-6
    assert residual[program.equalities :].max() < 1e-6
    assert valued(rough, done.quantities).total == pytest.approx(done.money, abs=0.01)


def test_the_last_digits_of_what_was_carried_out_leave_no_closing_weeks_without_a_plan(rough: Truth) -> None:
    """Sold beyond what was asked for by 3e-9 a line: exactly that no plan can have."""
    done = live(rough, rule(rough))
    place, x = rough.physics.of_flow("sell"), done.state.x.copy()
    x[place] += 3e-9 * (x[place] > 0)
    money = rough.physics.model.program.money
    assert money @ rough.physics.best(x, rough.weeks) == pytest.approx(done.money, abs=0.01)


def test_a_week_that_does_not_close_stops(rough: Truth, monkeypatch: pytest.MonkeyPatch) -> None:
    floor, sold = Floor(rough), Floor._sold

    def stealing(self: Floor, state: State, week: int) -> tuple[np.ndarray, State]:
        x, after = sold(self, state, week)
        after.net[0, week] -= 1.0
        return x, after

    monkeypatch.setattr(Floor, "_sold", stealing)
    with pytest.raises(ReconciliationError, match="do not add up"):
        floor.week(floor.opening(), {}, 0)


def test_a_program_that_uses_more_than_the_recipe_says_stops(rough: Truth) -> None:
    """The program closes by itself; the recipes of the extract say otherwise."""
    floor = Floor(replace(rough))
    stock, made = floor.physics.stock, floor.physics.of_flow("make")
    uses = np.zeros(stock.nnz, bool)
    uses[stock.indptr[made.start] : stock.indptr[made.stop]] = True
    stock.data[uses & (stock.data < 0)] *= 1.1
    decided = rule(rough)(Memory(Floor(rough)).snapshot(Floor(rough).opening(), 0))
    with pytest.raises(ReconciliationError, match=r"is off by .* units over all places, by recipes"):
        floor.week(floor.opening(), decided, 0)


@pytest.mark.parametrize(
    ("table", "column", "what"),
    [("items", "price", "revenue"), ("offers", "unit_cost", "purchases"), ("routings", "cost_per_unit", "conversion"),
     ("resources", "hourly_cost", "conversion")],
)  # fmt: skip
def test_money_of_a_week_that_the_tables_do_not_tell_stops(rough: Truth, table: str, column: str, what: str) -> None:
    floor = Floor(rough)
    decided = rule(rough)(Memory(floor).snapshot(floor.opening(), 0))
    bought = rough.physics.cells["buy"].select(pl.col("offer", "period").cast(pl.String), quantity=pl.lit(100.0))
    decided = {**decided, "buy": bought.filter(pl.col("period") == rough.physics.labels[0])}
    dearer = rough.real.replace(**{table: rough.real[table].with_columns(pl.col(column) * 1.001)})
    floor.week(floor.opening(), decided, 0)
    floor.audit = Audit(replace(rough, real=dearer))
    floor.audit.truth.__dict__["physics"] = rough.physics
    with pytest.raises(ReconciliationError, match=rf"{what} are .* by the tables, and .* by the accounts"):
        floor.week(floor.opening(), decided, 0)


def test_more_hours_than_there_are_are_never_worked(rough: Truth) -> None:
    floor, label = Floor(rough), rough.physics.labels[0]
    everything = rough.physics.cells["make"].select(pl.col("routing", "period").cast(pl.String), quantity=pl.lit(1e6))
    after = floor.week(floor.opening(), {"make": everything.filter(pl.col("period") == label)}, 0)
    columns, own = floor.columns("make", 0), rough.physics
    made = own.cells["make"][columns - own.of_flow("make").start].select(way=pl.col("routing").cast(pl.String))
    made = made.with_columns(started=pl.Series(after.x[columns]))
    work = rough.real["operations"].join(made, left_on="routing", right_on="way")
    used = work.group_by("resource").agg(used=(pl.col("started") * pl.col("hours_per_unit")).sum())
    there = rough.real["calendar"].filter(pl.col("period") == label)
    both = used.join(there, on="resource")
    assert both.filter(pl.col("used") > pl.col("hours") + 1e-6).is_empty()
    assert both["used"].sum() > 0


def test_late_deliveries_are_written_down_with_the_day_they_were_promised_for(rough: Truth) -> None:
    state = live(rough, rule(rough)).state
    written = Memory(Floor(rough)).snapshot(state, rough.weeks - 1)["deliveries"]
    own = written.filter(pl.col("ordered_on") >= rough.start, pl.col("offer") != "")
    lead = rough.real["offers"].select("offer", "valid_from", "lead_time_days")
    both = own.join(lead, left_on=["offer", "ordered_on"], right_on=["offer", "valid_from"])
    took = (pl.col("arrived_on") - pl.col("ordered_on")).dt.total_days()
    assert both.height == own.height > 0
    assert both.filter(took != pl.col("lead_time_days")).is_empty()


def test_rows_in_any_order_give_the_same_replay(rough: Truth) -> None:
    turned = replace(
        rough,
        published=rough.published.reverse(),
        past={name: frame.reverse() for name, frame in rough.past.items()},
        events=rough.events.reverse(),
    )
    planner = rule(rough)
    assert np.abs(live(turned, planner).state.x - live(rough, planner).state.x).max() < 1e-6


def test_a_killed_replay_goes_on_where_it_was_and_ends_the_same(rough: Truth, tmp_path: Path) -> None:
    file, planner = tmp_path / "kept.npz", rule(rough)
    asked = []

    def killed(snapshot: Snapshot) -> Mapping[str, pl.DataFrame]:
        asked.append(snapshot.as_of)
        if len(asked) == 5:
            raise KeyboardInterrupt
        return planner(snapshot)

    with pytest.raises(KeyboardInterrupt):
        live(rough, killed, kept=file)
    again = live(rough, killed, kept=file)
    assert asked == [rough.monday(week) for week in (0, 1, 2, 3, 4, 4, 5, 6, 7)]
    whole = live(rough, planner)
    # The last bits of the rule's sums may differ from run to run.
    np.testing.assert_allclose(again.state.x, whole.state.x, atol=1e-6)
    np.testing.assert_allclose(again.churn, whole.churn, atol=1e-6)


def test_a_half_written_file_is_no_start(rough: Truth, tmp_path: Path) -> None:
    file = tmp_path / "kept.npz"
    file.write_bytes(b"PK half")
    assert live(rough, lambda _: {}, kept=file).state.x.shape == rough.physics.period.shape
