"""Weeks in a row: round the year's end, and twice in one week."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

from soe_lib.pack import archive, manifest
from soe_lib.pack.job import make_pack
from soe_lib.pack.verify import verify
from tests.faults import company, weeks

RECORD = """
from soe_lib.model.record import plan_of_record
record = plan_of_record(snapshot, store, results)
"""


def test_two_weeks_round_the_end_of_a_year_of_53_weeks(tmp_path: Path) -> None:
    """2026-12-28 is the Monday of 2026-W53; `python -m tests.faults.weeks` runs 53 weeks."""
    year = weeks.run(tmp_path, 2, last=date(2027, 1, 4))
    assert year.failures == []
    assert [day.isocalendar()[:2] for day in year.packs] == [(2026, 53), (2027, 1)]
    assert year.bridges >= 2
    assert "2026-W53 included" in year.text()
    page = (tmp_path / "out" / "index.html").read_text(encoding="utf-8")
    assert "Week 53" in page


def test_two_dates_in_one_week_are_two_packs_and_the_second_is_compared_with_the_first(tmp_path: Path) -> None:
    monday, thursday = company.FIRST, company.FIRST + timedelta(days=3)
    company.workspace(tmp_path)
    company.solve(tmp_path)
    company.extract(tmp_path / "data" / "grain", thursday, on_hand=60.0)
    company.notebook(tmp_path / "notebooks", company.NOTEBOOK + RECORD)
    data, out = tmp_path / "data" / "grain", tmp_path / "out"
    for day in (monday, thursday):
        assert make_pack(data, day.isoformat(), out, notebooks=tmp_path / "notebooks").run == 1
    assert list(archive.packs(out)) == [monday, thursday]
    first, second = (manifest.read(out / day.isoformat()) for day in (monday, thursday))
    assert first is not None
    assert second is not None
    assert (first["record"], first["previous"]) == (None, None)
    assert second["record"]["as_of"] == monday.isoformat()
    assert second["record"]["identity"] == first["plan"]["identity"]
    assert second["previous"]["folder"] == monday.isoformat()
    assert second["previous"]["sha256"] == manifest.file_sha256(out / monday.isoformat() / manifest.NAME)
    page = (out / "index.html").read_text(encoding="utf-8")
    assert page.count("<td>Week 52</td>") == 2
    assert verify(out).ok
