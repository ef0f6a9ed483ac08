"""Charts of demand: what is wanted, who is served on time, who waits, and where the month will end."""

from __future__ import annotations

import polars as pl
from matplotlib.axes import Axes

from soe_lib.review import style, words
from soe_lib.review.style import Chart, nothing_to_show

PANELS = 6
REST = "All other families"


def demand_finding(frame: pl.DataFrame) -> str:
    """The sentence of the demand chart: whose orders run furthest above the forecast, else whose sales ran
    off it.
    """
    coming = frame.filter(pl.col("actual").is_null()).group_by("family").agg(pl.col("orders", "forecast").sum())
    beyond = coming.with_columns(gap=pl.col("orders") - pl.col("forecast")).sort(
        "gap", "family", descending=[True, False]
    )
    over = weeks_above(frame)
    if over.height:
        top = over.row(0, named=True)
        return (
            f"{top['family']}: orders for {words.period_name(top['week'])} are "
            f"{words.versus(top['orders'], top['forecast'])} forecast, "
            f"{words.number(top['orders'] - top['forecast'])} units that nobody forecast"
        )
    past = frame.drop_nulls(["actual", "forecast"]).group_by("family").agg(pl.col("actual", "forecast").sum())
    past = past.filter(pl.col("forecast") > 0).with_columns(off=pl.col("actual") / pl.col("forecast") - 1)
    if past.is_empty():
        return f"Orders stay within the forecast of {words.count(beyond.height, 'family')}"
    top = past.sort(pl.col("off").abs(), "family", descending=[True, False]).row(0, named=True)
    weeks = words.count(past_weeks(frame), "finished week")
    return f"{top['family']}: sales of {weeks} are {words.versus(top['actual'], top['forecast'])} forecast"


def past_weeks(frame: pl.DataFrame) -> int:
    """How many finished weeks have both sales and a forecast."""
    return frame.drop_nulls(["actual", "forecast"])["week"].n_unique()


def weeks_above(frame: pl.DataFrame, *, share: float = 0.10) -> pl.DataFrame:
    """Weeks to come in which the orders already exceed the forecast by more than a share; the largest
    first.
    """
    coming = frame.filter(pl.col("actual").is_null() & (pl.col("orders") > pl.col("forecast") * (1 + share)))
    return coming.sort(pl.col("orders") - pl.col("forecast"), descending=True)


