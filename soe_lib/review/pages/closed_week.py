"""The closed week: what really happened against what the plan of record said, at the same rates."""

from __future__ import annotations

from datetime import timedelta

import polars as pl

from soe_lib.errors import DataError
from soe_lib.money.bridge import Bridge
from soe_lib.money.bridge import bridge as make_bridge
from soe_lib.money.valuation import value_actuals, value_record
from soe_lib.money.window import horizon
from soe_lib.review import words
from soe_lib.review.pages.standard import COST_OF_SALES, at_standard
from soe_lib.review.situation import Situation


def closed_week(situation: Situation) -> Bridge | None:
    """From the plan of record to the actuals of the days since it was made (those that both know), at standard cost.

    None where there is no plan of record, no actual sale in those days, or an actual that cannot be valued.
    """
    snapshot, record = situation.snapshot, situation.record
    if record is None:
        return None
    first, last = record.as_of, snapshot.as_of - timedelta(days=1)
    sold = snapshot["actuals"].filter((pl.col("measure") == "sales") & pl.col("date").is_between(first, last))
    if sold.is_empty():
        return None
    items, rates = snapshot["items"], situation.plan.rates
    try:
        said = value_record(record, rates, name=f"plan of {words.full_day(record.as_of)}")
        done = value_actuals(snapshot, rates, name="what happened")
    except DataError:
        return None
    planned, actual = at_standard(said, items), at_standard(done, items)
    (planned_from, planned_to), (done_from, done_to) = horizon(planned), horizon(actual)
    # A week may have been left out: then only the days that both the plan and the actuals know are compared.
    first, last = max(first, planned_from, done_from), min(last, planned_to, done_to)
    if first > last:
        return None
    return make_bridge(planned, actual, by=("item", "customer"), variable=(COST_OF_SALES,), window=(first, last))
