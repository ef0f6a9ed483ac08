"""A plan as orders in running order: production, purchases, transfers, promises, daily rates, safety stocks."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import polars as pl

from soe_lib.model.demand import late_from
from soe_lib.model.pegging.answer import Pegging, pegging
from soe_lib.model.stock_targets import safety_stocks
from soe_lib.operations.served import KEY, purposes, served
from soe_lib.review.frames.runs import runs, used

if TYPE_CHECKING:
    from soe_lib.extract.snapshot import Snapshot
    from soe_lib.store.plan import Plan


KEYS: Mapping[str, tuple[str, ...]] = {
    "production_orders": ("production_order",),
    "purchase_orders": ("purchase_order",),
    "transfer_orders": ("transfer_order",),
    "allocation": ("order", "item", "location", "customer", "due", "period"),
    "allocation_forecast": ("item", "location", "customer", "due", "period"),
    "daily_rates": ("production_order", "date"),
    "pegging": KEY,
    "targets": ("item", "location"),
    "changes": ("change_key",),
    "not_in_erp": ("order",),
}
"""Table → what tells its rows apart."""


def released(
    plan: Plan, snapshot: Snapshot, firm: Collection[str] | None = None, pegged: Pegging | None = None
) -> dict[str, pl.DataFrame]:
    """Every table of a release.

    Quantities are those of the plan to a millionth of a unit, rounded as the plan's own fingerprint rounds them: what
    is read back has the same fingerprint. Cells below half a millionth are nothing.

    Parameters
    ----------
    plan : the decided plan. snapshot : the extract it was made from, for lines, hours, units and due dates.
    firm : the periods to release; all when left out. pegged : of the plan, where that is at hand.
    """
    return {**tables_of(plan, snapshot, firm, pegged), "targets": safety_stocks(snapshot)}


def tables_of(
    plan: Plan, snapshot: Snapshot, firm: Collection[str] | None = None, pegged: Pegging | None = None
) -> dict[str, pl.DataFrame]:
    """The tables of a release that come from the plan; parameters as of `released`."""
    part = plan if firm is None else _within(plan, firm)
    pegs = pegged or pegging(plan, snapshot)
    production = production_orders(part, snapshot, purposes(pegs, snapshot))
    allocated = allocation(part, snapshot)
    ordered = allocated.filter(pl.col("order") != "")
    return {
        "production_orders": production,
        "purchase_orders": purchase_orders(part, snapshot),
        "transfer_orders": transfer_orders(part, snapshot),
        "allocation": ordered,
        "allocation_forecast": allocated.filter((pl.col("order") == "") & (pl.col("state") != "not served")).drop(
            "order", "due_on"
        ),
        "daily_rates": daily_rates(production),
        "pegging": served(pegs, snapshot, firm),
    }


def _within(plan: Plan, periods: Collection[str]) -> Plan:
    """The plan with nothing but what happens in some periods; what is never served counts where it was due."""
    inside = pl.col("period").is_in(sorted(periods))
    flows = {
        name: frame.filter(inside)
        if "period" in frame.columns
        else frame.filter(pl.col("due").is_in(sorted(periods)))
        if "due" in frame.columns
        else frame
        for name, frame in plan.flows.items()
    }
    return replace(plan, flows=flows, valued=None)


def production_orders(plan: Plan, snapshot: Snapshot, told: pl.DataFrame) -> pl.DataFrame:
    """What each line starts, in the order in which it should run within a period, and what it is for.

    A routing of several steps has a row per step; a step that may run on several lines has a row per line that the
    plan chose. Hours are units started × hours per unit; set-up hours stand beside them.

    Parameters
    ----------
    told : routing, period, serves: orders and forecast that each run is for.
    """
    made = runs(plan, snapshot)
    if made.is_empty():
        return pl.DataFrame(schema=_MADE)
    ready = _arrival(plan, "make", ("routing", "period"))
    cell = ["routing", "period"]
    ordered = made.join(ready, on=cell, how="left", validate="m:1", maintain_order="left")
    ordered = ordered.join(told, on=cell, how="left", validate="m:1", maintain_order="left")
    line = pl.when(pl.col("line") == "").then("location").otherwise("line")
    step = pl.when(pl.col("step") == "").then(pl.lit("")).otherwise(pl.lit("-") + pl.col("step"))
    number = _number("MO", "starts_on", line, pl.concat_str("routing", step))
    return ordered.select(
        number.alias("production_order"), "location", "line", "period", "starts_on", "ends_on", "sequence", "routing",
        "step", "item", "description", "quantity", pl.col("good").alias("good_quantity"), "unit", "hours",
        "setup_hours", pl.col("arrives_on").alias("ready_on"), pl.col("serves").fill_null(""),
    )  # fmt: skip


def purchase_orders(plan: Plan, snapshot: Snapshot) -> pl.DataFrame:
    """What is ordered from each supplier, when, and when it arrives; scheduled receipts are firm already: left out."""
    cells = used(plan, "buy")
    if cells.is_empty():
        return pl.DataFrame(schema=_BUYS)
    found = _named(cells.join(_days(plan), on="period", validate="m:1"), snapshot)
    found = found.join(_arrival(plan, "buy", ("offer", "period")), on=["offer", "period"], how="left", validate="m:1")
    return found.sort("starts_on", "supplier", "offer").select(
        _number("PO", "starts_on", "offer").alias("purchase_order"), "supplier", "offer", "item", "description",
        pl.col("location").alias("deliver_to"), "period", pl.col("starts_on").alias("order_on"),
        pl.col("ends_on").alias("order_until"), "arrives_on", "quantity", "unit", "unit_cost",
        (pl.col("quantity") * pl.col("unit_cost")).alias("amount"), pl.lit(plan.currency).alias("currency"),
        pl.col("expedite").cast(pl.Boolean),
    )  # fmt: skip


def transfer_orders(plan: Plan, snapshot: Snapshot) -> pl.DataFrame:
    """What is shipped between places, when it leaves and when it arrives."""
    cells = used(plan, "ship")
    if cells.is_empty():
        return pl.DataFrame(schema=_SHIPS)
    found = _named(cells.join(_days(plan), on="period", validate="m:1"), snapshot)
    keys = ["lane", "item", "period"]
    found = found.join(_arrival(plan, "ship", tuple(keys)), on=keys, how="left", validate="m:1")
    return found.sort("starts_on", "lane", "item").select(
        _number("TO", "starts_on", "lane", "item").alias("transfer_order"), "lane", "mode", "origin", "destination",
        "item", "description", "period", pl.col("starts_on").alias("ship_on"), pl.col("ends_on").alias("ship_until"),
        "arrives_on", "quantity", "unit",
    )  # fmt: skip


def allocation(plan: Plan, snapshot: Snapshot) -> pl.DataFrame:
    """What each demand line gets and the day that can be promised; order "" is forecast.

    The promise is the last day of the period of service, never before the due date; an overdue order is late. A part
    that is never served has no promise.
    """
    keys = ["order", "item", "location", "customer", "due", "period"]
    parts = []
    for flow in ("sell", "short"):
        cells = used(plan, flow)
        if not cells.is_empty():
            period = pl.col("period") if "period" in cells.columns else pl.lit("").alias("period")
            parts.append(cells.select(*keys[:-1], period, "quantity", pl.lit(flow).alias("flow")))
    if not parts:
        return pl.DataFrame(schema=_ALLOCATION)
    periods = plan.periods.select("period", "ends_on", place="index")
    dues = plan.periods.select(due="period", due_place="index")
    orders = snapshot["orders"].select("order", late_from(snapshot.settings).alias("due_on")).unique("order")
    late = (pl.col("place") > pl.col("due_place")) | (pl.col("due_on") < snapshot.as_of).fill_null(False)
    state = pl.when(pl.col("flow") == "short").then(pl.lit("not served")).when(late).then(pl.lit("late"))
    return (
        _named(pl.concat(parts), snapshot)
        .join(periods, on="period", how="left", validate="m:1")
        .join(dues, on="due", how="left", validate="m:1")
        .join(orders, on="order", how="left", validate="m:1")
        .with_columns(state=state.otherwise(pl.lit("on time")))
        .with_columns(promised_on=pl.when(late | pl.col("due_on").is_null()).then("ends_on").otherwise("due_on"))
        .with_columns(promised_on=pl.when(pl.col("state") != "not served").then("promised_on"))
        .sort("order", "customer", "location", "item", "due", "period")
        .select(*_ALLOCATION)
    )


def daily_rates(production: pl.DataFrame) -> pl.DataFrame:
    """Units and hours that each line runs each day: an order of several days is spread evenly over them."""
    days = (pl.col("ends_on") - pl.col("starts_on")).dt.total_days() + 1
    spread = production.with_columns(days=days, date=pl.date_ranges("starts_on", "ends_on")).explode("date")
    return spread.sort("location", "line", "date", "sequence").select(
        "location", "line", "date", "sequence", "routing", "step", "item", "description",
        (pl.col("quantity") / pl.col("days")).alias("quantity_per_day"), "unit",
        (pl.col("hours") / pl.col("days")).alias("hours_per_day"), "production_order",
    )  # fmt: skip


def _days(plan: Plan) -> pl.DataFrame:
    return plan.periods.select("period", "starts_on", "ends_on")


def _arrival(plan: Plan, flow: str, keys: tuple[str, ...]) -> pl.DataFrame:
    """The day on which the last of a cell is there: last day of dispatch + lead time; null where periods count."""
    cells = used(plan, flow)
    lead = "lead_calendar" if "lead_calendar" in cells.columns else "lead_days"  # plans that are kept have no other
    cells = cells.select(*keys, lead, "dispatch").unique(keys)
    days = pl.duration(days=pl.col(lead).ceil().cast(pl.Int64))
    dated = cells.join(_days(plan), on="period", validate="m:1")
    last = pl.when(pl.col("dispatch") == "start").then("starts_on").otherwise("ends_on")
    return dated.select(*keys, arrives_on=last + days)


def _named(frame: pl.DataFrame, snapshot: Snapshot) -> pl.DataFrame:
    items = snapshot["items"].select("item", "description", "unit")
    return frame.join(items, on="item", how="left", validate="m:1")


def _number(kind: str, day: str, *parts: str | pl.Expr) -> pl.Expr:
    """An order's number from what it is and when: the same order has the same number, whichever plan has it."""
    texts = [pl.col(part) if isinstance(part, str) else part for part in parts]
    return pl.concat_str(pl.lit(kind), pl.col(day).dt.strftime("%Y%m%d"), *texts, separator="-")


NUMBERS = ("quantity", "good_quantity", "hours", "hours_per_unit", "setup_hours", "unit_cost", "amount")


def _schema(names: str) -> dict[str, type[pl.DataType]]:
    """Columns by name with their types: days end in _on or _until, and what is no number is text."""
    kinds = {**dict.fromkeys(NUMBERS, pl.Float64), "sequence": pl.Int64, "expedite": pl.Boolean}
    return {name: pl.Date if name.endswith(("_on", "_until")) else kinds.get(name, pl.String) for name in names.split()}


_MADE = _schema(
    "production_order location line period starts_on ends_on sequence routing step item description quantity "
    "good_quantity unit hours setup_hours ready_on serves"
)
_BUYS = _schema(
    "purchase_order supplier offer item description deliver_to period order_on order_until arrives_on quantity unit "
    "unit_cost amount currency expedite"
)
_SHIPS = _schema(
    "transfer_order lane mode origin destination item description period ship_on ship_until arrives_on quantity unit"
)
_ALLOCATION = _schema("order customer item description location due due_on period promised_on quantity unit state")
SCHEMAS = {"production_orders": _MADE, "purchase_orders": _BUYS, "transfer_orders": _SHIPS}
"""Table → its columns and types, for who reads a release again."""
