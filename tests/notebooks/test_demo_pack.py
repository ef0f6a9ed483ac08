"""The demo's pack, made as a newcomer makes it, then read by an HTML parser and a workbook reader."""

from __future__ import annotations

import hashlib
import json
import math
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import html5lib
import openpyxl
import polars as pl
import pytest

import soe_lib as soe
from soe_lib.errors import DataError
from soe_lib.pack.verify import verify

ROOT = Path(__file__).parents[2]
PAGES = ("index", "demand_review", "supply_review", "balance", "finance_review")
WEEK = "2026-11-16"


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("archive") / "out"
    soe.make_pack(ROOT / "data" / "demo", None, folder)
    return folder


def elements(page: Path) -> Iterator[tuple[str, dict[str, str], str]]:
    tree = html5lib.parse(page.read_text(encoding="utf-8"), namespaceHTMLElements=False)
    for node in tree.iter():
        if isinstance(node.tag, str):
            yield node.tag, {str(k): v for k, v in node.attrib.items()}, "".join(node.itertext())


def test_every_page_is_there_and_verifies(out: Path) -> None:
    assert {f"{page}.html" for page in PAGES} <= {path.name for path in (out / WEEK).iterdir()}
    assert (out / "index.html").is_file()
    assert verify(out).ok


@pytest.mark.parametrize("page", PAGES)
def test_a_page_asks_for_nothing_runs_nothing_and_says_what_its_charts_say(out: Path, page: str) -> None:
    found = list(elements(out / WEEK / f"{page}.html"))
    tags = [tag for tag, _, _ in found]
    assert not {"script", "iframe", "object", "embed", "link", "form"} & set(tags)
    policy = [a["content"] for tag, a, _ in found if tag == "meta" and a.get("http-equiv") == "Content-Security-Policy"]
    assert len(policy) == 1
    assert "default-src 'none'" in policy[0]
    for tag, attributes, _ in found:
        assert not [name for name in attributes if name.startswith("on")], attributes
        assert not attributes.get("src", "data:").startswith(("http:", "https:", "//")), attributes
        if tag == "a":
            assert not attributes.get("href", "").startswith(("http:", "https:", "//", "javascript:")), attributes
        if tag == "img":
            assert len(attributes.get("alt", "")) > 20, attributes.get("alt")
            assert attributes["src"].startswith("data:image/png")
    assert tags.count("h1") == 1
    assert [a.get("lang") for tag, a, _ in found if tag == "html"] == ["en"]


def test_the_cover_tells_this_weeks_story_from_the_figures(out: Path) -> None:
    """The generator's story: a line down, a late container, a promotion nobody forecast, a family under S&OP."""
    text = next(text for tag, _, text in elements(out / WEEK / "index.html") if tag == "body")
    events = soe.read(ROOT / "data" / "demo", WEEK)["events"]
    for target in events["target"]:
        assert target in text
    for words in ("ordered", "more than forecast", "under commitment", "S&OP", "at stake", "Plan proven optimal"):
        assert words in text


def test_the_cover_shows_the_plans_own_margin(out: Path) -> None:
    plan = soe.plan(soe.read(ROOT / "data" / "demo", WEEK))
    text = next(text for tag, _, text in elements(out / WEEK / "index.html") if tag == "body")
    assert f"EUR\N{NO-BREAK SPACE}{plan.margin:,.0f}" in text or f"EUR {plan.margin:,.0f}" in text


def test_the_manifest_names_every_input_and_the_proof(out: Path) -> None:
    manifest = json.loads((out / WEEK / "manifest.json").read_text(encoding="utf-8"))
    files = {path.name for path in (ROOT / "data" / "demo" / WEEK).glob("*.csv")}
    assert files <= {entry["file"] for entry in manifest["inputs"]}
    assert manifest["plan"]["status"] == "optimal"
    assert math.isclose(manifest["plan"]["gap"], 0.0, abs_tol=1e-7)
    assert all(check["ok"] for check in manifest["checks"])


def test_the_workbook_adds_up_and_holds_no_formula_but_ours(out: Path) -> None:
    live = openpyxl.load_workbook(out / WEEK / "finance.xlsx")
    cached = openpyxl.load_workbook(out / WEEK / "finance.xlsx", data_only=True)
    formulas, ours = 0, ("=SUM(", "=SUMPRODUCT(", "=SUBTOTAL(", "=ROUND(", "=IF(", "='")
    for sheet in live:
        for row in sheet.iter_rows():
            for cell in row:
                if cell.data_type == "f":
                    formulas += 1
                    assert str(cell.value).startswith(ours), cell.value
                    assert cached[sheet.title][cell.coordinate].value is not None
    assert formulas > 0
    ties = [row[4].value for row in cached["Tie-outs"].iter_rows(min_row=2)]
    assert len(ties) > 20
    assert set(ties) == {"yes"}


