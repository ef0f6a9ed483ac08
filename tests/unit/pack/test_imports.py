from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from soe_lib import pack

ROOM = Path(pack.__file__).parent


def loaded(source: str) -> set[str]:
    """The modules that a fresh interpreter has after running this."""
    told = subprocess.run(
        [sys.executable, "-c", f"{source}\nimport sys; print('\\n'.join(sys.modules))"],
        cwd=ROOM.parents[1],
        capture_output=True,
        text=True,
        check=True,
    )
    return set(told.stdout.split())


def test_the_room_makes_packs_without_a_solver() -> None:
    modules = sorted(path.stem for path in ROOM.glob("*.py") if path.stem != "__init__")
    found = loaded("import " + ", ".join(f"soe_lib.pack.{name}" for name in modules))
    assert "soe_lib.pack.job" in found
    assert found.isdisjoint({"cvxpy", "highspy", "ipywidgets"})


def test_the_child_starts_with_hardly_anything() -> None:
    heavy = {"polars", "pandas", "numpy", "matplotlib", "nbconvert", "papermill", "jinja2", "bs4", "cvxpy"}
    assert loaded("import soe_lib.pack.run_notebook").isdisjoint(heavy)
