"""A company's past as a truth: what its weekly extracts knew, and what really happened according to later ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import partial
from pathlib import Path

import polars as pl

from soe_lib.errors import DataError
from soe_lib.extract.folders import calendar_of, dates
from soe_lib.extract.settings import Fence
from soe_lib.extract.snapshot import Snapshot, read
from soe_lib.model.network import Network
from soe_lib.replay.ages import in_whole_weeks
from soe_lib.replay.known import VERSIONS, shaped
from soe_lib.replay.processes import pool_of
from soe_lib.replay.truth import Truth

LINE = ["item", "location", "customer"]
FEW = 8
"""Most extracts that one process reads alone: another process takes seconds to start."""
DESCRIBING = ("consensus", "budget", "targets")
"""Tables that do not affect a plan: pages only compare with them."""
LEFT_OUT = {"expansions": "expansions of resources", "maintenance": "maintenance jobs"}
"""Tables that affect plans but that a replay ignores: the page states their number of rows."""


@dataclass(frozen=True)
class _Week:
    """The data that a replay takes from one extract; only the reason if the extract fails its check."""

    as_of: date
    expected: pl.DataFrame
    hours: pl.DataFrame
    due: pl.DataFrame
    events: pl.DataFrame
    before: pl.DataFrame
    overrides: pl.DataFrame
    failed: str = ""

    @classmethod
    def of(cls, home: Path, day: date) -> _Week:
        try:
            one = _in_weeks(read(home, day))
        except DataError as error:
            none = pl.DataFrame()
            return cls(day, none, none, none, none, none, none, failed=" ".join(str(error).split("\n")[:2]))
        monday = day - timedelta(days=7)
        return cls(
            day,
            _expected(one).with_columns(published_on=pl.lit(day)),
            _hours_of(one),
            _due(one),
            one["events"].filter(pl.col("kind") == "downtime"),
            one["actuals"].filter(pl.col("date").is_between(monday, monday + timedelta(days=6))),
            one["overrides"].filter(pl.col("until").is_null() | (pl.col("until") >= day)),
        )


def past(
    company: str | Path,
    weeks: int | None = None,
    *,
    workers: int = 1,
    told: Callable[[int, int], None] | None = None,
) -> Truth:
    """The weeks between a company's extracts, the newest `weeks` of them.

    Demand comes from the actuals of the following extract (measure demand, else sales, which are less where stock had
    run out). Hours are those of each Monday's extract minus the recorded lost hours. An offer has the average delay of
    its goods receipts over the orders of a week. The closing weeks after the newest extract follow its forecast.

    Parameters
    ----------
    company : a folder with one folder per as-of date, Mondays one week apart; extracts of up to half a year before the
        first week of the replay give the record of the forecast.
    workers : number of processes that read.
    told : called with the number of extracts read, and of all.

    Raises
    ------
    DataError : fewer than two extracts, extracts that are not of Mondays, not enough weeks in a row, no demand in the
        actuals, or a first extract with later knowledge.
    """
    home = Path(company)
    mondays = _mondays(home, weeks)
    digests = _digests(home, mondays if weeks is None else mondays[-(weeks + 1 + VERSIONS) :], workers, told)
    extracts, findings = _stretch(home, digests, weeks)
    days = [one.as_of for one in extracts]
    history = [one for one in digests if one.as_of < days[0] and not one.failed][-VERSIONS:]
    every = [*history, *extracts]
    first, last = _in_weeks(read(home, days[0])), read(home, days[-1])
    count, ahead = len(days) - 1, first.settings.horizon.weeks
    actuals = pl.concat([one.before for one in extracts[1:]])
    asked = _asked(actuals)
    if asked.is_empty():
        raise DataError(
            f"The actuals of {home} have no demand or sales between {days[0]} and {days[-1]}: "
            "actuals.csv needs rows of measure demand or sales in the extract that follows each week."
        )
    closing = extracts[-1].expected.drop("published_on", "committed")
    nominal, hours = _hours(extracts, actuals.filter(pl.col("measure") == "lost hours"))
    base = _base(first, count + ahead)
    demand = pl.concat([asked, closing]).with_columns(
        period=pl.col("date").dt.strftime("%G-W%V"), version=pl.lit("current")
    )
    forecast = shaped("forecast", demand.drop("date"))
    receipts = first["receipts"].filter(pl.col("quantity") > 0)
    offers = _by_week(base["offers"], _late(last["deliveries"], days), days, count + ahead)
    arrived = _arrived(receipts, extracts[: 1 + ahead])
    unfenced = replace(base.settings, fence=Fence())
    real = replace(base, settings=unfenced).replace(forecast=forecast, calendar=hours, offers=offers, receipts=arrived)
    promised = base.replace(forecast=forecast, calendar=nominal, receipts=receipts)
    own = [one.expected for one in every]
    known = _versions(first).filter(~pl.col("published_on").is_in([one.as_of for one in history]))
    published = pl.concat([known, *own], how="diagonal").with_columns(pl.col("committed").fill_null(0.0))
    oldest = read(home, history[0].as_of)["actuals"] if history else first["actuals"].clear()
    weeks_before = pl.concat([oldest, *(one.before for one in every[1 : len(history) + 1])])
    before = {"actuals": _before(first, weeks_before), "deliveries": first["deliveries"]}
    listed = {
        "calendar": pl.concat([_calendar(one.hours).with_columns(known_on=pl.lit(one.as_of)) for one in extracts]),
        "overrides": pl.concat([one.overrides.with_columns(known_on=pl.lit(one.as_of)) for one in extracts]),
    }
    notes = (*findings, *_left_out(first))
    return Truth(real, promised, count, ahead, published, _events(extracts), before, listed, notes)


def _stretch(home: Path, digests: list[_Week], weeks: int | None) -> tuple[list[_Week], list[str]]:
    """The newest unbroken Mondays that are enough (without a number of weeks, the longest series), and the gaps."""
    parts: list[list[_Week]] = [[]]
    broken = []
    for before, one in zip([None, *digests], digests, strict=False):
        if before and (one.as_of - before.as_of).days != 7:
            gap = (one.as_of - before.as_of).days // 7 - 1
            broken.append(f"{gap} {'week has' if gap == 1 else 'weeks have'} no extract before {one.as_of}")
            parts.append([])
        if one.failed:
            broken.append(f"the extract of {one.as_of} does not pass its check: {one.failed}")
            parts.append([])
        else:
            parts[-1].append(one)
    need = 2 if weeks is None else weeks + 1
    enough = [part for part in parts if len(part) >= need]
    if not enough:
        most = max(len(part) for part in parts) - 1
        raise DataError(
            f"{home} has no {need - 1} {'week' if need == 2 else 'weeks'} in a row to replay, {max(most, 0)} at "
            f"most: {'; '.join(broken)}."
        )
    chosen = max(reversed(enough), key=len) if weeks is None else enough[-1][-(weeks + 1) :]
    first, last = chosen[0].as_of, chosen[-1].as_of
    gaps = [one for one in broken if one]
    notes = [f"{text[:1].upper()}{text[1:]}; the replay covers the weeks from {first} to {last}." for text in gaps]
    return chosen, notes


def _left_out(first: Snapshot) -> list[str]:
    """Notes on the tables that a replay ignores, with their rows."""
    return [
        f"{first[table].height} {what} ({table}.csv) are left out: the replay uses the hours of the calendar."
        for table, what in LEFT_OUT.items()
        if first[table].height
    ]


def _in_weeks(one: Snapshot) -> Snapshot:
    """The extract, where its periods lie within weeks; raises DataError where one is longer than a week."""
    own = one["periods"]
    long = own.filter(pl.col("starts_on").dt.truncate("1w") != pl.col("ends_on").dt.truncate("1w"))
    if long.height:
        raise DataError(
            f"{long.height} periods of {one.as_of} cross the end of a week, first {long['period'][0]}: a replay works "
            "in weeks, so periods.csv must contain days or weeks."
        )
    return one


def _before(first: Snapshot, earlier: pl.DataFrame) -> pl.DataFrame:
    """The actuals of the first extract, and those of earlier weeks that only earlier extracts have."""
    held = first["actuals"]
    begins = held.select(pl.col("date").min().fill_null(first.as_of)).item()
    return pl.concat([earlier.filter(pl.col("date") < begins), held])


def safety_stocks(company: str | Path, day: date) -> pl.DataFrame:
    """The table `policies` of the extract of a day."""
    return read(company, day)["policies"]


def _digests(home: Path, days: list[date], workers: int, told: Callable[[int, int], None] | None) -> list[_Week]:
    """The data of each extract, read in parallel."""
    made = []
    with ExitStack() as stack:
        many = workers > 1 and len(days) > FEW
        pool = stack.enter_context(pool_of(workers)) if many else None
        for number, week in enumerate((pool.map if pool else map)(partial(_Week.of, home), days), start=1):
            made.append(week)
            if told:
                told(number, len(days))
    return made


def _mondays(home: Path, weeks: int | None) -> list[date]:
    days = list(dates(home))
    if len(days) < 2:
        raise DataError(f"{home} has {len(days)} extracts: a replay needs two or more, one folder per Monday.")
    if weeks is not None and len(days) <= weeks:
        raise DataError(f"{home} has {len(days)} extracts, enough to replay {len(days) - 1} weeks, not {weeks}.")
    if others := [day for day in days if day.weekday()]:
        raise DataError(
            f"{len(others)} extracts of {home} are not of a Monday, first {others[0]}: a replay works in weeks."
        )
    return days


def _base(first: Snapshot, weeks: int) -> Snapshot:
    """The data that does not change: the first extract over all weeks in weekly periods, without safety stocks."""
    settings = first.settings
    if first["workforce"].height or first["locations"]["may_change"].any():
        raise DataError(
            "A replay does not model crews or places that open or close: put their hours into the calendar."
        )
    if (changes := first["changeovers"].height) > 0:
        raise DataError(
            f"A replay does not model the sequence of families on a line: it cannot carry out the {changes} rows of "
            "changeovers. Remove the table and give operations their setup_hours."
        )
    if (dated := first["receipts"].filter(pl.col("expires_on").is_not_null())).height:
        raise DataError(
            f"A replay takes arriving goods as fresh: {dated.height} receipts of {first.as_of} have an expires_on, "
            f"first {dated['receipt'][0]!r}. Leave it blank."
        )
    if (strict := first["customers"].filter(pl.col("in_full") | pl.col("most_deliveries").is_not_null())).height:
        raise DataError(
            "A replay serves demand as goods arrive: it does not model in_full and most_deliveries, which "
            f"{strict.height} customers require, first {strict['customer'][0]!r}. Leave both columns blank."
        )
    settings = replace(
        settings, horizon=replace(settings.horizon, weeks=weeks, daily=0),
        forecast=replace(settings.forecast, version="current"),
    )  # fmt: skip
    calendar = calendar_of(settings, first["periods"].clear())
    stock = first["inventory"].group_by("item", "location", "expires_on").agg(pl.col("on_hand").sum())
    stock = stock.with_columns(lot=pl.col("expires_on").dt.to_string("until %Y-%m-%d").fill_null(""))
    gone = ("periods", "overrides", "orders", "events", "actuals", "deliveries")
    empty = {name: first[name].clear() for name in (*DESCRIBING, *LEFT_OUT, *gone)}
    policies = first["policies"].with_columns(
        safety_stock=pl.lit(0.0), end_stock=pl.lit(0.0), end_stock_maximum=pl.lit(None, pl.Float64)
    )
    made = replace(first, settings=settings, periods=calendar.periods)
    named = {name: _by_iso_week(first, name) for name in ("offer_prices", "forecast_errors")}
    return in_whole_weeks(made.replace(**empty, **named, inventory=shaped("inventory", stock), policies=policies))


def _by_iso_week(first: Snapshot, table: str) -> pl.DataFrame:
    """A table with ISO weeks in place of the company's own periods; the first row of each week counts."""
    own, rows = first["periods"], first[table]
    if own.is_empty() or rows.is_empty():
        return rows
    names = dict(own.select("period", pl.col("starts_on").dt.strftime("%G-W%V")).iter_rows())
    key = [name for name in rows.columns if name not in ("quantity", "unit_cost")]
    return rows.with_columns(pl.col("period").replace(names)).unique(key, keep="first", maintain_order=True)


