"""A scenario as one short text, to be sent in a message or stand in a link; it holds edits and no data."""

from __future__ import annotations

import base64
import binascii
import os
import zlib
from urllib.parse import parse_qs, quote, urlparse

from soe_lib.errors import DataError
from soe_lib.whatif.scenario import Scenario, parsed, text

MARK = "soe1."
"""What a shared scenario begins with; its number is that of the writing."""
PARAMETER = "scenario"
QUERY, SERVER = "QUERY_STRING", "SERVER_SOFTWARE"
"""Under these names Voila hands a page's query, and its own name, on to the page's kernel."""
LARGEST = 200_000
"""Characters that a shared scenario may unfold to: whoever sends more sends no scenario."""


def has_address() -> bool:
    """Whether the workbench is a page of its own (Voila), whose address opens a scenario; a notebook's does not."""
    return os.environ.get(SERVER, "").startswith("voila")


def asks(query: str) -> bool:
    """Whether a page's query holds a scenario."""
    return PARAMETER in parse_qs(query)


def code(scenario: Scenario) -> str:
    """The scenario as one word of letters, digits, "-" and "_"."""
    if scenario.blocks:
        raise DataError(f"Scenario {scenario.name!r} adds blocks, which are code and cannot be shared as a text.")
    packed = zlib.compress(text(scenario).encode(), level=9)
    return MARK + base64.urlsafe_b64encode(packed).decode().rstrip("=")


def link(scenario: Scenario, page: str = "") -> str:
    """An address that opens the workbench's page with the scenario; without a page the query alone."""
    return f"{page}?{PARAMETER}={quote(code(scenario))}"


def shared(received: str) -> Scenario:
    """The scenario of a code, or of a link that holds one.

    Raises DataError where it is cut, or is none at all. Nothing in it is run: it names edits, and these are checked.
    """
    word = received.strip()
    if PARAMETER in word and not word.startswith(MARK):
        word = parse_qs(urlparse(word).query).get(PARAMETER, [""])[0]
    if not word.startswith(MARK):
        raise DataError(f"This is no shared scenario: one begins with {MARK!r}, or is a link that holds one.")
    try:
        packed = base64.b64decode(
            word[len(MARK) :] + "=" * (-len(word[len(MARK) :]) % 4), altchars=b"-_", validate=True
        )
        unfold = zlib.decompressobj()
        content = unfold.decompress(packed, LARGEST)
        if not unfold.eof:
            raise ValueError("unfinished")
        return parsed(content.decode())
    except DataError:
        raise
    except (binascii.Error, zlib.error, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError("This shared scenario is not whole: a part of it was lost. Ask for it again.") from error
