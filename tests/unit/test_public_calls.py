"""Wrong calls of the public functions: each is refused by what is wrong with it, and right ones stay as they are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from matplotlib.figure import Figure

import soe_lib as soe
from soe_lib.errors import DataError, FormulationError, PackError, SoeError, SolveError
from soe_lib.extract.snapshot import Snapshot
from soe_lib.model.terms import Part
from soe_lib.review.finance_parts import why_table
from tests.networks import snapshot, weeks


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    """A costs 2 to make, sells at 10 (20 a week wanted, 5 of them promised); line L has 12 hours a week, A takes one."""
    return snapshot(
        tmp_path_factory.mktemp("company"),
        periods=weeks(2),
        items=[{"item": "A", "family": "Soap", "standard_cost": 2}, {"item": "B", "family": "Soap", "standard_cost": 2}],
        resources=[{"resource": "L", "location": "P"}],
        calendar=[{"resource": "L", "period": f"W{n}", "hours": 12} for n in (1, 2)],
        routings=[{"routing": "RA", "item": "A", "location": "P", "cost_per_unit": 2},
                  {"routing": "RB", "item": "B", "location": "P", "cost_per_unit": 2}],
        operations=[{"routing": name, "step": "1", "resource": "L", "hours_per_unit": 1} for name in ("RA", "RB")],
        forecast=[{"item": "A", "location": "P", "period": f"W{n}", "quantity": 20, "price": 10, "committed": 5}
                  for n in (1, 2)],
    )  # fmt: skip


def test_a_share_is_not_a_percentage() -> None:
    with pytest.raises(DataError, match=r"from 0 to 1, not 98: write 0\.98 for 98 %"):
        soe.whatif.ServiceBelow(98)
    with pytest.raises(DataError, match=r"from 0 to 1, not -0\.5"):
        soe.whatif.ServiceBelow(-0.5)
    assert str(soe.whatif.ServiceBelow(0.98)) == "service falls below 98.0\u00a0%"


def test_demand_cannot_fall_by_more_than_all_of_it() -> None:
    with pytest.raises(DataError, match="at least −1, not -2"):
        soe.whatif.Demand(most=-2)


def test_an_unknown_family_is_named(company: Snapshot) -> None:
    with pytest.raises(DataError, match=r"family 'Soup'\. Did you mean Soap\?"):
        soe.whatif.breaking_point(company, soe.whatif.Downtime("L"), until=soe.whatif.MonthMissed("Soup"), most=1)


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "item": ({"item": "AA"}, r"no make of this plan has the item 'AA'\. Did you mean A\?"),
    "item unlike any": ({"item": "soap-17"}, r"has the item 'soap-17'\. It has A, B\."),
    "column": ({"itm": "A"}, r"make has no 'itm'\. Did you mean item\?"),
    "period": ({"item": "A", "period": "2027-W05"}, "lies outside the plan, which covers 2026-01-05 to 2026-01-18"),
    "word for a time": ({"item": "A", "period": "next week"}, "labels of time"),
    "together": ({"item": "A", "routing": "RB"}, "no make has all of them"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_forced_quantity_of_what_is_not_there_says_what_is_wrong(company: Snapshot, case: str) -> None:
    where, said = WRONG[case]
    with pytest.raises(DataError, match=said):
        soe.why_not(company, soe.blocks.Force("make", 3.0, **where))
    with pytest.raises(DataError, match=said):
        soe.plan(company, blocks=[soe.blocks.Force("make", 3.0, **where)])


@pytest.mark.parametrize("sense", ["==", ">="])
def test_an_impossible_amount_says_how_much_there_can_be(company: Snapshot, sense: Any) -> None:
    # 12 hours a week at one hour each; stock is free, so 12 of A can be made each week.
    asked = soe.blocks.Force("make", 50.0, sense=sense, item="A", period="W1")
    for call in (lambda: soe.why_not(company, asked), lambda: soe.plan(company, blocks=asked)):
        with pytest.raises(SolveError, match=r"of A, W1 is out of reach: at most 12\.00 are possible") as found:
            call()
        assert found.value.status == "infeasible"


def test_less_than_what_is_promised_says_how_much_it_takes(company: Snapshot) -> None:
    # 5 are promised in W1, and nothing is in stock.
    with pytest.raises(SolveError, match=r"is out of reach: at least 5\.00 are needed to keep all promises"):
        soe.why_not(company, soe.blocks.Force("make", 3.0, sense="<=", item="A", period="W1"))


def test_amounts_that_exclude_each_other_name_what_stands_against_them(company: Snapshot) -> None:
    # Each alone is possible, both take 14 of 12 hours.
    both = [soe.blocks.Force("make", 7.0, item=item, period="W1") for item in ("A", "B")]
    with pytest.raises(SolveError, match="cannot be kept together") as found:
        soe.plan(company, blocks=both)
    assert "locked by hand" in str(found.value)


def test_one_block_is_as_good_as_a_list_of_one(company: Snapshot) -> None:
    force = soe.blocks.Force("make", 6.0, item="A", period="W1")
    # 12 a week earn 8 each; 6 fewer in W1 cost 48.
    assert soe.why_not(company, force).margin == pytest.approx(-48.0)
    assert soe.why_not(company, [force]).margin == pytest.approx(-48.0)
    assert soe.plan(company, blocks=force).margin == pytest.approx(soe.plan(company, blocks=[force]).margin)
    assert soe.why_not(soe.Living(company), force).margin == pytest.approx(-48.0)
    assert soe.Living(company, blocks=force).base.margin == pytest.approx(144.0)


@pytest.mark.parametrize("given", [3, [3], [Part]], ids=["a number", "numbers", "a class"])
def test_what_is_no_block_is_refused(company: Snapshot, given: Any) -> None:
    with pytest.raises(FormulationError, match="is not a block"):
        soe.plan(company, blocks=given)


CALLS: dict[str, tuple[Callable[[Snapshot], object], str]] = {
    "plan": (lambda s: soe.plan("data/demo"), r"soe\.plan\(soe\.read\('data/demo'\)\)"),  # noqa: ARG005
    "plan of a path": (lambda s: soe.plan(Path("data")), r"soe\.plan\(soe\.read\('data'\)\)"),  # noqa: ARG005
    "model": (lambda s: soe.Model("data/demo"), r"soe\.Model takes a Snapshot"),  # noqa: ARG005
    "living": (lambda s: soe.Living("data/demo"), r"soe\.Living takes a Snapshot"),  # noqa: ARG005
    "conflict": (lambda s: soe.conflict("data/demo"), r"soe\.conflict takes a Snapshot"),  # noqa: ARG005
    "closed week": (lambda s: soe.money.closed_week("data/demo", s), r"soe\.money\.closed_week takes a Snapshot"),
    "capital": (lambda s: soe.money.working_capital(s, s), r"soe\.money\.working_capital takes a plan, not a Snapshot"),
    "bridge": (lambda s: soe.money.bridge(s, s), r"soe\.money\.bridge takes a plan, not a Snapshot"),
    "frame": (lambda s: soe.plan(s["items"]), r"soe\.plan takes a Snapshot, not a DataFrame"),
}  # fmt: skip


@pytest.mark.parametrize("call", CALLS)
def test_another_kind_of_thing_is_refused_with_the_call_that_gives_the_right_one(company: Snapshot, call: str) -> None:
    made, said = CALLS[call]
    with pytest.raises(DataError, match=said):
        made(company)


def test_where_a_signature_takes_other_kinds_too_nothing_is_refused_for_its_kind(tmp_path: Path) -> None:
    for place in (tmp_path, str(tmp_path)):
        with pytest.raises(SoeError) as found:
            soe.trace(place, account="freight")
        assert "takes a plan" not in str(found.value)
        assert "takes a Snapshot" not in str(found.value)


def test_what_cannot_be_shown_says_what_to_write_instead(company: Snapshot) -> None:
    for thing, said in (
        (company["items"], r"soe\.pack\.table\(frame"),
        (Figure(), r"soe\.pack\.figure\(figure"),
        (3, "a int"),
        (soe.money.cash_curve(soe.plan(company), company), r"\.table\(\)"),
    ):
        with pytest.raises(PackError, match=said):
            soe.show(thing)


def test_money_is_money_in_every_table(company: Snapshot) -> None:
    # 12 of A a week at 10 are sold: customers owe 240 at the end, where they pay in 30 days.
    terms = soe.money.working_capital(soe.plan(company), company)
    assert terms.schema["working_capital"] == pl.Float64


class Told:
    """A split of the margin whose disruption has an id with dashes."""

    start, end, residual, digits, method = -500, -700, 0, 2, "exact"
    how, why = "Exact.", "EV-2611-1 moves the margin by EUR −2.00 in 2026-11."

    def table(self) -> pl.DataFrame:
        row = {"disruption": "EV-2611-1", "amount": -2.0, "share": 1.0, "alone": -2.0, "last": -2.0, "steering": 0.0,
               "low": None, "high": None}  # fmt: skip
        return pl.DataFrame([row], schema_overrides={"low": pl.Float64, "high": pl.Float64})


def test_an_id_is_printed_as_it_can_be_searched_for() -> None:
    assert "EV-2611-1 moves the margin by EUR −2.00 in 2026-11." in why_table(Told(), "EUR").note
