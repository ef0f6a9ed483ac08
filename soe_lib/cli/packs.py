"""Commands on data and packs: check an extract, make the weekly pack, ask and verify what was published."""

from __future__ import annotations

import json
import sys
from datetime import date
from pathlib import Path
from typing import Any

import click

from soe_lib.cli.options import AS_OF, DATA, JSON, Written, main, stops


@main.command()
@DATA
@AS_OF
@JSON
@click.option("--html", type=Written(), metavar="FILE", help="Also write a page.")
def check(data: str, as_of: str | None, as_json: bool, html: Path | None) -> None:
    """Check an extract: every finding at once, with file, row, column, value, rule and fix."""
    from soe_lib.model.checks import check as run

    report = run(data, as_of)
    if html:
        from soe_lib.extract.check import write_page

        write_page(report, html)
    click.echo(json.dumps(report.to_dict(), indent=2) if as_json else report.text())
    sys.exit(0 if report.ok else 1)


@main.command()
@DATA
@AS_OF
@JSON
def sources(data: str, as_of: str | None, as_json: bool) -> None:
    """Say for each table where it comes from, how old it is, and how many rows it has."""
    with stops(as_json):
        from soe_lib.extract.check import origins

        found = origins(data, as_of)
        click.echo(json.dumps(found.to_dict(), indent=2) if as_json else found.text())


@main.command()
@click.argument("table", metavar="[TABLE]", default="")
def schema(table: str) -> None:
    """Print the data contract: every table, or the columns of one: type, unit, default, meaning, an example."""
    with stops():
        from soe_lib.extract.schema import contract

        click.echo(contract(table))


@main.command()
@click.option(
    "--out", default="out/guide", show_default=True, type=Written(), metavar="DIR", help="Folder of its pages."
)
def guide(out: Path) -> None:
    """Run the guide's notebooks and write them as pages: OUT/index.html, with a search over headings."""
    with stops():
        from soe_lib.pack.guide import make_guide

        click.echo(make_guide(out, progress=lambda title: click.echo(f"{title}: done", err=True)))


@main.command()
@DATA
@AS_OF
@click.option("--out", default="out", show_default=True, help="Archive of packs.")
@click.option("--minutes", default=10.0, show_default=True, help="Time budget that all its solves share.")
@click.option("--timeout", default=900.0, show_default=True, help="Wall-clock limit of one notebook [s].")
@click.option("--all", "every", is_flag=True, help="DATA holds company folders: a pack for each, in OUT/<company>.")
@click.option("--cluster", default="", metavar="ADDRESS", help="Dask scheduler that spreads --all over its workers.")
@click.option("--reason", default="", metavar="TEXT", help="Why a week is planned again; needed once it is closed.")
@click.option("--store", default=None, metavar="DIR", help="Plan history: a folder or an address; OUT/plans.")
@click.option("--pdf", "with_pdf", is_flag=True, help="Also pack.pdf, all pages for paper; needs Chromium or Chrome.")
@JSON
def pack(
    data: str,
    as_of: str | None,
    out: str,
    minutes: float,
    timeout: float,
    every: bool,
    cluster: str,
    reason: str,
    store: str | None,
    with_pdf: bool,
    as_json: bool,
) -> None:
    """Make the weekly meeting pack: OUT/<as-of>/index.html, and the archive OUT/index.html."""
    if cluster and not every:
        raise click.UsageError("--cluster spreads the companies of --all; give both.")
    with stops(as_json):
        if every:
            _pack_all(data or "data", as_of, out, timeout, minutes, cluster, as_json)
            return
        from soe_lib.pack.schedule import run

        wanted: dict[str, Any] = {"timeout": timeout, "reason": reason, "store": store, "with_pdf": with_pdf}
        wanted["minutes"] = minutes
        if as_json:
            made = run(data, as_of, out, **wanted)
            click.echo(json.dumps({"folder": str(made.folder), "published": made.published, "run": made.run}))
            return
        from soe_lib.cli.progress import shown

        with shown() as progress:
            made = run(data, as_of, out, progress=progress, **wanted)
        click.echo(made.text())


def _pack_all(
    data: str, as_of: str | None, out: str, timeout: float, minutes: float, cluster: str, as_json: bool
) -> None:
    from soe_lib.extract.folders import found
    from soe_lib.pack.schedule import pack_all

    made = pack_all(found(data), as_of, out, cluster=cluster, timeout=timeout, minutes=minutes)
    if as_json:
        click.echo(json.dumps([{"company": one.company, "code": one.code, "said": one.said} for one in made]))
    else:
        click.echo("\n".join(f"{one.company}: {one.said}" for one in made))
    sys.exit(1 if any(one.code == 1 for one in made) else max(one.code for one in made))


@main.command()
@click.argument("folder", default="out")
@click.argument("figure", required=False, default="")
@click.option("--account", help="material, revenue, …")
@click.option("--family")
@click.option("--item")
@click.option("--location")
@click.option("--customer")
@click.option("--month", help="Fiscal month, such as 2026-11.")
@click.option("--week", help="ISO week, such as 2026-W48.")
@click.option("--flow", help="make, buy, ship, sell, …")
@click.option("--rows", default=8, show_default=True, help="Money lines to show.")
@JSON
def trace(folder: str, figure: str, rows: int, as_json: bool, **where: str | None) -> None:
    """Say where a published figure comes from: FOLDER is a pack (or OUT: the newest), FIGURE a score or bridge step.

    soe trace out --account material --family Laundry --month 2026-11
    """
    with stops(as_json):
        from soe_lib.pack.figures import trace as run

        asked: dict[str, Any] = {name: value for name, value in where.items() if value}
        found = run(folder, figure=figure, **asked)
    click.echo(json.dumps(found.as_dict(), default=str) if as_json else found.text(rows))


