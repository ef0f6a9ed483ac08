from __future__ import annotations

import json
from pathlib import Path

import pytest

from soe_lib.errors import PackError
from soe_lib.pack import run_notebook
from tests.unit.pack.conftest import code, write_notebook


def test_a_dropped_notebook_adds_a_page_in_its_order(tmp_path: Path) -> None:
    write_notebook(tmp_path / "balance.ipynb", [code("1")], page=True, order=3)
    write_notebook(tmp_path / "workbench.ipynb", [code("1")])
    write_notebook(tmp_path / "scrap_review.ipynb", [code("1")], page=True, order=2, title="Scrap", after="balance")
    found = run_notebook.find(tmp_path)
    assert [(page.name, page.title, page.after) for page in found] == [
        ("scrap_review", "Scrap", ("balance",)),
        ("balance", "Balance", ()),
    ]


@pytest.mark.parametrize(
    ("soe", "said"),
    [
        ({"page": True, "titel": "x"}, "Did you mean title"),
        ({"page": True, "after": "balanse"}, "Did you mean balance"),
        ({"page": True, "order": "first"}, "whole number"),
        ({"page": True, "after": 3}, "list of names"),
        ({"page": True, "after": ["scrap"]}, "wait for each other: scrap → scrap"),
    ],
)
def test_wrong_metadata_is_refused(tmp_path: Path, soe: dict[str, object], said: str) -> None:
    write_notebook(tmp_path / "balance.ipynb", [code("1")], page=True)
    write_notebook(tmp_path / "scrap.ipynb", [code("1")], **soe)
    with pytest.raises(PackError, match=said):
        run_notebook.find(tmp_path)


@pytest.mark.parametrize("name", ["index", "My Page", "../x", "Review"])
def test_a_name_that_is_no_safe_file_name_is_refused(tmp_path: Path, name: str) -> None:
    write_notebook(tmp_path / "deep" / f"{name}.ipynb", [code("1")], page=True)
    with pytest.raises(PackError, match=r"cannot be a page|no notebooks folder|None of"):
        run_notebook.find(tmp_path / "deep")


def test_no_folder_no_page_no_json(tmp_path: Path) -> None:
    with pytest.raises(PackError, match="soe init"):
        run_notebook.find(tmp_path / "nowhere")
    with pytest.raises(PackError, match="None of the notebooks"):
        run_notebook.find(tmp_path)
    (tmp_path / "half.ipynb").write_text('{"cells": [')
    with pytest.raises(PackError, match=r"half\.ipynb is no readable notebook"):
        run_notebook.find(tmp_path)


def test_a_run_and_save_is_no_change_but_a_new_source_is(tmp_path: Path) -> None:
    path = write_notebook(tmp_path / "balance.ipynb", [code("1 + 1")], page=True)
    before = run_notebook.find(tmp_path)[0].sha256
    whole = json.loads(path.read_text())
    whole["cells"][0] |= {"execution_count": 7, "outputs": [{"output_type": "stream", "name": "stdout", "text": "2"}]}
    whole["metadata"]["language_info"]["version"] = "3.12"
    path.write_text(json.dumps(whole))
    assert run_notebook.find(tmp_path)[0].sha256 == before
    whole["cells"][0]["source"] = "1 + 2"
    path.write_text(json.dumps(whole))
    assert run_notebook.find(tmp_path)[0].sha256 != before
