"""A scenario that was handed to the pack is an option of the exception that it names, and of no other."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

from soe_lib.whatif.answers import by_hand, registered
from soe_lib.whatif.scenario import Scenario, shelf
from tests.unit.workbench.companies import mill


def test_it_answers_the_exception_that_it_names(tmp_path: Path) -> None:
    snapshot = mill(tmp_path / "company" / "2026-01-05")
    file = shelf(snapshot)
    Scenario("by hand", answers="Overtime: line").scale("forecast.price", 2.0).save(tmp_path / "company" / file.name)
    Scenario("not handed on").scale("forecast.price", 3.0).save(tmp_path / "company" / file.name)
    situation = SimpleNamespace(snapshot=snapshot)
    (option,) = by_hand(situation, SimpleNamespace(key="OVERTIME: line 1"))  # type: ignore[arg-type]
    assert option.scenario.name == "by hand"
    assert not list(by_hand(situation, SimpleNamespace(key="Late supply: PO-1")))  # type: ignore[arg-type]
    assert next(iter(registered())) == "by_hand", "the pack plans a few options only, and this one was asked for"
