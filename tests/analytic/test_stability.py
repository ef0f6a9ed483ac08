"""The frozen fence holds, the slushy zone is changed only where it pays, by hand."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner

import soe_lib as soe
from soe_lib.cli import main
from soe_lib.demo import generate
from soe_lib.errors import SolveError
from soe_lib.model.blocks.stability import Stability
from soe_lib.model.blocks.standard import STANDARD
from soe_lib.review.exceptions import find
from soe_lib.review.frames.changes import fence_breaks, why
from soe_lib.review.measures import scores
from soe_lib.review.options import cost_of_events
from soe_lib.review.tables import fence_breaks as table_of_breaks
from soe_lib.review.week import Week
from tests.analytic.test_two_items import asked, line, quantity
from tests.networks import MONDAY, snapshot, write

FENCE = '[costs]\nper = "period"\n[fence]\nfrozen_days = 7\nslushy_days = 14\nchange_cost = 2\n'


def tables(hours: float = 20) -> dict[str, list[dict[str, object]]]:
    """A can be sold at 10 in three weeks; the record makes 3, 4 and 5. A made unit costs 4, held a week 1."""
    made = line(hours, periods=3) | {"forecast": [asked("A", 6, 10, f"W{n}") for n in (1, 2, 3)]}
    made["items"] = [{"item": "A", "holding_cost": 1}, {"item": "B"}]
    return made


RECORD = pl.DataFrame({"routing": ["A"] * 3, "period": ["W1", "W2", "W3"], "quantity": [3.0, 4.0, 5.0]})


def test_the_fence_freezes_prices_and_frees(tmp_path: Path) -> None:
    # W1 stays 3; W2 goes from 4 to 6 (each more earns 6 − 2); W3 is free: 6.
    plan = soe.plan(snapshot(tmp_path, FENCE, **tables()), blocks=[Stability(RECORD)])
    made = dict(plan.flows["make"].filter(pl.col("item") == "A").select("period", "quantity").iter_rows())
    assert made == pytest.approx({"W1": 3, "W2": 6, "W3": 6})
    assert plan.ledger.by("account").filter(pl.col("account") == "nervousness")["amount"].sum() == pytest.approx(-4)
    assert plan.margin == pytest.approx(15 * 6)
    assert plan.steering == pytest.approx(-4)


def test_a_change_that_earns_less_than_it_costs_is_left(tmp_path: Path) -> None:
    dear = FENCE.replace("change_cost = 2", "change_cost = 7")
    plan = soe.plan(snapshot(tmp_path, dear, **tables()), blocks=[Stability(RECORD)])
    assert quantity(plan, "make", period="W2", item="A") == pytest.approx(4)


def test_a_frozen_order_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    found = snapshot(tmp_path, FENCE + "breaks = false\n", **tables(hours=2))
    with pytest.raises(SolveError, match="infeasible"):
        soe.plan(found, blocks=[Stability(RECORD)])
    broken = soe.conflict(found, model=soe.Model(found, [*STANDARD, Stability(RECORD)]))
    assert broken.promises["by"].to_list() == pytest.approx([1])
    assert "frozen fence" in broken.text()


def test_a_weekly_record_is_split_over_the_days_of_a_daily_plan(tmp_path: Path) -> None:
    settings = "[horizon]\nweeks = 2\ndaily = 7\n[fence]\nfrozen_days = 7\nslushy_days = 7\nchange_cost = 1\n"
    days = tables()
    del days["periods"]
    days["calendar"] = [{"resource": "line", "period": f"2026-W0{n}", "hours": 20} for n in (2, 3)]
    days["forecast"] = [asked("A", 10, 10, "2026-W02")]
    record = pl.DataFrame({"routing": ["A"], "period": ["2026-W02"], "quantity": [10.0]})
    plan = soe.plan(snapshot(tmp_path, settings, **days), blocks=[Stability(record)])
    made = plan.flows["make"].filter((pl.col("item") == "A") & (pl.col("quantity") > 0))
    assert made["quantity"].to_list() == pytest.approx([2.0] * 5)  # five working days


def recorded(found: soe.Snapshot, made: pl.DataFrame = RECORD, **days: object) -> soe.Plan:
    """A plan of record that makes what is written down; days: its own periods, where they are others."""
    kept = soe.plan(found, record=None)
    flow = made.join(found["routings"].select("routing", "item", "location"), on="routing", how="left").with_columns(
        pl.col("item", "location").fill_null("A")
    )
    return replace(kept, name="last week's", flows={**kept.flows, "make": flow}, **days)


def test_an_order_in_the_fence_that_hours_forbid_breaks_at_its_price(tmp_path: Path) -> None:
    # W1 has 2 h for 3 recorded units: one is broken. No item has a price, the dearest line has 10; ten changes are 20.
    found = snapshot(tmp_path, FENCE, **tables(hours=2))
    record = recorded(found)
    plan = soe.plan(found, record=record)
    assert quantity(plan, "make", period="W1", item="A") == pytest.approx(2)
    assert plan.ledger.accounts()["fence breaks"] == pytest.approx(-20)
    (row,) = fence_breaks(found, plan, record).to_dicts()
    assert (row["routing"], row["period"], row["limit"], row["key"]) == ("A", "W1", "hours", "line")
    assert (row["recorded"], row["now"], row["price"], row["money"]) == pytest.approx((3, 2, 20, 20))
    # One of the three units that the fence holds is moved.
    inside = {score.name: score for score in scores("balance", Week(found, plan, record))}
    fence = inside["Churn of the production plan inside the fence"]
    assert (fence.value, fence.state) == (pytest.approx(1 / 3), "act")
    alone = {score.name for score in scores("balance", Week(found, plan))}
    assert "Churn of the production plan inside the fence" in alone
    assert not soe.conflict(found, record=record).found
    assert plan.solution["record"] == "last week's of 2026-01-05"


@pytest.mark.parametrize(
    ("items", "fence", "price"),
    [
        ({"price": 50.0, "standard_cost": 4.0}, "", 50.0),
        ({"price": None, "standard_cost": 70.0}, "", 70.0),
        ({"price": 5.0, "standard_cost": 4.0}, "", 20.0),
        ({"price": 50.0, "standard_cost": 4.0}, "break_price = 3\n", 3.0),
    ],
)
def test_a_break_costs_what_settings_say_or_the_item_is_worth(
    tmp_path: Path, items: dict[str, float | None], fence: str, price: float
) -> None:
    made = tables(hours=2)
    made["items"] = [{"item": "A", **items}, {"item": "B", "price": 1.0, "standard_cost": 1.0}]
    plan = soe.plan(snapshot(tmp_path, FENCE + fence, **made), blocks=[Stability(RECORD)])
    assert plan.ledger.accounts()["fence breaks"] == pytest.approx(-price)


def test_a_frozen_order_that_nothing_can_feed_names_its_component(tmp_path: Path) -> None:
    # Three of A are recorded for W1; each takes a C, which is made of two D; five D are there, two of them late.
    made = tables()
    made["items"] = [{"item": name, "price": 30.0 if name == "A" else None, "standard_cost": 2.0} for name in "ABCD"]
    made["routings"] = [*made["routings"], {"routing": "C", "item": "C", "location": "P", "cost_per_unit": 0}]
    made["components"] = [
        {"routing": "A", "component": "C", "quantity": 1}, {"routing": "C", "component": "D", "quantity": 2},
    ]  # fmt: skip
    made["inventory"] = [{"item": "D", "location": "P", "on_hand": 3}]
    made["receipts"] = [
        {"receipt": "PO1", "kind": "buy", "item": "D", "location": "P", "due_on": "2026-01-06", "quantity": 3},
    ]
    made["events"] = [
        {"event": "E1", "kind": "delay", "target": "PO1", "from": "2026-01-05", "to": "2026-01-07", "days": 7}
    ]
    found = snapshot(tmp_path, FENCE, **made)
    record = recorded(found)
    plan = soe.plan(found, record=record)
    row = fence_breaks(found, plan, record).filter(pl.col("routing") == "A").row(0, named=True)
    assert row["change"] == pytest.approx(-1.5)
    assert (row["limit"], row["key"]) == ("material", "D")
    assert "PO1, due 2026-01-06, comes 2026-01-13" in why(row, {})


def test_a_recorded_order_whose_routing_is_gone_is_listed(tmp_path: Path) -> None:
    found = snapshot(tmp_path, FENCE, **tables())
    made = pl.concat([RECORD, pl.DataFrame({"routing": ["old"], "period": ["W1"], "quantity": [8.0]})])
    record = recorded(found, made)
    plan = soe.plan(found, record=record)
    (row,) = fence_breaks(found, plan, record).to_dicts()
    assert (row["routing"], row["recorded"], row["money"], row["limit"]) == ("old", 8.0, None, "gone")


def test_a_record_of_other_periods_is_read_by_its_days(tmp_path: Path) -> None:
    # Last week called these seven days X2, and the week before them W1: neither name means the days of today's W1.
    found = snapshot(tmp_path, FENCE, **tables())
    made = pl.DataFrame({"routing": ["A", "A"], "period": ["W1", "X2"], "quantity": [9.0, 3.0]})
    week = timedelta(days=7)
    days = pl.DataFrame({"period": ["W1", "X2"], "starts_on": [MONDAY - week, MONDAY]}).with_columns(
        ends_on=pl.col("starts_on") + timedelta(days=6)
    )
    plan = soe.plan(found, record=recorded(found, made, periods=days))
    assert quantity(plan, "make", period="W1", item="A") == pytest.approx(3)
    assert "fence breaks" not in plan.ledger.accounts()


def company(folder: Path) -> Path:
    """Two weeks of a company of which the second has less hours than the first's plan needs."""
    for number, hours in ((0, 20.0), (1, 2.0)):
        monday = MONDAY + timedelta(days=7 * number)
        made = tables(hours)
        del made["periods"]
        labels = [f"2026-W0{week}" for week in (2 + number, 3 + number)]
        made["calendar"] = [{"resource": "line", "period": label, "hours": hours} for label in labels]
        made["forecast"] = [asked("A", 6, 10, label) for label in labels]
        made["locations"] = [{"location": "P", "kind": "plant"}]
        here = write(folder / monday.isoformat(), "[horizon]\nweeks = 2\ndaily = 0\n[fence]\nfrozen_days = 7\n", **made)
        (here / "settings.toml").write_text((here / "settings.toml").read_text().replace(str(MONDAY), str(monday)))
    return folder


