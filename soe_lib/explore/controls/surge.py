"""Demand that surges, or collapses, for some weeks."""

from __future__ import annotations

import polars as pl

from soe_lib.explore.choices import Choices
from soe_lib.explore.controls.control import Control, Field, Said, number, share, some_or_all, text
from soe_lib.explore.controls.window import during, span, window
from soe_lib.explore.edits import asked, targets
from soe_lib.explore.part import Part, counted, nothing
from soe_lib.explore.trial import Trial
from soe_lib.extract.snapshot import Snapshot
from soe_lib.review import words
from soe_lib.whatif.scenario import Scenario


def fields(snapshot: Snapshot, choices: Choices) -> tuple[Field, ...]:  # noqa: ARG001
    """How much, whose, and when."""
    return (
        share(least=-100, most=200, step=5),
        some_or_all("family", "Family", "All families", choices.families),
        some_or_all("customer", "Customer", "All customers", choices.customers),
        *window(choices, weeks=min(2, len(choices.weeks))),
    )


def part(snapshot: Snapshot, said: Said) -> Part | None:
    """The forecast of these weeks times a factor; orders stay."""
    change = number(said, "share") / 100
    if not change:
        return None
    trial = Trial(demand=change, family=text(said, "family"), customer=text(said, "customer"))
    first, last = span(snapshot, said)
    called = f"{trial.name}{during(snapshot, said)}"
    rows = asked(snapshot, trial, "forecast")
    if version := snapshot.settings.forecast.version:
        rows = rows.filter(pl.col("version") == version)
    hit = targets(snapshot, trial, rows) if rows.height else []
    if rows.height and not hit:
        return nothing(f"{words.sentence(called)} Its name stands for something else too: use Demand instead.", called)
    made = Scenario("")
    for target in hit:
        made = made.event(kind="surge", target=target, from_=first, to=last, factor=1.0 + change)
    return counted(called, made, {"forecast row": rows.height})


CONTROLS = (Control("surge", "Demand surges", "Events", 40, fields, part),)
