"""Raw text → typed tables: compares headers with the contract and casts cells by type and the company's conventions."""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from functools import cache
from typing import Annotated
from zoneinfo import available_timezones

import polars as pl
from annotated_types import Predicate

from soe_lib.errors import hint, likeness, nearest
from soe_lib.extract.findings import Finding, Source
from soe_lib.extract.schema import Column, Table
from soe_lib.extract.toml import Section, among

ALIKE = 0.8
ASIDE = "\x01"
"""Prefix of columns read in addition to the contract's: unit, currency, last change."""


def match_columns(source: Source, table: Table) -> list[Finding]:
    """Findings for columns that are missing, renamed, or not in the contract."""
    present = source.frame.columns
    absent = [name for name in table.names if name not in present]
    strange = [name for name in present if name not in table.names and not name.startswith(ASIDE)]
    findings = []
    for name in absent:
        if table[name].required:
            alike = nearest(name, strange)
            fix = f"Rename column {alike} to {name}." if alike else f"Add it: {table[name].meaning}."
            findings.append(source.finding("stop", column=name, rule="The column is missing.", fix=fix))
    for name in strange:
        alike = nearest(name, absent)
        renamed = bool(alike) and likeness(name, alike) >= ALIKE and not table[alike].required
        rule = "The column is not in the contract" + (" but looks like one." if renamed else " and was not read.")
        fix = hint(name, absent) or "Remove it, or leave it: it is not read."
        findings.append(source.finding("stop" if renamed else "warn", column=name, rule=rule, fix=fix))
    return findings


LARGEST = 1e9
TRUE, FALSE = ("yes", "true", "y", "1"), ("no", "false", "n", "0")
NARROW = ("\u00a0", "\u202f", "\u2007")
NUMBER_FIXES = (
    (r"-?\d{1,3}(\.\d{3})+(,\d+)?|-?\d+,\d+", "Write decimals with a point and no thousands mark, such as 1234.56."),
    (r"-?\d{1,3}([, ']\d{3})+(\.\d+)?", "Write it without a thousands mark, such as 1234.56."),
    (r"\(.*\)", "Write a negative number with a minus, such as -500."),
    (r".*%", "Write a share, such as 0.12."),
    (r"(?i)-?nan|n/?a|null|none|#.*|-+|\?", "Leave the cell blank if the number is not known, or write it."),
    (r"(?i)[-+]?inf(inity)?", "Leave the cell blank where there is no limit."),
    (r"(?i)true|false", "Write a number; the cell holds yes or no."),
    (r"\d{4}-\d{2}-\d{2}.*", "The cell holds a date (Excel turns 1.5 into one): format it as a number and retype it."),
    (r"-?[\d.,]+-", 'Write the minus in front, or declare negatives = "trailing" in sources.toml.'),
    (r".*[A-Za-z€$£¥].*", "Write the number alone, without unit or currency."),
)
OLDEST = date(1900, 1, 1)
DATE_FIXES = (
    (r"[01]\d{3}-\d{2}-\d{2}", "The year has lost its century: write 2026-11-16."),
    (
        r"\d{1,2}[/.-]\d{1,2}[/.-]\d{2,4}",
        "Day and month are ambiguous: write 2026-11-16, or declare `dates` in sources.toml.",
    ),
    (r"\d{5}(\.0)?", "This looks like an Excel day number: write 2026-11-16."),
    (r"\d{4}-\d{2}-\d{2}[T ].*", "Write the day alone, without time or zone."),
)


def cast(source: Source, table: Table) -> tuple[pl.DataFrame, list[Finding]]:
    """A raw frame with the contract's types, rows in the file's order, and findings for cells that cannot be read.

    All columns are cast at once; only columns with irregular cells are cast cell by cell.

    Parameters
    ----------
    source : the raw rows.
    table : the table of the contract.
    """
    findings = match_columns(source, table)
    present = [column for column in table.columns if column.name in source.frame.columns]
    fit = [column for column in present if _fits(source.frame.schema[column.name], column)]
    quick = source.frame.select(_quick(column, source.frame.schema[column.name]) for column in fit)
    plain = {column.name for column in fit} - _odd(source, quick, fit)
    typed = {}
    for column in present:
        if column.name in plain:
            values = quick.get_column(column.name)
            findings += _blanks(source, column, values)
        else:
            raw, repairs = tidy(source, column)
            read = CASTS.get(column.type)
            values, wrong = read(source, column, raw) if read else (raw.cast(pl.String).fill_null(""), [])
            findings += repairs + wrong + _blanks(source, column, raw)
        typed[column.name] = _defaulted(values, column)
    rest = {column.name: column for column in table.columns if column.name not in typed}
    absent = [pl.lit(column.default, dtype=column.dtype).alias(name) for name, column in rest.items()]
    return pl.DataFrame(typed).with_columns(absent).select(table.names), findings


