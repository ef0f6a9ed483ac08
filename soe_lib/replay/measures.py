"""Measures of a replay: share of hindsight by quarter and family, service, stock, expediting, changes of plan."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from soe_lib.replay.loop import Replay, earned, valued
from soe_lib.replay.truth import Floats, Truth

QUARTER = 13
"""Weeks of a quarter of a replay, counted from its first Monday."""


def summary(done: Replay) -> dict[str, Any]:
    """One replay in plain values, for files and pages: share, money, accounts, parts and weeks."""
    truth = done.truth
    return {
        "planner": done.name,
        "share": done.share,
        "money": done.money,
        "hindsight": float(truth.physics.model.program.money @ truth.hindsight),
        "earned": earned(truth),
        "eased": done.eased,
        "accounts": dict(done.ledger.accounts()),
        "parts": parts(done).to_dicts(),
        "weeks": weeks(done).to_dicts(),
    }


def parts(done: Replay) -> pl.DataFrame:
    """quarter, family, money, best: true money of the replay and of hindsight, stock changes at standard cost.

    Formula: money booked in the quarter + growth of stock and goods in transit, at standard cost.
    """
    truth = done.truth
    own = _by_quarter(truth, done.quantities).rename({"amount": "money"})
    best = _by_quarter(truth, truth.hindsight).rename({"amount": "best"})
    both = own.join(best, on=["quarter", "family"], how="full", coalesce=True)
    return both.with_columns(pl.col("money", "best").fill_null(0.0)).sort("quarter", "family")


def _by_quarter(truth: Truth, x: Floats) -> pl.DataFrame:
    number = {label: week // QUARTER + 1 for week, label in enumerate(truth.physics.labels[: truth.weeks])}
    families = truth.real["items"].select("item", pl.col("family").fill_null(""))
    lines = valued(truth, x).lines.filter(pl.col("period").is_in(list(number)))
    booked = lines.with_columns(quarter=pl.col("period").replace_strict(number, return_dtype=pl.Int64))
    booked = booked.join(families, on="item", how="left").with_columns(pl.col("family").fill_null(""))
    ends = sorted({min((week // QUARTER + 1) * QUARTER, truth.weeks) for week in range(truth.weeks)})
    worth = [_position(truth, x, week) for week in (0, *ends)]
    nodes = truth.physics.nodes.select(pl.col("item").cast(pl.String)).join(
        families, on="item", how="left", maintain_order="left"
    )
    moved = [
        nodes.select("family", quarter=pl.lit(quarter, pl.Int64), amount=pl.Series(worth[quarter] - worth[quarter - 1]))
        for quarter in range(1, len(worth))
    ]
    every = pl.concat([booked.select("family", "quarter", "amount"), *moved])
    return every.group_by("quarter", "family").agg(pl.col("amount").sum())


def _position(truth: Truth, x: Floats, week: int) -> Floats:
    """Stock and goods in transit at the end of the weeks before `week`, at standard cost; shape (nodes,) [money]."""
    own = truth.physics
    chosen = np.where(own.period < week, x, 0.0)
    units = (own.stock @ chosen).reshape(own.nodes.height, -1).sum(axis=1)
    costs = truth.real["items"].select("item", "standard_cost")
    cost = own.nodes.select(pl.col("item").cast(pl.String)).join(costs, on="item", how="left", maintain_order="left")
    return units * cost["standard_cost"].fill_null(0.0).to_numpy()


def weeks(done: Replay) -> pl.DataFrame:
    """week, period, demand, on_time, late, lost [units], stock, expediting, overtime [money], churn [units].

    Late units count in the week in which they were due; lost units are demand of the week that was never served.
    """
    truth, own, x = done.truth, done.truth.physics, done.quantities
    count = done.truth.weeks
    labels = {label: week for week, label in enumerate(own.labels)}
    served = [name for name in ("sell", "replace") if name in own.cells]
    names = [own.cells[name]["due"].cast(pl.String) for name in served]
    due = pl.concat(names).replace_strict(labels, return_dtype=pl.Int64).to_numpy()
    place = np.concatenate([np.arange(own.of_flow(name).start, own.of_flow(name).stop) for name in served])
    same = due == own.period[place]
    lines = own.cells["short"]["due"].cast(pl.String).replace_strict(labels, return_dtype=pl.Int64).to_numpy()
    lost = np.bincount(lines, x[own.of_flow("short")], len(own.labels))[:count]
    on_time = np.bincount(due[same], x[place][same], len(own.labels))[:count]
    late = np.bincount(due[~same], x[place][~same], len(own.labels))[:count]
    booked = valued(truth, x).lines
    table = pl.DataFrame(
        {
            "week": np.arange(count),
            "period": own.labels[:count],
            "demand": on_time + late + lost,
            "on_time": on_time,
            "late": late,
            "lost": lost,
        }
    )
    for account in ("expediting", "overtime"):
        mine = (
            booked.filter(pl.col("account") == account).group_by("period").agg((-pl.col("amount")).sum().alias(account))
        )
        table = table.join(mine, on="period", how="left").with_columns(pl.col(account).fill_null(0.0))
    churn = np.full(count, np.nan)
    churn[: len(done.churn)] = done.churn[:count]
    return table.with_columns(stock=pl.Series(_stock(truth, x)[:count]), churn=pl.Series(churn).fill_nan(None)).sort(
        "week"
    )


def _stock(truth: Truth, x: Floats) -> Floats:
    """Closing stock of each week at standard cost; shape (periods,) [money]."""
    own = truth.physics
    units = np.cumsum((own.stock @ x).reshape(own.nodes.height, -1), axis=1)[:, :-1]
    costs = truth.real["items"].select("item", "standard_cost")
    cost = own.nodes.select(pl.col("item").cast(pl.String)).join(costs, on="item", how="left", maintain_order="left")
    return cost["standard_cost"].fill_null(0.0).to_numpy() @ units
