"""One time budget that all solves of a run share, and what they did with it.

A pack plans some hundred times. An LP is solved to its end every time; whole numbers (set-ups) may take any time, so
each search gets a part of what is left. The deadline travels in the environment: a notebook runs in a process of its
own, and so do its workers.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass

DEADLINE = "SOE_DEADLINE"
"""Environment variable: when the budget ends, in seconds since 1970; absent or blank: there is none."""
PROGRESS = "SOE_PROGRESS"
"""Environment variable: the file in which a process that nobody sees leaves how far its search is."""
FIRST = 0.4
"""Of the time left, what the search of a plan that starts from nothing may take."""
AGAIN = 0.02
"""Of the time left, what the search of a plan that starts from a known pattern may take."""
LAST_RESORT = 30.0
"""What a plan may take that has no pattern that it could keep, when the budget is used up [s]: a page needs it."""


def left() -> float | None:
    """Seconds until the budget ends, 0 after it; None where there is no budget."""
    until = os.environ.get(DEADLINE, "").strip()
    return max(float(until) - time.time(), 0.0) if until else None


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
    """What became of the plans of this process that have whole numbers.

    Parameters
    ----------
    kept : re-plans that keep the pattern of the base and were not searched further. searched : those whose pattern was
        changed or searched, without a proof. proven : those that were proven.
    widest : the largest gap to the best possible of any of them.
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
        """What a reader of a page has to know; blank where every plan was proven."""
        if not self.kept + self.searched:
            return ""
        parts = [
            f"{self.kept} keep the set-up pattern of this week's plan" if self.kept else "",
            f"{self.searched} have another one, as far as time allowed" if self.searched else "",
            f"{self.proven} are proven optimal" if self.proven else "",
        ]
        return (
            f"Plans that were made again (events, options, stresses): {', '.join(filter(None, parts))}; each is proven "
            f"to within {100 * self.widest:.2f}\u00a0% or closer. Differences between them hold for these patterns."
        )


TALLY = Tally()
"""Of this process."""
