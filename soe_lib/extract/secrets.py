"""Addresses of sources: by alias from the environment, and never in a message, a report or an exception."""

from __future__ import annotations

import base64
import os
import re
from urllib.parse import quote, quote_plus, unquote, urlsplit

ALIAS = re.compile(r"[A-Z][A-Z0-9_]{0,63}")
HIDDEN = "•••"


def address(alias: str) -> str:
    """What the environment holds under an alias; blank where it holds nothing."""
    return os.environ.get(alias, "")


def looks_secret(text: str) -> bool:
    """Whether a text is an address with what belongs into it, and not an alias."""
    return "://" in text or "=" in text or "@" in text


def scrub(text: str, secret: str) -> str:
    """The text without the secret address, its password, or either of them in another writing.

    Parameters
    ----------
    text : for example what a driver says.
    secret : the address that was connected to.
    """
    for word in sorted(_forms(secret), key=len, reverse=True):
        text = text.replace(word, HIDDEN)
    return text


def _forms(secret: str) -> set[str]:
    words = {secret} | set(_passwords(secret))
    words |= {unquote(word) for word in words}
    forms = set()
    for word in words:
        coded = base64.b64encode(word.encode()).decode()
        forms |= {word, quote(word, safe=""), quote_plus(word), coded, coded.rstrip("=")}
    return {form for form in forms if len(form) >= 3}


def _passwords(secret: str) -> list[str]:
    found = [
        (quoted or plain).replace("\\'", "'")
        for quoted, plain in re.findall(
            r"(?i)\b(?:password|passfile|sslpassword)\s*=\s*(?:'((?:[^'\\]|\\.)*)'|(\S+))", secret
        )
    ]
    found += re.findall(r"(?i)[?&](?:password|sslpassword)=([^&]+)", secret)
    try:
        parts = urlsplit(secret)
        found += [parts.password] if parts.password else []
    except ValueError:
        pass
    found += re.findall(r"://[^/:@]*:(.*)@", secret)
    return [word for word in found if word]
