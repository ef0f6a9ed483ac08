"""Workbooks: the template, codes and dates as Excel keeps them, formulas, and files that are not what they seem."""

from __future__ import annotations

import csv
import io
import subprocess
import sys
import time
import zipfile
from datetime import date, datetime, timedelta
from datetime import time as dtime
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from soe_lib.extract.schema import schema
from soe_lib.extract.workbook import uncomputed
from soe_lib.extract.writing import write_template
from soe_lib.model.checks import check, read
from soe_lib.workspace import shipped
from tests.unit.extract.company import FILES, write

TABLES = [name.removesuffix(".csv") for name in FILES if name.endswith(".csv")]
NOTHING: dict[str, str | bytes | None] = dict.fromkeys((f"{name}.csv" for name in TABLES), None)
TEMPLATE = shipped() / "templates" / "extract.xlsx"


def book(**tables: list[list[Any]]) -> openpyxl.Workbook:
    """A workbook with these sheets, a list of rows each."""
    made = openpyxl.Workbook()
    made.remove(made.active)
    for name, rows in tables.items():
        sheet = made.create_sheet(name)
        for row in rows:
            sheet.append(row)
    return made


def extract(folder: Path, made: openpyxl.Workbook) -> Path:
    """The small company with some of its tables in a workbook."""
    write(folder, dict.fromkeys((f"{name}.csv" for name in made.sheetnames), None))
    made.save(folder / "extract.xlsx")
    return folder


ORDERS = ["order", "item", "location", "customer", "due_on", "quantity", "committed", "price"]


def orders(*rows: list[Any]) -> openpyxl.Workbook:
    return book(orders=[ORDERS, *rows])


def test_the_template_is_what_the_schema_makes(tmp_path: Path) -> None:
    write_template(tmp_path / "made.xlsx")
    with zipfile.ZipFile(tmp_path / "made.xlsx") as made, zipfile.ZipFile(TEMPLATE) as kept:
        assert kept.namelist() == made.namelist()
        differing = [name for name in made.namelist() if made.read(name) != kept.read(name)]
    assert not differing, "run: python -m soe_lib.extract.writing"


def test_the_template_has_every_column_with_its_note_and_choices() -> None:
    template = openpyxl.load_workbook(TEMPLATE)
    for name, table in schema().items():
        sheet = template[name]
        assert tuple(cell.value for cell in sheet[1]) == ("#", *table.names)
        assert [sheet.cell(row, 1).value for row in (2, 3, 4)] == ["unit", "note", "example"]
        for cell, column in zip(sheet[1][1:], table.columns, strict=True):
            assert column.meaning in cell.comment.text
            assert sheet.cell(4, cell.column).value is not None
        lists = {one.formula1 for one in sheet.data_validations.dataValidation if one.type == "list"}
        for column in table.columns:
            if column.choices:
                assert f'"{",".join(column.choices)}"' in lists


def test_the_template_as_it_is_delivers_nothing(tmp_path: Path) -> None:
    folder = write(tmp_path, NOTHING)
    (folder / "extract.xlsx").write_bytes(TEMPLATE.read_bytes())
    assert {one.file for one in check(folder).findings} == {"items.csv", "locations.csv", "forecast.csv"}


def test_a_company_in_the_template_is_that_of_its_files(tmp_path: Path) -> None:
    template = openpyxl.load_workbook(TEMPLATE)
    for name in TABLES:
        sheet = template[name]
        heads = [cell.value for cell in sheet[1]]
        for at, row in enumerate(csv.DictReader(FILES[f"{name}.csv"].splitlines()), start=5):
            for column, value in row.items():
                if value:
                    number = schema()[name][column].type == "number"
                    sheet.cell(at, heads.index(column) + 1, float(value) if number else value)
    folder = write(tmp_path / "book", NOTHING)
    template.save(folder / "extract.xlsx")
    assert read(folder).fingerprint == read(write(tmp_path / "csv")).fingerprint


def test_24_25_codes_stay_as_they_are_written(tmp_path: Path) -> None:
    made = orders(["00123", "FG", "M", "C1", date(2026, 11, 20), 7], ["NA", "FG", "M", "C1", date(2026, 11, 20), 7],
                  [4711, "FG", "M", "C1", date(2026, 11, 20), 7], [12, "FG", "M", "C1", date(2026, 11, 20), 7])  # fmt: skip
    made["orders"]["A5"].number_format = "00000"
    assert read(extract(tmp_path, made))["orders"]["order"].to_list() == ["00012", "00123", "4711", "NA"]


