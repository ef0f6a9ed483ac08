"""A block that refers to what is not there says so: what, where, and how to mend it; never a plan that is left as it is."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import soe_lib as soe
from soe_lib.errors import FormulationError
from soe_lib.extract.snapshot import Snapshot
from soe_lib.model.blocks.standard import STANDARD
from soe_lib.model.planning import Model
from soe_lib.model.terms import Constraint, Effect, Flow, Part, Rate
from tests import networks

Brings = Callable[[Any], Any]


class Own(Part):
    """A company's own block, put together by a test."""

    def __init__(self, *, optional: tuple[str, ...] = (), **brings: Brings | Iterable[Any]) -> None:
        self.brings = brings
        self.optional = optional  # type: ignore[misc]

    def _bring(self, what: str, network: Any) -> Any:
        found = self.brings.get(what, ())
        return found(network) if callable(found) else found

    def flows(self, network: Any) -> Any:
        return self._bring("flows", network)

    def constraints(self, network: Any) -> Any:
        return self._bring("constraints", network)

    def effects(self, network: Any) -> Any:
        return self._bring("effects", network)

    def rates(self, network: Any) -> Any:
        return self._bring("rates", network)


@pytest.fixture
def tiny(tmp_path: Path) -> Snapshot:
    """20 of A are made at P at 2 each and shipped to D at 0.5, where 15 of them are sold at 10."""
    return networks.snapshot(
        tmp_path / "tiny",
        periods=networks.weeks(2),
        resources=[{"resource": "L1", "location": "P"}],
        calendar=[{"resource": "L1", "period": "W1", "hours": 20}],
        routings=[{"routing": "make A", "item": "A", "location": "P", "cost_per_unit": 2}],
        operations=[{"routing": "make A", "step": "1", "resource": "L1", "hours_per_unit": 1}],
        lanes=[{"lane": "P-D", "item": "A", "origin": "P", "destination": "D", "cost_per_unit": 0.5}],
        forecast=[{"item": "A", "location": "D", "period": "W1", "quantity": 15, "price": 10}],
    )


def by_period(network: Any) -> pl.DataFrame:
    return network.periods.select("period")  # type: ignore[no-any-return]


