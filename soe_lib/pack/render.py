"""Pages: the frame that all share, the templates, and the pages for paper."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import jinja2
from bs4 import BeautifulSoup
from bs4.element import Tag
from markupsafe import Markup

from soe_lib import workspace
from soe_lib.errors import PackError
from soe_lib.pack import sanitize
from soe_lib.pack.kernel import without_iri_grammar
from soe_lib.pack.run_notebook import Page
from soe_lib.review import words

if TYPE_CHECKING:
    from soe_lib.pack.overview import Spark

SHELL = "page.html.j2"


@dataclass(frozen=True)
class Site:
    """The frame of one pack.

    Parameters
    ----------
    company, currency : as the extract states them.
    as_of : the date of the extract; run : 1, or more where inputs of that date changed after a publication.
    fingerprint : of the inputs.
    created : when it was made, "2026-11-16 06:12" in UTC.
    pages : the pages in reading order.
    workbook : whether finance.xlsx is part of the pack. pdf : whether pack.pdf is.
    trends : (name, unit) of a score → its line over the last weeks; none where too few weeks are known.
    """

    company: str
    currency: str
    as_of: date
    run: int
    fingerprint: str
    created: str
    pages: tuple[Page, ...]
    workbook: bool
    pdf: bool = False
    trends: Mapping[tuple[str, str], Spark] = field(default_factory=dict)

    @property
    def week(self) -> str:
        """The ISO week of the as-of date: "Week 47, 2026"."""
        return week_of(self.as_of)

    @property
    def sheets(self) -> tuple[str, ...]:
        """The names of the pages that print on one sheet."""
        return tuple(page.name for page in self.pages if page.sheet)

    @property
    def titles(self) -> dict[str, str]:
        """Page name → title."""
        return {page.name: page.title for page in self.pages}


def week_of(day: date) -> str:
    """The ISO week of a date as a heading; the year is that of the week: 1 January 2027 is in "Week 53, 2026"."""
    year, week, _ = day.isocalendar()
    return f"Week {week}, {year}"


def templates() -> Path:
    """The templates folder in use: the workspace's own where it has one, else the shipped one."""
    own = workspace.root() / "templates"
    return own if (own / SHELL).is_file() else workspace.shipped() / "templates"


@cache
def environment(folder: Path) -> jinja2.Environment:
    """The templates of a folder, everything escaped; a file that the folder lacks comes from the shipped ones."""
    places: Sequence[Path] = (folder, workspace.shipped() / "templates")
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader([str(place) for place in places]),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
    )
    made.filters |= {
        "money": words.money,
        "brief_money": words.brief_money,
        "percent": words.percent,
        "day": lambda value: words.day(_date(value)),
        "full_day": lambda value: words.full_day(_date(value)),
        "fragment": lambda anchor: quote(str(anchor), safe="-_.~"),
    }
    return made


def render(folder: Path, template: str, **context: object) -> str:
    """One finished page from a template, with the style sheet inside it."""
    made = environment(folder)
    assert made.loader is not None
    style = made.loader.get_source(made, "style.css")[0]
    # The style sheet is a file of the project: the one text that must not be escaped.
    return made.get_template(template).render(style=Markup(style), **context)


def _date(value: date | str) -> date:
    return value if isinstance(value, date) else date.fromisoformat(value)


HIDDEN = frozenset({"parameters", "injected-parameters", "hide"})
INJECTED = "injected-parameters"
PICTURES = ("image/png", "image/jpeg")
PREFERRED = ["text/html", "text/markdown", "image/png", "image/jpeg", "text/latex", "text/plain"]


def page(made: sanitize.Body, said: Mapping[str, Any], frame: Site, *, templates: Path) -> str:
    """One page of the pack as HTML.

    Parameters
    ----------
    made : what the executed notebook shows, see `body`.
    said : what it published: title, headline, scores, checks.
    frame : what every page of the pack shares.
    templates : folder of the page templates.
    """
    contents = [entry for entry in made.headings if entry.level in {2, 3}]
    return render(
        templates,
        SHELL,
        said=said,
        site=frame,
        here=said["page"],
        body=Markup(made.html),
        contents=contents if len(contents) > 1 else [],
    )


def body(executed: Path, *, templates: Path, code: bool = False) -> sanitize.Body:
    """The executed notebook's prose and outputs as clean HTML, with its headings.

    Parameters
    ----------
    code : shows the code too, parameters included.

    Raises PackError for a chart without alternative text, with the notebook and the cell.
    """
    with without_iri_grammar():
        import nbformat
    notebook = nbformat.read(executed, as_version=4)
    _drop_unshown(notebook)
    _check_pictures(executed, notebook)
    html, _ = _exporter(str(templates), code).from_notebook_node(notebook)
    if sanitize.NO_ALT in html:
        raise PackError(f"{executed.name} shows an image without alternative text in its prose or in an HTML output.")
    return sanitize.structure(html, title=_title(notebook))


def warm() -> None:
    """Load nbconvert while the notebooks run: half a second that nobody waits for."""
    with without_iri_grammar():
        import nbconvert.exporters.html  # noqa: F401


@cache
def _exporter(templates: str, code: bool) -> Any:
    """nbconvert with our body template, compiled once: its own pages load scripts from elsewhere."""
    with without_iri_grammar():
        from nbconvert.exporters.html import HTMLExporter
    from traitlets.config import Config

    return HTMLExporter(
        config=Config(
            {
                "NbConvertBase": {"display_data_priority": PREFERRED},
                "TagRemovePreprocessor": {"enabled": True, "remove_cell_tags": {"hide"} if code else set(HIDDEN)},
            }
        ),
        template_file="guide_notebook.html.j2" if code else "notebook.html.j2",
        extra_template_paths=[templates, str(workspace.shipped() / "templates")],
        exclude_anchor_links=True,
        filters={"safe_html": sanitize.safe},
    )


