"""soe sources: where each table comes from, how old it is, and how many rows it has."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

from soe_lib.extract.deliveries import Delivery, newest_day
from soe_lib.extract.findings import printable
from soe_lib.extract.folders import locate
from soe_lib.extract.reading import Extract, inspect
from soe_lib.extract.schema import MANDATORY, schema


@dataclass(frozen=True)
class Origin:
    """One table of an extract.

    Parameters
    ----------
    origin : a file, a sheet, or a query on a named source; blank where nobody delivers the table.
    of : the day its newest row was changed, or else its file was written; blank where nobody says.
    days : from that day to the as-of date; below zero where the file was written later.
    rows : rows read; None where it could not be read.
    """

    table: str
    origin: str
    of: str
    days: int | None
    rows: int | None


@dataclass(frozen=True)
class Origins:
    """Every table that an extract has, or cannot do without."""

    folder: str
    as_of: str
    tables: tuple[Origin, ...]

    def to_dict(self) -> dict[str, Any]:
        """As plain values, for JSON."""
        return {"folder": self.folder, "as_of": self.as_of, "tables": [asdict(one) for one in self.tables]}

    def text(self) -> str:
        """One line per table, for a reader."""
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
    """Where each table of an extract comes from, how old it is, and how many rows it has.

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
    said = extract.settings.as_of.isoformat() if extract.dated else ""
    return Origins(str(extract.folder), said, tuple(tables))


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
