"""What the program says and how it leaves, in this process."""

import errno
import json
import shutil
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml
from pyspark.sql import SparkSession

from sparkgen import cli, unexpected

CONF = Path(__file__).parents[1] / "conf"
EXPERIMENT = CONF / "experiments" / "dense_autoencoder_digits.yaml"
DATASET = CONF / "datasets" / "digits.yaml"
ODD = "a b%20c [v2]#ü?"


class Said(NamedTuple):
    """What one call of the program leaves."""

    status: int
    out: str
    err: str


@pytest.fixture
def sparkgen(capfd: pytest.CaptureFixture[str]):
    """`sparkgen(*arguments)`: the program, with its output."""

    def call(*arguments: str | Path) -> Said:
        status = 0
        try:
            cli.main([str(argument) for argument in arguments])
        except SystemExit as left:
            status = int(left.code or 0)
        return Said(status, *capfd.readouterr())

    return call


def test_without_a_command_the_help_is_printed(sparkgen) -> None:
    said = sparkgen()
    assert said.status == 0
    assert said.out.startswith("Usage: sparkgen")
    assert "  ingest " in said.out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["train", EXPERIMENT, "--root", ""], "must not be empty"),
        (["run", EXPERIMENT, "--root", "foo://x"], "found foo://x"),
        (["run", EXPERIMENT, "--root", "/proc/runs"], "environment.root"),
        (["run", EXPERIMENT, "--env", "locl"], "did you mean local.yaml?"),
        (["run", CONF / "datasets" / "digits.yaml"], "sparkgen ingest takes it"),
        (["ingest", EXPERIMENT], "sparkgen run takes it"),
        (["run", CONF / "experiments"], "found a folder"),
        (["train", EXPERIMENT, "--set", "training.epoch=1"], "did you mean training.epochs?"),
        (["train", EXPERIMENT, "--set", "sampling.label=3"], "which is not conditional"),
        (["train", EXPERIMENT, "--set", "sampling.options={steps: 3}"], "found steps"),
        (["run", EXPERIMENT, "--set", "gates=[{metric: kid, max: 1}]"], "gates[0].metric"),
        (
            ["evaluate", EXPERIMENT, "--set", "dataset.source.datset=digits"],
            "only known keys in dataset.source, found datset: did you mean dataset?",
        ),
        (["ingest", DATASET, "--set", "dataset.source.format=libsvn"], "did you mean libsvm?"),
        (["doctor", "--set", "environmnt.root=x", "--conf", CONF], "did you mean environment?"),
    ],
)
def test_a_wrong_request_is_one_line_and_status_2(
    sparkgen, tmp_path: Path, arguments: list[str | Path], words: str
) -> None:
    root = [] if "--root" in arguments else ["--root", tmp_path]
    said = sparkgen(*arguments, *root)
    assert said.status == 2
    assert said.out == ""
    line = said.err.splitlines()[-1]
    assert line.startswith("sparkgen: expected ")
    assert words in line
    assert "Traceback" not in said.err


def failing(error: Exception):
    def step(*_: object, **__: object) -> None:
        raise error

    return step


def test_an_error_that_nobody_foresaw_is_one_line_and_its_traceback_is_kept(
    sparkgen, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr("sparkgen.pipeline.promote.run", failing(KeyError("weights")))
    said = sparkgen("promote", EXPERIMENT, "--root", tmp_path)
    assert said.status == 1
    line = said.err.splitlines()[-1]
    assert line.startswith(f"sparkgen: KeyError: 'weights' ({__file__}:")
    (kept,) = tmp_path.glob("*.traceback")
    assert line.endswith(f"the traceback is in {kept}")
    assert "in step\n" in kept.read_text()
    assert "Traceback" not in said.err


def test_a_traceback_is_shown_to_who_asks_for_it(
    sparkgen, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(cli.TRACEBACK, "1")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr("sparkgen.pipeline.promote.run", failing(KeyError("weights")))
    assert "Traceback" in sparkgen("promote", EXPERIMENT, "--root", tmp_path).err


def test_a_full_disk_is_told_as_one_also_from_within_another_error(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    full = OSError(errno.ENOSPC, "No space left on device", "/runs/part")
    wrapped = RuntimeError("could not log")
    wrapped.__cause__ = full
    for error in (full, wrapped, RuntimeError("(sqlite3) database or disk is full")):
        assert unexpected.describe(error).startswith("no space is left on the disk: ")
    assert not unexpected.describe(OSError(errno.EIO, "broken")).startswith("no space")


@pytest.mark.slow
def test_a_refused_model_ends_a_run_with_what_was_done_in_a_root_of_any_letters(
    sparkgen, spark: SparkSession, tmp_path: Path
) -> None:
    experiment = yaml.safe_load(EXPERIMENT.read_text())
    experiment["training"]["epochs"] = 1
    experiment |= {"density": {"kind": "prior"}, "evaluation": {"samples": 20}}
    experiment |= {"sampling": {"count": 10, "batch_rows": 10}}
    experiment["gates"] = [{"metric": "mse", "max": 0.0}, {"metric": "memorised", "max": 1.0}]
    shutil.copytree(CONF / "environments", tmp_path / "conf" / "environments")
    shutil.copytree(CONF / "datasets", tmp_path / "conf" / "datasets")
    path = tmp_path / "conf" / "experiments" / "refused.yaml"
    path.parent.mkdir()
    path.write_text(yaml.safe_dump(experiment))
    alone = ("--set", "environment.launcher=in-process", "--set", "environment.workers=1")
    arguments = ("run", path, "--root", tmp_path / ODD, *alone)

    refused = sparkgen(*arguments)
    assert refused.status == 1
    line = refused.err.splitlines()[-1]
    assert "models:/dense_autoencoder_digits/1 is not promoted" in line
    assert "gates[0] mse: " in line
    done = json.loads(refused.out.splitlines()[-1])
    assert set(done) == {"ingest", "train", "evaluate", "promote"}
    assert done["promote"]["promoted"] is False
    assert sorted(p.name for p in tmp_path.iterdir()) == [ODD, "conf"]

    mild = ("--set", "gates=[{metric: memorised, max: 1.0}]")
    assert json.loads(sparkgen("promote", *arguments[1:], *mild).out)["promoted"] is True
    sampled = json.loads(sparkgen("sample", *arguments[1:]).out.splitlines()[-1])
    assert sampled["model_uri"] == "models:/dense_autoencoder_digits/1"
    assert Path(sampled["contact_sheet"]).is_relative_to(tmp_path / ODD)
