"""Kernels copied from one process: the library is there, and every end of one is an end of the other."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from soe_lib.errors import PackError
from soe_lib.pack import kernel, run_notebook
from tests.unit.pack.conftest import code, write_notebook

PARAMETERS = code('data: str = ""', tags=["parameters"])
TELL = (
    "import os, pathlib, sys\npathlib.Path('told').write_text(f'{os.getpid()} {\"soe_lib.pack.job\" in sys.modules}')"
)


@pytest.fixture(scope="module")
def kernels(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    with kernel.server(tmp_path_factory.mktemp("server")) as address:
        yield address


def run(home: Path, source: str, kernels: dict[str, str], **how: float) -> None:
    path = write_notebook(home / "review.ipynb", [PARAMETERS, code(source)])
    run_notebook.run(path, {"data": "x"}, folder=home / "run", cwd=home, kernels=kernels, **how)


def gone(number: int) -> bool:
    limit = time.monotonic() + 20.0
    while psutil.pid_exists(number) and time.monotonic() < limit:
        time.sleep(0.05)
    return not psutil.pid_exists(number)


def test_a_kernel_has_the_library_and_works_where_and_as_it_is_told(tmp_path: Path, kernels: dict[str, str]) -> None:
    run(tmp_path, f"{TELL}\nos.system('echo said by a child')", kernels)
    number, loaded = (tmp_path / "told").read_text().split()
    assert loaded == "True"
    assert "said by a child" in (tmp_path / "run" / "review.log").read_text()
    assert gone(int(number))


def test_a_kernel_works_with_polars_in_many_threads(tmp_path: Path, kernels: dict[str, str]) -> None:
    work = (
        "import polars as pl\nframe = pl.DataFrame({'key': range(300_000)}).with_columns(pl.col('key') % 7)\n"
        "assert frame.group_by('key').len().height == 7 and frame.sort('key').lazy().unique().collect().height == 7"
    )
    run(tmp_path, work, kernels, timeout=120.0)


def test_a_killed_kernel_is_a_failure(tmp_path: Path, kernels: dict[str, str]) -> None:
    with pytest.raises(PackError, match="DeadKernelError"):
        run(tmp_path, "import os; os.kill(os.getpid(), 9)", kernels)


def test_at_the_limit_the_kernel_is_gone(tmp_path: Path, kernels: dict[str, str]) -> None:
    with pytest.raises(PackError, match="limit of 30 s"):
        run(tmp_path, f"{TELL}\nimport time; time.sleep(600)", kernels, timeout=30.0)
    assert gone(int((tmp_path / "told").read_text().split()[0]))


def test_without_a_server_a_kernel_loads_what_it_needs_itself(tmp_path: Path) -> None:
    run(tmp_path, TELL, {kernel.SERVER: str(tmp_path / "nobody")})
    assert (tmp_path / "told").read_text().endswith(" False")


def test_the_server_and_its_kernels_end_with_a_run_that_is_killed(tmp_path: Path) -> None:
    path = write_notebook(tmp_path / "review.ipynb", [PARAMETERS, code(f"{TELL}\nimport time; time.sleep(600)")])
    work = (
        "import pathlib, sys\nfrom soe_lib.pack import kernel, run_notebook\nhome = pathlib.Path(sys.argv[1])\n"
        "with kernel.server(home) as kernels:\n"
        "    run_notebook.run(sys.argv[2], {'data': 'x'}, folder=home / 'run', cwd=home, kernels=kernels)"
    )
    job = subprocess.Popen([sys.executable, "-c", work, str(tmp_path), str(path)])
    limit = time.monotonic() + 120.0
    while not (tmp_path / "told").exists() and time.monotonic() < limit:
        time.sleep(0.1)
    family = [one.pid for one in psutil.Process(job.pid).children(recursive=True)]
    job.kill()
    job.wait()
    assert len(family) >= 3, "the server, the kernel and who asked for it"
    assert all(map(gone, family))
