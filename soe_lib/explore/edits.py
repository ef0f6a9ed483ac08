"""From a Trial to a Scenario of recorded edits, with what each touches; an edit that matches nothing says so."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from operator import and_

import polars as pl

from soe_lib.explore.part import Note, Part, nothing
from soe_lib.explore.trial import Trial
from soe_lib.extract.snapshot import Snapshot
from soe_lib.review import words
from soe_lib.whatif.edits import Edit
from soe_lib.whatif.scenario import Scenario

JOIN = " & "
"""Joins the labels of a target that must all hold."""


def recorded(snapshot: Snapshot, trial: Trial) -> tuple[Scenario, tuple[Note, ...]]:
    """The trial as a scenario, to be planned, compared or saved, and a note for each control that was turned."""
    controls: list[tuple[bool, Callable[[Snapshot, Trial], Part]]] = [
        (trial.outage, outage),
        (bool(trial.demand), demand),
        (bool(trial.overtime_premium), overtime),
        (not trial.expediting, expediting),
    ]
    parts = [part(snapshot, trial) for turned, part in controls if turned]
    edits = [edit for part in parts for edit in part.edits]
    return Scenario(trial.name).record(*edits), tuple(part.note for part in parts)


def applied(snapshot: Snapshot, scenario: Scenario, *, checked: bool) -> Snapshot:
    """The snapshot as the scenario makes it; raises DataError where an edit or its result breaks the contract.

    Edits that controls make cannot break it: their kinds and ranges are chosen here, and a test holds them to it.
    Checking every rule again would take a quarter of the time of an answer, so they go unchecked.
    """
    if checked:
        return scenario.apply(snapshot)
    for number, edit in enumerate(scenario.edits, start=1):
        snapshot = edit.apply(snapshot, number)
    return snapshot


def told(snapshot: Snapshot, scenario: Scenario) -> tuple[Note, ...]:
    """A note for each edit of any scenario; raises DataError where one touches nothing."""
    rows = scenario.touched(snapshot).group_by("edit", "what").agg(pl.len().alias("rows")).sort("edit")
    return tuple(
        Note(f"{words.sentence(what).rstrip('.')}: {words.count(number, 'row')}.", number)
        for what, number in rows.select("what", "rows").iter_rows()
    )


def outage(snapshot: Snapshot, trial: Trial) -> Part:
    """The resource loses the hours of the days it is down."""
    first, last = trial.days_down(snapshot.periods["starts_on"][0])
    when = words.day(first) if first == last else f"{words.day(first)} to {words.day(last)}"
    known = snapshot["resources"].filter(pl.col("resource") == trial.resource)
    if known.is_empty():
        return nothing(f"There is no resource {trial.resource!r}.")
    hit = snapshot.periods.filter((pl.col("starts_on") <= last) & (pl.col("ends_on") >= first))
    if hit.is_empty():
        return nothing(f"{trial.resource} down {when}: these days lie outside the horizon.")
    hours = snapshot["calendar"].filter((pl.col("resource") == trial.resource) & (pl.col("hours") > 0))
    # A calendar may be written by day, week or month: only its days tell without the model whether any is hit.
    reached = hours.filter(pl.col("date").is_null() | pl.col("date").is_between(first, last)).height
    crews = snapshot["workforce"].filter((pl.col("resource") == trial.resource) & (pl.col("hours_per_head") > 0))
    if not reached + crews.height:
        return nothing(f"{trial.resource} down {when}: it has no hours on these days.")
    event = Scenario("").event(kind="downtime", target=trial.resource, from_=first, to=last)
    return Part(Note(f"{trial.resource} is down {when}.", reached + crews.height), event.edits)


def demand(snapshot: Snapshot, trial: Trial) -> Part:
    """The forecast grows or shrinks; orders are facts and stay, unless orders are all there is."""
    change = f"{trial.whose[:1].upper()}{trial.whose[1:]} {words.percent(trial.demand, sign=True)}"
    forecast, orders = asked(snapshot, trial, "forecast"), asked(snapshot, trial, "orders")
    if version := snapshot.settings.forecast.version:
        forecast = forecast.filter(pl.col("version") == version)
    if forecast.height:
        stay = f"; {words.count(orders.height, 'open order')} stay as they are" if orders.height else ""
        units = f"{_units(forecast, trial)}{_promised(forecast)}"
        text = f"{change}: {words.count(forecast.height, 'forecast row')}, {units}{stay}."
        return Part(Note(text, forecast.height), _surged(snapshot, trial, forecast))
    if orders.height:
        units = f"{_units(orders, trial)}{_promised(orders)}"
        text = f"{change}: no forecast matches, so {words.count(orders.height, 'order')}, {units}."
        return Part(Note(text, orders.height), _scaled(trial, orders, "orders"))
    return nothing(f"{change}: no forecast and no order matches.")


def overtime(snapshot: Snapshot, trial: Trial) -> Part:
    """What an overtime hour costs above a regular one is multiplied, of all resources; the ceilings stay."""
    return premium(snapshot, trial.overtime_premium)


def premium(snapshot: Snapshot, share: float, resource: str = "", called: str = "") -> Part:
    """The premium of an overtime hour over a regular one grows by a share, of one resource or (blank) of all."""
    change = words.percent(share, sign=True)
    crews = snapshot["workforce"].filter(pl.col("overtime_hours_per_head") > 0)["resource"]
    working = pl.concat([snapshot["calendar"].filter(pl.col("overtime_hours") > 0)["resource"], crews]).implode()
    regular = pl.col("hourly_cost").fill_null(0.0)
    above = pl.col("overtime_cost").fill_null(regular) - regular
    dear = snapshot["resources"].filter((above != 0) & pl.col("resource").is_in(working))
    dear = dear.filter(pl.col("resource") == resource) if resource else dear
    if dear.is_empty():
        return nothing(f"Overtime premium {change}: no resource has overtime at a premium.", called)
    costs = dear.select("resource", cost=regular + above * (1.0 + share))
    made = Scenario("")
    for cost, names in costs.group_by("cost").agg(pl.col("resource").sort()).sort("cost").iter_rows():
        made = made.set("resources.overtime_cost", cost, resource=names)
    return Part(
        Note(f"Overtime premium {change}: {words.count(dear.height, 'resource')}.", dear.height), made.edits, called
    )


def expediting(snapshot: Snapshot, trial: Trial) -> Part:  # noqa: ARG001
    """No expedited offer may be used; what is already on its way still comes."""
    rows = snapshot["offers"].filter(pl.col("expedite")).height
    if not rows:
        return nothing("No expediting: no offer is an expedited one.")
    # Closed by their maximum and not dropped: the program keeps its shape, so the answer starts from the last basis.
    closed = Scenario("").set("offers.maximum", 0.0, expedite=True)
    return Part(Note(f"No expediting: {words.count(rows, 'offer')} closed.", rows), closed.edits)


def _units(rows: pl.DataFrame, trial: Trial) -> str:
    return f"{words.number(float(rows['quantity'].sum()) * trial.demand, sign=True)} units"


def _promised(rows: pl.DataFrame) -> str:
    return ", promises in proportion" if (rows["committed"] > 0).any() else ""


def asked(snapshot: Snapshot, trial: Trial, table: str) -> pl.DataFrame:
    """The demand rows of a table that a trial is about."""
    conditions = [pl.col("quantity") != 0]
    if trial.customer:
        conditions.append(pl.col("customer") == trial.customer)
    if trial.family:
        mine = snapshot["items"].filter(pl.col("family") == trial.family)["item"]
        conditions.append(pl.col("item").is_in(mine.implode()))
    return snapshot[table].filter(reduce(and_, conditions))


def _surged(snapshot: Snapshot, trial: Trial, rows: pl.DataFrame) -> tuple[Edit, ...]:
    """A surge over the whole horizon: it acts after weeks are split into days, so no line appears or vanishes.

    A surge moves no promises and its target is one word: else the rows themselves are scaled.
    """
    hit = [] if (rows["committed"] > 0).any() else targets(snapshot, trial, rows)
    if not hit:
        return _scaled(trial, rows, "forecast")
    made = Scenario("")
    for target in hit:
        made = made.event(kind="surge", target=target, factor=1.0 + trial.demand)
    return made.edits


def targets(snapshot: Snapshot, trial: Trial, rows: pl.DataFrame) -> list[str]:
    """The targets of a surge that hit these rows once each; none where names are ambiguous or hold an " & "."""
    named = [label for label in (trial.family, trial.customer) if label]
    hit = [JOIN.join(named)] if named else rows["location"].unique().sort().to_list()
    families = snapshot["items"].select("item", "family")
    columns = snapshot["forecast"].select("item", "location", "customer").join(families, on="item", how="left")
    meant = {"family": [trial.family], "customer": [trial.customer], "location": [] if named else hit}
    for column in ("item", "family", "customer", "location"):
        others = set(named or hit) - set(meant.get(column, []))
        if others & set(columns[column].unique().to_list()):
            return []
    return [] if any(JOIN.strip() in label for label in named or hit) else hit


def _scaled(trial: Trial, rows: pl.DataFrame, table: str) -> tuple[Edit, ...]:
    """The rows' quantities times a factor; promises keep their share of them."""
    factor, where = 1.0 + trial.demand, _where(trial)
    made = Scenario("").scale(f"{table}.quantity", factor, **where)
    promised = (rows["committed"] > 0).any()
    return (made.scale(f"{table}.committed", factor, **where) if promised else made).edits


def _where(trial: Trial) -> dict[str, str]:
    return {name: label for name, label in (("family", trial.family), ("customer", trial.customer)) if label}
