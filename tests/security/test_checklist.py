"""The security list, one test for each number that this folder owns.

1, 2  test_whole_pack.py (parser and browser), beside tests/unit/pack/test_sanitize.py and tests/notebooks
3     here (CSV); tests/unit/pack/test_workbook.py (XLSX)
4     here; kept paths in tests/faults/test_rebuild.py
5     here; a plain papermill run in tests/notebooks
6     here
7, 8  with the sources, in tests/unit/extract
9–12  here
"""

from __future__ import annotations

import ast
import base64
import gzip
import json
import re
import tomllib
import urllib.parse
import zipfile
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner

import soe_lib as soe
from soe_lib import cli
from soe_lib.errors import DataError, PackError, SoeError
from soe_lib.pack import run_notebook, schedule
from soe_lib.review.tables import write_csv
from soe_lib.whatif import scenario
from tests.faults import company
from tests.security import audit

ROOT = Path(__file__).parents[2]
HOSTILE = [
    "../../x", "..", ".", "../2026-12-21", "2026-12-21/..", "2026-12-21/../../x", "/etc", "/etc/passwd", "~", "~root",
    "2026-12-21\x00", "\x00", "linked", "CON", "NUL", "com1.txt", "2026-12-21.", "2026-12-21 ", " 2026-12-21", "2026-13-01",
    "2026-02-30", "20261221", "2026-W52-1", "２０２６-12-21", "2026-12-21T00:00", "$(id)", "`id`", "a;b", "C:\\x", "\\\\host\\x",
    "%2e%2e%2fx", "file:///etc/passwd", "2026-12-21\n", "x" * 5000,
]  # fmt: skip


@pytest.fixture
def home(tmp_path: Path) -> Path:
    made = company.workspace(tmp_path)
    (tmp_path / "elsewhere").mkdir()
    (made / "data" / "grain" / "linked").symlink_to(tmp_path / "elsewhere")
    return made


@pytest.mark.parametrize("value", ["=1+1", "+1", "-1+2", "@SUM(A1)", "\t=1", "\r=1", "-cmd|' /C calc'!A0"])
def test_3_a_text_that_a_spreadsheet_would_run_is_prefixed(tmp_path: Path, value: str) -> None:
    frame = pl.DataFrame({"item": [value, "plain"], "amount": [-4.5, 1.0]})
    write_csv(frame, tmp_path / "x.csv")
    back = pl.read_csv(tmp_path / "x.csv", infer_schema=False)
    assert back["item"].to_list() == [f"'{value}", "plain"]
    assert back["amount"].to_list() == ["-4.5", "1.0"]


@pytest.mark.parametrize("value", HOSTILE)
def test_4_a_hostile_as_of_date_is_refused(home: Path, value: str) -> None:
    assert len(HOSTILE) >= 30
    with pytest.raises(DataError):
        soe.read(home / "data" / "grain", value)
    asked = ["pack", "--data", str(home / "data" / "grain"), "--out", str(home / "out"), "--as-of", value]
    assert CliRunner().invoke(cli.main, asked).exit_code in (1, 2)
    assert {path.name for path in home.iterdir()} <= {"data", "notebooks", "elsewhere", "out"}
    assert CliRunner().invoke(cli.main, ["rebuild", str(home), value]).exit_code == 1


@pytest.mark.parametrize("value", HOSTILE)
def test_4_a_hostile_scenario_name_is_refused(home: Path, value: str) -> None:
    (home / "data" / "grain" / "scenarios.toml").write_text("")
    with pytest.raises(SoeError):
        scenario.named(soe.read(home / "data" / "grain"), value)


def test_5_an_unknown_parameter_is_refused(home: Path) -> None:
    with pytest.raises(PackError, match=r"has no parameter 'as_off'\. Did you mean as_of"):
        run_notebook.check_parameters(home / "notebooks" / "stock.ipynb", {"as_off": "2026-12-21"})


