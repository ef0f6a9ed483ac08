"""Writing one extract: CSV tables and settings.toml, the same bytes for the same content."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
from polars import selectors

Section = Mapping[str, Any]


def write(folder: Path, tables: Mapping[str, pl.DataFrame], settings: Section) -> Path:
    """Write the tables that have rows, and the settings, into `folder`; returns it.

    Files of an earlier run that this extract does not have are removed: a table left over would be read as news.
    """
    folder.mkdir(parents=True, exist_ok=True)
    filled = {name: table for name, table in tables.items() if table.height}
    for old in folder.glob("*.csv"):
        if old.stem not in filled:
            old.unlink()
    for name, table in filled.items():
        text = _plain(table).write_csv(line_terminator="\n")
        (folder / f"{name}.csv").write_bytes(text.encode("utf-8"))
    control = {name: _totals(table) for name, table in sorted(filled.items())}
    (folder / "settings.toml").write_bytes(toml({**settings, "control": control}).encode("utf-8"))
    return folder


def toml(settings: Section) -> str:
    """Plain values, then one section for each mapping; a mapping inside a section is written inline."""
    plain = [f"{key} = {_value(value)}" for key, value in settings.items() if not isinstance(value, Mapping)]
    parts = ["\n".join(plain)]
    for key, section in settings.items():
        if isinstance(section, Mapping):
            lines = [f"{_key(name)} = {_value(value)}" for name, value in section.items()]
            parts.append("\n".join([f"[{key}]", *lines]))
    return "\n\n".join(parts) + "\n"


def _key(name: str) -> str:
    bare = name.replace("_", "").replace("-", "")
    return name if bare.isascii() and bare.isalnum() else json.dumps(name, ensure_ascii=False)


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{_key(name)} = {_value(one)}" for name, one in value.items()) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_value(one) for one in value) + "]"
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    return repr(value)


def _totals(table: pl.DataFrame) -> Section:
    """What a reader counts again: rows, and the quantity where there is one."""
    counted = {"rows": table.height}
    amount = next((name for name in ("quantity", "on_hand") if name in table.columns), None)
    return {**counted, amount: round(float(table[amount].sum()), 6)} if amount else counted


def _plain(table: pl.DataFrame) -> pl.DataFrame:
    """Numbers as people write them: whole ones without decimals; columns without any value are left out."""
    kept = table.select(column for column in table.iter_columns() if column.null_count() < table.height)
    return kept.with_columns(selectors.float().cast(pl.String).str.strip_suffix(".0"))
