"""What a week of waiting with an S&OP commitment costs: the mill that sells 32 at a profit and can make 44.

A unit costs 6 in regular hours, of which two a week are free beside Aldi's eight; in W2 four more by overtime, at 9.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from scipy.optimize import linprog

import soe_lib as soe
from soe_lib.extract.settings import Escalation
from soe_lib.review import frames, tables
from soe_lib.whatif.commitments import commitment_prices
from tests.analytic.test_commitments import WEEKS, flour, priced
from tests.networks import weeks
from tests.unit.workbench.companies import mill


@pytest.mark.parametrize(
    ("committed", "waiting", "lost"),
    [
        # 8 more at a loss of 1 each. Without the two of W1 they are 6, and 2 by overtime at a loss of 4: 14 − 8.
        (40, 6.0, 0.0),
        # Now 8 × 1 + 2 × 4 = 16; later 6 × 1 + 4 × 4 = 22.
        (42, 6.0, 0.0),
        # Two of them are out of reach a week later.
        (44, 6.0, 2.0),
        # Two less are sold: of a later week, whether it is decided now or in a week.
        (30, 0.0, 0.0),
        # Eight are sold by then.
        (6, 0.0, 2.0),
    ],
)
def test_waiting_costs_what_the_first_week_takes_away(
    tmp_path: Path, committed: float, waiting: float, lost: float
) -> None:
    snapshot = flour(tmp_path, committed)
    found = priced(snapshot)
    lines = snapshot["forecast"]
    cost = float(snapshot["items"].row(0, named=True)["standard_cost"] or 0.0)
    unit = float((lines["quantity"] * (lines["price"] - cost)).sum()) / float(lines["quantity"].sum())
    assert found["lost"] == pytest.approx(lost, abs=1e-4)
    assert found["waiting"] == pytest.approx(waiting + lost * max(unit, 0.0), abs=1e-3)


def test_what_is_hit_has_nothing_to_wait_for(tmp_path: Path) -> None:
    assert priced(flour(tmp_path, 32))["waiting"] is None


def matter(folder: Path, committed: float, *, planned_again: bool = True, **settings: Any) -> dict[str, Any]:
    found = flour(folder, committed)
    prices = commitment_prices(found).rows if planned_again else None
    told = replace(found, settings=replace(found.settings, **settings))
    plan = soe.plan(found)
    return frames.matters(told, plan, frames.month_outlook(told, plan), prices).row(0, named=True)


def test_waiting_against_deciding_says_whose_matter_it_is(tmp_path: Path) -> None:
    """32 of 40: off by a fifth, and a week of waiting costs 6. Deciding at 3 is S&OP's from a tenth on."""
    dear = matter(tmp_path / "dear", 40, escalation=Escalation(decision_cost=10.0))
    assert (dear["holds"], dear["handed"]) == ("costs", False)
    assert dear["band"] == pytest.approx(0.2 * 10 / 6)
    cheap = matter(tmp_path / "cheap", 40, escalation=Escalation(decision_cost=3.0))
    assert (cheap["holds"], cheap["handed"], cheap["deciding"]) == ("costs", True, 3.0)
    assert cheap["band"] == pytest.approx(0.1)


def test_without_a_stated_cost_a_decision_costs_what_is_worth_one(tmp_path: Path) -> None:
    """A ten-thousandth of a revenue of 384 is less than half a euro, the least that anything is worth."""
    assert matter(tmp_path, 40)["deciding"] == 0.5


@pytest.mark.parametrize("name", ["Flour", "default"])
def test_a_typed_band_wins(tmp_path: Path, name: str) -> None:
    for band, handed in ((0.25, False), (0.1, True)):
        found = matter(tmp_path / str(band), 40, tolerance={name: band}, escalation=Escalation(decision_cost=1e6))
        assert (found["holds"], found["handed"], found["band"]) == ("typed", handed, pytest.approx(band))
        assert found["waiting"] == pytest.approx(6.0)


def test_where_nobody_planned_again_the_usual_band_holds(tmp_path: Path) -> None:
    found = matter(tmp_path, 40, planned_again=False)
    assert (found["holds"], found["handed"], found["waiting"], found["band"]) == (
        "usual", True, None, pytest.approx(0.05),
    )  # fmt: skip


def test_running_over_costs_nothing_to_wait_for_and_stays_here(tmp_path: Path) -> None:
    found = matter(tmp_path, 30)
    assert (found["holds"], found["handed"], found["band"]) == ("costs", False, None)


def test_the_exception_is_handed_up_or_not_and_says_why(tmp_path: Path) -> None:
    snapshot = flour(tmp_path / "a", 40)
    (issue,) = [one for one in soe.week(snapshot, record=None).issues if one.kind == "Off the S&OP plan"]
    assert issue.hand_up == "S&OP"
    assert "waiting a week costs EUR\u00a06, deciding EUR\u00a0" in issue.what
    assert issue.what.endswith("it is S&OP's matter)")
    assert "each week of waiting costs EUR\u00a06" in issue.doing_nothing
    (stays,) = [one for one in soe.week(flour(tmp_path / "b", 30), record=None).found if one.kind == issue.kind]
    assert stays.hand_up == ""
    assert stays.what.endswith("it is S&OE's matter)")


def test_a_company_without_an_sop_plan_has_no_matter(tmp_path: Path) -> None:
    week = soe.week(mill(tmp_path), record=None)
    assert week.matters.is_empty()
    assert tables.matters(week.matters, "EUR") == "No month with a commitment ends within the horizon."


