"""Events and cells: what they hit, what they take, and what is given and changes nothing."""

from __future__ import annotations

from datetime import date
from typing import Any

import polars as pl

from soe_lib.errors import SoeError, hint
from soe_lib.extract.findings import SHOWN, Finding
from soe_lib.extract.precedence import left, offered, share_inside, taken
from soe_lib.extract.rules import Extract, rule
from soe_lib.extract.rules.supply import supplied, wanted
from soe_lib.extract.schema import schema
from soe_lib.extract.settings import FILE
from soe_lib.extract.targets import hits, lock_of, on_order

TARGETS = {
    "downtime": "resources.resource locations.location lanes.lane",
    "delay": "receipts.receipt offers.offer offers.supplier lanes.lane items.item",
    "surge": "items.item items.family customers.customer locations.location",
    "supply_loss": "offers.offer offers.supplier receipts.receipt routings.routing items.item locations.location",
    "price": "items.item items.family offers.offer offers.supplier customers.customer",
}
"""Kind of event → the columns that its target is looked for in."""


@rule
def events_hit_something(extract: Extract) -> list[Finding]:
    """An event's target, or every part of it ("Handwash & Carrefour"), exists."""
    findings = []
    each = extract["events"].with_row_index("row")
    parts = each.select("row", "kind", "target", part=pl.col("target").str.split(" & "))
    parts = parts.explode("part").with_columns(pl.col("part").str.strip_chars())
    for kind, places in TARGETS.items():
        known = extract.any_of(places.split())
        exists = pl.col("part").is_in(known.implode()) | pl.col("target").is_in(known.implode())
        bad = parts.filter((pl.col("kind") == kind) & ~exists)
        if bad.height:
            rule_text = f"The target of a {kind} is not known. It is looked for in {places.replace(' ', ', ')}."
            fix = hint(bad["part"][0], known.to_list()) or "Mend the target, or remove the event."
            what = {"column": "target", "value": bad["part"][0], "rule": rule_text, "fix": fix}
            findings.append(extract.finding("stop", "events", bad["row"].unique().sort(), **what))
    return findings


def _each(extract: Extract, kind: str) -> list[dict[str, Any]]:
    """The events of one kind with their row; blank dates are the as-of date and the end of the horizon."""
    rows = extract["events"].with_row_index("row").filter(pl.col("kind") == kind)
    if rows.is_empty() or extract.calendar.periods.is_empty():
        return []
    first, last = extract.settings.as_of, extract.calendar.periods["ends_on"].max()
    return rows.with_columns(pl.col("from").fill_null(first), pl.col("to").fill_null(pl.lit(last))).to_dicts()


@rule
def downtimes_fit_their_days(extract: Extract) -> list[Finding]:
    """Hours of a downtime are lost on its own days: what these do not offer is lost by nobody."""
    timed = [event for event in _each(extract, "downtime") if event["hours"]]
    if not timed or not extract.dated:
        return []
    days, findings = offered(extract.calendar, extract.settings, extract.tables), []
    for event in sorted(timed, key=lambda one: str(one["event"])):
        names = extract["resources"].filter(hits(event, ("resource", "location")))["resource"].to_list()
        here = days.filter(pl.col("resource").is_in(names))
        took = taken(here, extract.calendar, event["from"], event["to"], event["hours"])
        days = left(days, took)
        by_resource = took.group_by("resource").agg(pl.col("missing").first())
        wanted = event["hours"] * share_inside(extract.calendar, event["from"], event["to"])
        missing = wanted if by_resource.is_empty() else min(by_resource["missing"].to_list())
        if names and missing:
            text = f"{missing:,.6g} of the {event['hours']:,.6g} h of {event['event']} do not fit into its days, "
            text += f"{event['from']} to {event['to']}: {', '.join(names[:SHOWN])} has no more hours there."
            fix = "Move its end (.longer(days=…) in a scenario), or leave hours blank for whole days."
            what = {"column": "hours", "value": f"{event['hours']:g}", "rule": text, "fix": fix}
            findings.append(extract.finding("warn", "events", pl.Series([event["row"]]), **what))
    return findings


CUT = (
    ("offers", "offer", ("supplier", "offer", "item", "location")),
    ("routings", "routing", ("routing", "item", "location")),
    ("lanes", "lane", ("lane",)),
)


@rule
def losses_have_something_to_cut(extract: Extract) -> list[Finding]:
    """A share of supply is lost of a maximum, or of the event's own quantity; of no limit, it is no number."""
    findings = []
    for event in _each(extract, "supply_loss"):
        names = _endless(extract, event)
        if names:
            text = f"A part of the supply is lost, but {len(names)} ways that it hits have no maximum, so nothing is "
            text += f"cut there: {', '.join(names[:SHOWN])}."
            fix = "Give them a maximum, or the event a quantity: what comes in its days without it."
            what = {"column": "factor", "value": f"{event['factor']:g}", "rule": text, "fix": fix}
            findings.append(extract.finding("warn", "events", pl.Series([event["row"]]), **what))
    return findings


def _endless(extract: Extract, event: dict[str, Any]) -> list[str]:
    """Ways without a maximum that an event would cut by a share."""
    if event["factor"] in (None, 0.0, 1.0) or event["quantity"] is not None:
        return []
    hit = [extract[table].filter(hits(event, columns), pl.col("maximum").is_null())[key] for table, key, columns in CUT]
    return sorted(set(pl.concat([one.rename("name") for one in hit]).to_list()))


SAID = {
    "come": ("warn", "they come all the same"),
    "lost": ("note", "they are lost as the event says"),
    "late": ("note", "they come the day after it ends"),
}


@rule
def open_orders_of_what_is_lost(extract: Extract) -> list[Finding]:
    """What happens to receipts from a supplier that fails is said: they come, are lost, or are late."""
    suppliers = extract["offers"].select("offer", "supplier").unique("offer", keep="first", maintain_order=True)
    receipts = extract["receipts"].join(suppliers, on="offer", how="left", maintain_order="left")
    today = pl.lit(extract.settings.as_of)
    receipts = receipts.with_columns(pl.col("supplier").fill_null(""), expected=pl.max_horizontal("due_on", today))
    level, said = SAID[extract.settings.events.open_orders]
    findings = []
    for event in _each(extract, "supply_loss"):
        inside = pl.col("expected").is_between(event["from"], event["to"])
        due = receipts.filter(inside & on_order(event) & ~hits(event, ("receipt",)))
        if due.is_empty():
            continue
        text = f"{due.height} receipts of it are due in its days; {said} ([events] open_orders = "
        text += f'"{extract.settings.events.open_orders}"): {", ".join(due["receipt"].sort().head(SHOWN))}.'
        fix = f'Say what happens to them: open_orders = "come", "lost" or "late" under [events] in {FILE}.'
        what = {"column": "target", "value": event["target"], "rule": text, "fix": fix if level == "warn" else ""}
        findings.append(extract.finding(level, "events", pl.Series([event["row"]]), **what))
    return findings


def without_effect(extract: Extract) -> list[Finding]:
    """Events that change nothing of the network, of an extract that nothing else stops."""
    from soe_lib.extract.snapshot import freeze
    from soe_lib.model.starts import idle

    if extract["events"].is_empty():
        return []
    try:
        found = idle(freeze(extract))
    except SoeError:
        return []  # what stops the network from being set up is a finding of its own
    said = {event["event"] for event in _each(extract, "supply_loss") if _endless(extract, event)}
    row_of = dict(extract["events"].with_row_index("row").select("event", "row").iter_rows())
    fix = "Mend its target, dates or figures, or remove it."
    return [
        extract.finding(
            "warn", "events", pl.Series([row_of[event]]), column="event", value=event,
            rule=f"The event changes nothing{f': {reason}' if reason else ''}.", fix=fix,
        )
        for event, reason in found
        if event not in said
    ]  # fmt: skip


EARLIEST, LATEST = date(1970, 1, 1), date(2199, 12, 31)
ENDLESS = date(9000, 1, 1)
UNTIL = ("valid_to", "to", "until", "expires_on")
"""What ends from that day on is meant to be without end."""


@rule
def years_are_of_this_time(extract: Extract) -> list[Finding]:
    """A date lies between 1970 and 2199: the year 26 was meant to be 2026. Validity may be without end."""
    findings = []
    for table in schema().values():
        frame = extract[table.name]
        for column in (one.name for one in table.columns if one.type == "date" and frame.height):
            day = pl.col(column)
            if frame[column].null_count() == frame.height:
                continue
            odd = (day < EARLIEST) | (day > LATEST) & (day < ENDLESS if column in UNTIL else True)
            text = "The year is not of this time, so the row has no effect."
            fix = "Write it with four figures, such as 2026."
            findings += extract.flag("stop", table.name, odd, column=column, rule=text, fix=fix)
    return findings


@rule
def rows_outside_the_horizon(extract: Extract) -> list[Finding]:
    """Hours and prices, validity and receipts that lie wholly outside the horizon play no part in the plan."""
    periods = extract.calendar.periods
    first, last = periods["starts_on"].min(), periods["ends_on"].max()
    if not isinstance(first, date) or not isinstance(last, date) or not extract.dated:
        return []
    findings = []
    for table in ("routings", "offers", "lanes"):
        where = (pl.col("valid_to") < first) | (pl.col("valid_from") > last)
        text, fix = f"Valid on no day of the horizon ({first} to {last}).", "Nothing to do, unless it was meant to be."
        findings += extract.flag("note", table, where, column="valid_from", rule=text, fix=fix)
    text, fix = "Due after the horizon: it is only valued at end_value.", "Nothing to do, unless it is due before."
    return findings + extract.flag("note", "receipts", pl.col("due_on") > last, column="due_on", rule=text, fix=fix)


@rule
def lanes_carry_something(extract: Extract) -> list[Finding]:
    """Where a lane starts there is something to carry: made, bought, stocked or shipped there."""
    if not extract["lanes"].height:
        return []
    there = supplied(extract)
    places = there["location"].unique()
    pairs = there.select(pl.concat_str("item", "location", separator="\x1f")).to_series()
    named = pl.concat_str("item", "origin", separator="\x1f").is_in(pairs.implode())
    empty = pl.when(pl.col("item") == "").then(~pl.col("origin").is_in(places.implode())).otherwise(~named)
    text, fix = "Nothing that it could carry is ever where it starts.", "Mend origin or item, or remove the lane."
    return extract.flag("warn", "lanes", empty, column="origin", rule=text, fix=fix)


@rule
def policies_have_stock(extract: Extract) -> list[Finding]:
    """A policy asks for stock where the item can get to."""
    if not extract["policies"].height:
        return []
    pairs = supplied(extract).select(pl.concat_str("item", "location", separator="\x1f")).to_series()
    asks = (pl.col("safety_stock") > 0) | (pl.col("end_stock") > 0)
    lost = asks & ~pl.concat_str("item", "location", separator="\x1f").is_in(pairs.implode())
    text, fix = "The item can never get there: neither made, bought nor shipped.", "Mend the place, or add a lane."
    return extract.flag("warn", "policies", lost, column="item", rule=text, fix=fix)


@rule
def substitutes_stand_in_for_something(extract: Extract) -> list[Finding]:
    """An item that another may stand in for is asked for."""
    where = ~pl.col("item").is_in(wanted(extract)["item"].implode())
    text, fix = "Nobody asks for the item that it stands in for.", "Nothing to do, unless it was meant to count."
    return extract.flag("warn", "substitutions", where, column="item", rule=text, fix=fix)


@rule
def overrides_bind(extract: Extract) -> list[Finding]:
    """An override with a quantity is written so that it locks one; what the plan takes for a remark is said."""
    rows = extract["overrides"].with_row_index("row").filter(pl.col("quantity").is_not_null())
    lost = [row["row"] for row in rows.iter_rows(named=True) if lock_of(row) is None]
    text, fix = "It locks nothing: it reads as a remark.", 'Write what as "make item=A & period=2026-W48".'
    return extract.flag("warn", "overrides", pl.Series(lost), column="what", rule=text, fix=fix)


@rule
def tolerances_are_of_families(extract: Extract) -> list[Finding]:
    """A band in [tolerance] is of a family that has items."""
    known = [name for name in extract.names("items", "family").to_list() if name]
    lost = [family for family in extract.settings.tolerance if family not in known and not extract.absent("items")]
    text = "No item belongs to this family, so the band holds for none."
    fixes = [hint(family, known) or "Write the family as items.csv does." for family in lost]
    where = ("warn", "settings", FILE, (), "tolerance")
    return [Finding(*where, family, text, fix, 1) for family, fix in zip(lost, fixes, strict=True)]
