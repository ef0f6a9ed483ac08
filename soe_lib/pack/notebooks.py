"""Which notebooks make up the pack: every notebook in the folder that says so in its own metadata.

A notebook becomes a page by its notebook-level metadata, so that dropping a file adds a page:

    "soe": {"page": true, "title": "Demand review", "order": 1, "after": "balance"}

`title` heads the page, `order` sorts the pages, `after` names the page (or list of pages) whose results it reads.
"""

from __future__ import annotations

import difflib
import graphlib
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from soe_lib.errors import PackError

KEYS = ("page", "title", "order", "after")
NAME = re.compile(r"^[a-z][a-z0-9_]{0,39}$")
TAKEN = ("index", "finance", "manifest")


@dataclass(frozen=True)
class Page:
    """One notebook that becomes one page of the pack.

    Parameters
    ----------
    name : the notebook's file name without its ending; the page is `<name>.html`.
    path : the notebook file.
    title : the heading of the page.
    order : pages stand in this order, then by name.
    after : names of the pages that must have run before.
    sha256 : of what the notebook says and does; its outputs and its kernel's name do not count.
    """

    name: str
    path: Path
    title: str
    order: int
    after: tuple[str, ...]
    sha256: str


def find(folder: str | Path) -> tuple[Page, ...]:
    """The pages of a notebooks folder, in reading order.

    Errors
    ------
    PackError : no folder, no page, an unreadable notebook, a misspelt key, an `after` that names no page, or a circle.
    """
    home = Path(folder)
    if not home.is_dir():
        raise PackError(f"There is no notebooks folder at {home}. Lay one out with `soe init FOLDER`.")
    found = [page for path in sorted(home.glob("*.ipynb")) if (page := _page(path)) is not None]
    if not found:
        raise PackError(
            f"None of the notebooks in {home} is a page of the pack. "
            'Give a notebook the metadata "soe": {"page": true, "title": "…", "order": 1}.'
        )
    pages = tuple(sorted(found, key=lambda page: (page.order, page.name)))
    _check_order(pages)
    return pages


def graph(pages: Sequence[Page]) -> graphlib.TopologicalSorter[str]:
    """The order of work: what must have run before what."""
    return graphlib.TopologicalSorter({page.name: page.after for page in pages})


def nearest(name: str, known: Sequence[str]) -> str:
    """The hint of an error message: the nearest known name, and all of them where none is near."""
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    if close:
        return f"the nearest is {close[0]!r}"
    return "there is none" if not known else f"known are {', '.join(map(repr, known))}"


def _page(path: Path) -> Page | None:
    """The page that a notebook declares; None where it declares none."""
    try:
        notebook = json.loads(path.read_bytes())
        declared = notebook["metadata"].get("soe", {})
        cells = notebook["cells"]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise PackError(f"{path.name} is no readable notebook ({error}). Open it in JupyterLab and save it.") from error
    if not isinstance(declared, dict) or declared.get("page") is not True:
        return None
    _check_declared(path, declared)
    after = declared.get("after") or ()
    return Page(
        name=path.stem,
        path=path.resolve(),
        title=declared.get("title") or path.stem.replace("_", " ").capitalize(),
        order=declared.get("order", 100),
        after=(after,) if isinstance(after, str) else tuple(after),
        sha256=_fingerprint(declared, cells),
    )


def _check_declared(path: Path, declared: Mapping[str, Any]) -> None:
    for key in declared:
        if key not in KEYS:
            raise PackError(f'{path.name}: its "soe" metadata has the unknown key {key!r}; {nearest(key, KEYS)}.')
    if not NAME.match(path.stem) or path.stem in TAKEN:
        raise PackError(
            f"{path.name} cannot be a page: name the file with small letters, digits and _, up to 40, "
            f"and not {', '.join(TAKEN)}."
        )
    if not isinstance(declared.get("title", ""), str) or not isinstance(declared.get("order", 0), int):
        raise PackError(f'{path.name}: in its "soe" metadata, title must be a text and order a whole number.')
    after = declared.get("after") or ()
    names = [after] if isinstance(after, str) else after
    if not isinstance(names, (list, tuple)) or not all(isinstance(name, str) for name in names):
        raise PackError(f'{path.name}: in its "soe" metadata, after must be the name of a page or a list of names.')


def _check_order(pages: Sequence[Page]) -> None:
    names = [page.name for page in pages]
    for page in pages:
        for name in page.after:
            if name not in names:
                raise PackError(f"{page.path.name} runs after {name!r}, which is no page; {nearest(name, names)}.")
    try:
        graph(pages).prepare()
    except graphlib.CycleError as error:
        raise PackError(f"These pages wait for each other: {' → '.join(error.args[1])}. Mend their `after`.") from error


def _fingerprint(declared: Mapping[str, Any], cells: Sequence[Mapping[str, Any]]) -> str:
    """Hash of the sources, kinds and tags of all cells: saving a notebook after a run must not count as a change."""
    said = [
        [cell.get("cell_type"), "".join(cell.get("source", "")), sorted(cell.get("metadata", {}).get("tags", []))]
        for cell in cells
    ]
    text = json.dumps([dict(sorted(declared.items())), said], ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()
