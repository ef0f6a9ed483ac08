"""Every figure by hand, with round numbers, and the published cases with their sources."""

from __future__ import annotations

from datetime import date
from types import SimpleNamespace

import polars as pl
import pytest

from soe_lib.money.profit_and_loss import CHURN
from soe_lib.review import kpis
from soe_lib.review.measures import Band, Score, every


def both(actual: list[float | None], forecast: list[float | None]) -> pl.DataFrame:
    """A frame of actuals and forecasts."""
    return pl.DataFrame({"actual": actual, "forecast": forecast}, schema={"actual": pl.Float64, "forecast": pl.Float64})


def judged(name: str, value: float) -> str:
    """How a measure's own band judges a value."""
    band = every()[name].band
    assert band is not None
    return band.judge(value)


# Forecast


def test_published_tracking_signal_runs_with_the_mean_error() -> None:
    """Table printed at codingace.net/ds/tracking_signal_chart.html (sign: actual − forecast)."""
    frame = both([120, 128, 133, 141, 145, 150], [118, 130, 131, 137, 148, 149])
    running = kpis.tracking_signal(frame)
    assert running["rsfe"].to_list() == [2, 0, 2, 6, 3, 4]
    assert running["mad"].to_list() == pytest.approx([2, 2, 2, 2.5, 2.6, 2.33], abs=0.0051)
    assert running["signal"].to_list() == pytest.approx([1, 0, 1, 2.4, 1.15, 1.71], abs=0.0051)


def test_published_wape_of_three_items() -> None:
    """6.67 % printed at askvity.info, "What is the weighted average percent error?"."""
    frame = both([100, 200, 150], [90, 210, 140])
    assert kpis.wmape(frame) == pytest.approx(0.0667, abs=0.000051)
    # Actual less forecast is +10 of 450 sold: under-forecast.
    assert kpis.bias(frame).value == pytest.approx(10 / 450)
    assert "under-forecast" in kpis.bias(frame).text


def test_published_mape_against_wmape_of_two_items() -> None:
    """MAPE 77.5 %, WMAPE 6.4 % printed at forecaststudio.com.mx/blog/forecast-accuracy-metrics."""
    frame = both([1000, 10], [950, 25])
    assert kpis.mape(frame) == pytest.approx(0.775)
    assert kpis.wmape(frame) == pytest.approx(0.064, abs=0.0005)


def test_the_lag_is_part_of_the_name_and_missing_pairs_do_not_count() -> None:
    assert kpis.wmape(both([100, None, 50], [80, 40, None])) == pytest.approx(0.20)
    assert every()["wmape"].label == "WMAPE at lag 1"


def test_over_forecast_is_a_negative_bias() -> None:
    score = kpis.bias(both([80, 100], [100, 100]))
    assert score.value == pytest.approx(-20 / 180)
    assert judged("bias", score.value) == "act"
    assert "over-forecast" in score.text


@pytest.mark.parametrize("frame", [both([], []), both([0.0], [10.0]), both([None], [10.0])])
def test_no_sales_is_insufficient_history_and_not_zero(frame: pl.DataFrame) -> None:
    assert kpis.wmape(frame) is None
    score = every()["bias"].score(SimpleNamespace(errors=frame, currency="EUR"))
    assert score.value is None
    assert score.state == "unknown"
    assert score.text == "Insufficient history: no sales with a forecast."
    assert score.shown == "insufficient history"


def test_tracking_score_waits_for_enough_periods_and_then_acts() -> None:
    short = kpis.last_signal(both([10, 10, 10], [9, 9, 9]), minimum=4)
    assert (short.value, short.text) == (None, "3 of the 4 periods needed")
    # Five misses of one to the same side: 5 ÷ 1 = 5 mean errors.
    assert kpis.last_signal(both([10.0] * 5, [9.0] * 5)).value == pytest.approx(5.0)
    assert [judged("tracking_signal", value) for value in (4.0, 5.0, -7.0)] == ["good", "watch", "act"]


def test_a_perfect_forecast_has_a_signal_of_zero() -> None:
    assert kpis.tracking_signal(both([5, 5], [5, 5]))["signal"].to_list() == [0.0, 0.0]


def test_mase_and_rmsse_scale_by_the_naive_error() -> None:
    history = pl.Series([10.0, 12.0, 10.0, 14.0])  # steps 2, 2, 4: mean 8/3, mean square 24/3 = 8
    frame = both([10, 10], [14, 12])  # errors 4, 2: mean 3, mean square 10
    assert kpis.mase(frame, history) == pytest.approx(3 / (8 / 3))
    assert kpis.rmsse(frame, history) == pytest.approx((10 / 8) ** 0.5)
    # With a season of two: steps 0 and 2, mean 1, mean square 2.
    assert kpis.mase(frame, history, season=2) == pytest.approx(3.0)
    assert kpis.rmsse(frame, history, season=2) == pytest.approx(5**0.5)