def _asked(actuals: pl.DataFrame) -> pl.DataFrame:
    """item, location, customer, date (Monday), quantity, price of demand; where it is unknown, of sales."""
    week = pl.col("date").dt.truncate("1w")
    rows = actuals.filter(pl.col("measure").is_in(["demand", "sales"]), pl.col("quantity") > 0).with_columns(date=week)
    known = rows.group_by(*LINE, "date", "measure").agg(pl.col("quantity", "amount").sum())
    best = known.sort("measure").unique([*LINE, "date"], keep="first", maintain_order=True)
    money = known.filter(pl.col("measure") == "sales", pl.col("amount") > 0).select(
        *LINE, "date", price=pl.col("amount") / pl.col("quantity")
    )
    return (
        best.join(money, on=[*LINE, "date"], how="left").select(*LINE, "date", "quantity", "price").sort(*LINE, "date")
    )


def _expected(snapshot: Snapshot) -> pl.DataFrame:
    """The demand that an extract's plan would see, orders in hand included, by Monday: item … quantity, price."""
    network = Network(snapshot)
    starts = network.periods.select(due="period", date=pl.col("starts_on").dt.truncate("1w"))
    lines = network.demand.filter(pl.col("overdue") <= 0).join(starts, on="due")
    worth = (pl.col("quantity") * pl.col("price")).sum() / pl.col("quantity").sum()
    return (
        lines.filter(pl.col("quantity") > 0)
        .group_by(pl.col(LINE).cast(pl.String), "date")
        .agg(pl.col("quantity").sum(), price=worth, committed=pl.col("committed").sum())
        .sort(*LINE, "date")
    )


