"""Shared by all tests: the switch for the long forms, one thread a worker, and which files start first."""

from __future__ import annotations

import os
from collections import Counter

import pytest

# A worker a core is what the test command asks for; more threads than cores cost a tenth of the processor time. Polars
# reads this once, when it is imported; processes that tests start inherit it.
os.environ.setdefault("POLARS_MAX_THREADS", "1")

# Files that take half a minute and more of processor time, longest first. A file is one worker's: one that starts last
# leaves the other worker with nothing to do.
DEAR = (
    "tests/notebooks/test_demo_pack.py",
    "tests/browser/test_controls.py",
    "tests/unit/replay/test_kill.py",
    "tests/faults/test_weeks.py",
    "tests/faults/test_weekly_run.py",
    "tests/cluster/test_many.py",
    "tests/unit/extract/test_frames.py",
    "tests/unit/replay/test_companies.py",
    "tests/unit/test_examples.py",
    "tests/faults/test_rebuild.py",
    "tests/properties/test_differential.py",
    "tests/unit/extract/test_rules.py",
    "tests/security/test_whole_pack.py",
    "tests/properties/test_wide_differential.py",
    "tests/properties/test_metamorphic.py",
    "notebooks/risk_review.ipynb",
    "tests/properties/test_living_edits.py",
    "tests/browser/test_voila.py",
    "tests/browser/test_workbench.py",
)


COVERED = ("notebooks/demand_review.ipynb",)
"""Notebooks that tests/notebooks runs by hand as well: here only in the long form."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--runslow", action="store_true", help="also run the long forms (fuzzing, many seeds, many weeks)")


def pytest_configure(config: pytest.Config) -> None:
    # xdist by itself starts the files with the fewest tests last: those that make packs and drive browsers.
    if hasattr(config.option, "loadscopereorder"):
        config.option.loadscopereorder = False


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if hasattr(config, "workerinput"):
        start_longest_first(items)
    if config.getoption("--runslow"):
        return
    skip = pytest.mark.skip(reason="long form; run with --runslow")
    for item in items:
        if "slow" in item.keywords or item.nodeid.startswith(COVERED):
            item.add_marker(skip)


def start_longest_first(items: list[pytest.Item]) -> None:
    """Files that are known to be dear, then those with the most tests; within a file the order stays."""
    files = {item: item.nodeid.partition("::")[0] for item in items}
    tests, rank = Counter(files.values()), {name: place for place, name in enumerate(DEAR)}
    items.sort(key=lambda item: (rank.get(files[item], len(DEAR)), -tests[files[item]], files[item]))
