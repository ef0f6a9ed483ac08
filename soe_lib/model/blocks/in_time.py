"""In time: rows that say what the switches already imply, so that whole numbers are proven in seconds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from soe_lib.model.assemble import LEAD
from soe_lib.model.blocks import buy, make, ship
from soe_lib.model.blocks.carry_over import CarryOver
from soe_lib.model.blocks.changeovers import gated
from soe_lib.model.blocks.lots import ALTERNATIVES, ORDERS, RUNNING, RUNS, Lots
from soe_lib.model.cache import prepared
from soe_lib.model.ceilings import FORKED, carried_over, operations
from soe_lib.model.demand import served
from soe_lib.model.setup_families import states
from soe_lib.model.terms import Constraint, Effect, Part

if TYPE_CHECKING:
    from soe_lib.model.network import Network


REACH = 6
"""Dues that a window spans at most. Longer windows hold little that shorter ones do not (measured: the relaxation of
30 periods and lots of up to 4 periods is the same to 0.01 % with 4 as with 30), and cost the solver time."""

FAMILIES = Lots(
    "family", "make", ("resource", "setup_family"), "change_over", "", lambda network: gated(network, "make")
)
"""What a line is set up for, as these rows read it: a change to a family is its set-up, and every one carries over."""

WINDOW = ("item", "of", "last")
LEAD_OF = {key: (key, *LEAD) for key in ("routing", "offer")}


def _index(column: str) -> pl.Expr:
    return pl.col(column).to_physical().cast(pl.Int64)


def windows(network: Network, late: bool) -> pl.DataFrame:
    """item, of, last, and their indexes start and end: the windows that end with a due period of a lot's item."""
    return network.cache.get(f"windows {late}", lambda here: _windows(here, late))


def _windows(network: Network, late: bool) -> pl.DataFrame:
    dues = _dues(network).select("item", "due").unique().sort("item", "due")
    ends = dues.select("item", pl.col("due").alias("end"), pl.int_range(pl.len()).over("item").alias("rank"))
    starts = network.periods.select(pl.col("index").cast(pl.Int64).alias("start"))
    # A window that starts after the due period of rank r ends no further than that of rank r + REACH.
    ranked = starts.join(ends, how="cross").filter(pl.col("end") >= pl.col("start"))
    within = ranked.filter(pl.col("rank") - pl.col("rank").min().over("item", "start") < REACH)
    if late:
        delayed = _dues(network).filter(pl.col("latest") > pl.col("due")).select("item").unique()
        within = within.filter(pl.col("end") > pl.col("start")).join(delayed, on="item", how="semi")
    return within.select("item", _label(network, "start", "of"), _label(network, "end", "last"), "start", "end")


def _label(network: Network, index: str, name: str) -> pl.Expr:
    names = dict(enumerate(network.snapshot.periods["period"]))
    return pl.col(index).replace_strict(names, return_dtype=network.domains["period"]).alias(name)


@prepared
def _dues(network: Network) -> pl.DataFrame:
    """item, due, latest (indexes), quantity: demand of items that come from a set-up or an order."""
    sources = [cells.select("item") for cells in _gates(network).values()]
    beside = make.co_products(network).select(pl.col("component").alias("item")).unique()
    wanted = pl.concat(sources).unique().join(beside, on="item", how="anti")
    keys = ["item", "location", "customer", "order", "due"]
    lines = served(network).group_by(keys).agg(_index("period").max().alias("latest"), pl.col("quantity").first())
    return (
        lines.filter(pl.col("quantity") > 0)
        .join(wanted, on="item", how="semi")
        .group_by("item", _index("due").alias("due"), "latest")
        .agg(pl.col("quantity").sum())
    )


# -- what is sold, and what was there -----------------------------------------------------------------------------


def sales(network: Network, late: bool) -> pl.DataFrame:
    """item, due, period, of, last: sales that a window counts."""
    cells = served(network).select("item", "due", "period").unique()
    counted = cells.filter(pl.lit(late) | (pl.col("due") == pl.col("period")))
    inside = (_index("due") >= pl.col("start")) & (_index("period") <= pl.col("end"))
    return counted.join(windows(network, late), on="item").filter(inside).select("item", "due", "period", "of", "last")


def before(network: Network, late: bool) -> pl.DataFrame:
    """item, period, of, last: the period whose closing stock a window opens with."""
    earlier = network.periods.select("period", (pl.col("index").cast(pl.Int64) + 1).alias("start"))
    return windows(network, late).join(earlier, on="start").select("item", "period", "of", "last")


def opening(network: Network, late: bool) -> pl.DataFrame:
    """item, of, last: the windows that open with the opening stock."""
    return windows(network, late).filter(pl.col("start") == 0).select(WINDOW)


