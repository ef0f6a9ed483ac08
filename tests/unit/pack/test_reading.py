"""A pack reads its extract with every look that `soe.read` takes, those that need the model among them."""

from __future__ import annotations

from pathlib import Path

import soe_lib as soe
from soe_lib.pack import job
from tests.unit.extract.company import write

LATER = "event,kind,target,from,to,hours,factor,days\nE1,downtime,L1,2030-01-01,2030-01-02,5,,\n"


def test_a_pack_knows_events_without_effect(tmp_path: Path) -> None:
    folder = write(tmp_path / "co", {"events.csv": LATER})
    found = job._read(folder, None).findings
    assert found == soe.read(folder).findings
    assert any("changes nothing" in one.rule for one in found)
