"""Pages: computed headlines, scores and checks; tables and charts that the pack can show; notebooks without logic."""

from __future__ import annotations

import ast
import json
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from soe_lib.extract.snapshot import Snapshot
from soe_lib.pack import display
from soe_lib.review import balance, charts, demand, frames, plans_compared, supply, tables
from soe_lib.review.finance import Finance
from soe_lib.review.plans_compared import at_standard, compared_days, without_cost
from soe_lib.review.week import Week
from soe_lib.store.plan import Plan

NOTEBOOKS = Path(__file__).resolve().parents[3] / "notebooks"
REVIEWS = ("demand_review", "supply_review", "balance", "finance_review")


def test_the_balance_says_what_is_earned_and_who_waits(week: Week) -> None:
    page = balance.page(week)
    assert page.headline == (
        "The plan earns EUR\u00a01,535 of margin over 4 weeks and serves 72.0\u00a0% of demand on time. 40 units come late "
        "and 30 are never served; EUR\u00a0700 of revenue waits."
    )
    scores = {score.name: score for score in page.scores}
    assert scores["Service on time"].value == pytest.approx(180 / 250)
    assert scores["Service on time"].state == "act"
    assert scores["Fill rate by units"].value == pytest.approx(220 / 250)
    assert scores["OTIF of open orders, planned"].value == pytest.approx(1 / 2)
    assert scores["Churn of the production plan"].value is None
    assert all(check["ok"] for check in page.checks)
    assert len(page.checks) == 3


def test_service_is_compared_with_the_plan_of_record_over_the_same_weeks(this: Snapshot, solved: Plan) -> None:
    sell = solved.flows["sell"].with_columns(
        pl.when(pl.col("due") == "2026-W05").then(0.0).otherwise("quantity").alias("quantity")
    )
    short = solved.flows["short"].with_columns(
        pl.when(pl.col("due") == "2026-W05").then(40.0).otherwise("quantity").alias("quantity")
    )
    worse = Plan(
        **{f: getattr(solved, f) for f in solved.__dataclass_fields__}
        | {"flows": {**solved.flows, "sell": sell, "short": short}}
    )
    scores = {score.name: score for score in balance.page(Week(this, solved, worse)).scores}
    # 180 of 250 against 140 of 250.
    assert scores["Service on time"].delta == "+16.0 points over the same weeks"


def test_a_ledger_that_does_not_tie_fails_the_check(this: Snapshot, solved: Plan) -> None:
    wrong = {field: getattr(solved, field) for field in solved.__dataclass_fields__}
    wrong["solution"] = {**solved.solution, "objective": solved.objective + 0.02}
    page = balance.page(Week(this, Plan(**wrong)))
    assert page.checks[0]["ok"] is False


def test_demand_and_supply_name_their_worst(week: Week) -> None:
    assert demand.page(week).headline == (
        "B ordered 90 units of Hot more than forecast for week 3. Hot is heading outside the S&OP tolerance, from Jan "
        "2026 on."
    )
    page = supply.page(week)
    assert page.headline.startswith(
        "Lid from Kobe comes 7 days late: up to 30 units never served and 40 units late of Blue cup."
    )
    assert {score.name: score.state for score in page.scores}["Schedule attainment"] == "unknown"
    assert [issue.kind for issue in page.asked] == ["Late receipt", "Overtime"]


def test_decisions_are_few_material_and_publishable(week: Week) -> None:
    for page in (demand.page(week), supply.page(week), balance.page(week), Finance(week).page):
        assert len(page.asked) <= 5
        assert all(issue.certain and issue.money >= 0.5 for issue in page.asked)
        assert display.document(**page.summary)["page"] == page.name


