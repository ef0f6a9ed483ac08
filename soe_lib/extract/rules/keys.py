"""Names: keys that occur twice, names that differ only in how they are written, names that point nowhere."""

from __future__ import annotations

from functools import partial

import polars as pl

from soe_lib.extract.findings import SHOWN, Finding
from soe_lib.extract.reading import Extract
from soe_lib.extract.rules import rule
from soe_lib.extract.schema import MANDATORY, Column, Table, schema
from soe_lib.extract.spelling import nearest

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
