"""Files at an object store's address (s3://bucket/prefix and the like); credentials come from the environment.

The store's own variables are read: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION, AWS_ENDPOINT_URL, and
AWS_ALLOW_HTTP=true for a server without TLS. Needs the extra `cloud`.
"""

from __future__ import annotations

from collections.abc import Callable
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
        target = folder / place(key)
        if ".." in target.parts or not target.is_relative_to(folder):
            raise SoeError(f"The store holds the key {key!r}, which is no place below the folder.")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(bytes(store.get(key).bytes()))
    return len(found)


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
