"""Options of the tiny company: priced by planning again, with money that can be worked out by hand."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import polars as pl
import pytest

import soe_lib as soe
from soe_lib.errors import DataError
from soe_lib.extract.snapshot import Snapshot
from soe_lib.model.checks import read
from soe_lib.model.living import Living
from soe_lib.review import options
from soe_lib.review.exceptions.issue import Issue
from soe_lib.review.page import agenda
from soe_lib.review.week import Week
from soe_lib.whatif import answers
from soe_lib.whatif.answers import sooner
from soe_lib.whatif.commitments import curves
from soe_lib.whatif.scenario import parsed, text
from tests import networks
from tests.unit.review import tiny

OVERTIME = "Twice the overtime on L1, weeks 2 to 4"


@pytest.fixture(scope="module")
def living(this: Snapshot) -> Living:
    """The tiny company's living model."""
    return soe.Living(this)


@pytest.fixture(scope="module")
def priced(living: Living, this: Snapshot) -> pl.DataFrame:
    """Its options."""
    week = Week(this, living.base)
    return soe.whatif.price_options(week, living.plan, agenda(week))


def row(priced: pl.DataFrame, key: str, option: str) -> dict[str, object]:
    """One option of one exception."""
    (found,) = priced.filter(pl.col("key").str.starts_with(key), pl.col("option") == option).to_dicts()
    return found


def test_more_overtime_earns_what_the_hand_says(priced: pl.DataFrame) -> None:
    found = row(priced, "Late receipt", OVERTIME)
    # 10 cups more in weeks 3 and 4: 20 × (10 − 1 − 1.5); 10 more come a week late at 0.50.
    assert found["margin"] == pytest.approx(20 * 7.5 - 5)
    # 20 fewer are lost, 10 more are late.
    assert found["waits"] == pytest.approx(-10)
    assert (found["verdict"], found["paid"]) == (options.BETTER, True)
    # 10 cups each in two weeks; the plan makes 30 in the first week and 60 in each of the others.
    assert found["churn"] == pytest.approx(20 / 210)


def test_what_is_worse_is_said_to_be_worse(priced: pl.DataFrame) -> None:
    refused = row(priced, "Overtime", "Approve no overtime")
    # 30 cups are lost: revenue 300, saved 30 × (1 + 1.5), and 10 each come one and two weeks late no more.
    assert refused["margin"] == pytest.approx(-300 + 75 + 5 + 10)
    assert refused["verdict"] == options.WORSE
    assert refused["note"] == "Worse than doing nothing."
    declined = row(priced, "Orders above forecast", "Decline the 90 units of B")
    # 60 were to be sold: half made at 2, half in overtime at 2.50; lateness 20 × 0.5 + 20 × 1 falls away.
    assert declined["margin"] == pytest.approx(-600 + 60 + 75 + 30)


def test_each_figure_is_that_of_a_plan_made_from_scratch(
    priced: pl.DataFrame, this: Snapshot, solved: soe.Plan
) -> None:
    for one in priced.iter_rows(named=True):
        cold = soe.plan(parsed(one["scenario"]).apply(this))
        assert one["margin"] == pytest.approx(cold.margin - solved.margin, abs=0.01)
        assert one["total"] == pytest.approx(cold.objective - solved.objective, abs=0.01)


def test_an_answer_that_changes_nothing_is_not_offered(priced: pl.DataFrame) -> None:
    # The belt tore in a week in which lids, not hours, are short: repairing it sooner gains nothing.
    assert not priced["option"].str.starts_with("Repair").any()


def test_options_stand_under_their_decision(priced: pl.DataFrame, this: Snapshot, living: Living) -> None:
    week = Week(this, living.base).knowing(options=priced)
    asked = agenda(week)
    shown = [line for issue in asked for line in options.as_shown(priced, issue, "EUR")]
    assert {"option": OVERTIME, "margin": "EUR\u00a0+145", "service": "10 fewer wait"}.items() <= shown[0].items()
    table = options.table(priced, asked, "EUR")
    assert not isinstance(table, str)
    assert table.frame["Option"].to_list() == [line["option"] for line in shown]
    assert options.table(priced.clear(), asked, "EUR") != ""


def test_a_new_kind_of_answer_is_one_function(this: Snapshot, living: Living, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "_KNOWN", dict(answers._KNOWN))
    week = Week(this, living.base)
    issue = agenda(week)[0]
    before = answers.answers_to(week, issue)

    @answers.answer
    def cheaper(situation: Week, issue: Issue) -> Iterator[answers.Option]:  # noqa: ARG001
        yield answers.Option(soe.Scenario("Ask for less").scale("offers.unit_cost", 0.9), paid=False)

    (found,) = set(answers.answers_to(week, issue)) - set(before)
    assert (found.answer, found.scenario.name, found.paid) == ("cheaper", "Ask for less", False)


def test_why_not_forces_the_alternative_and_shows_money_before_small_change(living: Living, this: Snapshot) -> None:
    forced = [soe.blocks.Force("make", 20.0, item="cup", period="2026-W02")]
    found = soe.why_not(living, forced)
    cold = soe.plan(this, blocks=forced)
    assert found.total == pytest.approx(cold.objective - living.base.objective, abs=0.01)
    assert found.total < 0
    made = found.alternative.flows["make"].join(this.periods.select("period", "week"), on="period")
    assert float(made.filter(pl.col("week") == "2026-W02")["quantity"].sum()) == pytest.approx(20.0)
    money = found.moves["money"].abs().round(2).to_list()
    assert money == sorted(money, reverse=True)
    assert found.accounts["change"].abs().round(2).is_sorted(descending=True)
    cash = found.accounts.filter(pl.col("account") != "below safety")
    assert float(cash["change"].sum()) == pytest.approx(found.margin, abs=0.01)
    assert "it costs EUR" in found.verdict


