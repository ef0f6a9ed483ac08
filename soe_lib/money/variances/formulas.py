"""Each standard-cost variance as one expression over the columns of its table; favourable is positive."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from soe_lib.errors import DataError

VARIANCE = pl.Schema({"variance": pl.String, "product": pl.String, "of": pl.String, "effect": pl.Float64})
"""Which variance, of which product (blank: of none), of which material, grade or pool, and the money."""


@dataclass(frozen=True)
class Kind:
    """One variance: what it is called, its formula in words, and the expression that evaluates it.

    Parameters
    ----------
    name : in finance's words. words : the formula. effect : over the columns of the table [money].
    always : whether it is told where it is nothing.
    """

    name: str
    words: str
    effect: pl.Expr
    always: bool = True


@dataclass(frozen=True)
class Table:
    """What a table of figures must have, and what may be left out.

    Parameters
    ----------
    name : how errors call it. key : the column that names a row. needed : columns of numbers.
    optional : column → the expression that stands in for it.
    kinds : the variances that are worked out from it.
    """

    name: str
    key: str
    needed: tuple[str, ...]
    optional: dict[str, pl.Expr]
    kinds: tuple[Kind, ...]

    def read(self, frame: pl.DataFrame) -> pl.DataFrame:
        """The frame with every column there is to be, as numbers.

        Raises DataError for a missing column, or a blank or infinite figure, naming the rows.
        """
        if lost := [name for name in (self.key, *self.needed) if name not in frame.columns]:
            raise DataError(f"{self.name} lacks {', '.join(lost)}; it needs {', '.join((self.key, *self.needed))}.")
        texts = [name for name in dict.fromkeys((self.key, "product")) if name in frame.columns]
        known = frame.select(*(pl.col(name).cast(pl.String).fill_null("") for name in texts), *self._numbers(frame))
        if "product" not in known.columns:
            known = known.with_columns(product=pl.lit(""))
        for name, instead in self.optional.items():
            lost = [other for other in instead.meta.root_names() if other not in known.columns]
            if lost and name not in known.columns:
                raise DataError(f"{self.name} lacks {name}, or {' and '.join(lost)} to work it out from.")
            if not lost:
                given = pl.col(name).fill_null(instead) if name in known.columns else instead
                known = known.with_columns(given.cast(pl.Float64).alias(name))
        for name in (*self.needed, *self.optional):
            values = known.get_column(name)
            if (bad := known.filter(values.is_null() | ~values.is_finite())).height:
                rows = ", ".join(bad[self.key].head(5))
                raise DataError(f"{self.name}: {bad.height} of {known.height} rows have no {name} ({rows}); give it.")
        return known

    def _numbers(self, frame: pl.DataFrame) -> list[pl.Expr]:
        names = [name for name in (*self.needed, *self.optional) if name in frame.columns]
        return [pl.col(name).cast(pl.Float64) for name in names]

    def effects(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Every variance of every row: variance, product, of, effect."""
        parts = [
            frame.select(
                pl.lit(kind.name).alias("variance"), "product", pl.col(self.key).alias("of"), effect=kind.effect
            )
            for kind in self.kinds
        ]
        told = [
            part if kind.always else part.filter(pl.col("effect") != 0)
            for part, kind in zip(parts, self.kinds, strict=True)
        ]
        return pl.concat([part.cast(VARIANCE) for part in told])


def _col(name: str) -> pl.Expr:
    return pl.col(name)


_Q0, _Q1 = _col("budget_quantity"), _col("actual_quantity")
_AT_BUDGET_MIX = _Q1.sum() * _Q0 / _Q0.sum()

