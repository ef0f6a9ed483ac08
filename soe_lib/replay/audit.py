"""The audit of a replayed week: stock and money computed again from the extract's tables, not from the program."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import polars as pl

from soe_lib.errors import ReconciliationError
from soe_lib.replay.truth import Floats, Truth

CLOSE, CENT, SHARE = 1e-6, 0.005, 1e-9
"""Units, money and share of money within which a week must close."""
ITEM = ["item", "quantity"]


@dataclass(frozen=True, eq=False)
class Audit:
    """The effect of a week on each item and on money, by the tables of recipes, offers, prices and substitutions.

    Parameters
    ----------
    truth : what really happens.
    """

    truth: Truth

    def check(self, before: Floats, after: Floats, x: Floats, accounts: dict[str, float], week: int) -> None:
        """Raise ReconciliationError where a week does not close.

        Formula: units of an item in stock and in transit at the end = at the begin + made + bought − used − sold −
        substituted − written off, over all places; revenue = Σ served × price of the line, purchases = Σ bought ×
        price of the offer, conversion = Σ started × cost of the routing + Σ hours × cost of an hour. Purchases and
        conversion are checked only where their prices are constant.

        Parameters
        ----------
        before, after : stock and goods in transit at each node; shape (nodes,) [unit]. x : quantities of the week.
        accounts : money of the week by account.
        """
        done = {name: self._done(name, x, week) for name in ("make", "run", "buy", "sell", "replace", "scrap")}
        self._units(before, after, done, week)
        by_tables = {
            "revenue": (self._revenue(done), 1.0, ("revenue",)),
            "purchases": (self._purchases(done), -1.0, ("material", "expediting")),
            "conversion": (self._made(done), -1.0, ("conversion",)),
        }
        for what, (money, sign, names) in by_tables.items():
            booked = sign * sum(accounts.get(name, 0.0) for name in names)
            if money is not None and abs(money - booked) > CENT + SHARE * abs(booked):
                raise ReconciliationError(
                    f"week {week}: {what} are {money:.2f} by the tables, and {booked:.2f} by the accounts."
                )

    def _done(self, flow: str, x: Floats, week: int) -> pl.DataFrame:
        """The keys of a flow and its quantity in a week."""
        own = self.truth.physics
        if flow not in own.cells:
            return pl.DataFrame()
        place = own.of_flow(flow)
        keys = pl.col(own.model.flows[flow].keys).cast(pl.String)
        rows = own.cells[flow].select(keys).with_columns(quantity=pl.Series(x[place]))
        return rows.filter(pl.Series(own.period[place] == week), pl.col("quantity") != 0.0)

    def _units(self, before: Floats, after: Floats, done: dict[str, pl.DataFrame], week: int) -> None:
        real, parts = self.truth.real, []
        if (made := done["make"]).height:
            recipes = made.join(self._recipes, on="routing")
            if (recipes["terms"] != 1).any():
                return
            parts.append(recipes.select("item", pl.col("quantity") * pl.col("yield").fill_null(1.0)))
            used = made.join(real["components"], on="routing", suffix="_each")
            parts.append(used.select(pl.col("component").alias("item"), -pl.col("quantity") * pl.col("quantity_each")))
            co_products = made.join(real["co_products"], on="routing", suffix="_each")
            parts.append(co_products.select("item", pl.col("quantity") * pl.col("quantity_each")))
        if (bought := done["buy"]).height:
            parts.append(bought.join(self._offers, on="offer").select(ITEM))
        for name in ("sell", "scrap"):
            if done[name].height:
                parts.append(done[name].select("item", -pl.col("quantity")))
        if (substituted := done["replace"]).height:
            ratios = self._ratios(substituted)
            parts.append(ratios.select(pl.col("substitute").alias("item"), -pl.col("quantity") * pl.col("ratio")))
        nodes = self.truth.physics.nodes.select(pl.col("item").cast(pl.String))
        parts.append(nodes.with_columns(quantity=pl.Series(before - after)))
        missed = pl.concat(parts).group_by("item").agg(pl.col("quantity").sum(), size=pl.col("quantity").abs().sum())
        wrong = missed.filter(pl.col("quantity").abs() > CLOSE * pl.max_horizontal(1.0, "size"))
        if wrong.height:
            item, units, _ = wrong.row(0)
            raise ReconciliationError(
                f"week {week}: {item} is off by {units:.6f} units over all places, by recipes, offers and sales."
            )

    @cached_property
    def _recipes(self) -> pl.DataFrame:
        """routing, item, yield, cost_per_unit, terms: number of its rows over time."""
        routings = self.truth.real["routings"]
        return routings.group_by("routing").agg(pl.col("item", "yield", "cost_per_unit").first(), terms=pl.len())

    def _ratios(self, substituted: pl.DataFrame) -> pl.DataFrame:
        """Substituted quantities with the ratio agreed with the customer, else with all customers."""
        agreed = self.truth.real["substitutions"].select("item", "substitute", "customer", "ratio")
        own = substituted.join(agreed, on=["item", "substitute", "customer"], how="left")
        every = agreed.filter(pl.col("customer") == "").select("item", "substitute", everybody="ratio")
        both = own.join(every, on=["item", "substitute"], how="left")
        return both.with_columns(ratio=pl.coalesce("ratio", "everybody").fill_null(1.0))

    def _revenue(self, done: dict[str, pl.DataFrame]) -> float:
        """Revenue of units served, at the price of the demand line, else of the item."""
        line = ["item", "location", "customer", "due"]
        return sum(
            float(rows.join(self._prices, on=line).select((pl.col("quantity") * pl.col("price")).sum()).item())
            for rows in (done["sell"], done["replace"])
            if rows.height
        )

    @cached_property
    def _prices(self) -> pl.DataFrame:
        """item, location, customer, due, price of each demand line."""
        items = self.truth.real["items"].select("item", own="price")
        asked = self.truth.real["forecast"].rename({"period": "due"}).join(items, on="item", how="left")
        price = pl.coalesce("price", "own").fill_null(0.0)
        worth = (pl.col("quantity") * price).sum() / pl.col("quantity").sum()
        return asked.group_by("item", "location", "customer", "due").agg(price=worth)

    def _purchases(self, done: dict[str, pl.DataFrame]) -> float | None:
        """Cost of units bought, at the price of the offer; None where the price of an offer changes."""
        if done["buy"].is_empty():
            return 0.0
        rows = done["buy"].join(self._offers, on="offer", how="left")
        if (rows["prices"] != 1).any() or rows["offer"].is_in(self.truth.real["offer_prices"]["offer"].implode()).any():
            return None
        return float(rows.select((pl.col("quantity") * pl.col("unit_cost").fill_null(0.0)).sum()).item())

    @cached_property
    def _offers(self) -> pl.DataFrame:
        """offer, item, unit_cost, prices: number of its prices over time."""
        offers = self.truth.real["offers"]
        return offers.group_by("offer").agg(pl.col("item", "unit_cost").first(), prices=pl.col("unit_cost").n_unique())

    def _made(self, done: dict[str, pl.DataFrame]) -> float | None:
        """Conversion cost of units started, hours included; None where the terms of a routing change."""
        if done["make"].is_empty():
            return 0.0
        rows = done["make"].join(self._recipes, on="routing")
        if (rows["terms"] != 1).any():
            return None
        worked = rows.join(self._work.filter(pl.col("ways") == 1), on="routing", how="left")
        hours = worked.select((pl.col("quantity") * pl.col("hours_cost").fill_null(0.0)).sum()).item()
        if done["run"].height:
            split = done["run"].join(self._work, on=["routing", "step", "resource"])
            hours += split.select((pl.col("quantity") * pl.col("hours_cost")).sum()).item()
        own = rows.select((pl.col("quantity") * pl.col("cost_per_unit").fill_null(0.0)).sum()).item()
        return float(own + hours)

    @cached_property
    def _work(self) -> pl.DataFrame:
        """routing, step, resource, hours_cost [money per unit started], ways: alternatives of the step."""
        hourly = self.truth.real["resources"].select("resource", "hourly_cost")
        rows = self.truth.real["operations"].join(hourly, on="resource", how="left")
        each = pl.coalesce("hours_per_unit", 1.0 / pl.col("units_per_hour")).fill_null(0.0)
        ways = pl.when(pl.col("step") == "").then(1).otherwise(pl.len().over("routing", "step"))
        return rows.select(
            "routing", "step", "resource", hours_cost=each * pl.col("hourly_cost").fill_null(0.0), ways=ways
        )


__all__ = ["Audit"]
