"""frePPLe → our contract: a user's way out of frePPLe, with every assumption counted and said.

Reads the CSV tables of frePPLe (https://frepple.com/docs/current/model-reference/) and writes an extract folder.
"""

from __future__ import annotations

from soe_lib.extract.importers.frepple.convert import import_frepple
from soe_lib.extract.importers.report import ImportReport

__all__ = ["ImportReport", "import_frepple"]
