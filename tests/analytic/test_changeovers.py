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
