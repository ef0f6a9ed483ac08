"""Plans for demand that nobody knows, on the public benchmark gym-invmgmt: profit as a share of perfect information.

    pip install -e ".[benchmark]"
    python -m tests.benchmarks.inventory_gym reproduce PUBLISHED
    python -m tests.benchmarks.inventory_gym run PUBLISHED OUT.csv [--variants learning cushion typed plain]
                                             [--scenarios 0 5] [--seeds 42 123] [--processes 2]
    python -m tests.benchmarks.inventory_gym summary OUT.csv

PUBLISHED is a folder with what the paper's repository holds (Barati and Hu, arXiv 2605.11355, MIT): scenarios.json, the
arguments of the 22 environments, and published.csv (scenario, seed, oracle, informed_stochastic,
informed_deterministic; ten seeds). `run` plays every scenario and seed with the variant "learning"; what OUT.csv has is
not run again, so a run that was stopped goes on. `summary` says the mean of profit ÷ oracle over the scenarios, by kind
of demand, and whether it reaches TARGET. The best controller there without perfect information, a stochastic program
over sampled demand, has 0.949 over the 22 scenarios and ten seeds.

Each night the environment's state becomes a snapshot, the plan runs to the end of the episode, and this night's orders
are carried out. What is known is what the paper's tier "informed" may know (its `evaluate_custom.py`), and `state_of` and
`unserved` read nothing else: the network with its costs, lead times and capacities; stock, goods under way and what last
night left unserved, as the observation has them; and the mean demand of the periods left as the environment tells it
tonight (`get_current_mu`), which is the mean of a Poisson distribution. Nobody is told whether goodwill is at play, nor
its rates: they stand in the environment's arguments, which no controller of that tier reads.

| variant | plans with |
|---|---|
| learning | as cushion; and remembers what earlier nights told: it corrects the means by how they moved after nights that served all and after others, and prices a unit unserved by the demand that such nights have cost |
| cushion | the means told tonight, and their distribution stated in `forecast_errors` |
| typed | the means told tonight, and the textbook's safety stock typed into `policies` |
| plain | the means told tonight, as if they were certain |

Where the means told never move, "learning" is "cushion".

The translation: a period is a day. Goods that reach a place which ships on can leave it a day later, so such a lane takes
a day more and carries the holding of the night they arrive. Holding under way is part of a lane's or an offer's cost.
A factory makes `good` out of `raw` in the period it ships. Each market's demand of a period is a customer of its own,
since what is never served costs its penalty on every night that is left. `reproduce` shows that no cent is lost by it:
over the true demand the plan's margin is the published oracle.
"""

from __future__ import annotations

import argparse
import ast
import csv
import json
import multiprocessing
import os
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from scipy.stats import norm, poisson

import soe_lib as soe

START = date(2026, 1, 5)
VARIANTS = ("learning", "cushion", "typed", "plain")
"""The first is the default."""
TARGET = 0.97
PROBABILITIES = 1.0 - 0.75 * 0.5 ** np.arange(9)
"""Of the stated errors: each halves what is left above, since a dear shortage is priced by the tail."""
PARTS = ("translate", "snapshot", "plan")
MEANS = ("profit", "oracle", "published")
TIMES = (*(f"{part}_ms" for part in PARTS), "clock_ms", "worst_ms")
COLUMNS = ("scenario", "seed", "variant", *MEANS, *TIMES)
SCENARIOS, SEEDS = 22, 10
"""That are published."""
LONGEST = 300.0
"""Milliseconds of the processor that a decision may take on a quiet machine."""
LEAST = 1e-9
"""Units: less is none."""
Table = list[dict[str, Any]]


@dataclass(frozen=True)
class Node:
    """A place with stock: holding a night; for a factory what it can ship a period, its cost and goods per unit of raw."""

    holding: float
    capacity: float | None = None
    operating: float = 0.0
    goods: float = 1.0


@dataclass(frozen=True)
class Link:
    """A way to order: whence (a supplier of raw material is no node), whither, periods, price, holding a night under way."""

    origin: int
    destination: int
    lead: int
    price: float
    under_way: float


@dataclass(frozen=True)
class Market:
    """A retailer's demand: its price, and what a unit that is not served costs a night (or once, where it is lost)."""

    retailer: int
    price: float
    penalty: float


