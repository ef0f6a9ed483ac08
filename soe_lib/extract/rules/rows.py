"""Rules on single rows: keys, references, words, units, numbers, dates and labels of time."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path

import polars as pl

from soe_lib.errors import nearest
from soe_lib.extract.calendar import with_label
from soe_lib.extract.findings import SHOWN, Finding
from soe_lib.extract.precedence import LABELLED, overlapping
from soe_lib.extract.rules import Extract, misdated, rule
from soe_lib.extract.schema import MANDATORY, Column, Table, schema
from soe_lib.extract.settings import as_date
from soe_lib.extract.units import own_units


@dataclass(frozen=True)
class Declared:
    """A row of declared.csv: the forbidden rows of a table.

    Parameters
    ----------
    column : the column to report.
    where : the forbidden rows, as SQL over the table's columns; blank: every row.
    none_of : restricts them to rows whose value is in none of these columns ("table.column table.column"); the value is
        that of `column`, or of another column named first ("offer: offer_prices.offer").
    rule, fix : the finding and its fix.
    """

    level: str
    table: str
    column: str
    where: str
    none_of: str
    rule: str
    fix: str


def declared(one: Declared, extract: Extract) -> list[Finding]:
    """The findings of one row of declared.csv; a comparison with a blank cell allows the row."""
    if not extract[one.table].height:
        return []
    where = pl.sql_expr(one.where) if one.where else pl.lit(value=True)
    if one.none_of:
        first, _, rest = one.none_of.rpartition(": ")
        if rest == "items.family" and extract.absent("items"):
            return []  # the missing items are a finding already
        where &= ~pl.col(first or one.column).is_in(extract.any_of(rest.split()).implode())
    return extract.flag(one.level, one.table, where, column=one.column, rule=one.rule, fix=one.fix)


for _row in csv.DictReader(Path(__file__).with_name("declared.csv").read_text(encoding="utf-8").splitlines()):
    rule(partial(declared, Declared(**_row)))

NAMED = ("items", "locations", "resources", "customers", "routings", "offers", "lanes", "periods", "orders", "receipts")
HISTORY = ("actuals", "deliveries")


def duplicate_keys(table: Table, extract: Extract) -> list[Finding]:
    """A key occurs in one row only, so that joins never multiply quantities."""
    key = [name for name in table.key if name in extract.given(table.name)]
    frame = extract[table.name].select(key)
    if frame.height < 2 or not key or frame.hash_rows().n_unique() == frame.height:
        return []
    twice = frame.is_duplicated()
    rows = twice.arg_true()
    if not len(rows):
        return []
    value = " | ".join(str(one) for one in frame.row(int(rows[0])) if one not in (None, ""))
    rule_text = f"The key ({', '.join(key)}) occurs more than once: {twice.sum()} rows for {_names(frame, twice)}."
    fix = "Keep one row per key, or sum the quantities before exporting."
    return [extract.finding("stop", table.name, rows, column=key[0], value=value, rule=rule_text, fix=fix)]


for _table in schema().values():
    rule(partial(duplicate_keys, _table))


def _names(frame: pl.DataFrame, twice: pl.Series) -> str:
    count = frame.filter(twice).n_unique()
    return "1 key" if count == 1 else f"{count} keys"


def twins(table: str, column: str, level: str, extract: Extract) -> list[Finding]:
    """No two names differ only in case, spacing or Unicode form."""
    names = extract.names(table, column)
    folded = names.str.normalize("NFKC").str.to_lowercase().str.replace_all(r"\s+", " ")
    if folded.n_unique() == names.n_unique():
        return []
    groups = pl.DataFrame({"name": names, "folded": folded}).filter(pl.col("folded").is_duplicated())
    alike = groups.group_by("folded").agg(pl.col("name").sort()).sort("folded")["name"].to_list()
    rule_text = f"Names that differ only in spelling: {' and '.join(map(repr, alike[0]))}."
    where = pl.col(column).is_in(groups["name"].to_list())
    return extract.flag(level, table, where, column=column, rule=rule_text, fix="Use one spelling everywhere.")


for _name in NAMED:
    rule(partial(twins, _name, schema()[_name].key[0], "stop"))
rule(partial(twins, "items", "family", "warn"))


def references(column: Column, extract: Extract) -> list[Finding]:
    """Every reference to another table exists in that table."""
    target, _, target_column = column.references.partition(".")
    frame = extract[column.table]
    if not frame.height or target in extract.broken or (target in MANDATORY and extract.absent(target)):
        return []  # the missing mandatory table is a finding already
    known = extract.names(target, target_column)
    asked = extract.names(column.table, column.name)
    missing = asked.filter(~asked.is_in(known.implode()) & (asked != "")).sort()
    if not len(missing):
        return []
    names = ", ".join(missing.head(SHOWN).to_list()) + (", …" if len(missing) > SHOWN else "")
    whole = frame.height
    rows = frame.get_column(column.name).is_in(missing.implode()).sum()
    level = "warn" if column.table in HISTORY or (extract.absent(target) and target == "customers") else "stop"
    file = f"{target}.csv" if extract.absent(target) else extract.sources[target].file
    rule_text = f"{rows} of {whole} rows name {_plural(len(missing), target_column)} missing from {file}: {names}."
    alike = nearest(missing[0], known.to_list(), 0.75) if len(known) <= 5000 else ""
    fix = f"Did you mean {alike}? " if alike else ""
    fix += f"Add {'it' if len(missing) == 1 else 'them'} to {file}, or correct the rows."
    where = pl.col(column.name).is_in(missing.implode())
    return extract.flag(level, column.table, where, column=column.name, rule=rule_text, fix=fix)


for _column in [column for table in schema().values() for column in table.columns if column.references]:
    rule(partial(references, _column))


def _plural(count: int, word: str) -> str:
    return f"1 {word}" if count == 1 else f"{count} {word}s"


@rule
def control_totals(extract: Extract) -> list[Finding]:
    """Rows and totals equal the sender's control totals, so that a truncated file is detected."""
    findings = []
    for table, totals in extract.settings.control.items():
        for name, total in totals.items():
            frame = extract[table]
            counted = float(frame.height if name == "rows" else frame.get_column(name).sum())
            if abs(counted - total) > 0.005 + 1e-9 * abs(total):
                rule_text = f"[control] says {_plain(total)}, the file has {_plain(counted)}."
                fix = "Export the file again: it is truncated, or the control total is from another run."
                column = "" if name == "rows" else name
                findings.append(extract.finding("stop", table, [], column=column, rule=rule_text, fix=fix))
    return findings


