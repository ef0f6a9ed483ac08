"""Replays of several planners on the same past, in parallel processes; a killed run continues where it was."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import polars as pl

import soe_lib.whatif.distributed  # noqa: F401  (teaches pickle the frozen mappings of a Snapshot)
from soe_lib import workspace
from soe_lib.errors import SoeError
from soe_lib.extract.settings import Fence
from soe_lib.extract.snapshot import Snapshot
from soe_lib.replay.known import CURRENT
from soe_lib.replay.loop import live
from soe_lib.replay.measures import summary
from soe_lib.replay.planners import BaseStock, Optimiser, Planner
from soe_lib.replay.processes import pool_of
from soe_lib.replay.truth import Floats, Truth

AS_IT_IS, CUSHION = "the plan without a cushion", "the plan with its cushion"
TYPED, RULE = "typed safety stocks", "base stock rule"
CAUSES: Mapping[str, str] = {
    "forecast": "a perfect forecast",
    "bias": "a forecast without bias",
    "events": "no stop and no late delivery",
    "bound": "no fence, override or promised quantity",
}
"""Causes of loss that are switched off one by one, to see what each costs the plan without a cushion."""
LOST = 3
"""Most lost processes after which a replay continues."""


def planners(policies: pl.DataFrame) -> dict[str, Planner]:
    """The standard planners by name.

    Parameters
    ----------
    policies : the table of the company's own safety stocks.
    """
    return {
        AS_IT_IS: Optimiser(cushion="never"),
        CUSHION: Optimiser(cushion="with a record"),
        TYPED: Optimiser(cushion="never", safety=policies),
        RULE: BaseStock(policies),
    }


def without(truth: Truth, cause: str) -> Truth:
    """The same truth with one cause of loss switched off: "forecast", "bias", "events" or "bound"."""
    if cause == "bound":
        unfenced = replace(truth.promised, settings=replace(truth.promised.settings, fence=Fence()))
        listed = {name: rows for name, rows in truth.listed.items() if name != "overrides"}
        free = truth.published.with_columns(committed=pl.lit(0.0))
        return replace(truth, promised=unfenced, listed=listed, published=free)
    if cause == "events":
        undisturbed = truth.real.replace(**{name: truth.promised[name] for name in ("calendar", "offers", "receipts")})
        return replace(truth, real=undisturbed, promised=undisturbed, events=truth.events.clear())
    happened = (
        truth.real["forecast"]
        .filter(pl.col("version") == CURRENT)
        .select(
            "item",
            "location",
            "customer",
            "quantity",
            "price",
            date=(pl.col("period") + "-1").str.to_date("%G-W%V-%u"),
            committed=pl.lit(0.0),
        )
    )
    earlier = truth.published.filter(pl.col("published_on") < truth.start)
    if cause == "forecast":
        mondays = pl.DataFrame({"published_on": [truth.monday(week) for week in range(truth.weeks)]})
        inside = pl.col("date").is_between(
            pl.col("published_on"), pl.col("published_on") + timedelta(days=7 * truth.horizon - 1)
        )
        perfect = happened.join(mondays, how="cross").filter(inside)
        made = pl.concat([earlier, perfect.select(truth.published.columns)])
    else:
        families = truth.real["items"].select("item", "family")
        ours = truth.published.filter(pl.col("published_on") >= truth.start).join(families, on="item", how="left")
        lines = ["item", "location", "customer", "date"]
        end = truth.monday(truth.weeks)
        both = ours.filter(pl.col("date") < end).join(happened.select(*lines, came="quantity"), on=lines, how="left")
        ratio = both.group_by("family").agg(ratio=pl.col("came").fill_null(0.0).sum() / pl.col("quantity").sum())
        unbiased = ours.join(ratio, on="family", how="left").with_columns(
            pl.col("quantity") * pl.col("ratio").fill_null(1.0)
        )
        made = pl.concat([earlier, unbiased.select(truth.published.columns)])
    return replace(truth, published=made)


def causes_of(truth: Truth) -> tuple[str, ...]:
    """The causes that can be switched off; "bound" only where something binds the plan."""
    return tuple(name for name in CAUSES if name != "bound" or truth.binds)


def lived(
    truth: Truth,
    policies: pl.DataFrame,
    home: Path,
    *,
    causes: Sequence[str],
    workers: int = 2,
    told: Callable[[str], None] | None = None,
) -> list[dict[str, Any]]:
    """The summary of every planner, and of the plan without a cushion with each cause switched off.

    Parameters
    ----------
    policies : the company's own safety stocks.
    home : folder for results, and for the weeks of unfinished replays; a run after a kill continues from it.
    told : called with a text on the progress.
    """
    names = [*planners(policies), *causes]
    folder = home / fingerprint(truth, policies)
    folder.mkdir(parents=True, exist_ok=True)
    found = {name: _read(folder, name) for name in names}
    say, lost = told or (lambda _: None), 0
    while missing := [name for name in names if found[name] is None]:
        try:
            for done in _in_parallel(truth, policies, missing, folder, workers):
                found[done["name"]] = done
                say(f"{done['name']}: {done['share']:.3f} of hindsight")
        except BrokenProcessPool as error:
            lost += 1
            if lost > LOST:
                raise SoeError(
                    f"A process of the replay was lost {lost} times; the usual cause is too little memory. Run it "
                    "again with --workers 1: it continues where it was."
                ) from error
            say("a process was lost; the replay continues from its saved weeks")
    return [one for one in found.values() if one is not None]


def _in_parallel(
    truth: Truth, policies: pl.DataFrame, names: Sequence[str], home: Path, workers: int
) -> Iterator[dict[str, Any]]:
    """The summaries of the named planners and causes, in the order in which they finish."""
    best, bare = truth.hindsight, replace(truth)
    with pool_of(min(workers, len(names))) as pool:
        # Planners that solve a program take longest: they start first.
        order = sorted(names, key=lambda name: name == RULE)
        for future in as_completed([pool.submit(_one, bare, policies, name, best, home) for name in order]):
            yield future.result()


def _one(truth: Truth, policies: pl.DataFrame, name: str, best: Floats, home: Path) -> dict[str, Any]:
    """One planner's summary, also written to its file."""
    planner = planners(policies)[AS_IT_IS if name in CAUSES else name]
    chosen = without(truth, name) if name in CAUSES else truth
    if name != "events":
        chosen = replace(chosen, known_best=best)

    def progress(week: int) -> None:
        if week % 13 == 0 or week == truth.weeks:
            print(f"{CAUSES.get(name, name)}: week {week} of {truth.weeks}", file=sys.stderr, flush=True)

    def went_on(week: int) -> None:
        print(f"{CAUSES.get(name, name)}: continues after week {week} of {truth.weeks}", file=sys.stderr, flush=True)

    kept = _file(home, name, ".npz")
    done = live(chosen, planner, name, kept=kept, told=progress, went_on=went_on)
    made = {"name": name, **summary(done)}
    workspace.write(_file(home, name, ".json"), json.dumps(made))
    kept.unlink(missing_ok=True)
    return made