def _versions(first: Snapshot) -> pl.DataFrame:
    """The forecasts of earlier weeks that the first extract holds, where version and period are ISO weeks.

    Raises DataError where one is of a later week.
    """
    week = r"^\d{4}-W\d{2}$"
    rows = first["forecast"].filter(pl.col("version").str.contains(week), pl.col("period").str.contains(week))
    if (later := rows.filter(pl.col("version") > first.as_of.strftime("%G-W%V"))).height:
        raise DataError(
            f"The extract of {first.as_of} contains later knowledge: {later.height} forecast versions of a later "
            f"week, first {later.row(0)}."
        )
    monday = {name: (pl.col(name) + "-1").str.to_date("%G-W%V-%u") for name in ("version", "period")}
    return rows.select(
        *LINE, monday["period"].alias("date"), "quantity", "price", monday["version"].alias("published_on")
    )


def _hours_of(one: Snapshot) -> pl.DataFrame:
    """resource, date (Monday), hours, lost, overtime_hours, overtime_given of an extract's weeks, net of events."""
    network = Network(one)
    starts = network.periods.select("period", date=pl.col("starts_on").dt.truncate("1w"))
    rows = network.hours.join(starts, on="period").group_by(pl.col("resource").cast(pl.String), "date")
    return rows.agg(pl.col("hours", "lost", "overtime_hours", "overtime_given").sum())


