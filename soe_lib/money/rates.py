"""Rates: money per unit of each flow, by account, and the ledger lines of any plan valued at them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Literal

import numpy as np
import numpy.typing as npt
import polars as pl

from soe_lib.errors import DataError, FormulationError
from soe_lib.money.ledger import ADAPTED, KINDS, LINES, UNMATCHED, Ledger, no_periods, timeline

FREE = ""
"""The account of a cell that is known to cost nothing."""

LABELS = ("item", "location", "customer")


def checked(flow: str, table: pl.DataFrame) -> pl.DataFrame:
    """A rate table with text labels and finite rates.

    Raises FormulationError on a missing column, a rate that is not a number, or an unknown kind.
    """
    if lost := [name for name in ("account", "kind", "per_unit") if name not in table.columns]:
        raise FormulationError(f"rates of {flow} lack {', '.join(lost)}.")
    names = [name for name in table.columns if name not in ("per_unit", "cell")]
    kinds = {**dict.fromkeys(names, pl.String), "per_unit": pl.Float64}
    clean = table if table.schema == kinds else table.select(pl.col(name).cast(kind) for name, kind in kinds.items())
    rate = clean.get_column("per_unit")
    if finite(rate) < clean.height:
        bad = clean.filter(rate.is_null() | ~rate.is_finite())
        raise FormulationError(
            f"rates of {flow}: {bad.height} of {clean.height} are blank or not finite, first {bad.row(0)}; "
            "give the price or the cost that is missing."
        )
    if not {*clean.get_column("kind").unique()} <= {*KINDS, None}:
        strange = clean.filter(~pl.col("kind").is_in(KINDS))
        raise FormulationError(f"rates of {flow}: kind must be one of {', '.join(KINDS)}, not {strange['kind'][0]!r}.")
    return clean


def finite(numbers: pl.Series) -> int:
    """The count of finite numbers; for short columns NumPy is faster than a query."""
    return int(np.isfinite(numbers.to_numpy()).sum())


def key_columns(table: pl.DataFrame, known: Sequence[str] | None) -> tuple[str, ...]:
    """The key columns of a cell: the known ones, else all before the account."""
    if known and all(key in table.columns for key in known):
        return tuple(known)
    return tuple(table.columns[: table.columns.index("account")])


def free(cells: pl.DataFrame) -> pl.DataFrame:
    """Rates of 0 for cells that cost nothing."""
    return cells.with_columns(account=pl.lit(FREE), kind=pl.lit("cash"), per_unit=pl.lit(0.0))


def booked_lines(flow: str, hits: pl.DataFrame) -> pl.DataFrame:
    """Ledger lines of rows joined to their rates.

    Formula: amount = quantity × per_unit, booked to the rate's item, location and customer (`booked_item` … before
    `item` …) and to its period `booked`.
    """
    paid = hits.lazy().filter(pl.col("account") != FREE)
    label = {name: _first(hits, f"booked_{name}", name) for name in LABELS}
    return paid.select(
        "account",
        "kind",
        flow=pl.lit(flow),
        **label,
        period=_first(hits, "booked", "period"),
        quantity="quantity",
        per_unit="per_unit",
        amount=pl.col("quantity") * pl.col("per_unit"),
    ).collect()


def counted(rows: pl.DataFrame, flow: str, how: str) -> pl.DataFrame:
    """The number and quantity of rows valued in an unusual way, or not valued; empty if there are none."""
    row = {"flow": flow, "how": how, "rows": rows.height, "quantity": float(rows.get_column("quantity").sum())}
    return pl.DataFrame([row] if rows.height else [], schema=ADAPTED)


def _first(frame: pl.DataFrame, *names: str) -> pl.Expr:
    return pl.coalesce([*(pl.col(name) for name in names if name in frame.columns), pl.lit("")])


TIMES = ("due", "period")
"""Key columns that are points in time, in order of matching."""

NEAREST = "rate of the nearest period"
AS_FORECAST = "order unknown to the rates, valued as forecast"
OWN_RATE = "unknown to the rates, valued at its own plan's"


def nearest_rate(
    flow: str,
    rows: pl.DataFrame,
    table: pl.DataFrame,
    keys: Sequence[str],
    calendars: tuple[pl.DataFrame, pl.DataFrame],
    *,
    timed: bool,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Rows of a loaded plan joined to the nearest rates, and counts of the substitutions.

    Formula: among the rates with the same other keys, the one with the nearest due day, then with the nearest lag from
    due to period; the earlier one of a tie. It is booked in the row's own period. For flows that cost money per time,
    per_unit × days of the row's period / days of the rate's period.

    Parameters
    ----------
    rows : _row, key columns, quantity.
    table : the flow's rates.
    calendars : periods of the plan, periods of the book.

    Returns the joined rows, and flow, how, rows, quantity.
    """
    times = [key for key in TIMES if key in keys]
    hits = _by_time(rows, table, keys, times, calendars, timed) if times else _none(rows, table)
    counts = [counted(rows.join(hits, on="_row", how="semi"), flow, NEAREST)]
    rest = rows.join(hits, on="_row", how="anti")
    if "order" in keys and rest.filter(pl.col("order") != "").height:
        loose = rest.with_columns(order=pl.lit(""))
        same = loose.join(table, on=list(keys), how="inner")
        late = loose.join(same, on="_row", how="anti")
        more = [same, _by_time(late, table, keys, times, calendars, timed) if times else _none(late, table)]
        found = pl.concat(more, how="diagonal")
        counts.append(counted(rest.join(found, on="_row", how="semi"), flow, AS_FORECAST))
        hits = pl.concat([hits, found], how="diagonal")
    return hits, pl.concat(counts)


