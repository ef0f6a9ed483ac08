"""The guide's index in a real browser: its search narrows the list, says so, and needs no server."""

from __future__ import annotations

from pathlib import Path

import pytest

from soe_lib.pack.guide import make_guide
from tests.browser.conftest import CHROMIUM, FLAGS, browser_or_skip
from tests.unit.pack.test_guide import two

pytestmark = pytest.mark.browser


def test_the_search_finds_headings_from_a_file(tmp_path: Path) -> None:
    browser_or_skip()
    from playwright.sync_api import sync_playwright

    index = make_guide(tmp_path / "out", notebooks=two(tmp_path / "notebooks"))
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_page(viewport={"width": 390, "height": 844})
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.goto(index.as_uri())
        shown = page.locator("[data-heading]:visible")
        assert shown.count() == 3
        page.fill("#search", "co2 hand")
        assert shown.all_inner_texts() == ["CO₂ by hand"]
        assert page.inner_text("#found") == "1 found"
        page.fill("#search", "nowhere")
        assert shown.count() == 0
        assert page.inner_text("#found").startswith("Nothing found")
        page.press("#search", "Escape")
        assert shown.count() == 3
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        assert asked == [index.as_uri()]
        page.fill("#search", "between")
        page.press("#search", "Enter")
        page.wait_for_url("**/go_on.html#**")
        browser.close()


@pytest.mark.parametrize("width", [1280, 390])
def test_axe_finds_nothing_serious(tmp_path: Path, width: int) -> None:
    browser_or_skip()
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="NOT TESTED BY AXE: not installed").Axe()
    from playwright.sync_api import sync_playwright

    index = make_guide(tmp_path / "out", notebooks=two(tmp_path / "notebooks"))
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        # The pages forbid all scripts but one: only this test may look past that.
        context = browser.new_context(viewport={"width": width, "height": 900}, bypass_csp=True)
        for path in (index, index.with_name("go_on.html")):
            page = context.new_page()
            page.goto(path.as_uri())
            found = [
                one["id"] for one in axe.run(page).response["violations"] if one["impact"] in {"serious", "critical"}
            ]
            assert found == [], path.name
        browser.close()
