"""The program of every subset of some changes, without assembling each: changes that do not meet simply add up.

Each change is assembled once on its own. Where two touch the same number and together do not what they do apart, they
are one group, and every subset of that group is assembled. All changes together prove that nothing was overlooked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import combinations

import numpy as np

from soe_lib.model.axis import Floats
from soe_lib.model.common import Common, together
from soe_lib.model.model import Model

SAME = 1e-12
"""Relative difference below which two numbers are the same number."""
MOST = 6
"""Changes of one group whose subsets are all assembled; a larger one is not worth it."""


class Subsets:
    """The vector of every subset of changes, by its mask: bit i is set where change i is in.

    Parameters
    ----------
    make : mask → the model with just those changes.
    count : how many changes. whole : the model with all of them, where there is one already.

    Attributes
    ----------
    common : the frame of them all. groups : changes that are not independent, together. assembled : how many models
    were made. simple : False where too many changes hang together (see `MOST`); `at` must then not be asked.
    """

    def __init__(self, make: Callable[[int], Model], count: int, whole: Model | None = None) -> None:
        self._make, self.count = make, count
        self._models: dict[int, Model] = {(1 << count) - 1: whole} if whole else {}
        self._vectors: dict[int, Floats] = {}
        self._changes: dict[int, tuple[np.ndarray, Floats, Floats]] = {}
        self.everything = (1 << count) - 1
        singles = [1 << change for change in range(count)]
        self._assemble([0, self.everything, *singles])
        self.groups: tuple[tuple[int, ...], ...] = tuple((change,) for change in range(count))
        self._grow_together()
        if self.simple and not self._adds_up(self.everything):
            self.groups = (tuple(range(count)),)
            self._assemble_groups()

    @property
    def assembled(self) -> int:
        """How many models were made."""
        return len(self._models)

    @property
    def simple(self) -> bool:
        """Whether every subset can be composed."""
        return all(len(group) <= MOST for group in self.groups)

    def model(self, mask: int) -> Model:
        """The model of a subset, made where there is none yet."""
        return self._models.get(mask) or self._make(mask)

    def at(self, mask: int) -> Floats:
        """The vector of a subset: that of no change plus what each group in it changes."""
        vector = self._vectors[0].copy()
        for group in self.groups:
            if part := mask & sum(1 << change for change in group):
                place, step, value = self._change(part)
                vector[place] = np.where(np.isfinite(step), vector[place] + step, value)
        return vector

    def _change(self, part: int) -> tuple[np.ndarray, Floats, Floats]:
        """Where a subset of one group differs from no change, by how much, and what stands there then."""
        if part not in self._changes:
            base, changed = self._vectors[0], self._vectors[part]
            place = np.flatnonzero(~_equal(base, changed))
            with np.errstate(invalid="ignore"):
                self._changes[part] = (place, changed[place] - base[place], changed[place])
        return self._changes[part]

    def _adds_up(self, mask: int) -> bool:
        """Whether the composed vector is the assembled one."""
        return bool(_equal(self.at(mask), self._vectors[mask]).all())

    def _assemble(self, masks: Iterable[int]) -> None:
        for mask in masks:
            if mask not in self._models:
                self._models[mask] = self._make(mask)
        self.common: Common
        self.common, vectors = together(list(self._models.values()))
        self._changes = {}
        self._vectors = dict(zip(self._models, vectors, strict=True))

    def _grow_together(self) -> None:
        """Link changes that touch the same number and do not add up there."""
        touched = [~_equal(self._vectors[0], self._vectors[1 << change]) for change in range(self.count)]
        pairs = [(a, b) for a, b in combinations(range(self.count), 2) if (touched[a] & touched[b]).any()]
        if not pairs:
            return
        self._assemble(1 << a | 1 << b for a, b in pairs)
        linked = [(a, b) for a, b in pairs if not self._adds_up(1 << a | 1 << b)]
        self.groups = _components(self.count, linked)
        self._assemble_groups()

    def _assemble_groups(self) -> None:
        if self.simple:
            self._assemble(
                sum(1 << change for change in chosen)
                for group in self.groups
                for size in range(1, len(group) + 1)
                for chosen in combinations(group, size)
            )


def _equal(one: Floats, other: Floats) -> np.ndarray:
    with np.errstate(invalid="ignore"):
        return (one == other) | (np.abs(one - other) <= SAME * (1.0 + np.abs(one)))


def _components(count: int, linked: list[tuple[int, int]]) -> tuple[tuple[int, ...], ...]:
    group = list(range(count))
    for a, b in linked:
        old, new = max(group[a], group[b]), min(group[a], group[b])
        group = [new if name == old else name for name in group]
    return tuple(tuple(change for change in range(count) if group[change] == name) for name in sorted(set(group)))


__all__ = ["MOST", "Subsets"]
