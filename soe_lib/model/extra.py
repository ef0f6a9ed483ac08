"""An analyst's constraints and objective terms in CVXPY, over labelled quantities.

Piecewise linear ones become rows and columns of the program, like those of any block: the solver, the certificate,
prices and conflicts know them by name. Other convex ones stay in CVXPY (`soe_lib.model.convex`). Each objective term is
a quantity `own_terms`, at most the value of the term, booked at 1 as steering.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import scipy.sparse as sp

from soe_lib.errors import FormulationError
from soe_lib.model.terms import Block, Constraint, Effect, Flow, Part, Rate, blocks_of

if TYPE_CHECKING:
    from soe_lib.model.labelled import Variables
    from soe_lib.model.network import Network


TERMS, HELPERS = "own_terms", "own_helpers"
ROW, COEFFICIENT = "own_row", "own_coefficient"
BREAK_PRICE = 1.0
"""A low break price: a conflict breaks the analyst's constraints first."""
WIDTH = 100
"""Characters of an expression that a message shows."""
RULES = "https://www.cvxpy.org/tutorial/dcp/index.html"


@dataclass(frozen=True, eq=False)
class Written(Part):
    """Constraints and terms that an analyst wrote over the labelled quantities of the plan.

    Parameters
    ----------
    write : takes the variables (flow → labelled cvxpy.Variable) and returns a constraint, a concave term to maximise
        [money] (or cp.Minimize of a convex one), a list of such, or a mapping of names to them.
    """

    write: Callable[[Variables], Any]

    def over(self, network: Network, flows: Mapping[str, Flow]) -> Own:
        """The block of these constraints and terms over the flows of one plan.

        Raises FormulationError where they break CVXPY's rules.
        """
        from soe_lib.model.labelled import Variables  # CVXPY takes seconds to import

        variables = Variables(flows, network)
        return own(_named(self.write(variables)), variables)


@dataclass(frozen=True, eq=False)
class Rows:
    """The rows of one constraint.

    Parameters
    ----------
    labels : their numbers, coded. sense : == or <=. right : their right-hand sides.
    entries : flow → its keys, and the coefficients by key and row.
    """

    labels: pl.DataFrame
    sense: Any
    right: Any
    entries: Mapping[str, tuple[tuple[str, ...], pl.DataFrame]]


@dataclass(frozen=True, eq=False)
class Own(Part):
    """Constraints and terms of the analyst's own.

    Brings flow `own_terms` (term) [money] at 1, booked as steering under each term's name; flow `own_helpers`, the
    columns with which CVXPY writes a norm or a maximum as rows; and the rows of each constraint, under its name.

    Parameters
    ----------
    terms : their names, sorted. said : name → the expression as it was written.
    rows, helpers : from CVXPY, where all are piecewise linear. convex : the constraints, where not all are.
    variables : flow → its variable in `convex`.
    """

    optional = (TERMS, HELPERS)

    terms: tuple[str, ...]
    said: Mapping[str, str]
    rows: Mapping[str, Rows] = field(default_factory=dict)
    helpers: pl.DataFrame = field(default_factory=pl.DataFrame)
    convex: tuple[Any, ...] = ()
    variables: Mapping[str, Any] = field(default_factory=dict)

    def flows(self, network: Network) -> Iterator[Flow]:
        """The terms, and the helper columns of CVXPY."""
        if self.terms:
            terms = labels("term", self.terms).with_columns(network.first.alias("period"))
            yield Flow(TERMS, terms, ("term",), "money", "terms of your own", lower=-np.inf)
        if self.helpers.height:
            yield Flow(
                HELPERS, self.helpers, ("helper",), "", "columns that say a norm or a maximum in rows",
                lower="lower", upper="upper", integer="whole",
            )  # fmt: skip

    def constraints(self, network: Network) -> Iterator[Constraint]:  # noqa: ARG002
        """One per constraint."""
        for name, rows in self.rows.items():
            frame = rows.labels.with_columns(right=pl.Series(rows.right, dtype=pl.Float64))
            written = textwrap.shorten(self.said.get(name, "its norms and maxima"), WIDTH, placeholder=" …")
            meaning = f"{name}, of your own: {written}"
            price = BREAK_PRICE if name in self.said and name not in self.terms else None
            yield Constraint(name, frame, (ROW,), rows.sense, "", meaning, rhs="right", break_price=price)

    def effects(self, network: Network) -> Iterator[Effect]:  # noqa: ARG002
        """The coefficients of each constraint."""
        for name, rows in self.rows.items():
            for flow, (keys, entries) in rows.entries.items():
                yield Effect(flow, name, COEFFICIENT, join=entries, using=keys, note="a")

    def rates(self, network: Network) -> Iterator[Rate]:  # noqa: ARG002
        """Each term as steering, under its name."""
        for term in self.terms:
            yield Rate(term, TERMS, 1.0, kind="steering", where=pl.col("term").cast(pl.String) == term)

    def __repr__(self) -> str:
        return f"Own({', '.join(self.said)})"


