"""Which rows of which files a rate was made of: the way back from a money line to the extract."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import polars as pl

from soe_lib.errors import SoeError
from soe_lib.extract.precedence import labelled
from soe_lib.extract.reading import inspect
from soe_lib.extract.schema import schema
from soe_lib.extract.snapshot import Snapshot, freeze

SOURCES = pl.Schema(
    {
        "cell": pl.Int64,
        "account": pl.String,
        "table": pl.String,
        "file": pl.String,
        "line": pl.Int64,
        "column": pl.String,
        "value": pl.String,
    }
)
"""One value that a rate was made of: cell (a number) and account, where it stands, and what stands there."""

LINE = "_line"
DATED = ("offers", "routings", "lanes")
FORECAST = {"item": "item", "location": "location", "customer": "customer", LINE: "due"}


@dataclass(frozen=True)
class Part:
    """Columns of a table that a rate is made of, and what finds their row.

    Parameters
    ----------
    table, columns : where the values stand. on : column of the table → column of the flow's cell.
    """

    table: str
    columns: tuple[str, ...]
    on: dict[str, str]


@dataclass(frozen=True)
class Origin:
    """How the rates of one flow and account are worked out, and from what."""

    formula: str
    parts: tuple[Part, ...]


ITEM, CUSTOMER, RESOURCE = {"item": "item"}, {"customer": "customer"}, {"resource": "resource"}
ROUTING, OFFER = {"routing": "routing"}, {"offer": "offer"}
STEP = {"routing": "routing", "step": "step", "resource": "resource"}
PRICES = (
    Part("orders", ("quantity", "price"), {"order": "order"}), Part("forecast", ("quantity", "price"), FORECAST),
    Part("items", ("price",), ITEM),
)  # fmt: skip
HELD = (
    Part("items", ("holding_cost", "standard_cost", "volume"), ITEM),
    Part("locations", ("storage_cost",), {"location": "location"}),
)
USED = (
    Part("operations", ("hours_per_unit", "units_per_hour"), ROUTING),
    Part("resources", ("hourly_cost",), ROUTING),
)

ORIGINS: dict[tuple[str, str], Origin] = {
    ("sell", "revenue"): Origin("price of the order or the forecast, else the item's list price", PRICES),
    ("sell", "penalties"): Origin("−late_cost × time late", (Part("customers", ("late_cost",), CUSTOMER),)),
    ("short", "penalties"): Origin("−short_penalty", (Part("customers", ("short_penalty",), CUSTOMER),)),
    ("sell", "goodwill"): Origin("−late_goodwill × time late", (Part("customers", ("late_goodwill",), CUSTOMER),)),
    ("short", "goodwill"): Origin("−short_cost", (Part("customers", ("short_cost",), CUSTOMER),)),
    ("buy", "material"): Origin(
        "−unit_cost of the offer, of an expedited one −unit_cost of the cheapest ordinary one",
        (Part("offers", ("unit_cost",), OFFER),),
    ),
    ("buy", "expediting"): Origin(
        "−(unit_cost of the expedited offer − unit_cost of the cheapest ordinary one)",
        (Part("offers", ("unit_cost",), {"item": "item", "location": "location"}),),
    ),
    ("receive", "material"): Origin(
        "−unit_cost of the receipt's offer",
        (Part("receipts", ("quantity", "offer"), {"receipt": "receipt"}), Part("offers", ("unit_cost",), OFFER)),
    ),
    ("make", "conversion"): Origin(
        "−cost_per_unit; −hourly_cost × hours_per_unit", (Part("routings", ("cost_per_unit",), ROUTING), *USED)
    ),
    ("run", "conversion"): Origin(
        "−hourly_cost × hours_per_unit",
        (Part("operations", ("hours_per_unit", "units_per_hour"), STEP), Part("resources", ("hourly_cost",), RESOURCE)),
    ),
    ("overtime", "overtime"): Origin(
        "−(overtime_cost − hourly_cost)", (Part("resources", ("overtime_cost", "hourly_cost"), RESOURCE),)
    ),
    ("ship", "freight"): Origin("−cost_per_unit", (Part("lanes", ("cost_per_unit",), {"lane": "lane"}),)),
    ("stock", "holding"): Origin(
        "−(holding_cost, or capital_rate × standard_cost, + storage_cost × volume) × length of the period", HELD
    ),
    ("open", "holding"): Origin("as of stock, on what is there at the start", HELD),
    ("leave", "end value"): Origin("end_value", (Part("items", ("end_value",), ITEM),)),
    ("below_safety", "below safety"): Origin(
        "−below_safety_cost × length of the period",
        (Part("policies", ("below_safety_cost",), {"item": "item", "location": "location"}),),
    ),
    ("below_cushion", "expected shortage"): Origin(
        "−(holding + late + lost ÷ protection interval) × days of the review × probability of the tier and above",
        (Part("items", ("price", "standard_cost", "holding_cost"), ITEM),),
    ),
}  # fmt: skip
"""Flow and account → how its rates are made; any other flow is traced by the tables that its own keys name."""

BY_KEY = {
    "routing": "routings", "offer": "offers", "lane": "lanes", "customer": "customers", "resource": "resources",
    "item": "items", "location": "locations", "expansion": "expansions", "maintenance": "maintenance",
}  # fmt: skip


def origin(flow: str, account: str, keys: list[str]) -> Origin:
    """How the rates of a flow and account are made; for a flow of one's own, by what its keys name."""
    if (known := ORIGINS.get((flow, account))) is not None:
        return known
    tables = {BY_KEY[key]: key for key in keys if key in BY_KEY}
    money = {name: [c.name for c in schema()[name].columns if c.unit.startswith("money")] for name in tables}
    parts = tuple(Part(name, tuple(money[name]), {key: key}) for name, key in tables.items() if money[name])
    return Origin("by the block that brings it", parts)


