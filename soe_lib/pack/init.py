"""Lay out a workspace: a company's own copy of the notebooks and templates, and a place for its extracts."""

from __future__ import annotations

import shutil
from pathlib import Path

from soe_lib import workspace
from soe_lib.errors import PackError

LEFT_OUT = shutil.ignore_patterns(".*", "__pycache__", "*.pyc")


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
        raise PackError(f"{home} is a file. Give a folder, new or without {', '.join(workspace.MARKS)} in it.")
    there = [name for name in workspace.MARKS if (home / name).exists()]
    if there:
        raise PackError(
            f"{home} already holds {' and '.join(there)}; nothing was changed. "
            "Give another folder, or move these aside to get fresh ones."
        )
    home.mkdir(parents=True, exist_ok=True)
    for name in workspace.MARKS:
        source = workspace.shipped() / name
        if not source.is_dir():
            raise PackError(f"This installation holds no {name} at {source}; install the package again.")
        if name != "data" or with_demo:
            shutil.copytree(source, home / name, ignore=LEFT_OUT)
        else:
            (home / name).mkdir()
    return home
