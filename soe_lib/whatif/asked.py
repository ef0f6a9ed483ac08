"""What is asked for: an order that nobody has promised yet, checked against the extract, with its place and price."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import polars as pl

from soe_lib.errors import DataError, advice, hint
from soe_lib.model.network import Network

if TYPE_CHECKING:
    from soe_lib.extract.snapshot import Snapshot

WHOLE = 1e-9
"""A quantity is a whole multiple where it is one to this share of a unit."""


@dataclass(frozen=True)
class Ask:
    """An order that somebody asks for.

    Parameters
    ----------
    item, quantity [units], customer, date : what, how much, who, and the day it is wanted.
    location : where it is delivered from; blank: the place is found.
    price : of a unit [money]; None: what the customer pays for it in the extract, else the item's price.
    order : the order's number, where it has one; blank: one is given.
    """

    item: str
    quantity: float
    customer: str
    date: date
    location: str = ""
    price: float | None = None
    order: str = ""

    def __str__(self) -> str:
        return f"{self.quantity:,.10g} of {self.item} for {self.customer} on {self.date}"


NEEDED = ("item", "quantity", "customer", "date")
One = Ask | Mapping[str, Any]
Asked = One | Sequence[One] | pl.DataFrame
"""One order, several, or a frame with a row each."""


def asks(orders: Any) -> list[Ask]:
    """The orders in the order in which they are stated: one, several, or a frame (polars or pandas) with a row each.

    Raises DataError for a column that is missing or not known, and for what is no number or no ISO date.
    """
    if isinstance(orders, Ask | Mapping):
        orders = [orders]
    if hasattr(orders, "iloc"):  # pandas
        orders = pl.DataFrame(orders.to_dict("list"))
    rows: list[One] = list(orders.iter_rows(named=True)) if isinstance(orders, pl.DataFrame) else list(orders)
    if not rows:
        raise DataError("No order is asked for: state item, quantity, customer and date of one at least.")
    return [row if isinstance(row, Ask) else _ask(row, place) for place, row in enumerate(rows, start=1)]


def _ask(row: Mapping[str, Any], place: int) -> Ask:
    names = [one.name for one in fields(Ask)]
    if strange := [name for name in row if name not in names]:
        raise DataError(f"Order {place} has a column {strange[0]!r}. {advice(strange[0], names)}")
    given = {name: value for name, value in row.items() if value is not None and value != ""}
    if lost := [name for name in NEEDED if name not in given]:
        raise DataError(f"Order {place} has no {' and no '.join(lost)}: state {', '.join(NEEDED)}.")
    text = {
        name: str(value).strip() for name, value in given.items() if name in ("item", "customer", "location", "order")
    }
    price = _number(given["price"], f"The price of order {place}") if "price" in given else None
    quantity = _number(given["quantity"], f"The quantity of order {place}")
    return Ask(**text, quantity=quantity, date=_day(given["date"], place), price=price)


def _number(value: Any, what: str) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError) as error:
        raise DataError(f"{what} must be a number, not {value!r}.") from error
    if not math.isfinite(number):
        raise DataError(f"{what} must be a finite number, not {value!r}.")
    return number


def _day(value: Any, place: int) -> date:
    try:
        day = value.date() if isinstance(value, datetime) else value
        return day if isinstance(day, date) else date.fromisoformat(day)
    except (TypeError, ValueError) as error:
        raise DataError(f"The date of order {place} must be an ISO date such as 2026-11-27, not {value!r}.") from error


def checked(ask: Ask, snapshot: Snapshot, taken: Sequence[str] = ()) -> Ask:
    """The order, if the extract knows what it speaks of; with a number of its own where it has none.

    Parameters
    ----------
    taken : numbers that are in use beside those of the extract.

    Raises DataError for an unknown item, customer or place, a number that is in use, a date that is past or beyond the
    horizon, and a quantity that is not above 0 or no whole multiple of the item's `rounding`.
    """
    for name, value in (("item", ask.item), ("customer", ask.customer), ("location", ask.location)):
        known = snapshot[f"{name}s"][name]
        if value and value not in known:
            raise DataError(f"There is no {name} {value!r}. {hint(value, known) or _some(known)}".strip())
    _quantity(ask, snapshot)
    end = snapshot.periods["ends_on"][-1]
    if ask.date < snapshot.as_of:
        raise DataError(f"{ask.date} is past: the extract is of {snapshot.as_of}. Ask for a day from then on.")
    if ask.date > end:
        raise DataError(f"{ask.date} lies beyond the plan, which ends on {end}. Plan more weeks ([horizon] weeks).")
    if ask.price is not None and ask.price < 0:
        raise DataError(f"The price of {ask.item} cannot be {ask.price:g}: state what a unit is sold for.")
    used = {*snapshot["orders"]["order"], *taken}
    if ask.order in used:
        raise DataError(f"Order {ask.order!r} is in the extract, or promised, already: give this one another number.")
    return ask if ask.order else replace(ask, order=_number_of(snapshot.as_of, used))


def _number_of(as_of: date, used: set[str]) -> str:
    count = 1
    whole = {name.partition("/")[0] for name in used}  # one that came in parts has its number before the stroke
    while (name := f"PR-{as_of:%y%m%d}-{count:03d}") in whole:
        count += 1
    return name


def _quantity(ask: Ask, snapshot: Snapshot) -> None:
    if not ask.quantity > 0:
        raise DataError(f"{ask.quantity:g} of {ask.item} is nothing to promise: ask for more than 0.")
    lot = lot_of(snapshot, ask.item)
    if lot and abs(ask.quantity / lot - round(ask.quantity / lot)) * lot > WHOLE * max(1.0, ask.quantity):
        raise DataError(
            f"{ask.item} is counted in multiples of {lot:g}, and {ask.quantity:.10g} is none: ask for "
            f"{math.ceil(ask.quantity / lot) * lot:.10g}, or state its `rounding` in items."
        )


def lot_of(snapshot: Snapshot, item: str) -> float:
    """What whole quantities of an item are multiples of [units]; 0: any quantity will do."""
    found = snapshot["items"].filter(pl.col("item") == item).select(pl.col("rounding").fill_null(1.0)).to_series()
    return float(found[0]) if found.len() else 0.0


def _some(known: pl.Series, most: int = 6) -> str:
    names = known.sort().head(most).to_list()
    return f"There are {', '.join(names)}{' …' if known.len() > most else ''}." if names else "There is none."


def places(ask: Ask, network: Network) -> tuple[tuple[str, ...], str]:
    """Where an order may be delivered from, the place where most is asked for first, and why there.

    The place that is stated; else those where the customer asks for the item; else those where the customer asks for
    anything; else those where anybody asks for the item; else wherever the item can be.

    Raises DataError for a place that does not stock the item, or an item that no place can.
    """
    stocked = sorted(network.nodes.filter(pl.col("item") == ask.item)["location"].cast(pl.String).unique().to_list())
    if ask.location:
        if ask.location not in stocked:
            there = f"It is at {', '.join(stocked)}." if stocked else "No place does."
            raise DataError(f"{ask.location} does not stock {ask.item}. {there}")
        return (ask.location,), "as stated"
    lines = network.demand.select(pl.col("item", "location", "customer").cast(pl.String), "quantity")
    item, customer = pl.col("item") == ask.item, pl.col("customer") == ask.customer
    for rows, why in (
        (lines.filter(item & customer), f"{ask.customer} asks for it there"),
        (lines.filter(customer), f"{ask.customer} is served from there"),
        (lines.filter(item), "it is asked for there"),
    ):
        most = rows.group_by("location").agg(pl.col("quantity").sum()).filter(pl.col("location").is_in(stocked))
        if most.height:
            ranked = most.sort([pl.col("quantity").round(6), "location"], descending=[True, False])
            return tuple(ranked["location"]), why
    if not stocked:
        raise DataError(f"No place stocks {ask.item}: nothing makes, buys, ships or holds it.")
    return tuple(stocked), "it can be there"


def price(ask: Ask, place: str, network: Network) -> tuple[float, str]:
    """Price of a unit [money], and where it is from: stated, what the customer pays at the place, or the item's.

    Of several prices of a customer it is that of the line due next to the day asked for.

    Raises DataError where there is none.
    """
    if ask.price is not None:
        return ask.price, "as stated"
    due = network.snapshot.periods.select(pl.col("period").cast(pl.String).alias("due"), "starts_on")
    asked = [pl.col(name).cast(pl.String) == value for name, value in (("item", ask.item), ("location", place))]
    mine = network.demand.filter(*asked, pl.col("customer").cast(pl.String) == ask.customer, pl.col("price") > 0)
    lines = mine.with_columns(pl.col("due").cast(pl.String)).join(due, on="due")
    if lines.height:
        far = (pl.col("starts_on") - pl.lit(ask.date)).dt.total_days().abs()
        return float(lines.sort(far, "starts_on", "order")["price"][0]), f"what {ask.customer} pays there"
    own = network.snapshot["items"].filter(pl.col("item") == ask.item)["price"][0]
    if not own:
        raise DataError(f"{ask.item} has no price: state what {ask.customer} pays for a unit (--price).")
    return float(own), "the item's price"