@dataclass(frozen=True)
class Chain:
    """The network of one environment; `backlog` says whether what is not served waits or is lost."""

    periods: int
    backlog: bool
    nodes: Mapping[int, Node]
    links: Sequence[Link]
    markets: Sequence[Market]

    @property
    def retailers(self) -> set[int]:
        return {market.retailer for market in self.markets}

    def days(self, link: Link) -> int:
        """Periods until goods can be used: sold in the one of their arrival, shipped on in the one after."""
        return link.lead + (link.destination not in self.retailers)

    def cost(self, link: Link, period: int = 0) -> float:
        """Money for one unit ordered in a period: nights under way, and the first one where it cannot leave yet.

        Nights after the last period cost nothing. Prices between places of the chain's own cancel.
        """
        never = period + link.lead >= self.periods
        first = 0.0 if never or link.destination in self.retailers else self.nodes[link.destination].holding
        bought = link.price if link.origin not in self.nodes else 0.0
        return min(link.lead, self.periods - period) * link.under_way + first + bought

    def costs(self, link: Link) -> Iterator[tuple[int, int, float]]:
        """The first and the last period of each cost of a link.

        Goods that come after the end are cheaper under way than in stock, and the environment lets them leave.
        """
        found = [self.cost(link, t) for t in range(self.periods)]
        starts = [t for t in range(self.periods) if not t or found[t] != found[t - 1]]
        for a, b in zip(starts, [*starts[1:], self.periods], strict=True):
            yield a, b - 1, found[a]

    def interval(self, node: int) -> int:
        """The protection interval: the shortest way to a node and one review."""
        return 1 + min(self.days(link) for link in self.links if link.destination == node)

    def least(self, node: int) -> float:
        """The least that one unit costs at a node: bought, made and brought there."""

        def upstream(origin: int) -> float:
            if origin not in self.nodes:
                return 0.0
            one = self.nodes[origin]
            return (self.least(origin) + one.operating) / one.goods if one.capacity else self.least(origin)

        return min(self.cost(link) + upstream(link.origin) for link in self.links if link.destination == node)


@dataclass(frozen=True)
class State:
    """One night's beginning: stock by node, orders sent so far by period and link, backlog and means by market.

    `loss` is the share of later demand that a night with unserved demand has cost so far; 0 where none was seen.
    """

    period: int
    stock: Mapping[int, float]
    sent: np.ndarray
    owed: np.ndarray
    mean: np.ndarray
    loss: float = 0.0


@dataclass
class Record:
    """How what is told of later demand moved after nights that served all of it, and after others."""

    told: np.ndarray | None = None
    unserved: list[bool] = field(default_factory=list)
    moves: dict[bool, list[float]] = field(default_factory=lambda: {False: [], True: []})

    def believed(self, told: np.ndarray, unserved: bool) -> tuple[np.ndarray, float]:
        """The means of the periods left as the record corrects them, and the loss of a night with unserved demand.

        Formula: mean × (move after last night) × (move after a served night) ^ periods ahead, moves being medians of
        what is told now ÷ what was told a night before; 1 where nothing is known. loss = 1 − move after a night with
        unserved demand ÷ move after a served one. What is told answers to the night before last, not to the last.

        Parameters
        ----------
        told : means of the periods left, by period and market. unserved : whether last night left any demand unserved.
        """
        if len(self.unserved) > 1 and self.told is not None and (before := self.told[1:].sum()) > 0:
            self.moves[self.unserved[-1]].append(float(told.sum() / before))
        first = self.told is None
        self.told, self.unserved = told, [*self.unserved, unserved]
        served, short = (float(np.median(self.moves[kind])) if self.moves[kind] else 1.0 for kind in (False, True))
        loss = max(0.0, 1.0 - short / served) if self.moves[True] else 0.0
        now = 1.0 if first else short if unserved else served
        return told * now * (served ** np.arange(len(told)))[:, None], loss


