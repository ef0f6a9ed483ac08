"""The rooms of README's map import only what lies below them, also inside functions."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from graphlib import TopologicalSorter
from pathlib import Path

import grimp

ROOT = Path(__file__).resolve().parents[2]
LINT = (sys.executable, "-c", "from importlinter.cli import lint_imports_command as run; run()", "--no-cache")


def test_each_room_imports_only_what_lies_below_it() -> None:
    done = subprocess.run(LINT, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_only_the_solver_room_knows_highs() -> None:
    found = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "soe_lib").rglob("*.py")
        for line in path.read_text("utf-8").splitlines()
        if line.split("#")[0]
        .strip()
        .startswith(("import highspy", "from highspy", "highspy.", 'import_module("highspy'))
    }
    assert {path for path in found if not path.startswith("soe_lib/solver/")} == set()
    assert found, "the room itself does"


def test_every_room_stands_in_the_contract_and_on_the_map() -> None:
    contract = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]["contracts"][0]
    layers = " : ".join(contract["layers"]).replace("|", ":")
    told = {name.strip() for name in layers.split(":")}
    inside = {one.stem for one in (ROOT / "soe_lib").iterdir() if one.suffix == ".py" or (one / "__init__.py").exists()}
    assert inside - {"__init__"} == told
    readme = (ROOT / "README.md").read_text("utf-8")
    rooms = {one.name for one in (ROOT / "soe_lib").iterdir() if (one / "__init__.py").exists()}
    assert {room for room in rooms if f"`soe_lib/{room}/`" not in readme and f"`soe_lib/{room}" not in readme} == set()


def test_no_module_waits_for_one_that_waits_for_it() -> None:
    """Also inside functions; imports for annotations alone are none."""
    graph = grimp.build_graph("soe_lib", exclude_type_checking_imports=True, cache_dir=None)
    found = {one: graph.find_modules_directly_imported_by(one) for one in graph.modules}
    TopologicalSorter(found).prepare()  # raises CycleError that names the circle
