"""Objects show themselves in a notebook: figures a reader can read, text that cannot break the page."""

from __future__ import annotations

import re
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner

import soe_lib as soe
from soe_lib.cli import main
from soe_lib.display import ROWS, html
from soe_lib.extract.schema import schema
from soe_lib.review.week import Week

STEEL = Path(__file__).parents[1] / "published" / "ampl_steelT"


@pytest.fixture(scope="module")
def snapshot() -> soe.Snapshot:
    return soe.read(STEEL)


@pytest.fixture(scope="module")
def plan(snapshot: soe.Snapshot) -> soe.Plan:
    return soe.plan(snapshot)


def cells(page: str) -> list[str]:
    return re.findall(r"<td[^>]*>([^<]*)</td>", page)


def test_numbers_are_plain_and_text_is_escaped() -> None:
    frame = pl.DataFrame(
        {"<b>": ["a & b", None], "money": [2_543_700.0, -0.004], "n": [12_345, 1], "ok": [True, False]}
    )
    page = html("x < y\nz", frame)
    assert "x &lt; y<br>z" in page
    assert "<b>" not in page
    assert cells(page) == ["a &amp; b", "2,543,700.00", "12,345", "yes", "", "0.00", "1", "no"]


def test_long_tables_are_counted() -> None:
    page = html("all", pl.DataFrame({"n": range(ROWS + 5)}))
    assert page.count("<tr>") == ROWS + 1
    assert "5 more rows" in page


def test_every_object_shows_its_figures(snapshot: soe.Snapshot, plan: soe.Plan) -> None:
    accounts = [f"{amount:,.2f}" for amount in plan.ledger.accounts().values()]
    for shown in (plan, plan.ledger):
        assert [cell for cell in cells(shown._repr_html_()) if cell in accounts] == accounts
    assert f"{snapshot['items'].height:,}" in cells(snapshot._repr_html_())
    less = soe.Scenario("less").scale("forecast.quantity", 0.5)
    assert len(cells(less._repr_html_())) == 1
    walk = soe.money.bridge(plan, soe.plan(less.apply(snapshot)))
    amounts = [float(cell.replace(",", "")) for cell in cells(walk._repr_html_())[1::2]]
    assert sum(amounts[:-1]) == pytest.approx(amounts[-1], abs=0.011)
    week = Week.of(snapshot, plan, None)
    assert len(cells(week._repr_html_())) == 3 * len(week.issues)


def test_a_flow_reads_as_a_table(plan: soe.Plan) -> None:
    made = plan["make"]
    assert {"week", "period", "item", "quantity", "unit"} <= set(made.columns)
    assert made["quantity"].sum() == pytest.approx(plan.flows["make"]["quantity"].sum())
    assert plan["make"].to_pandas().shape == made.shape
    assert plan._ipython_key_completions_() == sorted(plan.flows)
    with pytest.raises(KeyError, match="Did you mean make"):
        plan["mkae"]


@pytest.mark.parametrize("flow", ["make", "sell", "stock", "open", "leave"])
def test_every_flow_reads_as_a_table(plan: soe.Plan, flow: str) -> None:
    assert plan[flow].height == plan.flow(flow).height


def test_the_contract_is_printed() -> None:
    runner = CliRunner()
    every = runner.invoke(main, ["schema"]).output
    assert all(f"  {name}" in every for name in schema())
    one = runner.invoke(main, ["schema", "items"]).output
    assert all(column.meaning.split()[0] in one and f"  {column.name} (" in one for column in schema()["items"].columns)
    assert "Conventions" in runner.invoke(main, ["schema", "conventions"]).output
    wrong = runner.invoke(main, ["schema", "itmes"])
    assert wrong.exit_code == 1
    assert "Did you mean items" in wrong.output
