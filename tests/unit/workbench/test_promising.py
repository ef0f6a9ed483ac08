"""The tab that promises: it answers as the function does, holds a list, keeps, and says what cannot be meant."""

from __future__ import annotations

from pathlib import Path

import pytest

from soe_lib.store.promised import promises
from soe_lib.whatif.promises import promise
from soe_lib.workbench.explorer import Explorer, Runner
from soe_lib.workbench.page import TITLES, Workbench
from soe_lib.workbench.promising import FOUND, Promising
from tests.unit.workbench.companies import mill


@pytest.fixture
def page(tmp_path: Path) -> Promising:
    """10 hours in the first week, 10 and 4 of overtime in the second: 10 are there when the first ends, then 24."""
    explorer = Explorer(mill(tmp_path / "data"))
    made = Promising(explorer, Runner(lambda _: None), tmp_path / "plans")
    for name, value in {"item": "A", "quantity": 12.0, "customer": "Aldi", "date": "2026-01-05"}.items():
        made.fields[name].value = value
    return made


def test_the_answer_is_that_of_the_function(page: Promising) -> None:
    page.ask.click()
    (shown,) = page.answers
    (called,) = promise(page.explorer.living, page.order)
    assert shown.as_dict() == called.as_dict()
    assert f"{shown.earliest}" == "2026-01-16"
    assert "12 each on 2026-01-16, from stock, receipts and runs that nobody was promised (ATP)" in page.answer.value
    assert "what can be there by when" in page.answer.value
    assert not page.keep.disabled


def test_what_is_not_known_is_said_with_the_nearest_and_the_page_goes_on(page: Promising) -> None:
    page.fields["item"].value = "a"
    page.ask.click()
    assert "There is no item &#x27;a&#x27;. Did you mean A?" in page.said.value
    assert (page.ask.disabled, page.keep.disabled) == (False, True)
    page.fields["item"].value = "A"
    page.fields["price"].value = "dear"
    page.ask.click()
    assert "The price of order 1 must be a number" in page.said.value


def test_a_list_is_answered_in_turn(page: Promising) -> None:
    page.fields["order"].value = "N1"
    page.another.click()
    page.fields["order"].value = "N2"
    assert "<li>item A, quantity 12.0, customer Aldi, date 2026-01-05, order N1</li>" in page.list.value
    page.ask.click()
    assert [(one.ask.order, f"{one.earliest}") for one in page.answers] == [("N1", "2026-01-16"), ("N2", "2026-01-16")]
    page.clear.click()
    assert page.list.value == ""
    page.ask.click()
    assert len(page.answers) == 1


def test_what_is_kept_is_held_by_the_next_answer(page: Promising, tmp_path: Path) -> None:
    page.fields["quantity"].value = 10.0
    page.ask.click()
    assert f"{page.answers[0].earliest}" == "2026-01-09"
    page.keep.click()
    assert "1 delivery kept in" in page.said.value
    assert page.keep.disabled, "once is enough"
    assert promises(tmp_path / "plans")["quantity"].to_list() == [10.0]
    page.ask.click()
    assert f"{page.answers[0].earliest}" == "2026-01-16", "the first week is promised"
    page.fields["quantity"].value = 15.0
    page.ask.click()
    assert page.keep.disabled, "14 are left: nothing is promised"


def test_names_of_the_data_stay_text(tmp_path: Path) -> None:
    name = "<b>Aldi</b>"
    made = Promising(Explorer(mill(tmp_path / "data", customer=name)), Runner(lambda _: None), tmp_path / "plans")
    for field, value in {"item": "A", "quantity": 12.0, "customer": name, "date": "2026-01-05"}.items():
        made.fields[field].value = value
    made.ask.click()
    assert name not in made.answer.value
    assert "&lt;b&gt;Aldi&lt;/b&gt;" in made.answer.value


def test_it_is_a_tab_of_the_workbench(tmp_path: Path) -> None:
    bench = Workbench(Explorer(mill(tmp_path / "data")), store=tmp_path / "plans")
    assert bench.tabs.children[TITLES.index("Promise")] is bench.promising
    assert bench.promising.fields["location"].value == FOUND
