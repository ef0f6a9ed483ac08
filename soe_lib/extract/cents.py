"""Amounts of money to the cent: residues of arithmetic are taken off and counted, so that totals close."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from soe_lib.extract.findings import Finding
from soe_lib.extract.schema import schema
from soe_lib.extract.source import Source

AMOUNTS = {
    name: tuple(column.name for column in table.columns if column.unit == "money") for name, table in schema().items()
}


def to_the_cent(
    tables: Mapping[str, pl.DataFrame], sources: Mapping[str, Source]
) -> tuple[dict[str, pl.DataFrame], list[Finding]]:
    """The tables with every amount of money rounded to the cent, and how many amounts that moved.

    A rate per unit keeps all its digits: only what is an amount of money by itself is rounded.

    Parameters
    ----------
    tables : typed, rows in the order of their sources.
    """
    done, findings = dict(tables), []
    for name, source in sources.items():
        for column in AMOUNTS[name]:
            values = done[name].get_column(column)
            rounded = values.round(2)
            moved = (values != rounded).fill_null(False).arg_true()
            if len(moved):
                done[name] = done[name].with_columns(rounded)
                value = repr(values[int(moved[0])])
                rule = "Amounts were rounded to the cent."
                findings.append(source.finding("repair", moved, column=column, value=value, rule=rule))
    return done, findings
