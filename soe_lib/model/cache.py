"""What was worked out for a network, with what it was worked out from: a near one recomputes only what moved."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar

import polars as pl

from soe_lib.extract.rules import EVERY, Noted

if TYPE_CHECKING:
    from soe_lib.model.network import Network


T = TypeVar("T")
Make = Callable[["Network"], Any]


@dataclass(frozen=True, eq=False)
class Part:
    """One part: its value, how it is made, and which tables and parts that took."""

    value: Any
    make: Make
    tables: frozenset[str]
    parts: frozenset[str]


class Kept:
    """The parts of one network.

    Parameters
    ----------
    network : whose. tables : of its snapshot.
    near : the parts of a network of the same settings, periods and labels; None: everything is worked out.
    """

    def __init__(self, network: Network, tables: Mapping[str, pl.DataFrame], near: Kept | None = None) -> None:
        self.network, self.own, self.near = network, tables, near
        self.parts: dict[str, Part] = {}
        self._moved: dict[str, bool] = {}
        self._reading: list[tuple[set[str], set[str]]] = []

    @property
    def tables(self) -> Mapping[str, pl.DataFrame]:
        """The same tables, which note who reads them."""
        return Noted(self.own, self.note)

    def get(self, key: str, make: Callable[[Network], T]) -> T:
        """A part by its key, worked out once.

        Parameters
        ----------
        make : works it out from nothing but the network that it is given, and what the key names.
        """
        self._find(key, make)
        if self._reading:
            self._reading[-1][1].add(key)
        value: T = self.parts[key].value
        return value

    def forget(self) -> None:
        """Let go of the near network: a chain of them would never be freed."""
        self.near = None

    def note(self, table: str) -> None:
        """A table is read."""
        if self._reading:
            self._reading[-1][0].add(table)

    def _find(self, key: str, make: Make) -> None:
        if key in self.parts:
            return
        old = self.near.parts.get(key) if self.near else None
        if old is not None and not self._stirred(old):
            self.parts[key], self._moved[key] = old, False
            return
        self._reading.append((set(), set()))
        try:
            value = make(self.network)
        finally:
            tables, parts = self._reading.pop()
        moved = old is None or not _same(old.value, value)
        # The very same object, so that whatever was made of it is known to be the same too.
        kept = value if old is None or moved else old.value
        self.parts[key] = Part(kept, make, frozenset(tables), frozenset(parts))
        self._moved[key] = moved

    def _stirred(self, old: Part) -> bool:
        """Whether anything moved that a part was worked out from."""
        assert self.near is not None, "only asked with one"
        there = self.near.own
        names = self.own.keys() if EVERY in old.tables else old.tables
        if any(self.own.get(name) is not there.get(name) for name in names):
            return True
        for key in sorted(old.parts):
            self._find(key, self.near.parts[key].make)
            if self._moved[key]:
                return True
        return False


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, pl.DataFrame) and isinstance(other, pl.DataFrame):
        return one.schema == other.schema and one.equals(other, null_equal=True)
    return False


Preparation = Callable[["Network"], pl.DataFrame]


def prepared(make: Preparation) -> Preparation:
    """Remember the frame that `make` returns for a network, for as long as the network lives."""

    @wraps(make)
    def remembered(network: Network) -> pl.DataFrame:
        return network.kept.get(f"{make.__module__}.{make.__qualname__}", make)

    return remembered


class Lazily(Mapping[str, pl.DataFrame]):
    """Frames by name, each made when it is first asked for: an analyst's edit reads one of a plan's eight.

    Parameters
    ----------
    makers : name → what makes the frame.
    """

    def __init__(self, makers: Mapping[str, Callable[[], pl.DataFrame]]) -> None:
        self._makers = dict(makers)
        self._made: dict[str, pl.DataFrame] = {}

    def __getitem__(self, name: str) -> pl.DataFrame:
        if name not in self._made:
            self._made[name] = self._makers[name]()
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._makers)

    def __len__(self) -> int:
        return len(self._makers)

    def __reduce__(self) -> tuple[type[dict[str, pl.DataFrame]], tuple[dict[str, pl.DataFrame]]]:
        """What travels to another process is made first."""
        return dict, (dict(self),)
