"""The page of a replay: self-contained, without scripts, every chart with its finding and a text alternative."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jinja2
import polars as pl
from matplotlib.axes import Axes

from soe_lib.replay.carry import Floor
from soe_lib.replay.run import AS_IT_IS, CAUSES, CUSHION
from soe_lib.replay.truth import Truth
from soe_lib.review import style, words
from soe_lib.review.style import Chart, nothing_to_show
from soe_lib.workspace import root, shipped

TEMPLATE = "replay.html.j2"
COLOURS = (style.BLUE, style.GREEN, style.AMBER, style.PURPLE, style.RED, style.SKY)
FAMILIES = 12
SERVED = "Share of demand [units] that was served in the week in which it was due"
STOCK = "Closing stock at standard cost [{}]"
EXPEDITED = "Premium of expedited orders, cumulative [{}]"
CHANGED = "Change of planned starts in the coming four weeks against the plan of the Monday before [units]"
Results = Sequence[Mapping[str, Any]]


def replay_page(results: Results, *, company: str, currency: str, truth: Truth) -> str:
    """The page of one replay.

    Parameters
    ----------
    results : summaries of `run.lived`, planners and causes.
    """
    replays = [one for one in results if one["name"] not in CAUSES]
    causes = [one for one in results if one["name"] in CAUSES]
    drawn = [
        ("Share of hindsight by quarter", by_quarter(replays)),
        ("Share of hindsight by family", by_family(replays)),
        ("Service", _weekly(replays, "on_time", "Served when due", _service, SERVED, percent=True)),
        ("Stock", _weekly(replays, "stock", "Average stock", _mean(currency), STOCK.format(currency))),
        ("Expediting", _weekly(replays, "expediting", "Premiums paid", _total(currency), EXPEDITED.format(currency))),
        ("Changes of plan", _weekly(replays, "churn", "Average change", _units, CHANGED)),
        ("Where the rest was lost", lost(replays, causes, currency)),
    ]  # fmt: skip
    places = [folder / "templates" for folder in (root(), shipped()) if (folder / "templates" / TEMPLATE).is_file()]
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(places), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    style_sheet = environment.loader.get_source(environment, "style.css")[0] if environment.loader else ""
    best = max(replays, key=lambda one: one["share"])
    return environment.get_template(TEMPLATE).render(
        company=company,
        style=style_sheet,
        first=words.full_day(truth.start),
        weeks=truth.weeks,
        closing=truth.horizon,
        notes=_notes(results, truth),
        counted=_counted(truth),
        headline=f"{_headed(best['name'])} earned {words.percent(best['share'], decimals=1)} of hindsight.",
        hindsight=words.money(best["earned"], currency),
        rows=[
            {
                "name": _headed(one["name"]),
                "share": words.percent(one["share"], decimals=1),
                "money": words.money(one["money"] - one["hindsight"], currency, sign=True),
                "goodwill": words.money(one["accounts"].get("goodwill", 0.0), currency),
                "served": words.percent(_service(_table(one)), decimals=1),
            }
            for one in replays
        ],
        charts=[(title, chart.title, chart.alt, _picture(chart)) for title, chart in drawn],
    )


def _notes(results: Results, truth: Truth) -> list[str]:
    """Notes on the data, and on weeks without a plan within fence, overrides and promised quantities."""
    eased = {one["name"]: one["eased"] for one in results if one["eased"]}
    notes = [
        f"{_headed(name)}: {words.count(weeks, 'week')} had no plan that keeps the fence, the overrides and the "
        "promised quantities; they were planned without these."
        for name, weeks in eased.items()
    ]
    return [*truth.findings, *notes]


def _counted(truth: Truth) -> list[str]:
    """Sentences on how a replay treats shelf life, substitutes and restrictions, where the company has them."""
    ageing, real = Floor(truth).ageing, truth.real
    sentences = {
        "Shelf life is counted in whole weeks: goods are used first expired, first out; shipped goods keep their "
        "expiry date; expired goods are written off.": len(ageing.nodes) > 0,
        "A customer who accepts a substitute gets what the customers of the substitute itself leave.": (
            real["substitutions"].height > 0
        ),
        "The plan keeps the frozen fence around the plan of the Monday before, and the overrides and promised "
        "quantities of each Monday's extract; the base stock rule and hindsight do not.": truth.binds,
    }
    return [sentence for sentence, holds in sentences.items() if holds]


def _picture(chart: Chart) -> str:
    drawn = io.BytesIO()
    chart.figure.savefig(drawn, format="png", dpi=style.DPI, facecolor=style.PAPER)
    return base64.b64encode(drawn.getvalue()).decode("ascii")


def _shares(replays: Results, by: str) -> pl.DataFrame:
    """planner, the label `by`, share: money ÷ money of hindsight, where that is above 0."""
    rows = [{"planner": one["name"], **part} for one in replays for part in one["parts"]]
    frame = pl.DataFrame(rows).group_by("planner", by).agg(pl.col("money", "best").sum()).filter(pl.col("best") > 0)
    return frame.with_columns(share=pl.col("money") / pl.col("best")).sort(by, "planner")


def by_quarter(replays: Results) -> Chart:
    """Share of hindsight by quarter, one line for each planner."""
    frame = _shares(replays, "quarter")
    if frame.is_empty():
        return nothing_to_show("Hindsight earned nothing in any quarter")
    worst = frame.sort("share").row(0, named=True)
    title = f"The lowest quarter: {worst['planner']} with {words.percent(worst['share'], decimals=1)} of hindsight"
    series = {one["name"]: frame.filter(pl.col("planner") == one["name"]) for one in replays}
    lines = {name: (rows["quarter"].to_list(), rows["share"].to_list()) for name, rows in series.items()}
    return _lines(
        lines,
        title,
        "Money of each quarter, with changes of stock at standard cost, as a share of hindsight's",
        "Quarter, counted from the first Monday",
        percent=True,
    )


def by_family(replays: Results) -> Chart:
    """Share of hindsight by family, one bar for each planner."""
    frame = _shares(replays, "family")
    if frame.is_empty():
        return nothing_to_show("Hindsight earned nothing with any family")
    large = (
        frame.group_by("family").agg(pl.col("best").max()).sort("best", descending=True)["family"][:FAMILIES].to_list()
    )
    worst = frame.filter(pl.col("family").is_in(large)).sort("share").row(0, named=True)
    finding = f"{worst['planner']} earns {words.percent(worst['share'], decimals=1)} of hindsight"
    title = f"{style.label(worst['family'] or 'no family')} loses most: {finding}"
    bars = {
        one["name"]: dict(frame.filter(pl.col("planner") == one["name"]).select("family", "share").iter_rows())
        for one in replays
    }
    return _bars(
        bars, large, title, "Money of each family, with changes of stock at standard cost, as a share of hindsight's"
    )


def lost(replays: Results, causes: Results, currency: str) -> Chart:
    """The loss from each cause in the plan without a cushion: its share with the cause switched off, less its own."""
    named = {one["name"]: one for one in replays}
    if AS_IT_IS not in named or not (causes or CUSHION in named):
        return nothing_to_show("No cause was switched off")
    base = named[AS_IT_IS]["share"]
    gains = {CAUSES[one["name"]]: one["share"] - base for one in causes}
    if CUSHION in named:
        gains["a cushion"] = named[CUSHION]["share"] - base
    most = max(gains, key=lambda name: gains[name])
    worth = gains[most] * named[AS_IT_IS]["earned"]
    more = f"{words.brief_money(worth, currency)} more" if worth > 0 else "no more"
    title = f"With {most} the plan would have earned {more}"
    order = sorted(gains, key=lambda name: -gains[name])
    note = f"Points of hindsight gained over {words.percent(base, decimals=1)}, one cause at a time: they do not add up"
    return _bars({"gain": gains}, order, title, note)


def _table(one: Mapping[str, Any]) -> pl.DataFrame:
    return pl.DataFrame(one["weeks"], infer_schema_length=None)


def _service(table: pl.DataFrame) -> float:
    return float(table["on_time"].sum()) / (float(table["demand"].sum()) or 1.0)


def _mean(currency: str) -> Callable[[pl.DataFrame], str]:
    return lambda table: words.brief_money(float(table["stock"].mean()), currency)  # type: ignore[arg-type]


def _total(currency: str) -> Callable[[pl.DataFrame], str]:
    return lambda table: words.brief_money(float(table["expediting"].sum()), currency)


def _units(table: pl.DataFrame) -> str:
    churn = table["churn"].drop_nulls()
    return f"{words.brief_number(float(churn.mean()))} units a week" if churn.len() else "none known"  # type: ignore[arg-type]


def _weekly(
    replays: Results,
    column: str,
    what: str,
    figure: Callable[[pl.DataFrame], Any],
    subtitle: str,
    *,
    percent: bool = False,
) -> Chart:
    """One measure by week, one line for each planner; the title states each planner's figure."""
    lines, figures = {}, []
    for one in replays:
        table = _table(one)
        values = pl.col(column) / pl.col("demand") if percent else pl.col(column)
        shown = table.select("week", value=values.cum_sum() if column == "expediting" else values).drop_nulls()
        found = figure(table)
        if shown.height:
            figures.append(f"{one['name']} {words.percent(found, decimals=1) if percent else found}")
            lines[one["name"]] = ((shown["week"] + 1).to_list(), shown["value"].to_list())
    title = f"{what}: {'; '.join(figures)}" if figures else f"{what}: no planner looks ahead"
    return _lines(lines, title, subtitle, "Week", percent=percent) if lines else nothing_to_show(title)


