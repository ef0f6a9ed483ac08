"""Ledger: the money lines of a plan by account and date, and finance's totals of them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt
import polars as pl

from soe_lib.display import html
from soe_lib.errors import FormulationError, advice
from soe_lib.money.rounding import nested, whole

ACCOUNTS = (
    "revenue",
    "material",
    "conversion",
    "overtime",
    "changeover",
    "freight",
    "expediting",
    "holding",
    "penalties",
    "write-offs",
    "fixed",
    "workforce",
    "stock change",
    "opening stock",
    "end value",
    "handed on",
    "goodwill",
    "expected shortage",
    "below safety",
    "nervousness",
    "fence breaks",
    "disruption",
)
"""The accounts known by name; others follow in alphabetical order, after the last cash account."""

KINDS = ("cash", "inventory", "steering")
"""cash: earned or spent. inventory: value of the closing stock. steering: influences the plan, is not money."""

STEERING = {"goodwill": "Goodwill", "shortage": "Expected shortage", "other": "Other steering"}
"""Groups of steering accounts in reports: goodwill lost with customers; the expected cost of late, lost or expedited
units because stock is low; and the rest (below safety stock, prices of a change). The three add up to steering."""

MARGIN_KINDS = ("cash", "inventory")
"""margin = cash + inventory."""


def in_order(accounts: Iterable[str]) -> list[str]:
    """The accounts given, each once, in finance's order.

    Formula: the known ones as in ACCOUNTS; unknown ones by name, after the last cash account.
    """
    named = set(accounts)
    cut = ACCOUNTS.index("stock change")
    cash, rest = ACCOUNTS[:cut], ACCOUNTS[cut:]
    unknown = sorted(named - set(ACCOUNTS))
    return [account for account in (*cash, *unknown, *rest) if account in named]


def rank(accounts: pl.Series) -> pl.Series:
    """The rank of each account in finance's order, as a sort key; same shape."""
    places = {account: place for place, account in enumerate(in_order(accounts.unique().to_list()))}
    return accounts.replace_strict(places, default=None, return_dtype=pl.Int64) if places else accounts.cast(pl.Int64)


BEYOND = "beyond"
"""The pseudo-period after the horizon: late arrivals and the last closing stock."""

PERIODS = pl.Schema(
    {
        "period": pl.String,
        "index": pl.Int64,
        "starts_on": pl.Date,
        "ends_on": pl.Date,
        "days": pl.Int64,
        "week": pl.String,
        "month": pl.String,
        "months": pl.String,
    }
)
"""The columns of a Snapshot's periods that the money room reads."""


def no_periods() -> pl.DataFrame:
    """An empty frame of periods."""
    return pl.DataFrame(schema=PERIODS)


def known_periods(periods: pl.DataFrame) -> pl.DataFrame:
    """The columns of a frame of periods that money needs: period, starts_on, ends_on, days, week, month, months.

    `days` includes both ends; a missing week or month is derived from the first day. `months` lists all fiscal months
    of the period with their working days ("2026-11:1 2026-12:4"), null if only `month` is known.

    Raises FormulationError if period, starts_on or ends_on is missing.
    """
    needed = ["period", "starts_on", "ends_on"]
    if lost := [name for name in needed if name not in periods.columns]:
        raise FormulationError(f"periods lack {', '.join(lost)}: money is booked by period, which needs its dates.")
    return periods.select(
        pl.col("period").cast(pl.String),
        "starts_on",
        "ends_on",
        days=(pl.col("ends_on") - pl.col("starts_on")).dt.total_days() + 1,
        week=pl.col("week").cast(pl.String) if "week" in periods.columns else _week(pl.col("starts_on")),
        month=pl.col("month").cast(pl.String) if "month" in periods.columns else _month(pl.col("starts_on")),
        months=pl.col("months").cast(pl.String) if "months" in periods.columns else pl.lit(None, dtype=pl.String),
    )


