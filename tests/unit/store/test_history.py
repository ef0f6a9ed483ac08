"""Plan history: written once, found again whole, under concurrent writers and across changed blocks."""

from __future__ import annotations

import json
import multiprocessing
import subprocess
import sys
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest
from deltalake import write_deltalake
from polars.testing import assert_frame_equal

import soe_lib as soe
from soe_lib.errors import DataError, FormulationError, ReconciliationError, SoeError
from soe_lib.store import tables
from soe_lib.store.history import append, latest, load_plan, plans, restate
from soe_lib.store.plan import Plan
from soe_lib.store.tables import pack, unpack
from tests.ledgers import MONDAY, plan

W47 = "2026-W47"


def made(quantity: float = 10.0, *, fingerprint: str = "inputs", as_of: date = MONDAY, company: str = "Test") -> Plan:
    """Sells some A at 10 and holds some, with attributes of every type beside the keys."""
    place = {"item": "A", "location": "L"}
    sale = {**place, "customer": "C", "order": "", "due": W47, "period": W47}
    attributes = {"price": 10.0, "late": 0, "firm": True, "due_on": MONDAY}
    return plan(
        {
            "sell": [{**sale, **attributes, "quantity": quantity}],
            "stock": [{**place, "period": W47, "quantity": 0.1 + 0.2}],
        },
        {
            "sell": [{**sale, "account": "revenue", "per_unit": 10.0}],
            "stock": [{**place, "period": W47, "account": "holding", "per_unit": -0.25}],
        },
        fingerprint=fingerprint, as_of=as_of, company=company,
    )  # fmt: skip


def test_a_plan_comes_back_as_it_was_kept(tmp_path: Path) -> None:
    kept = made()
    entry = append(tmp_path, kept, reason="first")
    assert (entry.as_of, entry.run, entry.fingerprint, entry.added, entry.previous) == (MONDAY, 1, "inputs", True, "")
    again = load_plan("2026-11-16", store=tmp_path)
    for flow, frame in kept.flows.items():
        assert_frame_equal(again.flows[flow], frame)
    assert_frame_equal(again.prices["hours"], kept.prices["hours"])
    assert_frame_equal(again.periods, kept.periods)
    assert again.ledger.accounts() == kept.ledger.accounts()
    assert (again.name, again.currency, again.solution) == (kept.name, kept.currency, kept.solution)


def test_the_same_plan_again_adds_nothing(tmp_path: Path) -> None:
    append(tmp_path, made())
    flows = tables.read(tables.opened(tmp_path, "flows")).height
    again = append(tmp_path, made(), reason="once more")
    assert (again.run, again.added) == (1, False)
    assert plans(tmp_path).height == 1
    assert tables.read(tables.opened(tmp_path, "flows")).height == flows


def test_changed_inputs_make_the_next_run_linked_to_the_one_before(tmp_path: Path) -> None:
    append(tmp_path, made(), reason="Monday")
    second = append(tmp_path, made(12.0, fingerprint="other inputs"), reason="late receipt")
    week_after = append(tmp_path, made(as_of=MONDAY + timedelta(days=7)))
    assert (second.run, second.previous) == (2, "2026-11-16/1")
    assert (week_after.run, week_after.previous) == (1, "2026-11-16/2")
    restated = append(tmp_path, made(11.0, fingerprint="restated"), previous=second, reason="restatement")
    assert (restated.run, restated.previous) == (3, "2026-11-16/2")
    found = plans(tmp_path)
    assert found.select("run", "reason", "margin").rows()[:2] == [(1, "Monday", 99.925), (2, "late receipt", 119.925)]
    assert found["created"].null_count() == 0
    assert set(json.loads(found["library_versions"][0])) >= {"polars", "highspy", "deltalake"}


def test_every_week_stays_what_it_was(tmp_path: Path) -> None:
    for week in range(3):
        append(tmp_path, made(10.0 + week, as_of=MONDAY + timedelta(days=7 * week)))
    restate(tmp_path, made(99.0, fingerprint="restated"), "a receipt was booked twice")
    sold = [load_plan(MONDAY, run, store=tmp_path).flows["sell"]["quantity"].sum() for run in (1, 2)]
    assert sold == [10.0, 99.0]
    assert load_plan(MONDAY, store=tmp_path).flows["sell"]["quantity"].sum() == 99.0
    assert [plans(tmp_path, version=version).height for version in range(5)] == [0, 1, 2, 3, 4]
    newest, before = latest(tmp_path), latest(tmp_path, before="2026-11-30")
    assert newest is not None
    assert before is not None
    assert (newest.as_of, before.as_of) == (date(2026, 11, 30), date(2026, 11, 23))
    assert latest(tmp_path, before=MONDAY) is None


