"""The rules of the plan: its fence, what it is to be best at, and who comes first where supply is scarce."""

from __future__ import annotations

from soe_lib.explore.choices import Choices
from soe_lib.explore.controls.control import Control, Field, Said, number, pick, slide, text
from soe_lib.explore.part import Part, touching
from soe_lib.extract.snapshot import Snapshot
from soe_lib.review import words
from soe_lib.whatif.scenario import Scenario

RULES = (
    ("Whoever earns most", "margin"),
    ("Customers by their priority", "priority"),
    ("The least served first", "fair"),
    ("Everybody is cut alike", "proportional"),
)
MODES = (("Margin", "margin"), ("Service, then margin", "service"))


def fence_fields(snapshot: Snapshot, choices: Choices) -> tuple[Field, ...]:  # noqa: ARG001
    """How many days are frozen, how many slushy, what a change costs there."""
    fence = snapshot.settings.fence
    return (
        slide("frozen", "Frozen days", 0, 28, value=fence.frozen_days),
        slide("slushy", "Slushy days", 0, 56, value=fence.slushy_days),
        slide("cost", "Change costs, per unit", 0, 20, value=round(fence.change_cost)),
    )


def fence_part(snapshot: Snapshot, said: Said) -> Part | None:
    """The fence of settings.toml, moved; it keeps to the plan of record, and there must be one."""
    fence = snapshot.settings.fence
    made, told = Scenario(""), []
    for name, setting, now, unit in (
        ("frozen", "frozen_days", fence.frozen_days, "days frozen"),
        ("slushy", "slushy_days", fence.slushy_days, "days slushy"),
        ("cost", "change_cost", round(fence.change_cost), "a change"),
    ):
        if (wanted := int(number({name: now, **said}, name))) != now:
            made = made.set(f"settings.fence.{setting}", wanted)
            told.append(f"{wanted} {unit}")
    return touching(snapshot, f"fence {words.listing(told)}", made) if told else None


def aim_fields(snapshot: Snapshot, choices: Choices) -> tuple[Field, ...]:  # noqa: ARG001
    """What the plan is best at, and the rule of allocation."""
    aim = snapshot.settings.objective
    return (
        pick("mode", "Best at", MODES, aim.mode or "margin"),
        pick("allocation", "Scarce supply", RULES, aim.allocation or "margin"),
    )


def aim_part(snapshot: Snapshot, said: Said) -> Part | None:
    """Objective and allocation rule of settings.toml."""
    aim = snapshot.settings.objective
    made, told = Scenario(""), []
    if (mode := text(said, "mode") or "margin") != (aim.mode or "margin"):
        made, told = made.set("settings.objective.mode", mode), [dict(_turned(MODES))[mode].lower()]
    if (rule := text(said, "allocation") or "margin") != (aim.allocation or "margin"):
        made = made.set("settings.objective.allocation", rule)
        told.append(dict(_turned(RULES))[rule].lower())
    return touching(snapshot, f"aim: {words.listing(told)}", made) if told else None


def _turned(options: tuple[tuple[str, str], ...]) -> list[tuple[str, str]]:
    return [(value, label) for label, value in options]


CONTROLS = (
    Control("aim", "Objective and allocation", "Rules", 100, aim_fields, aim_part),
    Control("fence", "Frozen fence", "Rules", 101, fence_fields, fence_part),
)