@dataclass(frozen=True)
class Translation:
    """The chain as tables of the data contract; what does not change from night to night is written once."""

    chain: Chain
    variant: str = "plain"

    @property
    def cushioned(self) -> bool:
        return self.variant in ("cushion", "learning")

    @cached_property
    def fixed(self) -> dict[str, pl.DataFrame]:
        """Items, places, recipes, offers and lanes."""
        chain, last = self.chain, self.chain.periods - 1
        factories = {n: node for n, node in chain.nodes.items() if node.capacity}
        kinds = {n: "plant" if n in factories else "warehouse" for n in chain.nodes}
        tables: dict[str, Table] = {name: [] for name in ("offers", "lanes")}
        tables["items"] = [{"item": item, "unit": "each", "holding_cost": 0.0} for item in ("good", "raw")]
        tables["locations"] = [
            {"location": f"N{n}", "kind": kinds[n], "storage_cost": node.holding} for n, node in chain.nodes.items()
        ]
        tables["resources"] = [{"resource": f"C{n}", "location": f"N{n}", "kind": "line"} for n in factories]
        tables["routings"] = [
            {
                "routing": f"M{n}",
                "item": "good",
                "location": f"N{n}",
                "cost_per_unit": one.operating,
                "yield": one.goods,
            }
            for n, one in factories.items()
        ]
        tables["operations"] = [
            {"routing": f"M{n}", "resource": f"C{n}", "hours_per_unit": one.goods} for n, one in factories.items()
        ]
        tables["components"] = [{"routing": f"M{n}", "component": "raw", "quantity": 1.0} for n in factories]
        for number, link in enumerate(chain.links):
            to, days = f"N{link.destination}", chain.days(link)
            for a, b, cost in chain.costs(link) if link.origin in chain.nodes else ():
                ends = {"origin": f"N{link.origin}", "destination": to, "item": "good", "lead_time_days": days}
                when = {"valid_from": day(a), "valid_to": day(b)}
                tables["lanes"].append({"lane": f"L{number}", **when, **ends, "cost_per_unit": cost})
            if link.origin not in chain.nodes and days <= last:  # what comes too late to be used is never bought
                what = {"supplier": f"S{link.origin}", "item": "raw", "location": to, "lead_time_days": days}
                when = {"valid_to": day(last - days)}
                tables["offers"].append({"offer": f"L{number}", **when, **what, "unit_cost": chain.cost(link)})
        return {name: pl.DataFrame(rows) for name, rows in tables.items() if rows}

    def tables(self, state: State) -> dict[str, pl.DataFrame]:
        """Every table of one night."""
        chain, t = self.chain, state.period
        left = range(t, chain.periods)
        item = {n: "raw" if node.capacity else "good" for n, node in chain.nodes.items()}
        tables: dict[str, Table] = {}
        tables["periods"] = [{"period": f"P{s:02d}", "starts_on": day(s), "ends_on": day(s)} for s in left]
        tables["calendar"] = [
            {"resource": f"C{n}", "period": f"P{s:02d}", "hours": node.capacity}
            for n, node in chain.nodes.items()
            if node.capacity
            for s in left
        ]
        tables["inventory"] = [
            {"item": item[n], "location": f"N{n}", "on_hand": max(0.0, state.stock[n])} for n in chain.nodes
        ]
        tables["receipts"] = [
            {"receipt": f"R{number}-{s:02d}", "kind": "ship" if link.origin in chain.nodes else "buy",
             "item": item[link.destination], "location": f"N{link.destination}", "due_on": day(s + chain.days(link)),
             "quantity": float(state.sent[s, number])}
            for number, link in enumerate(chain.links)
            for s in range(max(0, t - link.lead), min(t, chain.periods - chain.days(link)))
            if state.sent[s, number] > LEAST
        ]  # fmt: skip
        tables["forecast"] = [
            {"item": "good", "location": f"N{market.retailer}", "customer": f"K{k}-{s:02d}", "period": f"P{s:02d}",
             "quantity": float(state.mean[s - t, k]) + (float(state.owed[k]) if s == t else 0.0),
             "price": market.price}
            for k, market in enumerate(chain.markets)
            for s in left
        ]  # fmt: skip
        tables["customers"] = [
            {"customer": f"K{k}-{s:02d}", **self.terms(market, state, s)}
            for k, market in enumerate(chain.markets)
            for s in left
        ]
        tables["policies"] = [
            {"item": "good", "location": f"N{n}", "maximum_stock": 0.0}  # a factory ships what it makes
            for n, node in chain.nodes.items()
            if node.capacity
        ] + (self.typed(state) if self.variant == "typed" else [])
        if self.cushioned:
            tables["forecast_errors"] = self.errors(state)
        made = {name: pl.DataFrame(rows, infer_schema_length=None) for name, rows in tables.items() if rows}
        return self.fixed | made

    def terms(self, market: Market, state: State, period: int) -> dict[str, float]:
        """What demand of a period costs where it waits (and at the end, if nobody served it), or where it is lost.

        A unit that a night leaves unserved loses `loss` units on each night that is left, and the margin of them.
        """
        nights = self.chain.periods - state.period
        goodwill = state.loss * nights * max(0.0, market.price - self.chain.least(market.retailer))
        if not self.chain.backlog:
            return {"late_cost": 0.0, "latest_days": 0, "short_penalty": market.penalty, "short_cost": goodwill}
        never = market.penalty * (self.chain.periods - period)
        waits = {"late_cost": market.penalty, "late_goodwill": goodwill, "latest_days": self.chain.periods}
        return {**waits, "short_penalty": never, "short_cost": goodwill * (self.chain.periods - period)}

    def typed(self, state: State) -> Table:
        """The textbook's safety stock of each retailer: z × the deviation of demand over the protection interval.

        z is the quantile of the critical ratio: short ÷ (short + holding), with b a night for what waits, else what a
        lost unit would have earned. Each unit below costs the penalty a night.
        """
        chain, rows = self.chain, []
        for k, market in enumerate(chain.markets):
            holding = chain.nodes[market.retailer].holding
            lost = market.price + market.penalty - chain.least(market.retailer)
            short = market.penalty if chain.backlog else lost
            deviation = float(np.sqrt(state.mean[: chain.interval(market.retailer), k].sum()))
            stock = float(norm.ppf(short / (short + holding))) * deviation
            name = {"item": "good", "location": f"N{market.retailer}"}
            rows.append({**name, "safety_stock": stock, "below_safety_cost": market.penalty})
        return rows

    def errors(self, state: State) -> Table:
        """What demand may add up to beyond its mean over the protection interval that ends with each period."""
        chain, rows = self.chain, []
        sums = np.vstack([np.zeros(len(chain.markets)), state.mean.cumsum(axis=0)])
        ends = np.arange(1, len(sums))
        for k, market in enumerate(chain.markets):
            mean = sums[ends, k] - sums[np.maximum(ends - chain.interval(market.retailer), 0), k]
            for s, errors in zip(ends, poisson_errors(mean), strict=True):
                where = {"item": "good", "location": f"N{market.retailer}", "period": f"P{state.period + s - 1:02d}"}
                told = zip(PROBABILITIES.tolist(), errors.tolist(), strict=True)
                rows += [{**where, "probability": at, "quantity": error} for at, error in told]
        return rows

    def settings(self, state: State) -> dict[str, Any]:
        """The settings of one night."""
        costs = {"per": "day", "holding_on": "closing"}
        rules = {"use": "with a record" if self.cushioned else "never", "review_days": 1}
        return {"company": "gym", "currency": "USD", "as_of": day(state.period), "costs": costs, "cushion": rules}

    def snapshot(self, state: State) -> soe.Snapshot:
        """One night as a checked snapshot."""
        return soe.snapshot(self.settings(state), self.tables(state))

    def plan(self, snapshot: soe.Snapshot, state: State) -> soe.Plan:  # noqa: ARG002
        """The plan of one night."""
        return soe.plan(snapshot, record=None)

    def orders(self, plan: soe.Plan, period: int) -> np.ndarray:
        """What the plan orders on each link in one period [units]."""
        found = np.zeros(len(self.chain.links))
        for flow, key in (("ship", "lane"), ("buy", "offer")):
            if flow in plan.flows:
                rows = plan.flow(flow).filter(pl.col("period").cast(pl.String) == f"P{period:02d}")
                np.add.at(found, [int(name[1:]) for name in rows[key].cast(pl.String)], rows["quantity"].to_numpy())
        return np.maximum(found, 0.0)


