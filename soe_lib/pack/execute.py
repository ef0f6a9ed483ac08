"""Run one notebook with papermill, in a process of its own that can be ended at any moment.

A time-out or a dead kernel leaves a notebook that looks complete, so nothing here trusts the notebook it wrote: a run
is good when the child says so, and (for a page) when the page's own `<results>/<page>.json` is there.

`python -m soe_lib.pack.execute REQUEST` is the child's entry; it imports nothing of this library but the errors
and the names of its budget.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path
from typing import Any

from soe_lib.errors import PackError
from soe_lib.model import budget
from soe_lib.pack import kernel

CONTROL = re.compile(r"[\x00-\x20\x7f-\x9f]+")
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
WAIT = 0.05
PAGE = "SOE_PAGE"
"""Environment variable that tells a notebook which page of the pack it is."""
Value = str | int | float | bool


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
    _run_child(path, request, timeout, stop, deadline, told, again=again)
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

    from soe_lib.pack.notebooks import nearest

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
                f"{Path(notebook).name} has no parameter {name!r}; {nearest(name, known)}. Declare it in the cell "
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
    *,
    again: str,
) -> None:
    home = request.parent
    news = home / f"{path.stem}.progress"
    known = {budget.DEADLINE: "" if deadline is None else f"{deadline:.3f}", budget.PROGRESS: str(news) if told else ""}
    heard = ""
    with (home / f"{path.stem}.log").open("wb") as log:
        child = subprocess.Popen(
            [sys.executable, "-m", "soe_lib.pack.execute", str(request)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env={**kernel.environment(home / f"{path.stem}.kernel"), PAGE: path.stem, **known},
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
