"""frePPLe's CSV tables, read as they are exported: headers unified, every cell typed, every reference found."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from soe_lib.errors import DataError, hint
from soe_lib.importers import names


def _kinds(**columns: str) -> dict[str, str]:
    """Column → kind, from `kind="column column …"`, in the order written."""
    return {column: kind for kind, names in columns.items() for column in names.split()}


_ORDER = _kinds(
    text="status type reference item location supplier destination origin operation name",
    number="quantity quantitycompleted",
    time="startdate enddate",
)
_WEEKDAYS = "monday tuesday wednesday thursday friday saturday sunday"

COLUMNS: Mapping[str, Mapping[str, str]] = {
    "item": _kinds(text="name description category subcategory owner uom", number="cost weight volume"),
    "location": _kinds(text="name available owner"),
    "customer": _kinds(text="name category"),
    "supplier": _kinds(text="name available"),
    "buffer": _kinds(text="item location batch type minimumcalendar", number="onhand minimum maximum"),
    "calendar": _kinds(text="name", number="defaultvalue"),
    "calendarbucket": _kinds(
        text="calendar",
        number="value priority days",
        time="startdate enddate",
        seconds="starttime endtime",
        flag=_WEEKDAYS,
    ),
    "demand": _kinds(
        text="name item location customer status policy",
        number="quantity priority",
        time="due",
        seconds="maxlateness",
    ),
    "itemsupplier": _kinds(
        text="item location supplier resource",
        number="cost priority sizeminimum sizemultiple sizemaximum",
        seconds="leadtime hardsafetyleadtime softsafetyleadtime extrasafetyleadtime fence",
        time="effectivestart effectiveend",
    ),
    "itemdistribution": _kinds(
        text="item location origin resource",
        number="cost priority sizeminimum sizemultiple sizemaximum resourceqty",
        seconds="leadtime",
        time="effectivestart effectiveend",
    ),
    "operation": _kinds(
        text="name type item location owner available",
        number="priority cost sizeminimum sizemultiple sizemaximum",
        seconds="duration durationper fence posttime",
        time="effectivestart effectiveend",
    ),
    "suboperation": _kinds(text="operation suboperation", number="priority"),
    "operationmaterial": _kinds(
        text="operation item name",
        number="quantity quantityfixed priority",
        seconds="offset",
        time="effectivestart effectiveend",
    ),
    "operationresource": _kinds(
        text="operation resource skill name setup",
        number="quantity quantityfixed",
        time="effectivestart effectiveend",
    ),
    "operationdependency": _kinds(text="operation blockedby", seconds="hardsafetyleadtime"),
    "resource": _kinds(
        text="name type category subcategory location owner available maximumcalendar efficiencycalendar setupmatrix",
        number="maximum efficiency cost",
        flag="constrained",
    ),
    "resourceskill": _kinds(text="resource skill", number="priority", time="effectivestart effectiveend"),
    "skill": _kinds(text="name"),
    "parameter": _kinds(text="name value"),
    "operationplan": _ORDER,
    "purchaseorder": _ORDER,
    "distributionorder": _ORDER,
    "manufacturingorder": _ORDER,
}

REQUIRED = ("item", "location", "demand")
"""Tables without which there is nothing to plan."""

EXPECTED = (
    "buffer",
    "calendar",
    "calendarbucket",
    "customer",
    "itemdistribution",
    "itemsupplier",
    "operation",
    "operationmaterial",
    "operationresource",
    "resource",
)
"""Tables of every full export; one that is missing is read as empty, and that is said."""

NEEDED: Mapping[str, tuple[str, ...]] = {
    "item": ("name",),
    "location": ("name",),
    "customer": ("name",),
    "demand": ("name", "item", "due", "quantity"),
    "buffer": ("item", "location"),
    "calendar": ("name",),
    "calendarbucket": ("calendar", "value"),
    "itemsupplier": ("item", "supplier"),
    "itemdistribution": ("item", "origin"),
    "operation": ("name",),
    "suboperation": ("operation", "suboperation"),
    "operationmaterial": ("operation", "item"),
    "operationresource": ("operation", "resource"),
    "resource": ("name",),
    "resourceskill": ("resource", "skill"),
    "parameter": ("name", "value"),
    "operationplan": ("status", "type", "quantity", "enddate"),
}
"""Columns without which a table that was exported says nothing."""

DEFAULTS: Mapping[str, Mapping[str, float | bool | str]] = {
    "calendar": {"defaultvalue": 0.0},
    "calendarbucket": {"priority": 0.0, "starttime": 0.0, "endtime": 86400.0},
    "demand": {"priority": 0.0},
    "buffer": {"onhand": 0.0, "minimum": 0.0, "maximum": 0.0},
    "itemsupplier": {"priority": 1.0, "leadtime": 0.0, "hardsafetyleadtime": 0.0},
    "itemdistribution": {"priority": 1.0, "leadtime": 0.0},
    "operation": {"priority": 1.0, "duration": 0.0, "durationper": 0.0, "cost": 0.0, "posttime": 0.0},
    "suboperation": {"priority": 1.0},
    "operationmaterial": {"quantity": 1.0, "quantityfixed": 0.0, "priority": 1.0},
    "operationresource": {"quantity": 1.0, "quantityfixed": 0.0},
    "resource": {"maximum": 1.0, "efficiency": 100.0, "cost": 0.0, "constrained": True},
    "resourceskill": {"priority": 1.0},
    "operationplan": {"quantitycompleted": 0.0},
}
"""frePPLe's documented value of a blank cell."""

