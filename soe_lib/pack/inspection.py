"""Read a finished pack as a browser would and name everything that must not be in it.

It shares no code with what wrote the pages: the parser of the standard library, on the bytes on disk.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit


def _set(text: str) -> frozenset[str]:
    return frozenset(text.split())


FORBIDDEN = _set(
    """script iframe frame frameset object embed applet link base form input button textarea select audio video
    source track picture template noscript portal animate set foreignobject use math"""
)
LOADING = _set("src srcset poster background data action formaction ping manifest xlink:href codebase")
CALL = re.compile(r"url\s*\(|@import|expression\s*\(|image-set\s*\(", re.IGNORECASE)
POLICY = "default-src 'none'"
NO_ALT = "No description has been provided for this image"


@dataclass
class _Reader(HTMLParser):
    """Collects what a page loads, links to and names."""

    faults: list[str] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)
    policy: str = ""
    language: str = ""
    style: bool = False
    tables: int = 0
    scopeless: int = 0

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name.lower(): value or "" for name, value in attrs}
        self.seen.add(tag)
        self.style = tag == "style"
        if tag in FORBIDDEN:
            self.faults.append(f"holds a <{tag}>")
        self._read_attributes(tag, given)
        if tag == "html":
            self.language = given.get("lang", "")
        if tag == "meta":
            self._read_meta(given)
        if tag == "img":
            self._read_image(given)
        if tag == "th" and "scope" not in given:
            self.scopeless += 1

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        if tag == "style":
            self.style = False

    def handle_data(self, data: str) -> None:
        if self.style and CALL.search(data):
            self.faults.append("its style sheet loads something from elsewhere")

    def _read_attributes(self, tag: str, given: Mapping[str, str]) -> None:
        for name, value in given.items():
            if name.startswith("on"):
                self.faults.append(f"has a live {name} on a <{tag}>")
            if name in LOADING and not (tag == "img" and value.startswith("data:image/")):
                self.faults.append(f"loads {value[:60]!r} by {name} of a <{tag}>")
            if name == "style" and CALL.search(value):
                self.faults.append(f"loads something by the style of a <{tag}>")
        if "id" in given:
            self.ids.append(given["id"])
        if "href" in given and tag != "link":
            self.links.append(given["href"])

    def _read_meta(self, given: Mapping[str, str]) -> None:
        kind = given.get("http-equiv", "").lower()
        if kind == "content-security-policy":
            self.policy = given.get("content", "")
        elif kind:
            self.faults.append(f"has a meta {kind}")

    def _read_image(self, given: Mapping[str, str]) -> None:
        alternative = given.get("alt", "").strip()
        if not alternative or NO_ALT in alternative:
            self.faults.append("has an image without alternative text")


def read(text: str) -> _Reader:
    """Everything that a page loads, links to and names, with the faults that show in the page alone."""
    reader = _Reader()
    reader.feed(text)
    reader.close()
    if POLICY not in reader.policy:
        reader.faults.append("has no content security policy that forbids all requests")
    if not reader.language:
        reader.faults.append("does not state its language")
    for needed in ("title", "h1", "main"):
        if needed not in reader.seen:
            reader.faults.append(f"has no <{needed}>")
    if reader.scopeless:
        reader.faults.append(f"has {reader.scopeless} header cells without a scope")
    repeated = sorted(name for name, times in Counter(reader.ids).items() if times > 1)
    if repeated:
        reader.faults.append(f"uses the same id twice: {', '.join(repeated[:5])}")
    return reader


def faults(folder: str | Path, expected: Sequence[str] = (), *, later: Sequence[str] = ("manifest.json",)) -> list[str]:
    """What is wrong with a finished pack folder, one sentence each; none where it is good.

    Parameters
    ----------
    expected : files that must be there.
    later : files that will be there by the time it is published.
    """
    home = Path(folder)
    found = [f"{name} is missing" for name in expected if not (home / name).is_file()]
    pages = {path.name: read(path.read_text(encoding="utf-8")) for path in sorted(home.glob("*.html"))}
    names = {path.name for path in home.iterdir()} | set(later)
    for name, page in pages.items():
        found += [f"{name} {fault}" for fault in page.faults]
        links = (_link_fault(href, name, pages, names) for href in dict.fromkeys(page.links))
        found += [f"{name} {fault}" for fault in links if fault]
    return found


def _link_fault(href: str, page: str, pages: Mapping[str, _Reader], names: set[str]) -> str:
    """What is wrong with one link; blank where it leads to a place in the archive."""
    parts = urlsplit(href)
    if parts.scheme or parts.netloc:
        return f"links out of the pack: {href[:80]!r}"
    if parts.path.startswith("../"):
        return ""
    target = parts.path or page
    if target not in names:
        return f"links to {target!r}, which is not in the pack"
    if parts.fragment and target in pages and unquote(parts.fragment) not in pages[target].ids:
        return f"links to {href!r}, but {target} has no such section"
    return ""