def _plain(number: float) -> str:
    return f"{number:,.0f}" if number == round(number) else f"{number:,.2f}"


LOOSE = 1e-3  # 1/12 written as 0.0833


@rule
def conversions_agree(extract: Extract) -> list[Finding]:
    """Conversions in both directions are reciprocal: 12 pieces per case, 1/12 case per piece."""
    units = extract["units"]
    if not units.height:
        return []
    rows = units.with_row_index("row").join(own_units(dict(extract.tables)), on="item", how="left")
    rows = rows.with_columns(to=pl.when(pl.col("to") == "").then(pl.col("own").fill_null("")).otherwise("to"))
    back = rows.select("item", unit="to", to="unit", back="factor")
    both = rows.join(back, on=["item", "unit", "to"], how="inner")
    bad = both.filter((pl.col("factor") * pl.col("back") - 1).abs() > LOOSE)["row"].unique().sort()
    rule_text = "The conversion is not reciprocal: the product of both directions is not 1."
    fix = "Correct the factor; the item's own unit needs no row."
    return extract.flag("stop", "units", bad, column="factor", rule=rule_text, fix=fix)


ESSENTIAL = (("locations", "status"), ("events", "kind"))


def check_shape(name: str, extract: Extract) -> list[Finding]:
    """The columns of one table respect the minima and choices of schema.csv."""
    frame, given = extract[name], extract.given(name)
    columns = [column for column in schema()[name].columns if column.name in given]
    bad = {column: pl.col(column.name) < column.minimum for column in columns if column.minimum is not None}
    bad |= {column: ~pl.col(column.name).is_in(["", *column.choices]) for column in columns if column.choices}
    if not bad or not frame.height:
        return []
    found = frame.select(where.any().alias(column.name) for column, where in bad.items()).row(0, named=True)
    return [
        finding for column, where in bad.items() if found[column.name] for finding in _breach(extract, column, where)
    ]


