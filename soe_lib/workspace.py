"""Where notebooks, templates and data are: beside the package in a checkout, inside it when installed from a wheel."""

from __future__ import annotations

import os
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent
MARKS = ("notebooks", "templates", "data")


def shipped() -> Path:
    """The folder that holds the notebooks, templates and demo data that came with this version."""
    inside = PACKAGE / "workspace_files"
    return inside if inside.is_dir() else PACKAGE.parent


def own(start: Path | None = None) -> Path | None:
    """The caller's own workspace: the nearest folder upwards that holds notebooks/ and data/; None where none does.

    Parameters
    ----------
    start : folder to look from; the current working directory when left out.
    """
    here = (start or Path.cwd()).resolve()
    for folder in (here, *here.parents):
        if (folder / "notebooks").is_dir() and (folder / "data").is_dir():
            return folder
    return None


def root(start: Path | None = None) -> Path:
    """The caller's workspace, else what was shipped; `start` as of `own`."""
    return own(start) or shipped()


def place(path: str | Path) -> Path:
    """Where a path is meant, absolute: the one rule for data, plan history, archive and files, wherever one stands.

    A relative path is one of the workspace, from the command line in any of its folders and from a notebook's kernel
    alike; of the current folder where there is no workspace, or where it begins with "./" or "../".
    """
    said, asked = os.fspath(path), Path(path).expanduser()
    dotted = said in (".", "..") or said.startswith(("./", "../"))
    return Path(os.path.normpath((Path.cwd() if dotted else own() or Path.cwd()) / asked))


def find(path: str | Path) -> Path:
    """Data to read, absolute: where `place` means it, else in the current folder; without a workspace, as shipped.

    Returns the place that is meant where there is none of them, so that the error names it.
    """
    meant, asked = place(path), Path(path).expanduser()
    beside = (meant, Path.cwd() / asked, *(() if own() else (shipped() / asked,)))
    return next((Path(os.path.normpath(one)) for one in beside if one.exists()), meant)
