"""The figures of a pack: their fingerprints, where each comes from, and where two packs differ."""

from __future__ import annotations

import difflib
import hashlib
import io
import json
import re
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

import polars as pl

from soe_lib import workspace
from soe_lib.errors import DataError, PackError, hint
from soe_lib.money.trace import Lineage, Trace, lineage
from soe_lib.pack import archive, manifest
from soe_lib.pack.workbook import BRIDGES

if TYPE_CHECKING:
    from soe_lib.extract.snapshot import Snapshot
    from soe_lib.store.plan import Plan


RECORD = ("name", "as_of", "identity", "fingerprint", "margin")


def fingerprints(said: Mapping[str, Mapping[str, Any]], finance: Path) -> dict[str, str]:
    """Page → hash of the scores, decisions and checks it published; "finance/<frame>" → hash of a workbook's frame.

    Parameters
    ----------
    said : page → what it published (`publish.read`).
    finance : folder of the frames (parquet) behind the workbook; need not exist.
    """
    pages = {name: _sha256(json.dumps(_plain(page), sort_keys=True)) for name, page in sorted(said.items())}
    frames = {f"finance/{path.stem}": _frame(path) for path in sorted(finance.glob("*.parquet"))}
    return pages | frames


def record(results: Path) -> dict[str, Any] | None:
    """Which plan the pages compared with; None where there was none."""
    path = results / "record" / "plan.json"
    if not path.is_file():
        return None
    told = json.loads(path.read_bytes())
    return {key: told[key] for key in RECORD if key in told}


def _plain(value: Any) -> Any:
    """Numbers to twelve digits: the last bits of a sum depend on how many threads added it up, no shown figure does."""
    if isinstance(value, float):
        return f"{value:.12g}"
    if isinstance(value, Mapping):
        return {key: _plain(one) for key, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, list) else value


def _frame(path: Path) -> str:
    return _sha256(pl.read_parquet(path).with_columns(pl.selectors.float().round(6)).write_csv())


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


NAME = "lineage.zip"
FRAMES = ("lines", "sources", "formulas", "files", "items", "periods")
FIXED = (1980, 1, 1, 0, 0, 0)
"""The same figures give the same bytes: no clock in the file."""


@dataclass(frozen=True)
class Figure:
    """A published figure that is no sum of ledger lines: a score, or a step of a bridge.

    Parameters
    ----------
    name, shown : as they stand on the page. page : which one. meaning : its formula, or what it says.
    sheet : of finance.xlsx that holds its rows; blank where there is none. files, made : as of a Trace.
    """

    name: str
    shown: str
    page: str
    meaning: str
    sheet: str = ""
    files: tuple[Mapping[str, Any], ...] = ()
    made: Mapping[str, Any] | None = None

    def as_dict(self) -> dict[str, Any]:
        """Everything, for JSON."""
        return {**self.__dict__, "files": list(self.files), "made": dict(self.made or {})}

    def text(self, rows: int = 8) -> str:  # noqa: ARG002
        """The figure, its formula and what it was made from."""
        where = f"  page {self.page}.html" + (f", rows on the sheet {self.sheet} of finance.xlsx" if self.sheet else "")
        files = [f"  {one['file']} ({one['rows']:,} rows) sha256 {one['sha256']}" for one in self.files]
        made = [f"  {name}: {value}" for name, value in (self.made or {}).items()]
        return "\n".join(
            [f"{self.name}: {self.shown}", where, f"  {self.meaning}", "Files", *files, "Made with", *made]
        )


