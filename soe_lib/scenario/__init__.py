"""What-ifs: named, recorded edits of a snapshot, and their plans side by side."""

from __future__ import annotations

from soe_lib.scenario.compare import Comparison, compare
from soe_lib.scenario.edits import Edit
from soe_lib.scenario.files import find, load, named, save
from soe_lib.scenario.scenario import Scenario

__all__ = ["Comparison", "Edit", "Scenario", "compare", "find", "load", "named", "save"]
