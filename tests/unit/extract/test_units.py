"""Declared units: every number of every table, by hand whose unit it is in and with which power; and what is refused."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest
from polars.testing import assert_frame_equal

from soe_lib.extract.folders import inspect
from soe_lib.extract.schema import schema
from soe_lib.model.checks import check, read
from tests.unit.extract.company import FILES, write

RICH = {
    **FILES,
    "items.csv": "item,family,unit,standard_cost,holding_cost,price,end_value,volume,weight,rounding\n"
    "FG,Fam,each,6,0.1,20,5,2,3,1\nRM,Raw,kg,2,0.2,4,1,1,1,0.5\nCO,Raw,each,1,0.1,2,0.5,1,1,1\n"
    "SUB,Fam,each,5,0.1,9,2,1,1,1\nAUX,Raw,each,1,0.1,2,0.5,1,1,1\n",
    "routings.csv": "routing,item,location,cost_per_unit,yield,minimum,maximum,multiple\nR,FG,P,1.25,0.9,10,400,5\n",
    "operations.csv": "routing,step,resource,hours_per_unit,units_per_hour\nR,fill,L1,0.125,\nR,pack,L1,,30\n",
    "components.csv": "routing,component,quantity\nR,RM,2.5\n",
    "co_products.csv": "routing,item,quantity\nR,CO,0.125\n",
    "offers.csv": "offer,supplier,item,location,unit_cost,lead_time_days,minimum,multiple,maximum\nO,Kobe,RM,P,2,7,20,5,900\n",
    "offer_prices.csv": "offer,date,unit_cost\nO,2026-11-18,2.25\n",
    "lanes.csv": "lane,origin,destination,item,lead_time_days,cost_per_unit,minimum,maximum,multiple\nP>M,P,M,FG,2,0.5,10,600,5\n",
    "lane_resources.csv": "lane,item,resource,hours_per_unit\nP>M,,L1,0.0625\n",
    "customers.csv": "customer,segment,priority,late_cost,late_goodwill,short_cost,short_penalty,latest_days\n"
    "C1,A,1,0.5,0.75,3,0.25,14\n",
    "forecast_errors.csv": "item,location,probability,quantity\nFG,M,0.75,12\n",
    "policies.csv": "item,location,safety_stock,below_safety_cost,maximum_stock,end_stock,end_stock_maximum\n"
    "FG,M,10,0.5,900,12,800\n",
    "substitutions.csv": "item,substitute,customer,ratio,cost\nFG,SUB,C1,1.5,0.25\n",
    "budget.csv": "fiscal_month,family,location,account,measure,quantity,amount\n2026-12,Fam,,revenue,sales,500,9000\n",
    "actuals.csv": "date,measure,item,location,customer,quantity,amount\n2026-11-12,sales,FG,M,C1,20,400\n",
    "events.csv": "event,kind,target,from,to,factor,quantity\nE1,supply_loss,O,2026-11-17,2026-11-19,0.5,40\n",
    "units.csv": "item,unit,factor\n,milli,0.001\n",
}  # fmt: skip
# by hand: the power of the row's own unit, and that of the unit it is per
POWERS = {
    "items": {"standard_cost": (-1, 0), "holding_cost": (-1, 0), "price": (-1, 0), "end_value": (-1, 0),
              "volume": (-1, 0), "weight": (-1, 0), "rounding": (1, 0)},
    "routings": {"cost_per_unit": (-1, 0), "yield": (0, 0), "minimum": (1, 0), "maximum": (1, 0), "multiple": (1, 0)},
    "operations": {"hours_per_unit": (-1, 0), "units_per_hour": (1, 0)},
    "components": {"quantity": (1, -1)},
    "co_products": {"quantity": (1, -1)},
    "offers": {"unit_cost": (-1, 0), "minimum": (1, 0), "multiple": (1, 0), "maximum": (1, 0)},
    "offer_prices": {"unit_cost": (-1, 0)},
    "lanes": {"cost_per_unit": (-1, 0), "minimum": (1, 0), "maximum": (1, 0), "multiple": (1, 0)},
    "lane_resources": {"hours_per_unit": (-1, 0)},
    "customers": {"late_cost": (-1, 0), "late_goodwill": (-1, 0), "short_cost": (-1, 0), "short_penalty": (-1, 0)},
    "forecast_errors": {"quantity": (1, 0)},
    "forecast": {"quantity": (1, 0), "committed": (1, 0), "price": (-1, 0)},
    "orders": {"quantity": (1, 0), "committed": (1, 0), "promised": (1, 0), "price": (-1, 0)},
    "substitutions": {"ratio": (1, -1), "cost": (0, -1)},
    "inventory": {"on_hand": (1, 0)},
    "receipts": {"quantity": (1, 0)},
    "policies": {"safety_stock": (1, 0), "below_safety_cost": (-1, 0), "maximum_stock": (1, 0), "end_stock": (1, 0),
                 "end_stock_maximum": (1, 0)},
    "consensus": {"quantity": (1, 0)},
    "budget": {"quantity": (1, 0)},
    "actuals": {"quantity": (1, 0)},
    "deliveries": {"quantity": (1, 0)},
    "events": {"quantity": (1, 0)},
    "overrides": {"quantity": (1, 0)},
}  # fmt: skip
PER = ("components", "co_products", "substitutions")


def scaled(table: str, place: int) -> str:
    """The table's file as a company writes it that counts in thousandths: numbers by hand, and the column ME."""
    head, *rows = [line.split(",") for line in RICH[f"{table}.csv"].splitlines()]
    lines = [[*head, "ME"]]
    for row in rows:
        cells = [
            f"{float(cell) * 1000.0 ** POWERS[table][name][place]:.12g}" if cell and name in POWERS[table] else cell
            for name, cell in zip(head, row, strict=True)
        ]
        lines.append([*cells, "milli"])
    return "".join(",".join(line) + "\n" for line in lines)


