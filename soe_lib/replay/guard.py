"""The guard: it refuses a Monday's snapshot that contains later knowledge."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import polars as pl

from soe_lib.errors import DataError
from soe_lib.extract.snapshot import Snapshot
from soe_lib.replay.truth import Truth

OWN_RECEIPT = r"^(?:make|buy|ship)-(\d+)-\d+-\d+$"
"""Names of the receipts of a replay's own orders: kind, week of the order, cell, promised week."""
CLOSE = 1e-6
STANDING = frozenset(
    {
        "periods", "items", "locations", "location_groups", "resources", "workforce", "maintenance", "expansions",
        "routings", "operations", "changeovers", "components", "co_products", "offers", "offer_prices", "lanes",
        "lane_resources", "closures", "customers", "forecast_errors", "substitutions", "policies", "consensus",
        "budget", "targets", "units", "currencies",
    }
)  # fmt: skip
"""Tables that are the same on every Monday as in the first Monday's extract."""


@dataclass(frozen=True)
class Monday:
    """The input of a check: the snapshot, the truth, and the true stock.

    Parameters
    ----------
    stock : item, location, on_hand [unit].
    """

    snapshot: Snapshot
    truth: Truth
    stock: pl.DataFrame

    @property
    def week(self) -> int:
        """The number of the week that begins."""
        return (self.snapshot.as_of - self.truth.start).days // 7


def _forecast(at: Monday) -> pl.DataFrame:
    """Versions of a later week; and rows of the current version that differ from the forecast published that day."""
    rows, day = at.snapshot["forecast"], at.snapshot.as_of
    dated = rows.filter(pl.col("version").str.contains(r"^\d{4}-W\d{2}$"))
    own = at.truth.published.filter(pl.col("published_on") == day)
    keys = ["item", "location", "customer", "period", "quantity"]
    own = own.with_columns(pl.col("customer").fill_null(""), period=pl.col("date").dt.strftime("%G-W%V"))
    now = rows.filter(pl.col("version") == at.snapshot.settings.forecast.version)
    return pl.concat(
        [dated.filter(pl.col("version") > day.strftime("%G-W%V")), now.join(own, on=keys, how="anti", nulls_equal=True)]
    )


def _orders(at: Monday) -> pl.DataFrame:
    """Orders in hand are part of the day's forecast: separate orders must be overdue."""
    return at.snapshot["orders"].filter(pl.col("due_on") >= at.snapshot.as_of)


def _actuals(at: Monday) -> pl.DataFrame:
    return at.snapshot["actuals"].filter(pl.col("date") >= at.snapshot.as_of)


def _deliveries(at: Monday) -> pl.DataFrame:
    day = at.snapshot.as_of
    return at.snapshot["deliveries"].filter((pl.col("ordered_on") >= day) | (pl.col("arrived_on") >= day))


def _events(at: Monday) -> pl.DataFrame:
    known = at.truth.known_events(at.snapshot.as_of)
    return at.snapshot["events"].join(known, on=["event", "kind", "target"], how="anti")


def _receipts(at: Monday) -> pl.DataFrame:
    """Receipts of the replay's own orders name the week of the order; all others must be in the first extract."""
    rows = at.snapshot["receipts"].with_columns(placed=pl.col("receipt").str.extract(OWN_RECEIPT).cast(pl.Int64))
    strange = ~pl.col("receipt").is_in(at.truth.promised["receipts"]["receipt"].implode())
    return rows.filter((pl.col("placed") >= at.week) | (pl.col("placed").is_null() & strange)).drop("placed")


def _inventory(at: Monday) -> pl.DataFrame:
    """Stock that differs from the true stock."""
    node = ["item", "location"]
    listed = at.snapshot["inventory"].group_by(node).agg(pl.col("on_hand").sum())
    both = listed.join(at.stock.select(*node, real="on_hand"), on=node, how="full", coalesce=True)
    missed = (pl.col("on_hand").fill_null(0.0) - pl.col("real").fill_null(0.0)).abs()
    return both.filter(missed > CLOSE * pl.max_horizontal(1.0, pl.col("real").fill_null(0.0)))


def _listed(table: str) -> Callable[[Monday], pl.DataFrame]:
    def look(at: Monday) -> pl.DataFrame:
        own = at.truth.known(table, at.snapshot.as_of)
        return at.snapshot[table].join(own, on=own.columns, how="anti", nulls_equal=True)

    return look


def _standing(table: str) -> Callable[[Monday], pl.DataFrame]:
    def look(at: Monday) -> pl.DataFrame:
        rows, first = at.snapshot[table], at.truth.promised[table]
        if rows is first:
            return rows.clear()
        return rows.join(first, on=rows.columns, how="anti", nulls_equal=True)

    return look


LOOKS: Mapping[str, tuple[str, Callable[[Monday], pl.DataFrame]]] = {
    **{name: (f"rows of {name} that the first Monday's extract does not have", _standing(name)) for name in STANDING},
    "calendar": ("hours that the Monday's extract does not have", _listed("calendar")),
    "overrides": ("overrides that the Monday's extract does not have", _listed("overrides")),
    "forecast": ("forecasts that were not yet published", _forecast),
    "orders": ("orders that were not yet late", _orders),
    "actuals": ("actuals of the as-of date or later", _actuals),
    "deliveries": ("deliveries that had not yet arrived", _deliveries),
    "events": ("events that were not yet known", _events),
    "receipts": ("receipts of orders that were not yet placed", _receipts),
    "inventory": ("stocks that differ from the true stock", _inventory),
}
"""Table → what is refused of it, and the check that finds it; a table without a check must be empty."""


def refused(snapshot: Snapshot, truth: Truth, stock: pl.DataFrame) -> Snapshot:
    """The snapshot, where it contains no later knowledge.

    Parameters
    ----------
    stock : item, location, on_hand [unit], the true stock.

    Raises
    ------
    DataError : later knowledge in any table, all tables in one message.
    """
    at, found = Monday(snapshot, truth, stock), []
    for table in snapshot.tables:
        what, look = LOOKS.get(
            table, (f"rows of {table}, which have no date on which they became known", _everything(table))
        )
        if (rows := look(at)).height:
            found.append(f"{rows.height} {what}, first {rows.row(0)}")
    if found:
        raise DataError(f"The snapshot of {snapshot.as_of} contains later knowledge: {'; '.join(found)}.")
    return snapshot


def _everything(table: str) -> Callable[[Monday], pl.DataFrame]:
    return lambda at: at.snapshot[table]


__all__ = ["LOOKS", "STANDING", "Monday", "refused"]
