"""What rank 0 tells the run, with a tracking server that fails for a while."""

import logging
import shutil
import sqlite3
import threading
import time
from types import SimpleNamespace

import pytest
from tiny_version import request, write_version

from sparkgen.config.environment import EnvironmentConfig
from sparkgen.config.request import ExperimentConfig
from sparkgen.datasets.manifest import read_manifest
from sparkgen.datasets.records import DataSpec, ImageRecord
from sparkgen.models.discovery import build_model
from sparkgen.tracking.run_logger import RunLogger
from sparkgen.tracking.server import connect, tracking_uri
from sparkgen.training.run_log import machine_log, patient_log, upload_report


def test_figures_wait_for_a_tracking_server_that_fails_for_a_while(tmp_path, caplog, database):
    shutil.copy(database, tmp_path)
    caplog.set_level(logging.INFO, "sparkgen")
    environment = EnvironmentConfig(root=str(tmp_path))
    client = connect(environment)
    run_id = client.create_run(client.create_experiment("tiny")).info.run_id
    log = patient_log(lambda: RunLogger(client, run_id))
    log({"loss": 4.0}, 1)
    file = tracking_uri(environment).removeprefix("sqlite:///")
    with sqlite3.connect(file) as database:
        database.execute("ALTER TABLE metrics RENAME TO hidden")
    log({"loss": 3.0}, 2)
    log({"loss": 2.0}, 3)
    with sqlite3.connect(file) as database:
        database.execute("ALTER TABLE hidden RENAME TO metrics")
    log({"loss": 1.0}, 4)
    history = client.get_metric_history(run_id, "loss")
    assert [(m.step, m.value) for m in history] == [(1, 4.0), (2, 3.0), (3, 2.0), (4, 1.0)]
    said = [m for m in caplog.messages if "figures of epoch" in m]
    assert len(said) == 2
    assert said[0].startswith("no figures of epoch 2 in the run as yet")
    assert said[1] == "the figures of epochs 2 to 4 are in the run now"


def test_a_training_that_goes_on_logs_the_epochs_that_the_server_did_not_take(tmp_path, database):
    shutil.copy(database, tmp_path)
    client = connect(EnvironmentConfig(root=str(tmp_path)))
    run_id = client.create_run(client.create_experiment("tiny")).info.run_id
    patient_log(lambda: RunLogger(client, run_id))({"loss": 4.0}, 1)
    before = [{"loss": 9.0}, {"loss": 3.0}]  # the first is in the run, with another value
    patient_log(lambda: RunLogger(client, run_id), before)({"loss": 2.0}, 3)
    history = client.get_metric_history(run_id, "loss")
    assert [(m.step, m.value) for m in history] == [(1, 4.0), (2, 3.0), (3, 2.0)]


def test_what_the_run_has_is_asked_again_where_the_server_failed(tmp_path, database):
    shutil.copy(database, tmp_path)
    client = connect(EnvironmentConfig(root=str(tmp_path)))
    run_id = client.create_run(client.create_experiment("tiny")).info.run_id
    patient_log(lambda: RunLogger(client, run_id))({"loss": 4.0}, 1)
    asked = []

    class Away(RunLogger):
        def last_step(self, names):
            asked.append(names)
            if len(asked) == 1:
                raise OSError("away")
            return super().last_step(names)

    before = [{"loss": 9.0}]
    log = patient_log(lambda: Away(client, run_id), before)
    before.append({"loss": 3.0})  # as the history of a training grows
    log({"loss": 3.0}, 2)
    log({"loss": 2.0}, 3)
    assert len(asked) == 2
    history = client.get_metric_history(run_id, "loss")
    assert [(m.step, m.value) for m in history] == [(1, 4.0), (2, 3.0), (3, 2.0)]


@pytest.mark.parametrize("asked", [True, False])
def test_the_load_of_the_machine_is_in_the_run_if_the_environment_asks_for_it(
    tmp_path, database, monkeypatch, asked
):
    shutil.copy(database, tmp_path)
    environment = EnvironmentConfig(root=str(tmp_path), system_metrics=asked)
    client = connect(environment)
    run_id = client.create_run(client.create_experiment("tiny")).info.run_id
    monkeypatch.setenv("MLFLOW_SYSTEM_METRICS_SAMPLING_INTERVAL", "0.05")
    setting = SimpleNamespace(
        request=SimpleNamespace(
            run_id=run_id,
            tracking_uri=tracking_uri(environment),
            experiment=SimpleNamespace(environment=environment),
        ),
        learner=SimpleNamespace(ring=SimpleNamespace(rank=0)),
        manifest=None,
    )
    monitors = [thread for thread in threading.enumerate() if "SystemMetrics" in thread.name]
    with machine_log(setting):
        for _ in range(400 if asked else 10):
            found = client.get_run(run_id).data.metrics
            if found:
                break
            time.sleep(0.05)
    assert ("system/cpu_utilization_percentage" in found) == asked
    assert monitors == [t for t in threading.enumerate() if "SystemMetrics" in t.name]


def test_a_report_that_the_server_does_not_take_is_a_warning(tmp_path, caplog):
    version = write_version(tmp_path / "data")
    client = connect(EnvironmentConfig(root=str(tmp_path)))
    run_id = client.create_run(client.create_experiment("tiny", "/proc/artifacts")).info.run_id
    model = build_model(
        "reconstruction.dense_autoencoder", {"latent": 2}, DataSpec(ImageRecord((4, 4, 1)), 3)
    )
    upload_report(
        RunLogger(client, run_id),
        model,
        [{"loss": 1.0}],
        experiment=ExperimentConfig.model_validate(request(version, tmp_path)["experiment"]),
        manifest=read_manifest(version),
        version_uri=version,
    )
    (warning,) = caplog.messages
    assert warning.startswith("no report: ")
    assert "/proc/artifacts" in warning