def _by_time(
    rows: pl.DataFrame,
    table: pl.DataFrame,
    keys: Sequence[str],
    times: Sequence[str],
    calendars: tuple[pl.DataFrame, pl.DataFrame],
    timed: bool,
) -> pl.DataFrame:
    plan, book = calendars
    others = [key for key in keys if key not in times]
    asked = _dated(rows, times, plan, book)
    slots = _dated(table.select(keys).unique(), times, book, plan)
    placed = _closest(asked, slots, others, "_day_0")
    if len(times) == 2:
        placed = _closest(placed, slots.rename({"_day_0": "_near_day_0"}), [*others, "_near_day_0"], "_day_1")
    at = [f"_near_day_{place}" for place in range(len(times))]
    target = slots.rename({f"_day_{place}": name for place, name in enumerate(at)})
    target = target.unique([*others, *at], keep="first", maintain_order=True)
    near = {time: f"_near_{time}" for time in times} | {"_days": "_near_days"}
    wide = placed.join(target.rename(near), on=[*others, *at], how="inner", validate="m:1")
    joined = wide.join(
        table, left_on=[*others, *(near[time] for time in times)], right_on=[*others, *times], how="inner"
    )
    own = pl.col(times[-1]).alias("booked")
    ratio = (pl.col("_days") / pl.col("_near_days")) if timed else pl.lit(1.0)
    return joined.with_columns(own, per_unit=pl.col("per_unit") * ratio).drop(
        [name for name in joined.columns if name.startswith("_") and name != "_row"]
    )


def _dated(frame: pl.DataFrame, times: Sequence[str], *calendars: pl.DataFrame) -> pl.DataFrame:
    """The frame with _day_0 (first time as a number), _day_1 (lag of the second), _days; unknown labels are dropped."""
    for place, time in enumerate(times):
        dates = timeline(frame.get_column(time), *calendars).select(
            pl.col("period").alias(time),
            pl.col("starts_on").cast(pl.Int32).cast(pl.Int64).alias(f"_day_{place}"),
            pl.col("days").alias("_days"),
        )
        frame = frame.drop("_days", strict=False).join(dates, on=time, how="inner", validate="m:1")
    if len(times) == 2:
        frame = frame.with_columns(_day_1=pl.col("_day_1") - pl.col("_day_0"))
    return frame


def _closest(rows: pl.DataFrame, slots: pl.DataFrame, by: Sequence[str], on: str) -> pl.DataFrame:
    """The rows with _near<on>: the nearest value among the slots of the same `by`."""
    places = slots.select(*by, on).unique().with_columns(_found=pl.col(on)).sort(on)
    grouped = list(by) or None
    found = rows.sort(on).join_asof(
        places.rename({"_found": "_before"}), on=on, by=grouped, strategy="backward", check_sortedness=False
    )
    found = found.join_asof(
        places.rename({"_found": "_after"}), on=on, by=grouped, strategy="forward", check_sortedness=False
    )
    before, after, day = pl.col("_before"), pl.col("_after"), pl.col(on)
    nearer = pl.when(after.is_null() | (day - before <= after - day)).then(before).otherwise(after)
    return found.with_columns(nearer.alias(f"_near{on}")).drop("_before", "_after").drop_nulls(f"_near{on}")


