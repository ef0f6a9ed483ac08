"""The workbench: one call that puts it on the page."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from soe_lib.extract.snapshot import Snapshot
from soe_lib.model.planning import Recorded


def workbench(snapshot: Snapshot, *, record: Recorded = "find", store: str | Path = "", shared: str = "") -> Any:
    """The interactive workbench of a snapshot, a widget for JupyterLab: turn a control, read what it is worth.

    Parameters
    ----------
    snapshot : what was known on the as-of date; its plan is solved first, every trial is compared with it.
    record : plan of record that the fence of settings.toml keeps to; left out: as for `soe.plan`.
    store : plan history that a promoted plan is kept in; the workspace's `out/plans` when left out.
    shared : code or link of a scenario that somebody shared, to begin with.

    Returns the widget; `.explorer` answers the same from a script, `.builder` is what the buttons call. Where the
    snapshot itself has no plan, the widget says why. A page that was opened by a shared link begins with its scenario.
    """
    from soe_lib.errors import SoeError
    from soe_lib.explore import sharing
    from soe_lib.explore.controller import Explorer
    from soe_lib.explore.widgets import Workbench, refusal

    try:
        bench = Workbench(Explorer(snapshot, record=record), store=store)
        if shared.strip():
            bench.receive(shared)
        elif sharing.asks(query := os.environ.get(sharing.QUERY, "")):  # behind the "?" of a page's address
            bench.receive(f"?{query}")
        return bench
    except SoeError as error:
        return refusal(str(error))
