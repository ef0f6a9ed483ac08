"""What customers wanted and what was done about it, week by week, so that every stock follows from the one before."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import polars as pl
import scipy.sparse as sp
from numpy.typing import NDArray

from soe_lib.demo.company import COMPONENTS, FAMILIES, RANKS, Company, Real, Size, Whole, found
from soe_lib.demo.recipes import FILLING_YIELD, REGULAR_HOURS, Costs, Recipes, build, roll_up

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


def customers_want(company: Company, timeline: Timeline, *, seed: int) -> Demand:
    """Demand of every week of the timeline, with the season, the quiet weeks, surprises, and one family that drifts."""
    generator = np.random.default_rng([seed, 3])
    lines = company.demand_lines
    family = company.column("demand_lines", "item") * company.size.families // company.size.items
    level = lines["cases"].to_numpy() * season(company, timeline)[:, family]
    rank = company.items["rank"].to_numpy()[lines["item"].to_numpy()]
    ranks = RANKS["rank"].to_numpy().tolist()
    row = np.array([ranks.index(one) for one in rank])
    scale = np.concatenate(
        [
            RANKS["surprise"].to_numpy()[None, row],
            np.repeat(RANKS["revision"].to_numpy()[None, row], LAGS - 1, axis=0),
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
    families = FAMILIES.head(company.size.families)
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


CYCLE_WEEKS = 0.45  # stock beyond safety that the planners of the past aimed at, plant and road included
SHIPPED_AT_ONCE = 0.80  # share of a week's output that leaves the plant in the same week
OVERTIME_SHARE = 1.12


@dataclass(frozen=True)
class Past:
    """What happened, as whole units; a stock of week t is the one on its Monday morning.

    plant_stock, made: [week, item]; warehouse_stock, shipped, transit: [week, item, warehouse];
    component_stock, used: [week, component, plant]; arriving: purchase orders by week of arrival, likewise; placed: the
    week each of them was placed; sold: [week, demand line]; safety: [item, warehouse];
    component_safety: [component, plant].
    """

    plant_stock: Real
    warehouse_stock: Real
    transit: Real
    component_stock: Real
    made: Real
    shipped: Real
    sold: Real
    used: Real
    arriving: Real
    placed: Whole
    safety: Real
    component_safety: Real


def started(good: Real) -> Real:
    """Cases started for so many good ones."""
    return np.ceil(good / FILLING_YIELD - 1e-9)


def lead_weeks() -> Whole:
    """Whole weeks from order to arrival under each component's regular offer (0: made in the plant)."""
    days = COMPONENTS["lead"].fill_null(0).to_numpy()
    return np.ceil(days / 7).astype(np.int64)


def road_days(company: Company) -> Whole:
    """Days by road from each item's home plant to each warehouse, [item, warehouse]."""
    road = company.lanes.filter((pl.col("mode") == "road") & (pl.col("plant") >= 0)).sort("plant", "warehouse")
    days = road["lead_time_days"].to_numpy().reshape(company.size.plants, company.size.warehouses)
    return days[company.column("items", "plant")].astype(np.int64)


def safety_stock(company: Company) -> Real:
    """Safety stock of each item in each warehouse, in tens of cases, by the item's rank."""
    weeks = company.items.join(RANKS, on="rank", maintain_order="left")["safety_weeks"].to_numpy()
    average = (company.demand_lines["cases"].to_numpy() @ _gather(company)).reshape(company.size.items, -1)
    return np.ceil(weeks[:, None] * average / 10) * 10


def component_safety(recipes: Recipes) -> Real:
    """Safety stock of each component at each plant, in round figures of its unit."""
    cover = COMPONENTS["cover"].to_numpy()[:, None]
    step = COMPONENTS["step"].to_numpy()[:, None]
    return np.ceil(cover * recipes.weekly / step) * step


def _gather(company: Company) -> sp.csr_array:
    """Adds demand lines up by item and warehouse: [line, item × warehouse]."""
    lines, warehouses = company.demand_lines, company.size.warehouses
    cell = lines["item"].to_numpy() * warehouses + lines["warehouse"].to_numpy()
    shape = (lines.height, company.size.items * warehouses)
    return sp.csr_array((np.ones(lines.height), (np.arange(lines.height), cell)), shape=shape)


def counted(quantity: Real) -> Real:
    """Quantities of components, [component, …], as one counts them: kilograms, single pieces, tenths of a tonne."""
    grain = COMPONENTS["grain"].to_numpy()
    steps = 1 / grain.reshape(-1, *([1] * (quantity.ndim - 1)))
    return np.rint(quantity * steps) / steps


