"""Writes an extract folder of the contract: one CSV per table and settings.toml, built aside and moved in at once."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import polars as pl

from soe_lib.errors import DataError
from soe_lib.extract.schema import schema

MARK = "# Written by an importer; importing again into the same folder replaces it."


def write_extract(
    folder: Path,
    tables: Mapping[str, pl.DataFrame],
    *,
    settings: Mapping[str, object],
    assumptions: Sequence[str],
) -> Mapping[str, int]:
    """Write an extract and return the number of rows by table.

    Parameters
    ----------
    folder : the extract's folder, named by its as-of date; an earlier import there is replaced, anything else is not.
    tables : frames by table of the contract; tables without rows are not written.
    settings : top-level values and one mapping per section of settings.toml.
    assumptions : sentences that the pack lists.

    Raises
    ------
    DataError : the folder holds something that no importer wrote.
    """
    if folder.exists() and any(folder.iterdir()) and not _imported(folder):
        raise DataError(
            f"{folder} holds files that were not imported, and they are not overwritten. "
            "Choose another output folder, or move that one away."
        )
    filled = {name: _ordered(name, rows) for name, rows in tables.items() if not rows.is_empty()}
    rows = {name: filled[name].height for name in schema() if name in filled}
    aside = folder.with_name(f".{folder.name}.{os.getpid()}")
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True)
    try:
        for name, frame in filled.items():
            frame.write_csv(aside / f"{name}.csv", float_precision=None)
        text = to_toml({**settings, "assumptions": list(assumptions), "control": rows})
        (aside / "settings.toml").write_text(f"{MARK}\n{text}", encoding="utf-8")
        if folder.exists():
            shutil.rmtree(folder)
        aside.rename(folder)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return rows


def _imported(folder: Path) -> bool:
    path = folder / "settings.toml"
    return path.is_file() and path.read_text(encoding="utf-8", errors="replace").startswith(MARK)


def _ordered(name: str, rows: pl.DataFrame) -> pl.DataFrame:
    """Columns in the contract's order, those without a single value left out, rows by key."""
    table = schema()[name]
    kept = [column for column in table.names if column in rows.columns and _filled(rows[column])]
    texts = [
        pl.when(pl.col(column)).then(pl.lit("yes")).otherwise(pl.lit("no")).alias(column)
        for column in kept
        if rows.schema[column] == pl.Boolean
    ]
    return rows.select(kept).sort([key for key in table.key if key in kept]).with_columns(texts)


def _filled(column: pl.Series) -> bool:
    return bool((column != "").any()) if column.dtype == pl.String else column.null_count() < len(column)


def to_toml(content: Mapping[str, object]) -> str:
    """Plain values and one level of sections as TOML text."""
    plain = {key: value for key, value in content.items() if not isinstance(value, Mapping)}
    lines = [f"{key} = {_toml(value)}" for key, value in plain.items()]
    for name, section in content.items():
        if isinstance(section, Mapping) and section:
            lines += ["", f"[{name}]", *(f"{key} = {_toml(value)}" for key, value in section.items())]
    return "\n".join(lines) + "\n"


def _toml(value: object) -> str:
    if isinstance(value, list | tuple):
        return "[\n" + "".join(f"  {_toml(one)},\n" for one in value) + "]" if value else "[]"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    # JSON strings are TOML basic strings, except for the one control character that JSON leaves bare
    return json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007f")
