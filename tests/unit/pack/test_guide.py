"""The guide as pages: code and outputs, an index whose one script is named by hash, and nothing where one fails."""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path
from urllib.parse import unquote

import pytest
from bs4 import BeautifulSoup

from soe_lib.errors import PackError
from soe_lib.pack import sanitize
from soe_lib.pack.guide import make_guide
from soe_lib.pack.run_notebook import find
from tests.unit.pack.conftest import code, prose, write_notebook

ROOT = Path(__file__).parents[3]
NOTEBOOKS = ROOT / "notebooks" / "guide"


def two(folder: Path, *, source: str = "6 * 7") -> Path:
    """A folder with two guides; the second runs `source`."""
    first = [prose("# Begin\n\nWhere to *start*."), prose("## A step\n\nThen another.")]
    write_notebook(folder / "begin.ipynb", first, page=True, title="Begin", order=1)
    second = [
        prose("# Go on\n\nWhat comes next."),
        code('amount: float = 2.0  # "<b>"', tags=["parameters"]),
        prose("## CO₂ by hand"),
        code(source),
        prose("### In between"),
    ]
    write_notebook(folder / "go_on.ipynb", second, page=True, title="Go on", order=2)
    return folder


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("guide")
    return make_guide(home / "out", notebooks=two(home / "notebooks")).parent


def read(page: Path) -> BeautifulSoup:
    return BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser")


def test_a_guide_shows_its_code_its_parameters_and_what_they_give(out: Path) -> None:
    page = read(out / "go_on.html")
    assert page.h1 is not None
    assert page.h1.get_text() == "Go on"
    assert page.select_one(".headline").get_text() == "What comes next."  # type: ignore[union-attr]
    shown = [block.get_text().strip() for block in page.select(".code")]
    assert shown == ['amount: float = 2.0  # "<b>"', "6 * 7"]
    assert [printed.get_text().strip() for printed in page.select(".printed")] == ["42"]
    assert all(scrolling.get("tabindex") == "0" for scrolling in page.find_all("pre"))
    assert page.find("a", rel="prev", href="begin.html") is not None


def test_the_index_has_every_heading_and_leads_to_it(out: Path) -> None:
    entries = [(entry.get_text(), entry["href"]) for entry in read(out / "index.html").select("[data-heading] a")]
    assert [text for text, _ in entries] == ["A step", "CO₂ by hand", "In between"]
    for _, href in entries:
        name, _, anchor = str(href).partition("#")
        assert read(out / name).find(id=unquote(anchor)) is not None


def test_only_the_index_runs_a_script_and_its_policy_names_it_by_hash(out: Path) -> None:
    page = read(out / "index.html")
    (script,) = page.find_all("script")
    digest = base64.b64encode(hashlib.sha256(script.get_text().encode()).digest()).decode()
    policy = str(page.find("meta", attrs={"http-equiv": "Content-Security-Policy"})["content"])  # type: ignore[index]
    assert f"default-src 'none'; script-src 'sha256-{digest}';" in policy
    assert "connect-src" not in policy
    faults = sanitize.faults(out, later=())
    assert sorted(faults) == ["index.html holds a <input>", "index.html holds a <script>"]


def test_a_guide_that_fails_is_named_and_nothing_is_written(tmp_path: Path) -> None:
    notebooks = two(tmp_path / "notebooks", source="assert 6 * 7 == 43")
    with pytest.raises(PackError, match=r"go_on\.ipynb failed at cell 4"):
        make_guide(tmp_path / "out", notebooks=notebooks)
    assert not (tmp_path / "out").exists()


def test_a_guide_without_prose_is_refused(tmp_path: Path) -> None:
    write_notebook(tmp_path / "bare.ipynb", [code("1")], page=True, title="Bare", order=1)
    with pytest.raises(PackError, match=r"bare\.ipynb begins with no prose"):
        make_guide(tmp_path / "out", notebooks=tmp_path)


def test_the_shipped_guides_are_in_order_and_without_outputs() -> None:
    pages = find(NOTEBOOKS)
    assert [page.name for page in pages] == [
        "first_pack", "own_company", "reading_a_plan", "what_if", "own_constraint", "own_block", "money_and_audit",
        "own_page", "every_week",
    ]  # fmt: skip
    for page in pages:
        cells = json.loads(page.path.read_text(encoding="utf-8"))["cells"]
        assert "".join(cells[0]["source"]).startswith(f"# {page.title}\n")
        assert not any(cell.get("outputs") or cell.get("execution_count") for cell in cells), page.name
