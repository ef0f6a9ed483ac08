"""Priced answers to an exception, each held against doing nothing; pages only read them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import polars as pl

from soe_lib.money.ledger import STEERING
from soe_lib.review import words
from soe_lib.review.exceptions.issue import Issue
from soe_lib.review.tables import Column, Table, each, laid_out, said

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
