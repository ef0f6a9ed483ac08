"""Answer a lone change at once, and a burst of changes when it pauses."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

QUIET = 0.25
"""How long a burst must pause [s]."""


class Debounce:
    """Calls `act` for a change, but once only for many changes in a row.

    A change that comes after a pause is answered in the next turn of the event loop; one that follows another, or the
    end of the last answer, within `quiet` waits until nothing more comes for that long. Without an event loop (a
    script, a test) every change is answered on the spot.

    Parameters
    ----------
    act : what to do. quiet : the pause that ends a burst [s]. eager : False waits for a pause even after a lone change.
    """

    def __init__(self, act: Callable[[], None], *, quiet: float = QUIET, eager: bool = True) -> None:
        self.act, self.quiet, self.eager = act, quiet, eager
        self._timer: asyncio.TimerHandle | None = None
        self._last = float("-inf")

    def __call__(self) -> None:
        """A change has come."""
        self.cancel()
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            self.act()
            return
        now = time.monotonic()
        alone = self.eager and now - self._last > self.quiet
        self._last = now
        self._timer = loop.call_later(0.0 if alone else self.quiet, self._fire)

    def cancel(self) -> None:
        """Forget a change that is not answered yet."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _fire(self) -> None:
        self._timer = None
        try:
            self.act()
        finally:
            self._last = time.monotonic()  # what queued up while it was busy is part of the same burst
