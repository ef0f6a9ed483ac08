"""Programs of similar snapshots with common columns and rows, and the program of every subset of some changes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import polars as pl
import scipy.sparse as sp

from soe_lib.errors import FormulationError, SolveError
from soe_lib.model.axis import Floats
from soe_lib.model.model import Model
from soe_lib.model.terms import Constraint, Flow
from soe_lib.money.ledger import MARGIN_KINDS
from soe_lib.solver.answer import Answer, SolverOptions
from soe_lib.solver.program import Mask, Places, Program
from soe_lib.solver.session import Session

PARTS = ("cost", "margin", "lower", "upper", "row_lower", "row_upper", "effects", "constants")
"""The parts of a program's vector, in this order; constants are money and margin of the fixed cells."""


@dataclass(frozen=True, eq=False)
class Common:
    """The columns and rows that several programs share.

    Parameters
    ----------
    rows, columns : how many.
    row, start : row of each effect, and where each column's effects start, as in a CSC matrix.
    integer : shape (columns,), True where only whole numbers will do.
    parts : position of each of PARTS in a program's vector.
    """

    rows: int
    columns: int
    row: Places
    start: Places
    integer: Mask
    parts: Mapping[str, slice]

    def part(self, vector: Floats, name: str) -> Floats:
        """One part of a program's vector."""
        return vector[self.parts[name]]

    def matrix(self, vector: Floats) -> sp.csc_array:
        """The effects of one program."""
        return sp.csc_array((self.part(vector, "effects"), self.row, self.start), shape=(self.rows, self.columns))

    def program(self, vector: Floats) -> Program:
        """One program: minimise cost, its constant left out."""
        return Program(
            matrix=self.matrix(vector),
            cost=self.part(vector, "cost").copy(),
            row_lower=self.part(vector, "row_lower").copy(),
            row_upper=self.part(vector, "row_upper").copy(),
            lower=self.part(vector, "lower").copy(),
            upper=self.part(vector, "upper").copy(),
            integer=self.integer,
            columns={"all": slice(0, self.columns)},
            rows={"all": slice(0, self.rows)},
        )


NOISE = 1e-7
"""A price on an infinite bound that is below this share of the largest cost is a rounding error of the solver."""
CENT, SHARE = 0.004, 1e-10
"""Largest accepted distance between the primal and dual value of an optimum: money, and share of the optimum."""


@dataclass(frozen=True)
class Reached:
    """A proven optimum.

    Parameters
    ----------
    objective : margin + steering [money]. margin : without steering [money].
    iterations : simplex steps from the program before. gap : distance of its primal and dual value [money].
    """

    objective: float
    margin: float
    iterations: int
    gap: float


class Trace:
    """Solves programs with common columns and rows one after another, each from the last basis, and proves each
    optimum.

    Parameters
    ----------
    common, vector : the frame, and the program to start from, which is solved cold.
    options : limits of the solver.
    """

    def __init__(self, common: Common, vector: Floats, options: SolverOptions | None = None) -> None:
        self.common, self.options = common, options
        self._session = Session(common.program(vector), options)
        self._session.solve()

    def at(self, vector: Floats) -> Reached:
        """The proven optimum of a program; raises SolveError where it has none."""
        program = self.common.program(vector)
        try:
            return self._read(program, vector, self._session.solve(program))
        except SolveError as error:
            if error.status != "uncertified":
                raise
        # The inherited basis became inaccurate: solve cold.
        self._session = Session(program, self.options)
        return self._read(program, vector, self._session.solve())

    def _read(self, program: Program, vector: Floats, answer: Answer) -> Reached:
        """The money of the vertex, and the Lagrangian bound of its prices, with every cell at its better bound."""
        x, price, cost = answer.x, -answer.price, program.cost
        reduced = cost - program.matrix.T @ price
        noise = NOISE * (1.0 + float(np.abs(cost).max(initial=0.0)))
        bound = _least(price, program.row_lower, program.row_upper, program.matrix @ x, noise)
        bound += _least(reduced, program.lower, program.upper, x, noise)
        constant, margin_constant = self.common.part(vector, "constants")
        found = float(np.sum(cost * x))  # faster than a threaded dot product, which waits for its threads
        gap = abs(found - bound)
        if not gap <= max(CENT, SHARE * abs(found)) and not program.integer.any():
            raise SolveError(f"the optimum is not proven: primal and dual differ by {gap:,.4f}", status="uncertified")
        margin = float(margin_constant) + float(np.sum(self.common.part(vector, "margin") * x))
        return Reached(float(constant) - found, margin, answer.iterations, gap)


