"""A plan as orders in running order: production, purchases, transfers, promises, daily rates, safety stocks."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from itertools import permutations
from typing import TYPE_CHECKING

import polars as pl

from soe_lib.model.demand import late_from
from soe_lib.model.stock_targets import safety_stocks
from soe_lib.store.plan import OFF_CENTRE

if TYPE_CHECKING:
    from soe_lib.extract.snapshot import Snapshot
    from soe_lib.store.plan import Plan


MILLION = 1e6
KEYS: Mapping[str, tuple[str, ...]] = {
    "production_orders": ("production_order",),
    "purchase_orders": ("purchase_order",),
    "transfer_orders": ("transfer_order",),
    "allocation": ("order", "item", "location", "customer", "due", "period"),
    "allocation_forecast": ("item", "location", "customer", "due", "period"),
    "daily_rates": ("production_order", "date"),
    "targets": ("item", "location"),
}
"""Table → what tells its rows apart."""


def released(plan: Plan, snapshot: Snapshot, firm: Collection[str] | None = None) -> dict[str, pl.DataFrame]:
    """Every table of a release.

    Quantities are those of the plan to a millionth of a unit, rounded as the plan's own fingerprint rounds them: what
    is read back has the same fingerprint. Cells below half a millionth are nothing.

    Parameters
    ----------
    plan : the decided plan. snapshot : the extract it was made from, for lines, hours, units and due dates.
    firm : the periods to release; all when left out.
    """
    part = plan if firm is None else _within(plan, firm)
    production = production_orders(part, snapshot)
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
        "targets": safety_stocks(snapshot),
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


def whole(quantity: pl.Expr) -> pl.Expr:
    """A quantity to a millionth of a unit, rounded as `Plan.identity` rounds."""
    return (quantity * MILLION + OFF_CENTRE).round(0) / MILLION


def production_orders(plan: Plan, snapshot: Snapshot) -> pl.DataFrame:
    """What each line starts, in the order in which it should run within a period.

    A routing of several steps has a row per step; a step that may run on several lines has a row per line that the
    plan chose. Hours are units started × hours per unit; set-up hours stand beside them.
    """
    cells = _runs(plan, snapshot)
    if cells.is_empty():
        return pl.DataFrame(schema=_MADE)
    items = snapshot["items"].select("item", "description", "family", "unit")
    routings = _cells(plan, "make").select("routing", "yield", "item", "location").unique("routing")
    ready = _arrival(plan, "make", ("routing", "period"))
    joined = (
        cells.join(routings, on="routing", validate="m:1")
        .join(items, on="item", how="left", validate="m:1")
        .join(ready, on=["routing", "period"], how="left", validate="m:1")
        .join(_days(plan), on="period", validate="m:1")
        .with_columns(good=pl.col("quantity") * pl.col("yield"), hours=pl.col("quantity") * pl.col("hours_per_unit"))
    )
    ordered = sequenced(joined)
    line = pl.when(pl.col("line") == "").then("location").otherwise("line")
    number = _number("MO", "starts_on", line, pl.col("sequence").cast(pl.String).str.zfill(2))
    return ordered.sort("starts_on", "location", "line", "sequence", "routing", "step").select(
        number.alias("production_order"), "location", "line", "period", "starts_on", "ends_on", "sequence", "routing",
        "step", "item", "description", "quantity", pl.col("good").alias("good_quantity"), "unit", "hours",
        "setup_hours", pl.col("arrives_on").alias("ready_on"),
    )  # fmt: skip


def purchase_orders(plan: Plan, snapshot: Snapshot) -> pl.DataFrame:
    """What is ordered from each supplier, when, and when it arrives; scheduled receipts are firm already: left out."""
    cells = _cells(plan, "buy")
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
    cells = _cells(plan, "ship")
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
        cells = _cells(plan, flow)
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


def _runs(plan: Plan, snapshot: Snapshot) -> pl.DataFrame:
    """routing, step, line, period, quantity, hours_per_unit, setup_hours: made cells by the line that works on them."""
    made = _cells(plan, "make")
    if made.is_empty():
        return pl.DataFrame(schema=_RUNS)
    each = pl.coalesce("hours_per_unit", 1.0 / pl.col("units_per_hour")).fill_null(0.0)
    ways = snapshot["operations"].select(
        "routing", "step", pl.col("resource").alias("line"), each.alias("hours_per_unit"),
        pl.col("setup_hours").fill_null(0.0),
    )  # fmt: skip
    forked = (pl.col("step") != "") & (pl.len().over("routing", "step") > 1)
    single = ways.filter(~forked)
    parts = [made.join(single, on="routing").select(*_RUNS)]
    unworked = made.join(ways, on="routing", how="anti")
    parts.append(
        unworked.select(
            "routing", pl.lit("").alias("step"), pl.lit("").alias("line"), "period", "quantity",
            pl.lit(0.0).alias("hours_per_unit"), pl.lit(0.0).alias("setup_hours"),
        )
    )  # fmt: skip
    run = _cells(plan, "run")
    if not run.is_empty():
        chosen = run.select("routing", "step", "period", "quantity", line="resource")
        parts.append(chosen.join(ways, on=["routing", "step", "line"], validate="m:1").select(*_RUNS))
    return pl.concat(parts)


def _cells(plan: Plan, flow: str) -> pl.DataFrame:
    """The cells of a flow that are something, to a millionth of a unit; no rows where the plan has no such flow."""
    frame = plan.flows.get(flow)
    if frame is None:
        return pl.DataFrame(schema={"quantity": pl.Float64})
    return frame.with_columns(quantity=whole(pl.col("quantity"))).filter(pl.col("quantity") != 0)


def _days(plan: Plan) -> pl.DataFrame:
    return plan.periods.select("period", "starts_on", "ends_on")


def _arrival(plan: Plan, flow: str, keys: tuple[str, ...]) -> pl.DataFrame:
    """The day on which the last of a cell is there: last day of dispatch + lead time; null where periods count."""
    cells = _cells(plan, flow)
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
    """An order's number from what it is: the same plan gives the same numbers, whoever writes them."""
    texts = [pl.col(part) if isinstance(part, str) else part for part in parts]
    return pl.concat_str(pl.lit(kind), pl.col(day).dt.strftime("%Y%m%d"), *texts, separator="-")


