"""Which notebooks are pages of the pack, and how one is run in a process of its own."""

from __future__ import annotations

import ast
import graphlib
import hashlib
import json
import os
import re
import shlex
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from soe_lib.errors import PackError, advice, hint
from soe_lib.pack import kernel
from soe_lib.solver import budget
from soe_lib.workspace import EXTRACTS

KEYS = ("page", "title", "order", "after", "sheet")
NAME = re.compile(r"^[a-z][a-z0-9_]{0,39}$")
TAKEN = ("index", "finance", "manifest")


@dataclass(frozen=True)
class Page:
    """One notebook that becomes one page of the pack.

    Parameters
    ----------
    name : the notebook's file name without its ending; the page is `<name>.html`.
    path : the notebook file.
    title : the heading of the page.
    order : pages stand in this order, then by name.
    after : names of the pages that must have run before.
    sheet : whether it prints on one sheet of paper, as a poster does.
    sha256 : of what the notebook says and does; its outputs and its kernel's name do not count.
    """

    name: str
    path: Path
    title: str
    order: int
    after: tuple[str, ...]
    sha256: str
    sheet: bool = False


def find(folder: str | Path) -> tuple[Page, ...]:
    """The pages of a notebooks folder, in reading order.

    Errors
    ------
    PackError : no folder, no page, an unreadable notebook, a misspelt key, an `after` that names no page, or a circle.
    """
    home = Path(folder)
    if not home.is_dir():
        raise PackError(f"There is no notebooks folder at {home}. Lay one out with `soe init FOLDER`.")
    found = [page for path in sorted(home.glob("*.ipynb")) if (page := _page(path)) is not None]
    if not found:
        raise PackError(
            f"None of the notebooks in {home} is a page of the pack. "
            'Give a notebook the metadata "soe": {"page": true, "title": "…", "order": 1}.'
        )
    pages = tuple(sorted(found, key=lambda page: (page.order, page.name)))
    _check_order(pages)
    return pages


def graph(pages: Sequence[Page]) -> graphlib.TopologicalSorter[str]:
    """The order of work: what must have run before what."""
    return graphlib.TopologicalSorter({page.name: page.after for page in pages})


def _page(path: Path) -> Page | None:
    """The page that a notebook declares; None where it declares none."""
    try:
        notebook = json.loads(path.read_bytes())
        declared = notebook["metadata"].get("soe", {})
        cells = notebook["cells"]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise PackError(f"{path.name} is no readable notebook ({error}). Open it in JupyterLab and save it.") from error
    if not isinstance(declared, dict) or declared.get("page") is not True:
        return None
    _check_declared(path, declared)
    after = declared.get("after") or ()
    return Page(
        name=path.stem,
        path=path.resolve(),
        title=declared.get("title") or path.stem.replace("_", " ").capitalize(),
        order=declared.get("order", 100),
        after=(after,) if isinstance(after, str) else tuple(after),
        sha256=_fingerprint(declared, cells),
        sheet=declared.get("sheet") is True,
    )


def _check_declared(path: Path, declared: Mapping[str, Any]) -> None:
    for key in declared:
        if key not in KEYS:
            raise PackError(f'{path.name}: its "soe" metadata has the unknown key {key!r}. {advice(key, KEYS)}')
    if not NAME.match(path.stem) or path.stem in TAKEN:
        raise PackError(
            f"{path.name} cannot be a page: name the file with small letters, digits and _, up to 40, "
            f"and not {', '.join(TAKEN)}."
        )
    if not isinstance(declared.get("title", ""), str) or not isinstance(declared.get("order", 0), int):
        raise PackError(f'{path.name}: in its "soe" metadata, title must be a text and order a whole number.')
    after = declared.get("after") or ()
    names = [after] if isinstance(after, str) else after
    if not isinstance(names, (list, tuple)) or not all(isinstance(name, str) for name in names):
        raise PackError(f'{path.name}: in its "soe" metadata, after must be the name of a page or a list of names.')


def _check_order(pages: Sequence[Page]) -> None:
    names = [page.name for page in pages]
    for page in pages:
        for name in page.after:
            if name not in names:
                raise PackError(f"{page.path.name} runs after {name!r}, which is no page. {advice(name, names)}")
    try:
        graph(pages).prepare()
    except graphlib.CycleError as error:
        raise PackError(f"These pages wait for each other: {' → '.join(error.args[1])}. Mend their `after`.") from error


