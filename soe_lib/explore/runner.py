"""Work beside the page: one thread, the newest question first; the page stays alive and may stop it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

TICK = 0.25
"""How often it is told how long the work takes [s]."""


class Runner:
    """Runs one piece of work at a time; of those that come meanwhile only the newest is kept.

    Without an event loop (a script, a test) the work is done on the spot.

    Parameters
    ----------
    tick : called every quarter of a second while work is running, with its seconds so far.
    ended : called when a piece of work is over, before its result is told.
    """

    def __init__(self, tick: Callable[[float], None], ended: Callable[[], None] = lambda: None) -> None:
        self.tick, self.ended = tick, ended
        self.busy = False
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="soe-workbench")
        self._next: tuple[Callable[[], Any], Callable[[Any], None], Callable[[Exception], None]] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._began = 0.0

    @property
    def waiting(self) -> bool:
        """Whether something newer waits for what is running."""
        return self._next is not None

    def ask(self, work: Callable[[], Any], done: Callable[[Any], None], failed: Callable[[Exception], None]) -> None:
        """Do some work; `done` gets its result, or `failed` its error, on the page's own thread."""
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            self._finish(work, done, failed)
            return
        self._next = (work, done, failed)
        if not self.busy:
            self._start(loop)

    def drop(self) -> None:
        """Forget what waits."""
        self._next = None

    def _start(self, loop: asyncio.AbstractEventLoop) -> None:
        assert self._next is not None
        (work, done, failed), self._next = self._next, None
        self.busy, self._began = True, time.monotonic()
        self._timer = loop.call_later(TICK, self._tick, loop)
        future = self._pool.submit(work)
        future.add_done_callback(lambda ended: loop.call_soon_threadsafe(self._ended, loop, ended, done, failed))

    def _ended(
        self,
        loop: asyncio.AbstractEventLoop,
        future: Future[Any],
        done: Callable[[Any], None],
        failed: Callable[[Exception], None],
    ) -> None:
        self.busy = False
        if self._timer is not None:
            self._timer.cancel()
        self.ended()
        try:
            self._finish(future.result, done, failed)
        finally:
            if self._next is not None and not self.busy:
                self._start(loop)

    def _finish(
        self, work: Callable[[], Any], done: Callable[[Any], None], failed: Callable[[Exception], None]
    ) -> None:
        try:
            result = work()
        except Exception as error:
            failed(error)
        else:
            done(result)

    def _tick(self, loop: asyncio.AbstractEventLoop) -> None:
        if self.busy:
            self.tick(time.monotonic() - self._began)
            self._timer = loop.call_later(TICK, self._tick, loop)
