"""How a company writes its files: encoding, separator, decimals, dates. Declared in sources.toml, never guessed."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

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
    "dd.mm.yy": "%d.%m.%y",
    "dd/mm/yy": "%d/%m/%y",
    "mm/dd/yy": "%m/%d/%y",
}
SERIALS = {"excel-1900": 25569, "excel-1904": 24107}
"""Day number of 1970-01-01 in Excel's two date systems."""
LABELS = {"day": "%Y-%m-%d", "week": "%G-W%V", "month": "%Y-%m"}
MONTHS = ("fiscal_month", "month")
TIME = ("period", *MONTHS)
"""Columns of text whose cells are labels of time."""
BLANKS, APOSTROPHES = (" ", "\u00a0", "\u202f", "\u2009"), ("'", "\u2019")
"""Marks between thousands that look alike: where one is declared, the others are meant too."""
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
    periods : what a day in a column of periods stands for: the "day" itself, its ISO "week" or its "month".
    timezone : the zone whose midnight separates days, for timestamps; blank where a timestamp stops.
    """

    encoding: str = "utf-8"
    separator: str = ","
    decimal: str = "."
    thousands: str = ""
    negatives: str = "minus"
    dates: str = "yyyy-mm-dd"
    periods: str = ""
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
    text = _written_out(source, column).str.strip_chars()
    for other in BLANKS if dialect.thousands in BLANKS else APOSTROPHES if dialect.thousands in APOSTROPHES else ():
        text = text.str.replace_all(other, dialect.thousands, literal=True)
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
    return _with_settled(source, column, kept), _misses(source, column, bad, _how(dialect))


def _written_out(source: Source, column: Column) -> pl.Series:
    """The cells that somebody wrote as text; those that a workbook held as numbers or days are left out."""
    cells, settled = source.frame.get_column(column.name), source.settled.get(column.name)
    return cells if settled is None else pl.select(pl.when(~settled).then(cells)).to_series()


def _with_settled(source: Source, column: Column, read: pl.Series) -> pl.Series:
    """What was read of the written cells, and the others as they are."""
    cells, settled = source.frame.get_column(column.name), source.settled.get(column.name)
    if settled is None:
        return read.alias(column.name)
    return pl.select(pl.when(settled).then(cells).otherwise(read)).to_series().alias(column.name)


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
    text = _written_out(source, column).str.strip_chars()
    days = _serial(text, dialect.dates) if dialect.dates in SERIALS else _written(text, dialect.dates)
    if dialect.timezone:
        days = pl.select(pl.coalesce(days, _stamps(text, dialect.timezone))).to_series()
    bad = ((text != "") & days.is_null()).fill_null(False)
    rule = f"Not a day as sources.toml declares ({dialect.dates})."
    fix = "Mend the cells, or `dates` in sources.toml; one column has one convention."
    if (text.filter(bad).str.contains(r"^\d{1,2}([./-])\d{1,2}[./-]\d{2}$")).any():
        fix = 'The year has two digits: write all four, or declare it, such as dates = "dd.mm.yy" (20yy up to 69).'
    return _with_settled(source, column, days.dt.strftime("%Y-%m-%d")), _misses(source, column, bad, (rule, fix))


def labels(source: Source, column: Column, dialect: Dialect) -> tuple[Source, list[Finding]]:
    """A column of periods or months with every day in it as the label that it stands for.

    A day that a program typed (a workbook's, a database's), or that is written as the dates are declared, is a day of
    something: of the month in a column of months, else of what `periods` declares. Where nothing does, it stays.

    Parameters
    ----------
    source : the raw rows.
    column : a column of text that holds labels of time.
    """
    cells = _plain_days(source.frame.get_column(column.name), dialect.timezone)
    plain = dialect.dates == PLAIN.dates or dialect.dates in SERIALS
    if cells.dtype == pl.String and plain and column.name not in source.days:
        return source, []
    marked = source.days.get(column.name, pl.repeat(False, len(cells), eager=True))
    if cells.dtype == pl.Date:
        days = cells
    elif cells.dtype == pl.String:
        typed = pl.select(pl.when(marked).then(cells).str.to_date("%Y-%m-%d", strict=False)).to_series()
        said = typed if plain else _written(cells.str.strip_chars(), dialect.dates)
        days = pl.select(pl.coalesce(typed, said)).to_series()
    else:
        return source, []
    there = days.is_not_null()
    if not there.any():
        return source, []
    kind = dialect.periods or ("month" if column.name in MONTHS else "")
    text = days.dt.strftime(LABELS[kind or "day"])
    rest = cells.cast(pl.String) if cells.dtype == pl.String else text
    frame = source.frame.with_columns(
        pl.select(pl.when(there).then(text).otherwise(rest)).to_series().alias(column.name)
    )
    if kind in ("", "day"):
        left = {} if kind else {column.name: there}
        return replace(source, frame=frame, days={**source.days, **left} if left else _without(source, column)), []
    rows = there.arg_true()
    rule = f"Days were read as the {kind} that they lie in."
    found = source.finding("repair", rows, column=column.name, value=str(days[int(rows[0])]), rule=rule)
    return replace(source, frame=frame, days=_without(source, column)), [found]


def _without(source: Source, column: Column) -> dict[str, pl.Series]:
    return {name: marks for name, marks in source.days.items() if name != column.name}


def _plain_days(cells: pl.Series, zone: str) -> pl.Series:
    """Timestamps as days, where a zone is declared or all of them are midnights."""
    if not isinstance(cells.dtype, pl.Datetime):
        return cells
    if zone:
        return _days(cells, zone)
    midnights = cells.dtype.time_zone is None and (cells == cells.dt.truncate("1d")).all()
    return cells.dt.date() if midnights else cells


def _written(text: pl.Series, convention: str) -> pl.Series:
    """Days of a written convention: day and month may lack their zero where a mark ends them, a year no digit."""
    few = r"\d{1,2}" if re.search("[^a-z]", convention) else r"\d{2}"
    parts = {"yyyy": r"\d{4}", "yy": r"\d{2}", "mm": few, "dd": few}
    form = re.sub("yyyy|yy|mm|dd", lambda part: parts[part.group()], re.escape(convention))
    fits = text.str.contains(f"^{form}$")
    days = pl.select(pl.when(fits).then(text.str.to_date(DATES[convention], strict=False))).to_series()
    return pl.select(pl.when(days.dt.year() >= 1900).then(days)).to_series()  # 0026 is no year


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