def _fits(kind: pl.DataType, column: Column) -> bool:
    """Whether a column can be cast at once: it is text or already has the contract's type."""
    return kind == pl.String or kind == column.dtype or (column.type == "number" and kind.is_numeric())


def _defaulted(values: pl.Series, column: Column) -> pl.Series:
    """The values with blanks replaced by the contract's default; a blank text is ""."""
    if column.default is None:
        return values
    if column.type == "text" and column.default:
        return values.replace("", column.default) if (values == "").any() else values
    return values.fill_null(column.default) if values.null_count() else values


def _quick(column: Column, kind: pl.DataType) -> pl.Expr:
    """The cast of a column without irregular cells."""
    cell = pl.col(column.name)
    if column.type == "number":
        return cell.cast(pl.Float64, strict=False)
    if column.type == "date" and kind == pl.String:
        return cell.str.to_date("%Y-%m-%d", strict=False)
    return cell.fill_null("") if column.type == "text" else cell


def _odd(source: Source, quick: pl.DataFrame, columns: list[Column]) -> set[str]:
    """Columns with irregular cells: spaces at the ends, cells that are no numbers or dates, numbers out of range."""
    checks, raws = {}, []
    for column in columns:
        cell, raw = pl.col(column.name), pl.col(f"{column.name}|raw")
        written = source.frame.schema[column.name] == pl.String
        if column.type == "text" and source.tight:
            continue
        if column.type == "text":
            spaced = cell.str.starts_with(" ") | cell.str.ends_with(" ")
            beyond = (cell != cell.str.strip_chars()) | cell.str.contains_any(list(NARROW))
            odd = (spaced if source.plain else beyond).any()
        elif column.type == "number" or (column.type == "integer" and not written):
            outside = (cell.max() > LARGEST) | (cell.min() < -LARGEST) | ~cell.sum().is_finite()
            odd = outside.fill_null(False) | (cell.null_count() != raw.null_count())
        elif column.type == "date":
            odd = (cell.min() < OLDEST).fill_null(False)
            if written:
                odd |= (cell.null_count() != raw.null_count()) | (raw.str.len_bytes() != 10).any()
        else:
            odd = pl.lit(written)
        checks[column.name] = odd
        raws.append(source.frame.get_column(column.name).alias(f"{column.name}|raw"))
    if not checks:
        return set()
    found = quick.hstack(raws).select(**checks)
    return {name for name, odd in found.row(0, named=True).items() if odd}


def tidy(source: Source, column: Column) -> tuple[pl.Series, list[Finding]]:
    """The raw cells as trimmed text, blanks as null; numbers of a parquet file unchanged."""
    raw = source.frame[column.name]
    if raw.dtype != pl.String:
        return _from_typed(source, column, raw)
    trimmed = raw.str.replace_many(list(NARROW), [" "] * len(NARROW)) if not source.plain else raw
    trimmed = trimmed.str.strip_chars()
    changed = (trimmed != raw).arg_true()
    repairs = []
    if len(changed):
        rule = "Spaces at the ends, or non-breaking spaces, were removed."
        first = raw[int(changed[0])]
        repairs = [source.finding("repair", changed, column=column.name, value=first, rule=rule)]
    return trimmed if column.type == "text" else _blanked(trimmed, trimmed == ""), repairs