ALIASES: Mapping[str, Mapping[str, str]] = {
    "calendar": {"default": "defaultvalue"},
    "calendarbucket": {"start": "startdate", "end": "enddate"},
    "itemdistribution": {"destination": "location"},
    "purchaseorder": {"orderingdate": "startdate", "receiptdate": "enddate"},
    "distributionorder": {"shippingdate": "startdate", "receiptdate": "enddate"},
}
"""Other headings for the same column."""

ORDER_TABLES: Mapping[str, str] = {"purchaseorder": "PO", "distributionorder": "DO", "manufacturingorder": "MO"}
"""Newer exports keep the orders in tables of their own; frePPLe's type of each."""


TYPES: Mapping[str, pl.DataType] = {
    "text": pl.String(),
    "number": pl.Float64(),
    "seconds": pl.Float64(),
    "time": pl.Datetime("us"),
    "flag": pl.Boolean(),
}


@dataclass(frozen=True)
class Frepple:
    """The tables of one frePPLe export, all of them present and typed; a table that was not exported has no rows.

    Parameters
    ----------
    folder : where the CSV files were found.
    tables : by frePPLe's own name, for example `itemsupplier`; durations in seconds.
    unused : rows of the CSV files that the importer does not know, by file name.
    absent : tables of every full export that were not there.
    beside : columns with values that nothing uses: file → column → filled cells.
    """

    folder: Path
    tables: Mapping[str, pl.DataFrame]
    unused: Mapping[str, int]
    absent: tuple[str, ...] = ()
    beside: Mapping[str, Mapping[str, int]] = field(default_factory=dict)

    def __getitem__(self, table: str) -> pl.DataFrame:
        return self.tables[table]


def read(folder: Path) -> Frepple:
    """Read the CSV tables of a frePPLe export.

    Parameters
    ----------
    folder : holds item.csv, location.csv, demand.csv and whatever else was exported.

    Raises
    ------
    DataError : no such folder, a needed table or column missing, two files for one table, a cell that is no number,
        date or duration where one belongs.
    """
    if not folder.is_dir():
        raise DataError(f"There is no folder {folder}: give the folder that holds frePPLe's CSV tables.")
    files = _files(folder)
    missing = [table for table in REQUIRED if table not in files]
    if missing:
        found = ", ".join(sorted(path.name for path in files.values())) or "no CSV file at all"
        lacking = " and ".join(f"{table}.csv" for table in missing)
        raise DataError(
            f"The frePPLe export in {folder} lacks {lacking} (found: {found}). "
            f"Export {'this table' if len(missing) == 1 else 'these tables'} from frePPLe as CSV into the same folder."
        )
    raw = {table: _renamed(path, table) for table, path in files.items() if table in COLUMNS}
    known = {table: _table(raw[table], files[table], table) if table in raw else _empty(table) for table in COLUMNS}
    beside = {files[table].name: _beside(rows, table) for table, rows in raw.items()}
    unused = {path.name: _rows(path).height for table, path in files.items() if table not in COLUMNS}
    absent = tuple(table for table in EXPECTED if table not in files)
    return Frepple(
        folder, _with_orders(known), unused, absent, {file: found for file, found in beside.items() if found}
    )


