"""What the controls offer: the names, days and weeks of one company."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import polars as pl

from soe_lib.extract.snapshot import Snapshot
from soe_lib.model.plan import Plan


@dataclass(frozen=True)
class Choices:
    """What the controls offer.

    Parameters
    ----------
    resources : with hours, by name. scarcest : the one of them whose hours are worth most in the base plan.
    families, customers : with demand, by name. suppliers : with offers, by name.
    days : every day of the horizon. weeks : label and first and last day of every week of it.
    overtime, expediting : whether there is any overtime at a premium, any expedited offer.
    """

    resources: tuple[str, ...]
    scarcest: str
    families: tuple[str, ...]
    customers: tuple[str, ...]
    suppliers: tuple[str, ...]
    days: tuple[date, ...]
    weeks: tuple[tuple[str, date, date], ...]
    overtime: bool
    expediting: bool

    @classmethod
    def of(cls, snapshot: Snapshot, base: Plan) -> Choices:
        """The choices of a company with its base plan."""
        resources = _resources(snapshot)
        return cls(
            resources=resources,
            scarcest=_scarcest(resources, base),
            families=_families(snapshot["items"], base),
            customers=_customers(base),
            suppliers=_names(snapshot["offers"], "supplier"),
            days=_days(snapshot),
            weeks=_weeks(snapshot),
            overtime="overtime" in base.flows,
            expediting=bool(snapshot["offers"]["expedite"].any()),
        )


def _names(frame: pl.DataFrame, column: str) -> tuple[str, ...]:
    """The names in a column, blanks left out."""
    return tuple(name for name in frame[column].drop_nulls().unique().sort().to_list() if name)


def _resources(snapshot: Snapshot) -> tuple[str, ...]:
    given = snapshot["calendar"].filter(pl.col("hours") > 0)["resource"]
    crews = snapshot["workforce"].filter(pl.col("hours_per_head") > 0)["resource"]
    known = pl.concat([given, crews]).unique().implode()
    return _names(snapshot["resources"].filter(pl.col("resource").is_in(known)), "resource")


def _scarcest(resources: tuple[str, ...], base: Plan) -> str:
    """The resource whose hours would earn most; the first by name where none would earn any."""
    if not resources or "hours" not in base.prices:
        return resources[0] if resources else ""
    rows = base.prices["hours"].filter(pl.col("resource").is_in(list(resources)))
    if "heads" in base.flows:
        brought = base.flows["heads"].select("resource", "period", crew=pl.col("quantity") * pl.col("hours_per_head"))
        rows = rows.join(brought, on=["resource", "period"], how="left")
        rows = rows.with_columns(pl.col("rhs") + pl.col("crew").fill_null(0.0))
    ranked = rows.group_by("resource").agg((pl.col("rhs") * pl.col("price")).sum().round(2).alias("worth"))
    return str(ranked.sort(["worth", "resource"], descending=[True, False])["resource"][0])


def _families(items: pl.DataFrame, base: Plan) -> tuple[str, ...]:
    """The families that a demanded item bears."""
    if "short" not in base.flows:
        return ()
    return _names(items.filter(pl.col("item").is_in(base.flows["short"]["item"].unique().implode())), "family")


def _customers(base: Plan) -> tuple[str, ...]:
    return _names(base.flows["short"], "customer") if "short" in base.flows else ()


def _days(snapshot: Snapshot) -> tuple[date, ...]:
    first, last = snapshot.periods["starts_on"][0], snapshot.periods["ends_on"][-1]
    return tuple(first + timedelta(days=step) for step in range((last - first).days + 1))


def _weeks(snapshot: Snapshot) -> tuple[tuple[str, date, date], ...]:
    weeks = snapshot.periods.group_by("week", maintain_order=True).agg(
        pl.col("starts_on").min(), pl.col("ends_on").max()
    )
    return tuple(weeks.iter_rows())
