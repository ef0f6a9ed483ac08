"""The demo company: an invented maker of household care, in as many consecutive weekly extracts as asked for."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any, Literal, get_args

from soe_lib.errors import DataError
from soe_lib.extract.demo import catalogue, network_tables
from soe_lib.extract.demo.commitments import CAPITAL_RATE
from soe_lib.extract.demo.company import Size
from soe_lib.extract.demo.tables import VERSION, extract
from soe_lib.extract.demo.world import invent
from soe_lib.extract.demo.write import write

Shape = Literal["company", "plain", "bom"]
LAST = date(2026, 11, 16)
TOLERANCE = (0.05, 0.05, 0.06, 0.06)
NOTES = (
    "The company and everything in it is invented; the figures come from a seeded generator.",
    "Late cost is booked as cash; short cost is goodwill and steers the plan only.",
)


def generate(
    folder: Path,
    weeks: int = 3,
    items: int = 24,
    seed: int = 7,
    *,
    last: date = LAST,
    plants: int = 2,
    lines: int = 3,
    warehouses: int = 3,
    customer_classes: int = 3,
    shape: Shape = "company",
    horizon_weeks: int | None = None,
    horizon_daily: int | None = None,
) -> list[Path]:
    """Write `weeks` consecutive weekly extracts of an invented company; returns their folders, oldest first.

    The same arguments give the same bytes. Shape "company" is a company one believes, and its last week tells a story:
    a line down, a container late, a promotion that nobody forecast, a family drifting away from its S&OP commitment.
    Shapes "plain" and "bom" are networks to measure with: half of the plants make each item, each on two lines, and
    ship it everywhere, and demand has a season; "bom" adds a two-level bill of material and lead times.

    Parameters
    ----------
    folder : the company's folder; each extract is a folder in it, named by its as-of date.
    weeks : number of extracts, Mondays, the last one on `last`.
    items, plants, lines, warehouses, customer_classes : size; `lines` per plant.
    seed : whole number, 0 or more, from which every figure follows.
    last : the last as-of date, a Monday.
    horizon_weeks, horizon_daily : length of the planning horizon [weeks] and of its daily part [days];
        13 and 14 for a company, 12 and 7 (18 periods) for a network.

    Raises
    ------
    DataError : a size below 1, a `last` that is no Monday, a shape or seed that does not exist.
    """
    _check(weeks=weeks, seed=seed, last=last, shape=shape)
    size = Size(items, plants, lines, warehouses, customer_classes)
    company = shape == "company"
    length = horizon_weeks or (13 if company else 12)
    daily = horizon_daily if horizon_daily is not None else (14 if company else 7)
    if not company:
        deep, horizon = shape == "bom", (length, daily)
        return network_tables.write_all(folder, size, weeks=weeks, seed=seed, last=last, deep=deep, horizon=horizon)
    history = max(weeks, 12) + 12
    world = invent(size, last=last, history=history, ahead=max(length + 2, 19), seed=seed)
    mondays = [(at, world.demand.timeline.monday(at)) for at in range(history - weeks + 1, history + 1)]
    return [
        write(folder / str(as_of), extract(world, at, horizon_weeks=length), _settings(as_of, size, length, daily))
        for at, as_of in mondays
    ]


def _check(*, weeks: int, seed: int, last: date, shape: str) -> None:
    if weeks < 1:
        raise DataError(f"{weeks} weekly extracts were asked for: ask for 1 or more.")
    if seed < 0:
        raise DataError(f"The seed {seed} is negative: use a whole number of 0 or more.")
    if last.weekday() != 0:
        raise DataError(f"{last} is a {last:%A}: extracts of the demo company are made on Mondays.")
    if shape not in get_args(Shape):
        raise DataError(f"There is no shape {shape!r}: choose one of {', '.join(get_args(Shape))}.")


def _settings(as_of: date, size: Size, weeks: int, daily: int) -> dict[str, Any]:
    families = catalogue.FAMILIES["family"].head(size.families)
    return {
        "company": catalogue.COMPANY,
        "currency": catalogue.CURRENCY,
        "as_of": as_of,
        "assumptions": list(NOTES),
        "horizon": {"weeks": weeks, "daily": daily},
        "costs": {"per": "week", "holding_on": "closing", "capital_rate": CAPITAL_RATE},
        "lead_time": {"dispatch": "spread"},
        "calendar": {"fiscal": "months", "working_days": ["Mon", "Tue", "Wed", "Thu", "Fri"]},
        "forecast": {"version": VERSION},
        "terms": {"receivable_days": 45, "payable_days": 30},
        "tolerance": dict(zip(families, TOLERANCE, strict=False)),
    }
