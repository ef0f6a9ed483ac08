"""The weekly job as a scheduler runs it: make the pack; where that fails, leave a page, tell somebody, and say so."""

from __future__ import annotations

from pathlib import Path

from soe_lib import objects, workspace
from soe_lib.errors import BusyError, OtherCompanyError
from soe_lib.pack import failed, notify
from soe_lib.pack.build import MINUTES, Progress
from soe_lib.pack.jobs import PackResult, make_pack

DONE, STOPPED, USAGE, BUSY = 0, 1, 2, 3
"""Exit codes of `soe pack`: published or up to date; stopped, page left; wrong call; another run is under way."""


def run(
    data: str,
    as_of: str | None,
    out: str | Path,
    *,
    progress: Progress | None = None,
    timeout: float = 900.0,
    notebooks: str | Path | None = None,
    reason: str = "",
    store: str | Path | None = None,
    with_pdf: bool = False,
    minutes: float = MINUTES,
) -> PackResult:
    """`make_pack`, and where it fails OUT/failed.html and a notification before the error goes on its way.

    Parameters
    ----------
    data, as_of, out, progress, timeout, notebooks, reason, store, with_pdf, minutes : as of `make_pack`.

    Errors
    ------
    BusyError : another run is under way; no page is left, nothing failed.
    PackError, DataError, SolveError : as of `make_pack`; what could not be notified is added as a note.
    """
    at = [""]

    def told(step: str, state: str) -> None:
        if state == "running":
            at[0] = step
        if progress is not None:
            progress(step, state)

    try:
        how = {"timeout": timeout, "notebooks": notebooks, "reason": reason, "store": store, "with_pdf": with_pdf}
        how["minutes"] = minutes
        return make_pack(data, as_of, out, progress=told, **how)  # type: ignore[arg-type]
    except (BusyError, OtherCompanyError):
        raise
    except Exception as error:
        for note in _leave(error, data, as_of, out, at[0]):
            error.add_note(note)
        raise


def _leave(error: BaseException, data: str, as_of: str | None, out: str | Path, step: str) -> list[str]:
    """Leave the page and tell somebody; returns what to add to the error."""
    if objects.is_address(out):
        from soe_lib.pack import remote

        try:
            failure = remote.leave(error, str(out), data=data, as_of=as_of, step=step)
        except Exception as unreachable:
            # Whatever the object store has, the first error must be told.
            return [f"No page could be left at {out} ({type(unreachable).__name__})."]
        return [f"What to do: {out}/{failed.NAME}", *notify.tell(failure)]
    home = workspace.place(out).resolve()
    failure = failed.describe(error, home, data=data, as_of=as_of, step=step)
    page = failed.leave(failure, home)
    return [*([f"What to do: {page}"] if page else []), *notify.tell(failure)]