SALES = Table(
    "sales",
    "product",
    ("budget_quantity", "actual_quantity"),
    {
        "standard_cost": pl.lit(0.0),
        "budget_price": _col("contribution") + _col("standard_cost"),
        "standard_fixed_cost": pl.lit(0.0),
        "contribution": _col("budget_price") - _col("standard_cost"),
        "revenue": _col("actual_quantity") * _col("budget_price"),
        "made": _col("actual_quantity"),
        "worth": _col("contribution"),
    },
    (
        Kind(
            "sales quantity",
            "(Σ actual × budget mix − budget quantity) × margin",
            (_AT_BUDGET_MIX - _Q0) * _col("worth"),
        ),
        Kind("sales mix", "(actual quantity − Σ actual × budget mix) × margin", (_Q1 - _AT_BUDGET_MIX) * _col("worth")),
        Kind("sales price", "(actual − budget price) × actual quantity", _col("revenue") - _Q1 * _col("budget_price")),
    ),
)
"""product, budget_quantity, actual_quantity [unit]; budget_price and standard_cost, or contribution (price − cost), and
standard_fixed_cost [money/unit]; revenue [money] (left out: at budget price); made [unit] (left out: what is sold)."""

MATERIALS = Table(
    "materials",
    "material",
    ("standard_quantity", "standard_price", "used"),
    {"bought": _col("used"), "paid": _col("bought") * _col("standard_price"), "lost": pl.lit(0.0)},
    (
        Kind(
            "material price", "(standard − actual price) × quantity bought",
            _col("standard_price") * _col("bought") - _col("paid"),
        ),
        Kind(
            "material usage", "(standard quantity for actual output − used) × standard price",
            (_col("standard_quantity") - (_col("used") - _col("lost"))) * _col("standard_price"),
        ),
        Kind(
            "stock difference", "(counted − booked stock) × standard cost", -_col("lost") * _col("standard_price"),
            always=False,
        ),
    ),
)  # fmt: skip
"""material, standard_quantity (for the actual output), used, bought (left out: what is used) [unit of the material];
standard_price [money/unit]; paid for what is bought [money]; lost: of used, what no recipe and no sale took [unit]."""

_HOURS = ("standard_hours", "standard_rate", "hours", "paid")


def _worked(first: str, second: str) -> tuple[Kind, Kind]:
    rate = _col("standard_rate")
    return (
        Kind(first, "(standard − actual rate) × actual hours", rate * _col("hours") - _col("paid")),
        Kind(
            second, "(standard hours for actual output − actual hours) × standard rate",
            (_col("standard_hours") - _col("hours")) * rate,
        ),
    )  # fmt: skip


LABOUR = Table("labour", "grade", _HOURS, {}, _worked("labour rate", "labour efficiency"))
"""grade, standard_hours (for the actual output), hours [h]; standard_rate [money/h]; paid [money]."""

VARIABLE_OVERHEAD = Table(
    "variable overhead", "pool", _HOURS, {}, _worked("variable overhead spending", "variable overhead efficiency")
)
"""pool, standard_hours (for the actual output), hours [h]; standard_rate [money/h]; paid [money]."""

FIXED_OVERHEAD = Table(
    "fixed overhead",
    "pool",
    ("budget", "paid"),
    {"standard_rate": pl.lit(0.0), "standard_hours": pl.lit(0.0), "hours": _col("standard_hours")},
    (
        Kind("fixed overhead spending", "budget − actual", _col("budget") - _col("paid")),
        Kind(
            "fixed overhead capacity", "actual hours × standard rate − budget",
            _col("hours") * _col("standard_rate") - _col("budget"),
        ),
        Kind(
            "fixed overhead efficiency", "(standard hours for actual output − actual hours) × standard rate",
            (_col("standard_hours") - _col("hours")) * _col("standard_rate"),
        ),
    ),
)  # fmt: skip
"""pool, budget, paid [money]; standard_rate [money/h], standard_hours (for the actual output), hours [h], needed where
overhead is absorbed. Volume = absorbed − budget = capacity + efficiency."""

OTHER = Table(
    "other accounts",
    "account",
    ("budget", "paid"),
    {},
    (Kind("other spending", "budget − actual", _col("budget") - _col("paid")),),
)
"""account, budget, paid [money]: what is compared in full."""

TOTALS = {
    "sales volume": ("sales quantity", "sales mix"),
    "material": ("material price", "material usage"),
    "labour": ("labour rate", "labour efficiency"),
    "variable overhead": ("variable overhead spending", "variable overhead efficiency"),
    "fixed overhead volume": ("fixed overhead capacity", "fixed overhead efficiency"),
}
"""Totals that people ask for by name → the variances they sum."""
