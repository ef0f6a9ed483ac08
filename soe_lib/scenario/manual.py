"""What every hand on the plan costs each week: overrides and locks, the fence, and the priorities of customers."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import TYPE_CHECKING, Any

import polars as pl

from soe_lib.errors import SoeError
from soe_lib.extract.snapshot import Snapshot
from soe_lib.model.blocks.force import lock_of
from soe_lib.review.options import MANUAL
from soe_lib.scenario import measures
from soe_lib.scenario.scenario import Scenario

if TYPE_CHECKING:
    from soe_lib.model.living import Living


def price_manual(living: Living) -> pl.DataFrame:
    """What each override, the fence and the rule of priorities cost, each taken away alone.

    Formula: money = (margin + steering of the plan without it) − (margin + steering of the plan); 0 where it binds
    nothing. What the fence costs leaves its own prices of a change out: they are no money.

    Parameters
    ----------
    living : this week's living model.

    Returns
    -------
    the columns of `soe_lib.review.options.MANUAL`.
    """
    snapshot = living.home.snapshot
    rows = [_priced(living, one, scenario) for one, scenario in _hands(snapshot, fenced=living.record is not None)]
    return pl.DataFrame(rows, schema=MANUAL, orient="row").sort(["money", "name"], descending=[True, False])


def _hands(snapshot: Snapshot, *, fenced: bool) -> Iterator[tuple[dict[str, Any], Scenario | None]]:
    for row in snapshot["overrides"].sort("override").iter_rows(named=True):
        told = {name: row[name] or "" for name in ("by", "why")}
        who = {"kind": "override", "name": row["override"], "what": row["what"], "until": row["until"], **told}
        ended = isinstance(row["until"], date) and row["until"] < snapshot.as_of
        free = Scenario(f"without {row['override']}").drop("overrides", override=row["override"])
        yield who, None if ended or lock_of(row) is None else free
    fence, aim = snapshot.settings.fence, snapshot.settings.objective
    if fenced and max(fence.frozen_days, fence.slushy_days):
        what = f"{fence.frozen_days} days frozen, {fence.slushy_days} days slushy"
        free = Scenario("without the fence").set("settings.fence.frozen_days", 0).set("settings.fence.slushy_days", 0)
        yield {"kind": "fence", "name": "The fence", "what": what}, free
    if aim.allocation not in ("", "margin"):
        what = f"scarce supply goes by {aim.allocation}, not by what it earns"
        free = Scenario("by margin").set("settings.objective.allocation", "margin")
        yield {"kind": "priority", "name": "Allocation", "what": what}, free


def _priced(living: Living, told: dict[str, Any], free: Scenario | None) -> dict[str, Any]:
    row = {name: told.get(name) for name in MANUAL} | {"note": ""}
    if free is None:
        return row | {"note": "It binds nothing: it has ended, or is not written as a lock."}
    try:
        other = living.plan(free.apply(living.home.snapshot), name=free.name)
    except SoeError as error:
        return row | {"note": f"Not priced: {str(error).splitlines()[0]}"}
    margin = other.margin - living.base.margin
    steering = measures.steering(other, living.base, fenced=not free.moves_fence)
    return row | {"money": margin + sum(steering.values()), "margin": margin}
