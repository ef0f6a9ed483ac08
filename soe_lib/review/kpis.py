"""Figures of the field, each with its formula, its sign and its source."""

from __future__ import annotations

import math
from typing import Literal

import polars as pl

from soe_lib.money.cash import excess_and_obsolete as excess_and_obsolete
from soe_lib.review import words
from soe_lib.review.measures import Reading


def schedule_attainment(frame: pl.DataFrame) -> float | None:
    """Share of the scheduled work that was done on time; work beyond the schedule earns nothing.

    Formula: Σ min(done on time, scheduled) ÷ Σ scheduled, row by row, so never above 100 % (SCOR, "schedule
    achievement"). It sees volume only: read it beside mix adherence. None where nothing was scheduled.

    Parameters
    ----------
    frame : scheduled, done [units or hours, one of them throughout]; one row per resource and day or week.
    """
    sums = frame.select(
        met=pl.min_horizontal("done", "scheduled").clip(lower_bound=0.0).sum(),
        scheduled=pl.col("scheduled").sum(),
    )
    scheduled = float(sums["scheduled"][0])
    return float(sums["met"][0]) / scheduled if scheduled > 0 else None


def mix_adherence(frame: pl.DataFrame) -> float | None:
    """Share of the plan made item by item: the right volume of the wrong items scores low.

    Formula: Σ_i min(A_i, P_i) ÷ Σ_i P_i. None where nothing was scheduled.

    Parameters
    ----------
    frame : item, scheduled (P), done (A) [units]; rows of one item are added up first.
    """
    return schedule_attainment(frame.group_by("item").agg(pl.col("scheduled", "done").sum()))


def oee(*, planned_hours: float, run_hours: float, made: float, good: float, units_per_hour: float) -> Reading:
    """Share of the planned time in which good units were made at full speed.

    Formula: availability × performance × quality, with availability = run ÷ planned hours, performance =
    made ÷ (run hours × units_per_hour), quality = good ÷ made (Nakajima, Introduction to TPM, 1988).

    Parameters
    ----------
    planned_hours, run_hours : hours planned to run, and run [h].
    made, good : units made in all, and those good the first time [units].
    units_per_hour : the ideal rate [units/h].
    """
    if min(planned_hours, run_hours, made, units_per_hour) <= 0:
        return Reading(None)
    availability = run_hours / planned_hours
    performance = made / (run_hours * units_per_hour)
    text = "Availability × performance × quality: " + " × ".join(
        f"{factor:.1%}" for factor in (availability, performance, good / made)
    )
    return Reading(availability * performance * good / made, text)


OFF = pl.col("actual") - pl.col("forecast")
SOLD = pl.col("actual").sum()
WMAPE = pl.when(SOLD > 0).then(OFF.abs().sum() / SOLD)
"""Σ|A − F| ÷ ΣA of a frame or a group of it; null without sales."""
BIAS = pl.when(SOLD > 0).then(OFF.sum() / SOLD)
"""Σ(A − F) ÷ ΣA likewise; below 0 more was forecast than sold."""


def pairs(frame: pl.DataFrame) -> pl.DataFrame:
    """Rows that have both an actual and a forecast, as numbers: a missing one is no error of zero."""
    return frame.select(pl.col("actual", "forecast").cast(pl.Float64)).drop_nulls()


def wmape(frame: pl.DataFrame) -> float | None:
    """How far the forecast lay from what was sold, large sellers weighing most.

    Formula: Σ|A − F₍L₎| / ΣA, with F₍L₎ the forecast as published L periods before (Kolassa & Schütz,
    Foresight 2007: "MAD/Mean"). 0 is perfect; over- and under-forecast count alike. None without sales.

    Parameters
    ----------
    frame : columns actual, forecast [units]; one row per item and period, the forecast that of lag L.
    """
    found: float | None = pairs(frame).select(WMAPE).item()
    return found


