"""The workbench as a planner meets it: JupyterLab in a real browser, a slider moved by keyboard, a figure that changes."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.browser.conftest import CHROMIUM, FLAGS, ROOT, Lab

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not (ROOT / "data" / "demo").is_dir(), reason="NOT TESTED IN A BROWSER: there is no data/demo"),
]
SECOND = 1000.0
IDLE = "Python 3 (ipykernel) | Idle"
STATUS = ".soe-bench [role=status]"


@pytest.fixture(scope="module")
def page(lab: Lab) -> Iterator[Page]:
    """The workbench notebook, opened and run."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        found = browser.new_page(viewport={"width": 1280, "height": 900})
        found.set_default_timeout(90 * SECOND)
        # JupyterLab asks for a kernel when it is slow to start the notebook's own.
        dialog = found.locator(".jp-Dialog", has_text="Select Kernel")
        found.add_locator_handler(dialog, lambda: dialog.locator(".jp-mod-accept").click(), no_wait_after=True)
        found.goto(lab.url("workbench.ipynb"))
        found.locator(".jp-Notebook").wait_for()
        found.get_by_text(IDLE).wait_for()
        found.get_by_role("menuitem", name="Run", exact=True).click()
        found.get_by_role("menuitem", name="Run All Cells", exact=True).click()
        found.locator(".soe-bench .tile").first.wait_for()
        # The last cell is done when its number stands beside it and the kernel rests.
        found.locator(".jp-Cell .jp-InputPrompt", has_text=re.compile(r"\[\d+\]")).last.wait_for()
        found.get_by_text(IDLE).wait_for()
        found.locator(".soe-bench h3").scroll_into_view_if_needed()
        yield found
        browser.close()


def status(page: Page) -> str:
    return page.locator(STATUS).inner_text()


def pressed(page: Page, key: str) -> str:
    """Press a key on what has the focus, and what the strip says when it has changed."""
    before = status(page)
    page.keyboard.press(key)
    page.wait_for_function("([place, text]) => document.querySelector(place)?.innerText !== text", arg=[STATUS, before])
    return status(page)


def kept(page: Page, name: str) -> None:
    """Leave a picture where the caller asks for pictures (SOE_SCREENSHOTS)."""
    if folder := os.environ.get("SOE_SCREENSHOTS"):
        Path(folder).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=Path(folder) / f"{name}.png")


def test_the_strip_shows_this_weeks_plan(page: Page) -> None:
    text = status(page)
    for name in ("Margin", "Cash", "Revenue", "On time", "Short", "Closing stock", "Overtime"):
        assert name in text
    assert text.count("as planned") == 8
    kept(page, "base")


def test_a_slider_moved_by_keyboard_changes_the_figures(page: Page) -> None:
    page.get_by_role("slider").first.focus()
    one = pressed(page, "ArrowRight")
    assert "down 1 day" in one
    for _ in range(2):
        page.keyboard.press("ArrowRight")
    page.wait_for_function("place => document.querySelector(place)?.innerText.includes('down 3 days')", arg=STATUS)
    three = status(page)
    assert "hours lost" in three
    assert "worse" in three, "a line down for three days must cost something"
    assert re.search(r"Answered in [\d.]+ s: solver [\d.]+ s", three)
    assert page.locator(".soe-bench table.data caption", has_text="What moved").count() == 1
    kept(page, "outage")
    page.locator(".soe-bench table.data").first.scroll_into_view_if_needed()
    kept(page, "moved")


def test_the_tabs_show_charts_with_words(page: Page) -> None:
    for name in ("Load", "Stock"):
        page.get_by_role("tab", name=name, exact=True).click()
        image = page.get_by_role("tabpanel").locator("img:visible")
        image.wait_for()
        assert image.evaluate("image => image.decode().then(() => image.naturalWidth)") > 800
        assert page.locator(".soe-bench p:visible").last.inner_text(), "a chart has its finding in words"
        kept(page, name.lower())
    page.get_by_role("tab", name="Trials", exact=True).click()
    assert page.locator(".soe-bench caption:visible", has_text="Trials side by side").count() == 1
    kept(page, "trials")


def test_undo_and_reset_bring_the_figures_back(page: Page) -> None:
    from playwright.sync_api import expect

    page.get_by_role("button", name="Reset").click()
    page.wait_for_function("place => document.querySelector(place)?.innerText.startsWith('This week')", arg=STATUS)
    assert status(page).count("as planned") == 8
    expect(page.get_by_role("button", name="Undo")).to_be_disabled()


def test_no_cell_failed(page: Page) -> None:
    assert page.locator(".jp-RenderedText[data-mime-type='application/vnd.jupyter.stderr']").count() == 0
    assert page.locator("[data-mime-type='application/vnd.jupyter.error']").count() == 0
