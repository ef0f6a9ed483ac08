"""Exceptions of promises: what was promised and cannot be there on its day."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from soe_lib.review import words
from soe_lib.review.exceptions.issue import Issue, detector
from soe_lib.review.frames.promises import unkept

if TYPE_CHECKING:
    from soe_lib.review.week import Week


@detector
def broken_promises(situation: Week) -> Iterator[Issue]:
    """Promises that no plan keeps, at what the missing units bring."""
    yield from (issue(situation, row) for row in unkept(situation.plan).iter_rows(named=True))


def issue(situation: Week, row: dict[str, Any]) -> Issue:
    """The exception of one promise."""
    missing, later = words.number(row["missing"]), row["later"] > 0
    after = f"{words.number(row['later'])} come by {words.day(row['comes_on'])}" if later else "they never come"
    said = f"{missing} of {words.number(row['promised'])} {row['item']} promised to {row['customer']}"
    return Issue(
        kind="Promise broken",
        subject=row["order"],
        what=f"{said} for {words.day(row['on'])} are not there on the day: {after}",
        cause="stock, receipts and hours until that day do not suffice, whatever gives way",
        money=float(row["worth"]),
        basis="what the units that are missing on the day bring",
        ask=f"Tell {row['customer']}, and agree another day or a substitute for {row['order']}",
        doing_nothing=after,
        owner="Customer service",
        page="demand_review",
        anchor=words.anchor("Exceptions"),
        deadline=situation.snapshot.as_of,
        revenue=float(row["worth"]),
        headline=f"{said} are not there on {words.day(row['on'])}",
        about={"orders": (row["order"],), "items": (row["item"],), "customers": (row["customer"],)},
    )