Extra = Callable[["Variables"], Any]
"""What an analyst writes: from flow → labelled cvxpy.Variable to constraints and terms."""


def with_extra(blocks: Block | Iterable[Block], extra: Extra | None) -> tuple[Block, ...]:
    """The analyst's blocks, with the CVXPY function as one more; raises FormulationError where it is not callable."""
    own_blocks = blocks_of(blocks)
    if extra is None:
        return own_blocks
    if not callable(extra):
        raise FormulationError(
            f"extra={extra!r} is not a function: write extra=lambda v: [cp.sum(v['make'].where(item='A')) <= 100]."
        )
    return (*own_blocks, Written(extra))


def labels(key: str, names: Iterable[str]) -> pl.DataFrame:
    """Names as one coded column."""
    texts = list(names)
    return pl.DataFrame({key: texts}, schema={key: pl.Enum(sorted(texts))})


def numbers(key: str, count: int) -> pl.DataFrame:
    """1 to count as one coded column."""
    width = len(str(count))
    return labels(key, [f"{number:0{width}d}" for number in range(1, count + 1)])


def own(written: Mapping[str, Any], variables: Variables) -> Own:
    """The block of named constraints and terms."""
    import cvxpy as cp

    terms = tuple(sorted(name for name, one in written.items() if not isinstance(one, cp.Constraint)))
    worth = cp.Variable(max(len(terms), 1), name=TERMS)
    said = {name: str(one) for name, one in written.items()}
    constraints = {
        name: one if isinstance(one, cp.Constraint) else worth[terms.index(name)] <= one
        for name, one in written.items()
    }
    for name, one in constraints.items():
        if not one.is_dcp():
            what = "a term must be concave (worth is maximised)" if name in terms else "a constraint must be convex"
            raise FormulationError(f"{name}: {what}, and {said[name]} is not, by CVXPY's rules ({RULES}).")
    flows = {**variables, **({TERMS: worth} if terms else {})}
    if all(_linear(one) for one in constraints.values()):
        rows, helpers = _compiled(constraints, flows, variables, terms)
        return Own(terms, said, rows, helpers)
    return Own(terms, said, convex=tuple(one.set_label(name) for name, one in constraints.items()), variables=flows)


def _named(given: Any) -> dict[str, Any]:
    """Name → constraint or concave expression, from what an analyst returned."""
    import cvxpy as cp

    if isinstance(given, Mapping):
        pairs = list(given.items())
    else:
        alone = isinstance(given, (cp.Constraint, cp.Expression)) or not isinstance(given, Iterable)
        pairs = [("", one) for one in ([given] if alone else given)]
    found: dict[str, Any] = {}
    for number, (name, one) in enumerate(pairs, 1):
        constraint = isinstance(one, cp.Constraint)
        kind = "constraint" if constraint else "term"
        called = str(name or getattr(one, "label", None) or f"own {kind} {number}")
        if called in found:
            raise FormulationError(f"two of your constraints and terms are called {called!r}: rename one of them.")
        found[called] = one if constraint else _term(called, one)
    return found


def _term(name: str, one: Any) -> Any:
    import cvxpy as cp

    if isinstance(one, cp.Minimize):
        return -one.args[0]
    if isinstance(one, cp.Maximize):
        return one.args[0]
    if isinstance(one, cp.Expression) and one.size == 1:
        return one if one.shape == () else cp.sum(one)
    kind = f"an expression of shape {one.shape}" if isinstance(one, cp.Expression) else repr(one)
    raise FormulationError(
        f"{name} is {kind}. Return constraints (cp.sum(v['make'].where(…)) <= 14_000) and terms of one number to "
        "maximise (-0.1 * cp.norm1(…)): one of them, a list, or a mapping of names to them."
    )


