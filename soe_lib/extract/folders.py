"""Which folder is meant: a company's extracts by as-of date, or one extract."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from soe_lib import objects, workspace
from soe_lib.errors import DataError
from soe_lib.extract.schema import MANDATORY
from soe_lib.extract.settings_file import FILE, as_date, load
from soe_lib.extract.sources import SUFFIXES, WORKBOOK


def dates(company: Path) -> tuple[date, ...]:
    """The as-of dates a company folder has extracts of, oldest first."""
    if not company.is_dir():
        return ()
    named = [one.name for one in company.iterdir() if one.is_dir() and as_date(one.name) is not None]
    return tuple(date.fromisoformat(name) for name in sorted(named))


def found(data: str | Path) -> Path:
    """The folder that is meant, in the workspace or the current folder; of an object store's address a copy."""
    return objects.copied(str(data)) if objects.is_address(data) else workspace.find(data)


def locate(data: str | Path, as_of: str | date | None = None) -> Path:
    """The folder of the extract that is meant, or a DataError that names what there is."""
    if "\x00" in str(data):
        raise DataError("The data folder's name holds a NUL byte.")
    folder = found(data)
    wanted = _wanted(as_of)
    if not folder.is_dir():
        raise DataError(f"There is no folder {folder}. Give a company folder, or one extract with {FILE}.")
    if (folder / FILE).is_file():
        return _single(folder, wanted)
    there = dates(folder)
    if not there and _has_tables(folder):
        return folder
    if not there:
        raise DataError(
            f"{folder} is no extract ({FILE} is missing) and has no folder named by an as-of date such as 2026-11-16."
        )
    if wanted is not None and wanted not in there:
        raise DataError(f"{folder} has no extract as of {wanted}. There are: {', '.join(map(str, there))}.")
    return folder / (wanted or there[-1]).isoformat()


def _has_tables(folder: Path) -> bool:
    """Whether the folder is an extract that lost its settings, which the check then says beside all else."""
    named = [folder / f"{name}{suffix}" for name in MANDATORY for suffix in SUFFIXES]
    return any(path.is_file() for path in named) or any(folder.glob(f"[!~.]*{WORKBOOK}"))


def _wanted(as_of: str | date | None) -> date | None:
    if as_of is None or as_of == "":
        return None
    if isinstance(as_of, date):
        return date(as_of.year, as_of.month, as_of.day)
    wanted = as_date(as_of)
    if wanted is None:
        raise DataError(f"The as-of date must be an ISO date such as 2026-11-16, not {as_of[:40]!r}.")
    return wanted


def _single(folder: Path, wanted: date | None) -> Path:
    if wanted is None:
        return folder
    said = load(folder)[0].as_of
    if said != wanted:
        raise DataError(f"{folder} is one extract as of {said}, not {wanted}. Give its company folder, or that date.")
    return folder
