"""Payloads in the texts of a company, through the real notebooks into a real pack; read by a parser and by a browser."""

from __future__ import annotations

import itertools
import re
import shutil
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import openpyxl
import polars as pl
import pytest

import soe_lib as soe
from soe_lib.demo import generate
from tests.unit.pack.live import PAYLOADS, live

CHROMIUM = next((path for name in ("chromium", "chromium-browser") if (path := shutil.which(name))), "")
TEXTS = ("description", "note", "family", "customer", "segment", "resource", "supplier", "location", "item")
SAME = {
    "target": TEXTS,
    "origin": ("location",),
    "destination": ("location",),
    "component": ("item",),
    "substitute": ("item",),
}
# A formula of ours knows functions, cells of sheets, numbers and signs, and no text but its verdict.
OURS = r"""=(?:(?:SUM|SUMPRODUCT|SUMIFS?|SUBTOTAL|ROUND|IF|ABS|AND|MAX|MIN|COUNTIFS?)\(|'[A-Z][a-z0-9 ]*'!|\$?[A-Z]{1,2}\$?\d+|[-+*/=<>(),:. \d]|"(?:yes|NO)?")+"""
SPREADSHEET = ["=1+1", "@SUM(1)", "+cmd", "[x](javascript:alert(1))"]


def poison(company: Path) -> int:
    """Put a payload into every text and key of every table, the same text the same way everywhere; returns how many."""
    payloads = itertools.cycle([*SPREADSHEET, *(p for p in PAYLOADS if p.isprintable())])
    changed: dict[tuple[str, str], str] = {}
    files = sorted(company.glob("*/*.csv"))
    frames = {path: pl.read_csv(path, infer_schema=False) for path in files}
    for frame in frames.values():
        for column in set(TEXTS) & set(frame.columns):
            for value in frame[column].drop_nulls().unique(maintain_order=True):
                if (column, value) not in changed:
                    payload = next(payloads)
                    changed[column, value] = f"{payload} {value}" if payload[0] in "=@+" else f"{value} {payload}"
    for path, frame in frames.items():
        for column in frame.columns:
            kinds = (column,) if column in TEXTS else SAME.get(column, ())
            mapped = {value: new for (kind, value), new in changed.items() if kind in kinds}
            if mapped:
                frame = frame.with_columns(pl.col(column).replace(mapped))
        frame.write_csv(path)
    return len(changed)


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("hostile")
    generate(home / "company", 2, 2, 7, last=date(2026, 11, 16))
    assert poison(home / "company") > 30
    soe.make_pack(home / "company", None, home / "out")
    return home / "out"


def test_1_no_payload_is_live_in_any_page(out: Path) -> None:
    pages = sorted(out.rglob("*.html"))
    assert len(pages) == 8
    shown = 0
    for page in pages:
        text = page.read_text(encoding="utf-8")
        assert live(text) == [], page.name
        shown += text.count("onerror=alert(1)")
    assert shown > 0, "no payload reached any page: the test shows nothing"


def test_3_no_text_became_a_formula(out: Path) -> None:
    book = openpyxl.load_workbook(next(out.glob("2*/finance.xlsx")))
    cells = [cell for sheet in book for row in sheet.iter_rows() for cell in row if cell.value is not None]
    formulas = [str(cell.value) for cell in cells if cell.data_type == "f"]
    assert all(re.fullmatch(OURS, text) for text in formulas)
    assert not [text for text in formulas if "1+1" in text]
    assert [cell for cell in cells if cell.data_type == "s" and str(cell.value).startswith(("=1+1", "@SUM(1)", "+cmd"))]
    assert [cell for cell in cells if cell.data_type == "n" and cell.value < 0]


@pytest.fixture
def browser() -> Iterator[object]:
    playwright = pytest.importorskip("playwright.sync_api", reason="NOT TESTED IN A BROWSER: no playwright")
    if not CHROMIUM:
        pytest.skip("NOT TESTED IN A BROWSER: no chromium on this machine (apt-get install chromium)")
    with playwright.sync_playwright() as started:
        made = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield made
        made.close()


@pytest.mark.browser
def test_1_and_2_a_browser_opens_no_dialog_and_asks_for_nothing(out: Path, browser: object) -> None:
    dialogs, requests = [], []
    page = browser.new_page()  # type: ignore[attr-defined]
    page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    page.on("request", lambda request: requests.append(request.url))
    pages = sorted(out.rglob("*.html"))
    for path in pages:
        page.goto(path.as_uri())
        assert page.locator("h1").count() == 1
        for link in page.locator("details > summary").all():
            link.click()
        page.wait_for_timeout(100)
    assert dialogs == []
    asked = [url for url in requests if not url.startswith("data:")]
    assert asked == [path.as_uri() for path in pages]
