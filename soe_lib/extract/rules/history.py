"""Rules on history: comparison with earlier extracts, the forecast's versions, actual demand, and missing tables."""

from __future__ import annotations

import hashlib
from datetime import date
from functools import lru_cache
from pathlib import Path
from statistics import median

import polars as pl

from soe_lib.extract.calendar import WEEK
from soe_lib.extract.deliveries import deliver
from soe_lib.extract.files import SUFFIXES, WORKBOOK
from soe_lib.extract.findings import SHOWN, Finding
from soe_lib.extract.folders import dates
from soe_lib.extract.rules import Extract, rule
from soe_lib.extract.rules.network import wanted
from soe_lib.extract.schema import GRAVE, MANDATORY, schema
from soe_lib.extract.settings import FILE, as_date, load
from soe_lib.extract.workbook import UnreadableError, Workbook

WEEKS = 8
BAND = 0.3
FEW = 10  # fewer rows than these differ by chance
MOVING = ("orders", "inventory", "receipts")
COUNTED = ("forecast", "items", "routings", "operations", "components", *MOVING)


def earlier(extract: Extract) -> list[Path]:
    """The folders of the company's earlier extracts, newest first, at most WEEKS of them."""
    today = as_date(extract.folder.name)
    if today is None:
        return []
    before: list[date] = [day for day in dates(extract.folder.parent) if day < today]
    return [extract.folder.parent / day.isoformat() for day in reversed(before[-WEEKS:])]


@rule
def not_last_weeks_file(extract: Extract) -> list[Finding]:
    """A table that changes every week is not, byte for byte, a file of the previous extract, whatever its name."""
    findings = []
    folders = earlier(extract)[:1]
    for table in MOVING:
        source = extract.sources.get(table)
        if source is None or source.frame.height < FEW or not folders:
            continue
        for path in sorted(one for one in folders[0].iterdir() if one.is_file() and not one.name.startswith(".")):
            if path.stat().st_size == source.size and _digest(path) == source.sha256:
                rule_text = f"Identical byte for byte to {path.name} of {path.parent.name}."
                expected = table in extract.settings.unchanged
                fix = f'Export it again; if nothing changed, set unchanged = ["{table}"] in settings.toml.'
                level = "note" if expected else "stop"
                findings.append(source.finding(level, rule=rule_text, fix="" if expected else fix))
                break
    return findings


@rule
def same_company(extract: Extract) -> list[Finding]:
    """The extract has the same company and currency as the previous one."""
    findings = []
    for folder in earlier(extract)[:1]:
        before = load(folder)[0]
        for name in ("company", "currency"):
            was, now = getattr(before, name), getattr(extract.settings, name)
            if was and now and was != now:
                rule_text = f"The extract of {folder.name} says {was}: is this the right one?"
                fix = "Put the right extract into the folder, or correct the previous one."
                findings.append(Finding("stop", "settings", FILE, (), name, now, rule_text, fix, 1))
    return findings


@rule
def about_as_long_as_usual(extract: Extract) -> list[Finding]:
    """A file has as many rows as in the weeks before, within ±30 % of their median."""
    findings = []
    folders = earlier(extract)
    for table in COUNTED:
        source = extract.sources.get(table)
        counts = [rows for folder in folders if (rows := _rows(folder, table)) is not None]
        if source is None or len(counts) < 2:
            continue
        usual, rows = median(counts), source.frame.height
        if abs(rows - usual) > max(BAND * usual, FEW):
            rule_text = f"{rows:,} rows, where the median of {len(counts)} weeks is {usual:,.0f}."
            fix = "Check that the export is complete and of the right company."
            findings.append(source.finding("warn", rule=rule_text, fix=fix))
    return findings


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _rows(folder: Path, table: str) -> int | None:
    """The number of rows of a table in another extract, from a CSV's line count or a parquet file's metadata."""
    for suffix in SUFFIXES:
        path = folder / f"{table}{suffix}"
        if path.is_file():
            try:
                if suffix == ".parquet":
                    return int(pl.scan_parquet(path).select(pl.len()).collect().item())
                text = path.read_bytes()
            except (OSError, pl.exceptions.PolarsError):
                return None
            return max(0, text.count(b"\n") - text.endswith(b"\n"))
    for path in sorted(folder.glob(f"[!~.]*{WORKBOOK}")):
        rows = _rows_of_sheets(path, path.stat().st_mtime_ns).get(table)
        if rows is not None:
            return rows
    return None


