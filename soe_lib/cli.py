"""`soe …`: thin commands over the public functions.

Exit codes: 0 done, 1 stopped by data or proof, 2 usage, 3 another run is making a pack in the same archive.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from datetime import date
from pathlib import Path
from typing import Any

import click

from soe_lib import __version__, workspace
from soe_lib.errors import BusyError, DataError, SoeError


class Written(click.ParamType):
    """A file or folder to be written, made absolute by the workspace's rule; see `soe_lib.workspace.place`."""

    name = "path"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:  # noqa: ARG002
        """The place that is meant."""
        return workspace.place(value)


DATA = click.option(
    "--data",
    default="",
    help="Company folder (extracts by date), or one extract; the workspace's company when left out.",
)
AS_OF = click.option("--as-of", default=None, metavar="DATE", help="As-of date, YYYY-MM-DD; the newest when left out.")
RECORD = click.option(
    "--record", default="", metavar="DATE[/RUN]",
    help="Plan of record that the fence keeps to: a kept plan, or none; left out, the one that `soe pack` takes.",
)  # fmt: skip
JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON object and nothing else.")


def _history(_: click.Context, __: click.Parameter, store: str) -> str:
    """The plan history that is meant, absolute: every command and page then speaks of the same one."""
    from soe_lib.store.tables import at

    return str(at(store))


STORE = click.option(
    "--store", default="out/plans", show_default=True, callback=_history,
    help="Plan history: a folder (of the workspace, where it is relative) or an address.",
)  # fmt: skip


@contextmanager
def stops(as_json: bool = False) -> Iterator[None]:
    """Turn an error of this library into its message and exit 1; nothing else is caught."""
    try:
        yield
    except SoeError as error:
        if as_json:
            click.echo(json.dumps({"status": getattr(error, "status", "error"), "error": str(error)}))
        said = "\n".join([f"{type(error).__name__}: {error}", *getattr(error, "__notes__", ())])
        click.secho(said, fg="red", err=True)
        sys.exit(3 if isinstance(error, BusyError) else 1)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="soe")
def main() -> None:
    """Sales & Operations Execution: check an extract, plan it, and make the weekly meeting pack."""


@main.command()
@DATA
@AS_OF
@JSON
@click.option("--html", type=Written(), metavar="FILE", help="Also write a page.")
def check(data: str, as_of: str | None, as_json: bool, html: Path | None) -> None:
    """Check an extract: every finding at once, with file, row, column, value, rule and fix."""
    from soe_lib.extract.check import check as run

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
@DATA
@AS_OF
@click.option("--scenario", default=None, metavar="NAME", help="A scenario of the company's scenarios.toml.")
@click.option("--out", type=Written(), metavar="DIR", help="Write the flows as tables here.")
@click.option("--formulation", is_flag=True, help="Print the program instead of solving it.")
@click.option(
    "--time",
    "--seconds",
    "seconds",
    default=120.0,
    show_default=True,
    help="Time limit of one search [s]; the gap that is left is stated.",
)
@click.option(
    "--gap", default=0.0, show_default=True, help="Relative gap that counts as proven, for whole numbers: 0.01 is 1 %."
)
@STORE
@RECORD
@JSON
def plan(
    data: str,
    as_of: str | None,
    scenario: str | None,
    out: Path | None,
    formulation: bool,
    seconds: float,
    gap: float,
    store: str,
    record: str,
    as_json: bool,
) -> None:
    """Find the plan worth most money, prove it, and print what it is worth."""
    with stops(as_json):
        from soe_lib.extract.snapshot import read
        from soe_lib.model.blocks import STANDARD, kept_close
        from soe_lib.model.model import Model
        from soe_lib.model.solve import Options
        from soe_lib.review.frames.changes import breaks_said, fence_breaks

        snapshot = read(data, as_of)
        if scenario:
            from soe_lib.whatif.scenario import named

            snapshot = named(snapshot, scenario).apply(snapshot)
        kept = _kept_to(snapshot, store, record)
        made = Model(snapshot, (*STANDARD, *kept_close(kept)))
        if formulation:
            click.echo(made.formulation())
            return
        from soe_lib.model.watch import Watch, shown

        watch = Watch()
        with nullcontext() if as_json else shown(watch, sys.stderr, snapshot.currency):
            found = made.solve(Options(seconds=seconds, gap=gap, watch=watch), name=scenario or "this week's plan")
        if out:
            _write_tables(found, out)
        if as_json:
            listed = fence_breaks(snapshot, found, kept).drop("description").to_dicts()
            said = found.summary() | ({"breaks": listed} if kept and snapshot.settings.fence.frozen_days else {})
            click.echo(json.dumps(said, default=str))
            return
        tables = [f"Tables in {out}"] if out else []
        click.echo("\n".join([_verdict(found), *breaks_said(snapshot, found, kept), *tables]))


