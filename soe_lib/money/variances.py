"""Standard-cost variances of sales, material, labour and overheads, and the operating statement that they add up to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

import polars as pl

from soe_lib.errors import DataError, FormulationError, ReconciliationError
from soe_lib.money.rounding import as_money, nested, whole

VARIANCE = pl.Schema({"variance": pl.String, "product": pl.String, "of": pl.String, "effect": pl.Float64})
"""The variance, its product (blank: none), its material, grade or pool, and its amount."""


@dataclass(frozen=True)
class Kind:
    """One variance: its name, its formula in words, and the expression that evaluates it.

    Parameters
    ----------
    name : finance's term. words : the formula. effect : over the columns of the table [money].
    always : whether it is reported if it is 0.
    """

    name: str
    words: str
    effect: pl.Expr
    always: bool = True


@dataclass(frozen=True)
class Table:
    """The required and optional columns of a table of figures, and its variances.

    Parameters
    ----------
    name : name in errors. key : the key column. needed : required columns of numbers.
    optional : column → its default expression.
    kinds : the variances computed from it.
    """

    name: str
    key: str
    needed: tuple[str, ...]
    optional: dict[str, pl.Expr]
    kinds: tuple[Kind, ...]

    def read(self, frame: pl.DataFrame) -> pl.DataFrame:
        """The frame with all columns, defaults filled in, as numbers.

        Raises DataError for a missing column, or for rows with a blank or infinite figure.
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
                raise DataError(f"{self.name} lacks {name}, or {' and '.join(lost)} to compute it from.")
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
        key = pl.col(self.key).alias("of")
        parts = [
            frame.select(pl.lit(kind.name).alias("variance"), "product", key, effect=kind.effect)
            .filter(pl.lit(kind.always) | (pl.col("effect") != 0))
            .cast(VARIANCE)
            for kind in self.kinds
        ]
        return pl.concat(parts)


