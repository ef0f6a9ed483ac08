"""Orders in whole units: worked out by hand, against an independent search, and followed from the files day by day."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from scipy.optimize import Bounds, LinearConstraint, milp

import soe_lib as soe
from soe_lib.demo import generate
from soe_lib.errors import DataError
from soe_lib.extract.snapshot import Snapshot
from soe_lib.model.network import Network
from soe_lib.operations import orders, whole_units
from soe_lib.operations.whole_units import WholeUnits, in_whole_units
from soe_lib.store.plan import Plan
from soe_lib.workspace import shipped
from tests.networks import MONDAY, Rows, days, snapshot
from tests.unit.operations.test_release import TABLES

WHOLE = ("production_orders", "purchase_orders", "transfer_orders", "allocation", "allocation_forecast")
MOST = 0.001
"""What whole units may lose of the margin."""


def ten_days(**other: Rows) -> dict[str, Rows]:
    """The release's company over ten days: seven of them are firm."""
    calendar = [{"resource": "L1", "period": f"D{n:03d}", "hours": 8} for n in range(1, 11)]
    return {**TABLES, "periods": days(10), "calendar": calendar, **other}


def rounded(read: Snapshot) -> WholeUnits:
    return in_whole_units(soe.plan(read, record=None), read)


def split(found: WholeUnits, read: Snapshot) -> dict[str, pl.DataFrame]:
    return orders.released(found.plan, read, found.labels)


def is_whole(frame: pl.DataFrame) -> bool:
    return bool(((pl.Series(frame["quantity"]) - frame["quantity"].round()).abs() < 1e-9).all())


def test_whole_units_by_hand(tmp_path: Path) -> None:
    """46 P at yield 0.9 need 51.11 started: 52 whole ones, which take 52 R at 2 EUR. All 46 are sold as promised.

    The plan pays 2 × 51.11 = 102.22 for R, whole units 104: rounding costs 1.78.
    """
    read = snapshot(tmp_path / "x", **ten_days())
    found = rounded(read)
    tables = split(found, read)
    assert tables["production_orders"]["quantity"].sum() == 52.0
    assert tables["purchase_orders"]["quantity"].sum() == 52.0
    assert tables["allocation"].select("order", "quantity", "promised_on", "state").rows() == [
        ("O1", 10.0, date(2026, 1, 6), "late"),
        ("O2", 36.0, date(2026, 1, 7), "on time"),
    ]
    assert found.moved == pytest.approx(-(104 - 2 * 46 / 0.9), abs=0.01)
    assert found.broken.is_empty()


@pytest.mark.parametrize(("rounding", "started"), [(0.0, 46 / 0.9), (0.5, 51.5), (5.0, 60.0)])
def test_the_rounding_of_an_item_says_what_is_whole(tmp_path: Path, rounding: float, started: float) -> None:
    """In fives, 46 P leave as 50, which are 55.6 started: 60. R is weighed: it is bought as it is needed."""
    items = [{**TABLES["items"][0], "rounding": rounding}, {**TABLES["items"][1], "rounding": 0}]
    orders_of = [{**row, "quantity": quantity} for row, quantity in zip(TABLES["orders"], (10, 36), strict=True)]
    read = snapshot(tmp_path / "x", **ten_days(items=items, orders=orders_of))
    tables = split(rounded(read), read)
    assert tables["production_orders"]["quantity"].sum() == pytest.approx(started, abs=1e-5)
    assert tables["purchase_orders"]["quantity"].sum() == pytest.approx(started, abs=1e-5)


def test_an_order_for_part_of_a_unit_gets_it(tmp_path: Path) -> None:
    """Who ordered 10.5 is served 10.5, as decided; all else is whole."""
    asked = [{**TABLES["orders"][0], "quantity": 10.5}, TABLES["orders"][1]]
    read = snapshot(tmp_path / "x", **ten_days(orders=asked))
    tables = split(rounded(read), read)
    assert dict(tables["allocation"].select("order", "quantity").rows()) == {"O1": 10.5, "O2": 36.0}
    assert is_whole(tables["production_orders"])
    assert is_whole(tables["transfer_orders"])


def test_what_comes_in_lots_stays_in_lots(tmp_path: Path) -> None:
    """R comes in bags of 2.5: 21 of them are 52.5, and nobody rounds that to 53."""
    offers = [{**TABLES["offers"][0], "multiple": 2.5}]
    read = snapshot(tmp_path / "x", **ten_days(offers=offers))
    bought = split(rounded(read), read)["purchase_orders"]["quantity"].sum()
    assert bought % 2.5 == pytest.approx(0.0, abs=1e-6)
    assert bought >= 52.0


