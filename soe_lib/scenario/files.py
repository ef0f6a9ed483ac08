"""scenarios.toml: recorded edits that people can read, keep under version control and hand around."""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path
from typing import Any

from soe_lib.errors import DataError
from soe_lib.extract.snapshot import Snapshot
from soe_lib.extract.spelling import hint
from soe_lib.scenario.edits import Edit
from soe_lib.scenario.scenario import Scenario
from soe_lib.scenario.values import Setting, Value, filters, plain
from soe_lib.workspace import place, root

FILE = "scenarios.toml"
BASE = "base"
"""The name of the snapshot as it is."""
HEADER = "# What-ifs as recorded edits, made from top to bottom; see `soe.Scenario`.\n"
KNOWN = ("action", "path", "amount", "where", "values")


def load(path: str | Path) -> tuple[Scenario, ...]:
    """The scenarios of a file, in its order.

    Parameters
    ----------
    path : a scenarios.toml, or the folder that holds one.

    Raises
    ------
    DataError : no such file, no valid TOML, two scenarios of one name, or an edit that means nothing.
    """
    file = file_at(path)
    if not file.is_file():
        raise DataError(f"There is no {file}. Save a scenario there first.")
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise DataError(f"{file} is no valid TOML: {error}. Mend the line.") from error
    if strange := sorted(set(content) - {"scenario"}):
        raise DataError(f"{file} knows only [[scenario]], not {', '.join(strange)}.")
    found = tuple(_scenario(file, entry) for entry in content.get("scenario", []))
    twice = sorted({one.name for one in found if [other.name for other in found].count(one.name) > 1})
    if twice:
        raise DataError(f"{file} has the scenario {twice[0]!r} more than once. Rename one of them.")
    return found


def find(path: str | Path, name: str) -> Scenario:
    """One scenario of a file by name; an unknown name raises DataError with the nearest one."""
    known = {one.name: one for one in load(path)}
    if name not in known:
        advice = hint(name, known) or f"There are: {', '.join(known) or 'none'}."
        raise DataError(f"{file_at(path)} has no scenario {name!r}. {advice}")
    return known[name]


def named(snapshot: Snapshot, name: str) -> Scenario:
    """One of the company's scenarios by name; "base" is the snapshot as it is.

    They are looked for beside the extract's tables, then beside the company's extracts, then in the workspace.

    Raises
    ------
    DataError : no scenarios.toml in any of these places, or none with that name (with the nearest one).
    """
    if name == BASE:
        return Scenario(BASE)
    if not (file := shelf(snapshot)).is_file():
        looked = ", ".join(map(str, _places(snapshot)))
        raise DataError(f"There is no {FILE} to take the scenario {name!r} from; looked for it in {looked}.")
    return find(file, name)


def shelf(snapshot: Snapshot) -> Path:
    """The scenarios.toml of a company: the one that `named` reads; where there is none yet, beside its extracts."""
    files = [place / FILE for place in _places(snapshot) if (place / FILE).is_file()]
    return files[0] if files else snapshot.folder.parent / FILE


def saved_scenarios(snapshot: Snapshot) -> tuple[Scenario, ...]:
    """The company's scenarios, in the order of their file; none where no file is kept. Looked for as by `named`."""
    file = shelf(snapshot)
    return load(file) if file.is_file() else ()


def save(path: str | Path, scenarios: Iterable[Scenario]) -> Path:
    """Write scenarios to a file, replacing what it held, in one step.

    Raises
    ------
    DataError : a scenario carries blocks, which are code and cannot be written, or two have the same name.
    """
    listed = list(scenarios)
    for one in listed:
        if one.blocks:
            raise DataError(
                f"Scenario {one.name!r} adds blocks ({one.blocks[0]!r}), which no file can hold: keep it in code."
            )
        if one.name == BASE:
            raise DataError(f"{BASE!r} names the extract as it is: give the scenario another name.")
    if len({one.name for one in listed}) < len(listed):
        raise DataError("Two scenarios have the same name. Rename one of them.")
    file = file_at(path)
    file.parent.mkdir(parents=True, exist_ok=True)
    aside = file.with_name(f".{file.name}.{os.getpid()}")
    aside.write_text(HEADER + "".join(map(_text, listed)), encoding="utf-8")
    aside.replace(file)
    return file


