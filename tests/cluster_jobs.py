"""Runs jobs one after the other in one Spark session, as spark-submit runs each of them.

    spark-submit tests/cluster_jobs.py '[["ingest", "conf/datasets/digits.yaml"], ["train", ...]]'

A JVM and executors of its own for each job would take most of a test's time. After each job a line of
standard output says how it ended.
"""

import json
import runpy
import sys
from pathlib import Path

JOBS = Path(__file__).parents[1] / "jobs"

for job, *arguments in json.loads(sys.argv[1]):
    sys.argv = [str(JOBS / f"{job}.py"), *arguments]
    status = 0
    try:
        runpy.run_path(sys.argv[0], run_name="__main__")
    except SystemExit as left:
        status = int(left.code or 0)
    print(f"=== {job} exits {status}", flush=True)