@main.command()
@DATA
@AS_OF
@STORE
@RECORD
def conflict(data: str, as_of: str | None, store: str, record: str) -> None:
    """Name the cheapest promises to break where no plan keeps them all; exit 1 if there are any."""
    with stops():
        from soe_lib.extract.snapshot import read
        from soe_lib.model.conflict import conflict as find

        snapshot = read(data, as_of)
        kept = _kept_to(snapshot, store, record)
        found = find(snapshot, record=kept)
    click.echo(found.text())
    if kept and snapshot.settings.fence.breaks:
        click.echo(
            f"The frozen fence keeps to {kept.name} of {kept.as_of} and may break at a price; `soe plan` says where."
        )
    sys.exit(1 if found.found else 0)


def _kept_to(snapshot: Any, store: str, named: str) -> Any:
    """The plan of record that a command keeps to: the one named, or what the pack would find where there is a fence."""
    from soe_lib.model.planning import fenced, plan_of_record

    return plan_of_record(snapshot, store, named=named) if named or fenced(snapshot) else None


def _write_tables(found: Any, out: Path) -> None:
    from soe_lib.review import tables

    out.mkdir(parents=True, exist_ok=True)
    for name, frame in {**found.flows, "ledger": found.ledger.lines}.items():
        tables.write_csv(frame, out / f"{name}.csv")


def _verdict(found: Any) -> str:
    accounts = "\n".join(f"  {account:<14}{amount:>18,.2f}" for account, amount in found.ledger.accounts().items())
    return f"{found!r}\n{accounts}"


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
        from soe_lib.pack.progress import shown

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
    from soe_lib.pack.remote import copy
    from soe_lib.pack.verify import verify as run

    with stops(), copy(out) as (home, _):
        report = run(home)
    click.echo(report.text())
    sys.exit(0 if report.ok else 1)


@main.command()
@STORE
@click.option("--company", default=None, help="Only this one's.")
@JSON
def plans(store: str, company: str | None, as_json: bool) -> None:
    """List every plan that is kept: date, run, margin, why, what it follows and what it restates."""
    with stops(as_json):
        from soe_lib.store.history import plans as run

        found = run(store, company=company)
    if as_json:
        click.echo(found.write_json())
        return
    click.echo(f"Plan history {store}")
    for row in found.iter_rows(named=True):
        linked = f", restates {row['restates']}" if row["restates"] else ""
        why = f": {row['reason']}" if row["reason"] else ""
        money = f"{row['currency']} {row['margin']:,.2f}"
        click.echo(f"{row['as_of']}/{row['run']}  {row['company']}  {row['status']}  {money}{linked}{why}")


