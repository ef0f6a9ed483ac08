from __future__ import annotations

import json
import sys
import threading
import time
from datetime import date
from pathlib import Path

import psutil
import pytest

from soe_lib.errors import PackError
from soe_lib.pack import kernel, run_notebook
from tests.unit.pack.conftest import code, parameters, prose, write_notebook


def test_an_unknown_parameter_is_refused_before_anything_runs(tmp_path: Path) -> None:
    path = write_notebook(tmp_path / "review.ipynb", [parameters()])
    with pytest.raises(PackError, match=r"review\.ipynb has no parameter 'asof'\. Did you mean as_of"):
        run_notebook.run(path, {"asof": "2026-11-16"}, folder=tmp_path / "run", cwd=tmp_path)
    assert not (tmp_path / "run").exists()


def test_a_parameter_must_be_plain(tmp_path: Path) -> None:
    path = write_notebook(tmp_path / "review.ipynb", [parameters()])
    plain = run_notebook.check_parameters(path, {"as_of": date(2026, 11, 16), "data": Path("a b")})
    assert plain == {"as_of": "2026-11-16", "data": "a b"}
    with pytest.raises(PackError, match="'data' is a list"):
        run_notebook.check_parameters(path, {"data": ["x"]})


def test_a_notebook_without_a_kernel_says_how_to_mend_it(tmp_path: Path) -> None:
    path = write_notebook(tmp_path / "review.ipynb", [parameters()])
    whole = json.loads(path.read_text())
    del whole["metadata"]["kernelspec"]
    path.write_text(json.dumps(whole))
    with pytest.raises(PackError, match="choose the Python 3 kernel"):
        run_notebook.check_parameters(path, {"data": "x"})


def test_a_failing_cell_is_named_with_its_first_line_and_the_way_to_see_it_again(tmp_path: Path) -> None:
    cells = [prose("# Review"), parameters(), code("fine = 1"), code("# sums\nraise ValueError('first\\nsecond')")]
    path = write_notebook(tmp_path / "review.ipynb", cells)
    with pytest.raises(PackError) as failure:
        run_notebook.run(path, {"data": "it's", "results": "secret"}, folder=tmp_path / "run", cwd=tmp_path)
    said = str(failure.value)
    assert "review.ipynb failed at cell 4 (# sums): ValueError: first\n" in said
    assert "second" not in said
    assert f"papermill {path} failed.ipynb -p data 'it'\"'\"'s'" in said
    assert "secret" not in said


def test_the_kernel_is_this_interpreter_whatever_is_registered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bogus = tmp_path / "jupyter" / "kernels" / "python3"
    bogus.mkdir(parents=True)
    (bogus / "kernel.json").write_text('{"argv": ["false"], "language": "python", "display_name": "x"}')
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "jupyter"))
    told = "import sys, os, pathlib\npathlib.Path('told.txt').write_text(f'{sys.executable} {os.getcwd()} {data}')"
    path = write_notebook(tmp_path / "review.ipynb", [parameters(), code(told)])
    made = run_notebook.run(path, {"data": "x"}, folder=tmp_path / "run", cwd=tmp_path, sentinel=tmp_path / "told.txt")
    assert (tmp_path / "told.txt").read_text() == f"{sys.executable} {tmp_path} x"
    assert made == tmp_path / "run" / "review.ipynb"
    with pytest.raises(PackError, match=r"left no review\.json: its last cell must call"):
        run_notebook.run(path, {"data": "x"}, folder=tmp_path / "run", cwd=tmp_path, sentinel=tmp_path / "review.json")


def runs(number: int) -> bool:
    """Whether a process still runs; one that is dead but not yet waited for does not."""
    try:
        return psutil.Process(number).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def gone(number: int, within: float = 10.0) -> bool:
    """Whether a process ends; one that was killed may take a moment to be gone on a busy machine."""
    limit = time.monotonic() + within
    while runs(number) and time.monotonic() < limit:
        time.sleep(0.05)
    return not runs(number)


def test_at_the_limit_a_run_is_over(tmp_path: Path) -> None:
    path = write_notebook(tmp_path / "review.ipynb", [parameters(), code("import time; time.sleep(600)")])
    others = {child.pid for child in psutil.Process().children(recursive=True)}  # of other tests in this process
    with pytest.raises(PackError, match=r"review\.ipynb was stopped at its limit of 1 s"):
        run_notebook.run(path, {"data": "x"}, folder=tmp_path / "run", cwd=tmp_path, timeout=1)
    left = [child for child in psutil.Process().children(recursive=True) if child.pid not in others]
    assert all(gone(child.pid) for child in left)


def test_a_run_that_is_told_to_stop_takes_its_kernel_with_it(tmp_path: Path) -> None:
    hang = "import os, pathlib, time\npathlib.Path('part').write_text(str(os.getpid()))\nos.rename('part', 'pid')"
    path = write_notebook(tmp_path / "review.ipynb", [parameters(), code(f"{hang}\ntime.sleep(600)")])
    stop = threading.Event()

    def stop_once_it_runs() -> None:
        while not (tmp_path / "pid").exists():
            time.sleep(0.05)
        stop.set()

    threading.Thread(target=stop_once_it_runs, daemon=True).start()
    with pytest.raises(PackError, match="another notebook failed"):
        run_notebook.run(path, {"data": "x"}, folder=tmp_path / "run", cwd=tmp_path, stop=stop, timeout=120)
    assert gone(int((tmp_path / "pid").read_text()))


def test_a_killed_kernel_is_a_failure_not_a_result(tmp_path: Path) -> None:
    path = write_notebook(tmp_path / "review.ipynb", [parameters(), code("import os; os.kill(os.getpid(), 9)")])
    with pytest.raises(PackError, match=r"review\.ipynb failed: DeadKernelError"):
        run_notebook.run(path, {"data": "x"}, folder=tmp_path / "run", cwd=tmp_path)


def test_messages_are_one_safe_line() -> None:
    assert run_notebook.one_line("\x1b[31mred\x1b[0m\nnext\x07 \x9b5m\ttail") == "red next 5m tail"
    assert len(run_notebook.one_line("x" * 999)) == 300


def test_the_address_grammar_is_kept_out_and_then_let_in_again() -> None:
    before = sys.modules.pop("rfc3987_syntax", None)
    with kernel.without_iri_grammar():
        assert sys.modules["rfc3987_syntax"] is None
    assert "rfc3987_syntax" not in sys.modules
    if before is not None:
        sys.modules["rfc3987_syntax"] = before


def test_the_time_budget_and_the_progress_travel_to_the_notebook(tmp_path: Path) -> None:
    """What the kernel leaves in the file of its progress is told, once; the deadline is the caller's, to the second."""
    lines = (
        "import os, pathlib, time",
        "pathlib.Path('told.txt').write_text(os.environ['SOE_DEADLINE'])",
        "pathlib.Path(os.environ['SOE_PROGRESS']).write_text('7 s: best 10, at most 11, gap 10.00%')",
        "time.sleep(0.5)",
    )
    path = write_notebook(tmp_path / "review.ipynb", [parameters(), code("\n".join(lines))])
    heard: list[str] = []
    run_notebook.run(
        path, {"data": "x"}, folder=tmp_path / "run", cwd=tmp_path, deadline=1_900_000_000.0, told=heard.append
    )
    assert (tmp_path / "told.txt").read_text() == "1900000000.000"
    assert heard == ["7 s: best 10, at most 11, gap 10.00%"]
