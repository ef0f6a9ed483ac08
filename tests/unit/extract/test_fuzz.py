"""Whatever bytes are delivered, the check answers with findings and never with a stack trace."""

from __future__ import annotations

import random
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soe_lib.extract.check import check
from tests.unit.extract.company import FILES, write

SCRAPS = [
    b'"', b",", b"\n", b"\r\n", b"\x00", b"\xff", b";", b" ", b"-", b"1e400", b"NaN", b"\xc2\xa0", b"2026-13-45", b"",
    b"\xef\xbb\xbf", b"=1+1", b"99999999999999999999", b"0", b"\t", b"'", b"2026-W60", b"FG", b"P", b"\xe2\x80\xa8",
]  # fmt: skip


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


@pytest.mark.slow
@settings(max_examples=500, deadline=None)
@given(seed=st.integers(0, 2**32), times=st.integers(1, 6))
def test_spoilt_bytes_at_length(seed: int, times: int) -> None:
    survives(seed, times)
