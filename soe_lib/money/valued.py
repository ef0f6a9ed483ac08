"""A plan that nobody solved, in the same units and by the same rates as one that was."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

import polars as pl

from soe_lib.extract.calendar import Calendar
from soe_lib.money.ledger import Ledger
from soe_lib.money.rates import RateBook
from soe_lib.money.reading import Window
from soe_lib.money.timeline import no_periods


@dataclass(frozen=True, eq=False, repr=False)
class Valued:
    """Quantities that somebody else decided, valued by a rate book; bridge and statement take it like a Plan.

    Parameters
    ----------
    name : "S&OP plan", "budget", "actuals" …
    flows : flow → frame of keys and `quantity`.
    ledger : its money lines.
    assumptions : what had to be assumed, a sentence each, with counts and quantities.
    window : first and last day that it speaks about.
    periods, items : to read it by weeks, months and families.
    rates : the book that it was valued by.
    handed_on : a day, and what is owned at its close is worth to the days after it [money], where that is known.
    calendar : by whose working days a part of a period is told; None where a flow is even over its days.
    """

    name: str
    flows: Mapping[str, pl.DataFrame]
    ledger: Ledger
    assumptions: tuple[str, ...]
    window: Window
    periods: pl.DataFrame = field(default_factory=no_periods)
    items: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema={"item": pl.String}))
    rates: RateBook = field(default_factory=lambda: RateBook({}))
    calendar: Calendar | None = None
    handed_on: tuple[date, float] | None = None

    @property
    def margin(self) -> float:
        """Cash margin plus end value [money]."""
        return self.ledger.margin

    @property
    def steering(self) -> float:
        """Money that moves plans but is no cash [money]."""
        return self.ledger.steering

    def __repr__(self) -> str:
        said = [f"  - {sentence}" for sentence in self.assumptions]
        return "\n".join([f"{self.name}, {self.window[0]} to {self.window[1]}", repr(self.ledger), *said])


def said(ledger: Ledger) -> list[str]:
    """What a ledger had to assume about rates, a sentence each."""
    taken = [f"{rows:,} rows of {flow} ({q:,.6g} units): {how}." for flow, how, rows, q in ledger.adapted.iter_rows()]
    return taken + [
        f"{rows:,} rows of {flow} ({q:,.6g} units) have no rate and no money." for flow, rows, q in ledger.lost
    ]
