"""What may stand on a page: outputs of notebooks made safe, and finished pages inspected."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

from bs4 import BeautifulSoup
from bs4.element import CData, Comment, Declaration, Doctype, NavigableString, ProcessingInstruction, Tag

from soe_lib.review import words


def _set(text: str) -> frozenset[str]:
    return frozenset(text.split())


TAGS = _set(
    """a abbr article aside b blockquote br caption code col colgroup dd del details div dl dt em figcaption figure
    h1 h2 h3 h4 h5 h6 hr i img ins kbd li mark ol p pre q s samp section small span strong sub summary sup
    table tbody td tfoot th thead time tr u ul"""
)
ATTRIBUTES = {
    "*": _set("id class style title role lang dir aria-label aria-labelledby aria-describedby aria-hidden"),
    "a": _set("href"),
    "img": _set("src alt width height"),
    "td": _set("colspan rowspan headers"),
    "th": _set("colspan rowspan headers scope abbr"),
    "col": _set("span"),
    "colgroup": _set("span"),
    "ol": _set("start reversed type"),
    "details": _set("open"),
    "time": _set("datetime"),
}
PROPERTIES = _set(
    """color background-color text-align vertical-align font-weight font-style font-variant-numeric white-space
    width min-width max-width padding-left border-top border-bottom border-left border-right text-decoration"""
)
PICTURE = re.compile(r"^data:image/(png|jpeg|gif|webp);base64,[A-Za-z0-9+/=\s]+$")
LOCAL = re.compile(r"^(#[^\s<>]+|[a-z0-9_]+\.(html|xlsx|json)(#[^\s<>]+)?|\.\./[A-Za-z0-9_.\-/]*)$")
STYLE_VALUE = re.compile(r"^(rgba?\([0-9., %]+\)|[a-zA-Z0-9#%., \-]+)$")
WIDE, DENSE, ACROSS = 9, 13, 24
UNSEEN = (Comment, CData, Declaration, Doctype, ProcessingInstruction)
ROLES = _set("presentation none note region group img list listitem")


@dataclass(frozen=True)
class Heading:
    """One entry of a page's contents list."""

    level: int
    anchor: str
    text: str


@dataclass(frozen=True)
class Body:
    """A cleaned page body and the headings in it."""

    html: str
    headings: tuple[Heading, ...]


def safe(html: str) -> str:
    """One cell's HTML with safe tags only; an unclosed tag in it cannot swallow the rest of the page.

    Parameters
    ----------
    html : whatever a notebook put out as `text/html`, or Markdown turned to HTML.
    """
    soup = BeautifulSoup(html, "html.parser")
    for style in soup.find_all("style"):
        style.decompose()
    for text in soup.find_all(string=lambda text: isinstance(text, UNSEEN)):
        text.extract()
    for tag in soup.find_all(True):
        _clean_tag(tag)
    return soup.decode(formatter="minimal")


def structure(html: str, *, title: str = "") -> Body:
    """The body of a page from its cells' safe HTML: ids and a contents list for headings, tables and charts that
    scroll sideways where the screen is narrow.

    Parameters
    ----------
    title : a first heading with this text is dropped, since the page has a heading of its own.
    """
    soup = BeautifulSoup(safe(html), "html.parser")
    first = soup.find("h1")
    if first is not None and title and first.get_text(" ", strip=True) == title:
        first.decompose()
    headings = _name_headings(soup)
    for table in soup.find_all("table"):
        _mend_table(soup, table)
    for picture in soup.select("figure.chart > img"):
        # The finding names the region, so that no two on a page are called the same.
        region = {
            "class": "pan",
            "role": "region",
            "tabindex": "0",
            "aria-label": f"Chart: {picture.get('alt', '')}"[:120],
        }
        picture.wrap(soup.new_tag("div", attrs=region))
    _drop_repeated_ids(soup)
    return Body(soup.decode(formatter="minimal"), tuple(headings))


