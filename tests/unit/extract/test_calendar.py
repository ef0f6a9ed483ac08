"""Splits, lead times and months by hand: every expected figure can be counted on a wall calendar."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest

from soe_lib.errors import DataError
from soe_lib.extract.calendar import Calendar, build, horizon

MONDAY = date(2026, 11, 16)  # week 47 of 2026
WEDNESDAY = date(2026, 11, 18)


def calendar(
    as_of: date = MONDAY, *, weeks: int = 13, daily: int = 14, per: str = "week", fiscal: str = "months"
) -> Calendar:
    periods = horizon(as_of, weeks=weeks, daily=daily)
    return build(periods, as_of, per=per, fiscal=fiscal, working_days=(1, 2, 3, 4, 5))


def given(*periods: tuple[str, date, date], fiscal: str = "months", per: str = "period") -> Calendar:
    frame = pl.DataFrame(periods, schema=["period", "starts_on", "ends_on"], orient="row")
    return build(frame, periods[0][1], per=per, fiscal=fiscal, working_days=(1, 2, 3, 4, 5))


def shares(time: Calendar, label: str) -> dict[str, float]:
    rows = time.shares(pl.Series([label]))
    assert rows["label"].unique().to_list() in ([label], [])
    return dict(rows.select("period", "share").iter_rows())


def arrive(time: Calendar, period: str, days: float, dispatch: str = "spread") -> dict[str, float]:
    rows = time.arrivals(pl.DataFrame({"period": [period], "lead_days": [float(days)]}), dispatch)
    return dict(rows.select("arrival", "share").iter_rows())


class TestHorizon:
    def test_from_a_monday(self) -> None:
        periods = calendar().periods
        assert periods["period"].to_list()[:2] == ["2026-11-16", "2026-11-17"]
        assert periods["kind"].to_list() == ["day"] * 14 + ["week"] * 11
        assert periods["period"][14] == "2026-W49"
        assert periods["ends_on"][-1] == date(2027, 2, 14)  # 13 weeks = 91 days, a Sunday

    def test_days_run_to_the_sunday_on_or_after_the_14th(self) -> None:
        periods = calendar(WEDNESDAY).periods
        days = periods.filter(pl.col("kind") == "day")
        assert days.height == 19  # 18 November + 13 days is 1 December, its Sunday the 6th
        assert days["ends_on"][-1] == date(2026, 12, 6)
        assert periods["period"][19] == "2026-W50"

    def test_weeks_only_start_within_a_week(self) -> None:
        first = calendar(WEDNESDAY, daily=0).periods.row(0, named=True)
        assert (first["period"], first["starts_on"], first["days"]) == ("2026-W47", WEDNESDAY, 5)

    def test_week_53_is_a_week_like_any_other(self) -> None:
        periods = calendar().periods
        week = periods.filter(pl.col("period") == "2026-W53").row(0, named=True)
        assert (week["starts_on"], week["ends_on"]) == (date(2026, 12, 28), date(2027, 1, 3))
        assert periods["period"][week["index"] + 1] == "2027-W01"

    def test_no_gap_and_no_overlap(self) -> None:
        periods = calendar(WEDNESDAY).periods
        steps = (periods["starts_on"].shift(-1) - periods["ends_on"]).dt.total_days().drop_nulls()
        assert (steps == 1).all()
        assert periods["index"].to_list() == list(range(periods.height))

    @pytest.mark.parametrize(
        ("per", "day", "week"), [("day", 1, 7), ("week", 1 / 7, 1), ("year", 1 / 365, 7 / 365), ("period", 1, 1)]
    )
    def test_length(self, per: str, day: float, week: float) -> None:
        lengths = calendar(per=per).periods["length"]
        assert lengths[0] == pytest.approx(day)
        assert lengths[-1] == pytest.approx(week)

    def test_month_of_the_majority_of_days(self) -> None:
        months = dict(calendar().periods.select("period", "month").iter_rows())
        assert months["2026-W49"] == "2026-12"  # 30 November to 6 December: six days of December
        assert months["2026-W53"] == "2026-12"  # 28 December to 3 January: four of December

    def test_given_periods(self) -> None:
        time = given(("Feb", date(2026, 2, 1), date(2026, 2, 28)), ("Mar", date(2026, 3, 1), date(2026, 3, 31)))
        assert time.periods["kind"].to_list() == ["given", "given"]
        assert time.periods["days"].to_list() == [28, 31]
        assert time.periods["length"].to_list() == [1.0, 1.0]


class TestLabels:
    def test_a_period_is_itself(self) -> None:
        assert shares(calendar(), "2026-W50") == {"2026-W50": 1.0}

    def test_a_week_over_days_by_working_days(self) -> None:
        assert shares(calendar(), "2026-W48") == {f"2026-11-{day}": 0.2 for day in range(23, 28)}

    def test_days_before_the_horizon_keep_their_share(self) -> None:
        assert shares(calendar(WEDNESDAY), "2026-W47") == {f"2026-11-{day}": 0.2 for day in (18, 19, 20)}

    def test_a_saturday_is_split_by_days(self) -> None:
        assert shares(calendar(), "2026-11-21") == {"2026-11-21": 1.0}
        assert shares(calendar(), "2026-12-05") == {"2026-W49": 1.0}

    def test_a_calendar_month_over_weeks(self) -> None:
        # January 2027 has 21 working days: Friday the 1st in week 53, then four weeks of five
        assert shares(calendar(), "2027-01") == pytest.approx(
            {"2026-W53": 1 / 21, "2027-W01": 5 / 21, "2027-W02": 5 / 21, "2027-W03": 5 / 21, "2027-W04": 5 / 21}
        )

    def test_a_fiscal_month_of_a_year_with_53_weeks(self) -> None:
        # 4-4-5 of 2026: month 12 is weeks 48 to 52 and the 53rd, 30 working days from 23 November to 3 January
        found = shares(calendar(fiscal="4-4-5"), "2026-12")
        assert found["2026-W53"] == pytest.approx(5 / 30)
        assert found["2026-11-23"] == pytest.approx(1 / 30)
        assert sum(found.values()) == pytest.approx(1)
        assert len(found) == 5 + 5  # the working days of week 48, then weeks 49 to 53

    def test_a_label_beyond_the_horizon_has_no_part(self) -> None:
        assert shares(calendar(), "2028-W01") == {}

    def test_two_weeks_of_given_months(self) -> None:
        time = given(("Jan", date(2026, 1, 1), date(2026, 1, 31)), ("Feb", date(2026, 2, 1), date(2026, 2, 28)))
        assert shares(time, "2026-W05") == {"Jan": 1.0}  # 26 January to 1 February: the 1st is a Sunday

    @pytest.mark.parametrize("label", ["2025-W53", "2026-W54", "2026-13", "2026-00", "2026-02-30", "W48", "Janu"])
    def test_labels_that_mean_nothing(self, label: str) -> None:
        with pytest.raises(DataError, match=label):
            calendar().shares(pl.Series([label]))

    def test_week_53_exists_in_2026_only(self) -> None:
        spans = calendar().spans(pl.Series(["2026-W53", "2025-W53"]))
        assert spans.rows() == [("2025-W53", None, None), ("2026-W53", date(2026, 12, 28), date(2027, 1, 3))]

    def test_29_february(self) -> None:
        time = given(("Feb", date(2028, 2, 1), date(2028, 2, 29)))
        assert shares(time, "2028-02-29") == {"Feb": 1.0}


class TestFiscalMonths:
    @pytest.mark.parametrize(
        ("day", "month"),
        [
            (date(2025, 12, 29), "2026-01"),  # Monday of week 1
            (date(2026, 1, 25), "2026-01"),  # Sunday of week 4
            (date(2026, 1, 26), "2026-02"),  # week 5
            (date(2026, 2, 22), "2026-02"),  # Sunday of week 8
            (date(2026, 2, 23), "2026-03"),  # week 9, the first of five
            (date(2026, 3, 29), "2026-03"),  # Sunday of week 13
            (date(2026, 3, 30), "2026-04"),  # week 14
            (date(2026, 12, 27), "2026-12"),  # Sunday of week 52
            (date(2026, 12, 28), "2026-12"),  # week 53
            (date(2027, 1, 3), "2026-12"),  # its Sunday
            (date(2027, 1, 4), "2027-01"),  # week 1
        ],
    )
    def test_445(self, day: date, month: str) -> None:
        assert calendar(fiscal="4-4-5").fiscal_month(pl.Series([day])).to_list() == [month]

    def test_spans_and_days_agree_over_four_years(self) -> None:
        time = calendar(fiscal="4-4-5")
        days = pl.date_range(date(2024, 1, 1), date(2027, 12, 26), eager=True)
        frame = pl.DataFrame({"day": days, "label": time.fiscal_month(days)})
        spans = time.spans(frame["label"].unique())
        inside = frame.join(spans, on="label", validate="m:1")
        assert inside.height == frame.height
        assert inside.select(pl.col("day").is_between("first", "last").all()).item()

    def test_calendar_months(self) -> None:
        assert calendar().fiscal_month(pl.Series([date(2026, 12, 31)])).to_list() == ["2026-12"]

    def test_iso_week_of_new_year(self) -> None:
        assert calendar().iso_week(pl.Series([date(2027, 1, 1)])).to_list() == ["2026-W53"]

    def test_weeks_split_over_months(self) -> None:
        months = calendar().months
        week = dict(months.filter(pl.col("period") == "2026-W49").select("month", "share").iter_rows())
        assert week == {"2026-11": 0.2, "2026-12": 0.8}  # Monday the 30th, then four working days of December
        totals = months.group_by("period").agg(pl.col("share").sum())
        assert totals["share"].to_list() == pytest.approx([1.0] * 25)


class TestSplit:
    def rows(self, label: str, quantity: float, **more: float) -> pl.DataFrame:
        return pl.DataFrame({"item": ["A"], "period": [label], "quantity": [quantity]}).with_columns(
            **{name: pl.lit(value) for name, value in more.items()}
        )

    def test_largest_remainder(self) -> None:
        # 7 over five days is 1.4 each: one to every day, the two left over to the first two
        split = calendar().split(self.rows("2026-W48", 7))
        assert split["quantity"].to_list() == [2, 2, 1, 1, 1]
        assert split["period"].to_list() == [f"2026-11-{day}" for day in range(23, 28)]

    def test_a_fraction_stays_whole_elsewhere(self) -> None:
        split = calendar().split(self.rows("2026-W48", 7.5))
        assert split["quantity"].to_list() == [2, 2, 1.5, 1, 1]

    def test_in_proportion(self) -> None:
        split = calendar().split(self.rows("2026-W48", 7), whole=False)
        assert split["quantity"].to_list() == pytest.approx([1.4] * 5)

    def test_what_falls_outside_drops_out(self) -> None:
        # from Wednesday: 2.8 of 7 belong to the two days before, 1.4 to each of three: whole units 3, 2, 1 and 1
        split = calendar(WEDNESDAY).split(self.rows("2026-W47", 7))
        assert split.select("period", "quantity").rows() == [("2026-11-18", 2), ("2026-11-19", 1), ("2026-11-20", 1)]

    def test_nothing_is_kept_of_a_label_beyond(self) -> None:
        assert calendar().split(self.rows("2028-W01", 7)).is_empty()

    def test_a_period_keeps_its_fraction_and_its_zero(self) -> None:
        frame = pl.concat([self.rows("2026-W50", 7.25), self.rows("2026-W51", 0.0)])
        assert calendar().split(frame)["quantity"].to_list() == [7.25, 0.0]

    def test_the_committed_part_follows(self) -> None:
        split = calendar().split(self.rows("2026-W48", 7, committed=3.5), along=("committed",))
        assert split["committed"].to_list() == pytest.approx([1, 1, 0.5, 0.5, 0.5])

    def test_a_date_is_a_label(self) -> None:
        frame = pl.DataFrame({"period": [""], "date": [date(2026, 12, 1)], "quantity": [4.0]})
        assert calendar().split(frame)["period"].to_list() == ["2026-W49"]

    @pytest.mark.parametrize("quantity", [1, 5, 13, 99, 1000.25, 123456789])
    @pytest.mark.parametrize("label", ["2026-W48", "2026-12", "2027-01"])
    def test_parts_add_up_exactly(self, quantity: float, label: str) -> None:
        split = calendar().split(self.rows(label, quantity))
        assert split["quantity"].sum() == quantity
        assert (split["quantity"] % 1 != 0).sum() <= 1


class TestArrivals:
    def test_evenly_over_the_days(self) -> None:
        # a week's seven days, three later: Monday to Thursday arrive in the same week, the other three in the next
        assert arrive(calendar(), "2026-W50", 3) == {"2026-W50": 4 / 7, "2026-W51": 3 / 7}

    def test_whole_weeks_are_exact_under_any_convention(self) -> None:
        for dispatch in ("spread", "start", "end"):
            assert arrive(calendar(), "2026-W50", 14, dispatch) == {"2026-W52": 1.0}

    def test_from_the_start_and_from_the_end(self) -> None:
        assert arrive(calendar(), "2026-W50", 6, "start") == {"2026-W50": 1.0}
        assert arrive(calendar(), "2026-W50", 6, "end") == {"2026-W51": 1.0}

    def test_days_are_exact(self) -> None:
        assert arrive(calendar(), "2026-11-16", 5) == {"2026-11-21": 1.0}
        assert arrive(calendar(), "2026-11-16", 14) == {"2026-W49": 1.0}

    def test_no_lead_time(self) -> None:
        assert arrive(calendar(), "2026-W50", 0) == {"2026-W50": 1.0}

    def test_beyond_the_horizon(self) -> None:
        assert arrive(calendar(), "2027-W06", 3) == {"2027-W06": 4 / 7, "beyond": 3 / 7}
        assert arrive(calendar(), "2026-11-16", 500) == {"beyond": 1.0}

    def test_half_a_day(self) -> None:
        assert arrive(calendar(), "2026-11-16", 2.5) == {"2026-11-18": 0.5, "2026-11-19": 0.5}

    def test_shares_add_up(self) -> None:
        time = calendar(WEDNESDAY)
        asked = time.periods.select("period").join(pl.DataFrame({"lead_days": [0.0, 1.0, 2.5, 6.0, 33.0]}), how="cross")
        totals = time.arrivals(asked).group_by("period", "lead_days").agg(pl.col("share").sum())
        assert totals.height == asked.height
        assert totals["share"].to_list() == pytest.approx([1.0] * asked.height)

    def test_by_counting_periods(self) -> None:
        asked = pl.DataFrame({"period": ["2026-W50", "2027-W06"], "lead_periods": [2, 2]})
        assert calendar().later(asked).select("period", "arrival").rows() == [
            ("2026-W50", "2026-W52"),
            ("2027-W06", "beyond"),
        ]

    def test_the_period_of_a_day(self) -> None:
        days = pl.Series([date(2026, 11, 15), date(2026, 11, 16), date(2026, 12, 6), date(2027, 3, 1)])
        assert calendar().period_of(days).to_list() == [None, "2026-11-16", "2026-W49", "beyond"]
