"""Targets against figures by hand: the newsvendor's stock, what it costs and saves, and where it is cheapest to hold."""

from __future__ import annotations

import csv
import json
import re
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import polars as pl
import pytest
from click.testing import CliRunner
from scipy.stats import norm

import soe_lib as soe
from soe_lib.cli import main
from soe_lib.errors import ReconciliationError
from soe_lib.operations import files, orders
from soe_lib.review import charts, frames, supply
from soe_lib.review.finance import Finance
from soe_lib.review.week import Week
from soe_lib.uncertainty.spread import WEIGHTS, normal_slices
from tests.analytic.test_cushion import SETTINGS, STEPS, company, errors
from tests.networks import snapshot, weeks

LEVELS = [30.0 * float(norm.ppf(at)) for at in STEPS]
TYPED = [{"item": "A", "location": "P", "safety_stock": 50.0, "below_safety_cost": 0.1}]


def texts(made: soe.Snapshot, plan: soe.Plan | None = None) -> str:
    """The sentences of the supply page's section."""
    week = Week(made, plan or soe.plan(made, record=None))
    return " ".join(one for one in supply.cushion(week) if isinstance(one, str))


@pytest.mark.parametrize(("holding", "price"), [(1.0, 10.0), (0.1, 10.0), (4.0, 6.0), (2.0, 40.0)])
def test_the_target_is_the_newsvendors_with_its_costs(tmp_path: Path, holding: float, price: float) -> None:
    """A unit held costs `holding` a week, a unit lost price − 4: ten equal quantiles, one review a week."""
    made = company(tmp_path, holding=holding, price=price, policies=TYPED)
    plan = soe.plan(made, record=None)
    row = soe.targets(made, plan).row(0, named=True)
    lost = price - 4.0
    ratio = lost / (lost + holding)
    target = max(level for n, level in enumerate(LEVELS) if n / 10 < ratio - 1e-9 or n == 0)
    target = max(target, 0.0)
    assert row["target"] == pytest.approx(target)

    def cost(stock: float) -> float:
        return sum(max(level - stock, 0.0) for level in LEVELS) / 10 * (holding + lost)

    assert row["short_without"] == pytest.approx(cost(0.0))
    assert row["short_with"] == pytest.approx(cost(target))
    assert row["saves"] == pytest.approx(cost(0.0) - cost(target))
    assert row["holding"] == pytest.approx(target * holding)
    assert (row["typed"], row["typed_holding"]) == (50.0, pytest.approx(50.0 * holding))
    assert row["more"] == pytest.approx(target - 50.0)
    assert row["costs_more"] == pytest.approx((target - 50.0) * holding)
    assert row["cover"] == pytest.approx(target / (100.0 / 7.0))
    assert row["value"] == pytest.approx(target * 4.0)
    assert row["covered"] == pytest.approx(
        (sum(level < target - 1e-9 for level in LEVELS) + 0.5 * (target in LEVELS)) / 10
    )
    assert row["fill"] == pytest.approx(1.0 - sum(max(level - target, 0.0) for level in LEVELS) / 10 / 100.0)
    assert (row["points"], row["source"], row["bias"], row["interval"]) == (10.0, "stated", None, 7.0)
    assert row["against_forecast"] == pytest.approx(target)
    assert row["against_late"] == row["against_lost"] == 0.0
    # Without anything that stands in its way the plan holds the target, or the typed stock where that is worth it.
    stock = plan.flows["stock"].filter(pl.col("period").is_in(["W1", "W2", "W3", "W4"]))["quantity"]
    assert row["held"] == pytest.approx(stock.mean())
    assert row["filled"] == pytest.approx(1.0 if target else None)
    booked = float(plan.ledger.lines.filter(pl.col("account") == "expected shortage")["amount"].sum())
    assert row["short_held"] * 4 == pytest.approx(-booked)


def test_what_the_plan_cannot_hold_is_shown(tmp_path: Path) -> None:
    """No more than 10 fit: the target stays, held and filled say what there is, and the ledger's shortage ties."""
    limit = [{"item": "A", "location": "P", "safety_stock": 0.0, "maximum_stock": 10.0}]
    made = company(tmp_path, policies=limit)
    plan = soe.plan(made, record=None)
    row = soe.targets(made, plan).row(0, named=True)
    free = soe.targets(company(tmp_path / "free")).row(0, named=True)
    assert row["target"] == free["target"] == pytest.approx(LEVELS[8])
    assert (row["held"], row["filled"]) == (pytest.approx(10.0), pytest.approx(10.0 / LEVELS[8]))
    booked = float(plan.ledger.lines.filter(pl.col("account") == "expected shortage")["amount"].sum())
    assert row["short_held"] * 4 == pytest.approx(-booked)
    assert row["short_held"] > row["short_with"]
    assert (free["held"], free["filled"], free["short_held"]) == (None, None, None)