def _files(folder: Path) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() != ".csv":
            continue
        name = _plain(path.stem)
        table = name if name in COLUMNS else name.removesuffix("s")
        if table in found:
            raise DataError(f"{found[table].name} and {path.name} are both frePPLe's table {table}: keep one of them.")
        found[table] = path
    return found


def _plain(label: str) -> str:
    return re.sub(r"[^a-z0-9]", "", label.lower().strip().removesuffix("_id"))


def _rows(path: Path) -> pl.DataFrame:
    try:
        with path.open(encoding="utf-8-sig") as lines:
            header = lines.readline()
        separator = ";" if header.count(";") > header.count(",") else ","
        rows = pl.read_csv(path, separator=separator, infer_schema=False)
    except (pl.exceptions.PolarsError, UnicodeDecodeError) as error:
        raise DataError(f"{path.name} is no readable CSV table ({error}). Export it again as CSV in UTF-8.") from error
    return rows.with_columns(pl.all().fill_null("").str.strip_chars())


def _renamed(path: Path, table: str) -> pl.DataFrame:
    """The rows as text under frePPLe's own names."""
    rows = _rows(path)
    aliases = ALIASES.get(table, {})
    names = {column: aliases.get(_plain(column), _plain(column)) for column in rows.columns}
    twins = sorted(column for column, name in names.items() if list(names.values()).count(name) > 1)
    if twins:
        raise DataError(f"{path.name} has the same column twice ({', '.join(twins)}): keep one of them.")
    return rows.rename(names)


def _beside(rows: pl.DataFrame, table: str) -> dict[str, int]:
    """Columns that nothing uses and that hold something, with the number of their filled cells."""
    filled = {column: int((rows[column] != "").sum()) for column in rows.columns if column not in COLUMNS[table]}
    return {column: count for column, count in filled.items() if count}


def _table(rows: pl.DataFrame, path: Path, table: str) -> pl.DataFrame:
    for column in NEEDED.get(table, ()):
        if column not in rows.columns:
            said = f"{path.name} has no column {column}. {hint(column, rows.columns)}".rstrip()
            raise DataError(f"{said} Export the table again with this column.")
    return rows.select(
        _typed(rows, path.name, column, kind) if column in rows.columns else pl.lit(None, TYPES[kind]).alias(column)
        for column, kind in COLUMNS[table].items()
    ).with_columns(_defaults(table))


def _defaults(table: str) -> list[pl.Expr]:
    texts = [pl.col(column).fill_null("") for column, kind in COLUMNS[table].items() if kind == "text"]
    others = [pl.col(column).fill_null(value) for column, value in DEFAULTS.get(table, {}).items()]
    return texts + others


def _empty(table: str) -> pl.DataFrame:
    return pl.DataFrame(schema={column: TYPES[kind] for column, kind in COLUMNS[table].items()})


def _typed(rows: pl.DataFrame, file: str, column: str, kind: str) -> pl.Series:
    raw = rows[column]
    typed = rows.select(READERS[kind](pl.col(column)).cast(TYPES[kind]).alias(column))[column]
    wrong = rows.select((pl.col(column) != "") & typed.is_null())[column].arg_true()
    if len(wrong):
        lines = ", ".join(str(row + 2) for row in wrong.head(5))
        raise DataError(
            f"{file}: {len(wrong)} of {len(raw)} values of {column} are no {WORDS[kind]}, first '{raw[wrong[0]]}' "
            f"(rows {lines}). Correct them, or leave the cells blank."
        )
    return typed


def _time(cell: pl.Expr) -> pl.Expr:
    text = cell.str.replace("T", " ").str.slice(0, 19)
    return pl.coalesce(
        text.str.to_datetime("%Y-%m-%d %H:%M:%S", strict=False),
        text.str.to_datetime("%Y-%m-%d %H:%M", strict=False),
        text.str.to_date("%Y-%m-%d", strict=False).cast(pl.Datetime("us")),
    )