def demand(frame: pl.DataFrame) -> Chart:
    """Units by week, one panel per family: sold (bars), ordered (outlined bars), forecast (line).

    Parameters
    ----------
    frame : family, week ("2026-W48"), forecast, orders, actual [units]; actual is null in weeks to come.
    """
    if frame.is_empty():
        return nothing_to_show("No demand in this extract")
    title = demand_finding(frame)
    kept = folded(frame)
    families = kept.group_by("family").agg(size=pl.col("forecast").sum() + pl.col("orders").sum())
    order = families.sort([pl.col("family") == REST, "size", "family"], descending=[False, True, False])
    names = order["family"].to_list()
    columns = 1 if len(names) == 1 else 2
    rows = -(-len(names) // columns)
    below = "Units per week, by week of demand"
    figure, axes = style.new_figure(height=1.8 * rows + 0.45, title=title, subtitle=below, rows=rows, columns=columns)
    for place, panel in enumerate(axes):
        if place >= len(names):
            panel.set_axis_off()
            continue
        draw_family(panel, kept.filter(pl.col("family") == names[place]).sort("week"))
    style.figure_key(figure, axes[0])
    return Chart(figure, title, f"{title}. {described(kept)}")


def folded(frame: pl.DataFrame) -> pl.DataFrame:
    """Small families put together, so that no chart has more panels than a reader follows."""
    sizes = frame.group_by("family").agg(size=pl.col("forecast").sum() + pl.col("orders").sum())
    if sizes.height <= PANELS:
        return frame
    kept = sizes.sort(["size", "family"], descending=[True, False])["family"].head(PANELS - 1)
    name = pl.when(pl.col("family").is_in(kept.to_list())).then("family").otherwise(pl.lit(REST))
    known = pl.col("actual").is_not_null().any()
    total = pl.when(known).then(pl.col("actual").sum())
    return (
        frame.with_columns(family=name).group_by("family", "week").agg(pl.col("forecast", "orders").sum(), actual=total)
    )


def draw_family(axes: Axes, panel: pl.DataFrame) -> None:
    """One family: bars of what was sold and what is ordered, the forecast as steps over them."""
    places = list(range(panel.height))
    sold = panel["actual"].fill_null(0.0).to_numpy()
    future = panel["actual"].is_null()
    ordered = panel.select(pl.when(future).then("orders").otherwise(0.0)).to_series().fill_null(0.0).to_numpy()
    axes.bar(places, sold, width=0.72, color=style.MUTED, label="Sold", zorder=2)
    axes.bar(places, ordered, width=0.72, color=style.SKY, label="Ordered so far", zorder=2)
    forecast = panel["forecast"].to_list()
    known = [(place, value) for place, value in zip(places, forecast, strict=True) if value is not None]
    levels = [value for _, value in known]
    left, right = [place - 0.42 for place, _ in known], [place + 0.42 for place, _ in known]
    axes.hlines(levels, left, right, color=style.RED, linewidth=1.9, label="Forecast", zorder=3)
    style.panel_title(axes, panel["family"][0], limit=52)
    style.named_weeks(axes, panel["week"], most=8)
    style.plain_numbers(axes, bins=4)


def described(frame: pl.DataFrame) -> str:
    """Each family's totals in words."""
    totals = frame.group_by("family").agg(
        forecast=pl.col("forecast").sum(), orders=pl.col("orders").sum(), sold=pl.col("actual").sum()
    )
    parts = [
        f"{family}: forecast {words.number(forecast)}, ordered {words.number(orders)}, sold {words.number(sold)}"
        for family, forecast, orders, sold in totals.sort("family").rows()
    ]
    return f"{'; '.join(parts)}."


ROWS = 24


def outlook_finding(frame: pl.DataFrame) -> str:
    """The sentence of the outlook: who leaves the band and by how much; falling short and running over
    count alike.
    """
    month = words.listing([words.month_name(month) for month in frame["month"].unique().sort()])
    out = frame.filter(pl.col("share").is_not_null() & ~pl.col("inside")).with_columns(off=pl.col("share") - 1)
    if out.is_empty():
        return f"Every family is heading for its S&OP commitment of {month}, within tolerance"
    worst = out.sort(pl.col("off").abs(), "family", descending=[True, False]).row(0, named=True)
    others = [name for name in out["family"].unique().sort() if name != worst["family"]]
    verb = "is" if len(others) == 1 else "are"
    rest = f"; {words.listing(others)} {verb} outside tolerance too" if others else ""
    side = "below" if worst["off"] < 0 else "above"
    gap = words.number(abs(worst["outlook"] - worst["consensus"]))
    return (
        f"{worst['family']}: heading {words.percent(abs(worst['off']))} {side} the S&OP commitment of "
        f"{words.month_name(worst['month'])}, {gap} units{rest}"
    )


def month_outlook(frame: pl.DataFrame) -> Chart:
    """Sold so far and still planned as a share of the commitment, one bar per family and month.

    Parameters
    ----------
    frame : family, month ("2026-11"), consensus, actual, planned, outlook [units], share [outlook ÷
        consensus], low, high [shares, the tolerance band], inside [whether the share lies within it].
    """
    kept = frame.filter(pl.col("consensus") > 0)
    if kept.is_empty():
        return nothing_to_show("No S&OP commitment for these months")
    title = outlook_finding(kept)
    shown = kept.sort("month", "family").head(ROWS)
    figure, (axes,) = style.new_figure(
        height=0.4 * shown.height + 0.85, title=title,
        subtitle="Outlook of sales as a share of the S&OP commitment; shaded: tolerance",
    )  # fmt: skip
    style.tidy(axes, grid="x")
    several = shown["month"].n_unique() > 1
    far = 1.0
    for place, row in enumerate(shown.iter_rows(named=True)):
        sold, planned = row["actual"] / row["consensus"], row["planned"] / row["consensus"]
        axes.barh(place, row["high"] - row["low"], left=row["low"], height=0.86, color="#dfeee8", zorder=1,
                  label="Tolerance" if place == 0 else None)  # fmt: skip
        axes.barh(place, sold, height=0.44, color=style.MUTED, zorder=2, label="Sold so far" if place == 0 else None)
        axes.barh(place, planned, left=sold, height=0.44, color=style.SKY, zorder=2,
                  label="Planned for the rest" if place == 0 else None)  # fmt: skip
        note = f"{words.percent(row['share'])}  ({words.number(row['outlook'] - row['consensus'], sign=True)})"
        far = max(far, row["high"], row["share"])
        ink = style.INK if row["inside"] else style.DARK_RED
        edge = (max(row["share"], row["high"]), place)
        style.note(axes, note, edge, shift=(6, 0), ha="left", color=ink, bold=not row["inside"])
    axes.axvline(1.0, color=style.INK, linewidth=1.2, zorder=3, label="Commitment")
    names = [f"{row['family']}, {words.month_name(row['month'])}" if several else row["family"]
             for row in shown.iter_rows(named=True)]  # fmt: skip
    style.named_rows(axes, names, limit=36)
    axes.set_xlim(0, far * 1.2)
    style.percent_axis(axes, which="x")
    style.figure_key(figure, axes)
    parts = [f"{row['family']} {words.month_name(row['month'])}: {words.percent(row['share'])} of "
             f"{words.number(row['consensus'])}" for row in shown.iter_rows(named=True)]  # fmt: skip
    return Chart(figure, title, f"{title}. {'; '.join(parts)}.")


SERVICE_ROWS = 20
MARKS = (
    ("on_time", "On time", style.BLUE),
    ("late", "Late", style.AMBER),
    ("short", "Not served", style.DARK_RED),
)


def service_finding(frame: pl.DataFrame) -> str:
    """The sentence of the service chart: the overall share on time, and who waits most."""
    total = float(frame["demand"].sum())
    share = float(frame["on_time"].sum()) / total if total else 0.0
    opening = f"{words.percent(share, decimals=1)} of demand is served on time"
    missed = frame.with_columns(missed=pl.col("late") + pl.col("short")).sort("missed", descending=True)
    if float(missed["missed"][0]) < 0.5:
        return f"{opening}: nobody waits"
    worst = missed.row(0, named=True)
    parts = [(worst["late"], "late"), (worst["short"], "not served")]
    said = " and ".join(f"{words.number(size)} units {text}" for size, text in parts if size >= 0.5)
    return f"{opening}; {worst['group']} misses most: {said}"


def service(frame: pl.DataFrame, *, what: str = "priority") -> Chart:
    """Shares of demand on time, late and not served, one bar per group.

    Parameters
    ----------
    frame : group [its name], order [its place], demand, on_time, late, short [units].
    what : what the groups are, for the line below the title.
    """
    kept = frame.filter(pl.col("demand") > 0)
    if kept.is_empty():
        return nothing_to_show("No demand to serve")
    title = service_finding(kept)
    shown = kept.sort("order", "group").head(SERVICE_ROWS)
    left_out = f"; {kept.height - SERVICE_ROWS} smaller not shown" if kept.height > SERVICE_ROWS else ""
    figure, (axes,) = style.new_figure(
        height=0.37 * shown.height + 0.75,
        title=title,
        subtitle=f"Share of units demanded, by {what}{left_out}",
    )
    style.tidy(axes, grid="none")
    axes.spines["left"].set_visible(False)
    parts = [(name, (shown[column] / shown["demand"]).to_list(), colour) for column, name, colour in MARKS]
    for (_, shares, colour), ends in zip(parts, style.stacked(axes, parts, thick=0.64), strict=True):
        for place, (share, end) in enumerate(zip(shares, ends, strict=True)):
            if share >= 0.06:
                ink = style.INK if colour == style.AMBER else style.PAPER
                text = words.percent(share, decimals=1 if share < 1 else 0)
                style.note(axes, text, (end - share / 2, place), color=ink)
    for place, row in enumerate(shown.iter_rows(named=True)):
        missed = row["late"] + row["short"]
        note = (
            f"{words.number(missed)} of {words.number(row['demand'])}" if missed >= 0.5 else words.number(row["demand"])
        )
        style.note(axes, note, (1.01, place), ha="left", color=style.MUTED)
    style.named_rows(axes, shown["group"], limit=34, top=-0.85)
    axes.set_xlim(0, 1.17)
    axes.set_xticks([])
    style.note(axes, "Units missed of", (1.01, -0.72), ha="left", color=style.MUTED)
    style.figure_key(figure, axes)
    told = [f"{row['group']}: {words.percent(row['on_time'] / row['demand'], decimals=1)} on time"
            for row in shown.iter_rows(named=True)]  # fmt: skip
    return Chart(figure, title, f"{title}. {'; '.join(told)}.")


def gaps_finding(frame: pl.DataFrame) -> str:
    """The sentence of the gaps: how many weeks miss demand, which is worst, and what is never served."""
    missed = frame.with_columns(missed=pl.col("late") + pl.col("short")).filter(pl.col("missed") >= 0.5)
    if missed.is_empty():
        return "Demand is served on time in every week"
    worst = missed.sort("missed", descending=True).row(0, named=True)
    short = float(frame["short"].sum())
    end = f"; {words.number(short)} units are never served" if short >= 0.5 else "; all of it is served in the end"
    return (
        f"{words.sentence(words.count(missed.height, 'week'))[:-1]} "
        f"{'misses' if missed.height == 1 else 'miss'} demand, {words.period_name(worst['week'])} by most "
        f"({words.number(worst['missed'])} units){end}"
    )


def gaps(frame: pl.DataFrame) -> Chart:
    """Units due per week: served on time, served late, never served.

    Parameters
    ----------
    frame : week ("2026-W48"), demand, on_time, late, short [units], by the week in which the demand is due.
    """
    if frame.is_empty() or float(frame["demand"].sum()) <= 0:
        return nothing_to_show("No demand to serve")
    title = gaps_finding(frame)
    shown = frame.sort("week")
    largest = float(str(shown["demand"].max()))
    divisor, word = style.scale(largest)
    figure, (axes,) = style.new_figure(
        height=2.7,
        title=title,
        subtitle=f"{words.sentence(f'{word} units'.strip())[:-1]} by the week they are due",
    )
    marks = (("on_time", "Served on time", style.SKY), ("late", "Served late", style.AMBER),
             ("short", "Never served", style.DARK_RED))  # fmt: skip
    bars = [(name, [size / divisor for size in shown[column]], colour) for column, name, colour in marks]
    base = style.stacked(axes, bars, thick=0.74, upright=True)[-1]
    for place, row in enumerate(shown.iter_rows(named=True)):
        missed = row["late"] + row["short"]
        if missed >= 0.5:
            style.note(axes, words.number(-missed), (place, base[place]), shift=(0, 3), va="bottom")
    style.named_weeks(axes, shown["week"], most=18)
    axes.set_ylim(0, max(base) * 1.1)
    style.plain_numbers(axes, bins=5)
    style.figure_key(figure, axes)
    missing = shown.filter(pl.col("late") + pl.col("short") >= 0.5)
    parts = [
        f"{words.period_name(week)}: {words.number(late)} late, {words.number(short)} not served"
        for week, late, short in missing.select("week", "late", "short").rows()
    ]
    return Chart(figure, title, f"{title}. {words.listing(parts, limit=20)}." if parts else f"{title}.")


ORDER_RISK_ROWS = 12
SOON, LATER = 7, 14
BANDS = (
    ("up to a week late", "AMBER", pl.col("days") <= SOON),
    ("up to two weeks late", "RED", (pl.col("days") > SOON) & (pl.col("days") <= LATER)),
    ("later, or never", "INK", pl.col("days").is_null() | (pl.col("days") > LATER)),
)
"""Name, colour and test of each class of lateness, the mildest first."""


def order_risk_finding(orders: pl.DataFrame, currency: str) -> str:
    """The sentence of the chart: how many orders, how much revenue, and whose is the largest."""
    if orders.is_empty():
        return "No open order is at risk"
    revenue = float(orders["revenue"].sum())
    worst = orders.sort(["revenue", "order"], descending=[True, False]).row(0, named=True)
    many = words.count(orders["order"].n_unique(), "order")
    verb = "is" if orders["order"].n_unique() == 1 else "are"
    return (
        f"{many} {verb} at risk, {words.brief_money(revenue, currency)} of revenue; "
        f"the largest is {worst['order']} for {worst['customer']}"
    )


def order_risk(frame: pl.DataFrame, currency: str) -> Chart:
    """Revenue that waits, one bar per order, split by how late its lines come.

    Parameters
    ----------
    frame : order, customer, days_late [days, null where nothing comes], short [units], revenue [money], as
        `frames.orders_at_risk` gives them. currency : of the revenue.
    """
    days = pl.when(pl.col("short") <= 0).then(pl.col("days_late"))
    dated = frame.with_columns(days=days)
    orders = dated.group_by("order", "customer").agg(
        pl.col("revenue").sum(),
        *(pl.col("revenue").filter(test).sum().alias(name) for name, _, test in BANDS),
    )
    title = order_risk_finding(orders, currency)
    if orders.is_empty():
        return nothing_to_show(title)
    shown = orders.sort(["revenue", "order"], descending=[True, False]).head(ORDER_RISK_ROWS)
    left_out = f"; the largest {ORDER_RISK_ROWS} of {orders.height}" if orders.height > ORDER_RISK_ROWS else ""
    figure, (axes,) = style.new_figure(
        height=0.33 * shown.height + 0.75,
        title=title,
        subtitle=f"Revenue of open orders that wait, {currency}, by the latest day of each line{left_out}",
    )
    style.tidy(axes, grid="x")
    bars = [(name, shown[name].to_list(), getattr(style, colour)) for name, colour, _ in BANDS]
    before = style.stacked(axes, bars, thick=0.62)[-1]
    for place, amount in enumerate(before):
        style.note(axes, words.number(amount), (amount, place), shift=(4, 0), ha="left")
    names = [f"{order}, {customer}" for order, customer in shown.select("order", "customer").rows()]
    style.named_rows(axes, names)
    axes.set_xlim(0, before[0] * 1.14)
    style.plain_numbers(axes, which="x")
    style.figure_key(figure, axes)
    parts = [f"{name}: {words.money(money, currency)}" for name, money in zip(names, before, strict=True)]
    return Chart(figure, title, f"{title}. {'; '.join(parts)}.")
