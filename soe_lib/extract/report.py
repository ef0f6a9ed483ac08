"""What a reader should know of a snapshot before looking at a plan."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from soe_lib.extract.schema import schema

if TYPE_CHECKING:
    from soe_lib.extract.snapshot import Snapshot


def describe(snapshot: Snapshot) -> str:
    """Rows by table, what is not used yet, findings, and what is assumed."""
    return ""
