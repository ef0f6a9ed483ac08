"""How many tiers a cushion has: eight, four in a large network, and never another number after an edit."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

import soe_lib as soe
from soe_lib.model.network import Network
from soe_lib.model.risk import tiers
from soe_lib.model.risk.cells import CELL

DEMO = Path(__file__).resolve().parents[3] / "data" / "demo"


@pytest.fixture(scope="module")
def snapshot() -> soe.Snapshot:
    return soe.read(DEMO, as_of="2026-11-16")


def at_no_stock(steps: pl.DataFrame) -> pl.DataFrame:
    """What is expected to be lost where there is no stock at all, by node and period [money]."""
    return steps.group_by(CELL).agg(lost=(pl.col("price") * pl.col("width")).sum()).sort(CELL)


def test_four_tiers_cost_what_eight_do_where_there_is_no_stock(
    snapshot: soe.Snapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    eight = tiers.steps(Network(snapshot))
    monkeypatch.setattr(tiers, "LARGE", 100)
    network = Network(snapshot)
    four = tiers.steps(network)
    assert eight["tier"].cast(pl.String).max() == "008"
    assert four["tier"].cast(pl.String).max() == "004"
    assert tiers.padded(network).group_by(CELL).len()["len"].unique().to_list() == [4]
    both = at_no_stock(eight).join(at_no_stock(four), on=CELL, how="full", coalesce=True)
    assert both["lost"].to_list() == pytest.approx(both["lost_right"].to_list())


def test_an_edit_across_the_limit_changes_no_tier(snapshot: soe.Snapshot, monkeypatch: pytest.MonkeyPatch) -> None:
    base = Network(snapshot)
    assert tiers.most(base) == 8
    monkeypatch.setattr(tiers, "LARGE", 100)
    more = soe.Scenario("more").scale("forecast.quantity", 1.1).apply(snapshot)
    near = Network(more, near=base)
    assert tiers.most(near) == 8
    assert tiers.padded(near)["tier"].cast(pl.String).max() == "008"
    assert tiers.most(Network(more)) == 4