def same(one: Path, other: Path, table: str) -> None:
    first, second = read(one), read(other)
    assert not second[table].is_empty()
    for name in schema():
        assert_frame_equal(second[name], first[name], check_exact=False, rel_tol=1e-12)


def test_every_number_of_every_table_has_its_power_by_hand() -> None:
    for table in schema().values():
        for column in table.columns:
            counts = (
                "unit" in column.unit.replace("other unit", "") and column.type == "number" and table.name != "units"
            )
            assert counts == (column.name in POWERS.get(table.name, {})), f"{table.name}.{column.name}: {column.unit}"


DECLARED = [*((name, "unit_column") for name in POWERS if name != "overrides"), ("offers", "unit")]


@pytest.mark.parametrize(("table", "how"), DECLARED)
def test_a_table_in_thousandths_is_the_same_snapshot(table: str, how: str, tmp_path: Path) -> None:
    plain = write(tmp_path / "plain", {**RICH})
    value = "ME" if how == "unit_column" else "milli"
    sources = f'[tables.{table}]\nfile = "{table}.csv"\n{how} = "{value}"\n'
    ignore = "" if how == "unit_column" else 'ignore = ["ME"]\n'
    other = write(tmp_path / "other", {**RICH, f"{table}.csv": scaled(table, 0), "sources.toml": sources + ignore})
    same(plain, other, table)


@pytest.mark.parametrize("table", PER)
def test_what_a_quantity_is_per_has_a_unit_of_its_own(table: str, tmp_path: Path) -> None:
    plain = write(tmp_path / "plain", {**RICH})
    sources = f'[tables.{table}]\nfile = "{table}.csv"\nper_unit_column = "ME"\n'
    other = write(tmp_path / "other", {**RICH, f"{table}.csv": scaled(table, 1), "sources.toml": sources})
    same(plain, other, table)


def test_a_blank_quantity_stays_blank_in_another_unit(tmp_path: Path) -> None:
    """A default of the contract is in the item's own unit: whole units are not whole thousandths."""
    head, *rows = RICH["items.csv"].splitlines()
    table = "\n".join([f"{head},ME", *(f"{row.rsplit(',', 1)[0]},,milli" for row in rows)]) + "\n"
    sources = '[tables.items]\nfile = "items.csv"\nunit_column = "ME"\n'
    found = read(write(tmp_path, {**RICH, "items.csv": table, "sources.toml": sources}))
    assert found["items"]["rounding"].null_count() == found["items"].height > 0


