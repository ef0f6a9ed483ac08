"""Set-up carry-over: a line that ends a period set up for a routing starts the next one with that set-up."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from soe_lib.model import setup_families
from soe_lib.model.blocks.changeovers import ARC, arcs_of
from soe_lib.model.blocks.lots import ALTERNATIVES, RUNS, Lots
from soe_lib.model.cache import prepared
from soe_lib.model.ceilings import FORKED, carried_over, operations
from soe_lib.model.terms import Constraint, Effect, Flow, Part

if TYPE_CHECKING:
    from soe_lib.model.network import Network

SPOT = ("resource", "period")


class OneSetUp(Part):
    """A line is in one state at a time: [setups] carry_over of settings.toml.

    Brings a flow `undisturbed` (resource, period) in [0, 1]: nothing is set up there in the period; and rows
    `one_set_up` (resource, period): Σ carry + Σ carry_on <= 1, and `changed`: undisturbed + change_over <= 1. Moves no
    money.
    """

    optional = ("change_over",)

    def flows(self, network: Network) -> Iterator[Flow]:
        """undisturbed."""
        if not (cells := _spots(network, _lasting)).is_empty():
            yield Flow("undisturbed", cells, SPOT, "yes or no", "nothing is set up there in the period", upper=1.0)

    def constraints(self, network: Network) -> Iterator[Constraint]:
        """one_set_up."""
        if not (cells := _spots(network, _carries)).is_empty():
            yield Constraint("one_set_up", cells, SPOT, "<=", "set-up", "a line ends a period in one set-up", rhs=1.0)
        if not (arcs := _changing(network)).is_empty():
            meaning = "where a line changes to another family, it is disturbed"
            yield Constraint("changed", arcs, ARC, "<=", "set-up", meaning, rhs=1.0)

    def effects(self, network: Network) -> Iterator[Effect]:
        """Of undisturbed and change_over on changed."""
        if not (arcs := _changing(network)).is_empty():
            yield Effect("undisturbed", "changed", join=arcs, using=SPOT)
            yield Effect("change_over", "changed", join=arcs, using=ARC)


@dataclass(frozen=True)
class CarryOver(Part):
    """The last set-up of a line in a period is still there in the next one: [setups] carry_over of settings.toml.

    Brings a flow `carry` (routing, period) in {0, 1}: the line ends the period set up for the routing. Relaxes
    `make_most`: make(t) <= ceiling × (set_up(t) + carry(t−1)). Rows `carried`: carry(t) <= set_up(t) + carry(t−1), and
    `kept` (routing, resource, period): carry(t−1) + carry(t) <= 1 + set_up(t) + undisturbed(t), for a set-up lasts
    through a period only if no other takes its place, which rows `disturbed` hold: undisturbed + set_up <= 1. On lines
    that change over between families, rows `carried_family`: carry <= end_in of the routing's family. For steps
    with alternatives the same, per routing, step and resource, as `carry_on`, `carried_on` and so on.

    Only a line (a resource that is no labour, dock or storage) has a state, and none is set up when the horizon starts.
    Fixed cost and minimum run never carry over: they are of every period in which the routing runs (flow `running`).

    Source: Sox & Gao, The capacitated lot sizing problem with setup carry-over, IIE Transactions 31 (1999) 173–181;
    Suerie & Stadtler, Management Science 49 (2003) 1039–1054.

    Parameters
    ----------
    lots : whose set-ups carry over.
    on : ending of the names it brings.
    """

    optional = ("undisturbed", "end_in")

    lots: Lots
    on: str = ""

    @property
    def keys(self) -> tuple[str, ...]:
        """A set-up of a line in a period."""
        return (*self.lots.keys, *(() if "resource" in self.lots.keys else ("resource",)), "period")

    def flows(self, network: Network) -> Iterator[Flow]:
        """carry."""
        if not (cells := _carries(network, self.lots)).is_empty():
            labels = cells.select(*self.lots.cell, "item", "location").unique()
            meaning = "the line ends the period set up for it"
            yield Flow(f"carry{self.on}", labels, self.lots.cell, "yes or no", meaning, upper=1.0, integer=True)

    def constraints(self, network: Network) -> Iterator[Constraint]:
        """carried, kept, disturbed."""
        if (cells := _carries(network, self.lots)).is_empty():
            return
        state = cells.select(self.lots.cell).unique()
        meaning = "only what is set up can carry over"
        yield Constraint(f"carried{self.on}", state, self.lots.cell, "<=", "set-up", meaning)
        lasting = _lasting(network, self.lots).select(self.keys)
        meaning = "a set-up lasts through a period only if no other takes its place"
        yield Constraint(f"kept{self.on}", lasting, self.keys, "<=", "set-up", meaning, rhs=1.0)
        meaning = "where something is set up, the line is disturbed"
        rows = self._disturbing(network)
        yield Constraint(f"disturbed{self.on}", rows, self.keys, "<=", "set-up", meaning, rhs=1.0)
        if not (rows := self._of_families(network)).is_empty():
            meaning = "a set-up carries over where the line ends the period in its family"
            yield Constraint(f"carried_family{self.on}", rows, self.keys, "<=", "set-up", meaning)

    def effects(self, network: Network) -> Iterator[Effect]:
        """Of carry on the runs of the next period; of carry, set-up and undisturbed on the rows of the state."""
        if (cells := _carries(network, self.lots)).is_empty():
            return
        carry, switch, cell, on = f"carry{self.on}", self.lots.switch, self.lots.cell, self.on
        later = cells.select(*cell, "of", "next_ceiling").unique()
        yield Effect(
            carry, f"{self.lots.name}_most", -pl.col("next_ceiling"), at={"period": "of"}, join=later, using=cell,
            note="−ceiling of the next period",
        )  # fmt: skip
        yield Effect(carry, f"carried{on}")
        yield Effect(switch, f"carried{on}", -1.0, join=cells.select(cell).unique(), using=cell)
        lasting, disturbing = _lasting(network, self.lots), self._disturbing(network)
        before = lasting.select(*self.keys[:-1], pl.col("before").alias("period"), pl.col("period").alias("of"))
        unique = before.select(*cell, "of").unique()
        of = {"period": "of"}
        yield Effect(carry, f"carried{on}", -1.0, at=of, join=unique, using=cell, note="−1 in the next period")
        yield Effect(carry, "one_set_up", join=cells.select(self.keys), using=cell)
        yield Effect(carry, f"kept{on}", join=lasting.select(self.keys), using=cell)
        yield Effect(carry, f"kept{on}", at=of, join=before, using=cell, note="+1 in the next period")
        yield Effect(switch, f"kept{on}", -1.0, join=lasting.select(self.keys), using=cell)
        yield Effect("undisturbed", f"kept{on}", -1.0, join=lasting.select(self.keys), using=SPOT)
        yield Effect("undisturbed", f"disturbed{on}", join=disturbing, using=SPOT)
        yield Effect(switch, f"disturbed{on}", join=disturbing, using=cell)
        if not (rows := self._of_families(network)).is_empty():
            yield Effect(carry, f"carried_family{on}", join=rows.select(self.keys), using=cell)
            yield Effect("end_in", f"carried_family{on}", -1.0, join=rows, using=("resource", "setup_family", "period"))

    def _disturbing(self, network: Network) -> pl.DataFrame:
        """Every set-up of a line in a period through which a state could last."""
        return states(network, self.lots).join(_spots(network, _lasting), on=[*SPOT], how="semi").select(self.keys)

    def _of_families(self, network: Network) -> pl.DataFrame:
        """The set-ups that can carry over on lines that change over, with their family."""
        one = [key for key in self.keys if key != "period"]
        of = setup_families.operations(network).select(*one, "setup_family").unique()
        return _carries(network, self.lots).select(self.keys).join(of, on=one)

    def __repr__(self) -> str:
        return f"CarryOver({self.lots.name})"


@prepared
def standing(network: Network) -> pl.DataFrame:
    """routing, resource: where the set-up of a routing stands: its lines with set-up hours, else all its lines."""
    used = operations(network).filter(~FORKED).join(setup_families.lines(network), on="resource", how="semi")
    timed = pl.col("setup_hours") > 0
    return used.filter(timed | ~timed.any().over("routing")).select("routing", "resource").unique()


def states(network: Network, lots: Lots) -> pl.DataFrame:
    """Every set-up of a line: the keys of the switch, resource, item, location and the ceiling of a run without one."""
    return network.cache.get(f"states of {lots!r}", lambda here: _states(here, lots))


def _states(network: Network, lots: Lots) -> pl.DataFrame:
    cells = lots.switched(network).filter(pl.lit(carried_over(network)))
    cells = cells.select(*lots.cell, "item", "location", "ceiling")
    own = "resource" in lots.keys
    return cells.join(setup_families.lines(network) if own else standing(network), on=lots.keys[-1])


def _carries(network: Network, lots: Lots) -> pl.DataFrame:
    """The set-ups that can be there in the next period too: + of (that period), next_ceiling (of its run)."""
    following = network.periods.select("period", pl.col("period").shift(-1).alias("of")).drop_nulls()
    cells = states(network, lots)
    same = list(dict.fromkeys([*lots.keys, "resource"]))
    later = cells.select(*same, pl.col("period").alias("of"), pl.col("ceiling").alias("next_ceiling"))
    return cells.join(following, on="period").join(later, on=[*same, "of"])


def _lasting(network: Network, lots: Lots) -> pl.DataFrame:
    """The set-ups that can come from the period before and go on to the next: + before (that period)."""
    cells = _carries(network, lots)
    same = list(dict.fromkeys([*lots.keys, "resource"]))
    earlier = cells.select(*same, pl.col("of").alias("period"), pl.col("period").alias("before"))
    return cells.join(earlier, on=[*same, "period"])


def _spots(network: Network, cells: Callable[[Network, Lots], pl.DataFrame]) -> pl.DataFrame:
    """resource, period of the cells of both kinds of set-ups."""
    return pl.concat([cells(network, lots).select(SPOT) for lots in (RUNS, ALTERNATIVES)]).unique()


def _changing(network: Network) -> pl.DataFrame:
    """ARC of the lines and periods in which a set-up could last."""
    return arcs_of(network).join(_spots(network, _lasting), on=SPOT, how="semi").select(ARC)


SET_UP_STATE = (OneSetUp(), CarryOver(RUNS), CarryOver(ALTERNATIVES, "_on"))
