"""Staging folders: those of the dead are removed, those of the living stay."""

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

from s3_server import S3Server

from sparkgen.datasets.storage import write_bytes
from sparkgen.ingest.publish import remove_stale, staging


def folder(path: Path, host: str, process: int) -> Path:
    made = path / f".staging-{host}~{process}~0"
    made.mkdir()
    return made


def test_only_the_staging_of_the_dead_is_removed(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        ended.wait()
    dead = folder(tmp_path, socket.gethostname(), ended.pid)
    living = folder(tmp_path, socket.gethostname(), os.getpid())
    away = folder(tmp_path, "elsewhere", 1)
    forgotten = folder(tmp_path, "elsewhere", 2)
    long_ago = time.time() - 2 * 24 * 3600
    os.utime(forgotten, (long_ago, long_ago))
    remove_stale(str(tmp_path))
    assert (dead.exists(), living.exists()) == (False, True)
    assert (away.exists(), forgotten.exists()) == (True, False)


def test_a_staging_folder_goes_when_its_work_fails(tmp_path: Path) -> None:
    try:
        with staging(str(tmp_path / "tiny")) as uri:
            write_bytes(f"{uri}/train/part-00000.parquet", b"some")
            assert Path(uri).is_dir()
            raise KeyboardInterrupt
    except KeyboardInterrupt:
        assert list((tmp_path / "tiny").iterdir()) == []


def test_on_object_storage_what_the_dead_left_goes_after_a_day(s3: S3Server) -> None:
    """Staging of another machine, and files of a version whose manifest was never written."""
    day, version, half = 24 * 3600, "0" * 16, "1" * 16
    left = {
        ".staging-elsewhere~1~0/scratch/a.arrow": 2 * day,
        f"{half}/train/part-00000.parquet": 2 * day,
        ".staging-elsewhere~2~0/scratch/a.arrow": day / 2,
        ".staging-elsewhere~3~0/train/part-00000.parquet": 2 * day,
        ".staging-elsewhere~3~0/train/part-00001.parquet": day / 2,
        f"{'2' * 16}/train/part-00000.parquet": day / 2,
        f"{version}/manifest.json": 2 * day,
        "notes/of/a/person": 2 * day,
    }
    for name, seconds in left.items():
        write_bytes(f"s3://bucket/stale/{name}", b"x")
        s3.age(f"stale/{name}", seconds)
    remove_stale("s3://bucket/stale")
    there = [key for key in s3.names() if key.startswith("stale/") and not key.endswith("/")]
    assert there == sorted(f"stale/{name}" for name in list(left)[2:])
