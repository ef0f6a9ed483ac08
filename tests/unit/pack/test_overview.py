from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from soe_lib.pack import overview, sanitize
from tests.unit.pack.live import PAYLOADS, live
from tests.unit.pack.test_render import TEMPLATES


def told(as_of: str, run: int = 1, margin: float | None = 100.0, service: float | None = None, **given: Any) -> Any:
    shown = {"value": service, "shown": f"{service}"} if service is not None else None
    summary = {"margin": margin, "service": shown, "decisions": 2, "state": "watch", "scores": []}
    whole = {
        "company": "Nordhav", "currency": "EUR", "as_of": as_of, "run": run, "plan": {"status": "optimal"},
        "checks": [], "summary": summary, "pages": [{"file": "finance.xlsx"}], "seal": "",
    }  # fmt: skip
    return whole | given


def keep(folder: Path, manifest: Any) -> None:
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_text(json.dumps(manifest))


def shown(out: Path, coming: Any = None) -> str:
    return overview.pages(out, templates=TEMPLATES, coming=coming)[out / "index.html"]


def test_the_newest_week_comes_first_and_the_coming_one_is_there_already(tmp_path: Path) -> None:
    keep(tmp_path / "2026-11-02", told("2026-11-02"))
    keep(tmp_path / "2026-11-09", told("2026-11-09", margin=None))
    html = shown(tmp_path, told("2026-11-16", margin=120.0))
    places = [html.index(f'href="{day}/index.html"') for day in ("2026-11-16", "2026-11-09", "2026-11-02")]
    assert places == sorted(places)
    assert "3 packs from 2 Nov 2026 to 16 Nov 2026." in html
    assert html.count("not known") == 1 + 3
    assert "EUR\u00a0120" in html
    assert sanitize.read(html).faults == []


def test_the_trend_is_a_line_with_words(tmp_path: Path) -> None:
    for day, margin in (("2026-11-02", 100.0), ("2026-11-09", 140.0), ("2026-11-16", 120.0)):
        keep(tmp_path / day, told(day, margin=margin))
    html = shown(tmp_path)
    assert 'd="M8 64 L180 8 L352 36"' in html
    assert "over 3 weeks: now EUR\u00a0120, down from EUR\u00a0140 the week before." in html
    assert "lowest EUR\u00a0100, highest EUR\u00a0140" in html


def test_one_week_has_no_trend_and_none_no_page(tmp_path: Path) -> None:
    assert overview.pages(tmp_path, templates=TEMPLATES) == {}
    assert "<svg viewBox" not in shown(tmp_path, told("2026-11-16")).split("<table")[0]


def test_replaced_runs_are_linked_from_both_places(tmp_path: Path) -> None:
    keep(tmp_path / "2026-11-16", told("2026-11-16", 2))
    keep(tmp_path / ".versions" / "2026-11-16.1", told("2026-11-16", 1))
    made = overview.pages(tmp_path, templates=TEMPLATES, coming=told("2026-11-16", 3))
    html, beside = made[tmp_path / "index.html"], made[tmp_path / ".versions" / "index.html"]
    assert '<a href=".versions/2026-11-16.1/index.html">run 1</a>' in html
    assert '<a href=".versions/2026-11-16.2/index.html">run 2</a>' in html
    assert '<a href="../.versions/2026-11-16.1/index.html">run 1</a>' in beside
    assert 'href="../2026-11-16/index.html"' in beside


@pytest.mark.parametrize("payload", PAYLOADS[:8])
def test_nothing_in_the_archive_is_alive(tmp_path: Path, payload: str) -> None:
    html = shown(tmp_path, told("2026-11-16", company=payload, currency=payload, plan={"status": payload}))
    assert live(html) == []
