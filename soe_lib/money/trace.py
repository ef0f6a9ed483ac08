"""Traces a figure to its money lines, quantities, rates, and the input rows and files of each rate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import polars as pl

from soe_lib.errors import DataError, SoeError, hint
from soe_lib.extract.folders import inspect
from soe_lib.extract.precedence import labelled
from soe_lib.extract.schema import schema
from soe_lib.extract.snapshot import Snapshot, freeze
from soe_lib.money.ledger import LINES, Ledger
from soe_lib.money.rates import FREE, booked_lines
from soe_lib.money.rounding import largest_remainder

if TYPE_CHECKING:
    from soe_lib.store.plan import Plan


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
"""One input value of a rate: cell (a number) and account, its location in the files, and the value."""

LINE = "_line"
DATED = ("offers", "routings", "lanes")
FORECAST = {"item": "item", "location": "location", "customer": "customer", LINE: "due"}


@dataclass(frozen=True)
class Source:
    """Input columns of a rate, and the join to their rows.

    Parameters
    ----------
    table, columns : of the input values. on : column of the table → column of the flow's cell.
    """

    table: str
    columns: tuple[str, ...]
    on: dict[str, str]


@dataclass(frozen=True)
class Origin:
    """The formula of the rates of one flow and account, and its inputs."""

    formula: str
    parts: tuple[Source, ...]


ITEM, CUSTOMER, RESOURCE = {"item": "item"}, {"customer": "customer"}, {"resource": "resource"}
ROUTING, OFFER = {"routing": "routing"}, {"offer": "offer"}
STEP = {"routing": "routing", "step": "step", "resource": "resource"}
PRICES = (
    Source("orders", ("quantity", "price"), {"order": "order"}), Source("forecast", ("quantity", "price"), FORECAST),
    Source("items", ("price",), ITEM),
)  # fmt: skip
HELD = (
    Source("items", ("holding_cost", "standard_cost", "volume"), ITEM),
    Source("locations", ("storage_cost",), {"location": "location"}),
)
USED = (
    Source("operations", ("hours_per_unit", "units_per_hour"), ROUTING),
    Source("resources", ("hourly_cost",), ROUTING),
)

ORIGINS: dict[tuple[str, str], Origin] = {
    ("sell", "revenue"): Origin("price of the order or the forecast, else the item's list price", PRICES),
    ("sell", "penalties"): Origin("−late_cost × time late", (Source("customers", ("late_cost",), CUSTOMER),)),
    ("short", "penalties"): Origin("−short_penalty", (Source("customers", ("short_penalty",), CUSTOMER),)),
    ("sell", "goodwill"): Origin("−late_goodwill × time late", (Source("customers", ("late_goodwill",), CUSTOMER),)),
    ("short", "goodwill"): Origin("−short_cost", (Source("customers", ("short_cost",), CUSTOMER),)),
    ("buy", "material"): Origin(
        "−unit_cost of the offer, of an expedited one −unit_cost of the cheapest ordinary one",
        (Source("offers", ("unit_cost",), OFFER),),
    ),
    ("buy", "expediting"): Origin(
        "−(unit_cost of the expedited offer − unit_cost of the cheapest ordinary one)",
        (Source("offers", ("unit_cost",), {"item": "item", "location": "location"}),),
    ),
    ("receive", "material"): Origin(
        "−unit_cost of the receipt's offer",
        (Source("receipts", ("quantity", "offer"), {"receipt": "receipt"}), Source("offers", ("unit_cost",), OFFER)),
    ),
    ("make", "conversion"): Origin(
        "−cost_per_unit; −hourly_cost × hours_per_unit", (Source("routings", ("cost_per_unit",), ROUTING), *USED)
    ),
    ("run", "conversion"): Origin(
        "−hourly_cost × hours_per_unit",
        (
            Source("operations", ("hours_per_unit", "units_per_hour"), STEP),
            Source("resources", ("hourly_cost",), RESOURCE),
        ),
    ),
    ("overtime", "overtime"): Origin(
        "−(overtime_cost − hourly_cost)", (Source("resources", ("overtime_cost", "hourly_cost"), RESOURCE),)
    ),
    ("change_over", "changeover"): Origin(
        "−cost − hourly_cost × hours, of the line's own row or of the row of every line",
        (
            Source("changeovers", ("hours", "cost"), {"from_family": "from_family", "to_family": "to_family"}),
            Source("resources", ("hourly_cost",), RESOURCE),
        ),
    ),
    ("ship", "freight"): Origin("−cost_per_unit", (Source("lanes", ("cost_per_unit",), {"lane": "lane"}),)),
    ("stock", "holding"): Origin(
        "−(holding_cost, or capital_rate × standard_cost, + storage_cost × volume) × length of the period", HELD
    ),
    ("open", "holding"): Origin("as for stock, on the opening stock", HELD),
    ("leave", "end value"): Origin("end_value", (Source("items", ("end_value",), ITEM),)),
    ("below_safety", "below safety"): Origin(
        "−below_safety_cost × length of the period",
        (Source("policies", ("below_safety_cost",), {"item": "item", "location": "location"}),),
    ),
    ("sell", "expected shortage"): Origin(
        "−price of the lowest tier of the cushion at the review that it was due before, at most its loss",
        (Source("items", ("price", "standard_cost", "holding_cost"), ITEM),),
    ),
    ("missed", "targets"): Origin(
        "−price of what is missing from the target", (Source("targets", ("amount", "price"), {"measure": "measure"}),)
    ),
    ("below_cushion", "expected shortage"): Origin(
        "−(holding + late + lost ÷ protection interval) × days of the review × probability of the tier and above",
        (Source("items", ("price", "standard_cost", "holding_cost"), ITEM),),
    ),
}  # fmt: skip
"""Flow and account → the origin of its rates; any other flow is traced by the tables of its keys."""

BY_KEY = {
    "routing": "routings", "offer": "offers", "lane": "lanes", "customer": "customers", "resource": "resources",
    "item": "items", "location": "locations", "expansion": "expansions", "maintenance": "maintenance",
}  # fmt: skip


def origin(flow: str, account: str, keys: list[str]) -> Origin:
    """The origin of the rates of a flow and account; for a custom flow, by the tables of its keys."""
    if (known := ORIGINS.get((flow, account))) is not None:
        return known
    tables = {BY_KEY[key]: key for key in keys if key in BY_KEY}
    money = {name: [c.name for c in schema()[name].columns if c.unit.startswith("money")] for name in tables}
    parts = tuple(Source(name, tuple(money[name]), {key: key}) for name, key in tables.items() if money[name])
    return Origin("defined by its block", parts)


class Filed:
    """The extract's tables with the file line of each row.

    Attributes
    ----------
    known : False if the snapshot differs from its folder: the snapshot was edited, or the files have changed.
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
        """A table's rows with their lines; null lines if unknown."""
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
        """Operations without an alternative, or their resources by routing; any other table unchanged."""
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
        """The planned version of the forecast, by the periods of its labels; any other table unchanged."""
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
    """The input values of the rates of some cells; see SOURCES.

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
        # The price of an order does not come from the forecast.
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
    """Rows that are valid when the period starts."""
    begun = pl.col("valid_from").is_null() | (pl.col("valid_from") <= pl.col("_starts")) | pl.col("_starts").is_null()
    open_ = pl.col("valid_to").is_null() | (pl.col("valid_to") >= pl.col("_starts")) | pl.col("_starts").is_null()
    return rows.filter(begun & open_)


CELLS = pl.Schema([("cell", pl.Int64), ("key", pl.String), *LINES.items()])
FILTERS = ("account", "kind", "flow", "family", "item", "location", "customer", "month", "week", "period")
SHOWN = 8


@dataclass(frozen=True, eq=False)
class Lineage:
    """The data to trace any money of a plan.

    Parameters
    ----------
    lines : cell (number of the quantity), key (label of the cell), and the columns of a ledger line.
    sources : cell, account, table, file, line, column, value: the inputs of the rates.
    formulas : flow, account, formula. files : table, file, rows, bytes, sha256.
    items, periods : of the plan. made : plan, fingerprints, solver, code and library versions.
    """

    lines: pl.DataFrame
    sources: pl.DataFrame
    formulas: pl.DataFrame
    files: pl.DataFrame
    items: pl.DataFrame
    periods: pl.DataFrame
    made: Mapping[str, Any] = field(default_factory=dict)

    def trace(self, where: Mapping[str, str], *, digits: int = 2) -> Trace:
        """The trace of one figure.

        Parameters
        ----------
        where : filters of the figure: account, family, item, location, customer, month, week, flow, kind.

        Raises DataError for an unknown filter, or if nothing was booked.
        """
        if strange := [name for name in where if name not in FILTERS]:
            raise DataError(f"A figure has no filter {strange[0]!r}. {hint(strange[0], list(FILTERS))}".strip())
        ledger = Ledger(self.lines.select(list(LINES)), items=self.items, periods=self.periods)
        labelled = ledger.labelled(*where, lines=self.lines.select(*LINES, "cell", "key"))
        rows = labelled.filter(*(pl.col(name) == value for name, value in where.items()))
        if rows.is_empty():
            raise DataError(_nothing(labelled, where))
        columns = [name for name in where if name not in ("account", "kind")]
        published = ledger.cents(*(columns or ["account"]), digits=digits)
        figure = int(published.filter(*(pl.col(name) == value for name, value in where.items()))["cents"].sum())
        cents = largest_remainder(rows["amount"].to_numpy() * 10**digits, figure)
        lines = rows.with_columns(pl.Series("cents", cents)).sort(
            pl.col("amount").abs(), "cell", descending=[True, False]
        )
        used = self.sources.join(lines.select("cell", "account").unique(), on=["cell", "account"], how="semi")
        formulas = self.formulas.join(lines.select("flow", "account").unique(), on=["flow", "account"], how="semi")
        files = self.files.join(used.select("table").unique(), on="table", how="semi")
        return Trace(dict(where), figure, lines, used, formulas, files, self.made, digits)


@dataclass(frozen=True, eq=False, repr=False)
class Trace:
    """One figure with its lines, rates and inputs.

    Formula: figure = Σ cents of the lines; amount = quantity × per_unit.

    Parameters
    ----------
    where : its filters. figure : in minor units.
    lines : key, flow, item, location, customer, period, quantity, per_unit, amount, cents; the largest first.
    sources : cell, account, table, file, line, column, value. formulas : flow, account, formula.
    files : table, file, rows, bytes, sha256. made : plan, fingerprints, solver and code.
    """

    where: Mapping[str, str]
    figure: int
    lines: pl.DataFrame
    sources: pl.DataFrame
    formulas: pl.DataFrame
    files: pl.DataFrame
    made: Mapping[str, Any]
    digits: int = 2

    @property
    def amount(self) -> float:
        """The figure [money]."""
        return self.figure / 10**self.digits

    def as_dict(self) -> dict[str, Any]:
        """The trace as plain values, for JSON."""
        frames = {name: getattr(self, name).to_dicts() for name in ("lines", "sources", "formulas", "files")}
        return {"where": dict(self.where), "figure": self.amount, **frames, "made": dict(self.made)}

    def text(self, rows: int = SHOWN) -> str:
        """The trace as text: lines, rates with their inputs, files and their fingerprints."""
        title = ", ".join(f"{name} {value}" for name, value in self.where.items()) or "all money"
        head = (
            f"{title}: {self.amount:,.{self.digits}f} = the sum of {self.lines.height:,} money lines, quantity × rate"
        )
        shown = [self._line(row) for row in self.lines.head(rows).iter_rows(named=True)]
        rest = self.lines.slice(rows)
        if rest.height:
            shown.append(f"  and {rest.height:,} more lines of {int(rest['cents'].sum()) / 10**self.digits:,.2f}")
        rules = [f"  {flow} → {account}: {text}" for flow, account, text in self.formulas.iter_rows()]
        files = [
            f"  {row['file']} ({row['rows']:,} rows) sha256 {row['sha256']}" for row in self.files.iter_rows(named=True)
        ]
        made = [f"  {name}: {value}" for name, value in self.made.items()]
        return "\n".join([head, *shown, "Rates", *rules, "Files", *files, "Made with", *made])

    def _line(self, row: dict[str, Any]) -> str:
        money = f"{row['cents'] / 10**self.digits:,.{self.digits}f}"
        line = f"  {money:>16}  {row['flow']} {row['key']}: {row['quantity']:,.6g} × {row['per_unit']:,.6g}"
        own = self.sources.filter(pl.col("cell") == row["cell"], pl.col("account") == row["account"])
        if own.is_empty():
            return line
        inputs = [
            f"{file}{f' line {number}' if number is not None else ''} {column} {value}"
            for file, number, column, value in own.select("file", "line", "column", "value").iter_rows()
        ]
        return f"{line}\n{'':20}{'; '.join(inputs[:6])}"

    def __repr__(self) -> str:
        return self.text()


def lineage(plan: Plan, snapshot: Snapshot, *, made: Mapping[str, Any] | None = None) -> Lineage:
    """The data to trace the money of a plan, down to the lines of the files.

    Parameters
    ----------
    plan : solved or stored. snapshot : the extract that it was made from.
    made : code and library versions, added to the plan's solver data.

    Raises DataError if the plan was made from another extract.
    """
    if plan.fingerprint != snapshot.fingerprint:
        raise DataError(
            f"{plan.name} was made from inputs {plan.fingerprint}, not from {snapshot.fingerprint} of "
            f"{snapshot.folder}: give the extract that it was made from."
        )
    filed, lines, found, rules, top = (
        Filed(snapshot),
        [pl.DataFrame(schema=CELLS)],
        [pl.DataFrame(schema=SOURCES)],
        [],
        0,
    )
    for flow in sorted(plan.flows):
        if flow not in plan.rates.tables:
            continue
        keys = list(plan.rates.columns(flow))
        cells = _cells(plan, flow, keys, top, snapshot)
        top += cells.height
        paid = cells.select("cell", *keys, "quantity").join(
            plan.rates.tables[flow], on=keys, maintain_order="left_right"
        )
        paid = paid.filter(pl.col("account") != FREE)
        lines.append(_lines(flow, keys, paid))
        for account in paid["account"].unique().sort():
            mine = cells.join(paid.filter(pl.col("account") == account), on="cell", how="semi")
            rules.append((flow, account, origin(flow, account, keys).formula))
            found.append(sources(mine, flow, account, keys, filed))
    kinds = dict.fromkeys(("flow", "account", "formula"), pl.String)
    solution = plan.solution
    record = {
        "plan": plan.name, "as of": plan.as_of.isoformat(), "inputs": plan.fingerprint, "quantities": plan.identity,
        "status": solution.get("status", plan.source), "gap": solution.get("gap"), "solver": solution.get("solver", ""),
        "lines of files": "known" if filed.known else "not known: the extract was edited or its files have changed",
        **(made or {}),
    }  # fmt: skip
    return Lineage(
        pl.concat(lines), pl.concat(found).unique(maintain_order=True),
        pl.DataFrame(rules, schema=kinds, orient="row"), snapshot.files, plan.items, plan.periods, record,
    )  # fmt: skip


def _cells(plan: Plan, flow: str, keys: list[str], top: int, snapshot: Snapshot) -> pl.DataFrame:
    """A flow's nonzero cells, numbered from `top`."""
    rows = plan.flows[flow].filter(pl.col("quantity") != 0).with_columns(pl.col(keys).cast(pl.String))
    cells = rows.with_columns(cell=pl.int_range(pl.len(), dtype=pl.Int64) + top)
    offers = snapshot["receipts"].select("receipt", "offer")
    return cells.join(offers, on="receipt", how="left") if flow == "receive" else cells


def _lines(flow: str, keys: list[str], paid: pl.DataFrame) -> pl.DataFrame:
    """The ledger lines of cells joined to their rates, with the cell's number and name."""
    labels = [pl.when(pl.col(key) != "").then(pl.format("{} {}", pl.lit(key), key)) for key in keys]
    named = paid.select(pl.concat_str(labels, separator=", ", ignore_nulls=True).alias("key"))["key"]
    booked = booked_lines(flow, paid).select(pl.col(name).cast(kind) for name, kind in LINES.items())
    return booked.with_columns(paid["cell"], named).select(list(CELLS))


def _nothing(rows: pl.DataFrame, where: Mapping[str, str]) -> str:
    """The message that no line has the labels, with the nearest known label."""
    for name, value in where.items():
        known = [str(one) for one in rows[name].unique().sort()]
        if value not in known:
            return f"No money is booked to {name} {value!r}. {hint(value, known) or 'Known: ' + ', '.join(known[:12])}"
    labels = ", ".join(f"{name} {value}" for name, value in where.items())
    return f"No money is booked to {labels} together, although each alone has some."
