"""Many frames in one table: every frame of a plan in rows of one wide table, and back again, type for type."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import TypeAlias

import polars as pl

from soe_lib.errors import FormulationError

Layout: TypeAlias = dict[str, list[list[str]]]
"""Frame → its columns in order, each as [name, column of the wide table, type]."""

TYPES: Mapping[str, tuple[type[pl.DataType], str]] = {
    "String": (pl.String, ""),
    "Float64": (pl.Float64, "__number"),
    "Float32": (pl.Float64, "__number"),
    "Int64": (pl.Int64, "__whole"),
    "Int32": (pl.Int64, "__whole"),
    "Int16": (pl.Int64, "__whole"),
    "Int8": (pl.Int64, "__whole"),
    "UInt64": (pl.Int64, "__whole"),
    "UInt32": (pl.Int64, "__whole"),
    "UInt16": (pl.Int64, "__whole"),
    "UInt8": (pl.Int64, "__whole"),
    "Boolean": (pl.Boolean, "__flag"),
    "Date": (pl.Date, "__day"),
}
"""Type of a column → type it is stored as, and what tells its stored name from a text column of that name."""

QUANTITY = "quantity"
RESERVED = ("entry", "company", "as_of", "part", "place")


def pack(frames: Mapping[str, pl.DataFrame]) -> tuple[pl.DataFrame, Layout]:
    """All frames as one: part (name of the frame), place (row number), and every column that any of them has.

    Text columns and `quantity` keep their names, others say their type too: `price` becomes `price__number`.
    Columns that a frame does not have are null.

    Raises FormulationError for a type that the store cannot keep.
    """
    layout: Layout = {}
    parts = [pl.DataFrame(schema={"part": pl.String, "place": pl.Int64})]
    for name in sorted(frames):
        frame = frames[name]
        layout[name] = [[c, _stored(name, c, str(t)), str(t)] for c, t in frame.schema.items()]
        columns = [pl.col(c).cast(TYPES[t][0]).alias(s) for c, s, t in layout[name]]
        place = pl.int_range(pl.len(), dtype=pl.Int64).alias("place")
        parts.append(frame.select(pl.lit(name).alias("part"), place, *columns))
    return pl.concat(parts, how="diagonal"), layout


def unpack(packed: pl.DataFrame, layout: Layout) -> dict[str, pl.DataFrame]:
    """The frames that `pack` was given: same columns, types and order of rows."""
    parts = packed.partition_by("part", as_dict=True)
    frames = {}
    for name, columns in layout.items():
        types = {c: getattr(pl, t) for c, _, t in columns if t in TYPES}
        rows = parts.get((name,))
        if rows is None:
            frames[name] = pl.DataFrame(schema=types)
        else:
            frames[name] = rows.sort("place").select(pl.col(s).cast(types[c]).alias(c) for c, s, _ in columns)
    return frames


def digest(packed: pl.DataFrame) -> str:
    """A fingerprint of packed rows to the last bit, whatever wrote them and in whatever order they come back.

    Columns without a value do not count: another plan may have brought them.
    """
    found = hashlib.sha256()
    ordered = packed.sort("part", "place")
    for name in sorted(set(packed.columns) - {"entry", "company", "as_of"}):
        column = ordered.get_column(name)
        if column.null_count() == column.len():
            continue
        found.update(f"{name}\n{column.len()}\n".encode() + column.is_null().to_numpy().tobytes())
        known = column.drop_nulls()
        if known.dtype == pl.String:
            lengths = known.str.len_bytes().cast(pl.Int64).to_numpy().tobytes()
            found.update(lengths + "".join(known.to_list()).encode())
        else:
            number = known.cast(pl.Float64) if known.dtype == pl.Float64 else known.to_physical().cast(pl.Int64)
            found.update(number.to_numpy().tobytes())
    return found.hexdigest()


def _stored(frame: str, column: str, dtype: str) -> str:
    if dtype not in TYPES:
        raise FormulationError(f"column {column!r} of {frame!r} is {dtype}; the store keeps {', '.join(TYPES)}.")
    if column == QUANTITY and TYPES[dtype][0] == pl.Float64:
        return QUANTITY
    plain = re.sub(r"\W", "_", column)
    return f"{plain}__text" if plain in RESERVED and dtype == "String" else plain + TYPES[dtype][1]