def receipts(network: Network, late: bool) -> pl.DataFrame:
    """item, period, of, last: the periods of a window."""
    spans = windows(network, late).join(network.periods.select("period"), how="cross")
    inside = (_index("period") >= pl.col("start")) & (_index("period") <= pl.col("end"))
    return spans.filter(inside).select("item", "period", "of", "last")


# -- what arrives ----------------------------------------------------------------------------------------------------


def arriving(network: Network, flow: str, late: bool) -> pl.DataFrame:
    """keys, period, of, last, part: what a unit without a switch adds to a window, when it was not there before it."""
    if flow == "ship":  # on the way when the window starts; what also leaves within it was there already
        keys, cells = ["lane", "item", "period"], ship.lanes(network).with_columns(pl.lit(1.0).alias("yield"))
        outside = _index("period") < pl.col("start")
    else:
        lots, all_cells = (RUNS, make.routings(network)) if flow == "make" else (ORDERS, buy.offers(network))
        keys = list(lots.cell)
        gated = [gate.select(keys).unique() for gate in _gates(network).values() if set(keys) <= set(gate.columns)]
        cells = all_cells.join(pl.concat(gated), on=keys, how="anti") if gated else all_cells
        cells = cells.with_columns(pl.lit(1.0).alias("yield")) if flow == "buy" else cells
        outside = pl.lit(value=True)
    spans = windows(network, late)
    coming = cells.join(spans.select("item").unique(), on="item", how="semi")
    arrived = coming.join(network.arrivals(coming.select(LEAD).unique()), on=[*LEAD], nulls_equal=True)
    inside = (_index("arrival") >= pl.col("start")) & (_index("arrival") <= pl.col("end"))
    found = arrived.join(spans, on="item").filter(inside & outside)
    columns = list(dict.fromkeys([*keys, "of", "last"]))
    return found.group_by(columns).agg((pl.col("share") * pl.col("yield")).sum().alias("part"))


# -- what is switched ------------------------------------------------------------------------------------------------


def switched(network: Network, lots: Lots, late: bool) -> pl.DataFrame:
    """keys, period, of, last, most: of each window, the demand that what a switch brings can serve at most."""
    return _met(network, lots, late).select(*lots.cell, *_of_item(lots), "of", "last", "most")


def _of_item(lots: Lots) -> tuple[str, ...]:
    """A family is of several items, which each have a row of their own; the other switches know their item."""
    return ("item",) if lots is FAMILIES else ()


def _met(network: Network, lots: Lots, late: bool) -> pl.DataFrame:
    return network.cache.get(f"in time {lots!r} {late}", lambda here: _switched(here, lots, late))


def _switched(network: Network, lots: Lots, late: bool) -> pl.DataFrame:
    gates = _gates(network)[lots.name].join(windows(network, late), on="item")
    inside = (pl.col("arrives_last") >= pl.col("start")) & (pl.col("arrives") <= pl.col("end"))
    met = gates.filter(inside).with_columns(pl.max_horizontal("start", "arrives").alias("at"))
    return met.join(_reachable(network, late), on=[*WINDOW, "at"])


def carried(network: Network, lots: Lots, late: bool) -> pl.DataFrame:
    """keys, period, of, last, most: the same for a set-up that comes from the period before a window's first start."""
    met = _met(network, lots, late)
    cells = met.select(*lots.keys, *WINDOW, "most", _index("period").alias("index"))
    again = cells.select(*lots.keys, *WINDOW, pl.col("index") + 1)
    first = cells.join(again, on=[*lots.keys, *WINDOW, "index"], how="anti").filter(pl.col("index") > 0)
    earlier = first.with_columns(pl.col("index") - 1).with_columns(_label(network, "index", "period"))
    return earlier.select(*lots.cell, *_of_item(lots), "of", "last", "most")


def _reachable(network: Network, late: bool) -> pl.DataFrame:
    """item, of, last, at, most: demand of the window that goods which arrive in period `at` can serve."""
    return network.cache.get(f"reachable {late}", lambda here: _find_reachable(here, late))


def _find_reachable(network: Network, late: bool) -> pl.DataFrame:
    inside = (pl.col("due") >= pl.col("start")) & (pl.col("due") <= pl.col("end"))
    asked = windows(network, late).join(_dues(network), on="item").filter(inside)
    # Goods serve what is due when they arrive or later; with late sales, whatever may still be served then.
    until = pl.min_horizontal("latest", "end") if late else pl.col("due")
    each = asked.with_columns(pl.int_ranges("start", until + 1).alias("at")).explode("at")
    return each.group_by(*WINDOW, "at").agg(pl.col("quantity").sum().alias("most"))


def _gates(network: Network) -> dict[str, pl.DataFrame]:
    """Name of the lots → keys, period, item, arrives, arrives_last of the switches without which nothing comes.

    A routing is switched by its own set-ups; else by those of a step all of whose alternatives are set up; else by
    whether it runs.
    """
    return network.cache.get("gates", _made_gates)


