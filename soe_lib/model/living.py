"""A model with an open solver session: a small change of the snapshot is solved from a warm start."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from soe_lib.extract.snapshot import Snapshot, expected
from soe_lib.model.blocks.standard import STANDARD, kept_close
from soe_lib.model.extra import Extra, with_extra
from soe_lib.model.model import Model
from soe_lib.model.record import Recorded, of_record, shared
from soe_lib.model.terms import Block
from soe_lib.solver.answer import SolverOptions
from soe_lib.solver.session import Session
from soe_lib.solver.warm_start import Start
from soe_lib.store.plan import Plan


class Living:
    """Plans one snapshot after another, similar ones from a warm start, each certified like any plan.

    Parameters
    ----------
    snapshot : the one to start from.
    blocks : planning ideas of your own, beside the standard ones.
    extra : constraints and terms of your own in CVXPY, as for `soe.plan`; plans with convex ones are solved cold.
    record : plan of record that the fence of settings.toml keeps to; left out: as for `soe.plan`.
    options : limits of the solver.
    start : end of a session of the base, in this process or another; left out, the base is solved here.
    results : folder that the pages of one pack share. In a pack with a time budget, a base with whole numbers is the
        plan that the balance page saves there, so that all pages show the same plan.

    Examples
    --------
    >>> living = soe.Living(small)
    >>> more = soe.Scenario("ten hours more").add_to("calendar.hours", 10.0).apply(small)
    >>> living.plan(more).margin - living.base.margin
    60.0
    """

    def __init__(
        self,
        snapshot: Snapshot,
        *,
        blocks: Block | Sequence[Block] = (),
        extra: Extra | None = None,
        record: Recorded = "find",
        options: SolverOptions | None = None,
        start: Start | None = None,
        results: str | Path = "",
    ) -> None:
        self.own, self.record = with_extra(blocks, extra), of_record(expected(snapshot, "soe.Living"), record)
        self.beside = (*kept_close(self.record), *self.own)
        self.blocks = (*STANDARD, *self.beside)
        self.options = options
        model = Model(snapshot, self.blocks)
        left = shared(snapshot, results) if model.whole else None
        if left is not None:
            model.keep_pattern(left)
        if not model.convex:
            model = model.staged(options)
        self.model = self.home = model
        self.session = Session(model.program, options, unique=True, start=start)
        if model.convex:
            self.base = model.solve(options)
            return
        answer = self.session.solve()
        if left is not None:
            answer = answer.within(float(left.solution["bound"]))
        self.base = model.plan_of(answer, name="this week's plan")
        model.keep_pattern(self.base)
        self.restart()

    def plan(self, snapshot: Snapshot, *, name: str = "scenario") -> Plan:
        """The certified plan of another snapshot; raises SolveError where it has no proven answer."""
        # Start from the base or the last trial, whichever shares more tables: mostly the base.
        near = min(self.model, self.home, key=lambda model: _other_tables(model.snapshot, snapshot))
        self.model = model = Model(snapshot, self.blocks, near=near)
        if model.convex:
            return model.solve(self.options, name=name)
        self.model = model = model.staged(self.options)
        return model.plan_of(self.session.solve(model.program), name=name)

    def restart(self) -> None:
        """Return to the end of the base's solve in a fresh solver that is set up for warm starts."""
        self.model = self.home
        if not self.home.convex:
            self.session.restart()


def _other_tables(one: Snapshot, other: Snapshot) -> int:
    """How many tables two snapshots do not share."""
    return sum(frame is not one.tables.get(name) for name, frame in other.tables.items())
