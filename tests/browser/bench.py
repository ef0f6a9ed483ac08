"""What every browser test of the workbench asks of its page."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Page

SECOND = 1000.0
STATUS = ".soe-answers .soe-bench div[role=status]"


def status(page: Page) -> str:
    """The strip as text."""
    return page.locator(STATUS).first.inner_text()


def answered(page: Page, word: str) -> str:
    """The strip, once it holds a word."""
    page.wait_for_function(
        "([place, word]) => document.querySelector(place)?.innerText.includes(word)", arg=[STATUS, word]
    )
    return status(page)


def tab(page: Page, name: str) -> None:
    """Open a tab of the answers."""
    page.get_by_role("tab", name=name, exact=True).click()


def kept(page: Page, name: str, *, whole: bool = False) -> None:
    """Leave a picture where the caller asks for pictures (SOE_SCREENSHOTS)."""
    if folder := os.environ.get("SOE_SCREENSHOTS"):
        Path(folder).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=whole)
