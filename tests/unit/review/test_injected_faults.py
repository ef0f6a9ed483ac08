"""Faults put into a small demo company: the first decision names the right thing with the right money, which a plan made
from scratch confirms.
"""

from __future__ import annotations

from datetime import timedelta

import polars as pl
import pytest

import soe_lib as soe
from soe_lib.demo import generate
from soe_lib.extract.snapshot import Snapshot
from soe_lib.review.exceptions import Issue
from soe_lib.review.options import cost_of_events
from soe_lib.review.page import agenda
from soe_lib.review.week import Week
from soe_lib.whatif.scenario import parsed

EVENT = "edit 1"


@pytest.fixture(scope="module")
def calm(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    """A demo company of eight items in a week in which nothing has happened."""
    (folder,) = generate(tmp_path_factory.mktemp("faults") / "demo", 1, 8, 7)
    week = soe.read(folder)
    # The demo's own surprise is Marktland's promotion: without its orders nothing is above the forecast.
    orders = week["orders"].filter(pl.col("customer") != "Marktland")
    return week.replace(events=week["events"].clear(), orders=orders)


@pytest.fixture(scope="module")
def plan(calm: Snapshot) -> soe.Plan:
    """Its plan."""
    return soe.plan(calm)


def first_decision(hit: Snapshot) -> tuple[Issue, soe.Plan, pl.DataFrame]:
    """The first decision of the cover, the plan, and the options."""
    living = soe.Living(hit)
    week = Week(hit, living.base)
    week = week.knowing(prices=cost_of_events(week, living.plan))
    asked = agenda(week)
    return asked[0], living.base, soe.whatif.price_options(week, living.plan, asked[:1])


def test_a_line_that_is_out_is_the_first_decision(calm: Snapshot, plan: soe.Plan) -> None:
    lines = calm["resources"].filter(pl.col("kind") == "line")["resource"].implode()
    prices = plan.prices["hours"].filter(pl.col("resource").cast(pl.String).is_in(lines))
    line = str(prices.sort(["price", "resource"], descending=[True, False])["resource"][0])
    until = calm.as_of + timedelta(days=13)
    hit = soe.Scenario("out").event(kind="downtime", target=line, from_=calm.as_of, to=until).apply(calm)
    first, base, options = first_decision(hit)
    assert (first.kind, first.about["resource"]) == ("Line down", (line,))
    assert first.money == pytest.approx(plan.margin - base.margin, abs=0.05)
    _cold(options, hit, base)


def test_a_supplier_that_is_gone_is_the_first_decision(calm: Snapshot, plan: soe.Plan) -> None:
    spent = plan.flows["buy"].join(calm["offers"].select("offer", supplier="supplier", price="unit_cost"), on="offer")
    each = spent.group_by("supplier").agg(money=(pl.col("quantity") * pl.col("price")).sum())
    supplier = each.sort(["money", "supplier"], descending=[True, False])["supplier"][0]
    hit = soe.Scenario("gone").event(kind="supply_loss", target=supplier, factor=0.0).apply(calm)
    first, base, options = first_decision(hit)
    assert first.kind == "Supply lost"
    assert supplier in first.what
    assert first.money == pytest.approx(plan.margin - base.margin, abs=0.05)
    assert options["answer"].is_in(["sooner"]).any()
    _cold(options, hit, base)


def test_an_order_that_is_tripled_is_the_first_decision(calm: Snapshot) -> None:
    big = calm["orders"].sort(["quantity", "order"], descending=[True, False]).row(0, named=True)
    hit = soe.Scenario("tripled").scale("orders.quantity", 3.0, order=big["order"]).apply(calm)
    first, base, options = first_decision(hit)
    assert first.kind == "Orders above forecast"
    assert big["customer"] in first.ask
    assert big["order"] in first.about["orders"]
    # Declining what nobody forecast costs what it would have earned, and a plan from scratch says the same.
    declined = options.filter(pl.col("answer") == "partial")
    assert float(declined["margin"][0]) < 0
    _cold(declined, hit, base)


def _cold(options: pl.DataFrame, hit: Snapshot, base: soe.Plan) -> None:
    """The best option is what a plan made from scratch says it is."""
    if options.height:
        one = options.sort(["total", "option"], descending=[True, False]).row(0, named=True)
        again = soe.plan(parsed(one["scenario"]).apply(hit))
        assert one["margin"] == pytest.approx(again.margin - base.margin, abs=0.05)
