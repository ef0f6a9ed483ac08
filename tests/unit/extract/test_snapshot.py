"""The Snapshot: which extract is read, what it says of itself, and its fingerprint."""

from __future__ import annotations

import dataclasses
import json
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from soe_lib.errors import DataError
from soe_lib.extract.folders import locate
from soe_lib.extract.snapshot import not_used
from soe_lib.model.checks import check, read
from soe_lib.workspace import EXTRACTS
from tests.unit.extract.company import FILES, SETTINGS, add, swap, write

DEMO = Path(__file__).parents[3] / "data" / "demo"


@pytest.fixture
def company(tmp_path: Path) -> Path:
    for day in ("2026-11-09", "2026-11-16"):
        write(tmp_path / "co" / day, {"settings.toml": SETTINGS.replace("2026-11-16", day)})
    (tmp_path / "co" / "notes").mkdir()
    return tmp_path / "co"


class TestResolve:
    def test_the_newest_is_the_default(self, company: Path) -> None:
        assert locate(company).name == "2026-11-16"
        assert locate(company, "").name == "2026-11-16"

    @pytest.mark.parametrize("as_of", ["2026-11-09", date(2026, 11, 9)])
    def test_one_date(self, company: Path, as_of: str | date) -> None:
        assert locate(company, as_of).name == "2026-11-09"

    def test_a_single_extract(self, company: Path) -> None:
        assert locate(company / "2026-11-09") == company / "2026-11-09"
        assert locate(company / "2026-11-09", "2026-11-09") == company / "2026-11-09"

    def test_a_single_extract_of_another_date(self, company: Path) -> None:
        with pytest.raises(DataError, match="as of 2026-11-09, not 2026-11-16"):
            locate(company / "2026-11-09", "2026-11-16")

    def test_an_unknown_date_names_those_there_are(self, company: Path) -> None:
        with pytest.raises(DataError, match=r"no extract as of 2026-11-23.*2026-11-09, 2026-11-16"):
            locate(company, "2026-11-23")

    def test_no_folder(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match="There is no folder"):
            locate(tmp_path / "nowhere")

    def test_an_empty_folder(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match="is no extract"):
            locate(tmp_path)

    @pytest.mark.parametrize(
        "as_of",
        ["../../x", "/etc", "2026-11-16/..", "2026-11-16\n", "2026-11-16\x00", "CON", "latest", "16.11.2026",
         "2026-02-30", "２０２６-11-16", "2026-W47", " 2026-11-16", "2026-11-16 ", "-", "20261116", "2026-11", "..",
         ".", "~", "$HOME"],
    )  # fmt: skip
    def test_hostile_dates_are_refused(self, company: Path, as_of: str) -> None:
        with pytest.raises(DataError, match="must be an ISO date"):
            locate(company, as_of)

    def test_a_nul_in_the_folders_name(self) -> None:
        with pytest.raises(DataError, match="NUL"):
            locate("data\x00")


class TestCheck:
    def test_never_raises_for_a_missing_folder_or_date(self, company: Path, tmp_path: Path) -> None:
        assert not check(tmp_path / "nowhere").ok
        report = check(company, "2026-11-23")
        assert not report.ok
        assert "2026-11-09, 2026-11-16" in report.findings[0].rule

    def test_report_as_json(self, company: Path) -> None:
        report = json.loads(json.dumps(check(company).to_dict()))
        assert (report["ok"], report["as_of"], report["company"]) == (True, "2026-11-16", "Small")
        assert report["rows"]["forecast"] == 3
        assert report["counts"] == {"stop": 0, "warn": 0, "repair": 0, "note": 0}

    def test_report_as_text(self, tmp_path: Path) -> None:
        report = check(write(tmp_path, swap("inventory.csv", "RM,P,,500", "RM,P,,-5")))
        text = report.text()
        assert "cannot be planned" in text
        assert "stop: inventory.csv row 3, column on_hand '-5': Less than 0." in text

    def test_hostile_names_stay_on_one_line(self, tmp_path: Path) -> None:
        changes = add("orders.csv", '2,"F\x1b[2JG\nX",M,C1,2026-11-20,1,,')
        text = check(write(tmp_path, changes)).text()
        assert "\x1b" not in text
        assert text.count("\n") == len(check(tmp_path).findings)


