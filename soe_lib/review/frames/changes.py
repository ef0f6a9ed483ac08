"""What changed since the last extract and the plan of record, and where the plan breaks the frozen fence."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import polars as pl

from soe_lib.errors import ReconciliationError
from soe_lib.model.blocks.stability import Stability, gone
from soe_lib.model.network import Network
from soe_lib.money.profit_and_loss import moved_units
from soe_lib.review.frames.demand import published_forecast
from soe_lib.review.frames.service import named
from soe_lib.review.frames.supply import late_receipts
from soe_lib.review.frames.time import shared_weeks

if TYPE_CHECKING:
    from soe_lib.extract.snapshot import Snapshot
    from soe_lib.store.plan import Plan


LEAST = 0.5


def changed_events(now: Snapshot, before: Snapshot | None) -> pl.DataFrame:
    """Events that are new, changed, or no longer named: change, event, kind, target, from, to, hours,
    factor, days, note.
    """
    columns = ["event", "kind", "target", "from", "to", "hours", "factor", "days", "note"]
    here = now["events"].select(columns)
    if before is None:
        return here.clear().select(pl.lit("").alias("change"), *columns)
    there = before["events"].select(columns)
    same = here.join(there, on=columns, how="semi", nulls_equal=True)
    fresh = here.join(there, on="event", how="anti").with_columns(change=pl.lit("new"))
    moved = (
        here.join(there, on="event", how="semi")
        .join(same, on="event", how="anti")
        .with_columns(change=pl.lit("changed"))
    )
    gone = there.join(here, on="event", how="anti").with_columns(change=pl.lit("no longer named"))
    return pl.concat([fresh, moved, gone]).select("change", *columns).sort("change", "event")


def changed_receipts(now: Snapshot, before: Snapshot | None) -> pl.DataFrame:
    """Scheduled receipts that moved, changed, appeared or vanished before they were due; the latest moved
    first.

    Returns
    -------
    change, receipt, item, description, location, due_before, due_now [dates], days_later [days],
    quantity_before, quantity_now [units].
    """
    columns = ["receipt", "item", "location", "due_on", "quantity"]
    here = now["receipts"].select(columns)
    # Without an earlier extract nothing is known to have changed.
    there = (before or now)["receipts"].select(columns)
    both = here.join(there, on="receipt", how="full", coalesce=True, suffix="_before", validate="1:1")
    later = (pl.col("due_on") - pl.col("due_on_before")).dt.total_days()
    moved = pl.col("due_on") != pl.col("due_on_before")
    change = (
        pl.when(pl.col("due_on_before").is_null()).then(pl.lit("new"))
        .when(pl.col("due_on").is_null()).then(pl.lit("gone"))
        .when(moved).then(pl.lit("moved"))
        .when((pl.col("quantity") - pl.col("quantity_before")).abs() > LEAST).then(pl.lit("quantity"))
        .otherwise(pl.lit(""))
    )  # fmt: skip
    items = now["items"].select("item", "description")
    arrived = pl.col("due_on").is_null() & (pl.col("due_on_before") < now.as_of)
    return (
        both.with_columns(change=change, days_later=later, item=pl.coalesce("item", "item_before"))
        .filter((pl.col("change") != "") & ~arrived.fill_null(False))
        .with_columns(location=pl.coalesce("location", "location_before"))
        .join(items, on="item", how="left", validate="m:1")
        .select(
            "change", "receipt", "item", named("description", "item"), "location",
            pl.col("due_on_before").alias("due_before"), pl.col("due_on").alias("due_now"), "days_later",
            pl.col("quantity_before"), pl.col("quantity").alias("quantity_now"),
        )
        .sort(["days_later", "receipt"], descending=[True, False], nulls_last=True)
    )  # fmt: skip


def changed_orders(now: Snapshot, before: Snapshot | None) -> pl.DataFrame:
    """Orders that came in, changed or went since the last extract, by customer and family; the largest
    change first.

    An order that went before its due date is counted as gone: shipped early or cancelled, the extract does
    not say.

    Returns
    -------
    customer, family, new, changed, gone, net [units], orders [count of orders touched].
    """
    columns = ["order", "item", "customer", "due_on", "quantity"]
    here = now["orders"].select(columns)
    there = (before or now)["orders"].select(columns)
    both = here.join(there, on="order", how="full", coalesce=True, suffix="_before", validate="1:1")
    shipped = pl.col("quantity").is_null() & (pl.col("due_on_before") < now.as_of)
    kept = both.filter(~shipped.fill_null(False)).with_columns(
        item=pl.coalesce("item", "item_before"), customer=pl.coalesce("customer", "customer_before")
    )
    was, is_now = pl.col("quantity_before"), pl.col("quantity")
    split = kept.with_columns(
        new=pl.when(was.is_null()).then(is_now).otherwise(0.0),
        gone=pl.when(is_now.is_null()).then(-was).otherwise(0.0),
        changed=pl.when(was.is_not_null() & is_now.is_not_null()).then(is_now - was).otherwise(0.0),
    ).filter((pl.col("new").abs() + pl.col("gone").abs() + pl.col("changed").abs()) > LEAST)
    items = now["items"].select("item", pl.col("family").replace("", "No family"))
    grouped = split.join(items, on="item", how="left", validate="m:1").group_by("customer", "family")
    summed = grouped.agg(pl.col("new", "changed", "gone").sum(), orders=pl.len().cast(pl.Int64))
    net = pl.col("new") + pl.col("changed") + pl.col("gone")
    return summed.with_columns(net=net).sort(
        [pl.col("net").abs(), "customer", "family"], descending=[True, False, False]
    )


def changed_inputs(now: Snapshot, before: Snapshot | None) -> pl.DataFrame:
    """How the forecast of the weeks that both extracts cover has moved, by family; the largest move first.

    Returns
    -------
    family, before, now, change [units], share [ratio of the earlier forecast].
    """
    empty = {"family": pl.String, "before": pl.Float64, "now": pl.Float64}
    if before is None:
        parts = pl.DataFrame(schema=empty)
    else:
        weeks = shared_weeks(now.periods, before.periods)["bucket"].unique().implode()
        items = now["items"].select("item", pl.col("family").replace("", "No family"))
        sides = {
            side: published_forecast(one).filter(pl.col("week").is_in(weeks)).join(items, on="item", how="left")
            .group_by("family").agg(pl.col("forecast").sum().alias(side))
            for side, one in (("before", before), ("now", now))
        }  # fmt: skip
        parts = (
            sides["before"].join(sides["now"], on="family", how="full", coalesce=True, validate="1:1").fill_null(0.0)
        )
    change = pl.col("now") - pl.col("before")
    share = pl.when(pl.col("before") > 0).then(change / pl.col("before"))
    return parts.with_columns(change=change, share=share).sort(
        [pl.col("change").abs(), "family"], descending=[True, False]
    )


def changed_plan(now: Plan, before: Plan | None, *, frozen_days: int = 0) -> pl.DataFrame:
    """What the plan does otherwise than the plan of record did, by flow, item, place and week, over the days that both
    cover; nothing where they share none.

    Parameters
    ----------
    frozen_days : length of the frozen fence from the newer as-of date [days].

    Returns
    -------
    flow, item, location, week, before, now, change [units], inside [whether the week starts within the fence].
    """
    kinds = dict.fromkeys(("flow", "item", "location", "week"), pl.String)
    empty = pl.DataFrame(
        schema={**kinds, **dict.fromkeys(("before", "now", "change"), pl.Float64), "inside": pl.Boolean}
    )
    if before is None:
        return empty
    try:
        units = moved_units(before, now, frozen_days=frozen_days)
    except ReconciliationError:
        return empty
    return units.rename({"after": "now"})


CELL = ["routing", "period"]
FENCE_LEAST = 1e-3
HALF = 0.5
"""A break has a cause where taking the cause away spares at least this share of it."""
DEPTH = 8
"""Levels of a recipe that are followed down to what is scarce."""
BREAKS = {
    "routing": pl.String, "period": pl.String, "item": pl.String, "description": pl.String, "location": pl.String,
    "starts_on": pl.Date, "ends_on": pl.Date, "recorded": pl.Float64, "now": pl.Float64, "change": pl.Float64,
    "price": pl.Float64, "money": pl.Float64, "limit": pl.String, "key": pl.String, "note": pl.String,
}  # fmt: skip
"""One row a break: recorded, now, change [units]; price [money a unit], money (steering); limit: "material", "hours",
"gone" or "pays", and the item, resource or routing that it is; note: the receipt or event that names it."""


def fence_breaks(snapshot: Snapshot, plan: Plan, record: Plan | None) -> pl.DataFrame:
    """Every unit that is made otherwise than the plan of record in the frozen fence, the dearest first.

    Formula: money = |now − recorded| × break price. What limits a unit that is not made is read from the plan's
    prices: of its hours and its components, what stands furthest above its ordinary cost.

    Parameters
    ----------
    record : the plan of record, for what can no longer be made at all; such a break has no price in the plan.

    Returns
    -------
    the columns of BREAKS.
    """
    if record is None or snapshot.settings.fence.frozen_days <= 0:
        return pl.DataFrame(schema=BREAKS)
    rows = in_fence(snapshot, plan, record).filter(pl.col("change").abs() > FENCE_LEAST)
    limits, less = scarce(snapshot, plan).rename({"key": "scarce"}), pl.col("change") < 0
    limited = rows.join(limits, on=CELL, how="left").with_columns(
        pl.when(less).then(pl.col("limit")).fill_null("pays"), key=pl.when(less).then(pl.col("scarce")).fill_null(""),
        money=pl.col("change").abs() * pl.col("price"),
    )  # fmt: skip
    lost = _gone(snapshot, record)
    items = snapshot["items"].select("item", "description")
    found = pl.concat([limited.select(lost.columns), lost]).join(items, on="item", how="left")
    return (
        _noted(found.with_columns(named("description", "item")), snapshot)
        .select(pl.col(name).cast(kind) for name, kind in BREAKS.items())
        .sort(["money", "change", "routing", "period"], descending=[True, False, False, False], nulls_last=True)
    )


def in_fence(snapshot: Snapshot, plan: Plan, record: Plan) -> pl.DataFrame:
    """Every routing in the periods of the frozen fence: routing, period, item, location, recorded, price, now, change,
    starts_on, ends_on.
    """
    days = plan.periods.select(pl.col("period").cast(pl.String), "starts_on", "ends_on")
    zone = Stability.of(record).zone(Network(snapshot), "frozen")
    told = zone.rename({"quantity": "recorded"}).with_columns(pl.col(*CELL, "item", "location").cast(pl.String))
    empty = pl.DataFrame(schema={**dict.fromkeys(CELL, pl.String), "quantity": pl.Float64})
    made = plan.flows.get("make", empty).select(*CELL, now="quantity")
    return (
        told.join(made, on=CELL, how="left")
        .join(days, on="period", how="left")
        .with_columns(pl.col("now").fill_null(0.0))
        .with_columns(change=pl.col("now") - pl.col("recorded"))
    )


def scarce(snapshot: Snapshot, plan: Plan) -> pl.DataFrame:
    """What limits each routing in each period by the plan's prices: routing, period, limit ("material", "hours"), key.

    A component that is made here itself is followed down to what limits it.
    """
    best = pl.concat([_hours(snapshot, plan), _materials(snapshot, plan)]).filter(pl.col("premium") > FENCE_LEAST)
    first = best.sort(["premium", "key"], descending=[True, False]).unique(CELL, keep="first", maintain_order=True)
    makers = snapshot["routings"].select("routing", "item", "location").unique("routing")
    deeper = first.join(makers, on="routing").select("period", pl.col("item").alias("key"), "location",
                                                     deeper="limit", deeper_key="key")  # fmt: skip
    deeper = deeper.unique(["period", "key", "location"], keep="first", maintain_order=True)
    found = first.join(makers.drop("item"), on="routing")
    for _ in range(DEPTH):
        down = found.join(deeper, on=["period", "key", "location"], how="left")
        follow = (pl.col("limit") == "material") & pl.col("deeper").is_not_null()
        found = down.with_columns(
            limit=pl.when(follow).then("deeper").otherwise("limit"),
            key=pl.when(follow).then("deeper_key").otherwise("key"),
        ).drop("deeper", "deeper_key")
    return found.select(*CELL, "limit", "key")


def _hours(snapshot: Snapshot, plan: Plan) -> pl.DataFrame:
    """routing, period, limit, key, premium: hours of a unit × what an hour is worth; of alternatives the cheapest."""
    prices = _prices(plan, "hours", "resource")
    each = pl.coalesce("hours_per_unit", 1.0 / pl.col("units_per_hour")).fill_null(0.0)
    worked = snapshot["operations"].select("routing", "step", "resource", each=each).join(prices, on="resource")
    rows = worked.with_columns(premium=pl.col("each") * pl.col("price")).sort("premium", "resource")
    own = pl.col("step").fill_null("") == ""
    return (
        rows.with_columns(step=pl.when(own).then("resource").otherwise("step"))
        .unique(["routing", "step", "period"], keep="first", maintain_order=True)
        .select(*CELL, limit=pl.lit("hours"), key="resource", premium="premium")
    )


def _materials(snapshot: Snapshot, plan: Plan) -> pl.DataFrame:
    """routing, period, limit, key, premium: what a unit's component is worth there above its standard cost."""
    costs = snapshot["items"].select(component="item", cost=pl.col("standard_cost").fill_null(0.0))
    # The price of a stock row is that of one unit taken away.
    worth = _prices(plan, "stock", "item", "location").rename({"item": "component"}).with_columns(-pl.col("price"))
    used = snapshot["components"].select("routing", "component", "quantity").join(
        snapshot["routings"].select("routing", "location").unique("routing"), on="routing"
    )  # fmt: skip
    above = (pl.col("price") - pl.col("cost")) * pl.col("quantity")
    rows = used.join(worth, on=["component", "location"]).join(costs, on="component", how="left")
    return rows.select(*CELL, limit=pl.lit("material"), key="component", premium=above)


