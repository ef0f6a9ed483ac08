"""What a check found: the level, where it is, which value, against which rule, and how to fix it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

LEVELS = ("stop", "warn", "repair", "note")
SHOWN = 5


@dataclass(frozen=True)
class Finding:
    """One thing that a planner should know about an extract before trusting a plan made from it.

    Parameters
    ----------
    level : "stop" (nothing is planned), "warn" (planned, with a banner), "repair" (mended and counted) or "note".
    table, file : the table of the contract, and the file it came from.
    rows : up to five line numbers in the file; the header is line 1.
    column, value : where in the row, and what stands there.
    rule : what should be true, or what was found instead.
    fix : what to do about it.
    count : how many rows in all.
    """

    level: str
    table: str
    file: str
    rows: tuple[int, ...] = ()
    column: str = ""
    value: str = ""
    rule: str = ""
    fix: str = ""
    count: int = 0

    def __post_init__(self) -> None:
        if self.level not in LEVELS:
            raise ValueError(f"A finding's level is one of {', '.join(LEVELS)}, not {self.level!r}.")
        for name in ("table", "file", "column", "value", "rule", "fix"):
            object.__setattr__(self, name, printable(getattr(self, name)))

    def __str__(self) -> str:
        value = f" '{self.value}'" if self.value else ""
        column = f", column {self.column}{value}" if self.column else f"{',' if self.rows else ''}{value}"
        place = f"{self.file or self.table}{self._where()}{column}".strip(", ") or "extract"
        return f"{self.level}: {place}: {self.rule} {self.fix}".rstrip()

    def _where(self) -> str:
        if not self.rows:
            return f" ({self.count:,} rows)" if self.count > 1 else ""
        more = self.count - len(self.rows)
        shown = ", ".join(map(str, self.rows)) + (f" and {more:,} more" if more > 0 else "")
        return f" row{'s' if self.count > 1 else ''} {shown}"

    def to_dict(self) -> dict[str, Any]:
        """The finding as plain values, for JSON."""
        return {
            "level": self.level,
            "table": self.table,
            "file": self.file,
            "rows": list(self.rows),
            "column": self.column,
            "value": self.value,
            "rule": self.rule,
            "fix": self.fix,
            "count": self.count,
        }


def printable(text: str, longest: int = 400) -> str:
    """Text that is safe in a terminal and a log: control characters are escaped, long values cut."""
    safe = "".join(character if character.isprintable() else f"\\x{ord(character):02x}" for character in text)
    return safe if len(safe) <= longest else safe[: longest - 1] + "…"


def by_level(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Findings with those that stop first, then by file, row and column."""
    return tuple(sorted(findings, key=lambda one: (LEVELS.index(one.level), one.file, one.rows, one.column, one.rule)))


def stops(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Only the findings that must be mended before anything is planned."""
    return tuple(one for one in findings if one.level == "stop")
