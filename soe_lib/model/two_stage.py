"""Two-stage programs: scenarios with common first decisions; and models whose decisions are held at given values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from soe_lib.errors import SolveError
from soe_lib.model.axis import Floats, incidence
from soe_lib.model.certificate import Certificate, certify
from soe_lib.model.model import Model
from soe_lib.solver.answer import Answer, SolverOptions
from soe_lib.solver.program import Hints, Places, Program
from soe_lib.solver.session import Session

First = Mapping[str, tuple[str, ...] | None]
"""Flow → the periods whose cells are decided first; None: all of its cells."""


@dataclass(frozen=True, eq=False)
class TwoStage:
    """One program for several scenarios.

    Parameters
    ----------
    program : columns of each scenario in turn, then t and u_s of CVaR; rows are all equalities, the ties between
        scenarios, all limits, and CVaR's.
    tied : flow → keys of the first decisions and `column`, their column in the first scenario; −1 where a scenario
        lacks the cell, and the others hold it at 0.
    """

    program: Program
    tied: Mapping[str, pl.DataFrame]

    def solve(self, options: SolverOptions | None) -> tuple[Answer, Certificate]:
        """The optimum, proven in NumPy; raises SolveError where there is none."""
        answer = Session(self.program, options, unique=True).solve()
        whole = self.program.integer
        fixed = np.where(whole, np.rint(answer.x), np.nan) if whole.any() else None
        return answer, certify(self.program, answer.x, answer.price, answer.objective, fixed=fixed)

    def possible(self) -> bool:
        """Whether some first decisions are feasible in every scenario."""
        try:
            Session(self.program.with_cost(np.zeros(len(self.program.cost)))).solve()
        except SolveError as error:
            if error.status == "infeasible":
                return False
            raise
        return True

    def decisions(self, x: Floats) -> dict[str, pl.DataFrame]:
        """Flow → keys and quantity of the first decisions."""
        found = {}
        for flow, cells in self.tied.items():
            column = cells["column"].to_numpy()
            quantity = np.where(column < 0, 0.0, x[column])
            whole = self.program.integer[column] & (column >= 0)
            quantity = np.where(whole, np.rint(quantity), np.where(np.abs(quantity) < 1e-9, 0.0, quantity))
            found[flow] = cells.drop("column").with_columns(pl.Series("quantity", quantity))
        return found


def two_stage(
    models: Mapping[str, Model], chances: Floats, first: First, *, level: float = 0.0, weight: float = 0.0
) -> TwoStage:
    """The programs of some scenarios with common first decisions.

    Parameters
    ----------
    models : scenario → its model. chances : shape (scenarios,), probabilities.
    first : what is decided before the scenario is known. A cell that some scenario lacks is held at 0 in the others.
    level, weight : α and w of CVaR.

    Raises SolveError (infeasible) where a cell that some scenario lacks cannot be 0 in another.
    """
    programs = [model.program for model in models.values()]
    widths = np.cumsum([0, *(len(one.money) for one in programs)])
    upper = np.concatenate([one.upper for one in programs])
    lower = np.concatenate([one.lower for one in programs])
    tied, left, right = _ties(models, widths, first, lower, upper)
    tail = len(programs) if weight else 0
    wide, equal = int(widths[-1]), sum(one.equalities for one in programs)
    limits = equal + len(left) + np.cumsum([0, *(len(one.rhs) - one.equalities for one in programs)])
    heights = np.cumsum([0, *(one.equalities for one in programs)])
    parts = [_part(*one) for one in zip(programs, widths, heights, limits, strict=False)]
    ties = np.arange(equal, equal + len(left))
    parts.append((np.repeat([1.0, -1.0], len(left)), np.tile(ties, 2), np.concatenate([left, right])))
    parts += [_tail(one, s, widths, int(limits[-1]) + s) for s, one in enumerate(programs[:tail])]
    value, row, column = (np.concatenate([part[k] for part in parts]) for k in range(3))
    expected = [(1.0 - weight) * chance * one.money for chance, one in zip(chances, programs, strict=True)]
    risky = [np.array([weight]), -weight / (1.0 - level) * chances] if tail else []
    rhs = [
        *(one.rhs[: one.equalities] for one in programs),
        np.zeros(len(left)),
        *(one.rhs[one.equalities :] for one in programs),
        np.zeros(tail),
    ]
    row_upper, more = np.concatenate(rhs), tail + bool(tail)
    program = Program(
        matrix=incidence(value, row, column, (int(limits[-1]) + tail, wide + more)).tocsc(),
        cost=-np.concatenate([*expected, *risky]),
        row_lower=np.where(np.arange(len(row_upper)) < equal + len(left), row_upper, -np.inf),
        row_upper=row_upper,
        lower=np.concatenate([lower, *([np.array([-np.inf]), np.zeros(tail)] if tail else [])]),
        upper=np.concatenate([upper, np.full(more, np.inf)]),
        integer=np.concatenate([*(one.integer for one in programs), np.zeros(more, bool)]),
        columns=_named(models, "columns", widths),
        rows=_named(models, "rows", heights, limits),
        weights=np.concatenate([*(one.weights for one in programs if one.weights is not None), np.zeros(more)]),
        implied=tuple(f"{name} of {scenario}" for scenario, one in models.items() for name in one.program.implied),
        hints=_hints(programs, more),
    )
    return TwoStage(program, tied)


def _hints(programs: Sequence[Program], more: int) -> Hints | None:
    """Period and item of each column, for the search for whole numbers; None without whole numbers."""
    if not any(one.integer.any() for one in programs):
        return None
    none = np.full(more, -1, np.intp)
    each = [one.hints or Hints(*np.full((2, len(one.cost)), -1, np.intp)) for one in programs]
    return Hints(
        np.concatenate([*(one.when for one in each), none]), np.concatenate([*(one.what for one in each), none])
    )


def _part(program: Program, left: int, equal: int, limit: int) -> tuple[Floats, Places, Places]:
    """The entries of one scenario's program in the common rows and columns."""
    entries = program.matrix.tocoo()
    row, column = (place.astype(np.intp) for place in entries.coords)
    top = np.where(row < program.equalities, equal, limit - program.equalities)
    return entries.data, row + top, column + left


