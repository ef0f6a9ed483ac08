"""How good the forecast was: size of the error, its direction, and whether it keeps to one side."""

from __future__ import annotations

import math

import polars as pl

from soe_lib.review.score import Band, Score, insufficient, known

WMAPE_BAND = Band(good=(0.0, 0.20), watch=(0.0, 0.35))
BIAS_BAND = Band(good=(-0.05, 0.05), watch=(-0.10, 0.10))
SIGNAL_BAND = Band(good=(-4.0, 4.0), watch=(-6.0, 6.0))
SCALED_BAND = Band(good=(0.0, 1.0), watch=(0.0, 1.25))


def pairs(frame: pl.DataFrame) -> pl.DataFrame:
    """Rows that have both an actual and a forecast, as numbers: a missing one is no error of zero."""
    return frame.select(pl.col("actual", "forecast").cast(pl.Float64)).drop_nulls()


def wmape(frame: pl.DataFrame, *, lag: int, band: Band = WMAPE_BAND) -> Score:
    """How far the forecast lay from what was sold, large sellers weighing most.

    Formula: Σ|A − F₍L₎| / ΣA, with F₍L₎ the forecast as published L periods before (Kolassa & Schütz,
    Foresight 2007: "MAD/Mean"). 0 is perfect; over- and under-forecast count alike.

    Parameters
    ----------
    frame : columns actual, forecast [units]; one row per item and period, the forecast that of lag L.
    lag : L, in periods; part of the name, because the figure means nothing without it.
    band : shares at which it is good, to be watched, or to be acted on.
    """
    name = f"WMAPE at lag {lag}"
    both = pairs(frame)
    sold = float(both["actual"].sum())
    if both.is_empty() or sold <= 0:
        return insufficient(name, "%", f"no sales with a forecast published {lag} periods before")
    error = float((both["actual"] - both["forecast"]).abs().sum()) / sold
    return known(name, error, "%", "Σ|actual − forecast| ÷ Σ actual; 0 % is a perfect forecast.", band=band)


def mape(frame: pl.DataFrame) -> Score:
    """The plain mean of the percentage errors: shown beside WMAPE only, since one small item can rule it.

    Formula: mean(|A − F| / A) over rows with A > 0 (Hyndman & Athanasopoulos, FPP3 §5.8).

    Parameters
    ----------
    frame : columns actual, forecast [units].
    """
    both = pairs(frame).filter(pl.col("actual") > 0)
    if both.is_empty():
        return insufficient("MAPE", "%", "no rows with sales")
    error = float(((both["actual"] - both["forecast"]).abs() / both["actual"]).sum()) / both.height
    return known("MAPE", error, "%", "Mean of |actual − forecast| ÷ actual; every row weighs the same.")


def bias(frame: pl.DataFrame, *, band: Band = BIAS_BAND) -> Score:
    """Whether the forecast leans to one side.

    Formula: Σ(A − F) / ΣA. Negative: over-forecast (more was promised than sold); positive: under-forecast.

    Parameters
    ----------
    frame : columns actual, forecast [units].
    band : shares at which it is good, to be watched, or to be acted on; both sides count.
    """
    both = pairs(frame)
    sold = float(both["actual"].sum())
    if both.is_empty() or sold <= 0:
        return insufficient("Forecast bias", "%", "no sales with a forecast")
    share = float((both["actual"] - both["forecast"]).sum()) / sold
    side = "over-forecast" if share < 0 else "under-forecast" if share > 0 else "no lean"
    text = f"Σ(actual − forecast) ÷ Σ actual; negative is over-forecast. Here: {side}."
    return known("Forecast bias", share, "%", text, band=band)


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
    error = pl.col("actual") - pl.col("forecast")
    counted = pl.int_range(1, pl.len() + 1)
    running = frame.with_columns(rsfe=error.cum_sum(), mad=error.abs().cum_sum() / counted)
    return running.with_columns(signal=pl.when(pl.col("mad") > 0).then(pl.col("rsfe") / pl.col("mad")).otherwise(0.0))


def tracking_score(frame: pl.DataFrame, *, minimum: int = 4, band: Band = SIGNAL_BAND) -> Score:
    """The last tracking signal, once enough periods stand behind it.

    Parameters
    ----------
    frame : columns actual, forecast [units], one row per period in time order.
    minimum : periods needed before the figure is shown.
    band : signals at which it is good, to be watched, or to be acted on.
    """
    both = pairs(frame)
    if both.height < minimum:
        return insufficient("Tracking signal", "ratio", f"{both.height} of the {minimum} periods needed")
    signal = float(tracking_signal(both)["signal"][-1])
    text = "Σ(actual − forecast) ÷ mean |actual − forecast|; beyond ±4 it leans; positive is under-forecast."
    return known("Tracking signal", signal, "ratio", text, band=band)


def naive_error(history: pl.Series, season: int, power: int) -> float | None:
    """Mean |y_t − y_{t−season}|^power of the history: the error of a forecast that repeats the last
    season.
    """
    steps = (history.cast(pl.Float64) - history.cast(pl.Float64).shift(season)).drop_nulls()
    if steps.is_empty():
        return None
    mean = float((steps.abs() ** power).sum()) / steps.len()
    return mean if mean > 0 else None


def mase(frame: pl.DataFrame, history: pl.Series, *, season: int = 1) -> Score:
    """The forecast's error in multiples of the error of simply repeating the past; below 1 it earns its
    keep.

    Formula: mean|A − F| / mean|y_t − y_{t−m}| over the history (Hyndman & Koehler 2006; FPP3 §5.8).

    Parameters
    ----------
    frame : columns actual, forecast [units], the periods judged.
    history : y, sales of the periods before them in time order [units].
    season : m, periods in a season; 1 compares with the period before.
    """
    both, scale = pairs(frame), naive_error(history, season, 1)
    if both.is_empty() or scale is None:
        return insufficient("MASE", "ratio", f"no history of more than {season} periods that moved")
    error = float((both["actual"] - both["forecast"]).abs().sum()) / both.height
    return known("MASE", error / scale, "ratio", "Mean error ÷ that of repeating the past; below 1 is good.",
                 band=SCALED_BAND)  # fmt: skip


def rmsse(frame: pl.DataFrame, history: pl.Series, *, season: int = 1) -> Score:
    """Like MASE with squared errors, so that one large miss weighs more than many small ones.

    Formula: √(mean(A − F)² / mean(y_t − y_{t−m})²) (M5 Competitors' Guide, 2020).

    Parameters
    ----------
    frame : columns actual, forecast [units], the periods judged.
    history : y, sales of the periods before them in time order [units].
    season : m, periods in a season; 1 compares with the period before.
    """
    both, scale = pairs(frame), naive_error(history, season, 2)
    if both.is_empty() or scale is None:
        return insufficient("RMSSE", "ratio", f"no history of more than {season} periods that moved")
    error = float(((both["actual"] - both["forecast"]) ** 2).sum()) / both.height
    return known("RMSSE", math.sqrt(error / scale), "ratio",
                 "Root mean squared error ÷ that of repeating the past; below 1 is good.",
                 band=SCALED_BAND)  # fmt: skip
