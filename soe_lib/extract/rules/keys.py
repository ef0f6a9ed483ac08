"""Names: keys that occur twice, names that differ only in how they are written, names that point nowhere."""

from __future__ import annotations

import polars as pl

from soe_lib.extract.findings import SHOWN, Finding
from soe_lib.extract.reading import Extract
from soe_lib.extract.rules import rule
from soe_lib.extract.schema import MANDATORY, Column, Table, schema
from soe_lib.extract.spelling import nearest

NAMED = ("items", "locations", "resources", "customers", "routings", "offers", "lanes", "periods", "orders", "receipts")
HISTORY = ("actuals", "deliveries")


@rule
def duplicate_keys(extract: Extract) -> list[Finding]:
    """A key names one row only: a join must never multiply quantities."""
    found = [_duplicates(extract, table) for table in schema().values()]
    return [finding for finding in found if finding is not None]


def _duplicates(extract: Extract, table: Table) -> Finding | None:
    key = [name for name in table.key if name in extract.given(table.name)]
    frame = extract[table.name].select(key)
    if frame.height < 2 or not key or frame.hash_rows().n_unique() == frame.height:
        return None
    twice = frame.is_duplicated()
    rows = twice.arg_true()
    if not len(rows):
        return None
    value = " | ".join(str(one) for one in frame.row(int(rows[0])) if one not in (None, ""))
    rule_text = f"The key ({', '.join(key)}) occurs more than once: {twice.sum()} rows for {_names(frame, twice)}."
    fix = "Keep one row for each, or add the quantities up before exporting."
    return extract.finding("stop", table.name, rows, column=key[0], value=value, rule=rule_text, fix=fix)


def _names(frame: pl.DataFrame, twice: pl.Series) -> str:
    count = frame.filter(twice).n_unique()
    return "1 key" if count == 1 else f"{count} keys"


@rule
def twins(extract: Extract) -> list[Finding]:
    """Two names that differ only by case, spacing or Unicode form are one thing written twice."""
    findings = []
    for name in NAMED:
        findings += _twins(extract, name, schema()[name].key[0], "stop")
    return findings + _twins(extract, "items", "family", "warn")


def _twins(extract: Extract, table: str, column: str, level: str) -> list[Finding]:
    names = extract.names(table, column)
    folded = names.str.normalize("NFKC").str.to_lowercase().str.replace_all(r"\s+", " ")
    if folded.n_unique() == names.n_unique():
        return []
    groups = pl.DataFrame({"name": names, "folded": folded}).filter(pl.col("folded").is_duplicated())
    alike = groups.group_by("folded").agg(pl.col("name").sort()).sort("folded")["name"].to_list()
    rule_text = f"Names that differ only in how they are written: {' and '.join(map(repr, alike[0]))}."
    where = pl.col(column).is_in(groups["name"].to_list())
    return extract.flag(level, table, where, column=column, rule=rule_text, fix="Use one way of writing it everywhere.")


@rule
def references(extract: Extract) -> list[Finding]:
    """Every name that points to another table is found there."""
    columns = [column for table in schema().values() for column in table.columns if column.references]
    return [finding for column in columns for finding in _unknown(extract, column)]


def _unknown(extract: Extract, column: Column) -> list[Finding]:
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
