"""Allocation: how scarce supply is shared out, by the name that settings.toml gives it.

margin        whoever earns most is served (nothing is added to the program)
priority      customers of the first priority are served as far as possible, then the second, and so on; then money
fair          the least served customer is served as well as possible, then the next (max-min fairness); then money
proportional  what was promised first; of the rest, the lines of one item and due period are cut alike at all places
              that lanes join, as far as that goes; then more for whoever can be served without taking from another:
              the lines of one place that can wait equally long, and want as much life left, are cut alike; which of
              them get more, money says
Objective mode "service" is "priority" under another name: service first by priority, then cost.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import polars as pl

from soe_lib.errors import DataError
from soe_lib.model.blocks.shelf_life import followed, lives
from soe_lib.model.cache import prepared
from soe_lib.model.demand import KEYS, served
from soe_lib.model.terms import Constraint, Effect, Flow, Part

if TYPE_CHECKING:
    from soe_lib.model.network import Network

MODES = ("", "margin", "service")
RULES = ("", "margin", "priority", "fair", "proportional")


def rule(network: Network) -> str:
    """The allocation that applies; raises DataError naming the known ones."""
    chosen = network.settings.objective
    for what, value, known in (("mode", chosen.mode, MODES), ("allocation", chosen.allocation, RULES)):
        if value not in known:
            raise DataError(
                f"settings.toml: [objective] {what} {value!r} is not known; choose one of {', '.join(known[1:])}"
            )
    return "priority" if chosen.mode == "service" else chosen.allocation or "margin"


class Allocation(Part):
    """Rows that an allocation rule needs.

    Brings, for priority and fair, constraint `service` (group): −Σ served <= −floor, floors being raised one after the
    other by `stages`. For proportional, flow `cut` (item, location, due, of, life) [share of what is open, quantity −
    committed, that is never served to lines that can be served until period `of` and want `life` days left] and
    constraints `equal_cut` (line, of, life): short = open × cut; `no_worse` (as `cut`): who can wait longer is cut no
    more; and `service` (as `cut`, held): first that all cuts of joined places are alike, then that none is above what
    it was then. A line that a substitute may serve where others beside it may not is served its share at least
    (`share_at_least`), and with the item itself at most (`share_at_most`: Σ sold + open × cut <= quantity).
    Books nothing.

    Examples
    --------
    >>> alike = soe.Scenario("cut alike").set("settings.objective.allocation", "proportional").apply(small)
    >>> soe.plan(alike).flows["short"].filter(pl.col("quantity") > 0).select("item", "due", "quantity").rows()
    [('coffee', 'W1', 20.0), ('coffee', 'W2', 20.0)]
    """

    optional = ("replace",)

    def flows(self, network: Network) -> Iterator[Flow]:
        """cut, where cuts are proportional."""
        if rule(network) == "proportional":
            groups, meaning = cuts(network).select(GROUP).unique(), "share of what is open that is not served"
            yield Flow("cut", groups, GROUP, "share", meaning, upper=1.0)

    def constraints(self, network: Network) -> Iterator[Constraint]:
        """service; for proportional also equal_cut, share_at_least, share_at_most and no_worse."""
        if rule(network) == "proportional":
            rows, unit = cuts(network), "unit"
            alike, apart, steps = rows.filter(~pl.col("apart")), rows.filter("apart"), _steps(network)
            yield Constraint("equal_cut", alike, ROW, "==", unit, "what is open is cut alike")
            if not apart.is_empty():
                meaning = "with the item itself a line is served its share at most"
                yield Constraint("share_at_least", apart, ROW, "<=", unit, "a line is served its share at least")
                yield Constraint("share_at_most", apart, ROW, "<=", unit, meaning, rhs="quantity")
            if not (waiting := steps.filter("same_place")).is_empty():
                yield Constraint("no_worse", waiting, GROUP, "<=", "share", "who can wait longer is cut no more")
            if not steps.is_empty():
                meaning = "first all are cut alike, then none is cut more than then"
                yield Constraint("service", _held(network), (*GROUP, "held"), "<=", "share", meaning, rhs=1.0)
        elif rule(network) in ("priority", "fair"):
            asked = groups_of(network).group_by("served_group", "rank").agg(pl.col("quantity").sum().alias("asked"))
            yield Constraint("service", asked, ("served_group",), "<=", "unit", "a group is served at least this much")

    def effects(self, network: Network) -> Iterator[Effect]:
        """Of sell and replace on service; of sell, replace, short and cut on the rows of proportional cuts."""
        if rule(network) == "proportional":
            yield from _proportional(network)
        elif rule(network) in ("priority", "fair"):
            groups = groups_of(network).select(*KEYS, "served_group")
            for flow in ("sell", "replace"):
                yield Effect(flow, "service", -1.0, join=groups, using=KEYS)


GROUP = ("item", "location", "due", "of", "life")
ROW = (*KEYS, "of", "life")
THERE = {"location": "place", "of": "until", "life": "wants"}


def _proportional(network: Network) -> Iterator[Effect]:
    rows = cuts(network)
    alike, apart, steps = rows.filter(~pl.col("apart")), rows.filter("apart"), _steps(network)
    for on, mine in (("equal_cut", alike), ("share_at_least", apart)):
        if not mine.is_empty():
            yield Effect("short", on, join=mine.select(ROW), using=KEYS)
            yield Effect("cut", on, -pl.col("open"), join=mine.select(*ROW, "open"), using=GROUP)
    if not apart.is_empty():
        yield Effect("sell", "share_at_most", join=apart.select(ROW), using=KEYS)
        yield Effect("cut", "share_at_most", pl.col("open"), join=apart.select(*ROW, "open"), using=GROUP)
    if not (waiting := steps.filter("same_place")).is_empty():
        yield Effect("cut", "no_worse", join=waiting.select(GROUP), using=GROUP)
        yield Effect("cut", "no_worse", -1.0, at=THERE, join=_from(waiting), using=GROUP)
    for name, mine in _alike(network).items():
        sign = 1.0 if name == "not less" else -1.0
        yield Effect("cut", "service", -sign, join=_named(mine.select(GROUP), name), using=GROUP)
        yield Effect("cut", "service", sign, at=THERE, join=_named(_from(mine), name), using=GROUP)
    if not steps.is_empty():
        at_most = _held(network).filter(pl.col("held") == "at most")
        yield Effect("cut", "service", join=at_most, using=GROUP)


def _from(steps: pl.DataFrame) -> pl.DataFrame:
    """GROUP of the cut before each step, and the step's own labels as THERE."""
    before = (pl.col(f"from_{name}").alias(name) for name in THERE)
    return steps.select("item", "due", *before, *(pl.col(name).alias(there) for name, there in THERE.items()))


