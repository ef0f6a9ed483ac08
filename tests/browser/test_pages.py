"""The demo's pack in a real browser: axe finds nothing serious, nothing is asked for, nothing overflows a phone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import soe_lib as soe
from tests.browser.conftest import CHROMIUM, FLAGS, ROOT, browser_or_skip

pytestmark = [pytest.mark.browser, pytest.mark.slow]
WIDE, PHONE = 1280, 390
LEAST_LETTER = 8.0
"""Pixels of the smallest lettering of a chart as it is shown, 8.5 points in the drawing."""
DRAWN = 8.5 * 96 / 72


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    browser_or_skip()
    folder = tmp_path_factory.mktemp("pages") / "out"
    for day in ("2026-11-09", "2026-11-16"):
        soe.make_pack(ROOT / "data" / "demo", day, folder)
    return folder


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    browser_or_skip()
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


def pages(out: Path) -> list[Path]:
    return [out / "index.html", *sorted((out / "2026-11-16").glob("*.html"))]


@pytest.mark.parametrize("width", [WIDE, PHONE])
def test_axe_finds_nothing_serious_on_any_page(out: Path, chromium: Any, width: int) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="NOT TESTED BY AXE: not installed").Axe()
    # The pages forbid scripts, axe's own included: only this test may look past that.
    context = chromium.new_context(viewport={"width": width, "height": 900}, bypass_csp=True)
    found = []
    for path in pages(out):
        page = context.new_page()
        page.goto(path.as_uri())
        for fault in axe.run(page).response["violations"]:
            found.append((path.name, fault["impact"], fault["id"], fault["nodes"][0]["html"][:120]))
        page.close()
    context.close()
    assert [one for one in found if one[1] in {"serious", "critical"}] == []


def test_no_page_asks_for_anything_or_opens_a_dialog(out: Path, chromium: Any) -> None:
    context = chromium.new_context()
    asked: list[str] = []
    for path in pages(out):
        page = context.new_page()
        page.on("request", lambda request: asked.append(request.url))
        page.on("dialog", lambda dialog: asked.append(dialog.message))
        page.goto(path.as_uri())
        page.close()
    context.close()
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
    assert sum(url.startswith("file:") for url in asked) == len(pages(out))


def test_a_phone_shows_every_page_without_sideways_scrolling_and_charts_large_enough(out: Path, chromium: Any) -> None:
    context = chromium.new_context(viewport={"width": PHONE, "height": 800})
    charts = 0
    for path in pages(out):
        page = context.new_page()
        page.goto(path.as_uri())
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE, path.name
        sizes = page.evaluate("[...document.querySelectorAll('.chart img')].map(i => [i.width, i.naturalWidth])")
        for shown, drawn in sizes:
            assert DRAWN * shown / (drawn / 2) >= LEAST_LETTER, (path.name, shown, drawn)
        charts += len(sizes)
        page.close()
    context.close()
    assert charts > 5


def test_every_section_can_be_linked_and_the_pack_stays_small(out: Path, chromium: Any) -> None:
    context = chromium.new_context()
    for path in pages(out):
        page = context.new_page()
        page.goto(path.as_uri())
        nameless = page.evaluate("[...document.querySelectorAll('main h2')].filter(h => !h.id).map(h => h.innerText)")
        assert nameless == [], path.name
        page.close()
    context.close()
    assert sum(path.stat().st_size for path in (out / "2026-11-16").glob("*.html")) < 2_000_000


def test_the_archive_finds_a_week_by_its_name_without_a_script(out: Path, chromium: Any) -> None:
    page = chromium.new_page()
    page.goto((out / "index.html").as_uri())
    page.click("text=Week 46")
    assert page.url.endswith("#week-2026-11-09")
    assert page.is_visible("tr#week-2026-11-09")
    assert page.locator("svg.spark").count() > 5
    page.close()


def test_the_shop_floor_prints_on_one_a4(out: Path, chromium: Any) -> None:
    page = chromium.new_page()
    page.goto((out / "2026-11-16" / "shop_floor.html").as_uri())
    printed = page.pdf(prefer_css_page_size=True)
    page.close()
    assert len(re.findall(rb"/Type\s*/Page\b", printed)) == 1
    assert [round(float(side)) for side in re.findall(rb"/MediaBox\s*\[0 0 ([\d.]+) ([\d.]+)", printed)[0]] == [
        595,
        842,
    ]