def poisson_errors(mean: np.ndarray) -> np.ndarray:
    """Errors of Poisson demand at PROBABILITIES, as the mean of the slice that each stands for [units].

    The slices end halfway between two probabilities. Formula: with z the quantile of u, the demand below u adds up to
    mean × P(X ≤ z − 2) + z × (u − P(X ≤ z − 1)); so the expected shortage is exact where a slice ends.

    Parameters
    ----------
    mean : of the demand in sum, one a row.
    """
    edges = (PROBABILITIES[1:] + PROBABILITIES[:-1]) / 2
    some = np.maximum(mean, 1e-9)[:, None]
    z = poisson.ppf(edges, some)
    below = some * poisson.cdf(z - 2, some) + z * (edges - poisson.cdf(z - 1, some))
    sums = np.hstack([np.zeros_like(some), below, some])
    return np.diff(sums, axis=1) / np.diff([0.0, *edges, 1.0]) - some


def day(period: int) -> date:
    """The day of a period."""
    return START + timedelta(days=period)


def chain_of(env: Any) -> Chain:
    """The network of an environment of gym-invmgmt."""
    net, graph = env.network, env.graph
    nodes = {}
    for n in map(int, net.main_nodes):
        one, makes = graph.nodes[n], n in net.factory
        made = {"capacity": float(one["C"]), "operating": float(one["o"]), "goods": float(one["v"])} if makes else {}
        nodes[n] = Node(float(one["h"]), **made)
    links = [
        Link(int(u), int(v), int(edge["L"]), float(edge["p"]), float(edge["g"]))
        for (u, v), edge in ((ends, graph.edges[ends]) for ends in net.reorder_links)
    ]
    ends = [(int(r), graph.edges[r, m]) for r, m in net.retail_links]
    markets = [Market(r, float(edge["p"]), float(edge["b"])) for r, edge in ends]
    return Chain(int(env.num_periods), bool(env.backlog), nodes, links, markets)


