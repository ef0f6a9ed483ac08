"""Frames that are made when somebody looks, and what an edit does not work out again."""

from __future__ import annotations

import copy
from pathlib import Path

import polars as pl

import soe_lib as soe
from soe_lib.model.cache import Lazily
from soe_lib.model.planning import Model

DEMO = Path(__file__).parents[3] / "data" / "demo"


def test_a_frame_is_made_once_when_it_is_first_asked_for() -> None:
    made: list[str] = []

    def maker(name: str) -> pl.DataFrame:
        made.append(name)
        return pl.DataFrame({"price": [1.0]})

    frames = Lazily({"hours": lambda: maker("hours"), "demand": lambda: maker("demand")})
    assert list(frames) == ["hours", "demand"]
    assert "stock" not in frames
    assert made == []
    assert frames["hours"] is frames["hours"]
    assert made == ["hours"]


def test_what_travels_to_another_process_is_made_first() -> None:
    frames = Lazily({"hours": lambda: pl.DataFrame({"price": [1.0]})})
    there = copy.deepcopy(frames)  # it asks the same of an object as a process that sends it away
    assert there["hours"]["price"].to_list() == [1.0]


def test_a_line_that_is_down_leaves_demand_purchases_and_lanes_alone() -> None:
    snapshot = soe.read(DEMO)
    model = Model(snapshot)
    line = snapshot["resources"]["resource"].sort()[0]
    changed = soe.Scenario("down").event(kind="downtime", target=line, hours=8.0).apply(snapshot)
    near = Model(changed, near=model)
    mine, theirs = near.network.cache.entries, model.network.cache.entries
    # The very same part: not worked out again. Hours are.
    for part in (
        "demand",
        "lanes",
        "receipts",
        "soe_lib.model.blocks.buy.offers",
        "soe_lib.model.blocks.ship._open_lanes",
    ):
        assert mine[part] is theirs[part], part
    assert not mine["hours"].value.equals(theirs["hours"].value)
