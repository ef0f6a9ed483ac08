"""How a company writes its files: encoding, separator, decimals, dates. Declared in sources.toml, never guessed."""

from __future__ import annotations

import re
from dataclasses import dataclass

import polars as pl

from soe_lib.extract.findings import Finding
from soe_lib.extract.schema import Column
from soe_lib.extract.source import Source

DATES = {
    "yyyy-mm-dd": "%Y-%m-%d",
    "dd.mm.yyyy": "%d.%m.%Y",
    "dd/mm/yyyy": "%d/%m/%Y",
    "mm/dd/yyyy": "%m/%d/%Y",
    "dd-mm-yyyy": "%d-%m-%Y",
    "yyyymmdd": "%Y%m%d",
    "yyyy/mm/dd": "%Y/%m/%d",
}
SERIALS = {"excel-1900": 25569, "excel-1904": 24107}
"""Day number of 1970-01-01 in Excel's two date systems."""
NEGATIVES = ("minus", "trailing", "brackets")
STAMP = r"^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})?$"


@dataclass(frozen=True)
class Dialect:
    """The conventions of one table's file or query.

    Parameters
    ----------
    encoding, separator : of a delimited text file.
    decimal, thousands : the marks in a number; no thousands mark by default.
    negatives : where a negative number has its mark: "minus" in front, "trailing" (500-), or "brackets".
    dates : one of DATES or SERIALS.
    timezone : the zone whose midnight separates days, for timestamps; blank where a timestamp stops.
    """

    encoding: str = "utf-8"
    separator: str = ","
    decimal: str = "."
    thousands: str = ""
    negatives: str = "minus"
    dates: str = "yyyy-mm-dd"
    timezone: str = ""

    @property
    def plain_numbers(self) -> bool:
        """Whether numbers are written as the contract writes them."""
        return (self.decimal, self.thousands, self.negatives) == (".", "", "minus")


PLAIN = Dialect()


def numbers(source: Source, column: Column, dialect: Dialect) -> tuple[pl.Series, list[Finding]]:
    """A column of numbers from the declared convention to 1234.56; what does not keep to it is a finding.

    Parameters
    ----------
    source : the raw rows. Their column is text.
    column : a column of numbers.
    """
    cells = source.frame.get_column(column.name)
    text = cells.str.strip_chars()
    decimal, mark = re.escape(dialect.decimal), re.escape(dialect.thousands)
    whole = rf"(?:\d{{1,3}}(?:{mark}\d{{3}})+|\d+)" if mark else r"\d+"
    body = rf"{whole}(?:{decimal}\d*)?(?:[eE][-+]?\d+)?"
    form = {"minus": rf"^[-+]?{body}$", "trailing": rf"^{body}[-+]?$", "brackets": rf"^(?:{body}|\({body}\))$"}
    fits = text.str.contains(form[dialect.negatives])
    bad = ((text != "") & ~fits).fill_null(False)
    negative = text.str.contains(r"^-|-$|^\(") if dialect.negatives != "minus" else text.str.starts_with("-")
    bare = text.str.strip_chars("-+()")
    bare = bare.str.replace_all(dialect.thousands, "", literal=True) if mark else bare
    bare = bare.str.replace_all(dialect.decimal, ".", literal=True)
    kept = pl.select(
        pl.when(bad).then(None).when(negative.fill_null(False)).then(pl.lit("-") + bare).otherwise(bare)
    ).to_series()
    return kept.alias(column.name), _misses(source, column, bad, _how(dialect))


def _how(dialect: Dialect) -> tuple[str, str]:
    mark = f" and {dialect.thousands!r} between thousands" if dialect.thousands else " and no thousands mark"
    said = f"{dialect.decimal!r} before decimals{mark}"
    return (
        "Not a number in the declared convention.",
        f"sources.toml declares {said}: mend the cells or the convention.",
    )


