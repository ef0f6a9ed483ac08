"""Quantities in the item's own unit and money in the company's currency, by the tables `units` and `currencies`.

A quantity in another unit is multiplied by its factor, a rate per unit divided by it; money is multiplied by the rate
of its month. What has no factor or rate stops: a case is never counted as one piece.
"""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from soe_lib.extract.columns import ASIDE
from soe_lib.extract.findings import Finding
from soe_lib.extract.schema import Column, schema
from soe_lib.extract.settings import Settings
from soe_lib.extract.source import Source
from soe_lib.extract.sources_file import Entry

STEPS = 4  # pallet → layer → case → piece
UNIT_WORDS = ("unit", "uom", "unit_of_measure")
CURRENCY_WORDS = ("currency", "currency_code")
Tables = dict[str, pl.DataFrame]


def convert(
    tables: Tables, sources: Mapping[str, Source], entries: Mapping[str, Entry], settings: Settings
) -> tuple[Tables, list[Finding]]:
    """The tables in one unit per item and one currency, and every row that cannot be converted.

    Parameters
    ----------
    tables : typed, rows in the order of their sources.
    sources : the raw frames, with the columns that say units and currencies.
    entries : what sources.toml declares of each table.
    """
    findings: list[Finding] = []
    done = dict(tables)
    for name, source in sources.items():
        entry = entries.get(name, Entry(name))
        for column, step in ((_of(source, entry, "unit"), _units), (_of(source, entry, "currency"), _money)):
            if column is not None:
                done[name], problems = step(done, source, entry, column, settings)
                findings += problems
        findings += _undeclared(done, source, entry, settings)
    return done, findings


def _of(source: Source, entry: Entry, what: str) -> pl.Series | None:
    """The unit (or currency) of every row, where sources.toml says it; None where it says nothing."""
    fixed, column = getattr(entry, what), ASIDE + getattr(entry, f"{what}_column")
    if fixed:
        return pl.repeat(fixed, source.frame.height, dtype=pl.String, eager=True)
    return source.frame.get_column(column).cast(pl.String).str.strip_chars() if column in source.frame.columns else None


def own_units(tables: Tables) -> pl.DataFrame:
    """[item, own]: the unit that each item is counted in."""
    return tables["items"].select("item", own="unit").unique("item", keep="first")


def factors(tables: Tables) -> pl.DataFrame:
    """[item, unit, factor]: units of the item in one of another unit, chains of conversions multiplied out."""
    own = own_units(tables)
    listed = tables["units"].filter(pl.col("factor") > 0).select("item", "unit", "to", "factor")
    everywhere = listed.filter(pl.col("item") == "").drop("item").join(own.select("item"), how="cross")
    pairs = pl.concat([listed.filter(pl.col("item") != ""), everywhere.select(listed.columns)])
    pairs = pairs.unique(["item", "unit"], keep="first", maintain_order=True).join(own, on="item", how="inner")
    pairs = pairs.with_columns(to=pl.when(pl.col("to") == "").then("own").otherwise("to"))
    pairs = pairs.filter(pl.col("unit") != pl.col("own"))
    known = own.select("item", unit="own", factor=pl.lit(1.0))
    for _ in range(STEPS):
        reached = pairs.join(known.select("item", to="unit", further="factor"), on=["item", "to"], how="inner").select(
            "item", "unit", factor=pl.col("factor") * pl.col("further")
        )
        fresh = reached.join(known, on=["item", "unit"], how="anti")
        if fresh.is_empty():
            break
        known = pl.concat([known, fresh])
    return known


def _units(
    tables: Tables, source: Source, entry: Entry, unit: pl.Series, settings: Settings
) -> tuple[pl.DataFrame, list[Finding]]:
    del settings
    frame = tables[source.table]
    columns = [one for one in schema()[source.table].columns if _power(one, "unit")]
    if "item" not in frame.columns or source.table == "items" or not columns:
        return frame, []
    asked = frame.select("item").with_columns(unit=unit)
    found = asked.join(factors(tables), on=["item", "unit"], how="left", maintain_order="left")["factor"]
    column = entry.unit_column or "unit"
    missing = found.is_null()
    findings = []
    blank = missing & (unit.is_null() | (unit == "")).fill_null(True)
    if blank.any():
        rule, fix = "The unit is blank.", "Fill it: a quantity without a unit means nothing."
        findings.append(source.finding("stop", blank.arg_true(), column=column, rule=rule, fix=fix))
    rest = (missing & ~blank).arg_true()
    if len(rest):
        row = int(rest[0])
        rule = f"No conversion from {unit[row]} to the item's own unit: {frame['item'][row]}."
        fix = "Add a row (item, unit, factor) to the table units."
        findings.append(source.finding("stop", rest, column=column, value=unit[row], rule=rule, fix=fix))
    factor = found.fill_null(1.0)
    moved = (factor != 1.0).arg_true()
    if not len(moved):
        return frame, findings
    rule = "Quantities in another unit were converted to the item's own."
    findings.append(source.finding("repair", moved, column=column, value=unit[int(moved[0])], rule=rule))
    return frame.with_columns(pl.col(one.name) * factor ** _power(one, "unit") for one in columns), findings


