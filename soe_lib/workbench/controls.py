"""Controls of events, demand and capacity: a new kind of change is one class here, and the page finds it by itself."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl

from soe_lib.extract.snapshot import Snapshot
from soe_lib.review import words
from soe_lib.whatif.scenario import Scenario
from soe_lib.workbench.control import (
    Choices,
    Control,
    Field,
    Note,
    Part,
    Said,
    SolverOptions,
    counted,
    demand_rows,
    during,
    family_and_customer,
    nothing,
    number,
    one_of,
    percent,
    pick,
    plain,
    share,
    signed,
    slide,
    some_or_all,
    span,
    text,
    where,
    whose,
    window,
)

JOIN = " & "
"""Joins the labels of a target that must all hold."""
LONGEST_DOWN, LONGEST_DELAY = 28, 42
"""Days that the sliders reach to."""


class Downtime(Control):
    """A line, dock or crew loses the hours of the days that it is down."""

    key, title, group, place = "downtime", "A line is down", "Events", 10

    def fields(self, choices: Choices) -> tuple[Field, ...]:
        return (
            one_of("resource", "Resource", choices.resources, choices.scarcest),
            slide("days", "Days down", 0, min(LONGEST_DOWN, len(choices.days))),
            pick("from", "From", tuple((words.day(day), day) for day in choices.days)),
        )

    def part(self, snapshot: Snapshot, said: Said) -> Part | None:
        days, start, horizon = int(number(said, "days")), said.get("from"), snapshot.periods["starts_on"][0]
        if not days:
            return None
        resource = text(said, "resource") or "nothing"
        first = start if isinstance(start, date) else horizon
        last = first + timedelta(days=days - 1)
        since = f" from {words.day(first)}" if first != horizon else ""
        called = plain(f"{resource} down {words.count(days, 'day')}{since}")
        when = words.day(first) if first == last else f"{words.day(first)} to {words.day(last)}"
        if snapshot["resources"].filter(pl.col("resource") == resource).is_empty():
            return nothing(f"There is no resource {resource!r}.", called)
        if snapshot.periods.filter((pl.col("starts_on") <= last) & (pl.col("ends_on") >= first)).is_empty():
            return nothing(f"{resource} down {when}: these days lie outside the horizon.", called)
        hours = snapshot["calendar"].filter((pl.col("resource") == resource) & (pl.col("hours") > 0))
        # A calendar may be written by day, week or month: only its days tell without the model whether any is hit.
        reached = hours.filter(pl.col("date").is_null() | pl.col("date").is_between(first, last)).height
        crews = snapshot["workforce"].filter((pl.col("resource") == resource) & (pl.col("hours_per_head") > 0))
        if not reached + crews.height:
            return nothing(f"{resource} down {when}: it has no hours on these days.", called)
        event = Scenario("").event(kind="downtime", target=resource, from_=first, to=last)
        return Part(Note(f"{resource} is down {when}.", reached + crews.height), event.edits, called)


class LateReceipt(Control):
    """One receipt is due later."""

    key, title, group, place = "late_receipt", "A receipt is late", "Events", 20

    def fields(self, choices: Choices) -> tuple[Field, ...]:
        rows = choices.snapshot["receipts"].sort("due_on", "receipt").select("receipt", "item", "quantity", "due_on")
        receipts: SolverOptions = tuple(
            (f"{receipt}: {words.number(quantity)} {item}, {words.day(due)}", receipt)
            for receipt, item, quantity, due in rows.iter_rows()
        )
        return (pick("receipt", "Receipt", receipts or (("none there", ""),)), _days_later())

    def part(self, snapshot: Snapshot, said: Said) -> Part | None:
        days, receipt = int(number(said, "days")), text(said, "receipt")
        if not days:
            return None
        called = f"{receipt or 'no receipt'} {words.count(days, 'day')} later"
        rows = snapshot["receipts"].filter(pl.col("receipt") == receipt).height
        return counted(called, Scenario("").event(kind="delay", target=receipt, days=days), {"receipt": rows})


class LateSupplier(Control):
    """Everything that is under way from a supplier, or will be bought there, takes longer."""

    key, title, group, place = "late_supplier", "A supplier is late", "Events", 21

    def fields(self, choices: Choices) -> tuple[Field, ...]:
        return (one_of("supplier", "Supplier", choices.suppliers), _days_later())

    def part(self, snapshot: Snapshot, said: Said) -> Part | None:
        days, supplier = int(number(said, "days")), text(said, "supplier")
        if not days:
            return None
        offers = snapshot["offers"].filter(pl.col("supplier") == supplier)
        receipts = snapshot["receipts"].filter(pl.col("offer").is_in(offers["offer"].unique().implode()))
        touched = {"receipt": receipts.height, "offer": offers.height}
        called = f"{supplier or 'no supplier'} {words.count(days, 'day')} later"
        return counted(called, Scenario("").event(kind="delay", target=supplier, days=days), touched)


class LostSupply(Control):
    """What can be bought of a supplier is cut in some weeks, and what is under way comes short.

    An offer without a maximum has nothing that a part of it could be cut from: only the loss of all of it closes one.
    """

    key, title, group, place = "lost_supply", "A supplier is lost", "Events", 30

    def fields(self, choices: Choices) -> tuple[Field, ...]:
        return (
            one_of("supplier", "Supplier", choices.suppliers),
            slide("lost", "Lost, %", 0, 100, step=5),
            *window(choices),
        )

    def part(self, snapshot: Snapshot, said: Said) -> Part | None:
        lost, supplier = percent(said, "lost"), text(said, "supplier")
        if not lost:
            return None
        first, last = span(snapshot, said)
        offers = snapshot["offers"].filter(pl.col("supplier") == supplier)
        cut = offers if lost == 1 else offers.filter(pl.col("maximum").is_not_null())
        under_way = snapshot["receipts"].filter(
            pl.col("offer").is_in(offers["offer"].unique().implode()) & pl.col("due_on").is_between(first, last)
        )
        made = Scenario("")
        for target in (supplier, *under_way["receipt"].to_list()):
            made = made.event(kind="supply_loss", target=target, from_=first, to=last, factor=round(1 - lost, 6))
        called = f"{supplier or 'no supplier'} delivers {lost:.0%} less{during(snapshot, said)}"
        return counted(called, made, {"offer": cut.height, "receipt": under_way.height})


def _days_later() -> Field:
    return slide("days", "Days later", 0, LONGEST_DELAY)


class Surge(Control):
    """The forecast of some weeks times a factor; orders stay."""

    key, title, group, place = "surge", "Demand surges", "Events", 40

    def fields(self, choices: Choices) -> tuple[Field, ...]:
        return (
            share(least=-100, most=200, step=5),
            *family_and_customer(choices),
            *window(choices, weeks=min(2, len(choices.weeks))),
        )

    def part(self, snapshot: Snapshot, said: Said) -> Part | None:
        change = percent(said, "share")
        if not change:
            return None
        first, last = span(snapshot, said)
        called = f"{whose(said)} {signed(change)}{during(snapshot, said)}"
        rows = demand_rows(snapshot, said, "forecast")
        hit = _surge_targets(snapshot, said, rows) if rows.height else []
        if rows.height and not hit:
            told = f"{words.sentence(called)} Its name stands for something else too: use Demand instead."
            return nothing(told, called)
        made = Scenario("")
        for target in hit:
            made = made.event(kind="surge", target=target, from_=first, to=last, factor=1.0 + change)
        return counted(called, made, {"forecast row": rows.height})


class Demand(Control):
    """The forecast grows or shrinks over the whole horizon; orders are facts and stay, unless they are all there is."""

    key, title, group, place = "demand", "Demand by family and customer", "Demand", 50

    def fields(self, choices: Choices) -> tuple[Field, ...]:
        return (share("share", "Demand, %", -30, 50), *family_and_customer(choices))

    def part(self, snapshot: Snapshot, said: Said) -> Part | None:
        change = percent(said, "share")
        if not change:
            return None
        called = f"{whose(said)} {signed(change)}"
        start = f"{called[:1].upper()}{whose(said)[1:]} {words.percent(change, sign=True)}"
        forecast, orders = demand_rows(snapshot, said, "forecast"), demand_rows(snapshot, said, "orders")
        if forecast.height:
            stay = f"; {words.count(orders.height, 'open order')} stay as they are" if orders.height else ""
            note = f"{start}: {words.count(forecast.height, 'forecast row')}, {_grows(forecast, change)}{stay}."
            return Part(Note(note, forecast.height), _surged(snapshot, said, forecast, change).edits, called)
        if orders.height:
            counts = words.count(orders.height, "order")
            note = f"{start}: no forecast matches, so {counts}, {_grows(orders, change)}."
            return Part(Note(note, orders.height), _scaled_rows(said, orders, "orders", change).edits, called)
        return nothing(f"{start}: no forecast and no order matches.", called)


def _grows(rows: pl.DataFrame, change: float) -> str:
    promised = ", promises in proportion" if (rows["committed"] > 0).any() else ""
    return f"{words.number(float(rows['quantity'].sum()) * change, sign=True)} units{promised}"


def _surged(snapshot: Snapshot, said: Said, rows: pl.DataFrame, change: float) -> Scenario:
    """A surge over the whole horizon: it acts after weeks are split into days, so no line appears or vanishes.

    A surge moves no promises and its target is one word: else the rows themselves are scaled.
    """
    hit = [] if (rows["committed"] > 0).any() else _surge_targets(snapshot, said, rows)
    if not hit:
        return _scaled_rows(said, rows, "forecast", change)
    made = Scenario("")
    for target in hit:
        made = made.event(kind="surge", target=target, factor=1.0 + change)
    return made


def _surge_targets(snapshot: Snapshot, said: Said, rows: pl.DataFrame) -> list[str]:
    """The targets of a surge that hit these rows once each; none where names are ambiguous or hold an " & "."""
    family, customer = text(said, "family"), text(said, "customer")
    named = [label for label in (family, customer) if label]
    hit = [JOIN.join(named)] if named else rows["location"].unique().sort().to_list()
    families = snapshot["items"].select("item", "family")
    columns = snapshot["forecast"].select("item", "location", "customer").join(families, on="item", how="left")
    meant = {"family": [family], "customer": [customer], "location": [] if named else hit}
    for column in ("item", "family", "customer", "location"):
        others = set(named or hit) - set(meant.get(column, []))
        if others & set(columns[column].unique().to_list()):
            return []
    return [] if any(JOIN.strip() in label for label in named or hit) else hit


def _scaled_rows(said: Said, rows: pl.DataFrame, table: str, change: float) -> Scenario:
    """The rows' quantities times a factor; promises keep their share of them."""
    filters = where(said, "family", "customer")
    made = Scenario("").scale(f"{table}.quantity", 1.0 + change, **filters)
    promised = (rows["committed"] > 0).any()
    return made.scale(f"{table}.committed", 1.0 + change, **filters) if promised else made


