"""The kernels of the weekly run: copies of one process that has the library loaded, gone when they are told to go.

`python -m soe_lib.pack.kernel --serve SOCKET` loads the library once and copies itself (fork) for each kernel; what a
kernel loads of its own costs each notebook over two seconds. It ends with the run, and all kernels with it.
`python kernel.py ARGUMENTS` is what Jupyter starts as a kernel: it asks for a copy, stands for it as long as it lives,
and becomes a kernel of its own where no server answers. `python kernel.py --notebook REQUEST` is likewise the process
that runs one notebook. So this module imports nothing but the standard library.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

SERVER = "SOE_KERNELS"
"""Environment variable that holds the server's socket."""
COPY = (sys.executable, "-I", "-S", str(Path(__file__).resolve()))
"""The command that asks for a copy, without what the copy is told."""
NOTEBOOK, RUN = "--notebook", "soe_lib.pack.run_notebook"
"""What asks for a process that runs a notebook, and the module that does it."""
TICK = 0.2
"""Seconds between two looks at whether a process is still there."""
LARGEST = 1 << 20
"""Bytes that a request may have: an environment and a few arguments."""


@contextlib.contextmanager
def without_iri_grammar() -> Iterator[None]:
    """Keep jsonschema from building a grammar of internationalised addresses: 1.1 s that no notebook needs."""
    if "rfc3987_syntax" in sys.modules:
        yield
        return
    sys.modules["rfc3987_syntax"] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        sys.modules.pop("rfc3987_syntax", None)


@contextlib.contextmanager
def server(folder: Path) -> Iterator[dict[str, str]]:
    """A process that has the library loaded, for as long as the notebooks run; yields what tells them of it.

    Parameters
    ----------
    folder : for its log.

    Yields nothing where the system is not Linux: each kernel then loads the library itself.
    """
    if not Path("/proc/self/task").is_dir():
        yield {}
        return
    # A kernel names this backend before anything draws; here matplotlib is loaded before there is a kernel.
    loading = {"MPLBACKEND": "module://matplotlib_inline.backend_inline", **searched()}
    with tempfile.TemporaryDirectory(prefix="soe-") as home, (folder / "kernels.log").open("wb") as log:
        where = f"{home}/kernels"
        child = subprocess.Popen(
            [sys.executable, "-m", __name__, "--serve", where],
            stdin=subprocess.PIPE, stdout=log, stderr=subprocess.STDOUT, env=loading, start_new_session=True,
        )  # fmt: skip
        try:
            yield {SERVER: where}
        finally:
            assert child.stdin is not None
            child.stdin.close()  # which is how it hears that the run is over
            try:
                child.wait(2.0)
            except subprocess.TimeoutExpired:  # still loading: no kernel came of it
                child.kill()
                child.wait()


def environment(home: Path, **more: str) -> dict[str, str]:
    """The environment of a child: a private Jupyter home whose "python3" is this very interpreter.

    So a virtual environment without a registered kernel works, and a user's IPython start-up files change no figure.
    """
    kernel = home / "jupyter" / "kernels" / "python3"
    kernel.mkdir(parents=True, exist_ok=True)
    spec = {
        "argv": [*COPY, "-f", "{connection_file}"],
        "display_name": "Python 3",
        "language": "python",
        "metadata": {"supported_encryption": ["curve"]},
    }
    (kernel / "kernel.json").write_text(json.dumps(spec), encoding="utf-8")
    return {
        **searched(),
        "JUPYTER_PATH": os.pathsep.join([str(home / "jupyter"), *filter(None, [os.environ.get("JUPYTER_PATH")])]),
        "JUPYTER_RUNTIME_DIR": str(home / "runtime"),
        "IPYTHONDIR": str(home / "ipython"),
        **more,
    }


def searched() -> dict[str, str]:
    """This environment; in a checkout with its path in front, so that a child runs the very code that runs here."""
    root = str(Path(__file__).resolve().parents[2])
    if root in {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}:
        return dict(os.environ)
    return os.environ | {"PYTHONPATH": os.pathsep.join([root, *filter(None, [os.environ.get("PYTHONPATH")])])}


def encryption() -> str:
    """The transport setting under which ipykernel 7.3 and later log no warning for each kernel."""
    import zmq

    return "auto" if zmq.has("curve") else "disabled"


def end(child: subprocess.Popen[bytes]) -> None:
    """End a child and all it started; the kernel leads a group of its own, which the child's does not reach."""
    if child.poll() is not None:
        return
    import psutil  # type: ignore[import-untyped]

    with contextlib.suppress(psutil.NoSuchProcess):
        family = psutil.Process(child.pid).children(recursive=True)
        os.killpg(child.pid, signal.SIGKILL)
        for member in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                member.kill()
    child.wait()