def test_finance_ties_out_and_bridges_from_the_plan_of_record(this: Snapshot, solved: Plan, tmp_path: Path) -> None:
    half = {name: frame for name, frame in solved.flows.items() if name != "sell"}
    sold = solved.flows["sell"].with_columns(
        pl.when(pl.col("order") == "O2").then(0.0).otherwise("quantity").alias("quantity")
    )
    record = Plan(
        **{f: getattr(solved, f) for f in solved.__dataclass_fields__}
        | {"name": "last plan", "flows": {**half, "sell": sold}}
    )
    finance = Finance(Week(this, solved, record))
    assert finance.bridge is not None
    assert finance.bridge.residual == 0
    # 60 cups more at 10 − 4, and 30 of lateness.
    assert finance.bridge.end - finance.bridge.start == pytest.approx((60 * 6 - 30) * 100, abs=1)
    assert all(check["ok"] for check in finance.page.checks)
    sheets = finance.workbook(tmp_path)
    assert {path.stem for path in (tmp_path / "finance").glob("*.parquet")} == set(sheets)
    assert sheets["ledger"]["amount"].sum() == pytest.approx(solved.margin + solved.steering, abs=0.01)
    assert sheets["statement"].filter(pl.col("account") == "margin")["amount total"].item() == pytest.approx(
        solved.margin, abs=0.005
    )
    assert finance.workbook("").keys() == sheets.keys()


def test_without_a_plan_of_record_finance_says_so(this: Snapshot, solved: Plan) -> None:
    finance = Finance(Week(this.replace(consensus=this["consensus"].clear()), solved))
    assert finance.bridge is None
    assert finance.page.headline == (
        "The plan earns EUR\u00a01,535 of margin; there is no plan of record to compare it with."
    )
    assert finance.bridge_table == "There is no plan of record to compare with."
    assert "No bridge" in finance.bridge_chart.title


def test_the_sop_plan_is_held_against_the_plan_at_standard_cost(week: Week) -> None:
    finance = Finance(week)
    assert finance.sop_bridge is not None
    # 220 cups at 10 − 4, less 30 of lateness and 15 of overtime premium.
    assert finance.sop_bridge.end == ((220 * 6 - 30 - 15) * 100)
    assert finance.headline.startswith("Margin at standard cost is EUR\u00a0")
    assert "above the S&OP plan" in finance.headline
    assert {row["name"] for row in finance.checks} >= {
        "The bridge from the S&OP plan to this week's plan leaves no residual"
    }


def test_at_standard_cost_timing_is_left_out(this: Snapshot, solved: Plan) -> None:
    read = at_standard(solved, this["items"])
    accounts = read.ledger.accounts()
    assert accounts["standard cost of sales"] == pytest.approx(-220 * 4.0)
    assert not {"material", "conversion"} & set(accounts)
    assert compared_days(solved, solved) == (date(2026, 1, 5), date(2026, 2, 1))


def test_what_has_no_standard_cost_is_counted_not_silently_free(this: Snapshot, solved: Plan, week: Week) -> None:
    blank = this.replace(items=this["items"].with_columns(standard_cost=pl.lit(None, pl.Float64)))
    sold = solved.flows["sell"].filter(pl.col("quantity") != 0)
    found = without_cost(solved, blank["items"])
    assert found["quantity"].sum() == pytest.approx(220)
    assert found["item"].to_list() == sold["item"].cast(pl.String).unique().sort().to_list()
    assert without_cost(solved, this["items"]).is_empty()
    told = plans_compared.others(Week(blank, solved, None)).assumptions
    assert any("220 units sold) cost nothing in margins at standard cost" in text for text in told)
    assert not any("cost nothing" in text for text in plans_compared.others(week).assumptions)


