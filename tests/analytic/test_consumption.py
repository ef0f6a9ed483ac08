"""Orders consume the forecast that foresaw them: cases worked by hand, and a plain loop on random ones."""

from __future__ import annotations

import random
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import soe_lib as soe
from soe_lib.extract.settings import Consumption
from soe_lib.model.demand import consume
from soe_lib.model.network import Network
from soe_lib.review.frames import demand_lines
from tests.networks import MONDAY, snapshot, weeks

CUSTOMERS = [{"customer": name} for name in ("C1", "C2", "C3")]
Rows = list[dict[str, Any]]


def foreseen(quantity: float, period: str = "W1", customer: str = "", location: str = "P", **more: Any) -> Any:
    row = {"item": "A", "location": location, "customer": customer, "period": period, "quantity": quantity}
    return {"price": 10, **row, **more}


def ordered(order: str, quantity: float, day: int = 0, customer: str = "", location: str = "P", **more: Any) -> Any:
    due = MONDAY + timedelta(days=day)
    row = {"order": order, "item": "A", "location": location, "customer": customer, "due_on": due}
    return {**row, "quantity": quantity, "price": 10, **more}


def asked(tmp_path: Path, forecast: Rows, orders: Rows, settings: str = "", **tables: Any) -> pl.DataFrame:
    tables = {"periods": weeks(4), "customers": CUSTOMERS, **tables}
    if tables["periods"] is None:
        del tables["periods"]
    company = snapshot(
        tmp_path, '[costs]\nper = "week"\n' + settings, forecast=forecast, orders=orders,
        offers=[{"offer": "O", "supplier": "S", "item": "A", "location": "P", "unit_cost": 4}], **tables,
    )  # fmt: skip
    lines = Network(company).demand.filter(pl.col("quantity") > 1e-9)
    return lines.with_columns(pl.col("due", "customer", "location").cast(pl.String), day=pl.lit(None))


def left(lines: pl.DataFrame) -> dict[tuple[str, str], float]:
    """What is left of the forecast by period and customer."""
    rows = lines.filter(pl.col("order").cast(pl.String) == "").group_by("due", "customer").agg(pl.col("quantity").sum())
    return {(due, customer): pytest.approx(quantity) for due, customer, quantity in rows.iter_rows()}


def total(lines: pl.DataFrame) -> float:
    return float(lines["quantity"].sum())


WINDOW = "[consumption]\nbackward_days = {}\nforward_days = {}\n"


def test_an_order_consumes_the_forecast_for_anybody(tmp_path: Path) -> None:
    # 70 foreseen for anybody, 45 ordered by C1: 70 in all, 25 of them still for anybody.
    lines = asked(tmp_path, [foreseen(70)], [ordered("1", 45, 2, "C1")])
    assert (total(lines), left(lines)) == (pytest.approx(70), {("W1", ""): 25})


def test_its_own_customers_forecast_comes_first(tmp_path: Path) -> None:
    # C1 orders 50: 30 from its own forecast, 20 of the 40 for anybody; C2's 25 are not touched.
    forecast = [foreseen(40), foreseen(30, customer="C1"), foreseen(25, customer="C2")]
    lines = asked(tmp_path, forecast, [ordered("1", 50, 0, "C1")])
    assert left(lines) == {("W1", ""): 20, ("W1", "C2"): 25}
    assert total(lines) == pytest.approx(95)


def test_several_customers_share_what_is_for_anybody_and_no_more(tmp_path: Path) -> None:
    # 100 for anybody; C1 wants 60, C2 wants 70: nothing is left, 130 are planned.
    lines = asked(tmp_path, [foreseen(100)], [ordered("1", 60, 1, "C1"), ordered("2", 70, 3, "C2")])
    assert (total(lines), left(lines)) == (pytest.approx(130), {})


@pytest.mark.parametrize("turned", [False, True])
def test_who_is_due_first_is_heard_first(tmp_path: Path, turned: bool) -> None:
    # 50 for anybody in W1. The order of Tuesday takes 40, that of Thursday 10; the 20 that it lacks come out of C2's
    # W2, eleven days on. C1's forecast of W2 is C1's. Row order does not matter.
    forecast = [foreseen(50), foreseen(30, "W2", "C1"), foreseen(30, "W2", "C2")]
    orders = [ordered("B", 40, 1, "C1"), ordered("A", 30, 3, "C2")]
    orders = orders[::-1] if turned else orders
    lines = asked(tmp_path, forecast[::-1] if turned else forecast, orders, WINDOW.format(0, 7))
    assert left(lines) == {("W2", "C1"): 30, ("W2", "C2"): 10}


