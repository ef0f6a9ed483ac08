"""A living solver answers as a cold one does: the same objective, and not a unit moved, edit after edit."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import soe_lib as soe
from soe_lib.demo import generate
from soe_lib.errors import DataError, SolveError
from soe_lib.model.living import Living
from soe_lib.model.planning import Model
from soe_lib.store.plan import Plan
from soe_lib.whatif.scenario import Scenario

SHORT, LONG = 8, 200
Draw = np.random.Generator


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> soe.Snapshot:
    """A small company of the demo's kind: days and weeks, bills of material, late containers, a line down."""
    folder = tmp_path_factory.mktemp("company")
    generate(folder, 1, 6, 7, plants=1, lines=2, warehouses=2)
    return soe.read(folder)


@pytest.fixture(scope="module")
def alive(company: soe.Snapshot) -> Living:
    """One living solver, which all edits go through, one after the other."""
    return Living(company)


def one_of(draw: Draw, snapshot: soe.Snapshot, table: str, column: str) -> str:
    labels = snapshot[table][column].drop_nulls().unique().sort()
    return str(labels.filter(labels != "")[int(draw.integers(labels.filter(labels != "").len()))])


def week(draw: Draw, snapshot: soe.Snapshot) -> str:
    weeks = snapshot.periods["week"].unique().sort()
    return str(weeks[int(draw.integers(1, weeks.len() - 1))])


KINDS: tuple[Callable[[Scenario, Draw, soe.Snapshot], Scenario], ...] = (
    lambda s, d, t: s.scale("forecast.quantity", d.uniform(0.6, 1.6), customer=one_of(d, t, "forecast", "customer")),
    lambda s, d, t: s.scale("forecast.quantity", d.uniform(0.5, 2.0), item=one_of(d, t, "forecast", "item")),
    lambda s, d, t: s.scale("forecast.price", d.uniform(0.7, 1.3), item=one_of(d, t, "forecast", "item"))
    if t["forecast"]["price"].null_count() < t["forecast"].height
    else s.scale("items.price", d.uniform(0.7, 1.3), item=one_of(d, t, "forecast", "item")),
    lambda s, d, t: s.event(
        kind="downtime", target=one_of(d, t, "operations", "resource"), period=week(d, t), hours=float(d.integers(4, 90))
    ),
    lambda s, d, t: s.scale("calendar.hours", d.uniform(0.0, 1.4), resource=one_of(d, t, "operations", "resource")),
    lambda s, d, t: s.delay("receipts", days=int(d.integers(1, 25)), item=one_of(d, t, "receipts", "item")),
    lambda s, d, t: s.scale("offers.unit_cost", d.uniform(0.5, 2.5), item=one_of(d, t, "offers", "item")),
    lambda s, d, t: s.delay("offers", days=int(d.integers(1, 9)), supplier=one_of(d, t, "offers", "supplier")),
    lambda s, d, t: s.drop("offers", offer=one_of(d, t, "offers", "offer")),
    lambda s, d, t: s.scale("inventory.on_hand", d.uniform(0.0, 2.0), item=one_of(d, t, "inventory", "item")),
    lambda s, d, t: s.scale("customers.short_cost", d.uniform(0.0, 3.0), customer=one_of(d, t, "forecast", "customer")),
    lambda s, d, _: s.scale("items.end_value", d.uniform(0.3, 1.0)),
    lambda s, d, t: s.scale("operations.hours_per_unit", d.uniform(0.6, 1.5), resource=one_of(d, t, "operations", "resource")),
    lambda s, d, _: s.set("settings.costs.capital_rate", float(d.uniform(0.0, 0.01))),
)  # fmt: skip


def edit(snapshot: soe.Snapshot, seed: int) -> Scenario:
    """One to three random edits together; one that makes no extract is left out."""
    draw = np.random.default_rng(seed)
    scenario = Scenario(f"edit {seed}")
    many = int(draw.integers(1, 4))
    for kind in draw.permutation(len(KINDS)):
        if len(scenario.edits) == many:
            break
        try:
            more = KINDS[kind](scenario, draw, snapshot)
            more.apply(snapshot)
        except DataError:
            continue
        scenario = more
    return scenario


