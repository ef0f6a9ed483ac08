"""Assemble the blocks into one program of labelled arrays."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import scipy.sparse as sp

from soe_lib.errors import FormulationError
from soe_lib.model.axis import Axis, Floats, incidence
from soe_lib.model.cache import Cache
from soe_lib.model.terms import Constraint, Effect, Flow, Rate, column, lacking
from soe_lib.solver.program import Hints, Labelled, Places, Program

if TYPE_CHECKING:
    from soe_lib.model.network import Network
    from soe_lib.store.plan import Plan

LEDGER_LABELS = ("item", "location", "customer", "booked")
"""Where a rate is booked; `booked` is the period."""

LEAD = ("period", "lead_days", "lead_periods", "dispatch", "counted")
"""The columns that decide when a cell arrives."""


def joined(frame: pl.DataFrame, extra: pl.DataFrame | None, using: tuple[str, ...], who: str) -> pl.DataFrame:
    """The cells joined with the rows of `extra`; cells without a match drop out."""
    if extra is None:
        if using:
            raise FormulationError(f"{who}: `using` names {', '.join(using)}, but there is no table to join")
        return frame
    if not using:
        raise FormulationError(f"{who}: a table is joined, but `using` does not say on which columns")
    lacking(frame, using, who, "`using`")
    lacking(extra, using, f"{who}, joined table", "`using`")
    if clash := (set(frame.columns) & set(extra.columns)) - set(using):
        raise FormulationError(f"{who}: both sides of the join have {sorted(clash)}; rename one of them")
    return frame.join(extra, on=list(using), how="inner", maintain_order="left_right")


def cells_of(term: Effect | Rate, flow: Flow, who: str) -> pl.DataFrame:
    """The numbered cells of a flow that a term acts on, with the columns of the term's joined table."""
    cells = flow.rows.with_row_index("cell")
    try:
        if term.where is not None:
            lacking(cells, term.where, who, "`where`")
            cells = cells.filter(term.where)
        return joined(cells, term.join, term.using, who)
    except pl.exceptions.PolarsError as error:
        raise FormulationError(
            f"{who}: {str(error).splitlines()[0]}; labels are coded: write ones that the extract has, and encode "
            "tables of your own with network.encode(…)."
        ) from error


def entries(
    effect: Effect, flow: Flow, constraint: Constraint, arrivals: pl.DataFrame | None
) -> tuple[Floats, Places, Places]:
    """Coefficient, constraint row and flow column of each matrix entry of the effect."""
    who = f"{effect.flow} on {effect.on}"
    cells = cells_of(effect, flow, who)
    if effect.after:
        lacking(cells, LEAD, who, "`after`")
        if arrivals is None:
            raise FormulationError(f"{who}: arrives later, but the network has no arrivals")
        cells = cells.join(arrivals, on=[*LEAD], how="left", nulls_equal=True, maintain_order="left_right")
    coefficients = column(cells, effect.per_unit, who)
    if endless := int(np.isinf(coefficients).sum()):
        raise FormulationError(f"{who}: {endless} of {cells.height} coefficients are infinite; give a finite number.")
    at = {**({"period": "arrival"} if effect.after else {}), **effect.at}
    if effect.after:
        coefficients = coefficients * column(cells, "share", f"{who}, share that arrives")
    labels = cells.select(pl.col(at.get(key, key)).alias(key) for key in constraint.keys)
    return coefficients, constraint.axis.find(labels, who), cells.get_column("cell").to_numpy().astype(np.intp)


def rate_rows(rate: Rate, flow: Flow) -> pl.DataFrame:
    """One row per cell and rate: cell, keys, account, kind, where it is booked, money per unit; zero rates drop out."""
    who = f"rate {rate.account} on {rate.flow}"
    cells = cells_of(rate, flow, who)
    amounts = column(cells, rate.per_unit, who)
    at = {"booked": "period", **rate.at}
    places = [
        (pl.col(source).cast(pl.String) if (source := at.get(label, label)) in cells.columns else pl.lit("")).alias(
            label
        )
        for label in LEDGER_LABELS
    ]
    nonzero = np.flatnonzero(amounts)
    return (
        cells.with_columns(pl.Series("money", amounts))[nonzero]
        .select(
            "cell",
            *flow.keys,
            pl.lit(rate.account).alias("account"),
            pl.lit(rate.kind).alias("kind"),
            *(place.alias(f"_{place.meta.output_name()}") for place in places),
            pl.col("money").alias("per_unit"),
        )
        .rename({f"_{label}": (label if label not in flow.keys else f"booked_{label}") for label in LEDGER_LABELS})
    )


