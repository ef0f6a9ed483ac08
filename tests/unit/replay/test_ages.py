"""Goods that expire, substitutes, fences, overrides and promised quantities in a replay, by hand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from soe_lib.extract.snapshot import Snapshot
from soe_lib.replay.carry import Floor, State
from soe_lib.replay.company import past, safety_stocks
from soe_lib.replay.known import Memory
from soe_lib.replay.loop import live
from soe_lib.replay.measures import summary
from soe_lib.replay.planners import BaseStock, Optimiser
from soe_lib.replay.run import causes_of, without
from soe_lib.replay.truth import Truth
from tests.unit.replay.companies import START, Company

ASKED = {"Key": 30.0, "Spot": 20.0}


def sold(floor: Floor, state: State, week: int) -> dict[str, float]:
    """Customer → units of week that were served in it."""
    rows = floor.serving.filter(pl.col("week") == week)
    served = rows.with_columns(quantity=pl.Series(state.x[rows["column"].to_numpy()]))
    found = served.group_by("customer").agg(pl.col("quantity").sum())
    return {name: round(value, 6) for name, value in found.iter_rows() if value > 1e-6}


def flow(truth: Truth, x: np.ndarray, name: str) -> pl.DataFrame:
    own = truth.physics
    keys = pl.col(truth.physics.model.flows[name].keys).cast(pl.String)
    rows = own.cells[name].select(keys).with_columns(quantity=pl.Series(x[own.of_flow(name)]))
    return rows.filter(pl.col("quantity") > 1e-6)


def lots(*rows: tuple[str, float, str | None]) -> list[dict[str, object]]:
    """Stock of A: place, units, last day."""
    return [
        {"item": "A", "location": place, "lot": f"L{n}", "on_hand": units, "expires_on": day}
        for n, (place, units, day) in enumerate(rows)
    ]


def perishable(home: Path, stock: list[dict[str, object]], *, life: int | None = 14, wants: int = 0) -> Truth:
    """One item of 4.00, made within a week and sent within another; Key wants days left."""
    company = Company(items=("A",), demand=ASKED)
    standing = company._standing()
    items = [{**row, "shelf_life_days": life} for row in standing["items"]]
    customers = [
        {**row, "remaining_life_days": wants if row["customer"] == "Key" else 0} for row in standing["customers"]
    ]
    return past(replace(company, extra={"items": items, "customers": customers, "inventory": stock}).write(home))


def test_the_oldest_goods_go_first_and_what_expires_is_written_off_at_its_cost(tmp_path: Path) -> None:
    """100 until 11 January and 40 until the 25th: 50 are sold in each week, so 50 expire in the first.

    Of the 40 the second week sells all; nothing is made.
    """
    truth = perishable(tmp_path, lots(("D", 100.0, "2026-01-11"), ("D", 40.0, "2026-01-25")))
    floor = Floor(truth)
    first = floor.week(floor.opening(), {}, 0)
    assert sold(floor, first, 0) == ASKED
    scrapped = flow(truth, first.x, "scrap")
    assert scrapped.rows() == [("A", "D", "2026-W02", 50.0)]
    second = floor.week(first, {}, 1)
    assert sold(floor, second, 1) == {"Key": 30.0, "Spot": 10.0}
    done = live(truth, lambda _: {})
    assert done.ledger.accounts()["write-offs"] == pytest.approx(-4.0 * 50.0)


def test_a_day_of_expiry_within_a_week_is_the_sunday_before_and_in_the_first_week_its_own(tmp_path: Path) -> None:
    truth = perishable(
        tmp_path, lots(("D", 10.0, "2026-01-07"), ("D", 20.0, "2026-01-21"), ("D", 5.0, "2026-01-01"), ("D", 7.0, None))
    )
    floor = Floor(truth)
    known = Memory(floor).snapshot(floor.opening(), 0)["inventory"].sort("expires_on", "on_hand")
    # Undated goods are as fresh as those that come in this week: fourteen days after its Sunday.
    assert dict(known.select("expires_on", "on_hand").rows()) == {
        date(2026, 1, 4): 5.0, date(2026, 1, 11): 10.0, date(2026, 1, 18): 20.0, date(2026, 1, 25): 7.0,
    }  # fmt: skip
    after = floor.week(floor.opening(), {}, 0)
    # What was over before the first Monday is sold to nobody.
    assert sum(sold(floor, after, 0).values()) == 37.0
    assert flow(truth, after.x, "scrap")["quantity"].to_list() == [5.0]


def test_the_day_of_expiry_travels_and_what_would_come_too_late_stays(tmp_path: Path) -> None:
    """60 until 11 January would come on the 12th: only the 30 until the 18th are sent, and expire on the 18th."""
    truth = perishable(tmp_path, lots(("P", 60.0, "2026-01-11"), ("P", 30.0, "2026-01-18"), ("D", 50.0, "2026-01-11")))
    floor = Floor(truth)
    everything = pl.DataFrame({"lane": ["P to D"], "item": ["A"], "period": ["2026-W02"], "quantity": [500.0]})
    first = floor.week(floor.opening(), {"ship": everything}, 0)
    assert flow(truth, first.x, "ship")["quantity"].to_list() == [30.0]
    assert flow(truth, first.x, "scrap").rows() == [("A", "P", "2026-W02", 60.0)]
    second = floor.week(first, {}, 1)
    assert sum(sold(floor, second, 1).values()) == 30.0
    assert second.lots.here.sum() == pytest.approx(0.0)


def test_who_wants_days_left_gets_fresh_goods_only(tmp_path: Path) -> None:
    """Key comes first and wants seven days left on the 11th: the 25 until the 18th; Spot takes the old ones."""
    truth = perishable(tmp_path, lots(("D", 60.0, "2026-01-11"), ("D", 25.0, "2026-01-18")), wants=7)
    floor = Floor(truth)
    first = floor.week(floor.opening(), {}, 0)
    assert sold(floor, first, 0) == {"Key": 25.0, "Spot": 20.0}
    assert flow(truth, first.x, "scrap")["quantity"].to_list() == [40.0]


@pytest.mark.parametrize("wants", [0, 7])
def test_goods_that_expire_close_and_nobody_earns_more_than_hindsight(tmp_path: Path, wants: int) -> None:
    stock = lots(("D", 60.0, "2026-01-11"), ("D", 25.0, "2026-01-18"), ("P", 70.0, "2026-01-25"))
    truth = perishable(tmp_path, stock, life=21, wants=wants)
    for planner in (Optimiser(cushion="never"), BaseStock(safety_stocks(tmp_path, START))):
        done = live(truth, planner)
        assert done.share <= 1.0 + 1e-9
        here = done.state.lots.here.sum()
        came = sum(row["on_hand"] for row in stock) + flow(truth, done.state.x, "make")["quantity"].sum()
        weeks = list(truth.physics.labels[: truth.weeks])
        gone = sum(
            flow(truth, done.state.x, name).filter(pl.col("period").is_in(weeks))["quantity"].sum()
            for name in ("sell", "scrap")
        )
        on_its_way = done.state.lots.fresh.sum() + done.state.lots.travelling.sum()
        assert came == pytest.approx(here + gone + on_its_way)
    assert live(truth, Optimiser(cushion="never")).share > 0.98


def test_lots_that_do_not_add_up_to_the_stock_stop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from soe_lib.errors import ReconciliationError
    from soe_lib.replay.ages import Lots

    truth = perishable(
        tmp_path,
        lots(
            ("D", 60.0, "2026-01-18"),
        ),
    )
    floor = Floor(truth)
    monkeypatch.setattr(Lots, "took", lambda self, wanted, first: (self, 0.0 * self.here))  # noqa: ARG005
    with pytest.raises(ReconciliationError, match="lots do not add up"):
        floor.week(floor.opening(), {}, 0)


# -- substitutes -------------------------------------------------------------------------------------------------


def test_a_substitute_is_given_of_what_its_own_customers_leave(tmp_path: Path) -> None:
    """A has 20 of the 50 asked for; two B for one A; B has 90, 50 of them its own: 20 A more. Key comes first."""
    company = Company(
        items=("A", "B"),
        extra={
            "inventory": [{"item": "A", "location": "D", "on_hand": 20.0}, {"item": "B", "location": "D", "on_hand": 90.0}],
            "substitutions": [{"item": "A", "substitute": "B", "ratio": 2.0, "cost": 1.0}],
        },
    )  # fmt: skip
    truth = past(company.write(tmp_path))
    floor = Floor(truth)
    after = floor.week(floor.opening(), {}, 0)
    given = flow(truth, after.x, "replace").filter(pl.col("period") == "2026-W02")
    assert dict(given.select("customer", pl.col("quantity").round(6)).rows()) == {"Key": 10.0, "Spot": 10.0}
    happened = Memory(floor).snapshot(after, 1)["actuals"].filter(pl.col("date") == START, pl.col("measure") == "sales")
    units = happened.group_by("item").agg(pl.col("quantity", "amount").sum()).sort("item")
    assert units.rows() == [("A", 20.0, 200.0), ("B", 90.0, 700.0)]
    done = summary(live(truth, lambda _: {}))
    assert done["weeks"][0]["on_time"] == pytest.approx(90.0)
    assert done["accounts"]["substitution"] == pytest.approx(-20.0)


def test_a_substitute_that_costs_more_than_it_earns_is_not_given(tmp_path: Path) -> None:
    company = Company(
        extra={
            "inventory": [{"item": "B", "location": "D", "on_hand": 90.0}],
            "substitutions": [{"item": "A", "substitute": "B", "cost": 12.5}],
        }
    )
    truth = past(company.write(tmp_path))
    floor = Floor(truth)
    assert flow(truth, floor.week(floor.opening(), {}, 0).x, "replace").is_empty()


def test_the_plan_with_substitutes_earns_no_more_than_hindsight(tmp_path: Path) -> None:
    company = Company(hours=70.0, extra={"substitutions": [{"item": "A", "substitute": "B", "cost": 0.5}]})
    assert live(past(company.write(tmp_path)), Optimiser(cushion="never")).share <= 1.0 + 1e-9


# -- what binds a plan -------------------------------------------------------------------------------------------


def seen(truth: Truth, planner: Optimiser) -> list[Snapshot]:
    found: list[Snapshot] = []

    def watching(snapshot: Snapshot) -> Mapping[str, pl.DataFrame]:
        found.append(snapshot)
        return planner(snapshot)

    live(truth, watching)
    return found


def test_overrides_bind_on_the_mondays_whose_extract_has_them(tmp_path: Path) -> None:
    """Somebody makes 77 of A in the second week, written down for two Mondays."""
    rows = [{"override": "O1", "what": "make item=A & period=2026-W03", "quantity": 77.0, "until": "2026-01-13"}]
    home = Company(extra={"overrides": rows}).write(tmp_path)
    truth = past(home)
    assert causes_of(truth)[-1] == "bound"
    assert [one["overrides"].height for one in seen(truth, Optimiser(cushion="never"))] == [1, 1, 0, 0]
    done = live(truth, Optimiser(cushion="never"))
    made = flow(truth, done.state.x, "make").filter(pl.col("routing") == "make A", pl.col("period") == "2026-W03")
    assert made["quantity"].to_list() == pytest.approx([77.0])
    free = live(without(truth, "bound"), Optimiser(cushion="never"))
    assert done.eased == 0
    assert done.share < free.share <= 1.0 + 1e-9


def test_an_override_that_no_plan_can_keep_is_left_and_counted(tmp_path: Path) -> None:
    rows = [{"override": "O1", "what": "make item=A & period=2026-W02", "quantity": 9999.0, "until": "2026-01-05"}]
    truth = past(Company(extra={"overrides": rows}).write(tmp_path))
    done = live(truth, Optimiser(cushion="never"))
    assert done.eased == 1
    assert done.share > 0.99


def test_promised_quantities_of_each_monday_bind_its_plan(tmp_path: Path) -> None:
    """Spot pays 10 as Key does and comes second; 20 of its 20 are promised, so that hours go to it as well."""
    company = Company(items=("A",))
    forecast = [
        {**row, "committed": row["quantity"] if row["customer"] == "Spot" else 0.0}
        for row in company._moving(START)["forecast"]
    ]
    truth = past(replace(company, extra={"forecast": forecast}).write(tmp_path))
    first, *_ = seen(truth, Optimiser(cushion="never"))
    promised = (
        first["forecast"].filter(pl.col("version") == "current").group_by("customer").agg(pl.col("committed").sum())
    )
    assert dict(promised.rows()) == {"Key": 0.0, "Spot": 20.0 * company.ahead}
    assert truth.binds
    assert not past(Company().write(tmp_path / "free")).binds


def test_a_frozen_fence_keeps_the_plan_of_the_monday_before(tmp_path: Path) -> None:
    """The second week's demand doubles on its own Monday: with a fence it is made as planned before, without it more."""
    company = Company(items=("A",), hours=400.0, extra={"inventory": [{"item": "A", "location": "D", "on_hand": 50.0}]})
    home = company.write(tmp_path / "free")
    fenced = replace(company, settings="[fence]\nfrozen_days = 7\n").write(tmp_path / "fenced")
    made = {}
    for name, folder in (("free", home), ("fenced", fenced)):
        for file in sorted(folder.glob("*/forecast.csv"))[1:]:
            rows = pl.read_csv(file)
            rows.with_columns(pl.col("quantity") * 2.0).write_csv(file)
        truth = past(folder)
        assert truth.binds == (name == "fenced")
        done = live(truth, Optimiser(cushion="never"))
        rows = flow(truth, done.state.x, "make").filter(pl.col("period") == "2026-W03")
        made[name] = rows["quantity"].sum()
    assert made["fenced"] == pytest.approx(50.0)
    assert made["free"] > 99.0