def _least(price: Floats, low: Floats, high: Floats, found: Floats, noise: float) -> float:
    """Σ price × the bound that makes it smallest; noise on an infinite bound counts at the value found."""
    bound = np.where(price > 0, low, high)
    bound = np.where(np.isinf(bound) & (np.abs(price) <= noise), found, bound)
    used = price != 0
    return float(np.sum(price[used] * bound[used]))


@dataclass(frozen=True, eq=False)
class _Wide:
    """One program in the common columns and rows."""

    cost: Floats
    margin: Floats
    lower: Floats
    upper: Floats
    row_lower: Floats
    row_upper: Floats
    row: Places
    column: Places
    effect: Floats


def together(models: Sequence[Model]) -> tuple[Common, list[Floats]]:
    """The common frame of some models, and the vector of each in their order.

    Cells that are fixed in all of them (receipts, opening stock) become part of the right-hand sides, so that a late
    receipt changes right-hand sides only.

    Raises FormulationError where a flow is whole in one model and not in another, or a constraint has two senses.
    """
    columns, column_of = _union([model.flows for model in models], [list(m.program.columns) for m in models])
    rows, row_of = _union([model.constraints for model in models], [list(m.program.rows) for m in models])
    integer = _agreed(
        [m.program.integer for m in models], column_of, columns, "cells are whole numbers in one snapshot only"
    )
    _agreed([m.program.equal for m in models], row_of, rows, "rows have two senses")
    wide = [_wide(*one, columns, rows) for one in zip(models, column_of, row_of, strict=True)]
    fixed = np.all([one.lower == one.upper for one in wide], axis=0)
    return _stacked(wide, fixed, integer[~fixed], rows)


def _union(
    parts: Sequence[Mapping[str, Flow]] | Sequence[Mapping[str, Constraint]], order: list[list[str]]
) -> tuple[int, list[Places]]:
    """The number of common cells (or rows), and the position of each model's own among them, in its program's order."""
    size = 0
    found: list[dict[str, Places]] = [{} for _ in parts]
    for name in sorted({name for names in order for name in names}):
        having = [number for number, names in enumerate(order) if name in names]
        places, more = _placed([parts[number][name] for number in having])
        for number, place in zip(having, places, strict=True):
            found[number][name] = place + size
        size += more
    nothing = np.zeros(0, np.intp)
    pairs = zip(found, order, strict=True)
    return size, [np.concatenate([nothing, *(one[name] for name in names)]) for one, names in pairs]


def _placed(parts: Sequence[Flow | Constraint]) -> tuple[list[Places], int]:
    first = parts[0].axis
    same = [part.axis.dtypes == first.dtypes and np.array_equal(part.axis.codes, first.codes) for part in parts]
    if all(same):
        return [np.arange(len(first.codes), dtype=np.intp)] * len(parts), len(first.codes)
    keys = parts[0].keys
    labels = [part.rows.select(pl.col(key).cast(pl.String) for key in keys) for part in parts]
    every = pl.concat(labels).unique(maintain_order=True).with_row_index("_place")
    places = [one.join(every, on=keys, how="left", maintain_order="left")["_place"] for one in labels]
    return [place.to_numpy().astype(np.intp) for place in places], every.height