@pytest.mark.parametrize("times", [0.01, 1000.0])
def test_scaled_money_scales_what_waiting_costs_and_nothing_else(tmp_path: Path, times: float) -> None:
    base, scaled = flour(tmp_path / "base", 42), flour(tmp_path / "scaled", 42)
    money = {
        "forecast": ["price"], "routings": ["cost_per_unit"], "resources": ["hourly_cost", "overtime_cost"],
        "items": ["standard_cost", "holding_cost", "end_value", "price"], "offers": ["unit_cost"],
    }  # fmt: skip
    scaled = scaled.replace(
        **{
            name: scaled[name].with_columns(pl.col(column) * times for column in columns)
            for name, columns in money.items()
        }
    )
    one, other = priced(base), priced(scaled)
    assert other["waiting"] == pytest.approx(times * one["waiting"], rel=1e-6)
    assert other["lost"] == one["lost"]


def test_permuted_rows_wait_for_the_same_money(tmp_path: Path) -> None:
    snapshot = flour(tmp_path, 44)
    turned = snapshot.replace(**{name: snapshot[name].reverse() for name in ("forecast", "calendar", "consensus")})
    assert priced(turned)["waiting"] == pytest.approx(priced(snapshot)["waiting"], abs=1e-9)


def test_an_independent_program_says_the_same(tmp_path: Path) -> None:
    """Regular and overtime hours of each week, sales to Aldi and Cheap by week; no stock pays, units cost 6 and 9."""
    committed = 42.0
    # Columns: regular and overtime made, Aldi and Cheap sold, each of W1 to W4; stock may be carried for nothing.
    worth = np.concatenate([np.full(4, -6.0), np.full(4, -9.0), np.full(4, 12.0), np.full(4, 5.0)])
    upper = np.concatenate([np.full(4, 10.0), [0.0, 4.0, 0.0, 0.0], np.full(4, 8.0), np.full(4, 20.0)])
    until = np.tril(np.ones((4, 4)))
    stock = np.hstack([-until, -until, until, until])
    floor = np.concatenate([np.zeros(8), -np.ones(8)])[None, :]

    def best(bounds: list[tuple[float, float]]) -> float:
        found = linprog(-worth, np.vstack([stock, floor]), np.concatenate([np.zeros(4), [-committed]]), bounds=bounds)
        assert found.status == 0
        return -float(found.fun)

    free = [(0.0, float(high)) for high in upper]
    locked = [*free]
    for column, done in ((0, 8.0), (4, 0.0), (8, 8.0), (12, 0.0)):
        locked[column] = (done, done)
    assert priced(flour(tmp_path, committed))["waiting"] == pytest.approx(best(free) - best(locked), abs=1e-6)


def test_each_family_waits_for_its_own_month(tmp_path: Path) -> None:
    """Two mills side by side whose families sort otherwise than their labels: "Flour" and "Flour B"."""
    goods, line = ("A", "B"), "{} line"
    rows = {
        "items": [{"item": one, "family": family, "unit": "each", "standard_cost": 6} for one, family in zip(goods, ("Flour", "Flour B"), strict=True)],
        "resources": [{"resource": line.format(one), "location": "P", "kind": "line", "hourly_cost": 2, "overtime_cost": 5} for one in goods],
        "calendar": [{"resource": line.format(one), "period": week, "hours": 10, "overtime_hours": 4 if week == "W2" else 0} for one in goods for week in WEEKS],
        "routings": [{"routing": one, "item": one, "location": "P", "cost_per_unit": 4} for one in goods],
        "operations": [{"routing": one, "resource": line.format(one), "hours_per_unit": 1} for one in goods],
        "forecast": [
            {"item": one, "location": "P", "customer": name, "period": week, "quantity": quantity, "price": price}
            for one in goods for name, (quantity, price) in {"Aldi": (8, 12), "Cheap": (20, 5)}.items() for week in WEEKS
        ],
        "consensus": [
            {"fiscal_month": "2026-01", "family": family, "measure": "sales", "quantity": quantity}
            for family, quantity in (("Flour", 40), ("Flour B", 32))
        ],
    }  # fmt: skip
    found = commitment_prices(flour(tmp_path, 40, **rows)).rows.sort("family")
    assert found["family"].to_list() == ["Flour", "Flour B"]
    assert found["waiting"].to_list() == [pytest.approx(6.0, abs=1e-6), None]


def test_the_price_of_next_monday_is_todays_and_what_waiting_costs(tmp_path: Path) -> None:
    """The first week lived: its eight are sold, and keeping 40 then costs 14 where it cost 8."""
    today = priced(flour(tmp_path / "today", 40))
    rest, left = weeks(4)[1:], WEEKS[1:]
    rows = {
        "periods": rest,
        "calendar": [{"resource": "line", "period": w, "hours": 10, "overtime_hours": 4 if w == "W2" else 0} for w in left],
        "forecast": [
            {"item": "A", "location": "P", "customer": name, "period": week, "quantity": quantity, "price": price}
            for name, (quantity, price) in {"Aldi": (8, 12), "Cheap": (20, 5)}.items() for week in left
        ],
    }  # fmt: skip
    sold = {"measure": "sales", "item": "A", "location": "P", "customer": "Aldi"}
    rows["actuals"] = [{"date": "2026-01-02", **sold, "quantity": 0.0}, {"date": "2026-01-07", **sold, "quantity": 8.0}]
    home = flour(tmp_path / "then", 40, **rows).folder
    text = (home / "settings.toml").read_text().replace("2026-01-05", "2026-01-12")
    (home / "settings.toml").write_text(text)
    then = priced(soe.read(home))
    assert (today["money"], then["money"]) == (pytest.approx(8.0, abs=1e-6), pytest.approx(14.0, abs=1e-6))
    assert today["waiting"] == pytest.approx(then["money"] - today["money"], abs=1e-6)
