"""Kills each step of the pipeline at each of its stages, on a real S3 server, and looks at what it left.

    PYTHONPATH=tests .venv/bin/python tests/s3_kills.py [STAGE ...]

A step is killed by SIGKILL, with all its processes, at the moment of a request that says where it is.
After each kill no manifest names a file that is not whole. The step, run again, makes what it makes on a
disk where nothing happens to it: the same dataset version, the same weights, the same samples, bit for
bit. It prints one line a stage.
"""

import json
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import psutil
from s3_server import S3Server, s3_server

from sparkgen.datasets.files import digest
from sparkgen.datasets.manifest import read_manifest
from sparkgen.datasets.storage import put, read_bytes
from sparkgen.sampling.sample_set import REPAIR, StoredFile, read_sample_set
from sparkgen.training.checkpoints import decode

EXPERIMENT = "conf/experiments/dense_autoencoder_digits.yaml"
CHANGES = (
    "training.epochs=3",
    "training.checkpoint_steps=20",
    "gates=[]",
    "sampling.batch_rows=20",
    "sampling.png=true",
)
STEPS = ("ingest", "train", "evaluate", "promote", "sample")
VERSION = r"/datasets/digits/[0-9a-f]{16}"


class Stage(NamedTuple):
    """A request by which a step is killed: the `number`th that has the method and matches the pattern."""

    step: str
    method: str
    pattern: str
    number: int = 1


STAGES = {
    "first block of records": Stage("ingest", "POST", r"/\.staging-.*/scratch/.*uploads"),
    "half of a file in staging": Stage("ingest", "PUT", r"/\.staging-.*/train/.*partNumber", 3),
    "first file put into place": Stage("ingest", "PUT", VERSION + "/train/part-"),
    "files put into place in part": Stage("ingest", "PUT", VERSION + "/", 9),
    "half of the manifest": Stage("ingest", "PUT", VERSION + "/manifest.json.*partNumber"),
    "the manifest before it is closed": Stage(
        "ingest", "POST", VERSION + "/manifest.json.*uploadId"
    ),
    "staging before it is removed": Stage("ingest", "POST", r"/bucket\?delete", 2),
    "the journal": Stage("train", "PUT", r"/run\.json.*partNumber"),
    "half of the first checkpoint": Stage("train", "PUT", r"/checkpoint-.*partNumber"),
    "a checkpoint before it is closed": Stage("train", "POST", r"/checkpoint-.*uploadId", 3),
    "an old checkpoint's removal": Stage("train", "DELETE", r"/checkpoint-"),
    "the weights of the model": Stage("train", "PUT", r"/model/model\.weights\.h5.*partNumber"),
    "the report": Stage("train", "PUT", r"/artifacts/.*report/"),
    "the files of the registered model": Stage("train", "PUT", r"/artifacts/.*model\.weights\.h5"),
    "the journal of a finished run": Stage("train", "PUT", r"/run\.json.*partNumber", 2),
    "half of a file of samples": Stage("sample", "PUT", r"/samples/.*parquet.*partNumber", 2),
    "a picture": Stage("sample", "PUT", r"/samples/.*/png/.*partNumber", 30),
    "a note": Stage("sample", "POST", r"/samples/.*part-\d+\.json.*uploadId", 3),
    "the contact sheet": Stage("sample", "PUT", r"/contact_sheet.*partNumber"),
    "the manifest of samples": Stage("sample", "PUT", r"/samples/.*/manifest\.json.*partNumber"),
    "a note's removal": Stage("sample", "DELETE", r"/samples/.*part-\d+\.json", 2),
}