def _clean_tag(tag: Tag) -> None:
    if tag.decomposed or tag.parent is None:
        return
    if tag.name not in TAGS or (tag.name == "img" and not PICTURE.match(str(tag.get("src", "")))):
        tag.replace_with(NavigableString(str(tag)))
        return
    allowed = ATTRIBUTES["*"] | ATTRIBUTES.get(tag.name, frozenset())
    tag.attrs = {name: value for name, value in tag.attrs.items() if name in allowed}
    if "style" in tag.attrs:
        _clean_style(tag)
    if tag.attrs.get("role") not in ROLES:
        tag.attrs.pop("role", None)
    if tag.name == "a" and "href" in tag.attrs and not LOCAL.match(str(tag["href"])):
        _disarm_link(tag)


def _clean_style(tag: Tag) -> None:
    """Keep the harmless properties of an inline style: no address, nothing that could cover the page."""
    kept = []
    for declaration in str(tag["style"]).split(";"):
        name, _, value = declaration.partition(":")
        if name.strip().lower() in PROPERTIES and STYLE_VALUE.match(value.strip()):
            kept.append(f"{name.strip().lower()}: {value.strip()}")
    if kept:
        tag["style"] = "; ".join(kept)
    else:
        del tag["style"]


def _disarm_link(tag: Tag) -> None:
    """A link that leaves the pack becomes its text, with a web address spelled out for who reads on paper."""
    address = str(tag["href"])
    if address.lower().startswith(("https://", "http://")) and address not in tag.get_text():
        tag.append(f" ({address})")
    tag.unwrap()


def _name_headings(soup: BeautifulSoup) -> list[Heading]:
    """Give each heading an id (as JupyterLab does) and list them; the page has its own h1, so theirs become h2."""
    taken = {str(tag["id"]) for tag in soup.find_all(id=True) if tag.name not in {"h1", "h2", "h3"}}
    headings: list[Heading] = []
    for tag in soup.find_all(["h1", "h2", "h3", "h4"]):
        if tag.name == "h1":
            tag.name = "h2"
        text = tag.get_text(" ", strip=True)
        base = str(tag.get("id") or words.anchor(text) or "section")
        anchor, number = base, 2
        while anchor in taken:
            anchor, number = f"{base}-{number}", number + 1
        taken.add(anchor)
        tag["id"] = anchor
        headings.append(Heading(int(tag.name[1]), anchor, text))
    return headings


def _mend_table(soup: BeautifulSoup, table: Tag) -> None:
    """Scopes, and a frame of its own that scrolls on a narrow screen."""
    for cell in table.find_all("th"):
        if "scope" not in cell.attrs:
            cell["scope"] = "row" if cell.find_parent("tbody") else "col"
    caption = table.find("caption")
    before = table.find_previous(["h2", "h3", "h4"])
    label = caption.get_text(" ", strip=True) if caption else before.get_text(" ", strip=True) if before else "Table"
    kind = "scroll across" if _size(table) > ACROSS else "scroll"
    table.wrap(soup.new_tag("div", attrs={"class": kind, "role": "region", "tabindex": "0", "aria-label": label}))


def _size(table: Tag) -> int:
    """The columns of a table; one with many is set smaller, and printed across the sheet if they are very many."""
    columns = max((len(row.find_all(["td", "th"], recursive=False)) for row in table.find_all("tr")), default=0)
    if columns > WIDE:
        table["class"] = " ".join([*table.get_attribute_list("class"), "wide", *(["dense"] if columns > DENSE else [])])
    return columns


def _drop_repeated_ids(soup: BeautifulSoup) -> None:
    """An id names one place: two tables with the same caption keep it on the first."""
    seen: set[str] = set()
    for tag in soup.find_all(id=True):
        if str(tag["id"]) in seen:
            del tag["id"]
        else:
            seen.add(str(tag["id"]))


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