def _power(column: Column, what: str) -> int:
    """1 for a column counted in units (or money), −1 for one per unit, 0 for any other."""
    if column.type != "number" or not column.unit:
        return 0
    over, _, under = column.unit.partition("/")
    if over.split()[0] == what:
        return 0 if under.split("/")[0].split(" ")[0] == what else 1
    return -1 if what == "unit" and under.split("/")[0] == what else 0


def _money(
    tables: Tables, source: Source, entry: Entry, currency: pl.Series, settings: Settings
) -> tuple[pl.DataFrame, list[Finding]]:
    frame = tables[source.table]
    columns = [one.name for one in schema()[source.table].columns if _power(one, "money")]
    if not columns or source.table == "currencies":
        return frame, []
    day = pl.col(entry.rate_on) if entry.rate_on else pl.lit(settings.as_of)
    month = pl.coalesce(day, pl.lit(settings.as_of)).dt.strftime("%Y-%m")
    asked = frame.with_columns(month=month).select("month").with_columns(currency=currency)
    rates = tables["currencies"].select("currency", "month", "rate").unique(["currency", "month"], keep="first")
    found = asked.join(rates, on=["currency", "month"], how="left", maintain_order="left")["rate"]
    home = (asked["currency"] == settings.currency).fill_null(False)
    money = frame.select(pl.any_horizontal(pl.col(columns).is_not_null())).to_series()
    column = entry.currency_column or "currency"
    blank = (asked["currency"].is_null() | (asked["currency"] == "").fill_null(True)) & money
    findings = []
    if blank.any():
        rule, fix = "The currency is blank.", "Fill it: money without a currency means nothing."
        findings.append(source.finding("stop", blank.arg_true(), column=column, rule=rule, fix=fix))
    rest = (found.is_null() & ~home & ~blank & money).arg_true()
    if len(rest):
        row = int(rest[0])
        name, month = asked.row(row, named=True)["currency"], asked["month"][row]
        rule = f"No rate from {name} to {settings.currency} for {month}."
        fix = "Add a row (currency, month, rate) to the table currencies."
        findings.append(source.finding("stop", rest, column=column, value=str(name), rule=rule, fix=fix))
    rate = pl.select(pl.when(home).then(1.0).otherwise(found)).to_series().fill_null(1.0)
    moved = ((rate != 1.0) & money).arg_true()
    if not len(moved):
        return frame, findings
    rule = f"Money in another currency was converted to {settings.currency}."
    findings.append(source.finding("repair", moved, column=column, value=str(currency[int(moved[0])]), rule=rule))
    return frame.with_columns(pl.col(one) * rate for one in columns), findings


def _undeclared(tables: Tables, source: Source, entry: Entry, settings: Settings) -> list[Finding]:
    """A column that says units or currencies, which nobody declared: its quantities are not added up as if alike."""
    frame, table = tables[source.table], schema()[source.table]
    findings = []
    by_name = {name.lower(): name for name in source.frame.columns if name not in table.names}
    unit = next((by_name[word] for word in UNIT_WORDS if word in by_name), None)
    if unit and "item" in frame.columns and not (entry.unit or entry.unit_column):
        own = frame.select("item").join(own_units(tables), on="item", how="left", maintain_order="left")["own"]
        findings += _differing(source, unit, own, "unit", "Quantities in another unit than the item's own.")
    money = next((by_name[word] for word in CURRENCY_WORDS if word in by_name), None)
    if money and not (entry.currency or entry.currency_column):
        home = pl.repeat(settings.currency, frame.height, dtype=pl.String, eager=True)
        rule = f"Money that is not said to be {settings.currency}."
        findings += _differing(source, money, home, "currency", rule)
    return findings


def _differing(source: Source, column: str, own: pl.Series, what: str, rule: str) -> list[Finding]:
    said = source.frame.get_column(column).cast(pl.String).str.strip_chars().fill_null("")
    bad = ((said != own) & own.is_not_null() & (own != "")).fill_null(False).arg_true()
    if not len(bad):
        return []
    fix = f'Convert it before exporting, or declare {what}_column = "{column}" for the table in sources.toml.'
    return [source.finding("stop", bad, column=column, value=said[int(bad[0])], rule=rule, fix=fix)]