def assemble(
    flows: Mapping[str, Flow],
    constraints: Mapping[str, Constraint],
    effects: list[Effect],
    rates: Mapping[str, pl.DataFrame],
    arrivals: pl.DataFrame | None,
    cache: Cache,
    beside: Iterable[str] = (),
) -> Program:
    """Stack flows into columns and constraints into rows; equalities come first.

    Parameters
    ----------
    rates : flow → frame from `rate_rows`. arrivals : from `Network.arrivals`.
    cache : of the network. beside : names of the analyst's convex constraints, which are not in the arrays.
    """
    for effect in effects:
        if effect.flow not in flows or effect.on not in constraints:
            raise FormulationError(
                f"effect of {effect.flow!r} on {effect.on!r}: no block brings the flow or the constraint"
            )
    flows = {name: flows[name] for name in sorted(flows)}
    constraints = {
        name: constraints[name] for name in sorted(constraints, key=lambda n: (constraints[n].sense != "==", n))
    }
    cells, places = axes_of(flows, cache), axes_of(constraints, cache)
    axes = (*cells.values(), *places.values())
    acting: dict[tuple[str, str], list[Effect]] = {}
    for effect in effects:
        acting.setdefault((effect.on, effect.flow), []).append(effect)
    blocks: dict[tuple[str, str], sp.csr_array] = {}
    for name, constraint in constraints.items():
        for flow_name in sorted(flow for on, flow in acting if on == name):
            flow, mine = flows[flow_name], acting[name, flow_name]
            later = (arrivals,) if any(effect.after for effect in mine) else ()
            make = partial(_block, mine, flow, constraint, arrivals)
            blocks[name, flow_name] = cache.get(("effects", name, flow_name), make, flow, places[name], *mine, *later)
    columns, rows = _slices(flows), _slices(constraints)
    bounds = {name: flow.bounds for name, flow in flows.items()}
    upper, equal = (
        _join([constraint.right for constraint in constraints.values()]),
        np.zeros(sum(_sizes(constraints)), bool),
    )
    equal[: sum(constraint.size for constraint in constraints.values() if constraint.sense == "==")] = True
    integer = np.concatenate([flow.whole for flow in flows.values()] or [np.zeros(0, bool)])
    return Program(
        matrix=cache.get("matrix", lambda _: _stack(blocks, rows, columns), *axes, *blocks.values()),
        cost=-_join([_money(rates.get(name), flow) for name, flow in flows.items()]),
        row_lower=np.where(equal, upper, -np.inf),
        row_upper=upper,
        lower=_join([low for low, _ in bounds.values()]),
        upper=_join([high for _, high in bounds.values()]),
        integer=integer,
        columns=columns,
        rows=rows,
        flows=flows,
        constraints=constraints,
        weights=cache.get("weights", lambda _: _join([axis.weights for axis in cells.values()]), *axes),
        implied=tuple(name for name, constraint in constraints.items() if constraint.follows),
        beside=tuple(beside),
        hints=_hints(flows, columns, constraints) if integer.any() else None,
    )


def checked(program: Program) -> Program:
    """The program; raises FormulationError where it has no flow or a figure is not finite."""
    if not program.columns:
        raise FormulationError("the program is empty: no block brings a flow; is there any demand in the horizon?")
    for what, values in (
        ("money", program.cost),
        ("right-hand side", program.rhs),
        ("effect", program.matrix.data),
    ):
        if not np.isfinite(values).all():
            raise FormulationError(f"{int((~np.isfinite(values)).sum())} values of {what} are not finite")
    return program


def axes_of(parts: Mapping[str, Flow] | Mapping[str, Constraint], cache: Cache) -> dict[str, Axis]:
    """Name → its axis; reuses the axis of a similar network where the labels are the same."""
    return {name: cache.get((type(part), name), partial(_axis, part), part) for name, part in parts.items()}


def _axis(part: Flow | Constraint, _: Network) -> Axis:
    return part.axis


def _block(
    effects: list[Effect], flow: Flow, constraint: Constraint, arrivals: pl.DataFrame | None, _: Network
) -> sp.csr_array:
    found = [entries(effect, flow, constraint, arrivals) for effect in effects]
    coefficients, places, cells = (np.concatenate([part[k] for part in found]) for k in range(3))
    return incidence(coefficients, places, cells, (constraint.size, flow.size))


