"""The daily files of the SupplyGraph layout, read strictly into one long table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import polars as pl

from soe_lib.errors import DataError
from soe_lib.extract.importers.report import names

FILES: Mapping[str, str] = {
    "ordered": "raw_Sales_Order.csv",
    "made": "raw_Production.csv",
    "issued": "raw_Factory_Issue.csv",
    "delivered": "raw_Delivery_To_distributor.csv",
}
GROUPS = "nodes_group.csv"


@dataclass(frozen=True)
class Recorded:
    """What was recorded.

    Parameters
    ----------
    days : [date, item, ordered, made, issued, delivered], one row for each day and product, in units.
    groups : [item, family] of the products whose group is known.
    beside : what stands in the folder and is not used, as sentences.
    """

    days: pl.DataFrame
    groups: pl.DataFrame
    beside: tuple[str, ...] = ()

    @property
    def first(self) -> date:
        """The first day of the records."""
        return self.days["date"].min()  # type: ignore[return-value]

    @property
    def last(self) -> date:
        """The last day of the records."""
        return self.days["date"].max()  # type: ignore[return-value]


def read(folder: Path) -> Recorded:
    """Read the four daily files and the groups.

    Raises
    ------
    DataError : a file is missing, a day occurs twice, or a cell is no day or no quantity of 0 or more.
    """
    missing = [name for name in (*FILES.values(), GROUPS) if not (folder / name).is_file()]
    if missing:
        raise DataError(f"{folder} lacks {', '.join(missing)}: give the folder of the SupplyGraph files.")
    measures = [_long(folder / name, measure) for measure, name in FILES.items()]
    days = measures[0]
    for further in measures[1:]:
        days = days.join(further, on=["date", "item"], how="full", coalesce=True)
    groups = _rows(folder / GROUPS)
    if not {"Node", "Group"} <= set(groups.columns):
        raise DataError(f"{GROUPS} needs the columns Node and Group; it has {', '.join(groups.columns)}.")
    return Recorded(
        days.with_columns(pl.col(list(FILES)).fill_null(0.0)).sort("item", "date"),
        groups.select(item="Node", family="Group").unique("item", keep="first", maintain_order=True),
        _beside(folder, groups, days),
    )


def _beside(folder: Path, groups: pl.DataFrame, days: pl.DataFrame) -> tuple[str, ...]:
    """The files, columns and rows that nothing uses."""
    read = {*FILES.values(), GROUPS}
    files = sorted(path.name for path in folder.iterdir() if path.suffix.lower() == ".csv" and path.name not in read)
    columns = [name for name in groups.columns if name not in ("Node", "Group") and groups[name].drop_nulls().len()]
    strange = groups.filter(~pl.col("Node").is_in(days["item"].implode()))["Node"].drop_nulls()
    said = (
        (files, f"Files that the import does not use: {', '.join(files)}."),
        (columns, f"{GROUPS} holds columns that the import does not use: {', '.join(columns)}."),
        (strange, f"{GROUPS} names {len(strange)} products without a record: {names(strange)}."),
    )
    return tuple(sentence for found, sentence in said if len(found))


def _rows(path: Path) -> pl.DataFrame:
    try:
        return pl.read_csv(path, infer_schema=False)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise DataError(f"{path.name} is no readable CSV table ({str(error).splitlines()[0]}).") from None


def _long(path: Path, measure: str) -> pl.DataFrame:
    rows = _rows(path)
    if "Date" not in rows.columns:
        raise DataError(f"{path.name} has no column Date; it has {', '.join(rows.columns[:5])}.")
    day = pl.col("Date").str.slice(0, 10).str.to_date("%Y-%m-%d", strict=False)
    long = rows.unpivot(index="Date", variable_name="item", value_name="text").with_columns(date=day)
    long = long.with_columns(pl.col("text").cast(pl.Float64, strict=False).alias(measure))
    bad = long.filter(
        pl.col("date").is_null() | ~(pl.col(measure).is_finite() & (pl.col(measure) >= 0)).fill_null(False)
    )
    if bad.height:
        first = bad.row(0, named=True)
        raise DataError(
            f"{path.name}: {bad.height} cells are no day or no quantity of 0 or more, first {first['item']} on "
            f"{first['Date']}: {first['text']!r}. Correct them."
        )
    if rows["Date"].n_unique() != rows.height:
        raise DataError(f"{path.name}: a day occurs twice. Keep one row for each day.")
    return long.select("date", "item", measure)
