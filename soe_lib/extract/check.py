"""soe check: everything that is wrong with an extract, at once, for a reader or for a program."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from soe_lib import objects
from soe_lib.errors import SoeError
from soe_lib.extract.findings import LEVELS, Finding, by_level, stops
from soe_lib.extract.folders import locate
from soe_lib.extract.reading import Extract, inspect


@dataclass(frozen=True)
class CheckReport:
    """What the check of one extract found.

    Parameters
    ----------
    findings : every finding, those that stop first.
    folder : the extract that was checked; blank where there is none.
    company, as_of : as its settings say.
    rows : rows read, by table.
    """

    findings: tuple[Finding, ...]
    folder: str = ""
    company: str = ""
    as_of: str = ""
    rows: Mapping[str, int] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Whether nothing stops the extract from being planned."""
        return not stops(self.findings)

    def count(self, level: str) -> int:
        """How many findings there are of a level."""
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
        """The report for a reader: one line per finding, and a verdict."""
        counts = ", ".join(f"{self.count(level)} {level}" for level in LEVELS if self.count(level))
        read = f"{sum(self.rows.values()):,} rows in {len(self.rows)} tables" if self.rows else "nothing read"
        verdict = "can be planned" if self.ok else "cannot be planned"
        head = f"{self.folder or 'extract'}: {verdict} ({read}; {counts or 'no findings'})"
        return "\n".join([head, *(f"  {one}" for one in self.findings)])


def check(data: str | Path, as_of: str | date | None = None) -> CheckReport:
    """Everything that is wrong with an extract; nothing raises for what is wrong with the data.

    Parameters
    ----------
    data : a company folder with one folder per as-of date, or one extract.
    as_of : ISO date; blank or left out for the newest extract.
    """
    try:
        folder = locate(data, as_of)
    except SoeError as error:
        fix = "Name a folder and a date that exist."
        return CheckReport((Finding("stop", "", str(data), rule=str(error), fix=fix),))
    extract = inspect(folder)
    settings = extract.settings
    return CheckReport(
        findings=by_level((*extract.findings, *_refusals(extract))),
        folder=str(data if objects.is_address(data) else folder),
        company=settings.company,
        as_of=settings.as_of.isoformat() if extract.dated else "",
        rows={name: source.frame.height for name, source in extract.sources.items()},
    )


def _refusals(extract: Extract) -> list[Finding]:
    """What `soe plan` would refuse, of an extract that no rule stops: the plan is prepared as far as it can be."""
    if stops(extract.findings):
        return []
    from soe_lib.extract.snapshot import freeze
    from soe_lib.model.starts import refusals

    return [_refusal(said) for said in refusals(freeze(extract))]


def _refusal(said: str) -> Finding:
    """A finding of what the plan would say, at the file that it names first."""
    file, _, rest = said.partition(": ")
    named = file.endswith((".csv", ".toml"))
    rule = f"The plan cannot start: {(rest if named else said).rstrip('.')}."
    fix = "Mend it: `soe plan` refuses this extract."
    return Finding("stop", Path(file).stem if named else "", file if named else "", rule=rule, fix=fix)
