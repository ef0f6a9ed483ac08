"""The S&OP month outlook: sold so far and still planned, against what was committed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from soe_lib.extract.snapshot import Snapshot
    from soe_lib.model.plan import Plan

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
