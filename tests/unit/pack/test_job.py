from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import openpyxl
import pytest

from soe_lib.errors import DataError, PackError
from soe_lib.pack import archive, job, manifest, run_notebook, sanitize
from soe_lib.pack.job import PackResult, make_pack
from soe_lib.pack.verify import verify
from tests.unit.pack.conftest import balance, bytes_of, code
from tests.unit.pack.live import live


def test_a_pack_is_whole_and_stands_alone(first_run: PackResult) -> None:
    folder = first_run.folder
    assert first_run.published
    assert first_run.text() == f"{folder} is published.\nRead it: {folder / 'index.html'}"
    assert first_run.run == 1
    names = sorted(path.name for path in folder.iterdir())
    assert names == ["balance.html", "finance.xlsx", "finance_review.html", "index.html", "manifest.json"]
    assert sorted(path.name for path in folder.parent.iterdir()) == [
        ".chain.json",
        ".inputs",
        ".lock",
        "2026-11-16",
        "index.html",
    ]
    assert sanitize.faults(folder) == []
    for page in (*folder.glob("*.html"), folder.parent / "index.html"):
        assert live(page.read_text()) == []
    cover = (folder / "index.html").read_text()
    for shown in ("1 decision, EUR\u00a058 at stake", "Run line 1 on Saturday", "1 of 1 passed", "Rain or shine."):
        assert shown in cover
    assert 'alt="One bar, one high."' in (folder / "balance.html").read_text()
    ledger = openpyxl.load_workbook(folder / "finance.xlsx")["Ledger"]
    assert ledger["A3"].data_type == "s"


def test_the_manifest_says_what_went_in_and_came_out(first_run: PackResult) -> None:
    told = manifest.read(first_run.folder)
    assert told == first_run.manifest
    assert told is not None
    assert (told["company"], told["as_of"], told["run"], told["previous"]) == ("Nordhav", "2026-11-16", 1, None)
    assert told["inputs"] == [{"table": "items", "file": "items.csv", "rows": 2, "sha256": "f" * 16}]
    assert told["plan"] == {"status": "optimal", "gap": 0.0, "margin": 70.5}
    assert [one["name"] for one in told["notebooks"]] == ["balance.ipynb", "finance_review.ipynb"]
    assert told["checks"] == [{"name": "Ledger ties", "ok": True, "detail": "0.00", "state": "", "page": "balance"}]
    assert told["summary"]["margin"] == 70.5
    assert {"balance", "finance_review", "render", "read", "total"} <= told["times"].keys()
    assert verify(first_run.folder.parent).ok


