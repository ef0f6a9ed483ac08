"""Edits: each action on hand-made rows, filters through references and labels of time, errors that name the nearest."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl
import pytest

from soe_lib.errors import DataError
from soe_lib.whatif.scenario import Scenario


def values(snapshot, table, column, **where):
    """One column of the rows that the plain filters leave, in the table's order."""
    return snapshot[table].filter(*(pl.col(name) == value for name, value in where.items()))[column].to_list()


def test_scale_touches_only_the_rows_meant_and_leaves_the_snapshot_alone(tiny):
    before = tiny.fingerprint
    edited = Scenario("half").scale("orders.quantity", 0.5, item="A").apply(tiny)
    assert dict(edited["orders"].select("order", "quantity").rows()) == {"O1": 5.0, "O2": 5.0}
    assert tiny.fingerprint == before, "a scenario never changes what it is applied to"
    assert edited.fingerprint != before


def test_set_add_and_a_list_of_values(tiny):
    edited = (
        Scenario("costs")
        .set("offers.unit_cost", 3.2, offer="R1")
        .add_to("orders.quantity", 100, order=["O1", "O2"])
        .set("offers.maximum", None, offer="R2")
        .set("offers.expedite", True, supplier="Osaka")
        .set("orders.due_on", date(2026, 12, 4), order="O1")
        .set("customers.priority", 3, customer="C2")
        .apply(tiny)
    )
    assert values(edited, "offers", "unit_cost") == [3.2, 1.5]
    assert values(edited, "orders", "quantity") == [110.0, 105.0]
    assert values(edited, "offers", "maximum") == [None, None]
    assert values(edited, "offers", "expedite") == [False, True]
    assert values(edited, "orders", "due_on", order="O1") == [date(2026, 12, 4)]
    assert values(edited, "customers", "priority") == [1, 3]


def test_edits_follow_one_another(tiny):
    edited = Scenario("twice").set("orders.quantity", 8, order="O1").scale("orders.quantity", 3, order="O1").apply(tiny)
    assert values(edited, "orders", "quantity", order="O1") == [24.0]


def test_delay_finds_the_supplier_of_a_receipt_through_its_offer(tiny):
    edited = Scenario("late").delay("receipts", days=9, supplier="Kobe").apply(tiny)
    assert values(edited, "receipts", "due_on") == [date(2026, 11, 27), date(2026, 11, 20), date(2026, 11, 17)]


def test_delay_lengthens_lead_times(tiny):
    edited = Scenario("slow").delay("lanes", days=2, lane="P>M").delay("offers", days=1.5, supplier="Kobe").apply(tiny)
    assert dict(edited["lanes"].select("lane", "lead_time_days").rows()) == {"P>M": 3.0, "air": 0.0}
    assert values(edited, "offers", "lead_time_days", offer="R1") == [8.5]


def test_filters_reach_two_references_away(tiny):
    # an operation's routing makes an item of a family
    edited = Scenario("faster").scale("operations.hours_per_unit", 0.5, family="Other").apply(tiny)
    assert values(edited, "operations", "hours_per_unit") == [0.1, 0.1, 0.1]
    by_segment = Scenario("gold").scale("orders.quantity", 2, segment="gold").apply(tiny)
    assert values(by_segment, "orders", "quantity") == [20.0, 5.0]


def test_drop_takes_what_needs_the_row_and_blanks_what_only_mentions_it(tiny):
    edited = Scenario("no air").drop("lanes", lane="air").apply(tiny)
    assert values(edited, "lanes", "lane") == ["P>M"]
    assert values(edited, "receipts", "lane") == ["", "", ""], "the receipt on that lane still arrives"
    without = Scenario("no A").drop("routings", item="A").apply(tiny)
    assert values(without, "operations", "routing") == ["make B"]
    assert values(without, "components", "routing") == ["make B"]


def test_an_event_is_a_row_with_its_label_of_time_resolved(tiny):
    edited = (
        Scenario("down")
        .event(kind="downtime", target="L1", period="2026-W48", hours=24)
        .event(kind="delay", target="X1", from_="2026-11-16", to=date(2026, 11, 20), days=4, note="storm")
        .apply(tiny)
    )
    rows = {row["event"]: row for row in edited["events"].to_dicts()}
    assert set(rows) == {"E1", "edit 1", "edit 2"}
    assert (rows["edit 1"]["from"], rows["edit 1"]["to"]) == (date(2026, 11, 23), date(2026, 11, 29))
    assert rows["edit 1"]["hours"] == 24.0
    assert (rows["edit 2"]["days"], rows["edit 2"]["note"]) == (4.0, "storm")