def _hints(flows: Mapping[str, Flow], columns: Mapping[str, slice], constraints: Mapping[str, Constraint]) -> Hints:
    """Period, item and links of the columns, for the search for whole numbers."""
    when, what = np.full((2, sum(_sizes(flows))), -1, dtype=np.intp)
    for number, (name, flow) in enumerate(flows.items(), 1):
        place, rows = columns[name], flow.rows
        if "period" in rows.columns:
            when[place] = rows["period"].to_physical().to_numpy()
        # Items have the same number in every flow; whatever has no item is numbered flow by flow.
        other = "item" not in rows.columns
        own = rows[flow.keys[0] if other else "item"].to_physical().to_numpy().astype(np.intp)
        what[place] = own + (number << 32 if other else 0)
    return Hints(when, what, linked=tuple(name for name, constraint in constraints.items() if constraint.linked))


def quantity_of(flow: Labelled, theirs: pl.DataFrame) -> Floats:
    """Another plan's quantity for each cell of a flow, matched by labels; NaN without a match."""
    text = [pl.col(key).cast(pl.String) for key in flow.keys]
    mine = flow.rows.select(text).join(
        theirs.select(*text, pl.col("quantity").cast(pl.Float64)), on=flow.keys, how="left", maintain_order="left"
    )
    return mine["quantity"].fill_null(np.nan).to_numpy()


def quantities(program: Program, flows: Mapping[str, pl.DataFrame]) -> Floats:
    """A plan's quantity for each column of a program, matched by labels; NaN without a match."""
    found = [quantity_of(program.flows[name], flows[name]) for name in program.columns]
    return _join(found)


def started(program: Program, plan: Plan, flows: Mapping[str, Flow]) -> Program:
    """The program with the whole numbers of a known plan as start values, matched by labels; NaN without a match."""
    if program.hints is None:
        return program
    solution, size, start = plan.solution, max(1.0, abs(plan.objective)), np.full(len(program.cost), np.nan)
    for name, flow in flows.items():
        theirs = plan.flows.get(name)
        if flow.whole.any() and theirs is not None and set(flow.keys) <= set(theirs.columns):
            start[program.columns[name]] = np.where(flow.whole, np.rint(quantity_of(flow, theirs)), np.nan)
    proven = solution.get("status") == "optimal"
    loose = 0.0 if proven else (float(solution.get("relaxed", np.nan)) - plan.objective) / size
    return replace(program, hints=replace(program.hints, start=start, loose=loose, priced=program.cost))


def _sizes(parts: Mapping[str, Flow] | Mapping[str, Constraint]) -> list[int]:
    return [part.size for part in parts.values()]


def _slices(parts: Mapping[str, Flow] | Mapping[str, Constraint]) -> dict[str, slice]:
    sizes = _sizes(parts)
    ends = np.cumsum(sizes, dtype=int).tolist()
    return {name: slice(end - size, end) for name, size, end in zip(parts, sizes, ends, strict=True)}


def _join(parts: list[Floats]) -> Floats:
    return np.concatenate(parts) if parts else np.zeros(0)


def _money(rates: pl.DataFrame | None, flow: Flow) -> Floats:
    if rates is None:
        return np.zeros(flow.size)
    money = np.bincount(rates["cell"].to_numpy(), weights=rates["per_unit"].to_numpy(), minlength=flow.size)
    return money.astype(np.float64)


def _stack(
    blocks: Mapping[tuple[str, str], sp.csr_array], rows: Mapping[str, slice], columns: Mapping[str, slice]
) -> sp.csc_array:
    shape = (
        max((one.stop for one in rows.values()), default=0),
        max((one.stop for one in columns.values()), default=0),
    )
    coordinates = [(m.tocoo(), rows[b].start, columns[f].start) for (b, f), m in blocks.items()]
    if not coordinates:
        return sp.csc_array(shape)
    matrix = incidence(
        np.concatenate([m.data for m, _, _ in coordinates]),
        np.concatenate([m.coords[0] + top for m, top, _ in coordinates]).astype(np.intp),
        np.concatenate([m.coords[1] + left for m, _, left in coordinates]).astype(np.intp),
        shape,
    ).tocsc()
    matrix.sort_indices()
    return matrix
