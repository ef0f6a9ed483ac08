"""frePPLe importer: a bakery invented for these tests, every figure worked out by hand in the comment beside it.

As of Monday 2024-04-29. The bakery works Monday to Friday 08:00–16:00 and is closed on Wednesday 1 May.
"""

from __future__ import annotations

import re
import tomllib
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from soe_lib.errors import DataError
from soe_lib.extract import snapshot
from soe_lib.importers.frepple import ImportReport, import_frepple, source
from soe_lib.importers.frepple.source import read

MONDAY = date(2024, 4, 29)
REAL = Path(__file__).parents[4] / "shared" / "real" / "frepple"

BAKERY = {
    "item": """name,owner_id,cost,category,subcategory
        goods,,,,
        loaf,goods,5,bread,white
        cake,goods,1,sweet,sweet
        flour,,1,,
        sugar,,,,
        butter,,,,""",
    "location": """name,available_id
        bakery,shift
        shop,""",
    "customer": """name,owner_id
        Cafe,
        Hotel,
        Nobody,""",
    "calendar": """name,defaultvalue
        shift,0
        two ovens,2""",
    "calendarbucket": """calendar_id,startdate,enddate,value,priority,saturday,sunday,starttime,endtime
        shift,2020-01-01 00:00:00,2030-12-31 00:00:00,1,10,False,False,08:00:00,16:00:00
        shift,2024-05-01 00:00:00,2024-05-02 00:00:00,0,1,True,True,00:00:00,23:59:59
        two ovens,2024-05-02 12:00:00,2024-05-03 00:00:00,1,1,,,00:00:00,23:59:59""",
    "resource": """name,location_id,owner_id,maximum,maximum_calendar_id,efficiency,cost,type
        oven,bakery,,,two ovens,50,,
        bakers,bakery,,1,,,,
        Ann,bakery,bakers,1,,,30,
        Bob,bakery,bakers,1,,,20,
        shelf,bakery,,1,,,,infinite""",
    "skill": "name\ndough",
    "resourceskill": "resource_id,skill_id,priority\nAnn,dough,1",
    "operation": """name,type,item_id,location_id,duration,duration_per,owner_id,priority,sizeminimum,sizemultiple
        bake,routing,loaf,bakery,,,,1,1,
        knead,time_per,,bakery,,360,bake,1,1,
        proof,fixed_time,,bakery,28800,,bake,2,1,
        make cake,alternate,cake,bakery,,,,1,1,
        cake by hand,time_per,,,,3600,make cake,1,10,5
        cake by machine,wondrous,,bakery,,1800,make cake,2,1,1
        idle,time_per,cake,bakery,,60,,0,1,
        aimless,time_per,,bakery,,60,,1,1,""",
    "operationmaterial": """operation_id,item_id,quantity,type
        knead,flour,-1,start
        proof,loaf,2,end
        cake by hand,flour,-2,start
        cake by hand,sugar,-1,start
        cake by machine,flour,-2,start
        cake by machine,butter,-1,start""",
    "operationresource": """operation_id,resource_id,skill_id,quantity
        knead,bakers,dough,1
        knead,shelf,,1
        proof,oven,,1
        cake by hand,bakers,,2
        cake by machine,oven,,1""",
    "itemsupplier": """item_id,location_id,supplier_id,leadtime,cost,priority,sizeminimum,sizemultiple
        flour,bakery,mill,172800,0.8,1,100,50
        sugar,,mill,1 12:00:00,2,1,1,
        sugar,bakery,grocer,0,9,0,1,""",
    "itemdistribution": """item_id,origin_id,location_id,leadtime,priority
        goods,bakery,shop,28800,1""",
    "buffer": """item_id,location_id,onhand,minimum
        loaf,shop,12,4
        flour,bakery,-3,0""",
    "demand": """name,item_id,location_id,customer_id,due,status,quantity,priority,maxlateness
        D1,loaf,shop,Cafe,2024-05-03 12:00:00,open,10,1,604800
        D2,loaf,shop,Cafe,2024-05-10 00:00:00,,20,1,604800
        D3,cake,shop,Hotel,2024-04-29 08:00:00,quote,4,3,
        D4,cake,shop,Hotel,2024-05-20 00:00:00,canceled,4,3,
        D5,loaf,shop,Cafe,2024-04-01 00:00:00,closed,7,1,
        D6,loaf,shop,Cafe,2024-04-01 00:00:00,closed,3,1,
        D7,loaf,,Cafe,2024-05-06 00:00:00,open,1,2,""",
    "operationplan": """reference,type,status,quantity,startdate,enddate,item,location,supplier,origin,destination,name
        P1,PO,confirmed,50,2024-04-30,2024-05-02,flour,bakery,mill,,,
        P2,PO,approved,5,2024-04-20,2024-04-30,sugar,bakery,mill,,,
        T1,DO,confirmed,6,2024-04-28,2024-04-30,loaf,,,bakery,shop,
        T2,DO,confirmed,6,2024-05-02,2024-05-03,loaf,,,bakery,shop,
        M1,MO,confirmed,8,2024-04-26,2024-04-30,,,,,,bake
        M2,MO,proposed,8,2024-04-26,2024-04-30,,,,,,bake""",
    "setupmatrix": "name\nany",
}


