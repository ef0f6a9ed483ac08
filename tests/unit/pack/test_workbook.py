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


def statement() -> pl.DataFrame:
    """Two accounts and an end value by two groups: cash margin 70 and 14, margin 75 and 14."""
    rows = [
        ("account", "revenue", 100.0, 20.0, 120.0, False),
        ("account", "=material", -30.0, -6.0, -36.0, False),
        ("subtotal", "cash margin", 70.0, 14.0, 84.0, True),
        ("inventory", "end value", 5.0, 0.0, 5.0, False),
        ("subtotal", "margin", 75.0, 14.0, 89.0, True),
    ]
    names = ["section", "account", "amount A", "amount =B", "amount total", "total"]
    return pl.DataFrame(rows, schema=names, orient="row")


def ledger(material: float = -36.0) -> pl.DataFrame:
    rows = [("revenue", 100.0), ("revenue", 20.0), ("=material", material), ("end value", 5.0)]
    return pl.DataFrame(rows, schema=["account", "amount"], orient="row")


def steps() -> dict[str, pl.DataFrame]:
    """From 10 by 3 − 1 and by 2 to 14; one driver's name is what a formula looks like."""
    detail = pl.DataFrame({"driver": ["volume", "=mix", "volume"], "amount": [3.0, 2.0, -1.0]})
    rows = [
        ("old to new", "bridge", "start", "old", 10.0, ""), ("old to new", "bridge", "driver", "volume", 2.0, "q · m"),
        ("old to new", "bridge", "driver", "=mix", 2.0, "@x"), ("old to new", "bridge", "end", "new", 14.0, ""),
    ]  # fmt: skip
    names = ["bridge", "sheet", "kind", "driver", "amount", "formula"]
    return {"bridge": detail, "bridges": pl.DataFrame(rows, schema=names, orient="row")}


def test_subtotals_bridges_and_ends_are_live_and_carry_their_value(tmp_path: Path) -> None:
    path = made(tmp_path, statement=statement(), ledger=ledger(), **steps())
    live, cached = openpyxl.load_workbook(path), openpyxl.load_workbook(path, data_only=True)
    assert live["Statement"]["C4"].value == "=SUM(C2:C3)"
    assert live["Statement"]["C6"].value == "=SUM(C2:C3,C5:C5)"
    assert live["Statement"]["E3"].value == "=SUM(C3:D3)"
    assert [cached["Statement"][cell].value for cell in ("C4", "C6", "E3", "E6")] == [70, 75, -36, 89]
    assert live["Bridges"]["E3"].value == "=SUMPRODUCT(('Bridge'!$A$2:$A$4=D3)*'Bridge'!$B$2:$B$4)"
    assert live["Bridges"]["E5"].value == "=SUM(E2:E4)"
    assert [cached["Bridges"][f"E{row}"].value for row in range(2, 6)] == [10, 2, 2, 14]


def test_every_tie_out_is_two_live_ways_to_one_figure(tmp_path: Path) -> None:
    path = made(tmp_path, statement=statement(), ledger=ledger(), **steps())
    live, cached = openpyxl.load_workbook(path)["Tie-outs"], openpyxl.load_workbook(path, data_only=True)["Tie-outs"]
    rows = {cached.cell(n, 1).value: [cached.cell(n, m).value for m in (2, 3, 4, 5)] for n in range(2, cached.max_row)}
    assert rows["Ledger = statement: =material"] == [-36, -36, 0, "yes"]
    assert rows["old to new: start + rows = end"] == [14, 14, 0, "yes"]
    assert len(rows) == 4
    assert cached.cell(cached.max_row, 5).value == "yes"
    assert live["B3"].value == "=SUMPRODUCT(('Ledger'!$A$2:$A$5='Statement'!B3)*'Ledger'!$B$2:$B$5)"
    assert live.freeze_panes == "B2"


def test_a_tie_out_that_does_not_hold_says_no(tmp_path: Path) -> None:
    cached = openpyxl.load_workbook(made(tmp_path, statement=statement(), ledger=ledger(-36.01)), data_only=True)
    sheet = cached["Tie-outs"]
    assert [sheet.cell(3, n).value for n in (2, 3, 4, 5)] == [-36.01, -36, -0.01, "NO"]
    assert sheet.cell(sheet.max_row, 5).value == "NO"


def test_names_that_look_like_formulas_stay_text_everywhere(tmp_path: Path) -> None:
    frames = {"=cmd": ledger(), "statement": statement(), "ledger": ledger(), **steps()}
    book = openpyxl.load_workbook(made(tmp_path, **frames))
    texts = [cell for sheet in book for row in sheet for cell in row if str(cell.value) in ("=material", "=mix", "@x")]
    assert len(texts) >= 6
    assert {cell.data_type for cell in texts} == {"s"}
    heads = [book["Statement"].cell(1, n) for n in range(1, 6)]
    assert [(cell.value, cell.data_type) for cell in heads][3] == ("amount =B", "s")
    ours = ("=SUM(", "=SUMPRODUCT(", "=SUBTOTAL(", "='", "=ROUND(", "=IF(")
    formulas = [str(cell.value) for sheet in book for row in sheet for cell in row if cell.data_type == "f"]
    assert all(text.startswith(ours) for text in formulas)
    assert not [text for text in formulas if "material" in text or "mix" in text], "no text of the data in a formula"
