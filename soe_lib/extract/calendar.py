"""The calendar: periods, fiscal months and ISO weeks of the horizon, and the convention for splits and lead times."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property

import polars as pl

from soe_lib.errors import DataError, hint

BEYOND = "beyond"
WEEK = r"^\d{4}-W\d{2}$"
MONTH = r"^\d{4}-\d{2}$"
DAY = r"^\d{4}-\d{2}-\d{2}$"
LESS = "\x1f"
"""Separates a label from the shorter labels cut out of it; see `precedence`."""


@dataclass(frozen=True)
class Calendar:
    """The days of the horizon, and the days of every label of time.

    Parameters
    ----------
    periods : frame [period, starts_on, ends_on], both days included, in order, without gap or overlap.
    as_of : the as-of date.
    fiscal : "months" (calendar months) or "4-4-5" (ISO weeks 1–4, 5–8, 9–13, … of the ISO year; week 53 in month 12).
    working_days : weekdays that count in a split, 1 = Monday … 7 = Sunday.
    """

    periods: pl.DataFrame
    as_of: date
    fiscal: str = "months"
    working_days: tuple[int, ...] = (1, 2, 3, 4, 5)

    @cached_property
    def days(self) -> pl.DataFrame:
        """Every day of the horizon and its period: [date, period]."""
        ranges = pl.date_ranges("starts_on", "ends_on").alias("date")
        return self.periods.select(ranges, "period").explode("date").select("date", "period").sort("date")

    def fiscal_month(self, dates: pl.Series) -> pl.Series:
        """The fiscal month of each day, such as "2026-11"."""
        day = pl.col("date")
        if self.fiscal == "months":
            month = day.dt.strftime("%Y-%m")
        else:
            week = pl.min_horizontal(day.dt.week().cast(pl.Int32), pl.lit(52, dtype=pl.Int32)) - 1
            number = week // 13 * 3 + pl.min_horizontal(week % 13 // 4, pl.lit(2, dtype=pl.Int32)) + 1
            month = pl.format("{}-{}", day.dt.iso_year(), number.cast(pl.String).str.zfill(2))
        return dates.alias("date").to_frame().select(month.alias("month")).to_series()

    def iso_week(self, dates: pl.Series) -> pl.Series:
        """The ISO week of each day, such as "2026-W53" for 2027-01-01."""
        return dates.dt.strftime("%G-W%V").alias("week")

    def period_of(self, dates: pl.Series) -> pl.Series:
        """The period of each day: null before the horizon, "beyond" after it."""
        after = pl.col("date") > self.periods["ends_on"].max()
        found = pl.when(after).then(pl.lit(BEYOND)).otherwise(pl.col("period")).alias("period")
        asked = dates.alias("date").cast(pl.Date).to_frame()
        return asked.join(self.days, on="date", how="left", maintain_order="left").select(found).to_series()

    def spans(self, labels: pl.Series) -> pl.DataFrame:
        """First and last day of each distinct label, null for an unknown label: [label, first, last].

        A label names a period, an ISO date, an ISO week such as "2026-W48" or a fiscal month such as "2026-11". Days
        cut out of a label do not change its span.
        """
        head = pl.col("head")
        asked = labels.cast(pl.String).alias("label").unique().sort().to_frame()
        asked = asked.with_columns(head=pl.col("label").str.split(LESS).list.first())
        named = self.periods.select(head="period", named_first="starts_on", named_last="ends_on")
        found = asked.join(named, on="head", how="left")
        if not found["named_first"].null_count():  # the usual case in an extract with its own periods
            return found.select("label", first="named_first", last="named_last").sort("label")
        monday = (head + "-1").str.to_date("%G-W%V-%u", strict=False)
        found = found.with_columns(
            week=pl.when(head.str.contains(WEEK)).then(monday),
            day=pl.when(head.str.contains(DAY)).then(head.str.to_date("%Y-%m-%d", strict=False)),
        )
        months = self._month_spans(found.filter(head.str.contains(MONTH))["head"].unique())
        found = found.join(months, on="head", how="left")
        return found.select(
            "label",
            first=pl.coalesce("named_first", "day", "week", "month_first"),
            last=pl.coalesce("named_last", "day", pl.col("week") + pl.duration(days=6), "month_last"),
        ).sort("label")

    def shares(self, labels: pl.Series) -> pl.DataFrame:
        """The share of each label in each period: [label, period, share].

        A label that names a period has share 1 in it. Any other label is spread evenly over its working days, or over
        all its days if none is a working day. Days outside the horizon, or cut out of a label, take their share with
        them, so shares may add up to less than 1 or be missing.

        Raises
        ------
        DataError : a label is no period, ISO date, ISO week or fiscal month.
        """
        spans = self.spans(labels)
        unknown = spans.filter(pl.col("first").is_null())["label"].to_list()
        if unknown:
            raise DataError(
                f"Unknown labels of time: {len(unknown)}, the first {unknown[0]!r}. {self.advice(unknown[0])}"
            )
        named = spans.filter(pl.col("label").is_in(self.periods["period"].to_list()))
        whole = named.select("label", period="label", share=pl.lit(1.0))
        return pl.concat([whole, self.spread(spans.join(named, on="label", how="anti"))]).sort("label", "period")

    def spread(self, spans: pl.DataFrame) -> pl.DataFrame:
        """The share of each span of days in each period, by working days: [label, period, share].

        Parameters
        ----------
        spans : label, first, last [days, both included].
        """
        inside = self._less(self._count(_days(spans), "label")).join(self.days, on="date", how="inner")
        shares = inside.group_by("label", "period").agg(share=pl.len() / pl.col("of").first())
        return shares.select("label", "period", "share").sort("label", "period")

    def day_shares(self, labels: pl.Series) -> pl.DataFrame:
        """The share of each label on each day: [label, date, share], even over the days that `shares` counts."""
        known = _days(self.spans(labels).drop_nulls())
        return self._less(self._count(known, "label")).select("label", "date", share=1.0 / pl.col("of"))

    def by_day(self, rows: pl.DataFrame, column: str = "period") -> pl.DataFrame:
        """The rows repeated for each day of their label that is not cut out of it, with that day in `date`."""
        days = self._less(_days(self.spans(rows[column]).drop_nulls())).rename({"label": column})
        return rows.drop("date", strict=False).join(days, on=column, maintain_order="left")

    def _less(self, days: pl.DataFrame) -> pl.DataFrame:
        """The days [label, date, …] without those cut out of their label."""
        parts = days.select("label").unique().filter(pl.col("label").str.contains(LESS, literal=True))
        if parts.is_empty():
            return days
        parts = parts.with_columns(other=pl.col("label").str.split(LESS).list.slice(1)).explode("other")
        spans = self.spans(parts["other"]).rename({"label": "other"})
        taken = _days(parts.join(spans, on="other"))
        return days.join(taken, on=["label", "date"], how="anti", maintain_order="left")

    def split(
        self,
        frame: pl.DataFrame,
        column: str = "period",
        *,
        quantity: str = "quantity",
        whole: bool = True,
        along: tuple[str, ...] = (),
        parts: pl.DataFrame | None = None,
    ) -> pl.DataFrame:
        """The rows with their label of time replaced by periods, and the quantity split exactly.

        Parameters
        ----------
        frame : any rows with a label in `column`; a day in `date`, if that column exists, overrides the label.
        quantity : the column to split; every other column is repeated.
        whole : split into whole units by largest remainder (ties to the earlier period), plus the quantity's own
            fraction; else in proportion. In both cases all parts, those outside the horizon included, add up.
        along : columns split in proportion to the quantity, such as its committed part.
        parts : `self.parts` of the labels, if already computed.
        """
        labelled = with_label(frame, column).with_columns(pl.col(quantity, *along).cast(pl.Float64))
        named = pl.col(column).is_in(self.periods["period"].to_list())
        ready, mixed = labelled.filter(named), labelled.filter(~named).with_row_index("_row")
        if mixed.is_empty():
            return ready.select(frame.columns)
        parts = self.parts(mixed[column]) if parts is None else parts
        rows = mixed.rename({column: "label"}).join(parts, on="label", maintain_order="left_right")
        part = _largest_remainder(quantity) if whole else pl.col(quantity) * pl.col("share")
        rows = rows.with_columns(part.alias("_part")).filter((pl.col("period") != "") & (pl.col("_part") != 0))
        follow = [(pl.col(name) * pl.col("_part") / pl.col(quantity)).alias(name) for name in along]
        rows = rows.with_columns(*follow, pl.col("_part").alias(quantity)).rename({"period": column})
        return pl.concat([ready.select(frame.columns), rows.select(frame.columns)])

    def covered(self, label: str) -> pl.Series:
        """The periods that share any day with a label of time, working day or not, in order of time.

        Raises
        ------
        DataError : the label is no period, ISO date, ISO week or fiscal month.
        """
        known = self.shares(pl.Series("label", [label]))  # raises for an unknown label
        days = self._less(_days(self.spans(pl.Series("label", [label])).drop_nulls()))
        inside = self.days.join(days, on="date", how="semi")["period"].to_list()
        named = {*inside, *known["period"].cast(pl.String)}
        return self.periods.filter(pl.col("period").is_in(list(named)))["period"]

    def parts(self, labels: pl.Series) -> pl.DataFrame:
        """The shares in order of time, with the part outside the horizon as period ""."""
        inside = self.shares(labels)
        asked = labels.unique().alias("label").to_frame()
        rest = asked.join(inside.group_by("label").agg(pl.col("share").sum()), on="label", how="left")
        outside = rest.select("label", period=pl.lit(""), share=(1 - pl.col("share").fill_null(0.0)).round(12))
        parts = pl.concat([inside, outside.filter(pl.col("share") > 0)])
        return (
            parts.join(self.periods.select("period", "index"), on="period", how="left")
            .sort("label", "index")
            .drop("index")
        )

    def arrivals(
        self, period_lead: pl.DataFrame, dispatch: str = "spread", open_days: pl.Series | None = None
    ) -> pl.DataFrame:
        """Arrival of goods dispatched in a period: [period, lead_days, arrival, share], arrival a period or "beyond".

        Parameters
        ----------
        period_lead : distinct [period, lead_days]; a fraction of a day is split over the two adjacent days.
        dispatch : "spread" (evenly over the days of the period), "start" (its first day) or "end" (its last day).
        open_days : the days that a lead time counts; None: every day. Goods arrive on an open day only, except those
            with a lead time of 0.
        """
        asked = period_lead.select("period", pl.col("lead_days").cast(pl.Float64)).unique()
        leaving = {"spread": self.days, "start": self.days.unique("period", keep="first", maintain_order=True)}
        leaving["end"] = self.days.unique("period", keep="last", maintain_order=True)
        moves = asked.join(leaving[dispatch], on="period").with_columns(of=pl.len().over("period", "lead_days"))
        whole = moves.with_columns(after=pl.col("lead_days").floor().cast(pl.Int64), late=pl.lit(0))
        lands = pl.concat([whole, whole.with_columns(after=pl.col("after") + 1, late=pl.lit(1))])
        lands = self._landed(lands, open_days).join(self.days.rename({"period": "arrival"}), on="date", how="left")
        lands = lands.with_columns(pl.col("arrival").fill_null(BEYOND))
        fraction = pl.col("lead_days") - pl.col("lead_days").floor()
        early, late = pl.len() - pl.col("late").sum(), pl.col("late").sum()
        share = (early * (1 - fraction.first()) + late * fraction.first()) / pl.col("of").first()
        shares = lands.group_by("period", "lead_days", "arrival").agg(share=share).filter(pl.col("share") > 0)
        return shares.sort("period", "lead_days", "arrival")

    def _landed(self, moves: pl.DataFrame, open_days: pl.Series | None) -> pl.DataFrame:
        """The moves with `date` shifted by `after` (open) days; null beyond the horizon."""
        if open_days is None:
            return moves.with_columns(date=pl.col("date") + pl.duration(days="after"))
        number = pl.col("open").cast(pl.Int64).cum_sum()
        days = self.days.select("date", open=pl.col("date").is_in(open_days.implode())).with_columns(number=number)
        arrivals = days.filter("open").select("number", lands="date")
        moved = moves.join(days.select("date", "number"), on="date").with_columns(pl.col("number") + pl.col("after"))
        moved = moved.join(arrivals, on="number", how="left")
        return moved.with_columns(date=pl.when(pl.col("after") > 0).then("lands").otherwise("date"))

    def later(self, period_lead: pl.DataFrame) -> pl.DataFrame:
        """The period `lead_periods` later: [period, lead_periods] → [period, lead_periods, arrival, share], share 1."""
        order = self.periods.select("index", arrival="period")
        asked = period_lead.select("period", "lead_periods").unique()
        asked = asked.join(self.periods.select("period", "index"), on="period")
        moved = asked.with_columns(index=pl.col("index") + pl.col("lead_periods")).join(order, on="index", how="left")
        arrival = pl.col("arrival").fill_null(BEYOND)
        return moved.select("period", "lead_periods", arrival, share=pl.lit(1.0)).sort("period", "lead_periods")

    @cached_property
    def months(self) -> pl.DataFrame:
        """The share of each period in each fiscal month, by working days, summing to 1: [period, month, share]."""
        return self.month_days.select("period", "month", share=pl.col("days") / pl.col("of"))

    @cached_property
    def month_days(self) -> pl.DataFrame:
        """Working days of each period in each fiscal month, and of the period: [period, month, days, of]."""
        days = self._count(self.days, "period")
        days = days.with_columns(self.fiscal_month(days["date"]).alias("month"))
        return days.group_by("period", "month").agg(days=pl.len(), of=pl.col("of").first()).sort("period", "month")

    def within(self, first: date, last: date) -> pl.DataFrame:
        """The share of each period between two days, both included, by working days: [period, share]."""
        days = self._count(self.days, "period").filter(pl.col("date").is_between(first, last))
        return days.group_by("period").agg(share=pl.len() / pl.col("of").first()).sort("period")

    def _count(self, days: pl.DataFrame, bucket: str) -> pl.DataFrame:
        """The working days of each bucket, or all its days if it has none, with their number in `of`."""
        works = pl.col("date").dt.weekday().is_in(list(self.working_days))
        counted = days.filter(works | ~works.any().over(bucket))
        return counted.with_columns(of=pl.len().over(bucket))

    def advice(self, label: str) -> str:
        """How to correct an unknown label."""
        if len(label) == 8 and label[4:6] == "-W":
            return f"{label[:4]} has no week {label[6:]}." if label[6:].isdigit() else "Write a week such as 2026-W48."
        if len(label) == 7 and label[4:6] == "-W" and label[6].isdigit():
            return (
                f"Did you mean {label[:6]}0{label[6]}? A week has two digits, so that weeks sort in the order of time."
            )
        fix = "Write a period, an ISO date, an ISO week such as 2026-W48 or a fiscal month such as 2026-11."
        return f"{hint(label, self.periods['period'].to_list())} {fix}".strip()

    def _month_spans(self, labels: pl.Series) -> pl.DataFrame:
        """First and last day of fiscal months (`head`); month 13 is dropped."""
        label = pl.col("head")
        months = labels.to_frame().with_columns(
            year=label.str.slice(0, 4).cast(pl.Int32), month=label.str.slice(5).cast(pl.Int32)
        )
        months = months.filter(pl.col("month").is_between(1, 12) & pl.col("year").is_between(1900, 9000))
        if self.fiscal == "months":
            first = pl.date("year", "month", 1)
            return months.select("head", month_first=first, month_last=first.dt.month_end())
        new_year = pl.date("year", 1, 4).dt.truncate("1w")
        next_year = pl.date(pl.col("year") + 1, 1, 4).dt.truncate("1w")
        place = (pl.col("month") - 1) % 3
        first_week = (pl.col("month") - 1) // 3 * 13 + place * 4
        weeks = pl.when(place == 2).then(5).otherwise(4)
        first = new_year + pl.duration(weeks=first_week)
        last = pl.when(pl.col("month") == 12).then(next_year).otherwise(first + pl.duration(weeks=weeks))
        return months.select("head", month_first=first, month_last=last - pl.duration(days=1))


def _days(spans: pl.DataFrame) -> pl.DataFrame:
    """Every day of each span: [label, date]."""
    return spans.select("label", date=pl.date_ranges("first", "last")).explode("date")


def _largest_remainder(quantity: str) -> pl.Expr:
    """Whole units of each part by largest remainder, plus the quantity's own fraction; ties go to the earlier part."""
    exact = pl.col(quantity) * pl.col("share")
    base = (exact + 1e-9).floor()
    left = (pl.col(quantity) - base.sum().over("_row")).round(9)
    order = (base - exact).round(9).rank("ordinal").over("_row").cast(pl.Float64) - 1
    return base + (left - order).clip(0.0, 1.0)