for each in schema():
    rule(partial(check_shape, each))


def _breach(extract: Extract, column: Column, where: pl.Expr) -> list[Finding]:
    if column.choices:
        level = "stop" if (column.table, column.name) in ESSENTIAL else "warn"
        text, fix = "The word is not allowed.", f"Use one of {', '.join(column.choices)}."
    else:
        level, text = "stop", f"Less than {column.minimum:g}."
        fix = f"{column.meaning}: write {column.minimum:g} or more."
    return extract.flag(level, column.table, where, column=column.name, rule=text, fix=fix)


VALID = (("routings", "routing"), ("offers", "offer"), ("lanes", "lane"))
ALWAYS_FROM, ALWAYS_TO = pl.date(1, 1, 1), pl.date(9999, 12, 31)


@rule
def as_of_is_the_folders(extract: Extract) -> list[Finding]:
    """The extract in a folder named by a date has that as-of date."""
    named, said = as_date(extract.folder.name), extract.settings.as_of
    if named is None or named == said or not extract.dated:
        return []
    rule_text = f"The extract says {said}, its folder says {named}."
    fix = "Put the extract into the folder of its own as-of date, or correct as_of."
    return [Finding("stop", "settings", "settings.toml", (), "as_of", str(said), rule_text, fix, 1)]


@rule
def periods_follow_each_other(extract: Extract) -> list[Finding]:
    """Periods of the extract have no gap and no overlap, and start on the as-of date."""
    frame = extract["periods"]
    if not frame.height:
        return []
    fix = "Let each period start the day after the one before it ends."
    findings = []
    before = pl.col("ends_on").sort_by("starts_on").shift(1)
    step = (
        frame.with_row_index("row").sort("starts_on").select("row", days=(pl.col("starts_on") - before).dt.total_days())
    )
    for where, text in (
        (pl.col("days") > 1, "A gap before this period."),
        (pl.col("days") < 1, "Overlaps the previous period."),
    ):
        rows = step.filter(where)["row"]
        findings += extract.flag("stop", "periods", rows, column="starts_on", rule=text, fix=fix)
    first = frame["starts_on"].min()
    if extract.dated and first is not None and first != extract.settings.as_of:
        rule_text = f"The first period starts on {first!s}, the as-of date is {extract.settings.as_of}."
        where = pl.col("starts_on") == pl.lit(first)
        fix = "Correct as_of or the periods, unless the plan shall start on another day."
        findings += extract.flag("warn", "periods", where, column="starts_on", rule=rule_text, fix=fix)
    return findings


@rule
def labels_mean_something(extract: Extract) -> list[Finding]:
    """The calendar knows every label of time."""
    places = [*((table, "period") for table in LABELLED), ("forecast_errors", "period")]
    places += [("maintenance", "earliest"), ("maintenance", "latest")]
    return [finding for place in places for finding in _unknown_labels(extract, *place)]


@rule
def labels_overlap(extract: Extract) -> list[Finding]:
    """Where two labels of a key share days, the shorter one applies to its days; equal lengths are a contradiction."""
    return [finding for table in LABELLED for finding in _shared_days(extract, table)]


def _shared_days(extract: Extract, table: str) -> list[Finding]:
    """Findings for rows with contradictory labels, and for rows from which a shorter label takes days."""
    frame, name = extract[table], [*LABELLED[table], "period"]
    if frame.height < 2:
        return []
    rows = with_label(frame)
    pairs = overlapping(extract.calendar, rows, LABELLED[table])
    alike, longer = (
        pairs.filter(which).select(name).unique()
        for which in (pl.col("days") == pl.col("other_days"), pl.col("days") > pl.col("other_days"))
    )
    found = []
    for level, where, text, fix in (
        ("stop", _again(frame, rows, name) | _among(rows, alike), ALIKE, "Keep one of them."),
        ("note", _among(rows, longer), SHORTER, "Nothing to do if this is intended."),
    ):
        bad = where.arg_true()
        if len(bad):
            column = "date" if rows["period"][bad[0]] != frame["period"][bad[0]] else "period"
            found += extract.flag(level, table, bad, column=column, rule=text, fix=fix)
    return found


