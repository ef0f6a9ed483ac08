"""From text to types: keys stay as they are written, numbers and dates are read strictly, every miss is named."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date

import polars as pl

from soe_lib.extract.columns import match_columns
from soe_lib.extract.findings import Finding
from soe_lib.extract.schema import Column, Table
from soe_lib.extract.source import Source

LARGEST = 1e9
TRUE, FALSE = ("yes", "true", "y", "1"), ("no", "false", "n", "0")
NARROW = ("\u00a0", "\u202f", "\u2007")
NUMBER_FIXES = (
    (r"-?\d{1,3}(\.\d{3})+(,\d+)?|-?\d+,\d+", "Write decimals with a point and no thousands mark, such as 1234.56."),
    (r"-?\d{1,3}([, ']\d{3})+(\.\d+)?", "Write it without a thousands mark, such as 1234.56."),
    (r"\(.*\)", "Write a negative number with a minus, such as -500."),
    (r".*%", "Write a share, such as 0.12."),
    (r"(?i)-?nan|n/?a|null|none|#.*|-+|\?", "Leave the cell blank if it is not known, or write the number."),
    (r"(?i)[-+]?inf(inity)?", "Leave the cell blank where there is no limit."),
    (r"(?i)true|false", "Write a number; the cell holds yes or no."),
    (r"\d{4}-\d{2}-\d{2}.*", "The cell holds a day (Excel makes one of 1.5): format it as a number and type it again."),
    (r"-?[\d.,]+-", 'Write the minus in front, or declare negatives = "trailing" in sources.toml.'),
    (r".*[A-Za-z€$£¥].*", "Write the number alone, without unit or currency."),
)
OLDEST = date(1900, 1, 1)
DATE_FIXES = (
    (r"[01]\d{3}-\d{2}-\d{2}", "The year has lost its century: write 2026-11-16."),
    (
        r"\d{1,2}[/.-]\d{1,2}[/.-]\d{2,4}",
        "Day and month cannot be told apart: write 2026-11-16, or declare `dates` in sources.toml.",
    ),
    (r"\d{5}(\.0)?", "This looks like an Excel day number: write 2026-11-16."),
    (r"\d{4}-\d{2}-\d{2}[T ].*", "Write the day alone, without time or zone."),
)


def cast(source: Source, table: Table) -> tuple[pl.DataFrame, list[Finding]]:
    """A raw frame as the contract types it, rows in the file's order, and every cell that could not be read.

    All columns are cast at once; only a column in which something is odd is looked at cell by cell.

    Parameters
    ----------
    source : the file as it was delivered.
    table : the table of the contract.
    """
    findings = match_columns(source, table)
    there = [column for column in table.columns if column.name in source.frame.columns]
    fit = [column for column in there if _fits(source.frame.schema[column.name], column)]
    quick = source.frame.select(_quick(column, source.frame.schema[column.name]) for column in fit)
    plain = {column.name for column in fit} - _odd(source, quick, fit)
    typed = {}
    for column in there:
        if column.name in plain:
            values = quick.get_column(column.name)
            findings += _blanks(source, column, values)
        else:
            raw, repairs = tidy(source, column)
            values, wrong = CASTS[column.type](source, column, raw)
            findings += repairs + wrong + _blanks(source, column, raw)
        typed[column.name] = _defaulted(values, column)
    rest = {column.name: column for column in table.columns if column.name not in typed}
    absent = [pl.lit(column.default, dtype=column.dtype).alias(name) for name, column in rest.items()]
    return pl.DataFrame(typed).with_columns(absent).select(table.names), findings


def _fits(kind: pl.DataType, column: Column) -> bool:
    """Whether a column can be cast at once: text, or what has the contract's type already."""
    return kind == pl.String or kind == column.dtype or (column.type == "number" and kind.is_numeric())


def _defaulted(values: pl.Series, column: Column) -> pl.Series:
    """Blank cells as the contract's default; a blank text is written "" and means its default likewise."""
    if column.default is None:
        return values
    if column.type == "text" and column.default:
        return values.replace("", column.default) if (values == "").any() else values
    return values.fill_null(column.default) if values.null_count() else values


def _quick(column: Column, kind: pl.DataType) -> pl.Expr:
    """The cast of a column in which nothing is odd."""
    cell = pl.col(column.name)
    if column.type == "number":
        return cell.cast(pl.Float64, strict=False)
    if column.type == "date" and kind == pl.String:
        return cell.str.to_date("%Y-%m-%d", strict=False)
    return cell.fill_null("") if column.type == "text" else cell


def _odd(source: Source, quick: pl.DataFrame, columns: list[Column]) -> set[str]:
    """Columns that need a closer look: spaces at the ends, cells that are no numbers or dates, numbers out of range."""
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
    """The raw cells as text without spaces at the ends, blank as null; numbers of a parquet file as they are."""
    raw = source.frame[column.name]
    if raw.dtype != pl.String:
        return _from_typed(source, column, raw)
    trimmed = raw.str.replace_many(list(NARROW), [" "] * len(NARROW)) if not source.plain else raw
    trimmed = trimmed.str.strip_chars()
    changed = (trimmed != raw).arg_true()
    repairs = []
    if len(changed):
        rule = "Spaces at the ends, or non-breaking spaces, were taken off."
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
        fix = "Write keys as text: a number loses leading zeros and long digits."
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


def _text(source: Source, column: Column, raw: pl.Series) -> tuple[pl.Series, list[Finding]]:
    del source, column
    return raw.cast(pl.String).fill_null(""), []


def _number(source: Source, column: Column, raw: pl.Series) -> tuple[pl.Series, list[Finding]]:
    values = raw.cast(pl.Float64, strict=False)
    bad = (values.is_null() & raw.is_not_null()) | (values.is_not_null() & ~values.is_finite())
    findings = []
    if bad.any():
        findings = _misses(source, column, raw, bad, "Not a number.", NUMBER_FIXES, "Write a number such as 1234.56.")
        values = _blanked(values, bad)
    huge = values.abs() > LARGEST
    if huge.any():
        fix = "Check the unit; leave the cell blank where there is no limit."
        findings += _misses(source, column, raw, huge, "Larger than a thousand million.", (), fix)
    return values, findings


def _integer(source: Source, column: Column, raw: pl.Series) -> tuple[pl.Series, list[Finding]]:
    values, findings = _number(source, column, raw)
    part = (values != values.round()).fill_null(False)
    if part.any():
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
    if not bad.any():
        return values, []
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
    """One finding for each way in which the bad cells are wrong, so that each gets its own fix."""
    rows = bad.arg_true()
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
CASTS: dict[str, Caster] = {"text": _text, "number": _number, "integer": _integer, "date": _date, "yes-no": _yes_no}
