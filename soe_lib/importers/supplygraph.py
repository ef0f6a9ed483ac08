"""SupplyGraph → the data contract: 33 weeks of a real FMCG company, one extract per week, all assumptions listed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import polars as pl

from soe_lib.errors import DataError
from soe_lib.extract.writing import write_extract
from soe_lib.importers import ImportReport, names

FILES: Mapping[str, str] = {
    "ordered": "raw_Sales_Order.csv",
    "made": "raw_Production.csv",
    "issued": "raw_Factory_Issue.csv",
    "delivered": "raw_Delivery_To_distributor.csv",
}
GROUPS = "nodes_group.csv"


@dataclass(frozen=True)
class Recorded:
    """The records of SupplyGraph.

    Parameters
    ----------
    days : [date, item, ordered, made, issued, delivered], one row for each day and product, in units.
    groups : [item, family] of products with a known group.
    beside : sentences on unused content of the folder.
    """

    days: pl.DataFrame
    groups: pl.DataFrame
    beside: tuple[str, ...] = ()

    @property
    def first(self) -> date:
        """The first day of the records."""
        return self.days["date"].min()  # type: ignore[return-value]

    @property
    def last(self) -> date:
        """The last day of the records."""
        return self.days["date"].max()  # type: ignore[return-value]


def read(folder: Path) -> Recorded:
    """Read the four daily files and the groups.

    Raises
    ------
    DataError : a file is missing, a day occurs twice, or a cell is no day or no quantity of 0 or more.
    """
    missing = [name for name in (*FILES.values(), GROUPS) if not (folder / name).is_file()]
    if missing:
        raise DataError(f"{folder} lacks {', '.join(missing)}: give the folder of the SupplyGraph files.")
    measures = [_long(folder / name, measure) for measure, name in FILES.items()]
    days = measures[0]
    for further in measures[1:]:
        days = days.join(further, on=["date", "item"], how="full", coalesce=True)
    groups = _rows(folder / GROUPS)
    if not {"Node", "Group"} <= set(groups.columns):
        raise DataError(f"{GROUPS} needs the columns Node and Group; it has {', '.join(groups.columns)}.")
    return Recorded(
        days.with_columns(pl.col(list(FILES)).fill_null(0.0)).sort("item", "date"),
        groups.select(item="Node", family="Group").unique("item", keep="first", maintain_order=True),
        _beside(folder, groups, days),
    )


def _beside(folder: Path, groups: pl.DataFrame, days: pl.DataFrame) -> tuple[str, ...]:
    """Sentences on the files, columns and rows that the import does not use."""
    read = {*FILES.values(), GROUPS}
    files = sorted(path.name for path in folder.iterdir() if path.suffix.lower() == ".csv" and path.name not in read)
    columns = [name for name in groups.columns if name not in ("Node", "Group") and groups[name].drop_nulls().len()]
    strange = groups.filter(~pl.col("Node").is_in(days["item"].implode()))["Node"].drop_nulls()
    sentences = (
        (files, f"Files that the import does not use: {', '.join(files)}."),
        (columns, f"{GROUPS} holds columns that the import does not use: {', '.join(columns)}."),
        (strange, f"{GROUPS} names {len(strange)} products without a record: {names(strange)}."),
    )
    return tuple(sentence for found, sentence in sentences if len(found))


def _rows(path: Path) -> pl.DataFrame:
    try:
        return pl.read_csv(path, infer_schema=False)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise DataError(f"{path.name} is no readable CSV table ({str(error).splitlines()[0]}).") from None


def _long(path: Path, measure: str) -> pl.DataFrame:
    rows = _rows(path)
    if "Date" not in rows.columns:
        raise DataError(f"{path.name} has no column Date; it has {', '.join(rows.columns[:5])}.")
    day = pl.col("Date").str.slice(0, 10).str.to_date("%Y-%m-%d", strict=False)
    long = rows.unpivot(index="Date", variable_name="item", value_name="text").with_columns(date=day)
    long = long.with_columns(pl.col("text").cast(pl.Float64, strict=False).alias(measure))
    bad = long.filter(
        pl.col("date").is_null() | ~(pl.col(measure).is_finite() & (pl.col(measure) >= 0)).fill_null(False)
    )
    if bad.height:
        first = bad.row(0, named=True)
        raise DataError(
            f"{path.name}: {bad.height} cells are no day or no quantity of 0 or more, first {first['item']} on "
            f"{first['Date']}: {first['text']!r}. Correct them."
        )
    if rows["Date"].n_unique() != rows.height:
        raise DataError(f"{path.name}: a day occurs twice. Keep one row for each day.")
    return long.select("date", "item", measure)


FACTORY, MARKET, CUSTOMER, SUPPLY = "FACTORY", "DISTRIBUTORS", "DISTRIBUTORS", "outside"
WEEKS, DAILY, LOOK_BACK, LEAD_DAYS, BUY_DAYS = 13, 14, 8, 1, 7
PRICE, COST, CONVERSION, FREIGHT = 10.0, 6.0, 2.0, 0.2
MATERIAL = COST - CONVERSION
HOURS = 24.0
LATE_DAYS, LATE_SHARE, SHORT_SHARE = 7, 0.01, 0.1
WORKING = ["Sat", "Sun", "Mon", "Tue", "Wed", "Thu"]


@dataclass(frozen=True)
class Week:
    """The records known on a Monday morning.

    Parameters
    ----------
    seen : the earlier days. [date, item, ordered, made, issued, delivered]
    opening : [item, factory, market] least stock before the first day for which no recorded day ends below zero.
    items : [item, family] of every product that was ever ordered, made, issued or delivered.
    """

    as_of: date
    seen: pl.DataFrame
    opening: pl.DataFrame
    items: pl.DataFrame


def import_supplygraph(
    source: Path | str, target: Path | str, *, as_of: date | None = None, currency: str = "BDT"
) -> list[ImportReport]:
    """Turn the daily records into a company with one extract for every Monday after a complete week of records.

    Parameters
    ----------
    source : folder with the CSV files of the SupplyGraph layout.
    target : company folder; each week is written to target/<Monday>/, replacing an earlier import of it.
    as_of : import only this Monday; default all of them.
    currency : ISO code of all amounts; the records have no currency.

    Raises
    ------
    DataError : a file is missing or cannot be read, `as_of` is not one of the Mondays, or the target holds an extract
        that was not imported.
    """
    recorded = read(Path(source))
    days = mondays(recorded)
    if as_of is not None and as_of not in days:
        shown = f"{days[0]} to {days[-1]}" if days else "none"
        raise DataError(f"There is no extract as of {as_of}: it must be a Monday with a week of records ({shown}).")
    opening, items = _opening(recorded), _items(recorded)
    chosen = [as_of] if as_of is not None else days
    return [_write(recorded, _week(recorded, day, opening, items), Path(target), currency) for day in chosen]


def mondays(recorded: Recorded) -> list[date]:
    """Every Monday with at least seven days of records before it."""
    first = recorded.first + timedelta(days=7)
    first += timedelta(days=-first.weekday() % 7)
    count = ((recorded.last - first).days // 7 + 1) if recorded.last >= first else 0
    return [first + timedelta(weeks=n) for n in range(count)]


def _items(recorded: Recorded) -> pl.DataFrame:
    moved = recorded.days.filter(pl.sum_horizontal("ordered", "made", "issued", "delivered") > 0)
    items = moved.select("item").unique().join(recorded.groups, on="item", how="left")
    return items.with_columns(pl.col("family").fill_null("unknown")).sort("item")


def _opening(recorded: Recorded) -> pl.DataFrame:
    """The least stock before the first day for which no recorded day ends below zero."""
    running = recorded.days.sort("item", "date").with_columns(
        factory=(pl.col("made") - pl.col("issued")).cum_sum().over("item"),
        market=(pl.col("issued") - pl.col("delivered")).cum_sum().over("item"),
    )
    low = running.group_by("item").agg(pl.col("factory").min(), pl.col("market").min())
    return low.select("item", factory=(-pl.col("factory")).clip(0.0), market=(-pl.col("market")).clip(0.0))


def _week(recorded: Recorded, as_of: date, opening: pl.DataFrame, items: pl.DataFrame) -> Week:
    return Week(as_of, recorded.days.filter(pl.col("date") < as_of), opening, items)


def _write(recorded: Recorded, week: Week, target: Path, currency: str) -> ImportReport:
    folder = target / week.as_of.isoformat()
    tables = {**_network(week), **_demand(week), "inventory": _inventory(week), "actuals": _actuals(week)}
    sentences = assumptions(recorded, week, currency)
    settings = {
        "company": target.resolve().name,
        "currency": currency,
        "as_of": week.as_of.isoformat(),
        # The records have no recipes; without this setting purchased items without demand would be a finding.
        "tables": {"none": ["components"]},
        "horizon": {"weeks": WEEKS, "daily": DAILY},
        "costs": {"per": "week"},
        "calendar": {"fiscal": "months", "working_days": WORKING},
    }
    rows = write_extract(folder, tables, settings=settings, assumptions=sentences)
    return ImportReport(folder, week.as_of, rows, sentences)


def _network(week: Week) -> dict[str, pl.DataFrame]:
    """The network: one factory, one market, one line per family."""
    items = week.items
    peak = week.seen.group_by("item").agg(pl.col("made").max())
    daily = week.seen.join(items, on="item").group_by("family", "date").agg(pl.col("made").sum())
    line = daily.group_by("family").agg(pl.col("made").max()).filter(pl.col("made") > 0)
    rates = items.join(line.rename({"made": "rate"}), on="family").join(peak, on="item").filter(pl.col("made") > 0)
    resource = pl.concat_str(pl.lit("LINE "), "family")
    routings = rates.select(routing=pl.concat_str(pl.lit("MAKE "), "item"), item="item", location=pl.lit(FACTORY),
                            cost_per_unit=pl.lit(CONVERSION + MATERIAL))  # fmt: skip
    operations = rates.select(routing=pl.concat_str(pl.lit("MAKE "), "item"), step=pl.lit("fill"), resource=resource,
                              units_per_hour=pl.col("rate") / HOURS)  # fmt: skip
    days = pl.date_range(week.as_of, week.as_of + timedelta(days=7 * WEEKS - 1), eager=True).alias("date")
    bought = items.join(rates, on="item", how="anti")
    offers = bought.select(
        offer=pl.concat_str(pl.lit("BUY "), "item"),
        supplier=pl.lit(SUPPLY),
        item="item",
        location=pl.lit(MARKET),
        unit_cost=pl.lit(COST + FREIGHT),
        lead_time_days=pl.lit(float(BUY_DAYS)),
    )
    return {
        "offers": offers,
        "items": items.select("item", "family", unit=pl.lit("unit"), standard_cost=pl.lit(COST), price=pl.lit(PRICE),
                              holding_cost=pl.lit(COST * 0.002), end_value=pl.lit(COST * 0.9)),
        "locations": pl.DataFrame({"location": [FACTORY, MARKET], "kind": ["plant", "market"]}),
        "customers": pl.DataFrame({"customer": [CUSTOMER], "late_cost": [PRICE * LATE_SHARE],
                                   "latest_days": [float(LATE_DAYS)], "short_cost": [PRICE * SHORT_SHARE]}),
        "resources": line.sort("family").select(resource=resource, location=pl.lit(FACTORY), kind=pl.lit("line")),
        "calendar": line.select(resource=resource).join(days.to_frame(), how="cross").with_columns(hours=pl.lit(HOURS)),
        "routings": routings,
        "operations": operations,
        "lanes": pl.DataFrame({"lane": ["ISSUE"], "origin": [FACTORY], "destination": [MARKET], "mode": ["truck"],
                               "lead_time_days": [float(LEAD_DAYS)], "cost_per_unit": [FREIGHT]}),
    }  # fmt: skip


def _demand(week: Week) -> dict[str, pl.DataFrame]:
    """The forecast (mean of the preceding weeks) and the open orders (ordered and not yet delivered)."""
    since = week.as_of - timedelta(weeks=LOOK_BACK)
    recent = week.seen.filter(pl.col("date") >= since)
    days = recent["date"].n_unique()
    mean = recent.group_by("item").agg(quantity=(pl.col("ordered").sum() * 7 / days).round(0))
    mean = mean.filter(pl.col("quantity") > 0).join(week.items.select("item"), on="item", how="semi")
    weeks = [(week.as_of + timedelta(weeks=n)).strftime("%G-W%V") for n in range(WEEKS)]
    forecast = mean.join(pl.DataFrame({"period": weeks}), how="cross").select(
        "item", "period", "quantity", location=pl.lit(MARKET), customer=pl.lit(CUSTOMER)
    )
    lag = pl.col("ordered").sum() - pl.col("delivered").sum()
    open_ = week.seen.group_by("item").agg(quantity=lag.round(0)).filter(pl.col("quantity") > 0)
    open_ = open_.join(recent.filter(pl.col("ordered") > 0).select("item").unique(), on="item", how="semi")
    orders = open_.select(order=pl.concat_str(pl.lit("OPEN "), "item"), item="item", location=pl.lit(MARKET),
                          customer=pl.lit(CUSTOMER), due_on=pl.lit(week.as_of), quantity="quantity")  # fmt: skip
    return {"forecast": forecast, "orders": orders}


def stock(week: Week) -> pl.DataFrame:
    """[item, factory, market]: the opening stock plus later receipts less issues."""
    since = week.seen.group_by("item").agg(pl.col("made", "issued", "delivered").sum())
    joined = week.items.select("item").join(week.opening, on="item", how="left").join(since, on="item", how="left")
    return joined.with_columns(pl.exclude("item").fill_null(0.0)).select(
        "item",
        factory=(pl.col("factory") + pl.col("made") - pl.col("issued")).clip(0.0).round(6),
        market=(pl.col("market") + pl.col("issued") - pl.col("delivered")).clip(0.0).round(6),
    )


def _inventory(week: Week) -> pl.DataFrame:
    long = stock(week).unpivot(index="item", variable_name="place", value_name="on_hand").filter(pl.col("on_hand") > 0)
    place = pl.when(pl.col("place") == "factory").then(pl.lit(FACTORY)).otherwise(pl.lit(MARKET))
    return long.select("item", "on_hand", location=place)


def _actuals(week: Week) -> pl.DataFrame:
    """Actuals of the previous week: demand, sales, production and shipments by day."""
    last = week.seen.filter(pl.col("date") >= week.as_of - timedelta(days=7))
    long = last.unpivot(index=["date", "item"], on=["ordered", "made", "issued", "delivered"], value_name="quantity")
    words = {"ordered": "demand", "made": "make", "issued": "ship", "delivered": "sales"}
    places = {"ordered": MARKET, "made": FACTORY, "issued": FACTORY, "delivered": MARKET}
    sold = pl.col("variable") == "delivered"
    return long.filter(pl.col("quantity") > 0).select(
        "date",
        "item",
        "quantity",
        measure=pl.col("variable").replace_strict(words),
        location=pl.col("variable").replace_strict(places),
        customer=pl.when(pl.col("variable").is_in(["ordered", "delivered"]))
        .then(pl.lit(CUSTOMER))
        .otherwise(pl.lit("")),
        amount=pl.when(sold).then((pl.col("quantity") * PRICE).round(2)),
    )


def assumptions(recorded: Recorded, week: Week, currency: str) -> tuple[str, ...]:
    """Every assumption as a sentence with its counts."""
    items, seen = week.items, week.seen
    idle = recorded.days["item"].n_unique() - items.height
    never = items.join(seen.filter(pl.col("made") > 0), on="item", how="anti")
    unknown = items.filter(pl.col("family") == "unknown")
    opening = week.opening.select(pl.sum_horizontal("factory", "market").sum()).item()
    whole = seen.select(pl.col("ordered").sum() - pl.col("delivered").sum()).item()
    look = min(LOOK_BACK * 7, seen["date"].n_unique())
    last = (week.as_of - timedelta(days=1)).isoformat()
    said = [
        f"The extract knows {seen['date'].n_unique()} days of records, to {last}, and nothing later.",
        f"The records hold no money. Every unit sells at {PRICE:g} {currency} and costs {COST:g}, of which "
        f"{MATERIAL:g} material and {CONVERSION:g} conversion; freight is {FREIGHT:g} a unit, "
        "holding 0.2 % of cost a week. Only proportions mean something.",
        f"The records hold no stock. The stock before {recorded.first} is the least for which no recorded day ends "
        f"below zero: {opening:,.0f} units of all items together, computed from all records.",
        f"The forecast of every week is the mean week of the {look} days before: no season, no trend.",
        f"Open orders are the units ordered and not delivered since {recorded.first}, item by item, due at once "
        f"({whole:,.0f} units net over all items); items without an order in {LOOK_BACK} weeks have none.",
        "All factories are one place and all distributors are one: the records do not name the plant of a unit.",
        f"Transit from factory to distributors takes {LEAD_DAYS} day; production is finished on the day of its start.",
        "Each product group has its own line, every day of the week, with the rate of its best day so far; materials "
        "are always available.",
        f"An order can be delivered up to {LATE_DAYS} days late, at {LATE_SHARE:.0%} of its price a week; a unit never "
        f"delivered costs {SHORT_SHARE:.0%} of its price in goodwill.",
        "The list of items comes from all records.",
        "Units ordered are the demand of their day, served or not. The records have neither promised dates nor lost "
        "hours: there are no deliveries, and supply counts as on time.",
        "Fridays are no working days when months are split.",
        "The records have no S&OP plan and no budget: the pack compares with the previous week only.",
    ]
    if idle:
        said.append(f"{idle} products never moved and were left out.")
    if unknown.height:
        said.append(f"{unknown.height} of {items.height} products have no group: {names(unknown['item'])}.")
    if never.height:
        said.append(
            f"{never.height} items were never made so far. They can be bought at {COST + FREIGHT:g} {currency} with a "
            f"lead time of {BUY_DAYS} days: {names(never['item'])}."
        )
    return (*said, *recorded.beside)
