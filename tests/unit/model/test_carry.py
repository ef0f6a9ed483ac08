"""A basis carried over by labels to a program with more rows."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import polars as pl

from soe_lib.model.blocks.sell import Commitments
from soe_lib.model.blocks.standard import STANDARD
from soe_lib.model.model import Model
from soe_lib.solver.session import Gate
from soe_lib.solver.warm_start import carried
from tests.unit.workbench.companies import network


def test_a_new_row_starts_with_slack_and_nothing_is_left_to_do(tmp_path: Path) -> None:
    snapshot = network(tmp_path)
    model = Model(snapshot)
    gate = Gate(model.canonical)
    first = gate.answer()
    floors = pl.DataFrame({"commitment": ["fine"], "floor": [0.0]})
    items = pl.DataFrame({"commitment": ["fine"], "item": ["Flour"], "share": [1.0]})
    block = Commitments(floors, items.join(snapshot.periods.select("period"), how="cross"))
    wider = Model(snapshot, (*STANDARD, block)).canonical
    basis = carried(gate.basis, model.canonical, wider)
    assert basis is not None
    hot, cold = Gate(wider).start_from(basis).answer(), Gate(wider).answer()
    assert abs(hot.objective - first.objective) < 1e-6
    assert hot.iterations == 0 < cold.iterations


def test_parts_of_another_size_are_not_guessed_at(tmp_path: Path) -> None:
    canonical = Model(network(tmp_path)).canonical
    gate = Gate(canonical)
    gate.answer()
    name = next(iter(canonical.rows))
    shorter = slice(canonical.rows[name].start, canonical.rows[name].stop - 1)
    assert carried(gate.basis, canonical, replace(canonical, rows={**canonical.rows, name: shorter})) is None