def state_of(env: Any, chain: Chain) -> State:
    """What is known at the beginning of the environment's next period, and nothing of its noise or of later periods."""
    t = int(env.period)
    owed = unserved(env) if chain.backlog else np.zeros(len(chain.markets))
    told = [env.demand_engine.get_current_mu(s) for s in range(t, chain.periods)]
    stock = {n: float(env.X[t, env.network.node_map[n]]) for n in chain.nodes}
    mean = np.repeat(np.array(told, dtype=float)[:, None], len(chain.markets), axis=1)
    return State(t, stock, env.R[:t].copy(), np.array(owed, dtype=float), mean)


def unserved(env: Any) -> np.ndarray:
    """What last night left unserved of each market's demand [units]: it waits, or it is lost."""
    t = int(env.period)
    return np.array(env.U[t - 1] if t else np.zeros(len(env.network.retail_links)), dtype=float)


def episode(env: Any, seed: int, variant: str) -> tuple[float, np.ndarray]:
    """Profit of one episode; seconds of the processor for each night's parts and of the clock: one row a night."""
    env.reset(seed=seed)
    chain = chain_of(env)
    translation, record, times = Translation(chain, variant), Record(), []
    snapshot: soe.Snapshot | None = None
    while env.period < chain.periods:
        state, clocks, began = state_of(env, chain), [time.process_time()], time.perf_counter()
        if variant == "learning":
            mean, loss = record.believed(state.mean, bool(unserved(env).sum() > LEAST))
            state = replace(state, mean=mean, loss=loss)
        settings, tables = translation.settings(state), translation.tables(state)
        clocks.append(time.process_time())
        snapshot = soe.snapshot(settings, tables, near=snapshot)
        clocks.append(time.process_time())
        action = translation.orders(translation.plan(snapshot, state), state.period)
        clocks.append(time.process_time())
        times.append([*np.diff(clocks), time.perf_counter() - began])
        env.step(action)
    return float(env.P.sum()), np.array(times)


def foreseen(env: Any, seed: int) -> soe.Plan:
    """The plan over the demand that the episode will really have, which only an oracle knows."""
    chain = chain_of(env)
    env.reset(seed=seed)
    for _ in range(chain.periods):
        env.step(np.zeros(len(chain.links)))
    demand = env.D.copy()
    env.reset(seed=seed)
    state = state_of(env, chain)
    translation = Translation(chain)
    known = State(0, state.stock, state.sent, state.owed, demand)
    return translation.plan(translation.snapshot(known), known)


