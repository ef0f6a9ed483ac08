"""What the public functions are given: a wrong kind of thing is refused, with the call that gives the right one."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, wraps
from inspect import signature
from typing import Any

from soe_lib.errors import DataError

PLANS = ("Plan", "PlanLike")


@cache
def guarded(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """A public function that refuses what is no Snapshot, or no plan, where its signature asks for one.

    Parameters
    ----------
    name : as the reader writes it after `soe.`.
    """
    shape = signature(function)
    asked = {one.name: set(str(one.annotation).split(" | ")) for one in shape.parameters.values()}
    asked = {one: kinds for one, kinds in asked.items() if kinds & {"Snapshot", *PLANS}}
    if not asked:
        return function

    @wraps(function)
    def called(*given: Any, **named: Any) -> Any:
        for one, value in shape.bind(*given, **named).arguments.items():
            if one in asked:
                _check(f"soe.{name}", asked[one], value)
        return function(*given, **named)

    return called


def _check(call: str, kinds: set[str], value: Any) -> None:
    """Refuse a value of another kind than the annotation says; where it says other kinds too, the function looks."""
    from soe_lib.extract.snapshot import Snapshot, expected

    if (value is None and "None" in kinds) or (isinstance(value, Snapshot) and "Snapshot" in kinds):
        return
    if kinds <= {*PLANS, "None"} and not (hasattr(value, "ledger") and hasattr(value, "flows")):
        raise DataError(f"{call} takes a plan, not {_said(value)}. soe.plan(snapshot) gives one.")
    if kinds <= {"Snapshot", "None"}:
        expected(value, call)


def _said(value: Any) -> str:
    return f"the text {value!r}" if isinstance(value, str) else f"a {type(value).__name__}"