class Simulation:
    """Steps through the weeks; every rule is a plain one that a planner of the past could have followed by hand."""

    def __init__(self, company: Company, recipes: Recipes, demand: Demand) -> None:
        self.company, self.recipes, self.demand = company, recipes, demand
        self.gather, self.road = _gather(company), road_days(company)
        self.safety, self.component_safety = safety_stock(company), component_safety(recipes)
        self.home = (company.column("items", "plant")[:, None] == np.arange(company.size.plants)).astype(np.float64)
        size, weeks = company.size, demand.timeline.last + 1
        components, ahead = COMPONENTS.height, int(lead_weeks().max()) + 1
        self.plant_stock = np.zeros((weeks, size.items))
        self.warehouse_stock = np.zeros((weeks, size.items, size.warehouses))
        self.transit = np.zeros_like(self.warehouse_stock)
        self.component_stock = np.zeros((weeks, components, size.plants))
        self.made, self.used = np.zeros_like(self.plant_stock), np.zeros_like(self.component_stock)
        self.shipped, self.sold = np.zeros_like(self.warehouse_stock), np.zeros((weeks, company.demand_lines.height))
        self.arriving = np.zeros((weeks + ahead, components, size.plants))
        self.placed = np.zeros(self.arriving.shape, np.int64)

    def run(self) -> Past:
        """All weeks up to the last as-of date."""
        self._begin()
        for week in range(self.demand.timeline.last + 1):
            lines = self.demand.published(week)
            forecast = (lines @ self.gather).reshape(len(lines), self.company.size.items, -1)
            self._order(week, forecast.sum(axis=2))
            if week < self.demand.timeline.last:
                self._make(week, forecast.sum(axis=2))
                self._ship(week, forecast)
                self._sell(week)
        names = ("plant_stock", "warehouse_stock", "transit", "component_stock", "made", "shipped", "sold", "used")
        arrays = {name: getattr(self, name) for name in names}
        return Past(
            **arrays,
            arriving=self.arriving,
            placed=self.placed,
            safety=self.safety,
            component_safety=self.component_safety,
        )

    def _begin(self) -> None:
        """Opening stocks of the first week near their targets, and purchase orders for the first weeks on their way."""
        weekly = (self.company.demand_lines["cases"].to_numpy() @ self.gather).reshape(self.safety.shape)
        self.warehouse_stock[0] = np.ceil(self.safety + 0.3 * weekly)
        self.plant_stock[0] = np.ceil(0.4 * weekly.sum(axis=1))
        review = COMPONENTS["review"].fill_null(1).to_numpy()[:, None]
        self.component_stock[0] = self.component_safety + np.ceil(0.5 * (review - 1) * self.recipes.weekly)
        for week in range(int(lead_weeks().max())):
            ordered = (week < lead_weeks())[:, None] & self._turn(week - lead_weeks())
            self.arriving[week] = np.where(ordered, self._lots(review * self.recipes.weekly), 0.0)
            self.placed[week] = (week - lead_weeks())[:, None]

    def _turn(self, week: Whole) -> NDArray[np.bool_]:
        """Whether a component is ordered in a week: long-lead ones every other week, in step with the last one."""
        review = COMPONENTS["review"].fill_null(1).to_numpy()
        arrival = week + lead_weeks() - self.demand.timeline.last
        return ((arrival % review == 0) & (lead_weeks() > 0))[:, None]

    def _lots(self, quantity: Real) -> Real:
        lot = COMPONENTS["lot"].fill_null(1).to_numpy()[:, None].astype(np.float64)
        return np.ceil(quantity / lot - 1e-9) * lot

    def _order(self, week: int, forecast: Real) -> None:
        """Order up to the use forecast until the next order arrives, plus safety stock, in whole lots."""
        review = COMPONENTS["review"].fill_null(1).to_numpy()
        until = week + lead_weeks() + review
        use = np.stack([self._use(forecast[one] / FILLING_YIELD) for one in range(len(forecast))])
        within = (np.arange(len(use))[:, None] >= week) & (np.arange(len(use))[:, None] < until[None, :])
        position = self.component_stock[week] + self.arriving[week:].sum(axis=0)
        missing = (use * within[:, :, None]).sum(axis=0) + self.component_safety - position
        quantity = np.where(self._turn(np.full(len(review), week)), self._lots(np.maximum(missing, 0.0)), 0.0)
        component, plant = np.nonzero(quantity)
        arrival = week + lead_weeks()[component]
        self.arriving[arrival, component, plant] = quantity[component, plant]
        self.placed[arrival, component, plant] = week

    def _use(self, cases_started: Real) -> Real:
        """Components that a week's fillings take, [component, plant]."""
        return (self.recipes.need * cases_started[:, None]).T @ self.home

    def _make(self, week: int, forecast: Real) -> None:
        """Fill what brings the network back to its target, within the lines' hours and the components at hand."""
        network = self.plant_stock[week] + (self.transit[week] + self.warehouse_stock[week]).sum(axis=1)
        target = self.safety.sum(axis=1) + CYCLE_WEEKS * forecast[week + 1]
        wanted = np.maximum(forecast[week] + target - network, 0.0)
        line, limit = self.company.column("items", "line"), REGULAR_HOURS * OVERTIME_SHARE
        work = wanted / FILLING_YIELD / self.recipes.rate
        hours = np.bincount(line, weights=work, minlength=self.company.lines.height)
        good = np.floor(wanted * np.minimum(1.0, limit / np.maximum(hours, 1e-9))[line] + 1e-9)
        at_hand = self.component_stock[week] + self.arriving[week]
        use = self._use(started(good))
        bought = (lead_weeks() > 0)[:, None]
        ratio = np.where(bought & (use > at_hand), at_hand / np.maximum(use, 1e-9), 1.0) @ self.home.T
        limiting = np.where(self.recipes.need > 0, ratio.T, 1.0).min(axis=1)
        good = np.floor(good * limiting * np.where(limiting < 1, 0.999, 1.0) + 1e-9)
        used = counted(self._use(started(good)))
        self.made[week], self.used[week] = good, used
        change = np.where(bought, self.arriving[week] - used, 0.0)
        self.component_stock[week + 1] = np.round(self.component_stock[week] + change, 3)

    def _ship(self, week: int, forecast: Real) -> None:
        """Refill the warehouses by their need; what left late in the week is still on the road on the next Monday."""
        days = self.road / 7
        aim = forecast[week] + days * forecast[week + 1] + self.safety + 0.25 * forecast[week + 1]
        need = np.maximum(aim - self.warehouse_stock[week] - self.transit[week], 0.0)
        ready = self.plant_stock[week] + np.floor(SHIPPED_AT_ONCE * self.made[week])
        share = np.minimum(1.0, ready / np.maximum(need.sum(axis=1), 1e-9))
        self.shipped[week] = np.floor(need * share[:, None] + 1e-9)
        self.plant_stock[week + 1] = self.plant_stock[week] + self.made[week] - self.shipped[week].sum(axis=1)
        daily = by_weekday(self.shipped[week])
        late = np.arange(5) + self.road[..., None] >= 7
        self.transit[week + 1] = (daily * late).sum(axis=-1)

    def _sell(self, week: int) -> None:
        """Sell what is wanted as far as stock and the week's arrivals reach, shared in proportion where they do not."""
        ready = self.warehouse_stock[week] + self.transit[week] + self.shipped[week] - self.transit[week + 1]
        wanted = self.demand.truth[week]
        total = wanted @ self.gather
        share = np.minimum(1.0, ready.ravel() / np.maximum(total, 1e-9))
        cell = self.gather.indices
        self.sold[week] = np.floor(wanted * share[cell] + 1e-9)
        self.warehouse_stock[week + 1] = ready - (self.sold[week] @ self.gather).reshape(ready.shape)


