"""The check as a page that a planner can forward: self-contained, without scripts, every value escaped."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

import jinja2

from soe_lib.extract.check import CheckReport
from soe_lib.extract.findings import LEVELS, Finding
from soe_lib.workspace import root, shipped

TEMPLATE = "check.html.j2"
TITLES = {
    "stop": ("Stops the plan", "Nothing is planned or published until these are mended."),
    "warn": ("Warnings", "It is planned, and the pack says so on its cover."),
    "repair": ("Repairs", "Mended on reading and counted; the files are as they were."),
    "note": ("Notes", "Good to know."),
}


def check_page(report: CheckReport) -> str:
    """The whole report as one HTML page.

    Parameters
    ----------
    report : what the check found.
    """
    places = [folder / "templates" for folder in (root(), shipped()) if (folder / "templates" / TEMPLATE).is_file()]
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(places), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    style = environment.loader.get_source(environment, "style.css")[0] if environment.loader else ""
    return environment.get_template(TEMPLATE).render(
        report=report,
        style=style,
        levels=[(level, *TITLES[level], _by_file(report.findings, level)) for level in LEVELS if report.count(level)],
        counts=[(level, TITLES[level][0], report.count(level)) for level in LEVELS],
        rows=sum(report.rows.values()),
        where=Path(report.folder).name or report.folder,
        verdict="can be planned" if report.ok else "cannot be planned",
    )


def _by_file(findings: Sequence[Finding], level: str) -> list[tuple[str, list[Finding]]]:
    """Findings of a level under the file that they are in."""
    chosen = [one for one in findings if one.level == level]
    return [(file, list(group)) for file, group in groupby(chosen, key=lambda one: one.file or one.table or "extract")]


def write_page(report: CheckReport, path: Path) -> None:
    """Write the page; a page that was there is replaced whole.

    Parameters
    ----------
    path : the .html file.
    """
    aside = path.with_name(f".{path.name}.new")
    path.parent.mkdir(parents=True, exist_ok=True)
    aside.write_text(check_page(report), encoding="utf-8")
    aside.replace(path)
