"""Service floors: what is promised to a customer, and how much safety stock stands behind it."""

from __future__ import annotations

import polars as pl

from soe_lib.explore.choices import Choices
from soe_lib.explore.controls.control import Control, Field, Said, number, share, slide, some_or_all, text, where
from soe_lib.explore.edits import asked
from soe_lib.explore.part import Part, counted
from soe_lib.explore.trial import Trial
from soe_lib.extract.snapshot import Snapshot
from soe_lib.review import words
from soe_lib.whatif.scenario import Scenario


def floor_fields(snapshot: Snapshot, choices: Choices) -> tuple[Field, ...]:  # noqa: ARG001
    """To whom, and how much of what they ask for."""
    return (
        some_or_all("customer", "Customer", "All customers", choices.customers),
        some_or_all("family", "Family", "All families", choices.families),
        slide("floor", "Served at least, %", 0, 100, step=5),
    )


def floor_part(snapshot: Snapshot, said: Said) -> Part | None:
    """Every demand line must be served to this share: a promise in place of the lines' own."""
    floor = number(said, "floor") / 100
    if not floor:
        return None
    trial = Trial(family=text(said, "family"), customer=text(said, "customer"), demand=1.0)
    made, touched = Scenario(""), {}
    for table, what in (("forecast", "forecast row"), ("orders", "order")):
        rows = asked(snapshot, trial, table)
        if table == "forecast" and (version := snapshot.settings.forecast.version):
            rows = rows.filter(pl.col("version") == version)
        if rows.height:
            made, touched[what] = made.promise(table, floor, **where(said, "family", "customer")), rows.height
    called = f"{trial.whose} served at least {words.percent(floor)}".replace(words.HARD_SPACE, " ")
    return counted(called, made, touched)


def safety_fields(snapshot: Snapshot, choices: Choices) -> tuple[Field, ...]:  # noqa: ARG001
    """Of which family, and how much more."""
    return (
        some_or_all("family", "Family", "All families", choices.families),
        share("share", "Safety stock, %", -100, 100, 5),
    )


def safety_part(snapshot: Snapshot, said: Said) -> Part | None:
    """Safety stocks times a factor."""
    change = number(said, "share") / 100
    if not change:
        return None
    rows = snapshot["policies"].filter(pl.col("safety_stock") > 0)
    if family := text(said, "family"):
        known = snapshot["items"].filter(pl.col("family") == family)["item"]
        rows = rows.filter(pl.col("item").is_in(known.implode()))
    called = f"{family or 'all'} safety stock {words.percent(change, sign=True)}".replace(words.HARD_SPACE, " ")
    made = Scenario("").scale("policies.safety_stock", 1.0 + change, **where(said, "family"))
    return counted(called, made, {"safety stock": rows.height})


CONTROLS = (
    Control("floor", "Service floor", "Service", 90, floor_fields, floor_part),
    Control("safety", "Safety stock", "Service", 91, safety_fields, safety_part),
)
