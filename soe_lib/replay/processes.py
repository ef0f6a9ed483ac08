"""The worker processes of a replay."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import active_children, get_context, parent_process
from multiprocessing.connection import wait
from threading import Thread

ONE_EACH = ("POLARS_MAX_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "RAYON_NUM_THREADS")
"""Environment variables that set the number of threads of libraries."""


@contextmanager
def pool_of(workers: int) -> Iterator[ProcessPoolExecutor]:
    """Parallel worker processes of one thread each; none outlives this process, however it ends."""
    before, others = {name: os.environ.get(name) for name in ONE_EACH}, set(active_children())
    os.environ.update(dict.fromkeys(ONE_EACH, "1"))
    try:
        with ProcessPoolExecutor(
            max(1, workers), mp_context=get_context("spawn"), initializer=_end_with_parent
        ) as pool:
            try:
                yield pool
            except BaseException:
                # Otherwise the pool would wait until its processes finish their replays.
                for process in set(active_children()) - others:
                    process.terminate()
                raise
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.__setitem__(name, value)


def _end_with_parent() -> None:
    """End a worker whose parent was killed: it would wait for ever, or compute weeks that nobody reads."""
    if (parent := parent_process()) is not None:
        Thread(target=lambda: (wait([parent.sentinel]), os._exit(1)), daemon=True).start()
