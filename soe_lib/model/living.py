"""A living model: one solver kept alive, so that a small change of the snapshot is answered from the last basis."""

from __future__ import annotations

from collections.abc import Sequence

from soe_lib.extract.snapshot import Snapshot
from soe_lib.model.blocks import STANDARD, kept_close
from soe_lib.model.model import Model
from soe_lib.model.plan import Plan
from soe_lib.model.solve import Gate, Options, distance
from soe_lib.model.terms import Block


class Living:
    """Answers one snapshot after another; near ones hot, far ones cold, each certified like any plan.

    Parameters
    ----------
    snapshot : the one to start from.
    blocks : planning ideas of your own, beside the standard ones.
    record : plan of record that the fence of settings.toml keeps to.
    options : limits of the solver.
    """

    def __init__(
        self,
        snapshot: Snapshot,
        *,
        blocks: Sequence[Block] = (),
        record: Plan | None = None,
        options: Options | None = None,
    ) -> None:
        self.own, self.record = tuple(blocks), record
        self.extra = (*kept_close(snapshot, record), *blocks)
        self.blocks = (*STANDARD, *self.extra)
        self.options = options
        model = Model(snapshot, self.blocks).staged(options)
        self.gate = Gate(model.canonical, options)
        self.model = self.home = model
        self.base = self._answer(model, "this week's plan")
        self.basis, self.won = self.gate.basis, self.gate.won

    def plan(self, snapshot: Snapshot, *, name: str = "scenario") -> Plan:
        """The certified plan of another snapshot; raises SolveError where it has no proven answer."""
        self.model = model = Model(snapshot, self.blocks, near=self.model).staged(self.options)
        # A trial is mostly nearer to the base than to the trial before it: start from whichever is.
        if distance(self.home.canonical, model.canonical) < distance(self.gate.canonical, model.canonical):
            self.gate = Gate(model.canonical, self.options).start_from(self.basis, self.won)
        else:
            self.gate = self.gate.move(model.canonical)
        try:
            return self._answer(model, name)
        finally:
            model.forget()

    def _answer(self, model: Model, name: str) -> Plan:
        return model.plan_of(self.gate.answer(model.weights), name=name)
