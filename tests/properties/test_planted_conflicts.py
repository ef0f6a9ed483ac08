"""Conflicts that are planted, and known by construction: the cheapest promises to break are found, in business words.

Each kind draws its numbers, so that what cannot be kept, and by how much, is worked out without a solver; where several
ways out compete, all of them are enumerated. The short form plants one of each kind, the long form six.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import soe_lib as soe
from soe_lib.errors import SolveError
from soe_lib.model.blocks.stability import Stability
from soe_lib.model.blocks.standard import STANDARD
from tests.analytic.test_two_items import asked, line
from tests.networks import MONDAY, snapshot

Tables = dict[str, list[dict[str, Any]]]
Draw = np.random.Generator
LAST_RESORT = 10_000.0
"""What a unit beyond a maximum, a maintenance job or a location is priced at."""
FENCE = '[costs]\nper = "period"\n[fence]\nfrozen_days = 7\nslushy_days = 7\nchange_cost = 3\nbreak_price = 30\nbreaks = false\n'
FROZEN = 30.0
"""The price of a break, where nothing may break: what the search for the cheapest promises counts with."""


@dataclass(frozen=True)
class Planted:
    """Tables that cannot all be kept.

    Parameters
    ----------
    broken : words of the promise, by how much, less or more, and when; none where only money and number are known.
    money : the cheapest way out. number : the fewest promises that it takes.
    """

    tables: Tables
    money: float
    broken: tuple[tuple[str, float, str, str], ...] = ()
    number: int = 1
    settings: str = ""
    record: pl.DataFrame | None = field(default=None, repr=False)


def _whole(draw: Draw, low: int, high: int) -> float:
    return float(draw.integers(low, high))


def _dates(week: int) -> str:
    first = MONDAY + timedelta(days=7 * (week - 1))
    return f"{first} to {first + timedelta(days=6)}"


def _end(weeks: int) -> str:
    return f"by {MONDAY + timedelta(days=7 * weeks - 1)}"


def _hours(tables: Tables, hours: list[float]) -> None:
    tables["calendar"] = [{"resource": "line", "period": f"W{n + 1}", "hours": h} for n, h in enumerate(hours)]


def _record(**made: float) -> pl.DataFrame:
    return pl.DataFrame({"routing": list(made), "period": ["W1"] * len(made), "quantity": list(made.values())})


# -- kinds ------------------------------------------------------------------------------------------------------------


def obligations(draw: Draw) -> Planted:
    """A (1 h) and B (2 h) are owed in three weeks; what is made early keeps. All ways to break them are tried."""
    owed = draw.integers(1, 4, 6)
    hours = draw.integers(1, 7, 3).astype(float)
    hours[0] = min(hours[0], owed[0] + 2.0 * owed[3] - 1.0)  # something is missing in the first week
    price = np.repeat([_whole(draw, 5, 12), _whole(draw, 9, 25)], 3)
    tables = line(0, periods=3)
    _hours(tables, hours.tolist())
    tables["forecast"] = [
        asked(item, float(q), float(p), f"W{week}", committed=float(q))
        for (item, week), q, p in zip(itertools.product("AB", (1, 2, 3)), owed, price, strict=True)
    ]
    steps = [np.arange(0, q + 0.1, 1.0 if n < 3 else 0.5) for n, q in enumerate(owed)]
    ways = np.stack([way.ravel() for way in np.meshgrid(*steps)], axis=1)
    needed = (owed - ways) * np.array([1.0, 1, 1, 2, 2, 2])
    kept = (np.cumsum(needed[:, :3] + needed[:, 3:], axis=1) <= np.cumsum(hours) + 1e-9).all(axis=1)
    money, number = ways[kept] @ price, (ways[kept] > 0).sum(axis=1)
    cheapest = np.isclose(money, money.min())
    return Planted(tables, float(money.min()), number=int(number[cheapest].min()))


def one_week(draw: Draw) -> Planted:
    """Every week's hours are owed to the last, and one week owes more."""
    week, extra = int(draw.integers(1, 4)), _whole(draw, 1, 9)
    owed = [_whole(draw, 1, 5) for _ in range(3)]
    tables = line(0, periods=3)
    _hours(tables, owed)
    price = [20.0, 20.0, 20.0]
    price[week - 1] = 10.0
    tables["forecast"] = [
        asked("A", q + extra * (n == week), p, f"W{n}", committed=q + extra * (n == week))
        for n, q, p in zip((1, 2, 3), owed, price, strict=True)
    ]
    # An earlier week could be broken instead, at twice the price.
    return Planted(tables, 10.0 * extra, (("item A", extra, "less", _dates(week)),))