def test_a_flat_history_cannot_scale_an_error() -> None:
    assert kpis.mase(both([1], [2]), pl.Series([5.0, 5.0, 5.0])) is None
    assert kpis.rmsse(both([1], [2]), pl.Series([5.0])) is None


# Service


def order_lines() -> pl.DataFrame:
    """Four lines: in time and full; a day late; full by the confirmed date only; in time but one of 100
    short.
    """
    return pl.DataFrame(
        {
            "order": ["A", "A", "B", "C"],
            "requested_on": [date(2026, 11, 10)] * 4,
            "confirmed_on": [date(2026, 11, 10), date(2026, 11, 10), date(2026, 11, 14), date(2026, 11, 10)],
            "delivered_on": [date(2026, 11, 9), date(2026, 11, 11), date(2026, 11, 14), date(2026, 11, 10)],
            "quantity": [10.0, 20.0, 30.0, 100.0],
            "shipped": [10.0, 20.0, 30.0, 99.0],
            "price": [1.0, 2.0, 1.0, 5.0],
        }
    )


def test_otif_is_binary_per_line_and_prints_its_definition() -> None:
    strict = kpis.otif(order_lines())
    assert strict.value == pytest.approx(1 / 4)
    assert "requested date (no day late)" in strict.text
    assert "the whole quantity" in strict.text
    assert kpis.otif(order_lines(), basis="confirmed").value == pytest.approx(2 / 4)
    assert kpis.otif(order_lines(), days_late=1).value == pytest.approx(2 / 4)
    loose = kpis.otif(order_lines(), days_late=1, short_share=0.01)
    assert loose.value == pytest.approx(3 / 4)
    assert "up to 1 day late" in loose.text
    assert "at least 99\u00a0% of the quantity" in loose.text


def test_a_line_that_was_never_delivered_is_a_miss() -> None:
    lines = order_lines().with_columns(delivered_on=pl.lit(None, dtype=pl.Date))
    assert kpis.otif(lines).value == 0.0
    assert kpis.otif(lines.clear()).value is None


def test_fill_rate_in_its_four_readings() -> None:
    lines = order_lines().with_columns(shipped=pl.Series([10.0, 15.0, 33.0, 90.0]))
    # Units: (10 + 15 + 30 + 90) ÷ 160; over-shipment of B earns nothing.
    assert kpis.fill_rate(lines) == pytest.approx(145 / 160)
    # Revenue: 10 + 30 + 30 + 450 of 10 + 40 + 30 + 500.
    assert kpis.fill_rate(lines, by="revenue") == pytest.approx(520 / 580)
    assert kpis.fill_rate(lines, by="lines") == pytest.approx(2 / 4)
    assert kpis.fill_rate(lines, by="orders") == pytest.approx(1 / 3)
    assert kpis.fill_rate(lines.clear()) is None


def test_backlog_carries_what_was_not_shipped() -> None:
    frame = pl.DataFrame({"due": [10.0, 5.0, 0.0], "shipped": [7.0, 5.0, 4.0]})
    assert kpis.backlog(frame, opening=2.0)["backlog"].to_list() == [5.0, 5.0, 1.0]


# Adherence and capacity


def test_attainment_never_passes_a_hundred_and_mix_sees_what_volume_hides() -> None:
    made = pl.DataFrame({"item": ["x", "y"], "scheduled": [100.0, 100.0], "done": [160.0, 40.0]})
    volume = made.select(pl.col("scheduled", "done").sum())
    assert kpis.schedule_attainment(volume) == pytest.approx(1.0)
    assert kpis.mix_adherence(made) == pytest.approx(140 / 200)
    assert judged("mix_adherence", 140 / 200) == "act"
    assert kpis.schedule_attainment(volume.with_columns(done=pl.lit(500.0))) == pytest.approx(1.0)
    assert kpis.schedule_attainment(volume.clear()) is None


def test_mix_adherence_adds_up_an_item_before_it_compares() -> None:
    frame = pl.DataFrame({"item": ["x", "x"], "scheduled": [50.0, 50.0], "done": [100.0, 0.0]})
    assert kpis.mix_adherence(frame) == pytest.approx(1.0)


def test_oee_is_the_product_of_its_three_factors() -> None:
    # 80 of 100 hours run; 720 of 800 possible units made; 684 of 720 good: 0.8 × 0.9 × 0.95.
    score = kpis.oee(planned_hours=100, run_hours=80, made=720, good=684, units_per_hour=10)
    assert score.value == pytest.approx(0.684)
    assert score.text.endswith("80.0% × 90.0% × 95.0%")
    assert kpis.oee(planned_hours=100, run_hours=0, made=0, good=0, units_per_hour=10).value is None


