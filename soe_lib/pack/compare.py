"""Where two packs differ: fingerprints of figures, lines of the pages as a reader sees them, cells of the workbook."""

from __future__ import annotations

import difflib
import hashlib
import io
import re
import zipfile
from collections.abc import Iterator, Mapping
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import polars as pl

FIRST = 5
"""Differences told of one file; the rest is counted."""
VOLATILE = (
    (re.compile(r"made \d{4}-\d{2}-\d{2} \d{2}:\d{2} UTC"), "made … UTC"),
    (re.compile(r"\d[\d.,]*[\s\u00a0]s\b"), "… s"),
)
"""What two honest runs of the same inputs say differently: when they ran and how long the solver took."""
UNSEEN = frozenset({"style", "script", "head"})
MILLIONTH = 1e-6
NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?")
"""A number as a workbook writes it; an item called 007 is none."""

CELL = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
PLAN = ("status", "objective", "margin", "steering", "identity", "variables", "rows")


def manifests(told: Mapping[str, Any], again: Mapping[str, Any]) -> list[str]:
    """Figures of two manifests that differ: inputs, plan, scores, and the fingerprints of all figures."""
    found = []
    if told["fingerprint"] != again["fingerprint"]:
        found.append(f"the inputs: {told['fingerprint']} then, {again['fingerprint']} now.")
    for key in PLAN:
        then, now = told["plan"].get(key), again["plan"].get(key)
        if key in told["plan"] and then != now:
            found.append(f"the plan's {key}: {then} then, {now} now.")
    scores = {score["name"]: score["shown"] for score in again["summary"].get("scores", ())}
    for score in told["summary"].get("scores", ()):
        if scores.get(score["name"]) != score["shown"]:
            found.append(f"{score['name']}: {score['shown']} then, {scores.get(score['name'], 'absent')} now.")
    then, now = told.get("figures", {}), again.get("figures", {})
    found += [
        f"the figures of {name} differ." for name in sorted(then.keys() | now.keys()) if then.get(name) != now.get(name)
    ]
    return found


def folders(published: Path, fresh: Path) -> list[str]:
    """Lines, pictures and cells that differ between the pages and workbooks of two pack folders."""
    found = []
    names = {path.name for folder in (published, fresh) for path in folder.iterdir()} - {"manifest.json"}
    for name in sorted(names):
        one, other = published / name, fresh / name
        if not (one.is_file() and other.is_file()):
            found.append(f"{name} is only {'in the archive' if one.is_file() else 'in the rebuilt pack'}.")
        elif one.suffix == ".html":
            found += _some(name, list(_lines_that_differ(lines(one), lines(other))))
        elif one.suffix == ".xlsx":
            found += _some(name, list(_cells_that_differ(cells(one), cells(other))))
        elif one.suffix == ".zip":
            found += _some(name, _frames_that_differ(one, other))
        elif one.read_bytes() != other.read_bytes():
            found.append(f"{name} differs.")
    return found


def lines(page: Path) -> list[str]:
    """A page as a reader sees it, a text a line, times and durations left out; a picture is its hash."""
    reader = _Text()
    reader.feed(page.read_text(encoding="utf-8"))
    reader.close()
    said = reader.said
    for pattern, instead in VOLATILE:
        said = [pattern.sub(instead, text) for text in said]
    return said


def cells(workbook: Path) -> dict[str, str]:
    """Every cell of a workbook as "sheet!A1" → its content: text, number or formula with its value."""
    with zipfile.ZipFile(workbook) as book:
        names = [sheet.get("name", "") for sheet in _tree(book, "xl/workbook.xml").iter(f"{CELL}sheet")]
        texts = []
        if "xl/sharedStrings.xml" in book.namelist():
            texts = ["".join(one.itertext()) for one in _tree(book, "xl/sharedStrings.xml").iter(f"{CELL}si")]
        found = {}
        for number, name in enumerate(names, 1):
            for cell in _tree(book, f"xl/worksheets/sheet{number}.xml").iter(f"{CELL}c"):
                value = "|".join(part.text or "" for part in cell if part.tag != f"{CELL}is")
                shared = cell.get("t") == "s" and value.isdigit()
                found[f"{name}!{cell.get('r')}"] = texts[int(value)] if shared else value
    return found


class _Text(HTMLParser):
    """Collects the texts of a page, and a hash for each picture."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.said: list[str] = []
        self._unseen = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._unseen += tag in UNSEEN
        if tag == "img":
            given = dict(attrs)
            picture = hashlib.sha256((given.get("src") or "").encode()).hexdigest()[:12]
            self.said.append(f"[picture {picture}: {given.get('alt')}]")

    def handle_endtag(self, tag: str) -> None:
        self._unseen -= tag in UNSEEN

    def handle_data(self, data: str) -> None:
        if not self._unseen and (text := " ".join(data.split())):
            self.said.append(text)


def _lines_that_differ(then: list[str], now: list[str]) -> Iterator[str]:
    for kind, a, b, c, d in difflib.SequenceMatcher(None, then, now, autojunk=False).get_opcodes():
        if kind != "equal":
            yield f"{_brief(then[a:b])} then, {_brief(now[c:d])} now"


def _cells_that_differ(then: Mapping[str, str], now: Mapping[str, str]) -> Iterator[str]:
    for place in dict.fromkeys((*then, *now)):
        if not _same_cell(then.get(place, ""), now.get(place, "")):
            yield f"{place}: {_brief([then.get(place, '')])} then, {_brief([now.get(place, '')])} now"


def _same_cell(then: str, now: str) -> bool:
    """Whether two cells say the same, numbers to a millionth: a sum taken in another order may end in other digits."""
    one, other = then.split("|"), now.split("|")
    return then == now or (len(one) == len(other) and all(map(_same_part, one, other)))


def _same_part(then: str, now: str) -> bool:
    numbers = NUMBER.fullmatch(then) and NUMBER.fullmatch(now)
    return then == now or bool(numbers and abs(float(then) - float(now)) < MILLIONTH)


def _frames_that_differ(then: Path, now: Path) -> list[str]:
    """Names of the members of two zip files that differ; the values of parquet frames, numbers to a millionth."""
    with zipfile.ZipFile(then) as one, zipfile.ZipFile(now) as other:
        names = sorted({*one.namelist(), *other.namelist()})
        both = [name for name in names if name in one.namelist() and name in other.namelist()]
        return [
            f"{name} differs"
            for name in names
            if name not in both or _values(name, one.read(name)) != _values(name, other.read(name))
        ]


def _values(name: str, content: bytes) -> str:
    if not name.endswith(".parquet"):
        return content.decode("utf-8", "replace")
    frame = pl.read_parquet(io.BytesIO(content)).with_columns(pl.selectors.float().round(6))
    nested = [name for name, kind in frame.schema.items() if kind.is_nested()]
    return frame.with_columns(pl.col(nested).map_elements(str, return_dtype=pl.String)).write_csv()


def _brief(texts: list[str]) -> str:
    whole = " · ".join(texts)
    return repr(whole if len(whole) <= 120 else f"{whole[:119]}…") if whole else "nothing"


def _some(name: str, differences: list[str]) -> list[str]:
    more = len(differences) - FIRST
    return [f"{name}: {one}." for one in differences[:FIRST]] + ([f"{name}: {more} more places."] if more > 0 else [])


def _tree(book: zipfile.ZipFile, name: str) -> ElementTree.Element:
    # The workbook is the archive's own, verified against its manifest before it is read.
    return ElementTree.fromstring(book.read(name))