def _from_typed(source: Source, column: Column, raw: pl.Series) -> tuple[pl.Series, list[Finding]]:
    if raw.dtype == column.dtype:
        return raw, []
    if raw.dtype.is_numeric() and column.type in ("number", "integer"):
        return raw, []
    if raw.dtype == pl.Boolean:
        return raw.replace_strict({True: "yes", False: "no"}, default=None, return_dtype=pl.String), []
    if isinstance(raw.dtype, pl.Datetime) and raw.dtype.time_zone is None and (raw == raw.dt.truncate("1d")).all():
        return raw.dt.date().cast(pl.String), []
    if raw.dtype.is_float() and column.type == "text":
        fix = "Write keys as text: a number loses leading zeros and the last digits of long codes."
        return raw.cast(pl.String), [
            source.finding("stop", column=column.name, rule="Text is stored as a number.", fix=fix)
        ]
    if raw.dtype.is_nested() or raw.dtype == pl.Binary or raw.dtype == pl.Object:
        rule = f"The column is stored as {raw.dtype}, which is no {column.type}."
        empty = pl.repeat(None, len(raw), dtype=pl.String, eager=True)
        return empty, [source.finding("stop", column=column.name, rule=rule, fix="Store plain values.")]
    return raw.cast(pl.String), []


def _blanks(source: Source, column: Column, raw: pl.Series) -> list[Finding]:
    if not column.required:
        return []
    if source.tight and not source.frame.get_column(column.name).null_count():
        return []
    if not raw.null_count() and not (raw.dtype == pl.String and (raw == "").any()):
        return []
    blank = raw.is_null() | (raw == "") if raw.dtype == pl.String else raw.is_null()
    fix = 'Fill it; a blank quantity never means "unlimited".' if column.type == "number" else "Fill it."
    rule = "The key is blank." if column.key else "The value is blank."
    return [source.finding("stop", blank.fill_null(True).arg_true(), column=column.name, rule=rule, fix=fix)]


def _number(source: Source, column: Column, raw: pl.Series) -> tuple[pl.Series, list[Finding]]:
    values = raw.cast(pl.Float64, strict=False)
    bad = (values.is_null() & raw.is_not_null()) | (values.is_not_null() & ~values.is_finite())
    findings = _misses(source, column, raw, bad, "Not a number.", NUMBER_FIXES, "Write a number such as 1234.56.")
    values = _blanked(values, bad) if findings else values
    huge, fix = values.abs() > LARGEST, "Check the unit; leave the cell blank where there is no limit."
    return values, findings + _misses(source, column, raw, huge, "Larger than a thousand million.", (), fix)


def _integer(source: Source, column: Column, raw: pl.Series) -> tuple[pl.Series, list[Finding]]:
    values, findings = _number(source, column, raw)
    part = (values != values.round()).fill_null(False)
    findings += _misses(source, column, raw, part, "Not a whole number.", (), "Write a whole number.")
    return values.round().cast(pl.Int64, strict=False), findings


def _date(source: Source, column: Column, raw: pl.Series) -> tuple[pl.Series, list[Finding]]:
    if raw.dtype == pl.Date:
        values, bad = raw, pl.repeat(False, len(raw), eager=True)
    else:
        values = raw.str.to_date("%Y-%m-%d", strict=False)
        bad = (raw.is_not_null() & (values.is_null() | (raw.str.len_bytes() != 10))).fill_null(False)
    bad |= (values < OLDEST).fill_null(False)
    if not bad.any():
        return values, []
    fix = "Write an ISO date that exists, such as 2026-11-16."
    return _blanked(values, bad), _misses(source, column, raw, bad, "Not a date.", DATE_FIXES, fix)


def _yes_no(source: Source, column: Column, raw: pl.Series) -> tuple[pl.Series, list[Finding]]:
    if raw.dtype == pl.Boolean:
        return raw, []
    words = raw.cast(pl.String).str.to_lowercase()
    mapping = {**dict.fromkeys(TRUE, True), **dict.fromkeys(FALSE, False)}
    values = words.replace_strict(mapping, default=None, return_dtype=pl.Boolean)
    bad = raw.is_not_null() & values.is_null()
    return values, _misses(source, column, raw, bad, "Neither yes nor no.", (), "Write yes or no.")


def _misses(
    source: Source,
    column: Column,
    raw: pl.Series,
    bad: pl.Series,
    rule: str,
    fixes: tuple[tuple[str, str], ...],
    fix: str,
) -> list[Finding]:
    """One finding for each kind of error in the bad cells, each with its own fix."""
    rows = bad.arg_true()
    if not len(rows):
        return []
    cells = raw.gather(rows).cast(pl.String)
    distinct = cells.unique().to_list()
    known = {cell: next((help for form, help in fixes if re.fullmatch(form, cell)), fix) for cell in distinct}
    advice = cells.replace_strict(known, return_dtype=pl.String)
    findings = []
    for one in advice.unique(maintain_order=True):
        which = (advice == one).arg_true()
        where, value = rows.gather(which), cells[int(which[0])]
        findings.append(source.finding("stop", where, column=column.name, value=value, rule=rule, fix=one))
    return findings


