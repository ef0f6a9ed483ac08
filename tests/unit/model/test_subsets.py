"""Programs composed from differences are the programs assembled, and the trace finds the optima of cold solves."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from soe_lib.errors import SolveError
from soe_lib.extract.snapshot import Snapshot
from soe_lib.model.families import Subsets, Trace, together
from soe_lib.model.planning import Model
from tests.networks import MONDAY, snapshot, weeks
from tests.unit.workbench.companies import network


def week(number: int) -> tuple[date, date]:
    return MONDAY + timedelta(days=7 * number - 7), MONDAY + timedelta(days=7 * number - 1)


def happening(event: str, kind: str, target: str, weeks_of: tuple[int, int], **columns: object) -> dict[str, object]:
    first, last = week(weeks_of[0])[0], week(weeks_of[1])[1]
    return {"event": event, "kind": kind, "target": target, "from": first, "to": last, **columns}


EVENTS = [
    happening("down", "downtime", "north", (2, 2), hours=40.0),
    happening("more", "surge", "Flour", (2, 4), factor=1.4),
    happening("late", "delay", "Odesa", (1, 3), days=7.0),
    happening("dear", "price", "grain", (1, 6), factor=1.3),
]


def with_events(base: Snapshot, events: list[dict[str, object]], mask: int) -> Snapshot:
    rows = [{"note": "", **event} for place, event in enumerate(events) if mask >> place & 1]
    return base.replace(events=pl.concat([base["events"].clear(), *(_event(base, row) for row in rows)]))


def _event(base: Snapshot, row: dict[str, object]) -> pl.DataFrame:
    return pl.DataFrame([{name: row.get(name) for name in base["events"].columns}], schema=base["events"].schema)


def subsets_of(base: Snapshot, events: list[dict[str, object]]) -> Subsets:
    return Subsets(lambda mask: Model(with_events(base, events, mask)), len(events))


def test_every_composed_program_has_the_optimum_of_the_assembled_one(tmp_path: Path) -> None:
    base = network(tmp_path)
    subsets = subsets_of(base, EVENTS)
    trace = Trace(subsets.common, subsets.at(0))
    seen = set()
    for mask in (5, 0, 15, 3, 12, 10, 7, 8, 1):
        reached = trace.at(subsets.at(mask))
        plan = Model(with_events(base, EVENTS, mask)).solve()
        assert reached.objective == pytest.approx(plan.objective, abs=1e-6)
        assert reached.margin == pytest.approx(plan.margin, abs=1e-6)
        seen.add(round(reached.objective, 4))
    assert len(seen) > 5, "events that change nothing prove nothing"


def test_changes_that_do_not_meet_are_assembled_once_each(tmp_path: Path) -> None:
    subsets = subsets_of(network(tmp_path), EVENTS)
    assert subsets.groups == ((0,), (1,), (2,), (3,))
    assert subsets.assembled <= 2 + 4 + 1, "none, all, four alone, and the pair that touches one number"


def test_changes_that_multiply_are_one_group(tmp_path: Path) -> None:
    # Flour × 1.4 and Fine (which is Flour) × 1.5 make 2.1, not 1.9: they are assembled together.
    events = [*EVENTS[:2], happening("family", "surge", "Fine", (3, 5), factor=1.5)]
    base = network(tmp_path)
    subsets = subsets_of(base, events)
    assert subsets.groups == ((0,), (1, 2))
    trace = Trace(subsets.common, subsets.at(0))
    for mask in range(8):
        assert trace.at(subsets.at(mask)).objective == pytest.approx(
            Model(with_events(base, events, mask)).solve().objective, abs=1e-6
        )


def test_hours_that_run_out_are_one_group(tmp_path: Path) -> None:
    # 60 hours less 40 less 50 are 0, not −30
    events = [EVENTS[0], happening("again", "downtime", "north", (2, 2), hours=50.0)]
    subsets = subsets_of(network(tmp_path), events)
    assert subsets.groups == ((0, 1),)


def test_cells_that_only_one_program_has_are_held_at_nothing_in_the_other(tmp_path: Path) -> None:
    tables = {
        "periods": weeks(2),
        "offers": [
            {"offer": "O", "supplier": "S", "item": "A", "location": "P", "unit_cost": 1},
            {"offer": "P", "supplier": "S", "item": "A", "location": "P", "unit_cost": 3},
        ],
        "forecast": [{"item": "A", "location": "P", "customer": "", "period": "W1", "quantity": 4, "price": 10}],
    }
    both = snapshot(tmp_path, **tables)
    dear = both.replace(offers=both["offers"].filter(pl.col("offer") == "P"))
    more = both.replace(forecast=pl.concat([both["forecast"], both["forecast"].with_columns(period=pl.lit("W2"))]))
    common, vectors = together([Model(one) for one in (both, dear, more)])
    trace = Trace(common, vectors[0])
    # 4 × (10 − 1), 4 × (10 − 3), and twice the first
    assert [trace.at(vector).margin for vector in vectors] == pytest.approx([36, 28, 72])


def test_a_program_without_a_plan_is_said_to_have_none(tmp_path: Path) -> None:
    subsets = subsets_of(network(tmp_path), EVENTS)
    trace, vector = Trace(subsets.common, subsets.at(0)), subsets.at(0)
    broken = vector.copy()
    broken[subsets.common.parts["row_upper"]] = -1.0
    with pytest.raises(SolveError, match="infeasible"):
        trace.at(broken)
    assert np.isfinite(trace.at(vector).objective), "and the trace goes on"
