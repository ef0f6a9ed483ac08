"""The guide as pages: its notebooks run, rendered like the pack with their code, and an index that can be searched."""

from __future__ import annotations

import base64
import hashlib
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from bs4 import BeautifulSoup
from markupsafe import Markup

from soe_lib import workspace
from soe_lib.errors import PackError
from soe_lib.pack import kernel, render, run_notebook, sanitize

FOLDER = "guide"
INDEX = "index.html"
SEARCH = "guide_search.js"
AT_ONCE = 2
ALLOWED = frozenset({f"{INDEX} holds a <script>", f"{INDEX} holds a <input>"})
"""The search of the index: one script, which its content security policy names by hash, and one field."""


@dataclass(frozen=True)
class Guide:
    """One page of the guide: its notebook, the sentence it begins with, and its body."""

    page: run_notebook.Page
    lead: str
    body: sanitize.Body

    @property
    def file(self) -> str:
        """The name of its HTML file."""
        return f"{self.page.name}.html"

    @property
    def contents(self) -> list[sanitize.Heading]:
        """The headings that the list of contents shows."""
        return [entry for entry in self.body.headings if entry.level in {2, 3}]


def make_guide(
    out: str | Path = "out/guide",
    *,
    notebooks: str | Path | None = None,
    timeout: float = 600.0,
    progress: Callable[[str], None] = lambda _: None,
) -> Path:
    """Run the guide's notebooks and write them as pages; returns the index.

    Parameters
    ----------
    out : folder of the pages; files of the same names are replaced once all pages are good, others stay.
    notebooks : folder of the guide; the workspace's own, else the shipped one.
    timeout : wall-clock limit of each notebook [s].
    progress : called with the title of each guide that has run.

    Raises PackError where a notebook fails or a page is not fit to be read; then nothing is written.
    """
    own = workspace.root() / "notebooks" / FOLDER
    home = Path(notebooks or (own if own.is_dir() else workspace.shipped() / "notebooks" / FOLDER))
    target = workspace.place(out)
    with tempfile.TemporaryDirectory(prefix="soe-guide-") as aside:
        guides = _run(run_notebook.find(home), Path(aside), timeout, progress)
        staged = Path(aside) / "pages"
        staged.mkdir()
        for name, text in _pages(guides).items():
            (staged / name).write_text(text, encoding="utf-8")
        if faults := [fault for fault in sanitize.faults(staged, later=()) if fault not in ALLOWED]:
            raise PackError("The guide is not fit to be read; nothing was written.\n  " + "\n  ".join(faults))
        target.mkdir(parents=True, exist_ok=True)
        for path in sorted(staged.iterdir()):
            workspace.write(target / path.name, path.read_text(encoding="utf-8"))
    return target / INDEX


def _run(
    pages: Sequence[run_notebook.Page], aside: Path, timeout: float, progress: Callable[[str], None]
) -> list[Guide]:
    """Every notebook executed and read, in reading order."""

    def one(page: run_notebook.Page) -> Path:
        made = run_notebook.run(
            page.path, {}, folder=aside / "executed", cwd=page.path.parent, timeout=timeout, kernels=kernels
        )
        progress(page.title)
        return made

    with kernel.server(aside) as kernels, ThreadPoolExecutor(AT_ONCE) as pool:
        executed = list(pool.map(one, pages))
    shown = [render.body(path, templates=render.templates(), code=True) for path in executed]
    return [_guide(page, body) for page, body in zip(pages, shown, strict=True)]


def _guide(page: run_notebook.Page, body: sanitize.Body) -> Guide:
    """The page with its first paragraph moved below the title, and code that the keyboard can scroll."""
    soup = BeautifulSoup(body.html, "html.parser")
    first = soup.select_one(".prose p")
    if first is None:
        raise PackError(f"{page.path.name} begins with no prose: say in a paragraph what the guide is about.")
    lead = " ".join(first.extract().get_text().split())
    for prose in soup.select(".prose"):
        if not prose.get_text(strip=True):
            prose.decompose()
    for scrolling in soup.find_all("pre"):
        scrolling["tabindex"] = "0"
    return Guide(page, lead, replace(body, html=soup.decode(formatter="minimal")))


def _pages(guides: Sequence[Guide]) -> dict[str, str]:
    """File name → finished page: the index, and every guide with its neighbours."""
    folder = render.templates()
    script = _search(folder)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    found = {INDEX: render.render(folder, "guide_index.html.j2", guides=guides, script=Markup(script), digest=digest)}
    for before, guide, after in zip([None, *guides[:-1]], guides, [*guides[1:], None], strict=True):
        context = {"guide": guide, "before": before, "after": after, "body": Markup(guide.body.html)}
        contents = guide.contents if len(guide.contents) > 1 else []
        found[guide.file] = render.render(folder, "guide.html.j2", contents=contents, **context)
    return found


def _search(folder: Path) -> str:
    """The script of the search; from the shipped templates where the folder has none."""
    own = folder / SEARCH
    return (own if own.is_file() else workspace.shipped() / "templates" / SEARCH).read_text(encoding="utf-8").strip()
