"""The closed week of an extract in standard costs: by hand, and on the demo company against its own files."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import soe_lib as soe
from soe_lib.errors import DataError
from soe_lib.extract.snapshot import Snapshot
from soe_lib.money.rates import RateBook
from soe_lib.money.weekly_close import closed_week, closed_week_bridges

DEMO = Path(__file__).parents[2] / "data" / "demo"

# February 2027 has 20 working days: a week is a quarter of it.
FIRST = date(2027, 2, 1)
TABLES: dict[str, list[dict[str, Any]]] = {
    "items": [
        {"item": "A", "family": "Fam", "standard_cost": 4, "price": 20},
        {"item": "M", "family": "Raw", "standard_cost": 1, "price": None},
    ],
    "locations": [{"location": "P", "kind": "plant"}],
    "resources": [{"resource": "L", "location": "P", "hourly_cost": 20}],
    "routings": [{"routing": "R", "item": "A", "location": "P"}],
    "operations": [{"routing": "R", "resource": "L", "hours_per_unit": 0.1}],
    "components": [{"routing": "R", "component": "M", "quantity": 2}],
    "offers": [{"offer": "O", "supplier": "S", "item": "M", "location": "P", "unit_cost": 1}],
    "forecast": [{"item": "A", "location": "P", "period": f"2027-W0{n}", "quantity": 100} for n in (5, 6, 7, 8)],
    "budget": [
        {"fiscal_month": "2027-02", "family": "Fam", "account": account, "measure": measure, "quantity": units, "amount": money}
        for account, measure, units, money in [
            ("revenue", "sales", 400, 8000), ("material", "", None, -800), ("conversion", "", None, -840),
            ("freight", "", None, -200), ("holding", "", None, -40),
        ]
    ],
}  # fmt: skip


def happened(**changes: float | None) -> list[dict[str, Any]]:
    told = {"revenue": 2150.0, "paid": 330.0, "wages": 273.0, "counted": 50.0} | changes
    wednesday, sunday = FIRST + timedelta(days=2), FIRST + timedelta(days=6)
    blank = dict.fromkeys(["item", "location", "resource", "customer", "quantity", "hours", "amount"])
    rows: list[dict[str, Any]] = [
        {
            "date": wednesday,
            "measure": "sales",
            "item": "A",
            "location": "P",
            "quantity": 110,
            "amount": told["revenue"],
        },
        {"date": wednesday, "measure": "make", "item": "A", "location": "P", "quantity": 120},
        {"date": wednesday, "measure": "buy", "item": "M", "location": "P", "quantity": 300, "amount": told["paid"]},
        {"date": wednesday, "measure": "hours", "resource": "L", "hours": 13, "amount": told["wages"]},
        {"date": wednesday, "measure": "ship", "item": "A", "location": "P", "quantity": 110, "amount": 44},
        {"date": sunday, "measure": "stock", "item": "M", "location": "P", "quantity": 100},
    ]
    if told["counted"] is not None:
        day = FIRST - timedelta(days=1)
        rows.append({"date": day, "measure": "stock", "item": "M", "location": "P", "quantity": told["counted"]})
    return [{**blank, **row} for row in rows]


def extract(folder: Path, as_of: date, **tables: list[dict[str, Any]]) -> Snapshot:
    target = folder / as_of.isoformat()
    target.mkdir(parents=True)
    text = f'company = "Tiny"\ncurrency = "EUR"\nas_of = "{as_of}"\n[horizon]\nweeks = 3\n'
    (target / "settings.toml").write_text(text, encoding="utf-8")
    for name, rows in (TABLES | tables).items():
        if rows:
            pl.DataFrame(rows, infer_schema_length=None).write_csv(target / f"{name}.csv")
    return soe.read(target)


def week(folder: Path, **changes: float | None) -> tuple[Snapshot, Snapshot]:
    before = extract(folder, FIRST)
    return before, extract(folder, FIRST + timedelta(days=7), actuals=happened(**changes))


def test_a_week_by_hand(tmp_path: Path) -> None:
    # Budget of the week: 100 × 20 − 200 − 210 − 50 (freight) − 10 (holding) = 1,530; 100 × 4 = 400, so 10 too much.
    found = closed_week(*week(tmp_path))
    wanted = {
        "sales quantity": 160.0,  # 10 more at 20 − 4
        "sales mix": 0.0,
        "sales price": -50.0,  # 2,150 − 110 × 20
        "material price": -30.0,  # 300 − 330
        "material usage": -10.0,  # used 50 + 300 − 100 = 250 of 120 × 2
        "labour rate": -13.0,  # 13 × 20 − 273
        "labour efficiency": -20.0,  # (12 − 13) × 20
        "other spending": 26.0,  # 10 of budget cost, 50 − 44 of freight, 10 of holding
        "stock difference": 0.0,
    }
    assert {name: found[name] for name in wanted} == wanted
    # 2,150 − 330 − 273 − 44, 10 more made than sold at 4, 50 kg more in stock at 1
    assert (found.start, found.end) == (153000, 159300)
    assert found.inventory["in_stock"].to_list() == [pytest.approx(-5.0)]
    uncounted = "1 items that moved are in no count and no inventory (A): their stock changes by what came in less what went out."
    assert found.notes == (uncounted, "There are no actuals of holding: the budget's 10.00 counts as saved.")


def test_stock_that_nobody_counted_is_not_taken_as_nothing(tmp_path: Path) -> None:
    before, now = week(tmp_path, counted=None)
    for told in (lambda: closed_week(before, now), lambda: closed_week_bridges(before, now, soe.plan(before))):
        with pytest.raises(DataError, match="Profit of 2027-02-01 to 2027-02-07 is not known: stock at its start is"):
            told()
    lying = [{"item": "M", "location": "P", "on_hand": 50}]
    known = extract(tmp_path / "inventory", FIRST, inventory=lying)
    assert (closed_week(known, now).start, closed_week(known, now).end) == (153000, 159300)
    # 60 pieces of A at the end are more than the 10 that were made and not sold, and no inventory names A
    done = [*happened(counted=None), {**happened()[5], "item": "A", "quantity": 60}]
    more = extract(tmp_path / "more", FIRST + timedelta(days=7), actuals=done)
    with pytest.raises(DataError, match=r"not known: 1 items \(A\) have 50 units more at its end than came in"):
        closed_week(known, more)
    few = extract(tmp_path / "few", FIRST + timedelta(days=7), actuals=[*done[:-1], {**done[-1], "quantity": 10}])
    assert closed_week(known, few).end == 159300
    missing = extract(tmp_path / "none", FIRST + timedelta(days=7), actuals=[*happened(counted=None)[:-1]])
    with pytest.raises(DataError, match="stock at its end is not"):
        closed_week(known, missing)


def test_a_crew_is_paid_whether_or_not_actuals_say_so(tmp_path: Path) -> None:
    # 3 heads open the week and 4 the next: 4 × 60 for the week and 25 for the one who came, of 1,593.
    crew = {"resource": "L", "cost_per_head": 60, "hire_cost": 25, "hours_per_head": 40}
    before = extract(tmp_path, FIRST, workforce=[{**crew, "opening_heads": 3}])
    now = extract(tmp_path, FIRST + timedelta(days=7), actuals=happened(), workforce=[{**crew, "opening_heads": 4}])
    found = closed_week(before, now)
    assert found.end == 159300 - 26500
    assert "Crews' pay is not in the actuals: 265.00 by heads and cost_per_head." in found.notes
    assert closed_week_bridges(before, now, soe.plan(before)).bridges[-1].end == found.end
    # a crew without an hourly cost whose hours have an amount: that is its pay
    free = now.replace(resources=now["resources"].with_columns(hourly_cost=pl.lit(None, dtype=pl.Float64)))
    assert closed_week(before, free).end == 159300


def test_what_of_the_budget_is_split_by_another_place_is_said_in_money(tmp_path: Path) -> None:
    elsewhere = {**TABLES["budget"][1], "location": "Q", "amount": -2_345_678.5}
    places = [*TABLES["locations"], {"location": "Q", "kind": "plant"}]
    before = extract(tmp_path, FIRST, budget=[TABLES["budget"][0], elsewhere], locations=places)
    found = closed_week(before, week(tmp_path / "now")[1])
    assert "budget, costs: 1 rows (-2,345,678.5) are split by the mix of other locations." in found.notes


def test_what_was_not_paid_is_said(tmp_path: Path) -> None:
    free = closed_week(*week(tmp_path / "c", paid=None, wages=None, revenue=None))
    notes = " ".join(free.notes)
    for said in ("1 purchases (300 units) have no amount", "1 rows of hours (13 h) have no amount"):
        assert said in notes
    assert [free[name] for name in ("sales price", "material price", "labour rate")] == [0, 0, 0]


def test_a_week_without_budget_or_actuals_is_refused(tmp_path: Path) -> None:
    before, now = week(tmp_path)
    with pytest.raises(DataError, match="there are no actuals of 2027-02-01 to 2027-02-07"):
        closed_week(before, now.replace(actuals=now["actuals"].clear()))
    with pytest.raises(DataError, match="has no budget"):
        closed_week(before.replace(budget=before["budget"].clear()), now)
    strange = before["budget"].with_columns(family=pl.lit("Fan"))
    with pytest.raises(DataError, match="families that no item has: Fan"):
        closed_week(before.replace(budget=strange), now)


def test_the_demo_week_ties_to_its_files() -> None:
    before, now = soe.read(DEMO, "2026-11-09"), soe.read(DEMO, "2026-11-16")
    found = closed_week(before, now)
    done = now["actuals"].filter(pl.col("date").is_between(date(2026, 11, 9), date(2026, 11, 15)))
    sums = {measure: float(rows["amount"].sum()) for (measure,), rows in done.group_by("measure")}
    assert found["sales price"] + sum(found.rows.filter(pl.col("variance") == "sales quantity")["amount"]) != 0
    # What was paid less its standard is what the price and rate variances say.
    bought = done.filter(pl.col("measure") == "buy").join(now["items"].select("item", "standard_cost"), on="item")
    at_standard = float((bought["quantity"] * bought["standard_cost"]).sum())
    assert found["material price"] == pytest.approx(at_standard - sums["buy"], abs=0.01)
    worked = done.filter(pl.col("measure") == "hours").join(now["resources"], on="resource")
    assert found["labour rate"] == pytest.approx(
        float((worked["hours"] * worked["hourly_cost"]).sum()) - sums["hours"], abs=0.01
    )
    # The demo's recipes are its standards: what was used is within half a per cent of them.
    assert abs(found["material usage"]) < 0.005 * at_standard
    assert set(found.by("product")["product"]) >= {"LAU-101", "SUR-101"}


def test_the_walk_from_budget_to_what_happened(tmp_path: Path) -> None:
    _, now = week(tmp_path)
    hours = [{"resource": "L", "period": f"2027-W0{n}", "hours": 40} for n in (5, 6, 7)]
    promised = [{"fiscal_month": "2027-02", "family": "Fam", "measure": "sales", "quantity": 380}]
    before = extract(tmp_path / "with hours", FIRST, calendar=hours, consensus=promised)
    plan = soe.plan(before)
    earlier = replace(plan.with_name("earlier"), as_of=FIRST - timedelta(days=7))
    walk = closed_week_bridges(before, now, plan, record=earlier, by=("item",))
    assert walk.names == ("budget", "S&OP plan", "plan of 2027-01-25", "plan of 2027-02-01", "actual")
    # The budget's 2,000 − 200 − 210 − 50 − 10; 2,150 − 330 − 273 − 44, 50 kg more in stock at 1 and 10 A at 4.
    assert walk.bridges[0].start == 153000
    assert walk.bridges[-1].end == 159300
    assert walk.residual == 0
    assert all(one.residual == 0 for one in walk.bridges)
    # S&OP sells 95 and the plan 100, each earning 20 − 2 − 2; the two plans are one
    assert [one.end for one in walk.bridges[:3]] == [152000, 160000, 160000]
    assert walk.bridges[2].steps["amount"].abs().sum() == 0
    # 10 more sold at 16, 2,150 less 110 × 20, and freight that the plan did not know
    last = dict(walk.bridges[-1].steps.select("driver", "amount").iter_rows())
    assert (last["volume"], last["price"], last["freight"]) == (16000, -5000, -4400)
    bare = plan.__class__(
        **{**{name: getattr(plan, name) for name in plan.__dataclass_fields__}, "rates": RateBook({})}
    )
    with pytest.raises(DataError, match="has no rates to value"):
        closed_week_bridges(before, now, bare)
    with pytest.raises(DataError, match="there is no closed week"):
        closed_week_bridges(before, now.replace(actuals=now["actuals"].clear()), plan)
