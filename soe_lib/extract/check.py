"""`soe check`: the findings of an extract, as text, as JSON and as a page that a planner can forward."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date
from itertools import groupby
from pathlib import Path
from typing import Any

import jinja2

from soe_lib import objects
from soe_lib.errors import SoeError
from soe_lib.extract.deliveries import Delivery, newest_day
from soe_lib.extract.findings import LEVELS, Finding, printable, stops
from soe_lib.extract.folders import Look, inspect, locate
from soe_lib.extract.rules import Extract
from soe_lib.extract.schema import MANDATORY, schema
from soe_lib.workspace import root, shipped, write


@dataclass(frozen=True)
class CheckReport:
    """The findings of the check of one extract.

    Parameters
    ----------
    findings : every finding, those that stop first.
    folder : the extract; blank if there is none.
    company, as_of : from its settings.
    rows : rows read, by table.
    """

    findings: tuple[Finding, ...]
    folder: str = ""
    company: str = ""
    as_of: str = ""
    rows: Mapping[str, int] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Whether the extract can be planned: no finding stops it."""
        return not stops(self.findings)

    def count(self, level: str) -> int:
        """The number of findings of a level."""
        return sum(one.level == level for one in self.findings)

    def to_dict(self) -> dict[str, Any]:
        """The report as plain values, for JSON."""
        return {
            "ok": self.ok,
            "folder": self.folder,
            "company": self.company,
            "as_of": self.as_of,
            "counts": {level: self.count(level) for level in LEVELS},
            "rows": dict(self.rows),
            "findings": [one.to_dict() for one in self.findings],
        }

    def text(self) -> str:
        """The report as text: a verdict, then one line per finding."""
        counts = ", ".join(f"{self.count(level)} {level}" for level in LEVELS if self.count(level))
        read = f"{sum(self.rows.values()):,} rows in {len(self.rows)} tables" if self.rows else "nothing read"
        verdict = "can be planned" if self.ok else "cannot be planned"
        head = f"{self.folder or 'extract'}: {verdict} ({read}; {counts or 'no findings'})"
        return "\n".join([head, *(f"  {one}" for one in self.findings)])


def check(data: str | Path, as_of: str | date | None = None, *, looks: Sequence[Look] = ()) -> CheckReport:
    """Check an extract by the rules (`soe.check` adds the model's checks); bad data raises nothing.

    Parameters
    ----------
    data : a company folder with one folder per as-of date, or one extract.
    as_of : ISO date; blank or left out for the newest extract.
    looks : further checks, as for `folders.examined`.
    """
    try:
        folder = locate(data, as_of)
    except SoeError as error:
        fix = "Name a folder and a date that exist."
        return CheckReport((Finding("stop", "", str(data), rule=str(error), fix=fix),))
    extract = inspect(folder, looks)
    settings = extract.settings
    return CheckReport(
        findings=tuple(extract.findings),
        folder=str(data if objects.is_address(data) else folder),
        company=settings.company,
        as_of=settings.as_of.isoformat() if extract.dated else "",
        rows={name: source.frame.height for name, source in extract.sources.items()},
    )


TEMPLATE = "check.html.j2"
TITLES = {
    "stop": ("Stops the plan", "Nothing is planned or published until these are fixed."),
    "warn": ("Warnings", "The extract is planned; the pack's cover shows them."),
    "repair": ("Repairs", "Corrected while reading; the files are unchanged."),
    "note": ("Notes", "For information."),
}


def check_page(report: CheckReport) -> str:
    """The whole report as one HTML page.

    Parameters
    ----------
    report : from `check`.
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
    """Findings of a level, grouped by file."""
    chosen = [one for one in findings if one.level == level]
    return [(file, list(group)) for file, group in groupby(chosen, key=lambda one: one.file or one.table or "extract")]


def write_page(report: CheckReport, path: Path) -> None:
    """Write the page; an existing page is replaced atomically.

    Parameters
    ----------
    path : the .html file.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    write(path, check_page(report))


@dataclass(frozen=True)
class Origin:
    """The origin of one table of an extract.

    Parameters
    ----------
    origin : a file, a sheet, or a query on a named source; blank if the table is not delivered.
    of : the day of its newest change, else of the file's last write; blank if unknown.
    days : from that day to the as-of date; negative if the file was written later.
    rows : rows read; None if the table cannot be read.
    """

    table: str
    origin: str
    of: str
    days: int | None
    rows: int | None


@dataclass(frozen=True)
class Origins:
    """The origins of every delivered or mandatory table of an extract."""

    folder: str
    as_of: str
    tables: tuple[Origin, ...]

    def to_dict(self) -> dict[str, Any]:
        """The origins as plain values, for JSON."""
        return {"folder": self.folder, "as_of": self.as_of, "tables": [asdict(one) for one in self.tables]}

    def text(self) -> str:
        """The origins as text, one line per table."""
        rows = [("table", "comes from", "of", "age", "rows")]
        rows += [(one.table, one.origin or "nowhere", one.of, _age(one.days), _count(one)) for one in self.tables]
        wide = [max(len(row[at]) for row in rows) for at in range(5)]
        lines = [
            f"{row[0]:<{wide[0]}}  {row[1]:<{wide[1]}}  {row[2]:<{wide[2]}}  {row[3]:>{wide[3]}}  {row[4]:>{wide[4]}}"
            for row in rows
        ]
        return "\n".join([f"{self.folder}, as of {self.as_of or 'no date'}", *lines])


def _age(days: int | None) -> str:
    if days is None:
        return ""
    return (
        "the same day" if days == 0 else f"{abs(days)} day{'s' * (abs(days) != 1)} {'before' if days > 0 else 'after'}"
    )


def _count(one: Origin) -> str:
    if one.rows is None:
        return "unreadable" if one.origin else ""
    return f"{one.rows:,}"


def origins(data: str | Path, as_of: str | date | None = None) -> Origins:
    """The origin, age and number of rows of each table of an extract.

    Parameters
    ----------
    data : a company folder with one folder per as-of date, or one extract.
    as_of : ISO date; blank or left out for the newest extract.

    Raises
    ------
    DataError : there is no such extract.
    """
    extract = inspect(locate(data, as_of))
    tables = [_origin(extract, name) for name in schema() if name in extract.deliveries or name in MANDATORY]
    day = extract.settings.as_of.isoformat() if extract.dated else ""
    return Origins(str(extract.folder), day, tuple(tables))


def _origin(extract: Extract, name: str) -> Origin:
    delivery, source = extract.deliveries.get(name), extract.sources.get(name)
    if delivery is None:
        return Origin(name, "", "", None, None)
    day = _day(extract, delivery)
    days = (extract.settings.as_of - day).days if day is not None and extract.dated else None
    rows = source.frame.height if source is not None else None
    return Origin(name, printable(delivery.origin), day.isoformat() if day else "", days, rows)


def _day(extract: Extract, delivery: Delivery) -> date | None:
    source, entry = extract.sources.get(delivery.table), delivery.entry
    newest = newest_day(source, entry) if source is not None and entry is not None and entry.updated else None
    return newest or (delivery.modified.date() if delivery.modified else None)
