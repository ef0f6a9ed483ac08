from __future__ import annotations

import pytest

from soe_lib.pack import sanitize
from tests.unit.pack.live import PAYLOADS, live

PIXEL = "data:image/png;base64,iVBORw0KGgo="


@pytest.mark.parametrize("payload", PAYLOADS)
def test_no_payload_is_alive_in_a_cell_a_table_or_a_heading(payload: str) -> None:
    page = f"<h2>{payload}</h2><table><tbody><tr><td>{payload}</td></tr></tbody></table><p>{payload}</p>"
    made = sanitize.structure(sanitize.safe(page)).html
    assert live(made) == []


def test_the_payloads_are_alive_without_cleaning() -> None:
    assert sum(bool(live(payload)) for payload in PAYLOADS) >= len(PAYLOADS) - 8


def test_what_is_refused_is_shown_as_text_and_swallows_nothing() -> None:
    made = sanitize.safe("<td><script>alert(1)</td>") + sanitize.safe("<p>after</p>")
    assert "&lt;script&gt;" in made
    assert made.endswith("<p>after</p>")


def test_headings_get_the_ids_that_jupyter_gives_and_h1_gives_way() -> None:
    made = sanitize.structure("<h1>Balance</h1><h2>Line load</h2><h1>More</h1><h3>Line load</h3>", title="Balance")
    assert [(entry.level, entry.anchor, entry.text) for entry in made.headings] == [
        (2, "Line-load", "Line load"),
        (2, "More", "More"),
        (3, "Line-load-2", "Line load"),
    ]
    assert "<h1" not in made.html


def test_tables_get_scopes_a_frame_and_a_name() -> None:
    page = "<h2>Gaps</h2><table><thead><tr><th>a</th></tr></thead><tbody><tr><th>r</th><td>1</td></tr></tbody></table>"
    made = sanitize.structure(page).html
    assert '<div aria-label="Gaps" class="scroll" role="region" tabindex="0"><table>' in made
    assert '<th scope="col">a</th>' in made
    assert '<th scope="row">r</th>' in made


def test_the_caption_of_a_table_names_its_frame() -> None:
    made = sanitize.structure("<h2>Gaps</h2><table><caption>Lost &lt;b&gt;</caption><tbody></tbody></table>").html
    assert '<div aria-label="Lost &lt;b&gt;" class="scroll"' in made


def test_wide_tables_are_set_smaller() -> None:
    row = "<tr>" + "<td>1</td>" * 12 + "</tr>"
    assert 'class="data wide"' in sanitize.structure(f'<table class="data">{row}</table>').html
    assert "wide" not in sanitize.structure("<table><tr><td>1</td></tr></table>").html


def test_links_within_the_pack_stay_and_others_become_text() -> None:
    made = sanitize.safe('<a href="balance.html#Line-load">b</a> <a href="https://doc.example/x">doc</a>')
    assert made == '<a href="balance.html#Line-load">b</a> doc (https://doc.example/x)'


def test_harmless_style_stays() -> None:
    made = sanitize.safe('<p style="color: #a00; position: fixed; width: expression(1)">x</p>')
    assert made == '<p style="color: #a00">x</p>'


def test_ids_name_one_place() -> None:
    made = sanitize.structure('<p id="a">1</p><p id="a">2</p><h2>a</h2>').html
    assert made.count('id="a"') == 1
    assert 'id="a-2"' in made


def test_pictures_keep_their_text() -> None:
    assert sanitize.safe(f'<img alt="One bar" src="{PIXEL}"/>') == f'<img alt="One bar" src="{PIXEL}"/>'