def with_label(frame: pl.DataFrame, column: str = "period") -> pl.DataFrame:
    """The frame with the day of `date`, if given, as its label of time."""
    if "date" not in frame.columns or frame.schema["date"] != pl.Date:
        return frame
    return frame.with_columns(pl.coalesce(pl.col("date").dt.strftime("%Y-%m-%d"), pl.col(column)).alias(column))


def horizon(as_of: date, *, weeks: int, daily: int) -> pl.DataFrame:
    """Periods [period, starts_on, ends_on, kind]: days to the Sunday on or after the last daily day, then ISO weeks.

    Parameters
    ----------
    as_of : first day of the horizon, any weekday.
    weeks : length of the horizon; it ends on the Sunday on or after as_of + 7 × weeks days.
    daily : least number of daily periods.
    """
    end = _sunday(as_of + timedelta(days=7 * weeks - 1))
    change = min(_sunday(as_of + timedelta(days=daily - 1)), end) if daily else as_of - timedelta(days=1)
    all_days = pl.DataFrame({"starts_on": pl.date_range(as_of, end, eager=True)})
    day = pl.col("starts_on")
    week = day.dt.strftime("%G-W%V")
    labelled = all_days.select(
        "starts_on",
        period=pl.when(day <= change).then(day.dt.strftime("%Y-%m-%d")).otherwise(week),
        kind=pl.when(day <= change).then(pl.lit("day")).otherwise(pl.lit("week")),
    )
    groups = labelled.group_by("period", "kind", maintain_order=True)
    return groups.agg(ends_on=pl.col("starts_on").max(), starts_on=pl.col("starts_on").min())


