"""What is given and has no effect is a finding: a row that no plan can use, a figure that another one would wake."""

from __future__ import annotations

from pathlib import Path

import pytest

from soe_lib.model.checks import check
from tests.unit.extract.company import FILES, SETTINGS, add, swap, write

Changes = dict[str, str | bytes | None]
FG_ONLY = swap("lanes.csv", "P,M,,2", "P,M,FG,2")
CASES: list[tuple[str, Changes, str, str, str, str]] = [
    ("a safety stock without a price", swap("policies.csv", "10,,1", "10,,"), "warn", "policies", "safety_stock", "10"),
    ("a price without a safety stock", swap("policies.csv", "10,,1", ",,1"), "warn", "policies", "below_safety_cost", "1"),
    ("a late cost where nothing may be late", swap("customers.csv", "0.5,14", "0.5,0"), "note", "customers", "late_cost", "0.5"),
    ("a lot above the maximum", {"offers.csv": "offer,supplier,item,location,unit_cost,lead_time_days,multiple,maximum\n"
     "O,Kobe,RM,P,2,7,50,40\n"}, "warn", "offers", "multiple", "50"),
    ("an expansion of nothing", {"expansions.csv": "expansion,resource,hours,cost\nE,L1,0,100\n"}, "warn", "expansions",
     "hours", "0"),
    ("people who work no hours", {"workforce.csv": "resource,opening_heads\nL1,3\n"}, "warn", "workforce",
     "hours_per_head", "0"),
    ("a fixed cost of a place that stays", {"locations.csv": "location,kind,storage_capacity,fixed_cost\nP,plant,,9\nM,market,,\n"},
     "warn", "locations", "fixed_cost", "9"),
    ("an order of the year 26", add("orders.csv", "2,FG,M,C1,0026-11-20,7,,21"), "stop", "orders", "due_on", "0026-11-20"),
    ("a forecast of the year 26", {"forecast.csv": "item,location,customer,date,quantity,price\nFG,M,C1,2026-11-25,9,20\n"
     "FG,M,C1,0026-11-25,9,20\n"}, "stop", "forecast", "date", "0026-11-25"),
    ("an offer of last year", {"offers.csv": "offer,supplier,item,location,unit_cost,lead_time_days,valid_to\nO,Kobe,RM,P,2,7,\n"
     "O8,Kobe,RM,P,2,7,2025-12-31\n"}, "note", "offers", "valid_from", ""),
    ("a receipt of next year", add("receipts.csv", "X2,buy,RM,P,2027-06-01,100,O"), "note", "receipts", "due_on",
     "2027-06-01"),
    ("a lane from a place that has nothing", {**add("locations.csv", "N,warehouse,"), **add("lanes.csv", "N>M,N,M,,2,0.5")},
     "warn", "lanes", "origin", "N"),
    ("a lane of an item that is never there", {**FG_ONLY, "lanes.csv": f"{FG_ONLY['lanes.csv']}M>P,M,P,RM,2,0.5\n"}, "warn", "lanes", "origin", "M"),
    ("a policy where the item cannot get to", {**FG_ONLY, **add("policies.csv", "RM,M,5,,1")}, "warn", "policies", "item", "RM"),
    ("a customer who asks for nothing", add("customers.csv", "C2,B,2,0.5,7"), "note", "customers", "customer", "C2"),
    ("a resource whose hours nothing takes", add("resources.csv", "L2,P,line,40"), "note", "resources", "resource", "L2"),
    ("a substitute of what nobody asks for", {"substitutions.csv": "item,substitute\nRM,FG\n"}, "warn", "substitutions",
     "item", "RM"),
    ("a group without a place", {"location_groups.csv": "group,maximum_open\nG,1\n"}, "warn", "location_groups", "group", "G"),
    ("a place of no group", {"locations.csv": "location,kind,group\nP,plant,G\nM,market,\n"}, "warn", "locations", "group",
     "G"),
    ("an override that reads as a remark", {"overrides.csv": "override,what,quantity\n1,make FG at P,10\n"}, "warn",
     "overrides", "what", "make FG at P"),
    ("a band of no family", {"settings.toml": f"{SETTINGS}[tolerance]\nFan = 0.05\n"}, "warn", "settings", "tolerance",
     "Fan"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "level", "table", "column", "value"), [case[1:] for case in CASES], ids=[c[0] for c in CASES]
)
def test_what_has_no_effect_is_said(
    tmp_path: Path, changes: Changes, level: str, table: str, column: str, value: str
) -> None:
    found = check(write(tmp_path, changes)).findings
    mine = [(one.level, one.table, one.column, one.value) for one in found]
    assert (level, table, column, value) in mine, check(tmp_path).text()


@pytest.mark.parametrize("reverse", [False, True])
def test_the_company_itself_has_nothing_idle(tmp_path: Path, *, reverse: bool) -> None:
    """Whatever the order of its rows."""
    turned = {
        name: "\n".join([text.splitlines()[0], *text.splitlines()[:0:-1]]) + "\n"
        for name, text in FILES.items()
        if name.endswith(".csv")
    }
    assert check(write(tmp_path, {**turned} if reverse else {})).findings == ()


def test_validity_without_end_is_no_odd_year(tmp_path: Path) -> None:
    head = "offer,supplier,item,location,unit_cost,lead_time_days,valid_to\n"
    offers: Changes = {"offers.csv": f"{head}O,Kobe,RM,P,2,7,9999-12-31\n"}
    lots: Changes = {"inventory.csv": "item,location,lot,on_hand,expires_on\nFG,M,1,30,9999-12-31\nRM,P,,500,\n"}
    assert check(write(tmp_path, {**offers, **lots})).findings == ()
