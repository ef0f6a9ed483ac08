"""The manifest of a pack: what went in, what came out, what it was made with; and the inputs that the archive keeps."""

from __future__ import annotations

import functools
import gzip
import hashlib
import importlib.metadata
import io
import json
import os
import platform
import re
import shutil
import subprocess
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from soe_lib.errors import PackError
from soe_lib.extract.casting import PLAIN
from soe_lib.extract.folders import dates, inspect
from soe_lib.extract.schema import schema
from soe_lib.extract.sources import load_sources
from soe_lib.pack.run_notebook import Page
from soe_lib.whatif.scenario import shelf
from soe_lib.workspace import PACKAGE

if TYPE_CHECKING:
    from soe_lib.extract.snapshot import Snapshot


SCHEMA = 1
NAME = "manifest.json"
LIBRARIES = ("soe_lib", "cvxpy", "highspy", "polars", "numpy", "papermill", "nbconvert", "matplotlib", "xlsxwriter")
CODE = (".py", ".csv", ".toml", ".j2", ".css")
NOT_CODE = {"workspace_files", "schedule"}
NEEDED = frozenset({"company", "currency", "as_of", "run", "plan", "checks", "summary", "pages", "seal"})
PLAN = (
    "name", "status", "objective", "bound", "gap", "seconds", "solver", "variables", "rows", "margin", "steering",
    "identity", "store",
)  # fmt: skip

Manifest = dict[str, Any]


@dataclass(frozen=True)
class Link:
    """A pack that another one builds on: its folder's name, its run, and its manifest's hash."""

    folder: str
    run: int
    sha256: str


def read(folder: Path) -> Manifest | None:
    """The manifest of a pack; None where there is none or it cannot be read."""
    try:
        found = json.loads((folder / NAME).read_bytes())
    except (OSError, ValueError):
        return None
    whole = isinstance(found, dict) and found.keys() >= NEEDED and isinstance(found["run"], int)
    return found if whole else None


def identity(
    snapshot: Snapshot,
    pages: Sequence[Page],
    templates: Path,
    before: Link | None,
    history: Mapping[str, str] | None = None,
) -> Manifest:
    """All that decides what a pack says; two runs with the same identity are the same pack.

    The pack before it and the earlier extracts (`history`: as-of date → hash) belong to the identity, since the pages
    compare with the plan of record and look back on earlier weeks.
    """
    return {
        "fingerprint": snapshot.fingerprint,
        "inputs": snapshot.files.select("table", "file", "rows", "sha256").sort("table", "file").to_dicts(),
        "code": {"version": version("soe_lib"), "sha256": code_sha256(), "templates": folder_sha256(templates)},
        "notebooks": [{"name": page.path.name, "sha256": page.sha256} for page in pages],
        "history": dict(history or {}),
        "previous": asdict(before) if before else None,
    }


