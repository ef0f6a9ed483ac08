"""The workbench's questions: each answers by call and on the page, with figures worked out by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

import soe_lib as soe
from soe_lib.review.tables import Table
from soe_lib.workbench.explorer import Explorer, Runner
from soe_lib.workbench.questions import QUESTIONS, SERVICE, Questions, breaks, changes, peg
from tests.unit.workbench.companies import mill, network


@pytest.fixture
def page(tmp_path: Path) -> Questions:
    return Questions(Explorer(mill(tmp_path)), Runner(lambda _: None, lambda: None))


def test_the_mill_breaks_on_the_second_day(tmp_path: Path) -> None:
    """Ten hours in five days, eight needed: a day less leaves eight, two days leave six and two units come late."""
    explorer = Explorer(mill(tmp_path))
    asked = {"change": "line is down, days", "until": SERVICE, "level": 99.0}
    said = str(breaks(explorer, asked)[0])
    assert said.startswith("Line down: from 2 days on, service falls below 99.0")
    assert "at 1 day it still holds" in said
    # Two of sixteen units come late.
    assert "on time 87.5" in said
    assert {"Flour sells more, share", "Flour sells less, share"} <= set(changes(explorer))


def test_each_question_is_answered_on_the_page(page: Questions) -> None:
    for number, question in enumerate(QUESTIONS):
        page.question.value = number
        assert set(page.fields) == set(question.fields(page.explorer))
        page.ask.click()
        assert not page.ask.disabled
        if question.title.startswith("Which changes"):
            assert "There is no plan of record" in page.answer.value
            assert 'role="alert"' in page.answer.value
        else:
            assert 'role="alert"' not in page.answer.value, question.title


def test_stability_is_asked_beside_a_record(tmp_path: Path) -> None:
    snapshot = network(tmp_path)
    record = soe.plan(soe.Scenario("less").scale("forecast.quantity", 0.8).apply(snapshot))
    page = Questions(Explorer(snapshot, record=record), Runner(lambda _: None, lambda: None))
    page.question.value = 3
    page.fields["price"].value = 1e6
    page.ask.click()
    assert "Cheapest stable plan" in page.answer.value
    assert "churn 0.0" in page.answer.value.replace("\u00a0", " "), "at a million a unit nothing is worth moving"


def test_what_serves_an_order_is_asked_by_its_number() -> None:
    order = {"order": "SO-1", "item": "tea", "location": "market", "customer": "shop", "quantity": 5.0}
    asked = soe.Scenario("an order").row("orders", **order, due_on="2026-01-20")
    here = asked.apply(soe.read("notebooks/guide/leaf_and_bean"))
    table, rivals = peg(Explorer(here), {"order": "SO-1"})
    assert isinstance(table, Table)
    assert table.frame["What"].to_list()[0] == "Shipment"
    assert isinstance(rivals, (Table, str))
