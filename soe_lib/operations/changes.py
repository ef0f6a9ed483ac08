"""What a release changes of open orders: sooner, later, more, less, not at all, new; with money and reason."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from soe_lib.operations.earlier import TERMS, WAY, as_orders, way_of
from soe_lib.operations.receipts import asked, because, margin_of

if TYPE_CHECKING:
    from soe_lib.extract.snapshot import Snapshot
    from soe_lib.operations.whole_units import WholeUnits


# What a change of an open order says. `was_on` and `now_on` are days: on which an order of an earlier release starts,
# or a receipt of the ERP arrives. `gain` is what the change earns by planning again without it, `margin` the part of it
# that is no steering money; both are blank for new orders. `amount` is the cash that it spends (below 0) or frees.
CHANGES = pl.Schema(
    {
        **dict.fromkeys(("change_key", "change", "kind", "order", "item", "description", "location"), pl.String()),
        **dict.fromkeys(("was_on", "now_on"), pl.Date()),
        **dict.fromkeys(("was", "now"), pl.Float64()),
        "unit": pl.String(),
        **dict.fromkeys(("gain", "margin", "amount"), pl.Float64()),
        **dict.fromkeys(("currency", "reason"), pl.String()),
    }
)
HALF = 0.5
"""Of an order's quantity, what must be left of it on another day for it to be the same order."""
NOTHING = 5e-7
"""Units that are none."""
CELL = ("kind", "way", "item", "starts_on")
WAYS = {kind: names["way"] for kind, names in TERMS.values()}
"""Kind of order → the column of its flow that names the way."""


def numbered(
    tables: Mapping[str, pl.DataFrame], released: pl.DataFrame
) -> tuple[dict[str, pl.DataFrame], pl.DataFrame]:
    """The tables with the numbers that open orders have, and every order beside the open one that it is.

    An order is an open one where it does the same work on the same days; else where that one is left out and about as
    much of the same work begins on the day nearest to it.

    Parameters
    ----------
    tables : of a release, with fresh numbers. released : open orders (earlier.OPEN).

    Returns
    -------
    (tables, WAY, fresh, order, was_on, now_on, was, now and what OPEN says of it).
    """
    pairs = _paired(as_orders(tables), released)
    taken = pairs.filter(pl.col("was").is_not_null())["order"]
    again = pl.col("was").is_null() & pl.col("order").is_in(taken.implode())
    pairs = pairs.with_columns(order=pl.when(again).then(pl.col("order") + "-2").otherwise("order"))
    renamed = dict(pairs.filter(pl.col("fresh") != pl.col("order")).select("fresh", "order").iter_rows())
    columns = [names["order"] for _, names in TERMS.values()]
    return {
        name: frame.with_columns(pl.col(column).replace(renamed) for column in columns if column in frame.columns)
        for name, frame in tables.items()
    }, pairs


def _paired(now: pl.DataFrame, released: pl.DataFrame) -> pl.DataFrame:
    """Every order of both sides, once: as it was and as it is now; blank where it was, or is, not."""
    both = [*WAY, "starts_on"]
    was = released.rename({"quantity": "was"}).with_columns(was_on=pl.col("starts_on"))
    new = now.rename({"order": "fresh", "quantity": "now"}).with_columns(now_on=pl.col("starts_on"))
    kept = new.join(was.select(*both, "order", "was", "was_on"), on=both, how="left", validate="1:1")
    gone = was.join(new.select(both), on=both, how="anti")
    fresh = kept.filter(pl.col("was").is_null()).drop("order", "was", "was_on")
    moved = (
        fresh.join(gone.select(*WAY, "order", "was", "was_on"), on=list(WAY))
        .filter(pl.min_horizontal("was", "now") >= HALF * pl.max_horizontal("was", "now"))
        .sort((pl.col("now_on") - pl.col("was_on")).abs(), "order", "fresh")
        .unique("order", keep="first", maintain_order=True)
        .unique("fresh", keep="first", maintain_order=True)
    )
    alone = fresh.join(moved.select("fresh"), on="fresh", how="anti").with_columns(order=pl.col("fresh"))
    left = gone.join(moved.select("order"), on="order", how="anti")
    parts = [kept.filter(pl.col("was").is_not_null()), moved, alone, left]
    return pl.concat(parts, how="diagonal").with_columns(pl.col("was", "now").cast(pl.Float64))


def changes(found: WholeUnits, pairs: pl.DataFrame, snapshot: Snapshot) -> pl.DataFrame:
    """Every change of an open order, and every new one, most money first: CHANGES.

    Parameters
    ----------
    found : the plan in whole units. pairs : its orders beside the open ones, from `numbered`.
    """
    parts = [_of_released(found, pairs, snapshot), _of_receipts(found, snapshot)]
    day = pl.coalesce("now_on", "was_on").dt.to_string("%Y%m%d")
    named = [
        part.with_columns(
            change_key=pl.concat_str("change", "order", day, separator=" | "), currency=pl.lit(found.plan.currency)
        ).select(pl.col(name).cast(of) for name, of in CHANGES.items())
        for part in parts
        if not part.is_empty()
    ]
    return pl.concat([pl.DataFrame(schema=CHANGES), *named]).sort(
        "gain", pl.col("amount").abs(), "change_key", descending=[True, True, False], nulls_last=True
    )


