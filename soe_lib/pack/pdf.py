"""pack.pdf: all pages of a pack in one file for paper and mail, printed by the browser that is there."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from bs4 import BeautifulSoup
from bs4.element import Tag

from soe_lib.errors import PackError

NAME = "pack.pdf"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "microsoft-edge")
CHOICE = "SOE_BROWSER"
REFERRING = ("href", "aria-labelledby", "aria-describedby", "headers")
SECONDS = 120.0


def browser() -> str:
    """The browser to print with: the one that SOE_BROWSER names, else the first that is found.

    Errors
    ------
    PackError : there is none.
    """
    named = os.environ.get(CHOICE, "")
    found = shutil.which(named) if named else next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if not found:
        looked = named or ", ".join(BROWSERS)
        raise PackError(
            f"A PDF needs Chromium or Chrome, and none was found (looked for {looked}). Install one (Debian: "
            f"apt-get install chromium), name it in {CHOICE}, or leave --pdf out and print from any browser."
        )
    return found


def write(pack: Path, names: Sequence[str], *, program: str) -> Path:
    """Print the pages of a pack, in this order, into one tagged PDF with an outline.

    Parameters
    ----------
    pack : folder of the finished pages. names : their names without ending. program : the browser.

    Errors
    ------
    PackError : the browser fails, hangs or writes no PDF.
    """
    target = pack / NAME
    with tempfile.TemporaryDirectory() as home:
        source = Path(home) / "pack.html"
        source.write_text(merged(pack, names), encoding="utf-8")
        command = [
            program, "--headless", "--disable-gpu", "--no-first-run", "--disable-background-networking",
            "--disable-component-update", "--disable-sync", "--no-pdf-header-footer", "--export-tagged-pdf",
            "--generate-pdf-document-outline", f"--user-data-dir={home}/profile",
            *(["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []),
            f"--print-to-pdf={target}", source.as_uri(),
        ]  # fmt: skip
        try:
            done = subprocess.run(command, capture_output=True, timeout=SECONDS, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise PackError(
                f"{Path(program).name} could not print the pack: {error}. Nothing was published."
            ) from error
    if done.returncode or not target.is_file() or target.read_bytes()[:5] != b"%PDF-":
        said = done.stderr.decode(errors="replace").strip().splitlines()[-1:] or ["no message"]
        raise PackError(f"{Path(program).name} wrote no PDF ({said[0][:300]}). Nothing was published.")
    return target


def merged(pack: Path, names: Sequence[str]) -> str:
    """All pages as one: the frame of the first, the content of each on a sheet of its own, links kept within."""
    whole: BeautifulSoup | None = None
    for name in names:
        soup = BeautifulSoup((pack / f"{name}.html").read_text(encoding="utf-8"), "html.parser")
        _rename(soup, name, names)
        main = soup.find("main")
        if not isinstance(main, Tag):
            raise PackError(f"{name}.html has no main part to print. Nothing was published.")
        main.attrs.pop("tabindex", None)
        if whole is None:
            whole = soup
        else:
            kind = " ".join(soup.body.get_attribute_list("class")) if soup.body else ""
            part = whole.new_tag("div", attrs={"class": kind, "style": "break-before: page"})
            last = whole.find_all("main")[-1]
            outer = last.find_parent("div") or last
            outer.insert_after(part)
            part.append(main.extract())
    return str(whole)


def _rename(soup: BeautifulSoup, name: str, names: Sequence[str]) -> None:
    """Ids made unique over all pages, and every reference to one with it; links that leave the pages are dropped."""
    for tag in soup.find_all(id=True):
        tag["id"] = f"{name}--{tag['id']}"
    for tag in soup.find_all(True):
        for attribute in REFERRING[1:]:
            if attribute in tag.attrs:
                tag[attribute] = " ".join(f"{name}--{one}" for one in str(tag[attribute]).split())
    for link in soup.find_all("a", href=True):
        page, _, anchor = str(link["href"]).partition("#")
        target = page.removesuffix(".html") if page else name
        if target in names:
            link["href"] = f"#{target}--{anchor or 'content'}"
        else:
            del link["href"]
