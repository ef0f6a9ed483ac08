from __future__ import annotations

import gzip
import sqlite3
from pathlib import Path

import polars as pl
import pytest

import soe_lib as soe
from soe_lib.errors import PackError
from soe_lib.pack import figures, job, manifest
from soe_lib.pack.verify import rebuild, verify
from soe_lib.store import meeting
from soe_lib.store.promised import keep
from soe_lib.whatif.scenario import Scenario
from tests.faults import company


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A company with two weeks, and an archive of the later one; the company's own folder is then taken away."""
    made = company.workspace(tmp_path_factory.mktemp("rebuild"), weeks=2)
    job.make_pack(made / "data" / "grain", None, made / "out", notebooks=made / "notebooks")
    (made / "data").rename(made / "gone")
    (made / "notebooks").rename(made / "gone notebooks")
    return made


def test_a_pack_is_reproduced_from_the_archive_alone(home: Path) -> None:
    made = rebuild(home / "out", "2026-12-28")
    assert made.ok, made.text()
    assert (made.figures, made.notes) == (1, ())
    assert "is reproduced: 1 fingerprint of figures and every line the same" in made.text()


def test_figures_that_differ_are_named(home: Path) -> None:
    """A kept input and its hash forged together: the score of 51 units then comes out as 52."""
    folder = home / "out" / "2026-12-28"
    told = manifest.read(folder)
    assert told is not None
    whole, kept = (folder / manifest.NAME).read_bytes(), dict(told["kept"])
    stock = gzip.decompress(manifest.address(home / "out", kept["data/2026-12-28/inventory.csv"]).read_bytes())
    forged = manifest._of("data/2026-12-28/inventory.csv", stock.replace(b",51", b",52"))
    (home / "aside").mkdir(exist_ok=True)
    manifest._store(forged, home / "aside" / f"{forged.sha256}.gz")
    manifest.settle(home / "aside", home / "out")
    kept[forged.path] = forged.sha256
    bare = {key: value for key, value in told.items() if key not in {"pages", "seal"}}
    manifest.seal(folder, {**bare, "kept": kept})
    try:
        made = rebuild(home / "out", "2026-12-28")
        assert not made.ok
        assert "Stock in hand: 51\u00a0each then, 52\u00a0each now." in made.differences
        assert "the figures of stock differ." in made.differences
        assert any(
            "stock.html: '51 units are in hand.' then, '52 units are in hand.' now" in d for d in made.differences
        )
        assert not verify(home / "out").ok
    finally:
        (folder / manifest.NAME).write_bytes(whole)


def test_an_altered_kept_input_stops_the_rebuild_and_fails_the_check(home: Path) -> None:
    told = manifest.read(home / "out" / "2026-12-28")
    assert told is not None
    place = manifest.address(home / "out", told["kept"]["data/2026-12-21/inventory.csv"])
    whole = place.read_bytes()
    place.write_bytes(gzip.compress(gzip.decompress(whole).replace(b"50", b"51")))
    try:
        with pytest.raises(PackError, match=r"inventory\.csv was changed after it was archived"):
            rebuild(home / "out", "2026-12-28")
        said = verify(home / "out").text()
        assert "2026-12-28: the kept data/2026-12-21/inventory.csv was changed after it was archived." in said
    finally:
        place.write_bytes(whole)
    assert verify(home / "out").ok


@pytest.mark.parametrize("asked", ["../2026-12-28", "2026-12-21", "/etc", "2026-12-28\x00"])
def test_a_pack_that_is_not_there_is_named(home: Path, asked: str) -> None:
    with pytest.raises(PackError, match=r"has no pack|is no as-of date"):
        rebuild(home / "out", asked)


@pytest.mark.parametrize("path", ["../x", "data/../../x", "/etc/passwd", "data/2026-12-28/..", "other/x"])
def test_a_kept_path_that_leads_elsewhere_is_refused(tmp_path: Path, path: str) -> None:
    with pytest.raises(PackError, match="no place in a workspace"):
        manifest.restore(tmp_path, {path: "0" * 64}, tmp_path / "work")


