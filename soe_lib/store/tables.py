"""The tables of the plan store: Delta tables beside each other, and how a plan is laid down in them."""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, TypeAlias

import polars as pl
from deltalake import CommitProperties, DeltaTable, write_deltalake
from deltalake.exceptions import CommitFailedError, DeltaError, TableNotFoundError

from soe_lib import workspace
from soe_lib.errors import FormulationError, ReconciliationError, SoeError
from soe_lib.money.rates import RateBook
from soe_lib.store.plan import Plan

TABLES = ("plans", "flows", "rates", "frames", "approvals", "exceptions", "options", "decisions", "promises")
ATTEMPTS = 40


@dataclass(frozen=True)
class Address:
    """An object store's address with what opens it.

    Parameters
    ----------
    store : such as "s3://bucket/plans", "file:///srv/plans", or a folder.
    options : what the object store wants to know (region, endpoint, credentials), as object_store names them; what is
        left out comes from the environment. They are never written down.
    """

    store: str | Path
    options: Mapping[str, str] = field(default_factory=dict, repr=False)

    def __str__(self) -> str:
        return str(self.store)


Store = str | Path | Address


def at(store: Store, storage_options: Mapping[str, str] | None = None) -> Store:
    """A store as it is meant: a folder made absolute by the workspace's rule, with options where there are some."""
    if isinstance(store, Address):
        return store
    text = str(store) if "://" in str(store) else str(workspace.place(store))
    return Address(text, dict(storage_options)) if storage_options else text


class ConflictError(Exception):
    """Somebody else wrote to the table in between: read again and decide again."""


def pause(attempt: int) -> float:
    """Seconds to wait before the next attempt: 0.01, 0.02 … up to half a second."""
    return min(0.01 * 2 ** min(attempt, 6), 0.5)


def address(store: Store, table: str) -> str:
    """Where a table lives: a folder under a local store, a prefix under an object store's address.

    Only the store's own address and the fixed names are ever part of a path.
    """
    if table not in TABLES:
        raise ValueError(f"the store has {', '.join(TABLES)}, not {table!r}")
    text = str(store)
    return f"{text.rstrip('/')}/{table}" if "://" in text else str(workspace.place(text) / table)


def options(store: Store) -> dict[str, str] | None:
    """What opens an object store; None where the environment says it."""
    return dict(store.options) if isinstance(store, Address) and store.options else None


def opened(store: Store, table: str, version: int | None = None) -> DeltaTable | None:
    """The table as it is now, or was at a version of the store; None where nothing was ever written.

    Raises SoeError where there is something that is no table.
    """
    where = address(store, table)
    try:
        return DeltaTable(where, version=version, storage_options=options(store))
    except TableNotFoundError:
        return None
    except DeltaError as error:
        raise SoeError(f"{where} cannot be read as a table of the plan store: {error}.") from error


def read(table: DeltaTable | None, keep: pl.Expr | None = None) -> pl.DataFrame:
    """The rows that the expression keeps; an empty frame where there is no table."""
    if table is None:
        return pl.DataFrame()
    lazy = pl.scan_delta(table, storage_options=table._storage_options)
    return (lazy if keep is None else lazy.filter(keep)).collect()


def add(store: Store, table: str, rows: pl.DataFrame) -> None:
    """Append rows, new columns included; tried again where somebody else wrote at the same moment.

    Raises SoeError where it fails time and again, or for any other reason the table store has.
    """
    where = address(store, table)
    for attempt in range(ATTEMPTS):
        try:
            write_deltalake(where, rows, mode="append", schema_mode="merge", storage_options=options(store))
        except CommitFailedError:
            time.sleep(pause(attempt))
        except DeltaError as error:
            raise SoeError(f"{where} could not be written: {error}. Nothing was added to the plan store.") from error
        else:
            return
    raise SoeError(f"{where} could not be written in {ATTEMPTS} attempts: others keep writing. Try again later.")


def add_if_unchanged(store: Store, table: str, rows: pl.DataFrame, seen: DeltaTable | None) -> None:
    """Append rows only if the table is still the one that was read.

    Raises ConflictError where somebody wrote to it since, SoeError for any other reason the table store has.
    """
    where = address(store, table)
    once = CommitProperties(max_commit_retries=0)
    try:
        if seen is None:
            # Two first writers must not both create it with a row inside: make it empty, then look again.
            write_deltalake(where, rows.clear(), mode="ignore", commit_properties=once, storage_options=options(store))
            raise ConflictError(where)
        write_deltalake(seen, rows, mode="append", schema_mode="merge", commit_properties=once)
    except CommitFailedError as error:
        raise ConflictError(where) from error
    except DeltaError as error:
        if seen is None and opened(store, table) is not None:
            raise ConflictError(where) from error
        raise SoeError(f"{where} could not be written: {error}. Nothing was added to the plan store.") from error


Layout: TypeAlias = dict[str, list[list[str]]]
"""Frame → its columns in order, each as [name, column of the wide table, type]."""