def test_29_a_long_code_stored_as_a_number_stops(tmp_path: Path) -> None:
    made = orders([1234567890123456, "FG", "M", "C1", date(2026, 11, 20), 7])
    (found,) = check(extract(tmp_path, made)).findings
    assert (found.level, found.file, found.rows, found.column) == ("stop", "extract.xlsx, sheet orders", (2,), "order")


@pytest.mark.parametrize(("epoch", "serial"), [("1900", 46346), ("1904", 44884)])
def test_48_days_of_both_systems(epoch: str, serial: int, tmp_path: Path) -> None:
    made = orders(["1", "FG", "M", "C1", datetime(2026, 11, 20), 7], ["2", "FG", "M", "C1", serial, 7])
    if epoch == "1904":
        made.epoch = openpyxl.utils.datetime.CALENDAR_MAC_1904
    snapshot = read(extract(tmp_path, made))
    assert snapshot["orders"]["due_on"].to_list() == [date(2026, 11, 20)] * 2
    assert [(one.level, one.rows) for one in snapshot.findings] == [("repair", (3,))]
    assert epoch in snapshot.findings[0].rule


def test_a_month_that_excel_made_a_day_stays_a_month(tmp_path: Path) -> None:
    made = book(
        forecast=[["item", "location", "customer", "period", "quantity"], ["FG", "M", "C1", date(2026, 12, 1), 5]]
    )
    made["forecast"]["D2"].number_format = "mmm-yy"
    assert read(extract(tmp_path, made))["forecast"]["period"].to_list() == ["2026-12"]


@pytest.mark.parametrize(
    ("cell", "missing"),
    [
        (b'<c r="B2"><f>1+1</f></c>', True),
        (b'<c r="B2"><f>1+1</f><v></v></c>', True),
        (b'<c r="B2"><f>1+1</f><v/></c>', True),
        (b'<c r="B2"><f>1+1</f><v>2</v></c>', False),
        (b'<c r="B2" t="str"><f>""</f><v></v></c>', False),
        (b'<c r="B2"><v>2</v></c>', False),
    ],
)
def test_66_formulas_without_a_value(cell: bytes, missing: bool) -> None:
    assert list(uncomputed(b"<row>" + cell + b"</row>")) == ([("B", 2)] if missing else [])


def test_errors_of_excel_stop(tmp_path: Path) -> None:
    made = orders(["1", "FG", "M", "C1", date(2026, 11, 20), "#N/A"])
    made["orders"]["F2"].data_type = "e"
    rules = {one.rule: one.rows for one in check(extract(tmp_path, made)).findings}
    assert rules["The cell shows an Excel error."] == (2,)


def test_18_a_value_beyond_the_last_column(tmp_path: Path) -> None:
    row = ["1", "FG", "M", "C1", date(2026, 11, 20), 7, None, None, "why?"]
    assert "to the right of the last named column" in check(extract(tmp_path, orders(row))).text()


def test_10_a_table_in_a_sheet_and_in_a_file(tmp_path: Path) -> None:
    folder = write(tmp_path)
    orders(["1", "FG", "M", "C1", date(2026, 11, 20), 7]).save(folder / "extract.xlsx")
    (found,) = check(folder).findings
    assert found.level == "stop"
    assert "Two files for one table" in found.rule


def test_a_misspelt_sheet(tmp_path: Path) -> None:
    folder = write(tmp_path, {"orders.csv": None})
    book(order=[ORDERS, ["1", "FG", "M", "C1", date(2026, 11, 20), 7]]).save(folder / "extract.xlsx")
    assert "Did you mean orders? Rename the sheet." in check(folder).text()


@pytest.mark.parametrize("content", [b"", b"PK", b"no zip at all", b"\xd0\xcf\x11\xe0" + b"\x00" * 600])
def test_what_is_no_workbook(content: bytes, tmp_path: Path) -> None:
    folder = write(tmp_path)
    (folder / "extract.xlsx").write_bytes(content)
    (found,) = check(folder).findings
    assert (found.level, found.file) == ("stop", "extract.xlsx")


