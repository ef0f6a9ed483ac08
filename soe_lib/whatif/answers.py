"""Feasible answers to an exception, one function per kind; each proposes edits that a meeting can decide on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import polars as pl

from soe_lib.extract.snapshot import where_used
from soe_lib.review import words
from soe_lib.review.exceptions.causes import made_on
from soe_lib.review.exceptions.issue import Issue
from soe_lib.review.week import Week
from soe_lib.whatif.scenario import Scenario, load, shelf


@dataclass(frozen=True)
class Option:
    """One feasible answer to an exception.

    Parameters
    ----------
    scenario : what it changes in the extract; its name is what the meeting reads.
    paid : whether its cost is in the figures; False: its cost is unknown, so its gain is the most that may be paid.
    answer : name of the function that proposed it; filled in by the registry.
    """

    scenario: Scenario
    paid: bool = True
    answer: str = ""


Answer = Callable[[Week, Issue], Iterable[Option]]
_KNOWN: dict[str, Answer] = {}


def answer(function: Answer) -> Answer:
    """Register a function that proposes one kind of answer; its name is the answer's name."""
    _KNOWN[function.__name__] = function
    return function


def registered() -> dict[str, Answer]:
    """Every kind of answer by name, in the order of their names."""
    return dict(sorted(_KNOWN.items()))


def answers_to(situation: Week, issue: Issue) -> tuple[Option, ...]:
    """Every answer to one exception that may gain anything, not yet priced."""
    return tuple(
        Option(option.scenario, option.paid, name)
        for name, function in registered().items()
        for option in function(situation, issue)
    )


WEEKS = 3
LEAST = 1e-6


def first_weeks(situation: Week, weeks: int = WEEKS) -> list[str]:
    """The labels of the first weeks of the horizon, in which a meeting can still act."""
    return situation.plan.periods.sort("index")["week"].unique(maintain_order=True).head(weeks).to_list()


def priced(situation: Week, constraint: str) -> pl.DataFrame:
    """The rows of a limit with a price in the first weeks; none where the plan has no such limit."""
    rows = situation.plan.prices.get(constraint)
    if rows is None:
        return pl.DataFrame()
    weeks = situation.plan.periods.select(pl.col("period").cast(pl.String), "week")
    found = rows.with_columns(pl.col("period").cast(pl.String)).join(weeks, on="period", how="inner")
    return found.filter((pl.col("price") > LEAST) & pl.col("week").is_in(first_weeks(situation)))


def has_price(situation: Week, constraint: str, key: str, names: Iterable[str]) -> list[str]:
    """The names that have a price in a limit, highest price first."""
    rows = priced(situation, constraint)
    if rows.is_empty() or rows.columns.count(key) == 0:
        return []
    sums = rows.group_by(pl.col(key).cast(pl.String)).agg(pl.col("price").max())
    return sums.filter(pl.col(key).is_in(list(names))).sort(["price", key], descending=[True, False])[key].to_list()


def lines_for(situation: Week, issue: Issue) -> list[str]:
    """The lines that make the items of an exception, or their components at any level of the bill of material."""
    items = list(issue.about.get("items", ()))
    used = where_used(situation.snapshot).filter(pl.col("item").is_in(items))
    made = made_on(situation).join(used.select("component").unique(), on="component", how="semi")
    return made["resource"].unique().sort().to_list()


@answer
def by_hand(situation: Week, issue: Issue) -> Iterator[Option]:
    """The company's scenarios whose `answers` names this exception, or a part of its name."""
    file = shelf(situation.snapshot)
    if not file.is_file():
        return
    key = issue.key.lower()
    for scenario in load(file):
        if scenario.edits and scenario.answers and scenario.answers.lower() in key:
            yield Option(scenario)


@answer
def expedite(situation: Week, issue: Issue) -> Iterator[Option]:
    """Double the maximum per period of an expedited offer."""
    yield from more_of(situation, issue, expedited=True)


def more_of(situation: Week, issue: Issue, *, expedited: bool) -> Iterator[Option]:
    """Double the offer with the highest price on its limit, among offers of what the exception lacks."""
    offers = situation.snapshot["offers"].filter(pl.col("maximum").is_not_null())
    fast = pl.col("expedite").fill_null(value=False)
    mine = offers.filter(pl.col("item").is_in(lacking(situation, issue)) & (fast if expedited else ~fast))
    for offer in has_price(situation, "buy_limit", "offer", mine["offer"].unique())[:1]:
        row = mine.filter(pl.col("offer") == offer).row(0, named=True)
        verb = "Expedite" if expedited else "Buy"
        name = f"{verb} twice as much {row['item']} from {row['supplier'] or offer} ({offer})"
        yield Option(Scenario(name).scale("offers.maximum", 2.0, offer=offer))


