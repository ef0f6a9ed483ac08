"""pack.pdf: all pages in one, links kept within, and a clear word where there is no browser."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from bs4 import BeautifulSoup

from soe_lib.errors import PackError
from soe_lib.pack import render
from soe_lib.pack.job import PackResult, make_pack

PAGES = ["index", "balance", "finance_review"]


def test_every_id_is_there_once_and_every_link_leads_to_one(first_run: PackResult) -> None:
    soup = BeautifulSoup(render.merged(first_run.folder, PAGES), "html.parser")
    ids = [str(tag["id"]) for tag in soup.find_all(id=True)]
    assert len(ids) == len(set(ids))
    links = [str(link["href"]) for link in soup.find_all("a", href=True)]
    assert "#balance--Line-load" in links
    assert {link.removeprefix("#") for link in links} <= set(ids)
    assert len(soup.find_all("main")) == len(PAGES)
    for tag in soup.find_all(attrs={"aria-labelledby": True}):
        assert str(tag["aria-labelledby"]) in ids


def test_where_there_is_no_browser_the_run_stops_before_it_starts(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, notebooks: Path
) -> None:
    monkeypatch.setenv("SOE_BROWSER", "no-such-browser")
    with pytest.raises(PackError, match=r"needs Chromium or Chrome.*no-such-browser"):
        make_pack("nowhere", out=tmp_path / "out", notebooks=notebooks, with_pdf=True)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("script", ["exit 3", "exit 0"])
def test_a_browser_that_prints_nothing_is_an_error(first_run: PackResult, tmp_path: Path, script: str) -> None:
    program = tmp_path / "browser"
    program.write_text(f"#!/bin/sh\necho no display >&2\n{script}\n", encoding="utf-8")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    folder = tmp_path / "pack"
    folder.mkdir()
    for name in PAGES:
        (folder / f"{name}.html").write_bytes((first_run.folder / f"{name}.html").read_bytes())
    with pytest.raises(PackError, match="wrote no PDF \\(no display\\)"):
        render.write(folder, PAGES, program=str(program))


@pytest.mark.usefixtures("snapshots")
def test_a_pack_with_a_pdf_links_and_seals_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, notebooks: Path) -> None:
    """Asked for later, it makes a new run; without being asked for again, the pack with it stands."""

    def printed(pack: Path, names: list[str], *, program: str) -> Path:
        assert (names, program) == (PAGES, "browser")
        (pack / render.NAME).write_bytes(b"%PDF-1.7")
        return pack / render.NAME

    monkeypatch.setattr(render, "browser", lambda: "browser")
    monkeypatch.setattr(render, "write", printed)
    made = make_pack("data", out=tmp_path / "out", notebooks=notebooks, with_pdf=True)
    assert "pack.pdf" in [page["file"] for page in made.manifest["pages"]]
    assert 'href="pack.pdf"' in (made.folder / "balance.html").read_text(encoding="utf-8")
    assert not make_pack("data", out=tmp_path / "out", notebooks=notebooks).published