# Inventory and cash


def test_days_of_supply_looks_backward() -> None:
    assert kpis.days_of_supply(stock_value=300.0, annual_cost_of_goods=3650.0) == pytest.approx(30.0)
    assert kpis.days_of_supply(stock_value=300.0, annual_cost_of_goods=0.0) is None


def test_forward_cover_counts_the_fraction_of_the_last_period() -> None:
    frame = pl.DataFrame(
        {
            "item": ["x"] * 3 + ["y"] * 3 + ["z"] * 3,
            "location": ["W"] * 9,
            "index": [2, 0, 1] + [0, 1, 2] * 2,
            "stock": [25.0] * 3 + [100.0] * 3 + [5.0] * 3,
            "demand": [10.0, 10.0, 20.0, 10.0, 10.0, 10.0, 0.0, 0.0, 10.0],
        }
    )
    cover = kpis.forward_cover(frame, beyond=13.0)
    # x: 10 in the first period, 15 of 20 in the second; y outlasts the horizon; z: two without demand,
    # half the third.
    assert cover["cover"].to_list() == pytest.approx([1.75, 13.0, 2.5])
    assert kpis.forward_cover(frame)["cover"].to_list() == [pytest.approx(1.75), None, pytest.approx(2.5)]


def test_excess_and_obsolete_never_count_a_unit_twice() -> None:
    frame = pl.DataFrame(
        {
            "item": ["x", "y", "z"],
            "location": ["W"] * 3,
            "stock": [100.0, 20.0, 30.0],
            "demand_per_month": [20.0, 20.0, 0.0],
            "standard_cost": [2.0, 2.0, 5.0],
        }
    )
    found = kpis.excess_and_obsolete(frame, months=3)
    assert found["excess"].to_list() == [80.0, 0.0, 0.0]
    assert found["obsolete"].to_list() == [0.0, 0.0, 150.0]


def test_cash_to_cash_with_balances_and_with_terms() -> None:
    # Stock 30 days + customers 45 days − suppliers 200 ÷ (1825 ÷ 365 = 5 a day) = 40 days.
    balances = kpis.cash_to_cash(
        stock_value=300,
        annual_cost_of_goods=3650,
        receivable_days=45,
        payables=200,
        annual_material_cost=1825,
    )
    assert balances.value == pytest.approx(35.0)
    terms = kpis.cash_to_cash(stock_value=300, annual_cost_of_goods=3650, receivable_days=45, payable_days=60)
    assert terms.value == pytest.approx(15.0)
    unset = kpis.cash_to_cash(stock_value=300, annual_cost_of_goods=3650, receivable_days=None)
    assert "set terms.receivable_days" in unset.text


def test_expediting_is_the_extra_paid_by_cause_largest_first() -> None:
    frame = pl.DataFrame(
        {
            "cause": ["late container", "promotion", "late container"],
            "units": [10.0, 100.0, 5.0],
            "expedited_cost": [8.0, 3.0, 8.0],
            "standard_cost": [5.0, 2.0, 5.0],
        }
    )
    assert kpis.expediting(frame).rows() == [("promotion", 100.0, 100.0), ("late container", 15.0, 45.0)]


# Stability


def test_churn_counts_what_left_and_what_came() -> None:
    units = pl.DataFrame({"change": [-10.0, 30.0, -50.0], "before": [100.0, 100.0, 50.0]})
    assert units.select(CHURN).item() == pytest.approx(90 / 250)
    assert units.clear().select(CHURN).item() is None
    assert [judged("churn_inside", value) for value in (0.05, 0.10, 0.20)] == ["good", "watch", "act"]


# Scores


def test_a_band_counts_both_sides() -> None:
    band = Band(good=(-0.05, 0.05), watch=(-0.10, 0.10))
    assert [band.judge(value) for value in (-0.2, -0.07, 0.0, 0.1, 0.11)] == [
        "act",
        "watch",
        "good",
        "watch",
        "act",
    ]


@pytest.mark.parametrize(
    ("score", "shown"),
    [
        (Score("a", 0.9312, "%", "good", ""), "93.1\u00a0%"),
        (Score("a", 12.34, "days", "good", ""), "12.3\u00a0days"),
        (Score("a", 40200.4, "EUR", "good", ""), "EUR\u00a040,200"),
        (Score("a", -1.714, "ratio", "good", ""), "−1.71"),
        (Score("a", 3.0, "orders", "good", ""), "3\u00a0orders"),
        (Score("a", None, "%", "unknown", "why"), "insufficient history"),
    ],
)
def test_a_score_is_shown_with_its_unit(score: Score, shown: str) -> None:
    assert score.shown == shown
    assert score.as_dict()["shown"] == shown