def test_a_shared_file_is_kept_once(home: Path) -> None:
    told = manifest.read(home / "out" / "2026-12-28")
    assert told is not None
    assert told["kept"]["data/2026-12-21/items.csv"] == told["kept"]["data/2026-12-28/items.csv"]
    assert {path.stem for path in (home / "out" / manifest.INPUTS).rglob("*.gz")} >= set(told["kept"].values())
    assert len(set(told["kept"].values())) < len(told["kept"])


def test_pages_that_differ_only_in_times_are_the_same(tmp_path: Path) -> None:
    for name, seconds, minute in (("one", "0.3", "12"), ("other", "14.2", "48")):
        (tmp_path / name).mkdir()
        text = f"<main><p>Solver HiGHS, {seconds}\u00a0s</p><p>made 2026-11-16 06:{minute} UTC</p></main>"
        (tmp_path / name / "index.html").write_text(text)
    assert figures.folders(tmp_path / "one", tmp_path / "other") == []
    (tmp_path / "other" / "index.html").write_text("<main><p>Solver HiGHS, 1 s</p></main>")
    assert figures.folders(tmp_path / "one", tmp_path / "other") == ["index.html: 'made … UTC' then, nothing now."]


COUNTED = """
import soe_lib as soe

known = soe.store.decisions(store, company=snapshot.company, before=snapshot.as_of).height
publish(results, page="stock", title="Stock", headline=f"{known} decisions stand.", scores=[score], checks=[check])
"""


def test_a_decision_makes_another_pack_which_is_reproduced_with_it(tmp_path: Path) -> None:
    made = company.workspace(tmp_path, weeks=2)
    company.notebook(made / "notebooks", company.NOTEBOOK + COUNTED)
    data, out, how = made / "data" / "grain", made / "out", {"notebooks": made / "notebooks"}
    assert job.make_pack(data, None, out, **how).published
    assert not job.make_pack(data, None, out, **how).published
    row = dict.fromkeys(meeting.DECISIONS.names()) | {
        "company": "grain", "as_of": company.FIRST, "key": "PO1", "what": "PO1 is late", "option": "Wait",
        "owner": "Ann", "reason": "It is near", "promoted": False,
    }  # fmt: skip
    meeting.record(out / "plans", row)
    second = job.make_pack(data, None, out, **how)
    assert (second.published, second.run) == (True, 2)
    assert "1 decisions stand." in (second.folder / "stock.html").read_text()
    # What is decided about this very week is known to the next one only.
    meeting.record(out / "plans", {**row, "as_of": company.FIRST.replace(day=28)})
    assert not job.make_pack(data, None, out, **how).published
    # A scenario that is kept stands on a page, and may be an answer: it makes another pack too.
    Scenario("more").scale("forecast.quantity", 1.1).save(made / "data" / "grain")
    assert job.make_pack(data, None, out, **how).run == 3
    assert not job.make_pack(data, None, out, **how).published
    (made / "data").rename(made / "gone")
    again = rebuild(out, "2026-12-28")
    assert "1 decisions stand." not in again.text()
    assert again.ok, again.text()


@pytest.mark.parametrize(
    ("then", "now", "same"),
    [
        ("396", "395.9999999999999", True),
        ("SUM(A1:A3)|396", "SUM(A1:A3)|395.9999999999999", True),
        ("396", "396.00001", False),
        ("SUM(A1:A3)|396", "SUM(A1:A4)|396", False),
        ("396", "", False),
        ("007", "7", False),
        ("Venlo L1", "Venlo L2", False),
    ],
)
def test_cells_are_compared_as_numbers_to_a_millionth(then: str, now: str, same: bool) -> None:
    """A sum that two cores add up in another order ends in other digits; anything else that differs is named."""
    assert list(figures._cells_that_differ({"Walk!E1": then}, {"Walk!E1": now})) == (
        [] if same else [f"Walk!E1: {figures._brief([then])} then, {figures._brief([now])} now"]
    )


