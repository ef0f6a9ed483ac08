"""Rows by themselves: keys, numbers, words and units that the contract does not allow, or that cannot be meant."""

from __future__ import annotations

from functools import partial

import polars as pl

from soe_lib.errors import nearest
from soe_lib.extract.findings import SHOWN, Finding
from soe_lib.extract.rules import Extract, rule
from soe_lib.extract.schema import MANDATORY, Column, Table, schema
from soe_lib.extract.units import own_units

NAMED = ("items", "locations", "resources", "customers", "routings", "offers", "lanes", "periods", "orders", "receipts")
HISTORY = ("actuals", "deliveries")


def duplicate_keys(table: Table, extract: Extract) -> list[Finding]:
    """A key names one row only: a join must never multiply quantities."""
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
    fix = "Keep one row for each, or add the quantities up before exporting."
    return [extract.finding("stop", table.name, rows, column=key[0], value=value, rule=rule_text, fix=fix)]


for _table in schema().values():
    rule(partial(duplicate_keys, _table))


def _names(frame: pl.DataFrame, twice: pl.Series) -> str:
    count = frame.filter(twice).n_unique()
    return "1 key" if count == 1 else f"{count} keys"


def twins(table: str, column: str, level: str, extract: Extract) -> list[Finding]:
    """Two names that differ only by case, spacing or Unicode form are one thing written twice."""
    names = extract.names(table, column)
    folded = names.str.normalize("NFKC").str.to_lowercase().str.replace_all(r"\s+", " ")
    if folded.n_unique() == names.n_unique():
        return []
    groups = pl.DataFrame({"name": names, "folded": folded}).filter(pl.col("folded").is_duplicated())
    alike = groups.group_by("folded").agg(pl.col("name").sort()).sort("folded")["name"].to_list()
    rule_text = f"Names that differ only in how they are written: {' and '.join(map(repr, alike[0]))}."
    where = pl.col(column).is_in(groups["name"].to_list())
    return extract.flag(level, table, where, column=column, rule=rule_text, fix="Use one way of writing it everywhere.")


for _name in NAMED:
    rule(partial(twins, _name, schema()[_name].key[0], "stop"))
rule(partial(twins, "items", "family", "warn"))


def references(column: Column, extract: Extract) -> list[Finding]:
    """Every name that points to another table is found there."""
    target, _, target_column = column.references.partition(".")
    frame = extract[column.table]
    if not frame.height or target in extract.broken or (target in MANDATORY and extract.absent(target)):
        return []  # a mandatory table that is missing is a finding of its own; all its references would only echo it
    known = extract.names(target, target_column)
    asked = extract.names(column.table, column.name)
    missing = asked.filter(~asked.is_in(known.implode()) & (asked != "")).sort()
    if not len(missing):
        return []
    names = ", ".join(missing.head(SHOWN).to_list()) + (", …" if len(missing) > SHOWN else "")
    whole = frame.height
    rows = frame.get_column(column.name).is_in(missing.implode()).sum()
    level = "warn" if column.table in HISTORY or (extract.absent(target) and target == "customers") else "stop"
    there = f"{target}.csv" if extract.absent(target) else extract.sources[target].file
    rule_text = (
        f"{rows} of {whole} rows name {_plural(len(missing), target_column)} that {there} does not have: {names}."
    )
    alike = nearest(missing[0], known.to_list(), 0.75) if len(known) <= 5000 else ""
    fix = f"Did you mean {alike}? " if alike else ""
    fix += f"Add {'it' if len(missing) == 1 else 'them'} to {there}, or mend the rows."
    where = pl.col(column.name).is_in(missing.implode())
    return extract.flag(level, column.table, where, column=column.name, rule=rule_text, fix=fix)


for _column in [column for table in schema().values() for column in table.columns if column.references]:
    rule(partial(references, _column))


def _plural(count: int, word: str) -> str:
    return f"1 {word}" if count == 1 else f"{count} {word}s"


@rule
def families(extract: Extract) -> list[Finding]:
    """The S&OP plan and the budget speak of families that have items."""
    findings: list[Finding] = []
    if extract.absent("items"):
        return findings
    known = extract.names("items", "family")
    for table in ("consensus", "budget"):
        where = ~pl.col("family").is_in(known.implode()) & (pl.col("family") != "")
        rule_text = "No item belongs to this family, so nothing can be compared with it."
        fix = "Write the family as items.csv does, or give the items their family."
        findings += extract.flag("stop", table, where, column="family", rule=rule_text, fix=fix)
    return findings


POSITIVE = (
    ("routings", "yield", "A yield of 0 makes nothing."),
    ("units", "factor", "A factor of 0 converts nothing."),
    ("currencies", "rate", "A rate of 0 converts nothing."),
    ("substitutions", "ratio", "A ratio of 0 gives nothing away."),
    ("operations", "units_per_hour", "A rate of 0 never finishes."),
    ("components", "quantity", "A quantity of 0 uses nothing."),
)
ORDERED = (
    ("routings", "minimum", "maximum"),
    ("offers", "minimum", "maximum"),
    ("lanes", "minimum", "maximum"),
    ("workforce", "minimum_heads", "maximum_heads"),
    ("location_groups", "minimum_open", "maximum_open"),
    ("policies", "end_stock", "end_stock_maximum"),
    ("policies", "end_stock", "maximum_stock"),
    ("forecast", "committed", "quantity"),
    ("orders", "committed", "quantity"),
    ("events", "from", "to"),
)
LOTS = ("routings", "offers", "lanes")


