"""What stands in a file reaches the Snapshot unchanged: keys, line numbers, defaults, parquet."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path

import polars as pl
import pytest

from soe_lib.extract.findings import scan
from soe_lib.extract.schema import schema
from soe_lib.model.checks import check, read
from tests.unit.extract.company import FILES, swap, write


def rename_item(name: str) -> dict[str, str | bytes | None]:
    """The company whose finished item has another code."""
    return {file: text.replace("FG", name) for file, text in FILES.items() if "FG" in text}


@pytest.mark.parametrize(
    "name", ["00123", "NA", "NULL", "1E5", "nan", "true", "12345678901234567890", "-", "=1+1", "2026-01"]
)
def test_keys_stay_as_they_are_written(name: str, tmp_path: Path) -> None:
    snapshot = read(write(tmp_path, rename_item(name)))
    assert name in snapshot["items"]["item"].to_list()
    assert snapshot["forecast"]["item"].unique().to_list() == [name]
    assert snapshot["routings"]["item"].unique().to_list() == [name]


def test_every_table_is_there_with_the_contracts_types(tmp_path: Path) -> None:
    snapshot = read(write(tmp_path))
    assert list(snapshot.tables) == list(schema())
    for name, table in schema().items():
        assert dict(snapshot[name].schema) == {column.name: column.dtype for column in table.columns}


def test_blank_means_the_default_or_nothing(tmp_path: Path) -> None:
    snapshot = read(write(tmp_path))
    routing = snapshot["routings"].row(0, named=True)
    assert (routing["lead_time_days"], routing["maximum"], routing["valid_from"]) == (0.0, None, None)
    assert snapshot["items"]["volume"].to_list() == [1.0, 1.0]
    assert snapshot["items"].filter(pl.col("item") == "RM")["price"].to_list() == [None]
    assert snapshot["locations"]["status"].to_list() == ["open", "open"]
    closed = read(write(tmp_path / "column", {"locations.csv": "location,kind,status\nP,plant,\nM,market,\n"}))
    assert closed["locations"]["status"].to_list() == ["open", "open"]
    assert snapshot["lanes"]["item"].to_list() == [""]
    assert snapshot["offers"]["expedite"].to_list() == [False]
    assert snapshot["receipts"]["firm"].to_list() == [True]


def test_rows_are_sorted_by_key(tmp_path: Path) -> None:
    header, *rows = FILES["forecast.csv"].splitlines()
    snapshot = read(write(tmp_path, {"forecast.csv": "\n".join([header, *reversed(rows)])}))
    assert snapshot["forecast"]["period"].to_list() == ["2026-W48", "2026-W49", "2027-01"]


def test_a_return_is_left_out(tmp_path: Path) -> None:
    rows = FILES["orders.csv"] + "2,FG,M,C1,2026-11-20,-3,,\n"
    snapshot = read(write(tmp_path, {"orders.csv": rows}))
    assert snapshot["orders"]["order"].to_list() == ["1"]
    assert [one.level for one in snapshot.findings] == ["warn"]


def test_a_lot_size_of_zero_is_none(tmp_path: Path) -> None:
    changes = {"lanes.csv": "lane,origin,destination,multiple\nL,P,M,0\n"}
    assert read(write(tmp_path, changes))["lanes"]["multiple"].to_list() == [None]


def test_spaces_are_taken_off_and_counted(tmp_path: Path) -> None:
    changes = swap("orders.csv", "1,FG,M,C1", "1,\u00a0FG , M,C1")
    snapshot = read(write(tmp_path, changes))
    assert snapshot["orders"].row(0)[:3] == ("1", "FG", "M")
    assert [(one.level, one.column, one.count) for one in snapshot.findings] == [
        ("repair", "item", 1),
        ("repair", "location", 1),
    ]


def test_a_number_with_spaces_is_repaired(tmp_path: Path) -> None:
    snapshot = read(write(tmp_path, swap("orders.csv", ",7,7,21", ", 7 ,7,21")))
    assert snapshot["orders"]["quantity"].to_list() == [7.0]
    assert [(one.level, one.column) for one in snapshot.findings] == [("repair", "quantity")]


def test_line_numbers_count_the_files_lines(tmp_path: Path) -> None:
    text = 'item,description,unit\nFG,"two\nlines",each\n\nRM,plain,kg\nRM,again,kg\n'
    report = check(write(tmp_path, {"items.csv": text}))
    twice = [one for one in report.findings if "more than once" in one.rule]
    assert [one.rows for one in twice] == [(5, 6)]


def test_layout_of_quotes_and_blank_rows() -> None:
    layout = scan(b'a,b\r\n1,"x,\r\ny"\r\n\r\n2,"say ""hi"""\r\n3,4')
    assert layout.line.tolist() == [2, 4, 5, 6]
    assert layout.fields.tolist() == [2, 1, 2, 2]
    assert layout.blank.tolist() == [False, True, False, False]


