"""The risk curve of each node: what a low stock is expected to cost, from the record of errors and the economics."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from soe_lib.model.axis import Floats
from soe_lib.model.blocks.stock import holding_rates
from soe_lib.model.inbound import NODE, usage, ways
from soe_lib.model.prepared import prepared
from soe_lib.uncertainty import record as records
from soe_lib.uncertainty import supply
from soe_lib.uncertainty.slices import WEIGHTS, added, of_values
from soe_lib.uncertainty.spread import FLOOR, LISTED, spread

if TYPE_CHECKING:
    from collections.abc import Sequence

    from soe_lib.model.network import Network

CELL = (*NODE, "period")
LEAST = 1e-6
"""Units: a step of less is none."""
FOREVER = 10**6
"""Days of a label that is left blank."""
CLASSES = 3
"""Of demands, by what a unit short costs them; whoever loses least waits first."""
BINS = 8
"""Tiers of a node and period at most: steps of its curves that lie close together are one, at their mean."""
CAUSES = ("forecast error", "late deliveries", "lost hours")
"""What a cushion stands against."""


@prepared
def known(network: Network) -> pl.DataFrame:
    """The record of the forecast by item and place; see `uncertainty.record.of`."""
    found = records.of(network.snapshot)
    # An earlier extract may speak of items and places that are no more.
    labels = {name: network.domains[name].categories for name in NODE}
    return network.encode(found.filter(pl.col(name).is_in(known.implode()) for name, known in labels.items()))


@prepared
def errors(network: Network) -> pl.DataFrame:
    """Slices of the relative error of every node that demand takes up; see `uncertainty.spread.spread`."""
    rule = network.settings.cushion
    history = known(network)
    weeks = history.select(pl.col("week").n_unique()).item() if history.height else 0
    longest = intervals(network).select(pl.col("days").max().fill_null(7.0)).item()
    far = int(longest // 7) + 1
    summed = records.accumulated(history, max(1, min(far, weeks // 2)))
    nodes = usage(network).select(NODE).unique().sort(NODE)
    nodes = nodes.join(network.table("items").select("item", "family"), on="item", how="left")
    return spread(records.joined(summed, usage(network)), nodes, pool=rule.pool, default=rule.error)


def active(network: Network) -> bool:
    """Whether errors are read from a record: settings say so, or leave it to whether there is one."""
    use = network.settings.cushion.use
    return use == "always" or (use == "with a record" and not known(network).is_empty())


@prepared
def lines(network: Network) -> pl.DataFrame:
    """What one unit less of a node costs each demand that takes it up, by customer: per unit of the node.

    Returns
    -------
    item, location (the node), of_item, of_location, customer, volume [units of the node], late [money/unit/day],
    lost [money/unit], patient [days that it waits], own (whether it is the node's own demand).
    """
    worth = network.items.select("item", value=pl.coalesce("standard_cost", "end_value").fill_null(0.0))
    lost = (pl.col("price") - pl.col("value")).clip(0.0) + pl.col("short_penalty") + pl.col("short_cost")
    weight = pl.col("quantity") / pl.col("quantity").sum()
    asked = (
        network.demand.filter(pl.col("quantity") > 0)
        .join(worth, on="item", how="left", maintain_order="left")
        .group_by(*NODE, "customer", maintain_order=True)
        .agg(
            ((pl.col("late_cost") + pl.col("late_goodwill")) * weight).sum().alias("late") * pace(network),
            (lost * weight).sum().alias("lost"),
            (pl.col("latest_days") * weight).sum().alias("patient"),
            pl.col("quantity").sum(),
        )
    )
    served = usage(network).filter(pl.col("per_unit") > 1e-9)
    return served.join(
        asked.rename({"item": "of_item", "location": "of_location"}), on=["of_item", "of_location"]
    ).select(
        *NODE,
        "of_item",
        "of_location",
        "customer",
        volume=pl.col("quantity") * pl.col("per_unit"),
        late=pl.col("late") / pl.col("per_unit"),
        lost=pl.col("lost") / pl.col("per_unit"),
        patient="patient",
        own=(pl.col("item") == pl.col("of_item")) & (pl.col("location") == pl.col("of_location")),
    )


def pace(network: Network) -> float:
    """Units of time (`costs.per`) in a day."""
    return float(network.periods["length"].sum() / _days(network).sum())


@prepared
def intervals(network: Network) -> pl.DataFrame:
    """Each protection interval of a node, and what a unit below costs at most.

    Goods where demand meets them: lead time of the shortest last way in (what is made or shipped further up is
    protected where it lies) and one review. What is bought for them: the lead
    time of the fastest offer and one review; and that of the cheapest one, where a faster one at a premium helps.

    Returns
    -------
    item, location, days, most [money/unit; null: what the demand loses].
    """
    review = float(network.settings.cushion.review_days)
    served = lines(network)
    last = ways(network).group_by(NODE).agg(pl.col("days").min())
    goods = served.filter("own").select(NODE).unique().join(last, on=NODE)
    fed = served.filter(pl.col("item") != pl.col("of_item")).select(NODE).unique()
    offers = ways(network).filter(pl.col("kind") == "buy").join(fed, on=NODE, how="semi")
    cheapest = offers.sort(*NODE, "cost", "days").group_by(NODE, maintain_order=True).first()
    fastest = offers.sort(*NODE, "days", "cost").group_by(NODE, maintain_order=True).first()
    both = cheapest.select(*NODE, slow="days", low="cost").join(
        fastest.select(*NODE, fast="days", high="cost"), on=NODE
    )
    unbounded = pl.lit(None, dtype=pl.Float64).alias("most")
    return pl.concat(
        [
            goods.select(*NODE, pl.col("days") + review, unbounded),
            both.select(*NODE, pl.col("fast").alias("days") + review, unbounded),
            both.filter(pl.col("slow") > pl.col("fast")).select(
                *NODE, pl.col("slow").alias("days") + review, most=(pl.col("high") - pl.col("low")).clip(0.0)
            ),
        ]
    ).sort(*NODE, "days")


@prepared
def curves(network: Network) -> pl.DataFrame:
    """Each curve of a node: who is short first, and what a unit short costs more than what the one before loses.

    Whoever loses least waits first: the demands of a node are sorted by what a unit short costs and cut into CLASSES
    of equal volume. Formula: rate = late + lost × (1 − patience ÷ days)⁺ ÷ days, and no more than `most` ÷ days.

    Returns
    -------
    item, location, days, offset (share of the demand that is short before), rate [money/unit/day, on top].
    """
    rate = pl.col("late") + pl.col("lost") * (1.0 - pl.col("patient") / pl.col("days")).clip(0.0) / pl.col("days")
    most = (pl.col("most") / pl.col("days")).fill_null(float("inf"))
    node = [*NODE, "days"]
    volume = pl.col("volume")
    ranked = (
        intervals(network)
        .join(lines(network), on=NODE)
        .with_columns(rate=pl.min_horizontal(rate, most))
        .sort(*node, "rate", "of_item", "of_location", "customer")
        .with_columns(
            of=volume.sum().over(node),
            middle=(volume.cum_sum().over(node) - volume / 2) / volume.sum().over(node),
        )
        .with_columns(rank=(pl.col("middle") * CLASSES).floor().clip(0, CLASSES - 1))
    )
    classes = ranked.group_by(*node, "rank", maintain_order=True).agg(
        rate=(pl.col("rate") * volume).sum() / volume.sum(), share=(volume / pl.col("of")).sum()
    )
    return (
        classes.sort(*node, "rank")
        .with_columns(
            offset=(pl.col("share").cum_sum() - pl.col("share")).over(node),
            rate=pl.col("rate") - pl.col("rate").shift(1).over(node).fill_null(0.0),
        )
        .filter(pl.col("rate") > 1e-12)
        .select(*node, "offset", "rate")
    )


@prepared
def levels(network: Network) -> pl.DataFrame:
    """Stock that each step of each curve asks for at the end of each period, and the price of a unit below.

    Formula: level = slice of the relative error × max(forecast of the interval, half the usual one) − offset ×
    demand of the interval, the interval being what the curve protects, or what lies between the as-of date and the
    period's end where that is shorter; price = (rate + holding where nobody is short before) × days of the
    review × probability of the slice.

    Returns
    -------
    item, location, period, level [units], price [money/unit below].
    """
    return _levels(network, CAUSES)


def _levels(network: Network, causes: Sequence[str]) -> pl.DataFrame:
    """The levels and prices if nothing but some of the causes were there."""
    nothing = network.nodes.clear().with_columns(period=network.first, level=pl.lit(0.0), price=pl.lit(0.0))
    rows = curves(network).join(holding_rates(network), on=NODE, how="left", maintain_order="left")
    if rows.is_empty() or network.settings.cushion.use == "never":
        return nothing
    held = pl.col("holding").fill_null(0.0) * pace(network)
    rows = rows.with_columns(pl.when(pl.col("offset") > 0).then("rate").otherwise(pl.col("rate") + held).alias("rate"))
    told = stated(network)
    rest = rows.join(told.select(NODE).unique(), on=NODE, how="anti").sort(*NODE, "days", "offset")
    found = []
    if told.height and CAUSES[0] in causes:
        found.append(_as_stated(network, rows.join(told.select(NODE).unique(), on=NODE, how="semi"), told))
    if rest.height and active(network):
        found.append(_as_recorded(network, rest, causes))
    return pl.concat([nothing, *found])


@prepared
def stated(network: Network) -> pl.DataFrame:
    """What the company itself says of its errors: item, location, period, probability, quantity, weight.

    A row holds for the periods that end within its label of time; of several the shortest label, blank last.
    Formula: the weight of a quantile is half the distance of its neighbours; the outermost reach to 0 and to 1.
    """
    table = network.table("forecast_errors")
    if table.is_empty():
        return network.nodes.clear().with_columns(
            period=network.first, probability=pl.lit(0.0), quantity=pl.lit(0.0), weight=pl.lit(0.0)
        )
    names = table.select(label=pl.col("period").fill_null("")).unique()
    spans = network.calendar.spans(names["label"]).with_columns(long=(pl.col("last") - pl.col("first")).dt.total_days())
    ending = pl.col("ends_on").is_between("first", "last") | (pl.col("label") == "")
    held = spans.join(network.periods.select(at="period", ends_on="ends_on"), how="cross").filter(ending)
    rows = (
        table.with_columns(label=pl.col("period").fill_null(""))
        .drop("period")
        .join(held.select("label", pl.col("at").alias("period"), pl.col("long").fill_null(FOREVER)), on="label")
        .filter(pl.col("long") == pl.col("long").min().over(CELL))
        .sort(*CELL, "probability")
    )
    at = pl.col("probability")
    above = ((at + at.shift(-1)) / 2).over(CELL).fill_null(1.0)
    below = ((at + at.shift(1)) / 2).over(CELL).fill_null(0.0)
    return rows.select(*CELL, "probability", "quantity", weight=above - below)


def _as_stated(network: Network, rows: pl.DataFrame, told: pl.DataFrame) -> pl.DataFrame:
    """Levels and prices of nodes whose errors the company states."""
    ahead, inside = _intervals(network, rows)
    asked = np.einsum("cs,cts->ct", _demand(network, rows)[1], inside)
    usable = _usable(network, rows, asked, ahead)
    when = pl.DataFrame({"at": np.arange(network.periods.height), "days": _counted(network)})
    cells = (
        rows.drop("days")
        .with_row_index("curve")
        .join(
            pl.concat([network.periods.select("period"), when], how="horizontal").filter(pl.col("days") > 0),
            how="cross",
        )
    )
    place = (cells["curve"].to_numpy(), cells["at"].to_numpy())
    cells = cells.with_columns(asked=pl.Series(asked[place]), usable=pl.Series(usable[place]))
    level = pl.min_horizontal(pl.col("quantity") - pl.col("offset") * pl.col("asked"), "usable")
    return (
        cells.join(told, on=CELL)
        .select(*CELL, level=level, price=pl.col("rate") * pl.col("days") * pl.col("weight"))
        .filter(pl.col("level") > LEAST)
    )


def _recorded(network: Network, rows: pl.DataFrame, causes: Sequence[str]) -> tuple[Floats, Floats]:
    """Slices of what may be short over each interval (curves × periods × slices), and the demand of the interval."""
    ahead, inside = _intervals(network, rows)
    exposed, asked = (np.einsum("cs,cts->ct", one, inside) for one in _demand(network, rows))
    share, usual = _shares(network, rows, ahead)
    if network.settings.forecast.bias == "remove":  # it is out of the forecast already
        share = share - (share @ WEIGHTS)[:, :, None]
    base = np.where(exposed > LEAST, np.maximum(exposed, FLOOR * usual * ahead), 0.0)
    errors_in_sum = share * base[:, :, None] * float(CAUSES[0] in causes)
    return _supply(network, rows, asked, ahead, errors_in_sum, causes), asked


def _as_recorded(network: Network, rows: pl.DataFrame, causes: Sequence[str]) -> pl.DataFrame:
    """Levels and prices of nodes whose errors the record tells."""
    short, asked = _recorded(network, rows, causes)
    level = short - (rows["offset"].to_numpy()[:, None] * asked)[:, :, None]
    level = np.minimum(level, _usable(network, rows, asked, _intervals(network, rows)[0])[:, :, None])
    rate = rows["rate"].to_numpy()[:, None] * _counted(network)[None, :]
    price = rate[:, :, None] * WEIGHTS
    which, when, step = np.nonzero((level > LEAST) & (price > 0))
    return pl.DataFrame(
        [
            rows["item"].gather(which),
            rows["location"].gather(which),
            network.periods["period"].gather(when),
            pl.Series("level", level[which, when, step]),
            pl.Series("price", price[which, when, step]),
        ]
    )


def _days(network: Network) -> Floats:
    """Days of each period."""
    span = (pl.col("ends_on") - pl.col("starts_on")).dt.total_days() + 1
    return network.periods.select(span.cast(pl.Float64)).to_series().to_numpy()


def _counted(network: Network) -> Floats:
    """Days that the closing stock of a period stands for: all of one review in its last period, and none in others.

    A plan of days is reviewed once in several of them: what is low in between can no longer be mended.
    """
    days = _days(network)
    review = np.ceil(np.cumsum(days) / network.settings.cushion.review_days - 1e-9)
    last = np.append(review[1:] != review[:-1], True)
    reached = np.cumsum(days)[last]
    counted = np.zeros(len(days))
    counted[last] = np.diff(reached, prepend=0.0)
    return counted


def _intervals(network: Network, rows: pl.DataFrame) -> tuple[Floats, Floats]:
    """Weeks over which errors add up by the end of each period, and the share of each period that lies in them.

    Shapes: curves × periods, and curves × periods × periods.
    """
    days = _days(network)
    ends = np.cumsum(days)
    begins = ends - days
    distinct, place = np.unique(rows["days"].to_numpy(), return_inverse=True)
    first = np.maximum(ends[None, :] - distinct[:, None], 0.0)
    overlap = np.minimum(ends[None, None, :], ends[None, :, None]) - np.maximum(
        begins[None, None, :], first[:, :, None]
    )
    return ((ends[None, :] - first) / 7.0)[place], np.clip(overlap / days[None, None, :], 0.0, 1.0)[place]


def _usable(network: Network, rows: pl.DataFrame, asked: Floats, ahead: Floats) -> Floats:
    """Units that can be used up before they expire, at the pace of the interval: curves × periods; no limit is inf.

    What a customer still asks of an item's life is not there to be used.
    """
    asks = network.table("customers").select(pl.col("remaining_life_days").max().fill_null(0.0)).item() or 0.0
    lives = network.table("items").select("item", left=(pl.col("shelf_life_days") - asks).clip(0.0))
    left = rows.select("item").join(lives, on="item", how="left", maintain_order="left")["left"]
    days = left.cast(pl.Float64).fill_null(np.inf).to_numpy()[:, None]
    limit = np.full(asked.shape, np.inf)
    return np.multiply(asked / (7.0 * ahead), days, out=limit, where=np.isfinite(days))


def _demand(network: Network, rows: pl.DataFrame) -> tuple[Floats, Floats]:
    """What each curve's node has to serve by period, in its own units: what may still err, and all of it.

    Orders in hand are certain; of a period that is partly ordered, what may err goes with the root of the rest.
    """
    cells = (
        network.demand.group_by(*NODE, "due", maintain_order=True)
        .agg(
            pl.col("quantity").sum(),
            forecast=pl.col("quantity").filter(pl.col("order").cast(pl.String) == "").sum(),
        )
        .with_columns(exposed=(pl.col("quantity") * pl.col("forecast")).sqrt())
        .rename({"item": "of_item", "location": "of_location", "due": "period"})
    )
    found = (
        usage(network)
        .join(cells, on=["of_item", "of_location"])
        .sort(*NODE, "period", "of_item", "of_location")
        .group_by(*NODE, "period", maintain_order=True)
        .agg((pl.col("exposed", "quantity") * pl.col("per_unit")).sum())
        .join(rows.select(NODE).with_row_index("curve"), on=NODE)
        .join(network.periods.select("period", at=pl.int_range(0, pl.len())), on="period")
    )
    place = (found["curve"].to_numpy(), found["at"].to_numpy())
    made = []
    for name in ("exposed", "quantity"):
        table = np.zeros((rows.height, network.periods.height))
        table[place] = found[name].to_numpy()
        made.append(table)
    return made[0], made[1]


@prepared
def delays(network: Network) -> pl.DataFrame:
    """How late supply comes in to each node, by its cheapest way: item, location, days, share (adds up to 1)."""
    rank = pl.col("kind").replace_strict({"make": 0, "ship": 1, "buy": 2}, return_dtype=pl.Int8)
    first = ways(network).sort(*NODE, rank, "cost", "days", "name").group_by(NODE, maintain_order=True).first()
    mixed = supply.mixtures(network.snapshot).select("kind", pl.col("name"), late="days", share="share")
    return (
        first.select(*NODE, "kind", "name").join(mixed, on=["kind", "name"]).select(*NODE, days="late", share="share")
    )


@prepared
def outages(network: Network) -> pl.DataFrame:
    """Share of an item's weekly output that is lost with hours: item, mean, variance; of several places their mean."""
    lost = network.encode(supply.output_lost(network.snapshot).select("item", "location", "mean_share", "sd_share"))
    return (
        lost.sort(NODE)
        .group_by("item", maintain_order=True)
        .agg(mean=pl.col("mean_share").mean(), variance=(pl.col("sd_share") ** 2).mean())
    )


def _supply(
    network: Network, rows: pl.DataFrame, asked: Floats, ahead: Floats, short: Floats, causes: Sequence[str]
) -> Floats:
    """What demand asks more than foreseen, with what supply brings less: late deliveries and output lost.

    Formula: a delivery late by so many days is short of so many days' demand; output lost over w weeks has mean w × μ
    and variance w × σ² of a week's demand, as one stop that comes with probability mean² ÷ (mean² + variance). Demand,
    deliveries and stops are taken for independent.
    """
    day = asked / (7.0 * ahead)
    late = rows.select(NODE).join(
        delays(network).group_by(NODE).agg(pl.col("days").sort(), pl.col("share").sort_by("days")),
        on=NODE,
        how="left",
        maintain_order="left",
    )
    slices = np.array([of_values(*one) for one in late.select("days", "share").iter_rows()])
    if CAUSES[1] in causes and np.any(slices):
        within = np.minimum(slices[:, None, :], 7.0 * ahead[:, :, None])
        short = added(short, within * day[:, :, None], WEIGHTS)
    lost = rows.select(NODE).join(outages(network), on="item", how="left", maintain_order="left")
    mean, variance = (lost[name].fill_null(0.0).to_numpy()[:, None] * ahead for name in ("mean", "variance"))
    if CAUSES[2] in causes and np.any(mean):
        chance = np.divide(mean**2, mean**2 + variance, out=np.ones_like(mean), where=(mean**2 + variance) > 0)
        size = np.divide(mean, chance, out=np.zeros_like(mean), where=chance > 0) * 7.0 * day
        values = np.stack([np.zeros_like(size), size], axis=2)
        short = added(short, values, np.stack([1.0 - chance, chance], axis=2))
    return short


def _shares(network: Network, rows: pl.DataFrame, ahead: Floats) -> tuple[Floats, Floats]:
    """Slices of the relative error of each curve and period (curves × periods × slices), and a usual week's forecast.

    Between whole weeks they are interpolated; before the first and after the last that the record knows, errors of
    different weeks are taken for independent.
    """
    table = errors(network)
    known_weeks = np.array(sorted(table["ahead"].unique().to_list()), dtype=np.float64)
    nodes = rows.select(NODE).join(
        table.sort("ahead").group_by(NODE, maintain_order=True).agg(LISTED, "usual"),
        on=NODE,
        how="left",
        maintain_order="left",
    )
    listed = np.array(nodes[LISTED].to_list(), dtype=np.float64)  # curves × weeks known × steps
    usual = np.array([one[0] or 0.0 for one in nodes["usual"].to_list()]) / known_weeks[0]
    inside = np.clip(ahead, known_weeks[0], known_weeks[-1])
    upper = np.clip(np.searchsorted(known_weeks, inside), 1, max(len(known_weeks) - 1, 1))
    if len(known_weeks) == 1:
        taken = np.repeat(listed, ahead.shape[1], axis=1)
    else:
        left, right = known_weeks[upper - 1], known_weeks[upper]
        weight = ((inside - left) / (right - left))[:, :, None]
        row = np.arange(rows.height)[:, None]
        taken = listed[row, upper - 1] * (1.0 - weight) + listed[row, upper] * weight
    return taken * np.sqrt(inside / ahead)[:, :, None], usual[:, None]


@prepared
def steps(network: Network) -> pl.DataFrame:
    """The curves of one node as one convex price: how wide each tier is, and what a unit in it costs.

    Formula: of more than eight steps those in the same eighth of the highest one are taken together at their mean,
    weighed by price.

    Returns
    -------
    item, location, period, tier (001 is the lowest), width [units], price [money/unit], level [units, its upper end].
    """
    return steps_against(network, CAUSES)


def steps_against(network: Network, causes: Sequence[str]) -> pl.DataFrame:
    """The same steps if nothing but some of the causes (see CAUSES) were there."""
    tiers = pl.Enum([f"{number:03d}" for number in range(1, BINS + 1)])
    level = pl.col("level")
    few, nth = pl.len().over(CELL) <= BINS, level.rank("dense").over(CELL)
    merged = (
        (levels(network) if tuple(causes) == CAUSES else _levels(network, causes))
        .with_columns(bin=pl.when(few).then(nth).otherwise((level / level.max().over(CELL) * BINS).ceil()))
        .sort(*CELL, "bin", "level", "price")
        .group_by(*CELL, "bin", maintain_order=True)
        .agg(level=(level * pl.col("price")).sum() / pl.col("price").sum(), price=pl.col("price").sum())
        .sort(*CELL, "level")
    )
    return merged.with_columns(
        width=pl.col("level") - pl.col("level").shift(1).over(CELL).fill_null(0.0),
        price=pl.col("price").cum_sum(reverse=True).over(CELL),
        tier=pl.int_range(0, pl.len()).over(CELL),
    ).select(*CELL, (pl.col("tier") + 1).cast(pl.String).str.zfill(3).cast(tiers), "width", "price", "level")


def reviews(network: Network) -> pl.DataFrame:
    """The periods whose closing stock counts for the cushion: period, days that it stands for."""
    found = network.periods.select("period").with_columns(days=pl.Series(_counted(network), dtype=pl.Float64))
    return found.filter(pl.col("days") > 0)


def shortfalls(network: Network) -> pl.DataFrame:
    """What may be asked for more, or come in less, than foreseen by the end of each review, and how likely it is.

    Of each node the interval after which no dearer way in helps.

    Returns
    -------
    item, location, interval [days], period, short [units, below 0: more is there than foreseen], weight (adds up to 1).
    """
    rows = intervals(network).filter(pl.col("most").is_null()).unique(NODE, keep="first", maintain_order=True)
    told = stated(network)
    parts = [rows.select(*NODE, interval="days").join(told.select(*CELL, short="quantity", weight="weight"), on=NODE)]
    rest = rows.join(told.select(NODE).unique(), on=NODE, how="anti")
    if rest.height and active(network):
        short, _ = _recorded(network, rest, CAUSES)
        which, when, step = (axis.ravel() for axis in np.indices(short.shape))
        parts.append(
            pl.DataFrame(
                [
                    rest["item"].gather(which),
                    rest["location"].gather(which),
                    rest["days"].gather(which).alias("interval"),
                    network.periods["period"].gather(when),
                    pl.Series("short", short[which, when, step]),
                    pl.Series("weight", WEIGHTS[step]),
                ]
            )
        )
    return pl.concat(parts).join(reviews(network).select("period"), on="period", how="semi")
