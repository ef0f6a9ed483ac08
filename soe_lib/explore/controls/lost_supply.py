"""A supplier that delivers less, for some weeks."""

from __future__ import annotations

import polars as pl

from soe_lib.explore.choices import Choices
from soe_lib.explore.controls.control import Control, Field, Said, number, one_of, slide, text
from soe_lib.explore.controls.window import during, span, window
from soe_lib.explore.part import Part, counted
from soe_lib.extract.snapshot import Snapshot
from soe_lib.whatif.scenario import Scenario


def fields(snapshot: Snapshot, choices: Choices) -> tuple[Field, ...]:  # noqa: ARG001
    """Which supplier, how much of it, and when."""
    return (
        one_of("supplier", "Supplier", choices.suppliers),
        slide("lost", "Lost, %", 0, 100, step=5),
        *window(choices),
    )


def part(snapshot: Snapshot, said: Said) -> Part | None:
    """What can be bought of a supplier is cut in these weeks, and what is under way comes short.

    An offer without a maximum has nothing that a part of it could be cut from: only the loss of all of it closes one.
    """
    lost, supplier = number(said, "lost") / 100, text(said, "supplier")
    if not lost:
        return None
    first, last = span(snapshot, said)
    offers = snapshot["offers"].filter(pl.col("supplier") == supplier)
    cut = offers if lost == 1 else offers.filter(pl.col("maximum").is_not_null())
    under_way = snapshot["receipts"].filter(
        pl.col("offer").is_in(offers["offer"].unique().implode()) & pl.col("due_on").is_between(first, last)
    )
    made = Scenario("")
    for target in (supplier, *under_way["receipt"].to_list()):
        made = made.event(kind="supply_loss", target=target, from_=first, to=last, factor=round(1 - lost, 6))
    called = f"{supplier or 'no supplier'} delivers {lost:.0%} less{during(snapshot, said)}"
    return counted(called, made, {"offer": cut.height, "receipt": under_way.height})


CONTROLS = (Control("lost_supply", "A supplier is lost", "Events", 30, fields, part),)
