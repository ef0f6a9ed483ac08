"""Converts quantities to the item's own unit, and money to the company's currency, rounded to the cent."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from soe_lib.extract.casting import ASIDE
from soe_lib.extract.findings import SHOWN, Finding, Source
from soe_lib.extract.schema import money, owners, powers, schema
from soe_lib.extract.settings import Settings
from soe_lib.extract.sources import UNITS, Entry

STEPS = 4  # pallet → layer → case → piece
SAME = 1e-12
Frames = Mapping[str, pl.DataFrame]


def item_of(table: str, owner: str, tables: Frames) -> pl.Series:
    """The item whose unit each row of a table uses, "" for every item.

    Parameters
    ----------
    owner : one of `owners`.
    tables : typed frames.
    """
    frame = tables[table]
    if not owner:
        return _hit(frame, tables) if "target" in frame.columns else _every(frame)
    referred = schema()[table][owner].references.partition(".")[0]
    if owner != "item" and referred != "items":
        return _through(frame, owner, tables[referred])
    items = frame.get_column(owner).alias("item")
    if "lane" in frame.columns and table != "lanes":
        return pl.select(
            pl.when(items == "").then(_through(frame, "lane", tables["lanes"])).otherwise(items)
        ).to_series()
    return items


def _every(frame: pl.DataFrame) -> pl.Series:
    return pl.repeat("", frame.height, dtype=pl.String, eager=True).alias("item")


def _hit(frame: pl.DataFrame, tables: Frames) -> pl.Series:
    """The item that an event hits: its target, or the target offer's item; "" (every item) for other targets."""
    targets = frame.get_column("target")
    known = targets.is_in(tables["items"]["item"].implode())
    bought = _through(targets.alias("offer").to_frame(), "offer", tables["offers"])
    return pl.select(pl.when(known).then(targets).otherwise(bought)).to_series().alias("item")


def _through(frame: pl.DataFrame, name: str, other: pl.DataFrame) -> pl.Series:
    """The item of the routing, offer or lane that a row names."""
    known = other.select(name, "item").unique(name, keep="first", maintain_order=True)
    found = frame.select(name).join(known, on=name, how="left", maintain_order="left")["item"]
    return found.fill_null("")


def own_units(tables: Frames) -> pl.DataFrame:
    """[item, own]: the unit of each item."""
    return tables["items"].select("item", own="unit").unique("item", keep="first")


def factors(tables: Frames) -> pl.DataFrame:
    """[item, unit, factor]: own units per other unit of each item; chained conversions are multiplied."""
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


def shared_factors(tables: Frames) -> pl.DataFrame:
    """[family, unit, factor]: conversions equal for all items of a family; family "" is every item."""
    named = tables["items"].select("item", "family").unique("item", keep="first")
    members = pl.concat([named, named.with_columns(family=pl.lit(""))]).unique()
    every = members.group_by("family").agg(of=pl.len())
    found = members.join(factors(tables), on="item", how="inner").group_by("family", "unit")
    spread = found.agg(known=pl.len(), factor=pl.col("factor").min(), most=pl.col("factor").max()).join(
        every, on="family"
    )
    alike = (pl.col("known") == pl.col("of")) & (pl.col("most") - pl.col("factor") <= SAME * pl.col("factor"))
    return spread.filter(alike).select("family", "unit", "factor")


def scaled(name: str, factor: pl.Series, power: int) -> pl.Expr:
    """A number in the item's own unit: × factor^power; where the factor is 0.001, ÷ 1,000 to the last digit.

    Parameters
    ----------
    name : the column.
    factor : own units per delivered unit, by row.
    power : power of the unit in the column.
    """
    inverse = (1 / factor).round()
    whole = (inverse >= 1) & ((inverse * factor - 1).abs() <= SAME)
    up, value = power > 0, pl.col(name)
    exact = value / inverse if up else value * inverse
    return pl.when(whole).then(exact).otherwise(value * factor if up else value / factor).alias(name)


UNIT_WORDS = ("unit", "uom", "unit_of_measure")
CURRENCY_WORDS = ("currency", "currency_code")
Tables = dict[str, pl.DataFrame]


def convert(
    tables: Tables, sources: Mapping[str, Source], entries: Mapping[str, Entry], settings: Settings
) -> tuple[Tables, list[Finding]]:
    """The tables in one unit per item and one currency, and findings for rows that cannot be converted.

    Parameters
    ----------
    tables : typed, rows in the order of their sources.
    sources : the raw frames, with their unit and currency columns.
    entries : declarations of sources.toml by table.
    """
    findings: list[Finding] = []
    done = dict(tables)
    for name, source in sources.items():
        entry = entries.get(name, Entry(table=name))
        for what, owner in zip(UNITS, owners(schema()[name]), strict=False):
            done[name], problems = _units(done, source, entry, what, owner)
            findings += problems
        currency = _of(source, entry, "currency")
        if currency is not None:
            done[name], problems = _money(done, source, entry, currency, settings)
            findings += problems
        findings += _undeclared(done, source, entry, settings)
    return done, findings


