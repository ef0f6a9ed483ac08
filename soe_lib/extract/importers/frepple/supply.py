"""frePPLe item suppliers and item distributions → offers and lanes, groups of items resolved to the items themselves.

Source: frePPLe's model reference, item suppliers, item distributions, items (hierarchy).
"""

from __future__ import annotations

import polars as pl

from soe_lib.extract.importers.frepple.calendars import values
from soe_lib.extract.importers.frepple.source import Frepple
from soe_lib.extract.importers.frepple.timing import EVER, NEVER, disjoint, is_rounded, lead_days, lots, validity
from soe_lib.extract.importers.frepple.trees import members
from soe_lib.extract.importers.report import Part, names, tell

NODE = ["item", "location"]
UNKNOWN_SUPPLIER = "unknown supplier"
UNLIMITED_SUPPLIER = "unlimited stock"
UNKNOWN_LEAD_DAYS = 7.0
LONG_DAYS = 5
"""A closure of so many days in a row is a holiday, a shorter one a week-end."""


def offers(source: Frepple, wanted: pl.DataFrame) -> Part:
    """What can be bought where: an offer per item, location and supplier.

    Parameters
    ----------
    wanted : item, location where an item is stocked, used, sold or shipped from; a supplier without a location
        delivers to all of them.
    """
    every = source["itemsupplier"]
    rows = every.filter(pl.col("priority") != 0)
    below = members(source["item"], "item").rename({"group": "item", "member": "one"})
    spread = rows.join(below, on="item").join(wanted.rename({"item": "one", "location": "place"}), on="one", how="left")
    given = pl.col("location") != ""
    # a group stands for its members; the group itself is an item only where something names it
    spread = spread.with_columns(place=pl.when(given).then("location").otherwise("place")).filter(
        pl.col("place").is_not_null()
    )
    used = wanted.select(one="item").unique()
    spread = spread.filter((pl.col("one") == pl.col("item")) | pl.col("one").is_in(used["one"].implode()))
    spread = spread.with_columns(item="one", location="place").unique(
        ["item", "location", "supplier", "effectivestart", "sizeminimum", "priority", "cost"], maintain_order=True
    )
    hours = (pl.col("leadtime") + pl.col("hardsafetyleadtime")) / 3600
    label = pl.concat_str("item", pl.lit(" @ "), "location", pl.lit(" from "), "supplier")
    table = spread.select(
        label.alias("offer"), *validity(), "supplier", *NODE, "cost", "priority",
        lead_days(hours).alias("lead_time_days"), *lots(),
    )  # fmt: skip
    best = disjoint(table, "offer", ["priority", "cost"])
    repeated = _overlapping(table, "offer", "item suppliers")
    unused = tell(
        every.filter(pl.col("priority") == 0), "item", every.height, "item suppliers",
        "have priority 0, which frePPLe does not plan; left out",
    )  # fmt: skip
    brief = tell(
        table.filter(pl.col("valid_from") > pl.col("valid_to")), "offer", table.height, "item suppliers",
        "hold for a part of one day only; left out",
    )  # fmt: skip
    return Part({"offers": best.drop("priority")}, brief + unused + repeated + _supplier_terms(rows, hours))


def _overlapping(table: pl.DataFrame, key: str, things: str) -> tuple[str, ...]:
    """What is said of terms that hold on a day on which others between the same ends hold too."""
    rows = table.with_row_index("_row").with_columns(
        _from=pl.col("valid_from").fill_null(EVER), _to=pl.col("valid_to").fill_null(NEVER)
    )
    rows = rows.filter(pl.col("_from") <= pl.col("_to"))
    pairs = rows.join(rows.select(key, other="_row", since="_from", until="_to"), on=key)
    apart = pl.col("_row") != pl.col("other")
    both = pairs.filter(apart, pl.col("_from") <= pl.col("until"), pl.col("since") <= pl.col("_to")).unique("_row")
    what = "hold at the same time as others between the same ends; on each day the better priority, then the lower cost"
    return tell(both, key, table.height, things, what)