def test_settings_can_be_edited(tiny):
    edited = Scenario("s").set("settings.costs.capital_rate", 0.01).set("settings.fence.frozen_days", 7).apply(tiny)
    assert edited.settings.costs.capital_rate == 0.01
    assert edited.settings.fence.frozen_days == 7
    assert tiny.settings.fence.frozen_days == 0


# -- labels of time --------------------------------------------------------------------------------------------------


def test_a_week_means_all_its_days(tiny):
    edited = Scenario("x").scale("calendar.hours", 0.0, resource="L2", period="2026-W48").apply(tiny)
    assert values(edited, "calendar", "hours", resource="L2") == [0.0, 0.0, 35.0]


def test_a_month_means_its_weeks_and_days(tiny):
    # W48 ends on 29 November, W49 begins on 30 November and lies in both months
    edited = Scenario("x").scale("calendar.hours", 0.0, resource="L2", period="2026-11").apply(tiny)
    left = edited["calendar"].filter(pl.col("resource") == "L2")
    # of W49's 35 hours the 7 of Monday 30 November are gone
    assert left["hours"].sum() == 28.0


def test_a_day_cuts_a_week_by_working_days_and_the_rest_stays(tiny):
    edited = Scenario("x").scale("calendar.hours", 0.0, resource="L1", period="2026-11-25").apply(tiny)
    rows = edited["calendar"].filter(pl.col("resource") == "L1", pl.col("date").is_not_null()).sort("date")
    assert rows["hours"].to_list() == [8.0, 8.0, 0.0, 8.0, 8.0], "40 hours over Monday to Friday, Wednesday gone"
    assert rows["overtime_hours"].sum() == 10.0
    assert values(edited, "calendar", "hours", resource="L1", period="2026-W49") == [40.0]


def test_a_forecast_is_cut_in_whole_units_as_the_plan_splits_it(tiny):
    scenario = Scenario("x").scale("forecast.quantity", 1.0, item="A", customer="C1", period="2026-11-27")
    edited = scenario.apply(tiny)
    mine = (pl.col("item") == "A") & (pl.col("customer") == "C1") & (pl.col("version") == "now")
    days = edited["forecast"].filter(mine, pl.col("date").is_not_null()).sort("date")
    assert days["quantity"].to_list() == [21.0, 21.0, 21.0, 20.0, 20.0], "103 units: three left over go first"
    by_plan = tiny.calendar.split(tiny["forecast"].filter(mine, pl.col("period") == "2026-W48").drop("date"))
    assert by_plan["quantity"].to_list() == days["quantity"].to_list()


def test_only_the_forecast_that_is_planned_with_is_edited(tiny):
    edited = Scenario("x").scale("forecast.quantity", 2.0, period="2026-W48").apply(tiny)
    assert values(edited, "forecast", "quantity", version="old") == [90.0]
    assert sorted(values(edited, "forecast", "quantity", version="now", period="2026-W48")) == [100.0, 206.0]
    old = Scenario("x").scale("forecast.quantity", 2.0, version="old").apply(tiny)
    assert values(old, "forecast", "quantity", version="old") == [180.0]


@pytest.mark.parametrize("label", ["2026-W48", "2026-11", date(2026, 11, 25), "2026-11-25"])
def test_dates_take_labels_too(tiny, label):
    edited = Scenario("x").scale("orders.quantity", 10, due_on=label).apply(tiny)
    assert values(edited, "orders", "quantity") == [100.0, 5.0]
    assert (
        values(Scenario("x").scale("orders.quantity", 10, period=label).apply(tiny), "orders", "quantity")[0] == 100.0
    )


