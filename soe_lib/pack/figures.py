"""Fingerprints of everything a pack publishes as a figure, so that two runs can be compared without opening a page."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl

RECORD = ("name", "as_of", "identity", "fingerprint", "margin")


def fingerprints(said: Mapping[str, Mapping[str, Any]], finance: Path) -> dict[str, str]:
    """Page → hash of the scores, decisions and checks it published; "finance/<frame>" → hash of a workbook's frame.

    Parameters
    ----------
    said : page → what it published (`publish.read`).
    finance : folder of the frames (parquet) behind the workbook; need not exist.
    """
    pages = {name: _sha256(json.dumps(_plain(page), sort_keys=True)) for name, page in sorted(said.items())}
    frames = {f"finance/{path.stem}": _frame(path) for path in sorted(finance.glob("*.parquet"))}
    return pages | frames


def record(results: Path) -> dict[str, Any] | None:
    """Which plan the pages compared with; None where there was none."""
    path = results / "record" / "plan.json"
    if not path.is_file():
        return None
    told = json.loads(path.read_bytes())
    return {key: told[key] for key in RECORD if key in told}


def _plain(value: Any) -> Any:
    """Numbers to twelve digits: the last bits of a sum depend on how many threads added it up, no shown figure does."""
    if isinstance(value, float):
        return f"{value:.12g}"
    if isinstance(value, Mapping):
        return {key: _plain(one) for key, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, list) else value


def _frame(path: Path) -> str:
    return _sha256(pl.read_parquet(path).with_columns(pl.selectors.float().round(6)).write_csv())


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
