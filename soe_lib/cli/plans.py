"""Commands on plans: make one, decide about it, hand it on, compare and look back."""

from __future__ import annotations

import json
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import click

from soe_lib.cli.options import AS_OF, DATA, JSON, RECORD, STORE, Written, labelled, main, stops
from soe_lib.errors import DataError


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
        from soe_lib.model.blocks.standard import STANDARD, kept_close
        from soe_lib.model.checks import read
        from soe_lib.model.model import Model
        from soe_lib.model.record import kept_to
        from soe_lib.review.frames.changes import breaks_said, fence_breaks
        from soe_lib.review.frames.promises import unkept, unkept_said
        from soe_lib.solver.answer import SolverOptions
        from soe_lib.store.promised import as_promised

        snapshot = as_promised(read(data, as_of), store)
        if scenario:
            from soe_lib.whatif.scenario import named

            snapshot = named(snapshot, scenario).apply(snapshot)
        kept = kept_to(snapshot, store, record)
        made = Model(snapshot, (*STANDARD, *kept_close(kept)))
        if formulation:
            click.echo(made.formulation())
            return
        from soe_lib.solver.diagnostics import Watch, shown

        watch = Watch()
        with nullcontext() if as_json else shown(watch, sys.stderr, snapshot.currency):
            found = made.solve(
                SolverOptions(seconds=seconds, gap=gap, watch=watch), name=scenario or "this week's plan"
            )
        if out:
            _write_tables(found, out)
        if as_json:
            listed = fence_breaks(snapshot, found, kept).drop("description").to_dicts()
            said = found.summary() | ({"breaks": listed} if kept and snapshot.settings.fence.frozen_days else {})
            said |= {"unkept": unkept(found).to_dicts()} if "unkept" in found.flows else {}
            click.echo(json.dumps(said, default=str))
            return
        tables = [f"Tables in {out}"] if out else []
        click.echo("\n".join([_verdict(found), *breaks_said(snapshot, found, kept), *unkept_said(found), *tables]))


@main.command()
@DATA
@AS_OF
@STORE
@RECORD
def conflict(data: str, as_of: str | None, store: str, record: str) -> None:
    """Name the cheapest promises to break where no plan keeps them all; exit 1 if there are any."""
    with stops():
        from soe_lib.model.checks import read
        from soe_lib.model.planning import conflict as find
        from soe_lib.model.record import kept_to
        from soe_lib.store.promised import as_promised

        snapshot = as_promised(read(data, as_of), store)
        kept = kept_to(snapshot, store, record)
        found = find(snapshot, record=kept)
    click.echo(found.text())
    if kept and snapshot.settings.fence.breaks:
        click.echo(
            f"The frozen fence keeps to {kept.name} of {kept.as_of} and may break at a price; `soe plan` says where."
        )
    sys.exit(1 if found.found else 0)


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
@click.option("--out", type=Written(), metavar="FILE", help="Write them as CSV for an ERP, read back and compared.")
def targets(data: str, as_of: str | None, out: Path | None) -> None:
    """Say which stock is worth holding against what nobody knows, by item and place; exit 1 where there is none."""
    with stops():
        from soe_lib.model import stock_targets
        from soe_lib.model.checks import read
        from soe_lib.operations import files

        snapshot = read(data, as_of)
        found = stock_targets.targets(snapshot)
        if found.is_empty():
            raise DataError(stock_targets.why_none(snapshot))
        for row in found.sort("item", "location").iter_rows(named=True):
            units = f"{row['target']:,.1f} {row['unit'] or ''} (typed {row['typed']:,.1f})"
            money = f"{snapshot.currency} {row['holding']:,.2f} a week saves {row['saves']:,.2f}"
            click.echo(f"{row['item']}, {row['location']}: {units}, {money}")
        if out:
            files.checked(out, stock_targets.safety_stocks(snapshot, found))
            click.echo(f"{found.height} safety stocks in {out}")


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
            from soe_lib.model.checks import read
            from soe_lib.model.record import plan_of_record

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
        from soe_lib.money.profit_and_loss import difference as run
        from soe_lib.store.history import load_plan as kept

        sides = []
        for label in (before, after):
            sides.append(kept(*labelled(label), store=store, company=company))
        found = run(*sides, frozen_days=frozen_days)
    click.echo(str(found))
    for account, _, _, change in found.by("account").iter_rows():
        click.echo(f"  {account:<14}{change:>18,.2f}")


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

        day, number = labelled(plan)
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

        day, number = labelled(plan)
        found = run(out, day, number, data=data, store=store, company=company)
    click.echo(found.text())


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