def _fingerprint(declared: Mapping[str, Any], cells: Sequence[Mapping[str, Any]]) -> str:
    """Hash of the sources, kinds and tags of all cells: saving a notebook after a run must not count as a change."""
    said = [
        [cell.get("cell_type"), "".join(cell.get("source", "")), sorted(cell.get("metadata", {}).get("tags", []))]
        for cell in cells
    ]
    text = json.dumps([dict(sorted(declared.items())), said], ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


CONTROL = re.compile(r"[\x00-\x20\x7f-\x9f]+")
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
WAIT = 0.05
LEFT = "extracts"
"""Where, in the folder of the executed copies, the notebooks leave the extracts that they have read."""
PAGE = "SOE_PAGE"
"""Environment variable that tells a notebook which page of the pack it is."""
Value = str | int | float | bool


INJECTED = "# Parameters"
"""How the cell begins that papermill puts behind the declared parameters."""


def assigned(source: str) -> set[str]:
    """The names that a cell assigns at its top level."""
    found: set[str] = set()
    for statement in ast.parse(source).body:
        targets = statement.targets if isinstance(statement, ast.Assign) else [getattr(statement, "target", None)]
        found |= {target.id for target in targets if isinstance(target, ast.Name)}
    return found


def refuse_unknown(cells: Sequence[str], known: Iterable[str]) -> None:
    """Raise PackError where an injected cell sets a name that is no parameter, with the nearest one.

    Parameters
    ----------
    cells : sources that were run so far, in order.
    known : the parameters that the notebook declares.
    """
    declared = set(known)
    given = {name for cell in cells if cell.startswith(INJECTED) for name in assigned(cell)}
    if unknown := sorted(given - declared):
        advice = hint(unknown[0], declared) or f"Known: {', '.join(sorted(declared))}."
        raise PackError(f"{len(unknown)} unknown parameters: {', '.join(unknown)}. {advice}")


def parameters(*known: str) -> None:
    """Stop a notebook that was given a parameter it does not have; call it first.

    Parameters
    ----------
    known : the names in the cell tagged `parameters`.

    Raises PackError naming the nearest known parameter.

    Examples
    --------
    >>> soe.pack.parameters("data", "as_of", "results")
    """
    from IPython.core.getipython import get_ipython

    shell = get_ipython()
    if shell is not None:
        refuse_unknown(shell.user_ns.get("In", []), known)


def run(
    notebook: str | Path,
    parameters: Mapping[str, object],
    *,
    folder: str | Path,
    cwd: str | Path,
    timeout: float = 900.0,
    sentinel: str | Path | None = None,
    stop: threading.Event | None = None,
    deadline: float | None = None,
    told: Callable[[str], None] | None = None,
    kernels: Mapping[str, str] | None = None,
) -> Path:
    """Execute one notebook and return the executed copy, `<folder>/<name>.ipynb`.

    Parameters
    ----------
    notebook : the notebook file; it is not changed.
    parameters : values for its cell tagged `parameters`; dates and paths are passed as text.
    folder : where the executed copy, the log and the kernel's private files go.
    cwd : working directory of the kernel.
    timeout : wall-clock limit of the whole run [s].
    sentinel : a file that the notebook must leave behind.
    stop : ends the run early when it is set.
    deadline : when the time budget of its solves ends, in seconds since 1970; None: they have none.
    told : called with how far a search for whole numbers is, when that is news.
    kernels : what `kernel.server` yields: its kernels have the library loaded.

    Errors
    ------
    PackError : unknown parameter, a failing cell (with its number and its error's first line), a dead kernel, the
        time limit, or a missing sentinel.
    """
    path, home = Path(notebook).resolve(), Path(folder)
    values = check_parameters(path, parameters)
    home.mkdir(parents=True, exist_ok=True)
    output = home / path.name
    request = home / f"{path.stem}.request.json"
    answer = home / f"{path.stem}.answer.json"
    answer.unlink(missing_ok=True)
    asked = {"notebook": str(path), "output": str(output), "parameters": values, "cwd": str(cwd), "answer": str(answer)}
    request.write_text(json.dumps(asked), encoding="utf-8")
    again = _reproduce(path, values)
    _run_child(path, request, timeout, stop, deadline, told, kernels, again=again)
    _read_answer(path, answer, again=again)
    if sentinel is not None and not Path(sentinel).is_file():
        raise PackError(
            f"{path.name} ran to its end but left no {Path(sentinel).name}: its last cell must call "
            f"soe.publish(results, page={path.stem!r}, …). Nothing was published."
        )
    return output


def check_parameters(notebook: str | Path, parameters: Mapping[str, object]) -> dict[str, Value]:
    """The parameters as plain values, after checking that the notebook knows every name.

    papermill only warns of an unknown name and runs on with the defaults: a misspelt date would go unnoticed.
    """
    with kernel.without_iri_grammar():
        import papermill

    try:
        known = list(papermill.inspect_notebook(str(notebook)))
    except Exception as error:
        raise PackError(
            f"The parameters of {Path(notebook).name} cannot be read ({one_line(str(error))}). "
            "Open it in JupyterLab, choose the Python 3 kernel and save it."
        ) from error
    for name in parameters:
        if name not in known:
            raise PackError(
                f"{Path(notebook).name} has no parameter {name!r}. {advice(name, known)} Declare it in the cell "
                "tagged `parameters`, or leave it out. Nothing was run."
            )
    return {name: _plain(name, value) for name, value in parameters.items()}


def _plain(name: str, value: object) -> Value:
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, (str, int, float, bool)):
        return value
    raise PackError(f"The parameter {name!r} is a {type(value).__name__}; give a text, a number, a date or yes/no.")