def write_export(folder: Path, **changes: str | None) -> Path:
    """The bakery's CSV files, tables replaced or (None) left away."""
    folder.mkdir(parents=True, exist_ok=True)
    for table, text in {**BAKERY, **changes}.items():
        if text is not None:
            lines = [line.strip() for line in text.splitlines()]
            (folder / f"{table}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


@pytest.fixture
def bakery(tmp_path: Path) -> tuple[ImportReport, dict[str, pl.DataFrame]]:
    """The bakery imported as of Monday, lots kept, and its tables as they stand in the files."""
    report = import_frepple(
        write_export(tmp_path / "export"), tmp_path / "rye", as_of=MONDAY, currency="EUR", lots=True
    )
    return report, {path.stem: pl.read_csv(path, infer_schema=False) for path in report.folder.glob("*.csv")}


def cell(rows: pl.DataFrame, column: str, **where: str) -> float:
    """The one number at the row that the filters name."""
    found = rows.filter(*(pl.col(name) == value for name, value in where.items()))
    assert found.height == 1, found
    return float(found[column][0])


def said(report: ImportReport, words: str) -> str:
    """The one assumption that contains the words."""
    found = [sentence for sentence in report.assumptions if words in sentence]
    assert len(found) == 1, (words, report.assumptions)
    return found[0]


def test_hours_follow_shift_holiday_size_and_efficiency(bakery):
    hours = bakery[1]["calendar"]
    # two ovens at 50 %: 8 h × 2 × 0.5
    assert cell(hours, "hours", resource="oven", date="2024-04-29") == 8.0
    # from noon of 2 May one oven only: (4 × 2 + 4 × 1) × 0.5
    assert cell(hours, "hours", resource="oven", date="2024-05-02") == 6.0
    assert cell(hours, "hours", resource="Ann", date="2024-05-03") == 8.0
    closed = hours.filter(pl.col("date").is_in(["2024-05-01", "2024-05-04", "2024-05-05"]))
    assert closed.is_empty(), "the holiday of better priority and the weekend have no hours"


def test_a_frepple_routing_is_one_routing_with_steps_per_unit_made(bakery):
    _, tables = bakery
    # one unit of the operation gives 2 loaves: 1 flour / 2, 360 s / 3600 / 2
    assert cell(tables["components"], "quantity", routing="bake", component="flour") == 0.5
    steps = tables["operations"].filter(pl.col("routing") == "bake").sort("step")
    assert steps["step"].to_list() == ["1 knead: bakers (dough)", "2 proof: oven"]
    assert steps["resource"].to_list() == ["Ann", "oven"], "only Ann has the skill; the shelf has no limit"
    assert steps["hours_per_unit"].cast(pl.Float64).to_list() == [0.05, 0.0]
    assert steps["setup_hours"].cast(pl.Float64).to_list() == [0.0, 8.0]


def test_a_pool_without_a_skill_gives_alternatives_of_one_step(bakery):
    steps = bakery[1]["operations"].filter(pl.col("routing") == "cake by hand")
    assert steps["step"].unique().to_list() == ["bakers"]
    assert steps["resource"].sort().to_list() == ["Ann", "Bob"]
    assert steps["hours_per_unit"].cast(pl.Float64).to_list() == [2.0, 2.0], "1 h × quantity 2"


def test_alternates_become_routings_of_their_own(bakery):
    report, tables = bakery
    routings = tables["routings"]
    assert routings["routing"].sort().to_list() == ["bake", "cake by hand", "cake by machine"]
    assert set(routings.filter(pl.col("item") == "cake")["location"]) == {"bakery"}
    assert cell(routings, "minimum", routing="cake by hand") == 10.0
    assert cell(routings, "multiple", routing="cake by hand") == 5.0
    assert "wondrous" in said(report, "read as time_per")
    assert said(report, "priority 0, which frePPLe does not plan; left out: idle").startswith("1 of 8 operations")
    assert "aimless" in said(report, "make no known item")


def test_lots_have_a_maximum_that_nobody_would_exceed(bakery):
    report, tables = bakery
    # loaves: orders 10 + 20 + 1 and safety stock 4 = 35, twice: 70, one fixed time per order
    assert cell(tables["routings"], "maximum", routing="bake") == 70.0
    # cakes: 4 ordered, twice: 8, but a lot is 10 at least
    assert cell(tables["routings"], "maximum", routing="cake by hand") == 10.0
    # flour: 35 × 0.5 + 4 × 2 = 25.5, twice 51; the smallest order is 100
    assert cell(tables["offers"], "maximum", item="flour") == 100.0
    assert said(report, "offers have a smallest order size").startswith("1 of 3 offers")


def test_without_lots_order_sizes_are_left_out_and_said(tmp_path):
    report = import_frepple(write_export(tmp_path / "export"), tmp_path / "out", as_of=MONDAY)
    read_back = snapshot.read(report.folder)
    for table in ("routings", "offers", "lanes"):
        assert read_back[table]["minimum"].sum() == 0
        assert read_back[table]["multiple"].null_count() == read_back[table].height
        assert read_back[table]["maximum"].null_count() == read_back[table].height
    assert said(report, "offers have a smallest order or a multiple").startswith("1 of 3 offers")
    assert said(report, "whose size is unknown; left out").endswith("bake.")
    operations = read_back["operations"]
    assert operations["setup_hours"].sum() == 0


def test_without_lots_a_fixed_time_is_spread_over_a_given_order_size(tmp_path):
    sized = BAKERY["operation"].replace("bake,routing,loaf,bakery,,,,1,1,", "bake,routing,loaf,bakery,,,,1,40,")
    report = import_frepple(write_export(tmp_path / "export", operation=sized), tmp_path / "out", as_of=MONDAY)
    operations = snapshot.read(report.folder)["operations"]
    # 8 hours of oven for an order of 40, each giving 2 loaves: 8 / 80
    assert operations.filter(pl.col("resource") == "oven", pl.col("routing") == "bake")["hours_per_unit"].item() == 0.1


def test_working_time_becomes_calendar_days(bakery):
    _, tables = bakery
    # 8 working hours; 13 weeks hold 91 days less 26 of weekends less 1 May: 64 × 8 h of 2184 h → 8/24/0.2344 = 1.4 → 1
    assert cell(tables["routings"], "lead_time_days", routing="bake") == 1.0
    assert cell(tables["lanes"], "lead_time_days", item="loaf") == 1.0
    # purchases count calendar time: 172,800 s = 2 days; 1 day 12 hours = 1.5 → 2
    assert cell(tables["offers"], "lead_time_days", item="flour") == 2.0
    assert cell(tables["offers"], "lead_time_days", item="sugar") == 2.0


def test_groups_of_items_are_resolved_and_only_where_goods_can_be(bakery):
    _, tables = bakery
    assert tables["lanes"]["lane"].sort().to_list() == ["cake: bakery > shop", "loaf: bakery > shop"]
    assert "goods" not in tables["items"]["item"]
    assert tables["offers"].filter(pl.col("item") == "sugar")["location"].to_list() == ["bakery"]
    assert tables["customers"]["customer"].sort().to_list() == ["Cafe", "Hotel"], "Nobody never ordered"


def test_broken_supply_paths_get_the_made_up_supplier(bakery):
    report, tables = bakery
    made_up = tables["offers"].filter(pl.col("supplier") == "unknown supplier")
    assert made_up["item"].to_list() == ["butter"]
    assert "butter @ bakery" in said(report, "made-up")


def test_money_is_rolled_up_and_said(bakery):
    report, tables = bakery
    items = tables["items"]
    assert cell(tables["offers"], "unit_cost", item="flour") == 0.8, "the purchase's own cost goes before the item's"
    # loaf: 0.5 flour × 0.8 + 0.05 h × 30 = 0.40 + 1.50
    assert cell(items, "standard_cost", item="loaf") == 1.9
    assert cell(items, "price", item="loaf") == 5.0, "above 1.90: frePPLe's cost is the price"
    # cake by machine: 2 × 0.8 + butter 1.00 (no cost anywhere) = 2.60, cheaper than by hand; above frePPLe's 1 → + 30 %
    assert cell(items, "standard_cost", item="cake") == 2.6
    assert cell(items, "price", item="cake") == 3.38
    assert cell(items, "end_value", item="loaf") == 1.71, "90 %"
    assert cell(items, "holding_cost", item="loaf") == pytest.approx(1.9 * 0.2 / 52, abs=1e-6)
    assert "butter" in said(report, "have no cost;")
    assert "loaf" in said(report, "take frePPLe's item cost as their sales price")
    assert "cake" in said(report, "not above the cost of getting them")


def test_customers_carry_priority_lateness_and_cost_of_delay(bakery):
    report, tables = bakery
    customers = tables["customers"]
    # Cafe: two orders of priority 1, one of 2 → 1 → rank 1; mean price of what it buys 5.00 × 2 %
    assert cell(customers, "late_cost", customer="Cafe") == 0.1
    assert cell(customers, "latest_days", customer="Cafe") == 7.0
    # Hotel: priority 3 → rank 2 → half of 2 % of 3.38; frePPLe's default lateness is five years
    assert cell(customers, "priority", customer="Hotel") == 2
    assert cell(customers, "late_cost", customer="Hotel") == 0.0338
    assert cell(customers, "latest_days", customer="Hotel") == 1825.0
    assert said(report, "a priority other than most").endswith("D7.")


def test_orders_actuals_and_receipts(bakery):
    report, tables = bakery
    orders = tables["orders"].sort("order")
    assert orders["order"].to_list() == ["D1", "D2", "D3", "D7"], "open, blank and quoted ones; not the cancelled"
    assert orders["due_on"][0] == "2024-05-03"
    assert orders["location"].to_list()[-1] == "bakery", "the first place where loaves are known"
    assert cell(tables["actuals"], "quantity", date="2024-04-01") == 10.0, "7 + 3 closed for the same customer and day"
    assert cell(tables["actuals"], "amount", date="2024-04-01") == 50.0
    receipts = tables["receipts"].sort("receipt")
    assert receipts["receipt"].to_list() == ["M1", "P1", "P2", "T1"]
    assert receipts["kind"].to_list() == ["make", "buy", "buy", "ship"]
    assert receipts["firm"].to_list() == ["yes", "yes", "no", "yes"], "approved is not firm"
    assert receipts["routing"][0] == "bake"
    assert receipts["offer"][1] == "flour @ bakery from mill"
    assert receipts["lane"][3] == "loaf: bakery > shop"
    assert "T2" in said(report, "have not begun on the as-of date")
    assert "M2" in said(report, "only proposed")
    assert "canceled" in said(report, "neither open, quoted nor closed")


def test_stock_and_safety_stock(bakery):
    report, tables = bakery
    assert tables["inventory"].rows() == [("loaf", "shop", "12.0")]
    assert cell(tables["policies"], "safety_stock", item="loaf") == 4.0
    assert cell(tables["policies"], "below_safety_cost", item="loaf") == pytest.approx(2 * 1.9 * 0.2 / 52, abs=1e-5)
    assert "flour" in said(report, "negative stock")


def test_settings_and_unused_tables_are_said(bakery):
    report, _ = bakery
    settings = tomllib.loads((report.folder / "settings.toml").read_text(encoding="utf-8"))
    assert (settings["company"], settings["currency"], settings["as_of"]) == ("rye", "EUR", "2024-04-29")
    assert settings["horizon"] == {"weeks": 13, "daily": 14}
    assert settings["calendar"]["working_days"] == ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday"]
    assert settings["assumptions"] == list(report.assumptions)
    assert settings["control"]["orders"] == 4
    assert said(report, "setupmatrix.csv") == "setupmatrix.csv (1 rows) has no place in the contract yet; left out."
    assert f"{len(report.assumptions)} assumptions" in str(report)


def test_the_extract_is_read_without_a_finding_that_stops(bakery):
    report, tables = bakery
    read_back = snapshot.read(report.folder)
    assert read_back.as_of == MONDAY
    assert {name: read_back[name].height for name in report.rows} == {
        name: rows.height for name, rows in tables.items()
    }
    assert read_back.settings.notes == report.assumptions


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        # the first thing open is order D3, due on 29 April
        ({}, MONDAY),
        # a date that frePPLe was told
        ({"parameter": "name,value\ncurrentdate,2024-04-30 06:00:00"}, date(2024, 4, 30)),
        # "now" is no date: derived again
        ({"parameter": "name,value\ncurrentdate,now"}, MONDAY),
    ],
)
def test_as_of_is_derived_and_said(tmp_path, changes, expected):
    report = import_frepple(write_export(tmp_path / "export", **changes), tmp_path / "out")
    assert report.as_of == expected
    assert str(expected) in report.assumptions[0]


