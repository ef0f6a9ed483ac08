from __future__ import annotations

import base64
import struct
from datetime import date
from typing import Any

import polars as pl
import pytest
from matplotlib.figure import Figure

from soe_lib.errors import PackError
from soe_lib.pack import display
from tests.unit.pack.live import PAYLOADS, live

FRAME = pl.DataFrame(
    {
        "item": ["A", None],
        "gap_value": [-1234.56, 0.0],
        "share": [0.125, None],
        "count": [3, 1200],
        "due": [date(2026, 11, 16), None],
        "late": [True, False],
    }
)


def cells(html: str, row: int) -> list[str]:
    body = html.split("<tbody>")[1].split("</tr>")[row]
    return [part.split("<")[0] for part in body.split(">") if part.split("<")[0]]


def test_values_are_written_by_their_type() -> None:
    html = display.table_html(FRAME, "Gaps", formats={"share": "percent"})
    assert cells(html, 0) == ["A", "−1,234.6", "12.5\u00a0%", "3", "16 Nov 2026", "yes"]
    assert cells(html, 1) == ["–", "0.0", "–", "1,200", "–", "no"]


def test_formats_labels_note_and_strong_lines() -> None:
    html = display.table_html(
        FRAME,
        "Gaps",
        formats={"gap_value": "cents", "count": lambda value: f"<{value}>"},
        labels={"count": "Lines <n>"},
        note="Gap = supply − demand.",
        strong=pl.col("item") == "A",
    )
    assert "−1,234.56" in html
    assert "&lt;3&gt;" in html
    assert '<th scope="col" class="number">Lines &lt;n&gt;</th>' in html
    assert '<th scope="col" class="number">Gap value</th>' in html
    assert '<tr class="strong"><th scope="row">A</th>' in html
    assert '<p class="note">Gap = supply − demand.</p>' in html
    assert '<table id="table-gaps" class="data"><caption>Gaps</caption>' in html


def test_a_rounded_zero_has_no_minus() -> None:
    assert cells(display.table_html(pl.DataFrame({"x": [-0.01]}), "c"), 0) == ["0.0"]


def test_a_long_table_says_what_it_leaves_out_and_an_empty_one_that_it_is_empty() -> None:
    long = display.table_html(pl.DataFrame({"x": range(1500)}), "c", rows=3)
    assert long.count("<tr>") == 1 + 3
    assert "The first 3 of 1,500 rows." in long
    assert "Nothing to show." in display.table_html(FRAME.clear(), "c")


@pytest.mark.parametrize("payload", PAYLOADS)
def test_nothing_from_data_is_alive(payload: str) -> None:
    frame = pl.DataFrame({payload: [payload]})
    assert live(display.table_html(frame, payload, note=payload, labels={payload: payload})) == []


@pytest.mark.parametrize("given", [{"formats": {"gap": "money"}}, {"labels": {"gap": "x"}}, {"header": "gap"}])
def test_a_misspelt_column_is_refused(given: dict[str, Any]) -> None:
    with pytest.raises(PackError, match=r"no column 'gap'\. Did you mean gap_value"):
        display.table_html(FRAME, "Gaps", **given)


def test_a_caption_is_needed() -> None:
    with pytest.raises(PackError, match="caption is empty"):
        display.table_html(FRAME, " ")


def test_a_chart_is_sharp_and_says_what_it_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[Any, Any]] = []
    monkeypatch.setattr(display, "_display", lambda data, metadata: seen.append((data, metadata)))
    for _ in range(2):
        chart = Figure(figsize=(3, 2))
        chart.add_subplot().plot([1, 2])
        display.figure(chart, "It rises.")
    (data, metadata), (again, _) = seen
    picture = base64.b64decode(data["image/png"])
    assert struct.unpack(">II", picture[16:24]) == (576, 384)
    assert metadata == {"image/png": {"alt": "It rises.", "width": 288, "height": 192}}
    assert again == data
    with pytest.raises(PackError, match="alternative text is empty"):
        display.figure(Figure(), " ")
