"""The vocabulary of a plan: Flow, Constraint, Effect, Rate, Block.

A block consists of these terms only. `assemble` turns them into a program; the ledger turns the same rates into money.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt
import polars as pl

from soe_lib.errors import FormulationError, hint
from soe_lib.model.axis import Axis, Floats

if TYPE_CHECKING:
    from soe_lib.model.network import Network

Amount = float | str | pl.Expr
"""A number, the name of a column, or an expression over the columns of the flow's frame."""

Kind = Literal["cash", "inventory", "steering"]


def expression(amount: Amount) -> pl.Expr:
    """The polars expression behind an Amount."""
    if isinstance(amount, str):
        return pl.col(amount)
    return amount if isinstance(amount, pl.Expr) else pl.lit(float(amount))


def lacking(frame: pl.DataFrame, asked: Amount | Sequence[str] | None, who: str, what: str = "it") -> None:
    """Raises FormulationError where a frame lacks a column that an Amount, or a list of names, refers to.

    Parameters
    ----------
    frame : of the cells. asked : the Amount or the names; None asks for nothing.
    who, what : for the message: which term, and which of its arguments.
    """
    if isinstance(asked, pl.Expr):
        asked = asked.meta.root_names()
    names = [asked] if isinstance(asked, str) else [] if asked is None or isinstance(asked, float | int) else asked
    if lost := [name for name in names if name not in frame.columns]:
        fault = f"{who}: {what} refers to column {lost[0]!r}, which its cells do not have."
        raise FormulationError(
            " ".join(filter(None, [fault, hint(lost[0], frame.columns), f"They have {', '.join(frame.columns)}."]))
        )


def column(frame: pl.DataFrame, amount: Amount, who: str) -> Floats:
    """The Amount as one float per row of the frame; raises FormulationError where it is blank or not a number."""
    if isinstance(amount, float | int):
        amount = float(amount)
        if np.isnan(amount):
            raise FormulationError(f"{who}: {frame.height} rows have no value, all of them {amount}")
        return np.full(frame.height, amount)
    lacking(frame, amount, who)
    try:
        values = frame.select(expression(amount).cast(pl.Float64).alias("value")).get_column("value")
    except pl.exceptions.PolarsError as error:
        raise FormulationError(f"{who}: {str(error).splitlines()[0]}; it must be a number per row.") from error
    if values.len() != frame.height:  # a literal is one row long
        values = pl.Series("value", np.full(frame.height, values[0] if values.len() else 0.0))
    if values.null_count() or np.isnan(values.to_numpy()).any():
        where = frame.filter(values.is_null() | values.is_nan())
        raise FormulationError(f"{who}: {where.height} rows have no value, first {where.row(0)}")
    return values.to_numpy()


@dataclass(frozen=True)
class Flow:
    """A labelled quantity that the plan chooses, one number per row of its frame.

    Parameters
    ----------
    name : a verb: make, buy, ship, stock, sell …
    frame : keys and attributes, one row per cell; label columns are Enums.
    keys : the columns that name a cell.
    unit, meaning : for people.
    lower, upper : bounds, in `unit`; upper None is unlimited, a null in the column too.
    integer : whole numbers only; or the yes/no column that says which cells are.
    """

    name: str
    frame: pl.DataFrame
    keys: tuple[str, ...]
    unit: str
    meaning: str
    lower: Amount = 0.0
    upper: Amount | None = None
    integer: bool | str = False

    @cached_property
    def rows(self) -> pl.DataFrame:
        """The frame sorted by its keys."""
        return self.frame.sort(self.keys)

    @cached_property
    def axis(self) -> Axis:
        """The labels of the cells."""
        return Axis.of(self.rows, self.keys, f"flow {self.name}")

    @cached_property
    def named(self) -> pl.DataFrame:
        """The rows with their labels as text."""
        labels = [name for name, dtype in self.rows.schema.items() if isinstance(dtype, pl.Enum)]
        return self.rows.with_columns(pl.col(labels).cast(pl.String))

    @property
    def size(self) -> int:
        """How many cells."""
        return self.frame.height

    @property
    def whole(self) -> npt.NDArray[np.bool_]:
        """Which cells are whole numbers, shape (size,)."""
        if isinstance(self.integer, bool):
            return np.full(self.size, self.integer)
        return self.rows.get_column(self.integer).to_numpy().astype(bool)

    @cached_property
    def bounds(self) -> tuple[Floats, Floats]:
        """Lower and upper bound of each cell, shape (size,) each."""
        low = column(self.rows, self.lower, f"lower bound of {self.name}")
        if self.upper is None:
            return low, np.full(self.size, np.inf)
        high = column(self.rows, expression(self.upper).fill_null(np.inf), f"upper bound of {self.name}")
        if (bad := np.flatnonzero(low > high)).size:
            raise FormulationError(
                f"flow {self.name}: {bad.size} rows have a lower bound above the upper one, "
                f"first {self.rows.row(int(bad[0]))}"
            )
        return low, high


