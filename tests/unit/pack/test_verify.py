from __future__ import annotations

import json
import random
import re
import shutil
from pathlib import Path

import pytest

from soe_lib.errors import PackError
from soe_lib.pack import manifest, verify
from soe_lib.pack.verify import verify as check
from tests.unit.pack.conftest import make_snapshot

FILES = ("balance.html", "finance.xlsx", "finance_review.html", "index.html", "manifest.json")


def test_an_untouched_archive_is_as_published(out: Path) -> None:
    report = check(out)
    assert report.ok
    assert (report.packs, report.files) == (1, 4)
    assert re.fullmatch(r"1 pack, 4 files, \d+ kept inputs checked: all as published\.", report.text())
    assert report.kept == len(list((out / ".inputs").rglob("*.gz"))) > 5
    assert check(out / "2026-11-16").ok


@pytest.mark.parametrize("name", FILES)
def test_one_changed_byte_anywhere_is_found(out: Path, name: str) -> None:
    path = out / "2026-11-16" / name
    whole = path.read_bytes()
    for place in random.Random(name).sample(range(len(whole)), 20):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        report = check(out)
        assert not report.ok, f"byte {place} of {name}"
        assert name in report.text()
    path.write_bytes(whole)
    assert check(out).ok


def test_a_missing_and_an_added_file_are_found(out: Path) -> None:
    (out / "2026-11-16" / "finance.xlsx").unlink()
    (out / "2026-11-16" / "note.txt").write_text("x")
    assert check(out).faults == (
        "2026-11-16: finance.xlsx is missing.",
        "2026-11-16: note.txt was added after it was published.",
    )


def test_a_resealed_forgery_breaks_the_chain(out: Path) -> None:
    pack = out / "2026-11-16"
    later = shutil.copytree(pack, out / "2026-11-23")
    told = manifest.read(pack)
    assert told is not None
    bare = {key: value for key, value in told.items() if key not in {"pages", "seal"}}
    before = {"folder": "2026-11-16", "run": 1, "sha256": manifest.file_sha256(pack / "manifest.json")}
    manifest.seal(later, {**bare, "as_of": "2026-11-23", "previous": before})
    assert check(out).ok
    (pack / "balance.html").write_text("forged")
    manifest.seal(pack, bare)
    assert check(out).faults == (
        "2026-11-23: the pack it follows, 2026-11-16 run 1, was changed or removed.",
        "2026-11-16 run 1: its manifest is not the one that was published.",
    )


def test_an_unreadable_manifest_and_an_empty_folder(out: Path, tmp_path: Path) -> None:
    (out / "2026-11-16" / "manifest.json").write_text(json.dumps({"run": 1}))
    assert check(out).faults == (
        "2026-11-16: manifest.json is missing or cannot be read.",
        "2026-11-16 run 1: the pack was removed or its manifest cannot be read.",
    )
    with pytest.raises(PackError, match="holds no pack"):
        verify.verify(tmp_path / "nowhere")


def test_the_identity_follows_inputs_code_notebooks_and_the_pack_before(tmp_path: Path) -> None:
    (tmp_path / "page.html.j2").write_text("a")
    wanted = manifest.identity(make_snapshot(), [], tmp_path, None)
    told = {**wanted, "code": {**wanted["code"], "commit": "abc"}, "created": "x"}
    assert manifest.same(told, wanted)
    assert not manifest.same(told, manifest.identity(make_snapshot(fingerprint="e" * 16), [], tmp_path, None))
    assert not manifest.same(told, manifest.identity(make_snapshot(), [], tmp_path, manifest.Link("x", 1, "y")))
    (tmp_path / "page.html.j2").write_text("b")
    assert not manifest.same(told, manifest.identity(make_snapshot(), [], tmp_path, None))
