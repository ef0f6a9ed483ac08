"""Rules on plausibility: unbounded values, implausible prices, and implausible changes since the previous extract."""

from __future__ import annotations

from datetime import date
from functools import lru_cache
from pathlib import Path

import polars as pl

from soe_lib.extract.casting import cast
from soe_lib.extract.deliveries import deliver
from soe_lib.extract.findings import Finding
from soe_lib.extract.precedence import named_prices
from soe_lib.extract.rules import Extract, rule
from soe_lib.extract.rules.history import FEW, earlier
from soe_lib.extract.rules.network import lines, wanted
from soe_lib.extract.schema import schema
from soe_lib.extract.settings import load
from soe_lib.extract.units import convert

CLOSE = 0.05
"""Relative margin of an end value above cost that holding costs absorb."""


@rule
def end_values_are_bounded(extract: Extract) -> list[Finding]:
    """No end value exceeds the cost of unlimited supply of the item, since the plan would be unbounded.

    The least cost of an item is computed over offers, routings with all their components, and lanes that neither a
    maximum nor hours limit.
    """
    worth = extract["items"].filter(pl.col("end_value") > 0).select("item", "end_value")
    if worth.is_empty():
        return []
    limited, ways = _limited(extract), _ways(extract)
    tables = ("offers", "routings", "lanes")
    found = [_unbounded(extract, name, ways.filter(pl.col("table") == name), worth, limited) for name in tables]
    return [finding for finding in found if finding is not None]


def _unbounded(
    extract: Extract, table: str, ways: pl.DataFrame, worth: pl.DataFrame, limited: pl.DataFrame
) -> Finding | None:
    """The finding for unlimited supply below the end value; a stock ceiling limits it, except for goods in transit."""
    gain = ways.join(worth, on="item").filter(pl.col("end_value") > pl.col("cost") + 1e-9)
    late = gain.filter(pl.col("lead") > 0)
    soon = gain.filter(pl.col("lead") == 0).join(limited, on=["item", "location"], how="anti")
    bad = pl.concat([late, soon]).sort("row")
    if bad.is_empty():
        return None
    row = bad.row(0, named=True)
    rule_text = f"It costs {row['cost']:g} without a maximum, and its end_value is {row['end_value']:g}."
    fix = "Lower end_value in items.csv to the item's cost, or set a maximum."
    return extract.finding(
        "stop", table, bad["row"].unique(), column="item", value=row["item"], rule=rule_text, fix=fix
    )


def _ways(extract: Extract, *, limited: bool = False) -> pl.DataFrame:
    """Every unlimited source of an item: [table, row, item, location, total unit cost, lead].

    Parameters
    ----------
    limited : include limited sources.
    """
    ways = bought = _offers(extract, limited)
    known: pl.DataFrame | None = None
    for _ in range(extract["items"].height + extract["locations"].height):  # each step adds one BOM level or lane
        least = ways.group_by("item", "location").agg(pl.col("cost").min()).sort("item", "location")
        if known is not None and least.equals(known):
            break
        known, ways = least, pl.concat([bought, _routings(extract, least, limited), _lanes(extract, least, limited)])
    return ways


def _endless(*, limited: bool) -> pl.Expr:
    return pl.lit(limited) | pl.col("maximum").is_null()


def in_force(extract: Extract, table: str) -> pl.DataFrame:
    """Rows of routings, offers or lanes valid in some period, with `row` and `open` (the number of valid periods)."""
    starts = extract.calendar.periods["starts_on"].sort()
    rows = extract[table].with_row_index("row")
    if not extract.dated or starts.is_empty():
        return rows.with_columns(open=pl.lit(1, pl.Int64))
    since = starts.search_sorted(rows["valid_from"].fill_null(date.min), side="left").cast(pl.Int64)
    until = starts.search_sorted(rows["valid_to"].fill_null(date.max), side="right").cast(pl.Int64)
    return rows.with_columns(open=until - since).filter(pl.col("open") > 0)


