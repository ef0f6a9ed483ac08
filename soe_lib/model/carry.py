"""A basis carried over by labels: what was basic in one program starts the next one, though it has other rows."""

from __future__ import annotations

from collections.abc import Mapping

import highspy

from soe_lib.model.canonical import Canonical

BASIC, AT_LOWER = highspy.HighsBasisStatus.kBasic, highspy.HighsBasisStatus.kLower


def carried(basis: highspy.HighsBasis, old: Canonical, new: Canonical) -> highspy.HighsBasis | None:
    """The basis of an old program for a new one: same parts by name; a new row has slack, a new column is not used.

    None where a part of one name has another size: then nobody knows which cell is which.
    """
    columns = _carried(list(basis.col_status), old.columns, new.columns, len(new.cost), AT_LOWER)
    rows = _carried(list(basis.row_status), old.rows, new.rows, len(new.row_upper), BASIC)
    if columns is None or rows is None or not basis.valid:
        return None
    made = highspy.HighsBasis()
    made.col_status, made.row_status, made.valid = columns, rows, True
    return made


def _carried(
    status: list[highspy.HighsBasisStatus],
    old: Mapping[str, slice],
    new: Mapping[str, slice],
    size: int,
    otherwise: highspy.HighsBasisStatus,
) -> list[highspy.HighsBasisStatus] | None:
    found = [otherwise] * size
    for name in old.keys() & new.keys():
        if old[name].stop - old[name].start != new[name].stop - new[name].start:
            return None
        found[new[name]] = status[old[name]]
    return found
