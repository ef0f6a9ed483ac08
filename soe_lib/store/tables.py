"""The tables of the plan store: one Delta table per kind of row, beside each other in one folder or bucket."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl
from deltalake import CommitProperties, DeltaTable, write_deltalake
from deltalake.exceptions import CommitFailedError, DeltaError, TableNotFoundError

from soe_lib import workspace
from soe_lib.errors import SoeError

TABLES = ("plans", "flows", "rates", "frames", "approvals", "exceptions", "options", "decisions")
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
