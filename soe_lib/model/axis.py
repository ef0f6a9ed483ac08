"""Labels as sorted Enums, labelled tuples as integer codes, and the only place that builds a sparse matrix."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd
import polars as pl
import scipy.sparse as sp

from soe_lib.errors import FormulationError

Codes = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


def pack(frame: pl.DataFrame, keys: tuple[str, ...], dtypes: tuple[pl.DataType, ...], who: str) -> Codes:
    """One integer per row: the mixed-radix number of its label codes (−1 where a label is missing)."""
    codes = np.zeros(frame.height, np.int64)
    missing = np.zeros(frame.height, bool)
    for key, dtype in zip(keys, dtypes, strict=True):
        column = frame.get_column(key)
        if column.dtype != dtype:
            raise FormulationError(f"{who}: column {key!r} is {column.dtype}, but the axis holds {dtype}")
        physical = column.to_physical()
        if column.null_count():
            missing |= column.is_null().to_numpy()
            physical = physical.fill_null(0)
        codes = codes * _size(dtype) + physical.to_numpy().astype(np.int64)
    codes[missing] = -1
    return codes


def _size(dtype: pl.DataType) -> int:
    if not isinstance(dtype, pl.Enum):
        raise FormulationError(f"labels must be pl.Enum, not {dtype}: encode the frame with its domains first")
    return max(len(dtype.categories), 1)


@dataclass(frozen=True)
class Axis:
    """Sorted, unique key tuples: the rows of a flow or of a constraint.

    Parameters
    ----------
    keys : names of the label columns, outermost first.
    dtypes : the Enum of each column.
    codes : shape (rows,), ascending, one integer per tuple.
    """

    keys: tuple[str, ...]
    dtypes: tuple[pl.DataType, ...]
    codes: Codes

    @classmethod
    def of(cls, frame: pl.DataFrame, keys: tuple[str, ...], who: str) -> Axis:
        """The axis of a frame that is sorted by its keys; raises FormulationError on a duplicate or blank label."""
        dtypes = tuple(frame.schema[key] for key in keys)
        if float(np.prod([float(_size(dtype)) for dtype in dtypes])) > 9e18:
            raise FormulationError(f"{who}: the product of its label counts does not fit 64 bits; drop a key of {keys}")
        codes = pack(frame, keys, dtypes, who)
        if codes.size and codes.min() < 0:
            raise FormulationError(f"{who}: {int((codes < 0).sum())} rows have a blank label in {keys}")
        repeated = np.flatnonzero(np.diff(codes) <= 0)
        if repeated.size:
            raise FormulationError(
                f"{who}: {repeated.size} rows are duplicates or out of order on {keys}, "
                f"first {frame.select(keys).row(int(repeated[0]) + 1)}"
            )
        return cls(keys, dtypes, codes)

    def find(self, labels: pl.DataFrame, who: str) -> npt.NDArray[np.intp]:
        """The position of each row of labels; raises FormulationError naming the first label that the axis lacks."""
        wanted = pack(labels, self.keys, self.dtypes, who)
        place = np.minimum(np.searchsorted(self.codes, wanted), max(len(self.codes) - 1, 0))
        lost = np.flatnonzero(self.codes[place] != wanted) if len(self.codes) else np.arange(len(wanted))
        if lost.size:
            first = labels.select(self.keys).row(int(lost[0]))
            raise FormulationError(f"{who}: {lost.size} rows have no place on {self.keys}, first {first}")
        return place

    def same(self, other: Axis) -> bool:
        """Whether both name the same tuples in the same order."""
        return self.keys == other.keys and self.dtypes == other.dtypes and np.array_equal(self.codes, other.codes)

    @cached_property
    def weights(self) -> Floats:
        """A stable pseudo-random weight in (0.5, 1.5) per row, hashed from its labels, for the tie-break.

        The same label gets the same weight whatever else is in the extract.
        """
        mixed = np.zeros(len(self.codes), np.uint64)
        rest = self.codes.copy()
        for dtype in reversed(self.dtypes):
            size = _size(dtype)
            labels = np.asarray(list(getattr(dtype, "categories")), dtype=object)  # noqa: B009
            hashed = pd.util.hash_array(labels, categorize=False)  # categories are unique
            with np.errstate(over="ignore"):
                mixed = (mixed ^ hashed[rest % size]) * np.uint64(0x9E3779B97F4A7C15)
                mixed ^= mixed >> np.uint64(29)
            rest //= size
        return 0.5 + mixed.astype(np.float64) / 2.0**64


def incidence(
    coefficients: Floats, rows: npt.NDArray[np.intp], columns: npt.NDArray[np.intp], shape: tuple[int, int]
) -> sp.csr_array:
    """Σ of the coefficients at each (constraint row, flow column): the one builder of sparse matrices."""
    matrix = sp.coo_array((coefficients, (rows, columns)), shape=shape).tocsr()
    matrix.sum_duplicates()
    matrix.eliminate_zeros()
    matrix.sort_indices()
    return matrix


DOMAIN_OF = {
    "item": "item",
    "component": "item",
    "substitute": "item",
    "location": "location",
    "origin": "location",
    "destination": "location",
    "customer": "customer",
    "resource": "resource",
    "routing": "routing",
    "step": "step",
    "offer": "offer",
    "supplier": "supplier",
    "lane": "lane",
    "order": "order",
    "receipt": "receipt",
    "group": "group",
    "maintenance": "maintenance",
    "expansion": "expansion",
    "lot": "lot",
    "period": "period",
    "due": "period",
    "arrival": "period",
    "of": "period",
}
"""Column name → domain. A column that is not named here is an attribute and stays as it is."""

BEYOND = "beyond"
"""The last pseudo-period: what arrives or is left after the horizon."""


def domains(tables: Mapping[str, pl.DataFrame], periods: Iterable[str]) -> dict[str, pl.Enum]:
    """One Enum per domain: every label of every table, sorted; periods in time order, then `beyond`."""
    found: dict[str, list[pl.Series]] = {}
    for table in tables.values():
        for column in table.columns if table.height else ():
            domain = DOMAIN_OF.get(column)
            if domain not in (None, "period") and table.schema[column] == pl.String:
                found.setdefault(str(domain), []).append(table.get_column(column).unique().alias("label"))
    blank = pl.Series("label", [""])
    made = {
        domain: pl.Enum(pl.concat([blank, *labels]).drop_nulls().unique().sort()) for domain, labels in found.items()
    }
    for domain in set(DOMAIN_OF.values()) - set(made):
        made[domain] = pl.Enum([""])
    made["period"] = pl.Enum([*periods, BEYOND])
    return made


def labels_of(table: pl.DataFrame) -> list[str]:
    """The columns of a table that bring labels to the domains."""
    return [
        name
        for name in table.columns
        if DOMAIN_OF.get(name) not in (None, "period") and table.schema[name] == pl.String
    ]


def encode(frame: pl.DataFrame, known: Mapping[str, pl.Enum], *, skip: tuple[str, ...] = ()) -> pl.DataFrame:
    """The frame with each label column cast to the Enum of its domain."""
    return frame.with_columns(
        pl.col(column).cast(known[DOMAIN_OF[column]])
        for column in frame.columns
        if column in DOMAIN_OF and column not in skip and frame.schema[column] == pl.String
    )