def test_as_of_is_not_before_the_last_closed_order(tmp_path):
    header = "name,item_id,location_id,due,status,quantity"
    old = f"{header}\nold,loaf,shop,2020-01-06,open,1\nlast,loaf,shop,2024-04-29,closed,1"
    report = import_frepple(write_export(tmp_path / "export", demand=old, operationplan=None), tmp_path / "out")
    assert report.as_of == MONDAY
    assert "moved up to the last closed sales order" in report.assumptions[0]
    assert said(report, "are overdue on the as-of date").endswith("old.")


def test_the_horizon_reaches_the_last_open_order_within_a_year(tmp_path):
    header = "name,item_id,location_id,due,status,quantity\n"
    near = import_frepple(
        write_export(tmp_path / "a", demand=f"{header}x,loaf,shop,2024-08-26,open,1"), tmp_path / "a", as_of=MONDAY
    )
    # 119 days to 26 August: 18 weeks, and 2 more
    assert tomllib.loads((near.folder / "settings.toml").read_text())["horizon"]["weeks"] == 20
    far = import_frepple(
        write_export(tmp_path / "b", demand=f"{header}x,loaf,shop,2029-08-26,open,1"), tmp_path / "b", as_of=MONDAY
    )
    assert tomllib.loads((far.folder / "settings.toml").read_text())["horizon"]["weeks"] == 53
    assert said(far, "are due after the horizon").startswith("1 of 1 open sales orders")