@dataclass(frozen=True)
class Constraint:
    """Named, labelled rows of the program: Σ effects == rhs, or Σ effects <= rhs.

    Parameters
    ----------
    name : a noun: stock, hours, demand …
    frame, keys : the labels of the rows.
    sense : "==" or "<="; with maximisation a price is then the gain of one more unit of rhs.
    rhs : right-hand side, in `unit`.
    unit, meaning : for people; meaning reads as the promise that the row keeps.
    break_price : money per unit that breaking a row would cost; None: it cannot be broken.
    follows : for redundant rows that only help the solver: each constraint that they follow from → the flows known to
        act on it. They are left out where another flow acts there, and have no price.
    ceiling : whether the coefficients of its switches are the most that can ever be used (ceilings.py): a row binds
        nothing while its switch is on.
    linked : whether it holds whole numbers together, and nothing else: a rounding of them keeps it.
    """

    name: str
    frame: pl.DataFrame
    keys: tuple[str, ...]
    sense: Literal["==", "<="]
    unit: str
    meaning: str
    rhs: Amount = 0.0
    break_price: Amount | None = None
    follows: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    ceiling: bool = False
    linked: bool = False

    @cached_property
    def rows(self) -> pl.DataFrame:
        """The frame sorted by its keys."""
        return self.frame.sort(self.keys)

    @cached_property
    def axis(self) -> Axis:
        """The labels of the rows."""
        return Axis.of(self.rows, self.keys, f"constraint {self.name}")

    @cached_property
    def named(self) -> pl.DataFrame:
        """The keys with their labels as text."""
        return self.rows.select(pl.col(self.keys).cast(pl.String))

    @property
    def size(self) -> int:
        """How many rows."""
        return self.frame.height

    @cached_property
    def right(self) -> Floats:
        """The right-hand side, shape (size,)."""
        return column(self.rows, self.rhs, f"right-hand side of {self.name}")


@dataclass(frozen=True)
class Effect:
    """How one unit of a flow enters a constraint.

    Parameters
    ----------
    flow, on : name of the flow, name of the constraint.
    per_unit : coefficient per unit of flow.
    at : constraint key → column that holds its label, where the names differ.
    join : a table that is joined to the cells (one cell may match several of its rows).
    using : the columns on which the table is joined.
    after : True where the flow arrives after its lead time, see `Network.arrivals`.
    where : which cells have the effect.
    note : how the effect reads in formulation(), where the coefficient alone says too little.
    """

    flow: str
    on: str
    per_unit: Amount = 1.0
    at: Mapping[str, str] = field(default_factory=dict)
    join: pl.DataFrame | None = None
    using: tuple[str, ...] = ()
    after: bool = False
    where: pl.Expr | None = None
    note: str = ""


@dataclass(frozen=True)
class Rate:
    """Signed money per unit of a flow, and the account it is booked to.

    Parameters
    ----------
    account : finance's word: revenue, material, conversion …
    flow : name of the flow.
    per_unit : money per unit; revenue is positive, cost negative.
    kind : "cash" (spent or earned), "inventory" (value of what is left), "steering" (moves the plan, is no cash).
    at : ledger column (item, location, customer, booked) → column that holds it, where the names differ.
    join, using, where : as for Effect.
    """

    account: str
    flow: str
    per_unit: Amount
    kind: Kind = "cash"
    at: Mapping[str, str] = field(default_factory=dict)
    join: pl.DataFrame | None = None
    using: tuple[str, ...] = ()
    where: pl.Expr | None = None
    note: str = ""


@runtime_checkable
class Block(Protocol):
    """One planning idea: the flows, constraints, effects and rates that it brings to a network."""

    def flows(self, network: Network) -> Iterable[Flow]:
        """The quantities it lets the plan choose."""

    def constraints(self, network: Network) -> Iterable[Constraint]:
        """The rows it adds."""

    def effects(self, network: Network) -> Iterable[Effect]:
        """How flows, its own or others', enter constraints, its own or others'."""

    def rates(self, network: Network) -> Iterable[Rate]:
        """The money of flows, its own or others'."""


class Part:
    """A block that brings nothing: subclasses override what they do bring.

    Raises FormulationError where a flow or constraint that it refers to does not exist, or its selection matches no
    cell. `optional` lists the names that may be missing.
    """

    optional: ClassVar[tuple[str, ...]] = ()

    def flows(self, network: Network) -> Iterable[Flow]:  # noqa: ARG002
        """No flow."""
        return ()

    def constraints(self, network: Network) -> Iterable[Constraint]:  # noqa: ARG002
        """No row."""
        return ()

    def effects(self, network: Network) -> Iterable[Effect]:  # noqa: ARG002
        """No effect."""
        return ()

    def rates(self, network: Network) -> Iterable[Rate]:  # noqa: ARG002
        """No money."""
        return ()

    def check(self, network: Network, flows: Mapping[str, Flow]) -> None:
        """Raises FormulationError where the block does not fit this network and these flows; by default nothing."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


def blocks_of(given: Block | Iterable[Block]) -> tuple[Block, ...]:
    """One block or several, as a tuple.

    Raises
    ------
    FormulationError : something is not a block: it lacks one of flows, constraints, effects and rates.
    """
    blocks: tuple[Any, ...] = (given,) if isinstance(given, Block) or not isinstance(given, Iterable) else tuple(given)
    wrong = [one for one in blocks if isinstance(one, type) or not isinstance(one, Block)]
    if wrong:
        raise FormulationError(
            f"{wrong[0]!r} is not a block. A block has the methods flows, constraints, effects and rates: write a "
            "subclass of soe_lib.model.terms.Part, and pass an instance of it."
        )
    return blocks
