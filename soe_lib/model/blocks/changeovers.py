"""Change-overs: a line is set up for one family at a time, and what changing takes depends on from which to which."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import polars as pl

from soe_lib.errors import DataError
from soe_lib.model.blocks import lots
from soe_lib.model.cache import prepared
from soe_lib.model.setup_families import PAIR, changes, operations, states
from soe_lib.model.terms import Constraint, Effect, Flow, Part, Rate

if TYPE_CHECKING:
    from soe_lib.model.network import Network

STATE = ("resource", "setup_family", "period")
ARC = ("resource", *PAIR, "period")
RUNS = {"make": ("routing", "resource", "period"), "run": ("routing", "step", "resource", "period")}
"""Flow → the keys of its rows here: where the step has alternatives, `run` is what a line does."""
TO, FROM, NEXT = {"setup_family": "to_family"}, {"setup_family": "from_family"}, {"period": "of"}


class Changeovers(Part):
    """A line runs a family only while it is set up for it, and changes from one family to another for hours and money.

    Within a period a line goes through its families one after the other, each change at most once, and begins with what
    the period before ended with, so a campaign spans periods. It may come back to a family within a period.

    Brings flows `change_over` (resource, from_family, to_family, period) in {0, 1}, `run_family` (resource,
    setup_family, period) in {0, 1}: the family runs there, `end_in` (as run_family): the line ends the period set up
    for the family; and rows `set_up_state`: end_in(t) = end_in(t−1) + Σ changes to it − Σ changes from it,
    `family_set_up`: run_family <= end_in(t−1) + Σ changes to it, and `family_most` (`family_most_on` for steps with
    alternatives): make <= ceiling × run_family. On lines of three states and more, `lead_to` (as change_over) counts
    the families that are reached through a change: rows `in_sequence`: run_family + Σ lead_to from it <= Σ lead_to to
    it + families × end_in(t−1), and `led`: lead_to <= families × change_over, so that no circle of changes is apart
    from the line's sequence. Takes `hours` of the line; books −cost − hourly_cost × hours per change to "changeover".

    Source: Haase, Capacitated lot-sizing with sequence dependent setup costs, OR Spektrum 18 (1996) 51–59; Gupta &
    Magnusson, Computers & Operations Research 32 (2005) 727–747; the commodity flow against apart circles: Guimarães,
    Klabjan & Almada-Lobo, European Journal of Operational Research 239 (2014) 644–662.

    Examples
    --------
    >>> lines = soe.Scenario("colours").set("operations.setup_family", "brown", routing="coffee")
    >>> lines = lines.set("operations.setup_family", "green", routing="tea")
    >>> lines = lines.row("changeovers", from_family="green", to_family="brown", hours=10.0)
    >>> lines = lines.row("changeovers", from_family="brown", to_family="green", hours=10.0)
    >>> soe.plan(lines.apply(small)).flows["change_over"]["quantity"].sum()  # the first set-up, and one a week
    3.0
    """

    optional = ("run", "undisturbed", "carry", "carry_on")

    def flows(self, network: Network) -> Iterator[Flow]:
        """change_over, end_in, run_family, lead_to."""
        if (arcs := arcs_of(network)).is_empty():
            return
        yield Flow(
            "change_over", arcs, ARC, "yes or no", "a line changes from one family to another in the period",
            upper=1.0, integer=True,
        )  # fmt: skip
        cells = cells_of(network)
        yield Flow("end_in", cells, STATE, "yes or no", "the line ends the period set up for the family", upper=1.0)
        running = cells.filter("runs")
        meaning = "the line runs the family in the period"
        yield Flow("run_family", running, STATE, "yes or no", meaning, upper=1.0, integer=True)
        if not (led := arcs.filter("led")).is_empty():
            yield Flow(
                "lead_to", led, ARC, "family", "families that are run after a change, in the period", upper="size"
            )

    def constraints(self, network: Network) -> Iterator[Constraint]:
        """set_up_state, family_set_up, in_sequence, led, family_most, family_most_on."""
        if (cells := cells_of(network)).is_empty():
            return
        begun, all_begun = pl.col("begun"), pl.col("begun") * pl.col("size")
        meaning = "a line is set up for what it last changed to"
        yield Constraint("set_up_state", cells, STATE, "==", "set-up", meaning, rhs=begun, linked=True)
        meaning = "a family runs where the line is set up for it"
        yield Constraint("family_set_up", cells.filter("runs"), STATE, "<=", "set-up", meaning, rhs=begun, linked=True)
        if not (led := cells.filter("led")).is_empty():
            meaning = "a line's changes follow one another"
            yield Constraint("in_sequence", led, STATE, "<=", "family", meaning, rhs=all_begun, linked=True)
            arcs = arcs_of(network).filter("led").select(ARC)
            meaning = "only a change leads from one family to another"
            yield Constraint("led", arcs, ARC, "<=", "family", meaning, linked=True)
        for flow, keys in RUNS.items():
            if not (rows := gated(network, flow)).is_empty():
                meaning = f"nothing to {flow} where the line is not set up for its family"
                yield Constraint(_most(flow), rows, keys, "<=", "unit", meaning, ceiling=True)

    def effects(self, network: Network) -> Iterator[Effect]:
        """Of the changes and states on each other and on hours; of make, run and run_family on what may run."""
        if (cells := cells_of(network)).is_empty():
            return
        yield Effect("change_over", "hours", "hours")
        following = network.periods.select("period", of=pl.col("period").shift(-1)).drop_nulls()
        yield Effect("end_in", "set_up_state")
        note = "−1 in the next period"
        yield Effect("end_in", "set_up_state", -1.0, at=NEXT, join=following, using=("period",), note=note)
        yield Effect("change_over", "set_up_state", -1.0, at=TO, note="−1 where it leads")
        yield Effect("change_over", "set_up_state", at=FROM, note="+1 where it comes from")
        yield Effect("run_family", "family_set_up")
        yield Effect("change_over", "family_set_up", -1.0, at=TO, note="−1 where it leads")
        later = cells.filter("runs").select(STATE).join(following, on="period")
        yield Effect("end_in", "family_set_up", -1.0, at=NEXT, join=later, using=STATE, note=note)
        if not (led := cells.filter("led")).is_empty():
            yield Effect("run_family", "in_sequence", where=pl.col("led"))
            yield Effect("lead_to", "in_sequence", at=FROM, note="+1 where it comes from")
            yield Effect("lead_to", "in_sequence", -1.0, at=TO, note="−1 where it leads")
            later = led.select(STATE).join(following, on="period")
            note = "−size in the next period"
            yield Effect("end_in", "in_sequence", -pl.col("size"), at=NEXT, join=later, using=STATE, note=note)
            yield Effect("lead_to", "led")
            yield Effect("change_over", "led", -pl.col("size"), where=pl.col("led"))
        for flow in RUNS:
            if not (rows := gated(network, flow)).is_empty():
                yield from _held(flow, rows)

    def rates(self, network: Network) -> Iterator[Rate]:
        """Changeover."""
        if not arcs_of(network).is_empty():
            cost = -(pl.col("cost") + pl.col("hours") * pl.col("hourly_cost"))
            yield Rate("changeover", "change_over", cost, note="−cost − hourly_cost × hours")


def _most(flow: str) -> str:
    return "family_most" if flow == "make" else "family_most_on"


def _held(flow: str, rows: pl.DataFrame) -> Iterator[Effect]:
    keys = RUNS[flow]
    own = tuple(key for key in keys if key != "resource") if flow == "make" else keys
    yield Effect(flow, _most(flow), join=rows.select(keys), using=own)
    table = rows.select(*keys, "setup_family", "ceiling")
    yield Effect("run_family", _most(flow), -pl.col("ceiling"), join=table, using=STATE)


@prepared
def cells_of(network: Network) -> pl.DataFrame:
    """STATE, runs, size, led, begun (1 in the first period of what the line is set up for when it starts)."""
    rows = states(network).with_columns(led=pl.len().over("resource") > 2)
    first = (pl.col("period") == network.first) & pl.col("opening")
    return rows.join(network.periods.select("period"), how="cross").with_columns(begun=first.cast(pl.Float64))


@prepared
def arcs_of(network: Network) -> pl.DataFrame:
    """ARC, hours, cost, hourly_cost, location, size, led: the changes of each line in each period."""
    costs = network.table("resources").select("resource", "location", pl.col("hourly_cost").fill_null(0.0))
    sizes = states(network).group_by("resource").agg(pl.col("size").first(), led=pl.len() > 2)
    rows = changes(network).join(costs, on="resource").join(sizes, on="resource")
    return rows.join(network.periods.select("period"), how="cross")


def gated(network: Network, flow: str) -> pl.DataFrame:
    """The keys of a run on a line that changes over, its setup_family and ceiling; raises DataError without one."""
    return network.cache.get(f"of families: {flow}", lambda here: _gated(here, flow))


def _gated(network: Network, flow: str) -> pl.DataFrame:
    terms = lots.runs(network) if flow == "make" else lots.alternatives(network)
    keys = [key for key in RUNS[flow] if key in terms.columns]
    forked = lots.alternatives(network).select("routing", "step", "resource").unique()
    of = operations(network).join(forked, on=["routing", "step", "resource"], how="anti" if flow == "make" else "semi")
    one = [name for name in ("routing", "step", "resource") if name in RUNS[flow]]
    if (twice := of.unique([*one, "setup_family"]).filter(pl.len().over(one) > 1)).height:
        raise DataError(
            f"{twice.height} operations of one routing on one line have different families, first "
            f"{twice['routing'][0]!r} on {twice['resource'][0]!r}: give them one setup_family."
        )
    found = terms.select(*keys, "ceiling").join(
        of.select(*one, "setup_family").unique(), on=[k for k in keys if k in one]
    )
    if (open_ended := found.filter(pl.col("ceiling").is_null())).height:
        raise DataError(
            f"{open_ended.height} runs of {open_ended['routing'][0]!r} and others belong to families that lines change "
            "over to, but nothing bounds them: give a maximum, or hours on a resource."
        )
    return found