def timeline(labels: pl.Series, *frames: pl.DataFrame) -> pl.DataFrame:
    """The dates of labels: period, starts_on, ends_on, days, week, month, months; one row per known label.

    A label is looked up in the frames in turn. Otherwise an ISO date is a day, an ISO week ("2026-W48") seven days, a
    month ("2026-11") a calendar month. "beyond" is the day after the last period of the first frame.

    Parameters
    ----------
    labels : names, in any order, repeats allowed.
    frames : frames of periods, the label's own plan first.
    """
    found = pl.concat([known_periods(frame) for frame in frames] + [known_periods(no_periods())])
    found = found.unique("period", keep="first", maintain_order=True)
    wanted = pl.DataFrame({"period": labels.cast(pl.String)}).unique().drop_nulls()
    given = wanted.join(found, on="period", how="inner", validate="m:1")
    rest = wanted.join(found, on="period", how="anti")
    return pl.concat([given, _read(rest), _beyond(rest, frames[0] if frames else found)]).sort("starts_on", "period")


def _read(labels: pl.DataFrame) -> pl.DataFrame:
    label = pl.col("period")
    day = pl.when(label.str.len_chars() == 10).then(label).str.to_date("%Y-%m-%d", strict=False)
    monday = (label + "-1").str.to_date("%G-W%V-%u", strict=False)
    first = pl.when(label.str.len_chars() == 7).then(label + "-01").str.to_date("%Y-%m-%d", strict=False)
    return (
        labels.with_columns(_day=day, _monday=monday, _first=first)
        .with_columns(
            starts_on=pl.coalesce("_day", "_monday", "_first"),
            ends_on=pl.coalesce("_day", pl.col("_monday").dt.offset_by("6d"), pl.col("_first").dt.month_end()),
        )
        .drop_nulls("starts_on")
        .select(
            "period",
            "starts_on",
            "ends_on",
            days=(pl.col("ends_on") - pl.col("starts_on")).dt.total_days() + 1,
            week=_week(pl.col("starts_on")),
            month=_month(pl.col("starts_on")),
            months=pl.lit(None, dtype=pl.String),
        )
    )


def _beyond(labels: pl.DataFrame, found: pl.DataFrame) -> pl.DataFrame:
    here = labels.filter(pl.col("period") == BEYOND)
    after = pl.lit(found.get_column("ends_on").max(), dtype=pl.Date).dt.offset_by("1d")
    return here.with_columns(
        starts_on=after,
        ends_on=after,
        days=pl.lit(1, dtype=pl.Int64),
        week=pl.lit(BEYOND),
        month=pl.lit(BEYOND),
        months=pl.lit(None, dtype=pl.String),
    ).drop_nulls("starts_on")


def month_shares(dates: pl.DataFrame) -> pl.DataFrame:
    """The share of each period in each fiscal month: period, month, share; the shares of a period add up to 1.

    Formula: working days of the period in the month ÷ working days of the period; 1 for `month` if `months` is null.

    Parameters
    ----------
    dates : period, month, months, as `timeline` returns them.
    """
    parts = pl.coalesce("months", pl.format("{}:1", "month")).str.split(" ")
    each = dates.select("period", part=parts).explode("part").drop_nulls()
    cut = each.select("period", pl.col("part").str.split_exact(":", 1).struct.rename_fields(["month", "days"]))
    days = cut.unnest("part").with_columns(pl.col("days").cast(pl.Float64))
    return days.select("period", "month", share=pl.col("days") / pl.col("days").sum().over("period"))


def _week(day: pl.Expr) -> pl.Expr:
    return day.dt.strftime("%G-W%V")


def _month(day: pl.Expr) -> pl.Expr:
    return day.dt.strftime("%Y-%m")


LINES = pl.Schema(
    {
        "account": pl.String,
        "kind": pl.String,
        "flow": pl.String,
        "item": pl.String,
        "location": pl.String,
        "customer": pl.String,
        "period": pl.String,
        "quantity": pl.Float64,
        "per_unit": pl.Float64,
        "amount": pl.Float64,
    }
)
"""One line: amount = quantity × per_unit [money], booked to account, item, location, customer and period."""

UNMATCHED = pl.Schema({"flow": pl.String, "rows": pl.Int64, "quantity": pl.Float64})
"""Rows without a rate: their number and quantity, by flow."""