def test_the_fingerprint_is_that_of_the_own_unit(tmp_path: Path) -> None:
    """9 g are 0.009 kg to the last digit, though 9 × 0.001 is not."""
    plain = write(tmp_path / "plain", {**RICH, "components.csv": "routing,component,quantity\nR,RM,0.009\n"})
    sources = '[tables.components]\nfile = "stl.csv"\nunit_column = "ME"\n'
    changes = {
        "components.csv": None,
        "stl.csv": "routing,component,quantity,ME\nR,RM,9,milli\n",
        "sources.toml": sources,
    }
    assert read(write(tmp_path / "other", {**RICH, **changes})).fingerprint == read(plain).fingerprint


def test_a_database_declares_its_units_too(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "erp.db") as erp:
        erp.execute("CREATE TABLE stpo (plan, idnrk, menge, meins, bmein)")
        erp.execute("INSERT INTO stpo VALUES ('R', 'RM', 30000, 'g', 'case')")
    columns = 'columns = { routing = "plan", component = "idnrk", quantity = "menge" }'
    sources = f'[sources.erp]\nkind = "sqlite"\npath = "../erp.db"\n[tables.components]\nsource = "erp"\n{columns}\n'
    sources += 'relation = "stpo"\nunit_column = "meins"\nper_unit_column = "bmein"\n'
    units = "item,unit,factor\nRM,g,0.001\nFG,case,12\n"
    folder = write(tmp_path / "x", {**RICH, "components.csv": None, "sources.toml": sources, "units.csv": units})
    assert read(folder)["components"]["quantity"].to_list() == [2.5]  # 30,000 g a case of 12 pieces


def test_an_unknown_unit_stops_with_its_rows(tmp_path: Path) -> None:
    bom = "routing,component,quantity,ME\nR,RM,2,kg\nR,AUX,5,lb\nR,SUB,7,lb\n"
    sources = '[tables.components]\nfile = "stl.csv"\nunit_column = "ME"\n'
    folder = write(tmp_path, {**RICH, "components.csv": None, "stl.csv": bom, "sources.toml": sources})
    (one,) = [finding for finding in check(folder).findings if finding.level == "stop"]
    assert (one.file, one.rows, one.column, one.value, one.count) == ("stl.csv", (3, 4), "ME", "lb", 2)
    assert "AUX (and 1 more) is counted in each" in one.rule
    assert "item AUX, unit lb" in one.fix


def test_a_blank_unit_of_a_row_without_a_number_is_none(tmp_path: Path) -> None:
    done = "date,measure,item,location,resource,quantity,hours,ME\n2026-11-12,hours,,P,L1,,6,\n"
    sources = '[tables.actuals]\nfile = "actuals.csv"\nunit_column = "ME"\n'
    folder = write(tmp_path, {**RICH, "actuals.csv": done, "sources.toml": sources})
    assert read(folder)["actuals"]["hours"].to_list() == [6.0]


@pytest.mark.parametrize("of", [",milli,0.001", "FG,milli,0.001"])
def test_a_row_of_every_item_is_converted_only_where_the_factor_is_one(of: str, tmp_path: Path) -> None:
    sources = '[tables.customers]\nfile = "customers.csv"\nunit_column = "ME"\n'
    changes = {
        "customers.csv": scaled("customers", 0),
        "units.csv": f"item,unit,factor\n{of}\n",
        "sources.toml": sources,
    }
    findings = check(write(tmp_path, {**RICH, **changes})).findings
    stopped = [one for one in findings if one.level == "stop"]
    assert bool(stopped) == of.startswith("FG")
    assert all("same for every item" in one.rule for one in stopped)


@pytest.mark.parametrize(
    ("table", "line", "says"),
    [
        ("calendar", 'unit_column = "ME"', "No number of the table counts"),
        ("resources", 'unit = "g"', "No number of the table counts"),
        ("units", 'unit_column = "ME"', "No number of the table counts"),
        ("forecast", 'per_unit_column = "ME"', "No number of the table counts"),
        ("components", 'currency = "USD"', "No number of the table is money"),
        ("currencies", 'currency = "USD"', "No number of the table is money"),
        ("orders", 'rate_on = "due_on"', "No money is converted"),
        ("components", 'per_unit = "g"\nper_unit_column = "ME"', "both given"),
    ],
)
def test_a_declaration_without_meaning_is_refused(table: str, line: str, says: str, tmp_path: Path) -> None:
    rates = {"currencies.csv": "currency,month,rate\nUSD,2026-11,0.9\n"}
    sources = f'[tables.{table}]\nfile = "{table}.csv"\n{line}\n'
    findings = check(write(tmp_path, {**RICH, **rates, "sources.toml": sources})).findings
    assert any(says in one.rule and one.level == "stop" and one.file == "sources.toml" for one in findings)


