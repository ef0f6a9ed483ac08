"""What if: recorded edits of a snapshot, their plans side by side, and what is given up for what."""

from __future__ import annotations

from soe_lib.whatif.compare import Comparison, compare
from soe_lib.whatif.edits import Edit
from soe_lib.whatif.scenario import Scenario, find, load, named, save

__all__ = ["Comparison", "Edit", "Scenario", "compare", "find", "load", "named", "save"]