def _none(rows: pl.DataFrame, table: pl.DataFrame) -> pl.DataFrame:
    extra = [name for name in table.columns if name not in rows.columns]
    return rows.clear().with_columns(pl.lit(None, dtype=table.schema[name]).alias(name) for name in extra)


Match = Literal["exact", "nearest"]

FLOW_KEYS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "make": ("routing", "period"),
        "buy": ("offer", "period"),
        "ship": ("lane", "item", "period"),
        "stock": ("item", "location", "period"),
        "sell": ("item", "location", "customer", "order", "due", "period"),
        "short": ("item", "location", "customer", "order", "due"),
        "below_safety": ("item", "location", "period"),
        "overtime": ("resource", "period"),
        "run": ("routing", "step", "resource", "period"),
        "open": ("item", "location"),
        "receive": ("receipt",),
        "leave": ("item", "location"),
    }
)
"""The key columns of each known flow."""

TIMED = frozenset({"stock", "below_safety"})
"""Flows that cost money per time: their rate grows with the length of the period."""

FACTS = frozenset({"open", "receive"})
"""Flows that no decision changes: without a rate they are worth nothing, and are not reported as unmatched."""

_BOOK = "book.json"


def _of_types(frame: pl.DataFrame, types: Mapping[str, pl.DataType | type[pl.DataType]]) -> pl.DataFrame:
    """The columns cast to these types; a frame that has them is not copied."""
    if all(frame.schema[name] == dtype for name, dtype in types.items()):
        return frame[list(types)]
    return frame.select(pl.col(name).cast(dtype) for name, dtype in types.items())


