"""The command that answers a customer: by when an order can be there, and what it earns."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from soe_lib.cli.options import AS_OF, DATA, JSON, RECORD, STORE, main, stops


@main.command()
@click.argument("item", required=False, default="")
@click.argument("quantity", required=False, default="")
@click.argument("customer", required=False, default="")
@click.argument("date", required=False, default="")
@click.option(
    "--orders",
    type=click.Path(),
    metavar="FILE",
    help="A CSV file of orders in place of one: item, quantity, customer, date, and location, price, order.",
)
@DATA
@AS_OF
@click.option("--location", default="", help="Where it is delivered from; found when left out.")
@click.option("--price", default=None, type=float, help="Of a unit; what the customer pays when left out.")
@click.option("--order", default="", help="The order's number; one is given when left out.")
@click.option("--displace", is_flag=True, help="Other orders may wait; says which, how long and what that costs.")
@click.option("--parts", is_flag=True, help="Promise what can be there day after day, not all of it on one day.")
@click.option("--together", is_flag=True, help="Of several orders none is first: least quantity × days late in sum.")
@click.option("--keep", is_flag=True, help="Keep it beside the plan history: the next plan honours it.")
@STORE
@RECORD
@JSON
def promise(
    item: str,
    quantity: str,
    customer: str,
    date: str,
    orders: str | None,
    data: str,
    as_of: str | None,
    location: str,
    price: float | None,
    order: str,
    displace: bool,
    parts: bool,
    together: bool,
    keep: bool,
    store: str,
    record: str,
    as_json: bool,
) -> None:
    """Say by when QUANTITY of ITEM can be there for CUSTOMER, who wants it on DATE, and what that earns.

    soe promise LAU-101 500 Marktland 2026-11-27
    """
    one = {"item": item, "quantity": quantity, "customer": customer, "date": date}
    if not orders and not all(one.values()):
        raise click.UsageError("state ITEM QUANTITY CUSTOMER DATE, or a file of orders: --orders FILE")
    if orders and any((*one.values(), location, price is not None, order)):
        raise click.UsageError("with --orders FILE, the file says everything about each order")
    with stops(as_json):
        from soe_lib.model.checks import read
        from soe_lib.model.living import Living
        from soe_lib.model.record import kept_to
        from soe_lib.review.words import count
        from soe_lib.store.promised import as_promised
        from soe_lib.whatif.promises import keep_promises
        from soe_lib.whatif.promises import promise as run

        asked = _listed(orders) if orders else one | {"location": location, "price": price, "order": order}
        snapshot = as_promised(read(data, as_of), store)
        living = Living(snapshot, record=kept_to(snapshot, store, record))
        found = run(living, asked, displace=displace, parts=parts, together=together)
        kept = keep_promises(found, store=store) if keep else 0
    if as_json:
        click.echo(json.dumps({"promises": [one.as_dict() for one in found], "kept": kept}, default=str))
        return
    said = [f"{count(kept, 'delivery')} kept in {store}: the next plan honours it."] if keep else []
    click.echo("\n".join([*(one.text() for one in found), *said]))


def _listed(path: str) -> Any:
    """The orders of a CSV file, every cell as text."""
    import polars as pl

    from soe_lib.errors import DataError
    from soe_lib.workspace import place

    file = Path(place(path))
    try:
        rows = pl.read_csv(file, infer_schema=False, truncate_ragged_lines=False)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise DataError(f"{file} is no CSV file of orders: {str(error).splitlines()[0]}.") from error
    return rows.rename(str.strip)
