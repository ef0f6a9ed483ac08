"""Carry out one week: the decisions, as far as hours, components, stock, shelf life and demand really allow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt
import polars as pl
import scipy.sparse as sp

from soe_lib.errors import ReconciliationError
from soe_lib.replay.ages import WEEK, Ageing, Lots
from soe_lib.replay.audit import Audit
from soe_lib.replay.truth import DECIDED, Floats, Ints, Truth

CLOSE = 1e-6
"""Units within which a balance must hold."""
CENT = 0.005
"""Money within which accounts must add up."""


@dataclass(frozen=True)
class State:
    """The state on a Monday, after the weeks carried out.

    Parameters
    ----------
    x : quantity of every cell that was carried out; shape (columns,).
    net : inflow less outflow of each node in each period, without stock; shape (nodes, periods + 1).
    open : the unserved quantity of each demand line; shape (demand lines,) [unit].
    lots : of goods that expire.
    """

    x: Floats
    net: Floats
    open: Floats
    lots: Lots

    def on_hand(self, week: int) -> Floats:
        """Closing stock of the week before, shape (nodes,), without arrivals of the week itself."""
        return self.net[:, :week].sum(axis=1) if week else np.zeros(len(self.net))


@dataclass(frozen=True, eq=False)
class _Round:
    """Cells that serve demand from the stock of each node, in their order: shape (cells,); life: required weeks."""

    column: Ints
    line: Ints
    node: Ints
    ratio: Floats
    life: int


class Floor:
    """The execution of decisions in one truth: lines, docks, trucks and customers.

    Parameters
    ----------
    truth : what really happens.
    """

    def __init__(self, truth: Truth) -> None:
        self.truth, self.physics = truth, truth.physics
        self.periods = len(self.physics.labels) + 1
        self.ageing = Ageing.of(truth.real, self.physics)
        self.audit = Audit(truth)

    def opening(self) -> State:
        """The state on the first Monday's morning: opening stock, and firm receipts in transit."""
        x = self.physics.given.copy()
        lots = self.ageing.begun(self.periods, self._came(x, self.physics.of_flow("receive")))
        return State(x, self._net(x), self.lines["quantity"].to_numpy().copy(), lots)

    def _came(self, x: Floats, columns: slice | Ints) -> Floats:
        """Units that columns deliver to the ageing nodes, by period; shape (ageing nodes, periods + 1)."""
        chosen = np.zeros(len(x))
        chosen[columns] = x[columns]
        return self._by_node(self._gives @ chosen)[self.ageing.nodes]

    @cached_property
    def _gives(self) -> sp.csc_array:
        """The positive entries of the stock rows: what each column delivers."""
        return sp.csc_array(self.physics.stock.maximum(0.0))

    def _by_node(self, rows: Floats) -> Floats:
        return rows.reshape(self.physics.nodes.height, self.periods)

    def _net(self, x: Floats) -> Floats:
        return self._by_node(self.physics.stock @ x)

    # -- what the program says about cells ---------------------------------------------------------------------

    @cached_property
    def lines(self) -> pl.DataFrame:
        """Demand lines: item, location, customer, order, due, quantity, money, due_index [week]."""
        model = self.physics.model
        short = self.physics.cells["short"]
        rhs = model.program.rhs[model.program.rows["demand"]]
        asked = model.constraints["demand"].named.select("item", "location", "customer", "order", "due")
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
        """Every cell that serves a demand line, in serving order: column, line, node, week, ratio, rank, life.

        The demanded item comes first, then substitutes that earn more than they cost; within each by priority, then the
        oldest first, then by worth. ratio : units from stock per unit demanded; rank : 0 is the demanded item, 1 the
        cheapest substitute; life : remaining weeks that the customer requires of goods that expire.
        """
        keys = ["item", "location", "customer", "order", "due"]
        nodes = self.physics.nodes.with_row_index("node").with_columns(pl.col("item", "location").cast(pl.String))
        lines = self.lines.with_row_index("line").select(
            "line", *keys, "priority", "price", "short_cost", "short_penalty", "due_index"
        )
        own = self._serving_cells("sell").with_columns(
            gives=pl.col("item"), ratio=pl.lit(1.0), cost=pl.lit(0.0), rank=pl.lit(0, pl.Int64)
        )
        parts = [own]
        if "replace" in self.physics.cells:
            instead = self._serving_cells("replace").rename({"substitute": "gives"})
            cheapest = pl.struct("cost", "gives").rank("ordinal").over("line", "week").cast(pl.Int64)
            instead = instead.join(lines, on=keys, validate="m:1")
            pays = pl.col("price") + pl.col("short_cost") + pl.col("short_penalty") > pl.col("cost")
            parts.append(instead.filter(pays).with_columns(rank=cheapest).select(own.columns))
        required = self.truth.real["customers"].select(
            "customer", life=(pl.col("remaining_life_days").fill_null(0.0) / WEEK).cast(pl.Int64)
        )
        ageing = pl.col("node").is_in(self.ageing.nodes.tolist())
        return (
            pl.concat(parts)
            .join(lines, on=keys, how="left", validate="m:1")
            .join(nodes, left_on=["gives", "location"], right_on=["item", "location"], how="left")
            .join(required, on="customer", how="left")
            .with_columns(
                pl.col("priority").fill_null(9999),
                worth=pl.col("price") + pl.col("short_cost"),
                life=pl.when(ageing).then(pl.col("life").fill_null(0)).otherwise(0),
            )
            .sort("week", "rank", "node", "priority", "due_index", -pl.col("worth"), *keys)
        )

    def _serving_cells(self, flow: str) -> pl.DataFrame:
        """The cells of sell or replace with flow, column and week."""
        place, cells = self.physics.of_flow(flow), self.physics.cells[flow]
        named = [
            name for name in ("item", "location", "customer", "order", "due", "substitute") if name in cells.columns
        ]
        figures = [name for name in ("ratio", "cost") if name in cells.columns]
        return cells.select(pl.col(named).cast(pl.String), *figures).with_columns(
            flow=pl.lit(flow),
            column=pl.Series(np.arange(place.start, place.stop)),
            week=pl.Series(self.physics.period[place]),
        )

    @cached_property
    def _rounds_by_week(self) -> dict[int, list[_Round]]:
        """The rounds in which customers are served, each from the stock that earlier rounds leave.

        With goods that expire, each priority and required life has its own round, the longest life first.
        """
        turn = ["week", "rank", *(["priority", "fresh"] if len(self.ageing.nodes) else [])]
        rounds: dict[int, list[_Round]] = {}
        ordered = self.serving.with_columns(fresh=-pl.col("life")).sort(turn, maintain_order=True)
        for key, rows in ordered.partition_by(turn, as_dict=True, maintain_order=True).items():
            column, line, node = (rows[name].cast(pl.Int64).to_numpy() for name in ("column", "line", "node"))
            life = int(rows["life"][0]) if len(self.ageing.nodes) else 0
            made = _Round(column, line, node, rows["ratio"].to_numpy(), life)
            rounds.setdefault(int(key[0]), []).append(made)
        return rounds

    def columns(self, flow: str, week: int) -> Ints:
        """The columns of a flow in a week."""
        place = self.physics.of_flow(flow)
        return np.flatnonzero(self.physics.period[place] == week) + place.start

    def wanted(self, decisions: Mapping[str, pl.DataFrame], week: int) -> Floats:
        """Decisions as quantities of the truth's own cells; decisions without such a cell are dropped."""
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
        arrived = replace(state, lots=self.ageing.arrived(state.lots, week))
        x, moved = self._within_stock(arrived, x, week)
        sold, served = self._sold(moved, week)
        x = self._overtime(x, want, week)
        scrapped, left = self._scrapped(served, week)
        done = x + sold + scrapped
        after = replace(left, x=state.x + done)
        self._check(state, after, done, week)
        return after

    @cached_property
    def _accounts(self) -> tuple[list[str], sp.csr_array]:
        """The accounts, and money per unit of each, from the rates: shape (accounts, columns)."""
        frames = [
            rows.select("account", "per_unit", column=pl.col("cell").cast(pl.Int64) + self.physics.of_flow(flow).start)
            for flow, rows in self.physics.model.rate_frames.items()
        ]
        every = pl.concat(frames)
        names = sorted(every["account"].unique())
        row = every["account"].replace_strict({name: number for number, name in enumerate(names)}).to_numpy()
        shape = (len(names), len(self.physics.period))
        return names, sp.csr_array((every["per_unit"].to_numpy(), (row, every["column"].to_numpy())), shape=shape)

    def _hour_rows(self, week: int) -> Ints:
        return np.arange(len(self.physics.resources)) * len(self.physics.labels) + week

    def _within_hours(self, want: Floats, week: int) -> Floats:
        """Cut starts in proportion where a resource lacks hours, with overtime as decided; alternatives follow."""
        if not self.physics.resources:
            return want
        rows = self._hour_rows(week)
        uses = sp.csr_array(self.physics.hours[rows, :])
        over = self.physics.of_flow("overtime")
        working = want.copy()
        working[over] = 0.0
        overtime = -(uses[:, over] @ want[over]) if over.stop > over.start else 0.0
        used, available = uses @ working, self.physics.offered[rows] + overtime
        share = np.where(used > available, available / np.where(used > 0, used, 1.0), 1.0).clip(0.0, 1.0)
        limiting = sp.coo_array(uses)
        factor = np.ones(len(want))
        np.minimum.at(factor, limiting.col, np.where(limiting.data > 0, share[limiting.row], 1.0))
        x = working * factor
        return self._with_runs(x, working, week)

    def _with_runs(self, x: Floats, before: Floats, week: int) -> Floats:
        """Where a step has alternatives, limit the starts of a routing to what its most limited step can run."""
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
        # Split as cut, not as decided: otherwise an alternative that lost hours would use more than it has.
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
        """Makes and ships of one week by level: each comes after those whose goods it uses in the same week.

        Parameters
        ----------
        takes, gives : shape (nodes, columns), units that each column takes from and delivers to each node in the week.
        """
        depth_row, depth = np.zeros(takes.shape[0], np.intp), np.zeros(takes.shape[1], np.intp)
        for _ in range(takes.shape[0]):  # as many rounds as the chain is long; a cycle of lanes ends the search
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

    def _within_stock(self, state: State, x: Floats, week: int) -> tuple[Floats, State]:
        """Cut starts and dispatches, level by level, in proportion to the available components and stock."""
        before, x, net, lots = x, x.copy(), state.net.copy(), state.lots
        bought = self.columns("buy", week)
        net += self._brought(x, bought)
        lots = self._entered(lots, x, bought, week)
        moving = self._moving(week)
        rows = np.arange(self.physics.nodes.height) * self.periods + week
        part = self.physics.stock[rows, :][:, moving]
        takes, gives = sp.coo_array(part * (part < 0)), sp.coo_array(part * (part > 0))
        for level in self._levels(takes, gives):
            columns, mine = moving[level], np.isin(takes.col, level)
            row, column, unit = takes.row[mine], moving[takes.col[mine]], -takes.data[mine]
            for trip in self._trips(column, week):
                far = self._trip[column] >= trip
                need = np.zeros(len(rows))
                np.add.at(need, row[far], unit[far] * x[column[far]])
                available = self._available(net, lots, week, trip)
                share = np.where(need > available, available / np.where(need > 0, need, 1.0), 1.0).clip(0.0, 1.0)
                factor = np.ones(len(x))
                np.minimum.at(factor, column[far], share[row[far]])
                x *= factor
            lots = self._took(lots, row.astype(np.intp), column, unit * x[column], week)
            net += self._brought(x, columns)
            lots = self._entered(lots, x, columns[~self._ships[columns]], week)
        return self._runs_follow(x, before, week), replace(state, net=net, lots=lots)

    def _brought(self, x: Floats, columns: Ints) -> Floats:
        return self._by_node(self.physics.stock[:, columns] @ x[columns])

    # -- goods that expire ---------------------------------------------------------------------------------------

    def _available(self, net: Floats, lots: Lots, week: int, trip: int = 0) -> Floats:
        """Units available at each node; of goods that expire, those still usable `trip` weeks later."""
        available = net[:, : week + 1].sum(axis=1)
        available[self.ageing.nodes] = lots.usable(1 + week + trip)
        return available

    @cached_property
    def _ships(self) -> npt.NDArray[np.bool_]:
        ships = np.zeros(len(self.physics.period), bool)
        ships[self.physics.of_flow("ship")] = True
        return ships

    @cached_property
    def _trip(self) -> Ints:
        """Transit weeks of each column until its last goods arrive; 0 for production."""
        entries = sp.coo_array(self._gives)
        trip = np.zeros(len(self.physics.period), np.intp)
        mine = self._ships[entries.col]
        arrival = entries.row[mine] % self.periods
        np.maximum.at(trip, entries.col[mine], arrival - self.physics.period[entries.col[mine]])
        return trip

    def _trips(self, column: Ints, week: int) -> list[int]:
        """The transit times to allocate by, since goods must be usable on arrival; only 0 where nothing expires."""
        if not len(self.ageing.nodes):
            return [0]
        last = self.periods - 1 - week
        return sorted({0, *np.minimum(self._trip[column], last).tolist()})

    def _entered(self, lots: Lots, x: Floats, columns: Ints, week: int) -> Lots:
        """The lots with goods made or bought: arrivals of this week are in stock, the rest is in transit."""
        if not len(self.ageing.nodes) or not len(columns):
            return lots
        came = self._came(x, columns)
        here = lots.here.copy()
        here[np.arange(len(here)), self.ageing.fresh_slot(week)] += came[:, week]
        came[:, week] = 0.0
        return replace(lots, here=here, fresh=lots.fresh + came)

    def _took(self, lots: Lots, row: Ints, column: Ints, quantity: Floats, week: int) -> Lots:
        """The lots without what starts and dispatches take; the longest trips first, from goods usable on arrival.

        Parameters
        ----------
        row, column, quantity : node, cell and units of each use; shape (uses,).
        """
        if not len(self.ageing.nodes):
            return lots
        place = self.ageing.place[row]
        for trip in reversed(self._trips(column, week)):
            mine = (place >= 0) & (np.minimum(self._trip[column], self.periods - 1 - week) == trip)
            wanted = np.zeros(len(self.ageing.nodes))
            np.add.at(wanted, place[mine], quantity[mine])
            lots, taken = lots.took(wanted, 1 + week + trip)
            total = taken.sum(axis=1, keepdims=True)
            mix = np.divide(taken, total, out=np.zeros_like(taken), where=total > 0)
            ships = mine & self._ships[column]
            lots = self._dispatched(lots, column[ships], quantity[ships], mix[place[ships]], week)
        return lots

    def _dispatched(self, lots: Lots, column: Ints, quantity: Floats, mix: Floats, week: int) -> Lots:
        """The lots with dispatched goods in transit, which keep their expiry dates; mix : shape (columns, slots)."""
        part = sp.coo_array(self._gives[:, column])
        node, arrival = self.ageing.place[part.row // self.periods], part.row % self.periods
        travelling = lots.travelling.copy()
        np.add.at(travelling, (node, arrival), (part.data * quantity[part.col])[:, None] * mix[part.col])
        here = lots.here + travelling[:, week, :]
        travelling[:, week, :] = 0.0
        return replace(lots, here=here, travelling=travelling)

    def _scrapped(self, state: State, week: int) -> tuple[Floats, State]:
        """Write off goods that are not usable after the week."""
        x = np.zeros(len(self.physics.period))
        if not len(self.ageing.nodes):
            return x, state
        dead = state.lots.here[:, : week + 2].sum(axis=1)
        np.add.at(x, self._scrap[:, week], dead)
        here, net = state.lots.here.copy(), state.net.copy()
        here[:, : week + 2] = 0.0
        net[self.ageing.nodes, week] -= dead
        return x, replace(state, net=net, lots=replace(state.lots, here=here))

    @cached_property
    def _scrap(self) -> Ints:
        """The column that writes off at each ageing node in each week; shape (ageing nodes, periods)."""
        place = self.physics.of_flow("scrap")
        cells = (
            self.physics.cells["scrap"]
            .select(pl.col("item", "location").cast(pl.String))
            .with_columns(
                week=pl.Series(self.physics.period[place]), column=pl.Series(np.arange(place.start, place.stop))
            )
        )
        nodes = self.physics.nodes.select(pl.col("item", "location").cast(pl.String)).with_row_index("node")
        cells = cells.join(nodes, on=["item", "location"])
        columns = np.zeros((len(self.ageing.nodes), self.periods - 1), np.intp)
        columns[self.ageing.place[cells["node"].to_numpy()], cells["week"].to_numpy()] = cells["column"].to_numpy()
        return columns

    # -- customers -----------------------------------------------------------------------------------------------

    def _sold(self, state: State, week: int) -> tuple[Floats, State]:
        """Serve customers from stock by priority, the oldest demand first, then by worth; then with substitutes."""
        sold, net, left, lots = np.zeros(len(state.x)), state.net.copy(), state.open.copy(), state.lots
        for turn in self._rounds_by_week.get(week, ()):
            available = self._available(net, lots, week, turn.life).clip(0.0)
            needed = left[turn.line] * turn.ratio
            run = np.cumsum(needed)
            first = np.r_[True, turn.node[1:] != turn.node[:-1]]
            base = np.maximum.accumulate(np.where(first, run - needed, -np.inf))
            given = np.clip(available[turn.node] - (run - needed - base), 0.0, needed)
            served = given / turn.ratio
            sold[turn.column] = served
            np.subtract.at(left, turn.line, served)
            np.subtract.at(net[:, week], turn.node, given)
            if len(self.ageing.nodes):
                wanted = np.bincount(turn.node, given, len(net))[self.ageing.nodes].astype(np.float64)
                lots, _ = lots.took(wanted, 1 + week + turn.life)
        return sold, replace(state, net=net, open=left, lots=lots)

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
            raise ReconciliationError(f"week {week}: opening stock and movements do not add up to closing stock.")
        if closing.min(initial=0.0) < -CLOSE * size:
            where = self.physics.nodes.row(int(closing.argmin()))
            raise ReconciliationError(f"week {week}: stock of {where} would be {closing.min():.6f}.")
        if np.abs(closing[self.ageing.nodes] - after.lots.here.sum(axis=1)).max(initial=0.0) > CLOSE * size:
            raise ReconciliationError(f"week {week}: the lots do not add up to the stock.")
        names, per_unit = self._accounts
        accounts = per_unit @ x
        if abs(accounts.sum() - self.physics.model.program.money @ x) > CENT * max(1.0, np.abs(accounts).sum() * 1e-9):
            raise ReconciliationError(f"week {week}: the accounts do not add up to the money of the week.")
        booked = {name: float(amount) for name, amount in zip(names, accounts, strict=True)}
        self.audit.check(before.net.sum(axis=1), after.net.sum(axis=1), x, booked, week)
        rows = self._hour_rows(week)
        over = self.physics.hours[rows, :] @ x - self.physics.offered[rows]
        if over.max(initial=0.0) > CLOSE * max(1.0, float(self.physics.offered.max(initial=0.0))):
            raise ReconciliationError(f"week {week}: hours used exceed the available hours by {over.max():.6f}.")
