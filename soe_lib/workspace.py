"""Where notebooks, templates and data are: beside the package in a checkout, inside it when installed from a wheel."""

from __future__ import annotations

import os
import shutil
import uuid
from pathlib import Path

from soe_lib.errors import PackError

PACKAGE = Path(__file__).resolve().parent
COMING = "plan.coming"
"""File beside a pack's results: the balance page has begun, and has not left its plan yet."""
RELEASES, RELEASE = "releases", "release.json"
"""Folder of an archive that holds what was released, and what each release says of itself."""
EXTRACTS = "SOE_EXTRACTS"
"""Environment variable: the folder in which the processes of one run leave the extracts that they have read."""
MARKS = ("notebooks", "templates", "data")
LEFT_OUT = shutil.ignore_patterns(".*", "__pycache__", "*.pyc")


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


def init(folder: str | Path, *, with_demo: bool = False) -> Path:
    """Lay out notebooks/, templates/ and data/ in a folder and return it; nothing that is there is overwritten.

    Parameters
    ----------
    with_demo : the demo company's extracts in data/demo; else data/ is empty.

    Errors
    ------
    PackError : one of the three is already there, or the folder is a file.
    """
    home = Path(folder).expanduser()
    if home.exists() and not home.is_dir():
        raise PackError(f"{home} is a file. Give a folder, new or without {', '.join(MARKS)} in it.")
    there = [name for name in MARKS if (home / name).exists()]
    if there:
        raise PackError(
            f"{home} already holds {' and '.join(there)}; nothing was changed. "
            "Give another folder, or move these aside to get fresh ones."
        )
    home.mkdir(parents=True, exist_ok=True)
    for name in MARKS:
        source = shipped() / name
        if not source.is_dir():
            raise PackError(f"This installation holds no {name} at {source}; install the package again.")
        if name != "data" or with_demo:
            shutil.copytree(source, home / name, ignore=LEFT_OUT)
        else:
            (home / name).mkdir()
    return home


def write(path: Path, text: str) -> None:
    """Write a file so that readers see the old text or the new one, never a part."""
    waiting = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        with waiting.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        waiting.replace(path)
    finally:
        waiting.unlink(missing_ok=True)