def _tail(program: Program, number: int, widths: Places, row: int) -> tuple[Floats, Places, Places]:
    """The row t − u_s − money_s·x_s <= 0."""
    paid = np.flatnonzero(program.money)
    threshold = int(widths[-1])
    column = np.concatenate([paid + widths[number], [threshold, threshold + 1 + number]])
    return np.concatenate([-program.money[paid], [1.0, -1.0]]), np.full(len(column), row), column


def _ties(
    models: Mapping[str, Model], widths: Places, first: First, lower: Floats, upper: Floats
) -> tuple[dict[str, pl.DataFrame], Places, Places]:
    """The common cells and the pairs of tied columns; sets `upper` to 0 for cells that some scenario lacks."""
    tied: dict[str, pl.DataFrame] = {}
    lefts, rights = [np.zeros(0, np.intp)], [np.zeros(0, np.intp)]
    for flow, periods in first.items():
        having = [
            cells_of(model, flow, periods).select(
                pl.exclude("cell"),
                pl.lit(number, pl.Int64).alias("scenario"),
                (pl.col("cell").cast(pl.Int64) + int(widths[number]) + model.program.columns[flow].start).alias("at"),
            )
            for number, model in enumerate(models.values())
            if flow in model.flows
        ]
        if not having:
            continue
        if (every := pl.concat(having)).is_empty():
            continue
        keys = [name for name in every.columns if name not in ("scenario", "at")]
        every = every.with_columns((pl.len().over(keys) == len(models)).alias("common"))
        _close(models, flow, every.filter(~pl.col("common")), lower, upper)
        common = every.filter("common").sort(*keys, "scenario")
        reference = common.select(pl.col("at").first().over(keys))["at"].to_numpy()
        others = common["at"].to_numpy() != reference
        lefts.append(common["at"].to_numpy()[others].astype(np.intp))
        rights.append(reference[others].astype(np.intp))
        column = pl.when("common").then("at").otherwise(-1).alias("column")
        tied[flow] = every.sort("scenario").with_columns(column).group_by(keys).agg(pl.col("column").first()).sort(keys)
    return tied, np.concatenate(lefts), np.concatenate(rights)


def _close(models: Mapping[str, Model], flow: str, cells: pl.DataFrame, lower: Floats, upper: Floats) -> None:
    at = cells["at"].to_numpy()
    if (bad := np.flatnonzero(lower[at] > 0)).size:
        row = cells.row(int(bad[0]), named=True)
        where = ", ".join(str(value) for name, value in row.items() if name not in ("scenario", "at", "common"))
        raise SolveError(
            f"infeasible: {flow} of {where} is at least {lower[at[bad[0]]]:,.2f} in the scenario "
            f"{list(models)[row['scenario']]!r}, and another scenario has no such {flow} at all: it cannot be a common "
            f"decision. Leave {flow} out of commit, or give every scenario the same terms.",
            status="infeasible",
        )
    upper[at] = 0.0


def _named(models: Mapping[str, Model], what: str, starts: Places, limits: Places | None = None) -> dict[str, slice]:
    """`flow of scenario` (or constraint) → its columns (rows)."""
    found = {}
    for number, (scenario, model) in enumerate(models.items()):
        program = model.program
        for name, place in getattr(program, what).items():
            limit = limits is not None and model.constraints[name].sense == "<="
            move = int(limits[number]) - program.equalities if limits is not None and limit else int(starts[number])
            found[f"{name} of {scenario}"] = slice(place.start + move, place.stop + move)
    return found


