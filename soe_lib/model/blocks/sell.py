"""Sell: demand lines are served on time, late, by a substitute or not at all; S&OP's commitments are a floor."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import polars as pl

from soe_lib.model.cache import prepared
from soe_lib.model.demand import KEYS, served
from soe_lib.model.terms import Constraint, Effect, Flow, Part, Rate

if TYPE_CHECKING:
    from soe_lib.model.network import Network


LINE = KEYS


class Sell(Part):
    """Each demand line: served on time + served late + short = quantity, and served >= committed.

    Brings flows `sell` (item, location, customer, order, due, period) [units served in period] and `short` (item,
    location, customer, order, due) [units never served]; constraints `demand` (per line) and `committed` (per line with
    an obligation); effect −1 on `stock` in the period served. Books price to "revenue", late_cost × delay and
    short_penalty to "penalties" (cash), short_cost and late_goodwill × delay to
    "goodwill" (steering: no cash).

    Examples
    --------
    >>> soe.plan(small).flows["short"].filter(pl.col("quantity") > 0).select("item", "due", "quantity").rows()
    [('coffee', 'W1', 20.0), ('coffee', 'W2', 20.0)]
    """

    def flows(self, network: Network) -> Iterator[Flow]:
        """sell and short."""
        yield Flow(
            "sell",
            served(network).select(
                *LINE, "period", "late", "overdue", "price", "late_cost", "late_goodwill", "committed"
            ),
            (*LINE, "period"),
            "unit",
            "units served to a demand line in a period",
        )
        yield Flow(
            "short",
            network.demand.select(*LINE, "short_cost", "short_penalty", "price", "priority"),
            LINE,
            "unit",
            "units of a demand line that are never served",
        )

    def constraints(self, network: Network) -> Iterator[Constraint]:
        """demand and committed."""
        yield Constraint(
            "demand",
            network.demand.select(*LINE, "quantity"),
            LINE,
            "==",
            "unit",
            "served and short add up to the demand",
            rhs="quantity",
        )
        worth = (pl.col("price") + pl.col("short_penalty") + pl.col("short_cost")).alias("worth")
        owed = network.demand.filter(pl.col("committed") > 0).select(*LINE, "committed", worth)
        if not owed.is_empty():
            yield Constraint(
                "committed", owed, LINE, "<=", "unit", "what was promised is served",
                rhs=-pl.col("committed"), break_price="worth",
            )  # fmt: skip

    def effects(self, network: Network) -> Iterator[Effect]:
        """On demand, committed and stock."""
        yield Effect("sell", "demand")
        yield Effect("short", "demand")
        yield Effect("sell", "stock", -1.0)
        if (network.demand["committed"] > 0).any():
            yield Effect("sell", "committed", -1.0, where=pl.col("committed") > 0)

    def rates(self, network: Network) -> Iterator[Rate]:
        """Revenue, penalties, goodwill."""
        yield Rate("revenue", "sell", "price")
        yield Rate("penalties", "sell", -pl.col("late_cost") * pl.col("late"))
        at = {"booked": "due"}
        yield Rate("penalties", "short", -pl.col("short_penalty"), at=at)
        if (network.demand["late_goodwill"] > 0).any():
            yield Rate("goodwill", "sell", -pl.col("late_goodwill") * pl.col("late"), kind="steering")
        yield Rate("goodwill", "short", -pl.col("short_cost"), kind="steering", at=at)


class Substitute(Part):
    """Units of a demand line served with a substitute: `ratio` units of it per unit demanded.

    Brings flow `replace` (line, substitute, period) [units demanded]; counts as served in `demand` and `committed`,
    takes ratio × from the substitute's `stock`. Books the line's price to "revenue", its lateness to "penalties" and
    −cost to "substitution".

    Examples
    --------
    >>> either = soe.Scenario("either").row("substitutions", item="coffee", substitute="tea", cost=0.1)
    >>> either = either.row("inventory", item="tea", location="market", on_hand=160.0).apply(small)
    >>> soe.plan(either).flows["replace"]["quantity"].sum()
    60.0
    """

    def flows(self, network: Network) -> Iterator[Flow]:
        """replace."""
        if not (cells := replacements(network)).is_empty():
            keys = (*LINE, "substitute", "period")
            yield Flow("replace", cells, keys, "unit demanded", "units of a demand line served with a substitute")

    def effects(self, network: Network) -> Iterator[Effect]:
        """On demand, committed and stock."""
        if replacements(network).is_empty():
            return
        yield Effect("replace", "demand")
        yield Effect("replace", "stock", -pl.col("ratio"), at={"item": "substitute"})
        if (network.demand["committed"] > 0).any():
            yield Effect("replace", "committed", -1.0, where=pl.col("committed") > 0)

    def rates(self, network: Network) -> Iterator[Rate]:
        """Revenue, penalties, substitution."""
        if not replacements(network).is_empty():
            yield Rate("revenue", "replace", "price")
            yield Rate("penalties", "replace", -pl.col("late_cost") * pl.col("late"))
            if (network.demand["late_goodwill"] > 0).any():
                yield Rate("goodwill", "replace", -pl.col("late_goodwill") * pl.col("late"), kind="steering")
            yield Rate("substitution", "replace", -pl.col("cost"))


@prepared
def replacements(network: Network) -> pl.DataFrame:
    """Each servable line with each substitute that its customer accepts (a blank customer: every one)."""
    pairs = network.table("substitutions").select(
        "item",
        "substitute",
        pl.col("customer").alias("accepts"),
        pl.col("ratio").fill_null(1.0),
        pl.col("cost").fill_null(0.0),
    )
    lines = served(network).select(*LINE, "period", "late", "price", "late_cost", "late_goodwill", "committed")
    everyone = pl.col("accepts").cast(pl.String) == ""
    return (
        lines.join(pairs, on="item")
        .filter(everyone | (pl.col("accepts") == pl.col("customer")))
        .sort(everyone, maintain_order=True)  # what a customer agreed to goes before what everybody accepts
        .unique([*LINE, "period", "substitute"], keep="first", maintain_order=True)
        .drop("accepts")
    )


@dataclass(frozen=True)
class Commitments(Part):
    """Sales of a family in a month are at least what was committed and is not yet sold.

    Brings rows `commitment` (commitment): −Σ sold × share of the period in the month <= −floor. Books nothing. Not one
    of the standard blocks: a commitment is kept where it pays, and this one says what keeping it costs.

    Parameters
    ----------
    floors : commitment (a label), floor [units still to be sold].
    cells : commitment, item, period, share [of the period's sales that count].
    """

    floors: pl.DataFrame = field(repr=False)
    cells: pl.DataFrame = field(repr=False)

    def constraints(self, network: Network) -> Iterator[Constraint]:  # noqa: ARG002
        """commitment."""
        yield Constraint(
            "commitment", self.floors.with_columns(pl.col("commitment").cast(self._labels)), ("commitment",), "<=",
            "unit", "a family sells in a month what S&OP committed", rhs=-pl.col("floor"),
        )  # fmt: skip

    def effects(self, network: Network) -> Iterator[Effect]:
        """Of sell on commitment."""
        cells = network.encode(self.cells).with_columns(pl.col("commitment").cast(self._labels))
        yield Effect("sell", "commitment", -pl.col("share"), join=cells, using=("item", "period"))

    @property
    def _labels(self) -> pl.Enum:
        return pl.Enum(self.floors["commitment"].unique().sort())
