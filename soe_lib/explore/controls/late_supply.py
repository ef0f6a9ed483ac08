"""Supply that comes later: one receipt, or everything of a supplier."""

from __future__ import annotations

import polars as pl

from soe_lib.explore.choices import Choices
from soe_lib.explore.controls.control import Control, Field, Options, Said, number, one_of, pick, slide, text
from soe_lib.explore.part import Part, counted
from soe_lib.extract.snapshot import Snapshot
from soe_lib.review import words
from soe_lib.whatif.scenario import Scenario

LONGEST = 42


def receipt_fields(snapshot: Snapshot, choices: Choices) -> tuple[Field, ...]:  # noqa: ARG001
    """Which receipt, and how many days later."""
    return (pick("receipt", "Receipt", _receipts(snapshot) or (("none there", ""),)), _days())


def supplier_fields(snapshot: Snapshot, choices: Choices) -> tuple[Field, ...]:  # noqa: ARG001
    """Which supplier, and how many days later."""
    return (one_of("supplier", "Supplier", choices.suppliers), _days())


def receipt_part(snapshot: Snapshot, said: Said) -> Part | None:
    """One receipt is due later."""
    days, receipt = int(number(said, "days")), text(said, "receipt")
    if not days:
        return None
    called = f"{receipt or 'no receipt'} {words.count(days, 'day')} later"
    rows = snapshot["receipts"].filter(pl.col("receipt") == receipt).height
    return counted(called, Scenario("").event(kind="delay", target=receipt, days=days), {"receipt": rows})


def supplier_part(snapshot: Snapshot, said: Said) -> Part | None:
    """Everything that is under way from a supplier, or will be bought there, takes longer."""
    days, supplier = int(number(said, "days")), text(said, "supplier")
    if not days:
        return None
    offers = snapshot["offers"].filter(pl.col("supplier") == supplier)
    receipts = snapshot["receipts"].filter(pl.col("offer").is_in(offers["offer"].unique().implode()))
    touched = {"receipt": receipts.height, "offer": offers.height}
    called = f"{supplier or 'no supplier'} {words.count(days, 'day')} later"
    return counted(called, Scenario("").event(kind="delay", target=supplier, days=days), touched)


def _days() -> Field:
    return slide("days", "Days later", 0, LONGEST)


def _receipts(snapshot: Snapshot) -> Options:
    rows = snapshot["receipts"].sort("due_on", "receipt").select("receipt", "item", "quantity", "due_on")
    return tuple(
        (f"{receipt}: {words.number(quantity)} {item}, {words.day(due)}", receipt)
        for receipt, item, quantity, due in rows.iter_rows()
    )


CONTROLS = (
    Control("late_receipt", "A receipt is late", "Events", 20, receipt_fields, receipt_part),
    Control("late_supplier", "A supplier is late", "Events", 21, supplier_fields, supplier_part),
)