def _lines(
    lines: Mapping[str, tuple[list[Any], list[float]]], title: str, subtitle: str, x: str, *, percent: bool = False
) -> Chart:
    figure, (axes,) = style.new_figure(height=3.2, subtitle=subtitle)
    for colour, (name, (places, values)) in zip(COLOURS, lines.items(), strict=False):
        axes.plot(places, values, color=colour, linewidth=1.8, marker="o", markersize=3, label=style.label(name))
    style.axis_name(axes, x=x)
    _numbers(axes, percent)
    ticks = sorted({place for places, _ in lines.values() for place in places})
    axes.set_xticks(ticks[:: len(ticks) // 14 + 1])
    axes.margins(x=0.04)
    style.figure_key(figure, axes)
    ends = (
        f"{name}: {words.percent(values[-1], decimals=1) if percent else words.number(values[-1])} at the end"
        for name, (_, values) in lines.items()
    )
    return Chart(figure, title, f"{title}. {'; '.join(ends)}.")


def _bars(bars: Mapping[str, Mapping[str, float]], order: Sequence[str], title: str, subtitle: str) -> Chart:
    height = 0.22 * len(order) * len(bars) + 0.14 * len(order) + 0.8
    figure, (axes,) = style.new_figure(height=height, subtitle=subtitle)
    style.tidy(axes, grid="x")
    thick = 0.8 / len(bars)
    for number, (colour, (name, values)) in enumerate(zip(COLOURS, bars.items(), strict=False)):
        places = [place + (number - (len(bars) - 1) / 2) * thick for place in range(len(order))]
        shown = [values.get(label, 0.0) for label in order]
        axes.barh(places, shown, height=thick * 0.9, color=colour, label=style.label(name))
        for place, value in zip(places, shown, strict=True):
            style.note(
                axes,
                words.percent(value, decimals=1, sign=len(bars) == 1),
                (max(value, 0.0), place),
                shift=(4, 0),
                ha="left",
                color=style.MUTED,
            )
    axes.set_yticks(range(len(order)), [style.label(name or "no family", limit=34) for name in order])
    axes.invert_yaxis()
    axes.margins(x=0.12)
    style.percent_axis(axes, which="x")
    if len(bars) > 1:
        style.figure_key(figure, axes)
    values_by_label = (
        f"{label}: "
        + ", ".join(f"{name} {words.percent(values.get(label, 0.0), decimals=1)}" for name, values in bars.items())
        for label in order
    )
    return Chart(figure, title, f"{title}. {'; '.join(values_by_label)}.")


def _numbers(axes: Axes, percent: bool) -> None:
    if percent:
        style.percent_axis(axes)
    else:
        style.plain_numbers(axes)


def _headed(name: str) -> str:
    """A name with a capital first letter."""
    return f"{name[:1].upper()}{name[1:]}"