@cache
def published(folder: Path) -> tuple[list[tuple[str, dict[str, Any]]], dict[tuple[str, int], dict[str, float]]]:
    """The scenarios with their environments' arguments, and the published profits by scenario and seed."""
    cases = []
    for one in json.loads((folder / "scenarios.json").read_text(encoding="utf-8")):
        terms = one["environment"]
        if isinstance(told := terms["demand_config"], str):  # written as Python writes it, with NumPy's array(…)
            terms["demand_config"] = ast.literal_eval(told.replace("array(", "").replace(")", ""))
        cases.append((one["scenario"], terms))
    with (folder / "published.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    names = ("oracle", "informed_stochastic", "informed_deterministic")
    return cases, {(row["scenario"], int(row["seed"])): {name: float(row[name]) for name in names} for row in rows}


def one_run(folder: Path, number: int, seed: int, variant: str) -> dict[str, Any]:
    """One episode as a row of the results; times are the median night's, since the first night loads the code."""
    from gym_invmgmt import CoreEnv

    cases, profits = published(folder)
    scenario, terms = cases[number]
    profit, times = episode(CoreEnv(**terms), seed, variant)
    others = profits[scenario, seed]
    figures = [profit, others["oracle"], others["informed_stochastic"]]
    figures += [*1e3 * np.median(times, axis=0), 1e3 * times[:, -1].max()]
    return dict(zip(COLUMNS, (scenario, seed, variant, *(round(float(x), 4) for x in figures)), strict=True))


def run(
    folder: Path, out: Path, variants: Sequence[str], numbers: Sequence[int], seeds: Sequence[int], processes: int = 2
) -> None:
    """Every episode that OUT does not have yet, seed by seed, so that a run that was stopped has all scenarios."""
    cases, _ = published(folder)
    done = {(row["scenario"], int(row["seed"]), row["variant"]) for row in results(out)}
    asked = [(n, seed, variant) for variant in variants for seed in seeds for n in numbers]
    missing = [one for one in asked if (cases[one[0]][0], *one[1:]) not in done]
    print(f"{len(asked)} episodes, {len(missing)} to run.", flush=True)
    os.environ |= {"POLARS_MAX_THREADS": "1", "OMP_NUM_THREADS": "1"}
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, mp_context=context) as pool:
        begun = [pool.submit(one_run, folder, *one) for one in missing]
        for count, future in enumerate(as_completed(begun), start=1):
            row, first = future.result(), not out.exists()
            with out.open("a", encoding="utf-8", newline="") as file:
                writer = csv.DictWriter(file, COLUMNS)
                if first:
                    writer.writeheader()
                writer.writerow(row)
            share = row["profit"] / row["oracle"]
            print(f"{count}/{len(missing)} {row['variant']} {row['scenario']} {row['seed']}: {share:.4f}", flush=True)


def results(out: Path) -> list[dict[str, str]]:
    """The rows of OUT; a last line that a kill has cut off does not count."""
    if not out.exists():
        return []
    with out.open(encoding="utf-8", newline="") as file:
        return [row for row in csv.DictReader(file) if None not in row.values()]


def summary(rows: Sequence[Mapping[str, str]]) -> Iterator[str]:
    """Mean of profit ÷ oracle by scenario, by kind of demand and in all, and the time of a decision by part.

    A scenario counts once, whatever the number of its seeds. The published controller is taken on the same episodes.
    """
    if not rows:
        yield "No episode yet."
    for variant in dict.fromkeys(row["variant"] for row in rows):
        yield from _of_variant(variant, [row for row in rows if row["variant"] == variant])