# -- what cannot be meant ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Scenario("x").scale("calendar.hours", 0, resource="L3"), "No row of calendar has resource L3. The nearest are L1, L2."),
        (lambda: Scenario("x").delay("receipts", days=1, supplier="Kobo"), "has supplier Kobo. The nearest are Kobe, Osaka."),
        (lambda: Scenario("x").scale("calendar.hours", 0, resource=["L1", "L9"]), "resource L9"),
        (lambda: Scenario("x").scale("orders.quantity", 2, item="A", customer="C2"), "none in common"),
        (lambda: Scenario("x").scale("calendar.hours", 0, period="2026-W99"), "2026 has no week 99"),
        (lambda: Scenario("x").scale("calendar.hours", 0, period="2026-W40"), "Its days go from 2026-11-23 to 2026-12-06"),
        (lambda: Scenario("x").scale("calendar.hours", 0, suplier="Kobe"), "calendar has nothing called suplier"),
        (lambda: Scenario("x").scale("orders.price", 2, order="O2"), "have a blank price"),
        (lambda: Scenario("x").drop("workforce"), "has no row to edit"),
        (lambda: Scenario("x").set("settings.objective.mod", "fill"), "Did you mean objective.mode?"),
        (lambda: Scenario("x").set("settings.lead_time.dispatch", "noon"), "one of spread, end, start"),
        (lambda: Scenario("x").set("settings.fence.frozen_days", "seven"), "does not fit"),
    ],
)  # fmt: skip
def test_an_edit_that_touches_nothing_says_why(tiny, make, words):
    with pytest.raises(DataError) as stopped:
        make().apply(tiny)
    assert words in str(stopped.value)
    assert "Scenario 'x', edit 1" in str(stopped.value)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Scenario("x").scale("calender.hours", 0), "There is no table 'calender' to edit. Did you mean calendar?"),
        (lambda: Scenario("x").scale("calendar.hour", 0), "calendar has no column 'hour'. Did you mean hours?"),
        (lambda: Scenario("x").scale("calendar", 0), "write it behind a dot"),
        (lambda: Scenario("x").scale("items.family", 2), 'use .set("items.family"'),
        (lambda: Scenario("x").scale("orders.quantity", "two"), "needs a number"),
        (lambda: Scenario("x").set("items.item", "Z"), "part of the row's key"),
        (lambda: Scenario("x").set("orders.due_on", 3), "must be a date, not 3"),
        (lambda: Scenario("x").set("orders.quantity", None), "must be a number, not blank"),
        (lambda: Scenario("x").delay("inventory", days=2), "cannot be late"),
        (lambda: Scenario("x").delay("receipts", days=1.5), "whole days"),
        (lambda: Scenario("x").event(kind="downtime", target="L1", hors=3), "events has no column 'hors'. Did you mean hours?"),
        (lambda: Scenario("x").set("orders.quantity", {"a": 1}), "not dict"),
        (lambda: Scenario("x").drop("lanes", lane=[]), "empty list"),
    ],
)  # fmt: skip
def test_a_meaningless_edit_is_refused_when_it_is_written(make, words):
    with pytest.raises(DataError) as stopped:
        make()
    assert words in str(stopped.value)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Scenario("x").set("orders.committed", 11, order="O1"), "committed is above quantity"),
        (lambda: Scenario("x").add_to("orders.quantity", -11, order="O1"), "makes the order negative"),
        (lambda: Scenario("x").add_to("forecast.quantity", -104, customer="C1", period="2026-W48"), "forecast as edited"),
        (lambda: Scenario("x").event(kind="downtime", target="L7", period="2026-W48"), "The target of a downtime is not known"),
        (lambda: Scenario("x").set("routings.yield", 0, item="A"), "yield"),
        (lambda: Scenario("x").set("items.end_value", 50, item="R"), "its end_value is 50"),
        (lambda: Scenario("x").set("orders.customer", "C9", order="O1"), "C9"),
    ],
)  # fmt: skip
def test_the_contract_is_checked_again(tiny, make, words):
    with pytest.raises(DataError) as stopped:
        make().apply(tiny)
    assert words in str(stopped.value)
    assert "findings stop it" in str(stopped.value)
    assert stopped.value.findings, "the findings travel with the error"


def test_numbers_of_arrays_are_recorded_as_plain_ones():
    edit = Scenario("x").scale("orders.quantity", np.float64(1.5), order=np.array(["O1"])).edits[0]
    assert type(edit.amount) is float
    assert edit.where == (("order", ("O1",)),)