def downtime(draw: Draw) -> Planted:
    """An event takes some of the hours that are owed."""
    taken, owed = _whole(draw, 2, 8), _whole(draw, 9, 15)
    tables = line(owed) | {"forecast": [asked("A", owed, 10, committed=owed)]}
    tables["events"] = [
        {
            "event": "1",
            "kind": "downtime",
            "target": "line",
            "from": MONDAY,
            "to": MONDAY + timedelta(6),
            "hours": taken,
        }
    ]
    return Planted(tables, 10 * taken, (("item A", taken, "less", _dates(1)),))


def penalties(draw: Draw) -> Planted:
    """Three customers are owed the same item at other penalties: the cheapest is broken first, then the next."""
    owed, penalty = draw.integers(1, 6, 3).astype(float), draw.permutation([1.0, 4.0, 9.0])
    missing = _whole(draw, 1, int(owed.sum()))
    tables = line(float(owed.sum()) - missing)
    tables["customers"] = [{"customer": c, "short_penalty": p} for c, p in zip("XYZ", penalty, strict=True)]
    tables["forecast"] = [asked("A", q, 10, customer=c, committed=q) for c, q in zip("XYZ", owed, strict=True)]
    broken, money = [], 0.0
    for n in np.argsort(penalty):
        if by := min(missing, owed[n]):
            broken.append((f"customer {'XYZ'[n]}", by, "less", _dates(1)))
            money, missing = money + by * (10.0 + penalty[n]), missing - by
    return Planted(tables, money, tuple(broken), number=len(broken))


def equally_dear(draw: Draw) -> Planted:
    """Five customers at one price: of the ways that cost the same, the one with the fewest of them."""
    owed = draw.integers(1, 9, 5).astype(float)
    missing = _whole(draw, 1, int(owed.sum()))
    tables = line(float(owed.sum()) - missing)
    tables["forecast"] = [asked("A", q, 10, customer=c, committed=q) for c, q in zip("VWXYZ", owed, strict=True)]
    fewest = next(n for n in range(1, 6) if max(map(sum, itertools.combinations(owed, n))) >= missing)
    return Planted(tables, 10 * missing, number=fewest)


def frozen_hours(draw: Draw) -> Planted:
    """The frozen week asks for more hours than there are: B gives two hours back for one broken unit, A one."""
    a, b = _whole(draw, 2, 6), _whole(draw, 3, 7)
    missing = float(draw.integers(1, int(b) + 1))
    tables = line(a + 2 * b - 2 * missing, periods=2) | {
        "forecast": [asked("A", 20, 10, "W2"), asked("B", 20, 16, "W2")]
    }
    broken = (("routing B", missing, "less", _dates(1)),)
    return Planted(tables, FROZEN * missing, broken, settings=FENCE, record=_record(A=a, B=b))


def frozen_material(draw: Draw) -> Planted:
    """The frozen week needs two of R for each A, and R comes too late."""
    made, there = _whole(draw, 5, 10), _whole(draw, 1, 5)
    tables = line(50, periods=2) | {"forecast": [asked("A", 20, 10, "W2")]}
    tables["components"] = [{"routing": "A", "component": "R", "quantity": 2}]
    tables["inventory"] = [{"item": "R", "location": "P", "on_hand": 2 * there}]
    tables["offers"] = [
        {"offer": "R", "supplier": "S", "item": "R", "location": "P", "unit_cost": 1, "lead_time_days": 7}
    ]
    broken = (("routing A", made - there, "less", _dates(1)),)
    return Planted(tables, FROZEN * (made - there), broken, settings=FENCE, record=_record(A=made))


def frozen_minimum(draw: Draw) -> Planted:
    """The frozen run is below the minimum run: it is made larger, or not at all, whichever is nearer."""
    least = _whole(draw, 5, 12)
    made = float(draw.choice([n for n in range(1, int(least)) if 2 * n != least]))
    tables = line(50, periods=2) | {"forecast": [asked("A", 20, 10, "W2")]}
    tables["routings"][0]["minimum"] = least
    by, way = min((least - made, "more"), (made, "less"))
    return Planted(tables, FROZEN * by, (("routing A", by, way, _dates(1)),), settings=FENCE, record=_record(A=made))


