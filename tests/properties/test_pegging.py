"""What every pegging keeps: sums on every level, whatever the company, and the same answer unit by unit."""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from dataclasses import replace
from datetime import date, timedelta
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import soe_lib as soe
from soe_lib.demo import generate
from soe_lib.extract.snapshot import Snapshot
from soe_lib.model.blocks.standard import STANDARD
from soe_lib.model.network import Network
from soe_lib.model.pegging.answer import MOVING, Pegging
from soe_lib.store.plan import Plan
from tests.analytic.test_expiry import random_company
from tests.networks import days, snapshot
from tests.properties.random_network import network

PUBLISHED = Path(__file__).parents[1] / "published"


def pegged(plan: Plan, here: Snapshot) -> Pegging:
    found = soe.review.pegging(plan, here)
    assert isinstance(found, Pegging)
    return found


def adds_up(found: Pegging) -> None:
    """Every supply and every demand of a stock is the sum of its pegs; what is sold is served; nothing is unknown."""
    assert "other" not in found.cells["flow"].to_list()
    size = max(1.0, float(found.entries["quantity"].sum()))
    for side in ("supply", "demand"):
        sums = found.pegs.group_by(pl.col(side).alias("entry")).agg(pegged=pl.col("quantity").sum())
        mine = found.entries.join(sums, on="entry", how="left" if side == "supply" else "inner")
        only = mine.filter(pl.col("entry") <= found.pegs["supply"].max()) if side == "supply" else mine
        gap = (only["quantity"] - only["pegged"].fill_null(0.0)).abs()
        assert only.height == 0 or gap.max() < 1e-8 * size  # type: ignore[operator]
    asked = found.cells.filter(pl.col("flow").is_in(["sell", "replace"])).select(root="move", sold="quantity")
    first = found.entries.select(demand="entry", root="move").join(found.pegs, on=["demand", "root"])
    served = asked.join(first.group_by("root").agg(pl.col("serves").sum()), on="root", how="left")
    assert served.height == 0 or (served["sold"] - served["serves"]).abs().max() < 1e-8 * size  # type: ignore[operator]
    assert (found.pegs["quantity"] > 0).all()


@pytest.mark.parametrize("name", sorted(path.name for path in PUBLISHED.iterdir() if (path / "settings.toml").exists()))
def test_published_companies_add_up(name: str) -> None:
    here = soe.read(PUBLISHED / name)
    adds_up(pegged(soe.plan(here), here))


@pytest.mark.parametrize("seed", range(6))
def test_random_companies_add_up_by_day_and_by_week(seed: int, tmp_path: Path) -> None:
    here = snapshot(tmp_path, **network(seed))
    adds_up(pegged(soe.plan(here), here))


def test_a_generated_company_adds_up_and_the_order_of_rows_says_nothing(tmp_path: Path) -> None:
    folder = generate(tmp_path, weeks=1, items=12, seed=5)[-1]
    here = soe.read(folder)
    plan = soe.plan(here)
    found = pegged(plan, here)
    adds_up(found)
    shuffled = here.replace(
        **{
            name: here[name].sample(fraction=1.0, shuffle=True, seed=3)
            for name in ("items", "orders", "components", "lanes")
        }
    )
    again = pegged(soe.plan(shuffled), shuffled)
    columns = [name for name, kind in found.links.schema.items() if kind == pl.String]
    one, other = (
        each.links.group_by(columns).agg(pl.col("quantity").sum().round(4)).sort(columns) for each in (found, again)
    )
    assert one.equals(other)