def _offers(extract: Extract, limited: bool) -> pl.DataFrame:
    """Offers without a maximum, at their lowest price in any period."""
    rows = in_force(extract, "offers").filter(_endless(limited=limited))
    rows = rows.join(_lowest(extract, rows), on="row", how="left", maintain_order="left")
    own = pl.when(pl.col("open") > pl.col("priced").fill_null(0)).then("unit_cost")
    cost = pl.min_horizontal(own, "lowest").fill_null(0.0)
    return rows.select(
        table=pl.lit("offers"), row="row", item="item", location="location", cost=cost, lead="lead_time_days"
    )


def _lowest(extract: Extract, rows: pl.DataFrame) -> pl.DataFrame:
    """Lowest price of each offer in any period with offer_prices, and the number of such periods: row, lowest, priced.

    As in the plan, a day without its own price has the offer's price, and a period has the mean of its days.
    """
    periods = extract.calendar.periods.select("period", "starts_on", "days")
    cells = rows.select("row", "offer", "valid_from", "valid_to", "unit_cost")
    cells = cells.join(named_prices(extract.calendar, extract["offer_prices"]), on="offer").join(periods, on="period")
    start, own, part = pl.col("starts_on"), pl.col("unit_cost"), pl.col("named") / pl.col("days")
    cells = cells.filter((start >= pl.col("valid_from")).fill_null(True), (start <= pl.col("valid_to")).fill_null(True))
    mixed = pl.col("named_cost") * part + own * (1.0 - part)
    price = pl.when(own.is_null() | (part >= 1.0)).then("named_cost").otherwise(mixed)
    return cells.group_by("row").agg(lowest=price.min(), priced=pl.len())


def _routings(extract: Extract, least: pl.DataFrame, limited: bool) -> pl.DataFrame:
    """Routings without maximum or hours whose components all have an unlimited source, with cost per good unit."""
    rows = in_force(extract, "routings").filter(_endless(limited=limited), pl.col("yield") > 0)
    if not limited:
        rows = rows.join(extract["operations"].select("routing").unique(), on="routing", how="anti")
    rows = rows.join(hours_cost(extract), on="routing", how="left")
    needs = (
        rows.select("row", "routing", "location")
        .join(extract["components"].select("routing", "component", "quantity"), on="routing")
        .join(least, left_on=["component", "location"], right_on=["item", "location"], how="left")
        .group_by("row")
        .agg(parts=(pl.col("cost") * pl.col("quantity")).sum(), lacking=pl.col("cost").null_count())
    )
    rows = rows.join(needs, on="row", how="left").filter(pl.col("lacking").fill_null(0) == 0)
    lead = pl.max_horizontal("lead_time_days", pl.col("lead_time_periods").fill_null(0).cast(pl.Float64))
    inputs = pl.col("cost_per_unit") + pl.col("parts").fill_null(0.0) + pl.col("hours_cost").fill_null(0.0)
    cost = inputs / pl.col("yield")
    return rows.select(table=pl.lit("routings"), row="row", item="item", location="location", cost=cost, lead=lead)


def _lanes(extract: Extract, least: pl.DataFrame, limited: bool) -> pl.DataFrame:
    """Lanes without maximum or hours, for items with an unlimited source at the origin.

    A lane of every item carries only items that its destination demands or stocks.
    """
    rows = in_force(extract, "lanes").filter(_endless(limited=limited))
    if not limited:
        rows = rows.join(extract["lane_resources"].select("lane").unique(), on="lane", how="anti")
    rows = rows.rename({"item": "only"}).join(least, left_on="origin", right_on="location")
    wanted = pl.concat([extract[table].select("item", "location") for table in ("forecast", "orders", "policies")])
    wanted = wanted.unique().select("item", destination="location", wanted=pl.lit(value=True))
    rows = rows.join(wanted, on=["item", "destination"], how="left")
    rows = rows.filter((pl.col("only") == pl.col("item")) | (pl.col("only").fill_null("") == "") & pl.col("wanted"))
    cost = pl.col("cost") + pl.col("cost_per_unit").fill_null(0.0)
    return rows.select(
        table=pl.lit("lanes"), row="row", item="item", location="destination", cost=cost, lead="lead_time_days"
    )


