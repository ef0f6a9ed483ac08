"""Splits a change of margin among disruptions: Shapley values over the optima of their subsets."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING, Literal

import numpy as np
import polars as pl

from soe_lib.errors import DataError, ReconciliationError, SolveError
from soe_lib.extract.snapshot import Snapshot
from soe_lib.model.blocks.standard import STANDARD, kept_close
from soe_lib.model.families import Subsets, Trace
from soe_lib.model.model import Model
from soe_lib.model.record import Recorded, of_record
from soe_lib.money.rounding import (
    EXACT,
    as_money,
    first_and_last,
    gray_order,
    largest_remainder,
    sampled,
    shapley,
    strongest_pair,
    whole,
)
from soe_lib.review import words
from soe_lib.whatif.causes import Disruption, grouped
from soe_lib.whatif.causes import disruptions as disruptions

if TYPE_CHECKING:
    from soe_lib.model.terms import Block
    from soe_lib.solver.answer import SolverOptions
    from soe_lib.store.plan import Plan


PAIRS = 50
"""Pairs of orderings to sample where there are too many disruptions for all subsets."""


COLUMNS = {
    "disruption": pl.String, "kind": pl.String, "amount": pl.Int64, "steering": pl.Int64, "alone": pl.Int64,
    "last": pl.Int64, "low": pl.Int64, "high": pl.Int64,
}  # fmt: skip


@dataclass(frozen=True, eq=False, repr=False)
class Attribution:
    """The margin with all disruptions less the margin with none, split among them; favourable is positive.

    Formula: Σ amount = end − start, in whole minor units; the residual is 0 or the attribution does not exist.

    Parameters
    ----------
    start, end : margin of the best plan without any of them, and with all of them, in minor units.
    rows : disruption, kind, amount (its Shapley value), steering (its change of goodwill, expected shortage and the
        like), alone (put in first, before any other), last (put in after all others), low and high (95 % interval,
        null where exact); all in minor units.
    method : "exact" over all subsets, or "sampled".
    optima : re-optimised plans behind the figures. orders : orderings sampled, 0 where exact.
    pair : the two disruptions that change each other's cost most, and by how much in minor units.
    seconds : wall clock. composed : whether programs were composed from differences (see `soe_lib.model.families`).

    Raises ReconciliationError where the rows do not add up.
    """

    start: int
    end: int
    rows: pl.DataFrame
    method: Literal["exact", "sampled"]
    optima: int
    orders: int = 0
    pair: tuple[str, str, int] | None = None
    seconds: float = 0.0
    composed: bool = True
    currency: str = ""
    digits: int = 2

    def __post_init__(self) -> None:
        if self.residual:
            raise ReconciliationError(
                f"the disruptions' shares leave {self.residual} minor units of {self.end - self.start} unexplained"
            )

    @property
    def residual(self) -> int:
        """end − start − Σ amount, in minor units: 0."""
        return self.end - self.start - int(self.rows["amount"].sum())

    def table(self) -> pl.DataFrame:
        """For the meeting, largest loss first: disruption, amount, share of change, alone, last, interval [money]."""
        change = self.end - self.start
        share = pl.col("amount") / change + 0.0 if change else pl.lit(None, dtype=pl.Float64)
        money = [as_money(pl.col(name), self.digits).alias(name) for name in COLUMNS if COLUMNS[name] == pl.Int64]
        shown = self.rows.with_columns(share=share).with_columns(money)
        kept = ["disruption", "kind", "amount", "share", "alone", "last", "low", "high", "steering"]
        return shown.sort("amount", "disruption").select(kept)

    @property
    def why(self) -> str:
        """Why the one-at-a-time figures do not add up to the total, in a sentence."""
        total, alone, last = self.end - self.start, int(self.rows["alone"].sum()), int(self.rows["last"].sum())
        figures = (
            f"Put in one at a time, the disruptions move the margin by {self._money(alone)}; taken out one at a time, "
            f"by {self._money(last)}; together they move it by {self._money(total)}."
        )
        if abs(alone - total) <= self.rows.height and abs(last - total) <= self.rows.height:
            return f"{figures} The figures add up: no two of the disruptions share a limit."
        return f"{figures} They do not add up because the plan's answer to one disruption uses what the answer to " \
            f"another needs, or spares it{self._example()}."  # fmt: skip

    def _example(self) -> str:
        if self.pair is None or not self.pair[2]:
            return ""
        one, other, more = self.pair
        return f": {one} and {other} together move it by {self._money(more)} beyond what they do one by one"

    @property
    def how(self) -> str:
        """How the figures were found, in a sentence."""
        if self.method == "exact":
            return f"Exact Shapley values over all {self.optima:,} re-optimised plans."
        return (
            f"Shapley values estimated from {self.orders:,} orderings ({self.optima:,} re-optimised plans), with 95 % "
            "intervals; the shares add up exactly."
        )

    def _money(self, minor: int) -> str:
        return f"{self.currency} {words.number(minor / 10**self.digits, decimals=self.digits)}".strip()

    def __repr__(self) -> str:
        width = max((len(name) for name in self.rows["disruption"]), default=0)
        lines = [
            f"  {name:<{width}} {amount / 10**self.digits:>16,.{self.digits}f}"
            for name, amount in self.rows.sort("amount").select("disruption", "amount").iter_rows()
        ]
        head = f"Attribution: {self._money(self.start)} → {self._money(self.end)}, residual 0"
        return "\n".join([head, *lines, self.how, self.why])


def attribute(
    snapshot: Snapshot,
    disruptions: Sequence[Disruption],
    *,
    blocks: Sequence[Block] = (),
    record: Recorded = "find",
    options: SolverOptions | None = None,
    pairs: int | None = None,
    seed: int = 0,
    digits: int = 2,
    progress: Callable[[int], None] | None = None,
    pattern: Plan | None = None,
) -> Attribution:
    """Split this week's change of margin among the disruptions, by planning again without them.

    Formula: φ_i = Σ over subsets S without i of |S|! (n − |S| − 1)! / n! · (V(S ∪ i) − V(S)), V(S) the margin of the
    best plan with just the disruptions S. Exact for up to 10 disruptions, sampled beyond, or where `pairs` is given.

    Parameters
    ----------
    snapshot : with all the disruptions. disruptions : see `disruptions(before, now)` and Disruption.
    blocks, record, options : as for `soe.plan`.
    pairs : pairs of orderings to sample, in place of all subsets. seed : of the sample.
    digits : decimals of the currency. progress : called with the number of re-optimised plans so far.
    pattern : this week's plan, whose set-ups are tried first under a time budget.

    Raises DataError for no disruption, two of one name, or one that changes nothing; SolveError, naming the subset,
    where there is no proven plan.

    Examples
    --------
    >>> split = soe.whatif.attribute(down, [soe.whatif.Disruption.event(down["events"]["event"].item())])
    >>> split.table()["amount"].to_list()
    [-60.0]
    """
    started = perf_counter()
    names = [one.name for one in disruptions]
    if not names:
        raise DataError("There is no disruption to attribute anything to.")
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise DataError(f"Two disruptions are called {twice[0]!r}. Rename one of them.")
    again = Replanning(
        snapshot, disruptions, blocks=blocks, record=of_record(snapshot, record), options=options, progress=progress,
        pattern=pattern,
    )  # fmt: skip
    exact = pairs is None and len(names) <= EXACT
    found = _exact(again, digits) if exact else _sampled(again, pairs or PAIRS, seed, digits)
    start, end = (int(whole(again.at(mask)[0] * 10**digits)[0]) for mask in (0, again.everything))
    amounts = largest_remainder(found.margin, end - start)
    steering = largest_remainder(found.objective - found.margin)
    edges = [[None] * len(names)] * 2 if exact else [whole(found.margin + side * found.half) for side in (-1, 1)]
    kinds = [one.kind for one in disruptions]
    rows = pl.DataFrame(
        [names, kinds, amounts, steering, whole(found.alone), whole(found.last), *edges], schema=COLUMNS
    )
    pair = found.pair and (names[found.pair[0]], names[found.pair[1]], int(whole(found.pair[2])[0]))
    return Attribution(
        start, end, rows, "exact" if exact else "sampled", len(again.found), found.orders, pair,
        perf_counter() - started, again.composed, snapshot.currency, digits,
    )  # fmt: skip


def why_moved(
    before: Snapshot | None,
    now: Snapshot,
    *,
    most: int = EXACT,
    record: Recorded = "find",
    options: SolverOptions | None = None,
    plan: Plan | None = None,
) -> Attribution | str:
    """This week's change of margin, split among what happened since last week; or a sentence why it cannot be split.

    Parameters
    ----------
    before, now : the company's last two extracts. most : disruptions listed separately, see `grouped`.
    record, options : as for `soe.plan`. plan : this week's, whose set-ups are tried first under a time budget.

    Examples
    --------
    >>> soe.whatif.why_moved(None, small)
    'There is no earlier extract: nobody can say what has changed.'
    """
    if before is None:
        return "There is no earlier extract: nobody can say what has changed."
    found = grouped(disruptions(before, now), most)
    if not found:
        return "Nothing has changed since the earlier extract that moves the margin."
    try:
        return attribute(now, found, record=record, options=options, pattern=plan)
    except SolveError as error:
        return f"The margin cannot be split among the disruptions. {error}"


@dataclass(frozen=True, eq=False)
class _Found:
    """Shapley values of margin and objective, and the figures beside them, in minor units."""

    margin: np.ndarray
    objective: np.ndarray
    alone: np.ndarray
    last: np.ndarray
    half: np.ndarray
    orders: int
    pair: tuple[int, int, float] | None


def _exact(again: Replanning, digits: int) -> _Found:
    margin, objective = np.array(again.every()).T * 10**digits
    alone, last = first_and_last(margin)
    return _Found(shapley(margin), shapley(objective), alone, last, np.zeros(alone.size), 0, strongest_pair(margin))


def _sampled(again: Replanning, pairs: int, seed: int, digits: int) -> _Found:
    count, scale = len(again.disruptions), 10**digits
    margin = sampled(lambda mask: again.at(mask)[0] * scale, count, pairs=pairs, seed=seed)
    objective = sampled(lambda mask: again.at(mask)[1] * scale, count, pairs=pairs, seed=seed)
    none, everything = again.at(0)[0], again.at(again.everything)[0]
    alone = np.array([again.at(1 << place)[0] - none for place in range(count)]) * scale
    last = np.array([everything - again.at(again.everything ^ 1 << place)[0] for place in range(count)]) * scale
    return _Found(margin.mean, objective.mean, alone, last, margin.half, margin.orders, None)


Optimum = tuple[float, float]
"""Margin, and objective (margin + steering), of a re-optimised plan [money]."""


class Replanning:
    """The value of the best plan under any subset of disruptions, cached by mask (bit i set: disruption i is included).

    Parameters
    ----------
    snapshot : with all of them. blocks, record, options : as for `soe.plan`.
    progress : called with the number of optima so far. pattern : plan whose set-ups are tried first under a time
        budget.

    Attributes
    ----------
    found : mask → optimum. cheapest : disruptions by the solver steps that each takes, fewest first.
    composed : whether programs are composed from their differences, rather than assembled for each subset.
    """

    def __init__(
        self,
        snapshot: Snapshot,
        disruptions: Sequence[Disruption],
        *,
        blocks: Sequence[Block] = (),
        record: Plan | None = None,
        options: SolverOptions | None = None,
        progress: Callable[[int], None] | None = None,
        pattern: Plan | None = None,
    ) -> None:
        self.snapshot, self.disruptions = snapshot, tuple(disruptions)
        self.blocks, self.record, self.options, self.progress = tuple(blocks), record, options, progress
        self.pattern = pattern
        self.everything = (1 << len(disruptions)) - 1
        self.found: dict[int, Optimum] = {}
        self.own = (*STANDARD, *kept_close(self.record), *self.blocks)
        self.whole: Model | None = None
        self.whole = whole = self._model(self.everything)
        self.subsets: Subsets | None = None
        if "service" not in whole.constraints and not whole.program.integer.any():
            self.subsets = Subsets(self._model, len(disruptions), whole)
        self.composed = self.subsets is not None and self.subsets.simple
        self._trace: Trace | None = None
        self.cheapest = self._by_steps() if self.composed else list(range(len(disruptions)))

    def every(self) -> list[Optimum]:
        """The optimum of every subset, by mask, solved in an order in which neighbours differ by one disruption."""
        for mask in gray_order(len(self.disruptions), self.cheapest):
            self.at(mask)
        return [self.found[mask] for mask in range(self.everything + 1)]

    def at(self, mask: int) -> Optimum:
        """The optimum with just these disruptions.

        Raises SolveError, naming them, where there is no proven plan.
        """
        if mask not in self.found:
            try:
                self.found[mask] = self._traced(mask)[0] if self.composed else self._planned(mask)
            except SolveError as error:
                raise SolveError(f"With {self.said(mask)} there is no plan: {error}", status=error.status) from error
            if self.progress:
                self.progress(len(self.found))
        return self.found[mask]

    def said(self, mask: int) -> str:
        """The names of the disruptions in a mask."""
        names = [one.name for place, one in enumerate(self.disruptions) if mask >> place & 1]
        return " and ".join(names) if names else "none of the disruptions"

    def snapshot_with(self, mask: int) -> Snapshot:
        """The snapshot with just these disruptions; the others are taken out in the order given."""
        snapshot = self.snapshot
        for place, disruption in enumerate(self.disruptions):
            if not mask >> place & 1:
                before, snapshot = snapshot, disruption.without(snapshot)
                if all(snapshot.tables[name] is table for name, table in before.tables.items()):
                    raise DataError(f"Taking out {disruption.name!r} changes nothing: correct it, or leave it out.")
        return snapshot

    def _model(self, mask: int) -> Model:
        snapshot = self.snapshot_with(mask)
        return Model(snapshot, self.own, near=self.whole, pattern=self.pattern)

    def _planned(self, mask: int) -> Optimum:
        plan = self._model(mask).solve(self.options)
        return plan.margin, plan.objective

    def _traced(self, mask: int) -> tuple[Optimum, int]:
        assert self.subsets is not None, "programs are composed"
        vector = self.subsets.at(mask)
        if self._trace is None:
            self._trace = Trace(self.subsets.common, vector, self.options)
        reached = self._trace.at(vector)
        return (reached.margin, reached.objective), reached.iterations

    def _by_steps(self) -> list[int]:
        """The disruptions by the solver steps that taking out each one takes, fewest first."""
        mask, steps = self.everything, []
        self.at(mask)
        for place in range(len(self.disruptions)):
            mask ^= 1 << place
            self.found[mask], taken = self._traced(mask)
            steps.append(taken)
        return sorted(range(len(steps)), key=lambda place: steps[place])
