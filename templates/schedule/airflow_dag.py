"""The weekly pack as an Airflow DAG: one task, the same command line as everywhere."""

from __future__ import annotations

import os
from datetime import datetime

from airflow import DAG
from airflow.providers.standard.operators.bash import BashOperator

COMMAND = "soe pack --data data/company --out out"

with DAG(
    dag_id="soe_weekly_pack",
    schedule="30 5 * * 1,4",
    start_date=datetime(2026, 1, 5),
    catchup=False,
    max_active_runs=1,
):
    # Exit code 3, another run under way, is shown as skipped; 1 and 2 fail the task.
    BashOperator(
        task_id="pack",
        bash_command=COMMAND,
        cwd=os.environ.get("SOE_HOME", "/srv/soe"),
        skip_on_exit_code=3,
    )
