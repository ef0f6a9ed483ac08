"""What an importer made of its source: tables, and every assumption as a counted sentence."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import polars as pl

SHOWN = 5


@dataclass(frozen=True)
class Part:
    """Some tables of the contract, and what had to be assumed to fill them.

    Parameters
    ----------
    tables : by their name in the contract.
    notes : sentences for the planner, each with its counts.
    """

    tables: Mapping[str, pl.DataFrame] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def __getitem__(self, table: str) -> pl.DataFrame:
        return self.tables[table]


@dataclass(frozen=True)
class ImportReport:
    """What was imported, where it stands, and what was assumed.

    Parameters
    ----------
    folder : the extract that was written, to be given to `--data`.
    as_of : the day the plan starts.
    rows : number of rows by table of the contract.
    assumptions : sentences; the same stand in the extract's settings.toml and are listed in every pack.
    """

    folder: Path
    as_of: date
    rows: Mapping[str, int]
    assumptions: tuple[str, ...]

    def __str__(self) -> str:
        tables = ", ".join(f"{table} {count:,}" for table, count in self.rows.items())
        lines = [
            f"Imported into {self.folder} as of {self.as_of.isoformat()}.",
            f"Rows: {tables}.",
            f"{len(self.assumptions)} assumptions were made; correct in the extract what does not hold:",
            *(f"  {number}. {sentence}" for number, sentence in enumerate(self.assumptions, start=1)),
        ]
        return "\n".join(lines)


def names(labels: Iterable[object]) -> str:
    """The first few labels, and how many more there are."""
    known = sorted({str(label) for label in labels})
    more = len(known) - SHOWN
    return ", ".join(known[:SHOWN]) + (f" and {more} more" if more > 0 else "")