HELD = pl.Enum(["not less", "not more", "at most"])


def _named(rows: pl.DataFrame, held: str) -> pl.DataFrame:
    return rows.with_columns(held=pl.lit(held, dtype=HELD))


def _alike(network: Network) -> dict[str, pl.DataFrame]:
    """Two cuts are alike where neither is more than the other; within a place `no_worse` says half of it already."""
    steps = _steps(network)
    both = {"not less": steps, "not more": steps.filter(~pl.col("same_place"))}
    return {name: rows for name, rows in both.items() if not rows.is_empty()}


@prepared
def _steps(network: Network) -> pl.DataFrame:
    """GROUP, from_…, same_place: each cut beside the one before it among all that supply may join."""
    groups = cuts(network).select(GROUP).unique().join(_joined(network), on=["item", "location"]).sort("joined", *GROUP)
    together = ["item", "due", "joined"]
    before = groups.sort(*together, "location", "life", "of").with_columns(
        pl.col(name).shift(1).over(together).alias(f"from_{name}") for name in THERE
    )
    same = (pl.col("location") == pl.col("from_location")) & (pl.col("life") == pl.col("from_life"))
    return before.drop_nulls().with_columns(same_place=same).drop("joined")


@prepared
def _held(network: Network) -> pl.DataFrame:
    """GROUP, held: rows that two cuts are alike, for each step, and a row "at most" for every cut of a step."""
    steps = _steps(network)
    ends = pl.concat([steps.select(GROUP), _from(steps).select(GROUP)]).unique()
    alike = [_named(rows.select(GROUP), name) for name, rows in _alike(network).items()]
    return pl.concat([*alike, _named(ends, "at most")])


@prepared
def _joined(network: Network) -> pl.DataFrame:
    """item, location, joined: the first of all places that lanes of the item join, whichever way they run."""
    known = network.nodes.with_columns(joined=pl.col("location").to_physical())
    ways = network.lanes.select("item", "origin", "destination").unique()
    both = pl.concat([ways, ways.select("item", origin="destination", destination="origin")]).unique()
    while True:
        near = known.rename({"location": "origin"}).join(both, on=["item", "origin"])
        lowest = near.group_by("item", pl.col("destination").alias("location")).agg(least=pl.col("joined").min())
        found = known.join(lowest, on=["item", "location"], how="left", maintain_order="left")
        found = found.select("item", "location", joined=pl.min_horizontal("joined", "least"))
        if found["joined"].equals(known["joined"]):
            return known
        known = found


@prepared
def cuts(network: Network) -> pl.DataFrame:
    """ROW, quantity, open, apart: each line, its last period as `of`, and the life that its customer wants left."""
    ends = served(network).group_by(KEYS).agg(pl.col("period").max().alias("of"))
    asked = network.demand.filter(pl.col("quantity") > 0).select(
        *KEYS, "quantity", open=pl.col("quantity") - pl.col("committed").clip(0.0, pl.col("quantity"))
    )
    wants = lives(network)
    follows = pl.col("item").is_in(followed(network)["item"].implode())
    life = pl.when(follows).then("life").otherwise(pl.lit("0", dtype=wants.schema["life"])).alias("life")
    lines = asked.join(ends, on=KEYS).join(wants, on="customer").with_columns(life, apart=_apart(network))
    return lines.sort(ROW)


def _apart(network: Network) -> pl.Expr:
    """Whether a substitute may serve a line that may not serve every line beside it."""
    pairs = network.table("substitutions").select("item", "customer").unique()
    some = pairs.filter(pl.col("customer").cast(pl.String) != "")
    accepts = pl.col("customer").is_in(some["customer"].implode()) & pl.col("item").is_in(some["item"].implode())
    return accepts if some.height else pl.lit(False)


@prepared
def groups_of(network: Network) -> pl.DataFrame:
    """Each demand line with the group that shares its service: its customer's priority, or its customer."""
    last = 1 + (network.table("customers")["priority"].max() or 0)  # type: ignore[operator]
    rank = pl.col("priority").fill_null(last).cast(pl.Int64)
    by_priority = rule(network) == "priority"
    label = pl.format("priority {}", rank) if by_priority else pl.col("customer").cast(pl.String)
    rows = network.demand.select(*KEYS, "quantity", rank.alias("rank"), label.alias("served_group"))
    rows = rows if by_priority else rows.with_columns(pl.lit(0, dtype=pl.Int64).alias("rank"))
    return rows.with_columns(pl.col("served_group").cast(pl.Enum(rows["served_group"].unique().sort())))
