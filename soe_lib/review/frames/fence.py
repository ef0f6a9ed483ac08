"""Where the plan breaks the frozen fence: what, when, at which price, and which limit made it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import polars as pl

from soe_lib.model.blocks.stability import Stability, gone
from soe_lib.model.network import Network
from soe_lib.review.frames.lateness import late_receipts
from soe_lib.review.frames.lines import named

if TYPE_CHECKING:
    from soe_lib.extract.snapshot import Snapshot
    from soe_lib.model.plan import Plan

CELL = ["routing", "period"]
LEAST = 1e-3
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
    rows = in_fence(snapshot, plan, record).filter(pl.col("change").abs() > LEAST)
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
    best = pl.concat([_hours(snapshot, plan), _materials(snapshot, plan)]).filter(pl.col("premium") > LEAST)
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


def _prices(plan: Plan, balance: str, *keys: str) -> pl.DataFrame:
    empty = {**dict.fromkeys((*keys, "period"), pl.String), "price": pl.Float64}
    return plan.prices[balance].select(*empty) if balance in plan.prices else pl.DataFrame(schema=empty)


def _gone(snapshot: Snapshot, record: Plan) -> pl.DataFrame:
    """Recorded production in the fence whose routing is not there any more: nobody can make it."""
    made = record.flows.get("make")
    if made is None:
        return pl.DataFrame(schema={name: kind for name, kind in BREAKS.items() if name not in ("description", "note")})
    until = pl.lit(snapshot.as_of) + pl.duration(days=snapshot.settings.fence.frozen_days)
    lost = gone(snapshot["routings"], Stability.of(record), snapshot.calendar, until).filter(pl.col("quantity") > LEAST)
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