def test_a_lock_on_part_of_a_unit_is_kept_and_listed(tmp_path: Path) -> None:
    """Somebody locked 32.5 by hand: no whole number keeps that, so it stays and is named; all else is rounded."""
    lock = [{"override": "X", "what": "make item=P & period=D001", "quantity": 32.5, "locked_by": "Ada"}]
    read = snapshot(tmp_path / "x", **ten_days(overrides=lock))
    found = rounded(read)
    assert found.broken.select("flow", "period", "quantity").rows() == [("make", "D001", 32.5)]
    others = split(found, read)["production_orders"].filter(pl.col("period") != "D001")
    assert is_whole(others)
    assert is_whole(split(found, read)["transfer_orders"])


def test_what_is_whole_already_stays_as_it_is(tmp_path: Path) -> None:
    read = snapshot(tmp_path / "x", **ten_days())
    once = rounded(read)
    assert in_whole_units(once.plan, read).plan.identity == once.plan.identity


def test_a_plan_by_other_rules_is_refused(tmp_path: Path) -> None:
    read = snapshot(tmp_path / "x", **ten_days())
    more = read.replace(calendar=read["calendar"].head(1))
    with pytest.raises(DataError, match="other rules"):
        in_whole_units(soe.plan(read, record=None), more)


def test_rows_in_another_order_give_the_same_orders(tmp_path: Path) -> None:
    tables = ten_days()
    one = snapshot(tmp_path / "a", **tables)
    other = snapshot(tmp_path / "b", **{name: list(reversed(rows)) for name, rows in tables.items()})
    for left, right in zip(split(rounded(one), one).values(), split(rounded(other), other).values(), strict=True):
        assert left.equals(right)


@pytest.mark.parametrize("seed", range(4))
def test_nothing_earns_more_in_whole_units(tmp_path: Path, seed: int) -> None:
    """Against branch and bound over all whole numbers by SciPy: no better, and close."""
    draw = np.random.default_rng(seed)
    asked = [
        {"order": f"O{n}", "item": "P", "location": "Shop", "customer": "C", "price": float(draw.uniform(20, 60)),
         "due_on": MONDAY + timedelta(days=int(draw.integers(1, 7))), "quantity": int(draw.integers(5, 40))}
        for n in range(6)
    ]  # fmt: skip
    read = snapshot(tmp_path / "x", **ten_days(orders=asked))
    found = rounded(read)
    model = soe.Model(read)
    program = model.program
    units = whole_units._units(model, set(found.labels))
    best = milp(
        program.cost,
        integrality=~np.isnan(units),
        bounds=Bounds(program.lower, program.upper),
        constraints=LinearConstraint(program.matrix, program.row_lower, program.row_upper),
    )
    assert found.plan.objective <= -best.fun + 1e-6
    assert found.plan.objective == pytest.approx(-best.fun, rel=2e-3)


def test_the_fence_that_a_plan_was_made_with_is_found_in_it(tmp_path: Path) -> None:
    """The plan of record made 30.5 on the first frozen day: what breaks is counted from there, also when rounded."""
    said = 'as_of = "2026-01-05"\n[costs]\nper = "period"\n[fence]\nfrozen_days = 3\nbreak_price = 1.0\n'
    read = snapshot(tmp_path / "x", said.split("\n", 1)[1], **ten_days())
    free = soe.plan(read, record=None)
    made = free.flows["make"].with_columns(quantity=pl.when(pl.col("period") == "D001").then(30.5).otherwise(0.0))
    record = soe.Plan(**{**vars_of(free), "flows": {**free.flows, "make": made}})
    plan = soe.plan(read, record=record)
    found = in_whole_units(plan, read)
    assert {"break_more", "break_less"} <= set(found.plan.flows)
    make, more, less = (
        found.plan.flows[name].filter(pl.col("period") == "D001")["quantity"].sum()
        for name in ("make", "break_more", "break_less")
    )
    assert make - more + less == pytest.approx(30.5)
    assert make == round(make)


def vars_of(plan: Plan) -> dict[str, object]:
    return {name: getattr(plan, name) for name in plan.__dataclass_fields__}


def test_the_demo_is_released_in_whole_units() -> None:
    demo = soe.read(shipped() / "data" / "demo", "2026-11-16")
    found = rounded(demo)
    assert abs(found.share) <= MOST
    assert found.broken.is_empty()
    follow(found, demo)
    promises_hold(found, demo)