def _hours(extracts: Sequence[_Week], lost: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The calendar by ISO week, before events and as it was: the week of each extract, later ones from the newest."""
    own = [one.hours.filter(pl.col("date") == one.as_of) for one in extracts[:-1]]
    every = pl.concat([*own, extracts[-1].hours]).sort("resource", "date")
    unknown = lost.group_by("resource", date=pl.col("date").dt.truncate("1w")).agg(stopped=pl.col("hours").sum())
    every = every.join(unknown, on=["resource", "date"], how="left").with_columns(
        # Recorded lost hours that were not known on Monday are subtracted too.
        more=(pl.col("stopped").fill_null(0.0) - pl.col("lost")).clip(0.0)
    )
    label = pl.col("date").dt.strftime("%G-W%V").alias("period")
    real = every.select(
        "resource", label, hours=(pl.col("hours") - pl.col("more")).clip(0.0), overtime_hours="overtime_hours"
    )
    return _calendar(every), shaped("calendar", real)


def _calendar(hours: pl.DataFrame) -> pl.DataFrame:
    """The calendar by ISO week, before events."""
    label = pl.col("date").dt.strftime("%G-W%V").alias("period")
    return shaped(
        "calendar",
        hours.select("resource", label, hours=pl.col("hours") + pl.col("lost"), overtime_hours="overtime_given"),
    )


def _late(deliveries: pl.DataFrame, days: list[date]) -> pl.DataFrame:
    """offer, date (Monday of the order), late [days]: the average delay of the orders of that week."""
    came = deliveries.filter(
        (pl.col("offer") != "") & pl.col("ordered_on").is_not_null() & (pl.col("ordered_on") >= days[0])
    )
    late = (pl.col("arrived_on") - pl.col("promised_on")).dt.total_days().cast(pl.Float64)
    weighted = (late * pl.col("quantity")).sum() / pl.col("quantity").sum()
    return came.group_by("offer", date=pl.col("ordered_on").dt.truncate("1w")).agg(late=weighted.clip(0.0))


def _by_week(offers: pl.DataFrame, late: pl.DataFrame, days: list[date], weeks: int) -> pl.DataFrame:
    """The offers with the real lead time of the orders of each week; offers on time stay as they are."""
    if late.filter(pl.col("late") > 0).is_empty():
        return offers
    mondays = pl.DataFrame({"date": [days[0] + timedelta(days=7 * week) for week in range(weeks)]})
    moved = offers.filter(pl.col("offer").is_in(late["offer"].implode())).join(mondays, how="cross")
    moved = moved.filter(
        pl.col("valid_from").is_null() | (pl.col("valid_from") <= pl.col("date")),
        pl.col("valid_to").is_null() | (pl.col("valid_to") >= pl.col("date")),
    )
    moved = moved.join(late, on=["offer", "date"], how="left").with_columns(
        pl.col("lead_time_days") + pl.col("late").fill_null(0.0), valid_from="date",
        valid_to=pl.col("date") + pl.duration(days=6),
    )  # fmt: skip
    rest = offers.filter(~pl.col("offer").is_in(late["offer"].implode()))
    return pl.concat([rest, moved.select(offers.columns)])


def _arrived(receipts: pl.DataFrame, extracts: Sequence[_Week]) -> pl.DataFrame:
    """Receipts of the first Monday, due on the day in the last extract that still expects them, delays included."""
    known = pl.concat([one.due for one in extracts])
    known = known.sort("seen").unique("receipt", keep="last", maintain_order=True)
    moved = receipts.join(known, on="receipt", how="left").with_columns(due_on=pl.coalesce("day", "due_on"))
    return moved.select(receipts.columns)


def _due(one: Snapshot) -> pl.DataFrame:
    """receipt, day, seen: the day on which an extract expects each receipt, its delay included."""
    late = pl.duration(days=pl.col("delayed"))
    day = pl.max_horizontal("due_on", pl.lit(one.as_of)) + late
    return Network(one).receipts.select(pl.col("receipt").cast(pl.String), day=day, seen=pl.lit(one.as_of))


def _events(extracts: Sequence[_Week]) -> pl.DataFrame:
    """Downtimes as each Monday's extract lists them; its forecast already contains events of demand."""
    until = [pl.lit(one.as_of + timedelta(days=6)) for one in extracts]
    return pl.concat(
        [
            one.events.with_columns(known_on=pl.lit(one.as_of), known_to=last)
            for one, last in zip(extracts, until, strict=True)
        ]
    )


__all__ = ["past", "safety_stocks"]
