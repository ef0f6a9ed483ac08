"""One time budget shared by all solves of a run, and a tally of the plans made within it.

A pack makes about a hundred plans. An LP is always solved to its optimum. A search for whole numbers (set-ups) may take
any time, so each gets a share of the time left. The deadline is an environment variable, since notebooks and their
workers run in separate processes.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass

DEADLINE = "SOE_DEADLINE"
"""Environment variable: when the budget ends, in seconds since 1970; absent or blank: there is none."""
PROGRESS = "SOE_PROGRESS"
"""Environment variable: the file to which a background process writes the progress of its search."""
FIRST = 0.4
"""Share of the time left for a search that starts cold."""
AGAIN = 0.02
"""Share of the time left for a search that starts from a known pattern."""
LAST_RESORT = 30.0
"""Time for a plan without a known pattern when the budget is used up [s]: a page needs the plan."""


def left() -> float | None:
    """Seconds until the budget ends, 0 after it; None where there is no budget."""
    deadline = os.environ.get(DEADLINE, "").strip()
    return max(float(deadline) - time.time(), 0.0) if deadline else None


def seconds(limit: float, *, again: bool) -> float:
    """How long one search may take [s].

    Parameters
    ----------
    limit : the caller's own limit. again : whether it starts from a known pattern of whole numbers.
    """
    rest = left()
    if rest is None:
        return limit
    return min(limit, rest * AGAIN if again else max(rest * FIRST, LAST_RESORT))


@dataclass
class Tally:
    """Counts of the re-plans with whole numbers in this process.

    Parameters
    ----------
    kept : re-plans that keep the pattern of the base, without a search. searched : those whose pattern was changed or
        searched, without a proof. proven : those proven optimal.
    widest : the largest gap of any of them.
    """

    kept: int = 0
    searched: int = 0
    proven: int = 0
    widest: float = 0.0

    def note(self, how: str, gap: float) -> None:
        """Count one re-plan."""
        setattr(self, how, getattr(self, how) + 1)
        self.widest = max(self.widest, gap)

    @property
    def text(self) -> str:
        """A note for the reader of a page; blank where every plan was proven."""
        if not self.kept + self.searched:
            return ""
        parts = [
            f"{self.kept} keep the set-up pattern of this week's plan" if self.kept else "",
            f"{self.searched} have another pattern, the best found in the time allowed" if self.searched else "",
            f"{self.proven} are proven optimal" if self.proven else "",
        ]
        return (
            f"Re-plans (events, options, stress tests): {', '.join(filter(None, parts))}; the gap of each is at most "
            f"{100 * self.widest:.2f}\u00a0%. Differences between these plans hold for these set-up patterns."
        )


TALLY = Tally()
"""The tally of this process."""
