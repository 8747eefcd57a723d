"""Servers that let nobody in or stay away, and what they are told of credentials."""

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import requests
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from sparkgen.config.request import ExperimentConfig
from sparkgen.errors import RequestError, TrackingLost
from sparkgen.tracking.runs import Subject, open_run
from sparkgen.tracking.server import check_artifacts, connect, failed, impatience


@contextmanager
def answering(status: int) -> Iterator[str]:
    """The address of a server that answers everything with one status, as `bob` it knows by password."""

    class Answer(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(b"You are not authenticated.")

        do_GET = do_POST  # noqa: N815

        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://bob:hunter2@127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.parametrize("status", [401, 403])
def test_a_server_that_lets_nobody_in_says_which_variables_are_missing(
    experiment: ExperimentConfig, status: int
) -> None:
    with answering(status) as uri:
        environment = experiment.environment.model_copy(update={"tracking_uri": uri})
        words = "MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD"
        with pytest.raises(RequestError, match=words) as error:
            connect(environment)
    assert "http://***@127.0.0.1" in str(error.value)
    assert not {"bob", "hunter2"} & set(re.split(r"\W", str(error.value)))


def test_a_server_that_stays_away_ends_a_training_in_one_line_that_says_how_to_go_on(
    experiment: ExperimentConfig, subject: Subject, caplog: pytest.LogCaptureFixture
) -> None:
    gone = MlflowClient("http://127.0.0.1:9")
    with (
        impatience(),
        pytest.raises(TrackingLost, match=r"does not answer any more .*with --resume goes on"),
        open_run(experiment.environment, subject) as run,
    ):
        run._replace(client=gone).tags({"seen": "yes"})
    assert caplog.messages == []
    assert connect(experiment.environment).get_run(run.run_id).info.status == "FAILED"


@pytest.mark.parametrize("status", [502, 503])
def test_a_server_that_only_says_it_is_away_is_not_reached(status: int) -> None:
    with answering(status) as uri, impatience(), pytest.raises(MlflowException) as error:
        MlflowClient(uri).get_run("a")
    assert failed(error.value)


def test_a_refusal_or_a_fault_of_ones_own_is_no_server_that_stays_away() -> None:
    with answering(400) as uri, impatience(), pytest.raises(MlflowException) as error:
        MlflowClient(uri).get_run("a")
    assert not failed(error.value)
    assert not failed(MlflowException("no such flavour"))  # an internal error, in MLflow's words
    assert not failed(requests.exceptions.MissingSchema("of a user's own request"))
    for status, away in ((404, False), (413, False), (503, True)):
        response = requests.Response()
        response.status_code = status
        assert failed(requests.HTTPError("files", response=response)) == away


@pytest.mark.parametrize(
    "uri",
    [
        "http://bob:hunter2@[host/x",
        "http://bob:hunter2@host:port",
        "http://bob:hunter2@:5000",
        "postgresql://bob:hunter2/x@127.0.0.1:9/db",
        "postgresql://bob:hunter2@127.0.0.1:port/db",
    ],
)
def test_a_uri_that_is_none_is_a_wrong_request(experiment: ExperimentConfig, uri: str) -> None:
    environment = experiment.environment.model_copy(update={"tracking_uri": uri})
    with pytest.raises(RequestError, match=r"environment\.tracking_uri") as error:
        connect(environment)
    assert not {"bob", "hunter2"} & set(re.split(r"\W", str(error.value)))


def test_no_credentials_of_a_request_reach_the_tracking_server(
    experiment: ExperimentConfig, subject: Subject, tmp_path: Path
) -> None:
    secret = "s3://bob:hunter2@bucket/x"
    config = {**subject.config, "download": {"files": [{"url": secret}]}, "key": [secret]}
    config["environment"] = {"spark": {"spark.hadoop.fs.s3a.secret.key": "hunter2"}}
    with open_run(
        experiment.environment, subject._replace(config=config, version_uri=secret)
    ) as run:
        run.tags({"part": secret})
        run.json({"found": secret}, "found.json")
    kept = [file for file in (tmp_path / "runs").rglob("*") if file.is_file()]
    assert any("config.json" in file.name for file in kept)
    assert not [file for file in kept if b"hunter2" in file.read_bytes()]
    params = connect(experiment.environment).get_run(run.run_id).data.params
    assert params["key"] == '["s3://***@bucket/x"]'


def test_artifacts_at_a_uri_with_credentials_are_a_wrong_request(
    experiment: ExperimentConfig,
) -> None:
    environment = experiment.environment.model_copy(update={"artifacts": "ftp://bob:pw@host/a"})
    with pytest.raises(RequestError, match=r"without user, .*found ftp://\*\*\*@host/a"):
        check_artifacts(environment)