def write(path: Path, found: Lineage, figures: Sequence[Figure] = ()) -> None:
    """Write a lineage and the other published figures as one file."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name in FRAMES:
            held = io.BytesIO()
            getattr(found, name).write_parquet(held)
            file.writestr(zipfile.ZipInfo(f"{name}.parquet", FIXED), held.getvalue())
        told = {"made": dict(found.made), "figures": [{**one.__dict__, "files": [], "made": None} for one in figures]}
        file.writestr(zipfile.ZipInfo("told.json", FIXED), json.dumps(told, indent=1, ensure_ascii=False))


def read(folder: str | Path) -> tuple[Lineage, tuple[Figure, ...]]:
    """The lineage of a published pack; of the newest one where the folder is an archive of packs.

    Raises PackError where there is none, or it is not the one that was published.
    """
    home = workspace.place(folder)
    if not (home / manifest.NAME).is_file() and (packs := archive.packs(home)):
        home = packs[max(packs)]
    path, told = home / NAME, manifest.read(home)
    if told is None or not path.is_file():
        raise PackError(f"{home} is no pack that can be asked: {NAME} or its manifest is missing. Make it again.")
    listed = {page["file"]: page["sha256"] for page in told["pages"]}
    if listed.get(NAME) != manifest.file_sha256(path):
        raise PackError(f"{path} is not what was published: its hash is not that of the manifest. See `soe verify`.")
    try:
        with zipfile.ZipFile(path) as file:
            frames = {name: pl.read_parquet(io.BytesIO(file.read(f"{name}.parquet"))) for name in FRAMES}
            rest = json.loads(file.read("told.json"))
    except (OSError, KeyError, ValueError, zipfile.BadZipFile, pl.exceptions.PolarsError) as error:
        raise PackError(f"{path} cannot be read ({error}).") from error
    code = told["code"]
    made = {
        **rest["made"], "code": f"soe_lib {code['version']} sha256 {code['sha256']}", "commit": code.get("commit", ""),
        "libraries": ", ".join(f"{name} {version}" for name, version in told["libraries"].items()),
        "pack": f"{told['as_of']} run {told['run']}, seal {told['seal']}",
    }  # fmt: skip
    files = tuple(frames["files"].to_dicts())
    figures = tuple(Figure(**{**one, "files": files, "made": made}) for one in rest["figures"])
    return Lineage(**frames, made=made), figures


def trace(
    source: str | Path | Plan, snapshot: Snapshot | None = None, *, figure: str = "", **where: str
) -> Trace | Figure:
    """Where a published figure comes from: lines, quantity × rate, rows of files, fingerprints, code and solver.

    Parameters
    ----------
    source : folder of a published pack (or of all packs: the newest), or a plan.
    snapshot : the extract that a plan was made from; not needed for a pack.
    figure : name of a score or of a step of a bridge, as it stands on the page.
    where : account="material", family="Laundry", month="2026-11" …: which money is asked for.

    Raises DataError where nothing of that kind was published, PackError where the pack cannot be asked.

    Examples
    --------
    >>> found = soe.trace(soe.plan(small), small, account="freight", week="2026-W04")
    >>> found.amount, found.lines.select("item", "quantity", "per_unit").rows()
    (-100.0, [('tea', 60.0, -1.0), ('coffee', 40.0, -1.0)])
    """
    if isinstance(source, str | Path):
        found, figures = read(source)
        if figure:
            return _named(figures, figure)
        return found.trace(where)
    if snapshot is None:
        raise DataError(
            "A plan is traced to the extract that it was made from: give it too, soe.trace(plan, snapshot, …)."
        )
    return lineage(source, snapshot).trace(where)


def figures_of(
    said: Mapping[str, Mapping[str, Any]], sheets: Mapping[str, pl.DataFrame], currency: str
) -> list[Figure]:
    """The scores of the pages, and the steps of the bridges behind the workbook."""
    scores = [
        Figure(score["name"], score["shown"], page, score["text"] or "See the definitions of the page.")
        for page, one in said.items()
        for score in one["scores"]
    ]
    bridges = sheets.get(BRIDGES)
    if bridges is None:
        return scores
    rows = bridges.select("bridge", "sheet", "driver", "amount", "formula").iter_rows()
    steps = [
        Figure(
            f"{bridge}: {driver}", f"{currency} {amount:,.2f}", "finance_review", formula or "sum of its rows", sheet
        )
        for bridge, sheet, driver, amount, formula in rows
    ]
    return [*scores, *steps]


def _named(figures: Sequence[Figure], asked: str) -> Figure:
    found = [one for one in figures if one.name.lower() == asked.lower()]
    if not found:
        names = [one.name for one in figures]
        raise DataError(f"No figure is called {asked!r}. {hint(asked, names) or 'Known: ' + '; '.join(names)}")
    return replace(found[0])


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
