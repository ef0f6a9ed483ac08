"""Stock targets: the stock worth holding against uncertainty, what it protects, what it costs, and where."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from soe_lib.model import risk
from soe_lib.model.blocks.stock import holding_rates
from soe_lib.model.network import Network
from soe_lib.model.reach import usage

if TYPE_CHECKING:
    from soe_lib.extract.snapshot import Snapshot
    from soe_lib.store.plan import Plan

NODE = ["item", "location"]
CELL = [*NODE, "period"]
WEEK = 7.0
ROUND = 1e-6
AGAINST = {"against_forecast": "forecast error", "against_late": "late deliveries", "against_lost": "lost hours"}
COUNTED = {"inventory": "on_hand", "orders": "quantity", "receipts": "quantity", "policies": "safety_stock"}
"""Table → its column that shows whether an item comes in fractions of its unit."""
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
"""Money that adds up over the rows. `saves` does not: one lost sale counts for a component and for the goods."""


def targets(snapshot: Snapshot, plan: Plan | None = None) -> pl.DataFrame:
    """The stock of each item and location that is worth holding against uncertainty; highest value first.

    Formula: the target of a review is the highest step of the cushion whose price is above holding × days of the
    review: one more unit would cost more than it is expected to save. All figures are means over the reviews of the
    horizon, weighted by days. Capacity, lots and shelf life do not limit a target; they do limit `held`, the plan's
    stock. against_…: the target if this were the only cause; the three add up to more than the target, since not all
    goes wrong at once. short_…: expected cost of shortage with a stock, by the cushion's steps (account "expected
    shortage"). saves = short_without − short_with; stock is worth holding as long as saves > holding. `saves` does not
    add up over rows: one lost sale counts for a component and for the goods. covered: probability that the errors of
    demand and supply over the interval are at most the target; the slice of the distribution at the target counts half.
    fill = 1 − expected units short at the reviews ÷ demand of the horizon.

    Parameters
    ----------
    snapshot : what was known. plan : gives held, filled and short_held; without it they are null.

    Returns
    -------
    item, location, description, family, unit, interval [days, that the stock has to last], target, held [units],
    filled [share of the target], cover [days of mean demand], value [money at standard cost, null without one],
    unit_cost [money/unit], against_forecast, against_late, against_lost [units], short_without, short_with, short_held,
    saves, holding [money/week], covered [probability], fill [share], typed [units, of `policies`],
    typed_holding [money/week], more [target − typed, units], costs_more [money/week], points (of its own record),
    source (largest part of the evidence: own, family, company, default, stated), bias [share of the forecast; part of
    the target unless settings remove it].

    Examples
    --------
    >>> wanted = soe.targets(snapshot, plan)
    >>> wanted.filter(pl.col("saves") < pl.col("holding")).height
    0
    """
    network = Network(snapshot)
    reviews = plain(risk.reviews(network))
    steps = plain(risk.steps(network)).join(reviews, on="period")
    if steps.is_empty():
        return pl.DataFrame(schema=TARGETS)
    week = holding(network)
    cells = _cells(steps, reviews, week)
    found = (
        _mean(cells, "target")
        .join(_against(network, cells, reviews, week), on=NODE)
        .join(_costs(steps, cells.with_columns(at="aim"), "short_with"), on=NODE)
        .join(_costs(steps, cells.with_columns(at=pl.lit(0.0)), "short_without"), on=NODE)
        .join(_held(steps, cells, plan), on=NODE, how="left")
        .join(_service(network, cells), on=NODE, how="left")
        .join(_typed(snapshot), on=NODE, how="left")
        .join(_record(network), on=NODE, how="left")
        .join(week, on=NODE, how="left")
        .join(demand_a_day(network), on=NODE, how="left")
        .join(snapshot["items"].select("item", "description", "family", "unit", "standard_cost"), on="item", how="left")
    )
    return _in_money(found)


def safety_stocks(snapshot: Snapshot, found: pl.DataFrame | None = None) -> pl.DataFrame:
    """The targets as an ERP loads them, one row per item and location: plain numbers, ISO dates, the item's own unit.

    Formula: safety_stock = target rounded up to a whole unit; to a thousandth for an item that the extract counts in
    fractions (stock, orders, receipts, typed safety stocks). cover_days and value are those of the rounded stock.

    Parameters
    ----------
    found : from `targets`; computed where left out.

    Returns
    -------
    item, location (keys, sorted), safety_stock, unit, cover_days [days of mean demand, null without demand], value
    [money at standard cost, null without one], currency, valid_from.
    """
    rows = targets(snapshot) if found is None else found
    scale = pl.when(pl.col("item").is_in(_divisible(snapshot).implode())).then(1000.0).otherwise(1.0)
    stock = ((pl.col("target") * scale - ROUND).ceil() / scale).clip(0.0)
    a_day = pl.when(pl.col("cover") > 0).then(pl.col("target") / pl.col("cover"))
    return rows.sort(NODE).select(
        *NODE,
        stock.alias("safety_stock"),
        pl.col("unit").fill_null(""),
        (stock / a_day).round(1).alias("cover_days"),
        (stock * pl.col("unit_cost")).round(2).alias("value"),
        pl.lit(snapshot.currency).alias("currency"),
        pl.lit(snapshot.as_of).alias("valid_from"),
    )


def _divisible(snapshot: Snapshot) -> pl.Series:
    """The items of which the extract counts fractions of a unit."""
    counts = [snapshot[table].select("item", count=column) for table, column in COUNTED.items()]
    return pl.concat(counts).filter((pl.col("count") % 1.0).abs() > ROUND).get_column("item").unique()


def cushion_tiers(snapshot: Snapshot) -> pl.DataFrame:
    """The tiers of the cushion by item, location and review, from the lowest up, with the cost of a missing unit of
    each.

    Returns
    -------
    item, location, period, tier, width [units], level [units, its upper end], price [money/unit and review], holding
    [money/unit and review]: stock fills a tier while its price is above holding.
    """
    network = Network(snapshot)
    held = (pl.col("week").fill_null(0.0) * pl.col("days") / WEEK).alias("holding")
    tiers = plain(risk.steps(network)).join(plain(risk.reviews(network)), on="period")
    order = network.periods.select(pl.col("period").cast(pl.String), place=pl.int_range(pl.len()))
    return (
        tiers.join(holding(network), on=NODE, how="left")
        .join(order, on="period")
        .sort(*NODE, "place", "tier")
        .select(*CELL, "tier", "width", "level", "price", held)
    )


def why_none(snapshot: Snapshot) -> str:
    """Why there are no targets, and what they need; blank where there are some."""
    network = Network(snapshot)
    if not risk.steps(network).is_empty():
        return ""
    rule = snapshot.settings.cushion
    if rule.use == "never":
        return 'Settings switch the cushion off: [cushion] use = "never" in settings.toml.'
    if not risk.active(network) and risk.stated(network).is_empty():
        return (
            "No forecast errors are known. Give versions of `forecast` that are named by ISO week, or earlier "
            "extracts, with `actuals` of those weeks; or `forecast_errors` of your own. The setting [cushion] "
            f'use = "always" assumes an error of {100 * rule.error:.0f} % of a week\'s forecast.'
        )
    return "No stock is worth holding: late or lost demand costs nothing, or there is no demand."


def plain(frame: pl.DataFrame) -> pl.DataFrame:
    """Coded labels as texts."""
    return frame.with_columns(pl.col(pl.Enum).cast(pl.String), pl.col(pl.Categorical).cast(pl.String))


def holding(network: Network) -> pl.DataFrame:
    """item, location, week: the cost of holding a unit for a week [money]."""
    a_week = pl.col("holding").fill_null(0.0) * risk.pace(network) * WEEK
    return plain(holding_rates(network)).select(*NODE, week=a_week)


def _cells(steps: pl.DataFrame, reviews: pl.DataFrame, week: pl.DataFrame) -> pl.DataFrame:
    """item, location, period, days, aim: the highest step that is worth more than holding it [units], by review."""
    pays = pl.col("price") > pl.col("week").fill_null(0.0) * pl.col("days") / WEEK * (1.0 + 1e-9)
    aims = steps.join(week, on=NODE, how="left").group_by(CELL).agg(aim=pl.col("level").filter(pays).max())
    nodes = steps.select(NODE).unique().sort(NODE)
    return nodes.join(reviews, how="cross").join(aims, on=CELL, how="left").with_columns(pl.col("aim").fill_null(0.0))


def _mean(cells: pl.DataFrame, name: str) -> pl.DataFrame:
    """item, location, and the mean aim over the reviews, weighted by days."""
    mean = (pl.col("aim") * pl.col("days")).sum() / pl.col("days").sum()
    return cells.group_by(NODE, maintain_order=True).agg(mean.alias(name))


def _against(network: Network, cells: pl.DataFrame, reviews: pl.DataFrame, week: pl.DataFrame) -> pl.DataFrame:
    """item, location, and the target against each cause alone."""
    found = cells.select(NODE).unique(maintain_order=True)
    for name, cause in AGAINST.items():
        alone = plain(risk.steps_against(network, (cause,))).join(reviews, on="period")
        part = _mean(_cells(alone, reviews, week), name)
        found = found.join(part, on=NODE, how="left").with_columns(pl.col(name).fill_null(0.0))
    return found


def _in_money(found: pl.DataFrame) -> pl.DataFrame:
    """The rows with their value and costs, highest value first."""
    target, rate = pl.col("target"), pl.col("week")
    blank = pl.col("description").fill_null("") == ""
    rows = found.with_columns(
        pl.col("typed").fill_null(0.0),
        description=pl.when(blank).then("item").otherwise("description"),
        holding=target * rate,
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
    return rows.sort(dear, pl.col("saves"), *NODE, descending=[True, True, False, False]).select(
        pl.col(name).cast(kind) for name, kind in TARGETS.items()
    )


def _costs(steps: pl.DataFrame, cells: pl.DataFrame, name: str) -> pl.DataFrame:
    """item, location, and the expected cost of shortage per week with the stock `at` of each review [money]."""
    weeks = float(cells.select("period", "days").unique()["days"].sum()) / WEEK
    below = pl.col("level") - pl.max_horizontal("at", pl.col("level") - pl.col("width"))
    money = (pl.col("price") * below.clip(0.0)).sum() / weeks
    filled = steps.join(cells.select(*CELL, "at"), on=CELL).sort(*CELL, "level")
    return filled.group_by(NODE, maintain_order=True).agg(money.alias(name))


def _held(steps: pl.DataFrame, cells: pl.DataFrame, plan: Plan | None) -> pl.DataFrame:
    """item, location, held [units], filled [share], short_held [money/week] of what the plan has in stock."""
    if plan is None or "stock" not in plan.flows:
        nothing = {"held": pl.Float64, "filled": pl.Float64, "short_held": pl.Float64}
        return pl.DataFrame(schema={"item": pl.String, "location": pl.String, **nothing})
    stock = plain(plan.flows["stock"].select(*CELL, at="quantity"))
    rows = cells.join(stock, on=CELL, how="left").with_columns(pl.col("at").fill_null(0.0))
    days, aim = pl.col("days"), pl.col("aim")
    filled = (pl.min_horizontal("at", "aim") * days).sum() / (aim * days).sum()
    return (
        rows.group_by(NODE, maintain_order=True)
        .agg(held=(pl.col("at") * days).sum() / days.sum(), filled=pl.when((aim * days).sum() > 0).then(filled))
        .join(_costs(steps, rows, "short_held"), on=NODE)
    )


def _service(network: Network, cells: pl.DataFrame) -> pl.DataFrame:
    """item, location, interval [days], covered [probability], fill [share] with the target in stock."""
    asked = plain(usage(network)).join(
        plain(network.demand).group_by("item", "location", "due").agg(pl.col("quantity").sum())
        .rename({"item": "of_item", "location": "of_location"}),
        on=["of_item", "of_location"],
    ).group_by(NODE).agg(asked=(pl.col("quantity") * pl.col("per_unit")).sum())  # fmt: skip
    rows = plain(risk.shortfalls(network)).join(cells.select(*CELL, "days", "aim"), on=CELL)
    close = (pl.col("short") - pl.col("aim")).abs() <= 1e-9 * pl.col("aim")
    within = pl.when(close).then(0.5).otherwise((pl.col("short") < pl.col("aim")).cast(pl.Float64))
    each = rows.group_by(*CELL, "interval", "days", maintain_order=True).agg(
        covered=(pl.col("weight") * within).sum(),
        short=((pl.col("short") - pl.col("aim")).clip(0.0) * pl.col("weight")).sum(),
    )
    found = each.group_by(NODE, maintain_order=True).agg(
        pl.col("interval").first(),
        covered=(pl.col("covered") * pl.col("days")).sum() / pl.col("days").sum(),
        short=pl.col("short").sum(),
    )
    fill = pl.when(pl.col("asked") > 0).then((1.0 - pl.col("short") / pl.col("asked")).clip(0.0))
    return found.join(asked, on=NODE, how="left").select(*NODE, "interval", "covered", fill=fill)


def demand_a_day(network: Network) -> pl.DataFrame:
    """item, location, demand: demand of each node per day, mean of the horizon [units/day]."""
    span = (network.periods["ends_on"].max() - network.periods["starts_on"].min()).days + 1  # type: ignore[operator,union-attr]
    total = plain(network.demand).group_by(NODE).agg(pl.col("quantity").sum())
    served = total.rename({"item": "of_item", "location": "of_location"})
    return (
        plain(usage(network))
        .join(served, on=["of_item", "of_location"])
        .group_by(NODE)
        .agg(demand=(pl.col("quantity") * pl.col("per_unit")).sum() / span)
    )


def _typed(snapshot: Snapshot) -> pl.DataFrame:
    return snapshot["policies"].group_by(NODE).agg(typed=pl.col("safety_stock").fill_null(0.0).sum())


def _record(network: Network) -> pl.DataFrame:
    """item, location, points, source, bias of the weeks ahead that are closest to the interval.

    Formula: own share = n ÷ (n + pool); the family has f ÷ (f + pool) of the rest, the company likewise of what is
    left, and the default the remainder; f and the company's points are sums over their items. The source is the largest
    share.
    """
    nodes = risk.shortest_intervals(network)
    given = plain(risk.stated(network)).group_by(NODE).agg(points=pl.col("probability").n_unique().cast(pl.Float64))
    stated = given.select(*NODE, "points", source=pl.lit("stated"), bias=pl.lit(None, dtype=pl.Float64))
    if not risk.active(network):
        return stated
    pool = network.settings.cushion.pool
    families = network.snapshot["items"].select("item", "family")
    rows = plain(risk.errors(network)).join(families, on="item", how="left")
    rows = rows.with_columns(
        of_family=pl.col("n").sum().over("family", "ahead"), of_company=pl.col("n").sum().over("ahead")
    )
    gap = (pl.col("ahead") - pl.col("days") / WEEK).abs()
    near = (
        rows.join(plain(nodes).select(*NODE, "days"), on=NODE)
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
