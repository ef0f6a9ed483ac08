"""The tiny company, read and planned once for all tests of the room."""

from __future__ import annotations

from pathlib import Path

import pytest

import soe_lib as soe
from soe_lib.extract.snapshot import Snapshot
from soe_lib.review.week import Week
from soe_lib.store.plan import Plan
from tests.unit.review import tiny


@pytest.fixture(scope="package")
def this(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    """This week's extract of the tiny company."""
    return tiny.snapshot(Path(tmp_path_factory.mktemp("tiny")) / "extract")


@pytest.fixture(scope="package")
def solved(this: Snapshot) -> Plan:
    """Its plan."""
    return soe.plan(this)


@pytest.fixture(scope="package")
def week(this: Snapshot, solved: Plan) -> Week:
    """Its situation, without history."""
    return Week(this, solved)
