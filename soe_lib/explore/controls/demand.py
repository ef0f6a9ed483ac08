"""More or less demand over the whole horizon, by family and customer."""

from __future__ import annotations

from dataclasses import replace

from soe_lib.explore import edits
from soe_lib.explore.choices import Choices
from soe_lib.explore.controls.control import Control, Field, Said, number, share, some_or_all, text
from soe_lib.explore.part import Part
from soe_lib.explore.trial import Trial
from soe_lib.extract.snapshot import Snapshot


def fields(snapshot: Snapshot, choices: Choices) -> tuple[Field, ...]:  # noqa: ARG001
    """How much, and whose."""
    return (
        share("share", "Demand, %", -30, 50),
        some_or_all("family", "Family", "All families", choices.families),
        some_or_all("customer", "Customer", "All customers", choices.customers),
    )


def part(snapshot: Snapshot, said: Said) -> Part | None:
    """The forecast grows or shrinks; orders are facts."""
    change = number(said, "share") / 100
    if not change:
        return None
    trial = Trial(demand=change, family=text(said, "family"), customer=text(said, "customer"))
    return replace(edits.demand(snapshot, trial), words=trial.name)


CONTROLS = (Control("demand", "Demand by family and customer", "Demand", 50, fields, part),)
