"""The controls of the workbench: every file here is found by itself, so a new kind of change is one new file."""

from __future__ import annotations

from functools import lru_cache
from importlib import import_module
from pkgutil import iter_modules

from soe_lib.explore.controls.control import Control

HELPERS = ("control", "window")


@lru_cache(maxsize=1)
def controls() -> dict[str, Control]:
    """Every control by key, in the order in which they are listed."""
    names = sorted(module.name for module in iter_modules(__path__) if module.name not in HELPERS)
    found = [one for name in names for one in import_module(f"{__name__}.{name}").CONTROLS]
    return {one.key: one for one in sorted(found, key=lambda one: (one.place, one.key))}


__all__ = ["Control", "controls"]