_WHOLE = ("Int64", "Int32", "Int16", "Int8", "UInt64", "UInt32", "UInt16", "UInt8")
TYPES: Mapping[str, tuple[type[pl.DataType], str]] = {
    "String": (pl.String, ""),
    **dict.fromkeys(("Float64", "Float32"), (pl.Float64, "__number")),
    **dict.fromkeys(_WHOLE, (pl.Int64, "__whole")),
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


PLANS = pl.Schema(
    {
        "company": pl.String(),
        "as_of": pl.Date(),
        "run": pl.Int64(),
        "name": pl.String(),
        "source": pl.String(),
        "reason": pl.String(),
        "previous": pl.String(),
        "restates": pl.String(),
        "fingerprint": pl.String(),
        "plan_fingerprint": pl.String(),
        "status": pl.String(),
        "currency": pl.String(),
        "objective": pl.Float64(),
        "margin": pl.Float64(),
        "steering": pl.Float64(),
        "gap": pl.Float64(),
        "seconds": pl.Float64(),
        "solver": pl.String(),
        "code_version": pl.String(),
        "library_versions": pl.String(),
        "created": pl.Datetime("us", "UTC"),
        "entry": pl.String(),
    }
)
"""One row per plan; `previous` and `restates` are "as-of/run", `library_versions` JSON, `entry` the key of its rows."""

INTERNAL = pl.Schema({"solution": pl.String(), "layout": pl.String(), "scenario": pl.String()})
"""What opens a plan; `scenario` is the text of the edits that the extract had when it was planned, blank for none."""
EMPTY = pl.DataFrame(schema={"part": pl.String, "place": pl.Int64})
LIBRARIES = ("cvxpy", "deltalake", "highspy", "numpy", "polars", "scipy")


def write_plan(store: Store, plan: Plan, entry: str) -> dict[str, Any]:
    """The plan's rows, under a key that no reader knows yet; returns how to read them back."""
    book = plan.rates
    frames = {
        "periods": plan.periods,
        "items": plan.items,
        "rates items": book.items,
        "rates periods": book.periods,
    }
    frames |= {f"price {name}": frame for name, frame in plan.prices.items()}
    layout: dict[str, Any] = {"keys": {flow: list(keys) for flow, keys in book.keys.items()}, "digests": {}}
    for table, parts in (("flows", plan.flows), ("rates", book.tables), ("frames", frames)):
        packed, layout[table] = pack(parts)
        layout["digests"][table] = digest(packed)
        if packed.height:
            tagged = packed.select(
                pl.lit(entry).alias("entry"), pl.lit(plan.company).alias("company"), pl.lit(plan.as_of).alias("as_of"),
                pl.all(),
            )  # fmt: skip
            add(store, table, tagged)
    return layout


def row_of(
    plan: Plan,
    rows: pl.DataFrame,
    entry: str,
    layout: dict[str, Any],
    *,
    reason: str,
    previous: str | None,
    restates: str = "",
    scenario: str = "",
) -> pl.DataFrame:
    """The row of `plans` that makes the plan known, numbered after the rows there are."""
    own = rows.filter(pl.col("company") == plan.company)
    same = own.filter(pl.col("as_of") == plan.as_of)
    run = int(same["run"].max() or 0) + 1  # type: ignore[arg-type]
    found = plan.solution
    row = {
        "company": plan.company,
        "as_of": plan.as_of,
        "run": run,
        "name": plan.name,
        "source": plan.source,
        "reason": reason,
        "previous": _previous(own, plan.as_of) if previous is None else previous,
        "restates": restates,
        "fingerprint": plan.fingerprint,
        "plan_fingerprint": plan.identity,
        "status": str(found.get("status", plan.source)),
        "currency": plan.currency,
        "objective": plan.objective,
        "margin": plan.margin,
        "steering": plan.steering,
        "gap": _number(found.get("gap")),
        "seconds": _number(found.get("seconds")),
        "solver": str(found.get("solver", "")),
        "code_version": _version("soe_lib"),
        "library_versions": json.dumps({name: _version(name) for name in LIBRARIES}),
        "created": datetime.now(UTC),
        "entry": entry,
        "solution": json.dumps(dict(found), sort_keys=True),
        "layout": json.dumps(layout),
        "scenario": scenario,
    }
    return pl.DataFrame([row], schema={**PLANS, **INTERNAL})


def _previous(own: pl.DataFrame, as_of: date) -> str:
    earlier = own.filter(pl.col("as_of") <= as_of).sort("as_of", "run")
    return "" if earlier.is_empty() else f"{earlier['as_of'][-1].isoformat()}/{earlier['run'][-1]}"


def restored(store: Store, row: dict[str, Any]) -> Plan:
    """The plan behind a row of `plans`.

    Raises ReconciliationError where its rows are not those that were written.
    """
    layout = json.loads(row["layout"])
    parts = {}
    for table in ("flows", "rates", "frames"):
        rows = read(opened(store, table), pl.col("entry") == row["entry"])
        if digest(rows if rows.height else EMPTY) != layout["digests"][table]:
            raise ReconciliationError(
                f"plan {row['as_of']}/{row['run']} of {row['company']} is not what was written: its {table} were "
                "altered or lost. Restore the store from its backup."
            )
        parts[table] = unpack(rows, layout[table])
    frames = parts["frames"]
    keys = {flow: tuple(columns) for flow, columns in layout["keys"].items()}
    plan = Plan(
        name=row["name"],
        source=row["source"],
        as_of=row["as_of"],
        company=row["company"],
        currency=row["currency"],
        fingerprint=row["fingerprint"],
        flows=parts["flows"],
        rates=RateBook(parts["rates"], keys, frames["rates items"], frames["rates periods"]),
        periods=frames["periods"],
        items=frames["items"],
        solution=json.loads(row["solution"]),
        prices={n.removeprefix("price "): frame for n, frame in frames.items() if n.startswith("price ")},
    )
    if plan.identity != row["plan_fingerprint"]:
        raise ReconciliationError(
            f"plan {row['as_of']}/{row['run']} of {row['company']} is not what was written: quantities are missing "
            "or altered. Restore the store from its backup."
        )
    return plan


def _number(value: Any) -> float | None:
    return None if value is None else float(value)


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "unknown"
