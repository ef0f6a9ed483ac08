"""The weekly pack as a Dagster job with its schedule: one op, the same command line as everywhere."""

from __future__ import annotations

import os
import shlex
import subprocess

from dagster import Definitions, Failure, ScheduleDefinition, job, op

COMMAND = "soe pack --data data/company --out out"


@op
def pack() -> None:
    """Run the command; exit code 3, another run under way, is no failure."""
    done = subprocess.run(shlex.split(COMMAND), cwd=os.environ.get("SOE_HOME", "/srv/soe"), check=False)
    if done.returncode not in (0, 3):
        raise Failure(f"soe pack exited with {done.returncode}: open out/failed.html")


@job
def weekly_pack() -> None:
    """The one step of the week."""
    pack()


definitions = Definitions(
    jobs=[weekly_pack],
    schedules=[ScheduleDefinition(job=weekly_pack, cron_schedule="30 5 * * 1,4")],
)
