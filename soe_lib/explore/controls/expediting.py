"""Whether expedited offers may be used."""

from __future__ import annotations

from dataclasses import replace

from soe_lib.explore import edits
from soe_lib.explore.choices import Choices
from soe_lib.explore.controls.control import Control, Field, Said
from soe_lib.explore.part import Part
from soe_lib.explore.trial import Trial
from soe_lib.extract.snapshot import Snapshot


def fields(snapshot: Snapshot, choices: Choices) -> tuple[Field, ...]:  # noqa: ARG001
    """A switch."""
    return (Field("allowed", "Expediting allowed", "switch", value=True),)


def part(snapshot: Snapshot, said: Said) -> Part | None:
    """No expedited offer may be used; what is already on its way still comes."""
    if said.get("allowed", True):
        return None
    trial = Trial(expediting=False)
    return replace(edits.expediting(snapshot, trial), words=trial.name)


CONTROLS = (Control("expediting", "Expediting", "Capacity", 70, fields, part),)