def test_windows_line_ends(tmp_path: Path) -> None:
    changes = {name: text.replace("\n", "\r\n").encode() for name, text in FILES.items()}
    assert read(write(tmp_path / "w", changes)).fingerprint == read(write(tmp_path / "u")).fingerprint


def test_quoted_values_are_plain_values(tmp_path: Path) -> None:
    header, *rows = FILES["forecast.csv"].splitlines()
    quoted = [",".join(f'"{cell}"' for cell in row.split(",")) for row in rows]
    snapshot = read(write(tmp_path / "q", {"forecast.csv": "\n".join([header, *quoted])}))
    assert snapshot["forecast"].equals(read(write(tmp_path / "p"))["forecast"])


class TestParquet:
    def parquet(self, folder: Path, table: str, frame: pl.DataFrame) -> Path:
        folder = write(folder, {f"{table}.csv": None})
        frame.write_parquet(folder / f"{table}.parquet")
        return folder

    def test_typed_columns(self, tmp_path: Path) -> None:
        csv = read(write(tmp_path / "csv"))
        frame = csv["orders"].drop("committed").with_columns(committed=pl.lit(7))
        snapshot = read(self.parquet(tmp_path / "parquet", "orders", frame))
        assert snapshot["orders"].equals(csv["orders"])
        assert snapshot.fingerprint == csv.fingerprint

    def test_midnights_are_days(self, tmp_path: Path) -> None:
        frame = pl.DataFrame({"order": ["1"], "item": ["FG"], "location": ["M"], "due_on": [datetime(2026, 11, 20)],
                              "quantity": [7]})  # fmt: skip
        snapshot = read(self.parquet(tmp_path, "orders", frame))
        assert snapshot["orders"]["due_on"].to_list() == [date(2026, 11, 20)]
        assert snapshot["orders"]["quantity"].to_list() == [7.0]

    def test_a_time_of_day_stops(self, tmp_path: Path) -> None:
        frame = pl.DataFrame({"order": ["1"], "item": ["FG"], "location": ["M"], "due_on": [datetime(2026, 11, 20, 23)],
                              "quantity": [7]})  # fmt: skip
        report = check(self.parquet(tmp_path, "orders", frame))
        assert [(one.file, one.column, one.rows) for one in report.findings] == [("orders.parquet", "due_on", (1,))]

    def test_a_key_stored_as_a_number_stops(self, tmp_path: Path) -> None:
        frame = pl.DataFrame({"item": [1.0, 2.0], "unit": ["each", "kg"]})
        report = check(self.parquet(tmp_path, "items", frame))
        assert any((one.column, one.level) == ("item", "stop") and "number" in one.rule for one in report.findings)

    def test_nan_and_infinity_stop(self, tmp_path: Path) -> None:
        frame = pl.DataFrame({"item": ["FG", "RM"], "location": ["M", "P"], "on_hand": [float("nan"), float("inf")]})
        report = check(self.parquet(tmp_path, "inventory", frame))
        assert [(one.value, one.rows) for one in report.findings if one.level == "stop"] == [
            ("NaN", (1,)),
            ("inf", (2,)),
        ]


def test_deliveries_whose_dates_measure_nothing_are_left_out(tmp_path: Path) -> None:
    head, sound = FILES["deliveries.csv"].splitlines()
    rows = [
        sound,
        "NO ORDER,buy,RM,P,O,,2026-09-14,2026-09-10,1",
        "TODAY,buy,RM,P,O,,2026-11-10,2026-11-16,1",
        "BEFORE,buy,RM,P,O,2026-09-20,2026-09-21,2026-09-16,1",
        "PROMISE,buy,RM,P,O,2026-09-10,2026-09-09,2026-09-16,1",
        "YEAR,buy,RM,P,O,,2025-09-14,2026-09-16,1",
    ]
    snapshot = read(write(tmp_path, {"deliveries.csv": "\n".join([head, *rows]) + "\n"}))
    assert snapshot["deliveries"]["receipt"].to_list() == ["NO ORDER", "X0"]
    said = [one for one in snapshot.findings if one.table == "deliveries"]
    assert [(one.level, one.rows) for one in said] == [("warn", (row,)) for row in (4, 5, 6, 7)]
