"""The kernel of the weekly run: this very interpreter, in a private Jupyter home, gone when it is told to go."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

from soe_lib.workspace import PACKAGE


def environment(home: Path) -> dict[str, str]:
    """The environment of a child: a private Jupyter home whose "python3" is this very interpreter.

    So a virtual environment without a registered kernel works, and a user's IPython start-up files change no figure.
    """
    kernel = home / "jupyter" / "kernels" / "python3"
    kernel.mkdir(parents=True, exist_ok=True)
    spec = {
        "argv": [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"],
        "display_name": "Python 3",
        "language": "python",
        "metadata": {"supported_encryption": ["curve"]},
    }
    (kernel / "kernel.json").write_text(json.dumps(spec), encoding="utf-8")
    paths = [str(home / "jupyter"), *filter(None, [os.environ.get("JUPYTER_PATH")])]
    environment = os.environ | {
        "JUPYTER_PATH": os.pathsep.join(paths),
        "JUPYTER_RUNTIME_DIR": str(home / "runtime"),
        "IPYTHONDIR": str(home / "ipython"),
    }
    if str(PACKAGE.parent) not in {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}:
        # In a checkout the notebooks must run the very code that the caller runs.
        searched = [str(PACKAGE.parent), *filter(None, [os.environ.get("PYTHONPATH")])]
        environment["PYTHONPATH"] = os.pathsep.join(searched)
    return environment


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