def receipts(draw: Draw) -> Planted:
    """A firm receipt is more than the place may hold, until next week's demand takes it."""
    week, sold, most, extra = int(draw.integers(1, 3)), _whole(draw, 0, 5), _whole(draw, 2, 6), _whole(draw, 1, 7)
    tables = line(0, periods=3) | {"forecast": [asked("A", sold, 10, f"W{week}"), asked("A", 50, 10, f"W{week + 1}")]}
    tables["receipts"] = [
        {"receipt": "r", "kind": "make", "item": "A", "location": "P", "quantity": sold + most + extra,
         "due_on": MONDAY + timedelta(days=7 * week - 4)}
    ]  # fmt: skip
    tables["policies"] = [{"item": "A", "location": "P", "maximum_stock": most}]
    return Planted(tables, LAST_RESORT * extra, (("maximum", extra, "more", _dates(week)),))


def room(draw: Draw) -> Planted:
    """A firm receipt needs more room than the place has."""
    volume, units = _whole(draw, 1, 4), _whole(draw, 5, 9)
    extra = _whole(draw, 1, int(volume * units))
    tables = line(0, periods=2) | {"forecast": [asked("A", 50, 10, "W2")]}
    tables["receipts"] = [
        {"receipt": "r", "kind": "make", "item": "A", "location": "P", "quantity": units, "due_on": MONDAY}
    ]
    tables["items"] = [{"item": "A", "volume": volume}, {"item": "B"}]
    tables["locations"] = [{"location": "P", "kind": "plant", "storage_capacity": volume * units - extra}]
    return Planted(tables, LAST_RESORT * extra, (("room", extra, "more", _dates(1)),))


def end_stock(draw: Draw) -> Planted:
    """Owed, and kept at the end, is more than can be made: the end stock is the cheaper to break."""
    hours, owed, extra = _whole(draw, 4, 8), _whole(draw, 1, 4), _whole(draw, 1, 5)
    tables = line(hours, periods=2) | {"forecast": [asked("A", owed, 10, "W2", committed=owed)]}
    tables["items"] = [{"item": "A", "standard_cost": 3}, {"item": "B"}]
    tables["policies"] = [{"item": "A", "location": "P", "end_stock": 2 * hours - owed + extra}]
    return Planted(tables, 3 * extra, (("end of the horizon", extra, "less", _end(2)),))


def end_stock_maximum(draw: Draw) -> Planted:
    """There is more than can be sold or may be left."""
    sold, most, extra = _whole(draw, 1, 6), _whole(draw, 0, 4), _whole(draw, 1, 8)
    tables = line(5, periods=2) | {"forecast": [asked("A", sold, 10, "W1")]}
    tables["items"] = [{"item": "A", "standard_cost": 3}, {"item": "B"}]
    tables["inventory"] = [{"item": "A", "location": "P", "on_hand": sold + most + extra}]
    tables["policies"] = [{"item": "A", "location": "P", "end_stock_maximum": most}]
    return Planted(tables, 3 * extra, (("end of the horizon", extra, "more", _end(2)),))


def minimum_open(draw: Draw) -> Planted:
    """More depots have to be open than can be opened."""
    may, closed = int(draw.integers(1, 4)), int(draw.integers(1, 4))
    extra = int(draw.integers(1, closed + 1))
    tables = line(10) | {"forecast": [asked("A", 5, 10)]}
    depots = [{"location": f"D{n}", "kind": "warehouse", "status": "closed", "group": "depots", "fixed_cost": 5,
               "may_change": "yes" if n < may else "no"} for n in range(may + closed)]  # fmt: skip
    tables["locations"] = [{"location": "P", "kind": "plant"}, *depots]
    tables["location_groups"] = [{"group": "depots", "minimum_open": may + extra}]
    return Planted(tables, LAST_RESORT * extra, (("group depots", extra, "less", _end(1)),))


def firm_crew(draw: Draw) -> Planted:
    """A crew that may neither grow nor shrink cannot make what is owed."""
    heads, per_head, extra = _whole(draw, 1, 4), _whole(draw, 2, 6), _whole(draw, 1, 6)
    owed = heads * per_head + extra
    tables = line(0) | {"forecast": [asked("A", owed, 10, committed=owed)]}
    tables["workforce"] = [
        {"resource": "line", "opening_heads": heads, "hours_per_head": per_head, "cost_per_head": 1, "whole": "yes",
         "minimum_heads": heads, "maximum_heads": heads}
    ]  # fmt: skip
    return Planted(tables, 10 * extra, (("item A", extra, "less", _dates(1)),))


