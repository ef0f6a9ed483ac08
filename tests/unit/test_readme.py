"""README's commands are the ones that CI runs, and its map names what is there."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_ci_runs_the_test_command_of_the_readme() -> None:
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    command = script.split("# >>> test command\n")[1].split("\n# <<< test command")[0]
    assert f"```sh\n{command}\n```" in README


def test_every_room_of_the_map_exists_and_every_room_is_on_the_map() -> None:
    named = set(re.findall(r"\| `soe_lib/(\w+)/`", README))
    there = {path.parent.name for path in (ROOT / "soe_lib").glob("*/__init__.py")}
    assert named == there


def test_the_top_level_holds_what_was_agreed() -> None:
    allowed = {
        "notebooks", "soe_lib", "templates", "data", "tests", "pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md",
        "constraints.txt", "out", "dist", "build",
    }  # fmt: skip
    assert {path.name for path in ROOT.iterdir() if not path.name.startswith(".")} <= allowed