def _linear(constraint: Any) -> bool:
    """Whether linear rows can express it; an equality that follows CVXPY's rules is affine."""
    import cvxpy as cp

    kinds = cp.constraints
    if isinstance(constraint, (kinds.Equality, kinds.Zero)):
        return True
    inequality = isinstance(constraint, (kinds.Inequality, kinds.NonPos, kinds.NonNeg))
    return inequality and all(part.is_pwl() for part in constraint.args)


def _compiled(
    constraints: Mapping[str, Any], flows: Mapping[str, Any], variables: Variables, terms: tuple[str, ...]
) -> tuple[dict[str, Rows], pl.DataFrame]:
    """The rows, by constraint, and the helper columns that CVXPY makes of piecewise linear constraints."""
    import cvxpy as cp

    data, chain, _ = cp.Problem(cp.Minimize(0), list(constraints.values())).get_problem_data("HIGHS")
    final, cones = chain.compose_constr_id_map(), data["param_prob"].constraints
    owners = {final.get(one.id, one.id): name for name, one in constraints.items()}
    ends = np.cumsum([cone.size for cone in cones])
    places: dict[tuple[str, str], list[Any]] = {}
    for cone, end in zip(cones, ends, strict=True):
        sense = "==" if end <= data["dims"].zero else "<="
        name = owners.get(cone.id, f"{HELPERS} {sense}")
        places.setdefault((name, sense), []).append(np.arange(end - cone.size, end))
    frames = {name: one.flow.rows.select(one.flow.keys) for name, one in variables.items()}
    frames[TERMS] = labels("term", terms)
    columns, helpers = _columns(data, flows, frames)
    matrix = sp.csr_array(data["A"])
    rows = {}
    for (name, sense), spots in places.items():
        mine = np.concatenate(spots)
        rows[name] = _rows(matrix[mine], np.asarray(data["b"], dtype=float)[mine], sense, columns)
    return rows, helpers


def _columns(
    data: Mapping[str, Any], flows: Mapping[str, Any], frames: Mapping[str, pl.DataFrame]
) -> tuple[dict[str, tuple[pl.DataFrame, Any]], pl.DataFrame]:
    """Flow → the keys of its cells and their columns in CVXPY's data; and the helpers, which are all other columns."""
    size, at = len(data["c"]), data["param_prob"].var_id_to_col
    columns = {
        name: (frames[name], np.arange(at[variable.id], at[variable.id] + variable.size))
        for name, variable in flows.items()
        if variable.id in at
    }
    others = np.setdiff1d(np.arange(size), np.concatenate([np.zeros(0, int), *(c for _, c in columns.values())]))
    whole = np.isin(others, [*data["bool_vars_idx"], *data["int_vars_idx"]])
    low, high = (np.full(size, end) if data[key] is None else np.asarray(data[key], dtype=float)
                 for key, end in (("lower_bounds", -np.inf), ("upper_bounds", np.inf)))  # fmt: skip
    switch = np.isin(others, list(data["bool_vars_idx"]))
    helpers = numbers("helper", len(others)).with_columns(
        lower=pl.Series(np.where(switch, 0.0, low[others]), dtype=pl.Float64),
        upper=pl.Series(np.where(switch, 1.0, high[others]), dtype=pl.Float64),
        whole=pl.Series(whole, dtype=pl.Boolean),
    )
    return {**columns, HELPERS: (helpers.select("helper"), others)}, helpers


def _rows(matrix: sp.csr_array, right: Any, sense: str, columns: Mapping[str, tuple[pl.DataFrame, Any]]) -> Rows:
    named = numbers(ROW, len(right))
    entries = {}
    for flow, (keys, mine) in columns.items():
        part = matrix[:, mine].tocoo()
        if part.nnz:
            more = [named[part.coords[0]], pl.DataFrame({COEFFICIENT: part.data})]
            entries[flow] = (tuple(keys.columns), pl.concat([keys[part.coords[1]], *more], how="horizontal"))
    return Rows(named, sense, right, entries)
