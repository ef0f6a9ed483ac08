"""What a pack keeps of an extract reads the same again, though the company's conventions are not kept."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import openpyxl
import pytest

from soe_lib.model.checks import read
from soe_lib.pack.manifest import collect, keep, restore, settle
from tests.unit.extract.company import FILES, SETTINGS, write

SAID = '[conventions]\ndecimal = ","\nthousands = "."\ndates = "dd.mm.yyyy"\nseparator = ";"\n[tables.offers]\nfile = "offers.csv"\n'
SMALL = {
    "items": "item;family;unit;price;standard_cost\nFG;Fam;each;1.234,5;6\n",
    "locations": "location;kind\nM;market\n",
    "offers": "offer;supplier;item;location;unit_cost\nO;Kobe;FG;M;2,5\n",
}


def extract(folder: Path, as_of: date) -> Path:
    """A company whose files keep to conventions of its own, orders in a workbook among them."""
    files: dict[str, str | bytes | None] = dict.fromkeys((name for name in FILES if name.endswith(".csv")), None)
    settings = SETTINGS.replace("2026-11-16", as_of.isoformat())
    written = {f"{name}.csv": text for name, text in SMALL.items()}
    write(folder, {**files, **written, "settings.toml": settings, "sources.toml": SAID})
    book = openpyxl.Workbook()
    book.active.title = "orders"
    for row in (["order", "item", "location", "due_on", "quantity"], ["1", "FG", "M", "30.11.2026", "2,5"]):
        book.active.append(row)
    book.save(folder / "extract.xlsx")
    return folder


@pytest.mark.parametrize("week", ["2026-11-16", "2026-11-09"])
def test_files_in_a_companys_writing_are_kept_as_they_were_read(week: str, tmp_path: Path) -> None:
    for day in (date(2026, 11, 9), date(2026, 11, 16)):
        extract(tmp_path / "data" / "own" / day.isoformat(), day)
    snapshot = read(tmp_path / "data" / "own", "2026-11-16")
    before = read(tmp_path / "data" / "own", week)
    assert before["items"]["price"].to_list() == [1234.5]
    (tmp_path / "templates").mkdir()
    kept = collect(snapshot, [], tmp_path / "templates")
    keep(kept, tmp_path / "out", tmp_path / "aside")
    settle(tmp_path / "aside", tmp_path / "out")
    found = restore(tmp_path / "out", {one.path: one.sha256 for one in kept}, tmp_path / "again")
    assert read(found, week).fingerprint == before.fingerprint