def mape(frame: pl.DataFrame) -> float | None:
    """The plain mean of the percentage errors: shown beside WMAPE only, since one small item can rule it.

    Formula: mean(|A − F| / A) over rows with A > 0 (Hyndman & Athanasopoulos, FPP3 §5.8).

    Parameters
    ----------
    frame : columns actual, forecast [units].
    """
    both = pairs(frame).filter(pl.col("actual") > 0)
    error = ((both["actual"] - both["forecast"]).abs() / both["actual"]).sum()
    return float(error) / both.height if both.height else None


def bias(frame: pl.DataFrame) -> Reading:
    """Whether the forecast leans to one side.

    Formula: Σ(A − F) / ΣA. Negative: over-forecast (more was promised than sold); positive: under-forecast.

    Parameters
    ----------
    frame : columns actual, forecast [units].
    """
    share: float | None = pairs(frame).select(BIAS).item()
    if share is None:
        return Reading(None)
    side = "over-forecast" if share < 0 else "under-forecast" if share > 0 else "no lean"
    return Reading(share, f"Σ(actual − forecast) ÷ Σ actual; negative is over-forecast. Here: {side}.")


def tracking_signal(frame: pl.DataFrame) -> pl.DataFrame:
    """How many mean errors the forecast has run off to one side, period after period.

    Formula (running): rsfe_n = Σ(A − F); mad_n = Σ|A − F| / n; signal_n = rsfe_n / mad_n. Positive:
    under-forecast. Beyond ±4 the forecast is biased (Brown 1959; Heizer & Render, Operations Management).
    Zero while every error so far was zero.

    Parameters
    ----------
    frame : columns actual, forecast [units], one row per period in time order.

    Returns
    -------
    the frame with rsfe [units], mad [units] and signal [mean errors] added.
    """
    counted = pl.int_range(1, pl.len() + 1)
    running = frame.with_columns(rsfe=OFF.cum_sum(), mad=OFF.abs().cum_sum() / counted)
    return running.with_columns(signal=pl.when(pl.col("mad") > 0).then(pl.col("rsfe") / pl.col("mad")).otherwise(0.0))


def last_signal(frame: pl.DataFrame, *, minimum: int = 4) -> Reading:
    """The last tracking signal, once enough periods stand behind it.

    Parameters
    ----------
    frame : columns actual, forecast [units], one row per period in time order.
    minimum : periods needed before the figure is shown.
    """
    both = pairs(frame)
    if both.height < minimum:
        return Reading(None, f"{both.height} of the {minimum} periods needed")
    return Reading(float(tracking_signal(both)["signal"][-1]))


def _scaled(frame: pl.DataFrame, history: pl.Series, season: int, power: int) -> float | None:
    """Mean |A − F|^power ÷ that of repeating the last season; None without pairs, or a history that never moved."""
    both, past = pairs(frame), history.cast(pl.Float64)
    steps = (past - past.shift(season)).drop_nulls()
    repeated = float((steps.abs() ** power).sum()) / max(steps.len(), 1)
    if both.is_empty() or repeated <= 0:
        return None
    return float(((both["actual"] - both["forecast"]).abs() ** power).sum()) / both.height / repeated


def mase(frame: pl.DataFrame, history: pl.Series, *, season: int = 1) -> float | None:
    """The forecast's error in multiples of the error of simply repeating the past; below 1 it earns its
    keep.

    Formula: mean|A − F| / mean|y_t − y_{t−m}| over the history (Hyndman & Koehler 2006; FPP3 §5.8).

    Parameters
    ----------
    frame : columns actual, forecast [units], the periods judged.
    history : y, sales of the periods before them in time order [units].
    season : m, periods in a season; 1 compares with the period before.
    """
    return _scaled(frame, history, season, 1)


def rmsse(frame: pl.DataFrame, history: pl.Series, *, season: int = 1) -> float | None:
    """Like MASE with squared errors, so that one large miss weighs more than many small ones.

    Formula: √(mean(A − F)² / mean(y_t − y_{t−m})²) (M5 Competitors' Guide, 2020). Parameters as of `mase`.
    """
    ratio = _scaled(frame, history, season, 2)
    return None if ratio is None else math.sqrt(ratio)


