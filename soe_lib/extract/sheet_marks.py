"""What a sheet's XML says beside its values: formulas nobody computed, merged cells, rows that are hidden."""

from __future__ import annotations

import re
from collections.abc import Iterator

CELL = re.compile(rb"<(?:\w+:)?c\s([^>]*)>(.*?)</(?:\w+:)?c>", re.DOTALL)
EMPTY_VALUE = re.compile(rb"<(?:\w+:)?v\s*/>|<(?:\w+:)?v>\s*</")
MERGED = re.compile(rb'<(?:\w+:)?mergeCell\s[^>]*ref="([A-Z]{1,3})(\d{1,7}):([A-Z]{1,3})(\d{1,7})"')
ROW = re.compile(rb"<(?:\w+:)?row\s([^>]*)>")


def uncomputed(xml: bytes) -> Iterator[tuple[str, int]]:
    """Column letters and row of every formula cell of a sheet that has no computed value."""
    if b"<f" not in xml and b":f" not in xml:
        return
    for cell in CELL.finditer(xml):
        attributes, inner = cell.groups()
        if not re.search(rb"<(?:\w+:)?f[\s>/]", inner):
            continue
        has_value = re.search(rb"<(?:\w+:)?v[\s>/]", inner) is not None
        blank_text = b't="str"' in attributes
        if not has_value or (EMPTY_VALUE.search(inner) and not blank_text):
            place = re.search(rb'r="([A-Z]{1,3})(\d{1,7})"', attributes)
            if place:
                yield place.group(1).decode(), int(place.group(2))


def merged(xml: bytes) -> Iterator[tuple[int, int, int]]:
    """First column (0 for A), first and last row of every group of merged cells."""
    if b"mergeCell" in xml:
        for one in MERGED.finditer(xml):
            yield column_index(one.group(1).decode()), int(one.group(2)), int(one.group(4))


def hidden(xml: bytes) -> Iterator[int]:
    """The rows that are not shown, by hand or by a filter."""
    if b"hidden=" not in xml:
        return
    for row in ROW.finditer(xml):
        place = re.search(rb'\br="(\d{1,7})"', row.group(1))
        if place and re.search(rb'\bhidden="(?:1|true)"', row.group(1)):
            yield int(place.group(1))


def column_index(letters: str) -> int:
    """0 for A, 25 for Z, 26 for AA."""
    index = 0
    for letter in letters:
        index = index * 26 + ord(letter) - 64
    return index - 1
