"""Where the rows of a CSV file start and how many values each has: vectorised over bytes, quotes respected."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

QUOTE, NEWLINE, RETURN = 34, 10, 13


@dataclass(frozen=True)
class Layout:
    """Every row below the header: the line of the file it starts on, its number of values, whether it is blank."""

    line: np.ndarray
    fields: np.ndarray
    blank: np.ndarray

    def take(self, keep: np.ndarray) -> Layout:
        """The layout of the rows that were kept."""
        return Layout(self.line[keep], self.fields[keep], self.blank[keep])


def scan(text: bytes, separator: str = ",") -> Layout:
    """The layout of a CSV text whose quotes are balanced.

    Parameters
    ----------
    text : the file's bytes in UTF-8, header included, rows ended by a newline.
    separator : one ASCII character between the values of a row.
    """
    letters = np.frombuffer(text, dtype=np.uint8)
    outside = np.bitwise_xor.accumulate((letters == QUOTE).view(np.uint8)) == 0
    newlines = np.flatnonzero(letters == NEWLINE)
    ends = newlines[outside[newlines]]
    if not ends.size or ends[-1] != letters.size - 1:
        ends = np.append(ends, letters.size)
    starts = np.concatenate([[0], ends[:-1] + 1])
    commas = np.flatnonzero((letters == ord(separator)) & outside)
    fields = np.searchsorted(commas, ends) - np.searchsorted(commas, starts) + 1
    length = ends - starts
    blank = (length == 0) | ((length == 1) & (letters[np.minimum(starts, letters.size - 1)] == RETURN))
    line = np.searchsorted(newlines, starts) + 1
    return Layout(line[1:], fields[1:], blank[1:])