def _prices(plan: Plan, constraint: str, *keys: str) -> pl.DataFrame:
    empty = {**dict.fromkeys((*keys, "period"), pl.String), "price": pl.Float64}
    return plan.prices[constraint].select(*empty) if constraint in plan.prices else pl.DataFrame(schema=empty)


def _gone(snapshot: Snapshot, record: Plan) -> pl.DataFrame:
    """Recorded production in the fence whose routing is not there any more: nobody can make it."""
    made = record.flows.get("make")
    if made is None:
        return pl.DataFrame(schema={name: kind for name, kind in BREAKS.items() if name not in ("description", "note")})
    until = pl.lit(snapshot.as_of) + pl.duration(days=snapshot.settings.fence.frozen_days)
    lost = gone(snapshot["routings"], Stability.of(record), snapshot.calendar, until).filter(
        pl.col("quantity") > FENCE_LEAST
    )
    places = made.select("routing", "item", "location").unique("routing", keep="first", maintain_order=True)
    return lost.join(places, on="routing", how="left").select(
        "routing", "period", "item", "location", "starts_on", "ends_on", recorded="quantity", now=pl.lit(0.0),
        change=-pl.col("quantity"), price=pl.lit(None, pl.Float64), money=pl.lit(None, pl.Float64),
        limit=pl.lit("gone"), key="routing",
    )  # fmt: skip


