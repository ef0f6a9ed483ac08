"""Lines that change over between families: a company from its figures, and a program of its own that knows every trail."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp

from soe_lib.extract.snapshot import Snapshot
from tests import networks

Change = Mapping[tuple[str, str], tuple[float, float]]
"""From, to → hours, cost."""
PRICE, HOURLY, UNIT = 20.0, 10.0, 1.0


@dataclass(frozen=True)
class Lines:
    """Items that one or more lines make, each of a family; an hour costs 10, a unit takes an hour and 1 of money.

    Parameters
    ----------
    demand : item → units a week; what is not served earns nothing. family : of each item.
    hours : line → hours a week. change : what changing takes on every line. begin : what each line is set up for.
    own : line → what changing takes there alone.
    """

    demand: Mapping[str, Sequence[float]]
    family: Mapping[str, str]
    hours: Mapping[str, float]
    change: Change
    begin: Mapping[str, str] = field(default_factory=dict)
    own: Mapping[str, Change] = field(default_factory=dict)
    holding: float = 0.1

    @property
    def weeks(self) -> int:
        """How many."""
        return len(next(iter(self.demand.values())))

    def tables(self) -> dict[str, Any]:
        """As an extract."""
        pairs = [(item, line) for item in self.demand for line in self.hours]
        changes = [{"resource": "", "change": self.change}]
        changes += [{"resource": line, "change": change} for line, change in self.own.items()]
        return {
            "periods": networks.weeks(self.weeks),
            "items": [{"item": i, "unit": "each", "family": f, "holding_cost": self.holding} for i, f in self.family.items()],
            "resources": [
                {"resource": line, "location": "W", "hourly_cost": HOURLY, "set_up_for": self.begin.get(line, "")}
                for line in self.hours
            ],
            "calendar": [
                {"resource": line, "period": f"W{t + 1}", "hours": h} for line, h in self.hours.items() for t in range(self.weeks)
            ],
            "routings": [{"routing": f"{i} on {n}", "item": i, "location": "W", "cost_per_unit": UNIT} for i, n in pairs],
            "operations": [{"routing": f"{i} on {n}", "step": "1", "resource": n, "hours_per_unit": 1} for i, n in pairs],
            "forecast": [
                {"item": i, "location": "W", "period": f"W{t + 1}", "quantity": q, "price": PRICE}
                for i, asked in self.demand.items() for t, q in enumerate(asked)
            ],
            "changeovers": [
                {"resource": each["resource"], "from_family": a, "to_family": b, "hours": h, "cost": c}
                for each in changes for (a, b), (h, c) in each["change"].items()
            ],
        }  # fmt: skip

    def snapshot(self, folder: Path, settings: str = "") -> Snapshot:
        """The checked snapshot."""
        return networks.snapshot(folder, settings, **self.tables())

    def taken(self, line: str, a: str, b: str) -> tuple[float, float]:
        """Hours and cost of a change on a line."""
        return self.own.get(line, {}).get((a, b), self.change.get((a, b), (0.0, 0.0)))

    def trails(self) -> Iterator[tuple[str, ...]]:
        """Every way through families within a period, from any family or from nothing, each change at most once."""
        families = sorted(set(self.family.values()))
        open_ways = [(begin,) for begin in ("", *families)]
        while open_ways:
            way = open_ways.pop()
            yield way
            gone = set(pairwise(way))
            open_ways += [(*way, to) for to in families if to != way[-1] and (way[-1], to) not in gone]


def best(world: Lines) -> float:
    """The highest margin, choosing one trail for each line and period among all of them."""
    items, lines, weeks = [*world.demand], [*world.hours], range(world.weeks)
    columns: list[tuple[Any, ...]] = [(what, i, t) for what in ("sell", "stock") for i in items for t in weeks]
    columns += [("make", i, n, t) for i in items for n in lines for t in weeks]
    trails = {n: _shortest(world, n) for n in lines}
    columns += [("trail", n, k, t) for n in lines for k in range(len(trails[n])) for t in weeks]
    place = {name: at for at, name in enumerate(columns)}
    money, upper = np.zeros(len(columns)), np.full(len(columns), np.inf)
    for (what, *of), at in place.items():
        if what == "sell":
            money[at], upper[at] = PRICE, world.demand[of[0]][of[1]]
        elif what == "stock":
            money[at] = -world.holding
        elif what == "make":
            money[at] = -UNIT - HOURLY
        else:
            _, hours, cost = trails[of[0]][of[1]]
            money[at], upper[at] = -cost - HOURLY * hours, 1.0
    rows = [*_stock_rows(world), *_line_rows(world, trails)]
    matrix = np.zeros((len(rows), len(columns)))
    for at, (terms, _, _) in enumerate(rows):
        for name, factor in terms.items():
            matrix[at, place[name]] += factor
    found = milp(
        -money, bounds=Bounds(0.0, upper), integrality=np.array([c[0] == "trail" for c in columns], float),
        constraints=LinearConstraint(matrix, [low for _, low, _ in rows], [high for _, _, high in rows]),
        options={"mip_rel_gap": 0.0},
    )  # fmt: skip
    assert found.status == 0
    return -float(found.fun)


Row = tuple[dict[tuple[Any, ...], float], float, float]
Trails = dict[str, list[tuple[tuple[str, ...], float, float]]]


def _shortest(world: Lines, line: str) -> list[tuple[tuple[str, ...], float, float]]:
    """Trails with their hours and cost; of those alike in begin, end and families the ones that no other betters."""
    every: dict[Any, list[tuple[tuple[str, ...], float, float]]] = {}
    for way in world.trails():
        taken = [world.taken(line, a, b) for a, b in pairwise(way)]
        one = (way, sum(h for h, _ in taken), sum(c for _, c in taken))
        every.setdefault((way[0], way[-1], frozenset(way)), []).append(one)
    kept = []
    for alike in every.values():
        alike.sort(key=lambda one: (one[1], one[2]))
        least = np.inf
        for one in alike:
            if one[2] < least:
                kept.append(one)
                least = one[2]
    return kept


def _stock_rows(world: Lines) -> Iterator[Row]:
    for i in world.demand:
        for t in range(world.weeks):
            terms = {("make", i, n, t): 1.0 for n in world.hours} | {("sell", i, t): -1.0, ("stock", i, t): -1.0}
            yield terms | ({("stock", i, t - 1): 1.0} if t else {}), 0.0, 0.0


def _line_rows(world: Lines, trails: Trails) -> Iterator[Row]:
    for n, hours in world.hours.items():
        begun = world.begin.get(n, "")
        for t in range(world.weeks):
            each = {("trail", n, k, t): one for k, one in enumerate(trails[n])}
            yield dict.fromkeys(each, 1.0), 1.0, 1.0
            used = {name: taken for name, (_, taken, _) in each.items()}
            yield used | {("make", i, n, t): 1.0 for i in world.demand}, -np.inf, hours
            for family in {"", begun, *world.family.values()}:
                starting = {name: 1.0 for name, (way, _, _) in each.items() if way[0] == family}
                ended = {("trail", n, k, t - 1): -1.0 for k, (way, _, _) in enumerate(trails[n]) if way[-1] == family}
                yield starting | (ended if t else {}), *((0.0, 0.0) if t else (float(family == begun),) * 2)
            for i, family in world.family.items():
                there = {name: -hours for name, (way, _, _) in each.items() if family in way}
                yield {("make", i, n, t): 1.0} | there, -np.inf, 0.0