def test_an_order_above_its_bucket_leaves_its_neighbours_alone(tmp_path: Path) -> None:
    # 20 of W2 foreseen, 65 ordered: W1 and W3 stay.
    lines = asked(tmp_path, [foreseen(20, f"W{n}") for n in (1, 2, 3)], [ordered("1", 65, 9, "C1")])
    assert (total(lines), left(lines)) == (pytest.approx(105), {("W1", ""): 20, ("W3", ""): 20})


def test_with_a_window_it_looks_back_first_and_then_ahead(tmp_path: Path) -> None:
    # 65 on Wednesday of W2: 20 of W2, 20 of W1 (three days back), 20 of W3 (five days on), 5 by nobody foreseen.
    forecast = [foreseen(20, f"W{n}") for n in (1, 2, 3, 4)]
    lines = asked(tmp_path, forecast, [ordered("1", 65, 9, "C1")], WINDOW.format(7, 7))
    assert (total(lines), left(lines)) == (pytest.approx(85), {("W4", ""): 20})


def test_a_window_reaches_no_further_than_its_days(tmp_path: Path) -> None:
    # Wednesday of W2: the last day of W1 is three days back, the first of W3 five days on.
    forecast = [foreseen(20, f"W{n}") for n in (1, 2, 3)]
    lines = asked(tmp_path, forecast, [ordered("1", 65, 9, "C1")], WINDOW.format(2, 4))
    assert left(lines) == {("W1", ""): 20, ("W3", ""): 20}
    lines = asked(tmp_path, forecast, [ordered("1", 65, 9, "C1")], WINDOW.format(3, 4))
    assert left(lines) == {("W3", ""): 20}


def test_the_nearest_bucket_behind_is_asked_first(tmp_path: Path) -> None:
    # 35 in W3: 20 there, then 15 of W2, not of W1.
    forecast = [foreseen(20, f"W{n}") for n in (1, 2, 3)]
    lines = asked(tmp_path, forecast, [ordered("1", 35, 15, "C2")], WINDOW.format(30, 0))
    assert left(lines) == {("W1", ""): 20, ("W2", ""): 5}


def test_orders_of_a_bucket_have_it_before_their_neighbours(tmp_path: Path) -> None:
    # W1's order is 10 too many and looks ahead; W2's own order of 15 takes 15 of 20 first, so that 5 are left to it.
    lines = asked(
        tmp_path, [foreseen(20), foreseen(20, "W2")], [ordered("1", 30, 0, "C1"), ordered("2", 15, 8)],
        WINDOW.format(0, 7),
    )  # fmt: skip
    assert left(lines) == {}
    assert total(lines) == pytest.approx(45)


def test_a_month_stays_a_month(tmp_path: Path) -> None:
    # Four weeks from Monday 2 February 2026 are its twenty working days: 80 foreseen, 60 ordered for the second week.
    # The month has 20 left, 5 in each week, the second too; by weeks it would be 80 − 20 + 60 = 120.
    start = date(2026, 2, 2)
    order = {**ordered("1", 60, 0, "C1"), "due_on": date(2026, 2, 11)}
    lines = asked(tmp_path, [foreseen(80, "2026-02")], [order], periods=weeks(4, start))
    assert total(lines) == pytest.approx(80)
    assert left(lines) == {(f"W{n}", ""): 5 for n in (1, 2, 3, 4)}


def test_a_month_is_consumed_beyond_the_horizon_too(tmp_path: Path) -> None:
    # Two weeks of the four are planned: of 80, 40 are theirs. 30 ordered for the third leave 50, of which 25 are theirs.
    start = date(2026, 2, 2)
    order = {**ordered("1", 30, 0, "C1"), "due_on": date(2026, 2, 18)}
    lines = asked(tmp_path, [foreseen(80, "2026-02")], [order], periods=weeks(2, start))
    assert left(lines) == {("W1", ""): 12.5, ("W2", ""): 12.5}