def moved(one: Plan, other: Plan) -> float:
    """The largest number of units by which a cell of one plan differs from the same cell of another."""
    assert one.flows.keys() == other.flows.keys()
    worst = 0.0
    for flow, frame in one.flows.items():
        assert frame.drop("quantity").equals(other.flows[flow].drop("quantity")), flow
        worst = max(worst, float((frame["quantity"] - other.flows[flow]["quantity"]).abs().max() or 0.0))  # type: ignore[arg-type]
    return worst


@pytest.mark.parametrize(
    "seed", [*range(SHORT), *(pytest.param(n, marks=pytest.mark.slow) for n in range(SHORT, LONG))]
)
def test_an_edit_is_answered_as_by_a_cold_solve(company: soe.Snapshot, alive: Living, seed: int) -> None:
    scenario = edit(company, seed)
    assert scenario.edits, "every seed must change something"
    changed = scenario.apply(company)
    try:
        cold = soe.plan(changed)
    except SolveError as error:
        with pytest.raises(SolveError, match=error.status):
            alive.plan(changed)
        return
    found = alive.plan(changed)
    assert found.objective == pytest.approx(cold.objective, rel=1e-9), scenario
    assert moved(found, cold) < 1e-6, scenario
    assert found.margin == pytest.approx(cold.margin, rel=1e-9), scenario
    assert found.fingerprint == cold.fingerprint


@pytest.mark.slow
def test_the_edits_are_of_many_kinds(company: soe.Snapshot) -> None:
    """Else the 200 would say little."""
    said = {f"{one.action} {one.path} {one.column}" for seed in range(60) for one in edit(company, seed).edits}
    assert len(said) >= len(KINDS) - 1, said


@pytest.mark.parametrize("seed", [*range(20), *(pytest.param(n, marks=pytest.mark.slow) for n in range(20, LONG))])
def test_what_is_taken_over_makes_the_very_same_program(company: soe.Snapshot, alive: Living, seed: int) -> None:
    """A model made near another one, bit for bit against one made from nothing; and near that one again, undone."""
    changed = edit(company, seed).apply(company)
    fresh = Model(changed)
    near = Model(changed, near=alive.home)
    same_program(near, fresh)
    same_program(Model(company, near=near), alive.home)


def same_program(one: Model, other: Model) -> None:
    mine, theirs = one.program, other.program
    assert (mine.columns, mine.rows, mine.equalities) == (theirs.columns, theirs.rows, theirs.equalities)
    for part in ("money", "rhs", "lower", "upper", "integer"):
        assert np.array_equal(getattr(mine, part), getattr(theirs, part)), part
    for part in ("data", "indices", "indptr"):
        assert np.array_equal(getattr(mine.matrix, part), getattr(theirs.matrix, part)), part
    for name, flow in one.flows.items():
        assert flow.named.equals(other.flows[name].named, null_equal=True), name
    assert one.rate_frames.keys() == other.rate_frames.keys()
    for name, frame in one.rate_frames.items():
        assert frame.equals(other.rate_frames[name]), name


def test_only_what_an_edit_reaches_is_made_anew(company: soe.Snapshot, alive: Living) -> None:
    """Hours of a line: nothing of what is bought, shipped, stocked or sold; the same figure again: nothing at all."""
    line = str(company["operations"]["resource"].sort()[0])
    near = Model(Scenario("").scale("calendar.hours", 0.5, resource=line).apply(company), near=alive.home)
    for name in ("buy", "ship", "stock", "sell", "short", "make"):
        assert near.flows[name] is alive.home.flows[name], name
    assert near.constraints["hours"] is not alive.home.constraints["hours"]
    level = Model(Scenario("").scale("calendar.hours", 1.0, resource=line).apply(company), near=alive.home)
    assert level.constraints["hours"] is alive.home.constraints["hours"]