@dataclass(frozen=True, eq=False, repr=False)
class RateBook:
    """Money per unit of each flow, by account and booking period.

    Formula: amount = quantity × per_unit, summed over every row of the same key.

    Parameters
    ----------
    tables : by flow: its key columns, account, kind, item, location, customer, booked (period) and
        per_unit [money/unit, signed: revenue +, cost −]; `booked_item` and the like are used if a key column is
        already named item. Rates of one key are added.
    keys : key columns by flow, if they differ from FLOW_KEYS.
    items : item, family … to group the ledgers by.
    periods : period, starts_on, ends_on, … of the rates.

    Raises FormulationError on a missing column, an unknown kind or a rate that is not a number.
    """

    tables: Mapping[str, pl.DataFrame]
    keys: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    items: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema={"item": pl.String, "family": pl.String}))
    periods: pl.DataFrame = field(default_factory=no_periods)

    def __post_init__(self) -> None:
        tables = {flow: checked(flow, self.tables[flow]) for flow in sorted(self.tables)}
        keys = {flow: self.keys.get(flow) or key_columns(table, FLOW_KEYS.get(flow)) for flow, table in tables.items()}
        for flow, table in tables.items():
            if lost := [key for key in keys[flow] if key not in table.columns]:
                raise FormulationError(f"rates of {flow} lack the key columns {', '.join(lost)}.")
        object.__setattr__(self, "tables", MappingProxyType(tables))
        object.__setattr__(self, "keys", MappingProxyType(keys))

    def columns(self, flow: str) -> tuple[str, ...]:
        """The key columns of a flow; raises FormulationError for an unknown flow."""
        known = self.keys.get(flow) or FLOW_KEYS.get(flow)
        if known is None:
            raise FormulationError(f"no rates for a flow {flow!r}; the book knows {', '.join(self.tables)}.")
        return tuple(known)

    def known(self, cells: Mapping[str, pl.DataFrame]) -> RateBook:
        """The book with rates of 0 added for those of these cells that have no rate.

        It declares that such a cell costs nothing, instead of a missing rate.

        Parameters
        ----------
        cells : by flow: a frame with its key columns, one row per cell.
        """
        tables = dict(self.tables)
        for flow, frame in cells.items():
            keys = list(self.columns(flow))
            own = frame.select(pl.col(key).cast(pl.String) for key in keys)
            have = tables.get(flow, checked(flow, free(own.clear())))
            tables[flow] = pl.concat([have, free(own.join(have, on=keys, how="anti"))], how="diagonal")
        return replace(self, tables=tables)

    def value(
        self,
        flows: Mapping[str, pl.DataFrame],
        match: Match = "exact",
        *,
        items: pl.DataFrame | None = None,
        periods: pl.DataFrame | None = None,
        instead: RateBook | None = None,
    ) -> Ledger:
        """The ledger of a plan: each quantity times each of its rates, without a solver.

        Formula: amount = quantity × per_unit. Rows of quantity 0 have no line. "nearest" is for plans from another
        source: a row whose period has no rate takes the rate of the nearest period with the same other keys (the
        earlier one of a tie), per day if the flow costs money per time; a sale on an unknown order takes the forecast's
        rate. `ledger.adapted` counts both; `ledger.unmatched` counts rows without any rate, which are never silently
        zero.

        Parameters
        ----------
        flows : by name: key columns and `quantity` [unit].
        items, periods : to group the ledger by; default the book's own.
        instead : the book that values, by exact match, rows without a rate in this one; also counted in `adapted`.

        Raises FormulationError on missing key columns, blank quantities, or two rows of one key.
        """
        dates = self.periods if periods is None else periods
        lines, adapted, lost = [pl.DataFrame(schema=LINES)], [pl.DataFrame(schema=ADAPTED)], []
        for flow in sorted(flows):
            rows = self._rows(flow, flows[flow], match)
            found, how, rest = self._valued(flow, rows, match, dates)
            lines.append(found)
            adapted.append(how)
            if instead is not None and rest.height:
                own, _, left = instead._valued(flow, rest, "exact", dates)
                lines.append(own)
                adapted.append(counted(rest.join(left, on=rest.columns, how="anti"), flow, OWN_RATE))
                rest = left
            # In plans of this book, a flow without a rate table is free.
            if flow in self.tables or (match == "nearest" and flow not in FACTS):
                lost.append(counted(rest, flow, "").drop("how"))
        # One ledger of all lines: a sum of ledgers would check every line again.
        return Ledger(
            pl.concat([_of_types(part, LINES) for part in lines]),
            unmatched=pl.concat([pl.DataFrame(schema=UNMATCHED), *lost]),
            items=self.items if items is None else items,
            periods=dates,
            adapted=pl.concat(adapted),
        )

    def per_unit(self, flow: str, cells: pl.DataFrame) -> npt.NDArray[np.float64]:
        """Money per unit of each cell without steering accounts; 0 if the book has no rate for it.

        Parameters
        ----------
        cells : the key columns of the flow, one row per cell.

        Returns shape (rows of cells,) [money/unit].
        """
        table, keys = self.tables.get(flow), list(self.columns(flow))
        if table is None:
            return np.zeros(cells.height)
        earning = table.filter(pl.col("kind") != "steering")
        money = earning.group_by(keys, maintain_order=True).agg(pl.col("per_unit").sum())
        own = cells.select(pl.col(key).cast(pl.String) for key in keys)
        found = own.join(money, on=keys, how="left", validate="m:1", maintain_order="left")
        return found.get_column("per_unit").fill_null(0.0).to_numpy()

    def save(self, folder: str | Path) -> Path:
        """Write the book as parquet, one file per flow, and book.json; returns the folder."""
        home = Path(folder)
        home.mkdir(parents=True, exist_ok=True)
        files = {flow: f"rates_{place:02d}.parquet" for place, flow in enumerate(self.tables)}
        for flow, name in files.items():
            self.tables[flow].write_parquet(home / name)
        self.items.write_parquet(home / "items.parquet")
        self.periods.write_parquet(home / "periods.parquet")
        text = {"files": files, "keys": {flow: list(keys) for flow, keys in self.keys.items()}}
        (home / _BOOK).write_text(json.dumps(text, indent=1, sort_keys=True), encoding="utf-8")
        return home

    @classmethod
    def load(cls, folder: str | Path) -> RateBook:
        """The book that `save` wrote; raises DataError if there is none."""
        home = Path(folder)
        if not (home / _BOOK).is_file():
            raise DataError(f"{home} holds no rate book: {_BOOK} is missing. Save one there with RateBook.save.")
        text = json.loads((home / _BOOK).read_text(encoding="utf-8"))
        return cls(
            {flow: pl.read_parquet(home / Path(name).name) for flow, name in text["files"].items()},
            {flow: tuple(keys) for flow, keys in text["keys"].items()},
            pl.read_parquet(home / "items.parquet"),
            pl.read_parquet(home / "periods.parquet"),
        )

    def __repr__(self) -> str:
        rows = [f"  {flow:<10} {t.height:>9,} rates on {', '.join(self.keys[flow])}" for flow, t in self.tables.items()]
        return "\n".join([f"RateBook: {sum(t.height for t in self.tables.values()):,} rates", *rows])

    def _rows(self, flow: str, frame: pl.DataFrame, match: Match) -> pl.DataFrame:
        if flow not in self.tables and flow not in FLOW_KEYS:
            rows = frame.select(pl.col("quantity").cast(pl.Float64))
        else:
            keys = self.columns(flow)
            if lost := [name for name in (*keys, "quantity") if name not in frame.columns]:
                raise FormulationError(f"flow {flow} lacks {', '.join(lost)}; its keys are {', '.join(keys)}.")
            rows = _of_types(frame, {**dict.fromkeys(keys, pl.String), "quantity": pl.Float64})
            if match == "exact" and (twins := rows.height - rows.n_unique(subset=keys)):
                raise FormulationError(f"flow {flow}: {twins} of {rows.height} rows repeat the key {', '.join(keys)}.")
        if bad := rows.height - finite(rows.get_column("quantity")):
            raise FormulationError(f"flow {flow}: {bad} of {rows.height} quantities are blank or not finite.")
        return rows.filter(pl.col("quantity") != 0)

    def _valued(
        self, flow: str, rows: pl.DataFrame, match: Match, periods: pl.DataFrame
    ) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
        """The lines of rows with a rate, the counts of adapted rates, and the rows without a rate."""
        table, adapted = self.tables.get(flow), pl.DataFrame(schema=ADAPTED)
        if table is None:
            return pl.DataFrame(schema=LINES), adapted, rows
        if table.is_empty():
            return pl.DataFrame(schema=LINES), adapted, rows.clear()
        keys = list(self.columns(flow))
        numbered = rows.with_row_index("_row")
        hits = numbered.join(table, on=keys, how="inner", maintain_order="left_right")
        found_all = hits.get_column("_row").n_unique() == numbered.height
        rest = numbered.clear() if found_all else numbered.join(table, on=keys, how="anti", maintain_order="left")
        if match == "nearest" and rest.height:
            more, adapted = nearest_rate(flow, rest, table, keys, (periods, self.periods), timed=flow in TIMED)
            hits = pl.concat([hits, more], how="diagonal")
            rest = rest.join(more, on="_row", how="anti")
        return booked_lines(flow, hits), adapted, rest.drop("_row") if rest.height else rows.clear()