def _reproduce(notebook: Path, values: Mapping[str, Value]) -> str:
    """The papermill command that shows the same failure with all its details."""
    given = " ".join(f"-p {name} {shlex.quote(str(value))}" for name, value in values.items() if name != "results")
    return f"papermill {shlex.quote(str(notebook))} failed.ipynb {given}".rstrip()


def _run_child(
    path: Path,
    request: Path,
    timeout: float,
    stop: threading.Event | None,
    deadline: float | None,
    told: Callable[[str], None] | None,
    kernels: Mapping[str, str] | None,
    *,
    again: str,
) -> None:
    home = request.parent
    news = home / f"{path.stem}.progress"
    known = {budget.DEADLINE: "" if deadline is None else f"{deadline:.3f}", budget.PROGRESS: str(news) if told else ""}
    heard = ""
    with (home / f"{path.stem}.log").open("wb") as log:
        child = subprocess.Popen(
            [*kernel.COPY, kernel.NOTEBOOK, str(request)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env={
                **kernel.environment(home / f"{path.stem}.kernel"),
                PAGE: path.stem,
                EXTRACTS: str(home / LEFT),
                **known,
                **(kernels or {}),
            },
            process_group=0,
        )
        limit = time.monotonic() + timeout
        try:
            while child.poll() is None:
                if stop is not None and stop.is_set():
                    raise PackError(f"{path.name} was stopped because another notebook failed.")
                if time.monotonic() > limit:
                    raise PackError(
                        f"{path.name} was stopped at its limit of {timeout:g} s. Nothing was published. "
                        f"See where it hangs with: {again}"
                    )
                if told and news.is_file() and (said := news.read_text(encoding="utf-8")) not in ("", heard):
                    told(heard := said)
                time.sleep(WAIT)
        finally:
            kernel.end(child)


def _read_answer(path: Path, answer: Path, *, again: str) -> None:
    try:
        told: dict[str, Any] = json.loads(answer.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        lines = (answer.parent / f"{path.stem}.log").read_text(encoding="utf-8", errors="replace").split("\n")
        last = next((line for line in reversed(lines) if line.strip()), "no word of why")
        told = {"error": f"the process ended early: {one_line(last)}"}
    if told.get("ok") is True:
        return
    where = f" at cell {told['cell']} ({told['source']})" if "cell" in told else ""
    raise PackError(f"{path.name} failed{where}: {told['error']}\nNothing was published. Reproduce it with:\n  {again}")


def one_line(text: str, *, limit: int = 300) -> str:
    """Text as one safe line for a message: no colour codes, no line breaks, no control characters."""
    clean = CONTROL.sub(" ", ESCAPES.sub("", text)).strip()
    return clean if len(clean) <= limit else f"{clean[: limit - 1]}…"


# ---- the child ------------------------------------------------------------------------------------------------------


def main(request: str) -> int:
    """Do what a request file says and leave an answer beside it; 0 when every cell ran."""
    asked: dict[str, Any] = json.loads(Path(request).read_text(encoding="utf-8"))
    threading.Thread(target=_end_with_parent, args=(os.getppid(),), daemon=True).start()
    told = _execute(asked)
    waiting = Path(f"{asked['answer']}.part")
    waiting.write_text(json.dumps(told), encoding="utf-8")
    waiting.replace(asked["answer"])
    return 0 if told.get("ok") else 1


def _end_with_parent(parent: int) -> None:
    """End when the weekly run is gone (killed, machine going down): nobody would read the answer."""
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)


def _execute(asked: Mapping[str, Any]) -> dict[str, Any]:
    with kernel.without_iri_grammar():
        import papermill
    from traitlets.config import Config

    try:
        papermill.execute_notebook(
            asked["notebook"],
            asked["output"],
            parameters=asked["parameters"],
            kernel_name="python3",
            cwd=asked["cwd"],
            progress_bar=False,
            request_save_on_cell_execute=False,
            # ipykernel 7.3 and later log a warning for each kernel that listens unencrypted.
            config=Config({"KernelManager": {"transport_encryption": kernel.encryption()}}),
        )
    except papermill.PapermillExecutionError as error:
        return _failure(asked, error)
    except Exception as error:
        return {"error": one_line(f"{type(error).__name__}: {error}")}
    return {"ok": True}


def _failure(asked: Mapping[str, Any], error: Any) -> dict[str, Any]:
    """What to tell of a failing cell, counted as the reader of the source notebook counts: from 1, prose included."""
    cells = json.loads(Path(asked["notebook"]).read_bytes())["cells"]
    tagged = [index for index, cell in enumerate(cells) if "parameters" in cell.get("metadata", {}).get("tags", [])]
    # papermill injects one cell right after the parameters: behind it, every index is one too high.
    shifted = bool(asked["parameters"]) and bool(tagged) and error.cell_index > tagged[0]
    number = error.cell_index if shifted else error.cell_index + 1
    first = next((line for line in str(error.evalue).split("\n") if line.strip()), "")
    source = next((line for line in str(error.source).split("\n") if line.strip()), "")
    said = f"{error.ename}: {first}" if first else error.ename
    return {"cell": number, "source": one_line(source, limit=80), "error": one_line(said)}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
