"""An archive at an object store's address: packs that are never overwritten, and one pointer that is swapped.

<as-of>.<run>-<hash>/   a pack, under the hash of its manifest
.chain.json             the packs that count; written last, only if nobody wrote it since it was read
.inputs/, plans/        as in a folder; the plan store is written in place, by its own transactions
index.html, failed.html as in a folder

A run works on a copy in a temporary folder. What a run that died left behind is in no pointer, so nobody reads it.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from soe_lib import objects, workspace
from soe_lib.extract.folders import found
from soe_lib.pack import archive, manifest, overview, render, schedule
from soe_lib.pack.job import STORE

if TYPE_CHECKING:
    from soe_lib.pack.job import PackResult


@contextmanager
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


def make_pack(
    data: str | Path, as_of: str | None, out: str | Path, *, store: str | Path | None = None, **how: Any
) -> PackResult:
    """`jobs.make_pack` where the extracts or the archive are at an address.

    Errors
    ------
    BusyError : somebody else published in the archive since this run began.
    """
    from soe_lib.pack import job

    source = found(data)
    if not objects.is_address(out):
        return job.make_pack(source, as_of, out, store=store, **how)
    with copy(out, whole=False) as (home, seen):
        made = job.make_pack(source, as_of, home, store=store or f"{str(out).rstrip('/')}/{STORE}", **how)
        kept = objects.opened(str(out))
        if made.published:
            _push(kept, home, seen)
        _pages(kept, home)
        folder = f"{str(out).rstrip('/')}/{_prefix(home, made.manifest)}"
        said = made.message.replace(str(made.folder), folder)
        return job.PackResult(Path(folder), made.manifest, made.published, said, made.notes)


def leave(error: BaseException, out: str, *, data: str, as_of: str | None, step: str) -> schedule.Failure:
    """The page of a failed run, beside an archive at an address."""
    with copy(out, whole=False) as (home, _):
        failure = schedule.describe(error, home, data=data, as_of=as_of, step=step, shown=out)
        schedule.leave(failure, home)
        store = objects.opened(out)
        store.put(archive.FAILED, (home / archive.FAILED).read_bytes())
        _pages(store, home, clear=False)
    return failure


def _pull(store: Any, home: Path, whole: bool) -> str | None:
    found = objects.read(store, archive.CHAIN)
    if found is None:
        return None
    (home / archive.CHAIN).write_bytes(found[0])
    listed = archive.listed(home) or {}
    newest: dict[str, int] = {}
    for name in listed:
        day, _, run = name.rpartition(".")
        newest[day] = max(newest.get(day, 0), int(run))
    for name, sha256 in listed.items():
        day, _, run = name.rpartition(".")
        folder = day if int(run) == newest[day] else f"{archive.VERSIONS}/{name}"
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


def _push(store: Any, home: Path, seen: str | None) -> None:
    """Everything of the new pack, then the pointer: before it nothing counts, after it all does."""
    there = set(objects.keys(store))
    for path in sorted((home / manifest.INPUTS).rglob("*.gz")):
        key = path.relative_to(home).as_posix()
        if key not in there:
            store.put(key, path.read_bytes())
    for folder in (*archive.packs(home).values(), *archive.versions(home)):
        told = manifest.read(folder)
        prefix = _prefix(home, told) if told else ""
        if told and f"{prefix}/{manifest.NAME}" not in there:
            for path in sorted(folder.iterdir(), key=lambda path: path.name == manifest.NAME):
                store.put(f"{prefix}/{path.name}", path.read_bytes())
    objects.swap(store, archive.CHAIN, (home / archive.CHAIN).read_bytes(), seen)


def _pages(store: Any, home: Path, *, clear: bool = True) -> None:
    """The page of all weeks, with links to where the packs are there."""
    moved = {name: f"{name}-{sha256[:12]}" for name, sha256 in (archive.listed(home) or {}).items()}
    for path, text in overview.pages(home, templates=render.templates(), moved=moved).items():
        if path.parent == home:
            store.put(path.name, text.encode())
    if clear and objects.read(store, archive.FAILED) is not None:
        store.delete(archive.FAILED)


def _prefix(home: Path, told: Mapping[str, Any]) -> str:
    name = archive.name_of(told)
    return f"{name}-{archive.present(home)[name][:12]}"
