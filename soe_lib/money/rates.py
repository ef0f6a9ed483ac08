"""RateBook: what one unit of each flow is worth, by account; every plan is valued by the same rows."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Literal

import numpy as np
import numpy.typing as npt
import polars as pl

from soe_lib.errors import DataError, FormulationError
from soe_lib.money.booking import adapted, booked_lines, checked, finite, free, key_columns, unmatched
from soe_lib.money.ledger import ADAPTED, LINES, UNMATCHED, Ledger
from soe_lib.money.nearest import OWN_RATE, adapt
from soe_lib.money.timeline import no_periods

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
"""The columns that name one row of each known flow."""

TIMED = frozenset({"stock", "below_safety"})
"""Flows that cost money per time: their rate grows with the length of the period."""

FACTS = frozenset({"open", "receive"})
"""Flows that no decision moves: without a rate they are worth nothing, and nobody need be told."""

_BOOK = "book.json"


def _of_types(frame: pl.DataFrame, types: Mapping[str, pl.DataType | type[pl.DataType]]) -> pl.DataFrame:
    """Some columns as these types; a frame that has them is not copied."""
    if all(frame.schema[name] == dtype for name, dtype in types.items()):
        return frame[list(types)]
    return frame.select(pl.col(name).cast(dtype) for name, dtype in types.items())


@dataclass(frozen=True, eq=False, repr=False)
class RateBook:
    """What one unit of each flow is worth, by account, in the period it is booked to.

    Formula: amount = quantity × per_unit, summed over every row of the same key.

    Parameters
    ----------
    tables : by flow: its key columns, account, kind, item, location, customer, booked (period) and
        per_unit [money/unit, signed: revenue +, cost −]; `booked_item` and the like stand in where the
        key itself is called item. Several rows of one key are added.
    keys : key columns by flow, where they differ from FLOW_KEYS.
    items : item, family … that the ledgers are read by.
    periods : period, starts_on, ends_on, … that the rates speak about.

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
        """The key columns of a flow; raises FormulationError for a flow that nobody knows."""
        known = self.keys.get(flow) or FLOW_KEYS.get(flow)
        if known is None:
            raise FormulationError(f"no rates for a flow {flow!r}; the book knows {', '.join(self.tables)}.")
        return tuple(known)

    def known(self, cells: Mapping[str, pl.DataFrame]) -> RateBook:
        """The book that also knows these cells, at no money where it has no rate for them.

        Says that a cell without a rate costs nothing, rather than that its rate is missing.

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
        """The ledger of a plan: each quantity times each of its rates; no solver is needed.

        Formula: amount = quantity × per_unit. Rows of quantity 0 leave no line. "nearest" is for plans that
        somebody else made: a row whose period has no rate takes that of the nearest period with the same
        other keys (the earlier of two as near), per day where the flow costs money per time; a sale on an
        order that the book does not know takes the forecast's. Both are counted in `ledger.adapted`; what
        finds no rate at all is counted in `ledger.unmatched`, never silently zero.

        Parameters
        ----------
        flows : by name: key columns and `quantity` [unit].
        items, periods : to read the ledger by; the book's own when left out.
        instead : the book that values, exactly, what finds no rate in this one; counted in `adapted` too.

        Raises FormulationError on missing key columns, blank quantities, or two rows of one key.
        """
        dates = self.periods if periods is None else periods
        lines, ways, lost = [pl.DataFrame(schema=LINES)], [pl.DataFrame(schema=ADAPTED)], []
        for flow in sorted(flows):
            rows = self._rows(flow, flows[flow], match)
            found, how, rest = self._valued(flow, rows, match, dates)
            lines.append(found)
            ways.append(how)
            if instead is not None and rest.height:
                own, _, left = instead._valued(flow, rest, "exact", dates)
                lines.append(own)
                ways.append(adapted(rest.join(left, on=rest.columns, how="anti"), flow, OWN_RATE))
                rest = left
            # a flow for which the book's own blocks declare no money is free, but only in plans of that book
            if flow in self.tables or (match == "nearest" and flow not in FACTS):
                lost.append(unmatched(rest, flow))
        # One ledger of all lines, not a sum of ledgers: each of them would check its lines again.
        return Ledger(
            pl.concat([_of_types(part, LINES) for part in lines]),
            unmatched=pl.concat([pl.DataFrame(schema=UNMATCHED), *lost]),
            items=self.items if items is None else items,
            periods=dates,
            adapted=pl.concat(ways),
        )

    def per_unit(self, flow: str, cells: pl.DataFrame) -> npt.NDArray[np.float64]:
        """Money per unit of each cell, its steering accounts left out; 0 where the book has no rate for it.

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
        """The book that `save` wrote; raises DataError where there is none."""
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
                raise FormulationError(f"flow {flow} lacks {', '.join(lost)}; it is named by {', '.join(keys)}.")
            rows = _of_types(frame, {**dict.fromkeys(keys, pl.String), "quantity": pl.Float64})
            if match == "exact" and (twins := rows.height - rows.n_unique(subset=keys)):
                raise FormulationError(f"flow {flow}: {twins} of {rows.height} rows repeat the key {', '.join(keys)}.")
        if bad := rows.height - finite(rows.get_column("quantity")):
            raise FormulationError(f"flow {flow}: {bad} of {rows.height} quantities are blank or not finite.")
        return rows.filter(pl.col("quantity") != 0)

    def _valued(
        self, flow: str, rows: pl.DataFrame, match: Match, periods: pl.DataFrame
    ) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
        """The lines of the rows that find a rate, how rates were adapted for them, and the rows that find none."""
        table, ways = self.tables.get(flow), pl.DataFrame(schema=ADAPTED)
        if table is None:
            return pl.DataFrame(schema=LINES), ways, rows
        if table.is_empty():
            return pl.DataFrame(schema=LINES), ways, rows.clear()
        keys = list(self.columns(flow))
        numbered = rows.with_row_index("_row")
        hits = numbered.join(table, on=keys, how="inner", maintain_order="left_right")
        found_all = hits.get_column("_row").n_unique() == numbered.height
        rest = numbered.clear() if found_all else numbered.join(table, on=keys, how="anti", maintain_order="left")
        if match == "nearest" and rest.height:
            more, ways = adapt(flow, rest, table, keys, (periods, self.periods), timed=flow in TIMED)
            hits = pl.concat([hits, more], how="diagonal")
            rest = rest.join(more, on="_row", how="anti")
        return booked_lines(flow, hits), ways, rest.drop("_row") if rest.height else rows.clear()