class Place(NamedTuple):
    """A root and a tracking server of its own."""

    root: str
    folder: Path

    def command(self, step: str, *options: str) -> list[str]:
        said = "conf/datasets/digits.yaml" if step == "ingest" else EXPERIMENT
        changes = [] if step == "ingest" else list(CHANGES)
        changes.append(f"environment.tracking_uri=sqlite:///{self.folder}/mlflow.db")
        program = "from sparkgen.cli import main; main()"
        settings = [f"--set={change}" for change in changes]
        return [sys.executable, "-c", program, step, said, "--root", self.root, *settings, *options]

    def run(self, step: str, *options: str) -> dict[str, Any]:
        """The result of a step that nothing happens to."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "log").open("ab") as log:
            done = subprocess.run(self.command(step, *options), stdout=subprocess.PIPE, stderr=log)
        if done.returncode != 0:
            said = (self.folder / "log").read_text()[-2000:]
            raise SystemExit(f"{step} ended with {done.returncode}: {said}")
        return dict(json.loads(done.stdout.splitlines()[-1]))


def main(names: list[str]) -> None:
    """Runs the stages of these names, or all."""
    with tempfile.TemporaryDirectory() as name, s3_server() as s3:
        disk, ready = Place(f"{name}/disk", Path(name, "of disk")), Path(name, "of s3")
        expected = {step: disk.run(step) for step in STEPS}
        # What a step needs of those before it is made once.
        made = {"ingest": Place("s3://bucket/nothing", ready / "0")}
        made["train"] = Place("s3://bucket/ingested", ready / "1")
        made["train"].run("ingest")
        made["sample"] = _copy(s3, made["train"], Place("s3://bucket/trained", ready / "2"))
        for step in ("train", "evaluate", "promote"):
            made["sample"].run(step)
        for number, stage in enumerate(names or STAGES):
            step = STAGES[stage].step
            place = _copy(s3, made[step], Place(f"s3://bucket/{number}", ready / f"of {number}"))
            _kill(place, STAGES[stage], s3)
            _check_whole(s3, place)
            how = _go_on(place, step, expected)
            assert _check_whole(s3, place) > 0
            print(f"ok  {step:<7} {stage}: {how}", flush=True)


def _copy(s3: S3Server, source: Place, target: Place) -> Place:
    """Copies a root with its tracking server; artifacts stay where they were first."""
    for key in s3.names():
        if f"s3://bucket/{key}".startswith(f"{source.root}/") and not key.endswith("/"):
            uri = f"s3://bucket/{key}"
            put(uri, target.root + uri.removeprefix(source.root))
    target.folder.mkdir(parents=True, exist_ok=True)
    if (source.folder / "mlflow.db").exists():
        shutil.copy(source.folder / "mlflow.db", target.folder)
    return target


def _kill(place: Place, stage: Stage, s3: S3Server) -> None:
    """Kills a step at a stage."""
    seen: list[str] = []

    def watch(method: str, asked: str) -> None:
        if method == stage.method and re.search(stage.pattern, asked):
            seen.append(asked)
            if len(seen) == stage.number:
                driver = psutil.Process(job.pid)
                for process in (driver, *driver.children(recursive=True)):
                    process.kill()

    s3.watchers.append(watch)
    with (place.folder / "log").open("ab") as log:
        job = subprocess.Popen(place.command(stage.step), stdout=log, stderr=log)
        status = job.wait(timeout=900)
    s3.watchers.remove(watch)
    if status != -signal.SIGKILL:
        raise SystemExit(f"{stage} was not met: {len(seen)} of {stage.number}")


def _check_whole(s3: S3Server, place: Place) -> int:
    """Reads every file that a manifest below the root names, holds it to its SHA-256, and counts them."""
    files = list(_named(s3, place.root.removeprefix("s3://bucket/")))
    for file in files:
        file.read()
    return len(files)


def _named(s3: S3Server, prefix: str) -> Iterator[StoredFile]:
    for key in s3.names():
        if not key.startswith(f"{prefix}/") or not key.endswith("/manifest.json"):
            continue
        folder = f"s3://bucket/{key.removesuffix('/manifest.json')}"
        if key.startswith(f"{prefix}/datasets/"):
            yield from read_manifest(folder).all_files(folder)
        elif key.startswith(f"{prefix}/samples/"):
            found = read_sample_set(folder)
            assert found is not None
            yield from (StoredFile(folder, entry, REPAIR) for entry in found.files)


def _go_on(place: Place, step: str, expected: dict[str, Any]) -> str:
    """Runs the step again, a training by `--resume` where there is something to resume; says how."""
    if step == "ingest":
        assert place.run("ingest") == expected["ingest"]
        return "the same version"
    if step == "train":
        resumed = subprocess.run(place.command("train", "--resume"), capture_output=True)
        if resumed.returncode == 2:  # killed before there was anything to resume
            result, how = place.run("train"), "begun anew"
        else:
            assert resumed.returncode == 0, resumed.stderr.decode()[-2000:]
            result, how = dict(json.loads(resumed.stdout.splitlines()[-1])), "resumed"
        assert _weights(result) == _weights(expected["train"])
        return f"{how}, the same weights"
    result = place.run("sample")
    for name in ("part-00000.parquet", "png/000000000.png", "contact_sheet.png"):
        made = read_bytes(f"{result['samples']}/{name}")
        assert made == read_bytes(f"{expected['sample']['samples']}/{name}"), name
    return "the same samples"


def _weights(result: dict[str, Any]) -> dict[str, str]:
    arrays = decode(read_bytes(result["checkpoint"])).arrays
    return {name: digest(array.tobytes()) for name, array in arrays.items()}


if __name__ == "__main__":
    main(sys.argv[1:])