def days_of_supply(*, stock_value: float, annual_cost_of_goods: float) -> float | None:
    """For how many days the stock would last at the past year's pace (looks backward).

    Formula: stock value ÷ (annual cost of goods sold ÷ 365) (SCOR, inventory days of supply). None without cost.

    Parameters
    ----------
    stock_value : at standard cost [money].
    annual_cost_of_goods : of a year, or annualised [money/year].
    """
    return stock_value / (annual_cost_of_goods / 365) if annual_cost_of_goods > 0 else None


def forward_cover(frame: pl.DataFrame, *, beyond: float | None = None) -> pl.DataFrame:
    """How many periods of coming demand each stock covers, with the fraction of the last one (looks
    forward).

    Formula: k whole periods with Σ_{t≤k} d_t ≤ stock, plus (stock − Σ_{t≤k} d_t) ÷ d_{k+1}. A stock that
    outlasts the horizon gets `beyond` (null unless given): no cover is invented from demand nobody has
    forecast.

    Parameters
    ----------
    frame : item, location, index [0, 1, …; period number], stock [units now, same on each row], demand
        [units].
    beyond : the value to state for a stock that outlasts the horizon [periods].

    Returns
    -------
    item, location, stock [units], cover [periods].
    """
    keys = ["item", "location"]
    before = pl.col("demand").cum_sum().over(keys, order_by="index") - pl.col("demand")
    left = (pl.col("stock") - before).clip(lower_bound=0.0)
    share = pl.when(pl.col("demand") > 0).then((left / pl.col("demand")).clip(upper_bound=1.0))
    # A period without demand is covered as long as the stock lasted to its start.
    counted = share.otherwise(pl.when(left > 0).then(1.0).otherwise(0.0))
    lasting = pl.col("stock").first() >= pl.col("demand").sum()
    return (
        frame.sort([*keys, "index"])
        .with_columns(part=counted)
        .group_by(keys, maintain_order=True)
        .agg(
            stock=pl.col("stock").first(),
            cover=pl.when(lasting).then(pl.lit(beyond, dtype=pl.Float64)).otherwise(pl.col("part").sum()),
        )
    )


def cash_to_cash(
    *,
    stock_value: float,
    annual_cost_of_goods: float,
    receivable_days: float | None,
    payables: float | None = None,
    annual_material_cost: float | None = None,
    payable_days: float | None = None,
) -> Reading:
    """Days between paying for material and being paid for goods.

    Formula: days of inventory + days of sales outstanding − days of payables outstanding (SCOR AM.1.1).
    Days of payables = payables ÷ (annual material cost ÷ 365), or the agreed terms where `payable_days` is
    given.

    Parameters
    ----------
    stock_value : at standard cost [money]. annual_cost_of_goods : [money/year].
    receivable_days : days until customers pay [days].
    payables, annual_material_cost : owed to suppliers [money], bought in a year [money/year].
    payable_days : agreed days until suppliers are paid [days]; used instead of the two above.
    """
    stock_days = days_of_supply(stock_value=stock_value, annual_cost_of_goods=annual_cost_of_goods)
    if stock_days is None:
        return Reading(None, "no cost of goods sold")
    if receivable_days is None:
        return Reading(None, "no days of sales outstanding: set terms.receivable_days")
    if payable_days is None:
        if payables is None or not annual_material_cost or annual_material_cost <= 0:
            return Reading(None, "no days of payables outstanding: set terms.payable_days")
        payable_days = payables / (annual_material_cost / 365)
    text = f"Stock {stock_days:.1f} + receivables {receivable_days:.1f} − payables {payable_days:.1f} days."
    return Reading(stock_days + receivable_days - payable_days, text)


