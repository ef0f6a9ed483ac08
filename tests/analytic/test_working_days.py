"""Lead times in working days: the company's week, closures of company, supplier, lane and place, days opened again."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import soe_lib as soe
from soe_lib.errors import DataError
from soe_lib.extract.snapshot import Snapshot
from soe_lib.model.planning import Model
from tests.networks import days, snapshot, weeks

Rows = list[dict[str, Any]]
WORKING = '[costs]\nper = "week"\n[lead_time]\nin = "working days"\n'
FRIDAY = date(2026, 1, 9)
D = {f"D{n + 1:03d}": date(2026, 1, 5 + n) for n in range(21)}


def company(folder: Path, closures: Rows = (), settings: str = WORKING, **more: Any) -> Snapshot:  # type: ignore[assignment]
    """Two suppliers three days away, a lane of two days and a routing of one and a half."""
    tables: dict[str, Any] = {
        "periods": days(21),
        "offers": [
            {"offer": o, "supplier": s, "item": "A", "location": "P", "unit_cost": 1.0, "lead_time_days": 3.0, "maximum": 1e5}
            for o, s in (("o1", "North"), ("o2", "South"))
        ],
        "lanes": [{"lane": "PW", "origin": "P", "destination": "W", "lead_time_days": 2.0, "cost_per_unit": 0.1}],
        "routings": [{"routing": "R", "item": "B", "location": "P", "lead_time_days": 1.5}],
        "forecast": [{"item": i, "location": "W", "date": FRIDAY, "period": "", "quantity": 1.0, "price": 9.0} for i in "AB"],
        **({"closures": closures} if closures else {}), **more,
    }  # fmt: skip
    return snapshot(folder, settings, **tables)


def arrives(found: Snapshot, flow: str, leaves: str, **who: str) -> dict[str, float]:
    """Period of arrival → share of what leaves in a period."""
    model = Model(found)
    arrivals = model.arrivals
    assert arrivals is not None
    keys = ["period", "lead_days", "lead_periods", "dispatch", "counted"]
    rows = model.flows[flow].rows.filter(
        pl.col("period").cast(pl.String) == leaves, *(pl.col(key).cast(pl.String) == one for key, one in who.items())
    )
    there = rows.select(keys).unique().join(arrivals, on=keys, nulls_equal=True)
    return {str(p): round(s, 9) for p, s in there.select("arrival", "share").sort("arrival").iter_rows()}


def closed(*what_and_day: str) -> Rows:
    """Rows of closures written as "who 12" or, opened again, "who 12 open"; "-" is the company."""
    parts = [text.split() for text in what_and_day]
    return [
        {"what": "" if p[0] == "-" else p[0], "date": date(2026, 1, int(p[1])), "open": "yes" if len(p) > 2 else "no"}
        for p in parts
    ]


@pytest.mark.parametrize("turned", [1, -1])
@pytest.mark.parametrize(
    ("closures", "north", "south"),
    [
        ((), 14, 14),  # Monday, Tuesday, Wednesday
        (("- 12",), 15, 15),  # a holiday of the company on Monday
        (("North 13",), 15, 14),  # one supplier is closed on Tuesday
        (("- 10 open",), 13, 13),  # everybody works on Saturday
        (("North 10 open",), 13, 14),  # one supplier does
        (("- 12", "North 12 open"), 14, 15),  # on the company's holiday one supplier works
        (("P 14",), 15, 15),  # nobody takes goods in on Wednesday
        (("P 14", "North 12", "North 13"), 19, 15),  # 15, 16, 19
        (("W 12", "PW 13"), 14, 14),  # of a lane and a place that have no part in it
        (("- 9",), 14, 14),  # the day of leaving is not counted
    ],
)
def test_three_working_days_from_friday(
    tmp_path: Path, closures: tuple[str, ...], north: int, south: int, turned: int
) -> None:
    found = company(tmp_path, closed(*closures)[::turned])
    friday = next(name for name, day in D.items() if day == FRIDAY)
    for offer, day in (("o1", north), ("o2", south)):
        (there,) = arrives(found, "buy", friday, offer=offer)
        assert D[there] == date(2026, 1, day), offer
    cell = Model(found).flows["buy"].named.filter(pl.col("period") == friday, pl.col("offer") == "o1")
    assert cell["lead_calendar"].to_list() == [float(north - 9)], "what a release writes as the day of arrival"


def test_a_week_is_spread_over_its_days(tmp_path: Path) -> None:
    """Of a week's days Monday and Tuesday arrive within it; Friday to Sunday all on Wednesday."""
    found = company(tmp_path, periods=weeks(3))
    assert arrives(found, "buy", "W1", offer="o1") == {"W1": round(2 / 7, 9), "W2": round(5 / 7, 9)}
    holiday = company(tmp_path / "x", closed("- 9"), periods=weeks(3))
    assert arrives(holiday, "buy", "W1", offer="o1") == {"W1": round(1 / 7, 9), "W2": round(6 / 7, 9)}
    late = company(tmp_path / "y", closed("- 23"), periods=weeks(3))
    assert arrives(late, "buy", "W3", offer="o1") == {"W3": round(1 / 7, 9), "beyond": round(6 / 7, 9)}