def _of(source: Source, entry: Entry, what: str) -> pl.Series | None:
    """The unit (or currency) of every row as sources.toml declares it; None if undeclared."""
    fixed, column = getattr(entry, what), ASIDE + getattr(entry, f"{what}_column")
    if fixed:
        return pl.repeat(fixed, source.frame.height, dtype=pl.String, eager=True)
    return source.frame.get_column(column).cast(pl.String).str.strip_chars() if column in source.frame.columns else None


def _units(tables: Tables, source: Source, entry: Entry, what: str, owner: str) -> tuple[pl.DataFrame, list[Finding]]:
    """A table with the numbers of one owner converted to the item's own unit, and findings for unconverted rows."""
    frame, unit = tables[source.table], _of(source, entry, what)
    counted = {one.name: power for one in schema()[source.table].columns if (power := powers(one).get(owner))}
    if unit is None or not counted:
        return frame, []
    unit, item = unit.fill_null(""), item_of(source.table, owner, tables)
    found = _factor(tables, frame, item, unit)
    needed = frame.select(pl.any_horizontal((pl.col(one) != 0).fill_null(False) for one in counted)).to_series()
    unknown = (item != "") & ~item.is_in(tables["items"]["item"].implode())  # a finding of `references`
    missing = found.is_null() & needed & ~unknown
    factor = found.fill_null(1.0)
    moved = ((factor != 1.0) & needed).arg_true()
    findings = _unconverted(source, entry, what, item, unit, missing, own_units(tables))
    if not len(moved):
        return frame, findings
    column, value = getattr(entry, f"{what}_column") or what, unit[int(moved[0])]
    rule = "Quantities in another unit were converted to the item's own."
    findings.append(source.finding("repair", moved, column=column, value=value, rule=rule))
    return frame.with_columns(scaled(name, factor, power) for name, power in counted.items()), findings


def _factor(tables: Tables, frame: pl.DataFrame, item: pl.Series, unit: pl.Series) -> pl.Series:
    """Own units per unit of each row; for rows without an item, the factor that all items share."""
    asked = pl.DataFrame({"item": item, "unit": unit})
    found = asked.join(factors(tables), on=["item", "unit"], how="left", maintain_order="left")["factor"]
    if not (item == "").any():
        return found
    family = frame["family"] if "family" in frame.columns else pl.repeat("", frame.height, dtype=pl.String, eager=True)
    asked = asked.with_columns(family=family)
    every = asked.join(shared_factors(tables), on=["family", "unit"], how="left", maintain_order="left")["factor"]
    return pl.select(pl.when(item == "").then(every).otherwise(found)).to_series()


def _unconverted(
    source: Source, entry: Entry, what: str, item: pl.Series, unit: pl.Series, missing: pl.Series, own: pl.DataFrame
) -> list[Finding]:
    """Findings for rows whose unit is blank or has no conversion to the item's own."""
    column, findings = getattr(entry, f"{what}_column") or what, []
    blank, rest = (missing & (unit == "")).arg_true(), (missing & (unit != "")).arg_true()
    if len(blank):
        rule, fix = "The unit is blank.", "Fill it: a quantity without a unit means nothing."
        findings.append(source.finding("stop", blank, column=column, rule=rule, fix=fix))
    for name in unit.gather(rest).unique(maintain_order=True).head(SHOWN) if len(rest) else ():
        alike = rest.filter(unit.gather(rest) == name)
        rule, fix = _advice(item.gather(alike).unique(maintain_order=True), name, own)
        findings.append(source.finding("stop", alike, column=column, value=name, rule=rule, fix=fix))
        rest = rest.filter(unit.gather(rest) != name)
    if len(rest):
        rule, fix = "No conversion from further units to the items' own.", "Add them to the table units."
        findings.append(source.finding("stop", rest, column=column, value=unit[int(rest[0])], rule=rule, fix=fix))
    return findings


def _advice(items: pl.Series, unit: str, own: pl.DataFrame) -> tuple[str, str]:
    item = items[0]
    if not item:
        rule = f"No conversion from {unit} is the same for every item of the row."
        return rule, "Write a row per item, or the number in the items' own unit."
    known = own.filter(pl.col("item") == item)["own"][0] or "its own unit"
    more = f" (and {len(items) - 1:,} more)" if len(items) > 1 else ""
    rule = f"No conversion from {unit} to the item's own unit: {item}{more} is counted in {known}."
    return rule, f"Add to the table units: item {item}, unit {unit}, factor (how many {known} make one {unit})."


