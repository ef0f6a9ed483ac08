"""How every score of the scoreboard has run over the last weeks, from the packs that were published."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from soe_lib.pack import manifest, place
from soe_lib.review import words

Told = Mapping[str, Any]
WEEKS = 13
WIDTH, HEIGHT, EDGE = 104, 26, 4


@dataclass(frozen=True)
class Dot:
    """One week of a trend, in the picture's coordinates, with its state."""

    x: float
    y: float
    state: str


@dataclass(frozen=True)
class Spark:
    """A small line over the weeks, drawn without a script.

    Parameters
    ----------
    alt : the line in words. range : lowest and highest, as they were shown. path, dots : the line.
    """

    name: str
    alt: str
    range: str
    path: str
    dots: tuple[Dot, ...]
    width: int = WIDTH
    height: int = HEIGHT


def of_week(
    out: Path, as_of: date, company: str, current: Iterable[Told], *, weeks: int = WEEKS
) -> dict[tuple[str, str], Spark]:
    """(name, unit) of each score of this week → its line; a score without two known weeks has none.

    Parameters
    ----------
    out : the archive. current : this week's scores: name, value, unit, shown, state.
    weeks : how far back to look, this week included.
    """
    since = as_of - timedelta(weeks=weeks - 1)
    past = [
        (day.isoformat(), told["summary"].get("scores", []))
        for day, folder in sorted(place.packs(out).items())
        if since <= day < as_of and (told := manifest.read(folder)) is not None and told["company"] == company
    ]
    return sparks([*past, (as_of.isoformat(), list(current))])


def sparks(weeks: Sequence[tuple[str, Sequence[Told]]]) -> dict[tuple[str, str], Spark]:
    """The lines of the newest week's scores, each matched by name and unit.

    Parameters
    ----------
    weeks : as-of date as ISO text and the scores of that week, oldest first.
    """
    if not weeks:
        return {}
    found = {}
    for score in weeks[-1][1]:
        key = (str(score["name"]), str(score["unit"]))
        known = [
            (day, same)
            for day, scores in weeks
            if (same := _same(scores, key)) is not None and same["value"] is not None
        ]
        if len(known) > 1:
            found[key] = _spark(key[0], known)
    return found


def _same(scores: Sequence[Told], key: tuple[str, str]) -> Told | None:
    return next((one for one in scores if (one["name"], one["unit"]) == key), None)


def _spark(name: str, known: Sequence[tuple[str, Told]]) -> Spark:
    low = min(known, key=lambda pair: pair[1]["value"])[1]
    high = max(known, key=lambda pair: pair[1]["value"])[1]
    last, before = known[-1][1], known[-2][1]
    moved = _moved(last["value"], before["value"])
    dots = _dots(known, low["value"], high["value"])
    span = f"{words.count(len(known), 'week')}: lowest {low['shown']}, highest {high['shown']}"
    return Spark(
        name=name,
        alt=f"{name}, {span}; now {last['shown']}, {moved} {before['shown']} the time before.",
        range=f"{low['shown']} to {high['shown']}" if low["value"] < high["value"] else f"always {low['shown']}",
        path="M" + " L".join(f"{dot.x:g} {dot.y:g}" for dot in dots),
        dots=dots,
    )


def _moved(last: float, before: float) -> str:
    return "up from" if last > before else "down from" if last < before else "level with"


def _dots(known: Sequence[tuple[str, Told]], low: float, high: float) -> tuple[Dot, ...]:
    days = [date.fromisoformat(day).toordinal() for day, _ in known]
    wide, rise = days[-1] - days[0], high - low
    return tuple(
        Dot(
            x=round(EDGE + (WIDTH - 2 * EDGE) * (day - days[0]) / wide, 1),
            y=round(HEIGHT / 2 if rise == 0 else HEIGHT - EDGE - (HEIGHT - 2 * EDGE) * (one["value"] - low) / rise, 1),
            state=str(one["state"]),
        )
        for day, (_, one) in zip(days, known, strict=True)
    )