def test_only_the_three_needed_tables(tmp_path):
    needed = {table: BAKERY[table] if table in ("item", "location", "demand") else None for table in BAKERY}
    report = import_frepple(write_export(tmp_path / "export", **needed), tmp_path / "out", as_of=MONDAY)
    # nothing makes or buys anything: loaf and cake come from the made-up supplier, at the shop and for D7
    assert report.rows["offers"] == 2
    assert "made-up" in said(report, "needed where nothing makes")
    assert said(report, "count as empty").startswith("10 tables were not exported")
    assert said(report, "have a calendar that was not exported").endswith("bakery.")


def test_calendars_without_their_buckets_are_open_and_said(tmp_path):
    report = import_frepple(write_export(tmp_path / "export", calendarbucket=None), tmp_path / "out", as_of=MONDAY)
    read_back = snapshot.read(report.folder)
    # the shift's default is 0, but nobody exports a calendar that never opens; two ovens have a default of 2
    hours = read_back["calendar"].filter(pl.col("date") == date(2024, 5, 1))
    assert dict(hours.select("resource", "hours").rows()) == {"Ann": 24.0, "Bob": 24.0, "oven": 24.0}
    assert read_back["lanes"]["lead_time_days"].to_list() == [1.0, 1.0], "8 hours are a day at least"
    assert said(report, "locations have a calendar that was not exported with its buckets").endswith("bakery.")