@pytest.mark.usefixtures("snapshots")
def test_the_same_inputs_again_add_nothing(out: Path, notebooks: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("a notebook was run again")

    monkeypatch.setattr(job, "_run_all", refuse)
    before = bytes_of(out)
    again = make_pack("data", out=out, notebooks=notebooks)
    assert not again.published
    assert "is up to date" in again.message
    assert bytes_of(out) == before
    (out / "index.html").unlink()
    make_pack("data", out=out, notebooks=notebooks)
    assert bytes_of(out) == before


@pytest.mark.usefixtures("snapshots")
def test_changed_inputs_make_a_new_run_and_keep_the_old_one(out: Path, notebooks: Path, tmp_path: Path) -> None:
    old = bytes_of(out / "2026-11-16")
    folder = tmp_path / "notebooks"
    shutil.copytree(notebooks, folder)
    balance(folder, headline="Another story.")
    (folder / "finance_review.ipynb").unlink()
    seen: list[tuple[str, str]] = []
    again = make_pack("data", out=out, notebooks=folder, progress=lambda *step: seen.append(step))
    assert again.published
    assert again.message.endswith("is published as run 2; run 1 is kept.")
    assert bytes_of(out / ".versions" / "2026-11-16.1") == old
    assert "Another story." in (out / "2026-11-16" / "index.html").read_text()
    assert ".versions/2026-11-16.1/index.html" in (out / "index.html").read_text()
    assert again.manifest["replaces"]["run"] == 1
    assert verify(out).ok
    assert [step for step in seen if step[1] != "waiting"] == [
        (step, state) for step in ("read", "balance", "render", "verify", "publish") for state in ("running", "done")
    ]


@pytest.mark.usefixtures("snapshots")
@pytest.mark.parametrize(
    ("cells", "said", "message"),
    [
        ([code("raise ValueError('no resin')")], {}, r"balance\.ipynb failed at cell 4 .*ValueError: no resin"),
        (
            [],
            {"checks": [{"name": "Ledger ties", "ok": False, "detail": "0.01 off"}]},
            "balance: Ledger ties. 0.01 off",
        ),
        ([], {"decisions": [{"title": "x", "anchor": "Nowhere"}]}, "balance.html has no such section"),
    ],
)
def test_a_failure_publishes_nothing_and_leaves_the_packs_as_they_are(
    out: Path,
    tmp_path: Path,
    cells: list[dict[str, object]],
    said: dict[str, object],
    message: str,
) -> None:
    balance(tmp_path / "notebooks", *cells, **said)
    before = bytes_of(out)
    with pytest.raises(PackError, match=message):
        make_pack("data", out=out, notebooks=tmp_path / "notebooks")
    assert bytes_of(out) == before
    assert not list(out.glob(".staging-*"))


def test_an_extract_that_stops_publishes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*_: object) -> None:
        raise DataError("2 findings stop")

    monkeypatch.setattr(job, "_read", stop)
    seen: list[tuple[str, str]] = []
    with pytest.raises(DataError, match="2 findings stop"):
        make_pack("data", out=tmp_path / "out", progress=lambda *step: seen.append(step))
    assert seen == [("read", "running"), ("read", "failed")]
    assert not (tmp_path / "out").exists()


@pytest.mark.usefixtures("snapshots")
def test_an_altered_pack_is_kept_as_evidence_and_made_again(
    out: Path, notebooks: Path, first_run: PackResult, monkeypatch: pytest.MonkeyPatch
) -> None:
    (out / "2026-11-16" / "balance.html").write_text("forged")

    def rebuild(_job: object, staging: Path, _wanted: object, run: int, *_: object) -> manifest.Manifest:
        shutil.rmtree(staging / "pack")
        shutil.copytree(first_run.folder, staging / "pack")
        told = {key: value for key, value in first_run.manifest.items() if key not in {"pages", "seal"}}
        return manifest.seal(staging / "pack", {**told, "run": run})

    monkeypatch.setattr(job, "build", rebuild)
    again = make_pack("data", out=out, notebooks=notebooks)
    assert again.published
    assert "balance.html was changed after it was published" in again.notes[0]
    assert (out / ".versions" / "2026-11-16.1" / "balance.html").read_text() == "forged"


def test_a_disk_that_refuses_is_a_pack_error(
    out: Path, notebooks: Path, snapshots: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    snapshots(fingerprint="e" * 16)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(job, "build", full)
    before = bytes_of(out)
    with pytest.raises(PackError, match="No space left on device"):
        make_pack("data", out=out, notebooks=notebooks)
    assert bytes_of(out) == before


@pytest.mark.usefixtures("snapshots")
def test_a_run_beside_another_is_refused(out: Path, notebooks: Path) -> None:
    with archive.lock(out), pytest.raises(PackError, match="Another run"):
        make_pack("data", out=out, notebooks=notebooks)


@pytest.mark.usefixtures("snapshots")
def test_a_misspelt_parameter_stops_before_any_notebook_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "notebooks"
    path = balance(folder)
    path.write_text(path.read_text().replace("as_of: str", "asof: str"))
    monkeypatch.setattr(run_notebook, "run", lambda *_, **__: pytest.fail("it ran"))
    with pytest.raises(PackError, match=r"balance\.ipynb has no parameter 'as_of'\. Did you mean asof"):
        make_pack("data", out=tmp_path / "out", notebooks=folder)