def expediting(frame: pl.DataFrame) -> pl.DataFrame:
    """What was paid to be faster, by cause; the largest first.

    Formula: Σ units × (expedited cost − standard cost). Positive: money spent on buying faster.

    Parameters
    ----------
    frame : cause, units [units], expedited_cost, standard_cost [money/unit].

    Returns
    -------
    cause, units [units], cost [money].
    """
    cost = pl.col("units") * (pl.col("expedited_cost") - pl.col("standard_cost"))
    return (
        frame.group_by("cause")
        .agg(units=pl.col("units").sum(), cost=cost.sum())
        .sort(["cost", "cause"], descending=[True, False])
    )


def otif(
    lines: pl.DataFrame,
    *,
    basis: Literal["requested", "confirmed"] = "requested",
    days_late: int = 0,
    short_share: float = 0.0,
) -> Reading:
    """Share of order lines that came on time and in full; half a line is a miss.

    Formula: lines with (delivered ≤ date + days_late) and (shipped ≥ quantity × (1 − short_share)) ÷ all
    lines. There is no standard definition: the score's text prints the one used. A line not delivered is a
    miss.

    Parameters
    ----------
    lines : one row per order line: requested_on, confirmed_on [date, either may be missing when it is not
        the basis], delivered_on [date of the last delivery counted, null: none], quantity, shipped [units].
    basis : the date the customer asked for, or the date that was confirmed.
    days_late : days after that date that still count as on time.
    short_share : share of the quantity that may be missing and still count as in full.
    """
    tolerance = f"up to {words.count(days_late, 'day')} late" if days_late else "no day late"
    full = f"at least {words.percent(1 - short_share)} of the quantity" if short_share else "the whole quantity"
    definition = f"Order lines delivered by the {basis} date ({tolerance}) with {full} ÷ all order lines."
    if lines.is_empty():
        return Reading(None)
    late = pl.col("delivered_on") > pl.col(f"{basis}_on").dt.offset_by(f"{days_late}d")
    met = (pl.col("delivered_on").is_not_null() & ~late) & (
        pl.col("shipped") >= pl.col("quantity") * (1 - short_share) - 1e-9
    )
    share = float(lines.select(met.fill_null(False).mean()).item())
    return Reading(share, definition)


def fill_rate(
    lines: pl.DataFrame,
    *,
    by: Literal["units", "revenue", "lines", "orders"] = "units",
) -> float | None:
    """Share of what was ordered that was shipped.

    Formula: units: Σ min(shipped, ordered) ÷ Σ ordered; revenue: the same at the line's price; lines and
    orders: the share of those shipped completely. Shipping more than ordered earns nothing.

    Parameters
    ----------
    lines : one row per order line: order, quantity, shipped [units], price [money/unit, only for revenue].
    by : what is counted.
    """
    weight = pl.col("price") if by == "revenue" else pl.lit(1.0)
    shipped = pl.min_horizontal("shipped", "quantity")
    if by in {"lines", "orders"}:
        full = pl.col("shipped") >= pl.col("quantity") - 1e-9
        keyed = lines.with_row_index("line").group_by("order" if by == "orders" else "line").agg(full=full.all())
        ordered, sent = float(keyed.height), float(keyed["full"].sum())
    else:
        sums = lines.select(ordered=(pl.col("quantity") * weight).sum(), sent=(shipped * weight).sum())
        ordered, sent = float(sums["ordered"][0]), float(sums["sent"][0])
    return sent / ordered if ordered > 0 else None


def backlog(frame: pl.DataFrame, *, opening: float = 0.0) -> pl.DataFrame:
    """What is owed to customers at the end of each period.

    Formula: B_t = B_{t−1} + due_t − shipped_t, with B_0 = opening. Negative: shipped ahead of the due date.

    Parameters
    ----------
    frame : due, shipped [units], one row per period in time order.
    opening : units owed at the start.

    Returns
    -------
    the frame with backlog [units] added.
    """
    return frame.with_columns(backlog=opening + (pl.col("due") - pl.col("shipped")).cum_sum())