def _of_released(found: WholeUnits, pairs: pl.DataFrame, snapshot: Snapshot) -> pl.DataFrame:
    """What becomes of the orders of the release before, and what is new."""
    more = pl.col("now") - pl.col("was")
    change = (
        pl.when(pl.col("was").is_null()).then(pl.lit("new"))
        .when(pl.col("now").is_null()).then(pl.lit("cancel"))
        .when(pl.col("now_on") < pl.col("was_on")).then(pl.lit("reschedule in"))
        .when(pl.col("now_on") > pl.col("was_on")).then(pl.lit("reschedule out"))
        .when(more > NOTHING).then(pl.lit("increase"))
        .when(more < -NOTHING).then(pl.lit("decrease"))
    )  # fmt: skip
    rows = (
        pairs.with_columns(change=change, starts_on=pl.coalesce("now_on", "was_on"))
        .filter(pl.col("change").is_not_null())
        .join(_rates(found), on=CELL, how="left")
        .join(_gains(found), on=CELL, how="left")
        .join(_coming(snapshot), on=["kind", "way", "item", "location", "arrives_on"], how="left")
    )
    beside = pl.format("comes with {} of the same day: may be added to it", "receipt")
    why = pl.when(pl.col("was").is_null()).then(pl.coalesce(beside, pl.lit("no open order covers it")))
    return rows.with_columns(
        amount=(pl.col("now").fill_null(0.0) - pl.col("was").fill_null(0.0)) * pl.col("per_unit").fill_null(0.0),
        reason=pl.coalesce("reason", why.otherwise(pl.lit("what was released can no longer be kept"))),
    )


def _rates(found: WholeUnits) -> pl.DataFrame:
    """CELL, per_unit: the cash that a unit of each order spends or earns [money]."""
    plan, parts = found.plan, [pl.DataFrame(schema={**dict.fromkeys(CELL[:3], pl.String), "period": pl.String})]
    parts[0] = parts[0].with_columns(per_unit=pl.lit(0.0))
    for kind, way in WAYS.items():
        if kind in plan.flows:
            cells = plan.flows[kind].select(pl.lit(kind).alias("kind"), pl.col(way).alias("way"), "item", "period")
            parts.append(cells.with_columns(pl.Series("per_unit", plan.per_unit(kind))))
    return pl.concat(parts).join(plan.periods.select("period", "starts_on"), on="period").drop("period")


def _gains(found: WholeUnits) -> pl.DataFrame:
    """CELL, gain, margin, reason of the cells that leave what was released; blank where it cannot be kept."""
    kept, program, rows = found.steady, found.model.program, []
    for column, gain, effect in zip(kept.changed, kept.gains, kept.effects, strict=True):
        flow = next(name for name, place in program.columns.items() if place.start <= column < place.stop)
        cell = found.model.flows[flow].named.row(int(column) - program.columns[flow].start, named=True)
        known = {"gain": float(gain), "margin": margin_of(found.model, effect), "reason": because(found.model, effect)}
        label = {"kind": flow, "way": cell[WAYS[flow]], "item": cell["item"], "period": cell["period"]}
        rows.append({**label, **(known if np.isfinite(gain) else {})})
    money = {"gain": pl.Float64, "margin": pl.Float64, "reason": pl.String}
    made = pl.DataFrame(rows, schema={**dict.fromkeys((*CELL[:3], "period"), pl.String), **money})
    return made.join(found.plan.periods.select("period", "starts_on"), on="period").drop("period")


def _coming(snapshot: Snapshot) -> pl.DataFrame:
    """The first open order of the ERP that comes by each way on each day."""
    on = ["kind", "way", "item", "location", "arrives_on"]
    rows = way_of(snapshot["receipts"]).rename({"due_on": "arrives_on"}).sort("receipt")
    return rows.select(*on, "receipt").unique(on, keep="first", maintain_order=True)


def _of_receipts(found: WholeUnits, snapshot: Snapshot) -> pl.DataFrame:
    """Changes of the ERP's open orders; none is part of the plan before the ERP has taken it."""
    moves = asked(found.model, found.near, found.firm["period"])
    receipts = snapshot["receipts"].select("receipt", "kind", "item", "location", was="quantity")
    named = snapshot["items"].select("item", "description", "unit")
    rows = moves.join(receipts, on="receipt", validate="1:1").join(named, on="item", how="left")
    now = pl.when(pl.col("change") == "cancel").then(0.0).otherwise("was")
    return rows.with_columns(order=pl.col("receipt"), now=now, amount=pl.lit(0.0))