MISTAKES: dict[str, tuple[dict[str, Any], str]] = {
    "a flow that nobody brings": ({"rates": [Rate("carbon", "shp", -0.05)]}, "flow 'shp', which no block.*ship"),
    "a constraint that nobody brings": ({"effects": [Effect("make", "hourz", 0.1)]}, "constraint 'hourz'.*hours"),
    "a flow in an effect": ({"effects": [Effect("mak", "hours", 0.1)]}, "flow 'mak'.*make"),
    "a column": ({"rates": [Rate("carbon", "ship", "cost_per_unt")]}, "'cost_per_unt'.*cost_per_unit"),
    "a column of an expression": ({"rates": [Rate("carbon", "ship", -pl.col("kg"))]}, "column 'kg'"),
    "a column of text": ({"rates": [Rate("carbon", "ship", "mode")]}, "rate carbon on ship"),
    "a key in at": ({"effects": [Effect("make", "hours", at={"resorce": "item"})]}, "'resorce'.*resource"),
    "a column in at": ({"effects": [Effect("make", "hours", at={"resource": "linne"})]}, "`at`.*'linne'"),
    "a label that the flow lacks": ({"effects": [Effect("make", "hours")]}, "`at` refers to column 'resource'"),
    "a column in where": ({"rates": [Rate("carbon", "ship", -1, where=pl.col("lne") == "P-D")]}, "'lne'.*lane"),
    "a lane that is not there": (
        {"rates": [Rate("carbon", "ship", -1, where=pl.col("lane").cast(pl.String) == "P-E")]},
        "leaves none of the 2 cells.*P-D",
    ),
    "a join that meets nothing": (
        {"rates": lambda n: [Rate("c", "ship", -1, join=n.table("lanes").select("lane").clear(), using=("lane",))]},
        "`join` leaves none",
    ),
    "a join on uncoded labels": (
        {"effects": [Effect("make", "hours", join=pl.DataFrame({"item": "A", "resource": "L1"}), using=("item",))]},
        "encode",
    ),
    "a join without using": ({"rates": lambda n: [Rate("c", "ship", -1, join=n.items)]}, "`using` does not say"),
    "using without a join": ({"rates": [Rate("c", "ship", -1, using=("lane",))]}, "no table to join"),
    "a kind of money": ({"rates": [Rate("carbon", "ship", -1, kind="stearing")]}, "kind is 'stearing'"),  # type: ignore[arg-type]
    "an account misspelt": ({"rates": [Rate("materail", "ship", -1)]}, "'materail'.*material"),
    "an account in capitals": ({"rates": [Rate("Freight", "ship", -1)]}, "'Freight'.*freight"),
    "no account": ({"rates": [Rate(" ", "ship", -1)]}, "its account is blank"),
    "a place of the ledger": ({"rates": [Rate("c", "ship", -1, at={"place": "origin"})]}, "'place'.*location"),
    "no period to book in": (
        {
            "flows": lambda n: [Flow("green", n.items.select("item"), ("item",), "unit", "green")],
            "rates": [Rate("carbon", "green", -1)],
        },
        "no period to book it in",
    ),
    "a flow that is there": ({"flows": lambda n: [Flow("make", by_period(n), ("period",), "u", "m")]}, "Make.*Own"),
    "a constraint that is there": (
        {"constraints": lambda n: [Constraint("stock", by_period(n), ("period",), "<=", "u", "m")]},
        "'stock' by block Stock",
    ),
    "a sense": (
        {"constraints": lambda n: [Constraint("cap", by_period(n), ("period",), ">=", "u", "m")]},  # type: ignore[arg-type]
        "sense is '>='",
    ),
    "a key of a flow": ({"flows": lambda n: [Flow("green", n.items, ("itm",), "u", "m")]}, "'itm'.*item"),
    "a bound": ({"flows": lambda n: [Flow("g", by_period(n), ("period",), "u", "m", upper="most")]}, "'most'"),
    "a column of whole numbers": (
        {"flows": lambda n: [Flow("g", by_period(n), ("period",), "u", "m", integer="whole")]},
        "'whole'",
    ),
    "a right-hand side": (
        {"constraints": lambda n: [Constraint("cap", by_period(n), ("period",), "<=", "u", "m", rhs="room")]},
        "'room'",
    ),
    "an arrival of what does not travel": ({"effects": [Effect("sell", "stock", after=True)]}, "`after`"),
    "an endless coefficient": ({"effects": [Effect("sell", "stock", float("inf"))]}, "coefficients are infinite"),
    "a lone rate": ({"rates": lambda _: Rate("c", "ship", -1)}, "a lone Rate"),
    "a forgotten yield": ({"rates": lambda _: None}, "returns nothing"),
    "an effect among the rates": ({"rates": [Effect("make", "hours")]}, "must be a Rate"),
    "a table": ({"flows": lambda n: [n.table("laness")]}, "'laness'.*lanes"),
    "a row that the company lacks": ({"effects": [Effect("ship", "storage")]}, "constraint 'storage'"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_in_a_block_is_said(tiny: Snapshot, mistake: str) -> None:
    brings, said = MISTAKES[mistake]
    with pytest.raises(FormulationError, match=said):
        soe.plan(tiny, blocks=[Own(**brings)])


@pytest.mark.parametrize(
    "block", [Own, "carbon", None], ids=["a class instead of a block", "a name instead of a block", "nothing"]
)
def test_what_is_no_block_is_said(tiny: Snapshot, block: Any) -> None:
    with pytest.raises(FormulationError, match="is not a block"):
        Model(tiny, (*STANDARD, block))


def test_a_block_is_planned_by_what_it_says(tiny: Snapshot) -> None:
    """15 sold at 10, made at 2, shipped at 0.5 and 0.05 of carbon: 15 × 7.45."""
    carbon = Own(rates=[Rate("carbon", "ship", -0.05)])
    assert soe.plan(tiny, blocks=[carbon]).objective == pytest.approx(15 * 7.45)
    assert soe.plan(tiny).objective == pytest.approx(15 * 7.5)


def test_a_block_says_what_it_does_without(tiny: Snapshot) -> None:
    """Neither the flow nor the account, nor the lane, nor the row is there, and the block lists them all."""
    block = Own(
        optional=("overtime", "storage", "ship", "Freight"),
        rates=[
            Rate("carbon", "overtime", -1),
            Rate("Freight", "ship", -1, where=pl.col("lane").cast(pl.String) == "P-E"),
        ],
        effects=[Effect("sell", "storage")],
    )
    assert soe.plan(tiny, blocks=[block]).objective == pytest.approx(15 * 7.5)


def test_an_edit_may_take_away_what_a_block_speaks_of(tiny: Snapshot) -> None:
    """The block was checked on the company as it is: a lane that an edit removes is the edit's doing."""
    only = pl.col("lane").cast(pl.String) == "P-D"
    living = soe.Living(tiny, blocks=[Own(rates=[Rate("carbon", "ship", -0.05, where=only)])])
    lanes = tiny["lanes"].clear()
    without = replace(tiny, tables={**tiny.tables, "lanes": lanes})
    assert living.plan(without).objective == pytest.approx(0.0)


@pytest.mark.parametrize("missing", ["resources", "lanes", "offers"])
def test_the_standard_blocks_do_without_what_a_company_has_not(tmp_path: Path, missing: str) -> None:
    tables: dict[str, Any] = {
        "periods": networks.weeks(2),
        "resources": [{"resource": "L1", "location": "P"}],
        "calendar": [{"resource": "L1", "period": "W1", "hours": 20}],
        "routings": [{"routing": "make A", "item": "A", "location": "P", "maximum": 5}],
        "operations": [{"routing": "make A", "step": "1", "resource": "L1", "hours_per_unit": 1, "setup_hours": 1}],
        "lanes": [{"lane": "P-D", "item": "A", "origin": "P", "destination": "D", "cost_per_unit": 0.5}],
        "offers": [{"offer": "o", "item": "A", "location": "P", "unit_cost": 3, "order_cost": 2, "maximum": 9}],
        "forecast": [{"item": "A", "location": "D", "period": "W1", "quantity": 15, "price": 10}],
    }
    dependent = {"resources": ("resources", "calendar", "operations"), "lanes": ("lanes",)}.get(missing, (missing,))
    kept = {name: rows for name, rows in tables.items() if name not in dependent}
    assert soe.plan(networks.snapshot(tmp_path / missing, **kept)).objective >= 0.0
