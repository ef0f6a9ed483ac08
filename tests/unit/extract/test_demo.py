"""The demo company: the same bytes every time, figures that follow from one another, and a story in the last week only."""

from __future__ import annotations

import hashlib
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from soe_lib.demo import LAST, generate
from soe_lib.errors import DataError
from soe_lib.extract.snapshot import Snapshot
from soe_lib.model.checks import read

ROOT = Path(__file__).parents[3]
COMMITTED = ROOT / "data" / "demo"
YIELD = 0.985
KEYS = ["item", "location", "customer"]


def digests(folder: Path) -> dict[str, str]:
    """Every file below a folder and what is in it."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("demo")
    generate(folder)
    return folder


@pytest.fixture(scope="module")
def weeks(company: Path) -> list[Snapshot]:
    return [read(folder) for folder in sorted(company.iterdir())]


@pytest.fixture(scope="module")
def week(weeks: list[Snapshot]) -> Snapshot:
    return weeks[-1]


def finished(week: Snapshot) -> pl.DataFrame:
    return week["items"].filter(pl.col("unit") == "case")


def bought(week: Snapshot) -> pl.DataFrame:
    return week["items"].filter(pl.col("item").is_in(week["offers"]["item"].unique().to_list()))


def total(table: pl.DataFrame, by: str, quantity: str = "quantity") -> dict[str, float]:
    """Sums of a quantity by one column."""
    return dict(table.group_by(by).agg(pl.col(quantity).sum()).iter_rows())


class TestSameBytes:
    def test_the_committed_company_is_what_the_generator_writes(self, company: Path) -> None:
        by_hand = {"scenarios.toml"}
        assert {k: v for k, v in digests(COMMITTED).items() if k not in by_hand} == digests(company)

    def test_another_seed_gives_another_company(self, company: Path, tmp_path: Path) -> None:
        generate(tmp_path, seed=8)
        same = digests(tmp_path).items() & digests(company).items()
        figures = {
            "items",
            "operations",
            "forecast",
            "orders",
            "inventory",
            "receipts",
            "consensus",
            "budget",
            "actuals",
        }
        assert figures.isdisjoint(Path(name).stem for name, _ in same)

    def test_a_week_does_not_depend_on_how_many_are_written(self, company: Path, tmp_path: Path) -> None:
        generate(tmp_path, 1)
        assert digests(tmp_path / str(LAST)) == digests(company / str(LAST))

    def test_a_file_left_over_from_another_run_is_removed(self, company: Path, tmp_path: Path) -> None:
        old = tmp_path / str(LAST) / "substitutions.csv"
        old.parent.mkdir()
        old.write_text("item,substitute,customer\n")
        generate(tmp_path, 1)
        assert digests(tmp_path / str(LAST)) == digests(company / str(LAST))

    def test_the_committed_company_is_small(self) -> None:
        assert sum(path.stat().st_size for path in COMMITTED.rglob("*.csv")) < 1_600_000


class TestShape:
    def test_consecutive_mondays_up_to_the_last(self, weeks: list[Snapshot]) -> None:
        assert [week.as_of for week in weeks] == [date(2026, 11, 2), date(2026, 11, 9), date(2026, 11, 16)]

    def test_it_reads_without_a_stop_or_a_warning(self, weeks: list[Snapshot]) -> None:
        assert [str(found) for week in weeks for found in week.findings if found.level != "note"] == []

    def test_twenty_four_items_in_four_families_of_six(self, week: Snapshot) -> None:
        families = finished(week).group_by("family").len().sort("family")
        assert families.rows() == [("Dish care", 6), ("Hand care", 6), ("Laundry", 6), ("Surface care", 6)]

    def test_components_on_two_levels(self, week: Snapshot) -> None:
        made = set(week["routings"]["item"])
        mixed = set(week["components"]["component"]) & made
        assert mixed == {"BASE-DIS", "BASE-HAN", "BASE-LAU", "BASE-SUR"}
        assert bought(week).height == 11

    def test_two_plants_of_three_lines_a_co_packer_and_three_warehouses(self, week: Snapshot) -> None:
        lines = week["resources"].filter(pl.col("kind") == "line").group_by("location").len().sort("location")
        assert lines.rows() == [("Lille Copack", 1), ("Poznan", 3), ("Venlo", 3)]
        assert week["locations"].filter(pl.col("kind") == "warehouse").height == 3

    def test_customers_in_three_priorities(self, week: Snapshot) -> None:
        assert sorted(set(week["customers"]["priority"])) == [1, 2, 3]
        keyed = week["customers"].filter(pl.col("priority") == 1)
        assert keyed.select(pl.col("short_penalty").min()).item() > 0

    def test_suppliers_one_to_six_weeks_away_and_faster_for_more_money(self, week: Snapshot) -> None:
        regular = week["offers"].filter(~pl.col("expedite"))
        assert (regular["lead_time_days"].min(), regular["lead_time_days"].max()) == (7, 42)
        rush = week["offers"].filter("expedite").join(regular, on=["item", "location"], suffix="_regular")
        assert rush.height >= 11
        assert rush.filter(pl.col("lead_time_days") >= pl.col("lead_time_days_regular")).is_empty()
        assert rush.filter(pl.col("unit_cost") <= pl.col("unit_cost_regular")).is_empty()

    def test_lanes_of_one_to_four_days_and_express_dearer(self, week: Snapshot) -> None:
        days = week["lanes"]["lead_time_days"]
        assert (days.min(), days.max()) == (1, 4)
        modes = week["lanes"].pivot("mode", index=["origin", "destination"], values="cost_per_unit").drop_nulls()
        assert modes.height > 0
        assert modes.filter(pl.col("express") <= pl.col("road")).is_empty()

    def test_some_items_run_on_two_lines_at_different_speeds(self, week: Snapshot) -> None:
        speeds = week["operations"].group_by("routing", "step").agg(pl.col("units_per_hour").drop_nulls().n_unique())
        assert speeds.filter(pl.col("units_per_hour") == 2).height >= 12

    @pytest.mark.parametrize(("months", "measure"), [(5, "sales"), (5, "make"), (5, "stock")])
    def test_commitments_for_the_months_around(self, week: Snapshot, months: int, measure: str) -> None:
        consensus = week["consensus"].filter(pl.col("measure") == measure)
        assert consensus["fiscal_month"].unique().sort().to_list()[:2] == ["2026-10", "2026-11"]
        assert consensus["fiscal_month"].n_unique() == months
        assert consensus["family"].n_unique() == 4

    def test_the_budget_adds_up_to_a_contribution_one_believes(self, week: Snapshot) -> None:
        accounts = total(week["budget"], "account", "amount")
        assert set(accounts) == {"revenue", "material", "conversion", "overtime", "freight", "holding"}
        assert all(amount < 0 for account, amount in accounts.items() if account != "revenue")
        assert 0.25 < sum(accounts.values()) / accounts["revenue"] < 0.45

    def test_lines_are_busy_but_not_full(self, week: Snapshot) -> None:
        rows = pl.read_csv(week.folder / "operations.csv").drop_nulls("units_per_hour")
        rows = rows.filter(~pl.col("resource").str.contains("Copack"))
        home = rows.with_columns(item=pl.col("routing").str.split(" at ").list.first()).unique(
            "item", keep="first", maintain_order=True
        )
        wanted = week["forecast"].filter(pl.col("version") == "current").group_by("item").agg(pl.col("quantity").sum())
        hours = (
            home.join(wanted, on="item").select((pl.col("quantity") / YIELD / pl.col("units_per_hour")).sum()).item()
        )
        lines = home["resource"].unique().to_list()
        offered = week["calendar"].filter(pl.col("resource").is_in(lines))["hours"].sum()
        assert 0.80 < hours / offered < 0.96


class TestCosts:
    def test_standard_cost_of_one_item_by_hand(self, week: Snapshot) -> None:
        operations = {(row["routing"], row["resource"]): row for row in week["operations"].iter_rows(named=True)}
        crew = operations["BASE-LAU at Venlo", "Venlo mixing"]["hours_per_unit"]
        speed = operations["LAU-101 at Venlo", "Venlo L1"]["units_per_hour"]
        assert (crew, speed) == (0.2525, 129)
        # A tonne: 160 kg LAS, 60 kg SLES, 12 kg enzyme, 6 kg perfume, 20.00 of energy, 0.2525 h of crew at 140.00; 0.5 % lost.
        base = round((160 * 1.55 + 60 * 1.25 + 12 * 14.00 + 6 * 19.00 + 20.00 + 0.2525 * 140.00) / 0.995, 4)
        assert base == 663.6683
        # A case of eight: 8.4 kg base, bottles and caps by the thousand, a carton, consumables, line time; 1.5 % lost.
        parts = 0.0084 * base + 0.008 * 210.00 + 0.008 * 45.00 + 0.42 + 0.12
        case = round((parts + 320.00 / 129) / 0.985, 4)
        costs = dict(week["items"].select("item", "standard_cost").iter_rows())
        assert (costs["BASE-LAU"], costs["LAU-101"]) == (base, case)

    def test_nothing_left_over_is_worth_what_it_costs(self, week: Snapshot) -> None:
        items = week["items"]
        assert items.filter(pl.col("end_value") <= 0).is_empty()
        assert items.filter(pl.col("end_value") >= pl.col("standard_cost")).is_empty()
        cheapest = week["offers"].group_by("item").agg(pl.col("unit_cost").min())
        assert items.join(cheapest, on="item").filter(pl.col("end_value") >= pl.col("unit_cost")).is_empty()

    def test_every_customer_leaves_a_contribution(self, week: Snapshot) -> None:
        lines = week["forecast"].filter(pl.col("version") == "current").select("item", "customer", "price").unique()
        margins = lines.join(week["items"].select("item", "standard_cost"), on="item").select(
            (1 - (pl.col("standard_cost") + 0.55) / pl.col("price")).alias("share")
        )["share"]
        assert 0.25 < margins.min() < margins.max() < 0.46  # type: ignore[operator]


def network_stock(week: Snapshot) -> dict[str, float]:
    """Units of each finished item in stock and on the road."""
    road = week["receipts"].filter(pl.col("kind") == "ship").select("item", "quantity")
    held = week["inventory"].select("item", quantity="on_hand")
    return total(pl.concat([held, road]), "item")


def happened(week: Snapshot, measure: str) -> pl.DataFrame:
    """Actuals of the seven days before the as-of date."""
    since = week.as_of - timedelta(days=7)
    return week["actuals"].filter((pl.col("measure") == measure) & (pl.col("date") >= since))


class TestContinuity:
    @pytest.mark.parametrize("number", [1, 2])
    def test_finished_stock_is_last_weeks_plus_made_minus_sold(self, weeks: list[Snapshot], number: int) -> None:
        before, now = network_stock(weeks[number - 1]), network_stock(weeks[number])
        made, sold = total(happened(weeks[number], "make"), "item"), total(happened(weeks[number], "sales"), "item")
        for item in finished(weeks[number])["item"]:
            assert now.get(item, 0) == before.get(item, 0) + made.get(item, 0) - sold.get(item, 0), item

    @pytest.mark.parametrize("number", [1, 2])
    def test_parts_in_stock_are_last_weeks_plus_received_minus_used(self, weeks: list[Snapshot], number: int) -> None:
        week = weeks[number]
        made = happened(week, "make").group_by("item", "location").agg(pl.col("quantity").sum())
        made = made.filter(pl.col("item").is_in(finished(week)["item"].to_list()))
        started = made.with_columns(started=(pl.col("quantity") / YIELD - 1e-9).ceil())
        routes = started.join(week["routings"], on=["item", "location"]).join(week["components"], on="routing")
        parts = [item for item in bought(week)["item"] if item[:3] in ("BOT", "CAN", "CAP", "TRI", "PUM", "CAR")]
        used = routes.with_columns(used=pl.col("started") * pl.col("quantity_right"))
        used_by = used.group_by("component", "location").agg(pl.col("used").sum())
        for item in parts:
            received = happened(week, "buy").filter(pl.col("item") == item)["quantity"].sum()
            use = used_by.filter(pl.col("component") == item)["used"].sum()
            before, now = (
                one["inventory"].filter(pl.col("item") == item)["on_hand"].sum()
                for one in weeks[number - 1 : number + 1]
            )
            assert now == pytest.approx(before + received - use, abs=0.01), item

    def test_what_is_due_in_the_week_is_what_arrives(self, weeks: list[Snapshot]) -> None:
        before, now = weeks[1], weeks[2]
        due = before["receipts"].filter((pl.col("kind") == "buy") & (pl.col("due_on") < now.as_of))
        arrived = happened(now, "buy")
        keys = ["item", "location", "quantity"]
        assert due.select(keys).sort(keys).rows() == arrived.select(keys).sort(keys).rows()

    def test_the_past_is_told_the_same_way_every_week(self, weeks: list[Snapshot]) -> None:
        since = weeks[2]["actuals"]["date"].min()
        shared = weeks[1]["actuals"].filter(pl.col("date") >= since)
        assert shared.height > 2_000
        assert shared.equals(weeks[2]["actuals"].filter(pl.col("date") < weeks[1].as_of))

    def test_closing_stock_is_the_opening_stock_of_the_next_week(self, week: Snapshot) -> None:
        sunday = week["actuals"].filter(
            (pl.col("measure") == "stock") & (pl.col("date") == week.as_of - timedelta(days=1))
        )
        assert (
            sunday.select("item", "location", on_hand="quantity")
            .sort("item", "location")
            .equals(week["inventory"].select("item", "location", "on_hand").sort("item", "location"))
        )

    def test_an_old_version_is_what_was_current_then(self, weeks: list[Snapshot]) -> None:
        then = weeks[1]["forecast"].filter((pl.col("version") == "current") & (pl.col("period") == "2026-W46"))
        assert weeks[1].as_of.isocalendar().week == 46
        later = weeks[1]["forecast"].filter((pl.col("version") == "current") & (pl.col("period") == "2026-W47"))
        assert then.height == later.height > 90
        first = weeks[0]["forecast"].filter((pl.col("version") == "current") & (pl.col("period") == "2026-W46"))
        kept = weeks[2]["forecast"].filter((pl.col("version") == "2026-W45") & (pl.col("period") == "2026-W46"))
        keys = [*KEYS, "quantity"]
        assert kept.select(keys).sort(keys).equals(first.select(keys).sort(keys))

    def test_forecasts_improve_as_the_week_comes_near(self, week: Snapshot) -> None:
        sold = (
            week["actuals"]
            .filter(pl.col("measure") == "sales")
            .with_columns(period=pl.col("date").dt.strftime("%G-W%V"))
        )
        sold = sold.group_by(*KEYS, "period").agg(pl.col("quantity").sum().alias("sold"))
        told = week["forecast"].filter(pl.col("version") != "current").join(sold, on=[*KEYS, "period"])
        number = {name: pl.col(name).str.slice(6).cast(pl.Int64) for name in ("period", "version")}
        miss = (pl.col("sold") - pl.col("quantity")).abs().sum() / pl.col("sold").sum()
        by_lag = told.group_by((number["period"] - number["version"]).alias("lag")).agg(miss.alias("wmape")).sort("lag")
        assert by_lag["lag"].to_list() == [1, 2, 3, 4]
        assert by_lag["wmape"].is_sorted()
        assert 0.05 < by_lag["wmape"][0] < by_lag["wmape"][3] < 0.20

    def test_quantities_are_whole_cases(self, week: Snapshot) -> None:
        for table in ("forecast", "orders"):
            assert (week[table]["quantity"] == week[table]["quantity"].round(0)).all(), table
        stock = week["inventory"].filter(pl.col("item").is_in(finished(week)["item"].to_list()))["on_hand"]
        assert (stock == stock.round(0)).all()


def month_against_consensus(week: Snapshot, month: str) -> dict[str, float]:
    """Sales so far and forecast of the rest of the month, against S&OP: share over (+) or under (−), by family."""
    families = week["items"].select("item", "family")
    ahead = week["forecast"].filter(pl.col("version") == "current")
    monday = (pl.col("period") + "-1").str.to_date("%G-W%V-%u")
    days = pl.concat([ahead.with_columns(monday.alias("day") + pl.duration(days=day)) for day in range(5)])
    days = days.filter(pl.col("day").dt.strftime("%Y-%m") == month).with_columns(pl.col("quantity") / 5)
    so_far = week["actuals"].filter((pl.col("measure") == "sales") & (pl.col("date").dt.strftime("%Y-%m") == month))
    both = pl.concat([days.select("item", "quantity"), so_far.select("item", "quantity")]).join(families, on="item")
    promised = week["consensus"].filter((pl.col("fiscal_month") == month) & (pl.col("measure") == "sales"))
    expected, wanted = total(both, "family"), total(promised, "family")
    return {family: expected[family] / wanted[family] - 1 for family in wanted}


class TestStory:
    def test_it_happens_in_the_last_week_only(self, weeks: list[Snapshot]) -> None:
        assert [week["events"].height for week in weeks] == [0, 0, 2]

    def test_a_line_is_down_for_three_days(self, week: Snapshot) -> None:
        down = week["events"].row(by_predicate=pl.col("kind") == "downtime", named=True)
        days = week["calendar"].filter(
            (pl.col("resource") == down["target"]) & pl.col("date").is_between(down["from"], down["to"])
        )
        assert days.height == 3
        assert days["hours"].sum() == down["hours"] == 48

    def test_a_container_that_matters_is_nine_days_late(self, week: Snapshot) -> None:
        late = week["events"].row(by_predicate=pl.col("kind") == "delay", named=True)
        receipt = week["receipts"].row(by_predicate=pl.col("receipt") == late["target"], named=True)
        assert late["days"] == 9
        assert late["from"] <= receipt["due_on"] <= late["to"]
        offer = week["offers"].row(by_predicate=pl.col("offer") == receipt["offer"], named=True)
        assert offer["lead_time_days"] == 42
        # Stock reaches for less than the nine days: the weekly use is half of a container that comes every other week.
        stock = week["inventory"].filter(pl.col("item") == receipt["item"])["on_hand"].sum()
        assert stock < receipt["quantity"] / 2 * 9 / 7

    def test_one_customer_orders_far_more_than_anybody_forecast(self, weeks: list[Snapshot]) -> None:
        def excess(week: Snapshot) -> dict[str, float]:
            ordered = week["orders"].with_columns(period=pl.col("due_on").dt.strftime("%G-W%V"))
            ordered = ordered.group_by(*KEYS, "period").agg(pl.col("quantity").sum().alias("ordered"))
            current = week["forecast"].filter(pl.col("version") == "current")
            both = ordered.join(current, on=[*KEYS, "period"], how="left", validate="1:1")
            return total(both.filter(pl.col("ordered") > 2 * pl.col("quantity")), "customer", "ordered")

        assert [set(excess(week)) for week in weeks] == [set(), set(), {"Marktland"}]
        assert excess(weeks[2])["Marktland"] > 10_000

    def test_one_family_drifts_out_of_its_tolerance(self, weeks: list[Snapshot]) -> None:
        bands = weeks[2].settings.tolerance
        gaps = [month_against_consensus(week, "2026-11") for week in weeks]
        outside = [{family for family, gap in one.items() if abs(gap) > bands[family]} for one in gaps]
        assert outside == [set(), set(), {"Hand care"}]
        assert gaps[2]["Hand care"] < gaps[1]["Hand care"] < gaps[0]["Hand care"]
        assert gaps[2]["Hand care"] < -0.07


class TestNetworks:
    @pytest.mark.parametrize("shape", ["plain", "bom"])
    def test_they_read_clean_over_eighteen_periods(self, tmp_path: Path, shape: str) -> None:
        folders = generate(tmp_path, 2, 20, plants=3, lines=2, warehouses=4, shape=shape)  # type: ignore[arg-type]
        week = read(folders[-1])
        assert [str(found) for found in week.findings] == []
        assert week.periods.height == 18
        assert week["components"].is_empty() == (shape == "plain")
        assert (week["routings"]["lead_time_days"].max() > 0) == (shape == "bom")  # type: ignore[operator]

    def test_a_bill_of_material_of_two_levels(self, tmp_path: Path) -> None:
        week = read(generate(tmp_path, 1, 20, plants=2, lines=2, warehouses=2, shape="bom")[0])
        made = set(week["routings"]["item"])
        below = week["components"].join(week["routings"].select("routing", "item"), on="routing")
        semis = set(below["component"]) & made
        assert semis
        materials = set(below.filter(pl.col("item").is_in(list(semis)))["component"])
        assert materials <= set(week["offers"]["item"])
        assert not materials & made

    @pytest.mark.parametrize("shape", ["plain", "bom"])
    def test_the_large_one_has_about_three_hundred_thousand_variables(self, tmp_path: Path, shape: str) -> None:
        folder = generate(tmp_path, 1, 300, plants=4, lines=5, warehouses=8, shape=shape)[0]  # type: ignore[arg-type]
        count = {path.stem: pl.scan_csv(path).select(pl.len()).collect().item() for path in folder.glob("*.csv")}
        routes, demands = count["routings"], count["forecast"] // 12
        stocked = routes + 300 * 8
        assert 270_000 < 18 * (routes + 600 * 8 + stocked + 2 * demands) < 330_000

    @pytest.mark.parametrize("shape", ["plain", "bom"])
    def test_a_second_line_is_dearer_and_slower(self, tmp_path: Path, shape: str) -> None:
        week = read(generate(tmp_path, 1, 20, plants=3, lines=2, warehouses=4, shape=shape)[0])  # type: ignore[arg-type]
        ways = week["routings"].join(week["operations"], on="routing").filter(pl.col("item").str.starts_with("F"))
        # The first line of an item: one further for every three items, as there are three plants.
        first = (pl.col("item").str.slice(1).cast(pl.Int64) - 1) // 3 % 2 + 1
        line = pl.col("resource").str.extract(r"L(\d)$").cast(pl.Int64)
        both = ways.filter(line == first).join(ways.filter(line != first), on=["item", "location"], suffix="_second")
        assert both.height * 2 == ways.height == 20 * 2
        for figure in ("cost_per_unit", "hours_per_unit"):
            ratio = both[f"{figure}_second"] / both[figure]
            assert 0.999 < ratio.min() < ratio.max() < 1.201  # type: ignore[operator]

    def test_with_one_line_there_is_no_second(self, tmp_path: Path) -> None:
        week = read(generate(tmp_path, 1, 20, plants=4, lines=1, warehouses=4, shape="plain")[0])
        assert week["routings"].select("item", "location").is_duplicated().sum() == 0

    def test_every_other_item_has_its_season_a_quarter_later(self, tmp_path: Path) -> None:
        folder = generate(tmp_path, 1, 60, plants=2, lines=2, warehouses=3, shape="plain")[0]
        later = (pl.col("item").str.slice(1).cast(pl.Int64) % 2 == 0).alias("later")
        weekly = pl.read_csv(folder / "forecast.csv").group_by(later, "period").agg(pl.col("quantity").sum())
        season = weekly.sort("period").group_by("later", maintain_order=True).agg("quantity")
        for even, quantity in season.iter_rows():
            share = np.asarray(quantity) / np.mean(quantity)
            # A swing of 30 % over twelve weeks; the peak of a sine is a quarter of them after its start.
            wanted = 1 + 0.3 * np.sin(2 * np.pi * (np.arange(12) / 12 - 0.25 * even))
            assert np.abs(share - wanted).max() < 0.06

    def test_every_item_is_wanted_in_every_warehouse(self, tmp_path: Path) -> None:
        folder = generate(tmp_path, 1, 30, plants=2, lines=2, warehouses=3, shape="plain")[0]
        forecast = pl.read_csv(folder / "forecast.csv")
        assert forecast.select("item", "location").unique().height == 90
        assert forecast["quantity"].min() >= 7  # type: ignore[operator]


class TestOtherSizes:
    @pytest.mark.parametrize(
        "size",
        [
            {"items": 1, "plants": 1, "lines": 1, "warehouses": 1, "customer_classes": 1},
            {"items": 50, "plants": 7, "lines": 2, "warehouses": 9, "customer_classes": 5},
        ],
    )
    def test_from_one_item_to_more_places_than_towns(self, tmp_path: Path, size: dict[str, int]) -> None:
        folders = generate(tmp_path, 1, seed=3, **size)  # type: ignore[arg-type]
        week = read(folders[0])
        assert [str(found) for found in week.findings if found.level != "note"] == []
        assert finished(week).height == size["items"]
        wanted = set(week["forecast"].filter(pl.col("quantity") > 0)["item"])
        assert wanted == set(finished(week)["item"])

    def test_a_longer_history_has_no_gap(self, tmp_path: Path) -> None:
        folders = generate(tmp_path, 15, 8)
        dates = [date.fromisoformat(folder.name) for folder in folders]
        assert np.unique(np.diff(dates)).tolist() == [timedelta(days=7)]
        assert dates[-1] == LAST
        first = read(folders[0])
        assert first["actuals"]["date"].min() == first.as_of - timedelta(days=56)

    def test_the_horizon_can_be_set(self, tmp_path: Path) -> None:
        week = read(generate(tmp_path, 1, 6, horizon_weeks=6, horizon_daily=7)[0])
        assert (week.periods.height, week.periods["ends_on"].max()) == (7 + 5, LAST + timedelta(days=41))
        assert week["forecast"].filter(pl.col("version") == "current")["period"].n_unique() == 6


class TestRefusals:
    @pytest.mark.parametrize(
        ("wrong", "message"),
        [
            ({"weeks": 0}, "1 or more"),
            ({"items": 0}, "items must be 1 or more"),
            ({"lines": 0, "plants": -1}, "plants, lines must be 1 or more"),
            ({"seed": -1}, "negative"),
            ({"last": date(2026, 11, 17)}, "2026-11-17 is a Tuesday"),
            ({"shape": "deep"}, "no shape 'deep': choose one of company, plain, bom"),
            ({"customer_classes": 6}, "at most 5"),
        ],
    )
    def test_what_cannot_be_is_refused_and_nothing_written(
        self, tmp_path: Path, wrong: dict[str, int], message: str
    ) -> None:
        with pytest.raises(DataError, match=message):
            generate(tmp_path, **wrong)  # type: ignore[arg-type]
        assert list(tmp_path.iterdir()) == []


def test_deliveries_are_the_purchases_of_the_actuals_and_earlier_ones(tmp_path: Path) -> None:
    for folder in generate(tmp_path, weeks=2, items=8):
        snapshot = read(folder)
        bought = snapshot["actuals"].filter(pl.col("measure") == "buy")
        came = snapshot["deliveries"].filter(pl.col("arrived_on") >= bought["date"].min())
        keys = ["date", "item", "location"]
        sums = [
            one.group_by(keys).agg(pl.col("quantity").sum()).sort(keys)
            for one in (bought, came.rename({"arrived_on": "date"}))
        ]
        assert sums[0].equals(sums[1])
        assert snapshot["deliveries"].height > came.height
        late = (snapshot["deliveries"]["arrived_on"] - snapshot["deliveries"]["promised_on"]).dt.total_days()
        assert (late > 0).any()
        assert (late < 0).any()
        assert not [one for one in snapshot.findings if one.table == "deliveries"]


def test_what_an_extract_expects_is_delivered_under_the_same_number(tmp_path: Path) -> None:
    before, after = (read(folder) for folder in generate(tmp_path, weeks=2, items=8))
    due = before["receipts"].filter(pl.col("kind") == "buy", pl.col("due_on") < after.as_of)
    came = due.join(after["deliveries"], on=["receipt", "item", "location", "offer", "quantity"])
    assert came.height == due.height > 0
    assert (came["due_on"] == came["arrived_on"]).all()


def test_hours_worked_and_lost_fit_into_the_regular_day(tmp_path: Path) -> None:
    for seed in (7, 8):
        (folder,) = generate(tmp_path / str(seed), weeks=1, items=8, seed=seed)
        told = read(folder)["actuals"].filter(pl.col("measure").is_in(["hours", "lost hours"]))
        lost = told.filter(pl.col("measure") == "lost hours")
        assert lost.height > 0
        days = told.join(lost.select("date", "resource"), on=["date", "resource"], how="semi")
        assert days.group_by("date", "resource").agg(pl.col("hours").sum())["hours"].max() <= 16.0
