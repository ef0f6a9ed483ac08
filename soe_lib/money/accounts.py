"""Accounts in finance's words and finance's order."""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl

ACCOUNTS = (
    "revenue",
    "material",
    "conversion",
    "overtime",
    "changeover",
    "freight",
    "expediting",
    "holding",
    "penalties",
    "write-offs",
    "fixed",
    "workforce",
    "stock change",
    "opening stock",
    "end value",
    "handed on",
    "goodwill",
    "expected shortage",
    "below safety",
    "nervousness",
    "fence breaks",
    "disruption",
)
"""The accounts known by name; others follow in alphabetical order, after the last cash account."""

KINDS = ("cash", "inventory", "steering")
"""cash: earned or spent. inventory: value of what is left at the end. steering: moves plans, is no money."""

STEERING = {"goodwill": "Goodwill", "shortage": "Expected shortage", "other": "Other steering"}
"""What steering is told apart by, wherever it is shown: goodwill of whoever is let down; what is expected to be late,
lost or expedited because stock is low; and the rest (below safety stock, prices of a change). The three add up."""

MARGIN_KINDS = ("cash", "inventory")
"""margin = cash + inventory."""


def in_order(accounts: Iterable[str]) -> list[str]:
    """The accounts given, each once, in finance's order.

    Formula: the known ones as in ACCOUNTS; unknown ones by name, after the last cash account.
    """
    named = set(accounts)
    cut = ACCOUNTS.index("stock change")
    cash, rest = ACCOUNTS[:cut], ACCOUNTS[cut:]
    unknown = sorted(named - set(ACCOUNTS))
    return [account for account in (*cash, *unknown, *rest) if account in named]


def rank(accounts: pl.Series) -> pl.Series:
    """The place of each account in finance's order, to sort by; shape as given."""
    places = {account: place for place, account in enumerate(in_order(accounts.unique().to_list()))}
    return accounts.replace_strict(places, default=None, return_dtype=pl.Int64) if places else accounts.cast(pl.Int64)
