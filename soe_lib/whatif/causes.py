"""Disruptions: what changed since last week, each with a function that takes it out."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import polars as pl

from soe_lib.errors import DataError, hint
from soe_lib.extract.schema import schema
from soe_lib.extract.snapshot import Snapshot
from soe_lib.review import words
from soe_lib.whatif.scenario import Scenario

KINDS = ("event", "late receipts", "forecast", "prices", "costs", "what-if")


@dataclass(frozen=True)
class Disruption:
    """A change, and the snapshot without it.

    Parameters
    ----------
    name : as the meeting reads it.
    without : snapshot → the snapshot without it; must leave everything else unchanged.
    kind : one of KINDS.
    note : why, or what exactly.

    Examples
    --------
    >>> stop = soe.whatif.Disruption.event(down["events"]["event"].item())
    >>> stop.without(down)["events"].height
    0
    """

    name: str
    without: Callable[[Snapshot], Snapshot]
    kind: str = "what-if"
    note: str = ""

    @classmethod
    def event(cls, event: str, *, name: str = "", note: str = "") -> Disruption:
        """A row of the events; taken out by dropping it."""

        def without(snapshot: Snapshot) -> Snapshot:
            events = snapshot["events"]
            kept = events.filter(pl.col("event") != event)
            if kept.height == events.height:
                known = events["event"].to_list()
                raise DataError(f"There is no event {event!r} to take out. {hint(event, known)}".strip())
            return snapshot.replace(events=kept)

        return cls(name or event, without, "event", note)

    @classmethod
    def undone(cls, name: str, scenario: Scenario, *, note: str = "") -> Disruption:
        """A disruption that a scenario takes out: its edits give the snapshot without it."""
        return cls(name, scenario.apply, "what-if", note or scenario.note)

    @classmethod
    def changed(
        cls, name: str, table: str, columns: Sequence[str], before: Snapshot, rows: pl.Expr | None = None, *, kind: str
    ) -> Disruption:
        """Columns with changed values; taken out by restoring the earlier values of rows that existed then.

        Parameters
        ----------
        table, columns : what changed. rows : which rows of this week's table, all of them when left out.
        before : the earlier snapshot.
        """

        def without(snapshot: Snapshot) -> Snapshot:
            return snapshot.replace(**{table: _put_back(table, columns, before[table], snapshot[table], rows)})

        return cls(name, without, kind)


def grouped(found: Sequence[Disruption], most: int) -> list[Disruption]:
    """At most `most` disruptions: events stay separate, the others are merged by kind, and any excess into one.

    Each disruption less halves the plans to re-optimise (2ⁿ); a group has the joint effect of its members.
    """
    if len(found) <= most:
        return list(found)
    kinds = list(dict.fromkeys(one.kind for one in found))
    single = [one for one in found if one.kind == "event"]
    parts = [_together([one for one in found if one.kind == kind]) for kind in kinds if kind != "event"]
    made = [*single, *parts]
    return made if len(made) <= most else [*made[: most - 1], _together(made[most - 1 :])]


def _together(members: Sequence[Disruption]) -> Disruption:
    """Several disruptions as one, taken out one after the other."""
    if len(members) == 1:
        return members[0]

    def without(snapshot: Snapshot) -> Snapshot:
        for member in members:
            snapshot = member.without(snapshot)
        return snapshot

    kinds = list(dict.fromkeys(one.kind for one in members))
    what = kinds[0] if len(kinds) == 1 else "other"
    same = re.match(r".*? of ", members[0].name)
    if same is not None and all(one.name.startswith(same[0]) for one in members):
        name = same[0] + words.listing([one.name.removeprefix(same[0]) for one in members])
    else:
        name = f"{len(members)} changes of {what}" if what != "other" else f"{len(members)} other changes"
    return Disruption(name, without, kinds[0] if len(kinds) == 1 else "what-if", "; ".join(m.name for m in members))


def disruptions(before: Snapshot, now: Snapshot) -> list[Disruption]:
    """The disruptions of this week's plan, from two extracts: events, late receipts, forecast, prices and costs.

    Events that are new or changed, one by one; receipts that are due later than they were, by supplier; forecasts that
    changed, by family, in the weeks that both extracts have; list prices by family, purchase prices by supplier, cost
    rates by table.

    Raises DataError where the earlier snapshot is not earlier.

    Examples
    --------
    >>> [one.name for one in soe.whatif.disruptions(before, snapshot)][:2]
    ['EV-2611-1: downtime of Venlo L2', 'EV-2611-2: delay of PO-10746']
    """
    if before.as_of >= now.as_of:
        raise DataError(f"The first extract is of {before.as_of}, the second of {now.as_of}: give the older first.")
    return [*_events(before, now), *_late(before, now), *_forecasts(before, now), *_prices(before, now)]


def _events(before: Snapshot, now: Snapshot) -> list[Disruption]:
    new = now["events"].join(before["events"], on=now["events"].columns, how="anti", nulls_equal=True)
    return [
        Disruption.event(row["event"], name=f"{row['event']}: {row['kind']} of {row['target']}", note=row["note"])
        for row in new.sort("event").iter_rows(named=True)
    ]


def _late(before: Snapshot, now: Snapshot) -> list[Disruption]:
    suppliers = now["offers"].select("offer", "supplier").unique("offer")
    both = now["receipts"].join(before["receipts"].select("receipt", was="due_on"), on="receipt")
    late = both.filter(pl.col("due_on") > pl.col("was")).join(suppliers, on="offer", how="left")
    groups = late.group_by(source=pl.coalesce("supplier", "location")).agg("receipt", pl.len()).sort("source")
    return [
        Disruption.changed(
            f"{count} receipts of {source} late", "receipts", ["due_on"], before,
            pl.col("receipt").is_in(receipts), kind="late receipts",
        )
        for source, receipts, count in groups.iter_rows()
    ]  # fmt: skip


def _forecasts(before: Snapshot, now: Snapshot) -> list[Disruption]:
    found = []
    for family in now["items"]["family"].unique().sort():
        items = now["items"].filter(pl.col("family") == family)["item"]
        if not _same(_forecast_before(before, now, items), now["forecast"]):
            found.append(Disruption(f"forecast of {family or 'no family'}", _Forecast(before, items), "forecast"))
    return found


@dataclass(frozen=True, eq=False)
class _Forecast:
    before: Snapshot
    items: pl.Series

    def __call__(self, snapshot: Snapshot) -> Snapshot:
        return snapshot.replace(forecast=_forecast_before(self.before, snapshot, self.items))


def _forecast_before(before: Snapshot, now: Snapshot, items: pl.Series) -> pl.DataFrame:
    """This week's forecast, with the items' earlier forecast in the weeks and days that both extracts have."""
    time = ["period", "date"]
    version = now.settings.forecast.version
    meant = pl.col("item").is_in(items.implode())
    planned = meant & (pl.col("version") == version) if version else meant
    rows, earlier = now["forecast"], before["forecast"]
    shared = rows.filter(planned).select(time).unique().join(
        earlier.filter(planned).select(time).unique(), on=time, nulls_equal=True
    )  # fmt: skip
    replaced = rows.filter(planned).join(shared, on=time, how="semi", nulls_equal=True)
    kept = rows.join(replaced, on=rows.columns, how="anti", nulls_equal=True)
    return pl.concat([kept, earlier.filter(planned).join(shared, on=time, how="semi", nulls_equal=True)])


def _prices(before: Snapshot, now: Snapshot) -> list[Disruption]:
    found = []
    for family in now["items"]["family"].unique().sort():
        items = now["items"].filter(pl.col("family") == family)["item"].to_list()
        found.append(("items", ["price"], f"list prices of {family}", pl.col("item").is_in(items), "prices"))
    for supplier in now["offers"]["supplier"].unique().sort():
        rows = pl.col("supplier") == supplier
        found.append(("offers", ["unit_cost", "order_cost"], f"prices of {supplier or 'suppliers'}", rows, "prices"))
    rates = {
        "routings": ["cost_per_unit", "setup_cost", "fixed_cost"], "resources": ["hourly_cost", "overtime_cost"],
        "lanes": ["cost_per_unit", "fixed_cost"],
        "customers": ["late_cost", "late_goodwill", "short_cost", "short_penalty"],
        "workforce": ["cost_per_head", "hire_cost", "release_cost"],
    }  # fmt: skip
    found += [(table, columns, f"cost rates of {table}", pl.lit(True), "costs") for table, columns in rates.items()]
    made = []
    for table, columns, name, rows, kind in found:
        if not _same(_put_back(table, columns, before[table], now[table], rows), now[table]):
            made.append(Disruption.changed(name, table, columns, before, rows, kind=kind))
    return made


def _put_back(
    table: str, columns: Sequence[str], before: pl.DataFrame, now: pl.DataFrame, rows: pl.Expr | None
) -> pl.DataFrame:
    keys = list(schema()[table].key)
    earlier = before.select(*keys, pl.lit(True).alias("_was"), *(pl.col(name).alias(f"_{name}") for name in columns))
    both = now.join(earlier, on=keys, how="left", nulls_equal=True, maintain_order="left")
    meant = pl.col("_was").fill_null(False) & (pl.lit(True) if rows is None else rows)
    new = [pl.when(meant).then(f"_{name}").otherwise(name).alias(name) for name in columns]
    return both.with_columns(new).select(now.columns)


def _same(one: pl.DataFrame, other: pl.DataFrame) -> bool:
    return one.sort(one.columns).equals(other.sort(other.columns))
