"""Companies unlike the demo: their past is lived again, or it is said why not."""

from __future__ import annotations

from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner

from soe_lib.cli import main
from soe_lib.errors import DataError
from soe_lib.replay.company import past, safety_stocks
from soe_lib.replay.loop import live
from soe_lib.replay.measures import summary
from soe_lib.replay.page import replay_page
from soe_lib.replay.planners import Optimiser
from soe_lib.replay.run import AS_IT_IS, planners
from tests.unit.replay.companies import Company

PLAIN = Company()
BOUGHT = Company(items=("Only one",), hours=None, currency="JPY", ahead=7, price=1200.0)
COMPANIES = {
    "plain": PLAIN,
    "renamed items": Company(items=("Große Dose / 5 l", "«B» & <C>", "item"), hours=200.0),
    "one item, bought, in another currency": BOUGHT,
    "days": Company(by_date=True),
    "own weeks": Company(own_weeks=True),
    "orders": Company(
        extra={"orders": [{"order": "SO-1", "item": "A", "location": "D", "customer": "Key", "due_on": "2026-01-14", "quantity": 5.0}]}
    ),
    "versions": Company(
        extra={"forecast_errors": [{"item": "A", "location": "D", "probability": p, "quantity": q} for p, q in ((0.1, -5.0), (0.9, 6.0))]}
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", COMPANIES)
def test_every_company_is_lived_by_every_planner_and_has_a_page(kind: str, tmp_path: Path) -> None:
    company = COMPANIES[kind]
    truth = past(company.write(tmp_path))
    assert truth.weeks == company.weeks
    results = []
    for name, planner in planners(safety_stocks(tmp_path, truth.start)).items():
        results.append({"name": name, **summary(live(truth, planner, name))})
        asked = pl.DataFrame(results[-1]["weeks"])["demand"]
        assert asked.to_list() == pytest.approx([len(company.items) * company.total] * company.weeks)
        assert results[-1]["share"] <= 1.0 + 1e-9
    assert results[0]["share"] > 0.9
    page = replay_page(results, company=truth.real.company, currency=company.currency, truth=truth)
    HTMLParser().feed(page)
    assert company.currency in page
    assert "nan" not in page.lower().split("base64")[0]


@pytest.mark.parametrize("company", [PLAIN, BOUGHT], ids=["made and sent", "bought"])
def test_with_a_perfect_forecast_and_no_event_the_plan_earns_all_but_the_end_of_the_horizon(
    company: Company, tmp_path: Path
) -> None:
    truth = past(company.write(tmp_path))
    assert 0.995 <= live(truth, Optimiser(cushion="never"), AS_IT_IS).share <= 1.0 + 1e-9


def test_a_gap_leaves_the_longest_stretch_and_says_so(tmp_path: Path) -> None:
    truth = past(replace(PLAIN, weeks=5, left=(2,)).write(tmp_path))
    assert (str(truth.start), truth.weeks) == ("2026-01-26", 2)
    assert truth.findings == (
        "1 week has no extract before 2026-01-26; the replay covers the weeks from 2026-01-26 to 2026-02-09.",
    )
    page = replay_page(
        [{"name": AS_IT_IS, **summary(live(truth, lambda _: {}))}], company="Tiny", currency="EUR", truth=truth
    )
    assert truth.findings[0] in page


def test_a_gap_that_leaves_too_few_weeks_says_how_many_there_are(tmp_path: Path) -> None:
    home = replace(PLAIN, weeks=5, left=(2,)).write(tmp_path)
    with pytest.raises(DataError, match="no 4 weeks in a row to replay, 2 at most: 1 week has no extract before"):
        past(home, 4)


def test_an_extract_that_fails_its_check_in_the_middle_is_named_with_its_first_finding(tmp_path: Path) -> None:
    home = replace(PLAIN, weeks=5).write(tmp_path)
    broken = home / "2026-01-12" / "forecast.csv"
    pl.read_csv(broken).with_columns(quantity=pl.lit(-1.0)).write_csv(broken)
    truth = past(home)
    assert (str(truth.start), truth.weeks) == ("2026-01-19", 3)
    [said] = truth.findings
    assert said.startswith("The extract of 2026-01-12 does not pass its check: ")
    assert "forecast.csv" in said
    shown = CliRunner().invoke(main, ["replay", "--data", str(home), "--weeks", "5", "--out", str(tmp_path / "out")])
    assert shown.exit_code == 1
    assert "no 5 weeks in a row to replay, 3 at most: the extract of 2026-01-12 does not pass" in shown.output


def test_periods_longer_than_a_week_stop(tmp_path: Path) -> None:
    home = replace(PLAIN, own_weeks=True).write(tmp_path)
    for file in home.glob("*/periods.csv"):
        rows = pl.read_csv(file, try_parse_dates=True)
        joined = rows.with_columns(ends_on=pl.col("ends_on") + pl.duration(days=1)).head(1)
        later = rows.slice(1).with_columns(pl.col("starts_on", "ends_on") + pl.duration(days=1))
        pl.concat([joined, later]).write_csv(file)
    with pytest.raises(DataError, match="cross the end of a week, first W1: a replay works in weeks"):
        past(home)


@pytest.mark.parametrize("table", ["expansions", "maintenance"])
def test_what_is_left_out_is_named_only_where_the_company_has_it(table: str, tmp_path: Path) -> None:
    rows = {
        "expansions": [{"expansion": "E", "resource": "L", "hours": 8.0, "cost": 100.0}],
        "maintenance": [{"maintenance": "M", "resource": "L", "hours": 8.0}],
    }[table]
    assert past(PLAIN.write(tmp_path / "without")).findings == ()
    [said] = past(replace(PLAIN, extra={table: rows}).write(tmp_path / "with")).findings
    assert said.startswith("1 ")
    assert f"({table}.csv) are left out" in said


@pytest.mark.parametrize("asked", [{"in_full": "yes"}, {"most_deliveries": 1}])
def test_a_replay_stops_where_customers_take_orders_whole(asked: dict[str, object], tmp_path: Path) -> None:
    customers = [{"customer": "Key", **asked}, {"customer": "Spot"}]
    with pytest.raises(
        DataError, match="does not model in_full and most_deliveries, which 1 customers require, first 'Key'"
    ):
        past(replace(PLAIN, extra={"customers": customers}).write(tmp_path))


def test_a_replay_stops_where_lines_change_over_between_families(tmp_path: Path) -> None:
    items = [{"item": name, "unit": "case", "family": name, "price": 10.0} for name in PLAIN.items]
    changes = [
        {"from_family": "A", "to_family": "B", "hours": 1.0},
        {"from_family": "B", "to_family": "A", "hours": 1.0},
    ]
    with pytest.raises(DataError, match="cannot carry out the 2 rows of changeovers"):
        past(replace(PLAIN, extra={"items": items, "changeovers": changes}).write(tmp_path))


def test_a_replay_stops_where_goods_under_way_bring_their_age(tmp_path: Path) -> None:
    row = {"receipt": "T", "kind": "ship", "item": "A", "location": "D", "due_on": "2026-01-06", "quantity": 5.0}
    with pytest.raises(DataError, match="1 receipts of 2026-01-05 have an expires_on, first 'T'"):
        past(replace(PLAIN, extra={"receipts": [{**row, "expires_on": "2026-02-01"}]}).write(tmp_path))