def same(manifest: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    """Whether a published pack has this identity (the commit and library versions may differ)."""
    code = {key: value for key, value in manifest.get("code", {}).items() if key in wanted["code"]}
    return {key: manifest.get(key) for key in wanted} | {"code": code} == dict(wanted)


def compose(
    snapshot: Snapshot,
    *,
    wanted: Mapping[str, Any],
    run: int,
    plan: Mapping[str, Any],
    checks: Sequence[Mapping[str, Any]],
    summary: Mapping[str, Any],
    times: Mapping[str, float],
    replaces: Link | None,
    figures: Mapping[str, str] | None = None,
    record: Mapping[str, Any] | None = None,
    kept: Mapping[str, str] | None = None,
) -> Manifest:
    """The manifest of a pack, but for the hashes of its files: the cover that shows it is one of them.

    Parameters
    ----------
    figures : what each page published and each frame of the workbook → its hash.
    record : the plan that the pages compared with; None where there was none.
    kept : file that the pack was made from → its hash in the archive.
    """
    return {
        "schema": SCHEMA,
        "company": snapshot.company,
        "currency": snapshot.currency,
        "as_of": snapshot.as_of.isoformat(),
        "run": run,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        **wanted,
        "code": {**wanted["code"], "commit": commit()},
        "libraries": {"python": platform.python_version(), **{name: version(name) for name in LIBRARIES}},
        "plan": {key: plan[key] for key in PLAN if key in plan},
        "checks": [dict(check) for check in checks],
        "summary": dict(summary),
        "times": {step: round(seconds, 2) for step, seconds in times.items()},
        "figures": dict(figures or {}),
        "record": dict(record) if record else None,
        "kept": dict(kept or {}),
        "replaces": asdict(replaces) if replaces else None,
    }


def seal(folder: Path, manifest: Mapping[str, Any]) -> Manifest:
    """Write the manifest of a finished folder, with the hash of every file in it, and return it."""
    files = sorted(path for path in folder.iterdir() if path.name != NAME)
    listed = [{"file": path.name, "sha256": file_sha256(path), "bytes": path.stat().st_size} for path in files]
    whole = {**manifest, "pages": listed}
    whole["seal"] = seal_of(whole)
    (folder / NAME).write_text(json.dumps(whole, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return whole


def seal_of(manifest: Mapping[str, Any]) -> str:
    """The hash of a manifest without its own seal, independent of layout and key order."""
    bare = {key: value for key, value in manifest.items() if key != "seal"}
    return hashlib.sha256(json.dumps(bare, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def faults_of(folder: Path, told: Mapping[str, Any] | None) -> list[str]:
    """What does not fit in one pack: its manifest's seal, and each file's hash."""
    if told is None:
        return [f"{folder.name}: manifest.json is missing or cannot be read."]
    if told.get("seal") != seal_of(told):
        return [f"{folder.name}: manifest.json was changed after it was published."]
    listed = {page["file"]: page["sha256"] for page in told["pages"]}
    there = {path.name for path in folder.iterdir()} - {NAME}
    faults = [f"{folder.name}: {name} is missing." for name in sorted(listed.keys() - there)]
    faults += [f"{folder.name}: {name} was added after it was published." for name in sorted(there - listed.keys())]
    faults += [
        f"{folder.name}: {name} was changed after it was published."
        for name in sorted(listed.keys() & there)
        if not (folder / name).is_file() or file_sha256(folder / name) != listed[name]
    ]
    return faults


def link(folder: Path, manifest: Mapping[str, Any]) -> Link:
    """How a later pack refers to this one."""
    return Link(str(manifest["as_of"]), int(manifest["run"]), file_sha256(folder / NAME))


def file_sha256(path: Path) -> str:
    """The hash of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def folder_sha256(folder: Path) -> str:
    """The hash of all source files below a folder, with their names."""
    files = sorted(
        path
        for path in folder.rglob("*")
        if path.suffix in CODE and path.is_file() and NOT_CODE.isdisjoint(path.relative_to(folder).parts)
    )
    listed = [[path.relative_to(folder).as_posix(), file_sha256(path)] for path in files]
    return hashlib.sha256(json.dumps(listed).encode()).hexdigest()


@functools.cache
def code_sha256() -> str:
    """The hash of this library's own sources: what ran, whatever the version says."""
    return folder_sha256(PACKAGE)


def version(name: str) -> str:
    """The installed version of a library; "checkout" where it runs without being installed."""
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "checkout"


@functools.cache
def commit() -> str:
    """The git commit of a checkout; blank elsewhere."""
    if not (PACKAGE.parent / ".git").exists():
        return ""
    told = subprocess.run(
        ["git", "-C", str(PACKAGE.parent), "rev-parse", "--verify", "--quiet", "HEAD"],
        capture_output=True,
        text=True,
        check=False,
    )
    return told.stdout.strip()


INPUTS = ".inputs"
MEETING = "meeting"
SOURCES = "sources.toml"
DATA = (".csv", ".parquet", ".xlsx", ".toml")
TEMPLATES = (".j2", ".css")
PATH = re.compile(r"^(data|notebooks|templates|meeting)/(\d{4}-\d{2}-\d{2}/|extract/)?[^/\\\x00]+$")
BESIDE = re.compile(rf"^({MEETING}|data)/[^/]+$")
SHA = re.compile(r"^[0-9a-f]{64}$")
BLOCK = 1 << 20
LOOKED_BACK = timedelta(weeks=13)


@dataclass(frozen=True)
class Input:
    """One file that a pack was made from: its path in the rebuilt workspace, its hash, and where its bytes are now."""

    path: str
    sha256: str
    source: Path | bytes


def collect(
    snapshot: Snapshot, pages: Sequence[Page], templates: Path, meetings: Mapping[str, pl.DataFrame] | None = None
) -> tuple[Input, ...]:
    """Every file that a pack of this snapshot is made from, those of the earlier extracts that its pages read included.

    Parameters
    ----------
    meetings : what earlier meetings left: table of the plan store → its rows.

    Errors
    ------
    PackError : a file of the extract changed since it was read.
    """
    found = [*_this_week(snapshot), *_earlier(snapshot)]
    found += [_of(f"notebooks/{page.path.name}", page.path) for page in pages]
    found += [_of(f"templates/{path.name}", path) for path in sorted(templates.iterdir()) if path.suffix in TEMPLATES]
    found += [_of(f"{MEETING}/{table}.parquet", _bytes(frame)) for table, frame in (meetings or {}).items()]
    return tuple(found)


def beside(inputs: Sequence[Input]) -> dict[str, str]:
    """What stands beside the extracts → its hash: a decision or a scenario more makes another pack."""
    return {one.path: one.sha256 for one in inputs if BESIDE.match(one.path)}


def history(inputs: Sequence[Input]) -> dict[str, str]:
    """Earlier extract → one hash of its files: a pack whose past was changed is another pack."""
    listed: dict[str, list[str]] = {}
    for one in inputs:
        parts = one.path.split("/")
        if len(parts) == 3:
            listed.setdefault(parts[1], []).append(f"{parts[2]} {one.sha256}")
    return {day: hashlib.sha256("\n".join(sorted(files)).encode()).hexdigest() for day, files in listed.items()}


def keep(inputs: Sequence[Input], out: Path, aside: Path) -> None:
    """Write the files that the archive does not hold yet into a folder on the same disk."""
    aside.mkdir()
    for one in inputs:
        if not address(out, one.sha256).is_file() and not (aside / f"{one.sha256}.gz").exists():
            _store(one, aside / f"{one.sha256}.gz")


def settle(aside: Path, out: Path) -> None:
    """Move the written files into the archive; a pack that is published after this has all it was made from."""
    for path in sorted(aside.iterdir()):
        target = address(out, path.stem)
        target.parent.mkdir(parents=True, exist_ok=True)
        path.replace(target)


def address(out: Path, sha256: str) -> Path:
    """Where the archive keeps the bytes with this hash."""
    return out / INPUTS / sha256[:2] / f"{sha256}.gz"


def kept_faults(out: Path, kept: Mapping[str, str], known: dict[str, str]) -> list[str]:
    """What is wrong with the kept files of one pack, one sentence each.

    Parameters
    ----------
    known : hash → fault of those looked at already; filled as it goes, so that a shared file is read once.
    """
    for sha256 in kept.values():
        if sha256 not in known:
            known[sha256] = _kept_fault(out, sha256)
    return [f"the kept {path} {known[sha256]}" for path, sha256 in kept.items() if known[sha256]]


def restore(out: Path, kept: Mapping[str, str], folder: Path) -> Path:
    """Lay the kept files of a pack out as a workspace in `folder`, each checked against its hash; returns its data.

    Errors
    ------
    PackError : a file is missing, altered, or has a path that leads out of the folder.
    """
    for path, sha256 in kept.items():
        if not PATH.match(path) or ".." in path.split("/"):
            raise PackError(f"The manifest names the kept file {path!r}, which is no place in a workspace.")
        if fault := _kept_fault(out, sha256):
            raise PackError(f"The kept {path} {fault}; restore {out / INPUTS} from its backup.")
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        with gzip.open(address(out, sha256)) as packed, target.open("wb") as file:
            shutil.copyfileobj(packed, file, BLOCK)
    alone = folder / "data" / "extract"
    return alone if alone.is_dir() else folder / "data"


def _this_week(snapshot: Snapshot) -> Iterator[Input]:
    """The extract's own files; a table that sources.toml reads is kept as it was read, in parquet."""
    home, mapped = f"data/{_name(snapshot)}", _mapped(snapshot.folder)
    for table, file, sha256 in snapshot.files.select("table", "file", "sha256").iter_rows():
        path = snapshot.folder / file
        if table in mapped or not path.is_file():
            yield _of(f"{home}/{table}.parquet", _parquet(snapshot, table))
            continue
        found = _of(f"{home}/{file}", path)
        if found.sha256 != sha256:
            raise PackError(f"{path} changed since it was read. Nothing was published; run again when it is complete.")
        yield found
    read = set(snapshot.files["file"])
    for place, under in ((snapshot.folder, home), (snapshot.folder.parent, "data")):
        for path in _files(place):
            if path.suffix == ".toml" and path.name not in read and not (mapped and path.name == SOURCES):
                yield _of(f"{under}/{path.name}", path)
    shared = shelf(snapshot)
    if shared.is_file() and shared.parent not in (snapshot.folder, snapshot.folder.parent):
        yield _of(f"data/{shared.name}", shared)


def _earlier(snapshot: Snapshot) -> Iterator[Input]:
    """The extracts of the last 13 weeks, which reviews look back on, and in any case the one before this."""
    if snapshot.folder.name != snapshot.as_of.isoformat():
        return
    days = [day for day in dates(snapshot.folder.parent) if day < snapshot.as_of]
    for day in days:
        if day == days[-1] or snapshot.as_of - day <= LOOKED_BACK:
            yield from _folder(snapshot.folder.parent / day.isoformat(), day)


def _folder(folder: Path, day: date) -> Iterator[Input]:
    """An earlier extract's files; what sources.toml reads is kept as it is read today, rows in a fixed order."""
    home, mapped, raw = f"data/{day.isoformat()}", _mapped(folder), {SOURCES}
    if mapped:
        found = inspect(folder)
        for table in sorted(mapped & found.sources.keys()):
            rows = found.kept(table)
            yield _of(f"{home}/{table}.parquet", _bytes(rows.sort(rows.columns)))
            raw.add(found.sources[table].file.partition(", sheet ")[0])
    for path in _files(folder):
        if not (mapped and path.name in raw):
            yield _of(f"{home}/{path.name}", path)


def _mapped(folder: Path) -> frozenset[str]:
    """The tables that sources.toml reads: from a database, or files in names or a writing of the company's own."""
    mapped = load_sources(folder)[0]
    return frozenset(mapped.entries) if mapped.common == PLAIN else frozenset(schema())


def _files(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(
        path for path in folder.iterdir() if path.suffix in DATA and path.is_file() and path.name[0] not in ".~"
    )


def _name(snapshot: Snapshot) -> str:
    return snapshot.folder.name if snapshot.folder.name == snapshot.as_of.isoformat() else "extract"


def _parquet(snapshot: Snapshot, table: str) -> bytes:
    return _bytes(snapshot.tables[table])


def _bytes(frame: pl.DataFrame) -> bytes:
    buffer = io.BytesIO()
    frame.write_parquet(buffer)
    return buffer.getvalue()


def _of(path: str, source: Path | bytes) -> Input:
    if isinstance(source, bytes):
        return Input(path, hashlib.sha256(source).hexdigest(), source)
    with source.open("rb") as file:
        return Input(path, hashlib.file_digest(file, "sha256").hexdigest(), source)


def _store(one: Input, place: Path) -> None:
    """Compress a file, and make sure that it is what was announced and on the disk."""
    digest = hashlib.sha256()
    with place.open("wb") as raw:
        with gzip.GzipFile("", "wb", 6, raw, mtime=0) as packed, _opened(one.source) as content:
            while block := content.read(BLOCK):
                digest.update(block)
                packed.write(block)
        raw.flush()
        os.fsync(raw.fileno())
    if digest.hexdigest() != one.sha256:
        raise PackError(f"{one.path} changed while it was archived. Nothing was published; run again.")


def _opened(source: Path | bytes) -> io.BufferedIOBase:
    return io.BytesIO(source) if isinstance(source, bytes) else source.open("rb")


def _kept_fault(out: Path, sha256: str) -> str:
    """What is wrong with one kept file; blank where it is what its name says."""
    if not SHA.match(sha256):
        return "has no valid hash"
    digest = hashlib.sha256()
    try:
        with gzip.open(address(out, sha256)) as packed:
            while block := packed.read(BLOCK):
                digest.update(block)
    except FileNotFoundError:
        return "is missing from the archive"
    except (OSError, EOFError, ValueError, zlib.error) as error:
        return f"was changed after it was archived ({type(error).__name__})"
    return "" if digest.hexdigest() == sha256 else "was changed after it was archived"