def _agreed(flags: Sequence[Mask], place_of: Sequence[Places], size: int, otherwise: str) -> Mask:
    """One flag for each common cell; raises FormulationError where two models disagree on it."""
    true, false = np.zeros(size, bool), np.zeros(size, bool)
    for flag, place in zip(flags, place_of, strict=True):
        true[place[flag]] = True
        false[place[~flag]] = True
    if (both := true & false).any():
        raise FormulationError(f"{int(both.sum())} {otherwise}: they cannot be compared; change both snapshots")
    return true


def _wide(model: Model, column_of: Places, row_of: Places, columns: int, rows: int) -> _Wide:
    program = model.program
    money, margin, lower, upper = np.zeros((4, columns))
    money[column_of], margin[column_of] = program.money, margin_of(model)
    lower[column_of], upper[column_of] = program.lower, program.upper
    row_lower, row_upper = np.full(rows, -np.inf), np.full(rows, np.inf)
    row_lower[row_of], row_upper[row_of] = program.row_lower, program.row_upper
    entries = program.matrix.tocoo()
    row, column = (place.astype(np.intp) for place in entries.coords)
    return _Wide(-money, margin, lower, upper, row_lower, row_upper, row_of[row], column_of[column], entries.data)


def margin_of(model: Model) -> Floats:
    """Money per unit of each cell, without steering."""
    margin = np.zeros(len(model.program.money))
    for flow, place in model.program.columns.items():
        rates = model.rate_frames.get(flow)
        if rates is not None:
            own = rates.filter(pl.col("kind").is_in(MARGIN_KINDS))
            size = place.stop - place.start
            margin[place] = np.bincount(own["cell"].to_numpy(), weights=own["per_unit"].to_numpy(), minlength=size)
    return margin


def _stacked(wide: Sequence[_Wide], fixed: Mask, integer: Mask, rows: int) -> tuple[Common, list[Floats]]:
    narrow = np.cumsum(~fixed) - 1
    codes = [narrow[one.column] * rows + one.row for one in wide]
    moved = [~fixed[one.column] for one in wide]
    pattern = np.unique(np.concatenate([code[move] for code, move in zip(codes, moved, strict=True)]))
    columns = int((~fixed).sum())
    start = np.searchsorted(pattern, np.arange(columns + 1) * rows)
    sizes = dict.fromkeys(PARTS, columns) | dict.fromkeys(("row_lower", "row_upper"), rows)
    sizes |= {"effects": pattern.size, "constants": 2}
    ends = np.cumsum([sizes[name] for name in PARTS]).tolist()
    parts = {name: slice(end - sizes[name], end) for name, end in zip(PARTS, ends, strict=True)}
    common = Common(rows, columns, pattern % rows, start, integer, parts)
    return common, [_vector(*one, fixed, pattern) for one in zip(wide, codes, moved, strict=True)]


def _vector(one: _Wide, code: Places, moved: Mask, fixed: Mask, pattern: Places) -> Floats:
    value = np.where(fixed, one.lower, 0.0)
    held = ~moved
    used = np.bincount(one.row[held], weights=one.effect[held] * value[one.column[held]], minlength=len(one.row_lower))
    effects = np.bincount(np.searchsorted(pattern, code[moved]), weights=one.effect[moved], minlength=pattern.size)
    free = ~fixed
    bounds = (one.lower[free], one.upper[free], one.row_lower - used, one.row_upper - used)
    return np.concatenate([one.cost[free], one.margin[free], *bounds, effects, [-one.cost @ value, one.margin @ value]])


SAME = 1e-12
"""Relative difference below which two numbers are the same number."""
MOST = 6
"""Largest group of dependent changes whose subsets are all assembled; a larger one takes too long."""


