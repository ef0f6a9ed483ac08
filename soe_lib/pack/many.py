"""Several companies or plants: one pack each, one after another here, or spread over the workers of a Dask cluster."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from soe_lib import workspace
from soe_lib.errors import BusyError, DataError, SoeError
from soe_lib.extract import folders
from soe_lib.extract.folders import dates
from soe_lib.pack import weekly
from soe_lib.pack.build import MINUTES

TRIES = 3


@dataclass(frozen=True)
class Outcome:
    """What became of one company's run: its exit code (see `weekly`) and what was said."""

    company: str
    code: int
    said: str


def companies(data: str | Path) -> tuple[Path, ...]:
    """The company folders in a folder: those that hold an extract by its as-of date.

    Raises DataError where there is none.
    """
    home = folders.found(data)
    found = tuple(path for path in sorted(home.iterdir()) if dates(path)) if home.is_dir() else ()
    if not found:
        raise DataError(f"{home} holds no company: no folder in it has an extract named by its as-of date.")
    return found


def pack_all(
    data: str | Path,
    as_of: str | None,
    out: str | Path,
    *,
    cluster: str = "",
    timeout: float = 900.0,
    minutes: float = MINUTES,
) -> tuple[Outcome, ...]:
    """Make the pack of every company in a folder, each in its own archive OUT/<company>/.

    Each run is transactional, so a worker that is lost costs nothing but its time: another one makes the pack again.

    Parameters
    ----------
    data : folder of company folders; all workers must see it, and `out`, under the same name.
    cluster : address of a Dask scheduler, such as tcp://127.0.0.1:8786; blank: one after another in this process.
    """
    asked = [(str(path.resolve()), as_of, _archive(out, path.name), timeout, minutes) for path in companies(data)]
    if not cluster:
        return tuple(one(*each) for each in asked)
    try:
        from distributed import Client
    except ImportError as error:
        raise SoeError("A cluster needs the extra `cluster`: pip install 'soe_lib[cluster]'.") from error
    with Client(cluster, timeout=30) as client:
        begun = [client.submit(one, *each, pure=False, retries=TRIES) for each in asked]
        return tuple(client.gather(begun))


def one(data: str, as_of: str | None, out: str, timeout: float, minutes: float = MINUTES) -> Outcome:
    """One company's run, wherever it is carried out; never raises what this library raises on purpose."""
    name = Path(data).name
    try:
        made = weekly.run(data, as_of, out, timeout=timeout, minutes=minutes)
    except BusyError as error:
        return Outcome(name, weekly.BUSY, str(error))
    except SoeError as error:
        return Outcome(name, weekly.STOPPED, "\n".join([str(error), *getattr(error, "__notes__", ())]))
    return Outcome(name, weekly.DONE, made.message)


def _archive(out: str | Path, company: str) -> str:
    return f"{str(out).rstrip('/')}/{company}" if "://" in str(out) else str(workspace.place(out).resolve() / company)
