"""The weekly pack as a Prefect flow: `python prefect_flow.py` serves it on its schedule; the same command line."""

from __future__ import annotations

import os
import shlex
import subprocess

from prefect import flow

COMMAND = "soe pack --data data/company --out out"


@flow(name="soe weekly pack")
def weekly_pack() -> None:
    """Run the command; exit code 3, another run under way, is no failure."""
    done = subprocess.run(shlex.split(COMMAND), cwd=os.environ.get("SOE_HOME", "/srv/soe"), check=False)
    if done.returncode not in (0, 3):
        raise RuntimeError(f"soe pack exited with {done.returncode}: open out/failed.html")


if __name__ == "__main__":
    weekly_pack.serve(name="weekly", cron="30 5 * * 1,4")
