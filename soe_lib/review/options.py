"""What planning again tells: the options of a decision, what hands on the plan cost, and what each event costs.

This room knows no solver: whoever calls hands in the function that plans a snapshot again, or its answers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import polars as pl

from soe_lib.extract.snapshot import Snapshot
from soe_lib.money.ledger import STEERING
from soe_lib.review import words
from soe_lib.review.exceptions.customers import orders_of, subject_of
from soe_lib.review.exceptions.issue import Issue
from soe_lib.review.frames.changes import FENCE_LEAST
from soe_lib.review.frames.service import lines
from soe_lib.review.tables import Column, Table, each, laid_out, said
from soe_lib.review.week import Week
from soe_lib.store.plan import Plan

BETTER, WORSE, NONE = "better", "worse", "no plan"
OPTIONS = {
    "key": pl.String, "option": pl.String, "answer": pl.String, "what": pl.String, "total": pl.Float64,
    "margin": pl.Float64, "goodwill": pl.Float64, "shortage": pl.Float64, "other": pl.Float64,
    "service": pl.Float64, "waits": pl.Float64, "stock": pl.Float64, "churn": pl.Float64, "paid": pl.Boolean,
    "verdict": pl.String, "note": pl.String, "scenario": pl.String,
}  # fmt: skip
"""One row an option: key of the exception; what it changes; total [money] = margin + goodwill + shortage (expected) +
other (steering), gained against doing nothing; service [share points]; waits [units late or unserved, more or less];
stock [money]; churn [share of production moved]; paid: whether its cost is in the figures; verdict; note;
scenario: the edits, as in scenarios.toml."""


def of(options: pl.DataFrame | None, issue: Issue) -> pl.DataFrame:
    """The options of one exception, the best first; those that help before those that cost."""
    if options is None:
        return pl.DataFrame(schema=OPTIONS)
    mine = options.filter(pl.col("key") == issue.key)
    return mine.sort(["total", "option"], descending=[True, False], nulls_last=True)


def best(options: pl.DataFrame | None, issue: Issue) -> dict[str, Any] | None:
    """The option that gains most; None where none gains."""
    found = of(options, issue).filter(pl.col("verdict") == BETTER)
    return found.row(0, named=True) if found.height else None


def as_shown(options: pl.DataFrame | None, issue: Issue, currency: str) -> list[dict[str, str]]:
    """The options of one exception as the cover lists them: texts only."""
    return [shown(row, currency) for row in of(options, issue).iter_rows(named=True)]


def shown(row: dict[str, Any], currency: str) -> dict[str, str]:
    """One option in words: option, margin, goodwill, shortage, other, service, stock, churn, verdict, note.

    Expected shortage and other steering are blank where they do not move.
    """
    blank = row["verdict"] == NONE
    moved = {name: "" if blank or abs(row[name]) < LEAST else words.money(row[name], currency, sign=True)
             for name in ("shortage", "other")}  # fmt: skip
    return {
        "option": row["option"],
        "margin": "–" if blank else words.money(row["margin"], currency, sign=True),
        "goodwill": "–" if blank else words.money(row["goodwill"], currency, sign=True),
        **moved,
        "service": "–" if blank else waiting(row["waits"]),
        "stock": "–" if blank else words.money(row["stock"], currency, sign=True),
        "churn": "–" if blank or row["churn"] is None else words.percent(row["churn"], decimals=1),
        "verdict": row["verdict"],
        "note": row["note"],
    }


def waiting(units: float) -> str:
    """Units that no longer wait, or wait beside the others: "112 units fewer wait", "nobody waits longer"."""
    if abs(units) < 0.5:
        return "no change"
    return f"{words.number(abs(units))} {'fewer' if units < 0 else 'more'} wait"


def table(options: pl.DataFrame | None, issues: Sequence[Issue], currency: str) -> Table | str:
    """The options of several exceptions, one under the other; a sentence where none was priced."""
    parts = [
        of(options, issue).with_columns(decision=pl.lit(words.sentence(issue.ask).rstrip(".")), place=pl.lit(place))
        for place, issue in enumerate(issues)
    ]
    rows = pl.concat(parts) if parts else pl.DataFrame()
    if rows.is_empty():
        return "No answer to these decisions gains anything: the plan already takes the best one."
    again = pl.col("place") == pl.col("place").shift(1)
    money = {"margin": "Margin", **steering_shown(rows)}
    columns: dict[str, Column] = {
        "Decision": pl.when(again.fill_null(value=False)).then(pl.lit("")).otherwise("decision"),
        "Option": "option",
        **each(signed, {f"{title}, {currency}": name for name, title in money.items()}),
        "Customers": said("waits", waiting),
        f"Stock, {currency}": ("stock", signed),
        "Moved": ("churn", ".1%"),
        "Note": "note",
    }
    note = (
        "Each option is planned again and held against this plan, which is what doing nothing comes to. Margin, "
        "goodwill and what else steers add up to what it gains. Stock: mean closing stock at standard cost. Moved: "
        "units of production that move, over units made."
    )
    return laid_out(rows, "Options, planned again one by one", columns, note, rows=40)


def signed(amount: float) -> str:
    """Money with its sign: "+1,200"."""
    return words.number(amount, sign=True)


def frame_of(rows: Iterable[dict[str, Any]]) -> pl.DataFrame:
    """Rows as the frame that pages read."""
    return pl.DataFrame(list(rows), schema=OPTIONS, orient="row")


MANUAL = {
    "kind": pl.String, "name": pl.String, "what": pl.String, "by": pl.String, "why": pl.String, "until": pl.Date,
    "money": pl.Float64, "margin": pl.Float64, "note": pl.String,
}  # fmt: skip
"""One row a hand on the plan: override, fence or priority; what it costs [money] and how much of it is margin."""


def manual_table(hands: pl.DataFrame, currency: str) -> Table | str:
    """What every override, lock and priority costs, the dearest first; a sentence where there is none."""
    if hands.is_empty():
        return (
            "Nobody holds the plan by hand this week: no override, no fence, and scarce supply goes to whoever earns "
            "most. What a hand would cost says soe.why_not."
        )
    columns: dict[str, Column] = {
        "By hand": "name", "What is held": "what", "By whom": pl.col("by").fill_null(""),
        "Why": pl.col("why").fill_null(""), "Until": "until", f"Costs, {currency}": ("money", "money"), "Note": "note",
    }  # fmt: skip
    note = "Each is taken away alone and the plan made again: margin and steering that come back are what it costs."
    return laid_out(hands, "What every hand on the plan costs", columns, note, rows=30)


LEAST = 0.5
"""Money below which a part of steering is not shown."""


def steering_shown(frame: pl.DataFrame) -> dict[str, str]:
    """Which parts a table shows: column → title; goodwill always, the others where some row moves them.

    Parameters
    ----------
    frame : goodwill, shortage, other [money].
    """
    return {
        name: title
        for name, title in STEERING.items()
        if name == "goodwill" or (frame[name].abs() >= LEAST).fill_null(value=False).any()
    }


BREAK: dict[str, Any] = {"routing": pl.String, "period": pl.String, "units": pl.Float64}
HURRIED: dict[str, Any] = {"item": pl.String, "location": pl.String, "units": pl.Float64}
SERVED: dict[str, Any] = {"item": pl.String, "units": pl.Float64}
COLUMNS: dict[str, Any] = {
    "subject": pl.String, "money": pl.Float64, "steering": pl.Float64, "missed": pl.Float64, "cause": pl.String,
    "served": pl.List(pl.Struct(SERVED)), "unbroken": pl.List(pl.Struct(BREAK)),
    "unhurried": pl.List(pl.Struct(HURRIED)),
}  # fmt: skip
"""One row a cause, an "event" or "orders"; served: by item, the units that are on time without it and not with it;
unbroken: the units of the frozen fence that are broken with it and not without it; unhurried: the units that are
expedited with it and not without it."""
EVENT, ORDERS = "event", "orders"


def cost_of_events(
    situation: Week, solve: Callable[[Snapshot], Plan], *, at_most: int = 12, orders: int = 3
) -> pl.DataFrame:
    """What each event in force costs, and whom it makes wait, by planning again without it; likewise for orders that
    nobody forecast.

    Formula: money = margin without the cause − margin with it; positive: it costs that much even with the best answer
    to it. Each is taken away alone, so the costs of several need not add up to that of all of them.

    Parameters
    ----------
    solve : plans a snapshot: `soe.plan`, or `Living(snapshot).plan`, which is faster.
    at_most : events that are priced, in order of their names. orders : customers and families whose orders above
        forecast are taken away, the most revenue first.

    Returns
    -------
    the columns of COLUMNS: subject [event, or customer and family], money, steering [money], missed [units that would
    be served on time without it, of others where it is an order], cause, served, unbroken.

    Examples
    --------
    >>> week = soe.week(down, soe.plan(down), record=None)
    >>> soe.review.cost_of_events(week, soe.plan)["money"].to_list()
    [60.0]
    """
    here, events = situation.snapshot, situation.snapshot["events"]
    rows = [
        without(situation, solve(here.replace(events=events.filter(pl.col("event") != name))), name)
        for name in situation.events["event"].sort().head(at_most)
    ]
    surprises = situation.unforecast.sort(["revenue", "customer", "family"], descending=[True, False, False])
    for row in surprises.head(orders).iter_rows(named=True):
        mine = pl.col("order").is_in(list(orders_of(situation, row)))
        share = row["forecast"] / row["orders"]
        less = here["orders"].with_columns(pl.when(mine).then(pl.col(name) * share).otherwise(name).alias(name)
                                           for name in ("quantity", "committed"))  # fmt: skip
        other = solve(here.replace(orders=less if share > 0 else here["orders"].filter(~mine)))
        of = (pl.col("customer") == row["customer"]) & (pl.col("family") == row["family"])
        rows.append(without(situation, other, subject_of(row), cause=ORDERS, lines_of=~of))
    return pl.DataFrame(rows, schema=COLUMNS, orient="row").sort("money", descending=True)


def without(
    situation: Week, other: Plan, subject: str, *, cause: str = EVENT, lines_of: pl.Expr | bool = True
) -> tuple[Any, ...]:
    """The row of one cause: its name, the money it costs, the units that would be on time without it, in all and by
    item, and the breaks of the fence that would not be.

    Parameters
    ----------
    lines_of : the demand lines whose units count.
    """
    plan, served = situation.plan, _served(situation, other, lines_of)
    units = float(served["units"].sum())
    found = served.filter(pl.col("units").abs() > FENCE_LEAST).to_dicts()
    money = other.margin - plan.margin, other.steering - plan.steering
    return subject, *money, units, cause, found, _unbroken(situation, other), _unhurried(situation.plan, other)


def _served(situation: Week, other: Plan, lines_of: pl.Expr | bool) -> pl.DataFrame:
    """item, units: how many more are on time in the other plan; negative: how many more are missed.

    Demand that is there only with the cause is neither: it is not served without it, it is not asked for.
    """
    sides = [
        frame.filter(lines_of)
        .group_by("item")
        .agg(on_time=pl.col("on_time").sum() * sign, missed=(pl.col("late") + pl.col("short")).sum() * sign)
        for frame, sign in ((lines(situation.snapshot, other), 1.0), (situation.lines, -1.0))
    ]
    apart = pl.concat(sides).group_by("item").agg(pl.col("on_time", "missed").sum())
    more, fewer = pl.col("on_time"), -pl.col("missed")
    gained = pl.min_horizontal(more, fewer.clip(lower_bound=0.0))
    return apart.select("item", units=pl.when(more > 0).then(gained).otherwise(fewer.clip(upper_bound=0.0))).sort(
        "item"
    )


def _unbroken(situation: Week, other: Plan) -> list[dict[str, Any]]:
    """routing, period, units: breaks of the frozen fence that the other plan does not need."""
    now, cell = situation.breaks, ["routing", "period"]
    if now.is_empty():
        return []
    made = other.flows["make"].select(*cell, then="quantity")
    apart = now.join(made, on=cell, how="left").with_columns(
        units=pl.col("change").abs() - (pl.col("then").fill_null(0.0) - pl.col("recorded")).abs()
    )
    return apart.filter(pl.col("units") > FENCE_LEAST).select(*BREAK).to_dicts()


def _unhurried(plan: Plan, other: Plan) -> list[dict[str, Any]]:
    """item, location, units: what is expedited in the plan and not in the other."""
    sides = [_expedited(plan, 1.0), _expedited(other, -1.0)]
    apart = pl.concat(sides).group_by("item", "location").agg(pl.col("units").sum())
    return apart.filter(pl.col("units") > FENCE_LEAST).sort("item", "location").to_dicts()


def _expedited(plan: Plan, sign: float) -> pl.DataFrame:
    lines = plan.ledger.lines.filter(pl.col("account") == "expediting")
    return lines.select(pl.col("item", "location").cast(pl.String), units=pl.col("quantity") * sign)
