from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from soe_lib.errors import PackError
from soe_lib.pack import cover, display, sanitize
from tests.unit.pack.conftest import make_snapshot
from tests.unit.pack.live import PAYLOADS, live
from tests.unit.pack.test_render import TEMPLATES, frame

PLAN = {"status": "optimal", "gap": 0.0, "seconds": 3.21, "solver": "HiGHS 1.15", "margin": 70.5}


def said(*decisions: dict[str, Any], **given: Any) -> dict[str, Any]:
    whole = {"page": "balance", "title": "Balance", "headline": "it balances", "decisions": decisions} | given
    return display.document(**whole)


def asked(title: str, money: float | None, **given: Any) -> dict[str, Any]:
    return {"title": title, "money": money} | given


def made(*pages: dict[str, Any], checks: tuple[dict[str, Any], ...] = (), plan: Any = PLAN) -> cover.Cover:
    return cover.compose(make_snapshot(), pages, plan, checks)


def test_decisions_stand_by_money_at_most_five_and_say_how_many_more() -> None:
    money = [10.0, -90.0, None, 30.0, 20.0, 40.0, 5.0]
    content = made(said(*(asked(f"d{worth}", worth) for worth in money)))
    assert [item["title"] for item in content.decisions] == ["d-90.0", "d40.0", "d30.0", "d20.0", "d10.0"]
    assert content.further == 2
    assert content.stake == 195.0
    assert content.headline == "7 decisions, EUR\u00a0195 at stake"


def test_money_of_several_currencies_is_not_added() -> None:
    content = made(said(asked("a", 1.0, currency="EUR"), asked("b", 1.0, currency="USD")))
    assert content.stake is None
    assert content.headline == "2 decisions are asked for"
    assert made(said()).headline == "No decision is asked for this week"


def test_the_standfirst_is_the_finding_of_the_page_with_the_margin_and_the_first_deadline() -> None:
    demand = said(page="demand_review", headline="orders run high")
    balance = said(
        asked("a", 1.0, deadline="2026-11-20"),
        asked("b", 9.0, deadline="2026-11-17"),
        scores=[{"name": "Margin of the plan", "value": 70.5, "unit": "EUR"}],
    )
    content = made(demand, balance)
    assert content.standfirst == "It balances. The first decision is due Tue 17 Nov."
    assert [score["shown"] for score in content.margins] == ["EUR\u00a070"]


def test_trust_is_counted_not_claimed() -> None:
    checks = ({"name": "a", "ok": True, "detail": ""}, {"name": "b", "ok": False, "detail": ""})
    facts = {fact.name: fact for fact in made(said(), checks=checks).trust}
    assert facts["Checks"].text == "1 of 2 passed"
    assert facts["Checks"].state == "act"
    assert facts["Plan"].text == "proven optimal"
    assert facts["Gap to the best possible"].text == "0.00\u00a0%"
    assert facts["Solver"].text == "HiGHS 1.15, 3.2 s"
    assert facts["Findings"].text == "1 finding"
    assert facts["Inputs"].text == "f" * 12
    assert {fact.name for fact in made(said(), plan={}).trust}.isdisjoint({"Plan", "Solver"})
    assert made(said(), plan=PLAN | {"gap": 3e-6}).trust[1].text == "below 0.01\u00a0%"


def test_what_could_not_be_proven_in_time_stands_on_the_cover_and_on_the_page() -> None:
    short = PLAN | {"status": "feasible", "objective": 160_000.0, "bound": 161_234.0, "gap": 0.0077, "seconds": 120.2}
    page = said() | {"proof": "Of 3 plans that were made again, 3 keep the set-up pattern."}
    content = made(page, plan=short)
    fact = next(fact for fact in content.proof if fact.name == "Plan")
    assert fact.state == "watch"
    assert fact.brief.replace("\u00a0", " ") == "Plan proven to within 0.77 % (EUR 1,234) in 120 s"
    assert page["proof"] in content.assumptions
    told = cover.proof(short, page, "EUR").replace("\u00a0", " ")
    assert told.startswith("This week's plan is proven to within 0.77 % (EUR 1,234) in 120 s")
    assert told.endswith(page["proof"])
    assert cover.proof(PLAN, said(), "EUR") == ""