def _noted(found: pl.DataFrame, snapshot: Snapshot) -> pl.DataFrame:
    """The breaks with the receipt that comes late, or the downtime, of what limits them."""
    late = late_receipts(snapshot).select(
        key="item", location="location", receipt=pl.format("{}, due {}, comes {}", "receipt", "due_on", "comes_on")
    ).unique(["key", "location"], keep="first", maintain_order=True)  # fmt: skip
    down = snapshot["events"].filter(pl.col("kind") == "downtime").select("event", "target")
    places = snapshot["resources"].select("resource", target="location")
    own = down.select("event", resource="target")
    stops = pl.concat([own, down.join(places, on="target").select("event", "resource")])
    stops = stops.unique("resource", keep="first", maintain_order=True).rename({"resource": "key"})
    joined = found.join(late, on=["key", "location"], how="left").join(stops, on="key", how="left")
    of_material, of_hours = pl.col("limit") == "material", pl.col("limit") == "hours"
    note = pl.when(of_material).then("receipt").when(of_hours).then("event").otherwise(None).fill_null("")
    return joined.with_columns(note=note)


def with_causes(breaks: pl.DataFrame, costs: pl.DataFrame | None) -> pl.DataFrame:
    """The breaks with the cause without which most of each is spared, by planning again: cause, spared [units].

    Parameters
    ----------
    costs : from `cost_of_events`; None where nobody has planned again.
    """
    none = breaks.with_columns(cause=pl.lit(""), spared=pl.lit(0.0))
    if costs is None or "unbroken" not in costs.columns or breaks.is_empty():
        return none
    spared = costs.select("subject", "unbroken").explode("unbroken").drop_nulls("unbroken").unnest("unbroken")
    best = spared.sort(["units", "subject"], descending=[True, False]).unique(CELL, keep="first", maintain_order=True)
    joined = breaks.join(best.select(*CELL, cause="subject", spared="units"), on=CELL, how="left")
    most = pl.col("spared") >= HALF * pl.col("change").abs()
    kept = [pl.when(most).then("cause").fill_null("").alias("cause"), pl.when(most).then("spared").fill_null(0.0)]
    return joined.with_columns(kept[0], kept[1].alias("spared"))