def _blanked(values: pl.Series, where: pl.Series) -> pl.Series:
    return pl.select(pl.when(~where.fill_null(False)).then(values).alias(values.name)).to_series()


Caster = Callable[[Source, Column, pl.Series], tuple[pl.Series, list[Finding]]]
CASTS: dict[str, Caster] = {"number": _number, "integer": _integer, "date": _date, "yes-no": _yes_no}


PARTS = {"yyyy": "%Y", "yy": "%y", "mm": "%m", "dd": "%d"}
LONG = ("yyyy-mm-dd", "dd.mm.yyyy", "dd/mm/yyyy", "mm/dd/yyyy", "dd-mm-yyyy", "yyyymmdd", "yyyy/mm/dd")
DATES = {
    one: re.sub("yyyy|yy|mm|dd", lambda part: PARTS[part.group()], one)
    for one in (*LONG, "dd.mm.yy", "dd/mm/yy", "mm/dd/yy")
}
"""Date convention → format of polars."""
SERIALS = {"excel-1900": 25569, "excel-1904": 24107}
"""Day number of 1970-01-01 in each of Excel's two date systems."""
LABELS = {"day": "%Y-%m-%d", "week": "%G-W%V", "month": "%Y-%m"}
MONTHS = ("fiscal_month", "month")
TIME = ("period", *MONTHS)
"""Text columns whose cells are labels of time."""
BLANKS, APOSTROPHES = (" ", "\u00a0", "\u202f", "\u2009"), ("'", "\u2019")
"""Thousands marks that look alike: declaring one declares the others."""
ZONES = cache(available_timezones)
NEGATIVES = ("minus", "trailing", "brackets")
STAMP = r"^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})?$"


def _is_encoding(name: str) -> bool:
    try:
        return codecs.lookup(name)._is_text_encoding
    except (LookupError, ValueError):
        return False


@dataclass(frozen=True)
class Dialect(Section):
    """The conventions of one table's file or query.

    Parameters
    ----------
    encoding, separator : of a delimited text file.
    decimal, thousands : the marks in a number; no thousands mark by default.
    negatives : sign of a negative number: "minus" in front, "trailing" (500-), or "brackets".
    dates : one of DATES or SERIALS.
    periods : meaning of a date in a column of periods: the "day" itself, its ISO "week" or its "month".
    timezone : zone in which timestamps become days; blank: a timestamp is a finding that stops.
    """

    encoding: Annotated[str, Predicate(_is_encoding)] = "utf-8"
    separator: Annotated[str, among(*",;|\t")] = ","
    decimal: Annotated[str, among(".", ",")] = "."
    thousands: Annotated[str, among("", ".", ",", *BLANKS, *APOSTROPHES)] = ""
    negatives: Annotated[str, among(*NEGATIVES)] = "minus"
    dates: Annotated[str, among(*DATES, *SERIALS)] = "yyyy-mm-dd"
    periods: Annotated[str, among("", *LABELS)] = ""
    timezone: Annotated[str, Predicate(lambda name: not name or name in ZONES())] = ""

    @property
    def plain_numbers(self) -> bool:
        """Whether numbers follow the contract's convention."""
        return (self.decimal, self.thousands, self.negatives) == (".", "", "minus")


PLAIN = Dialect()


def numbers(source: Source, column: Column, dialect: Dialect) -> tuple[pl.Series, list[Finding]]:
    """A column of numbers, converted from the declared convention to 1234.56; other cells are a finding.

    Parameters
    ----------
    source : the raw rows; the column is text.
    column : a column of numbers.
    """
    text = _typed_text(source, column).str.strip_chars()
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
    mark = f" and {dialect.thousands!r} between thousands" if dialect.thousands else " and no thousands mark"
    declared = f"sources.toml declares {dialect.decimal!r} before decimals{mark}"
    rule, fix = "Not a number in the declared convention.", f"{declared}: correct the cells or the convention."
    cells = source.frame.get_column(column.name)
    return _with_settled(source, column, kept), _misses(source, column, cells, bad, rule, (), fix)