def every_table(week: Week) -> list[tables.Table | str]:
    """Every table of the pages."""
    snapshot, currency, finance = week.snapshot, week.currency, Finance(week)
    page = supply.page(week)
    return [
        page.decisions, page.exceptions, tables.outlook(week.outlook),
        tables.orders_at_risk(week.orders_at_risk, currency), tables.item_gaps(week.missed, currency),
        tables.late_receipts(week.late_receipts, currency), tables.events(week.events, week.prices, currency),
        tables.service(week.customers, currency, what="Customer"), tables.unforecast(week.unforecast, currency),
        tables.forecast_errors(week.errors), tables.changed_plan(week.changed_plan),
        tables.changed_events(frames.changed_events(snapshot, snapshot)),
        tables.changed_receipts(frames.changed_receipts(snapshot, snapshot)),
        tables.changed_orders(frames.changed_orders(snapshot, None)),
        tables.changed_forecast(frames.changed_inputs(snapshot, snapshot)),
        tables.adherence(frames.made_against_plan(snapshot, week.plan)), tables.thin_stock(week.thin, currency),
        tables.idle_stock(finance.idle, currency), finance.statement_table, finance.month_table, finance.bridge_table, finance.side_table, finance.sop_table,
    ]  # fmt: skip


def test_every_table_can_be_shown_and_is_escaped(week: Week) -> None:
    payload = "<script>alert(1)</script>"
    hostile = week.snapshot.replace(items=week.snapshot["items"].with_columns(description=pl.lit(payload)))
    shown = [table for table in every_table(Week(hostile, week.plan)) if isinstance(table, tables.Table)]
    assert len(shown) >= 18
    for table in shown:
        html = display.table_html(
            table.frame, table.caption, formats=table.formats, note=table.note, strong=table.strong
        )
        assert "<script" not in html


def test_show_takes_charts_tables_and_texts(week: Week, monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[dict[str, Any]] = []
    monkeypatch.setattr("IPython.display.display", lambda data, **_: shown.append(data))
    display.show("5 < 6 & <b>", charts.service(week.priorities), tables.outlook(week.outlook))
    assert shown[0]["text/html"] == '<p class="finding">5 &lt; 6 &amp; &lt;b&gt;</p>'
    assert set(shown[1]) == {"image/png", "text/plain"}
    assert shown[2]["text/html"].startswith("<table")


@pytest.mark.parametrize("name", REVIEWS)
def test_a_review_notebook_has_no_logic_no_outputs_and_typed_parameters(name: str) -> None:
    book = json.loads((NOTEBOOKS / f"{name}.ipynb").read_text(encoding="utf-8"))
    cells = [cell for cell in book["cells"] if cell["cell_type"] == "code"]
    assert book["metadata"]["soe"]["page"] is True
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in cells)
    for cell in cells:
        assert len(cell["source"]) <= 12
        banned = (ast.FunctionDef, ast.Lambda, ast.ClassDef, ast.For, ast.While, ast.If, ast.comprehension)
        assert not [node for node in ast.walk(ast.parse("".join(cell["source"]))) if isinstance(node, banned)]
    tagged = [cell for cell in cells if "parameters" in cell["metadata"].get("tags", [])]
    assert len(tagged) == 1
    nodes = ast.parse("".join(tagged[0]["source"])).body
    assert [node.target.id for node in nodes if isinstance(node, ast.AnnAssign)] == [
        "data",
        "as_of",
        "results",
        "store",
    ]
    assert all("  # " in line for line in tagged[0]["source"])
    assert "soe.publish(" in "".join(cells[-1]["source"])


@pytest.mark.parametrize("name", REVIEWS)
def test_prose_holds_no_figures(name: str) -> None:
    book = json.loads((NOTEBOOKS / f"{name}.ipynb").read_text(encoding="utf-8"))
    prose = "".join("".join(cell["source"]) for cell in book["cells"] if cell["cell_type"] == "markdown")
    assert not [letter for letter in prose if letter.isdigit()]


@pytest.mark.parametrize("name", REVIEWS)
def test_every_anchor_of_a_decision_is_a_heading_of_its_page(name: str, week: Week) -> None:
    from soe_lib.review import exceptions, words

    book = json.loads((NOTEBOOKS / f"{name}.ipynb").read_text(encoding="utf-8"))
    lines = [line for cell in book["cells"] if cell["cell_type"] == "markdown" for line in cell["source"]]
    headings = {words.anchor(line.lstrip("#")) for line in lines if line.startswith("#")}
    assert {issue.anchor for issue in exceptions.find(week) if issue.page == name} <= headings
