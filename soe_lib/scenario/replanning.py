"""The optimum of every subset of disruptions: composed and walked where that is possible, else planned one by one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from soe_lib.errors import DataError, SolveError
from soe_lib.extract.snapshot import Snapshot
from soe_lib.model.blocks import STANDARD, kept_close
from soe_lib.model.model import Model
from soe_lib.model.subsets import Subsets
from soe_lib.model.walk import Walk
from soe_lib.money.shapley import gray_order
from soe_lib.scenario.disruptions import Disruption

if TYPE_CHECKING:
    from soe_lib.model.plan import Plan
    from soe_lib.model.solve import Options
    from soe_lib.model.terms import Block

Optimum = tuple[float, float]
"""Margin, and objective (margin + steering), of a re-optimised plan [money]."""


class Replanning:
    """What the best plan is worth under any subset of disruptions, remembered by mask (bit i: disruption i is there).

    Parameters
    ----------
    snapshot : with all of them. blocks, record, options : as for `soe.plan`.
    progress : called with the number of optima so far. pattern : plan whose set-ups are kept first in a time budget.

    Attributes
    ----------
    found : mask → optimum. cheapest : disruptions, those first that the solver takes in with the fewest steps.
    composed : whether programs are composed from their differences, rather than assembled for each subset.
    """

    def __init__(
        self,
        snapshot: Snapshot,
        disruptions: Sequence[Disruption],
        *,
        blocks: Sequence[Block] = (),
        record: Plan | None = None,
        options: Options | None = None,
        progress: Callable[[int], None] | None = None,
        pattern: Plan | None = None,
    ) -> None:
        self.snapshot, self.disruptions = snapshot, tuple(disruptions)
        self.blocks, self.record, self.options, self.progress = tuple(blocks), record, options, progress
        self.pattern = pattern
        self.everything = (1 << len(disruptions)) - 1
        self.found: dict[int, Optimum] = {}
        whole = self._model(self.everything)
        self.subsets: Subsets | None = None
        if "service" not in whole.balances and not whole.program.integer.any():
            self.subsets = Subsets(self._model, len(disruptions), whole)
        self.composed = self.subsets is not None and self.subsets.simple
        self._walk: Walk | None = None
        self.cheapest = self._by_steps() if self.composed else list(range(len(disruptions)))

    def every(self) -> list[Optimum]:
        """The optimum of every subset, by mask, walked in an order in which neighbours differ by one disruption."""
        for mask in gray_order(len(self.disruptions), self.cheapest):
            self.at(mask)
        return [self.found[mask] for mask in range(self.everything + 1)]

    def at(self, mask: int) -> Optimum:
        """The optimum with just these disruptions.

        Raises SolveError, naming them, where there is no proven plan.
        """
        if mask not in self.found:
            try:
                self.found[mask] = self._walked(mask)[0] if self.composed else self._planned(mask)
            except SolveError as error:
                raise SolveError(f"With {self.said(mask)} there is no plan: {error}", status=error.status) from error
            if self.progress:
                self.progress(len(self.found))
        return self.found[mask]

    def said(self, mask: int) -> str:
        """Which disruptions a mask stands for."""
        names = [one.name for place, one in enumerate(self.disruptions) if mask >> place & 1]
        return " and ".join(names) if names else "none of the disruptions"

    def snapshot_with(self, mask: int) -> Snapshot:
        """The snapshot with just these disruptions; the others are taken out in the order given."""
        snapshot = self.snapshot
        for place, disruption in enumerate(self.disruptions):
            if not mask >> place & 1:
                before, snapshot = snapshot, disruption.without(snapshot)
                if all(snapshot.tables[name] is table for name, table in before.tables.items()):
                    raise DataError(
                        f"Taking out {disruption.name!r} changes nothing: say what it changed, or leave it out."
                    )
        return snapshot

    def _model(self, mask: int) -> Model:
        snapshot = self.snapshot_with(mask)
        return Model(snapshot, (*STANDARD, *kept_close(self.record), *self.blocks), pattern=self.pattern)

    def _planned(self, mask: int) -> Optimum:
        plan = self._model(mask).solve(self.options)
        return plan.margin, plan.objective

    def _walked(self, mask: int) -> tuple[Optimum, int]:
        assert self.subsets is not None, "asked only where programs are composed"
        vector = self.subsets.at(mask)
        if self._walk is None:
            self._walk = Walk(self.subsets.common, vector, self.options)
        reached = self._walk.at(vector)
        return (reached.margin, reached.objective), reached.iterations

    def _by_steps(self) -> list[int]:
        """Taken out one after the other: how many steps of the solver each takes is how dear it is to change."""
        mask, steps = self.everything, []
        self.at(mask)
        for place in range(len(self.disruptions)):
            mask ^= 1 << place
            self.found[mask], taken = self._walked(mask)
            steps.append(taken)
        return sorted(range(len(steps)), key=lambda place: steps[place])