def _places(snapshot: Snapshot) -> tuple[Path, ...]:
    return tuple(dict.fromkeys((snapshot.folder, snapshot.folder.parent, root())))


def text(scenario: Scenario) -> str:
    """One scenario as it stands in a file."""
    return _text(scenario)


def parsed(content: str) -> Scenario:
    """The one scenario that a text of `text` holds."""
    (entry,) = tomllib.loads(content)["scenario"]
    return _scenario(Path("the plan history"), entry)


def file_at(path: str | Path) -> Path:
    """The scenarios.toml that a path means: the file itself, or the one in a folder."""
    meant = place(path)
    return meant / FILE if meant.is_dir() else meant


def _scenario(file: Path, entry: Mapping[str, Any]) -> Scenario:
    name = entry.get("name", "")
    try:
        if not isinstance(name, str) or not name:
            raise DataError("every [[scenario]] needs a name")
        edits = tuple(_edit(one) for one in entry.get("edit", []))
        note, answers = (str(entry.get(key, "")) for key in ("note", "answers"))
        controls = tuple(map(_control, entry.get("control", [])))
        return Scenario(name, edits, note=note, answers=answers, controls=controls)
    except DataError as error:
        raise DataError(f"{file}, scenario {name!r}: {error}") from error


def _edit(entry: Mapping[str, Any]) -> Edit:
    for key in entry:
        if key not in KNOWN:
            raise DataError(f"an edit has no {key!r}. {hint(key, KNOWN) or 'Known: ' + ', '.join(KNOWN)}")
    action = str(entry.get("action", ""))
    table, _, column = str(entry.get("path", "events" if action == "event" else "")).partition(".")
    values = tuple((name, plain(value)) for name, value in entry.get("values", {}).items())
    return Edit(action, table, column, plain(entry.get("amount")), filters(dict(entry.get("where", {}))), values)


def _control(entry: Mapping[str, Any]) -> Setting:
    said = tuple((name, plain(value)) for name, value in dict(entry.get("said", {})).items())
    return str(entry.get("name", "")), said


def _text(scenario: Scenario) -> str:
    lines = ["", "[[scenario]]", f"name = {_toml(scenario.name)}"]
    if scenario.note:
        lines.append(f"note = {_toml(scenario.note)}")
    if scenario.answers:
        lines.append(f"answers = {_toml(scenario.answers)}")
    for edit in scenario.edits:
        lines += ["", "[[scenario.edit]]", f"action = {_toml(edit.action)}"]
        if edit.action == "row":
            lines.append(f"path = {_toml(edit.table)}")
        if edit.action in ("event", "row"):
            lines.append(f"values = {_table(edit.values)}")
            continue
        lines.append(f"path = {_toml(edit.path)}")
        if edit.amount is not None:
            lines.append(f"amount = {_toml(edit.amount)}")
        if edit.where:
            lines.append(f"where = {_table([(name, _listed(values)) for name, values in edit.where])}")
    for name, said in scenario.controls:
        lines += ["", "[[scenario.control]]", f"name = {_toml(name)}", f"said = {_table(said)}"]
    return "\n".join(lines) + "\n"


def _listed(values: tuple[Value, ...]) -> Value | list[Value]:
    return values[0] if len(values) == 1 else list(values)


def _table(pairs: Iterable[tuple[str, Any]]) -> str:
    return (
        "{ "
        + ", ".join(f"{_toml(name) if not name.isidentifier() else name} = {_toml(one)}" for name, one in pairs)
        + " }"
    )


def _toml(value: Any) -> str:
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, date):
        return value.isoformat()
    # a JSON string is a TOML string, but for the one control character that JSON leaves bare
    return json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007f")