def _typed_text(source: Source, column: Column) -> pl.Series:
    """The cells typed as text; null for cells that a workbook stores as numbers or days."""
    cells, settled = source.frame.get_column(column.name), source.settled.get(column.name)
    return cells if settled is None else pl.select(pl.when(~settled).then(cells)).to_series()


def _with_settled(source: Source, column: Column, read: pl.Series) -> pl.Series:
    """The converted text cells, with the other cells unchanged."""
    cells, settled = source.frame.get_column(column.name), source.settled.get(column.name)
    if settled is None:
        return read.alias(column.name)
    return pl.select(pl.when(settled).then(cells).otherwise(read)).to_series().alias(column.name)


def dates(source: Source, column: Column, dialect: Dialect) -> tuple[pl.Series, list[Finding]]:
    """A column of dates, converted from the declared convention to 2026-11-16; other cells are a finding.

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
    text = _typed_text(source, column).str.strip_chars()
    days = _serial(text, dialect.dates) if dialect.dates in SERIALS else _written(text, dialect.dates)
    if dialect.timezone:
        days = pl.select(pl.coalesce(days, _stamps(text, dialect.timezone))).to_series()
    bad = ((text != "") & days.is_null()).fill_null(False)
    rule = f"Not a date in the convention of sources.toml ({dialect.dates})."
    fix = "Correct the cells, or `dates` in sources.toml; one column has one convention."
    if (text.filter(bad).str.contains(r"^\d{1,2}([./-])\d{1,2}[./-]\d{2}$")).any():
        fix = 'The year has two digits: write all four, or declare it, such as dates = "dd.mm.yy" (20yy up to 69).'
    found = _misses(source, column, cells, bad, rule, (), fix)
    return _with_settled(source, column, days.dt.strftime("%Y-%m-%d")), found


def labels(source: Source, column: Column, dialect: Dialect) -> tuple[Source, list[Finding]]:
    """A column of periods or months, with every date in it replaced by its label of time.

    A date typed by a program (a workbook, a database), or written in the declared convention, stands for its month in
    a column of months, else for the period that `periods` declares. Without a declaration it remains.

    Parameters
    ----------
    source : the raw rows.
    column : a text column with labels of time.
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
        written = typed if plain else _written(cells.str.strip_chars(), dialect.dates)
        days = pl.select(pl.coalesce(typed, written)).to_series()
    else:
        return source, []
    dated = days.is_not_null()
    if not dated.any():
        return source, []
    kind = dialect.periods or ("month" if column.name in MONTHS else "")
    text = days.dt.strftime(LABELS[kind or "day"])
    rest = cells if cells.dtype == pl.String else text
    read = pl.select(pl.when(dated).then(text).otherwise(rest)).to_series().alias(column.name)
    source = replace(source, frame=source.frame.with_columns(read))
    if not kind:
        return replace(source, days={**source.days, column.name: dated}), []
    source = replace(source, days={name: marks for name, marks in source.days.items() if name != column.name})
    if kind == "day":
        return source, []
    rows = dated.arg_true()
    rule = f"Dates were read as their {kind}."
    return source, [source.finding("repair", rows, column=column.name, value=str(days[int(rows[0])]), rule=rule)]


def _plain_days(cells: pl.Series, zone: str) -> pl.Series:
    """Timestamps as days, if a zone is declared or all of them are midnights."""
    if not isinstance(cells.dtype, pl.Datetime):
        return cells
    if zone:
        return _days(cells, zone)
    midnights = cells.dtype.time_zone is None and (cells == cells.dt.truncate("1d")).all()
    return cells.dt.date() if midnights else cells


def _written(text: pl.Series, convention: str) -> pl.Series:
    """Dates of a convention; day and month may lack a leading zero if the convention has separators."""
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
    """The local day of timestamps in text: those with an offset are converted to the zone, the others are local."""
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
    """The day of each timestamp in a zone; null for an hour skipped by daylight saving time."""
    if stamps.dtype.time_zone is not None:  # type: ignore[attr-defined]
        return stamps.dt.convert_time_zone(zone).dt.date()
    return stamps.dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null").dt.date()
