"""The same figures always give the same words."""

from __future__ import annotations

from datetime import date

import pytest

from soe_lib.review import words

NB = words.HARD_SPACE


@pytest.mark.parametrize(
    ("value", "written"),
    [(1234.5, "1,234"), (-1234.6, "−1,235"), (-0.2, "0"), (0.0, "0"), (None, "not known"), (float("nan"), "not known")],
)
def test_numbers_have_separators_and_a_true_minus(value: float | None, written: str) -> None:
    assert words.number(value) == written


def test_a_sign_is_never_put_on_a_zero() -> None:
    assert words.number(0.3, sign=True) == "0"
    assert words.number(3.4, sign=True) == "+3"


@pytest.mark.parametrize(
    ("amount", "written"),
    [
        (4210.0, f"EUR{NB}4,210"),
        (9999.6, f"EUR{NB}10{NB}thousand"),
        (86_400.0, f"EUR{NB}86{NB}thousand"),
        (999_600.0, f"EUR{NB}1.00{NB}million"),
        (1_240_000.0, f"EUR{NB}1.24{NB}million"),
        (-24_500_000.0, f"EUR{NB}−24.5{NB}million"),
        (2_500_000_000.0, f"EUR{NB}2.50{NB}billion"),
    ],
)
def test_money_of_a_headline_keeps_three_digits(amount: float, written: str) -> None:
    assert words.brief_money(amount, "EUR") == written


def test_money_without_a_currency_is_a_number() -> None:
    assert words.money(12.5, "", cents=True) == "12.50"
    assert words.money(1200.0, "EUR", sign=True) == f"EUR{NB}+1,200"


@pytest.mark.parametrize(
    ("size", "noun", "said"),
    [(0, "order", "no orders"), (1, "order", "1 order"), (1200, "box", "1,200 boxes"), (2, "delivery", "2 deliveries")],
)
def test_nouns_are_counted(size: int, noun: str, said: str) -> None:
    assert words.count(size, noun) == said


def test_lists_name_each_once_and_count_the_rest() -> None:
    assert words.listing([]) == "none"
    assert words.listing(["A"]) == "A"
    assert words.listing(["A", "B", "A"]) == "A and B"
    assert words.listing(["A", "B", "C"]) == "A, B and C"
    assert words.listing(["A", "B", "C", "D"]) == "A, B, C and 1 more"


@pytest.mark.parametrize(
    ("period", "name"),
    [
        ("2026-W48", "week 48"),
        ("2027-W01", "week 1"),
        ("2026-11-17", "Tue 17 Nov"),
        ("2026-11", "Nov 2026"),
        ("2026-13", "2026-13"),
        ("beyond", "after the horizon"),
        ("Q3", "Q3"),
    ],
)
def test_periods_are_named_as_people_say_them(period: str, name: str) -> None:
    assert words.period_name(period) == name


def test_days_sentences_and_comparisons() -> None:
    assert words.day(date(2026, 11, 17)) == "Tue 17 Nov"
    assert words.full_day(None) == "not known"
    assert words.sentence(" two lines are full ") == "Two lines are full."
    assert words.sentence("Really?") == "Really?"
    assert words.versus(94, 100) == f"6{NB}% below"
    assert words.versus(100, 100) == "level with"
    assert words.versus(5, 0) == "5 above"
    assert words.anchor("Late receipts and events") == "Late-receipts-and-events"


def test_several_periods_are_said_in_one_breath() -> None:
    assert words.periods(["2026-W47", "2026-W48", "2026-W49"]) == "weeks 47 to 49"
    assert words.periods(["2026-W52", "2026-W53", "2027-W01"]) == "weeks 52 to 1"
    assert words.periods(["2026-W47", "2026-W49"]) == "weeks 47 and 49"
    assert words.periods(["2026-W47", "2026-W48"]) == "weeks 47 and 48"
    assert words.periods(["2026-W47"]) == "week 47"
    assert words.periods(["2026-11-17", "2026-W48"]) == "Tue 17 Nov and week 48"
    assert words.periods([f"2026-W{n:02d}" for n in (1, 3, 5, 7, 9)]) == "weeks 1, 3, 5, 7 and 1 more"