class Hours(Control):
    """Regular hours, of the calendar and of crews, times a factor; events take their hours from what is left."""

    key, title, group, place = "hours", "Regular hours", "Capacity", 60

    def fields(self, choices: Choices) -> tuple[Field, ...]:
        return (_resource(choices), share("share", "Hours, %", -50, 50))

    def part(self, snapshot: Snapshot, said: Said) -> Part | None:
        change = percent(said, "share")
        if not change:
            return None
        called = f"{text(said, 'resource') or 'all'} hours {signed(change)}"
        return _scaled_hours(snapshot, said, called, 1.0 + change, "hours", "hours_per_head")


class Overtime(Control):
    """The ceiling of overtime times a factor, and what an hour costs above a regular one times another."""

    key, title, group, place = "overtime", "Overtime", "Capacity", 61

    def fields(self, choices: Choices) -> tuple[Field, ...]:
        return (
            _resource(choices),
            share("share", "Hours, %", -100, 100, 5),
            share("premium", "Premium, %", -50, 200, 10),
        )

    def part(self, snapshot: Snapshot, said: Said) -> Part | None:
        change, premium = percent(said, "share"), percent(said, "premium")
        whose, parts = text(said, "resource") or "all", []
        if change:
            called = f"{whose} overtime hours {signed(change)}"
            factor = 1.0 + change
            parts.append(_scaled_hours(snapshot, said, called, factor, "overtime_hours", "overtime_hours_per_head"))
        if premium:
            parts.append(_premium(snapshot, said, premium, f"{whose} overtime premium {signed(premium)}"))
        if not parts:
            return None
        note = Note(" ".join(one.note.text for one in parts), sum(one.note.rows for one in parts))
        return Part(note, tuple(edit for one in parts for edit in one.edits), ", ".join(one.words for one in parts))


