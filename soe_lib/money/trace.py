"""Where a figure comes from: money lines, quantity × rate, the rows that the rate was made of, and their files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import polars as pl

from soe_lib.errors import DataError
from soe_lib.extract.spelling import hint
from soe_lib.money.booking import FREE, booked_lines
from soe_lib.money.ledger import LINES, Ledger
from soe_lib.money.origins import SOURCES, Filed, origin, sources
from soe_lib.money.rounding import largest_remainder

if TYPE_CHECKING:
    from soe_lib.extract.snapshot import Snapshot
    from soe_lib.model.plan import Plan

CELLS = pl.Schema([("cell", pl.Int64), ("key", pl.String), *LINES.items()])
FILTERS = ("account", "kind", "flow", "family", "item", "location", "customer", "month", "week", "period")
SHOWN = 8


@dataclass(frozen=True, eq=False)
class Lineage:
    """All that is needed to say where any money of a plan comes from.

    Parameters
    ----------
    lines : cell (number of the quantity), key (which cell of the flow), and the columns of a ledger line.
    sources : cell, account, table, file, line, column, value: what the rates were made of.
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
        """Where one figure comes from.

        Parameters
        ----------
        where : what the figure is of: account, family, item, location, customer, month, week, flow, kind.

        Raises DataError for a name that no figure has, or where nothing was booked.
        """
        if strange := [name for name in where if name not in FILTERS]:
            raise DataError(f"A figure is not asked for by {strange[0]!r}. {hint(strange[0], list(FILTERS))}".strip())
        ledger = Ledger(self.lines.select(list(LINES)), items=self.items, periods=self.periods)
        numbered = Ledger(self.lines.select(list(LINES)), items=self.items, periods=self.periods)
        object.__setattr__(numbered, "lines", ledger.lines.with_columns(self.lines["cell"], self.lines["key"]))
        labelled = numbered.labelled(*where)
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
    """One figure and what it was made of.

    Formula: figure = Σ cents of the lines; amount = quantity × per_unit.

    Parameters
    ----------
    where : what was asked for. figure : in minor units.
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
        """Everything, for JSON."""
        frames = {name: getattr(self, name).to_dicts() for name in ("lines", "sources", "formulas", "files")}
        return {"where": dict(self.where), "figure": self.amount, **frames, "made": dict(self.made)}

    def text(self, rows: int = SHOWN) -> str:
        """The figure as a story: lines, rates and where they stand, files and their fingerprints."""
        said = ", ".join(f"{name} {value}" for name, value in self.where.items()) or "all money"
        head = f"{said}: {self.amount:,.{self.digits}f} = the sum of {self.lines.height:,} money lines, quantity × rate"
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
        said = [
            f"{file}{f' line {number}' if number is not None else ''} {column} {value}"
            for file, number, column, value in own.select("file", "line", "column", "value").iter_rows()
        ]
        return f"{line}\n{'':20}{'; '.join(said[:6])}"

    def __repr__(self) -> str:
        return self.text()


def lineage(plan: Plan, snapshot: Snapshot, *, made: Mapping[str, Any] | None = None) -> Lineage:
    """Everything that says where the money of a plan comes from, down to the lines of the files.

    Parameters
    ----------
    plan : solved or kept. snapshot : the extract that it was made from.
    made : code and library versions, beside what the plan says of its solver.

    Raises DataError where the plan was made from another extract.
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
    told = {
        "plan": plan.name, "as of": plan.as_of.isoformat(), "inputs": plan.fingerprint, "quantities": plan.identity,
        "status": solution.get("status", plan.source), "gap": solution.get("gap"), "solver": solution.get("solver", ""),
        "lines of files": "known" if filed.known else "not known: the extract was edited or its files have changed",
        **(made or {}),
    }  # fmt: skip
    return Lineage(
        pl.concat(lines), pl.concat(found).unique(maintain_order=True),
        pl.DataFrame(rules, schema=kinds, orient="row"), snapshot.files, plan.items, plan.periods, told,
    )  # fmt: skip


def _cells(plan: Plan, flow: str, keys: list[str], top: int, snapshot: Snapshot) -> pl.DataFrame:
    """A flow's cells that are not zero, numbered from `top` on."""
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
    """Which of the labels no line has, with the nearest that there is."""
    for name, value in where.items():
        known = [str(one) for one in rows[name].unique().sort()]
        if value not in known:
            return f"No money is booked to {name} {value!r}. {hint(value, known) or 'Known: ' + ', '.join(known[:12])}"
    said = ", ".join(f"{name} {value}" for name, value in where.items())
    return f"No money is booked to {said} together; each of them has some alone."
