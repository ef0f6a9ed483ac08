"""Nothing in the library that nobody uses: neither itself, nor a test, nor a notebook."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import nbformat

ROOT = Path(__file__).resolve().parents[2]
MAGIC = ("%", "!")


def as_script(notebook: Path) -> str:
    """The code of a notebook."""
    cells = nbformat.read(notebook, as_version=4).cells
    lines = (line for cell in cells if cell.cell_type == "code" for line in cell.source.splitlines())
    return "\n".join(line for line in lines if not line.lstrip().startswith(MAGIC))


def test_nobody_is_unused(tmp_path: Path) -> None:
    for folder in ("notebooks", "templates"):
        for notebook in (ROOT / folder).rglob("*.ipynb"):
            (tmp_path / f"{notebook.stem}.py").write_text(as_script(notebook), "utf-8")
    command = [sys.executable, "-m", "vulture", "--config", "pyproject.toml", "soe_lib", "tests", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode in (0, 3), done.stderr  # 3: something is unused
    # A control is found by its base class, and what the tests alone leave unused is none of the library's.
    found = [line for line in done.stdout.splitlines() if line.startswith("soe_lib/") and "/controls" not in line]
    assert not found, "\n".join(found)
