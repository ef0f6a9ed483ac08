"""A notebook in JupyterLab, opened and run to its end."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Page

IDLE = "Python 3 (ipykernel) | Idle"


def run_all(page: Page, url: str) -> None:
    """Open the workbench's notebook and wait until its last cell is done."""
    # JupyterLab asks for a kernel when it is slow to start the notebook's own.
    dialog = page.locator(".jp-Dialog", has_text="Select Kernel")
    page.add_locator_handler(dialog, lambda: dialog.locator(".jp-mod-accept").click(), no_wait_after=True)
    page.goto(url)
    page.locator(".jp-Notebook").wait_for()
    page.get_by_text(IDLE).wait_for()
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
    page.locator(".soe-bench .tile").first.wait_for()
    # The last cell is done when its number stands beside it and the kernel rests.
    page.locator(".jp-Cell .jp-InputPrompt", has_text=re.compile(r"\[\d+\]")).last.wait_for()
    page.get_by_text(IDLE).wait_for()