class Expediting(Control):
    """No expedited offer may be used; what is already on its way still comes."""

    key, title, group, place = "expediting", "Expediting", "Capacity", 70

    def fields(self, _: Choices) -> tuple[Field, ...]:
        return (Field("allowed", "Expediting allowed", "switch", value=True),)

    def part(self, snapshot: Snapshot, said: Said) -> Part | None:
        if said.get("allowed", True):
            return None
        called, rows = "no expediting", snapshot["offers"].filter(pl.col("expedite")).height
        if not rows:
            return nothing("No expediting: no offer is an expedited one.", called)
        # Closed by their maximum, not dropped: the program keeps its shape, so the answer starts from the last basis.
        closed = Scenario("").set("offers.maximum", 0.0, expedite=True)
        return Part(Note(f"No expediting: {words.count(rows, 'offer')} closed.", rows), closed.edits, called)


def _resource(choices: Choices) -> Field:
    return some_or_all("resource", "Resource", "All resources", choices.resources)


def _scaled_hours(snapshot: Snapshot, said: Said, called: str, factor: float, calendar: str, crew: str) -> Part:
    """The hours of the calendar and of those that come with heads, times a factor."""
    made, counts = Scenario(""), {}
    for table, column, kind in (("calendar", calendar, "calendar row"), ("workforce", crew, "crew")):
        rows = snapshot[table].filter(pl.col(column) > 0)
        rows = rows.filter(pl.col("resource") == text(said, "resource")) if text(said, "resource") else rows
        if rows.height or table == "calendar":
            counts[kind] = rows.height
        if rows.height:
            made = made.scale(f"{table}.{column}", factor, **where(said, "resource"))
    return counted(called, made, counts)


