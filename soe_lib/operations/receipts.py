"""What open orders of the ERP should come sooner, later or not at all: each priced by planning again."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import scipy.sparse as sp

from soe_lib.operations.steady import tried
from soe_lib.solver.session import Session

if TYPE_CHECKING:
    from soe_lib.model.model import Model
    from soe_lib.solver.program import Floats, Program


NOTHING = 1e-7
"""Units that are none."""
SHARE = 1e-4
"""Share of a receipt that the plan must want moved, for the move to be looked at."""
MOVES = pl.Schema(
    {
        "receipt": pl.String,
        "change": pl.String,
        "was_on": pl.Date,
        "now_on": pl.Date,
        "gain": pl.Float64,
        "margin": pl.Float64,
        "reason": pl.String,
    }
)


def asked(model: Model, program: Program, firm: pl.Series) -> pl.DataFrame:
    """The changes of receipts that earn more than `[release] change_worth`, most money first: MOVES.

    Which ones is found by a plan that may move every receipt at that price; each is then made after those that earn
    more, and stays where the plan so gains more than the price. `gain` is what it earns alone, the weeks that may not
    move as they are: at least so much.

    Parameters
    ----------
    model : of the plan. program : what may still move, without whole numbers.
    firm : labels of the firm window: a change moves a receipt out of it, into it, or within.
    """
    ways = _ways(model, program, firm)
    if ways.is_empty():
        return pl.DataFrame(schema=MOVES)
    price = model.snapshot.settings.release.change_worth
    wide, size = _with_moves(program, ways, price), len(program.cost)
    session = Session(wide)
    share = session.solve().x[size:]
    best = (
        ways.with_row_index("way")
        .with_columns(pl.Series("share", share))
        .filter(pl.col("share") > SHARE)
        .sort("share", "way", descending=[True, False])
        .unique("receipt", keep="first", maintain_order=True)
    )
    free = wide.with_cost(np.concatenate([program.cost, -ways["refund"].to_numpy()]))
    columns, base = best["way"].to_list(), session.solve(_made(free, size, []))
    alone = {way: answer for way in columns if (answer := tried(session, _made(free, size, [way]))) is not None}
    taken: list[int] = []
    so_far = base.objective
    for way in sorted(alone, key=lambda one: -alone[one].objective):
        if alone[way].objective - base.objective <= price:
            continue
        with_it = tried(session, _made(free, size, [*taken, way]))
        if with_it is not None and with_it.objective - so_far > price:
            taken, so_far = [*taken, way], with_it.objective
    rows = [
        {**ways.row(way, named=True), "gain": alone[way].objective - base.objective,
         "margin": margin_of(model, alone[way].x[:size] - base.x[:size]) + ways["refund"][way],
         "reason": because(model, alone[way].x[:size] - base.x[:size])}
        for way in taken
    ]  # fmt: skip
    return (
        pl.DataFrame(rows, schema_overrides=dict(MOVES)).select(MOVES.names()) if rows else pl.DataFrame(schema=MOVES)
    )


def margin_of(model: Model, difference: Floats) -> float:
    """What a change of quantities does to the margin [money]."""
    if not np.abs(difference).max(initial=0.0) > NOTHING:
        return 0.0
    lines = model.rates_by_cell.value(difference)
    return float(lines.filter(pl.col("kind") != "steering")["amount"].sum())


def because(model: Model, difference: Floats) -> str:
    """What a change of quantities does to the accounts, the most first, and chiefly of which item."""
    lines = model.rates_by_cell.value(np.where(np.abs(difference) > NOTHING, difference, 0.0))
    if lines.is_empty():
        return ""
    accounts = (
        lines.group_by("account")
        .agg(pl.col("amount").sum())
        .sort(pl.col("amount").abs(), "account", descending=[True, False])
    )
    most = accounts["amount"].abs().max() or 0.0
    told = accounts.filter(pl.col("amount").abs() >= 0.1 * float(most)).head(3)  # type: ignore[arg-type]
    said = ", ".join(f"{account} {amount:+,.0f}" for account, amount in told.iter_rows())
    items = lines.filter(pl.col("item") != "").group_by("item").agg(pl.col("amount").sum())
    chief = items.sort(pl.col("amount").abs(), "item", descending=[True, False])["item"].head(1).to_list()
    return said + (f"; chiefly {chief[0]}" if chief else "")


def _ways(model: Model, program: Program, firm: pl.Series) -> pl.DataFrame:
    """Every change that may be asked for: receipt, change, column, to (period), now_on, quantity, refund [money].

    Purchases may come up to `move_days` sooner or later. What is not firm may also be cancelled, which saves its
    price; what is under way in production or on a lane is left. A receipt counts that only `stock` knows of.
    """
    if "receive" not in program.columns:
        return pl.DataFrame()
    days = timedelta(days=model.snapshot.settings.release.move_days)
    place, matrix = program.columns["receive"], program.matrix
    plain = np.diff(matrix.indptr)[place] == 1
    rows = program.flows["receive"].rows.with_columns(
        pl.Series("plain", plain), column=pl.int_range(place.start, place.stop, dtype=pl.Int64)
    )
    # A receipt that an event delays, or that is overdue, is moved from the day on which it is expected now.
    expected = pl.max_horizontal(pl.col("due_on") + pl.duration(days=pl.col("delayed")), pl.lit(model.snapshot.as_of))
    periods = model.network.periods.select("period", "index", "starts_on", "ends_on")
    there = (
        rows.filter("plain", pl.col("quantity") > 0, (pl.col("kind").cast(pl.String) == "buy") | ~pl.col("firm"))
        .join(periods.select("period", at="index", at_start="starts_on"), on="period")
        .with_columns(pl.col("receipt", "period").cast(pl.String), was_on=expected)
    )
    to = periods.select(pl.col("period").cast(pl.String).alias("to"), "index", now_on="starts_on", last="ends_on")
    moved = there.join(to, how="cross").filter(
        pl.col("index") != pl.col("at"),
        (pl.col("now_on") >= pl.col("at_start") - days) & (pl.col("now_on") <= pl.col("at_start") + days),
        pl.col("last") > model.snapshot.as_of,
        pl.col("period").is_in(firm.implode()) | pl.col("to").is_in(firm.implode()),
    )
    change = pl.when(pl.col("index") < pl.col("at")).then(pl.lit("reschedule in")).otherwise(pl.lit("reschedule out"))
    columns = ["receipt", "change", "column", "item", "location", "to", "was_on", "now_on", "quantity", "refund"]
    gone = there.filter(~pl.col("firm"), pl.col("period").is_in(firm.implode())).with_columns(
        change=pl.lit("cancel"), to=pl.lit(""), now_on=pl.lit(None, pl.Date),
        refund=pl.col("quantity") * pl.col("unit_cost") * (pl.col("kind").cast(pl.String) == "buy"),
    )  # fmt: skip
    both = [moved.with_columns(change=change, refund=pl.lit(0.0)).select(columns), gone.select(columns)]
    return pl.concat(both).with_columns(pl.col("item", "location").cast(pl.String)).sort("receipt", "change", "now_on")


def _with_moves(program: Program, ways: pl.DataFrame, price: float) -> Program:
    """The program with a column for each change, from 0 (none of it) to 1, at most one whole change of a receipt."""
    stock = program.constraints["stock"].rows.select(pl.col("item", "location", "period").cast(pl.String))
    stock = stock.with_columns(row=pl.int_range(pl.len(), dtype=pl.Int64) + program.rows["stock"].start)
    found = ways.join(
        stock,
        left_on=["item", "location", "to"],
        right_on=["item", "location", "period"],
        how="left",
        maintain_order="left",
    )
    count, size, quantity = ways.height, len(program.cost), ways["quantity"].to_numpy()
    column, matrix = ways["column"].to_numpy(), program.matrix
    away = matrix.indptr[column]
    arrives = found["row"].is_not_null().to_numpy()
    value = np.concatenate([-quantity * matrix.data[away], (quantity * matrix.data[away])[arrives]])
    row = np.concatenate([matrix.indices[away], found["row"].drop_nulls().to_numpy()])
    which = np.concatenate([np.arange(count), np.flatnonzero(arrives)])
    entries = sp.csc_array((value, (row, which)), shape=(len(program.row_upper), count))
    wide = replace(program, weights=None).with_columns("change", entries, price - ways["refund"].to_numpy(), 1.0)
    receipt = ways["receipt"].rank("dense").to_numpy().astype(np.intp) - 1
    once = sp.csc_array((np.ones(count), (receipt, size + np.arange(count))), shape=(receipt.max() + 1, size + count))
    return wide.with_rows("one change", once, np.ones(receipt.max() + 1))


def _made(program: Program, size: int, ways: list[int]) -> Program:
    """The program with some changes made and no other."""
    wanted = np.zeros(len(program.cost) - size)
    wanted[ways] = 1.0
    return program.with_bounds(slice(size, len(program.cost)), wanted, wanted)
