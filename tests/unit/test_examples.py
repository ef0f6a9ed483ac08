"""Every public name has an example in its docstring, and every example does what it says.

In the examples, `small` is the company of the guide, notebooks/guide/leaf_and_bean, `settings` and `tables` what it is
made of, `down` the same with its line down for 20 hours of the first week; `snapshot` and `before` are the demo's last
two extracts, `plan` and `record` their plans; `store` is an empty plan history, `kept` one that holds a pack of `down`,
`pages` a folder with the balance notebook.
"""

from __future__ import annotations

import doctest
import inspect
import re
from collections.abc import Callable, Iterator
from functools import cache
from importlib import import_module
from pathlib import Path
from shutil import copy
from tempfile import mkdtemp
from types import SimpleNamespace
from typing import Any

import polars as pl
import pytest

import soe_lib as soe
from soe_lib import NAMESPACES, PUBLIC
from soe_lib.extract.snapshot import Snapshot
from soe_lib.store import meeting
from soe_lib.store.plan import Plan

ROOT = Path(__file__).parents[2]
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def public() -> Iterator[tuple[str, str]]:
    """Every public name, as its module and itself."""
    for name in PUBLIC:
        yield "soe", name
    for space, module in NAMESPACES.items():
        room = import_module(module)
        for name in getattr(room, "NAMES", None) or room.__all__:
            yield f"soe.{space}", name


@cache
def small() -> Snapshot:
    return soe.read("notebooks/guide/leaf_and_bean")


@cache
def down() -> Snapshot:
    stop = soe.Scenario("line down").event(kind="downtime", target="line", period="W1", hours=20.0)
    return stop.apply(small())


@cache
def snapshot() -> Snapshot:
    return soe.read("data/demo", "2026-11-16")


@cache
def before() -> Snapshot:
    return soe.read("data/demo", "2026-11-09")


@cache
def plan() -> Plan:
    return soe.plan(snapshot(), record=None)


@cache
def record() -> Plan:
    return soe.plan(before(), record=None)


def kept() -> str:
    store = mkdtemp()
    week = soe.week(down(), soe.plan(down(), record=None), record=None, store=store)
    for table, rows in (("exceptions", week.memory), ("options", week.options)):
        assert rows is not None
        meeting.keep(store, table, rows, company=down().company, as_of=down().as_of)
    return store


def pages() -> Path:
    return Path(copy(ROOT / "notebooks" / "balance.ipynb", mkdtemp())).parent


GIVEN: dict[str, Callable[[], Any]] = {
    "small": small,
    "settings": lambda: small().settings,
    "tables": lambda: {name: frame for name, frame in small().tables.items() if frame.height},
    "down": down,
    "snapshot": snapshot,
    "before": before,
    "plan": plan,
    "record": record,
    "store": mkdtemp,
    "pages": pages,
    "kept": kept,
}
"""Names that examples take as given; each is made only where an example speaks of it."""


def examples(found: object, name: str) -> doctest.DocTest:
    """The example of a docstring; it knows `soe`, `pl` and what it speaks of."""
    text = inspect.getdoc(found) or ""
    said = re.findall(r"(?<![\w.])[a-z]+(?![\w(=]| =)", "\n".join(re.findall(r"^(?:>>>|\.\.\.) (.*)$", text, re.M)))
    given = {word: make() for word, make in GIVEN.items() if word in said}
    return doctest.DocTestParser().get_doctest(text, {"soe": soe, "pl": pl, **given}, name, None, None)


def run(test: doctest.DocTest) -> tuple[int, str]:
    """How many lines of an example fail, and what is said of them."""
    said: list[str] = []
    failed = doctest.DocTestRunner(optionflags=FLAGS).run(test, out=said.append, clear_globs=False).failed
    return failed, "".join(said)


def documented(space: str, name: str) -> object:
    """What carries the example of a name: itself, or its package where it is a value."""
    room: Any = soe if space == "soe" else getattr(soe, space.removeprefix("soe."))
    found = inspect.unwrap(getattr(room, name))
    return found if inspect.isfunction(found) or inspect.isclass(found) else room


NAMES = list(public())


@pytest.mark.parametrize(("space", "name"), NAMES, ids=[".".join(pair) for pair in NAMES])
def test_every_public_name_has_an_example_that_runs(
    space: str, name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    carrier = documented(space, name)
    test = examples(carrier, f"{space}.{name}")
    said = [one for one in test.examples if not inspect.ismodule(carrier) or f"{space}.{name}" in one.source]
    assert said, "its docstring has no example"
    failed, said = run(test)
    assert not failed, said


def test_an_example_that_is_wrong_is_seen() -> None:
    text = inspect.getdoc(inspect.unwrap(soe.plan)) or ""
    assert run(examples(SimpleNamespace(__doc__=text), "right"))[0] == 0
    broken = text.replace("840.0", "841.0")
    assert broken != text
    assert run(examples(SimpleNamespace(__doc__=broken), "wrong"))[0] > 0


def test_a_name_without_an_example_is_seen() -> None:
    assert not examples(SimpleNamespace(__doc__="A function."), "none").examples
