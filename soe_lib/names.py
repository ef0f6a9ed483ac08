"""Names that are loaded when they are first asked for, and that refuse a wrong kind of thing.

So `import soe_lib as soe` costs nothing, and rooms that need no solver never load one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache, wraps
from importlib import import_module
from inspect import isfunction, signature
from typing import Any

from soe_lib.errors import DataError, advice, hint

PLANS = ("Plan", "PlanLike")


def offered(
    prefix: str, names: Mapping[str, str], namespaces: Mapping[str, str] | None = None
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """`__getattr__` and `__dir__` of a package that offers names of its modules.

    Parameters
    ----------
    prefix : as the reader writes it: "soe", "soe.money".
    names : public name → the module that defines it.
    namespaces : name → the package or module of that name.
    """
    modules = dict(namespaces or {})

    def get(name: str) -> Any:
        if name in modules:
            return import_module(modules[name])
        if name not in names:
            known = sorted({*names, *modules})
            raise AttributeError(f"{prefix} has no {name!r}. {hint(name, known)} It offers {', '.join(known)}.")
        found = getattr(import_module(names[name]), name)
        return guarded(f"{prefix}.{name}", found) if isfunction(found) else found

    return get, lambda: sorted({*names, *modules})


@cache
def guarded(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """A public function that answers a mistyped argument with the nearest one, and refuses another kind of thing than a
    Snapshot or a plan where its signature asks for one.

    Parameters
    ----------
    name : as the reader writes it: "soe.plan".
    """
    shape = signature(function)
    asked = {one.name: set(str(one.annotation).split(" | ")) for one in shape.parameters.values()}
    asked = {one: kinds for one, kinds in asked.items() if kinds & {"Snapshot", *PLANS}}
    known = [one.name for one in shape.parameters.values() if one.kind in (one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY)]
    any_name = any(one.kind is one.VAR_KEYWORD for one in shape.parameters.values())

    @wraps(function)
    def called(*given: Any, **named: Any) -> Any:
        if strange := [one for one in named if one not in known and not any_name]:
            raise TypeError(f"{name} has no argument {strange[0]!r}. {advice(strange[0], known)}")
        if asked:
            for one, value in shape.bind(*given, **named).arguments.items():
                if one in asked:
                    _check(name, asked[one], value)
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