def test_an_operation_without_a_place_stands_where_its_resource_stands(tmp_path):
    bare = BAKERY["operation"].replace("cake by machine,wondrous,,bakery", "cake by machine,wondrous,,")
    bare = bare.replace("make cake,alternate,cake,bakery", "make cake,alternate,cake,").replace(
        "cake by machine,wondrous,,,,1800,make cake,2,1,1", "slicer,time_per,cake,,,1800,,2,1,1"
    )
    materials = BAKERY["operationmaterial"].replace("cake by machine", "slicer")
    loads = BAKERY["operationresource"].replace("cake by machine", "slicer")
    export = write_export(tmp_path / "export", operation=bare, operationmaterial=materials, operationresource=loads)
    report = import_frepple(export, tmp_path / "out", as_of=MONDAY)
    routings = snapshot.read(report.folder)["routings"]
    assert routings.filter(pl.col("routing") == "slicer")["location"].item() == "bakery"
    assert said(report, "location of their resources is used").endswith("slicer.")


def test_headings_of_the_screens_and_separate_order_tables(tmp_path):
    export = write_export(
        tmp_path / "export",
        operationplan=None,
        itemsupplier="Item;Location;Supplier;Lead time;Cost;Size minimum\nflour;bakery;mill;P2D;0.8;100",
        purchaseorder="Reference,Status,Item,Location,Supplier,Quantity,Ordering date,Receipt date\n"
        "P9,confirmed,flour,bakery,mill,5,2024-04-20,2024-05-02 10:00:00",
    )
    source = read(export)
    assert source["itemsupplier"].select("leadtime", "sizeminimum").row(0) == (172800.0, 100.0)
    assert source["operationplan"].select("type", "reference", "quantity").rows() == [("PO", "P9", 5.0)]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"demand": None}, "lacks demand.csv"),
        ({"item": "nam,cost\nloaf,1"}, "item.csv has no column name. Did you mean nam?"),
        ({"demand": "name,item,due,quantity\nD1,loaf,3 May,1"}, "due are no date, first '3 May' (rows 2)"),
        ({"demand": "name,item_id,location_id,due,quantity\nD1,loaf,shop,2024-05-03,ten"}, "quantity are no number"),
        (
            {"buffer": "item_id,location_id,onhand\nrye,shop,3"},
            "1 of 1 rows of buffer.csv contain names missing from item.csv (rye)",
        ),
        ({"item": "name,owner\ngoods,loaf\nloaf,goods\ncake,\nflour,\nsugar,\nbutter,"}, "go round in a circle"),
        ({"location": "name\nshop\nshop\nbakery"}, "location.csv has 2 rows with the same name (shop)"),
        ({"items": "name\nloaf"}, "are both frePPLe's table item"),
    ],
)
def test_bad_exports_stop_with_the_reason(tmp_path, changes, words):
    with pytest.raises(DataError) as stopped:
        import_frepple(write_export(tmp_path / "export", **changes), tmp_path / "out", as_of=MONDAY)
    assert words in str(stopped.value)
    assert not (tmp_path / "out").exists(), "nothing half-written is left"


