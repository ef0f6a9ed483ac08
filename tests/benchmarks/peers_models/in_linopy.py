"""The network in linopy, as a user with sparse tables writes it: one variable per cell, grouped sums, HiGHS by default.

The model goes to HiGHS in memory (io_api="direct"), which is the fastest of linopy's own ways; HiGHS has its defaults.
"""

from __future__ import annotations

import linopy
import numpy as np
import pandas as pd
import polars as pl
import xarray as xr

from soe_lib.extract.snapshot import Snapshot
from tests.benchmarks.peers_models.problem import Problem, state
from tests.benchmarks.peers_models.timed import Timed


def run(snapshot: Snapshot) -> Timed:
    """Tables, linopy's model, HiGHS with its defaults, the quantities as labelled arrays."""
    timed = Timed(solver="choose")
    with timed.step("assemble"):
        problem = state(snapshot)
        model = build(problem)
    with timed.step("canonicalise"):
        status, why = model.solve("highs", io_api="direct", output_flag=False, progress=False)
    assert status == "ok", why
    highs = model.solver_model
    # linopy's own time is what its solve took beside the run of HiGHS.
    timed.seconds["solve"] = highs.getRunTime()
    timed.seconds["canonicalise"] -= timed.seconds["solve"]
    timed.objective = float(model.objective.value) + problem.constant
    timed.columns, timed.rows, timed.entries = highs.getNumCol(), highs.getNumRow(), highs.getNumNz()
    return timed


def build(problem: Problem) -> linopy.Model:
    """Variables by flow, stock balances by grouped sums over what moves stock, demand, hours."""
    model = linopy.Model()
    money = {
        **{name: getattr(problem, name)["money"] for name in ("make", "buy", "ship", "stock", "leave", "overtime")},
        "sell": problem.lines["price"],
        "short": -problem.lines["goodwill"],
    }
    money = {name: values for name, values in money.items() if len(values)}
    ceiling = {"overtime": _along(problem.overtime["ceiling"])}
    flows = {
        name: model.add_variables(
            lower=0, upper=ceiling.get(name, np.inf), coords=[pd.RangeIndex(len(values), name="cell")], name=name
        )
        for name, values in money.items()
    }

    def entry(name: str, cell: pl.Series | None, quantity: pl.Series | float) -> linopy.LinearExpression:
        """quantity × the flow's cells, in the order of the entries (all cells in their own order when left out)."""
        cells = 1.0 * flows[name]
        taken = (
            cells.rename(cell="entry") if cell is None else cells.isel(cell=xr.DataArray(cell.to_numpy(), dims="entry"))
        )
        free = taken.drop_vars([label for label in ("cell", "entry") if label in taken.coords])
        return free * (quantity if isinstance(quantity, float) else xr.DataArray(quantity.to_numpy(), dims="entry"))

    stock, lines = problem.stock["row"], problem.lines["row"]
    moves = {name: move for name, move in problem.moves.items() if move.height}
    parts = [(entry(name, move["cell"], move["quantity"]), move["row"]) for name, move in moves.items()]
    parts += [(entry("stock", None, -1.0), stock), (entry("stock", None, 1.0), stock + 1)]
    parts += [(entry("leave", None, -1.0), problem.leave["row"]), (entry("sell", None, -1.0), lines)]
    moved = linopy.merge([part for part, _ in parts], dim="entry")
    rows = xr.DataArray(pl.concat([row for _, row in parts]).to_numpy(), dims="entry", name="row")
    balance = moved.groupby(rows).sum()
    given = _along(problem.balances["given"], "row").sel(row=balance.indexes["row"])
    model.add_constraints(balance == -given, name="stock")

    served = flows["sell"] + flows["short"]
    model.add_constraints(served == _along(problem.lines["quantity"]), name="demand")

    used = entry("make", problem.uses["cell"], problem.uses["hours_per_unit"])
    beyond = entry("overtime", None, -1.0)
    spent = linopy.merge([used, beyond], dim="entry")
    places = np.concatenate([problem.uses["place"].to_numpy(), np.arange(problem.overtime.height)])
    worked = spent.groupby(xr.DataArray(places, dims="entry", name="place")).sum()
    model.add_constraints(worked <= _along(problem.hours["hours"], "place"), name="hours")

    model.add_objective(sum((_along(money[name]) * flow).sum() for name, flow in flows.items()), sense="max")
    return model


def _along(values: pl.Series, dim: str = "cell") -> xr.DataArray:
    """A column as an array along a dimension, numbered 0, 1, …"""
    return xr.DataArray(values.to_numpy(), dims=dim, coords={dim: np.arange(len(values))})
