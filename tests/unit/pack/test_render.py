from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from soe_lib import workspace
from soe_lib.errors import PackError
from soe_lib.pack import display, render, run_notebook, sanitize
from tests.unit.pack.conftest import code, parameters, prose, write_notebook
from tests.unit.pack.live import PAYLOADS, live

TEMPLATES = workspace.shipped() / "templates"
PIXEL = "iVBORw0KGgo="
PAGE = run_notebook.Page("balance", Path("balance.ipynb"), "Balance", 1, (), "")


def frame(**given: Any) -> render.Site:
    whole = {
        "company": "Nordhav", "currency": "EUR", "as_of": date(2026, 11, 16), "run": 1, "fingerprint": "f" * 16,
        "created": "2026-11-16 06:12", "pages": (PAGE,), "workbook": False,
    } | given  # fmt: skip
    return render.Site(**whole)


def shown(**data: Any) -> dict[str, Any]:
    metadata = data.pop("metadata", {})
    return {"output_type": "display_data", "data": data["data"], "metadata": metadata}


def executed(folder: Path, *outputs: dict[str, Any], text: str = "# Balance\n\n## Line load\n\nA.\n\n## More") -> Path:
    """A notebook as papermill leaves it."""
    path = write_notebook(
        folder / "balance.ipynb",
        [prose(text), parameters(), code("data = 'x'", tags=["injected-parameters"]), code("secret_call()")],
    )
    whole = json.loads(path.read_text())
    whole["cells"][3]["outputs"] = list(outputs)
    path.write_text(json.dumps(whole))
    return path


def page(path: Path, **given: Any) -> str:
    said = display.document(**({"page": "balance", "title": "Balance", "headline": "It balances."} | given))
    return render.page(render.body(path, templates=TEMPLATES), said, frame(), templates=TEMPLATES)


def test_a_page_has_prose_and_outputs_but_no_code(tmp_path: Path) -> None:
    table = shown(data={"text/html": "<table><tr><td>7</td></tr></table>"})
    noise = [
        {"output_type": "stream", "name": "stdout", "text": "said <b>"},
        {"output_type": "stream", "name": "stderr", "text": "a warning"},
    ]
    html = page(executed(tmp_path, table, *noise))
    assert "<td>7</td>" in html
    assert "said &lt;b&gt;" in html
    for hidden in ("secret_call", "a warning", "In [", "data = ", "<script"):
        assert hidden not in html
    assert html.count("<h1>") == 1
    assert '<h2 id="Line-load">Line load</h2>' in html
    assert '<li class="level2"><a href="#Line-load">Line load</a></li>' in html


def test_a_page_alone_passes_the_inspection(tmp_path: Path) -> None:
    chart = shown(data={"image/png": PIXEL}, metadata={"image/png": {"alt": 'Line 2 is "full" <now>', "width": 20}})
    html = page(executed(tmp_path, chart), scores=[{"name": "OTIF", "state": "act", "text": "In full."}])
    reader = sanitize.read(html)
    assert reader.faults == []
    assert 'alt="Line 2 is &quot;full&quot; &lt;now&gt;"' in html or 'Line 2 is "full" &lt;now&gt;' in html
    assert live(html) == []


def test_a_chart_without_alternative_text_fails_the_build_and_names_the_cell(tmp_path: Path) -> None:
    with pytest.raises(PackError, match=r"balance\.ipynb, cell 3: a chart has no alternative text"):
        page(executed(tmp_path, shown(data={"image/png": PIXEL})))
    with pytest.raises(PackError, match="image without alternative text"):
        page(executed(tmp_path, shown(data={"text/html": f"<img src='data:image/png;base64,{PIXEL}'>"})))


@pytest.mark.parametrize("payload", PAYLOADS)
def test_no_payload_is_alive_wherever_data_reaches_a_page(tmp_path: Path, payload: str) -> None:
    outputs = [
        shown(data={"text/html": f"<table><tr><td>{payload}</td></tr></table>"}),
        shown(data={"text/markdown": f"**{payload}** [x](javascript:alert(1))"}),
        shown(data={"text/plain": payload}),
        shown(data={"image/png": PIXEL}, metadata={"image/png": {"alt": payload}}),
        {"output_type": "stream", "name": "stdout", "text": payload},
    ]
    html = page(
        executed(tmp_path, *outputs, text=f"# Balance\n\n## {payload}\n\n{payload}\n\n## More"),
        title=payload,
        headline=payload,
        scores=[{"name": payload, "text": payload, "delta": payload, "shown": payload}],
        checks=[{"name": payload, "ok": True, "detail": payload}],
    )
    assert live(html) == []
    assert not [fault for fault in sanitize.read(html).faults if "same id" not in fault]


def test_scripts_and_widgets_have_no_output(tmp_path: Path) -> None:
    outputs = [
        shown(data={"application/javascript": "alert(1)"}),
        shown(data={"application/vnd.jupyter.widget-view+json": {"model_id": "x"}, "text/plain": "IntSlider(0)"}),
        shown(data={"image/svg+xml": "<svg onload='alert(1)'></svg>"}),
    ]
    html = page(executed(tmp_path, *outputs))
    assert live(html) == []
    assert "alert(1)" not in html


def test_a_company_may_change_one_template_and_keep_the_rest(tmp_path: Path) -> None:
    own = tmp_path / "templates"
    own.mkdir()
    (own / "style.css").write_text("body { color: #123456 }")
    said = display.document(page="balance", title="Balance", headline="It balances.")
    html = render.page(render.body(executed(tmp_path), templates=own), said, frame(), templates=own)
    assert "color: #123456" in html
    assert "It balances." in html


@pytest.mark.parametrize(
    ("day", "week"),
    [(date(2026, 11, 16), "Week 47, 2026"), (date(2027, 1, 1), "Week 53, 2026"), (date(2024, 12, 30), "Week 1, 2025")],
)
def test_the_week_is_the_iso_week(day: date, week: str) -> None:
    assert frame(as_of=day).week == week
