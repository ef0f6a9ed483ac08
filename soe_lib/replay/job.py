"""The command: replay a company's past, and write its figures and its page."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from soe_lib import workspace
from soe_lib.extract.folders import found as folder_of
from soe_lib.replay.company import past, safety_stocks
from soe_lib.replay.page import replay_page
from soe_lib.replay.run import CAUSES, causes_of, lived

PAGE, FIGURES, KEPT = "index.html", "replay.json", ".kept"


@dataclass(frozen=True)
class Replayed:
    """The result of a replay: its page, and the summaries of `run.lived`."""

    page: Path
    results: Sequence[Mapping[str, Any]]

    def text(self) -> str:
        """The shares of hindsight in words, and where the page is."""
        lines = [f"{one['share']:7.1%}  {CAUSES.get(one['name'], one['name'])}" for one in self.results]
        return "\n".join([*lines, str(self.page)])


def replayed(
    data: str | Path,
    weeks: int | None,
    out: Path,
    *,
    causes: bool = True,
    workers: int = 2,
    told: Callable[[str], None] | None = None,
) -> Replayed:
    """Replay a company's past and write OUT/index.html and OUT/replay.json.

    Parameters
    ----------
    data : a company folder with an extract for each Monday. weeks : number of newest weeks; None: all.
    causes : whether each cause of loss is also switched off. workers : number of parallel processes.
    told : called with a text on the progress.

    Raises DataError where the folder has no past to replay.
    """
    say = told or (lambda _: None)
    home = folder_of(data)
    truth = past(home, weeks, workers=workers, told=lambda number, count: say(f"read {number} of {count} extracts"))
    say(f"{truth.weeks} weeks from {truth.start}; the plan of hindsight is being solved")
    wanted = causes_of(truth) if causes else ()
    results = lived(truth, safety_stocks(home, truth.start), out / KEPT, causes=wanted, workers=workers, told=say)
    snapshot = truth.real
    page = replay_page(results, company=snapshot.company, currency=snapshot.currency, truth=truth)
    workspace.write(out / FIGURES, json.dumps(results, indent=1))
    workspace.write(out / PAGE, page)
    return Replayed(out / PAGE, results)
