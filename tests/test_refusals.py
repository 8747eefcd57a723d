"""What the program says and how it leaves, in this process."""

import errno
import json
import shutil
import sys
from pathlib import Path

import pytest
import yaml
from pyspark.sql import SparkSession

from sparkgen import cli, unexpected
from sparkgen.config.load import load_dataset
from sparkgen.distribution.backends import horovod
from sparkgen.pipeline import ingest

CONF = Path(__file__).parents[1] / "conf"
EXPERIMENT = CONF / "experiments" / "dense_autoencoder_digits.yaml"
DATASET = CONF / "datasets" / "digits.yaml"
ODD = "a b%20c [v2]#ü?"


def test_without_a_command_the_help_is_printed(sparkgen) -> None:
    said = sparkgen()
    assert said.status == 0
    assert said.out.startswith("Usage: sparkgen")
    assert "  ingest " in said.out


def assert_refused(said, words: str) -> None:
    """A wrong request: status 2, one line with these words, and nothing on stdout."""
    assert said.status == 2, said.err
    assert said.out == ""
    line = said.err.splitlines()[-1]
    assert line.startswith("sparkgen: expected ")
    assert words in line
    assert "Traceback" not in said.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["train", EXPERIMENT, "--root", ""], "must not be empty"),
        (["run", EXPERIMENT, "--root", "foo://x"], "found foo://x"),
        (["run", EXPERIMENT, "--root", "/proc/runs"], "environment.root"),
        (["run", CONF / "datasets" / "digits.yaml"], "sparkgen ingest takes it"),
        (["ingest", EXPERIMENT], "sparkgen run takes it"),
        (["run", CONF / "experiments"], "found a folder"),
        (["run", f"{'x' * 300}/x.yaml"], "found File name too long: give the path of a YAML file"),
        (["train", EXPERIMENT, "--set", "sampling.label=3"], "which is not conditional"),
        (["train", EXPERIMENT, "--set", "sampling.options={steps: 3}"], "found steps"),
        (["run", EXPERIMENT, "--set", "training=3"], "found 3: give a mapping of its keys"),
        (["run", EXPERIMENT, "--set", "gates=3"], "found 3: give a list"),
        (["train", EXPERIMENT], "run sparkgen ingest conf/datasets/digits.yaml"),
        (
            ["evaluate", EXPERIMENT, "--set", "dataset.source.datset=digits"],
            "only known keys in dataset.source, found datset: did you mean dataset?",
        ),
        (["ingest", DATASET, "--set", "dataset.source.format=libsvn"], "did you mean libsvm?"),
    ],
)
def test_a_wrong_request_is_one_line_and_status_2(
    sparkgen, tmp_path: Path, arguments: list[str | Path], words: str
) -> None:
    root = [] if "--root" in arguments else ["--root", tmp_path]
    assert_refused(sparkgen(*arguments, *root), words)


@pytest.mark.parametrize("step", ["train", "run"])
def test_a_backend_that_is_not_installed_is_refused_before_anything_begins(
    sparkgen, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    monkeypatch.setattr(horovod, "missing", lambda: "no Horovod in this Python")
    asked = ("--root", tmp_path, "--set", "environment.backend=horovod")
    said = sparkgen(step, EXPERIMENT, *asked)
    assert_refused(said, "found no Horovod in this Python: install it, or set environment.backend=")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("experiment", "workers"),
    [(EXPERIMENT, 1), (EXPERIMENT.with_name("naive_bayes_digits.yaml"), 2)],
)
def test_a_backend_that_nothing_needs_may_be_missing_but_not_be_misspelt(
    sparkgen, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, experiment: Path, workers: int
) -> None:
    monkeypatch.setattr(horovod, "missing", lambda: "no Horovod in this Python")
    asked = (experiment, "--root", tmp_path, "--set", f"environment.workers={workers}")
    said = sparkgen("train", *asked, "--set", "environment.backend=horovod")
    assert_refused(said, "run sparkgen ingest conf/datasets/digits.yaml")  # what comes next
    said = sparkgen("train", *asked, "--set", "environment.backend=horovood")
    assert_refused(said, "did you mean horovod?")


@pytest.mark.parametrize("arguments", [["train", EXPERIMENT, "--colour"], ["train"]])
def test_an_option_that_does_not_exist_and_a_missing_argument_are_wrong_requests(
    sparkgen, arguments: list[str | Path]
) -> None:
    said = sparkgen(*arguments)
    assert (said.status, said.out) == (2, "")
    assert len(said.err.splitlines()) == 1
    assert said.err.endswith("(sparkgen --help)\n")


