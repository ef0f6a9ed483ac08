"""Processes of a replay, and files that are whole or not there."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import active_children, get_context, parent_process
from multiprocessing.connection import wait
from threading import Thread

ONE_EACH = ("POLARS_MAX_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "RAYON_NUM_THREADS")
"""What tells libraries how many threads to take."""


@contextmanager
def pool_of(workers: int) -> Iterator[ProcessPoolExecutor]:
    """Processes side by side, each with one thread of its own; none outlives this one, however it ends."""
    before, others = {name: os.environ.get(name) for name in ONE_EACH}, set(active_children())
    os.environ.update(dict.fromkeys(ONE_EACH, "1"))
    try:
        with ProcessPoolExecutor(
            max(1, workers), mp_context=get_context("spawn"), initializer=_end_with_parent
        ) as pool:
            try:
                yield pool
            except BaseException:
                # The pool would wait for the weeks that its processes are at: who is stopped stops them.
                for process in set(active_children()) - others:
                    process.terminate()
                raise
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.__setitem__(name, value)


def _end_with_parent() -> None:
    """A worker whose parent was killed would wait for work for ever, or do weeks that nobody reads."""
    if (parent := parent_process()) is not None:
        Thread(target=lambda: (wait([parent.sentinel]), os._exit(1)), daemon=True).start()
