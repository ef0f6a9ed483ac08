"""The published problems read as they are, without a finding: nothing in the contract's own examples is odd."""

from __future__ import annotations

from pathlib import Path

import pytest

from soe_lib.model.checks import check

PUBLISHED = sorted(path.parent for path in (Path(__file__).parents[2] / "published").glob("*/settings.toml"))


def test_there_are_published_problems() -> None:
    assert len(PUBLISHED) >= 13


@pytest.mark.parametrize("folder", PUBLISHED, ids=lambda folder: folder.name)
def test_reads_without_a_finding(folder: Path) -> None:
    report = check(folder)
    assert report.findings == (), report.text()
    assert report.rows["items"] >= 1
