"""What the plan serves of each demand line and of each commitment, and where the month will end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import polars as pl

from soe_lib.extract.calendar import PER
from soe_lib.model.demand import late_from
from soe_lib.review.frames.demand import forecast_versions
from soe_lib.review.frames.time import buckets
from soe_lib.review.kpis import WMAPE

if TYPE_CHECKING:
    from soe_lib.extract.snapshot import Snapshot
    from soe_lib.store.plan import Plan


LINE = ["item", "location", "customer", "order", "due"]
LEAST = 5e-3


def lines(snapshot: Snapshot, plan: Plan) -> pl.DataFrame:
    """One row per demand line, with what the plan does to it.

    Formula: on_time = Σ sell in or before the due period, late = Σ sell after it and of overdue orders, short = units
    never served; the three add up to the demand. incurred = demand × late_cost × what it has been late before the
    as-of date, in `costs.per` (for costs per period: in periods as long as the first).

    Returns
    -------
    item, location, customer, order ("" for forecast), due, due_index, demand, on_time, late, short, was_late [units:
    of the late ones, those that the plan serves at once], overdue [days late before the as-of date], incurred [money],
    last_index [period of the last service, null without], price, margin [money/unit: price − standard
    cost], short_penalty [money/unit], late_money [money paid for lateness], description, family, priority.
    """
    places = plan.periods.select(pl.col("period"), pl.col("index"))
    sold = moved(plan, "sell", [*LINE, "period"], ("price", "late", "late_cost", "overdue"))
    sold = sold.join(places, on="period", how="left").join(
        places.rename({"period": "due", "index": "due_index"}), on="due", how="left", validate="m:1"
    )
    after, was_late = pl.col("index") > pl.col("due_index"), pl.col("overdue") > 0
    served = sold.group_by(LINE).agg(
        on_time=pl.col("quantity").filter(~after & ~was_late).sum(),
        late=pl.col("quantity").filter(after | was_late).sum(),
        was_late=pl.col("quantity").filter(~after & was_late).sum(),
        overdue=pl.col("overdue").max(),
        late_cost=pl.col("late_cost").max(),
        last_index=pl.col("index").filter(pl.col("quantity") > LEAST).max(),
        late_money=(pl.col("quantity") * pl.col("late") * pl.col("late_cost")).sum(),
        sold_price=pl.col("price").max(),
    )
    missed = moved(plan, "short", LINE, ("price", "short_penalty")).rename({"quantity": "short"})
    both = served.join(missed, on=LINE, how="full", coalesce=True, validate="1:1")
    filled = both.with_columns(
        pl.col("on_time", "late", "was_late", "short", "late_money", "short_penalty").fill_null(0.0),
        pl.col("overdue", "late_cost").fill_null(0.0),
        price=pl.coalesce("price", "sold_price").fill_null(0.0),
    ).drop("sold_price")
    found = labelled(snapshot, plan, filled)
    length = PER.get(snapshot.settings.costs.per, float(snapshot.periods["days"][0]))
    incurred = pl.col("demand") * pl.col("late_cost") * pl.col("overdue") / length
    return found.with_columns(incurred=incurred).drop("late_cost")


def missed_now(snapshot: Snapshot, plan: Plan) -> pl.DataFrame:
    """Demand lines that this plan serves late or not at all; of overdue ones not what it serves at once."""
    found = lines(snapshot, plan).with_columns(late=pl.col("late") - pl.col("was_late"))
    return found.filter(pl.col("late") + pl.col("short") > LEAST)


def labelled(snapshot: Snapshot, plan: Plan, filled: pl.DataFrame) -> pl.DataFrame:
    """Demand lines with their item's and customer's names, their priority and their margin per unit."""
    items = snapshot["items"].select("item", "description", "family", "standard_cost")
    customers = snapshot["customers"].select("customer", "priority")
    due = plan.periods.select(pl.col("period").alias("due"), pl.col("index").alias("due_index"))
    return (
        filled.join(items, on="item", how="left", validate="m:1")
        .join(customers, on="customer", how="left", validate="m:1")
        .join(due, on="due", how="left", validate="m:1")
        .with_columns(
            demand=pl.col("on_time") + pl.col("late") + pl.col("short"),
            margin=pl.col("price") - pl.col("standard_cost").fill_null(0.0),
            description=named("description", "item"),
            family=pl.col("family").fill_null("").replace("", "No family"),
        )
        .sort(LINE)
    )


def moved(plan: Plan, flow: str, keys: list[str], attributes: tuple[str, ...]) -> pl.DataFrame:
    """Keys, attributes and quantity of a flow; no rows where the plan has no such flow, 0 where it lacks
    an attribute.
    """
    frame = plan.flows.get(flow)
    if frame is None:
        kinds = {**dict.fromkeys(keys, pl.String), **dict.fromkeys((*attributes, "quantity"), pl.Float64)}
        return pl.DataFrame(schema=kinds)
    there = [pl.col(name).cast(pl.Float64) for name in attributes if name in frame.columns]
    lacking = [pl.lit(0.0).alias(name) for name in attributes if name not in frame.columns]
    return frame.select(*keys, *there, *lacking, "quantity")


def named(name: str, code: str) -> pl.Expr:
    """The name of a thing, or its code where it has none."""
    return pl.when(pl.col(name).fill_null("") == "").then(pl.col(code)).otherwise(pl.col(name)).alias(name)


By = Literal["priority", "customer", "family", "location"]


def sums() -> list[pl.Expr]:
    """Units and revenue served on time, late and not at all."""
    money = [(pl.col(name) * pl.col("price")).sum().alias(f"revenue_{name}") for name in ("on_time", "late", "short")]
    return [pl.col("demand", "on_time", "late", "short").sum(), *money]


def service_by(snapshot: Snapshot, plan: Plan, by: By = "priority") -> pl.DataFrame:
    """Demand served on time, late and not at all, by priority, customer, family or location.

    Formula: shares are units ÷ units demanded over the whole horizon; revenue at the line's price.

    Returns
    -------
    group [name], order [place], demand, on_time, late, short [units], revenue_on_time, revenue_late,
    revenue_short [money].
    """
    found = lines(snapshot, plan)
    if by == "priority":
        rank = pl.col("priority")
        name = pl.when(rank.is_null()).then(pl.lit("No priority")).otherwise(pl.format("Priority {}", rank))
        grouped = found.with_columns(group=name, order=rank.fill_null(10**6)).group_by("group", "order").agg(sums())
        return grouped.sort("order", "group")
    name = pl.col(by).replace("", "Anybody" if by == "customer" else f"No {by}")
    grouped = found.with_columns(group=name).group_by("group").agg(sums())
    missed = (pl.col("late") + pl.col("short")).round(2)
    return (
        grouped.sort([missed, pl.col("demand"), pl.col("group")], descending=[True, True, False])
        .with_row_index("order")
        .with_columns(pl.col("order").cast(pl.Int64))
        .select("group", "order", pl.exclude("group", "order"))
    )


def gaps_by_week(snapshot: Snapshot, plan: Plan) -> pl.DataFrame:
    """Demand against what is served, by the week in which it is due.

    Returns
    -------
    week [bucket], order, demand, on_time, late, short [units], revenue_… [money].
    """
    places = buckets(plan.periods).select(due="period", week="bucket", order="order")
    joined = lines(snapshot, plan).drop("order").join(places, on="due", how="inner", validate="m:1")
    return joined.group_by("week", "order").agg(sums()).sort("order")


def gaps_by_item(snapshot: Snapshot, plan: Plan) -> pl.DataFrame:
    """Items whose demand is not all served on time, the dearest gap first; not what was late before and comes at once.

    Formula: money = short × (price − standard cost + short penalty) + what lateness costs.

    Returns
    -------
    item, description, family, demand, late, short [units], weeks [list of buckets with a gap], customers
    [list], first_due [date], money.
    """
    places = buckets(plan.periods).select("period", "bucket", "starts_on").rename({"period": "due"})
    missed = missed_now(snapshot, plan)
    joined = missed.join(places, on="due", how="left", validate="m:1")
    lost = pl.col("short") * (pl.col("margin") + pl.col("short_penalty")) + pl.col("late_money")
    return (
        joined.group_by("item", "description", "family")
        .agg(
            pl.col("demand", "late", "short").sum(),
            weeks=pl.col("bucket").sort_by("due_index").unique(maintain_order=True),
            customers=pl.col("customer").filter(pl.col("customer") != "").unique().sort(),
            first_due=pl.col("starts_on").min(),
            revenue=((pl.col("late") + pl.col("short")) * pl.col("price")).sum(),
            money=lost.sum(),
        )
        .sort(["money", "item"], descending=[True, False])
    )


def orders_at_risk(snapshot: Snapshot, plan: Plan) -> pl.DataFrame:
    """Open orders that will be late or short, with the day they are promised for; the most revenue first.

    Formula: revenue = (late + short) × price; money = short × (price − standard cost + short penalty) +
    lateness from today on; incurred = what lateness has cost until today.

    Returns
    -------
    order, customer, priority, item, description, location, due_on [date asked, or confirmed by setting], quantity,
    on_time, late, short [units], promised_on [date of the last part, null where nothing comes], days_late [days],
    revenue, money, incurred.
    """
    ends = plan.periods.select(pl.col("index").alias("last_index"), pl.col("ends_on").alias("promised_on"))
    given = snapshot["orders"].select("order", late_from(snapshot.settings).alias("due_on")).unique("order")
    missed = lines(snapshot, plan).filter((pl.col("order") != "") & (pl.col("late") + pl.col("short") > LEAST))
    after = (pl.col("promised_on") - pl.col("due_on")).dt.total_days().clip(lower_bound=0)
    lost = pl.col("short") * (pl.col("margin") + pl.col("short_penalty")) + pl.col("late_money")
    return (
        missed.join(given, on="order", how="left", validate="m:1")
        .join(ends, on="last_index", how="left", validate="m:1")
        .select(
            "order", "customer", "priority", "item", "description", "location", "due_on",
            pl.col("demand").alias("quantity"), "on_time", "late", "short", "promised_on",
            days_late=pl.when(pl.col("late") > LEAST).then(after),
            revenue=(pl.col("late") + pl.col("short")) * pl.col("price"), money=lost, incurred="incurred",
        )
        .sort(["revenue", "order"], descending=[True, False])
    )  # fmt: skip


TOLERANCE = 0.05
ALL = "All families"


def month_outlook(snapshot: Snapshot, plan: Plan, *, measure: str = "sales") -> pl.DataFrame:
    """Where each family will land in each fiscal month, against its S&OP commitment.

    Formula: outlook = actuals of the month before the as-of date + plan for its days that are left; share
    = outlook ÷ commitment. The plan's weeks are split over months by working days. Inside: within ±
    tolerance of the commitment, falling short and running over alike. Months that end after the horizon,
    or whose beginning no actuals cover, are left out: half a month says nothing.

    Parameters
    ----------
    measure : "sales" (units served) or "make" (good units started).

    Returns
    -------
    family, month, consensus, actual, planned, outlook [units], share, low, high [ratio], inside, amount
    [money committed].
    """
    committed = (
        snapshot["consensus"].filter((pl.col("measure") == measure) & pl.col("quantity").is_not_null())
        .with_columns(family=pl.col("family").replace("", ALL))
        .group_by("family", month="fiscal_month").agg(consensus=pl.col("quantity").sum(), amount=pl.col("amount").sum())
        .join(whole_months(snapshot, measure), on="month", how="semi")
    )  # fmt: skip
    keys = ["family", "month"]
    done, coming = month_to_date(snapshot, measure), still_planned(snapshot, plan, measure)
    joined = committed.join(done, on=keys, how="left", validate="1:1").join(coming, on=keys, how="left", validate="1:1")
    wide = pl.col("family").replace_strict(
        dict(snapshot.settings.tolerance), default=snapshot.settings.tolerance.get("default", TOLERANCE),
        return_dtype=pl.Float64,
    )  # fmt: skip
    shared = joined.with_columns(pl.col("actual", "planned").fill_null(0.0)).with_columns(
        outlook=pl.col("actual") + pl.col("planned"), low=1 - wide, high=1 + wide
    )
    share = pl.when(pl.col("consensus") > 0).then(pl.col("outlook") / pl.col("consensus"))
    inside = (pl.col("share") >= pl.col("low") - 1e-9) & (pl.col("share") <= pl.col("high") + 1e-9)
    return shared.with_columns(share=share).with_columns(inside=inside.fill_null(True)).select(
        *keys, "consensus", "actual", "planned", "outlook", "share", "low", "high", "inside", "amount"
    ).sort("month", "family")  # fmt: skip


def whole_months(snapshot: Snapshot, measure: str) -> pl.DataFrame:
    """Fiscal months that actuals and horizon cover between them: month, first, last."""
    months = snapshot["consensus"].select(label="fiscal_month").unique()
    if months.is_empty():
        return pl.DataFrame(schema={"month": pl.String, "first": pl.Date, "last": pl.Date})
    spans = snapshot.calendar.spans(months["label"]).rename({"label": "month"})
    known = snapshot["actuals"].filter(pl.col("measure") == measure)["date"].min()
    start = pl.min_horizontal(pl.lit(snapshot.as_of), pl.lit(known, dtype=pl.Date))
    end = snapshot.periods["ends_on"].max()
    # A month may begin on a day without sales: the first week of it is enough.
    return spans.filter(
        (pl.col("last") <= end) & (pl.col("last") >= snapshot.as_of) & (pl.col("first") >= start.dt.offset_by("-4d"))
    )


def families(snapshot: Snapshot) -> pl.DataFrame:
    """item, family: each item under its family and under all families together, for commitments made on
    the whole.
    """
    own = snapshot["items"].select("item", pl.col("family").replace("", "No family"))
    return pl.concat([own, own.with_columns(family=pl.lit(ALL))])


def month_to_date(snapshot: Snapshot, measure: str) -> pl.DataFrame:
    """What was done before the as-of date: family, month, actual [units]."""
    rows = snapshot["actuals"].filter((pl.col("measure") == measure) & (pl.col("date") < snapshot.as_of))
    dated = rows.with_columns(month=snapshot.calendar.fiscal_month(rows["date"]))
    joined = dated.select("item", "month", "quantity").join(families(snapshot), on="item")
    return joined.group_by("family", "month").agg(actual=pl.col("quantity").sum())


def still_planned(snapshot: Snapshot, plan: Plan, measure: str) -> pl.DataFrame:
    """What the plan holds for the days that are left: family, month, planned [units]."""
    flow = {"sales": "sell", "make": "make"}[measure]
    empty = pl.DataFrame(schema={"item": pl.String, "period": pl.String, "quantity": pl.Float64})
    cells = plan.flows[flow].select("item", "period", "quantity") if flow in plan.flows else empty
    joined = cells.join(snapshot.calendar.months, on="period").join(families(snapshot), on="item")
    return joined.group_by("family", "month").agg(planned=(pl.col("quantity") * pl.col("share")).sum())


KEPT, SHORT, OVER = "will be kept", "will fall short", "will run over"
LIKELY = {KEPT: "is likely to be kept", SHORT: "is likely to fall short", OVER: "is likely to run over"}


def likely_end(snapshot: Snapshot, plan: Plan, *, lag: int = 1) -> pl.DataFrame:
    """Where each family will end the month against its commitment and the band around it.

    Formula: outlook as in `month_outlook`; error = Σ|A − F| ÷ ΣA of the family's weekly sales against the forecast
    published `lag` weeks before, the tolerance where there is no history; likely from = actual + planned × (1 − error),
    to = actual + planned × (1 + error). A verdict is certain where the whole range lies on one side.

    Parameters
    ----------
    lag : weeks between the publication of a forecast and its demand [weeks].

    Returns
    -------
    the columns of `month_outlook`, error [share], weeks [how many it is made of], likely_from, likely_to [units],
    verdict.

    Examples
    --------
    >>> soe.review.likely_end(small, soe.plan(small)).select("family", "likely_from", "likely_to").rows()
    [('Drinks', 290.0, 310.0)]
    """
    known = historical_error(snapshot, lag=lag)
    both = month_outlook(snapshot, plan).join(known, on="family", how="left", validate="m:1")
    wide = both.with_columns(pl.col("error").fill_null(pl.col("high") - 1.0), pl.col("weeks").fill_null(0))
    ends = wide.with_columns(
        likely_from=pl.col("actual") + pl.col("planned") * (1.0 - pl.col("error")).clip(0.0),
        likely_to=pl.col("actual") + pl.col("planned") * (1.0 + pl.col("error")),
    )
    return ends.with_columns(verdict=_verdict()).sort("month", "family")


def _verdict() -> pl.Expr:
    low, high = (pl.col("consensus") * pl.col(name) for name in ("low", "high"))
    end, first, last = pl.col("outlook"), pl.col("likely_from"), pl.col("likely_to")
    return (
        pl.when(last < low)
        .then(pl.lit(SHORT))
        .when(first > high)
        .then(pl.lit(OVER))
        .when((first >= low) & (last <= high))
        .then(pl.lit(KEPT))
        .when(end < low)
        .then(pl.lit(LIKELY[SHORT]))
        .when(end > high)
        .then(pl.lit(LIKELY[OVER]))
        .otherwise(pl.lit(LIKELY[KEPT]))
    )


def historical_error(snapshot: Snapshot, *, lag: int = 1, versions: pl.DataFrame | None = None) -> pl.DataFrame:
    """How far off the forecast of each family has been: family, error [share], weeks [how many it is made of].

    Formula: Σ|A − F₍lag₎| ÷ ΣA over the finished weeks, summed by family.

    Parameters
    ----------
    lag : weeks between the publication of a forecast and its demand [weeks].
    versions : from `forecast_versions`, with earlier extracts where they are known; else what this extract names.
    """
    known = forecast_versions(snapshot) if versions is None else versions
    at = known.filter(pl.col("lag") == lag).join(families(snapshot), on="item")
    weekly = at.group_by("family", "week").agg(pl.col("actual", "forecast").sum())
    found = weekly.group_by("family").agg(error=WMAPE, weeks=pl.len().cast(pl.Int64))
    return found.drop_nulls("error").sort("family")
