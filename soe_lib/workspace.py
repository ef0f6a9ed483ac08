"""Where notebooks, templates and data are: beside the package in a checkout, inside it when installed from a wheel."""

from __future__ import annotations

from pathlib import Path

PACKAGE = Path(__file__).resolve().parent
MARKS = ("notebooks", "templates", "data")


def shipped() -> Path:
    """The folder that holds the notebooks, templates and demo data that came with this version."""
    inside = PACKAGE / "workspace_files"
    return inside if inside.is_dir() else PACKAGE.parent


def root(start: Path | None = None) -> Path:
    """The caller's workspace: the nearest folder upwards that holds notebooks/ and data/, else what was shipped.

    Parameters
    ----------
    start : folder to look from; the current working directory when left out.
    """
    here = (start or Path.cwd()).resolve()
    for folder in (here, *here.parents):
        if (folder / "notebooks").is_dir() and (folder / "data").is_dir():
            return folder
    return shipped()


def find(path: str | Path) -> Path:
    """A path as the user means it: against the current folder first, then against the workspace.

    Returns the path against the current folder where neither exists, so that the error names what was asked for.
    """
    asked = Path(path).expanduser()
    if asked.is_absolute() or asked.exists():
        return asked
    beside = root() / asked
    return beside if beside.exists() else asked
