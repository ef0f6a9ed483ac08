"""Results of an importer: tables, and every assumption as a sentence with its counts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import polars as pl

SHOWN = 5


@dataclass(frozen=True)
class Part:
    """Some tables of the contract, and the assumptions made to fill them.

    Parameters
    ----------
    tables : by name in the contract.
    notes : assumptions as sentences with counts.
    """

    tables: Mapping[str, pl.DataFrame] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def __getitem__(self, table: str) -> pl.DataFrame:
        return self.tables[table]


@dataclass(frozen=True)
class ImportReport:
    """The result of an import: the extract's folder, its rows and its assumptions.

    Parameters
    ----------
    folder : the written extract, for `--data`.
    as_of : first day of the plan.
    rows : number of rows by table of the contract.
    assumptions : sentences, also in the extract's settings.toml and in every pack.
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
            f"{len(self.assumptions)} assumptions were made; correct wrong ones in the extract:",
            *(f"  {number}. {sentence}" for number, sentence in enumerate(self.assumptions, start=1)),
        ]
        return "\n".join(lines)


def names(labels: Iterable[object]) -> str:
    """The first few labels, and the number of further ones."""
    known = sorted({str(label) for label in labels})
    more = len(known) - SHOWN
    return ", ".join(known[:SHOWN]) + (f" and {more} more" if more > 0 else "")
