"""The manifest of a pack: what went in, what came out, and what it was made with.

Its `pages` carry the hash of every file of the pack, `previous` and `replaces` chain it to the packs before it, and
`seal` is the hash of the manifest itself, so that a changed cent anywhere in an archive is found by `verify`.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.metadata
import json
import platform
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from soe_lib.pack import place
from soe_lib.pack.notebooks import Page
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


def link(folder: Path, manifest: Mapping[str, Any]) -> Link:
    """How a later pack refers to this one."""
    return Link(str(manifest["as_of"]), int(manifest["run"]), file_sha256(folder / NAME))


def previous(out: Path, as_of: date) -> Link | None:
    """The newest pack in force with an earlier as-of date."""
    earlier = [folder for day, folder in place.packs(out).items() if day < as_of]
    found = read(earlier[-1]) if earlier else None
    return link(earlier[-1], found) if found else None


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