@main.command()
@click.argument("out", default="out")
def verify(out: str) -> None:
    """Check every published pack in OUT against its manifest, kept inputs and stored plans included."""
    from soe_lib.pack.archive import copy
    from soe_lib.pack.verify import verify as run

    with stops(), copy(out) as (home, _):
        report = run(home)
    click.echo(report.text())
    sys.exit(0 if report.ok else 1)


@main.command()
@click.argument("out")
@click.argument("as_of", metavar="DATE")
@click.option("--run", default=None, type=int, help="Which run of that date; the one in force when left out.")
@click.option("--timeout", default=900.0, show_default=True, help="Wall-clock limit of one notebook [s].")
def rebuild(out: str, as_of: str, run: int | None, timeout: float) -> None:
    """Make the pack of DATE again from the archive OUT alone; exit 1 where a figure differs, with the place."""
    with stops():
        from soe_lib.pack.archive import copy
        from soe_lib.pack.verify import rebuild as again

        with copy(out) as (home, _):
            made = again(home, as_of, run, timeout=timeout)
    click.echo(made.text())
    sys.exit(0 if made.ok else 1)


@main.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--demo", "with_demo", is_flag=True, help="The demo company's extracts too, to try things on.")
def init(folder: Path, with_demo: bool) -> None:
    """Lay out a workspace in DIR: notebooks/, templates/, data/."""
    with stops():
        from soe_lib.workspace import init as run

        home = run(folder, with_demo=with_demo)
    click.echo(f"{home} is ready. In it:")
    if with_demo:
        click.echo("  soe pack --data data/demo --out out/demo   the demo company's pack")
    click.echo("  put your extract into data/<company>/<YYYY-MM-DD>/ (templates/extract.xlsx is a workbook to fill)")
    click.echo("  soe check                                  what is wrong with it, and how to mend it")
    click.echo("  soe pack                                   the meeting pack: out/index.html")


@main.command()
@click.argument("folder", metavar="DIR", type=Written())
@click.option("--weeks", default=3, show_default=True, help="Consecutive weekly extracts.")
@click.option("--items", default=24, show_default=True, help="Finished items.")
@click.option("--seed", default=7, show_default=True, help="Same seed, same bytes.")
@click.option("--shape", type=click.Choice(["company", "plain", "bom"]), default="company", show_default=True)
@click.option("--last", default="2026-11-16", show_default=True, help="As-of date of the newest extract.")
@click.option("--plants", default=None, type=int, help="Plants.")
@click.option("--lines", default=None, type=int, help="Lines of each plant.")
@click.option("--warehouses", default=None, type=int, help="Warehouses.")
@click.option("--customer-classes", default=None, type=int, help="Customer classes.")
def demo(folder: Path, weeks: int, items: int, seed: int, shape: str, last: str, **size: int | None) -> None:
    """Write a demo company of any size into DIR."""
    with stops():
        from soe_lib.demo import generate

        chosen = {name: value for name, value in size.items() if value is not None}
        made = generate(folder, weeks, items, seed, shape=shape, last=date.fromisoformat(last), **chosen)  # type: ignore[arg-type]
        click.echo("\n".join(str(path) for path in made))


@main.group("import")
def import_() -> None:
    """Turn another system's tables into an extract."""


@import_.command()
@click.argument("source", metavar="DIR", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("target", metavar="OUT", type=Written())
@click.option("--as-of", default=None, metavar="DATE", help="As-of date; worked out from the data when left out.")
@click.option("--currency", default="USD", show_default=True)
@click.option("--lots", is_flag=True, help="Keep smallest orders and multiples: whole numbers, slower to prove.")
def frepple(source: Path, target: Path, as_of: str | None, currency: str, lots: bool) -> None:
    """Read frePPLe's CSV tables from DIR; write OUT/<as-of>/ and say every assumption."""
    with stops():
        from soe_lib.importers.frepple import import_frepple

        day = date.fromisoformat(as_of) if as_of else None
        click.echo(str(import_frepple(source, target, as_of=day, currency=currency, lots=lots)))


@import_.command()
@click.argument("source", metavar="DIR", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("target", metavar="OUT", type=Written())
@click.option("--as-of", default=None, metavar="DATE", help="Only this Monday; all of them when left out.")
@click.option("--currency", default="BDT", show_default=True)
def supplygraph(source: Path, target: Path, as_of: str | None, currency: str) -> None:
    """Read daily records in SupplyGraph's layout from DIR; write OUT/<Monday>/ for every week."""
    with stops():
        from soe_lib.extract.settings import as_date
        from soe_lib.importers.supplygraph import import_supplygraph

        day = as_date(as_of) if as_of else None
        if as_of and day is None:
            raise click.BadParameter("Write a date such as 2023-04-03.", param_hint="--as-of")
        made = import_supplygraph(source, target, as_of=day, currency=currency)
        click.echo(str(made[-1]))
        click.echo(f"{len(made)} weeks, {made[0].as_of} to {made[-1].as_of}; the assumptions are those of the last.")
