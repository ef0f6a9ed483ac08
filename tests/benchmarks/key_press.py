"""From the key press to the changed page: JupyterLab in a real browser, one edit after another, and where the time goes.

python -m tests.benchmarks.key_press [EDITS]

A key is pressed on a slider; a watcher inside the page notes when the strip of figures and the tab below it have
changed and were painted. The workbench itself says what editing, building, solving and reading took. Three sliders take
turns (a line down, demand, hours), so that every edit is new to the solver.
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tests.browser.bench import SECOND, STATUS
from tests.browser.conftest import CHROMIUM, FLAGS, Lab, lab_in
from tests.browser.notebook import run_all

if TYPE_CHECKING:
    from playwright.sync_api import Page

GOAL = 0.3
CONTROLS = ("downtime", "demand", "hours")
PARTS = re.compile(r"edit ([\d.]+), build ([\d.]+), solve ([\d.]+), read ([\d.]+)")
WATCH = """place => {
  const strip = document.querySelector(place), before = strip.innerText, box = strip.closest('.soe-answers');
  let started = 0;
  addEventListener('keydown', () => { started = performance.now(); }, {capture: true, once: true});
  window.pressed = new Promise((done, fail) => {
    const watcher = new MutationObserver(() => {
      const now = document.querySelector(place);
      if (!now || now.innerText === before) return;
      watcher.disconnect();
      requestAnimationFrame(() => setTimeout(() => done([performance.now() - started, now.innerHTML]), 0)); });
    watcher.observe(box, {subtree: true, childList: true, characterData: true});
    setTimeout(() => { watcher.disconnect(); fail(new Error('no answer: ' + before)); }, 20000); });
}"""


@contextmanager
def opened(lab: Lab) -> Iterator[Page]:
    """The workbench, run, in a browser."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.set_default_timeout(90 * SECOND)
        run_all(page, lab.url("workbench.ipynb"))
        yield page
        browser.close()


def press(page: Page, key: str) -> tuple[float, list[float]]:
    """Seconds from a key press on what has the focus to the painted answer; and the parts that the page states."""
    page.evaluate(WATCH, STATUS)
    page.keyboard.press(key)
    taken, html = page.evaluate("window.pressed")
    found = PARTS.search(html)
    assert found, html
    return taken / SECOND, [float(part) for part in found.groups()]


def measured(page: Page, edits: int) -> tuple[np.ndarray, np.ndarray]:
    """Seconds of each edit, shape (edits,), and its parts, shape (edits, 4); the first press of a slider warms up."""
    totals: list[float] = []
    parts: list[list[float]] = []
    each = -(-edits // len(CONTROLS))
    for control in CONTROLS:
        page.get_by_label("What changes").select_option(label=LABELS[control])
        page.wait_for_timeout(SECOND)  # the control's own slider comes from the kernel, in the place of the last one
        slider = page.locator(".soe-left").get_by_role("slider").first
        slider.focus()
        press(page, "ArrowRight")
        for _ in range(min(each, edits - len(totals))):
            total, part = press(page, "ArrowRight")
            totals.append(total)
            parts.append(part)
    return np.array(totals), np.array(parts)


LABELS = {
    "downtime": "Events: A line is down",
    "demand": "Demand: Demand by family and customer",
    "hours": "Capacity: Regular hours",
}


def main(edits: int = 50) -> None:
    """Print p50 and p95 of the edits, and the parts."""
    with tempfile.TemporaryDirectory() as home, lab_in(Path(home)) as lab, opened(lab) as page:
        totals, parts = measured(page, edits)
    print(f"{len(totals)} edits in JupyterLab, load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    for share in (50, 95):
        print(f"p{share}: {np.percentile(totals, share):.3f} s from key press to painted page (goal of p95: {GOAL} s)")
    rest = totals - parts.sum(axis=1)
    named = {"edit": parts[:, 0], "build": parts[:, 1], "solve": parts[:, 2], "read": parts[:, 3], "page": rest}
    for name, seconds in named.items():
        low, high = np.percentile(seconds, 50), np.percentile(seconds, 95)
        print(f"  {name:<6} p50 {low:.3f} s, p95 {high:.3f} s, {seconds.sum() / totals.sum():4.0%} of all")


if __name__ == "__main__":
    main(*(int(one) for one in sys.argv[1:]))