def test_the_money_of_a_month_takes_the_rate_of_that_month(tmp_path: Path) -> None:
    rates = "currency,month,rate\nUSD,2026-11,0.9\nUSD,2026-12,0.8\n"
    sources = '[tables.budget]\nfile = "budget.csv"\ncurrency = "USD"\nrate_on = "fiscal_month"\n'
    folder = write(tmp_path, {**RICH, "currencies.csv": rates, "sources.toml": sources})
    assert read(folder)["budget"]["amount"].to_list() == [7200.0]  # of December: 9,000 × 0.8


MONEY = {
    "items": ("standard_cost", "holding_cost", "price", "end_value"), "locations": ("storage_cost", "fixed_cost"),
    "resources": ("hourly_cost", "overtime_cost"), "expansions": ("cost",),
    "workforce": ("cost_per_head", "hire_cost", "release_cost"),
    "routings": ("cost_per_unit", "setup_cost", "fixed_cost"), "offers": ("unit_cost", "order_cost"),
    "offer_prices": ("unit_cost",), "lanes": ("cost_per_unit", "fixed_cost"),
    "customers": ("late_cost", "late_goodwill", "short_cost", "short_penalty"), "forecast": ("price",), "orders": ("price",),
    "substitutions": ("cost",), "policies": ("below_safety_cost",), "consensus": ("amount",), "budget": ("amount",),
    "targets": ("amount", "booked"), "actuals": ("amount",), "changeovers": ("cost",),
}  # fmt: skip


def test_every_number_of_money_is_known_by_hand() -> None:
    for table in schema().values():
        names = {one.name for one in table.columns if "money" in one.unit and table.name != "currencies"}
        assert names == set(MONEY.get(table.name, ())), table.name


@pytest.mark.parametrize("table", [name for name in MONEY if f"{name}.csv" in RICH])
def test_money_of_another_currency_is_the_same_snapshot(table: str, tmp_path: Path) -> None:
    """Twice the money at a rate of a half."""
    rates = {"currencies.csv": "currency,month,rate\nUSD,2026-11,0.5\n"}
    head, *rows = [line.split(",") for line in RICH[f"{table}.csv"].splitlines()]
    lines = [
        [
            f"{2 * float(cell):g}" if cell and name in MONEY[table] else cell
            for name, cell in zip(head, row, strict=True)
        ]
        for row in rows
    ]
    text = "".join(",".join(line) + "\n" for line in [[*head, "WAERS"], *([*line, "USD"] for line in lines)])
    sources = f'[tables.{table}]\nfile = "{table}.csv"\ncurrency_column = "WAERS"\n'
    plain = write(tmp_path / "plain", {**RICH, **rates})
    same(plain, write(tmp_path / "other", {**RICH, **rates, f"{table}.csv": text, "sources.toml": sources}), table)


@pytest.mark.parametrize(("target", "unit", "quantity"), [("FG", "case", 60.0), ("O", "bag", 125.0)])
def test_an_event_counts_the_units_of_what_it_hits(target: str, unit: str, quantity: float, tmp_path: Path) -> None:
    events = (
        f"event,kind,target,from,to,factor,quantity,ME\nE1,supply_loss,{target},2026-11-17,2026-11-19,0.5,5,{unit}\n"
    )
    units = "item,unit,factor\nFG,case,12\nRM,bag,25\n"
    sources = '[tables.events]\nfile = "events.csv"\nunit_column = "ME"\n'
    tables, problems = convert_of(
        write(tmp_path, {**RICH, "events.csv": events, "units.csv": units, "sources.toml": sources})
    )
    assert tables["events"]["quantity"].to_list() == [quantity]
    assert not [one for one in problems if one.table == "events" and "conversion" in one.rule]


def convert_of(folder: Path) -> tuple[Any, Any]:
    """The tables and findings of an extract, planned with or not."""
    extract = inspect(folder)
    return extract.tables, extract.findings