@pytest.mark.parametrize(("items", "seed"), [(6, 1), (12, 2)])
def test_generated_companies_lose_a_thousandth_at_most(tmp_path: Path, items: int, seed: int) -> None:
    """`python -m tests.benchmarks.whole_units` does ten of them."""
    (folder,) = generate(tmp_path, 1, items, seed)
    read = soe.read(folder)
    found = rounded(read)
    assert abs(found.share) <= MOST
    follow(found, read)
    promises_hold(found, read)


def promises_hold(found: WholeUnits, read: Snapshot) -> None:
    """Every order gets what the decided plan gives it, and in time what the plan serves in time, less part of a unit."""
    both = []
    for plan in (found.decided, found.plan):
        rows = orders.allocation(plan, read).filter(pl.col("order") != "")
        served = pl.col("quantity").filter(pl.col("state") != "not served").sum().alias("served")
        in_time = pl.col("quantity").filter(pl.col("state") == "on time").sum().alias("in_time")
        both.append(rows.group_by("order").agg(served, in_time).sort("order"))
    before, after = both
    assert before["order"].to_list() == after["order"].to_list()
    assert (after["served"] >= before["served"] - 1e-6).all()
    assert (after["in_time"] > before["in_time"] - 1.0).all()


def follow(found: WholeUnits, read: Snapshot) -> None:
    """Day by day from the released tables and the extract alone: whole, in hand before it is used, within the hours."""
    tables = split(found, read)
    for name in WHOLE:
        assert is_whole(tables[name]), name
    first, last = read.as_of, found.until
    stock: dict[tuple[str, str, date], float] = defaultdict(float)
    for item, place, count in read["inventory"].select("item", "location", "on_hand").iter_rows():
        stock[item, place, first] += count
    comes = found.plan.flows["receive"].join(read.periods.select("period", "starts_on"), on="period")
    for item, place, day, count in comes.select("item", "location", "starts_on", "quantity").iter_rows():
        stock[item, place, day] += count
    started = tables["production_orders"].group_by("routing", "starts_on", "ready_on", "item", "location", "step").agg(
        pl.col("quantity").sum(), pl.col("good_quantity").sum()
    ).unique(["routing", "starts_on"])  # fmt: skip
    for item, place, day, count in started.select("item", "location", "ready_on", "good_quantity").iter_rows():
        stock[item, place, day] += count
    needs = started.select("routing", "starts_on", "location", "quantity").join(
        read["components"].select("routing", "component", each="quantity"), on="routing"
    )
    for item, place, day, count, each in needs.select(
        "component", "location", "starts_on", "quantity", "each"
    ).iter_rows():
        stock[item, place, day] -= count * each
    for name, place, day, sign in (
        ("purchase_orders", "deliver_to", "arrives_on", 1.0), ("transfer_orders", "destination", "arrives_on", 1.0),
        ("transfer_orders", "origin", "ship_on", -1.0),
    ):  # fmt: skip
        for item, where, when, count in tables[name].select("item", place, day, "quantity").iter_rows():
            stock[item, where, when] += sign * count
    days_of = dict(read.periods.select("period", "starts_on").iter_rows())
    for name in ("allocation", "allocation_forecast"):
        for item, place, period, count in tables[name].select("item", "location", "period", "quantity").iter_rows():
            if period:
                stock[item, place, days_of[period]] -= count
    for node in {key[:2] for key in stock}:
        held, day = 0.0, first
        while day <= last:
            held += stock.get((*node, day), 0.0)
            assert held > -1e-4, (node, day, held)
            day += timedelta(days=1)
    within_hours(tables["production_orders"], found, read)


def within_hours(made: pl.DataFrame, found: WholeUnits, read: Snapshot) -> None:
    """Hours of the released runs are no more than the calendar's, less downtimes, and the overtime that is planned."""
    used = made.group_by(resource="line", period="period").agg(pl.col("hours").sum())
    over = found.plan.flows["overtime"].select("resource", "period", over="quantity")
    hours = Network(read).hours.select(pl.col("resource", "period").cast(pl.String), there="hours")
    both = used.join(hours, on=["resource", "period"]).join(over, on=["resource", "period"], how="left")
    late = both.filter(pl.col("hours") > pl.col("there") + pl.col("over").fill_null(0.0) + 1e-6)
    assert both.height
    assert late.is_empty(), late