ALIKE = "Two rows with labels of the same length share days."
SHORTER = "A shorter label of time in another row applies to its own days; this row keeps its share of the others."


def _again(frame: pl.DataFrame, rows: pl.DataFrame, name: list[str]) -> pl.Series:
    """The rows that name a day by date which another row names by period; duplicate keys have their own rule."""
    if not frame["date"].count() or not (frame["period"] != "").any():
        return pl.repeat(False, frame.height, eager=True)
    return rows.select(name).is_duplicated() & ~frame.select(*name, "date").is_duplicated()


def _among(rows: pl.DataFrame, names: pl.DataFrame) -> pl.Series:
    """Whether a row has one of these names."""
    if names.is_empty():
        return pl.repeat(False, rows.height, eager=True)
    marked = names.with_columns(_among=pl.lit(True))
    return rows.join(marked, on=names.columns, how="left", nulls_equal=True, maintain_order="left")["_among"].fill_null(
        False
    )


def _unknown_labels(extract: Extract, table: str, column: str) -> list[Finding]:
    if not extract[table].height:
        return []
    spans = _spans(extract, table, column)
    unknown = spans.filter(pl.col("first").is_null())["label"]
    if not len(unknown):
        return []
    fix = extract.calendar.advice(unknown[0])
    where = pl.col(column).is_in(unknown.implode())
    rule_text = f"{len(unknown)} unknown label{'s' * (len(unknown) > 1)} of time: {', '.join(unknown.head(5))}."
    return extract.flag("stop", table, where, column=column, rule=rule_text, fix=fix)


@rule
def days_among_labels(extract: Extract) -> list[Finding]:
    """No date in a column of periods may stand for a month or a week without a declaration."""
    findings = []
    named = extract["periods"]["period"].implode()
    for table in LABELLED:
        days = extract.sources[table].days.get("period") if table in extract.sources else None
        if days is None:
            continue
        labels = extract[table]["period"]
        rows = (days & ~labels.is_in(named)).fill_null(False).arg_true()
        kind = _looks_like(labels.gather(rows).str.to_date("%Y-%m-%d", strict=False).drop_nulls().unique())
        if kind:
            rule_text = (
                f"A date in place of a period: it may mean its {kind}; as a day, all would fall on that one day."
            )
            fix = 'Write 2026-12 or 2026-W49, fill the column date, or declare periods = "month", "week" or "day".'
            findings += extract.flag("stop", table, rows, column="period", rule=rule_text, fix=fix)
    return findings


def _looks_like(days: pl.Series) -> str:
    """The period that a set of days may stand for, judged by their pattern; blank if there is none."""
    if not len(days):
        return ""
    if (days.dt.day() == 1).all() or (days == days.dt.month_end()).all():
        return "month"
    return "week" if days.dt.weekday().n_unique() == 1 else ""


def _spans(extract: Extract, table: str, column: str) -> pl.DataFrame:
    labels = extract.names(table, column)
    return extract.calendar.spans(labels.filter(labels != ""))


@rule
def outside_the_horizon(extract: Extract) -> list[Finding]:
    """Demand before or after the horizon is left out with a note."""
    starts, ends = extract.calendar.periods["starts_on"].min(), extract.calendar.periods["ends_on"].max()
    if not isinstance(starts, date) or not isinstance(ends, date) or not extract.dated:
        return []
    spans = _spans(extract, "forecast", "period")
    outside = spans.filter((pl.col("last") < pl.lit(starts)) | (pl.col("first") > pl.lit(ends)))["label"]
    labelled = pl.col("period").is_in(outside.implode()) if len(outside) else pl.lit(False)
    out = labelled | (pl.col("date") < pl.lit(starts)) | (pl.col("date") > pl.lit(ends))
    rule_text, fix = (
        f"Outside the horizon ({starts} to {ends}): not planned.",
        "Nothing to do, unless it should be planned.",
    )
    chosen, version = extract.settings.forecast.version, pl.col("version")
    planned = version == chosen if chosen else pl.lit(True)
    column = "period" if len(outside) else "date"
    findings = extract.flag("note", "forecast", out & planned, column=column, rule=rule_text, fix=fix)
    beyond = pl.col("due_on") > pl.lit(ends)
    findings += extract.flag("note", "orders", beyond, column="due_on", rule=rule_text, fix=fix)
    rows = extract["forecast"].filter(planned).height + extract["orders"].height
    if rows and sum(one.count for one in findings) == rows:
        rule_text, fix = "No demand is inside the horizon.", "Is this the right extract? Check as_of."
        findings.append(extract.finding("stop", "forecast", [], rule=rule_text, fix=fix))
    return findings