def test_a_thousandth_of_the_unit_and_rows_in_another_order_change_no_money(tmp_path: Path) -> None:
    one = soe.targets(company(tmp_path / "one", policies=TYPED)).row(0, named=True)
    made = snapshot(
        tmp_path / "thousand", SETTINGS, periods=weeks(4)[::-1],
        items=[{"item": "A", "unit": "g", "standard_cost": 0.004, "end_value": 0.004, "holding_cost": 0.001, "price": 0.01}],
        forecast=[{"item": "A", "location": "P", "period": f"W{n}", "quantity": 100_000.0} for n in (4, 2, 3, 1)],
        offers=[{"offer": "O", "supplier": "S", "item": "A", "location": "P", "unit_cost": 0.004}],
        forecast_errors=errors(scale=30_000.0)[::-1],
        policies=[{"item": "A", "location": "P", "safety_stock": 50_000.0, "below_safety_cost": 0.0001}],
    )  # fmt: skip
    other = soe.targets(made).row(0, named=True)
    for name in ("target", "typed", "more", "against_forecast"):
        assert other[name] == pytest.approx(1000.0 * one[name]), name
    for name in ("value", "saves", "holding", "short_with", "costs_more", "cover", "covered", "fill"):
        assert other[name] == pytest.approx(one[name]), name


def test_without_cost_price_or_forecast(tmp_path: Path) -> None:
    """B has no standard cost, C loses nothing, D is not asked for: a value that is not known, and no targets."""
    items = [
        {"item": "A", "unit": "each", "standard_cost": 4.0, "end_value": 4.0, "holding_cost": 1.0, "price": 10.0},
        {"item": "B", "unit": "each", "standard_cost": None, "end_value": 4.0, "holding_cost": 1.0, "price": 10.0},
        {"item": "C", "unit": "each", "standard_cost": 4.0, "end_value": 4.0, "holding_cost": 1.0, "price": None},
        {"item": "D", "unit": "each", "standard_cost": 4.0, "end_value": 4.0, "holding_cost": 1.0, "price": 10.0},
    ]
    made = company(
        tmp_path, items=items, policies=[{"item": "D", "location": "P", "safety_stock": 5.0}],
        forecast=[{"item": item, "location": "P", "period": f"W{n}", "quantity": 100.0} for item in "ABC" for n in (1, 2, 3, 4)],
        offers=[{"offer": f"O{item}", "supplier": "S", "item": item, "location": "P", "unit_cost": 4.0} for item in "ABCD"],
        forecast_errors=[row for item in "ABCD" for row in errors(item)],
    )  # fmt: skip
    found = soe.targets(made)
    assert found.filter(pl.col("target") > 0).select("item", "value").rows() == [
        ("A", pytest.approx(4.0 * LEVELS[8])), ("B", None)
    ]  # fmt: skip
    assert "D" not in found["item"].to_list()
    plan = soe.plan(made, record=None)
    said = texts(made, plan)
    assert "The value of 1 target is not known for want of a standard cost" in said
    assert "B, P" not in charts.targets(soe.targets(made, plan), "EUR").alt


def test_without_a_record_there_is_none_and_the_page_says_what_it_takes(tmp_path: Path) -> None:
    bare = company(tmp_path / "bare", forecast_errors=[])
    never = company(tmp_path / "never", settings=SETTINGS.replace("with a record", "never"))
    for made, said in (
        (bare, "versions of `forecast` that are named by ISO week, or earlier extracts"),
        (never, 'use = "never"'),
    ):
        found = soe.targets(made)
        assert found.is_empty()
        assert found.columns == soe.targets(company(tmp_path / f"full{len(said)}")).columns
        assert said in texts(made)
        assert said in str(CliRunner().invoke(main, ["targets", "--data", str(made.folder)]).output)
    assert frames.why_none(company(tmp_path / "full")) == ""