def _limited(extract: Extract) -> pl.DataFrame:
    """Places where the closing stock has a ceiling: [item, location]."""
    ceiling = pl.min_horizontal("maximum_stock", "end_stock_maximum").is_not_null()
    by_policy = extract["policies"].filter(ceiling).select("item", "location")
    full = extract["locations"].filter(pl.col("storage_capacity").is_not_null()).select("location")
    by_place = extract["items"].filter(pl.col("volume") > 0).select("item").join(full, how="cross")
    return pl.concat([by_policy, by_place]).unique()


@rule
def nothing_is_made_for_its_end_value(extract: Extract) -> list[Finding]:
    """No end value exceeds both the lowest cost of supply, limits or not, and the standard cost.

    Otherwise the plan earns money by building stock, up to maxima and hours.
    """
    worth = extract["items"].with_row_index("row").filter(pl.col("end_value") > 0)
    if worth.is_empty():
        return []
    least = _ways(extract, limited=True).group_by("item").agg(pl.col("cost").min())
    rows = worth.join(least, on="item", how="left").sort("row")
    standard, price, value = pl.col("standard_cost"), pl.col("price"), pl.col("end_value")
    nothing = pl.coalesce(value > standard + 1e-9, value > price).fill_null(value=False)
    rows = rows.filter(value > pl.col("cost") + 1e-9)
    more = ~nothing & (value > pl.col("cost") * (1 + CLOSE))
    findings = []
    for level, where, text, fix in (
        ("stop", nothing, "money from nothing", "Lower end_value to the item's cost."),
        (
            "warn",
            more,
            "the plan builds stock up to its limits",
            "Lower it to the cost of one more unit.",
        ),
    ):
        bad = rows.filter(where)
        if bad.height:
            known = "standard cost" if bad["standard_cost"][0] is not None else "price"
            rule_text = f"A unit costs {bad['cost'][0]:g} to get and its end_value is {bad['end_value'][0]:g}"
            rule_text += f", above its {known}: {text}." if level == "stop" else f": {text}."
            findings += extract.flag(level, "items", bad["row"], column="end_value", rule=rule_text, fix=fix)
    return findings


def hours_cost(extract: Extract) -> pl.DataFrame:
    """routing, hours_cost: cost of the hours per unit started, on the cheapest resource of each step."""
    rate = pl.coalesce("hours_per_unit", 1.0 / pl.col("units_per_hour")).fill_null(0.0)
    rows = (
        extract["operations"]
        .with_row_index("own")
        .join(extract["resources"].select("resource", "hourly_cost").unique("resource", keep="first"), on="resource")
    )
    own = pl.when(pl.col("step") == "").then("own").alias("own")
    each = rows.with_columns(own, hours_cost=rate * pl.col("hourly_cost")).group_by("routing", "step", "own")
    return each.agg(pl.col("hours_cost").min()).group_by("routing").agg(pl.col("hours_cost").sum())


@rule
def holding_has_a_cost(extract: Extract) -> list[Finding]:
    """With a capital rate, an item has a standard cost or a holding cost of its own."""
    if extract.settings.costs.capital_rate == 0:
        return []
    where = pl.col("holding_cost").is_null() & pl.col("standard_cost").is_null()
    rule_text, fix = "Neither holding_cost nor standard_cost: holding costs nothing.", "Fill one of them."
    return extract.flag("warn", "items", where, column="holding_cost", rule=rule_text, fix=fix)


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
"""Figures that are stable from week to week."""
TOTALS = {"forecast": "quantity", "orders": "quantity", "inventory": "on_hand", "receipts": "quantity"}
"""Figures of which only the total is stable from week to week."""
MANY = 200_000  # number of rows above which last week's file is not read only for its total
PERCENT = 20.0
MONTH = 365 / 12
OTHERS = ("units", "currencies")


