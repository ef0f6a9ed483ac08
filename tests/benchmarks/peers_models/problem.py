"""The demo network as labelled tables, written by hand from the extract: what any modelling tool would start from.

Cells of flows (make, buy, ship, stock, sell, overtime) with their money, rows of balances, and how a unit of make, buy
and ship moves stock once lead times and bills of material are looked up. There is no matrix here: each tool adds up
its own. Only what the generator's networks have is stated (one operation per routing, no lots, no late service, weeks
of seven working days); that all objectives agree is what shows it to be the same problem.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from soe_lib.extract.snapshot import Snapshot

NODE = ["item", "location"]


@dataclass(frozen=True)
class Problem:
    """Tables of one network; every table's own rows are numbered 0, 1, … in their order.

    Parameters
    ----------
    periods : labels, the last one "beyond".
    balances : item, location, period, given (opening stock and receipts) [units], one row per node and period.
    make, buy, ship, overtime : cells with labels and money [per unit]; overtime with its ceiling.
    moves : flow → cell, item, location, period, row (of balances), quantity [units of stock per unit of flow].
    stock : node and period with money; `row` is the balance it leaves, row + 1 the one it enters.
    leave : one per node with money and row.
    lines : demand lines with row, quantity, price and goodwill [money per unit].
    hours : resource, period, hours. uses : cell of make, place (row of hours), labels, hours_per_unit.
    opening, receipts : row and quantity of each fixed entry, which `given` has summed. constant : money of receipts.
    """

    periods: list[str]
    balances: pl.DataFrame
    make: pl.DataFrame
    buy: pl.DataFrame
    ship: pl.DataFrame
    overtime: pl.DataFrame
    moves: dict[str, pl.DataFrame]
    stock: pl.DataFrame
    leave: pl.DataFrame
    lines: pl.DataFrame
    hours: pl.DataFrame
    uses: pl.DataFrame
    opening: pl.DataFrame
    receipts: pl.DataFrame
    constant: float


def state(snapshot: Snapshot) -> Problem:
    """The tables of a snapshot of the demo generator's network."""
    return _Statement(snapshot).problem()


