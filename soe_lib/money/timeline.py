"""When a period is: names of periods, days, ISO weeks and months as dates, whoever wrote them."""

from __future__ import annotations

import polars as pl

from soe_lib.errors import FormulationError

BEYOND = "beyond"
"""The pseudo-period after the horizon: late arrivals and the last closing stock."""

PERIODS = pl.Schema(
    {
        "period": pl.String,
        "index": pl.Int64,
        "starts_on": pl.Date,
        "ends_on": pl.Date,
        "days": pl.Int64,
        "week": pl.String,
        "month": pl.String,
        "months": pl.String,
    }
)
"""What the money room reads of a Snapshot's periods."""


def no_periods() -> pl.DataFrame:
    """A frame of periods without a row."""
    return pl.DataFrame(schema=PERIODS)


def known_periods(periods: pl.DataFrame) -> pl.DataFrame:
    """The columns of a frame of periods that money needs: period, starts_on, ends_on, days, week, month, months.

    `days` counts both ends; a missing week or month is written from the first day. `months` are all fiscal months of
    the period with their working days ("2026-11:1 2026-12:4"), null where only `month` is known.

    Raises FormulationError where period, starts_on or ends_on is missing.
    """
    needed = ["period", "starts_on", "ends_on"]
    if lost := [name for name in needed if name not in periods.columns]:
        raise FormulationError(f"periods lack {', '.join(lost)}: money is booked by period, and periods are dates.")
    return periods.select(
        pl.col("period").cast(pl.String),
        "starts_on",
        "ends_on",
        days=(pl.col("ends_on") - pl.col("starts_on")).dt.total_days() + 1,
        week=pl.col("week").cast(pl.String) if "week" in periods.columns else _week(pl.col("starts_on")),
        month=pl.col("month").cast(pl.String) if "month" in periods.columns else _month(pl.col("starts_on")),
        months=pl.col("months").cast(pl.String) if "months" in periods.columns else pl.lit(None, dtype=pl.String),
    )


def timeline(labels: pl.Series, *frames: pl.DataFrame) -> pl.DataFrame:
    """The dates behind labels: period, starts_on, ends_on, days, week, month, months; a row per label understood.

    A label is looked up in the frames in turn; otherwise an ISO date is a day, an ISO week ("2026-W48")
    seven days, a month ("2026-11") a calendar month. "beyond" is the day after the last period of the first
    frame.

    Parameters
    ----------
    labels : names, in any order, repeats allowed.
    frames : frames of periods, the label's own plan first.
    """
    found = pl.concat([known_periods(frame) for frame in frames] + [known_periods(no_periods())])
    found = found.unique("period", keep="first", maintain_order=True)
    wanted = pl.DataFrame({"period": labels.cast(pl.String)}).unique().drop_nulls()
    given = wanted.join(found, on="period", how="inner", validate="m:1")
    rest = wanted.join(found, on="period", how="anti")
    return pl.concat([given, _read(rest), _beyond(rest, frames[0] if frames else found)]).sort("starts_on", "period")


def _read(labels: pl.DataFrame) -> pl.DataFrame:
    label = pl.col("period")
    day = pl.when(label.str.len_chars() == 10).then(label).str.to_date("%Y-%m-%d", strict=False)
    monday = (label + "-1").str.to_date("%G-W%V-%u", strict=False)
    first = pl.when(label.str.len_chars() == 7).then(label + "-01").str.to_date("%Y-%m-%d", strict=False)
    return (
        labels.with_columns(_day=day, _monday=monday, _first=first)
        .with_columns(
            starts_on=pl.coalesce("_day", "_monday", "_first"),
            ends_on=pl.coalesce("_day", pl.col("_monday").dt.offset_by("6d"), pl.col("_first").dt.month_end()),
        )
        .drop_nulls("starts_on")
        .select(
            "period",
            "starts_on",
            "ends_on",
            days=(pl.col("ends_on") - pl.col("starts_on")).dt.total_days() + 1,
            week=_week(pl.col("starts_on")),
            month=_month(pl.col("starts_on")),
            months=pl.lit(None, dtype=pl.String),
        )
    )


def _beyond(labels: pl.DataFrame, found: pl.DataFrame) -> pl.DataFrame:
    here = labels.filter(pl.col("period") == BEYOND)
    after = pl.lit(found.get_column("ends_on").max(), dtype=pl.Date).dt.offset_by("1d")
    return here.with_columns(
        starts_on=after,
        ends_on=after,
        days=pl.lit(1, dtype=pl.Int64),
        week=pl.lit(BEYOND),
        month=pl.lit(BEYOND),
        months=pl.lit(None, dtype=pl.String),
    ).drop_nulls("starts_on")


def month_shares(dates: pl.DataFrame) -> pl.DataFrame:
    """How periods split over fiscal months: period, month, share; the shares of a period add up to 1.

    Formula: working days of the period in the month ÷ working days of the period; all of it to `month` where nothing
    more is known.

    Parameters
    ----------
    dates : period, month, months, as `timeline` gives them.
    """
    parts = pl.coalesce("months", pl.format("{}:1", "month")).str.split(" ")
    each = dates.select("period", part=parts).explode("part").drop_nulls()
    cut = each.select("period", pl.col("part").str.split_exact(":", 1).struct.rename_fields(["month", "days"]))
    days = cut.unnest("part").with_columns(pl.col("days").cast(pl.Float64))
    return days.select("period", "month", share=pl.col("days") / pl.col("days").sum().over("period"))


def _week(day: pl.Expr) -> pl.Expr:
    return day.dt.strftime("%G-W%V")


def _month(day: pl.Expr) -> pl.Expr:
    return day.dt.strftime("%Y-%m")
