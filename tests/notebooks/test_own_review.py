"""A company's own review: a copy of the blank notebook in notebooks/ is a page of the pack, without touching code."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path

from bs4 import BeautifulSoup

from soe_lib.pack.job import make_pack
from tests.networks import write
from tests.unit.operations.test_release import TABLES
from tests.unit.pack.conftest import code, write_notebook

ROOT = Path(__file__).parents[2]
BALANCE = '''data: str = ""
as_of: str = ""
results: str = ""
store: str = ""'''
KEEP = """import soe_lib as soe
soe.week(soe.read(data, as_of), store=store, results=results).hand_over()
soe.publish(results, page="balance", title="Balance", headline="It balances.")"""


def test_a_copy_of_the_blank_review_becomes_a_page(tmp_path: Path) -> None:
    """46 P leave the plant for the shop, over one lane."""
    day = date(2026, 1, 5).isoformat()
    write(tmp_path / "data" / day, **TABLES)
    notebooks = tmp_path / "notebooks"
    balance = [code(BALANCE, tags=["parameters"]), code(KEEP)]
    write_notebook(notebooks / "balance.ipynb", balance, page=True, title="Balance", order=1)
    shutil.copy(ROOT / "templates" / "template_review.ipynb", notebooks / "our_review.ipynb")
    made = make_pack(tmp_path / "data", day, tmp_path / "out", notebooks=notebooks)
    page = BeautifulSoup((made.folder / "our_review.html").read_text(encoding="utf-8"), "html.parser")
    cover = BeautifulSoup((made.folder / "index.html").read_text(encoding="utf-8"), "html.parser")
    assert page.h1 is not None
    assert page.h1.get_text() == "A review of your own"
    assert "46 units are shipped over 1 lane." in page.get_text()
    assert [figure["alt"] for figure in page.find_all("img")]
    assert cover.find("a", href="our_review.html") is not None
    assert "Units shipped" in cover.get_text()
