"""out/.chain.json, the archive's pointer: every pack that was ever published, by the hash of its manifest.

It is written right after the rename that publishes a pack. So a pack that is there and not yet listed is one whose run
died in that instant (the next run lists it); a pack that is listed and not there was lost or altered.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from soe_lib.pack import manifest, place

NAME = ".chain.json"
Listed = dict[str, str]


def read(out: Path) -> Listed | None:
    """ "as-of.run" → hash of the manifest; None where there is no pointer, an empty one where it cannot be read."""
    try:
        found = json.loads((out / NAME).read_bytes())
        return {str(name): str(sha256) for name, sha256 in found["packs"].items()}
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def present(out: Path) -> Listed:
    """The packs that are there now, replaced ones included; those whose manifest cannot be read are left out."""
    folders = [*place.packs(out).values(), *place.versions(out)]
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
    listed = read(out) or {}
    fresh = {name: sha256 for name, sha256 in present(out).items() if name not in listed}
    if fresh:
        whole = dict(sorted((listed | fresh).items()))
        place.write(out / NAME, json.dumps({"packs": whole}, indent=1) + "\n")


def faults(out: Path) -> list[str]:
    """Packs that are listed and are not there any more as they were published."""
    listed = read(out)
    if listed is None:
        return []
    if not listed:
        return [f"{NAME} cannot be read: restore it from its backup."]
    there = present(out)
    return [
        f"{name.rpartition('.')[0]} run {name.rpartition('.')[2]}: "
        + (
            "the pack was removed or its manifest cannot be read."
            if name not in there
            else "its manifest is not the one that was published."
        )
        for name, sha256 in listed.items()
        if there.get(name) != sha256
    ]