NUMBERS = ("quantity", "good_quantity", "hours", "hours_per_unit", "setup_hours", "unit_cost", "amount")


def _schema(names: str) -> dict[str, type[pl.DataType]]:
    """Columns by name with their types: days end in _on or _until, and what is no number is text."""
    kinds = {**dict.fromkeys(NUMBERS, pl.Float64), "sequence": pl.Int64, "expedite": pl.Boolean}
    return {name: pl.Date if name.endswith(("_on", "_until")) else kinds.get(name, pl.String) for name in names.split()}


_RUNS = _schema("routing step line period quantity hours_per_unit setup_hours")
_MADE = _schema(
    "production_order location line period starts_on ends_on sequence routing step item description quantity "
    "good_quantity unit hours setup_hours ready_on"
)
_BUYS = _schema(
    "purchase_order supplier offer item description deliver_to period order_on order_until arrives_on quantity unit "
    "unit_cost amount currency expedite"
)
_SHIPS = _schema(
    "transfer_order lane mode origin destination item description period ship_on ship_until arrives_on quantity unit"
)
_ALLOCATION = _schema("order customer item description location due due_on period promised_on quantity unit state")


FAMILY = 1e-3
"""Hours that a change of family counts beside the set-up's own: it breaks ties, and never outweighs a set-up."""


@dataclass(frozen=True)
class Job:
    """One routing's step on a line in a period: what a set-up is for."""

    name: str
    family: str
    setup_hours: float


def sequenced(runs: pl.DataFrame) -> pl.DataFrame:
    """The runs with their place on the line within the period, from 1.

    Parameters
    ----------
    runs : line, location, starts_on, routing, step, family, setup_hours; a row per run.
    """
    if runs.is_empty():
        return runs.with_columns(sequence=pl.lit(None, dtype=pl.Int64))
    job = pl.concat_str("routing", "step", separator="\x1f").alias("job")
    ordered = runs.with_columns(job).sort("location", "line", "starts_on", "job")
    found = []
    for (location, line), own in ordered.group_by(["location", "line"], maintain_order=True):
        days = [
            (day, [Job(*row) for row in part.select("job", pl.col("family").fill_null(""), "setup_hours").iter_rows()])
            for (day,), part in own.group_by(["starts_on"], maintain_order=True)
        ]
        for (day, _), jobs in zip(days, best([jobs for _, jobs in days]), strict=True):
            found += [(location, line, day, one.name, place) for place, one in enumerate(jobs, start=1)]
    kinds = {"location": pl.String, "line": pl.String, "starts_on": pl.Date, "job": pl.String, "sequence": pl.Int64}
    places = pl.DataFrame(found, schema=kinds, orient="row")
    return ordered.join(places, on=["location", "line", "starts_on", "job"], validate="1:1").drop("job")


def best(days: list[list[Job]]) -> list[list[Job]]:
    """The sequences of consecutive periods of one line with the fewest changeover hours over all of them.

    A set-up is saved where a period begins with what the one before it ended with. Within a period every job but the
    first needs its own set-up, so only the first and the last matter, and what stands between them is put by family.
    Exact by dynamic programming over the last job of each period: hours = Σ set-ups + FAMILY × changes of family.
    """
    reached: dict[Job | None, tuple[float, list[list[Job]]]] = {None: (0.0, [])}
    for jobs in days:
        following: dict[Job | None, tuple[float, list[list[Job]]]] = {}
        for before, (so_far, path) in reached.items():
            for first, last in _ends(jobs):
                order = _between(jobs, first, last)
                hours = so_far + changeover(order, before)
                if last not in following or hours < following[last][0] - 1e-12:
                    following[last] = (hours, [*path, order])
        reached = following
    return min(reached.values(), key=lambda found: found[0])[1]


def changeover(order: list[Job], before: Job | None) -> float:
    """Hours of set-up of one sequence after a job, families counted as `FAMILY` hours each."""
    hours = 0.0
    for one in order:
        if before is None or one.name != before.name:
            hours += one.setup_hours + FAMILY * (before is not None and one.family != before.family)
        before = one
    return hours


def _ends(jobs: list[Job]) -> list[tuple[Job, Job]]:
    return [(jobs[0], jobs[0])] if len(jobs) == 1 else list(permutations(jobs, 2))


def _between(jobs: list[Job], first: Job, last: Job) -> list[Job]:
    """First, then its family, then the other families, last's family at the end, then last."""
    if len(jobs) == 1:
        return list(jobs)
    inner = [one for one in jobs if one not in (first, last)]
    inner.sort(key=lambda one: (one.family != first.family, one.family == last.family, one.family, one.name))
    return [first, *inner, last]
