"""Work beside the page: one thread, one piece of work after another; the page stays alive and may stop it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

TICK = 0.25
"""How often it is told how long the work takes [s]."""
ANSWER = "answer"
"""The kind of work that a change by hand asks for; it is done before all that waits."""


@dataclass(frozen=True)
class _Task:
    """A piece of work of a kind, and who hears of its result or its error."""

    kind: str
    work: Callable[[], Any]
    done: Callable[[Any], None]
    failed: Callable[[Exception], None]


class Runner:
    """Runs one piece of work at a time. What comes meanwhile waits: the newest of each kind, and no kind ends another.

    Without an event loop (a script, a test) the work is done on the spot.

    Parameters
    ----------
    tick : called every quarter of a second while work is running, with its seconds so far.
    ended : called when a piece of work is over, before its result is told.
    """

    def __init__(self, tick: Callable[[float], None], ended: Callable[[], None] = lambda: None) -> None:
        self.tick, self.ended = tick, ended
        self.busy, self.kind = False, ""
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="soe-workbench")
        self._waiting: dict[str, _Task] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._began = 0.0

    @property
    def waiting(self) -> bool:
        """Whether anything waits for what is running."""
        return bool(self._waiting)

    def asked(self, kind: str) -> bool:
        """Whether work of a kind waits."""
        return kind in self._waiting

    @property
    def outdated(self) -> bool:
        """Whether something newer of its own kind waits for what is running."""
        return self.busy and self.kind in self._waiting

    def ask(
        self,
        work: Callable[[], Any],
        done: Callable[[Any], None],
        failed: Callable[[Exception], None],
        kind: str = ANSWER,
    ) -> None:
        """Do some work; `done` gets its result, or `failed` its error, on the page's own thread.

        Parameters
        ----------
        kind : of the work; what waits is replaced by newer work of the same kind, and by no other.
        """
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            self._finish(work, done, failed)
            return
        self._waiting[kind] = _Task(kind, work, done, failed)
        if not self.busy:
            self._start(loop)

    def _start(self, loop: asyncio.AbstractEventLoop) -> None:
        task = self._waiting.pop(ANSWER if ANSWER in self._waiting else next(iter(self._waiting)))
        self.busy, self.kind, self._began = True, task.kind, time.monotonic()
        self._timer = loop.call_later(TICK, self._tick, loop)
        future = self._pool.submit(task.work)
        future.add_done_callback(lambda ended: loop.call_soon_threadsafe(self._ended, loop, ended, task))

    def _ended(self, loop: asyncio.AbstractEventLoop, future: Future[Any], task: _Task) -> None:
        self.busy, self.kind = False, ""
        if self._timer is not None:
            self._timer.cancel()
        try:
            try:
                self.ended()
            finally:  # whoever asked hears of it, and what waits is done, whatever the page makes of it
                self._finish(future.result, task.done, task.failed)
        finally:
            if self._waiting and not self.busy:
                self._start(loop)

    def _finish(
        self, work: Callable[[], Any], done: Callable[[Any], None], failed: Callable[[Exception], None]
    ) -> None:
        try:
            done(work())
        except Exception as error:  # of the result's telling too: whoever asked must not wait for ever
            failed(error)

    def _tick(self, loop: asyncio.AbstractEventLoop) -> None:
        if self.busy:
            self._timer = loop.call_later(TICK, self._tick, loop)  # first: a word that cannot be said ends no telling
            self.tick(time.monotonic() - self._began)