def test_6_a_password_in_the_environment_appears_nowhere(
    home: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    canary = "c&nary=Pässword/17"
    for name in ("SOE_SOURCE_PASSWORD", "MAIL_SECRET"):
        monkeypatch.setenv(name, canary)
    monkeypatch.setenv("SOE_NOTIFY_SMTP", "smtp://127.0.0.1:9")
    monkeypatch.setenv("SOE_NOTIFY_FROM", "a@example.com")
    monkeypatch.setenv("SOE_NOTIFY_TO", "b@example.com")
    monkeypatch.setenv("SOE_NOTIFY_USER", "soe")
    monkeypatch.setenv("SOE_NOTIFY_PASSWORD", "MAIL_SECRET")
    made = ["pack", "--data", str(home / "data" / "grain"), "--out", str(home / "out")]
    monkeypatch.chdir(home)
    said = CliRunner().invoke(cli.main, made)
    assert said.exit_code == 0, said.output
    company.notebook(home / "notebooks", "raise ValueError('no')")
    with pytest.raises(PackError) as caught:
        schedule.run(str(home / "data" / "grain"), None, home / "out", notebooks=home / "notebooks")
    shown = [said.output, *capfd.readouterr(), str(caught.value), *caught.value.__notes__]
    told = [text.encode() for text in shown] + [
        whole for path in home.rglob("*") if path.is_file() for whole in contents(path)
    ]
    assert len(told) > 20
    raw = canary.encode()
    for form in (
        raw,
        urllib.parse.quote_plus(canary).encode(),
        urllib.parse.quote(canary).encode(),
        base64.b64encode(raw),
    ):
        assert not [one for one in told if form in one]


def contents(path: Path) -> list[bytes]:
    """A file's bytes, and what is packed inside."""
    whole = path.read_bytes()
    if path.suffix == ".gz":
        return [whole, gzip.decompress(whole)]
    if path.suffix == ".xlsx":
        with zipfile.ZipFile(path) as book:
            return [book.read(name) for name in book.namelist()]
    return [whole]


def test_9_no_data_is_ever_run_or_unpickled() -> None:
    rules = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["ruff"]["lint"]
    assert {"S301", "S307", "S506"} <= set(rules["select"])
    assert not {"S301", "S307", "S506"} & set(rules["ignore"])
    found = {path.relative_to(ROOT / "soe_lib").as_posix(): running(path) for path in (ROOT / "soe_lib").rglob("*.py")}
    assert {name for name, lines in found.items() if lines} == MESSAGES
    # Those read no delivered file: what they unpickle came from a process of this library, through a pipe, Dask, or the
    # one task file that it wrote for its workers into a folder of its own.
    for name in MESSAGES:
        text = (ROOT / "soe_lib" / name).read_text(encoding="utf-8")
        assert not re.search(r"\bopen\(|read_text|pl\.read|scan_", text.replace("Path(shared).read_bytes()", "")), name
        assert text.count("read_bytes") == text.count("Path(shared).read_bytes()"), name


MESSAGES = {"whatif/distributed.py"}
"""Modules that send Python objects between processes of their own, as multiprocessing and Dask do themselves."""


def running(path: Path) -> list[int]:
    """Lines of a source file that could run data: pickle, marshal, shelve, eval, exec, yaml.load, DataFrame.query/eval."""
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = {alias.name.split(".")[0] for alias in node.names} | {
                str(getattr(node, "module", "")).split(".")[0]
            }
            found += [node.lineno] if names & {"pickle", "marshal", "shelve", "dill", "joblib", "cloudpickle"} else []
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            called = isinstance(node.func, ast.Attribute)
            # `.list.eval(expression)` of a column is polars' own and runs an expression of the code, not text.
            column = called and name == "eval" and getattr(node.func.value, "attr", "") == "list"
            bad = not column and (name in {"eval", "exec", "read_pickle", "to_pickle"} or (called and name == "query"))
            yaml = called and name == "load" and getattr(node.func.value, "id", "") == "yaml"
            found += [node.lineno] if bad or yaml else []
    return found


def test_9_the_lint_sees_what_it_looks_for(tmp_path: Path) -> None:
    (tmp_path / "bad.py").write_text("import pickle\neval('1')\nyaml.load(x)\nframe.query('a')\njson.load(x)\n")
    assert running(tmp_path / "bad.py") == [1, 2, 3, 4]


def test_10_notebooks_are_served_to_this_machine_alone_and_with_a_token() -> None:
    texts = [
        ROOT / "README.md",
        ROOT / ".ci" / "run",
        *(ROOT / "templates").rglob("*"),
        *(ROOT / "tests" / "browser").glob("*.py"),
    ]
    written = [path for path in texts if path.is_file() and path.suffix != ".xlsx"]
    lines = [line for path in written for line in path.read_text(encoding="utf-8").splitlines()]
    served = [line for line in lines if re.search(r"bin/jupyter lab ", line)]
    assert served
    assert all("--ip 127.0.0.1" in line for line in served), served
    assert not [
        line for line in lines if re.search(r"0\.0\.0\.0|token\s*=\s*['\"]{2}|--no-token|disable_check_xsrf", line)
    ]


def test_11_an_audit_that_could_not_look_up_is_a_failure() -> None:
    wanted = audit.pinned("numpy==2.1.0 \\\n    --hash=sha256:0\nRuamel.Yaml==0.18\n")
    assert wanted == {("numpy", "2.1.0"), ("ruamel-yaml", "0.18")}
    fine = [{"name": "numpy", "version": "2.1.0", "vulns": []}, {"name": "ruamel.yaml", "version": "0.18", "vulns": []}]
    assert audit.faults(0, json.dumps({"dependencies": fine}), wanted) == []
    assert audit.faults(1, "", wanted)
    assert audit.faults(0, "{}", wanted)
    assert audit.faults(1, json.dumps({"dependencies": fine}), wanted)
    assert audit.faults(0, json.dumps({"dependencies": fine[:1]}), wanted)
    skipped = [fine[0], {"name": "ruamel.yaml", "skip_reason": "not found on the index"}]
    assert "could not be looked up" in audit.faults(0, json.dumps({"dependencies": skipped}), wanted)[0]
    hole = [{**fine[0], "vulns": [{"id": "CVE-1", "fix_versions": ["2.2"]}]}, fine[1]]
    assert "numpy 2.1.0 has CVE-1" in audit.faults(1, json.dumps({"dependencies": hole}), wanted)[0]
    assert len(audit.pinned(audit.LOCKED.read_text())) > 50


def test_12_line_breaks_and_escape_codes_of_the_data_reach_no_log(home: Path) -> None:
    folder = company.extract(home / "data" / "grain", date(2026, 12, 28))
    evil = '"gr\x1b[2Jain\nINFO all is well"'
    stock = folder / "inventory.csv"
    stock.write_text(f"item,location,on_hand\n{evil},warehouse,50\n{evil},warehouse,50\n")
    for command in (["check"], ["pack", "--out", str(home / "out")], ["plan"]):
        done = CliRunner().invoke(cli.main, [*command, "--data", str(folder)])
        assert done.exit_code == 1
        assert "\x1b" not in done.output
        assert not [line for line in done.output.splitlines() if line.startswith("INFO")]
    assert "\x1b" not in (home / "out" / "failed.html").read_text()
