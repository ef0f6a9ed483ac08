"""Change-overs by family: three products by hand, and random lines against a program that chooses among all trails."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import soe_lib as soe
from tests import networks
from tests.changeovers import Lines, best

ABC = {"A": "a", "B": "b", "C": "c"}
ROUND = {(f, g): (1.0 if f + g in ("ab", "bc", "ca") else 5.0, 0.0) for f, g in permutations("abc", 2)}
THREE = Lines(demand={item: [10, 10, 10] for item in "ABC"}, family=ABC, hours={"L": 40.0}, change=ROUND)


def changes(plan: soe.Plan) -> list[tuple[str, str, str]]:
    """(period, from, to) of every change."""
    made = plan.flows["change_over"].filter(pl.col("quantity") > 0.5)
    return sorted(made.select("period", "from_family", "to_family").rows())


def test_three_products_go_round_the_short_way_and_a_campaign_spans_the_weeks(tmp_path: Path) -> None:
    """a b c | c a b | b c: the first family is free, five changes of an hour follow. A of week 3 is made early.

    Week 2 has 40 hours: 30 of work, 2 of change, 8 for A of week 3; its other 2 units are made in week 1. They are
    held: 2 at the end of week 1, 10 of week 2, at 0.1. 90 units earn 20 − 1 − 10 each: 810 − 50 − 1.20.
    """
    plan = soe.plan(THREE.snapshot(tmp_path))
    assert plan.ledger.accounts()["changeover"] == pytest.approx(-50.0)
    assert plan.margin == pytest.approx(758.8)
    assert plan.margin == pytest.approx(best(THREE), abs=0.005)
    arcs = [(f, t) for _, f, t in changes(plan) if f]
    assert set(arcs) <= {("a", "b"), ("b", "c"), ("c", "a")}


def test_the_way_round_is_dear_the_other_way(tmp_path: Path) -> None:
    """One week, set up for c: a and b are due. c a b takes 2 hours, c b a ten."""
    world = replace(THREE, demand={"A": [10], "B": [10], "C": [0]}, begin={"L": "c"})
    plan = soe.plan(world.snapshot(tmp_path))
    assert changes(plan) == [("W1", "a", "b"), ("W1", "c", "a")]
    assert plan.margin == pytest.approx(20 * (20 - 11) - 20)
    # with 21 hours, one unit is given up for the second hour of change
    tight = soe.plan(replace(world, hours={"L": 21.0}).snapshot(tmp_path / "tight"))
    assert tight.margin == pytest.approx(19 * 9 - 20)


def test_no_circle_of_changes_stands_apart_from_the_line_s_sequence(tmp_path: Path) -> None:
    """Set up for a; between b and c a change is free, from a to either takes 30 of 40 hours."""
    apart = {(f, g): (0.0 if "a" not in (f, g) else 30.0, 0.0) for f, g in permutations("abc", 2)}
    world = replace(THREE, demand={"A": [0], "B": [20], "C": [20]}, change=apart, begin={"L": "a"})
    plan = soe.plan(world.snapshot(tmp_path))
    # one change of 30 h costs 300 and leaves 10 h: 10 × 9 less than it costs, so nothing is made
    assert plan.margin == pytest.approx(0.0)
    gate = soe.plan(replace(world, change={k: (h / 10, 0.0) for k, (h, _) in apart.items()}).snapshot(tmp_path / "3"))
    assert gate.margin == pytest.approx(37 * 9 - 30)


def test_a_line_that_is_set_up_for_nothing_pays_the_first_set_up_where_a_row_says_so(tmp_path: Path) -> None:
    world = replace(THREE, demand={"A": [10], "B": [0], "C": [0]})
    free = soe.plan(world.snapshot(tmp_path / "free"))
    first = {("", family): (2.0, 7.0) for family in "abc"}
    paid = soe.plan(replace(world, change=ROUND | first).snapshot(tmp_path / "paid"))
    assert free.margin - paid.margin == pytest.approx(2 * 10 + 7)
    told = soe.plan(replace(world, change=ROUND | first, begin={"L": "a"}).snapshot(tmp_path / "told"))
    assert told.margin == pytest.approx(free.margin)


def test_a_line_s_own_row_goes_before_the_row_of_every_line(tmp_path: Path) -> None:
    world = replace(THREE, demand={"A": [0], "B": [10], "C": [0]}, begin={"L": "a"})
    plan = soe.plan(replace(world, own={"L": {("a", "b"): (3.0, 0.0)}}).snapshot(tmp_path))
    assert plan.ledger.accounts()["changeover"] == pytest.approx(-30.0)


def test_a_routing_s_own_set_up_carries_over_only_with_its_family(tmp_path: Path) -> None:
    """Set up for a; A is set up within its family for 2 hours, a change takes one. A and B are due in both weeks.

    B, A | A, B: three changes and one set-up, 5 hours. A, B | B, A: two changes, but A is set up twice: 6 hours.
    """
    world = Lines(
        demand={"A": [10, 10], "B": [10, 10]}, family={"A": "a", "B": "b"}, hours={"L": 40.0}, holding=20.0,
        change={("a", "b"): (1.0, 0.0), ("b", "a"): (1.0, 0.0)}, begin={"L": "a"},
    )  # fmt: skip
    tables = world.tables()
    tables["operations"] = [row | {"setup_hours": 2.0 * row["routing"].startswith("A")} for row in tables["operations"]]
    settings = '[costs]\nper = "period"\n[setups]\ncarry_over = true\n'
    plan = soe.plan(networks.snapshot(tmp_path, settings, **tables))
    assert plan.ledger.accounts()["changeover"] == pytest.approx(-50.0)
    assert changes(plan) == [("W1", "a", "b"), ("W1", "b", "a"), ("W2", "a", "b")]


def test_alternatives_of_a_step_are_gated_line_by_line(tmp_path: Path) -> None:
    """One routing whose step either line may do is worth the same as a routing for each line."""
    world = replace(drawn(3), own={})
    tables = world.tables()
    tables["routings"] = [{"routing": i, "item": i, "location": "W", "cost_per_unit": 1} for i in world.demand]
    tables["operations"] = [
        {"routing": i, "step": "1", "resource": line, "hours_per_unit": 1} for i in world.demand for line in world.hours
    ]
    plan = soe.plan(networks.snapshot(tmp_path, **tables))
    assert "family_most_on" in plan.prices
    assert plan.margin == pytest.approx(best(world), abs=0.005)


def test_the_order_of_rows_changes_nothing(tmp_path: Path) -> None:
    tables = drawn(4).tables()
    plan = soe.plan(networks.snapshot(tmp_path / "a", **tables))
    turned = {name: rows if name == "periods" else rows[::-1] for name, rows in tables.items()}
    assert soe.plan(networks.snapshot(tmp_path / "b", **turned)).identity == plan.identity


def test_a_table_without_rows_or_cost_brings_nothing(tmp_path: Path) -> None:
    tables = THREE.tables()
    bare = soe.Model(
        networks.snapshot(tmp_path / "bare", **{name: rows for name, rows in tables.items() if name != "changeovers"})
    )
    free = [{**row, "hours": 0.0} for row in tables["changeovers"]]
    nothing = soe.Model(networks.snapshot(tmp_path / "free", **{**tables, "changeovers": free}))
    assert nothing.formulation().splitlines()[1:] == bare.formulation().splitlines()[1:]
    assert "change_over" not in bare.flows


def test_a_living_plan_answers_a_change_of_the_matrix(tmp_path: Path) -> None:
    snapshot = THREE.snapshot(tmp_path)
    alive = soe.Living(snapshot)
    dearer = soe.Scenario("slower").set("changeovers.hours", 3.0, from_family="a", to_family="b")
    again = dearer.apply(snapshot)
    assert alive.plan(again).margin == pytest.approx(soe.plan(again).margin, abs=0.005)


def test_what_a_week_before_ended_with_opens_the_next(tmp_path: Path) -> None:
    """Two weeks planned at once are worth what they are worth one after the other, with the state handed over."""
    world = replace(THREE, demand={"A": [10, 0], "B": [0, 10], "C": [0, 0]}, begin={"L": "c"}, hours={"L": 12.0})
    both = soe.plan(world.snapshot(tmp_path / "both"))
    first = soe.plan(replace(world, demand={i: q[:1] for i, q in world.demand.items()}).snapshot(tmp_path / "1"))
    ended = first.flows["end_in"].filter(pl.col("quantity") > 0.5)["setup_family"].item()
    later = replace(world, demand={i: q[1:] for i, q in world.demand.items()}, begin={"L": ended})
    second = soe.plan(later.snapshot(tmp_path / "2"))
    assert both.margin == pytest.approx(first.margin + second.margin)
    assert ended == "a"


def test_a_change_is_traced_to_its_row_of_the_matrix(tmp_path: Path) -> None:
    snapshot = THREE.snapshot(tmp_path)
    told = str(soe.trace(soe.plan(snapshot), snapshot, account="changeover"))
    assert "account changeover: -50.00" in told
    row = next(n for n, pair in enumerate(ROUND, start=2) if pair == ("a", "b"))
    assert f"changeovers.csv line {row} hours 1.0" in told


def test_first_decisions_of_one_scenario_can_be_carried_out_in_another(tmp_path: Path) -> None:
    """What is made for the demand as it is may be more than a low one can use: ceilings are those of either."""
    low = soe.Scenario("low").scale("forecast.quantity", 0.5)
    hedged = soe.hedge(drawn(4).snapshot(tmp_path), [(0.5, low), (0.5, "base")], commit="W1")
    assert "cannot be carried out" not in str(hedged)
    assert hedged.vss >= -0.005
    assert {"make", "change_over", "run_family"} <= set(hedged.decisions)


def drawn(seed: int) -> Lines:
    """A world from a seed: one line with four items, or two with three; half of them without the triangle's law."""
    draw = np.random.default_rng(seed)
    lines, weeks = (1, 4) if seed % 3 else (2, 3)
    items = ["A", "B", "C", "D"] if lines == 1 else ["A", "B", "C"]
    family = {item: "abc"[min(n, 2)] for n, item in enumerate(items)}
    begin = ["", "a", "b", "c"]
    pairs = [("", g) for g in "abc"] + list(permutations("abc", 2))
    demand = {item: draw.integers(0, 16, weeks).tolist() for item in items}
    load = sum(map(sum, demand.values())) / weeks / lines
    return Lines(
        demand=demand, family=family, hours={f"L{n}": float(round(load * 1.1 + 2)) for n in range(lines)},
        change={pair: (float(draw.integers(0, 6)), float(draw.integers(0, 30))) for pair in pairs},
        begin={f"L{n}": begin[int(draw.integers(4))] for n in range(lines)},
        own={"L0": {("a", "b"): (0.5, 1.0)}} if seed % 2 else {},
        holding=float(draw.integers(1, 8)) / 10,
    )  # fmt: skip


@pytest.mark.parametrize("seed", range(24))
def test_no_choice_of_trails_earns_more(tmp_path: Path, seed: int) -> None:
    world = drawn(seed)
    plan = soe.plan(world.snapshot(tmp_path))
    assert plan.solution["status"] == "optimal"
    assert plan.margin == pytest.approx(best(world), abs=0.005)