@rule
def overdue(extract: Extract) -> list[Finding]:
    """Orders and receipts are not due, and stock does not expire, before the as-of date."""
    if not extract.dated:
        return []
    late = pl.col("due_on") < pl.lit(extract.settings.as_of)
    rule_text = f"Due before the as-of date {extract.settings.as_of}."
    fix = "Enter a realistic date."
    findings = extract.flag("warn", "receipts", late, column="due_on", rule=rule_text, fix=fix)
    findings += extract.flag(
        "note", "orders", late, column="due_on", rule=rule_text, fix="Close it if it was delivered."
    )
    old = pl.col("expires_on") < pl.lit(extract.settings.as_of)
    rule_text = f"Expired before the as-of date {extract.settings.as_of}."
    fix = "Write the stock off, or correct the date."
    return findings + extract.flag("warn", "inventory", old, column="expires_on", rule=rule_text, fix=fix)


@rule
def validity(extract: Extract) -> list[Finding]:
    """Two rows of one routing, offer or lane are never valid in the same period."""
    return [finding for table, name in VALID for finding in _overlaps(extract, table, name)]


def _overlaps(extract: Extract, table: str, name: str) -> list[Finding]:
    frame = extract[table]
    if frame.height < 2 or frame[name].n_unique() == frame.height:
        return []
    rows = frame.with_row_index("row").select(
        "row", name, start=pl.col("valid_from").fill_null(ALWAYS_FROM), end=pl.col("valid_to").fill_null(ALWAYS_TO)
    )
    rows = rows.filter(~pl.struct(name, "start").is_duplicated()).sort(name, "start")  # duplicates have their own rule
    rows = rows.with_columns(before=pl.col("end").shift(1).cum_max().over(name))
    shared = rows.filter(pl.col("start") <= pl.col("before")).with_columns(until=pl.min_horizontal("end", "before"))
    starts = extract.calendar.periods.select(period_start="starts_on").sort("period_start")
    shared = shared.sort("start").join_asof(starts, left_on="start", right_on="period_start", strategy="forward")
    twice = pl.col("period_start") <= pl.col("until")
    fix = "End one row the day before the next one starts."
    findings = []
    for where, level, text in (
        (twice, "stop", "Two rows are valid for one period."),
        (~twice | pl.col("period_start").is_null(), "warn", "Two rows overlap, but no period starts within both."),
    ):
        findings += extract.flag(level, table, shared.filter(where)["row"].sort(), column=name, rule=text, fix=fix)
    return findings


@rule
def closures_count(extract: Extract) -> list[Finding]:
    """Closures are given only where lead times count working days."""
    if extract["closures"].is_empty() or extract.settings.lead_time.days == "working days":
        return []
    rule_text = "Closures have no effect: lead times count calendar days."
    fix = 'Set [lead_time] in = "working days" in settings.toml, or remove the table.'
    where = pl.col("date").is_not_null()
    return extract.flag("warn", "closures", where, column="date", rule=rule_text, fix=fix)


@rule
def deliveries_are_dated(extract: Extract) -> list[Finding]:
    """A delivery was ordered before it was promised and before it arrived, and arrived before the as-of date."""
    if not extract.dated:
        return []
    findings = []
    for (column, text, fix), where in misdated(extract.settings.as_of).items():
        findings += extract.flag("warn", "deliveries", where, column=column, rule=text, fix=fix)
    return findings