@pytest.mark.parametrize(
    ("change", "meant"),
    [
        # keys, on every level
        ("nam=x", "name?"),
        ("modle.name=x", "model?"),
        ("density.knd=full", "density.kind?"),
        ("evaluation.splt=test", "evaluation.split?"),
        ("sampling.cont=3", "sampling.count?"),
        ("environment.lancher=local", "environment.launcher?"),
        ("training.early_stopping.patienc=1", "training.early_stopping.patience?"),
        ("training.optimizer.schedule.warmup=1", "training.optimizer.schedule.warmup_steps?"),
        ("gates=[{metric: mse, mx: 1}]", "gates.0.max?"),
        ("dataset.source={format: libsvm, trian: x}", "train?"),
        ("dataset.source={format: images, pth: x}", "path?"),
        ("dataset.source={format: idx, train_image: x}", "train_images?"),
        ("dataset.source={format: builtin, datset: digits}", "dataset?"),
        ("dataset.source={formt: builtin}", "dataset.source.format?"),
        ("model.options.latnt=3", "latent?"),
        # words
        ("dataset.source={format: builtn}", "builtin? choose one of"),
        ("dataset.source={format: images, path: x, resize: nearst}", "nearest? choose one of"),
        ("training.optimizer.name=adan", "adam? choose one of"),
        ("training.optimizer.schedule.kind=cosin", "cosine? choose one of"),
        ("training.optimizer.options.beta1=0.5", "beta_1? choose one of"),
        ("environment.feed=arow", "arrow? choose one of"),
        ("training.method=gradients", "gradient? choose one of"),
        ("density.kind=mixtre", "mixture? choose one of"),
        ("evaluation.split=tset", "test? choose one of"),
        ("environment.launcher=lokal", "local? choose one of"),
        ("environment.backend=horovood", "horovod? choose one of"),
        ("model.name=reconstruction.dense_autoencodr", "reconstruction.dense_autoencoder? choose"),
        ("model.name=vae", "variational.vae? choose one of"),
        ("gates=[{metric: memorized, max: 1}]", "memorised? choose one of"),
    ],
)
def test_a_misspelt_key_or_word_is_answered_with_the_nearest_one_first(
    sparkgen, tmp_path: Path, change: str, meant: str
) -> None:
    said = sparkgen("run", EXPERIMENT, "--root", tmp_path, "--set", change)
    assert_refused(said, f"did you mean {meant}")


