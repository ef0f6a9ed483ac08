"""Files at an object store's address (s3://bucket/prefix and the like); credentials come from the environment.

The store's own variables are read: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION, AWS_ENDPOINT_URL, and
AWS_ALLOW_HTTP=true for a server without TLS. Needs the extra `cloud`.
"""

from __future__ import annotations

import atexit
import shutil
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from soe_lib.errors import BusyError, SoeError


def is_address(where: object) -> bool:
    """Whether a text is an object store's address and not a folder."""
    return "://" in str(where)


def opened(address: str) -> Any:
    """The store behind an address; its keys are relative to the address.

    Raises SoeError where the extra is not installed or the address is none.
    """
    try:
        from obstore.store import from_url
    except ImportError as error:
        raise SoeError("Addresses of object stores need the extra `cloud`: pip install 'soe_lib[cloud]'.") from error
    try:
        return from_url(address.rstrip("/"))
    except Exception as error:
        raise SoeError(f"{address.split('?')[0]} is no object store's address ({type(error).__name__}).") from error


def keys(store: Any, under: str = "") -> list[str]:
    """Every key below a prefix."""
    found = [one["path"] for batch in store.list(prefix=under or None) for one in batch]
    return sorted(found)


def fetch(store: Any, folder: Path, under: str = "", *, place: Callable[[str], str] = str) -> int:
    """Copy everything below a prefix into a folder; returns how many files.

    Parameters
    ----------
    place : key → path within the folder; a path that would leave it is refused.
    """
    found = keys(store, under)
    for key in found:
        _fetch(store, folder, key, place(key))
    return len(found)


def copied(address: str) -> Path:
    """The files at an address as a folder: a copy that lasts as long as this process, and is brought up to date here.

    Only what changed since the last call is fetched; what is gone from the store goes from the copy.

    Raises SoeError where the address is none, or nothing lies there.
    """
    store, (home, seen) = opened(address), _place(address.rstrip("/"))
    try:
        found = {one["path"]: str(one["e_tag"]) for batch in store.list() for one in batch}
    except Exception as error:
        raise SoeError(f"{address.split('?')[0]} cannot be read ({type(error).__name__}): {error}") from error
    if not found:
        raise SoeError(f"There is nothing at {address.split('?')[0]}. Give the address of a company or of one extract.")
    for key in seen.keys() - found.keys():
        (home / key).unlink(missing_ok=True)
    for key, tag in found.items():
        if seen.get(key) != tag:
            _fetch(store, home, key, key)
    seen.clear()
    seen.update(found)
    for folder in sorted((path for path in home.rglob("*") if path.is_dir()), reverse=True):
        if not any(folder.iterdir()):
            folder.rmdir()
    return home


@cache
def _place(address: str) -> tuple[Path, dict[str, str]]:
    """Where the copy of an address lies, under its own last name, and the tags of what has been fetched."""
    folder = Path(tempfile.mkdtemp(prefix="soe-data-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    home = folder / (address.split("?")[0].rpartition("/")[2] or "company")
    home.mkdir()
    return home, {}


def _fetch(store: Any, folder: Path, key: str, place: str) -> None:
    target = folder / place
    if ".." in target.parts or not target.is_relative_to(folder):
        raise SoeError(f"The store holds the key {key!r}, which is no place below the folder.")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(bytes(store.get(key).bytes()))


def read(store: Any, key: str) -> tuple[bytes, str] | None:
    """One object and its entity tag; None where there is none."""
    try:
        found = store.get(key)
    except FileNotFoundError:
        return None
    return bytes(found.bytes()), str(found.meta["e_tag"])


def swap(store: Any, key: str, content: bytes, seen: str | None) -> None:
    """Write an object only if it is still the one that was read (`seen`: its tag; None: it was not there).

    Raises BusyError where somebody else wrote it in between.
    """
    from obstore.exceptions import AlreadyExistsError, PreconditionError

    try:
        store.put(key, content, mode="create" if seen is None else {"e_tag": seen}, use_multipart=False)
    except (AlreadyExistsError, PreconditionError) as error:
        raise BusyError(
            "Another run published in this archive meanwhile. Nothing of this one is in force; run again."
        ) from error
