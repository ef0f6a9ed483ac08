"""Every rule with one small broken extract: the level, the place and what the finding says."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import polars as pl
import pytest

from soe_lib.extract.findings import LEVELS, Finding
from soe_lib.extract.rules import registered
from soe_lib.extract.rules.rows import Declared
from soe_lib.extract.schema import schema
from soe_lib.model.checks import check
from tests.unit.extract.company import FILES, add, swap, write

Changes = dict[str, "str | bytes | None"]


@dataclass(frozen=True)
class Broken:
    """One broken extract, and the finding that must name it."""

    name: str
    changes: Changes
    level: str
    file: str
    rows: tuple[int, ...]
    column: str
    value: str
    says: str


def forecast(*rows: str, head: str = "item,location,customer,period,quantity") -> Changes:
    return {"forecast.csv": "\n".join([head, *rows]) + "\n"}


def errors(*rows: str) -> Changes:
    return {"forecast_errors.csv": "\n".join(["item,location,period,probability,quantity", *rows]) + "\n"}


def versions(*rows: str) -> Changes:
    """Rows of a forecast with versions, beside the one that is planned with."""
    head = "item,location,customer,period,version,quantity"
    return {**forecast("FG,M,C1,2026-W48,now,100", *rows, head=head), **settings("[forecast]", 'version = "now"')}


def settings(*lines: str) -> Changes:
    return {"settings.toml": FILES["settings.toml"] + "\n".join(lines) + "\n"}


def changeovers(*rows: str) -> Changes:
    return {"changeovers.csv": "\n".join(["resource,from_family,to_family,hours", *rows]) + "\n"}


ROW = "FG,M,C1,2026-W48,100"
CASES = [
    # files
    Broken("no settings", {"settings.toml": None}, "stop", "settings.toml", (), "", "", "missing"),
    Broken("no items", {"items.csv": None}, "stop", "items.csv", (), "", "", "The file is missing"),
    Broken("no demand", {"forecast.csv": None, "orders.csv": None}, "stop", "forecast.csv", (), "", "", "no demand"),
    Broken("misspelt file", {"inventry.csv": "item,location,on_hand\n", "inventory.csv": None}, "stop",
           "inventry.csv", (), "", "", "Did you mean inventory.csv?"),
    Broken("strange file", {"weather.csv": "day\n"}, "warn", "weather.csv", (), "", "", "no table"),
    Broken("two files", {"items.parquet": b"PAR1"}, "stop", "items.csv", (), "", "", "Two files"),
    Broken("zero bytes", {"orders.csv": b""}, "stop", "orders.csv", (), "", "", "empty"),
    Broken("header only", {"orders.csv": "order,item,location,due_on,quantity\n"}, "stop", "orders.csv", (), "", "",
           "no row"),
    Broken("no parquet", {"orders.csv": None, "orders.parquet": b"not parquet"}, "stop", "orders.parquet", (), "", "",
           "cannot be read"),
    # text
    Broken("byte order mark", {"items.csv": b"\xef\xbb\xbf" + FILES["items.csv"].encode()}, "repair", "items.csv",
           (1,), "", "", "byte order mark"),
    Broken("UTF-16", {"items.csv": FILES["items.csv"].encode("utf-16")}, "stop", "items.csv", (), "", "", "UTF-16"),
    Broken("cp1252", {"items.csv": "item,unit\nFG,each\nRM,Stück\n".encode("cp1252")}, "stop", "items.csv", (3,), "",
           "RM,Stück", "Windows-1252"),
    Broken("NUL", {"items.csv": "item,unit\nFG,ea\x00ch\nRM,kg\n"}, "stop", "items.csv", (2,), "", "", "NUL"),
    Broken("open quote", {"items.csv": 'item,unit\nFG,each\nRM,"kg\n'}, "stop", "items.csv", (3,), "", "",
           "never closed"),
    Broken("semicolons", {"items.csv": "item;unit\nFG;each\n"}, "stop", "items.csv", (1,), "", "", "semicolons"),
    Broken("extra value", forecast(ROW, "FG,M,C1,2026-W49,1,5"), "stop", "forecast.csv", (3,), "", "", "More values"),
    Broken("short row", forecast(ROW, "FG,M,C1,2026-W49"), "stop", "forecast.csv", (3,), "", "", "Fewer values"),
    Broken("cut off", {"forecast.csv": FILES["forecast.csv"][:-12]}, "stop", "forecast.csv", (4,), "", "",
           "Fewer values"),
    Broken("short row behind a quote", forecast('FG,M,"C1",2026-W48,1', "FG,M,C1,2026-W49"), "stop", "forecast.csv",
           (3,), "", "", "Fewer values"),
    Broken("blank row", forecast(ROW, "", "FG,M,C1,2026-W49,1"), "repair", "forecast.csv", (3,), "", "",
           "Blank rows"),
    Broken("column twice", forecast(f"{ROW},1", head="item,location,customer,period,quantity,quantity"), "stop",
           "forecast.csv", (1,), "", "", "Duplicate column: 'quantity'"),
    Broken("column without a name", forecast(f"{ROW},1", head="item,location,customer,period,quantity,"), "stop",
           "forecast.csv", (2,), "", "1", "no name"),
    Broken("renamed column", forecast(ROW, head="item,location,customer,period,qty"), "stop", "forecast.csv", (),
           "quantity", "", "Rename column qty"),
    Broken("renamed optional column", swap("lanes.csv", "lead_time_days", "leadtime_days"), "stop", "lanes.csv", (),
           "leadtime_days", "", "Did you mean lead_time_days?"),
    Broken("missing column", forecast("FG,C1,2026-W48,1", head="item,customer,period,quantity"), "stop",
           "forecast.csv", (), "location", "", "missing"),
    Broken("new column", forecast(f"{ROW},x", head="item,location,customer,period,quantity,colour"), "warn",
           "forecast.csv", (), "colour", "", "was not read"),
    Broken("spaces", swap("orders.csv", "1,FG,M", "1,FG ,\u00a0M"), "repair", "orders.csv", (2,), "item", "FG ",
           "were removed"),
    Broken("twins by case", add("items.csv", "fg,,Fam,each,,,"), "stop", "items.csv", (2, 4), "item", "FG",
           "'FG' and 'fg'"),
    Broken("twins by Unicode form", add("locations.csv", "Köln,market,", "Ko\u0308ln,market,"), "stop",
           "locations.csv", (4, 5), "location", "Köln", "only in spelling"),
    Broken("family twins", add("items.csv", "X,,FAM,each,,,"), "warn", "items.csv", (2, 4), "family", "Fam", "'FAM'"),
    # numbers
    Broken("decimal comma", forecast('FG,M,C1,2026-W48,"1.234,56"'), "stop", "forecast.csv", (2,), "quantity",
           "1.234,56", "point"),
    Broken("brackets", forecast("FG,M,C1,2026-W48,(500)"), "stop", "forecast.csv", (2,), "quantity", "(500)",
           "minus"),
    Broken("per cent", swap("routings.csv", "0.9,,,", "90%,,,"), "stop", "routings.csv", (2,), "yield", "90%",
           "share"),
    Broken("thousands space", forecast("FG,M,C1,2026-W48,1 000"), "stop", "forecast.csv", (2,), "quantity", "1 000",
           "thousands"),
    Broken("NaN", forecast("FG,M,C1,2026-W48,NaN"), "stop", "forecast.csv", (2,), "quantity", "NaN", "Not a number"),
    Broken("inf", forecast("FG,M,C1,2026-W48,inf"), "stop", "forecast.csv", (2,), "quantity", "inf", "no limit"),
    Broken("1e400", forecast("FG,M,C1,2026-W48,1e400"), "stop", "forecast.csv", (2,), "quantity", "1e400",
           "Not a number"),
    Broken("magnitude", forecast("FG,M,C1,2026-W48,1e10"), "stop", "forecast.csv", (2,), "quantity", "1e10",
           "Larger"),
    Broken("unit in the cell", forecast("FG,M,C1,2026-W48,12 kg"), "stop", "forecast.csv", (2,), "quantity", "12 kg",
           "unit"),
    Broken("not whole", swap("customers.csv", "A,1,", "A,1.5,"), "stop", "customers.csv", (2,), "priority", "1.5",
           "whole"),
    Broken("neither yes nor no", {"offers.csv": "offer,item,location,unit_cost,expedite\nO,RM,P,2,maybe\n"}, "stop",
           "offers.csv", (2,), "expedite", "maybe", "Write yes or no"),
    Broken("blank quantity", forecast("FG,M,C1,2026-W48,", ROW.replace("48", "49")), "stop", "forecast.csv", (2,),
           "quantity", "", "never means"),
    Broken("negative demand", forecast("FG,M,C1,2026-W48,-1"), "stop", "forecast.csv", (2,), "quantity", "-1",
           "Less than 0"),
    Broken("negative stock", swap("inventory.csv", "RM,P,,500", "RM,P,,-5"), "stop", "inventory.csv", (3,), "on_hand",
           "-5", "Less than 0"),
    Broken("a return", add("orders.csv", "2,FG,M,C1,2026-11-20,-3,,"), "warn", "orders.csv", (3,), "quantity", "-3",
           "return"),
    Broken("negative price", swap("orders.csv", ",21", ",-21"), "stop", "orders.csv", (2,), "price", "-21",
           "Less than 0"),
    Broken("zero price", swap("orders.csv", ",21", ",0"), "stop", "orders.csv", (2,), "price", "0", "price of 0"),
    Broken("no price", add("forecast.csv", "RM,P,C1,2026-W48,1,0,"), "warn", "forecast.csv", (5,), "price", "",
           "No price"),
    Broken("cost above price", swap("orders.csv", ",21", ",5"), "warn", "orders.csv", (2,), "price", "5",
           "above the price"),
    Broken("zero yield", swap("routings.csv", "0.9,,,", "0,,,"), "stop", "routings.csv", (2,), "yield", "0",
           "makes nothing"),
    Broken("zero lot size", {"lanes.csv": "lane,origin,destination,multiple\nL,P,M,0\n"}, "warn", "lanes.csv", (2,),
           "multiple", "0", "read as none"),
    Broken("limits crossed", {"lanes.csv": "lane,origin,destination,minimum,maximum\nL,P,M,5,4\n"}, "stop",
           "lanes.csv", (2,), "minimum", "5", "above maximum"),
    Broken("committed too much", forecast(f"{ROW},101", head="item,location,customer,period,quantity,committed"),
           "stop", "forecast.csv", (2,), "committed", "101", "above quantity"),
    Broken("two rates", swap("operations.csv", "0.1,", "0.1,11"), "stop", "operations.csv", (2,), "hours_per_unit",
           "0.1", "Contradicts"),
    Broken("no rate", swap("operations.csv", "0.1,", ","), "stop", "operations.csv", (2,), "routing", "R",
           "no hours"),
    Broken("two lead times", {"routings.csv": "routing,item,location,lead_time_days,lead_time_periods\nR,FG,P,3,1\n"},
           "stop", "routings.csv", (2,), "lead_time_periods", "1", "in days and in periods"),
    Broken("rows not as counted", settings("[control]", "forecast = 4"), "stop", "forecast.csv", (), "", "",
           "says 4, the file has 3"),
    Broken("total not as counted", settings("[control.inventory]", "on_hand = 531"), "stop", "inventory.csv", (),
           "on_hand", "", "says 531, the file has 530"),
    # dates
    Broken("day and month", swap("orders.csv", "2026-11-20", "20/11/2026"), "stop", "orders.csv", (2,), "due_on",
           "20/11/2026", "ambiguous"),
    Broken("Excel day", swap("orders.csv", "2026-11-20", "46346"), "stop", "orders.csv", (2,), "due_on", "46346",
           "Excel"),
    Broken("a time of day", swap("orders.csv", "2026-11-20", "2026-11-20T00:00:00Z"), "stop", "orders.csv", (2,),
           "due_on", "2026-11-20T00:00:00Z", "without time"),
    Broken("no leap year", swap("orders.csv", "2026-11-20", "2026-02-29"), "stop", "orders.csv", (2,), "due_on",
           "2026-02-29", "that exists"),
    Broken("no week 53", forecast("FG,M,C1,2025-W53,1", ROW), "stop", "forecast.csv", (2,), "period", "2025-W53",
           "2025 has no week 53"),
    Broken("no month 13", swap("consensus.csv", "2026-12", "2026-13"), "stop", "consensus.csv", (2,), "fiscal_month",
           "2026-13", "Not a fiscal month"),
    Broken("unknown label", forecast("FG,M,C1,week 48,1", ROW), "stop", "forecast.csv", (2,), "period", "week 48",
           "unknown label"),
    Broken("neither period nor date", forecast("FG,M,C1,,1", ROW), "stop", "forecast.csv", (2,), "period", "",
           "No period"),
    Broken("period and date", {"calendar.csv": "resource,period,date,hours\nL1,2026-W48,2026-11-16,8\n"}, "stop",
           "calendar.csv", (2,), "period", "2026-W48", "A period and a date"),
    Broken("a week and its month", add("forecast.csv", "FG,M,C1,2026-12,9,0,20"), "note", "forecast.csv", (5,),
           "period", "2026-12", "A shorter label"),
    Broken("a day of a week", {"calendar.csv": "resource,period,date,hours\nL1,2026-W48,,40\nL1,,2026-11-25,0\n"}, "note",
           "calendar.csv", (2,), "period", "2026-W48", "A shorter label"),
    Broken("a day named twice", {"calendar.csv": "resource,period,date,hours\nL1,2026-11-25,,4\nL1,,2026-11-25,8\n"},
           "stop", "calendar.csv", (2, 3), "period", "2026-11-25", "of the same length"),
    Broken("a period as long as a week", {
               "periods.csv": "period,starts_on,ends_on\nhalf,2026-11-16,2026-11-22\nrest,2026-11-23,2027-01-31\n",
               "calendar.csv": "resource,period,hours\nL1,half,40\nL1,2026-W47,36\n"}, "stop", "calendar.csv", (2, 3),
           "period", "half", "of the same length"),
    Broken("outside the horizon", add("forecast.csv", "FG,M,C1,2027-W40,9,0,20"), "note", "forecast.csv", (5,),
           "period", "2027-W40", "Outside the horizon"),
    Broken("all outside the horizon", {"orders.csv": None, **forecast("FG,M,C1,2027-W40,9")}, "stop", "forecast.csv",
           (), "", "", "No demand is inside"),
    Broken("overdue receipt", swap("receipts.csv", "2026-11-25", "2026-11-10"), "warn", "receipts.csv", (2,),
           "due_on", "2026-11-10", "before the as-of date"),
    Broken("overdue order", swap("orders.csv", "2026-11-20", "2026-11-10"), "note", "orders.csv", (2,), "due_on",
           "2026-11-10", "before the as-of date"),
    Broken("expired lot", {"inventory.csv": "item,location,lot,on_hand,expires_on\nFG,M,A,5,2026-11-01\n"}, "warn",
           "inventory.csv", (2,), "expires_on", "2026-11-01", "Expired"),
    Broken("a gap between periods", {"periods.csv": "period,starts_on,ends_on\nA,2026-11-16,2026-11-22\n"
           "B,2026-11-24,2026-11-29\n"}, "stop", "periods.csv", (3,), "starts_on", "2026-11-24", "gap"),
    Broken("periods overlap", {"periods.csv": "period,starts_on,ends_on\nB,2026-11-22,2026-11-29\n"
           "A,2026-11-16,2026-11-22\n"}, "stop", "periods.csv", (2,), "starts_on", "2026-11-22", "Overlaps"),
    Broken("a period backwards", {"periods.csv": "period,starts_on,ends_on\nA,2026-11-16,2026-11-15\n"}, "stop",
           "periods.csv", (2,), "ends_on", "2026-11-15", "ends before"),
    Broken("periods start elsewhere", {"periods.csv": "period,starts_on,ends_on\nA,2026-11-17,2027-03-01\n"}, "warn",
           "periods.csv", (2,), "starts_on", "2026-11-17", "first period starts"),
    Broken("valid twice", swap("routings.csv", "2026-12-01,", "2026-11-25,"), "stop", "routings.csv", (3,), "routing",
           "R", "valid for one period"),
    Broken("valid twice, always",
           {"lanes.csv": "lane,valid_from,valid_to,origin,destination\nL,,,P,M\nL,2026-12-01,,P,M\n"}, "stop",
           "lanes.csv", (3,), "lane", "L", "valid for one period"),
    Broken("overlap within a week", {"lanes.csv": "lane,valid_from,valid_to,origin,destination\nL,,2026-12-16,P,M\n"
           "L,2026-12-15,,P,M\n"}, "warn", "lanes.csv", (3,), "lane", "L", "no period starts"),
    Broken("valid backwards", swap("routings.csv", "2026-12-01,", "2026-12-01,2026-11-30"), "stop", "routings.csv",
           (3,), "valid_to", "2026-11-30", "before it is valid from"),
    # references
    Broken("key twice", add("inventory.csv", "FG,M,,1"), "stop", "inventory.csv", (2, 4), "item", "FG | M",
           "more than once"),
    Broken("blank key", add("items.csv", ",,Fam,each,,,"), "stop", "items.csv", (4,), "item", "", "key is blank"),
    Broken("unknown item", add("orders.csv", "2,FGX,M,C1,2026-11-20,1,,"), "stop", "orders.csv", (3,), "item", "FGX",
           "1 of 2 rows name 1 item missing from items.csv: FGX. Did you mean FG?"),
    Broken("unknown location", swap("lanes.csv", "P,M,", "P,N,"), "stop", "lanes.csv", (2,), "destination", "N",
           "missing from locations.csv"),
    Broken("unknown resource", swap("operations.csv", "L1", "L9"), "stop", "operations.csv", (2,), "resource", "L9",
           "missing from resources.csv"),
    Broken("no customers at all", {"customers.csv": None}, "warn", "forecast.csv", (2, 3, 4), "customer", "C1",
           "missing from"),
    Broken("history of an old item", add("actuals.csv", "2026-11-12,sales,OLD,M,C1,1"), "warn", "actuals.csv", (3,),
           "item", "OLD", "missing from"),
    Broken("family without items", swap("consensus.csv", "Fam", "Fan"), "stop", "consensus.csv", (2,), "family",
           "Fan", "No item belongs"),
    Broken("BOM cycle", {**add("routings.csv", "R2,RM,P,1,1,,,"), **add("components.csv", "R2,FG,1")}, "stop",
           "components.csv", (2, 3), "component", "", "→ FG → RM →|→ RM → FG →|FG → RM → FG|RM → FG → RM"),
    Broken("made of itself", add("components.csv", "R,FG,1"), "stop", "components.csv", (3,), "component", "FG",
           "itself"),
    Broken("lane to itself", swap("lanes.csv", "P,M,", "M,M,"), "stop", "lanes.csv", (2,), "origin", "M",
           "are the same"),
    Broken("own substitute", {"substitutions.csv": "item,substitute\nFG,FG\n"}, "stop", "substitutions.csv", (2,),
           "item", "FG", "own substitute"),
    Broken("event without a target", swap("events.csv", "L1", "L7"), "stop", "events.csv", (2,), "target", "L7",
           "Did you mean L1?"),
    Broken("unknown event", swap("events.csv", "downtime", "strike"), "stop", "events.csv", (2,), "kind", "strike",
           "downtime, delay"),
    Broken("delay without days", add("events.csv", "E2,delay,Kobe,,,,"), "stop", "events.csv", (3,), "days", "",
           "without days"),
    Broken("surge of two, one unknown", {"events.csv": "event,kind,target,factor\nE2,surge,FG & C9,1.2\n"}, "stop",
           "events.csv", (2,), "target", "C9", "Did you mean C1?"),
    Broken("surge without a factor", add("events.csv", "E2,surge,FG & C1,,,,"), "warn", "events.csv", (3,), "factor",
           "", "changes nothing"),
    Broken("unknown kind of place", swap("locations.csv", "M,market", "M,shop"), "warn", "locations.csv", (3,),
           "kind", "shop", "supplier, plant"),
    Broken("no hours", {"calendar.csv": None}, "warn", "operations.csv", (2,),
           "resource", "L1", "no row in calendar.csv"),
    Broken("stock above its ceiling", swap("policies.csv", "10,", "10,20"), "warn", "policies.csv", (2,),
           "maximum_stock", "20", "30 are in stock"),
    Broken("stock above the room", swap("locations.csv", "M,market,", "M,market,20"), "warn", "locations.csv", (3,),
           "storage_capacity", "20", "takes 30"),
    # supply and money
    Broken("nobody makes it", {**add("items.csv", "Z,,Fam,each,,9,"), **add("orders.csv", "2,Z,M,C1,2026-11-20,1,,")},
           "stop", "items.csv", (4,), "item", "Z", "neither made nor bought, and demand is above"),
    Broken("an item that runs out", {**add("items.csv", "Z,,Fam,each,,9,"), **add("inventory.csv", "Z,M,,20"),
           **add("orders.csv", "2,Z,M,C1,2026-11-20,30,,")}, "warn", "items.csv", (4,), "item", "Z",
           "neither made nor bought, and demand is above"),
    Broken("nobody makes a component", {**add("items.csv", "Z,,Raw,each,,,"), **add("components.csv", "R,Z,1")},
           "warn", "items.csv", (4,), "item", "Z", "used in a bill of material"),
    Broken("nobody wants it", add("items.csv", "Z,,Fam,each,,9,"), "warn", "items.csv", (4,), "item", "Z",
           "have no demand"),
    Broken("cannot get there", {**add("locations.csv", "N,market,"), **add("orders.csv", "2,FG,N,C1,2026-11-20,1,,")},
           "warn", "orders.csv", (3,), "item", "FG", "FG at N"),
    Broken("two versions", forecast(f"{ROW},a", f"{ROW},b", head="item,location,customer,period,quantity,version"),
           "stop", "forecast.csv", (), "version", "", "2 versions: a, b"),
    Broken("no such version", settings("[forecast]", 'version = "final"'), "stop", "forecast.csv", (), "version",
           "final", "lacks the version"),
    Broken("offer without a price", swap("offers.csv", "P,2,7", "P,,7"), "stop", "offers.csv", (2,), "unit_cost", "",
           "no price"),
    Broken("purchase without a price", {"receipts.csv": "receipt,kind,item,location,due_on,quantity\nPO,buy,RM,P,2026-11-18,5\n"},
           "warn", "receipts.csv", (2,), "offer", "", "counts as already paid"),
    Broken("money without end by buying", swap("items.csv", "kg,2,,1", "kg,2,,3"), "stop", "offers.csv", (2,), "item",
           "RM", "It costs 2 without a maximum, and its end_value is 3"),
    Broken("money without end by making", {"operations.csv": None, "components.csv": None}, "stop", "routings.csv",
           (2, 3), "item", "FG", "end_value is 5"),
    Broken("held for free", {**settings("[costs]", "capital_rate = 0.01"), **swap("items.csv", "each,6,", "each,,")},
           "warn", "items.csv", (2,), "holding_cost", "", "holding costs nothing"),
    # the past
    Broken("arrives tomorrow", swap("deliveries.csv", "2026-09-16", "2026-11-16"), "warn", "deliveries.csv", (2,),
           "arrived_on", "2026-11-16", "2026-11-16: left out"),
    Broken("arrived before ordered", swap("deliveries.csv", "2026-09-07,2026-09-14", "2026-09-17,2026-09-18"), "warn",
           "deliveries.csv", (2,), "arrived_on", "2026-09-16", "Arrived before it was ordered"),
    Broken("promised before ordered", swap("deliveries.csv", "2026-09-07", "2026-09-15"), "warn", "deliveries.csv",
           (2,), "promised_on", "2026-09-14", "Promised for a day before"),
    Broken("promised in another year", swap("deliveries.csv", "2026-09-07,2026-09-14", ",2024-09-14"), "warn",
           "deliveries.csv", (2,), "arrived_on", "2026-09-16", "more than a year"),
    Broken("negative delivery", swap("deliveries.csv", ",100", ",-100"), "stop", "deliveries.csv", (2,), "quantity",
           "-100", "Less than 0"),
    Broken("delivery of nothing known", swap("deliveries.csv", "RM", "RX"), "warn", "deliveries.csv", (2,), "item",
           "RX", "name 1 item missing from items.csv"),
    Broken("delivery twice", add("deliveries.csv", "X0,buy,RM,P,O,2026-09-07,2026-09-14,2026-09-16,60"), "stop",
           "deliveries.csv", (2, 3), "receipt", "X0", "occurs more than once"),
    Broken("delivery without a promise", swap("deliveries.csv", "2026-09-14", ""), "stop", "deliveries.csv", (2,),
           "promised_on", "", "blank|is empty"),
    Broken("delivery of an unknown kind", swap("deliveries.csv", "buy", "fetch"), "warn", "deliveries.csv", (2,), "kind",
           "fetch", "make, buy, ship"),
    Broken("lost hours of nobody", {"actuals.csv": "date,measure,resource,hours\n2026-11-12,lost hours,,4\n"}, "warn",
           "actuals.csv", (2,), "resource", "", "of no resource"),
    Broken("lost hours below none", {"actuals.csv": "date,measure,resource,hours\n2026-11-12,lost hours,L1,-4\n"},
           "warn", "actuals.csv", (2,), "hours", "-4", "below 0"),
    # settings
    Broken("misspelt setting", settings("[horizon]", "week = 5"), "stop", "settings.toml", (), "horizon.week", "5",
           "Did you mean weeks?"),
    Broken("misspelt section", settings("[horizont]", "weeks = 5"), "stop", "settings.toml", (), "horizont", "",
           "horizon"),
    Broken("wrong type", settings("[horizon]", 'weeks = "five"'), "stop", "settings.toml", (), "horizon.weeks",
           "five", "whole number"),
    Broken("wrong word", settings("[costs]", 'per = "month"'), "stop", "settings.toml", (), "costs.per", "month",
           "day, week, period, year"),
    # errors of the forecast
    Broken("probability in per cent", errors("FG,M,,90,30"), "stop", "forecast_errors.csv", (2,), "probability", "90",
           "in per cent?"),
    Broken("quantiles that fall", errors("FG,M,,0.9,-30", "FG,M,,0.1,30"), "stop", "forecast_errors.csv", (2,),
           "quantity", "-30", "Less than the quantity at the next lower"),
    Broken("errors of no time", errors("FG,M,2026-W99,0.9,30"), "stop", "forecast_errors.csv", (2,), "period",
           "2026-W99", "unknown label"),
    Broken("version of no week", versions("FG,M,C1,2026-W46,2026-W77,9"), "warn", "forecast.csv", (3,), "version",
           "2026-W77", "left out of the record"),
    Broken("version after the fact", versions("FG,M,C1,2026-W46,2026-W47,9", "FG,M,C1,2026-W46,2026-W46,9"), "note",
           "forecast.csv", (3,), "version", "2026-W47", "Published after the week"),
    Broken("version of a month", versions("FG,M,C1,2026-W46,2026-10,9"), "note", "forecast.csv", (3,), "version",
           "2026-10", "named by a day or a month"),
    Broken("demand out of proportion", add("actuals.csv", "2026-11-11,sales,FG,M,C1,25", "2026-11-10,sales,FG,M,C1,2e5"),
           "warn", "actuals.csv", (4,), "quantity", "200000", "More than 100 times the item's usual demand"),
    Broken("asked for elsewhere", swap("actuals.csv", "FG,M,C1,20", "FG,P,C1,20"), "warn", "actuals.csv", (2,), "location",
           "P", "only at places without a forecast"),
    Broken("comes after its last day", {"receipts.csv": "receipt,kind,item,location,due_on,quantity,offer,expires_on\n"
           "X1,buy,RM,P,2026-11-25,100,O,2026-11-24\n"}, "warn", "receipts.csv", (2,), "expires_on", "2026-11-24",
           "after its last day"),
    Broken("change to nothing", changeovers(",,Famm,1"), "stop", "changeovers.csv", (2,), "to_family", "Famm",
           "Nothing is of this family"),
    Broken("change from nothing", changeovers("L1,Soap,Fam,1"), "stop", "changeovers.csv", (2,), "from_family", "Soap",
           "Nothing is of this family"),
    Broken("change to itself", changeovers("L1,Fam,Fam,1"), "stop", "changeovers.csv", (2,), "from_family", "Fam",
           "to itself"),
    Broken("change of no line", changeovers("L9,,Fam,1"), "stop", "changeovers.csv", (2,), "resource", "L9", "resources"),
    Broken("change that is not told", {**changeovers(",Fam,Red,1"), **add("routings.csv", "R2,FG,P,1,0.9,,,"),
           "operations.csv": "routing,resource,hours_per_unit,setup_family\nR,L1,0.1,\nR2,L1,0.1,Red\n"}, "warn",
           "changeovers.csv", (), "to_family", "", "1 changes between families that a line runs have no row"),
    Broken("set up for nothing known", {"resources.csv": "resource,location,set_up_for\nL1,P,Soap\n"}, "stop",
           "resources.csv", (2,), "set_up_for", "Soap", "Nothing is of the family"),
    Broken("no company", {"settings.toml": 'currency = "EUR"\nas_of = "2026-11-16"\n'}, "stop", "settings.toml", (),
           "company", "", "missing"),
    Broken("blank currency", swap("settings.toml", '"EUR"', '""'), "stop", "settings.toml", (), "currency", "",
           "blank"),
    Broken("bad date", swap("settings.toml", "2026-11-16", "16.11.2026"), "stop", "settings.toml", (), "as_of",
           "16.11.2026", "ISO date"),
    Broken("no TOML", {"settings.toml": "company = Small\n"}, "stop", "settings.toml", (), "", "", "Not valid TOML"),
    Broken("no such table counted", settings("[control]", "forcast = 3"), "stop", "settings.toml", (),
           "control.forcast", "", "Did you mean forecast?"),
]  # fmt: skip


def found(case: Broken, findings: tuple[Finding, ...]) -> list[Finding]:
    """The findings that match the case in every respect."""
    return [
        one
        for one in findings
        if (one.level, one.file, one.rows, one.column) == (case.level, case.file, case.rows, case.column)
        and one.value.startswith(case.value)
        and any(says in f"{one.rule} {one.fix}" for says in case.says.split("|"))
    ]


def test_the_company_is_sound(tmp_path: Path) -> None:
    report = check(write(tmp_path / "small"))
    assert report.ok, report.text()
    assert report.findings == ()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_rule(case: Broken, tmp_path: Path) -> None:
    report = check(write(tmp_path / "small", case.changes))
    assert len(found(case, report.findings)) == 1, report.text()
    assert report.ok == all(one.level != "stop" for one in report.findings)
    if case.level != "stop":
        stopping = [one.rule for one in report.findings if one.level == "stop"]
        assert all("The plan cannot start" in text for text in stopping), report.text()


def test_as_of_differs_from_the_folder(tmp_path: Path) -> None:
    report = check(write(tmp_path / "small" / "2026-11-23"))
    assert [(one.level, one.column, one.value) for one in report.findings] == [("stop", "as_of", "2026-11-16")]


def test_all_findings_come_at_once(tmp_path: Path) -> None:
    changes = {**swap("orders.csv", "2026-11-20", "20/11/2026"), **swap("inventory.csv", "500", "-5"),
               **swap("items.csv", "each,6,", "each,six,")}  # fmt: skip
    report = check(write(tmp_path, changes))
    assert {(one.file, one.column) for one in report.findings if one.level == "stop"} == {
        ("orders.csv", "due_on"),
        ("inventory.csv", "on_hand"),
        ("items.csv", "standard_cost"),
    }


DECLARED = [
    one.args[0] for one in registered() if isinstance(one, partial) and one.args and isinstance(one.args[0], Declared)
]


@pytest.mark.parametrize("said", DECLARED, ids=lambda said: f"{said.table}.{said.column}: {said.rule}")
def test_a_declared_rule_speaks_of_the_contract(said: Declared) -> None:
    table = schema()[said.table]
    own, _, places = said.none_of.rpartition(": ")
    read = pl.sql_expr(said.where).meta.root_names() if said.where else []
    assert {said.column, *read, *([own] if own else [])} <= set(table.names)
    assert said.where or places, "else every row would be told"
    for place in places.split():
        other, _, column = place.partition(".")
        assert column in schema()[other].names
    assert said.level in LEVELS
    assert said.rule.endswith((".", "?"))
    assert said.fix.endswith(".")


def test_the_declared_rules_are_there() -> None:
    assert len(DECLARED) >= 60
