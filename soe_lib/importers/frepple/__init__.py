"""frePPLe → the data contract: migration from frePPLe, with every assumption listed and counted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import polars as pl

from soe_lib.extract.calendar import horizon
from soe_lib.extract.writing import write_extract
from soe_lib.importers import ImportReport, Part
from soe_lib.importers.frepple import money, network
from soe_lib.importers.frepple.calendars import (
    WEEKDAYS,
    is_quantity_bucket,
    open_share,
    resource_hours,
    slots,
    unknown_calendars,
)
from soe_lib.importers.frepple.network import NODE
from soe_lib.importers.frepple.production import loads, production
from soe_lib.importers.frepple.source import Frepple, check, read, tell

LEAST_WEEKS, SPARE_WEEKS, MOST_WEEKS = 13, 2, 53
DAILY = 14


@dataclass(frozen=True)
class Frame:
    """The common context of the conversion: source, sales orders, as-of date, slots of the horizon, lots or not."""

    source: Frepple
    sales: pl.DataFrame
    as_of: date
    weeks: int
    when: pl.DataFrame
    share: pl.DataFrame
    lots: bool


def import_frepple(
    source: Path | str,
    target: Path | str,
    *,
    as_of: date | None = None,
    currency: str = "USD",
    lots: bool = False,
) -> ImportReport:
    """Turn an export of frePPLe into an extract that can be checked, planned and published.

    Parameters
    ----------
    source : folder with frePPLe's CSV tables; item, location and demand are needed, all others may be missing.
    target : company folder; the extract is written to target/<as-of date>/, replacing an earlier import of that date.
    as_of : first day of the plan; default frePPLe's currentdate, else the first day with an open order or receipt.
    currency : ISO code of all amounts; frePPLe has no currency in these tables.
    lots : keep smallest orders, multiples and fixed times per order; the plan then has integer decisions, whose proof
        of optimality can take minutes.

    Returns
    -------
    the written extract, and every assumption as a sentence with its counts.

    Raises
    ------
    DataError : a table or column is missing, a cell cannot be read, tables do not fit together, or the target holds
        an extract that was not imported.
    """
    export = read(Path(source))
    check(export)
    frame, said = _frame(export, as_of, lots=lots)
    parts = _parts(frame)
    tables = _flat(parts)
    assumptions = (*said, *(note for part in parts for note in part.notes), *left_out(export, currency))
    folder = Path(target) / frame.as_of.isoformat()
    chosen = settings(
        Path(target).resolve().name, currency, frame.as_of, tables["calendar"], weeks=frame.weeks, daily=DAILY
    )
    rows = write_extract(folder, tables, settings=chosen, assumptions=assumptions)
    return ImportReport(folder, frame.as_of, rows, assumptions)


def _frame(export: Frepple, as_of: date | None, *, lots: bool) -> tuple[Frame, tuple[str, ...]]:
    sales, notes = network.statuses(export)
    if as_of is None:
        as_of, sentence = network.default_as_of(export, sales)
        notes = (sentence, *notes)
    weeks, covered = network.horizon_weeks(sales, as_of=as_of, least=LEAST_WEEKS, spare=SPARE_WEEKS, most=MOST_WEEKS)
    last = horizon(as_of, weeks=weeks, daily=DAILY)["ends_on"][-1]
    when = slots(export, first=as_of, last=last)
    return Frame(export, sales, as_of, weeks, when, open_share(export, when), lots), notes + covered


def _parts(frame: Frame) -> list[Part]:
    """Every table of the extract, in order of dependency."""
    source, as_of = frame.source, frame.as_of
    ways, made = production(source, as_of=as_of, share=frame.share)
    loaded = loads(source, ways, as_of=as_of, lots=frame.lots)
    resources = money.resources(source, loaded["operations"], made["routings"])
    stocked = network.stock(source, as_of=as_of)
    on_way = network.receipts(source, ways.ways, as_of=as_of)
    used = pl.concat([network.places(source), _consumed(made), made["routings"].select(NODE)]).unique().sort(NODE)
    ordered = network.orders(source, frame.sales, used, as_of=as_of)
    bought, shipped = _supply(frame, made, stocked, on_way, ordered, used)
    opened = network.opened(source, bought["offers"], frame.when)
    offers = money.priced_offers(source, opened["offers"])
    received = on_way["receipts"].pipe(_matched, offers["offers"], shipped["lanes"], made["routings"])
    known = [
        made,
        loaded,
        resources,
        stocked,
        on_way,
        ordered,
        bought,
        shipped,
        opened,
        offers,
        Part({"receipts": received}),
    ]
    physical = [*known, *_sized(frame, _flat(known))]
    return [*physical, Part(notes=_choices(_flat(physical))), *_valued(frame, physical), _calendar(frame, physical)]


def _choices(flat: Mapping[str, pl.DataFrame]) -> tuple[str, ...]:
    """Sentences on decisions that differ from frePPLe: the choice of source, and the duration of production."""
    arriving = flat["lanes"].select("item", location="destination", way="lane")
    bought, made = (flat[f"{way}s"].select(*NODE, way=way) for way in ("offer", "routing"))
    ways = pl.concat([made, bought, arriving]).unique().group_by(NODE).agg(pl.len().alias("ways"))
    several = ways.filter(pl.col("ways") > 1).select(node=pl.concat_str("item", pl.lit(" @ "), "location"))
    running = flat["operations"].filter(pl.col("hours_per_unit") > 0).unique("routing")
    return tell("several ways", several, ways.height) + tell("run times", running, flat["routings"].height)


def _sized(frame: Frame, flat: Mapping[str, pl.DataFrame]) -> list[Part]:
    """Offers, lanes and routings, with or without lots."""
    if not frame.lots:
        return [money.without(name, flat[name]) for name in ("routings", "offers", "lanes")]
    needed = money.requirement(flat["orders"], flat["policies"], flat["routings"], flat["components"])
    fixed = flat["operations"].filter(pl.col("setup_hours") > 0)["routing"].unique()
    return [
        money.bounded("routings", flat["routings"], needed, fixed=fixed),
        money.bounded("offers", flat["offers"], needed),
        money.bounded("lanes", flat["lanes"], needed),
    ]


def _flat(parts: list[Part]) -> dict[str, pl.DataFrame]:
    """Tables by name; a later one replaces an earlier one of the same name."""
    return {name: rows for part in parts for name, rows in part.tables.items()}


def _consumed(made: Part) -> pl.DataFrame:
    """item, location of every component."""
    where = made["routings"].select("routing", "location").unique()
    return made["components"].join(where, on="routing").select("location", item="component").select(NODE).unique()


def _supply(
    frame: Frame, made: Part, stocked: Part, on_way: Part, ordered: Part, used: pl.DataFrame
) -> tuple[Part, Part]:
    """Offers (still without prices) and lanes, with offers of a dummy supplier where the supply path is broken."""
    source = frame.source
    asked = ordered["orders"].select(NODE)
    wanted = pl.concat([used, asked]).unique().sort(NODE)
    bought, endless = network.offers(source, wanted), network.unlimited(source)
    by_products = made["co_products"].join(made["routings"].select("routing", "location").unique(), on="routing")
    sources = [bought["offers"], endless["offers"], made["routings"], stocked["inventory"], on_way["receipts"]]
    start = pl.concat([rows.select(NODE) for rows in (*sources, by_products)])
    shipped = network.lanes(source, start, wanted, frame.share)
    reached = network.reached(start, shipped["lanes"])
    lost = network.broken(reached, pl.concat([asked, _consumed(made)]))
    offers = pl.concat([part["offers"] for part in (bought, endless, lost)])
    return Part({"offers": offers}, bought.notes + endless.notes + lost.notes), shipped


def _matched(receipts: pl.DataFrame, offers: pl.DataFrame, lanes: pl.DataFrame, routings: pl.DataFrame) -> pl.DataFrame:
    """Receipts with their offer, lane or routing, if the extract has it."""
    by_offer = offers.select("offer", "supplier", *NODE).unique(["supplier", *NODE])
    by_lane = lanes.select("lane", "item", "origin", location="destination").unique(["item", "origin", "location"])
    by_routing = routings.select("routing", operation="routing").unique()
    kind = pl.col("kind")
    return (
        receipts.join(by_offer, on=["supplier", *NODE], how="left")
        .join(by_lane, on=["item", "origin", "location"], how="left")
        .join(by_routing, on="operation", how="left")
        .with_columns(
            offer=pl.when(kind == "buy").then("offer").fill_null(""),
            lane=pl.when(kind == "ship").then("lane").fill_null(""),
            routing=pl.when(kind == "make").then("routing").fill_null(""),
        )
        .drop("supplier", "origin", "operation")
    )


def _valued(frame: Frame, physical: list[Part]) -> list[Part]:
    """Locations, items, customers, policies and actuals: tables with money or that depend on all others."""
    flat = _flat(physical)
    worth = money.acquisition(
        flat["offers"], flat["routings"], flat["components"], flat["operations"], flat["resources"]
    )
    sold = pl.concat([flat["orders"]["item"], flat["actuals"]["item"]]).unique()
    items = money.items(frame.source, _labels(flat, ("item", "component")), sold, worth)
    prices = items["items"].select("item", "price")
    customers = money.customers(frame.source, frame.sales, flat["orders"], prices)
    actuals = money.actuals(flat["actuals"], prices)
    return [_locations(flat), items, customers, money.policies(flat["policies"], items["items"]), actuals]


def _labels(flat: Mapping[str, pl.DataFrame], columns: tuple[str, ...]) -> pl.Series:
    """The distinct labels in these columns of all tables."""
    found = [rows[column].alias("label") for rows in flat.values() for column in columns if column in rows.columns]
    labels = pl.concat(found).unique().sort()
    return labels.filter(labels != "")


def _locations(flat: Mapping[str, pl.DataFrame]) -> Part:
    """Locations in use: a plant where something is made, a market where something is ordered, else a warehouse."""
    used = _labels(flat, ("location", "origin", "destination"))
    place = pl.col("location")
    made, asked = flat["routings"]["location"].implode(), flat["orders"]["location"].implode()
    kind = (
        pl.when(place.is_in(made))
        .then(pl.lit("plant"))
        .when(place.is_in(asked))
        .then(pl.lit("market"))
        .otherwise(pl.lit("warehouse"))
    )
    return Part({"locations": used.alias("location").to_frame().with_columns(kind=kind)})


def _calendar(frame: Frame, physical: list[Part]) -> Part:
    """Hours of every resource in use by day."""
    used = _flat(physical)["operations"]["resource"].unique().sort()
    hours = resource_hours(frame.source, used.to_list(), frame.when).with_columns(pl.col("hours").round(6))
    idle = pl.DataFrame({"resource": used}).join(hours, on="resource", how="anti")
    notes = tell("no hours", idle, len(used))
    counted = frame.source["resource"].filter(pl.col("name").is_in(used.implode()), is_quantity_bucket())
    said = tell("amounts per bucket", counted, len(used))
    return Part({"calendar": hours}, notes + said + unknown_calendars(frame.source))


LEAST_WORKED = 0.25
"""Least share of the busiest weekday's hours for a weekday to be a working day."""