SOURCES = """
[sources.erp]
kind = "sqlite"
path = "erp.sqlite"
[tables.inventory]
source = "erp"
query = "SELECT item, location, on_hand FROM stock WHERE day = :as_of"
[tables.offers]
file = "prices_{as_of}.csv"
columns = { unit_cost = "PRICE" }
"""


def test_what_came_from_a_database_is_reproduced_without_it_earlier_weeks_included(tmp_path: Path) -> None:
    made = company.workspace(tmp_path, weeks=2)
    data, out, how = made / "data" / "grain", made / "out", {"notebooks": made / "notebooks"}
    (data / "sources.toml").write_text(SOURCES, encoding="utf-8")
    with sqlite3.connect(data / "erp.sqlite") as erp:
        erp.execute("CREATE TABLE stock (day TEXT, item TEXT, location TEXT, on_hand REAL)")
        for number, day in enumerate(("2026-12-21", "2026-12-28")):
            erp.execute("INSERT INTO stock VALUES (?, 'grain', 'warehouse', ?)", (day, 50.0 + number))
            (data / day / "inventory.csv").unlink()
            offers = data / day / "offers.csv"
            prices = offers.read_text().replace("unit_cost", "PRICE")
            (data / f"prices_{day}.csv").write_text(prices)
            offers.unlink()
    first = job.make_pack(data, None, out, **how)
    assert first.published
    kept = {path for path in first.manifest["kept"] if path.startswith("data/")}
    for day in ("2026-12-21", "2026-12-28"):
        assert {f"data/{day}/inventory.parquet", f"data/{day}/offers.parquet", f"data/{day}/items.csv"} <= kept
    assert not [path for path in kept if path.endswith("sources.toml") or "prices" in path]
    assert not job.make_pack(data, None, out, **how).published
    # A past that the database tells otherwise today is another pack.
    with sqlite3.connect(data / "erp.sqlite") as erp:
        erp.execute("UPDATE stock SET on_hand = 49 WHERE day = '2026-12-21'")
    assert job.make_pack(data, None, out, **how).run == 2
    erp.close()
    (made / "data").rename(made / "gone")
    again = rebuild(out, "2026-12-28")
    assert again.ok, again.text()
    assert "51" in (out / "2026-12-28" / "stock.html").read_text()


def test_a_promise_makes_another_pack_which_is_reproduced_with_it(tmp_path: Path) -> None:
    """What was promised on the earlier extract, or on this one, is an order of this week's pack."""
    made = company.workspace(tmp_path, weeks=2)
    lines = company.NOTEBOOK + PROMISED
    company.notebook(made / "notebooks", lines)
    data, out, how = made / "data" / "grain", made / "out", {"notebooks": made / "notebooks"}
    assert job.make_pack(data, None, out, **how).published
    snapshot = soe.read(data)
    line = snapshot["forecast"].row(0, named=True)
    row = {"company": snapshot.company, "as_of": company.FIRST, "order": "N", "delivery": "N", "rests_on": "ATP"}
    row |= {name: line[name] for name in ("item", "location", "customer")}
    row |= dict.fromkeys(("asked_on", "promised_on"), snapshot.as_of) | {"quantity": 1.0, "price": 10.0}
    keep(out / "plans", pl.DataFrame([row | {"margin": 0.0, "currency": "EUR"}]))
    second = job.make_pack(data, None, out, **how)
    assert (second.published, second.run) == (True, 2)
    assert "1 promised units are orders." in (second.folder / "stock.html").read_text()
    assert not job.make_pack(data, None, out, **how).published
    (made / "data").rename(made / "gone")
    again = rebuild(out, "2026-12-28")
    assert again.ok, again.text()


PROMISED = """
promised = int(snapshot["orders"]["promised"].sum())
publish(results, page="stock", title="Stock", headline=f"{promised} promised units are orders.", scores=[score],
        checks=[check])
"""
