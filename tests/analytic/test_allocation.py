"""How scarce supply is shared out, by name: three customers, ten units, answers by hand."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import soe_lib as soe
from soe_lib.errors import DataError
from tests.networks import snapshot, weeks


def served(folder: Path, objective: str) -> dict[str, float]:
    """Ten units on hand; X (priority 2) asks 8 at 9, Y (priority 1) asks 6 at 5, Z (priority 3) asks 6 at 7."""
    plan = soe.plan(
        snapshot(
            folder,
            f'[costs]\nper = "period"\n[objective]\n{objective}\n',
            periods=weeks(1),
            inventory=[{"item": "A", "location": "P", "on_hand": 10}],
            customers=[{"customer": c, "priority": p} for c, p in (("X", 2), ("Y", 1), ("Z", 3))],
            forecast=[
                {"item": "A", "location": "P", "customer": c, "period": "W1", "quantity": q, "price": p}
                for c, q, p in (("X", 8, 9), ("Y", 6, 5), ("Z", 6, 7))
            ],
        )
    )
    rows = plan.flows["sell"].group_by("customer").agg(pl.col("quantity").sum())
    return dict(rows.iter_rows())


@pytest.mark.parametrize(
    ("objective", "answer"),
    [
        ('allocation = "margin"', {"X": 8, "Y": 0, "Z": 2}),
        ('allocation = "priority"', {"X": 4, "Y": 6, "Z": 0}),
        ('mode = "service"', {"X": 4, "Y": 6, "Z": 0}),
        ('allocation = "fair"', {"X": 4, "Y": 3, "Z": 3}),
        ('allocation = "proportional"', {"X": 4, "Y": 3, "Z": 3}),
    ],
)
def test_ten_units_among_three_customers(tmp_path: Path, objective: str, answer: dict[str, float]) -> None:
    assert served(tmp_path, objective) == pytest.approx(answer, abs=1e-4)


def test_fairness_goes_on_where_one_customer_is_stuck(tmp_path: Path) -> None:
    # P has 2 for X (asks 8), Q has 9 for Y (6) and Z (6): X gets its 2, Y and Z 4.5 each.
    plan = soe.plan(
        snapshot(
            tmp_path,
            '[costs]\nper = "period"\n[objective]\nallocation = "fair"\n',
            periods=weeks(1),
            inventory=[{"item": "A", "location": "P", "on_hand": 2}, {"item": "A", "location": "Q", "on_hand": 9}],
            customers=[{"customer": c} for c in "XYZ"],
            forecast=[
                {"item": "A", "location": at, "customer": c, "period": "W1", "quantity": q, "price": p}
                for c, at, q, p in (("X", "P", 8, 1), ("Y", "Q", 6, 5), ("Z", "Q", 6, 7))
            ],
        )
    )
    rows = dict(plan.flows["sell"].group_by("customer").agg(pl.col("quantity").sum()).iter_rows())
    assert rows == pytest.approx({"X": 2, "Y": 4.5, "Z": 4.5}, abs=1e-4)


def test_an_unknown_rule_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="proportional"):
        served(tmp_path, 'allocation = "proportionate"')


ALIKE = '[costs]\nper = "period"\n[objective]\nallocation = "proportional"\n'


def shared(
    folder: Path, lines: list[tuple[str, str, float, float, float]], stock: dict[str, float], **tables: Any
) -> dict[str, float]:
    """Served by customer under proportional cuts; lines: customer, place, quantity, price, committed, all due in W1."""
    forecast = [
        {"item": "A", "location": at, "customer": c, "period": "W1", "quantity": q, "price": p, "committed": promised}
        for c, at, q, p, promised in lines
    ]
    tables = {"periods": weeks(3), "customers": [{"customer": c} for c, *_ in lines], **tables}
    inventory = [{"item": "A", "location": at, "on_hand": have} for at, have in stock.items()]
    company = snapshot(folder, ALIKE, forecast=forecast, inventory=inventory, **tables)
    plan = soe.plan(company)
    assert not soe.conflict(company).found
    return served_by(plan)


def served_by(plan: soe.Plan) -> dict[str, float]:
    """Units served by customer, substitutes included."""
    parts = [plan.flows[name].select("customer", "quantity") for name in ("sell", "replace") if name in plan.flows]
    return dict(pl.concat(parts).group_by("customer").agg(pl.col("quantity").sum()).iter_rows())


def test_a_place_that_has_stock_does_not_wait_for_one_that_has_none(tmp_path: Path) -> None:
    # 30 of X's 90 at P, all of Y's 80 at Q: what lies at Q can serve nobody at P.
    lines = [("X", "P", 90, 9, 0), ("Y", "Q", 80, 5, 0)]
    assert shared(tmp_path, lines, {"P": 30, "Q": 95}) == pytest.approx({"X": 30, "Y": 80})


@pytest.mark.parametrize("turned", [False, True])
def test_a_promise_is_kept_first_and_the_rest_is_cut_alike(tmp_path: Path, turned: bool) -> None:
    # 60 for X's 50, of which 40 are promised, Y's 30 and Z's 20: 40 first; then 20 for open 10, 30 and 20, a third each.
    lines = [("X", "P", 50, 5, 40), ("Y", "P", 30, 9, 0), ("Z", "P", 20, 7, 0)]
    found = shared(tmp_path, lines[::-1] if turned else lines, {"P": 60})
    assert found == pytest.approx({"X": 40 + 10 / 3, "Y": 10, "Z": 20 / 3})


def test_promises_alone_may_use_up_all_there_is(tmp_path: Path) -> None:
    lines = [("X", "P", 50, 5, 40), ("Y", "P", 30, 9, 0)]
    assert shared(tmp_path, lines, {"P": 40}) == pytest.approx({"X": 40, "Y": 0})


@pytest.mark.parametrize(
    ("later", "answer"), [(25, {"X": 30, "Y": 20}), (8, {"X": 76 / 3, "Y": 38 / 3}), (0, {"X": 20, "Y": 10})]
)
def test_who_can_wait_shares_what_comes_in_time_and_gets_what_comes_later(
    tmp_path: Path, later: float, answer: dict[str, float]
) -> None:
    # 30 in W1 for X's 40, who cannot wait, and Y's 20, who can and pays more. Nothing later: half each. 8 in W2 are Y's,
    # and 38 of 60 served to both alike. Of 25 in W2 one cut would leave 10 idle, with Y's 15: Y gets 5 more.
    customers = [{"customer": "X"}, {"customer": "Y", "latest_days": 7}]
    comes = {"receipt": "R", "kind": "buy", "item": "A", "location": "P", "due_on": "2026-01-12", "quantity": later}
    lines = [("X", "P", 40, 5, 0), ("Y", "P", 20, 9, 0)]
    found = shared(tmp_path, lines, {"P": 30}, customers=customers, receipts=[comes])
    assert found == pytest.approx(answer)


def test_what_one_plant_has_is_shared_by_the_places_it_ships_to(tmp_path: Path) -> None:
    # 60 at M for X's 50 at P, who pays most, and Y's 100 at Q: 20 and 40, at no cost. Z's place R has its own 70: it
    # serves all of Z's 65, and the 5 that nobody else can have stay.
    lanes = [{"lane": f"M{to}", "origin": "M", "destination": to, "lead_time_days": 0} for to in "PQ"]
    lines = [("X", "P", 50, 9, 0), ("Y", "Q", 100, 5, 0), ("Z", "R", 65, 1, 0)]
    assert shared(tmp_path, lines, {"M": 60, "R": 70}, lanes=lanes) == pytest.approx({"X": 20, "Y": 40, "Z": 65})


def test_a_place_with_stock_of_its_own_serves_more_than_its_neighbours(tmp_path: Path) -> None:
    # 20 at M for both; P has 30 more, which cannot leave it. X's 40 at P and Y's 40 at Q: at best half each by one cut,
    # with M's 20 all for Q; then X gets the other 10 of P.
    lanes = [{"lane": f"M{to}", "origin": "M", "destination": to, "lead_time_days": 0} for to in "PQ"]
    lines = [("X", "P", 40, 5, 0), ("Y", "Q", 40, 9, 0)]
    assert shared(tmp_path, lines, {"M": 20, "P": 30}, lanes=lanes) == pytest.approx({"X": 30, "Y": 20})


def test_a_substitute_that_one_customer_accepts_is_not_kept_from_it(tmp_path: Path) -> None:
    # 30 of A for X's 40 and Y's 20; 50 of B, which only Y accepts, at 1: the more Y takes of it, the more of A has X.
    tables = {"items": [{"item": "A"}, {"item": "B"}], "locations": [{"location": "P", "kind": "plant"}]}
    substitutions = [{"item": "A", "substitute": "B", "customer": "Y", "cost": 1}]
    lines = [("X", "P", 40, 9, 0), ("Y", "P", 20, 5, 0)]
    forecast = [
        {"item": "A", "location": "P", "customer": c, "period": "W1", "quantity": q, "price": p}
        for c, _, q, p, _ in lines
    ]
    inventory = [{"item": item, "location": "P", "on_hand": have} for item, have in (("A", 30), ("B", 50))]
    company = snapshot(
        tmp_path, ALIKE, periods=weeks(1), forecast=forecast, inventory=inventory, substitutions=substitutions,
        customers=[{"customer": "X"}, {"customer": "Y"}], **tables,
    )  # fmt: skip
    plan = soe.plan(company)
    # X gets three quarters, Y its whole demand; one cut for both would leave Y with three quarters and B idle.
    assert served_by(plan) == pytest.approx({"X": 30, "Y": 20})
    assert plan.margin == pytest.approx(30 * 9 + 20 * (5 - 1))


@pytest.mark.parametrize("seed", range(6))
def test_nothing_lies_idle_while_customers_wait(tmp_path: Path, seed: int) -> None:
    """Random stocks and promises at three places that share nothing: every place serves min(stock, asked)."""
    chance = random.Random(seed)
    stock = {at: float(chance.randrange(20, 90)) for at in "PQR"}
    lines, open_part = [], {}
    for at, have in stock.items():
        owed = have
        for name in range(chance.randrange(1, 4)):
            quantity = float(chance.randrange(1, 60))
            promised = float(min(chance.choice([0, 0, 10]), quantity, owed))
            owed -= promised
            lines.append((f"{at}{name}", at, quantity, float(chance.randrange(1, 9)), promised))
    found = shared(tmp_path, lines, stock)
    for at, have in stock.items():
        mine = [line for line in lines if line[1] == at]
        promised, asked = sum(line[4] for line in mine), sum(line[2] for line in mine)
        open_part[at] = min(1.0, (have - promised) / (asked - promised)) if asked > promised else 1.0
        for name, _, quantity, _, held in mine:
            assert found[name] == pytest.approx(held + (quantity - held) * open_part[at])


def test_who_wants_more_life_left_does_not_hold_up_the_others(tmp_path: Path) -> None:
    # 30 that expire on Sunday; X wants ten days left and gets nothing, Y and Z share 30 for 40 and 20.
    stock = [{"item": "A", "location": "P", "lot": "L", "on_hand": 30, "expires_on": "2026-01-11"}]
    customers = [{"customer": "X", "remaining_life_days": 10}, {"customer": "Y"}, {"customer": "Z"}]
    forecast = [
        {"item": "A", "location": "P", "customer": c, "period": "W1", "quantity": q, "price": p}
        for c, q, p in (("X", 50, 9), ("Y", 40, 5), ("Z", 20, 7))
    ]
    tables = {"periods": weeks(2), "items": [{"item": "A", "standard_cost": 1}], "customers": customers}
    plan = soe.plan(snapshot(tmp_path, ALIKE, inventory=stock, forecast=forecast, **tables))
    assert served_by(plan) == pytest.approx({"X": 0, "Y": 20, "Z": 10})
