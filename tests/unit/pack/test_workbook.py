from __future__ import annotations

from datetime import date
from pathlib import Path

import openpyxl
import polars as pl
import pytest

from soe_lib.errors import PackError
from soe_lib.pack import workbook
from tests.unit.pack.test_render import frame

HOSTILE = ["=1+1", "+1", "-1", "@SUM(1)", "\tx", "\r=1", "=cmd|' /C calc'!A0", "https://evil.example", "000123"]


def made(folder: Path, notes: tuple[str, ...] = (), **frames: pl.DataFrame) -> Path:
    kept = folder / "finance"
    kept.mkdir()
    for name, rows in frames.items():
        rows.write_parquet(kept / f"{name}.parquet")
    path = folder / "finance.xlsx"
    workbook.write(path, workbook.read(kept), frame(company="=Nordhav"), notes=notes)
    return path


def test_sheets_stand_in_reading_order(tmp_path: Path) -> None:
    rows = pl.DataFrame({"account": ["a"], "amount": [1.0]})
    path = made(tmp_path, checks=rows, ledger=rows, extra_costs=rows, statement=rows, bridge=rows)
    names = openpyxl.load_workbook(path).sheetnames
    assert names == ["Read me", "Statement", "Bridge", "Ledger", "Extra costs", "Checks"]


def test_totals_are_live_and_carry_their_value(tmp_path: Path) -> None:
    rows = pl.DataFrame({"account": ["a", "b", "c"], "amount_plan": [10.25, -4.5, 0.1], "units": [1, 2, 3]})
    path = made(tmp_path, ledger=rows)
    live, cached = openpyxl.load_workbook(path), openpyxl.load_workbook(path, data_only=True)
    assert live["Ledger"]["B5"].value == "=SUBTOTAL(109,B2:B4)"
    assert cached["Ledger"]["B5"].value == 5.85
    assert live["Ledger"]["C5"].value is None
    assert live["Ledger"]["A5"].value == "Total"
    assert live["Ledger"].freeze_panes == "A2"
    assert live["Ledger"]["B2"].number_format == workbook.CENTS


def test_text_never_becomes_a_formula_a_link_or_a_number(tmp_path: Path) -> None:
    rows = pl.DataFrame({"=account": HOSTILE, "amount": [1.0] * len(HOSTILE)})
    book = openpyxl.load_workbook(made(tmp_path, notes=tuple(HOSTILE), ledger=rows))
    formulas = [cell.value for sheet in book for row in sheet for cell in row if cell.data_type == "f"]
    assert formulas == [f"=SUBTOTAL(109,B2:B{len(HOSTILE) + 1})"]
    texts = [book["Ledger"].cell(row, 1) for row in range(2, len(HOSTILE) + 2)]
    assert {cell.data_type for cell in texts} == {"s"}
    assert texts[-1].value == "000123"
    assert not [cell for sheet in book for row in sheet for cell in row if cell.hyperlink]


def test_a_frame_with_its_own_totals_gets_no_second_one(tmp_path: Path) -> None:
    rows = pl.DataFrame({"account": ["revenue", "margin"], "amount": [1.0, 1.0], "total": [False, True]})
    sheet = openpyxl.load_workbook(made(tmp_path, statement=rows))["Statement"]
    assert sheet.max_row == 3
    assert [cell.value for cell in sheet[1]] == ["account", "amount"]
    assert [cell.font.bold for cell in sheet["A"][1:]] == [False, True]


def test_values_keep_their_type(tmp_path: Path) -> None:
    rows = pl.DataFrame(
        {"day": [date(2026, 11, 16), None], "n": [3, None], "ok": [True, False], "amount": [None, -0.5]}
    )
    sheet = openpyxl.load_workbook(made(tmp_path, extra=rows))["Extra"]
    assert sheet["A2"].value.date() == date(2026, 11, 16)
    assert [sheet[cell].value for cell in ("B2", "C2", "C3", "D2", "D3")] == [3, "yes", "no", None, -0.5]


def test_the_same_figures_give_the_same_bytes(tmp_path: Path) -> None:
    rows = pl.DataFrame({"account": ["a"], "amount": [1.0]})
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    assert made(tmp_path / "a", ledger=rows).read_bytes() == made(tmp_path / "b", ledger=rows).read_bytes()


def test_what_is_no_number_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PackError, match=r"ledger\.parquet has values that are no numbers in amount"):
        made(tmp_path, ledger=pl.DataFrame({"amount": [float("nan")]}))
    (tmp_path / "finance" / "ledger.parquet").write_text("x")
    with pytest.raises(PackError, match="cannot be read"):
        workbook.read(tmp_path / "finance")
    assert workbook.read(tmp_path / "nowhere") == ()
