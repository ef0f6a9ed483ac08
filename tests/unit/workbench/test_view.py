"""What the workbench shows: figures with sign and word, and no live text of the data."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from soe_lib.solver.diagnostics import Progress
from soe_lib.whatif.scenario import Scenario
from soe_lib.workbench import view
from soe_lib.workbench.answer import Answer, Kpi
from soe_lib.workbench.explorer import Explorer
from soe_lib.workbench.view import LEAVES
from tests.unit.workbench.companies import mill
from tests.unit.workbench.forms import tried

BAD = '<img src=x onerror="alert(1)"></script><script>alert(2)</script>'
OURS = {
    "div", "span", "p", "b", "ul", "li", "table", "caption", "thead", "tbody", "tr", "th", "td", "h3", "figure",
}  # fmt: skip


class Tags(HTMLParser):
    """The tags and attributes of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        self.text += data


def everything(explorer: Explorer, answer: Answer) -> str:
    parts = [view.head(explorer.snapshot.company, "5 Jan 2026", answer), view.strip(answer)]
    parts += [re.sub(r"<svg.*?</svg>", "", leaf.show(answer, explorer.base), flags=re.DOTALL) for leaf in LEAVES]
    return "".join([*parts, view.trials([explorer.base, answer])])


def drawings(explorer: Explorer, answer: Answer) -> str:
    shown = "".join(leaf.show(answer, explorer.base) for leaf in LEAVES if leaf.drawn)
    return "".join(re.findall(r"<svg.*?</svg>", shown, flags=re.DOTALL))


def test_names_of_the_data_are_never_live(tmp_path: Path) -> None:
    explorer = Explorer(mill(tmp_path, item=BAD, customer=f"{BAD} B", line=f"{BAD} L"))
    answer = explorer.answer(tried(resource=f"{BAD} L", outage_days=7, demand=0.5, customer=f"{BAD} B"))
    page = Tags(everything(explorer, answer))
    assert BAD in page.text, "the name must be readable, or nothing was tested"
    assert page.tags <= OURS
    assert not {name for name in page.attributes if name.startswith("on")}
    drawn = Tags(drawings(explorer, answer))
    assert "alert(1)" in drawn.text, "the name must be drawn, or nothing was tested"
    assert not drawn.tags & {"img", "script", "foreignobject", "a"}
    assert not {name for name in drawn.attributes if name.startswith("on")}


def test_a_refusal_is_escaped_too(tmp_path: Path) -> None:
    explorer = Explorer(mill(tmp_path))
    page = Tags(view.strip(explorer.answer(Scenario("wrong").scale("forecast.price", 2.0, customer=BAD))))
    assert BAD in page.text
    assert page.tags <= OURS


def test_the_strip_says_the_difference_in_sign_and_word(tmp_path: Path) -> None:
    explorer = Explorer(mill(tmp_path))
    text = Tags(view.strip(explorer.answer(tried(resource="line", outage_days=7)))).text
    assert "Line down 7 days" in text
    assert "▼ −30.00 worse" in text
    assert "▲ +6.0 worse" in text, "more late units are worse"
    assert "▼ −50.0\u00a0points worse" in text
    assert "solver" in text


def test_a_move_names_the_item_by_code_and_description(tmp_path: Path) -> None:
    items = [{"item": "A", "description": "Plain flour", "family": "Flour", "unit": "each", "standard_cost": 6}]
    explorer = Explorer(mill(tmp_path, items=items, line="A"))
    answer = explorer.answer(tried(resource="A", outage_days=7))
    page = Tags(view.moves_table(answer))
    assert page.text.count("A Plain flour") == answer.moves.height - 1, "a line called A is no flour"


def test_the_static_table_holds_every_trial(tmp_path: Path) -> None:
    explorer = Explorer(mill(tmp_path))
    answer = explorer.answer(tried(resource="line", outage_days=7))
    page = Tags(view.table([explorer.base, answer]))
    for word in ("this week's plan", "line down 7 days", "96", "66", "50.0"):
        assert word in page.text
    assert "style" not in page.tags


@pytest.mark.parametrize(
    ("value", "base", "unit", "better", "state", "text"),
    [
        (12_345.0, 12_000.0, "money", 1, "better", "▲ +345 better"),
        (12_000.4, 12_000.0, "money", 1, "level", "as planned"),
        (12.4, 12.0, "money", 1, "better", "▲ +0.40 better"),
        (0.952, 0.96, "%", 1, "worse", "▼ −0.8\u00a0points worse"),
        (0.9601, 0.96, "%", 1, "level", "as planned"),
        (7.5, 0.0, "units", -1, "worse", "▲ +7.5 worse"),
        (120.0, 150.0, "h", -1, "better", "▼ −30 better"),
        (4e6, 5e6, "money", 0, "less", "▼ −1,000,000"),
        (None, None, "money", 0, "unknown", "not known"),
    ],
)
def test_a_difference_reads_as_it_is_meant(
    value: float | None, base: float | None, unit: str, better: int, state: str, text: str
) -> None:
    kpi = Kpi("X", "What it is.", value, base, unit, better)
    assert kpi.state == state
    assert view.difference(kpi) == text


def test_the_charts_are_drawings_with_words(tmp_path: Path) -> None:
    explorer = Explorer(mill(tmp_path))
    answer = explorer.answer(tried(resource="line", outage_days=7))
    for draw in (view.load, view.stock):
        picture = draw(answer)
        assert picture is not None
        assert picture.svg.startswith("<svg")
        assert picture.svg.rstrip().endswith("</svg>")
        assert picture.alt
        assert 'aria-label="' in picture.html


def test_the_bridge_goes_from_the_base_to_the_trial_to_the_cent(tmp_path: Path) -> None:
    # A week down costs 30: see test_controller for the plan behind it.
    explorer = Explorer(mill(tmp_path))
    answer = explorer.answer(tried(resource="line", outage_days=7))
    made = view.reconciled(answer, explorer.base)
    assert made is not None
    assert (made.start, made.end, made.residual) == (9600, 6600, 0)
    text = Tags(view.walked(answer, explorer.base)).text
    assert "From 96.00 to 66.00; residual 0.00" in text


def test_the_edits_show_the_rows_that_they_touch(tmp_path: Path) -> None:
    explorer = Explorer(mill(tmp_path))
    answer = explorer.answer(Scenario("dear").scale("forecast.price", 1.5))
    text = Tags(view.touched(answer, explorer.base)).text
    assert "forecast.price × 1.5" in text
    assert text.count("price1218") == 2, "12 becomes 18 in both rows"


def test_a_long_run_says_how_far_it_is() -> None:
    found = Progress(seconds=12, iterations=340, whole=True, incumbent=1_000_000, bound=1_020_000)
    text = Tags(view.progress(found, 12.0, "EUR")).text
    assert "Planning, 12 s; 340 nodes; best so far EUR\u00a01,000,000, at most 2.00\u00a0% off" in text