def left_out(export: Frepple, currency: str) -> tuple[str, ...]:
    """Sentences on missing tables, content without a place in the contract, and the currency."""
    absent = ", ".join(f"{table}.csv" for table in export.absent)
    empty = (f"{len(export.absent)} tables were not exported and count as empty: {absent}.",) if absent else ()
    dependent = {"operationdependency.csv": export["operationdependency"].height}
    left = {**{name: rows for name, rows in dependent.items() if rows}, **export.unused}
    files = tuple(f"{name} ({rows:,} rows) has no place in the contract yet; left out." for name, rows in left.items())
    return (
        *empty,
        *files,
        *(_beside(file, columns) for file, columns in export.beside.items()),
        *_parameters(export),
        f"All amounts are in {currency}, which was set at the import; the export has no currency.",
    )


def _beside(file: str, columns: Mapping[str, int]) -> str:
    counted = ", ".join(f"{name} ({count:,})" for name, count in columns.items())
    return f"{file} holds columns that the import does not use (filled cells): {counted}."


def _parameters(export: Frepple) -> tuple[str, ...]:
    rows = export["parameter"]
    other = rows.filter(pl.col("name").str.to_lowercase() != "currentdate", pl.col("value") != "")
    return tell("parameters", other, rows.height)


def settings(
    company: str, currency: str, as_of: date, calendar: pl.DataFrame, *, weeks: int, daily: int
) -> dict[str, object]:
    """settings.toml as plain values; working days are the weekdays on which the resources work."""
    worked = calendar.group_by(pl.col("date").dt.weekday().alias("weekday")).agg(pl.col("hours").sum()).sort("weekday")
    busy = worked.filter(pl.col("hours") >= pl.col("hours").max() * LEAST_WORKED)["weekday"].to_list()
    section: dict[str, object] = {"fiscal": "months"}
    if busy:
        section["working_days"] = [WEEKDAYS[day - 1].capitalize() for day in busy]
    return {
        "company": company,
        "currency": currency,
        "as_of": as_of.isoformat(),
        "horizon": {"weeks": weeks, "daily": daily},
        "costs": {"per": "week"},
        "limits": {"per": "period"},  # the only maxima are bounds on lots
        "calendar": section,
    }
