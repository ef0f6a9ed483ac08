"""Promise: by when an order can be there, what it earns, who gives way, and whether stock or new plans carry it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import numpy as np
import polars as pl

from soe_lib.display import html
from soe_lib.errors import DataError, SolveError
from soe_lib.extract.snapshot import Snapshot, expected
from soe_lib.model.living import Living
from soe_lib.model.record import HERE, Recorded
from soe_lib.review import words
from soe_lib.review.measures.of_plans import gain
from soe_lib.store.plan import Plan
from soe_lib.store.promised import keep
from soe_lib.store.tables import Store
from soe_lib.whatif.asked import Ask, Asked, asks, checked, lot_of, places, price
from soe_lib.whatif.available import available_to_promise
from soe_lib.whatif.giving_way import foreseen, given_way, waiting
from soe_lib.whatif.promising import CLOSE, IMPOSSIBLE, Day, Search, Standing, row_of, taken

ATP, CTP = "ATP", "CTP"
CENT = 0.005


@dataclass(frozen=True, eq=False, repr=False)
class Promise:
    """What can be promised of one order, and what that earns.

    Parameters
    ----------
    ask : the order, with its number, place and price. unit : of its quantities. currency : of the money.
    place_why, price_why : why it is delivered from there, and where its price is from.
    possible : date, possible (most that can be there by then, one day after the other), available (of it from stock,
        receipts and runs of the plan that nobody was promised: ATP) [units].
    earliest : the first day on which all of it can be there; None: not within the horizon.
    deliveries : date, quantity [units] of what is promised: all of it on the earliest day, or in parts; empty where
        nothing is.
    rests_on : "ATP" where stock, receipts and runs of the plan carry it, "CTP" where the plan has to change.
    total, margin, goodwill, shortage, other : what the plan with the promise is worth more than without it [money].
    foreseen : units of it that the forecast had foreseen, and that were planned for.
    gives_way : customer, item, location, quantity, later [units of forecast served less, later], money (lost with it).
    waits : order, customer, item, location, quantity [most units behind at a time], days (longest wait), never [units],
        money; empty unless orders may be displaced.
    plan : the plan with the promise, certified; without one where nothing is promised. before : the plan without it.
    """

    ask: Ask
    unit: str
    currency: str
    place_why: str
    price_why: str
    possible: pl.DataFrame
    earliest: date | None
    deliveries: pl.DataFrame
    rests_on: str
    total: float
    margin: float
    goodwill: float
    shortage: float
    other: float
    foreseen: float
    gives_way: pl.DataFrame
    waits: pl.DataFrame
    plan: Plan
    before: Plan

    @property
    def promised(self) -> bool:
        """Whether anything is promised."""
        return not self.deliveries.is_empty()

    @property
    def verdict(self) -> str:
        """The answer in a sentence."""
        ask, unit = self.ask, self.unit or "units"
        if not self.promised:
            most = float(self.possible["possible"][-1])
            return f"{ask}: not within the plan; at most {_units(most)} {unit} by {self.possible['date'][-1]}."
        told = words.listing([f"{_units(n)} {unit} on {day}" for day, n in self.deliveries.rows()], limit=12)
        money = words.money(abs(self.margin), self.currency, cents=True)
        money = f"{'earns' if self.margin > -CENT else 'costs'} {money} of margin"
        if abs(self.total - self.margin) >= CENT:
            money += f", {words.money(self.total, self.currency, sign=True, cents=True)} with steering"
        carried = {ATP: "from stock, receipts and runs that nobody was promised (ATP)", CTP: "by planning again (CTP)"}
        return f"{ask}: {told}, {carried[self.rests_on]}; it {money}."

    def text(self) -> str:
        """The answer with its parts, for a terminal."""
        return "\n".join([self.verdict, *(f"  {line}" for line in self._told())])

    @property
    def terms(self) -> list[str]:
        """Where it is delivered from, its price, the parts of its gain, and what the forecast had foreseen of it."""
        ask = self.ask
        lines = [
            f"{ask.order}, from {ask.location} ({self.place_why}), at {self.currency} {ask.price:,.2f} a unit "
            f"({self.price_why})"
        ]
        names = {"margin": "margin", "goodwill": "goodwill", "shortage": "expected shortage", "other": "other steering"}
        parts = [
            f"{words.money(getattr(self, name), self.currency, sign=True, cents=True)} of {said}"
            for name, said in names.items()
            if abs(getattr(self, name)) >= CENT
        ]
        lines += [f"gain: {words.listing(parts, limit=len(parts))}"] if parts else []
        if self.foreseen > 0:
            lines.append(f"{_units(self.foreseen)} {self.unit or 'units'} of it were in the forecast, and planned for")
        return lines

    def _told(self) -> list[str]:
        unit, place = self.unit or "units", self.ask.date
        there = [f"by {day}: {_units(n)} {unit} ({_units(atp)} of it ATP)" for day, n, atp in self.possible.rows()]
        given = [
            f"forecast gives way: {row['item']} for {row['customer'] or 'anybody'} at {row['location']}, "
            + " and ".join(
                f"{_units(row[column])} {what}"
                for column, what in (("quantity", "not served"), ("later", "later"))
                if row[column] > 0
            )
            + f": {words.money(row['money'], self.currency, cents=True)}"
            for row in self.gives_way.iter_rows(named=True)
        ]
        waits = [
            f"waits: {row['order']} of {row['customer']}, {_units(row['quantity'])} of {row['item']}"
            + (f", {row['days']} days" if row["days"] else "")
            + (f", {_units(row['never'])} never" if row["never"] > 0 else "")
            + f", {words.money(row['money'], self.currency, cents=True)}"
            for row in self.waits.iter_rows(named=True)
        ]
        return [*self.terms, *(there if self.earliest != place else []), *given, *waits]

    def as_dict(self) -> dict[str, Any]:
        """The answer for a program: JSON takes it."""
        money = {name: getattr(self, name) for name in ("total", "margin", "goodwill", "shortage", "other")}
        tables = {name: getattr(self, name).to_dicts() for name in ("deliveries", "possible", "gives_way", "waits")}
        return {
            **self.ask.__dict__, "unit": self.unit, "currency": self.currency, "earliest": self.earliest,
            "rests_on": self.rests_on, "place_why": self.place_why, "price_why": self.price_why, **money,
            "foreseen": self.foreseen, **tables, "verdict": self.verdict,
        }  # fmt: skip

    def __repr__(self) -> str:
        return self.text()

    def _repr_html_(self) -> str:
        return html(self.verdict, self.possible)


def _units(quantity: float) -> str:
    return f"{quantity:,.10g}" if abs(quantity) < 1 else f"{round(quantity, 2):,.10g}"


def promise(
    source: Living | Snapshot,
    orders: Asked,
    *,
    displace: bool = False,
    parts: bool = False,
    together: bool = False,
    record: Recorded = "find",
) -> tuple[Promise, ...]:
    """By when orders can be there, and what they earn: ATP from the plan as it is, CTP by planning again.

    What the plan serves orders with stays: none is served later, or less. Forecast may give way. Several orders are
    answered one after the other as they are stated, and each holds what those before it took.

    Formula: earliest = the first day by which all of it can be served while Σ served up to each period of every other
    order is what the plan serves; total = (margin + steering with the promise) − (the same without it).

    Parameters
    ----------
    source : a living model, which answers in a moment, or this week's snapshot.
    orders : item, quantity [units], customer, date, and where wanted location, price [money/unit], order (its number):
        a mapping, a list of them, or a frame with a row each.
    displace : other orders may wait; the answer says which, how long, and what that costs.
    parts : promise what can be there day after day, rather than all of it on the earliest day.
    together : of several orders none is first, and each is there as a whole: least Σ quantity × days late.
    record : as for `soe.plan`, with a snapshot.

    Raises DataError for an item, customer or place that the extract does not have (with the nearest), a place that does
    not stock the item, a date that is past or beyond the plan, a quantity that is not above 0 or not whole, or an item
    without price.

    Examples
    --------
    >>> wanted = {"item": "tea", "quantity": 20.0, "customer": "shop", "date": "2026-01-20"}
    >>> answer, = soe.whatif.promise(soe.Living(small), wanted)
    >>> answer.earliest, answer.rests_on
    (datetime.date(2026, 1, 23), 'ATP')
    """
    living = source if isinstance(source, Living) else Living(expected(source, "soe.whatif.promise"), record=record)
    standing, stated = Standing.of(living, kept=not displace), _stated(asks(orders), living.home.snapshot)
    searched = _together(standing, stated) if together else (None,) * len(stated)
    answers: list[Promise] = []
    for ask, found in zip(stated, searched, strict=True):
        answer, standing = _taken(standing, found or _searched(standing, ask), parts=parts and not together)
        answers.append(answer)
    return tuple(answers)


def keep_promises(promises: Sequence[Promise], *, store: Store = HERE) -> int:
    """Keep promises beside the plan history: the next plan honours them (`soe.store.as_promised`); how many deliveries.

    Raises DataError where nothing was promised, or an order is promised already: then none is kept.

    Examples
    --------
    >>> wanted = {"item": "tea", "quantity": 20.0, "customer": "shop", "date": "2026-01-20"}
    >>> soe.whatif.keep_promises(soe.whatif.promise(small, wanted), store=store)
    1
    """
    if nothing := [one for one in promises if not one.promised]:
        raise DataError(f"Nothing was promised of {nothing[0].ask}, so nothing is kept. Leave it out, or ask for less.")
    rows = [
        {
            "company": one.before.company, "as_of": one.before.as_of, "order": one.ask.order, "delivery": name,
            "item": one.ask.item, "location": one.ask.location, "customer": one.ask.customer,
            "asked_on": one.ask.date, "promised_on": on, "quantity": quantity, "price": one.ask.price,
            "rests_on": one.rests_on, "margin": one.margin, "currency": one.currency,
        }
        for one in promises
        for name, (on, quantity) in zip(
            _names(one.ask, one.deliveries.height), one.deliveries.iter_rows(), strict=True
        )
    ]  # fmt: skip
    keep(store, pl.DataFrame(rows, schema_overrides={"asked_on": pl.Date, "promised_on": pl.Date}))
    return len(rows)


def _names(ask: Ask, deliveries: int) -> list[str]:
    """The order's number, or that of each of its deliveries."""
    return [ask.order] if deliveries == 1 else [f"{ask.order}/{n}" for n in range(1, deliveries + 1)]


