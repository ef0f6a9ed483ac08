"""Why the margin moved, as the finance page shows it: a waterfall of the disruptions and their figures side by side."""

from __future__ import annotations

from typing import Any, Protocol

import polars as pl

from soe_lib.review import charts, words
from soe_lib.review.pages.statements import capital
from soe_lib.review.tables import Table

WHAT = "margin"


class Split(Protocol):
    """What the page reads of an Attribution: this room knows no solver."""

    @property
    def start(self) -> int:
        """Margin without any disruption, in minor units."""

    @property
    def end(self) -> int:
        """Margin with all of them, in minor units."""

    @property
    def residual(self) -> int:
        """What the shares leave, in minor units."""

    @property
    def digits(self) -> int:
        """Decimals of the currency."""

    @property
    def how(self) -> str:
        """How the figures were found."""

    @property
    def why(self) -> str:
        """Why the one-at-a-time figures do not add up."""

    def table(self) -> pl.DataFrame:
        """disruption, kind, amount, share, alone, last, low, high, steering."""


def why_frame(split: Split) -> pl.DataFrame:
    """An attribution as the waterfall reads it: label, amount [money], kind."""
    scale = 10**split.digits
    steps = [(name, amount, "driver") for name, amount in split.table().select("disruption", "amount").iter_rows()]
    rows = [
        ("plan without them", split.start / scale, "start"),
        *steps,
        ("this week's plan", split.end / scale, "end"),
    ]
    return pl.DataFrame(rows, schema=["label", "amount", "kind"], orient="row")


def why_chart(split: Split, currency: str) -> charts.Chart:
    """From the plan without the disruptions to this week's plan, as a waterfall."""
    return charts.bridge(why_frame(split), currency, what=WHAT)


def why_table(split: Split, currency: str) -> Table:
    """Each disruption's share of the move, beside what it does alone and last."""
    rows = split.table()
    unit = f", {currency}"
    names = {
        "disruption": "Disruption",
        "amount": f"Its share{unit}",
        "share": "Of the move",
        "alone": f"Put in alone{unit}",
        "last": f"Taken out alone{unit}",
        "steering": f"Steering{unit}",
    }
    if rows["low"].null_count() < rows.height:
        names |= {"low": f"95 % from{unit}", "high": f"95 % to{unit}"}
    numbers = [name for name in names if name not in ("disruption", "share")]
    sums: dict[str, Any] = {
        name: [round(float(rows[name].sum()), 2)] for name in numbers if name not in ("low", "high")
    }
    total = pl.DataFrame({"disruption": ["All together"], **sums, "share": [1.0]})
    rows = rows.with_columns(pl.col("disruption").map_elements(capital, return_dtype=pl.String))
    shown = pl.concat([rows.select(list(names)), total], how="diagonal_relaxed").select(list(names)).rename(names)
    said = f"{split.how} {split.why}"
    formats = dict.fromkeys((names[name] for name in numbers), "cents") | {"Of the move": "percent"}
    return Table(
        shown,
        "Why the margin moved: this week's disruptions",
        formats,
        said,
        rows=20,
        strong=pl.col("Disruption") == "All together",
    )


def why_finding(split: Split, currency: str) -> str:
    """The sentence: what the disruptions cost together, and which one costs most."""
    change = (split.end - split.start) / 10**split.digits
    most = split.table().row(0 if change < 0 else -1, named=True)
    verb = "cost" if change < 0 else "bring"
    share = words.brief_money(abs(most["amount"]), currency)
    whole = words.brief_money(abs(change), currency)
    return f"This week's disruptions {verb} {whole}, most of it {most['disruption']} ({share})."
