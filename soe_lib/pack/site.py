"""What every page of a pack knows: whose it is, which week, which pages there are; and the templates they share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from pathlib import Path
from urllib.parse import quote

import jinja2
from markupsafe import Markup

from soe_lib import workspace
from soe_lib.pack.notebooks import Page
from soe_lib.pack.trends import Spark
from soe_lib.review import words

SHELL = "page.html.j2"


@dataclass(frozen=True)
class Site:
    """The frame of one pack.

    Parameters
    ----------
    company, currency : as the extract states them.
    as_of : the date of the extract; run : 1, or more where inputs of that date changed after a publication.
    fingerprint : of the inputs.
    created : when it was made, "2026-11-16 06:12" in UTC.
    pages : the pages in reading order.
    workbook : whether finance.xlsx is part of the pack. pdf : whether pack.pdf is.
    trends : (name, unit) of a score → its line over the last weeks; none where too few weeks are known.
    """

    company: str
    currency: str
    as_of: date
    run: int
    fingerprint: str
    created: str
    pages: tuple[Page, ...]
    workbook: bool
    pdf: bool = False
    trends: Mapping[tuple[str, str], Spark] = field(default_factory=dict)

    @property
    def week(self) -> str:
        """The ISO week of the as-of date: "Week 47, 2026"."""
        return week_of(self.as_of)

    @property
    def titles(self) -> dict[str, str]:
        """Page name → title."""
        return {page.name: page.title for page in self.pages}


def week_of(day: date) -> str:
    """The ISO week of a date as a heading; the year is that of the week: 1 January 2027 is in "Week 53, 2026"."""
    year, week, _ = day.isocalendar()
    return f"Week {week}, {year}"


def templates() -> Path:
    """The templates folder in use: the workspace's own where it has one, else the shipped one."""
    own = workspace.root() / "templates"
    return own if (own / SHELL).is_file() else workspace.shipped() / "templates"


@cache
def environment(folder: Path) -> jinja2.Environment:
    """The templates of a folder, everything escaped; a file that the folder lacks comes from the shipped ones."""
    places: Sequence[Path] = (folder, workspace.shipped() / "templates")
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader([str(place) for place in places]),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
    )
    made.filters |= {
        "money": words.money,
        "brief_money": words.brief_money,
        "percent": words.percent,
        "day": lambda value: words.day(_date(value)),
        "full_day": lambda value: words.full_day(_date(value)),
        "fragment": lambda anchor: quote(str(anchor), safe="-_.~"),
    }
    return made


def render(folder: Path, template: str, **context: object) -> str:
    """One finished page from a template, with the style sheet inside it."""
    made = environment(folder)
    assert made.loader is not None
    style = made.loader.get_source(made, "style.css")[0]
    # The style sheet is a file of the project: the one text that must not be escaped.
    return made.get_template(template).render(style=Markup(style), **context)


def _date(value: date | str) -> date:
    return value if isinstance(value, date) else date.fromisoformat(value)