def reasons(breaks: pl.DataFrame, names: dict[str, str]) -> list[str]:
    """Why the fence is broken, a sentence a cause with its units, the dearest first.

    Parameters
    ----------
    breaks : from `with_causes`. names : item → description.
    """
    own = pl.col("cause") != ""
    told = breaks.with_columns(
        pl.when(own).then(pl.lit("")).otherwise(name).alias(name) for name in ("limit", "key", "note")
    )
    summed = told.group_by("cause", "limit", "key", "note").agg(
        pl.col("spared", "money").sum(), pl.col("change").abs().sum()
    )
    rows = summed.sort(["money", "cause", "key"], descending=[True, False, False], nulls_last=True)
    return [
        why(row, names) if row["cause"] else f"{why(row, names)}: {row['change']:,.0f} units"
        for row in rows.iter_rows(named=True)
    ]


def recorded_in_fence(snapshot: Snapshot, record: Plan) -> float:
    """What the plan of record makes in the frozen fence, what can no longer be made included [units]."""
    until = snapshot.as_of + timedelta(days=snapshot.settings.fence.frozen_days)
    inside = snapshot.periods.filter(pl.col("starts_on") < until)["period"].cast(pl.String)
    made = Stability.of(record).in_periods(snapshot.calendar)
    return float(made.filter(pl.col("period").is_in(inside.implode()))["quantity"].sum())