def _file(home: Path, name: str, ending: str) -> Path:
    return home / (name.replace(" ", "-") + ending)


def _read(home: Path, name: str) -> dict[str, Any] | None:
    file = _file(home, name, ".json")
    return dict(json.loads(file.read_text(encoding="utf-8"))) if file.is_file() else None


def fingerprint(truth: Truth, policies: pl.DataFrame) -> str:
    """Fingerprint of all that a replay depends on: the truth, the safety stocks, and the code."""
    digest = hashlib.sha256(f"{truth.weeks} {truth.horizon}".encode())
    for snapshot in (truth.real, truth.promised):
        digest.update(_mark(snapshot))
    tables = [frames[name] for frames in (truth.past, truth.listed) for name in sorted(frames)]
    for frame in (truth.published, truth.events, policies, *tables):
        digest.update(frame.sort(frame.columns, nulls_last=True).write_csv().encode())
    digest.update(code().encode())
    return digest.hexdigest()[:16]


def _mark(snapshot: Snapshot) -> bytes:
    return snapshot.fingerprint.encode()


def code() -> str:
    """Fingerprint of the code that a replay depends on: reading, model, money, uncertainty and replay."""
    digest = hashlib.sha256()
    rooms = Path(__file__).parents[1]
    for room in ("extract", "model", "money", "uncertainty", "replay"):
        for file in sorted((rooms / room).rglob("*.py")):
            digest.update(file.read_bytes())
    return digest.hexdigest()[:16]