def test_lanes_and_routings(tmp_path: Path) -> None:
    """Two days by lane; of one and a half days half comes on the first and half on the second."""
    found = company(tmp_path, closed("PW 12", "W 13", "P 15"))
    friday = next(name for name, day in D.items() if day == FRIDAY)
    shipped = arrives(found, "ship", friday, item="A")
    assert {D[one].day for one in shipped} == {16}, "14 counts, 15 does not: P sends nothing; 16"
    made = arrives(found, "make", friday)
    assert {D[one].day: share for one, share in made.items()} == {12: 0.5, 13: 0.5}


def test_no_lead_time_needs_no_open_day(tmp_path: Path) -> None:
    offers = [{"offer": "o", "supplier": "N", "item": "A", "location": "P", "unit_cost": 1.0, "maximum": 1e5}]
    found = company(tmp_path, closed("- 9"), offers=offers)
    assert arrives(found, "buy", "D005") == {"D005": 1.0}
    assert arrives(found, "buy", "D006") == {"D006": 1.0}, "a Saturday"


def test_the_companys_week_is_of_the_settings(tmp_path: Path) -> None:
    six = WORKING + "[calendar]\nworking_days = 6\n"
    found = company(tmp_path, closed("- 12"), settings=six)
    (there,) = arrives(found, "buy", "D005", offer="o1")
    assert D[there].day == 14, "Saturday, Tuesday, Wednesday"


def test_calendar_days_unless_said_otherwise(tmp_path: Path) -> None:
    for n, settings in enumerate(
        ('[costs]\nper = "week"\n', '[costs]\nper = "week"\n[lead_time]\nin = "calendar days"\n')
    ):
        found = company(tmp_path / f"{n}", closed("- 12"), settings=settings)
        (there,) = arrives(found, "buy", "D005", offer="o1")
        assert D[there].day == 12
        said = [one for one in found.findings if one.table == "closures"]
        assert [(one.level, len(one.rows)) for one in said] == [("warn", 1)]


def test_a_plan_waits_for_the_holiday(tmp_path: Path) -> None:
    """A on order from Friday on: due on Wednesday it is served, with a holiday on Monday it is not."""
    tables = {
        "offers": [{"offer": "o", "supplier": "N", "item": "A", "location": "P", "unit_cost": 1.0, "lead_time_days": 3.0,
                    "maximum": 9.0, "valid_from": FRIDAY}],
        "forecast": [{"item": "A", "location": "P", "date": date(2026, 1, 14), "period": "", "quantity": 5.0, "price": 3.0}],
    }  # fmt: skip
    assert soe.plan(company(tmp_path / "a", **tables)).margin == pytest.approx(10.0)
    assert soe.plan(company(tmp_path / "b", closed("- 12"), **tables)).margin == pytest.approx(0.0)
    edited = soe.Scenario("closed").row("closures", what="N", date=date(2026, 1, 13))
    assert soe.plan(edited.apply(company(tmp_path / "c", **tables))).margin == pytest.approx(0.0)


def test_a_living_model_sees_a_closure(tmp_path: Path) -> None:
    found = company(tmp_path, closed("- 22"))
    alive = soe.Living(found)
    for day in (7, 8, 12, 13):
        after = soe.Scenario("x").row("closures", what="North", date=date(2026, 1, day)).apply(found)
        assert alive.plan(after).objective == pytest.approx(soe.plan(after).objective), day


def test_closures_of_nobody(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no supplier, lane or location"):
        company(tmp_path, closed("Nrth 12"))
    with pytest.raises(DataError, match="calendar days, working days"):
        company(tmp_path / "y", settings='[lead_time]\nin = "weeks"\n')
