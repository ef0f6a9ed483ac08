"""Rows by themselves: keys, numbers, words and units that the contract does not allow, or that cannot be meant."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import polars as pl

from soe_lib.errors import nearest
from soe_lib.extract.findings import SHOWN, Finding
from soe_lib.extract.rules import Extract, rule
from soe_lib.extract.schema import MANDATORY, Column, Table, schema
from soe_lib.extract.units import own_units


@dataclass(frozen=True)
class Declared:
    """A row of declared.csv: what must not be in a table.

    Parameters
    ----------
    where : SQL over the table's columns; blank holds for every row.
    none_of : and the column's value is none of these columns' ("table.column table.column"); "name: …" is of another
        column than the one that is shown.
    """

    level: str
    table: str
    column: str
    where: str
    none_of: str
    rule: str
    fix: str


def declared(said: Declared, extract: Extract) -> list[Finding]:
    """The rows that declared.csv forbids; a null in what is compared counts as allowed."""
    if not extract[said.table].height:
        return []
    where = pl.sql_expr(said.where) if said.where else pl.lit(value=True)
    if said.none_of:
        first, _, rest = said.none_of.rpartition(": ")
        places = [place.split(".") for place in rest.split()]
        if ["items", "family"] in places and extract.absent("items"):
            return []  # a finding of its own: this would only echo it
        known = pl.concat([extract.names(*place).alias("name") for place in places]).unique()
        where &= ~pl.col(first or said.column).is_in(known.implode())
    return extract.flag(said.level, said.table, where, column=said.column, rule=said.rule, fix=said.fix)


for _row in csv.DictReader(Path(__file__).with_name("declared.csv").read_text(encoding="utf-8").splitlines()):
    rule(partial(declared, Declared(**_row)))

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