def dates(source: Source, column: Column, dialect: Dialect) -> tuple[pl.Series, list[Finding]]:
    """A column of days from the declared convention to 2026-11-16; what does not keep to it is a finding.

    Parameters
    ----------
    source : the raw rows; the column is text, or a timestamp of a database or a parquet file.
    column : a column of dates.
    """
    cells = source.frame.get_column(column.name)
    if isinstance(cells.dtype, pl.Datetime):
        return (_days(cells, dialect.timezone), []) if dialect.timezone else (cells, [])
    if cells.dtype != pl.String:
        return cells, []
    text = cells.str.strip_chars()
    days = _serial(text, dialect.dates) if dialect.dates in SERIALS else _written(text, dialect.dates)
    if dialect.timezone:
        days = pl.select(pl.coalesce(days, _stamps(text, dialect.timezone))).to_series()
    bad = ((text != "") & days.is_null()).fill_null(False)
    rule = f"Not a day as sources.toml declares ({dialect.dates})."
    fix = "Mend the cells, or `dates` in sources.toml; one column has one convention."
    return days.dt.strftime("%Y-%m-%d").alias(column.name), _misses(source, column, bad, (rule, fix))


def _written(text: pl.Series, convention: str) -> pl.Series:
    """Days of a written convention; every part has all its digits, so that 1/2/26 is not a day."""
    long = len(convention)
    return pl.select(
        pl.when(text.str.len_bytes() == long).then(text.str.to_date(DATES[convention], strict=False))
    ).to_series()


def _serial(text: pl.Series, system: str) -> pl.Series:
    number = text.cast(pl.Float64, strict=False)
    whole = (number == number.floor()) & (number >= 1) & (number < 110_000)
    kept = pl.select(pl.when(whole).then(number - SERIALS[system])).to_series()
    return kept.cast(pl.Int32, strict=False).cast(pl.Date)


def _stamps(text: pl.Series, zone: str) -> pl.Series:
    """The local day of written timestamps: with an offset they are moved to the zone, without one they are local."""
    fits = text.str.contains(STAMP)
    form = pl.select(pl.when(fits).then(text.str.replace("T", " ", literal=True))).to_series()
    offset = form.str.extract(r"(Z|[+-]\d{2}:?\d{2})$")
    clock = form.str.replace(r"(Z|[+-]\d{2}:?\d{2})$", "").str.pad_end(19, ":").str.replace(r":+$", ":00")
    local = clock.str.slice(0, 19).str.to_datetime("%Y-%m-%d %H:%M:%S", strict=False)
    hours = offset.str.extract(r"([+-]\d{2})").cast(pl.Int32, strict=False)
    minutes = offset.str.extract(r"(\d{2})$").cast(pl.Int32, strict=False).fill_null(0)
    sign = pl.select(pl.when(offset.str.starts_with("-")).then(-1).otherwise(1)).to_series()
    shift = (hours.abs().fill_null(0) * 60 + minutes) * sign
    moved = pl.select((local - (shift * 60_000).cast(pl.Duration("ms"))).dt.replace_time_zone("UTC")).to_series()
    days = _days(moved, zone)
    return pl.select(pl.when(offset.is_null()).then(_days(local, zone)).otherwise(days)).to_series()


def _days(stamps: pl.Series, zone: str) -> pl.Series:
    """The day of each timestamp in a zone; an hour that the clocks skipped is no time and has no day."""
    if stamps.dtype.time_zone is not None:  # type: ignore[attr-defined]
        return stamps.dt.convert_time_zone(zone).dt.date()
    return stamps.dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null").dt.date()


def _misses(source: Source, column: Column, bad: pl.Series, said: tuple[str, str]) -> list[Finding]:
    rows = bad.arg_true()
    if not len(rows):
        return []
    value = str(source.frame.get_column(column.name)[int(rows[0])])
    return [source.finding("stop", rows, column=column.name, value=value, rule=said[0], fix=said[1])]
