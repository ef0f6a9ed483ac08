"""The same notebook as a page of its own, for those who do not open JupyterLab: served by Voila, read in a browser."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from tests.browser.bench import SECOND, answered, kept, status, tab
from tests.browser.conftest import CHROMIUM, FLAGS, ROOT, Pages, listened

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not (ROOT / "data" / "demo").is_dir(), reason="NOT TESTED IN A BROWSER: there is no data/demo"),
]


@pytest.fixture(scope="module")
def browser(voila: Pages) -> Iterator[Browser]:  # noqa: ARG001
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield found
        found.close()


@pytest.fixture(scope="module")
def page(voila: Pages, browser: Browser) -> Page:
    """The page, once it shows this week's plan."""
    return opened(browser, voila.address, 1280)


ASKED: list[str] = []
"""Every address that a page of these tests asked for."""


def opened(browser: Browser, address: str, width: int) -> Page:
    page = listened(browser.new_page(viewport={"width": width, "height": 900}))
    page.on("request", lambda request: ASKED.append(request.url))
    page.set_default_timeout(60 * SECOND)
    page.goto(address)
    page.locator(".soe-bench .tile").first.wait_for()
    return page


def test_the_page_says_that_it_comes_and_never_shows_the_part_for_scripts(voila: Pages, browser: Browser) -> None:
    """What is seen is looked at ten times a second from the first byte to the workbench."""
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.add_init_script(
        "window.seen = []; setInterval(() => { if (document.body) window.seen.push("
        "[document.body.innerText, Boolean(document.querySelector('.soe-page'))]) }, 100);"
    )
    page.set_default_timeout(120 * SECOND)
    page.goto(voila.address, wait_until="commit")
    page.locator("#soe-coming").wait_for()
    kept(page, "voila-loading")
    page.locator(".soe-bench .tile").first.wait_for()
    seen: list[tuple[str, bool]] = page.evaluate("window.seen")
    assert any("Loading: the extract is read" in text for text, _ in seen)
    for text, there in seen:
        assert "The same from a script" not in text
        assert "Builder" not in text
        assert there or not text.strip() or "Loading" in text, text[:200]
    assert page.locator("#soe-coming").is_hidden()
    page.close()


def test_the_cells_for_scripts_are_not_run(page: Page) -> None:
    """A page that solves what nobody sees keeps everybody waiting."""
    assert status(page)
    assert page.locator("[cell-index]").count() == len([one for one in cells() if "script" not in tags(one)])
    assert any("script" in tags(one) and one["cell_type"] == "code" for one in cells())
    assert page.get_by_text("freight 20 % dearer").count() == 0


def cells() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((ROOT / "notebooks" / "workbench.ipynb").read_text("utf-8"))["cells"]
    return found


def tags(cell: dict[str, Any]) -> list[str]:
    return list(cell["metadata"].get("tags", []))


def test_it_is_a_page_and_no_notebook(page: Page) -> None:
    assert status(page).count("as planned") == 8
    assert page.locator(".jp-InputArea-editor:visible, .jp-InputPrompt:visible").count() == 0
    assert page.get_by_text("The same from a script").count() == 0
    assert page.get_by_role("heading", name="Workbench").is_visible()
    kept(page, "voila", whole=True)


def test_a_slider_changes_the_figures(page: Page) -> None:
    page.locator(".soe-left").get_by_role("slider").focus()
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    assert "worse" in answered(page, "down 3 days")
    tab(page, "Bridge")
    page.locator("figure.chart:visible svg").wait_for()
    kept(page, "voila-bridge", whole=True)


def test_a_shared_link_opens_the_same_scenario(page: Page, browser: Browser, voila: Pages) -> None:
    page.get_by_text("Share with others").click()
    page.get_by_role("button", name="Make a link").click()
    query = page.get_by_role("link", name="link", exact=True).get_attribute("href")
    assert query is not None
    other = opened(browser, voila.address + query, 390)
    text = answered(other, "down 3 days")
    assert [line for line in text.splitlines() if "worse" in line] == [
        line for line in status(page).splitlines() if "worse" in line
    ]
    kept(other, "voila-390", whole=True)
    wide = other.evaluate("document.documentElement.scrollWidth")
    assert wide <= 390, "nothing may stick out of a narrow screen"
    other.close()


def test_nothing_is_asked_of_any_other_server(page: Page) -> None:
    assert status(page)
    assert len(ASKED) > 5
    assert [url for url in ASKED if not url.startswith(("http://127.0.0.1:", "data:", "blob:"))] == []
