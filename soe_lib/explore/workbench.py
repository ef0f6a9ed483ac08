"""The workbench: one call that puts it on the page."""

from __future__ import annotations

from typing import Any

from soe_lib.extract.snapshot import Snapshot
from soe_lib.model.plan import Plan


def workbench(snapshot: Snapshot, *, record: Plan | None = None) -> Any:
    """The interactive workbench of a snapshot, a widget for JupyterLab: turn a control, read what it is worth.

    Parameters
    ----------
    snapshot : what was known on the as-of date; its plan is solved first, every trial is compared with it.
    record : plan of record that the fence of settings.toml keeps to.

    Returns the widget; `.explorer` answers the same trials from a script. Where the snapshot itself has no plan, the
    widget says why.
    """
    from soe_lib.errors import SoeError
    from soe_lib.explore.controller import Explorer
    from soe_lib.explore.widgets import Workbench, refusal

    try:
        return Workbench(Explorer(snapshot, record=record))
    except SoeError as error:
        return refusal(str(error))
