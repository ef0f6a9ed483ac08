"""Figures that contradict what is known of them: the extract before, standard cost, what can be used in a year.

What is implausible is planned with a warning; `[plausibility]` of settings.toml says from where on.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import polars as pl

from soe_lib.extract.casting import cast
from soe_lib.extract.conversion import convert
from soe_lib.extract.deliveries import deliver
from soe_lib.extract.findings import Finding
from soe_lib.extract.reading import Extract
from soe_lib.extract.rules import rule
from soe_lib.extract.rules.demand import lines
from soe_lib.extract.rules.history import FEW, earlier
from soe_lib.extract.rules.money import hours_cost, in_force
from soe_lib.extract.rules.supply import wanted
from soe_lib.extract.schema import schema
from soe_lib.extract.settings_file import load

COMPARED = {
    "items": ("price", "standard_cost", "end_value", "holding_cost", "volume"),
    "offers": ("unit_cost",),
    "routings": ("cost_per_unit", "yield", "setup_cost", "fixed_cost"),
    "operations": ("hours_per_unit", "units_per_hour", "setup_hours"),
    "components": ("quantity",),
    "resources": ("hourly_cost", "overtime_cost"),
    "lanes": ("cost_per_unit", "fixed_cost"),
    "customers": ("late_cost", "late_goodwill", "short_cost", "short_penalty"),
}
"""Figures that stand from week to week."""
TOTALS = {"forecast": "quantity", "orders": "quantity", "inventory": "on_hand", "receipts": "quantity"}
"""Figures of which only the total is about the same from week to week."""
MANY = 200_000  # rows from which last week's file is not read again only for its total
PERCENT = 20.0
MONTH = 365 / 12
OTHERS = ("units", "currencies")


@rule
def against_the_last_extract(extract: Extract) -> list[Finding]:
    """A price, a cost, a rate or a yield is about what it was in the extract before."""
    findings = []
    for folder in earlier(extract)[:1]:
        before = _tables(folder, max((path.stat().st_mtime_ns for path in folder.iterdir()), default=0))
        for table, columns in COMPARED.items():
            findings += _moved(extract, table, columns, before[table], folder.name)
        for table, column in TOTALS.items():
            findings += _total(extract, table, column, before[table], folder.name)
    return findings


@lru_cache(maxsize=4)
def _tables(folder: Path, written: int) -> dict[str, pl.DataFrame]:
    """An earlier extract's tables in its items' units, without looking for what is wrong with them."""
    del written
    settings = load(folder)[0]
    deliveries, mapped, _ = deliver(folder, settings)
    tables = {name: table.empty() for name, table in schema().items()}
    sources = {}
    for name in (*COMPARED, *TOTALS, *OTHERS):
        source = deliveries[name].read()[0] if name in deliveries else None
        if source is not None and not (name in TOTALS and source.frame.height > MANY):
            sources[name], tables[name] = source, cast(source, schema()[name])[0]
    return convert(tables, sources, mapped.entries, settings)[0]


def _moved(extract: Extract, table: str, columns: tuple[str, ...], before: pl.DataFrame, day: str) -> list[Finding]:
    """Rows whose figure is many times, or a small part of, what the row of the same key had."""
    key, most = list(schema()[table].key), extract.settings.plausibility.change
    if not extract[table].height or before.is_empty():
        return []
    was = before.select(*key, *(pl.col(one).alias(f"was {one}") for one in columns)).unique(key, keep="first")
    rows = extract[table].select(*key, *columns).with_row_index("row").join(was, on=key, nulls_equal=True).sort("row")
    findings = []
    for column in columns:
        now, then = pl.col(column), pl.col(f"was {column}")
        bad = rows.filter((now > 0) & (then > 0) & ((now > most * then) | (now * most < then)))
        if bad.height:
            first = bad.row(0, named=True)
            text = f"{first[column] / first[f'was {column}']:.4g} times the {first[f'was {column}']:g} of {day}."
            findings.append(_odd(extract, table, bad["row"], column, text))
    return findings


def _total(extract: Extract, table: str, column: str, before: pl.DataFrame, day: str) -> list[Finding]:
    now, then = float(extract[table][column].sum()), float(before[column].sum())
    most = extract.settings.plausibility.change
    if min(extract[table].height, before.height) < FEW or not (now > most * then > 0 or 0 < now * most < then):
        return []
    text = f"In total {now:,.0f}, where it was {then:,.0f} on {day}: {now / then:.4g} times as much."
    fix = "Check the unit that the file is in, or raise `change` under [plausibility]."
    return [extract.finding("warn", table, [], column=column, rule=text, fix=fix)]


def _odd(extract: Extract, table: str, rows: pl.Series, column: str, text: str, level: str = "warn") -> Finding:
    value = extract.cell(table, column, int(rows[0]))
    fix = "Mend it, or say in [plausibility] what is usual."
    return extract.finding(level, table, rows, column=column, value=value, rule=text, fix=fix)


@rule
def prices_against_standard_cost(extract: Extract) -> list[Finding]:
    """Nothing is sold for many times what it costs: a price in cents, or of a pallet, is."""
    most = extract.settings.plausibility.price_over_cost
    cost = extract["items"].filter(pl.col("standard_cost") > 0).unique("item", keep="first")
    cost = cost.select("item", "standard_cost", item_price="price")
    findings = []
    for table in ("items", "forecast", "orders"):
        highest, least = extract[table]["price"].max(), cost["standard_cost"].min()
        if not isinstance(highest, float) or not isinstance(least, float) or highest <= most * least:
            continue
        rows = extract["items"].with_row_index("row") if table == "items" else lines(extract, table)
        rows = rows.select("row", "item", "price").join(cost, on="item", maintain_order="left")
        bad = rows.filter(pl.col("price") > most * pl.col("standard_cost"))
        if bad.height:
            text = f"A price of {bad['price'][0] / bad['standard_cost'][0]:,.0f} times the standard cost."
            findings.append(_odd(extract, table, bad["row"], "price", text))
    return findings


@rule
def offers_against_standard_cost(extract: Extract) -> list[Finding]:
    """What is bought costs about its standard cost."""
    most = extract.settings.plausibility.cost_over_standard
    cost = extract["items"].filter(pl.col("standard_cost") > 0).unique("item", keep="first")
    rows = in_force(extract, "offers").join(cost.select("item", "standard_cost"), on="item").sort("row")
    paid, said = pl.col("unit_cost"), pl.col("standard_cost")
    bad = rows.filter((paid > most * said) | (paid > 0) & (paid * most < said))
    if bad.is_empty():
        return []
    text = f"{bad['unit_cost'][0] / bad['standard_cost'][0]:.4g} times the item's standard cost."
    return [_odd(extract, "offers", bad["row"], "unit_cost", text)]


@rule
def recipes_against_standard_cost(extract: Extract) -> list[Finding]:
    """What is made costs about its standard cost: components at theirs, hours at their rate, by good unit."""
    most = extract.settings.plausibility.cost_over_standard
    cost = extract["items"].filter(pl.col("standard_cost") > 0).unique("item", keep="first")
    cost = cost.select("item", "standard_cost")
    beside = extract["co_products"]["routing"].unique()
    rows = in_force(extract, "routings").filter(pl.col("yield") > 0)
    rows = rows.filter(~pl.col("routing").is_in(beside.implode())).join(cost, on="item").sort("row")
    parts = extract["components"].join(cost.rename({"item": "component"}), on="component", how="left")
    parts = parts.group_by("routing").agg(
        parts=(pl.col("quantity") * pl.col("standard_cost")).sum(), unknown=pl.col("standard_cost").null_count()
    )
    rows = rows.join(parts, on="routing", how="left").join(hours_cost(extract), on="routing", how="left")
    rows = rows.filter(pl.col("unknown").fill_null(0) == 0, pl.col("parts").is_not_null())
    inputs = pl.col("parts") + pl.col("hours_cost").fill_null(0.0) + pl.col("cost_per_unit")
    made = (inputs / pl.col("yield")).alias("made")
    bad = rows.with_columns(made).filter(
        (pl.col("made") > most * pl.col("standard_cost")) | (pl.col("made") * most < pl.col("standard_cost"))
    )
    if bad.is_empty():
        return []
    text = f"Components, hours and conversion come to {bad['made'][0]:.4g} a unit; its standard cost is "
    text += f"{bad['standard_cost'][0]:.4g}: check quantities, rates and yield."
    return [_odd(extract, "routings", bad["row"].sort(), "item", text)]


@rule
def yields(extract: Extract) -> list[Finding]:
    """A yield is a share: 0.985, not 98.5."""
    most = extract.settings.plausibility.highest_yield
    rate, fix = pl.col("yield"), "Write 98.5 % as 0.985; a yield above 1 is allowed up to highest_yield."
    wild = f"More than {PERCENT:g} good units of each unit started: a percentage?"
    more = f"More good units than are started (highest_yield is {most:g})."
    found = extract.flag("stop", "routings", rate > PERCENT * most, column="yield", rule=wild, fix=fix)
    between = (rate > most) & (rate <= PERCENT * most)
    return found + extract.flag("warn", "routings", between, column="yield", rule=more, fix=fix)


@rule
def months_of_stock(extract: Extract) -> list[Finding]:
    """Stock, and what policies ask for, is not for years of what is sold."""
    most, days = extract.settings.plausibility.stock_months, extract.calendar.periods["days"].sum()
    if not days:
        return []
    monthly = wanted(extract).group_by("item").agg(monthly=pl.col("quantity").sum() * MONTH / days)
    findings = []
    for table, column in (("inventory", "on_hand"), ("policies", "safety_stock"), ("policies", "end_stock")):
        rows = extract[table].with_row_index("row").join(monthly, on="item").sort("row")
        rows = rows.with_columns(total=pl.col(column).sum().over("item"))
        bad = rows.filter(pl.col("total") > most * pl.col("monthly"), pl.col(column) > 0)
        if bad.height:
            text = f"{bad['total'][0] / bad['monthly'][0]:,.0f} months of what is asked for ({bad['item'][0]})."
            findings.append(_odd(extract, table, bad["row"], column, text))
    return findings
