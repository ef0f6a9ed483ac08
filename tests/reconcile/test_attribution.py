"""Attribution by re-planning: by hand, on a published problem, and to the cent on the demo company."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import polars as pl
import pytest

import soe_lib as soe
from soe_lib.errors import DataError, ReconciliationError, SolveError
from soe_lib.extract.snapshot import Snapshot
from soe_lib.whatif.attribution import Attribution, attribute
from soe_lib.whatif.causes import Disruption, disruptions
from soe_lib.whatif.scenario import Scenario
from tests.benchmarks.attribution import usual
from tests.networks import Rows
from tests.unit.workbench.companies import mill

ROOT = Path(__file__).parents[2]


def down(event: str, week: int, hours: float) -> dict[str, object]:
    first = date(2026, 1, 5 + 7 * (week - 1))
    last = date(2026, 1, 11 + 7 * (week - 1))
    return {"event": event, "kind": "downtime", "target": "line", "from": first, "to": last, "hours": hours}


EVENTS: Rows = [down("a", 1, 6.0), down("b", 2, 6.0)]


def two_outages(folder: Path, **tables: Rows) -> Snapshot:
    return mill(folder, events=EVENTS, **tables)


def of_events(snapshot: Snapshot) -> list[Disruption]:
    return [Disruption.event(name) for name in snapshot["events"]["event"]]


def money(found: Attribution, column: str) -> dict[str, float]:
    return dict(found.table().select("disruption", column).iter_rows())


def test_two_outages_by_hand(tmp_path: Path) -> None:
    # 16 units at 6: 96. Without W1's 6 h: 4 on time, 2 a week late (5), 2 late and by overtime (2): 24 + 48 + 14 = 86.
    # Without W2's: W1 makes 2 ahead, 4 + 2 by overtime (3): 48 + 12 + 24 + 6 = 90. Without both: 24 + 24 + 12 = 60.
    # a: ½ (86 − 96) + ½ (60 − 90) = −20; b: ½ (90 − 96) + ½ (60 − 86) = −16.
    snapshot = two_outages(tmp_path)
    found = attribute(snapshot, of_events(snapshot))
    assert (found.start, found.end, found.residual) == (9600, 6000, 0)
    assert money(found, "amount") == {"a": -20.0, "b": -16.0}
    assert money(found, "alone") == {"a": -10.0, "b": -6.0}
    assert money(found, "last") == {"a": -30.0, "b": -26.0}
    assert found.pair == ("a", "b", -2000)
    assert (found.method, found.optima, found.composed) == ("exact", 4, True)
    assert "by EUR −16.00; taken out one at a time, by EUR −56.00; together they move it by EUR −36.00" in found.why
    assert "a and b together move it by EUR −20.00 beyond" in found.why


def test_whole_lots_are_planned_one_by_one(tmp_path: Path) -> None:
    # lots of 2: as by hand above, since every figure there is even
    lots = [{"routing": "R", "item": "A", "location": "P", "cost_per_unit": 4, "multiple": 2}]
    snapshot = two_outages(tmp_path, routings=lots)
    found = attribute(snapshot, of_events(snapshot))
    assert not found.composed
    assert money(found, "amount") == {"a": -20.0, "b": -16.0}


def test_service_first_is_planned_one_by_one(tmp_path: Path) -> None:
    settings = '[costs]\nper = "period"\n[objective]\nmode = "service"\n'
    snapshot = mill(tmp_path, settings=settings, events=EVENTS)
    found = attribute(snapshot, of_events(snapshot))
    assert not found.composed
    best = {mask: soe.plan(snapshot.replace(events=rows)).margin for mask, rows in by_mask(snapshot["events"]).items()}
    assert money(found, "alone")["a"] == pytest.approx(best[1] - best[0], abs=0.006)
    assert found.end == pytest.approx(best[3] * 100, abs=0.6)


def by_mask(events: pl.DataFrame) -> dict[int, pl.DataFrame]:
    return {
        mask: events.filter([bool(mask >> n & 1) for n in range(events.height)]) for mask in range(1 << events.height)
    }


def test_disruptions_that_do_not_meet_add_up(tmp_path: Path) -> None:
    # one hour less in either week costs an hour of overtime in W2 at most: 17 h are wanted of 18 + 4
    snapshot = mill(tmp_path, events=[down("a", 1, 1.0), down("b", 2, 1.0)])
    found = attribute(snapshot, of_events(snapshot))
    assert money(found, "amount") == {"a": 0.0, "b": 0.0}
    assert found.why.endswith("The figures add up: no two of the disruptions share a limit.")
    assert found.table()["share"].null_count() == 2, "a share of nothing is no number"


def test_factory_planning_with_its_eight_maintenance_events() -> None:
    # H. P. Williams, Model Building in Mathematical Programming, Factory Planning I: 93,715.18 with the maintenance,
    # 116,455.00 without any of it (computed), the eight together −22,739.82
    snapshot = soe.read(ROOT / "tests" / "published" / "hpw_factory_planning_1")
    found = attribute(snapshot, of_events(snapshot))
    assert (found.start, found.end) == (11645500, 9371518)
    assert int(found.rows["amount"].sum()) == -2273982
    shares = money(found, "amount")
    assert shares["E6"] == -12130.0, "the planer in June: 105,845.18 without it, whatever else is down"
    assert shares["E3"] == shares["E4"] == shares["E5"] == shares["E7"] == 0.0
    assert shares["E0"] == pytest.approx(-968.57, abs=0.01)
    assert shares["E1"] + shares["E2"] == pytest.approx(-9641.25, abs=0.01)
    assert money(found, "last")["E6"] == pytest.approx(93715.18 - 105845.18, abs=0.01)
    assert found.optima == 256


def test_sampled_shares_add_up_and_their_intervals_hold_the_exact_ones() -> None:
    snapshot = soe.read(ROOT / "tests" / "published" / "hpw_factory_planning_1")
    exact = attribute(snapshot, of_events(snapshot)).rows
    found = attribute(snapshot, of_events(snapshot), pairs=12, seed=4)
    assert found.method == "sampled"
    assert int(found.rows["amount"].sum()) == found.end - found.start == -2273982
    both = found.rows.join(exact.select("disruption", truth="amount"), on="disruption")
    # a cent is lost or won to rounding
    assert both.filter((pl.col("truth") < pl.col("low") - 1) | (pl.col("truth") > pl.col("high") + 1)).is_empty()
    assert "24 orderings" in found.how
    assert "95 %" in found.how


def test_this_weeks_disruptions_are_read_off_two_extracts() -> None:
    before, now = soe.read(ROOT / "data" / "demo", "2026-11-09"), soe.read(ROOT / "data" / "demo", "2026-11-16")
    found = disruptions(before, now)
    assert [(one.name, one.kind) for one in found] == [
        ("EV-2611-1: downtime of Venlo L2", "event"),
        ("EV-2611-2: delay of PO-10746", "event"),
        ("forecast of Dish care", "forecast"),
        ("forecast of Hand care", "forecast"),
        ("forecast of Laundry", "forecast"),
        ("forecast of Surface care", "forecast"),
    ]
    hand = next(one for one in found if "Hand" in one.name).without(now)["forecast"]
    key = ["item", "location", "customer", "period", "version"]
    mine = now["items"].filter(pl.col("family") == "Hand care")["item"].implode()
    planned = pl.col("version") == "current"
    weeks = before["forecast"].filter(planned)["period"].implode()
    moved = hand.filter(planned, pl.col("item").is_in(mine), pl.col("period").is_in(weeks)).select(*key, "quantity")
    was = before["forecast"].join(moved, on=key, how="semi").select(*key, "quantity")
    assert moved.sort(key).equals(was.sort(key))
    rest = ~pl.col("item").is_in(mine)
    assert hand.filter(rest).sort(key).equals(now["forecast"].filter(rest).sort(key))
    with pytest.raises(DataError, match="give the older first"):
        disruptions(now, before)


def test_prices_costs_and_late_receipts_are_read_off_too() -> None:
    before = soe.read(ROOT / "data" / "demo", "2026-11-09")
    now = soe.read(ROOT / "data" / "demo", "2026-11-16")
    changed = (
        Scenario("x")
        .scale("items.price", 1.02, family="Laundry")
        .scale("offers.unit_cost", 1.1, supplier="Rhein Tensid")
        .scale("resources.hourly_cost", 1.05)
        .apply(now)
    )
    first = before["receipts"].join(now["receipts"], on="receipt", how="semi")["receipt"][0]
    changed = Scenario("late").delay("receipts", days=3, receipt=first).apply(changed)
    names = {one.name: one for one in disruptions(before, changed)}
    new = {"list prices of Laundry", "prices of Rhein Tensid", "cost rates of resources"}
    assert new <= set(names)
    assert any(name.startswith("1 receipts of ") for name in names)
    undone = changed
    for name in names:
        undone = names[name].without(undone)
    for table in ("items", "offers", "resources", "receipts"):
        assert undone[table].equals(now[table]), table
    assert undone["events"].is_empty()


def test_what_cannot_be_attributed_is_refused(tmp_path: Path) -> None:
    snapshot = two_outages(tmp_path)
    with pytest.raises(DataError, match="no disruption"):
        attribute(snapshot, [])
    with pytest.raises(DataError, match="Two disruptions are called 'a'"):
        attribute(snapshot, [Disruption.event("a"), Disruption.event("a")])
    with pytest.raises(DataError, match="no event 'c'"):
        attribute(snapshot, [Disruption.event("c")])
    with pytest.raises(DataError, match="'nothing' changes nothing"):
        attribute(snapshot, [Disruption("nothing", lambda one: one), Disruption.event("a")])


def test_a_promise_that_a_disruption_breaks_is_named(tmp_path: Path) -> None:
    promised = [
        {"item": "A", "location": "P", "customer": "Aldi", "period": "W1", "quantity": 8, "committed": 8, "price": 12},
        {"item": "A", "location": "P", "customer": "Aldi", "period": "W2", "quantity": 8, "committed": 8, "price": 12},
    ]
    snapshot = two_outages(tmp_path, forecast=promised)
    with pytest.raises(SolveError, match="With a and b there is no plan: infeasible"):
        attribute(snapshot, of_events(snapshot))


def test_a_split_that_does_not_add_up_does_not_exist(tmp_path: Path) -> None:
    snapshot = two_outages(tmp_path)
    found = attribute(snapshot, of_events(snapshot))
    with pytest.raises(ReconciliationError, match="leave 1 minor units"):
        Attribution(found.start, found.end + 1, found.rows, "exact", 4)


def demo(count: int | None) -> None:
    snapshot, found = usual()
    chosen = found[:count]
    split = attribute(snapshot, chosen)
    now = soe.plan(snapshot)
    without = snapshot
    for one in chosen:
        without = one.without(without)
    assert split.end == round(now.margin * 100)
    assert split.start == round(soe.plan(without).margin * 100)
    assert int(split.rows["amount"].sum()) == split.end - split.start
    assert split.composed
    assert split.rows.filter(pl.col("amount") != 0).height >= min(len(chosen), 2)


def test_the_demo_company_to_the_cent() -> None:
    demo(2)


@pytest.mark.slow
def test_the_demo_company_with_eight_disruptions_to_the_cent() -> None:
    demo(None)