class Filed:
    """The extract's tables with the line of its file that each row came from.

    Attributes
    ----------
    known : False where the snapshot is not what its folder holds now: edited, or the files were changed since.
    """

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        try:
            extract = inspect(snapshot.folder)
            self.known = freeze(extract).fingerprint == snapshot.fingerprint
        except (SoeError, OSError):
            self.known = False
        self._extract = extract if self.known else None

    def table(self, name: str) -> pl.DataFrame:
        """A table's rows and their lines; without lines where they are not known."""
        frame = self.snapshot[name].with_columns(pl.lit(None, dtype=pl.Int64).alias(LINE))
        if self._extract is not None and name in self._extract.sources:
            source, rows = self._extract.sources[name], self._extract.tables[name]
            lines = pl.int_range(pl.len(), dtype=pl.Int64) + source.first
            layout = source.layout() if source.layout is not None else None
            numbered = rows.with_columns(lines.alias(LINE) if layout is None else pl.Series(LINE, layout.line))
            kept = [column for column in frame.columns if column != LINE]
            frame = numbered.select(*kept, LINE)
        return self._placed(name, frame)

    def alone(self, name: str) -> pl.DataFrame:
        """Operations that have no alternative, or their resources, by routing; any other table as it is."""
        if name not in ("operations", "resources"):
            return self.table(name)
        steps = self.table("operations")
        single = steps.filter((pl.col("step") == "") | (pl.len().over("routing", "step") == 1))
        if name == "operations":
            return single
        return self.table(name).join(single.select("routing", "resource").unique(), on="resource")

    def file(self, name: str) -> str:
        """The name of a table's file."""
        found = self.snapshot.files.filter(pl.col("table") == name)["file"]
        return str(found[0]) if len(found) else ""

    def _placed(self, name: str, frame: pl.DataFrame) -> pl.DataFrame:
        """The forecast by the periods that its labels fall into; the version that is planned with."""
        if name != "forecast" or frame.is_empty():
            return frame
        version = self.snapshot.settings.forecast.version
        rows = frame.filter(pl.col("version") == version) if version else frame
        rows = labelled(self.snapshot.calendar, rows, "forecast")
        shares = self.snapshot.calendar.shares(rows["period"]).select(period="label", _due="period")
        return rows.join(shares, on="period").drop("period").rename({"_due": "_period"})

    @cached_property
    def starts(self) -> pl.DataFrame:
        """period, starts_on of the horizon."""
        return self.snapshot.periods.select("period", _starts="starts_on")


def sources(cells: pl.DataFrame, flow: str, account: str, keys: list[str], filed: Filed) -> pl.DataFrame:
    """Which values of the extract the rates of some cells were made of; see SOURCES.

    Parameters
    ----------
    cells : cell (a number) and the flow's columns, one row per cell.
    """
    found = [pl.DataFrame(schema=SOURCES)]
    for part in origin(flow, account, keys).parts:
        table = filed.alone(part.table) if flow == "make" and part.on == ROUTING else filed.table(part.table)
        on = {("_period" if theirs == LINE else theirs): mine for theirs, mine in part.on.items()}
        if table.is_empty() or not set(on.values()) <= set(cells.columns) or not set(on) <= set(table.columns):
            continue
        # An order has its own price: what the forecast says of the same day is none of its business.
        mine = cells.filter(pl.col("order") == "") if part.table == "forecast" and "order" in cells.columns else cells
        keyed = [pl.col(own).alias(f"_{n}") for n, own in enumerate(on.values())]
        left = mine.select("cell", *keyed, *_when(cells))
        right = table.with_columns(pl.col(theirs).cast(pl.String).alias(f"_{n}") for n, theirs in enumerate(on))
        joined = left.join(right, on=[f"_{n}" for n in range(len(on))])
        if part.table in DATED and "_when" in left.columns:
            joined = _valid(joined.join(filed.starts, left_on="_when", right_on="period", how="left"))
        for column in part.columns:
            values = joined.filter(pl.col(column).is_not_null()).select(
                "cell", account=pl.lit(account), table=pl.lit(part.table), file=pl.lit(filed.file(part.table)),
                line=pl.col(LINE), column=pl.lit(column), value=pl.col(column).cast(pl.String),
            )  # fmt: skip
            found.append(values)
    return pl.concat(found).unique(maintain_order=True)


def _when(cells: pl.DataFrame) -> list[pl.Expr]:
    return [pl.col("period").alias("_when")] if "period" in cells.columns else []


def _valid(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows of a validity that holds when the period starts."""
    begun = pl.col("valid_from").is_null() | (pl.col("valid_from") <= pl.col("_starts")) | pl.col("_starts").is_null()
    open_ = pl.col("valid_to").is_null() | (pl.col("valid_to") >= pl.col("_starts")) | pl.col("_starts").is_null()
    return rows.filter(begun & open_)
