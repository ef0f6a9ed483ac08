"""Loads everything that a weekly run loads, and runs none of it: the processes of the fault tests start from here."""

from __future__ import annotations

import deltalake  # noqa: F401
import polars  # noqa: F401

import soe_lib.extract.folders
import soe_lib.extract.snapshot
import soe_lib.pack.job
import soe_lib.pack.render
import soe_lib.store.history
import soe_lib.store.plan

soe_lib.pack.render.warm()
