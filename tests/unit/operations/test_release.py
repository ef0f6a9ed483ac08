"""Releasing a decided plan: what is written is the plan, to a millionth of a unit, and nothing undecided gets out."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path

import openpyxl
import polars as pl
import pytest
from click.testing import CliRunner

import soe_lib as soe
from soe_lib.cli import main
from soe_lib.errors import DataError, PackError
from soe_lib.extract.snapshot import Snapshot
from soe_lib.model.pegging.answer import Pegging
from soe_lib.operations import files, orders
from soe_lib.review.frames.runs import whole
from soe_lib.store.meeting import approvals, approved
from soe_lib.store.plan import Plan
from soe_lib.whatif.scenario import text
from tests.networks import MONDAY, days, snapshot, write

EVIL = '=HYPERLINK("http://example.com")'
NAMES = ("=cmd", "+1", "-2", "@x", "\tx", "\rx", "'x", "plain")
TABLES: dict[str, list[dict[str, object]]] = {
    "periods": [dict(row) for row in days(4)],
    "items": [
        {"item": "P", "unit": "case", "family": "red", "description": EVIL, "standard_cost": 1.0},
        {"item": "R", "unit": "kg", "description": "-raw", "standard_cost": 1.0},
    ],
    "locations": [{"location": "Plant", "kind": "plant"}, {"location": "Shop", "kind": "warehouse"}],
    "resources": [{"resource": "L1", "location": "Plant", "kind": "line"}],
    "calendar": [{"resource": "L1", "period": f"D00{n}", "hours": 8} for n in (1, 2, 3, 4)],
    "routings": [{"routing": "P at Plant", "item": "P", "location": "Plant", "yield": 0.9, "lead_time_days": 0}],
    "operations": [{"routing": "P at Plant", "step": "fill", "resource": "L1", "hours_per_unit": 0.1}],
    "components": [{"routing": "P at Plant", "component": "R", "quantity": 1.0}],
    "offers": [
        {"offer": "R offer", "supplier": "@S", "item": "R", "location": "Plant", "unit_cost": 2, "lead_time_days": 0}
    ],
    "lanes": [{"lane": "P>S", "origin": "Plant", "destination": "Shop", "lead_time_days": 1, "item": "P"}],
    "customers": [{"customer": "C", "late_cost": 1.0, "short_cost": 5.0, "latest_days": 1}],
    "orders": [
        {"order": "O1", "item": "P", "location": "Shop", "customer": "C", "due_on": MONDAY, "quantity": 10, "price": 50},
        {"order": "O2", "item": "P", "location": "Shop", "customer": "C", "due_on": date(2026, 1, 7), "quantity": 36,
         "price": 50},
    ],
}  # fmt: skip
"""Nothing can be at the shop before Tuesday: O1 is due on Monday and comes a day late, O2 is due on Wednesday."""


@pytest.fixture
def world(tmp_path: Path) -> tuple[Path, Snapshot, Plan]:
    folder = write(tmp_path / "data" / MONDAY.isoformat(), **TABLES)
    read = soe.read(folder)
    return folder, read, soe.plan(read)


def kept(out: Path, plan: Plan) -> None:
    soe.store.append(out / "plans", plan)


def test_the_orders_say_what_the_plan_does(world: tuple[Path, Snapshot, Plan]) -> None:
    """46 P at yield 0.9 are 51.11 started: 5.11 h of line 1; 51.11 R at 2 EUR are bought; 10 leave on Monday at least."""
    _, read, plan = world
    found = orders.released(plan, read)
    made = found["production_orders"]
    assert made["quantity"].sum() == pytest.approx(46 / 0.9, abs=1e-5)
    assert made["hours"].sum() == pytest.approx(4.6 / 0.9, abs=1e-5)
    assert made["good_quantity"].sum() == pytest.approx(46, abs=1e-5)
    assert found["purchase_orders"]["amount"].sum() == pytest.approx(92 / 0.9, abs=1e-4)
    sent = found["transfer_orders"]
    assert (sent["arrives_on"] - sent["ship_on"]).dt.total_days().to_list() == [1] * sent.height
    promises = found["allocation"].select("order", "promised_on", "quantity", "state").rows()
    assert promises == [("O1", date(2026, 1, 6), 10.0, "late"), ("O2", date(2026, 1, 7), 36.0, "on time")]
    rates = found["daily_rates"]
    assert rates["quantity_per_day"].sum() == pytest.approx(46 / 0.9, abs=1e-5)


def test_who_gets_what_of_each_order_adds_up_to_it(world: tuple[Path, Snapshot, Plan]) -> None:
    """46 P are made for O1's 10 and O2's 36; what is bought is for them too, by the bill of materials."""
    _, read, plan = world
    found = orders.released(plan, read)
    made, pegs = found["production_orders"], found["pegging"]
    assert {text for texts in made["serves"] for text in texts.split(", ")} <= {"O1 10", "O2 36", "O2 26", "O2 10"}
    for kind, table, name, column in (
        ("run", "production_orders", "routing", "good_quantity"), ("purchase", "purchase_orders", "offer", "quantity"),
        ("shipment", "transfer_orders", "lane", "quantity"),
    ):  # fmt: skip
        sums = pegs.filter(pl.col("kind") == kind).group_by("name", "period").agg(pl.col("quantity").sum())
        both = found[table].join(sums, left_on=[name, "period"], right_on=["name", "period"], suffix="_pegged")
        assert both.height == found[table].height > 0
        assert both[column].to_list() == pytest.approx(both["quantity_pegged"].to_list(), abs=1e-5)
    bought = pegs.filter(pl.col("kind") == "purchase").group_by("order").agg(pl.col("quantity").sum())
    assert dict(bought.iter_rows()) == pytest.approx({"O1": 10 / 0.9, "O2": 36 / 0.9}, abs=1e-5)


def test_a_weeks_order_is_spread_evenly_over_its_days() -> None:
    """70 units and 14 hours from Monday to Sunday are 10 units and 2 hours a day."""
    texts = dict.fromkeys(
        ("production_order", "location", "line", "routing", "step", "item", "description", "unit"), "x"
    )
    row = {**texts, "starts_on": date(2026, 1, 5), "ends_on": date(2026, 1, 11), "sequence": 1, "quantity": 70.0,
           "hours": 14.0}  # fmt: skip
    rates = orders.daily_rates(pl.DataFrame([row]))
    assert rates["date"].to_list() == [date(2026, 1, day) for day in range(5, 12)]
    assert set(rates["quantity_per_day"]) == {10.0}
    assert set(rates["hours_per_day"]) == {2.0}


def test_what_is_read_back_is_the_plan_to_the_fingerprint(world: tuple[Path, Snapshot, Plan], tmp_path: Path) -> None:
    _, read, plan = world
    tables = orders.released(plan, read)
    files.write_tables(tmp_path, tables, "orders", MONDAY)
    from_csv = {name: files.read_csv(tmp_path / f"{name}.csv", frame.schema) for name, frame in tables.items()}
    from_xlsx = {name: of_sheet(tmp_path / files.WORKBOOK, name, frame) for name, frame in tables.items()}
    for found in (from_csv, from_xlsx):
        for flow, keys, frame in quantities(found):
            there = plan.flows[flow].filter(pl.col("quantity").abs() > 5e-7)
            both = there.join(frame, on=keys, how="full", coalesce=True, suffix="_read", validate="1:1")
            assert both.select("quantity", "quantity_read").null_count().row(0) == (0, 0)
            rounded = both.select(whole(pl.col("quantity")), "quantity_read")
            assert rounded["quantity"].to_list() == rounded["quantity_read"].to_list()
        again = {flow: frame for flow, _, frame in quantities(found)}
        merged = {
            flow: frame.drop("quantity").join(again[flow], on=keys).select(frame.columns) if flow in again else frame
            for (flow, frame), keys in ((pair, key_of(pair[0])) for pair in plan.flows.items())
        }
        assert replace(plan, flows=merged).identity == plan.identity


def key_of(flow: str) -> list[str]:
    return {
        "make": ["routing", "period"], "buy": ["offer", "period"], "ship": ["lane", "item", "period"],
        "sell": ["order", "item", "location", "customer", "due", "period"],
    }.get(flow, [])  # fmt: skip


def quantities(found: Mapping[str, pl.DataFrame]) -> list[tuple[str, list[str], pl.DataFrame]]:
    names = {"make": "production_orders", "buy": "purchase_orders", "ship": "transfer_orders", "sell": "allocation"}
    served = pl.lit(True)
    return [
        (flow, key_of(flow), found[name].filter(served).select(*key_of(flow), "quantity"))
        for flow, name in names.items()
    ]


def of_sheet(path: Path, name: str, like: pl.DataFrame) -> pl.DataFrame:
    rows = list(openpyxl.load_workbook(path)[name].iter_rows(values_only=True))
    assert list(rows[0]) == like.columns
    made = pl.DataFrame([list(row) for row in rows[1:]], schema=like.columns, orient="row", infer_schema_length=None)
    return made.select(
        pl.col(column).cast(pl.Date if kind == pl.Date else kind).fill_null("" if kind == pl.String else None)
        if kind == pl.String
        else pl.col(column).cast(kind)
        for column, kind in like.schema.items()
    )


def test_no_text_becomes_a_formula_and_negative_numbers_stay_numbers(tmp_path: Path) -> None:
    frame = pl.DataFrame({"name": list(NAMES), "amount": [-1.5] * len(NAMES)})
    files.write_tables(tmp_path, {"table": frame}, "orders", MONDAY)
    raw = pl.read_csv(tmp_path / "table.csv", schema={"name": pl.String, "amount": pl.Float64})
    assert raw["name"].to_list() == [f"'{name}" for name in NAMES[:-1]] + ["plain"]
    assert raw["amount"].to_list() == [-1.5] * len(NAMES)
    assert files.read_csv(tmp_path / "table.csv", frame.schema).equals(frame)
    cells = [cell for row in openpyxl.load_workbook(tmp_path / files.WORKBOOK)["table"].iter_rows() for cell in row]
    assert not [cell for cell in cells if cell.data_type == "f"]
    assert "=cmd" in [cell.value for cell in cells]


def test_nothing_is_released_from_a_plan_that_nobody_decided(
    world: tuple[Path, Snapshot, Plan], tmp_path: Path
) -> None:
    folder, _, plan = world
    out = tmp_path / "out"
    kept(out, plan)
    with pytest.raises(DataError, match="was not decided"):
        soe.release(out, MONDAY, data=folder)
    assert not (out / "releases").exists()


def test_an_approval_holds_for_its_own_quantities_only(world: tuple[Path, Snapshot, Plan], tmp_path: Path) -> None:
    folder, _, plan = world
    out = tmp_path / "out"
    kept(out, plan)
    soe.approve(out / "plans", MONDAY, by="Ada", reason="as discussed")
    flows = dict(plan.flows)
    flows["buy"] = flows["buy"].with_columns(quantity=pl.col("quantity") * 2)
    other = replace(plan, flows=flows)
    soe.store.append(out / "plans", other)
    assert approved(out / "plans", plan) is not None
    assert approved(out / "plans", other) is None
    with pytest.raises(DataError, match="2026-01-05/2 was not decided"):
        soe.release(out, MONDAY, data=folder)
    assert soe.release(out, MONDAY, 1, data=folder).added


def test_a_release_says_on_whose_word_and_the_same_again_adds_nothing(
    world: tuple[Path, Snapshot, Plan], tmp_path: Path
) -> None:
    folder, _, plan = world
    out = tmp_path / "out"
    kept(out, plan)
    day = MONDAY.isoformat()
    run = CliRunner().invoke(
        main, ["approve", day, "--by", "Ada", "--reason", "as discussed", "--store", str(out / "plans")]
    )
    assert run.exit_code == 0, run.output
    first = CliRunner().invoke(main, ["release", str(out), day, "--data", str(folder)])
    assert first.exit_code == 0, first.output
    target = out / "releases" / f"{day}.1"
    told = json.loads((target / "release.json").read_text(encoding="utf-8"))
    assert (told["decided_by"], told["reason"], told["plan_fingerprint"]) == ("Ada", "as discussed", plan.identity)
    written = [path for path in target.rglob("*") if path.is_file()]
    assert set(told["files"]) == {path.relative_to(target).as_posix() for path in written} - {"release.json"}
    before = {path: path.read_bytes() for path in written}
    again = CliRunner().invoke(main, ["release", str(out), day, "--data", str(folder)])
    assert again.exit_code == 0
    assert "already" in again.output
    assert {path: path.read_bytes() for path in target.rglob("*") if path.is_file()} == before
    assert approvals(out / "plans").height == 1


def test_other_inputs_than_the_plans_are_refused(world: tuple[Path, Snapshot, Plan], tmp_path: Path) -> None:
    folder, _, plan = world
    out = tmp_path / "out"
    kept(out, plan)
    soe.approve(out / "plans", MONDAY, by="Ada", reason="as discussed")
    changed = {**TABLES, "customers": [{**TABLES["customers"][0], "late_cost": 2.0}]}
    write(folder, **changed)
    with pytest.raises(DataError, match="other inputs"):
        soe.release(out, MONDAY, data=folder)


def test_a_plan_of_an_edited_extract_is_released_with_the_edited_extract(
    world: tuple[Path, Snapshot, Plan], tmp_path: Path
) -> None:
    """Decided options are plans of a scenario: the extract as it came is not what they were made from."""
    folder, read, _ = world
    edited = soe.Scenario("twice as dear to be late").scale("customers.late_cost", 2.0, customer="C").apply(read)
    out = tmp_path / "out"
    kept(out, soe.plan(edited))
    soe.approve(out / "plans", MONDAY, by="Ada", reason="decided option 1")
    with pytest.raises(DataError, match="other inputs"):
        soe.release(out, MONDAY, data=folder)
    assert soe.release(out, MONDAY, snapshot=edited).added


def test_a_plan_that_is_kept_with_its_edits_is_released_from_the_extract_as_it_came(
    world: tuple[Path, Snapshot, Plan], tmp_path: Path
) -> None:
    """Two decided plans of one date: each is released by its own label, with the edits that it was made with."""
    folder, read, _ = world
    out = tmp_path / "out"
    for run, factor in ((1, 2.0), (2, 3.0)):
        dearer = soe.Scenario(f"{factor} times as dear to be late").scale("customers.late_cost", factor, customer="C")
        entry = soe.store.append(out / "plans", soe.plan(dearer.apply(read)), scenario=text(dearer))
        assert entry.run == run
        soe.approve(out / "plans", MONDAY, run, by="Ada", reason="decided")
        assert soe.release(out, MONDAY, run, data=folder).folder == out / "releases" / f"{MONDAY}.{run}"
    assert not soe.release(out, MONDAY, 1, data=folder).added


def test_a_number_that_names_two_orders_is_refused(
    world: tuple[Path, Snapshot, Plan], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, _, plan = world
    out = tmp_path / "out"
    kept(out, plan)
    soe.approve(out / "plans", MONDAY, by="Ada", reason="as discussed")
    honest = orders.released

    def doubled(one: Plan, read: Snapshot, firm: Collection[str], pegged: Pegging) -> dict[str, pl.DataFrame]:
        found = honest(one, read, firm, pegged)
        return {**found, "purchase_orders": pl.concat([found["purchase_orders"]] * 2)}

    monkeypatch.setattr(orders, "released", doubled)
    with pytest.raises(PackError, match="same number"):
        soe.release(out, MONDAY, data=folder)
    assert not (out / "releases").exists()


@pytest.mark.parametrize("field", ["by", "reason"])
def test_an_approval_needs_a_name_and_a_reason(world: tuple[Path, Snapshot, Plan], tmp_path: Path, field: str) -> None:
    _, _, plan = world
    kept(tmp_path / "out", plan)
    given = {"by": "Ada", "reason": "as discussed", field: "  "}
    with pytest.raises(DataError, match=f"needs its {field}"):
        soe.approve(tmp_path / "out" / "plans", MONDAY, **given)


def test_a_routing_without_a_line_is_ordered_at_its_place(tmp_path: Path) -> None:
    """A co-packer whose hours nobody counts: the order names the place, the line is blank."""
    tables = {name: rows for name, rows in TABLES.items() if name not in {"resources", "calendar", "operations"}}
    read = snapshot(tmp_path / "free", **tables)
    made = orders.released(soe.plan(read), read)["production_orders"]
    assert set(made["line"]) == {""}
    assert all(number.startswith("MO-") and "-Plant-" in number for number in made["production_order"])


def test_a_company_that_makes_nothing_is_released(tmp_path: Path) -> None:
    """It buys and sells: no production order and no daily rate, in the columns that they always have."""
    bought = {"offer": "O", "supplier": "S", "item": "P", "location": "Shop", "unit_cost": 2, "lead_time_days": 0}
    kept = ("settings", "items", "locations", "customers", "orders")
    read = snapshot(tmp_path / "shop", **{n: TABLES[n] for n in kept if n in TABLES}, offers=[bought])
    made = snapshot(tmp_path / "plant", **TABLES)
    found, usual = orders.released(soe.plan(read), read), orders.released(soe.plan(made), made)
    assert found["purchase_orders"]["quantity"].sum() == pytest.approx(46.0)
    for name in ("production_orders", "daily_rates"):
        assert found[name].is_empty()
        assert found[name].schema == usual[name].schema


def test_a_plan_with_an_idea_of_ones_own_is_released_with_it(
    world: tuple[Path, Snapshot, Plan], tmp_path: Path
) -> None:
    """The extract alone does not say that 20 must be made on Monday: without that, the plan is none of its own."""
    folder, read, _ = world
    out, own = tmp_path / "out", soe.blocks.Force("make", 20.0, item="P", period="D001")
    kept(out, soe.plan(read, blocks=own))
    soe.approve(out / "plans", MONDAY, by="Ada", reason="as discussed")
    with pytest.raises(DataError, match="other rules than its extract"):
        soe.release(out, MONDAY, data=folder)
    assert not (out / "releases").exists()
    made = soe.release(out, MONDAY, data=folder, blocks=own)
    first = pl.read_csv(made.folder / "production_orders.csv").filter(pl.col("period") == "D001")
    assert first["quantity"].to_list() == [20.0]
