"""The importer of daily records: one extract a week, nothing of later weeks, every assumption said."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest

from soe_lib.errors import DataError
from soe_lib.importers.supplygraph import FILES, GROUPS, import_supplygraph
from soe_lib.model.checks import check, read

DAYS = [date(2023, 1, 2) + timedelta(days=n) for n in range(22)]  # a Monday, and three weeks after it
DAILY = {"ordered": {"A": 10.0, "B": 4.0}, "made": {"A": 12.0, "B": 0.0}, "issued": {"A": 11.0, "B": 0.0},
         "delivered": {"A": 9.0, "B": 1.0}}  # fmt: skip


@pytest.fixture
def records(tmp_path: Path) -> Path:
    folder = tmp_path / "records"
    folder.mkdir()
    for measure, name in FILES.items():
        columns = {item: [quantity] * len(DAYS) for item, quantity in DAILY[measure].items()}
        frame = pl.DataFrame({"Date": [f"{day} 00:00:00" for day in DAYS], **columns, "IDLE": [0.0] * len(DAYS)})
        frame.write_csv(folder / name)
    (folder / GROUPS).write_text("Node,Group,Sub-Group\nA,F,FA\n")
    return folder


def test_one_extract_for_every_monday_with_a_week_before_it(records: Path, tmp_path: Path) -> None:
    made = import_supplygraph(records, tmp_path / "fmcg")
    assert [one.as_of for one in made] == [date(2023, 1, 9), date(2023, 1, 16), date(2023, 1, 23)]
    for one in made:
        assert check(one.folder).ok, check(one.folder).text()


def test_quantities_of_a_week(records: Path, tmp_path: Path) -> None:
    import_supplygraph(records, tmp_path / "fmcg")
    snapshot = read(tmp_path / "fmcg", "2023-01-16")
    # A: 14 days of 10 ordered are 70 a week; 14 × (10 − 9) = 14 are open. B: 28 a week, 14 × (4 − 1) = 42 open.
    assert snapshot["forecast"].group_by("item").agg(pl.col("quantity").unique().item()).sort("item").rows() == [
        ("A", 70.0),
        ("B", 28.0),
    ]
    assert snapshot["orders"].select("item", "quantity").rows() == [("A", 14.0), ("B", 42.0)]
    # A: nothing at first; 14 × (12 − 11) at the factory, 14 × (11 − 9) in the market. B: 22 needed, 14 delivered: 8.
    stock = snapshot["inventory"].select("item", "location", "on_hand").rows()
    assert stock == [("A", "DISTRIBUTORS", 28.0), ("A", "FACTORY", 14.0), ("B", "DISTRIBUTORS", 8.0)]
    assert snapshot["operations"].select("units_per_hour").item() == pytest.approx(12 / 24)
    assert snapshot["items"]["item"].to_list() == ["A", "B"]


def test_what_was_ordered_is_the_demand_of_its_day(records: Path, tmp_path: Path) -> None:
    (made,) = import_supplygraph(records, tmp_path / "fmcg", as_of=date(2023, 1, 16))
    asked = read(made.folder)["actuals"].filter(pl.col("measure") == "demand")
    # the week before: A 10 a day, B 4 a day, to one market
    assert asked.group_by("item").agg(pl.len(), pl.col("quantity").sum()).sort("item").rows() == [
        ("A", 7, 70.0),
        ("B", 7, 28.0),
    ]
    assert asked.select("location", "customer").unique().rows() == [("DISTRIBUTORS", "DISTRIBUTORS")]
    assert "supply counts as on time" in " ".join(made.assumptions)


def test_that_there_are_no_recipes_is_said(records: Path, tmp_path: Path) -> None:
    """Else a bought item that nobody asks for stops the extract: recipes were there, and are missing."""
    (made,) = import_supplygraph(records, tmp_path / "fmcg", as_of=date(2023, 1, 16))
    assert "components" in read(made.folder).settings.tables.none


def test_nothing_of_later_weeks_is_known(records: Path, tmp_path: Path) -> None:
    (before,) = import_supplygraph(records, tmp_path / "a", as_of=date(2023, 1, 9))
    path = records / FILES["ordered"]
    frame = pl.read_csv(path).with_columns(A=pl.when(pl.col("Date") >= "2023-01-09").then(99.0).otherwise("A"))
    frame.write_csv(path)
    (after,) = import_supplygraph(records, tmp_path / "b", as_of=date(2023, 1, 9))
    for table in ("forecast", "orders", "inventory", "actuals"):
        assert read(before.folder)[table].equals(read(after.folder)[table]), table


def test_every_assumption_is_said_and_counted(records: Path, tmp_path: Path) -> None:
    (made,) = import_supplygraph(records, tmp_path / "fmcg", as_of=date(2023, 1, 16))
    said = " ".join(made.assumptions)
    for words in ("no money", "no stock", "22 units", "14 days before", "1 products never moved",
                  "1 of 2 products have no group: B", "1 items were never made so far"):  # fmt: skip
        assert words in said
    assert read(made.folder).settings.notes == made.assumptions


@pytest.mark.parametrize("day", [date(2023, 1, 2), date(2023, 1, 10), date(2024, 1, 1)])
def test_a_day_without_an_extract(day: date, records: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="2023-01-09 to 2023-01-23"):
        import_supplygraph(records, tmp_path / "fmcg", as_of=day)


@pytest.mark.parametrize(
    ("old", "new"), [("10.0", "ten"), ("10.0", "-1"), ("2023-01-03", "03.01.2023"), ("2023-01-03", "2023-01-02")]
)
def test_cells_that_cannot_be_used(old: str, new: str, records: Path, tmp_path: Path) -> None:
    path = records / FILES["ordered"]
    path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(DataError, match=r"raw_Sales_Order\.csv"):
        import_supplygraph(records, tmp_path / "fmcg")


def test_a_missing_file(records: Path, tmp_path: Path) -> None:
    (records / GROUPS).unlink()
    with pytest.raises(DataError, match=r"lacks nodes_group\.csv"):
        import_supplygraph(records, tmp_path / "fmcg")


def test_what_nothing_uses_is_said(records: Path, tmp_path: Path) -> None:
    (records / "nodes_other.csv").write_text("Node,Plant\nA,1\n")
    (records / GROUPS).write_text("Node,Group,Sub-Group,Note\nA,F,FA,\nGHOST,F,FA,\n")
    report = import_supplygraph(records, tmp_path / "fmcg")[0]
    assert "Files that the import does not use: nodes_other.csv." in report.assumptions
    assert f"{GROUPS} holds columns that the import does not use: Sub-Group." in report.assumptions
    assert f"{GROUPS} names 1 products without a record: GHOST." in report.assumptions
