"""What customers want, what was forecast of it, and what they have ordered so far."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import polars as pl
from numpy.typing import NDArray

from soe_lib.extract.demo import catalogue
from soe_lib.extract.demo.company import Company, Real, Whole

LAGS = 5  # weeks before the sale in which a forecast still learns something
AHEAD = (0.35, 0.35, 0.20, 0.10)  # share of orders placed in the week itself, one, two, three weeks before
QUIET_WEEKS = {52: 0.80, 53: 0.72, 1: 0.88}
# The last family in the catalogue loses ground: share of its usual sales, by week before and after the last as-of date.
DRIFT = {-3: 0.97, -2: 0.93, -1: 0.84}
DRIFT_STAYS, DRIFT_SEEN = 0.85, 0.5


@dataclass(frozen=True)
class Timeline:
    """Consecutive Mondays; `last` is the number of the week that starts on the last as-of date."""

    first: date
    last: int
    count: int

    @staticmethod
    def around(last: date, *, history: int, ahead: int) -> Timeline:
        """`history` weeks before the last as-of date and `ahead` from it on."""
        return Timeline(last - timedelta(weeks=history), history, history + ahead)

    @property
    def mondays(self) -> pl.Series:
        """The first day of each week."""
        end = self.first + timedelta(weeks=self.count - 1)
        return pl.date_range(self.first, end, "1w", eager=True).alias("monday")

    @property
    def labels(self) -> pl.Series:
        """The ISO week of each week, such as "2026-W47"."""
        return self.mondays.dt.strftime("%G-W%V").alias("week")

    def monday(self, week: int) -> date:
        """The first day of one week."""
        return self.first + timedelta(weeks=week)


@dataclass(frozen=True)
class Demand:
    """Cases wanted by week and demand line, and the forecasts of it, by the martingale model of forecast evolution.

    level: what an informed planner expects long before, [week, line]. truth: what is wanted in the end, whole cases.
    surprises: logarithms of news that arrive `lag` weeks before the sale, factors of 1 on average, [lag, week, line]; a
    forecast published at lag L knows the news of lags above L only (Heath & Jackson 1994, Modeling the evolution of
    demand forecasts with application to safety stock analysis).
    seen: the drift of each line's family that planners believe in a week, [week, line]. over: habitual over-forecast.
    """

    timeline: Timeline
    level: Real
    truth: Real
    surprises: Real
    seen: Real
    over: Real

    def published(self, at: int) -> Real:
        """The forecast published in week `at`, whole cases, [week, line]; weeks before `at` hold zeros."""
        weeks = np.arange(self.timeline.count)
        lag = np.minimum(weeks - at, LAGS - 1)
        learned = np.flip(np.cumsum(np.flip(self.surprises, axis=0), axis=0), axis=0)
        learned = np.concatenate([learned[1:], np.zeros((1, *learned.shape[1:]))])
        news = learned[np.clip(lag, 0, LAGS - 1), weeks]
        forecast = np.rint(self.level * self.seen[at] * (1 + self.over) * np.exp(news))
        return np.where((weeks >= at)[:, None], forecast, 0.0)


def invent(company: Company, timeline: Timeline, *, seed: int) -> Demand:
    """Demand of every week of the timeline, with the season, the quiet weeks, surprises, and one family that drifts."""
    generator = np.random.default_rng([seed, 3])
    lines = company.demand_lines
    family = company.column("demand_lines", "item") * company.size.families // company.size.items
    level = lines["cases"].to_numpy() * season(company, timeline)[:, family]
    rank = company.items["rank"].to_numpy()[lines["item"].to_numpy()]
    ranks = catalogue.RANKS["rank"].to_numpy().tolist()
    row = np.array([ranks.index(one) for one in rank])
    scale = np.concatenate(
        [
            catalogue.RANKS["surprise"].to_numpy()[None, row],
            np.repeat(catalogue.RANKS["revision"].to_numpy()[None, row], LAGS - 1, axis=0),
        ]
    )
    spread = scale[:, None, :]
    surprises = spread * generator.normal(0.0, 1.0, (LAGS, timeline.count, lines.height)) - spread**2 / 2
    drift = _drift(timeline, family == company.size.families - 1)
    truth = np.rint(level * drift * np.exp(surprises.sum(axis=0)))
    believed = 1 - DRIFT_SEEN * (1 - np.concatenate([drift[:1], drift[:-1]]))
    over = company.customers["over"].to_numpy()[lines["customer"].to_numpy()]
    return Demand(timeline, level, truth, surprises, believed, over)


def season(company: Company, timeline: Timeline) -> Real:
    """Height of each week over an average week, [week, family]: a yearly wave, and quiet weeks around New Year."""
    families = catalogue.FAMILIES.head(company.size.families)
    day = timeline.mondays.dt.offset_by("2d").dt.ordinal_day().to_numpy().astype(np.float64)
    angle = 2 * np.pi * (day[:, None] - families["peak"].to_numpy()[None, :]) / 365.25
    wave = 1 + families["wave"].to_numpy() * np.cos(angle)
    quiet = timeline.mondays.dt.week().replace_strict(QUIET_WEEKS, default=1.0, return_dtype=pl.Float64).to_numpy()
    return np.round(wave * quiet[:, None], 4)


def _drift(timeline: Timeline, drifting: NDArray[np.bool_]) -> Real:
    """Share of its usual sales that each line keeps, [week, line]."""
    week = np.arange(timeline.count) - timeline.last
    share = np.where(week >= 0, DRIFT_STAYS, 1.0)
    for before, value in DRIFT.items():
        share[week == before] = value
    return np.where(drifting[None, :], share[:, None], 1.0)


def order_book(company: Company, demand: Demand, *, seed: int) -> pl.DataFrame:
    """Every order ever placed, known from the week after `placed` on: [order, line, week, placed, due_on, quantity]."""
    generator = np.random.default_rng([seed, 4])
    shape = demand.truth.shape
    ahead = generator.choice(len(AHEAD), size=shape, p=AHEAD)
    share = generator.uniform(0.55, 0.95, shape)
    week, line = np.nonzero(demand.truth > 0)
    numbers = line.astype(str)
    names = demand.timeline.labels.str.slice(2, 2) + demand.timeline.labels.str.slice(6, 2)
    frame = pl.DataFrame(
        {
            "name": names.to_numpy()[week],
            "line": line,
            "number": numbers,
            "week": week,
            "placed": week - ahead[week, line],
            "due_on": demand.timeline.mondays.to_numpy()[week],
            "weekday": delivery_days(company)[line, week % 2],
            "quantity": np.ceil(share * demand.truth)[week, line],
        }
    )
    return frame.select(
        pl.format("SO-{}-{}", "name", pl.col("number").str.zfill(4)).alias("order"),
        "line",
        "week",
        "placed",
        (pl.col("due_on").cast(pl.Date) + pl.duration(days="weekday")).alias("due_on"),
        "quantity",
    )


def delivery_days(company: Company) -> Whole:
    """First and last weekday (Monday is 0) on which each demand line is delivered, [line, 2]."""
    days = company.customers.select(
        first=pl.col("weekdays").list.first(), last=pl.col("weekdays").list.last()
    ).to_numpy()
    return days[company.demand_lines["customer"].to_numpy()].astype(np.int64)
