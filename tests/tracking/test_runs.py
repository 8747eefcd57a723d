import json
import subprocess
import sys
from pathlib import Path

import mlflow
import pytest

from sparkgen.config.request import ExperimentConfig
from sparkgen.datasets.manifest import Manifest
from sparkgen.errors import Interrupted, RequestError
from sparkgen.tracking.runs import attach, flatten, git_tags, open_run
from sparkgen.tracking.server import connect, tracking_uri


def logged(experiment: ExperimentConfig, run_id: str) -> mlflow.entities.Run:
    return connect(experiment.environment).get_run(run_id)


def test_a_run_holds_the_whole_configuration(
    experiment: ExperimentConfig, manifest: Manifest
) -> None:
    with open_run(experiment, manifest) as run:
        pass
    found = logged(experiment, run.run_id)
    assert found.info.status == "FINISHED"
    assert found.data.params["model.options.latent"] == "4"
    assert found.data.params == {
        key: text[:500] for key, text in flatten(experiment.model_dump(mode="json")).items()
    }
    config = mlflow.artifacts.load_text(f"runs:/{run.run_id}/config.json")
    assert ExperimentConfig.model_validate_json(config) == experiment


def test_a_run_names_its_dataset_version_and_its_packages(
    experiment: ExperimentConfig, manifest: Manifest
) -> None:
    with open_run(experiment, manifest) as run:
        pass
    (entry,) = logged(experiment, run.run_id).inputs.dataset_inputs
    assert (entry.dataset.name, entry.dataset.digest) == ("digits", manifest.version)
    assert json.loads(entry.dataset.source)["uri"].endswith(f"digits/{manifest.version}")
    packages = mlflow.artifacts.load_dict(f"runs:/{run.run_id}/packages.json")
    assert packages["packages"]["mlflow"] == mlflow.__version__


def test_an_attached_logger_writes_to_the_run_of_the_driver(
    experiment: ExperimentConfig, manifest: Manifest, tmp_path: Path
) -> None:
    (tmp_path / "note.txt").write_text("seen")
    with open_run(experiment, manifest) as run:
        logger = attach(tracking_uri(experiment.environment), run.run_id)
        for epoch, loss in enumerate((0.5, 0.25)):
            logger.metrics({"loss": loss}, step=epoch)
        logger.artifact(tmp_path / "note.txt", "notes")
    history = connect(experiment.environment).get_metric_history(run.run_id, "loss")
    assert [(m.step, m.value) for m in history] == [(0, 0.5), (1, 0.25)]
    assert mlflow.artifacts.load_text(f"runs:/{run.run_id}/notes/note.txt") == "seen"


def test_a_run_is_closed_with_what_became_of_it_and_can_be_taken_up_again(
    experiment: ExperimentConfig, manifest: Manifest
) -> None:
    with pytest.raises(ZeroDivisionError), open_run(experiment, manifest) as run:
        raise ZeroDivisionError
    assert logged(experiment, run.run_id).info.status == "FAILED"
    with (
        pytest.raises(Interrupted),
        open_run(experiment, manifest, run_id=run.run_id) as again,
    ):
        assert logged(experiment, run.run_id).info.status == "RUNNING"
        raise Interrupted
    assert again.run_id == run.run_id
    assert logged(experiment, run.run_id).info.status == "KILLED"


@pytest.mark.parametrize("uri", ["http://127.0.0.1:9", "postgresql://someone:secret@127.0.0.1:9/x"])
def test_a_server_that_does_not_answer_is_a_wrong_request(
    experiment: ExperimentConfig, manifest: Manifest, uri: str
) -> None:
    environment = experiment.environment.model_copy(update={"tracking_uri": uri})
    unreachable = experiment.model_copy(update={"environment": environment})
    with (
        pytest.raises(RequestError, match=r"127\.0\.0\.1:9.*tracking_uri") as error,
        open_run(unreachable, manifest),
    ):
        pass
    assert "secret" not in str(error.value)


def test_an_unknown_run_is_a_wrong_request(
    experiment: ExperimentConfig, manifest: Manifest
) -> None:
    with (
        pytest.raises(RequestError, match="no_such_run"),
        open_run(experiment, manifest, run_id="no_such_run"),
    ):
        pass


def test_a_file_outside_a_repository_has_no_commit(tmp_path: Path) -> None:
    (tmp_path / "file.py").write_text("")
    assert git_tags(tmp_path / "file.py") == {}


def test_importing_tracking_loads_neither_mlflow_nor_matplotlib() -> None:
    program = (
        "import sys; from sparkgen.tracking import charts, figures, registry, runs;"
        "print([m for m in ('mlflow', 'matplotlib', 'PIL') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr
