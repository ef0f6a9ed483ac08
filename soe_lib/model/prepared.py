"""Frames that several blocks ask for are made once per network."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from soe_lib.model.network import Network

Preparation = Callable[["Network"], pl.DataFrame]


def prepared(make: Preparation) -> Preparation:
    """Remember the frame that `make` returns for a network, for as long as the network lives."""

    @wraps(make)
    def remembered(network: Network) -> pl.DataFrame:
        return network.kept.get(f"{make.__module__}.{make.__qualname__}", make)

    return remembered
