"""A model: the program that blocks on a network add up to. `print` shows it; `solve` returns a certified Plan."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any

import numpy as np
import polars as pl

from soe_lib.errors import ReconciliationError
from soe_lib.extract.snapshot import Snapshot, expected
from soe_lib.model import references
from soe_lib.model.assemble import LEAD, assemble, axes_of, checked, rate_rows, started
from soe_lib.model.blocks.stability import Stability
from soe_lib.model.blocks.targets import Targets
from soe_lib.model.cache import Lazily
from soe_lib.model.certificate import Certificate, certify
from soe_lib.model.extra import Extra, Own, Written, with_extra
from soe_lib.model.network import Network
from soe_lib.model.stages import floors
from soe_lib.model.terms import Block, Constraint, Effect, Flow, Part, Rate
from soe_lib.money.ledger import Ledger
from soe_lib.money.rates import RateBook, RatesByCell
from soe_lib.solver.answer import Answer, SolverOptions
from soe_lib.solver.program import Program
from soe_lib.solver.session import Session
from soe_lib.store.plan import Plan

CENT = 0.005
RATES = "rates"


@dataclass(frozen=True, eq=False)
class _Rates:
    """The rates by keys, and by cell number on first use; `by_cell` is built from `frames` and `starts`."""

    book: RateBook
    frames: Mapping[str, pl.DataFrame]
    starts: Mapping[str, int]

    @cached_property
    def by_cell(self) -> RatesByCell:
        """The rates by cell number."""
        return RatesByCell.of(self.frames, self.starts)


class Model:
    """The program of one Snapshot and its blocks. `soe.Model` also finds the plan of record that its fence needs.

    Parameters
    ----------
    snapshot : the checked extract. blocks : planning ideas, in any order.
    extra, near, pattern : as for `soe.Model`.
    """

    def __init__(
        self,
        snapshot: Snapshot,
        blocks: Sequence[Block],
        *,
        extra: Extra | None = None,
        near: Model | None = None,
        pattern: Plan | None = None,
    ) -> None:
        self.snapshot = expected(snapshot, "soe.Model")
        self.pattern: Plan | None = pattern or (near.pattern if near else None)
        self.network: Network = Network(snapshot, near=near.network if near else None)
        bare = [Targets() if isinstance(block, Targets) and block.counted else block for block in blocks]
        self.blocks = self._over_flows(with_extra(bare, extra))
        parts = {what: self._pairs(what) for what in references.BRINGS}
        self.flows: dict[str, Flow] = _named("flows", parts["flows"])
        self.constraints: dict[str, Constraint] = _named("constraints", parts["constraints"])
        for block in self.blocks:
            if isinstance(block, Part):
                block.check(self.network, self.flows)
        # References of the near model's blocks were checked there; an edit may remove their targets on purpose.
        fresh = [block for block in self.blocks if near is None or not any(block is old for old in near.blocks)]
        references.check(fresh, parts, self.flows)
        effects, rates = ([part for _, part in parts[what]] for what in ("effects", "rates"))
        self.effects: list[Effect] = sorted(effects, key=lambda e: (e.on, e.flow, e.note, str(e.per_unit)))
        self.rates: list[Rate] = sorted(rates, key=lambda r: (r.flow, r.account, r.note, str(r.per_unit)))
        self.constraints = {
            name: constraint for name, constraint in self.constraints.items() if self._follows(constraint)
        }
        self.effects = [e for e in self.effects if e.flow in self.flows and e.on in self.constraints]
        self.rates = [r for r in self.rates if r.flow in self.flows]
        self._aim()

    def _aim(self) -> None:
        """Add the year's targets that steer: they are sums of what all other blocks bring."""
        aimed = {id(block): block.over(self) for block in self.blocks if isinstance(block, Targets)}
        for block in aimed.values():
            if block.rows.height:
                self.blocks = tuple(aimed.get(id(one), one) for one in self.blocks)
                self.flows |= {one.name: one for one in block.flows(self.network)}
                self.constraints |= {one.name: one for one in block.constraints(self.network)}
                self.effects += block.effects(self.network)
                self.rates += block.rates(self.network)

    def _over_flows(self, blocks: tuple[Block, ...]) -> tuple[Block, ...]:
        """The blocks, with the analyst's CVXPY terms bound to the flows of the other blocks."""
        if not any(isinstance(block, Written) for block in blocks):
            return blocks
        given = [block for block in blocks if not isinstance(block, Written)]
        others = [(block, flow) for block in given for flow in self._brought(block, "flows")]
        flows = _named("flows", others)
        return tuple(block.over(self.network, flows) if isinstance(block, Written) else block for block in blocks)

    def _follows(self, constraint: Constraint) -> bool:
        """Whether a constraint applies. A redundant one must list every flow that acts on the constraints it follows
        from.
        """
        acting = {(effect.on, effect.flow) for effect in self.effects if effect.flow in self.flows}
        return all(flow in constraint.follows[on] for on, flow in acting if on in constraint.follows)

    def _pairs(self, what: str) -> list[tuple[Block, Any]]:
        """Pairs of a block and one flow, constraint, effect or rate that it brings."""
        return [(block, part) for block in self.blocks for part in self._brought(block, what)]

    def _brought(self, block: Block, what: str) -> list[Any]:
        """The flows, constraints, effects or rates of one block."""
        make = partial(references.brought, block, what)
        return self.network.cache.get((what, id(block)), make, block)

    # -- the program ---------------------------------------------------------------------------------------------

    @cached_property
    def rate_frames(self) -> dict[str, pl.DataFrame]:
        """Flow → one row per cell and rate: where it is booked and the money per unit."""
        return self.rate_frames_now()

    def rate_frames_now(self) -> dict[str, pl.DataFrame]:
        """The same of the rates that are known so far."""
        by_flow: dict[str, list[Rate]] = {}
        for rate in self.rates:
            by_flow.setdefault(rate.flow, []).append(rate)
        return {flow: self._rate_frame(self.flows[flow], rates) for flow, rates in by_flow.items()}

    def _rate_frame(self, flow: Flow, rates: list[Rate]) -> pl.DataFrame:
        make = partial(_concatenated, rate_rows, rates, flow)
        return self.network.cache.get(("rates", flow.name), make, flow, *rates)

    @cached_property
    def program(self) -> Program:
        """The arrays, with labels."""
        cache, convex = self.network.cache, [one.label for block in self._own for one in block.convex]
        made = assemble(self.flows, self.constraints, self.effects, self.rate_frames, self.arrivals, cache, convex)
        return self._started(checked(made))

    def _started(self, program: Program) -> Program:
        """The program, with the set-ups of a known plan as the start of the search for whole numbers."""
        return started(program, self.pattern, self.flows) if self.pattern else program

    @cached_property
    def arrivals(self) -> pl.DataFrame | None:
        """Arrival periods and shares by departure period, lead time and dispatch."""
        timed = [flow for flow in self.flows.values() if set(LEAD) <= set(flow.rows.columns)]
        return self.network.cache.get("arrivals", partial(_arrivals, timed), *timed) if timed else None

    def holding(self, program: Program) -> Model:
        """A copy of the model with another program."""
        other = copy.copy(self)
        other.program = program
        return other

    @cached_property
    def problem(self) -> Any:
        """The same program as a cvxpy.Problem, which `problem.solve()` solves to the same objective."""
        from soe_lib.model.convex import stated  # CVXPY takes seconds to import, and few plans need it

        variables = {name: one for block in self._own for name, one in block.variables.items()}
        constraints = {name: self.constraints[name] for name in self.program.rows}
        return stated(self.program, constraints, [one for block in self._own for one in block.convex], variables)

    @property
    def _own(self) -> list[Own]:
        return [block for block in self.blocks if isinstance(block, Own)]

    @property
    def convex(self) -> bool:
        """Whether the analyst added convex terms or constraints that linear rows cannot express."""
        return any(block.convex for block in self._own)

    @property
    def whole(self) -> bool:
        """Whether some quantities, such as set-ups, are whole numbers."""
        return any(flow.whole.any() for flow in self.flows.values())

    def keep_pattern(self, plan: Plan) -> None:
        """Give the solver the set-ups of a plan to start from when time is short."""
        self.pattern, self.program = plan, started(self.program, plan, self.flows)

    # -- answers ---------------------------------------------------------------------------------------------------

    def solve(self, options: SolverOptions | None = None, *, name: str = "this week's plan") -> Plan:
        """The certified plan worth most money.

        Raises SolveError where there is no proven answer, ReconciliationError where ledger and solver differ.
        """
        if self.convex:
            from soe_lib.model.convex import prices, solve

            made = self._plan(*solve(self, options), name=name)
            return replace(made, prices={**made.prices, **dict(prices(self, self.problem))})
        model = self.staged(options)
        return model.plan_of(Session(model.program, options, unique=True).solve(), name=name)

    def staged(self, options: SolverOptions | None = None) -> Model:
        """The model after the aims that come before money: each is held at its optimum by a right-hand side."""
        held = floors(self, options)
        return self if held is None else self.holding(self.program.with_rhs("service", held))

    def plan_of(self, answer: Answer, *, name: str) -> Plan:
        """Check an answer against the program and the ledger, and make it a Plan."""
        program, x = self.program, answer.x
        fixed = np.where(program.integer, np.rint(x), np.nan) if program.integer.any() else None
        certificate = certify(program, x, answer.price, answer.objective, fixed=fixed)
        x = np.clip(np.where(np.abs(x) < 1e-9, 0.0, x), program.lower, program.upper)
        return self._plan(replace(answer, x=x), certificate, name=name)

    def _plan(self, answer: Answer, certificate: Certificate, *, name: str) -> Plan:
        """The Plan of a proven answer; its cells and rows are in the program's order."""
        program, x, price = self.program, answer.x, answer.price
        plan = Plan(
            name=name,
            source="solved",
            as_of=self.snapshot.as_of,
            company=self.snapshot.company,
            currency=self.snapshot.currency,
            fingerprint=self.snapshot.fingerprint,
            flows={
                flow: self.flows[flow].named.with_columns(pl.Series("quantity", x[place]))
                for flow, place in program.columns.items()
            },
            rates=self.rate_book,
            periods=self.snapshot.periods,
            items=self.snapshot["items"],
            solution={
                "status": answer.status,
                "objective": answer.objective,
                "bound": answer.bound,
                "gap": answer.gap,
                "seconds": answer.seconds,
                "variables": len(x),
                "rows": len(price),
                "nonzeros": int(program.matrix.nnz),
                "solver": answer.solver,
                "certificate": certificate.as_dict(),
                **_whole_numbers(answer),
                **self._fenced,
            },
            prices=Lazily({name: self._priced(self.constraints[name], price) for name in program.rows}),
        )
        if self.network.cache.inherited(RATES):
            # The near plan's ledger was reconciled with this book by keys. By cell number it is the same, and faster.
            plan = replace(plan, valued=Ledger(self.rates_by_cell.value(x), items=plan.items, periods=plan.periods))
        _tie_out(plan, answer.objective)
        return plan

    @property
    def _fenced(self) -> dict[str, str]:
        """The name of the plan of record that the fence protects; empty without a fence."""
        names = [block.name for block in self.blocks if isinstance(block, Stability)]
        return {"record": names[0]} if names and {"frozen", "record"} & set(self.constraints) else {}

    @property
    def rate_book(self) -> RateBook:
        """The rates as tables; they value any other plan without a solver."""
        return self._rates.book

    @property
    def rates_by_cell(self) -> RatesByCell:
        """The same rates by cell number."""
        return self._rates.by_cell

    @cached_property
    def _rates(self) -> _Rates:
        axes = axes_of(self.flows, self.network.cache).values()
        inputs = (*self.rate_frames.values(), *axes, self.snapshot["items"], self.snapshot.periods)
        starts = {flow: place.start for flow, place in self.program.columns.items()}
        make = self.rates_of_cells
        return self.network.cache.get(RATES, lambda _: _Rates(make(), self.rate_frames, starts), *inputs)

    def rates_of_cells(self) -> RateBook:
        """The rate book of the flows and rates that are known so far."""
        frames = self.rate_frames_now()
        free = {"account": pl.String, "kind": pl.String, "per_unit": pl.Float64}
        book = RateBook(
            {
                name: frames[name].drop("cell")
                if name in frames
                else pl.DataFrame(schema={**dict.fromkeys(flow.keys, pl.String), **free})
                for name, flow in self.flows.items()
            },
            {name: flow.keys for name, flow in self.flows.items()},
            self.snapshot["items"],
            self.snapshot.periods,
        )
        return book.known({name: flow.rows.select(flow.keys) for name, flow in self.flows.items()})

    def _priced(self, constraint: Constraint, price: np.ndarray) -> Callable[[], pl.DataFrame]:
        """A function that builds one constraint's price table; it keeps no reference to the model."""
        place = self.program.rows[constraint.name]
        rhs, own = self.program.rhs[place], price[place]
        return lambda: constraint.named.with_columns(pl.Series("rhs", rhs), pl.Series("price", own))

    def formulation(self) -> str:
        """The program as text: decisions, constraints and money, with counts, units and senses."""
        from soe_lib.model.formulation import write

        return write(self)

    def __repr__(self) -> str:
        return self.formulation()


