"""Edits of settings: fences, objective, capital rate and the like; not of the horizon, which other tables hang on."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from soe_lib.errors import DataError
from soe_lib.extract.settings_file import CHOICES
from soe_lib.extract.snapshot import Snapshot
from soe_lib.extract.spelling import hint
from soe_lib.scenario.values import Value, shown

EDITABLE = (
    "costs.holding_on",
    "costs.capital_rate",
    "lead_time.dispatch",
    "fence.frozen_days",
    "fence.slushy_days",
    "fence.change_cost",
    "objective.mode",
    "objective.allocation",
    "terms.receivable_days",
    "terms.payable_days",
    "forecast.version",
)


def with_setting(snapshot: Snapshot, path: str, action: str, amount: Value) -> Snapshot:
    """The snapshot with one setting changed.

    Parameters
    ----------
    path : section and name, such as "objective.mode".
    action : set, scale or add_to.

    Raises
    ------
    DataError : a setting that is unknown or cannot be edited, or a value that does not fit it.
    """
    if path not in EDITABLE:
        advice = hint(path, EDITABLE) or f"These can: {', '.join(EDITABLE)}."
        raise DataError(f"The setting {path!r} cannot be edited in a scenario. {advice}")
    section, name = path.split(".")
    old = getattr(getattr(snapshot.settings, section), name)
    new = _new(path, old, action, amount)
    changed = replace(getattr(snapshot.settings, section), **{name: new})
    return replace(snapshot, settings=replace(snapshot.settings, **{section: changed}))


def _new(path: str, old: Any, action: str, amount: Value) -> Any:
    numeric = isinstance(amount, int | float) and not isinstance(amount, bool)
    if action in ("scale", "add_to") and numeric and not isinstance(old, str):
        assert isinstance(amount, int | float)
        return type(old)(old * amount if action == "scale" else old + amount)
    if action != "set" or numeric == isinstance(old, str) or isinstance(amount, bool) or amount is None:
        raise DataError(f"The setting {path} is {shown(old)}; {action} {shown(amount)} does not fit it.")
    if path in CHOICES and amount not in CHOICES[path]:
        raise DataError(f"The setting {path} is one of {', '.join(CHOICES[path])}, not {shown(amount)}.")
    return type(old)(amount)


def setting(snapshot: Snapshot, path: str) -> Value:
    """The value of one setting, such as "objective.mode"."""
    section, _, name = path.partition(".")
    value: Value = getattr(getattr(snapshot.settings, section), name)
    return value
