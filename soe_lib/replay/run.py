"""Replays side by side: several planners live the same past, on several processes, and go on after a kill."""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import replace
from datetime import timedelta
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import polars as pl

import soe_lib.whatif.distributed  # noqa: F401  (teaches pickle the frozen mappings of a Snapshot)
from soe_lib.extract.snapshot import Snapshot
from soe_lib.replay.known import CURRENT
from soe_lib.replay.loop import live
from soe_lib.replay.measures import summary
from soe_lib.replay.planners import BaseStock, Optimiser, Planner
from soe_lib.replay.truth import Floats, Truth

AS_IT_IS, CUSHION = "the plan without a cushion", "the plan with its cushion"
TYPED, RULE = "typed safety stocks", "base stock rule"
CAUSES: Mapping[str, str] = {
    "forecast": "a perfect forecast",
    "bias": "a forecast without bias",
    "events": "no stop and no late delivery",
}
"""What is switched off, to see what it cost the plan without a cushion."""


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
    """The same truth with one cause of loss switched off: "forecast", "bias" or "events"."""
    if cause == "events":
        calm = truth.real.replace(**{name: truth.promised[name] for name in ("calendar", "offers", "receipts")})
        return replace(truth, real=calm, promised=calm, events=truth.events.clear())
    happened = (
        truth.real["forecast"]
        .filter(pl.col("version") == CURRENT)
        .select(
            "item", "location", "customer", "quantity", "price", date=(pl.col("period") + "-1").str.to_date("%G-W%V-%u")
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
        lean = both.group_by("family").agg(lean=pl.col("came").fill_null(0.0).sum() / pl.col("quantity").sum())
        straight = ours.join(lean, on="family", how="left").with_columns(
            pl.col("quantity") * pl.col("lean").fill_null(1.0)
        )
        made = pl.concat([earlier, straight.select(truth.published.columns)])
    return replace(truth, published=made)


def lived(
    truth: Truth,
    policies: pl.DataFrame,
    home: Path,
    *,
    causes: Sequence[str] = tuple(CAUSES),
    workers: int = 2,
    told: Callable[[str], None] | None = None,
) -> list[dict[str, Any]]:
    """Every planner's summary, and that of the plan without a cushion with each cause switched off.

    Parameters
    ----------
    policies : the company's own safety stocks.
    home : folder in which each result, and each week of those not done, is kept; a run after a kill goes on there.
    told : hears what is done, in words.
    """
    names = [*planners(policies), *causes]
    mark = home / fingerprint(truth, policies)
    mark.mkdir(parents=True, exist_ok=True)
    found = {name: _read(mark, name) for name in names}
    missing = [name for name in names if found[name] is None]
    if missing:
        best = truth.hindsight
        bare = replace(truth)
        with ProcessPoolExecutor(max(1, min(workers, len(missing))), mp_context=get_context("spawn")) as pool:
            # Those that plan by a program take longest: they come first.
            order = sorted(missing, key=lambda name: name == RULE)
            futures = [pool.submit(_one, bare, policies, name, best, mark) for name in order]
            for future in as_completed(futures):
                done = future.result()
                found[done["name"]] = done
                if told:
                    told(f"{done['name']}: {done['share']:.3f} of hindsight")
    return [one for one in found.values() if one is not None]


def _one(truth: Truth, policies: pl.DataFrame, name: str, best: Floats, home: Path) -> dict[str, Any]:
    """One planner's summary, left in its file."""
    planner = planners(policies)[AS_IT_IS if name in CAUSES else name]
    chosen = without(truth, name) if name in CAUSES else truth
    if name != "events":
        chosen.__dict__["hindsight"] = best

    def said(week: int) -> None:
        if week % 13 == 0 or week == truth.weeks:
            print(f"{CAUSES.get(name, name)}: week {week} of {truth.weeks}", file=sys.stderr, flush=True)

    done = live(chosen, planner, name, kept=_file(home, name, ".npz"), told=said)
    made = {"name": name, **summary(done)}
    aside = _file(home, name, f".{os.getpid()}")
    aside.write_text(json.dumps(made), encoding="utf-8")
    aside.replace(_file(home, name, ".json"))
    return made


def _file(home: Path, name: str, ending: str) -> Path:
    return home / (name.replace(" ", "-") + ending)


def _read(home: Path, name: str) -> dict[str, Any] | None:
    file = _file(home, name, ".json")
    return dict(json.loads(file.read_text(encoding="utf-8"))) if file.is_file() else None


def fingerprint(truth: Truth, policies: pl.DataFrame) -> str:
    """Of everything a replay follows from: the truth, the safety stocks, and the code."""
    digest = hashlib.sha256(f"{truth.weeks} {truth.horizon}".encode())
    for snapshot in (truth.real, truth.promised):
        digest.update(_mark(snapshot))
    for frame in (truth.published, truth.events, policies, *(truth.past[name] for name in sorted(truth.past))):
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
