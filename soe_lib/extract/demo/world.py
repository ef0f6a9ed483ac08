"""All that is invented about one company, kept together: structure, recipes, costs, demand and past."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from soe_lib.extract.demo import company as structure
from soe_lib.extract.demo import costing
from soe_lib.extract.demo import demand as wants
from soe_lib.extract.demo import recipes as making
from soe_lib.extract.demo.company import Company, Real, Size, Whole
from soe_lib.extract.demo.costing import Costs
from soe_lib.extract.demo.demand import Demand, Timeline
from soe_lib.extract.demo.recipes import Recipes
from soe_lib.extract.demo.simulation import Past, Simulation


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
    company = structure.build(size, seed=seed)
    recipes = making.build(company)
    costs = costing.roll_up(company, recipes, seed=seed)
    demand = wants.invent(company, Timeline.around(last, history=history, ahead=ahead), seed=seed)
    return World(company, recipes, costs, demand, Simulation(company, recipes, demand).run(), seed)