def _of_variant(variant: str, rows: Sequence[Mapping[str, str]]) -> Iterator[str]:
    """The lines of one variant."""
    shares = {name: _by_scenario(rows, name) for name in ("profit", "published")}
    yield f"\n{variant}: mean of profit ÷ oracle (the published informed stochastic program on the same episodes)"

    def line(name: str, chosen: Sequence[str], seeds: str) -> str:
        mine, theirs = (np.mean([np.mean(shares[of][one]) for one in chosen]) for of in ("profit", "published"))
        return f"  {name:64s} {mine:.4f} ({theirs:.4f})  {seeds}"

    counts = {scenario: len(values) for scenario, values in shares["profit"].items()}
    yield from (line(scenario, [scenario], f"{count} seeds") for scenario, count in counts.items())
    kinds = {"waits": "GW:False|BL:True", "is lost": "GW:False|BL:False", "moves with service (goodwill)": "GW:True"}
    groups = {f"demand that {name}": [one for one in counts if part in one] for name, part in kinds.items()}
    for scenario in counts:
        groups.setdefault(f"demand {scenario.split('|')[2]}", []).append(scenario)
    yield from (line(name, chosen, f"{len(chosen)} scenarios") for name, chosen in groups.items() if chosen)
    fewest, most = min(counts.values()), max(counts.values())
    seeds = f"{fewest} to {most} seeds each" if fewest < most else f"{most} seeds each"
    yield line("all", list(counts), f"{len(counts)} of {SCENARIOS} scenarios, {seeds} of {SEEDS}")
    mean = np.mean([np.mean(values) for values in shares["profit"].values()])
    if len(counts) < SCENARIOS:
        yield f"  target {TARGET}: cannot be judged before every scenario has run"
    else:
        more = "" if fewest >= SEEDS else f", of the seeds run; the published mean is over {SEEDS}"
        yield f"  target {TARGET}: {'met' if mean >= TARGET else 'MISSED'}{more}"
    times = {name: float(np.mean([float(row[name]) for row in rows])) for name in TIMES}
    parts = {part: times[f"{part}_ms"] for part in PARTS}
    used, worst = sum(parts.values()), max(float(row["worst_ms"]) for row in rows)
    yield (
        f"  ms of the processor a decision: {', '.join(f'{part} {value:.0f}' for part, value in parts.items())}; in all"
        f" {used:.0f} (at most {LONGEST:.0f} on a quiet machine: {'met' if used <= LONGEST else 'MISSED'});"
        f" by the clock {times['clock_ms']:.0f}, the slowest {worst:.0f}"
    )


def _by_scenario(rows: Sequence[Mapping[str, str]], name: str) -> dict[str, list[float]]:
    """A profit ÷ oracle, by scenario."""
    found: dict[str, list[float]] = defaultdict(list)
    for row in rows:
        found[row["scenario"]].append(float(row[name]) / float(row["oracle"]))
    return found


def reproduce(folder: Path, seeds: Sequence[int]) -> None:
    """The plan over the true demand against the published oracle, where demand does not hang on what is served."""
    from gym_invmgmt import CoreEnv

    cases, profits = published(folder)
    for scenario, terms in cases:
        if not terms["demand_config"]["use_goodwill"]:
            apart = [foreseen(CoreEnv(**terms), seed).margin - profits[scenario, seed]["oracle"] for seed in seeds]
            print(f"{scenario:58s} {' '.join(f'{value:+.4f}' for value in apart)}", flush=True)


def main(argv: Sequence[str] | None = None) -> None:
    """See the module's first lines."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    every = {name: commands.add_parser(name) for name in ("reproduce", "run", "summary")}
    for name in ("reproduce", "run"):
        every[name].add_argument("published", type=Path)
    for name in ("run", "summary"):
        every[name].add_argument("out", type=Path)
    every["run"].add_argument("--variants", nargs="+", choices=VARIANTS, default=VARIANTS[:1])
    every["run"].add_argument("--scenarios", nargs="+", type=int, metavar="NUMBER")
    every["run"].add_argument("--seeds", nargs="+", type=int, metavar="SEED")
    every["run"].add_argument("--processes", type=int, default=2)
    asked = parser.parse_args(argv)
    if asked.command != "summary":
        cases, profits = published(asked.published)
        seeds = list(dict.fromkeys(seed for _, seed in profits))
        if asked.command == "reproduce":
            reproduce(asked.published, seeds[:3])
            return
        numbers = asked.scenarios or range(len(cases))
        run(asked.published, asked.out, asked.variants, numbers, asked.seeds or seeds, asked.processes)
    print(*summary(results(asked.out)), sep="\n")


if __name__ == "__main__":
    main()