def bomb(path: Path, megabytes: int) -> None:
    """A workbook of the company's whose one sheet unpacks to so many megabytes of blanks."""
    kept = io.BytesIO()
    orders(["1", "FG", "M", "C1", date(2026, 11, 20), 7]).save(kept)
    with zipfile.ZipFile(kept) as whole, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as packed:
        for name in whole.namelist():
            if name != "xl/worksheets/sheet1.xml":
                packed.writestr(name, whole.read(name))
        with packed.open("xl/worksheets/sheet1.xml", "w", force_zip64=True) as sheet:
            for _ in range(megabytes):
                sheet.write(b" " * 1_000_000)


MEASURED = """
import pathlib, sys, time
from soe_lib.model.checks import check
def peak():  # of this program alone: getrusage begins with the peak of the process that started it
    lines = pathlib.Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))
check(sys.argv[2])
before, start = peak(), time.process_time()
report = check(sys.argv[1])
print(time.process_time() - start, peak(), before)
print(report.text())
"""


def measured(folder: Path, sound: Path) -> tuple[float, float, float, str]:
    """Seconds of processor time, peak and peak before [MB], and what a check of the folder says."""
    run = [sys.executable, "-c", MEASURED, str(folder), str(sound)]
    told, said = subprocess.run(run, capture_output=True, text=True, check=True, timeout=120).stdout.split("\n", 1)
    seconds, peak, before = map(float, told.split())
    return seconds, peak, before, said


def test_a_bomb_is_refused_in_two_seconds_and_300_megabytes(tmp_path: Path) -> None:
    sound = write(tmp_path / "sound")
    folder = write(tmp_path / "bomb", {"orders.csv": None})
    bomb(folder / "extract.xlsx", 1000)
    assert (folder / "extract.xlsx").stat().st_size < 1_500_000
    seconds, peak, before, said = measured(folder, sound)
    assert "too large to read safely" in said
    assert seconds <= 2
    assert peak - before <= 50
    assert peak <= 300


def test_a_bomb_that_lies_about_its_size_is_not_unpacked(tmp_path: Path) -> None:
    sound, folder = write(tmp_path / "sound"), write(tmp_path / "bomb", {"orders.csv": None})
    path = folder / "extract.xlsx"
    bomb(path, 200)
    content = path.read_bytes()
    path.write_bytes(content.replace((200_000_000).to_bytes(4, "little"), (2_000).to_bytes(4, "little")))
    assert path.read_bytes() != content
    seconds, peak, before, _ = measured(folder, sound)
    assert not check(folder).ok
    assert seconds <= 2
    assert peak - before <= 50


def test_one_cell_at_the_far_corner_takes_no_memory(tmp_path: Path) -> None:
    made = orders(["1", "FG", "M", "C1", date(2026, 11, 20), 7])
    made["orders"].cell(1_048_576, 16_384, "x")
    start = time.process_time()
    check(extract(tmp_path, made))
    assert time.process_time() - start <= 20


FORECAST = ["item", "location", "customer", "period", "quantity"]


def forecast(*periods: Any, form: str = "yyyy-mm-dd") -> openpyxl.Workbook:
    """A forecast with these cells in the column of periods."""
    made = book(forecast=[FORECAST, *(["FG", "M", "C1", period, 5] for period in periods)])
    for cell in made["forecast"]["D"][1:]:
        if isinstance(cell.value, datetime | date):
            cell.number_format = form
    return made


@pytest.mark.parametrize("rows", [150, 10_050])
def test_a_column_may_be_blank_for_as_long_as_it_likes(rows: int, tmp_path: Path) -> None:
    """Types come from the contract: the last row alone has a customer, a price and a commitment."""
    lines: list[list[Any]] = [[str(n), "FG", "M", None, date(2026, 11, 20), 7] for n in range(rows)]
    made = orders(*lines, ["last", "FG", "M", "C1", date(2026, 11, 20), 7, 3, 21.5])
    last = read(extract(tmp_path, made))["orders"].filter(order="last").row(0, named=True)
    assert (last["customer"], last["committed"], last["price"]) == ("C1", 3.0, 21.5)


def test_mixed_cells_of_one_column(tmp_path: Path) -> None:
    """Codes as numbers and as text, quantities as text and as numbers, a day as text and as a day."""
    made = orders([1, "FG", "M", "C1", "2026-11-20", "7"], ["A", "FG", "M", None, date(2026, 11, 21), 8.5])
    found = read(extract(tmp_path, made))["orders"]
    assert found["order"].to_list() == ["1", "A"]
    assert found["quantity"].to_list() == [7.0, 8.5]
    assert found["due_on"].to_list() == [date(2026, 11, 20), date(2026, 11, 21)]