def _sunday(day: date) -> date:
    return day + timedelta(days=(6 - day.weekday()) % 7)


PER = {"day": 1.0, "week": 7.0, "year": 365.0}
PERIODS = {
    "period": pl.String,
    "index": pl.Int64,
    "starts_on": pl.Date,
    "ends_on": pl.Date,
    "days": pl.Int64,
    "length": pl.Float64,
    "kind": pl.String,
    "week": pl.String,
    "month": pl.String,
    "months": pl.String,
}


def build(periods: pl.DataFrame, as_of: date, *, per: str, fiscal: str, working_days: tuple[int, ...]) -> Calendar:
    """A calendar whose periods have index, days, length in `costs.per`, kind, ISO week and fiscal months.

    `month` is the one with most days; `months` lists all with their working days, such as "2026-11:1 2026-12:4".

    Parameters
    ----------
    periods : [period, starts_on, ends_on] and, for a generated horizon, kind; periods of the extract get kind "given".
    per : time base of the costs: day, week (7 days), year (365 days) or period (every period counts 1).
    """
    ordered = periods.sort("starts_on")
    if "kind" not in ordered.columns:
        ordered = ordered.with_columns(kind=pl.lit("given"))
    ordered = ordered.with_row_index("index").with_columns(
        pl.col("index").cast(pl.Int64), days=(pl.col("ends_on") - pl.col("starts_on")).dt.total_days() + 1
    )
    length = pl.lit(1.0) if per == "period" else pl.col("days") / PER[per]
    ordered = ordered.with_columns(length=length, week=pl.col("starts_on").dt.strftime("%G-W%V"))
    bare = Calendar(ordered, as_of, fiscal, working_days)
    majority = bare.days.with_columns(bare.fiscal_month(bare.days["date"]).alias("month"))
    majority = (
        majority.group_by("period", "month").len().sort(["period", "len", "month"], descending=[False, True, False])
    )
    full = ordered.join(majority.unique("period", keep="first").select("period", "month"), on="period", how="left")
    full = full.join(_months(bare), on="period", how="left")
    return Calendar(full.sort("index").select(list(PERIODS)).cast(PERIODS), as_of, fiscal, working_days)  # type: ignore[arg-type]


def _months(bare: Calendar) -> pl.DataFrame:
    """period, months: each fiscal month of a period with the working days in it."""
    each = bare.month_days.select("period", text=pl.format("{}:{}", "month", "days"))
    return each.group_by("period", maintain_order=True).agg(months=pl.col("text").str.join(" "))