def by_units(plan: Plan, here: Snapshot) -> Counter[tuple[Any, ...]]:
    """The same by hand, one unit after the other: (flow, label, period, root) → units; for daily periods and whole units.

    Queues per item and place, filled in the order of arrival and emptied in the order of use.
    """
    at = dict(here.periods.select("period", "index").iter_rows())
    recipe = defaultdict(list)
    for routing, component, quantity in here["components"].select("routing", "component", "quantity").iter_rows():
        recipe[routing].append((component, round(quantity)))
    came: dict[tuple[str, str], list[tuple[Any, ...]]] = defaultdict(list)
    goes: dict[tuple[str, str], list[tuple[Any, ...]]] = defaultdict(list)

    def rows(flow: str) -> list[dict[str, Any]]:
        return plan.flow(flow).to_dicts() if flow in plan.flows else []

    def arrival(row: dict[str, Any]) -> int:
        return min(at[row["period"]] + round(row["lead_days"]), len(at))

    for row in rows("open"):
        came[row["item"], row["location"]].append(
            (0, 0, ("open", row["item"], row["location"]), round(row["quantity"]))
        )
    for row in rows("buy"):
        label = ("buy", row["offer"], row["period"])
        came[row["item"], row["location"]].append((arrival(row), 2, label, round(row["quantity"])))
    for row in rows("make"):
        label = ("make", row["routing"], row["period"])
        came[row["item"], row["location"]].append((arrival(row), 3, label, round(row["quantity"])))
        for component, each in recipe[row["routing"]]:
            goes[component, row["location"]].append((at[row["period"]], label, round(row["quantity"]) * each, each))
    for row in rows("ship"):
        label = ("ship", row["lane"], row["item"], row["period"])
        came[row["item"], row["destination"]].append((arrival(row), 4, label, round(row["quantity"])))
        goes[row["item"], row["origin"]].append((at[row["period"]], label, round(row["quantity"]), 1))
    roots: dict[Any, tuple[Any, ...]] = {}
    for row in rows("sell"):
        label = ("sell", row["customer"], row["due"], row["item"], row["location"], row["period"])
        roots[label] = (1, at[row["due"]], row["customer"], row["item"], row["location"], at[row["period"]])
        goes[row["item"], row["location"]].append((at[row["period"]], label, round(row["quantity"]), 1))
    for row in rows("leave"):
        label = ("leave", row["item"], row["location"])
        roots[label] = (2, 0, "", row["item"], row["location"], len(at))
        goes[row["item"], row["location"]].append((len(at), label, round(row["quantity"]), 1))
    below = {node: set() for node in {*came, *goes}}
    for node, arrivals in came.items():
        labels = {one[2] for one in arrivals}
        for other, uses in goes.items():
            if labels & {one[1] for one in uses}:
                below[other].add(node)
    made_for: dict[Any, deque[Any]] = defaultdict(deque)
    told: Counter[tuple[Any, ...]] = Counter()
    for node in TopologicalSorter(below).static_order():
        wanted = []
        for period, label, units, each in goes[node]:
            mine = [label] * units if label in roots else [root for root in made_for[label] for _ in range(each)]
            assert len(mine) == units
            wanted += [(period, roots[root], label, root) for root in mine]
        queue = deque(label for _, _, label, units in sorted(came[node]) for _ in range(units))
        for _, _, _, root in sorted(wanted):
            label = queue.popleft()
            made_for[label].append(root)
            told[(*label, root)] += 1
        assert not queue
    return told


def test_unit_by_unit_it_is_the_same(tmp_path: Path) -> None:
    compared = 0
    for seed in range(0, 24, 2):
        here = snapshot(tmp_path / str(seed), **network(seed))
        plan = soe.plan(here)
        parts = [
            frame["quantity"] for name, frame in plan.flows.items() if name in ("make", "buy", "ship", "sell", "leave")
        ]
        if any(((part - part.round(0)).abs() > 1e-6).any() for part in parts):
            continue
        compared += 1
        expected: Counter[tuple[Any, ...]] = Counter()
        for label, units in by_units(plan, here).items():
            flow, *names, root = label
            place = names[0] if flow != "open" else ""
            who = root[1:3] if root[0] == "sell" else ("", "")
            expected[flow, place, root[0], *who, root[3 if root[0] == "sell" else 1]] += units
        links = pegged(plan, here).links
        flows = {"opening stock": "open", "run": "make", "purchase": "buy", "shipment": "ship"}
        ends = {"forecast": "sell", "end stock": "leave"}
        mine = links.group_by("kind", "name", "for_kind", "customer", "due", "for_item").agg(pl.col("quantity").sum())
        got = {
            (flows[kind], name, ends[end], customer, due, item): round(quantity, 6)
            for kind, name, end, customer, due, item, quantity in mine.iter_rows()
        }
        assert got == dict(expected), seed
    assert compared >= 4


