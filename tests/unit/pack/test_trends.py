"""The scoreboard's lines: from published packs of the last 13 weeks, and none where there is no history."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from soe_lib.pack import overview
from soe_lib.review.measures import Band, known
from tests.unit.pack.test_overview import keep, told

NOW = date(2026, 11, 16)


def score(value: float | None, name: str = "Service", unit: str = "%", state: str = "good") -> dict[str, Any]:
    return {"name": name, "value": value, "unit": unit, "shown": f"{value}", "state": state}


def week(out: Path, day: str, *scores: dict[str, Any], company: str = "Nordhav") -> None:
    whole = told(day, company=company)
    keep(out / day, whole | {"summary": whole["summary"] | {"scores": list(scores)}})


def test_a_line_runs_over_the_published_weeks_and_says_where_it_is(tmp_path: Path) -> None:
    """Three weeks, 7 days apart, in a picture of 104 × 26 with an edge of 4: x = 4, 52, 100; 90 lies at the bottom
    (22), 98 at the top (4), 94 half way (13).
    """
    week(tmp_path, "2026-11-02", score(94.0))
    week(tmp_path, "2026-11-09", score(90.0, state="act"))
    (line,) = overview.of_week(tmp_path, NOW, "Nordhav", [score(98.0)]).values()
    assert line.path == "M4 13 L52 22 L100 4"
    assert [dot.state for dot in line.dots] == ["good", "act", "good"]
    assert line.alt == "Service, 3 weeks: lowest 90.0, highest 98.0; now 98.0, up from 90.0 the time before."


def test_weeks_before_the_thirteenth_other_companies_and_other_units_do_not_count(tmp_path: Path) -> None:
    """13 weeks with this one reach back 12: 24 August is the first; 17 August is not in it."""
    week(tmp_path, "2026-08-17", score(1.0))
    week(tmp_path, "2026-08-24", score(2.0))
    week(tmp_path, "2026-11-02", score(3.0, unit="days"))
    week(tmp_path, "2026-11-09", score(4.0), company="Other")
    (line,) = overview.of_week(tmp_path, NOW, "Nordhav", [score(5.0)]).values()
    assert line.alt.startswith("Service, 2 weeks: lowest 2.0, highest 5.0")


def test_one_known_week_is_no_history(tmp_path: Path) -> None:
    week(tmp_path, "2026-11-09", score(None))
    assert overview.of_week(tmp_path, NOW, "Nordhav", [score(5.0)]) == {}
    assert overview.of_week(tmp_path / "new", NOW, "Nordhav", [score(5.0)]) == {}


def test_a_level_line_lies_in_the_middle() -> None:
    (line,) = overview.sparks([("2026-11-09", [score(7.0)]), ("2026-11-16", [score(7.0)])]).values()
    assert {dot.y for dot in line.dots} == {13.0}
    assert line.range == "always 7.0"


@pytest.mark.parametrize(
    ("value", "state", "side"), [(0.9, "watch", "below"), (1.0, "good", ""), (1.3, "act", "above")]
)
def test_the_tolerance_is_judged_in_both_directions(value: float, state: str, side: str) -> None:
    band = Band(good=(0.95, 1.05), watch=(0.9, 1.1))
    found = known("Outlook", value, "%", "Outlook ÷ commitment.", band=band)
    assert (found.state, found.side) == (state, side)
    assert json.dumps(found.as_dict())
