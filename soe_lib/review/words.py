"""Plain-language wording of computed figures: the same figures always give the same words."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import date
from itertools import pairwise
from typing import Any

MINUS = "−"
HARD_SPACE = "\u00a0"
WEEK = re.compile(r"^(\d{4})-W(\d{2})$")
MONTH = re.compile(r"^(\d{4})-(\d{2})$")
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
UNKNOWN = "not known"
COMPACT = 10_000.0


def number(value: float | None, *, decimals: int = 0, sign: bool = False) -> str:
    """A number with thousands separators and a true minus sign; "not known" where there is none.

    A value that rounds to zero is written without a sign, so that "−0" never appears.
    """
    if value is None or value != value:
        return UNKNOWN
    rounded = round(float(value), decimals)
    lead = MINUS if rounded < 0 else "+" if sign and rounded > 0 else ""
    return f"{lead}{abs(rounded):,.{decimals}f}"


def percent(share: float | None, *, decimals: int = 0, sign: bool = False) -> str:
    """A share (0.25) as a percentage ("25 %")."""
    if share is None or share != share:
        return UNKNOWN
    return f"{number(100 * share, decimals=decimals, sign=sign)}{HARD_SPACE}%"


def money(amount: float | None, currency: str, *, sign: bool = False, cents: bool = False) -> str:
    """Money with its currency and thousands separators: "EUR 12,350"; whole units unless cents are asked
    for.
    """
    if amount is None or amount != amount:
        return UNKNOWN
    figure = number(amount, decimals=2 if cents else 0, sign=sign)
    return f"{currency}{HARD_SPACE}{figure}" if currency else figure


def proof(told: Mapping[str, Any], currency: str) -> str:
    """How far a plan is proven: "proven optimal", or "proven to within 0.77 % (EUR 1,234) in 120 s".

    Parameters
    ----------
    told : status, objective, bound, gap, seconds of its solution.
    """
    status, gap, bound = str(told.get("status", "unknown")), told.get("gap"), told.get("bound")
    if status != "feasible" or gap is None or bound is None:
        return "proven optimal" if status == "optimal" else status
    share = f"{100.0 * gap:,.2f}{HARD_SPACE}%"
    short = money(float(bound) - float(told.get("objective", bound)), currency)
    took = told.get("seconds")
    return f"proven to within {share} ({short})" + ("" if took is None else f" in {took:,.0f}{HARD_SPACE}s")


def brief_money(amount: float | None, currency: str, *, sign: bool = False) -> str:
    """Money for a headline, three digits kept: "EUR 1.24 million", "EUR 86 thousand", "EUR 4,210"."""
    if amount is None or amount != amount:
        return UNKNOWN
    figure = brief_number(amount, sign=sign)
    return f"{currency}{HARD_SPACE}{figure}" if currency else figure


def brief_number(value: float, *, sign: bool = False) -> str:
    """A large number for a headline: "1.24 million", "86 thousand", "4,210"."""
    size = abs(value)
    if round(size) < COMPACT:
        return number(value, sign=sign)
    if size < 999_500:
        return f"{number(value / 1e3, sign=sign)}{HARD_SPACE}thousand"
    scale, name = (1e6, "million") if size < 999_500_000 else (1e9, "billion")
    decimals = 2 if size / scale < 10 else 1 if size / scale < 100 else 0
    return f"{number(value / scale, decimals=decimals, sign=sign)}{HARD_SPACE}{name}"


def count(quantity: float, noun: str, plural: str = "") -> str:
    """A counted noun: "1 order", "3 orders", "no orders"."""
    many = plural or plural_of(noun)
    if round(quantity) == 0:
        return f"no {many}"
    return f"{number(quantity)} {noun if round(quantity) == 1 else many}"


def plural_of(noun: str) -> str:
    """The plural of a regular English noun: order → orders, box → boxes, delivery → deliveries."""
    if re.search(r"(s|x|z|ch|sh)$", noun):
        return f"{noun}es"
    return f"{noun[:-1]}ies" if re.search(r"[^aeiou]y$", noun) else f"{noun}s"


def listing(names: Iterable[str], *, limit: int = 3) -> str:
    """Names as a reader says them: "A", "A and B", "A, B and 4 more"; each once, in the order given."""
    kept = list(dict.fromkeys(str(name) for name in names))
    if not kept:
        return "none"
    left_out = len(kept) - limit if len(kept) > limit else 0
    shown = kept[: len(kept) - left_out]
    if left_out:
        return f"{', '.join(shown)} and {left_out:,} more"
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"


def day(when: date | None) -> str:
    """A date as a meeting says it: "Tue 17 Nov"."""
    return UNKNOWN if when is None else f"{DAYS[when.weekday()]} {when.day} {MONTHS[when.month - 1]}"


def full_day(when: date | None) -> str:
    """A date with its year: "17 Nov 2026"."""
    return UNKNOWN if when is None else f"{when.day} {MONTHS[when.month - 1]} {when.year}"


def period_name(period: str) -> str:
    """A period as a reader says it: "week 48", "Tue 17 Nov", "Nov 2026"; any other name as it stands."""
    if period == "beyond":
        return "after the horizon"
    if found := WEEK.match(period):
        return f"week {int(found[2])}"
    if (found := MONTH.match(period)) and 1 <= int(found[2]) <= 12:
        return f"{MONTHS[int(found[2]) - 1]} {found[1]}"
    try:
        return day(date.fromisoformat(period))
    except ValueError:
        return period


def periods(names: Iterable[str], *, limit: int = 4) -> str:
    """Several periods as a reader says them: "weeks 47 to 49", "weeks 47, 49 and 51"; other names one by one."""
    kept = list(dict.fromkeys(names))
    found = [WEEK.match(name) for name in kept]
    if len(kept) < 2 or not all(found):
        return listing(map(period_name, kept), limit=limit)
    mondays = [date.fromisocalendar(int(week[1]), int(week[2]), 1) for week in found if week]
    numbers = [str(int(week[2])) for week in found if week]
    if len(kept) > 2 and all((after - before).days == 7 for before, after in pairwise(mondays)):
        return f"weeks {numbers[0]} to {numbers[-1]}"
    return f"weeks {listing(numbers, limit=limit)}"


def month_name(month: str) -> str:
    """A fiscal month as a reader says it: "2026-11" → "Nov 2026"."""
    return period_name(month)


def sentence(text: str) -> str:
    """Text with a capital at its start and a full stop at its end."""
    clean = text.strip()
    if not clean:
        return ""
    return f"{clean[0].upper()}{clean[1:]}{'' if clean[-1] in '.!?' else '.'}"


def versus(value: float, base: float, *, above: str = "above", below: str = "below") -> str:
    """How far a value lies from its base: "6 % above", "12 % below", "level with"; without a base, in
    units.
    """
    gap = value - base
    if base == 0:
        return "level with" if gap == 0 else f"{number(abs(gap))} {above if gap > 0 else below}"
    share = gap / abs(base)
    return "level with" if round(100 * share) == 0 else f"{percent(abs(share))} {above if gap > 0 else below}"


def anchor(title: str) -> str:
    """The id that a heading gets on a page: "Line load" → "Line-load" (as Jupyter writes it)."""
    return re.sub(r"\s+", "-", title.strip())
