"""Faults 1 to 67 of what is delivered, each by its number: it stops, warns, or is a counted repair, and says where.

Faults that need a server, a workbook or declared conventions (12, 30, 31, 38 to 42, 48, 53, 54, 66) stand beside their
sources in tests/unit/extract; here they are shown once each, through the same door as all others: `check`.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from datetime import date, datetime, timezone
from pathlib import Path

import openpyxl
import polars as pl
import pytest

from soe_lib.errors import DataError
from soe_lib.extract.calendar import horizon
from soe_lib.extract.check import check_page
from soe_lib.extract.findings import Finding
from soe_lib.model.checks import check, read
from tests.unit.extract.company import FILES, SETTINGS, add, swap, write

Changes = dict[str, "str | bytes | None"]
HEAD = "item,location,customer,period,quantity"
ROW = "FG,M,C1,2026-W48,100"


def forecast(*rows: str, head: str = HEAD) -> Changes:
    return {"forecast.csv": "\n".join([head, *rows]) + "\n"}


def declared(*lines: str, file: str = "forecast.csv", **changes: str | bytes | None) -> Changes:
    """The company whose sources.toml names one file and its conventions."""
    table = file.split(".")[0]
    return {"sources.toml": "\n".join([f"[tables.{table}]", f'file = "{file}"', *lines]) + "\n", **changes}


UNITS = "item,unit,factor\nFG,case,12\n"
MIXED = forecast("FG,M,C1,2026-W48,100,each", "FG,M,C1,2026-W49,5,case", head=f"{HEAD},unit")
PRICED = forecast("FG,M,C1,2026-W48,100,20,EUR", "FG,M,C1,2026-W49,5,22,USD", head=f"{HEAD},price,currency")
BOM_CYCLE = {**add("routings.csv", "R2,RM,P,1,1,,,"), **add("components.csv", "R2,FG,1")}


@dataclass(frozen=True)
class Fault:
    """One fault of the list: the extract that has it, and the one finding that must name it."""

    number: int
    name: str
    changes: Changes
    level: str
    file: str
    rows: tuple[int, ...]
    column: str
    value: str
    says: str

    def __str__(self) -> str:
        return f"{self.number:02d} {self.name}"


FAULTS = [
    Fault(1, "missing file", {"items.csv": None}, "stop", "items.csv", (), "", "", "missing"),
    Fault(5, "zero bytes", {"orders.csv": b""}, "stop", "orders.csv", (), "", "", "empty"),
    Fault(6, "header only", {"orders.csv": "order,item,location,due_on,quantity\n"}, "stop", "orders.csv", (), "", "", "no row"),
    Fault(7, "truncated last row", {"forecast.csv": FILES["forecast.csv"][:-12]}, "stop", "forecast.csv", (4,), "", "", "Fewer values"),
    Fault(8, "still being copied", {"orders.csv.part": "order,it"}, "stop", "orders.csv.part", (), "", "", "still being copied"),
    Fault(9, "wrong extract in the slot", {"orders.csv": FILES["lanes.csv"]}, "stop", "orders.csv", (), "due_on", "", "missing"),
    Fault(10, "two files for one slot", {"items.parquet": b"PAR1"}, "stop", "items.csv", (), "", "", "Two files"),
    Fault(13, "byte order mark", {"items.csv": b"\xef\xbb\xbf" + FILES["items.csv"].encode()}, "repair", "items.csv", (1,), "", "", "byte order mark"),
    Fault(14, "UTF-16", {"items.csv": FILES["items.csv"].encode("utf-16")}, "stop", "items.csv", (), "", "", "UTF-16"),
    Fault(14, "cp1252", {"items.csv": "item,unit\nFG,each\nRM,Stück\n".encode("cp1252")}, "stop", "items.csv", (3,), "", "RM,Stück", "Windows-1252"),
    Fault(15, "NUL byte", {"items.csv": "item,unit\nFG,ea\x00ch\nRM,kg\n"}, "stop", "items.csv", (2,), "", "", "NUL"),
    Fault(16, "unclosed quote", {"items.csv": 'item,unit\nFG,each\nRM,"kg\n'}, "stop", "items.csv", (3,), "", "", "never closed"),
    Fault(17, "delimiter drift", {"items.csv": "item;unit\nFG;each\n"}, "stop", "items.csv", (1,), "", "", "semicolons"),
    Fault(17, "delimiter drift within", forecast(ROW, "FG;M;C1;2026-W49;1"), "stop", "forecast.csv", (3,), "", "", "Fewer values"),
    Fault(18, "extra value", forecast(ROW, "FG,M,C1,2026-W49,1,5"), "stop", "forecast.csv", (3,), "", "", "More values"),
    Fault(19, "short row", forecast(ROW, "FG,M,C1,2026-W49"), "stop", "forecast.csv", (3,), "", "", "Fewer values"),
    Fault(20, "duplicate column", forecast(f"{ROW},1", head=f"{HEAD},quantity"), "stop", "forecast.csv", (1,), "", "", "Duplicate column: 'quantity'"),
    Fault(21, "renamed column", forecast(ROW, head="item,location,customer,period,qty"), "stop", "forecast.csv", (), "quantity", "", "Rename column qty"),
    Fault(21, "missing column", forecast("FG,C1,2026-W48,1", head="item,customer,period,quantity"), "stop", "forecast.csv", (), "location", "", "missing"),
    Fault(22, "new column", forecast(f"{ROW},x", head=f"{HEAD},colour"), "warn", "forecast.csv", (), "colour", "", "was not read"),
    Fault(23, "type change", forecast(ROW, "FG,M,C1,2026-W49,many"), "stop", "forecast.csv", (3,), "quantity", "many", "Not a number"),
    Fault(27, "trailing space", swap("orders.csv", "1,FG,M", "1,FG ,\u00a0M"), "repair", "orders.csv", (2,), "item", "FG ", "were removed"),
    Fault(28, "twins by case", add("items.csv", "fg,,Fam,each,,,"), "stop", "items.csv", (2, 4), "item", "FG", "'FG' and 'fg'"),
    Fault(28, "twins by Unicode form", add("locations.csv", "Köln,market,", "Ko\u0308ln,market,"), "stop", "locations.csv", (4, 5), "location", "Köln", "only in spelling"),
    Fault(30, "decimal comma", forecast('FG,M,C1,2026-W48,"1.234,56"'), "stop", "forecast.csv", (2,), "quantity", "1.234,56", "point"),
    Fault(32, "brackets", forecast("FG,M,C1,2026-W48,(500)"), "stop", "forecast.csv", (2,), "quantity", "(500)", "minus"),
    Fault(32, "per cent", swap("routings.csv", "0.9,,,", "12%,,,"), "stop", "routings.csv", (2,), "yield", "12%", "share"),
    Fault(32, "thousands space", forecast("FG,M,C1,2026-W48,1 000"), "stop", "forecast.csv", (2,), "quantity", "1 000", "thousands"),
    Fault(33, "NaN", forecast("FG,M,C1,2026-W48,NaN"), "stop", "forecast.csv", (2,), "quantity", "NaN", "Not a number"),
    Fault(34, "inf", forecast("FG,M,C1,2026-W48,inf"), "stop", "forecast.csv", (2,), "quantity", "inf", "no limit"),
    Fault(34, "1e400", forecast("FG,M,C1,2026-W48,1e400"), "stop", "forecast.csv", (2,), "quantity", "1e400", "Not a number"),
    Fault(35, "negative stock", swap("inventory.csv", "RM,P,,500", "RM,P,,-5"), "stop", "inventory.csv", (3,), "on_hand", "-5", "Less than 0"),
    Fault(35, "negative demand", forecast("FG,M,C1,2026-W48,-1"), "stop", "forecast.csv", (2,), "quantity", "-1", "Less than 0"),
    Fault(36, "a return", add("orders.csv", "2,FG,M,C1,2026-11-20,-3,,"), "warn", "orders.csv", (3,), "quantity", "-3", "return"),
    Fault(37, "magnitude", forecast("FG,M,C1,2026-W48,1e10"), "stop", "forecast.csv", (2,), "quantity", "1e10", "Larger"),
    Fault(38, "mixed units", {**MIXED, "units.csv": UNITS}, "stop", "forecast.csv", (3,), "unit", "case", "other than the item"),
    Fault(39, "no conversion", {**MIXED, **declared('unit_column = "unit"')}, "stop", "forecast.csv", (3,), "unit", "case", "No conversion from case"),
    Fault(40, "not reciprocal", {"units.csv": "item,unit,to,factor\nFG,case,each,12\nFG,each,case,0.1\n"}, "stop", "units.csv", (2, 3), "factor", "12", "not reciprocal"),
    Fault(41, "currency missing", swap("settings.toml", '"EUR"', '""'), "stop", "settings.toml", (), "currency", "", "blank"),
    Fault(41, "currency of a row", {**forecast(ROW + ",20,", head=f"{HEAD},price,currency"), **declared('currency_column = "currency"')}, "stop", "forecast.csv", (2,), "currency", "", "currency is blank"),
    Fault(42, "no rate", {**PRICED, **declared('currency_column = "currency"')}, "stop", "forecast.csv", (3,), "currency", "USD", "No rate from USD to EUR for 2026-11"),
    Fault(43, "zero price", swap("orders.csv", ",21", ",0"), "stop", "orders.csv", (2,), "price", "0", "price of 0"),
    Fault(43, "negative price", swap("orders.csv", ",21", ",-21"), "stop", "orders.csv", (2,), "price", "-21", "Less than 0"),
    Fault(44, "cost above price", swap("orders.csv", ",21", ",5"), "warn", "orders.csv", (2,), "price", "5", "above the price"),
    Fault(45, "sub-cent residue", swap("consensus.csv", "9000", "9000.000000001"), "repair", "consensus.csv", (2,), "amount", "9000.000000001", "to the cent"),
    Fault(46, "dd/mm", swap("orders.csv", "2026-11-20", "10/11/2026"), "stop", "orders.csv", (2,), "due_on", "10/11/2026", "ambiguous"),
    Fault(47, "mixed formats", add("orders.csv", "2,FG,M,C1,20261120,1,,"), "stop", "orders.csv", (3,), "due_on", "20261120", "ISO date"),
    Fault(48, "Excel day", swap("orders.csv", "2026-11-20", "46346"), "stop", "orders.csv", (2,), "due_on", "46346", "Excel"),
    Fault(49, "2025-W53", forecast("FG,M,C1,2025-W53,1", ROW), "stop", "forecast.csv", (2,), "period", "2025-W53", "2025 has no week 53"),
    Fault(51, "W9 before W10", forecast("FG,M,C1,2026-W9,1", ROW), "stop", "forecast.csv", (2,), "period", "2026-W9", "2026-W09"),
    Fault(52, "no 29 February", swap("orders.csv", "2026-11-20", "2027-02-29"), "stop", "orders.csv", (2,), "due_on", "2027-02-29", "that exists"),
    Fault(53, "midnight in a zone", swap("orders.csv", "2026-11-20", "2026-11-19T23:00:00Z"), "stop", "orders.csv", (2,), "due_on", "2026-11-19T23:00:00Z", "without time"),
    Fault(56, "a gap", {"periods.csv": "period,starts_on,ends_on\nA,2026-11-16,2026-11-22\nB,2026-11-24,2026-11-29\n"}, "stop", "periods.csv", (3,), "starts_on", "2026-11-24", "gap"),
    Fault(56, "an overlap", {"periods.csv": "period,starts_on,ends_on\nB,2026-11-22,2026-11-29\nA,2026-11-16,2026-11-22\n"}, "stop", "periods.csv", (2,), "starts_on", "2026-11-22", "Overlaps"),
    Fault(57, "duplicate key", add("inventory.csv", "FG,M,,1"), "stop", "inventory.csv", (2, 4), "item", "FG | M", "more than once"),
    Fault(58, "null key", add("items.csv", ",,Fam,each,,,"), "stop", "items.csv", (4,), "item", "", "key is blank"),
    Fault(59, "unknown item", add("orders.csv", "2,FGX,M,C1,2026-11-20,1,,"), "stop", "orders.csv", (3,), "item", "FGX", "Did you mean FG?"),
    Fault(60, "unknown location in a lane", swap("lanes.csv", "P,M,", "P,N,"), "stop", "lanes.csv", (2,), "destination", "N", "missing from"),
    Fault(61, "BOM cycle", BOM_CYCLE, "stop", "components.csv", (2, 3), "component", "", "FG → RM"),
    Fault(62, "self-reference", add("components.csv", "R,FG,1"), "stop", "components.csv", (3,), "component", "FG", "itself"),
    Fault(62, "zero yield", swap("routings.csv", "0.9,,,", "0,,,"), "stop", "routings.csv", (2,), "yield", "0", "makes nothing"),
    Fault(64, "overlapping validity", swap("routings.csv", "2026-12-01,", "2026-11-25,"), "stop", "routings.csv", (3,), "routing", "R", "valid for one period"),
    Fault(65, "S&OP rows without items", swap("consensus.csv", "Fam", "Fan"), "stop", "consensus.csv", (2,), "family", "Fan", "No item belongs"),
]  # fmt: skip


def matching(case: Fault, findings: tuple[Finding, ...]) -> list[Finding]:
    return [
        one
        for one in findings
        if (one.level, one.file, one.rows, one.column) == (case.level, case.file, case.rows, case.column)
        and one.value.startswith(case.value)
        and case.says in f"{one.rule} {one.fix}"
    ]


@pytest.mark.parametrize("case", FAULTS, ids=str)
def test_fault(case: Fault, tmp_path: Path) -> None:
    report = check(write(tmp_path / "small", case.changes))
    (found,) = matching(case, report.findings) or pytest.fail(report.text())
    if case.level == "stop":
        assert not report.ok
        assert found.fix
        with pytest.raises(DataError, match="cannot be planned"):
            read(tmp_path / "small")
    else:
        assert report.ok, report.text()
        assert found.count >= 1 or case.number == 22
        assert found in read(tmp_path / "small").findings
    plain = next(one for one in json.loads(json.dumps(report.to_dict()))["findings"] if one["rule"] == found.rule)
    assert (plain["file"], plain["rows"], plain["column"]) == (case.file, list(case.rows), case.column)
    page = check_page(report)
    assert case.file in page
    assert case.column in page


def test_every_fault_has_its_test() -> None:
    apart = {
        int(part)
        for name in globals()
        if name.startswith("test_")
        for part in name.split("_")
        if part.isdigit() and len(part) == 2
    }
    assert apart | {case.number for case in FAULTS} == set(range(1, 68))


def company(folder: Path, days: tuple[str, ...], changes: Changes | None = None) -> Path:
    for n, day in enumerate(days):
        orders = "".join(f"{100 * n + k},FG,M,C1,{day[:8]}28,1,,21\n" for k in range(20))
        head = FILES["orders.csv"].splitlines()[0]
        write(
            folder / day,
            {
                "settings.toml": SETTINGS.replace("2026-11-16", day),
                "orders.csv": f"{head}\n{orders}",
                **(changes or {}),
            },
        )
    return folder


def test_02_late(tmp_path: Path) -> None:
    folder = company(tmp_path / "c", ("2026-11-02", "2026-11-09"))
    report = check(folder, "2026-11-16")
    assert not report.ok
    assert "no extract as of 2026-11-16. There are: 2026-11-02, 2026-11-09" in report.text()
    old = datetime(2026, 11, 1, 12).timestamp()
    late = write(tmp_path / "late", declared("days_old = 3"))
    os.utime(late / "forecast.csv", (old, old))
    assert "The file is from 2026-11-01, more than 3 days before 2026-11-16" in check(late).text()


def test_03_last_weeks_bytes_under_a_new_name(tmp_path: Path) -> None:
    folder = company(tmp_path / "c", ("2026-11-09", "2026-11-16"))
    last = (folder / "2026-11-09" / "orders.csv").read_bytes()
    (folder / "2026-11-09" / "orders.csv").rename(folder / "2026-11-09" / "orders_kw46.csv")
    (folder / "2026-11-16" / "orders.csv").write_bytes(last)
    stops = [one for one in check(folder).findings if one.level == "stop"]
    assert [(one.file, one.rule) for one in stops] == [
        ("orders.csv", "Identical byte for byte to orders_kw46.csv of 2026-11-09.")
    ]


def test_04_as_of_is_not_the_folders(tmp_path: Path) -> None:
    report = check(write(tmp_path / "small" / "2026-11-23"))
    assert [(one.level, one.column, one.value) for one in report.findings] == [("stop", "as_of", "2026-11-16")]


def test_08_a_file_that_grows_while_it_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write(tmp_path)
    whole = Path.read_bytes

    def growing(self: Path) -> bytes:
        content = whole(self)
        if self.name == "orders.csv":
            with self.open("ab") as file:
                file.write(b"2,FG,M,C1,2026-11-21,1,,\n")
        return content

    monkeypatch.setattr(Path, "read_bytes", growing)
    assert [(one.file, one.rule) for one in check(folder).findings if one.level == "stop"] == [
        ("orders.csv", "The file changed while it was read.")
    ]


def test_11_a_third_fewer_rows_than_usual_warns(tmp_path: Path) -> None:
    folder = company(tmp_path / "c", ("2026-10-26", "2026-11-02", "2026-11-09", "2026-11-16"))
    path = folder / "2026-11-16" / "orders.csv"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:9]))
    (found,) = check(folder).findings
    assert (found.level, found.file) == ("warn", "orders.csv")
    assert "8 rows, where the median of 3 weeks is 20" in found.rule


def test_12_sql_source_lost(tmp_path: Path) -> None:
    """A source that is gone stops; the server that dies in the middle of a query is in test_postgresql.py."""
    toml = '[sources.erp]\nkind = "sqlite"\npath = "erp.sqlite"\n[tables.orders]\nsource = "erp"\nrelation = "orders"\n'
    report = check(write(tmp_path, {"sources.toml": toml, "orders.csv": None}))
    assert [(one.level, one.file) for one in report.findings if "erp.sqlite" in one.rule] == [
        ("stop", "erp, table orders")
    ]


@pytest.mark.parametrize("number", [24, 25, 26, 29])
def test_24_25_26_29_codes_stay_as_they_are_written(number: int, tmp_path: Path) -> None:
    names = {24: ["00123"], 25: ["NA", "NULL"], 26: ["1E5"], 29: ["12345678901234567890"]}[number]
    for name in names:
        changes: Changes = {file: text.replace("FG", name) for file, text in FILES.items() if "FG" in text}
        assert read(write(tmp_path / name, changes))["forecast"]["item"].unique().to_list() == [name]


def test_30_declared_decimal_comma(tmp_path: Path) -> None:
    changes = {**forecast('FG,M,C1,2026-W48,"1.234,56"'), **declared('decimal = ","', 'thousands = "."')}
    assert read(write(tmp_path, changes))["forecast"]["quantity"].to_list() == [1234.56]


def test_31_a_point_between_thousands_is_declared(tmp_path: Path) -> None:
    rows = forecast("FG,M,C1,2026-W48,1.234")
    assert read(write(tmp_path / "point", rows))["forecast"]["quantity"].to_list() == [1.234]
    german = {**rows, **declared('decimal = ","', 'thousands = "."')}
    assert read(write(tmp_path / "german", german))["forecast"]["quantity"].to_list() == [1234.0]
    unclear = {**rows, **declared('decimal = ","')}
    assert "Not a number in the declared convention" in check(write(tmp_path / "unclear", unclear)).text()


def test_38_declared_units_are_converted(tmp_path: Path) -> None:
    changes = {**MIXED, "units.csv": UNITS, **declared('unit_column = "unit"')}
    snapshot = read(write(tmp_path, changes))
    assert snapshot["forecast"]["quantity"].to_list() == [100.0, 60.0]  # 5 cases of 12
    assert [(one.rows, one.count) for one in snapshot.findings if one.level == "repair"] == [((3,), 1)]


def test_42_declared_currencies_are_converted(tmp_path: Path) -> None:
    rates = "currency,month,rate\nUSD,2026-11,0.5\n"
    snapshot = read(write(tmp_path, {**PRICED, "currencies.csv": rates, **declared('currency_column = "currency"')}))
    assert snapshot["forecast"]["price"].to_list() == [20.0, 11.0]  # 22 dollars at a half


def test_48_excel_days_of_both_systems(tmp_path: Path) -> None:
    # 2026-11-20 is day 46346 of the 1900 system and day 44884 of the 1904 system, 1,462 days apart
    for system, day in (("excel-1900", "46346"), ("excel-1904", "44884")):
        rows = {"orders.csv": FILES["orders.csv"].replace("2026-11-20", day)}
        changes = {**rows, **declared(f'dates = "{system}"', file="orders.csv")}
        assert read(write(tmp_path / system, changes))["orders"]["due_on"].to_list() == [date(2026, 11, 20)]


def test_49_and_50_week_53_of_2026(tmp_path: Path) -> None:
    snapshot = read(write(tmp_path, forecast("FG,M,C1,2026-W53,70")))
    spans = snapshot.calendar.spans(pl.Series(["2026-W53"]))
    assert spans.row(0, named=True)["last"] == date(2027, 1, 3)


def test_50_new_years_day_is_in_week_53() -> None:
    weeks = horizon(date(2026, 12, 14), weeks=5, daily=0)
    inside = weeks.filter((pl.col("starts_on") <= date(2027, 1, 1)) & (pl.col("ends_on") >= date(2027, 1, 1)))
    assert inside["period"].to_list() == ["2026-W53"]


def test_51_weeks_in_the_order_of_time() -> None:
    weeks = horizon(date(2026, 2, 16), weeks=4, daily=0)["period"].to_list()
    assert weeks == ["2026-W08", "2026-W09", "2026-W10", "2026-W11"] == sorted(weeks)


def test_52_29_february_of_a_leap_year(tmp_path: Path) -> None:
    assert read(write(tmp_path, swap("orders.csv", "2026-11-20", "2028-02-29")))["orders"]["due_on"].to_list() == [
        date(2028, 2, 29)
    ]


ZONE = ("timezone = 'Europe/Berlin'",)


def due(stamp: str, folder: Path) -> list[date]:
    rows = {"orders.csv": FILES["orders.csv"].replace("2026-11-20", stamp)}
    return read(write(folder, {**rows, **declared(*ZONE, file="orders.csv")}))["orders"]["due_on"].to_list()


def test_53_midnight_across_time_zones(tmp_path: Path) -> None:
    assert due("2026-11-19T23:00:00Z", tmp_path / "a") == [date(2026, 11, 20)]  # midnight in Berlin
    assert due("2026-11-19T22:59:59Z", tmp_path / "b") == [date(2026, 11, 19)]
    assert due("2026-11-20T05:30:00+05:30", tmp_path / "c") == [date(2026, 11, 20)]
    frame = pl.DataFrame({"order": ["1"], "item": ["FG"], "location": ["M"], "quantity": [7.0],
                          "due_on": [datetime(2026, 11, 19, 23, tzinfo=timezone.utc)]})  # fmt: skip  # noqa: UP017
    folder = write(tmp_path / "d", {"orders.csv": None, **declared(*ZONE, file="orders.parquet")})
    frame.write_parquet(folder / "orders.parquet")
    assert read(folder)["orders"]["due_on"].to_list() == [date(2026, 11, 20)]


def test_54_the_daylight_saving_hour(tmp_path: Path) -> None:
    assert due("2026-10-25T02:30:00", tmp_path / "twice") == [date(2026, 10, 25)]  # this hour comes twice, on one day
    assert due("2026-10-24T22:30:00Z", tmp_path / "utc") == [date(2026, 10, 25)]  # 00:30 of summer time
    rows = {"orders.csv": FILES["orders.csv"].replace("2026-11-20", "2027-03-28T02:30:00")}  # skipped by the clocks
    report = check(write(tmp_path / "never", {**rows, **declared(*ZONE, file="orders.csv")}))
    assert [(one.rows, one.column) for one in report.findings if one.level == "stop"] == [
        ((2,), "due_on"),
        ((2,), "due_on"),
    ]


def test_55_445_with_53_weeks(tmp_path: Path) -> None:
    settings = SETTINGS + '[calendar]\nfiscal = "4-4-5"\n[horizon]\nweeks = 10\n'
    rows = forecast("FG,M,C1,2026-12,600")
    snapshot = read(write(tmp_path, {"settings.toml": settings, **rows}))
    span = snapshot.calendar.spans(pl.Series(["2026-12"])).row(0, named=True)
    assert (span["first"], span["last"]) == (date(2026, 11, 23), date(2027, 1, 3))  # weeks 48 to 53: six, not five


def test_63_an_item_nobody_can_make_or_buy(tmp_path: Path) -> None:
    stranded = {**add("items.csv", "X,,Fam,each,6,20,"), **add("orders.csv", "2,X,M,C1,2026-11-20,5,,21")}
    stops = [one for one in check(write(tmp_path / "wanted", stranded)).findings if one.level == "stop"]
    assert [(one.file, one.rows) for one in stops] == [("items.csv", (4,))]
    quiet = check(write(tmp_path / "unwanted", add("items.csv", "X,,Fam,each,6,20,")))
    assert quiet.ok
    assert [(one.level, one.file, one.rows) for one in quiet.findings] == [("warn", "items.csv", (4,))]


def test_66_a_formula_without_a_computed_value(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "orders"
    for row in (
        FILES["orders.csv"].splitlines()[0].split(","),
        [1, "FG", "M", "C1", date(2026, 11, 20), "=3+4", None, 21],
    ):
        sheet.append(row)
    folder = write(tmp_path, {"orders.csv": None})
    book.save(folder / "extract.xlsx")
    (found,) = [one for one in check(folder).findings if "formula" in one.rule]
    assert (found.level, found.file, found.rows, found.column) == (
        "stop",
        "extract.xlsx, sheet orders",
        (2,),
        "quantity",
    )


def test_67_one_row_passes(tmp_path: Path) -> None:
    """A million rows are the benchmark's: python -m tests.benchmarks.check_million_rows."""
    assert check(write(tmp_path, forecast(ROW))).ok


def test_all_findings_come_in_one_report(tmp_path: Path) -> None:
    stopped = [case for case in FAULTS if case.number in (5, 33, 46, 57)]
    changes = {name: text for case in stopped for name, text in case.changes.items()}
    changes["policies.csv"] = FILES["policies.csv"].replace("10", "ten")
    report = check(write(tmp_path, changes))
    assert {one.file for one in report.findings if one.level == "stop"} >= {
        "forecast.csv",
        "inventory.csv",
        "policies.csv",
    }
    page = check_page(report)
    for one in report.findings:
        assert one.file in page