def test_the_targets_for_an_erp_are_those_of_the_workbook(out: Path) -> None:
    sheet = openpyxl.load_workbook(out / WEEK / "finance.xlsx", data_only=True)["Stock targets"]
    heads = [cell.value for cell in sheet[1]]
    names = [heads.index(name) for name in ("item", "location", "target")]
    rows = [[row[at].value for at in names] for row in sheet.iter_rows(min_row=2) if row[names[1]].value]
    table = pl.read_csv(out / WEEK / "targets.csv")
    counts = {"inventory": "on_hand", "orders": "quantity", "receipts": "quantity", "policies": "safety_stock"}
    files = [
        pl.read_csv(ROOT / "data" / "demo" / WEEK / f"{file}.csv").select("item", n=name)
        for file, name in counts.items()
    ]
    counted = pl.concat([file.cast({"n": pl.Float64}) for file in files]).drop_nulls()
    weighed = set(counted.filter(pl.col("n") != pl.col("n").round())["item"])  # not by the piece, but to a thousandth
    scale = {item: 1000 if item in weighed else 1 for item, _, _ in rows}
    assert table.select("item", "location", "safety_stock").rows() == sorted(
        (item, location, pytest.approx(math.ceil(target * scale[item] - 1e-6) / scale[item]))
        for item, location, target in rows
    )
    assert weighed & set(scale)
    assert set(scale) - weighed
    assert set(table["valid_from"]) == {WEEK}
    assert table.height > 50


def test_a_figure_of_the_pack_is_traced_to_the_line_of_a_file(out: Path) -> None:
    published = openpyxl.load_workbook(out / WEEK / "finance.xlsx", data_only=True)["Statement"]
    heads = [cell.value for cell in published[1]]
    rows = {row[heads.index("account")].value: row for row in published.iter_rows(min_row=2)}
    found = soe.trace(out, account="freight", family="Laundry")
    assert found.amount == rows["freight"][heads.index("amount Laundry")].value
    line = found.lines.row(0, named=True)
    mine = found.sources.filter(pl.col("cell") == line["cell"]).row(0, named=True)
    text = (ROOT / "data" / "demo" / WEEK / mine["file"]).read_text(encoding="utf-8").splitlines()
    at = text[0].split(",").index(mine["column"])
    assert -float(text[mine["line"] - 1].split(",")[at]) == line["per_unit"]
    digest = hashlib.sha256((ROOT / "data" / "demo" / WEEK / mine["file"]).read_bytes()).hexdigest()
    assert found.files["sha256"].to_list() == [digest]


def test_the_finance_page_says_why_and_at_what_price(out: Path) -> None:
    text = next(text for tag, _, text in elements(out / WEEK / "finance_review.html") if tag == "body")
    for words in (
        "Exact Shapley values over all 8 re-optimised plans", "do not add up because", "What it costs to keep",
        "Where the months will end", "The targets of 2026", "Budget profit", "Worth EUR",
    ):  # fmt: skip
        assert words in text.replace("\N{NO-BREAK SPACE}", " "), words


def test_an_identical_run_adds_nothing(out: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in (out / WEEK).iterdir()}
    again = soe.make_pack(ROOT / "data" / "demo", WEEK, out)
    assert not again.published
    assert {path: path.stat().st_mtime_ns for path in (out / WEEK).iterdir()} == before


def test_bad_input_publishes_nothing_and_touches_nothing(out: Path, tmp_path: Path) -> None:
    company = tmp_path / "demo"
    shutil.copytree(ROOT / "data" / "demo", company)
    stock = company / WEEK / "inventory.csv"
    lines = stock.read_text(encoding="utf-8").splitlines()
    stock.write_text("\n".join([*lines, lines[1]]) + "\n", encoding="utf-8")
    before = {path: path.read_bytes() for path in out.rglob("*.html")}
    with pytest.raises(DataError, match="occurs more than once"):
        soe.make_pack(company, None, out)
    assert {path: path.read_bytes() for path in out.rglob("*.html")} == before
    assert not list(out.glob(".staging*"))


def test_a_review_runs_by_plain_papermill_and_refuses_a_misspelt_parameter(tmp_path: Path) -> None:
    source, target = ROOT / "notebooks" / "demand_review.ipynb", tmp_path / "out.ipynb"
    command = [sys.executable, "-m", "papermill", "--no-progress-bar", str(source), str(target)]
    given = ["-p", "data", str(ROOT / "data" / "demo"), "-p", "as_of"]
    done = subprocess.run([*command, *given, "2026-11-09"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    wrong = subprocess.run([*command, "-p", "as_off", "2026-11-09"], capture_output=True, text=True, check=False)
    assert wrong.returncode != 0
    assert "Did you mean as_of?" in wrong.stderr