@pytest.mark.parametrize("seed", range(20))
def test_lots_that_expire_add_up_and_keep_the_life_that_is_wanted(seed: int, tmp_path: Path) -> None:
    """Lanes run in circles, goods expire on their way: nothing is sold after its day less the life that is wanted."""
    tables, horizon = random_company(seed)
    here = snapshot(tmp_path, periods=days(horizon), **{name: rows for name, rows in tables.items() if rows})
    found = pegged(soe.plan(here), here)
    adds_up(found)
    wants = dict(here["customers"].select("customer", pl.col("remaining_life_days").fill_null(0.0)).iter_rows())
    ends = dict(here.periods.select("period", "ends_on").iter_rows())
    dated = found.links.filter(
        (pl.col("kind") == "opening stock") & (pl.col("name") != "") & (pl.col("for_kind") == "forecast")
    )
    for name, customer, served in dated.select("name", "customer", "served").iter_rows():
        in_time = ends[served] + timedelta(days=wants[customer]) <= date.fromisoformat(name)
        assert in_time or served == "D001"


def carried(here: Snapshot, sent: dict[tuple[str, str], float], held: dict[tuple[str, str], float]) -> Pegging:
    """Pegging of a plan whose shipments by lane and period, and stocks by place and period, are these."""
    plan = soe.plan(here)
    flows = {**plan.flows}
    for name, key, wanted in (("ship", "lane", sent), ("stock", "location", held)):
        rows = flows[name].select(key, "period").iter_rows()
        flows[name] = flows[name].with_columns(quantity=pl.Series([wanted.get(row, 0.0) for row in rows]))
    return pegged(replace(plan, flows=flows), here)


def both_ways(folder: Path, place: str, day: str, quantity: float) -> Snapshot:
    """Lanes from P to Q and back without a lead time; so much at P, asked for at a place on a day."""
    lanes = [{"lane": f"{a}{b}", "origin": a, "destination": b, "lead_time_days": 0} for a, b in ("PQ", "QP")]
    asked = {"item": "A", "location": place, "customer": "C", "period": day, "quantity": quantity, "price": 10}
    return snapshot(
        folder, periods=days(3), items=[{"item": "A", "standard_cost": 3, "price": 10}], lanes=lanes,
        policies=[{"item": "A", "location": at, "maximum_stock": 100} for at in "PQ"], forecast=[asked],
        inventory=[{"item": "A", "location": "P", "on_hand": quantity}],
    )  # fmt: skip


def test_goods_that_go_round_in_one_period_end_a_chain(tmp_path: Path) -> None:
    """20 are there, 25 go from P to Q on Monday and 5 of them back at once: it ends, and still adds up."""
    here = both_ways(tmp_path, "Q", "D002", 20.0)
    found = carried(here, {("PQ", "D001"): 25.0, ("QP", "D001"): 5.0}, {("Q", "D001"): 20.0})
    adds_up(found)
    assert "goods in circulation" in found.roots["for_kind"].to_list()
    direct = found.links.filter(pl.col("for_kind") == "forecast", pl.col("used_by") == "sale")
    assert direct["quantity"].sum() == pytest.approx(20.0)


def test_goods_that_come_back_in_a_later_period_are_followed_through(tmp_path: Path) -> None:
    """Ten go from P to Q on Monday and back on Tuesday, to be sold at P on Wednesday: opening stock serves them."""
    here = both_ways(tmp_path, "P", "D003", 10.0)
    sent, held = {("PQ", "D001"): 10.0, ("QP", "D002"): 10.0}, {("P", "D002"): 10.0, ("Q", "D001"): 10.0}
    found = carried(here, sent, held)
    adds_up(found)
    chain = found.of(customer="C").select("kind", "name", "location", "quantity").rows()
    assert chain == [("shipment", "QP", "P", 10.0), ("shipment", "PQ", "Q", 10.0), ("opening stock", "", "P", 10.0)]


def test_every_standard_block_that_moves_stock_is_told(tmp_path: Path) -> None:
    here = Network(snapshot(tmp_path, **network(1)))
    moving = {type(block) for block in STANDARD if any(effect.on == "stock" for effect in block.effects(here))}
    assert moving <= {type(block) for block in MOVING}
    assert {type(block) for block in MOVING} <= {type(block) for block in STANDARD}
