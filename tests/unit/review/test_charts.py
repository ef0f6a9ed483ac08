"""Charts: titles are computed findings, words accompany every picture, and odd data does not break the drawing."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import date, timedelta

import polars as pl
import pytest

from soe_lib.review import charts, style
from soe_lib.review.charts import Chart

HOSTILE = 'A$B$ <img src=x onerror="alert(1)">\n\x07 {\\frac} 漢'
AS_OF = date(2026, 11, 16)


def drawn(chart: Chart) -> bytes:
    """The chart as a picture: warnings are errors, so a missing glyph or a collapsed layout fails here."""
    out = io.BytesIO()
    chart.figure.savefig(out, format="png", dpi=60)
    assert chart.title
    assert chart.alt.startswith(chart.title)
    return out.getvalue()


def bridge_frame(amounts: list[float], names: list[str] | None = None) -> pl.DataFrame:
    """Start, drivers, end."""
    kinds = ["start", *["driver"] * (len(amounts) - 2), "end"]
    return pl.DataFrame(
        {"label": names or [f"step {n}" for n in range(len(amounts))], "amount": amounts, "kind": kinds}
    )


def load_frame(resources: int, columns: int, load: float | None = 0.5) -> pl.DataFrame:
    """A load of every resource in every column."""
    return pl.DataFrame(
        [
            {
                "resource": f"Resource with a long name {r:02d}", "label": f"2026-W{c + 10}", "order": c, "load": load,
                "used": 40.0, "available": 80.0, "overtime": 0.0, "lost": 8.0 if c == 0 else 0.0,
            }
            for r in range(resources)
            for c in range(columns)
        ],
        schema_overrides={"load": pl.Float64},
    )  # fmt: skip


def stock_frame(panels: int, low: float = 50.0) -> pl.DataFrame:
    """Stocks over ten days, the second of which lies at `low` on the last day."""
    return pl.DataFrame(
        [
            {
                "name": f"Item {n}", "order": n, "ends_on": AS_OF + timedelta(days=day), "safety": 100.0,
                "stock": low if n == 1 and day == 9 else 150.0, "receipts": 20.0 if day == 5 else 0.0,
            }
            for n in range(panels)
            for day in range(10)
        ]
    )  # fmt: skip


def service_frame(late: float, short: float, groups: int = 2) -> pl.DataFrame:
    """Groups of which the last misses something."""
    rows = [
        {"group": f"Group {n}", "order": n, "demand": 100.0, "on_time": 100.0, "late": 0.0, "short": 0.0}
        for n in range(groups)
    ]
    rows[-1] |= {"on_time": 100.0 - late - short, "late": late, "short": short}
    return pl.DataFrame(rows)


def demand_frame(families: int, excess: float = 0.0) -> pl.DataFrame:
    """Two finished weeks, sold 10 % under forecast, and two to come, the first ordered by `excess` above forecast."""
    rows = []
    for n in range(families):
        rows += [
            {"family": f"Family {n}", "week": f"2026-W{w}", "forecast": 100.0, "orders": 0.0, "actual": 90.0}
            for w in (45, 46)
        ]
        rows += [
            {
                "family": f"Family {n}",
                "week": "2026-W47",
                "forecast": 100.0,
                "orders": 100.0 + excess * n,
                "actual": None,
            }
        ]
        rows += [{"family": f"Family {n}", "week": "2026-W48", "forecast": 100.0, "orders": 10.0, "actual": None}]
    return pl.DataFrame(rows)


def outlook_frame(shares: dict[str, float]) -> pl.DataFrame:
    """Families that end at a share of a commitment of 1000, tolerance 5 %."""
    return pl.DataFrame(
        [
            {
                "family": family, "month": "2026-11", "consensus": 1000.0, "actual": 300.0, "planned": 1000.0 * share - 300.0,
                "outlook": 1000.0 * share, "share": share, "low": 0.95, "high": 1.05, "inside": 0.95 <= share <= 1.05,
            }
            for family, share in shares.items()
        ]
    )  # fmt: skip


def test_the_bridge_says_how_far_and_mostly_why() -> None:
    frame = bridge_frame([1000.0, 300.0, -500.0, -50.0, 750.0], ["last plan", "volume", "freight", "mix", "this plan"])
    chart = charts.bridge(frame, "EUR")
    assert chart.title == "Margin is EUR\u00a0250 below the last plan, mostly by freight (EUR\u00a0−500)"
    assert "volume EUR\u00a0+300" in chart.alt
    drawn(chart)


def test_the_bridge_shows_steps_that_add_up_after_rounding() -> None:
    frame = bridge_frame([100.4, 0.6, 0.6, 0.6, 102.2])
    whole = charts.bridge_whole_units(frame)["amount"].to_list()
    assert whole[0] == 100.0
    assert whole[-1] == 102.0
    assert sum(whole[1:-1]) == whole[-1] - whole[0]


@pytest.mark.parametrize(
    "amounts",
    [
        [0.0, 0.0],
        [-500.0, 100.0, -400.0],
        [0.0, 700.0, -700.0, 0.0],
        [5e6, 1.0, 5e6 + 1],
        [-2e9, 1e9, 0.0, -1e9],
        [1.0, 0.2, 1.2],
    ],
)
def test_the_bridge_draws_zeros_and_negatives(amounts: list[float]) -> None:
    drawn(charts.bridge(bridge_frame(amounts), "EUR"))


def test_the_load_names_who_needs_overtime_and_the_peak() -> None:
    frame = load_frame(3, 4).with_columns(
        load=pl.when((pl.col("resource").str.ends_with("01")) & (pl.col("order") == 2)).then(1.12).otherwise("load"),
        overtime=pl.when((pl.col("resource").str.ends_with("01")) & (pl.col("order") == 2)).then(9.6).otherwise(0.0),
    )
    chart = charts.load_heatmap(frame)
    assert chart.title == (
        "Resource with a long name 01 needs overtime, 10 hours in all; the peak is Resource with a long name 01 in "
        "week 12 at 112\u00a0%"
    )
    drawn(chart)


def test_the_load_without_overtime_names_the_fullest() -> None:
    assert charts.load_heatmap(load_frame(2, 2, 0.5)).title.endswith("at 50\u00a0%")
    assert "run full in at least one week" in charts.load_heatmap(load_frame(2, 2, 1.0)).title
    assert charts.load_heatmap(load_frame(1, 1, None)).title == "No line has hours in this horizon"


@pytest.mark.parametrize(("resources", "columns"), [(1, 1), (3, 13), (40, 30)])
def test_the_load_draws_few_and_many(resources: int, columns: int) -> None:
    drawn(charts.load_heatmap(load_frame(resources, columns)))


def test_the_stock_names_the_largest_gap_and_its_first_day() -> None:
    chart = charts.projected_stock(stock_frame(3), as_of=AS_OF)
    assert chart.title == (
        "1 of the 3 stocks shown falls under the safety stock; Item 1 misses it by most, 50 units, from Wed 25 Nov"
    )
    assert charts.projected_stock(stock_frame(1), as_of=AS_OF).title == (
        "The stock shown stays at or above the safety stock"
    )
    drawn(chart)


def test_the_stock_shows_where_the_fences_end() -> None:
    plain = charts.projected_stock(stock_frame(2), as_of=AS_OF)
    fences = {"frozen": AS_OF + timedelta(days=2), "slushy": AS_OF + timedelta(days=60)}
    fenced = charts.projected_stock(stock_frame(2), as_of=AS_OF, fences=fences)
    assert [len(axes.lines) for axes in plain.figure.axes] == [2, 2]
    assert [len(axes.lines) for axes in fenced.figure.axes] == [3, 3], "the slushy one ends behind the horizon"
    assert "frozen until here" in fenced.figure.axes[0].texts[-1].get_text()
    drawn(fenced)


@pytest.mark.parametrize("panels", [1, 2, 5, 30])
def test_the_stock_draws_few_and_many(panels: int) -> None:
    drawn(charts.projected_stock(stock_frame(panels, low=-20.0), as_of=AS_OF))


def test_service_names_who_misses_most() -> None:
    chart = charts.service(service_frame(late=12.0, short=8.0))
    assert (
        chart.title
        == "90.0\u00a0% of demand is served on time; Group 1 misses most: 12 units late and 8 units not served"
    )
    assert charts.service(service_frame(0.0, 0.0)).title == "100.0\u00a0% of demand is served on time: nobody waits"
    drawn(chart)
    drawn(charts.service(service_frame(5.0, 0.0, groups=30), what="customer"))


def test_gaps_name_the_worst_week_and_what_is_never_served() -> None:
    frame = pl.DataFrame(
        {
            "week": ["2026-W47", "2026-W48", "2026-W49"], "demand": [100.0, 100.0, 100.0], "on_time": [100.0, 70.0, 95.0],
            "late": [0.0, 20.0, 5.0], "short": [0.0, 10.0, 0.0],
        }
    )  # fmt: skip
    chart = charts.gaps(frame)
    assert chart.title == "2 weeks miss demand, week 48 by most (30 units); 10 units are never served"
    assert "week 49: 5 late, 0 not served" in chart.alt
    drawn(chart)
    served = frame.with_columns(on_time=pl.col("demand"), late=pl.lit(0.0), short=pl.lit(0.0))
    assert charts.gaps(served).title == "Demand is served on time in every week"


def test_demand_names_orders_that_nobody_forecast_else_sales_off_forecast() -> None:
    assert charts.demand(demand_frame(3, excess=30.0)).title == (
        "Family 2: orders for week 47 are 60\u00a0% above forecast, 60 units that nobody forecast"
    )
    assert charts.demand(demand_frame(1)).title == "Family 0: sales of 2 finished weeks are 10\u00a0% below forecast"


@pytest.mark.parametrize("families", [1, 3, 30])
def test_demand_draws_few_and_folds_many(families: int) -> None:
    chart = charts.demand(demand_frame(families))
    assert len([panel for panel in chart.figure.axes if panel.get_title(loc="left")]) == min(families, 6)
    drawn(chart)


def test_the_outlook_counts_over_and_under_alike() -> None:
    chart = charts.month_outlook(outlook_frame({"Hot": 1.12, "Cold": 0.93, "Mild": 1.01}))
    assert chart.title == (
        "Hot: heading 12\u00a0% above the S&OP commitment of Nov 2026, 120 units; Cold is outside tolerance too"
    )
    assert charts.month_outlook(outlook_frame({"Mild": 1.0})).title == (
        "Every family is heading for its S&OP commitment of Nov 2026, within tolerance"
    )
    drawn(chart)
    drawn(charts.month_outlook(outlook_frame({f"Family {n}": n / 20 for n in range(30)})))


def test_prices_are_shown_for_the_first_unit_only() -> None:
    chart = charts.constraint_prices(
        pl.DataFrame({"label": ["L1, week 47", "L2, week 48"], "price": [12.5, 80.0]}), "EUR"
    )
    assert chart.title == "One more hour is worth most at L2, week 48: EUR\u00a080"
    drawn(chart)
    assert charts.constraint_prices(pl.DataFrame({"label": ["L1"], "price": [0.0]}), "EUR").title == (
        "No hour is scarce: one more would earn nothing"
    )


EMPTY: list[tuple[Callable[[pl.DataFrame], Chart], pl.DataFrame]] = [
    (lambda frame: charts.bridge(frame, "EUR"), bridge_frame([1.0, 2.0])),
    (charts.load_heatmap, load_frame(1, 1)),
    (lambda frame: charts.projected_stock(frame, as_of=AS_OF), stock_frame(1)),
    (charts.service, service_frame(1.0, 1.0)),
    (charts.demand, demand_frame(1)),
    (charts.month_outlook, outlook_frame({"Hot": 1.0})),
    (lambda frame: charts.constraint_prices(frame, "EUR"), pl.DataFrame({"label": ["L1"], "price": [1.0]})),
]


@pytest.mark.parametrize(("chart", "frame"), EMPTY)
def test_nothing_to_draw_is_said(chart: Callable[[pl.DataFrame], Chart], frame: pl.DataFrame) -> None:
    empty = chart(frame.clear())
    assert empty.title.split()[0] == "No"
    drawn(empty)


@pytest.mark.parametrize(("chart", "frame"), EMPTY)
def test_hostile_names_are_drawn_as_they_are_read(chart: Callable[[pl.DataFrame], Chart], frame: pl.DataFrame) -> None:
    column = next(name for name in ("label", "resource", "name", "group", "family") if name in frame.columns)
    drawn(chart(frame.with_columns(pl.lit(HOSTILE).alias(column))))


def test_labels_lose_formulas_control_characters_and_length() -> None:
    assert style.label(HOSTILE) == 'A\\$B\\$ <img src=x onerror="alert(1)"> {\\frac} □'
    assert style.label("Warehouse number 17", limit=12) == "Warehou…r 17"
    assert style.label("EUR\u00a05") == "EUR\u00a05"


def test_lines_break_by_the_width_of_their_letters() -> None:
    narrow = style.broken("i " * 60, size=10, inches=4.0)
    wide = style.broken("W " * 60, size=10, inches=4.0)
    assert len(wide) > len(narrow)
    assert " ".join(wide) == ("W " * 60).strip()


def test_drawing_leaves_no_pyplot_state() -> None:
    import sys

    charts.service(service_frame(1.0, 1.0))
    pyplot = sys.modules.get("matplotlib.pyplot")
    assert pyplot is None or not pyplot.get_fignums()
