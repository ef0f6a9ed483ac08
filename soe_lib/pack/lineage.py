"""lineage.zip of a pack: where each published figure comes from, to be asked with nothing but the pack's folder."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from soe_lib import workspace
from soe_lib.errors import DataError, PackError
from soe_lib.extract.spelling import hint
from soe_lib.money.trace import Lineage, Trace, lineage
from soe_lib.pack import manifest, place
from soe_lib.pack.live import BRIDGES

if TYPE_CHECKING:
    from soe_lib.extract.snapshot import Snapshot
    from soe_lib.model.plan import Plan

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
    if not (home / manifest.NAME).is_file() and (packs := place.packs(home)):
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
