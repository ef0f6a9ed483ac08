"""What a cause does to customers, in words and money."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from soe_lib.review import words
from soe_lib.review.exceptions.causes import PROVEN
from soe_lib.review.situation import Situation


@dataclass(frozen=True)
class Effect:
    """Missed demand laid to one cause.

    Parameters
    ----------
    late, short : units. revenue : of those units [money]. money : lost margin, penalties and lateness [money].
    items, customers, weeks : names, the dearest items first. codes : the items by their codes, in the same order.
    proven : whether planning again without the cause serves them; else they are the most that may hang on it.
    """

    late: float
    short: float
    revenue: float
    money: float
    items: tuple[str, ...]
    customers: tuple[str, ...]
    weeks: tuple[str, ...]
    codes: tuple[str, ...] = ()
    proven: bool = True

    @property
    def about(self) -> dict[str, tuple[str, ...]]:
        """What is hit, by kind of thing, for whoever looks for answers."""
        return {"items": self.codes, "customers": self.customers, "weeks": self.weeks}

    @property
    def any(self) -> bool:
        """Whether anybody misses anything."""
        return self.late + self.short >= 0.5

    @property
    def units(self) -> str:
        """ "1,200 units late", "300 never served and 1,200 late"."""
        parts = [(self.short, "never served"), (self.late, "late")]
        said = [f"{words.number(size)} units {text}" for size, text in parts if size >= 0.5]
        most = "" if self.proven else "up to "
        return most + " and ".join(said) if said else "nothing missed"

    def service(self, currency: str) -> str:
        """The effect on customers in a few words: "1,200 units late, EUR 14 thousand of revenue"."""
        if not self.any:
            return "No customer waits"
        return f"{self.units}, {words.brief_money(self.revenue, currency)} of revenue"

    @property
    def when(self) -> str:
        """The weeks that are hit."""
        return words.periods(self.weeks)


def effect_of(situation: Situation, kind: str, key: str) -> Effect:
    """The missed demand laid to one cause."""
    mine = situation.missed.filter((pl.col("kind") == kind) & (pl.col("key") == key)).sort("revenue", descending=True)
    weeks = mine["weeks"].explode().unique().to_list() if mine.height else []
    order = dict(situation.gaps.select("week", "order").rows())
    return Effect(
        late=float(mine["late"].sum()),
        short=float(mine["short"].sum()),
        revenue=float(mine["revenue"].sum()),
        money=float(mine["money"].sum()),
        items=tuple(mine["description"].to_list()),
        codes=tuple(mine["item"].to_list()),
        customers=tuple(mine["customers"].explode().unique().sort().drop_nulls().to_list()) if mine.height else (),
        proven=situation.prices is not None or kind not in PROVEN,
        weeks=tuple(sorted(weeks, key=lambda week: order.get(week, 0))),
    )