def _stated(given: Sequence[Ask], snapshot: Snapshot) -> list[Ask]:
    """The orders, all of them checked before any is answered."""
    numbers = [ask.order for ask in given if ask.order]
    if twice := sorted({one for one in numbers if numbers.count(one) > 1}):
        raise DataError(f"Order {twice[0]!r} is asked for twice: give each a number of its own.")
    found: list[Ask] = []
    for ask in given:
        found.append(checked(ask, snapshot, [*numbers, *(one.order for one in found)] if not ask.order else ()))
    return found


@dataclass(frozen=True)
class _Delivery:
    """A quantity that is there on a day, the order's day number `at`."""

    day: Day
    at: int
    quantity: float


@dataclass(frozen=True, eq=False)
class _Found:
    """What a search found of an order at a place.

    Parameters
    ----------
    most : most by each day up to the first by which all of it can be there. earliest : its number; None: there is none.
    """

    ask: Ask
    why: str
    price_why: str
    search: Search
    most: tuple[float, ...]
    earliest: int | None

    @property
    def days(self) -> list[Day]:
        """The days that could be promised."""
        return self.search.days[self.ask.order]

    @property
    def on(self) -> date | None:
        """The first day by which all of it can be there."""
        return None if self.earliest is None else self.days[self.earliest].on

    def __str__(self) -> str:
        return f"{self.ask.location} {'not within the plan' if self.on is None else f'on {self.on}'}"


