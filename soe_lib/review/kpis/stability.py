"""How much the plan was turned over since last time."""

from __future__ import annotations

from typing import Literal

import polars as pl

from soe_lib.review.score import Band, Score, insufficient, known

Fence = Literal["all", "inside", "outside"]
CHURN_BAND = {
    "all": Band(good=(0.0, 0.15), watch=(0.0, 0.30)),
    "inside": Band(good=(0.0, 0.05), watch=(0.0, 0.15)),
    "outside": Band(good=(0.0, 0.20), watch=(0.0, 0.40)),
}


def plan_churn(frame: pl.DataFrame, *, fence: Fence = "all", what: str = "plan", band: Band | None = None) -> Score:
    """Share of the previous plan that was changed.

    Formula: Σ|P_t⁽ᵏ⁾ − P_t⁽ᵏ⁻¹⁾| ÷ ΣP_t⁽ᵏ⁻¹⁾ over periods that both plans cover (Blackburn, Kropp & Millen
    1986, MRP nervousness). 0: nothing moved; a unit moved to another week counts twice, once where it left
    and once where it came.

    Parameters
    ----------
    frame : now, before [units] per item and period, inside [whether the period lies within the frozen
        fence].
    fence : which rows count.
    what : the flow that is compared; part of the name.
    band : shares at which it is good, to be watched, or to be acted on.
    """
    where = {"all": "", "inside": " inside the fence", "outside": " outside the fence"}[fence]
    name = f"Churn of the {what}{where}"
    kept = frame if fence == "all" else frame.filter(pl.col("inside") == (fence == "inside"))
    sums = kept.select(
        moved=(pl.col("now").fill_null(0.0) - pl.col("before").fill_null(0.0)).abs().sum(),
        before=pl.col("before").fill_null(0.0).sum(),
    )
    if kept.is_empty() or float(sums["before"][0]) <= 0:
        return insufficient(name, "%", f"no earlier plan{where}")
    text = "Σ|this plan − last plan| ÷ Σ last plan; 0 % is unchanged, a unit moved to another week counts twice."
    return known(name, float(sums["moved"][0]) / float(sums["before"][0]), "%", text, band=band or CHURN_BAND[fence])