class Subsets:
    """The vector of every subset of changes, by its mask: bit i is set where change i is in.

    Parameters
    ----------
    make : mask → the model with just those changes.
    count : how many changes. whole : the model with all of them, where there is one already.

    Attributes
    ----------
    common : their columns and rows. groups : the changes, dependent ones together. assembled : how many models were
    made. simple : False where a group is larger than `MOST`; `at` must then not be called.
    """

    def __init__(self, make: Callable[[int], Model], count: int, whole: Model | None = None) -> None:
        self._make, self.count = make, count
        self._models: dict[int, Model] = {(1 << count) - 1: whole} if whole else {}
        self._vectors: dict[int, Floats] = {}
        self._changes: dict[int, tuple[np.ndarray, Floats, Floats]] = {}
        self.everything = (1 << count) - 1
        singles = [1 << change for change in range(count)]
        self._assemble([0, self.everything, *singles])
        self.groups: tuple[tuple[int, ...], ...] = tuple((change,) for change in range(count))
        self._group_dependent()
        if self.simple and not self._adds_up(self.everything):
            self.groups = (tuple(range(count)),)
            self._assemble_groups()

    @property
    def assembled(self) -> int:
        """How many models were made."""
        return len(self._models)

    @property
    def simple(self) -> bool:
        """Whether every subset can be composed."""
        return all(len(group) <= MOST for group in self.groups)

    def model(self, mask: int) -> Model:
        """The model of a subset, made where there is none yet."""
        return self._models.get(mask) or self._make(mask)

    def at(self, mask: int) -> Floats:
        """The vector of a subset: that of no change plus what each group in it changes."""
        vector = self._vectors[0].copy()
        for group in self.groups:
            if part := mask & sum(1 << change for change in group):
                place, step, value = self._change(part)
                vector[place] = np.where(np.isfinite(step), vector[place] + step, value)
        return vector

    def _change(self, part: int) -> tuple[np.ndarray, Floats, Floats]:
        """Where a subset of one group differs from no change, by how much, and the values there."""
        if part not in self._changes:
            base, changed = self._vectors[0], self._vectors[part]
            place = np.flatnonzero(~_equal(base, changed))
            with np.errstate(invalid="ignore"):
                self._changes[part] = (place, changed[place] - base[place], changed[place])
        return self._changes[part]

    def _adds_up(self, mask: int) -> bool:
        """Whether the composed vector equals the assembled one."""
        return bool(_equal(self.at(mask), self._vectors[mask]).all())

    def _assemble(self, masks: Iterable[int]) -> None:
        for mask in masks:
            if mask not in self._models:
                self._models[mask] = self._make(mask)
        self.common: Common
        self.common, vectors = together(list(self._models.values()))
        self._changes = {}
        self._vectors = dict(zip(self._models, vectors, strict=True))

    def _group_dependent(self) -> None:
        """Group changes that affect the same number and are not additive there."""
        affected = [~_equal(self._vectors[0], self._vectors[1 << change]) for change in range(self.count)]
        pairs = [(a, b) for a, b in combinations(range(self.count), 2) if (affected[a] & affected[b]).any()]
        if not pairs:
            return
        self._assemble(1 << a | 1 << b for a, b in pairs)
        linked = [(a, b) for a, b in pairs if not self._adds_up(1 << a | 1 << b)]
        self.groups = _components(self.count, linked)
        self._assemble_groups()

    def _assemble_groups(self) -> None:
        if self.simple:
            self._assemble(
                sum(1 << change for change in chosen)
                for group in self.groups
                for size in range(1, len(group) + 1)
                for chosen in combinations(group, size)
            )


def _equal(one: Floats, other: Floats) -> np.ndarray:
    with np.errstate(invalid="ignore"):
        return (one == other) | (np.abs(one - other) <= SAME * (1.0 + np.abs(one)))


def _components(count: int, linked: list[tuple[int, int]]) -> tuple[tuple[int, ...], ...]:
    group = list(range(count))
    for a, b in linked:
        old, new = max(group[a], group[b]), min(group[a], group[b])
        group = [new if name == old else name for name in group]
    return tuple(tuple(change for change in range(count) if group[change] == name) for name in sorted(set(group)))
