"""Figures that contradict the extract before, standard cost, or sense: warnings, and a stop where money is made of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from soe_lib.errors import DataError
from soe_lib.model.checks import check, read
from tests.unit.extract.company import FILES, SETTINGS, swap, write

Changes = dict[str, str | bytes | None]


def two_weeks(folder: Path, changes: Changes) -> Path:
    """The company's extract of the week before as it is, this week's with changes."""
    before = SETTINGS.replace("2026-11-16", "2026-11-09")
    write(folder / "2026-11-09", {"settings.toml": before})
    write(folder / "2026-11-16", changes)
    return folder


def said(folder: Path, word: str) -> list[tuple[str, str, str]]:
    """Findings whose text has the word: (level, table, column)."""
    return [(one.level, one.table, one.column) for one in check(folder).findings if word in one.rule]


@pytest.mark.parametrize(
    ("changes", "table", "column"),
    [
        (swap("items.csv", ",6,20,5", ",6,2000,5"), "items", "price"),
        (swap("offers.csv", "RM,P,2,7", "RM,P,200,7"), "offers", "unit_cost"),
        (swap("operations.csv", "fill,L1,0.1,", "fill,L1,6,"), "operations", "hours_per_unit"),
        (swap("components.csv", "R,RM,2", "R,RM,2000"), "components", "quantity"),
        (swap("resources.csv", "line,40", "line,4000"), "resources", "hourly_cost"),
        (swap("routings.csv", "P,1,0.9,,2026-12-01", "P,1,0.09,,2026-12-01"), "routings", "yield"),
        (swap("customers.csv", "0.5,14", "50,14"), "customers", "late_cost"),
    ],
)
def test_a_figure_that_is_many_times_last_weeks(tmp_path: Path, changes: Changes, table: str, column: str) -> None:
    assert ("warn", table, column) in said(two_weeks(tmp_path, changes), "of 2026-11-09")


def test_usual_changes_are_none(tmp_path: Path) -> None:
    assert said(two_weeks(tmp_path, swap("items.csv", ",6,20,5", ",6,45,5")), "of 2026-11-09") == []


def test_what_is_usual_is_a_setting(tmp_path: Path) -> None:
    wide = {**swap("items.csv", ",6,20,5", ",6,100,5"), "settings.toml": f"{SETTINGS}[plausibility]\nchange = 5\n"}
    assert said(two_weeks(tmp_path, wide), "of 2026-11-09") == []


def test_a_total_in_another_unit(tmp_path: Path) -> None:
    head, rows = FILES["forecast.csv"].split("\n", 1)[0], range(48, 58)
    text = {
        size: "\n".join([head, *(f"FG,M,C1,2026-W{min(n, 53)},{size},0,20" for n in rows if n < 54)] + [
            f"FG,M,C1,2027-W0{n},{size},0,20" for n in range(1, 6)]) + "\n" for size in (10, 1200)
    }  # fmt: skip
    folder = two_weeks(tmp_path, {"forecast.csv": text[1200]})
    (folder / "2026-11-09" / "forecast.csv").write_text(text[10])
    assert said(folder, "In total") == [("warn", "forecast", "quantity")]


class TestStandardCost:
    @pytest.mark.parametrize("price", ["2000", "20000"])
    def test_a_price_in_cents(self, tmp_path: Path, price: str) -> None:
        found = said(write(tmp_path, swap("items.csv", ",6,20,5", f",6,{price},5")), "times the standard cost")
        assert found == [("warn", "items", "price")]

    def test_one_line_of_many(self, tmp_path: Path) -> None:
        changes = swap("forecast.csv", "2026-W48,100,10,20", "2026-W48,100,10,20000")
        assert said(write(tmp_path, changes), "times the standard cost") == [("warn", "forecast", "price")]

    @pytest.mark.parametrize("cost", ["9", "0.4"])
    def test_a_purchase(self, tmp_path: Path, cost: str) -> None:
        changes = swap("offers.csv", "RM,P,2,7", f"RM,P,{cost},7")
        assert said(write(tmp_path, changes), "the item's standard cost") == [("warn", "offers", "unit_cost")]

    @pytest.mark.parametrize(
        "changes",
        [
            swap("operations.csv", "fill,L1,0.1,", "fill,L1,6,"),
            swap("components.csv", "R,RM,2", "R,RM,2000"),
        ],
    )
    def test_what_goes_into_a_unit(self, tmp_path: Path, changes: Changes) -> None:
        """2 kg at 2, 0.1 h at 40 and 1 come to 9, 10 a good unit; the standard cost is 6."""
        assert said(write(tmp_path, changes), "come to") == [("warn", "routings", "item")]

    def test_the_company_itself(self, tmp_path: Path) -> None:
        assert check(write(tmp_path)).findings == ()


class TestYields:
    @pytest.mark.parametrize(("share", "level"), [("98.5", "stop"), ("1.2", "warn")])
    def test_above_one(self, tmp_path: Path, share: str, level: str) -> None:
        changes = {"routings.csv": FILES["routings.csv"].replace("0.9", share)}
        assert said(write(tmp_path, changes), "good units") == [(level, "routings", "yield")]

    def test_a_company_of_which_it_is_true(self, tmp_path: Path) -> None:
        changes = {
            "routings.csv": FILES["routings.csv"].replace("0.9", "24"),
            "settings.toml": f"{SETTINGS}[plausibility]\nhighest_yield = 24\n",
        }
        assert said(write(tmp_path, changes), "good units") == []


class TestMoneyFromNothing:
    """The finished item costs 10 to make, 6 at standard; hours bound it, so that the plan has an end."""

    def test_an_end_value_above_what_it_costs_stops(self, tmp_path: Path) -> None:
        folder = write(tmp_path, swap("items.csv", ",6,20,5", ",6,20,500"))
        assert said(folder, "money from nothing") == [("stop", "items", "end_value")]
        with pytest.raises(DataError, match="money from nothing"):
            read(folder)

    def test_below_its_standard_cost_it_is_overhead(self, tmp_path: Path) -> None:
        folder = write(tmp_path, swap("items.csv", ",6,20,5", ",13,20,12"))
        assert said(folder, "money from nothing") == []
        assert said(folder, "builds stock up to its limits") == [("warn", "items", "end_value")]

    def test_a_maximum_makes_it_no_better(self, tmp_path: Path) -> None:
        head = "offer,supplier,item,location,unit_cost,lead_time_days,maximum\n"
        changes = {**swap("items.csv", "kg,2,,1", "kg,2,,3"), "offers.csv": f"{head}O,Kobe,RM,P,2,7,50\n"}
        assert said(write(tmp_path, changes), "money from nothing") == [("stop", "items", "end_value")]

    def test_without_a_standard_cost_the_price_is_the_measure(self, tmp_path: Path) -> None:
        above = swap("items.csv", ",6,20,5", ",,20,21")
        assert said(write(tmp_path / "a", above), "money from nothing") == [("stop", "items", "end_value")]
        below = swap("items.csv", ",6,20,5", ",,20,15")
        assert said(write(tmp_path / "b", below), "up to its limits") == [("warn", "items", "end_value")]


OFFERS = "offer,supplier,item,location,unit_cost,lead_time_days,valid_from,valid_to\n"
PRICES = "offer,period,date,unit_cost\n"
MONTHS = "".join(f"O,{month},,2\n" for month in ("2026-11", "2026-12", "2027-01", "2027-02"))


class TestWhatIsInForce:
    """Resin costs 2 in this horizon, and is worth 1.9 at its end; what it cost before, or next year, is no way to it."""

    @pytest.mark.parametrize(
        "changes",
        [
            {"offers.csv": f"{OFFERS}O,Kobe,RM,P,1.5,7,2025-01-01,2025-12-31\nO,Kobe,RM,P,2,7,2026-01-01,\n"},
            {"offers.csv": f"{OFFERS}O,Kobe,RM,P,2,7,,\nN,Oslo,RM,P,1.5,7,2028-01-01,\n"},
            {"offer_prices.csv": f"{PRICES}O,2026-W40,,1.5\nO,2026-W49,,2.1\n"},
            {**swap("offers.csv", "RM,P,2,7", "RM,P,1.5,7"), "offer_prices.csv": PRICES + MONTHS},
            {"offer_prices.csv": f"{PRICES}O,,2026-12-10,1.5\n"},  # its week is at (6 × 2 + 1.5) ÷ 7 = 1.93
            {
                "lanes.csv": "lane,origin,destination,item,lead_time_days,cost_per_unit,valid_to\nP>M,P,M,,2,0.5,\n"
                "M>P,M,P,RM,0,0,2026-01-31\n",
                "offers.csv": f"{OFFERS}O,Kobe,RM,P,2,7,,\nC,Kobe,RM,M,1,0,,2026-01-31\n",
            },
            {
                "routings.csv": FILES["routings.csv"] + "Q,RM,P,1.5,1,,,2026-06-30\n",
                "operations.csv": FILES["operations.csv"] + "Q,mix,L1,0.001,\n",
            },
        ],
    )
    def test_old_terms_are_no_way_to_get_it(self, tmp_path: Path, changes: Changes) -> None:
        folder = write(tmp_path, {**swap("items.csv", "kg,2,,1", "kg,2,,1.9"), **changes})
        assert said(folder, "end_value is") == []
        assert read(folder)["offers"].height

    @pytest.mark.parametrize(
        "changes",
        [
            {"offer_prices.csv": f"{PRICES}O,2026-W49,,1.5\n"},
            {"offers.csv": f"{OFFERS}O,Kobe,RM,P,1.5,7,,2026-11-20\nO,Kobe,RM,P,2,7,2026-11-21,\n"},
        ],
    )
    def test_terms_of_one_period_are(self, tmp_path: Path, changes: Changes) -> None:
        folder = write(tmp_path, {**swap("items.csv", "kg,2,,1", "kg,2,,1.9"), **changes})
        assert ("stop", "offers", "item") in said(folder, "end_value is")

    def test_old_terms_are_not_held_against_standard_cost(self, tmp_path: Path) -> None:
        rows = "O,Kobe,RM,P,0.2,7,2019-01-01,2019-12-31\nO,Kobe,RM,P,2,7,2020-01-01,\n"
        assert said(write(tmp_path, {"offers.csv": OFFERS + rows}), "the item's standard cost") == []


@pytest.mark.parametrize(
    ("changes", "table", "column"),
    [
        (swap("inventory.csv", "FG,M,,30", "FG,M,,3000"), "inventory", "on_hand"),
        (swap("policies.csv", "10,,1", "9000,,1"), "policies", "safety_stock"),
    ],
)
def test_stock_for_years(tmp_path: Path, changes: Changes, table: str, column: str) -> None:
    """277 are asked for in three months."""
    assert said(write(tmp_path, changes), "months of demand") == [("warn", table, column)]
