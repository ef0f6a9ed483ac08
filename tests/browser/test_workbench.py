"""The workbench as a planner meets it: JupyterLab in a real browser, by mouse and by keyboard."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from soe_lib.whatif.scenario import load
from tests.browser.bench import SECOND, STATUS, answered, kept, status, tab
from tests.browser.conftest import CHROMIUM, FLAGS, ROOT, Lab, listened, witness
from tests.browser.notebook import run_all

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not (ROOT / "data" / "demo").is_dir(), reason="NOT TESTED IN A BROWSER: there is no data/demo"),
]


@pytest.fixture(scope="module")
def page(lab: Lab) -> Iterator[Page]:
    """The workbench notebook, opened and run."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        found = listened(browser.new_page(viewport={"width": 1280, "height": 900}))
        found.set_default_timeout(90 * SECOND)
        run_all(found, lab.url("workbench.ipynb"))
        found.locator(".soe-bench h3").scroll_into_view_if_needed()
        yield found
        browser.close()


def test_the_strip_shows_this_weeks_plan(page: Page) -> None:
    text = status(page)
    for name in ("Margin", "Cash", "Revenue", "On time", "Short", "Closing stock", "Overtime"):
        assert name in text
    assert text.count("as planned") == 8
    kept(page, "base")


def test_a_slider_moved_by_keyboard_changes_the_figures(page: Page) -> None:
    page.locator(".soe-left").get_by_role("slider").focus()
    for _ in range(2):
        page.keyboard.press("ArrowRight")
    two = answered(page, "down 2 days")
    assert "worse" in two, "a line down for two days must cost something"
    assert re.search(r"Answered in [\d.]+ s: solver [\d.]+ s", two)
    page.locator(".soe-change", has_text="hours lost").wait_for()  # told after the strip, in a message of its own
    assert page.locator(".soe-bench table.data caption:visible", has_text="What moved").count() == 1
    kept(page, "outage")


def test_a_slider_dragged_by_mouse_changes_the_figures(page: Page) -> None:
    handle = page.locator(".soe-left").get_by_role("slider")
    box, before = handle.bounding_box(), status(page)
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 2 + 40, box["y"] + box["height"] / 2, steps=8)
    page.mouse.up()
    days = int(page.locator(".soe-left .widget-readout").first.inner_text())
    assert days > 2
    assert answered(page, f"down {days} days") != before
    kept(page, "dragged")


def test_the_tabs_show_charts_and_tables(page: Page) -> None:
    for name in ("Bridge", "Stock", "Load"):
        tab(page, name)
        chart = page.locator("figure.chart:visible svg")
        chart.wait_for()
        box = chart.bounding_box()
        assert box is not None
        assert box["width"] > 400
        assert len(page.locator("figure.chart:visible").get_attribute("aria-label") or "") > 40, "a chart has words"
        kept(page, name.lower())
    tab(page, "Bridge")
    page.locator(".soe-bench .note:visible", has_text="residual 0.00").wait_for()
    for name, caption in (
        ("Orders at risk", "Orders at risk"),
        ("Money", "Money by account"),
        ("Edits", "Rows of the"),
    ):
        tab(page, name)
        page.locator(".soe-bench caption:visible", has_text=caption).wait_for()
        kept(page, name.split()[0].lower())


def test_a_scenario_is_saved_loaded_and_exported(page: Page, lab: Lab) -> None:
    before = status(page)
    page.get_by_label("Name of the scenario").fill("browser week")
    page.get_by_label("Name of the scenario").press("Enter")
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_text(f"Saved browser week in {lab.workspace / 'data' / 'demo' / 'scenarios.toml'}").wait_for()
    saved = (lab.workspace / "data" / "demo" / "scenarios.toml").read_text(encoding="utf-8")
    assert 'name = "browser week"' in saved
    assert "downtime" in saved
    page.get_by_text("Share with others").click()
    page.get_by_role("button", name="Make a link").click()
    with page.expect_download() as download:
        page.get_by_role("link", name="scenario.toml").click()
    assert "downtime" in download.value.path().read_text(encoding="utf-8")
    page.get_by_role("button", name="Reset").click()
    assert answered(page, "This week").count("as planned") == 8
    page.get_by_label("Load a saved scenario").select_option("browser week")
    assert figures(answered(page, "Browser week")) == figures(before)
    kept(page, "saved")


def test_saved_scenarios_stand_side_by_side(page: Page, lab: Lab) -> None:
    saved = [one.name for one in load(lab.workspace / "data" / "demo")]
    assert set(saved) > {"no overtime", "Laundry up 10 percent", "container a week later still"}
    tab(page, "Scenarios")
    page.get_by_role("button", name="Plan the saved scenarios").click()
    page.get_by_text(f"{len(saved)} saved scenarios answered.").wait_for()
    for name in saved:
        page.locator("table.data:visible tbody th", has_text=name).wait_for()
    kept(page, "scenarios")


def test_a_frontier_is_drawn_and_a_point_of_it_shown(page: Page) -> None:
    from playwright.sync_api import expect

    tab(page, "Trade-offs")
    page.get_by_role("spinbutton", name="Points").fill("3")
    page.get_by_role("spinbutton", name="Points").press("Enter")
    page.get_by_role("button", name="Draw the frontier").click()
    page.locator("figure.chart:visible svg").wait_for()
    kept(page, "frontier")
    spot = page.locator(".soe-spot:visible").last
    title = page.locator(".soe-answers .title").first
    planned = title.inner_text()
    spot.click()
    expect(title).not_to_have_text(planned)
    clicked = figures(status(page))
    drawn, button = page.locator("figure.chart:visible svg").bounding_box(), spot.bounding_box()
    assert drawn
    assert button
    assert drawn["x"] < button["x"] < drawn["x"] + drawn["width"], "the buttons lie on the drawing"
    kept(page, "clicked")
    points = page.get_by_label("Show the plan of")
    points.focus()
    page.keyboard.press("ArrowUp")
    expect(page.locator(".soe-spot.soe-chosen")).to_have_count(1)
    page.keyboard.press("End")
    expect(spot).to_have_class(re.compile("soe-chosen"))
    expect(page.locator(".tiles").first).to_contain_text(clicked[2])
    kept(page, "point")


def test_undo_and_reset_bring_the_figures_back(page: Page) -> None:
    from playwright.sync_api import expect

    page.get_by_role("button", name="Reset").click()
    assert answered(page, "This week").count("as planned") == 8
    expect(page.get_by_role("button", name="Reset")).to_be_disabled()
    page.get_by_role("button", name="Undo").click()
    answered(page, "Browser week")


def test_no_cell_failed(page: Page) -> None:
    assert page.locator(".jp-RenderedText[data-mime-type='application/vnd.jupyter.stderr']").count() == 0
    assert page.locator("[data-mime-type='application/vnd.jupyter.error']").count() == 0
    assert page.locator(STATUS).count() == 1


def test_a_failure_would_explain_itself(page: Page, lab: Lab) -> None:
    """Last: what the report of a failed test holds."""
    told = witness(page, lab.workspace.parent, "witness")
    assert "Margin" in told
    assert "Jupyter Server" in told
    assert (lab.workspace.parent / "witness.png").stat().st_size > 10_000


def figures(text: str) -> list[str]:
    """The lines of a strip that hold its figures: neither its title nor its time."""
    return [line for line in text.splitlines()[1:] if not line.startswith("Answered")]