def _premium(snapshot: Snapshot, said: Said, change: float, called: str) -> Part:
    """The premium of an overtime hour over a regular one grows by a share, of one resource or (blank) of all."""
    crews = snapshot["workforce"].filter(pl.col("overtime_hours_per_head") > 0)["resource"]
    working = pl.concat([snapshot["calendar"].filter(pl.col("overtime_hours") > 0)["resource"], crews]).implode()
    regular = pl.col("hourly_cost").fill_null(0.0)
    above = pl.col("overtime_cost").fill_null(regular) - regular
    dear = snapshot["resources"].filter((above != 0) & pl.col("resource").is_in(working))
    dear = dear.filter(pl.col("resource") == text(said, "resource")) if text(said, "resource") else dear
    start = f"Overtime premium {words.percent(change, sign=True)}"
    if dear.is_empty():
        return nothing(f"{start}: no resource has overtime at a premium.", called)
    costs = dear.select("resource", cost=regular + above * (1.0 + change))
    made = Scenario("")
    for cost, names in costs.group_by("cost").agg(pl.col("resource").sort()).sort("cost").iter_rows():
        made = made.set("resources.overtime_cost", cost, resource=names)
    return Part(Note(f"{start}: {words.count(dear.height, 'resource')}.", dear.height), made.edits, called)