@lru_cache(maxsize=64)
def _rows_of_sheets(path: Path, written: int) -> dict[str, int]:
    """Rows by table of an earlier week's workbook, cached until it is written again."""
    del written
    book = Workbook(path)
    try:
        read = {table: book.read(table, schema()[table])[0] for table in COUNTED if table in book.sheets}
    except (UnreadableError, OSError):
        return {}
    return {table: source.frame.height for table, source in read.items() if source is not None}


KEY = ("item", "location", "period")
DATED = r"^\d{4}-\d{2}(-\d{2})?$"
OUT_OF_PROPORTION = 100
"""Multiple of an item's usual demand and of its highest forecast above which an actual is implausible."""


@rule
def quantiles_rise(extract: Extract) -> list[Finding]:
    """The quantity does not fall as the probability rises."""
    table = extract["forecast_errors"]
    if table.is_empty():
        return []
    before = pl.col("quantity").shift(1).over(KEY, order_by="probability")
    falls = table.with_row_index("row").with_columns(falls=pl.col("quantity") < before).filter("falls")["row"].sort()
    rule_text = "Less than the quantity at the next lower probability: quantities must rise with the probability."
    fix = "Sort the quantities of each item, location and period like their probabilities."
    return extract.flag("stop", "forecast_errors", falls, column="quantity", rule=rule_text, fix=fix)


@rule
def versions_are_of_their_time(extract: Extract) -> list[Finding]:
    """A version named by a week names an existing week, and not one after the weeks that it forecasts."""
    made = extract.names("forecast", "version")
    dated = made.filter(made.str.contains(DATED) & (made != extract.settings.forecast.version))
    made = made.filter(made.str.contains(WEEK))
    findings = []
    if len(dated):
        rule_text = (
            "A version named by a day or a month: left out of the record of the forecast, which reads ISO weeks."
        )
        fix = "Name it by the ISO week that it was published in, such as 2026-W46."
        named = pl.col("version").is_in(dated.implode())
        findings = extract.flag("note", "forecast", named, column="version", rule=rule_text, fix=fix)
    if not len(made):
        return findings
    lost = made.filter(_monday(made).is_null())
    fix = "Correct the name: few years have an ISO week 53."
    rule_text = "A version named by a week that does not exist: left out of the record of the forecast."
    where = pl.col("version").is_in(lost.implode())
    findings += extract.flag("warn", "forecast", where, column="version", rule=rule_text, fix=fix)
    weeks = pl.col("period").str.contains(WEEK) & pl.col("version").is_in(made.implode()) & ~where
    after = weeks & (pl.col("version") > pl.col("period")) & (pl.col("version") != extract.settings.forecast.version)
    rule_text = "Published after the week that it forecasts: left out of the record of the forecast."
    fix = "Nothing to do if it was corrected later; a version is named by the week in which it was published."
    return findings + extract.flag("note", "forecast", after, column="version", rule=rule_text, fix=fix)


@rule
def demand_is_where_it_is_forecast(extract: Extract) -> list[Finding]:
    """Actual demand of an item is booked to a place that has a forecast of it; else its forecast errors are unknown."""
    place = ["item", "location"]
    asked = pl.col("measure").is_in(["sales", "demand"]) & (pl.col("item") != "")
    booked = extract["actuals"].filter(asked).select(place).unique()
    if booked.is_empty() or extract["forecast"].is_empty():
        return []
    foreseen = extract["forecast"].select(place).unique()
    met = booked.join(foreseen, on=place, how="semi")["item"].unique()
    lost = booked.filter(pl.col("item").is_in(foreseen["item"].implode()) & ~pl.col("item").is_in(met.implode()))
    if lost.is_empty():
        return []
    names = lost["item"].unique().sort()
    rule_text = f"{len(names)} items have demand only at places without a forecast: their forecast errors are unknown."
    where = asked & pl.col("item").is_in(names.implode())
    fix = "Book actuals to the place of the forecast; a forecast without actuals gets no cushion."
    return extract.flag("warn", "actuals", where, column="location", rule=rule_text, fix=fix)


@rule
def demand_is_in_proportion(extract: Extract) -> list[Finding]:
    """No actual demand exceeds a hundred times the usual demand of its item, as a typing error would."""
    asked = pl.col("measure").is_in(["sales", "demand"]) & (pl.col("item") != "") & (pl.col("quantity") > 0)
    rows = extract["actuals"].with_row_index("row").filter(asked)
    if rows.is_empty():
        return []
    most = extract["forecast"].group_by("item").agg(most=pl.col("quantity").max())
    usual = pl.max_horizontal(pl.col("quantity").median().over("item"), pl.col("most").fill_null(0.0))
    odd = rows.join(most, on="item", how="left").filter(pl.col("quantity") > OUT_OF_PROPORTION * usual)["row"].sort()
    rule_text = f"More than {OUT_OF_PROPORTION} times the item's usual demand: the cushion would cover it."
    fix = "Correct it or remove the row, unless the demand is real."
    return extract.flag("warn", "actuals", odd, column="quantity", rule=rule_text, fix=fix)