def test_findings_and_assumptions_are_listed() -> None:
    content = made(said(assumptions=["Rain or shine.", "Prices are list prices."]))
    assert content.assumptions == ("Prices are list prices.", "Rain or shine.")
    assert content.findings[0].level == "warn"
    assert content.findings[0].text.startswith("orders.csv rows 18 and 2 more: 3 orders are late.")


def test_a_plan_of_other_inputs_is_refused(tmp_path: Path) -> None:
    (tmp_path / "plan").mkdir()
    told = {"fingerprint": "a" * 16, "solution": {"status": "optimal", "gap": float("inf")}}
    (tmp_path / "plan" / "plan.json").write_text(json.dumps(told))
    with pytest.raises(PackError, match="made from other inputs"):
        cover.plan_facts(tmp_path, "f" * 16)
    facts = cover.plan_facts(tmp_path, "a" * 16)
    assert facts["status"] == "optimal"
    assert facts["gap"] is None
    assert cover.plan_facts(tmp_path / "nowhere", "a") == {}


def test_the_summary_for_the_archive() -> None:
    scores = [
        {"name": "Service, on time", "value": 0.96, "unit": "%", "state": "watch"},
        {"name": "OTIF", "value": 1.0, "unit": "%", "state": "good"},
    ]
    told = cover.summary([said(asked("a", 1.0), scores=scores)], PLAN)
    assert told["margin"] == 70.5
    assert told["service"] == {"value": 0.96, "shown": "96.0\u00a0%"}
    assert told["state"] == "watch"
    assert told["decisions"] == 1


def test_the_cover_page_links_to_the_section_of_the_options(tmp_path: Path) -> None:
    content = made(said(asked("Run line 1", 58.0, anchor="Line-load", doing_nothing="7 orders ship late.")))
    html = cover.page(content, frame(), templates=TEMPLATES)
    assert '<a href="balance.html#Line-load">See the figures</a>' in html
    assert "7 orders ship late." in html
    assert sanitize.read(html).faults == []
    (tmp_path / "index.html").write_text(html)
    (tmp_path / "balance.html").write_text(html)
    assert "has no such section" in sanitize.faults(tmp_path)[0]


def test_options_show_what_steers_in_a_column_of_its_own_where_it_moves() -> None:
    """Expected shortage is no goodwill: it has its own column, which is there only where an option moves it."""
    plain = {"option": "Overtime", "margin": "EUR +10", "goodwill": "EUR 0"}
    for more, heads in (
        ({}, ["Margin", "Goodwill"]),
        ({"shortage": "EUR −7"}, ["Margin", "Goodwill", "Expected shortage"]),
        ({"shortage": "EUR −7", "other": "EUR +2"}, ["Margin", "Goodwill", "Expected shortage", "Other steering"]),
    ):
        page = said(asked("Run line 1", 58.0, options=[plain | more, plain]))
        html = cover.page(made(page), frame(), templates=TEMPLATES)
        table = html[html.index('<table class="data options">') :].split("</table>")[0]
        assert re.findall(r'<th scope="col" class="number">([^<]+)</th>', table)[: len(heads)] == heads
        counts = [len(re.findall("<t[hd]", one)) for one in table.split("<tr>")[1:]]
        assert counts == [len(heads) + 4] * 3, "each row has a cell a column"


@pytest.mark.parametrize("payload", PAYLOADS)
def test_nothing_on_the_cover_is_alive(payload: str) -> None:
    decision = asked(payload, 1.0, why=payload, owner=payload, service=payload, doing_nothing=payload, anchor=payload)
    score = {"name": f"Margin {payload}", "text": payload, "delta": payload, "shown": payload, "unit": payload}
    page = said(decision, title=payload, headline=payload, scores=[score], assumptions=[payload])
    html = cover.page(made(page), frame(company=payload, currency=payload), templates=TEMPLATES)
    assert live(html) == []
    assert sanitize.read(html).faults == []