def test_the_stated_default_says_so(tmp_path: Path) -> None:
    settings = SETTINGS.replace("with a record", "always") + "error = 0.5\n"
    made = company(tmp_path, settings=settings, forecast_errors=[])
    row = soe.targets(made).row(0, named=True)
    above = 1.0 - np.cumsum(WEIGHTS) + WEIGHTS
    filled = 7.0 * above > 1.0
    assert row["target"] == pytest.approx(50.0 * float(normal_slices()[filled][-1]))
    assert row["covered"] == pytest.approx(WEIGHTS[filled].sum() - WEIGHTS[filled][-1] / 2)
    assert (row["points"], row["source"], row["bias"]) == (0.0, "default", 0.0)
    said = texts(made)
    assert "1 target rests on a stated error of 50\N{NO-BREAK SPACE}% of a week's forecast" in said


def lived(tmp_path: Path, **more: Any) -> soe.Snapshot:
    """Sixteen weeks of the past: 100 forecast a week ahead of A, 120 and 100 asked for in turns."""
    from datetime import timedelta

    monday = date(2026, 1, 5)
    past = [monday - timedelta(weeks=n) for n in range(1, 17)]
    label = lambda day: f"{day.isocalendar()[0]}-W{day.isocalendar()[1]:02d}"  # noqa: E731
    ahead = [monday + timedelta(weeks=n) for n in range(4)]
    rows = [
        {"item": "A", "location": "P", "period": label(day), "version": label(day), "quantity": 100.0} for day in past
    ]
    rows += [
        {"item": "A", "location": "P", "period": label(day), "version": "current", "quantity": 100.0} for day in ahead
    ]
    sold = [
        {"date": day, "measure": "sales", "item": "A", "location": "P", "quantity": 100.0 + 20.0 * (n % 2)}
        for n, day in enumerate(past)
    ]
    settings = SETTINGS + '[forecast]\nversion = "current"\n[horizon]\nweeks = 4\ndaily = 0\n'
    return company(tmp_path, forecast=rows, actuals=sold, forecast_errors=[], periods=[], settings=settings, **more)


def test_late_deliveries_are_told_apart_from_the_forecast(tmp_path: Path) -> None:
    """Every delivery comes seven days late, five of them: half of what is known of the offer is its own."""
    quiet = soe.targets(lived(tmp_path / "quiet")).row(0, named=True)
    late = [
        {"receipt": f"R{n}", "kind": "buy", "item": "A", "location": "P", "offer": "O", "promised_on": date(2025, 12, 1 + n),
         "arrived_on": date(2025, 12, 8 + n), "quantity": 10.0}
        for n in range(5)
    ]  # fmt: skip
    row = soe.targets(lived(tmp_path / "late", deliveries=late)).row(0, named=True)
    assert quiet["against_late"] == 0.0
    assert row["against_forecast"] == pytest.approx(quiet["target"]) == pytest.approx(quiet["against_forecast"])
    # A week late is a week's demand, 100, and no more than what the interval of a week asks for.
    assert row["against_late"] == pytest.approx(100.0, rel=0.02)
    assert row["target"] > max(row["against_late"], row["against_forecast"])
    assert row["target"] <= row["against_late"] + row["against_forecast"] + 1e-9


def test_the_record_and_its_bias_are_shown_apart(tmp_path: Path) -> None:
    row = soe.targets(lived(tmp_path)).row(0, named=True)
    # Sixteen points of its own, pool 8; family and company are the same sixteen: what is left is the default's, without bias.
    own, lean = 16 / 24, 8 / 24
    assert (row["points"], row["source"]) == (16.0, "own")
    assert row["bias"] == pytest.approx(0.10 * (own + lean * own + lean * lean * own))


