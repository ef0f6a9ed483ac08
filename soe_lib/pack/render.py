"""From an executed notebook to a page of the pack: prose, charts and tables; no code, no script, no request."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from markupsafe import Markup

from soe_lib import workspace
from soe_lib.errors import PackError
from soe_lib.pack import clean, inspection, site
from soe_lib.pack.kernel import without_iri_grammar

HIDDEN = frozenset({"parameters", "injected-parameters", "hide"})
INJECTED = "injected-parameters"
PICTURES = ("image/png", "image/jpeg")
PREFERRED = ["text/html", "text/markdown", "image/png", "image/jpeg", "text/latex", "text/plain"]


def page(executed: Path, said: Mapping[str, Any], frame: site.Site, *, templates: Path) -> str:
    """One page of the pack as HTML.

    Parameters
    ----------
    executed : the executed notebook.
    said : what it published: title, headline, scores, checks.
    frame : what every page of the pack shares.
    templates : folder of the page templates.

    Errors
    ------
    PackError : a chart without alternative text, with the notebook and the cell.
    """
    made = body(executed, templates=templates)
    contents = [entry for entry in made.headings if entry.level in {2, 3}]
    return site.render(
        templates,
        site.SHELL,
        said=said,
        site=frame,
        here=said["page"],
        body=Markup(made.html),
        contents=contents if len(contents) > 1 else [],
    )


def body(executed: Path, *, templates: Path) -> clean.Body:
    """The notebook's prose and outputs as clean HTML, with its headings."""
    with without_iri_grammar():
        import nbformat
    notebook = nbformat.read(executed, as_version=4)
    _drop_unshown(notebook)
    _check_pictures(executed, notebook)
    html, _ = _exporter(str(templates)).from_notebook_node(notebook)
    if inspection.NO_ALT in html:
        raise PackError(f"{executed.name} shows an image without alternative text in its prose or in an HTML output.")
    return clean.structure(html, title=_title(notebook))


def warm() -> None:
    """Load nbconvert while the notebooks run: half a second that nobody waits for."""
    with without_iri_grammar():
        import nbconvert.exporters.html  # noqa: F401


def _exporter(templates: str) -> Any:
    """nbconvert with our body template: its own pages load scripts from elsewhere."""
    with without_iri_grammar():
        from nbconvert.exporters.html import HTMLExporter
    from traitlets.config import Config

    return HTMLExporter(
        config=Config(
            {
                "NbConvertBase": {"display_data_priority": PREFERRED},
                "TagRemovePreprocessor": {"enabled": True, "remove_cell_tags": set(HIDDEN)},
            }
        ),
        template_file="notebook.html.j2",
        extra_template_paths=[templates, str(workspace.shipped() / "templates")],
        exclude_anchor_links=True,
        filters={"safe_html": clean.safe},
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
                if shown and (not alternative.strip() or inspection.NO_ALT in alternative):
                    raise PackError(
                        f"{executed.name}, cell {number}: a chart has no alternative text. "
                        "Show it with soe.figure(chart, alt='what the chart finds'). Nothing was published."
                    )


def _numbered(notebook: Any) -> Iterator[tuple[int, Any]]:
    """The cells with the numbers that they have in the source notebook."""
    number = 0
    for cell in notebook.cells:
        if INJECTED not in cell.metadata.get("tags", ()):
            number += 1
        yield number, cell