def opened(source: Frepple, table: pl.DataFrame, when: pl.DataFrame) -> Part:
    """Offers outside the closures of their suppliers: nothing is ordered while one is closed for long.

    Parameters
    ----------
    table : offers with supplier, valid_from and valid_to.
    when : slots of the horizon, from `calendars.slots`.
    """
    kept = source["supplier"].filter(pl.col("available") != "", pl.col("name").is_in(table["supplier"].implode()))
    valued = values(source, kept["available"].unique().to_list(), when).rename({"calendar": "available"})
    days = valued.with_columns(date=pl.col("starts_at").dt.date()).group_by("available", "date")
    work = kept.join(days.agg(works=(pl.col("value") != 0).any()), on="available").sort("name", "date")
    run = pl.col("works").rle_id().over("name")
    spans = work.group_by("name", run.alias("run"), maintain_order=True).agg(
        pl.col("works").first(), first=pl.col("date").min(), last=pl.col("date").max(), days=pl.len()
    )
    shut = spans.filter(~pl.col("works"), pl.col("days") >= LONG_DAYS)
    short = spans.filter(~pl.col("works"), pl.col("days") < LONG_DAYS)["name"].implode()
    notes = tell(
        kept.filter(pl.col("name").is_in(shut["name"].implode())), "name", source["supplier"].height, "suppliers",
        f"are closed for {LONG_DAYS} days or longer by their calendar: nothing is ordered from them then; what was "
        "ordered before arrives after its lead time all the same",
    ) + tell(
        kept.filter(pl.col("name").is_in(short)), "name", source["supplier"].height, "suppliers",
        f"are closed for less than {LONG_DAYS} days at a time by their calendar (nights and week-ends among them); "
        "left out, lead times count calendar days",
    )  # fmt: skip
    return Part({"offers": _outside(table, shut, when)}, notes)


def _outside(table: pl.DataFrame, shut: pl.DataFrame, when: pl.DataFrame) -> pl.DataFrame:
    """The offers with every closure of the supplier cut out; one that lasts to the horizon's end has no end."""
    if shut.is_empty():
        return table
    end = when["date"].max()
    last = pl.when(pl.col("last") < end).then("last")
    closed = table.join(shut.select(supplier="name", valid_from="first", valid_to=last), on="supplier", suffix="_shut")
    marks = closed.with_columns(valid_from="valid_from_shut", valid_to="valid_to_shut").select(table.columns)
    both = pl.concat([table.with_columns(_open=pl.lit(1)), marks.with_columns(_open=pl.lit(0))])
    return disjoint(both, "offer", ["_open"]).filter(pl.col("_open") == 1).drop("_open")


def _supplier_terms(rows: pl.DataFrame, hours: pl.Expr) -> tuple[str, ...]:
    total, things = rows.height, "item suppliers"
    soft = pl.col("softsafetyleadtime").fill_null(0.0) + pl.col("extrasafetyleadtime").fill_null(0.0)
    return (
        tell(
            rows.filter(is_rounded(hours)), "item", total, things,
            "have a lead time that is no whole number of days; rounded to days, at least one",
        )
        + tell(rows.filter(soft > 0), "item", total, things, "have a soft safety lead time; left out")
        + tell(
            rows.filter(pl.col("fence").fill_null(0.0) > 0), "item", total, things,
            "have a release fence; left out, the plan may order at once",
        )
        + tell(
            rows.filter(pl.col("sizemaximum").is_not_null()), "item", total, things,
            "have a largest order size; left out, it limits one order and not the plan",
        )
        + tell(
            rows.filter(pl.col("resource") != ""), "item", total, things,
            "use a resource of the supplier; the supplier's capacity is left out",
        )
    )  # fmt: skip


def lanes(source: Frepple, start: pl.DataFrame, wanted: pl.DataFrame, share: pl.DataFrame) -> Part:
    """What can be shipped where: a lane per item, origin and destination that the item can reach.

    Parameters
    ----------
    start : item, location where an item is made, bought, in stock or arriving.
    wanted : item, location where it is used or sold; a distribution without a destination delivers to all of them.
    share : location, share of the time in which it works: lead times count working time of the origin.
    """
    every = source["itemdistribution"]
    rows = every.filter(pl.col("priority") != 0, pl.col("origin") != "")
    candidates = _candidates(source, rows, wanted)
    reached = _reached(start, candidates.select("item", "origin", "location").unique())
    kept = candidates.join(reached, left_on=["item", "origin"], right_on=NODE, how="semi")
    kept = kept.join(share.rename({"location": "origin"}), on="origin", how="left").with_columns(
        pl.col("share").fill_null(1.0), hours=pl.col("leadtime") / 3600
    )
    hours, worked = pl.col("hours"), pl.col("share")
    table = kept.select(
        pl.concat_str("item", pl.lit(": "), "origin", pl.lit(" > "), "location").alias("lane"),
        *validity(), "origin", "item", "priority", "resource", "resourceqty",
        lead_days(hours, worked).alias("lead_time_days"),
        pl.col("cost").fill_null(0.0).alias("cost_per_unit"), *lots(), destination="location",
    )  # fmt: skip
    best = disjoint(table, "lane", ["priority", "cost_per_unit"])
    handled = best.filter(pl.col("resource") != "").select(
        "lane", "item", "resource", hours_per_unit=pl.col("resourceqty").fill_null(1.0)
    )
    tables = {"lanes": best.drop("priority", "resource", "resourceqty"), "lane_resources": handled.unique()}
    return Part(tables, _overlapping(table, "lane", "item distributions") + _lane_terms(every, rows, kept, handled))