def _placed(standing: Standing, ask: Ask) -> list[tuple[Ask, str, str]]:
    """The order at each place that may deliver it, with its price there; why there, and whose price."""
    network = standing.model.network
    where, why = places(ask, network)
    priced = [(place, *price(ask, place, network)) for place in where]
    return [(replace(ask, location=place, price=each), why, whose) for place, each, whose in priced]


def _searched(standing: Standing, ask: Ask) -> _Found:
    """The order at the first place that has all of it on the day asked for; else at the place that has it first."""
    found: list[_Found] = []
    placed = _placed(standing, ask)
    for one, why, whose in placed:
        search = Search(standing, [one], found[-1].search.model if found else None)
        most = search.by_day(one)
        earliest = len(most) - 1 if most[-1] >= one.quantity * (1.0 - CLOSE) else None
        found.append(_Found(one, why, whose, search, tuple(most), earliest))
        if earliest == 0:
            break
    best = min(found, key=_rank)
    if len(placed) == 1:
        return best
    if best.earliest == 0 and len(found) == 1:
        return replace(best, why=f"{best.why}, the most of {words.count(len(placed), 'place')}")
    others = words.listing([str(one) for one in found if one is not best], limit=3)
    return replace(best, why=f"{best.why}; of {words.count(len(placed), 'place')} it has it first, {others}")


def _rank(found: _Found) -> tuple[float, ...]:
    """Which place comes first: the one that has all of it first, else the most of it on the day, and at the end."""
    never = float(len(found.days))
    return (never if found.earliest is None else found.earliest, -round(found.most[0], 6), -round(found.most[-1], 6))