def why(row: dict[str, object], names: dict[str, str]) -> str:
    """Why a unit of the frozen fence is broken, in words; names: item → description."""
    key, note = str(row["key"]), str(row["note"])
    if cause := row.get("cause"):
        return f"{cause}: without it {float(row['spared']):,.0f} of these units stay"  # type: ignore[arg-type]
    said = {
        "material": f"{names.get(key) or key} is not there: stock and receipts do not feed it",
        "hours": f"the hours of {key} do not suffice",
        "gone": f"routing {key} is no longer there on that day",
        "pays": "the plan is worth more with the break than it costs",
    }[str(row["limit"])]
    return f"{said} ({note})" if note else said


def breaks_said(snapshot: Snapshot, plan: Plan, record: Plan | None, *, most: int = 12) -> list[str]:
    """The breaks in lines, for a terminal; none where no fence keeps to a plan of record."""
    if record is None or snapshot.settings.fence.frozen_days <= 0:
        return []
    rows, names = fence_breaks(snapshot, plan, record), dict(snapshot["items"].select("item", "description").rows())
    lines = [f"The frozen fence keeps to {record.name} of {record.as_of}; {rows.height} breaks of it."]
    for row in rows.head(most).iter_rows(named=True):
        cost = "no price: it cannot be made" if row["money"] is None else f"{plan.currency} {row['money']:,.2f}"
        lines.append(
            f"  {row['starts_on']} {row['routing']}: {row['now']:,.0f} for {row['recorded']:,.0f} units, "
            f"{cost}: {why(row, names)}"
        )
    if rows.height > most:
        lines.append(f"  and {rows.height - most} more")
    return lines
