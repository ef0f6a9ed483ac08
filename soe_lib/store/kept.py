"""How a plan is laid down in the store's tables, and put together again."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import polars as pl

from soe_lib.errors import ReconciliationError
from soe_lib.model.plan import Plan
from soe_lib.money.rates import RateBook
from soe_lib.store import tables
from soe_lib.store.shapes import digest, pack, unpack
from soe_lib.store.tables import Store

PLANS = pl.Schema(
    {
        "company": pl.String(),
        "as_of": pl.Date(),
        "run": pl.Int64(),
        "name": pl.String(),
        "source": pl.String(),
        "reason": pl.String(),
        "previous": pl.String(),
        "restates": pl.String(),
        "fingerprint": pl.String(),
        "plan_fingerprint": pl.String(),
        "status": pl.String(),
        "currency": pl.String(),
        "objective": pl.Float64(),
        "margin": pl.Float64(),
        "steering": pl.Float64(),
        "gap": pl.Float64(),
        "seconds": pl.Float64(),
        "solver": pl.String(),
        "code_version": pl.String(),
        "library_versions": pl.String(),
        "created": pl.Datetime("us", "UTC"),
        "entry": pl.String(),
    }
)
"""One row per plan; `previous` and `restates` are "as-of/run", `library_versions` JSON, `entry` the key of its rows."""

INTERNAL = pl.Schema({"solution": pl.String(), "layout": pl.String(), "scenario": pl.String()})
"""What opens a plan; `scenario` is the text of the edits that the extract had when it was planned, blank for none."""
EMPTY = pl.DataFrame(schema={"part": pl.String, "place": pl.Int64})
LIBRARIES = ("cvxpy", "deltalake", "highspy", "numpy", "polars", "scipy")


def write(store: Store, plan: Plan, entry: str) -> dict[str, Any]:
    """The plan's rows, under a key that no reader knows yet; returns how to read them back."""
    book = plan.rates
    frames = {
        "periods": plan.periods,
        "items": plan.items,
        "rates items": book.items,
        "rates periods": book.periods,
    }
    frames |= {f"price {name}": frame for name, frame in plan.prices.items()}
    layout: dict[str, Any] = {"keys": {flow: list(keys) for flow, keys in book.keys.items()}, "digests": {}}
    for table, parts in (("flows", plan.flows), ("rates", book.tables), ("frames", frames)):
        packed, layout[table] = pack(parts)
        layout["digests"][table] = digest(packed)
        if packed.height:
            tagged = packed.select(
                pl.lit(entry).alias("entry"), pl.lit(plan.company).alias("company"), pl.lit(plan.as_of).alias("as_of"),
                pl.all(),
            )  # fmt: skip
            tables.add(store, table, tagged)
    return layout


def row_of(
    plan: Plan,
    rows: pl.DataFrame,
    entry: str,
    layout: dict[str, Any],
    *,
    reason: str,
    previous: str | None,
    restates: str = "",
    scenario: str = "",
) -> pl.DataFrame:
    """The row of `plans` that makes the plan known, numbered after the rows there are."""
    own = rows.filter(pl.col("company") == plan.company)
    same = own.filter(pl.col("as_of") == plan.as_of)
    run = int(same["run"].max() or 0) + 1  # type: ignore[arg-type]
    found = plan.solution
    row = {
        "company": plan.company,
        "as_of": plan.as_of,
        "run": run,
        "name": plan.name,
        "source": plan.source,
        "reason": reason,
        "previous": _previous(own, plan.as_of) if previous is None else previous,
        "restates": restates,
        "fingerprint": plan.fingerprint,
        "plan_fingerprint": plan.identity,
        "status": str(found.get("status", plan.source)),
        "currency": plan.currency,
        "objective": plan.objective,
        "margin": plan.margin,
        "steering": plan.steering,
        "gap": _number(found.get("gap")),
        "seconds": _number(found.get("seconds")),
        "solver": str(found.get("solver", "")),
        "code_version": _version("soe_lib"),
        "library_versions": json.dumps({name: _version(name) for name in LIBRARIES}),
        "created": datetime.now(UTC),
        "entry": entry,
        "solution": json.dumps(dict(found), sort_keys=True),
        "layout": json.dumps(layout),
        "scenario": scenario,
    }
    return pl.DataFrame([row], schema={**PLANS, **INTERNAL})


def _previous(own: pl.DataFrame, as_of: date) -> str:
    earlier = own.filter(pl.col("as_of") <= as_of).sort("as_of", "run")
    return "" if earlier.is_empty() else f"{earlier['as_of'][-1].isoformat()}/{earlier['run'][-1]}"


def restored(store: Store, row: dict[str, Any]) -> Plan:
    """The plan behind a row of `plans`.

    Raises ReconciliationError where its rows are not those that were written.
    """
    layout = json.loads(row["layout"])
    parts = {}
    for table in ("flows", "rates", "frames"):
        rows = tables.read(tables.opened(store, table), pl.col("entry") == row["entry"])
        if digest(rows if rows.height else EMPTY) != layout["digests"][table]:
            raise ReconciliationError(
                f"plan {row['as_of']}/{row['run']} of {row['company']} is not what was written: its {table} were "
                "altered or lost. Restore the store from its backup."
            )
        parts[table] = unpack(rows, layout[table])
    frames = parts["frames"]
    keys = {flow: tuple(columns) for flow, columns in layout["keys"].items()}
    plan = Plan(
        name=row["name"],
        source=row["source"],
        as_of=row["as_of"],
        company=row["company"],
        currency=row["currency"],
        fingerprint=row["fingerprint"],
        flows=parts["flows"],
        rates=RateBook(parts["rates"], keys, frames["rates items"], frames["rates periods"]),
        periods=frames["periods"],
        items=frames["items"],
        solution=json.loads(row["solution"]),
        prices={n.removeprefix("price "): frame for n, frame in frames.items() if n.startswith("price ")},
    )
    if plan.identity != row["plan_fingerprint"]:
        raise ReconciliationError(
            f"plan {row['as_of']}/{row['run']} of {row['company']} is not what was written: quantities are missing "
            "or altered. Restore the store from its backup."
        )
    return plan


def _number(value: Any) -> float | None:
    return None if value is None else float(value)


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "unknown"