def test_an_extract_that_was_not_imported_is_not_overwritten(tmp_path):
    export = write_export(tmp_path / "export")
    own = tmp_path / "out" / "2024-04-29"
    own.mkdir(parents=True)
    (own / "items.csv").write_text("item\nmine\n")
    with pytest.raises(DataError, match="not imported, and they are not overwritten"):
        import_frepple(export, tmp_path / "out", as_of=MONDAY)
    assert (own / "items.csv").read_text() == "item\nmine\n"


def test_importing_twice_gives_the_same_bytes(tmp_path):
    export = write_export(tmp_path / "export")
    first = import_frepple(export, tmp_path / "out", as_of=MONDAY)
    before = {path.name: path.read_bytes() for path in first.folder.iterdir()}
    again = import_frepple(export, tmp_path / "out", as_of=MONDAY)
    assert {path.name: path.read_bytes() for path in again.folder.iterdir()} == before


@pytest.mark.skipif(not REAL.is_dir(), reason=f"REAL DATA NOT FOUND, frePPLe's demo is untested: {REAL}")
def test_frepples_own_demo(tmp_path):
    report = import_frepple(REAL, tmp_path / "furniture")
    read_back = snapshot.read(report.folder)
    assert report.as_of == date(2021, 1, 1)
    assert report.rows["orders"] == 16
    assert report.rows["actuals"] == 204
    assert report.rows["routings"] == 7
    last_due = read_back["orders"]["due_on"].max()
    assert last_due <= read_back.periods["ends_on"].max(), "every open order lies within the horizon"
    made = read_back["items"].filter(pl.col("price") <= pl.col("standard_cost"))
    assert made.is_empty(), "nothing is sold below its cost"
    # chair: 1 cushion at 20, 4 screws at 1, 4 legs of one beam at 10 each
    assert read_back["items"].filter(pl.col("item") == "chair")["standard_cost"].item() == 64.0


