"""soe replay: a company's past, its page, and going on after a kill."""

from __future__ import annotations

import json
from datetime import date, timedelta
from html.parser import HTMLParser
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner

from soe_lib.cli import main
from soe_lib.demo import generate
from soe_lib.errors import DataError
from soe_lib.model.checks import read
from soe_lib.replay import run
from soe_lib.replay.company import past, safety_stocks
from soe_lib.replay.loop import live
from soe_lib.replay.measures import parts, weeks
from soe_lib.replay.planners import BaseStock
from soe_lib.replay.truth import Truth

SIZE = {"items": 4, "plants": 1, "lines": 2, "warehouses": 1, "customer_classes": 2}


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("company")
    generate(home, weeks=4, seed=3, **SIZE)
    return home


@pytest.fixture(scope="module")
def truth(company: Path) -> Truth:
    return past(company)


def test_demand_of_a_past_is_what_the_next_extract_says_was_sold(company: Path, truth: Truth) -> None:
    days = sorted(date.fromisoformat(folder.name) for folder in company.iterdir() if folder.is_dir())
    for number, day in enumerate(days[:-1]):
        actuals = read(company, days[number + 1])["actuals"]
        week = actuals.filter(pl.col("measure") == "sales", pl.col("date").is_between(day, day + timedelta(days=6)))
        label = day.strftime("%G-W%V")
        lived = truth.real["forecast"].filter(pl.col("period") == label)
        assert lived["quantity"].sum() == pytest.approx(week["quantity"].sum())
        assert week["quantity"].sum() > 0


def test_forecasts_of_a_past_are_those_of_each_monday(company: Path, truth: Truth) -> None:
    for day in {truth.monday(week) for week in range(truth.weeks)}:
        mine = truth.published.filter(pl.col("published_on") == day)
        extract = read(company, day)
        asked = extract["forecast"].filter(pl.col("version") == "current")["quantity"].sum()
        assert mine["quantity"].sum() >= asked * 0.99  # orders beyond the forecast come on top
        assert mine["date"].min() == day


def test_extracts_before_the_first_week_tell_how_forecasts_came_true(company: Path, truth: Truth) -> None:
    newest = past(company, 1)
    assert newest.start == truth.monday(truth.weeks - 1)
    before = newest.published.filter(pl.col("published_on") < newest.start)
    assert set(before["published_on"].unique()) >= {truth.monday(week) for week in range(truth.weeks - 1)}
    assert newest.past["actuals"]["date"].min() <= truth.past["actuals"]["date"].min()
    assert newest.past["actuals"]["date"].max() < newest.start
    assert not newest.past["actuals"].is_duplicated().any()


def test_parts_and_weeks_add_up_to_the_whole(company: Path, truth: Truth) -> None:
    done = live(truth, BaseStock(safety_stocks(company, truth.start)))
    table = weeks(done)
    asked = truth.real["forecast"].filter(pl.col("period").is_in(table["period"].implode()))["quantity"].sum()
    assert table["demand"].sum() == pytest.approx(asked)
    booked = done.ledger.lines.filter(pl.col("period").is_in(table["period"].implode()))["amount"].sum()
    costs = truth.real["items"].select("item", "standard_cost")
    own = truth.physics.nodes.select(pl.col("item").cast(pl.String)).join(costs, on="item", maintain_order="left")
    chosen = [done.state.x * (truth.physics.period < week) for week in (0, truth.weeks)]
    units = [(truth.physics.stock @ x).reshape(own.height, -1).sum(axis=1) for x in chosen]
    moved = float((own["standard_cost"].fill_null(0.0).to_numpy() * (units[1] - units[0])).sum())
    assert parts(done)["money"].sum() == pytest.approx(booked + moved)


def test_a_perfect_forecast_is_what_came(truth: Truth) -> None:
    perfect = run.without(truth, "forecast")
    week = perfect.published.filter(pl.col("published_on") == truth.monday(1), pl.col("date") == truth.monday(2))
    came = truth.real["forecast"].filter(pl.col("period") == truth.monday(2).strftime("%G-W%V"))
    assert week["quantity"].sum() == came["quantity"].sum() > 0


def test_without_bias_each_family_is_forecast_as_it_came_on_the_whole(truth: Truth) -> None:
    straight = run.without(truth, "bias").published.join(truth.real["items"].select("item", "family"), on="item")
    end = truth.monday(truth.weeks)
    mine = straight.filter(pl.col("published_on") >= truth.start, pl.col("date") < end)
    came = truth.real["forecast"].with_columns(date=(pl.col("period") + "-1").str.to_date("%G-W%V-%u"))
    lines = ["item", "location", "customer", "date"]
    both = (
        mine.join(came.select(*lines, came="quantity"), on=lines, how="left")
        .group_by("family")
        .agg(pl.col("quantity").sum(), pl.col("came").fill_null(0.0).sum())
    )
    assert (both["quantity"] - both["came"]).abs().max() < 1e-6 * both["came"].max()


def test_without_events_nothing_stops_and_nothing_is_late(truth: Truth) -> None:
    calm = run.without(truth, "events")
    assert calm.events.is_empty()
    assert calm.real["calendar"].equals(truth.promised["calendar"])


def test_the_command_writes_a_page_and_a_second_run_plans_nothing(
    company: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    call = ["replay", "--data", str(company), "--weeks", "2", "--out", str(out), "--no-causes"]
    first = CliRunner().invoke(main, call)
    assert first.exit_code == 0, first.output
    page = (out / "index.html").read_text(encoding="utf-8")
    HTMLParser().feed(page)
    assert page.count("<img alt=") == 7
    assert "http" not in page.replace("http-equiv", "")
    results = json.loads((out / "replay.json").read_text(encoding="utf-8"))
    assert [one["name"] for one in results] == [run.AS_IT_IS, run.CUSHION, run.TYPED, run.RULE]
    assert all(one["share"] <= 1.0 + 1e-9 for one in results)
    monkeypatch.setattr(run, "pool_of", None)
    again = CliRunner().invoke(main, call)
    assert again.exit_code == 0, again.output
    assert json.loads((out / "replay.json").read_text(encoding="utf-8")) == results


@pytest.mark.parametrize(
    ("what", "says"),
    [
        ("one", "needs two or more"),
        ("gap", "1 week has no extract before"),
        ("silent", "have no demand or sales"),
    ],
)
def test_a_folder_without_a_past_says_what_is_missing(tmp_path: Path, what: str, says: str) -> None:
    generate(tmp_path, weeks=1 if what == "one" else 3 if what == "gap" else 2, seed=3, **SIZE)
    folders = sorted(tmp_path.iterdir())
    if what == "gap":
        for file in folders[1].iterdir():
            file.unlink()
        folders[1].rmdir()
    if what == "silent":
        for folder in folders:
            actuals = pl.read_csv(folder / "actuals.csv", infer_schema_length=None)
            actuals.filter(pl.col("measure") != "sales").write_csv(folder / "actuals.csv")
            settings = (folder / "settings.toml").read_text(encoding="utf-8").split("[control]")[0]
            (folder / "settings.toml").write_text(settings, encoding="utf-8")
    with pytest.raises(DataError, match=says):
        past(tmp_path)
