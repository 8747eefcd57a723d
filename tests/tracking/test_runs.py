import getpass
import json
import socket
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import mlflow
import pytest

from sparkgen.config.environment import EnvironmentConfig
from sparkgen.config.request import ExperimentConfig
from sparkgen.errors import Interrupted, RequestError
from sparkgen.tracking.database import damage, database_file, make_database
from sparkgen.tracking.provenance import git_tags
from sparkgen.tracking.runs import Subject, attach, flatten, open_run
from sparkgen.tracking.server import connect, tracking_uri


def logged(experiment: ExperimentConfig, run_id: str) -> mlflow.entities.Run:
    return connect(experiment.environment).get_run(run_id)


def test_a_run_holds_the_whole_configuration(
    experiment: ExperimentConfig, subject: Subject
) -> None:
    with open_run(experiment.environment, subject) as run:
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
    experiment: ExperimentConfig, subject: Subject
) -> None:
    with open_run(experiment.environment, subject) as run:
        pass
    (entry,) = logged(experiment, run.run_id).inputs.dataset_inputs
    assert (entry.dataset.name, entry.dataset.digest) == ("digits", subject.manifest.version)
    assert json.loads(entry.dataset.source) == {"uri": subject.version_uri}
    packages = mlflow.artifacts.load_dict(f"runs:/{run.run_id}/packages.json")
    assert packages["packages"]["mlflow"] == mlflow.__version__


def test_an_attached_logger_writes_to_the_run_of_the_driver(
    experiment: ExperimentConfig, subject: Subject, tmp_path: Path
) -> None:
    (tmp_path / "note.txt").write_text("seen")
    with open_run(experiment.environment, subject) as run:
        logger = attach(tracking_uri(experiment.environment), run.run_id)
        for epoch, loss in enumerate((0.5, 0.25)):
            logger.metrics({"loss": loss}, step=epoch)
        logger.artifact(tmp_path / "note.txt", "notes")
    history = connect(experiment.environment).get_metric_history(run.run_id, "loss")
    assert [(m.step, m.value) for m in history] == [(0, 0.5), (1, 0.25)]
    assert mlflow.artifacts.load_text(f"runs:/{run.run_id}/notes/note.txt") == "seen"


def test_a_step_that_is_logged_again_stays_one_point_and_what_is_missing_is_added(
    experiment: ExperimentConfig, subject: Subject
) -> None:
    with open_run(experiment.environment, subject) as run:
        run.metrics({"loss": 0.5}, step=1)
        run.metrics({"loss": 0.25}, step=2)
        again = attach(tracking_uri(experiment.environment), run.run_id)
        again.metrics({"loss": 0.7, "speed": 3.0}, step=1)
        again.metrics({"loss": 0.125}, step=3)
    client = connect(experiment.environment)
    points = {n: client.get_metric_history(run.run_id, n) for n in ("loss", "speed")}
    assert [(m.step, m.value) for m in points["loss"]] == [(1, 0.5), (2, 0.25), (3, 0.125)]
    assert [(m.step, m.value) for m in points["speed"]] == [(1, 3.0)]


def test_figures_that_are_measured_again_are_renewed_only_where_they_changed(
    experiment: ExperimentConfig, subject: Subject
) -> None:
    with open_run(experiment.environment, subject) as run:
        for mse in (0.5, 0.5, 0.25):
            run.metrics({"test_mse": mse, "test_odd": float("nan")}, renew=True)
    client = connect(experiment.environment)
    assert [m.value for m in client.get_metric_history(run.run_id, "test_mse")] == [0.5, 0.25]
    assert len(client.get_metric_history(run.run_id, "test_odd")) == 1


def test_a_run_is_closed_with_what_became_of_it_and_can_be_taken_up_again(
    experiment: ExperimentConfig, subject: Subject
) -> None:
    with pytest.raises(ZeroDivisionError), open_run(experiment.environment, subject) as run:
        raise ZeroDivisionError
    assert logged(experiment, run.run_id).info.status == "FAILED"
    with (
        pytest.raises(Interrupted),
        open_run(experiment.environment, subject, run_id=run.run_id) as again,
    ):
        assert logged(experiment, run.run_id).info.status == "RUNNING"
        raise Interrupted
    assert again.run_id == run.run_id
    assert logged(experiment, run.run_id).info.status == "KILLED"


OPEN_A_RUN = """
import sys
from sparkgen.config.environment import EnvironmentConfig
from sparkgen.datasets.manifest import Manifest
from sparkgen.tracking.runs import Subject, open_run
subject = Subject("tiny", "none", {}, Manifest.model_validate_json(sys.argv[2]), "digits")
with open_run(EnvironmentConfig.model_validate_json(sys.argv[1]), subject) as run:
    print(run.run_id)
"""


def test_three_first_runs_at_once_share_one_new_database(
    first: ExperimentConfig, subject: Subject, tmp_path: Path
) -> None:
    command = [sys.executable, "-c", OPEN_A_RUN]
    command += [first.environment.model_dump_json(), subject.manifest.model_dump_json()]
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    processes = [subprocess.Popen(command, **streams) for _ in range(3)]
    said = [process.communicate(timeout=120) for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0], said
    client = connect(first.environment)
    runs = {client.get_run(output.strip()) for output, _ in said}
    assert {run.info.status for run in runs} == {"FINISHED"}
    assert len({run.info.run_id for run in runs}) == 3
    assert len({run.info.experiment_id for run in runs}) == 1
    assert not list((tmp_path / "runs").glob("*.tmp"))


