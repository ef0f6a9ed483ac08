"""Tables that are not there, or are there without a row: a plan without recipes or stock looks whole, and is wrong.

A company that has none says so: `[tables] none = ["components"]` in settings.toml.
"""

from __future__ import annotations

import polars as pl

from soe_lib.extract.deliveries import deliver
from soe_lib.extract.findings import SHOWN, Finding
from soe_lib.extract.reading import Extract
from soe_lib.extract.rules import rule
from soe_lib.extract.rules.history import earlier
from soe_lib.extract.rules.supply import wanted
from soe_lib.extract.schema import GRAVE, MANDATORY, schema
from soe_lib.extract.settings_file import FILE, load

RUNNING = ("orders", "receipts", "actuals")
"""What a company that is running delivers; such a company has stock."""


def lacking(extract: Extract) -> list[str]:
    """Tables without a row that the settings do not say there are none of; one that cannot be read is named already."""
    said = extract.settings.tables.none
    return [name for name in schema() if not extract[name].height and name not in said and name not in extract.broken]


@rule
def nothing_is_missing(extract: Extract) -> list[Finding]:
    """A table has rows where it had some in the extract before, or where this extract shows that it should."""
    before = _of_the_week_before(extract)
    said = {one.table for one in before}
    shown = [*_recipes(extract), *_stock(extract), *_hours(extract)]
    return before + [one for one in shown if one.table not in said]


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
                text = f"{_state(extract, name)}; on {folder.name} it had {source.frame.height:,} rows."
                findings.append(_finding(extract, "stop" if name in GRAVE else "warn", name, text))
    return findings


def _recipes(extract: Extract) -> list[Finding]:
    """Where things are made, what is bought goes into something, or somebody asks for it."""
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
    text = f"{_state(extract, 'components')}, though {len(idle)} items are bought that nobody asks for: {names}."
    return [_finding(extract, level, "components", text)]


def _stock(extract: Extract) -> list[Finding]:
    """A company that has orders, receipts or actuals has stock, or says that it has none."""
    there = [name for name in RUNNING if extract[name].height]
    if "inventory" not in lacking(extract) or not there:
        return []
    text = f"{_state(extract, 'inventory')}: every item starts from nothing, though there are {' and '.join(there)}."
    return [_finding(extract, "warn", "inventory", text)]


def _hours(extract: Extract) -> list[Finding]:
    """Where resources have hours and things are made, something takes hours."""
    users = ("operations", "lane_resources", "maintenance")
    idle = extract["calendar"].height and extract["routings"].height and not any(extract[one].height for one in users)
    if not idle or "operations" not in lacking(extract):
        return []
    text = f"{_state(extract, 'operations')}, though resources have hours: nothing that is made takes any."
    return [_finding(extract, "warn", "operations", text)]


@rule
def said_to_be_none(extract: Extract) -> list[Finding]:
    """A table that the settings say there is none of has no rows."""
    said = [name for name in extract.settings.tables.none if extract[name].height]
    fix = "Take it off the list in [tables] none, or remove the file."
    return [
        Finding("warn", "settings", FILE, (), "tables.none", name, f"It has {extract[name].height:,} rows.", fix, 1)
        for name in said
    ]


def _state(extract: Extract, name: str) -> str:
    return "The table is missing" if extract.absent(name) else "The table has no row"


def _finding(extract: Extract, level: str, name: str, text: str) -> Finding:
    fix = f'Export {name}.csv; if there are none, say none = ["{name}"] under [tables] in settings.toml.'
    if name in extract.sources:
        return extract.sources[name].finding(level, rule=text, fix=fix)
    return Finding(level, name, f"{name}.csv", rule=text, fix=fix)
