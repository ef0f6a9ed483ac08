"""Scenarios: named lists of recorded edits that turn one snapshot into another, kept in scenarios.toml."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from soe_lib.display import html
from soe_lib.errors import DataError, hint
from soe_lib.extract.snapshot import Snapshot
from soe_lib.store.plan import Plan
from soe_lib.whatif.edits import TOUCHED, Edit
from soe_lib.whatif.recheck import recheck
from soe_lib.whatif.where import Setting, Value, dated, filters, plain
from soe_lib.workspace import place, root, write

if TYPE_CHECKING:
    from soe_lib.model.terms import Block


@dataclass(frozen=True)
class Result:
    """One scenario's plan, or why there is none.

    Parameters
    ----------
    snapshot : as the scenario makes it; None where an edit failed.
    plan : None where there is no proven plan.
    error : blank where there is one.
    seconds : for edits, model and solve.
    """

    scenario: Scenario
    snapshot: Snapshot | None
    plan: Plan | None
    error: str
    seconds: float

    @property
    def name(self) -> str:
        """Of the scenario."""
        return self.scenario.name


@dataclass(frozen=True, repr=False)
class Scenario:
    """A what-if by name; every call below returns a new one with one edit more.

    Filters are keywords: a column of the table, or of what it refers to (`supplier` of a receipt, `family` of an
    order), with one value or a list. `period` and dates take a period, an ISO date, an ISO week or a fiscal month and
    select everything inside; a row that such a label cuts is first split by days.

    Parameters
    ----------
    name : how the meeting calls it.
    edits : made in this order.
    blocks : planning ideas added to the model; they are not written to a file.
    note : the reason for the scenario.
    answers : the exception that it is an option for, or a part of its name; blank: none. The weekly pack prices it
        there, beside the options that it finds itself.
    controls : the workbench's controls that made all of the edits, in this order, with the values of their fields, so
        that they can be reopened. Left out where edits were made otherwise; only the edits count.

    Example: `Scenario("line 2 down").scale("calendar.hours", 0.0, resource="L2", period="2026-W48")`.

    Examples
    --------
    >>> stop = soe.Scenario("line down").event(kind="downtime", target="line", period="W1", hours=20.0)
    >>> soe.plan(stop.apply(small)).margin - soe.plan(small).margin
    -60.0
    """

    name: str
    edits: tuple[Edit, ...] = ()
    blocks: tuple[Block, ...] = ()
    note: str = ""
    answers: str = ""
    controls: tuple[Setting, ...] = field(default=(), compare=False)

    def scale(self, path: str, factor: float, **where: Any) -> Scenario:
        """Multiply a column ("calendar.hours") by a factor in the rows that the filters accept."""
        return self._with("scale", path, factor, where)

    def set(self, path: str, value: Any, **where: Any) -> Scenario:
        """Give a column a value in the rows that the filters accept; None blanks it, a date may be ISO text."""
        return self._with("set", path, dated(path, value), where)

    def add_to(self, path: str, amount: float, **where: Any) -> Scenario:
        """Add an amount to a column, in each of the rows that the filters accept."""
        return self._with("add_to", path, amount, where)

    def delay(self, table: str, *, days: float, **where: Any) -> Scenario:
        """Let receipts or orders come so many days later, or lengthen the lead time of offers, lanes or routings."""
        return self._with("delay", table, days, where)

    def longer(self, *, days: int, **where: Any) -> Scenario:
        """Let events last so many days longer (negative: shorter), with their hours in proportion to working days."""
        return self._with("longer", "events", days, where)

    def promise(self, table: str, share: float, **where: Any) -> Scenario:
        """Commit to a share of the quantity of each demand line ("forecast", "orders") that the filters accept."""
        return self._with("promise", table, share, where)

    def drop(self, table: str, **where: Any) -> Scenario:
        """Drop rows; rows that need them are dropped too, optional references to them are blanked."""
        return self._with("drop", table, None, where)

    def event(
        self, *, kind: str, target: str, period: Any = None, from_: Any = None, to: Any = None, **columns: Any
    ) -> Scenario:
        """Add a row to the events: downtime, delay, surge, supply_loss or price.

        Parameters
        ----------
        target : the resource, receipt, item, family, customer, supplier, offer, lane or location that is hit.
        period : when, as one label; or `from_` and `to`, each a date or a label. Left out: the whole horizon.
        columns : hours, factor, days, note, as in the contract's events table.
        """
        given = {
            "kind": kind,
            "target": target,
            "from": period if from_ is None else from_,
            "to": to or period,
            **columns,
        }
        values = tuple((name, plain(value)) for name, value in given.items() if value is not None)
        return self.record(Edit("event", "events", values=values))

    def row(self, table: str, **columns: Any) -> Scenario:
        """Add a row to a table, such as a substitution that customers might accept; columns left out are blank."""
        values = tuple((name, plain(value)) for name, value in columns.items() if value is not None)
        return self.record(Edit("row", table, values=values))

    def add(self, *blocks: Block) -> Scenario:
        """Add planning ideas (blocks) to the model of this scenario."""
        return replace(self, blocks=(*self.blocks, *blocks))

    def record(self, *edits: Edit) -> Scenario:
        """The scenario with these edits after its own."""
        return replace(self, edits=(*self.edits, *edits))

    @property
    def moves_fence(self) -> bool:
        """Whether it changes the fence, and so needs the plan of record."""
        return any(edit.table == "settings" and edit.column.startswith("fence.") for edit in self.edits)

    def undo(self) -> Scenario:
        """The scenario without its last edit."""
        return replace(self, edits=self.edits[:-1])

    def reset(self) -> Scenario:
        """The scenario with its name and note only."""
        return replace(self, edits=(), blocks=())

    def rename(self, name: str, *, note: str | None = None) -> Scenario:
        """The same edits under another name."""
        return replace(self, name=name, note=self.note if note is None else note)

    def _with(self, action: str, path: str, amount: Any, where: dict[str, Any]) -> Scenario:
        table, _, column = path.partition(".")
        return self.record(Edit(action, table, column, plain(amount), filters(where)))

    def apply(self, snapshot: Snapshot) -> Snapshot:
        """The snapshot as it would be: a new one, checked again; the given one stays as it is.

        Raises
        ------
        DataError : an edit that touches no row, naming the nearest values, or a result that breaks the contract.
        """
        changed = snapshot
        for number, edit in enumerate(self.edits, start=1):
            changed = self._try(number, edit, changed)
        return recheck(changed, self.name, snapshot) if self.edits else snapshot

    def touched(self, snapshot: Snapshot) -> pl.DataFrame:
        """Every row that every edit touches: [edit, what, table, row, column, before, after, difference].

        Edits are applied one after the other: `before` is the value after the edits above.
        """
        parts = [pl.DataFrame(schema={"edit": pl.Int64, "what": pl.String, **TOUCHED})]
        changed = snapshot
        for number, edit in enumerate(self.edits, start=1):
            after = self._try(number, edit, changed)
            rows = edit.touched(changed, number)
            parts.append(rows.select(pl.lit(number, pl.Int64).alias("edit"), pl.lit(str(edit)).alias("what"), pl.all()))
            changed = after
        return pl.concat(parts)

    def _try(self, number: int, edit: Edit, snapshot: Snapshot) -> Snapshot:
        try:
            return edit.apply(snapshot, number)
        except DataError as error:
            raise DataError(f"Scenario {self.name!r}, edit {number} ({edit}): {error}", error.findings) from error

    def save(self, path: str | Path) -> Path:
        """Write the scenario into a scenarios.toml, in place of one of the same name, beside the others."""
        others = [one for one in load(path) if one.name != self.name] if file_at(path).is_file() else []
        return save(path, [*others, self])

    def __repr__(self) -> str:
        edits = "; ".join(map(str, self.edits)) or "nothing is changed"
        blocks = f"; with {', '.join(map(repr, self.blocks))}" if self.blocks else ""
        return f"Scenario {self.name!r}: {edits}{blocks}."

    def _repr_html_(self) -> str:
        steps = [*map(str, self.edits), *map(repr, self.blocks)]
        return html(f"Scenario {self.name}", pl.DataFrame({"change": steps}))


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
    DataError : no such file, no valid TOML, two scenarios of one name, or an edit without meaning.
    """
    file = file_at(path)
    if not file.is_file():
        raise DataError(f"There is no {file}. Save a scenario there first.")
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise DataError(f"{file} is no valid TOML: {error}. Correct the line.") from error
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

    The file is searched beside the extract's tables, then beside the company's extracts, then in the workspace.

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
    """The company's scenarios, in the order of their file; none where there is no file. Searched as by `named`.

    Examples
    --------
    >>> [one.name for one in soe.whatif.saved_scenarios(snapshot)][:2]
    ['Venlo L2 back a day early', 'no overtime']
    """
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
    write(file, HEADER + "".join(map(text, listed)))
    return file


def _places(snapshot: Snapshot) -> tuple[Path, ...]:
    return tuple(dict.fromkeys((snapshot.folder, snapshot.folder.parent, root())))


def parsed(content: str) -> Scenario:
    """The one scenario in a text written by `text`."""
    (entry,) = tomllib.loads(content)["scenario"]
    return _scenario(Path("the plan history"), entry)


def file_at(path: str | Path) -> Path:
    """The scenarios.toml of a path: the file itself, or the one in a folder."""
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


def text(scenario: Scenario) -> str:
    """One scenario as TOML."""
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
