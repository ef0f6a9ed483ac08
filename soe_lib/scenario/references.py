"""Dropping rows without leaving names that point nowhere."""

from __future__ import annotations

import polars as pl

from soe_lib.extract.schema import schema
from soe_lib.extract.snapshot import Snapshot


def dropped(snapshot: Snapshot, table: str, frame: pl.DataFrame, gone: pl.Series) -> Snapshot:
    """The snapshot without some rows of a table, and without what only referred to them.

    A row that must name what is gone goes too (the components of a routing); a row that may do without is kept and
    forgets it (a receipt forgets its lane). A name that still has another row (of another validity) stays.

    Parameters
    ----------
    gone : which rows of `frame` are dropped.
    """
    changed = snapshot.replace(**{table: frame.filter(~gone)})
    for other in schema().values():
        for column in other.columns:
            target, _, key = column.references.partition(".")
            if target != table or changed[other.name].is_empty():
                continue
            lost = frame[key].filter(gone).unique()
            lost = lost.filter(~lost.is_in(changed[table][key].implode()))
            names = changed[other.name][column.name].is_in(lost.implode())
            if not names.any():
                continue
            if column.key or column.required:
                changed = dropped(changed, other.name, changed[other.name], names)
            else:
                blank = pl.when(pl.lit(names)).then(pl.lit("")).otherwise(pl.col(column.name)).alias(column.name)
                changed = changed.replace(**{other.name: changed[other.name].with_columns(blank)})
    return changed