@main.command()
@click.argument("exception", required=False, default="")
@click.option("--option", default="do nothing", show_default=True, help="Number or name of the option, from the pack.")
@click.option("--owner", default="", help="Who carries it out.  [required with EXCEPTION]")
@click.option("--due", default=None, metavar="DATE", help="By when.")
@click.option("--reason", default="", help="Why it was chosen.  [required with EXCEPTION]")
@click.option("--as-of", default=None, metavar="DATE", help="Of which pack; the newest when left out.")
@click.option("--company", default=None, help="Whose, where the store has several.")
@click.option("--promote", is_flag=True, help="Make the plan with all decisions of the week the plan of record.")
@click.option("--data", default="", help="Company folder, for --promote; the workspace's company when left out.")
@STORE
def decide(
    exception: str,
    option: str,
    owner: str,
    due: str | None,
    reason: str,
    as_of: str | None,
    company: str | None,
    promote: bool,
    data: str,
    store: str,
) -> None:
    """Record what the meeting decided about EXCEPTION; without one, list what is to be decided and its options.

    soe decide PO-10746 --option 1 --owner Buyer --due 2026-11-18 --reason "The customer insists"
    """
    with stops():
        from soe_lib.whatif import decisions

        if exception:
            made = decisions.decide(
                exception, option, owner=owner, reason=reason, due=due, as_of=as_of, store=store, company=company
            )
            click.echo(f"{made}\nKept in {store}")
        elif not promote:
            click.echo(decisions.listed(store, as_of=as_of, company=company))
        if promote:
            from soe_lib.extract.snapshot import read
            from soe_lib.model.planning import plan_of_record

            snapshot = read(data, as_of)
            entry, both = decisions.promote(snapshot, store=store, record=plan_of_record(snapshot, store))
            click.echo(f"The plan of record of {entry.label} is: {both.name}.\nKept in {store}")


@main.command()
@click.argument("before", metavar="DATE[/RUN]")
@click.argument("after", metavar="DATE[/RUN]")
@STORE
@click.option("--company", default=None, help="Whose, where the store has several.")
@click.option("--frozen-days", default=0, show_default=True, help="Length of the fence that churn is split by.")
def difference(before: str, after: str, store: str, company: str | None, frozen_days: int) -> None:
    """Say what one kept plan does otherwise than another: money, units and churn on the days that both cover."""
    with stops():
        from soe_lib.money.statement import difference as run
        from soe_lib.store.history import load_plan as kept

        sides = []
        for label in (before, after):
            sides.append(kept(*_labelled(label), store=store, company=company))
        found = run(*sides, frozen_days=frozen_days)
    click.echo(str(found))
    for account, _, _, change in found.by("account").iter_rows():
        click.echo(f"  {account:<14}{change:>18,.2f}")


@main.command()
@click.argument("out")
@click.argument("as_of", metavar="DATE")
@click.option("--run", default=None, type=int, help="Which run of that date; the one in force when left out.")
@click.option("--timeout", default=900.0, show_default=True, help="Wall-clock limit of one notebook [s].")
def rebuild(out: str, as_of: str, run: int | None, timeout: float) -> None:
    """Make the pack of DATE again from the archive OUT alone; exit 1 where a figure differs, with the place."""
    with stops():
        from soe_lib.pack.remote import copy
        from soe_lib.pack.verify import rebuild as again

        with copy(out) as (home, _):
            made = again(home, as_of, run, timeout=timeout)
    click.echo(made.text())
    sys.exit(0 if made.ok else 1)


@main.command()
@click.argument("plan", metavar="DATE[/RUN]")
@click.option("--by", required=True, metavar="NAME", help="Who decided.")
@click.option("--reason", required=True, metavar="TEXT", help="Why, in a sentence.")
@STORE
@click.option("--company", default=None, help="Whose, where the store has several.")
def approve(plan: str, by: str, reason: str, store: str, company: str | None) -> None:
    """Record that a kept plan is to be carried out; `soe release` needs it."""
    with stops():
        from soe_lib.store.meeting import approve as run

        day, number = _labelled(plan)
        found = run(store, day, number, by=by, reason=reason, company=company)
    click.echo(f"Plan {found.label} is decided by {found.decided_by}: {found.reason}\nKept in {store}")