@pytest.mark.skipif(not REAL.is_dir(), reason=f"REAL DATA NOT FOUND, frePPLe's demo is unplanned: {REAL}")
def test_frepples_own_demo_can_be_planned(tmp_path):
    import soe_lib as soe

    report = import_frepple(REAL, tmp_path / "furniture")
    read_back = snapshot.read(report.folder)
    plan = soe.plan(read_back)
    served = plan.flow("sell")["quantity"].sum()
    assert served == pytest.approx(read_back["orders"]["quantity"].sum()), "every order is served within the horizon"
    assert plan.flow("short").is_empty()
    assert plan.margin > 0
    chairs = plan.flow("buy").filter(pl.col("offer").str.starts_with("chair @"))
    assert chairs.is_empty(), "nobody buys at 150 what can be made for 64"


def flour(tmp_path: Path, *rows: str, **changes: str) -> tuple[ImportReport, list[tuple[str | None, ...]]]:
    """The bakery with these terms for flour at the bakery; what was said, and the offers of flour."""
    head = "item_id,location_id,supplier_id,leadtime,cost,priority,effective_start,effective_end"
    lines = "\n".join([head, *(f"flour,bakery,mill,86400,{row}" for row in rows)])
    report = import_frepple(
        write_export(tmp_path / "export", itemsupplier=lines, **changes), tmp_path / "rye", as_of=MONDAY
    )
    table = pl.read_csv(report.folder / "offers.csv", infer_schema=False)
    missing = [pl.lit(None, pl.String).alias(name) for name in ("valid_from", "valid_to") if name not in table.columns]
    table = table.with_columns(missing).filter(pl.col("offer") == "flour @ bakery from mill")
    snapshot.read(report.folder)  # two valid rows for one period would stop it
    return report, table.select("valid_from", "valid_to", "unit_cost").rows()


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        # an end is the first moment that is out: no day belongs to both prices, and none to neither
        (["1,1,,2024-05-10 00:00:00", "1.2,1,2024-05-10 00:00:00,"],
         [(None, "2024-05-09", "1.0"), ("2024-05-10", None, "1.2")]),
        # within a day: the day is of the price in force as it begins
        (["1,1,,2024-05-10 14:30:00", "1.2,1,2024-05-10 14:30:00,"],
         [(None, "2024-05-10", "1.0"), ("2024-05-11", None, "1.2")]),
        (["1,1,,2024-05-09 23:59:59", "1.2,1,2024-05-10,"],
         [(None, "2024-05-09", "1.0"), ("2024-05-10", None, "1.2")]),
        # a better priority for a while
        (["1,2,,", "2,1,2024-05-06 00:00:00,2024-05-13 00:00:00"],
         [(None, "2024-05-05", "1.0"), ("2024-05-06", "2024-05-12", "2.0"), ("2024-05-13", None, "1.0")]),
        # equal priority: the lower cost; a worse one that lasts longer takes what is left
        (["1.5,1,,2024-06-01", "1,1,,2024-05-10"], [(None, "2024-05-09", "1.0"), ("2024-05-10", "2024-05-31", "1.5")]),
        # worse all the way: never
        (["1,1,,", "0.5,2,2024-05-06,2024-05-13"], [(None, None, "1.0")]),
        # for some hours only
        (["1,1,,", "0.5,1,2024-05-06 08:00:00,2024-05-06 16:00:00"], [(None, None, "1.0")]),
    ],
)  # fmt: skip
@pytest.mark.parametrize("order", [1, -1])
def test_the_end_of_terms_is_the_first_moment_that_is_out(rows, expected, order, tmp_path):
    report, found = flour(tmp_path, *rows[::order])
    assert found == expected
    overlap = [sentence for sentence in report.assumptions if "are valid at the same time" in sentence]
    together = rows[0] in ("1,2,,", "1.5,1,,2024-06-01") or rows[1] == "0.5,2,2024-05-06,2024-05-13"
    assert bool(overlap) == together
    assert any("one day only" in sentence for sentence in report.assumptions) == ("16:00" in rows[1])


