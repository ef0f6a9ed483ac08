"""Dependency-tracked cache of a network: a similar network recomputes only the entries whose inputs changed."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import polars as pl
import scipy.sparse as sp

from soe_lib.extract.rules import EVERY, Noted
from soe_lib.model.axis import Axis

if TYPE_CHECKING:
    from soe_lib.model.network import Network


T = TypeVar("T")
Make = Callable[["Network"], Any]


@dataclass(frozen=True, eq=False)
class Entry:
    """A value, its maker and its dependencies: named inputs, and the tables and entries that the maker read."""

    value: Any
    make: Make
    inputs: tuple[object, ...]
    tables: frozenset[str]
    keys: frozenset[Hashable]


@dataclass(eq=False)
class _Reading:
    tables: set[str] = field(default_factory=set)
    keys: set[Hashable] = field(default_factory=set)


class Cache:
    """The entries of one network.

    Parameters
    ----------
    network : the one it serves. tables : of its snapshot.
    near : the cache of a network with the same settings, periods and labels; None: compute everything.
    """

    def __init__(self, network: Network, tables: Mapping[str, pl.DataFrame], near: Cache | None = None) -> None:
        self.network, self.own, self.near = network, tables, near
        if near is not None:
            near.near = None  # keep one predecessor only: a chain of caches would never be freed
        self.entries: dict[Hashable, Entry] = {}
        self._changed: dict[Hashable, bool] = {}
        self._reading: list[_Reading] = []

    @property
    def tables(self) -> Mapping[str, pl.DataFrame]:
        """The snapshot's tables; reading one makes it a dependency of the entry that is being computed."""
        return Noted(self.own, self._note)

    def get(self, key: Hashable, make: Callable[[Network], T], *inputs: object) -> T:
        """The value of a key, computed once; the similar network's value where all dependencies are unchanged.

        Parameters
        ----------
        make : computes the value from the network passed to it and from `inputs`. Tables and entries that it reads are
            tracked; only an entry that itself has named inputs must be passed in `inputs`.
        """
        self._find(key, make, inputs)
        if self._reading and not inputs:
            self._reading[-1].keys.add(key)
        value: T = self.entries[key].value
        return value

    def inherited(self, key: Hashable) -> bool:
        """Whether the value of a key is the one of the similar network."""
        return key in self.entries and not self._changed[key]

    def _note(self, table: str) -> None:
        if self._reading:
            self._reading[-1].tables.add(table)

    def _find(self, key: Hashable, make: Make, inputs: tuple[object, ...] = ()) -> None:
        if key in self.entries:
            return
        old = self.near.entries.get(key) if self.near else None
        if old is not None and _identical(old.inputs, inputs) and not self._outdated(old):
            self.entries[key], self._changed[key] = old, False
            return
        self._reading.append(_Reading())
        try:
            value = make(self.network)
        finally:
            read = self._reading.pop()
        self._changed[key] = old is None or not _same(old.value, value)
        # Keep the old object where the values are equal: entries computed from it are then unchanged too.
        same = value if old is None or self._changed[key] else old.value
        self.entries[key] = Entry(same, make, inputs, frozenset(read.tables), frozenset(read.keys))

    def _outdated(self, old: Entry) -> bool:
        """Whether a table or an entry that the similar network's entry read has changed."""
        assert self.near is not None, "needs a similar network"
        theirs = self.near.own
        names = self.own.keys() if EVERY in old.tables else old.tables
        if any(self.own.get(name) is not theirs.get(name) for name in names):
            return True
        for key in sorted(old.keys, key=str):
            self._find(key, self.near.entries[key].make)
            if self._changed[key]:
                return True
        return False


def _identical(one: tuple[object, ...], other: tuple[object, ...]) -> bool:
    return len(one) == len(other) and all(mine is theirs for mine, theirs in zip(one, other, strict=True))


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, pl.DataFrame) and isinstance(other, pl.DataFrame):
        return one.schema == other.schema and one.equals(other, null_equal=True)
    if isinstance(one, sp.csr_array | sp.csc_array) and type(one) is type(other):
        return one.shape == other.shape and all(
            np.array_equal(getattr(one, part), getattr(other, part)) for part in ("indptr", "indices", "data")
        )
    return isinstance(one, Axis) and isinstance(other, Axis) and one.same(other)


Preparation = Callable[["Network"], pl.DataFrame]


def prepared(make: Preparation) -> Preparation:
    """Cache the frame that `make` returns for a network."""

    @wraps(make)
    def cached(network: Network) -> pl.DataFrame:
        return network.cache.get(f"{make.__module__}.{make.__qualname__}", make)

    return cached


class Lazily(Mapping[str, pl.DataFrame]):
    """Frames by name, each computed on first access.

    Parameters
    ----------
    makers : name → function that computes the frame.
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
        """Compute all frames before pickling."""
        return dict, (dict(self),)
