"""A version that is there is found; one that is damaged, or was never finished, is made whole."""

import logging
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from small_rows import config, lines

from sparkgen.datasets.versions import list_versions
from sparkgen.ingest.ingest import ingest


def test_a_second_ingest_reuses_the_version_until_a_source_changes(
    spark: Any, sources: Path
) -> None:
    first = ingest(spark, config(sources), datasets_uri=f"{sources}/out")
    written = sources / "out" / "tiny" / first.version / "manifest.json"
    before = written.stat().st_mtime_ns
    assert ingest(spark, config(sources), datasets_uri=f"{sources}/out") == first
    assert written.stat().st_mtime_ns == before
    (sources / "test.txt").touch()  # the same content makes the same version, once
    second = ingest(spark, config(sources), datasets_uri=f"{sources}/out")
    assert (second.version, second.sources != first.sources) == (first.version, True)
    before = written.stat().st_mtime_ns
    assert ingest(spark, config(sources), datasets_uri=f"{sources}/out") == second
    assert written.stat().st_mtime_ns == before
    (sources / "test.txt").write_text(lines(0, 49))
    assert ingest(spark, config(sources), datasets_uri=f"{sources}/out").version != first.version


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("file", "damage"),
    [
        ("train/part-00001.parquet", flip),
        ("test/part-00000.parquet", Path.unlink),
        ("validation/part-00000.parquet", lambda path: path.write_bytes(b"PAR1")),
        ("quarantine/part-00000.parquet", flip),
        ("manifest.json", lambda path: path.write_text("[]")),
        ("manifest.json", Path.unlink),
        ("_common_metadata", lambda path: path.write_bytes(b"pickle")),
    ],
)
def test_a_damaged_version_is_made_whole_by_the_next_ingest(
    spark: Any, sources: Path, caplog: pytest.LogCaptureFixture, file: str, damage: Any
) -> None:
    with (sources / "train-b.txt").open("a") as text:
        text.write("frog\n")
    manifest = ingest(spark, config(sources), datasets_uri=f"{sources}/out")
    version = sources / "out" / "tiny" / manifest.version

    def contents() -> dict[str, bytes]:
        return {str(p.relative_to(version)): p.read_bytes() for p in version.rglob("*.*")}

    whole = contents()
    times = {path: (version / path).stat().st_mtime_ns for path in whole}
    damage(version / file)
    with caplog.at_level(logging.INFO):
        assert ingest(spark, config(sources), datasets_uri=f"{sources}/out") == manifest
    assert (f"1 files written to {version}" in caplog.text) == file.endswith(".parquet")
    assert contents() == whole
    assert list((sources / "out" / "tiny").iterdir()) == [version]
    kept = {path for path, time in times.items() if (version / path).stat().st_mtime_ns == time}
    assert kept == set(whole) - {file}


def test_a_damaged_version_does_not_keep_another_from_being_made_or_found(
    spark: Any, sources: Path
) -> None:
    damaged = ingest(spark, config(sources), datasets_uri=f"{sources}/out")
    (sources / "out" / "tiny" / damaged.version / "manifest.json").write_bytes(b"\xff")
    other = ingest(spark, config(sources, seed=1), datasets_uri=f"{sources}/out")
    assert list_versions(f"{sources}/out", "tiny") == [other]
    assert ingest(spark, config(sources, seed=1), datasets_uri=f"{sources}/out") == other
    assert ingest(spark, config(sources), datasets_uri=f"{sources}/out") == damaged
    assert len(list_versions(f"{sources}/out", "tiny")) == 2


KILLED = """
import sys
from pathlib import Path
from sparkgen.config.environment import EnvironmentConfig
from sparkgen.ingest.ingest import ingest
from sparkgen.pipeline.session import spark_session
sys.path.insert(0, sys.argv[2])
from small_rows import config
folder = Path(sys.argv[1])
spark = spark_session(EnvironmentConfig(spark_master="local[2]", spark={"spark.ui.enabled": "false"}))
print("ready", flush=True)
print(ingest(spark, config(folder), datasets_uri=f"{folder}/out").version, flush=True)
"""


@pytest.mark.slow
def test_a_killed_ingest_leaves_nothing_and_the_next_makes_the_same(
    spark: Any, sources: Path
) -> None:
    whole = ingest(spark, config(sources), datasets_uri=f"{sources}/undisturbed")
    seen = lambda pattern: any((sources / "out" / "tiny").glob(pattern))  # noqa: E731
    points = [".staging-*", ".staging-*/train/*", ".staging-*/manifest.json", "*/manifest.json"]
    for point in points[:3]:
        command = [sys.executable, "-c", KILLED, str(sources), str(Path(__file__).parent)]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
            while process.poll() is None and not seen(point) and not seen("[0-9a-f]*"):
                time.sleep(0.002)
            process.send_signal(signal.SIGKILL)
        for version in list_versions(f"{sources}/out", "tiny"):
            assert version.version == whole.version  # it was done a moment before
    manifest = ingest(spark, config(sources), datasets_uri=f"{sources}/out")
    assert manifest.version == whole.version
    assert not seen(".staging-*")
