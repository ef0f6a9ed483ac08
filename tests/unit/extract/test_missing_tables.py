"""Tables that are missing or empty: recipes, stock and orders are never taken for none without a word."""

from __future__ import annotations

from pathlib import Path

import pytest

from soe_lib.model.checks import check
from tests.unit.extract.company import FILES, SETTINGS, write

LAST_WEEK = "2026-11-09"


def two_weeks(folder: Path, changes: dict[str, str | bytes | None], company: str = "Small") -> Path:
    """The company's last extract whole, this week's with changes."""
    before = SETTINGS.replace("2026-11-16", LAST_WEEK).replace("Small", company)
    write(folder / LAST_WEEK, {"settings.toml": before, "orders.csv": FILES["orders.csv"].replace(",7,7,", ",8,8,")})
    write(folder / "2026-11-16", changes)
    return folder


def missing(folder: Path) -> list[tuple[str, str]]:
    return [(one.level, one.table) for one in check(folder).findings if "The table" in one.rule]


@pytest.mark.parametrize("name", ["components", "inventory", "orders"])
@pytest.mark.parametrize("header_only", [False, True])
def test_recipes_stock_and_orders_that_were_there_stop(tmp_path: Path, name: str, *, header_only: bool) -> None:
    left = FILES[f"{name}.csv"].splitlines()[0] + "\n" if header_only else None
    assert missing(two_weeks(tmp_path, {f"{name}.csv": left})) == [("stop", name)]


def test_another_table_that_was_there_is_a_warning(tmp_path: Path) -> None:
    found = missing(two_weeks(tmp_path, {"actuals.csv": None, "consensus.csv": None}))
    assert found == [("warn", "actuals"), ("warn", "consensus")]


def test_nothing_is_missing_from_a_whole_extract(tmp_path: Path) -> None:
    assert missing(two_weeks(tmp_path, {})) == []


def test_what_the_settings_say_there_is_none_of(tmp_path: Path) -> None:
    none = f'{SETTINGS}[tables]\nnone = ["components", "inventory"]\n'
    assert missing(two_weeks(tmp_path, {"components.csv": None, "inventory.csv": None, "settings.toml": none})) == []


def test_a_table_that_is_said_to_be_none_and_has_rows(tmp_path: Path) -> None:
    none = f'{SETTINGS}[tables]\nnone = ["components"]\n'
    found = check(write(tmp_path, {"settings.toml": none})).findings
    assert [(one.level, one.column, one.value) for one in found if one.table == "settings"] == [
        ("warn", "tables.none", "components")
    ]


def test_a_name_that_is_no_table(tmp_path: Path) -> None:
    none = f'{SETTINGS}[tables]\nnone = ["recipes"]\n'
    assert not check(write(tmp_path, {"settings.toml": none})).ok


class TestFirstExtract:
    """Nothing to compare with: the extract itself shows that something is missing."""

    def test_recipes_where_what_is_bought_goes_into_nothing(self, tmp_path: Path) -> None:
        assert missing(write(tmp_path, {"components.csv": None})) == [("stop", "components")]

    def test_no_recipes_where_what_is_bought_is_sold(self, tmp_path: Path) -> None:
        offers = FILES["offers.csv"].replace("RM,P", "FG,M")
        left = {"components.csv": None, "offers.csv": offers, "receipts.csv": None}
        assert missing(write(tmp_path, left)) == []

    def test_one_of_many_that_nobody_asks_for_is_a_warning(self, tmp_path: Path) -> None:
        offers = FILES["offers.csv"] + "".join(f"O{n},Kobe,FG,{place},5,7\n" for n, place in enumerate("PM"))
        items = FILES["items.csv"] + "OLD,Old,Fam,each,2,4,1\n"
        forecast = FILES["forecast.csv"] + "RM,P,C1,2026-W48,5,0,9\n"
        left = {
            "components.csv": None, "forecast.csv": forecast, "items.csv": items,
            "offers.csv": f"{offers}O9,Kobe,OLD,P,2,7\n",
        }  # fmt: skip
        assert missing(write(tmp_path, left)) == [("warn", "components")]

    def test_stock_of_a_company_that_runs(self, tmp_path: Path) -> None:
        assert missing(write(tmp_path, {"inventory.csv": None})) == [("warn", "inventory")]

    def test_no_stock_of_a_textbook(self, tmp_path: Path) -> None:
        left = dict.fromkeys(("inventory.csv", "orders.csv", "receipts.csv", "actuals.csv"))
        assert missing(write(tmp_path, {**left})) == []

    def test_hours_that_nothing_takes(self, tmp_path: Path) -> None:
        assert missing(write(tmp_path, {"operations.csv": None})) == [("warn", "operations")]


def test_another_companys_extract_is_no_measure(tmp_path: Path) -> None:
    folder = two_weeks(tmp_path, {"consensus.csv": None}, company="Other")
    assert missing(folder) == []


@pytest.mark.parametrize("name", ["events", "receipts", "actuals", "policies"])
def test_a_week_without_any_is_planned_with_a_warning(tmp_path: Path, name: str) -> None:
    found = check(write(tmp_path, {f"{name}.csv": FILES[f"{name}.csv"].splitlines()[0] + "\n"}))
    assert found.ok
    assert [(one.level, one.table) for one in found.findings if "header and no row" in one.rule] == [("warn", name)]


@pytest.mark.parametrize("name", ["events", "orders", "inventory"])
def test_a_header_alone_is_what_a_company_that_has_none_sends(tmp_path: Path, name: str) -> None:
    header = FILES[f"{name}.csv"].splitlines()[0] + "\n"
    found = check(write(tmp_path, {f"{name}.csv": header, "settings.toml": f'{SETTINGS}[tables]\nnone = ["{name}"]\n'}))
    assert [one for one in found.findings if "no row" in one.rule] == []
