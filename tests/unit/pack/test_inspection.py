from __future__ import annotations

from pathlib import Path

import pytest

from soe_lib.pack import sanitize

POLICY = '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; img-src data:">'


def page(body: str = "", head: str = "", policy: str = POLICY, attributes: str = ' lang="en"') -> str:
    return (
        f"<!doctype html><html{attributes}><head>{policy}<title>t</title>{head}</head>"
        f"<body><main><h1>t</h1>{body}</main></body></html>"
    )


def test_a_good_page_has_no_fault(tmp_path: Path) -> None:
    good = (
        '<h2 id="a">a</h2><a href="#a">a</a><img src="data:image/png;base64,AA==" alt="x"><a href="manifest.json">m</a>'
    )
    (tmp_path / "index.html").write_text(page(good))
    assert sanitize.faults(tmp_path, ["index.html"]) == []


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("<script>1</script>", "holds a <script>"),
        ("<iframe></iframe>", "holds a <iframe>"),
        ("<form></form>", "holds a <form>"),
        ("<p onclick='x'>", "live onclick"),
        ("<svg onload='x'></svg>", "live onload"),
        ("<img src='https://x.example/a.png' alt='x'>", "loads 'https://x.example/a.png' by src"),
        ("<img src='x.png' alt='x'>", "loads 'x.png'"),
        ("<p style='background: url(//x)'>", "by the style of a <p>"),
        ("<style>@import 'x'</style>", "style sheet loads"),
        ("<img src='data:image/png;base64,AA=='>", "without alternative text"),
        (f"<img src='data:image/png;base64,AA==' alt='{sanitize.NO_ALT}'>", "without alternative text"),
        ("<a href='https://x.example'>x</a>", "links out of the pack: 'https://x.example'"),
        ("<a href='//x.example'>x</a>", "links out of the pack"),
        ("<a href='javascript:1'>x</a>", "links out of the pack"),
        ("<a href='other.html'>x</a>", "links to 'other.html', which is not in the pack"),
        ("<a href='#nowhere'>x</a>", "has no such section"),
        ("<p id='a'></p><p id='a'></p>", "uses the same id twice: a"),
        ("<table><tr><th>x</th></tr></table>", "1 header cells without a scope"),
        ("<meta http-equiv='refresh' content='0'>", "has a meta refresh"),
    ],
)
def test_each_fault_is_named(tmp_path: Path, body: str, said: str) -> None:
    (tmp_path / "index.html").write_text(page(body))
    found = sanitize.faults(tmp_path)
    assert len(found) == 1
    assert said in found[0]
    assert found[0].startswith("index.html ")


def test_the_frame_of_a_page_is_checked(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text(page(policy="", attributes=""))
    (tmp_path / "b.html").write_text("<html lang='en'></html>")
    said = "\n".join(sanitize.faults(tmp_path, ["c.html"]))
    for expected in (
        "c.html is missing",
        "a.html has no content security policy",
        "a.html does not state its language",
        "b.html has no <title>",
        "b.html has no <h1>",
        "b.html has no <main>",
    ):
        assert expected in said