def test_what_of_a_month_is_over_is_over(tmp_path: Path) -> None:
    # The plan begins on the second Monday of January's 22 working days: 2 of them are gone (1 and 2 January), 20 are
    # left of 22. An order of 15 leaves 5. One that was due on 2 January takes nothing.
    orders = [ordered("1", 15, 2, "C1"), ordered("0", 9, -3, "C1")]
    lines = asked(tmp_path, [foreseen(22, "2026-01")], orders)
    assert total(lines.filter(pl.col("order").cast(pl.String) == "")) == pytest.approx(5)
    assert total(lines) == pytest.approx(5 + 15 + 9)


def test_an_order_without_a_customer_takes_from_all_in_proportion(tmp_path: Path) -> None:
    # 10 for anybody, 30 for C1, 60 for C2; nobody's order of 55: 10 and then 45 of 90, half of each.
    forecast = [foreseen(10), foreseen(30, customer="C1"), foreseen(60, customer="C2")]
    lines = asked(tmp_path, forecast, [ordered("1", 55, 4)])
    assert (total(lines), left(lines)) == (pytest.approx(100), {("W1", "C1"): 15, ("W1", "C2"): 30})


def test_other_places_and_items_stay(tmp_path: Path) -> None:
    forecast = [foreseen(10), foreseen(10, location="Q"), {**foreseen(10), "item": "B"}]
    stock = [{"item": item, "location": at, "on_hand": 20} for item, at in (("B", "P"), ("A", "Q"))]
    lines = asked(tmp_path, forecast, [ordered("1", 25, 4, "C1")], inventory=stock)
    assert total(lines) == pytest.approx(45)


def test_a_day_in_a_horizon_of_days_and_weeks(tmp_path: Path) -> None:
    # Ten days are planned one by one: a week's 50 is 10 on each working day; 30 ordered for Thursday leave 4 on each.
    settings = "[horizon]\nweeks = 4\ndaily = 10\n"
    lines = asked(tmp_path, [foreseen(50, "2026-W02")], [ordered("1", 30, 3, "C3")], settings, periods=None)
    assert total(lines) == pytest.approx(50)
    assert left(lines) == {(str(MONDAY + timedelta(days=n)), ""): 4 for n in range(5)}


def test_a_forecast_by_day_is_consumed_on_its_day(tmp_path: Path) -> None:
    # 10 on Monday and 10 on Tuesday; 15 ordered for Tuesday: Monday's 10 stay.
    forecast = [{**foreseen(10), "period": None, "date": MONDAY + timedelta(days=n)} for n in (0, 1)]
    lines = asked(tmp_path, forecast, [ordered("1", 15, 1, "C1")])
    assert (total(lines), left(lines)) == (pytest.approx(25), {("W1", ""): 10})


def test_a_week_within_a_month_is_a_bucket_of_its_own(tmp_path: Path) -> None:
    # 80 for February's twenty days, and 50 for its second week, which holds for its own days: 60 are left for the other
    # three weeks. 70 ordered in the second take its 50 and no more; in the third they take of the 60.
    start = date(2026, 2, 2)
    forecast = [foreseen(80, "2026-02"), foreseen(50, "2026-W07")]
    for day, total_left in ((date(2026, 2, 11), 60), (date(2026, 2, 18), 50)):
        order = {**ordered("1", 70, 0, "C1"), "due_on": day}
        lines = asked(tmp_path / f"due {day}", forecast, [order], periods=weeks(4, start))
        assert total(lines) - 70 == pytest.approx(total_left)


def test_what_is_left_keeps_its_price_and_its_promise(tmp_path: Path) -> None:
    # Two days at 8 and 12 in one week; the order takes Monday's whole forecast: Tuesday's is left at its own price.
    days = ((0, 8.0), (1, 12.0))
    forecast = [
        {**foreseen(10, price=price, committed=6), "period": None, "date": MONDAY + timedelta(days=n)}
        for n, price in days
    ]
    lines = asked(tmp_path, forecast, [ordered("1", 10, 0, "C1", price=9)])
    rest = lines.filter(pl.col("order").cast(pl.String) == "")
    assert rest.select("quantity", "price", "committed").rows() == [(10.0, 12.0, 6.0)]


def test_the_plan_earns_what_is_asked_once(tmp_path: Path) -> None:
    company = snapshot(
        tmp_path, forecast=[foreseen(90)], orders=[ordered("1", 35, 2, "C1")], periods=weeks(2), customers=CUSTOMERS,
        offers=[{"offer": "O", "supplier": "S", "item": "A", "location": "P", "unit_cost": 4}],
    )  # fmt: skip
    assert soe.plan(company).margin == pytest.approx(90 * 6)