def _candidates(source: Frepple, rows: pl.DataFrame, wanted: pl.DataFrame) -> pl.DataFrame:
    """Every item below a distribution's item, to every destination meant; a lane from a place to itself is none."""
    below = members(source["item"], "item").rename({"group": "item", "member": "one"})
    spread = rows.join(below, on="item").join(wanted.rename({"item": "one", "location": "place"}), on="one", how="left")
    given = pl.col("location") != ""
    spread = spread.with_columns(location=pl.when(given).then("location").otherwise("place"), item="one")
    return spread.filter(pl.col("location").is_not_null(), pl.col("location") != pl.col("origin")).unique(
        ["item", "origin", "location", "effectivestart", "priority", "sizeminimum", "cost"], maintain_order=True
    )


def _reached(start: pl.DataFrame, arcs: pl.DataFrame) -> pl.DataFrame:
    """Every item at every location that it can come to."""
    found = fresh = start.select(NODE).unique()
    while not fresh.is_empty():
        further = fresh.join(arcs.rename({"location": "to"}), left_on=NODE, right_on=["item", "origin"])
        fresh = further.select("item", location="to").unique().join(found, on=NODE, how="anti")
        found = pl.concat([found, fresh])
    return found


def _lane_terms(every: pl.DataFrame, rows: pl.DataFrame, kept: pl.DataFrame, handled: pl.DataFrame) -> tuple[str, ...]:
    total, things = every.height, "item distributions"
    hours, worked = pl.col("hours"), pl.col("share")
    return (
        tell(
            every.join(rows, on=every.columns, how="anti", nulls_equal=True), "item", total, things,
            "have priority 0 or no origin; left out",
        )
        + tell(
            kept.filter(is_rounded(hours, worked)), "item", kept.height, "lanes",
            "have a lead time in working time of the origin that is no whole number of calendar days; "
            "rounded to days, at least one",
        )
        + tell(
            rows.filter(pl.col("sizemaximum").is_not_null()), "item", total, things,
            "have a largest shipment; left out, it limits one shipment and not the plan",
        )
        + tell(handled, "resource", kept.height, "lanes", "use a resource; a unit of resource_qty is read as an hour")
    )  # fmt: skip


def broken(reached: pl.DataFrame, needed: pl.DataFrame) -> Part:
    """An offer for whatever is needed where nothing brings it: frePPLe invents such a supplier too.

    Parameters
    ----------
    reached : item, location where something comes from or can be shipped to.
    needed : item, location of demand and of components.

    Source: frePPLe's parameter plan.fixBrokenSupplyPath, true by default.
    """
    lost = needed.unique().join(reached, on=NODE, how="anti").sort(NODE)
    table = lost.select(
        pl.concat_str("item", pl.lit(" @ "), "location", pl.lit(f" from {UNKNOWN_SUPPLIER}")).alias("offer"),
        pl.lit(None, pl.Date).alias("valid_from"), pl.lit(None, pl.Date).alias("valid_to"),
        pl.lit(UNKNOWN_SUPPLIER).alias("supplier"), *NODE, pl.lit(None, pl.Float64).alias("cost"),
        pl.lit(UNKNOWN_LEAD_DAYS).alias("lead_time_days"),
        pl.lit(None, pl.Float64).alias("minimum"), pl.lit(None, pl.Float64).alias("multiple"),
    )  # fmt: skip
    where = names(table["offer"].str.strip_suffix(f" from {UNKNOWN_SUPPLIER}"))
    notes = (
        (
            f"{lost.height} items are needed where nothing makes, buys or ships them ({where}); as frePPLe does, "
            f'a made-up "{UNKNOWN_SUPPLIER}" delivers them, here within {UNKNOWN_LEAD_DAYS:g} days.',
        )
        if lost.height
        else ()
    )
    return Part({"offers": table}, notes)


def unlimited(source: Frepple) -> Part:
    """frePPLe's buffers of type infinite as offers without a limit and without a lead time."""
    rows = source["buffer"].filter(pl.col("type").str.to_lowercase() == "infinite").select(NODE).unique().sort(NODE)
    table = broken(rows.clear(), rows)["offers"].with_columns(
        pl.concat_str("item", pl.lit(" @ "), "location", pl.lit(f" from {UNLIMITED_SUPPLIER}")).alias("offer"),
        supplier=pl.lit(UNLIMITED_SUPPLIER), lead_time_days=pl.lit(0.0),
    )  # fmt: skip
    what = f'are infinite; written as offers of an "{UNLIMITED_SUPPLIER}"'
    notes = tell(rows, "item", source["buffer"].height, "buffers", what)
    return Part({"offers": table}, notes)


def reached(start: pl.DataFrame, lanes_table: pl.DataFrame) -> pl.DataFrame:
    """item, location that anything comes to, by the lanes kept."""
    arcs = lanes_table.select("item", "origin", location="destination").unique()
    return _reached(start, arcs)