ADAPTED = pl.Schema({"flow": pl.String, "how": pl.String, "rows": pl.Int64, "quantity": pl.Float64})
"""Rows valued at the rate of another period or of the forecast, by flow."""

ITEMS = pl.Schema({"item": pl.String, "family": pl.String})
_TEXT = [name for name, dtype in LINES.items() if dtype == pl.String]


def _nothing(schema: pl.Schema) -> pl.DataFrame:
    return pl.DataFrame(schema=schema)


@dataclass(frozen=True, eq=False, repr=False)
class Ledger:
    """Every money line of one plan, solved or loaded.

    Formula: margin = Σ amount of kinds cash and inventory; margin + steering = the solver's objective.

    Parameters
    ----------
    lines : account, kind, flow, item, location, customer, period, quantity [unit], per_unit [money/unit]
        and amount [money].
    unmatched : flow, rows, quantity of rows without a rate, which are not in the lines.
    items : item, family and any other column to group the lines by.
    periods : period, starts_on, ends_on, week, month of the plan.
    adapted : flow, how, rows, quantity of rows valued at a substitute rate.

    Raises FormulationError on a missing column, an unknown kind, or an amount that is not a number.
    """

    lines: pl.DataFrame
    unmatched: pl.DataFrame = field(default_factory=lambda: _nothing(UNMATCHED))
    items: pl.DataFrame = field(default_factory=lambda: _nothing(ITEMS))
    periods: pl.DataFrame = field(default_factory=no_periods)
    adapted: pl.DataFrame = field(default_factory=lambda: _nothing(ADAPTED))

    def __post_init__(self) -> None:
        if lost := [name for name in LINES if name not in self.lines.columns]:
            raise FormulationError(f"ledger lines lack {', '.join(lost)}; a line has {', '.join(LINES)}.")
        text = pl.col(_TEXT).cast(pl.String).fill_null("")
        numbers = (pl.col(name).cast(dtype) for name, dtype in LINES.items() if name not in _TEXT)
        lines = self.lines.lazy().with_columns(text, *numbers).select(LINES.names()).collect()
        if not set(lines.get_column("kind").unique()) <= set(KINDS):
            strange = lines.filter(~pl.col("kind").is_in(KINDS))
            raise FormulationError(
                f"{strange.height} ledger lines have no kind of {', '.join(KINDS)}, first {strange.row(0)}."
            )
        if not np.isfinite(lines.get_column("amount").to_numpy()).all():
            bad = lines.filter(pl.col("amount").is_null() | ~pl.col("amount").is_finite())
            raise FormulationError(
                f"{bad.height} of {lines.height} ledger lines have no finite amount, first {bad.row(0)}; "
                "give the price or the cost that is missing."
            )
        object.__setattr__(self, "lines", lines)

    @property
    def cash(self) -> float:
        """Money earned less money spent within the plan."""
        return self._sum("cash")

    @property
    def inventory(self) -> float:
        """End value of the stock on hand and in transit."""
        return self._sum("inventory")

    @property
    def steering(self) -> float:
        """Amounts that influence the plan but are not money: goodwill, expected shortage, nervousness."""
        return self._sum("steering")

    def steered(self, without: Collection[str] = ()) -> dict[str, float]:
        """Steering by group: goodwill, shortage (expected), other; they add up to `steering` [money].

        Parameters
        ----------
        without : accounts to leave out.
        """
        own = self.lines.filter(pl.col("kind") == "steering", ~pl.col("account").is_in(list(without)))
        summed = dict(own.group_by("account").agg(pl.col("amount").sum()).iter_rows())
        found = {"goodwill": summed.pop("goodwill", 0.0), "shortage": summed.pop("expected shortage", 0.0)}
        return found | {"other": sum(summed[name] for name in in_order(summed))}

    @property
    def margin(self) -> float:
        """Cash margin plus end value."""
        return self._sum(*MARGIN_KINDS)

    @property
    def total(self) -> float:
        """Margin plus steering: the solver's objective, for the plan that it solved."""
        return self._sum(*KINDS)

    @property
    def lost(self) -> list[tuple[str, int, float]]:
        """Flow, rows and quantity of rows without a rate; every report of the money must show them."""
        return list(self.unmatched.select("flow", "rows", "quantity").iter_rows())

    @cached_property
    def turnover(self) -> float:
        """Σ |amount| [money]: the scale of float noise."""
        return float(self.lines.get_column("amount").abs().sum())

    def accounts(self) -> dict[str, float]:
        """Money by account, in finance's order, steering included."""
        return dict(self._totals)

    @cached_property
    def _totals(self) -> dict[str, float]:
        totals = dict(self.lines.group_by("account").agg(pl.col("amount").sum()).iter_rows())
        return {account: totals[account] for account in in_order(totals)}

    def by(self, *columns: str) -> pl.DataFrame:
        """Money by any columns of the lines or the items, by week or month; accounts in finance's order.

        Parameters
        ----------
        columns : account, kind, flow, item, location, customer, period, week, month, family, …

        Returns the columns and `amount` [money]. Raises FormulationError for an unknown column.
        """
        keys = list(dict.fromkeys(columns))
        grouped = self._summed(keys)
        if not keys:
            return grouped
        if "account" not in keys:
            return grouped.select(*keys, "amount").sort(keys)
        placed = grouped.with_columns(rank(grouped.get_column("account")).alias("_rank"))
        order = ["_rank" if key == "account" else key for key in keys]
        return placed.sort(order).select(*keys, "amount")

    def labelled(self, *columns: str, lines: pl.DataFrame | None = None) -> pl.DataFrame:
        """The lines with additional columns of their item (family, …) or period (week, month).

        A line whose period straddles fiscal months is split by working days into one line for each.

        Parameters
        ----------
        columns : family, week, month, … lines : default the ledger's; or the same lines with more columns.
        """
        return self._with_labels(self.lines if lines is None else lines, columns)

    def _summed(self, keys: Sequence[str]) -> pl.DataFrame:
        """Amounts by keys: lines are first summed by their own columns, then labelled, which is faster."""
        if not keys:
            return self.lines.select(pl.col("amount").sum())
        own = {"week": "period", "month": "period"}
        native = [key if key in self.lines.columns else own.get(key, "item") for key in keys]
        sums = self.lines.group_by(list(dict.fromkeys(native))).agg(pl.col("amount").sum())
        if native == list(keys):
            return sums
        return self._with_labels(sums, keys).group_by(keys).agg(pl.col("amount").sum())

    def _with_labels(self, lines: pl.DataFrame, columns: Sequence[str]) -> pl.DataFrame:
        for name in dict.fromkeys(columns):
            if name in lines.columns:
                continue
            if name == "week":
                lines = lines.join(self._weeks(), on="period", how="left", validate="m:1")
            elif name == "month":
                parts = lines.join(self._months(), on="period", how="left", maintain_order="left_right")
                split = [name for name in ("quantity", "amount") if name in lines.columns]
                lines = parts.with_columns(pl.col(split) * pl.col("share").fill_null(1.0)).drop("share")
            elif name in self.items.columns:
                labels = self.items.select(pl.col("item", name).cast(pl.String)).unique("item", keep="first")
                lines = lines.join(labels, on="item", how="left", validate="m:1")
            else:
                raise FormulationError(self._unknown(name))
            lines = lines.with_columns(pl.col(name).fill_null(""))
        return lines

    def cents(self, *columns: str, digits: int = 2) -> pl.DataFrame:
        """Money in whole minor units that add up: by account, by kind, to the margin and to the total.

        Formula: margin = round(Σ margin lines), steering = round(Σ lines) − margin; each is split by largest remainder
        by kind, by account, by row. An account has the same figure for any columns.

        Parameters
        ----------
        columns : group the money by these, as in `by`; none: line by line.
        digits : decimals of the currency, 2 for cents.

        Returns kind, account, the columns and `cents` (Int64); or the lines and `cents`.
        """
        if not columns:
            rows = self.lines
        else:
            keys = list(dict.fromkeys(("kind", "account", *columns)))
            rows = self._summed(keys).sort(keys)
        numbered = rows.with_row_index("_row")
        below = pl.col("kind") == "steering"
        parts = [numbered.filter(~below), numbered.filter(below)]
        cents = [_whole(part, 10**digits, goal) for part, goal in zip(parts, self._goals(digits), strict=True)]
        shown = pl.concat(
            [part.with_columns(pl.Series("cents", found)) for part, found in zip(parts, cents, strict=True)]
        )
        return shown.sort("_row").drop("_row", *(["amount"] if columns else []))

    def where(self, keep: pl.Expr) -> Ledger:
        """The ledger of the lines for which the expression is true."""
        return replace(self, lines=self.lines.filter(keep))

    def relabelled(self, *, items: pl.DataFrame | None = None, periods: pl.DataFrame | None = None) -> Ledger:
        """The same lines with other items and periods to group by."""
        return replace(
            self,
            items=self.items if items is None else items,
            periods=self.periods if periods is None else periods,
        )

    def __add__(self, other: Ledger) -> Ledger:
        return replace(
            self,
            lines=pl.concat([self.lines, other.lines]),
            unmatched=pl.concat([self.unmatched, other.unmatched]),
            adapted=pl.concat([self.adapted, other.adapted]),
        )

    def __repr__(self) -> str:
        accounts = self.accounts()
        width = max((len(account) for account in accounts), default=0)
        head = (
            f"Ledger: margin {self.margin:,.2f} (cash {self.cash:,.2f}, end value {self.inventory:,.2f}), "
            f"steering {self.steering:,.2f}; {self.lines.height:,} lines"
        )
        rows = [f"  {account:<{width}} {amount:>18,.2f}" for account, amount in accounts.items()]
        lost = [f"  without a rate: {rows:,} rows of {flow}, {q:,.6g} units" for flow, rows, q in self.lost]
        return "\n".join([head, *rows, *lost])

    def _repr_html_(self) -> str:
        accounts = pl.DataFrame(list(self.accounts().items()), schema=["account", "amount"], orient="row")
        return html(repr(self).partition("\n")[0], accounts)

    def _sum(self, *kinds: str) -> float:
        return float(sum(self._by_kind.get(kind, 0.0) for kind in kinds))

    @cached_property
    def _by_kind(self) -> dict[str, float]:
        found = self.lines.get_column("kind").unique()
        amounts = {kind: self.lines.filter(pl.col("kind") == kind).get_column("amount") for kind in found}
        return {kind: float(amount.sum()) for kind, amount in amounts.items()}

    def _goals(self, digits: int) -> tuple[int | None, int | None]:
        """The totals of margin and of steering lines in minor units; None if there are no such lines."""
        kinds = set(self.lines.get_column("kind").unique())
        margin, total = whole([self.margin * 10**digits, self.total * 10**digits]).tolist()
        if not kinds & set(MARGIN_KINDS):
            return None, total
        return margin, total - margin if "steering" in kinds else None

    def _weeks(self) -> pl.DataFrame:
        dates = timeline(self.lines.get_column("period"), self.periods).select("period", "week")
        after = pl.DataFrame({"period": [BEYOND], "week": [BEYOND]})
        return pl.concat([dates, after]).unique("period", keep="last")

    def _months(self) -> pl.DataFrame:
        dates = timeline(self.lines.get_column("period"), self.periods).filter(pl.col("period") != BEYOND)
        after = pl.DataFrame({"period": [BEYOND], "month": [BEYOND], "share": [1.0]})
        return pl.concat([month_shares(dates), after])

    def _unknown(self, name: str) -> str:
        known = [*LINES, "week", "month", *(c for c in self.items.columns if c != "item")]
        return f"A ledger has no column {name!r}. {advice(name, known)}"


def _whole(rows: pl.DataFrame, scale: int, goal: int | None) -> npt.NDArray[np.int64]:
    labels = [rows.get_column(name).rank("dense").to_numpy() for name in ("kind", "account")]
    return nested(rows.get_column("amount").to_numpy() * scale, labels, goal)
