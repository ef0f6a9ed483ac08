"""The progress of the weekly job on a terminal: one line per step, with its state and its time."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from soe_lib.pack.job import Progress

EVERY = 30.0
"""Seconds between two lines of a log on one step that runs."""
SIGNS = {"waiting": ("·", "dim"), "done": ("✓", "green"), "failed": ("✗", "bold red")}


class Board:
    """What every step is doing, and since when; safe to be told by several threads."""

    def __init__(self) -> None:
        self._steps: dict[str, tuple[str, float, float]] = {}
        self._heard: dict[str, float] = {}
        self._spinners: dict[str, Spinner] = {}
        self._lock = threading.Lock()

    def tell(self, step: str, state: str) -> float:
        """Note the new state of a step; returns the seconds it has taken so far."""
        now = time.monotonic()
        with self._lock:
            _, started, _ = self._steps.get(step, ("", now, now))
            began = now if state in {"waiting", "running"} else started
            self._steps[step] = (state, began, now)
        return now - began

    def due(self, step: str) -> bool:
        """Whether a log may hear again how far a step is: every half minute."""
        now = time.monotonic()
        with self._lock:
            if now - self._heard.get(step, -EVERY) < EVERY:
                return False
            self._heard[step] = now
        return True

    def __rich__(self) -> Table:
        table = Table.grid(padding=(0, 2))
        now = time.monotonic()
        with self._lock:
            steps = list(self._steps.items())
        for step, (state, began, ended) in steps:
            over = state in SIGNS  # else it runs, and may say how far it is
            seconds = (ended if over else now) - began
            sign, style = SIGNS.get(state, ("", ""))
            mark = Text(sign, style=style) if over else self._spinners.setdefault(step, Spinner("dots"))
            told = "" if state == "waiting" else f"{seconds:5.1f} s"
            far = Text("" if over or state == "running" else state, style="dim")
            table.add_row(mark, Text(label(step), style=style if state == "waiting" else ""), told, far)
        return table


def label(step: str) -> str:
    """A step's name as a reader says it: "demand_review" → "Demand review"."""
    return step.replace("_", " ").capitalize()


@contextmanager
def shown(console: Console | None = None) -> Iterator[Progress]:
    """Show the job's progress for as long as it runs: live on a terminal, a line per step in a log.

    Yields the callback for `make_pack(progress=…)`.
    """
    screen = console or Console(stderr=True, highlight=False)
    board = Board()
    if not screen.is_terminal:
        yield lambda step, state: _line(screen, board, step, state)
        return
    with Live(board, console=screen, refresh_per_second=8):
        yield lambda step, state: _note(board, step, state)


def _note(board: Board, step: str, state: str) -> None:
    board.tell(step, state)


def _line(screen: Console, board: Board, step: str, state: str) -> None:
    seconds = board.tell(step, state)
    if state in {"done", "failed"}:
        screen.print(f"{label(step)}: {state} after {seconds:.1f} s", markup=False)
    elif state not in {"waiting", "running"} and board.due(step):
        screen.print(f"{label(step)}: {state}", markup=False)
