"""The network in Pyomo: indexed sets of labels, rules, HiGHS with its defaults through Pyomo's current interface."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import polars as pl
import pyomo.environ as pyo
from pyomo.contrib.solver.common.factory import SolverFactory

from soe_lib.extract.snapshot import Snapshot
from tests.benchmarks.peers_models.problem import Problem, state
from tests.benchmarks.peers_models.timed import Timed

KEYS = {
    "make": ("routing", "period"),
    "buy": ("offer", "period"),
    "ship": ("lane", "item", "period"),
    "stock": ("item", "location", "period"),
    "leave": ("item", "location"),
    "overtime": ("resource", "period"),
}
LINE = ("item", "location", "customer", "period")
CELL = ("item", "location", "period")


def run(snapshot: Snapshot) -> Timed:
    """Tables, Pyomo's model, HiGHS with its defaults, the quantities in Pyomo's variables."""
    timed = Timed(solver="choose")
    with timed.step("assemble"):
        problem = state(snapshot)
        model = build(problem)
    with timed.step("canonicalise"):
        solver = SolverFactory("highs")
        results = solver.solve(model, raise_exception_on_nonoptimal_result=True)
    highs = solver._solver_model
    # Pyomo's own time is what its solve took beside the run of HiGHS.
    timed.seconds["solve"] = highs.getRunTime()
    timed.seconds["canonicalise"] -= timed.seconds["solve"]
    timed.objective = float(results.incumbent_objective)
    timed.columns, timed.rows, timed.entries = highs.getNumCol(), highs.getNumRow(), highs.getNumNz()
    return timed


def build(problem: Problem) -> pyo.ConcreteModel:
    """Sets of labels, one variable per label, one rule per kind of row."""
    model: Any = pyo.ConcreteModel()
    money = {}
    for name, keys in KEYS.items():
        cells = _keys(getattr(problem, name), keys)
        money[name] = dict(zip(cells, getattr(problem, name)["money"], strict=True))
        setattr(model, f"{name}_cells", pyo.Set(initialize=cells, dimen=len(keys)))
        setattr(model, name, pyo.Var(getattr(model, f"{name}_cells"), domain=pyo.NonNegativeReals))
    lines = _keys(problem.lines, LINE)
    model.lines = pyo.Set(initialize=lines, dimen=len(LINE))
    model.sell = pyo.Var(model.lines, domain=pyo.NonNegativeReals)
    model.short = pyo.Var(model.lines, domain=pyo.NonNegativeReals)
    ceilings = dict(zip(_keys(problem.overtime, KEYS["overtime"]), problem.overtime["ceiling"], strict=True))
    for cell, ceiling in ceilings.items():
        model.overtime[cell].setub(ceiling)
    _stock(model, problem, lines)
    quantity = dict(zip(lines, problem.lines["quantity"], strict=True))
    model.demand = pyo.Constraint(model.lines, rule=lambda m, *line: m.sell[line] + m.short[line] == quantity[line])
    _hours(model, problem)
    price = dict(zip(lines, problem.lines["price"], strict=True))
    goodwill = dict(zip(lines, problem.lines["goodwill"], strict=True))
    earned = pyo.quicksum(price[line] * model.sell[line] - goodwill[line] * model.short[line] for line in lines)
    spent = (pyo.quicksum(per * getattr(model, name)[cell] for cell, per in money[name].items()) for name in KEYS)
    model.worth = pyo.Objective(expr=earned + sum(spent) + problem.constant, sense=pyo.maximize)
    return model


def _stock(model: Any, problem: Problem, lines: list[tuple[str, ...]]) -> None:
    """given + what comes in − what goes out − closing stock + the stock of the period before = 0."""
    moved = defaultdict(list)
    for name, move in problem.moves.items():
        keys = KEYS[name]
        cells = _keys(getattr(problem, name)[move["cell"]], keys)
        variable = getattr(model, name)
        for row, cell, quantity in zip(_keys(move, CELL), cells, move["quantity"], strict=True):
            moved[row].append(quantity * variable[cell])
    sold = defaultdict(list)
    for line in lines:
        sold[line[0], line[1], line[3]].append(model.sell[line])
    given = dict(zip(_keys(problem.balances, CELL), problem.balances["given"], strict=True))
    before = dict(zip(problem.periods[1:], problem.periods, strict=False))
    model.rows = pyo.Set(initialize=list(given), dimen=len(CELL))

    def balance(m: Any, item: str, location: str, period: str) -> Any:
        row = item, location, period
        opening = m.stock[item, location, before[period]] if period in before else 0.0
        closing = m.leave[item, location] if period == "beyond" else m.stock[row]
        return pyo.quicksum(moved[row]) - pyo.quicksum(sold[row]) + opening - closing == -given[row]

    model.balance = pyo.Constraint(model.rows, rule=balance)


def _hours(model: Any, problem: Problem) -> None:
    """Hours used − overtime <= hours of the calendar."""
    used = defaultdict(list)
    rows = problem.uses.select("resource", "period", "routing", "hours_per_unit").iter_rows()
    for resource, period, routing, hours in rows:
        used[resource, period].append(hours * model.make[routing, period])
    available = dict(zip(_keys(problem.hours, KEYS["overtime"]), problem.hours["hours"], strict=True))
    model.hours = pyo.Constraint(
        model.overtime_cells, rule=lambda m, *at: pyo.quicksum(used[at]) - m.overtime[at] <= available[at]
    )


def _keys(frame: pl.DataFrame, names: tuple[str, ...]) -> list[tuple[str, ...]]:
    """The labels of each row."""
    return frame.select(names).rows()