def test_a_page_calls_no_order_unforeseen_that_consumes_a_forecast(tmp_path: Path) -> None:
    # 60 for anybody: C1's 50 are foreseen, of C2's 25 only 10.
    company = snapshot(
        tmp_path, forecast=[foreseen(60)], orders=[ordered("1", 50, 2, "C1"), ordered("2", 25, 3, "C2")],
        periods=weeks(2), customers=CUSTOMERS, inventory=[{"item": "A", "location": "P", "on_hand": 99}],
    )  # fmt: skip
    rows = demand_lines(company).select("customer", "orders", "unforeseen").filter(pl.col("orders") > 0)
    assert rows.rows() == [("C1", 50, 0), ("C2", 25, 15)]


# -- the same rule, order by order ---------------------------------------------------------------------------------


def by_loop(buckets: list[list[Any]], orders: list[tuple[str, str, date, float]], back: int, on: int) -> list[float]:
    """The rule in plain loops: each turn hears every order by due date, and takes what it still wants."""
    wants = {order: quantity for order, _, _, quantity in orders}
    for turn in range(60):
        for order, customer, due, _ in sorted(orders, key=lambda row: (row[2], row[0])):
            spans = sorted({(first, last) for _, first, last, _ in buckets})
            before = [span for span in spans if 0 < (due - span[1]).days <= back]
            after = [span for span in spans if 0 < (span[0] - due).days <= on]
            ranks = [[span for span in spans if span[0] <= due <= span[1]], *[[s] for s in before[::-1]]]
            ranks += [[span] for span in after]
            rank, whose = divmod(turn, 3)
            if rank >= len(ranks):
                continue
            mine = [row for row in buckets if (row[1], row[2]) in ranks[rank] and _asks(row[0], customer, whose)]
            held = sum(row[3] for row in mine)
            taken = min(wants[order], held)
            wants[order] -= taken
            for row in mine:
                row[3] -= taken * row[3] / held if held else 0.0
    return [row[3] for row in buckets]


def _asks(whose_forecast: str, customer: str, whose: int) -> bool:
    if whose == 0:
        return bool(customer) and whose_forecast == customer
    if whose == 1:
        return whose_forecast == ""
    return customer == "" and whose_forecast != ""


@pytest.mark.parametrize("seed", range(25))
def test_it_is_the_rule_order_by_order(seed: int) -> None:
    chance = random.Random(seed)
    back, on = chance.choice([(0, 0), (5, 0), (0, 9), (14, 14), (3, 20)])
    spans = {f"B{n}": (MONDAY + timedelta(days=7 * n), MONDAY + timedelta(days=7 * n + 6)) for n in range(5)}
    names = ["", "C1", "C2"]
    cells = [(name, bucket) for name in names for bucket in spans if chance.random() < 0.8]
    held = [[name, *spans[bucket], float(chance.randrange(0, 40))] for name, bucket in cells]
    orders = [
        (f"{n}", chance.choice(names), MONDAY + timedelta(days=chance.randrange(35)), float(chance.randrange(1, 50)))
        for n in range(chance.randrange(1, 9))
    ]
    place = {"item": "A", "location": "P"}
    forecast = pl.DataFrame(
        [{**place, "customer": n, "bucket": b, "quantity": row[3]} for (n, b), row in zip(cells, held, strict=True)]
    )
    asks = pl.DataFrame([{"order": o, **place, "customer": c, "due_on": due, "quantity": q} for o, c, due, q in orders])
    times = pl.DataFrame([{"label": b, "first": first, "last": last} for b, (first, last) in spans.items()])
    rule = Consumption(backward_days=back, forward_days=on)
    found, _ = consume(forecast.sample(fraction=1.0, shuffle=True, seed=seed), asks.reverse(), times, MONDAY, rule)
    right = pl.DataFrame(
        {"customer": [c for c, _ in cells], "bucket": [b for _, b in cells], "right": by_loop(held, orders, back, on)}
    )
    both = found.join(right, on=["customer", "bucket"])
    assert both.height == len(cells)
    assert (both["quantity"] * both["kept"]).to_list() == pytest.approx(both["right"].to_list(), abs=1e-9)
