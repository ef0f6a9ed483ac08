"""The commands: a mistyped one, a mistyped option or table is answered with the nearest that there is."""

from __future__ import annotations

import click
import pytest
from click.testing import CliRunner

from soe_lib.cli import main


def every(group: click.Group, path: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], click.Command]]:
    """Every command of the tree, with the words that call it."""
    found: list[tuple[tuple[str, ...], click.Command]] = []
    for name, command in group.commands.items():
        found.append(((*path, name), command))
        if isinstance(command, click.Group):
            found += every(command, (*path, name))
    return found


COMMANDS = every(main)
OPTIONS = [
    (path, name)
    for path, command in COMMANDS
    for one in command.params
    for name in one.opts
    if isinstance(one, click.Option)
]


def mistyped(name: str) -> str:
    """The name with its third letter typed twice."""
    return f"{name[:3]}{name[2:]}"


def refused(*words: str) -> str:
    done = CliRunner().invoke(main, list(words))
    assert done.exit_code == 2
    return done.output


@pytest.mark.parametrize("path", [path for path, _ in COMMANDS], ids=" ".join)
def test_a_mistyped_command_is_answered_with_the_nearest(path: tuple[str, ...]) -> None:
    wrong = mistyped(path[-1])
    assert f"has no command {wrong!r}. Did you mean {path[-1]}?" in refused(*path[:-1], wrong)


@pytest.mark.parametrize(("path", "name"), OPTIONS, ids=[" ".join((*path, name)) for path, name in OPTIONS])
def test_a_mistyped_option_is_answered_with_the_nearest(path: tuple[str, ...], name: str) -> None:
    wrong = mistyped(name)
    assert f"main {' '.join(path)} has no option {wrong}. Did you mean {name}?" in refused(*path, wrong)


def test_a_word_unlike_any_command_is_answered_with_all_of_them() -> None:
    assert "Known are approve, check, " in refused("xyzzy")
    assert "main import has no command 'sap'. Known are frepple, supplygraph." in refused("import", "sap")


def test_a_mistyped_table_of_the_contract_is_answered_with_the_nearest() -> None:
    done = CliRunner().invoke(main, ["schema", "itmes"])
    assert done.exit_code == 1
    assert "Did you mean items?" in done.output