@rule
def against_the_last_extract(extract: Extract) -> list[Finding]:
    """Prices, costs, rates, yields and totals are about the same as in the previous extract."""
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
    """An earlier extract's tables in its items' units, without their findings."""
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
    """Findings for figures many times above or below those of the same key in the previous extract."""
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
            findings += _odd(extract, table, bad["row"], column, text)
    return findings


def _total(extract: Extract, table: str, column: str, before: pl.DataFrame, day: str) -> list[Finding]:
    now, then = float(extract[table][column].sum()), float(before[column].sum())
    most = extract.settings.plausibility.change
    if min(extract[table].height, before.height) < FEW or not (now > most * then > 0 or 0 < now * most < then):
        return []
    text = f"In total {now:,.0f}, against {then:,.0f} on {day}: {now / then:.4g} times as much."
    fix = "Check the unit of the file, or raise `change` under [plausibility]."
    return [extract.finding("warn", table, [], column=column, rule=text, fix=fix)]


def _odd(extract: Extract, table: str, rows: pl.Series, column: str, text: str) -> list[Finding]:
    fix = "Correct it, or set the threshold in [plausibility]."
    return extract.flag("warn", table, rows, column=column, rule=text, fix=fix)


@rule
def prices_against_standard_cost(extract: Extract) -> list[Finding]:
    """No price is many times the standard cost, as a price in cents or per pallet would be."""
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
            findings += _odd(extract, table, bad["row"], "price", text)
    return findings


@rule
def offers_against_standard_cost(extract: Extract) -> list[Finding]:
    """An offer's price is about the item's standard cost."""
    most = extract.settings.plausibility.cost_over_standard
    cost = extract["items"].filter(pl.col("standard_cost") > 0).unique("item", keep="first")
    rows = in_force(extract, "offers").join(cost.select("item", "standard_cost"), on="item").sort("row")
    paid, standard = pl.col("unit_cost"), pl.col("standard_cost")
    bad = rows.filter((paid > most * standard) | (paid > 0) & (paid * most < standard))
    if bad.is_empty():
        return []
    text = f"{bad['unit_cost'][0] / bad['standard_cost'][0]:.4g} times the item's standard cost."
    return _odd(extract, "offers", bad["row"], "unit_cost", text)


@rule
def recipes_against_standard_cost(extract: Extract) -> list[Finding]:
    """Components at standard cost, hours and conversion per good unit are about the product's standard cost."""
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
    return _odd(extract, "routings", bad["row"].sort(), "item", text)


@rule
def yields(extract: Extract) -> list[Finding]:
    """A yield is a share: 0.985, not 98.5."""
    most = extract.settings.plausibility.highest_yield
    rate, fix = pl.col("yield"), "Write 98.5 % as 0.985; a yield above 1 is allowed up to highest_yield."
    wild = f"More than {PERCENT:g} good units of each unit started: a percentage?"
    more = f"More good units than units started (highest_yield is {most:g})."
    found = extract.flag("stop", "routings", rate > PERCENT * most, column="yield", rule=wild, fix=fix)
    between = (rate > most) & (rate <= PERCENT * most)
    return found + extract.flag("warn", "routings", between, column="yield", rule=more, fix=fix)


@rule
def months_of_stock(extract: Extract) -> list[Finding]:
    """Stock and the stock of policies do not cover more than `stock_months` of demand."""
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
            text = f"{bad['total'][0] / bad['monthly'][0]:,.0f} months of demand ({bad['item'][0]})."
            findings += _odd(extract, table, bad["row"], column, text)
    return findings