def _taken(standing: Standing, found: _Found, *, parts: bool = False) -> tuple[Promise, Standing]:
    """The answer to what was found, and what the next order is asked of."""
    for days in _offers(found, standing.snapshot, parts=parts):
        try:
            after = taken(standing, _rows(found.ask, days), found.search.model)
        except SolveError as error:
            if error.status not in IMPOSSIBLE:
                raise
            continue  # what a forecast has committed may stand against the very day: the next one
        return _told(standing, after, found, days), after
    return _told(standing, standing, found, []), standing


def _offers(found: _Found, snapshot: Snapshot, *, parts: bool) -> list[list[_Delivery]]:
    """What could be promised, the best first."""
    ask = found.ask
    if parts:
        terms = snapshot["customers"].row(by_predicate=pl.col("customer") == ask.customer, named=True)
        split = _split(found, lot_of(snapshot, ask.item), terms["most_deliveries"] or len(found.most))
        if terms["in_full"] and sum(one.quantity for one in split) < ask.quantity * (1.0 - CLOSE):
            return []
        return [split] if split else []
    if found.earliest is None:
        return []
    return [[_Delivery(found.days[at], at, ask.quantity)] for at in range(found.earliest, len(found.days))]


def _split(found: _Found, lot: float, most: int) -> list[_Delivery]:
    """All that can be there day after day, in whole lots, and in no more deliveries than so many."""
    asked = [at for at, units in enumerate(found.most) if not np.isnan(units)]
    asked = asked if len(asked) <= most else [*asked[: most - 1], asked[-1]]
    so_far = np.minimum(np.cumsum(found.search.parts(found.ask, asked)), found.ask.quantity)
    whole = np.floor(so_far / lot + CLOSE) * lot if lot else so_far
    each = np.diff(np.concatenate([[0.0], whole]))
    return [
        _Delivery(found.days[at], at, float(n))
        for at, n in zip(asked, each, strict=True)
        if n > CLOSE * found.ask.quantity
    ]


def _rows(ask: Ask, days: Sequence[_Delivery]) -> list[dict[str, object]]:
    """The deliveries as orders of the extract that are committed to."""
    return [
        row_of(ask, one.day.on, one.day.on, one.quantity, one.quantity, name)
        for name, one in zip(_names(ask, len(days)), days, strict=True)
    ]


def _told(standing: Standing, after: Standing, found: _Found, days: Sequence[_Delivery]) -> Promise:
    snapshot, ask = standing.snapshot, found.ask
    free = np.maximum(available_to_promise(standing.plan, ask.item, ask.location), 0.0)
    asked = [at for at, most in enumerate(found.most) if not np.isnan(most)]
    most = np.array([found.most[at] for at in asked])
    by_day = np.minimum(free[[found.days[at].index for at in asked]], most)
    on = pl.Series("date", [found.days[at].on for at in asked], pl.Date)
    so_far = np.cumsum([one.quantity for one in days])
    carried = all(n <= free[one.day.index] * (1.0 + CLOSE) + CLOSE for n, one in zip(so_far, days, strict=True))
    earliest = found.on if found.on is None or len(days) != 1 else max(found.on, days[0].day.on)
    return Promise(
        ask=ask, unit=snapshot["items"].filter(pl.col("item") == ask.item)["unit"][0] or "",
        currency=snapshot.currency, place_why=found.why, price_why=found.price_why,
        possible=pl.DataFrame([on, pl.Series("possible", most), pl.Series("available", by_day)]), earliest=earliest,
        deliveries=pl.DataFrame(
            [(one.day.on, one.quantity) for one in days], {"date": pl.Date, "quantity": pl.Float64}, orient="row"
        ),
        rests_on=ATP if carried else CTP, **gain(after.plan, standing.plan),
        foreseen=foreseen(after.plan, standing.plan), gives_way=given_way(after.plan, standing.plan),
        waits=waiting(after.plan, standing.plan, {str(row["order"]) for row in _rows(ask, days)}),
        plan=after.plan, before=standing.plan,
    )  # fmt: skip


def _together(standing: Standing, stated: Sequence[Ask]) -> list[_Found]:
    """The orders asked for at once, each at its first place, on the days where Σ quantity × days late is least."""
    placed = [_placed(standing, ask)[0] for ask in stated]
    search = Search(standing, [one for one, _, _ in placed])
    days = search.together()
    return [_Found(one, why, whose, search, tuple(search.by_day(one)), days[one.order]) for one, why, whose in placed]