_col = pl.col
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
standard_fixed_cost [money/unit]; revenue [money] (default: at budget price); made [unit] (default: units sold)."""

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
"""material, standard_quantity (for the actual output), used, bought (default: used) [unit of the material];
standard_price [money/unit]; paid for purchases [money]; lost: part of used without recipe and sale [unit]."""

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
"""account, budget, paid [money]: accounts compared in full."""

TOTALS = {
    "sales volume": ("sales quantity", "sales mix"),
    "material": ("material price", "material usage"),
    "labour": ("labour rate", "labour efficiency"),
    "variable overhead": ("variable overhead spending", "variable overhead efficiency"),
    "fixed overhead volume": ("fixed overhead capacity", "fixed overhead efficiency"),
}
"""Named totals → the variances they sum."""


Costing = Literal["marginal", "absorption"]
Stock = Literal["standard", "actual", "expensed"]
Outside = Literal["at standard", "line"]

NOT_STANDARD = "cost outside the standards"
IN_STOCK = "material in stock"
BUDGET, ACTUAL = "budget profit", "actual profit"
NOISE = 1e-6
"""Minor units below which an effect is float noise."""

ABSORBED = 'Fixed overhead has a standard rate: its capacity and efficiency are in costing="absorption" only.'
_TABLES: Mapping[str, Table] = {
    "sales": SALES,
    "materials": MATERIALS,
    "labour": LABOUR,
    "variable_overhead": VARIABLE_OVERHEAD,
    "fixed_overhead": FIXED_OVERHEAD,
    "other": OTHER,
}
WORDS = {kind.name: kind.words for table in _TABLES.values() for kind in table.kinds} | {
    NOT_STANDARD: "Σ made × standard cost − Σ standard inputs of the output",
    IN_STOCK: "value of material bought and not used − its value at standard price",
}


@dataclass(frozen=True, eq=False, repr=False)
class OperatingStatement:
    """From budget profit to actual profit by standard-cost variances; favourable is positive.

    Formula: budget profit + Σ variances = actual profit, in whole minor units.

    Parameters
    ----------
    start, end : budget and actual profit, in minor units.
    rows : variance, product, of (material, grade, pool), amount (Int64, minor units); in reading order.
    inventory : material, bought, used [unit], price variance of purchases, of usage and of stock, stock change at
        standard price [money]; only materials whose purchases and usage differ.
    costing : "marginal", or "absorption" (fixed overhead in the cost of a unit).
    stock : valuation of material in stock; see `standard_variances`.
    notes : assumptions with counts.

    Raises ReconciliationError if it does not add up.
    """

    start: int
    end: int
    rows: pl.DataFrame
    inventory: pl.DataFrame
    costing: str
    stock: str
    digits: int = 2
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.residual:
            raise ReconciliationError(
                f"the operating statement leaves {self.residual} minor units between {self.start} and {self.end} open."
            )

    @property
    def residual(self) -> int:
        """end − start − Σ variances, in minor units: 0."""
        return self.end - self.start - int(self.rows["amount"].sum())

    def __getitem__(self, variance: str) -> float:
        """One variance, or a total such as "sales volume" [money]; raises FormulationError for an unknown name."""
        names = TOTALS.get(variance, (variance,))
        if unknown := [name for name in names if name not in WORDS]:
            raise FormulationError(f"no variance {unknown[0]!r}; there are {', '.join([*WORDS, *TOTALS])}.")
        found = self.rows.filter(pl.col("variance").is_in(names))["amount"]
        return round(int(found.sum()) / 10**self.digits, self.digits)

    def by(self, *columns: str) -> pl.DataFrame:
        """The variances by product or by `of` (material, grade, pool): variance, the columns, amount [money]."""
        if unknown := [name for name in columns if name not in ("product", "of")]:
            raise FormulationError(f"variances are grouped by product and of, not by {unknown[0]!r}.")
        sums = self.rows.group_by("variance", *columns, maintain_order=True).agg(pl.col("amount").sum())
        return sums.with_columns(as_money(pl.col("amount"), self.digits))

    def table(self) -> pl.DataFrame:
        """The statement for display: line, amount, cumulative [money], formula."""
        sums = self.rows.group_by("variance", maintain_order=True).agg(pl.col("amount").sum(), rows=pl.len())
        money = [as_money(pl.col(name), self.digits) for name in ("amount", "cumulative")]
        return (
            pl.concat(
                [
                    pl.DataFrame({"line": [BUDGET], "amount": [self.start], "formula": [""]}),
                    sums.select(
                        line="variance", amount="amount", formula=pl.col("variance").replace_strict(WORDS, default="")
                    ),
                    pl.DataFrame({"line": [ACTUAL], "amount": [self.end], "formula": [""]}),
                ]
            )
            .with_columns(cumulative=pl.col("amount").cum_sum())
            .with_columns(cumulative=pl.when(pl.col("line") == ACTUAL).then("amount").otherwise("cumulative"))
            .select("line", *money, "formula")
        )

    def __repr__(self) -> str:
        lines = self.table()
        width = max(len(line) for line in lines["line"])
        shown = [f"  {line:<{width}} {amount:>18,.{self.digits}f}" for line, amount, *_ in lines.iter_rows()]
        return "\n".join([f"Operating statement ({self.costing} costing), residual 0", *shown, *self.notes])


def standard_variances(
    *,
    sales: pl.DataFrame | None = None,
    materials: pl.DataFrame | None = None,
    labour: pl.DataFrame | None = None,
    variable_overhead: pl.DataFrame | None = None,
    fixed_overhead: pl.DataFrame | None = None,
    other: pl.DataFrame | None = None,
    costing: Costing = "marginal",
    stock: Stock = "standard",
    outside: Outside = "at standard",
    digits: int = 2,
    notes: tuple[str, ...] = (),
    ends: tuple[float, float] | None = None,
) -> OperatingStatement:
    """The standard-cost variances of a closed period, and the statement from budget profit to actual profit.

    Formula: see the tables of `soe_lib.money.variances`, which also list the columns of each frame. Sales volume is
    valued at contribution (marginal), or at profit after standard_fixed_cost (absorption). Actual profit = revenue −
    amounts paid + unsold output at standard cost + unused purchases. With `stock` "standard" these are at standard
    price, "actual" at the price paid (their price variance stays in stock), "expensed" at 0.

    Parameters
    ----------
    sales, materials, labour, variable_overhead, fixed_overhead, other : figures by product, material, grade or pool;
        costs are positive. A missing table has neither standard nor actual cost; without sales, profit is that of
        the variances alone.
    costing : "marginal", or "absorption", which includes the variances of fixed overhead volume.
    outside : standard cost of the output that no table explains is assumed spent "at standard", with a note; or it is a
        separate "line".
    digits : decimals of the currency.
    ends : budget and actual profit of the ledgers, which the figures must equal [money].

    Raises DataError for a missing column or a blank figure, FormulationError for an unknown convention,
    ReconciliationError if the figures do not equal `ends`.

    Examples
    --------
    >>> sales = {"product": ["tea"], "budget_quantity": [120.0], "actual_quantity": [110.0], "contribution": [5.0]}
    >>> print(soe.money.standard_variances(sales=pl.DataFrame(sales)))
    Operating statement (marginal costing), residual 0
      budget profit              600.00
      sales quantity             -50.00
      sales mix                    0.00
      sales price                  0.00
      actual profit              550.00
    """
    _known(costing, stock, outside)
    given = {
        "sales": sales, "materials": materials, "labour": labour, "variable_overhead": variable_overhead,
        "fixed_overhead": fixed_overhead, "other": other,
    }  # fmt: skip
    full = costing == "absorption"
    read = _read(given, full)
    effects, spent, found = _effects(read, full, stock, outside)
    start, end = _tied((_budget(read, full), _actual(read, full, stock) - spent), ends)
    _complete(effects, start, end)
    scale = 10**digits
    first, last = (int(whole(profit * scale)[0]) for profit in (start, end))
    rows = _in_minor_units(effects, last - first, scale)
    return OperatingStatement(first, last, rows, _inventory(read), costing, stock, digits, (*notes, *found))


def _known(costing: str, stock: str, outside: str) -> None:
    """Raise FormulationError for an unknown convention."""
    for value, known in ((costing, get_args(Costing)), (stock, get_args(Stock)), (outside, get_args(Outside))):
        if value not in known:
            raise FormulationError(f"no convention {value!r}; choose one of {', '.join(known)}.")


def _read(given: Mapping[str, pl.DataFrame | None], full: bool) -> dict[str, pl.DataFrame]:
    """The given tables with all columns."""
    read = {name: _TABLES[name].read(frame) for name, frame in given.items() if frame is not None}
    if not read:
        raise DataError("no figures were given: there is no variance to compute.")
    return {**read, "sales": _worth(read["sales"], full)} if "sales" in read else read


def _effects(
    read: Mapping[str, pl.DataFrame], full: bool, stock: Stock, outside: Outside
) -> tuple[pl.DataFrame, float, list[str]]:
    """Every variance; cost outside the standards that is assumed spent at standard [money]; and notes."""
    effects = pl.concat([_TABLES[name].effects(frame) for name, frame in read.items()])
    if not full:
        effects = effects.filter(~pl.col("variance").is_in(TOTALS["fixed overhead volume"]))
    rest, spent, notes = _outside(read, full), 0.0, []
    if outside == "line":
        effects = pl.concat([effects, rest])
    elif rest.height:
        spent = float(rest["effect"].sum())
        note = f"{spent:,.2f} of standard cost is of inputs not given: assumed spent at standard."
        notes.append(note if "sales" in read else "No sales were given: profit is that of the variances alone.")
    if not full and _absorbed(read):
        notes.append(ABSORBED)
    return pl.concat([effects, _in_stock(read, stock)]), spent, notes


def _tied(found: tuple[float, float], ends: tuple[float, float] | None) -> tuple[float, float]:
    """Budget and actual profit of the ledgers, if given, after the check that the figures equal them."""
    for name, own, wanted in zip((BUDGET, ACTUAL), found, ends or found, strict=True):
        if abs(own - wanted) > 1e-4 + 1e-9 * abs(wanted):
            raise ReconciliationError(f"the statement's {name} is {own:,.4f}, the ledger's {wanted:,.4f}.")
    return ends or found


def _worth(sold: pl.DataFrame, full: bool) -> pl.DataFrame:
    """Sales with the value of volume: contribution, or profit after the standard fixed cost of a unit."""
    if not float(sold["budget_quantity"].sum()) and float(sold["actual_quantity"].sum()):
        raise DataError("sales: the budget has no units, so there is neither mix nor margin to measure volume by.")
    return sold.with_columns(worth=pl.col("contribution") - (pl.col("standard_fixed_cost") if full else 0.0))


def _absorbed(read: Mapping[str, pl.DataFrame]) -> bool:
    """Whether fixed overhead has a rate that marginal costing does not use."""
    return _total(read.get("fixed_overhead"), pl.col("standard_rate") * pl.col("standard_hours")) != 0


def _total(frame: pl.DataFrame | None, amount: pl.Expr) -> float:
    return 0.0 if frame is None or frame.is_empty() else float(frame.select(amount.sum()).item())


def _budget(read: Mapping[str, pl.DataFrame], full: bool) -> float:
    """Budget quantity × margin − budgeted fixed cost (marginal; in absorption it is in the margin) − other budgets."""
    fixed = 0.0 if full else _total(read.get("fixed_overhead"), pl.col("budget"))
    return (
        _total(read.get("sales"), pl.col("budget_quantity") * pl.col("worth"))
        - fixed
        - _total(read.get("other"), pl.col("budget"))
    )


def _actual(read: Mapping[str, pl.DataFrame], full: bool, stock: Stock) -> float:
    """Revenue − paid + goods made and not sold at standard cost + material bought and not used."""
    unit = _unit_cost(full)
    income = _total(read.get("sales"), pl.col("revenue") + (pl.col("made") - pl.col("actual_quantity")) * unit)
    paid = sum(_total(frame, pl.col("paid")) for name, frame in read.items() if name != "sales")
    return income - paid + _total(read.get("materials"), _carried(stock))


def _unit_cost(full: bool) -> pl.Expr:
    """Standard cost of a unit: its budget price less its margin."""
    cost = pl.col("budget_price") - pl.col("contribution")
    return cost + pl.col("standard_fixed_cost") if full else cost


def _carried(stock: Stock) -> pl.Expr:
    kept = pl.col("bought") - pl.col("used")
    price = pl.when(pl.col("bought") != 0).then(pl.col("paid") / pl.col("bought")).otherwise("standard_price")
    return {"standard": kept * pl.col("standard_price"), "actual": kept * price, "expensed": kept * 0.0}[stock]


def _in_stock(read: Mapping[str, pl.DataFrame], stock: Stock) -> pl.DataFrame:
    """The inventory line: material in stock at other than its standard price."""
    if stock == "standard" or "materials" not in read:
        return pl.DataFrame(schema=VARIANCE)
    effect = _carried(stock) - _carried("standard")
    rows = read["materials"].select(variance=pl.lit(IN_STOCK), product="product", of="material", effect=effect)
    return rows.cast(VARIANCE)


def _outside(read: Mapping[str, pl.DataFrame], full: bool) -> pl.DataFrame:
    """Standard cost of the output less the given standard inputs: 0 if the standards are complete."""
    made = _total(read.get("sales"), pl.col("made") * _unit_cost(full))
    inputs = _total(read.get("materials"), pl.col("standard_quantity") * pl.col("standard_price"))
    hours = ("labour", "variable_overhead", *(("fixed_overhead",) if full else ()))
    inputs += sum(_total(read.get(name), pl.col("standard_hours") * pl.col("standard_rate")) for name in hours)
    row = {"variance": NOT_STANDARD, "product": "", "of": "", "effect": made - inputs}
    return pl.DataFrame([row] if abs(made - inputs) > 1e-9 * (1.0 + abs(made)) else [], schema=VARIANCE)


def _complete(effects: pl.DataFrame, start: float, end: float) -> None:
    found, change = float(effects["effect"].sum()), end - start
    size = float(effects["effect"].abs().sum()) + abs(start) + abs(end)
    if abs(found - change) > 1e-4 + 1e-11 * size:
        raise ReconciliationError(f"the variances add up to {found:,.4f}, but profit moves by {change:,.4f}.")


def _in_minor_units(effects: pl.DataFrame, change: int, scale: int) -> pl.DataFrame:
    order = {name: place for place, name in enumerate(WORDS)}
    place = pl.col("variance").replace_strict(order, return_dtype=pl.Int64)
    rows = effects.with_columns(_place=place).sort("_place", maintain_order=True)
    real = rows.filter((pl.col("effect") * scale).abs() >= NOISE)
    rows = (
        rows if real.is_empty() else rows.filter(((pl.col("effect") * scale).abs() >= NOISE) | (pl.col("effect") == 0))
    )
    cents = nested(rows["effect"].to_numpy() * scale, [rows["_place"].to_numpy()], change)
    return rows.drop("_place", "effect").with_columns(pl.Series("amount", cents, dtype=pl.Int64))


def _inventory(read: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    columns = ["material", "bought", "used", "price_variance", "of_used", "in_stock", "stock_change"]
    if "materials" not in read:
        return pl.DataFrame(schema={name: pl.String if name == "material" else pl.Float64 for name in columns})
    kept, price = pl.col("bought") - pl.col("used"), pl.col("standard_price")
    waiting = pl.when(pl.col("bought") != 0).then((price * pl.col("bought") - pl.col("paid")) / pl.col("bought") * kept)
    return (
        read["materials"]
        .with_columns(price_variance=price * pl.col("bought") - pl.col("paid"), in_stock=waiting.otherwise(0.0))
        .with_columns(of_used=pl.col("price_variance") - pl.col("in_stock"), stock_change=kept * price)
        .filter((kept != 0) & ((pl.col("bought") != 0) | (pl.col("standard_quantity") != 0)))
        .select(columns)
    )