def test_why_not_of_an_edit_answers_from_either_source(living: Living, this: Snapshot) -> None:
    none = soe.Scenario("no overtime").set("calendar.overtime_hours", 0.0)
    assert soe.why_not(living, none).margin == pytest.approx(-210.0)
    assert soe.why_not(this, none).margin == pytest.approx(-210.0)


def test_only_what_the_plan_decides_can_be_forced() -> None:
    with pytest.raises(DataError, match="lock one of make, buy"):
        soe.blocks.Force("stock", 1.0, item="cup")


def with_overrides(folder: Path, **rows: str) -> Snapshot:
    """The tiny company with overrides of the first week's production."""
    table = [
        {"override": name, "what": what, "quantity": 20.0, "by": "Ann", "why": "trial", "until": None}
        for name, what in rows.items()
    ]
    networks.write(folder, tiny.SETTINGS, **tiny.tables(), overrides=table)
    return read(folder)


def test_a_lock_binds_and_its_price_is_what_comes_back_without_it(tmp_path: Path, solved: soe.Plan) -> None:
    held = with_overrides(tmp_path, OV1="make item=cup & period=2026-W02", OV2="please be careful")
    alive = soe.Living(held)
    hands = soe.whatif.price_manual(alive)
    assert hands["name"].to_list() == ["OV1", "OV2"] or hands["name"].to_list() == ["OV2", "OV1"]
    price = hands.filter(pl.col("name") == "OV1").row(0, named=True)
    assert price["money"] == pytest.approx(solved.objective - alive.base.objective, abs=0.01)
    assert price["money"] > 1
    remark = hands.filter(pl.col("name") == "OV2").row(0, named=True)
    assert remark["money"] is None
    assert "no effect" in remark["note"]


def test_the_price_of_priorities_is_what_margin_would_earn_more(tmp_path: Path, solved: soe.Plan) -> None:
    networks.write(tmp_path, tiny.SETTINGS + '[objective]\nallocation = "priority"\n', **tiny.tables())
    alive = soe.Living(read(tmp_path))
    hands = soe.whatif.price_manual(alive).filter(pl.col("kind") == "priority")
    assert hands["money"].to_list() == pytest.approx([solved.objective - alive.base.objective], abs=0.01)


def test_a_new_row_survives_the_file_and_is_told(this: Snapshot) -> None:
    offered = soe.Scenario("swap").row("substitutions", item="cup", substitute="lid", ratio=1.0)
    assert parsed(text(offered)) == offered
    assert offered.apply(this)["substitutions"].height == this["substitutions"].height + 1
    assert offered.touched(this)["after"].to_list() == ["added"]


def test_hours_that_earn_nothing_have_no_step_curve(living: Living) -> None:
    found = curves(living)
    assert found
    for curve in found:
        assert curve.total >= 1.0
        row = {"resource": curve.labels["resource"], "period": curve.labels["period"]}
        more = soe.Scenario("more").add_to("calendar.hours", 8.0, **row)
        again = living.plan(more.apply(living.home.snapshot))
        assert curve.total == pytest.approx(again.objective - living.base.objective, abs=0.01)


@pytest.mark.parametrize(
    ("first", "last", "said", "left"),
    [
        (0, 2, "Repair line 1 day sooner", (1, 16.0)),  # Monday to Wednesday, 24 h: over on Tuesday
        (0, 6, "Repair line 4 days sooner", (2, 14.4)),  # a week with five working days: over on Wednesday
        (-7, 1, "Repair line 1 day sooner", (0, 20.571428571)),  # what is over is over: Monday is left, six of seven
        (1, 1, "Repair line 12 hours sooner", (1, 12.0)),  # a stop of a day stays on it
        (0, None, "Repair line 12 hours sooner", (None, 12.0)),
    ],
)
def test_a_stop_that_is_repaired_sooner_ends_sooner(
    tmp_path: Path, first: int, last: int | None, said: str, left: tuple[int | None, float]
) -> None:
    day = lambda number: None if number is None else networks.MONDAY + timedelta(days=number)  # noqa: E731
    stop = {"event": "E", "kind": "downtime", "target": "line", "from": day(first), "to": day(last), "hours": 24}
    hours = [{"resource": "line", "period": f"2026-W{n:02d}", "hours": 80} for n in (2, 3)]
    line = {"resources": [{"resource": "line", "location": "P"}], "calendar": hours}
    asked = {"item": "A", "location": "P", "period": "2026-W02", "quantity": 1, "price": 1}
    offer = {"offer": "O", "supplier": "S", "item": "A", "location": "P", "unit_cost": 1}
    tables = {**line, "events": [stop], "forecast": [asked], "offers": [offer]}
    week = networks.snapshot(tmp_path, "[horizon]\nweeks = 2\n", **tables)
    (option,) = sooner(SimpleNamespace(snapshot=week), SimpleNamespace(about={"event": ("E",)}))  # type: ignore[arg-type]
    changed = option.scenario.apply(week)["events"].row(0, named=True)
    assert (option.scenario.name, changed["to"]) == (said, day(left[0]))
    assert changed["hours"] == pytest.approx(left[1])
