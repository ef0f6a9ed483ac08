"""The tab that promises, in a real browser: asked, answered, kept, and the next answer holds it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.browser.bench import SECOND, kept, tab
from tests.browser.conftest import CHROMIUM, FLAGS, ROOT, Pages, listened

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not (ROOT / "data" / "demo").is_dir(), reason="NOT TESTED IN A BROWSER: there is no data/demo"),
]


@pytest.fixture(scope="module")
def page(voila: Pages) -> Iterator[Page]:
    """The workbench's page with the tab open."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = listened(browser.new_page(viewport={"width": 1280, "height": 1400}))
        page.set_default_timeout(120 * SECOND)
        page.goto(voila.address)
        page.locator(".soe-bench .tile").first.wait_for()
        tab(page, "Promise")
        yield page
        browser.close()


def test_an_order_is_promised_kept_and_held(page: Page) -> None:
    for label, value in (
        ("Item", "LAU-101"),
        ("Quantity", "5000"),
        ("Customer", "Marktland"),
        ("Wanted on", "2026-11-18"),
    ):
        field = page.get_by_label(label, exact=True)
        field.fill(value)
        field.press("Tab")
    page.get_by_role("button", name="When can it be there?").click()
    page.get_by_text("5,000 of LAU-101 for Marktland on 2026-11-18:").wait_for()
    first = page.locator(".verdict").inner_text()
    assert "2026-11-19" in first
    kept(page, "promise-1280", whole=True)
    page.get_by_role("button", name="Keep the promise").click()
    page.get_by_text("1 delivery kept in").wait_for()
    page.get_by_role("button", name="When can it be there?").click()
    page.wait_for_function("first => document.querySelector('.verdict')?.innerText !== first", arg=first)
    assert "2026-11-19" not in page.locator(".verdict").inner_text()
    page.set_viewport_size({"width": 390, "height": 1400})
    kept(page, "promise-390", whole=True)
