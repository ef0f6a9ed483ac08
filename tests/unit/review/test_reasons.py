"""What the finance page adds: reasons, S&OP, the year; with nothing to say it says so."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

import soe_lib as soe
from soe_lib.review.finance import Finance
from soe_lib.review.finance_parts import Reasons
from soe_lib.review.tables import Table
from soe_lib.review.week import Week
from soe_lib.whatif.attribution import attribute
from tests.analytic.test_commitments import flour
from tests.reconcile.test_attribution import of_events, two_outages
from tests.unit.workbench.companies import mill


def test_the_shares_stand_beside_the_one_at_a_time_figures(tmp_path: Path) -> None:
    # by hand in tests/reconcile/test_attribution.py: −20 and −16; alone −10 and −6, last −30 and −26
    snapshot = two_outages(tmp_path)
    split = attribute(snapshot, of_events(snapshot))
    reasons = Reasons(Week.of(snapshot, soe.plan(snapshot)).knowing(split=split))
    chart, table = reasons.why
    assert isinstance(table, Table)
    assert table.frame.select("Disruption", "Its share, EUR", "Put in alone, EUR", "Taken out alone, EUR").rows() == [
        ("A", -20.0, -10.0, -30.0), ("B", -16.0, -6.0, -26.0), ("All together", -36.0, -16.0, -56.0),
    ]  # fmt: skip
    assert "do not add up because" in table.note
    assert "EUR −16.00" in table.note, "a true minus sign"
    assert "36" in chart.alt
    assert {
        "name": "The disruptions' shares add up to the move",
        "ok": True,
        "detail": "Residual 0.00.",
    } in reasons.checks
    steps = reasons.steps()[0]
    assert steps.select("kind", "driver", "amount").rows() == [
        ("start", "plan without them", 96.0), ("driver", "a", -20.0), ("driver", "b", -16.0),
        ("end", "this week's plan", 60.0),
    ]  # fmt: skip


def test_prices_show_what_is_not_kept_and_count_the_rest(tmp_path: Path) -> None:
    snapshot = flour(tmp_path, 42)
    plan = soe.plan(snapshot)
    prices = soe.whatif.commitment_prices(snapshot)
    finance = Finance(Week.of(snapshot, plan).knowing(commitments=prices.rows))
    ends, priced = finance.reasons.sop
    assert isinstance(ends, Table)
    assert isinstance(priced, Table)
    row = priced.frame.row(0, named=True)
    assert [row["Committed"], row["Best plan sells"], row["Could be sold"]] == pytest.approx([42, 32, 42])
    assert [row["Costs, EUR"], row["A unit, EUR"]] == pytest.approx([16.0, 1.6], abs=1e-6)
    assert ends.frame["The commitment"].to_list() == ["will fall short"]
    kept = Finance(Week.of(snapshot, plan).knowing(commitments=prices.rows.with_columns(committed=pl.lit(30.0))))
    assert kept.reasons.sop[1] == "Every commitment is kept by the plan as it is: keeping them costs nothing."


def test_with_nothing_to_say_it_says_so(tmp_path: Path) -> None:
    snapshot = mill(tmp_path)
    reasons = Reasons(Week.of(snapshot, soe.plan(snapshot)))
    assert reasons.why == ["The move is not split here: soe.whatif.why_moved(before, snapshot) does it."]
    assert reasons.sop[0] == "No month with a commitment ends within the horizon."
    assert reasons.sop[1] == "The commitments are not priced here: soe.whatif.commitment_prices(snapshot) does it."
    assert reasons.year == "Nobody has set a target for the year: give the table targets, or a budget."
    assert reasons.operating_table == "There is no earlier extract: no week has closed."
    assert reasons.checks == []
    made = [row for row in reasons.origins.frame.iter_rows() if row[0] == "Revenue"]
    assert made[0][3].startswith("orders.quantity, orders.price, forecast.quantity")