@rule
def not_zero(extract: Extract) -> list[Finding]:
    """Yields, rates and factors are above zero."""
    findings = []
    for table, column, text in POSITIVE:
        level = "warn" if table == "components" else "stop"
        fix = "Write a number above 0, or remove the row."
        findings += extract.flag(level, table, pl.col(column) == 0, column=column, rule=text, fix=fix)
    for table in LOTS:
        rule_text, fix = "A lot size of 0 is read as none.", "Leave the cell blank."
        findings += extract.flag("warn", table, pl.col("multiple") == 0, column="multiple", rule=rule_text, fix=fix)
    return findings


@rule
def in_order(extract: Extract) -> list[Finding]:
    """The smaller of two limits is the smaller one."""
    findings = []
    for table, low, high in ORDERED:
        where = pl.col(low) > pl.col(high)
        if (table, low) == ("orders", "committed"):
            where = where & (pl.col("quantity") >= 0)
        rule_text = f"{low} is above {high}."
        findings += extract.flag("stop", table, where, column=low, rule=rule_text, fix="Mend one of the two.")
    return findings


@rule
def one_of_two(extract: Extract) -> list[Finding]:
    """Where the contract offers two ways of saying a thing, one is used."""
    hours, units = pl.col("hours_per_unit"), pl.col("units_per_hour")
    fix = "Fill one of hours_per_unit and units_per_hour."
    differ = (hours * units - 1).abs() > 1e-6
    findings = extract.flag(
        "stop", "operations", differ, column="hours_per_unit", rule="Contradicts units_per_hour.", fix=fix
    )
    neither = hours.is_null() & units.is_null() & (pl.col("setup_hours") == 0)
    findings += extract.flag(
        "stop", "operations", neither, column="routing", rule="The operation has no hours.", fix=fix
    )
    twice = (pl.col("lead_time_days") > 0) & pl.col("lead_time_periods").is_not_null()
    rule_text, fix = "Lead time in days and in periods.", "Fill one of lead_time_days and lead_time_periods."
    return findings + extract.flag("stop", "routings", twice, column="lead_time_periods", rule=rule_text, fix=fix)


@rule
def returns(extract: Extract) -> list[Finding]:
    """A negative order is a return: it is left out of the plan and counted."""
    rule_text = "A negative order is a return: it is left out of the plan."
    fix = "Export returns apart from orders."
    return extract.flag("warn", "orders", pl.col("quantity") < 0, column="quantity", rule=rule_text, fix=fix)


@rule
def control_totals(extract: Extract) -> list[Finding]:
    """Rows and totals are what the sender counted: a file that was cut off looks complete otherwise."""
    findings = []
    for table, totals in extract.settings.control.items():
        for name, said in totals.items():
            frame = extract[table]
            counted = float(frame.height if name == "rows" else frame.get_column(name).sum())
            if abs(counted - said) > 0.005 + 1e-9 * abs(said):
                rule_text = f"[control] says {_plain(said)}, the file has {_plain(counted)}."
                fix = "Export the file again: it is cut off, or the control total is of another run."
                column = "" if name == "rows" else name
                findings.append(extract.finding("stop", table, [], column=column, rule=rule_text, fix=fix))
    return findings


def _plain(number: float) -> str:
    return f"{number:,.0f}" if number == round(number) else f"{number:,.2f}"


LOOSE = 1e-3  # 1/12 written as 0.0833


@rule
def conversions_agree(extract: Extract) -> list[Finding]:
    """There and back again is 1: 12 pieces a case and 1/12 of a case a piece; an item's own unit counts as 1."""
    units = extract["units"]
    if not units.height:
        return []
    rows = units.with_row_index("row").join(own_units(dict(extract.tables)), on="item", how="left")
    rows = rows.with_columns(to=pl.when(pl.col("to") == "").then(pl.col("own").fill_null("")).otherwise("to"))
    back = rows.select("item", unit="to", to="unit", back="factor")
    both = rows.join(back, on=["item", "unit", "to"], how="inner")
    bad = both.filter((pl.col("factor") * pl.col("back") - 1).abs() > LOOSE)["row"].unique().sort()
    if not len(bad):
        return []
    value = extract.cell("units", "factor", int(bad[0]))
    rule_text = "The conversion is not reciprocal: there and back again is not 1."
    fix = "Mend the factor; the item's own unit needs no row."
    return [extract.finding("stop", "units", bad, column="factor", value=value, rule=rule_text, fix=fix)]


ESSENTIAL = (("locations", "status"), ("events", "kind"))


def check_shape(name: str, extract: Extract) -> list[Finding]:
    """What the columns of one table hold against schema.csv: the smallest numbers, and the words allowed."""
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
        text, fix = "The word is not known here.", f"Use one of {', '.join(column.choices)}."
    else:
        level, text = "stop", f"Less than {column.minimum:g}."
        fix = f"{column.meaning}: write {column.minimum:g} or more."
    return extract.flag(level, column.table, where, column=column.name, rule=text, fix=fix)
