"""Re-check a whole archive: every file against its manifest, every manifest against its seal and its chain."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from soe_lib.errors import PackError
from soe_lib.pack import manifest, place
from soe_lib.review import words


@dataclass(frozen=True)
class Report:
    """What `verify` found.

    Parameters
    ----------
    packs : how many packs were checked, replaced versions included.
    files : how many files.
    faults : what does not fit, one sentence each; none where the archive is as it was published.
    """

    packs: int
    files: int
    faults: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether every pack is as it was published."""
        return not self.faults

    def text(self) -> str:
        """The verdict in one line, and each fault in one more."""
        head = f"{words.count(self.packs, 'pack')}, {words.count(self.files, 'file')} checked:"
        if self.ok:
            return f"{head} all as published."
        return "\n".join(
            [f"{head} {words.count(len(self.faults), 'fault')}.", *(f"  {fault}" for fault in self.faults)]
        )


def verify(out: str | Path) -> Report:
    """Check an out folder, or one pack of it, against its manifests.

    Finds a changed, missing or added file, a changed manifest, and a pack whose predecessor was changed or removed.

    Errors
    ------
    PackError : there is neither a pack nor an archive at the address.
    """
    home = Path(out)
    if (home / manifest.NAME).is_file():
        folders = [home]
        chain = False
    else:
        folders, chain = [*place.packs(home).values(), *place.versions(home)], True
    if not folders:
        raise PackError(f"{home} holds no pack. Give the folder that `soe pack` writes to (--out), or one pack in it.")
    found = {folder: manifest.read(folder) for folder in folders}
    faults = [fault for folder, told in found.items() for fault in faults_of(folder, told)]
    if chain:
        faults += _chain(found)
    files = sum(len(told.get("pages", ())) for told in found.values() if told)
    return Report(len(folders), files, tuple(faults))


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