def stand_in(arguments: Sequence[str]) -> int:
    """Ask the server for a kernel and wait until it ends; returns its exit code.

    The server ends the kernel when this process goes, and this process goes when its own parent does.
    """
    parent = os.getppid()
    asked = json.dumps({"argv": list(arguments), "env": dict(os.environ), "cwd": str(Path.cwd())}).encode()
    line = socket.socket(socket.AF_UNIX)
    try:
        line.connect(os.environ[SERVER])
        socket.send_fds(line, [len(asked).to_bytes(4, "big")], [1, 2])
        line.sendall(asked)
    except (KeyError, OSError):
        itself = [RUN, *arguments[1:]] if arguments[0] == NOTEBOOK else ["ipykernel_launcher", *arguments]
        os.execv(sys.executable, [sys.executable, "-m", *itself])
    line.settimeout(TICK)
    while os.getppid() == parent:
        with contextlib.suppress(TimeoutError):
            told = line.recv(4)
            return int.from_bytes(told, "big") if told else 1
    return 1


def serve(where: str) -> None:
    """Load the library and hand out copies of this process until the run is over, which closes the standard input."""
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(where)
        door.listen(16)
        _load()
        lines: dict[socket.socket, int] = {}
        try:
            while True:
                ready, _, _ = select.select([sys.stdin, door, *lines], [], [], TICK)
                if sys.stdin in ready:
                    return
                if door in ready:
                    line, _ = door.accept()
                    if (number := _copy(line, [door, *lines])) is not None:
                        lines[line] = number
                for line, number in list(lines.items()):
                    gone, status = os.waitpid(number, os.WNOHANG)
                    if line in ready and not gone:  # whoever asked is gone: so must the kernel be
                        os.killpg(number, signal.SIGKILL)
                        gone, status = os.waitpid(number, 0)
                    if gone:
                        with contextlib.suppress(OSError):
                            line.sendall((os.waitstatus_to_exitcode(status) & 0xFF).to_bytes(4, "big"))
                        line.close()
                        del lines[line]
        finally:
            for number in lines.values():
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(number, signal.SIGKILL)


def _load() -> None:
    """Everything that a review, or what runs it, may ask of the library; nothing of it is run.

    A copy has only the thread that made it: where polars had begun to work, its pool would be lost, and a kernel that
    waits for it would hang. Then nothing is served.
    """
    import ipykernel.kernelapp  # noqa: F401

    from soe_lib import PUBLIC, money, pack, review, store, whatif

    with without_iri_grammar():
        import papermill  # noqa: F401
    rooms = (PUBLIC, money.NAMES, pack.NAMES, review.NAMES, store.NAMES, whatif.NAMES)
    modules = {module for names in rooms for module in names.values()}
    for name in sorted(name for name in modules if not name.startswith("soe_lib.workbench")):
        import_module(name)
    names = [(task / "comm").read_text().strip() for task in Path("/proc/self/task").iterdir()]
    if pool := [name for name in names if name.removeprefix("polars-").isdigit()]:
        sys.exit(f"polars works already ({', '.join(pool)}): each kernel loads the library itself.")


def _copy(line: socket.socket, others: Sequence[socket.socket]) -> int | None:
    """A copy of this process that becomes what is asked for, a kernel or what runs a notebook; None: nobody asks."""
    try:
        head, inherited, _, _ = socket.recv_fds(line, 4, 2)
        size, asked = int.from_bytes(head, "big"), b""
        while len(asked) < size <= LARGEST and (block := line.recv(size - len(asked))):
            asked += block
        told: Mapping[str, Any] = json.loads(asked)
    except (OSError, ValueError):
        line.close()
        return None
    number = os.fork()
    if number:
        with contextlib.suppress(OSError):
            os.setpgid(number, number)  # here too: whichever of the two comes first
        for one in inherited:
            os.close(one)
        return number
    try:
        with contextlib.suppress(OSError):
            os.setpgid(0, 0)
        for open_here in (line, *others):
            open_here.close()
        for at, one in zip((1, 2), inherited, strict=True):
            os.dup2(one, at)
            os.close(one)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.chdir(told["cwd"])
        os.environ.clear()
        os.environ.update(told["env"])
        if told["argv"][0] == NOTEBOOK:
            os._exit(import_module(RUN).main(told["argv"][1]))
        os.environ["JPY_PARENT_PID"] = str(os.getppid())
        from ipykernel.kernelapp import IPKernelApp

        sys.argv = ["ipykernel_launcher", *told["argv"]]
        sys.path[0] = ""  # as a kernel of its own has it: the notebook's folder
        IPKernelApp.launch_instance(argv=told["argv"])
    except SystemExit as left:
        os._exit(left.code if isinstance(left.code, int) else 0)
    except BaseException:
        import traceback

        traceback.print_exc()
        os._exit(1)
    os._exit(0)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--serve"]:
        serve(sys.argv[2])
    else:
        sys.exit(stand_in(sys.argv[1:]))