def _whole_numbers(answer: Answer) -> dict[str, Any]:
    """How a search for whole numbers ended and what it started from; empty for an LP."""
    if not answer.whole.size:
        return {}
    ended = "proof" if answer.status == "optimal" else "pattern" if answer.pattern == "kept" else "time"
    found: dict[str, Any] = {"ended": ended, "pattern": answer.pattern}
    return {**found, "relaxed": answer.relaxed} if np.isfinite(answer.relaxed) else found


def _named(what: str, parts: Sequence[tuple[Block, Any]]) -> dict[str, Any]:
    """Name → flow or constraint, without those that have no cell."""
    references.twins(references.bringers(parts), what)
    return {part.name: part for part in sorted((part for _, part in parts), key=lambda part: part.name) if part.size}


def _concatenated(one: Callable[..., pl.DataFrame], parts: Sequence[Any], about: Any, _: Network) -> pl.DataFrame:
    return pl.concat([one(part, about) for part in parts])


def _arrivals(timed: Sequence[Flow], network: Network) -> pl.DataFrame:
    return network.arrivals(pl.concat([flow.rows.select(LEAD).unique() for flow in timed]).unique())


def _tie_out(plan: Plan, objective: float) -> None:
    """Check that margin + steering in the ledger equals the solver's optimum to the cent: both use the same rates."""
    total = plan.ledger.margin + plan.ledger.steering
    # Double precision carries about 15 digits: a cent on 10^12 of turnover is as fine as it gets.
    turnover = float(plan.ledger.lines["amount"].abs().sum())
    if abs(total - objective) > max(CENT, 1e-13 * turnover):
        raise ReconciliationError(
            f"margin + steering is {total:,.4f}, the solver's optimum {objective:,.4f}: they differ by "
            f"{total - objective:,.4f}; a rate is missing from the ledger or counted twice"
        )