def chain(tmp_path: Path, *, patience: float) -> soe.Snapshot:
    """A is made of two R in two days at P and shipped for one day to D; holding 1.2 there, 1 at P, 0.2 of each R."""
    return snapshot(
        tmp_path, SETTINGS.replace("with a record", "always"), periods=weeks(4),
        items=[
            {"item": "A", "unit": "each", "standard_cost": 4.0, "end_value": 2.0, "holding_cost": 1.0, "price": 10.0, "volume": 1.0},
            {"item": "R", "unit": "each", "standard_cost": 1.0, "end_value": 1.0, "holding_cost": 0.2, "volume": 1.0},
        ],
        locations=[{"location": "P", "kind": "plant"}, {"location": "D", "kind": "warehouse", "storage_cost": 0.2}],
        customers=[{"customer": "C", "latest_days": patience, "late_cost": 0.1}],
        routings=[{"routing": "M", "item": "A", "location": "P", "lead_time_days": 2}],
        components=[{"routing": "M", "component": "R", "quantity": 2.0}],
        offers=[{"offer": "O", "supplier": "S", "item": "R", "location": "P", "unit_cost": 1.0, "lead_time_days": 7}],
        lanes=[{"lane": "L", "origin": "P", "destination": "D", "lead_time_days": 1}],
        inventory=[{"item": "R", "location": "P", "on_hand": 600.0}],
        forecast=[{"item": "A", "location": "D", "customer": "C", "period": f"W{n}", "quantity": 70.0} for n in (1, 2, 3, 4)],
    )  # fmt: skip


@pytest.mark.parametrize(
    ("patience", "cheapest", "spares"),
    [(0, "goods where they are sold", 0.0), (1, "goods where they come from", 2.0), (2, "goods where they come from", 2.0),
     (3, "components", 8.0)],
)  # fmt: skip
def test_the_cheapest_place_protects_within_the_customers_patience(
    tmp_path: Path, patience: float, cheapest: str, spares: float
) -> None:
    row = frames.where_to_hold(chain(tmp_path, patience=patience)).row(0, named=True)
    assert (row["goods_here"], row["goods_there"], row["parts"]) == pytest.approx((1.2, 1.0, 0.4))
    assert (row["days_there"], row["days_parts"], row["patience"], row["demand"]) == pytest.approx((1, 3, patience, 10))
    assert row["cheapest"] == cheapest
    # Ten a day: 10 × (1.2 − 1.0) as goods at P, 10 × (1.2 − 0.4) as components.
    assert row["spares"] == pytest.approx(spares)


def test_what_goes_into_a_good_is_made_before_it(tmp_path: Path) -> None:
    """A takes two days and B, made in three, of R: from R it is five days to the customer."""
    made = snapshot(
        tmp_path, SETTINGS.replace("with a record", "always"), periods=weeks(2),
        items=[{"item": name, "unit": "each", "standard_cost": 1.0, "holding_cost": 0.1, "price": 2.0} for name in "ABR"],
        routings=[{"routing": "MA", "item": "A", "location": "P", "lead_time_days": 2},
                  {"routing": "MB", "item": "B", "location": "P", "lead_time_days": 3}],
        components=[{"routing": "MA", "component": "B", "quantity": 1.0}, {"routing": "MB", "component": "R", "quantity": 3.0}],
        offers=[{"offer": "O", "supplier": "S", "item": "R", "location": "P", "unit_cost": 0.1}],
        forecast=[{"item": "A", "location": "P", "period": f"W{n}", "quantity": 70.0} for n in (1, 2)],
    )  # fmt: skip
    row = frames.where_to_hold(made).row(0, named=True)
    assert (row["days_parts"], row["parts"], row["goods_there"]) == (5.0, pytest.approx(0.3), None)


HEADER = ["item", "location", "safety_stock", "unit", "cover_days", "value", "currency", "valid_from"]
ODD = ('=A,"1"', "+B", "-C", "'D", "E; F")
"""Names of items that a spreadsheet, or a reader of commas, might take for something else."""


def test_the_file_for_an_erp_is_whole_and_reads_back(tmp_path: Path) -> None:
    made = company(tmp_path / "it")
    out = tmp_path / "out" / "targets.csv"
    done = CliRunner().invoke(main, ["targets", "--data", str(made.folder), "--out", str(out)])
    assert done.exit_code == 0, done.output
    whole = int(np.ceil(LEVELS[8]))
    said = f"A,P,{whole}.0,each,{whole / 100 * 7:.1f},{whole * 4.0},EUR,2026-01-05"
    assert out.read_text() == f"{','.join(HEADER)}\n{said}\n"
    assert [path.name for path in out.parent.iterdir()] == ["targets.csv"]


