"""Carry out one week: what was decided, as far as hours, components, stock and demand really allow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl
import scipy.sparse as sp

from soe_lib.errors import ReconciliationError
from soe_lib.replay.truth import DECIDED, Floats, Ints, Truth

CLOSE = 1e-6
"""Units within which a balance must hold."""
CENT = 0.005
"""Money within which accounts must add up."""


@dataclass(frozen=True)
class State:
    """What has been carried out up to a Monday.

    Parameters
    ----------
    x : quantity of every cell that was carried out; shape (columns,).
    net : what enters each node in each period less what leaves it, stock itself left out; shape (nodes, periods + 1).
    open : what of each demand line is not served; shape (demand lines,) [unit].
    """

    x: Floats
    net: Floats
    open: Floats

    def on_hand(self, week: int) -> Floats:
        """Closing stock of the week before, shape (nodes,); what arrives in the week itself is not in it."""
        return self.net[:, :week].sum(axis=1) if week else np.zeros(len(self.net))


class Floor:
    """The company's floor: lines, docks, trucks and customers of one truth.

    Parameters
    ----------
    truth : what really happens.
    """

    def __init__(self, truth: Truth) -> None:
        self.truth, self.physics = truth, truth.physics
        self.periods = len(self.physics.labels) + 1

    def opening(self) -> State:
        """The first Monday's morning: opening stock lies, firm receipts are on their way."""
        x = self.physics.given.copy()
        return State(x, self._net(x), self.lines["quantity"].to_numpy().copy())

    def _net(self, x: Floats) -> Floats:
        return (self.physics.stock @ x).reshape(self.physics.nodes.height, self.periods)

    # -- what the program says about cells ---------------------------------------------------------------------

    @cached_property
    def lines(self) -> pl.DataFrame:
        """Demand lines: item, location, customer, order, due, what each asks for, its money, due_index [week]."""
        model = self.physics.model
        short = self.physics.cells["short"]
        rhs = model.program.rhs[model.program.rows["demand"]]
        asked = model.balances["demand"].named.select("item", "location", "customer", "order", "due")
        place = {label: number for number, label in enumerate(self.physics.labels)}
        index = pl.col("due").cast(pl.String).replace_strict(place, return_dtype=pl.Int64)
        keys = ["item", "location", "customer", "order", "due"]
        return (
            short.select(pl.col(keys).cast(pl.String), "short_cost", "short_penalty", "price", "priority")
            .join(
                asked.select(pl.col(keys).cast(pl.String)).with_columns(pl.Series("quantity", rhs)),
                on=keys,
                how="left",
                maintain_order="left",
            )
            .with_columns(index.alias("due_index"))
        )

    @cached_property
    def serving(self) -> pl.DataFrame:
        """Every way to serve: column, line, node, week; by priority, then the oldest first, then by worth."""
        keys = ["item", "location", "customer", "order", "due"]
        place = self.physics.of_flow("sell")
        sell = self.physics.cells["sell"].select(pl.col(keys).cast(pl.String), "late_cost")
        nodes = self.physics.nodes.with_row_index("node")
        lines = self.lines.with_row_index("line").select("line", *keys, "priority", "price", "short_cost", "due_index")
        return (
            sell.with_columns(
                column=pl.Series(np.arange(place.start, place.stop)), week=pl.Series(self.physics.period[place])
            )
            .join(lines, on=keys, how="left", validate="m:1")
            .join(nodes.with_columns(pl.col("item", "location").cast(pl.String)), on=["item", "location"], how="left")
            .with_columns(pl.col("priority").fill_null(9999), worth=pl.col("price") + pl.col("short_cost"))
            .sort("week", "node", "priority", "due_index", -pl.col("worth"), *keys)
        )

    @cached_property
    def _serving_by_week(self) -> dict[int, tuple[Ints, Ints, Ints]]:
        parts = self.serving.partition_by("week", as_dict=True)
        return {
            int(week[0]): tuple(rows[name].cast(pl.Int64).to_numpy() for name in ("column", "line", "node"))  # type: ignore[misc]
            for week, rows in parts.items()
        }

    def columns(self, flow: str, week: int) -> Ints:
        """The columns of a flow in a week."""
        place = self.physics.of_flow(flow)
        return np.flatnonzero(self.physics.period[place] == week) + place.start

    def wanted(self, decisions: Mapping[str, pl.DataFrame], week: int) -> Floats:
        """Decisions as quantities of the truth's own cells; what the truth has no cell for falls away."""
        x = np.zeros(len(self.physics.period))
        label = self.physics.labels[week]
        for flow in DECIDED:
            if flow not in decisions or flow not in self.physics.cells:
                continue
            keys = list(self.physics.model.flows[flow].keys)
            columns = self.columns(flow, week)
            own = self.physics.cells[flow][columns - self.physics.of_flow(flow).start]
            mine = decisions[flow].with_columns(pl.lit(label).alias("period"))
            summed = mine.group_by(pl.col(keys).cast(pl.String)).agg(pl.col("quantity").sum())
            found = own.select(pl.col(keys).cast(pl.String)).join(summed, on=keys, how="left", maintain_order="left")
            x[columns] = np.maximum(found["quantity"].fill_null(0.0).to_numpy(), 0.0)
        return x

    def planned(self, decisions: Mapping[str, pl.DataFrame], flow: str) -> Floats:
        """A flow of a whole plan as quantities of the truth's own cells; shape (cells of the flow,)."""
        if flow not in decisions or flow not in self.physics.cells:
            return np.zeros(0)
        keys = pl.col(self.physics.model.flows[flow].keys).cast(pl.String)
        summed = decisions[flow].group_by(keys).agg(pl.col("quantity").sum())
        own = self.physics.cells[flow].select(keys)
        return own.join(summed, on=own.columns, how="left", maintain_order="left")["quantity"].fill_null(0.0).to_numpy()

    # -- the week ------------------------------------------------------------------------------------------------

    def week(self, state: State, decisions: Mapping[str, pl.DataFrame], week: int) -> State:
        """The state after a week: hours first, then components and stock level by level, then customers.

        Raises ReconciliationError where stock or hours do not close.
        """
        want = self.wanted(decisions, week)
        x = self._within_hours(want, week)
        x, net = self._within_stock(state, x, week)
        sold, net, left = self._sold(state, net, week)
        x = self._overtime(x, want, week)
        after = State(state.x + x + sold, net, left)
        self._check(state, after, x + sold, week)
        return after

    @cached_property
    def _accounts(self) -> sp.csr_array:
        """Money per unit by account, straight from the rates: shape (accounts, columns)."""
        frames = [
            rows.select("account", "per_unit", column=pl.col("cell").cast(pl.Int64) + self.physics.of_flow(flow).start)
            for flow, rows in self.physics.model.rate_frames.items()
        ]
        every = pl.concat(frames)
        names = sorted(every["account"].unique())
        row = every["account"].replace_strict({name: number for number, name in enumerate(names)}).to_numpy()
        shape = (len(names), len(self.physics.period))
        return sp.csr_array((every["per_unit"].to_numpy(), (row, every["column"].to_numpy())), shape=shape)

    def _hour_rows(self, week: int) -> Ints:
        return np.arange(len(self.physics.resources)) * len(self.physics.labels) + week

    def _within_hours(self, want: Floats, week: int) -> Floats:
        """Cut in proportion where a resource has not the hours, overtime as it was decided; alternatives follow."""
        if not self.physics.resources:
            return want
        rows = self._hour_rows(week)
        uses = sp.csr_array(self.physics.hours[rows, :])
        over = self.physics.of_flow("overtime")
        working = want.copy()
        working[over] = 0.0
        overtime = -(uses[:, over] @ want[over]) if over.stop > over.start else 0.0
        used, there = uses @ working, self.physics.offered[rows] + overtime
        share = np.where(used > there, there / np.where(used > 0, used, 1.0), 1.0).clip(0.0, 1.0)
        limiting = sp.coo_array(uses)
        factor = np.ones(len(want))
        np.minimum.at(factor, limiting.col, np.where(limiting.data > 0, share[limiting.row], 1.0))
        x = working * factor
        return self._with_runs(x, working, week)

    def _with_runs(self, x: Floats, before: Floats, week: int) -> Floats:
        """Where a step has alternatives a routing starts what the worst of its steps gets through."""
        if "run" not in self.physics.cells:
            return x
        runs, makes = self.columns("run", week), self.columns("make", week)
        cells = self.physics.cells["run"][runs - self.physics.of_flow("run").start]
        steps = cells.select(pl.col("routing", "step").cast(pl.String)).with_columns(
            was=pl.Series(before[runs]), now=pl.Series(x[runs])
        )
        kept = steps.group_by("routing", "step").agg(pl.col("was", "now").sum())
        kept = kept.with_columns(share=pl.when(pl.col("was") > 0).then(pl.col("now") / pl.col("was")).otherwise(1.0))
        worst = kept.group_by("routing").agg(pl.col("share").min())
        own = self.physics.cells["make"][makes - self.physics.of_flow("make").start].select(
            pl.col("routing").cast(pl.String)
        )
        share = own.join(worst, on="routing", how="left", maintain_order="left")["share"].fill_null(1.0).to_numpy()
        limited = np.divide(x[makes], before[makes], out=np.ones(len(makes)), where=before[makes] > 0)
        cut, x = x, x.copy()
        x[makes] = before[makes] * np.minimum(share, limited)
        # Split as cut, not as decided: an alternative that lost hours would else take them from nowhere.
        return self._runs_follow(x, cut, week)

    def _runs_follow(self, x: Floats, before: Floats, week: int) -> Floats:
        """Each step runs what its routing starts, split as it was decided."""
        if "run" not in self.physics.cells:
            return x
        runs, makes = self.columns("run", week), self.columns("make", week)
        cells = self.physics.cells["run"][runs - self.physics.of_flow("run").start].select(
            pl.col("routing", "step").cast(pl.String)
        )
        own = self.physics.cells["make"][makes - self.physics.of_flow("make").start].select(
            pl.col("routing").cast(pl.String), started=pl.Series(x[makes])
        )
        split = cells.with_columns(was=pl.Series(before[runs])).join(
            own, on="routing", how="left", maintain_order="left"
        )
        total = pl.col("was").sum().over("routing", "step")
        share = pl.when(total > 0).then(pl.col("was") / total).otherwise(0.0)
        x = x.copy()
        x[runs] = split.select((share * pl.col("started")).fill_null(0.0)).to_series().to_numpy()
        return x

    def _levels(self, takes: sp.coo_array, gives: sp.coo_array) -> list[Ints]:
        """Makes and ships of one week by level: who uses what others bring in the same week comes after them.

        Parameters
        ----------
        takes, gives : shape (nodes, columns), what each column takes from and brings to each node in the week.
        """
        depth_row, depth = np.zeros(takes.shape[0], np.intp), np.zeros(takes.shape[1], np.intp)
        for _ in range(takes.shape[0]):  # as many rounds as the chain is long; a ring of lanes ends it
            depth = np.zeros(takes.shape[1], np.intp)
            np.maximum.at(depth, takes.col, depth_row[takes.row])
            deeper = np.zeros(takes.shape[0], np.intp)
            np.maximum.at(deeper, gives.row, depth[gives.col] + 1)
            if (deeper == depth_row).all():
                break
            depth_row = deeper
        return [np.flatnonzero(depth == level) for level in range(depth.max(initial=0) + 1)]

    def _moving(self, week: int) -> Ints:
        return np.concatenate([self.columns("make", week), self.columns("ship", week)])

    def _within_stock(self, state: State, x: Floats, week: int) -> tuple[Floats, Floats]:
        """Level by level: starts and dispatches in proportion to the components and the stock that are there."""
        before, x, net = x, x.copy(), state.net.copy()
        bought = self.columns("buy", week)
        net += self._brought(x, bought)
        moving = self._moving(week)
        rows = np.arange(self.physics.nodes.height) * self.periods + week
        part = self.physics.stock[rows, :][:, moving]
        takes, gives = sp.coo_array(part * (part < 0)), sp.coo_array(part * (part > 0))
        for level in self._levels(takes, gives):
            columns, mine = moving[level], np.isin(takes.col, level)
            row, column, unit = takes.row[mine], moving[takes.col[mine]], -takes.data[mine]
            need = np.zeros(len(rows))
            np.add.at(need, row, unit * x[column])
            there = net[:, : week + 1].sum(axis=1)
            share = np.where(need > there, there / np.where(need > 0, need, 1.0), 1.0).clip(0.0, 1.0)
            factor = np.ones(len(x))
            np.minimum.at(factor, column, share[row])
            x *= factor
            net += self._brought(x, columns)
        return self._runs_follow(x, before, week), net

    def _brought(self, x: Floats, columns: Ints) -> Floats:
        brought = self.physics.stock[:, columns] @ x[columns]
        return brought.reshape(self.physics.nodes.height, self.periods)

    def _sold(self, state: State, net: Floats, week: int) -> tuple[Floats, Floats, Floats]:
        """Customers by priority, the oldest demand first, then by worth, from what is there."""
        sold, net, left = np.zeros(len(state.x)), net.copy(), state.open.copy()
        if week not in self._serving_by_week:
            return sold, net, left
        column, line, node = self._serving_by_week[week]
        there = net[:, : week + 1].sum(axis=1).clip(0.0)
        asked = left[line]
        run = np.cumsum(asked)
        first = np.r_[True, node[1:] != node[:-1]]
        base = np.maximum.accumulate(np.where(first, run - asked, -np.inf))
        served = np.clip(there[node] - (run - asked - base), 0.0, asked)
        sold[column] = served
        np.subtract.at(left, line, served)
        np.subtract.at(net[:, week], node, served)
        return sold, net, left

    def _overtime(self, x: Floats, want: Floats, week: int) -> Floats:
        """Only the overtime that was needed is worked and paid."""
        columns = self.columns("overtime", week)
        if not len(columns):
            return x
        rows = self._hour_rows(week)
        uses = sp.csr_array(self.physics.hours[rows, :])
        missing = (uses @ x - self.physics.offered[rows]).clip(0.0)
        x = x.copy()
        part = sp.coo_array(uses[:, columns])
        x[columns[part.col]] = np.minimum(missing[part.row] / -part.data, want[columns[part.col]])
        return x

    def _check(self, before: State, after: State, x: Floats, week: int) -> None:
        """Opening + in − out = closing at every node, nothing below zero, no resource beyond its hours."""
        opening = before.net[:, : week + 1].sum(axis=1)
        moved = self._net(x)[:, week]
        closing = after.net[:, : week + 1].sum(axis=1)
        size = max(1.0, float(np.abs(opening).max(initial=0.0)))
        if np.abs(opening + moved - closing).max(initial=0.0) > CLOSE * size:
            raise ReconciliationError(f"week {week}: opening stock and what moved do not add up to closing stock.")
        if closing.min(initial=0.0) < -CLOSE * size:
            where = self.physics.nodes.row(int(closing.argmin()))
            raise ReconciliationError(f"week {week}: stock of {where} would be {closing.min():.6f}.")
        accounts = self._accounts @ x
        if abs(accounts.sum() - self.physics.model.program.money @ x) > CENT * max(1.0, np.abs(accounts).sum() * 1e-9):
            raise ReconciliationError(f"week {week}: the accounts do not add up to the money of the week.")
        rows = self._hour_rows(week)
        over = self.physics.hours[rows, :] @ x - self.physics.offered[rows]
        if over.max(initial=0.0) > CLOSE * max(1.0, float(self.physics.offered.max(initial=0.0))):
            raise ReconciliationError(f"week {week}: hours used exceed the hours there by {over.max():.6f}.")
