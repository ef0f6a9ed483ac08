"""Whatever bytes are delivered, the check answers with findings and never with a stack trace."""

from __future__ import annotations

import csv
import io
import random
import tempfile
import zipfile
from pathlib import Path

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soe_lib.extract.sources import _Reader
from soe_lib.model.checks import check
from tests.unit.extract.company import FILES, write

SCRAPS = [
    b'"', b",", b"\n", b"\r\n", b"\x00", b"\xff", b";", b" ", b"-", b"1e400", b"NaN", b"\xc2\xa0", b"2026-13-45", b"",
    b"\xef\xbb\xbf", b"=1+1", b"99999999999999999999", b"0", b"\t", b"'", b"2026-W60", b"FG", b"P", b"\xe2\x80\xa8",
]  # fmt: skip


NAMES = st.one_of(
    st.sampled_from(["conventions", "sources", "tables", "orders", "erp", "file", "query", "source", "columns", "kind",
                     "path", "address", "ignore", "decimal", "dates", "timezone", "encoding", "unit", "days_old"]),
    st.text(max_size=6),
)  # fmt: skip


def spoil(content: bytes, chance: random.Random, times: int) -> bytes:
    """The bytes with some of them cut out, replaced or doubled at random places."""
    for _ in range(times):
        at = chance.randrange(len(content) + 1)
        to = min(len(content), at + chance.choice([0, 0, 1, 2, 5, 40]))
        piece = chance.choice([*SCRAPS, content[at:to] * 2])
        content = content[:at] + piece + content[to:]
    return content


def survives(seed: int, times: int) -> None:
    chance = random.Random(seed)
    name = chance.choice(sorted(FILES))
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder), {name: spoil(FILES[name].encode(), chance, times)})
        report = check(folder)
        assert report.text()
        assert all(one.rule for one in report.findings)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32), times=st.integers(1, 4))
def test_spoilt_bytes(seed: int, times: int) -> None:
    survives(seed, times)


TOML = """[conventions]
decimal = ","
dates = "dd.mm.yyyy"
[sources.erp]
kind = "sqlite"
path = "erp.sqlite"
[tables.orders]
file = "orders*.csv"
columns = { order = "AUFTRAG", item = "ARTIKEL" }
unit_column = "ME"
[tables.forecast]
source = "erp"
query = "SELECT * FROM forecast WHERE :as_of > 0"
"""


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32), times=st.integers(1, 4))
def test_spoilt_sources(seed: int, times: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder), {"sources.toml": spoil(TOML.encode(), random.Random(seed), times), "erp.sqlite": b"none"})
        assert check(folder).text()


PLAIN = st.recursive(
    st.one_of(st.booleans(), st.integers(-5, 10**12), st.floats(), st.text(max_size=12), st.dates(), st.none()),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(NAMES, inner, max_size=3)),
    max_leaves=8,
)


@settings(max_examples=100, deadline=None)
@given(content=st.dictionaries(NAMES, PLAIN, max_size=4))
def test_sources_of_any_shape(content: dict[str, object]) -> None:
    mapped, findings = _Reader(Path()).mapped(content)
    assert mapped.entries == {} or content
    assert all(one.fix for one in findings)


def spoilt_workbook(seed: int, times: int) -> bytes:
    """A workbook whose XML, or whose zip, is damaged at random places."""
    chance = random.Random(seed)
    made, kept = io.BytesIO(), io.BytesIO()
    book = openpyxl.Workbook()
    book.active.title = "orders"
    for row in csv.reader(FILES["orders.csv"].splitlines()):
        book.active.append(row)
    book.save(kept)
    if chance.random() < 0.3:
        return spoil(kept.getvalue(), chance, times)
    with zipfile.ZipFile(kept) as whole, zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as packed:
        victim = chance.choice(whole.namelist())
        for name in whole.namelist():
            content = whole.read(name)
            packed.writestr(name, spoil(content, chance, times) if name == victim else content)
    return made.getvalue()


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32), times=st.integers(1, 4))
def test_spoilt_workbooks(seed: int, times: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder), {"orders.csv": None})
        (Path(folder) / "extract.xlsx").write_bytes(spoilt_workbook(seed, times))
        assert check(folder).text()


@pytest.mark.slow
@settings(max_examples=500, deadline=None)
@given(seed=st.integers(0, 2**32), times=st.integers(1, 6))
def test_spoilt_bytes_at_length(seed: int, times: int) -> None:
    survives(seed, times)