def test_every_way_to_plan_knows_the_same_plan_of_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # The first week recorded 6 of A for the second; 2 h are left there: 4 are broken, at the dearest line's 10 each.
    monkeypatch.chdir(tmp_path)
    found = soe.read(company(tmp_path / "data" / "one"))
    broken = pytest.approx(-40)
    ways = {
        "plan": soe.plan(found),
        "model": soe.Model(found).solve(),
        "living": soe.Living(found).base,
        "compared": next(iter(soe.compare(found, ["base"]))).plan,
        "week": soe.week(found).plan,
    }
    assert {name: one.ledger.accounts()["fence breaks"] for name, one in ways.items() if one} == dict.fromkeys(
        ways, broken
    )
    assert soe.worth(soe.Model(found), "hours", 4.0, resource="line", period="2026-W03").total == pytest.approx(
        4 * (10 + 10 - 4)
    )
    assert "fence breaks" not in soe.plan(found, record=None).ledger.accounts()
    asked_for = ["--data", str(tmp_path / "data" / "one")]
    said = CliRunner().invoke(main, ["plan", *asked_for])
    assert "keeps to recomputed from the extract of 2026-01-05" in said.output
    assert "2 for 6 units, EUR 40.00: the hours of line do not suffice" in said.output
    told = json.loads(CliRunner().invoke(main, ["plan", *asked_for, "--json"]).output)
    assert [(row["routing"], row["change"], row["limit"]) for row in told["breaks"]] == [("A", -4.0, "hours")]
    assert "No conflict" in CliRunner().invoke(main, ["conflict", *asked_for]).output

    # Once a plan is kept, everybody keeps to it; another may be named, or none.
    before = soe.read(tmp_path / "data" / "one", "2026-01-05")
    soe.store.append(tmp_path / "out" / "plans", soe.plan(before, name="published"))
    assert "published" in soe.plan(found).solution["record"]
    assert "keeps to published" in CliRunner().invoke(main, ["plan", *asked_for]).output
    assert "keeps to published" in CliRunner().invoke(main, ["plan", *asked_for, "--record", "2026-01-05/1"]).output
    assert "fence" not in CliRunner().invoke(main, ["plan", *asked_for, "--record", "none"]).output
    assert "has no plan" in CliRunner().invoke(main, ["plan", *asked_for, "--record", "2025-01-05"]).output