def lacking(situation: Week, issue: Issue) -> list[str]:
    """The components in short supply: those that the exception names, else all components of its items."""
    if named := issue.about.get("components", ()):
        return list(named)
    items = list(issue.about.get("items", ()))
    return where_used(situation.snapshot).filter(pl.col("item").is_in(items))["component"].unique().sort().to_list()


@answer
def other_supplier(situation: Week, issue: Issue) -> Iterator[Option]:
    """Double the maximum per period of an ordinary offer of the same component, at its price."""
    yield from more_of(situation, issue, expedited=False)


PASSIVE = ("Overtime", "Expediting")


@answer
def fence(situation: Week, issue: Issue) -> Iterator[Option]:
    """No frozen days: production may change from today on."""
    days, rows = situation.snapshot.settings.fence.frozen_days, situation.plan.prices.get("frozen")
    # A frozen row is an equality: a price of either sign says that a change would gain.
    held = rows is not None and bool((rows["price"].abs() > 1e-6).any())
    if days > 0 and held and issue.kind not in PASSIVE:
        name = f"Open the frozen fence of {words.count(days, 'day')}"
        yield Option(Scenario(name).set("settings.fence.frozen_days", 0))


DAYS = 7


@answer
def later(situation: Week, issue: Issue) -> Iterator[Option]:
    """A week more for customers of the exception with unserved demand; lateness is charged as usual."""
    who, what = (list(issue.about.get(name, ())) for name in ("customers", "items"))
    short = situation.lines.filter(
        (pl.col("short") >= 0.5) & pl.col("customer").is_in(who) & pl.col("item").is_in(what)
    )
    names = [name for name in short["customer"].unique().sort() if name]
    if names:
        name = f"Agree dates up to {words.count(DAYS, 'day')} later with {words.listing(names)}"
        blank = situation.snapshot["customers"].filter(pl.col("latest_days").is_null())["customer"]
        scenario = Scenario(name)
        for who_waits in names:
            filled = who_waits not in blank
            known = {"customer": who_waits}
            scenario = (
                scenario.add_to("customers.latest_days", DAYS, **known)
                if filled
                else scenario.set("customers.latest_days", DAYS, **known)
            )
        yield Option(scenario)


@answer
def move_maintenance(situation: Week, issue: Issue) -> Iterator[Option]:
    """The maintenance job on the line with the most valuable hours, movable to any time of the horizon."""
    lines = has_price(situation, "hours", "resource", issue.about.get("resource", ()) or lines_for(situation, issue))
    bound = (pl.col("latest").fill_null("") != "") | (pl.col("earliest").fill_null("") != "")
    jobs = situation.snapshot["maintenance"].filter(pl.col("resource").is_in(lines) & bound).sort("maintenance")
    for row in jobs.head(1).iter_rows(named=True):
        known = {"maintenance": row["maintenance"]}
        free = Scenario(f"Do {row['maintenance']} on {row['resource']} at another time")
        yield Option(free.set("maintenance.earliest", "", **known).set("maintenance.latest", "", **known))


@answer
def overtime(situation: Week, issue: Issue) -> Iterator[Option]:
    """Double the overtime limit in the first weeks, at its premium."""
    named = issue.about.get("resource", ()) or lines_for(situation, issue)
    for line in has_price(situation, "overtime_limit", "resource", named)[:1]:
        yield Option(doubled(situation, line))


def doubled(situation: Week, line: str) -> Scenario:
    """Double the overtime limit of one line in the first weeks."""
    weeks = first_weeks(situation)
    name = f"Twice the overtime on {line}, {words.periods(weeks)}"
    return Scenario(name).scale("calendar.overtime_hours", 2.0, resource=line, period=weeks)


@answer
def other_line(situation: Week, issue: Issue) -> Iterator[Option]:
    """Double the overtime limit of the other line with the most valuable overtime, where one line is short of hours."""
    named = issue.about.get("resource", ())
    others = [line for line in lines_for(situation, issue) if line not in named] if named else []
    for line in has_price(situation, "overtime_limit", "resource", others)[:1]:
        yield Option(doubled(situation, line))


@answer
def partial(situation: Week, issue: Issue) -> Iterator[Option]:
    """Cut the orders of the exception to the forecast."""
    orders = list(issue.about.get("orders", ()))
    surprise = situation.unforecast.filter(pl.format("{} {}", "customer", "family") == issue.subject)
    if not orders or surprise.is_empty():
        return
    who = issue.about["customers"][0]
    wanted, foreseen = float(surprise["orders"].sum()), float(surprise["forecast"].sum())
    units = words.number(wanted - foreseen)
    if foreseen <= 0:
        yield Option(Scenario(f"Decline the {units} units of {who}").drop("orders", order=orders))
        return
    scenario = Scenario(f"Deliver to {who} only what was forecast, {units} units less")
    held = situation.snapshot["orders"].filter(pl.col("order").is_in(orders) & (pl.col("committed") > 0))
    cut = scenario.scale("orders.quantity", foreseen / wanted, order=orders)
    yield Option(cut.set("orders.committed", 0.0, order=orders) if held.height else cut)