def odd(tmp_path: Path) -> soe.Snapshot:
    """A company whose items have odd names, the last of them counted in thousandths; C has no standard cost."""
    cost = {name: None if name == "-C" else 4.0 for name in ODD}
    return company(
        tmp_path,
        items=[{"item": name, "unit": "each", "standard_cost": cost[name], "holding_cost": 1.0, "price": 10.0} for name in ODD],
        forecast=[{"item": name, "location": "P", "period": f"W{n}", "quantity": 40_000.0} for name in ODD for n in (1, 2, 3, 4)],
        offers=[{"offer": f"O{n}", "supplier": "S", "item": name, "location": "P", "unit_cost": 4.0} for n, name in enumerate(ODD)],
        forecast_errors=[row for name in ODD for row in errors(name, scale=12_345.6)],
        inventory=[{"item": name, "location": "P", "on_hand": 3.125 if name == ODD[-1] else 3.0} for name in ODD],
    )  # fmt: skip


def test_a_release_holds_the_targets_for_an_erp(tmp_path: Path) -> None:
    """Plain numbers, ISO dates, one row an item and place; what is read back, by CSV or sheet, is what was worked out."""
    made, out = odd(tmp_path / "it"), tmp_path / "out"
    soe.store.append(out / "plans", soe.plan(made, record=None))
    soe.approve(out / "plans", made.as_of, by="Ada", reason="as discussed")
    folder = soe.release(out, made.as_of, snapshot=made).folder
    with (folder / "targets.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    book = openpyxl.load_workbook(folder / files.WORKBOOK)["targets"]
    sheet = [dict(zip(HEADER, cells, strict=True)) for cells in book.iter_rows(min_row=2, values_only=True)]
    assert list(rows[0]) == [cell.value for cell in book[1]] == HEADER
    assert [row["item"] for row in sheet] == sorted(ODD)
    assert not [cell for line in book.iter_rows() for cell in line if cell.data_type == "f"]
    for row, cells in zip(rows, sheet, strict=True):
        name = row["item"].removeprefix("'")  # the mark of a text that a spreadsheet would run
        fraction = name == ODD[-1]
        # A lost unit costs 6, price − standard cost, or of C, whose standard cost is not known, price − what it is
        # bought at: a critical ratio of 6/7.
        exact = 12_345.6 * float(norm.ppf(STEPS[8]))
        stock = np.ceil(exact * 1000) / 1000 if fraction else np.ceil(exact)
        assert (name, row["location"], row["unit"], row["currency"]) == (cells["item"], "P", "each", "EUR")
        assert all(re.fullmatch(r"\d+\.\d+|", row[number]) for number in ("safety_stock", "cover_days", "value"))
        assert row["valid_from"] == "2026-01-05" == cells["valid_from"].date().isoformat()
        assert float(row["safety_stock"]) == cells["safety_stock"] == pytest.approx(stock, abs=1e-9)
        assert float(row["cover_days"]) == cells["cover_days"] == round(stock / 40_000.0 * 7, 1)
        value = "" if name == "-C" else stock * 4.0
        assert row["value"] == "" if name == "-C" else float(row["value"]) == pytest.approx(value, abs=0.005)
    told = json.loads((folder / "release.json").read_text(encoding="utf-8"))
    assert told["rows"]["targets"] == len(ODD)
    assert "targets.csv" in told["files"]


def test_a_release_without_a_record_holds_no_target(tmp_path: Path) -> None:
    made = company(tmp_path, forecast_errors=[])
    found = orders.released(soe.plan(made, record=None), made)["targets"]
    assert (found.columns, found.height) == (HEADER, 0)


def test_a_pack_works_the_targets_out_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = company(tmp_path / "it")
    plan = soe.plan(made, record=None)
    results = tmp_path / "results"
    kept = soe.week(made, plan, None, results=results).targets
    assert kept["target"].to_list() == [pytest.approx(LEVELS[8])]
    monkeypatch.setattr(frames, "targets", lambda *_: pytest.fail("worked out again"))
    week = soe.week(made, plan, None, results=results)
    assert week.targets.equals(kept)
    with pytest.raises(pytest.fail.Exception, match="worked out again"):
        _ = soe.week(made, plan, None).targets
    week = Week.of(made, plan).knowing(targets=week.targets)
    book = Finance(week).workbook("")["stock_targets"]
    assert frames.safety_stocks(made, book).equals(frames.safety_stocks(made, kept))


def test_a_file_that_does_not_read_back_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "read_csv", lambda path, schema: pl.DataFrame(schema=schema))  # noqa: ARG005
    with pytest.raises(ReconciliationError, match="does not read back"):
        files.checked(tmp_path / "targets.csv", pl.DataFrame({"item": ["A"]}))
    assert list(tmp_path.iterdir()) == []
