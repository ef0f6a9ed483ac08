"""Which known name a misspelt one most likely means."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def plainly(name: str) -> str:
    """A name in small letters, with underscores for blanks and hyphens."""
    return name.strip().lower().replace(" ", "_").replace("-", "_")


def likeness(one: str, other: str) -> float:
    """How alike two names are, from 0 to 1, whatever their case."""
    return difflib.SequenceMatcher(None, plainly(one), plainly(other)).ratio()


def nearest(name: str, known: Iterable[str], least: float = 0.5) -> str:
    """The known name most like the given one; blank where none is alike enough."""
    ranked = sorted(
        ((likeness(name, candidate), candidate) for candidate in known), key=lambda pair: (-pair[0], pair[1])
    )
    return ranked[0][1] if ranked and ranked[0][0] >= least else ""


def hint(name: str, known: Iterable[str]) -> str:
    """ "Did you mean x?" where a known name is alike, else nothing."""
    alike = nearest(name, known)
    return f"Did you mean {alike}?" if alike else ""