@answer
def refuse(situation: Week, issue: Issue) -> Iterator[Option]:
    """Plan without the overtime or expediting that is to be approved."""
    if issue.kind == "Overtime":
        yield Option(Scenario("Approve no overtime").set("calendar.overtime_hours", 0.0))
    elif issue.kind == "Expediting":
        fast = situation.snapshot["offers"].filter(pl.col("expedite").fill_null(value=False))
        if fast.height:
            yield Option(Scenario("Approve no expediting").set("offers.maximum", 0.0, expedite=True))


@answer
def sooner(situation: Week, issue: Issue) -> Iterator[Option]:
    """Halve the event of the exception; the gain is the most that may be paid for it."""
    names = list(issue.about.get("event", ()))
    for row in situation.snapshot["events"].filter(pl.col("event").is_in(names)).iter_rows(named=True):
        if row["kind"] == "downtime" and row["hours"] and (days := _later_half(situation, row)):
            name = f"Repair {row['target']} {words.count(days, 'day')} sooner"
            yield Option(Scenario(name).longer(days=-days, event=row["event"]), paid=False)
        elif row["kind"] == "downtime" and row["hours"]:
            half = row["hours"] / 2
            yield Option(
                Scenario(f"Repair {row['target']} {words.count(half, 'hour')} sooner")
                .set("events.hours", half, event=row["event"]), paid=False,
            )  # fmt: skip
        elif row["kind"] == "delay" and (row["days"] or 0) >= 2:
            days = int(row["days"] // 2)
            name = f"Get {row['target']} {words.count(row['days'] - days, 'day')} sooner"
            yield Option(Scenario(name).set("events.days", days, event=row["event"]), paid=False)
        elif row["kind"] == "supply_loss" and (row["factor"] or 0.0) < 1:
            left = ((row["factor"] or 0.0) + 1) / 2
            name = f"Have {row['target']} deliver {words.percent(left)}"
            yield Option(Scenario(name).set("events.factor", left, event=row["event"]), paid=False)


def _later_half(situation: Week, event: dict[str, Any]) -> int:
    """Days to cut from an event's end to drop half of its remaining working days, rounded down; 0 where none can go."""
    today, last = situation.snapshot.as_of, event["to"]
    first = max(event["from"] or today, today)
    if last is None or last <= first:
        return 0
    days = pl.date_range(first, last, eager=True)
    working = days.filter(days.dt.weekday().is_in(situation.snapshot.settings.calendar.working_days))
    return (last - working[-(working.len() // 2) - 1]).days if working.len() > 1 else 0


@answer
def substitute(situation: Week, issue: Issue) -> Iterator[Option]:
    """Offer the item of the same family with the most spare stock, unit for unit; customers have yet to agree."""
    found = best_pair(situation, list(issue.about.get("items", ())))
    if found is not None:
        name = f"Offer {found['other']} in place of {found['description']}"
        scenario = Scenario(name).row("substitutions", item=found["item"], substitute=found["substitute"], ratio=1.0)
        yield Option(scenario, paid=False)


def best_pair(situation: Week, items: list[str]) -> dict[str, str] | None:
    """The missed item with most money, and the item of its family with most stock above its safety stock."""
    missed = situation.item_gaps.filter(pl.col("item").is_in(items))
    taken = situation.snapshot["substitutions"].select("item", "substitute")
    lines, gone = situation.lines, situation.item_gaps["item"]
    sold = lines.filter(pl.col("family") != "").select(substitute="item", family="family", other="description").unique()
    # Stock is spare where it is above safety stock in every period of the horizon.
    spare = (
        situation.stock.group_by("item", "location")
        .agg(spare=(pl.col("stock") - pl.col("safety")).min())
        .group_by(substitute="item")
        .agg(pl.col("spare").sum())
        .filter(pl.col("spare") >= 1.0)
    )
    pairs = (
        missed.select("item", "description", "family", "money")
        .join(sold.join(spare, on="substitute"), on="family")
        .filter(~pl.col("substitute").is_in(gone.implode()))
        .join(taken, on=["item", "substitute"], how="anti")
        .sort(["money", "spare", "substitute"], descending=[True, True, False])
    )
    return pairs.row(0, named=True) if pairs.height else None
