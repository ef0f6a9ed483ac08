"""The workbench: one call that puts it on the page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from soe_lib.extract.snapshot import Snapshot
from soe_lib.model.plan import Plan


def workbench(snapshot: Snapshot, *, record: Plan | None = None, store: str | Path = "") -> Any:
    """The interactive workbench of a snapshot, a widget for JupyterLab: turn a control, read what it is worth.

    Parameters
    ----------
    snapshot : what was known on the as-of date; its plan is solved first, every trial is compared with it.
    record : plan of record that the fence of settings.toml keeps to.
    store : plan history that a promoted plan is kept in.

    Returns the widget; `.explorer` answers the same from a script, `.builder` is what the buttons call. Where the snapshot itself has no plan, the
    widget says why.
    """
    from soe_lib.errors import SoeError
    from soe_lib.explore.controller import Explorer
    from soe_lib.explore.widgets import Workbench, refusal

    try:
        return Workbench(Explorer(snapshot, record=record), store=store)
    except SoeError as error:
        return refusal(str(error))