@pytest.mark.parametrize("where", ["[conventions]", '[tables.orders]\nfile = "extract.xlsx"'])
def test_text_follows_the_declared_convention_and_cells_their_type(where: str, tmp_path: Path) -> None:
    made = orders(["1", "FG", "M", "C1", "24.11.2026", "1.234,5"], ["2", "FG", "M", "C1", date(2026, 11, 25), 1234.5],
                  ["3", "FG", "M", "C1", 46350, 7])  # fmt: skip
    folder = extract(tmp_path, made)
    text = f'{where}\ndates = "dd.mm.yyyy"\ndecimal = ","\nthousands = "."\n'
    if where == "[conventions]":  # which is of every table that says no other
        text += "".join(f'[tables.{name}]\nfile = "{name}.csv"\ndates = "yyyy-mm-dd"\ndecimal = "."\nthousands = ""\n'
                        for name in TABLES if name != "orders")  # fmt: skip
    (folder / "sources.toml").write_text(text, encoding="utf-8")
    found = read(folder)["orders"]
    assert found["quantity"].to_list() == [1234.5, 1234.5, 7.0]
    assert found["due_on"].to_list() == [date(2026, 11, 24), date(2026, 11, 25), date(2026, 11, 24)]


def test_conventions_hold_for_files_that_no_table_names(tmp_path: Path) -> None:
    folder = write(tmp_path, dict.fromkeys((f"{name}.csv" for name in TABLES), None))
    files = {"items": "item;unit;price\nFG;each;1.234,5\n", "locations": "location;kind\nM;market\n",
             "inventory": "item;location;on_hand\nFG;M;2,5\n",
             "orders": "order;item;location;due_on;quantity\n1;FG;M;24.11.2026;2,5\n"}  # fmt: skip
    for name, text in files.items():
        (folder / f"{name}.csv").write_text(text, encoding="utf-8")
    said = '[conventions]\nseparator = ";"\ndecimal = ","\nthousands = "."\ndates = "dd.mm.yyyy"\n'
    (folder / "sources.toml").write_text(said, encoding="utf-8")
    found = read(folder)
    assert found["items"]["price"].to_list() == [1234.5]
    assert found["orders"]["due_on"].to_list() == [date(2026, 11, 24)]


@pytest.mark.parametrize(
    ("days", "kind"),
    [
        ([date(2026, 12, 1)], "month"),
        ([date(2026, 12, 1), date(2027, 1, 1)], "month"),
        ([date(2026, 11, 30), date(2026, 12, 31)], "month"),
        ([date(2026, 11, 23), date(2026, 11, 30)], "week"),
        ([date(2026, 11, 23), date(2026, 11, 24), date(2026, 11, 27)], ""),
    ],
)
def test_a_day_in_period_is_what_somebody_says(days: list[date], kind: str, tmp_path: Path) -> None:
    findings = check(extract(tmp_path / "bare", forecast(*days))).findings
    stopped = [one for one in findings if one.level == "stop"]
    assert [one.column for one in stopped] == (["period"] if kind else [])
    assert all(f"may mean its {kind}" in one.rule and one.count == len(days) for one in stopped)
    for said, form in (("month", "%Y-%m"), ("week", "%G-W%V"), ("day", "%Y-%m-%d")):
        folder = extract(tmp_path / said, forecast(*days))
        text = f'[tables.forecast]\nfile = "extract.xlsx"\nperiods = "{said}"\n'
        (folder / "sources.toml").write_text(text, encoding="utf-8")
        wanted = sorted({day.strftime(form) for day in days})
        assert sorted(set(read(folder)["forecast"]["period"])) == wanted if len(wanted) == len(days) else True


@pytest.mark.parametrize("form", ["mmm-yy", "[$-de-DE]mmmm yyyy", "yyyy-mm", '"d. h." mmm yy'])
def test_a_format_without_a_day_says_month(form: str, tmp_path: Path) -> None:
    made = forecast(date(2026, 12, 1), form=form)
    assert read(extract(tmp_path, made))["forecast"]["period"].to_list() == ["2026-12"]


def test_a_day_that_names_a_given_period_is_its_name(tmp_path: Path) -> None:
    made = forecast(date(2026, 11, 16))
    made.create_sheet("periods")
    for row in (["period", "starts_on", "ends_on"], [date(2026, 11, 16), date(2026, 11, 16), date(2026, 11, 29)]):
        made["periods"].append(row)
    assert read(extract(tmp_path, made))["forecast"]["period"].to_list() == ["2026-11-16"]