@pytest.mark.parametrize("step", ["train", "run"])
def test_a_feed_that_is_not_installed_is_refused_before_anything_begins(
    sparkgen, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    monkeypatch.setitem(sys.modules, "sparkgen.feed.petastorm", None)
    said = sparkgen(step, EXPERIMENT, "--root", tmp_path, "--set", "environment.feed=petastorm")
    assert_refused(said, "install it, or set environment.feed=auto")
    assert list(tmp_path.iterdir()) == []


def test_a_misspelt_option_of_generate_is_answered_with_the_nearest_one_first(
    sparkgen, tmp_path: Path
) -> None:
    ddpm = CONF / "experiments" / "ddpm_digits.yaml"
    said = sparkgen("train", ddpm, "--root", tmp_path, "--set", "sampling.options.step=3")
    assert_refused(said, "did you mean steps? choose one of steps")


@pytest.mark.parametrize(
    ("arguments", "meant"),
    [
        (
            ["trian", "conf/experiments/vae_digits.yaml"],
            "train? choose one of inspect, ingest, train",
        ),
        (["doctr"], "doctor? choose one of"),
        (["train", "conf/experiments/vae_digit.yaml"], "vae_digits.yaml? choose one of"),
        (["train", "conf/experiments/vae_digits"], "vae_digits.yaml? choose one of"),
        (["train", "conf/experimnts/vae_digits.yaml"], "conf/experiments/vae_digits.yaml?"),
        (["train", "vae_digits.yaml"], "conf/experiments/vae_digits.yaml?"),
        (["ingest", "digits"], "conf/datasets/digits.yaml?"),
        (["ingest", "conf/datasets/digts.yaml"], "digits.yaml? choose one of"),
        (["train", "conf/experiments/vae_digits.yaml", "--env", "lcal"], "local? choose one of"),
        (["doctor", "--env", "local.yaml"], "local? choose one of dev, local, prod"),
        (["doctor", "--conf", "cnf"], "conf/environments/local.yaml?"),
        (["doctor", "--set", "environmnt.root=x"], "environment?"),
    ],
)
def test_a_misspelt_command_or_file_is_answered_with_the_nearest_one_first(
    sparkgen, monkeypatch: pytest.MonkeyPatch, arguments: list[str], meant: str
) -> None:
    monkeypatch.chdir(CONF.parent)
    assert_refused(sparkgen(*arguments), f"did you mean {meant}")


@pytest.fixture(scope="module")
def ingested(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root that holds a version of the digits."""
    root = tmp_path_factory.mktemp("root")
    ingest.run(load_dataset(CONF / "datasets" / "digits.yaml", root=str(root)), spark)
    return root


def test_a_dataset_with_a_pickled_schema_is_a_wrong_request(
    sparkgen, ingested: Path, tmp_path: Path
) -> None:
    root = shutil.copytree(ingested, tmp_path / "root")
    version = next((root / "datasets" / "digits").glob("*/manifest.json")).parent
    (version / "_common_metadata").touch()
    said = sparkgen("train", EXPERIMENT, "--root", root)
    assert_refused(said, "_common_metadata")
    assert "pickled" in said.err


def test_a_tracking_server_that_does_not_answer_is_a_wrong_request(
    sparkgen, ingested: Path
) -> None:
    server = "environment.tracking_uri=http://127.0.0.1:9"
    said = sparkgen("train", EXPERIMENT, "--root", ingested, "--set", server)
    assert_refused(said, "environment.tracking_uri")


def test_a_missing_source_is_a_wrong_request(sparkgen, spark: SparkSession, tmp_path: Path) -> None:
    changes = ("--set", f"environment.data={tmp_path}", "--set", "dataset.download=null")
    said = sparkgen("ingest", CONF / "datasets" / "mnist.yaml", "--root", tmp_path, *changes)
    assert_refused(said, f"{tmp_path}/mnist-digits-train.*")


def libsvm_dataset(folder: Path, text: str) -> Path:
    (folder / "rows.txt").write_text(text)
    config = {
        "name": "rows",
        "source": {"format": "libsvm", "train": str(folder / "rows.txt")},
        "shape": [2, 2, 1],
        "class_names": ["0", "1"],
        "validation_fraction": 0.0,
    }
    shutil.copytree(CONF / "environments", folder / "conf" / "environments")
    path = folder / "conf" / "datasets" / "rows.yaml"
    path.parent.mkdir()
    path.write_text(yaml.safe_dump(config))
    return path


def test_a_width_too_small_for_the_source_is_a_wrong_request(
    sparkgen, spark: SparkSession, tmp_path: Path
) -> None:
    path = libsvm_dataset(tmp_path, "0 1:1 784:3\n" * 20)
    said = sparkgen("ingest", path, "--root", tmp_path / "runs")
    assert_refused(said, "a shape of 784 values or more")


def test_too_many_bad_records_fail_with_status_1_and_leave_no_version(
    sparkgen, spark: SparkSession, tmp_path: Path
) -> None:
    path = libsvm_dataset(tmp_path, "0 1:1\n" * 10 + "0 1:nonsense\n" * 10)
    said = sparkgen("ingest", path, "--root", tmp_path / "runs")
    assert said.status == 1
    assert "Traceback" not in said.err
    assert not list((tmp_path / "runs").rglob("manifest.json"))


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


def test_a_disk_that_is_full_in_mid_work_is_one_line_without_a_traceback_file(
    sparkgen, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    full = OSError(errno.ENOSPC, "No space left on device", "/runs/part")
    monkeypatch.setattr("sparkgen.pipeline.promote.run", failing(full))
    with monkeypatch.context() as nowhere:
        nowhere.setattr("tempfile.tempdir", "/proc")  # where no file can be made
        said = sparkgen("promote", EXPERIMENT, "--root", tmp_path)
    assert (said.status, said.out) == (1, "")
    line = said.err.splitlines()[-1]
    assert line.startswith("sparkgen: no space is left on the disk: [Errno 28] ")
    assert line.endswith("; SPARKGEN_TRACEBACK=1 shows the traceback")
    assert "Traceback" not in said.err


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