def _seconds(cell: pl.Expr) -> pl.Expr:
    """Seconds as a number, "[days ]hours:minutes[:seconds]", or ISO 8601 ("P1DT2H30M")."""

    def part(pattern: str, text: pl.Expr) -> pl.Expr:
        return text.str.extract(pattern).cast(pl.Float64, strict=False).fill_null(0.0)

    clock = (
        part(r"^(\d+) ", cell) * 86400
        + part(r"(\d+):\d+(?::\d+)?$", cell) * 3600
        + part(r"\d+:(\d+)(?::\d+)?$", cell) * 60
        + part(r"\d+:\d+:(\d+)$", cell)
    )
    days, hours = cell.str.extract(r"^P([^T]*)"), cell.str.extract(r"T(.*)$")
    iso = (
        part(r"(\d+)W", days) * 604800
        + part(r"(\d+)D", days) * 86400
        + part(r"(\d+)H", hours) * 3600
        + part(r"(\d+)M", hours) * 60
        + part(r"([\d.]+)S", hours)
    )
    return (
        pl.when(cell.str.contains(r"^(\d+ )?\d+:\d{2}(:\d{2})?$"))
        .then(clock)
        .when(cell.str.contains(r"^P(\d+W)?(\d+D)?(T(\d+H)?(\d+M)?([\d.]+S)?)?$"))
        .then(iso)
        .otherwise(cell.cast(pl.Float64, strict=False))
    )


def _flag(cell: pl.Expr) -> pl.Expr:
    words = {"true": True, "1": True, "yes": True, "t": True, "false": False, "0": False, "no": False, "f": False}
    return cell.str.to_lowercase().replace_strict(words, default=None, return_dtype=pl.Boolean)


def _number(cell: pl.Expr) -> pl.Expr:
    number = cell.cast(pl.Float64, strict=False)
    return pl.when(number.is_finite()).then(number)


READERS = {"text": lambda cell: cell, "number": _number, "seconds": _seconds, "time": _time, "flag": _flag}
WORDS = {"text": "text", "number": "number", "seconds": "duration", "time": "date", "flag": "true or false"}


def _with_orders(tables: dict[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
    """Put the separate order tables of newer exports (purchaseorder.csv, …) into operationplan, typed PO, DO or MO."""
    parts = [tables["operationplan"]]
    for table, kind in ORDER_TABLES.items():
        rows = tables[table].with_columns(type=pl.lit(kind))
        fresh = rows.join(parts[0].select("type", "reference"), on=["type", "reference"], how="anti")
        parts.append(fresh.select(parts[0].columns))
    return {**tables, "operationplan": pl.concat(parts)}


ALWAYS = {
    "item": ("buffer.item", "demand.item", "itemsupplier.item", "itemdistribution.item", "operation.item",
             "operationmaterial.item", "operationplan.item"),
    "location": ("buffer.location", "demand.location", "itemsupplier.location", "itemdistribution.location",
                 "itemdistribution.origin", "operation.location", "resource.location", "operationplan.location",
                 "operationplan.destination", "operationplan.origin"),
    "operation": ("operationmaterial.operation", "operationresource.operation", "operation.owner"),
    "resource": ("operationresource.resource", "resourceskill.resource", "resource.owner"),
}  # fmt: skip
"""Without these the plan would be of another company."""

WHERE_EXPORTED = {
    "customer": ("demand.customer",),
    "supplier": ("itemsupplier.supplier",),
    "skill": ("operationresource.skill", "resourceskill.skill"),
    "calendar": (
        "location.available",
        "supplier.available",
        "resource.available",
        "resource.maximumcalendar",
        "calendarbucket.calendar",
    ),
}
"""Tables that may be missing as a whole: their names are then taken from where they are used."""


def check(source: Frepple) -> None:
    """Stop at names that do not exist.

    Raises
    ------
    DataError : lists every column concerned with its count and the first names; also a name that is used twice.
    """
    wanted = {**ALWAYS, **{table: places for table, places in WHERE_EXPORTED.items() if source[table].height}}
    problems = [problem for table in wanted for problem in _twice(source, table)]
    for table, places in wanted.items():
        for place in places:
            problems += _unknown(source, table, place)
    if problems:
        raise DataError(
            f"The frePPLe export in {source.folder} does not fit together: {'; '.join(problems)}. "
            "Export all tables at the same time, from the same scenario."
        )


def _twice(source: Frepple, table: str) -> list[str]:
    twice = source[table].filter(pl.col("name").is_duplicated())
    return [f"{table}.csv has {twice.height} rows with the same name ({names(twice['name'])})"] if twice.height else []


def _unknown(source: Frepple, table: str, place: str) -> list[str]:
    user, column = place.split(".")
    known = source[table]["name"].implode()
    lost = source[user].filter(pl.col(column) != "", ~pl.col(column).is_in(known))
    if lost.is_empty():
        return []
    return [
        f"{lost.height} of {source[user].height} rows of {user}.csv name something that {table}.csv does not have "
        f"({names(lost[column])})"
    ]
