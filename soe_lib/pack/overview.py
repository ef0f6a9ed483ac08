"""The page of all weeks, and how every score has run over the last weeks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from soe_lib.pack import archive, manifest, render
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
        for day, folder in sorted(archive.packs(out).items())
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


WIDE_WIDTH, WIDE_HEIGHT, WIDE_EDGE = 360, 72, 8


@dataclass(frozen=True)
class Run:
    """A replaced run of a week: where it is kept, and its number."""

    folder: str
    run: int


@dataclass(frozen=True)
class Week:
    """One line of the archive."""

    folder: str
    as_of: date
    week: str
    run: int
    margin: str
    service: str
    decisions: str
    state: str
    status: str
    workbook: bool
    pdf: bool
    anchor: str
    earlier: tuple[Run, ...]


@dataclass(frozen=True)
class Point:
    """One week of a trend, in the picture's coordinates."""

    x: float
    y: float


@dataclass(frozen=True)
class Trend:
    """A small line over the weeks, drawn without a script."""

    name: str
    last: str
    range: str
    alt: str
    path: str
    dots: tuple[Point, ...]
    width: int = WIDE_WIDTH
    height: int = WIDE_HEIGHT


@dataclass(frozen=True)
class Archive:
    """What the archive page shows.

    Parameters
    ----------
    trends : the large lines. weeks : newest first. years : ISO year → its weeks, to find one without a script.
    board : the newest week's scores with their lines over the last packs.
    """

    company: str
    headline: str
    trends: tuple[Trend, ...]
    weeks: tuple[Week, ...]
    years: tuple[tuple[str, tuple[Week, ...]], ...]
    board: tuple[tuple[Told, Spark], ...]
    failed: str = ""


def pages(
    out: Path, *, templates: Path, coming: Told | None = None, moved: Mapping[str, str] | None = None
) -> dict[Path, str]:
    """The archive page, and its copy for the readers of replaced runs, as they must be now.

    Parameters
    ----------
    out : the archive's folder.
    coming : the manifest of a pack that is about to be moved into place, so that the page can be written before.
    moved : "as-of.run" → its folder, where packs are kept under other names than in a folder.
    """
    found = {folder.name: told for folder in archive.packs(out).values() if (told := manifest.read(folder))}
    old = [(folder, told) for folder in archive.versions(out) if (told := manifest.read(folder))]
    if coming is not None:
        replaced = found.get(str(coming["as_of"]))
        if replaced is not None:
            old.append((out / archive.VERSIONS / f"{coming['as_of']}.{int(coming['run']) - 1}", replaced))
        found[str(coming["as_of"])] = dict(coming)
    weeks = [found[name] for name in sorted(found)]
    if not weeks:
        return {}
    notice = archive.FAILED if coming is None and (out / archive.FAILED).is_file() else ""
    made = {out / "index.html": _page(weeks, old, templates, root="", notice=notice, moved=moved)}
    if old:
        made[out / archive.VERSIONS / "index.html"] = _page(weeks, old, templates, root="../", notice=notice)
    return made


def _page(
    weeks: Sequence[Told],
    old: Sequence[tuple[Path, Told]],
    templates: Path,
    *,
    root: str,
    notice: str = "",
    moved: Mapping[str, str] | None = None,
) -> str:
    lines = tuple(_week(told, old, root, moved or {}) for told in reversed(weeks))
    content = Archive(
        company=str(weeks[-1]["company"]),
        headline=_headline(weeks),
        trends=tuple(trend for trend in _trends(weeks) if trend is not None),
        weeks=lines,
        years=_years(lines),
        board=_board(weeks[-WEEKS:]),
        failed=f"{root}{notice}" if notice else "",
    )
    return render.render(templates, "archive.html.j2", archive=content, here="archive")


