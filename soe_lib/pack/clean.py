"""Make the HTML of an executed notebook safe and well formed: only what is on the lists below gets into a page.

Whatever else a cell put out, a customer called `<img src=x onerror=…>` say, is shown as the text it is. The page's
content security policy is the second wall, and `inspection` reads the finished file as the third.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

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
    """Caption, scopes, and a frame of its own that scrolls on a narrow screen."""
    _caption(soup, table)
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


def _caption(soup: BeautifulSoup, table: Tag) -> None:
    """great_tables writes its title as a cell of the head: make it a caption, as a screen reader expects."""
    title = table.find("td", class_="gt_title")
    if title is None:
        return
    caption = soup.new_tag("caption")
    caption.extend([child.extract() for child in list(title.contents)])
    subtitle = table.find("td", class_="gt_subtitle")
    if subtitle is not None:
        small = soup.new_tag("span", attrs={"class": "subtitle"})
        small.extend([child.extract() for child in list(subtitle.contents)])
        caption.append(small)
    for row in table.find_all("tr", class_="gt_heading"):
        row.decompose()
    for name in ("aria-labelledby", "aria-describedby"):
        table.attrs.pop(name, None)
    table.insert(0, caption)


def _drop_repeated_ids(soup: BeautifulSoup) -> None:
    """An id names one place: two tables with the same caption keep it on the first."""
    seen: set[str] = set()
    for tag in soup.find_all(id=True):
        if str(tag["id"]) in seen:
            del tag["id"]
        else:
            seen.add(str(tag["id"]))