class TestSnapshot:
    def test_reads(self, company: Path) -> None:
        snapshot = read(company)
        assert (snapshot.company, snapshot.currency, snapshot.as_of) == ("Small", "EUR", date(2026, 11, 16))
        assert snapshot.folder == company / "2026-11-16"
        assert snapshot.periods.height == 25
        assert dict(snapshot.files.select("table", "rows").iter_rows())["forecast"] == 3
        assert snapshot.files["sha256"].str.len_chars().unique().to_list() == [64]

    def test_stops_raise_with_all_findings(self, tmp_path: Path) -> None:
        changes = {**swap("inventory.csv", "500", "-5"), **swap("orders.csv", "2026-11-20", "soon")}
        with pytest.raises(DataError, match="cannot be planned") as caught:
            read(write(tmp_path, changes))
        assert {one.column for one in caught.value.findings} == {"on_hand", "due_on"}
        assert "inventory.csv row 3" in str(caught.value)

    def test_is_frozen(self, company: Path) -> None:
        snapshot = read(company)
        with pytest.raises(dataclasses.FrozenInstanceError):
            snapshot.company = "Other"  # type: ignore[misc]
        with pytest.raises(TypeError):
            snapshot.tables["items"] = pl.DataFrame()  # type: ignore[index]

    def test_unknown_table_names_the_nearest(self, company: Path) -> None:
        with pytest.raises(KeyError, match="Did you mean forecast"):
            read(company)["forcast"]

    def test_replace(self, company: Path) -> None:
        snapshot = read(company)
        double = snapshot["forecast"].with_columns(pl.col("quantity") * 2)
        other = snapshot.replace(forecast=double)
        assert other["forecast"]["quantity"].sum() == 2 * snapshot["forecast"]["quantity"].sum()
        assert other.fingerprint != snapshot.fingerprint
        assert snapshot.replace(forecast=snapshot["forecast"].reverse()).fingerprint == snapshot.fingerprint

    def test_replace_by_what_does_not_fit(self, company: Path) -> None:
        snapshot = read(company)
        with pytest.raises(DataError, match="no table 'forcast'"):
            snapshot.replace(forcast=snapshot["forecast"])
        with pytest.raises(DataError, match="lacks price"):
            snapshot.replace(forecast=snapshot["forecast"].drop("price"))
        with pytest.raises(DataError, match="does not fit"):
            snapshot.replace(forecast=snapshot["forecast"].with_columns(quantity=pl.lit("many")))

    def test_fingerprint_is_of_contents_only(self, tmp_path: Path) -> None:
        first = read(write(tmp_path / "a"))
        header, *rows = FILES["forecast.csv"].splitlines()
        shuffled = "\n".join([header, rows[2], rows[0], rows[1]]).replace(",100,", ",100.0,")
        assert read(write(tmp_path / "b", {"forecast.csv": shuffled})).fingerprint == first.fingerprint
        changed = FILES["forecast.csv"].replace(",100,", ",101,")
        assert read(write(tmp_path / "c", {"forecast.csv": changed})).fingerprint != first.fingerprint
        settings = SETTINGS + "[horizon]\nweeks = 12\n"
        assert read(write(tmp_path / "d", {"settings.toml": settings})).fingerprint != first.fingerprint

    def test_report(self, tmp_path: Path) -> None:
        changes = {
            "settings.toml": 'assumptions = ["Prices are invented."]\n' + SETTINGS,
            "units.csv": "item,unit,factor\nFG,case,12\n",
            **swap("items.csv", "kg,2,,1", "kg,,,"),
        }
        text = read(write(tmp_path, changes)).report()
        assert "Small as of 2026-11-16, EUR: 25 periods from 2026-11-16 to 2027-02-14" in text
        assert "Prices are invented." in text
        assert "not used yet" not in text  # units are, where quantities are converted
        assert "1 of 2 items have no standard_cost." in text

    def test_columns_that_say_nothing_are_not_named(self, tmp_path: Path) -> None:
        assert not_used(read(write(tmp_path / "a"))) == ()
        weighed = FILES["items.csv"].replace("end_value\n", "end_value,weight\n").replace(",5\n", ",5,3\n")
        weighed = weighed.replace(",1\n", ",1,\n")
        assert not_used(read(write(tmp_path / "b", {"items.csv": weighed}))) == ("items.weight",)


class TestLeft:
    """What the processes of one run leave for each other."""

    @pytest.fixture
    def home(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        monkeypatch.setenv(EXTRACTS, str(tmp_path / "left"))
        return tmp_path / "left"

    def test_a_second_reading_is_the_first_one(self, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        first = read(DEMO, "2026-11-16")
        monkeypatch.setattr("soe_lib.extract.snapshot.inspect", None)
        again = read(DEMO, "2026-11-16")
        assert len(list(home.iterdir())) == 1
        assert again is not first
        assert again.tables.keys() == first.tables.keys()
        for name, frame in first.tables.items():
            assert_frame_equal(again[name], frame)
        assert_frame_equal(again.periods, first.periods)
        assert_frame_equal(again.files, first.files)
        assert (again.findings, again.settings, again.folder) == (first.findings, first.settings, first.folder)
        assert again.hashes == first.hashes, "nobody hashes the tables a second time"
        assert again.fingerprint == first.fingerprint

    def test_findings_come_along(self, company: Path, home: Path) -> None:
        write(company / "2026-11-16", swap("orders.csv", "2026-11-20,7,7,21", "2026-11-20,-7,,21"))
        first = read(company)
        assert first.findings
        assert read(company).findings == first.findings
        assert home.is_dir()

    def test_a_file_that_is_written_again_is_read_again(self, company: Path, home: Path) -> None:
        first = read(company)
        write(company / "2026-11-16", add("inventory.csv", "RM,P,second,50"))
        again = read(company)
        assert again["inventory"].height == first["inventory"].height + 1
        assert len(list(home.iterdir())) == 2

    def test_alone_nothing_is_left(self, company: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv(EXTRACTS, raising=False)
        before = sorted(tmp_path.rglob("*"))
        read(company)
        assert sorted(tmp_path.rglob("*")) == before