@dataclass(frozen=True, eq=False)
class RatesByCell:
    """Every rate as the ledger line of one unit, and its cell.

    Formula: amount = quantity of the cell × per_unit. The lines equal those of `RateBook.value`, in the same order;
    `value` joins by keys, which is slower and verifies the keys.

    Parameters
    ----------
    lines : columns of LINES at a quantity of one. cells : shape (lines,), index of its cell among all quantities.
    """

    lines: pl.DataFrame
    cells: npt.NDArray[np.intp]

    @classmethod
    def of(cls, rates: Mapping[str, pl.DataFrame], first: Mapping[str, int]) -> RatesByCell:
        """From rate tables with numbered cells.

        Parameters
        ----------
        rates : by flow: cell, account, kind, booked labels and per_unit. first : by flow: the index of its cell 0.
        """
        frames = {flow: rates[flow].sort("cell", maintain_order=True) for flow in sorted(rates)}
        lines = [booked_lines(flow, frame.with_columns(quantity=pl.lit(1.0))) for flow, frame in frames.items()]
        cells = [frame.get_column("cell").to_numpy().astype(np.intp) + first[flow] for flow, frame in frames.items()]
        return cls(
            pl.concat([pl.DataFrame(schema=LINES), *lines], how="vertical_relaxed"),
            np.concatenate([np.zeros(0, np.intp), *cells]),
        )

    def value(self, quantity: npt.NDArray[np.float64]) -> pl.DataFrame:
        """The ledger lines of a plan; cells of quantity 0 have none.

        Parameters
        ----------
        quantity : of every cell, shape (quantities,) [unit].
        """
        mine = quantity[self.cells]
        used = np.flatnonzero(mine)
        lines, units = self.lines[used], mine[used]
        amount = units * lines.get_column("per_unit").to_numpy()
        return lines.with_columns(pl.Series("quantity", units), pl.Series("amount", amount))
