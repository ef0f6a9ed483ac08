"""A what-if: a named list of recorded edits that turns one snapshot into another."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from soe_lib.display import html
from soe_lib.errors import DataError
from soe_lib.extract.snapshot import Snapshot
from soe_lib.scenario.edits import Edit
from soe_lib.scenario.recheck import recheck
from soe_lib.scenario.touched import COLUMNS
from soe_lib.scenario.values import Setting, dated, filters, plain

if TYPE_CHECKING:
    from soe_lib.model.terms import Block


@dataclass(frozen=True, repr=False)
class Scenario:
    """A what-if by name; every call below returns a new one with one edit more.

    Filters are keywords: a column of the table, or of what it refers to (`supplier` of a receipt, `family` of an
    order), with one value or a list. `period` and dates take a period, an ISO date, an ISO week or a fiscal month and
    mean everything inside; a row that such a label cuts is shared out over its days first.

    Parameters
    ----------
    name : how the meeting calls it.
    edits : made in this order.
    blocks : planning ideas added to the model; they are not written to a file.
    note : why anybody asks.
    answers : the exception that it is an option for, or a part of its name; blank: none. The weekly pack prices it
        there, beside the options that it finds itself.
    controls : the workbench's controls that made all of the edits, in this order, each with what its fields say: so
        they can be opened again. Left out where edits were made otherwise; what counts are the edits.

    Example: `Scenario("line 2 down").scale("calendar.hours", 0.0, resource="L2", period="2026-W48")`.
    """

    name: str
    edits: tuple[Edit, ...] = ()
    blocks: tuple[Block, ...] = ()
    note: str = ""
    answers: str = ""
    controls: tuple[Setting, ...] = field(default=(), compare=False)

    def scale(self, path: str, factor: float, **where: Any) -> Scenario:
        """Multiply a column ("calendar.hours") by a factor in the rows that the filters accept."""
        return self._with("scale", path, factor, where)

    def set(self, path: str, value: Any, **where: Any) -> Scenario:
        """Give a column a value in the rows that the filters accept; None blanks it, a date may be ISO text."""
        return self._with("set", path, dated(path, value), where)

    def add_to(self, path: str, amount: float, **where: Any) -> Scenario:
        """Add an amount to a column, in each of the rows that the filters accept."""
        return self._with("add_to", path, amount, where)

    def delay(self, table: str, *, days: float, **where: Any) -> Scenario:
        """Let receipts or orders come so many days later, or lengthen the lead time of offers, lanes or routings."""
        return self._with("delay", table, days, where)

    def longer(self, *, days: int, **where: Any) -> Scenario:
        """Let events last so many days longer (negative: shorter), with their hours in proportion to working days."""
        return self._with("longer", "events", days, where)

    def promise(self, table: str, share: float, **where: Any) -> Scenario:
        """Commit to a share of the quantity of each demand line ("forecast", "orders") that the filters accept."""
        return self._with("promise", table, share, where)

    def drop(self, table: str, **where: Any) -> Scenario:
        """Leave rows out; rows that need them go too, others forget them."""
        return self._with("drop", table, None, where)

    def event(
        self, *, kind: str, target: str, period: Any = None, from_: Any = None, to: Any = None, **columns: Any
    ) -> Scenario:
        """Add a row to the events: downtime, delay, surge, supply_loss or price.

        Parameters
        ----------
        target : the resource, receipt, item, family, customer, supplier, offer, lane or location that is hit.
        period : when, as one label; or `from_` and `to`, each a date or a label. Left out: the whole horizon.
        columns : hours, factor, days, note, as in the contract's events table.
        """
        given = {
            "kind": kind,
            "target": target,
            "from": period if from_ is None else from_,
            "to": to or period,
            **columns,
        }
        values = tuple((name, plain(value)) for name, value in given.items() if value is not None)
        return self.record(Edit("event", "events", values=values))

    def row(self, table: str, **columns: Any) -> Scenario:
        """Add a row to a table, such as a substitution that customers might accept; columns left out are blank."""
        values = tuple((name, plain(value)) for name, value in columns.items() if value is not None)
        return self.record(Edit("row", table, values=values))

    def add(self, *blocks: Block) -> Scenario:
        """Add planning ideas (blocks) to the model of this scenario."""
        return replace(self, blocks=(*self.blocks, *blocks))

    def record(self, *edits: Edit) -> Scenario:
        """The scenario with these edits after its own."""
        return replace(self, edits=(*self.edits, *edits))

    @property
    def moves_fence(self) -> bool:
        """Whether it changes the fence, and so needs the plan of record."""
        return any(edit.table == "settings" and edit.column.startswith("fence.") for edit in self.edits)

    def undo(self) -> Scenario:
        """The scenario without its last edit."""
        return replace(self, edits=self.edits[:-1])

    def reset(self) -> Scenario:
        """The scenario with its name and note only."""
        return replace(self, edits=(), blocks=())

    def rename(self, name: str, *, note: str | None = None) -> Scenario:
        """The same edits under another name."""
        return replace(self, name=name, note=self.note if note is None else note)

    def _with(self, action: str, path: str, amount: Any, where: dict[str, Any]) -> Scenario:
        table, _, column = path.partition(".")
        return self.record(Edit(action, table, column, plain(amount), filters(where)))

    def apply(self, snapshot: Snapshot) -> Snapshot:
        """The snapshot as it would be: a new one, checked again; the given one stays as it is.

        Raises
        ------
        DataError : an edit that touches no row, naming the nearest values, or a result that breaks the contract.
        """
        changed = snapshot
        for number, edit in enumerate(self.edits, start=1):
            changed = self._try(number, edit, changed)
        return recheck(changed, self.name, snapshot) if self.edits else snapshot

    def touched(self, snapshot: Snapshot) -> pl.DataFrame:
        """Every row that every edit touches: [edit, what, table, row, column, before, after, difference].

        Edits are followed one after the other: `before` is what the edits above left.
        """
        parts = [pl.DataFrame(schema={"edit": pl.Int64, "what": pl.String, **COLUMNS})]
        changed = snapshot
        for number, edit in enumerate(self.edits, start=1):
            after = self._try(number, edit, changed)
            rows = edit.touched(changed, number)
            parts.append(rows.select(pl.lit(number, pl.Int64).alias("edit"), pl.lit(str(edit)).alias("what"), pl.all()))
            changed = after
        return pl.concat(parts)

    def _try(self, number: int, edit: Edit, snapshot: Snapshot) -> Snapshot:
        try:
            return edit.apply(snapshot, number)
        except DataError as error:
            raise DataError(f"Scenario {self.name!r}, edit {number} ({edit}): {error}", error.findings) from error

    def save(self, path: str | Path) -> Path:
        """Write the scenario into a scenarios.toml, in place of one of the same name, beside the others."""
        from soe_lib.scenario.files import file_at, load, save

        others = [one for one in load(path) if one.name != self.name] if file_at(path).is_file() else []
        return save(path, [*others, self])

    def __repr__(self) -> str:
        edits = "; ".join(map(str, self.edits)) or "nothing is changed"
        blocks = f"; with {', '.join(map(repr, self.blocks))}" if self.blocks else ""
        return f"Scenario {self.name!r}: {edits}{blocks}."

    def _repr_html_(self) -> str:
        steps = [*map(str, self.edits), *map(repr, self.blocks)]
        return html(f"Scenario {self.name}", pl.DataFrame({"change": steps}))