def _week(told: Told, old: Sequence[tuple[Path, Told]], root: str, moved: Mapping[str, str]) -> Week:
    day = date.fromisoformat(told["as_of"])
    summary, plan = told["summary"], told["plan"]
    files = {page["file"] for page in told.get("pages", ())}
    same = [(folder, kept) for folder, kept in old if kept["as_of"] == told["as_of"]]
    kept_at = [(moved.get(folder.name, f"{archive.VERSIONS}/{folder.name}"), int(kept["run"])) for folder, kept in same]
    earlier = [Run(root + where, run) for where, run in kept_at]
    return Week(
        folder=root + moved.get(f"{told['as_of']}.{told['run']}", str(told["as_of"])),
        as_of=day,
        week=render.week_of(day).split(",")[0],
        run=int(told["run"]),
        margin=words.money(summary["margin"], told["currency"]),
        service=summary["service"]["shown"] if summary["service"] else words.UNKNOWN,
        decisions=str(summary["decisions"]),
        state=summary["state"],
        status=str(plan.get("status", "no plan")),
        workbook="finance.xlsx" in files,
        pdf="pack.pdf" in files,
        anchor=f"week-{told['as_of']}",
        earlier=tuple(earlier),
    )


def _years(weeks: Sequence[Week]) -> tuple[tuple[str, tuple[Week, ...]], ...]:
    """The weeks by ISO year, newest first, oldest week of a year first: as a reader looks for one."""
    years = list(dict.fromkeys(str(week.as_of.isocalendar().year) for week in weeks))
    return tuple(
        (year, tuple(week for week in reversed(weeks) if str(week.as_of.isocalendar().year) == year)) for year in years
    )


def _board(weeks: Sequence[Told]) -> tuple[tuple[Told, Spark], ...]:
    """The scores of the newest pack that more than one of the packs knows, with their lines."""
    history = [(str(told["as_of"]), told["summary"].get("scores", [])) for told in weeks]
    lines = sparks(history)
    return tuple(
        (one, lines[one["name"], one["unit"]]) for one in history[-1][1] if (one["name"], one["unit"]) in lines
    )


def _headline(weeks: Sequence[Told]) -> str:
    first, last = (words.full_day(date.fromisoformat(told["as_of"])) for told in (weeks[0], weeks[-1]))
    span = f"of {last}" if len(weeks) == 1 else f"from {first} to {last}"
    return f"{words.sentence(words.count(len(weeks), 'pack')).rstrip('.')} {span}."


def _trends(weeks: Sequence[Told]) -> list[Trend | None]:
    currency = str(weeks[-1]["currency"])
    margin = [(told["as_of"], told["summary"]["margin"]) for told in weeks]
    service = [(told["as_of"], (told["summary"]["service"] or {}).get("value")) for told in weeks]
    shown = {told["as_of"]: (told["summary"]["service"] or {}).get("shown", "") for told in weeks}
    return [
        _trend("Margin of the plan", margin, {day: words.brief_money(value, currency) for day, value in margin}),
        _trend("Service", service, shown),
    ]


def _trend(name: str, values: Sequence[tuple[str, float | None]], shown: Mapping[str, str]) -> Trend | None:
    """A line over the known weeks; none with fewer than two."""
    known = [(day, value) for day, value in values if value is not None]
    if len(known) < 2:
        return None
    low, high = min(known, key=lambda pair: pair[1]), max(known, key=lambda pair: pair[1])
    dots = _dots_archive(known, low[1], high[1])
    last, before = known[-1], known[-2]
    moved = "up from" if last[1] > before[1] else "down from" if last[1] < before[1] else "level with"
    return Trend(
        name=name,
        last=shown[last[0]],
        range=f"{_when(known[0][0])} to {_when(last[0])}; lowest {shown[low[0]]}, highest {shown[high[0]]}",
        alt=f"{name} over {len(known)} weeks: now {shown[last[0]]}, {moved} {shown[before[0]]} the week before.",
        path="M" + " L".join(f"{dot.x:g} {dot.y:g}" for dot in dots),
        dots=tuple(dots),
    )


def _dots_archive(known: Sequence[tuple[str, float]], low: float, high: float) -> list[Point]:
    days = [date.fromisoformat(day).toordinal() for day, _ in known]
    span, rise = days[-1] - days[0], high - low
    return [
        Point(
            x=round(WIDE_EDGE + (WIDE_WIDTH - 2 * WIDE_EDGE) * (day - days[0]) / span, 1),
            y=round(
                WIDE_HEIGHT / 2
                if rise == 0
                else WIDE_HEIGHT - WIDE_EDGE - (WIDE_HEIGHT - 2 * WIDE_EDGE) * (value - low) / rise,
                1,
            ),
        )
        for day, (_, value) in zip(days, known, strict=True)
    ]


def _when(day: str) -> str:
    return words.full_day(date.fromisoformat(day))