def test_a_break_names_the_event_without_which_it_is_spared(tmp_path: Path) -> None:
    # Three are recorded for the first week, of 20 h a stop leaves 1: two are broken by it, and only by it.
    made = tables()
    made["events"] = [
        {"event": "E1", "kind": "downtime", "target": "line", "from": MONDAY, "to": MONDAY + timedelta(6), "hours": 19}
    ]
    found = snapshot(tmp_path, FENCE, **made)
    record = recorded(found)
    living = soe.Living(found, record=record)
    week = Week.of(found, living.base, record)
    week = week.knowing(prices=cost_of_events(week, living.plan))
    (row,) = week.breaks_by_cause.to_dicts()
    assert (row["cause"], row["change"], row["spared"]) == ("E1", pytest.approx(-2), pytest.approx(2))
    shown = table_of_breaks(week.breaks_by_cause, found, record)
    assert not isinstance(shown, str)
    assert shown.frame["Why"].to_list() == ["E1: without it 2 of these units stay"]
    (issue,) = find(week, only=["fence_broken"])
    assert "2 units are moved inside the frozen fence of 7 days, 67\u00a0% of" in issue.what
    assert (issue.money, issue.cause) == (pytest.approx(40), "E1: without it 2 of these units stay")


def test_opening_the_fence_gains_no_more_than_what_it_holds_back(tmp_path: Path) -> None:
    # Two hours a week make two of A whether or not there is a fence: its breaks cost steering, and no money.
    found = snapshot(tmp_path, FENCE, **tables(hours=2))
    living = soe.Living(found, record=recorded(found))
    assert living.base.steering < -20
    (row,) = soe.whatif.price_manual(living).to_dicts()
    assert (row["kind"], row["money"], row["margin"]) == (
        "fence",
        pytest.approx(0, abs=1e-6),
        pytest.approx(0, abs=1e-6),
    )


def test_four_weeks_in_a_row_are_certified_with_their_breaks(tmp_path: Path) -> None:
    record = None
    for folder in generate(tmp_path, 4, 8, 77):
        settings = folder / "settings.toml"
        settings.write_text(settings.read_text() + "\n[fence]\nfrozen_days = 3\n")
    for folder in sorted(tmp_path.iterdir()):
        found = soe.read(folder)
        plan = soe.plan(found, record=record)
        assert plan.solution["status"] == "optimal"
        listed = fence_breaks(found, plan, record)
        assert float(listed["money"].sum()) == pytest.approx(-plan.ledger.accounts().get("fence breaks", 0.0), abs=0.01)
        record = plan