def test_a_closed_week_stays_and_a_restatement_stands_beside_it_with_its_reason(tmp_path: Path) -> None:
    append(tmp_path, made())
    append(tmp_path, made(12.0, as_of=MONDAY + timedelta(days=7)))
    wrong = made(9.0, fingerprint="corrected")
    with pytest.raises(DataError, match=r"2026-11-16 is closed in the plan store .*builds on 2026-11-16/1"):
        append(tmp_path, wrong)
    assert plans(tmp_path).height == 2
    with pytest.raises(DataError, match="needs its reason"):
        restate(tmp_path, wrong, "  ")
    entry = restate(tmp_path, wrong, "one sale was booked twice")
    assert (entry.run, entry.previous, entry.restates) == (2, "2026-11-16/1", "2026-11-16/1")
    kept = plans(tmp_path, as_of="2026-11-16").select("run", "reason", "restates").rows()
    assert kept == [(1, "", ""), (2, "one sale was booked twice", "2026-11-16/1")]
    assert load_plan(MONDAY, 1, store=tmp_path).flows["sell"]["quantity"].to_list() == [10.0]
    assert append(tmp_path, made()).added is False, "the very same plan of a closed week is there already"
    with pytest.raises(DataError, match="no plan of 2026-11-30 to restate"):
        restate(tmp_path, made(as_of=MONDAY + timedelta(days=14)), "nothing there")


def test_an_earlier_week_may_be_kept_late_but_only_once(tmp_path: Path) -> None:
    append(tmp_path, made(as_of=MONDAY + timedelta(days=7)))
    assert append(tmp_path, made()).restates == ""
    with pytest.raises(DataError, match="is closed"):
        append(tmp_path, made(11.0, fingerprint="other"))


def test_an_address_is_as_good_as_a_folder(tmp_path: Path) -> None:
    address, options = f"file://{tmp_path}/store", {"timeout": "30s"}
    append(address, made(), storage_options=options)
    append(tmp_path / "store", made(12.0, fingerprint="other"), reason="by its path")
    assert plans(address, storage_options=options)["run"].to_list() == [1, 2]
    assert soe.plans(tmp_path / "store")["reason"].to_list() == ["", "by its path"]
    sold = [
        soe.load_plan(MONDAY, run, store=address, storage_options=options).flows["sell"]["quantity"][0]
        for run in (1, 2)
    ]
    assert sold == [10.0, 12.0]
    assert soe.load_plan("2026-11-16", store=tmp_path / "store").margin == 119.925
    assert "30s" not in repr(tables.at(address, options))


def test_what_was_known_at_a_time(tmp_path: Path) -> None:
    append(tmp_path, made())
    between = plans(tmp_path)["created"][0]
    append(tmp_path, made(12.0, fingerprint="other"))
    assert plans(tmp_path, known_at=between)["run"].to_list() == [1]


def test_a_store_from_before_restatements_still_opens(tmp_path: Path) -> None:
    append(tmp_path, made())
    table = tables.opened(tmp_path, "plans")
    old = tables.read(table).drop("restates")
    write_deltalake(tables.address(tmp_path, "plans"), old, mode="overwrite", schema_mode="overwrite")
    assert plans(tmp_path)["restates"].to_list() == [""]
    assert append(tmp_path, made(12.0, fingerprint="other")).run == 2


def test_a_folder_that_save_wrote_is_as_good(tmp_path: Path) -> None:
    made().save(tmp_path / "plan")
    append(tmp_path / "store", tmp_path / "plan")
    assert not append(tmp_path / "store", made()).added


def test_companies_are_kept_apart_and_never_become_paths(tmp_path: Path) -> None:
    names = ["../../elsewhere", "/etc", "CON", "a'b; DROP", "Ünï"]
    for name in names:
        append(tmp_path / "store", made(company=name))
    assert {path.name for path in (tmp_path / "store").iterdir()} <= set(tables.TABLES)
    assert [path.name for path in tmp_path.iterdir()] == ["store"]
    assert load_plan(MONDAY, company="a'b; DROP", store=tmp_path / "store").company == "a'b; DROP"
    assert plans(tmp_path / "store", company="Ünï").height == 1
    with pytest.raises(DataError, match="say which company"):
        load_plan(MONDAY, store=tmp_path / "store")
    with pytest.raises(DataError, match="no company 'x'"):
        load_plan(MONDAY, company="x", store=tmp_path / "store")
    with pytest.raises(ValueError, match=r"not '\.\./plans'"):
        tables.address(tmp_path, "../plans")


def test_a_plan_that_is_not_there_is_named_with_those_that_are(tmp_path: Path) -> None:
    assert plans(tmp_path / "none").is_empty()
    assert latest(tmp_path / "none") is None
    with pytest.raises(DataError, match="it is empty"):
        load_plan(MONDAY, store=tmp_path / "none")
    append(tmp_path, made())
    with pytest.raises(DataError, match="no plan 2026-11-17; the newest are 2026-11-16/1"):
        load_plan("2026-11-17", store=tmp_path)
    with pytest.raises(DataError, match="no plan 2026-11-16/7"):
        load_plan(MONDAY, 7, store=tmp_path)
    with pytest.raises(DataError, match=r"'\.\./\.\./x' is no as-of date"):
        load_plan("../../x", store=tmp_path)