def at_odds(models: Mapping[str, Model], first: First) -> tuple[list[str], list[str]]:
    """Scenarios without common first decisions, none of which can be left out, and the flows that alone prevent them.

    Each scenario has a plan by itself. The scenarios are found by leaving out one after the other (Chinneck 2008, ch.
    6). No flow is named where only several together prevent common decisions.
    """

    def agree(names: Sequence[str], what: First) -> bool:
        some = {name: models[name] for name in names}
        try:
            return two_stage(some, np.full(len(names), 1.0 / len(names)), what).possible()
        except SolveError as error:
            if error.status == "infeasible":
                return False
            raise

    names = list(models)
    low, high = 1, len(names)  # the first `low` agree, the first `high` do not
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if agree(names[:middle], first) else (low, middle)
    guilty = names[:high]
    for name in names[: high - 1]:
        if len(guilty) > 2 and not agree(rest := [one for one in guilty if one != name], first):
            guilty = rest
    return guilty, [flow for flow in first if not agree(guilty, {flow: first[flow]})]


SMALL = 1e-6
"""A smaller decision counts as 0, and one this close to a bound as on it [unit of the flow]."""


def cells_of(model: Model, flow: str, periods: Sequence[str] | None) -> pl.DataFrame:
    """The keys of the cells of a flow in some periods, and `cell`, their place in the flow."""
    if flow not in model.flows:
        return pl.DataFrame(schema={"cell": pl.UInt32})
    rows = model.flows[flow].named.select(model.flows[flow].keys).with_row_index("cell")
    return rows if periods is None else rows.filter(pl.col("period").is_in(list(periods)))


def holding(model: Model, decisions: Mapping[str, pl.DataFrame]) -> Model:
    """The model with some cells held at given decisions; its plan is the best response to them.

    Parameters
    ----------
    decisions : flow → the flow's keys and `quantity` [unit of the flow].

    Raises SolveError (infeasible) where a decision has no cell here, or lies outside its bounds.
    """
    program = model.program
    low, high = program.lower.copy(), program.upper.copy()
    for flow, frame in decisions.items():
        cells = cells_of(model, flow, None)
        keys = [name for name in frame.columns if name in cells.columns]
        met = frame.join(cells, on=keys, how="left") if keys else frame.with_columns(cell=pl.lit(None, pl.UInt32))
        _refuse(flow, met.filter(pl.col("cell").is_null() & (pl.col("quantity").abs() > SMALL)), "has no such decision")
        kept = met.filter(pl.col("cell").is_not_null())
        if kept.is_empty():
            continue
        cell, quantity = kept["cell"].to_numpy().astype(np.intp), kept["quantity"].to_numpy()
        at = cell + program.columns[flow].start
        slack = SMALL * np.maximum(1.0, np.abs(quantity))
        outside = (quantity < low[at] - slack) | (quantity > high[at] + slack)
        _refuse(flow, kept.filter(pl.Series(outside)), "does not allow this quantity")
        low[at] = high[at] = np.clip(quantity, low[at], high[at])
    return model.holding(program.with_bounds(slice(None), low, high))


def _refuse(flow: str, bad: pl.DataFrame, reason: str) -> None:
    if not bad.is_empty():
        row = bad.row(0, named=True)
        where = ", ".join(str(value) for name, value in row.items() if name not in ("quantity", "cell"))
        raise SolveError(
            f"infeasible: {bad.height} decisions of {flow} cannot be carried out, first {row['quantity']:,.2f} of "
            f"{where}: the scenario {reason}",
            status="infeasible",
        )


def with_same_ceilings(models: Mapping[str, Model]) -> dict[str, Model]:
    """The models with the ceiling of each switch raised to the highest of them.

    A ceiling follows from the demand of one scenario. A decision that is common to several, or made for another, may
    exceed it, but not the highest ceiling.
    """
    if not any(model.program.integer.any() for model in models.values()):
        return dict(models)
    raised = dict(models)
    pairs = {
        (effect.on, effect.flow)
        for model in models.values()
        for effect in model.effects
        if model.constraints[effect.on].ceiling
    }
    for constraint, flow in sorted(pairs):
        having = {
            name: model for name, model in models.items() if constraint in model.constraints and flow in model.flows
        }
        if not any(model.flows[flow].whole.any() for model in having.values()):
            continue
        entries = {name: _entries(model, constraint, flow) for name, model in having.items()}
        labels = [column for column in next(iter(entries.values())).columns if column not in ("effect", "at")]
        most = pl.concat([own.drop("at") for own in entries.values()]).group_by(labels).agg(pl.col("effect").min())
        for name, own in entries.items():
            met = own.select(labels).join(most, on=labels, how="left", maintain_order="left")["effect"]
            if not met.equals(own["effect"]):
                changed = raised[name].program.with_effects(own["at"].to_numpy(), met.to_numpy())
                raised[name] = raised[name].holding(changed)
    return raised


def _entries(model: Model, constraint: str, flow: str) -> pl.DataFrame:
    """Labels of row and column of each entry, `effect`, and its position in the program's matrix (`at`)."""
    program, on, of = model.program, model.constraints[constraint], model.flows[flow]
    at, row, column = program.entries(constraint, flow)
    rows = on.named.select(pl.all().name.prefix("row "))[(row - program.rows[constraint].start).astype(np.uint32)]
    cells = of.named.select(pl.col(of.keys).name.prefix("column "))
    columns = cells[(column - program.columns[flow].start).astype(np.uint32)]
    return pl.concat([rows, columns], how="horizontal").with_columns(effect=program.matrix.data[at], at=at)