def test_a_day_in_a_column_of_months_is_its_month(tmp_path: Path) -> None:
    heads = ["fiscal_month", "family", "location", "measure", "quantity"]
    made = book(consensus=[heads, [date(2026, 12, 1), "Fam", None, "sales", 500]])
    found = read(extract(tmp_path, made))
    assert found["consensus"]["fiscal_month"].to_list() == ["2026-12"]
    assert [one.rule for one in found.findings if one.level == "repair"] == ["Dates were read as their month."]


def test_hours_of_a_clock_are_hours(tmp_path: Path) -> None:
    """40:00 in Excel is 1.67 days inside; a column of hours means 40."""
    made = book(calendar=[["resource", "period", "hours"], ["L1", "2026-W49", timedelta(hours=40)],
                          ["L1", "2026-11-16", dtime(8, 30)]])  # fmt: skip
    found = read(extract(tmp_path, made))
    assert sorted(found["calendar"]["hours"]) == [8.5, 40.0]
    assert [one.count for one in found.findings if one.level == "repair"] == [2]


def test_cells_that_are_no_numbers_say_what_they_are(tmp_path: Path) -> None:
    made = orders(["1", "FG", "M", "C1", date(2026, 11, 20), True], ["2", "FG", "M", "C1", date(2026, 11, 20), date(2026, 5, 1)],
                  ["3", "FG", "M", "C1", date(2026, 11, 20), dtime(8, 0)])  # fmt: skip
    said = [
        (one.rows[0], f"{one.rule} {one.fix}")
        for one in check(extract(tmp_path, made)).findings
        if one.column == "quantity"
    ]
    for row, words in ((2, "yes or no"), (3, "turns 1.5 into one"), (4, "time of day")):
        assert any(at == row and words in text for at, text in said)


def test_percent_cells_are_shares(tmp_path: Path) -> None:
    made = book(routings=[["routing", "item", "location", "yield"], ["R", "FG", "P", 0.985]])
    made["routings"]["D2"].number_format = "0.0%"
    assert read(extract(tmp_path, made))["routings"]["yield"].to_list() == [0.985]


def test_merged_cells_stop_and_hidden_rows_are_said(tmp_path: Path) -> None:
    made = orders(*(["1234"[n], "FG", "M", "C1" if n in (0, 3) else None, date(2026, 11, 20), 7] for n in range(4)))
    made["orders"].merge_cells("D2:D4")
    made["orders"].row_dimensions[5].hidden = True
    found = {one.rule: one for one in check(extract(tmp_path, made)).findings}
    merged = found["Merged cells: only the first of them holds the value."]
    assert (merged.level, merged.rows, merged.column) == ("stop", (2, 3, 4), "customer")
    assert found["Hidden rows were read too."].rows == (5,)


def test_a_sheet_of_formulas_that_nobody_computed_is_not_left_out(tmp_path: Path) -> None:
    made = orders(["=A1", "=A1", "=A1", "=A1", "=A1", "=A1"])
    assert "without a computed value" in check(extract(tmp_path, made)).text()


def test_a_column_between_others_without_name_and_value_is_none(tmp_path: Path) -> None:
    made = book(
        orders=[
            ["order", "item", None, "location", "due_on", "quantity"],
            ["1", "FG", None, "M", date(2026, 11, 20), 7],
        ]
    )
    assert read(extract(tmp_path / "a", made))["orders"].height == 1
    made["orders"]["C2"] = "?"
    (found,) = [one for one in check(extract(tmp_path / "b", made)).findings if one.level == "stop"]
    assert (found.rows, "has no name" in found.rule) == ((2,), True)


def test_own_names_have_the_contracts_types(tmp_path: Path) -> None:
    """A day number in LIEFERTERMIN is a day, as it would be in due_on."""
    made = book(orders=[["NR", "item", "location", "LIEFERTERMIN", "quantity"], ["1", "FG", "M", 46346, 7]])
    folder = extract(tmp_path, made)
    columns = 'columns = { order = "NR", due_on = "LIEFERTERMIN" }'
    (folder / "sources.toml").write_text(f'[tables.orders]\nfile = "extract.xlsx"\n{columns}\n', encoding="utf-8")
    assert read(folder)["orders"]["due_on"].to_list() == [date(2026, 11, 20)]
