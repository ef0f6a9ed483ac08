"""Where packs stand, and how a new one gets there: built aside, then one rename, or one pointer that is swapped.

out/index.html               the page of all weeks
out/<as-of>/                 the pack in force
out/.versions/<as-of>.<run>/ packs that a later run of the same as-of date replaced
out/plans/                   the plan store
out/.inputs/                 what the packs were made from, see `manifest`
out/.chain.json              the packs that were published
out/.lock                    held by the run under way; the operating system drops it when that run dies
out/.staging-<id>/           a pack in the making

At an object store's address packs are never overwritten: <as-of>.<run>-<hash>/ is a pack, with the hash of its
manifest, and .chain.json, written last and only if nobody wrote it since it was read, says which packs count. A run
works on a copy in a temporary folder. What a run that died left behind is in no pointer, so nobody reads it.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import json
import os
import re
import shutil
import socket
import tempfile
import uuid
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from soe_lib import objects, workspace
from soe_lib.errors import BusyError
from soe_lib.pack import manifest

VERSIONS = ".versions"
LOCK = ".lock"
STORE = "plans"
CHAIN = ".chain.json"
FAILED = "failed.html"
STAGING = ".staging-"
DATED = re.compile(r"^\d{4}-\d{2}-\d{2}$")
VERSION = re.compile(r"^(\d{4}-\d{2}-\d{2})\.(\d+)$")
EXCHANGE = 2
HERE = -100


@contextlib.contextmanager
def lock(out: Path) -> Iterator[None]:
    """Hold an out folder for one run; a lock file left behind by a dead run does not count.

    Errors
    ------
    BusyError : another run holds the folder; says which process, on which machine, since when.
    """
    out.mkdir(parents=True, exist_ok=True)
    holder = f"process {os.getpid()} on {socket.gethostname()} since {datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC"
    try:
        held = FileLock(out / LOCK, blocking=False, fallback_to_soft=False, preserve_lock_file=True).acquire()
    except Timeout:
        who = (out / LOCK).read_text(encoding="utf-8").strip() or "just started"
        raise BusyError(
            f"Another run is making a pack in {out} ({who}). Wait for it, or give another --out. Nothing was changed."
        ) from None
    with held:
        (out / LOCK).write_text(holder, encoding="utf-8")
        yield


@contextlib.contextmanager
def staging(out: Path) -> Iterator[Path]:
    """A fresh folder inside `out` for a pack in the making, removed in any case at the end."""
    folder = out / f"{STAGING}{uuid.uuid4().hex}"
    (folder / "pack").mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def recover(out: Path) -> list[str]:
    """Tidy up after runs that died (call it with the lock held); says what was done, line by line."""
    done = []
    for folder in sorted(out.glob(f"{STAGING}*")):
        shutil.rmtree(folder, ignore_errors=True)
        done.append(f"removed {folder.name}, left behind by a run that died")
    for folder in (out / VERSIONS).glob("*.new"):
        shutil.rmtree(folder)
        done.append(f"removed {folder.name}, the unfinished replacement of a pack")
    for folder in reversed(versions(out)):
        day, number = folder.name[:10], int(folder.name[11:])
        if run_of(folder) == number + 1 and run_of(out / day) == number:
            # It came this far in `put` and no further: the pack in force is untouched.
            shutil.rmtree(folder)
            done.append(f"removed {folder.name}, the unfinished replacement of a pack")
        elif not (out / day).exists():
            folder.rename(out / day)
            done.append(f"put {folder.name} back in force after a replacement that was cut short")
    return done


def packs(out: Path) -> dict[date, Path]:
    """The packs in force, by as-of date, oldest first."""
    folders = {}
    for folder in sorted(path for path in out.glob("*") if DATED.match(path.name) and path.is_dir()):
        with contextlib.suppress(ValueError):
            folders[date.fromisoformat(folder.name)] = folder
    return folders


def versions(out: Path) -> list[Path]:
    """The packs that were replaced, oldest first."""
    kept = [folder for folder in (out / VERSIONS).glob("*") if VERSION.match(folder.name)]
    return sorted(kept, key=lambda folder: (folder.name[:10], int(folder.name[11:])))


def previous(out: Path, as_of: date) -> manifest.Link | None:
    """The newest pack in force with an earlier as-of date."""
    earlier = [folder for day, folder in packs(out).items() if day < as_of]
    found = manifest.read(earlier[-1]) if earlier else None
    return manifest.link(earlier[-1], found) if found else None


def run_of(folder: Path) -> int | None:
    """The run number that a pack's manifest states; None where it cannot be read."""
    try:
        return int(json.loads((folder / "manifest.json").read_bytes())["run"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def next_run(out: Path, target: Path) -> int:
    """One more than the highest run of this as-of date, replaced ones included."""
    numbers = [int(folder.name[11:]) for folder in versions(out) if folder.name[:10] == target.name]
    if target.exists():
        numbers.append(run_of(target) or max(numbers, default=0) + 1)
    return max(numbers, default=0) + 1


def put(built: Path, place: Path, *, replaced: str = "") -> None:
    """Move a finished pack into place; the pack it replaces (as version `replaced`) is kept.

    Without a predecessor it is one rename. With one, the new pack waits under the name that the old one is going to
    have, and both change places in one step, so that there is a whole pack in force at every instant.
    """
    _settle(built)
    if not replaced:
        built.rename(place)
        _sync(place.parent)
        return
    kept = place.parent / VERSIONS / replaced
    kept.parent.mkdir(exist_ok=True)
    built.rename(kept)
    if not _exchange(kept, place):
        # No such call on this system: two renames, and `recover` finishes them if the run dies in between.
        waiting = kept.with_name(f"{kept.name}.new")
        kept.rename(waiting)
        place.rename(kept)
        waiting.rename(place)
    _sync(place.parent)


def _exchange(one: Path, other: Path) -> bool:
    """Let two folders change names in one step (Linux); False where the system cannot."""
    try:
        call = ctypes.CDLL(None, use_errno=True).renameat2
    except (AttributeError, OSError):
        return False
    if call(HERE, os.fsencode(one), HERE, os.fsencode(other), EXCHANGE) == 0:
        return True
    number = ctypes.get_errno()
    if number in {errno.ENOSYS, errno.EINVAL, errno.ENOTSUP}:
        return False
    raise OSError(number, os.strerror(number), str(other))


def _settle(folder: Path) -> None:
    """Make sure that the files are on the disk before a rename shows them."""
    for path in folder.iterdir():
        _sync(path)
    _sync(folder)


def _sync(path: Path) -> None:
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def listed(out: Path) -> dict[str, str] | None:
    """ "as-of.run" → hash of the manifest; None where there is no pointer, an empty one where it cannot be read."""
    try:
        found = json.loads((out / CHAIN).read_bytes())
        return {str(name): str(sha256) for name, sha256 in found["packs"].items()}
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def present(out: Path) -> dict[str, str]:
    """The packs that are there now, replaced ones included; those whose manifest cannot be read are left out."""
    folders = [*packs(out).values(), *versions(out)]
    return {
        name_of(told): manifest.file_sha256(folder / manifest.NAME)
        for folder in folders
        if (told := manifest.read(folder))
    }


def name_of(told: Mapping[str, Any]) -> str:
    """How a pack is listed: its as-of date and run."""
    return f"{told['as_of']}.{told['run']}"


def extend(out: Path) -> None:
    """List the packs that are there and not listed yet; what is listed stays, whatever became of it."""
    known = listed(out) or {}
    fresh = {name: sha256 for name, sha256 in present(out).items() if name not in known}
    if fresh:
        whole = dict(sorted((known | fresh).items()))
        workspace.write(out / CHAIN, json.dumps({"packs": whole}, indent=1) + "\n")


def faults(out: Path) -> list[str]:
    """Packs that are listed and are not there any more as they were published."""
    known = listed(out)
    if known is None:
        return []
    if not known:
        return [f"{CHAIN} cannot be read: restore it from its backup."]
    there = present(out)
    return [
        f"{name.rpartition('.')[0]} run {name.rpartition('.')[2]}: "
        + (
            "the pack was removed or its manifest cannot be read."
            if name not in there
            else "its manifest is not the one that was published."
        )
        for name, sha256 in known.items()
        if there.get(name) != sha256
    ]


def clear_failed(out: Path) -> None:
    """Remove the page after a run that succeeded."""
    with contextlib.suppress(FileNotFoundError):
        (out / FAILED).unlink()


@contextlib.contextmanager
def copy(out: str | Path, *, whole: bool = True) -> Iterator[tuple[Path, str | None]]:
    """An archive as a folder: itself, or a copy of what its address holds; and the tag of the pointer that was read.

    Parameters
    ----------
    whole : kept inputs and plans too; without them only their names, which is enough to add a pack.
    """
    if not objects.is_address(out):
        yield workspace.place(out), None
        return
    with tempfile.TemporaryDirectory(prefix="soe-archive-") as name:
        home = Path(name) / "out"
        home.mkdir()
        yield home, _pull(objects.opened(str(out)), home, whole)


def _pull(store: Any, home: Path, whole: bool) -> str | None:
    found = objects.read(store, CHAIN)
    if found is None:
        return None
    (home / CHAIN).write_bytes(found[0])
    known = listed(home) or {}
    newest: dict[str, int] = {}
    for name in known:
        day, _, run = name.rpartition(".")
        newest[day] = max(newest.get(day, 0), int(run))
    for name, sha256 in known.items():
        day, _, run = name.rpartition(".")
        folder = day if int(run) == newest[day] else f"{VERSIONS}/{name}"
        prefix = f"{name}-{sha256[:12]}"
        objects.fetch(store, home, f"{prefix}/", place=partial(_moved, prefix, folder))
    if whole:
        for folder in (manifest.INPUTS, STORE):
            objects.fetch(store, home, f"{folder}/")
        return found[1]
    for key in objects.keys(store, f"{manifest.INPUTS}/"):
        (home / key).parent.mkdir(parents=True, exist_ok=True)
        (home / key).touch()
    return found[1]


def _moved(prefix: str, folder: str, key: str) -> str:
    return folder + key.removeprefix(prefix)


def push(store: Any, home: Path, seen: str | None) -> None:
    """Everything of the new pack, then the pointer: before it nothing counts, after it all does."""
    there = set(objects.keys(store))
    for path in sorted((home / manifest.INPUTS).rglob("*.gz")):
        key = path.relative_to(home).as_posix()
        if key not in there:
            store.put(key, path.read_bytes())
    for folder in (*packs(home).values(), *versions(home)):
        told = manifest.read(folder)
        prefix = prefix_of(home, told) if told else ""
        if told and f"{prefix}/{manifest.NAME}" not in there:
            for path in sorted(folder.iterdir(), key=lambda path: path.name == manifest.NAME):
                store.put(f"{prefix}/{path.name}", path.read_bytes())
    objects.swap(store, CHAIN, (home / CHAIN).read_bytes(), seen)


def prefix_of(home: Path, told: Mapping[str, Any]) -> str:
    name = name_of(told)
    return f"{name}-{present(home)[name][:12]}"
