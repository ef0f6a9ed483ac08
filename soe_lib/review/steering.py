"""Steering wherever a review shows it: goodwill, expected shortage and the rest each have a column of their own."""

from __future__ import annotations

import polars as pl

from soe_lib.money.ledger import STEERING

LEAST = 0.5
"""Money below which a part of steering is not shown."""


def shown(frame: pl.DataFrame) -> dict[str, str]:
    """Which parts a table shows: column → title; goodwill always, the others where some row moves them.

    Parameters
    ----------
    frame : goodwill, shortage, other [money].
    """
    return {
        name: title
        for name, title in STEERING.items()
        if name == "goodwill" or (frame[name].abs() >= LEAST).fill_null(value=False).any()
    }