def test_a_store_that_is_none_says_so(tmp_path: Path) -> None:
    (tmp_path / "flows").write_text("no table")
    with pytest.raises(SoeError, match="could not be written"):
        append(tmp_path, made())
    (tmp_path / "plans").write_text("no table")
    with pytest.raises(SoeError, match="cannot be read as a table"):
        plans(tmp_path)


def test_rows_without_an_entry_in_plans_do_not_exist(tmp_path: Path) -> None:
    # a run killed before its last write leaves flows behind; nobody sees them, and the re-run is whole
    append(tmp_path, made())
    orphan = tables.read(tables.opened(tmp_path, "flows")).with_columns(entry=pl.lit("killed"))
    tables.add(tmp_path, "flows", orphan)
    append(tmp_path, made(12.0, fingerprint="again"))
    assert plans(tmp_path)["run"].to_list() == [1, 2]
    assert load_plan(MONDAY, 1, store=tmp_path).flows["sell"].height == 1


@pytest.mark.parametrize("table", ["flows", "rates", "frames"])
def test_a_row_that_was_altered_is_noticed(tmp_path: Path, table: str) -> None:
    append(tmp_path, made())
    found = tables.opened(tmp_path, table)
    assert found is not None
    number = {"flows": "quantity", "rates": "per_unit__number", "frames": "standard_cost__number"}[table]
    found.update(updates={number: f"{number} + 0.01"}, predicate=f"{number} is not null")
    with pytest.raises(ReconciliationError, match=f"its {table} were altered or lost"):
        load_plan(MONDAY, store=tmp_path)


@pytest.mark.parametrize("table", ["flows", "rates", "frames"])
def test_rows_that_are_gone_are_noticed(tmp_path: Path, table: str) -> None:
    append(tmp_path, made())
    found = tables.opened(tmp_path, table)
    assert found is not None
    found.delete()
    with pytest.raises(ReconciliationError, match=f"its {table} were altered or lost"):
        load_plan(MONDAY, store=tmp_path)


def test_a_new_block_brings_new_columns_and_old_plans_still_open(tmp_path: Path) -> None:
    append(tmp_path, made())
    more = made(fingerprint="with set-ups")
    set_up = pl.DataFrame({"routing": ["R"], "crew": ["night"], "quantity": [1.0], "price": ["text here"]})
    append(tmp_path, replace(more, flows={**more.flows, "set_up": set_up}))
    assert "set_up" not in load_plan(MONDAY, 1, store=tmp_path).flows
    assert_frame_equal(load_plan(MONDAY, 2, store=tmp_path).flows["set_up"], set_up)
    assert load_plan(MONDAY, 2, store=tmp_path).flows["sell"]["price"].to_list() == [10.0]


def test_frames_of_every_type_come_back_in_their_order() -> None:
    frame = pl.DataFrame(
        {"as_of": ["b", "a"], "n": [2, None], "odd name": [0.1, 0.3], "quantity": [1.5, None], "day": [MONDAY, None]}
    ).with_columns(small=pl.lit(3, dtype=pl.UInt32))
    packed, layout = pack({"x": frame, "empty": frame.clear()})
    again = unpack(packed.sample(fraction=1.0, shuffle=True, seed=1), json.loads(json.dumps(layout)))
    assert_frame_equal(again["x"], frame)
    assert_frame_equal(again["empty"], frame.clear())
    with pytest.raises(FormulationError, match="'list' of 'x' is List"):
        pack({"x": pl.DataFrame({"list": [[1]]})})


def _append_many(store: str, worker: int) -> None:
    for turn in range(3):
        append(store, made(100.0 * worker + turn, fingerprint=f"{worker}/{turn}"))


def test_four_processes_append_at_once_and_nothing_is_lost(tmp_path: Path) -> None:
    spawn = multiprocessing.get_context("spawn")
    workers = [spawn.Process(target=_append_many, args=(str(tmp_path), n)) for n in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(120)
    assert [worker.exitcode for worker in workers] == [0] * 4
    found = plans(tmp_path)
    assert found["run"].to_list() == list(range(1, 13))
    assert found["fingerprint"].n_unique() == 12
    assert found["previous"].to_list() == ["", *(f"2026-11-16/{run}" for run in range(1, 12))]
    for run, fingerprint in found.select("run", "fingerprint").iter_rows():
        number, turn = (int(part) for part in fingerprint.split("/"))
        assert load_plan(MONDAY, run, store=tmp_path).flows["sell"]["quantity"].to_list() == [100.0 * number + turn]


def test_money_and_store_need_no_solver() -> None:
    rooms = (
        "soe_lib.money.reconciliation, soe_lib.money.profit_and_loss, soe_lib.money.valuation, soe_lib.store.history"
    )
    code = f"import sys, {rooms}; print([m for m in ('cvxpy', 'highspy', 'matplotlib') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
