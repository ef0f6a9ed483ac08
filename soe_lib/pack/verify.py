"""Re-check a whole archive: every file against its manifest, every manifest against its seal and its chain, every kept
input against its hash, every plan against what was stored.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from soe_lib import workspace
from soe_lib.errors import PackError, ReconciliationError, SoeError
from soe_lib.pack import chain, inputs, manifest, place
from soe_lib.pack.build import STORE
from soe_lib.review import words


@dataclass(frozen=True)
class Report:
    """What `verify` found.

    Parameters
    ----------
    packs : how many packs were checked, replaced versions included.
    files : how many files.
    faults : what does not fit, one sentence each; none where the archive is as it was published.
    kept : how many files that the packs were made from, each counted once.
    plans : how many stored plans.
    """

    packs: int
    files: int
    faults: tuple[str, ...]
    kept: int = 0
    plans: int = 0

    @property
    def ok(self) -> bool:
        """Whether every pack is as it was published."""
        return not self.faults

    def text(self) -> str:
        """The verdict in one line, and each fault in one more."""
        counted = [(self.packs, "pack"), (self.files, "file"), (self.kept, "kept input"), (self.plans, "stored plan")]
        head = f"{', '.join(words.count(number, what) for number, what in counted if number)} checked:"
        if self.ok:
            return f"{head} all as published."
        return "\n".join(
            [f"{head} {words.count(len(self.faults), 'fault')}.", *(f"  {fault}" for fault in self.faults)]
        )


def verify(out: str | Path) -> Report:
    """Check an out folder, or one pack of it, against its manifests.

    Finds a changed, missing or added file, a changed manifest, a pack whose predecessor was changed or removed, a pack
    that was published and is gone, a changed input, and a stored plan that is not what was written.

    Errors
    ------
    PackError : there is neither a pack nor an archive at the address.
    """
    home = workspace.place(out)
    if (home / manifest.NAME).is_file():
        folders = [home]
        whole = False
    else:
        folders, whole = [*place.packs(home).values(), *place.versions(home)], True
    if not folders and chain.read(home) is None:
        raise PackError(f"{home} holds no pack. Give the folder that `soe pack` writes to (--out), or one pack in it.")
    found = {folder: manifest.read(folder) for folder in folders}
    faults = [fault for folder, told in found.items() for fault in faults_of(folder, told)]
    files = sum(len(told.get("pages", ())) for told in found.values() if told)
    if not whole:
        return Report(len(folders), files, tuple(faults))
    known: dict[str, str] = {}
    for folder, told in found.items():
        listed = inputs.faults(home, (told or {}).get("kept") or {}, known)
        faults += [f"{folder.name}: {fault}." for fault in listed]
    stored, unfit = _plans(home, found)
    faults += [*_chain(found), *chain.faults(home), *unfit]
    return Report(len(folders), files, tuple(faults), len(known), stored)


def _plans(out: Path, found: Mapping[Path, Mapping[str, Any] | None]) -> tuple[int, list[str]]:
    """How many stored plans were read again, and what does not fit in them."""
    named = [(folder, told) for folder, told in found.items() if told and told["plan"].get("identity")]
    if not named:
        return 0, []
    from soe_lib.store import history

    faults = []
    known: dict[str, pl.DataFrame] = {}
    for folder, told in named:
        store = told["plan"].get("store") or str(out / STORE)
        try:
            rows = known[store] if store in known else history.read_plans(store)
            known[store] = rows
        except SoeError as error:
            faults.append(f"{folder.name}: {error}")
            continue
        kept = rows.filter(plan_fingerprint=told["plan"]["identity"], fingerprint=told["fingerprint"])
        if kept.is_empty():
            faults.append(f"{folder.name}: its plan is not in the plan store {store}.")
            continue
        try:
            history.open_plan(store, kept["as_of"][0], kept["run"][0], company=kept["company"][0])
        except (ReconciliationError, OSError) as error:
            faults.append(f"{folder.name}: {error}")
        except Exception as error:
            # The table store's own errors share no base class.
            faults.append(f"{folder.name}: its plan in {store} cannot be read ({type(error).__name__}).")
    return len(named), faults


def faults_of(folder: Path, told: Mapping[str, Any] | None) -> list[str]:
    """What does not fit in one pack: its manifest's seal, and each file's hash."""
    if told is None:
        return [f"{folder.name}: manifest.json is missing or cannot be read."]
    if told.get("seal") != manifest.seal_of(told):
        return [f"{folder.name}: manifest.json was changed after it was published."]
    listed = {page["file"]: page["sha256"] for page in told["pages"]}
    there = {path.name for path in folder.iterdir()} - {manifest.NAME}
    faults = [f"{folder.name}: {name} is missing." for name in sorted(listed.keys() - there)]
    faults += [f"{folder.name}: {name} was added after it was published." for name in sorted(there - listed.keys())]
    faults += [
        f"{folder.name}: {name} was changed after it was published."
        for name in sorted(listed.keys() & there)
        if not (folder / name).is_file() or manifest.file_sha256(folder / name) != listed[name]
    ]
    return faults


def _chain(found: Mapping[Path, Mapping[str, Any] | None]) -> list[str]:
    """Packs whose predecessor is not in the archive as it was when they were made."""
    known = {manifest.file_sha256(folder / manifest.NAME) for folder, told in found.items() if told}
    faults = []
    for folder, told in found.items():
        for kind in ("previous", "replaces"):
            named = (told or {}).get(kind)
            if named and named["sha256"] not in known:
                faults.append(
                    f"{folder.name}: the pack it {'follows' if kind == 'previous' else 'replaces'}, "
                    f"{named['folder']} run {named['run']}, was changed or removed."
                )
    return faults