def _made_gates(network: Network) -> dict[str, pl.DataFrame]:
    found = {}
    for lots, cells in _find_gates(network):
        timed = _arrivals(network, cells).select(*lots.cell, "item", "arrives", "arrives_last")
        found[lots.name] = _in_turn(timed, lots.keys) if carried_over(network) else timed
    own = [gate.select("routing", "period").unique() for gate in found.values() if "routing" in gate.columns]
    of = _of_families(network).join(pl.concat(own), on=["routing", "period"], how="anti")
    timed = _in_turn(_arrivals(network, of), ("resource", "setup_family", "routing"))
    found["routings of families"] = timed.select("routing", "period", "item", "arrives", "arrives_last")
    joint = timed.group_by(*FAMILIES.cell, "item").agg(pl.col("arrives").min(), pl.col("arrives_last").max())
    found[FAMILIES.name] = joint
    return found


def _of_families(network: Network) -> pl.DataFrame:
    """Runs of the routings with a step that a line does alone and changes over for, by the first such line."""
    of = gated(network, "make").select("routing", "resource", "setup_family", "period").sort("routing", "resource")
    of = of.unique(["routing", "period"], keep="first", maintain_order=True)
    return of.join(
        make.routings(network)
        .select(LEAD_OF["routing"])
        .join(make.routings(network).select("routing", "period", "item"), on=["routing", "period"]),
        on=["routing", "period"],
    )


def _find_gates(network: Network) -> Iterator[tuple[Lots, pl.DataFrame]]:
    cell = ["routing", "period"]
    started = make.routings(network).select(LEAD_OF["routing"])
    forks = operations(network).filter(FORKED).group_by("routing", "step").agg(pl.len().alias("all"))
    own = RUNS.switched(network)
    yield RUNS, own.join(started, on=cell)
    each = ALTERNATIVES.switched(network).join(own, on=cell, how="anti")
    some = each.group_by("routing", "step", "period").agg(pl.len().alias("some")).join(forks, on=["routing", "step"])
    whole = some.filter(pl.col("some") == pl.col("all")).group_by(cell).agg(pl.col("step").min())
    yield ALTERNATIVES, each.join(whole, on=["routing", "step", "period"], how="semi").join(started, on=cell)
    rest = RUNNING.switched(network).join(whole, on=cell, how="anti").join(own, on=cell, how="anti")
    yield RUNNING, rest.join(started, on=cell)
    ordered = buy.offers(network).select(LEAD_OF["offer"])
    yield ORDERS, ORDERS.switched(network).join(ordered, on=["offer", "period"])


def _arrivals(network: Network, cells: pl.DataFrame) -> pl.DataFrame:
    when = network.arrivals(cells.select(LEAD).unique()).filter(pl.col("share") > 0)
    spans = when.group_by(LEAD).agg(
        _index("arrival").min().alias("arrives"), _index("arrival").max().alias("arrives_last")
    )
    return cells.join(spans, on=[*LEAD], nulls_equal=True)


def _in_turn(cells: pl.DataFrame, keys: tuple[str, ...]) -> pl.DataFrame:
    """Arrivals in the order of their starts: what a set-up brings includes what later periods make of it."""
    ordered = cells.sort(*keys, "period")
    return ordered.with_columns(
        pl.col("arrives").cum_min(reverse=True).over(keys), pl.col("arrives_last").cum_max().over(keys)
    )


def begun(network: Network, late: bool) -> pl.DataFrame:
    """WINDOW, begun: of each window, what the families can serve that lines are set up for when the horizon starts."""
    met = _met(network, FAMILIES, late)
    ready = states(network).filter("opening").select(*FAMILIES.keys)
    first = met.filter(pl.col("period") == network.first).join(ready, on=FAMILIES.keys, how="semi")
    return first.group_by(WINDOW).agg(begun=pl.col("most").sum())


ROW = ("item", "of", "period")
AT = {"period": "last"}

FOLLOWS: Mapping[str, tuple[str, ...]] = {
    "stock": ("stock", "open", "leave", "make", "buy", "receive", "ship", "sell", "replace", "scrap"),
    "demand": ("sell", "short", "replace"),
    "make_most": ("make", "set_up", "carry"),
    "run_most": ("run", "set_up_on", "carry_on"),
    "running_most": ("make", "running"),
    "buy_most": ("buy", "place_order"),
    "run": ("run", "make"),
    "carried": ("carry", "set_up"),
    "carried_on": ("carry_on", "set_up_on"),
    "family_most": ("make", "run_family"),
    "family_set_up": ("run_family", "end_in", "change_over"),
    "set_up_state": ("end_in", "change_over"),
}
"""The rows that these follow from, and the flows that they are known to hold: with any other, they are left out."""