def _title(notebook: Any) -> str:
    """The notebook's own first heading, which the page's heading replaces."""
    for cell in notebook.cells:
        first = cell.source.lstrip().split("\n", 1)[0]
        if cell.cell_type == "markdown" and first.startswith("# "):
            return first[2:].strip()
    return ""


def _drop_unshown(notebook: Any) -> None:
    """Leave out outputs that have no form on paper: scripts, widgets."""
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = [one for one in cell.outputs if "data" not in one or set(PREFERRED) & one["data"].keys()]


def _check_pictures(executed: Path, notebook: Any) -> None:
    for number, cell in _numbered(notebook):
        for output in cell.get("outputs", ()):
            for kind in PICTURES:
                shown = kind in output.get("data", {}) and "text/html" not in output["data"]
                alternative = str(output.get("metadata", {}).get(kind, {}).get("alt", ""))
                if shown and (not alternative.strip() or sanitize.NO_ALT in alternative):
                    raise PackError(
                        f"{executed.name}, cell {number}: a chart has no alternative text. "
                        "Show it with soe.pack.figure(chart, alt='what the chart finds'). Nothing was published."
                    )


def _numbered(notebook: Any) -> Iterator[tuple[int, Any]]:
    """The cells with the numbers that they have in the source notebook."""
    number = 0
    for cell in notebook.cells:
        if INJECTED not in cell.metadata.get("tags", ()):
            number += 1
        yield number, cell


NAME = "pack.pdf"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "microsoft-edge")
CHOICE = "SOE_BROWSER"
REFERRING = ("href", "aria-labelledby", "aria-describedby", "headers")
SECONDS = 120.0


def browser() -> str:
    """The browser to print with: the one that SOE_BROWSER names, else the first that is found.

    Errors
    ------
    PackError : there is none.
    """
    named = os.environ.get(CHOICE, "")
    found = shutil.which(named) if named else next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if not found:
        looked = named or ", ".join(BROWSERS)
        raise PackError(
            f"A PDF needs Chromium or Chrome, and none was found (looked for {looked}). Install one (Debian: "
            f"apt-get install chromium), name it in {CHOICE}, or leave --pdf out and print from any browser."
        )
    return found


def write(pack: Path, names: Sequence[str], *, program: str) -> Path:
    """Print the pages of a pack, in this order, into one tagged PDF with an outline.

    Parameters
    ----------
    pack : folder of the finished pages. names : their names without ending. program : the browser.

    Errors
    ------
    PackError : the browser fails, hangs or writes no PDF.
    """
    target = pack / NAME
    with tempfile.TemporaryDirectory() as home:
        source = Path(home) / "pack.html"
        source.write_text(merged(pack, names), encoding="utf-8")
        command = [
            program, "--headless", "--disable-gpu", "--no-first-run", "--disable-background-networking",
            "--disable-component-update", "--disable-sync", "--no-pdf-header-footer", "--export-tagged-pdf",
            "--generate-pdf-document-outline", f"--user-data-dir={home}/profile",
            *(["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []),
            f"--print-to-pdf={target}", source.as_uri(),
        ]  # fmt: skip
        try:
            done = subprocess.run(command, capture_output=True, timeout=SECONDS, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise PackError(
                f"{Path(program).name} could not print the pack: {error}. Nothing was published."
            ) from error
    if done.returncode or not target.is_file() or target.read_bytes()[:5] != b"%PDF-":
        said = done.stderr.decode(errors="replace").strip().splitlines()[-1:] or ["no message"]
        raise PackError(f"{Path(program).name} wrote no PDF ({said[0][:300]}). Nothing was published.")
    return target


def merged(pack: Path, names: Sequence[str]) -> str:
    """All pages as one: the frame of the first, the content of each on a sheet of its own, links kept within."""
    whole: BeautifulSoup | None = None
    for name in names:
        soup = BeautifulSoup((pack / f"{name}.html").read_text(encoding="utf-8"), "html.parser")
        _rename(soup, name, names)
        main = soup.find("main")
        if not isinstance(main, Tag):
            raise PackError(f"{name}.html has no main part to print. Nothing was published.")
        main.attrs.pop("tabindex", None)
        if whole is None:
            whole = soup
        else:
            kind = " ".join(soup.body.get_attribute_list("class")) if soup.body else ""
            part = whole.new_tag("div", attrs={"class": kind, "style": "break-before: page"})
            last = whole.find_all("main")[-1]
            outer = last.find_parent("div") or last
            outer.insert_after(part)
            part.append(main.extract())
    return str(whole)


def _rename(soup: BeautifulSoup, name: str, names: Sequence[str]) -> None:
    """Ids made unique over all pages, and every reference to one with it; links that leave the pages are dropped."""
    for tag in soup.find_all(id=True):
        tag["id"] = f"{name}--{tag['id']}"
    for tag in soup.find_all(True):
        for attribute in REFERRING[1:]:
            if attribute in tag.attrs:
                tag[attribute] = " ".join(f"{name}--{one}" for one in str(tag[attribute]).split())
    for link in soup.find_all("a", href=True):
        page, _, anchor = str(link["href"]).partition("#")
        target = page.removesuffix(".html") if page else name
        if target in names:
            link["href"] = f"#{target}--{anchor or 'content'}"
        else:
            del link["href"]
