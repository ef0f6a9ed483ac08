"""The program as plain arrays: what the blocks add up to, before any modelling library sees it.

The certificate checks answers against these arrays, not against what CVXPY or the solver made of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl
import scipy.sparse as sp

from soe_lib.errors import FormulationError
from soe_lib.model.axis import Floats, incidence
from soe_lib.model.terms import Balance, Effect, Flow, Rate, column, expression, lacking

LEDGER_LABELS = ("item", "location", "customer", "booked")
"""Where a rate is booked; `booked` is the period."""

LEAD = ("period", "lead_days", "lead_periods", "dispatch", "counted")
"""What decides when a cell arrives."""

Cells = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Program:
    """Maximise money @ x, where matrix @ x == rhs (first `equalities` rows) or <= rhs (the rest), lower <= x <= upper.

    Parameters
    ----------
    flows, balances : by name; columns and rows stand in the order of these mappings.
    matrix : shape (rows, columns).
    money : shape (columns,), money per unit of each cell.
    rhs, lower, upper : right-hand sides and bounds.
    integer : shape (columns,), True where only whole numbers will do.
    columns, rows : slice of each flow and each balance.
    """

    flows: Mapping[str, Flow]
    balances: Mapping[str, Balance]
    matrix: sp.csr_array
    money: Floats
    rhs: Floats
    lower: Floats
    upper: Floats
    integer: npt.NDArray[np.bool_]
    equalities: int
    columns: Mapping[str, slice]
    rows: Mapping[str, slice]
    blocks: Mapping[tuple[str, str], sp.csr_array]

    def part(self, name: str, values: Floats) -> Floats:
        """The values of one flow."""
        return values[self.columns[name]]


def joined(frame: pl.DataFrame, extra: pl.DataFrame | None, using: tuple[str, ...], who: str) -> pl.DataFrame:
    """The cells together with the rows of `extra` that they meet; cells that meet none drop out."""
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
    """The cells of a flow that a term acts on, numbered, with what its table tells about them."""
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


def entries(effect: Effect, flow: Flow, balance: Balance, arrivals: pl.DataFrame | None) -> tuple[Floats, Cells, Cells]:
    """Coefficient, balance row and flow column of each place where the effect acts."""
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
    labels = cells.select(pl.col(at.get(key, key)).alias(key) for key in balance.keys)
    return coefficients, balance.axis.find(labels, who), cells.get_column("cell").to_numpy().astype(np.intp)


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
    kept = np.flatnonzero(amounts)
    return (
        cells.with_columns(pl.Series("money", amounts))[kept]
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


@dataclass(frozen=True, eq=False)
class Known:
    """A program near the one to assemble.

    Parameters
    ----------
    program : its arrays. effects : in the order that they were assembled in. arrivals : theirs.
    """

    program: Program
    effects: list[Effect]
    arrivals: pl.DataFrame | None

    def block(
        self, balance: Balance, flow: Flow, effects: list[Effect], arrivals: pl.DataFrame | None
    ) -> sp.csr_array | None:
        """The entries of a flow in a balance, where the flow, its effects and the rows are the same; else None."""
        there = self.program
        if there.flows.get(flow.name) is not flow or not self._places(balance):
            return None
        theirs = [effect for effect in self.effects if (effect.on, effect.flow) == (balance.name, flow.name)]
        same = len(theirs) == len(effects) and all(a is b for a, b in zip(effects, theirs, strict=True))
        if not same or (any(effect.after for effect in effects) and arrivals is not self.arrivals):
            return None
        return there.blocks.get((balance.name, flow.name))

    def _places(self, balance: Balance) -> bool:
        """Whether a balance has the same rows, whatever stands on their right."""
        there = self.program.balances.get(balance.name)
        return there is not None and (there is balance or there.axis.same(balance.axis))


def assemble(
    flows: Mapping[str, Flow],
    balances: Mapping[str, Balance],
    effects: list[Effect],
    rates: Mapping[str, pl.DataFrame],
    arrivals: pl.DataFrame | None,
    known: Known | None = None,
) -> Program:
    """Stack flows into columns and balances into rows; equalities stand first; what is known is taken over."""
    for effect in effects:
        if effect.flow not in flows or effect.on not in balances:
            raise FormulationError(f"effect of {effect.flow!r} on {effect.on!r}: no block brings one of them")
    flows = {name: flows[name] for name in sorted(flows)}
    balances = {name: balances[name] for name in sorted(balances, key=lambda n: (balances[n].sense != "==", n))}
    columns, rows = _slices(flows), _slices(balances)
    size = (sum(b.size for b in balances.values()), sum(f.size for f in flows.values()))
    acting: dict[tuple[str, str], list[Effect]] = {}
    for effect in effects:
        acting.setdefault((effect.on, effect.flow), []).append(effect)
    blocks: dict[tuple[str, str], sp.csr_array] = {}
    for name, balance in balances.items():
        for flow_name in sorted(flow for on, flow in acting if on == name):
            flow, mine = flows[flow_name], acting[name, flow_name]
            there = known.block(balance, flow, mine, arrivals) if known else None
            blocks[name, flow_name] = _block(mine, flow, balance, arrivals) if there is None else there
    bounds = {name: flow.bounds for name, flow in flows.items()}
    return Program(
        flows=flows,
        balances=balances,
        matrix=_matrix(blocks, rows, columns, size, known),
        money=_join([_money(rates.get(name), flow) for name, flow in flows.items()]),
        rhs=_join([balance.right for balance in balances.values()]),
        lower=_join([low for low, _ in bounds.values()]),
        upper=_join([high for _, high in bounds.values()]),
        integer=np.concatenate([flow.whole for flow in flows.values()] or [np.zeros(0, bool)]),
        equalities=sum(b.size for b in balances.values() if b.sense == "=="),
        columns=columns,
        rows=rows,
        blocks=blocks,
    )


def checked(program: Program) -> Program:
    """The program, which has a flow and finite figures; raises FormulationError where it has not."""
    if not program.flows:
        raise FormulationError("the program is empty: no block brings a flow; is there any demand in the horizon?")
    for what, values in (
        ("money", program.money),
        ("right-hand side", program.rhs),
        ("effect", program.matrix.data),
    ):
        if not np.isfinite(values).all():
            raise FormulationError(f"{int((~np.isfinite(values)).sum())} values of {what} are not finite")
    return program


def _block(effects: list[Effect], flow: Flow, balance: Balance, arrivals: pl.DataFrame | None) -> sp.csr_array:
    found = [entries(effect, flow, balance, arrivals) for effect in effects]
    coefficients, places, cells = (np.concatenate([part[k] for part in found]) for k in range(3))
    return incidence(coefficients, places, cells, (balance.size, flow.size))


def _matrix(
    blocks: Mapping[tuple[str, str], sp.csr_array],
    rows: Mapping[str, slice],
    columns: Mapping[str, slice],
    shape: tuple[int, int],
    known: Known | None,
) -> sp.csr_array:
    there = known.program if known else None
    shapes = there is not None and (there.rows, there.columns, there.blocks.keys()) == (rows, columns, blocks.keys())
    if there is not None and shapes and all(_alike(block, there.blocks[place]) for place, block in blocks.items()):
        return there.matrix
    return _stack(blocks, rows, columns, shape)


def _alike(one: sp.csr_array, other: sp.csr_array) -> bool:
    """Whether two blocks have the same entries, in the one order that `incidence` gives them."""
    return one is other or (
        one.shape == other.shape
        and np.array_equal(one.indptr, other.indptr)
        and np.array_equal(one.indices, other.indices)
        and np.array_equal(one.data, other.data)
    )


def _slices(parts: Mapping[str, Flow] | Mapping[str, Balance]) -> dict[str, slice]:
    sizes = {name: part.size for name, part in parts.items()}
    ends = np.cumsum(list(sizes.values()), dtype=int).tolist()
    return {name: slice(end - size, end) for (name, size), end in zip(sizes.items(), ends, strict=True)}


def _join(parts: list[Floats]) -> Floats:
    return np.concatenate(parts) if parts else np.zeros(0)


def _money(rates: pl.DataFrame | None, flow: Flow) -> Floats:
    if rates is None:
        return np.zeros(flow.size)
    money = np.bincount(rates["cell"].to_numpy(), weights=rates["per_unit"].to_numpy(), minlength=flow.size)
    return money.astype(np.float64)


def stacked(blocks: Mapping[tuple[str, str], sp.csr_array], program: Program) -> sp.csr_array:
    """The matrix of a program with other numbers in its blocks."""
    return _stack(blocks, program.rows, program.columns, (len(program.rhs), len(program.money)))


def _stack(
    blocks: Mapping[tuple[str, str], sp.csr_array],
    rows: Mapping[str, slice],
    columns: Mapping[str, slice],
    shape: tuple[int, int],
) -> sp.csr_array:
    coordinates = [(m.tocoo(), rows[b].start, columns[f].start) for (b, f), m in blocks.items()]
    if not coordinates:
        return sp.csr_array(shape)
    return incidence(
        np.concatenate([m.data for m, _, _ in coordinates]),
        np.concatenate([m.coords[0] + top for m, top, _ in coordinates]).astype(np.intp),
        np.concatenate([m.coords[1] + left for m, _, left in coordinates]).astype(np.intp),
        shape,
    )


__all__ = ["LEDGER_LABELS", "Program", "assemble", "checked", "entries", "expression", "rate_rows", "stacked"]