class _Statement:
    """One snapshot while it is being written down."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.tables = snapshot
        self.rate = snapshot.settings.costs.capital_rate or 0.0
        self.periods = snapshot.periods.select("period", "starts_on", "ends_on", "length").with_row_index("at")
        self.days = self.periods.select("at", date=pl.date_ranges("starts_on", "ends_on")).explode("date")
        self.beyond = self.periods.height
        names = [*self.periods["period"], "beyond"]
        self.times = pl.DataFrame({"period": names}).with_row_index("at")
        self.lines = self._lines()
        self.routes = snapshot["routings"].select("routing", *NODE, "lead_time_days", "cost_per_unit", "yield")
        self.parts = snapshot["components"].select("routing", "component", "quantity")
        sources = pl.concat([snapshot[name].select(NODE) for name in ("routings", "offers", "inventory", "receipts")])
        used = self.parts.join(self.routes, on="routing").select(item="component", location="location")
        wants = pl.concat([self.lines.select(NODE), used]).unique()
        self.legs = self._legs(sources.unique(), wants)
        ends = [self.legs.select("item", location=end) for end in ("origin", "destination")]
        self.nodes = pl.concat([sources, wants, *ends]).unique().sort(NODE).with_row_index("node")

    def problem(self) -> Problem:
        """All tables, with the rows that they meet."""
        make, buy, ship = self._make(), self._buy(), self._ship()
        hours, overtime = self._hours()
        uses = make.join(self.tables["operations"].select("routing", "resource", "hours_per_unit"), on="routing")
        places = hours.with_row_index("place").select("place", "resource", "period")
        items = self.tables["items"].select("item", pl.col("end_value").fill_null(0.0), holding=self._holding())
        nodes = self.nodes.join(items, on="item")
        stock = nodes.join(self.periods, how="cross", maintain_order="left_right")
        opening = self._row(self.tables["inventory"].select(*NODE, quantity="on_hand"), at=pl.lit(0, pl.UInt32))
        receipts = self._receipts()
        grid = self.nodes.join(self.times, how="cross", maintain_order="left_right").with_row_index("row")
        given = pl.concat([part.select("row", "quantity") for part in (opening, receipts)])
        given = given.group_by("row").agg(given=pl.col("quantity").sum())
        return Problem(
            periods=self.times["period"].to_list(),
            balances=grid.join(given, on="row", how="left", maintain_order="left").with_columns(
                pl.col("given").fill_null(0.0)
            ),
            make=make,
            buy=buy,
            ship=ship,
            overtime=overtime,
            moves={"make": self._made(make), "buy": self._landed(buy), "ship": self._shipped(ship)},
            stock=stock.select(
                *NODE, "period", row=self._number("at"), money=-pl.col("holding") * pl.col("length")
            ),
            leave=nodes.select(*NODE, row=self._number(pl.lit(self.beyond)), money="end_value"),
            lines=self._row(self.lines, at=pl.col("at")),
            hours=hours,
            uses=uses.join(places, on=["resource", "period"]).sort("cell").select(
                "cell", "place", "routing", "resource", "period", "hours_per_unit"
            ),
            opening=opening,
            receipts=receipts,
            constant=-float((receipts["quantity"] * receipts["unit_cost"]).sum()),
        )  # fmt: skip

    # -- flows ---------------------------------------------------------------------------------------------------

    def _make(self) -> pl.DataFrame:
        costs = self.tables["operations"].join(
            self.tables["resources"].select("resource", "hourly_cost"), on="resource"
        )
        paid = costs.group_by("routing").agg(hourly=(pl.col("hours_per_unit") * pl.col("hourly_cost")).sum())
        return self._cells(self.routes.join(paid, on="routing"), -(pl.col("cost_per_unit") + pl.col("hourly")))

    def _buy(self) -> pl.DataFrame:
        offers = self.tables["offers"].select("offer", *NODE, "lead_time_days", "unit_cost")
        return self._cells(offers, -pl.col("unit_cost"))

    def _ship(self) -> pl.DataFrame:
        return self._cells(self.legs, -pl.col("cost_per_unit"))

    def _cells(self, rows: pl.DataFrame, money: pl.Expr) -> pl.DataFrame:
        over = self.periods.select("at", "period")
        lead = pl.col("lead_time_days").fill_null(0.0).cast(pl.Int64).alias("lead")
        return rows.with_columns(lead, money=money).join(over, how="cross").with_row_index("cell")

    def _lines(self) -> pl.DataFrame:
        """Forecast by period: a week that is planned by day gives each day its seventh, the odd units to the first."""
        forecast = self.tables["forecast"].select(*NODE, "customer", "period", "quantity")
        ready = forecast.join(self.periods.select("period", "at"), on="period")
        week = pl.col("date").dt.strftime("%G-W%V").alias("period")
        days = self.days.select("at", week).with_columns(day=pl.int_range(pl.len()).over("period"))
        split = forecast.join(self.periods, on="period", how="anti").join(days, on="period")
        part = pl.col("quantity") // 7 + (pl.col("day") < pl.col("quantity") % 7)
        split = split.with_columns(part.alias("quantity")).filter(pl.col("quantity") > 0)
        both = pl.concat([part.select(*NODE, "customer", "at", "quantity") for part in (ready, split)])
        prices = self.tables["items"].select("item", "price")
        goodwill = self.tables["customers"].select("customer", goodwill=pl.col("short_cost").fill_null(0.0))
        return both.join(prices, on="item").join(goodwill, on="customer").join(self.times, on="at")

    def _legs(self, sources: pl.DataFrame, wants: pl.DataFrame) -> pl.DataFrame:
        """A lane of blank item carries what its origin has and its destination wants."""
        lanes = self.tables["lanes"].select("lane", "origin", "destination", "lead_time_days", "cost_per_unit")
        carried = lanes.join(sources.rename({"location": "origin"}), on="origin")
        return carried.join(wants.rename({"location": "destination"}), on=["item", "destination"], how="semi")

    def _hours(self) -> tuple[pl.DataFrame, pl.DataFrame]:
        by_day = (
            self.tables["calendar"].select("resource", "date", "hours", "overtime_hours").join(self.days, on="date")
        )
        sums = by_day.group_by("resource", "at").agg(pl.col("hours", "overtime_hours").sum())
        rows = sums.join(self.times, on="at").sort("resource", "at")
        costs = self.tables["resources"].select("resource", money=pl.col("hourly_cost") - pl.col("overtime_cost"))
        extra = rows.join(costs, on="resource", maintain_order="left").select(
            "resource", "period", "money", ceiling="overtime_hours"
        )
        return rows.select("resource", "period", "hours"), extra

    def _receipts(self) -> pl.DataFrame:
        costs = self.tables["offers"].select("offer", "unit_cost")
        due = self.tables["receipts"].join(costs, on="offer").join(self.days, left_on="due_on", right_on="date")
        return self._row(due.select(*NODE, "quantity", "unit_cost", "at"), at=pl.col("at"))

    def _holding(self) -> pl.Expr:
        return pl.col("holding_cost").fill_null(self.rate * pl.col("standard_cost").fill_null(0.0))

    # -- what they do to stock -----------------------------------------------------------------------------------

    def _made(self, make: pl.DataFrame) -> pl.DataFrame:
        good = self._landed(make.with_columns(per_unit="yield"))
        taken = make.join(self.parts, on="routing").with_columns(item="component", quantity=-pl.col("quantity"))
        return pl.concat([good, self._moved(taken)])

    def _shipped(self, ship: pl.DataFrame) -> pl.DataFrame:
        out = ship.with_columns(location="origin", quantity=pl.lit(-1.0))
        return pl.concat([self._landed(ship.with_columns(location="destination")), self._moved(out)])

    def _landed(self, cells: pl.DataFrame) -> pl.DataFrame:
        """Evenly dispatched over the days of its period, each day's part arrives `lead` days later."""
        leads = cells.select("at", "lead").unique()
        parts = leads.join(self.days, on="at").with_columns(pl.col("date") + pl.duration(days="lead"))
        lands = parts.join(self.days.rename({"at": "arrival"}), on="date", how="left")
        lands = lands.with_columns(pl.col("arrival").fill_null(self.beyond), of=pl.len().over("at", "lead"))
        shares = lands.group_by("at", "lead", "arrival").agg(share=pl.len() / pl.col("of").first())
        per_unit = pl.col("per_unit") if "per_unit" in cells.columns else pl.lit(1.0)
        landed = cells.join(shares, on=["at", "lead"]).with_columns(quantity=per_unit * pl.col("share"), at="arrival")
        return self._moved(landed)

    def _moved(self, entries: pl.DataFrame) -> pl.DataFrame:
        rows = self._row(entries.drop("period"), at=pl.col("at"))
        return rows.join(self.times, on="at").select("cell", *NODE, "period", "row", "quantity")

    def _row(self, frame: pl.DataFrame, *, at: pl.Expr) -> pl.DataFrame:
        """The frame with the number of the balance that it enters."""
        return frame.join(self.nodes, on=NODE, maintain_order="left").with_columns(row=self._number(at)).drop("node")

    def _number(self, at: pl.Expr | str) -> pl.Expr:
        when = pl.col(at) if isinstance(at, str) else at
        return (pl.col("node").cast(pl.Int64) * (self.beyond + 1) + when.cast(pl.Int64)).alias("row")