@dataclass(frozen=True)
class InTime(Part):
    """What is sold within a window of periods was in stock before it, or comes from a set-up (an order) within it.

    Brings rows `in_time` (item, of, period), one per window from `of` to `period`:
    Σ on-time sales due in the window <= stock before it, everywhere and on the way + what arrives in it unswitched
    + Σ set-ups (orders) whose goods arrive in it × demand of the window that is due when they arrive or later.

    They are the (l, S) inequalities of lot sizing with S the whole window, known to describe uncapacitated lots of
    one item completely where holding is what makes early production dear. The relaxation that the solver starts from
    is then close to the optimum. They hold for every plan that keeps the other rows, whatever its costs: summed over an
    item's locations, the rows `stock` of the window say that what is sold in it was there before, or arrives in it.
    What one set-up brings is nothing where the set-up is not made; else it serves no more of the window's demand than
    is due from its first arrival on, since each sale is <= the quantity of its line. Unserved and late demand only sell
    less; other uses (components, substitutes, scrap, what is left) only take away. Where set-ups carry over, one that
    comes from before the window counts once, at the window's first start: none later in the window is without a set-up
    in it. With `late`, rows `in_window` count late sales within the window too, against all demand of the window that
    may still be served when the goods arrive.

    Source: Barany, Van Roy & Wolsey, Management Science 30 (1984) 1255–1261; Pochet & Wolsey, Mathematical Programming
    67 (1994) 297–323; with lost sales: Loparic, Pochet & Wolsey, Mathematical Programming 89 (2001) 487–504.

    Parameters
    ----------
    late : count late sales within the window too.

    Examples
    --------
    >>> batches = soe.Scenario("set-ups").set("routings.setup_cost", 20.0).apply(small)
    >>> "in_time" in soe.Model(batches).formulation()
    True
    """

    optional = ("set_up", "set_up_on", "running", "place_order", "carry", "carry_on", "change_over", "end_in")

    late: bool = False

    @property
    def name(self) -> str:
        """Of its rows."""
        return "in_window" if self.late else "in_time"

    def constraints(self, network: Network) -> Iterator[Constraint]:
        """in_time, or in_window."""
        if not (held := windows(network, self.late)).is_empty():
            frame = held.join(begun(network, self.late), on=WINDOW, how="left")
            frame = frame.select("item", "of", pl.col("last").alias("period"), pl.col("begun").fill_null(0.0))
            yield Constraint(
                self.name, frame, ROW, "<=", "unit", "what a window sells was there before, or is set up for within it",
                rhs="begun", follows=FOLLOWS,
            )  # fmt: skip

    def effects(self, network: Network) -> Iterator[Effect]:
        """Of sales, stock, arrivals and switches."""
        if windows(network, self.late).is_empty():
            return
        sold = sales(network, self.late)
        yield Effect("sell", self.name, at=AT, join=sold, using=("item", "due", "period"))
        earlier = before(network, self.late)
        yield Effect(
            "stock", self.name, -1.0, at=AT, join=earlier, using=("item", "period"), note="−1 before the window"
        )
        owned = opening(network, self.late)
        yield Effect("open", self.name, -1.0, at=AT, join=owned, using=("item",), note="−1 before the window")
        due_in = receipts(network, self.late)
        yield Effect("receive", self.name, -1.0, at=AT, join=due_in, using=("item", "period"), note="−1 in the window")
        for flow, keys in (("ship", ("lane", "item")), ("make", ("routing",)), ("buy", ("offer",))):
            coming = arriving(network, flow, self.late)
            yield Effect(
                flow, self.name, -pl.col("part"), at=AT, join=coming, using=(*keys, "period"),
                note="−share that arrives in the window",
            )  # fmt: skip
        note = "−demand of the window from its arrival on"
        for lots in (RUNS, ALTERNATIVES, RUNNING, ORDERS):
            served = switched(network, lots, self.late)
            yield Effect(lots.switch, self.name, -pl.col("most"), at=AT, join=served, using=lots.cell, note=note)
        led = switched(network, FAMILIES, self.late).rename({"setup_family": "to_family"})
        ready = ("resource", "to_family", "period")
        yield Effect("change_over", self.name, -pl.col("most"), at=AT, join=led, using=ready, note=note)
        kept = carried(network, FAMILIES, self.late)
        yield Effect("end_in", self.name, -pl.col("most"), at=AT, join=kept, using=FAMILIES.cell, note=note)
        if not carried_over(network):
            return
        for carry in (CarryOver(RUNS), CarryOver(ALTERNATIVES, "_on")):
            served = carried(network, carry.lots, self.late)
            flow, using = f"carry{carry.on}", carry.lots.cell
            yield Effect(flow, self.name, -pl.col("most"), at=AT, join=served, using=using, note=note)

    def __repr__(self) -> str:
        return f"InTime({self.name})"
