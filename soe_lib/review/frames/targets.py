"""Targets: the stock that is worth holding against what nobody knows, what it protects and costs, and where."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from soe_lib.model import risk
from soe_lib.model.blocks.stock import holding_rates
from soe_lib.model.inbound import shortest, usage, ways
from soe_lib.model.network import Network
from soe_lib.review.frames.lines import named

if TYPE_CHECKING:
    from soe_lib.extract.snapshot import Snapshot
    from soe_lib.model.plan import Plan

NODE = ["item", "location"]
CELL = [*NODE, "period"]
WEEK = 7.0
ROUND = 1e-6
AGAINST = {"against_forecast": "forecast error", "against_late": "late deliveries", "against_lost": "lost hours"}
TARGETS = {
    "item": pl.String, "location": pl.String, "description": pl.String, "family": pl.String, "unit": pl.String,
    "interval": pl.Float64, "target": pl.Float64, "held": pl.Float64, "filled": pl.Float64, "cover": pl.Float64,
    "value": pl.Float64, "unit_cost": pl.Float64,
    **dict.fromkeys(AGAINST, pl.Float64), "short_without": pl.Float64, "short_with": pl.Float64,
    "short_held": pl.Float64, "saves": pl.Float64, "holding": pl.Float64, "covered": pl.Float64, "fill": pl.Float64,
    "typed": pl.Float64, "typed_holding": pl.Float64, "more": pl.Float64, "costs_more": pl.Float64,
    "points": pl.Float64, "source": pl.String, "bias": pl.Float64,
}  # fmt: skip
ADDITIVE = ("value", "short_held", "holding", "typed_holding", "costs_more")
"""Money that adds up over the rows; what is saved does not: a sale lost for want of a part or of the goods is one."""
PLACES = {
    "item": pl.String, "location": pl.String, "description": pl.String, "unit": pl.String, "patience": pl.Float64,
    "demand": pl.Float64, "goods_here": pl.Float64, "goods_there": pl.Float64, "days_there": pl.Float64,
    "parts": pl.Float64, "days_parts": pl.Float64, "cheapest": pl.String, "spares": pl.Float64,
}  # fmt: skip
HERE, THERE, PARTS = "goods where they are sold", "goods where they come from", "components"


def targets(snapshot: Snapshot, plan: Plan | None = None) -> pl.DataFrame:
    """The stock of each item and place that is worth holding against what nobody knows; dearest first.

    Formula: the target of a review is the highest step of the cushion whose price is above holding × days of the
    review: one more unit would cost more than it is expected to save. All figures are means over the reviews of the
    horizon, by their days. Capacity, lots and shelf life do not limit a target; `held` is what the plan has within
    them. Against one cause alone: the target if nothing but that cause were there; the three add up to more than the
    target, since not all goes wrong at once. short_… is the cost of a stock by the cushion's steps (account "expected
    shortage"), saves = short_without − short_with; it is worth holding as long as saves > holding, and
    is no sum over rows: a sale lost for want of a part, or of the goods, is one. covered: chance
    that demand and supply err by no more than the target over the interval, by slices of the distribution, of which the
    one at the target counts half; fill = 1 − expected units short at the reviews ÷ demand of the horizon.

    Parameters
    ----------
    snapshot : what was known. plan : for what is held; without one held, filled and short_held are null.

    Returns
    -------
    item, location, description, family, unit, interval [days, that the stock has to last], target, held [units],
    filled [share of the target], cover [days of mean demand], value [money at standard cost, null without one],
    unit_cost [money/unit], against_forecast, against_late, against_lost [units], short_without, short_with, short_held,
    saves, holding [money/week], covered [probability], fill [share], typed [units, of `policies`],
    typed_holding [money/week], more [target − typed, units], costs_more [money/week], points (of its own record),
    source (where most of what is known comes from: own, family, company, default, stated), bias [share of the forecast;
    part of the target unless settings take it out].
    """
    network = Network(snapshot)
    reviews = _plain(risk.reviews(network))
    steps = _plain(risk.steps(network)).join(reviews, on="period")
    if steps.is_empty():
        return pl.DataFrame(schema=TARGETS)
    week = _holding(network)
    weeks = float(reviews["days"].sum()) / WEEK
    aims = _aims(steps, week)
    nodes = steps.select(NODE).unique(maintain_order=True)
    cells = nodes.join(reviews, how="cross").join(aims, on=CELL, how="left").with_columns(pl.col("aim").fill_null(0.0))
    share = pl.col("days") / WEEK / weeks
    found = cells.group_by(NODE).agg(target=(pl.col("aim") * share).sum())
    for name, cause in AGAINST.items():
        alone = _aims(_plain(risk.steps_against(network, (cause,))).join(reviews, on="period"), week)
        part = alone.group_by(NODE).agg((pl.col("aim") * share).sum().alias(name))
        found = found.join(part, on=NODE, how="left").with_columns(pl.col(name).fill_null(0.0))
    found = (
        found.join(_costs(steps, cells.with_columns(at="aim"), "short_with", weeks), on=NODE)
        .join(_costs(steps, cells.with_columns(at=pl.lit(0.0)), "short_without", weeks), on=NODE)
        .join(_held(steps, cells, plan, weeks), on=NODE, how="left")
        .join(_service(network, cells), on=NODE, how="left")
        .join(_typed(snapshot), on=NODE, how="left")
        .join(_record(network), on=NODE, how="left")
        .join(week, on=NODE, how="left")
        .join(_demand(network), on=NODE, how="left")
        .join(snapshot["items"].select("item", "description", "family", "unit", "standard_cost"), on="item", how="left")
    )
    target, rate = pl.col("target"), pl.col("week")
    whole = found.with_columns(
        pl.col("typed").fill_null(0.0), named("description", "item"), holding=target * rate
    ).with_columns(
        cover=pl.when(pl.col("demand") > 0).then(target / pl.col("demand")),
        value=target * pl.col("standard_cost"),
        unit_cost="standard_cost",
        saves=pl.col("short_without") - pl.col("short_with"),
        typed_holding=pl.col("typed") * rate,
        more=target - pl.col("typed"),
        costs_more=(target - pl.col("typed")) * rate,
    )
    dear = pl.col("value").fill_null(-1.0)
    return whole.sort(dear, pl.col("saves"), *NODE, descending=[True, True, False, False]).select(
        pl.col(name).cast(kind) for name, kind in TARGETS.items()
    )


def where_to_hold(snapshot: Snapshot) -> pl.DataFrame:
    """Where a day of cover is cheapest to hold: as goods where they are sold or come from, or as their components.

    Formula: cost of a place = Σ over what one unit of demand takes there of units × holding a week. A place protects
    where its goods reach the customer within the patience of whoever waits least: from where they come, the shortest
    way over the lanes; from components, the time to make the good and what goes into it, one after the other, too.
    Components are what is bought. What several demands share, and what a line that is full could not make of its
    components in time, are not in these figures.

    Returns
    -------
    item, location, description, unit, patience [days], demand [units/day], goods_here, goods_there, parts [money/week
    for a unit a day; null where there is no such place], days_there, days_parts [days to the customer], cheapest (of
    the places that protect), spares [money/week for each day of cover of this demand, against holding it where sold].
    """
    network = Network(snapshot)
    uses = (
        _plain(usage(network)).join(_holding(network), on=NODE, how="left").with_columns(pl.col("week").fill_null(0.0))
    )
    if uses.is_empty():
        return pl.DataFrame(schema=PLACES)
    of = ["of_item", "of_location"]
    far = _plain(shortest(network)).select(*NODE, "days")
    in_ways = _plain(ways(network))
    made = in_ways.filter(pl.col("kind") == "make").group_by(NODE).agg(make=pl.col("days").min())
    bought = in_ways.filter(pl.col("kind") == "buy").select(NODE).unique().with_columns(bought=True)
    rows = (
        uses.join(far, on=NODE, how="left").join(made, on=NODE, how="left").join(bought, on=NODE, how="left")
        .with_columns(pl.col("bought").fill_null(value=False), cost=pl.col("per_unit") * pl.col("week"))
    )  # fmt: skip
    same = pl.col("item") == pl.col("of_item")
    own = same & (pl.col("location") == pl.col("of_location"))
    source = same & ~own & (pl.col("make").is_not_null() | pl.col("bought"))
    part = ~same & pl.col("bought") & pl.col("make").is_null()
    between = ~same & pl.col("make").is_not_null()
    each = rows.group_by(of).agg(
        goods_here=pl.col("cost").filter(own).sum(),
        here=pl.col("days").filter(own).first(),
        goods_there=pl.when(source.any()).then(pl.col("cost").filter(source).sum()),
        there=pl.col("days").filter(source).min(),
        parts=pl.when(part.any()).then(pl.col("cost").filter(part).sum()),
    )
    inside = rows.filter(between).group_by(*of, "item").agg(pl.col("make").max())
    each = each.join(inside.group_by(of).agg(between=pl.col("make").sum()), on=of, how="left")
    patience = _plain(risk.lines(network)).filter("own").group_by(NODE).agg(patience=pl.col("patient").min())
    items = snapshot["items"].select("item", "description", "unit")
    full = (
        each.rename({"of_item": "item", "of_location": "location"})
        .join(patience, on=NODE, how="inner")
        .join(_demand(network), on=NODE, how="left")
        .join(items, on="item", how="left")
        .with_columns(named("description", "item"), pl.col("demand").fill_null(0.0))
        .with_columns(
            days_there=pl.when(pl.col("goods_there").is_not_null()).then((pl.col("here") - pl.col("there")).clip(0.0)),
            days_parts=pl.when(pl.col("parts").is_not_null()).then(pl.col("here") + pl.col("between").fill_null(0.0)),
        )
    )
    there = pl.when(pl.col("days_there") <= pl.col("patience")).then("goods_there")
    parts = pl.when(pl.col("days_parts") <= pl.col("patience")).then("parts")
    least = pl.min_horizontal("goods_here", there, parts)
    cheapest = (
        pl.when(pl.col("goods_here") <= least)
        .then(pl.lit(HERE))
        .when((there <= least).fill_null(value=False))
        .then(pl.lit(THERE))
        .otherwise(pl.lit(PARTS))
    )
    return (
        full.with_columns(cheapest=cheapest, spares=(pl.col("goods_here") - least) * pl.col("demand"))
        .sort("spares", pl.col("goods_here") * pl.col("demand"), *NODE, descending=[True, True, False, False])
        .select(pl.col(name).cast(kind) for name, kind in PLACES.items())
    )


def safety_stocks(snapshot: Snapshot, found: pl.DataFrame | None = None) -> pl.DataFrame:
    """The targets as an ERP loads them: item, location, safety_stock [whole units, rounded up], unit, valid_from.

    Parameters
    ----------
    found : from `targets`; worked out where left out. Sorted by item and location, which name a row.
    """
    rows = targets(snapshot) if found is None else found
    whole = (pl.col("target") - ROUND).ceil().clip(0.0).cast(pl.Int64)
    return rows.sort(NODE).select(
        *NODE, whole.alias("safety_stock"), pl.col("unit").fill_null(""), pl.lit(snapshot.as_of).alias("valid_from")
    )


def why_none(snapshot: Snapshot) -> str:
    """Why there are no targets, and what they would need; blank where there are some."""
    network = Network(snapshot)
    if not risk.steps(network).is_empty():
        return ""
    rule = snapshot.settings.cushion
    if rule.use == "never":
        return 'Settings switch the cushion off: [cushion] use = "never" in settings.toml.'
    if not risk.active(network) and risk.stated(network).is_empty():
        return (
            "Nothing is known of the errors of the forecast. It takes versions of `forecast` that are named by "
            "ISO week, or earlier extracts, and `actuals` of those weeks; or `forecast_errors` of your own. The "
            f'setting [cushion] use = "always" takes an error of {100 * rule.error:.0f} % of a forecast week.'
        )
    return "No stock is worth holding: nothing that is late or lost costs anything, or nothing is asked for."


def _plain(frame: pl.DataFrame) -> pl.DataFrame:
    """Coded labels as texts."""
    return frame.with_columns(pl.col(pl.Enum).cast(pl.String), pl.col(pl.Categorical).cast(pl.String))


def _holding(network: Network) -> pl.DataFrame:
    """item, location, week: what holding a unit for a week costs [money]."""
    a_week = pl.col("holding").fill_null(0.0) * risk.pace(network) * WEEK
    return _plain(holding_rates(network)).select(*NODE, week=a_week)


def _aims(steps: pl.DataFrame, week: pl.DataFrame) -> pl.DataFrame:
    """item, location, period, days, aim: the highest step that is worth more than holding it [units]."""
    pays = pl.col("price") > pl.col("week").fill_null(0.0) * pl.col("days") / WEEK * (1.0 + 1e-9)
    return (
        steps.join(week, on=NODE, how="left")
        .group_by(*CELL, "days")
        .agg(aim=pl.col("level").filter(pays).max().fill_null(0.0))
    )


def _costs(steps: pl.DataFrame, cells: pl.DataFrame, name: str, weeks: float) -> pl.DataFrame:
    """item, location, and what is expected to be short a week with the stock `at` of each review [money]."""
    below = pl.col("level") - pl.max_horizontal("at", pl.col("level") - pl.col("width"))
    money = (pl.col("price") * below.clip(0.0)).sum() / weeks
    return steps.join(cells.select(*CELL, "at"), on=CELL).group_by(NODE).agg(money.alias(name))


def _held(steps: pl.DataFrame, cells: pl.DataFrame, plan: Plan | None, weeks: float) -> pl.DataFrame:
    """item, location, held [units], filled [share], short_held [money/week] of what the plan has in stock."""
    if plan is None or "stock" not in plan.flows:
        nothing = {"held": pl.Float64, "filled": pl.Float64, "short_held": pl.Float64}
        return pl.DataFrame(schema={"item": pl.String, "location": pl.String, **nothing})
    stock = plan.flows["stock"].select(*CELL, at="quantity")
    rows = cells.join(stock, on=CELL, how="left").with_columns(pl.col("at").fill_null(0.0))
    days, aim = pl.col("days"), pl.col("aim")
    filled = (pl.min_horizontal("at", "aim") * days).sum() / (aim * days).sum()
    return (
        rows.group_by(NODE)
        .agg(held=(pl.col("at") * days).sum() / days.sum(), filled=pl.when((aim * days).sum() > 0).then(filled))
        .join(_costs(steps, rows, "short_held", weeks), on=NODE)
    )


def _service(network: Network, cells: pl.DataFrame) -> pl.DataFrame:
    """item, location, interval [days], covered [probability], fill [share] with the target in stock."""
    asked = _plain(usage(network)).join(
        _plain(network.demand).group_by("item", "location", "due").agg(pl.col("quantity").sum())
        .rename({"item": "of_item", "location": "of_location"}),
        on=["of_item", "of_location"],
    ).group_by(NODE).agg(asked=(pl.col("quantity") * pl.col("per_unit")).sum())  # fmt: skip
    rows = _plain(risk.shortfalls(network)).join(cells.select(*CELL, "days", "aim"), on=CELL)
    close = (pl.col("short") - pl.col("aim")).abs() <= 1e-9 * pl.col("aim")
    within = pl.when(close).then(0.5).otherwise((pl.col("short") < pl.col("aim")).cast(pl.Float64))
    each = rows.group_by(*CELL, "interval", "days").agg(
        covered=(pl.col("weight") * within).sum(),
        short=((pl.col("short") - pl.col("aim")).clip(0.0) * pl.col("weight")).sum(),
    )
    found = each.group_by(NODE).agg(
        pl.col("interval").first(),
        covered=(pl.col("covered") * pl.col("days")).sum() / pl.col("days").sum(),
        short=pl.col("short").sum(),
    )
    fill = pl.when(pl.col("asked") > 0).then((1.0 - pl.col("short") / pl.col("asked")).clip(0.0))
    return found.join(asked, on=NODE, how="left").select(*NODE, "interval", "covered", fill=fill)


def _demand(network: Network) -> pl.DataFrame:
    """item, location, demand: what a day takes of each node, mean of the horizon [units/day]."""
    span = (network.periods["ends_on"].max() - network.periods["starts_on"].min()).days + 1  # type: ignore[operator,union-attr]
    total = _plain(network.demand).group_by(NODE).agg(pl.col("quantity").sum())
    served = total.rename({"item": "of_item", "location": "of_location"})
    return (
        _plain(usage(network))
        .join(served, on=["of_item", "of_location"])
        .group_by(NODE)
        .agg(demand=(pl.col("quantity") * pl.col("per_unit")).sum() / span)
    )


def _typed(snapshot: Snapshot) -> pl.DataFrame:
    return snapshot["policies"].group_by(NODE).agg(typed=pl.col("safety_stock").fill_null(0.0).sum())


def _record(network: Network) -> pl.DataFrame:
    """item, location, points, source, bias of the weeks ahead that come nearest to the interval.

    Formula: own = n ÷ (n + pool) of a slice; of the rest the family has f ÷ (f + pool), of what is left the company
    likewise, and the stated default what remains, f and the company's points being the sums of their items'. The
    source is whichever has most.
    """
    nodes = risk.intervals(network).filter(pl.col("most").is_null()).unique(NODE, keep="first", maintain_order=True)
    told = _plain(risk.stated(network)).group_by(NODE).agg(points=pl.col("probability").n_unique().cast(pl.Float64))
    stated = told.select(*NODE, "points", source=pl.lit("stated"), bias=pl.lit(None, dtype=pl.Float64))
    if not risk.active(network):
        return stated
    pool = network.settings.cushion.pool
    families = network.snapshot["items"].select("item", "family")
    rows = _plain(risk.errors(network)).join(families, on="item", how="left")
    rows = rows.with_columns(
        of_family=pl.col("n").sum().over("family", "ahead"), of_company=pl.col("n").sum().over("ahead")
    )
    gap = (pl.col("ahead") - pl.col("days") / WEEK).abs()
    near = (
        rows.join(_plain(nodes).select(*NODE, "days"), on=NODE)
        .sort(*NODE, gap, "ahead")
        .group_by(NODE, maintain_order=True)
        .first()
    )
    part = {name: pl.col(name) / (pl.col(name) + pool) for name in ("n", "of_family", "of_company")}
    rest = 1.0 - part["n"]
    family = rest * part["of_family"]
    company = (rest - family) * part["of_company"]
    shares = {"own": part["n"], "family": family, "company": company, "default": rest - family - company}
    most = pl.max_horizontal(*shares.values())
    source = pl.coalesce(pl.when(share >= most).then(pl.lit(name)) for name, share in shares.items())
    own = near.select(*NODE, points="n", source=source, bias="bias")
    return pl.concat([stated, own.join(stated, on=NODE, how="anti")])
