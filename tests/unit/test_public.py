"""The public names: few, found where they are said to be, and answered with the nearest one when mistyped."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module

import pytest

import soe_lib as soe
from soe_lib import NAMESPACES, PUBLIC
from soe_lib.errors import DataError

OFFERED = [("", name) for name in PUBLIC] + [
    (namespace, name)
    for namespace in NAMESPACES
    for name in getattr(getattr(soe, namespace), "__all__", [*dir(getattr(soe, namespace))])
    if not name.startswith("_")
]


def test_there_are_few_names_to_learn() -> None:
    assert len(PUBLIC) <= 30
    assert len(NAMESPACES) <= 6


@pytest.mark.parametrize(("namespace", "name"), OFFERED, ids=[".".join(filter(None, pair)) for pair in OFFERED])
def test_every_name_is_there_and_says_what_it_is_for(namespace: str, name: str) -> None:
    found = getattr(getattr(soe, namespace) if namespace else soe, name)
    assert (found.__doc__ or "").strip() or isinstance(found, tuple)


@pytest.mark.parametrize("namespace", sorted(set(NAMESPACES) - {"blocks"}))
def test_a_name_is_the_same_after_every_module_of_its_room_is_imported(namespace: str) -> None:
    """A module of the same name as a function would take its place once something imports it."""
    room = import_module(NAMESPACES[namespace])
    for module in {*room.NAMES.values(), *PUBLIC.values()}:
        import_module(module)
    for name, module in room.NAMES.items():
        offered = getattr(room, name)
        assert getattr(offered, "__wrapped__", offered) is getattr(import_module(module), name)


def test_a_mistyped_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(AttributeError, match=r"soe has no 'comparee'\. Did you mean compare\?"):
        _ = soe.comparee
    with pytest.raises(AttributeError, match=r"soe\.money has no 'brigde'\. Did you mean bridge\?"):
        _ = soe.money.brigde


def test_a_mistyped_argument_is_answered_with_the_nearest() -> None:
    with pytest.raises(TypeError, match=r"soe\.plan has no argument 'optoins'\. Did you mean options\?"):
        soe.plan(None, optoins=None)  # type: ignore[arg-type, call-arg]
    with pytest.raises(TypeError, match=r"soe\.plans has no argument 'xyz'\. Known are store, company, "):
        soe.plans(xyz=1)  # type: ignore[call-arg]


def test_a_wrong_kind_of_thing_is_refused_with_the_call_that_gives_the_right_one() -> None:
    with pytest.raises(DataError, match=r"soe\.money\.working_capital takes a plan, not the text"):
        soe.money.working_capital("plan", "week")


def test_importing_the_library_loads_neither_solver_nor_tables() -> None:
    heavy = ("cvxpy", "highspy", "polars", "pandas", "matplotlib", "ipywidgets")
    code = f"import sys, soe_lib; print([name for name in {heavy!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
