"""The finer points of three rules: an item without a source, an end value that is bounded after all, other versions."""

from __future__ import annotations

from pathlib import Path

import pytest

from soe_lib.model.checks import check
from tests.unit.extract.company import FILES, add, swap, write

NO_SUPPLY: dict[str, str | bytes | None] = dict.fromkeys(
    ("routings.csv", "operations.csv", "components.csv", "offers.csv", "receipts.csv")
)


def levels(folder: Path, says: str) -> list[str]:
    return [one.level for one in check(folder).findings if says in one.rule]


class TestSource:
    """The finished item's demand is 100 + 120 + 50 + 7 = 277."""

    def stock(self, amount: int) -> dict[str, str | bytes | None]:
        return {**NO_SUPPLY, "inventory.csv": f"item,location,on_hand\nFG,M,{amount}\nRM,P,1\n"}

    def test_without_any_supply_a_shortage_is_a_warning(self, tmp_path: Path) -> None:
        assert levels(write(tmp_path, self.stock(276)), "demand is above stock") == ["warn"]

    def test_stock_that_covers_all_demand_needs_no_source(self, tmp_path: Path) -> None:
        assert levels(write(tmp_path, self.stock(277)), "demand is above stock") == []

    @pytest.mark.parametrize(("there", "found"), [(276, "warn"), (1, "warn"), (0, "stop")])
    def test_what_runs_out_is_sold_and_what_was_never_there_stops(self, tmp_path: Path, there: int, found: str) -> None:
        changes = {**self.stock(there), "offers.csv": FILES["offers.csv"]}
        assert levels(write(tmp_path, changes), "demand is above stock") == [found]

    def test_a_receipt_counts(self, tmp_path: Path) -> None:
        receipts = "receipt,kind,item,location,due_on,quantity\nX,buy,FG,M,2026-11-25,1\n"
        changes = {**self.stock(276), "offers.csv": FILES["offers.csv"], "receipts.csv": receipts}
        assert levels(write(tmp_path, changes), "demand is above stock") == []

    def test_a_substitute_stands_in(self, tmp_path: Path) -> None:
        changes = {
            **self.stock(276),
            "offers.csv": FILES["offers.csv"],
            "substitutions.csv": "item,substitute\nFG,RM\n",
        }
        assert levels(write(tmp_path, changes), "demand is above stock") == []

    def test_demand_at_the_end_of_two_lanes(self, tmp_path: Path) -> None:
        changes = {
            **add("locations.csv", "N,market,"),
            **add("lanes.csv", "M>N,M,N,FG,1,0"),
            **add("orders.csv", "2,FG,N,C1,2026-11-20,1,,21", "3,RM,N,C1,2026-11-20,1,,21"),
        }
        report = check(write(tmp_path, changes))
        lost = [one for one in report.findings if "have no source" in one.rule]
        assert [(one.rows, one.value) for one in lost] == [((4,), "RM")]


class TestEndValue:
    """The raw item costs 2; an end value of 3 is money without end, unless something limits it."""

    worth = swap("items.csv", "kg,2,,1", "kg,2,,3")
    soon = "offer,supplier,item,location,unit_cost,lead_time_days,maximum\nO,Kobe,RM,P,2,{lead},{maximum}\n"

    @pytest.mark.parametrize(
        ("lead", "maximum", "ceiling", "found"),
        [
            ("0", "", "", ["stop"]),
            ("0", "50", "", []),
            ("0", "", "RM,P,0,900,", []),
            ("7", "", "RM,P,0,900,", ["stop"]),  # on its way at the end: no ceiling on stock holds for it
        ],
    )
    def test_limits(self, lead: str, maximum: str, ceiling: str, found: list[str], tmp_path: Path) -> None:
        changes = {**self.worth, "offers.csv": self.soon.format(lead=lead, maximum=maximum)}
        if ceiling:
            changes |= add("policies.csv", ceiling)
        assert levels(write(tmp_path, changes), "without a maximum") == found

    def test_a_full_room_is_a_limit(self, tmp_path: Path) -> None:
        changes = {
            **self.worth,
            "offers.csv": self.soon.format(lead="0", maximum=""),
            **swap("locations.csv", "P,plant,", "P,plant,900"),
        }
        assert levels(write(tmp_path, changes), "without a maximum") == []

    def test_the_lowest_price_of_a_period_counts(self, tmp_path: Path) -> None:
        changes = {
            **swap("items.csv", "kg,2,,1", "kg,2,,2"),
            "offer_prices.csv": "offer,period,unit_cost\nO,2026-W49,1.5\n",
        }
        assert levels(write(tmp_path, changes), "without a maximum") == ["stop"]


def test_other_versions_of_the_forecast_are_history(tmp_path: Path) -> None:
    forecast = (
        "item,location,customer,period,quantity,price,version\n"
        "FG,M,C1,2026-W48,100,20,now\nFG,M,C1,2026-W40,90,20,then\nFG,M,C1,2026-W48,95,20,then\n"
    )
    settings = FILES["settings.toml"] + '[forecast]\nversion = "{}"\n'
    now = check(write(tmp_path / "now", {"forecast.csv": forecast, "settings.toml": settings.format("now")}))
    assert now.findings == ()
    then = check(write(tmp_path / "then", {"forecast.csv": forecast, "settings.toml": settings.format("then")}))
    assert [(one.level, one.rows) for one in then.findings] == [("note", (3,))]