@main.command()
@click.argument("out")
@click.argument("plan", metavar="DATE[/RUN]")
@DATA
@click.option("--store", default=None, metavar="DIR", help="Plan history: a folder or an address; OUT/plans.")
@click.option("--company", default=None, help="Whose, where the store has several.")
def release(out: str, plan: str, data: str, store: str | None, company: str | None) -> None:
    """Hand a decided plan to operations: orders, allocation, daily rates and safety stocks as CSV and XLSX."""
    with stops():
        from soe_lib.operations.release import release as run

        day, number = _labelled(plan)
        found = run(out, day, number, data=data, store=store, company=company)
    click.echo(found.text())


@main.command()
@DATA
@AS_OF
@click.option("--out", type=Written(), metavar="FILE", help="Write them as CSV for an ERP, read back and compared.")
def targets(data: str, as_of: str | None, out: Path | None) -> None:
    """Say which stock is worth holding against what nobody knows, by item and place; exit 1 where there is none."""
    with stops():
        from soe_lib.extract.snapshot import read
        from soe_lib.model import stock_targets
        from soe_lib.operations import release

        snapshot = read(data, as_of)
        found = stock_targets.targets(snapshot)
        if found.is_empty():
            raise DataError(stock_targets.why_none(snapshot))
        for row in found.sort("item", "location").iter_rows(named=True):
            units = f"{row['target']:,.1f} {row['unit'] or ''} (typed {row['typed']:,.1f})"
            money = f"{snapshot.currency} {row['holding']:,.2f} a week saves {row['saves']:,.2f}"
            click.echo(f"{row['item']}, {row['location']}: {units}, {money}")
        if out:
            release.checked(out, stock_targets.safety_stocks(snapshot, found))
            click.echo(f"{found.height} safety stocks in {out}")


def _labelled(label: str) -> tuple[str, int | None]:
    """Date and run of "2026-11-16" or "2026-11-16/2"."""
    day, _, number = label.partition("/")
    if number and not number.isdigit():
        raise click.BadParameter(f"{label!r}: write a plan as 2026-11-16 or 2026-11-16/2")
    return day, int(number) if number else None


@main.command()
@DATA
@click.option("--weeks", default=None, type=click.IntRange(1), help="The newest so many weeks; all when left out.")
@click.option(
    "--out", default="out/replay", show_default=True, type=Written(), help="Folder of the page and its figures."
)
@click.option(
    "--causes/--no-causes", default=True, show_default=True, help="Switch each cause of loss off, to price it."
)
@click.option("--workers", default=2, show_default=True, type=click.IntRange(1), help="Processes side by side.")
@JSON
def replay(data: str, weeks: int | None, out: Path, causes: bool, workers: int, as_json: bool) -> None:
    """Live a company's past weeks again: what each way to plan would have earned, as a share of hindsight."""
    with stops(as_json):
        from soe_lib.replay.job import replayed

        found = replayed(data, weeks, out, causes=causes, workers=workers, told=lambda text: click.echo(text, err=True))
        if as_json:
            click.echo(json.dumps({"page": str(found.page), "results": found.results}))
            return
        click.echo(found.text())


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


@main.command()
@click.argument("table", metavar="[TABLE]", default="")
def schema(table: str) -> None:
    """Print the data contract: every table, or the columns of one, with types, units, defaults and meanings."""
    with stops():
        from soe_lib.extract.schema import contract

        click.echo(contract(table))


@main.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--demo", "with_demo", is_flag=True, help="The demo company's extracts too, to try things on.")
def init(folder: Path, with_demo: bool) -> None:
    """Lay out a workspace in DIR: notebooks/, templates/, data/."""
    with stops():
        from soe_lib.pack.init import init as run

        home = run(folder, with_demo=with_demo)
    click.echo(f"{home} is ready. In it:")
    if with_demo:
        click.echo("  soe pack --data data/demo --out out/demo   the demo company's pack")
    click.echo("  put your extract into data/<company>/<YYYY-MM-DD>/ (templates/extract.xlsx is a workbook to fill)")
    click.echo("  soe check                                  what is wrong with it, and how to mend it")
    click.echo("  soe pack                                   the meeting pack: out/index.html")


if __name__ == "__main__":
    main()
