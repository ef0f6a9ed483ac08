"""The examples of templates/schedule: each one's syntax, and the very command line that it contains, run for real."""

from __future__ import annotations

import ast
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest
import yaml

from tests.faults import company

ROOT = Path(__file__).parents[2]
HOME = ROOT / "templates" / "schedule"
GRAPHS = {"airflow_dag.py": "airflow", "dagster_job.py": "dagster", "prefect_flow.py": "prefect"}


def cron() -> str:
    """The command of the crontab's one line."""
    lines = [line for line in (HOME / "crontab").read_text().splitlines() if re.match(r"^[\d*]", line)]
    assert len(lines) == 1
    return lines[0].split(maxsplit=5)[5]


def unit() -> str:
    """The command of the systemd service, as a shell would be given it."""
    text = (HOME / "soe-pack.service").read_text()
    return re.search(r"^ExecStart=/srv/soe/(.*)$", text, re.MULTILINE)[1]  # type: ignore[index]


def pipeline() -> str:
    """The step of the CI schedule that makes the pack."""
    steps = yaml.safe_load((HOME / "ci.yml").read_text())["jobs"]["pack"]["steps"]
    return next(step["run"] for step in steps if " soe pack" in f" {step.get('run', '')}".replace("/soe", " soe"))


def graph(name: str) -> str:
    """The COMMAND of a Python example."""
    for node in ast.parse((HOME / name).read_text()).body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "COMMAND":
            return f".venv/bin/{ast.literal_eval(node.value)}"
    raise AssertionError(f"{name} has no COMMAND")


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace as the examples expect it: data/company, notebooks, .venv/bin/soe."""
    home = tmp_path_factory.mktemp("soe")
    company.extract(home / "data" / "company", date(2026, 12, 21))
    company.notebook(home / "notebooks", company.NOTEBOOK)
    command = home / ".venv" / "bin" / "soe"
    command.parent.mkdir(parents=True)
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -m soe_lib.cli "$@"\n')
    command.chmod(0o755)
    return home


@pytest.mark.parametrize(
    "command", [cron(), unit(), pipeline(), *map(graph, GRAPHS)], ids=["cron", "unit", "ci", *GRAPHS]
)
def test_the_command_line_of_an_example_makes_the_pack(workspace: Path, command: str) -> None:
    environment = {**os.environ, "SOE_HOME": str(workspace), "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        ["/bin/sh", "-c", command], cwd=workspace, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert (workspace / "out" / "2026-12-21" / "index.html").is_file()


def test_the_crontab_has_five_fields_of_times() -> None:
    line = next(line for line in (HOME / "crontab").read_text().splitlines() if re.match(r"^[\d*]", line))
    minute, hour, day, month, weekday = line.split()[:5]
    assert (int(minute) < 60, int(hour) < 24, day, month) == (True, True, "*", "*")
    assert all(0 <= int(one) <= 7 for one in weekday.split(","))


def test_systemd_accepts_the_units(tmp_path: Path, workspace: Path) -> None:
    if not shutil.which("systemd-analyze"):
        pytest.skip("no systemd-analyze on this machine")
    for name in ("soe-pack.service", "soe-pack.timer"):
        text = (HOME / name).read_text().replace("/srv/soe", str(workspace))
        (tmp_path / name).write_text(text)
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *map(str, sorted(tmp_path.iterdir()))],
        capture_output=True,
        text=True,
        check=False,
    )
    complaints = [line for line in done.stderr.splitlines() if "soe-pack" in line]
    assert (done.returncode, complaints) == (0, []), done.stderr


def test_the_ci_schedule_runs_twice_a_week_and_keeps_hidden_files() -> None:
    told = yaml.safe_load((HOME / "ci.yml").read_text())
    # YAML 1.1 reads the key `on` as true.
    assert told[True]["schedule"] == [{"cron": "30 5 * * 1,4"}]
    last = told["jobs"]["pack"]["steps"][-1]
    assert last["if"] == "always()"
    assert last["with"]["include-hidden-files"] is True


@pytest.mark.parametrize("name", GRAPHS)
def test_a_graph_is_python_and_loads_where_its_library_is(name: str) -> None:
    compile((HOME / name).read_text(), name, "exec")
    pytest.importorskip(GRAPHS[name], reason=f"{GRAPHS[name]} is not installed: only the syntax was checked")
    spec = importlib.util.spec_from_file_location(name.removesuffix(".py"), HOME / name)
    assert spec is not None
    assert spec.loader is not None
    spec.loader.exec_module(importlib.util.module_from_spec(spec))
