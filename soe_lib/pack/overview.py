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
SMALL, LARGE = (104, 26, 4), (360, 72, 8)
"""Width, height and edge of a line in a table, and of one that stands alone."""


@dataclass(frozen=True)
class Dot:
    """One week of a line, in the picture's coordinates, with its state."""

    x: float
    y: float
    state: str


@dataclass(frozen=True)
class Spark:
    """A line over the weeks, drawn without a script.

    Parameters
    ----------
    alt : the line in words. range : lowest and highest, as they were shown. last : the newest figure, as shown.
    """

    name: str
    alt: str
    range: str
    last: str
    dots: tuple[Dot, ...]
    width: int
    height: int

    @property
    def path(self) -> str:
        """The line as SVG writes it."""
        return "M" + " L".join(f"{dot.x:g} {dot.y:g}" for dot in self.dots)


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


def _spark(name: str, known: Sequence[tuple[str, Told]], *, large: bool = False) -> Spark:
    """The line of a score's known weeks: value, shown, state."""
    low = min(known, key=lambda pair: pair[1]["value"])[1]
    high = max(known, key=lambda pair: pair[1]["value"])[1]
    last, before = known[-1][1], known[-2][1]
    step = last["value"] - before["value"]
    moved = f"{'up from' if step > 0 else 'down from' if step < 0 else 'level with'} {before['shown']}"
    span = f"lowest {low['shown']}, highest {high['shown']}"
    if large:
        alt = f"{name} over {len(known)} weeks: now {last['shown']}, {moved} the week before."
        range_ = f"{_when(known[0][0])} to {_when(known[-1][0])}; {span}"
    else:
        alt = f"{name}, {words.count(len(known), 'week')}: {span}; now {last['shown']}, {moved} the time before."
        range_ = f"{low['shown']} to {high['shown']}" if low["value"] < high["value"] else f"always {low['shown']}"
    width, height, edge = LARGE if large else SMALL
    days = [date.fromisoformat(day).toordinal() for day, _ in known]
    wide, rise = days[-1] - days[0], high["value"] - low["value"]
    dots = tuple(
        Dot(
            x=round(edge + (width - 2 * edge) * (day - days[0]) / wide, 1),
            y=round(
                height / 2 if rise == 0 else height - edge - (height - 2 * edge) * (one["value"] - low["value"]) / rise,
                1,
            ),
            state=str(one.get("state", "")),
        )
        for day, (_, one) in zip(days, known, strict=True)
    )
    return Spark(name, alt, range_, last["shown"], dots, width, height)


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
class Archive:
    """What the archive page shows.

    Parameters
    ----------
    trends : the large lines. weeks : newest first. years : ISO year → its weeks, to find one without a script.
    board : the newest week's scores with their lines over the last packs.
    """

    company: str
    headline: str
    trends: tuple[Spark, ...]
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


def put(store: Any, home: Path) -> None:
    """Write the page of all weeks beside an archive at an address, with links to where the packs are there."""
    moved = {name: f"{name}-{sha256[:12]}" for name, sha256 in (archive.listed(home) or {}).items()}
    for path, text in pages(home, templates=render.templates(), moved=moved).items():
        if path.parent == home:
            store.put(path.name, text.encode())


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
        trends=_trends(weeks),
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


def _trends(weeks: Sequence[Told]) -> tuple[Spark, ...]:
    """The large lines, of margin and service, where two weeks or more are known."""
    currency = str(weeks[-1]["currency"])
    margin = [
        (str(told["as_of"]), {"value": value, "shown": words.brief_money(value, currency)})
        for told in weeks
        if (value := told["summary"]["margin"]) is not None
    ]
    service = [
        (str(told["as_of"]), one)
        for told in weeks
        if (one := told["summary"]["service"]) and one.get("value") is not None
    ]
    named = (("Margin of the plan", margin), ("Service", service))
    return tuple(_spark(name, known, large=True) for name, known in named if len(known) > 1)


def _when(day: str) -> str:
    return words.full_day(date.fromisoformat(day))