def test_a_database_that_another_process_writes_to_is_not_damaged(tmp_path: Path) -> None:
    file = tmp_path / "runs.db"
    with closing(sqlite3.connect(file)) as writer:
        writer.execute("CREATE TABLE runs (id INTEGER)")
        writer.execute("BEGIN EXCLUSIVE")
        assert damage(file) is None


def test_a_database_of_an_unknown_form_is_a_wrong_request(tmp_path: Path) -> None:
    environment = EnvironmentConfig(root=str(tmp_path))
    file = database_file(tracking_uri(environment))
    assert file is not None
    make_database(file)
    with closing(sqlite3.connect(file)) as database:
        database.execute("UPDATE alembic_version SET version_num = 'f00dfeed0000'")
        database.execute("DROP TABLE registered_model_aliases")  # so that MLflow looks closer
        database.commit()
    with pytest.raises(RequestError, match="f00dfeed0000"):
        connect(environment)


@pytest.mark.parametrize(
    ("statements", "found"),
    [
        (["CREATE TABLE _alembic_tmp_experiments (id INTEGER)"], "only half made"),
        ([], "not a database"),
    ],
)
def test_a_damaged_database_is_a_wrong_request_that_says_how_to_mend_it(
    first: ExperimentConfig, statements: list[str], found: str
) -> None:
    file = Path(tracking_uri(first.environment).removeprefix("sqlite:///"))
    file.parent.mkdir()
    if statements:
        with sqlite3.connect(file) as database:
            for statement in statements:
                database.execute(statement)
    else:
        file.write_bytes(b"no database at all" * 100)
    with pytest.raises(RequestError, match=f"{found}.*mv {file} {file}.damaged"):
        connect(first.environment)


@pytest.mark.parametrize("uri", ["http://127.0.0.1:9", "postgresql://someone:secret@127.0.0.1:9/x"])
def test_a_server_that_does_not_answer_is_a_wrong_request(
    experiment: ExperimentConfig, subject: Subject, uri: str
) -> None:
    environment = experiment.environment.model_copy(update={"tracking_uri": uri})
    with (
        pytest.raises(RequestError, match=r"127\.0\.0\.1:9.*tracking_uri") as error,
        open_run(environment, subject),
    ):
        pass
    assert "secret" not in str(error.value)


def test_a_run_says_who_started_it_with_what_and_of_which_data(
    experiment: ExperimentConfig, subject: Subject
) -> None:
    with open_run(experiment.environment, subject) as run:
        pass
    found = logged(experiment, run.run_id)
    assert found.data.tags["mlflow.user"] == getpass.getuser()
    assert found.data.tags["mlflow.source.type"] == "LOCAL"
    assert Path(found.data.tags["mlflow.source.name"]).name == Path(sys.argv[0]).name
    assert "data set `digits`" in found.data.tags["mlflow.note.content"]
    (entry,) = found.inputs.dataset_inputs
    (kind,) = json.loads(entry.dataset.schema)
    columns = json.loads(entry.dataset.schema)[kind]
    assert [(c["name"], c["type"]) for c in columns] == [
        ("id", "long"),
        ("label", "integer"),
        ("image", "binary"),
    ]
    profile = json.loads(entry.dataset.profile)
    assert profile["rows"] == {"test": 5}
    assert profile["rows_by_class"] == {"test": {"3": 5}}


@pytest.mark.parametrize("uri", ["http://127.0.0.1:9", "foo://x"])
def test_a_registry_that_does_not_answer_is_a_wrong_request_before_anything_is_trained(
    experiment: ExperimentConfig, subject: Subject, uri: str
) -> None:
    environment = experiment.environment.model_copy(update={"registry_uri": uri})
    with (
        pytest.raises(RequestError, match=f"a registry of models that answers at {uri}, found "),
        open_run(environment, subject),
    ):
        pass


@pytest.mark.parametrize("scheme", ["foo", "mssql"])
def test_a_server_that_there_is_no_client_for_is_a_wrong_request(
    experiment: ExperimentConfig, scheme: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        uri = f"{scheme}://127.0.0.1:{server.getsockname()[1]}/x"
        environment = experiment.environment.model_copy(update={"tracking_uri": uri})
        with pytest.raises(RequestError, match=f"answers at {uri}, found .*tracking_uri"):
            connect(environment)


@pytest.mark.parametrize(
    ("uri", "line"),
    [
        ("foo://bucket/artifacts", r"environment\.artifacts, found foo://bucket/artifacts: "),
        ("gs://bucket/artifacts", r"to gs://bucket/artifacts, .*: pip install 'sparkgen\[gcs\]'"),
    ],
)
def test_artifacts_that_mlflow_cannot_write_are_a_wrong_request_and_no_experiment_is_made(
    experiment: ExperimentConfig, subject: Subject, uri: str, line: str
) -> None:
    environment = experiment.environment.model_copy(update={"artifacts": uri})
    with (
        pytest.raises(RequestError, match=line),
        open_run(environment, subject),
    ):
        pass
    assert connect(environment).get_experiment_by_name(environment.experiment) is None


def test_an_unknown_run_is_a_wrong_request(experiment: ExperimentConfig, subject: Subject) -> None:
    with (
        pytest.raises(RequestError, match="no_such_run"),
        open_run(experiment.environment, subject, run_id="no_such_run"),
    ):
        pass


def test_a_file_outside_a_repository_has_no_commit(tmp_path: Path) -> None:
    (tmp_path / "file.py").write_text("")
    assert git_tags(tmp_path / "file.py") == {}


def test_importing_tracking_and_drawing_loads_neither_mlflow_nor_matplotlib() -> None:
    program = (
        "import sys; from sparkgen.tracking import registry, runs;"
        "from sparkgen.drawing import charts, grids;"
        "print([m for m in ('mlflow', 'matplotlib', 'PIL') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr
