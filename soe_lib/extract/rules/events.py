"""Events: targets that exist, losses that can be seen, open orders that still come, and events that change nothing."""

from __future__ import annotations

from typing import Any

import polars as pl

from soe_lib.errors import SoeError
from soe_lib.extract.downtime import left, offered, share_inside, taken
from soe_lib.extract.findings import SHOWN, Finding
from soe_lib.extract.reading import Extract
from soe_lib.extract.rules import rule
from soe_lib.extract.settings_file import FILE
from soe_lib.extract.spelling import hint

TARGETS = {
    "downtime": (("resources", "resource"), ("locations", "location"), ("lanes", "lane")),
    "delay": (
        ("receipts", "receipt"),
        ("offers", "offer"),
        ("offers", "supplier"),
        ("lanes", "lane"),
        ("items", "item"),
    ),
    "surge": (("items", "item"), ("items", "family"), ("customers", "customer"), ("locations", "location")),
    "supply_loss": (
        ("offers", "offer"),
        ("offers", "supplier"),
        ("receipts", "receipt"),
        ("routings", "routing"),
        ("items", "item"),
        ("locations", "location"),
    ),
    "price": (
        ("items", "item"),
        ("items", "family"),
        ("offers", "offer"),
        ("offers", "supplier"),
        ("customers", "customer"),
    ),
}


@rule
def events_hit_something(extract: Extract) -> list[Finding]:
    """An event's target, or every part of it ("Handwash & Carrefour"), exists, and the event says what it does."""
    findings = []
    each = extract["events"].with_row_index("row")
    parts = each.select("row", "kind", "target", part=pl.col("target").str.split(" & "))
    parts = parts.explode("part").with_columns(pl.col("part").str.strip_chars())
    for kind, places in TARGETS.items():
        known = pl.concat([extract.names(table, column).alias("name") for table, column in places]).unique()
        exists = pl.col("part").is_in(known.implode()) | pl.col("target").is_in(known.implode())
        bad = parts.filter((pl.col("kind") == kind) & ~exists)
        if bad.height:
            tables = ", ".join(dict.fromkeys(f"{table}.{column}" for table, column in places))
            rule_text = f"The target of a {kind} is not known. It is looked for in {tables}."
            fix = hint(bad["part"][0], known.to_list()) or "Mend the target, or remove the event."
            what = {"column": "target", "value": bad["part"][0], "rule": rule_text, "fix": fix}
            findings.append(extract.finding("stop", "events", bad["row"].unique().sort(), **what))
    where = (pl.col("kind") == "delay") & pl.col("days").is_null()
    findings += extract.flag("stop", "events", where, column="days", rule="A delay without days.", fix="Fill days.")
    where = pl.col("kind").is_in(["surge", "price"]) & pl.col("factor").is_null()
    rule_text = "Without a factor the event changes nothing."
    return findings + extract.flag("warn", "events", where, column="factor", rule=rule_text, fix="Fill factor.")


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
    from soe_lib.model.events import hits

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
    from soe_lib.model.events import hits

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
    from soe_lib.model.events import hits, on_order

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
    from soe_lib.model.idle_events import idle

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
