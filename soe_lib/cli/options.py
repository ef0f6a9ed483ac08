"""What the commands share: the group `soe`, its options, and how it stops."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from soe_lib import __version__, workspace
from soe_lib.errors import BusyError, SoeError, advice


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


def labelled(label: str) -> tuple[str, int | None]:
    """Date and run of "2026-11-16" or "2026-11-16/2"."""
    day, _, number = label.partition("/")
    if number and not number.isdigit():
        raise click.BadParameter(f"{label!r}: write a plan as 2026-11-16 or 2026-11-16/2")
    return day, int(number) if number else None


class Command(click.Command):
    """A command that answers a mistyped option with the nearest one."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Refuse an option that the command does not have."""
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            known = [name for one in self.get_params(ctx) for name in one.opts if name.startswith("--")]
            ctx.fail(f"{ctx.command_path} has no option {error.option_name}. {advice(error.option_name, known)}")


class Group(Command, click.Group):
    """A group that answers a mistyped command with the nearest one."""

    command_class = Command
    group_class = type

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Refuse a command that the group does not have."""
        if self.get_command(ctx, args[0]) is None:
            ctx.fail(f"{ctx.command_path} has no command {args[0]!r}. {advice(args[0], self.list_commands(ctx))}")
        return super().resolve_command(ctx, args)


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="soe")
def main() -> None:
    """Sales & Operations Execution: check an extract, plan it, and make the weekly meeting pack."""
