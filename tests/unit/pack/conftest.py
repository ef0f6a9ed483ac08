"""A tiny company and tiny notebooks: enough to make a pack in a few seconds."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import polars as pl
import pytest

from soe_lib.extract.findings import Finding
from soe_lib.pack import job
from soe_lib.pack.job import PackResult, make_pack

PARAMETERS = 'data: str = ""\nas_of: str = ""\nresults: str = ""\nstore: str = ""'
PUBLISH = "from soe_lib.pack.display import publish\n"
FIGURE = (
    "from matplotlib.figure import Figure\nfrom soe_lib.pack import display\n"
    "chart = Figure(figsize=(2, 1))\nchart.add_subplot().bar(['a'], [1])\ndisplay.figure(chart, 'One bar, one high.')"
)
PLAN = (
    "import json, pathlib\n"
    "if results:\n"
    "    folder = pathlib.Path(results, 'plan')\n"
    "    folder.mkdir()\n"
    "    told = {'fingerprint': FINGERPRINT, 'margin': 70.5, 'solution': {'status': 'optimal', 'gap': 0.0}}\n"
    "    (folder / 'plan.json').write_text(json.dumps(told))"
)
FRAMES = (
    "import polars as pl, pathlib\n"
    "if results:\n"
    "    folder = pathlib.Path(results, 'finance')\n"
    "    folder.mkdir()\n"
    "    frame = pl.DataFrame({'account': ['revenue', '=1+1'], 'amount': [10.25, -4.5]})\n"
    "    frame.write_parquet(folder / 'ledger.parquet')"
)


def code(source: str, **metadata: Any) -> dict[str, Any]:
    return {"cell_type": "code", "metadata": metadata, "execution_count": None, "outputs": [], "source": source}


def prose(source: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "metadata": {}, "source": source}


def write_notebook(path: Path, cells: list[dict[str, Any]], **soe: Any) -> Path:
    """A notebook of these cells; keywords become its "soe" metadata."""
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    whole = {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {"kernelspec": kernel, "language_info": {"name": "python"}, **({"soe": soe} if soe else {})},
        "cells": [{"id": f"cell{number}", **cell} for number, cell in enumerate(cells)],
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(whole), encoding="utf-8")
    return path


def parameters() -> dict[str, Any]:
    return code(PARAMETERS, tags=["parameters"])


def balance(folder: Path, *cells: dict[str, Any], **said: Any) -> Path:
    """A balance notebook that publishes what is given, after running the extra cells."""
    whole: dict[str, Any] = {"title": "Balance", "headline": "It balances."} | said
    listed = [
        prose("# Balance\n\nWhat the plan gives up.\n\n## Line load"),
        parameters(),
        code(PLAN.replace("FINGERPRINT", repr("f" * 16))),
        *cells,
        code(f"{PUBLISH}publish(results, page='balance', **{whole!r})"),
    ]
    return write_notebook(folder / "balance.ipynb", listed, page=True, title="Balance", order=1)


@pytest.fixture(scope="package")
def notebooks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two pages: one with a plan and a decision, one that reads it and leaves the workbook's frames."""
    folder = tmp_path_factory.mktemp("workspace") / "notebooks"
    decision = {"title": "Run line 1 on Saturday", "money": 58.0, "deadline": "2026-11-17", "anchor": "Line-load"}
    margin = {"name": "Margin of the plan", "value": 70.5, "unit": "EUR", "state": "good"}
    check = {"name": "Ledger ties", "ok": True, "detail": "0.00"}
    balance(folder, code(FIGURE), decisions=[decision], scores=[margin], checks=[check], assumptions=["Rain or shine."])
    cells = [
        parameters(),
        code(FRAMES),
        code(f"{PUBLISH}publish(results, page='finance_review', title='Finance review', headline='It closes.')"),
    ]
    write_notebook(folder / "finance_review.ipynb", cells, page=True, title="Finance review", order=2, after="balance")
    return folder


def make_snapshot(as_of: str = "2026-11-16", fingerprint: str = "f" * 16, company: str = "Nordhav") -> Any:
    """What the pack needs to know of a snapshot."""
    rows = {"table": ["items"], "file": ["items.csv"], "rows": [2], "bytes": [9], "sha256": [fingerprint]}
    return SimpleNamespace(
        company=company,
        currency="EUR",
        as_of=date.fromisoformat(as_of),
        fingerprint=fingerprint,
        findings=(Finding("warn", "orders", "orders.csv", (18,), rule="3 orders are late.", count=3),),
        settings=SimpleNamespace(notes=("Prices are list prices.",)),
        folder=Path("there is no such folder"),
        tables={"items": pl.DataFrame({"item": ["A", "B"]})},
        files=pl.DataFrame(rows),
    )


@pytest.fixture
def snapshots(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Say which snapshot the next runs read; plans are not stored."""
    monkeypatch.setattr(job, "_store", lambda *_: None)

    def use(**given: str) -> None:
        monkeypatch.setattr(job, "_read", lambda *_: make_snapshot(**given))

    use()
    return use


@pytest.fixture(scope="package")
def first_run(tmp_path_factory: pytest.TempPathFactory, notebooks: Path) -> PackResult:
    """One pack made for real, once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(job, "_read", lambda *_: make_snapshot())
        patch.setattr(job, "_store", lambda *_: None)
        return make_pack("data", out=tmp_path_factory.mktemp("packs") / "out", notebooks=notebooks)


@pytest.fixture
def out(tmp_path: Path, first_run: PackResult) -> Path:
    """A copy of the archive with that one pack, to be changed at will."""
    return Path(shutil.copytree(first_run.folder.parent, tmp_path / "out"))


def bytes_of(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, but for the lock."""
    files = (path for path in folder.rglob("*") if path.is_file() and path.name != ".lock")
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}
