"""Where a session ended is a start for a program with more rows, by the names of its parts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import polars as pl

from soe_lib.model.blocks.sell import Commitments
from soe_lib.model.blocks.standard import STANDARD
from soe_lib.model.planning import Model
from soe_lib.solver.session import Session
from tests.unit.workbench.companies import network


def test_a_new_row_starts_with_slack_and_nothing_is_left_to_do(tmp_path: Path) -> None:
    snapshot = network(tmp_path)
    session = Session(Model(snapshot).program)
    first = session.solve()
    floors = pl.DataFrame({"commitment": ["fine"], "floor": [0.0]})
    items = pl.DataFrame({"commitment": ["fine"], "item": ["Flour"], "share": [1.0]})
    block = Commitments(floors, items.join(snapshot.periods.select("period"), how="cross"))
    wider = Model(snapshot, (*STANDARD, block)).program
    hot, cold = Session(wider, start=session.start).solve(), Session(wider).solve()
    assert abs(hot.objective - first.objective) < 1e-6
    assert hot.iterations == 0 < cold.iterations


def test_parts_of_another_size_are_not_guessed_at(tmp_path: Path) -> None:
    program = Model(network(tmp_path)).program
    start = Session(program).start
    name = next(iter(program.rows))
    shorter = slice(program.rows[name].start, program.rows[name].stop - 1)
    assert start.carried(replace(program, rows={**program.rows, name: shorter})) is None