def _money(
    tables: Tables, source: Source, entry: Entry, currency: pl.Series, settings: Settings
) -> tuple[pl.DataFrame, list[Finding]]:
    frame = tables[source.table]
    columns = [one.name for one in schema()[source.table].columns if money(one)]
    if not columns:
        return frame, []
    month = _month(frame, entry.rate_on, settings)
    asked = frame.with_columns(month=month).select("month").with_columns(currency=currency)
    rates = tables["currencies"].select("currency", "month", "rate").unique(["currency", "month"], keep="first")
    found = asked.join(rates, on=["currency", "month"], how="left", maintain_order="left")["rate"]
    home = (asked["currency"] == settings.currency).fill_null(False)
    nonzero = frame.select(pl.any_horizontal((pl.col(columns) != 0).fill_null(False))).to_series()
    column = entry.currency_column or "currency"
    blank = (asked["currency"].is_null() | (asked["currency"] == "").fill_null(True)) & nonzero
    findings = []
    if blank.any():
        rule, fix = "The currency is blank.", "Fill it: money without a currency means nothing."
        findings.append(source.finding("stop", blank.arg_true(), column=column, rule=rule, fix=fix))
    rest = (found.is_null() & ~home & ~blank & nonzero).arg_true()
    if len(rest):
        row = int(rest[0])
        name, month = asked.row(row, named=True)["currency"], asked["month"][row]
        rule = f"No rate from {name} to {settings.currency} for {month}."
        fix = "Add a row (currency, month, rate) to the table currencies."
        findings.append(source.finding("stop", rest, column=column, value=str(name), rule=rule, fix=fix))
    rate = pl.select(pl.when(home).then(1.0).otherwise(found)).to_series().fill_null(1.0)
    moved = ((rate != 1.0) & nonzero).arg_true()
    if not len(moved):
        return frame, findings
    rule = f"Money in another currency was converted to {settings.currency}."
    findings.append(source.finding("repair", moved, column=column, value=str(currency[int(moved[0])]), rule=rule))
    return frame.with_columns(pl.col(one) * rate for one in columns), findings


def _month(frame: pl.DataFrame, on: str, settings: Settings) -> pl.Expr:
    """The month whose rate applies to a row: that of its date or its month; the as-of date's month if blank."""
    today = pl.lit(settings.as_of.strftime("%Y-%m"))
    if not on:
        return today
    month = pl.col(on).dt.strftime("%Y-%m") if frame.schema[on] == pl.Date else pl.col(on).replace("", None)
    return pl.coalesce(month, today)


def _undeclared(tables: Tables, source: Source, entry: Entry, settings: Settings) -> list[Finding]:
    """Findings for rows of an undeclared unit or currency column that differ from the item's own or the company's."""
    frame, table = tables[source.table], schema()[source.table]
    findings = []
    by_name = {name.lower(): name for name in source.frame.columns if name not in table.names}
    unit = next((by_name[word] for word in UNIT_WORDS if word in by_name), None)
    if unit and (owner := next(iter(owners(table)), "")) and not (entry.unit or entry.unit_column):
        item = item_of(source.table, owner, tables).alias("item").to_frame()
        own = item.join(own_units(tables), on="item", how="left", maintain_order="left")["own"]
        findings += _differing(source, unit, own, "unit", "Quantities in a unit other than the item's own.")
    money = next((by_name[word] for word in CURRENCY_WORDS if word in by_name), None)
    if money and not (entry.currency or entry.currency_column):
        home = pl.repeat(settings.currency, frame.height, dtype=pl.String, eager=True)
        rule = f"Money that is not declared to be {settings.currency}."
        findings += _differing(source, money, home, "currency", rule)
    return findings


def _differing(source: Source, column: str, own: pl.Series, what: str, rule: str) -> list[Finding]:
    cells = source.frame.get_column(column).cast(pl.String).str.strip_chars().fill_null("")
    bad = ((cells != own) & own.is_not_null() & (own != "")).fill_null(False).arg_true()
    if not len(bad):
        return []
    fix = f'Convert it before exporting, or declare {what}_column = "{column}" for the table in sources.toml.'
    return [source.finding("stop", bad, column=column, value=cells[int(bad[0])], rule=rule, fix=fix)]


AMOUNTS = {
    name: tuple(column.name for column in table.columns if column.unit == "money") for name, table in schema().items()
}


def to_the_cent(
    tables: Mapping[str, pl.DataFrame], sources: Mapping[str, Source]
) -> tuple[dict[str, pl.DataFrame], list[Finding]]:
    """The tables with every amount of money rounded to the cent, and the findings that count changed amounts.

    Rates per unit keep all their digits: only amounts in the unit `money` are rounded.

    Parameters
    ----------
    tables : typed, rows in the order of their sources.
    """
    done, findings = dict(tables), []
    for name, source in sources.items():
        for column in AMOUNTS[name]:
            values = done[name].get_column(column)
            rounded = values.round(2)
            moved = (values != rounded).fill_null(False).arg_true()
            if len(moved):
                done[name] = done[name].with_columns(rounded)
                value = repr(values[int(moved[0])])
                rule = "Amounts were rounded to the cent."
                findings.append(source.finding("repair", moved, column=column, value=value, rule=rule))
    return done, findings
