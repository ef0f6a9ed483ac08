"""Units and cents: conversions that agree with each other, and amounts with residues below a cent."""

from __future__ import annotations

import polars as pl

from soe_lib.extract.findings import Finding
from soe_lib.extract.reading import Extract
from soe_lib.extract.rules import rule
from soe_lib.extract.units import own_units

LOOSE = 1e-3  # 1/12 written as 0.0833


@rule
def conversions_agree(extract: Extract) -> list[Finding]:
    """There and back again is 1: 12 pieces a case and 1/12 of a case a piece; an item's own unit counts as 1."""
    units = extract["units"]
    if not units.height:
        return []
    rows = units.with_row_index("row").join(own_units(dict(extract.tables)), on="item", how="left")
    rows = rows.with_columns(to=pl.when(pl.col("to") == "").then(pl.col("own").fill_null("")).otherwise("to"))
    back = rows.select("item", unit="to", to="unit", back="factor")
    both = rows.join(back, on=["item", "unit", "to"], how="inner")
    bad = both.filter((pl.col("factor") * pl.col("back") - 1).abs() > LOOSE)["row"].unique().sort()
    if not len(bad):
        return []
    value = extract.cell("units", "factor", int(bad[0]))
    rule_text = "The conversion is not reciprocal: there and back again is not 1."
    fix = "Mend the factor; the item's own unit needs no row."
    return [extract.finding("stop", "units", bad, column="factor", value=value, rule=rule_text, fix=fix)]
