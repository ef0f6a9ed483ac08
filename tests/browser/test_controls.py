"""Every control by hand in a real browser, its fields in every order: what is planned is what the form shows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import permutations
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import soe_lib as soe
from soe_lib.whatif.scenario import load
from soe_lib.whatif.where import Value
from soe_lib.workbench.builder import Builder
from soe_lib.workbench.control import Field, controls
from soe_lib.workbench.explorer import Explorer
from tests.browser.bench import SECOND, answered, kept, tab
from tests.browser.conftest import CHROMIUM, FLAGS, ROOT, Lab, listened
from tests.browser.notebook import run_all
from tests.unit.workbench.forms import moved

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not (ROOT / "data" / "demo").is_dir(), reason="NOT TESTED IN A BROWSER: there is no data/demo"),
]


@pytest.fixture(scope="module")
def page(lab: Lab) -> Iterator[Page]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        found = listened(browser.new_page(viewport={"width": 1280, "height": 900}))
        found.set_default_timeout(180 * SECOND)
        run_all(found, lab.url("workbench.ipynb"))
        yield found
        browser.close()


@pytest.fixture(scope="module")
def builder(lab: Lab) -> Builder:
    """The same week, to say what a form as a whole stands for."""
    return Builder(Explorer(soe.read(lab.workspace / "data" / "demo")))


@pytest.fixture(scope="module")
def file(lab: Lab) -> Path:
    return lab.workspace / "data" / "demo" / "scenarios.toml"


def left(page: Page) -> Locator:
    return page.locator(".soe-left")


def begin(page: Page, key: str) -> None:
    """An empty scenario, and a control on the screen as it stands untouched."""
    reset = page.get_by_role("button", name="Reset", exact=True)
    if reset.is_enabled():
        reset.click()
    left(page).locator(".soe-change").first.wait_for(state="detached")
    other, mark = ("fence", "Frozen days") if key == "expediting" else ("expediting", "Expediting allowed")
    for choice, state in ((other, "visible"), (key, "detached")):
        one = controls()[choice]
        left(page).get_by_label("What changes").select_option(f"{one.group}: {one.title}")
        # The form of the control before is there until the kernel has answered.
        left(page).get_by_text(mark, exact=True).wait_for(state=state)


def put(page: Page, field: Field, value: Value) -> None:
    """Set a field as a planner does: pick from its list, type over its figure, turn its switch."""
    if field.kind == "pick":
        label = next(label for label, known in field.options if known == value)
        left(page).get_by_label(field.label, exact=True).select_option(label)
    elif field.kind == "switch":
        left(page).get_by_label(field.label).set_checked(bool(value))
    else:
        figure = left(page).locator(".widget-slider", has_text=field.label).locator(".widget-readout")
        figure.click()
        page.keyboard.press("Control+A")
        page.keyboard.type(str(value))
        page.keyboard.press("Enter")


def drive(page: Page, builder: Builder, file: Path, key: str, wanted: dict[str, Value], order: Sequence[Field]) -> None:
    """A control's fields by hand in an order, saved: the edits in the file are those of the whole form."""
    builder.reset().choose(key)
    right = builder.set(**wanted).scenario.edits
    begin(page, key)
    file.unlink(missing_ok=True)
    for one in order:
        put(page, one, wanted[one.name])
    # A slow kernel hears of a field some moments after the page shows it: its own words say when it has.
    page.locator(".soe-change", has_text=builder.notes()[0].text.rstrip(".")).wait_for()
    page.get_by_role("button", name="Save", exact=True).click()
    said = page.locator(".soe-left :is(.done, .refused)")
    said.wait_for()
    if not right:
        assert "Nothing is changed yet" in said.inner_text()
        return
    assert said.inner_text() == f"Saved {builder.scenario.name} in {file}."
    (saved,) = load(file)
    assert saved.edits == right
    assert dict(saved.controls[0][1]) | wanted == dict(saved.controls[0][1])


def fields_of(builder: Builder, key: str) -> tuple[dict[str, Value], list[Field]]:
    """What is asked of each field of a control, and the fields."""
    wanted = moved(builder.reset(), key)
    return wanted, [one for one in builder.choose(key).fields if one.name in wanted]


@pytest.mark.parametrize(("key", "backwards"), [(key, bool(number % 2)) for number, key in enumerate(controls())])
def test_a_control_plans_what_it_shows(page: Page, builder: Builder, file: Path, key: str, backwards: bool) -> None:
    """Every other control from its last field to its first; the long form has every order of every one."""
    wanted, fields = fields_of(builder, key)
    drive(page, builder, file, key, wanted, fields[::-1] if backwards else fields)


@pytest.mark.slow
@pytest.mark.parametrize("key", list(controls()))
def test_a_control_plans_what_it_shows_in_every_order(page: Page, builder: Builder, file: Path, key: str) -> None:
    wanted, fields = fields_of(builder, key)
    for order in permutations(fields):
        drive(page, builder, file, key, wanted, order)


def test_the_line_and_the_day_that_are_shown(page: Page, builder: Builder) -> None:
    """Resource, then the day, then the days: the strip, the change and the rows all name what was picked."""
    line = next(name for name in builder.explorer.choices.resources if name != builder.explorer.choices.scarcest)
    day = builder.explorer.choices.days[3]
    resource, days, start = builder.reset().choose("downtime").fields
    begin(page, "downtime")
    for field, value in ((resource, line), (start, day), (days, 2)):
        put(page, field, value)
    builder.set(resource=line, days=2, **{"from": day})
    answered(page, builder.scenario.name)
    assert builder.notes()[0].text.rstrip(".") in page.locator(".soe-change").inner_text()
    tab(page, "Edits")
    row = page.locator(".soe-bench table.data:visible tbody")
    row.get_by_text(line).first.wait_for()
    assert day.isoformat() in row.inner_text()
    kept(page, "shown", whole=True)
