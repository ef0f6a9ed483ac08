"""The cushion against answers by hand: the newsvendor's stock, who is short first, and what it must not touch."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from scipy.stats import norm

import soe_lib as soe
from soe_lib.extract.snapshot import Snapshot
from soe_lib.model import reach, risk
from soe_lib.model.network import Network
from soe_lib.money.ledger import in_order
from soe_lib.review import frames, options
from soe_lib.review.week import Week
from soe_lib.uncertainty.slices import WEIGHTS, normal_slices
from soe_lib.whatif.options import against
from tests.networks import days, snapshot, weeks

ROOT = Path(__file__).parents[2]
SETTINGS = '[costs]\nper = "week"\n[limits]\nper = "period"\n[cushion]\nuse = "with a record"\n'
STEPS = [(n + 0.5) / 10 for n in range(10)]


def errors(item: str = "A", location: str = "P", scale: float = 30.0) -> list[dict[str, Any]]:
    """Ten quantiles of a normal error."""
    return [
        {"item": item, "location": location, "probability": at, "quantity": scale * float(norm.ppf(at))} for at in STEPS
    ]


def company(tmp_path: Path, *, holding: float = 1.0, price: float = 10.0, **more: Any) -> Snapshot:
    """One item, bought at 4 at once, 100 a week for four weeks; what is not served is lost."""
    tables: dict[str, Any] = {
        "periods": weeks(4),
        "items": [
            {
                "item": "A",
                "unit": "each",
                "standard_cost": 4.0,
                "end_value": 4.0,
                "holding_cost": holding,
                "price": price,
            }
        ],
        "forecast": [{"item": "A", "location": "P", "period": f"W{n}", "quantity": 100.0} for n in (1, 2, 3, 4)],
        "offers": [{"offer": "O", "supplier": "S", "item": "A", "location": "P", "unit_cost": 4.0}],
        "forecast_errors": errors(),
        **more,
    }
    settings = tables.pop("settings", SETTINGS)
    return snapshot(tmp_path, settings, **{name: rows for name, rows in tables.items() if rows})


def stock(plan: soe.Plan, item: str = "A") -> list[float]:
    return plan.flows["stock"].filter(pl.col("item") == item).sort("period")["quantity"].to_list()


@pytest.mark.parametrize(("holding", "price"), [(1.0, 10.0), (0.1, 10.0), (4.0, 6.0), (1.0, 4.0), (2.0, 40.0)])
def test_the_stock_is_the_newsvendors(tmp_path: Path, holding: float, price: float) -> None:
    """A unit held costs `holding`, a unit lost price − 4 (once a week): the stock is at the critical fractile."""
    plan = soe.plan(company(tmp_path, holding=holding, price=price), record=None)
    lost = price - 4.0
    # Tier n is filled while the chance of needing it, times both costs, is worth more than holding it.
    levels = [30.0 * float(norm.ppf(at)) for at in STEPS]
    worth = [lost > 1e-9 and (holding + lost) * (10 - n) / 10 > holding for n in range(10)]
    expected = max([level for level, filled in zip(levels, worth, strict=True) if filled and level > 0], default=0.0)
    assert stock(plan) == pytest.approx([expected] * 4)
    cost = sum(max(level - expected, 0.0) for level in levels) * (holding + lost) / 10 * 4
    booked = float(plan.ledger.lines.filter(pl.col("account") == "expected shortage")["amount"].sum()) if lost else 0.0
    assert booked == pytest.approx(-cost if lost else 0.0)


def test_its_cost_is_steering_and_margin_ties(tmp_path: Path) -> None:
    plan = soe.plan(company(tmp_path), record=None)
    assert plan.objective == pytest.approx(plan.margin + plan.steering)
    assert plan.steering == pytest.approx(plan.ledger.accounts()["expected shortage"])
    assert "expected shortage" in soe.Model(company(tmp_path / "again")).formulation()


def test_the_formulation_says_what_a_tier_is_and_costs(tmp_path: Path) -> None:
    """Five of the ten quantiles are above 0, in each of four weeks: five tiers of eight have a width, the upper ones are
    less likely and cheaper."""
    said = soe.Model(company(tmp_path)).formulation()
    levels = [30.0 * float(norm.ppf(at)) for at in STEPS[5:]]
    widths = np.diff(levels, prepend=0.0)
    lines = [" ".join(line.split()) for line in said[said.index("Cushion()") :].splitlines()]
    assert any(
        line.startswith("choose below_cushion(item, location, period, tier) 32 × [unit] >= 0, some at most")
        and f"at most {min(widths):.2f} to {max(widths):.2f}: units of a tier of the cushion" in line
        for line in lines
    )
    assert any(
        line.startswith("hold cushion(item, location, period) 4 × [unit]: −below_cushion −stock <= −level")
        for line in lines
    )
    # The lowest tier is asked for in five of ten cases, the highest in one; a unit short costs 1 + 6.
    (money,) = [line for line in lines if line.startswith("money expected shortage [steering]")]
    assert "chance that it is asked for (−3.50 to −0.7) per below_cushion" in money
    tiers = frames.cushion_tiers(company(tmp_path / "again")).filter(pl.col("period") == "W2")
    assert tiers["tier"].to_list() == ["001", "002", "003", "004", "005"]
    for name, hand in (
        ("level", levels),
        ("width", widths),
        ("price", [3.5, 2.8, 2.1, 1.4, 0.7]),
        ("holding", [1.0] * 5),
    ):
        assert tiers[name].to_list() == pytest.approx(list(hand)), name


def test_a_notebook_shows_the_program_and_the_tiers_of_the_cushion(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    book = json.loads((ROOT / "notebooks" / "program.ipynb").read_text(encoding="utf-8"))
    cells = ["".join(cell["source"]) for cell in book["cells"] if cell["cell_type"] == "code"]
    assert not any(cell.get("outputs") for cell in book["cells"])
    made, space, said = company(tmp_path), {}, []
    monkeypatch.setattr(soe, "read", lambda *_: made, raising=False)
    monkeypatch.setattr("builtins.print", lambda text: said.append(text))
    for source in cells[:-2]:
        exec(source, space)
    assert "below_cushion(item, location, period, tier)" in said[0]
    shown = [eval(source, space) for source in cells[-2:]]  # noqa: S307
    assert shown[0].equals(frames.cushion_tiers(made))
    assert shown[1]["target"].to_list() == frames.targets(made)["target"].to_list()


def test_expected_shortage_is_told_apart_from_goodwill(tmp_path: Path) -> None:
    """No stock may be held where 10 were: nobody is let down, the holding of 10 is saved, and more may be short."""
    limit = [{"item": "A", "location": "P", "maximum_stock": 10.0}]
    made = company(tmp_path, policies=limit)
    none = soe.Scenario("no room").set("policies.maximum_stock", 0.0, item="A")
    levels = [30.0 * float(norm.ppf(at)) for at in STEPS]
    # Four weeks; of each of the upper five levels up to 10 units less are there, at (1 + 6) ÷ 10 each.
    short = -4 * sum(min(level, 10.0) for level in levels if level > 0) * 7.0 / 10
    found = soe.why_not(made, none, record=None)
    assert (found.margin, found.goodwill, found.other) == pytest.approx((40.0, 0.0, 0.0))
    assert found.shortage == pytest.approx(short)
    assert found.total == pytest.approx(40.0 + short)
    assert "of margin and EUR −" in found.verdict.replace("\N{NO-BREAK SPACE}", " ")
    assert "of expected shortage)" in found.verdict
    base = soe.plan(made, record=None)
    told = against(Week(made, base), none.apply(made), soe.plan(none.apply(made), record=None))
    assert (told["margin"], told["goodwill"], told["shortage"]) == pytest.approx((40.0, 0.0, short))
    assert told["total"] == pytest.approx(40.0 + short)
    row = {"option": "no room", "verdict": options.WORSE, "note": "", **told, "churn": None}
    shown = options.shown(row, "EUR")
    assert shown["goodwill"] == "EUR\N{NO-BREAK SPACE}0"
    assert shown["other"] == ""
    assert shown["shortage"].endswith(f"{-short:.0f}")


def test_accounts_of_steering_come_after_cash_and_stock() -> None:
    given = ["expected shortage", "revenue", "disruption", "end value", "my own account", "goodwill", "holding"]
    said = ["revenue", "holding", "my own account", "end value", "goodwill", "expected shortage", "disruption"]
    assert in_order(given) == said


def test_off_by_a_setting_and_without_a_record(tmp_path: Path) -> None:
    off = soe.plan(company(tmp_path / "off", settings=SETTINGS.replace("with a record", "never")), record=None)
    without = soe.plan(company(tmp_path / "without", forecast_errors=[]), record=None)
    assert "below_cushion" not in off.flows
    assert "below_cushion" not in without.flows
    assert stock(off) == stock(without) == pytest.approx([0.0] * 4)


def test_always_takes_the_stated_default(tmp_path: Path) -> None:
    settings = SETTINGS.replace("with a record", "always") + "error = 0.5\n"
    plan = soe.plan(company(tmp_path, settings=settings, forecast_errors=[]), record=None)
    # A slice is filled while the chance that demand lies in it or above is worth more than holding it: (1 + 6) p > 1.
    above = 1.0 - np.cumsum(WEIGHTS) + WEIGHTS
    # One week of error; from the second week on the interval (a week's review, no lead time) is the same.
    assert stock(plan) == pytest.approx([0.5 * 100 * float(normal_slices()[7.0 * above > 1.0][-1])] * 4)


def test_whoever_loses_least_is_short_first(tmp_path: Path) -> None:
    """Two customers in equal parts: the first 50 of a shortage cost 1 each, what is beyond 20 more."""
    customers = [{"customer": "cheap", "short_cost": 1.0}, {"customer": "dear", "short_cost": 21.0}]
    lines = [
        {"item": "A", "location": "P", "customer": one["customer"], "period": f"W{n}", "quantity": 50.0, "price": 4.0}
        for n in (1, 2, 3, 4)
        for one in customers
    ]
    made = company(tmp_path, customers=customers, forecast=lines, forecast_errors=errors(scale=60.0))
    found = risk.curves(Network(made)).select("rank", "first", "rate")
    assert found.rows() == [(0, True, pytest.approx(1 / 7)), (2, False, pytest.approx(20 / 7))]
    plan = soe.plan(made, record=None)
    levels = [60.0 * float(norm.ppf(at)) for at in STEPS]
    steps = sorted([(level, 2.0) for level in levels] + [(level - 50.0, 20.0) for level in levels])
    held = max(
        (level for level, _ in steps if level > 0 and sum(cost for other, cost in steps if other >= level) / 10 > 1.0),
        default=0.0,
    )
    assert stock(plan) == pytest.approx([held] * 4)


@pytest.mark.parametrize(("first", "last"), [("1", "2"), ("1", None), ("7", "9")])
def test_the_last_priority_is_short_first_whatever_it_loses(tmp_path: Path, first: str, last: str | None) -> None:
    """The first 50 of a surprise hit the dear customer, who is served last; only what is beyond hits the cheap one."""
    customers = [
        {"customer": "cheap", "priority": first, "short_cost": 1.0},
        {"customer": "dear", "priority": last, "short_cost": 21.0},
    ]
    lines = [
        {"item": "A", "location": "P", "customer": one["customer"], "period": f"W{n}", "quantity": 50.0, "price": 4.0}
        for n in (1, 2, 3, 4)
        for one in customers
    ]
    levels = [60.0 * float(norm.ppf(at)) for at in STEPS]

    def slope(at: float) -> float:
        """Expected cost of a unit less than `at`: chance × (holding + what the customer who is hit then loses)."""
        beyond = [error - at for error in levels if error >= at]
        return sum(1.0 + (21.0 if short < 50.0 else 1.0) for short in beyond) / 10

    corners = sorted({level for level in levels if level > 0} | {level - 50.0 for level in levels if level > 50.0})
    held = max((at for at in corners if slope(at) > 1.0), default=0.0)
    found = []
    for order in (1, -1):
        made = company(
            tmp_path / str(order),
            customers=customers[::order],
            forecast=lines[::order],
            forecast_errors=errors(scale=60.0),
        )
        rates = risk.curves(Network(made)).select("rank", "first", "rate")
        assert rates.rows() == [(0, True, pytest.approx(21 / 7)), (2, False, pytest.approx(-20 / 7))]
        prices = risk.steps(Network(made)).sort("period", "tier").group_by("period", maintain_order=True).agg("price")
        assert all(list(row) == sorted(row, reverse=True) for row in prices["price"])
        found.append(stock(soe.plan(made, record=None)))
    assert found == [pytest.approx([held] * 4)] * 2


def test_components_are_protected_over_their_longer_lead_time(tmp_path: Path) -> None:
    """Two units of R go into A; R takes three weeks, or one at a premium of 2."""
    tables: dict[str, Any] = {
        "items": [
            {"item": "A", "unit": "each", "standard_cost": 4.0, "end_value": 2.0, "holding_cost": 1.0, "price": 10.0},
            {"item": "R", "unit": "each", "standard_cost": 1.0, "end_value": 1.0, "holding_cost": 0.1},
        ],
        "routings": [{"routing": "M", "item": "A", "location": "P", "lead_time_days": 0}],
        "components": [{"routing": "M", "component": "R", "quantity": 2.0}],
        "offers": [
            {
                "offer": "slow",
                "supplier": "S",
                "item": "R",
                "location": "P",
                "unit_cost": 1.0,
                "lead_time_days": 21,
                "expedite": False,
            },
            {
                "offer": "fast",
                "supplier": "S",
                "item": "R",
                "location": "P",
                "unit_cost": 3.0,
                "lead_time_days": 7,
                "expedite": True,
            },
        ],
        "inventory": [{"item": "R", "location": "P", "on_hand": 600.0}],
        "forecast_errors": [],
        "settings": SETTINGS.replace("with a record", "always"),
    }
    network = Network(company(tmp_path, **tables))
    fed = reach.usage(network).select(pl.col("item", "of_item").cast(pl.String), "per_unit")
    assert fed.rows() == [("A", "A", 1.0), ("R", "A", 2.0)]
    found = risk.intervals(network).select(pl.col("item").cast(pl.String), "days", "most")
    assert found.rows() == [("A", 7.0, None), ("R", 14.0, None), ("R", 28.0, 2.0)]
    rates = dict(
        zip(
            zip(*risk.curves(network).select(pl.col("item").cast(pl.String), "days"), strict=True),
            risk.curves(network)["rate"],
            strict=True,
        )
    )
    assert rates == {
        ("A", 7.0): pytest.approx(6 / 7),
        ("R", 14.0): pytest.approx(3 / 14),
        ("R", 28.0): pytest.approx(2 / 28),
    }
    # Holding, 0.1 a week, is counted once, over the shorter of the two times.
    price = risk.levels(network).filter(pl.col("item").cast(pl.String) == "R", pl.col("period").cast(pl.String) == "W4")
    above = float(WEIGHTS[np.asarray(normal_slices()) > 0].sum())
    assert price["price"].sum() == pytest.approx(7.0 * (3 / 14 + 2 / 28) * above + 0.1 * above)
    # In the last week 28 days of errors have added up: 4 × 200 units at 0.3 ÷ √4 each.
    top = risk.levels(network).filter(pl.col("item").cast(pl.String) == "R", pl.col("period").cast(pl.String) == "W4")
    assert top["level"].max() == pytest.approx(800 * 0.15 * float(normal_slices()[-1]))


@pytest.mark.parametrize(("fast", "late", "first"), [
    ({"lead_time_days": 0}, None, None),
    ({"lead_time_days": 6}, None, None),
    ({"lead_time_days": 7}, None, 14.0),
    ({"lead_time_days": 0, "maximum": 5.0}, None, 7.0),
    ({"lead_time_days": 0, "minimum": 5.0}, None, 7.0),
    ({"lead_time_days": 0, "order_cost": 5.0}, None, 7.0),
    ({"lead_time_days": 0, "valid_to": date(2026, 1, 20)}, None, 7.0),
    ({"lead_time_days": 0}, ("fast", 3), 7.0),
    ({"lead_time_days": 0}, ("fast", 0), None),
    ({"lead_time_days": 0}, ("slow", 3), 7.0),
    ({"lead_time_days": 0}, ("slow", -3), None),
])  # fmt: skip
def test_a_part_that_comes_within_the_review_costs_its_premium_and_loses_nothing(
    tmp_path: Path, fast: dict[str, Any], late: tuple[str, int] | None, first: float | None
) -> None:
    """R takes three weeks, or `fast` at a premium of 2; `first` is the interval over which a unit short is lost."""
    offer = {"supplier": "S", "item": "R", "location": "P"}
    more: dict[str, Any] = {}
    if late:
        promised = date(2025, 12, 1)
        more["deliveries"] = [
            {"receipt": "1", "kind": "buy", "offer": late[0], "item": "R", "location": "P", "quantity": 9.0,
             "promised_on": promised, "arrived_on": promised + timedelta(days=late[1])},
        ]  # fmt: skip
    made = company(
        tmp_path,
        items=[
            {"item": "A", "unit": "each", "standard_cost": 4.0, "end_value": 2.0, "holding_cost": 1.0, "price": 10.0},
            {"item": "R", "unit": "each", "standard_cost": 1.0, "end_value": 1.0, "holding_cost": 0.1},
        ],
        routings=[{"routing": "M", "item": "A", "location": "P", "lead_time_days": 0}],
        components=[{"routing": "M", "component": "R", "quantity": 2.0}],
        offers=[
            {**offer, "offer": "slow", "unit_cost": 1.0, "lead_time_days": 21},
            {**offer, "offer": "fast", "unit_cost": 3.0, "expedite": True, **fast},
        ],
        inventory=[{"item": "R", "location": "P", "on_hand": 600.0}],
        forecast_errors=[],
        settings=SETTINGS.replace("with a record", "always"),
        **more,
    )
    network = Network(made)
    rows = risk.intervals(network).select(pl.col("item").cast(pl.String), "days", "most").rows()
    lost = [] if first is None else [("R", first, None)]
    assert rows == [("A", 7.0, None), *lost, ("R", 28.0, 2.0)]
    # The targets still know the part, by the interval that is left.
    one = risk.shortest_intervals(network).select(pl.col("item").cast(pl.String), "days").rows()
    assert one == [("A", 7.0), ("R", first or 28.0)]


def owing(
    tmp_path: Path,
    *,
    late: float,
    there: float,
    by_day: bool = False,
    without: int = 1,
    order: float = 100.0,
    lost: float = 15.0,
    made: bool = False,
) -> Snapshot:
    """An order due at the first week's end that waits at `late` a week, or loses 8.5 a unit; a dearer customer asks for 100
    ± 30 a week and loses 15 a unit at once. Nothing comes in for so many weeks, then any quantity at once; `made`: what is there and comes in is the component R, of which one is made at once.
    """
    periods, of_week = (days(14), 7) if by_day else (weeks(8), 1)
    line = {"item": "A", "location": "P"}
    stocked = {"item": "R" if made else "A", "location": "P"}
    items = [
        {"item": "A", "unit": "each", "standard_cost": 4.0, "end_value": 4.0, "holding_cost": 0.01, "price": 10.0},
        {"item": "R", "unit": "each", "standard_cost": 4.0, "end_value": 4.0, "holding_cost": 0.01},
    ]
    recipe = {
        "routings": [{"routing": "M", **line, "lead_time_days": 0}],
        "components": [{"routing": "M", "component": "R", "quantity": 1.0}],
    }
    return company(
        tmp_path, settings=SETTINGS.replace("with a record", "always") + "error = 0.3\n", periods=periods,
        **(recipe if made else {}), items=items[: 1 + made],
        forecast_errors=[],
        customers=[
            {"customer": "cheap", "priority": 2, "short_cost": 2.5, "late_cost": late, "latest_days": 70},
            {"customer": "dear", "priority": 1, "short_cost": lost - 6.0},
        ],
        forecast=[{**line, "customer": "dear", "period": one["period"], "quantity": 100.0 / of_week} for one in periods],
        orders=[{**line, "order": "O1", "customer": "cheap", "due_on": periods[of_week - 1]["ends_on"], "quantity": order}],
        offers=[{**stocked, "offer": "O", "supplier": "S", "unit_cost": 4.0, "valid_from": periods[of_week * without]["starts_on"]}],
        inventory=[{**stocked, "on_hand": there}],
    )  # fmt: skip


@pytest.mark.parametrize("by_day", [True, False])
@pytest.mark.parametrize("late", [0.07, 1.75])
def test_no_certain_order_waits_to_leave_its_component_in_stock(tmp_path: Path, by_day: bool, late: float) -> None:
    made = owing(tmp_path, late=late, there=200.0, by_day=by_day, made=True)
    assert "R" in risk.steps(Network(made))["item"].cast(pl.String).to_list()
    sold = soe.plan(made, record=None).flows["sell"]
    due = pl.col("period").cast(pl.String) == pl.col("due").cast(pl.String)
    assert sold.filter(pl.col("order") == "O1", due)["quantity"].sum() == pytest.approx(100.0)


@pytest.mark.parametrize("by_day", [True, False])
@pytest.mark.parametrize("late", [0.07, 0.5, 1.75, 7.0])
@pytest.mark.parametrize("there", [200.0, 230.0, 260.0])
def test_no_certain_order_waits_to_fill_a_cushion(tmp_path: Path, by_day: bool, late: float, there: float) -> None:
    """Whatever the dear customer takes is taken before the order goes out, so it can wait for what is then missing.

    Of d units asked for in the week, y units kept back in advance are late in any case, and d − (stock − 100) that are
    missing are late without it too: late × max(y, d + 100 − stock), at its least for y = 0.
    """
    asked = np.linspace(10.0, 190.0, 37)
    wait = late / 7.0 if by_day else late

    def cost(kept: float) -> float:
        return float(np.mean(wait * np.clip(np.maximum(kept, asked + 100.0 - there), 0.0, 100.0)))

    assert min(range(101), key=cost) == 0
    sold = soe.plan(owing(tmp_path, late=late, there=there, by_day=by_day), record=None).flows["sell"]
    due = pl.col("period").cast(pl.String) == pl.col("due").cast(pl.String)
    assert sold.filter(pl.col("order") == "O1", due)["quantity"].sum() == pytest.approx(100.0)
    assert sold.filter(pl.col("order") == "")["quantity"].sum() == pytest.approx(200.0 if by_day else 800.0)


@pytest.mark.parametrize(
    ("without", "late", "spare"), [(2, 0.5, 0.0), (2, 1.75, 0.0), (2, 0.5, 30.0), (3, 0.5, 0.0), (3, 1.75, 60.0)]
)
def test_a_certain_order_waits_for_later_weeks_only_where_that_is_expected_to_gain(
    tmp_path: Path, without: int, late: float, spare: float
) -> None:
    """What is asked for in the weeks after the order's own is not known when it goes out, and nothing comes in for them.

    y units kept back are late for all of the weeks, and what is lost is the normal loss function of the stock that is left:
    sd × (φ(z) − z × (1 − Φ(z))), z = (stock − order + y − mean) ÷ sd, errors of the first week among them.
    """
    there = 100.0 + 100.0 * without + spare
    plan = soe.plan(owing(tmp_path, late=late, there=there, without=without), record=None)
    sold = plan.flows["sell"].filter(pl.col("order") == "O1", pl.col("period") == "W1")
    kept = 100.0 - float(sold["quantity"].sum())

    def cost(back: float) -> float:
        spread = 30.0 * np.sqrt(without)
        z = (there - 100.0 + back - 100.0 * without) / spread
        return 15.0 * spread * float(norm.pdf(z) - z * norm.sf(z)) + late * without * back

    best = min(range(101), key=cost)
    assert cost(kept) <= cost(0.0) + 1e-6
    assert -1e-6 <= kept <= best + 1.0
    assert float(plan.flows["short"]["quantity"].sum()) == pytest.approx(0.0, abs=1e-6)
    if (without, spare, late) == (2, 0.0, 0.5):
        assert kept > 10.0  # and where it is expected to gain, some wait


def test_a_small_order_that_has_to_wait_is_served_late_and_not_lost(tmp_path: Path) -> None:
    """100 are there, and the dear customer takes them. A unit short of 10 more costs it 60, more than the order loses."""
    made = owing(tmp_path, late=0.5, there=100.0, order=10.0, lost=60.0)
    tiers = frames.cushion_tiers(made).filter(pl.col("period") == "W1", pl.col("tier") == "001")
    assert tiers["price"].item() > 8.5
    sold = soe.plan(made, record=None).flows["sell"].filter(pl.col("order") == "O1", pl.col("quantity") > 1e-6)
    assert sold.select(pl.col("period").cast(pl.String), "quantity").rows() == [("W2", pytest.approx(10.0))]


def test_what_waits_beyond_a_review_is_charged_the_lowest_tier(tmp_path: Path) -> None:
    """One charge, of the review that it was due before, however long it waits; and a tenth of its loss is left to it."""
    waits = {"customer": "waits", "late_cost": 0.5, "latest_days": 28}
    lines = [
        {"item": "A", "location": "P", "customer": "waits", "period": f"W{n}", "quantity": 50.0} for n in (1, 2, 3, 4)
    ]
    for lost in (8.0, 2.0):
        customers = [{**waits, "short_cost": 2.0}] if lost > 6 else [{**waits, "short_cost": 0.0}]
        made = company(tmp_path / str(lost), customers=customers, forecast=lines, price=10.0 if lost > 6 else 6.0)
        found = risk.waits(Network(made)).select(pl.col("due", "period").cast(pl.String), "waiting")
        lowest = dict(frames.cushion_tiers(made).filter(pl.col("tier") == "001").select("period", "price").iter_rows())
        hand = {
            (f"W{due}", f"W{at}"): min(lowest[f"W{due}"], 0.9 * (lost - 0.5 * (at - due)))
            for due in (1, 2, 3, 4) for at in range(due + 1, 5)
        }  # fmt: skip
        assert {(due, at): waiting for due, at, waiting in found.iter_rows()} == pytest.approx(hand)


def test_units_scale_with_it(tmp_path: Path) -> None:
    one, tenth = company(tmp_path / "one"), snapshot(
        tmp_path / "tenth", SETTINGS, periods=weeks(4),
        items=[{"item": "A", "unit": "each", "standard_cost": 40.0, "end_value": 40.0, "holding_cost": 10.0, "price": 100.0}],
        forecast=[{"item": "A", "location": "P", "period": f"W{n}", "quantity": 10.0} for n in (4, 2, 3, 1)],
        offers=[{"offer": "O", "supplier": "S", "item": "A", "location": "P", "unit_cost": 40.0}],
        forecast_errors=errors(scale=3.0)[::-1],
    )  # fmt: skip
    assert soe.plan(one, record=None).objective == pytest.approx(soe.plan(tenth, record=None).objective)
    np.testing.assert_allclose(
        stock(soe.plan(one, record=None)), np.multiply(10.0, stock(soe.plan(tenth, record=None)))
    )


def leaning(tmp_path: Path, rule: str, asked: float) -> Snapshot:
    """Eight weeks in which 100 were forecast and so many asked for; 100 are forecast again."""
    past = [date(2025, 11, 10) + timedelta(days=7 * n) for n in range(8)]
    versions = [
        {"item": "A", "location": "P", "period": f"{day:%G-W%V}", "version": f"{made:%G-W%V}", "quantity": 100.0}
        for made in past
        for day in past
        if made <= day
    ]
    ahead = [
        {"item": "A", "location": "P", "period": f"W{n}", "version": "now", "quantity": 100.0} for n in (1, 2, 3, 4)
    ]
    sold = [{"date": day, "measure": "demand", "item": "A", "location": "P", "quantity": asked} for day in past]
    settings = SETTINGS + f'[forecast]\nversion = "now"\nbias = "{rule}"\n'
    return company(
        tmp_path, settings=settings.replace("[cushion]\n", "[cushion]\npool = 0\n"),
        forecast=[*versions, *ahead], actuals=sold, forecast_errors=[],
    )  # fmt: skip


@pytest.mark.parametrize(("rule", "asked", "planned", "held"), [
    ("keep", 80.0, 100.0, 0.0), ("keep", 120.0, 100.0, 20.0), ("remove", 80.0, 80.0, 0.0), ("remove", 120.0, 120.0, 0.0),
])  # fmt: skip
def test_bias_is_removed_only_where_settings_say_so(
    tmp_path: Path, rule: str, asked: float, planned: float, held: float
) -> None:
    """A bias without noise: kept, the cushion holds what the forecast is too low by; removed, nothing is left to hold."""
    network = Network(leaning(tmp_path, rule, asked))
    assert network.demand["quantity"].to_list() == pytest.approx([planned] * 4)
    assert (risk.levels(network)["level"].max() or 0.0) == pytest.approx(held)