def jobs(draw: Draw) -> Planted:
    """More maintenance jobs than the hours of their window allow; half a job is none."""
    hours, per_job, extra = _whole(draw, 8, 20), _whole(draw, 3, 7), int(draw.integers(1, 4))
    asked_for = int(hours // per_job) + extra
    tables = line(hours, periods=2) | {"forecast": [asked("A", 5, 10, "W2")]}
    tables["maintenance"] = [
        {"maintenance": "M", "resource": "line", "jobs": asked_for, "hours": per_job, "earliest": "W1", "latest": "W1"}
    ]
    return Planted(tables, LAST_RESORT * extra, (("maintenance M", extra, "less", _end(2)),))


def late_supply(draw: Draw) -> Planted:
    """What is ordered today comes next week, and more is owed this week than is there."""
    there, extra = _whole(draw, 0, 5), _whole(draw, 1, 6)
    tables = line(0, periods=2) | {
        "forecast": [asked("C", q, 10, f"W{n}", committed=q) for n, q in ((1, there + extra), (2, 4.0))]
    }
    tables["offers"] = [
        {"offer": "C", "supplier": "S", "item": "C", "location": "P", "unit_cost": 1, "lead_time_days": 7}
    ]
    tables["inventory"] = [{"item": "C", "location": "P", "on_hand": there}]
    return Planted(tables, 10 * extra, (("item C", extra, "less", _dates(1)),))


def lane(draw: Draw) -> Planted:
    """More is owed at the market than the lane carries in a week."""
    most, extra = _whole(draw, 3, 9), _whole(draw, 1, 6)
    tables = line(50, periods=2)
    tables["lanes"] = [{"lane": "PM", "origin": "P", "destination": "M", "maximum": most, "cost_per_unit": 1}]
    tables["forecast"] = [
        {**asked("A", q, 10, f"W{n}", committed=q), "location": "M"} for n, q in ((1, most + extra), (2, most))
    ]
    return Planted(tables, 10 * extra, (("location M", extra, "less", _dates(1)),))


def two_at_once(draw: Draw) -> Planted:
    """Two conflicts that have nothing to do with each other are both named."""
    one, other = downtime(draw), receipts(draw)
    tables = other.tables | {"events": one.tables["events"]}
    for table in ("forecast", "receipts", "policies"):
        tables[table] = [row | {"item": "C"} for row in tables[table]]
    _hours(tables, [one.tables["calendar"][0]["hours"], 0.0, 0.0])
    tables["forecast"] += one.tables["forecast"]
    tables["offers"] = [
        {"offer": "C", "supplier": "S", "item": "C", "location": "P", "unit_cost": 1, "lead_time_days": 28}
    ]
    return Planted(tables, one.money + other.money, (*other.broken, *one.broken), number=2)


KINDS: tuple[Callable[[Draw], Planted], ...] = (
    obligations, one_week, downtime, penalties, equally_dear, frozen_hours, frozen_material, frozen_minimum, receipts, room,
    end_stock, end_stock_maximum, minimum_open, firm_crew, jobs, late_supply, lane, two_at_once,
)  # fmt: skip


@pytest.mark.parametrize(
    "seed", [0, *(pytest.param(n, marks=pytest.mark.slow) for n in range(1, 6))], ids="seed {}".format
)
@pytest.mark.parametrize("kind", KINDS, ids=[kind.__name__ for kind in KINDS])
def test_a_planted_conflict_is_found(tmp_path: Path, kind: Callable[[Draw], Planted], seed: int) -> None:
    planted = kind(np.random.default_rng([seed, KINDS.index(kind)]))
    found = snapshot(tmp_path, planted.settings, **planted.tables)
    blocks = [Stability(planted.record)] if planted.record is not None else []
    with pytest.raises(SolveError, match="cheapest") as refused:
        soe.plan(found, blocks=blocks)
    assert refused.value.status == "infeasible"
    started = time.perf_counter()
    broken = soe.conflict(found, model=soe.Model(found, [*STANDARD, *blocks]))
    assert time.perf_counter() - started <= 10
    assert broken.money == pytest.approx(planted.money, rel=1e-6)
    assert broken.promises.height == planted.number
    for words, by, way, when in planted.broken:
        row = next(
            row for row in broken.promises.iter_rows(named=True) if words in f"{row['promise']} ({row['labels']})"
        )
        assert (row["by"], row["way"], row["when"]) == (pytest.approx(by, rel=1e-6), way, when)
        assert f"{by:,.2f}" in broken.text()
        assert when in broken.text()