def by_weekday(quantity: Real) -> Real:
    """A week's whole units spread over Monday to Friday, exactly: one more axis of five."""
    steps = np.floor(quantity[..., None] * np.arange(6) / 5 + 1e-9)
    return np.diff(steps, axis=-1)


@dataclass(frozen=True)
class World:
    """A company and what happened to it; weeks are numbers on `demand.timeline`."""

    company: Company
    recipes: Recipes
    costs: Costs
    demand: Demand
    past: Past
    seed: int

    def noise(self, topic: int, shape: tuple[int, ...], scale: float) -> Real:
        """Factors around 1, the same for a topic whatever else is drawn."""
        return 1 + np.random.default_rng([self.seed, 5, topic]).normal(0.0, scale, shape)

    def dates(self, week: Whole, weekday: Whole | int) -> pl.Series:
        """The days that lie `weekday` days after the Mondays of the weeks (a weekday beyond 6 is in a later week)."""
        days = np.asarray(week) * 7 + weekday
        first = np.datetime64(self.demand.timeline.first, "D")
        return pl.Series("date", first + days.astype("timedelta64[D]")).cast(pl.Date)

    def net_price(self) -> Real:
        """Price of each demand line after the discount of its customer's class."""
        lines = self.company.demand_lines
        discount = self.company.customers["discount"].to_numpy()[lines["customer"].to_numpy()]
        return np.round(self.costs.price[lines["item"].to_numpy()] * (1 - discount), 2)

    def road_cost(self) -> Real:
        """Freight of a case by road from its home plant, [item, warehouse]."""
        road = self.company.lanes.filter((pl.col("mode") == "road") & (pl.col("plant") >= 0)).sort("plant", "warehouse")
        cost = road["cost_per_unit"].to_numpy().reshape(self.company.size.plants, self.company.size.warehouses)
        return cost[self.company.column("items", "plant")]

    def home(self) -> pl.Series:
        """Name of each item's home plant."""
        return self.company.plants["location"].gather(self.company.column("items", "plant"))

    def named_lines(self) -> pl.DataFrame:
        """Demand lines by name: item, location, customer."""
        lines, company = self.company.demand_lines, self.company
        return pl.DataFrame(
            {
                "item": company.items["item"].gather(lines["item"]),
                "location": company.warehouses["location"].gather(lines["warehouse"]),
                "customer": company.customers["customer"].gather(lines["customer"]),
            }
        )


def invent(size: Size, *, last: date, history: int, ahead: int, seed: int) -> World:
    """The company of this size and seed, with `history` weeks behind the last as-of date and `ahead` from it on."""
    company = found(size, seed=seed)
    recipes = build(company)
    costs = roll_up(company, recipes, seed=seed)
    demand = customers_want(company, Timeline.around(last, history=history, ahead=ahead), seed=seed)
    return World(company, recipes, costs, demand, Simulation(company, recipes, demand).run(), seed)