def _monday(weeks: pl.Series) -> pl.Series:
    return (weeks + "-1").str.to_date("%G-W%V-%u", strict=False)


RUNNING = ("orders", "receipts", "actuals")
"""Tables of a running company; such a company has stock."""


def lacking(extract: Extract) -> list[str]:
    """Tables without rows that the settings do not declare empty; unreadable tables have a finding of their own."""
    empty = extract.settings.tables.none
    return [name for name in schema() if not extract[name].height and name not in empty and name not in extract.broken]


@rule
def nothing_is_missing(extract: Extract) -> list[Finding]:
    """A table has rows if it had rows in the previous extract, or if this extract implies that it should."""
    before = _of_the_week_before(extract)
    reported = {one.table for one in before}
    shown = [*_recipes(extract), *_stock(extract), *_hours(extract)]
    return before + [one for one in shown if one.table not in reported]


def _of_the_week_before(extract: Extract) -> list[Finding]:
    gone = [name for name in lacking(extract) if name not in MANDATORY]
    findings = []
    for folder in earlier(extract)[:1] if gone else ():
        settings = load(folder)[0]
        if settings.company != extract.settings.company:
            continue
        deliveries = deliver(folder, settings)[0]
        for name in gone:
            source = deliveries[name].read()[0] if name in deliveries else None
            if source is not None and source.frame.height:
                text = f"{_state(extract, name)}; in the extract of {folder.name} it had {source.frame.height:,} rows."
                findings.append(_finding(extract, "stop" if name in GRAVE else "warn", name, text))
    return findings


def _recipes(extract: Extract) -> list[Finding]:
    """If items are made, each purchased item is a component or is demanded."""
    if "components" not in lacking(extract) or not extract["routings"].height:
        return []
    bought = pl.concat(
        [extract["offers"]["item"], extract["receipts"].filter(pl.col("kind") == "buy")["item"]]
    ).unique()
    asked = [
        wanted(extract)["item"], extract["routings"]["item"], extract["co_products"]["item"],
        extract["substitutions"]["substitute"], extract["policies"]["item"],
    ]  # fmt: skip
    idle = bought.filter(~bought.is_in(pl.concat(asked).unique().implode())).sort()
    if not len(idle):
        return []
    names = ", ".join(idle.head(SHOWN)) + (", …" if len(idle) > SHOWN else "")
    level = "stop" if 2 * len(idle) >= len(bought) else "warn"
    text = f"{_state(extract, 'components')}, though {len(idle)} purchased items have no demand: {names}."
    return [_finding(extract, level, "components", text)]


def _stock(extract: Extract) -> list[Finding]:
    """A company with orders, receipts or actuals has stock, or declares that it has none."""
    running = [name for name in RUNNING if extract[name].height]
    if "inventory" not in lacking(extract) or not running:
        return []
    text = f"{_state(extract, 'inventory')}: every item starts with no stock, though there are {' and '.join(running)}."
    return [_finding(extract, "warn", "inventory", text)]


def _hours(extract: Extract) -> list[Finding]:
    """If resources have hours and items are made, something uses hours."""
    users = ("operations", "lane_resources", "maintenance")
    idle = extract["calendar"].height and extract["routings"].height and not any(extract[one].height for one in users)
    if not idle or "operations" not in lacking(extract):
        return []
    text = f"{_state(extract, 'operations')}, though resources have hours: production uses none of them."
    return [_finding(extract, "warn", "operations", text)]


@rule
def said_to_be_none(extract: Extract) -> list[Finding]:
    """A table that the settings declare empty has no rows."""
    filled = [name for name in extract.settings.tables.none if extract[name].height]
    fix = "Remove it from the list in [tables] none, or remove the file."
    return [
        Finding("warn", "settings", FILE, (), "tables.none", name, f"It has {extract[name].height:,} rows.", fix, 1)
        for name in filled
    ]


def _state(extract: Extract, name: str) -> str:
    return "The table is missing" if extract.absent(name) else "The table has no row"


def _finding(extract: Extract, level: str, name: str, text: str) -> Finding:
    fix = f'Export {name}.csv; if there are none, set none = ["{name}"] under [tables] in settings.toml.'
    if name in extract.sources:
        return extract.sources[name].finding(level, rule=text, fix=fix)
    return Finding(level, name, f"{name}.csv", rule=text, fix=fix)
