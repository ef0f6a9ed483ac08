from __future__ import annotations

import io

from rich.console import Console

from soe_lib.cli import progress


def test_a_log_gets_one_line_per_finished_step() -> None:
    written = io.StringIO()
    with progress.shown(Console(file=written, highlight=False)) as tell:
        for state in ("waiting", "running", "done"):
            tell("demand_review", state)
        tell("balance", "running")
        tell("balance", "failed")
    lines = written.getvalue().splitlines()
    assert [line.split(" after")[0] for line in lines] == ["Demand review: done", "Balance: failed"]


def test_a_terminal_sees_every_step_with_its_sign() -> None:
    written = io.StringIO()
    console = Console(file=written, force_terminal=True, width=60, color_system=None)
    with progress.shown(console) as tell:
        tell("balance", "running")
        tell("balance", "done")
        tell("finance_review", "waiting")
    last = written.getvalue()
    assert "✓  Balance" in last
    assert "·  Finance review" in last
