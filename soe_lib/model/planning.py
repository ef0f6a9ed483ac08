"""Public entry points: a plan, its model, and the conflict where no plan is feasible."""

from __future__ import annotations

from collections.abc import Sequence

from soe_lib.extract.snapshot import Snapshot, expected
from soe_lib.model import model as base
from soe_lib.model.blocks.standard import STANDARD, kept_close
from soe_lib.model.conflict import Conflict, conflict_of
from soe_lib.model.extra import Extra, with_extra
from soe_lib.model.record import Recorded, of_record
from soe_lib.model.solve import solved
from soe_lib.model.terms import Block
from soe_lib.solver.answer import SolverOptions
from soe_lib.store.plan import Plan


def plan(
    snapshot: Snapshot,
    *,
    blocks: Block | Sequence[Block] = (),
    extra: Extra | None = None,
    record: Recorded = "find",
    options: SolverOptions | None = None,
    name: str = "this week's plan",
) -> Plan:
    """The plan worth most money, certified.

    Parameters
    ----------
    snapshot : what was known on the as-of date.
    blocks : planning ideas of your own, one or several, beside the standard ones.
    extra : constraints and terms of your own in CVXPY, over labelled quantities:
        `lambda v: [cp.sum(v["make"].where(family="Laundry", period="2026-W48")) <= 14_000]`. Piecewise linear ones go
        to HiGHS, other convex ones to Clarabel; a term is money to maximise, booked as steering under its name.
    record : plan of record that the frozen fence and the slushy zone of settings.toml keep to; left out, the one that
        the weekly pack compares with (`plan_of_record`); None: none.
    options : limits of the solver.

    Raises SolveError where there is no proven answer (infeasible, unbounded, out of time), FormulationError where
    `extra` is not convex or selects nothing, ReconciliationError where the ledger does not add up to the solver's
    optimum.

    Examples
    --------
    >>> soe.plan(small).margin
    840.0
    >>> soe.plan(small, extra=lambda v: [v["ship"].where(mode="truck").sum() <= 150.0]).margin
    790.0
    """
    own = with_extra(blocks, extra)
    made = base.Model(snapshot, (*STANDARD, *kept_close(of_record(snapshot, record)), *own))
    return solved(made, options, own, name=name)


class Model(base.Model):
    """The program of one Snapshot.

    Parameters
    ----------
    snapshot : the checked extract.
    blocks : planning ideas; when left out the standard ones, and the fence around the plan of record where
        settings.toml has one (`plan_of_record`). Their order does not matter.
    extra : constraints and terms of one's own in CVXPY, as for `soe.plan`.
    near : a model of a similar snapshot, whose unchanged tables are reused.
    pattern : a plan of a similar snapshot, whose set-ups are tried first where time is short; left out: the near
        model's.

    Examples
    --------
    >>> model = soe.Model(small)
    >>> print(model.formulation().splitlines()[0])
    Leaf and bean, as of 2026-01-19: maximise margin + steering [EUR]
    >>> model.solve().margin
    840.0
    """

    def __init__(
        self,
        snapshot: Snapshot,
        blocks: Sequence[Block] | None = None,
        *,
        extra: Extra | None = None,
        near: base.Model | None = None,
        pattern: Plan | None = None,
    ) -> None:
        if blocks is None:
            blocks = (*STANDARD, *kept_close(of_record(expected(snapshot, "soe.Model"), "find")))
        super().__init__(snapshot, blocks, extra=extra, near=near, pattern=pattern)


def conflict(
    snapshot: Snapshot,
    *,
    options: SolverOptions | None = None,
    model: base.Model | None = None,
    record: Recorded = "find",
    extra: Extra | None = None,
) -> Conflict:
    """The cheapest promises to break so that the rest is feasible, the fewest among equals; none if all hold.

    Raises SolveError (status infeasible) where breaking every promise does not help: a constraint without a break price
    is violated.

    Parameters
    ----------
    snapshot : what was known on the as-of date.
    options : limits of the solver.
    model : the model to check, where it is not the standard one.
    record : plan of record that the frozen fence of settings.toml keeps to; left out: as for `soe.plan`.
    extra : constraints of your own in CVXPY, as for `soe.plan`; they are the first to give way.

    Raises SolveError (status infeasible) where even breaking every promise does not help: a law of nature is violated.

    Examples
    --------
    >>> promised = soe.Scenario("all is promised").promise("forecast", 1.0).apply(small)
    >>> print(soe.conflict(promised).text())
    1 promise cannot be kept together with the rest; the cheapest way out:
      what was promised is served (item coffee, location market, customer shop, due W1, 2026-01-19 to 2026-01-25):
    40.00 unit less than the 60.00 promised, at 8.00: EUR 320.00
      in all EUR 320.00
    """
    asked = model or base.Model(snapshot, (*STANDARD, *kept_close(of_record(snapshot, record))), extra=extra)
    return conflict_of(asked, options)