def test_a_change_of_freight_overlaps_no_more_than_one_of_price(tmp_path):
    lanes = """item_id,origin_id,location_id,leadtime,cost,priority,effective_start,effective_end
        loaf,bakery,shop,86400,0.1,1,,2024-05-10 00:00:00
        loaf,bakery,shop,86400,0.2,1,2024-05-10 00:00:00,"""
    report = import_frepple(write_export(tmp_path / "export", itemdistribution=lanes), tmp_path / "rye", as_of=MONDAY)
    found = snapshot.read(report.folder)["lanes"].sort("cost_per_unit")
    assert found.select("valid_from", "valid_to").rows() == [(None, date(2024, 5, 9)), (date(2024, 5, 10), None)]


CLOSED = BAKERY["calendarbucket"] + "\nmill days,2024-05-06 00:00:00,2024-05-20 00:00:00,0,1,,,00:00:00,23:59:59"


def test_nothing_is_ordered_while_the_supplier_is_closed(tmp_path):
    calendars = BAKERY["calendar"] + "\nmill days,1"
    suppliers = "name,available_id\nmill,mill days\ngrocer,"
    report, found = flour(tmp_path, "1,1,,", supplier=suppliers, calendar=calendars, calendarbucket=CLOSED)
    assert found == [(None, "2024-05-05", "1.0"), ("2024-05-20", None, "1.0")]
    assert "mill" in said(report, "are closed for 5 days or longer")
    _, found = flour(tmp_path, "1,1,,2024-05-10", "2,1,2024-05-10,", supplier=suppliers, calendar=calendars,
                     calendarbucket=CLOSED)  # fmt: skip
    assert found == [(None, "2024-05-05", "1.0"), ("2024-05-20", None, "2.0")]


def test_week_ends_of_a_supplier_and_unknown_calendars_are_said(tmp_path):
    report, found = flour(
        tmp_path, "1,1,,", supplier="name,available_id\nmill,shift\ngrocer,", calendar=BAKERY["calendar"]
    )
    assert found == [(None, None, "1.0")]
    assert "mill" in said(report, "closed for less than 5 days at a time")
    calendars = BAKERY["calendar"] + "\nelsewhere,0"
    report, _ = flour(tmp_path, "1,1,,", supplier="name,available_id\nmill,elsewhere", calendar=calendars)
    assert "mill" in said(report, "suppliers have a calendar that was not exported")


def test_every_column_that_nothing_uses_is_said(tmp_path):
    changes = {"customer": "name,owner_id,colour\nCafe,,red\nHotel,Cafe,\nNobody,,", "parameter": "name,value\nx.y,7",
               "location": "name,available_id,lastmodified\nbakery,shift,\nshop,,"}  # fmt: skip
    report = import_frepple(write_export(tmp_path / "export", **changes), tmp_path / "rye", as_of=MONDAY)
    assert said(report, "customer.csv holds").endswith("(filled cells): owner (1), colour (1).")
    assert "x.y" in said(report, "parameters of frePPLe are not used")
    assert "type (6)" in said(report, "operationmaterial.csv holds")
    assert not any(sentence.startswith("location.csv holds") for sentence in report.assumptions)


def test_every_assumption_in_the_list_is_made_somewhere_and_the_other_way_round() -> None:
    folder = Path(source.__file__).parent
    made = {key for file in folder.glob("*.py") for key in re.findall(r'tell\(\s*"([^"]+)"', file.read_text("utf-8"))}
    assert made == set(pl.read_csv(folder / "assumptions.csv")["key"])


def test_the_columns_that_are_read_name_tables_that_are_read() -> None:
    named = {one.names for columns in source.COLUMNS.values() for one in columns.values()} - {""}
    assert named == {*source.ALWAYS, *source.WHERE_EXPORTED}
    assert named <= set(source.COLUMNS)
