"""Frames that are made when somebody looks at them, and then kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import polars as pl


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
